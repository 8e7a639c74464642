"""From wires to terms: each wire as the whole expression that drives it, back to the slots.

Knows circuits, parts of arrays, and cases, through which elementwise gates are drawn inwards; how an op is
written it asks `rows`. It does not know where the circuit comes from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from glassgrad.circuit import Constant, Gate, Operand
from glassgrad.emit.mathml import terms
from glassgrad.emit.mathml.numbers import number
from glassgrad.emit.mathml.rows import CONDITIONS, row_of
from glassgrad.emit.mathml.terms import Term
from glassgrad.gates.indexing import SLOT

__all__ = ["INDEX", "LONG", "UnwritableError", "Writer", "index"]

LONG = 15  # gates in a formula: longer ones nobody reads
INDEX = "\ue000"  # stands for the gate's own index until its text is put in


class UnwritableError(Exception):
    """A circuit that is too long for a formula, or holds what no formula can show."""


class Writer:
    """Writes wires of a circuit as terms, each as the whole expression it is."""

    def __init__(self, slots: dict[Operand, Term], gate: Gate) -> None:
        self.slots = slots
        self.template = gate.static.get("template")
        self.written = [float(i.value) for i in gate.inputs
                        if isinstance(i, Constant) and not i.shape]  # fmt: skip
        self.drivers: Mapping[Any, Gate] = {}
        self.left = 0  # how many more gates the formula may have

    def operand(self, operand: Operand) -> Term:
        """The term of a wire or a number."""
        found = self.slots.get(operand)
        if found is not None:
            return found
        if isinstance(operand, Constant):
            if operand.shape:
                raise UnwritableError
            return number(operand.value, self.written)
        gate = self.drivers[operand]
        self.left -= 1
        if self.left < 0 or len(gate.outputs) > 1:
            raise UnwritableError
        return self.row(gate, [self.operand(i) for i in gate.inputs])

    def row(self, gate: Gate, inputs: Sequence[Term]) -> Term:
        """A gate over the terms of its inputs."""
        name = gate.op.name
        if name == "getitem":
            return self.part(inputs[0], gate, inputs[1:])
        if name in ("setitem", "add_at"):
            raise UnwritableError
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
        own = template is self.template
        return terms.subscripted(base, Term(INDEX) if own else index(template, indices))

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


def index(template: Sequence[Any], indices: Sequence[Term]) -> Term:
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
