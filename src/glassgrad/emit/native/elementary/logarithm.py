"""Logarithms: ``log``, ``log2``, ``log10``, ``log1p``.

x = 2**k m with m between sqrt(1/2) and sqrt(2), f = m - 1, s = f / (2 + f): then
log(m) = 2 atanh(s) = 2 s + s R(s**2) = f - s (f - R(s**2)), where the first term is exact and the
others are less than a fourth of it (the logarithm of fdlibm, by K. C. Ng; Muller, "Elementary
Functions", 3rd ed., 11.4).
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from glassgrad.emit.native.elementary.common import (
    INFINITY,
    INV_LN2,
    INV_LN10,
    LN2,
    LOG10_2,
    NAN,
    copysign,
    fast_two_sum,
    fma,
    format_of,
    parts,
    polynomial,
    two_product,
    two_sum,
)
from glassgrad.emit.native.elements import Block, Element, Kind

__all__ = [
    "Decomposed", "decomposed", "log", "log1p", "log1p_of_sum", "log2", "log10", "log_series",
    "log_up_to_two", "outside",
]  # fmt: skip

_SQRT_HALF = 0.7071067811865476

# Minimax (Remez) polynomials L with 2 atanh(s) = 2 s + s z L(z), z = s**2 <= 0.02944:
# relative errors below 2**-58.5 and 2**-29.2.
_R: dict[Kind, tuple[float, ...]] = {
    "f64": (
        0.6666666666666734, 0.3999999999941653, 0.2857142874207097, 0.22222198599132667,
        0.1818356322831726, 0.15314073605084985, 0.14795760340985917,
    ),
    "f32": (
        0.6666677594184875, 0.39977580308914185, 0.29871049523353577,
    ),
}  # fmt: skip


class Decomposed(NamedTuple):
    """A positive number 2**k m: k as a real number, k plus the bias as an integer, and m."""

    k: Element
    biased: Element
    m: Element


def decomposed(b: Block, x: Element, subnormal: bool = True) -> Decomposed:
    """Exponent and significand, with the significand between sqrt(1/2) and sqrt(2).

    Parameters
    ----------
    subnormal : bool
        Whether the number may be subnormal (``biased`` is of no use then).
    """
    form = format_of(b)
    lead = 2.0**form.fraction  # with an integer in its lowest bits: that integer, converted
    offset: Element | float = lead + form.bias
    if subnormal:
        up = form.fraction + 2
        tiny = b.compare("olt", x, form.smallest_normal)
        x = b.select(tiny, x * 2.0**up, x)
        offset = b.select(tiny, lead + form.bias + up, lead + form.bias)
    root = form.encoded(_SQRT_HALF)
    moved = b.integer("add", b.bits(x, form.integer), form.encoded(1.0) - root)
    biased = b.integer("lshr", moved, form.fraction)
    k = b.bits(b.integer("or", biased, form.encoded(lead)), b.real) - offset
    fraction = b.integer("and", moved, (1 << form.fraction) - 1)
    m = b.bits(b.integer("add", fraction, root), b.real)
    return Decomposed(k, biased, m)


def outside(b: Block, x: Element, inside: Element) -> Element:
    """The logarithm of zero, infinity, NaN and negative numbers, or else what was computed."""
    form = format_of(b)
    # One comparison for all: as unsigned integers these are at least the bits of infinity, less 1.
    bits = b.integer("sub", b.bits(x, form.integer), 1)
    usual = b.integer_compare("ult", bits, form.encoded(INFINITY) - 1)
    other = b.select(b.compare("ogt", x, 0.0), x, NAN)
    other = b.select(b.compare("oeq", x, 0.0), -INFINITY, other)
    return b.select(usual, inside, other)


def _series(b: Block, f: Element) -> tuple[Element, Element]:
    """Numbers s and t with log(1 + f) = f - s t."""
    s = f / (2.0 + f)
    z = s * s
    return s, fma(b, -z, polynomial(b, z, _R[b.real]), f)


def log_series(b: Block, k: Element, f: Element) -> Element:
    """The logarithm of 2**k (1 + f)."""
    high, low = parts(LN2, b.real, 2)
    s, t = _series(b, f)
    return fma(b, k, high, f + fma(b, -s, t, k * low))


def log(b: Block, x: Element) -> Element:
    """The natural logarithm."""
    k, _, m = decomposed(b, x)
    return outside(b, x, log_series(b, k, m - 1.0))


def log1p(b: Block, x: Element) -> Element:
    """The logarithm of 1 + x."""
    total, error = two_sum(b.number(1.0), x)
    return copysign(b, outside(b, total, log1p_of_sum(b, total, error)), x)


def log1p_of_sum(
    b: Block, total: Element, error: Element, doublings: Element | None = None
) -> Element:
    """The logarithm of a sum whose rounding error is known, with a small relative error.

    The error is scaled like the sum and added to m - 1, which is exact itself. The sum may be
    meant to be doubled some times.
    """
    form = format_of(b)
    k, biased, m = decomposed(b, total, subnormal=False)
    # 2**-k: written as half of a power, as of the largest k it is subnormal.
    twice = b.integer("sub", b.whole(2 * form.bias + 1, form.integer), biased)
    scale = b.bits(b.integer("shl", twice, form.fraction), b.real) * 0.5
    k = k if doublings is None else k + doublings
    return log_series(b, k, fma(b, error, scale, m - 1.0))


def log_up_to_two(b: Block, total: Element, error: Element) -> Element:
    """The same for sums between 1 and 2, where k is 0 or 1."""
    large = b.compare("ogt", total, 2.0 * _SQRT_HALF)
    scale = b.select(large, 0.5, 1.0)
    f = fma(b, error, scale, fma(b, total, scale, -1.0))
    return log_series(b, b.select(large, 1.0, 0.0), f)


def _in_base(b: Block, x: Element, factor: Fraction, of_two: Fraction) -> Element:
    """A logarithm of another base: the natural one, in two parts, times a factor in two parts."""
    k, _, m = decomposed(b, x)
    f = m - 1.0
    s, t = _series(b, f)
    by, by_rest = parts(factor, b.real, 2)
    high, low = fast_two_sum(f, -(s * t))
    product, error = two_product(b, high, by)
    error = error + fma(b, high, by_rest, low * by)
    two, two_rest = parts(of_two, b.real, 2)
    whole, whole_error = two_product(b, k, two)
    total, sum_error = fast_two_sum(whole, product)
    return outside(b, x, total + (sum_error + (error + fma(b, k, two_rest, whole_error))))


def log2(b: Block, x: Element) -> Element:
    """The logarithm of base 2; exact where x is a power of two."""
    return _in_base(b, x, INV_LN2, Fraction(1))


def log10(b: Block, x: Element) -> Element:
    """The logarithm of base 10."""
    return _in_base(b, x, INV_LN10, LOG10_2)
