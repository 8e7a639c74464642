"""Random functions of arrays with small last axes: points, vectors, rotations, one for each row.

As in `arrays.py`, each step takes values made before and makes another.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["LAYOUTS", "program"]

#: Arrays with the same elements that lie otherwise in memory.
LAYOUTS = {
    "C": lambda x: x,
    "Fortran": lambda x: np.asfortranarray(x),
    "strided": lambda x: np.repeat(x, 2, -1)[..., ::2],
    "backwards": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
}


def program(seed: int) -> tuple[Any, tuple[Any, ...]]:
    """A function of points, a vector, numbers for rows, rotations and row numbers; arguments."""
    rng = np.random.default_rng(seed)
    dtype = np.float32 if rng.random() < 0.25 else np.float64
    n, k = int(rng.choice([32, 33, 40, 100])), int(rng.choice([2, 3, 3, 3, 4]))
    shapes = [(n, k), (n, k), (k,), (n, 1), (7, k), (n, k, k), (n,), (5, n, k)]
    args = [rng.normal(size=s).astype(dtype) for s in shapes]
    rows = rng.integers(-7, 7, size=n)
    choices = [
        (int(rng.integers(0, 10**6)), int(rng.integers(len(_STEPS))))
        for _ in range(rng.integers(4, 14))
    ]
    weights = rng.normal(size=64).astype(dtype)

    def f(*given: Any) -> Any:
        *values, rows = given
        for number, kind in choices:
            own = np.random.default_rng(number)
            made = _STEPS[kind](own, values, rows)
            if made is not None and 0 < np.size(made) <= 20_000:
                values.append(made)
        total = 0.0
        for j, v in enumerate(values):
            total = total + weights[j % 64] * np.sum(np.tanh(v) * np.cos(0.1 * j + v))
        return total

    return f, (*args, rows)


def _any(rng: Any, values: Any, ndim: int = 0) -> Any:
    fitting = [v for v in values if np.ndim(v) >= ndim]
    return fitting[rng.integers(len(fitting))] if fitting else None


def _axis(rng: Any, x: Any) -> int:
    """Most often the last."""
    return -1 if rng.random() < 0.6 else int(rng.integers(np.ndim(x)))


def _one(rng: Any, values: Any, rows: Any) -> Any:
    x = _any(rng, values)
    how = rng.integers(8)
    return [
        lambda: np.sin(x), lambda: x**2, lambda: -x, lambda: 0.5 * x, lambda: np.sqrt(1 + x * x),
        lambda: np.where(x > 0, x, 0.3 * x), lambda: np.maximum(x, 0.1), lambda: x.copy(),
    ][how]()  # fmt: skip


def _two(rng: Any, values: Any, rows: Any) -> Any:
    x, y = _any(rng, values), _any(rng, values)
    try:
        np.broadcast_shapes(np.shape(x), np.shape(y))
    except ValueError:
        return None
    how = rng.integers(4)
    return [
        lambda: x + y, lambda: x - y, lambda: x * y, lambda: x / (1 + y * y),
    ][how]()  # fmt: skip


def _reduce(rng: Any, values: Any, rows: Any) -> Any:
    x = _any(rng, values, 1)
    axis: Any = _axis(rng, x)
    if rng.random() < 0.2 and np.ndim(x) > 1:
        axis = (axis, 0) if axis else (0, -1)
    if rng.random() < 0.1:
        axis = None
    how = [np.sum, np.sum, np.sum, np.mean, np.max, np.min, np.prod][rng.integers(7)]
    return how(x, axis=axis, keepdims=bool(rng.integers(2)))


def _part(rng: Any, values: Any, rows: Any) -> Any:
    x = _any(rng, values, 1)
    if np.shape(x)[-1] < 2:
        return None
    last = [0, -1, slice(0, 2), slice(1, None), slice(None, None, -1), slice(0, 1), None]
    key = last[rng.integers(len(last))]
    if rng.random() < 0.3 and np.ndim(x) > 1:
        rest: Any = [slice(None, None, 2), slice(None, None, -1), None, 0][rng.integers(4)]
        return x[rest, ..., key]
    return x[..., key] if rng.random() < 0.7 else x[..., None, key]


def _move(rng: Any, values: Any, rows: Any) -> Any:
    x = _any(rng, values, 2)
    how = rng.integers(8)
    return [
        lambda: np.transpose(x), lambda: x[:, None] - x[None, :32], lambda: x[..., None],
        lambda: np.reshape(x, (-1, np.shape(x)[-1])), lambda: np.swapaxes(x, 0, -2),
        lambda: np.moveaxis(x, 0, -2), lambda: np.broadcast_to(x, (2, *np.shape(x))),
        lambda: np.reshape(x, (1, *np.shape(x), 1)),
    ][how]()  # fmt: skip


def _write(rng: Any, values: Any, rows: Any) -> Any:
    x = _any(rng, values, 2)
    y = x * 1.0 if rng.random() < 0.6 else np.zeros_like(x)
    for _ in range(rng.integers(1, 4)):
        how = rng.integers(7)
        if how == 0:
            y[..., 0] = 0.5 * x[..., -1]
        elif how == 1 and np.shape(x)[-1] > 1:
            y[..., 1:] += x[..., :1]
        elif how == 2:
            y[..., -1] *= 1.5
        elif how == 3 and np.shape(x)[0] > 1:
            y[1:, ..., 0] = x[:-1, ..., 0] ** 2
        elif how == 4:
            y[..., :1] = 0.25
        elif how == 5:
            y[:] += x[::-1]
        elif np.shape(y)[0] >= 7:
            y[rows[:5]] = 0.5 * x[rows[2:7]]
    return y


def _gather(rng: Any, values: Any, rows: Any) -> Any:
    x = _any(rng, values, 2)
    if np.shape(x)[0] < 7:
        return None
    how = rng.integers(4)
    if how == 0:
        return x[rows]
    if how == 1:
        return x[rows, ..., 0]
    if how == 2 and np.shape(x)[-1] > 1:
        return x[rows, ..., 1:]
    return x[np.arange(33) % 7]


def _join(rng: Any, values: Any, rows: Any) -> Any:
    x = _any(rng, values, 1)
    how = rng.integers(5)
    if how == 0:
        return np.stack([x, x * x, 0.5 * x], axis=-1) if np.shape(x)[-1] > 4 else None
    if how == 1:
        return np.concatenate([x, 0.5 * x[::-1]], axis=_axis(rng, x))
    if how == 2:
        return np.stack([x, x * x], axis=0)
    if how == 3 and np.shape(x)[-1] >= 2:
        return np.stack([x[..., 0], x[..., 0] * x[..., 1], x[..., 1]], axis=-1)
    return np.concatenate([x[..., :1], x], axis=-1)


def _product(rng: Any, values: Any, rows: Any) -> Any:
    a, b = _any(rng, values, 1), _any(rng, values, 1)
    m = np.shape(a)[-1]
    how = rng.integers(6)
    if how == 5:
        return np.linalg.norm(1.5 + a, axis=-1, keepdims=bool(rng.integers(2)))
    if how == 0:
        turns = values[5]
        if np.shape(a) == np.shape(values[0]):
            word = ["nij,nj->ni", "nji,nj->ni", "nij,nj->nj"][rng.integers(3)]
            return np.einsum(word, turns, a)
    elif how == 1 and m == 3 == np.shape(b)[-1]:
        try:
            return np.cross(a, b)
        except ValueError:
            return None
    elif how == 2 and m == np.shape(values[5])[-1]:
        return a @ values[5][0] if rng.random() < 0.6 else a @ values[5][0, 0]
    elif how == 3 and np.shape(a) == np.shape(b):
        return np.vecdot(a, b)
    elif how == 4 and np.shape(a) == np.shape(b) and np.ndim(a) == 2:
        return (a.T @ b) / np.shape(a)[0]
    return None


_STEPS = [_one, _two, _two, _reduce, _reduce, _part, _move, _write, _gather, _join, _product]
