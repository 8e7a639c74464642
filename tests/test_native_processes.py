"""References, memory, threads and processes of native calls."""

from __future__ import annotations

import gc
import math
import os
import pickle
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.emit.native import available

from .test_native_calls import FORMS, PARAMS, Model, dense, is_native, outcome, two, warm, warnings

pytestmark = pytest.mark.skipif(not available(), reason="no LLVM here")


def rss() -> int:
    """Memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form[0].__name__)
def test_no_reference_is_lost_or_kept(form: Any) -> None:
    f, options, args, kwargs = form
    g = gg.value_and_grad(f, **options)
    warm(g, *args, **kwargs)
    junk = (*args[:-1], object()) if args else (object(),)
    watched = [*args, *kwargs.values(), None, np.dtype(float), g, g._direct, PARAMS["W"], True,
               *PARAMS, *g._direct[1:], float, np.ndarray, np.float64]  # fmt: skip

    def counts() -> list[int]:
        gc.collect()
        return [sys.getrefcount(thing) for thing in watched]

    assert is_native(g, *args, **kwargs)
    before = counts()
    answers = [g(*args, **kwargs) for _ in range(500)]
    for leaf in (answers[0][1], answers[-1]):
        assert sys.getrefcount(leaf) <= 4
    del answers, leaf
    for _ in range(20):
        outcome(g, junk, kwargs)
    after = counts()
    assert all(abs(a - b) < 30 for a, b in zip(after, before, strict=True))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no way to ask for memory")
def test_calls_leave_no_memory_behind() -> None:
    g = gg.value_and_grad(dense)
    x, crooked = np.ones(3), np.ones(6)[::2]
    warm(g, PARAMS, x)
    for _ in range(2_000):
        g(PARAMS, x), g(PARAMS, crooked)
    before = rss()
    for _ in range(100_000):
        g(PARAMS, x)
        g(PARAMS, crooked)
    assert rss() - before < 1_000_000


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no way to ask for memory")
def test_functions_that_are_dropped_leave_little_behind() -> None:
    def one(k: float) -> None:
        g = gg.value_and_grad(lambda x, y: x * k + math.sin(y) * x)
        warm(g, 1.0, 2.0)
        assert g._direct is not None

    for k in range(50):
        one(float(k))
    gc.collect()
    before = rss()
    for k in range(100):
        one(k + 0.5)
    gc.collect()
    assert (rss() - before) / 100 < 10_000


def test_it_goes_when_nobody_has_it() -> None:
    model = Model()
    g = gg.grad(model.loss)
    warm(g, 1.0)
    model.own = g
    ends = [weakref.ref(g), weakref.ref(model)]
    code = weakref.ref(g._programs[0].__self__)
    del g, model
    gc.collect()
    assert code() is None and all(end() is None for end in ends)


@pytest.mark.filterwarnings("ignore::glassgrad.errors.GlassgradWarning")
def test_threads_call_while_others_trace_and_change() -> None:
    cell = [2.0]

    def f(x: Any) -> Any:
        return cell[0] * x * x

    g = gg.grad(f)
    warm(g, 1.0)
    wrong: list[Any] = []
    stop = threading.Event()

    def call() -> None:
        while not stop.is_set():
            if g(1.0) not in (4.0, 6.0):
                wrong.append(g(1.0))

    def trace() -> None:
        while not stop.is_set():
            gg.grad(lambda x: x * x)(1.0)

    def change() -> None:
        for n in range(60):
            cell[0] = 2.0 + n % 2
            g(1.0)
        stop.set()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=t) for t in (call, call, trace, change)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
    assert warm(g, 1.0) == 2 * cell[0]


def test_a_native_gradient_is_sent_to_another_process() -> None:
    g = gg.value_and_grad(math.sin)
    expected = warm(g, 0.5)
    code = "import pickle, sys; g = pickle.load(sys.stdin.buffer); [g(0.5) for _ in range(9)]; print(g(0.5))"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(g), env=env,
                         capture_output=True, check=True)  # fmt: skip
    assert run.stdout.decode().strip() == str(expected)


def test_it_is_called_in_the_last_moments_of_a_process() -> None:
    code = """
import math, glassgrad as gg
class Last:
    def __init__(self, g): self.g, self.me = g, self
    def __del__(self):
        try: print(self.g(0.5))
        except BaseException as error: print(type(error))
g = gg.grad(lambda x: x * x * math.sin(x))
for _ in range(9): g(0.5)
last = Last(g), Last(gg.grad(math.sin))
math.last = Last(g)
gg.runtime.last = gg.tracing.trace.last = gg.emit.native.calls.last = Last(g)
"""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True)
    assert run.returncode == 0, run


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_calls_it() -> None:
    g = gg.grad(two)
    expected = warm(g, 3.0, -4.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of forks with threads
        child = os.fork()
    if not child:
        os._exit(0 if g(3.0, -4.0) == expected and is_native(g, 3.0, -4.0) else 1)
    assert os.waitpid(child, 0)[1] == 0
