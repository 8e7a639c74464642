"""How large things are where a picture is drawn: in points of a page, or in cells of a terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from glassgrad.show.glyphs import text_width
from glassgrad.show.layout import Spacing

__all__ = ["CELLS", "PAGE", "Metrics", "Role"]

Role: TypeAlias = Literal["name", "shape", "value", "gradient", "symbol", "word", "line", "title"]


@dataclass(frozen=True)
class Metrics:
    """Sizes of text and shapes.

    Attributes
    ----------
    width
        Of a text in a role.
    text
        Height of a line of text.
    rise
        From a line's top to where its letters stand.
    gate
        Diameter of a gate's circle, and height of all other shapes of one line.
    port
        Distance between two inputs of a gate.
    pad
        Left and right of a word in a shape.
    gap
        Between a shape, the texts beside it, and a wire.
    strip
        Height of a strip of cells; 0: there are none.
    cell
        Width of a cell.
    lines
        Whether source lines stand under the gates.
    margin
        Around the whole.
    title
        Height of a group's title.
    """

    width: Callable[[str, Role], float]
    text: float
    rise: float
    gate: float
    port: float
    pad: float
    gap: float
    strip: float
    cell: float
    lines: bool
    margin: float
    title: float
    spacing: Spacing


#: Sizes of text on a page, by role.
SIZES: dict[Role, float] = {"name": 12, "shape": 10, "value": 12, "gradient": 12, "symbol": 16,
                            "word": 12, "line": 9, "title": 11}  # fmt: skip
BOLD = frozenset({"name", "title"})

PAGE = Metrics(
    width=lambda text, role: text_width(text, SIZES[role], role in BOLD),
    text=14, rise=11, gate=34, port=14, pad=9, gap=5, strip=6, cell=6, lines=True, margin=16,
    title=20, spacing=Spacing(column=28, box=16, wire=9, pad=14),
)  # fmt: skip
CELLS = Metrics(
    width=lambda text, role: len(text),
    text=1, rise=0, gate=3, port=2, pad=2, gap=1, strip=0, cell=0, lines=False, margin=0,
    title=1, spacing=Spacing(column=4, box=1, wire=2, pad=1, thick=1),
)  # fmt: skip
