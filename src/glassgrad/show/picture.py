"""The picture of a circuit: where every shape, text and wire stands, measured and routed.

Plain data in one coordinate system, frozen, made of numbers, texts and tuples: SVG, terminal and
page all draw this, and `dataclasses.asdict` is its JSON. How it is coloured, they decide.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeAlias

from glassgrad.microscope import Backprop
from glassgrad.show.folding import default_folds, folded
from glassgrad.show.graph import Flow, Graph, Node, graph_of
from glassgrad.show.layout import Box, Branch, Frame, Layout, Net, Rect, Route, Spacing, layout
from glassgrad.show.layout.model import Point, Side
from glassgrad.show.metrics import PAGE, Metrics, Role
from glassgrad.show.values import cells, exact, shape, summary

__all__ = [
    "Label",
    "Outline",
    "Picture",
    "Port",
    "Shape",
    "Strip",
    "WirePicture",
    "boxes_and_nets",
    "picture",
]

_LONGEST = 28  # letters of a name or a label


Form: TypeAlias = Literal["circle", "pill", "name", "constant", "box", "end", "edge"]


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text.

    Attributes
    ----------
    text, role
        What it says, and what it is ("name", "value", "gradient", ...).
    x, y
        Where it begins, and the height its letters stand on.
    place
        The room it takes.
    centred
        The middle of the text belongs in the middle of its place.
    """

    text: str
    role: Role
    x: float
    y: float
    place: Rect
    centred: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """An array as a row of cells from -1 to 1; None is a cell that is not finite."""

    role: Literal["value", "gradient"]
    cells: tuple[float | None, ...]
    place: Rect


@dataclass(frozen=True, slots=True)
class Port:
    """Where a wire meets a shape."""

    x: float
    y: float
    wire: int


@dataclass(frozen=True, slots=True)
class Shape:
    """A node as it is drawn.

    Attributes
    ----------
    form
        "circle" and "pill" are gates, "name" an input, "constant", "box" a folded group, "end" an
        output, "edge" a place without size where a wire enters or leaves.
    place
        The shape itself; its labels have places of their own.
    inputs, outputs
        Ports in the order of arguments and results.
    node
        What it stands for.
    """

    form: Form
    place: Rect
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    labels: tuple[Label, ...]
    node: Node


@dataclass(frozen=True, slots=True)
class WirePicture:
    """A wire as it is drawn: its way, and what is written at its beginning.

    Attributes
    ----------
    number
        Its number in the graph.
    value, gradient
        In twelve digits, arrays in short; the gradient is None where none flows.
    array
        Whether it carries an array.
    route
        Branches and forks, from the shape that drives it on.
    """

    number: int
    name: str
    type: str
    value: str
    gradient: str | None
    array: bool
    route: Route
    labels: tuple[Label, ...]
    strips: tuple[Strip, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """The box around an open group; `group` is its number in the whole graph."""

    label: Label
    place: Rect
    line: int
    kind: str
    gates: int
    group: int


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that is drawn."""

    name: str
    width: float
    height: float
    shapes: tuple[Shape, ...]
    wires: tuple[WirePicture, ...]
    outlines: tuple[Outline, ...]
    gates: int

    @property
    def labels(self) -> tuple[Label, ...]:
        """Every text there is."""
        found = [label for s in self.shapes for label in s.labels]
        found += [label for w in self.wires for label in w.labels]
        return (*found, *(o.label for o in self.outlines))


def picture(
    record: Backprop | Graph, folds: Collection[int] | None = None, metrics: Metrics = PAGE
) -> Picture:
    """Lay out a record, or a graph of it.

    Parameters
    ----------
    record : Backprop or Graph
    folds : collection of int, optional
        The groups that are folded; without it `default_folds`.
    metrics : Metrics
        Where it will be drawn.
    """
    whole = record if isinstance(record, Graph) else graph_of(record)
    graph = folded(whole, default_folds(whole) if folds is None else folds)
    plans = [_Plan(node, graph, metrics) for node in graph.nodes]
    sources, nets = _nets(graph)
    frames = [Frame(g.parent, metrics.title,
                    metrics.width(_cut(g.label), "title") + 2 * metrics.pad + 2 * metrics.gap)
              for g in graph.groups]  # fmt: skip
    laid = _laid(tuple(p.box for p in plans), tuple(nets.values()), tuple(frames), metrics.spacing)
    shift = metrics.margin
    shapes = [plan.shape(rect.x + shift, rect.y + shift)
              for plan, rect in zip(plans, laid.boxes, strict=True)]  # fmt: skip
    routes = dict(zip(nets, laid.routes, strict=True))
    wires = []
    for wire, (number, port) in sources.items():
        rect = laid.boxes[number]
        labels, strips = plans[number].written(port, rect.x + shift, rect.y + shift)
        route = _joined(routes.get(wire), wire, shapes, number, port, rect, shift)
        flow = graph.wires[wire]
        wires.append(WirePicture(
            wire, flow.name, repr(flow.type), exact(flow.value),
            None if flow.gradient is None else exact(flow.gradient), bool(flow.type.shape),
            route, labels, strips,
        ))  # fmt: skip
    outlines = []
    for group, rect in zip(graph.groups, laid.frames, strict=True):
        place = Rect(rect.x + shift, rect.y + shift, rect.width, rect.height)
        outlines.append(Outline(_title(group.label, place, metrics), place, group.line,
                                group.kind, group.gates, group.number))  # fmt: skip
    return Picture(graph.name, laid.width + 2 * shift, laid.height + 2 * shift, tuple(shapes),
                   tuple(wires), tuple(outlines), graph.gates)  # fmt: skip


@lru_cache(maxsize=256)
def _laid(
    boxes: tuple[Box, ...], nets: tuple[Net, ...], frames: tuple[Frame, ...], spacing: Spacing
) -> Layout:
    """A layout: the turns of a loop and the calls of a helper are often alike to the last width."""
    return layout(boxes, nets, frames, spacing)


def boxes_and_nets(graph: Graph, metrics: Metrics) -> tuple[list[Box], list[Net]]:
    """A graph as the layout gets it."""
    return [_Plan(n, graph, metrics).box for n in graph.nodes], list(_nets(graph)[1].values())


def _nets(graph: Graph) -> tuple[dict[int, tuple[int, int]], dict[int, Net]]:
    """Where each wire begins, and for those that are read, where it goes."""
    sources: dict[int, tuple[int, int]] = {}
    sinks: dict[int, list[tuple[int, int]]] = {}
    for number, node in enumerate(graph.nodes):
        for port, wire in enumerate(node.outputs):
            sources[wire] = (number, port)
        for port, wire in enumerate(node.inputs):
            sinks.setdefault(wire, []).append((number, port))
    nets = {w: Net(*s, tuple(sinks[w])) for w, s in sources.items() if w in sinks}
    return sources, nets


@dataclass
class _Written:
    """What is written at one output: rows above and below the wire, and how much room they take."""

    above: list[tuple[tuple[str, Role], ...]] = field(default_factory=list)  # from the top
    below: list[tuple[str, Role]] = field(default_factory=list)
    strips: tuple[tuple[float | None, ...], tuple[float | None, ...]] = ((), ())
    width: float = 0.0
    up: float = 0.0
    down: float = 0.0


_SIDES: dict[str, Side] = {"input": "left", "enter": "left", "output": "right", "leave": "right"}


class _Plan:
    """One node before it is placed: its sizes, and from them its box."""

    def __init__(self, node: Node, graph: Graph, metrics: Metrics) -> None:
        self.node, self.metrics = node, metrics
        m = metrics
        self.text = _cut(node.symbol)
        self.texts: list[tuple[str, Role]] = []
        self.written_at = [_written(graph.wires[w], node, m) for w in node.outputs]
        count = len(node.inputs)
        self.form: Form
        if node.kind == "gate":
            role: Role = "symbol" if len(self.text) <= 2 else "word"
            wide = m.width(self.text, role) + 2 * m.pad
            self.form = "circle" if wide <= m.gate + m.pad and count <= 3 else "pill"
            self.wide = m.gate if self.form == "circle" and m.lines else max(m.gate, wide)
            self.tall = m.gate if count <= 2 else max(m.gate, (count - 1) * m.port + m.gap)
            self.texts = [(self.text, role)]
        elif node.kind == "group":
            self.form = "box"
            more = (
                f"{node.turns} turns, {node.gates} gates" if node.turns else f"{node.gates} gates"
            )
            self.texts = [(self.text, "title"), (more, "line")]
            self.wide = max(m.width(self.text, "title"), m.width(more, "line")) + 2 * m.pad
            self.tall = max(2 * m.text + 2 * m.pad, (count - 1) * m.port + 2 * m.gap)
        elif node.kind == "output":
            self.form, self.wide, self.tall = "end", m.pad, m.text
        elif node.kind in ("enter", "leave"):
            self.form, self.wide, self.tall = "edge", 0.0, 0.0
        else:
            self.form = "name" if node.kind == "input" else "constant"
            role = "name" if node.kind == "input" else "word"
            self.texts = [(self.text, role)]
            self.wide = m.width(self.text, role) + (2 * m.pad if m.lines else 1)
            self.tall = m.text + 2 * m.gap if m.lines else m.text
        self.line = f"line {node.line}" if m.lines and node.line and node.kind == "gate" else ""
        self.cell = max(self.wide, m.width(self.line, "line"))
        # From the middle of the shape: how far outputs are up and down, and all that is written.
        heights = [w.up + w.down for w in self.written_at]
        total = sum(heights) + m.gap * max(0, len(heights) - 1)
        self.outs: list[float] = []
        first = -((count - 1) * m.port // 2 if not m.lines else (count - 1) * m.port / 2)
        self.ins = [first + n * m.port for n in range(count)]
        if node.kind == "group" and count:
            # What goes in first is mostly what comes out first: keep that way straight.
            at = first - self.written_at[0].up if heights else 0.0
        else:
            at = -(total // 2)
        if len(heights) == 1 and node.kind != "group":
            self.outs = [0.0]
        else:
            for written, height in zip(self.written_at, heights):
                self.outs.append(at + written.up)
                at += height + m.gap
            if self.outs:
                far = max(-self.outs[0], self.outs[-1])
                self.tall = max(self.tall, 2 * far + 2 * m.gap)
        if self.form == "circle" and self.tall > m.gate:
            self.form = "pill"
        half = self.tall / 2 if m.lines else self.tall // 2
        label = m.text if self.line else 0.0
        self.up = max([half, *(w.up - o for w, o in zip(self.written_at, self.outs))])
        rest = self.tall - half
        self.down = max([rest + label, *(w.down + o for w, o in zip(self.written_at, self.outs))])
        stub = max((w.width for w in self.written_at), default=0.0)
        self.box = Box(
            self.cell + stub, self.up + self.down, tuple(self.up + i for i in self.ins),
            tuple(self.up + o for o in self.outs), node.group,
            _SIDES.get(node.kind),
        )  # fmt: skip

    def inset(self, offset: float) -> float:
        """How far a round shape's edge is from its place's, so far above or below its middle."""
        if self.form not in ("circle", "pill") or not self.metrics.lines:
            return 0.0
        radius = min(self.metrics.gate, self.wide, self.tall) / 2
        beyond = min(radius, max(0.0, abs(offset) - (self.tall / 2 - radius)))
        return float(radius - (radius**2 - beyond**2) ** 0.5)

    def shape(self, x: float, y: float) -> Shape:
        """The shape with its box's corner here."""
        m = self.metrics
        left = x + (self.cell - self.wide) / 2
        middle = y + self.up
        half = self.tall / 2 if m.lines else self.tall // 2
        place = Rect(left, middle - half, self.wide, self.tall)
        inputs = []
        for offset, wire in zip(self.ins, self.node.inputs, strict=True):
            inputs.append(Port(left + self.inset(offset), middle + offset, wire))
        outputs = [Port(left + self.wide - self.inset(offset), middle + offset, wire)
                   for offset, wire in zip(self.outs, self.node.outputs, strict=True)]  # fmt: skip
        labels = []
        top = middle - m.text * len(self.texts) / 2 if m.lines else middle - len(self.texts) // 2
        for n, (text, role) in enumerate(self.texts):
            width = m.width(text, role)
            start = left + (self.wide - width) / 2 if m.lines else left + (self.wide - width) // 2
            labels.append(_label(text, role, start, top + n * m.text, width, m, centred=True))
        if self.line:
            width = m.width(self.line, "line")
            labels.append(_label(self.line, "line", x + (self.cell - width) / 2,
                                 place.y + self.tall, width, m, centred=True))  # fmt: skip
        return Shape(self.form, place, tuple(inputs), tuple(outputs), tuple(labels), self.node)

    def written(self, port: int, x: float, y: float) -> tuple[tuple[Label, ...], tuple[Strip, ...]]:
        """What is written at an output."""
        m, written = self.metrics, self.written_at[port]
        left = x + self.cell + m.gap
        wire = y + self.up + self.outs[port]
        labels: list[Label] = []
        strips: list[Strip] = []
        up = wire - written.up
        for row in written.above:
            at = left
            for text, role in row:
                width = m.width(text, role)
                labels.append(_label(text, role, at, up, width, m))
                at += width + m.gap
            up += m.text
        value, gradient = written.strips
        if value:
            place = Rect(left, wire - m.gap / 2 - m.strip, len(value) * m.cell, m.strip)
            strips.append(Strip("value", value, place))
        down = wire + (1 if not m.lines else m.gap / 2)
        if gradient:
            place = Rect(left, down, len(gradient) * m.cell, m.strip)
            strips.append(Strip("gradient", gradient, place))
            down += m.strip
        for text, role in written.below:
            labels.append(_label(text, role, left, down, m.width(text, role), m))
            down += m.text
        return tuple(labels), tuple(strips)


def _written(flow: Flow, node: Node, m: Metrics) -> _Written:
    """What there is to write at the beginning of a wire."""
    found = _Written()
    if node.kind == "enter":  # it was written where the wire begins
        return found
    name = "" if node.kind in ("input", "constant") else _cut(flow.name)
    dims = shape(flow.value)
    head: list[tuple[str, Role]] = []
    if name:
        head.append((name, "name"))
    if dims:
        head.append((dims, "shape"))
        found.above.append(tuple(head))
        head = []
    found.above.append((*head, (summary(flow.value), "value")))
    if flow.gradient is not None:
        found.below.append((summary(flow.gradient), "gradient"))
    if m.strip:
        gradient = cells(flow.gradient) if flow.gradient is not None else ()
        found.strips = cells(flow.value), gradient
    widths = [sum(m.width(t, r) for t, r in row) + m.gap * (len(row) - 1) for row in found.above]
    widths += [m.width(t, r) for t, r in found.below]
    widths += [len(s) * m.cell for s in found.strips]
    found.width = max(widths) + 2 * m.gap
    edge = m.gap / 2 if m.lines else 0
    found.up = len(found.above) * m.text + edge + (m.strip if found.strips[0] else 0)
    found.down = len(found.below) * m.text + edge + (m.strip if found.strips[1] else 0)
    if not m.lines:
        found.down += 1  # the wire's own row
    return found


def _label(
    text: str, role: Role, x: float, top: float, width: float, m: Metrics, centred: bool = False
) -> Label:
    return Label(text, role, x, top + m.rise, Rect(x, top, width, m.text), centred)


def _title(text: str, place: Rect, m: Metrics) -> Label:
    text = _cut(text)
    width = m.width(text, "title")
    top = place.y + (m.gap / 2 if m.lines else 0)
    return _label(text, "title", place.x + m.pad, top, width, m)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _joined(
    route: Route | None, wire: int, shapes: list[Shape], number: int, port: int, rect: Rect,
    shift: float,
) -> Route:  # fmt: skip
    """A route in the picture's coordinates, drawn through to the shapes at its ends."""
    source = shapes[number].outputs[port]
    start: Point = (rect.x + rect.width + shift, source.y)
    if route is None:
        return Route((Branch(((source.x, source.y), start)),))
    branches = []
    joined = False
    for branch in route.branches:
        points = [(x + shift, y + shift) for x, y in branch.points]
        if not joined and abs(points[0][0] - start[0]) + abs(points[0][1] - start[1]) < 1e-6:
            points[0] = (source.x, source.y)
            joined = True
        if branch.sink is not None:
            end = shapes[branch.sink[0]].inputs[branch.sink[1]]
            points[-1] = (end.x, end.y)
        branches.append(Branch(tuple(points), branch.sink))
    return Route(tuple(branches), tuple((x + shift, y + shift) for x, y in route.forks))
