"""Numbers of a circuit as LLVM values: one SSA name an element, one instruction an operation.

An `Element` answers ``+ - * /``, so NumPy's own structural functions (indexing, reshaping, sums,
small products), run on object arrays of elements, write their instructions by themselves.

Native code answers only where every number is finite; `Block.unchecked` tells which values have
to be tested for that. Sums and products of an infinity or NaN are never finite, so a value that
goes into one need not be tested itself.
"""

from __future__ import annotations

import struct
from typing import Any

__all__ = ["Block", "Element", "NotNative"]


class NotNative(Exception):
    """The circuit has no native form; says why."""


def literal(value: float) -> str:
    """A double as LLVM writes it: its bits, so that none is lost."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


class Element:
    """One number while native code is written: an SSA name or a constant, double or truth."""

    __slots__ = ("block", "name", "truth")

    def __init__(self, block: Block, name: str, truth: bool = False) -> None:
        self.block, self.name, self.truth = block, name, truth

    def __add__(self, other: Any) -> Element:
        return self.block.passing("fadd", self, other)

    def __radd__(self, other: Any) -> Element:
        return self.block.passing("fadd", other, self)

    def __sub__(self, other: Any) -> Element:
        return self.block.passing("fsub", self, other)

    def __mul__(self, other: Any) -> Element:
        return self.block.passing("fmul", self, other)

    def __rmul__(self, other: Any) -> Element:
        return self.block.passing("fmul", other, self)

    def __truediv__(self, other: Any) -> Element:
        return self.block.divide(self, other)

    def conjugate(self) -> Element:
        """As real numbers are their own conjugates; `numpy.vdot` asks."""
        return self


class Block:
    """The instructions of one straight-line function.

    Attributes
    ----------
    lines : list of str
        LLVM IR, in order.
    functions : set of (str, int)
        Functions of the C library that are called, with their numbers of arguments.
    truths : set of str
        The values that are ``i1``; all others are doubles.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.functions: set[tuple[str, int]] = set()
        self.truths: set[str] = set()
        self._made: list[str] = []
        self._passed_on: set[str] = set()
        self._count = 0

    def fresh(self, instruction: str, truth: bool = False) -> Element:
        """A new value."""
        self._count += 1
        name = f"%v{self._count}"
        self.lines.append(f"  {name} = {instruction}")
        if truth:
            self.truths.add(name)
        else:
            self._made.append(name)
        return Element(self, name, truth)

    def load(self, pointer: str, at: int) -> Element:
        """A double from memory."""
        made = self.fresh(f"load double, ptr %in{at}")
        address = f"  %in{at} = getelementptr double, ptr {pointer}, i64 {at}\n"
        self.lines[-1] = address + self.lines[-1]  # one entry, which `in_parts` will not cut
        return made

    def store(self, value: Element, pointer: str, at: int) -> None:
        """A double into memory."""
        self.lines.append(f"  %out{at} = getelementptr double, ptr {pointer}, i64 {at}\n"
                          f"  store double {value.name}, ptr %out{at}")  # fmt: skip

    def number(self, value: Any) -> Element:
        """A value as a double: an element, or a Python or NumPy number."""
        if isinstance(value, Element):
            return self.fresh(f"uitofp i1 {value.name} to double") if value.truth else value
        return Element(self, literal(float(value)))

    def test(self, value: Any) -> Element:
        """A value as a truth."""
        if isinstance(value, Element):
            if value.truth:
                return value
            return self.fresh(f"fcmp une double {value.name}, 0.0", truth=True)
        return Element(self, "true" if value else "false", truth=True)

    def passing(self, op: str, *operands: Any) -> Element:
        """An operation whose result is not finite where an operand is not."""
        names = [self.number(o).name for o in operands]
        self._passed_on.update(names)
        return self.fresh(f"{op} double {', '.join(names)}")

    def divide(self, a: Any, b: Any) -> Element:
        """A quotient passes on its dividend only: one divided by infinity is zero."""
        above, below = self.number(a).name, self.number(b).name
        self._passed_on.add(above)
        return self.fresh(f"fdiv double {above}, {below}")

    def compare(self, how: str, a: Any, b: Any) -> Element:
        return self.fresh(
            f"fcmp {how} double {self.number(a).name}, {self.number(b).name}", truth=True
        )

    def select(self, condition: Any, a: Any, b: Any) -> Element:
        test = self.test(condition).name
        if isinstance(a, Element) and a.truth and isinstance(b, Element) and b.truth:
            return self.fresh(f"select i1 {test}, i1 {a.name}, i1 {b.name}", truth=True)
        left, right = self.number(a).name, self.number(b).name
        return self.fresh(f"select i1 {test}, double {left}, double {right}")

    def call(self, function: str, *operands: Any) -> Element:
        """A function of the C library, or one of LLVM's (``llvm.fabs.f64``)."""
        self.functions.add((function, len(operands)))
        given = ", ".join(f"double {self.number(o).name}" for o in operands)
        return self.fresh(f"call double @{function}({given})")

    def logic(self, op: str, a: Any, b: Any) -> Element:
        return self.fresh(f"{op} i1 {self.test(a).name}, {self.test(b).name}", truth=True)

    def unchecked(self) -> list[str]:
        """The values that must be finite and that no sum or product passes on."""
        return [name for name in self._made if name not in self._passed_on]
