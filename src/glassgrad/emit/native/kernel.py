"""From a circuit to the LLVM IR of its kernel: ``i32 kernel(ptr in, ptr out)``.

Its arguments are tables of pointers, to the numbers of each input and of each output. It answers
1 where all guards hold and every number met is finite; 0 hands over to the NumPy tier, which
knows exceptions, warnings and edge points; 2 says that Python has raised.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Gate
from glassgrad.emit.native import blas, calls, loops
from glassgrad.emit.native.elements import Block, Element, Kind, NotNative
from glassgrad.emit.native.memory import Buffer, plan_arena
from glassgrad.emit.native.plan import Plan
from glassgrad.emit.native.products import PRODUCTS, Product
from glassgrad.emit.native.reductions import REDUCTIONS
from glassgrad.emit.native.steps import Nest, Step
from glassgrad.emit.native.structure import STRUCTURE
from glassgrad.emit.native.unrolled import unrolled

__all__ = ["Kernel", "kernel"]

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


def kernel(circuit: Circuit) -> Kernel:
    """The kernel of a circuit.

    Raises
    ------
    NotNative
        A dtype, or the circuit's size, stands in the way.
    """
    if _small(circuit):
        try:
            return Kernel(unrolled(circuit))
        except NotNative:
            pass
    return _planned(circuit)


def _small(circuit: Circuit) -> bool:
    return all(
        wire.type.size <= _SMALL for gate in circuit.gates for wire in gate.outputs
    ) and all(wire.type.size <= _SMALL for wire in circuit.inputs)


def _planned(circuit: Circuit) -> Kernel:
    wires = [*circuit.inputs, *[w for g in circuit.gates for w in g.outputs]]
    if any(w.type.size == 0 for w in wires):
        raise NotNative("an array is empty")
    plan = Plan(circuit)
    for gate in circuit.gates:
        _gate(plan, gate)
    plan.finish()
    steps = plan.steps.sorted()
    arena = _arena(plan, steps)
    keep: list[Any] = [b.value for b in _buffers(steps) if b.role == "constant"]
    functions = _Functions()
    calls_ = [functions.call(step) for step in steps]
    keep += [step for step in steps if isinstance(step, calls.Call)]
    driver = _driver(steps, calls_, arena, keep)
    return Kernel("\n".join([*functions.texts(), driver]), keep, steps, arena)


class _Functions:
    """The functions of all steps; steps that do the same elsewhere share one."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.declared: set[str] = set()
        self.elementary: set[tuple[str, Kind, int]] = set()

    def call(self, step: Step) -> tuple[str, list[tuple[Buffer, int]]]:
        """The name of a step's function, and the places it is called with."""
        places: list[tuple[Buffer, int]] = []
        if isinstance(step, Nest):
            made = loops.written(step)
            text, places = made.text, made.places
            self.declared |= made.declared
            self.elementary |= made.elementary
        elif isinstance(step, Product):
            text, buffers = blas.written(step)
            places = [(b, 0) for b in buffers]
        else:
            assert isinstance(step, calls.Call)
            text = calls.written(step)
        return self.names.setdefault(text, f"step{len(self.names)}"), places

    def texts(self) -> list[str]:
        return [*sorted(self.declared),
                *[text.replace("@NAME", f"@{name}", 1) for text, name in self.names.items()]]  # fmt: skip


def _gate(plan: Plan, gate: Gate) -> None:
    """One gate joins the plan, by the first rule that takes it."""
    name = gate.op.name
    if name == "guard":
        _guard(plan, gate)
        return
    if len(gate.outputs) == 1:
        if plan.elementwise(gate):
            return
        rule = STRUCTURE.get(name) or REDUCTIONS.get(name) or PRODUCTS.get(name)
        if rule is not None and rule(plan, gate):
            return
    calls.called(plan, gate)


def _guard(plan: Plan, gate: Gate) -> None:
    operand, how, told = gate.inputs[0], gate.static["how"], gate.static["told"]
    if operand.type.size != 1 or how not in ("bool", "float", "value", "int"):
        raise NotNative(f"a guard of how={how!r}")

    def write(block: Block, value: Element) -> Element:
        block.real = "f64"
        if how == "bool":
            truth = block.test(value)
            return truth if told else block.logic("xor", truth, True)
        if value.kind in ("i64", "i32") and abs(told) < 2**53:
            return block.integer_compare("eq", value, int(told)) if told == int(told) else block.test(False)
        if how == "int":
            return block.compare("oeq", block.intrinsic("trunc", value), float(told))
        return block.compare("oeq", value, float(told))

    if how == "int" and abs(told) >= 2**53:
        raise NotNative("a guard of a huge int")
    plan.guard(operand, write)


def _buffers(steps: list[Step]) -> list[Buffer]:
    """All buffers that steps read or write."""
    found: dict[Buffer, None] = {}
    for step in steps:
        for buffer in _touched(step):
            found[buffer] = None
    return list(found)


def _touched(step: Step) -> list[Buffer]:
    if isinstance(step, Nest):
        views = [v for load in step.loads.values() for v in (load.view, load.places)]
        views += [v for store in step.stores for v in (store.view, store.places)]
        views += [r.view for r in step.reductions]
        return [v.buffer for v in views if v is not None]
    if isinstance(step, Product):
        return [m.view.buffer for m in (step.a, step.b, step.c)]
    assert isinstance(step, calls.Call)
    return [v.buffer for v in (*step.inputs, *step.outputs) if v is not None]


def _arena(plan: Plan, steps: list[Step]) -> int:
    first: dict[Buffer, int] = {}
    last: dict[Buffer, int] = {}
    for n, step in enumerate(steps):
        for buffer in _touched(step):
            if buffer.role == "arena":
                first.setdefault(buffer, n)
                last[buffer] = n
    return plan_arena([(b, first[b], last[b]) for b in first])


def _place(buffer: Buffer, element: int, name: str) -> list[str]:
    """A pointer to an element of a buffer."""
    at = element * buffer.dtype.itemsize
    if buffer.role == "constant":
        address = buffer.value.__array_interface__["data"][0] + at
        return [f"  {name} = inttoptr i64 {address} to ptr"]
    if buffer.role == "arena":
        return [f"  {name} = getelementptr i8, ptr %arena, i64 {buffer.offset + at}"]
    table = "%in" if buffer.role == "input" else "%out"
    return [f"  {name}.at = getelementptr ptr, ptr {table}, i64 {buffer.number}",
            f"  {name}.of = load ptr, ptr {name}.at",
            f"  {name} = getelementptr i8, ptr {name}.of, i64 {at}"]  # fmt: skip


def _driver(steps: list[Step], functions: list[Any], size: int, keep: list[Any]) -> str:
    """The kernel itself: takes the arena, runs the steps, gives the arena back.

    The one arena that belongs to the function is lent to the first call that comes; others that
    run at the same time, in threads or re-entered from within, get memory of their own.
    """
    lines = ["define internal i32 @kernel(ptr %in, ptr %out) {"]
    if size:
        home = np.empty(size + 64, np.uint8)
        keep.append(home)
        address = -(-home.ctypes.data // 64) * 64
        lines.insert(0, f"@free = internal global ptr inttoptr (i64 {address} to ptr)")
        lines += [
            "  %lent = atomicrmw xchg ptr @free, ptr null acq_rel",
            "  %busy = icmp eq ptr %lent, null",
            "  br i1 %busy, label %own, label %start",
            "own:",
            f"  %new = call ptr @aligned_alloc(i64 64, i64 {-(-size // 64) * 64})",
            "  %none = icmp eq ptr %new, null",
            "  br i1 %none, label %no, label %start",
            "no:",
            "  ret i32 0",
            "start:",
            "  %arena = phi ptr [ %lent, %0 ], [ %new, %own ]",
        ]
    else:
        lines.append("  %arena = getelementptr i8, ptr %in, i64 0")
    lines += ["  %status = alloca i32", "  store i32 0, ptr %status"]
    for n, (step, (name, places)) in enumerate(zip(steps, functions, strict=True)):
        if isinstance(step, calls.Call):
            lines += [f"  %s{n} = call i32 @{name}(ptr %in, ptr %out, ptr %arena)",
                      f"  store i32 %s{n}, ptr %status", f"  %k{n} = icmp eq i32 %s{n}, 1"]  # fmt: skip
        else:
            given = [f"%g{n}.{k}" for k in range(len(places))]
            for (buffer, element), place in zip(places, given, strict=True):
                lines += _place(buffer, element, place)
            arguments = ", ".join([f"ptr {place}" for place in given])
            lines += [f"  %k{n} = call i1 @{name}({arguments})", "  store i32 0, ptr %status"]
        lines += [f"  br i1 %k{n}, label %n{n}, label %end", f"n{n}:"]
    lines += ["  store i32 1, ptr %status", "  br label %end", "end:",
              "  %answer = load i32, ptr %status"]  # fmt: skip
    if size:
        lines += [
            "  br i1 %busy, label %drop, label %back",
            "drop:", "  call void @free.(ptr %arena)", "  ret i32 %answer",
            "back:", "  store atomic ptr %arena, ptr @free release, align 8",
        ]  # fmt: skip
    lines += ["  ret i32 %answer", "}", ""]
    text = "\n".join(lines).replace("@free.(", "@gg_free(")
    declared = ["declare ptr @aligned_alloc(i64, i64)", "declare void @gg_free(ptr)"]
    if any(isinstance(s, calls.Call) for s in steps):
        declared += ['@longs = private constant [4 x i8] c"LLL\\00"',
                     "declare ptr @gg_PyObject_CallFunction(ptr, ptr, ...)"]  # fmt: skip
    return "\n".join([*declared, text])
