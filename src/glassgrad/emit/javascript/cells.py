"""Numbers of a circuit as JavaScript expressions, which NumPy's own functions add and multiply.

A `Cell` is the text of an expression and how tightly it binds. What a gate's cells are called,
and which helper functions there are, is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.circuit import Gate

__all__ = ["Cell", "NotScript", "Rounding", "formless", "nested", "number", "truth"]

_SUM, _PRODUCT, _SIGN, _ATOM = 1, 2, 3, 4  # how tightly an expression binds; 0 is anything
_LONGEST = 60_000  # characters of one expression


class NotScript(Exception):
    """The circuit has no JavaScript form; says why."""


@dataclass
class Rounding:
    """How results are rounded just now, beyond what JavaScript's own numbers do.

    Attributes
    ----------
    single
        To `float32`.
    whole
        They are integers: of them, zero has no sign.
    """

    single: bool = False
    whole: bool = False


class Cell:
    """One number, or with `is_truth` one truth, as the text of an expression."""

    __slots__ = ("binds", "is_truth", "rounding", "text")

    def __init__(
        self, text: str, rounding: Rounding, binds: int = _ATOM, is_truth: bool = False
    ) -> None:
        if len(text) > _LONGEST:
            raise NotScript("one element is made of too many others")
        self.text, self.rounding, self.binds, self.is_truth = text, rounding, binds, is_truth

    def __add__(self, other: Any) -> Cell:
        return self._joined("+", _SUM, self, other)

    def __radd__(self, other: Any) -> Cell:
        return self._joined("+", _SUM, other, self)

    def __sub__(self, other: Any) -> Cell:
        return self._joined("-", _SUM, self, other)

    def __rsub__(self, other: Any) -> Cell:
        return self._joined("-", _SUM, other, self)

    def __mul__(self, other: Any) -> Cell:
        return self._joined("*", _PRODUCT, self, other)

    def __rmul__(self, other: Any) -> Cell:
        return self._joined("*", _PRODUCT, other, self)

    def __truediv__(self, other: Any) -> Cell:
        return self._joined("/", _PRODUCT, self, other)

    def __rtruediv__(self, other: Any) -> Cell:
        return self._joined("/", _PRODUCT, other, self)

    def conjugate(self) -> Cell:
        """As real numbers are their own conjugates; `numpy.vdot` asks."""
        return self

    def _joined(self, sign: str, binds: int, a: Any, b: Any) -> Cell:
        left, right = (number(x, self.rounding) for x in (a, b))
        # Sums and products run from left to right, as NumPy's do: on the right they keep brackets.
        text = f"{_within(left, binds)} {sign} {_within(right, binds + 1)}"
        if self.rounding.single:
            return Cell(f"Math.fround({text})", self.rounding)
        if self.rounding.whole and sign == "*":
            return Cell(f"{text} + 0", self.rounding, _SUM)
        return Cell(text, self.rounding, binds)


def _within(cell: Cell, binds: int) -> str:
    return cell.text if cell.binds >= binds else f"({cell.text})"


def _literal(value: Any) -> str:
    """A number as JavaScript writes it; Python's shortest digits give the same double."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bool, int)):
        if abs(value) > 2**53:
            raise NotScript(f"the integer {value} is no double")
        return str(int(value))
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    text = repr(value)
    return text[:-2] if text.endswith(".0") else text


def number(value: Any, rounding: Rounding) -> Cell:
    """A cell, or a Python or NumPy number, as a number."""
    if isinstance(value, Cell):
        if value.is_truth:
            return Cell(f"({value.text} ? 1 : 0)", rounding)
        return value
    text = _literal(value)
    return Cell(text, rounding, _SIGN if text.startswith("-") else _ATOM)


def truth(value: Any, rounding: Rounding) -> Cell:
    """A cell, or a Python or NumPy number, as a truth; NaN is true, as in Python."""
    if not isinstance(value, Cell):
        return Cell("true" if value else "false", rounding, is_truth=True)
    if value.is_truth:
        return value
    return Cell(f"({_within(value, _SUM)} !== 0)", rounding, is_truth=True)


def nested(texts: Any) -> str:
    """An array of texts as nested JavaScript arrays, to read from or to take apart."""
    if isinstance(texts, np.ndarray) and texts.ndim == 0:
        return str(texts[()])
    parts: Sequence[str] = [nested(t) if isinstance(t, np.ndarray) else str(t) for t in texts]
    return f"[{', '.join(parts)}]"


def formless(gate: Gate) -> NotScript:
    """The reason where a gate, with the keywords it was given, has no row."""
    given = [str(k) for k in gate.static if k not in ("axis", "keepdims", "named")]
    words = [*given, *gate.static.get("named", ())]
    which = f" with {', '.join(words)}" if words else ""
    return NotScript(f"{gate.op.name}{which} has no JavaScript form")
