"""Digits that were rounded away: measured by running the same circuit in a wider precision.

Sums whose large parts cancel, and terms too small to be seen in a sum, make it worth a second
run: float32 in float64, float64 in `numpy.longdouble` (where that is wider; elsewhere nothing is
said of float64). Only if value or gradients came out with less than half of their digits, the
first gate that lost them is named. What cancels without harm is not mentioned.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Gate, Operand, Wire
from glassgrad.diagnose.evidence import PRODUCTS, Evidence, at_index, number
from glassgrad.diagnose.report import Finding
from glassgrad.passes.dead import without_dead_gates

__all__ = ["rounding"]

_MOST_WORK = 2e7  # elements in the second run, ten multiplications of a product counted as one
_FIT = 1e-2  # share of the tolerance from which on a residual that lost digits is the reason
_SUMS = ("add", "subtract", "sum", "mean")


def rounding(e: Evidence) -> Iterator[Finding]:
    """The first gate that lost more than half of the digits, where that harms the result."""
    circuit = without_dead_gates(e.study.backward.circuit)
    if not any(_suspicious(e, g) for g in circuit.gates) or _work(circuit) > _MOST_WORK:
        return
    reference = _Wide(e, circuit).values()
    harmed = _harmed(e, circuit, reference)
    if not harmed:
        return
    lost: set[Operand] = set()
    for gate in circuit.gates:
        for wire in gate.outputs:
            error = _error(e.value(wire), reference.get(wire))
            residual = error > _FIT * _tolerance(wire) and _exact_residual(e, gate)
            if residual or any(i in lost for i in gate.inputs):
                lost.add(wire)  # and so is all that is made of it
            elif error > _tolerance(wire):
                yield _told(e, gate, reference, error, harmed)
                return


def _tolerance(operand: Operand) -> float:
    """Half of the digits of a dtype: 1.5e-8 for float64."""
    return math.sqrt(float(np.finfo(operand.dtype).eps)) if operand.dtype.kind == "f" else np.inf


def _suspicious(e: Evidence, gate: Gate) -> bool:
    """Whether a sum cancels, or swallows a term, for some element."""
    if gate.op.name not in _SUMS or not gate.outputs or gate.outputs[0].dtype.kind != "f":
        return False
    with np.errstate(all="ignore"):
        value = e.value(gate.outputs[0])
        loss = 100 * _tolerance(gate.outputs[0])
        if gate.op.name in ("sum", "mean"):
            total = np.sum(np.abs(e.value(gate.inputs[0])))
            if gate.op.name == "mean":
                total = total * (value.size / max(e.value(gate.inputs[0]).size, 1))
            return bool(np.any(np.abs(value) < loss * total / max(value.size, 1)))
        a, b = (e.value(i) for i in gate.inputs[:2])
        larger, smaller = np.maximum(np.abs(a), np.abs(b)), np.minimum(np.abs(a), np.abs(b))
        cancels = (np.abs(value) < loss * larger) & (smaller > 0)
        swallowed = (np.abs(value) == larger) & (smaller > 0)
        return bool(np.any(cancels | swallowed))


def _work(circuit: Circuit) -> float:
    total = 0.0
    for gate in circuit.gates:
        size: float = sum(w.type.size for w in gate.outputs)
        if gate.op.name in PRODUCTS and gate.inputs and gate.inputs[0].shape:
            size *= 1 + max(gate.inputs[0].shape) / 10
        total += size
    return total


# -- the second run --------------------------------------------------------------------------------


class _Wide:
    """The circuit's values in a wider floating-point type."""

    def __init__(self, e: Evidence, circuit: Circuit) -> None:
        self.e, self.circuit = e, circuit
        kinds = {w.dtype for g in circuit.gates for w in g.outputs if w.dtype.kind == "f"}
        single = kinds and all(k.itemsize < 8 for k in kinds if k is not None)
        active = {w.dtype.itemsize for w in e.active}
        self.type: Any = np.float64 if single or max(active, default=8) < 8 else np.longdouble

    def values(self) -> Mapping[Operand, Any]:
        """The value of every wire that is known better than before; none without a wider type.

        Linear algebra knows no type wider than float64. What it gives, and what is made of that, is
        computed all the same, and left out.
        """
        coarsest = max(float(np.finfo(w.dtype).eps) for w in self.e.active)
        if not np.finfo(self.type).eps < coarsest:
            return {}
        found: dict[Operand, Any] = {w: self._widened(self.e.study.value_of(w))
                                     for w in self.circuit.inputs}  # fmt: skip
        coarse: set[Operand] = set()
        with np.errstate(all="ignore"):
            for gate in self.circuit.gates:
                if not gate.outputs:
                    continue
                results = self._run(gate, found)
                if results is None or any(i in coarse for i in gate.inputs):
                    coarse.update(gate.outputs)
                results = results or [self.e.study.value_of(w) for w in gate.outputs]
                found.update(zip(gate.outputs, map(self._widened, results), strict=True))
        return {w: v for w, v in found.items() if w not in coarse}

    def _run(self, gate: Gate, found: Mapping[Operand, Any]) -> list[Any] | None:
        inputs = [found[i] if i in found else self._widened(self.e.study.value_of(i))
                  for i in gate.inputs]  # fmt: skip
        static = {k: self._wide_dtype(v) for k, v in gate.static.items()}
        try:
            result = gate.op.call(*inputs, **static)
        except Exception:
            return None
        return [result] if gate.op.outputs == 1 else list(result)

    def _widened(self, value: Any) -> Any:
        array = np.asarray(value)
        if array.dtype.kind != "f":
            return value
        return array.astype(self.type) if array.shape else self.type(value)

    def _wide_dtype(self, value: Any) -> Any:
        if isinstance(value, np.dtype) or (
            isinstance(value, type) and issubclass(value, np.floating)
        ):
            return np.dtype(self.type) if np.dtype(value).kind == "f" else value
        return value


def _error(value: Any, reference: Any) -> float:
    """How far a value is off, relative to the largest element; 0 where that is not known."""
    wide = np.asarray(reference)
    if wide.dtype.kind != "f" or not wide.size:
        return 0.0
    with np.errstate(all="ignore"):
        off = np.max(np.abs(np.asarray(value, wide.dtype) - wide))
        largest = np.max(np.abs(wide))
        finer = float(np.finfo(wide.dtype).eps / np.finfo(_dtype(value)).eps)
        noise = float(off) * min(1000 * finer, 0.02)
        # Zero but for rounding, in both runs: a bias before a normalisation, the gradient at an
        # optimum. Its digits mean nothing and are not missed.
        if not np.isfinite(off) or off == 0 or largest <= noise:
            return 0.0
        return float(off / largest)


def _dtype(value: Any) -> np.dtype[Any]:
    dtype = np.asarray(value).dtype
    return dtype if dtype.kind == "f" else np.dtype(np.float64)


def _harmed(
    e: Evidence, circuit: Circuit, reference: Mapping[Operand, Any]
) -> list[tuple[str, float]]:
    """The value and the gradients that came out with less than half of their digits."""
    results = e.circuit.outputs
    names = ["the value"] * len(results) + [f"the gradient of {e.labels[w]}" for w in e.active]
    found = []
    for name, operand in zip(names, circuit.outputs, strict=True):
        error = _error(e.value(operand), reference.get(operand))
        if error > _tolerance(operand):
            found.append((name, error))
    return found


def _exact_residual(e: Evidence, gate: Gate) -> bool:
    """A model's value minus data: what is left near the optimum is small because the fit is good."""
    if gate.op.name != "subtract":
        return False
    exact = [o.shape and (o in e.circuit.inputs or isinstance(o, Constant))
             for o in map(e.origin, gate.inputs)]  # fmt: skip
    return any(exact)


# -- words -----------------------------------------------------------------------------------------


def _told(
    e: Evidence, gate: Gate, reference: Mapping[Operand, Any], error: float,
    harmed: list[tuple[str, float]],
) -> Finding:  # fmt: skip
    mine = gate
    while mine.backward and mine.origin is not None and mine.place is None:
        mine = mine.origin
    out = gate.outputs[0]
    value, wide = e.value(out), np.asarray(reference[out])
    flat = int(np.argmax(np.abs(np.asarray(value, wide.dtype) - wide)))
    index = tuple(int(i) for i in np.unravel_index(flat, value.shape))
    digits = max(0.0, -math.log10(error)) if error > 0 else 16.0
    full = int(np.finfo(value.dtype).precision)
    where = f"In the backward pass of {e.at(mine)}" if gate.backward else f"At {e.at(mine)}"
    operands = [at_index(e.value(i), value.shape, index) for i in gate.inputs[:2]]
    if gate.op.name in ("subtract", "add") and all(o is not None for o in operands):
        sign = "-" if gate.op.name == "subtract" else "+"
        what = f"{float(operands[0]):.{full + 1}g} {sign} {float(operands[1]):.{full + 1}g}"
        what = f"two numbers cancel that agree in almost all digits, {what} = {float(value[index]):.6g}"
    else:
        what = f"{gate.op.name} gives {float(value[index]):.6g}"
    says = f"{where} {what}; in a wider precision it is {float(wide[index]):.6g}. Of about {full} digits " \
           f"{digits:.0f} are left. "  # fmt: skip
    swallowed = _swallowed(e, gate)
    if swallowed is not None:
        term, total, at = swallowed
        says += f"Before, at {at}, a term was too small to be seen: {number(total)} + {number(term)} is " \
                f"{number(total)} still. "  # fmt: skip
    says += "That reaches " + ", ".join(
        f"{name} (off by {_percent(part)})" for name, part in harmed[:3]) + (
        f" and {len(harmed) - 3} more." if len(harmed) > 3 else ".")  # fmt: skip
    worst = max(part for _, part in harmed)
    return e.finding(
        "rounded-away", "error", mine, says, _mend(e, mine, gate),
        [mine.outputs[0], *mine.inputs],
        error=error, digits=digits, of_digits=full, worst=worst,
    )  # fmt: skip


def _percent(part: float) -> str:
    return f"{100 * part:.3g} %" if part < 10 else f"{number(part)} times its size"


def _swallowed(e: Evidence, gate: Gate) -> tuple[float, float, str] | None:
    """A sum just before that did not change when a term was added: term, sum and place."""
    for operand in gate.inputs:
        before = e.drivers.get(operand) if isinstance(operand, Wire) else None
        if before is None or before.op.name not in ("add", "subtract"):
            continue
        a, b = (np.broadcast_to(e.value(i), operand.shape) for i in before.inputs)
        larger, smaller = np.maximum(np.abs(a), np.abs(b)), np.minimum(np.abs(a), np.abs(b))
        lost = (np.abs(e.value(operand)) == larger) & (smaller > 0)
        if lost.any():
            at = tuple(np.argwhere(lost)[0])
            return float(smaller[at]), float(larger[at]), e.at(before)
    return None


def _mend(e: Evidence, mine: Gate, gate: Gate) -> str:
    if gate.outputs[0].dtype == np.float32:
        wide = " Or compute this part in float64."
    else:
        wide = ""
    before = [e.drivers.get(i) for i in mine.inputs if isinstance(i, Wire)]
    names = [g.op.name for g in before if g is not None]
    if mine.op.name in ("log", "log2") and "add" in names:
        return (
            "np.log1p(x) keeps what log(1 + x) loses; np.logaddexp(0, z) is log(1 + exp(z))." + wide
        )
    if mine.op.name == "subtract":
        if "cos" in names:
            return "1 - cos(x) is 2 * np.sin(x / 2)**2." + wide
        if "exp" in names:
            return "np.expm1(x) is exp(x) - 1 without the loss." + wide
        if names.count("sqrt") == 2:
            return "sqrt(a) - sqrt(b) is (a - b) / (sqrt(a) + sqrt(b))." + wide
        if "sigmoid" in [e.rule_gate(g).op.name for g in before if g is not None]:
            return "1 - sigmoid(x) is sigmoid(-x)." + wide
        if {"mean", "sum", "divide"} & {*names} and {"power", "square", "multiply"} & {*names}:
            return (
                "take the mean off before squaring: np.var(x), or np.mean((x - x.mean())**2)."
                + wide
            )
    if gate.backward and e.rule_gate(mine).op.name in ("tanh", "sigmoid", "softplus"):
        return "it is saturated: make what goes in smaller." + wide
    return ("take the large parts off each other on paper, centre the data before, or add the small "
            "terms first." + wide)  # fmt: skip
