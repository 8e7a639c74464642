"""The picture as SVG, as the notes draw it: value in green above a wire, gradient in red below.

Attributes only: no style sheet, no script, nothing from outside, so that notebooks, GitHub and LaTeX
leave it as it is. Place tells what colour tells: above is forward, below is backward.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from xml.sax.saxutils import escape as escaped
from xml.sax.saxutils import quoteattr

from glassgrad.show.glyphs import text_width
from glassgrad.show.layout.model import Branch
from glassgrad.show.marks import Mark
from glassgrad.show.metrics import BOLD, SIZES
from glassgrad.show.picture import Label, Outline, Picture, Shape, Strip, WirePicture
from glassgrad.show.themes import THEMES, Palette

__all__ = ["svg"]

_FONT = "Helvetica, Arial, Liberation Sans, sans-serif"
_ROUND = 6.0  # radius of a wire's corner
_FOOT = 22.0  # height of the key at the bottom
_ROW = 16.0  # height of a mark's line
_MARK = 11.0  # size of its letters


def svg(
    picture: Picture,
    theme: str = "light",
    marks: Sequence[Mark] = (),
    lit: Collection[int] = (),
) -> str:
    """Draw a picture.

    Parameters
    ----------
    picture : Picture
    theme : str
        A key of `THEMES`.
    marks : sequence of Mark
        What is wrong: numbers at wires, and a line for each below.
    lit : collection of int
        Numbers of nodes that have a ring around them.
    """
    palette = THEMES[theme]
    least = 400.0 if any(w.strips for w in picture.wires) else 210.0
    least = max([least, *(text_width(m.text, _MARK) + 60 for m in marks)])
    width = max(picture.width, least)
    height = picture.height + _FOOT + _ROW * len(marks)
    body = "\n".join(_body(picture, palette, marks, lit))
    mark = "gg" + hashlib.sha256((theme + body).encode()).hexdigest()[:10]
    size = f'width="{_n(width)}" height="{_n(height)}" viewBox="0 0 {_n(width)} {_n(height)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" '
        f'aria-labelledby="{mark}-t {mark}-d" font-family="{_FONT}">\n'
        f'<title id="{mark}-t">{escape(_heading(picture))}</title>\n'
        f'<desc id="{mark}-d">{escape(_telling(picture, marks))}</desc>\n'
        f'<rect width="{_n(width)}" height="{_n(height)}" fill="{palette.ground}"/>\n{body}\n</svg>\n'
    )


# Letters that no XML document may have, not even escaped.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def escape(text: str) -> str:
    """A text as the document may hold it."""
    return escaped(_FORBIDDEN.sub("\ufffd", text))


def _heading(picture: Picture) -> str:
    gates = f"{picture.gates} gate" + ("" if picture.gates == 1 else "s")
    return f"Circuit of {picture.name}: {gates}, the value and the gradient on every wire"


_TOLD = 40  # wires


def _telling(picture: Picture, marks: Sequence[Mark]) -> str:
    """The picture in words, for those who hear it."""
    said = []
    for wire in picture.wires[:_TOLD]:
        name = wire.name or "a wire"
        text = f"{name} is {wire.value}"
        said.append(text if wire.gradient is None else f"{text}, its gradient {wire.gradient}")
    more = len(picture.wires) - _TOLD
    said += [f"and {more} more"] if more > 0 else []
    wrong = "".join(f" {m.text}." for m in marks)
    return "Values stand above the wires, gradients below. " + "; ".join(said) + "." + wrong


def _body(
    picture: Picture, palette: Palette, marks: Sequence[Mark], lit: Collection[int]
) -> Iterator[str]:
    drawn = {w.number: w for w in picture.wires}
    for mark in marks:
        yield from (_halo(drawn[w], palette) for w in mark.wires if w in drawn)
    for outline in picture.outlines:
        yield _outline(outline, palette)
    for wire in picture.wires:
        yield _wire(wire, palette)
    for shape in (s for s in picture.shapes if s.form != "edge"):
        if shape.node.number in lit:
            yield _ring(shape, palette)
        yield _shape(shape, palette)
    yield from _marks(marks, drawn, palette)
    height = picture.height + _FOOT
    yield _key(palette, height, any(w.strips for w in picture.wires))
    for row, mark in enumerate(marks):
        y = height + _ROW * row + 4
        yield (f'{_badge(22, y - 4, mark.number, palette) if mark.number else ""}<text x="34" '
               f'y="{_n(y)}" font-size="{_n(_MARK)}" fill="{palette.alert}">{escape(mark.text)}'
               "</text>")  # fmt: skip


def _halo(wire: WirePicture, palette: Palette) -> str:
    """A broad line behind a wire that something is wrong with."""
    path = " ".join(_path(branch) for branch in wire.route.branches)
    return (f'<path d="{path}" fill="none" stroke="{palette.alert}" stroke-opacity="0.3" '
            'stroke-width="9"/>')  # fmt: skip


def _marks(
    marks: Sequence[Mark], drawn: Mapping[int, WirePicture], palette: Palette
) -> Iterator[str]:
    """The numbers at the beginnings of wires; several at one wire stand in a row above another."""
    taken: dict[int, int] = {}
    for mark in marks:
        for wire in mark.wires[:1]:
            if wire in drawn:
                x, y = drawn[wire].route.branches[0].points[0]
                yield _badge(x - 1, y - 13 * taken.get(wire, 0), mark.number, palette)
                taken[wire] = taken.get(wire, 0) + 1


def _badge(x: float, y: float, number: int, palette: Palette) -> str:
    return (f'<circle cx="{_n(x)}" cy="{_n(y)}" r="6.5" fill="{palette.alert}"/><text '
            f'x="{_n(x)}" y="{_n(y + 3.3)}" font-size="9" font-weight="bold" fill="'
            f'{palette.ground}" text-anchor="middle">{number}</text>')  # fmt: skip


def _outline(outline: Outline, palette: Palette) -> str:
    place = outline.place
    return (
        f"<g><title>{escape(f'{outline.label.text}, line {outline.line}: {outline.gates} gates')}"
        f'</title><rect x="{_n(place.x)}" y="{_n(place.y)}" width="{_n(place.width)}" '
        f'height="{_n(place.height)}" rx="8" fill="{palette.frame}" fill-opacity="0.35" '
        f'stroke="{palette.faint}" stroke-dasharray="4 3"/>{_text(outline.label, palette)}</g>'
    )


def _wire(wire: WirePicture, palette: Palette) -> str:
    told = [f"{wire.name or 'wire'}: {wire.type}", f"value {wire.value}"]
    told.append("no gradient" if wire.gradient is None else f"gradient {wire.gradient}")
    path = " ".join(_path(branch) for branch in wire.route.branches)
    thick = 2.4 if wire.array else 1.5
    colour = palette.wire if wire.gradient is not None else palette.faint
    parts = [f"<g><title>{escape('; '.join(told))}</title>",
             f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{thick}"/>']  # fmt: skip
    parts += [f'<circle cx="{_n(x)}" cy="{_n(y)}" r="2.8" fill="{colour}"/>'
              for x, y in wire.route.forks]  # fmt: skip
    parts += [_strip(strip, palette) for strip in wire.strips]
    parts += [_text(label, palette) for label in wire.labels]
    return "".join(parts) + "</g>"


def _path(branch: Branch) -> str:
    """A polyline with round corners."""
    points = branch.points
    said = [f"M{_n(points[0][0])} {_n(points[0][1])}"]
    for before, at, after in zip(points, points[1:], points[2:]):
        first, second = _towards(at, before), _towards(at, after)
        said.append(f"L{_n(first[0])} {_n(first[1])}Q{_n(at[0])} {_n(at[1])} "
                    f"{_n(second[0])} {_n(second[1])}")  # fmt: skip
    said.append(f"L{_n(points[-1][0])} {_n(points[-1][1])}")
    return "".join(said)


def _towards(at: tuple[float, float], to: tuple[float, float]) -> tuple[float, float]:
    length = abs(to[0] - at[0]) + abs(to[1] - at[1])
    step = min(_ROUND, length / 2) / length if length else 0.0
    return at[0] + (to[0] - at[0]) * step, at[1] + (to[1] - at[1]) * step


def _shape(shape: Shape, palette: Palette) -> str:
    place, node = shape.place, shape.node
    told = [node.op or node.kind]
    if node.says:
        told[0] += f": {node.says}"
    if node.statement:
        told.append(f"line {node.line}: {node.statement}")
    if node.gates > 1:
        told.append(f"{node.gates} gates")
    if shape.form == "end":
        x, y = place.x, place.y + place.height / 2
        drawn = (f'<path d="M{_n(x)} {_n(y - 5)}L{_n(x + 9)} {_n(y)}L{_n(x)} {_n(y + 5)}Z" '
                 f'fill="{palette.wire}"/>')  # fmt: skip
    elif shape.form == "circle":
        radius = place.width / 2
        drawn = (f'<circle cx="{_n(place.x + radius)}" cy="{_n(place.y + radius)}" '
                 f'r="{_n(radius)}" fill="{palette.gate}" stroke="{palette.ink}" '
                 f'stroke-width="1.5"/>')  # fmt: skip
    else:
        fill, stroke, corner, dash = {
            "pill": (palette.gate, palette.ink, 17.0, ""),
            "box": (palette.frame, palette.ink, 6.0, ""),
            "name": (palette.input, palette.faint, 5.0, ""),
            "constant": (palette.ground, palette.faint, 5.0, ' stroke-dasharray="3 2"'),
        }[shape.form]
        drawn = (f'<rect x="{_n(place.x)}" y="{_n(place.y)}" width="{_n(place.width)}" '
                 f'height="{_n(place.height)}" rx="{_n(corner)}" fill="{fill}" '
                 f'stroke="{stroke}" stroke-width="1.5"{dash}/>')  # fmt: skip
    texts = "".join(_text(label, palette) for label in shape.labels)
    return f"<g><title>{escape('; '.join(told))}</title>{drawn}{texts}</g>"


def _ring(shape: Shape, palette: Palette) -> str:
    x, y, width, height = shape.place.x, shape.place.y, shape.place.width, shape.place.height
    return (f'<rect x="{_n(x - 2)}" y="{_n(y - 2)}" width="{_n(width + 4)}" height="{_n(height + 4)}" '
            f'rx="{_n(min(19.0, (height + 4) / 2))}" fill="none" stroke="{palette.alert}" '
            'stroke-width="3.5"/>')  # fmt: skip


def _text(label: Label, palette: Palette) -> str:
    colour = {"value": palette.value, "gradient": palette.gradient, "line": palette.dim,
              "shape": palette.dim}.get(label.role, palette.ink)  # fmt: skip
    size = SIZES[label.role]
    x, anchor, y = label.x, "", label.y
    if label.centred:
        x, anchor = label.place.x + label.place.width / 2, ' text-anchor="middle"'
        y = label.place.y + label.place.height / 2 + 0.35 * size
    if label.text == "*":  # the sign hangs high in its line
        size, y = 24, y + 6
    bold = ' font-weight="bold"' if label.role in BOLD else ""
    return (f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" fill={quoteattr(colour)}'
            f"{anchor}{bold}>{escape(label.text)}</text>")  # fmt: skip


def _strip(strip: Strip, palette: Palette) -> str:
    place = strip.place
    width = place.width / len(strip.cells)
    parts = [
        f'<rect x="{_n(place.x + n * width)}" y="{_n(place.y)}" width="{_n(width)}" '
        f'height="{_n(place.height)}" fill="{palette.heat(cell)}"/>'
        for n, cell in enumerate(strip.cells)
    ]
    edge = (f'<rect x="{_n(place.x)}" y="{_n(place.y)}" width="{_n(place.width)}" '
            f'height="{_n(place.height)}" fill="none" stroke="{palette.faint}" '
            f'stroke-width="0.5"/>')  # fmt: skip
    return "".join(parts) + edge


def _key(palette: Palette, height: float, strips: bool) -> str:
    y = height - 10
    parts = [
        f'<g font-size="10"><text x="16" y="{_n(y)}" fill="{palette.value}">above a wire: value'
        f'</text><text x="124" y="{_n(y)}" fill="{palette.gradient}">below: gradient</text>'
    ]
    if strips:
        cells = (-1.0, -0.5, 0.0, 0.5, 1.0)
        parts += [f'<rect x="{_n(212 + 8 * n)}" y="{_n(y - 7)}" width="8" height="8" '
                  f'fill="{palette.heat(c)}"/>' for n, c in enumerate(cells)]  # fmt: skip
        parts.append(f'<text x="258" y="{_n(y)}" fill="{palette.dim}">elements, '
                     "negative to positive</text>")  # fmt: skip
    return "".join(parts) + "</g>"


def _n(value: float) -> str:
    """A coordinate: at most two digits behind the point."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value % 1 else str(int(value))
