"""Compiling beside the calls: who waits for what, and what happens when something intervenes."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.emit.native import available, machine
from glassgrad.errors import GlassgradWarning
from glassgrad.runtime import background, paths

from .support.warm import warm
from .test_native_calls import is_native

pytestmark = pytest.mark.skipif(not available(), reason="no LLVM here")
X = np.linspace(-1.0, 1.0, 70)
BESIDE = 3  # the call at which compiling begins


class Owner: ...


class Busy:
    """Keeps the worker busy until it is told to go on."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.owner = threading.Event(), threading.Event(), Owner()

    def work(self) -> Iterator[None]:
        self.begun.set()
        self.go_on.wait()
        yield None

    def __enter__(self) -> Busy:
        background.submit(self.owner, self.work())
        assert self.begun.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        background.wait()


def large(k: float = 1.0) -> Any:
    """A gradient whose circuit is not compiled at once."""

    def f(x: Any) -> Any:
        y = np.exp(-x * x) * np.sin(k * x) + np.tanh(x) / (1 + x * x)
        return np.sum(y * y) + np.sum(np.cos(y) * y)

    return gg.value_and_grad(f)


def uncompiled(k: float = 1.0) -> Any:
    """What calls answer before there is native code."""
    return large(k)(X)


def equal(a: Any, b: Any) -> bool:
    return bool(a[0] == b[0] and np.array_equal(a[1], b[1]))


def close(a: Any, b: Any) -> bool:
    return bool(np.isclose(a[0], b[0], rtol=1e-13) and np.allclose(a[1], b[1], 1e-12, 1e-14))


def compilers() -> int:
    return sum(t.name == "glassgrad compiles" for t in threading.enumerate())


def test_calls_go_on_while_native_code_is_made() -> None:
    g = large()
    expected = uncompiled()
    with Busy():
        for _ in range(20):
            assert equal(g(X), expected)  # to the last bit
        assert g._direct is None
    assert close(g(X), expected)  # which takes what was made
    assert is_native(g, X)
    found = g(X)
    assert close(found, expected) and not equal(found, expected)


def test_what_is_called_twice_is_not_compiled() -> None:
    g = large()
    for _ in range(BESIDE - 1):
        g(X)
        assert background.idle()
    with Busy():
        g(X)
        assert len(background._worker.jobs) == 1


def test_small_circuits_wait_unless_there_is_a_queue() -> None:
    small, later = gg.grad(lambda x: x * x), gg.grad(lambda x: x * x * x)
    for _ in range(5):
        small(3.0)
    assert is_native(small, 3.0)
    with Busy():
        for _ in range(8):
            assert later(3.0) == 27.0
        assert later._direct is None
    later(3.0)
    assert is_native(later, 3.0)


def test_all_may_be_made_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSGRAD_COMPILE", "wait")
    with Busy():
        g = large()
        for _ in range(4):
            g(X)
        assert g._direct is None
        g(X)
        assert is_native(g, X)


def test_explain_waits() -> None:
    g = large()
    for _ in range(BESIDE):
        g(X)
    assert gg.explain(g, X).paths[0].tier == "native"
    g = large()
    for _ in range(BESIDE - 2):
        g(X)
    assert gg.explain(g, X).paths[0].tier == "NumPy"


def test_many_functions_have_one_compiler() -> None:
    gradients = [large(k / 7) for k in range(12)]
    most = 0
    for g in gradients:
        for _ in range(BESIDE):
            g(X)
        most = max(most, compilers())
    assert most <= 1
    background.wait()
    assert compilers() == 0 and background.idle()
    for k, g in enumerate(gradients):
        g(X)
        assert is_native(g, X)
        np.testing.assert_allclose(g(X)[1], large(k / 7)(X)[1], rtol=1e-12, atol=1e-14)


def test_what_nobody_has_any_more_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Any] = []
    monkeypatch.setattr(paths, "draft", lambda *given: begun.append(given))
    g = large()
    with Busy():
        for _ in range(BESIDE):
            g(X)
        ends = [weakref.ref(g), weakref.ref(g._function)]
        del g
        gc.collect()
        assert all(end() is None for end in ends)
    assert begun == []


def test_a_function_may_go_while_its_code_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    within, go_on = threading.Event(), threading.Event()
    real, made = paths.draft, []

    class Slow:
        def __init__(self, *given: Any) -> None:
            self.draft = real(*given)

        def program(self) -> Any:
            within.set()
            go_on.wait()
            program = self.draft.program()
            made.append(weakref.ref(program.__self__))
            return program

    monkeypatch.setattr(paths, "draft", Slow)
    g = large()
    for _ in range(BESIDE):
        g(X)
    assert within.wait(20)
    end = weakref.ref(g)
    del g
    gc.collect()
    assert end() is None
    go_on.set()
    background.wait()
    gc.collect()
    assert len(made) == 1 and made[0]() is None


@pytest.mark.parametrize("kind", [KeyError, SystemExit])
def test_a_mistake_of_ours_is_told_to_the_caller(
    kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise kind("planned badly")

    monkeypatch.setattr(paths, "draft", broken)
    g = large()
    expected = uncompiled()
    for _ in range(BESIDE):
        assert equal(g(X), expected)
    background.wait()
    with pytest.warns(GlassgradWarning, match="planned badly"):
        assert close(g(X), expected)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(8):
            assert close(g(X), expected)
    assert background.idle() and g._direct is None
    monkeypatch.undo()
    other = large()
    warm(other, X)
    assert is_native(other, X)


def test_who_is_stopped_while_waiting_goes_on_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(paths, "draft", stopped)
    g = gg.grad(lambda x: x * x)
    for _ in range(4):
        g(3.0)
    with pytest.raises(KeyboardInterrupt):
        g(3.0)
    for _ in range(8):
        assert g(3.0) == 6.0
    assert background.idle() and all(p.is_settled for s in g._signatures.values() for p in s.paths)


def test_the_numpy_backend_takes_nothing_that_was_begun() -> None:
    g = large()
    for _ in range(BESIDE):
        g(X)
    background.wait()
    with gg.backend("numpy"):
        expected = g(X)
        for _ in range(8):
            assert equal(g(X), expected)
        assert g._direct is None
    g(X)
    assert is_native(g, X)


def test_threads_call_while_native_code_is_made() -> None:
    g = large()
    expected = uncompiled()
    wrong: list[Any] = []

    def work() -> None:
        for _ in range(400):
            found = g(X)
            if not close(found, expected):
                wrong.append(found)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
    warm(g, X)
    assert is_native(g, X)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("wait", [0.0, 0.002, 0.01, 0.03])
def test_a_process_may_fork_while_native_code_is_made(wait: float) -> None:
    one, other = large(2.0), large(3.0)
    expected = uncompiled(2.0), uncompiled(3.0)
    for _ in range(BESIDE):
        one(X), other(X)
    time.sleep(wait)
    child = os.fork()
    if not child:
        try:
            signal.alarm(60)  # a lock that nobody will release
            for g, right in zip((one, other), expected, strict=True):
                found = warm(g, X)
                assert np.allclose(found[1], right[1], rtol=1e-12, atol=1e-14)
                assert is_native(g, X)
            new = large(4.0)
            warm(new, X)
            os._exit(0 if is_native(new, X) and not compilers() else 2)
        finally:
            os._exit(1)
    for g in (one, other):
        warm(g, X)
        assert is_native(g, X)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_waits_for_what_runs_within_the_worker() -> None:
    """And for no more: what the worker has not begun is the child's own."""
    owner, seen = Owner(), []

    def work() -> Iterator[None]:
        time.sleep(0.2)
        seen.append(os.getpid())
        yield None
        seen.append(os.getpid())
        yield None

    background.submit(owner, work())
    time.sleep(0.05)
    child = os.fork()
    if not child:
        signal.alarm(60)
        background.wait()
        os._exit(0 if seen == [os.getppid(), os.getpid()] else 1)
    background.wait()
    assert seen == [os.getpid()] * 2
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


ENDS = {
    "while it compiles": "",
    "with an exception": "raise SystemExit(0)",
    "while it does something long": """
from glassgrad.runtime import background
class Owner: ...
owner = Owner()
def work():
    time.sleep(1000)
    yield None
background.submit(owner, work())
""",
    "and calls on": """
import atexit
def last():
    for _ in range(9): g(0.5)
atexit.register(last)
""",
}


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("wait", [0.0, 0.02])
def test_a_process_ends_while_native_code_is_made(how: str, wait: float) -> None:
    code = f"""
import math, time
import glassgrad as gg
def f(x):
    for n in range(400):
        x = x + 0.001 * math.sin(n * x)
    return x
class Last:
    def __del__(self):
        try:
            for _ in range(9): h(0.5)
        except BaseException: pass
g, h = gg.grad(f), gg.grad(lambda x: f(x) * 2)
math.last = Last()
for _ in range(3): g(0.5)
time.sleep({wait})
{ENDS[how]}
"""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, timeout=60)
    assert run.returncode == 0 and run.stderr == b"", run


def test_compiling_here_and_there_at_once() -> None:
    """The worker and a caller that waits take turns in LLVM."""
    gradients = [large(k + 0.5) for k in range(4)]
    for g in gradients:
        for _ in range(BESIDE):
            g(X)
    for k in range(4):
        text = f"define i32 @f() {{\n  ret i32 {k}\n}}\n"
        assert machine.compiled(text).get_function_address("f")
    for g in gradients:
        warm(g, X)
        assert is_native(g, X)


def test_what_was_made_before_its_answer_was_known_does_not_answer_users() -> None:
    """Another thread may call a path before it is told how its users' calls are answered."""
    g = large()
    g(X)
    (path,) = [path for known in g._signatures.values() for path in known.paths]
    answer, path.answer = path.answer, None
    with Busy():
        for _ in range(BESIDE):
            g(X)
        path.answer = answer
    for _ in range(BESIDE):
        assert close(g(X), uncompiled())
    assert path.is_native and path.direct is None
