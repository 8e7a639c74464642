"""Numbers of a circuit as LLVM values: one SSA name an element, one instruction an operation.

An `Element` answers ``+ - * /``, so NumPy's own structural functions (indexing, reshaping, sums,
small products), run on object arrays of elements, write their instructions by themselves. With a
`Block` of width 8 the same lines write vectors of 8: formulas need not know.

Native code answers only where every number is finite; `Block.unchecked` tells which values have
to be tested for that. Sums and products of an infinity or NaN are never finite, so a value that
goes into one need not be tested itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import count
from typing import Any, Literal, TypeAlias

import numpy as np

__all__ = ["KINDS", "Block", "Element", "Kind", "NotNative", "kind_of", "literal"]

Kind: TypeAlias = Literal["f64", "f32", "i1", "i8", "i32", "i64"]

#: What LLVM calls each kind of number.
KINDS: dict[Kind, str] = {"f64": "double", "f32": "float", "i1": "i1", "i8": "i8", "i32": "i32",
                          "i64": "i64"}  # fmt: skip
_KIND_OF: dict[Any, Kind] = {
    np.dtype(np.float64): "f64", np.dtype(np.float32): "f32", np.dtype(np.bool_): "i1",
    np.dtype(np.int32): "i32", np.dtype(np.int64): "i64",
}  # fmt: skip


class NotNative(Exception):
    """The circuit has no native form; says why."""


def kind_of(dtype: np.dtype[Any]) -> Kind:
    """The kind of number an element of this dtype is.

    Raises
    ------
    NotNative
        Native code does not know it.
    """
    found = _KIND_OF.get(dtype)
    if found is None:
        raise NotNative(f"{dtype} has no native form")
    return found


def literal(value: Any, kind: Kind = "f64") -> str:
    """A constant as LLVM writes it: a real number by its bits as a double, so that none is lost."""
    if kind == "i1":
        return "true" if value else "false"
    if kind in ("f64", "f32"):
        value = float(np.float32(value)) if kind == "f32" else float(value)
        return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"
    return str(int(value))


class Element:
    """One number, or one vector of numbers, while native code is written: an SSA name."""

    __slots__ = ("block", "kind", "name")

    def __init__(self, block: Block, name: str, kind: Kind = "f64") -> None:
        self.block, self.name, self.kind = block, name, kind

    @property
    def truth(self) -> bool:
        return self.kind == "i1"

    def __add__(self, other: Any) -> Element:
        return self.block.passing("fadd", self, other)

    def __radd__(self, other: Any) -> Element:
        return self.block.passing("fadd", other, self)

    def __sub__(self, other: Any) -> Element:
        return self.block.passing("fsub", self, other)

    def __rsub__(self, other: Any) -> Element:
        return self.block.passing("fsub", other, self)

    def __mul__(self, other: Any) -> Element:
        return self.block.passing("fmul", self, other)

    def __rmul__(self, other: Any) -> Element:
        return self.block.passing("fmul", other, self)

    def __neg__(self) -> Element:
        return self.block.passing("fneg", self)

    def __truediv__(self, other: Any) -> Element:
        return self.block.divide(self, other)

    def __rtruediv__(self, other: Any) -> Element:
        return self.block.divide(other, self)

    def conjugate(self) -> Element:
        """As real numbers are their own conjugates; `numpy.vdot` asks."""
        return self


class Block:
    """The instructions of one function.

    Parameters
    ----------
    width : int
        How many numbers a value holds: 1, or the length of the vectors that are written.
    names : iterator of int, optional
        Numbers for names, where several blocks make one function.

    Attributes
    ----------
    lines : list of str
        LLVM IR, in order.
    real : "f64" or "f32"
        What arithmetic computes in; operands of other kinds are converted first.
    functions : set of str
        Declarations of the outside functions that are called.
    elementary : set of (str, str, int)
        The elementary functions that are called: name, kind, width. See ``elementary``.
    kinds : dict
        The kind of each value, by name.
    passed_on : set of str
        Values that went into a sum or product.
    """

    def __init__(self, width: int = 1, names: Iterator[int] | None = None) -> None:
        self.width = width
        self._names = names or count(1)
        self.lines: list[str] = []
        self.real: Kind = "f64"
        self.functions: set[str] = set()
        self.elementary: set[tuple[str, Kind, int]] = set()
        self.kinds: dict[str, Kind] = {}
        self._made: list[str] = []
        self.passed_on: set[str] = set()

    # -- names and types ---------------------------------------------------------------------

    def type(self, kind: Kind) -> str:
        """A kind as an LLVM type of this block's width."""
        return KINDS[kind] if self.width == 1 else f"<{self.width} x {KINDS[kind]}>"

    def constant(self, value: Any, kind: Kind) -> Element:
        text = literal(value, kind)
        if self.width > 1:
            text = f"splat ({KINDS[kind]} {text})"
        return Element(self, text, kind)

    def new_name(self) -> str:
        return f"%v{next(self._names)}"

    def fresh(self, instruction: str, kind: Kind | None = None) -> Element:
        """A new value."""
        kind = kind or self.real
        name = self.new_name()
        self.lines.append(f"  {name} = {instruction}")
        self.kinds[name] = kind
        if kind in ("f64", "f32"):
            self._made.append(name)
        return Element(self, name, kind)

    # -- conversions -------------------------------------------------------------------------

    def number(self, value: Any, kind: Kind | None = None) -> Element:
        """A value as a real number: an element, or a Python or NumPy number."""
        kind = kind or self.real
        if not isinstance(value, Element):
            return self.constant(value, kind)
        if value.kind == kind:
            return value
        source, target = self.type(value.kind), self.type(kind)
        if value.kind == "i1":
            return self.fresh(f"uitofp {source} {value.name} to {target}", kind)
        if value.kind in ("f64", "f32"):
            how = "fpext" if kind == "f64" else "fptrunc"
            self.passed_on.add(value.name)
        else:
            how = "sitofp"
        return self.fresh(f"{how} {source} {value.name} to {target}", kind)

    def whole(self, value: Any, kind: Kind = "i64") -> Element:
        """A value as an integer; real numbers are cut towards zero."""
        if not isinstance(value, Element):
            return self.constant(value, kind)
        if value.kind == kind:
            return value
        source, target = self.type(value.kind), self.type(kind)
        bits = {"i1": 1, "i8": 8, "i32": 32, "i64": 64}
        if value.kind in ("f64", "f32"):
            how = "fptosi"
        elif bits[value.kind] < bits[kind]:
            how = "zext" if value.kind == "i1" else "sext"
        else:
            how = "trunc"
        return self.fresh(f"{how} {source} {value.name} to {target}", kind)

    def test(self, value: Any) -> Element:
        """A value as a truth."""
        if not isinstance(value, Element):
            return self.constant(bool(value), "i1")
        if value.truth:
            return value
        if value.kind in ("f64", "f32"):
            zero = self.constant(0, value.kind).name
            return self.fresh(f"fcmp une {self.type(value.kind)} {value.name}, {zero}", "i1")
        zero = self.constant(0, value.kind).name
        return self.fresh(f"icmp ne {self.type(value.kind)} {value.name}, {zero}", "i1")

    # -- arithmetic --------------------------------------------------------------------------

    def passing(self, op: str, *operands: Any) -> Element:
        """An operation whose result is not finite where an operand is not."""
        names = [self.number(o).name for o in operands]
        self.passed_on.update(names)
        return self.fresh(f"{op} {self.type(self.real)} {', '.join(names)}")

    def divide(self, a: Any, b: Any) -> Element:
        """A quotient passes on its dividend only: one divided by infinity is zero."""
        above, below = self.number(a).name, self.number(b).name
        self.passed_on.add(above)
        return self.fresh(f"fdiv {self.type(self.real)} {above}, {below}")

    def compare(self, how: str, a: Any, b: Any) -> Element:
        left, right = self.number(a).name, self.number(b).name
        return self.fresh(f"fcmp {how} {self.type(self.real)} {left}, {right}", "i1")

    def select(self, condition: Any, a: Any, b: Any) -> Element:
        test = f"{self.type('i1')} {self.test(condition).name}"
        if isinstance(a, Element) and isinstance(b, Element) and a.kind == b.kind != self.real:
            kind = a.kind  # truths, or integers
            left, right = a.name, b.name
        else:
            kind = self.real
            left, right = self.number(a).name, self.number(b).name
        type_ = self.type(kind)
        return self.fresh(f"select {test}, {type_} {left}, {type_} {right}", kind)

    def logic(self, op: str, a: Any, b: Any) -> Element:
        left, right = self.test(a).name, self.test(b).name
        return self.fresh(f"{op} {self.type('i1')} {left}, {right}", "i1")

    def integer(self, op: str, a: Element, b: Any) -> Element:
        """Integer arithmetic and shifts: ``add``, ``and``, ``lshr``, ..."""
        right = self.whole(b, a.kind).name
        return self.fresh(f"{op} {self.type(a.kind)} {a.name}, {right}", a.kind)

    def integer_compare(self, how: str, a: Element, b: Any) -> Element:
        right = self.whole(b, a.kind).name
        return self.fresh(f"icmp {how} {self.type(a.kind)} {a.name}, {right}", "i1")

    def bits(self, value: Element, kind: Kind) -> Element:
        """The same bits read as another kind of the same size."""
        source, target = self.type(value.kind), self.type(kind)
        return self.fresh(f"bitcast {source} {value.name} to {target}", kind)

    # -- functions ---------------------------------------------------------------------------

    def intrinsic(self, name: str, *operands: Any) -> Element:
        """One of LLVM's functions of real numbers: ``fabs``, ``sqrt``, ``fma``, ``rint``, ..."""
        suffix = self.real if self.width == 1 else f"v{self.width}{self.real}"
        type_ = self.type(self.real)
        given = ", ".join([type_] * len(operands))
        self.functions.add(f"declare {type_} @llvm.{name}.{suffix}({given})")
        return self._called(f"llvm.{name}.{suffix}", operands)

    def call(self, function: str, *operands: Any) -> Element:
        """A function of the C library, which computes in double, one number after the other."""
        given = ", ".join(["double"] * len(operands))
        self.functions.add(f"declare double @{function}({given}) nounwind memory(none)")
        if self.width == 1:
            wide = [self.number(o, "f64").name for o in operands]
            result = self.fresh(
                f"call double @{function}({', '.join([f'double {w}' for w in wide])})", "f64"
            )
            return self.number(result)
        vector, real = self.type("f64"), self.real
        names = [self.number(o, "f64").name for o in operands]
        made = "poison"
        for lane in range(self.width):
            lanes = [
                self.fresh(f"extractelement {vector} {n}, i64 {lane}", "i64").name for n in names
            ]
            one = self.fresh(
                f"call double @{function}({', '.join([f'double {x}' for x in lanes])})", "i64"
            )
            # Named integers here, so that single lanes are not tested for being finite.
            made = self.fresh(
                f"insertelement {vector} {made}, double {one.name}, i64 {lane}",
                "f64" if lane == self.width - 1 else "i64",
            ).name
        return self.number(Element(self, made, "f64"), real)

    def function(self, name: str, *operands: Any) -> Element:
        """An elementary function of our own, see ``elementary``."""
        self.elementary.add((name, self.real, self.width))
        return self._called(f"gg.{name}.{self.real}.{self.width}", operands)

    def _called(self, name: str, operands: Any) -> Element:
        type_ = self.type(self.real)
        given = ", ".join(f"{type_} {self.number(o).name}" for o in operands)
        return self.fresh(f"call {type_} @{name}({given})")

    # -- finiteness --------------------------------------------------------------------------

    def unchecked(self) -> list[str]:
        """The values that must be finite and that no sum or product passes on."""
        return [name for name in self._made if name not in self.passed_on]
