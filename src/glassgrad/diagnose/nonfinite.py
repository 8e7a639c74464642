"""The first gate that made a NaN or an infinity, forward and backward, with its operands.

Also the ones that a `np.where` hides: the branch that was not taken ran all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from glassgrad.circuit import Constant, Gate, Operand, Wire
from glassgrad.diagnose.evidence import Evidence, at_index, finite, many, number
from glassgrad.diagnose.report import Finding

__all__ = ["not_finite"]

_SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**"}
_LOGS = ("log", "log2", "log10", "log1p")
_EXPS = ("exp", "exp2", "expm1", "cosh", "sinh")


def not_finite(e: Evidence) -> Iterator[Finding]:
    """The first gates that made what is not finite."""
    forward = list(_forward(e))
    yield from forward
    if not forward:
        yield from _backward(e)
    yield from _hidden(e)


# -- forward ---------------------------------------------------------------------------------------


def _forward(e: Evidence) -> Iterator[Finding]:
    bad = [w for w in e.outputs if not finite(e.value(w))]
    if not bad:
        return
    reached = _behind(e, bad)
    for gate in e.gates:  # the first of them
        if gate.outputs and gate.outputs[0] in reached and not _bad_inputs(e, gate):
            yield _made(e, gate, reached)
            return
    for operand in [*e.circuit.inputs, *(c for g in e.gates for c in _constants(g))]:
        if operand in reached:
            yield _came_in(e, operand)
            return


def _behind(e: Evidence, wires: list[Wire]) -> set[Operand]:
    """The operands that are not finite and reach one of these wires through such operands only."""
    found: set[Operand] = set()
    waiting: list[Operand] = list(wires)
    while waiting:
        operand = waiting.pop()
        if operand in found:
            continue
        found.add(operand)
        if isinstance(operand, Wire) and operand in e.drivers:
            waiting += _bad_inputs(e, e.drivers[operand])
    return found


def _bad_inputs(e: Evidence, gate: Gate) -> list[Operand]:
    return [i for i in gate.inputs if not finite(e.value(i)) and not _on_purpose(i)]


def _on_purpose(operand: Operand) -> bool:
    """An infinity written down as such: a bound, a mask, the start of a maximum."""
    return isinstance(operand, Constant) and not operand.shape


def _constants(gate: Gate) -> list[Constant]:
    return [i for i in gate.inputs if isinstance(i, Constant)]


def _first(value: Any, test: Any = lambda v: ~np.isfinite(v)) -> tuple[int, ...]:
    """The index of the first element that is not finite (or that fulfils another test)."""
    return tuple(int(i) for i in np.argwhere(test(np.asarray(value)))[0])


def _element(index: tuple[int, ...]) -> str:
    return f" at [{', '.join(map(str, index))}]" if index else ""


def _made(e: Evidence, gate: Gate, reached: set[Operand]) -> Finding:
    value = e.value(gate.outputs[0])
    index = _first(value)
    count = int((~np.isfinite(value)).sum())
    says = f"The first gate to make a NaN or an infinity is {gate.op.name} at {e.at(gate)}: " \
           f"{_spelled(e, gate, index)} is {number(value[index])}{_element(index)}"  # fmt: skip
    if value.size > 1:
        says += f", one of {count:,} among {value.size:,} elements" if count > 1 else \
                f", the only one among {value.size:,} elements"  # fmt: skip
    says += ". " + _becomes_nan(e, gate, reached)
    operands = [at_index(e.value(i), value.shape, index) for i in gate.inputs]
    numbers = {f"operand_{n}": float(v) for n, v in enumerate(operands)
               if v is not None and np.asarray(v).dtype.kind in "fiub"}  # fmt: skip
    return e.finding(
        "not-finite-value", "error", gate, says.strip(), _mend(e, gate, index),
        [gate.outputs[0], *gate.inputs],
        value=float(value[index]), count=count, elements=value.size, **numbers,
    )  # fmt: skip


def _becomes_nan(e: Evidence, gate: Gate, reached: set[Operand]) -> str:
    """Where an infinity on the way became NaN, and what the function returned in the end."""
    result = e.value(e.outputs[0])
    end = f"The function returned {number(result)}." if not result.shape else ""
    if not np.isnan(result).any() or np.isnan(e.value(gate.outputs[0])).any():
        return end
    for each in e.gates:
        if each.outputs and each.outputs[0] in reached and np.isnan(e.value(each.outputs[0])).any():
            if any(np.isnan(e.value(i)).any() for i in each.inputs if i.dtype.kind == "f"):
                continue
            index = _first(e.value(each.outputs[0]), np.isnan)
            return f"It becomes NaN at {e.at(each)}: {_spelled(e, each, index)}. {end}"
    return end


def _came_in(e: Evidence, operand: Operand) -> Finding:
    value = e.value(operand)
    index = _first(value)
    count = int((~np.isfinite(value)).sum())
    name = e.name(operand)
    readers = e.readers.get(operand, [])
    where = "with the arguments" if operand in e.circuit.inputs else "from outside the function"
    if value.shape:
        says = f"{name} came in {where} with {count:,} of its {value.size:,} elements not finite, " \
               f"the first{_element(index)}: {number(value[index])}."  # fmt: skip
    else:
        says = f"{name} came in {where} as {number(value)}."
    return e.finding(
        "not-finite-value", "error", readers[0] if readers else None, says,
        f"leave these elements out, or fill them: np.isfinite({name}) finds them", [operand],
        count=count, elements=value.size,
    )  # fmt: skip


def _spelled(e: Evidence, gate: Gate, index: tuple[int, ...]) -> str:
    """A gate with the operands of one element, as one writes it: ``log(0)``, ``1 / 0``."""
    shape = gate.outputs[0].shape
    shown = e.rule_gate(gate) if gate.op.name not in ("divide", "log", "reciprocal") else gate
    values = [at_index(e.value(i), shape, index) for i in shown.inputs]
    if not shown.op.elementwise or any(v is None for v in values):
        ranges = [f"{e.name(i)} ({_range(e.value(i))})" for i in shown.inputs
                  if isinstance(i, Wire)]  # fmt: skip
        return f"{shown.op.name} of {' and '.join(ranges)}" if ranges else shown.op.name
    told = [_exact(v) for v in values]
    sign = _SIGNS.get(shown.op.name)
    if sign and len(told) == 2:
        second = f"({told[1]})" if told[1].startswith("-") else told[1]
        power = shown.op.name == "power" and told[0].startswith("-")
        first = f"({told[0]})" if power else told[0]
        return f"{first} {sign} {second}"
    return f"{shown.op.name}({', '.join(told)})"


def _exact(value: Any) -> str:
    """A number in three digits if that is all of it, else in up to nine."""
    short = number(value)
    return short if short in ("True", "False") or float(short) == value else f"{float(value):.9g}"


def _range(value: Any) -> str:
    if not value.size or value.dtype.kind not in "fiu":
        return f"shape {value.shape}"
    with np.errstate(all="ignore"):
        low, high = number(np.min(value)), number(np.max(value))
    return low if low == high else f"{low} to {high}"


def _mend(e: Evidence, gate: Gate, index: tuple[int, ...]) -> str:
    name = gate.op.name
    inputs = [at_index(e.value(i), gate.outputs[0].shape, index) for i in gate.inputs]
    drivers = [e.drivers.get(i) for i in gate.inputs if isinstance(i, Wire)]
    before = drivers[0].op.name if drivers and drivers[0] is not None else ""
    if name in _LOGS:
        if inputs[0] is not None and inputs[0] < (-1 if name == "log1p" else 0):
            return "the logarithm needs a positive argument: look at what makes it negative"
        if _comes_from(e, gate, {"exp", "sigmoid"}):
            return ("take the logarithm on paper: scipy.special.log_softmax(z), logsumexp(z), or "
                    "-np.logaddexp(0, -z) for the logarithm of a sigmoid")  # fmt: skip
        return ("keep the argument above zero, np.log(np.maximum(p, 1e-300)), or use "
                "scipy.special.xlogy(x, y) where 0 * log(0) is meant to be 0")  # fmt: skip
    if name in _EXPS:
        return ("take the largest off before: z - z.max(), scipy.special.softmax or logsumexp; "
                "np.logaddexp(0, z) for log(1 + exp(z))")  # fmt: skip
    if name == "sqrt":
        return "the square root needs an argument of at least 0: look at what makes it negative"
    if name in ("divide", "reciprocal", "remainder", "fmod"):
        return ("keep the denominator away from zero: add a small number to it, or choose it with "
                "np.where before dividing")  # fmt: skip
    if name in ("arcsin", "arccos", "arctanh", "arccosh"):
        return f"keep the argument where {name} is defined: np.clip it before"
    if name in ("power", "float_power"):
        if inputs[0] is not None and inputs[0] < 0:
            return "a negative number has no power that is not whole: use np.abs, or np.cbrt"
        return "scale the base down, or work with logarithms"
    if before in ("inv", "solve"):
        return "the matrix is close to singular: add a small number to its diagonal"
    kind = gate.outputs[0].dtype
    limit = number(np.finfo(kind).max)
    return f"{kind} ends at {limit}: scale the inputs down" + (
        ", or compute in float64" if kind != np.float64 else ", or work with logarithms")  # fmt: skip


def _comes_from(e: Evidence, gate: Gate, names: set[str], depth: int = 4) -> bool:
    """Whether one of these gates stands a few steps before a gate."""
    for operand in gate.inputs:
        before = e.drivers.get(operand) if isinstance(operand, Wire) else None
        if before is not None:
            known = {before.op.name, e.rule_gate(before).op.name} & names
            if known or (depth and _comes_from(e, before, names, depth - 1)):
                return True
    return False


# -- backward --------------------------------------------------------------------------------------


def _backward(e: Evidence) -> Iterator[Finding]:
    """The first gate that hands back what is not finite although what arrived was finite."""
    if all(e.gradient(w) is None or finite(e.gradient(w)) for w in e.active):
        return
    for gate in reversed(e.gates):
        arrived = [e.gradient(w) for w in gate.outputs]
        if all(a is None for a in arrived) or not all(a is None or finite(a) for a in arrived):
            continue
        if all(e.gradient(i) is None or finite(e.gradient(i)) for i in gate.inputs):
            continue
        for wire, handed in e.handed(gate).items():
            if not finite(handed):
                yield _made_backward(e, gate, wire, np.asarray(handed))
                return


def _made_backward(e: Evidence, gate: Gate, wire: Wire, handed: Any) -> Finding:
    index = _first(handed)
    shown = e.rule_gate(gate)
    count = int((~np.isfinite(handed)).sum())
    made = number(handed[index])
    what = _spelled(e, gate, index) if handed.shape == gate.outputs[0].shape else shown.op.name
    gradient = e.gradient(gate.outputs[0])
    arrived = at_index(gradient, handed.shape, index)
    says = f"The first gate on the way back to make a NaN or an infinity is {shown.op.name} at {e.at(gate)}: " \
           f"{what}{_element(index)} has no finite slope"  # fmt: skip
    if arrived is not None:
        says += f", so the gradient {number(arrived)} that arrives there is handed on as {made}"
    if handed.size > 1:
        says += f" ({count:,} of {handed.size:,} elements)"
    says += "."
    later = [w for w in e.active
             if e.gradient(w) is not None and np.isnan(e.gradient(w)).any()]  # fmt: skip
    if later and not np.isnan(handed).any():
        says += " Further back infinity meets a zero, and inf * 0 is NaN."
    hit = [w for w in e.active if e.gradient(w) is not None
           and not finite(e.gradient(w))]  # fmt: skip
    says += f" Not finite in the end: the gradient of {', '.join(e.labels[w] for w in hit[:4])}" + (
        f" and {len(hit) - 4} more." if len(hit) > 4 else ".")  # fmt: skip
    return e.finding(
        "not-finite-gradient", "error", gate, says, _mend_backward(e, gate),
        [*hit, wire, gate.outputs[0]], count=count, elements=handed.size,
        gradient=float(handed[index]),
    )  # fmt: skip


def _mend_backward(e: Evidence, gate: Gate) -> str:
    name = gate.op.name
    if name in ("sqrt", "power", "float_power", "cbrt"):
        if _comes_from(e, gate, {"sum", "add", "square", "multiply", "power"}):
            return ("np.linalg.norm and np.hypot know that the gradient of a length is 0 at zero; "
                    "or add a small number inside the root: np.sqrt(s + 1e-12)")  # fmt: skip
        return "add a small number inside the root: np.sqrt(s + 1e-12)"
    if name in _LOGS:
        return "keep the argument of the logarithm above zero: np.log(np.maximum(p, 1e-300))"
    if name in ("divide", "reciprocal"):
        return "keep the denominator away from zero"
    if name in ("arcsin", "arccos", "arctanh", "arccosh", "tan"):
        return f"keep the argument of {name} away from the ends of its interval: np.clip it before"
    return "scale the numbers down: the gradient is larger than the largest number of its dtype"


# -- behind a where --------------------------------------------------------------------------------


def _hidden(e: Evidence) -> Iterator[Finding]:
    """A branch of np.where that was not taken, but ran, and made what is not finite."""
    bad = {
        g.outputs[0] for g in e.gates if len(g.outputs) == 1 and not finite(e.value(g.outputs[0]))
    }
    told: set[tuple[str, int] | Gate] = set()
    for gate in e.gates:
        if gate.op.name != "where" or gate.outputs[0] in bad:
            continue
        for branch in gate.inputs[1:]:
            if branch not in bad:
                continue
            assert isinstance(branch, Wire)
            reached = _behind(e, [branch])
            root = next((g for g in e.gates if g.outputs and g.outputs[0] in reached
                         and not _bad_inputs(e, g)), None)  # fmt: skip
            key = root and ((root.place.file, root.place.line) if root.place else root)
            if root is None or key in told or root.outputs[0] not in e.touched:
                continue
            assert key is not None
            told.add(key)
            yield _trap(e, root, gate)


def _trap(e: Evidence, root: Gate, where: Gate) -> Finding:
    value = e.value(root.outputs[0])
    index = _first(value)
    count = int((~np.isfinite(value)).sum())
    argument = next((i for i in reversed(root.inputs) if isinstance(i, Wire)), None)
    name = e.name(argument) if argument is not None else "x"
    same = (
        root.place is not None and where.place is not None and root.place.line == where.place.line
    )
    chosen = "np.where" if same else f"np.where at {e.at(where)}"
    says = f"np.where takes one of two values, but both were computed: {_spelled(e, root, index)} is " \
           f"{number(value[index])}{_element(index)}, in {many(count, 'element')} of {value.size:,}; " \
           f"{chosen} leaves it out. "  # fmt: skip
    if e.sound:
        says += "The gradient is right here, since a zero that arrives stays zero; " \
                "elsewhere 0 * inf would make it NaN."  # fmt: skip
    return e.finding(
        "hidden-nan", "note" if e.sound else "warning", root, says,
        "choose before, so that the branch never sees such a number: "
        + (f"np.{root.op.name}(np.where(condition, {name}, 1.0))" if len(root.inputs) == 1
           else f"put np.where(condition, {name}, 1.0) in the place of {name}"),
        [root.outputs[0], *root.inputs, where.outputs[0]], count=count, elements=value.size,
    )  # fmt: skip
