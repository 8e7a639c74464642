"""Backpropagation: from a circuit to the circuit of its value and its gradients.

The forward gates are walked from last to first. Each gate gets the gradient of its output (the
upstream gradient), multiplies it by what it knows by itself (its local gradient), and hands one
gradient to each input; where a value branched, what comes back is added up. Rules are run on
traced values, so what comes out is gates again, and can be differentiated again.

The walk itself, with its bookkeeping, is `walk.py`'s; here is what makes its gradients wires.
Source: ``backpropagation-notes``, "every gate in a circuit ..."; Griewank and Walther,
*Evaluating Derivatives*, SIAM 2008, chapter 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Gate, Operand, Wire, WireType, type_of
from glassgrad.gates.declare import OPS, Scatter
from glassgrad.passes.walk import Walk
from glassgrad.tracing import SymbolicTrace, Traced, apply

__all__ = ["Backward", "backprop"]

_MULTIPLY, _STRONG, _ADD = OPS["multiply"], OPS["strong_multiply"], OPS["add"]
_NOTHING: dict[str, Any] = {}  # no static arguments; shared, and never written to
_NEGATIVE, _ADD_AT, _IDENTITY = OPS["negative"], OPS["add_at"], OPS["identity"]


@dataclass(frozen=True)
class Backward:
    """A circuit of value and gradients, and where each gradient is in it.

    Attributes
    ----------
    circuit
        Its outputs are the forward circuit's, then one gradient for each wire asked for.
    gradients
        The gradient of every wire one arrived at.
    stages
        For the named wires a gradient grows in (``dx = ...``, ``dx += ...``): whose gradient.
    """

    circuit: Circuit
    gradients: Mapping[Wire, Operand]
    stages: Mapping[Wire, Wire]


def backprop(
    circuit: Circuit,
    wrt: Sequence[Wire],
    *,
    upstream: bool = False,
    careful: bool = False,
    recognised: Mapping[Wire, Gate] | None = None,
    named: bool = False,
) -> Backward:
    """The circuit of value and gradients.

    Parameters
    ----------
    circuit : Circuit
        The forward pass.
    wrt : sequence of Wire
        Inputs to differentiate with respect to.
    upstream : bool
        Take the gradients of the outputs as further inputs; otherwise there is one scalar output
        and its gradient is 1.
    careful : bool
        Spell out what only matters at edge points: a zero that arrives stays zero even where the
        local gradient is infinite, and a division by zero gives what IEEE 754 says.
    recognised : mapping, optional
        For some wires a gate that stands for a whole pattern (`passes.recognise`): its rule is
        used instead of the driving gate's.
    named : bool
        Give the gradient of every named wire a gate of its own, named ``d`` + the name.
    """
    walk = _Walk(circuit, careful, named)
    walk.back(circuit, wrt, walk.seeds(circuit.outputs, upstream), recognised or {})
    outputs = tuple(walk.gradient_of(w) for w in wrt)
    return Backward(
        Circuit(tuple(walk.trace.inputs), tuple(walk.trace.gates), circuit.outputs + outputs,
                walk.trace.names),
        {w: g.wire if isinstance(g, Traced) else walk.trace.constant(g)
         for w, g in walk.gradients.items()},
        walk.stages,
    )  # fmt: skip


class _Walk(Walk):
    """One walk back on a symbolic trace: gradients are its wires, and the gates made stay there."""

    def __init__(self, circuit: Circuit, careful: bool, named: bool) -> None:
        super().__init__()
        self.trace = SymbolicTrace(circuit)
        self.trace.careful = careful
        self.careful = careful
        self.named = named
        self.stages: dict[Wire, Wire] = {}

    def seeds(self, outputs: Sequence[Operand], upstream: bool) -> list[Any]:
        """The gradient each output starts with."""
        if not upstream:
            dtype = outputs[0].dtype
            return [self.constant(1.0 if dtype == np.float64 else dtype.type(1))]
        seeds = []
        for operand in outputs:
            wire = Wire(operand.type)
            self.trace.inputs.append(wire)
            if isinstance(operand, Wire) and operand in self.trace.names:
                self.trace.names[wire] = "d" + self.trace.names[operand]
            seeds.append(self.trace.symbol(wire))
        return seeds

    def through(self, gate: Gate, needed: set[Operand]) -> None:
        self.trace.template = gate
        super().through(gate, needed)

    def inputs(self, gate: Gate) -> list[Any]:
        symbol = self.trace.symbol
        return [self.matrix(i) if isinstance(i, Constant) else symbol(i) for i in gate.inputs]

    def value(self, wire: Wire) -> Any:
        return self.trace.symbol(wire)

    def matrix(self, operand: Constant) -> Any:
        """A constant as a rule gets it: a matrix as a wire, so that its transpose is a gate.

        Otherwise `X.T` of an array from outside would be computed here, and stand in the code as
        a second copy of the data.
        """
        if operand.type.ndim < 2 or operand.type.dtype.kind != "f":
            return self.trace.symbol(operand)
        return self.trace.symbol(self.trace.emit(_IDENTITY, (operand,), {}, (operand.type,))[0])

    def type_of(self, gradient: Any) -> WireType:
        return gradient.type if isinstance(gradient, Traced) else type_of(gradient)

    def product(self, partial: Any, dy: Any) -> Any:
        if not isinstance(partial, Traced) and not isinstance(dy, Traced):
            dy = self.constant(dy)
        finite = type(partial) in (int, float)
        op = _STRONG if self.careful and not finite else _MULTIPLY
        return self.trace.apply(op, (partial, dy), _NOTHING, "operator")

    def zero(self, dy: Any) -> Any:
        return None  # no path: it stands in the rule

    def negated(self, dy: Any) -> Any:
        return apply(_NEGATIVE, (dy,), {}, "operator") if isinstance(dy, Traced) else -dy

    def constant(self, value: Any) -> Any:
        """A constant as a wire: a product of constants is a gate like any other."""
        return self.trace.symbol(self.trace.emit(_IDENTITY, (self.trace.constant(value),), {})[0])

    # -- bookkeeping -------------------------------------------------------------------------

    def accumulate(self, wire: Wire, gradient: Any) -> None:
        super().accumulate(wire, gradient)
        if self.named and wire in self.trace.names:
            self.gradients[wire] = self.name(self.gradients[wire], wire)

    def sum(self, wire: Wire, before: Any, more: Any) -> Any:
        if isinstance(before, Traced) or isinstance(more, Traced):
            return self.trace.apply(_ADD, (before, more), _NOTHING, "operator")
        return before + more

    def name(self, total: Any, of: Wire) -> Any:
        """A gradient under the name ``d...``; a value that has its own gate already just gets it."""
        wire = total.wire if isinstance(total, Traced) else None
        names = self.trace.names
        fresh = wire is not None and wire not in names and self.trace.gates \
            and self.trace.gates[-1].outputs == (wire,)  # fmt: skip
        if not fresh:
            operand = wire if wire is not None else self.trace.constant(total)
            assert operand is not None
            wire = self.trace.emit(_IDENTITY, (operand,), {}, (operand.type,))[0]
        assert wire is not None
        names[wire] = "d" + names[of]
        self.stages[wire] = of
        return self.trace.symbol(wire)

    def scattered(self, wire: Wire, before: Any, part: Scatter) -> Any:
        """A gradient that touches only part of its wire, added there in place."""
        if before is None:
            static: dict[str, Any] = {"shape": wire.shape}
            if wire.dtype != np.float64:
                static["dtype"] = wire.dtype
            before = self.trace.symbol(self.trace.emit(OPS["zeros"], (), static)[0])
        elif not isinstance(before, Traced):
            before = self.constant(before)
        elif not wire.shape:
            before = OPS["array"](before, shape=())  # nobody can write into a scalar
        value = part.value
        return apply(_ADD_AT, (before, value, *part.indices), {"template": part.template}, "numpy")

    def gradient_of(self, wire: Wire) -> Operand:
        """The gradient of an input, as an output of the circuit: zeros where nothing arrived."""
        gradient = self.gradients.get(wire)
        if gradient is None:
            if not wire.shape:
                return Constant(0.0, WireType.of("python", (), np.dtype(np.float64)))
            static: dict[str, Any] = {"shape": wire.shape, "dtype": wire.dtype}
            self.trace.template = None
            return self.trace.emit(OPS["zeros"], (), static)[0]
        return gradient.wire if isinstance(gradient, Traced) else self.trace.constant(gradient)
