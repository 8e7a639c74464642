"""What a native program is made of, for people: steps, memory, compile time, LLVM IR, assembly."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from glassgrad.circuit import Circuit, WireType
from glassgrad.emit.native import calls, entry, lapack
from glassgrad.emit.native.cutting import Group
from glassgrad.emit.native.elements import NotNative
from glassgrad.emit.native.kernel import kernel
from glassgrad.emit.native.machine import stages
from glassgrad.emit.native.products import Product
from glassgrad.emit.native.steps import Nest, Operation, Step

__all__ = ["NativeCode", "described"]


@dataclass(frozen=True)
class NativeCode:
    """A native program, described.

    Attributes
    ----------
    reason
        Why the circuit has no native form; empty where it has one.
    steps
        One line a step, in order; empty where everything is unrolled.
    fallbacks
        The gates that are called as NumPy from within.
    arena
        Working memory, in bytes.
    seconds
        Compile time by stage.
    llvm, optimised, assembly
        The text as written, after LLVM's passes, and as instructions of this machine.
    """

    reason: str = ""
    steps: list[str] = field(default_factory=list)
    fallbacks: list[str] = field(default_factory=list)
    arena: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    llvm: str = ""
    optimised: str = ""
    assembly: str = ""


def described(circuit: Circuit, gradients: Sequence[WireType]) -> NativeCode:
    """Compile a circuit of value and gradients once more, and tell what came of it."""
    began = time.perf_counter()
    forward = len(circuit.outputs) - len(gradients)
    wanted = [o.type for o in circuit.outputs[:forward]] + list(gradients)
    try:
        made = kernel(circuit)
        text = entry.program_text(circuit, wanted, made.text)
    except NotNative as reason:
        return NativeCode(str(reason))
    planned = time.perf_counter() - began
    seconds, optimised, assembly = stages(text)
    called = [s.gate for s in made.steps if isinstance(s, calls.Call)]
    fallbacks = [f"{g.op.name}{f' at {g.place}' if g.place else ''}" for g in called]
    return NativeCode("", [line for s in made.steps for line in _lines(s)], fallbacks, made.arena,
                      {"plan": planned, **seconds}, text, optimised, assembly)  # fmt: skip


def _lines(step: Step) -> list[str]:
    if not isinstance(step, Group):
        return [_line(step)]
    tiles = " and ".join([f"{t.times} of {t.length}" for t in step.tilings])
    return [f"tiles   {tiles} along an axis of {step.length}, through",
            *[f"        {_line(s)}" for s in step.tilings[0].steps]]  # fmt: skip


def _line(step: Step) -> str:
    if isinstance(step, Nest):
        return _nest(step)
    if isinstance(step, Product):
        m, n, k = step.sizes
        batch = f"{' x '.join(map(str, step.batch))} times " if step.batch else ""
        return f"BLAS    {batch}({m} x {k}) ({k} x {n}): {_gates(step)}"
    if isinstance(step, lapack.System):
        return f"LAPACK  {step.routine}: {_gates(step)}"
    return f"NumPy   {_gates(step)}, which has no native form"


def _nest(nest: Nest) -> str:
    size = " x ".join(map(str, nest.domain)) or "1"
    again = sum(isinstance(o, Operation) for o in nest.operations) - len(nest.gates)
    what = _gates(nest) or "moves numbers"
    kept = len(nest.stores)
    parts = [f"loop    over {size}: {what}", f"{len(nest.loads)} arrays read, {kept} written"]
    if nest.reductions:
        parts.append(f"{len(nest.reductions)} reduced")
    if again > 0:
        parts.append(f"{again} computed again rather than kept")
    return "; ".join(parts)


def _gates(step: Step) -> str:
    return ", ".join(g.op.name for g in step.gates)
