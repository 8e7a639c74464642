"""The local gradients of a record's gates: where they are computed, and their values.

Knows which node has which gate; how a local gradient comes from a gate's rule is `passes.local`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glassgrad.circuit import Circuit, Constant, Operand, Wire
from glassgrad.passes.local import local_gradients
from glassgrad.runtime.interpret import evaluate_all
from glassgrad.runtime.staging import Study
from glassgrad.show.graph import Origin

__all__ = ["Local", "local_of"]

_MOST = 3_000  # gates: beyond, local gradients are left out


@dataclass(frozen=True)
class Local:
    """Local gradients, element by element.

    Attributes
    ----------
    circuit
        Computes value, gradients and local gradients.
    operands
        For each node one operand of the circuit for each operand of its gate; None where there is
        no local gradient, empty where the node is no gate.
    values
        The value of every wire of the circuit.
    """

    circuit: Circuit
    operands: tuple[tuple[Operand | None, ...], ...]
    values: Mapping[Operand, Any]

    def of(self, node: int) -> list[Any]:
        """The local gradients of a node's gate, one for each operand."""
        return [None if o is None else o.value if isinstance(o, Constant) else self.values[o]
                for o in self.operands[node]]  # fmt: skip


def local_of(origin: Origin, study: Study) -> Local:
    """The local gradients of all gates of a graph; none where there are too many gates."""
    circuit = study.backward.circuit
    gates = [g for g in origin.gates if g is not None]
    if len(gates) > _MOST:
        return Local(circuit, tuple(() for _ in origin.gates), study.values)
    whole, found = local_gradients(circuit, gates)
    rest = iter(found)
    operands = tuple(() if g is None else next(rest) for g in origin.gates)
    more = whole.gates[len(circuit.gates) :]
    given = {i: study.values[i] for g in more for i in g.inputs if i in study.values}
    wires = tuple(w for w in given if isinstance(w, Wire))
    made = evaluate_all(Circuit(wires, more, ()), [given[w] for w in wires])
    return Local(whole, operands, {**study.values, **made})
