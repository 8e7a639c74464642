"""The picture in the page as it is really drawn, and whether it is a sound one.

Geometry is read from the document the browser shows, texts as the browser measures them: shapes and
texts keep apart, wires run across and down and end where they belong.
"""

from __future__ import annotations

import re
from itertools import pairwise

__all__ = ["PICTURE", "check", "still", "toggle"]

#: All that is drawn, in the picture's coordinates: places of shapes, texts and strips, wires' corners.
PICTURE = """() => {
  const place = (e) => { const b = e.getBBox(); return [b.x, b.y, b.width, b.height]; };
  const all = (css, of) => [...document.querySelectorAll('.gg-svg ' + css)].map(of);
  return {
    shapes: all('.gg-shape', (e) => [e.dataset.k, place(e.querySelector('.gg-form'))]),
    frames: all('.gg-frame', (e) => [e.querySelector('[data-k]').dataset.k, place(e.querySelector('.gg-inside'))]),
    texts: all('.gg-wire .gg-t, .gg-title .gg-t, .gg-shape .gg-r-line', (e) => [e.textContent, place(e)]),
    strips: all('.gg-cells', (e) => ['strip', place(e)]),
    wires: all('.gg-wire', (e) => [e.dataset.k, e.querySelector('.gg-path').getAttribute('d')]),
  };
}"""


def corners(d):
    """The corners of each branch; of a round one, where it would be if it were sharp."""
    for branch in d.split("M")[1:]:
        numbers = [[float(n) for n in re.findall(r"-?[\d.]+(?:e-?\d+)?", part)]
                   for part in re.split(r"[LQ]", branch)]  # fmt: skip
        yield [numbers[0], *(n[:2] for n in numbers[1:] if len(n) == 4), numbers[-1]]


def pieces(d):
    return [(a, b) for branch in corners(d) for a, b in pairwise(branch)]


def on(point, piece, off=0.1):
    return all(min(a, b) - off <= p <= max(a, b) + off
               for p, a, b in zip(point, *piece, strict=True))  # fmt: skip


def overlap(a, b, off=0.3):
    return all(a[n] + off < b[n] + b[n + 2] and b[n] + off < a[n] + a[n + 2] for n in (0, 1))


def check(picture, doc):
    """Nothing overlaps; every wire is one piece, across and down, from its driver to its readers."""
    shapes = dict(picture["shapes"])
    boxes = [*picture["shapes"], *picture["strips"]]
    texts = [t for t in picture["texts"] if t[0]]
    for n, (name, place) in enumerate(boxes):
        for other, there in boxes[n + 1 :]:
            assert not overlap(place, there), (name, other)
    for n, (name, (x, y, w, h)) in enumerate(texts):
        place = (x, y + 2, w, h - 4)  # letters, not the line they stand in
        for other, (x, y, w, h) in texts[n + 1 :]:
            assert not overlap(place, (x, y + 2, w, h - 4)), (name, other)
        for other, there in boxes:
            if other[0] != "g":  # the texts of a box stand in it
                assert not overlap(place, there), (name, other)
    ends = {}
    for key, d in picture["wires"]:
        parts = pieces(d)
        for a, b in parts:
            assert min(abs(a[0] - b[0]), abs(a[1] - b[1])) < 0.03, (key, a, b)
            piece = (
                min(a[0], b[0]),
                min(a[1], b[1]) - 0.2,
                abs(a[0] - b[0]),
                abs(a[1] - b[1]) + 0.4,
            )
            for name, place in shapes.items():
                assert not overlap(piece, round_(place, piece), 2.0), (key, name)
        reached = {0}
        todo = [0]
        while todo:
            here = parts[todo.pop()]
            for n, there in enumerate(parts):
                touch = any(on(p, there) for p in here) or any(on(p, here) for p in there)
                if n not in reached and touch:
                    reached.add(n)
                    todo.append(n)
        assert len(reached) == len(parts), key
        ends[int(key[1:])] = parts
    apart(ends)
    group = [node["group"] for node in doc["nodes"]]
    for number, node in enumerate(doc["nodes"]):
        key = f"n{number}"
        if key not in shapes:  # it lies in a closed group
            at = group[number]
            while f"g{at}" not in shapes:
                at = doc["groups"][at]["parent"]
            continue
        for wire in node["inputs"]:
            assert meets(ends[wire], shapes[key], 0), (key, wire)
        for wire in node["outputs"]:
            if wire in ends:
                assert meets(ends[wire], shapes[key], 1), (key, wire)


def round_(place, piece):
    """A shape as wide as it is at the height of a piece that goes across: ends are round."""
    x, y, w, h = place
    radius = min(34, w, h) / 2
    off = abs(piece[1] + piece[3] / 2 - y - h / 2) - (h / 2 - radius)
    beyond = min(radius, max(0.0, off)) if piece[3] < 1 else 0.0
    inset = radius - (radius**2 - beyond**2) ** 0.5
    return x + inset, y, w - 2 * inset, h


def apart(ends):
    """No two wires run along each other."""
    runs = {}
    for wire, parts in ends.items():
        for a, b in parts:
            for n in (0, 1):
                if abs(a[n] - b[n]) < 0.03 < abs(a[1 - n] - b[1 - n]):
                    low, high = sorted((a[1 - n], b[1 - n]))
                    runs.setdefault((n, round(a[n])), []).append((low, high, wire))
    for place, found in runs.items():
        for n, (low, high, wire) in enumerate(found):
            for start, end, other in found[n + 1 :]:
                assert wire == other or min(high, end) - max(low, start) < 0.3, (place, wire, other)


def meets(parts, shape, side):
    x, y, w, h = shape
    return any(abs(p[0] - (x + side * w)) < 18 and y <= p[1] <= y + h and (p[0] <= x + w / 2) != side
               for part in parts for p in part)  # fmt: skip


def still(page):
    """What moves softly has come to rest."""
    page.wait_for_function("""() => { const now = document.querySelector('.gg-svg g').getAttribute('transform');
      const same = now === globalThis.before; globalThis.before = now; return same; }""", polling=60)  # fmt: skip


def toggle(page, group):
    page.locator(f"[data-toggle=g{group}]").dispatch_event("click")
    still(page)
