"""Staged code: the forward and the backward pass as plain statements, as the notes write them.

One statement for each of the user's, with the user's names, then the same statements from last to
first, each gradient named ``d`` + the name. A Python module that runs alone. This file decides
what becomes a statement and what stays inside one; `expressions.py` spells the gates.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Gate, Operand, Wire
from glassgrad.emit.python.expressions import Text, constant, expression, needs_helper
from glassgrad.emit.python.naming import Names, weak_name
from glassgrad.emit.python.statements import guard_condition, write
from glassgrad.passes.liveness import memory

__all__ = ["Frame", "Line", "Staged", "staged_code"]

_WIDTH = 88  # columns of a line of code
_INLINE = 60  # an unnamed value longer than this gets a line of its own
_SMALL = 6  # elements: smaller constants stand where they are used
_LARGEST = 200  # elements: larger constants become keyword arguments


@dataclass(frozen=True)
class Frame:
    """What stands around the statements: the function's signature and what it returns.

    Attributes
    ----------
    name
        Name of the user's function.
    parameters
        Parameters of the emitted function.
    unpack
        Statements that take nested arguments apart.
    result
        Builds the text after ``return`` from the names of the outputs.
    upstream
        The inputs that are the outputs' gradients: parameters behind the others.
    """

    name: str
    parameters: Sequence[str]
    unpack: Sequence[str]
    result: Any
    note: str = ""
    upstream: Sequence[Wire] = ()


@dataclass
class Line:
    """One statement: its text, the wire it defines, its number among the user's statements."""

    text: list[str]
    wire: Wire | None = None
    number: int = 0
    gate: Gate | None = None
    backward: bool = False


@dataclass
class Staged:
    """Staged code with its parts, so that tables and pictures can point at its lines.

    Attributes
    ----------
    code
        The whole module.
    names
        The name of every wire that has one in the code.
    lines
        The statements of the forward and of the backward pass, in order.
    numbers
        For each forward wire, the number of the statement it is part of.
    large
        Arrays that became keyword arguments, by name.
    marks
        For each line of the code, the number of the statement it belongs to, below zero in the
        backward pass; 0 for all other lines.
    """

    code: str
    names: Mapping[Operand, str]
    lines: Sequence[Line]
    numbers: Mapping[Wire, int]
    large: Mapping[str, Constant] = field(default_factory=dict)
    marks: Sequence[int] = ()


def staged_code(
    circuit: Circuit,
    frame: Frame,
    weak: Mapping[Wire, str],
    constants: Mapping[Constant, str],
    stages: Mapping[Wire, Wire],
) -> Staged:
    """Write a named circuit of value and gradients as staged code.

    Parameters
    ----------
    circuit : Circuit
        With the user's names, and ``d...`` names for gradients.
    frame : Frame
    weak : mapping
        Names for unnamed wires, used where they need one.
    constants : mapping
        Names for array constants.
    stages : mapping
        For the wires a gradient grows in, the wire whose gradient it is.
    """
    return _Stager(circuit, frame, weak, constants, stages).write()


@dataclass(frozen=True)
class _Inlined:
    """A value that stands inside the statement that reads it: its gates, the variables it reads."""

    gates: list[Gate]
    reads: set[str]


class _Stager:
    def __init__(
        self, circuit: Circuit, frame: Frame, weak: Mapping[Wire, str],
        constants: Mapping[Constant, str], stages: Mapping[Wire, Wire],
    ) -> None:  # fmt: skip
        self.stages = stages
        self.circuit, self.frame, self.weak = circuit, frame, weak
        self.constant_names = constants
        self.memory = memory(circuit)
        self.uses: dict[Operand, int] = {}
        self.last_read: dict[Operand, Gate | None] = {}
        for gate in circuit.gates:
            for operand in gate.inputs:
                self.uses[operand] = self.uses.get(operand, 0) + 1
                self.last_read[operand] = gate
        for operand in circuit.outputs:
            self.uses[operand] = self.uses.get(operand, 0) + 2  # a result has a name
            self.last_read[operand] = None
        self.names = Names({n for w, n in circuit.names.items() if w not in stages})
        self.texts: dict[Operand, Text] = {}
        self.variables: dict[Operand, str] = {}
        self.lines: list[Line] = []
        self.count = 0  # statements of the forward pass
        self.numbers: dict[Wire, int] = {}
        self.pending: dict[Wire, _Inlined] = {}  # values that have no statement yet
        self.module_constants: list[str] = []
        self.helpers: dict[str, str] = {}  # functions of our own that the code needs
        self.large: dict[str, Constant] = {}

    # -- the whole ---------------------------------------------------------------------------

    def write(self) -> Staged:
        for wire in self.circuit.inputs:
            self.name(wire, self.circuit.names.get(wire, "x"), of_user=True)
        for gate in self.circuit.gates:
            self.gate(gate)
        code, marks = self.module()
        return Staged(code, self.variables, self.lines, self.numbers, self.large, marks)

    def name(self, wire: Operand, wanted: str, of_user: bool = False) -> str:
        name = self.names.of_user(wanted) if of_user else self.names.unique(wanted)
        self.variables[wire] = name
        self.texts[wire] = Text(name)
        return name

    def read(self, operand: Operand) -> Text:
        found = self.texts.get(operand)
        if found is None:
            assert isinstance(operand, Constant)
            found = self.texts[operand] = self.constant(operand)
        return found

    def constant(self, operand: Constant) -> Text:
        value = operand.value
        if not isinstance(value, np.ndarray) or value.size <= _SMALL:
            return constant(operand)
        if len(text := constant(operand)) < _INLINE:
            return text
        name = self.names.unique(self.constant_names.get(operand, "constant"))
        if value.size > _LARGEST:
            self.large[name] = operand
        else:
            self.module_constants += _wrapped(f"{name} = {text}")
        return Text(name)

    # -- one gate ----------------------------------------------------------------------------

    def gate(self, gate: Gate) -> None:
        inputs = [self.read(i) for i in gate.inputs]
        if gate.op.name == "guard":
            self.guard(gate, inputs[0])
            return
        names = self.circuit.names
        if needs_helper(gate):
            self.helpers[gate.op.name] = _source(gate)
        if len(gate.outputs) > 1:
            targets = [self.name(w, names.get(w) or self.weak.get(w, "t"), w in names)
                       for w in gate.outputs]  # fmt: skip
            text = f"{', '.join(targets)} = {expression(gate, inputs, gate.backward)}"
            self.statement(gate, _wrapped(text), gate.outputs[0])
            return
        wire = gate.output
        if gate.op.name in ("setitem", "add_at"):
            self.writing(gate, wire, inputs)
            return
        text = expression(gate, inputs, explicit=gate.backward)
        if wire not in names and self.uses.get(wire, 0) <= 1 and len(text) <= _INLINE:
            self.texts[wire] = text
            self.pending[wire] = self.inlined(gate)
            return
        if gate.backward and self.accumulates(gate, wire):
            self.settle(str(inputs[0]), gate)
            symbol = {"add": "+=", "subtract": "-="}[gate.op.name]
            name = self.again(wire, str(inputs[0]))
            self.statement(gate, _wrapped(f"{name} {symbol} {inputs[1]}"), wire)
            return
        target = self.target(gate, wire)
        self.statement(gate, _wrapped(f"{target} = {text}"), wire)

    def inlined(self, gate: Gate) -> _Inlined:
        """What a value that gets no statement of its own takes with it."""
        gates, reads = [gate], set()
        for operand in gate.inputs:
            if operand in self.variables:
                reads.add(self.variables[operand])
            inner = self.pending.pop(operand, None) if isinstance(operand, Wire) else None
            if inner is not None:
                gates += inner.gates
                reads |= inner.reads
        return _Inlined(gates, reads)

    def settle(self, variable: str, writer: Gate) -> None:
        """A variable is about to change: what still has to read its old value does so now."""
        for wire, waiting in list(self.pending.items()):
            if variable in waiting.reads and wire not in writer.inputs:
                text = self.texts[wire]
                gate = waiting.gates[0]
                name = self.target(gate, wire)
                del self.pending[wire]
                self.add_line(gate, _wrapped(f"{name} = {text}"), wire, waiting.gates)

    def accumulates(self, gate: Gate, wire: Wire) -> bool:
        """Whether the gate adds to a gradient that arrived earlier, so that ``+=`` says it."""
        first = gate.inputs[0] if gate.inputs else None
        if gate.op.name not in ("add", "subtract") or not isinstance(first, Wire):
            return False
        same = first in self.stages and self.stages[first] is self.stages.get(wire)
        if self.last_read[first] is not gate or not str(self.read(first)).isidentifier():
            return False  # the old value is still needed
        return same and (wire.type.kind != "array" or gate in self.memory.in_place)

    def target(self, gate: Gate, wire: Wire) -> str:
        """The name a gate's output gets; a gradient that grows keeps its name."""
        of = self.stages.get(wire)
        if of is not None and of in self.variables:
            first = gate.inputs[0] if gate.inputs else None
            if (isinstance(first, Wire) and self.stages.get(first) is of
                    and self.last_read[first] is gate):  # fmt: skip
                self.settle(self.variables[first], gate)
                return self.again(wire, self.variables[first])
            return self.name(wire, "d" + self.variables[of])
        if wire in self.circuit.names:
            return self.name(wire, self.circuit.names[wire], of_user=not gate.backward)
        wanted = self.weak.get(wire)
        if wanted is None:
            wanted = weak_name(gate, self.variables_of_wires(), len(self.lines))
        return self.name(wire, wanted)

    def variables_of_wires(self) -> dict[Wire, str]:
        return {w: n for w, n in self.variables.items() if isinstance(w, Wire)}

    def again(self, wire: Wire, name: str) -> str:
        """A wire that takes over the variable of an older one."""
        self.variables[wire], self.texts[wire] = name, Text(name)
        return name

    def writing(self, gate: Gate, wire: Wire, inputs: Sequence[Text]) -> None:
        """Setting or adding into part of an array."""
        in_place = gate in self.memory.in_place
        variable = str(inputs[0]).isidentifier()
        if in_place and variable:
            self.settle(str(inputs[0]), gate)
            target = self.again(wire, str(inputs[0]))
        else:
            target = self.target(gate, wire)
        lines = [part for line in write(gate, target, inputs, in_place) for part in _wrapped(line)]
        self.statement(gate, lines, wire)

    def statement(self, gate: Gate, lines: list[str], wire: Wire) -> None:
        self.add_line(gate, lines, wire, self.inlined(gate).gates)

    def add_line(self, gate: Gate, lines: list[str], wire: Wire, members: list[Gate]) -> None:
        """A statement, and the gates that are part of it."""
        if gate.backward:
            number = self.numbers.get(gate.origin.output, 0) if gate.origin else 0
            self.lines.append(Line(lines, wire, number, gate, True))
            return
        self.count += 1
        number = self.count
        for member in members:
            self.numbers.update(dict.fromkeys(member.outputs, number))
        self.lines.append(Line(lines, wire, number, gate))

    def guard(self, gate: Gate, tested: Text) -> None:
        how, told = gate.static["how"], gate.static["told"]
        where = f"line {gate.place.line} took this branch" if gate.place else "this branch"
        if how == "bool":
            condition = str(tested) if told else f"not {tested.within(66)}"
        else:
            condition = guard_condition(gate, tested).replace("!=", "==", 1)
            if condition.startswith("not "):
                condition = condition[4:]
        if len(condition) > _WIDTH:
            condition = "True"
            where = f"line {gate.place.line if gate.place else '?'} relies on the input's contents"
        self.lines.append(Line([f"assert {condition}  # {where}"]))

    # -- the module --------------------------------------------------------------------------

    def module(self) -> tuple[str, list[int]]:
        """The whole text, and for each of its lines the statement it belongs to (`Staged.marks`)."""
        forward = [line for line in self.lines if not line.backward]
        backward = [line for line in self.lines if line.backward]
        body = [*self.frame.unpack]
        if body:
            body.append("")
        body.append("# forward pass")
        marks = [0] * len(body) + [line.number for line in forward for _ in line.text]
        body += _aligned([(line.text, _comment(line, self.circuit)) for line in forward])
        body += ["", "# backward pass"]
        marks += [0, 0]
        texts = {line.number: line for line in forward if line.gate is not None}
        at = -1
        block: list[tuple[list[str], str]] = []
        for line in backward:
            if line.number != at:
                body += _aligned(block)
                block, at = [], line.number
                if line.number in texts:
                    said = _said(texts[line.number].text)
                    body.append(_short(f"# backprop {said}", f"  ({line.number})"))
                    marks.append(-line.number)
            marks += [-line.number] * len(line.text)
            block.append((line.text, _shape(line)))
        body += _aligned(block)
        outputs = [self.text_of_output(o) for o in self.circuit.outputs]
        body += ["", *_wrapped(f"return {self.frame.result(outputs)}")]
        text = "\n".join("    " + line if line else "" for line in body)
        parameters = [*self.frame.parameters, *(self.variables[w] for w in self.frame.upstream)]
        if self.large:
            parameters += ["*", *self.large]
        head = "\n".join(_wrapped(f"def {self.frame.name}({', '.join(parameters)}):", _WIDTH))
        imports = [f"import {m}" for m in ("math",) if "math." in text + str(self.module_constants)]
        used = text + str(self.module_constants) + "".join(self.helpers.values())
        imports += ["import numpy as np"] if "np." in used else []
        imports += ["import scipy.special"] if "scipy." in text else []
        note = f'"""{self.frame.note}"""' if self.frame.note else ""
        parts = [note, "\n".join(imports), "\n".join(self.module_constants)]
        parts += ["\n" + helper for helper in self.helpers.values()]
        top = "\n\n".join(p for p in parts if p)
        above = f"{top}\n\n\n{head}\n" if top else f"{head}\n"
        rest = [0] * (len(body) - len(marks))
        return f"{above}{text}\n", [0] * above.count("\n") + marks + rest

    def text_of_output(self, operand: Operand) -> str:
        return str(self.read(operand))


def _source(gate: Gate) -> str:
    """The source of an op's own function, under the op's name."""
    text = inspect.getsource(gate.op.call)
    text = text.replace(gate.op.call.__name__, gate.op.name, 1)
    return text.replace(": Any", "").replace(" -> Any", "").rstrip()


def _said(lines: Sequence[str]) -> str:
    """A statement on one line, as a comment quotes it."""
    start = next((n for n, line in enumerate(lines) if not line.endswith(".copy()")), 0)
    return " ".join(part.strip() for part in lines[start:])


def _comment(line: Line, circuit: Circuit) -> str:
    if line.gate is None:
        return ""
    shape = _shape(line)
    return f"({line.number})" + (f" {shape}" if shape else "")


def _shape(line: Line) -> str:
    if line.wire is None or not line.wire.shape:
        return ""
    return f"shape {line.wire.shape}"


def _short(text: str, tail: str) -> str:
    room = _WIDTH - len(tail) - 4
    return (text if len(text) <= room else text[: room - 3] + "...") + tail


def _aligned(block: Sequence[tuple[list[str], str]]) -> list[str]:
    """Lines with their comments in one column, where they fit."""
    widths = [len(lines[-1]) for lines, note in block if note and len(lines[-1]) <= 64]
    column = max(widths, default=0) + 2
    out: list[str] = []
    for lines, note in block:
        out += lines[:-1]
        last = lines[-1]
        out.append(f"{last:<{column}}# {note}" if note and len(last) < column
                   else f"{last}  # {note}" if note else last)  # fmt: skip
    return out


def _wrapped(text: str, room: int = _WIDTH - 4) -> list[str]:
    """A statement over several lines where one would be too long, broken inside brackets."""
    if len(text) <= room:
        return [text]
    bracket = _outer_bracket(_bare(text), room)
    if bracket is None:
        return [text]
    start, end = bracket
    parts = _parts(text[start:end])
    lines, current = [], ""
    for part in parts:
        if current and len(current) + len(part) + 1 > room - 4:
            lines.append(current)
            current = ""
        current = f"{current} {part}".strip()
    if current:
        lines.append(current)
    inside = [inner for line in lines for inner in _wrapped(line, room - 4)]
    return [text[:start], *["    " + line for line in inside], text[end:]]


_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'" r'|"(?:\\.|[^"\\])*"')


def _bare(text: str) -> str:
    """Code with nothing in its quotes, as long as before: what stands there is no code."""
    return _QUOTED.sub(lambda found: "'" + "_" * (len(found[0]) - 2) + "'", text)


def _outer_bracket(text: str, room: int) -> tuple[int, int] | None:
    """Where the widest outermost bracket of a line begins and ends inside."""
    best, depth, start = None, 0, 0
    for n, c in enumerate(text):
        if c in "([{":
            if depth == 0:
                start = n + 1
            depth += 1
        elif c in ")]}":
            depth -= 1
            if depth == 0 and (best is None or n - start > best[1] - best[0]):
                best = (start, n)
    return best if best is not None and best[1] - best[0] > 12 else None


def _parts(inside: str) -> list[str]:
    """What stands between brackets, cut at its commas, or else before its operators."""
    for cut in (_at_commas, _at_operators):
        parts = cut(inside)
        if len(parts) > 1:
            return parts
    return [inside]


def _at_commas(inside: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for n, c in enumerate(_bare(inside), 1):
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth == 0:
            parts.append(inside[start:n].strip())
            start = n
    return [*parts, inside[start:].strip()] if inside[start:].strip() else parts


def _at_operators(inside: str) -> list[str]:
    parts, depth, start = [], 0, 0
    bare = _bare(inside)
    for n, c in enumerate(bare):
        depth += (c in "([{") - (c in ")]}")
        if depth == 0 and c in "+-*/@" and bare[n - 1 : n] == " " and bare[n + 1 : n + 2] == " ":
            parts.append(inside[start:n].strip())
            start = n
    return [*parts, inside[start:].strip()]
