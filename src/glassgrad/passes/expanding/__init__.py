"""Expansion: gates that are others put together, spelled out for those who have no form for them.

Native code knows elementwise gates, moves, sums, products of two factors, and systems; here
``softmax`` becomes the exponentials, sums and quotients it is made of, and an Einstein sum of
many factors a chain of products. A rule is plain NumPy, run on traced values as the gates' own
rules are; it gives None where a case is not its own, and the gate stays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from glassgrad.circuit import Circuit, Gate, Operand, Wire
from glassgrad.gates.declare import OPS
from glassgrad.passes.common import without_repetition
from glassgrad.passes.dead import without_dead_gates
from glassgrad.passes.expanding.contractions import CONTRACTIONS
from glassgrad.passes.expanding.matrices import MATRICES
from glassgrad.passes.expanding.moves import MOVES
from glassgrad.passes.expanding.sums import SUMS
from glassgrad.tracing import SymbolicTrace, Traced

__all__ = ["RULES", "expanded"]

#: How each gate that has a rule is spelled out.
RULES: Mapping[str, Callable[..., Any]] = {**SUMS, **MOVES, **CONTRACTIONS, **MATRICES}


def expanded(circuit: Circuit, keep: Collection[str] = ()) -> Circuit:
    """The same circuit with gates spelled out that are others put together.

    Parameters
    ----------
    circuit : Circuit
    keep : collection of str
        Gates that stay, as whoever asks has a form for them.
    """
    if not any(gate.op.name in RULES for gate in circuit.gates):
        return circuit
    walk = _Walk(circuit, keep)
    for gate in circuit.gates:
        walk.visit(gate)
    if not walk.expanded:
        return circuit
    outputs = tuple([walk.now(o) for o in circuit.outputs])
    made = Circuit(circuit.inputs, tuple(walk.gates), outputs, circuit.names)
    return without_dead_gates(without_repetition(made))


class _Walk:
    """The gates so far, and what the outputs of expanded ones have become."""

    def __init__(self, circuit: Circuit, keep: Collection[str]) -> None:
        self.rules = {name: rule for name, rule in RULES.items() if name not in keep}
        self.trace = SymbolicTrace(Circuit(circuit.inputs, (), (), circuit.names))
        self.gates: list[Gate] = []
        self.renamed: dict[Operand, Operand] = {}
        self.expanded = False

    def now(self, operand: Operand) -> Operand:
        return self.renamed.get(operand, operand)

    def visit(self, gate: Gate) -> None:
        gate = gate.with_inputs(tuple([self.now(i) for i in gate.inputs]))
        rule = self.rules.get(gate.op.name)
        empty = any(0 in o.shape for o in (*gate.inputs, *gate.outputs))
        if rule is None or empty or not self.spelled_out(rule, gate):
            self.gates.append(gate)

    def spelled_out(self, rule: Callable[..., Any], gate: Gate) -> bool:
        """Put what a gate is made of in its place, if the rule takes it."""
        trace = self.trace
        trace.template = gate
        made = rule(*[trace.symbol(i) for i in gate.inputs], **gate.static)
        parts, trace.gates = trace.gates, []
        if made is None:
            return False
        results = made if gate.op.outputs > 1 else (made,)
        operands = [r.wire if isinstance(r, Traced) else trace.constant(r) for r in results]
        for wire, operand in zip(gate.outputs, operands, strict=True):
            if (operand.shape, operand.dtype) != (wire.shape, wire.dtype):
                return False
        self.expanded = True
        for part in parts:  # which may be others put together in their turn
            self.visit(part)
        for wire, operand in zip(gate.outputs, operands, strict=True):
            self.stands_for(wire, self.now(operand), gate)
        return True

    def stands_for(self, wire: Wire, operand: Operand, gate: Gate) -> None:
        if operand.type == wire.type:
            self.renamed[wire] = operand
        else:  # a NumPy number and an array without axes are not the same to their readers
            self.gates.append(Gate(OPS["identity"], (operand,), (wire,), {}, "numpy", gate.place,
                                   gate.backward, gate.origin))  # fmt: skip
