"""What a function reads and does besides its arguments: noticed, kept, undone.

Never a stale or a frozen result: a change outside is seen at the next call, an effect happens at
every call, and after any call NumPy, math and the user's modules are exactly as they were.
"""

from __future__ import annotations

import math
import random
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import GlassgradWarning
from glassgrad.tracing import routing

from .programs import helpers

SCALE = 2.0
TABLE = np.array([1.0, 2.0, 3.0])
SETTINGS: dict[str, Any] = {"rate": 0.5, "powers": [1, 2], "nested": {"w": np.array([1.0, 2.0])}}
X = np.array([0.5, -1.2, 2.1])


@pytest.fixture(autouse=True)
def all_is_undone() -> Any:
    """After every test NumPy, math and the modules of these tests are what they were."""

    def bound() -> dict[str, Any]:
        modules = (math, np, np.ndarray, sys.modules[__name__], helpers)
        return {
            f"{m.__name__}.{k}": id(v) for m in modules for k, v in vars(m).items() if callable(v)
        }

    before = bound()
    yield
    assert bound() == before
    assert routing._depth == 0


# -- changes outside are noticed ----------------------------------------------------------------------


def test_a_global(monkeypatch: pytest.MonkeyPatch) -> None:
    g = gg.grad(lambda x: x * SCALE)
    assert g(1.0) == g(3.0) == 2.0
    monkeypatch.setitem(globals(), "SCALE", 5.0)
    assert g(1.0) == g(1.0) == 5.0
    monkeypatch.setitem(globals(), "SCALE", "ab")
    with pytest.raises(TypeError):
        g(1.0)


def test_the_contents_of_a_global_array() -> None:
    g = gg.grad(lambda x: np.sum(x * TABLE))
    np.testing.assert_array_equal(g(X), [1, 2, 3])
    g(X)
    TABLE[1] = 7.0
    try:
        np.testing.assert_array_equal(g(X), [1, 7, 3])
        np.testing.assert_array_equal(g(X), [1, 7, 3])
    finally:
        TABLE[1] = 2.0
    np.testing.assert_array_equal(g(X), [1, 2, 3])


def test_dicts_and_lists() -> None:
    def f(x: Any) -> Any:
        return (
            sum(x**p for p in SETTINGS["powers"])
            * SETTINGS["rate"]
            * np.sum(SETTINGS["nested"]["w"])
        )

    g = gg.grad(f)
    assert g(1.0) == g(1.0) == 4.5
    SETTINGS["powers"].append(3)
    assert g(1.0) == g(1.0) == 9.0
    SETTINGS["powers"].pop()
    SETTINGS["nested"]["w"][0] = 2.0
    assert g(1.0) == g(1.0) == 6.0
    SETTINGS["nested"]["w"][0] = 1.0
    SETTINGS["rate"] = 1.0
    assert g(1.0) == 9.0
    SETTINGS["rate"] = 0.5
    assert g(1.0) == 4.5


def test_a_closure_cell() -> None:
    factor = 2.0
    weights = np.array([1.0, 1.0, 1.0])

    def f(x: Any) -> Any:
        return np.sum(x * weights) * factor

    g = gg.grad(f)
    np.testing.assert_array_equal(g(X), [2, 2, 2])
    factor = 3.0
    np.testing.assert_array_equal(g(X), [3, 3, 3])
    weights[0] = 5.0
    np.testing.assert_array_equal(g(X), [15, 3, 3])
    weights = np.array([0.0, 1.0, 0.0])
    np.testing.assert_array_equal(g(X), [0, 3, 0])


def test_defaults() -> None:
    def f(x: Any, k: float = 2.0, *, w: Any = np.array([1.0, 2.0, 3.0])) -> Any:  # noqa: B008
        return np.sum(x * w) * k

    g = gg.grad(f)
    np.testing.assert_array_equal(g(X), [2, 4, 6])
    g(X)
    f.__kwdefaults__["w"][0] = 10.0
    np.testing.assert_array_equal(g(X), [20, 4, 6])
    f.__defaults__ = (1.0,)
    np.testing.assert_array_equal(g(X), [10, 2, 3])


class Model:
    rate = 1.0

    def __init__(self) -> None:
        self.W = np.array([1.0, 2.0, 3.0])
        self.bias = 0.5
        self.calls = 0
        self.history: list[Any] = []

    def loss(self, x: Any) -> Any:
        return np.sum(x * self.W) * self.rate + self.bias * x[0]

    def counted(self, x: Any) -> Any:
        self.calls += 1
        return np.sum(x * x)

    def noted(self, x: Any) -> Any:
        self.history.append(np.sum(x))
        self.last = x[0] * 2
        return np.sum(x * x)

    def __call__(self, x: Any) -> Any:
        return self.loss(x)

    @classmethod
    def of_class(cls, x: Any) -> Any:
        return np.sum(x * cls.rate)

    @staticmethod
    def static(x: Any) -> Any:
        return np.sum(x * x)

    @property
    def first(self) -> float:
        return float(self.W[0])

    def by_property(self, x: Any) -> Any:
        return np.sum(x) * self.first


def test_attributes_of_self(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model()
    g = gg.grad(model.loss)
    np.testing.assert_array_equal(g(X), [1.5, 2, 3])
    g(X)
    model.bias = 1.0
    np.testing.assert_array_equal(g(X), [2, 2, 3])
    model.W[1] = 20.0
    np.testing.assert_array_equal(g(X), [2, 20, 3])
    model.W = np.zeros(3)
    np.testing.assert_array_equal(g(X), [1, 0, 0])
    monkeypatch.setattr(Model, "rate", 2.0)
    model.W = np.ones(3)
    np.testing.assert_array_equal(g(X), [3, 2, 2])
    by_property = gg.grad(model.by_property)
    assert by_property(X)[0] == 1.0
    model.W[0] = 9.0
    assert by_property(X)[0] == 9.0


def test_a_helper_that_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    g = gg.grad(lambda x: helpers.decay(x))
    assert g(0.0) == g(0.0) == -2.0
    monkeypatch.setattr(helpers, "RATE", 3.0)
    assert g(0.0) == -3.0
    monkeypatch.setattr(helpers, "decay", lambda x: 7 * x)
    assert g(0.0) == 7.0


def test_the_dict_order_of_an_argument() -> None:
    def f(p: Any) -> Any:
        total = 1.0
        for value in p.values():
            total = total * 2 + value * value
        return total

    g = gg.grad(f)
    for _ in range(2):
        assert g({"b": 1.0, "a": 3.0}) == {"b": 4.0, "a": 6.0}
        assert g({"a": 3.0, "b": 1.0}) == {"a": 12.0, "b": 2.0}
        assert list(g({"b": 1.0, "a": 3.0})) == ["b", "a"]


# -- effects are kept ---------------------------------------------------------------------------------


def notices(call: Callable[[], Any]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in caught if issubclass(w.category, GlassgradWarning)]


def test_a_counter_counts_every_call_with_one_notice() -> None:
    model = Model()
    g = gg.grad(model.counted)
    said = notices(lambda: [g(X) for _ in range(4)])
    assert model.calls == 4
    assert type(model.calls) is int
    assert len(said) == 1
    assert "has_aux" in said[0] and "calls" in said[0]


def test_a_list_gets_plain_numbers() -> None:
    model = Model()
    g = gg.grad(model.noted)
    said = notices(lambda: [g(n * X) for n in (1, 2, 3)])
    assert len(said) == 1
    np.testing.assert_allclose(model.history, [np.sum(n * X) for n in (1, 2, 3)])
    assert all(type(h) is np.float64 for h in model.history)
    assert type(model.last) is np.float64 and model.last == 3.0


def test_globals_dicts_and_closures_get_plain_values() -> None:
    seen: dict[str, Any] = {}
    kept: list[Any] = []
    last = None

    def f(x: Any) -> Any:
        nonlocal last
        last = x * 2
        seen["sum"] = np.sum(x)
        seen["deep"] = {"x": [x, (x[0], "text")]}
        kept.extend([x[0], x])
        return np.sum(x * x)

    g = gg.grad(f)
    said = notices(lambda: [g(X), g(2 * X)])
    assert len(said) == 1
    assert type(last) is np.ndarray and last[0] == 2.0
    assert type(seen["sum"]) is np.float64
    assert type(seen["deep"]["x"][0]) is np.ndarray and type(seen["deep"]["x"][1][0]) is np.float64
    assert [type(k) for k in kept] == [np.float64, np.ndarray] * 2
    np.testing.assert_array_equal(kept[3], 2 * X)


def test_what_was_stored_before_an_exception_is_plain() -> None:
    model = Model()

    def f(x: Any) -> Any:
        model.last = x * 2
        model.history.append(x[0])
        raise RuntimeError("on purpose")

    for call in (gg.grad(f), lambda x: gg.vjp(f, x)):
        with pytest.raises(RuntimeError, match="on purpose"):
            call(X)
        assert type(model.last) is np.ndarray and type(model.history[-1]) is np.float64


def test_pullbacks_and_the_microscope_leave_plain_values_too() -> None:
    model = Model()
    for look in (lambda: gg.vjp(model.noted, X), lambda: gg.backprop(model.noted, X)):
        model.last = None
        notices(look)
        assert type(model.last) is np.float64 and type(model.history[-1]) is np.float64


def test_has_aux_needs_no_notice() -> None:
    def f(x: Any) -> Any:
        return np.sum(x * x), {"first": x[0], "all": x * 2, "text": "aux"}

    g = gg.value_and_grad(f, has_aux=True)

    def twice() -> None:
        for n in (1, 2):
            (value, aux), dx = g(n * X)
            assert value == np.sum(n * X * n * X)
            assert aux["first"] == n * X[0] and aux["text"] == "aux"
            assert type(aux["all"]) is np.ndarray
            np.testing.assert_array_equal(dx, 2 * n * X)

    assert notices(twice) == []


def test_prints_are_printed_every_time(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x: Any) -> Any:
        print("x is", x, f"{x:.2f}")
        return x * x

    g = gg.grad(f)
    said = notices(lambda: [g(1.0), g(2.0), g(2.0)])
    assert capsys.readouterr().out == "x is 1.0 1.00\nx is 2.0 2.00\nx is 2.0 2.00\n"
    assert len(said) == 1


GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize("draw", [
    lambda: random.random(), lambda: np.random.rand(), lambda: GENERATOR.normal(),
    lambda: np.random.default_rng().normal(), lambda: time.perf_counter(),
])  # fmt: skip
def test_random_numbers_and_clocks_are_drawn_every_time(draw: Any) -> None:
    def f(x: Any) -> Any:
        return x * draw()

    g = gg.grad(f)
    slopes: list[float] = []
    notices(lambda: slopes.extend(g(1.0) for _ in range(5)))
    assert len(set(slopes)) == 5


def test_a_generator_passed_in_advances() -> None:
    def f(x: Any, rng: Any) -> Any:
        return x * rng.normal()

    mine, plain = np.random.default_rng(5), np.random.default_rng(5)
    g = gg.grad(f)
    slopes: list[float] = []
    notices(lambda: slopes.extend(g(1.0, mine) for _ in range(3)))
    np.testing.assert_allclose(slopes, [plain.normal() for _ in range(3)])


def test_a_pure_function_has_no_notice() -> None:
    model = Model()

    def all_of_them() -> None:
        for f in (model.loss, Model.of_class, Model.static, model, helpers.rotated):
            g = gg.grad(f if f is not helpers.rotated else lambda x: helpers.rotated(x[0])[0])
            g(X), g(X)

    assert notices(all_of_them) == []


def test_a_closure_that_escapes_holds_plain_values() -> None:
    escaped: list[Any] = []
    g = gg.grad(lambda x: (escaped.append(lambda: x), x * x)[1])
    notices(lambda: g(2.0))
    assert escaped[0]() == 2.0 and type(escaped[0]()) is float


def test_a_traced_value_that_outlived_its_call_is_refused() -> None:
    def remembering() -> Any:
        first = yield
        while True:
            yield first

    memory = remembering()  # a running generator: nobody can look into it
    next(memory)
    notices(lambda: gg.grad(lambda x: (memory.send(x), x * x)[1])(2.0))
    with pytest.raises(gg.errors.GlassgradError, match=r"outlived the call.*returning"):
        gg.grad(lambda y: y * next(memory))(1.0)
