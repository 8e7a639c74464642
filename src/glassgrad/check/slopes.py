"""The numerical slope of a function of one number, with an estimate of how good it is.

Central differences at two steps (Richardson) settle the usual case in four evaluations. Where
that is not good enough, a ladder of steps from large to tiny is climbed down, and what it shows is
told apart: a smooth slope, a kink, a jump, a slope that grows without bound, a function that is
defined on one side only.

It knows functions of one number t, measured from t = 0; nothing of arguments or of gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from glassgrad.check.rounding import size

__all__ = ["Ladder", "Slope", "Values", "climb", "quick"]

Values = NDArray[np.float64]

_FACTOR = 4.0  # from one step of the ladder to the next
_ULPS = 8.0  # how many units in the last place a computed value is taken to be off
_GROWS = 4  # steps of the ladder over which a slope has to keep growing to count as infinite


@dataclass(frozen=True)
class Slope:
    """A numerical slope.

    Attributes
    ----------
    value : float
        The slope; infinite where it grows without bound; NaN where there is none.
    error : float
        How far off it may be, by what other steps gave and by rounding.
    kind : str
        "smooth", "one-sided", "kink", "jump" or "undefined".
    left, right : float
        The slopes of both sides, where they differ (a kink or a jump).
    other : tuple of (float, float) or None
        Another slope with its error that larger steps showed, of better relative precision.
    """

    value: float
    error: float
    kind: str = "smooth"
    left: float = math.nan
    right: float = math.nan
    other: tuple[float, float] | None = None


class Ladder:
    """A function along a line, with the weights its values are contracted with.

    Parameters
    ----------
    at : callable
        Takes t, gives the t that was really reached (rounding) and the values there, or None
        where the function is undefined.
    here : array
        The values at t = 0.
    weights : array
        Upstream gradient of the values.
    resolution : array
        Relative rounding error of each value.
    inner : callable
        The rounding error of the weighted sum of the values; dearer to know, and so asked last.
    """

    def __init__(
        self, at: Callable[[float], tuple[float, Values | None]], here: Values, weights: Values,
        resolution: Values, inner: Callable[[], float],
    ) -> None:  # fmt: skip
        self._at = at
        self.here = here
        self._weights = weights
        self._seen = weights != 0
        self._rounding = _ULPS * resolution * np.abs(weights)
        self._inner = inner

    def at(self, t: float) -> tuple[float, Values | None]:
        """The values at t."""
        return self._at(t)

    def change(self, above: Values | None, below: Values | None) -> tuple[float, float]:
        """The contracted difference of two values and its rounding error; NaN where undefined.

        What did not change is left out first, so that large values beside it cost no precision
        (and an infinity that stays is no change).
        """
        if above is None or below is None:
            return math.nan, math.nan
        if above.size == 1:  # the usual case, without the price of NumPy's calls
            a, b, w = float(above[0]), float(below[0]), float(self._weights[0])
            if a == b:
                return (0.0, 0.0) if math.isfinite(a) else (math.nan, math.nan)
            return w * (a - b), float(self._rounding[0]) * max(abs(a), abs(b))
        moved = (above != below) & self._seen
        a, b = above[moved], below[moved]
        change = float(self._weights[moved] @ (a - b))
        return change, size(self._rounding[moved] * np.maximum(np.abs(a), np.abs(b)))

    def rounding(self, moved: float) -> float:
        """The rounding error of a change whose values are off by `moved` in their last places.

        Of what was rounded on the way, values get a part by their share in all rounding.
        """
        whole = size(self._rounding * np.abs(self.here))
        share = min(1.0, moved / whole) if moved and whole else 1.0
        return max(moved or whole, _ULPS * self._inner() * share)


def quick(line: Ladder, t: float) -> Slope | None:
    """Two central differences, combined; None where the function is not defined around."""
    slopes = []
    noise = 0.0
    for step in (t, t / 2):
        ahead, above = line.at(step)
        back, below = line.at(-step)
        change, rounding = line.change(above, below)
        if not math.isfinite(change) or not ahead - back > 0:
            return None
        slopes.append(change / (ahead - back))
        noise = rounding / (ahead - back)
    wide, near = slopes
    better = (4 * near - wide) / 3
    return Slope(better, abs(better - near) + noise)


@dataclass
class _Side:
    """Slopes seen from one side (or from both, centrally) along the ladder, large steps first."""

    t: list[float]
    change: list[float]
    noise: list[float]

    def __post_init__(self) -> None:
        self.slope = [c / t for c, t in zip(self.change, self.t, strict=True)]
        self.error = [n / t for n, t in zip(self.noise, self.t, strict=True)]

    def __len__(self) -> int:
        return len(self.t)

    def blur(self, rounding: float) -> None:
        """Take every change to be off by `rounding`, those too that are zero for rounding."""
        self.noise = [max(n, rounding) for n in self.noise]
        self.__post_init__()


def climb(line: Ladder, largest: float, smallest: float) -> Slope:
    """Climb down a ladder of steps and tell what the function does around t = 0.

    Parameters
    ----------
    line : Ladder
        The function.
    largest, smallest : float
        The first and about the last step.
    """
    n = max(4, 1 + math.ceil(math.log(largest / smallest, _FACTOR)))
    steps = [largest * _FACTOR**-k for k in range(n)]
    rungs = [(*line.at(t), *line.at(-t)) for t in steps]
    here = line.here
    finite = bool(np.isfinite(here).all())  # if not, an infinite change is a slope; else overflow
    both, right, left = (_Side([], [], []) for _ in range(3))
    sides: list[tuple[_Side, float, Values | None, Values | None]]
    for ahead, above, back, below in rungs:
        sides = [
            (both, ahead - back, above, below), (right, ahead, above, here),
            (left, -back, here, below),
        ]  # fmt: skip
        for side, t, upper, lower in sides:
            change, noise = line.change(upper, lower)
            if t > 0 and (math.isfinite(change) or (math.isinf(change) and not finite)):
                side.t.append(t)
                side.change.append(change)
                side.noise.append(noise)
    moved = next((n for c, n in zip(both.change[::-1], both.noise[::-1], strict=True) if c), 0.0)
    for side in (both, right, left):
        side.blur(line.rounding(moved))
    if len(both) and len(right) and len(left) and _reaches(both, right):
        return _two_sided(both, right, left, _inside(rungs, line))
    best = max((right, left), key=lambda side: -side.t[-1] if len(side) else -math.inf)
    return _one_sided(best) if len(best) else Slope(math.nan, math.inf, "undefined")


def _reaches(both: _Side, right: _Side) -> bool:
    """Whether both sides are defined down to the smallest steps."""
    return len(both) > 2 and both.t[-1] < 2 * _FACTOR * right.t[-1]


def _two_sided(both: _Side, right: _Side, left: _Side, inside: tuple[float, float]) -> Slope:
    if not any(both.change) and not any(right.change):
        return Slope(0.0, both.error[0])
    if math.isinf(right.change[-1]) or math.isinf(left.change[-1]):
        return Slope(math.nan, math.inf, "undefined")  # the value itself is infinite
    found = _extrapolated(both, 2)
    if _jumps(both):
        return Slope(math.nan, math.inf, "jump", min(inside), max(inside))
    infinite = [_infinite(side) for side in (left, right)]
    if any(infinite):
        below, above = (sign * math.inf if sign else _extrapolated(side, 1)[0][0]
                        for sign, side in zip(infinite, (left, right), strict=True))  # fmt: skip
        if below == above:
            return Slope(below, 0.0)
        return Slope(math.nan, 0.0, "kink", below, above)
    value, error, t = found[0]
    kink = _kink(left, right)
    if kink is not None and kink[0] <= _FACTOR * t:
        return Slope(value, max(error, kink[3]), "kink", kink[1], kink[2])
    # Where small steps change nothing, that settles it; a trend over larger ones is no slope.
    still = both.change[-1] == 0
    return Slope(value, error, other=None if still or len(found) == 1 else found[1][:2])


def _one_sided(side: _Side) -> Slope:
    if any(math.isinf(c) for c in side.change[-2:]):
        return Slope(side.change[-1], 0.0, "one-sided")
    if len(side) < 3:
        return Slope(math.nan, math.inf, "undefined")
    sign = _infinite(side)
    if sign:
        return Slope(sign * math.inf, 0.0, "one-sided")
    if not any(side.change):
        return Slope(0.0, 0.0, "one-sided")
    return Slope(*_extrapolated(side, 1)[0][:2], "one-sided")


def _extrapolated(side: _Side, order: int) -> list[tuple[float, float, float]]:
    """The slopes of least error, in absolute and in relative terms, as (value, error, step).

    The error is what the neighbours on the ladder differ by: between steps so large that the
    function bends and steps so small that rounding shows, they agree best.
    """
    if len(side) < 3:
        last = side.slope[-1]
        spread = abs(last - side.slope[0]) if len(side) > 1 else math.inf
        return [(last, spread + side.error[-1], side.t[-1])]
    power = _FACTOR**order
    with np.errstate(all="ignore"):
        slope = np.array(side.slope)
        better = (power * slope[1:] - slope[:-1]) / (power - 1)
        apart = np.abs(np.diff(better))
    around = np.concatenate(([apart[0]], apart)) + np.concatenate((apart, [apart[-1]]))
    error = around + 2 * np.array(side.error[1:])
    error[np.isnan(error)] = math.inf
    best = [int(np.argmin(error))]
    with np.errstate(all="ignore"):
        relative = error / np.abs(better)
    if not np.isnan(relative).all():
        closest = int(np.nanargmin(relative))
        # What is well known by smaller steps is the slope; beyond a pole all is small, errors too.
        best.insert(0 if closest > best[0] and relative[closest] < 1e-2 else 1, closest)
    return [(float(better[k]), float(error[k]), side.t[k + 1]) for k in best]


def _jumps(both: _Side) -> bool:
    """Whether the function moves by the same amount however small the step."""
    last = both.change[-5:]
    return (
        len(last) == 5
        and abs(last[-1]) > 100 * both.noise[-1]
        and all(0.9 < c / last[-1] < 1.12 for c in last)
    )


def _inside(
    rungs: Sequence[tuple[float, Values | None, float, Values | None]], line: Ladder
) -> tuple[float, float]:
    """Slopes of both sides by values of that side alone, for a function that jumps."""
    slopes = []
    for at, values in ((0, 1), (2, 3)):
        t = [rung[at] for rung in rungs]
        y = [rung[values] for rung in rungs]
        side = _Side([], [], [])
        for k in range(len(rungs) - 1):
            change, noise = line.change(y[k], y[k + 1])  # type: ignore[arg-type]
            if not math.isnan(change):
                side.t.append(t[k] - t[k + 1])  # type: ignore[operator, arg-type]
                side.change.append(change)
                side.noise.append(noise)
        side.__post_init__()
        slopes.append(_extrapolated(side, 1)[0][0] if len(side) else math.nan)
    return slopes[0], slopes[1]


def _infinite(side: _Side) -> int:
    """The sign of a slope that grows without bound as the step shrinks; 0 where it settles.

    A slope that settles does so by less and less from step to step; one that grows like h**-0.5
    or log(h) keeps its pace.
    """
    largest = max((abs(s) for s, e in zip(side.slope, side.error, strict=True)
                   if abs(s) > 100 * e), default=0.0)  # fmt: skip
    seen = [(s, e) for s, e in zip(side.slope, side.error, strict=True) if largest > 100 * e]
    last, error = [s for s, _ in seen[-(_GROWS + 2) :]], max((e for _, e in seen), default=0.0)
    if len(last) < _GROWS + 2:
        return 0
    sign = math.copysign(1.0, last[-1])
    pace = [sign * (b - a) for a, b in pairwise(last)]
    keeps = all(b >= 0.8 * a for a, b in pairwise(pace))
    if min(pace) > 10 * error and keeps and abs(last[-1]) > 1.1 * abs(last[0]):
        return int(sign)
    return 0


def _kink(left: _Side, right: _Side) -> tuple[float, float, float, float] | None:
    """Smallest step at which both sides do not come together; their slopes, and the error of these.

    For a smooth function the gap is in proportion to the step: a quarter of it, rung by rung.
    """
    n = min(len(left), len(right))
    below, above = left.slope[-n:], right.slope[-n:]
    noise = [a + b for a, b in zip(left.error[-n:], right.error[-n:], strict=True)]
    gaps = [abs(a - b) for a, b in zip(above, below, strict=True)]
    apart = [k for k in range(1, n) if gaps[k] > 10 * noise[k] and gaps[k] > 0.5 * gaps[k - 1]]
    if not apart:
        return None
    last = apart[-1]
    # Steps just above show the same gap with less rounding; much larger ones show other things.
    first = next((k for k in range(last, 0, -1) if not 0.5 < gaps[k - 1] / gaps[last] < 2), 1)
    errors = {k: abs(below[k] - below[k - 1]) + abs(above[k] - above[k - 1]) + noise[k]
              for k in range(first, last + 1)}  # fmt: skip
    best = min(errors, key=lambda k: errors[k])
    return right.t[len(right) - n + apart[-1]], below[best], above[best], errors[best]
