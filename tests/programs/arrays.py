"""Random functions of arrays of odd sizes: what loop nests are made of.

Each step takes values made before and makes another; the result is a sum over all that is left.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["program"]

_SIZES = (1, 2, 3, 5, 8, 13, 33, 40, 100, 257)


def program(seed: int) -> tuple[Any, tuple[Any, ...]]:
    """A function of two or three arrays, and arguments for it."""
    rng = np.random.default_rng(seed)
    dtype = np.float32 if rng.random() < 0.25 else np.float64
    n, m = (int(rng.choice(_SIZES)) for _ in range(2))
    shapes = [(n, m), (m,), (n, 1), (n, m)][: int(rng.integers(2, 5))]
    args = tuple([rng.normal(size=s).astype(dtype) for s in shapes])
    choices = [
        (int(rng.integers(0, 10**6)), int(rng.integers(len(_STEPS))))
        for _ in range(rng.integers(3, 14))
    ]
    weights = rng.normal(size=64).astype(dtype)

    def f(*given: Any) -> Any:
        values = list(given)
        for number, kind in choices:
            own = np.random.default_rng(number)
            made = _STEPS[kind](own, values)
            if made is not None:
                values.append(made)
        total = 0.0
        for k, v in enumerate(values):
            total = total + weights[k % 64] * np.sum(np.tanh(v))
        return total

    return f, args


def _any(rng: Any, values: Any, ndim: int | None = None) -> Any:
    fitting = [v for v in values if ndim is None or np.ndim(v) == ndim]
    return fitting[rng.integers(len(fitting))] if fitting else None


def _one(rng: Any, values: Any) -> Any:
    x = _any(rng, values)
    how = rng.integers(12)
    return [
        lambda: np.sin(x), lambda: np.exp(-x * x), lambda: np.tanh(x), lambda: np.sqrt(1 + x * x),
        lambda: x * 0.5, lambda: -x, lambda: np.log1p(x * x), lambda: 1 / (1 + x * x),
        lambda: np.maximum(x, 0.1), lambda: np.where(x > 0, x, 0.3 * x), lambda: np.abs(x) ** 1.5,
        lambda: np.clip(x, -0.7, 0.9),
    ][how]()  # fmt: skip


def _two(rng: Any, values: Any) -> Any:
    x, y = _any(rng, values), _any(rng, values)
    try:
        np.broadcast_shapes(np.shape(x), np.shape(y))
    except ValueError:
        return None
    how = rng.integers(6)
    return [
        lambda: x + y, lambda: x - y, lambda: x * y, lambda: x / (1 + y * y),
        lambda: np.maximum(x, y), lambda: np.logaddexp(x, y),
    ][how]()  # fmt: skip


def _reduce(rng: Any, values: Any) -> Any:
    x = _any(rng, values)
    if not np.ndim(x):
        return None
    axis = None if rng.random() < 0.2 else int(rng.integers(np.ndim(x)))
    how = [np.sum, np.mean, np.max, np.min][rng.integers(4)]
    return how(x, axis=axis, keepdims=bool(rng.integers(2)))


def _slice(rng: Any, values: Any) -> Any:
    x = _any(rng, values)
    if not np.ndim(x):
        return None
    key = []
    for size in np.shape(x):
        start = int(rng.integers(0, max(size // 2, 1)))
        key.append(
            slice(start, None, int(rng.integers(1, 3)))
            if rng.random() < 0.7
            else slice(None, None, -1)
        )
    return x[tuple(key)]


def _move(rng: Any, values: Any) -> Any:
    x = _any(rng, values)
    if not np.ndim(x):
        return None
    how = rng.integers(6)
    return [
        lambda: np.transpose(x), lambda: np.ravel(x), lambda: np.expand_dims(x, 0),
        lambda: x[..., None], lambda: np.flip(x, 0), lambda: np.reshape(np.transpose(x), -1),
    ][how]()  # fmt: skip


def _write(rng: Any, values: Any) -> Any:
    x = _any(rng, values)
    if not np.ndim(x) or np.shape(x)[0] < 3:
        return None
    y = x * 1.0
    for _ in range(rng.integers(1, 4)):
        a = int(rng.integers(0, np.shape(x)[0] - 2))
        how = rng.integers(4)
        if how == 0:
            y[a:-1] = y[a + 1 :] * 0.5
        elif how == 1:
            y[a] += 0.25 * y[a + 1]
        elif how == 2:
            y[1 : 1 + a] *= 1.5
        else:
            y[a:] = 0.5
    return y


def _gather(rng: Any, values: Any) -> Any:
    x = _any(rng, values)
    if not np.ndim(x):
        return None
    places = rng.integers(0, np.shape(x)[0], size=int(rng.integers(1, 20)))
    if rng.random() < 0.3:
        y = x * 1.0
        y[places] = 0.5 * x[places[::-1]]
        return y
    return x[places]


def _join(rng: Any, values: Any) -> Any:
    x = _any(rng, values)
    if not np.ndim(x):
        return None
    return np.concatenate([x, 0.5 * x[::-1]]) if rng.random() < 0.5 else np.stack([x, x * x])


def _product(rng: Any, values: Any) -> Any:
    a, b = _any(rng, values, 2), _any(rng, values)
    if a is None:
        return None
    if np.ndim(b) == 1 and np.shape(b)[0] == np.shape(a)[1]:
        return (a @ b) / np.shape(a)[1]
    if np.ndim(b) == 2:
        for left, right in ((a, b), (a, np.transpose(b)), (np.transpose(a), b)):
            if np.shape(left)[1] == np.shape(right)[0]:
                return (left @ right) / np.shape(left)[1]
    return None


_STEPS = [_one, _one, _two, _two, _reduce, _slice, _move, _write, _gather, _join, _product]
