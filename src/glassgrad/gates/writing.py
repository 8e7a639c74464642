"""NumPy's functions that write into an array they are given: as item assignments."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.gates.declare import composed
from glassgrad.gates.ordering import along


def _flat_places(a: Any, positions: Any) -> tuple[Any, ...]:
    return tuple(np.unravel_index(positions, np.shape(a)))


@composed(np.copyto)
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    if where is True:
        dst[...] = src
    else:
        dst[...] = np.where(where, src, dst)


@composed(np.put)
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    positions = np.ravel(np.asarray(ind))
    if mode == "wrap":
        positions = positions % np.size(a)
    elif mode == "clip":
        positions = np.clip(positions, 0, np.size(a) - 1)
    elif np.any(positions >= np.size(a)) or np.any(positions < -np.size(a)):
        raise IndexError(f"index out of bounds for an array of {np.size(a)} elements")
    values = np.ravel(v) if np.ndim(v) else np.reshape(v, (1,))
    cycled = values[np.arange(np.size(positions)) % np.size(values)]
    a[_flat_places(a, positions % np.size(a))] = cycled


@composed(np.putmask)
def putmask(a: Any, mask: Any, values: Any) -> None:
    full = np.resize(np.arange(np.size(values)), np.shape(a))
    a[...] = np.where(mask, np.ravel(values)[full], a)


@composed(np.place)
def place(arr: Any, mask: Any, vals: Any) -> None:
    where = np.flatnonzero(np.asarray(mask))
    put(arr, where, vals)


@composed(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    n = np.shape(a)[-1] if np.ndim(a) > 2 else min(np.shape(a))
    if wrap and np.ndim(a) == 2 and np.shape(a)[0] > np.shape(a)[1]:
        put(a, np.arange(0, np.size(a), np.shape(a)[1] + 1), val)
        return
    values = val
    if np.ndim(val):
        values = np.ravel(val)[np.arange(n) % np.size(val)]
    a[(np.arange(n),) * np.ndim(a)] = values


@composed(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    if axis is None:
        arr[_flat_places(arr, np.ravel(indices))] = values
        return
    axis %= np.ndim(arr)
    arr[along(np.shape(arr), axis, indices)] = values
