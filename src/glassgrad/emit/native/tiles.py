"""Steps that run along one long axis, run together: a tile of it through all, then the next tile.

What one step writes and the next reads then stays in a cache, and is only as long as a tile. A
step can take part if, along its axis, it needs of the others only what stands at the same index.
What it sums over that axis is carried from tile to tile. Nothing is computed twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from glassgrad.emit.native.elements import Kind
from glassgrad.emit.native.loops import in_ranges, lanes_along
from glassgrad.emit.native.memory import PRIVATE, Buffer, Moves, View, plan_arena
from glassgrad.emit.native.products import Matrix, Product
from glassgrad.emit.native.steps import Guarded, Load, Nest, Operation, Reduction, Step, Store
from glassgrad.emit.native.sums import IDENTITY
from glassgrad.emit.native.threads import cores, ranges

__all__ = ["Group", "Tiling", "tiled", "touched"]

_SAVES = 1 << 19  # bytes that need not leave the caches, from which on tiles pay
_NEAR = 3 << 17  # bytes of a tile: well within a core's second cache
_SHORTEST = 8  # indices of a tile, ...
_ROW = 32  # ... where loops run along it
_LONG_SUM = 64  # tiles from which on a sum carried through them keeps its rounding errors
_SMALL_FACTOR = 1 << 20  # bytes of what a product reads or writes anew in each tile
_SEEDS = 40  # steps that are tried as the first of a group

Axis = int | Literal["m", "n", "k"]  # of a nest's domain or a product's batch, or of a product
How = Literal["read", "write", "carry"]


class Tiling(NamedTuple):
    """So many tiles of one length, from an index on, and the steps each runs through."""

    start: int
    length: int
    times: int
    steps: list[Step]


class Group(Step):
    """Steps that run together.

    Attributes
    ----------
    length : int
        Of the axis that is cut.
    tilings : list of Tiling
        Tiles of one length, and perhaps a shorter one at the end.
    private : set of Buffer
        Those that hold one tile only.
    ranges : int
        In how many ranges the tiles are shared out.
    work : float
        About how many additions they take.
    """

    def __init__(self, number: int, length: int, tilings: list[Tiling], private: set[Buffer],
                 ranges: int, work: float):  # fmt: skip
        super().__init__(number)
        self.length, self.tilings, self.private = length, tilings, private
        self.ranges, self.work = ranges, work
        self.gates = [gate for step in tilings[0].steps for gate in step.gates]
        self.block = Buffer("arena", np.dtype(np.bool_), 0)

    def place(self) -> None:
        """Place the private buffers, which take turns within a tile, in one block for each range."""
        first: dict[Buffer, int] = {}
        last: dict[Buffer, int] = {}
        for n, step in enumerate(self.tilings[0].steps):
            for buffer in touched(step):
                if buffer in self.private:
                    first.setdefault(buffer, n)
                    last[buffer] = n
        size = plan_arena([(b, first[b], last[b]) for b in first])
        self.block = Buffer("arena", np.dtype(np.bool_), size * self.ranges)

    @property
    def room(self) -> int:
        """Bytes of the block of one range."""
        return self.block.size // self.ranges


def touched(step: Step) -> list[Buffer]:
    """The buffers a nest, a product or a group reads or writes."""
    if isinstance(step, Group):
        return [b for tiling in step.tilings for s in tiling.steps for b in touched(s)]
    if isinstance(step, Product):
        return [m.view.buffer for m in (step.a, step.b, step.c)]
    assert isinstance(step, Nest)
    views = [v for load in step.loads.values() for v in (load.view, load.places)]
    views += [v for store in step.stores for v in (store.view, store.places)]
    views += [v for r in step.reductions for v in (r.view, r.errors)]
    return [v.buffer for v in views if v is not None]


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
    each = math.prod(step.batch) * step.c.view.buffer.dtype.itemsize
    # What is the same for all tiles is read, or added to, anew in each: it has to be small.
    ways: list[tuple[Axis, int, int]] = [("m", m, n * k), ("n", n, m * k), ("k", k, m * n)]
    found += [(name, length) for name, length, rest in ways
              if length > 1 and rest * each <= _SMALL_FACTOR]  # fmt: skip
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
        cutting = _Cutting(self, length, -(-count // shares), shares)
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


# -- cutting --------------------------------------------------------------------------------------


class _Cutting:
    """Makes the steps of a tile from whole ones.

    Attributes
    ----------
    shorter
        For each private buffer the one that holds a tile of it.
    first, last
        Steps before and after the tiles.
    """

    def __init__(self, found: _Found, tile: int, tiles: int, ranges: int) -> None:
        self.found, self.tile, self.tiles, self.ranges = found, tile, tiles, ranges
        self.shorter: dict[Buffer, Buffer] = {}
        self.thread: dict[Buffer, int] = {}  # bytes between the copies of a buffer
        for buffer in found.private:
            row = found.tiled[buffer] * found.length
            size = -(-buffer.size // row) * found.tiled[buffer] * tile
            self.shorter[buffer] = Buffer("arena", buffer.dtype, size, tested=buffer.tested)
        self.first: list[Step] = []
        self.last: list[Step] = []
        self.emptied: set[Buffer] = set()
        self.wide: dict[Buffer, _Wide] = {}

    def steps(self, size: int) -> list[Step]:
        """The members for a tile of this length."""
        return [self.nest(s, a, size) if isinstance(s, Nest) and isinstance(a, int)
                else self.product(s, a, size) for s, a in self.found.members]  # fmt: skip

    def shared_out(self, like: Buffer, size: int) -> Buffer:
        """A buffer of this size for each range, in cache lines of their own."""
        line = 64 // like.dtype.itemsize
        one = -(-size // line) * line
        made = Buffer("arena", like.dtype, one * self.ranges, tested=like.tested)
        self.thread[made] = one * like.dtype.itemsize
        return made

    # A private buffer of rows of length x stride becomes one of rows of tile x stride.

    def stride(self, buffer: Buffer, stride: int) -> int:
        unit = self.found.tiled[buffer]
        row = unit * self.found.length
        return stride // row * unit * self.tile if stride % row == 0 else stride

    def offset(self, buffer: Buffer, offset: int) -> int:
        unit = self.found.tiled[buffer]
        row, within = divmod(offset, unit * self.found.length)
        return row * unit * self.tile + within

    def view(self, view: View, axis: int, size: int) -> View:
        """A nest's view, of a tile."""
        buffer, key = view.buffer, (*[slice(None)] * axis, slice(0, size))
        short = self.shorter.get(buffer)
        if short is None:
            return View(buffer, view.array[key], Moves(view.strides[axis]))
        shape = (*view.shape[:axis], size, *view.shape[axis + 1 :])
        strides = [self.stride(buffer, s) * view.itemsize for s in view.strides]
        start = short.stand_in[self.offset(buffer, view.offset) :]
        array = np.lib.stride_tricks.as_strided(start, shape, strides)
        return View(short, array, Moves(0, PRIVATE))

    def nest(self, nest: Nest, axis: int, size: int) -> Nest:
        domain = (*nest.domain[:axis], size, *nest.domain[axis + 1 :])
        made = Nest(nest.number, domain)
        made.gates, made.in_tiles = nest.gates, True
        now: dict[Any, Any] = {}
        for load in nest.loads.values():
            places = None if load.places is None else self.view(load.places, axis, size)
            fresh = Load(self.view(load.view, axis, size), places)
            now[load] = made.loads[fresh] = fresh
        for o in nest.operations:
            operands = [_now(now, x) for x in o.operands]
            now[o] = Operation(o.write, operands, o.real, o.result, o.cost)
            made.operations.append(now[o])
        for s in nest.stores:
            made.stores.append(Store(_now(now, s.value), self.view(s.view, axis, size), s.add))
        for r in nest.reductions:
            value = _now(now, r.value)
            view = self.view(r.view, axis, size)
            made.reductions.append(Reduction(value, view, r.axes, r.how, r.kind))
        made.guards = [Guarded(_now(now, g.value), g.write) for g in nest.guards]
        for whole, part in zip(nest.reductions, made.reductions, strict=True):
            if axis in whole.axes:
                self.carry(part, lanes_along(made, part))
            elif part.view.buffer not in self.shorter.values():  # a tile fills only what is its own
                part.carried = True
                self.empty(part.view.buffer, part.how)
        return made

    def product(self, step: Nest | Product, axis: Axis, size: int) -> Product:
        assert isinstance(step, Product)
        batch = list(step.batch)
        sizes = list(step.sizes)
        if isinstance(axis, int):
            batch[axis] = size
        else:
            sizes["mnk".index(axis)] = size
        matrices = []
        for matrix, name in ((step.a, "mk"), (step.b, "kn"), (step.c, "mn")):
            buffer = matrix.view.buffer
            strides = [matrix.rows, matrix.columns, *matrix.batch]
            moves = 0
            if isinstance(axis, int):
                moves = matrix.batch[axis]
            elif axis in name:
                moves = strides[name.index(axis)]
            short, view = self.shorter.get(buffer), View(buffer, matrix.view.array, Moves(moves))
            if short is not None:
                strides = [self.stride(buffer, s) for s in strides]
                start = self.offset(buffer, matrix.view.offset)
                array = short.stand_in[start : start + 1]
                view = View(short, array, Moves(0, PRIVATE))
            elif axis == "k" and matrix is step.c:
                wide = self.widened(buffer, 0, "add", step.kind)
                array = wide.buffer.stand_in[matrix.view.offset :][:1]
                view = View(wide.buffer, array, Moves(0, self.thread[wide.buffer]))
            matrices.append(Matrix(view, strides[0], strides[1], tuple(strides[2:])))
        a, b, c = matrices
        m, n, k = sizes
        made = Product(step.number, step.kind, a, b, c, (m, n, k), tuple(batch))
        made.gates, made.in_tiles, made.adds = step.gates, True, axis == "k"
        return made

    def empty(self, buffer: Buffer, how: str) -> None:
        """A buffer is made to hold what a reduction begins with, before the first tile."""
        if buffer in self.emptied:
            return
        self.emptied.add(buffer)
        view = buffer.whole((buffer.size,))
        nest = Nest(self.found.members[0][0].number, view.shape)
        value: Any = IDENTITY[how] if buffer.dtype.kind == "f" else 0
        nest.stores.append(Store(value, view))
        self.first.append(nest)

    def carry(self, reduction: Reduction, lanes: int) -> None:
        """Let a reduction of a tile go on from that of the tiles before.

        Where the inner loop runs along a sum, each lane of its vectors is carried apart, and where
        there are many tiles, rounding errors beside it; all is put together in the end.
        """
        view, how, reduction.carried = reduction.view, reduction.how, True
        summed = how == "add" and view.buffer.dtype.kind == "f"
        wide = self.widened(view.buffer, lanes if summed else 0, how, reduction.kind)
        strides = [s * wide.each * view.itemsize for s in view.strides]
        views = []
        for part in range(wide.parts):
            start = wide.buffer.stand_in[view.offset * wide.each + part * wide.lanes :]
            array = np.lib.stride_tricks.as_strided(start, view.shape, strides)
            views.append(View(wide.buffer, array, Moves(0, self.thread[wide.buffer])))
        reduction.view, reduction.errors = views[0], views[1] if wide.parts > 1 else None
        reduction.lanes = lanes if summed and lanes <= wide.lanes else 0

    def widened(self, buffer: Buffer, lanes: int, how: str, kind: Kind) -> _Wide:
        """Room for the lanes of each result, and a step that puts them together in the end."""
        found = self.wide.get(buffer)
        if found is not None:
            return found
        parts = 2 if lanes and self.tiles >= _LONG_SUM else 1
        each = max(lanes, 1) * parts
        made = self.shared_out(buffer, buffer.size * each)
        made.tested = False
        self.empty(made, how)
        shape = (self.ranges, buffer.size, each)
        start, size = made.stand_in, buffer.dtype.itemsize
        rows = (self.thread[made], each * size, size)
        whole = View(made, np.lib.stride_tricks.as_strided(start, shape, rows))
        joined = Nest(self.found.members[0][0].number, shape)
        load = joined.loads[whole.key()] = Load(whole)
        target = np.broadcast_to(buffer.whole((1, buffer.size, 1)).array, shape)
        joined.reductions.append(Reduction(load, View(buffer, target), (0, 2), how, kind))
        self.last.append(joined)
        found = self.wide[buffer] = _Wide(made, max(lanes, 1), parts)
        return found


class _Wide(NamedTuple):
    """Room for several lanes, and perhaps their errors, side by side for each result."""

    buffer: Buffer
    lanes: int
    parts: int

    @property
    def each(self) -> int:
        return self.lanes * self.parts


def _now(now: dict[Any, Any], value: Any) -> Any:
    return now[value] if isinstance(value, (Load, Operation)) else value
