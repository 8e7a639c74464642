"""Recognition: patterns of gates that are one gate to a mathematician.

``1 / (1 + exp(-x))`` is the sigmoid and ``log(1 + exp(x))`` the softplus. The forward gates stay
as the user wrote them, so their values stay NumPy's; only backpropagation uses the pattern's own
local gradient, which is finite where the product of the parts' is not (edge points: -800, 800).
"""

from __future__ import annotations

from collections.abc import Mapping

from glassgrad.circuit import Circuit, Constant, Gate, Operand, Wire
from glassgrad.gates.declare import OPS

__all__ = ["recognise"]


def recognise(circuit: Circuit) -> Mapping[Wire, Gate]:
    """For each wire that is a known pattern's result, the one gate that stands for the pattern."""
    drivers: dict[Wire, Gate] = {w: g for g in circuit.gates for w in g.outputs}
    found = {}
    for gate in circuit.gates:
        if gate.op.name in ("divide", "reciprocal"):
            x = _sigmoid(gate, drivers)
            op = OPS["sigmoid"]
        elif gate.op.name in ("log", "log1p"):
            x = _softplus(gate, drivers)
            op = OPS["softplus"]
        else:
            continue
        if isinstance(x, Wire) and x.type.shape == gate.output.type.shape:
            found[gate.output] = Gate(op, (x,), gate.outputs, {}, "numpy", gate.place)
    return found


def _sigmoid(gate: Gate, drivers: Mapping[Wire, Gate]) -> Operand | None:
    """X where the gate is 1 / (1 + exp(-x)), else None."""
    if gate.op.name == "divide" and not _is_number(gate.inputs[0], 1):
        return None
    exp = _one_plus(gate.inputs[-1], drivers)
    inner = _driver(exp, drivers, "exp")
    negative = _driver(inner.inputs[0], drivers, "negative") if inner else None
    return negative.inputs[0] if negative else None


def _softplus(gate: Gate, drivers: Mapping[Wire, Gate]) -> Operand | None:
    """X where the gate is log(1 + exp(x)) or log1p(exp(x)), else None."""
    exp = gate.inputs[0] if gate.op.name == "log1p" else _one_plus(gate.inputs[0], drivers)
    inner = _driver(exp, drivers, "exp")
    return inner.inputs[0] if inner else None


def _one_plus(operand: Operand, drivers: Mapping[Wire, Gate]) -> Operand | None:
    """The other summand where an operand is one plus something."""
    gate = _driver(operand, drivers, "add")
    if gate is None:
        return None
    first, second = gate.inputs
    if _is_number(first, 1):
        return second
    return first if _is_number(second, 1) else None


def _driver(operand: Operand | None, drivers: Mapping[Wire, Gate], name: str) -> Gate | None:
    gate = drivers.get(operand) if isinstance(operand, Wire) else None
    return gate if gate is not None and gate.op.name == name else None


def _is_number(operand: Operand, number: float) -> bool:
    return isinstance(operand, Constant) and not operand.shape and bool(operand.value == number)
