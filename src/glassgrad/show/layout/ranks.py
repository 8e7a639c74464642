"""Ranks: which column each box stands in. A box is right of all it reads from.

The longest path gives the first columns; then boxes move to the right as long as that makes the
wires shorter, each wire counted once however many readers it has, since they share its lane.
"""

from __future__ import annotations

from collections.abc import Sequence

from glassgrad.show.layout.model import Net, Side

__all__ = ["ranks", "topological"]

_ROUNDS = 4


def topological(count: int, nets: Sequence[Net]) -> list[int]:
    """The boxes in an order in which each comes after what it reads from.

    Raises
    ------
    ValueError
        There is a cycle.

    Examples
    --------
    >>> topological(3, [Net(2, 0, ((0, 0),)), Net(0, 0, ((1, 0),))])
    [2, 0, 1]
    """
    waiting = [0] * count
    readers: list[list[int]] = [[] for _ in range(count)]
    for net in nets:
        for box, _ in net.sinks:
            waiting[box] += 1
            readers[net.source].append(box)
    order = [b for b in range(count) if not waiting[b]]
    for box in order:
        for reader in readers[box]:
            waiting[reader] -= 1
            if not waiting[reader]:
                order.append(reader)
    if len(order) < count:
        raise ValueError("a circuit has no cycles, but these wires form one")
    return order


def ranks(count: int, nets: Sequence[Net], sides: Sequence[Side | None]) -> list[int]:
    """The column of each box, counted from 0.

    Parameters
    ----------
    count : int
        How many boxes.
    nets : sequence of Net
    sides : sequence
        For each box "left" (column 0), "right" (the last column) or None; both columns are theirs
        alone.

    Examples
    --------
    >>> ranks(3, [Net(0, 0, ((2, 0),)), Net(1, 0, ((2, 1),))], ["left", "left", None])
    [0, 0, 1]
    """
    order = topological(count, nets)
    out: list[list[int]] = [[] for _ in range(count)]
    into: list[set[int]] = [set() for _ in range(count)]
    for number, net in enumerate(nets):
        if net.sinks:
            out[net.source].append(number)
        for box, _ in net.sinks:
            into[box].add(number)
    first = int(any(s == "left" for s in sides))
    rank = [0 if s == "left" else first for s in sides]
    for box in order:
        for number in out[box]:
            for sink, _ in nets[number].sinks:
                rank[sink] = max(rank[sink], rank[box] + 1)
    free = [b for b in range(count) if sides[b] is None]
    last = max((rank[b] for b in free), default=0)
    if any(s == "right" for s in sides):
        last = max([last + 1, *(rank[b] for b in range(count) if sides[b] == "right")])
        for box in range(count):
            if sides[box] == "right":
                rank[box] = last
    moving = [b for b in reversed(order) if sides[b] is None and out[b]]
    for _ in range(_ROUNDS):
        changed = False
        for box in moving:
            high = min(rank[s] for n in out[box] for s, _ in nets[n].sinks) - 1
            if high > rank[box]:
                best = _best(box, rank, high, len(out[box]), [nets[n] for n in into[box]])
                changed |= best != rank[box]
                rank[box] = best
        if not changed:
            break
    return rank


def _best(box: int, rank: Sequence[int], high: int, outs: int, reads: Sequence[Net]) -> int:
    """The column up to `high` where the wires of a box are shortest; the rightmost of several.

    So values are computed where they are used, and what is beside each other reads from one lane.
    """
    low = rank[box]
    ends = [max((rank[s] for s, _ in net.sinks if s != box), default=low) for net in reads]

    def length(at: int) -> int:
        return sum(max(0, at - end) for end in ends) - outs * at

    candidates = sorted({low, high, *[e for e in ends if low < e < high]})
    return min(candidates, key=lambda at: (length(at), -at))
