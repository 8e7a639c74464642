"""The printed form of a circuit: one gate a line, every wire with its type. Stable and tested."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.circuit.model import Circuit, Constant, Operand, Wire

__all__ = ["text"]


def text(circuit: Circuit) -> str:
    """Write a circuit down, one gate a line.

    Parameters
    ----------
    circuit : Circuit

    Returns
    -------
    str
        ``%name: type = op(inputs, static)`` for each gate, inputs and outputs around it.
    """
    names: dict[Wire, str] = {}
    taken: set[str] = set()

    def name(wire: Wire) -> str:
        if wire not in names:
            base = circuit.names.get(wire) or f"t{len(names)}"
            unique, n = base, 2
            while unique in taken:
                unique, n = f"{base}_{n}", n + 1
            taken.add(unique)
            names[wire] = unique
        return names[wire]

    def show(operand: Operand) -> str:
        return name(operand) if isinstance(operand, Wire) else constant(operand)

    lines = ["inputs  " + ", ".join(f"{name(w)}: {w.type}" for w in circuit.inputs)]
    for gate in circuit.gates:
        arguments = [show(i) for i in gate.inputs]
        arguments += [f"{k}={static(v)}" for k, v in gate.static.items()]
        left = ", ".join(f"{name(w)}: {w.type}" for w in gate.outputs)
        where = f"  # line {gate.place.line}" if gate.place else ""
        lines.append(f"{left + ' = ' if left else ''}{gate.op.name}({', '.join(arguments)}){where}")
    lines.append("outputs " + ", ".join(show(w) for w in circuit.outputs))
    return "\n".join(lines)


def constant(operand: Constant) -> str:
    """A constant in short: its number, or its type where it is an array."""
    value = operand.value
    if isinstance(value, np.ndarray) and value.size > 6:
        return f"constant {operand.type}"
    if isinstance(value, np.ndarray):
        return repr(value.tolist())
    return repr(value.item() if isinstance(value, np.generic) else value)


def static(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"array{value.shape}"
    return repr(value)
