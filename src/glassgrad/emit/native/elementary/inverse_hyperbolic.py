"""Inverse hyperbolic functions: ``asinh``, ``acosh``, ``atanh``.

Logarithms of 1 + u (Kahan, "Branch cuts for complex elementary functions", 1987), where u is in
two parts: what is lost by rounding it would be the larger part of the error.
"""

from __future__ import annotations

from glassgrad.emit.native.elementary.common import (
    INFINITY,
    NAN,
    absolute,
    copysign,
    fast_two_sum,
    fma,
    in_double,
    two_sum,
)
from glassgrad.emit.native.elementary.logarithm import log1p_of_sum
from glassgrad.emit.native.elements import Block, Element

__all__ = ["acosh", "asinh", "atanh"]

_LARGE = 2.0**28  # from here on both are log(2 |x|), to the last place


def _log1p(b: Block, u: Element, rest: Element, large: Element, x: Element) -> Element:
    """The logarithm of 1 + u, or that of 2 x where x is large."""
    total, error = two_sum(b.number(1.0), u)
    total, error = b.select(large, x, total), b.select(large, 0.0, error + rest)
    return log1p_of_sum(b, total, error, b.select(large, 1.0, 0.0))


def asinh(b: Block, x: Element) -> Element:
    """The area hyperbolic sine: log(1 + a + a**2 / (1 + sqrt(1 + a**2))), a = |x|."""
    if b.real == "f32":
        return in_double(b, "asinh", x)
    size = absolute(b, x)
    large = b.compare("ogt", size, _LARGE)
    a = b.select(large, 1.0, size)
    root = b.intrinsic("sqrt", fma(b, a, a, 1.0))
    u, rest = fast_two_sum(a, (a * a) / (1.0 + root))
    result = copysign(b, _log1p(b, u, rest, large, size), x)
    return b.select(b.compare("olt", size, INFINITY), result, x)


def acosh(b: Block, x: Element) -> Element:
    """The area hyperbolic cosine: log(1 + t + sqrt(t**2 + 2 t)), t = x - 1; the root corrected."""
    if b.real == "f32":
        return in_double(b, "acosh", x)
    large = b.compare("ogt", x, _LARGE)
    held = b.select(large, 1.0, x)
    t = held - 1.0
    twice = t + t
    square = fma(b, t, t, twice)
    root = b.intrinsic("sqrt", square)
    lost = fma(b, -root, root, square) + fma(b, t, t, twice - square)
    u, rest = two_sum(t, root)
    rest = rest + lost / b.select(b.compare("ogt", root, 0.0), root + root, 1.0)
    result = _log1p(b, u, rest, large, x)
    inside = b.logic("and", b.compare("oge", x, 1.0), b.compare("olt", x, INFINITY))
    return b.select(inside, result, b.select(b.compare("ogt", x, 1.0), x, NAN))


def atanh(b: Block, x: Element) -> Element:
    """The area hyperbolic tangent: half of log(1 + 2 a / (1 - a)), a = |x|."""
    if b.real == "f32":
        return in_double(b, "atanh", x)
    size = absolute(b, x)
    below, lost = fast_two_sum(b.number(1.0), -size)
    above, inverse = size + size, 1.0 / below
    u = above * inverse
    rest = fma(b, -u, lost, fma(b, -u, below, above)) * inverse
    total, error = two_sum(b.number(1.0), u)
    result = log1p_of_sum(b, total, error + rest) * 0.5
    other = b.select(b.compare("oeq", size, 1.0), INFINITY, NAN)
    return copysign(b, b.select(b.compare("olt", size, 1.0), result, other), x)
