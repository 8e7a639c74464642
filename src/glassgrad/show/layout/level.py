"""One level of a drawing: boxes in columns, wires through the channels between; no frames.

It puts the four steps together: ranks, order, heights, tracks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glassgrad.show.layout.channels import Passage, tracks
from glassgrad.show.layout.coordinates import heights
from glassgrad.show.layout.model import Box, Branch, Net, Point, Route, Spacing
from glassgrad.show.layout.order import Edge, Layered, arrange, layered
from glassgrad.show.layout.ranks import ranks

__all__ = ["Level", "draw_level"]


@dataclass(frozen=True)
class Level:
    """Where the boxes of one level stand, and the ways of its wires."""

    width: float
    height: float
    corners: list[Point]
    routes: list[Route]


def draw_level(
    boxes: Sequence[Box], nets: Sequence[Net], spacing: Spacing, least: float = 0.0
) -> Level:
    """Lay out boxes and wires.

    Parameters
    ----------
    boxes : sequence of Box
        Their frames are not looked at.
    nets : sequence of Net
    spacing : Spacing
    least : float
        Make it at least this wide.
    """
    if not boxes:
        return Level(least, 0.0, [], [])
    rank = ranks(len(boxes), nets, [b.side for b in boxes])
    graph = layered(rank, nets, [len(b.outputs) for b in boxes], [len(b.inputs) for b in boxes])
    columns = arrange(graph)
    tops = heights(graph, columns, boxes, spacing)
    passages, ends = _passages(graph, columns, boxes, tops)
    lefts, widths, lanes = _across(columns, boxes, passages, spacing, least)
    corners = [(lefts[rank[b]], tops[b]) for b in range(len(boxes))]
    routes = [_route(n, net, boxes, corners, rank, passages, ends, lanes)
              for n, net in enumerate(nets)]  # fmt: skip
    xs = [x for r in routes for branch in r.branches for x, _ in branch.points]
    ys = [y for r in routes for branch in r.branches for _, y in branch.points]
    lift = max(0.0, -min(ys, default=0.0))  # a wire that was cut may run above all boxes
    if lift:
        corners = [(x, y + lift) for x, y in corners]
        routes = [_moved(r, lift) for r in routes]
    width = max([lefts[-1] + widths[-1], *xs])
    height = max(
        [
            *(y + b.height for (_, y), b in zip(corners, boxes)),
            *(y + lift + spacing.thick for y in ys),
        ]
    )
    return Level(max(width, least), height, corners, routes)


_Ends = dict[tuple[int, int], list[Edge]]  # by (wire, channel)
_Passages = list[dict[int, Passage]]  # by channel: each wire's passage


def _passages(
    graph: Layered, columns: Sequence[Sequence[int]], boxes: Sequence[Box], tops: Sequence[float]
) -> tuple[_Passages, _Ends]:
    """What has to be wired in each channel, and the edges of each wire there."""
    count = len(boxes)
    found: _Passages = []
    ends: _Ends = {}
    for at in range(len(columns) - 1):
        here: dict[int, Passage] = {}
        for vertex in columns[at]:
            for edge in graph.right[vertex]:
                ends.setdefault((edge.net, at), []).append(edge)
                target = tops[edge.target]
                if edge.target < count:
                    target += boxes[edge.target].inputs[edge.into]
                if edge.net in here:
                    here[edge.net].targets.append(target)
                    here[edge.net].__post_init__()
                else:
                    source = tops[vertex]
                    if vertex < count:
                        source += boxes[vertex].outputs[edge.out]
                    here[edge.net] = Passage(source, [target])
        found.append(here)
    return found, ends


def _across(
    columns: Sequence[Sequence[int]], boxes: Sequence[Box], passages: _Passages, spacing: Spacing,
    least: float,
) -> tuple[list[float], list[float], list[list[float]]]:  # fmt: skip
    """The left edge and width of each column, and the x of each track of each channel."""
    widths = [max((boxes[v].width for v in c if v < len(boxes)), default=0.0) for c in columns]
    counts = [tracks(list(here.values()), spacing.wire) for here in passages]
    rooms = [max(spacing.column, (n - 1) * spacing.wire + spacing.column) for n in counts]
    missing = least - sum(widths) - sum(rooms)
    if missing > 0 and rooms:
        rooms[-1] += missing
    lefts, lanes, x = [], [], 0.0
    for at, width in enumerate(widths):
        lefts.append(x)
        x += width
        if at < len(rooms):
            first = x + (spacing.column - spacing.column % 2) / 2
            if at + 1 == len(rooms) and missing > 0:
                first += missing // 2
            lanes.append([first + n * spacing.wire for n in range(counts[at])])
            x += rooms[at]
    return lefts, widths, lanes


def _route(
    number: int, net: Net, boxes: Sequence[Box], corners: Sequence[Point], rank: Sequence[int],
    passages: _Passages, ends: _Ends, lanes: Sequence[Sequence[float]],
) -> Route:  # fmt: skip
    """The way of one wire as branches, from its source on."""
    box, (x, y) = boxes[net.source], corners[net.source]
    path: list[Point] = [(x + box.width, y + box.outputs[net.port])]
    branches: list[Branch | None] = [None]  # in the order in which they begin
    own = next_own = 0  # the number of the branch that `path` is the beginning of
    forks: list[Point] = []
    at = rank[net.source]
    while (number, at) in ends:
        passage = passages[at][number]
        going: list[tuple[float, tuple[int, int] | None]] = []
        edges = ends[number, at]
        for target, edge in zip(_last(passage).targets, edges, strict=True):
            going.append((target, (edge.target, edge.into) if edge.target < len(boxes) else None))
        while passage.then is not None:
            across = lanes[at][passage.track]
            path += [(across, passage.source), (across, passage.targets[0])]
            passage = passage.then
        across = lanes[at][passage.track] if passage.track >= 0 else path[-1][0]
        here = (across, passage.source)
        following: list[Point] | None = None
        groups = [
            [e for e in going if abs(e[0] - passage.source) < 1e-6],
            sorted((e for e in going if e[0] < passage.source - 1e-6), key=lambda e: e[0]),
            sorted((e for e in going if e[0] > passage.source + 1e-6), key=lambda e: -e[0]),
        ]  # fmt: skip
        if sum(map(bool, groups)) > 1:
            forks.append(here)
        first = True
        for group in groups:
            for n, (height, sink) in enumerate(group):
                # The furthest end takes the whole vertical; the nearer ones fork off from it.
                start = (*(path if first else ()), here) if n == 0 else ((across, height),)
                if n:
                    forks.append((across, height))
                first = False
                points = [*start, (across, height)]
                branch = own if start[0] == path[0] else len(branches)
                if branch == len(branches):
                    branches.append(None)
                if sink is None:
                    following, next_own = list(_plain(points)), branch
                else:
                    points.append((corners[sink[0]][0], height))
                    branches[branch] = Branch(_plain(points), sink)
        if following is None:
            break
        path, own = following, next_own
        at += 1
    return Route(tuple(b for b in branches if b is not None), tuple(forks))


def _last(passage: Passage) -> Passage:
    while passage.then is not None:
        passage = passage.then
    return passage


def _plain(points: Sequence[Point]) -> tuple[Point, ...]:
    """Points without repetition, and without those on the straight line between their neighbours."""
    kept: list[Point] = []
    for point in points:
        if kept and abs(kept[-1][0] - point[0]) < 1e-9 and abs(kept[-1][1] - point[1]) < 1e-9:
            continue
        if len(kept) >= 2:
            (ax, ay), (bx, by) = kept[-2], kept[-1]
            if (ax == bx == point[0]) or (ay == by == point[1]):
                kept[-1] = point
                continue
        kept.append(point)
    return tuple(kept)


def _moved(route: Route, down: float) -> Route:
    return Route(
        tuple(Branch(tuple((x, y + down) for x, y in b.points), b.sink) for b in route.branches),
        tuple((x, y + down) for x, y in route.forks),
    )
