"""One walk through a circuit that takes small last axes apart; see `split.py`.

It knows what is whole and what is in components, makes either of the other where somebody needs
it, and keeps account of what that costs. It knows no gate: `components.py` has their rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from glassgrad.circuit import Circuit, Constant, Gate, Operand, Wire, WireType, type_of
from glassgrad.gates.declare import OPS

__all__ = ["Rule", "Splitter"]

_TAKEN, _GIVEN = 1.5, 2.0  # what an element costs that is taken from a whole array, given to one
_NOTHING: Mapping[str, Any] = {}

Rule: TypeAlias = Callable[["Splitter", Gate], bool]


class Splitter:
    """One walk through a circuit that takes some wires apart.

    Parameters
    ----------
    circuit : Circuit
    apart : set of Wire
        The wires whose last axis becomes a tuple of wires.

    Attributes
    ----------
    parts : dict
        The components of what is taken apart.
    zeros : set of Operand
        Components known to hold nothing but zeros.
    """

    def __init__(self, circuit: Circuit, apart: set[Wire]) -> None:
        self.circuit, self.apart = circuit, apart
        self.gates: list[Gate] = []
        self.parts: dict[Operand, tuple[Operand, ...]] = {}
        self.zeros: set[Operand] = set()
        self.driven: set[Wire] = set(circuit.inputs)
        self.like: Gate | None = None
        self.joined: dict[Wire, Wire] = {}  # which wires have to be taken apart together
        self.linked: list[Wire] = []  # by the gate that is being looked at
        self.gain: dict[Wire, float] = defaultdict(float)
        self.saved = 0.0

    def run(self, rules: Mapping[str, Rule]) -> Circuit:
        """The circuit that comes of it, by the rules of the gates."""
        for gate in self.circuit.gates:
            self.like = gate
            self.linked, self.saved = [], 0.0
            rule = rules.get(gate.op.name)
            if rule is None or len(gate.outputs) != 1 or not rule(self, gate):
                for operand in gate.inputs:
                    self.whole(operand)
                self.keep(gate)
            self.link()
        for operand in self.circuit.outputs:
            self.whole(operand)
        return Circuit(
            self.circuit.inputs, tuple(self.gates), self.circuit.outputs, self.circuit.names
        )

    # -- gates -------------------------------------------------------------------------------

    def keep(self, gate: Gate) -> None:
        self.gates.append(gate)
        self.driven.update(gate.outputs)

    def make(
        self,
        name: str,
        inputs: Sequence[Operand],
        shape: tuple[int, ...],
        static: Mapping[str, Any] = _NOTHING,
        dtype: Any = None,
        to: Wire | None = None,
    ) -> Wire:
        """A new gate, in the place of the one that is being looked at."""
        like = self.like
        assert like is not None
        kind: Any = "array" if shape else "numpy"
        wire = to or Wire(WireType.of(kind, tuple(shape), np.dtype(dtype or inputs[0].dtype)))
        op = OPS[name]
        spelling = like.spelling if op is like.op else "numpy"
        self.keep(Gate(op, tuple(inputs), (wire,), static, spelling, like.place, like.backward,
                       like.origin))  # fmt: skip
        return wire

    def same(self, operand: Operand, wire: Wire) -> None:
        """A wire of the old circuit that is an operand of the new one."""
        self.make("identity", (operand,), wire.shape, to=wire)

    # -- wholes and components ---------------------------------------------------------------

    def whole(self, operand: Operand) -> Operand:
        """An operand as it was, put together if need be."""
        if isinstance(operand, Wire) and operand not in self.driven:
            self.gain[operand] -= _GIVEN * operand.type.size
            self.together(operand, self.parts[operand])
        return operand

    def together(self, wire: Wire, parts: Sequence[Operand]) -> None:
        """Drive a wire by its components."""
        parts = [self.whole(p) for p in parts]
        if len(parts) == 1:
            self.make("expand_dims", parts, wire.shape, {"axis": -1}, to=wire)
        else:
            self.make("stack", parts, wire.shape, {"axis": -1}, to=wire)

    def taken(self, operand: Operand) -> tuple[Operand, ...]:
        """The components of an operand along its last axis."""
        found = self.parts.get(operand)
        if found is None:
            shape = operand.shape
            if isinstance(operand, Constant):
                values = [operand.value[..., n] for n in range(shape[-1])]
                found = tuple([Constant(v, type_of(v)) for v in values])
            else:
                if operand in self.apart:
                    self.gain[operand] -= _TAKEN * operand.type.size
                found = tuple([
                    self.make("getitem", (operand,), shape[:-1], {"template": (Ellipsis, n)})
                    for n in range(shape[-1])
                ])  # fmt: skip
            self.parts[operand] = found
        if operand in self.apart:
            self.linked.append(operand)
        return found

    def spread(self, operand: Operand, count: int) -> list[Operand]:
        """The components of an operand, broadcast to so many."""
        if not operand.shape:
            return [operand] * count
        parts = self.taken(operand)
        return list(parts) * count if len(parts) == 1 else list(parts)

    def give(self, wire: Wire, parts: Sequence[Operand]) -> bool:
        """What a rule has made of a gate: the components of its output."""
        if wire in self.apart:
            self.parts[wire] = tuple(parts)
            self.linked.append(wire)
        else:
            self.together(wire, parts)
        return True

    # -- what pays ---------------------------------------------------------------------------

    def link(self) -> None:
        """What one gate handles in components is taken apart together, or not at all."""
        for wire in self.linked[1:]:
            one, other = self.root(wire), self.root(self.linked[0])
            if one is not other:
                self.joined[one] = other
        if self.linked and self.saved:
            self.gain[self.linked[0]] += self.saved

    def root(self, wire: Wire) -> Wire:
        while (further := self.joined.get(wire)) is not None:
            wire = further
        return wire

    def worth(self) -> set[Wire]:
        """The wires that are taken apart at a profit."""
        total: dict[Wire, float] = defaultdict(float)
        for wire, gain in self.gain.items():
            total[self.root(wire)] += gain
        return {w for w in self.apart if total[self.root(w)] > 0.0}
