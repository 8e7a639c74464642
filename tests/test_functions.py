"""NumPy's everyday functions as users write them: value bit for bit, gradient by differences.

One row a way of writing. Each is run twice (traced, gate by gate, compiled) and in single precision.
"""

import functools
import math

import numpy as np
import pytest

import glassgrad as gg

from .support.tiers import tiers

V = np.array([0.3, -0.7, 1.2, 1.9])
A = np.array([[0.3, -0.7, 1.2], [1.9, 0.45, -1.3], [-0.2, 0.8, 0.6]])
T = np.linspace(-1.0, 2.0, 24).reshape(2, 3, 4) ** 2 - 0.4
W = np.arange(9.0).reshape(3, 3) / 7 - 0.5


def sorted_in_place(x):
    y = x.copy()
    y.sort()
    return np.sum(y * np.arange(4.0))


def written(x):
    y = np.zeros((3, 3), x.dtype)
    np.copyto(y, x)
    np.put(y, [0, 4], x[0, :2] * 2)
    np.fill_diagonal(y, x[1])
    np.put_along_axis(y, np.array([[1], [0], [2]]), x[:, :1], 1)
    np.add.at(y, ([0, 0], [1, 1]), x[0, 0])
    np.putmask(y, y > 10, x)
    return np.sum(y**2 * W)


def through_views(x):
    y = x.copy()
    v = y[:2]
    v *= 10
    y.T[3] += y[0]
    np.add(y, x, out=y)
    y.reshape(2, 2)[1] *= x[:2]
    return np.sum(y * y)


def filled(x):
    y = np.empty(4, x.dtype)
    y.fill(x[0])
    y[1:] = x[1:] ** 2
    y[[0, 2]] += x[3]
    y[y > 1] *= 2
    y.flat[3] = x[1]
    return np.sum(y**2)


ROWS = {
    "operators": (lambda x: np.sum((2 - x) * (x + 1) / (3 + x**2) - (-x) // 5), V),
    "powers": (lambda x: np.sum(x**2 + (x + 3) ** 0.5 + 2**x + abs(x) ** x), V),
    "remainder": (lambda x: np.sum(x % 0.37 + 3.1 % (x + 2)), V),
    "comparisons choose": (lambda x: np.sum(np.where((x > 0) & (x < 1.5), x**2, -x)), V),
    "maximum and minimum": (lambda x: np.sum(np.maximum(x, 0.1) * np.minimum(x, 1.0)), V),
    "clip": (lambda x: np.clip(x, -0.5, 1).sum() + x.clip(0).sum() + np.clip(x, None, 1).sum(), V),
    "hypot, arctan2": (lambda x: np.sum(np.hypot(x, 2) + np.arctan2(x, x + 3)), V),
    "logaddexp": (lambda x: np.sum(np.logaddexp(x, 0) + np.logaddexp2(x, 1)), V),
    "heaviside, sign": (lambda x: np.sum(np.heaviside(x, 0.5) * x + np.sign(x) * x), V),
    "round, floor": (lambda x: np.sum(np.round(x, 1) + np.floor(x) + x * np.ceil(x)), V),
    "sum, mean": (lambda x: np.sum(x, axis=1) @ np.mean(x, axis=0), A),
    "sum over several axes": (lambda x: np.sum(np.sum(x, axis=(0, 2), keepdims=True) ** 2), T),
    "prod": (lambda x: np.prod(x) + np.sum(np.prod(x, axis=1)), A),
    "prod with zeros": (lambda x: np.sum(np.prod(x * (W > 0), axis=0)), A),
    "max, min, ptp": (lambda x: x.max() * 2 + x.min(axis=0).sum() + np.ptp(x), A),
    "max with initial": (lambda x: np.max(x, initial=1.5) + np.min(x, initial=-5.0), V),
    "std, var": (lambda x: x.std() + x.var(ddof=1) + np.sum(x.std(axis=0, keepdims=True)), A),
    "average": (lambda x: np.average(x, weights=np.abs(V)) + np.average(x), V),
    "cumsum, cumprod": (lambda x: np.sum(np.cumsum(x) * np.cumprod(x)), V),
    "cumsum along an axis": (lambda x: np.sum(np.cumsum(x, axis=1) * W + np.cumprod(x, 0)), A),
    "argmax picks": (lambda x: x[np.argmax(x)] ** 2 + x[x.argmin()], V),
    "diff": (lambda x: np.sum(np.diff(x) ** 2) + np.sum(np.diff(x, n=2)), V),
    "trapezoid": (lambda x: np.trapezoid(x**2, np.arange(4.0)), V),
    "slices": (lambda x: np.sum(x[1:] * x[:-1]) + x[-1] + np.sum(x[::-1] * V), V),
    "Ellipsis, newaxis": (lambda x: np.sum(x[..., None, 1] * x[None, :, 0]), A),
    "repeated indices": (lambda x: np.sum(x[[0, 0, 2]] ** 2 * [[1], [2], [3]]), A),
    "mixed indices": (lambda x: np.sum(x[1:, [0, 2]] ** 2) + x[[0, 1], [2, 0]].sum(), A),
    "masks": (lambda x: np.sum(x[x > 0] ** 2) + np.sum(x[(x > 0.5).any(axis=1)]), A),
    "take": (lambda x: np.sum(np.take(x, [0, 0, 2]) ** 2) + np.sum(x.take([1], axis=0)), A),
    "take_along_axis": (lambda x: np.sum(np.take_along_axis(x, np.argsort(x, 1), 1) * W), A),
    "nonzero": (lambda x: np.sum(x[np.nonzero(x > 0)]) + np.sum(x[np.where(x < 0)] ** 2), V),
    "reshape, ravel": (lambda x: x.reshape(2, 2).ravel() @ x.reshape(-1) + x.flatten()[1], V),
    "transpose": (lambda x: np.sum(x.transpose(1, 2, 0)[0] * np.moveaxis(x, 0, 1)[:, :, 0].T[0, 0]), T),
    "swapaxes, squeeze": (lambda x: np.sum(x[:1].swapaxes(1, 2).squeeze(0) ** 2), T),
    "expand_dims, broadcast_to": (lambda x: np.sum(np.broadcast_to(np.expand_dims(x, 0), (3, 4)) ** 3), V),
    "concatenate": (lambda x: np.sum(np.concatenate([x, x[:2] * 2, [1.0]]) ** 2), V),
    "stack and kin": (lambda x: np.sum(np.stack([x, x**2], 1) ** 2) + np.vstack([x, x]).sum() + np.hstack([x, x]).sum() + np.column_stack([x, x * 2]).prod(), V),
    "split": (lambda x: sum(np.sum(p) ** 2 for p in np.split(x, [1, 3])) + np.array_split(x, 3)[0][0], V),
    "tile, repeat": (lambda x: np.sum(np.tile(x, (2, 1)) ** 2) + np.sum(np.repeat(x, [1, 2, 0, 3]) ** 2), V),
    "repeat along the last axis": (lambda x: np.sum(np.repeat(x, 2, axis=-1) ** 2), A),
    "pad": (lambda x: np.sum(np.pad(x, 1) ** 2) + np.sum(np.pad(x, 2, mode="edge") ** 2) + np.sum(np.pad(x, (1, 2), mode="reflect")), V),
    "flip, roll, rot90": (lambda x: np.sum(np.flip(x, 1) * W + np.roll(x, (1, 2), (0, 1)) * W.T + np.rot90(x) * W), A),
    "diag, tril, triu, trace": (lambda x: np.sum(np.diag(x) ** 2) + np.sum(np.tril(x) * np.triu(x)) + np.trace(x, 1) + np.sum(np.diag(x[0], 1) ** 2), A),
    "diagonal": (lambda x: np.sum(np.diagonal(x, offset=1) ** 2) + x.diagonal().sum(), A),
    "products": (lambda x: np.sum(x @ x.T) + np.dot(x[0], x[1]) + np.sum(np.outer(x[0], x[1])) + np.inner(x, x).sum() + np.vdot(x, x), A),
    "dot of a plain array": (lambda x: np.sum(A.dot(x) ** 2), V[:3]),
    "einsum": (lambda x: np.einsum("ij,jk->", x, x) + np.sum(np.einsum("ii->i", x) ** 2), A),
    "tensordot, kron, cross": (lambda x: np.sum(np.tensordot(x, x, 1)) + np.sum(np.kron(x, x) ** 2) + np.sum(np.cross(x, x[0]) ** 2), A),
    "array of elements": (lambda x: np.sum(np.array([[x[0], 2.0], [x[1] * x[2], x[3]]]) ** 2), V),
    "list comprehension": (lambda x: np.array([[v, v * v] for v in x]).sum(), V),
    "list argument": (lambda x: np.sum([x[0] * 2, x[1]]) + np.mean([x[2], x[3] ** 2]), V),
    "plain list operand": (lambda x: np.sum([1.0, 2.0, 3.0, 4.0] * x), V),
    "full, zeros_like": (lambda x: np.sum(np.full(3, x[0]) ** 2) + np.sum(np.zeros_like(x) + x), V),
    "linspace, meshgrid": (lambda x: np.sum(np.linspace(x[0], x[1], 5) ** 2) + np.sum(np.meshgrid(x, x)[0] ** 2), V),
    "sort": (lambda x: np.sum(np.sort(x) * np.arange(4.0)), V),
    "sort along an axis": (lambda x: np.sum(np.sort(x, axis=0) * W), A),
    "sort in place": (sorted_in_place, V),
    "partition": (lambda x: np.partition(x, 1)[1] ** 2, V),
    "select": (lambda x: np.sum(np.select([x > 0.5, x > 0], [x**2, x**3], 0.0)), V),
    "nan_to_num": (lambda x: np.sum(np.nan_to_num(x) ** 2), V),
    "convolve": (lambda x: np.sum(np.convolve(x, [1.0, -2.0, 0.5]) ** 2), V),
    "functions that write": (written, A),
    "writes through views": (through_views, V),
    "filled buffer": (filled, V),
    "Python's own functions": (lambda x: sum(v**2 for v in x) + max(x) * min(x) + abs(x[1]) + sorted(x)[1], V),
    "reduce": (lambda x: functools.reduce(lambda a, b: a * b, x), V),
    "math": (lambda x: math.sin(x[0]) * math.exp(x[1]) + math.hypot(x[2], x[3]) + math.log(x[3], 2) + math.fsum(x), V),
    "methods": (lambda x: (x.T @ x).trace() + x.sum(axis=0).dot(x.mean(axis=1)) + x.item(4) + x.prod(), A),
    "tolist": (lambda x: sum(x.tolist()) + x.astype(float).sum(), V),
    "ufunc methods": (lambda x: np.add.reduce(x) ** 2 + np.multiply.outer(x, x).sum() + np.maximum.reduce(x), V),
    "norms": (lambda x: np.linalg.norm(x) + np.linalg.norm(x, axis=0).sum() + np.linalg.norm(x, 1), A),
}  # fmt: skip


def slope(function, x, direction):
    """The slope along a direction, by Richardson's two central differences."""
    found = []
    for h in (1e-4, 5e-5):
        found.append((function(x + h * direction) - function(x - h * direction)) / (2 * h))
    return (4 * found[1] - found[0]) / 3


@pytest.mark.parametrize("name", ROWS)
def test_value_and_gradient(name):
    function, x = ROWS[name]
    both = gg.value_and_grad(function)
    value, gradient = both(x)
    assert value == function(x) and np.asarray(value).dtype == np.asarray(function(x)).dtype
    assert gradient.shape == x.shape and gradient.dtype == x.dtype
    again, same = both(x)
    assert again == value and np.array_equal(same, gradient)
    with gg.backend("numpy"):
        again, compiled = both(x)
    assert again == value
    np.testing.assert_allclose(compiled, gradient, rtol=1e-14, atol=1e-15)
    rng = np.random.default_rng(len(name))
    for _ in range(3):
        direction = rng.standard_normal(x.shape)
        assert np.sum(gradient * direction) == pytest.approx(
            float(slope(function, x, direction)), rel=1e-6, abs=1e-7
        )


@pytest.mark.parametrize("name", ROWS)
def test_single_precision_stays_single(name):
    function, x = ROWS[name]
    x = x.astype(np.float32)
    both = gg.value_and_grad(function)
    for _ in tiers():
        value, gradient = both(x)
        plain = function(x.copy())
        assert value == plain and np.asarray(value).dtype == np.asarray(plain).dtype
        assert gradient.dtype == np.float32
    wanted = gg.grad(function)(x.astype(np.float64))
    assert np.allclose(gradient, wanted, rtol=2e-4, atol=2e-4 * np.max(np.abs(wanted)))
