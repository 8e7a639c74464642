"""The threads of large loops: ranges, sums put together, processes that fork and end."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.emit.native import available, kernel, native_program, pool

from .test_loops import path_of
from .test_native_calls import warm, warnings

pytestmark = [
    pytest.mark.skipif(not available(), reason="no LLVM here"),
    pytest.mark.skipif(pool.cores() == 1, reason="one core"),
]

TASKS = Path("/proc/self/task")
on_linux = pytest.mark.skipif(not TASKS.exists(), reason="no way to ask for threads")

PART = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_int64] * 4)


def in_threads(part: Any, length: int, ranges: int, room: int = 64) -> int:
    import llvmlite.binding as llvm

    pool.ready()
    address = llvm.address_of_symbol("gg_in_threads")
    call = ctypes.CFUNCTYPE(ctypes.c_int32, PART, *[ctypes.c_int64] * 5)(address)
    return call(PART(part), 7, length, ranges, 1000, room)


@pytest.mark.parametrize(("length", "ranges"), [(1, 1), (2, 2), (97, 8), (1000, 7), (8, 8)])
def test_ranges_cover_all_and_nothing_twice(length: int, ranges: int) -> None:
    for _ in range(20):
        seen: list[tuple[int, ...]] = []

        def part(
            list_: int, lo: int, hi: int, mine: int, seen: list[tuple[int, ...]] = seen
        ) -> int:
            seen.append((lo, hi, mine, list_))
            return 1

        assert in_threads(part, length, ranges) == 1
        seen.sort()
        assert [s[0] for s in seen] == [0, *[s[1] for s in seen[:-1]]]
        assert seen[-1][1] == length and len(seen) == ranges
        assert [s[2] for s in seen] == [1000 + 64 * n for n in range(ranges)]
        assert {s[3] for s in seen} == {7}


def test_a_range_that_fails_is_told_of() -> None:
    for bad in range(6):
        assert in_threads(lambda _, lo, hi, mine, bad=bad: int(not lo <= bad < hi), 6, 6) == 0
    assert in_threads(lambda _, lo, hi, mine: 1, 6, 6) == 1


def test_many_callers_each_get_their_own_work_done() -> None:
    wrong: list[Any] = []

    def caller(k: int) -> None:
        for n in range(1, 120):
            done: list[int] = []

            def part(_: int, lo: int, hi: int, mine: int, done: list[int] = done) -> int:
                done.extend(range(lo, hi))
                return 1

            length = 3 + (n * k) % 40
            if in_threads(part, length, 1 + n % 3) != 1 or sorted(done) != [*range(length)]:
                wrong.append((k, n))

    callers = [threading.Thread(target=caller, args=(k,)) for k in range(6)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    assert not wrong


@on_linux
def test_other_threads_take_part() -> None:
    def part(_: int, lo: int, hi: int, mine: int) -> int:
        who.add(threading.get_native_id())
        time.sleep(0.02)
        return 1

    for _ in range(20):  # a busy machine may not let the other thread run in time
        who: set[int] = set()
        in_threads(part, 8, 8)
        if len(who) > 1:
            return
    pytest.fail("one thread did all")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sums_that_overflow_where_ranges_are_joined_are_declined(dtype: Any) -> None:
    n = 524_288
    x = np.full(n, float(np.finfo(dtype).max) / n * 1.2, dtype)
    with np.errstate(over="ignore"):
        path = path_of(lambda x: 1.0 / np.sum(x), (x,))
    circuit = path.circuit(False)
    assert "gg_in_threads" in kernel.kernel(circuit).text
    f = native_program(circuit, path.gradient_types)
    assert f is not None
    assert f(x) is None
    half = x / 2
    assert f(half) is not None


def wavy(x: Any) -> Any:
    return np.sum(np.exp(-x * x) * np.sin(x)) + np.max(np.tanh(x)) + np.mean(x * x)


def test_the_result_is_the_same_whether_the_pool_is_free_or_not() -> None:
    g = gg.value_and_grad(wavy)
    x = np.random.default_rng(1).normal(size=150_000)
    value, gradient = warm(g, x)
    held = threading.Event()
    over = threading.Event()

    def hold(_: int, lo: int, hi: int, mine: int) -> int:
        held.set()
        over.wait(10)
        return 1

    holder = threading.Thread(target=in_threads, args=(hold, 1, 1))
    holder.start()
    held.wait(10)
    again = g(x)
    over.set()
    holder.join()
    assert again[0] == value
    np.testing.assert_array_equal(again[1], gradient)


@on_linux
def test_the_threads_leave_signals_to_python() -> None:
    in_threads(lambda _, lo, hi, mine: 1, 8, 8)
    masks = [
        int(line.split()[1], 16)
        for task in TASKS.iterdir()
        for line in (task / "status").read_text().splitlines()
        if line.startswith("SigBlk")
    ]
    interrupt = 1 << 1
    assert sum(bool(mask & interrupt) for mask in masks) == pool.cores() - 1


@on_linux
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_processes_have_threads_of_their_own() -> None:
    g = gg.value_and_grad(wavy)
    x = np.random.default_rng(2).normal(size=150_000)
    value = warm(g, x)[0]
    stop = threading.Event()

    def call() -> None:
        while not stop.is_set():
            g(x)

    caller = threading.Thread(target=call)
    caller.start()
    try:
        for _ in range(15):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of forks with threads
                child = os.fork()
            if not child:
                before = len([*TASKS.iterdir()])
                well = g(x)[0] == value and len([*TASKS.iterdir()]) == before + pool.cores() - 1
                os._exit(0 if well else 1)
            for _ in range(300):
                ended, status = os.waitpid(child, os.WNOHANG)
                if ended:
                    break
                time.sleep(0.1)
            else:
                os.kill(child, 9)
                pytest.fail("a child waits for ever")
            assert os.waitstatus_to_exitcode(status) == 0
    finally:
        stop.set()
        caller.join()


ENDING = """
import sys, threading, time
import numpy as np, glassgrad as gg
g = gg.value_and_grad(lambda x: np.sum(np.exp(-x * x) * np.sin(x)))
x = np.random.default_rng(0).normal(size=400_000)
for _ in range(8): value = g(x)[0]
def call():
    while True: g(x)
for _ in range(int(sys.argv[1])): threading.Thread(target=call, daemon=True).start()
time.sleep(0.05)
print(repr(float(value)))
"""


def ended(callers: int, **more: str) -> str:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **more}
    run = subprocess.run([sys.executable, "-c", ENDING, str(callers)], env=env, check=False,
                         capture_output=True, text=True, timeout=60)  # fmt: skip
    assert run.returncode == 0, run
    return run.stdout.strip()


def test_a_process_ends_while_threads_are_at_work() -> None:
    for callers in (0, 1, 3):
        ended(callers)


def test_how_many_threads_there_are_can_be_said() -> None:
    x = np.random.default_rng(0).normal(size=400_000)
    expected = np.sum(np.exp(-x * x) * np.sin(x))
    for count in ("1", "3", "7"):
        assert float(ended(0, GLASSGRAD_THREADS=count)) == pytest.approx(expected, rel=1e-12)
