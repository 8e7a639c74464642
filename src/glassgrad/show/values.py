"""Values in few words: a number in so many digits, an array as its range and a strip of cells."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

__all__ = ["cells", "exact", "number", "shape", "summary"]

_MOST = 12  # cells of a strip


def number(value: Any, digits: int = 4) -> str:
    """A number in few digits.

    Examples
    --------
    >>> number(0.0179862099), number(-4.0), number(True), number(float("nan")), number(-0.0)
    ('0.01799', '-4', 'True', 'nan', '0')
    """
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    return f"{value + 0.0 if value == 0 else value:.{digits}g}"  # no sign on a zero


def summary(value: Any) -> str:
    """A value in few words: a number, or the range of an array.

    Examples
    --------
    >>> summary(2.0), summary(np.array([0.5, -1.25])), summary(np.ones(3))
    ('2', '-1.25..0.5', 'all 1')
    """
    if not np.ndim(value):
        return number(value)
    array = np.asarray(value)
    if not array.size:
        return "empty"
    if array.dtype.kind == "b":
        return f"{int(array.sum())} of {array.size} true"
    with np.errstate(all="ignore"):
        finite = array[np.isfinite(array)]
    if not finite.size:
        return "not finite"
    low, high = finite.min(), finite.max()
    text = f"all {number(low, 3)}" if low == high else f"{number(low, 3)}..{number(high, 3)}"
    rest = array.size - finite.size
    return f"{text}, {rest} not finite" if rest else text


def exact(value: Any) -> str:
    """A number in twelve digits; a small array in full, a larger one as its range."""
    if not np.ndim(value):
        return number(value, 12)
    array = np.asarray(value)
    if array.size > 24:
        return summary(value)
    return np.array2string(array, separator=", ", threshold=100, max_line_width=1_000,
                           formatter={"float_kind": lambda v: f"{v:.6g}"}).replace("\n", "")  # fmt: skip


def shape(value: Any) -> str:
    """``4x3`` of an array, empty of a number."""
    return "x".join(map(str, np.shape(value)))


def cells(value: Any, most: int = _MOST) -> tuple[float | None, ...]:
    """An array as a row of cells from -1 to 1, scaled by its largest element; None: not finite.

    More elements than cells are averaged, in the order they lie in.

    Examples
    --------
    >>> cells(np.array([1.0, -2.0, np.nan]))
    (0.5, -1.0, None)
    """
    array = np.asarray(value)
    if not array.ndim or not array.size:
        return ()
    flat = array.ravel().astype(float)
    count = min(most, flat.size)
    with np.errstate(all="ignore"):
        finite = flat[np.isfinite(flat)]
        largest = float(np.abs(finite).max()) if finite.size else 0.0
        scaled = flat / largest if largest else flat * 0.0
        bounds = [i * flat.size // count for i in range(count + 1)]
        means = [float(scaled[a:b].mean()) for a, b in itertools.pairwise(bounds)]
    return tuple(round(m, 3) if math.isfinite(m) else None for m in means)
