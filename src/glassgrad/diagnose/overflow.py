"""Exponentials that are close to overflow, and sums of them that are close to nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassgrad.circuit import Gate, Wire
from glassgrad.diagnose.evidence import Evidence, number
from glassgrad.diagnose.report import Finding

__all__ = ["overflow"]

_CLOSE = 0.5  # share of the way to the largest exponent


def overflow(e: Evidence) -> Iterator[Finding]:
    """An exponential past half of the way to infinity, or a sum of them as close to zero."""
    told: set[tuple[str, int]] = set()
    harmless = _in_sigmoids(e)
    for gate in e.gates:
        if gate.op.name != "exp" or gate.outputs[0] in harmless or gate.inputs[0].dtype.kind != "f":
            continue
        found = _judge(e, gate)
        if found is not None and (found.file, found.line or 0) not in told:
            told.add((found.file, found.line or 0))
            yield found


def _in_sigmoids(e: Evidence) -> set[Wire]:
    """What stands inside 1 / (1 + exp(-x)), whose overflow does no harm."""
    found: set[Wire] = set()
    for wire, gate in e.study.recognised.items():
        if gate.op.name == "sigmoid":
            waiting = [wire]
            while waiting:
                driver = e.drivers.get(waiting.pop())
                if driver is not None and driver.outputs[0] not in found:
                    found.add(driver.outputs[0])
                    waiting += [i for i in driver.inputs if isinstance(i, Wire)
                                and i not in gate.inputs]  # fmt: skip
    return found


def _judge(e: Evidence, gate: Gate) -> Finding | None:
    z, out = e.value(gate.inputs[0]), gate.outputs[0]
    if not z.size:
        return None
    info = np.finfo(out.dtype)
    limit = float(np.log(info.max))
    largest = float(np.max(z))
    if _CLOSE * limit < largest <= limit:
        return e.finding(
            "overflow-risk", "warning", gate,
            f"exp is taken of up to {number(largest)} here, and overflows at {limit:.4g}: another input, "
            "or a few steps of training, and it is infinite.",
            _mend(e, gate), [gate.inputs[0], out], largest=largest, limit=limit,
        )  # fmt: skip
    total = next((r for r in e.readers.get(out, []) if r.op.name == "sum"), None)
    if total is None:
        return None
    sums = e.value(total.outputs[0])
    smallest = float(np.min(sums)) if sums.size else 1.0
    if 0 < smallest < float(info.tiny) ** _CLOSE:
        return e.finding(
            "overflow-risk", "warning", gate,
            f"every exponential in a sum is tiny: the smallest sum is {number(smallest)}, of exponents "
            f"down to {number(np.min(z))}. Below {-limit:.4g} all of them underflow to 0, and the "
            "logarithm or the quotient that follows is not finite.",
            _mend(e, gate), [gate.inputs[0], total.outputs[0]], smallest_sum=smallest, limit=-limit,
        )  # fmt: skip
    return None


def _mend(e: Evidence, gate: Gate) -> str:
    readers = {r.op.name for r in e.readers.get(gate.outputs[0], [])}
    after = {r.op.name for s in e.readers.get(gate.outputs[0], []) for w in s.outputs
             for r in e.readers.get(w, [])}  # fmt: skip
    if "sum" in readers and "log" in after:
        return "scipy.special.logsumexp(z, axis=...) takes the largest off before: m + log(sum(exp(z - m)))"
    if "sum" in readers or "divide" in readers:
        return "scipy.special.softmax(z, axis=...), or exp(z - z.max(axis=..., keepdims=True))"
    if "log" in after or "log1p" in readers:
        return "np.logaddexp(0, z) is log(1 + exp(z)) without overflow"
    return "keep the logarithm as long as you can, or scale the exponent down"
