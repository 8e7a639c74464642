"""A nest as LLVM IR: one function that loops over the domain, vectors at a time.

Vectors are written as such, so nothing depends on what LLVM's vectoriser makes of a loop. The
last few elements of a row go through the same instructions with a mask. Counters and accumulators
stand on the stack in the text; LLVM keeps them in registers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from glassgrad.emit.native.elements import KINDS, Block, Element, Kind, literal
from glassgrad.emit.native.memory import Buffer, Moves
from glassgrad.emit.native.steps import Load, Nest, Operation, Reduction
from glassgrad.emit.native.sums import BLOCK, IDENTITY, RunningSum, combined
from glassgrad.emit.native.threads import Shared, in_threads, ranges
from glassgrad.emit.native.walk import REAL, Walk, as_kind, mask

__all__ = ["Function", "given", "in_ranges", "lanes_along", "written"]

_LANES: dict[Kind, int] = {"f64": 8, "f32": 16, "i1": 16, "i8": 16, "i32": 16, "i64": 8}


class Function(NamedTuple):
    """The function ``NAME`` of a nest.

    Attributes
    ----------
    text
        LLVM IR.
    places
        What it is called with: places in buffers, as (buffer, element, moves).
    declared
        Declarations of outside functions.
    elementary
        The elementary functions it calls.
    """

    text: str
    places: list[tuple[Buffer, int, Moves]]
    declared: set[str]
    elementary: set[tuple[str, Kind, int]]


def written(nest: Nest) -> Function:
    """A nest as a function; nests that differ only in where things lie give the same text."""
    writer = Writer(nest)
    text = writer.text()
    return Function(text, list(writer.bases), writer.functions, writer.elementary)


def given(names: Iterable[str]) -> list[str]:
    """The arguments of a step, from its list of pointers."""
    lines = []
    for n, name in enumerate(names):
        lines += [f"  {name}.at = getelementptr ptr, ptr %list, i64 {n}",
                  f"  {name} = load ptr, ptr {name}.at"]  # fmt: skip
    return lines


class Writer(Walk):
    """Writes one nest."""

    def __init__(self, nest: Nest) -> None:
        self.nest = nest
        self.sizes, groups = _loops(nest)
        super().__init__(groups, max(len(self.sizes) - 1, 0))
        self.elementary: set[tuple[str, Kind, int]] = set()
        self.stack: list[str] = []
        self.after: list[list[str]] = [[] for _ in range(self.depth + 1)]
        self.passed_on: set[str] = set()
        walked = [self.access(s.places) for s in nest.stores if s.places is not None]
        self.sequential = any(not a.strides or a.strides[-1] for a in walked)
        self.scatters = bool(walked)
        self.width = self.lanes()
        self.unroll = self.copies()
        self.bad: dict[Any, str] = {}
        self.summing: list[RunningSum] = [
            RunningSum(self, n, r) for n, r in enumerate(nest.reductions) if self.in_registers(r)
        ]
        self.guarding = "%held" if nest.guards else ""
        self.ranges = self.cut()
        self.parallel = self.ranges > 1
        for each in self.summing:
            if self.parallel and not each.level:  # `in_threads` looks for them at the head
                self.base(each.reduction.view.buffer, each.reduction.view.offset)

    def cut(self) -> int:
        """In how many ranges the outermost loop runs: 1 where one may write where another does."""
        nest = self.nest
        if not self.sizes or self.scatters or nest.guards or nest.in_tiles:
            return 1
        if not all(self.in_registers(r) and not self.again(r) for r in nest.reductions):
            return 1
        return ranges(self.length(), nest.work)

    def length(self) -> int:
        """How often the outermost loop runs: in blocks, where it is the only one."""
        return self.sizes[0] if self.depth else self.sizes[0] // BLOCK

    def lanes(self) -> int:
        return 1 if self.sequential or not self.sizes else _width(self.nest, self.sizes[-1])

    def copies(self) -> int:
        """How often the body is written in a row: sums in several registers wait less."""
        if not self.sizes or self.scatters:
            return 1
        if not self.nest.reductions and (self.nest.operations or self.nest.stores):
            return 1  # only what is tested and not stored is a sum alike
        many = self.sizes[-1] // self.width
        cost = sum(o.cost for o in self.nest.operations)  # of long bodies the processor itself
        wanted = 4 if cost <= 4 else 2 if cost <= 16 else 1  # begins the next before one is done
        while wanted > 1 and (wanted > many or (many % wanted and many < 4 * wanted)):
            wanted //= 2
        return wanted

    # -- the function ------------------------------------------------------------------------

    def text(self) -> str:
        for each in self.summing:
            each.begin()
        inner = self.inner()
        for each in self.summing:
            each.end()
        for depth, element in self.hoisted:
            if element.name not in self.passed_on and element.kind in REAL:
                self.check(
                    self.after[depth], Block(element.block.width, self.names), element, 0, None
                )
        lines = self.nested(0, inner)
        if self.guarding:
            self.stack += ["  %held = alloca i1", "  store i1 true, ptr %held"]
        fills = [line for r in self.nest.reductions
                 if not r.carried and (not self.in_registers(r) or self.again(r))
                 for line in self.filled(r)]  # fmt: skip
        answer, lines_end = self.verdict()
        head, spread = "@NAME(ptr %list)", ""
        if self.parallel:
            head = "@NAME.part(ptr %list, i64 %lo, i64 %hi, ptr %mine)"
            sums = [
                Shared(s.reduction.how, s.kind, s.reduction.view.buffer.tested)
                for s in self.summing
                if not s.level
            ]
            spread, declared = in_threads(self.length(), self.ranges, sums)
            self.functions |= declared
        return "\n".join([f"define internal i32 {head} {{", *given(self.bases.values()), *self.stack, *fills, *lines, *lines_end,
                          f"  %answer = zext i1 {answer} to i32", "  ret i32 %answer", "}", spread])  # fmt: skip

    def nested(self, depth: int, inner: list[str]) -> list[str]:
        if depth == self.depth:
            return [*self.before[depth], *inner, *self.after[depth]]
        body = self.nested(depth + 1, inner)
        return [
            *self.before[depth],
            *self.loop(f"%i{depth}", self.sizes[depth], body, outermost=depth == 0),
            *self.after[depth],
        ]

    def loop(self, name: str, size: int, body: Sequence[str], outermost: bool = False) -> list[str]:
        """A loop from 0 to size, or over the range that is this thread's."""
        if size == 1 and not (outermost and self.parallel):
            return [f"  {name} = add i64 0, 0", *body]
        n = next(self.names)
        start, end = ("%lo", "%hi") if outermost and self.parallel else ("0", str(size))
        self.stack.append(f"  %c{n} = alloca i64")
        return [
            f"  store i64 {start}, ptr %c{n}", f"  br label %L{n}", f"L{n}:", f"  {name} = load i64, ptr %c{n}",
            *body, f"  %n{n} = add nuw nsw i64 {name}, 1", f"  store i64 %n{n}, ptr %c{n}",
            f"  %e{n} = icmp eq i64 %n{n}, {end}", f"  br i1 %e{n}, label %X{n}, label %L{n}", f"X{n}:",
        ]  # fmt: skip

    def inner(self) -> list[str]:
        """The innermost loop, cut into blocks where sums are long."""
        if not self.sizes:
            return self.body("0", 0, None)
        size = self.sizes[-1]
        shared = self.parallel and not self.depth
        long = size > 2 * BLOCK and any(s.long for s in self.summing)
        blocks = size // BLOCK if long or shared else 0
        lines: list[str] = []
        if blocks:
            n = next(self.names)
            body = [f"  %s{n} = mul nuw nsw i64 %k{n}, {BLOCK}", *self.segment(f"%s{n}", BLOCK)]
            lines += self.loop(f"%k{n}", blocks, body, outermost=shared)
        rest = size - blocks * BLOCK
        if rest:
            more = self.segment(str(blocks * BLOCK), rest)
            if shared:  # the last thread's
                n = next(self.names)
                more = [f"  %e{n} = icmp eq i64 %hi, {blocks}",
                        f"  br i1 %e{n}, label %L{n}, label %X{n}", f"L{n}:", *more,
                        f"  br label %X{n}", f"X{n}:"]  # fmt: skip
            lines += more
        return lines

    def segment(self, start: str, size: int) -> list[str]:
        """A row of elements from `start` on."""
        step = self.width * self.unroll
        times = size // step
        lines: list[str] = []
        if times:
            n = next(self.names)
            body = [
                f"  %a{n} = mul nuw nsw i64 %j{n}, {step}",
                f"  %b{n} = add nuw nsw i64 %a{n}, {start}",
            ]
            for u in range(self.unroll):
                at = f"%b{n}"
                if u:
                    body.append(f"  %b{n}.{u} = add nuw nsw i64 %b{n}, {u * self.width}")
                    at = f"%b{n}.{u}"
                body += self.body(at, u, None)
            lines += self.loop(f"%j{n}", times, body)
        done = times * step
        whole, part = divmod(size - done, self.width)
        if whole:
            n = next(self.names)
            body = [f"  %a{n} = mul nuw nsw i64 %j{n}, {self.width}",
                    f"  %b{n} = add nuw nsw i64 %a{n}, {start}",
                    f"  %d{n} = add nuw nsw i64 %b{n}, {done}"]  # fmt: skip
            lines += self.loop(f"%j{n}", whole, [*body, *self.body(f"%d{n}", 0, None)])
        if part:
            n = next(self.names)
            lines.append(f"  %b{n} = add nuw nsw i64 {start}, {size - part}")
            lines += self.body(f"%b{n}", 0, part)
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
            if operation.result in REAL:
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
            if block.width > 1:
                name = f"llvm.vector.reduce.and.v{block.width}i1"
                self.functions.add(f"declare i1 @{name}({block.type('i1')})")
                held = block.fresh(f"call i1 @{name}({block.type('i1')} {held.name})", "i1")
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

    def check(
        self, lines: list[str], block: Block, element: Element, copy: int, lanes: int | None
    ) -> None:
        """Remember whether a value is not finite: 0 * v is NaN just then."""
        kind = element.kind
        key = (kind, block.width, copy)
        name = self.bad.get(key)
        type_ = block.type(kind)
        if name is None:
            name = self.bad[key] = f"%bad{len(self.bad)}"
            self.stack += [
                f"  {name} = alloca {type_}",
                f"  store {type_} zeroinitializer, ptr {name}",
            ]
        block.real = kind
        out = Block(block.width, self.names)
        out.real = kind
        value = element
        if lanes is not None:
            value = out.select(mask(out, lanes), element, out.constant(0.0, kind))
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
        if kind not in REAL:
            self.functions.add(f"declare {scalar} @llvm.vector.reduce.add.{suffix}({vector})")
            return block.fresh(
                f"call {scalar} @llvm.vector.reduce.add.{suffix}({vector} {name})", kind
            )
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
        return block.fresh(
            f"call {scalar} @llvm.vector.reduce.f{how}.{suffix}({vector} {name})", kind
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
        name = self.base(buffer, 0, reduction.view.moves)
        type_ = KINDS[reduction.kind]
        value = literal(IDENTITY[reduction.how], reduction.kind) if reduction.kind in REAL else "0"
        return self.loop(f"%f{n}", buffer.size, [
            f"  %g{n} = getelementptr {type_}, ptr {name}, i64 %f{n}",
            f"  store {type_} {value}, ptr %g{n}"])  # fmt: skip

    def reduced(
        self, block: Block, reduction: Reduction, value: Any, at: str, copy: int, lanes: int | None
    ) -> None:
        kind = reduction.kind
        made = as_kind(block, value, kind)
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


def _width(nest: Nest, row: int) -> int:
    """How many elements of a row a vector holds."""
    kinds = {o.real for o in nest.operations}
    kinds |= {load.view.buffer.kind for load in nest.loads.values()}
    kinds |= {s.view.buffer.kind for s in nest.stores}
    most = min([_LANES[k] for k in kinds], default=8)
    width = 1
    while width < min(most, row):
        width *= 2
    return width


def in_ranges(nest: Nest) -> bool:
    """Whether a nest runs on all cores by itself."""
    return Writer(nest).parallel


def lanes_along(nest: Nest, reduction: Reduction) -> int:
    """The length of the vectors a reduction is gathered in, where the inner loop runs along it."""
    sizes, groups = _loops(nest)
    if not sizes or groups[-1][-1] not in reduction.axes:
        return 0
    return _width(nest, sizes[-1])


def _loops(nest: Nest) -> tuple[tuple[int, ...], list[list[int]]]:
    """The sizes of the loops, outermost first, and which axes each runs over.

    The innermost is the one along which most of memory is read in order.
    """
    views = [load.view for load in nest.loads.values()]
    views += [s.view for s in nest.stores]
    stores = len(views) - len(nest.stores)
    views += [r.view for r in nest.reductions]
    views += [load.places for load in nest.loads.values() if load.places is not None]
    views += [s.places for s in nest.stores if s.places is not None]
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
        if (
            groups
            and all(s[groups[-1][-1]] == s[axis] * nest.domain[axis] for s in strides)
            and all((groups[-1][-1] in r) == (axis in r) for r in reduced)
        ):
            groups[-1].append(axis)
        else:
            groups.append([axis])
    return tuple([math.prod([nest.domain[a] for a in g]) for g in groups]), groups
