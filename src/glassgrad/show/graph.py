"""A record as a graph to look at: inputs, gates, outputs, the wires between, groups around them.

It says what there is to be seen, not where it stands or how it looks. Left out is what the result
does not depend on, and guards, which compute nothing; a pattern that is one gate to a mathematician
(``1 / (1 + exp(-x))``) is one gate here, as it is to backpropagation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from glassgrad.circuit import Circuit, Constant, Gate, Operand, Scope, Wire, WireType
from glassgrad.microscope import Backprop
from glassgrad.show.symbols import symbol
from glassgrad.tracing.source import source_line

__all__ = ["Flow", "Graph", "Group", "Node", "Origin", "graph_of", "origin_of"]

_NAMED_BY_CODE = 2_000  # gates: beyond, wires have the user's names without numbers behind


@dataclass(frozen=True)
class Flow:
    """What flows through one wire.

    Attributes
    ----------
    name
        The user's name for it, as in the staged code; empty where there is none.
    type
        Shape, dtype and kind.
    value
        The value that flowed forward.
    gradient
        Of the output with respect to it; None where none flows.
    """

    name: str
    type: WireType
    value: Any
    gradient: Any


@dataclass(frozen=True)
class Node:
    """An input, a gate, an array constant, an output, or a folded group.

    Attributes
    ----------
    kind
        "input", "gate", "constant", "output" or "group"; "enter" and "leave" are where wires
        cross the edge of a group that is drawn by itself.
    op
        The op's name; empty but for gates.
    symbol
        What is written on it: ``+``, ``exp``, ``*2``, an input's name, a group's label.
    says
        What the gate does to a gradient, in a sentence.
    line, statement
        Of the user's source; None and empty where there is none.
    inputs, outputs
        Numbers of wires, in the order of the arguments and results.
    group
        Number of the group it stands in; None outside of all.
    gates
        How many gates it stands for.
    turns
        How many turns a folded loop has; else 0.
    folds
        The group that is folded into it.
    operands
        For each of the inputs, the number of the gate's operand it is: numbers that stand in the
        code have no wire.
    number
        Its number in the whole graph; -1 where it is made for one drawing.
    """

    kind: Literal["input", "gate", "constant", "output", "group", "enter", "leave"]
    symbol: str
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    op: str = ""
    says: str = ""
    line: int | None = None
    statement: str = ""
    group: int | None = None
    gates: int = 0
    turns: int = 0
    folds: int | None = None
    operands: tuple[int, ...] = ()
    number: int = -1


@dataclass(frozen=True)
class Group:
    """A helper of the user's, a loop, or one turn of it.

    Attributes
    ----------
    kind
        "call", "loop" or "turn".
    label
        What it is called.
    line
        Of the user's source, where it is called or begins.
    parent
        Number of the group around it, which stands before it; None outside of all.
    gates
        How many gates it holds, those of its groups too.
    turns
        How many turns a loop has; else 0.
    number
        Its number in the whole graph.
    """

    kind: str
    label: str
    line: int
    parent: int | None
    gates: int
    turns: int = 0
    number: int = -1


@dataclass(frozen=True)
class Graph:
    """Nodes in the order of the forward pass, wires, groups; they refer to each other by number."""

    name: str
    nodes: tuple[Node, ...]
    wires: tuple[Flow, ...]
    groups: tuple[Group, ...]

    @property
    def gates(self) -> int:
        """How many gates there are, folded ones too."""
        return sum(n.gates for n in self.nodes)


@dataclass(frozen=True)
class Origin:
    """A graph with what its nodes and wires were made from.

    Attributes
    ----------
    graph
        The graph.
    gates
        The gate of each node; None where it is none.
    operands
        The wire or constant of each wire, by number.
    seeds
        By output node the gradient that was given for it; empty where the one output's is 1.
    """

    graph: Graph
    gates: tuple[Gate | None, ...]
    operands: tuple[Operand, ...]
    seeds: Mapping[int, Any]


def graph_of(record: Backprop) -> Graph:
    """The graph of one evaluation."""
    return origin_of(record).graph


def origin_of(record: Backprop) -> Origin:
    """The graph of one evaluation, and what it was made from."""
    study = record.study
    circuit = study.recorded.circuit
    gates = _seen(circuit, study.recognised)
    codenames: Mapping[Operand, str] = {}
    if len(circuit.gates) <= _NAMED_BY_CODE:
        codenames = study.staged.names
    numbers: dict[Operand, int] = {}
    wires: list[Flow] = []
    nodes: list[Node] = []
    made: dict[int, Gate] = {}  # by number of the node

    def number(operand: Operand) -> int:
        found = numbers.get(operand)
        if found is None:
            found = numbers[operand] = len(wires)
            name = circuit.names.get(operand, "") if isinstance(operand, Wire) else ""
            if name:
                name = codenames.get(operand, name)
            wires.append(Flow(name, operand.type, study.value_of(operand),
                              study.gradient_of(operand)))  # fmt: skip
        return found

    for wire in circuit.inputs:
        at = number(wire)
        nodes.append(Node("input", wires[at].name or "input", (), (at,)))
    used = {i for g in gates for i in g.inputs} | set(circuit.outputs)
    groups, group_of = _groups(gates)
    array_names = {id(c): n for c, n in study.array_names.items()}

    def constants(operands: Sequence[Operand], group: int | None) -> None:
        for operand in operands:
            if isinstance(operand, Constant) and operand not in numbers:
                label = array_names.get(id(operand), "")
                shown = label or "constant"
                nodes.append(Node("constant", shown, (), (number(operand),), group=group))

    for gate in gates:
        text, kept = symbol(gate)
        group = group_of.get(id(gate))
        reads = [gate.inputs[n] for n in kept]
        constants(reads, group)
        made[len(nodes)] = gate
        line = gate.place.line if gate.place is not None else None
        nodes.append(Node(
            "gate", text, tuple(number(i) for i in reads),
            tuple(number(w) for w in gate.outputs if w in used), gate.op.name, gate.op.says, line,
            source_line(gate.place.file, line) if gate.place is not None and line else "",
            group, 1, operands=kept,
        ))  # fmt: skip
    constants(circuit.outputs, None)
    given = study.backward.circuit.inputs[len(circuit.inputs) :]
    seeds = {len(nodes) + n: study.values[wire] for n, wire in enumerate(given)}
    nodes += [Node("output", wires[number(o)].name, (number(o),)) for o in circuit.outputs]
    name = getattr(study.function, "__name__", "function").strip("<>")
    graph = Graph(name, tuple(replace(n, number=at) for at, n in enumerate(nodes)), tuple(wires),
                  tuple(groups))  # fmt: skip
    return Origin(graph, tuple(made.get(n) for n in range(len(nodes))), tuple(numbers), seeds)


def _seen(circuit: Circuit, recognised: Mapping[Wire, Gate]) -> list[Gate]:
    """The gates that the outputs depend on, with one gate for each pattern."""
    needed: set[Operand] = set(circuit.outputs)
    kept: list[Gate] = []
    for gate in reversed(circuit.gates):
        if any(w in needed for w in gate.outputs):
            shown = recognised.get(gate.outputs[0], gate)
            kept.append(shown)
            needed.update(shown.inputs)
    kept.reverse()
    return kept


def _groups(gates: Sequence[Gate]) -> tuple[list[Group], dict[int, int]]:
    """The groups worth a box, and the group of each gate (by id).

    Not worth one: what holds a single gate, the only turn of a loop, a helper that does it all.
    """
    counts: dict[Scope, int] = {}
    turns: dict[Scope, int] = {}
    for gate in gates:
        scope = gate.place.scope if gate.place is not None else None
        while scope is not None:
            if scope not in counts and scope.kind == "turn" and scope.parent is not None:
                turns[scope.parent] = turns.get(scope.parent, 0) + 1
            counts[scope] = counts.get(scope, 0) + 1
            scope = scope.parent

    def worth(scope: Scope) -> bool:
        only = scope.kind == "turn" and scope.parent is not None and turns[scope.parent] == 1
        all_there_is = scope.kind == "call" and counts[scope] == len(gates)
        return counts[scope] > 1 and not only and not all_there_is

    groups: list[Group] = []
    known: dict[Scope, int | None] = {}

    def find(scope: Scope | None) -> int | None:
        chain: list[Scope] = []
        while scope is not None and scope not in known:
            chain.append(scope)
            scope = scope.parent
        found = known[scope] if scope is not None else None
        for each in reversed(chain):
            if worth(each):
                label = f"{each.label} #{each.number}" if each.kind == "turn" else each.label
                label += "()" if each.kind == "call" else ""
                groups.append(Group(each.kind, label, each.line, found, counts[each],
                                    turns.get(each, 0), len(groups)))  # fmt: skip
                found = len(groups) - 1
            known[each] = found
        return found

    places: dict[int, int] = {}
    for gate in gates:
        group = find(gate.place.scope) if gate.place is not None else None
        if group is not None:
            places[id(gate)] = group
    return groups, places
