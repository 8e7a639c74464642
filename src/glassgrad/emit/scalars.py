"""Circuits taken apart into single numbers: what native code and JavaScript have in common.

An array is an object array of elements that answer ``+ - * /``, so NumPy's own structural functions
(indexing, reshaping, sums, small products) write instructions by themselves. What an element
is, how an elementwise gate is written, and which numbers are allowed is told by who unrolls.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.circuit import Constant, Gate, Operand

__all__ = ["SAME", "STRUCTURAL", "Unrolling", "index_operands"]

#: Gates that only move, add and multiply: their own NumPy function runs on arrays of elements.
STRUCTURAL = {
    "getitem", "setitem", "add_at", "reshape", "transpose", "ravel", "broadcast_to", "concatenate",
    "stack", "sum", "mean", "matmul", "dot", "vdot", "inner", "outer", "swapaxes", "moveaxis",
    "expand_dims", "squeeze", "flip", "roll", "repeat", "tile", "diagonal", "trace", "copy",
}  # fmt: skip

#: Gates that hand their input on as it is.
SAME = {"identity", "stop_gradient", "item"}

_INDICES_FROM = {"getitem": 1, "setitem": 2, "add_at": 2}


def index_operands(gate: Gate) -> tuple[Operand, ...]:
    """The operands of a gate that tell places."""
    return gate.inputs[_INDICES_FROM.get(gate.op.name, len(gate.inputs)) :]


class Unrolling:
    """The values of a circuit's wires, as arrays of elements.

    Attributes
    ----------
    refusal : type of Exception
        What is raised, with the reason, where a circuit cannot be taken apart.
    values : dict
        An object array for each operand met so far.
    """

    refusal: type[Exception]

    def __init__(self) -> None:
        self.values: dict[Operand, Any] = {}

    def allowed(self, operand: Constant) -> None:
        """Raises where a constant cannot be written."""
        raise NotImplementedError

    def read(self, operand: Operand) -> Any:
        """An operand as an object array of elements, or of plain numbers where constant."""
        found = self.values.get(operand)
        if found is None:
            assert isinstance(operand, Constant)
            self.allowed(operand)
            found = self.values[operand] = np.asarray(operand.value).astype(object)
        return found

    def moved(self, gate: Gate) -> Any:
        """The result of a gate that makes, moves, adds and multiplies; None for others."""
        name, static = gate.op.name, gate.static
        if name in STRUCTURAL:
            if any(k in static for k in ("dtype", "named", "initial", "out")):
                raise self.refusal(f"{name} with {', '.join(static)} has no such form")
            return self.structural(gate)
        if name in SAME:
            return self.read(gate.inputs[0]).reshape(gate.outputs[0].shape)
        if name == "array":
            cells = [self.read(i)[()] for i in gate.inputs]
            made = np.empty(len(cells), object)
            made[:] = cells
            return made.reshape(gate.outputs[0].shape)
        if name in ("zeros", "ones", "full"):
            return self.read(gate.inputs[0]) if gate.inputs else float(name == "ones")
        return None

    def structural(self, gate: Gate) -> Any:
        """NumPy moves, adds and multiplies the elements; index arrays are constants as they are."""
        indices = index_operands(gate)
        operands = [self.read(i) for i in gate.inputs[: len(gate.inputs) - len(indices)]]
        for operand in indices:
            if not isinstance(operand, Constant):
                raise self.refusal("an index is not constant")
            operands.append(operand.value)
        if gate.op.name == "copy":
            return operands[0]
        try:
            return gate.op.call(*operands, **gate.static)
        except TypeError as error:
            raise self.refusal(f"{gate.op.name} has no such form ({error})") from None

    def cells(self, gate: Gate, result: Any) -> Any:
        """A gate's result as an array of its output's shape, each cell one element."""
        shape = gate.outputs[0].shape
        made = np.empty(shape, object)
        made[...] = result
        for index in np.ndindex(shape):
            if isinstance(made[index], np.ndarray):  # a 0-d array that was put into another
                made[index] = made[index][()]
        return made
