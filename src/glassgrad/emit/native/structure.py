"""Gates that move numbers without computing any, as views, stores and gathers of a plan."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.circuit import Constant, Gate
from glassgrad.emit.native.elements import Block, Element, kind_of
from glassgrad.emit.native.memory import Buffer, View, view_of
from glassgrad.emit.native.plan import Plan
from glassgrad.emit.native.steps import Guarded, Store
from glassgrad.gates.indexing import SLOT, joined

__all__ = ["STRUCTURE"]

_MOST_PLACES = 4_000_000


def _same(b: Block, x: Any) -> Element:
    return x if isinstance(x, Element) and x.truth else b.number(x)


def _alias(plan: Plan, gate: Gate) -> bool:
    """A gate that hands its input on."""
    source, wire = gate.inputs[0], gate.output
    if source.dtype != wire.dtype:
        return _converted(plan, gate)
    if source.shape == wire.shape and source in plan.made:
        plan.made[wire] = plan.made[source]
    else:
        plan.views[wire] = plan.part(plan.view(source), plan.view(source).array.reshape(wire.shape))
    return True


def _converted(plan: Plan, gate: Gate) -> bool:
    real = kind_of(gate.output.dtype)
    if real not in ("f64", "f32") or gate.inputs[0].shape != gate.output.shape:
        return False
    plan.operate(_same, gate.inputs[:1], gate.output, real=real, cost=0.5, gate=gate)
    return True


def _viewed(plan: Plan, gate: Gate) -> bool:
    """A gate that gives a view where NumPy does."""
    source, wire = gate.inputs[0], gate.output
    if any(i.dtype.kind not in "iu" or not isinstance(i, Constant) for i in gate.inputs[1:]):
        return False
    if source.shape == wire.shape and source in plan.made and gate.op.name in ("reshape", "ravel"):
        return _alias(plan, gate)
    view = plan.view(source)
    if isinstance(source, Constant):  # its value may be one number, broadcast
        view = View(view.buffer, np.broadcast_to(view.array, source.shape))
    found = view_of(view, gate.op.call(view.array, **gate.static))
    if found is None:  # a reshape of what does not lie in order
        fresh = plan.new_buffer(source.dtype, source.type.size, tested=True)
        plan.copied(source, fresh.whole(source.shape))
        whole = fresh.whole(source.shape)
        found = view_of(whole, gate.op.call(whole.array, **gate.static))
        if found is None:
            return False
    plan.views[wire] = found
    if source in plan.triangular and gate.op.name in ("transpose", "swapaxes"):
        raw, upper = plan.triangular[source]
        plan.triangular[wire] = View(raw.buffer, raw.array.T), not upper
    return True


def _places(view: View, gate: Gate, first: int) -> np.ndarray[Any, Any] | None:
    """The positions, in the buffer, that an index with constant arrays names."""
    indices = []
    for operand in gate.inputs[first:]:
        if not isinstance(operand, Constant):
            return None
        indices.append(operand.value)
    if view.array.size > _MOST_PLACES:
        return None
    places = np.full(view.shape, view.offset, np.int64)
    for axis, (size, stride) in enumerate(zip(view.shape, view.strides, strict=True)):
        places += (np.arange(size) * stride).reshape(
            [-1 if n == axis else 1 for n in range(view.array.ndim)]
        )
    named = places[joined(gate.static["template"], tuple(indices))]
    return np.ascontiguousarray(named, np.int64)


def _part(array: Any, template: tuple[Any, ...]) -> Any:
    """What a key of numbers and slices names, always as a view."""
    named = array[template]
    if isinstance(named, np.ndarray):
        return named
    return array[(*template, None)].reshape(())


def _start(buffer: Buffer, shape: tuple[int, ...]) -> View:
    """The first element for every index: positions count from there."""
    return View(buffer, np.broadcast_to(buffer.stand_in[:1].reshape(()), shape))


def _rows(plan: Plan, view: View, gate: Gate, first: int) -> tuple[View, View] | None:
    """An index by arrays that are not known beforehand: a view, and how far beyond it to look.

    For keys of slices and, side by side, arrays of integers. Each is checked against its axis.
    """
    template, indices = gate.static["template"], gate.inputs[first:]
    slots = [n for n, part in enumerate(template) if part is SLOT]
    if (
        any(part is not SLOT and not isinstance(part, slice) for part in template)
        or slots != list(range(slots[0], slots[0] + len(slots)))
        or any(i.dtype not in (np.int64, np.int32) for i in indices)
    ):
        return None
    base = View(
        view.buffer, view.array[tuple([p if p is not SLOT else slice(None) for p in template])]
    )
    domain = np.broadcast_shapes(*[i.shape for i in indices])
    nest = plan.nest_for(domain, [], [plan.view(i) for i in indices if i.shape])
    total: Any = 0
    for axis, operand in zip(slots, indices, strict=True):
        size, stride = base.shape[axis], base.strides[axis]
        wrapped = plan.operation(nest, _wrapped, [plan.read(nest, operand), size], "f64", "i64")
        within = plan.operation(nest, _within, [wrapped, size], "f64", "i1")
        nest.guards.append(Guarded(within, lambda b, truth: truth))
        total = plan.operation(nest, _further, [total, wrapped, stride], "f64", "i64")
    far = plan.new_buffer(np.dtype(np.int64), math.prod(domain), tested=True)
    plan.put(total, far.whole(domain))
    before, after = base.shape[: slots[0]], base.shape[slots[-1] + 1 :]
    # The part where all indices are zero, with axes of one element in their place.
    key = (*[slice(None)] * len(before), *[slice(0, 1)] * len(slots))
    array = base.array[key]
    array = array.reshape((*before, *after)) if before or after else array.reshape(())
    part = view_of(view, array.reshape((*before, *[1] * len(domain), *after)))
    if part is None:
        return None
    shape = (*before, *domain, *after)
    spread = far.whole(domain).array.reshape((*domain, *[1] * len(after)))
    return part.spread(shape), View(far, np.broadcast_to(spread, shape))


def _wrapped(b: Block, index: Any, size: Any) -> Element:
    """Indices from the end as indices from the start."""
    found = b.whole(index)
    return b.select(b.integer_compare("slt", found, 0), b.integer("add", found, size), found)


def _within(b: Block, index: Any, size: Any) -> Element:
    return b.integer_compare("ult", index, size)


def _further(b: Block, before: Any, index: Any, stride: Any) -> Element:
    return b.integer("add", b.integer("mul", index, stride), before)


def _getitem(plan: Plan, gate: Gate) -> bool:
    source, wire = gate.inputs[0], gate.output
    template = gate.static["template"]
    if len(gate.inputs) == 1 and SLOT not in template:
        if template == (Ellipsis,) and source in plan.made:
            return _alias(plan, gate)
        if isinstance(source, Constant) and not source.shape:
            plan.views[wire] = plan.view(source)
            return True
        view = plan.view(source)
        plan.views[wire] = plan.part(view, _part(view.array, template))
        return True
    view = plan.view(source)
    named = _places(view, gate, 1)
    if named is not None:
        where: tuple[View, View] | None = _start(view.buffer, named.shape), plan.constant(named)
    else:
        where = _rows(plan, view, gate, 1)
    if where is None or where[0].shape != wire.shape:
        return False
    nest = plan.nest_for(wire.shape, [], list(where))
    value = plan.load(nest, *where)
    if not hasattr(value, "view"):
        return False
    plan.made[wire], plan.home[value] = value, nest
    nest.gates.append(gate)
    return True


def _boxes(shape: tuple[int, ...], inner: list[tuple[int, int]]) -> list[tuple[slice, ...]]:
    """What lies around a box within an array, as boxes."""
    found = []
    before: list[slice] = []
    for n, (start, stop) in enumerate(inner):
        rest = [slice(None)] * (len(shape) - n - 1)
        if start > 0:
            found.append((*before, slice(0, start), *rest))
        if stop < shape[n]:
            found.append((*before, slice(stop, shape[n]), *rest))
        before.append(slice(start, stop))
    return found


def _box(view: View, part: View) -> list[tuple[int, int]] | None:
    """Which box of a whole buffer a view is, if it is one."""
    offset = part.offset
    box = []
    pairs = {s: n for s, n in zip(part.strides, part.shape, strict=True) if s}
    for stride, size in zip(view.strides, view.shape, strict=True):
        if stride == 0:
            box.append((0, size))
            continue
        start, offset = divmod(offset, stride)
        length = pairs.pop(stride, 1)
        if start + length > size:
            return None
        box.append((start, start + length))
    return box if not pairs and not offset else None


def _written(plan: Plan, gate: Gate) -> bool:
    """Setitem and add_at: a new array with a part that is written, or added to."""
    source, value, wire = gate.inputs[0], gate.inputs[1], gate.output
    template, add = gate.static["template"], gate.op.name == "add_at"
    if not wire.shape or (value.dtype != wire.dtype and value.type.kind == "array"):
        return False
    known = plan.views.get(source)
    if known is not None and plan.growing.get(known.buffer) is source and plan.uses[source] == 1:
        target, mine = known, True  # itself, no view or copy of another: nobody else will read it
    else:
        target, mine = (
            plan.new_buffer(wire.dtype, wire.type.size, tested=True).whole(wire.shape),
            False,
        )
    if SLOT in template:
        named = _places(target, gate, 2)
        if named is not None:
            where: tuple[View, View] | None = (
                _start(target.buffer, named.shape),
                plan.constant(named),
            )
        else:
            where = _rows(plan, target, gate, 2)
        if where is None:
            return False
        if not mine:
            plan.copied(source, target)
        _scatter(plan, value, *where, add)
    else:
        part = plan.part(target, _part(target.array, template))
        if mine:
            if not (add and _joins(plan, value, part)):
                plan.write(value, part, add)
        elif add and not _zero(plan, source):
            plan.copied(source, target)
            plan.write(value, part, add)
        else:
            box = _box(target, part)
            if box is None or source in plan.made:
                plan.copied(source, target)
                plan.write(value, part)
            else:  # only what lies around the part is copied
                whole = plan.view(source).spread(wire.shape)
                for around in _boxes(wire.shape, box):
                    _copy_part(plan, View(whole.buffer, whole.array[around]),
                               View(target.buffer, target.array[around]))  # fmt: skip
                plan.write(value, part, disjoint=True)
    plan.growing[target.buffer] = wire
    plan.views[wire] = target
    return True


def _zero(plan: Plan, source: Any) -> bool:
    """Whether an array is known to hold nothing but zeros."""
    view = plan.views.get(source)
    if isinstance(source, Constant):
        return not np.any(source.value)
    return view is not None and view.buffer.role == "constant" and not np.any(view.buffer.value)


def _joins(plan: Plan, value: Any, part: View) -> bool:
    """Add to a store of the same nest into the same part, instead of reading it back."""
    if not plan.aligned(value, part.shape):
        return False
    made = plan.made[value]
    nest = plan.home[made]
    if not part.buffer.writers or part.buffer.writers[-1] is not nest:
        return False
    mine = [s for s in nest.stores if s.view.buffer is part.buffer]
    if len(mine) != 1 or mine[0].view.key() != part.key() or mine[0].places is not None:
        return False
    store = mine[0]
    kind = kind_of(part.buffer.dtype)
    both = plan.operation(nest, lambda b, x, y: b.passing("fadd", x, y), [store.value, made], kind)
    nest.stores[nest.stores.index(store)] = Store(both, store.view, store.add)
    return True


def _copy_part(plan: Plan, source: View, target: View) -> None:
    nest = plan.new_nest(target.shape)
    nest.stores.append(Store(plan.load(nest, source), target))
    target.buffer.writers.append(nest)


def _scatter(plan: Plan, value: Any, target: View, places: View, add: bool) -> None:
    """Write in order to places told by positions."""
    nest = plan.new_nest(target.shape)
    if value.shape:
        given = plan.load(nest, plan.view(value).spread(target.shape))
    else:
        given = plan.read(nest, value)
    for step in (*target.buffer.writers, *target.buffer.readers, *places.buffer.writers):
        plan.order(step, nest)
    places.buffer.readers.append(nest)
    nest.stores.append(Store(given, target, add, places.spread(target.shape)))
    target.buffer.writers.append(nest)


def _joined(plan: Plan, gate: Gate) -> bool:
    """Concatenate and stack: each part goes to its place."""
    wire = gate.output
    if any(i.dtype != wire.dtype and i.type.kind == "array" for i in gate.inputs):
        return False
    axis = gate.static.get("axis", 0)
    if axis is None or set(gate.static) - {"axis"}:
        return False
    target = plan.new_buffer(wire.dtype, wire.type.size, tested=True).whole(wire.shape)
    axis %= wire.ndim
    at = 0
    for operand in gate.inputs:
        if gate.op.name == "stack":
            key = (*[slice(None)] * axis, slice(at, at + 1))
            part = plan.part(target, target.array[key].reshape(operand.shape or (1,)))
            part = View(part.buffer, part.array.reshape(operand.shape))
            at += 1
        else:
            size = operand.shape[axis]
            part = View(target.buffer, target.array[(*[slice(None)] * axis, slice(at, at + size))])
            at += size
        plan.write(operand, part, disjoint=True)
    plan.views[wire] = target
    return True


def _array(plan: Plan, gate: Gate) -> bool:
    """Numbers put together to an array."""
    wire = gate.output
    if any(i.shape for i in gate.inputs):
        return False
    if len(gate.inputs) == 1 and not wire.shape:
        return _alias(plan, gate)
    target = plan.new_buffer(wire.dtype, wire.type.size, tested=True).whole(wire.shape)
    for operand, index in zip(gate.inputs, np.ndindex(wire.shape), strict=True):
        key = tuple([slice(i, i + 1) for i in index])
        plan.write(operand, View(target.buffer, target.array[key].reshape(())), disjoint=True)
    plan.views[wire] = target
    return True


def _filled(plan: Plan, gate: Gate) -> bool:
    wire = gate.output
    if gate.op.name == "full":
        source = gate.inputs[0]
        if source.dtype != wire.dtype and not isinstance(source, Constant):
            return False
        if not isinstance(source, Constant):
            view = plan.view(source)
            plan.views[wire] = View(view.buffer, np.broadcast_to(view.array, wire.shape))
            return True
        value = source.value
    else:
        value = float(gate.op.name == "ones")
    plan.views[wire] = plan.constant(np.broadcast_to(np.asarray(value, wire.dtype), wire.shape))
    return True


_VIEWS = ("reshape", "ravel", "transpose", "swapaxes", "moveaxis", "expand_dims", "squeeze", "flip",
          "diagonal", "broadcast_to", "rot90")  # fmt: skip

#: How each gate joins a plan; False where it does not.
STRUCTURE: dict[str, Callable[[Plan, Gate], bool]] = {
    **dict.fromkeys(_VIEWS, _viewed),
    **dict.fromkeys(("identity", "stop_gradient", "item", "copy"), _alias),
    "astype": _alias, "getitem": _getitem, "setitem": _written, "add_at": _written,
    "concatenate": _joined, "stack": _joined, "array": _array,
    "zeros": _filled, "ones": _filled, "full": _filled,
}  # fmt: skip
