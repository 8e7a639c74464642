"""How high everything stands: Brandes and Köpf's method, with ports and sizes.

Vertices joined by straight wires form *blocks*; blocks are packed as close as their order allows.
Four packings (from the left or right, from above or below) compete: the one with the shortest and
straightest wires is taken. Sources: Brandes and Köpf, "Fast and simple horizontal coordinate
assignment", GD 2001; ports and sizes after Rüegg et al., "Size- and port-aware horizontal node
coordinate assignment", GD 2015; packing in two passes as dagre does it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from glassgrad.show.layout.model import Box, Spacing
from glassgrad.show.layout.order import Edge, Layered

__all__ = ["heights"]

_BEND = 12.0  # a bend costs as much as this length of wire
_ROUNDS = 4  # of settling
_DRIFT = 3.0  # spaces between boxes: so far a block may climb or fall on its way


@dataclass(frozen=True, slots=True)
class _Link:
    """An edge as seen while walking: where it starts and ends, and how far down the ports are."""

    source: int
    target: int
    drop: float  # how much lower the target stands when the wire is straight


def heights(
    graph: Layered, columns: Sequence[Sequence[int]], boxes: Sequence[Box], spacing: Spacing
) -> list[float]:
    """The y of every vertex's top, so that none overlap and wires are short and straight."""
    tall = [b.height for b in boxes] + [0.0] * (len(graph.right) - len(boxes))
    gaps = _gaps(columns, tall, spacing)
    marked = _conflicts(graph, columns)
    edges = [e for each in graph.right for e in each]

    def drop(edge: Edge) -> float:
        out = boxes[edge.source].outputs[edge.out] if edge.source < len(boxes) else 0.0
        into = boxes[edge.target].inputs[edge.into] if edge.target < len(boxes) else 0.0
        return out - into

    drops = {id(e): drop(e) for e in edges}
    candidates = []
    for leftwards in (True, False):
        for upwards in (True, False):
            found = _packed(graph, columns, tall, gaps, marked, drops, leftwards, upwards,
                            _DRIFT * spacing.box)  # fmt: skip
            candidates.append(found)
    middle = []
    for v in range(len(tall)):
        values = sorted(c[v] for c in candidates)
        middle.append((values[1] + values[2]) // 2)
    candidates.append(middle)

    def cost(y: Sequence[float]) -> float:
        total = 0.0
        for edge in edges:
            jog = abs(y[edge.source] + drops[id(edge)] - y[edge.target])
            if jog > 1e-6:
                total += jog + _BEND
        top = min(y, default=0.0)
        bottom = max((y[v] + tall[v] for v in range(len(tall))), default=0.0)
        return total + 0.5 * (bottom - top)

    best = min(candidates, key=cost)
    _settle(best, graph, columns, tall, gaps, drops)
    top = min(best, default=0.0)
    return [y - top for y in best]


def _settle(
    y: list[float], graph: Layered, columns: Sequence[Sequence[int]], tall: Sequence[float],
    gaps: Sequence[Sequence[float]], drops: dict[int, float],
) -> None:  # fmt: skip
    """Move single vertices, within the room they have, where that makes their wires straighter."""
    for _ in range(_ROUNDS):
        moved = False
        for column, room in zip(columns, gaps, strict=True):
            for n, v in enumerate(column):
                # How far v would have to move for each of its wires to be straight.
                ways = [y[e.source] + drops[id(e)] - y[v] for e in graph.left[v]]
                ways += [y[e.target] - drops[id(e)] - y[v] for e in graph.right[v]]
                if all(abs(w) < 1e-6 for w in ways):
                    continue
                low, high = -math.inf, math.inf
                if n:
                    low = y[column[n - 1]] + tall[column[n - 1]] + room[n - 1] - y[v]
                if n + 1 < len(column):
                    high = y[column[n + 1]] - room[n] - tall[v] - y[v]

                def bent(by: float, ways: list[float] = ways) -> float:
                    return sum(abs(w - by) + _BEND for w in ways if abs(w - by) > 1e-6)

                best = min((w for w in ways if low <= w <= high), key=bent, default=0.0)
                if bent(best) < bent(0.0) - 1e-6:
                    y[v] += best
                    moved = True
        if not moved:
            break


def _gaps(
    columns: Sequence[Sequence[int]], tall: Sequence[float], spacing: Spacing
) -> list[list[float]]:
    """In each column, the room between one vertex and the next; what has no height is a wire."""
    passing = min(spacing.box, spacing.wire)  # a wire beside a box, which has room for its texts

    def gap(u: int, v: int) -> float:
        if tall[u] and tall[v]:
            return spacing.box
        return passing if tall[u] or tall[v] else spacing.wire

    return [[gap(u, v) for u, v in pairwise(column)] for column in columns]


def _conflicts(graph: Layered, columns: Sequence[Sequence[int]]) -> set[int]:
    """Edges (by id) that give way, so that long wires are straight: they cross or leave one."""
    marked: set[int] = set()
    count = graph.boxes
    for lane in range(count, len(graph.right)):
        if any(e.target >= count for e in graph.right[lane]):
            marked.update(id(e) for e in graph.right[lane] if e.target < count)
    for at in range(len(columns) - 1):
        place = {v: n for n, v in enumerate(columns[at])}
        inner: list[tuple[int, int]] = []  # (place in the next column, place in this one)
        for n, v in enumerate(columns[at + 1]):
            if v >= count and graph.left[v][0].source >= count:
                inner.append((n, place[graph.left[v][0].source]))
        if not inner:
            continue
        low, scan = 0, 0
        column = columns[at + 1]
        for stop, bound in [*inner, (len(column), len(columns[at]) - 1)]:
            high = bound
            for n in range(scan, min(stop + 1, len(column))):
                v = column[n]
                for edge in graph.left[v]:
                    if v >= count and edge.source >= count:
                        continue
                    if not low <= place[edge.source] <= max(low, high):
                        marked.add(id(edge))
            scan = min(stop + 1, len(column))
            low = max(low, high)
    return marked


def _packed(
    graph: Layered, columns: Sequence[Sequence[int]], tall: Sequence[float],
    gaps: Sequence[Sequence[float]], marked: set[int], drops: dict[int, float],
    leftwards: bool, upwards: bool, most: float,
) -> list[float]:  # fmt: skip
    """One of the four packings; the others are mirror images of it."""
    walk = list(columns) if leftwards else list(reversed(columns))
    room = list(gaps) if leftwards else list(reversed(gaps))
    if not upwards:
        walk = [list(reversed(c)) for c in walk]
        room = [list(reversed(g)) for g in room]
    root = list(range(len(tall)))
    shift = [0.0] * len(tall)
    taken = [False] * len(tall)  # has a partner in the next column of the walk
    for at in range(1, len(walk)):
        place = {v: n for n, v in enumerate(walk[at - 1])}
        last = -1
        for v in walk[at]:
            edges = graph.left[v] if leftwards else graph.right[v]
            links = []
            for edge in edges:
                if leftwards:
                    u, port, fall = edge.source, edge.out, drops[id(edge)]
                else:
                    u, port, fall = edge.target, edge.into, -drops[id(edge)]
                if not upwards:  # upside down: distances are from the bottom
                    fall = tall[u] - tall[v] - fall
                    port = -port
                links.append((place[u], port, u, fall, id(edge) in marked))
            links.sort()
            n = len(links)
            for middle in dict.fromkeys(((n - 1) // 2, n // 2)) if n else ():
                spot, _, u, fall, bad = links[middle]
                if bad or taken[u] or spot <= last or abs(shift[u] + fall) > most:
                    continue
                taken[u] = True
                root[v] = root[u]
                shift[v] = shift[u] + fall
                last = spot
                break
    y = _compact(walk, room, tall, root, shift)
    if not upwards:
        y = [-a - tall[v] for v, a in enumerate(y)]
    return y


def _compact(
    walk: Sequence[Sequence[int]], room: Sequence[Sequence[float]], tall: Sequence[float],
    root: Sequence[int], shift: Sequence[float],
) -> list[float]:  # fmt: skip
    """Blocks as close together as the order in the columns allows."""
    after: dict[int, list[tuple[int, float]]] = {}
    waiting: dict[int, int] = {}
    before: dict[int, list[tuple[int, float]]] = {}
    for column, gaps in zip(walk, room):
        for v in column:
            waiting.setdefault(root[v], 0)
        for u, v, gap in zip(column, column[1:], gaps):
            apart = shift[u] + tall[u] + gap - shift[v]
            after.setdefault(root[u], []).append((root[v], apart))
            before.setdefault(root[v], []).append((root[u], apart))
            waiting[root[v]] += 1
    order = [b for b, n in waiting.items() if not n]
    at: dict[int, float] = {}
    for block in order:
        at[block] = max((at[b] + apart for b, apart in before.get(block, ())), default=0.0)
        for b, _ in after.get(block, ()):
            waiting[b] -= 1
            if not waiting[b]:
                order.append(b)
    assert len(order) == len(waiting), "blocks stand in no order"
    for block in reversed(order):  # take out the room that is left
        if block in after:
            at[block] = max(at[block], min(at[b] - apart for b, apart in after[block]))
    return [at[root[v]] + shift[v] for v in range(len(tall))]
