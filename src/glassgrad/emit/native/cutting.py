"""Steps cut into tiles: the same steps over a shorter axis, and what is carried from tile to tile.

Which steps can be cut together is found elsewhere (`tiles.py`). What only they need of each other
becomes private: as long as a tile, in memory of its own for each range of tiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from glassgrad.emit.native.elements import Kind
from glassgrad.emit.native.loops import lanes_along
from glassgrad.emit.native.memory import PRIVATE, Buffer, Moves, View, plan_arena
from glassgrad.emit.native.products import Matrix, Product
from glassgrad.emit.native.steps import Guarded, Load, Nest, Operation, Reduction, Step, Store
from glassgrad.emit.native.sums import IDENTITY

__all__ = ["Axis", "Cutting", "Group", "Tiling", "touched"]

_LONG_SUM = 64  # tiles from which on a sum carried through them keeps its rounding errors

Axis = int | Literal["m", "n", "k"]  # of a nest's domain or a product's batch, or of a product


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


class Cutting:
    """Makes the steps of a tile from whole ones.

    Parameters
    ----------
    members
        The steps that run together, and the axis each is cut along.
    length : int
        Of that axis.
    unit : mapping
        For each buffer written along it, how many elements its indices are apart.
    private
        The buffers that nobody else reads or writes.
    tile, ranges : int
        Indices of a tile; in how many ranges the tiles are shared out.
    tiles : int
        Of a range.

    Attributes
    ----------
    shorter
        For each private buffer the one that holds a tile of it.
    first, last
        Steps before and after the tiles.
    """

    def __init__(
        self, members: Sequence[tuple[Nest | Product, Axis]], length: int,
        unit: Mapping[Buffer, int], private: set[Buffer], tile: int, tiles: int, ranges: int,
    ) -> None:  # fmt: skip
        self.members, self.length, self.unit = members, length, unit
        self.tile, self.tiles, self.ranges = tile, tiles, ranges
        self.shorter: dict[Buffer, Buffer] = {}
        self.thread: dict[Buffer, int] = {}  # bytes between the copies of a buffer
        for buffer in private:
            row = unit[buffer] * length
            size = -(-buffer.size // row) * unit[buffer] * tile
            self.shorter[buffer] = Buffer("arena", buffer.dtype, size, tested=buffer.tested)
        self.first: list[Step] = []
        self.last: list[Step] = []
        self.emptied: set[Buffer] = set()
        self.wide: dict[Buffer, _Wide] = {}

    def steps(self, size: int) -> list[Step]:
        """The members for a tile of this length."""
        return [self.nest(s, a, size) if isinstance(s, Nest) and isinstance(a, int)
                else self.product(s, a, size) for s, a in self.members]  # fmt: skip

    def shared_out(self, like: Buffer, size: int) -> Buffer:
        """A buffer of this size for each range, in cache lines of their own."""
        line = 64 // like.dtype.itemsize
        one = -(-size // line) * line
        made = Buffer("arena", like.dtype, one * self.ranges, tested=like.tested)
        self.thread[made] = one * like.dtype.itemsize
        return made

    # A private buffer of rows of length x stride becomes one of rows of tile x stride.

    def stride(self, buffer: Buffer, stride: int) -> int:
        unit = self.unit[buffer]
        row = unit * self.length
        return stride // row * unit * self.tile if stride % row == 0 else stride

    def offset(self, buffer: Buffer, offset: int) -> int:
        unit = self.unit[buffer]
        row, within = divmod(offset, unit * self.length)
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
        nest = Nest(self.members[0][0].number, view.shape)
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
        joined = Nest(self.members[0][0].number, shape)
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
