"""What the elementary functions share: formats of numbers, constants in parts, polynomials.

Everything is written once for `float64` and `float32`, and for one number or a vector of them.
Nothing branches: both sides of a choice are computed and one is selected. The exception are rare
arguments whose computation would be dear, see `rarely`.

Products that are added are fused (``fma``), which most of the formulas need to be exact: a
remainder x - n c costs one rounding only, and the error of a product is itself a number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from glassgrad.emit.native.elements import KINDS, Block, Element, Kind

__all__ = [
    "FORMATS", "INFINITY", "INV_LN2", "INV_LN10", "LN2", "LOG10_2", "NAN", "PI", "Format",
    "absolute", "clamp", "copysign", "fast_two_sum", "fma", "format_of", "in_double",
    "lane_by_lane", "parts", "polynomial", "rarely", "two_product", "two_sum",
]  # fmt: skip


@dataclass(frozen=True)
class Format:
    """A binary format of real numbers (IEEE 754).

    Attributes
    ----------
    integer : Kind
        Integers of the same size.
    fraction, bias : int
        How many bits of a number are its fraction, and what is added to its exponent.
    """

    integer: Kind
    fraction: int
    bias: int

    @property
    def shifter(self) -> float:
        """Added to a number, rounds it to an integer and leaves that in the lowest bits.

        Unlike a conversion to integers this is defined whatever the number is, and one addition.
        """
        return 1.5 * 2.0**self.fraction

    @property
    def smallest_normal(self) -> float:
        return 2.0 ** (1 - self.bias)

    def encoded(self, value: float) -> int:
        """The bits of a number, as a signed integer."""
        if self.integer == "i64":
            return int(np.float64(value).view(np.int64))
        return int(np.float32(value).view(np.int32))


FORMATS: dict[Kind, Format] = {"f64": Format("i64", 52, 1023), "f32": Format("i32", 23, 127)}

INFINITY, NAN = math.inf, math.nan
LN2 = Fraction("0.693147180559945309417232121458176568075500134360255254120680009493")
INV_LN2 = Fraction("1.442695040888963407359924681001892137426645954152985934135449406931")
INV_LN10 = Fraction("0.434294481903251827651128918916605082294397005803666566114453783166")
LOG10_2 = Fraction("0.301029995663981195213738894724493026768189881462108541310427461127")
PI = Fraction("3.141592653589793238462643383279502884197169399375105820974944592308")


def format_of(b: Block) -> Format:
    """The format a block computes in."""
    return FORMATS[b.real]


def parts(value: Fraction, kind: Kind, count: int) -> list[float]:
    """A constant as a sum of numbers of a kind, each the rounded rest of those before."""
    found = []
    for _ in range(count):
        part = float(value) if kind == "f64" else float(np.float32(float(value)))
        found.append(part)
        value -= Fraction(part)
    return found


def fma(b: Block, x: Any, y: Any, z: Any) -> Element:
    """The sum x y + z, rounded once."""
    return b.intrinsic("fma", x, y, z)


def absolute(b: Block, x: Element) -> Element:
    """The size of a number."""
    return b.intrinsic("fabs", x)


def copysign(b: Block, size: Any, sign: Element) -> Element:
    """The size of one number with the sign of another."""
    return b.intrinsic("copysign", size, sign)


def clamp(b: Block, x: Element, low: float | None, high: float | None) -> Element:
    """A number held within limits; NaN passes, as no comparison with it is true."""
    if high is not None:
        x = b.select(b.compare("ogt", x, high), high, x)
    if low is not None:
        x = b.select(b.compare("olt", x, low), low, x)
    return x


def polynomial(b: Block, x: Element, coefficients: Sequence[float]) -> Element:
    """A polynomial, its constant term first: Horner's rule for the even and the odd powers.

    The two halves wait for each other only at the end, which halves the latency for the price
    of one product (Knuth, "The Art of Computer Programming", 4.6.4).
    """
    if len(coefficients) < 8:
        return _horner(b, x, coefficients)
    square = x * x
    even = _horner(b, square, coefficients[::2])
    odd = _horner(b, square, coefficients[1::2])
    return fma(b, odd, x, even)


def _horner(b: Block, x: Element, coefficients: Sequence[float]) -> Element:
    total: Any = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = fma(b, total, x, coefficient)
    return b.number(total)


def two_sum(x: Element, y: Any) -> tuple[Element, Element]:
    """A sum and its rounding error, exact (Knuth's TwoSum)."""
    total = x + y
    grown = total - x
    return total, (x - (total - grown)) + (y - grown)


def fast_two_sum(large: Any, small: Any) -> tuple[Element, Element]:
    """A sum and its rounding error, where the first number is the larger one, or zero (Dekker)."""
    total = large + small
    return total, small - (total - large)


def two_product(b: Block, x: Any, y: Any) -> tuple[Element, Element]:
    """A product and its rounding error, exact as long as neither underflows."""
    product = b.passing("fmul", x, y)
    return product, fma(b, x, y, -product)


def in_double(b: Block, name: str, *operands: Element) -> Element:
    """An elementary function of `float32` computed in `float64`, then rounded."""
    kind = b.real
    b.real = "f64"
    try:
        wide = b.function(name, *[b.number(x) for x in operands])
    finally:
        b.real = kind
    return b.number(wide)


def rarely(b: Block, condition: Element, usual: Element, name: str, *operands: Element) -> Element:
    """What a slow function of its own says where a condition holds, and else the usual result.

    Code branches once, on whether the condition holds in any lane.

    Parameters
    ----------
    condition : Element
        Truths.
    usual : Element
        The result where it does not hold; it is the same whatever the other lanes hold.
    name : str
        The slow function, see ``table.RARE``.
    """
    any_ = condition.name
    if b.width > 1:
        reduce, truths = f"@llvm.vector.reduce.or.v{b.width}i1", b.type("i1")
        b.functions.add(f"declare i1 {reduce}({truths})")
        any_ = b.new_name()
        b.lines.append(f"  {any_} = call i1 {reduce}({truths} {condition.name})")
    here, slow, done = (b.new_name()[1:] for _ in range(3))
    b.lines += [f"  br label %{here}", f"{here}:", f"  br i1 {any_}, label %{slow}, label %{done}"]
    b.lines.append(f"{slow}:")
    found = b.select(condition, b.function(name, *operands), usual)
    b.lines += [f"  br label %{done}", f"{done}:"]
    return b.fresh(f"phi {b.type(b.real)} [ {usual.name}, %{here} ], [ {found.name}, %{slow} ]")


def lane_by_lane(b: Block, function: str, x: Element) -> Element:
    """A function of the C library, called for one lane after the other."""
    if b.width == 1:
        return b.call(function, x)
    type_, lane = b.type(b.real), KINDS[b.real]
    b.functions.add(f"declare {lane} @{function}({lane}) nounwind memory(none)")
    result = f"{type_} poison"
    for i in range(b.width):
        given, found, joined = b.new_name(), b.new_name(), b.new_name()
        b.lines.append(f"  {given} = extractelement {type_} {x.name}, i32 {i}")
        b.lines.append(f"  {found} = call {lane} @{function}({lane} {given})")
        b.lines.append(f"  {joined} = insertelement {result}, {lane} {found}, i32 {i}")
        result = f"{type_} {joined}"
    return Element(b, result.split()[-1], b.real)
