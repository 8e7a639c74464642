"""Numbers and arrays as what JSON knows: exact, with the few numbers JSON lacks as texts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.show.values import cells, summary

__all__ = ["Budget", "plain"]

_WHOLE = 1_024  # elements of one array that are all written down
_CELLS = 48
_EXACT = 2**53  # beyond, a float is not every integer any more


@dataclass
class Budget:
    """How many elements of arrays may still be written down."""

    elements: int

    def takes(self, count: int) -> bool:
        """Whether there is room for so many; if so they are taken from it."""
        if count > min(self.elements, _WHOLE):
            return False
        self.elements -= count
        return True


def plain(value: Any, budget: Budget) -> Any:
    """A number as JSON has it, an array as an object.

    Of an array: shape, range and mean (of what is finite), a row of cells for a strip, and all
    elements in C order while the budget lasts (else None).

    Examples
    --------
    >>> plain(2.5, Budget(9)), plain(float("nan"), Budget(9)), plain(True, Budget(9))
    (2.5, 'nan', True)
    >>> plain(np.array([1.0, -2.0]), Budget(9))["data"]
    [1.0, -2.0]
    """
    if not np.ndim(value):
        return _number(value.item() if isinstance(value, (np.ndarray, np.generic)) else value)
    array = np.asarray(value)
    real = array.dtype.kind in "fiub"
    with np.errstate(all="ignore"):
        finite = array[np.isfinite(array)].astype(float) if real else np.zeros(0)
        low, high, mean = (finite.min(), finite.max(), finite.mean()) if finite.size else [None] * 3
    return {
        "shape": list(array.shape), "dtype": array.dtype.name, "text": summary(array),
        "low": _maybe(low), "high": _maybe(high), "mean": _maybe(mean),
        "cells": cells(array, _CELLS) if real else [],
        "data": [_number(v) for v in array.ravel().tolist()] if real and budget.takes(array.size) else None,
    }  # fmt: skip


def _maybe(value: Any) -> Any:
    return None if value is None else _number(float(value))


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _EXACT else float(value)
    value = float(value)  # np.longdouble is not, and may be beyond the largest double
    return value if math.isfinite(value) else str(value)
