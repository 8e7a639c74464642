"""Running a circuit gate by gate: the forward pass of a few calls, and every look inside one.

Compiling pays from the fifth call on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Gate, Operand
from glassgrad.gates.indexing import joined
from glassgrad.passes.liveness import memory

__all__ = ["evaluate", "evaluate_all"]


def evaluate(circuit: Circuit, inputs: Sequence[Any]) -> list[Any]:
    """The outputs of a circuit for these inputs; none of them shares memory with an input.

    Raises
    ------
    Departure
        A guard does not hold.
    """
    found = memory(circuit)
    values: dict[Operand, Any] = dict(zip(circuit.inputs, inputs, strict=True))
    for gate in circuit.gates:
        if gate in found.in_place:
            values[gate.outputs[0]] = _written(gate, [_read(values, i) for i in gate.inputs])
        else:
            _step(values, gate)
    results: list[Any] = []
    for operand in circuit.outputs:
        value = _read(values, operand)
        if (
            isinstance(value, np.ndarray)
            and (operand not in found.owned or any(value is r for r in results))
        ) or (isinstance(value, np.ndarray) and not value.flags.c_contiguous):
            value = np.array(value, order="C")
        results.append(value)
    return results


def evaluate_all(circuit: Circuit, inputs: Sequence[Any]) -> dict[Operand, Any]:
    """The value of every wire; nothing is overwritten."""
    values: dict[Operand, Any] = dict(zip(circuit.inputs, inputs, strict=True))
    for gate in circuit.gates:
        try:
            _step(values, gate)
        except ArithmeticError:  # of Python's numbers, in a local gradient that nobody asked for
            if not gate.backward:
                raise
            inputs = [np.float64(v) if type(v) in (float, int) else v
                      for v in (_read(values, i) for i in gate.inputs)]  # fmt: skip
            with np.errstate(all="ignore"):
                values[gate.outputs[0]] = gate.op.call(*inputs, **gate.static)
    return values


def _read(values: dict[Operand, Any], operand: Operand) -> Any:
    return operand.value if isinstance(operand, Constant) else values[operand]


def _step(values: dict[Operand, Any], gate: Gate) -> None:
    inputs = [_read(values, i) for i in gate.inputs]
    if gate.backward:
        with np.errstate(all="ignore"):  # what the backward pass meets is no fault of the user's
            result = gate.op.spelled(gate.spelling)(*inputs, **gate.static)
    else:
        result = gate.op.spelled(gate.spelling)(*inputs, **gate.static)
    if gate.op.outputs == 1 and gate.outputs:
        values[gate.outputs[0]] = result
    else:
        values.update(zip(gate.outputs, result, strict=True))


def _written(gate: Gate, inputs: list[Any]) -> Any:
    """A gate that may overwrite its first input."""
    target, value, *indices = inputs
    if gate.op.name == "add":
        target += value
    elif gate.op.name == "subtract":
        target -= value
    else:
        key = joined(gate.static["template"], tuple(indices))
        if gate.op.name == "setitem":
            target[key] = value
        else:
            np.add.at(target, key, value)
    return target
