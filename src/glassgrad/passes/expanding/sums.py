"""Statistics, norms and the functions around softmax, as the sums and extremes they are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from glassgrad.gates.declare import OPS

__all__ = ["SUMS"]


def _count(a: Any, axis: Any) -> int:
    shape = np.shape(a)
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return math.prod([shape[n] for n in axes])


def _var(a: Any, *rest: Any, axis: Any = None, dtype: Any = None, ddof: Any = 0,
         keepdims: bool = False, correction: Any = None, named: tuple[str, ...] = ()) -> Any:  # fmt: skip
    n = _count(a, axis) - (ddof if correction is None else correction)
    if dtype is not None or "where" in named or n <= 0 or a.dtype.kind != "f":
        return None
    mean = rest[0] if named == ("mean",) else np.mean(a, axis=axis, keepdims=True)
    apart = a - mean
    return np.sum(apart * apart, axis=axis, keepdims=keepdims) / a.dtype.type(n)


def _std(*values: Any, **static: Any) -> Any:
    var = _var(*values, **static)
    return None if var is None else np.sqrt(var)


def _sum(a: Any, *rest: Any, axis: Any = None, keepdims: bool = False, initial: Any = None,
         named: tuple[str, ...] = ()) -> Any:  # fmt: skip
    """A sum over some elements only, or one that starts at a number."""
    if named not in ((), ("where",)) or (not named and initial is None) or a.dtype.kind != "f":
        return None
    if named:
        a = np.where(rest[0], a, a.dtype.type(0))
    made = np.sum(a, axis=axis, keepdims=keepdims)
    return made if initial is None else made + initial


def _mean(a: Any, *rest: Any, axis: Any = None, keepdims: bool = False,
          named: tuple[str, ...] = ()) -> Any:  # fmt: skip
    if named != ("where",) or a.dtype.kind != "f":
        return None
    where = np.broadcast_to(rest[0], np.shape(a))
    total = np.sum(np.where(where, a, a.dtype.type(0)), axis=axis, keepdims=keepdims)
    return total / np.sum(np.where(where, a.dtype.type(1), a.dtype.type(0)), axis=axis,
                          keepdims=keepdims)  # fmt: skip


def _norm(x: Any, *, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    axes = (
        tuple(range(np.ndim(x))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    )
    if x.dtype.kind != "f" or not axes:
        return None
    if ord is None or (ord == "fro" and len(axes) == 2) or (ord == 2 and len(axes) == 1):
        return np.sqrt(np.sum(x * x, axis=axes, keepdims=keepdims))
    if len(axes) == 1 and ord == 1:
        return np.sum(np.abs(x), axis=axes, keepdims=keepdims)
    if len(axes) == 1 and ord == math.inf:
        return np.max(np.abs(x), axis=axes, keepdims=keepdims)
    if len(axes) == 1 and ord == -math.inf:
        return np.min(np.abs(x), axis=axes, keepdims=keepdims)
    return None


def _one_more(reduce: Any, both: Any) -> Callable[..., Any]:
    """An extreme or product of some elements only, or with one number more."""

    def rule(a: Any, *rest: Any, axis: Any = None, keepdims: bool = False, initial: Any = None,
             named: tuple[str, ...] = ()) -> Any:  # fmt: skip
        if named not in ((), ("where",)) or initial is None or a.dtype.kind != "f":
            return None
        more = a.dtype.type(initial)
        # What is left out is as if it were the number itself, or one.
        spare = more if reduce is not np.prod else a.dtype.type(1)
        chosen = np.where(rest[0], a, spare) if named else a
        return both(reduce(chosen, axis=axis, keepdims=keepdims), more)

    return rule


# -- exponentials and their shares ---------------------------------------------------------------


def _shares(x: Any, axis: Any) -> tuple[Any, Any, Any]:
    """The largest, all less it, and the sum of their exponentials."""
    largest = np.max(x, axis=axis, keepdims=True)
    less = x - largest
    return largest, less, np.exp(less)


def _softmax(x: Any, *, axis: Any = None) -> Any:
    _, _, exp = _shares(x, axis)
    return exp / np.sum(exp, axis=axis, keepdims=True)


def _log_softmax(x: Any, *, axis: Any = None) -> Any:
    _, less, exp = _shares(x, axis)
    return less - np.log(np.sum(exp, axis=axis, keepdims=True))


def _logsumexp(a: Any, *weights: Any, axis: Any = None, keepdims: bool = False,
               named: Any = ()) -> Any:  # fmt: skip
    if weights:
        return None
    largest, _, exp = _shares(a, axis)
    made = np.log(np.sum(exp, axis=axis, keepdims=True)) + largest
    if keepdims:
        return made
    shape = np.shape(np.sum(np.broadcast_to(0.0, np.shape(a)), axis=axis))
    return np.reshape(made, shape)


def _log_expit(x: Any) -> Any:
    return -OPS["softplus"](-x)


def _xlogy(x: Any, y: Any) -> Any:
    none = x == 0
    return np.where(none, 0.0, x * np.log(np.where(none, 1.0, y)))


SUMS: Mapping[str, Callable[..., Any]] = {
    "var": _var, "std": _std, "sum": _sum, "mean": _mean, "norm": _norm, "softmax": _softmax,
    "log_softmax": _log_softmax, "logsumexp": _logsumexp, "max": _one_more(np.max, np.maximum),
    "min": _one_more(np.min, np.minimum), "prod": _one_more(np.prod, np.multiply),
    "expit": OPS["sigmoid"], "log_expit": _log_expit, "xlogy": _xlogy,
}  # fmt: skip
