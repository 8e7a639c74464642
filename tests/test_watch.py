"""Watching gradients over training: the numbers, their names, bounded memory, unchanged calls."""

import math

import numpy as np
import pytest

import glassgrad as gg


def loss(params, X, y):
    h = X
    for W, b in zip(params["W"], params["b"], strict=True):
        h = np.tanh(h @ W + b)
    return np.mean((h.sum(axis=1) - y) ** 2)


def start(seed=0):
    rng = np.random.default_rng(seed)
    params = {
        "W": [rng.normal(size=(3, 4)) / 2, rng.normal(size=(4, 2)) / 2],
        "b": [np.zeros(4), np.zeros(2)],
    }
    return params, rng.normal(size=(30, 3)), rng.normal(size=30)


def step(params, d, rate=0.1):
    return {k: [p - rate * g for p, g in zip(params[k], d[k], strict=True)] for k in params}


def test_calls_go_through_unchanged_and_the_numbers_are_right():
    params, X, y = start()
    plain = gg.value_and_grad(loss)
    watched = gg.watch(gg.value_and_grad(loss), learning_rate=0.1)
    expected, sizes = [], []
    for _ in range(7):
        value, d = watched(params, X, y)
        true, g = plain(params, X, y)
        assert value == true and all(
            np.array_equal(a, b) for a, b in zip(d["W"], g["W"], strict=True)
        )
        expected.append(np.linalg.norm(g["W"][1]))
        sizes.append(np.linalg.norm(params["W"][1]))
        params = step(params, d)
    name = "params['W'][1]"
    assert watched.names == ("params['W'][0]", name, "params['b'][0]", "params['b'][1]")
    assert np.allclose(watched.norms[name], expected, rtol=1e-13)
    assert np.allclose(watched.series("update")[name], 0.1 * np.array(expected) / sizes, rtol=1e-13)
    assert watched.series("mean_abs")[name][-1] == pytest.approx(np.abs(g["W"][1]).mean())
    assert watched.steps.tolist() == [*range(7)] and watched.calls == 7


def test_chosen_arguments_by_position_and_by_name():
    def f(a, b, c):
        return np.sum(a * b * c)

    ones = np.ones(3)
    watched = gg.watch(gg.grad(f, argnums=(2, "a")), learning_rate=1.0)
    watched(ones, 2 * ones, c=5 * ones) if False else watched(ones, 2 * ones, 5 * ones)
    assert watched.names == ("c", "a")
    assert watched.norms["c"] == pytest.approx(2 * math.sqrt(3))
    assert watched.series("update")["a"] == pytest.approx(10.0)
    last = gg.watch(gg.grad(f, argnums=-1))
    last(ones, ones, ones)
    assert last.names == ("c",)


def test_an_aux_is_handed_through():
    def f(x):
        return np.sum(x**2), {"twice": 2 * x}

    watched = gg.watch(gg.value_and_grad(f, has_aux=True))
    (value, aux), d = watched(np.ones(3))
    assert value == 3 and aux["twice"].tolist() == [2, 2, 2]
    assert watched.norms["x"] == pytest.approx(np.linalg.norm(d))
    bare = gg.watch(gg.grad(f, has_aux=True))
    bare(np.ones(3))
    assert bare.names == ("x",)


def test_any_function_that_returns_gradients():
    def by_hand(W, X):
        return float(np.sum(W * X)), X

    watched = gg.watch(by_hand)
    watched(np.ones(4), np.full(4, 3.0))
    assert watched.names == ("W",) and watched.norms["W"] == pytest.approx(6.0)
    picked = gg.watch(lambda x: {"g": [2 * x]}, pick=lambda result: result["g"])
    picked(np.ones(4))
    assert picked.names == ("gradient[0]",)


def test_memory_is_bounded_and_the_kept_steps_are_even():
    watched = gg.watch(gg.grad(lambda x: x * x), keep=16)
    for n in range(1000):
        watched(float(n))
    steps = watched.steps
    assert len(steps) <= 16 and watched.calls == 1000
    assert len(set(np.diff(steps))) == 1
    assert np.allclose(watched.norms["x"], 2.0 * steps)
    assert gg.watch(gg.grad(lambda x: x * x), every=10)._every == 10


def test_nan_is_noticed_at_calls_that_are_not_kept():
    watched = gg.watch(lambda x: np.full(3, np.nan) if x == 7 else np.ones(3), every=5)
    for n in range(12):
        watched(n)
    assert watched.first_not_finite == {"x": 7}
    assert "call 7" in str(watched)


def test_zeros_and_nan_are_counted():
    watched = gg.watch(lambda x: np.array([0.0, 0.0, np.nan, 1.0]))
    watched(1.0)
    assert watched.series("zeros")["x"][0] == 0.5
    assert watched.series("not_finite")["x"][0] == 1


def test_norms_of_very_large_and_small_gradients():
    watched = gg.watch(lambda x: np.full(4, x))
    for size in (1e200, 1e-200, 0.0):
        watched(size)
    assert np.allclose(watched.norms["x"], [2e200, 2e-200, 0.0], rtol=1e-12, atol=0)
    single = gg.watch(lambda x: np.full(4, x, np.float32))
    single(1e30)
    assert single.norms["x"][0] == pytest.approx(2e30)


def test_inside_another_gradient_nothing_is_kept():
    inner = gg.watch(gg.grad(lambda x: x**3))
    assert gg.grad(inner)(2.0) == 12.0
    assert inner(2.0) == 12.0 and inner.calls == 1


def test_the_text():
    params, X, y = start()
    watched = gg.watch(gg.value_and_grad(loss), learning_rate=0.1)
    assert str(watched) == "not called yet"
    for _ in range(40):
        _, d = watched(params, X, y)
        params = step(params, d)
    text = str(watched)
    assert text.startswith("40 calls\nparameter")
    assert "params['W'][0]" in text and "█" in text and "update" in text
    assert all(len(line) <= 120 for line in text.splitlines())


def test_what_makes_no_sense_is_refused():
    with pytest.raises(TypeError, match="gradient function"):
        gg.watch(3)
    with pytest.raises(ValueError, match="at least"):
        gg.watch(gg.grad(lambda x: x), keep=1)
    with pytest.raises(ValueError, match="norm"):
        gg.watch(gg.grad(lambda x: x)).series("size")
