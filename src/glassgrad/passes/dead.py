"""Dead gates: what no output and no guard needs is left out."""

from __future__ import annotations

from glassgrad.circuit import Circuit, Wire

__all__ = ["without_dead_gates"]


def without_dead_gates(circuit: Circuit) -> Circuit:
    """The same circuit without the gates nobody reads. Inputs stay, so that calls stay the same."""
    live = {w for w in circuit.outputs if isinstance(w, Wire)}
    kept = []
    for gate in reversed(circuit.gates):
        if gate.op.effect or any(w in live for w in gate.outputs):
            kept.append(gate)
            live.update(i for i in gate.inputs if isinstance(i, Wire))
    return Circuit(circuit.inputs, tuple(reversed(kept)), circuit.outputs, circuit.names)
