"""What a gate costs before it ever runs fast: tracing it, and building its backward pass.

`python -m benchmarks.tracing_cost` traces chains of 1,000 and 10,000 gates, of floats and of small
arrays, and prints microseconds a gate for each stage of a first call. A cost that grows with the
length of the chain is a fault. This file reaches into the library's rooms, in `stages` alone.
"""

from __future__ import annotations

from benchmarks.blas import unpin

if __name__ == "__main__":
    unpin()  # before anything that loads NumPy

import argparse
import gc
import itertools
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

LENGTHS = (1_000, 10_000)
LIMIT = 15.0  # microseconds a gate that tracing may cost, and the backward pass as well
STAGES = ("trace", "backward", "first run", "emit")


def scalar_chain(x: Any, rounds: int) -> Any:
    """Four gates a round: multiply, sine, multiply, add."""
    y = x
    for _ in range(rounds):
        y = math.sin(y * 0.9) * x + 0.1
    return y


def array_chain(x: Any, rounds: int) -> Any:
    """Four gates a round on small arrays."""
    y = x
    for _ in range(rounds):
        y = np.sin(y * 0.9) * x + 0.1
    return y.sum()


def indexing_chain(x: Any, rounds: int) -> Any:
    """Four gates a round that take elements out and put one in."""
    y = x.copy()
    for i in range(rounds):
        y[i % 8] = y[(i + 3) % 8] * 0.9 + 0.1
    return y.sum()


CHAINS: dict[str, tuple[Callable[..., Any], Any]] = {
    "floats": (scalar_chain, 0.5),
    "arrays of 8": (array_chain, np.linspace(0.1, 0.8, 8)),
    "elements and writes": (indexing_chain, np.linspace(0.1, 0.8, 8)),
}


def stages(function: Callable[..., Any], x: Any) -> tuple[int, dict[str, float]]:
    """Gates of the traced circuit, and seconds for each stage of a first call."""
    from glassgrad.runtime.arguments import resolve
    from glassgrad.runtime.gradient import recorded_call
    from glassgrad.runtime.paths import Path
    from glassgrad.runtime.pause import without_collection

    clock = time.perf_counter
    ticks = [clock()]
    with without_collection():  # as at a call
        arguments = resolve((x,), {}, lambda place: place == 0, ["x"])
        recorded = recorded_call(function, arguments, False, ())
        ticks.append(clock())
        path = Path(recorded)
        path.circuit(careful=False)
        ticks.append(clock())
        path.first(recorded.values)
        ticks.append(clock())
    path.program(careful=False)
    ticks.append(clock())
    seconds = [b - a for a, b in itertools.pairwise(ticks)]
    return len(recorded.circuit.gates), dict(zip(STAGES, seconds, strict=True))


def measure(function: Callable[..., Any], x: Any, gates: int, repeats: int) -> dict[str, Any]:
    """The median of some runs, microseconds a gate; four gates a round."""
    taken: list[dict[str, float]] = []
    traced = 0
    for _ in range(repeats):
        gc.collect()
        traced, seconds = stages(lambda x: function(x, gates // 4), x)
        taken.append(seconds)
    cost = {s: statistics.median(t[s] for t in taken) / traced * 1e6 for s in STAGES}
    return {"gates": traced, **cost}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tracing_cost")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    chosen = parser.parse_args()
    results: dict[str, list[dict[str, Any]]] = {}
    measure(scalar_chain, 0.5, 400, 1)  # imports and first-time caches
    for name, (function, x) in CHAINS.items():
        results[name] = [measure(function, x, n, chosen.repeats) for n in LENGTHS]
    if chosen.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)
    return 0


def show(results: dict[str, list[dict[str, Any]]]) -> None:
    """A chain and length a line; the growth says how far from linear each stage is."""
    table = Table(
        title="microseconds a gate",
        caption=f"limit: {LIMIT:g} us to trace a gate, as much for backward",
    )
    for heading in ("chain", "gates", *STAGES):
        table.add_column(heading, justify="left" if heading == "chain" else "right")
    for name, lengths in results.items():
        for found in lengths:
            cells = [
                f"[{'red' if s in STAGES[:2] and found[s] > LIMIT else 'default'}]{found[s]:.1f}"
                for s in STAGES
            ]
            table.add_row(name, f"{found['gates']:,}", *cells)
        short, long = lengths[0], lengths[-1]
        growth = [f"{long[s] / short[s]:.2f}x" for s in STAGES]
        table.add_row("  growth (1x is linear)", "", *growth, style="dim", end_section=True)
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
