"""A gate's formulas: what it computes, its local gradients, what it hands back to each input.

The gradients are not written down here. A gate's rule is run on wires of the gate's types, as
backpropagation runs it, the small circuit that comes out is cleaned up, and that circuit is
written. Where the rule looks at values, or the circuit is long, there is no formula: None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Gate, Operand, Wire, WireType
from glassgrad.circuit.infer import static_key
from glassgrad.circuit.model import FLOAT
from glassgrad.emit.mathml import terms
from glassgrad.emit.mathml.numbers import number
from glassgrad.emit.mathml.rows import called
from glassgrad.emit.mathml.terms import Term
from glassgrad.emit.mathml.writer import INDEX, LONG, UnwritableError, Writer, index
from glassgrad.errors import GlassgradError
from glassgrad.gates.indexing import SLOT
from glassgrad.passes import backprop, cleaned
from glassgrad.tracing import SymbolicTrace, Traced

__all__ = ["Formulas", "formulas"]

_LIMIT = 20_000  # gates remembered; cleared when full, so that a long-lived process does not grow


@dataclass(frozen=True)
class Formulas:
    """The formulas of a gate, each the inside of a ``<math>`` element with slots for operands.

    ``{0}``, ``{1}``, ... stand for the inputs (a scalar constant is written as its number), ``{y}``
    for the output (``{y1}``, ... for further ones), ``{d0}``, ``{d1}``, ... and ``{dy}`` for
    gradients.

    Attributes
    ----------
    forward
        The output as an expression of the inputs.
    local
        For each input of an elementwise gate the slope at one place, ``∂y/∂x = ...``; else None.
    backward
        For each input the gradient the gate hands back, ``dx = ... dy``; None where there is none,
        or none that can be written.
    """

    forward: str
    local: tuple[str | None, ...]
    backward: tuple[str | None, ...]


_known: dict[Any, Formulas] = {}


def formulas(gate: Gate) -> Formulas:
    """What a gate computes, and what it does to a gradient, as MathML Core.

    Examples
    --------
    >>> from glassgrad.circuit import FLOAT, Gate, Wire
    >>> from glassgrad.gates.declare import OPS
    >>> x, y = Wire(FLOAT), Wire(FLOAT)
    >>> formulas(Gate(OPS["exp"], (x,), (y,))).forward
    '<mrow>{y}<mo>=</mo><msup><mi>e</mi>{0}</msup></mrow>'
    """
    key = _key(gate)
    found = _known.get(key)
    if found is None:
        if len(_known) > _LIMIT:
            _known.clear()
        found = _known[key] = _written(gate)
    return _with_index(found, gate) if "template" in gate.static else found


def _key(gate: Gate) -> Any:
    """What two gates have in common that have the same formulas, but for their index."""
    inputs = tuple([
        (type(i.value), repr(i.value)) if type(i) is Constant and not i.type.shape else
        (i.type, type(i) is Constant) for i in gate.inputs
    ])  # fmt: skip
    static = gate.static
    if "template" in static:
        part = _part_type(gate)
        static = {k: v for k, v in static.items() if k != "template"} | {"": part}
    return gate.op, static_key(static), inputs, tuple([w.type for w in gate.outputs])


def _part_type(gate: Gate) -> Any:
    """The shape of what an index picks; with arrays in it, the index itself."""
    template = gate.static["template"]
    if SLOT in template:
        return repr(template)
    shape = gate.inputs[0].shape
    return np.broadcast_to(np.False_, shape)[template].shape


def _written(gate: Gate) -> Formulas:
    nothing = (None,) * len(gate.inputs)
    if not gate.outputs:
        return Formulas(_told(gate), nothing, nothing)
    forward = _forward(gate)
    active = [isinstance(i, Wire) and i.dtype.kind == "f" for i in gate.inputs]
    smooth = gate.op.rule is not None and gate.outputs[0].dtype.kind == "f"
    if len(gate.outputs) > 1 or not smooth or not any(active):
        return Formulas(forward, nothing, nothing)
    try:
        local = _local(gate, active) if gate.op.form == "elementwise" else nothing
        return Formulas(forward, local, _backward(gate, active))
    except (GlassgradError, TypeError, ValueError, IndexError):  # the rule wants values
        return Formulas(forward, nothing, nothing)


# -- forward -----------------------------------------------------------------------------------


def _forward(gate: Gate) -> str:
    probe = _Probe(gate)
    inputs = [probe.writer.operand(i) for i in probe.gate.inputs]
    outputs = list(probe.outputs)
    if gate.op.name in ("setitem", "add_at"):
        return probe.writer.changed(probe.gate, inputs, outputs[0])
    try:
        made = probe.writer.row(probe.gate, inputs)
    except UnwritableError:
        made = called(probe.gate, inputs)
    left = outputs[0] if len(outputs) == 1 else terms.fenced(terms.listed(outputs))
    if made.strength <= terms.COMPARE and gate.output.dtype.kind == "b":
        made = terms.indicator(made)
    return _equation(left, made)


def _equation(left: Term, right: Term) -> str:
    return terms.row(left.text, "<mo>=</mo>", right.text)


def _told(gate: Gate) -> str:
    """A guard: what Python was told about a value."""
    told, how = gate.static["told"], gate.static["how"]
    asked = terms.applied(terms.name(how), _slot(0))
    plain = isinstance(told, (bool, int, float, np.number, np.bool_))
    return _equation(asked, number(told, [float(told)]) if plain else terms.name("array"))


# -- backward ----------------------------------------------------------------------------------


def _local(gate: Gate, active: Sequence[bool]) -> tuple[str | None, ...]:
    """The slopes of an elementwise gate, from its rule on single numbers."""
    probe = _Probe(gate, single=True)
    trace = SymbolicTrace(probe.circuit)
    trace.template = probe.gate
    symbols = [trace.symbol(i) for i in probe.gate.inputs]
    partials: list[Any] = list(
        gate.op.rule(*symbols, trace.symbol(probe.gate.output), **gate.static)  # type: ignore[misc]
    )
    for n, partial in enumerate(partials):
        partials[n] = partial() if active[n] and type(partial) is FunctionType else partial
    wanted = [n for n, p in enumerate(partials) if active[n] and p is not None]
    outputs = [_operand(trace, partials[n]) for n in wanted]
    circuit = cleaned(Circuit(probe.circuit.inputs, tuple(trace.gates), tuple(outputs)))
    texts: list[str | None] = [None] * len(partials)
    probe.begin(circuit)
    for n, operand in zip(wanted, circuit.outputs, strict=True):
        value = probe.value_of(operand)
        if value is not None:
            parts = [terms.row("<mi>∂</mi>", t.text) for t in (probe.outputs[0], _slot(n))]
            texts[n] = _equation(Term(f"<mfrac>{''.join(parts)}</mfrac>"), value)
    return tuple(texts)


def _operand(trace: SymbolicTrace, value: Any) -> Operand:
    return value.wire if isinstance(value, Traced) else trace.constant(value)


def _backward(gate: Gate, active: Sequence[bool]) -> tuple[str | None, ...]:
    """What the gate hands back to each input, from a walk back through it alone."""
    probe = _Probe(gate)
    wanted = {w: n for n, (w, real) in enumerate(zip(probe.gate.inputs, active, strict=True)) if real}  # fmt: skip
    made = backprop(probe.circuit, list(wanted), upstream=True)  # type: ignore[arg-type]
    circuit = cleaned(made.circuit)
    probe.begin(circuit)
    probe.writer.slots[circuit.inputs[-1]] = Term("{dy}")
    texts: list[str | None] = [None] * len(active)
    for (wire, n), operand in zip(wanted.items(), circuit.outputs[1:], strict=True):
        if wire in made.gradients:
            texts[n] = probe.handed(operand, Term(f"{{d{n}}}"))
    return tuple(texts)


# -- a gate alone ------------------------------------------------------------------------------


def _slot(n: int) -> Term:
    return Term(f"{{{n}}}")


class _Probe:
    """A gate alone, with wires of its own: one for each input that has a slot."""

    def __init__(self, gate: Gate, single: bool = False) -> None:
        slots: dict[Operand, Term] = {}
        inputs: list[Operand] = []
        for n, operand in enumerate(gate.inputs):
            mine = _own(operand, single)
            inputs.append(mine)
            if isinstance(mine, Wire) or mine.shape:
                slots[mine] = _slot(n)
        output = tuple([Wire(_one(w.type) if single else w.type) for w in gate.outputs])
        self.outputs = [Term(f"{{y{n or ''}}}") for n in range(len(output))]
        slots.update(zip(output, self.outputs, strict=True))
        self.gate = Gate(gate.op, tuple(inputs), output, gate.static, gate.spelling)
        wires = tuple([i for i in inputs if isinstance(i, Wire)])
        self.circuit = Circuit(wires, (self.gate,), output)
        self.writer = Writer(slots, self.gate)

    def begin(self, circuit: Circuit) -> None:
        """Write wires of this circuit from now on."""
        self.writer.drivers = {w: g for g in circuit.gates if g.backward for w in g.outputs}

    def value_of(self, operand: Operand) -> Term | None:
        """The term of a wire, if it can be written."""
        self.writer.left = LONG
        try:
            return self.writer.operand(operand)
        except UnwritableError:
            return None

    def handed(self, operand: Operand, left: Term) -> str | None:
        """A gradient with its name: an equation, or what is added into a part of it."""
        self.writer.left = LONG
        gate = self.writer.drivers.get(operand)
        try:
            if gate is not None and gate.op.name in ("setitem", "add_at"):
                inputs = [self.writer.operand(i) for i in gate.inputs[1:]]
                base = self.writer.drivers.get(gate.inputs[0])
                if gate.op.name == "add_at" and base is not None and base.op.name == "zeros":
                    return self.writer.assigned(gate, inputs[0], inputs[1:], left)
                inputs = [self.writer.operand(gate.inputs[0]), *inputs]
                return self.writer.changed(gate, inputs, left)
            return _equation(left, self.writer.operand(operand))
        except UnwritableError:
            return None


def _own(operand: Operand, single: bool) -> Operand:
    """An operand of a gate as the probe has it: numbers and masks as they are, else a wire.

    A rule computes with arrays it is given, and what it makes of them has no name.
    """
    type_ = _one(operand.type) if single else operand.type
    kept = not operand.shape or (operand.dtype.kind == "b" and not single)
    if isinstance(operand, Constant) and kept:
        return Constant(operand.value, operand.type)
    return Wire(type_)


def _one(type_: WireType) -> WireType:
    """The type of one element."""
    return FLOAT if type_.dtype == np.float64 else WireType.of("numpy", (), type_.dtype)


def _with_index(found: Formulas, gate: Gate) -> Formulas:
    """Formulas with the gate's own index in them."""
    first = 1 if gate.op.name == "getitem" else 2
    indices = [
        number(i.value) if isinstance(i, Constant) and not i.shape else _slot(n)
        for n, i in enumerate(gate.inputs) if n >= first
    ]  # fmt: skip
    own = index(gate.static["template"], indices).text

    def put(text: str | None) -> str | None:
        return text and text.replace(INDEX, own)

    return Formulas(
        found.forward.replace(INDEX, own),
        tuple([put(t) for t in found.local]),
        tuple([put(t) for t in found.backward]),
    )
