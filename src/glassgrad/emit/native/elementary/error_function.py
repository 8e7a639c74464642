"""The error function: ``erf``, ``erfc``.

erfc(x) = exp(-x**2) G w with w = 1 / (x + 3): G is smooth up to infinity, and a polynomial in
t = 8 w - 1.25, which is about -1 .. 1, for all x at once (after Shepherd and Laframboise, "Chebyshev approximation
of (1 + 2x) exp(x**2) erfc x in 0 <= x < infinity", Math. Comp. 36, 1981).
"""

from __future__ import annotations

from glassgrad.emit.native.elementary.common import (
    absolute,
    clamp,
    copysign,
    fast_two_sum,
    fma,
    in_double,
    polynomial,
    two_product,
    two_sum,
)
from glassgrad.emit.native.elementary.exponential import (
    exp_in_parts,
    power_of_two,
    scaled,
)
from glassgrad.emit.native.elements import Block, Element

__all__ = ["ERF", "ERFC", "SHIFT", "erf", "erfc"]


# Minimax (Remez) polynomials.
# P with erf(x) = x + x P(x**2), |x| <= 1: relative error below 2**-56.
ERF = (
    0.12837916709551256, -0.37612638903183343, 0.11283791670936949, -0.02686617064195857,
    0.005223977596727128, -0.0008548325484303275, 0.0001205528046443841,
    -1.492446473145055e-05, 1.6444134701619934e-06, -1.618382456951515e-07,
    1.3615739101721355e-08, -7.60548469161043e-10,
)  # fmt: skip
# G for 0.47 <= x <= 27.3; t is exact where G is steep. Below it, roughly, G + w dG/dw: relative error below 2**-56. With this shift the first coefficient is
# almost a double.
ERFC = (
    1.022115925549779, 0.6119323800268212, 0.3025881236633453, 0.11987565223381369,
    0.03560442421241418, 0.006546926455468148, 2.602021105265438e-05, -0.0003673579534626916,
    -7.052141809384664e-05, 1.5243257461383574e-05, 7.123549134737722e-06,
    -6.580535246800629e-07, -6.547664553952053e-07, 4.448110042809134e-08,
    6.329518337676143e-08, -6.189229582589653e-09, -6.3697986767798735e-09,
    1.1313501231505762e-09, 6.070687521175074e-10, -1.8526749465643085e-10,
    -4.074618702948638e-11, 1.8613320003514446e-11,
)  # fmt: skip
_ERFC_SLOPE = (1.78591, 1.97018, 1.36689, 0.702219, 0.207438)
SHIFT = 3.00390625
# The same for 1 <= x <= 6, where erfc(x) is the smaller part of 1 - erfc(x): that has an error below
# 2**-58.
_ERF_FAR = (
    1.0221159255493486, 0.6119323800584359, 0.3025881229586195, 0.11987566005437625,
    0.035604372935647076, 0.006547140451892342, 2.5438494802970687e-05, -0.00036635843469170234,
    -7.14394356016746e-05, 1.5216674276315983e-05, 8.283788913226914e-06,
    -2.0194375661261204e-06,
)  # fmt: skip


def erf(b: Block, x: Element) -> Element:
    """The error function: an odd polynomial below 1, beyond 1 - erfc(|x|)."""
    if b.real == "f32":
        return in_double(b, "erf", x)
    size = absolute(b, x)
    held = clamp(b, size, None, 6.0)  # where the difference to 1 is below half a unit
    z = held * held
    near = fma(b, held, polynomial(b, z, ERF), held)
    w = 1.0 / (held + SHIFT)
    g = polynomial(b, fma(b, w, 8.0, -1.25), _ERF_FAR)
    value, _, n = exp_in_parts(b, -z, fma(b, -held, held, z))
    far = fma(b, -(w * g), value * power_of_two(b, n), 1.0)
    return copysign(b, b.select(b.compare("olt", size, 1.0), near, far), x)


def erfc(b: Block, x: Element) -> Element:
    """The complementary error function; 1 - erf(x) next to 0, 2 - erfc(-x) below."""
    if b.real == "f32":
        return in_double(b, "erfc", x)
    size = absolute(b, x)
    near = 1.0 - fma(b, x, polynomial(b, x * x, ERF), x)
    held = clamp(b, size, None, 27.3)  # where it has become zero
    square, lost_square = two_product(b, held, held)
    value, value_rest, n = exp_in_parts(b, -square, -lost_square)
    below, lost = two_sum(held, SHIFT)
    w = 1.0 / below
    t = fma(b, w, 8.0, -1.25)
    first, *others = ERFC
    more = t * polynomial(b, t, others)
    g, g_rest = fast_two_sum(first, more)
    # What 1 / (x + shift) loses in rounding matters for the factor and for the polynomial.
    lost_w = fma(b, -w, lost, fma(b, -w, below, 1.0))
    g_rest = fma(b, lost_w, polynomial(b, t, _ERFC_SLOPE), g_rest)
    factor, factor_rest = two_product(b, value, w)
    factor_rest = fma(b, value_rest, w, factor_rest)
    far = scaled(b, fma(b, factor, g, fma(b, factor_rest, g, factor * g_rest)), n)
    far = b.select(b.compare("olt", x, 0.0), 2.0 - far, far)
    return b.select(b.compare("olt", size, 0.47), near, far)
