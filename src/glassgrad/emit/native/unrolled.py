"""Circuits of numbers and small arrays as straight-line code: ``i32 kernel(ptr in, ptr out)``.

The circuit is unrolled to single numbers, so this serves circuits of numbers and small arrays.
The kernel answers true where all guards hold and every number met is finite; everything else,
exceptions, warnings and edge points, is the NumPy tier's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Gate, Operand
from glassgrad.emit.native.elementary import definitions
from glassgrad.emit.native.elements import Block, Element, NotNative
from glassgrad.emit.native.lowerings import ELEMENTWISE
from glassgrad.emit.native.parts import in_parts
from glassgrad.emit.scalars import Unrolling

__all__ = ["unrolled"]

_ELEMENTS = 32  # of one array: beyond, loops pay
_INSTRUCTIONS = 200_000
_FLOAT, _BOOL = np.dtype(np.float64), np.dtype(np.bool_)


def unrolled(circuit: Circuit) -> str:
    """The kernel's text, everything unrolled.

    Its two arguments are tables of pointers, to the numbers of each input and of each output.

    Raises
    ------
    NotNative
        A gate, a dtype or a size stands in the way.
    """
    return _Writer(circuit).text()


def load(block: Block, n: int, at: int) -> Element:
    """A double of input n; in one entry, which `in_parts` will not cut."""
    made = block.fresh("")
    block.lines[-1] = (
        f"  %p{made.name[1:]} = getelementptr ptr, ptr %in, i64 {n}\n"
        f"  %i{made.name[1:]} = load ptr, ptr %p{made.name[1:]}\n"
        f"  %e{made.name[1:]} = getelementptr double, ptr %i{made.name[1:]}, i64 {at}\n"
        f"  {made.name} = load double, ptr %e{made.name[1:]}"
    )
    return made


def store(block: Block, value: Element, n: int, at: int) -> None:
    """A double into output n."""
    name = f"{n}.{at}"
    block.lines.append(
        f"  %p{name} = getelementptr ptr, ptr %out, i64 {n}\n"
        f"  %o{name} = load ptr, ptr %p{name}\n"
        f"  %e{name} = getelementptr double, ptr %o{name}, i64 {at}\n"
        f"  store double {value.name}, ptr %e{name}"
    )


class _Writer(Unrolling):
    refusal = NotNative

    def __init__(self, circuit: Circuit) -> None:
        super().__init__()
        self.circuit = circuit
        self.block = Block()
        self.held: list[Element] = []

    def text(self) -> str:
        block = self.block
        for n, wire in enumerate(self.circuit.inputs):
            self.allowed(wire)
            if wire.dtype != _FLOAT:
                raise NotNative(f"an input is {wire.type}")
            cells = np.empty(wire.shape, object)
            for at, index in enumerate(np.ndindex(wire.shape)):
                cells[index] = load(block, n, at)
            self.values[wire] = cells
        for gate in self.circuit.gates:
            self.gate(gate)
            if len(block.lines) > _INSTRUCTIONS:
                raise NotNative("the circuit has too many numbers to unroll")
        results = [[block.number(e) for e in self.read(o).flat] for o in self.circuit.outputs]
        ok = self.verdict()
        for n, row in enumerate(results):
            for at, cell in enumerate(row):
                store(block, cell, n, at)
        text, declared = definitions(block.elementary)
        return "\n".join(
            [*sorted(block.functions | declared), text, in_parts(block.lines, block.kinds, ok)]
        )

    def verdict(self) -> str:
        """Guards and finiteness, as one truth. ``v - v`` is NaN just where v is not finite."""
        block = self.block
        unchecked = block.unchecked()
        sums = [block.fresh(f"fsub double {name}, {name}").name for name in unchecked]
        while len(sums) > 1:  # a tree: no long chain of additions to wait for
            pairs = zip(sums[::2], sums[1::2], strict=False)
            sums = [block.fresh(f"fadd double {a}, {b}").name for a, b in pairs] + (
                [sums[-1]] if len(sums) % 2 else []
            )
        truths = list(self.held)
        if sums:
            truths.append(block.fresh(f"fcmp ord double {sums[0]}, 0.0", "i1"))
        ok = block.test(True)
        for truth in truths:
            ok = block.logic("and", ok, truth)
        return ok.name

    def allowed(self, operand: Operand) -> None:
        if isinstance(operand, Constant):
            if operand.dtype.kind not in "fiub" or operand.type.size > _ELEMENTS:
                raise NotNative(f"a constant is {operand.type}")
            if operand.dtype.kind == "f" and operand.dtype != _FLOAT:
                raise NotNative(f"a constant is {operand.type}")
            return
        if operand.dtype not in (_FLOAT, _BOOL):
            raise NotNative(f"a wire is {operand.type}")
        if operand.type.size > _ELEMENTS:
            raise NotNative(f"an array has {operand.type.size} elements")

    def gate(self, gate: Gate) -> None:
        name = gate.op.name
        if name == "guard":
            self.held.append(self.guard(gate))
            return
        if len(gate.outputs) != 1:
            raise NotNative(f"{name} has no native form")
        wire = gate.outputs[0]
        self.allowed(wire)
        made = self.cells(gate, self.result(gate))
        if wire.dtype == _FLOAT:
            for index in np.ndindex(wire.shape):
                if isinstance(made[index], Element):
                    made[index] = self.block.number(made[index])
        self.values[wire] = made

    def result(self, gate: Gate) -> Any:
        name = gate.op.name
        if name in ELEMENTWISE and not gate.static:
            lowering = ELEMENTWISE[name]
            shape = gate.outputs[0].shape
            made = np.empty(shape, object)
            operands = [np.broadcast_to(self.read(i), shape) for i in gate.inputs]
            for index in np.ndindex(shape):
                made[index] = lowering(self.block, *[o[index] for o in operands])
            return made
        if name == "astype" and gate.outputs[0].dtype == _FLOAT:
            return self.read(gate.inputs[0])
        made = self.moved(gate)
        if made is None:
            raise NotNative(f"{name} has no native form")
        return made

    def guard(self, gate: Gate) -> Element:
        how, told = gate.static["how"], gate.static["told"]
        value = self.read(gate.inputs[0])
        block = self.block
        if value.size != 1:
            raise NotNative("Python asked for a whole array")
        tested = value.reshape(())[()]
        if how == "bool":
            truth = block.test(tested)
            return truth if told else block.logic("xor", truth, True)
        if how in ("float", "value"):
            return block.compare("oeq", tested, float(told))
        if how == "int" and abs(told) < 2**53:
            return block.compare("oeq", block.intrinsic("trunc", tested), float(told))
        raise NotNative(f"a guard of how={how!r}")
