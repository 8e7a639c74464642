"""The picture in box-drawing characters, for small circuits; for all others the table.

It is the same layout, measured in cells. Where wires cross, the vertical one is drawn through;
where one forks, they are joined.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import pairwise

from glassgrad.microscope import Backprop
from glassgrad.show.folding import folded
from glassgrad.show.graph import Graph, graph_of
from glassgrad.show.metrics import CELLS
from glassgrad.show.picture import Label, Picture, Shape, WirePicture, picture
from glassgrad.show.table import table, wrong

__all__ = ["coloured", "drawn", "fitting", "text"]

_MOST = 36  # inputs, gates, outputs
_UP, _RIGHT, _DOWN, _LEFT = 1, 2, 4, 8
_SIGNS = {
    _LEFT: "─", _RIGHT: "─", _LEFT | _RIGHT: "─", _UP: "│", _DOWN: "│", _UP | _DOWN: "│",
    _RIGHT | _DOWN: "╭", _LEFT | _DOWN: "╮", _RIGHT | _UP: "╰", _LEFT | _UP: "╯",
    _LEFT | _RIGHT | _DOWN: "┬", _LEFT | _RIGHT | _UP: "┴", _UP | _DOWN | _RIGHT: "├",
    _UP | _DOWN | _LEFT: "┤", _UP | _DOWN | _LEFT | _RIGHT: "┼",
}  # fmt: skip
_COLOURS = {"value": "32", "gradient": "31", "shape": "2", "title": "2", "name": "1"}


def drawn(record: Backprop, width: int) -> str:
    """The circuit as text, with its groups folded if need be; the table where it is too large."""
    shown = fitting(graph_of(record), width)
    return table(record) if shown is None else "\n".join([text(shown, coloured()), *wrong(record)])


def fitting(graph: Graph, width: int) -> Picture | None:
    """The picture in cells, as open as there is room for; None where it is too large."""
    for folds in ((), range(len(graph.groups))):
        if len(folded(graph, folds).nodes) <= _MOST:
            shown = picture(graph, folds, CELLS)
            if shown.width <= width:
                return shown
    return None


def coloured() -> bool:
    """Whether standard output wants colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def text(shown: Picture, colour: bool = False, lit: Collection[int] = ()) -> str:
    """A picture laid out in cells, as lines of text.

    Parameters
    ----------
    shown : Picture
    colour : bool
    lit : collection of int
        Numbers of nodes that stand out, by a double edge.
    """
    page = _Page(int(shown.width) + 1, int(shown.height) + 1)
    for outline in shown.outlines:
        place = outline.place
        page.box(int(place.x), int(place.y), int(place.width), int(place.height), "╌", "╎", "┌┐└┘")
        page.write(outline.label)
    for wire in shown.wires:
        page.wire(wire)
    for shape in shown.shapes:
        page.shape(shape, shape.node.number in lit)
    for wire in shown.wires:
        for label in wire.labels:
            page.write(label)
    return page.text(colour)


@dataclass
class _Page:
    """A page of characters, each with its colour, and what runs through each cell."""

    width: int
    height: int
    signs: list[list[str]] = field(init=False)
    colours: list[list[str]] = field(init=False)
    # By cell: the wires that run through it, each with the sides it touches.
    wires: dict[tuple[int, int], dict[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.signs = [[" "] * self.width for _ in range(self.height)]
        self.colours = [[""] * self.width for _ in range(self.height)]

    def put(self, x: int, y: int, sign: str, colour: str = "") -> None:
        self.signs[y][x], self.colours[y][x] = sign, colour

    def write(self, label: Label) -> None:
        for n, letter in enumerate(label.text):
            self.put(int(label.x) + n, int(label.y), letter, _COLOURS.get(label.role, ""))

    def box(self, x: int, y: int, w: int, h: int, across: str, down: str, corners: str) -> None:
        for n in range(w):
            self.put(x + n, y, across)
            self.put(x + n, y + h - 1, across)
        for n in range(h):
            self.put(x, y + n, down)
            self.put(x + w - 1, y + n, down)
        for sign, (cx, cy) in zip(corners, ((x, y), (x + w - 1, y), (x, y + h - 1),
                                            (x + w - 1, y + h - 1)), strict=True):  # fmt: skip
            self.put(cx, cy, sign)

    def wire(self, wire: WirePicture) -> None:
        for branch in wire.route.branches:
            for (ax, ay), (bx, by) in pairwise(branch.points):
                self.line(wire.number, int(ax), int(ay), int(bx), int(by))

    def line(self, number: int, ax: int, ay: int, bx: int, by: int) -> None:
        """A stretch from cell to cell."""
        dx, dy = (bx > ax) - (bx < ax), (by > ay) - (by < ay)
        ahead = _RIGHT if dx > 0 else _LEFT if dx < 0 else _DOWN if dy > 0 else _UP
        back = {_RIGHT: _LEFT, _LEFT: _RIGHT, _DOWN: _UP, _UP: _DOWN}[ahead]
        x, y = ax, ay
        while True:
            sides = (ahead if (x, y) != (bx, by) else 0) | (back if (x, y) != (ax, ay) else 0)
            here = self.wires.setdefault((x, y), {})
            here[number] = here.get(number, 0) | sides
            if len(here) == 1:
                self.put(x, y, _SIGNS.get(here[number], " "))
            elif any(s & (_UP | _DOWN) for s in here.values()):
                self.put(x, y, "│")
            if (x, y) == (bx, by):
                return
            x, y = x + dx, y + dy

    def shape(self, shape: Shape, lit: bool) -> None:
        place = shape.place
        x, y, w, h = int(place.x), int(place.y), int(place.width), int(place.height)
        if shape.form == "end":
            self.put(x, y, "▶")
            return
        if shape.form in ("circle", "pill", "box"):
            for row in range(y, y + h):
                for column in range(x, x + w):
                    self.put(column, row, " ")
            across, down, corners = "─", "│", "┌┐└┘" if shape.form == "box" else "╭╮╰╯"
            if lit:
                across, down, corners = "═", "║", "╔╗╚╝"
            self.box(x, y, w, h, across, down, corners)
            for port in shape.inputs:
                row = int(port.y)
                edge = "╦╩╣" if lit else "┬┴┤"
                self.put(x, row, edge[0 if row == y else 1 if row == y + h - 1 else 2])
            for port in shape.outputs:
                self.put(x + w - 1, int(port.y), "╠" if lit else "├")
        for label in shape.labels:
            self.write(label)
        if lit:
            for colours in self.colours[y : y + h]:
                colours[x : x + w] = ["1;33"] * w

    def text(self, colour: bool) -> str:
        lines = []
        for signs, colours in zip(self.signs, self.colours, strict=True):
            last = max((n for n, s in enumerate(signs) if s != " "), default=-1)
            line, at = "", ""
            for sign, wanted in zip(signs[: last + 1], colours, strict=False):
                if colour and wanted != at:
                    line += "\x1b[0m" + (f"\x1b[{wanted}m" if wanted else "")
                    at = wanted
                line += sign
            lines.append(line + ("\x1b[0m" if at else ""))
        while lines and not lines[0].strip():
            del lines[0]
        return "\n".join(lines).rstrip()
