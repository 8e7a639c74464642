"""Names bound before the gradient is asked for, and nothing left behind after it.

``from math import exp`` in any place a name can be bound works; after any call, also one that
raises, NumPy, math and the user's modules are exactly as they were, for every thread.
"""

from __future__ import annotations

import functools
import math
import sys
import threading
import types
import warnings
from math import exp, pow, sqrt
from typing import Any

import numpy as np
import pytest
from numpy import array, sin, zeros

import glassgrad as gg
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


class Model:
    rate = 1.0

    def __init__(self) -> None:
        self.W = np.array([1.0, 2.0, 3.0])
        self.bias = 0.5

    def loss(self, x: Any) -> Any:
        return np.sum(x * self.W) * self.rate + self.bias * x[0]

    def __call__(self, x: Any) -> Any:
        return self.loss(x)

    @classmethod
    def of_class(cls, x: Any) -> Any:
        return np.sum(x * cls.rate)

    @staticmethod
    def static(x: Any) -> Any:
        return np.sum(x * x)


# -- every way to bind a name ---------------------------------------------------------------------------


def by_from_import(x: Any) -> Any:
    buffer = zeros(2)
    buffer[0] = exp(x) * sqrt(x)
    buffer[1] = sin(x) * pow(x, 2)
    return array([buffer[0], buffer[1] * x]).sum()


def by_local_import(x: Any) -> Any:
    import math as m
    from math import cos

    from numpy import ones

    made = ones(2)
    made[0] = m.log(x)
    return cos(x) * made.sum()


def by_default(x: Any, f: Any = math.exp, make: Any = np.zeros, *, g: Any = math.sin) -> Any:
    made = make(1)
    made[0] = f(x) * g(x)
    return made[0]


def by_closure() -> Any:
    f, make = math.exp, np.array

    def inner(x: Any) -> Any:
        return f(x) * make([x, 1.0]).sum()

    return inner


def by_table(x: Any) -> Any:
    return FUNCTIONS["exp"](x) * CHOICES[0](x)


FUNCTIONS = {"exp": math.exp}
CHOICES = [math.sin, math.cos]


class Holder:
    act = staticmethod(math.tanh)

    def __init__(self) -> None:
        self.f = math.exp

    def run(self, x: Any) -> Any:
        return self.f(x) * self.act(x)


def by_helpers(x: Any) -> Any:
    return helpers.decay(x) * helpers.length(x, 2.0) + helpers.rotated(x)[0]


def by_map(x: Any) -> Any:
    return sum(map(math.exp, [x, x * x])) + max(map(sin, [x, 1.0]))


def by_alias(x: Any) -> Any:
    f = math.exp
    m = math
    return f(x) * m.sin(x) * getattr(math, "cos")(x)  # noqa: B009


def slope_of(f: Any, x: float) -> float:
    h = 1e-5
    return float((4 * (f(x + h / 2) - f(x - h / 2)) / h - (f(x + h) - f(x - h)) / (2 * h)) / 3)


@pytest.mark.parametrize("f", [
    by_from_import, by_local_import, by_default, by_closure(), by_table, Holder().run, by_helpers, by_map,
    by_alias, functools.partial(by_default, f=math.cos), functools.partial(math.pow, 2.0), math.exp, np.tanh,
], ids=lambda f: getattr(f, "__name__", "partial"))  # fmt: skip
def test_names_bound_before(f: Any) -> None:
    g = gg.value_and_grad(f)
    for x in (1.3, 1.3, 0.7):
        value, slope = g(x)
        assert value == f(x)
        assert slope == pytest.approx(slope_of(f, x), rel=1e-8)
    assert math.exp(1.0) == 2.718281828459045 and type(zeros(2)) is np.ndarray


def doubled(f: Any) -> Any:
    @functools.wraps(f)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return 2 * f(*args, **kwargs)

    return wrapper


@functools.lru_cache
def table_of(n: int) -> Any:
    return np.arange(float(n))


class Callable_:
    def __init__(self, k: float) -> None:
        self.k = k

    def __call__(self, x: Any) -> Any:
        return np.sum(x * x) * self.k


@functools.lru_cache
def memo(n: int) -> Any:
    return np.array([float(n)]) if n < 2 else memo(n - 1) + memo(n - 2)


def test_the_users_cache_gets_no_traced_values() -> None:
    memo.cache_clear()
    g = gg.grad(lambda x: np.sum(x * memo(60)))
    assert g(1.0) == g(1.0) == 1548008755920.0
    assert memo.cache_info().currsize == 0
    assert type(memo(3)) is np.ndarray
    assert gg.grad(lambda x: np.sum(x * memo(3)))(1.0) == 2.0


def test_every_kind_of_function() -> None:
    model = Model()
    session: dict[str, Any] = {"np": np}
    exec("from math import exp\nk = 3.0\ndef f(x): return np.sum(x * k) * exp(0.0)", session)
    twice = doubled(doubled(lambda x: np.sum(x)))
    for f, expected in (
        (model.loss, [1.5, 2, 3]), (model, [1.5, 2, 3]), (Model.of_class, [1, 1, 1]),
        (Model.static, 2 * X), (functools.partial(Model.loss, model), [1.5, 2, 3]),
        (lambda x: np.sum(x * table_of(3)), [0, 1, 2]), (Callable_(4.0), 8 * X), (twice, [4, 4, 4]),
        (session["f"], [3, 3, 3]), (types.MethodType(lambda self, x: np.sum(x * self.W), model), [1, 2, 3]),
    ):  # fmt: skip
        g = gg.grad(f)
        for _ in range(2):
            np.testing.assert_allclose(g(X), expected)
    session["k"] = 5.0
    np.testing.assert_allclose(gg.grad(session["f"])(X), [5, 5, 5])


def test_a_gradient_function_in_a_class_body_is_a_method() -> None:
    class Net:
        k = 3.0

        def loss(self, x: Any) -> Any:
            return np.sum(x * x) * self.k

        slope = gg.grad(loss, argnums=1)

    np.testing.assert_allclose(Net().slope(X), 6 * X)


def test_the_name_and_the_text_are_the_functions_own() -> None:
    g = gg.grad(by_default)
    assert g.__name__ == "by_default"
    assert "by_default" in repr(g)


# -- nothing is left behind --------------------------------------------------------------------------------


def test_an_exception_leaves_everything_as_it_was() -> None:
    def f(x: Any) -> Any:
        zeros(3)[0] = x
        exp(x)
        raise RuntimeError("on purpose")

    before = (math.exp, np.zeros, globals()["exp"], globals()["zeros"], np.ndarray.dot)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="on purpose"):
            gg.grad(f)(1.0)
        assert (math.exp, np.zeros, globals()["exp"], globals()["zeros"], np.ndarray.dot) == before
        assert type(np.zeros(3)) is np.ndarray
    assert gg.grad(lambda x: exp(x))(0.0) == 1.0


def test_leaving_by_a_keyboard_interrupt() -> None:
    def f(x: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gg.grad(f)(1.0)
    assert type(np.zeros(2)) is np.ndarray


def test_a_generator_that_is_never_finished() -> None:
    def f(x: Any) -> Any:
        def steps() -> Any:
            y = x
            while True:
                y = y * 0.5
                yield y

        s = steps()
        return next(s) + next(s)

    assert gg.grad(f)(1.0) == gg.grad(f)(2.0) == 0.75


def test_nested_calls_undo_once() -> None:
    def f(x: Any) -> Any:
        inner = gg.grad(lambda y: exp(y) * y)(x)
        made = zeros(1)  # still routed
        made[0] = inner * exp(x)
        return made[0]

    assert gg.grad(f)(0.0) == pytest.approx(3.0)


def test_other_threads_see_plain_numpy() -> None:
    wrong: list[Any] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            made = np.zeros(2)
            made[0] = math.exp(0.5)
            if (
                type(made) is not np.ndarray
                or type(math.exp(1.0)) is not float
                or zeros(1).shape != (1,)
            ):
                wrong.append(made)
            if type(TABLE.copy()) is not np.ndarray or type(np.array([1.0])) is not np.ndarray:
                wrong.append(TABLE)

    def f(x: Any, n: int) -> Any:
        for _ in range(n):
            made = zeros(2)
            made[0] = exp(x * 1e-3)
            x = x + made[0] * 1e-3
        return x

    threads = [threading.Thread(target=watch) for _ in range(3)]
    for t in threads:
        t.start()
    try:
        for _ in range(5):
            gg.grad(f)(1.0, 200)
    finally:
        stop.set()
        for t in threads:
            t.join()
    assert wrong == []


def test_many_threads_trace_at_once() -> None:
    results: dict[int, float] = {}

    def work(k: int) -> None:
        g = gg.grad(lambda x: exp(x) * k + zeros(1).sum())
        results[k] = sum(g(0.0) for _ in range(3))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {k: 3.0 * k for k in range(12)}


def test_threads_share_one_gradient_function() -> None:
    g = gg.grad(lambda x: x * x if x > 0 else -x)
    found: list[bool] = []

    def work(k: int) -> None:
        for i in range(50):
            x = (-1.0) ** i * (k + 1)
            found.append(g(x) == (2 * x if x > 0 else -1.0))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == 200 and all(found)


def test_a_debuggers_tracer_survives() -> None:
    events: list[str] = []

    def tracer(frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code.co_name == "watched":
            events.append(event)
        return tracer

    def watched(x: Any) -> Any:
        y = x * x
        return y * 2

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        assert gg.grad(watched)(3.0) == 12.0
        assert sys.gettrace() is tracer
        events.clear()
        gg.backprop(watched, 3.0)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
    assert events.count("line") >= 2 and "return" in events


def test_numpys_error_state_is_kept() -> None:
    with np.errstate(all="raise"):
        state = np.geterr()
        g = gg.grad(lambda x: np.sum(np.sqrt(x)))
        for _ in range(2):
            assert g(np.array([0.0, 1.0]))[0] == np.inf  # the backward pass meets infinity, quietly
        assert np.geterr() == state


def test_warnings_come_from_the_forward_pass_alone() -> None:
    g = gg.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            np.testing.assert_array_equal(g(np.array([0.0, 4.0])), [0.0, 0.25])


def test_the_code_of_a_pullback_with_imported_names() -> None:
    _, pullback = gg.vjp(by_from_import, 1.3)
    assert "exp(" in pullback.code
