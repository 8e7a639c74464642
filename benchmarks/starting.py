"""What it costs to begin: `python -m benchmarks starting`.

Fresh processes import NumPy, SciPy's special functions, glassgrad and autograd; then the first
calls of a gradient are timed there too, where nothing has been warmed up by an earlier case. Each
process is started several times, in turn; the medians count. Bytecode is there, as it is wherever
a library was installed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from importlib.util import find_spec

from benchmarks.report import duration, show

TIMES = 7
IMPORTS = ("numpy", "scipy.special", "llvmlite.binding", "glassgrad", "autograd")
CASES = ("notes", "rosenbrock", "mixture", "lstm")
CALLS = 8

_IMPORT = """
import json, sys, time
start = time.perf_counter()
__import__(sys.argv[1])
print(json.dumps([time.perf_counter() - start]))
"""
_FIRST = """
import json, sys, time
from benchmarks.cases import CASES
from benchmarks.peers import PEERS
peer, case = PEERS[sys.argv[1]], CASES[sys.argv[2]]
__import__(peer.needs)
args = case.data()
call = peer.build(case, args)
taken = []
for _ in range(int(sys.argv[3])):
    start = time.perf_counter()
    call()
    taken.append(time.perf_counter() - start)
print(json.dumps(taken))
"""


def fresh(code: str, *arguments: str) -> list[float]:
    """What a new process answers to a program; it is thrown away afterwards."""
    words = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    # An installed library has its bytecode with it, so ours is kept too, whatever is set here.
    environment = dict(os.environ, PYTHONPYCACHEPREFIX=_bytecode.name)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    # The current folder is on the path of `-c`: that is where `benchmarks` was found by us.
    found = subprocess.run(words, capture_output=True, text=True, env=environment)
    if found.returncode:
        last = found.stderr.strip().splitlines()[-1:]
        raise RuntimeError(f"{' '.join(arguments)}: {' '.join(last)}")
    return [float(number) for number in json.loads(found.stdout.splitlines()[-1])]


_bytecode = tempfile.TemporaryDirectory()


def imports() -> dict[str, float]:
    """Seconds to import each module alone."""
    names = [name for name in IMPORTS if find_spec(name.split(".")[0])]
    for name in names:
        fresh(_IMPORT, name)  # which writes the bytecode
    taken: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(TIMES):
        for name in names:  # in turn: the disk's and the machine's moods meet all alike
            taken[name] += fresh(_IMPORT, name)
    return {name: statistics.median(numbers) for name, numbers in taken.items()}


def first_calls(case: str, peer: str) -> list[float]:
    """The medians of the first calls in a new process."""
    fresh(_FIRST, peer, case, "1")
    runs = [fresh(_FIRST, peer, case, str(CALLS)) for _ in range(max(3, TIMES // 2))]
    return [statistics.median(column) for column in zip(*runs)]


def tables() -> list[tuple[str, list[list[str]]]]:
    """What was measured, as titles and rows of cells with a heading first."""
    found = imports()
    rows = [["module", "time", "beyond numpy"]]
    for name, seconds in found.items():
        beyond = seconds - found["numpy"]
        rows.append([name, duration(seconds), duration(beyond) if beyond > 0 else ""])
    firsts = [["case, peer", "first", "second", f"slowest of 2 to {CALLS}", "which"]]
    for case in CASES:
        for peer in ("glassgrad", "autograd"):
            try:
                taken = first_calls(case, peer)
            except RuntimeError as error:
                firsts.append([f"{case}, {peer}", f"fails: {str(error)[-60:]}", "", "", ""])
                continue
            slowest = max(taken[1:])
            cells = [duration(seconds) for seconds in (taken[0], taken[1], slowest)]
            firsts.append([f"{case}, {peer}", *cells, str(taken.index(slowest) + 1)])
    return [("Import in a fresh process", rows), ("First calls in a fresh process", firsts)]


def main() -> int:
    show(tables())
    return 0
