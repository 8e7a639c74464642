"""Hyperbolic functions: ``tanh``, ``sinh``, ``cosh``."""

from __future__ import annotations

from glassgrad.emit.native.elementary.common import absolute, clamp, copysign, fma, polynomial
from glassgrad.emit.native.elementary.exponential import (
    exp_of_rest,
    exp_rest,
    power_of_two,
    reduced,
    scaled,
)
from glassgrad.emit.native.elements import Block, Element, Kind

__all__ = ["cosh", "sinh", "tanh"]

# Rational functions P / Q with tanh(x) = x + x z P(z) / Q(z), z = x**2, for |x| <= 0.5501, that
# agree with it at the Chebyshev nodes: relative errors below 2**-57.6 and 2**-26.6.
_ABOVE: dict[Kind, tuple[float, ...]] = {
    "f64": (
        -1612.7695182702516, -99.19481336086602, -0.9643627073936144,
    ),
    "f32": (
        178.5438995361328,
    ),
}  # fmt: skip
_BELOW: dict[Kind, tuple[float, ...]] = {
    "f64": (
        4838.308554810755, 2232.9078620068954, 112.71103833671401, 1.0,
    ),
    "f32": (
        -535.6317138671875, -214.25039672851562, 1.0,
    ),
}  # fmt: skip
# Minimax (Remez) polynomials P with sinh(x) = x + x z P(z), z = x**2, for |x| <= 1.0001:
# relative errors below 2**-61.8 and 2**-31.6.
_SINH: dict[Kind, tuple[float, ...]] = {
    "f64": (
        0.16666666666666669, 0.00833333333333291, 0.00019841269841595454,
        2.7557319105891767e-06, 2.505213116726661e-08, 1.6056643794371723e-10,
        7.777131353867241e-13,
    ),
    "f32": (
        0.1666666716337204, 0.00833331048488617, 0.0001984289410756901, 2.782230239972705e-06,
    ),
}  # fmt: skip

# From here on the difference of tanh to 1 is below half a unit.
_TANH_LIMIT: dict[Kind, float] = {"f64": 20.0, "f32": 10.0}
_LIMIT: dict[Kind, float] = {"f64": 710.5, "f32": 89.45}  # sinh and cosh are infinity there


def tanh(b: Block, x: Element) -> Element:
    """The hyperbolic tangent: 1 - 2 / (exp(2 |x|) + 1), and a rational function below 0.55.

    Both are a number plus a quotient that is smaller, so that the errors of the quotient hardly
    count, and the two share the division (Cody and Waite, ch. 13).
    """
    size = absolute(b, x)
    y = clamp(b, size, None, _TANH_LIMIT[b.real])
    near = b.compare("olt", size, 0.55)
    r, n = reduced(b, y + y)
    scale = power_of_two(b, n)
    far = fma(b, exp_rest(b, r), scale, scale + 1.0)
    z = y * y
    above = b.select(near, polynomial(b, z, _ABOVE[b.real]) * (z * y), -2.0)
    quotient = above / b.select(near, polynomial(b, z, _BELOW[b.real]), far)
    return copysign(b, b.select(near, size, 1.0) + quotient, x)


def _half_exp(b: Block, size: Element) -> Element:
    """Half of an exponential, finite as long as the sum of two such is."""
    r, n = reduced(b, clamp(b, size, None, _LIMIT[b.real]))
    return scaled(b, exp_of_rest(b, r), b.integer("sub", n, 1))


def sinh(b: Block, x: Element) -> Element:
    """The hyperbolic sine: t - 1 / (4 t) with t = exp(|x|) / 2, and a polynomial below 1."""
    size = absolute(b, x)
    half = _half_exp(b, size)
    z = x * x
    near = fma(b, size * z, polynomial(b, z, _SINH[b.real]), size)
    return copysign(b, b.select(b.compare("olt", size, 1.0), near, half - 0.25 / half), x)


def cosh(b: Block, x: Element) -> Element:
    """The hyperbolic cosine: t + 1 / (4 t) with t = exp(|x|) / 2."""
    half = _half_exp(b, absolute(b, x))
    return half + 0.25 / half
