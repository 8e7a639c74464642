"""Liveness: which gates may write into their first input instead of copying it.

Writing in place is what keeps a loop of ``y[i] = ...``, and the gradient of a loop that reads
``x[i]``, linear in the number of steps. It is allowed where the memory is the program's own and
no later gate reads the old value, directly or through a view.
"""

from __future__ import annotations

from glassgrad.circuit import Circuit, Gate, Operand, Wire

__all__ = ["Memory", "memory"]

_WRITERS = {"setitem", "add_at"}
_SAME = {"identity", "stop_gradient"}


class Memory:
    """What is known of the memory behind each wire of a circuit.

    Attributes
    ----------
    in_place
        Gates that may overwrite their first input.
    owned
        Wires that are the whole of an array the program itself allocated.
    group
        For each wire of an array, a number for the memory it lives in.
    """

    def __init__(self) -> None:
        self.in_place: set[Gate] = set()
        self.owned: set[Operand] = set()
        self.group: dict[Operand, int] = {}


def memory(circuit: Circuit) -> Memory:
    """Find out what may be written in place, in one sweep each way."""
    last_read: dict[Operand, int] = {}
    for number, gate in enumerate(circuit.gates):
        for operand in gate.inputs:
            last_read[operand] = number
    end = len(circuit.gates)
    for operand in circuit.outputs:
        last_read[operand] = end

    found = Memory()
    latest: list[int] = []  # by group: the last gate that reads any wire living there

    def live_in(operand: Operand, group: int) -> None:
        found.group[operand] = group
        latest[group] = max(latest[group], last_read.get(operand, -1))

    def new_group(operand: Operand) -> None:
        latest.append(-1)
        live_in(operand, len(latest) - 1)

    for wire in circuit.inputs:
        new_group(wire)
    for number, gate in enumerate(circuit.gates):
        for wire in gate.outputs:
            if wire.type.kind != "array":
                continue
            first = gate.inputs[0] if gate.inputs else None
            if gate.op.name in _WRITERS or _accumulates(gate, wire):
                assert first is not None
                if first in found.owned and latest[found.group[first]] <= number:
                    found.in_place.add(gate)
                    live_in(wire, found.group[first])
                else:
                    new_group(wire)
                found.owned.add(wire)
            elif gate.op.views or gate.op.name in _SAME:
                if first in found.group:
                    live_in(wire, found.group[first])
                else:
                    new_group(wire)  # a constant's memory: never owned
                if gate.op.name in _SAME and first in found.owned:
                    found.owned.add(wire)
            else:
                new_group(wire)
                found.owned.add(wire)
    return found


def _accumulates(gate: Gate, wire: Wire) -> bool:
    """A backward sum into an array of the same type: ``dx += ...``."""
    return (
        gate.backward and gate.op.name in ("add", "subtract") and gate.inputs[0].type is wire.type
    )
