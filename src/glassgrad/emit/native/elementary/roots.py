"""Roots: ``cbrt``, ``hypot``."""

from __future__ import annotations

from glassgrad.emit.native.elementary.common import (
    INFINITY,
    NAN,
    absolute,
    copysign,
    fma,
    format_of,
    in_double,
    polynomial,
)
from glassgrad.emit.native.elementary.exponential import power_of_two
from glassgrad.emit.native.elementary.logarithm import decomposed
from glassgrad.emit.native.elements import Block, Element

__all__ = ["cbrt", "hypot"]

# Minimax (Remez) polynomial of m**(-1/3) for m between sqrt(1/2) and sqrt(2): relative error
# below 0.00026.
_INVERSE_CBRT = (1.7307111158054551, -1.2856919642149098, 0.7132604048532546, -0.1585027874015676)


def cbrt(b: Block, x: Element) -> Element:
    """The cube root.

    x = 2**(3 q) m with m between 0.35 and 2.83; the inverse root y of m comes from a polynomial
    and one step of third order, m y**2 is the root, and a step of Newton's rounds it. No division.
    """
    form = format_of(b)
    size = absolute(b, x)
    k, _, m = decomposed(b, size)
    shifted = fma(b, k, 1 / 3, form.shifter)
    third = shifted - form.shifter
    rest = fma(b, third, -3.0, k)
    y = polynomial(b, m, _INVERSE_CBRT)
    up, down = b.compare("ogt", rest, 0.5), b.compare("olt", rest, -0.5)
    y = y * b.select(up, 2.0 ** (-1 / 3), b.select(down, 2.0 ** (1 / 3), 1.0))
    m = m * b.select(up, 2.0, b.select(down, 0.5, 1.0))
    off = fma(b, -(y * y), m * y, 1.0)  # 1 - m y**3
    y = fma(b, y * off, fma(b, off, 2 / 9, 1 / 3), y)
    square = y * y
    root = m * square
    root = fma(b, fma(b, -(root * root), root, m), square * (1 / 3), root)
    result = root * power_of_two(b, b.bits(shifted, form.integer))
    usual = b.logic("and", b.compare("ogt", size, 0.0), b.compare("olt", size, INFINITY))
    return b.select(usual, copysign(b, result, x), x)


def hypot(b: Block, x: Element, y: Element) -> Element:
    """The length of a vector, scaled so that its square neither overflows nor underflows."""
    if b.real == "f32":
        return in_double(b, "hypot", x, y)
    x, y = absolute(b, x), absolute(b, y)
    swap = b.compare("ogt", y, x)
    large, small = b.select(swap, y, x), b.select(swap, x, y)
    high, low = b.compare("ogt", large, 2.0**510), b.compare("olt", large, 2.0**-450)
    down = b.select(high, 2.0**-600, b.select(low, 2.0**600, 1.0))
    up = b.select(high, 2.0**600, b.select(low, 2.0**-600, 1.0))
    large, small = large * down, small * down
    length = b.intrinsic("sqrt", fma(b, large, large, small * small)) * up
    length = b.select(b.compare("uno", x, y), NAN, length)
    infinite = b.logic("or", b.compare("oeq", x, INFINITY), b.compare("oeq", y, INFINITY))
    return b.select(infinite, INFINITY, length)
