"""Frames: each is laid out by itself, from the innermost out, and is one box to what is around it.

So nothing foreign ever stands in a frame and no wire crosses one that it has no business in. A
wire that enters or leaves does so through a port on the frame's edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from glassgrad.show.layout.level import Level, draw_level
from glassgrad.show.layout.model import (
    Box,
    Branch,
    Frame,
    Layout,
    Net,
    Point,
    Rect,
    Route,
    Spacing,
)

__all__ = ["layout"]

_Item = tuple[str, int]  # ("box", number), ("frame", number), ("in", wire), ("out", wire)


@dataclass
class _Wiring:
    """One wire as one level sees it: who drives it there (None: it enters), who reads it."""

    source: tuple[_Item, int] | None = None
    sinks: list[tuple[_Item, int]] = field(default_factory=list)


@dataclass
class _Inside:
    """What stands directly in a frame, and what its layout gave."""

    items: list[_Item] = field(default_factory=list)
    wires: dict[int, _Wiring] = field(default_factory=dict)
    readers: dict[int, int] = field(default_factory=dict)  # of each wire, in here and deeper
    shape: Box | None = None  # the frame as a box in its parent
    level: Level | None = None
    drawn: list[_Item] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)  # the wires in the order of level.routes
    corner: Point = (0.0, 0.0)  # of the content, in the frame


def layout(
    boxes: Sequence[Box], nets: Sequence[Net], frames: Sequence[Frame] = (),
    spacing: Spacing | None = None,
) -> Layout:  # fmt: skip
    """Lay out boxes, wires and frames, left to right.

    Parameters
    ----------
    boxes : sequence of Box
        In the order in which they should stand where nothing else decides.
    nets : sequence of Net
        The wires; they form no cycle, nor do they when each frame is taken as one box.
    frames : sequence of Frame
        A parent stands before its children. Frames without boxes have no size.
    spacing : Spacing, optional

    Returns
    -------
    Layout

    Examples
    --------
    >>> boxes = [Box(10, 10, outputs=(5,)), Box(10, 10, inputs=(5,))]
    >>> drawn = layout(boxes, [Net(0, 0, ((1, 0),))], spacing=Spacing(column=20))
    >>> drawn.width, drawn.height, drawn.boxes[1]
    (40.0, 10.0, Rect(x=30.0, y=0.0, width=10, height=10))
    >>> drawn.routes[0].branches[0].points
    ((10.0, 5.0), (30.0, 5.0))
    """
    spacing = spacing or Spacing()
    inside = [_Inside() for _ in range(len(frames) + 1)]  # the last one is outside of all
    root = len(frames)

    def home(frame: int | None) -> _Inside:
        return inside[root if frame is None else frame]

    entered: set[int] = set()
    for number, box in enumerate(boxes):
        at, item = box.frame, ("box", number)
        home(at).items.append(item)
        while at is not None and at not in entered:
            entered.add(at)
            item, at = ("frame", at), frames[at].parent
            home(at).items.append(item)
    for number, net in enumerate(nets):
        home(boxes[net.source].frame).wires.setdefault(number, _Wiring()).source = (
            ("box", net.source), net.port)  # fmt: skip
        for reader, port in net.sinks:
            place = home(boxes[reader].frame)
            place.wires.setdefault(number, _Wiring()).sinks.append((("box", reader), port))
            place.readers[number] = place.readers.get(number, 0) + 1
    for frame in [*range(len(frames) - 1, -1, -1), root]:
        if frame == root or frame in entered:
            parent = None if frame == root else home(frames[frame].parent)
            _lay(inside, frame, boxes, nets, frames, spacing, parent)
    return _assembled(inside, boxes, nets, frames)


def _lay(
    inside: list[_Inside], frame: int, boxes: Sequence[Box], nets: Sequence[Net],
    frames: Sequence[Frame], spacing: Spacing, parent: _Inside | None,
) -> None:  # fmt: skip
    """Lay out one level, and tell its parent about it."""
    here = inside[frame]
    entering = [w for w, wiring in here.wires.items() if wiring.source is None]
    leaving = [w for w, wiring in here.wires.items()
               if wiring.source is not None and here.readers.get(w, 0) < len(nets[w].sinks)]  # fmt: skip
    entering.sort()
    leaving.sort()
    gates: list[_Item] = [("in", w) for w in entering]
    here.drawn = [*gates, *here.items, *[("out", w) for w in leaving]]
    index = {item: n for n, item in enumerate(here.drawn)}
    shapes = [_shape(item, inside, boxes) for item in here.drawn]
    here.numbers = sorted(here.wires)
    level_nets = []
    for wire in here.numbers:
        wiring = here.wires[wire]
        source, port = wiring.source or (("in", wire), 0)
        sinks = [(index[item], p) for item, p in wiring.sinks]
        if ("out", wire) in index:
            sinks.append((index["out", wire], 0))
        level_nets.append(Net(index[source], port, tuple(sinks)))
    if parent is None:
        here.level = draw_level(shapes, level_nets, spacing)
        return
    # Ports on the edge make a column of width 0 there; without them the content is padded.
    left = 0.0 if entering else spacing.pad
    right = 0.0 if leaving else spacing.pad
    least = frames[frame].width - left - right
    level = here.level = draw_level(shapes, level_nets, spacing, least)
    here.corner = (left, frames[frame].title + spacing.pad)
    width = left + level.width + right
    height = here.corner[1] + level.height + spacing.pad
    entering.sort(key=lambda w: level.corners[index["in", w]][1])
    leaving.sort(key=lambda w: level.corners[index["out", w]][1])
    here.shape = Box(
        width, height,
        tuple(here.corner[1] + level.corners[index["in", w]][1] for w in entering),
        tuple(here.corner[1] + level.corners[index["out", w]][1] for w in leaving),
    )  # fmt: skip
    item: _Item = ("frame", frame)
    for port, wire in enumerate(entering):
        parent.wires.setdefault(wire, _Wiring()).sinks.append((item, port))
    for port, wire in enumerate(leaving):
        parent.wires.setdefault(wire, _Wiring()).source = (item, port)
    for wire, count in here.readers.items():
        parent.readers[wire] = parent.readers.get(wire, 0) + count


def _shape(item: _Item, inside: Sequence[_Inside], boxes: Sequence[Box]) -> Box:
    kind, number = item
    if kind == "box":
        return boxes[number]
    if kind == "frame":
        shape = inside[number].shape
        assert shape is not None
        return shape
    return Box(0.0, 0.0, (0.0,) if kind == "out" else (), (0.0,) if kind == "in" else (),
               side="left" if kind == "in" else "right")  # fmt: skip


def _assembled(
    inside: Sequence[_Inside], boxes: Sequence[Box], nets: Sequence[Net], frames: Sequence[Frame]
) -> Layout:
    """All levels in one coordinate system."""
    places: list[Rect] = [Rect(0, 0, b.width, b.height) for b in boxes]
    outlines: list[Rect] = [Rect(0, 0, 0, 0) for _ in frames]
    # By wire and level; levels from the source's outwards, then the others from outside in.
    parts: list[list[tuple[int, list[Branch], list[Point]]]] = [[] for _ in nets]
    for frame in [len(frames), *range(len(frames))]:
        here = inside[frame]
        if here.level is None:
            continue
        x, y = here.corner
        if frame < len(frames):
            x, y = x + outlines[frame].x, y + outlines[frame].y
        for item, (cx, cy) in zip(here.drawn, here.level.corners, strict=True):
            kind, number = item
            if kind == "box":
                places[number] = Rect(x + cx, y + cy, boxes[number].width, boxes[number].height)
            elif kind == "frame":
                shape = inside[number].shape
                assert shape is not None
                outlines[number] = Rect(x + cx, y + cy, shape.width, shape.height)
        for wire, route in zip(here.numbers, here.level.routes, strict=True):
            branches = []
            for branch in route.branches:
                points = tuple((x + px, y + py) for px, py in branch.points)
                sink = None
                if branch.sink is not None and here.drawn[branch.sink[0]][0] == "box":
                    sink = (here.drawn[branch.sink[0]][1], branch.sink[1])
                branches.append(Branch(points, sink))
            forks = [(x + px, y + py) for px, py in route.forks]
            # An inner frame has a higher number than those around it, but for the outermost level.
            driven = here.wires[wire].source is not None
            turn = -((frame + 1) % (len(frames) + 1)) if driven else 1
            parts[wire].append((turn, branches, forks))
    level = inside[-1].level
    assert level is not None
    routes = []
    for each in parts:
        each.sort(key=lambda part: part[0])
        routes.append(Route(tuple(b for part in each for b in part[1]),
                            tuple(f for part in each for f in part[2])))  # fmt: skip
    return Layout(level.width, level.height, tuple(places), tuple(outlines), tuple(routes))
