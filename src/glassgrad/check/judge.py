"""The verdict: is a gradient the slope that was measured, and what does a mistake look like.

It knows slopes with their errors, and tolerances; nothing of how slopes are measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.check.lines import Line, Lines
from glassgrad.check.report import ElementCheck
from glassgrad.check.slopes import Slope

__all__ = ["Judge", "Tolerance", "suspicion"]

_SURE = 3.0  # times the estimated error of a slope that counts as within the error
_COARSE = 1e-2  # a slope known no better than this proves little
_MATTERS = 1e-3  # an element with less than this part of the largest gradient may be known worse


@dataclass(frozen=True)
class Tolerance:
    """How far apart two gradients may be, besides what the measurement cannot tell.

    Attributes
    ----------
    rtol : float or None
        In relation to the larger of both; None for 1e-6, in float32 1e-3.
    atol : float
        In absolute terms.
    """

    rtol: float | None
    atol: float


class Judge:
    """Measures along lines, and judges.

    Parameters
    ----------
    lines : Lines
        The lines of one check.
    tolerance : Tolerance
        How exact it has to be.
    """

    def __init__(self, lines: Lines, tolerance: Tolerance) -> None:
        self._lines = lines
        self._tolerance = tolerance
        self._refined = 0

    def __call__(self, line: Line) -> ElementCheck:
        """Compare glassgrad's slope along a line with the measured one."""
        slope = line.quick()
        found = None if slope is None else self._worst(line, slope)
        if slope is None or found is None or not found.right or self._needs_more(line, slope):
            found = self._worst(line, line.climb())
        if not found.right or found.uncertain:
            # Rounding in float32 hides a slope that float64 shows; the gradient stays in float32.
            double = line.climb_in_double()
            if double is not None:
                found = self._worst(line, double)
        return found

    def _needs_more(self, line: Line, slope: Slope) -> bool:
        """Whether the quick measurement agrees, but only because it is coarse."""
        analytic = line.slopes[-1]
        scale = max(abs(analytic), abs(slope.value))
        if self._negligible(line, analytic, slope):
            return False
        matters = max(scale, _MATTERS * self._lines.largest[line.leaf])
        if _SURE * slope.error <= 10 * self._rtol(line) * matters or self._refined >= 24:
            return False
        self._refined += 1
        return True

    def _rtol(self, line: Line) -> float:
        if self._tolerance.rtol is not None:
            return self._tolerance.rtol
        return 1e-6 if self._lines.precision(line.leaf) < 1e-10 else 1e-3

    def _worst(self, line: Line, slope: Slope) -> ElementCheck:
        found = [self._judged(line, a, slope) for a in dict.fromkeys(line.slopes)]
        return next((f for f in found if not f.right), found[-1])

    def _judged(self, line: Line, analytic: float, slope: Slope) -> ElementCheck:
        right, numerical, error, remark = self._verdict(line, analytic, slope)
        apart = abs(analytic - numerical)
        apart = 0.0 if analytic == numerical else apart
        if math.isnan(analytic) and math.isnan(numerical):
            apart = 0.0
        apart = math.inf if math.isnan(apart) else apart
        scale = max((abs(v) for v in (analytic, numerical) if math.isfinite(v)), default=0.0)
        matters = max(scale, _MATTERS * self._lines.largest[line.leaf])
        rough = _SURE * error > _COARSE * matters and not self._negligible(line, analytic, slope)
        s = line.scale
        return ElementCheck(
            self._lines.checked.call.labels[line.leaf], line.index, analytic / s, numerical / s,
            apart / s, scale / s, error / s, right, right and (rough or slope.kind == "undefined"),
            line.index is None, remark,
        )  # fmt: skip

    def _negligible(self, line: Line, analytic: float, slope: Slope) -> bool:
        """Whether gradient and slope are both but rounding of the values: a true zero."""
        values, eps = self._values(), self._lines.precision(line.leaf)
        return (
            abs(analytic) <= 64 * eps * values
            and abs(slope.value) <= _SURE * slope.error <= values * eps**0.6
        )

    def _verdict(self, line: Line, analytic: float, slope: Slope) -> tuple[bool, float, float, str]:
        """Whether it is right, the numerical slope to show, its error, and a remark."""
        value, error = slope.value, slope.error
        if slope.kind == "undefined":
            return True, math.nan, math.inf, "the function is undefined around here"
        bounds = [b for b in (slope.left, slope.right) if not math.isnan(b)]
        if math.isnan(analytic):
            shown = value if not math.isnan(value) else sum(bounds) / max(1, len(bounds))
            return False, shown, error, "the gradient is NaN, the function is defined there"
        if math.isinf(analytic):
            return self._infinite(line, analytic, slope, bounds)
        if math.isinf(value):
            grows = "the numerical slope grows without bound as the step shrinks"
            return False, value, error, grows
        candidates = [(value, error), *([slope.other] if slope.other else [])]
        for number, uncertainty in candidates:
            if abs(analytic - number) <= self._allowed(line, analytic, number, uncertainty):
                remark = "known from one side only" if slope.kind == "one-sided" else ""
                if slope.kind == "kink" and bounds[0] != bounds[-1]:
                    remark = "a kink"
                return True, number, uncertainty, remark
        if bounds:
            low, high = min(bounds), max(bounds)
            nearest = min(max(analytic, low), high)
            sure = error if math.isfinite(error) else 0.0
            at = "jumps" if slope.kind == "jump" else "has a kink"
            within = abs(analytic - nearest) <= self._allowed(line, analytic, nearest, sure)
            sides = f"the function {at} there: {low / line.scale:.4g} and {high / line.scale:.4g}"
            return within, nearest, sure, f"{sides} on its sides"
        if slope.kind == "jump":
            return True, math.nan, math.inf, "the function jumps there"
        return False, value, error, ""

    def _values(self) -> float:
        """The size of the values that are differentiated."""
        size = np.abs(self._lines.checked.here * self._lines.checked.weights)
        return float(np.sum(size, where=np.isfinite(size)))

    def _allowed(self, line: Line, analytic: float, number: float, error: float) -> float:
        if math.isinf(error):
            return math.inf
        return (
            self._tolerance.atol * line.scale
            + self._rtol(line) * max(abs(analytic), abs(number))
            + _SURE * error
            + line.floor
        )

    def _infinite(
        self, line: Line, analytic: float, slope: Slope, bounds: Sequence[float]
    ) -> tuple[bool, float, float, str]:
        if analytic in (slope.value, *bounds):
            return True, analytic, 0.0, "the slope grows without bound"
        largest = float(np.finfo(self._lines.arrays[line.leaf].dtype).max)
        if abs(slope.value / line.scale) > 0.5 * largest:
            return True, slope.value, slope.error, "the slope is too large for its dtype"
        shown = slope.value if not math.isnan(slope.value) else min(bounds, default=math.nan)
        return False, shown, slope.error, "the gradient is infinite, the numerical slope is not"


def suspicion(wrong: Sequence[ElementCheck], lines: Lines, complete: bool) -> str:
    """What the mistake looks like, and what to do about it."""
    first = wrong[0]
    same = [w for w in wrong if w.argument == first.argument and not w.direction] or [first]
    analytic = np.array([w.analytic for w in same])
    numerical = np.array([w.numerical for w in same])
    if np.isnan(analytic).any():
        return (
            "an infinity times zero, or NumPy's own NaN, on the way back: print(gg.backprop(f, "
            "...)) shows the wire where NaN first turns up"
        )
    if np.isinf(analytic).any() or np.isinf(numerical).any():
        return "an edge point (a root or a logarithm at 0): move the argument off it"
    if not analytic.any():
        return (
            f"no gradient arrives at {first.argument}: gg.stop_gradient, a custom rule without a "
            "gradient for it, or a path that the function takes only for other values"
        )
    if complete and _is_transposed(same, lines):
        return f"the gradient of {first.argument} is the transpose of what it should be"
    with np.errstate(all="ignore"):
        ratio = analytic / numerical
    if len(same) > 1 and np.isfinite(ratio).all() and np.ptp(ratio) <= 1e-3 * abs(ratio[0]):
        typical = float(np.median(ratio))
        if abs(typical + 1) < 1e-3:
            return f"the sign is flipped, in all that is wrong of {first.argument}"
        return (
            f"all that is wrong of {first.argument} is {typical:.6g} times what it should be: a "
            "factor in a gate's or a custom rule, a sum or a mean too many"
        )
    if len(same) == 1 and abs(first.analytic + first.numerical) < 1e-3 * first.scale:
        return "the sign is flipped: a gate's or a custom rule"
    if max(lines.precision(n) for n in range(len(lines.arrays))) > 1e-10:
        return "a wrong rule, or float32 noise: check again with float64 arguments to be sure"
    return (
        "a wrong rule of a gate or a custom rule, or a branch whose contribution is missing or "
        "counted twice; print(gg.backprop(f, ...)) shows the gradient on every wire"
    )


def _is_transposed(wrong: Sequence[ElementCheck], lines: Lines) -> bool:
    labels = lines.checked.call.labels
    leaf = labels.index(wrong[0].argument)
    shape = lines.arrays[leaf].shape
    if len(shape) != 2 or shape[0] != shape[1] or len(wrong) < 2:
        return False
    gradient: Any = np.asarray(lines.checked.gradients[-1][leaf], np.float64)
    return all(
        w.index is not None
        and abs(w.numerical - gradient.T[w.index]) <= 1e-3 * w.scale + _SURE * w.error
        for w in wrong
    )
