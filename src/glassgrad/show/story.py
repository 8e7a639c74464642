"""The story the notes tell, step by step, of one record.

Forward, each gate computes its output and its local gradients; then backward, each gate gets its
upstream gradient and multiplies. Here is which step tells what, what is known by then, and each
step in words; not how it is drawn. `web/src/story.ts` has the same steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from glassgrad.microscope import Backprop
from glassgrad.show.graph import Graph, Node, origin_of
from glassgrad.show.local import Local, local_of
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
    """

    graph: Graph
    steps: tuple[Step, ...]
    local: Local

    def told(self, count: int) -> Told:
        """What is known after so many steps; inputs are known from the beginning."""
        graph = self.graph
        values = {w for n in graph.nodes if n.kind in ("input", "constant") for w in n.outputs}
        waiting: dict[int, int] = {}  # by wire: readers that have not handed back yet
        back = set()
        for at, step in enumerate(self.steps):
            node = graph.nodes[step.node]
            if step.kind == "forward":
                values.update(node.outputs if at < count else ())
                continue
            for wire in {w for w in node.inputs if graph.wires[w].gradient is not None}:
                waiting[wire] = waiting.get(wire, 0) + (at >= count)
                if at < count:
                    back.add(wire)
        gradients = {w for w in back if not waiting[w]}
        if count >= len(self.steps):  # what nothing is handed to is zero all along
            gradients = {n for n, w in enumerate(graph.wires) if w.gradient is not None}
        return Told(frozenset(values), frozenset(gradients))

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
        lines = [f"{node.op} gets {given}, computes {made}." if given else f"{node.op}: {made}."]
        known = [(w, v) for w, v in zip(node.inputs, self._locals(node)) if v is not None]
        if known and node.outputs:
            out = self._name(node.outputs[0])
            said = ", ".join(f"d{out}/d{self._name(w)} = {_said(v)}" for w, v in known)
            lines.append(f"By itself it knows its local gradients: {said}.")
        return lines

    def _seed(self, at: int, node: Node) -> list[str]:
        return [f"The gradient of {self._name(node.inputs[0])} with respect to itself is 1."]

    def _backward(self, at: int, node: Node) -> list[str]:
        wires = self.graph.wires
        arrived = [w for w in node.outputs if wires[w].gradient is not None]
        told = " and ".join(f"{_said(wires[w].gradient)} for {self._name(w)}" for w in arrived)
        lines = [f"{node.op} gets its upstream gradient: {told}."]
        upstream = wires[arrived[0]].gradient
        whole = self.told(at + 1).gradients
        for wire, local in zip(node.inputs, self._locals(node)):
            if wires[wire].gradient is None:
                continue
            name = self._name(wire)
            if local is not None and not np.ndim(local) and not np.ndim(upstream):
                with np.errstate(all="ignore"):
                    product = local * upstream
                text = f"to {name}: {_said(local)} * {_said(upstream)} = {_said(product)}"
            else:
                text = f"to {name}: {shape(wires[wire].value) or 'one number'}"
            if self._readers(wire) > 1:
                rest = f"; all of it adds up to {_said(wires[wire].gradient)}"
                text += rest if wire in whole else "; more will be added"
            lines.append(text)
        return [*lines, f"({node.op} {node.says})"] if node.says else lines

    def _readers(self, wire: int) -> int:
        """How many ports hand something back to a wire."""
        graph = self.graph
        return sum(
            graph.nodes[s.node].inputs.count(wire) for s in self.steps if s.kind != "forward"
        )

    def _locals(self, node: Node) -> list[Any]:
        """The local gradient for each port of a node."""
        found = self.local.of(node.number)
        return [found[n] if n < len(found) else None for n in node.operands]

    def _name(self, wire: int) -> str:
        name = self.graph.wires[wire].name
        if name:
            return name
        driver = next((n for n in self.graph.nodes if wire in n.outputs), None)
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
    return Story(graph, tuple(steps), local_of(origin, record.study))


def _has_gradient(graph: Graph, wires: Sequence[int]) -> bool:
    return any(graph.wires[w].gradient is not None for w in wires)


def _said(value: Any) -> str:
    dims = shape(value)
    return f"{dims} ({summary(value)})" if dims else number(value)
