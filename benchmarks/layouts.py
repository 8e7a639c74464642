"""Layouts beside Graphviz: crossings and wire length on ten circuits, and the time they take.

`dot` gets the same boxes with the same ports at the same distances. It draws a line for each
reader of a wire, our layout one that forks; so the length is also given for each reader alone.

    python -m benchmarks.layouts
"""

from __future__ import annotations

import json
import math
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from shutil import which
from typing import Any

import numpy as np

import glassgrad as gg
from glassgrad.show.graph import graph_of
from glassgrad.show.layout import Box, Measures, Net, Route, layout, measure
from glassgrad.show.layout.model import Point
from glassgrad.show.metrics import PAGE
from glassgrad.show.picture import boxes_and_nets

__all__ = ["CIRCUITS", "by_dot", "main", "ours", "problem"]

_INCH = 72.0
_STEPS = 8  # straight pieces for one curve of dot's


def sum_and_product(x: float, y: float, z: float) -> float:
    return (x + y) * z


def product_and_max(x: float, y: float, z: float, w: float) -> float:
    return 2 * (x * y + np.maximum(z, w))


def fraction(x: float, y: float) -> float:
    sigy = 1.0 / (1 + math.exp(-y))
    sigx = 1.0 / (1 + math.exp(-x))
    return (x + sigy) / (sigx + (x + y) ** 2)


def neuron(w: Sequence[float], x: Sequence[float], b: float) -> float:
    dot = b
    for each, value in zip(w, x, strict=True):
        dot = dot + each * value
    return 1 / (1 + math.exp(-dot))


def network(W1: Any, b1: Any, W2: Any, b2: Any, x: Any, y: Any) -> Any:
    h = np.tanh(x @ W1 + b1)
    return np.mean((h @ W2 + b2 - y) ** 2)


def cross_entropy(W: Any, x: Any) -> Any:
    s = x @ W
    e = np.exp(s - s.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return -np.mean(np.log(p[:, 0]))


def recurrence(xs: Any, Wh: Any, Wx: Any) -> Any:
    h = np.zeros(3)
    for x in xs:
        h = np.tanh(h @ Wh + x @ Wx)
    return np.sum(h * h)


def determinant(a: Sequence[float]) -> float:
    a, b, c, d, e, f, g, h, i = a
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def butterfly(x: Sequence[float]) -> float:
    """Every output from every input, as in a fast Fourier transform."""
    x, span = list(x), 1
    while span < len(x):
        for start in range(0, len(x), 2 * span):
            for n in range(start, start + span):
                x[n], x[n + span] = x[n] + x[n + span], x[n] - x[n + span]
        span *= 2
    total = x[0] * x[0]
    for each in x[1:]:
        total = total + each * each
    return total


def tangle(x: Sequence[float]) -> float:
    """Two hundred gates, each on two earlier values, chosen at random."""
    choose = np.random.default_rng(5)
    values = list(x)
    for n in range(200):
        a, b = choose.integers(max(0, len(values) - 20), len(values), 2)
        values.append(values[a] * values[b] if n % 2 else values[a] + values[b])
    total = values[-1]
    for each in values[-20:-1]:
        total = total + each
    return total


def _data() -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    normal = np.random.default_rng(0).standard_normal
    four = [0.1, 0.2, 0.3, 0.4]
    return {
        "sum_and_product": (sum_and_product, (-2.0, 5.0, -4.0)),
        "product_and_max": (product_and_max, (3.0, -4.0, 2.0, -1.0)),
        "fraction": (fraction, (3.0, -4.0)),
        "neuron": (neuron, (four, four[::-1], -3.0)),
        "network": (network, (normal((3, 4)), np.zeros(4), normal((4, 2)), np.zeros(2),
                              normal((5, 3)), normal((5, 2)))),
        "cross_entropy": (cross_entropy, (normal((3, 5)), normal((4, 3)))),
        "recurrence": (recurrence, (normal((8, 2)), normal((3, 3)), normal((2, 3)))),
        "determinant": (determinant, ([2.0, -1.0, 0.5, 1.0, 3.0, -2.0, 0.25, 1.5, 1.0],)),
        "butterfly": (butterfly, ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],)),
        "tangle": (tangle, ([0.9, 0.8, 0.7, 1.1, 0.6],)),
    }  # fmt: skip


CIRCUITS = _data()


def problem(name: str) -> tuple[list[Box], list[Net]]:
    """The boxes and wires of a circuit, without frames."""
    function, args = CIRCUITS[name]
    graph = graph_of(gg.backprop(function, *args))
    boxes, nets = boxes_and_nets(graph, PAGE)
    return [Box(b.width, b.height, b.inputs, b.outputs, None, b.side) for b in boxes], nets


@dataclass(frozen=True)
class Drawing:
    """What was measured of one drawing: as drawn, and the length of the way to each reader."""

    drawn: Measures
    ways: float
    seconds: float


def ours(boxes: Sequence[Box], nets: Sequence[Net]) -> Drawing:
    """Our layout."""
    start = time.perf_counter()
    laid = layout(boxes, nets, spacing=PAGE.spacing)
    seconds = time.perf_counter() - start
    drawn = measure([[b.points for b in r.branches] for r in laid.routes])
    return Drawing(drawn, sum(map(_ways, laid.routes)), seconds)


def _ways(route: Route) -> float:
    """The length from the source to each reader of a wire, added up."""
    starts = [0.0]  # how far from the source each branch begins
    for n, branch in enumerate(route.branches[1:], 1):
        before = zip(route.branches[:n], starts, strict=True)
        starts.append(min(_along(b.points, branch.points[0], far) for b, far in before))
    return sum(starts[n] + _length(b.points) for n, b in enumerate(route.branches) if b.sink)


def _along(points: Sequence[Point], point: Point, far: float) -> float:
    """How far from the source a point on a branch is; infinity where it is not on it."""
    for a, b in pairwise(points):
        if (min(a[0], b[0]) - 1e-6 <= point[0] <= max(a[0], b[0]) + 1e-6
                and min(a[1], b[1]) - 1e-6 <= point[1] <= max(a[1], b[1]) + 1e-6):  # fmt: skip
            return far + _length((a, point))
        far += _length((a, b))
    return math.inf


def _length(points: Sequence[Point]) -> float:
    return sum(math.dist(a, b) for a, b in pairwise(points))


def by_dot(boxes: Sequence[Box], nets: Sequence[Net]) -> Drawing:
    """Graphviz's layout of the same boxes and wires."""
    space = PAGE.spacing
    lines = [f"digraph {{ rankdir=LR; nodesep={space.box / _INCH}; ranksep={space.column / _INCH};"]
    for number, box in enumerate(boxes):
        into = "|".join(f"<i{n}>" for n in range(len(box.inputs)))
        out = "|".join(f"<o{n}>" for n in range(len(box.outputs)))
        lines.append(f'b{number} [shape=record, fixedsize=true, label="{{{{{into}}}|{{{out}}}}}", '
                     f"width={box.width / _INCH}, height={box.height / _INCH}];")  # fmt: skip
    for side, rank in (("left", "source"), ("right", "sink")):
        names = [f"b{n};" for n, b in enumerate(boxes) if b.side == side]
        if names:
            lines.append(f"{{ rank={rank}; {' '.join(names)} }}")
    for number, net in enumerate(nets):
        lines += [f"b{net.source}:o{net.port}:e -> b{box}:i{port}:w [net={number}, dir=none];"
                  for box, port in net.sinks]  # fmt: skip
    start = time.perf_counter()
    done = subprocess.run(["dot", "-Tjson"], input="\n".join([*lines, "}"]), capture_output=True,
                          text=True, check=True)  # fmt: skip
    seconds = time.perf_counter() - start
    wires: list[list[list[Point]]] = [[] for _ in nets]
    for edge in json.loads(done.stdout)["edges"]:
        wires[int(edge["net"])].append(_straightened(edge["pos"]))
    drawn = measure(wires)
    return Drawing(drawn, drawn.length, seconds)


def _straightened(pos: str) -> list[Point]:
    """A curve of dot's as a polyline."""
    points = [tuple(map(float, p.split(","))) for p in pos.split() if p[0] not in "se"]
    line: list[Point] = [points[0]]
    for n in range(0, len(points) - 3, 3):
        p = points[n : n + 4]
        for k in range(1, _STEPS + 1):
            t = k / _STEPS
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            line.append((sum(w * q[0] for w, q in zip(weights, p, strict=True)),
                         sum(w * q[1] for w, q in zip(weights, p, strict=True))))  # fmt: skip
    return line


def main() -> None:
    """Print the table of the documentation."""
    dot = which("dot") is not None
    print("| circuit | boxes | crossings | dot | length | of each way | dot | seconds | dot |")
    print("|---|---|---|---|---|---|---|---|---|")
    sums = [0.0] * 8
    for name in CIRCUITS:
        boxes, nets = problem(name)
        mine = min((ours(boxes, nets) for _ in range(3)), key=lambda d: d.seconds)
        row = [
            len(boxes),
            mine.drawn.crossings,
            0,
            mine.drawn.length,
            mine.ways,
            0.0,
            mine.seconds,
            0.0,
        ]
        if dot:
            other = min((by_dot(boxes, nets) for _ in range(3)), key=lambda d: d.seconds)
            row[2], row[5], row[7] = other.drawn.crossings, other.ways, other.seconds
        _print(name, row, dot)
        sums = [a + b for a, b in zip(sums, row, strict=True)]
    _print("all", sums, dot)


def _print(name: str, row: Sequence[float], dot: bool) -> None:
    boxes, mine, theirs, length, ways, other, seconds, others = row
    print(f"| {name} | {boxes:.0f} | {mine:.0f} | {f'{theirs:.0f}' if dot else '-'} | {length:.0f} | "
          f"{ways:.0f} | {f'{other:.0f}' if dot else '-'} | {seconds:.3f} | "
          f"{f'{others:.3f}' if dot else '-'} |")  # fmt: skip


if __name__ == "__main__":
    main()
