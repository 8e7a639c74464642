"""The walk from the outputs back to the inputs, and all of its bookkeeping.

Each gate gets the gradient of its output (the upstream gradient), multiplies it by what it knows
by itself (its local gradient), and hands one gradient to each input; where a value branched, what
comes back is added up. Summing to an input's shape after broadcasting, accumulation and dtypes are
here. What a gradient is (a wire of a new circuit, or a number) is said by the two walks that are
made of this one: `backprop` and `numeric`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Gate, Operand, Wire, WireType
from glassgrad.gates.declare import OPS, Scatter

__all__ = ["Walk", "depends"]

_ASTYPE = OPS["astype"]


def depends(circuit: Circuit, wrt: Sequence[Wire]) -> set[Operand]:
    """The wires a gradient can reach: real numbers that depend smoothly on `wrt`."""
    reached: set[Operand] = set(wrt)
    for gate in circuit.gates:
        if gate.op.form != "flat" and not reached.isdisjoint(gate.inputs):
            for wire in gate.outputs:
                if wire.type.dtype.kind == "f":
                    reached.add(wire)
    return reached


class Walk:
    """One walk back: the gradients so far."""

    def __init__(self) -> None:
        self.gradients: dict[Wire, Any] = {}

    def back(
        self, circuit: Circuit, wrt: Sequence[Wire], seeds: Sequence[Any],
        recognised: Mapping[Wire, Gate],
    ) -> None:  # fmt: skip
        """Walk through all gates, from last to first; further outputs than seeds are aux."""
        needed = depends(circuit, wrt)
        for operand, seed in zip(circuit.outputs, seeds, strict=False):
            if isinstance(operand, Wire) and operand in needed:
                self.begin(operand, seed)
        gradients = self.gradients
        for gate in reversed(circuit.gates):
            for wire in gate.outputs:
                if wire in gradients:
                    self.through(recognised.get(gate.outputs[0], gate), needed)
                    break

    def begin(self, output: Wire, seed: Any) -> None:
        """The gradient an output starts with."""
        Walk.accumulate(self, output, seed)

    def through(self, gate: Gate, needed: set[Operand]) -> None:
        """Hand the upstream gradient of a gate on to its inputs."""
        for operand, gradient in zip(gate.inputs, self.local(gate, needed), strict=True):
            if gradient is not None and operand in needed:
                if type(gradient) is FunctionType:
                    gradient = gradient()
                self.accumulate(operand, gradient)  # type: ignore[arg-type]

    def local(self, gate: Gate, needed: set[Operand]) -> Sequence[Any]:
        """What the gate hands back to each input, by the form in which its rule is written."""
        op, static, rule = gate.op, gate.static, gate.op.rule
        assert rule is not None, op.name
        inputs = self.inputs(gate)
        dy = self.gradients.get(gate.outputs[0])
        if op.form == "elementwise":
            partials = rule(*inputs, self.value(gate.outputs[0]), **static)
            return [
                self.times(partial, dy) if operand in needed else None
                for partial, operand in zip(partials, gate.inputs, strict=True)
            ]
        if op.form in ("linear", "bilinear"):
            handed = rule(*inputs, dy, **static)
        elif op.outputs == 1:
            handed = rule(*inputs, self.value(gate.outputs[0]), dy, **static)
        else:
            outputs = tuple([self.value(w) for w in gate.outputs])
            upstream = [self.gradients.get(w) for w in gate.outputs]
            given = tuple([
                np.zeros(w.shape, w.dtype) if g is None else g
                for w, g in zip(gate.outputs, upstream, strict=True)
            ])  # fmt: skip
            handed = rule(*inputs, outputs, given, **static)
        if isinstance(handed, tuple):
            return handed
        return (handed, *[None] * (len(inputs) - 1))

    def times(self, partial: Any, dy: Any) -> Any:
        """Local gradient times upstream gradient."""
        if type(partial) is FunctionType:
            partial = partial()
        if partial is None:
            return None
        if type(partial) is int or type(partial) is float:
            if partial == 1:
                return dy
            if partial == -1:
                return self.negated(dy)
            if partial == 0:
                return self.zero(dy)
        return self.product(partial, dy)

    def accumulate(self, wire: Wire, gradient: Any) -> None:
        """Add a gradient to what has arrived at a wire so far."""
        before = self.gradients.get(wire)
        if isinstance(gradient, Scatter):
            total = self.scattered(wire, before, gradient)
        else:
            total = self.fitted(gradient, wire.type)
            if before is not None:
                total = self.sum(wire, before, total)
        self.gradients[wire] = total

    def fitted(self, gradient: Any, type_: WireType) -> Any:
        """A gradient summed (or spread) to its wire's shape, in its wire's precision."""
        has = self.type_of(gradient)
        if has is type_ or (has.shape == type_.shape and has.dtype is type_.dtype):
            return gradient
        if has.shape != type_.shape:
            gradient = _to_shape(gradient, has.shape, type_.shape)
        if has.dtype != type_.dtype and has.kind != "python":
            gradient = _ASTYPE(gradient, dtype=type_.dtype)
        return gradient

    # -- what a gradient is ------------------------------------------------------------------

    def inputs(self, gate: Gate) -> list[Any]:
        """The inputs of a gate as its rule gets them."""
        raise NotImplementedError

    def value(self, wire: Wire) -> Any:
        """A wire as a rule gets it."""
        raise NotImplementedError

    def type_of(self, gradient: Any) -> WireType:
        """The type a gradient has."""
        raise NotImplementedError

    def product(self, partial: Any, dy: Any) -> Any:
        """Local gradient times upstream gradient, both of them more than a number in a rule."""
        raise NotImplementedError

    def zero(self, dy: Any) -> Any:
        """Zero times an upstream gradient, where the zero is a plain number."""
        raise NotImplementedError

    def negated(self, dy: Any) -> Any:
        """A gradient with its sign turned."""
        raise NotImplementedError

    def sum(self, wire: Wire, before: Any, more: Any) -> Any:
        """What has arrived at a wire so far, and more."""
        raise NotImplementedError

    def scattered(self, wire: Wire, before: Any, part: Scatter) -> Any:
        """A gradient that touches only part of its wire, added there in place."""
        raise NotImplementedError


def _to_shape(gradient: Any, shape: tuple[int, ...], target: tuple[int, ...]) -> Any:
    """Undo broadcasting: what was copied forward is summed backward."""
    if np.broadcast_shapes(shape, target) == target:
        return np.broadcast_to(gradient, target)
    lead = len(shape) - len(target)
    ones = tuple(lead + i for i, n in enumerate(target) if n == 1 and shape[lead + i] != 1)
    axes = tuple(range(lead)) + ones
    if not ones:
        gradient = np.sum(gradient, axis=axes[0] if len(axes) == 1 else axes)
    elif not lead:
        gradient = np.sum(gradient, axis=axes[0] if len(axes) == 1 else axes, keepdims=True)
    else:
        gradient = np.reshape(np.sum(gradient, axis=axes), target)
    if np.shape(gradient) != target:
        gradient = np.broadcast_to(gradient, target)
    return gradient
