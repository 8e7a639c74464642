"""The command line of the benchmarks; times nothing itself."""

from __future__ import annotations

from benchmarks.blas import unpin

unpin()  # before anything that loads NumPy

import argparse  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from rich.console import Console  # noqa: E402

from benchmarks import calls, machine, page, report, starting  # noqa: E402
from benchmarks.cases import CASES  # noqa: E402
from benchmarks.measure import measure  # noqa: E402
from benchmarks.peers import PEERS, available  # noqa: E402

OTHERS = {"calls": calls.main, "starting": starting.main}
HERE = Path(__file__).resolve().parent


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Value and gradient of the same function, side by side in one process.",
        epilog=f"Beside the cases, each alone: {', '.join(OTHERS)}.",
    )
    parser.add_argument("cases", nargs="*", help=f"which cases: {', '.join(CASES)} (default: all)")
    parser.add_argument("--peers", help=f"which peers, by commas: {','.join(PEERS)}")
    parser.add_argument("--seconds", type=float, default=6.0, help="time a case may take")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of RESULTS.md and .json")
    parser.add_argument("--dry", action="store_true", help="print only, write no files")
    chosen = parser.parse_args()
    for name in chosen.cases:
        if name not in CASES:
            parser.error(f"no case named {name!r}; there are: {', '.join(CASES)}")
    for name in (chosen.peers or "").split(","):
        if name and name not in PEERS:
            parser.error(f"no peer named {name!r}; there are: {', '.join(PEERS)}")
    return chosen


def main() -> int:
    if sys.argv[1:] and sys.argv[1] in OTHERS:
        return OTHERS[sys.argv[1]]()
    chosen = options()
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)  # a file or a pipe need not fold the tables
    wanted = [name for name in (chosen.peers or "").split(",") if name] or list(PEERS)
    peers, missing = available(wanted)
    for name, reason in missing.items():
        console.print(f"[yellow]{name} is left out: {reason}")
    about = machine.about()  # before the work: how busy the machine is without it
    results = []
    for name in chosen.cases or CASES:
        with console.status(f"{CASES[name].title} ..."):
            results.append(measure(CASES[name], peers, chosen.seconds))
        console.print(report.case_table(results[-1]))
    console.print(report.summary_table(results))
    # A part of the cases or peers is a look, not a result: it does not replace the whole.
    if chosen.dry or chosen.cases or chosen.peers:
        console.print("nothing written: that is for a run of all cases and peers")
    else:
        more = [*starting.tables(), *calls.tables()]
        report.show(more)
        page.write(chosen.out, results, about, missing, more)
        console.print(f"written: {chosen.out / 'RESULTS.md'}, {chosen.out / 'results.json'}")
    wrong = [f"{r.case.name}: {w}" for r in results for w in r.disagreements()]
    for line in wrong:
        console.print(f"[red]numbers differ: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
