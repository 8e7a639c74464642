"""Shows what was measured as rich tables; computes nothing but ratios. `page` writes the files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Result
from benchmarks.peers import PEERS, RIVALS

RATIOS = ("best library", "library / ours", "hand / ours", "c / ours", "ours / forward")


def duration(seconds: float | None) -> str:
    """A time in three figures.

    Examples
    --------
    >>> duration(1.234e-6), duration(0.4567), duration(None)
    ('1.23 us', '457 ms', '')
    """
    if seconds is None or math.isnan(seconds):
        return ""
    for unit, size in (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * size:
            return f"{figures(seconds / size)} {unit}"
    return f"{figures(seconds)} s"


def figures(number: float) -> str:
    return f"{number:.0f}" if number >= 999.5 else f"{number:#.3g}".rstrip(".")


def times(number: float | None) -> str:
    """A ratio, where there is one."""
    return "" if number is None or math.isnan(number) else f"{figures(number)}x"


def ratios(result: Result) -> dict[str, Any]:
    """How glassgrad stands to the fastest library, to what is written by hand, to the function.

    What starts with `to_` is glassgrad's time over the other's.
    """
    taken = {name: timing.median for name, timing in result.timings.items()}
    rivals = [name for name in RIVALS if name in taken]
    best = min(rivals, key=taken.__getitem__, default=None)
    ours = taken.get("glassgrad", math.nan)
    return {
        "best_library": best,
        "to_best_library": ours / taken[best] if best else math.nan,
        "to_by_hand": ours / taken.get("by-hand", math.nan),
        "to_c": ours / taken.get("c", math.nan),
        "to_blas": ours / taken.get("blas", math.nan),
        "to_forward": ours / taken.get("forward", math.nan),
    }


def geometric_mean(numbers: Iterable[float]) -> float:
    """The mean of ratios; those that could not be taken do not count.

    Examples
    --------
    >>> geometric_mean([2.0, 8.0, float("nan")])
    4.0
    """
    found = [math.log(number) for number in numbers if not math.isnan(number)]
    return math.exp(math.fsum(found) / len(found)) if found else math.nan


def means(results: Sequence[Result]) -> dict[str, float]:
    """Geometric means over the cases: how many times the time of glassgrad the others need."""
    found = [ratios(result) for result in results]
    over = {
        "library / ours": [1 / r["to_best_library"] for r in found],
        "hand / ours": [1 / r["to_by_hand"] for r in found],
        "c / ours": [1 / r["to_c"] for r in found],
        "ours / forward": [r["to_forward"] for r in found],
    }
    return {name: geometric_mean(numbers) for name, numbers in over.items()}


def show(tables: Iterable[tuple[str, Sequence[Sequence[str]]]]) -> None:
    """Print tables: a title and rows of cells, the heading first."""
    for title, (heading, *rows) in tables:
        table = Table(title=title, title_justify="left")
        for n, cell in enumerate(heading):
            table.add_column(cell, justify="right" if n else "left", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        Console().print(table)


def case_table(result: Result) -> Table:
    """One case, a peer a line, the fastest first."""
    table = Table(title=result.case.title, title_style="bold", title_justify="left")
    table.add_column("")
    headings = (
        "steady",
        "spread",
        "first call",
        "second",
        "slowest later",
        "to ours",
        "difference",
    )
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    ours = result.timings.get("glassgrad")
    for name, t in sorted(result.timings.items(), key=lambda item: item[1].median):
        wrong = t.difference is not None and not t.difference <= result.case.tolerance
        table.add_row(
            name,
            duration(t.median),
            f"{(t.high - t.low) / t.median:.0%}",
            duration(t.first),
            duration(t.second),
            f"{duration(t.slowest)} (call {t.slowest_at})" if PEERS[name].calls > 2 else "",
            times(t.median / ours.median) if ours else "",
            "" if t.difference is None else f"{t.difference:.0e}",
            style="red" if wrong else "bold" if name == "glassgrad" else "",
        )
    for name, reason in result.failed.items():
        table.add_row(name, "cannot" if reason.startswith("cannot") else "[red]fails")
    reasons = [f"{name}: {reason}" for name, reason in result.failed.items()]
    table.caption = "\n".join([result.case.remark, *reasons]).strip() or None
    return table


def summary_table(results: Sequence[Result]) -> Table:
    """All cases: glassgrad, what it stands against, and the ratios."""
    table = Table(title="steady state, value and gradient", title_style="bold")
    heading, *rows = summary(results)
    for name in heading:
        table.add_column(name, justify="left" if name == "case" else "right", no_wrap=True)
    names = [*(result.case.name for result in results), "geometric mean"]
    for name, row in zip(names, rows):
        table.add_row(name, *row[1:], style="bold" if name == "geometric mean" else "")
    return table


def summary(results: Sequence[Result]) -> list[list[str]]:
    """Heading and rows of the table that all readers want first."""
    rows = [["case", "glassgrad", "forward", *RATIOS]]
    for result in results:
        ratio = ratios(result)
        cell = {name: duration(t.median) for name, t in result.timings.items()}
        best = ratio["best_library"]
        rows.append(
            [
                result.case.title,
                cell.get("glassgrad", "fails"),
                cell.get("forward", ""),
                f"{best}, {cell[best]}" if best else "",
                times(1 / ratio["to_best_library"]),
                times(1 / ratio["to_by_hand"]),
                times(1 / ratio["to_c"]),
                times(ratio["to_forward"]),
            ]
        )
    over = means(results)
    rows.append(["geometric mean", "", "", "", *(times(over[name]) for name in RATIOS[1:])])
    return rows
