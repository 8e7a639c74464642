"""Sums, means, products and extremes as reductions of a plan."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from glassgrad.circuit import Gate, Wire
from glassgrad.emit.native.elements import kind_of
from glassgrad.emit.native.plan import Plan

__all__ = ["REDUCTIONS"]

_HOW = {"sum": "add", "mean": "add", "prod": "mul", "max": "max", "min": "min"}


def _reduced(plan: Plan, gate: Gate) -> bool:
    if set(gate.static) - {"axis", "keepdims"} or len(gate.inputs) != 1:
        return False
    source, wire, name = gate.inputs[0], gate.output, gate.op.name
    real = wire.dtype.kind == "f"
    if source.dtype != wire.dtype and not (name == "sum" and wire.dtype.kind == "i"):
        return False
    if not real and name != "sum":
        return False
    kind_of(source.dtype)
    ndim = len(source.shape)
    axis = gate.static.get("axis")
    axes = tuple(range(ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple([a % ndim for a in axes]) if ndim else ()
    if name != "mean":
        plan.reduce(source, wire, axes, _HOW[name], gate)
        return True
    total = Wire(wire.type)
    plan.reduce(source, total, axes, "add", gate)
    count = float(math.prod([source.shape[a] for a in axes]))
    plan.operate(lambda b, x: b.divide(x, count), [total], wire, real=kind_of(wire.dtype), cost=4.0)
    return True


#: How each reduction joins a plan; False where it does not.
REDUCTIONS: dict[str, Callable[[Plan, Gate], Any]] = dict.fromkeys(_HOW, _reduced)
