"""Reductions: sums, means, products, extremes, variances and running sums along axes.

The rules work on the axes as NumPy takes them; `spread` puts a reduced gradient back over them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassgrad.gates.declare import alias, case, composed, flat, general, linear

_M = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.5]])


def kept(x: Any, y: Any, axis: Any, keepdims: bool) -> Any:
    """A reduced array with the reduced axes kept as ones, ready to broadcast against `x`."""
    ndim = len(np.shape(x))
    if keepdims or axis is None or ndim == 0:
        return y if keepdims or not np.ndim(y) else np.reshape(y, (1,) * ndim)
    return np.expand_dims(y, axis)


def spread(x: Any, dy: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """A reduced gradient put back over the axes that were reduced."""
    return np.broadcast_to(kept(x, dy, axis, keepdims), np.shape(x))


def count(x: Any, axis: Any) -> int:
    """How many elements each result of a reduction is made of."""
    shape = np.shape(x)
    if axis is None:
        axis = tuple(range(len(shape)))
    axes = axis if isinstance(axis, tuple) else (axis,)
    n = 1
    for a in axes:
        n *= shape[a]
    return n


@linear(np.sum, says="hands the gradient to every summand",
        examples=[case(_M), case(_M, axis=1), case(_M, axis=0, keepdims=True),
                  case(_M, axis=(0, 1)), case(_M, axis=-1, initial=2.0)])  # fmt: skip
def sum(a: Any, dy: Any, *, axis: Any = None, dtype: Any = None, keepdims: bool = False,
        initial: Any = None) -> Any:  # fmt: skip
    return spread(a, dy, axis, keepdims)


@linear(np.mean, says="hands every element an equal share",
        examples=[case(_M), case(_M, axis=0), case(_M, axis=(0, 1), keepdims=True)])  # fmt: skip
def mean(a: Any, dy: Any, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    return spread(a, dy / count(a, axis), axis, keepdims)


@general(np.var, says="pushes every element away from the mean",
         examples=[case(_M), case(_M, axis=0, ddof=1), case(_M, axis=1, keepdims=True),
                   case(_M, correction=1)])  # fmt: skip
def var(a: Any, y: Any, dy: Any, *, axis: Any = None, dtype: Any = None, ddof: Any = 0,
        keepdims: bool = False, correction: Any = None) -> Any:  # fmt: skip
    n = _freedom(a, axis, ddof, correction)
    centred = a - np.mean(a, axis=axis, keepdims=True)
    return ((2 / n) * centred * kept(a, dy, axis, keepdims),)


def _freedom(a: Any, axis: Any, ddof: Any, correction: Any) -> float:
    """What NumPy divides the squares by; NaN where it divides by zero."""
    n = count(a, axis) - (ddof if correction is None else correction)
    return n if n > 0 else math.nan


@general(np.std, says="pushes every element away from the mean; equal elements get nothing",
         examples=[case(_M), case(_M, axis=0, ddof=1), case(_M, axis=1, keepdims=True)])  # fmt: skip
def std(a: Any, y: Any, dy: Any, *, axis: Any = None, dtype: Any = None, ddof: Any = 0,
        keepdims: bool = False, correction: Any = None) -> Any:  # fmt: skip
    n = _freedom(a, axis, ddof, correction)
    centred = a - np.mean(a, axis=axis, keepdims=True)
    slope = np.where(y == 0, 0.0, dy / (n * np.where(y == 0, 1.0, y)))
    return (centred * kept(a, slope, axis, keepdims),)


@general(np.prod, says="each factor's gradient is the product of all the others",
         examples=[case(_M), case(_M, axis=1), case(np.array([[2.0, 0.0], [3.0, 4.0]]), axis=1),
                   case(np.array([0.0, 0.0, 2.0])), case(_M, axis=0, keepdims=True),
                   case(np.array([0.0, 5.0, 2.0]))])  # fmt: skip
def prod(a: Any, y: Any, dy: Any, *, axis: Any = None, dtype: Any = None, keepdims: bool = False,
         initial: Any = None) -> Any:  # fmt: skip
    # Products of all factors before and all after: no division, so zeros among them are exact.
    lead = 1.0 if initial is None else initial
    if not np.ndim(a) or not np.size(a):
        return (lead * spread(a, dy, axis, keepdims),)
    if axis is None or isinstance(axis, tuple):
        axes = tuple(range(np.ndim(a))) if axis is None else tuple(n % np.ndim(a) for n in axis)
        rest = tuple(n for n in range(np.ndim(a)) if n not in axes)
        flat_last = np.reshape(np.transpose(a, rest + axes),
                               tuple(a.shape[n] for n in rest) + (-1,))  # fmt: skip
        others = np.reshape(_others(flat_last, -1), tuple(a.shape[n] for n in rest + axes))
        others = np.transpose(others, tuple(int(i) for i in np.argsort(rest + axes)))
    else:
        others = _others(a, axis)
    return (lead * others * kept(a, dy, axis, keepdims),)


def _others(a: Any, axis: int) -> Any:
    """For every element, the product of all others along an axis."""
    axis %= np.ndim(a)
    shape = np.shape(a)
    ones = np.ones(shape[:axis] + (1,) + shape[axis + 1 :], a.dtype)
    head, tail = _part(np.ndim(a), axis, slice(None, -1)), _part(np.ndim(a), axis, slice(1, None))
    back = _part(np.ndim(a), axis, slice(None, None, -1))
    before = np.cumprod(np.concatenate([ones, a[head]], axis=axis), axis=axis)
    after = np.cumprod(np.concatenate([a[tail], ones], axis=axis)[back], axis=axis)[back]
    return before * after


def _part(ndim: int, axis: int, part: slice) -> tuple[Any, ...]:
    return tuple(part if n == axis else slice(None) for n in range(ndim))


def _extreme(a: Any, y: Any, dy: Any, axis: Any, keepdims: bool, initial: Any) -> Any:
    hit = a == kept(a, y, axis, keepdims)
    many = np.sum(hit, axis=axis, keepdims=True)
    if initial is not None:
        many = np.maximum(many, 1)  # none is hit where `initial` wins
    return (hit * (kept(a, dy, axis, keepdims) / many),)  # of a NaN none is hit: 0 / 0 is NaN


_TIED = np.array([[1.0, 3.0, -0.5], [2.0, 0.25, 4.0]])


@general(np.max, says="routes the gradient to the largest element; ties share it",
         examples=[case(_TIED), case(_TIED, axis=1), case(_TIED, axis=0, keepdims=True),
                   case(_TIED, axis=(0, 1))])  # fmt: skip
def max(a: Any, y: Any, dy: Any, *, axis: Any = None, keepdims: bool = False,
        initial: Any = None) -> Any:  # fmt: skip
    return _extreme(a, y, dy, axis, keepdims, initial)


@general(np.min, says="routes the gradient to the smallest element; ties share it",
         examples=[case(_TIED), case(_TIED, axis=1), case(_TIED, axis=0, keepdims=True)])  # fmt: skip
def min(a: Any, y: Any, dy: Any, *, axis: Any = None, keepdims: bool = False,
        initial: Any = None) -> Any:  # fmt: skip
    return _extreme(a, y, dy, axis, keepdims, initial)


alias(max, np.amax)
alias(min, np.amin)


@linear(np.cumsum, says="each element gets the gradients of all sums it went into",
        examples=[case(_M), case(_M, axis=1), case(_M, axis=0)])  # fmt: skip
def cumsum(a: Any, dy: Any, *, axis: Any = None, dtype: Any = None) -> Any:
    if axis is None or not np.ndim(a):
        return np.reshape(np.cumsum(dy[::-1])[::-1], np.shape(a))
    back = _part(np.ndim(a), axis % np.ndim(a), slice(None, None, -1))
    return np.cumsum(dy[back], axis=axis)[back]


@general(np.cumprod, says="each factor gets its share of every product it went into",
         examples=[case(_M), case(_M, axis=1), case(np.array([2.0, 0.0, 3.0, 0.0, 4.0]))])  # fmt: skip
def cumprod(a: Any, y: Any, dy: Any, *, axis: Any = None, dtype: Any = None) -> Any:
    # d y_k / d a_i is the product of a_0..a_k without a_i. One matrix of "without" products along
    # the axis keeps zeros exact, at the price of a square in the length of the axis.
    if not np.ndim(a):
        axis = None
    x = np.reshape(a, (-1,)) if axis is None else np.moveaxis(a, axis, -1)
    g = dy if axis is None else np.moveaxis(dy, axis, -1)
    n = np.shape(x)[-1]
    diagonal = np.eye(n, dtype=bool)
    rows = np.where(diagonal, 1.0, np.expand_dims(x, -2))
    products = np.where(np.tri(n, dtype=bool).T, np.cumprod(rows, axis=-1), 0.0)
    da = np.sum(products * np.expand_dims(g, -2), axis=-1)
    return (np.reshape(da, np.shape(a)) if axis is None else np.moveaxis(da, -1, axis),)


def _question(name: str, numpy: Any, **more: Any) -> Any:
    return flat(name, numpy, says="gives places or truths: no gradient flows", operands=("a",),
                **more)  # fmt: skip


def _reducing(numpy: Any) -> Any:
    """Binding of reductions without gradient: the array, and whatever keywords NumPy takes."""

    def bind(args: Any, kwargs: Any) -> Any:
        names = ("axis", "dtype" if numpy in (np.all, np.any) else "out", "keepdims")
        static = dict(zip(names, args[1:], strict=False))
        static.update({k: v for k, v in kwargs.items() if k != "a" and v is not None})
        return (args[0] if args else kwargs["a"],), static

    return bind


for _name in ("argmax", "argmin", "all", "any", "count_nonzero"):
    _numpy = getattr(np, _name)
    _question(_name, _numpy, bind=_reducing(_numpy), examples=[case(_TIED), case(_TIED, axis=1)])


@composed(np.ptp)
def ptp(a: Any, axis: Any = None, out: None = None, keepdims: bool = False) -> Any:
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


@composed(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *,
            keepdims: bool = False) -> Any:  # fmt: skip
    if weights is None:
        mean_, total = np.mean(a, axis=axis, keepdims=keepdims), count(a, axis)
    else:
        w = np.asarray(weights) if not hasattr(weights, "wire") else weights
        if np.shape(w) != np.shape(a):
            w = np.reshape(w, tuple(n if i == axis % np.ndim(a) else 1
                                    for i, n in enumerate(np.shape(a))))  # fmt: skip
            w = np.broadcast_to(w, np.shape(a))
        total = np.sum(w, axis=axis, keepdims=keepdims)
        mean_ = np.sum(a * w, axis=axis, keepdims=keepdims) / total
    return (mean_, total) if returned else mean_
