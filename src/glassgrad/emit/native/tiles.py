"""Steps that run along one long axis, run together: a tile of it through all, then the next tile.

What one step writes and the next reads then stays in a cache, and is only as long as a tile. A
step can take part if, along its axis, it needs of the others only what stands at the same index.
What it sums over that axis is carried from tile to tile. Nothing is computed twice. This file
finds what can run together; `cutting.py` makes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from glassgrad.emit.native.cutting import Axis, Cutting, Group, Tiling, touched
from glassgrad.emit.native.loops import in_ranges
from glassgrad.emit.native.memory import Buffer, View
from glassgrad.emit.native.products import Matrix, Product
from glassgrad.emit.native.steps import Nest, Step
from glassgrad.emit.native.threads import cores, ranges

__all__ = ["tiled"]

_SAVES = 1 << 19  # bytes that need not leave the caches, from which on tiles pay
_NEAR = 3 << 17  # bytes of a tile: well within a core's second cache
_SHORTEST = 8  # indices of a tile, ...
_ROW = 32  # ... where loops run along it
_SMALL_FACTOR = 1 << 20  # bytes of what a product reads or writes anew in each tile
_PACKED = 1 << 18  # bytes of a factor that the library, too, puts in order anew in each tile
_SEEDS = 40  # steps that are tried as the first of a group

How = Literal["read", "write", "carry"]


def tiled(steps: Sequence[Step], buffers: Callable[[Step], Iterable[Buffer]]) -> list[Step]:
    """The steps, in an order that keeps all demands, with those that gain by it in groups.

    Parameters
    ----------
    steps
        In an order that keeps all demands.
    buffers
        What a step reads or writes.
    """
    users: dict[Buffer, set[Step]] = {}
    for step in steps:
        for buffer in buffers(step):
            users.setdefault(buffer, set()).add(step)
    return _grouped(steps, users)


def _grouped(steps: Sequence[Step], users: Mapping[Buffer, set[Step]]) -> list[Step]:
    best: _Found | None = None
    seeds = 0
    for n, seed in enumerate(steps):
        if not isinstance(seed, (Nest, Product)) or _largest(seed) < _SAVES // 4:
            continue
        seeds += 1
        if seeds > _SEEDS:
            break
        for axis, length in _axes(seed):
            if length < 2 * _SHORTEST:
                continue
            found = _grown(steps, n, axis, length)
            if found is not None:
                found.weigh(users)
                fits = 0 < found.tile_length() < length
                if fits and found.saved >= _SAVES and (best is None or found.saved > best.saved):
                    best = found
    if best is None:
        return [one for step in steps for one in _spread(step)]
    made = best.cut(best.tile_length())
    return [*_grouped(best.before, users), *made, *_grouped(best.after, users)]


def _spread(step: Step) -> list[Step]:
    """A large nest that cannot run on all cores by itself, as a group that can.

    What it sums over the axis that is cut is then carried apart in each range.
    """
    if not isinstance(step, Nest) or ranges(_SHORTEST, _work(step)) == 1 or in_ranges(step):
        return [step]
    for axis, length in _axes(step):
        found = _Found(length)
        if length >= 2 * cores() and found.joins(step, axis):
            return found.cut(-(-length // (2 * cores())))
    return [step]


def _largest(step: Nest | Product) -> int:
    return max([b.bytes for b in touched(step)], default=0)


# -- how a step moves along an axis ---------------------------------------------------------------


class _Access(NamedTuple):
    """How a step touches a buffer along its axis.

    Attributes
    ----------
    stride
        Elements from one index to the next; None where that depends on data.
    others
        Strides and lengths of its other axes.
    how
        "read", "write", or "carry": the same place is added to at each index.
    """

    buffer: Buffer
    offset: int
    stride: int | None
    others: Sequence[tuple[int, int]]
    how: How

    def lies(self, stride: int, length: int) -> bool:
        """Whether index n touches only what belongs to n, where indices are `stride` apart.

        The buffer is then rows of `length` times `stride` elements.
        """
        if self.stride != stride or stride <= 0:
            return False
        row = stride * length
        reach = self.offset % row
        for other, count in self.others:
            if count > 1 and other % row:
                if not 0 < other < stride:
                    return False
                reach += other * (count - 1)
        return reach < stride


def _axes(step: Nest | Product) -> list[tuple[Axis, int]]:
    """The axes a step could be cut along, and their lengths."""
    if isinstance(step, Nest):
        if step.in_tiles or any(s.places is not None for s in step.stores):
            return []
        return [(n, size) for n, size in enumerate(step.domain) if size > 1]
    found: list[tuple[Axis, int]] = list(enumerate(step.batch))
    m, n, k = step.sizes
    size = step.c.view.buffer.dtype.itemsize
    most = min(_SMALL_FACTOR // math.prod(step.batch), _PACKED) // size
    # What is the same for all tiles is read, or added to, anew in each: it has to be small.
    ways: list[tuple[Axis, int, int]] = [("m", m, n * k), ("n", n, m * k), ("k", k, m * n)]
    found += [(name, length) for name, length, rest in ways
              if length > 1 and rest <= most]  # fmt: skip
    return found


def _accesses(step: Nest | Product, axis: Axis) -> list[_Access]:
    if isinstance(step, Product):
        return _of_product(step, axis)
    assert isinstance(axis, int)
    found: list[_Access] = []

    def add(view: View, how: How, known: bool = True) -> None:
        strides = view.strides
        others = [(s, n) for i, (s, n) in enumerate(zip(strides, step.domain, strict=True))
                  if i != axis]  # fmt: skip
        stride = strides[axis] if known else None
        found.append(_Access(view.buffer, view.offset, stride, others, how))

    for load in step.loads.values():
        add(load.view, "read", known=load.places is None)
        if load.places is not None:
            add(load.places, "read")
    for store in step.stores:
        add(store.view, "write")
    for reduction in step.reductions:
        add(reduction.view, "carry" if axis in reduction.axes else "write")
    return found


def _of_product(step: Product, axis: Axis) -> list[_Access]:
    lengths: dict[Axis, int] = dict(enumerate(step.batch))
    lengths["m"], lengths["n"], lengths["k"] = step.sizes
    last: How = "carry" if axis == "k" else "write"
    ways: list[tuple[Matrix, Axis, Axis, How]] = [
        (step.a, "m", "k", "read"), (step.b, "k", "n", "read"), (step.c, "m", "n", last)]  # fmt: skip
    found = []
    for matrix, rows, columns, how in ways:
        strides: dict[Axis, int] = dict(enumerate(matrix.batch))
        strides[rows], strides[columns] = matrix.rows, matrix.columns
        others = [(s, lengths[i]) for i, s in strides.items() if i != axis]
        found.append(
            _Access(matrix.view.buffer, matrix.view.offset, strides.get(axis, 0), others, how)
        )
    return found


# -- groups ---------------------------------------------------------------------------------------


@dataclass
class _Found:
    """Steps that can run together, and those that then come before and after."""

    length: int
    members: list[tuple[Nest | Product, Axis]] = field(default_factory=list)
    accesses: list[list[_Access]] = field(default_factory=list)
    before: list[Step] = field(default_factory=list)
    after: list[Step] = field(default_factory=list)
    tiled: dict[Buffer, int] = field(default_factory=dict)  # the stride, of what is written here
    carried: set[Buffer] = field(default_factory=set)
    read: dict[Buffer, list[_Access]] = field(default_factory=dict)
    private: set[Buffer] = field(default_factory=set)
    saved: int = 0

    def joins(self, step: Nest | Product, axis: Axis) -> bool:
        """Let a step join, if nothing it does at one index touches another index of the others."""
        accesses = _accesses(step, axis)
        writes = {a.buffer: a.stride for a in accesses if a.how == "write"}
        carries = {a.buffer for a in accesses if a.how == "carry"}
        if len(carries) < sum(a.how == "carry" for a in accesses):
            return False
        for a in accesses:
            stride = self.tiled.get(a.buffer, writes.get(a.buffer))
            if a.how == "carry":
                if a.buffer in self.tiled or a.buffer in self.read or a.buffer in writes:
                    return False
                if a.buffer in self.carried or a.buffer.writers != [step]:
                    return False
            elif (a.buffer in self.carried or a.buffer in carries) or (
                stride is not None and not a.lies(stride, self.length)
            ):
                return False
        for buffer, stride in writes.items():
            if stride is None or not all(
                a.lies(stride, self.length) for a in self.read.get(buffer, ())
            ):
                return False
        if self.members and not any(
            a.buffer in self.tiled or (a.stride and a.buffer in self.read) for a in accesses
        ):
            return False
        for a in accesses:
            if a.how == "write":
                assert a.stride is not None
                self.tiled[a.buffer] = a.stride
            elif a.how == "carry":
                self.carried.add(a.buffer)
            else:
                self.read.setdefault(a.buffer, []).append(a)
        self.members.append((step, axis))
        self.accesses.append(accesses)
        return True

    def weigh(self, users: Mapping[Buffer, set[Step]]) -> None:
        """What the group saves: bytes that stay in a cache."""
        inside: set[Step] = {step for step, _ in self.members}
        self.private = {b for b in self.tiled if b.role == "arena" and users[b] <= inside}
        times: dict[Buffer, int] = {}
        for accesses in self.accesses:
            for buffer in {a.buffer for a in accesses if a.stride}:
                times[buffer] = times.get(buffer, 0) + 1
        self.saved = sum(b.bytes * (n - 1) for b, n in times.items() if b.bytes > _NEAR // 8)

    def tile_length(self) -> int:
        """How many indices a tile has, or 0 where cutting makes no sense."""
        each = 0.0
        seen = set()
        rows = sum(a.stride == 1 for accesses in self.accesses for a in accesses)
        shortest = _ROW if 2 * rows > len(self.accesses) else _SHORTEST
        for a in [a for accesses in self.accesses for a in accesses]:
            if a.stride and (key := (a.buffer, a.offset if a.how == "read" else 0)) not in seen:
                seen.add(key)
                count = math.prod([n for s, n in a.others if s])
                each += min(count, a.buffer.size / self.length) * a.buffer.dtype.itemsize
        most = int(_NEAR / max(each, 1))
        if most >= self.length:
            return 0
        most = max(most, shortest)
        fitting = [n for n in range(max(most // 3, shortest), most + most // 4 + 1)
                   if self.length % n == 0]  # fmt: skip
        if fitting:
            return max(fitting, key=lambda n: (n % 8 == 0, n))
        return most // 8 * 8

    def cut(self, length: int) -> list[Step]:
        """The group as steps: what is carried made empty, the tiles, and what was carried joined."""
        count, rest = divmod(self.length, length)
        work = sum(_work(step) for step, _ in self.members)
        shares = min(ranges(count + bool(rest), work), 2 * cores())
        cutting = Cutting(self.members, self.length, self.tiled, self.private, length,
                          -(-count // shares), shares)  # fmt: skip
        tilings = [Tiling(0, length, count, cutting.steps(length))]
        if rest:
            tilings.append(Tiling(count * length, rest, 1, cutting.steps(rest)))
        number = self.members[0][0].number
        private = set(cutting.shorter.values())
        group = Group(number, self.length, tilings, private, shares, work)
        return [*cutting.first, group, *cutting.last]


def _work(step: Nest | Product) -> float:
    """About how many additions a step takes."""
    if isinstance(step, Product):
        return math.prod(step.sizes) * math.prod(step.batch)
    return step.work


def _grown(steps: Sequence[Step], start: int, axis: Axis, length: int) -> _Found | None:
    """The group that begins with a step and takes in all later ones that can join."""
    seed = steps[start]
    assert isinstance(seed, (Nest, Product))
    found = _Found(length)
    if not found.joins(seed, axis):
        return None
    found.before = list(steps[:start])
    inside, later = 1 << seed.number, 0
    for step in steps[start + 1 :]:
        if not step.before & later:
            if isinstance(step, (Nest, Product)) and any(
                found.joins(step, each) for each, size in _axes(step) if size == length
            ):
                inside |= 1 << step.number
                continue
            if not step.before & inside:
                found.before.append(step)
                continue
        found.after.append(step)
        later |= 1 << step.number
    return found if len(found.members) > 1 else None
