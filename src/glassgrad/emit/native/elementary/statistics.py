"""Functions of probabilities and statistics: ``expit``, ``softplus``."""

from __future__ import annotations

from glassgrad.emit.native.elementary.common import absolute, fast_two_sum, fma
from glassgrad.emit.native.elementary.exponential import exp_of_negative
from glassgrad.emit.native.elementary.logarithm import log_up_to_two
from glassgrad.emit.native.elements import Block, Element

__all__ = ["expit", "softplus"]


def expit(b: Block, x: Element) -> Element:
    """The logistic function 1 / (1 + exp(-x)).

    With the exponential e of -|x|, which does not overflow: e / (1 + e) where x is negative. What
    1 + e and the quotient lose in rounding is corrected, without another division.
    """
    e = exp_of_negative(b, -absolute(b, x))
    below, lost = fast_two_sum(b.number(1.0), e)
    inverse = 1.0 / below
    above = b.select(b.compare("olt", x, 0.0), e, 1.0)
    quotient = above * inverse
    rest = fma(b, -quotient, lost, fma(b, -quotient, below, above))
    return fma(b, rest, inverse, quotient)


def softplus(b: Block, x: Element) -> Element:
    """The function log(1 + exp(x)), as max(x, 0) + log1p(exp(-|x|))."""
    e = exp_of_negative(b, -absolute(b, x))
    total, error = fast_two_sum(b.number(1.0), e)
    return b.select(b.compare("olt", x, 0.0), 0.0, x) + log_up_to_two(b, total, error)
