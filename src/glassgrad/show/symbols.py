"""What is written on a gate: ``+``, ``*``, ``max``, ``exp``; number operands stand with it.

As in the notes, a gate that multiplies by a constant is ``*2`` and has one input.
"""

from __future__ import annotations

from typing import Any

from glassgrad.circuit import Constant, Gate
from glassgrad.emit.python.expressions import subscript

__all__ = ["bare", "symbol"]

_SYMBOLS = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "negative": "neg",
    "power": "^", "matmul": "@", "dot": "dot", "maximum": "max", "minimum": "min", "sigmoid": "σ",
    "expit": "σ", "absolute": "abs", "transpose": "T", "floor_divide": "//", "remainder": "%",
    "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "==",
    "not_equal": "!=", "reciprocal": "1/x", "square": "x²", "stop_gradient": "stop",
}  # fmt: skip
_COMMUTES = {"add", "multiply"}
_INFIX = {*_COMMUTES, "subtract", "divide", "floor_divide", "remainder", "less", "less_equal",
          "greater", "greater_equal", "equal", "not_equal"}  # fmt: skip
_SQUARES = {2: "x²", 3: "x³", 0.5: "√x"}
_SUBSCRIPTS = {"getitem": "", "setitem": " =", "add_at": " +="}
_CUT = 14  # letters of an index


def symbol(gate: Gate) -> tuple[str, tuple[int, ...]]:
    """What is written on a gate, and which of its operands come by wire.

    Examples
    --------
    >>> from glassgrad.circuit import FLOAT, Constant, Wire
    >>> from glassgrad.gates.declare import OPS
    >>> x, two = Wire(FLOAT), Constant(2.0, FLOAT)
    >>> symbol(Gate(OPS["multiply"], (two, x), (Wire(FLOAT),)))
    ('*2', (1,))
    >>> symbol(Gate(OPS["divide"], (two, x), (Wire(FLOAT),)))
    ('2/x', (1,))
    """
    name = gate.op.name
    wired = tuple(n for n, i in enumerate(gate.inputs) if not _number(i))
    text = bare(name)
    if name in _SUBSCRIPTS:
        inside = subscript(gate.static["template"], ["·"] * len(gate.inputs))
        inside = inside if len(inside) <= _CUT else inside[: _CUT - 1] + "…"
        return f"[{inside}]{_SUBSCRIPTS[name]}", wired
    if not wired or len(gate.inputs) != 2 or len(wired) == 2:
        return text, wired
    at = 1 - wired[0]
    operand = gate.inputs[at]
    assert isinstance(operand, Constant)
    value = operand.value
    said = f"{value:.4g}" if not isinstance(value, bool) else str(value)
    if name == "power":
        if at == 1:
            return _SQUARES.get(float(value), f"x^{said}"), wired
        return f"{said}^x", wired
    if name in _INFIX:
        if at == 1 or name in _COMMUTES:
            return f"{text}{said}" if value >= 0 else f"{text}({said})", wired
        return (f"{said}/x" if name == "divide" else f"{said} {text} x"), wired
    if name in ("maximum", "minimum"):
        return f"{text} {said}", wired
    return text, wired


def bare(op: str) -> str:
    """What is written on a gate of this op whose operands all come by wire."""
    return _SYMBOLS.get(op, op)


def _number(operand: Any) -> bool:
    return isinstance(operand, Constant) and not operand.shape
