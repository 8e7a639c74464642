"""Indexing: reading from and writing to parts of an array, as pure gates.

A key such as ``x[1:, idx, None]`` is split into a *template* (slices, numbers, None, Ellipsis,
with slots where arrays stood) and the arrays themselves, which are inputs of the gate: their
contents may differ from call to call.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.circuit import WireType
from glassgrad.gates.declare import OPS, Scatter, case, general, linear

__all__ = ["SLOT", "add_at", "getitem", "index", "joined", "setitem", "split"]


class _Slot:
    """Marks the place of an index array in a template."""

    def __repr__(self) -> str:
        return "_"


SLOT = _Slot()


def split(key: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """A key as (template, index arrays): arrays and traced values become slots."""
    parts = key if isinstance(key, tuple) else (key,)
    template: list[Any] = []
    indices: list[Any] = []
    for part in parts:
        cls = type(part)
        if cls is int or part is None or part is Ellipsis:
            template.append(part)
        elif cls is slice:
            template.append(slice(*[_bound(b) for b in (part.start, part.stop, part.step)]))
        elif isinstance(part, np.integer) and not hasattr(part, "wire"):
            template.append(int(part))
        elif isinstance(part, (list, tuple, range)):
            template.append(SLOT)
            indices.append(np.asarray(part) if len(part) else np.zeros(0, int))
        else:
            template.append(SLOT)
            indices.append(part)
    return tuple(template), tuple(indices)


def _bound(b: Any) -> Any:
    return b if b is None or type(b) is int else b.__index__()


def joined(template: tuple[Any, ...], indices: tuple[Any, ...]) -> Any:
    """The key again, from template and index arrays."""
    rest = iter(indices)
    parts = tuple([next(rest) if part is SLOT else part for part in template])
    return parts[0] if len(parts) == 1 else parts


def index(x: Any, key: Any) -> Any:
    """``x[key]`` for an array, traced or not."""
    template, indices = split(key)
    return getitem(x, *indices, template=template)


def simple(template: tuple[Any, ...], indices: tuple[Any, ...]) -> bool:
    """Whether no element can be named twice: slices and numbers only, or masks."""
    return all(np.result_type(i).kind == "b" if np.shape(i) or _is_bool(i) else True
               for i in indices) or not indices  # fmt: skip


def _is_bool(i: Any) -> bool:
    return bool(np.result_type(i).kind == "b")


def _getitem(x: Any, *indices: Any, template: tuple[Any, ...], shape: Any = None) -> Any:
    """What a mask picks has a shape no type tells, so rules give it; a guard keeps it true."""
    part = x[joined(template, indices)]
    if shape is not None and part.shape != shape:  # asked for the type, with a mask that stands in
        return np.broadcast_to(np.ones((), x.dtype), shape)
    return part


@linear(_getitem, says="reads part of an array: the rest gets no gradient", views=True,
        bind=lambda args, kwargs: (args, dict(kwargs)),
        examples=[case(np.arange(12.0).reshape(3, 4), template=(1, slice(None, None, 2))),
                  case(np.arange(12.0).reshape(3, 4), np.array([0, 2, 0]), template=(SLOT,)),
                  case(np.arange(12.0).reshape(3, 4), np.array([True, False, True]),
                       template=(SLOT, slice(0, 2))),
                  case(np.arange(4.0), template=(2,))])  # fmt: skip
def getitem(x: Any, *indices_and_dy: Any, template: tuple[Any, ...], shape: Any = None) -> Any:
    *indices, dy = indices_and_dy
    return Scatter(template, tuple(indices), dy)


def _setitem(
    x: Any, value: Any, *indices: Any, template: tuple[Any, ...], shape: Any = None
) -> Any:
    y = x.copy("K")  # the layout in memory decides how later sums round
    y[joined(template, indices)] = value
    return y


def _like_first(x: WireType, *rest: WireType, **static: Any) -> WireType:
    return x


@general(_setitem, says="overwrites part of an array: what stood there gets no gradient",
         bind=lambda args, kwargs: (args, dict(kwargs)), shape=_like_first,
         examples=[case(np.arange(12.0).reshape(3, 4), np.array([5.0, 6.0]),
                        template=(1, slice(None, None, 2))),
                   case(np.arange(12.0).reshape(3, 4), 2.5, template=(Ellipsis, 0)),
                   case(np.arange(4.0), np.array([1.0, 2.0, 3.0]), np.array([3, 1, 3]),
                        template=(SLOT,)),
                   case(np.arange(4.0), 7.0, np.array([True, False, True, False]),
                        template=(SLOT,))])  # fmt: skip
def setitem(x: Any, value: Any, *rest: Any, template: tuple[Any, ...], shape: Any = None) -> Any:
    *indices, _, dy = rest
    dy = dy if np.shape(dy) else OPS["array"](dy, shape=())  # nobody can write into a scalar
    known = {"template": template} if shape is None else {"template": template, "shape": shape}
    dvalue = getitem(dy, *indices, **known)
    if not simple(template, tuple(indices)):
        # Of several values written to one place only the last is there in the end.
        order = np.reshape(np.arange(np.size(dvalue)), np.shape(dvalue))
        last = setitem(np.zeros(np.shape(x), int), order, *indices, template=template)
        dvalue = np.where(getitem(last, *indices, **known) == order, dvalue, 0.0)
    return setitem(dy, 0.0, *indices, template=template), dvalue, *[None] * len(indices)


def _add_at(x: Any, value: Any, *indices: Any, template: tuple[Any, ...]) -> Any:
    y = x.copy("K")  # the layout in memory decides how later sums round
    np.add.at(y, joined(template, indices), value)
    return y


@general(_add_at, says="adds into part of an array", shape=_like_first,
         bind=lambda args, kwargs: (args, dict(kwargs)),
         examples=[case(np.arange(12.0).reshape(3, 4), np.array([5.0, 6.0]),
                        template=(1, slice(None, None, 2))),
                   case(np.arange(4.0), np.array([1.0, 2.0, 3.0]), np.array([3, 1, 3]),
                        template=(SLOT,))])  # fmt: skip
def add_at(x: Any, value: Any, *rest: Any, template: tuple[Any, ...]) -> Any:
    *indices, _, dy = rest
    masked = any(_is_bool(i) for i in indices)
    known = {"template": template, "shape": np.shape(value)} if masked else {"template": template}
    return dy, getitem(dy, *indices, **known), *[None] * len(indices)
