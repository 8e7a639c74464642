"""The wires between two columns: which vertical track each takes, so that none lie on another.

A wire comes in from the left at one height, runs up or down on its track, and leaves to the right
at one or more heights. Which of two wires has the track further left decides whether they cross,
and whether one would run along the other. Source: Schulze, Spönemann, von Hanxleden 2014, the
section on orthogonal edges.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Passage", "tracks"]

_PAIRS = 500  # wires in one channel that are compared pair by pair for crossings
_CUTS = 40  # wires that are cut in two, at most


@dataclass(slots=True, eq=False)
class Passage:
    """A wire's way through one channel: in at height `source`, out at `targets`; on `track`.

    Where wires would run along each other whatever their order is, one is cut in two: `then` is
    its second half, which starts where the first ends.
    """

    source: float
    targets: list[float]
    track: int = -1
    then: Passage | None = None
    low: float = field(init=False)
    high: float = field(init=False)

    def __post_init__(self) -> None:
        self._span()

    def _span(self) -> None:
        self.low = min(self.source, *self.targets)
        self.high = max(self.source, *self.targets)

    @property
    def straight(self) -> bool:
        return self.high - self.low < 1e-6

    def cut(self, at: float) -> Passage:
        """Go to height `at` first; the second half goes on from there."""
        self.then = Passage(at, self.targets, then=self.then)
        self.targets = [at]
        self._span()
        return self.then


def tracks(passages: Sequence[Passage], wire: float) -> int:
    """Give every passage that is not straight its track, counted from the left.

    Parameters
    ----------
    passages : sequence of Passage
        `track` and `then` are filled in.
    wire : float
        Least distance between wires side by side.

    Returns
    -------
    int
        How many tracks there are.

    Examples
    --------
    >>> down, beside = Passage(0.0, [20.0]), Passage(10.0, [30.0])
    >>> tracks([down, beside], 8.0), down.track, beside.track
    (2, 1, 0)
    """
    bent = [p for p in passages if not p.straight]
    near = 0.75 * wire
    taken = sorted(y for p in passages for y in (p.source, *p.targets))
    for _ in range(_CUTS):
        circle = _circle(_forced(bent, near))
        if circle is None:
            break
        cut = bent[min(circle, key=lambda n: (len(bent[n].targets), n))]
        height = _free(taken, cut, wire)
        insort(taken, height)
        bent.append(cut.cut(height))
    order, apart = _order(bent, _forced(bent, near), wire)
    for i in order:
        bent[i].track = 1 + max((bent[j].track for j in apart[i] if bent[j].track >= 0), default=-1)
    return 1 + max((p.track for p in bent), default=-1)


def _forced(bent: Sequence[Passage], near: float) -> list[set[int]]:
    """For each passage those that have to be further right, so that none lies on another.

    What leaves at the height at which another comes in has to be right of that other: else the two
    would share the stretch between their tracks.
    """
    sources = sorted((p.source, n) for n, p in enumerate(bent))
    number = {id(p): n for n, p in enumerate(bent)}
    right: list[set[int]] = [set() for _ in bent]
    for n, passage in enumerate(bent):
        for target in passage.targets:
            at = bisect_left(sources, (target - near, -1))
            while at < len(sources) and sources[at][0] < target + near:
                other = sources[at][1]
                if other != n and bent[other] is not passage.then:
                    right[other].add(n)
                at += 1
        if passage.then is not None:
            right[n].add(number[id(passage.then)])
    return right


def _circle(right: Sequence[set[int]]) -> list[int] | None:
    """Passages that each have to be left of the next, in a circle."""
    state = [0] * len(right)
    for start in range(len(right)):
        if state[start]:
            continue
        state[start] = 1
        stack = [(start, iter(sorted(right[start])))]
        while stack:
            node, rest = stack[-1]
            for other in rest:
                if state[other] == 1:
                    path = [n for n, _ in stack]
                    return path[path.index(other) :]
                if not state[other]:
                    state[other] = 1
                    stack.append((other, iter(sorted(right[other]))))
                    break
            else:
                state[node] = 2
                stack.pop()
    return None


def _free(taken: Sequence[float], passage: Passage, wire: float) -> float:
    """A height no wire has, as near as possible to where the passage runs."""
    middle = (passage.low + passage.high) / 2
    found = [taken[0] - wire, taken[-1] + wire]
    for above, below in itertools.pairwise(taken):
        if below - above >= 1.5 * wire:
            found.append((above + below) // 2)
    return min(found, key=lambda y: (abs(y - middle), y))


def _order(
    bent: Sequence[Passage], right: Sequence[set[int]], wire: float
) -> tuple[list[int], list[set[int]]]:
    """The passages from left to right, and for each those it may not share a track with."""
    count = len(bent)
    apart: list[set[int]] = [set() for _ in bent]
    waiting = [0] * count
    for n, others in enumerate(right):
        for other in others:
            waiting[other] += 1
            apart[n].add(other)
            apart[other].add(n)
    regret: list[dict[int, int]] = [{} for _ in bent]  # crossings more if this one goes first
    for i in range(count):
        a = bent[i]
        for j in range(i + 1, count):
            b = bent[j]
            if a.low > b.high + wire or b.low > a.high + wire:
                continue
            apart[i].add(j)
            apart[j].add(i)
            if count <= _PAIRS:
                more = _crossings(a, b) - _crossings(b, a)
                if more > 0:
                    regret[i][j] = more
                elif more < 0:
                    regret[j][i] = -more
    total = [sum(r.values()) for r in regret]
    ready = [n for n in range(count) if not waiting[n]]
    order: list[int] = []
    done = [False] * count
    while len(order) < count:
        if not ready:  # a circle that could not be cut: let one go first all the same
            ready = [next(n for n in range(count) if not done[n])]
        first = min(ready, key=lambda n: (total[n], n))
        ready.remove(first)
        done[first] = True
        order.append(first)
        for j in apart[first]:
            total[j] -= regret[j].get(first, 0)
        for j in right[first]:
            waiting[j] -= 1
            if not waiting[j] and not done[j]:
                ready.append(j)
    return order, apart


def _crossings(a: Passage, b: Passage) -> int:
    """How often two wires cross when `a` has the track further left."""
    return sum(b.low < t < b.high for t in a.targets) + (a.low < b.source < a.high)
