"""Numerical derivatives and comparisons for the tests: what every gradient is measured against.

Knows functions of numbers and arrays, nothing of gates. Central differences at two steps are
combined so that the error is of fourth order (Richardson), which leaves about ten digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = [
    "close", "differentiable", "directional", "gradient", "identical", "inner", "leaves", "like",
    "moved",
]  # fmt: skip

STEP = 1e-3


def leaves(value: Any) -> list[Any]:
    """The numbers and arrays of a result that may be a tuple or a list."""
    if isinstance(value, (tuple, list)):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


def differentiable(value: Any) -> bool:
    """Whether a value has a gradient: a Python float, or a NumPy value of real numbers."""
    return type(value) is float or (
        isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "f"
    )


def inner(a: Any, b: Any) -> float:
    """The sum of products over all leaves, in double precision."""
    total = 0.0
    for x, y in zip(leaves(a), leaves(b), strict=True):
        total += float(np.sum(np.asarray(x, float) * np.asarray(y, float)))
    return total


def like(value: Any, rng: np.random.Generator) -> Any:
    """Random numbers nested, shaped and typed like a value: an upstream gradient, a direction."""
    if isinstance(value, (tuple, list)):
        return type(value)(like(v, rng) for v in value)
    made = rng.uniform(0.5, 1.5, np.shape(value)) * rng.choice([-1.0, 1.0], np.shape(value))
    if isinstance(value, np.ndarray):
        return np.asarray(made, value.dtype)
    return type(value)(made)


def moved(x: Any, step: float, direction: Any) -> Any:
    """A value a step further in a direction, of the same kind."""
    if isinstance(x, np.ndarray):
        return np.asarray(x + step * np.asarray(direction, x.dtype), x.dtype)
    return type(x)(x + step * direction)


def directional(
    f: Callable[..., float], args: Sequence[Any], directions: Sequence[Any], step: float = STEP
) -> float:
    """The slope of a scalar function along a direction (None for arguments that stay)."""

    def at(h: float) -> float:
        return f(
            *[x if d is None else moved(x, h, d) for x, d in zip(args, directions, strict=True)]
        )

    wide = (at(step) - at(-step)) / (2 * step)
    near = (at(step / 2) - at(-step / 2)) / step
    return (4 * near - wide) / 3


def gradient(f: Callable[..., float], args: Sequence[Any], n: int, step: float = STEP) -> Any:
    """The numerical gradient of a scalar function in its argument number n, element by element."""
    x = args[n]
    slopes = np.zeros(np.shape(x))
    for place in np.ndindex(np.shape(x)):
        direction = np.zeros(np.shape(x))
        direction[place] = 1.0
        directions = [direction if k == n else None for k in range(len(args))]
        slopes[place] = directional(f, args, directions, step)
    return slopes


def close(
    found: Any, expected: Any, rtol: float = 1e-7, atol: float = 1e-7, what: str = ""
) -> None:
    """Assert equality of all leaves up to a tolerance; NaN equals NaN."""
    for a, b in zip(leaves(found), leaves(expected), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol, atol=atol, err_msg=what)


def identical(found: Any, expected: Any, what: str = "") -> None:
    """Assert that two results are the same bit for bit, in kind, dtype and shape too."""
    if isinstance(expected, (tuple, list)):
        assert isinstance(found, (tuple, list)), (what, found, expected)
        assert len(found) == len(expected), what
        for a, b in zip(found, expected, strict=True):
            identical(a, b, what)
        return
    assert type(found) is type(expected), f"{what}: {type(found)} instead of {type(expected)}"
    assert np.shape(found) == np.shape(expected), f"{what}: {np.shape(found)}, {np.shape(expected)}"
    a, b = np.asarray(found), np.asarray(expected)
    assert a.dtype == b.dtype, f"{what}: {a.dtype} instead of {b.dtype}"
    same = a.tobytes() == b.tobytes() or np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    assert same, f"{what}: {found!r} instead of {expected!r}"
