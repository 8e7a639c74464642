"""What a call costs in arguments: `python -m benchmarks calls`.

Functions of 1 to 64 floats, and of as many small arrays, that do next to nothing: what is left is
the way in and out. Two figures a length: the whole call, and what one argument more adds to it.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.report import duration, show

LENGTHS = (1, 2, 4, 8, 16, 32, 64)
READY = 8  # calls until the last tier is in use
SAMPLE = 2e-3  # seconds
ROUNDS = 41

Call = Callable[[], Any]


def function(arguments: int, arrays: bool) -> Callable[..., Any]:
    """The sum of the squares of its arguments, written out as a user would for so many names."""
    names = [f"x{n}" for n in range(arguments)]
    squares = " + ".join(f"{name} * {name}" for name in names)
    body = f"np.sum({squares})" if arrays else squares
    world: dict[str, Any] = {"np": np}
    exec(f"def f({', '.join(names)}): return {body}", world)
    return world["f"]


def arguments(count: int, arrays: bool) -> tuple[Any, ...]:
    numbers = np.random.default_rng(0).normal(size=(count, 8))
    return tuple(numbers) if arrays else tuple(numbers[:, 0].tolist())


def ready(count: int, arrays: bool) -> dict[str, Call]:
    """Calls of the plain function and of value and gradient, with nothing left to compile."""
    import glassgrad as gg
    from glassgrad.runtime import background

    f, args = function(count, arrays), arguments(count, arrays)
    g = gg.value_and_grad(f, argnums=tuple(range(count)))
    for _ in range(READY):
        value, gradients = g(*args)
        background.wait()
    if not np.isclose(value, f(*args)) or not np.allclose(gradients, 2 * np.array(args)):
        raise ArithmeticError(f"a wrong gradient of {count} arguments")
    return {"forward": lambda: f(*args), "glassgrad": lambda: g(*args)}


def measure(calls: Mapping[Any, Call]) -> dict[Any, float]:
    """Seconds of each call: a low quantile over rounds that take all of them in turn.

    What is looked for are differences of some nanoseconds; other work only ever adds to a time.
    """
    once = {key: min(_time(call, 1) for _ in range(5)) for key, call in calls.items()}
    samples: dict[Any, list[float]] = {key: [] for key in calls}
    for _ in range(ROUNDS):
        for key, call in calls.items():
            samples[key].append(_time(call, max(1, round(SAMPLE / once[key]))))
    return {key: float(np.quantile(taken, 0.1)) for key, taken in samples.items()}


def _time(call: Call, repeats: int) -> float:
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        return (time.perf_counter() - start) / repeats
    finally:
        gc.enable()


def tables() -> list[tuple[str, list[list[str]]]]:
    """What was measured, as titles and rows of cells with a heading first."""
    made = []
    for arrays in (False, True):
        calls = {count: ready(count, arrays) for count in LENGTHS}
        found = measure({(n, who): call for n, both in calls.items() for who, call in both.items()})
        rows = [["n", "plain function", "glassgrad", "an argument", "one more adds"]]
        before: tuple[int, float] | None = None
        for count in LENGTHS:
            ours = found[count, "glassgrad"]
            more = (ours - before[1]) / (count - before[0]) if before else None
            rows.append(
                [
                    str(count),
                    duration(found[count, "forward"]),
                    duration(ours),
                    f"{ours / count * 1e9:.0f} ns",
                    "" if more is None else f"{more * 1e9:.0f} ns",
                ]
            )
            before = count, ours
        made.append((f"Value and gradient of n {'arrays of 8' if arrays else 'floats'}", rows))
    return made


def main() -> int:
    show(tables())
    return 0
