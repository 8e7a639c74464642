"""Sums of products of matrices: ``sum over rows of (A @ B)`` is ``(sum over rows of A) @ B``.

The gradient of what was broadcast before a product (a mean that is taken from every point, a bias)
arrives as such a sum: the whole product is made only to be added up. Summing first costs one
row's product. Signs, sums and factors that do not vary along the summed axes are passed on the
way. Only rounding differs. Backward gates only, so the forward pass stays as it was written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from glassgrad.circuit import Circuit, Gate, Operand, Wire, infer
from glassgrad.gates.declare import OPS

__all__ = ["sums_first"]

_DEEP = 8  # gates between a sum and its product


def sums_first(circuit: Circuit) -> Circuit:
    """The same circuit in which no product of matrices is made only to be summed over its rows."""
    uses: Counter[Operand] = Counter(circuit.outputs)
    for gate in circuit.gates:
        uses.update(gate.inputs)
    drivers = {w: g for g in circuit.gates for w in g.outputs}
    gates: list[Gate] = []
    renamed: dict[Operand, Operand] = {}
    for gate in circuit.gates:
        inputs = tuple([renamed.get(i, i) for i in gate.inputs])
        axes = _axes(gate)
        if axes is not None and gate.output not in circuit.names:
            search = _Search(uses, drivers, circuit.names)
            if search.saves(gate.inputs[0], axes, _DEEP):
                made = _Writer(gate, search, gates, renamed).sum(gate.inputs[0], axes)
                if not gate.static.get("keepdims", False):
                    made = _gate(gates, gate, "squeeze", (made,), {"axis": axes})
                renamed[gate.output] = made
                continue
        gates.append(gate.with_inputs(inputs))
    if not renamed:
        return circuit
    outputs = tuple([renamed.get(o, o) for o in circuit.outputs])
    return Circuit(circuit.inputs, tuple(gates), outputs, circuit.names)


def _axes(gate: Gate) -> tuple[int, ...] | None:
    """The axes a backward sum runs over, where it is a plain one over some of them."""
    if gate.op.name != "sum" or not gate.backward or set(gate.static) - {"axis", "keepdims"}:
        return None
    source = gate.inputs[0]
    axis = gate.static.get("axis")
    if axis is None or source.dtype != gate.output.dtype or source.dtype.kind != "f":
        return None
    axes = axis if isinstance(axis, tuple) else (axis,)
    return tuple(sorted([a % len(source.shape) for a in axes]))


class _Search:
    """What is known of a circuit while a sum looks for products above it."""

    def __init__(self, uses: Counter[Operand], drivers: dict[Wire, Gate], names: Any) -> None:
        self.uses, self.drivers, self.names = uses, drivers, names

    def above(self, operand: Operand) -> Gate | None:
        """The backward gate that makes an operand for this one reader."""
        gate = self.drivers.get(operand) if isinstance(operand, Wire) else None
        if gate is None or not gate.backward or self.uses[operand] > 1 or operand in self.names:
            return None
        same = all(i.dtype == operand.dtype for i in gate.inputs)
        return gate if same else None

    def parts(self, operand: Operand, axes: Sequence[int]) -> list[Operand] | None:
        """Operands whose sums make the sum of this one; None where it is not linear in any."""
        gate = self.above(operand)
        if gate is None:
            return None
        name = gate.op.name
        if name == "negative":
            return [gate.inputs[0]]
        if name in ("add", "subtract"):
            same = all(i.shape == operand.shape for i in gate.inputs)
            return list(gate.inputs) if same else None
        if name == "multiply":
            varying = varying_factor(gate, operand, axes)
            return None if varying is None else [gate.inputs[varying]]
        return None

    def product(self, operand: Operand, axes: Sequence[int]) -> Gate | None:
        """The product of matrices an operand is, if the sum is one over rows of its left factor."""
        gate = self.above(operand)
        if gate is None or gate.op.name != "matmul" or gate.static:
            return None
        left, right = gate.inputs
        ndim = len(operand.shape)
        if len(left.shape) != ndim or len(right.shape) > ndim or len(right.shape) < 2:
            return None
        return gate if tuple(axes) == (ndim - 2,) and left.shape[-2] > 1 else None

    def saves(self, operand: Operand, axes: Sequence[int], deep: int) -> bool:
        """Whether a product of matrices stands above."""
        if self.product(operand, axes) is not None:
            return True
        parts = self.parts(operand, axes) if deep else None
        return parts is not None and any(self.saves(p, axes, deep - 1) for p in parts)


def varying_factor(gate: Gate, operand: Operand, axes: Sequence[int]) -> int | None:
    """Which factor of a product varies along the axes, where only one does and is of full shape."""
    ndim = len(operand.shape)
    for n in (0, 1):
        one, other = gate.inputs[n], gate.inputs[1 - n]
        lead = ndim - len(other.shape)
        still = all(a < lead or other.shape[a - lead] == 1 for a in axes)
        if one.shape == operand.shape and still:
            return n
    return None


class _Writer:
    """Writes the sum of an operand as gates of its own."""

    def __init__(
        self, like: Gate, search: _Search, gates: list[Gate], renamed: dict[Operand, Operand]
    ) -> None:
        self.like, self.search, self.gates, self.renamed = like, search, gates, renamed

    def make(self, name: str, *inputs: Operand, **static: Any) -> Operand:
        return _gate(self.gates, self.like, name, inputs, static)

    def now(self, operand: Operand) -> Operand:
        return self.renamed.get(operand, operand)

    def sum(self, operand: Operand, axes: tuple[int, ...], deep: int = _DEEP) -> Operand:
        """The sum of an operand over some axes, which stay, of length one."""
        search = self.search
        product = search.product(operand, axes)
        if product is not None:
            rows = self.sum(product.inputs[0], axes, deep - 1)
            return self.make("matmul", rows, self.now(product.inputs[1]))
        if not search.saves(operand, axes, deep):
            return self.make("sum", self.now(operand), axis=axes, keepdims=True)
        gate = search.above(operand)
        assert gate is not None
        if gate.op.name == "multiply":
            n = varying_factor(gate, operand, axes)
            assert n is not None
            total = self.sum(gate.inputs[n], axes, deep - 1)
            return self.make("multiply", self.now(gate.inputs[1 - n]), total)
        return self.make(gate.op.name, *[self.sum(i, axes, deep - 1) for i in gate.inputs])


def _gate(
    gates: list[Gate], like: Gate, name: str, inputs: tuple[Operand, ...], static: dict[str, Any]
) -> Wire:
    op = OPS[name]
    type_ = infer(op, tuple(i.type for i in inputs), static, inputs)[0]
    gate = Gate(op, inputs, (Wire(type_),), static, "numpy", like.place, True, like.origin)
    gates.append(gate)
    return gate.output
