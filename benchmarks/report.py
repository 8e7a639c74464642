"""Shows what was measured: rich tables, Markdown and JSON. Computes nothing but ratios."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.measure import Result, Timing
from benchmarks.peers import PEERS, RIVALS


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
            return f"{_figures(seconds / size)} {unit}"
    return f"{_figures(seconds)} s"


def _figures(number: float) -> str:
    return f"{number:.0f}" if number >= 999.5 else f"{number:#.3g}".rstrip(".")


def _ratio(number: float | None) -> str:
    return "" if number is None or math.isnan(number) else f"{_figures(number)}x"


def ratios(result: Result) -> dict[str, Any]:
    """How glassgrad stands to the fastest library, to hand-written NumPy and to the function."""
    times = {name: timing.median for name, timing in result.timings.items()}
    rivals = [name for name in RIVALS if name in times]
    best = min(rivals, key=times.__getitem__, default=None)
    ours = times.get("glassgrad", math.nan)
    return {
        "best_library": best,
        "to_best_library": ours / times[best] if best else math.nan,
        "to_by_hand": ours / times.get("by-hand", math.nan),
        "to_forward": ours / times.get("forward", math.nan),
    }


def case_table(result: Result) -> Table:
    """One case, a peer a line, the fastest first."""
    table = Table(title=result.case.title, title_style="bold", title_justify="left")
    table.add_column("")
    for heading in ("steady", "spread", "first call", "second", "to by hand", "difference"):
        table.add_column(heading, justify="right", no_wrap=True)
    hand = result.timings.get("by-hand")
    for name, t in sorted(result.timings.items(), key=lambda item: item[1].median):
        wrong = t.difference is not None and not t.difference <= result.case.tolerance
        table.add_row(
            name,
            duration(t.median),
            f"{(t.high - t.low) / t.median:.0%}",
            duration(t.first),
            duration(t.second),
            _ratio(t.median / hand.median) if hand else "",
            "" if t.difference is None else f"{t.difference:.0e}",
            style="red" if wrong else "bold" if name == "glassgrad" else "",
        )
    for name in result.failed:
        table.add_row(name, "[red]fails")
    reasons = [f"{name}: {reason}" for name, reason in result.failed.items()]
    table.caption = "\n".join([result.case.remark, *reasons]).strip() or None
    return table


def summary_table(results: Sequence[Result]) -> Table:
    """All cases: the steady state of each peer, and the ratios."""
    table = Table(title="steady state, value and gradient", title_style="bold")
    heading, *rows = _summary(results)
    for name in heading:
        table.add_column(name, justify="left" if name == "case" else "right", no_wrap=True)
    for row, result in zip(rows, results):
        table.add_row(result.case.name, *row[1:])
    return table


def _summary(results: Sequence[Result]) -> list[list[str]]:
    """Heading and rows of the table that all readers want first."""
    rows = [["case", *PEERS, "to best", "to by hand", "to forward"]]
    for result in results:
        ratio = ratios(result)
        times = {name: t.median for name, t in result.timings.items()}
        best = f" ({ratio['best_library']})" if not math.isnan(ratio["to_best_library"]) else ""
        rows.append(
            [
                result.case.title,
                *("fails" if n in result.failed else duration(times.get(n)) for n in PEERS),
                _ratio(ratio["to_best_library"]) + best,
                _ratio(ratio["to_by_hand"]),
                _ratio(ratio["to_forward"]),
            ]
        )
    return rows


def _first(results: Sequence[Result], which: str) -> list[list[str]]:
    rows = [["case", *PEERS]]
    for result in results:
        cells = [result.timings.get(name) for name in PEERS]
        times = [duration(getattr(t, which)) if isinstance(t, Timing) else "" for t in cells]
        rows.append([result.case.title, *times])
    return rows


def markdown(
    results: Sequence[Result], about: Mapping[str, Any], missing: Mapping[str, str]
) -> str:
    """The whole report as one page."""
    versions = ", ".join(f"{name} {v}" for name, v in about["versions"].items())
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Time of one call that gives the value and the gradient, all",
        "peers in one process, in interleaved rounds (the median of the rounds); double precision",
        "unless the case says otherwise.",
        "",
        f"- Machine: {about['processor']}, {about['cores']} cores, {about['system']}",
        f"- Python {about['python']}; {versions}",
        f"- NumPy's BLAS: {about['blas']}",
        *_busy(about),
        "",
        *(f"- `{name}`: {peer.title}" for name, peer in PEERS.items()),
        *(f"- left out: `{name}` ({reason})" for name, reason in missing.items()),
        "",
        "## Steady state",
        "",
        *_markdown_table(_summary(results)),
        "",
        "Ratios are glassgrad's time over the other's: below 1x, glassgrad is the faster one;",
        "the best is the fastest of autograd, JAX and PyTorch.",
        "",
        "## First call",
        "",
        "A function never seen before: tracing and, where the peer does so, compiling. Imports are",
        "not counted.",
        "",
        *_markdown_table(_first(results, "first")),
        "",
        "## Second call",
        "",
        *_markdown_table(_first(results, "second")),
        "",
        "## Agreement",
        "",
        "Largest difference from the gradient by hand, in relation to that gradient's largest",
        "element.",
        "",
        *_markdown_table(_agreement(results)),
        *[""] * any(r.case.remark or r.failed for r in results),
        *(f"- {r.case.title}: {r.case.remark}" for r in results if r.case.remark),
        *(
            f"- {r.case.title}: `{n}` fails with {why}"
            for r in results
            for n, why in r.failed.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def _busy(about: Mapping[str, Any]) -> list[str]:
    """Other work on the machine makes every time longer, and the ratios less sure."""
    if not about["load"] or about["load"] < 0.5:
        return []
    return [
        f"- Other work was running at the start (load {about['load']} on {about['cores']} cores):",
        "  all times are too long, most of all those of libraries that hand work to threads.",
    ]


def _agreement(results: Sequence[Result]) -> list[list[str]]:
    names = [name for name, peer in PEERS.items() if peer.gradient and name != "by-hand"]
    rows = [["case", *names]]
    for result in results:
        found = [result.timings[n].difference if n in result.timings else None for n in names]
        rows.append([result.case.title, *("" if d is None else f"{d:.0e}" for d in found)])
    return rows


def _markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    heading, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return [heading, "|---" + "|---:" * (len(rows[0]) - 1) + "|", *body]


def write(
    folder: Path, results: Sequence[Result], about: Mapping[str, Any], missing: Mapping[str, str]
) -> None:
    """Write `RESULTS.md` and `results.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "RESULTS.md").write_text(markdown(results, about, missing), encoding="utf-8")
    cases = [
        {
            "name": r.case.name,
            "title": r.case.title,
            "seconds": {name: asdict(timing) for name, timing in r.timings.items()},
            "ratios": {k: _plain(v) for k, v in ratios(r).items()},
            "failed": r.failed,
        }
        for r in results
    ]
    content = {"about": dict(about), "left_out": dict(missing), "cases": cases}
    (folder / "results.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """JSON knows no nan."""
    return None if isinstance(value, float) and math.isnan(value) else value
