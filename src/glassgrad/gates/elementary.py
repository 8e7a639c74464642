"""Elementary functions: exponentials, logarithms, roots, trigonometry, hyperbolic functions.

The formulas are those of any calculus text; ``y`` is the gate's output, used again wherever the
local gradient can be written with it. The sigmoid is a gate here because the notes treat it as
one: ``1 / (1 + exp(-x))`` in the user's code is recognised as it (`passes/recognise.py`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassgrad.circuit import Op
from glassgrad.gates.declare import case, composed, elementwise, flat

_ANY = [(-2.0,), (0.3,), (1.7,)]
_POSITIVE = [(0.2,), (1.0,), (3.5,)]
_INSIDE = [(-0.7,), (0.1,), (0.6,)]


@elementwise(np.exp, says="scales the gradient by its own output", examples=_ANY, math=math.exp)
def exp(x: Any, y: Any) -> Any:
    return (y,)


@elementwise(np.exp2, says="scales the gradient by its output and log 2", examples=_ANY,
             math=math.exp2)  # fmt: skip
def exp2(x: Any, y: Any) -> Any:
    return (y * math.log(2),)


@elementwise(np.expm1, says="scales the gradient by its output plus one", examples=_ANY,
             math=math.expm1)  # fmt: skip
def expm1(x: Any, y: Any) -> Any:
    return (y + 1,)


@elementwise(np.log, says="scales by one over its input: small inputs get large gradients",
             singular=True, examples=_POSITIVE, math=math.log)  # fmt: skip
def log(x: Any, y: Any) -> Any:
    return (1 / x,)


@elementwise(np.log2, says="scales by one over its input times log 2", singular=True,
             examples=_POSITIVE, math=math.log2)  # fmt: skip
def log2(x: Any, y: Any) -> Any:
    return (1 / (x * math.log(2)),)


@elementwise(np.log10, says="scales by one over its input times log 10", singular=True,
             examples=_POSITIVE, math=math.log10)  # fmt: skip
def log10(x: Any, y: Any) -> Any:
    return (1 / (x * math.log(10)),)


@elementwise(np.log1p, says="scales by one over one plus its input", singular=True,
             examples=_POSITIVE, math=math.log1p)  # fmt: skip
def log1p(x: Any, y: Any) -> Any:
    return (1 / (1 + x),)


@elementwise(np.sqrt, says="scales by one over twice its output: infinite at zero", singular=True,
             examples=_POSITIVE, math=math.sqrt)  # fmt: skip
def sqrt(x: Any, y: Any) -> Any:
    return (0.5 / y,)


@elementwise(np.cbrt, says="scales by one over three times its output squared", singular=True,
             examples=[*_ANY], math=math.cbrt)  # fmt: skip
def cbrt(x: Any, y: Any) -> Any:
    return (1 / (3 * (y * y)),)


@elementwise(np.sin, says="scales by the cosine: crests block the gradient", examples=_ANY,
             math=math.sin)  # fmt: skip
def sin(x: Any, y: Any) -> Any:
    return (np.cos(x),)


@elementwise(np.cos, says="scales by minus the sine", examples=_ANY, math=math.cos)
def cos(x: Any, y: Any) -> Any:
    return (-np.sin(x),)


@elementwise(np.tan, says="scales by one plus its output squared", examples=_ANY, singular=True,
             math=math.tan)  # fmt: skip
def tan(x: Any, y: Any) -> Any:
    return (1 + y * y,)


@elementwise(np.arcsin, says="steepest at the ends of its range", singular=True, examples=_INSIDE,
             math=math.asin)  # fmt: skip
def arcsin(x: Any, y: Any) -> Any:
    return (1 / np.sqrt((1 - x) * (1 + x)),)


@elementwise(np.arccos, says="steepest at the ends, downhill", singular=True, examples=_INSIDE,
             math=math.acos)  # fmt: skip
def arccos(x: Any, y: Any) -> Any:
    return (-1 / np.sqrt((1 - x) * (1 + x)),)


@elementwise(np.arctan, says="starves the gradient far from zero", examples=_ANY, math=math.atan)
def arctan(x: Any, y: Any) -> Any:
    return (1 / (1 + x * x),)


@elementwise(np.arctan2, says="turns the gradient by a right angle and divides by the radius",
             singular=True, math=math.atan2,
             examples=[(1.0, 2.0), (-0.5, 0.3), (0.7, -1.1)])  # fmt: skip
def arctan2(y: Any, x: Any, angle: Any) -> Any:
    r2 = x * x + y * y
    safe = np.where(r2 == 0, 1.0, r2)  # at the origin every direction is as good: zero
    return x / safe, -y / safe


@elementwise(np.hypot, says="points the gradient along the hypotenuse", singular=True,
             examples=[(3.0, 4.0), (-1.0, 0.5)], math=math.hypot)  # fmt: skip
def hypot(a: Any, b: Any, y: Any) -> Any:
    safe = np.where(y == 0, 1.0, y)  # the subgradient of least norm at the origin is zero
    return a / safe, b / safe


@elementwise(np.sinh, says="scales by the hyperbolic cosine", examples=_ANY, math=math.sinh)
def sinh(x: Any, y: Any) -> Any:
    return (np.cosh(x),)


@elementwise(np.cosh, says="scales by the hyperbolic sine", examples=_ANY, math=math.cosh)
def cosh(x: Any, y: Any) -> Any:
    return (np.sinh(x),)


@elementwise(np.tanh, says="passes the gradient best near zero and starves it at the ends",
             examples=_ANY, math=math.tanh)  # fmt: skip
def tanh(x: Any, y: Any) -> Any:
    return (1 - y * y,)


@elementwise(np.arcsinh, says="scales by one over sqrt(1 + x^2)", examples=_ANY, math=math.asinh)
def arcsinh(x: Any, y: Any) -> Any:
    return (1 / np.hypot(x, 1.0),)


@elementwise(np.arccosh, says="infinite at one", singular=True, examples=[(1.5,), (3.0,)],
             math=math.acosh)  # fmt: skip
def arccosh(x: Any, y: Any) -> Any:
    return (1 / np.sqrt((x - 1) * (x + 1)),)


@elementwise(np.arctanh, says="infinite at the ends of its range", singular=True, examples=_INSIDE,
             math=math.atanh)  # fmt: skip
def arctanh(x: Any, y: Any) -> Any:
    return (1 / ((1 - x) * (1 + x)),)


@elementwise(np.deg2rad, says="scales by pi / 180", examples=_ANY, math=math.radians)
def deg2rad(x: Any, y: Any) -> Any:
    return (math.pi / 180,)


@elementwise(np.rad2deg, says="scales by 180 / pi", examples=_ANY, math=math.degrees)
def rad2deg(x: Any, y: Any) -> Any:
    return (180 / math.pi,)


@elementwise(np.radians, says="scales by pi / 180", examples=_ANY)
def radians(x: Any, y: Any) -> Any:
    return (math.pi / 180,)


@elementwise(np.degrees, says="scales by 180 / pi", examples=_ANY)
def degrees(x: Any, y: Any) -> Any:
    return (180 / math.pi,)


@elementwise(np.logaddexp, says="shares the gradient out by the weight of each exponential",
             examples=[(0.5, -1.0), (2.0, 2.0)], singular=True)  # fmt: skip
def logaddexp(a: Any, b: Any, y: Any) -> Any:
    # Where both are -inf there is nothing to share out: zero, not NaN.
    safe = np.where(y == -np.inf, 0.0, y)
    return np.exp(a - safe), np.exp(b - safe)


@elementwise(np.logaddexp2, says="shares the gradient out by the weight of each power of two",
             examples=[(0.5, -1.0), (2.0, 2.0)], singular=True)  # fmt: skip
def logaddexp2(a: Any, b: Any, y: Any) -> Any:
    safe = np.where(y == -np.inf, 0.0, y)
    return np.exp2(a - safe), np.exp2(b - safe)


def _sinc_slope(x: Any, y: Any) -> Any:
    safe = np.where(x == 0, 1.0, x)
    return np.where(x == 0, 0.0, (np.cos(math.pi * x) - y) / safe)


@elementwise(np.sinc, says="flat at its peak at zero", examples=[(0.4,), (-1.3,)])
def sinc(x: Any, y: Any) -> Any:
    return (_sinc_slope(x, y),)


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


@elementwise(_sigmoid, says="passes at most a quarter of the gradient, almost nothing at the ends",
             examples=_ANY)  # fmt: skip
def sigmoid(x: Any, y: Any) -> Any:
    return ((1 - y) * y,)


def _softplus(x: Any) -> Any:
    return np.log(1 + np.exp(x))


@elementwise(_softplus, says="a soft switch: passes the sigmoid's share of the gradient",
             examples=_ANY)  # fmt: skip
def softplus(x: Any, y: Any) -> Any:
    return (1 / (1 + np.exp(-x)),)


def _steps(name: str, numpy: Any, math_: Any = None) -> Op:
    spelled = {"math": math_} if math_ else {}
    return flat(name, numpy, says="a staircase: its gradient is zero", elementwise=True,
                examples=[(1.3,), (-0.6,)], **spelled)  # fmt: skip


floor = _steps("floor", np.floor, math.floor)
ceil = _steps("ceil", np.ceil, math.ceil)
trunc = _steps("trunc", np.trunc, math.trunc)
rint = _steps("rint", np.rint)
sign = _steps("sign", np.sign)
signbit = _steps("signbit", np.signbit)
spacing = _steps("spacing", np.spacing)


def _rounded(a: Any, *, decimals: int = 0) -> Any:
    return np.round(a, decimals)


rounded = flat("round", _rounded, says="a staircase: its gradient is zero", elementwise=True,
               bind=lambda args, kwargs: (args, dict(kwargs)), key="round",
               examples=[case(1.37, decimals=1), case(-0.6)])  # fmt: skip


@composed(np.round)
def round_(a: Any, decimals: int = 0, out: Any = None) -> Any:
    return rounded(a, decimals=decimals)
