"""In-place writes, views and aliases mean what they mean in NumPy.

Every function here is run as it stands with plain NumPy; value, effect on the arguments and the
gradient (against differences) must agree, at the first call and at the second.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
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


# -- writes --------------------------------------------------------------------------------------


def aliased(x):
    y = x**2
    z = y
    y += x**2
    return np.sum(z)


def the_peers_fail_here(x):
    y = x * 1.0
    z = y
    y += x**2
    return np.sum(z)


def items(x):
    y = np.zeros(4)
    y[0] = x[0]
    y[1:3] = x[1:] * y[0]
    y[-1] = y[1] * y[2]
    y[[0, 1]] = y[[1, 0]]
    y[...] *= 2
    return np.sum(y * y)


def same_item_twice(x):
    y = x * 1
    y[0] = y[0] * y[1]
    y[0] = y[0] * y[2]
    y[np.array([1, 1])] = x[:2]
    y[np.array([2, 2])] += x[:2]
    return np.sum(y * x)


def every_operator(x):
    y = x * 1
    z = y
    y += 1
    y -= x
    y *= x
    y /= 2 + x * x
    y **= 2
    y %= 0.7
    y += x
    y //= 0.25
    y += x
    return np.sum(z * x)


def matmul_in_place(s):
    y = s * 1
    z = y
    y @= s
    return np.sum(z * z)


def of_itself(x):
    y = x * 1
    y *= y
    y += y[::-1]
    y[1:] = y[:-1]
    y[:-1] += y[1:]
    y -= y.mean()
    return np.sum(y * x)


def swapped(x):
    y = x * 1
    y[0], y[2] = y[2], y[0]
    a, b = y[:1], y[1:2]
    t = a.copy()
    a[:] = b
    b[:] = t
    return y[0] + 2 * y[1] ** 2 + 3 * y[2] ** 3


def through_masks(m):
    y = m * 1
    y[y > 3] *= m[0, 1]
    y[(y > 2) & (y < 4)] = 0.5
    y[:, np.array([True, False, True])] += m[:, :1]
    y[np.array([True, False]), 1] = m[1, 2]
    y[y > 10] = y[y > 10][::-1]
    return np.sum(y * m)


def through_indices(m):
    y = m * 1
    y[[0, 1], [1, 2]] *= 2
    y[np.array([0, 0])] += m
    y[np.ix_([0, 1], [0, 2])] -= m[:, :2]
    y[..., 0] = m[:, 1]
    y[1, ::-1] = y[0]
    y[:, None, 2] += m[:, 1:2]
    return np.sum(y * y)


def with_lists(x):
    y = np.zeros((2, 2))
    y[:] = [[x[0], 1.0], [2.0, x[1]]]
    y[0] = [x[2], x[0]]
    y += [1.0, 2.0]
    y[1] *= (x[0], 3.0)
    return np.sum(y * y)


def scalars_are_not_arrays(x):
    s = x[0]
    t = s
    s += x[1]
    s *= 2
    return s * t


def zero_d(x):
    y = np.array(x[0])
    z = y
    y += x[1]
    y[...] = y * x[2]
    y[()] *= 2
    return z * x[0]


def deleted_names(x):
    y = x * 1
    v = y[:2]
    del y
    v *= x[2]
    return np.sum(v)


@pytest.mark.parametrize("f, args", [
    (aliased, (X,)), (the_peers_fail_here, (X,)), (items, (X,)), (same_item_twice, (X,)),
    (every_operator, (X,)), (matmul_in_place, (S,)), (of_itself, (X,)), (swapped, (X,)),
    (through_masks, (M,)), (through_indices, (M,)), (with_lists, (X,)), (scalars_are_not_arrays, (X,)),
    (zero_d, (X,)), (deleted_names, (X,)),
])  # fmt: skip
def test_writes(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    same(f, *args)


def test_the_sum_of_an_alias_is_one_plus_two_x() -> None:
    np.testing.assert_array_equal(gg.grad(the_peers_fail_here)(X), 1 + 2 * X)


# -- views ---------------------------------------------------------------------------------------


VIEWS: dict[str, Callable[[Any], Any]] = {
    "[:1]": lambda y: y[:1],
    "[0]": lambda y: y[0],
    "[:, 1]": lambda y: y[:, 1],
    "[::-1]": lambda y: y[::-1],
    "[:, ::2]": lambda y: y[:, ::2],
    "[None]": lambda y: y[None],
    "[...]": lambda y: y[...],
    ".T": lambda y: y.T,
    ".T[0]": lambda y: y.T[0],
    ".transpose(1, 0)": lambda y: y.transpose(1, 0),
    ".swapaxes": lambda y: y.swapaxes(0, 1),
    "moveaxis": lambda y: np.moveaxis(y, 0, 1),
    ".reshape(3, 2)": lambda y: y.reshape(3, 2),
    ".reshape(-1)[2:]": lambda y: y.reshape(-1)[2:],
    "T.reshape: a copy": lambda y: y.T.reshape(-1),
    ".ravel()": lambda y: y.ravel(),
    "T.ravel: a copy": lambda y: y.T.ravel(),
    ".flatten(): a copy": lambda y: y.flatten(),
    "expand_dims": lambda y: np.expand_dims(y, 0)[0, 1],
    "squeeze": lambda y: np.squeeze(y[:, :1]),
    "flip": lambda y: np.flip(y),
    "fliplr": lambda y: np.fliplr(y)[0],
    "rot90": lambda y: np.rot90(y)[0],
    "atleast_3d": lambda y: np.atleast_3d(y)[0],
    "asarray": lambda y: np.asarray(y),
    "array: a copy": lambda y: np.array(y),
    "copy": lambda y: y.copy(),
    "view()": lambda y: y.view(),
    "real": lambda y: y.real,
    "split": lambda y: np.split(y, 3, axis=1)[1],
    "vsplit": lambda y: np.vsplit(y, 2)[1],
    "array_split": lambda y: np.array_split(y, 2, axis=1)[0],
    "iteration": lambda y: list(y)[1],
    "unpacking": lambda y: (lambda a, b: b)(*y),
    "[[0, 1]]: a copy": lambda y: y[[0, 1]],
    "mask: a copy": lambda y: y[y > 2],
    "take: a copy": lambda y: y[np.array([1])],
    "asarray(dtype)": lambda y: np.asarray(y, dtype=float),
    "astype(copy=False)": lambda y: y.astype(float, copy=False),
    "astype: a copy": lambda y: y.astype(float),
    "ascontiguousarray": lambda y: np.ascontiguousarray(y),
}


@pytest.mark.parametrize("how", VIEWS)
def test_writes_through_a_view(how: str) -> None:
    view = VIEWS[how]

    def f(m):
        y = m * 1.0
        v = view(y)
        v *= 3 + m[0, 0]
        w = view(y)
        w += m[1, 1]
        return np.sum(y * y * m) + np.sum(v * v) + np.sum(w)

    same(f, M)


@pytest.mark.parametrize("how", VIEWS)
def test_writes_behind_a_view(how: str) -> None:
    view = VIEWS[how]

    def f(m):
        y = m * 1.0
        v = view(y)
        y *= 2 + m
        y[0, 0] = m[1, 1] ** 2
        return np.sum(v * v)

    same(f, M)


@pytest.mark.parametrize("how", VIEWS)
def test_views_of_an_argument(how: str) -> None:
    view = VIEWS[how]

    def f(m):
        v = view(m)
        v *= 2
        return np.sum(m * m) + np.sum(v)

    same(f, M)


def views_of_views(m):
    y = m * 1
    v = y[:, 1:]
    w = v[::-1]
    u = w.T
    u[0] *= m[0, 0]
    y[1, 1] = m[0, 0]
    v[0] += w[1] * m[1, 2]
    return np.sum(y * y) + np.sum(u * w.T)


def overlapping_windows(x):
    y = np.concatenate([x, x * x])
    windows = [y[i : i + 3] for i in range(4)]
    for n, w in enumerate(windows):
        w *= 0.5 + n * windows[0][0]
    return sum(np.sum(w * w) for w in windows)


def rows_in_a_loop(m):
    y = m * 1
    for n, row in enumerate(y):
        row *= m[0] + n
        row[n] = m[1, 2] * row[2]
    return np.sum(y * y)


@pytest.mark.parametrize("f, args", [
    (views_of_views, (M,)), (overlapping_windows, (X,)), (rows_in_a_loop, (M,))])  # fmt: skip
def test_views_of_views(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    same(f, *args)


def test_views_that_numpy_will_not_write_to() -> None:
    for view in (lambda y: np.broadcast_to(y, (2, 2, 3)), lambda y: np.diagonal(y)):

        def f(m, view=view):
            y = m * 1
            view(y)[...] = 1.0
            return np.sum(y)

        with pytest.raises(ValueError, match="read-only"):
            f(M)
        with pytest.raises(ValueError, match="read-only"):
            gg.grad(f)(M)


def einsum_diagonal(s):
    y = s * 1
    np.einsum("ii->i", y)[...] = s[0, 0]
    return np.sum(y * s)


def einsum_transposed(s):
    y = s * 1
    v = np.einsum("ij->ji", y)
    v *= 2
    v[0] += s[1]
    return np.sum(y * s)


@pytest.mark.parametrize("f", [einsum_diagonal, einsum_transposed])
def test_views_einsum_makes(f: Callable[..., Any]) -> None:
    same(f, S)


# -- functions that write --------------------------------------------------------------------------


def out_parameter(x, y):
    z = np.empty(3)
    np.add(x, y, out=z)
    np.multiply(z, y, out=z)
    w = np.zeros((2, 3))
    np.subtract(x, z, out=w[1])
    np.exp(x, out=w[0])
    np.maximum(w, y, out=w)
    np.negative(w[1], w[1])
    return np.sum(w * z)


def out_of_reductions(x, y):
    z = np.zeros(3)
    np.cumsum(x, out=z)
    np.sum(np.outer(x, z), axis=1, out=z)
    np.dot(np.outer(x, x), y, out=z)
    np.matmul(np.outer(x, y), z, out=z)
    s = np.zeros(1)
    np.sum(z * y, keepdims=True, out=s)
    z.clip(-1, 1, out=z)
    return np.sum(z * x) * s[0]


def out_with_where(x, y):
    z = x * y
    np.add(x, y, out=z, where=x > 0)
    np.divide(1.0, x, out=z, where=x > 1)
    return np.sum(z * z)


def copyto(x, y):
    z = x * y
    np.copyto(z, y * x, where=x > 0)
    np.copyto(z[:1], x[1:2])
    return np.sum(z * z)


def put(x, y):
    z = x * y
    np.put(z, [0, 2], y[:2])
    z.put([1], x[0])
    return np.sum(z * z)


def fill_diagonal(s):
    z = s * 1
    np.fill_diagonal(z, s[0])
    np.fill_diagonal(z.T, 2.0 * z[0, 1])
    return np.sum(z * z * s)


def add_at(x, y):
    z = x * y
    np.add.at(z, [0, 0, 2], y)
    np.subtract.at(z, np.array([1, 1]), x[:2])
    np.add.at(z, (slice(0, 2),), x[1:])
    return np.sum(z * z)


def methods_that_write(x):
    z = x * x
    z.sort()
    w = x * 1
    w.fill(x[0])
    w.flat[1] = x[0] * x[1]
    z.flat = z * w
    return z[0] * z[1] + z[2] + np.sum(w)


def put_along_axis(m):
    z = m * 1
    np.put_along_axis(z, np.array([[0], [2]]), m[:, :1] * 3, axis=1)
    return np.sum(z * z)


def putmask(x, y):
    z = x * y
    np.putmask(z, z > 0, y)
    return np.sum(z * z)


@pytest.mark.parametrize("f, args", [
    (out_parameter, (X, Y)), (out_of_reductions, (X, Y)), (out_with_where, (X, Y)), (copyto, (X, Y)),
    (put, (X, Y)), (fill_diagonal, (S,)), (add_at, (X, Y)), (methods_that_write, (X,)),
    (put_along_axis, (M,)), (putmask, (X, Y)),
])  # fmt: skip
def test_functions_that_write(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    same(f, *args)


def fill(buffer, value):
    buffer[...] = value


def scale(buffer, by=2.0):
    buffer *= by
    return buffer


def helpers(x):
    b = np.zeros(6)
    fill(b[:3], x)
    fill(b[3:], x * x)
    fill(b[::2], scale(b[1::2], x[0]))
    scale(b)
    return np.sum(b * b)


class Model:
    def __init__(self) -> None:
        self.buffer = np.zeros(3)

    def own(self, x):
        state = np.zeros(3)
        for i in range(3):
            state[i] = x[i] * (state[i - 1] + 1)
            state[: i + 1] *= 0.9
        return np.sum(state * state)


def creators(x):
    total = 0.0
    for made in (np.zeros(3), np.ones(3), np.full(3, 2.0), np.zeros_like(x), np.ones_like(x),
                 np.full_like(x, 0.5), np.arange(3.0), np.linspace(0, 1, 3), np.eye(3)[0],
                 np.array([1.0, 2, 3]), np.asarray([1.0, 2, 3]), np.copy(x), x.copy(), np.full(3, x[0]),
                 np.zeros((3,)), np.ones((3,), dtype=np.float64), np.full_like(x, x[1]), np.identity(3)[1]):  # fmt: skip
        made[1] = x[0]
        made[2:] += x[2]
        made[0] = made[1] * made[2]
        total = total + np.sum(made * made)
    return total


def copies(x):
    made = [copy.copy(x * 1), copy.deepcopy(x * 1), (x * 1).copy(), np.copy(x * 1), np.array(x * 1)]
    originals = copy.deepcopy(made)
    for n, m in enumerate(made):
        m *= x[0] + n
        originals[n][0] = m[1]
    return sum(np.sum(a * b) for a, b in zip(made, originals, strict=True))


@pytest.mark.parametrize("f", [helpers, Model().own, creators, copies])
def test_buffers(f: Callable[..., Any]) -> None:
    same(f, X)
