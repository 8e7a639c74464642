"""Values written as text: numbers, and lists of them as deep as one likes. No other syntax.

Read sign by sign, without Python's parser; the columns in messages count from the value's start.
"""

from __future__ import annotations

import math
from typing import Any, NoReturn

import numpy as np

from glassgrad.formula.syntax import FormulaError, Token, cut, place, spot, tokens

__all__ = ["parse_value"]

_LONGEST = 100_000  # characters
_DEEPEST = 32  # brackets inside one another, and so the axes of an array
_WORDS = {"inf": math.inf, "nan": math.nan}
_CLOSES = {"[": "]", "(": ")"}


def parse_value(text: str) -> Any:
    """A number or an array written as text: ``3``, ``-4.5e3``, ``[[1,2],[3,4]]``, ``nan``.

    Returns
    -------
    float or numpy.ndarray

    Raises
    ------
    FormulaError
        It is neither, is ragged, or is too large.

    Examples
    --------
    >>> parse_value("[[1, 2], [3, -4]]")
    array([[ 1.,  2.],
           [ 3., -4.]])
    """
    return _Reader(text).read()


class _Reader:
    """Goes through the signs once; an open bracket is a frame: its sign, items, their shape."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.signs = [t for t in tokens(text, _LONGEST) if t.kind != "space"]
        self.at = 0

    def read(self) -> Any:
        if not self.signs:
            raise FormulaError("the value is empty: give a number such as 3, or [[1, 2], [3, 4]]")
        value, _ = self._value(0)
        if self.at < len(self.signs):
            self._refuse(self.signs[self.at])
        return np.array(value, float) if isinstance(value, list) else value

    def _value(self, depth: int) -> tuple[Any, tuple[int, ...]]:
        token = self._next()
        if token.text in _CLOSES:
            return self._list(token, depth + 1)
        negative = token.text == "-"
        if token.text in ("+", "-"):
            token = self._next()
        if token.text in _WORDS:
            number = _WORDS[token.text]
        elif token.kind == "number":
            number = self._number(token)
        else:
            self._refuse(token)
        return (-number if negative else number), ()

    def _list(self, opened: Token, depth: int) -> tuple[Any, tuple[int, ...]]:
        if depth > _DEEPEST:
            self._refuse(opened, f"is nested deeper than {_DEEPEST} brackets")
        closes = _CLOSES[opened.text]
        items: list[Any] = []
        shape: tuple[int, ...] = ()
        commas = 0
        while self._peek(opened).text != closes:
            first = self._peek(opened)
            item, its = self._value(depth)
            if items and its != shape:
                self._refuse(first, f"makes the list ragged: shape {its or 'of a number'} after "
                                    f"{shape or 'numbers'}")  # fmt: skip
            items.append(item)
            shape = its
            token = self._peek(opened)
            if token.text != closes:
                if token.text != ",":
                    self._refuse(token)
                self.at += 1
                commas += 1
        self.at += 1
        if opened.text == "(" and len(items) == 1 and not commas:
            return items[0], shape  # (3) is 3
        return items, (len(items), *shape)

    def _number(self, token: Token) -> float:
        try:
            number = float(token.text)
        except ValueError:
            self._refuse(token, "is no number")
        if math.isinf(number):
            self._refuse(token, "is too large a number; write inf for infinity")
        return number

    def _next(self) -> Token:
        if self.at == len(self.signs):
            raise FormulaError(f"{cut(self.text)} ends before its value does")
        self.at += 1
        return self.signs[self.at - 1]

    def _peek(self, opened: Token) -> Token:
        if self.at == len(self.signs):
            self._refuse(opened, "is never closed")
        return self.signs[self.at]

    def _refuse(self, token: Token, why: str = "is no part of a value") -> NoReturn:
        raise FormulaError(
            f"{cut(token.text)} at {place(self.text, token.at)} {why}. A value is a number such as "
            "3 or -4.5e3, inf or nan, or a list of them such as [[1, 2], [3, 4]]",
            spot(self.text, token.at),
        )
