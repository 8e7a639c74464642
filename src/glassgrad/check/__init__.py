"""The proof: glassgrad's gradient against the numerical gradient, element by element.

This file plans what is compared: every element, or random directions and a sample. In the rooms
inside, ``call`` knows the arguments, ``orders`` the gradients, ``lines`` the steps, ``slopes`` the
numerical slope and its error, ``judge`` the verdict, ``report`` the words.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from glassgrad.check.call import Call, take_apart
from glassgrad.check.judge import Judge, Tolerance, suspicion
from glassgrad.check.lines import Lines
from glassgrad.check.orders import Checked, first_order, second_order
from glassgrad.check.report import ElementCheck, GradCheck
from glassgrad.runtime.gradient import Argnums

__all__ = ["ElementCheck", "GradCheck", "check_grad"]

_MODES = ("auto", "elements", "directions")
_DIRECTIONS = 4  # random directions for each argument or part of one
_SAMPLE = 64  # elements compared besides random directions


def check_grad(
    function: Callable[..., Any],
    *args: Any,
    argnums: Argnums | None = None,
    order: int = 1,
    mode: str = "auto",
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
    max_elements: int = 500,
    **kwargs: Any,
) -> GradCheck:
    """Compare glassgrad's gradient of a function with its numerical gradient.

    Each element of each argument is moved a little to both sides; what the function changes by,
    divided by the step, is its slope. Steps are chosen for each element by its magnitude and
    precision; a second, halved step tells how good the slope is, and where that is not enough,
    many steps tell a wrong gradient from a kink, a jump, rounding, or the edge of the function's
    domain.

    Parameters
    ----------
    function : callable
        An ordinary function of numbers, arrays, and nests of them. If it returns an array or
        several numbers, they are contracted with a random upstream gradient.
    *args, **kwargs
        Its arguments. What has no gradient (text, flags, integer arrays, ints that are sizes or
        axes) is passed through.
    argnums : int, str or tuple of these, optional
        Which arguments to check, by position or name; without it all that have a gradient.
    order : int
        2 checks the gradient of the gradient too, in one random direction.
    mode : str
        "elements" compares every element, "directions" a few random directions, "auto" elements
        up to `max_elements`, beyond that directions and a sample of elements.
    rtol : float, optional
        Largest difference in relation to the larger of both gradients, besides the error of the
        numerical one: 1e-6, where float32 is involved 1e-3.
    atol : float, optional
        Largest difference in absolute terms: 0.
    seed : int
        For random directions, samples and upstream gradients.
    max_elements : int
        How many elements "auto" compares one by one; each takes about four evaluations.

    Returns
    -------
    GradCheck
        True if right. ``print`` it; ``.worst`` is where the gradients differ most;
        ``.raise_if_wrong()`` is an assertion.

    Raises
    ------
    NotDifferentiableError
        Nothing among the arguments or results has a gradient.

    Notes
    -----
    The steps are those of W. H. Press et al., *Numerical Recipes*, 3rd ed., Cambridge 2007,
    section 5.7: Richardson's extrapolation of central differences, after C. J. F. Ridders (1982).

    Examples
    --------
    >>> import math
    >>> import glassgrad as gg
    >>> def f(x, y):
    ...     return x * math.exp(y)
    >>> check = gg.check_grad(f, 2.0, 0.5)
    >>> bool(check), check.count
    (True, 2)
    >>> print(check)
    gradient right: 2 elements checked by central differences; worst is y: ... against 3.2974425414,
      differs by ... relative to 3.3
    >>> def cut(x, y):
    ...     return x * math.exp(gg.stop_gradient(y))
    >>> check = gg.check_grad(cut, 2.0, 0.5)
    >>> check.worst.name, check.worst.analytic, round(check.worst.numerical, 6)
    ('y', 0.0, 3.297443)
    >>> print(check)
    gradient wrong: 1 of 2 elements checked by central differences
    worst is y: 0.0 against 3.29744254, differs by 3 relative to 3.3
      the numerical gradient is good to ... there
    suspect: no gradient arrives at y: gg.stop_gradient, a custom rule without a gradient for it, or a
      path that the function takes only for other values
    """
    if order not in (1, 2):
        raise ValueError(f"order={order!r}: 1 checks the gradient, 2 its own gradient as well")
    if mode not in _MODES:
        raise ValueError(f"mode={mode!r}: one of {', '.join(map(repr, _MODES))} is needed")
    call = take_apart(function, args, kwargs, argnums)
    tolerance = Tolerance(rtol, 0.0 if atol is None else atol)
    found = _check(first_order, call, tolerance, mode, seed, max_elements)
    if order == 2:
        second = _check(second_order, call, tolerance, mode, seed, max_elements)
        found = dataclasses.replace(found, second=dataclasses.replace(second, order=2))
    return found


def _check(
    make: Callable[..., Checked], call: Call, tolerance: Tolerance, mode: str, seed: int,
    max_elements: int,
) -> GradCheck:  # fmt: skip
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):  # what there is to warn of, NaN and infinity, the report says
        lines = Lines(make(call, rng))
        judge = Judge(lines, tolerance)
        total = sum(a.size for a in lines.arrays)
        whole = mode == "elements" or (mode == "auto" and total <= max_elements)
        if whole:
            found = [judge(lines.element(n, i)) for n, i in _all(lines)]
        else:
            found = list(_directions(lines, judge, rng))
            if mode == "auto":
                found += [judge(lines.element(n, i)) for n, i in _sample(lines, rng)]
            found += _located(lines, judge, found)
    wrong = sorted((f for f in found if not f.right), key=_badness, reverse=True)
    worst = wrong[0] if wrong else max(found, key=_closeness, default=None)
    count = sum(not f.direction for f in found)
    return GradCheck(
        not wrong, worst, tuple(wrong), count, len(found) - count, total,
        sum(f.uncertain for f in found), lines.evaluations, "elements" if whole else "directions",
        suspicion=suspicion(wrong, lines, whole) if wrong else "",
    )  # fmt: skip


def _badness(found: ElementCheck) -> tuple[bool, float, float]:
    """Worst first: an element rather than a direction, by relative and then absolute difference."""
    relative = found.relative if math.isfinite(found.relative) else math.inf
    return not found.direction, round(relative, 3), found.difference


def _closeness(found: ElementCheck) -> tuple[bool, float]:
    """Of what is right: the largest relative difference, of what could be measured well."""
    return not found.uncertain, found.relative


def _all(lines: Lines) -> Iterator[tuple[int, tuple[int, ...]]]:
    for n, array in enumerate(lines.arrays):
        for index in np.ndindex(array.shape):
            yield n, index


def _sample(lines: Lines, rng: np.random.Generator) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Elements at random, some of each argument."""
    share = max(2, _SAMPLE // len(lines.arrays))
    for n, array in enumerate(lines.arrays):
        for k in sorted(rng.choice(array.size, min(share, array.size), replace=False)):
            yield n, tuple(int(i) for i in np.unravel_index(k, array.shape))


def _directions(lines: Lines, judge: Judge, rng: np.random.Generator) -> Iterator[ElementCheck]:
    for n, array in enumerate(lines.arrays):
        for _ in range(_DIRECTIONS if array.size else 0):
            signs = rng.uniform(0.5, 1.5, array.shape) * rng.choice([-1.0, 1.0], array.shape)
            yield judge(lines.direction(n, signs))


def _located(lines: Lines, judge: Judge, found: list[ElementCheck]) -> Iterator[ElementCheck]:
    """An element that is wrong for each argument that only a direction showed to be wrong.

    The direction is halved again and again, and the half that is further off is followed.
    """
    labels = lines.checked.call.labels
    for n, label in enumerate(labels):
        wrong = [f for f in found if f.argument == label and not f.right]
        if not wrong or not all(f.direction for f in wrong):
            continue
        array = lines.arrays[n]
        among = np.arange(array.size)
        while among.size > 1:
            halves = np.array_split(among, 2)
            off = []
            for half in halves:
                signs = np.zeros(array.size)
                signs[half] = np.resize([1.0, -0.7, 0.6, -1.3, 0.9], half.size)
                off.append(judge(lines.direction(n, signs.reshape(array.shape))).difference)
            among = halves[int(off[1] > off[0])]
        index = tuple(int(i) for i in np.unravel_index(among[0], array.shape))
        yield judge(lines.element(n, index))
