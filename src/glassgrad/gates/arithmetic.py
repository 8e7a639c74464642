"""Arithmetic: sums, products, quotients, powers and remainders, element by element.

Each gate stands with its local gradients. ``y`` is the gate's output: what the forward pass
already knows is used again.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from glassgrad.gates.declare import elementwise, flat, general, literal

_TWO = [(-2.0, 5.0), (3.0, -4.0), (0.5, 0.25)]


@elementwise(np.add, says="hands the gradient on to both inputs", examples=_TWO,
             operator=operator.add, inplace=operator.iadd)  # fmt: skip
def add(a: Any, b: Any, y: Any) -> Any:
    return 1, 1


@elementwise(np.subtract, says="hands the gradient on, with its sign turned for the second input",
             examples=_TWO, operator=operator.sub, inplace=operator.isub)  # fmt: skip
def subtract(a: Any, b: Any, y: Any) -> Any:
    return 1, -1


@elementwise(np.multiply, says="swaps the inputs: each one's gradient is scaled by the other",
             examples=[*_TWO, (0.0, 3.0)], operator=operator.mul, inplace=operator.imul)  # fmt: skip
def multiply(a: Any, b: Any, y: Any) -> Any:
    return b, a


@elementwise(np.divide, says="scales the gradient by one over the denominator", examples=_TWO,
             singular=True, operator=operator.truediv, inplace=operator.itruediv)  # fmt: skip
def divide(a: Any, b: Any, y: Any) -> Any:
    return lambda: 1 / b, lambda: -y / b


@elementwise(np.negative, says="turns the sign of the gradient", examples=[(2.0,), (-0.5,)],
             operator=operator.neg)  # fmt: skip
def negative(a: Any, y: Any) -> Any:
    return (-1,)


@elementwise(np.positive, says="hands the gradient on", examples=[(2.0,)], operator=operator.pos)
def positive(a: Any, y: Any) -> Any:
    return (1,)


@elementwise(np.reciprocal, says="scales by minus the square of its output", singular=True,
             examples=[(2.0,), (-0.5,)])  # fmt: skip
def reciprocal(a: Any, y: Any) -> Any:
    return (-(y * y),)


@elementwise(np.square, says="scales the gradient by twice its input", examples=[(2.0,), (-0.5,)])
def square(a: Any, y: Any) -> Any:
    return (2 * a,)


@elementwise(np.power, says="scales by n x^(n-1); a large input makes a large gradient",
             singular=True, operator=operator.pow, inplace=operator.ipow, math=math.pow,
             examples=[(2.0, 3.0), (0.5, -1.5), (1.5, 0.0)])  # fmt: skip
def power(x: Any, n: Any, y: Any) -> Any:
    """d/dn is zero at x = 0 (edge-points table), and NaN where x is negative: no real power there."""
    return lambda: _power_dx(x, n, y), lambda: _power_dn(x, n, y)


def _power_dx(x: Any, n: Any, y: Any) -> Any:
    if literal(n):
        if n == 0 or n == 1:
            return int(n)
        if n == 2:
            return 2 * x
        if n == 0.5:
            return 0.5 / y
        return -(y * y) if n == -1 else n * x ** (n - 1)
    # x**0 is constant: its slope stays zero where x**(n - 1) is infinite. Elsewhere the product is
    # zero by itself for n = 0, and its own slope (in n) is not: so nothing more is masked.
    return np.where((n == 0) & (x == 0), 0.0, n * np.power(x, n - 1.0))


def _power_dn(x: Any, n: Any, y: Any) -> Any:
    if literal(n):
        return None
    return np.where(x == 0, 0.0, y * np.log(x))


@elementwise(np.float_power, says="scales by n x^(n-1), in double precision", singular=True,
             examples=[(2.0, 3.0), (0.5, -1.5)])  # fmt: skip
def float_power(x: Any, n: Any, y: Any) -> Any:
    return lambda: _power_dx(x, n, y), lambda: _power_dn(x, n, y)


@elementwise(np.remainder, says="hands the gradient on; the divisor counts how often it was taken",
             examples=[(5.3, 2.0), (-5.3, 2.0), (1.0, -0.7)], operator=operator.mod,
             inplace=operator.imod)  # fmt: skip
def remainder(a: Any, b: Any, y: Any) -> Any:
    return 1, lambda: -np.floor(a / b)


@elementwise(np.fmod, says="hands the gradient on; the divisor counts how often it was taken",
             examples=[(5.3, 2.0), (-5.3, 2.0)], math=math.fmod)  # fmt: skip
def fmod(a: Any, b: Any, y: Any) -> Any:
    return 1, lambda: -np.trunc(a / b)


floor_divide = flat(
    "floor_divide", np.floor_divide, says="a staircase: its gradient is zero", elementwise=True,
    examples=[(5.3, 2.0)], operator=operator.floordiv, inplace=operator.ifloordiv,
)  # fmt: skip


def _strong(local: Any, dy: Any) -> Any:
    if np.ndim(dy) or np.ndim(local):
        return np.where(dy == 0, 0.0, local * dy).astype(np.result_type(local, dy), copy=False)
    return 0.0 * dy if dy == 0 else local * dy


@general(_strong, says="a multiplication in which a zero that arrives stays zero", elementwise=True,
         singular=True, bind=lambda args, kwargs: (args, {}),
         examples=[(0.5, 2.0), (-3.0, 1.5)])  # fmt: skip
def strong_multiply(local: Any, dy: Any, y: Any, g: Any) -> Any:
    return strong_multiply(dy, g), strong_multiply(local, g)


matching = flat(
    "bitwise_and", np.bitwise_and, says="works on truths: no gradient", elementwise=True,
    examples=[(True, False)], operator=operator.and_, inplace=operator.iand,
)  # fmt: skip
bitwise_or = flat(
    "bitwise_or", np.bitwise_or, says="works on truths: no gradient", elementwise=True,
    examples=[(True, False)], operator=operator.or_, inplace=operator.ior,
)  # fmt: skip
bitwise_xor = flat(
    "bitwise_xor", np.bitwise_xor, says="works on truths: no gradient", elementwise=True,
    examples=[(True, False)], operator=operator.xor, inplace=operator.ixor,
)  # fmt: skip
invert = flat(
    "invert", np.invert, says="works on truths: no gradient", elementwise=True,
    examples=[(True,)], operator=operator.invert,
)  # fmt: skip
