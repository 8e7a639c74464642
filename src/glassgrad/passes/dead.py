"""Dead gates: what no output and no guard needs is left out."""

from __future__ import annotations

from glassgrad.circuit import Circuit

__all__ = ["without_dead_gates"]


def without_dead_gates(circuit: Circuit) -> Circuit:
    """The same circuit without the gates nobody reads. Inputs stay, so that calls stay the same."""
    live = set(circuit.outputs)
    kept = []
    for gate in reversed(circuit.gates):
        if gate.op.effect or not live.isdisjoint(gate.outputs):
            kept.append(gate)
            live.update(gate.inputs)
    return Circuit(circuit.inputs, tuple(reversed(kept)), circuit.outputs, circuit.names)
