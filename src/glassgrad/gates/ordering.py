"""Order: sorting and picking along axes. What was moved forward goes back to where it came from."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.gates.declare import case, composed, flat, general
from glassgrad.gates.indexing import SLOT, add_at, getitem, index

_M = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.5]])
_SAYS = "gives places: no gradient flows"


def along(shape: tuple[int, ...], axis: int, order: Any) -> tuple[Any, ...]:
    """Index arrays that read, at every other place, the places `order` along `axis`."""
    grids = [np.reshape(np.arange(n), tuple(n if i == d else 1 for i in range(len(shape))))
             for d, n in enumerate(shape)]  # fmt: skip
    return (*grids[:axis], order, *grids[axis + 1 :])


def put_back(a: Any, dy: Any, axis: int, order: Any) -> Any:
    """An array like `a`, zero but for `dy` added at the places it was read from."""
    zeros = np.zeros(np.shape(a), dy.dtype)
    indices = along(np.shape(a), axis, order)
    return add_at(zeros, dy, *indices, template=(SLOT,) * np.ndim(a))


def _sort_bind(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *,
               stable: Any = None) -> Any:  # fmt: skip
    if axis is None:
        a, axis = np.ravel(a), -1
    return (a,), {} if axis == -1 else {"axis": axis}


@general(np.sort, says="hands each element its own gradient back, wherever it went",
         bind=lambda args, kwargs: _sort_bind(*args, **kwargs),
         examples=[case(_M), case(_M, axis=0)])  # fmt: skip
def sort(a: Any, y: Any, dy: Any, *, axis: int = -1) -> Any:
    order = np.argsort(a, axis=axis, kind="stable")
    return (put_back(a, dy, axis % np.ndim(a), order),)


def _places(name: str, numpy: Any, examples: Any) -> Any:
    def bind(args: Any, kwargs: Any) -> Any:
        names = ("axis", "kind", "order") if name == "argsort" else ("kth", "axis")
        static = dict(zip(names, args[1:], strict=False)) | dict(kwargs)
        return args[:1], {k: v for k, v in static.items() if v is not None or k == "axis"}

    return flat(name, numpy, says=_SAYS, examples=examples, bind=bind)


argsort = _places("argsort", np.argsort, [case(_M), case(_M, axis=0)])
argpartition = _places("argpartition", np.argpartition, [case(_M, kth=1)])


@composed(np.partition)
def partition(
    a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None
) -> Any:
    if axis is None:
        a, axis = np.ravel(a), -1
    return np.take_along_axis(a, np.argpartition(a, kth, axis=axis), axis)


searchsorted = flat("searchsorted", np.searchsorted, says=_SAYS, operands=("a", "v"),
                    examples=[case(np.array([1.0, 2.0]), 1.5)],
                    bind=lambda args, kwargs: (args[:2], {"side": args[2]} if len(args) > 2
                                               else dict(kwargs)))  # fmt: skip


@composed(np.take)
def take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    if axis is None:
        a, axis = np.ravel(a), 0
    axis %= np.ndim(a)
    where = np.asarray(indices) if isinstance(indices, (list, tuple)) else indices
    if mode == "wrap":
        where = where % np.shape(a)[axis]
    elif mode == "clip":
        where = np.clip(where, 0, np.shape(a)[axis] - 1)
    return index(a, (slice(None),) * axis + (where,))


@composed(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    if axis is None:
        arr, axis = np.ravel(arr), 0
    shape = np.shape(arr)
    axis %= len(shape)
    if np.ndim(indices) != len(shape):
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    return getitem(arr, *along(shape, axis, indices), template=(SLOT,) * len(shape))


@composed(np.compress)
def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    return take(a, np.flatnonzero(np.asarray(condition)), axis)


@composed(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    return take(np.ravel(arr), np.flatnonzero(np.asarray(condition)))


@composed(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = np.where(condition, choice, result)
    return result


@composed(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None,
               neginf: Any = None) -> Any:  # fmt: skip
    largest = np.finfo(x.dtype).max
    x = np.where(np.isnan(x), nan, x)
    x = np.where(x == np.inf, largest if posinf is None else posinf, x)
    return np.where(x == -np.inf, -largest if neginf is None else neginf, x)


@composed(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    n = len(xi)
    places = list(range(n))
    if indexing == "xy" and n > 1:
        places[0], places[1] = 1, 0
    made = [np.reshape(x, tuple(-1 if d == p else 1 for d in range(n)))
            for x, p in zip(xi, places, strict=True)]  # fmt: skip
    return tuple(made if sparse else np.broadcast_arrays(*made))


@composed(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    if x is None:
        d = dx
    else:
        d = np.diff(x)
        if np.ndim(x) == 1:
            d = np.reshape(d, tuple(np.size(d) if i == axis % np.ndim(y) else 1
                                    for i in range(np.ndim(y))))  # fmt: skip
    before = (slice(None),) * (axis % np.ndim(y))
    return np.sum(d * (y[(*before, slice(1, None))] + y[(*before, slice(None, -1))]) / 2.0,
                  axis=axis)  # fmt: skip


@composed(np.linspace)
def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
             dtype: Any = None, axis: int = 0, *, device: Any = None) -> Any:  # fmt: skip
    num = num.__index__()
    div = num - 1 if endpoint else num
    precision = np.result_type(start, stop, float(num))
    steps = np.reshape(np.arange(num, dtype=precision), (-1,) + (1,) * np.ndim(stop - start))
    step = (stop - start) / div if div > 0 else np.nan
    made = steps * step + start if div > 0 else steps * (stop - start) + start
    if endpoint and num > 1:
        made[-1, ...] = stop
    made = np.moveaxis(made, 0, axis) if axis != 0 else made
    return (made, step) if retstep else made
