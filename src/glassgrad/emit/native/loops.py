"""A nest as LLVM IR: one function that loops over the domain, vectors at a time.

Vectors are written as such, so nothing depends on what LLVM's vectoriser makes of a loop. The
last few elements of a row go through the same instructions with a mask. Counters and accumulators
stand on the stack in the text; LLVM keeps them in registers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple

from glassgrad.emit.native.elements import KINDS, Block, Element, Kind, literal
from glassgrad.emit.native.memory import Buffer, View
from glassgrad.emit.native.steps import Load, Nest, Operation, Reduction, Store

__all__ = ["written"]

_LANES: dict[Kind, int] = {"f64": 8, "f32": 16, "i1": 16, "i8": 16, "i32": 16, "i64": 8}
_BLOCK = 1024  # elements summed into one accumulator before it is added to the larger sum
_REAL = ("f64", "f32")
_IDENTITY = {"add": 0.0, "mul": 1.0, "max": -math.inf, "min": math.inf}


class Function(NamedTuple):
    """The function ``NAME`` of a nest.

    Attributes
    ----------
    text
        LLVM IR.
    places
        What it is called with: places in buffers, as (buffer, element).
    declared
        Declarations of outside functions.
    elementary
        The elementary functions it calls.
    """

    text: str
    places: list[tuple[Buffer, int]]
    declared: set[str]
    elementary: set[tuple[str, Kind, int]]


def written(nest: Nest) -> Function:
    """A nest as a function; nests that differ only in where things lie give the same text."""
    writer = _Writer(nest)
    text = writer.text()
    return Function(text, list(writer.bases), writer.functions, writer.elementary)


class _Access:
    """How a view is walked through: its first element, and a stride for each loop."""

    def __init__(self, view: View, strides: tuple[int, ...]) -> None:
        self.buffer, self.offset, self.strides = view.buffer, view.offset, strides


class _Writer:
    def __init__(self, nest: Nest) -> None:
        self.nest = nest
        self.names = count(1)
        self.functions: set[str] = set()
        self.elementary: set[tuple[str, Kind, int]] = set()
        self.bases: dict[tuple[Buffer, int], str] = {}
        self.stack: list[str] = []
        self.axes, self.sizes, self.groups = self.loops()
        self.depth = max(len(self.sizes) - 1, 0)  # of the innermost loop
        self.before: list[list[str]] = [[] for _ in range(self.depth + 1)]
        self.after: list[list[str]] = [[] for _ in range(self.depth + 1)]
        self.pointers: dict[Any, str] = {}
        self.held: dict[tuple[Any, int], Element] = {}  # loaded once for many elements
        self.hoisted: list[tuple[int, Element]] = []
        self.passed_on: set[str] = set()
        self.trusted: set[str] = set()  # known to be finite, or told of by what is made of them
        self.sequential = any(s.places is not None for s in nest.stores)
        self.width = self.lanes()
        self.unroll = self.copies()
        self.bad: dict[Any, str] = {}
        self.summing: list[_Sum] = [
            _Sum(self, n, r) for n, r in enumerate(nest.reductions) if self.in_registers(r)
        ]
        self.guarding = "%held" if nest.guards else ""

    # -- which loops -------------------------------------------------------------------------

    def loops(self) -> tuple[tuple[int, ...], tuple[int, ...], list[list[int]]]:
        """The axes in the order of the loops, sizes, and which axes run as one loop."""
        nest = self.nest
        views = [l.places or l.view for l in nest.loads.values()]
        views += [s.places or s.view for s in nest.stores]
        stores = len(views) - len(nest.stores)
        views += [r.view for r in nest.reductions]
        strides = [v.strides for v in views]
        axes = [n for n, size in enumerate(nest.domain) if size > 1]
        ordered = any(s.places is not None for s in nest.stores)
        if len(axes) > 1 and not ordered:
            def fitness(axis: int) -> float:
                good = 0.0
                for n, s in enumerate(strides):
                    stride = s[axis]
                    good += 2 if stride == 1 else 1 if stride == 0 else -2
                    if stride == 0 and stores <= n < stores + len(nest.stores):
                        good -= 3
                return good - (3 if nest.domain[axis] < 4 else 0)

            best = max(axes, key=lambda a: (fitness(a), a))
            axes.remove(best)
            axes.append(best)
        reduced = [frozenset(r.axes) for r in nest.reductions]
        groups: list[list[int]] = []
        for axis in axes:
            if groups and all(
                s[groups[-1][-1]] == s[axis] * nest.domain[axis] for s in strides
            ) and all((groups[-1][-1] in r) == (axis in r) for r in reduced):
                groups[-1].append(axis)
            else:
                groups.append([axis])
        return tuple(axes), tuple([math.prod([nest.domain[a] for a in g]) for g in groups]), groups

    def access(self, view: View) -> _Access:
        return _Access(view, tuple([view.strides[g[-1]] for g in self.groups]))

    def lanes(self) -> int:
        if self.sequential or not self.sizes:
            return 1
        kinds = {o.real for o in self.nest.operations}
        kinds |= {l.view.buffer.kind for l in self.nest.loads.values()}
        kinds |= {s.view.buffer.kind for s in self.nest.stores}
        most = min([_LANES[k] for k in kinds], default=8)
        width = 1
        while width < min(most, self.sizes[-1]):
            width *= 2
        return width

    def copies(self) -> int:
        """How often the body is written in a row: sums in several registers wait less."""
        if not self.sizes or self.sequential or not self.nest.reductions:
            return 1
        many = self.sizes[-1] // self.width
        wanted = 4 if len(self.nest.operations) <= 12 else 2 if len(self.nest.operations) <= 40 else 1
        while wanted > many:
            wanted //= 2
        return max(wanted, 1)

    # -- the function ------------------------------------------------------------------------

    def text(self) -> str:
        for each in self.summing:
            each.begin()
        inner = self.inner()
        for each in self.summing:
            each.end()
        for depth, element in self.hoisted:
            if element.name not in self.passed_on and element.kind in _REAL:
                self.check(self.after[depth], Block(element.block.width, self.names), element, 0, None)
        lines = self.nested(0, inner)
        if self.guarding:
            self.stack += ["  %held = alloca i1", "  store i1 true, ptr %held"]
        fills = [line for r in self.nest.reductions if not self.in_registers(r) or self.again(r)
                 for line in self.filled(r)]  # fmt: skip
        answer, lines_end = self.verdict()
        given = ", ".join([f"ptr {name}" for name in self.bases.values()])
        return "\n".join([f"define internal i1 @NAME({given}) noinline {{", *self.stack, *fills, *lines, *lines_end,
                          f"  ret i1 {answer}", "}", ""])  # fmt: skip

    def nested(self, depth: int, inner: list[str]) -> list[str]:
        if depth == self.depth:
            return [*self.before[depth], *inner, *self.after[depth]]
        body = self.nested(depth + 1, inner)
        return [*self.before[depth], *self.loop(f"%i{depth}", self.sizes[depth], body), *self.after[depth]]

    def loop(self, name: str, size: int, body: Sequence[str]) -> list[str]:
        """A loop from 0 to size."""
        n = next(self.names)
        self.stack.append(f"  %c{n} = alloca i64")
        return [
            f"  store i64 0, ptr %c{n}", f"  br label %L{n}", f"L{n}:", f"  {name} = load i64, ptr %c{n}",
            *body, f"  %n{n} = add nuw nsw i64 {name}, 1", f"  store i64 %n{n}, ptr %c{n}",
            f"  %e{n} = icmp eq i64 %n{n}, {size}", f"  br i1 %e{n}, label %X{n}, label %L{n}", f"X{n}:",
        ]  # fmt: skip

    def inner(self) -> list[str]:
        """The innermost loop, cut into blocks where sums are long."""
        if not self.sizes:
            return self.body("0", 0, None)
        size = self.sizes[-1]
        blocks = size // _BLOCK if size > 2 * _BLOCK and any(s.long for s in self.summing) else 0
        lines: list[str] = []
        if blocks:
            n = next(self.names)
            body = [f"  %s{n} = mul nuw nsw i64 %k{n}, {_BLOCK}", *self.segment(f"%s{n}", _BLOCK)]
            lines += self.loop(f"%k{n}", blocks, body)
        rest = size - blocks * _BLOCK
        if rest:
            lines += self.segment(str(blocks * _BLOCK), rest)
        return lines

    def segment(self, start: str, size: int) -> list[str]:
        """A row of elements from `start` on."""
        step = self.width * self.unroll
        times = size // step
        lines: list[str] = []
        if times:
            n = next(self.names)
            body = [f"  %a{n} = mul nuw nsw i64 %j{n}, {step}", f"  %b{n} = add nuw nsw i64 %a{n}, {start}"]
            for u in range(self.unroll):
                at = f"%b{n}"
                if u:
                    body.append(f"  %b{n}.{u} = add nuw nsw i64 %b{n}, {u * self.width}")
                    at = f"%b{n}.{u}"
                body += self.body(at, u, None)
            lines += self.loop(f"%j{n}", times, body)
        done = times * step
        while done < size:
            n = next(self.names)
            lines.append(f"  %b{n} = add nuw nsw i64 {start}, {done}")
            left = size - done
            lines += self.body(f"%b{n}", 0, left if left < self.width else None)
            done += self.width
        for each in self.summing:
            lines += each.carry()
        return lines

    # -- the body ----------------------------------------------------------------------------

    def body(self, at: str, copy: int, lanes: int | None) -> list[str]:
        """The operations for one vector of elements, those of the first `lanes` only if given."""
        block = Block(self.width, self.names)
        values: dict[Any, Any] = {}

        def value(item: Any) -> Any:
            if not isinstance(item, (Load, Operation)):
                return item
            if item not in values:
                assert isinstance(item, Load), "an operation is used before it is made"
                values[item] = self.loaded(block, item, at, lanes)
            return values[item]

        for load in self.nest.loads.values():
            value(load)
        for operation in self.nest.operations:
            block.real = operation.real
            made = operation.write(block, *[value(o) for o in operation.operands])
            if operation.result in _REAL:
                block.real = operation.result
                made = block.number(made)
            elif operation.result == "i1":
                made = block.test(made)
            else:
                made = block.whole(made, operation.result)
            values[operation] = made
        for store in self.nest.stores:
            self.stored(block, store, value(store.value), at, lanes)
        for reduction in self.nest.reductions:
            self.reduced(block, reduction, value(reduction.value), at, copy, lanes)
        for guard in self.nest.guards:
            held = guard.write(block, value(guard.value))
            old = block.fresh("load i1, ptr %held", "i1")
            new = block.fresh(f"and i1 {held.name}, {old.name}", "i1")
            block.lines.append(f"  store i1 {new.name}, ptr %held")
        self.passed_on |= block.passed_on
        known = {e.name for _, e in self.hoisted} | self.trusted
        unchecked = [n for n in block.unchecked() if n not in known]
        for name in unchecked:
            self.check(block.lines, block, Element(block, name, block.kinds[name]), copy, lanes)
        self.functions |= block.functions
        self.elementary |= block.elementary
        return block.lines

    def check(self, lines: list[str], block: Block, element: Element, copy: int, lanes: int | None) -> None:
        """Remember whether a value is not finite: 0 * v is NaN just then."""
        kind = element.kind
        key = (kind, block.width, copy)
        name = self.bad.get(key)
        type_ = block.type(kind)
        if name is None:
            name = self.bad[key] = f"%bad{len(self.bad)}"
            self.stack += [f"  {name} = alloca {type_}", f"  store {type_} zeroinitializer, ptr {name}"]
        block.real = kind
        out = Block(block.width, self.names)
        out.real = kind
        value = element
        if lanes is not None:
            value = out.select(_mask(out, lanes), element, out.constant(0.0, kind))
        old = out.fresh(f"load {type_}, ptr {name}", kind)
        new = out.intrinsic("fmuladd", value, out.constant(0.0, kind), old)
        out.lines.append(f"  store {type_} {new.name}, ptr {name}")
        self.functions |= out.functions
        lines += out.lines

    def verdict(self) -> tuple[str, list[str]]:
        """Whether all guards held and every value was finite."""
        block = Block(1, self.names)
        truth = block.test(True)
        for (kind, width, _), name in self.bad.items():
            block.real = kind
            vector = Block(width, self.names)
            value = block.fresh(f"load {vector.type(kind)}, ptr {name}", kind)
            value = self.across(block, value.name, "add", kind, width)
            truth = block.logic("and", truth, block.compare("ord", value, 0.0))
        if self.guarding:
            truth = block.logic("and", truth, block.fresh("load i1, ptr %held", "i1"))
        return truth.name, block.lines

    def across(self, block: Block, name: str, how: str, kind: Kind, width: int) -> Element:
        """A vector put into one number."""
        if width == 1:
            return Element(block, name, kind)
        vector, scalar = f"<{width} x {KINDS[kind]}>", KINDS[kind]
        suffix = f"v{width}{kind}"
        if kind not in _REAL:
            self.functions.add(f"declare {scalar} @llvm.vector.reduce.add.{suffix}({vector})")
            return block.fresh(f"call {scalar} @llvm.vector.reduce.add.{suffix}({vector} {name})", kind)
        if how in ("add", "mul"):
            first = literal(-0.0 if how == "add" else 1.0)
            self.functions.add(
                f"declare {scalar} @llvm.vector.reduce.f{how}.{suffix}({scalar}, {vector})"
            )
            # Free order within the one vector, not beyond.
            return block.fresh(
                f"call reassoc {scalar} @llvm.vector.reduce.f{how}.{suffix}({scalar} {first}, "
                f"{vector} {name})", kind)  # fmt: skip
        self.functions.add(f"declare {scalar} @llvm.vector.reduce.f{how}.{suffix}({vector})")
        return block.fresh(f"call {scalar} @llvm.vector.reduce.f{how}.{suffix}({vector} {name})", kind)

    # -- memory ------------------------------------------------------------------------------

    def base(self, buffer: Buffer, offset: int = 0) -> str:
        """The argument that points to an element of a buffer."""
        return self.bases.setdefault((buffer, offset), f"%m{len(self.bases)}")

    def pointer(self, access: _Access) -> tuple[str, int]:
        """A pointer to a row's first element, and the depth it is known at."""
        outer = access.strides[:-1]
        key = (access.buffer, access.offset, outer)
        depth = max([d + 1 for d, s in enumerate(outer) if s], default=0)
        found = self.pointers.get(key)
        if found is None:
            origin = self.base(access.buffer, access.offset)
            lines = self.before[depth]
            index = "0"
            for d, stride in enumerate(outer):
                if stride:
                    n = next(self.names)
                    lines += [f"  %x{n} = mul nsw i64 %i{d}, {stride}", f"  %y{n} = add nsw i64 %x{n}, {index}"]
                    index = f"%y{n}"
            found = f"%p{next(self.names)}"
            lines.append(f"  {found} = getelementptr {_stored_type(access.buffer.kind)}, ptr {origin}, i64 {index}")
            self.pointers[key] = found
        return found, depth

    def address(self, block: Block, access: _Access, at: str) -> str:
        """Where the element (or first of a vector) at an inner index lies."""
        row, _ = self.pointer(access)
        stride = access.strides[-1] if access.strides else 0
        if not stride:
            return row
        index = at
        if stride != 1:
            index = block.fresh(f"mul nsw i64 {at}, {stride}", "i64").name
        type_ = _stored_type(access.buffer.kind)
        return block.fresh(f"getelementptr {type_}, ptr {row}, i64 {index}", "i64").name

    def loaded(self, block: Block, load: Load, at: str, lanes: int | None) -> Element:
        if load.places is not None:
            positions = self.walked(block, self.access(load.places), at, lanes)
            origin = self.base(load.view.buffer)
            made = self.gathered(block, load.view.buffer, origin, positions, lanes)
        else:
            made = self.walked(block, self.access(load.view), at, lanes)
        if load.view.buffer.tested:
            self.trusted.add(made.name)
        return made

    def walked(self, block: Block, access: _Access, at: str, lanes: int | None) -> Element:
        """The elements of a view at an inner index."""
        kind, width = access.buffer.kind, block.width
        stored = _stored_type(kind)
        stride = access.strides[-1] if access.strides else 0
        if stride == 0:
            return self.spread(block, access)
        address = self.address(block, access, at)
        if width == 1:
            return _truth(block, block.fresh(f"load {stored}, ptr {address}", _stored_kind(kind)), kind)
        vector = f"<{width} x {stored}>"
        if stride == 1 and lanes is None:
            align = access.buffer.dtype.itemsize
            return _truth(block, block.fresh(f"load {vector}, ptr {address}, align {align}", _stored_kind(kind)), kind)
        if stride == 1:
            name = f"llvm.masked.load.v{width}{_suffix(kind)}.p0"
            self.functions.add(f"declare {vector} @{name}(ptr, i32, <{width} x i1>, {vector})")
            made = block.fresh(
                f"call {vector} @{name}(ptr {address}, i32 {access.buffer.dtype.itemsize}, "
                f"<{width} x i1> {_mask_text(width, lanes)}, {vector} {_ones(kind)})", _stored_kind(kind))  # fmt: skip
            return _truth(block, made, kind)
        steps = ", ".join([f"i64 {lane * stride}" for lane in range(width)])
        return self.gathered(block, access.buffer, address, Element(block, f"<{steps}>", "i64"), lanes)

    def gathered(self, block: Block, buffer: Buffer, origin: str, positions: Element, lanes: int | None) -> Element:
        """Elements at positions from a pointer on."""
        kind, width = buffer.kind, block.width
        stored = _stored_type(kind)
        if width == 1:
            where = block.fresh(f"getelementptr {stored}, ptr {origin}, i64 {positions.name}", "i64")
            return _truth(block, block.fresh(f"load {stored}, ptr {where.name}", _stored_kind(kind)), kind)
        wide = positions.name
        if positions.kind != "i64":
            wide = block.whole(positions).name
        where = block.fresh(f"getelementptr {stored}, ptr {origin}, <{width} x i64> {wide}", "i64")
        vector = f"<{width} x {stored}>"
        name = f"llvm.masked.gather.v{width}{_suffix(kind)}.v{width}p0"
        self.functions.add(f"declare {vector} @{name}(<{width} x ptr>, i32, <{width} x i1>, {vector})")
        made = block.fresh(
            f"call {vector} @{name}(<{width} x ptr> {where.name}, i32 {buffer.dtype.itemsize}, "
            f"<{width} x i1> {_mask_text(width, lanes)}, {vector} {_ones(kind)})", _stored_kind(kind))  # fmt: skip
        return _truth(block, made, kind)

    def spread(self, block: Block, access: _Access) -> Element:
        """One number for the whole inner loop, loaded outside it."""
        row, depth = self.pointer(access)
        found = self.held.get((row, block.width))
        if found is None:
            kind = access.buffer.kind
            outer, wide = Block(1, self.names), Block(block.width, self.names)
            one = _truth(outer, outer.fresh(f"load {_stored_type(kind)}, ptr {row}", _stored_kind(kind)), kind)
            found = one
            if block.width > 1:
                vector, scalar = wide.type(kind), KINDS[kind]
                first = wide.fresh(f"insertelement {vector} poison, {scalar} {one.name}, i64 0", kind)
                found = wide.fresh(
                    f"shufflevector {vector} {first.name}, {vector} poison, "
                    f"<{block.width} x i32> zeroinitializer", kind)  # fmt: skip
            self.before[depth] += [*outer.lines, *wide.lines]
            self.held[row, block.width] = found
            if not access.buffer.tested:
                self.hoisted.append((depth, found))
        return found

    def stored(self, block: Block, store: Store, value: Any, at: str, lanes: int | None) -> None:
        buffer, width = store.view.buffer, block.width
        kind = buffer.kind
        made = _as(block, value, kind)
        if store.places is not None:
            position = self.walked(block, self.access(store.places), at, lanes)
            origin = self.base(buffer)
            where = block.fresh(f"getelementptr {_stored_type(kind)}, ptr {origin}, i64 {position.name}", "i64").name
            if store.add:
                old = block.fresh(f"load {KINDS[kind]}, ptr {where}", kind)
                block.real = kind
                made = block.passing("fadd", old, made)
                self.trusted.add(made.name)
                self.trusted.add(old.name)
            block.lines.append(f"  store {_stored_type(kind)} {_byte(block, made).name}, ptr {where}")
            return
        access = self.access(store.view)
        if store.add:
            old = self.walked(block, access, at, lanes) if (access.strides and access.strides[-1]) else None
            if old is None:
                where = self.address(block, access, at)
                old = block.fresh(f"load {KINDS[kind]}, ptr {where}", kind)
                assert width == 1
            self.trusted.add(old.name)
            block.real = kind
            made = block.passing("fadd", old, made)
        self.put(block, access, made, at, lanes)

    def put(self, block: Block, access: _Access, made: Element, at: str, lanes: int | None) -> None:
        kind, width = access.buffer.kind, block.width
        stored, size = _stored_type(kind), access.buffer.dtype.itemsize
        address = self.address(block, access, at)
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
            block.lines.append(f"  call void @{name}({vector} {made.name}, ptr {address}, i32 {size}, {mask})")
            return
        steps = ", ".join([f"i64 {lane * stride}" for lane in range(width)])
        where = block.fresh(f"getelementptr {stored}, ptr {address}, <{width} x i64> <{steps}>", "i64")
        name = f"llvm.masked.scatter.v{width}{_suffix(kind)}.v{width}p0"
        self.functions.add(f"declare void @{name}({vector}, <{width} x ptr>, i32, <{width} x i1>)")
        block.lines.append(
            f"  call void @{name}({vector} {made.name}, <{width} x ptr> {where.name}, i32 {size}, {mask})"
        )

    # -- reductions --------------------------------------------------------------------------

    def in_registers(self, reduction: Reduction) -> bool:
        """Whether the innermost loop runs along a reduced axis."""
        access = self.access(reduction.view)
        return not access.strides or self.groups[-1][-1] in reduction.axes

    def again(self, reduction: Reduction) -> bool:
        """Whether a result is come back to: an outer loop is reduced, an inner one is not."""
        kept = [g[-1] not in reduction.axes for g in self.groups]
        last = max([n for n, k in enumerate(kept) if k], default=-1)
        return not all(kept[: last + 1])

    def filled(self, reduction: Reduction) -> list[str]:
        """What memory a reduction is gathered in holds before."""
        buffer = reduction.view.buffer
        n = next(self.names)
        name = self.base(buffer)
        type_ = KINDS[reduction.kind]
        value = literal(_IDENTITY[reduction.how], reduction.kind) if reduction.kind in _REAL else "0"
        return self.loop(f"%f{n}", buffer.size, [
            f"  %g{n} = getelementptr {type_}, ptr {name}, i64 %f{n}",
            f"  store {type_} {value}, ptr %g{n}"])  # fmt: skip

    def reduced(self, block: Block, reduction: Reduction, value: Any, at: str, copy: int, lanes: int | None) -> None:
        kind = reduction.kind
        made = _as(block, value, kind)
        for each in self.summing:
            if each.reduction is reduction:
                each.take(block, made, copy, lanes)
                return
        access = self.access(reduction.view)
        old = self.walked(block, access, at, lanes)
        self.trusted.add(old.name)
        new = combined(block, reduction.how, old, made, kind)
        self.trusted.add(new.name)
        self.put(block, access, new, at, lanes)


class _Sum:
    """A reduction along the innermost loop, in registers.

    Long sums are cut into blocks, whose sums are added with their rounding errors kept (Knuth's
    two-sum), so the error does not grow with the length.
    """

    def __init__(self, writer: _Writer, number: int, reduction: Reduction) -> None:
        self.writer, self.reduction, self.kind = writer, reduction, reduction.kind
        self.name = f"%r{number}"
        self.width = writer.width
        kept = [n for n, g in enumerate(writer.groups) if g[-1] not in reduction.axes]
        self.level = max(kept, default=-1) + 1  # the depth at which one result is complete
        length = math.prod(writer.sizes[self.level :])
        self.long = reduction.how == "add" and self.kind in _REAL and length > 2 * _BLOCK
        type_ = Block(self.width).type(self.kind)
        self.type = type_
        self.parts = [f"{self.name}.{u}" for u in range(writer.unroll)]
        for part in self.parts:
            writer.stack.append(f"  {part} = alloca {type_}")
        if self.long:
            writer.stack += [f"  {self.name}.hi = alloca {type_}", f"  {self.name}.lo = alloca {type_}"]

    def identity(self, block: Block) -> Element:
        value = _IDENTITY[self.reduction.how] if self.kind in _REAL else 0
        return block.constant(value, self.kind)

    def begin(self) -> None:
        lines = self.writer.before[self.level]
        zero = self.identity(Block(self.width)).name
        lines += [f"  store {self.type} {zero}, ptr {part}" for part in self.parts]
        if self.long:
            lines += [f"  store {self.type} {zero}, ptr {self.name}.{x}" for x in ("hi", "lo")]

    def take(self, block: Block, made: Element, copy: int, lanes: int | None) -> None:
        if lanes is not None:
            block.real = self.kind
            made = block.select(_mask(block, lanes), made, self.identity(block))
            block.passed_on.add(made.name)
        old = block.fresh(f"load {self.type}, ptr {self.parts[copy]}", self.kind)
        new = combined(block, self.reduction.how, old, made, self.kind)
        self.writer.trusted |= {old.name, new.name}
        block.lines.append(f"  store {self.type} {new.name}, ptr {self.parts[copy]}")

    def total(self, block: Block) -> Element:
        values = [block.fresh(f"load {self.type}, ptr {p}", self.kind) for p in self.parts]
        while len(values) > 1:
            values = [combined(block, self.reduction.how, *values[:2], self.kind), *values[2:]]
        return values[0]

    def carry(self) -> list[str]:
        """At the end of a block: its sum goes to the larger one."""
        if not self.long:
            return []
        block = Block(self.width, self.writer.names)
        block.real = self.kind
        b = self.total(block)
        a = block.fresh(f"load {self.type}, ptr {self.name}.hi", self.kind)
        low = block.fresh(f"load {self.type}, ptr {self.name}.lo", self.kind)
        s = a + b
        t = s - a
        error = (a - (s - t)) + (b - t)
        zero = self.identity(block).name
        block.lines += [
            f"  store {self.type} {s.name}, ptr {self.name}.hi",
            f"  store {self.type} {(low + error).name}, ptr {self.name}.lo",
            *[f"  store {self.type} {zero}, ptr {part}" for part in self.parts],
        ]
        return block.lines

    def end(self) -> None:
        """One result is complete."""
        writer, names = self.writer, self.writer.names
        wide, block = Block(self.width, names), Block(1, names)
        wide.real = block.real = self.kind
        if self.long:
            high = wide.fresh(f"load {self.type}, ptr {self.name}.hi", self.kind)
            made = high + wide.fresh(f"load {self.type}, ptr {self.name}.lo", self.kind)
        else:
            made = self.total(wide)
        result = writer.across(block, made.name, self.reduction.how, self.kind, self.width)
        access = writer.access(self.reduction.view)
        row, _ = writer.pointer(access)
        if writer.again(self.reduction):
            old = block.fresh(f"load {KINDS[self.kind]}, ptr {row}", self.kind)
            result = combined(block, self.reduction.how, old, result, self.kind)
        block.lines.append(f"  store {KINDS[self.kind]} {result.name}, ptr {row}")
        writer.after[self.level] += [*wide.lines, *block.lines]


def combined(block: Block, how: str, a: Element, b: Element, kind: Kind) -> Element:
    """Two values of a reduction as one."""
    if kind not in _REAL:
        return block.integer("add", a, b)
    block.real = kind
    if how in ("add", "mul"):
        return block.passing(f"f{how}", a, b)
    return block.select(block.compare("ogt" if how == "max" else "olt", b, a), b, a)


def _as(block: Block, value: Any, kind: Kind) -> Element:
    if kind in _REAL:
        block.real = kind
        return block.number(value)
    return block.test(value) if kind == "i1" else block.whole(value, kind)


def _mask_text(width: int, lanes: int | None) -> str:
    if lanes is None:
        return "splat (i1 true)"
    return "<" + ", ".join([f"i1 {'true' if n < lanes else 'false'}" for n in range(width)]) + ">"


def _mask(block: Block, lanes: int) -> Element:
    return Element(block, _mask_text(block.width, lanes), "i1")


def _ones(kind: Kind) -> str:
    """What stands in lanes that are not asked for: a number nothing goes wrong with."""
    one = literal(1, kind) if kind in _REAL else "0"
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
