"""A picture as short JSON: keys of one letter, rectangles and points as rows of numbers.

A page gets one picture for each level of a graph, thousands where there are many groups, so it is
length that counts here. `web/src/document.ts` has the same as types.
"""

from __future__ import annotations

from typing import Any

from glassgrad.show.layout import Rect
from glassgrad.show.picture import Label, Outline, Picture, Port, Shape, Strip, WirePicture

__all__ = ["compact"]


def compact(picture: Picture) -> dict[str, Any]:
    """A picture's shapes, wires and outlines; coordinates are rounded to a hundredth."""
    return {
        "w": _n(picture.width), "h": _n(picture.height),
        "shapes": [_shape(s) for s in picture.shapes],
        "wires": [_wire(w) for w in picture.wires],
        "outlines": [_outline(o) for o in picture.outlines],
    }  # fmt: skip


def _shape(shape: Shape) -> dict[str, Any]:
    node = shape.node
    found: dict[str, Any] = {
        "f": shape.form, "r": _rect(shape.place), "i": [_port(p) for p in shape.inputs],
        "o": [_port(p) for p in shape.outputs], "t": [_label(t) for t in shape.labels],
    }  # fmt: skip
    # What it stands for: a folded group, a wire that crosses the edge, a node.
    if node.folds is not None:
        found["g"] = node.folds
    elif node.kind in ("enter", "leave"):
        found["e"] = node.kind
    else:
        found["n"] = node.number
    return found


def _wire(wire: WirePicture) -> dict[str, Any]:
    return {
        "n": wire.number,
        "b": [[_n(c) for point in b.points for c in point] for b in wire.route.branches],
        "k": [[_n(x), _n(y)] for x, y in wire.route.forks],
        "t": [_label(t) for t in wire.labels], "s": [_strip(s) for s in wire.strips],
    }  # fmt: skip


def _outline(outline: Outline) -> dict[str, Any]:
    return {"g": outline.group, "r": _rect(outline.place), "t": [_label(outline.label)]}


def _port(port: Port) -> list[float]:
    return [_n(port.x), _n(port.y), port.wire]


def _label(label: Label) -> list[Any]:
    """Text, role, place, the height its letters stand on, whether it is centred."""
    return [label.text, label.role, *_rect(label.place), _n(label.y), int(label.centred)]


def _strip(strip: Strip) -> list[Any]:
    return [strip.role, *_rect(strip.place), list(strip.cells)]


def _rect(rect: Rect) -> list[float]:
    return [_n(rect.x), _n(rect.y), _n(rect.width), _n(rect.height)]


def _n(value: float) -> float:
    rounded = round(float(value), 2)
    return int(rounded) if rounded.is_integer() else rounded
