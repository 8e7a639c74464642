"""Levels: the outermost part of a graph, and the inside of each group, each drawn by itself.

Whoever opens and closes groups by hand, as the page does, sets a group's level into the box that
stands for it one level up, so every state of folding comes from one layout. It knows which wires
cross a group's edge, and in which order they meet it; it does not know which groups are open.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from glassgrad.show.graph import Graph, Node
from glassgrad.show.metrics import PAGE, Metrics
from glassgrad.show.picture import Picture, picture

__all__ = ["levels"]


def levels(graph: Graph, metrics: Metrics = PAGE) -> tuple[Picture, ...]:
    """One picture for the outermost level, then one for each group, in the order of the groups.

    The groups directly within a level are single nodes there. Where a wire crosses the edge of a
    group's level stands a shape of form "edge", kind "enter" or "leave"; the ports of the node
    that stands for the group come in the same order, from the top.
    """
    inside = _Inside(graph)
    drawn: dict[int, Picture] = {}
    for group in range(len(graph.groups) - 1, -1, -1):  # a parent stands before its children
        drawn[group] = picture(inside.level(group), (), metrics)
        inside.ordered(group, drawn[group])
    root = picture(inside.level(None), (), metrics)
    return (root, *(drawn[g] for g in range(len(graph.groups))))


@dataclass
class _Crossing:
    """The wires that enter a group and those that leave it, in the order of its node's ports."""

    enter: list[int]
    leave: list[int]


class _Inside:
    """What stands directly in each group, and what crosses its edge."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: dict[int | None, list[Node]] = {}
        self.children: dict[int | None, list[int]] = {}
        self.first: dict[int, int] = {}  # of each group, the first node in it
        for node in graph.nodes:
            self.nodes.setdefault(node.group, []).append(node)
            for group in self.chain(node.group):
                self.first.setdefault(group, node.number)
        for number, each in enumerate(graph.groups):
            self.children.setdefault(each.parent, []).append(number)
        self.crossing = [_Crossing([], []) for _ in graph.groups]
        self._cross()

    def chain(self, group: int | None) -> list[int]:
        """A group and those around it, from the inside out."""
        found = []
        while group is not None:
            found.append(group)
            group = self.graph.groups[group].parent
        return found

    def _cross(self) -> None:
        driver = {w: n.group for n in self.graph.nodes for w in n.outputs}
        enter: list[dict[int, None]] = [{} for _ in self.crossing]
        leave: list[dict[int, None]] = [{} for _ in self.crossing]
        for node in self.graph.nodes:
            reader = self.chain(node.group)
            for wire in node.inputs:
                source = self.chain(driver[wire])
                for group in reader:
                    if group not in source:
                        enter[group][wire] = None
                for group in source:
                    if group not in reader:
                        leave[group][wire] = None
        self.crossing = [_Crossing(list(a), list(b)) for a, b in zip(enter, leave, strict=True)]

    def level(self, group: int | None) -> Graph:
        """What stands directly in a group, as a graph of its own; the whole graph's wires."""
        graph = self.graph
        placed = [(n.number, _outside(n)) for n in self.nodes.get(group, [])]
        for child in self.children.get(group, []):
            of, crossing = graph.groups[child], self.crossing[child]
            node = Node("group", of.label, tuple(crossing.enter), tuple(crossing.leave),
                        line=of.line, gates=of.gates, turns=of.turns, folds=child)  # fmt: skip
            placed.append((self.first.get(child, len(graph.nodes)), node))
        placed.sort(key=lambda p: p[0])
        nodes = [n for _, n in placed]
        if group is not None:
            crossing = self.crossing[group]
            nodes = [*(Node("enter", "", (), (w,)) for w in crossing.enter), *nodes,
                     *(Node("leave", "", (w,)) for w in crossing.leave)]  # fmt: skip
        return Graph(graph.name, tuple(nodes), graph.wires, ())

    def ordered(self, group: int, drawn: Picture) -> None:
        """The ports of a group's node come in the order in which its level's edge is met."""
        heights = {(s.node.kind, (s.node.inputs + s.node.outputs)[0]): s.place.y
                   for s in drawn.shapes if s.form == "edge"}  # fmt: skip
        crossing = self.crossing[group]
        crossing.enter.sort(key=lambda w: heights["enter", w])
        crossing.leave.sort(key=lambda w: heights["leave", w])


def _outside(node: Node) -> Node:
    """A node as it stands in its level, which has no groups."""
    return replace(node, group=None)
