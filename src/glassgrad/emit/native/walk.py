"""Memory as a loop nest walks through it: pointers, loads, stores, gathers and scatters.

What an inner loop reads again and again is loaded before it. Lanes that are not asked for (the
end of a row) are masked, and hold ones, with which nothing goes wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from glassgrad.emit.native.elements import KINDS, Block, Element, Kind, literal
from glassgrad.emit.native.memory import STILL, Buffer, Moves, View
from glassgrad.emit.native.steps import Load, Store

__all__ = ["REAL", "Access", "Walk", "as_kind", "mask"]

REAL = ("f64", "f32")


class Access:
    """How a view is walked through: its first element, and a stride for each loop."""

    def __init__(self, view: View, strides: tuple[int, ...]) -> None:
        self.buffer, self.offset, self.strides = view.buffer, view.offset, strides
        self.moves = view.moves


class Walk:
    """The loads and stores of one function.

    Parameters
    ----------
    groups : sequence of sequence of int
        For each loop, outermost first, the axes that run as one.
    depth : int
        Of the innermost loop.

    Attributes
    ----------
    bases : dict
        The function's arguments: pointers to elements of buffers.
    before : list of list of str
        What is done before each loop, by depth.
    hoisted : list of (int, Element)
        What was loaded outside the innermost loop, and at which depth.
    trusted : set of str
        Values known to be finite, or told of by what is made of them.
    """

    def __init__(self, groups: Sequence[Sequence[int]], depth: int) -> None:
        self.groups, self.depth = groups, depth
        self.names = count(1)
        self.functions: set[str] = set()
        self.bases: dict[tuple[Buffer, int, Moves], str] = {}
        self.before: list[list[str]] = [[] for _ in range(depth + 1)]
        self.pointers: dict[Any, str] = {}
        self.held: dict[tuple[Any, int], Element] = {}
        self.hoisted: list[tuple[int, Element]] = []
        self.trusted: set[str] = set()

    def access(self, view: View) -> Access:
        return Access(view, tuple([view.strides[g[-1]] for g in self.groups]))

    def base(self, buffer: Buffer, offset: int = 0, moves: Moves = STILL) -> str:
        """The argument that points to an element of a buffer."""
        return self.bases.setdefault((buffer, offset, moves), f"%m{len(self.bases)}")

    def pointer(self, access: Access) -> tuple[str, int]:
        """A pointer to a row's first element, and the depth it is known at."""
        outer = access.strides[:-1]
        key = (access.buffer, access.offset, access.moves, outer)
        depth = max([d + 1 for d, s in enumerate(outer) if s], default=0)
        found = self.pointers.get(key)
        if found is None:
            origin = self.base(access.buffer, access.offset, access.moves)
            lines = self.before[depth]
            index = "0"
            for d, stride in enumerate(outer):
                if stride:
                    n = next(self.names)
                    lines += [
                        f"  %x{n} = mul nsw i64 %i{d}, {stride}",
                        f"  %y{n} = add nsw i64 %x{n}, {index}",
                    ]
                    index = f"%y{n}"
            found = f"%p{next(self.names)}"
            lines.append(
                f"  {found} = getelementptr {_stored_type(access.buffer.kind)}, ptr {origin}, i64 {index}"
            )
            self.pointers[key] = found
        return found, depth

    def address(self, block: Block, access: Access, at: str, row: str = "") -> str:
        """Where the element (or first of a vector) at an inner index lies."""
        row = row or self.pointer(access)[0]
        stride = access.strides[-1] if access.strides else 0
        if not stride:
            return row
        index = at
        if stride != 1:
            index = block.fresh(f"mul nsw i64 {at}, {stride}", "i64").name
        type_ = _stored_type(access.buffer.kind)
        return block.fresh(f"getelementptr {type_}, ptr {row}, i64 {index}", "i64").name

    def loaded(self, block: Block, load: Load, at: str, lanes: int | None) -> Element:
        access = self.access(load.view)
        if load.places is None:
            made = self.walked(block, access, at, lanes)
        else:
            places = self.access(load.places)
            if places.strides and places.strides[-1]:
                positions = self.walked(block, places, at, lanes)
                stride = access.strides[-1]
                if stride and block.width > 1:
                    steps = ", ".join([f"i64 {lane * stride}" for lane in range(block.width)])
                    positions = block.integer(
                        "add", block.whole(positions), Element(block, f"<{steps}>", "i64")
                    )
                origin = self.address(block, access, at)
                made = self.gathered(block, load.view.buffer, origin, positions, lanes)
            else:  # the same for the whole inner loop, which reads in a row
                made = self.walked(block, access, at, lanes, self.beyond(access, places))
        if load.view.buffer.tested:
            self.trusted.add(made.name)
        return made

    def beyond(self, access: Access, places: Access) -> str:
        """A row's first element, as far on as a position says that holds for the row."""
        row, one = self.pointer(access)
        position, other = self.pointer(places)
        key = (row, position)
        found = self.pointers.get(key)
        if found is None:
            block, kind = Block(1, self.names), places.buffer.kind
            where = block.whole(block.fresh(f"load {KINDS[kind]}, ptr {position}", kind))
            type_ = _stored_type(access.buffer.kind)
            found = block.fresh(f"getelementptr {type_}, ptr {row}, i64 {where.name}", "i64").name
            self.before[max(one, other)] += block.lines
            self.pointers[key] = found
        return found

    def walked(
        self, block: Block, access: Access, at: str, lanes: int | None, row: str = ""
    ) -> Element:
        """The elements of a view at an inner index; `row` is where they begin, if given."""
        kind, width = access.buffer.kind, block.width
        stored = _stored_type(kind)
        stride = access.strides[-1] if access.strides else 0
        if stride == 0 and not row:
            return self.spread(block, access)
        address = self.address(block, access, at, row)
        if stride == 0:
            one = block.fresh(f"load {stored}, ptr {address}", _stored_kind(kind))
            if width > 1:
                wide = f"<{width} x {stored}>"
                one = block.fresh(f"insertelement {wide} poison, {stored} {one.name}, i64 0",
                                  _stored_kind(kind))  # fmt: skip
                one = block.fresh(
                    f"shufflevector {wide} {one.name}, {wide} poison, "
                    f"<{width} x i32> zeroinitializer", _stored_kind(kind))  # fmt: skip
            return _truth(block, one, kind)
        if width == 1:
            return _truth(
                block, block.fresh(f"load {stored}, ptr {address}", _stored_kind(kind)), kind
            )
        vector = f"<{width} x {stored}>"
        if stride == 1 and lanes is None:
            align = access.buffer.dtype.itemsize
            return _truth(
                block,
                block.fresh(f"load {vector}, ptr {address}, align {align}", _stored_kind(kind)),
                kind,
            )
        if stride == 1:
            name = f"llvm.masked.load.v{width}{_suffix(kind)}.p0"
            self.functions.add(f"declare {vector} @{name}(ptr, i32, <{width} x i1>, {vector})")
            made = block.fresh(
                f"call {vector} @{name}(ptr {address}, i32 {access.buffer.dtype.itemsize}, "
                f"<{width} x i1> {_mask_text(width, lanes)}, {vector} {_ones(kind)})", _stored_kind(kind))  # fmt: skip
            return _truth(block, made, kind)
        steps = ", ".join([f"i64 {lane * stride}" for lane in range(width)])
        return self.gathered(
            block, access.buffer, address, Element(block, f"<{steps}>", "i64"), lanes
        )

    def gathered(
        self, block: Block, buffer: Buffer, origin: str, positions: Element, lanes: int | None
    ) -> Element:
        """Elements at positions from a pointer on."""
        kind, width = buffer.kind, block.width
        stored = _stored_type(kind)
        if width == 1:
            where = block.fresh(
                f"getelementptr {stored}, ptr {origin}, i64 {positions.name}", "i64"
            )
            return _truth(
                block, block.fresh(f"load {stored}, ptr {where.name}", _stored_kind(kind)), kind
            )
        wide = positions.name
        if positions.kind != "i64":
            wide = block.whole(positions).name
        where = block.fresh(f"getelementptr {stored}, ptr {origin}, <{width} x i64> {wide}", "i64")
        vector = f"<{width} x {stored}>"
        name = f"llvm.masked.gather.v{width}{_suffix(kind)}.v{width}p0"
        self.functions.add(
            f"declare {vector} @{name}(<{width} x ptr>, i32, <{width} x i1>, {vector})"
        )
        made = block.fresh(
            f"call {vector} @{name}(<{width} x ptr> {where.name}, i32 {buffer.dtype.itemsize}, "
            f"<{width} x i1> {_mask_text(width, lanes)}, {vector} {_ones(kind)})", _stored_kind(kind))  # fmt: skip
        return _truth(block, made, kind)

    def spread(self, block: Block, access: Access) -> Element:
        """One number for the whole inner loop, loaded outside it."""
        row, depth = self.pointer(access)
        found = self.held.get((row, block.width))
        if found is None:
            kind = access.buffer.kind
            outer, wide = Block(1, self.names), Block(block.width, self.names)
            one = _truth(
                outer,
                outer.fresh(f"load {_stored_type(kind)}, ptr {row}", _stored_kind(kind)),
                kind,
            )
            found = one
            if block.width > 1:
                vector, scalar = wide.type(kind), KINDS[kind]
                first = wide.fresh(
                    f"insertelement {vector} poison, {scalar} {one.name}, i64 0", kind
                )
                found = wide.fresh(
                    f"shufflevector {vector} {first.name}, {vector} poison, "
                    f"<{block.width} x i32> zeroinitializer", kind)  # fmt: skip
            self.before[depth] += [*outer.lines, *wide.lines]
            self.held[row, block.width] = found
            if not access.buffer.tested:
                self.hoisted.append((depth, found))
        return found

    def stored(self, block: Block, store: Store, value: Any, at: str, lanes: int | None) -> None:
        buffer = store.view.buffer
        kind = buffer.kind
        made = as_kind(block, value, kind)
        access, row = self.access(store.view), ""
        if store.places is not None:
            places = self.access(store.places)
            if not places.strides or places.strides[-1]:  # one by one
                position = block.whole(self.walked(block, places, at, lanes)).name
                origin = self.address(block, access, at)
                row = block.fresh(
                    f"getelementptr {_stored_type(kind)}, ptr {origin}, i64 {position}", "i64"
                ).name
                access = Access(store.view, ())
            else:
                row = self.beyond(access, places)
        if store.add:
            if access.strides and access.strides[-1]:
                old = self.walked(block, access, at, lanes, row)
            else:  # one number
                where = self.address(block, access, at, row)
                old = block.fresh(f"load {KINDS[kind]}, ptr {where}", kind)
            self.trusted.add(old.name)
            block.real = kind
            made = block.passing("fadd", old, made)
        self.put(block, access, made, at, lanes, row)

    def put(
        self, block: Block, access: Access, made: Element, at: str, lanes: int | None, row: str = ""
    ) -> None:
        kind, width = access.buffer.kind, block.width
        stored, size = _stored_type(kind), access.buffer.dtype.itemsize
        address = self.address(block, access, at, row)
        made = _byte(block, made)
        stride = access.strides[-1] if access.strides else 0
        if width == 1:
            block.lines.append(f"  store {stored} {made.name}, ptr {address}")
            return
        vector = f"<{width} x {stored}>"
        if stride == 1 and lanes is None:
            block.lines.append(f"  store {vector} {made.name}, ptr {address}, align {size}")
            return
        mask = f"<{width} x i1> {_mask_text(width, lanes)}"
        if stride == 1:
            name = f"llvm.masked.store.v{width}{_suffix(kind)}.p0"
            self.functions.add(f"declare void @{name}({vector}, ptr, i32, <{width} x i1>)")
            block.lines.append(
                f"  call void @{name}({vector} {made.name}, ptr {address}, i32 {size}, {mask})"
            )
            return
        steps = ", ".join([f"i64 {lane * stride}" for lane in range(width)])
        where = block.fresh(
            f"getelementptr {stored}, ptr {address}, <{width} x i64> <{steps}>", "i64"
        )
        name = f"llvm.masked.scatter.v{width}{_suffix(kind)}.v{width}p0"
        self.functions.add(f"declare void @{name}({vector}, <{width} x ptr>, i32, <{width} x i1>)")
        block.lines.append(
            f"  call void @{name}({vector} {made.name}, <{width} x ptr> {where.name}, i32 {size}, {mask})"
        )


def as_kind(block: Block, value: Any, kind: Kind) -> Element:
    """A value, or a plain number, as a kind of number."""
    if kind in REAL:
        block.real = kind
        return block.number(value)
    return block.test(value) if kind == "i1" else block.whole(value, kind)


def _mask_text(width: int, lanes: int | None) -> str:
    if lanes is None:
        return "splat (i1 true)"
    return "<" + ", ".join([f"i1 {'true' if n < lanes else 'false'}" for n in range(width)]) + ">"


def mask(block: Block, lanes: int) -> Element:
    """True in the first lanes."""
    return Element(block, _mask_text(block.width, lanes), "i1")


def _ones(kind: Kind) -> str:
    """What stands in lanes that are not asked for: a number nothing goes wrong with."""
    one = literal(1, kind) if kind in REAL else "0"
    return f"splat ({_stored_type(kind)} {one})"


def _stored_type(kind: Kind) -> str:
    return "i8" if kind == "i1" else KINDS[kind]


def _stored_kind(kind: Kind) -> Kind:
    return "i8" if kind == "i1" else kind


def _suffix(kind: Kind) -> str:
    return _stored_kind(kind)


def _truth(block: Block, made: Element, kind: Kind) -> Element:
    return block.test(made) if kind == "i1" else made


def _byte(block: Block, made: Element) -> Element:
    if made.kind != "i1":
        return made
    return block.fresh(f"zext {block.type('i1')} {made.name} to {block.type('i8')}", "i8")
