"""The shape rule of any op: its own, or what it gives on stand-ins of the same types.

Stand-ins are ones (identity matrices where square), so no rule has to repeat NumPy's own
knowledge of shapes and dtypes; elementwise ops run on arrays of one element and broadcast the
shapes by hand. Answers are remembered by types, so that a loop asks once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.circuit.model import BOOL, FLOAT, INT, Constant, Op, Operand, WireType, type_of

__all__ = ["infer", "stand_in"]

_known: dict[Any, tuple[WireType, ...]] = {}
_elementwise: dict[Any, tuple[WireType, ...]] = {}
_LIMIT = 100_000  # entries; cleared when full, so that a long-lived process does not grow


def infer(
    op: Op, types: tuple[WireType, ...], static: Mapping[str, Any], operands: Sequence[Operand] = ()
) -> tuple[WireType, ...]:
    """The types of an op's outputs for inputs of these types.

    Integer constants among `operands` are used as they are: an index or a count can decide a shape.
    """
    if op.elementwise and not static:  # values decide nothing, and these are most gates by far
        short = _elementwise.get((op, types))
        if short is None:
            short = _elementwise[op, types] = _infer(op, types, static, operands)
        return short
    constants = tuple(
        _freeze(o.value) if isinstance(o, Constant) and o.type.dtype.kind in "biu" else None
        for o in operands
    )
    key = (op, types, static_key(static), constants)
    found = _known.get(key)
    if found is None:
        found = _infer(op, types, static, operands)
        if len(_known) > _LIMIT:
            _known.clear()
        _known[key] = found
    return found


def static_key(static: Mapping[str, Any]) -> Any:
    """Static arguments as something to look up by: themselves, or their text (slices, arrays)."""
    if not static:
        return ()
    key = tuple(static.items())
    try:
        hash(key)
    except TypeError:
        return repr([(k, v.tobytes() if isinstance(v, np.ndarray) else v) for k, v in key])
    return key


def _freeze(value: Any) -> Any:
    return (value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value


def _infer(
    op: Op, types: tuple[WireType, ...], static: Mapping[str, Any], operands: Sequence[Operand]
) -> tuple[WireType, ...]:
    if op.shape is not None:
        result = op.shape(*types, **static)
        return result if isinstance(result, tuple) else (result,)
    if op.elementwise and any(t.shape for t in types):
        shape = np.broadcast_shapes(*(t.shape for t in types))
        small = [_small(t) for t in types]
        with np.errstate(all="ignore"):
            return (WireType.of("array", shape, op.call(*small, **static).dtype),)
    values = [
        o.value if isinstance(o, Constant) else stand_in(t)
        for t, o in zip(types, operands or types, strict=True)
    ]
    with np.errstate(all="ignore"):
        result = op.call(*values, **static)
    if op.outputs == 1:
        return (type_of(result),)
    return tuple(type_of(r) for r in result)


def _small(t: WireType) -> Any:
    return stand_in(t) if t.kind != "array" or not t.shape else np.ones((1,) * t.ndim, t.dtype)


def stand_in(t: WireType) -> Any:
    """A harmless value of a type: one, or identity matrices where square; indices are zero."""
    if t.kind == "python":
        return {FLOAT: 1.0, INT: 1, BOOL: True}.get(t, 1)
    fill = 0 if t.dtype.kind in "iu" else 1
    if t.kind == "numpy":
        return t.dtype.type(fill)
    if t.ndim >= 2 and t.shape[-1] == t.shape[-2] and t.dtype.kind in "fc":
        return np.broadcast_to(np.eye(t.shape[-1], dtype=t.dtype), t.shape)
    return np.broadcast_to(np.asarray(fill, t.dtype), t.shape)
