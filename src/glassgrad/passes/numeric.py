"""Backpropagation on numbers: the gradients of one run, gate by gate, without a circuit for them.

The rules of the gates are plain NumPy, so they run on the values of a run as they do on traced
ones: this is the backward pass of the notes, and the way the first call of a path is answered.
A number that flows on a wire is told from one that stands in the user's code (`declare.literal`),
and a value that was overwritten in the meantime is missing.

Nothing is taken care of at edge points: where a gradient comes out as NaN, a circuit has to decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Gate, Operand, Wire, WireType, type_of
from glassgrad.circuit.model import FLOAT
from glassgrad.gates.declare import Scatter, flowing
from glassgrad.gates.indexing import SLOT, joined
from glassgrad.passes.recognise import recognise
from glassgrad.passes.walk import Walk

__all__ = ["MissingValueError", "gradients", "walkable"]

_COPIED = 4_000_000  # elements: item assignments copy arrays here, which a program need not


class MissingValueError(Exception):
    """A rule asks for a value that was overwritten in this run."""


def walkable(circuit: Circuit) -> bool:
    """Whether a circuit of gradients, which can write in place, would not be much faster."""
    writes = [g.output.type.size for g in circuit.gates if g.op.name in ("setitem", "add_at")]
    return sum(writes) <= _COPIED


def gradients(circuit: Circuit, wrt: Sequence[Wire], values: dict[Operand, Any]) -> list[Any]:
    """The gradients of the first output with respect to `wrt`; each array is memory of its own.

    Parameters
    ----------
    circuit : Circuit
        The forward pass; its first output is a scalar.
    wrt : sequence of Wire
        Inputs to differentiate with respect to.
    values : dict
        What the wires held in this run. Those that were overwritten may be missing. Each is let go
        of as soon as no rule needs it any more.

    Raises
    ------
    MissingValueError
        One of those is needed.
    """
    walk = _Walk(values)
    dtype = circuit.outputs[0].dtype
    try:
        walk.back(circuit, wrt, [1.0 if dtype == np.float64 else dtype.type(1)], recognise(circuit))
    finally:
        flowing.values = ()
    held = {id(v) for v in values.values()} if any(w.shape for w in wrt) else set()
    return [walk.result(wire, held) for wire in wrt]


class _Walk(Walk):
    """One walk back on numbers and arrays."""

    def __init__(self, values: dict[Operand, Any]) -> None:
        super().__init__()
        self.values = values
        self.owned: set[Wire] = set()  # whose gradient is an array that nothing else refers to

    def through(self, gate: Gate, needed: set[Operand]) -> None:
        super().through(gate, needed)
        for wire in gate.outputs:  # memory that is used again soon is much faster than new memory
            self.gradients.pop(wire, None)
            self.values.pop(wire, None)

    def inputs(self, gate: Gate) -> list[Any]:
        given, numbers = [], []
        for operand in gate.inputs:
            if type(operand) is Constant:
                given.append(operand.value)
                continue
            value = self.value(operand)  # type: ignore[arg-type]
            given.append(value)
            if type(value) is not np.ndarray:
                numbers.append(value)
        flowing.values = numbers
        return given

    def value(self, wire: Wire) -> Any:
        value = self.values.get(wire, _MISSING)
        return _Missing(wire.type) if value is _MISSING else value

    def zero(self, dy: Any) -> Any:
        return None if np.isfinite(dy).all() else 0 * dy

    def type_of(self, gradient: Any) -> WireType:
        return FLOAT if type(gradient) is float else type_of(gradient)

    def product(self, partial: Any, dy: Any) -> Any:
        return partial * dy

    def negated(self, dy: Any) -> Any:
        return -dy

    def sum(self, wire: Wire, before: Any, more: Any) -> Any:
        if wire in self.owned:
            before += more
            return before
        total = before + more
        if type(total) is np.ndarray:
            self.owned.add(wire)
        return total

    def scattered(self, wire: Wire, before: Any, part: Scatter) -> Any:
        if before is None:
            before = np.zeros(wire.shape, wire.dtype)
        elif wire not in self.owned:
            before = np.array(before)
        self.owned.add(wire)
        key = joined(part.template, part.indices)
        if SLOT in part.template:
            np.add.at(before, key, part.value)
        else:
            before[key] += part.value
        return before

    def result(self, wire: Wire, held: set[int]) -> Any:
        """The gradient of an input: of its kind, zero where nothing arrived, memory of its own."""
        gradient = self.gradients.get(wire, 0.0)
        kind = wire.type.kind
        if kind == "python":
            return float(gradient)
        if kind == "numpy":
            return wire.dtype.type(gradient)
        if type(gradient) is not np.ndarray:
            return np.full(wire.shape, gradient, wire.dtype)
        alone = gradient.base is None and gradient.flags.writeable and id(gradient) not in held
        held.add(id(gradient))
        if alone and gradient.flags.c_contiguous:
            return gradient
        return np.array(gradient, order="C")


_MISSING: Any = object()


class _Missing:
    """Stands for an array that was overwritten: rules may ask for its shape, not for its values."""

    __array_ufunc__ = None

    def __init__(self, type_: WireType) -> None:
        self.shape, self.ndim, self.size = type_.shape, type_.ndim, type_.size
        self.dtype = type_.dtype

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in (np.shape, np.ndim, np.size) and len(args) == 1 and not kwargs:
            return getattr(self, function.__name__)
        raise MissingValueError

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise MissingValueError

    def __bool__(self) -> bool:
        raise MissingValueError

    def __eq__(self, other: object) -> bool:
        raise MissingValueError

    def __ne__(self, other: object) -> bool:
        raise MissingValueError

    __hash__ = None  # type: ignore[assignment]
