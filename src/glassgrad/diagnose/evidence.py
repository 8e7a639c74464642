"""One evaluation as the examiners see it: who drives and who reads a wire, what flows, where it is.

It answers questions about the circuit, its values and gradients, and finds the words for places
and wires; it knows no fault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Gate, Operand, Wire
from glassgrad.diagnose.report import Finding, Severity
from glassgrad.passes import backprop, depends
from glassgrad.runtime.arguments import ACTIVE, STATIC, parameter_names
from glassgrad.runtime.interpret import evaluate_all
from glassgrad.runtime.staging import Study
from glassgrad.runtime.tree import leaf_paths
from glassgrad.tracing.source import source_line

__all__ = ["Evidence", "at_index", "finite", "many", "norm", "number", "ordinal", "share"]

#: Gates that hand on the same numbers in another arrangement.
_VIEWS = frozenset({
    "reshape", "ravel", "expand_dims", "squeeze", "transpose", "swapaxes", "moveaxis", "getitem",
    "copy", "identity", "astype", "array", "broadcast_to", "positive",
})  # fmt: skip
PRODUCTS = frozenset({
    "matmul", "dot", "einsum", "tensordot", "inner", "matvec", "vecmat", "vecdot", "vdot", "convolve",
})  # fmt: skip


class Evidence:
    """The circuit of one evaluation, with what flowed through it."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.circuit: Circuit = study.recorded.circuit
        self.gates: tuple[Gate, ...] = self.circuit.gates
        self.active: tuple[Wire, ...] = study.recorded.active
        self.drivers: Mapping[Wire, Gate] = {w: g for g in self.gates for w in g.outputs}
        readers: dict[Operand, list[Gate]] = {}
        for gate in self.gates:
            for operand in dict.fromkeys(gate.inputs):
                readers.setdefault(operand, []).append(gate)
        self.readers: Mapping[Operand, list[Gate]] = readers
        self.touched: set[Operand] = depends(
            self.circuit, self.active
        )  # a gradient can reach these
        self.outputs = [w for w in self.circuit.outputs if isinstance(w, Wire)]

    # -- values ------------------------------------------------------------------------------

    def value(self, operand: Operand) -> Any:
        """The value, as an array (0-d for a number)."""
        return np.asarray(self.study.value_of(operand))

    def gradient(self, wire: Operand) -> Any:
        """The gradient of a wire as an array; None where none arrived."""
        found = self.study.backward.gradients.get(wire) if isinstance(wire, Wire) else None
        return None if found is None else self.value(found)

    @cached_property
    def sound(self) -> bool:
        """Whether value and gradients are all finite."""
        results = [self.value(o) for o in self.study.backward.circuit.outputs]
        return all(finite(r) for r in results)

    def rule_gate(self, gate: Gate) -> Gate:
        """The gate whose rule backpropagation used: itself, or the pattern it completes."""
        return self.study.recognised.get(gate.outputs[0], gate) if gate.outputs else gate

    def handed(self, gate: Gate) -> dict[Wire, Any]:
        """What a gate hands back to each of its inputs, computed by itself."""
        shown = self.rule_gate(gate)
        inputs = [w for w in dict.fromkeys(shown.inputs) if isinstance(w, Wire)]
        wanted = [w for w in inputs if w in self.touched]
        if not wanted or not shown.op.differentiable:
            return {}
        part = Circuit(tuple(inputs), (shown,), shown.outputs)
        seeds = [self._seed(w) for w in shown.outputs]
        circuit = backprop(part, wanted, upstream=True, careful=self.study.careful).circuit
        with np.errstate(all="ignore"):
            values = evaluate_all(circuit, [*[self.study.value_of(w) for w in inputs], *seeds])
        results = [o.value if isinstance(o, Constant) else values[o] for o in circuit.outputs]
        return dict(zip(wanted, results[len(shown.outputs) :], strict=True))

    def _seed(self, wire: Wire) -> Any:
        found = self.study.backward.gradients.get(wire)
        if found is not None:
            return self.study.value_of(found)
        return np.zeros(wire.shape, wire.dtype) if wire.shape else 0.0

    @cached_property
    def asked(self) -> frozenset[Operand]:
        """The truths that depend on what is differentiated: no masks that came from outside."""
        reached: set[Operand] = set(self.active)
        for gate in self.gates:
            if any(i in reached for i in gate.inputs):
                reached.update(gate.outputs)
        return frozenset(o for o in reached if o.dtype.kind == "b")

    # -- parameters and data -----------------------------------------------------------------

    @cached_property
    def labels(self) -> Mapping[Wire, str]:
        """How the user would write each leaf of the arguments: ``params['W'][0]``."""
        arguments = self.study.arguments
        layout = arguments.layout
        names = parameter_names(self.study.function)
        groups = [(names[n] if n < len(names) else f"x{n}", s)
                  for n, (s, _) in enumerate(layout.positional)]  # fmt: skip
        groups += [(name, s) for name, s, _ in layout.keywords]
        paths = [path for name, structure in groups for path in leaf_paths(name, structure)]
        kept = [p for p, role in zip(paths, layout.roles, strict=True) if role is not STATIC]
        return dict(zip(self.circuit.inputs, kept))  # what was captured stands behind

    @cached_property
    def whole(self) -> frozenset[Wire]:
        """The differentiated leaves that came as whole numbers, such as a size or an axis."""
        arguments = self.study.arguments
        found, at, wires = set(), 0, iter(self.circuit.inputs)
        for value, (_, size) in zip(arguments.given, arguments.layout.positional, strict=True):
            for role in arguments.layout.roles[at : at + size]:
                if role is not STATIC:
                    wire = next(wires)
                    if role is ACTIVE and _is_whole(value):
                        found.add(wire)
            at += size
        return frozenset(found)

    def origin(self, operand: Operand) -> Operand:
        """What an operand shows: the wire or constant behind slices, transposes and the like."""
        while isinstance(operand, Wire) and operand in self.drivers:
            gate = self.drivers[operand]
            if gate.op.name not in _VIEWS or not gate.inputs:
                break
            operand = gate.inputs[0]
        return operand

    def parameter(self, operand: Operand) -> Wire | None:
        """The differentiated leaf an operand shows, if it is one and no data."""
        found = self.origin(operand)
        return found if isinstance(found, Wire) and found in self._parameters else None

    @cached_property
    def _parameters(self) -> set[Wire]:
        found = {w for w in self.active if not self._looks_like_data(w)}
        return found or set(self.active)

    def _looks_like_data(self, wire: Wire) -> bool:
        """Without `argnums` all floats are differentiated, data too: told by their names."""
        name = self.labels[wire].lower()
        return wire.shape != () and (name in _DATA or name.startswith(("x_", "inputs", "data")))

    def layer(self, gate: Gate) -> tuple[int, Wire] | None:
        """Which input of a product holds weights, and the parameter they come from."""
        if len(gate.inputs) != 2 or not (gate.op.name in PRODUCTS or gate in self._neurons):
            return None
        found = [self.parameter(i) for i in gate.inputs]
        for side in (1, 0):  # of two parameters the right one weighs
            weights = found[side]
            if weights is not None:
                return side, weights
        return None

    @cached_property
    def _neurons(self) -> set[Gate]:
        """Products of single numbers where each weight serves once: w1 * h, then w2 * h, ...

        A coefficient that is used at every step of a loop is no layer's weight.
        """
        found: dict[Any, list[Gate]] = {}
        for gate in self.gates:
            if gate.op.name == "multiply" and not gate.outputs[0].shape:
                for operand in gate.inputs:
                    leaf = self.parameter(operand)
                    if leaf is not None:
                        driver = self.drivers.get(operand)  # type: ignore[arg-type]
                        part = driver.static.get("template") if driver is not None else None
                        found.setdefault((leaf, repr(part)), []).append(gate)
        return {gates[0] for gates in found.values() if len(gates) == 1}

    # -- words -------------------------------------------------------------------------------

    def name(self, operand: Operand) -> str:
        """What an operand is called: a leaf's path, the user's name, or what made it."""
        if isinstance(operand, Constant):
            return self.study.array_names.get(operand) or number(operand.value)
        if operand in self.labels:
            return self.labels[operand]
        named = self.circuit.names.get(operand)
        if named is not None:
            return named
        gate = self.drivers.get(operand)
        if gate is None:
            return "a value from outside"
        if gate.op.name in _VIEWS and gate.inputs:
            return f"a part of {self.name(gate.inputs[0])}" if gate.op.name == "getitem" \
                else self.name(gate.inputs[0])  # fmt: skip
        return f"the result of {self.rule_gate(gate).op.name}"

    def number_of(self, gate: Gate) -> tuple[int, int]:
        """Of all times this gate's line ran, which one it was, and how many there were."""
        if gate.place is None:
            return 1, 1
        runs = self._runs[gate.place.file, gate.place.line]
        return runs.index(gate.place.statement) + 1, len(runs)

    @cached_property
    def _runs(self) -> Mapping[tuple[str, int], list[int]]:
        found: dict[tuple[str, int], dict[int, None]] = {}
        for gate in self.gates:
            if gate.place is not None:
                key = gate.place.file, gate.place.line
                found.setdefault(key, {})[gate.place.statement] = None
        return {key: [*runs] for key, runs in found.items()}

    def at(self, gate: Gate) -> str:
        """'line 12', 'line 12 (the 3rd of the 10 times it ran)'; for a formula the statement."""
        if gate.place is None:
            statement = self.statement(gate)
            return f"`{statement}`" if statement else f"the {gate.op.name} gate"
        which, runs = self.number_of(gate)
        again = "" if runs == 1 else f" (the {ordinal(which)} of the {runs} times it ran)"
        return f"line {gate.place.line}{again}"

    def statement(self, gate: Gate) -> str:
        """The user's statement: the source line, else as it stands in the staged code."""
        if gate.place is not None:
            text = source_line(gate.place.file, gate.place.line)
            if text:
                return text
        staged = self.study.staged
        at = next((staged.numbers[w] for w in gate.outputs if w in staged.numbers), 0)
        for line in staged.lines:
            if at and line.number == at and not line.backward:
                return " ".join(part.strip() for part in line.text)
        return ""

    def _shown(self, wire: Wire) -> str | None:
        """The name of the wire of `Backprop.wires` that a wire is, or is a part of."""
        staged = self.study.staged
        if wire not in staged.names:
            number = staged.numbers.get(wire, 0)
            wire = next((line.wire for line in staged.lines if number and line.number == number
                         and not line.backward and line.wire is not None), wire)  # fmt: skip
        return staged.names.get(wire)

    def finding(
        self, kind: str, severity: Severity, gate: Gate | None, says: str, mend: str,
        wires: Sequence[Operand] = (), **numbers: float,
    ) -> Finding:  # fmt: skip
        """A finding at a gate's place."""
        place = gate.place if gate is not None else None
        concerned = [w for w in wires if isinstance(w, Wire)]
        return Finding(
            kind, severity, says, mend, place.line if place else None,
            self.statement(gate) if gate is not None else "", place.file if place else "",
            tuple(dict.fromkeys(map(self.name, concerned))),
            tuple(dict.fromkeys(n for n in map(self._shown, concerned) if n)), numbers,
        )  # fmt: skip


_DATA = frozenset({
    "x", "xs", "y", "ys", "data", "inputs", "features", "targets", "labels", "batch", "pixels", "images",
    "samples", "t", "ts", "mask", "masks",
})  # fmt: skip


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) or (
        isinstance(value, np.ndarray) and value.dtype.kind in "iub"
    )


def finite(value: Any) -> bool:
    """Whether every number in it is finite; what is no float always is."""
    array = np.asarray(value)
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def norm(value: Any) -> float:
    """The Euclidean norm of all elements, without overflow."""
    array = np.asarray(value, float).ravel()
    largest = float(np.max(np.abs(array), initial=0.0))
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.sum((array / largest) ** 2)))


def at_index(value: Any, shape: tuple[int, ...], index: tuple[int, ...]) -> Any:
    """The element of an operand that an elementwise gate used for one element of its result."""
    try:
        return np.broadcast_to(value, shape)[index]
    except ValueError:
        return None


def number(value: Any) -> str:
    """A number in at most three digits and an exponent."""
    if np.ndim(value):
        return f"an array of shape {np.shape(value)}"
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    return f"{float(value):.3g}"


def many(n: int, what: str) -> str:
    """'1 unit', '3 units'."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def share(part: float) -> str:
    """A share in percent, never rounded to none or to all."""
    percent = 100 * part
    if 0 < percent < 0.5:
        return f"{percent:.1g} %"
    return f"{percent:.4g} %" if 99.5 < percent < 100 else f"{percent:.0f} %"


def ordinal(n: int) -> str:
    """'1st', '2nd', '13th'."""
    last = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{last}"
