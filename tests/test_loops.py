"""Loop nests, products and systems of planned native programs, against the circuit itself."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.emit.native import available, kernel, native_program, threads
from glassgrad.emit.native.steps import Nest
from glassgrad.runtime.interpret import evaluate
from glassgrad.runtime.paths import Path

from .programs.arrays import program
from .programs.paths import path_of
from .support.warm import warm

pytestmark = pytest.mark.skipif(not available(), reason="no LLVM here")


def run(path: Path, args: Any) -> Any:
    """Both answers: the native one (None where it hands over) and the circuit's."""
    circuit = path.circuit(False)
    native = native_program(circuit, path.gradient_types)
    if native is None:
        assert any(0 in w.shape for gate in circuit.gates for w in gate.outputs)
        pytest.skip("an empty array is the NumPy tier's")
    with np.errstate(all="ignore"):
        return native(*args), evaluate(circuit, args)


def agree(f: Any, *args: Any, rtol: float = 1e-11) -> None:
    found, expected = run(path_of(f, args), args)
    assert found is not None
    for a, b in zip(found, expected, strict=True):
        assert np.shape(a) == np.shape(b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        scale = np.max(np.abs(b)) if np.size(b) else 0.0
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * (1e-3 + scale))


@pytest.mark.parametrize("seed", range(150))
def test_random_array_programs(seed: int) -> None:
    """Programs of slices, reductions, products, gathers and writes over arrays of odd sizes."""
    f, args = program(seed)
    path = path_of(f, args)
    found, expected = run(path, args)
    if found is None:  # something was not finite
        assert not all(np.isfinite(np.sum(e)) for e in expected) or _not_finite_within(path, args)
        return
    for a, b in zip(found, expected, strict=True):
        tolerance = 2e-4 if np.asarray(b).dtype == np.float32 else 1e-9
        scale = float(np.max(np.abs(b))) if np.size(b) else 0.0
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * (1e-3 + scale))


def _not_finite_within(path: Path, args: Any) -> bool:
    """Whether some gate gave an infinity or NaN."""
    circuit = path.circuit(False)
    values: dict[Any, Any] = dict(zip(circuit.inputs, args, strict=True))
    for gate in circuit.gates:
        if gate.op.name == "guard":
            continue
        operands = [values.get(i, getattr(i, "value", None)) for i in gate.inputs]
        with np.errstate(all="ignore"):
            results = gate.op.call(*operands, **gate.static)
        for wire, result in zip(
            gate.outputs, results if len(gate.outputs) > 1 else [results], strict=True
        ):
            values[wire] = result
            if np.asarray(result).dtype.kind == "f" and not np.all(np.isfinite(result)):
                return True
    return False


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "shape", [(1,), (7,), (8,), (33,), (5000,), (3, 5), (64, 17), (4, 1, 9), (2, 3, 4, 5)]
)
def test_every_axis_of_every_shape(shape: tuple[int, ...], dtype: Any) -> None:
    x = np.random.default_rng(1).normal(size=shape).astype(dtype)
    w = np.random.default_rng(2).normal(size=shape).astype(dtype)
    for axis in (None, *range(len(shape)), tuple(range(len(shape)))):
        for keepdims in (False, True):

            def f(x: Any, w: Any, axis: Any = axis, keepdims: bool = keepdims) -> Any:
                s = np.sum(np.tanh(x) * w, axis=axis, keepdims=keepdims)
                m = np.max(x * w, axis=axis, keepdims=keepdims)
                return np.sum(s * s + m) + np.mean(np.min(x, axis=axis))

            agree(f, x, w, rtol=1e-11 if dtype == np.float64 else 3e-5)


LAYOUTS = {
    "strided": lambda x: np.repeat(x, 2, -1)[..., ::2],
    "transposed": lambda x: np.ascontiguousarray(x.T).T,
    "backwards": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "read-only": lambda x: _read_only(x),
    "unaligned": lambda x: _unaligned(x),
}


def _read_only(x: Any) -> Any:
    x = x.copy()
    x.flags.writeable = False
    return x


def _unaligned(x: Any) -> Any:
    raw = np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    raw[...] = x
    return raw


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_layout(layout: str, dtype: Any) -> None:
    x = np.random.default_rng(3).normal(size=(20, 30)).astype(dtype)
    path = path_of(lambda x: np.sum(np.exp(x[1:] - x[:-1]) * x[1:]), (x,))
    circuit = path.circuit(False)
    native = native_program(circuit, path.gradient_types)
    assert native is not None
    for found, expected in zip(native(LAYOUTS[layout](x)), evaluate(circuit, (x,)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == np.float32 else 1e-12)


def test_long_sums_are_as_accurate_as_numpys() -> None:
    rng = np.random.default_rng(4)
    for n in (3_000, 100_001, 1_000_000):
        x = rng.random(n) * np.exp(rng.normal(size=n) * 4)
        value = run(path_of(lambda x: np.sum(x * 1.0), (x,)), (x,))[0][0]
        exact = math.fsum(x)
        assert abs(value - exact) <= 2 * abs(np.sum(x) - exact) + 2 * np.spacing(exact)


def test_products_of_all_layouts() -> None:
    rng = np.random.default_rng(5)
    a, b, v = rng.normal(size=(40, 30)), rng.normal(size=(30, 50)), rng.normal(size=30)
    t = rng.normal(size=(6, 30, 20))
    agree(lambda a, b: np.sum(np.tanh(a @ b)), a, b)
    agree(lambda a, b: np.sum(np.tanh(b.T @ a.T)), a, b)
    agree(lambda a, b: np.sum((a[::2] @ b[:, ::3]) ** 2), a, b)
    agree(lambda a, v: np.sum((a @ v) ** 2), rng.normal(size=(300, 30)), v)
    agree(lambda v, b: np.sum((v @ b) ** 2), v, rng.normal(size=(30, 300)))
    agree(lambda v: np.sum(np.outer(v, v) ** 2) + v @ v, v)
    agree(lambda a, t: np.sum(np.matmul(a, t) ** 2), a, t)
    agree(lambda a, t: np.sum(np.einsum("ij,bjk->bik", a, t) ** 2), a, t)
    agree(lambda t: np.sum(np.einsum("bij,bik->bjk", t, t) ** 2), t)
    agree(lambda t: np.sum(np.tensordot(t, t, ((0, 1), (0, 1))) ** 2), t)
    agree(lambda a, v: np.sum(np.dot(a, v)) + np.vdot(v, v) + np.inner(v, v), a, v)


@pytest.mark.parametrize("turned", [False, True])
def test_systems(turned: bool) -> None:
    rng = np.random.default_rng(6)
    m = rng.normal(size=(12, 12)) + 12 * np.eye(12)
    b, c = rng.normal(size=12), rng.normal(size=(12, 3))

    def f(m: Any, b: Any, c: Any) -> Any:
        k = m.T if turned else m
        chol = np.linalg.cholesky(k @ k.T)
        return (
            np.sum(np.linalg.solve(k, b) ** 2) + np.sum(np.linalg.solve(k, c) ** 2)
            + np.sum(np.linalg.inv(k) ** 2) + np.linalg.slogdet(k)[1]
            + np.sum(np.log(np.diag(chol))) + np.sum(np.linalg.solve(chol, b) ** 2)
            + np.sum(np.linalg.solve(chol.T, b) ** 2) + np.linalg.slogdet(-k)[0]
        )  # fmt: skip

    agree(f, m, b, c, rtol=1e-10)


def test_a_singular_matrix_raises_what_numpy_raises() -> None:
    g = gg.grad(lambda m: np.sum(np.linalg.solve(m, np.ones(40))))
    warm(g, np.eye(40) * 2.0)
    with pytest.raises(np.linalg.LinAlgError):
        g(np.zeros((40, 40)))
    np.testing.assert_allclose(g(np.eye(40) * 2.0), -np.full((40, 40), 0.25))


def test_a_gate_without_lowering_is_called_within_the_plan() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(50, 4))
    agree(
        lambda x: (
            np.sum(np.sort(np.tanh(x), axis=0) * np.arange(50.0)[:, None]) + np.sum(np.cumsum(x))
        ),
        x,
    )


def test_calls_at_the_same_time_have_memory_of_their_own() -> None:
    g = gg.value_and_grad(
        lambda x: np.sum(np.sort(np.exp(x)) * np.arange(1.0, 501.0)) + np.sum(x[1:] * x[:-1])
    )
    inputs = [np.random.default_rng(n).normal(size=500) for n in range(8)]
    expected = [warm(g, x) for x in inputs]
    wrong: list[Any] = []

    def work(n: int) -> None:
        for _ in range(200):
            value, gradient = g(inputs[n])
            if value != expected[n][0] or not np.array_equal(gradient, expected[n][1]):
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_many_alike_steps_share_their_code() -> None:
    def heat(u: Any) -> Any:
        u = u.copy()
        for _ in range(30):
            u[1:-1] += 0.1 * (u[2:] + u[:-2] - 2 * u[1:-1])
        return np.sum(u**2)

    x = np.random.default_rng(8).normal(size=100)
    agree(heat, x)
    made = kernel.kernel(path_of(heat, (x,)).circuit(False))
    assert len(made.steps) > 150
    assert made.text.count("define internal i32 @step") < 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="protects pages the POSIX way")
def test_nothing_is_read_or_written_outside_its_memory() -> None:
    """Every array lies against a protected page; the process would die."""
    made = subprocess.run(
        [sys.executable, "-m", "tests.programs.guarded"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr[-2000:]
    assert int(made.stdout) > 60


@pytest.mark.skipif(threads.cores() == 1, reason="one core")
@pytest.mark.parametrize("n", [200_000, 262_144, 200_001])
def test_large_loops_run_on_all_cores(n: int) -> None:
    x, y = np.random.default_rng(9).normal(size=(2, n))

    def f(x: Any, y: Any) -> Any:
        return np.sum(np.exp(-x * x) * np.sin(y)) + np.max(np.tanh(x * y)) + np.mean(y * y)

    assert "gg_in_threads" in kernel.kernel(path_of(f, (x, y)).circuit(False)).text
    agree(f, x, y)


@pytest.mark.skipif(threads.cores() == 1, reason="one core")
def test_large_nests_run_on_all_cores() -> None:
    p = np.random.default_rng(10).normal(size=(1500, 3))

    def energy(p: Any) -> Any:
        d = p[:, None] - p[None]
        return np.sum(1 / np.sqrt(np.sum(d * d, -1) + 0.1))

    assert "gg_in_threads" in kernel.kernel(path_of(energy, (p,)).circuit(False)).text
    agree(energy, p)


def test_threads_may_call_what_runs_in_threads() -> None:
    g = gg.grad(lambda x: np.sum(np.exp(-x * x) * np.sin(x)))
    inputs = [np.random.default_rng(n).normal(size=150_000) for n in range(4)]
    expected = [warm(g, x) for x in inputs]
    found: list[Any] = [None] * 4

    def work(n: int) -> None:
        for _ in range(10):
            found[n] = g(inputs[n])

    workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_calls_on() -> None:
    g = gg.grad(lambda x: np.sum(np.exp(-x * x) * np.sin(x)))
    x = np.random.default_rng(0).normal(size=150_000)
    expected = warm(g, x)
    child = os.fork()
    if not child:
        os._exit(0 if np.array_equal(g(x), expected) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def look_up(table: Any, weights: Any, rows: Any, columns: Any) -> Any:
    picked = table[rows] * weights[rows][:, None]
    y = table * 1.0
    y[rows[:3]] = 0.5 * table[columns[:3]]
    y[rows, columns] += weights[rows]
    return np.sum(np.sin(picked)) + np.sum(table[rows, columns] ** 3) + np.sum(y[1:, columns] ** 2)


@pytest.mark.parametrize("dtype", [np.int64, np.int32])
def test_indices_that_are_arguments(dtype: Any) -> None:
    rng = np.random.default_rng(11)
    table, weights = rng.normal(size=(9, 13)), rng.normal(size=9)
    rows, columns = (rng.integers(-9, 9, size=40).astype(dtype) for _ in range(2))
    g = gg.value_and_grad(look_up, (0, 1))
    warm(g, table, weights, rows, columns)
    told = gg.explain(g, table, weights, rows, columns).paths[0]
    assert told.tier == "native" and not any("getitem" in f for f in told.native.fallbacks)
    for _ in range(5):
        rows, columns = (rng.integers(-9, 9, size=40).astype(dtype) for _ in range(2))
        value, gradients = g(table, weights, rows, columns)
        with gg.backend("numpy"):
            expected = g(table, weights, rows, columns)
        assert value == pytest.approx(expected[0], rel=1e-12)
        for a, b in zip(gradients, expected[1], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)
    for wrong in (9, -10, 10**6, -(10**6)):
        rows[7] = wrong
        with pytest.raises(IndexError):
            g(table, weights, rows, columns)


def test_masks_that_pick_as_many_run_natively() -> None:
    g = gg.value_and_grad(lambda x: np.sum(x[x > 0.0] ** 2))
    x = np.random.default_rng(12).normal(size=200)
    value, gradient = warm(g, x)
    assert value == pytest.approx(np.sum(x[x > 0] ** 2))
    np.testing.assert_allclose(gradient, np.where(x > 0, 2 * x, 0))
    assert gg.explain(g, x).paths[0].tier == "native"


def test_a_copy_or_view_that_is_written_to_leaves_the_first_as_it_was() -> None:
    def copied(x: Any) -> Any:
        y = x * 1.0
        y[3:] = 2.0 * x[3:]
        z = y.copy()
        z[1] = 7.0 * x[0]
        return np.sum(y * z) + np.sum(y**3)

    def reshaped(x: Any) -> Any:
        y = x * 1.0
        y[3:] = 2.0 * x[3:]
        z = np.concatenate([y, y]).reshape(2, -1)[0].copy()
        z[1:] += x[1:] ** 2
        w = np.reshape(z, (5, -1)).copy()
        w[2] = 0.5 * x[:10]
        return np.sum(y * z) + np.sum(np.sin(z)) + np.sum(w**3)

    x = np.random.default_rng(13).normal(size=50)
    agree(copied, x)
    agree(reshaped, x)


@pytest.mark.parametrize("size", [*range(7, 26), 31, 39, 40, 41, 63, 65, 71, 1023, 2056, 3100])
def test_rows_of_any_length_are_taken_whole(size: int) -> None:
    """Vectors in a row, single ones that are left, and the part of one at the end."""
    rng = np.random.default_rng(size)
    rows = rng.normal(size=(40, size))
    agree(lambda x: np.sum(x * x), rows[0])
    agree(lambda x: np.sum(np.sum(x * x, axis=1) ** 2) + np.sum(np.exp(x) * np.sin(x)), rows)
    agree(lambda x: np.sum(np.max(x * 2.0, axis=1) * np.sum(x / (1 + x * x), axis=1)), rows)
    agree(lambda x: np.sum(x * x) * np.sum(np.tanh(x)), rows.astype(np.float32), rtol=1e-5)


def test_what_takes_next_to_no_time_is_compiled_in_haste() -> None:
    def f(x: Any, y: Any) -> Any:
        return np.sum(np.sum(np.exp(x), axis=0) * y) + np.sum(y * y)

    args = np.ones((2000, 40)), np.ones(40)
    text = kernel.kernel(path_of(f, args).circuit(False)).text
    steps = re.findall(r"(?ms)^define internal i32 @step.*?^}", text)
    heavy = [step for step in steps if "@gg.exp" in step]
    assert heavy and not any("optnone" in step for step in heavy)
    assert any("optnone" in step for step in steps)
    agree(f, *args)


def test_a_long_chain_of_numbers_is_cut_into_steps_that_are_alike() -> None:
    def f(x: Any) -> Any:  # the array is too large for all to be unrolled
        y = x[3]
        for _ in range(2000):
            y = y + 0.01 * np.sin(y)
        return y * np.sum(x)

    x = np.linspace(0.1, 0.9, 40)
    made = kernel.kernel(path_of(f, (x,)).circuit(False))
    assert max(len(s.operations) for s in made.steps if isinstance(s, Nest)) < 600
    assert made.text.count("define internal i32 @step") < 16 < len(made.steps)
    agree(f, x)


def test_guards_tell_huge_integers_apart() -> None:
    """As real numbers 2**53 and 2**53 + 1 are one; as what the function was told they are two."""
    x = np.linspace(0.1, 0.9, 40)

    def f(x: Any, n: Any) -> Any:
        m = n + 1
        return np.sum(x) * (2.0 if int(m) % 2 else 3.0)

    path = path_of(lambda x: f(x, np.int64(2**53)), (x,))
    assert path is not None
    g = gg.grad(f, argnums=0)
    for _ in range(12):
        for n in (2**53, 2**53 + 1, 2**53 + 2, 2**62 + 1):
            expected = 2.0 if (n + 1) % 2 else 3.0
            assert g(x, np.int64(n))[0] == expected
            assert g(x, np.array(n))[0] == expected
