"""Writes what was measured: `RESULTS.md`, a page to read, and `results.json` for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.measure import Result, Timing
from benchmarks.peers import PEERS
from benchmarks.report import duration, means, ratios, summary, times

SHORT = Path(__file__).with_name("shortfalls.md")  # what the figures miss, and why: written by hand
More = Sequence[tuple[str, Sequence[Sequence[str]]]]  # titles, and rows with a heading first


def markdown(
    results: Sequence[Result],
    about: Mapping[str, Any],
    missing: Mapping[str, str],
    more: More = (),
) -> str:
    """The whole report as one page."""
    versions = ", ".join(f"{name} {v}" for name, v in about["versions"].items())
    threads = ", ".join(f"{name}={v}" for name, v in about.get("threads", {}).items())
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Time of one call that gives the value and the gradient, all",
        "peers in one process, in interleaved rounds (the median of the rounds); double precision",
        "unless the case says otherwise. The gradient by hand is compared with central differences",
        "of the function, and each peer with the gradient by hand, before it is timed.",
        "",
        f"- Machine: {about['processor']}, {about['cores']} cores, {about['system']}",
        f"- Python {about['python']}; {versions}; {about.get('compiler') or 'no gcc'}",
        f"- NumPy's BLAS: {about['blas']}",
        *([f"- Threads: {threads}"] if threads else []),
        *_busy(about),
        "",
        *(f"- `{name}`: {peer.title}" for name, peer in PEERS.items()),
        *(f"- left out: `{name}` ({reason})" for name, reason in missing.items()),
        "",
        "## Against the best",
        "",
        *_table(summary(results)),
        "",
        "The best library is the fastest of those that derive the gradient. `library / ours`,",
        "`hand / ours` and `c / ours` are the other's time over glassgrad's: above 1x, glassgrad is",
        "the faster one. `ours / forward`: how many times the plain function its value with",
        "gradient takes.",
        "",
        "## Steady state",
        "",
        *_table(_times(results, "median")),
        "",
        "## First call",
        "",
        "A function never seen before: tracing and, where the peer does so, compiling. Imports are",
        "not counted.",
        "",
        *_table(_times(results, "first")),
        "",
        "## Second call",
        "",
        *_table(_times(results, "second")),
        "",
        "## Until native code",
        "",
        "glassgrad makes native code of a path that was called some times: small circuits at the",
        "fifth call, which waits; others beside the calls from the third on. The slowest of calls 2",
        "to 8, and which one that was, is what this costs; `until native` is the time of all calls",
        "in a row, the first included, until native code answers. The best library's first call",
        "beside it.",
        "",
        *_table(_native(results)),
        "",
        *[line for title, rows in more for line in (f"## {title}", "", *_table(rows), "")],
        SHORT.read_text(encoding="utf-8"),
        "## Agreement",
        "",
        "Largest difference from the gradient by hand, in relation to that gradient's largest",
        "element; for the gradient by hand, its difference from the slope of the function along one",
        "direction.",
        "",
        *_table(_agreement(results)),
        *[""] * any(r.case.remark or r.failed for r in results),
        *(f"- {r.case.title}: {r.case.remark}" for r in results if r.case.remark),
        *(
            f"- {r.case.title}: `{n}` {why if why.startswith('cannot') else f'fails with {why}'}"
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


def _times(results: Sequence[Result], which: str) -> list[list[str]]:
    rows = [["case", *PEERS]]
    for result in results:
        cells = [
            _cell(getattr(result.timings.get(name), which, None), result.failed.get(name))
            for name in PEERS
        ]
        rows.append([result.case.title, *cells])
    return rows


def _cell(seconds: float | None, failure: str | None) -> str:
    if failure:
        return "cannot" if failure.startswith("cannot") else "fails"
    return duration(seconds)


def _native(results: Sequence[Result]) -> list[list[str]]:
    rows = [["case", "first", "slowest of 2 to 8", "which", "until native", "library's first",
             "library / ours"]]  # fmt: skip
    for result in results:
        ours = result.timings.get("glassgrad")
        best = ratios(result)["best_library"]
        other: Timing | None = result.timings.get(best) if best else None
        if ours is None:
            continue
        rows.append(
            [
                result.case.title,
                duration(ours.first),
                duration(ours.slowest),
                str(ours.slowest_at),
                duration(ours.until),
                f"{best}, {duration(other.first)}" if other else "",
                times(other.first / ours.first) if other else "",
            ]
        )
    return rows


def _agreement(results: Sequence[Result]) -> list[list[str]]:
    names = [name for name, peer in PEERS.items() if peer.gradient]
    rows = [["case", *names]]
    for result in results:
        found = {name: timing.difference for name, timing in result.timings.items()}
        found["by-hand"] = result.reference
        rows.append([result.case.title, *(_tiny(found.get(name)) for name in names)])
    return rows


def _tiny(number: float | None) -> str:
    return "" if number is None or math.isnan(number) else f"{number:.0e}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    heading, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return [heading, "|---" + "|---:" * (len(rows[0]) - 1) + "|", *body]


def write(
    folder: Path,
    results: Sequence[Result],
    about: Mapping[str, Any],
    missing: Mapping[str, str],
    more: More = (),
) -> None:
    """Write `RESULTS.md` and `results.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "RESULTS.md").write_text(markdown(results, about, missing, more), encoding="utf-8")
    cases = [
        {
            "name": r.case.name,
            "title": r.case.title,
            "seconds": {name: asdict(timing) for name, timing in r.timings.items()},
            "ratios": ratios(r),
            "reference": r.reference,
            "failed": r.failed,
        }
        for r in results
    ]
    content = {
        "about": dict(about),
        "left_out": dict(missing),
        "geometric_means": means(results),
        "more": {title: [list(row) for row in rows] for title, rows in more},
        "cases": cases,
    }
    text = json.dumps(_plain(content), indent=2, allow_nan=False)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """The same without NaN, which JSON does not know."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value
