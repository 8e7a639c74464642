"""How much one evaluation of a formula may compute: looked at before anything is computed.

It knows shapes and the limits, not values, and not how a formula is written.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Budget", "Limits", "Misfit"]

Shape = tuple[int, ...]


class Misfit(ValueError):
    """Shapes that do not fit together, or a result that is too large."""


@dataclass(frozen=True)
class Limits:
    """What one evaluation may compute.

    Attributes
    ----------
    array : int
        Elements of one result.
    total : int
        Elements of all results together.
    products : int
        Multiplications in all matrix products together.
    """

    array: int = 1_000_000
    total: int = 20_000_000
    products: int = 1_000_000_000


class Budget:
    """What is left of the limits during one evaluation.

    Examples
    --------
    >>> Budget(Limits(array=10)).outer((3,), (4,))
    Traceback (most recent call last):
    glassgrad.formula.budget.Misfit: would have 12 elements; 10 are allowed
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._elements, self._products = limits.total, limits.products

    def spend(self, shape: Shape, products: int = 0, bound: bool = True) -> None:
        """Take a result of this shape, and its multiplications, from what is left.

        A reduction works through its argument, which may be an input larger than a result may be;
        it passes ``bound=False``.
        """
        size = math.prod(shape)
        if bound and size > self._limits.array:
            raise Misfit(f"would have {size} elements; {self._limits.array} are allowed")
        self._elements -= max(size, 1)
        self._products -= products
        if self._elements < 0:
            raise Misfit(f"is too much: all results together may have {self._limits.total} "
                         "elements")  # fmt: skip
        if self._products < 0:
            raise Misfit(f"is too much: all matrix products together may take "
                         f"{self._limits.products} multiplications")  # fmt: skip

    def elementwise(self, *shapes: Shape) -> None:
        """Arguments that broadcast together."""
        try:
            self.spend(np.broadcast_shapes(*shapes))
        except Misfit:
            raise
        except ValueError:
            raise Misfit(f"has shapes that do not fit: {_and(shapes)}") from None

    def matmul(self, a: Shape, b: Shape) -> None:
        """``a @ b``: the last axis of a with the last but one of b; the rest broadcasts."""
        if not a or not b:
            raise Misfit("needs arrays; for numbers write *")
        self._contract(a, b)
        try:
            batch = np.broadcast_shapes(a[:-2], b[:-2])
        except ValueError:
            raise Misfit(f"has shapes that do not fit: {_and((a, b))}") from None
        shape = batch + a[-2:-1] + (b[-1:] if len(b) > 1 else ())
        self.spend(shape, math.prod(shape) * a[-1])

    def dot(self, a: Shape, b: Shape) -> None:
        """``dot(a, b)``: the last axis of a with the last but one of b; numbers multiply."""
        if not a or not b:
            return self.elementwise(a, b)
        self._contract(a, b)
        shape = a[:-1] + b[:-2] + (b[-1:] if len(b) > 1 else ())
        return self.spend(shape, math.prod(shape) * a[-1])

    def inner(self, a: Shape, b: Shape) -> None:
        """``inner(a, b)``: the last axes of both."""
        if not a or not b:
            return self.elementwise(a, b)
        if a[-1] != b[-1]:
            raise Misfit(f"has shapes that do not fit: {_and((a, b))}")
        shape = a[:-1] + b[:-1]
        return self.spend(shape, math.prod(shape) * a[-1])

    def outer(self, a: Shape, b: Shape) -> None:
        """``outer(a, b)``: every element of a with every element of b."""
        self.spend((math.prod(a), math.prod(b)))

    @staticmethod
    def _contract(a: Shape, b: Shape) -> None:
        if a[-1] != (b[-2] if len(b) > 1 else b[0]):
            raise Misfit(f"has shapes that do not fit: {_and((a, b))}")


def _and(shapes: tuple[Shape, ...]) -> str:
    return " and ".join(str(s) for s in shapes)
