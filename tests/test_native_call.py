"""Calls that native code answers without a step of Python: same object, same answers, no traces."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import subprocess
import sys
import weakref
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.emit.native import available
from glassgrad.runtime.gradient import GradientFunction

pytestmark = pytest.mark.skipif(not available(), reason="no LLVM here")


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def notes(x: float, y: float) -> float:
    return (x + sigmoid(y)) / (sigmoid(x) + (x + y) ** 2)


def warmed(g: Any, *args: Any) -> Any:
    for _ in range(8):
        g(*args)
    assert g._direct
    return g


def test_the_object_stays_what_it_was() -> None:
    g = gg.value_and_grad(notes, (0, 1))
    before = (repr(g), g.__name__, g.__doc__, type(g).__name__, type(g).__module__)
    expected = g(3.0, -4.0)
    warmed(g, 3.0, -4.0)
    assert isinstance(g, GradientFunction)
    assert (repr(g), g.__name__, g.__doc__, type(g).__name__, type(g).__module__) == before
    assert g(3.0, -4.0)[0] == pytest.approx(expected[0], rel=1e-15)
    assert g(3.0, -4.0)[1] == pytest.approx(expected[1], rel=1e-14)
    for again in (pickle.loads(pickle.dumps(g)), copy.copy(g), copy.deepcopy(g)):
        assert type(again) is GradientFunction
        assert again(3.0, -4.0)[0] == expected[0]


def test_keywords_ints_and_wrong_calls_go_the_slow_way() -> None:
    g = warmed(gg.grad(notes, (0, 1)), 3.0, -4.0)
    expected = g(3.0, -4.0)
    assert g(y=-4.0, x=3.0) == pytest.approx(expected)
    assert g(3, y=-4.0) == pytest.approx(expected)
    assert g(np.float64(3.0), -4) == pytest.approx(expected)
    with pytest.raises(TypeError):
        g(1.0)
    with pytest.raises(TypeError):
        g(1.0, 2.0, 3.0)
    with pytest.raises(TypeError):
        g(1.0, 2.0, z=3.0)


def test_what_is_read_outside_counts_at_once() -> None:
    table: dict[str, Any] = {"__name__": "session", "np": np, "scale": 2.0}
    exec("def helper(x):\n    return scale * x\ndef f(x):\n    return helper(x) * x\n", table)
    g = warmed(gg.grad(table["f"]), 3.0)
    assert g(3.0) == 12.0
    table["scale"] = 5.0
    assert g(3.0) == 30.0
    warmed(g, 3.0)
    exec("def helper(x):\n    return x * x\n", table)
    assert g(3.0) == 27.0
    warmed(g, 3.0)
    table["f"].__code__ = (lambda x: 7.0 * x).__code__
    assert g(3.0) == 7.0


def test_closures_and_defaults_count_at_once() -> None:
    power = 2.0

    def f(x: float, factor: float = 3.0) -> float:
        return factor * x**power

    g = warmed(gg.grad(f), 2.0)
    assert g(2.0) == 12.0
    power = 3.0
    assert g(2.0) == 36.0
    f.__defaults__ = (1.0,)
    assert g(2.0) == 12.0


def test_inside_another_trace_it_is_traced() -> None:
    inner = warmed(gg.grad(lambda x: np.sum(x**3)), np.ones(3))
    outer = gg.grad(lambda x: np.sum(inner(x) * x))
    np.testing.assert_allclose(outer(np.array([1.0, 2.0, 3.0])), 9 * np.array([1.0, 4.0, 9.0]))
    np.testing.assert_allclose(inner(np.ones(3)), 3 * np.ones(3))


def test_methods_and_subclasses() -> None:
    class Mine(GradientFunction):
        def extra(self) -> str:
            return "mine"

    g = Mine(notes, 0, False, False)
    warmed(g, 3.0, -4.0)
    assert isinstance(g, Mine) and g.extra() == "mine"

    class Model:
        @gg.grad
        def slope(self, x: float) -> Any:
            return x * self

    assert Model.slope(2.0, 5.0) == 5.0


def test_it_is_collected_with_all_it_holds() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.sin(x))

    g = warmed(gg.grad(f), np.ones(100))
    gone = weakref.ref(f)
    code = weakref.ref(g._direct[0].__self__)
    del f, g
    gc.collect()
    assert gone() is None
    assert code() is None


def test_references_are_given_back() -> None:
    g = warmed(gg.value_and_grad(lambda x, y: np.sum(x * x) * y, (0, 1)), np.ones(50), 2.0)
    x, y = np.ones(100)[::2], 2.5
    counts = sys.getrefcount(x), sys.getrefcount(y), sys.getrefcount(None)
    for _ in range(1000):
        value, (dx, dy) = g(x, y)
        with pytest.raises(TypeError):
            g(x)
    assert sys.getrefcount(value) == sys.getrefcount(dx) == sys.getrefcount(dy) == 2
    assert (sys.getrefcount(x), sys.getrefcount(y)) == counts[:2]
    assert abs(sys.getrefcount(None) - counts[2]) < 500


_GROWTH = """
import gc, numpy as np, glassgrad as gg
def once(n):
    g = gg.grad(lambda x: np.sum(np.tanh(x) * n))
    x = np.ones(100)
    for _ in range(6): g(x)
    assert g._direct
def resident():
    gc.collect()
    return int(open("/proc/self/statm").read().split()[1]) * 4
for n in range(100): once(float(n))
before = resident()
for n in range(300): once(float(n))
print((resident() - before) / 300)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_dropped_functions_leave_little_behind() -> None:
    made = subprocess.run(
        [sys.executable, "-c", _GROWTH], capture_output=True, text=True, check=True
    )
    assert float(made.stdout) < 24  # kB for each: most of it is what LLVM keeps of its passes
