"""Comparisons and choices: larger, smaller, where, clip, absolute value, truths.

The gates that route write their backward rule out with `where`, because zero times infinity
matters there: a branch that was not taken hands back an exact zero. Ties share evenly, bounds
of `clip` belong to the interval, NaN is never hidden (docs: edge points).
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from glassgrad.gates.declare import case, composed, elementwise, flat, general, literal

_TWO = [(-2.0, 5.0), (3.0, -4.0), (0.5, 0.25)]


def _share(a: Any, b: Any) -> Any:
    """1 where a is larger, 0.5 where equal, 0 where smaller, NaN where either is NaN."""
    if literal(b) and b == 0:
        return np.heaviside(a, 0.5)
    if any(_finite_number(v) for v in (a, b)):
        return np.heaviside(a - b, 0.5)
    return np.where(a == b, 0.5, np.heaviside(a - b, 0.5))  # inf - inf would be NaN


def _finite_number(v: Any) -> bool:
    return literal(v) and math.isfinite(v)


@elementwise(np.maximum, says="routes the gradient to the larger input; a tie shares it",
             examples=_TWO, singular=False)  # fmt: skip
def maximum(a: Any, b: Any, y: Any) -> Any:
    return lambda: _share(a, b), lambda: _share(b, a)


@elementwise(np.minimum, says="routes the gradient to the smaller input; a tie shares it",
             examples=_TWO)  # fmt: skip
def minimum(a: Any, b: Any, y: Any) -> Any:
    return lambda: _share(b, a), lambda: _share(a, b)


@elementwise(np.fmax, says="routes the gradient to the larger input, past NaN", examples=_TWO)
def fmax(a: Any, b: Any, y: Any) -> Any:
    return lambda: _past_nan(a, b, _share(a, b)), lambda: _past_nan(b, a, _share(b, a))


@elementwise(np.fmin, says="routes the gradient to the smaller input, past NaN", examples=_TWO)
def fmin(a: Any, b: Any, y: Any) -> Any:
    return lambda: _past_nan(a, b, _share(b, a)), lambda: _past_nan(b, a, _share(a, b))


def _past_nan(mine: Any, other: Any, share: Any) -> Any:
    only_other = np.where(np.isnan(other), 1.0, share)
    return np.where(np.isnan(mine), np.where(np.isnan(other), np.nan, 0.0), only_other)


@general(np.where, says="routes the gradient to the branch taken; the other gets an exact zero",
         examples=[case(np.array([True, False, True]), np.array([1.0, 2.0, 3.0]),
                        np.array([-1.0, 0.5, 2.0]))], elementwise=True,
         bind=lambda args, kwargs: (args, dict(kwargs)))  # fmt: skip
def where(condition: Any, x: Any, y: Any, out: Any, dout: Any) -> Any:
    return None, lambda: np.where(condition, dout, 0.0), lambda: np.where(condition, 0.0, dout)


def _clip(a: Any, low: Any, high: Any) -> Any:
    return np.clip(a, low, high)


@general(_clip, says="passes the gradient inside the interval, to the bound outside it",
         elementwise=True, bind=lambda args, kwargs: (args, {}),
         examples=[(0.3, 0.0, 1.0), (-0.5, 0.0, 1.0), (2.0, 0.0, 1.0)])  # fmt: skip
def clip(a: Any, low: Any, high: Any, y: Any, dy: Any) -> Any:
    # NumPy's clip is minimum(high, maximum(a, low)): where low > high, the value is high.
    inside = (a >= low) & (a <= high)
    below, above = (a < low) & (low <= high), (a > high) | (low > high)
    return (np.where(inside, dy, 0.0 * y), np.where(below & ~inside, dy, 0.0),
            np.where(above & ~inside, dy, 0.0))  # fmt: skip


@composed(np.clip)
def clip_(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None,
          max: Any = None, **kwargs: Any) -> Any:  # fmt: skip
    low = a_min if min is None else min
    high = a_max if max is None else max
    low = None if low is np._NoValue else low
    high = None if high is np._NoValue else high
    return clip(a, -math.inf if low is None else low, math.inf if high is None else high)


@elementwise(np.absolute, says="hands the gradient on, turned where the input is negative",
             examples=[(2.0,), (-0.7,)], operator=operator.abs, math=math.fabs)  # fmt: skip
def absolute(x: Any, y: Any) -> Any:
    return (np.sign(x),)


@elementwise(np.fabs, says="hands the gradient on, turned where the input is negative",
             examples=[(2.0,), (-0.7,)])  # fmt: skip
def fabs(x: Any, y: Any) -> Any:
    return (np.sign(x),)


@elementwise(np.copysign, says="hands the gradient on, turned where the sign was", singular=False,
             examples=[(2.0, -1.0), (-0.7, 3.0)], math=math.copysign)  # fmt: skip
def copysign(x: Any, s: Any, y: Any) -> Any:
    return np.sign(x) * np.copysign(1.0, s), None


def _compare(name: str, numpy: Any, symbol: Any) -> Any:
    return flat(name, numpy, says="asks a question: no gradient flows", elementwise=True,
                examples=[(1.0, 2.0), (2.0, 2.0)], operator=symbol)  # fmt: skip


less = _compare("less", np.less, operator.lt)
less_equal = _compare("less_equal", np.less_equal, operator.le)
greater = _compare("greater", np.greater, operator.gt)
greater_equal = _compare("greater_equal", np.greater_equal, operator.ge)
equal = _compare("equal", np.equal, operator.eq)
not_equal = _compare("not_equal", np.not_equal, operator.ne)


def _truth(name: str, numpy: Any, n: int, math_: Any = None) -> Any:
    spelled = {"math": math_} if math_ else {}
    return flat(name, numpy, says="asks a question: no gradient flows", elementwise=True,
                examples=[(1.0, 0.0)[:n]], **spelled)  # fmt: skip


logical_and = _truth("logical_and", np.logical_and, 2)
logical_or = _truth("logical_or", np.logical_or, 2)
logical_xor = _truth("logical_xor", np.logical_xor, 2)
logical_not = _truth("logical_not", np.logical_not, 1)
isnan = _truth("isnan", np.isnan, 1, math.isnan)
isinf = _truth("isinf", np.isinf, 1, math.isinf)
isfinite = _truth("isfinite", np.isfinite, 1, math.isfinite)
heaviside = flat(
    "heaviside", np.heaviside, says="a step: its gradient is zero", elementwise=True,
    examples=[(1.0, 0.5), (-1.0, 0.5)],
)  # fmt: skip
