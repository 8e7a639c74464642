"""What a layout is made from, and what comes out of it: plain data in one coordinate system.

x grows to the right, y downwards; a box is placed by its top left corner. Everything is frozen and
made of numbers and tuples, so that `dataclasses.asdict` is its JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Box", "Branch", "Frame", "Layout", "Net", "Point", "Rect", "Route", "Side", "Spacing"]

Point: TypeAlias = tuple[float, float]
Side: TypeAlias = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Box:
    """Something that takes room: a gate together with the labels at its outputs, an input, ...

    Attributes
    ----------
    width, height
        Its size.
    inputs, outputs
        The ports on its left and right side, from top to bottom: distances from its top.
    frame
        Number of the frame it stands in; None outside of all.
    side
        Stands in the first column ("left") or the last ("right"), whatever it is wired to.
    """

    width: float
    height: float
    inputs: tuple[float, ...] = ()
    outputs: tuple[float, ...] = ()
    frame: int | None = None
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class Net:
    """One wire: from a port on the right of one box to ports on the left of others.

    Attributes
    ----------
    source, port
        Number of the box that drives it, and which of its outputs it is.
    sinks
        (box, which of its inputs) for each reader.
    """

    source: int
    port: int
    sinks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """A box drawn around boxes and other frames.

    Attributes
    ----------
    parent
        Number of the frame it stands in; None outside of all.
    title
        Height kept free at its top.
    width
        It is at least this wide.
    """

    parent: int | None = None
    title: float = 0.0
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class Spacing:
    """How far things stay apart.

    Attributes
    ----------
    column
        Least distance between two columns.
    box
        Between two boxes in a column.
    wire
        Between two parallel wires.
    pad
        Between a frame and what is in it.
    thick
        The room a wire itself takes: nothing worth counting on a page, a cell in a terminal.
    """

    column: float = 28.0
    box: float = 14.0
    wire: float = 8.0
    pad: float = 12.0
    thick: float = 0.0


@dataclass(frozen=True, slots=True)
class Rect:
    """Where a box or a frame stands."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: Rect) -> bool:
        """Whether two rectangles have more than an edge in common."""
        return (self.x < other.x + other.width and other.x < self.x + self.width
                and self.y < other.y + other.height and other.y < self.y + self.height)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Branch:
    """A stretch of a wire: horizontal and vertical pieces from point to point.

    Attributes
    ----------
    points
        From the wire's source, or a point on a branch before, to where it ends.
    sink
        (box, which of its inputs) where it ends at a port; None where another branch goes on.
    """

    points: tuple[Point, ...]
    sink: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """The way of one wire: branches that form a tree, and the points where it forks."""

    branches: tuple[Branch, ...]
    forks: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is: boxes, frames and wires by the numbers they came with."""

    width: float
    height: float
    boxes: tuple[Rect, ...]
    frames: tuple[Rect, ...]
    routes: tuple[Route, ...]
