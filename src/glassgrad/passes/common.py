"""Common gates: what was computed once is used again, forward values in the backward pass too.

Only gates made by backpropagation are merged; the user's own stay as they were written.
"""

from __future__ import annotations

from typing import Any

from glassgrad.circuit import Circuit, Constant, Gate, Operand, Wire
from glassgrad.circuit.infer import static_key

__all__ = ["without_repetition"]


def without_repetition(circuit: Circuit) -> Circuit:
    """The same circuit in which no backward gate repeats an earlier one."""
    known: dict[Any, tuple[Wire, ...]] = {}
    renamed: dict[Operand, Operand] = {}
    gates = []
    repeatable = {gate.op for gate in circuit.gates if gate.backward}
    for gate in circuit.gates:
        inputs = tuple([renamed.get(i, i) for i in gate.inputs])
        if not gate.backward:
            if gate.op in repeatable and gate.inputs and not gate.op.effect:
                known.setdefault(_key(gate, inputs), gate.outputs)
            gates.append(gate.with_inputs(inputs))
            continue
        plain = gate.op.effect or gate.op.name == "identity" or not inputs
        key = None if plain else _key(gate, inputs)
        if key is not None:
            found = known.get(key)
            if found is not None and not _named(gate, circuit):
                renamed.update(zip(gate.outputs, found, strict=True))
                continue
            known.setdefault(key, gate.outputs)
        gates.append(gate.with_inputs(inputs))
    outputs = tuple(renamed.get(o, o) for o in circuit.outputs)
    return Circuit(circuit.inputs, tuple(gates), outputs, circuit.names)


def _named(gate: Gate, circuit: Circuit) -> bool:
    return any(w in circuit.names for w in gate.outputs)


def _key(gate: Gate, inputs: tuple[Operand, ...]) -> Any:
    parts = tuple([_operand(i) for i in inputs])
    return (gate.op, parts, static_key(gate.static), gate.outputs[0].type)


def _operand(operand: Operand) -> Any:
    if isinstance(operand, Constant) and operand.type.kind != "array":
        return (type(operand.value), repr(operand.value))
    return operand
