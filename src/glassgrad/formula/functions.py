"""The functions a formula may call: plain names, each with what it computes.

Numbers go through `math` where it has the function, so that a scalar formula reads and runs as the
notes write theirs; arrays go through NumPy. Nothing here knows syntax.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import UnsupportedError

__all__ = ["CONSTANTS", "FUNCTIONS", "Function", "power"]

Call = Callable[..., Any]
_MANY = 16  # arguments of max and min
_SPECIAL = "scipy.special"


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
    kind
        How large its result is: "elementwise" (its arguments broadcast together), "reduction" (no
        larger than its argument), or "dot", "matmul", "inner", "outer".
    library
        The module it needs, imported with the formula that names it, since it takes its time.
    """

    call: Call
    least: int = 1
    most: int = 1
    keywords: tuple[str, ...] = ()
    kind: str = "elementwise"
    library: str = ""


def _is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray)


def _either(on_number: Call, on_array: Call) -> Call:
    def call(*args: Any) -> Any:
        return on_array(*args) if any(_is_array(a) for a in args) else on_number(*args)

    return call


def _math(name: str) -> Call:
    # The module's attribute is looked up at the call: while a trace runs, it leads to glassgrad.
    def on_number(*args: Any) -> Any:
        return getattr(math, name)(*args)

    return on_number


def _special(name: str) -> Call:
    return getattr(importlib.import_module(_SPECIAL), name)  # type: ignore[no-any-return]


def power(a: Any, b: Any) -> Any:
    """``a**b``, also what the operator in a formula does: of real numbers only.

    Raises
    ------
    ValueError
        Python would answer with a complex number.
    """
    try:
        result = a**b
    except UnsupportedError:  # a recorded number says so itself
        result = 0j
    if isinstance(result, complex):
        raise ValueError("a negative number to a fractional power is no real number")
    return result


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + (np.exp(-x) if _is_array(x) else math.exp(-x)))


def _relu(x: Any) -> Any:
    return np.maximum(x, 0) if _is_array(x) else max(x, 0.0)


def _softplus(x: Any) -> Any:
    return np.logaddexp(0, x)  # log(1 + exp(x)), without its overflow


def _softmax(x: Any, axis: int = -1) -> Any:
    return _special("softmax")(x, axis=axis)


def _log_softmax(x: Any, axis: int = -1) -> Any:
    return _special("log_softmax")(x, axis=axis)


def _logsumexp(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    return _special("logsumexp")(x, axis=axis, keepdims=keepdims)


def _norm(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    if not _is_array(x):
        return abs(x)
    return np.linalg.norm(x, axis=axis, keepdims=keepdims)


def _where(condition: Any, a: Any, b: Any) -> Any:
    if any(_is_array(each) for each in (condition, a, b)):
        return np.where(condition, a, b)
    return a if condition else b


def _clip(x: Any, low: Any, high: Any) -> Any:
    if any(_is_array(each) for each in (x, low, high)):
        return np.clip(x, low, high)
    return min(max(x, low), high)


def _extreme(reduce: Call, between: Call) -> Call:
    """Of one array, or of several values: a gate of numbers, too, where Python's own would branch."""

    def call(*xs: Any, **keywords: Any) -> Any:
        if len(xs) == 1:
            return reduce(xs[0], **keywords)
        result = xs[0]
        for x in xs[1:]:
            result = between(result, x)
        return result

    return call


# NumPy's names, and by them the names in `math` that differ.
_BOTH = {name: name for name in (
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "sin", "cos", "tan",
    "sinh", "cosh", "tanh", "degrees", "radians",
)} | {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
}  # fmt: skip
_MAX = _extreme(np.max, np.maximum)
_MIN = _extreme(np.min, np.minimum)
_AXIS = ("axis",)
_AXES = ("axis", "keepdims")


def _reduction(call: Call, keywords: tuple[str, ...] = _AXES, library: str = "") -> Function:
    return Function(call, 1, 1, keywords, "reduction", library)


_ARC_TAN = Function(_either(_math("atan2"), np.arctan2), 2, 2)
_POWER = Function(power, 2, 2)

FUNCTIONS: dict[str, Function] = {
    numpy: Function(_either(_math(plain), getattr(np, numpy)))
    for numpy, plain in _BOTH.items()
} | {
    plain: Function(_either(_math(plain), getattr(np, numpy)))
    for numpy, plain in _BOTH.items() if plain != numpy
} | {
    "erf": Function(_either(_math("erf"), lambda x: _special("erf")(x)), library=_SPECIAL),
    "erfc": Function(_either(_math("erfc"), lambda x: _special("erfc")(x)), library=_SPECIAL),
    "hypot": Function(_either(_math("hypot"), np.hypot), 2, 2),
    "arctan2": _ARC_TAN, "atan2": _ARC_TAN, "power": _POWER, "pow": _POWER,
    "logaddexp": Function(np.logaddexp, 2, 2),
    "abs": Function(abs), "square": Function(lambda x: x * x), "sign": Function(np.sign),
    "sigmoid": Function(_sigmoid), "relu": Function(_relu), "softplus": Function(_softplus),
    "where": Function(_where, 3, 3), "clip": Function(_clip, 3, 3),
    "maximum": Function(_MAX, 2, 2), "minimum": Function(_MIN, 2, 2),
    "max": Function(_MAX, 1, _MANY, _AXES), "min": Function(_MIN, 1, _MANY, _AXES),
    "sum": _reduction(np.sum), "mean": _reduction(np.mean), "prod": _reduction(np.prod),
    "var": _reduction(np.var), "std": _reduction(np.std), "norm": _reduction(_norm),
    "cumsum": _reduction(np.cumsum, _AXIS), "cumprod": _reduction(np.cumprod, _AXIS),
    "softmax": _reduction(_softmax, _AXIS, _SPECIAL),
    "log_softmax": _reduction(_log_softmax, _AXIS, _SPECIAL),
    "logsumexp": _reduction(_logsumexp, library=_SPECIAL),
    "transpose": _reduction(np.transpose, ()),
    "trace": _reduction(np.trace, ()),
    "dot": Function(np.dot, 2, 2, kind="dot"), "matmul": Function(np.matmul, 2, 2, kind="matmul"),
    "inner": Function(np.inner, 2, 2, kind="inner"),
    "outer": Function(np.outer, 2, 2, kind="outer"),
}  # fmt: skip

CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan}
