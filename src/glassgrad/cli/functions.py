"""The functions a formula may call: plain names, each with what it computes.

Numbers go through `math` where it has the function, so that a scalar formula reads and runs as the
notes write theirs; arrays go through NumPy. Nothing here knows syntax.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["CONSTANTS", "FUNCTIONS", "Function"]


@dataclass(frozen=True)
class Function:
    """A function of the table.

    Attributes
    ----------
    call
        What it computes.
    least, most
        How many positional arguments it takes.
    keywords
        The keyword arguments it takes.
    """

    call: Callable[..., Any]
    least: int
    most: int
    keywords: tuple[str, ...] = ()


def _is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray)


def _either(on_number: Callable[..., Any], on_array: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        return on_array(*args) if any(_is_array(a) for a in args) else on_number(*args)

    return call


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + (np.exp(-x) if _is_array(x) else math.exp(-x)))


def _softplus(x: Any) -> Any:
    return np.log(1 + np.exp(x)) if _is_array(x) else math.log(1 + math.exp(x))


def _relu(x: Any) -> Any:
    return np.maximum(x, 0) if _is_array(x) else max(x, 0.0)


def _softmax(x: Any, axis: int = -1) -> Any:
    exps = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return exps / np.sum(exps, axis=axis, keepdims=True)


def _logsumexp(x: Any, axis: int | None = None) -> Any:
    top = np.max(x, axis=axis, keepdims=True)
    return np.log(np.sum(np.exp(x - top), axis=axis)) + np.max(x, axis=axis)


def _largest(*xs: Any) -> Any:
    return _extreme(np.max, np.maximum, max, xs)


def _smallest(*xs: Any) -> Any:
    return _extreme(np.min, np.minimum, min, xs)


def _extreme(over: Any, between: Any, plain: Any, xs: tuple[Any, ...]) -> Any:
    if len(xs) == 1:
        return over(xs[0])
    if not any(_is_array(x) for x in xs):
        return plain(*xs)
    result = xs[0]
    for x in xs[1:]:
        result = between(result, x)
    return result


def _norm(x: Any) -> Any:
    return np.sqrt(np.sum(x * x))


def _numbers(name: str) -> Function:
    """A function of one number that both `math` and NumPy have."""
    names = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh",
             "arccosh": "acosh", "arctanh": "atanh"}  # fmt: skip
    plain = getattr(math, names.get(name, name))
    # The module attribute is looked up at the call: while a trace runs, it leads to glassgrad.
    attribute = plain.__name__

    def on_number(x: Any) -> Any:
        return getattr(math, attribute)(x)

    return Function(_either(on_number, getattr(np, name)), 1, 1)


_AXES = ("axis", "keepdims")

FUNCTIONS: dict[str, Function] = {
    name: _numbers(name)
    for name in (
        "exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "sin", "cos",
        "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh",
        "arctanh", "degrees", "radians",
    ) if hasattr(math, name) or name.startswith("arc")
} | {
    "sigmoid": Function(_sigmoid, 1, 1), "softplus": Function(_softplus, 1, 1),
    "relu": Function(_relu, 1, 1), "softmax": Function(_softmax, 1, 1, ("axis",)),
    "logsumexp": Function(_logsumexp, 1, 1, ("axis",)),
    "abs": Function(abs, 1, 1), "square": Function(lambda x: x * x, 1, 1),
    "sign": Function(np.sign, 1, 1), "max": Function(_largest, 1, 16),
    "min": Function(_smallest, 1, 16), "maximum": Function(_largest, 2, 2),
    "minimum": Function(_smallest, 2, 2), "clip": Function(np.clip, 3, 3),
    "where": Function(np.where, 3, 3), "hypot": Function(np.hypot, 2, 2),
    "arctan2": Function(np.arctan2, 2, 2), "power": Function(lambda a, b: a**b, 2, 2),
    "sum": Function(np.sum, 1, 1, _AXES), "mean": Function(np.mean, 1, 1, _AXES),
    "prod": Function(np.prod, 1, 1, _AXES), "var": Function(np.var, 1, 1, _AXES),
    "std": Function(np.std, 1, 1, _AXES), "cumsum": Function(np.cumsum, 1, 1, ("axis",)),
    "dot": Function(np.dot, 2, 2), "matmul": Function(np.matmul, 2, 2),
    "outer": Function(np.outer, 2, 2), "transpose": Function(np.transpose, 1, 1),
    "norm": Function(_norm, 1, 1),
}  # fmt: skip

CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan}
