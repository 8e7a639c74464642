"""How each gate works on the components of small last axes; see `split.py`.

A rule answers False, before it has made anything, where the gate needs its operands whole.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassgrad.circuit import Constant, Gate, Operand, Wire, type_of
from glassgrad.emit.native.lowerings import ELEMENTWISE
from glassgrad.emit.native.products import spelled
from glassgrad.emit.native.splitter import Rule, Splitter
from glassgrad.gates.indexing import SLOT

__all__ = ["RULES"]

_MOST = 4  # components of what is computed with, not only moved
_WHOLE = slice(None)


def _elementwise(s: Splitter, gate: Gate) -> bool:
    wire = gate.output
    if wire not in s.apart or gate.static or wire.shape[-1] > _MOST:
        return False
    count = wire.shape[-1]
    columns = [s.spread(i, count) for i in gate.inputs]
    made: dict[Any, Operand] = {}
    parts = []
    for operands in zip(*columns, strict=True):
        if operands not in made:
            made[operands] = s.make(gate.op.name, operands, wire.shape[:-1], dtype=wire.dtype)
        parts.append(made[operands])
    return s.give(wire, parts)


def _broadcast(s: Splitter, part: Operand, shape: tuple[int, ...]) -> Operand:
    if part.shape == shape:
        return part
    return s.make("broadcast_to", (part,), shape, {"shape": shape})


def _each(s: Splitter, gate: Gate) -> bool:
    """Hand on, copy, convert: each component by itself."""
    source, wire = gate.inputs[0], gate.output
    if wire not in s.apart or source.shape != wire.shape:
        return False
    return s.give(wire, [s.make(gate.op.name, (p,), p.shape, gate.static, wire.dtype)
                         for p in s.taken(source)])  # fmt: skip


# -- reductions ------------------------------------------------------------------------------

_CHAINS = {"sum": "add", "mean": "add", "prod": "multiply", "max": "maximum", "min": "minimum"}


def _reduced(s: Splitter, gate: Gate) -> bool:
    source, wire, name = gate.inputs[0], gate.output, gate.op.name
    if source not in s.apart or set(gate.static) - {"axis", "keepdims"} or len(gate.inputs) != 1:
        return False
    if source.dtype.kind != "f" or source.dtype != wire.dtype or source.shape[-1] > _MOST:
        return False
    ndim, keep = len(source.shape), bool(gate.static.get("keepdims"))
    axis = gate.static.get("axis")
    axes = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    along = sorted({a % ndim for a in axes})
    static = {"axis": tuple(along), "keepdims": keep}
    if ndim - 1 not in along:
        if wire not in s.apart:
            return False
        parts = [s.make(name, (p,), wire.shape[:-1], static) for p in s.taken(source)]
        return s.give(wire, parts)
    if source.shape[-1] > 1 and len(along) < ndim:  # a sum of all is one nest anyway
        s.saved = 4.0 * source.type.size
    rest = tuple(along[:-1])
    total, *others = s.taken(source)
    for part in others:
        total = s.make(_CHAINS[name], (total, part), total.shape)
    if name == "mean":
        count = float(source.shape[-1])
        total = s.make("divide", (total, _number(count)), total.shape) if count > 1 else total
    to = None if keep else wire
    shape = wire.shape[:-1] if keep else wire.shape
    if rest:
        total = s.make(name, (total,), shape, {"axis": rest, "keepdims": keep}, to=to)
    elif not keep:
        s.same(total, wire)
    return s.give(wire, (total,)) if keep else True


def _number(value: float) -> Operand:
    return Constant(value, type_of(value))


# -- moves -----------------------------------------------------------------------------------


def _reshaped(s: Splitter, gate: Gate) -> bool:
    """Reshapes that leave the last axis, or add one of length one, or take that away."""
    source, wire = gate.inputs[0], gate.output
    if len(gate.inputs) != 1 or not source.shape or not wire.shape:
        return False
    before, after = source.shape, wire.shape
    if source in s.apart and wire in s.apart and before[-1] == after[-1]:
        parts = [_as_shape(s, p, after[:-1]) for p in s.taken(source)]
        return s.give(wire, parts)
    if wire in s.apart and after[-1] == 1 and (source not in s.apart or before[-1] == 1):
        base = s.taken(source)[0] if source in s.apart else source
        return s.give(wire, (_as_shape(s, base, after[:-1]),))
    if source in s.apart and before[-1] == 1:
        part = s.taken(source)[0]
        if part.shape == after:
            s.same(part, wire)
        else:
            s.make("reshape", (part,), after, {"shape": after}, to=wire)
        return True
    return False


def _as_shape(s: Splitter, part: Operand, shape: tuple[int, ...]) -> Operand:
    if part.shape == shape:
        return part
    return s.make("reshape", (part,), shape, {"shape": shape})


def _transposed(s: Splitter, gate: Gate) -> bool:
    source, wire = gate.inputs[0], gate.output
    if wire not in s.apart or source.shape[-1:] != wire.shape[-1:]:
        return False
    # An array whose sizes are its axes' numbers tells where each axis goes.
    sizes = np.empty(tuple(range(1, len(source.shape) + 1)), np.bool_)
    axes = tuple([n - 1 for n in gate.op.call(sizes, **gate.static).shape])
    if axes[-1] != len(axes) - 1:
        return False
    if axes == tuple(range(len(axes))):
        return s.give(wire, s.taken(source))
    return s.give(wire, [s.make("transpose", (p,), wire.shape[:-1], {"axes": axes[:-1]})
                         for p in s.taken(source)])  # fmt: skip


def _broadcasted(s: Splitter, gate: Gate) -> bool:
    source, wire = gate.inputs[0], gate.output
    if wire not in s.apart or len(gate.inputs) != 1:
        return False
    made: dict[Operand, Operand] = {}
    parts = []
    for part in s.spread(source, wire.shape[-1]):
        if part not in made:
            made[part] = _broadcast(s, part, wire.shape[:-1])
        parts.append(made[part])
    return s.give(wire, parts)


def _joined(s: Splitter, gate: Gate) -> bool:
    wire = gate.output
    axis = gate.static.get("axis", 0)
    if wire not in s.apart or axis is None or set(gate.static) - {"axis"}:
        return False
    if any(i.dtype != wire.dtype for i in gate.inputs):
        return False
    axis %= len(wire.shape)
    last = axis == len(wire.shape) - 1
    parts: list[Operand] = []
    if last and gate.op.name == "stack":
        parts = [s.whole(i) for i in gate.inputs]
    elif last:
        for operand in gate.inputs:
            parts += s.taken(operand)
    else:
        columns = [s.taken(i) for i in gate.inputs]
        parts = [s.make(gate.op.name, column, wire.shape[:-1], {"axis": axis})
                 for column in zip(*columns, strict=True)]  # fmt: skip
    s.saved = 2.0 * wire.type.size if last else 0.0
    return s.give(wire, parts)


def _filled(s: Splitter, gate: Gate) -> bool:
    wire = gate.output
    if wire not in s.apart or (gate.inputs and gate.inputs[0].shape):
        return False
    static = {**gate.static, "shape": wire.shape[:-1]}
    part = s.make(gate.op.name, gate.inputs, wire.shape[:-1], static, wire.dtype)
    if gate.op.name == "zeros":
        s.zeros.add(part)
    return s.give(wire, [part] * wire.shape[-1])


# -- parts of arrays, read and written -------------------------------------------------------


def _key(gate: Gate, source: Operand, indices: tuple[Operand, ...]) -> tuple[Any, Any] | None:
    """A key as what it says of the last axis, and of all others; None where that is not apart."""
    template = gate.static["template"]
    if set(gate.static) - {"template"} or any(i.dtype.kind not in "iu" for i in indices):
        return None
    named = sum(part is not None and part is not Ellipsis for part in template)
    full: list[Any] = []
    for part in template:
        full += [_WHOLE] * (len(source.shape) - named) if part is Ellipsis else [part]
    if Ellipsis not in template:
        full += [_WHOLE] * (len(source.shape) - named)
    *rest, last = full
    if last is None or last is SLOT:
        return None
    slots = [n for n, part in enumerate(rest) if part is SLOT]
    if slots:
        # A number beside arrays is an index array, too, and where its axis goes depends on all.
        numbers = [part for part in full if isinstance(part, int)]
        if numbers and (slots != [0] or len(numbers) > 1 or isinstance(last, slice)):
            return None
    return last, tuple(rest)


def _trivial(rest: tuple[Any, ...]) -> bool:
    return all(part is None or (isinstance(part, slice) and part == _WHOLE) for part in rest)


def _getitem(s: Splitter, gate: Gate) -> bool:
    source, wire, indices = gate.inputs[0], gate.output, gate.inputs[1:]
    if source not in s.apart:
        return False
    key = _key(gate, source, indices)
    if key is None or (isinstance(key[0], slice) and wire not in s.apart):
        return False
    last, rest = key
    for index in indices:
        s.whole(index)
    parts = s.taken(source)
    if isinstance(last, int):
        s.saved = 1.0 * wire.type.size if len(parts) > 1 else 0.0
        if _trivial(rest) and None not in rest:
            s.same(parts[last], wire)
        else:
            s.make("getitem", (parts[last], *indices), wire.shape, {"template": rest}, to=wire)
        return True
    chosen = parts[last]
    if chosen != parts:
        s.saved = 1.0 * wire.type.size
    if not (_trivial(rest) and None not in rest):
        chosen = tuple([s.make("getitem", (p, *indices), wire.shape[:-1], {"template": rest})
                        for p in chosen])  # fmt: skip
    return s.give(wire, chosen)


def _written(s: Splitter, gate: Gate) -> bool:
    """Setitem and add_at with a key that says which components."""
    source, value, indices = gate.inputs[0], gate.inputs[1], gate.inputs[2:]
    wire = gate.output
    if wire not in s.apart or indices or SLOT in gate.static["template"]:
        return False
    if value.dtype != wire.dtype and value.type.kind != "python":
        return False
    key = _key(gate, source, indices)
    if key is None:
        return False
    last, rest = key
    parts = list(s.taken(source))
    numbers = range(len(parts))[last]
    if isinstance(numbers, int):
        written = [(numbers, s.whole(value))]
    else:
        written = list(zip(numbers, s.spread(value, len(numbers)), strict=True))
    for n, part in written:
        parts[n] = _replaced(s, gate, parts[n], part, rest)
    return s.give(wire, parts)


def _replaced(s: Splitter, gate: Gate, part: Operand, value: Operand, rest: Any) -> Operand:
    """A component into which a value is written, or added."""
    s.whole(value)
    if _trivial(rest) and value.dtype == part.dtype:
        region = np.broadcast_to(np.empty(()), part.shape)[rest].shape
        if value.shape == region:  # all of it
            value = _as_shape(s, value, part.shape)
            if gate.op.name == "setitem" or part in s.zeros:
                return value
            return s.make("add", (part, value), part.shape)
    return s.make(gate.op.name, (part, value), part.shape, {"template": rest or (Ellipsis,)})


# -- products --------------------------------------------------------------------------------


def _cross(s: Splitter, gate: Gate) -> bool:
    wire = gate.output
    if wire not in s.apart or any(i.shape[-1:] != (3,) for i in gate.inputs):
        return False
    if any(i.dtype != wire.dtype for i in gate.inputs):
        return False
    a, b = (s.taken(i) for i in gate.inputs)
    s.saved = 30.0 * wire.type.size

    def times(x: Operand, y: Operand) -> Wire:
        return s.make("multiply", (x, y), np.broadcast_shapes(x.shape, y.shape))

    parts = []
    for n in range(3):
        i, j = (n + 1) % 3, (n + 2) % 3
        more, less = times(a[i], b[j]), times(a[j], b[i])
        parts.append(s.make("subtract", (more, less), more.shape))
    return s.give(wire, parts)


def _product(s: Splitter, gate: Gate) -> bool:
    """Products summed over small axes: sums of products of components."""
    wire, words = gate.output, spelled(gate)
    if set(gate.static) - {"subscripts", "optimize", "axes"} or words is None:
        return False
    if any(len(set(w)) < len(w) for w in words) or any(i.dtype != wire.dtype for i in gate.inputs):
        return False
    if not any(o in s.apart for o in (*gate.inputs, wire)) or wire.dtype.kind != "f":
        return False
    *factors, out = words
    sizes: dict[str, int] = {}
    for word, operand in zip(factors, gate.inputs, strict=True):
        for letter, size in zip(word, operand.shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                return False
    summed = [x for x in sizes if x not in out]
    last = [out[-1]] if wire in s.apart else []
    unrolled = [*last, *summed]
    if any(sizes[x] > _MOST for x in unrolled) or math.prod([sizes[x] for x in unrolled]) > 16:
        return False
    kept = "".join(x for x in out if x not in unrolled)
    if not last and wire.type.size > max(i.type.size for i in gate.inputs if i in s.apart):
        return False  # larger than what it is made of: for BLAS
    for word, operand in zip(factors, gate.inputs, strict=True):
        rest = [x for x in word if x not in unrolled]
        if rest != [x for x in kept if x in rest] or (
            operand in s.apart and word[-1] not in unrolled
        ):
            return False
    s.saved = 4.0 * max(i.type.size for i in gate.inputs)
    known: dict[Any, Operand] = {}
    parts: list[Operand] = []
    for row in range(sizes[last[0]] if last else 1):
        total: Operand | None = None
        for numbers in np.ndindex(*[sizes[x] for x in summed]):
            at = dict(zip(summed, numbers, strict=True)) | dict.fromkeys(last, row)
            a, b = (_factor(s, i, w, at, kept, known)
                    for i, w in zip(gate.inputs, factors, strict=True))  # fmt: skip
            shape = wire.shape[:-1] if last else wire.shape
            made = s.make("multiply", (a, b), shape)
            total = made if total is None else s.make("add", (total, made), shape)
        assert total is not None
        parts.append(total)
    if last:
        return s.give(wire, parts)
    s.same(parts[0], wire)
    return True


def _factor(
    s: Splitter,
    operand: Operand,
    word: str,
    at: dict[str, int],
    kept: str,
    known: dict[Any, Operand],
) -> Operand:
    """A factor where some letters are numbers, with its other axes where the product has them."""
    key = (operand, word, *[at.get(x) for x in word])
    if key not in known:
        part = operand
        if operand in s.apart:
            part, word = s.taken(operand)[at[word[-1]]], word[:-1]
        rest = [x for x in word if x not in at]
        missing = kept[kept.index(rest[0]) :] if rest else ""
        axes: list[Any] = []
        template: list[Any] = []
        for letter in word:
            if letter in at:
                template.append(at[letter])
                continue
            while missing[0] != letter:
                template.append(None)
                axes.append(1)
                missing = missing[1:]
            missing = missing[1:]
            template.append(_WHOLE)
            axes.append(part.shape[word.index(letter)])
        template += [None] * len(missing)
        axes += [1] * len(missing)
        if not _trivial(tuple(template)) or None in template:
            # A constant's part is a constant, too.
            part = _constant_part(part, tuple(template)) or s.make(
                "getitem", (s.whole(part),), tuple(axes), {"template": tuple(template)}
            )
        known[key] = part
    return known[key]


def _constant_part(part: Operand, template: tuple[Any, ...]) -> Operand | None:
    if not isinstance(part, Constant):
        return None
    value = part.value[template]
    return Constant(value, type_of(value))


def _norm(s: Splitter, gate: Gate) -> bool:
    """The length of vectors."""
    source, wire, static = gate.inputs[0], gate.output, gate.static
    axis, keep = static.get("axis"), bool(static.get("keepdims"))
    axis = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
    if source not in s.apart or source.dtype != wire.dtype or source.shape[-1] > _MOST:
        return False
    if static.get("ord") not in (None, 2) or axis not in (-1, len(source.shape) - 1):
        return False
    s.saved = 30.0 * source.type.size
    total: Operand | None = None
    for part in s.taken(source):
        square = s.make("multiply", (part, part), part.shape)
        total = square if total is None else s.make("add", (total, square), part.shape)
    assert total is not None
    if keep:
        return s.give(wire, (s.make("sqrt", (total,), total.shape),))
    s.make("sqrt", (total,), total.shape, to=wire)
    return True


RULES: dict[str, Rule] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    **dict.fromkeys(("identity", "stop_gradient", "copy", "astype"), _each),
    **dict.fromkeys(_CHAINS, _reduced),
    **dict.fromkeys(("reshape", "expand_dims", "squeeze", "ravel"), _reshaped),
    **dict.fromkeys(("transpose", "swapaxes", "moveaxis"), _transposed),
    "broadcast_to": _broadcasted, **dict.fromkeys(("stack", "concatenate"), _joined),
    **dict.fromkeys(("zeros", "ones", "full"), _filled),
    "getitem": _getitem, "setitem": _written, "add_at": _written, "cross": _cross,
    **dict.fromkeys(("einsum", "matmul", "dot", "inner", "vecdot", "matvec"), _product), "norm": _norm,
}  # fmt: skip
