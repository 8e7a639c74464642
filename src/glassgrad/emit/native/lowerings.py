"""How each op is written for one element: a table, one row an elementwise gate.

A gate that stands neither here nor in `emit.scalars` has no native form: its circuit runs as NumPy code.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from glassgrad.emit.native.elementary import FUNCTIONS
from glassgrad.emit.native.elements import Block, Element

__all__ = ["COSTS", "ELEMENTWISE"]

Lowering = Callable[..., Element]


def _passing(op: str) -> Lowering:
    return lambda b, x, y: b.passing(op, x, y)


def elementary(b: Block, name: str, *operands: Any) -> Element:
    """One of our own elementary functions, or the C library's where we have none."""
    return b.function(name, *operands) if name in FUNCTIONS else b.call(name, *operands)


def _library(name: str) -> Lowering:
    return lambda b, *xs: elementary(b, name, *xs)


def _intrinsic(name: str) -> Lowering:
    return lambda b, *xs: b.intrinsic(name, *xs)


def _compare(how: str) -> Lowering:
    return lambda b, x, y: b.compare(how, x, y)


def _logic(op: str) -> Lowering:
    return lambda b, x, y: b.logic(op, x, y)


def _scaled(factor: float) -> Lowering:
    return lambda b, x: b.passing("fmul", x, factor)


def _extreme(how: str) -> Lowering:
    return lambda b, x, y: b.select(b.compare(how, x, y), x, y)


def _same(b: Block, x: Any) -> Element:
    return x if isinstance(x, Element) and x.truth else b.number(x)


def _square(b: Block, x: Any) -> Element:
    return b.passing("fmul", x, x)


def _power(b: Block, x: Any, n: Any) -> Element:
    if not isinstance(n, Element):  # a constant: the small powers everybody writes
        if n == 2:
            return _square(b, x)
        if n == 1:
            return b.number(x)
        if n == -1:
            return b.divide(1.0, x)
        if n == 3:
            return b.passing("fmul", _square(b, x), x)
        if n == 4:
            return _square(b, _square(b, x))
    return elementary(b, "pow", x, n)


def _sigmoid(b: Block, x: Any) -> Element:
    return elementary(b, "expit", x)


def _softplus(b: Block, x: Any) -> Element:
    return elementary(b, "softplus", x)


def _logaddexp(b: Block, x: Any, y: Any) -> Element:
    x, y = b.number(x), b.number(y)
    more = b.select(b.compare("oge", x, y), x, y)
    apart = b.passing("fneg", b.intrinsic("fabs", b.passing("fsub", x, y)))
    return b.passing("fadd", more, elementary(b, "log1p", elementary(b, "exp", apart)))


def _sign(b: Block, x: Any) -> Element:
    below = b.select(b.compare("olt", x, 0.0), -1.0, 0.0)
    return b.select(b.compare("ogt", x, 0.0), 1.0, below)


def _heaviside(b: Block, x: Any, at_zero: Any) -> Element:
    below = b.select(b.compare("olt", x, 0.0), 0.0, at_zero)
    return b.select(b.compare("ogt", x, 0.0), 1.0, below)


def _clip(b: Block, x: Any, low: Any, high: Any) -> Element:
    raised = b.select(b.compare("olt", x, low), low, x)
    return b.select(b.compare("ogt", raised, high), high, raised)


# C's names where they differ from NumPy's.
_LIBRARY = {
    "exp": "exp", "exp2": "exp2", "expm1": "expm1", "log": "log", "log2": "log2",
    "log10": "log10", "log1p": "log1p", "cbrt": "cbrt", "sin": "sin", "cos": "cos", "tan": "tan",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "hypot": "hypot",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "arcsinh": "asinh", "arccosh": "acosh",
    "arctanh": "atanh", "float_power": "pow",
    "erf": "erf", "erfc": "erfc",
}  # fmt: skip

# What processors have an instruction for.
_INTRINSIC = {
    "floor": "floor", "ceil": "ceil", "trunc": "trunc", "rint": "rint", "copysign": "copysign",
    "absolute": "fabs", "fabs": "fabs", "sqrt": "sqrt",
}  # fmt: skip

ELEMENTWISE: dict[str, Lowering] = {
    "add": _passing("fadd"), "subtract": _passing("fsub"), "multiply": _passing("fmul"),
    "divide": lambda b, x, y: b.divide(x, y), "negative": lambda b, x: b.passing("fneg", x),
    "positive": _same, "reciprocal": lambda b, x: b.divide(1.0, x), "square": _square,
    "power": _power, "maximum": _extreme("oge"), "minimum": _extreme("ole"),
    "fmax": _extreme("oge"), "fmin": _extreme("ole"), "clip": _clip, "sign": _sign,
    "heaviside": _heaviside,
    "where": lambda b, c, x, y: b.select(c, x, y),
    "less": _compare("olt"), "less_equal": _compare("ole"), "greater": _compare("ogt"),
    "greater_equal": _compare("oge"), "equal": _compare("oeq"), "not_equal": _compare("une"),
    "logical_and": _logic("and"), "logical_or": _logic("or"), "logical_xor": _logic("xor"),
    "logical_not": lambda b, x: b.logic("xor", x, True),
    "bitwise_and": _logic("and"), "bitwise_or": _logic("or"), "bitwise_xor": _logic("xor"),
    "invert": lambda b, x: b.logic("xor", x, True),  # wires are doubles or truths: these are truths
    "isnan": lambda b, x: b.compare("uno", x, x),
    "isinf": lambda b, x: b.compare("oeq", b.intrinsic("fabs", x), math.inf),
    "isfinite": lambda b, x: b.compare("olt", b.intrinsic("fabs", x), math.inf),
    "sigmoid": _sigmoid, "softplus": _softplus, "logaddexp": _logaddexp,
    "deg2rad": _scaled(math.pi / 180), "radians": _scaled(math.pi / 180),
    "rad2deg": _scaled(180 / math.pi), "degrees": _scaled(180 / math.pi),
    **{ours: _library(theirs) for ours, theirs in _LIBRARY.items()},
    **{ours: _intrinsic(theirs) for ours, theirs in _INTRINSIC.items()},
}  # fmt: skip

#: What an element costs, in additions; what is not named costs one.
COSTS: dict[str, float] = {
    "divide": 4, "reciprocal": 4, "sqrt": 5, "power": 12, "sigmoid": 16, "softplus": 30, "logaddexp": 30,
    **dict.fromkeys(_LIBRARY, 15),
}  # fmt: skip
