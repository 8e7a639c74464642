"""Checks that a circuit is one: single assignment, nothing read before it is driven, types right.

Called on every circuit built in tests and after every pass there; never at a user's call.
"""

from __future__ import annotations

from glassgrad.circuit.infer import infer
from glassgrad.circuit.model import Circuit, Gate, Wire
from glassgrad.circuit.text import text
from glassgrad.errors import CircuitError

__all__ = ["verify"]


def verify(circuit: Circuit, types: bool = True) -> Circuit:
    """Return the circuit unchanged if it obeys the rules of circuits.

    Parameters
    ----------
    circuit : Circuit
    types : bool
        Also hold every gate's output against the op's shape rule.

    Raises
    ------
    CircuitError
        A wire is read before it is driven, driven twice, or has the wrong type.
    """
    driven: set[Wire] = set(circuit.inputs)
    if len(driven) != len(circuit.inputs):
        raise CircuitError("a wire is an input twice\n" + text(circuit))
    for number, gate in enumerate(circuit.gates):
        for operand in gate.inputs:
            if isinstance(operand, Wire) and operand not in driven:
                raise CircuitError(
                    f"gate {number} ({gate.op.name}) reads a wire before it is driven\n"
                    + text(circuit)
                )
        for wire in gate.outputs:
            if wire in driven:
                raise CircuitError(f"gate {number} ({gate.op.name}) drives a wire twice")
            driven.add(wire)
        if types and gate.outputs and not _masked(gate):
            expected = infer(gate.op, tuple(i.type for i in gate.inputs), gate.static, gate.inputs)
            found = tuple(w.type for w in gate.outputs)
            if any((e.shape, e.dtype) != (f.shape, f.dtype) for e, f in zip(expected, found)):
                raise CircuitError(
                    f"gate {number} ({gate.op.name}) should give {expected}, is wired as {found}"
                )
    for operand in circuit.outputs:
        if isinstance(operand, Wire) and operand not in driven:
            raise CircuitError("an output is never driven\n" + text(circuit))
    return circuit


def _masked(gate: Gate) -> bool:
    """What a mask picks has a shape no type tells; a guard on the mask's count holds it."""
    return gate.op.name == "getitem" and any(i.dtype.kind == "b" for i in gate.inputs[1:])
