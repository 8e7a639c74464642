"""In-place writes that reach beyond the function: arguments, arrays made outside, dtypes, layouts.

What may be written keeps its effect; what would cut a gradient is refused, and the caller's array
is left as it was. Writes within the function are in `test_in_place`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassgrad as gg

from .support.compare import same

# Functions that write to their arguments are traced at every call, with a notice.
pytestmark = pytest.mark.filterwarnings("ignore::glassgrad.errors.GlassgradWarning")

X, Y = np.array([0.5, -1.2, 2.1]), np.array([1.5, 0.3, -0.7])
M = np.array([[1.1, 2.05, 3.2], [4.1, 5.3, 6.6]])
S = np.array([[1.0, 2], [3, 4.5]])


class Model:
    def __init__(self) -> None:
        self.buffer = np.zeros(3)


# -- arguments written to --------------------------------------------------------------------------


def test_a_write_to_an_argument_stays_and_the_gradient_is_at_entry() -> None:
    def f(x, y):
        x *= y
        x[0] = y[1]
        return np.sum(x * x)

    same(f, X, Y)
    x = X.copy()
    g = gg.grad(f)
    dx = g(x, Y)
    np.testing.assert_array_equal(x, [Y[1], X[1] * Y[1], X[2] * Y[2]])
    np.testing.assert_allclose(dx, [0.0, 2 * X[1] * Y[1] ** 2, 2 * X[2] * Y[2] ** 2])


def test_a_write_to_a_passive_argument_stays() -> None:
    def f(x, log):
        log[0] += 1
        return np.sum(x * x) * log[0]

    g = gg.grad(f)
    log = np.zeros(1)
    for n in (1, 2, 3):
        np.testing.assert_allclose(g(X, log), 2 * n * X)
        assert log[0] == n


def test_the_same_array_twice() -> None:
    g = gg.grad(lambda a, b: np.sum(a * b * b), (0, 1))
    for _ in range(2):
        da, db = g(X, X)
        np.testing.assert_allclose(da, X * X)
        np.testing.assert_allclose(db, 2 * X * X)
        assert da is not db


@pytest.mark.parametrize(
    "pair", [lambda x: (x, x), lambda x: (x[:2], x[1:]), lambda x: (x, x[::-1])]
)
def test_arguments_in_one_memory_may_not_be_written_to(pair: Any) -> None:
    def f(first, second):
        total = np.sum(second * second)
        first *= 2
        return total + np.sum(first * second)

    with pytest.raises(
        gg.errors.NotDifferentiableError, match=r"first is written to.*second.*copy"
    ):
        gg.grad(f, (0, 1))(*pair(X.copy()))


def test_interleaved_views_are_not_one_memory() -> None:
    def f(first, second):
        first *= 2
        return np.sum(first * second)

    x = np.array([1.0, 2, 3, 4])
    first, second = gg.grad(f, (0, 1))(x[::2], x[1::2])
    np.testing.assert_array_equal(first, [4.0, 8.0])
    np.testing.assert_array_equal(second, [2.0, 6.0])


def test_a_nest_of_arrays_written_to() -> None:
    def f(p):
        p["w"] *= p["b"]
        p["list"][0][0] = p["b"]
        return np.sum(p["w"]) + np.sum(p["list"][0] ** 2)

    p = {"w": X.copy(), "b": 2.0, "list": [Y.copy()]}
    g = gg.grad(f)(p)
    np.testing.assert_array_equal(g["w"], [2.0, 2.0, 2.0])
    np.testing.assert_array_equal(g["list"][0], [0.0, *(2 * Y[1:])])
    assert g["b"] == pytest.approx(np.sum(X) + 4.0)
    np.testing.assert_array_equal(p["w"], 2 * X)
    assert p["list"][0][0] == 2.0


# -- arrays made outside ----------------------------------------------------------------------------


OUTSIDE = np.zeros(3)


@pytest.mark.parametrize("write", [
    lambda x: OUTSIDE.__setitem__(0, x[0]), lambda x: OUTSIDE.__setitem__(slice(None), x),
    lambda x: np.add(x, 1, out=OUTSIDE), lambda x: OUTSIDE.__iadd__(x), lambda x: OUTSIDE.fill(x[0]),
    lambda x: np.copyto(OUTSIDE, x), lambda x: OUTSIDE.put([0], x[0]), lambda x: np.add.at(OUTSIDE, [0], x[0]),
])  # fmt: skip
def test_a_differentiable_value_may_not_go_outside(write: Any) -> None:
    def f(x):
        write(x)
        return np.sum(x * OUTSIDE)

    OUTSIDE[...] = 5.0
    with pytest.raises(gg.errors.GlassgradError) as caught:
        gg.grad(f)(X)
    assert "test_writes_outside.py" in str(caught.value)
    np.testing.assert_array_equal(OUTSIDE, [5.0, 5.0, 5.0])


def test_the_message_names_the_mend() -> None:
    def f(x):
        OUTSIDE[0] = x[0]
        return np.sum(x * OUTSIDE)

    with pytest.raises(gg.errors.NotDifferentiableError, match=r"OUTSIDE\[0\] = x\[0\].*inside"):
        gg.grad(f)(X)


def test_the_buffer_of_an_object_is_outside_too() -> None:
    model = Model()

    def f(x):
        model.buffer[:] = x * 2
        return np.sum(model.buffer)

    with pytest.raises(gg.errors.NotDifferentiableError, match=r"model\.buffer"):
        gg.grad(f)(X)
    np.testing.assert_array_equal(model.buffer, np.zeros(3))


def test_stop_gradient_goes_outside() -> None:
    def f(x):
        OUTSIDE[:] = gg.stop_gradient(x)
        return np.sum(x * x)

    g = gg.grad(f)
    for x in (X, Y, X):
        np.testing.assert_allclose(g(x), 2 * x)
        np.testing.assert_array_equal(OUTSIDE, x)


def test_a_constant_array_changed_after_its_use() -> None:
    def f(x):
        k = np.array([1, 2, 3])  # whole numbers: a plain array
        y = x * k
        k[0] = 10
        z = x * k
        k *= 2
        return np.sum(y * y) + np.sum(z) + np.sum(x * k)

    same(f, X)


def test_an_outside_array_changed_within_the_call() -> None:
    table = np.array([1.0, 2.0, 3.0])

    def f(x):
        a = np.sum(x * table)
        table[0] += 1.0
        return a * np.sum(x * table)

    g = gg.value_and_grad(f)
    for _ in range(3):
        now = table.copy()
        after = now + [1, 0, 0]
        value, dx = g(X)
        assert value == np.sum(X * now) * np.sum(X * after)
        np.testing.assert_allclose(dx, now * np.sum(X * after) + after * np.sum(X * now))
        np.testing.assert_array_equal(table, after)


def test_a_list_of_numbers_changed_within_the_call() -> None:
    def f(x):
        row = [0.0, 0.0]
        row[0] = x[0]
        a = np.array(row)
        row[1] = x[1]
        b = np.array(row)
        return np.sum(a * b) + np.sum(b)

    same(f, X)


# -- dtypes -----------------------------------------------------------------------------------------


def test_integer_arrays_refuse_what_they_would_cut() -> None:
    def into(x):
        k = np.zeros(3, int)
        k[:] = x
        return np.sum(x * k)

    def update(x):
        k = np.arange(3)
        k += x
        return np.sum(k)

    with pytest.raises(gg.errors.NotDifferentiableError):
        gg.grad(into)(X)
    with pytest.raises((gg.errors.GlassgradError, TypeError)):
        gg.grad(update)(X)


def test_integer_arrays_hold_indices_and_counts() -> None:
    def f(x):
        order = np.zeros(3, int)
        order[0] = 2
        order[1:] += 1
        counts = np.zeros(2, dtype=int)
        counts[0] += int(x[2])
        return np.sum(x[order] ** 2) * counts[0]

    same(f, X)
    g = gg.grad(f)
    for last in (2.1, 3.2, 2.4):
        x = np.array([0.5, -1.2, last])
        np.testing.assert_allclose(g(x), int(last) * np.array([0, 4 * x[1], 2 * x[2]]))


def test_a_float32_buffer_rounds_what_is_written() -> None:
    def f(x):
        b = np.zeros(3, np.float32)
        b[:] = x
        b *= x.astype(np.float32)
        b[0] += x[1]
        return np.sum(b * x)

    g = gg.value_and_grad(f)
    expected = np.array([2 * X[0] * X[0] + X[0] * X[0] + X[1], 3 * X[1] ** 2 + X[0], 3 * X[2] ** 2])
    for _ in range(2):
        value, dx = g(X)
        assert value == f(X) and dx.dtype == np.float64
        np.testing.assert_allclose(dx, expected, rtol=1e-6)


def test_a_float32_argument_in_a_float64_buffer() -> None:
    def f(x):
        b = np.zeros(3)
        b[:] = x
        b *= 1.5
        return np.sum(b * b)

    g = gg.value_and_grad(f)
    x = X.astype(np.float32)
    for _ in range(2):
        value, dx = g(x)
        assert value == f(x) and dx.dtype == np.float32
        np.testing.assert_allclose(dx, 4.5 * x, rtol=1e-6)


def test_casts_numpy_refuses_are_refused() -> None:
    def f(x):
        k = np.zeros(3, np.float32)
        np.add(x, 1, out=k, casting="no")
        return np.sum(k * x)

    with pytest.raises((TypeError, gg.errors.UnsupportedError)):
        gg.grad(f)(X)


# -- layout in memory --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flat", [lambda y: y.ravel(), lambda y: y.reshape(-1), lambda y: np.ravel(y)]
)
def test_a_view_or_a_copy_depends_on_the_layout(flat: Any) -> None:
    def f(m):
        y = m * 2
        v = flat(y)
        v *= 3
        return np.sum(y * y * m)

    g = gg.value_and_grad(f)
    F = np.asfortranarray(M)
    assert f(M) != f(F)
    for m in (M, F, M, F):
        value, dm = g(m)
        assert value == f(m)
        np.testing.assert_allclose(dm, (108 if m is M else 12) * m**2)


# -- what may not happen ------------------------------------------------------------------------------


def test_an_inner_gradient_writes_nothing_of_the_outer() -> None:
    def passed(x):
        y = x * 1

        def inner(a):
            a *= 2
            return np.sum(a * a)

        return np.sum(gg.grad(inner)(y) * y)

    def captured(x):
        y = x * 1

        def inner(s):
            y[0] = s
            return np.sum(y * s)

        return gg.grad(inner)(2.0) * np.sum(y)

    for f in (passed, captured):
        with pytest.raises(gg.errors.NotDifferentiableError, match=r"copy|return the value"):
            gg.grad(f)(X)


def test_a_captured_buffer_is_what_it_was_when_it_was_read() -> None:
    def f(x):
        buffer = np.zeros(2)
        buffer[0], buffer[1] = x, x * x

        def inner(y):
            z = np.sum(y * buffer)
            buffer[0] = 100.0
            return z

        return gg.grad(inner)(2.0)

    for _ in range(2):
        value, slope = gg.value_and_grad(f)(3.0)
        assert (value, slope) == (12.0, 7.0)


def test_a_result_shares_no_memory_with_anything() -> None:
    g = gg.value_and_grad(lambda x, y: np.sum(x * y), (0, 1))
    x, y = X.copy(), Y.copy()
    for _ in range(2):
        _, (dx, dy) = g(x, y)
        assert not any(np.shares_memory(a, b) for a in (dx, dy) for b in (x, y))
        dx[...], dy[...] = 7, 8
        np.testing.assert_array_equal(g(x, y)[1][0], Y)
    dx, dy = gg.grad(lambda x, y: np.sum(x + y), (0, 1))(x, y)
    dx[0] = 5
    assert dy[0] == 1.0
    _, pullback = gg.vjp(lambda x: x, x)
    (dx,) = pullback(Y)
    assert dx is not Y and not np.shares_memory(dx, Y)
