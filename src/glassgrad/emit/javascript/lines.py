"""Gates over lines and matrices of an array: one call of a helper for each, its results by name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["ALONG", "MATRICES", "REDUCED", "brought", "lines", "nested"]

#: From the elements of a line to one: expressions over ``{each}``, set apart by commas or a sign.
REDUCED: dict[str, tuple[str, str]] = {
    "max": ("Math.max({each})", ", "), "min": ("Math.min({each})", ", "),
    "argmax": ("argmax([{each}])", ", "), "argmin": ("argmin([{each}])", ", "),
    "logsumexp": ("logsumexp([{each}])", ", "),
    "all": ("{each}", " && "), "any": ("{each}", " || "), "count_nonzero": ("{each}", " + "),
}  # fmt: skip

#: From the elements of a line to as many: the helper's name.
ALONG = {"sort": "sorted", "argsort": "argsort", "log_softmax": "log_softmax"}

#: From a matrix, or each of a batch: the helper's name.
MATRICES = {
    "det": "det", "slogdet": "slogdet", "inv": "inverse", "inverse": "inverse",
    "cofactors": "cofactors", "solve": "solve", "cholesky": "cholesky",
}  # fmt: skip


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """The axes a call names, counted from the front."""
    if axis is None:
        return tuple(range(ndim))
    return tuple([n % ndim for n in (axis if isinstance(axis, tuple) else (axis,))]) if ndim else ()


def brought(cells: Any, axis: Any) -> Any:
    """An array with some axes put together as its last."""
    axes = axes_of(axis, cells.ndim)
    rest = [n for n in range(cells.ndim) if n not in axes]
    length = math.prod([cells.shape[n] for n in axes])
    return cells.transpose(*rest, *axes).reshape(*[cells.shape[n] for n in rest], length)


def lines(cells: Any, axis: Any) -> Any:
    """The lines of an array along some axes, as the rows of a matrix."""
    flat = brought(cells, axis)
    return flat.reshape(-1, flat.shape[-1])


def nested(texts: Any) -> str:
    """An array of texts as nested JavaScript arrays, to read from or to take apart."""
    if isinstance(texts, np.ndarray) and texts.ndim == 0:
        return str(texts[()])
    parts: Sequence[str] = [nested(t) if isinstance(t, np.ndarray) else str(t) for t in texts]
    return f"[{', '.join(parts)}]"
