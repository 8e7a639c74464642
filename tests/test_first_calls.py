"""The calls before anything is compiled: gate by gate, on numbers, by the gates' own rules."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.passes import walkable
from glassgrad.runtime import paths
from glassgrad.runtime.arguments import resolve
from glassgrad.runtime.gradient import recorded_call
from glassgrad.runtime.interpret import evaluate
from glassgrad.runtime.paths import Path

A = np.array([[1.2, -0.7, 0.4], [0.3, 2.1, -1.6]])


def by_circuit(function: Callable[..., Any], *args: Any) -> tuple[Any, list[Any]]:
    """Value and gradients as the backward circuit has them."""
    arguments = resolve(args, {}, lambda n: True, [f"x{n}" for n in range(len(args))])
    path = Path(recorded_call(function, arguments, False, ()))
    with np.errstate(all="ignore"):
        value, *found = evaluate(path.circuit(False), path.recorded.values)
    return value, found


def agree(function: Callable[..., Any], *args: Any) -> None:
    """Calls 1 to 4 give what the circuit gives."""
    value, expected = by_circuit(function, *args)
    both = gg.value_and_grad(function, argnums=tuple(range(len(args))))
    for _ in range(4):
        again, found = both(*args)
        assert again == value
        for g, e, a in zip(found, expected, args, strict=True):
            dtype = np.asarray(a).dtype
            assert type(g) is type(a) and np.asarray(g).dtype == dtype
            np.testing.assert_allclose(g, e, rtol=1e-5 if dtype == np.float32 else 1e-13)


# -- values that were overwritten ------------------------------------------------------------------


def set_after_use(x):
    y = x * 1.0
    z = np.sin(y)
    y[0] = 5.0
    return np.sum(z * y)


def added_after_use(x):
    y = x * 2.0
    z = np.exp(y)
    y += x
    return np.sum(z * y)


def through_a_view(x):
    y = x * 1.0
    z = np.cos(y)
    row = y[1]
    row[:] = 7.0 * x[0]
    return np.sum(z * y * y)


def through_a_transpose(x):
    y = x * 1.0
    z = y * y * y
    y.T[0] = x[:, 1]
    return np.sum(z * np.sin(y))


def through_a_reshape(x):
    y = x * 1.0
    flat = y.reshape(-1)
    z = np.tanh(flat)
    flat[::2] *= 3.0
    return np.sum(z * flat) + np.sum(y**3)


def through_a_flip(x):
    y = x * 1.0
    z = np.exp(y)
    turned = np.flip(y, 0)
    turned[0] = x[1] ** 2
    return np.sum(z * y) + np.sum(np.sin(turned))


def a_view_read_again(x):
    y = x * 1.0
    row = y[0]
    z = np.sin(row)
    y[...] = 2.0 * x
    return np.sum(z * row * row)


def a_view_of_a_view(x):
    y = x * 1.0
    inner = y.T[1:][:, 0]
    z = np.exp(inner)
    y *= 0.5
    inner += 1.0
    return np.sum(z * inner**2) + np.sum(y**2)


def overwritten_twice(x):
    y = np.zeros((2, 3))
    total = 0.0
    for i in range(3):
        y[:, i] = x[:, i] * np.sum(y)
        total = total + np.sum(np.sin(y + x))
        y[0] = y[0] * x[0]
    return total + np.sum(y**2)


def out_argument(x):
    y = x * 1.0
    z = np.sin(y)
    np.multiply(x, 3.0, out=y)
    return np.sum(z * y)


def sorted_in_place(x):
    y = x * 1.0
    z = np.exp(y)
    y.sort()
    return np.sum(z * y)


def made_from_a_list(x):
    y = np.array([1.0, 2.0, 3.0])
    z = x * y
    y[1] = 9.0
    return np.sum(z * np.sin(x * y))


WRITES = [set_after_use, added_after_use, through_a_view, through_a_transpose, through_a_reshape,
          through_a_flip, a_view_read_again, a_view_of_a_view, overwritten_twice, out_argument,
          sorted_in_place, made_from_a_list]  # fmt: skip


@pytest.mark.parametrize("function", WRITES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_no_rule_sees_a_value_that_was_overwritten(function: Any, dtype: Any) -> None:
    agree(function, A.astype(dtype))


def test_an_argument_that_is_written_to() -> None:
    def f(x: Any) -> Any:
        z = np.sin(x)
        x[0] = 2.0
        return np.sum(z * x)

    with pytest.warns(gg.errors.GlassgradWarning):
        found = gg.grad(f)(A.copy())
    expected = np.cos(A) * np.vstack([np.full(3, 2.0), A[1]])
    expected[1] += np.sin(A[1])
    np.testing.assert_allclose(found, expected, rtol=1e-14)


# -- numbers on wires, and literals ----------------------------------------------------------------


@pytest.mark.parametrize("kind", [float, np.float64, np.float32])
@pytest.mark.parametrize("n", [0.0, 0.5, 1.0, 2.0, -1.0, 3.7])
def test_an_exponent_on_a_wire_is_no_literal(kind: Any, n: float) -> None:
    x = 1.7
    dn = gg.grad(lambda x, n: x**n, argnums=1)(kind(x), kind(n))
    assert dn == pytest.approx(x**n * math.log(x), rel=1e-6)
    dx = gg.grad(lambda x, n: np.sum(x**n))(np.array([x, 2.0]), kind(n))
    np.testing.assert_allclose(dx, n * np.array([x, 2.0]) ** (n - 1), rtol=1e-6)


@pytest.mark.parametrize("kind", [float, np.float64])
@pytest.mark.parametrize("bound", [0.0, 1.0, -2.0])
def test_a_bound_on_a_wire_is_no_literal(kind: Any, bound: float) -> None:
    agree(lambda x, b: np.sum(np.maximum(x, b) * x), A, kind(bound))
    agree(lambda x, b: np.sum(np.minimum(b, x) * b), A, kind(bound))


def test_the_same_number_on_a_wire_and_as_a_literal() -> None:
    agree(lambda x, n: np.sum(x**2.0 + x**n), A + 3.0, 2.0)


def test_zero_times_infinity_is_no_zero() -> None:
    """An int 0 on a wire is not the 0 that stands in a rule."""

    g = gg.grad(lambda x, n: np.sqrt(x * n))
    found = [g(2.0, 0) for _ in range(3)]
    with gg.backend("numpy"):
        found.append(g(2.0, 0))
    assert np.isnan(found).all()


# -- what is handed out ----------------------------------------------------------------------------

SHARING: list[Callable[..., Any]] = [
    lambda x, y: np.sum(x + y),
    lambda x, y: np.sum(x + y.reshape(3, 2).T.T.reshape(2, 3)),
    lambda x, y: np.sum(x * y),
    lambda x, y: np.sum(np.stack([x, y])),
    lambda x, y: np.sum(x[0]) + np.sum(y),
    lambda x, y: np.mean(x.T) - np.mean(y),
    lambda x, y: np.sum((x.reshape(-1) + y.reshape(-1)) ** 2),
]


@pytest.mark.parametrize("function", SHARING)
def test_gradients_are_memory_of_their_own(function: Any) -> None:
    x, y = A.copy(), A.copy() + 1.0
    both = gg.grad(function, argnums=(0, 1))
    for _ in range(4):
        dx, dy = both(x, y)
        for g in (dx, dy):
            assert g.flags.writeable and g.flags.c_contiguous
            assert not np.shares_memory(g, x) and not np.shares_memory(g, y)
        assert not np.shares_memory(dx, dy)
    np.testing.assert_array_equal(x, A)


def test_aux_is_memory_of_its_own() -> None:
    x = A.copy()
    both = gg.grad(lambda x: (np.sum(x * 2.0), (x, x.T)), has_aux=True)
    for _ in range(4):
        _, (same, turned) = both(x)
        assert not np.shares_memory(same, x) and not np.shares_memory(turned, x)


def test_a_read_in_a_loop_adds_up_once() -> None:
    """Gradients of parts are added in place: to no array that something else still reads."""

    def f(x: Any) -> Any:
        y = x * 1.0
        total = np.sum(y * y) + np.sum(y)
        for i in range(2):
            total = total + np.sum(y[i] ** 2) + y[i, 1]
        return total + np.sum(y)

    agree(f, A)


def test_a_part_is_added_to_no_gradient_of_another() -> None:
    """The sum hands one gradient to both summands, and the part that was read adds to one."""

    def f(x: Any, z: Any) -> Any:
        y = x * 1.0
        part = np.sum(y[0] * 3.0)
        w = y + z
        return np.sum(w * w) + part

    agree(f, A, A - 1.0)


# -- no circuit ------------------------------------------------------------------------------------


def network(x, w):
    h = np.tanh(x @ w.T)
    y = np.zeros(4)
    y[:2] = h[0] * 2.0
    y[2:] += h[1]
    return np.sum(np.maximum(y, 0.1) ** 2) + np.mean(h / (1.0 + h * h))


def test_the_first_calls_need_no_circuit(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("a backward circuit was built")

    expected = gg.grad(network, argnums=(0, 1))(A, A + 1.0)
    monkeypatch.setattr(paths, "gradient_circuit", refuse)
    monkeypatch.setattr(Path, "_count", lambda self: None)  # never worth native code
    fresh = gg.grad(lambda *args: network(*args), argnums=(0, 1))
    for _ in range(4):
        for found, wanted in zip(fresh(A, A + 1.0), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_another_branch_is_noticed_at_the_second_call() -> None:
    g = gg.grad(lambda x: x * x if x > 0 else -3.0 * x)
    assert [g(2.0), g(-1.0), g(3.0), g(-2.0)] == [4.0, -3.0, 6.0, -3.0]


def test_only_products_that_are_asked_for() -> None:
    """The gradient of the data is not computed; its shape would need 8 TB."""
    data = np.broadcast_to(1.0, (1_000_000, 1_000_000))[:, :3]
    found = gg.grad(lambda w: np.sum(np.matmul(data[:4], w)))(np.ones(3))
    np.testing.assert_array_equal(found, np.full(3, 4.0))


def test_many_writes_into_a_large_array_are_left_to_a_program() -> None:
    def f(x: Any) -> Any:
        y = np.zeros(3000)
        for i in range(1500):
            y[i] = x[i] * x[i + 1]
        return np.sum(y)

    x = np.linspace(0.0, 1.0, 3000)
    arguments = resolve((x,), {}, lambda n: True, ["x"])
    assert not walkable(recorded_call(f, arguments, False, ()).circuit)
    expected = np.zeros(3000)
    expected[:1500] += x[1:1501]
    expected[1:1501] += x[:1500]
    g = gg.grad(f)
    for _ in range(2):
        np.testing.assert_allclose(g(x), expected, rtol=1e-15)


# -- warnings --------------------------------------------------------------------------------------


def test_a_warning_comes_once_a_call() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.log(x))

    g = gg.grad(f)
    for _ in range(4):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            g(np.array([0.0, 1.0]))
        assert [str(w.message) for w in seen] == ["divide by zero encountered in log"]


# -- beginning -------------------------------------------------------------------------------------


def test_importing_loads_nothing_that_a_first_call_does_not_need() -> None:
    code = (
        "import sys, glassgrad as gg, numpy as np\n"
        "gg.grad(lambda x: np.sum(x**2))(np.ones(3))\n"
        "print([m for m in ('scipy', 'llvmlite', 'rich', 'typer') if m in sys.modules])"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env,
                           check=True)  # fmt: skip
    assert found.stdout.strip() == "[]"
