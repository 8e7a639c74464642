"""The story the notes tell, step by step, of one record.

Forward, each gate computes its output and its local gradients; then backward, each gate gets its
upstream gradient and multiplies. Here is which step tells what, what is known by then, and each
step in words; not how it is drawn. `web/src/story.ts` has the same steps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from glassgrad.microscope import Backprop
from glassgrad.show.graph import Graph, Node, origin_of
from glassgrad.show.local import Local, local_of
from glassgrad.show.symbols import bare
from glassgrad.show.values import number, shape, summary

__all__ = ["Step", "Story", "Told", "story"]


@dataclass(frozen=True)
class Step:
    """One step: what happens to which node."""

    kind: Literal["forward", "seed", "backward"]
    node: int


@dataclass(frozen=True)
class Told:
    """What is known after some steps: wires whose value, and whose whole gradient, was told."""

    values: frozenset[int]
    gradients: frozenset[int]


@dataclass(frozen=True)
class Story:
    """The steps of one record.

    Attributes
    ----------
    graph
        What they are told of.
    steps
        In order.
    local
        The local gradients.
    seeds
        By output node the gradient that was given for it; without it 1.
    """

    graph: Graph
    steps: tuple[Step, ...]
    local: Local
    seeds: Mapping[int, Any]

    def told(self, count: int) -> Told:
        """What is known after so many steps; inputs are known from the beginning."""
        values, gradients = self._when
        return Told(frozenset(w for w, step in values.items() if step <= count),
                    frozenset(w for w, step in gradients.items() if step <= count))  # fmt: skip

    @cached_property
    def _when(self) -> tuple[dict[int, int], dict[int, int]]:
        """After how many steps the value, and the whole gradient, of each wire is told."""
        graph = self.graph
        values = {w: 0 for n in graph.nodes if n.kind in ("input", "constant") for w in n.outputs}
        # What nothing is handed to is zero all along; it is told at the end.
        gradients = {
            n: len(self.steps) for n, w in enumerate(graph.wires) if w.gradient is not None
        }
        for count, step in enumerate(self.steps, 1):
            node = graph.nodes[step.node]
            if step.kind == "forward":
                values.update(dict.fromkeys(node.outputs, count))
            else:  # the last reader to hand something back makes it whole
                gradients.update({w: count for w in node.inputs if w in gradients})
        return values, gradients

    @cached_property
    def _readers(self) -> Counter[int]:
        """How many ports hand something back to each wire."""
        nodes = self.graph.nodes
        return Counter(w for s in self.steps if s.kind != "forward" for w in nodes[s.node].inputs)

    @cached_property
    def _drivers(self) -> dict[int, Node]:
        return {w: n for n in self.graph.nodes for w in n.outputs}

    def words(self, at: int) -> list[str]:
        """A step in a few lines of words and numbers."""
        step = self.steps[at]
        node = self.graph.nodes[step.node]
        where = f"line {node.line}: {node.statement}" if node.line and node.statement else ""
        head = f"{step.kind} {at + 1} of {len(self.steps)}" + (f" · {where}" if where else "")
        tell = {"forward": self._forward, "seed": self._seed, "backward": self._backward}
        return [head, *tell[step.kind](at, node)]

    def _forward(self, at: int, node: Node) -> list[str]:
        given = " and ".join(f"{self._name(w)} = {self._value(w)}" for w in node.inputs)
        made = " and ".join(f"{self._name(w)} = {self._value(w)}" for w in node.outputs)
        gate = self._gate(node)
        lines = [f"{gate} gets {given}, computes {made}." if given else f"{gate}: {made}."]
        known = [(w, v) for w, v in zip(node.inputs, self._locals(node)) if v is not None]
        if known and node.outputs:
            out = self._name(node.outputs[0])
            said = ", ".join(f"d{out}/d{self._name(w)} = {_said(v)}" for w, v in known)
            lines.append(f"By itself it knows its local gradients: {said}.")
        return lines

    def _seed(self, at: int, node: Node) -> list[str]:
        name, given = self._name(node.inputs[0]), self.seeds.get(node.number)
        if given is None:
            return [f"The gradient of {name} with respect to itself is 1."]
        return [f"The gradient that was given for {name} is {_said(given)}."]

    def _backward(self, at: int, node: Node) -> list[str]:
        wires = self.graph.wires
        arrived = [w for w in node.outputs if wires[w].gradient is not None]
        told = " and ".join(f"{_said(wires[w].gradient)} for {self._name(w)}" for w in arrived)
        lines = [f"{self._gate(node)} gets its upstream gradient: {told}."]
        upstream = wires[arrived[0]].gradient
        _, whole = self._when
        for wire, local in zip(node.inputs, self._locals(node)):
            if wires[wire].gradient is None:
                continue
            name = self._name(wire)
            if local is not None and not np.ndim(local) and not np.ndim(upstream):
                with np.errstate(all="ignore"):
                    product = local * upstream
                text = f"to {name}: {_said(local)} * {_said(upstream)} = {_said(product)}"
            else:
                text = f"to {name}: {_kind(wires[wire].value)}"
                if self._readers[wire] == 1:
                    text = f"to {name}: {_said(wires[wire].gradient)}"
            if self._readers[wire] > 1:
                rest = f"; all of it adds up to {_said(wires[wire].gradient)}"
                text += rest if whole[wire] <= at + 1 else "; more will be added"
            lines.append(text)
        return [*lines, f"({node.op} {node.says})"] if node.says else lines

    def _gate(self, node: Node) -> str:
        """What a gate is called; with its sign where that says more than the inputs do."""
        return node.op if node.symbol == bare(node.op) else f"{node.op} ({node.symbol})"

    def _locals(self, node: Node) -> list[Any]:
        """The local gradient for each port of a node."""
        found = self.local.of(node.number)
        return [found[n] if n < len(found) else None for n in node.operands]

    def _name(self, wire: int) -> str:
        name = self.graph.wires[wire].name
        if name:
            return name
        driver = self._drivers.get(wire)
        return f"[{driver.symbol}]" if driver is not None else "[?]"

    def _value(self, wire: int) -> str:
        return _said(self.graph.wires[wire].value)


def story(record: Backprop) -> Story:
    """The story of a record."""
    origin = origin_of(record)
    graph = origin.graph
    gates = [n.number for n in graph.nodes if n.kind == "gate"]
    outputs = [n.number for n in graph.nodes if n.kind == "output"]
    back = [n for n in reversed(gates) if _has_gradient(graph, graph.nodes[n].outputs)]
    steps = [Step("forward", n) for n in gates]
    steps += [Step("seed", n) for n in outputs]
    steps += [Step("backward", n) for n in back]
    return Story(graph, tuple(steps), local_of(origin, record.study), origin.seeds)


def _has_gradient(graph: Graph, wires: Sequence[int]) -> bool:
    return any(graph.wires[w].gradient is not None for w in wires)


def _said(value: Any) -> str:
    return f"{_kind(value)} ({summary(value)})" if np.ndim(value) else number(value)


def _kind(value: Any) -> str:
    """What kind of value it is: ``an array of 4x3``, by its shape alone."""
    return f"an array of {shape(value)}" if np.ndim(value) else "one number"
