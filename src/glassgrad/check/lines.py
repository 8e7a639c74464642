"""Lines through the arguments along which the function is moved: one element, or a direction.

It knows the arguments' values, their magnitudes and precisions, and which steps suit them; it does
not judge what is found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgrad.check.orders import Checked
from glassgrad.check.slopes import Ladder, Slope, Values, climb, quick

__all__ = ["Line", "Lines"]

_ROUNDING = 64.0  # units in the last place by which a gradient may be off for rounding alone


class Line:
    """One line: the function of t, with t = 1 about the size of the argument.

    Attributes
    ----------
    leaf : int
        Which leaf is moved.
    index : tuple of int or None
        Which element of it; None for a direction.
    scale : float
        The change of the argument for t = 1 (of an element; 1 for a direction).
    slopes : tuple of float
        What glassgrad says the slope is; several where it has several ways to compute it.
    floor : float
        By how much these may be off for rounding alone.
    """

    def __init__(
        self, lines: Lines, leaf: int, index: tuple[int, ...] | None, direction: Any = None
    ) -> None:
        self._lines = lines
        self.leaf, self.index = leaf, index
        self._direction = direction
        sizes = lines.sizes[leaf]
        self.scale = float(sizes[index]) if index is not None else 1.0
        gradients = [np.asarray(g[leaf], np.float64) for g in lines.checked.gradients]
        with np.errstate(all="ignore"):
            if index is not None:
                self.slopes = tuple(float(g[index]) * self.scale for g in gradients)
            else:
                self.slopes = tuple(float(np.sum(g * direction)) for g in gradients)
        spread = float(np.sqrt(np.size(sizes))) if index is None else 1.0
        self.floor = _ROUNDING * lines.precision(leaf) * lines.largest[leaf] * spread
        checked = lines.checked
        self._ladder = Ladder(
            self._at, checked.here, checked.weights, checked.resolution, lines.inner_rounding
        )

    def quick(self) -> Slope | None:
        """The slope by two central differences; None where the function is undefined around."""
        return quick(self._ladder, self._lines.precision(self.leaf) ** 0.2)

    def climb(self) -> Slope:
        """The slope, and all there is to know about it, by many steps."""
        lines = self._lines
        value = lines.arrays[self.leaf]
        eps = float(np.finfo(value.dtype).eps)
        if self.index is None:
            return climb(self._ladder, 0.25, 1024 * eps)
        x = abs(float(value[self.index]))
        if not math.isfinite(x):  # there is nowhere to go from there
            return Slope(math.nan, math.inf, "undefined")
        # Steps of about 1 as well: a function may be smooth on that scale, large or tiny x or not.
        largest = 0.25 * max(1.0, 1.0 / self.scale)
        return climb(self._ladder, largest, max(256 * eps * x / self.scale, 1e-16))

    def climb_in_double(self) -> Slope | None:
        """The slope of the function in float64; None where it is measured so already."""
        double = self._lines.in_double()
        if double is None:
            return None
        return Line(double, self.leaf, self.index, self._direction).climb()

    def _at(self, t: float) -> tuple[float, Values | None]:
        lines = self._lines
        value = lines.arrays[self.leaf]
        if self.index is None:
            moved = (value + t * self._direction).astype(value.dtype)
        else:
            moved = value.copy()
            with np.errstate(all="ignore"):
                moved[self.index] = float(value[self.index]) + t * self.scale
            t = (float(moved[self.index]) - float(value[self.index])) / self.scale
            if t == 0:
                return 0.0, None
        return t, lines.evaluate(self.leaf, moved)


class Lines:
    """All lines there are through the arguments of one check.

    Attributes
    ----------
    checked : Checked
        What is checked.
    arrays : list of array
        The leaves as arrays.
    sizes : list of array
        For each element the change that counts as one: its magnitude, but at least the typical
        magnitude of its array (1 if all are zero).
    largest : list of float
        The largest gradient of each leaf, times the size of its element.
    evaluations : int
        How often the function was called.
    """

    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        self.leaves = checked.call.leaves
        self.arrays: list[NDArray[Any]] = [np.asarray(leaf) for leaf in self.leaves]
        self.sizes = [_sizes(a) for a in self.arrays]
        self.evaluations = 0
        self._inner: float | None = None
        self._double: tuple[Lines] | tuple[()] | None = None
        self._coarsest = float(np.max(checked.resolution, initial=0.0))
        self.largest = []
        for n, size in enumerate(self.sizes):
            with np.errstate(all="ignore"):
                scaled = np.abs(np.asarray(checked.gradients[-1][n], np.float64) * size)
            self.largest.append(float(np.max(scaled, where=np.isfinite(scaled), initial=0.0)))

    def precision(self, leaf: int) -> float:
        """Relative precision of a gradient in this leaf: the coarsest of argument and values."""
        return max(float(np.finfo(self.arrays[leaf].dtype).eps), self._coarsest)

    def inner_rounding(self) -> float:
        """The rounding error of the values by all that they are made of."""
        if self._inner is None:
            self._inner = self.checked.rounding()
        return self._inner

    def in_double(self) -> Lines | None:
        """The same lines through the arguments as float64; None where they are already."""
        if self._double is None:
            checked = self.checked.in_double()
            self._double = () if checked is None else (Lines(checked),)
        return self._double[0] if self._double else None

    def element(self, leaf: int, index: tuple[int, ...]) -> Line:
        """The line that moves one element."""
        return Line(self, leaf, index)

    def direction(self, leaf: int, signs: NDArray[np.float64]) -> Line:
        """The line that moves all elements of a leaf, each by its size times a number given."""
        return Line(self, leaf, None, signs * self.sizes[leaf])

    def evaluate(self, leaf: int, moved: NDArray[Any]) -> Values | None:
        """The values with one leaf moved."""
        leaves: Sequence[Any] = list(self.leaves)
        old = leaves[leaf]
        leaves[leaf] = moved if isinstance(old, np.ndarray) else type(old)(moved)  # type: ignore[index]
        self.evaluations += 1
        values = self.checked.values(leaves)
        return None if values is None or values.shape != self.checked.here.shape else values


def _sizes(value: NDArray[Any]) -> NDArray[np.float64]:
    size = np.abs(np.asarray(value, np.float64))
    size = np.where(np.isfinite(size), size, 1.0)
    some = np.sort(size[size > 0], axis=None)
    typical = float(some[(some.size - 1) // 2]) if some.size else 1.0
    return np.asarray(np.maximum(size, typical))
