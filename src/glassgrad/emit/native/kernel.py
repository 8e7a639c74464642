"""From a circuit to the LLVM IR of its kernel: ``i32 kernel(ptr in, ptr out)``.

Its arguments are tables of pointers, to the numbers of each input and of each output. It answers
1 where all guards hold and every number met is finite; 0 hands over to the NumPy tier, which
knows exceptions, warnings and edge points; 2 says that Python has raised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.circuit import INT, Circuit, Gate, Operand, Wire
from glassgrad.emit.native import blas, calls, groups, lapack, loops
from glassgrad.emit.native.cutting import Group, touched
from glassgrad.emit.native.driver import Place, driver, head, start_of
from glassgrad.emit.native.elementary import definitions
from glassgrad.emit.native.elements import Block, Element, Kind, NotNative
from glassgrad.emit.native.lapack import SYSTEMS, System
from glassgrad.emit.native.memory import Buffer, Moves, View, plan_arena
from glassgrad.emit.native.plan import Plan
from glassgrad.emit.native.products import PRODUCTS, Product
from glassgrad.emit.native.reciprocals import share_reciprocals
from glassgrad.emit.native.reductions import REDUCTIONS
from glassgrad.emit.native.split import split
from glassgrad.emit.native.steps import Guarded, Load, Nest, Operation, Step
from glassgrad.emit.native.structure import STRUCTURE
from glassgrad.emit.native.threads import RELEASING
from glassgrad.emit.native.tiles import tiled
from glassgrad.emit.native.unrolled import unrolled
from glassgrad.emit.native.writing import hasty
from glassgrad.passes import for_native
from glassgrad.passes.expanding import expanded

__all__ = ["Kernel", "kernel"]

_POINTER = 4.0  # additions that moving a pointer to the next tile takes
_LITTLE = 0.01  # of the work: LLVM makes the functions that do no more of it in haste
_SMALL = 32  # elements of an array up to which everything is unrolled


@dataclass
class Kernel:
    """A kernel's text, and what has to live as long as its code.

    Attributes
    ----------
    text
        LLVM IR.
    keep
        Objects whose addresses stand in the text.
    steps
        The steps in their order; none where all is unrolled.
    arena
        Bytes of working memory.
    """

    text: str
    keep: list[Any] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    arena: int = 0

    @property
    def home(self) -> int:
        """The address of the arena that belongs to the code."""
        return start_of(self.keep[0])


def kernel(circuit: Circuit) -> Kernel:
    """The kernel of a circuit.

    Raises
    ------
    NotNative
        A dtype, or the circuit's size, stands in the way.
    """
    circuit = expanded(circuit)
    if _small(circuit):
        try:
            return Kernel(unrolled(circuit))
        except NotNative:
            pass
    return _planned(circuit)


def _small(circuit: Circuit) -> bool:
    return all(wire.type.size <= _SMALL for gate in circuit.gates for wire in gate.outputs) and all(
        wire.type.size <= _SMALL for wire in circuit.inputs
    )


def _planned(circuit: Circuit) -> Kernel:
    wires = [*circuit.inputs, *[w for g in circuit.gates for w in g.outputs]]
    if any(w.type.size == 0 for w in wires):
        raise NotNative("an array is empty")
    circuit = split(for_native(circuit))
    plan = Plan(circuit)
    for gate in circuit.gates:
        _gate(plan, gate)
    plan.finish()
    steps = plan.ordered()
    for step in steps:
        if isinstance(step, Nest):
            share_reciprocals(step)
    steps = tiled(steps, _touched)
    arena = _arena(steps)
    keep: list[Any] = [b.value for b in _buffers(steps) if b.role == "constant"]
    functions = _Functions()
    in_order = [functions.call(step) for step in steps]
    keep += [step for step in steps if isinstance(step, calls.Call)]
    lists = head(in_order)
    for buffer in _buffers(steps):
        buffer.offset += lists
    text = driver(in_order, len(circuit.inputs), len(circuit.outputs), lists + arena, keep)
    return Kernel("\n".join([*functions.texts(), text]), keep, steps, lists + arena)


class _Functions:
    """The functions of all steps; steps that do the same elsewhere share one."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.work: dict[str, float] = {}  # of all that runs in a function itself
        self.nests: dict[Any, tuple[str, list[int]]] = {}
        self.declared: set[str] = set()
        self.elementary: set[tuple[str, Kind, int]] = set()

    def call(self, step: Step, times: int = 1) -> tuple[str, list[Place]]:
        """The name of a step's function, and the places it is called with, so many times."""
        name, places = self.written(step)
        work = 0.0  # of all others it is not here
        if isinstance(step, Nest):
            work = times * step.work
        elif isinstance(step, Group):
            work = _POINTER * len(places) * sum(tiling.times for tiling in step.tilings)
        self.work[name] = self.work.get(name, 0) + work
        return name, places

    def written(self, step: Step) -> tuple[str, list[Place]]:
        if isinstance(step, Nest):
            key, seen = _pattern(step)
            known = self.nests.get(key)
            if known is not None:
                name, order = known
                return name, [_place(*seen[n]) for n in order]
            made = loops.written(step)
            text, places = made.text, [_place(*p) for p in made.places]
            self.declared |= made.declared
            self.elementary |= made.elementary
            name = self.names.setdefault(text, f"step{len(self.names)}")
            numbers = {place: n for n, place in enumerate(seen)}
            self.nests[key] = name, [numbers[place] for place in made.places]
        elif isinstance(step, Product):
            text, views = blas.written(step)
            places = [_place(v.buffer, 0, v.moves) for v in views]
        elif isinstance(step, Group):
            inner = [[self.call(s, tiling.times) for s in tiling.steps] for tiling in step.tilings]
            text, places, declared = groups.written(step, inner)
            self.declared |= declared
        elif isinstance(step, System):
            text, taken = lapack.written(step)
            places = [Place(*p) for p in taken]
        else:
            assert isinstance(step, calls.Call)
            text = calls.written(step)
            places = [Place(None, 0, table) for table in ("in", "out", "arena")]
        return self.names.setdefault(text, f"step{len(self.names)}"), places

    def rest(self) -> set[str]:
        """The functions in which next to no time is spent."""
        left = _LITTLE * sum(self.work.values())
        found = set()
        for name in sorted(self.work, key=lambda name: self.work[name]):
            left -= self.work[name]
            if left < 0:
                break
            found.add(name)
        return found

    def texts(self) -> list[str]:
        rest = self.rest()
        if any("@longs" in text for text in self.names):
            self.declared |= {'@longs = private constant [4 x i8] c"LLL\\00"',
                              "declare ptr @gg_PyObject_CallFunction(ptr, ptr, ...)"}  # fmt: skip
        if any("@gg_PyEval_SaveThread" in text for text in self.names):
            self.declared |= set(RELEASING)
        text, declared = definitions(self.elementary)
        return [*sorted(self.declared | declared), text,
                *[(hasty(text) if name in rest else text).replace("@NAME", f"@{name}")
                  for text, name in self.names.items()]]  # fmt: skip


def _place(buffer: Buffer, element: int, moves: Moves) -> Place:
    return Place(buffer, element, "", moves)


def _pattern(nest: Nest) -> tuple[Any, list[tuple[Buffer, int, Moves]]]:
    """What a nest does but where, equal for nests that give the same text; and the places."""
    places: dict[tuple[Buffer, int, Moves], int] = {}
    numbers: dict[Any, Any] = {}

    def of(view: View | None, whole: bool = False) -> Any:
        if view is None:
            return None
        if whole:
            places.setdefault((view.buffer, 0, view.moves), len(places))
        place = (view.buffer, view.offset, view.moves)
        return (places.setdefault(place, len(places)), view.strides,
                view.buffer.kind, view.buffer.tested, view.buffer.role == "constant",
                view.buffer.size)  # fmt: skip

    def number(value: Any) -> Any:
        return numbers.get(value) if isinstance(value, (Load, Operation)) else repr(value)

    key: list[Any] = [nest.domain, nest.in_tiles]
    for load in nest.loads.values():
        key.append((of(load.view, load.places is not None), of(load.places)))
        numbers[load] = len(numbers)
    for made in nest.operations:
        key.append((made.write, *[number(o) for o in made.operands], made.real, made.result))
        numbers[made] = len(numbers)
    for store in nest.stores:
        key.append((number(store.value), of(store.view, store.places is not None), store.add,
                    of(store.places)))  # fmt: skip
    for reduction in nest.reductions:
        key.append((number(reduction.value), of(reduction.view), reduction.axes, reduction.how,
                    reduction.kind, reduction.carried, of(reduction.errors), reduction.lanes))  # fmt: skip
        if not reduction.carried:
            of(reduction.view, True)
    key += [(number(g.value), g) for g in nest.guards]
    return tuple(key), list(places)


def _gate(plan: Plan, gate: Gate) -> None:
    """One gate joins the plan, by the first rule that takes it."""
    name = gate.op.name
    if name == "guard":
        _guard(plan, gate)
        return
    if plan.elementwise(gate):
        return
    rule = STRUCTURE.get(name) or REDUCTIONS.get(name) or PRODUCTS.get(name) or SYSTEMS.get(name)
    if rule is not None and rule(plan, gate):
        return
    calls.called(plan, gate)


def _guard(plan: Plan, gate: Gate) -> None:
    operand, how, told = gate.inputs[0], gate.static["how"], gate.static["told"]
    if how == "count" and operand.dtype == np.bool_:
        total = Wire(INT)
        plan.reduce(operand, total, tuple(range(len(operand.shape))), "add")
        operand, how = total, "value"
    if how == "array" and operand.dtype in (np.bool_, np.int64, np.int32):
        _same_array(plan, operand, told)
        return
    if operand.type.size != 1 or how not in ("bool", "float", "value", "int", "index"):
        raise NotNative(f"a guard of how={how!r}")

    def write(block: Block, value: Element) -> Element:
        block.real = "f64"
        if how == "bool":
            truth = block.test(value)
            return truth if told else block.logic("xor", truth, True)
        if value.kind in ("i64", "i32"):  # as a real number one beyond 2**53 might be another
            return (
                block.integer_compare("eq", block.whole(value), int(told))
                if told == int(told) and -(2**63) <= told < 2**63
                else block.test(False)
            )
        if how in ("int", "index"):
            return block.compare("oeq", block.intrinsic("trunc", value), float(told))
        return block.compare("oeq", value, float(told))

    whole = operand.dtype.kind == "i"
    if how in ("int", "index") and abs(told) >= 2**53 and not whole:
        raise NotNative("a guard of a huge int")
    if whole and not math.isfinite(told):
        raise NotNative("a guard of an int that is not finite")
    plan.guard(operand, write)


def _same_array(plan: Plan, operand: Operand, told: Any) -> None:
    """All elements are what they were."""
    view = plan.view(operand)
    nest = plan.nest_for(operand.shape, [], [view])
    values = [plan.load(nest, view), plan.load(nest, plan.constant(told))]
    nest.guards.append(Guarded(plan.operation(nest, _alike, values, "f64", "i1"), lambda b, t: t))


def _alike(b: Block, x: Any, y: Any) -> Element:
    return b.integer_compare("eq", b.whole(x), b.whole(y))


def _buffers(steps: list[Step]) -> list[Buffer]:
    """All buffers that steps read or write."""
    found: dict[Buffer, None] = {}
    for step in steps:
        for buffer in _touched(step):
            found[buffer] = None
    return list(found)


def _touched(step: Step) -> list[Buffer]:
    if isinstance(step, System):
        return step.buffers
    if isinstance(step, calls.Call):
        return [v.buffer for v in (*step.inputs, *step.outputs) if v is not None]
    return touched(step)


def _arena(steps: list[Step]) -> int:
    first: dict[Buffer, int] = {}
    last: dict[Buffer, int] = {}
    groups = [step for step in steps if isinstance(step, Group)]
    for group in groups:
        group.place()
    private = {b for group in groups for b in group.private}
    for n, step in enumerate(steps):
        blocks = [step.block] if isinstance(step, Group) else []
        for buffer in (*_touched(step), *blocks):
            if buffer.role == "arena" and buffer not in private:
                first.setdefault(buffer, n)
                last[buffer] = n
    size = plan_arena([(b, first[b], last[b]) for b in first])
    for group in groups:
        for buffer in group.private:
            buffer.offset += group.block.offset
    return size
