"""Simplification of backward gates: no ``1.0 *``, no copying of what broadcasting copies anyway.

Every rule is an identity of the arithmetic (or replaces a quotient by a quotient with one
rounding less). The user's own gates are never touched, so the forward pass stays NumPy's bit for
bit. One sweep, front to back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Gate, Operand, Wire, WireType, infer, type_of

__all__ = ["simplified"]

_SMALL = 16  # elements: constants up to this size are folded


def simplified(circuit: Circuit) -> Circuit:
    """The same circuit with simpler backward gates."""
    sweep = _Sweep(circuit)
    for gate in circuit.gates:
        if gate.backward:
            sweep.visit(gate)
        else:
            sweep.gates.append(gate)
    outputs = tuple(sweep.now(o) for o in circuit.outputs)
    return Circuit(circuit.inputs, tuple(sweep.gates), outputs, circuit.names)


class _Sweep:
    """The gates so far, what each old wire has become, and which gate drives each new one."""

    def __init__(self, circuit: Circuit) -> None:
        self.names = circuit.names
        self.gates: list[Gate] = []
        self.renamed: dict[Operand, Operand] = {}
        self.drivers: dict[Wire, Gate] = {}
        self.copies: set[Operand] = set()  # what broadcast_to drives

    def now(self, operand: Operand) -> Operand:
        return self.renamed.get(operand, operand)

    def visit(self, gate: Gate) -> None:
        renamed = self.renamed
        inputs = tuple([renamed.get(i, i) for i in gate.inputs])
        if len(gate.outputs) == 1:
            named = gate.outputs[0] in self.names
            before = len(self.gates)
            simpler = self.simpler(gate, inputs)
            if simpler is not None and not (named and gate.op.name == "identity"):
                if not named:
                    self.renamed[gate.outputs[0]] = simpler
                    return
                last = self.gates[-1] if len(self.gates) > before else None
                if last is not None and last.outputs == (
                    simpler,
                ):  # made just now: it gets the name
                    self.gates.pop()
                    self.keep(last.with_outputs(gate.outputs), last.inputs)
                    return
                gate = Gate(_identity(), (simpler,), gate.outputs, {}, "numpy", gate.place, True,
                            gate.origin)  # fmt: skip
                self.keep(gate, gate.inputs)
                return
        self.keep(gate, inputs)

    def keep(self, gate: Gate, inputs: tuple[Operand, ...]) -> None:
        gate = gate.with_inputs(inputs)
        self.gates.append(gate)
        for wire in gate.outputs:
            self.drivers[wire] = gate
        if gate.op.name == "broadcast_to":
            self.copies.add(gate.output)

    def make(self, like: Gate, name: str, *inputs: Operand, **static: Any) -> Operand:
        """A new backward gate, simplified in its turn."""
        from glassgrad.gates.declare import OPS

        op = OPS[name]
        type_ = infer(op, tuple(i.type for i in inputs), static, inputs)[0]
        spelling = "operator" if "operator" in op.spellings else "numpy"
        gate = Gate(op, inputs, (Wire(type_),), static, spelling, like.place, True, like.origin)
        simpler = self.simpler(gate, inputs)
        if simpler is not None:
            return simpler
        self.keep(gate, inputs)
        return gate.output

    def driver(self, operand: Operand, name: str) -> Gate | None:
        """The backward gate of this op that drives an operand, unless the wire has a name."""
        gate = self.drivers.get(operand) if isinstance(operand, Wire) else None
        if gate is None or gate.op.name != name or not gate.backward:
            return None
        return None if gate.output in self.names else gate

    def simpler(self, gate: Gate, inputs: tuple[Operand, ...]) -> Operand | None:
        """An operand that means the same as the gate's output, or None."""
        if gate.op.elementwise and (found := self.lazily_broadcast(gate, inputs)) is not None:
            return found
        rule = _RULES.get(gate.op.name)
        if rule is not None and (found := rule(self, gate, inputs)) is not None:
            return found
        return self.folded(gate, inputs)

    def folded(self, gate: Gate, inputs: tuple[Operand, ...]) -> Operand | None:
        """A gate of small constants is a constant."""
        if gate.op.effect or not inputs:
            return None
        for operand in inputs:
            if not isinstance(operand, Constant):
                return None
        if gate.output.type.size > _SMALL or gate.op.name in ("identity", "broadcast_to"):
            return None
        with np.errstate(all="ignore"):
            try:
                call = gate.op.spelled(gate.spelling)
                value = call(*[i.value for i in inputs], **gate.static)  # type: ignore[union-attr]
            except ArithmeticError:
                return None
        return Constant(value, type_of(value))

    def lazily_broadcast(self, gate: Gate, inputs: tuple[Operand, ...]) -> Operand | None:
        """An elementwise gate broadcasts by itself: compute on what was copied, copy later."""
        if not gate.output.type.shape or self.copies.isdisjoint(inputs):
            return None
        sources = [d.inputs[0] if (d := self.driver(i, "broadcast_to")) else i for i in inputs]
        if all(s is i for s, i in zip(sources, inputs, strict=True)):
            return None
        out = gate.output.type
        small = np.broadcast_shapes(*(s.shape for s in sources))
        dtype = infer(gate.op, tuple(s.type for s in sources), gate.static, sources)[0].dtype
        if dtype != out.dtype:
            return None
        made = self.make(gate, gate.op.name, *sources, **gate.static)
        if small == out.shape:
            return made
        return self.make(gate, "broadcast_to", made, shape=out.shape)


def _identity() -> Any:
    from glassgrad.gates.declare import OPS

    return OPS["identity"]


def _is_number(operand: Operand, number: float) -> bool:
    return isinstance(operand, Constant) and not operand.shape and bool(operand.value == number)


def _fits(operand: Operand, out: WireType) -> bool:
    """Whether an operand can stand for an output of this type."""
    return operand.type.shape == out.shape and operand.type.dtype == out.dtype


Inputs = Sequence[Operand]


def _multiply(sweep: _Sweep, gate: Gate, inputs: Inputs) -> Operand | None:
    a, b = inputs
    out = gate.output.type
    for one, other in ((a, b), (b, a)):
        if not isinstance(one, Constant):
            continue
        if _is_number(one, 1) and _fits(other, out):
            return other
        if _is_number(one, -1) and _fits(other, out):
            return sweep.make(gate, "negative", other)
    quotient = sweep.driver(a, "divide")
    if quotient and gate.op.name == "multiply" and _is_number(quotient.inputs[0], 1):
        return sweep.make(gate, "divide", b, quotient.inputs[1])  # (1 / b) * g: one rounding less
    return None


def _divide(sweep: _Sweep, gate: Gate, inputs: Inputs) -> Operand | None:
    a, b = inputs
    return a if _is_number(b, 1) and _fits(a, gate.output.type) else None


def _power(sweep: _Sweep, gate: Gate, inputs: Inputs) -> Operand | None:
    x, n = inputs
    return x if _is_number(n, 1) and _fits(x, gate.output.type) else None


def _add(sweep: _Sweep, gate: Gate, inputs: Inputs) -> Operand | None:
    a, b = inputs
    if (negative := sweep.driver(b, "negative")) is not None:
        return sweep.make(gate, "subtract", a, negative.inputs[0])
    return None


def _negative(sweep: _Sweep, gate: Gate, inputs: Inputs) -> Operand | None:
    inner = sweep.driver(inputs[0], "negative")
    return inner.inputs[0] if inner else None


def _reshape(sweep: _Sweep, gate: Gate, inputs: Inputs) -> Operand | None:
    (x,) = inputs
    if x.type is gate.output.type:
        return x
    copies = _copied_number(sweep, gate, x)
    if copies is not None:
        return copies
    inner = sweep.driver(x, "reshape")
    return sweep.make(gate, "reshape", inner.inputs[0], **gate.static) if inner else None


def _copied_number(sweep: _Sweep, gate: Gate, x: Operand) -> Operand | None:
    """Copies of one number stay copies of it, however they are arranged."""
    inner = sweep.driver(x, "broadcast_to")
    if inner is None or inner.inputs[0].shape:
        return None
    return sweep.make(gate, "broadcast_to", inner.inputs[0], shape=gate.output.shape)


def _rearranged(sweep: _Sweep, gate: Gate, inputs: Inputs) -> Operand | None:
    return _copied_number(sweep, gate, inputs[0])


def _broadcast_to(sweep: _Sweep, gate: Gate, inputs: Inputs) -> Operand | None:
    (x,) = inputs
    if x.type is gate.output.type:
        return x
    inner = sweep.driver(x, "broadcast_to") or _new_axes(sweep, x)
    return sweep.make(gate, "broadcast_to", inner.inputs[0], **gate.static) if inner else None


def _new_axes(sweep: _Sweep, x: Operand) -> Gate | None:
    """A gate that only put axes of length one in front: broadcasting does that by itself."""
    inner = sweep.driver(x, "reshape") or sweep.driver(x, "expand_dims")
    if inner is None:
        return None
    source = inner.inputs[0].shape
    lead = len(x.shape) - len(source)
    return inner if lead >= 0 and x.shape == (1,) * lead + source else None


def _transpose(sweep: _Sweep, gate: Gate, inputs: Inputs) -> Operand | None:
    (x,) = inputs
    copies = _copied_number(sweep, gate, x)
    if copies is not None:
        return copies
    inner = sweep.driver(x, "transpose")
    plain = not gate.static and inner is not None and not inner.static
    return inner.inputs[0] if plain and inner is not None else None


def _astype(sweep: _Sweep, gate: Gate, inputs: Inputs) -> Operand | None:
    return inputs[0] if inputs[0].type is gate.output.type else None


def _identity_rule(sweep: _Sweep, gate: Gate, inputs: Inputs) -> Operand | None:
    return inputs[0]


def _sum(sweep: _Sweep, gate: Gate, inputs: Inputs) -> Operand | None:
    """The sum over everything of a copied number is the number times the count."""
    inner = sweep.driver(inputs[0], "broadcast_to")
    if inner is None or gate.static or inner.inputs[0].shape:
        return None
    return sweep.make(gate, "multiply", _count(inner.output.type.size), inner.inputs[0])


def _count(n: int) -> Constant:
    return Constant(float(n), type_of(float(n)))


_RULES: Mapping[str, Callable[[_Sweep, Gate, Inputs], Operand | None]] = {
    "multiply": _multiply, "strong_multiply": _multiply, "divide": _divide, "power": _power,
    "add": _add, "negative": _negative, "reshape": _reshape, "broadcast_to": _broadcast_to,
    "transpose": _transpose, "astype": _astype, "identity": _identity_rule, "sum": _sum,
    "expand_dims": _rearranged, "squeeze": _rearranged, "ravel": _rearranged,
}  # fmt: skip
