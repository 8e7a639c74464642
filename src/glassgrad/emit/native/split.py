"""Small last axes taken apart: an array (N, M, 3) becomes three arrays (N, M), circuit to circuit.

What runs along such an axis (sums, cross products, joins, parts) then needs no memory: it is a
few operations on arrays of one shape, which share a nest. Which arrays are taken apart is decided
by what that saves and what it costs to take apart what comes whole and to put together what is
needed whole. `components.py` has the rules of the gates. Pictures and staged code never see this.
"""

from __future__ import annotations

from glassgrad.circuit import Circuit, Wire
from glassgrad.emit.native.components import RULES
from glassgrad.emit.native.splitter import Splitter
from glassgrad.passes.dead import without_dead_gates

__all__ = ["split"]

_MOST = 16  # components of an array
_ROWS = 32  # elements of a component below which it is not worth it
_GATES = 4_000  # of a circuit, before or after: each gate becomes several
_TIMES = 3  # (N, 3, 3) is taken apart twice


def split(circuit: Circuit) -> Circuit:
    """The same circuit with small last axes taken apart where that pays."""
    for _ in range(_TIMES):
        wires = _candidates(circuit)
        if not wires or len(circuit.gates) > _GATES:
            return circuit
        trial = Splitter(circuit, wires)
        trial.run(RULES)
        chosen = trial.worth()
        if not chosen:
            return circuit
        made = Splitter(circuit, chosen).run(RULES)
        if len(made.gates) > _GATES:
            return circuit
        circuit = without_dead_gates(made)
    return circuit


def _candidates(circuit: Circuit) -> set[Wire]:
    wires = [*circuit.inputs, *[w for gate in circuit.gates for w in gate.outputs]]
    found = {w for w in wires if _small(w)}
    return found if any(w.shape[-1] > 1 for w in found) else set()


def _small(wire: Wire) -> bool:
    shape = wire.shape
    if len(shape) < 2 or not 1 <= shape[-1] <= _MOST or wire.dtype.kind not in "fbi":
        return False
    return wire.type.size >= _ROWS * shape[-1]
