"""Local gradients as gates: what each gate knows by itself, beside the circuit it stands in.

Backpropagation multiplies local gradients into what it hands on and often never makes them alone;
whoever looks at a gate wants to see them. It knows the rules and the walk's forms; it does not know
what the values are, nor which gates are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import FunctionType
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Gate, Operand, type_of
from glassgrad.tracing import SymbolicTrace, Traced

__all__ = ["local_gradients"]


def local_gradients(
    circuit: Circuit, gates: Sequence[Gate]
) -> tuple[Circuit, list[tuple[Operand | None, ...]]]:
    """The local gradients dy/dx of elementwise gates, element by element.

    Parameters
    ----------
    circuit : Circuit
        The circuit that the gates' wires are of.
    gates : sequence of Gate
        Gates of it, or gates that stand for a pattern in it.

    Returns
    -------
    circuit : Circuit
        The circuit with the gates that compute local gradients behind its own; same outputs.
    local : list of tuple
        For each gate, one operand of the circuit for each input: None for an input whose local
        gradient is not one number an element, or that has none.
    """
    trace = SymbolicTrace(circuit)
    found = [_of(trace, gate) for gate in gates]
    return Circuit(circuit.inputs, tuple(trace.gates), circuit.outputs, circuit.names), found


def _of(trace: SymbolicTrace, gate: Gate) -> tuple[Operand | None, ...]:
    op = gate.op
    none: tuple[Operand | None, ...] = (None,) * len(gate.inputs)
    if not op.elementwise or op.rule is None or len(gate.outputs) != 1 or not gate.output.type.real:
        return none
    trace.template = gate
    inputs = [trace.symbol(i) for i in gate.inputs]
    if op.form == "elementwise":
        partials = op.rule(*inputs, trace.symbol(gate.output), **gate.static)
    else:  # the rule hands back, so it is given a one to hand back
        one = np.ones(gate.output.shape, gate.output.dtype)[()]
        own = () if op.form in ("linear", "bilinear") else (trace.symbol(gate.output),)
        partials = op.rule(*inputs, *own, one, **gate.static)
    if not isinstance(partials, tuple):
        partials = (partials,)
    made = [_operand(trace, p, i) for p, i in zip(partials, gate.inputs, strict=False)]
    return (*made, *none[len(made) :])


def _operand(trace: SymbolicTrace, partial: Any, of: Operand) -> Operand | None:
    if type(partial) is FunctionType:
        partial = partial()
    if not of.type.real:
        return None
    if isinstance(partial, Traced):
        return partial.wire
    if partial is None or not isinstance(partial, (int, float, np.ndarray, np.generic)):
        return None
    value = float(partial) if np.ndim(partial) == 0 else np.asarray(partial)
    return Constant(value, type_of(value))
