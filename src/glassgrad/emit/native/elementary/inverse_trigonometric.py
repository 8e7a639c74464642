"""Inverse circular functions: ``asin``, ``acos``, ``atan``, ``atan2``."""

from __future__ import annotations

from glassgrad.emit.native.elementary.common import (
    INFINITY,
    NAN,
    PI,
    absolute,
    copysign,
    fma,
    format_of,
    in_double,
    parts,
    polynomial,
)
from glassgrad.emit.native.elements import Block, Element, Kind

__all__ = ["acos", "asin", "atan", "atan2"]

# Minimax (Remez) polynomials in z = t**2.
# atan(t) = t + t z P(z), |t| <= 1/2: relative errors below 2**-57.7 and 2**-31.7.
_ATAN: dict[Kind, tuple[float, ...]] = {
    "f64": (
        -0.3333333333333298, 0.199999999999031, -0.14285714276385372, 0.11111110659628484,
        -0.09090896244827264, 0.07692073917414914, -0.06663810693306556, 0.05858299570222483,
        -0.05122009167776862, 0.04186514801288351, -0.027435130476041913, 0.010116980977791136,
    ),
    "f32": (
        -0.333333283662796, 0.19999554753303528, -0.14273107051849365, 0.10948410630226135,
        -0.08009076118469238, 0.0390421487390995,
    ),
}  # fmt: skip
# asin(t) = t + t z P(z), z <= 0.2501: relative errors below 2**-55.9 and 2**-27.6.
_ASIN: dict[Kind, tuple[float, ...]] = {
    "f64": (
        0.16666666666665406, 0.07500000000338136, 0.04464285682723158, 0.030381959187174058,
        0.022371756753768228, 0.017359725469404882, 0.01388502121264196, 0.012170674588181284,
        0.00652142950950213, 0.01954672610923111, -0.016254017787327962, 0.03193318285384855,
    ),
    "f32": (
        0.16666752099990845, 0.07495306432247162, 0.045469772070646286, 0.02418077364563942,
        0.04216644912958145,
    ),
}  # fmt: skip


def _angle(b: Block, above: Element, below: Element | float) -> Element:
    """The arc tangent of a quotient of numbers that are not negative, between 0 and pi/2.

    It is that of a quotient t up to 1/2, plus a multiple of pi/4 (fdlibm): a / b,
    pi/4 + (a - b) / (a + b), where the difference is exact, or pi/2 - b / a. One division
    whichever it is.
    """
    shallow = b.compare("ole", above + above, below)
    steep = b.compare("oge", above * 0.5, below)
    numerator = b.select(shallow, above, above - below)
    denominator = b.select(shallow, below, above + below)
    numerator = b.select(steep, -b.number(below), numerator)
    denominator = b.select(steep, above, denominator)
    t = numerator / denominator
    (quarter, quarter_rest), (half, half_rest) = (parts(PI / n, b.real, 2) for n in (4, 2))
    start = b.select(shallow, 0.0, b.select(steep, half, quarter))
    rest = b.select(shallow, 0.0, b.select(steep, half_rest, quarter_rest))
    z = t * t
    return start + (t + fma(b, t * z, polynomial(b, z, _ATAN[b.real]), rest))


def atan(b: Block, x: Element) -> Element:
    """The arc tangent."""
    return copysign(b, _angle(b, absolute(b, x), 1.0), x)


def atan2(b: Block, y: Element, x: Element) -> Element:
    """The angle of the point (x, y), between -pi and pi; the signs of zeros count."""
    if b.real == "f32":
        return in_double(b, "atan2", y, x)
    high, wide = absolute(b, y), absolute(b, x)
    # Of an infinity only the direction counts.
    infinite = b.logic("or", b.compare("oeq", high, INFINITY), b.compare("oeq", wide, INFINITY))
    high, wide = (
        b.select(infinite, b.select(b.compare("oeq", size, INFINITY), 1.0, 0.0), size)
        for size in (high, wide)
    )
    # The sum of the two must be finite, the larger one a normal number.
    largest = b.select(b.compare("ogt", high, wide), high, wide)
    up = b.select(b.compare("olt", largest, 2.0**-900), 2.0**100, 1.0)
    scale = b.select(b.compare("ogt", largest, 2.0**1000), 2.0**-100, up)
    high, wide = high * scale, wide * scale
    both_zero = b.compare("oeq", largest, 0.0)
    angle = _angle(b, high, b.select(both_zero, 1.0, wide))
    pi, pi_rest = parts(PI, b.real, 2)
    left = b.integer_compare("slt", b.bits(x, format_of(b).integer), 0)
    angle = b.select(left, pi - (angle - pi_rest), angle)
    return b.select(b.compare("uno", x, y), NAN, copysign(b, angle, y))


def _arc(b: Block, x: Element) -> tuple[Element, Element, Element]:
    """Whether |x| > 1/2, and in two parts the arc sine of |x|, or there of sqrt((1 - |x|) / 2).

    The arc sine of the latter is half the arc cosine of |x|.
    """
    size = absolute(b, x)
    large = b.compare("ogt", size, 0.5)
    z = b.select(large, (1.0 - size) * 0.5, size * size)
    t = b.select(large, b.intrinsic("sqrt", z), size)
    return large, t, (t * z) * polynomial(b, z, _ASIN[b.real])


def asin(b: Block, x: Element) -> Element:
    """The arc sine; pi/2 less the arc cosine where |x| > 1/2."""
    large, t, more = _arc(b, x)
    half, half_rest = parts(PI / 2, b.real, 2)
    far = half - (2.0 * t - fma(b, more, -2.0, half_rest))
    return copysign(b, b.select(large, far, t + more), x)


def acos(b: Block, x: Element) -> Element:
    """The arc cosine."""
    large, t, more = _arc(b, x)
    half, half_rest = parts(PI / 2, b.real, 2)
    pi, pi_rest = parts(PI, b.real, 2)
    near = half - (copysign(b, t, x) - (half_rest - copysign(b, more, x)))
    twice = 2.0 * (t + more)
    left = pi - (twice - pi_rest)
    far = b.select(b.compare("olt", x, 0.0), left, twice)
    return b.select(large, far, near)
