"""The verdict on one program: values bit for bit, gradients against differences.

A difference quotient is only believed where two of them, at different steps, agree: next to a
kink or a jump they do not, and the point is skipped and counted.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import glassgrad as gg

from .writer import Program

__all__ = ["Verdict", "examine", "points", "slope"]

LARGE = 1e5


class Verdict:
    """What came out of many programs."""

    def __init__(self) -> None:
        self.checked = self.skipped = self.invalid = self.second = 0
        self.texts: set[str] = set()


def points(program: Program, rng: np.random.Generator) -> list[list[Any]]:
    """Two sets of random arguments, away from zero, of both signs, and laid out alike in memory."""
    layouts = [_LAYOUTS[int(rng.integers(len(_LAYOUTS)))] for _ in program.shapes]

    def values(shape: Any) -> Any:
        return rng.uniform(0.15, 1.4, shape) * rng.choice([-1.0, 1.0, 1.0], shape)

    return [
        [float(values(())) if s is None else laid_out(values(s))
         for s, laid_out in zip(program.shapes, layouts, strict=True)] for _ in range(2)
    ]  # fmt: skip


def _with_gaps(a: np.ndarray) -> np.ndarray:
    return np.repeat(a, 2, axis=0)[::2]


_LAYOUTS = [np.asarray, np.asarray, np.asarray, np.asfortranarray, _with_gaps]


def fresh(args: Sequence[Any]) -> list[Any]:
    """The same arguments in memory of their own, laid out alike."""
    return [_like(a) if isinstance(a, np.ndarray) else a for a in args]


def _like(a: np.ndarray) -> np.ndarray:
    if a.flags.c_contiguous or a.flags.f_contiguous:
        return a.copy("K")
    return _with_gaps(a)


def moved(args: Sequence[Any], h: float, direction: Sequence[Any]) -> list[Any]:
    return [a + h * d for a, d in zip(args, direction, strict=True)]


def slope(
    f: Callable[..., Any], args: Sequence[Any], direction: Sequence[Any]
) -> tuple[float, float] | None:
    """The slope along a direction and a bound of its error, or None where none can be trusted."""
    for h in (2e-3, 2e-4):
        quotients, values = [], []
        for step in (h, h / 2, h / 4):
            up, down = (float(f(*moved(args, s, direction))) for s in (step, -step))
            quotients.append((up - down) / (2 * step))
            values += [abs(up), abs(down)]
        wide, near = ((4 * b - a) / 3 for a, b in itertools.pairwise(quotients))
        error = abs(wide - near) + 8e-16 * max(1.0, *values) * 8 / h
        one_sided = (
            float(f(*moved(args, h / 4, direction)))
            + float(f(*moved(args, -h / 4, direction)))
            - 2 * float(f(*fresh(args)))
        )
        bend = abs(one_sided) / (h / 4)  # of the order of h where smooth, of one at a kink
        if (
            np.isfinite(error)
            and error < 1e-5 * (1 + abs(near))
            and bend < 40 * h * (1 + max(values) + abs(near))
        ):
            return near, error
    return None


def inner(gradients: Sequence[Any], direction: Sequence[Any]) -> float:
    return float(sum(np.sum(np.asarray(g) * d) for g, d in zip(gradients, direction, strict=True)))


def examine(program: Program, seed: int, verdict: Verdict, second: bool = False) -> None:
    """Compare value and gradients of a program with plain NumPy and with differences."""
    f = program.compiled()
    rng = np.random.default_rng(seed)
    argnums = tuple(range(len(program.shapes)))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        here, there = points(program, rng)
        try:
            large = any(not abs(float(f(*fresh(a)))) < LARGE for a in (here, there))
        except (TypeError, IndexError):  # not a valid program: plain NumPy refuses it
            verdict.invalid += 1
            return
        if large:
            verdict.skipped += 1
            return
        transform = gg.value_and_grad(f, argnums)
        known: list[Any] = []
        for args in (here, here, there, there, here):
            given = fresh(args)
            expected = f(*fresh(args))
            try:
                value, gradients = transform(*given)
            except gg.errors.NotDifferentiableError as refused:
                # On some paths an array is made of plain numbers alone; it may not be written to.
                assert "made outside" in str(refused), f"{refused}\n{program.text}"
                verdict.skipped += 1
                return
            assert type(value) is type(expected), (
                f"{type(value)} instead of {type(expected)}\n{program.text}"
            )
            # The fifth call may be native: its elementary functions round in their own way.
            native = len(known) == 4 and abs(value - expected) <= 1e-10 * (1 + abs(expected))
            assert value == expected or value != value or native, (
                f"value {value!r} instead of {expected!r}\n{program.text}"
            )
            plain = fresh(args)
            f(*plain)
            for mine, theirs in zip(given, plain, strict=True):
                assert np.array_equal(mine, theirs), (
                    f"the effect on an argument differs\n{program.text}"
                )
            for g, a in zip(gradients, args, strict=True):
                assert type(g) is type(a) and np.shape(g) == np.shape(a), (
                    f"{g!r} for {a!r}\n{program.text}"
                )
            known.append(gradients)
        for one, other in ((0, 1), (2, 3), (0, 4)):
            for a, b in zip(known[one], known[other], strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-11, err_msg=program.text)
        trusted = 0
        for args, gradients in ((here, known[1]), (there, known[3])):
            for _ in range(2):
                trusted += _compare(program, f, args, gradients, rng)
        verdict.checked += bool(trusted)
        verdict.skipped += not trusted
        verdict.texts.add(program.text)
        if second and trusted:
            verdict.second += _second_order(program, f, argnums, here, rng)


def _compare(program: Program, f: Any, args: Any, gradients: Any, rng: np.random.Generator) -> bool:
    direction = [rng.normal(size=np.shape(a)) if np.ndim(a) else float(rng.normal()) for a in args]
    found = slope(f, args, direction)
    if found is None:
        return False
    expected, error = found
    mine = inner(gradients, direction)
    assert abs(mine - expected) <= 10 * error + 2e-7 * (1 + abs(expected)), (
        f"the slope is {mine!r}, differences give {expected!r} (error {error:.1e}) at {args!r}\n"
        f"gradients {gradients!r}\n{program.text}"
    )
    return True


def _second_order(
    program: Program, f: Any, argnums: Any, args: Any, rng: np.random.Generator
) -> bool:
    weights = [rng.normal(size=np.shape(a)) if np.ndim(a) else float(rng.normal()) for a in args]
    first = gg.grad(f, argnums)

    def along(*values: Any) -> Any:
        return sum(np.sum(g * w) for g, w in zip(first(*values), weights, strict=True))

    direction = [rng.normal(size=np.shape(a)) if np.ndim(a) else float(rng.normal()) for a in args]
    try:
        second = gg.grad(along, argnums)(*fresh(args))
    except (
        gg.errors.NotDifferentiableError
    ) as refused:  # an argument written to, refused on purpose
        assert "written to" in str(refused), f"{refused}\n{program.text}"
        return False
    with gg.backend("numpy"):  # the fifth call above was native already
        found = slope(lambda *a: along(*a), args, direction)
    if found is None:
        return False
    mine, (expected, error) = inner(second, direction), found
    assert abs(mine - expected) <= 10 * error + 1e-5 * (1 + abs(expected)), (
        f"second order: {mine!r}, differences give {expected!r} (error {error:.1e}) at {args!r}\n{program.text}"
    )
    return True
