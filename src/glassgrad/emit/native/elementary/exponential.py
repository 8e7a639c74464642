"""Exponentials: ``exp``, ``exp2``, ``expm1``.

Additive range reduction (Cody and Waite, "Software Manual for the Elementary Functions", ch. 6):
x = n ln 2 + r with |r| <= ln(2) / 2, so that exp(x) = 2**n exp(r). With a fused product the
first part of ln 2 may have all its bits: x - n LN2_HI is exact, as it is a multiple of the unit
of LN2_HI and small.
"""

from __future__ import annotations

from glassgrad.emit.native.elementary.common import (
    INV_LN2,
    LN2,
    absolute,
    clamp,
    fast_two_sum,
    fma,
    format_of,
    parts,
    polynomial,
    two_sum,
)
from glassgrad.emit.native.elements import Block, Element, Kind

__all__ = [
    "exp", "exp2", "exp_in_parts", "exp_of_negative", "exp_of_rest", "exp_rest", "expm1", "power_of_two", "reduced",
    "reduced_for_expm1", "scaled",
]  # fmt: skip

# Minimax (Remez) polynomials q with exp(r) = 1 + r + r**2 q(r) for |r| <= 0.34666.
# Those of exp: error relative to exp(r) below 2**-57.5 and 2**-28.2.
_EXP: dict[Kind, tuple[float, ...]] = {
    "f64": (
        0.5000000000000011, 0.16666666666666105, 0.04166666666652219, 0.008333333333707916,
        0.0013888888946426894, 0.00019841269015665318, 2.4801489670757364e-05,
        2.7558045830391623e-06, 2.7631615423636375e-07, 2.4849131358854665e-08,
    ),
    "f32": (
        0.4999999403953552, 0.16666516661643982, 0.04166809841990471, 0.008369205519557,
        0.0013839403400197625,
    ),
}  # fmt: skip
# Those of expm1: error relative to exp(r) - 1 below 2**-61 and 2**-28.2.
_EXPM1: dict[Kind, tuple[float, ...]] = {
    "f64": (
        0.5, 0.16666666666666677, 0.04166666666666669, 0.008333333333321744,
        0.0013888888888883481, 0.00019841269885178707, 2.4801587298609198e-05,
        2.7557245578027685e-06, 2.7557316767845187e-07, 2.5108475590642905e-08,
        2.0896493591089877e-09,
    ),
    "f32": (
        0.5, 0.16666635870933533, 0.041666511446237564, 0.00834150891751051,
        0.0013930530985817313, 0.00015043726307339966,
    ),
}  # fmt: skip

# Where exp has become infinity, or zero.
_LIMITS: dict[Kind, tuple[float, float]] = {"f64": (-746.0, 710.0), "f32": (-104.0, 89.0)}


def reduced(b: Block, x: Element) -> tuple[Element, Element]:
    """The rest r of x = n ln 2 + r, and the integer n in the lowest bits of an integer.

    Where x is not within the limits of ``exp`` both mean nothing.
    """
    form = format_of(b)
    high, low = parts(LN2, b.real, 2)
    shifted = fma(b, x, parts(INV_LN2, b.real, 1)[0], form.shifter)
    n = shifted - form.shifter
    r = fma(b, n, -low, fma(b, n, -high, x))
    return r, b.bits(shifted, form.integer)


def exp_in_parts(b: Block, x: Element, x_rest: Element) -> tuple[Element, Element, Element]:
    """The exponential of a number in two parts, in two parts, to be ``scaled`` by 2**n, and n."""
    form = format_of(b)
    high, low = parts(LN2, b.real, 2)
    shifted = fma(b, x, parts(INV_LN2, b.real, 1)[0], form.shifter)
    n = shifted - form.shifter
    exact = fma(b, n, -high, x)
    r = fma(b, n, -low, exact)
    r, rest = two_sum(r, fma(b, n, -low, exact - r) + x_rest)
    total, error = fast_two_sum(b.number(1.0), r)
    more = fma(b, r * r, polynomial(b, r, _EXP[b.real]), error + rest)
    return (*fast_two_sum(total, more), b.bits(shifted, form.integer))


def exp_rest(b: Block, r: Element) -> Element:
    """The difference exp(r) - 1 for |r| <= ln(2) / 2, as exact as a sum with 1 asks for."""
    return fma(b, r * r, polynomial(b, r, _EXP[b.real]), r)


def exp_of_rest(b: Block, r: Element) -> Element:
    """The exponential of |r| <= ln(2) / 2; what 1 + r loses goes into the smaller terms."""
    high, low = fast_two_sum(b.number(1.0), r)
    return high + fma(b, r * r, polynomial(b, r, _EXP[b.real]), low)


def reduced_for_expm1(b: Block, x: Element) -> tuple[Element, Element, Element]:
    """Numbers r and v with exp(r) - 1 = r + v, whose sum has a small relative error, and n.

    They stay two, as 2**n - 1 cancels r in part: v is smaller, and so is its rounding error. What
    the rest loses when it is rounded goes into v.
    """
    form = format_of(b)
    high, low = parts(LN2, b.real, 2)
    shifted = fma(b, x, parts(INV_LN2, b.real, 1)[0], form.shifter)
    n = shifted - form.shifter
    exact = fma(b, n, -high, x)
    r = fma(b, n, -low, exact)
    lost = fma(b, n, -low, exact - r)
    return r, fma(b, r * r, polynomial(b, r, _EXPM1[b.real]), lost), b.bits(shifted, form.integer)


def power_of_two(b: Block, n: Element, plus: int = 0) -> Element:
    """A power 2**(n + plus) that is a normal number; only the lowest bits of the integer count."""
    form = format_of(b)
    biased = b.integer("add", n, form.bias + plus)
    return b.bits(b.integer("shl", biased, form.fraction), b.real)


def scaled(b: Block, x: Element, n: Element) -> Element:
    """A number of size about 1 times 2**n, rounded once where that is subnormal or infinity.

    2**n itself may be neither representable: it is multiplied in two halves, and only the second
    product can leave the normal range.
    """
    form = format_of(b)
    double_bias = b.integer("add", n, 2 * form.bias)
    half = b.integer("lshr", double_bias, 1)  # the bits above the exponent are shifted out below
    rest = b.integer("sub", double_bias, half)
    for exponent in (half, rest):
        x = x * b.bits(b.integer("shl", exponent, form.fraction), b.real)
    return x


def exp(b: Block, x: Element) -> Element:
    """The exponential function."""
    return exp_of_negative(b, clamp(b, x, None, _LIMITS[b.real][1]))


def exp_of_negative(b: Block, x: Element) -> Element:
    """The exponential of a number that is not too large."""
    r, n = reduced(b, clamp(b, x, _LIMITS[b.real][0], None))
    return scaled(b, exp_of_rest(b, r), n)


def exp2(b: Block, x: Element) -> Element:
    """A power of two: x = n + r is exact, and 2**r = exp(r ln 2)."""
    form = format_of(b)
    low, high = (-1080.0, 1025.0) if b.real == "f64" else (-155.0, 129.0)
    x = clamp(b, x, low, high)
    shifted = x + form.shifter
    r = (x - (shifted - form.shifter)) * parts(LN2, b.real, 1)[0]
    return scaled(b, exp_of_rest(b, r), b.bits(shifted, form.integer))


def expm1(b: Block, x: Element) -> Element:
    """The exponential less one: 2**n (exp(r) - 1) + (2**n - 1).

    Half of it is computed, as 2**n is infinity before the result is.
    """
    form = format_of(b)
    x_held = clamp(b, x, -(form.fraction + 2.0), _LIMITS[b.real][1])
    r, v, n = reduced_for_expm1(b, x_held)
    scale = power_of_two(b, n, -1)
    half = fma(b, v, scale, fma(b, r, scale, scale - 0.5))
    tiny = b.compare("olt", absolute(b, x), 2.0 ** -(form.fraction + 3))
    return b.select(tiny, x, half + half)  # halves of subnormal numbers would be rounded
