"""Steps that run together a tile at a time, and what makes fewer or better-lying steps."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.emit.native import available, kernel, native_program, tiles
from glassgrad.emit.native.cutting import Group
from glassgrad.emit.native.products import Product
from glassgrad.passes import for_native
from glassgrad.runtime.interpret import evaluate

from .programs.arrays import program
from .programs.paths import path_of

pytestmark = pytest.mark.skipif(not available(), reason="no LLVM here")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Tiles as short as they can be, wherever they are possible at all."""
    monkeypatch.setattr(tiles, "_SAVES", 1000)
    monkeypatch.setattr(tiles, "_NEAR", 4000)
    return monkeypatch


def groups(f: Any, *args: Any) -> list[Group]:
    made = kernel.kernel(path_of(f, args).circuit(False))
    return [step for step in made.steps if isinstance(step, Group)]


def agree(f: Any, *args: Any, rtol: float = 1e-12) -> None:
    path = path_of(f, args)
    native = native_program(path.circuit(False), path.gradient_types)
    assert native is not None
    found = native(*args)
    assert found is not None
    for a, b in zip(found, evaluate(path.circuit(False), args), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * (1e-3 + np.max(np.abs(b))))


@pytest.mark.parametrize("ranges", [1, 3])
def test_random_programs_in_short_tiles(ranges: int, short: pytest.MonkeyPatch) -> None:
    """The programs of `test_loops`, every step that can be cut into tiles cut into tiles."""
    short.setattr(tiles, "ranges", lambda length, work: min(length, ranges))
    short.setattr(tiles, "cores", lambda: ranges)
    cut = 0
    for seed in range(300, 345):
        f, args = program(seed)
        path = path_of(f, args)
        circuit = path.circuit(False)
        native = native_program(circuit, path.gradient_types)
        if native is None:
            continue
        with np.errstate(all="ignore"):
            found, expected = native(*args), evaluate(circuit, args)
        if found is None:
            continue
        made = kernel.kernel(circuit)
        cut += any(isinstance(s, Group) and s.ranges == ranges for s in made.steps)
        for a, b in zip(found, expected, strict=True):
            tolerance = 2e-4 if np.asarray(b).dtype == np.float32 else 1e-9
            scale = float(np.max(np.abs(b))) if np.size(b) else 0.0
            np.testing.assert_allclose(
                a, b, rtol=tolerance, atol=tolerance * (1e-3 + scale), err_msg=f"seed {seed}"
            )
    assert cut > 8


def softmax_regression(w: Any, b: Any, x: Any, y: Any) -> Any:
    scores = x @ w + b
    top = np.max(scores, axis=1, keepdims=True)
    logs = scores - top - np.log(np.sum(np.exp(scores - top), axis=1, keepdims=True))
    return -np.mean(np.sum(logs * y, axis=1))


@pytest.mark.parametrize("n", [4096, 4099])  # a prime number leaves a shorter tile at the end
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_model_runs_over_its_rows(n: int, dtype: Any) -> None:
    rng = np.random.default_rng(1)
    w, b, x, y = (
        rng.normal(size=s).astype(dtype) for s in ((20, 30), (30,), (n, 20), (n, 30))
    )  # fmt: skip
    (group,) = groups(softmax_regression, w, b, x, y)
    assert group.length == n
    assert sum(t.length * t.times for t in group.tilings) == n
    assert sum(isinstance(s, Product) for s in group.tilings[0].steps) >= 2
    agree(softmax_regression, w, b, x, y, rtol=1e-12 if dtype == np.float64 else 1e-4)


def test_a_product_with_a_large_factor_runs_whole() -> None:
    """The library would put that factor in order again for every tile."""
    rng = np.random.default_rng(2)
    w, b, x, y = (rng.normal(size=s).astype(np.float32)
                  for s in ((400, 300), (300,), (1024, 400), (1024, 300)))  # fmt: skip
    agree(softmax_regression, w, b, x, y, rtol=1e-4)
    steps = kernel.kernel(path_of(softmax_regression, (w, b, x, y)).circuit(False)).steps
    assert sum(isinstance(s, Product) for s in steps) == 3


def test_what_one_tile_needs_of_another_is_not_cut(short: pytest.MonkeyPatch) -> None:
    """Shifted rows, reversed rows and sums that are read again keep their order."""

    def f(x: Any) -> Any:
        y = np.tanh(x)
        shifted = y[1:] * y[:-1]
        turned = y[::-1] * y
        share = y / np.sum(y * y, axis=0)
        return np.sum(shifted**2) + np.sum(turned**3) + np.sum(share * np.cumsum(x, axis=0))

    agree(f, np.random.default_rng(2).normal(size=(400, 30)))


def test_a_sum_carried_through_many_tiles_is_as_exact_as_numpys() -> None:
    """Small numbers after a large one are lost where each tile's sum rounds anew."""
    rng = np.random.default_rng(3)
    x = rng.uniform(0.5, 1.5, size=(200_000, 8)) * 1e-3
    x[0] = 1e9

    def f(x: Any) -> Any:
        y = x * 3.0
        return np.sum(y) + 0.0 * np.sum(np.max(y, axis=1) * np.sum(y, axis=1))

    (group,) = groups(f, x)
    assert group.tilings[0].times >= 16
    path = path_of(f, (x,))
    native = native_program(path.circuit(False), path.gradient_types)
    assert native is not None
    exact = math.fsum((x * 3.0).ravel())
    assert (
        abs(float(native(x)[0]) - exact) <= 2 * abs(float(np.sum(x * 3.0)) - exact) + 4e-16 * exact
    )


def test_threads_that_call_what_runs_in_ranges_get_the_same_bits() -> None:
    rng = np.random.default_rng(4)
    w, b, y = rng.normal(size=(20, 30)), rng.normal(size=30), rng.normal(size=(20_000, 30))
    inputs = [rng.normal(size=(20_000, 20)) for _ in range(3)]
    g = gg.grad(softmax_regression, argnums=(0, 1))
    for x in inputs:
        for _ in range(6):
            g(w, b, x, y)
    expected = [g(w, b, x, y) for x in inputs]
    found: list[Any] = [None] * 3

    def work(n: int) -> None:
        for _ in range(5):
            found[n] = g(w, b, inputs[n], y)

    workers = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for one, other in zip(found, expected, strict=True):
        for a, e in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, e)


# -- sums first ----------------------------------------------------------------------------------


def products(f: Any, *args: Any) -> int:
    """How many products of matrices the native way of a gradient has."""
    circuit = for_native(path_of(f, args).circuit(False))
    return sum(g.op.name == "matmul" for g in circuit.gates)


def centred(m: Any, a: Any, x: Any) -> Any:
    return np.sum(np.tanh((x - m) @ a))


def test_a_product_that_is_only_summed_is_summed_first() -> None:
    rng = np.random.default_rng(5)
    m, a, x = rng.normal(size=4), rng.normal(size=(4, 4)), rng.normal(size=(50, 4))
    whole = path_of(lambda m, a: centred(m, a, x), (m, a)).circuit(False)
    native = for_native(whole)
    # (50 x 4)(4 x 4) forward, (4 x 50)(50 x 4) for `a`; and for `m` one of a single row.
    rows = [g.output.shape[0] for g in native.gates if g.op.name == "matmul"]
    assert sorted(rows) == [1, 4, 50]
    agree(lambda m, a: centred(m, a, x), m, a)
    stack = rng.normal(size=(3, 4, 4))
    agree(lambda m, s: np.sum(np.tanh((x[None] - m[:, None]) @ s)), rng.normal(size=(3, 4)), stack)


def test_a_product_that_is_read_elsewhere_stays() -> None:
    rng = np.random.default_rng(6)
    m, a, x = rng.normal(size=4), rng.normal(size=(4, 4)), rng.normal(size=(50, 4))
    # The gradient of each row of x is asked for, too: the product has to be made anyway.
    assert products(centred, m, a, x) == 3
    agree(centred, m, a, x)


# -- how arrays lie ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("d", [1, 2, 3, 10, 15, 16])
def test_short_rows_lie_in_long_ones(d: int, dtype: Any) -> None:
    """Points of few coordinates: products, sums over either axis, slices, transposes, writes."""
    rng = np.random.default_rng(7)
    x, a = rng.normal(size=(70, d)).astype(dtype), rng.normal(size=(5, d, d)).astype(dtype)

    def f(x: Any, a: Any) -> Any:
        y = np.exp(-x * x)
        z = y[None] @ a
        t = np.tanh(z)
        t[:, ::2] *= 2.0
        flat = t.reshape(5, -1)
        return np.sum(flat[:, 1:] * flat[:, :-1]) + np.sum(t.sum(axis=2) ** 2) + np.sum(y.T @ y)

    agree(f, x, a, rtol=1e-11 if dtype == np.float64 else 2e-4)


# -- what is not finite --------------------------------------------------------------------------


def pairs(p: Any) -> Any:
    """N-body energy: points are split, copied in order, and summed in ranges."""
    apart = p[:, None, :] - p[None, :, :]
    return np.sum(1.0 / np.sqrt(np.sum(apart**2, axis=-1) + 0.01))


def turned(m: Any, a: Any, x: Any) -> Any:
    """Points with short rows, read again and again, through products in tiles."""
    return np.sum(np.tanh((x[None] - m[:, None, :]) @ a) ** 2)


def peaks(x: Any, y: Any) -> Any:
    """Extremes and comparisons pass nothing on: what is read has to be tested itself."""
    z = np.where(x > y, x, y)
    return np.sum(np.max(z, axis=1) * np.min(np.where(x > 0, z, 1.0), axis=1))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1, -1])
@pytest.mark.parametrize("model", [softmax_regression, pairs, turned, peaks])
def test_one_number_that_is_not_finite_hands_over(model: Any, place: int, bad: float) -> None:
    """In a tile, a copy or a component, too: no sum, minimum or step may hide it."""
    rng = np.random.default_rng(8)
    shapes = {
        softmax_regression: ((20, 30), (30,), (4096, 20), (4096, 30)),
        pairs: ((700, 3),),
        turned: ((25, 10), (10, 10), (1000, 10)),
        peaks: ((9000, 40), (9000, 40)),
    }[model]
    args = [rng.normal(size=s) for s in shapes]
    assert groups(model, *args)
    path = path_of(model, args)
    native = native_program(path.circuit(False), path.gradient_types)
    assert native is not None and native(*args) is not None
    for n, given in enumerate(args):
        spoilt = given.copy()
        spoilt.reshape(-1)[place] = bad
        assert native(*args[:n], spoilt, *args[n + 1 :]) is None, f"argument {n}"
    assert native(*args) is not None
