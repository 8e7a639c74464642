"""Gates that write, and guards, as Python statements; shared by programs and staged code."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glassgrad.circuit import Gate, Operand
from glassgrad.emit.python.expressions import Text, subscript

__all__ = ["guard_condition", "write"]


def write(
    gate: Gate, target: str, inputs: Sequence[Text], in_place: bool, exact: bool = False
) -> list[str]:
    """The statements for a gate that sets, or adds into, part of an array.

    With `exact` a copy keeps the layout in memory, so that later sums round as NumPy's do.
    """
    order = "'K'" if exact and gate.output.type.ndim > 1 else ""
    lines = [] if in_place else [f"{target} = {inputs[0].within(100)}.copy({order})"]
    if in_place and target != inputs[0]:
        lines.append(f"{target} = {inputs[0]}")
    key = subscript(gate.static["template"], inputs[2:])
    if gate.op.name == "setitem":
        lines.append(f"{target}[{key}] = {inputs[1]}")
    elif names_twice(gate.inputs[2:]):
        # A slice is only written in brackets.
        places = f"np.s_[{key}]" if ":" in key else f"({key}{',' if ',' not in key else ''})"
        lines.append(f"np.add.at({target}, {places}, {inputs[1]})")
    else:
        lines.append(f"{target}[{key}] += {inputs[1]}")
    return lines


def names_twice(indices: Sequence[Operand]) -> bool:
    """Whether an index may name a place twice, so that ``+=`` would lose what it adds."""
    return any(i.dtype.kind != "b" and i.shape != () for i in indices)


def guard_condition(gate: Gate, tested: Text) -> str:
    """A condition that is true where a run leaves this path."""
    how, told = gate.static["how"], gate.static["told"]
    if how == "bool":
        return f"not {tested.within(66)}" if told else f"{tested}"
    if how == "array":
        return f"not np.array_equal({tested}, {_array(told)}, equal_nan=True)" \
            if told.dtype.kind == "f" else f"not np.array_equal({tested}, {_array(told)})"  # fmt: skip
    if how == "count":
        return f"np.count_nonzero({tested}) != {told}"
    if how == "value" and not isinstance(told, (bool, int, float)):
        return f"{tested} != {told!r}"
    call = {"int": "int", "index": "int", "float": "float", "value": ""}[how]
    if told != told:
        return f"{call}({tested}) == {call}({tested})"
    return f"{call}({tested}) != {told!r}"


def _array(told: np.ndarray) -> str:
    return f"np.array({told.tolist()!r}, dtype={told.dtype.name!r})"
