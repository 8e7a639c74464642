"""Reductions: sums, means, products, extremes, variances and running sums along axes.

The rules work on the axes as NumPy takes them; `spread` puts a reduced gradient back over them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassgrad.gates.declare import _named, alias, case, composed, flat, general, linear

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


def _reducer(numpy: Any) -> Any:
    """A reduction of NumPy's with ``where=`` and ``mean=`` as operands behind the array.

    ``named`` tells which of them are there; both can be traced, and masks differ call by call.
    """

    def call(a: Any, *operands: Any, named: tuple[str, ...] = (), **static: Any) -> Any:
        if not named:
            return numpy(a, **static)
        return numpy(a, **dict(zip(named, operands, strict=True)), **static)

    return call


def _bound(numpy: Any, *known: str) -> Any:
    """Binding to (array, what else is an operand), static arguments."""
    plain = _named(("a",), numpy, (*known, "axis", "keepdims", "where"))

    def bind(args: Any, kwargs: Any) -> Any:
        values, static = plain(args, kwargs)
        if static.get("where", False) is True:
            del static["where"]
        named = tuple(name for name in ("mean", "where") if name in static)
        if named:
            values = (*values, *[static.pop(name) for name in named])
            static["named"] = named
        return values, static

    return bind


def _apart(rest: tuple[Any, ...], named: tuple[str, ...], last: int) -> tuple[Any, Any, list[Any]]:
    """``mean``, ``where`` (None where not given), and the `last` further arguments of a rule."""
    given = dict(zip(named, rest, strict=False))
    return given.get("mean"), given.get("where"), list(rest[len(rest) - last :])


def _handed(da: Any, where: Any, named: tuple[str, ...], dmean: Any = None) -> tuple[Any, ...]:
    """The gradients of the array and of what is an operand behind it; what is left out gets 0."""
    if where is not None:
        da = np.where(where, da, 0.0)
        dmean = None if dmean is None else np.where(where, dmean, 0.0)
    return (da, *[dmean if name == "mean" else None for name in named])


def _many(a: Any, axis: Any, where: Any) -> Any:
    """How many elements each result is made of: a number, or counts along the kept axes."""
    if where is None:
        return count(a, axis)
    return np.sum(np.broadcast_to(where, np.shape(a)), axis=axis, keepdims=True)


_WHERE = np.array([[True, False, True], [True, True, False]])


@linear(_reducer(np.sum), key=np.sum, says="hands the gradient to every summand",
        bind=_bound(np.sum, "dtype", "initial"),
        examples=[case(_M), case(_M, axis=1), case(_M, axis=0, keepdims=True),
                  case(_M, axis=(0, 1)), case(_M, axis=-1, initial=2.0),
                  case(_M, _WHERE, named=("where",), axis=0)])  # fmt: skip
def sum(a: Any, *rest: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False,
        initial: Any = None, named: tuple[str, ...] = ()) -> Any:  # fmt: skip
    _, where, (dy,) = _apart(rest, named, 1)
    return _handed(spread(a, dy, axis, keepdims), where, named)


@linear(_reducer(np.mean), key=np.mean, says="hands every element an equal share",
        bind=_bound(np.mean, "dtype"),
        examples=[case(_M), case(_M, axis=0), case(_M, axis=(0, 1), keepdims=True),
                  case(_M, _WHERE, named=("where",), axis=1)])  # fmt: skip
def mean(a: Any, *rest: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False,
         named: tuple[str, ...] = ()) -> Any:  # fmt: skip
    _, where, (dy,) = _apart(rest, named, 1)
    if where is None:
        return _handed(spread(a, dy / count(a, axis), axis, keepdims), None, named)
    shares = kept(a, dy, axis, keepdims) / _many(a, axis, where)
    return _handed(np.broadcast_to(shares, np.shape(a)), where, named)


def _centred(a: Any, axis: Any, mean: Any, where: Any) -> Any:
    """The elements less their mean; NaN of an element left out does not spread."""
    if mean is None and where is None:
        return a - np.mean(a, axis=axis, keepdims=True)
    if mean is None:
        mean = np.mean(a, axis=axis, keepdims=True, where=where)
    return a - mean


def _freedom(a: Any, axis: Any, where: Any, ddof: Any, correction: Any) -> Any:
    """What NumPy divides the squares by; NaN where it divides by zero."""
    n = _many(a, axis, where) - (ddof if correction is None else correction)
    if where is None:
        return n if n > 0 else math.nan
    return np.where(n > 0, n, math.nan)


@general(_reducer(np.var), key=np.var, says="pushes every element away from the mean",
         bind=_bound(np.var, "dtype", "ddof", "mean", "correction"),
         examples=[case(_M), case(_M, axis=0, ddof=1), case(_M, axis=1, keepdims=True),
                   case(_M, correction=1), case(_M, _WHERE, named=("where",), axis=1),
                   case(_M, np.array([[0.5], [-0.25]]), _WHERE, named=("mean", "where"), axis=1),
                   case(_M, np.array([[0.5], [-0.25]]), named=("mean",), axis=1)])  # fmt: skip
def var(a: Any, *rest: Any, axis: Any = None, dtype: Any = None, ddof: Any = 0,
        keepdims: bool = False, correction: Any = None, named: tuple[str, ...] = ()) -> Any:  # fmt: skip
    mean, where, (_, dy) = _apart(rest, named, 2)
    n = _freedom(a, axis, where, ddof, correction)
    da = (2 / n) * _centred(a, axis, mean, where) * kept(a, dy, axis, keepdims)
    return _handed(da, where, named, -da if mean is not None else None)


@general(_reducer(np.std), key=np.std,
         says="pushes every element away from the mean; equal elements get nothing",
         bind=_bound(np.std, "dtype", "ddof", "mean", "correction"),
         examples=[case(_M), case(_M, axis=0, ddof=1), case(_M, axis=1, keepdims=True),
                   case(_M, _WHERE, named=("where",), axis=1),
                   case(_M, np.array([[0.5], [-0.25]]), named=("mean",), axis=1)])  # fmt: skip
def std(a: Any, *rest: Any, axis: Any = None, dtype: Any = None, ddof: Any = 0,
        keepdims: bool = False, correction: Any = None, named: tuple[str, ...] = ()) -> Any:  # fmt: skip
    mean, where, (y, dy) = _apart(rest, named, 2)
    n = _freedom(a, axis, where, ddof, correction)
    slope = np.where(y == 0, 0.0, dy / np.where(y == 0, 1.0, y))
    da = _centred(a, axis, mean, where) * (kept(a, slope, axis, keepdims) / n)
    return _handed(da, where, named, -da if mean is not None else None)


@general(_reducer(np.prod), key=np.prod,
         says="each factor's gradient is the product of all the others",
         bind=_bound(np.prod, "dtype", "initial"),
         examples=[case(_M), case(_M, axis=1), case(np.array([[2.0, 0.0], [3.0, 4.0]]), axis=1),
                   case(np.array([0.0, 0.0, 2.0])), case(_M, axis=0, keepdims=True),
                   case(np.array([0.0, 5.0, 2.0]), initial=3.0),
                   case(_M, _WHERE, named=("where",), axis=1)])  # fmt: skip
def prod(a: Any, *rest: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False,
         initial: Any = None, named: tuple[str, ...] = ()) -> Any:  # fmt: skip
    # Products of all factors before and all after: no division, so zeros among them are exact.
    _, where, (_, dy) = _apart(rest, named, 2)
    if initial is not None:
        dy = initial * dy
    if not np.ndim(a) or not np.size(a):
        return _handed(spread(a, dy, axis, keepdims), where, named)
    factors = a if where is None else np.where(where, a, 1.0)
    if axis is None or isinstance(axis, tuple):
        axes = tuple(range(np.ndim(a))) if axis is None else tuple(n % np.ndim(a) for n in axis)
        others = _others_along(factors, axes)
    else:
        others = _others(factors, axis)
    return _handed(others * kept(a, dy, axis, keepdims), where, named)


def _others_along(a: Any, axes: tuple[int, ...]) -> Any:
    """For every element, the product of all others along several axes."""
    if len(axes) == np.ndim(a) == 1:
        return _others(a, 0)
    rest = tuple(n for n in range(np.ndim(a)) if n not in axes)
    apart = np.transpose(a, rest + axes)
    length = tuple(np.shape(a)[n] for n in rest)
    others = np.reshape(_others(np.reshape(apart, (*length, -1)), -1), np.shape(apart))
    return np.transpose(others, tuple(int(i) for i in np.argsort(rest + axes)))


def _others(a: Any, axis: int) -> Any:
    """For every element, the product of all others along an axis."""
    axis %= np.ndim(a)
    shape = np.shape(a)
    ones = np.ones((*shape[:axis], 1, *shape[axis + 1 :]), a.dtype)
    head, tail = _part(np.ndim(a), axis, slice(None, -1)), _part(np.ndim(a), axis, slice(1, None))
    back = _part(np.ndim(a), axis, slice(None, None, -1))
    before = np.cumprod(np.concatenate([ones, a[head]], axis=axis), axis=axis)
    after = np.cumprod(np.concatenate([a[tail], ones], axis=axis)[back], axis=axis)[back]
    return before * after


def _part(ndim: int, axis: int, part: slice) -> tuple[Any, ...]:
    return tuple(part if n == axis else slice(None) for n in range(ndim))


def _extreme(
    a: Any, rest: tuple[Any, ...], axis: Any, keepdims: bool, initial: Any, named: tuple[str, ...]
) -> Any:
    _, where, (y, dy) = _apart(rest, named, 2)
    largest = kept(a, y, axis, keepdims)
    hit = a == largest
    if where is not None:
        hit = hit & where
    many = np.sum(hit, axis=axis, keepdims=True)
    if initial is not None:
        many = many + (largest == initial)  # one more that may win, or tie
    # Of a NaN none is hit: 0 / 0 is NaN.
    return _handed(hit * (kept(a, dy, axis, keepdims) / many), where, named)


_TIED = np.array([[1.0, 3.0, -0.5], [2.0, 0.25, 4.0]])


@general(_reducer(np.max), key=np.max,
         says="routes the gradient to the largest element; ties share it",
         bind=_bound(np.max, "initial"),
         examples=[case(_TIED), case(_TIED, axis=1), case(_TIED, axis=0, keepdims=True),
                   case(_TIED, axis=(0, 1)), case(_TIED, axis=0, initial=2.5),
                   case(_TIED, _WHERE, named=("where",), axis=0, initial=0.5)])  # fmt: skip
def max(a: Any, *rest: Any, axis: Any = None, keepdims: bool = False, initial: Any = None,
        named: tuple[str, ...] = ()) -> Any:  # fmt: skip
    return _extreme(a, rest, axis, keepdims, initial, named)


@general(_reducer(np.min), key=np.min,
         says="routes the gradient to the smallest element; ties share it",
         bind=_bound(np.min, "initial"),
         examples=[case(_TIED), case(_TIED, axis=1), case(_TIED, axis=0, keepdims=True),
                   case(_TIED, axis=0, initial=0.5),
                   case(_TIED, _WHERE, named=("where",), axis=0, initial=2.5)])  # fmt: skip
def min(a: Any, *rest: Any, axis: Any = None, keepdims: bool = False, initial: Any = None,
        named: tuple[str, ...] = ()) -> Any:  # fmt: skip
    return _extreme(a, rest, axis, keepdims, initial, named)


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
