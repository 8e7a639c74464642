"""Reductions along the innermost loop, in registers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from glassgrad.emit.native.elements import KINDS, Block, Element, Kind
from glassgrad.emit.native.steps import Reduction
from glassgrad.emit.native.walk import REAL, mask

if TYPE_CHECKING:
    from glassgrad.emit.native.loops import Writer

__all__ = ["BLOCK", "IDENTITY", "SLOT", "RunningSum", "combined"]

BLOCK = 1024  # elements summed into one accumulator before it is added to the larger sum
SLOT = 64  # bytes of a partial result of a thread: a cache line each, so that no two write to one
IDENTITY = {"add": 0.0, "mul": 1.0, "max": -math.inf, "min": math.inf}


class RunningSum:
    """A reduction along the innermost loop, in registers.

    Long sums are cut into blocks, whose sums are added with their rounding errors kept (Knuth's
    two-sum), so the error does not grow with the length.
    """

    def __init__(self, writer: Writer, number: int, reduction: Reduction) -> None:
        self.writer, self.reduction, self.kind = writer, reduction, reduction.kind
        self.name = f"%r{number}"
        self.width = writer.width
        kept = [n for n, g in enumerate(writer.groups) if g[-1] not in reduction.axes]
        self.level = max(kept, default=-1) + 1  # the depth at which one result is complete
        length = math.prod(writer.sizes[self.level :])
        self.long = reduction.how == "add" and self.kind in REAL and length > 2 * BLOCK
        type_ = Block(self.width).type(self.kind)
        self.type = type_
        self.parts = [f"{self.name}.{u}" for u in range(writer.unroll)]
        for part in self.parts:
            writer.stack.append(f"  {part} = alloca {type_}")
        if self.long:
            writer.stack += [
                f"  {self.name}.hi = alloca {type_}",
                f"  {self.name}.lo = alloca {type_}",
            ]

    def identity(self, block: Block) -> Element:
        value = IDENTITY[self.reduction.how] if self.kind in REAL else 0
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
            made = block.select(mask(block, lanes), made, self.identity(block))
            block.passed_on.add(made.name)
        old = block.fresh(f"load {self.type}, ptr {self.parts[copy]}", self.kind)
        new = combined(block, self.reduction.how, old, made, self.kind)
        self.writer.trusted |= {old.name, new.name}
        block.lines.append(f"  store {self.type} {new.name}, ptr {self.parts[copy]}")

    def total(self, block: Block) -> Element:
        values = [block.fresh(f"load {self.type}, ptr {p}", self.kind) for p in self.parts]
        while len(values) > 1:
            a, b, *rest = values
            values = [combined(block, self.reduction.how, a, b, self.kind), *rest]
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
        error = rounding(a, b, s)
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
        if self.reduction.lanes == self.width:
            self.carry_on(wide, made)
            writer.after[self.level] += wide.lines
            return
        result = writer.across(block, made.name, self.reduction.how, self.kind, self.width)
        if self.reduction.carried:
            self.carry_on(block, result)
        else:
            self.give(block, result)
        writer.after[self.level] += [*wide.lines, *block.lines]

    def carry_on(self, block: Block, part: Element) -> None:
        """Add a tile's sum to that of the tiles before, and what that loses to the errors."""
        writer, type_ = self.writer, block.type(self.kind)
        align = f"align {self.reduction.view.itemsize}"
        row, _ = writer.pointer(writer.access(self.reduction.view))
        old = block.fresh(f"load {type_}, ptr {row}, {align}", self.kind)
        new = combined(block, self.reduction.how, old, part, self.kind)
        block.lines.append(f"  store {type_} {new.name}, ptr {row}, {align}")
        if self.reduction.errors is not None:
            place, _ = writer.pointer(writer.access(self.reduction.errors))
            low = block.fresh(f"load {type_}, ptr {place}, {align}", self.kind)
            more = low + rounding(old, part, new)
            block.lines.append(f"  store {type_} {more.name}, ptr {place}, {align}")

    def give(self, block: Block, result: Element) -> None:
        writer = self.writer
        if writer.parallel and not self.level:
            shared = [s for s in writer.summing if not s.level]
            row = f"{self.name}.own"
            block.lines.append(
                f"  {row} = getelementptr i8, ptr %mine, i64 {SLOT * shared.index(self)}"
            )
        else:
            row, _ = writer.pointer(writer.access(self.reduction.view))
        if writer.again(self.reduction):
            old = block.fresh(f"load {KINDS[self.kind]}, ptr {row}", self.kind)
            result = combined(block, self.reduction.how, old, result, self.kind)
        block.lines.append(f"  store {KINDS[self.kind]} {result.name}, ptr {row}")
        if self.reduction.view.buffer.tested and self.kind in REAL:
            writer.check(block.lines, Block(1, writer.names), result, 0, None)


def rounding(a: Element, b: Element, total: Element) -> Element:
    """The rounding error of a sum of two (Knuth's two-sum)."""
    t = total - a
    return (a - (total - t)) + (b - t)


def combined(block: Block, how: str, a: Element, b: Element, kind: Kind) -> Element:
    """Two values of a reduction as one."""
    if kind not in REAL:
        return block.integer("add", a, b)
    block.real = kind
    if how in ("add", "mul"):
        return block.passing(f"f{how}", a, b)
    return block.select(block.compare("ogt" if how == "max" else "olt", b, a), b, a)
