"""Parameters whose gradient is exactly zero, and which gate cut it.

From the parameter forward: is it read, does a smooth path lead to the result, and where on it
does a gate that gets a gradient hand back none?
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from glassgrad.circuit import Gate, Operand, Wire
from glassgrad.diagnose.evidence import PRODUCTS, Evidence
from glassgrad.diagnose.report import Finding

__all__ = ["zeros"]

_SHOWN = 3  # gates that cut, for each parameter
_STEPS = (
    "floor",
    "ceil",
    "round",
    "rint",
    "trunc",
    "sign",
    "heaviside",
    "floor_divide",
    "to_integer",
)
_PLACES = ("argmax", "argmin", "argsort", "argpartition", "searchsorted")


def zeros(e: Evidence, before: Sequence[Finding]) -> Iterator[Finding]:
    """Every parameter with a gradient of nothing but zeros; data is passed over.

    Parameters
    ----------
    e : Evidence
    before : sequence of Finding
        What was found so far: what dead units or rounding cut is not told again.
    """
    told = {f.kind for f in before}
    shut = any(f.kind == "dead-units" and f.numbers["share"] == 1 for f in before)
    cut: dict[tuple[Gate | None, str], list[Wire]] = {}
    for wire in e.active:
        gradient = e.gradient(wire)
        if (
            not wire.type.size
            or e.parameter(wire) is None
            or (gradient is not None and np.any(gradient != 0))
        ):
            continue
        for key in _cut(e, wire):
            cut.setdefault(key, []).append(wire)
    said: set[str] = set()
    for (gate, why), wires in cut.items():
        if "dead-units" in told and why == "closed":
            continue
        if shut and why == "zero factor" and gate is not None and _factor(e, gate)[1] is None:
            continue
        if "rounded-away" in told and why in ("flat here", "underflow"):
            continue
        finding = _told(e, gate, why, wires)
        if finding.says not in said:
            said.add(finding.says)
            yield finding


def _cut(e: Evidence, leaf: Wire) -> list[tuple[Gate | None, str]]:
    """The gates that cut the gradient of a leaf, with the reason."""
    if leaf not in e.readers:
        return [] if leaf in e.outputs or leaf in e.whole else [(None, "unread")]
    reaching = _reaching(e)
    reached = _ahead(e, leaf)
    asked = [g for g in e.gates if g.op.effect and any(i in reached for i in g.inputs)]
    if not any(w in reaching for w in reached):
        if asked:
            return [] if leaf in e.whole else [(_question(e, asked[0], reached), "decides")]
        return [(e.readers[leaf][0], "nowhere")]
    smooth = [w for w in reached if w in reaching and e.gradient(w) is not None]
    found = [g for g in e.gates if g.outputs and any(i in reached for i in g.inputs)
             and any(e.gradient(w) is not None and np.any(e.gradient(w) != 0) for w in g.outputs)]  # fmt: skip
    cuts: list[tuple[Gate | None, str]] = []
    for gate in found:
        handed = e.handed(gate)
        for operand in gate.inputs:
            if operand in reached and operand in handed and not np.any(handed[operand] != 0):
                why = _reason(e, gate, operand)
                zero = _made_zero(e, operand, reached) if why == "flat here" else None
                cuts.append((zero, "zero factor") if zero is not None else (gate, why))
    if not cuts or not smooth:
        flat = [g for g in e.gates if g.op.form == "flat" and not g.op.effect and g.outputs
                and g.outputs[0] in reaching and any(i in reached for i in g.inputs)
                and any(i in e.touched for i in g.inputs)]  # fmt: skip
        cuts += [(g, "flat") for g in flat[:_SHOWN]]
    once = {(why, g.place.line if g and g.place else g): (g, why) for g, why in reversed(cuts)}
    return [*reversed(once.values())][:_SHOWN]


def _made_zero(e: Evidence, operand: Operand, reached: set[Operand]) -> Gate | None:
    """The product that made an operand zero by a factor that has nothing to do with the leaf."""
    gate = e.drivers.get(operand) if isinstance(operand, Wire) else None
    if gate is None or gate.op.name not in ("multiply", *PRODUCTS):
        return None
    return gate if any(i not in reached and not np.any(e.value(i)) for i in gate.inputs) else None


def _ahead(e: Evidence, leaf: Wire) -> set[Operand]:
    """All that depends on a leaf, smoothly or not."""
    reached: set[Operand] = {leaf}
    for gate in e.gates:
        if any(i in reached for i in gate.inputs):
            reached.update(gate.outputs)
    return reached


def _reaching(e: Evidence) -> set[Operand]:
    """All the result depends on."""
    found: set[Operand] = set(e.outputs)
    for gate in reversed(e.gates):
        if any(w in found for w in gate.outputs):
            found.update(gate.inputs)
    return found


def _question(e: Evidence, guard: Gate, reached: set[Operand]) -> Gate:
    """The comparison a guard asked about: it stands where the user wrote it."""
    driver = e.drivers.get(guard.inputs[0]) if isinstance(guard.inputs[0], Wire) else None
    return driver if driver is not None and driver.place is not None else guard


def _reason(e: Evidence, gate: Gate, operand: Operand) -> str:
    name = gate.op.name
    if name in ("multiply", "divide", *PRODUCTS):
        others = [i for i in gate.inputs if i is not operand]
        if any(not np.any(e.value(other)) for other in others):
            return "zero factor"
        return "underflow" if others else "flat here"  # x * x at zero
    if name in ("maximum", "minimum", "where", "clip", "max", "min", "fmax", "fmin"):
        return "closed"
    if name in ("getitem", "setitem", "sort"):
        return "not taken"
    return "flat here"


def _factor(e: Evidence, gate: Gate) -> tuple[Operand, Wire | None]:
    """The factor of a product that is zero, and the parameter it shows, if any."""
    other = next((i for i in gate.inputs if not np.any(e.value(i))), gate.inputs[-1])
    return other, e.parameter(other)


_WHY = {
    "unread": "It is never read by the function.",
    "nowhere": "It is read, but what is made of it does not reach the result.",
    "decides": "It only decides which branch runs, and how often; the value does not depend on it "
               "smoothly.",
    "closed": "{gate} takes the other side for every element, so this one gets nothing.",
    "not taken": "{gate} takes none of its elements, or overwrites all of them.",
    "underflow": "{gate} makes numbers so small of it that they are rounded to zero.",
    "flat here": "{gate} has slope zero at this point.",
}  # fmt: skip
_MEND = {
    "unread": "use it, or leave it out of the arguments that are differentiated",
    "nowhere": "use what was made of it, or leave it out of the arguments that are differentiated",
    "decides": "if it should be learned, let the value itself depend on it; if not, leave it out of "
               "argnums",
    "closed": "start where some elements pass, or leave a slope on the other side",
    "not taken": "look at the index, and at what is written over",
    "underflow": "work with logarithms, or scale the factors",
    "flat here": "at a minimum that is as it should be; else start elsewhere",
}  # fmt: skip


def _told(e: Evidence, gate: Gate | None, why: str, wires: list[Wire]) -> Finding:
    names = [e.labels[w] for w in wires]
    shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    numbers = sum(w.type.size for w in wires)
    says = f"Every element of the gradient of {shown} is 0. "
    name = "" if gate is None else f"{gate.op.name} at {e.at(gate)}"
    if why == "flat":
        assert gate is not None
        says += _flat_why(gate, name)
        mend = _flat_mend(gate)
    elif why == "zero factor":
        assert gate is not None
        other, trained = _factor(e, gate)
        says += f"The {name} multiplies by {e.name(other)}, and that is zero everywhere."
        mend = (f"start {e.name(other)} with small random numbers instead of zeros" if trained is not None
                else f"look at why {e.name(other)} is zero")  # fmt: skip
    else:
        says += _WHY[why].format(gate=f"The {name}")
        mend = _MEND[why]
    note = why in ("flat here", "decides", "unread") or (
        gate is not None and gate.op.name == "stop_gradient"
    )
    return e.finding(
        "zero-gradient", "note" if note else "warning", gate, says, mend, wires,
        parameters=len(wires), elements=numbers,
    )  # fmt: skip


def _flat_why(gate: Gate, name: str) -> str:
    kind = gate.op.name
    if kind == "stop_gradient":
        return f"It is cut on purpose, by {name}."
    if kind in _STEPS:
        return f"The result depends on it through {name} only: a step, whose slope is zero."
    if kind in _PLACES:
        return (
            f"The result depends on it through {name} only: a place, which does not move smoothly."
        )
    return f"The result depends on it through {name} only: a question, whose answer has no slope."


def _flat_mend(gate: Gate) -> str:
    kind = gate.op.name
    if kind == "stop_gradient":
        return "take gg.stop_gradient away if it should be learned; else leave it out of argnums"
    if kind in ("round", "rint", "floor", "ceil", "trunc"):
        return ("leave the rounding out while training, or let the gradient pass it: "
                f"x + gg.stop_gradient(np.{kind}(x) - x)")  # fmt: skip
    if kind in _PLACES:
        return "use a soft choice: weights from scipy.special.softmax(z) instead of one place"
    if kind == "sign":
        return "use a soft step such as np.tanh(k * x)"
    return "use a soft step such as a sigmoid, 1 / (1 + np.exp(-k * x))"
