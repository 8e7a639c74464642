"""Units that let no gradient through: dead rectifiers, saturated sigmoids and tanh.

A unit is one column of a layer's result (one row where the weights stand left), over the batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from glassgrad.circuit import Gate, Operand, Wire
from glassgrad.diagnose.evidence import Evidence, many, number, share
from glassgrad.diagnose.report import Finding

__all__ = ["units"]

_FEWEST_ROWS = 8  # below, a unit that is off for every row may well be off by chance
_DEAD = 0.1  # share of dead units from which on it is told, if they lie far off ...
_FAR = 3.0  # ... this many times as far from the edge as what goes into the others
_MOSTLY = 0.6  # share from which on it is told anyhow
_STARVED = 0.01  # a local gradient below this share of the largest one
_SATURATED = 1 / 3  # share of saturated elements from which on it is told
_FEWEST_VALUES = 8  # below, or outside a layer, nearly all of them have to be at the ends:
_NEARLY_ALL = 0.9
_PASSING = frozenset({"add", "subtract", "reshape", "negative", "identity"})


def units(e: Evidence) -> Iterator[Finding]:
    """Dead rectifiers, then saturated sigmoids and tanh, layer by layer."""
    told: set[Any] = set()
    for gate in e.gates:
        if not gate.outputs or gate.outputs[0] not in e.touched or gate.outputs[0].type.size < 2:
            continue
        found = _dead(e, gate) or _saturated(e, gate)
        if found is not None:
            key = found.kind, found.file, found.line
            if found.line is None or key not in told:  # a line in a loop is told once
                yield found
            told.add(key)


# -- rectifiers ------------------------------------------------------------------------------------


def _opened(e: Evidence, gate: Gate) -> tuple[Operand, Any] | None:
    """What a rectifying gate lets through or not, and for which elements it does."""
    name, inputs = gate.op.name, gate.inputs
    if name in ("maximum", "minimum", "fmax", "fmin"):
        a, b = inputs if inputs[0] in e.touched else inputs[::-1]
        if a not in e.touched or b in e.touched or e.value(b).size > 1:
            return None
        lower = name in ("maximum", "fmax")
        return a, e.value(a) >= e.value(b) if lower else e.value(a) <= e.value(b)
    if name == "clip":
        a, low, high = inputs
        if a not in e.touched or low in e.touched or high in e.touched:
            return None
        return a, (e.value(a) >= e.value(low)) & (e.value(a) <= e.value(high))
    if name == "where":
        condition, x, y = inputs
        if (x in e.touched) == (y in e.touched) or condition not in e.asked:
            return None
        taken = np.asarray(e.value(condition), bool)
        return (x, taken) if x in e.touched else (y, ~taken)
    if name == "multiply":
        for a, mask in (inputs, inputs[::-1]):
            asked = e.origin(mask)
            if a in e.touched and asked.dtype.kind == "b" and asked in e.asked:
                return a, np.asarray(e.value(mask)) != 0
    return None


def _dead(e: Evidence, gate: Gate) -> Finding | None:
    found = _opened(e, gate)
    if found is None:
        return None
    operand, opened = found
    shape = gate.outputs[0].shape
    opened = np.broadcast_to(opened, shape)
    axis = _unit_axis(e, operand)
    if axis is None and not _leads_on(e, gate):
        return None
    axis = len(shape) - 1 if axis is None else axis
    rows = opened.size // shape[axis] if shape[axis] else 0
    alive = opened.any(axis=tuple(i for i in range(opened.ndim) if i != axis))
    count, dead = alive.size, int((~alive).sum())
    if rows < _FEWEST_ROWS and dead < count:
        return None
    inputs = np.moveaxis(np.broadcast_to(e.value(operand), shape), axis, 0)
    if dead < max(1, _DEAD * count) or (dead < _MOSTLY * count and not _far(inputs, alive)):
        return None
    off = 1 - float(opened.mean())
    over = f"for all {rows:,} rows of the batch" if rows > 1 else "for this input"
    which = [int(i) for i in np.flatnonzero(~alive)[:5]]
    shown = ", ".join(map(str, which)) + (", ..." if dead > 5 else "")
    middle = np.median(inputs[~alive])
    says = f"{dead:,} of {many(count, 'unit')} ({share(dead / count)}) are off {over} " \
           f"(numbers {shown}): what goes into them is around {number(middle)}, so no gradient passes and " \
           f"their weights do not learn. Of all elements {share(off)} are off."  # fmt: skip
    return e.finding(
        "dead-units", "warning", gate, says,
        "start their biases at zero or a little above, make the step smaller, or leave a slope on the "
        "other side: np.where(z > 0, z, 0.01 * z)",
        [gate.outputs[0], operand], dead=dead, units=count, rows=rows,
        share=dead / count, off=off,
    )  # fmt: skip


def _far(inputs: Any, alive: Any) -> bool:
    """Whether dead units are far off the edge.

    Deep in a network all rows look alike, and a unit is off for all of them by chance; then what
    goes into it is no larger than what goes into the others.
    """
    return bool(np.median(np.abs(inputs[~alive])) > _FAR * np.median(np.abs(inputs[alive])))


# -- sigmoid and tanh ------------------------------------------------------------------------------


def _saturated(e: Evidence, gate: Gate) -> Finding | None:
    shown = e.rule_gate(gate)
    if shown.op.name not in ("tanh", "sigmoid"):
        return None
    y = np.asarray(e.value(gate.outputs[0]), float)
    local = 1 - y * y if shown.op.name == "tanh" else 4 * y * (1 - y)  # 1 where it is steepest
    starved = local < _STARVED
    part = float(starved.mean())
    layer = _unit_axis(e, shown.inputs[0]) is not None or _leads_on(e, gate)
    if part < (_SATURATED if layer and y.size >= _FEWEST_VALUES else _NEARLY_ALL):
        return None
    arriving = e.gradient(gate.outputs[0])
    if arriving is None or not np.isfinite(arriving).all():
        return None
    # A prediction that is sure and right gets no gradient, and needs none.
    total = float(np.abs(arriving).sum())
    stopped = float(np.abs(arriving)[starved].sum()) / total if total > 0 else 0.0
    if stopped < _SATURATED or (_feeds_logarithm(e, gate.outputs[0]) and not _leads_on(e, gate)):
        return None
    x = e.value(shown.inputs[0])
    ends = "-1 and 1" if shown.op.name == "tanh" else "0 and 1"
    says = f"{share(part)} of the {y.size:,} values of {shown.op.name} are at its ends, {ends}, where it " \
           f"passes less than a hundredth of what it can: {share(stopped)} of the gradient that arrives " \
           f"ends there. Its inputs spread {number(np.std(x))} around {number(np.mean(x))}; 1 " \
           "around 0 would be right."  # fmt: skip
    return e.finding(
        "saturated-units", "warning", gate, says,
        "make what goes in smaller: weights that spread 1 / sqrt(n) for n inputs, standardised inputs, "
        "a normalisation before it",
        [gate.outputs[0], shown.inputs[0]], share=part, stopped=stopped,
        elements=y.size, spread=float(np.std(x)),
    )  # fmt: skip


# -- layers ----------------------------------------------------------------------------------------


def _unit_axis(e: Evidence, operand: Operand) -> int | None:
    """The axis along which a layer's units lie: back over the bias to the product."""
    for _ in range(4):
        gate = e.drivers.get(operand) if isinstance(operand, Wire) else None
        if gate is None:
            return None
        found = e.layer(gate)
        if found is not None:
            ndim = gate.outputs[0].ndim
            if ndim == 0:
                return None
            return max(ndim - 2, 0) if found[0] == 0 and ndim > 1 else ndim - 1
        if gate.op.name not in _PASSING:
            return None
        inner = [i for i in gate.inputs if i in e.touched and e.parameter(i) is None]
        if len(inner) != 1:
            return None
        operand = inner[0]
    return None


def _leads_on(e: Evidence, gate: Gate) -> bool:
    """Whether another layer's product comes later: these are hidden units."""
    seen: set[Wire] = set()
    waiting = list(gate.outputs)
    while waiting:
        wire = waiting.pop()
        if wire in seen:
            continue
        seen.add(wire)
        for reader in e.readers.get(wire, []):
            if e.layer(reader) is not None:
                return True
            waiting += [w for w in reader.outputs if w in e.touched]
    return False


def _feeds_logarithm(e: Evidence, wire: Wire, depth: int = 3) -> bool:
    """Whether a logarithm is taken of it, or of one minus it: a likelihood."""
    for reader in e.readers.get(wire, []):
        if reader.op.name in ("log", "log1p", "log2"):
            return True
        passes = reader.op.name in ("subtract", "add", "where", "clip", "maximum", "getitem")
        if depth and passes and _feeds_logarithm(e, reader.outputs[0], depth - 1):
            return True
    return False
