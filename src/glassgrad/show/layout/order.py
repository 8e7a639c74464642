"""The order within each column: few crossings, found by sweeps and by swapping neighbours.

A *graph* here is layered and proper: wires that pass a column have a vertex of their own there (a
*lane*, shared by all readers further right), so every edge goes from one column to the next. Edges
end at ports, and the order of ports counts.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field

from glassgrad.show.layout.model import Net

__all__ = ["Edge", "Layered", "arrange", "crossings", "layered"]

_SWEEPS = 24
_PATIENCE = 4  # sweeps without a better result
_SWAPS = 60_000  # edges looked at while neighbours are swapped


@dataclass(frozen=True, slots=True)
class Edge:
    """From a port of a vertex to a port of one in the next column; `net` is the wire it is of."""

    source: int
    out: int
    target: int
    into: int
    net: int


@dataclass(slots=True)
class Layered:
    """A proper layered graph: vertices below `boxes` are boxes, the others lanes.

    Attributes
    ----------
    columns
        The vertices of each column, from top to bottom.
    right, left
        The edges of each vertex to the next column and to the one before.
    outs, ins
        How many ports each vertex has on its right and left.
    net_of
        The wire of each lane, by vertex.
    """

    boxes: int
    rank: list[int]
    columns: list[list[int]]
    right: list[list[Edge]]
    left: list[list[Edge]]
    outs: list[int]
    ins: list[int]
    net_of: dict[int, int] = field(default_factory=dict)


def layered(
    rank: Sequence[int], nets: Sequence[Net], outs: Sequence[int], ins: Sequence[int]
) -> Layered:
    """Boxes and wires as a proper layered graph, each column in the order of its numbers."""
    count = len(rank)
    graph = Layered(count, list(rank), [[] for _ in range(max(rank, default=0) + 1)],
                    [[] for _ in range(count)], [[] for _ in range(count)],
                    list(outs), list(ins))  # fmt: skip
    for box in range(count):
        graph.columns[rank[box]].append(box)
    for number, net in enumerate(nets):
        if not net.sinks:
            continue
        carrier, port, at = net.source, net.port, rank[net.source]
        by_rank: dict[int, list[tuple[int, int]]] = {}
        for sink in net.sinks:
            by_rank.setdefault(rank[sink[0]], []).append(sink)
        for column in range(at + 1, max(by_rank) + 1):
            lane = -1
            if column < max(by_rank):
                lane = len(graph.right)
                graph.right.append([])
                graph.left.append([])
                graph.outs.append(1)
                graph.ins.append(1)
                graph.rank.append(column)
                graph.columns[column].append(lane)
                graph.net_of[lane] = number
            ends = [*by_rank.get(column, ()), *([(lane, 0)] if lane >= 0 else [])]
            for target, into in ends:
                edge = Edge(carrier, port, target, into, number)
                graph.right[carrier].append(edge)
                graph.left[target].append(edge)
            carrier, port = lane, 0
    return graph


def crossings(graph: Layered, columns: Sequence[Sequence[int]]) -> int:
    """How many pairs of wires cross between columns in this order; ports count, too.

    Examples
    --------
    >>> swapped = [Net(0, 0, ((3, 0),)), Net(1, 0, ((2, 0),))]
    >>> graph = layered([0, 0, 1, 1], swapped, [1, 1, 0, 0], [0, 0, 1, 1])
    >>> crossings(graph, graph.columns), crossings(graph, [[0, 1], [3, 2]])
    (1, 0)
    """
    return sum(_between(graph, columns[c], columns[c + 1]) for c in range(len(columns) - 1))


def _between(graph: Layered, first: Sequence[int], second: Sequence[int]) -> int:
    start: dict[int, int] = {}
    at = 0
    for vertex in second:
        start[vertex] = at
        at += graph.ins[vertex]
    seen: list[int] = []
    total = 0
    for vertex in first:
        edges = graph.right[vertex]
        if not edges:
            continue
        ends = [(e.out, start[e.target] + e.into) for e in edges]
        ends.sort()
        # Edges from one port are one wire; they do not cross each other.
        done = 0
        while done < len(ends):
            stop = done
            while stop < len(ends) and ends[stop][0] == ends[done][0]:
                stop += 1
            for _, end in ends[done:stop]:
                total += len(seen) - bisect_right(seen, end)
            for _, end in ends[done:stop]:
                insort(seen, end)
            done = stop
    return total


def arrange(graph: Layered) -> list[list[int]]:
    """The columns in an order with few crossings."""
    columns = [list(c) for c in graph.columns]
    edges = sum(map(len, graph.right))
    if not edges:
        return columns
    for at in range(1, len(columns)):  # a first order, from the left
        _sweep(graph, columns, at, at - 1)
    best, fewest = [list(c) for c in columns], crossings(graph, columns)
    stale = 0
    for sweep in range(max(4, min(_SWEEPS, 400_000 // edges))):
        if not fewest or stale >= _PATIENCE:
            break
        if sweep % 2 == 0:
            for at in range(len(columns) - 2, -1, -1):
                _sweep(graph, columns, at, at + 1)
        else:
            for at in range(1, len(columns)):
                _sweep(graph, columns, at, at - 1)
        swapped = [list(c) for c in columns]
        _swap(graph, swapped)
        found = crossings(graph, swapped)
        stale += 1
        if found < fewest:
            best, fewest, stale = swapped, found, 0
            columns = [list(c) for c in swapped]
    return best


def _sweep(graph: Layered, columns: list[list[int]], at: int, fixed: int) -> None:
    """Sort a column by the mean position of its neighbours in the fixed column beside it."""
    place = {v: n for n, v in enumerate(columns[fixed])}
    leftwards = fixed < at
    keys: dict[int, float] = {}
    for n, vertex in enumerate(columns[at]):
        total, edges = 0.0, graph.left[vertex] if leftwards else graph.right[vertex]
        for edge in edges:
            if leftwards:
                total += place[edge.source] + (edge.out + 1) / (graph.outs[edge.source] + 1)
            else:
                total += place[edge.target] + (edge.into + 1) / (graph.ins[edge.target] + 1)
        keys[vertex] = total / len(edges) if edges else -1.0 - n
    known = sorted((v for v in columns[at] if keys[v] >= 0), key=lambda v: keys[v])
    rest = iter(known)  # what has no neighbours there keeps its place
    columns[at][:] = [next(rest) if keys[v] >= 0 else v for v in columns[at]]


def _swap(graph: Layered, columns: list[list[int]]) -> None:
    """Swap neighbours for as long as that takes crossings away."""
    budget = _SWAPS
    improved = True
    while improved and budget > 0:
        improved = False
        for at, column in enumerate(columns):
            if len(column) < 2:
                continue
            ends: dict[int, tuple[list[tuple[int, int]], list[tuple[int, int]]]] = {}
            before = {v: n for n, v in enumerate(columns[at - 1])} if at else {}
            after = {v: n for n, v in enumerate(columns[at + 1])} if at + 1 < len(columns) else {}
            for v in column:
                ends[v] = (sorted((before[e.source], e.out) for e in graph.left[v]),
                           sorted((after[e.target], e.into) for e in graph.right[v]))  # fmt: skip
            for n in range(len(column) - 1):
                u, v = column[n], column[n + 1]
                budget -= 1 + sum(map(len, ends[u])) + sum(map(len, ends[v]))
                gain = 0
                for side in (0, 1):
                    gain += _inversions(ends[u][side], ends[v][side])
                    gain -= _inversions(ends[v][side], ends[u][side])
                if gain > 0:
                    column[n], column[n + 1] = v, u
                    improved = True


def _inversions(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> int:
    """Pairs with an end of the first behind one of the second; both are sorted."""
    total = at = 0
    for end in first:
        while at < len(second) and second[at] < end:
            at += 1
        total += at
    return total
