"""Creation: arrays made inside the traced function, empty, filled or from a list of values.

They are gates so that the function may write to them later. `np.array([x, y])` with traced
elements is one gate with all elements as inputs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassgrad.gates.declare import OPS, case, composed, flat, linear

_SAYS = "makes an array: nothing flows back"


def _nested(*elements: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """An array from its elements in C order."""
    return np.array(elements, dtype=dtype).reshape(shape)


@linear(_nested, says="hands each element its own piece of the gradient",
        bind=lambda args, kwargs: (args, dict(kwargs)),
        examples=[case(1.0, -2.0, 0.5, shape=(3,)),
                  case(1.0, 2.0, 3.0, 4.0, shape=(2, 2))])  # fmt: skip
def array(*elements_and_dy: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
    *elements, dy = elements_and_dy
    if not shape:
        return (dy,)
    if len(shape) == 1:
        return tuple(dy[n] for n in range(len(elements)))
    return tuple(dy[tuple(int(i) for i in np.unravel_index(n, shape))]
                 for n in range(len(elements)))  # fmt: skip


@linear(lambda *xs: math.fsum(xs), says="hands the gradient to every summand", key="fsum",
        bind=lambda args, kwargs: (args, {}), examples=[case(1.0, -2.0, 0.5)])  # fmt: skip
def fsum(*summands_and_dy: Any) -> Any:
    """The correctly rounded sum of `math.fsum`, which no chain of additions gives."""
    *summands, dy = summands_and_dy
    return (dy,) * len(summands)


def _zeros(*, shape: Any, dtype: Any = float) -> Any:
    return np.zeros(shape, dtype)


def _ones(*, shape: Any, dtype: Any = float) -> Any:
    return np.ones(shape, dtype)


def _full_bind(args: Any, kwargs: Any) -> Any:
    given = dict(zip(("shape", "fill_value", "dtype"), args, strict=False)) | dict(kwargs)
    shape = given["shape"]
    shape = shape if isinstance(shape, (tuple, list)) else (shape,)
    static = {"shape": tuple(n.__index__() for n in shape)}
    if given.get("dtype") is not None:
        static["dtype"] = np.dtype(given["dtype"])
    return (given["fill_value"],), static


@linear(lambda fill, *, shape, dtype=None: np.full(shape, fill, dtype),
        says="copies forward, so it sums backward", key=np.full, bind=_full_bind,
        examples=[case(2.5, shape=(2, 3))])  # fmt: skip
def full(fill: Any, dy: Any, *, shape: Any, dtype: Any = None) -> Any:
    return dy


def _bind(args: Any, kwargs: Any) -> Any:
    return args, dict(kwargs)


zeros = flat("zeros", _zeros, says=_SAYS, bind=_bind, key=np.zeros, examples=[case(shape=(2, 3))])
ones = flat("ones", _ones, says=_SAYS, bind=_bind, key=np.ones, examples=[case(shape=(2, 3))])


def elements(values: Any) -> tuple[list[Any], tuple[int, ...]]:
    """A nested list as (elements in C order, shape); the elements may be traced scalars.

    Raises
    ------
    ValueError
        The nesting is ragged.
    """
    if isinstance(values, (list, tuple)):
        parts = [elements(v) for v in values]
        shapes = {shape for _, shape in parts}
        if len(shapes) > 1:
            raise ValueError(f"ragged nested sequence: parts of shapes {sorted(shapes)}")
        inner = shapes.pop() if shapes else ()
        return [e for flat_part, _ in parts for e in flat_part], (len(values), *inner)
    return [values], ()


def build(values: Any, dtype: Any = None) -> Any:
    """``np.array(values)`` where traced values stand somewhere in the nested lists."""
    if not isinstance(values, (list, tuple)):
        return values
    if values and all(isinstance(v, (list, tuple)) or np.ndim(v) for v in values):
        made = np.stack([build(v) for v in values])
    else:
        flat_elements, shape = elements(values)
        made = OPS["array"](*flat_elements, shape=shape)
    return made if dtype is None or made.dtype == dtype else made.astype(dtype)


def _like(name: str, fill: Any) -> Any:
    def made(a: Any, dtype: Any = None, order: Any = "K", subok: bool = True, shape: Any = None,
             **kwargs: Any) -> Any:  # fmt: skip
        dtype = np.dtype(dtype or a.dtype)
        static = {"shape": np.shape(a) if shape is None else shape}
        if dtype.kind != "f":
            return np.full(static["shape"], fill, dtype)
        return getattr(np, name)(static["shape"], dtype)

    return made


for _key, _name, _fill in (
    (np.zeros_like, "zeros", 0), (np.ones_like, "ones", 1), (np.empty_like, "zeros", 0),
):  # fmt: skip
    composed(_key)(_like(_name, _fill))


@composed(np.full_like)
def full_like(a: Any, fill_value: Any, dtype: Any = None, order: Any = "K", subok: bool = True,
              shape: Any = None, **kwargs: Any) -> Any:  # fmt: skip
    dtype = np.dtype(dtype or a.dtype)
    made = OPS["full"](fill_value, shape=np.shape(a) if shape is None else shape, dtype=dtype)
    return made
