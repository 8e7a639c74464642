"""Moves of whole arrays as views, copies and joins: repeat, tile, roll, pad, tril, cross, kron."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.gates.indexing import SLOT, getitem, setitem

__all__ = ["MOVES"]


def _spread(a: Any, times: Sequence[int], after: bool) -> Any:
    """Every axis copied so many times; a copy's elements stand side by side, or (after) apart."""
    shape = np.shape(a)
    ones = tuple([m for n in shape for m in ((1, n) if after else (n, 1))])
    full = tuple(
        [m for n, t in zip(shape, times, strict=True) for m in ((t, n) if after else (n, t))]
    )
    many = np.broadcast_to(np.reshape(a, ones), full)
    return np.reshape(many, tuple([n * t for n, t in zip(shape, times, strict=True)]))


def _tile(a: Any, *, reps: Any) -> Any:
    reps = reps if isinstance(reps, tuple) else (reps,)
    ndim = max(len(reps), np.ndim(a))
    a = np.reshape(a, (1,) * (ndim - np.ndim(a)) + np.shape(a))
    return _spread(a, (1,) * (ndim - len(reps)) + reps, after=True)


def _repeat(a: Any, *, repeats: Any, axis: Any = None) -> Any:
    if axis is None or not np.ndim(a):
        a, axis = np.reshape(a, (-1,)), 0
    axis %= np.ndim(a)
    if np.ndim(repeats) == 0 or np.size(repeats) == 1:
        times = [1] * np.ndim(a)
        times[axis] = int(np.reshape(repeats, ()))
        return _spread(a, times, after=False)
    owner = np.repeat(np.arange(np.shape(a)[axis]), repeats)
    return getitem(a, owner, template=(*[slice(None)] * axis, SLOT))


def _roll(a: Any, *, shift: Any, axis: Any = None) -> Any:
    if axis is None:
        return np.reshape(_roll(np.reshape(a, (-1,)), shift=shift, axis=0), np.shape(a))
    shifts, axes = np.broadcast_arrays(shift, axis)
    for by, along in zip(shifts.ravel().tolist(), axes.ravel().tolist(), strict=True):
        n = np.shape(a)[along]
        by %= max(n, 1)
        if by:
            before = (slice(None),) * (along % np.ndim(a))
            parts = [a[(*before, slice(n - by, None))], a[(*before, slice(None, n - by))]]
            a = np.concatenate(parts, axis=along)
    return a


def _pad(a: Any, *, widths: Any, constant_values: Any = 0) -> Any:
    if np.ndim(constant_values):
        return None
    shape = tuple([n + b + c for n, (b, c) in zip(np.shape(a), widths, strict=True)])
    around = np.broadcast_to(np.asarray(constant_values, a.dtype), shape)
    inside = tuple([slice(b, b + n) for n, (b, _) in zip(np.shape(a), widths, strict=True)])
    return setitem(around, a, template=inside)


def _trace(a: Any, *, offset: Any = 0, axis1: Any = 0, axis2: Any = 1) -> Any:
    if a.dtype.kind != "f":
        return None
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1)


def _cross(a: Any, b: Any) -> Any:
    (a0, a1, a2), (b0, b1, b2) = ([x[..., n] for n in range(3)] for x in (a, b))
    return np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=-1)


def _kron(a: Any, b: Any) -> Any:
    ndim = max(np.ndim(a), np.ndim(b))
    p = (1,) * (ndim - np.ndim(a)) + np.shape(a)
    q = (1,) * (ndim - np.ndim(b)) + np.shape(b)
    left = np.reshape(a, tuple([m for n in p for m in (n, 1)]))
    right = np.reshape(b, tuple([m for n in q for m in (1, n)]))
    return np.reshape(left * right, tuple([m * n for m, n in zip(p, q, strict=True)]))


def _triangle(triangle: Any) -> Callable[..., Any]:
    def rule(m: Any, *, k: Any = 0) -> Any:
        if np.ndim(m) < 2 or m.dtype.kind != "f":
            return None
        kept = triangle(np.ones(np.shape(m)[-2:], bool), k)
        return np.where(kept, m, m.dtype.type(0))

    return rule


MOVES: Mapping[str, Callable[..., Any]] = {
    "tile": _tile, "repeat": _repeat, "roll": _roll, "pad": _pad, "trace": _trace,
    "cross": _cross, "kron": _kron, "tril": _triangle(np.tril), "triu": _triangle(np.triu),
}  # fmt: skip
