"""A gate's formulas: what it computes, its local gradients, what it hands back to each input.

The gradients are not written down here. A gate's rule is run on wires of the gate's types, as
backpropagation runs it, the small circuit that comes out is cleaned up, and that circuit is
written. Where the rule looks at values, or the circuit is long, there is no formula: None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Gate, Operand, Wire, WireType
from glassgrad.circuit.infer import static_key
from glassgrad.circuit.model import FLOAT
from glassgrad.emit.mathml import terms
from glassgrad.emit.mathml.numbers import number
from glassgrad.emit.mathml.rows import CONDITIONS, called, row_of
from glassgrad.emit.mathml.terms import Term
from glassgrad.gates.indexing import SLOT
from glassgrad.passes import backprop, cleaned
from glassgrad.tracing import SymbolicTrace, Traced

__all__ = ["Formulas", "formulas"]

_LONG = 12  # gates in a formula: longer ones nobody reads
_LIMIT = 20_000  # gates remembered; cleared when full, so that a long-lived process does not grow
_INDEX = "\ue000"  # stands for the gate's own index until its text is put in


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
    local = _local(gate, active) if gate.op.form == "elementwise" else nothing
    return Formulas(forward, local, _backward(gate, active))


# -- forward -----------------------------------------------------------------------------------


def _forward(gate: Gate) -> str:
    probe = _Probe(gate)
    inputs = [probe.writer.operand(i) for i in probe.gate.inputs]
    outputs = list(probe.outputs)
    if gate.op.name in ("setitem", "add_at"):
        return probe.writer.changed(probe.gate, inputs, outputs[0])
    try:
        made = probe.writer.row(probe.gate, inputs)
    except _UnwritableError:
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
    for n, operand in zip(wanted, circuit.outputs, strict=True):
        value = probe.value_of(operand, circuit)
        if value is not None:
            parts = [terms.row("<mi>∂</mi>", t.text) for t in (probe.outputs[0], _slot(n))]
            texts[n] = _equation(Term(f"<mfrac>{''.join(parts)}</mfrac>"), value)
    return tuple(texts)


def _operand(trace: SymbolicTrace, value: Any) -> Operand:
    return value.wire if isinstance(value, Traced) else trace.constant(value)


def _backward(gate: Gate, active: Sequence[bool]) -> tuple[str | None, ...]:
    """What the gate hands back to each input, from a walk back through it alone."""
    probe = _Probe(gate)
    wanted = [w for w, real in zip(probe.gate.inputs, active, strict=True) if real]
    texts: dict[Operand, str | None] = {}
    made = backprop(probe.circuit, wanted, upstream=True)  # type: ignore[arg-type]
    circuit = cleaned(made.circuit)
    probe.writer.slots[circuit.inputs[-1]] = Term("{dy}")
    for wire, operand in zip(wanted, circuit.outputs[1:], strict=True):
        if wire in made.gradients:
            n = probe.gate.inputs.index(wire)
            texts[wire] = probe.handed(operand, circuit, Term(f"{{d{n}}}"))
    return tuple([texts.get(w) for w in probe.gate.inputs])


# -- a gate alone, and the writing of what its rule made ----------------------------------------


def _slot(n: int) -> Term:
    return Term(f"{{{n}}}")


class _UnwritableError(Exception):
    """A circuit that is too long for a formula, or holds what no formula can show."""


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
        self.writer = _Writer(slots, self.gate)

    def value_of(self, operand: Operand, circuit: Circuit) -> Term | None:
        """The term of a wire of the circuit, if it can be written."""
        self.writer.begin(circuit)
        try:
            return self.writer.operand(operand)
        except _UnwritableError:
            return None

    def handed(self, operand: Operand, circuit: Circuit, left: Term) -> str | None:
        """A gradient with its name: an equation, or what is added into a part of it."""
        self.writer.begin(circuit)
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
        except _UnwritableError:
            return None


def _own(operand: Operand, single: bool) -> Operand:
    """An operand of a gate as the probe has it: numbers and masks as they are, else a wire.

    A rule computes with arrays it is given, and what it makes of them has no name.
    """
    type_ = _one(operand.type) if single else operand.type
    if isinstance(operand, Constant):
        if not operand.shape or (operand.dtype.kind == "b" and not single):
            return Constant(operand.value, operand.type)
    return Wire(type_)


def _one(type_: WireType) -> WireType:
    """The type of one element."""
    return FLOAT if type_.dtype == np.float64 else WireType.of("numpy", (), type_.dtype)


class _Writer:
    """Writes wires of a circuit as terms, each as the whole expression it is."""

    def __init__(self, slots: dict[Operand, Term], gate: Gate) -> None:
        self.slots = slots
        self.template = gate.static.get("template")
        self.written = [float(i.value) for i in gate.inputs
                        if isinstance(i, Constant) and not i.shape]  # fmt: skip
        self.drivers: Mapping[Any, Gate] = {}
        self.left = 0

    def begin(self, circuit: Circuit) -> None:
        """Start a new formula."""
        self.drivers = {w: g for g in circuit.gates if g.backward for w in g.outputs}
        self.left = _LONG

    def operand(self, operand: Operand) -> Term:
        """The term of a wire or a number."""
        found = self.slots.get(operand)
        if found is not None:
            return found
        if isinstance(operand, Constant):
            if operand.shape:
                raise _UnwritableError
            return number(operand.value, self.written)
        gate = self.drivers[operand]
        self.left -= 1
        if self.left < 0 or len(gate.outputs) > 1:
            raise _UnwritableError
        return self.row(gate, [self.operand(i) for i in gate.inputs])

    def row(self, gate: Gate, inputs: Sequence[Term]) -> Term:
        """A gate over the terms of its inputs."""
        name = gate.op.name
        if name == "getitem":
            return self.part(inputs[0], gate, inputs[1:])
        if name in ("setitem", "add_at"):
            raise _UnwritableError
        if name not in CONDITIONS:
            inputs = [_counted(t) for t in inputs]
        if gate.op.elementwise and name != "where" and gate.output.dtype.kind == "f":
            chosen = [n for n, t in enumerate(inputs) if t.made == "cases"]
            if len(chosen) == 1:
                n = chosen[0]
                rest = list(inputs)
                return terms.lifted(
                    inputs[n], lambda v: row_of(gate, [*rest[:n], v, *rest[n + 1 :]])
                )
        return row_of(gate, inputs)

    # -- parts of arrays -------------------------------------------------------------------------

    def part(self, base: Term, gate: Gate, indices: Sequence[Term]) -> Term:
        """A term with the index of a gate."""
        template = gate.static["template"]
        index = Term(_INDEX) if template is self.template else _index(template, indices)
        return terms.subscripted(base, index)

    def changed(self, gate: Gate, inputs: Sequence[Term], left: Term) -> str:
        """An array of which a part was written to."""
        base, value, *indices = inputs
        with_ = "<mtext>\u00a0with\u00a0</mtext>"
        assigned = self.assigned(gate, value, indices, left)
        return terms.row(left.text, "<mo>=</mo>", base.within(terms.SUM), with_, assigned)

    def assigned(self, gate: Gate, value: Term, indices: Sequence[Term], left: Term) -> str:
        """A part of an array, and what it becomes or what is added to it."""
        sign = "<mo>=</mo>" if gate.op.name == "setitem" else "<mo>+=</mo>"
        return terms.row(self.part(left, gate, indices).text, sign, value.text)


def _counted(term: Term) -> Term:
    """A truth among numbers, as one or zero."""
    truth = terms.CASES < term.strength <= terms.COMPARE
    return terms.indicator(term) if truth or term.made == "not" else term


def _index(template: Sequence[Any], indices: Sequence[Term]) -> Term:
    """An index as a subscript."""
    rest = iter(indices)
    parts = [next(rest) if part is SLOT else _index_part(part) for part in template]
    return terms.listed(parts)


def _index_part(part: Any) -> Term:
    if isinstance(part, slice):
        bounds = [part.start, part.stop, *([] if part.step is None else [part.step])]
        texts = ["" if b is None else number(b).text for b in bounds]
        return Term(terms.row("<mo>:</mo>".join(texts)))
    if part is Ellipsis:
        return Term("<mo>…</mo>")
    return terms.name("new") if part is None else number(part)


def _with_index(found: Formulas, gate: Gate) -> Formulas:
    """Formulas with the gate's own index in them."""
    first = 1 if gate.op.name == "getitem" else 2
    indices = [
        number(i.value) if isinstance(i, Constant) and not i.shape else _slot(n)
        for n, i in enumerate(gate.inputs) if n >= first
    ]  # fmt: skip
    index = _index(gate.static["template"], indices).text

    def put(text: str | None) -> str | None:
        return text and text.replace(_INDEX, index)

    return Formulas(
        found.forward.replace(_INDEX, index),
        tuple([put(t) for t in found.local]),
        tuple([put(t) for t in found.backward]),
    )
