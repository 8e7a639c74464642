"""Circular functions: ``sin``, ``cos``, ``tan``.

x = n pi/2 + r with |r| <= pi/4, and r in two parts, so that its relative error stays small next
to the zeros of the function too. pi/2 has three parts (Cody and Waite); x - n P1 is exact by the
fused product as every part may have all its bits (Boldo, Daumas and Li, "Formally verified
argument reduction with a fused multiply-add", IEEE Trans. Comput. 58, 2009).
"""

from __future__ import annotations

from typing import NamedTuple

from glassgrad.emit.native.elementary.common import (
    PI,
    absolute,
    fast_two_sum,
    fma,
    format_of,
    in_double,
    lane_by_lane,
    parts,
    polynomial,
    rarely,
    two_product,
)
from glassgrad.emit.native.elements import Block, Element, Kind

__all__ = ["cos", "cos_huge", "sin", "sin_huge", "tan", "tan_huge"]

# Minimax (Remez) polynomials in z = r**2 for |r| <= pi/4, a little more for float32 (0.793), as
# the quotient is rounded there: sin(r) = r + r z S(z), cos(r) = 1 - z/2 + z**2 C(z).
# Relative errors below 2**-57.9 and 2**-32.5 (S), 2**-63.9 and 2**-32.7 (C).
_SIN: dict[Kind, tuple[float, ...]] = {
    "f64": (
        -0.1666666666666663, 0.00833333333332184, -0.0001984126982935839,
        2.7557313538416745e-06, -2.5050734365101798e-08, 1.589543127604759e-10,
    ),
    "f32": (
        -0.1666666716337204, 0.008333378471434116, -0.00019852562400046736,
        2.8263405056350166e-06,
    ),
}  # fmt: skip
_COS: dict[Kind, tuple[float, ...]] = {
    "f64": (
        0.041666666666666595, -0.0013888888888873335, 2.4801587288995205e-05,
        -2.7557314214443e-07, 2.087570497685246e-09, -1.1358724648108424e-11,
    ),
    "f32": (
        0.04166664555668831, -0.0013887298991903663, 2.443029370624572e-05,
    ),
}  # fmt: skip

# Up to here n, and what the parts of pi/2 leave out of it, are small enough.
_LIMIT: dict[Kind, float] = {"f64": 1e9, "f32": 1e5}


class _Angle(NamedTuple):
    """The rest r = high + low of an angle, and the quadrant in the lowest bits."""

    high: Element
    low: Element
    quadrant: Element


def _reduced(b: Block, x: Element) -> _Angle:
    form = format_of(b)
    first, second, third = parts(PI / 2, b.real, 3)
    shifted = fma(b, x, parts(2 / PI, b.real, 1)[0], form.shifter)
    n = shifted - form.shifter
    product, error = two_product(b, n, second)
    # The first number need not be the larger one: then it has few bits, and the sum is exact.
    high, low = fast_two_sum(fma(b, n, -first, x), -product)
    return _Angle(high, fma(b, n, -third, low - error), b.bits(shifted, form.integer))


def _sine(b: Block, angle: _Angle, z: Element) -> tuple[Element, Element]:
    """The sine of the rest: a number, and what to add to it."""
    return angle.high, fma(b, angle.high * z, polynomial(b, z, _SIN[b.real]), angle.low)


def _cosine(b: Block, angle: _Angle, z: Element) -> tuple[Element, Element]:
    """The cosine of the rest: a number, and what to add to it."""
    series = polynomial(b, z, (-0.5, *_COS[b.real]))
    return b.number(1.0), fma(b, z, series, -(angle.high * angle.low))


def _of_quadrant(b: Block, x: Element, later: int) -> tuple[Element, Element]:
    """The sine of a number some quadrants later, as bits, but for a sign: the highest bit of an integer."""
    form = format_of(b)
    angle = _reduced(b, x)
    z = angle.high * angle.high
    sine, sine_more = _sine(b, angle, z)
    cosine, cosine_more = _cosine(b, angle, z)
    quadrant = b.integer("add", angle.quadrant, later) if later else angle.quadrant
    odd = b.integer_compare("ne", b.integer("and", quadrant, 1), 0)
    value = b.select(odd, cosine, sine) + b.select(odd, cosine_more, sine_more)
    size = 64 if form.integer == "i64" else 32
    return b.bits(value, form.integer), b.integer("shl", quadrant, size - 2)


def _signed(b: Block, value: Element, sign: Element) -> Element:
    """A number by its bits, its sign changed where the highest bit of another integer says so."""
    sign = b.integer("and", sign, format_of(b).encoded(-0.0))
    return b.bits(b.integer("xor", value, sign), b.real)


def _beyond(b: Block, size: Element) -> Element:
    return b.compare("ogt", size, _LIMIT[b.real])


def sin(b: Block, x: Element) -> Element:
    """The sine; that of |x|, so that it has the sign of a zero."""
    form = format_of(b)
    size = absolute(b, x)
    value, sign = _of_quadrant(b, size, 0)
    sign = b.integer("xor", sign, b.bits(x, form.integer))
    return rarely(b, _beyond(b, size), _signed(b, value, sign), "sin.huge", x)


def cos(b: Block, x: Element) -> Element:
    """The cosine: the sine a quadrant later."""
    value, sign = _of_quadrant(b, x, 1)
    return rarely(b, _beyond(b, absolute(b, x)), _signed(b, value, sign), "cos.huge", x)


def tan(b: Block, x: Element) -> Element:
    """The tangent: a quotient of the two in double length, with one division.

    The quotient is corrected by its remainder, so that the roundings of sine and cosine do not
    add up.
    """
    form = format_of(b)
    angle = _reduced(b, x)
    z = angle.high * angle.high
    sine, sine_error = fast_two_sum(*_sine(b, angle, z))
    cosine, cosine_error = fast_two_sum(*_cosine(b, angle, z))
    odd = b.integer_compare("ne", b.integer("and", angle.quadrant, 1), 0)
    above, above_error = b.select(odd, -cosine, sine), b.select(odd, -cosine_error, sine_error)
    below, below_error = b.select(odd, sine, cosine), b.select(odd, sine_error, cosine_error)
    inverse = 1.0 / below
    quotient = above * inverse
    rest = fma(b, -quotient, below, above) + fma(b, -quotient, below_error, above_error)
    result = fma(b, rest, inverse, quotient)
    tiny = b.compare("olt", absolute(b, x), 2.0 ** -(form.fraction // 2 + 2))
    return rarely(b, _beyond(b, absolute(b, x)), b.select(tiny, x, result), "tan.huge", x)


def _huge(name: str, b: Block, x: Element) -> Element:
    return in_double(b, name, x) if b.real == "f32" else lane_by_lane(b, name, x)


def sin_huge(b: Block, x: Element) -> Element:
    """The sine of any number: the C library's, or that of `float64` for `float32`.

    Where nearly all digits cancel, as for 6381956970095103 * 2**797, C libraries may be some units
    in the last place off.
    """
    return _huge("sin", b, x)


def cos_huge(b: Block, x: Element) -> Element:
    """The cosine of any number."""
    return _huge("cos", b, x)


def tan_huge(b: Block, x: Element) -> Element:
    """The tangent of any number."""
    return _huge("tan", b, x)
