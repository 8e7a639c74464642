"""A circuit as the text of one JavaScript function: a statement for each element of each gate.

The circuit is taken apart into single numbers. Integers are doubles, exact below 2**53; `float32` is
rounded to with ``Math.fround`` after each operation; NaN and infinities flow. Which gates have a row,
and how they are written, stands in the tables; places told by values are `indexing.py`'s.
"""

from __future__ import annotations

import functools
import itertools
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Gate, Operand, Wire
from glassgrad.emit.javascript.cells import (
    Cell,
    NotScript,
    Rounding,
    formless,
    nested,
    number,
    truth,
)
from glassgrad.emit.javascript.functions import FUNCTIONS, needed, words
from glassgrad.emit.javascript.indexing import at_places, told_by_values
from glassgrad.emit.javascript.lines import (
    ALONG,
    MATRICES,
    REDUCED,
    RUNNING,
    along,
    matrices,
    reduced,
    running,
    searched,
)
from glassgrad.emit.javascript.names import Names, allowed
from glassgrad.emit.javascript.rows import DEFAULTS, FORMLESS, NUMBERS, TRUTHS, WHOLE
from glassgrad.emit.python.naming import weak_name
from glassgrad.emit.scalars import SAME, STRUCTURAL, Unrolling
from glassgrad.passes.dead import without_dead_gates
from glassgrad.passes.expanding import expanded

__all__ = ["KNOWN", "script"]

_ELEMENTS = 256  # of one array
_STATEMENTS = 20_000
_WIDTH = 100
_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
_WHOLE, _TRUTH = np.dtype(np.int64), np.dtype(np.bool_)

#: Gates whose own NumPy function moves, adds and multiplies elements, beyond those of `scalars`.
_MOVED = {"prod", "tril", "triu", "diag", "rot90", "pad", "cross", "kron", "tensordot", "convolve",
          "vecdot", "matvec", "vecmat", "einsum", "einsum1"}  # fmt: skip
_CAST = {"astype", "to_integer"}
_ROWS = {*NUMBERS, *TRUTHS, *WHOLE, "where"}

#: Gates that have a form by themselves; others are spelled out by `passes.expanding`, if they can be.
KNOWN = frozenset({
    *_ROWS, *STRUCTURAL, *SAME, *_MOVED, *RUNNING, *_CAST, *REDUCED, *ALONG, *MATRICES, "array",
    "zeros", "ones", "full", "fsum", "searchsorted", "guard",
})  # fmt: skip
# Known, but for keywords that expanding spells out: a start, a mask.
_EXPANDED = {"sum", "mean", "prod", "max", "min", "dot", "inner", "outer", "vdot", "einsum",
             "einsum1"}  # fmt: skip


def script(circuit: Circuit) -> str:
    """A circuit as JavaScript.

    Parameters
    ----------
    circuit : Circuit
        Its outputs are what is wanted; gates they do not depend on are left out.

    Returns
    -------
    str
        One declaration, ``function evaluate(inputs) {...}``. `inputs` holds an array of numbers for
        each input of the circuit, its elements in C order, truths as 0 and 1; what it returns holds
        one for each output. It returns null where a guard does not hold, so that Python would have
        taken another way through the function.

    Raises
    ------
    NotScript
        A gate, a dtype or a size stands in the way.

    Examples
    --------
    >>> import glassgrad as gg
    >>> def f(x, y):
    ...     q = x + y
    ...     return q * x
    >>> print(script(gg.backprop(f, 2.0, 3.0).circuit), end="")
    function evaluate(inputs) {
      "use strict";
      const x = inputs[0][0];
      const y = inputs[1][0];
      const q = x + y;
      const f = q * x;
      const dq = x;
      const dx = q;
      const dx_2 = dx + dq;
      const dy = dq;
      return [
        [f],
        [dx_2],
        [dy],
      ];
    }
    """
    live = without_dead_gates(circuit)
    for gate in live.gates:  # before anything is spelled out for nothing
        if gate.op.name in FORMLESS:
            raise NotScript(f"{gate.op.name} has no JavaScript form: {FORMLESS[gate.op.name]}")
    spelled = expanded(live, keep=KNOWN - _EXPANDED)
    names = {wire: name for wire, name in circuit.names.items() if allowed(name)}
    for before, after in zip(circuit.outputs, spelled.outputs, strict=True):
        if before is not after and isinstance(after, Wire) and before in names:
            names.setdefault(after, names[before])
    return _Writer(spelled, names).text()


class _Writer(Unrolling):
    refusal = NotScript

    def __init__(self, circuit: Circuit, names: Mapping[Wire, str]) -> None:
        super().__init__()
        self.circuit, self.users = circuit, names
        # All that may be called: a little more than what is, since names are given before.
        callable_ = needed(word for gate in circuit.gates for word in _calls(gate))
        self.names = Names(names.values(), callable_)
        self.declared: set[str] = set()
        self.called: set[str] = set()
        self.statements: list[str] = []
        self.rounding = Rounding()
        self.target: np.dtype[Any] = _DOUBLE

    def text(self) -> str:
        read = {operand for gate in self.circuit.gates for operand in gate.inputs}
        for n, wire in enumerate(self.circuit.inputs):
            if wire in read or wire in self.circuit.outputs:
                self.input(n, wire)
        for gate in self.circuit.gates:
            self.gate(gate)
        self.target, self.rounding.single = _DOUBLE, False
        rows = [nested([number(c, self.rounding).text for c in self.read(o).flat])
                for o in self.circuit.outputs]  # fmt: skip
        body = ['"use strict";']
        helpers = [FUNCTIONS[name].splitlines() for name in needed(self.called)]
        answer = ["return [", *[f"  {row}," for row in rows], "];"]
        for line in (*itertools.chain(*helpers), *self.statements, *answer):
            body += _wrapped(line)
        return (
            "\n".join(["function evaluate(inputs) {", *["  " + b if b else b for b in body], "}"])
            + "\n"
        )

    # -- statements --------------------------------------------------------------------------

    def say(self, statement: str) -> None:
        if len(self.statements) >= _STATEMENTS:
            raise NotScript(f"it takes more than {_STATEMENTS} statements")
        self.statements.append(statement)

    def input(self, n: int, wire: Wire) -> None:
        self.allowed(wire)
        names = self.new_names(wire)
        if not wire.shape or wire.dtype == _TRUTH:
            each = {_TRUTH: "{} !== 0", _SINGLE: "Math.fround({})"}.get(wire.dtype, "{}")
            for at, name in enumerate(names.flat):
                self.say(f"const {name} = {each.format(f'inputs[{n}][{at}]')};")
        elif names.size:
            rounded = ".map(Math.fround)" if wire.dtype == _SINGLE else ""
            self.say(f"const {nested(names.reshape(-1))} = inputs[{n}]{rounded};")
        self.values[wire] = self.as_cells(names, wire)

    def new_names(self, wire: Wire, gate: Gate | None = None) -> Any:
        """Identifiers for the elements of a wire."""
        own = self.users.get(wire)
        if own is None:
            own = "x" if gate is None else weak_name(gate, self.users, len(self.values))
        wanted = own if allowed(own) else "t"
        return self.names.of(wanted, wire.shape, wire in self.users)

    def as_cells(self, names: Any, wire: Wire) -> Any:
        """Names that are declared, as elements of a wire."""
        self.declared.update(names.flat)
        made = np.empty(wire.shape, object)
        for index in np.ndindex(wire.shape):
            made[index] = Cell(names[index], self.rounding, is_truth=wire.dtype == _TRUTH)
        return made

    def define(self, gate: Gate, wire: Wire, cells: Any) -> None:
        """Give the elements of a wire names, but for those that have one, and constants."""
        convert = truth if wire.dtype == _TRUTH else number
        named = wire in self.users and wire.type.size == 1
        made = np.empty(wire.shape, object)
        names = None
        for index in np.ndindex(wire.shape):
            cell = cells[index]
            if isinstance(cell, Cell) or named:
                cell = convert(cell, self.rounding)
                if named or cell.text not in self.declared:
                    names = self.new_names(wire, gate) if names is None else names
                    self.say(f"const {names[index]} = {cell.text};")
                    self.declared.add(names[index])
                    cell = Cell(names[index], self.rounding, is_truth=cell.is_truth)
            made[index] = cell
        self.values[wire] = made

    def call(self, helper: str, given: str, wires: Sequence[Wire], names: Any) -> None:
        """Call a helper for an array, and give what it answers names."""
        self.called.add(helper)
        single = all(w.dtype == _SINGLE for w in wires)
        # Without blanks, as no line may end before an arrow.
        rounded = {1: ".map(Math.fround)", 2: ".map(row=>row.map(Math.fround))"}
        call = f"{helper}({given})"
        if single:
            call = call + rounded[names.ndim] if names.ndim else f"Math.fround({call})"
        self.say(f"const {nested(names)} = {call};")

    # -- numbers -----------------------------------------------------------------------------

    def allowed(self, operand: Operand) -> None:
        kinds = "fiub" if isinstance(operand, Constant) else ""
        if operand.dtype not in (_DOUBLE, _SINGLE, _WHOLE, _TRUTH) and (
            operand.dtype.kind not in kinds or operand.dtype.itemsize > 8
        ):
            what = "constant" if isinstance(operand, Constant) else "wire"
            raise NotScript(f"a {what} is {operand.type}")
        if operand.type.size > _ELEMENTS:
            raise NotScript(f"an array has {operand.type.size} elements")

    def read(self, operand: Operand) -> Any:
        """An operand's elements, as numbers of the precision that is computed in just now."""
        cells = super().read(operand)
        if self.target != _SINGLE or operand.dtype != _DOUBLE:
            return cells
        made = np.empty(cells.shape, object)
        for index in np.ndindex(cells.shape):
            cell = cells[index]
            if isinstance(cell, Cell):
                made[index] = Cell(f"Math.fround({cell.text})", self.rounding)
            else:
                made[index] = float(np.float32(cell))
        return made

    def texts(self, operand: Operand) -> Any:
        """An operand's elements as texts of numbers."""
        cells = self.read(operand)
        made = np.empty(cells.shape, object)
        for index in np.ndindex(cells.shape):
            made[index] = number(cells[index], self.rounding).text
        return made

    # -- gates -------------------------------------------------------------------------------

    def gate(self, gate: Gate) -> None:
        name = gate.op.name
        if name == "guard":
            self.guard(gate)
            return
        for wire in gate.outputs:
            self.allowed(wire)
        self.rounding.single = _in_single(gate)
        self.rounding.whole = gate.output.dtype.kind == "i"
        self.target = _SINGLE if self.rounding.single else _DOUBLE
        if name in MATRICES:
            matrices(self, gate)
        elif name in ALONG:
            along(self, gate)
        elif name in RUNNING:
            running(self, gate)
        else:
            self.define(gate, gate.output, self.cells(gate, self.result(gate)))

    def result(self, gate: Gate) -> Any:
        name, static = gate.op.name, gate.static
        if name in _ROWS:
            return self.elementwise(gate)
        if name in _CAST:
            return self.cast(gate)
        if name in REDUCED:
            return reduced(self, gate)
        if told_by_values(gate):
            return at_places(self, gate)
        if name == "fsum":
            self.called.add("fsum")
            each = [self.texts(i)[()] for i in gate.inputs]
            return Cell(f"fsum({nested(each)})", self.rounding)
        if name == "searchsorted":
            return searched(self, gate)
        if name not in KNOWN or set(static) & {"initial", "named"}:
            raise formless(gate)
        if name in _MOVED:
            return self.structural(_without(gate, "dtype", "optimize"))
        return self.moved(_without(gate, "dtype") if name in ("sum", "mean") else gate)

    def elementwise(self, gate: Gate) -> Any:
        row, convert = _row(gate)
        static = DEFAULTS.get(gate.op.name, {}) | dict(gate.static)
        if set(gate.static) - set(DEFAULTS.get(gate.op.name, {})):
            raise formless(gate)
        if self.rounding.single and gate.op.name == "spacing":
            raise NotScript("spacing of float32 has no JavaScript form")
        self.called.update(words(row))
        wire = gate.output
        made = np.empty(wire.shape, object)
        operands = [np.broadcast_to(self.read(i), wire.shape) for i in gate.inputs]
        for index in np.ndindex(wire.shape):
            cells = [c(o[index], self.rounding) for c, o in zip(convert, operands, strict=True)]
            text = row.format(*[c.text if c.binds > 3 else f"({c.text})" for c in cells], **static)
            if self.rounding.single and wire.dtype == _SINGLE and text != cells[0].text:
                text = f"Math.fround({text})"
            made[index] = Cell(text, self.rounding, 0, wire.dtype == _TRUTH)
        return made

    def cast(self, gate: Gate) -> Any:
        """Numbers of another dtype; to truths and to doubles is no matter of rounding."""
        source, wire = gate.inputs[0], gate.output
        cells = self.read(source)
        if wire.dtype.kind != "i" or source.dtype.kind != "f":
            return cells
        made = np.empty(wire.shape, object)
        for index in np.ndindex(wire.shape):
            text = number(cells[index], self.rounding).text
            made[index] = Cell(f"Math.trunc({text}) + 0", self.rounding, 0)
        return made

    # -- guards ------------------------------------------------------------------------------

    def guard(self, gate: Gate) -> None:
        """Leave where Python would be told something else."""
        how, told = gate.static["how"], gate.static["told"]
        self.rounding.single = self.rounding.whole = False
        self.target = _DOUBLE
        operand = gate.inputs[0]
        self.allowed(operand)
        cells = self.read(operand).reshape(-1)
        if how == "array":
            for cell, value in zip(cells, np.asarray(told).reshape(-1).tolist(), strict=True):
                self.holds(number(cell, self.rounding).text, value)
            return
        if how == "count":
            each = [number(truth(c, self.rounding), self.rounding) for c in cells]
            self.holds(
                functools.reduce(lambda a, b: a + b, each, number(0, self.rounding)).text, told
            )
            return
        if len(cells) != 1:
            raise NotScript("Python asked for a whole array")
        cell = cells[0]
        if how == "bool":
            text = truth(cell, self.rounding).text
            self.leave(f"!{text}" if told else text)
        elif how == "int" and operand.dtype.kind == "f":
            self.holds(f"Math.trunc({number(cell, self.rounding).text})", told)
        elif how in ("int", "index", "float", "value"):
            self.holds(number(cell, self.rounding).text, told)
        else:
            raise NotScript(f"Python asked for a number as {how}")

    def holds(self, text: str, told: Any) -> None:
        wanted = number(told, self.rounding).text
        self.leave(f"!Number.isNaN({text})" if wanted == "NaN" else f"{text} !== {wanted}")

    def leave(self, condition: str) -> None:
        self.say(f"if ({condition}) return null;")


def _wrapped(statement: str) -> list[str]:
    """A statement on lines of moderate length; it goes on where no semicolon ends it.

    Comments are short enough.
    """
    if len(statement) <= _WIDTH:
        return [statement]
    indent = " " * (len(statement) - len(statement.lstrip()))
    return textwrap.wrap(statement.strip(), _WIDTH, initial_indent=indent, break_long_words=False,
                         subsequent_indent=indent + "    ", break_on_hyphens=False)  # fmt: skip


def _in_single(gate: Gate) -> bool:
    """Whether NumPy computes in `float32`: Python's numbers have no say in it (NEP 50)."""
    strong = {o.dtype for o in gate.inputs if o.type.kind != "python" and o.dtype != _TRUTH}
    return gate.output.dtype == _SINGLE or (gate.output.dtype == _TRUTH and strong == {_SINGLE})


def _row(gate: Gate) -> tuple[str, list[Any]]:
    """A gate's row, and how each of its operands is read."""
    name, kind = gate.op.name, gate.output.dtype.kind
    n = len(gate.inputs)
    if name == "where":
        one = truth if kind == "b" else number
        return "{0} ? {1} : {2}", [truth, one, one]
    truths = all(i.dtype == _TRUTH for i in gate.inputs) or name.startswith("logical_")
    if kind == "b" and name in TRUTHS and truths:
        return TRUTHS[name], [truth] * n
    if kind == "i":
        if name not in WHOLE:
            raise NotScript(f"{name} of integers has no JavaScript form")
        return WHOLE[name], [number] * n
    if name not in NUMBERS:
        raise NotScript(f"{name} of {gate.inputs[0].type} has no JavaScript form")
    if name in ("power", "float_power") and isinstance(gate.inputs[1], Constant):
        exponent = gate.inputs[1].value
        if np.ndim(exponent) == 0 and exponent == 2:
            return NUMBERS["square"], [number] * n
    return NUMBERS[name], [number] * n


def _without(gate: Gate, *left_out: str) -> Gate:
    """A gate without static arguments that say nothing about single elements."""
    static = {k: v for k, v in gate.static.items() if k not in left_out}
    return Gate(
        gate.op, gate.inputs, gate.outputs, static, gate.spelling, gate.place, gate.backward
    )


def _calls(gate: Gate) -> list[str]:
    """The helpers that a gate's statements may call."""
    name = gate.op.name
    if name == "guard":
        return []
    found = [ALONG[name]] if name in ALONG else [MATRICES[name]] if name in MATRICES else []
    if name in _ROWS:
        found += words(_row(gate)[0])
    if name in REDUCED:
        found += words(REDUCED[name][0])
    if told_by_values(gate):
        found += ["at", "from_front", "places_of_truths"]
    return found + {"fsum": ["fsum"], "searchsorted": ["place_of"]}.get(name, [])
