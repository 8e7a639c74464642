"""How good a drawing is, as numbers: crossings of wires, their length, their bends.

Works on any polylines, so that another program's drawing can be measured the same way.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from glassgrad.show.layout.model import Point

__all__ = ["Measures", "measure"]


@dataclass(frozen=True, slots=True)
class Measures:
    """What was counted.

    Attributes
    ----------
    crossings
        Points where two different wires cross.
    length
        Of all wires together; what the branches of a wire share counts once where it is drawn once.
    bends
        Corners of all wires together.
    """

    crossings: int
    length: float
    bends: int


def measure(wires: Sequence[Sequence[Sequence[Point]]]) -> Measures:
    """Count crossings, length and bends.

    Parameters
    ----------
    wires : sequence
        For each wire its polylines. Two lines cross where they meet inside both, or where one
        ends inside the other at neither's own source; lines of one wire never cross.

    Examples
    --------
    >>> measure([[[(0, 0), (10, 10)]], [[(0, 10), (10, 0)]]]).crossings
    1
    """
    segments: list[tuple[float, float, float, float, int]] = []
    length, bends = 0.0, 0
    for number, wire in enumerate(wires):
        for line in wire:
            bends += max(0, len(line) - 2)
            for (ax, ay), (bx, by) in itertools.pairwise(line):
                length += ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5
                if (bx, by) < (ax, ay):
                    ax, ay, bx, by = bx, by, ax, ay
                segments.append((ax, ay, bx, by, number))
    segments.sort()
    starts = [s[0] for s in segments]
    widest = max((s[2] - s[0] for s in segments), default=0.0)
    found: set[tuple[int, int, float, float]] = set()
    for ax, ay, bx, by, wire_a in segments:
        first, last = bisect_left(starts, ax - widest), bisect_right(starts, bx)
        for cx, cy, dx, dy, wire_b in segments[first:last]:
            if wire_a >= wire_b or dx < ax or max(cy, dy) < min(ay, by):
                continue
            if min(cy, dy) > max(ay, by):
                continue
            point = _meeting(ax, ay, bx, by, cx, cy, dx, dy)
            if point is not None:
                found.add((wire_a, wire_b, round(point[0], 3), round(point[1], 3)))
    return Measures(len(found), length, bends)


def _meeting(
    ax: float, ay: float, bx: float, by: float, cx: float, cy: float, dx: float, dy: float
) -> Point | None:
    """Where two segments cross, ends included; None for parallel ones."""
    across = (bx - ax) * (dy - cy) - (by - ay) * (dx - cx)
    if abs(across) < 1e-9:
        return None
    s = ((cx - ax) * (dy - cy) - (cy - ay) * (dx - cx)) / across
    t = ((cx - ax) * (by - ay) - (cy - ay) * (bx - ax)) / across
    if -1e-9 <= s <= 1 + 1e-9 and -1e-9 <= t <= 1 + 1e-9:
        return ax + s * (bx - ax), ay + s * (by - ay)
    return None
