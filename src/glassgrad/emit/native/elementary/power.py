"""Powers: ``pow``.

x**y = exp(y log|x|), where the logarithm has about 65 bits in two parts, as its error is multiplied
by up to 745 (Muller, "Elementary Functions", 3rd ed., 11.5; the two parts as in fdlibm).
"""

from __future__ import annotations

from fractions import Fraction

from glassgrad.emit.native.elementary.common import (
    INFINITY,
    LN2,
    NAN,
    absolute,
    clamp,
    copysign,
    fast_two_sum,
    fma,
    parts,
    polynomial,
    two_product,
)
from glassgrad.emit.native.elementary.exponential import (
    exp_in_parts,
    exp_rest,
    power_of_two,
    reduced,
    scaled,
)
from glassgrad.emit.native.elementary.logarithm import decomposed, log_series, outside
from glassgrad.emit.native.elements import Block, Element

__all__ = ["power"]

# Minimax (Remez) polynomial A with 2 atanh(s) = 2 s + s z (2/3 + z A(z)), z = s**2 <= 0.02944:
# relative error below 2**-72.
_A = (0.3999999999999998, 0.2857142857144384, 0.22222222217789755, 0.18181818843987618,
      0.15384558429145115, 0.13336264466704761, 0.116757815308207, 0.11981745413057168)  # fmt: skip


def _log(b: Block, x: Element) -> tuple[Element, Element]:
    """The logarithm of a number that is not negative, in two parts."""
    k, _, m = decomposed(b, x)
    f = m - 1.0
    below, lost = fast_two_sum(b.number(2.0), f)
    inverse = 1.0 / below
    s = f * inverse
    s_rest = fma(b, -s, lost, fma(b, -s, below, f)) * inverse
    z, z_error = two_product(b, s, s)
    z_rest = fma(b, s + s, s_rest, z_error)
    third, third_rest = parts(Fraction(2, 3), b.real, 2)
    w, w_error = fast_two_sum(third, z * polynomial(b, z, _A))
    cube, cube_error = two_product(b, s, z)
    cube_rest = cube_error + fma(b, s, z_rest, s_rest * z)
    term, term_error = two_product(b, cube, w)
    term_rest = term_error + fma(b, cube, w_error + third_rest, cube_rest * w)
    two, two_rest = parts(LN2, b.real, 2)
    whole, whole_error = two_product(b, k, two)
    total, error = fast_two_sum(whole, s + s)
    total, next_error = fast_two_sum(total, term)
    rest = (error + next_error) + fma(b, s_rest, 2.0, term_rest)
    high, low = fast_two_sum(total, rest + fma(b, k, two_rest, whole_error))
    return outside(b, x, high), low


def power(b: Block, x: Element, y: Element) -> Element:
    """A power, with C99's rules for zeros, infinities, NaN and negative bases."""
    size = absolute(b, x)
    result = _single(b, size, y) if b.real == "f32" else _double(b, size, y)
    # The sign, where an exponent is a whole number.
    half = y * 0.5
    is_whole = b.compare("oeq", b.intrinsic("rint", y), y)
    odd = b.logic("and", is_whole, b.compare("one", b.intrinsic("rint", half), half))
    result = b.select(odd, copysign(b, result, x), result)
    no_root = b.logic("and", b.compare("olt", x, 0.0), b.compare("ogt", x, -INFINITY))
    no_root = b.logic("and", no_root, b.logic("xor", is_whole, True))
    result = b.select(no_root, NAN, result)
    result = b.select(b.compare("oeq", y, 2.0), x * x, result)
    one = b.logic("or", b.compare("oeq", y, 0.0), b.compare("oeq", x, 1.0))
    return b.select(one, 1.0, result)


def _double(b: Block, size: Element, y: Element) -> Element:
    """A power of a number that is not negative, but for an exponent NaN or 0."""
    log, log_rest = _log(b, size)
    # An exponent beyond 2**1000 gives what infinity gives, but has no product NaN with log(1) = 0.
    exponent = clamp(b, y, -(2.0**1000), 2.0**1000)
    product = exponent * log
    rest = fma(b, exponent, log, -product) + exponent * log_rest
    rest = b.select(b.compare("ogt", absolute(b, product), 800.0), 0.0, rest)
    value, _, n = exp_in_parts(b, clamp(b, product, -746.0, 710.0), rest)
    return scaled(b, value, n)


def _single(b: Block, size: Element, y: Element) -> Element:
    """The same for `float32`: in `float64` one part is more than enough."""
    size, y = b.number(size, "f64"), b.number(y, "f64")
    b.real = "f64"
    try:
        k, _, m = decomposed(b, size, subnormal=False)  # subnormal numbers of float32 are normal
        log = outside(b, size, log_series(b, k, m - 1.0))
        product = clamp(b, y, -(2.0**200), 2.0**200) * log
        r, n = reduced(b, clamp(b, product, -120.0, 100.0))
        value = (1.0 + exp_rest(b, r)) * power_of_two(b, n)
    finally:
        b.real = "f32"
    return b.number(value)
