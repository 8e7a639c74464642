"""Folding: a group becomes one node, its inside is not seen. Which groups, is said here, too."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from glassgrad.show.graph import Graph, Group, Node

__all__ = ["default_folds", "folded"]

#: So many nodes may be seen before groups are folded.
MANY = 32


def default_folds(graph: Graph, most: int = MANY) -> frozenset[int]:
    """The groups to fold so that at most about `most` nodes are seen.

    Everything is open where there are few nodes. Else all groups begin folded, and are opened from
    the outside in as long as there is room; the turns of a loop, and the calls of one helper in
    them, are opened together or not at all.
    """
    if len(graph.nodes) <= most:
        return frozenset()
    inside = [0] * len(graph.groups)  # nodes and groups that stand directly in each group
    seen = 0
    for node in graph.nodes:
        if node.group is None:
            seen += 1
        else:
            inside[node.group] += 1
    alike: dict[tuple[str, ...], list[int]] = {}
    path: list[tuple[str, ...]] = []
    for number, group in enumerate(graph.groups):
        if group.parent is None:
            seen += 1
        else:
            inside[group.parent] += 1
        above = path[group.parent] if group.parent is not None else ()
        path.append((*above, group.kind if group.kind == "turn" else group.label))
        alike.setdefault(path[-1], []).append(number)
    closed = set(range(len(graph.groups)))
    opened: set[tuple[str, ...]] = {()}
    for way in sorted(alike, key=len):
        more = sum(inside[n] - 1 for n in alike[way])
        if way[:-1] in opened and seen + more <= most:
            seen += more
            opened.add(way)
            closed.difference_update(alike[way])
    return frozenset(closed)


def folded(graph: Graph, folds: Collection[int]) -> Graph:
    """The graph with these groups folded; those inside them are gone with them.

    Wires keep their numbers; those inside a folded group have no ends.
    """
    if not folds:
        return graph
    outer: list[int | None] = []  # for each group the outermost folded one around it
    for number, group in enumerate(graph.groups):
        above = outer[group.parent] if group.parent is not None else None
        outer.append(above if above is not None else number if number in folds else None)
    open_ = [n for n in range(len(graph.groups)) if outer[n] is None]
    new = {old: n for n, old in enumerate(open_)}
    groups = tuple(
        replace(g, parent=None if g.parent is None else new[g.parent])
        for g in (graph.groups[n] for n in open_)
    )
    members: dict[int, list[Node]] = {}
    outside: list[Node] = []
    for node in graph.nodes:
        at = outer[node.group] if node.group is not None else None
        if at is None:
            outside.append(node)
        else:
            members.setdefault(at, []).append(node)
    driver = {w: at for at, nodes in members.items() for n in nodes for w in n.outputs}
    needed: dict[int, None] = {}  # wires a folded group drives and something outside of it reads
    for node in graph.nodes:
        at = outer[node.group] if node.group is not None else None
        needed.update(dict.fromkeys(w for w in node.inputs if driver.get(w, at) != at))
    result: list[Node] = []
    done: set[int] = set()
    for node in graph.nodes:
        at = outer[node.group] if node.group is not None else None
        if at is None:
            result.append(replace(node, group=None if node.group is None else new[node.group]))
        elif at not in done:
            done.add(at)
            result.append(_one(graph.groups[at], at, members[at], needed, new))
    return Graph(graph.name, tuple(result), graph.wires, groups)


def _one(
    group: Group, number: int, nodes: list[Node], needed: dict[int, None], new: dict[int, int]
) -> Node:
    own = {w for n in nodes for w in n.outputs}
    reads = dict.fromkeys(w for n in nodes for w in n.inputs if w not in own)
    gives = [w for n in nodes for w in n.outputs if w in needed]
    parent = new[group.parent] if group.parent is not None else None
    return Node("group", group.label, tuple(reads), tuple(gives), line=group.line, group=parent,
                gates=group.gates, turns=group.turns, folds=number)  # fmt: skip
