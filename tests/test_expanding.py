"""Gates that are others put together, small matrices, chains of products, and NumPy's own library."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.circuit import Circuit
from glassgrad.emit.native import available, blas, calls, kernel, lapack, routines
from glassgrad.emit.native.products import Product
from glassgrad.errors import GlassgradWarning
from glassgrad.passes.expanding import expanded
from glassgrad.runtime.interpret import evaluate

from .programs.paths import path_of
from .support.differences import leaves
from .support.samples import Sample, laid_out, samples, single
from .test_loops import agree, run

pytestmark = pytest.mark.skipif(not available(), reason="no LLVM here")

# What runs without a call of NumPy, value and gradient; by gate, the samples that do not.
NATIVE: dict[str, set[int]] = {
    **{name: set() for name in ("mean", "softmax", "log_softmax", "tile", "repeat", "roll", "pad",
                     "trace", "cross", "kron", "tril", "triu", "einsum", "einsum1", "dot", "inner",
                     "outer", "vdot", "tensordot", "matmul", "solve", "inv", "slogdet", "cholesky", "sum", "expit",
                     "log_expit", "xlogy")},
    "logsumexp": {4, 5}, "det": {3}, "eigh": {1}, "eigvalsh": {1}, "var": {4, 5},
    "std": {3}, "max": {4, 5}, "min": {3, 4},
    "norm": {4, 5, 6, 11, 12, 13, 14, 15, 16},
}  # fmt: skip


def weighed(sample: Sample, args: tuple[Any, ...]) -> tuple[Any, list[Any]]:
    """A sample as a function with one number as its value, large enough to be planned."""
    f, values = sample.of(args)

    def scalar(large: Any, *values: Any) -> Any:
        total = np.sum(large * large)
        for n, leaf in enumerate(leaves(f(*values))):
            weights = np.cos(np.arange(np.size(leaf)) + n).reshape(np.shape(leaf))
            total = total + np.sum(leaf * leaf * weights.astype(leaf.dtype))
        return total

    return scalar, [np.ones(50, values[0].dtype if np.ndim(values[0]) else float), *values]


def variants(args: tuple[Any, ...]) -> Iterator[tuple[float, tuple[Any, ...]]]:
    yield 1e-9, args
    yield 2e-3, single(args)
    yield from ((1e-9, turned) for turned in laid_out(args))


@pytest.mark.parametrize("sample", samples(lambda op: op.name in NATIVE), ids=str)
def test_what_gates_are_made_of_gives_what_they_give(sample: Sample) -> None:
    for tolerance, args in variants(sample.args):
        f, values = weighed(sample, args)
        found, expected = run(path_of(f, values), values)
        if found is None:  # only a singular matrix, which is NumPy's
            assert str(sample) == "det-3"
            continue
        for a, b in zip(found, expected, strict=True):
            assert np.shape(a) == np.shape(b)
            assert np.asarray(a).dtype == np.asarray(b).dtype
            scale = float(np.max(np.abs(b)))
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * (1e-3 + scale))
    if sample.number not in NATIVE[sample.op.name]:
        f, values = weighed(sample, sample.args)
        steps = kernel.kernel(path_of(f, values).circuit(False)).steps
        assert not [s.gate.op.name for s in steps if isinstance(s, calls.Call)]


def test_expansion_alone_gives_the_same_numbers() -> None:
    """The circuit that comes out is one like any other, and a NumPy program as well."""
    for sample in samples(lambda op: op.name in NATIVE):
        f, values = weighed(sample, sample.args)
        circuit = path_of(f, values).circuit(False)
        made = expanded(circuit)
        if str(sample) == "det-3":
            continue
        for a, b in zip(evaluate(made, values), evaluate(circuit, values), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=str(sample))


# -- chains of products --------------------------------------------------------------------------

CHAINS = [
    ("ij,jk,kl->il", "ij jk kl"), ("ij,jk,kl,lm->im", "ij jk kl lm"), ("ij,ij,ij->i", "ij ij ij"),
    ("ab,bc,cd->", "ab bc cd"), ("i,ij,j->", "i ij j"), ("bij,jk,bk->bi", "bij jk bk"),
    ("ii,ij,jj->j", "ii ij jj"), ("a,b,c->cab", "a b c"), ("ab,cd,ef->fa", "ab cd ef"),
    ("ij,kj,lj,mj->iklm", "ij kj lj mj"), ("ia,ja,ka,la,ma,na->ijk", "ia ja ka la ma na"),
]  # fmt: skip


def factors(words: str, dtype: Any, thin: str = "") -> list[Any]:
    sizes = dict(zip("abcdefijklmn", (3, 4, 5, 2, 3, 4, 6, 6, 5, 4, 3, 2), strict=True))
    rng = np.random.default_rng(11)
    shapes = [tuple(1 if n == 0 and x in thin else sizes[x] for x in word)
              for n, word in enumerate(words.split())]  # fmt: skip
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("subscripts", "words"), CHAINS)
def test_einsum_of_many_factors(subscripts: str, words: str, dtype: Any) -> None:
    rtol = 1e-11 if dtype == np.float64 else 1e-4
    for thin in ("", words.split()[0][-1]):  # an axis of one that goes along with any
        given = factors(words, dtype, thin)
        agree(lambda *fs: np.sum(np.einsum(subscripts, *fs) ** 2), *given, rtol=rtol)
    given = [np.ascontiguousarray(f.T).T[..., ::-1] for f in factors(words, dtype)]
    agree(lambda *fs: np.sum(np.tanh(np.einsum(subscripts, *fs))), *given, rtol=rtol)


def test_a_chain_is_taken_in_the_cheap_order() -> None:
    """(A B) v would be 8 million multiplications, A (B v) is eighty thousand."""
    rng = np.random.default_rng(12)
    a, b = rng.normal(size=(2, 200, 200))
    v = rng.normal(size=200)
    f = lambda a, b, v: np.sum(np.einsum("ij,jk,k->i", a, b, v) ** 2)  # noqa: E731
    agree(f, a, b, v)
    steps = kernel.kernel(path_of(f, (a, b, v)).circuit(False)).steps
    sizes = [s.sizes for s in steps if isinstance(s, Product)]
    assert sizes
    assert all(np.prod(s) <= 200 * 200 for s in sizes)


# -- matrices ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 8])
def test_batches_of_small_matrices(n: int, dtype: Any) -> None:
    rng = np.random.default_rng(13)
    rtol = 1e-9 if dtype == np.float64 else 1e-3
    a, b = rng.normal(size=(2, 3, 37, n, n)).astype(dtype)
    v = rng.normal(size=(37, n)).astype(dtype)
    agree(lambda a, b: np.sum(np.matmul(a, b) ** 3), a, b, rtol=rtol)
    agree(
        lambda a, b: np.sum(np.matmul(a[:, ::2], b[0, ::-2].swapaxes(-1, -2)) ** 2), a, b, rtol=rtol
    )
    agree(lambda a, v: np.sum(np.einsum("abij,bj->abi", a, v) ** 2), a, v, rtol=rtol)
    a[0, :5] = np.eye(n)[::-1]  # every pivot stands elsewhere
    agree(lambda a, v: np.sum(np.linalg.solve(a[0], v[..., None]) ** 2), a, v, rtol=rtol)
    agree(lambda a, b: np.sum(np.linalg.solve(a, b[0, 0, :, :2]) ** 2), a, b, rtol=rtol)
    agree(lambda a, v: np.sum(np.linalg.solve(a[:, 3].swapaxes(-1, -2), v[0])), a, v, rtol=rtol)
    agree(lambda a: np.sum(np.linalg.inv(a[:, ::2]) ** 2), a, rtol=rtol)
    agree(lambda a: np.sum(np.cos(np.linalg.slogdet(a)[1]) * np.linalg.slogdet(a)[0]), a, rtol=rtol)
    agree(lambda a: np.sum(np.sin(np.linalg.det(a))), a, rtol=rtol)
    s = a @ a.swapaxes(-1, -2) + n * np.eye(n, dtype=dtype)
    agree(lambda s: np.sum(np.linalg.cholesky(s) ** 3), s, rtol=rtol)
    agree(lambda s: np.sum(np.linalg.cholesky(s[1], upper=True) ** 3), s, rtol=rtol)


def test_one_singular_matrix_of_a_batch_raises_what_numpy_raises() -> None:
    g = gg.grad(lambda a: np.sum(np.linalg.inv(a)))
    a = np.stack([np.eye(3) * n for n in range(1, 40)])
    for _ in range(8):
        expected = g(a)
    a[17] = 1.0
    with pytest.raises(np.linalg.LinAlgError):
        g(a)
    a[17] = np.eye(3) * 18
    np.testing.assert_allclose(g(a), expected)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("UPLO", ["L", "U"])
@pytest.mark.parametrize("n", [5, 12, 33, 60])
def test_eigenvectors_have_numpys_signs(n: int, UPLO: str, dtype: Any) -> None:
    rng = np.random.default_rng(n)
    a, w = rng.normal(size=(2, n, n)).astype(dtype)

    def f(a: Any, w: Any) -> Any:
        values, vectors = np.linalg.eigh(a, UPLO)
        return np.sum(vectors * w) + np.sum(np.cos(values) * np.linalg.eigvalsh(a, UPLO))

    agree(f, a, w, rtol=1e-9 if dtype == np.float64 else 1e-3)
    agree(lambda a: f(a.T[::-1, ::-1], w), a, rtol=1e-9 if dtype == np.float64 else 1e-3)
    steps = kernel.kernel(path_of(f, (a, w)).circuit(False)).steps
    native = routines.library().numpys
    assert native == (not any(isinstance(s, calls.Call) for s in steps))


def test_equal_eigenvalues_are_numpys_to_warn_of() -> None:
    weights = np.random.default_rng(14).normal(size=(7, 7))
    path = path_of(lambda a: np.sum(np.linalg.eigh(a)[1] * weights), (np.diag(np.arange(7.0)),))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GlassgradWarning)
        assert run(path, (np.eye(7),))[0] is None
    assert run(path, (np.diag(np.arange(7.0)),))[0] is not None


def test_single_precision_is_solved_in_double_as_numpy_does() -> None:
    """Of a system this badly conditioned single precision would get no digit right."""
    n = 8
    a = (1 / (np.arange(n)[:, None] + np.arange(n) + 1.0)).astype(np.float32)
    b = np.ones(n, np.float32)
    for f in (lambda a, b: np.sum(np.linalg.solve(a, b) ** 2), lambda a, b: np.linalg.det(a)):
        agree(f, a, b, rtol=1e-4)
    small = a[:3, :3] + np.float32(1e-3)
    agree(lambda a: np.sum(np.linalg.inv(a) ** 2) + np.sum(np.ones(50)), small, rtol=1e-5)


# -- the library ---------------------------------------------------------------------------------


def with_library(monkeypatch: pytest.MonkeyPatch, made: routines.Library) -> None:
    for module in (blas, lapack):
        monkeypatch.setattr(module, "library", lambda: made)


@pytest.mark.parametrize("whose", ["numpys", "scipys"])
def test_products_and_systems_by_either_library(
    whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = (
        routines._numpys()
        if whose == "numpys"
        else routines.Library(routines._pointer, "i32", False)
    )
    if found is None:
        pytest.skip("NumPy's library cannot be looked into here")
    with_library(monkeypatch, found)
    rng = np.random.default_rng(15)
    m, c = rng.normal(size=(30, 30)) + 12 * np.eye(30), rng.normal(size=(30, 40))
    for dtype, rtol in ((np.float64, 1e-9), (np.float32, 1e-3)):
        agree(
            lambda m, c: (
                np.sum(np.tanh(m @ c)) + np.sum((m.T @ c[:, 3]) ** 2) + np.linalg.slogdet(m)[1]
                + np.sum(np.linalg.solve(m, c) ** 2) + np.linalg.slogdet(-m[::-1])[0]
                + np.sum(np.linalg.eigh(m)[1][:, 0] ** 3)
                + np.sum(np.linalg.solve(np.linalg.cholesky(m @ m.T), c[:, 0]))
            ),
            m.astype(dtype), c.astype(dtype), rtol=rtol,
        )  # fmt: skip


def test_numpys_library_is_found_where_numpy_comes_from_pypi() -> None:
    config: Any = np.show_config(mode="dicts")
    if config["Build Dependencies"]["blas"]["name"] != "scipy-openblas":
        pytest.skip("another build of NumPy")
    found = routines.library()
    assert found.numpys
    assert found.integer == "i64"


def test_an_untrustworthy_library_is_not_used() -> None:
    """A function that does nothing is no dgemm."""
    harmless = routines.library().address("dgemv")
    assert routines._width(routines.library().address) == routines.library().integer
    table = {"dgemm": routines.library().address("dgemm"), "dgetrf": harmless}
    assert routines._width(lambda name: table[name if name == "dgemm" else "dgemm"]) is None


def test_large_products_let_other_threads_go_on() -> None:
    a = np.random.default_rng(16).normal(size=(400, 400))
    g = gg.value_and_grad(lambda a, b: np.sum((a @ b) ** 2), argnums=(0, 1))
    for _ in range(6):
        expected = g(a, a)
    text = kernel.kernel(path_of(lambda a, b: np.sum((a @ b) ** 2), (a, a)).circuit(False)).text
    assert "@gg_PyEval_SaveThread()" in text
    small = kernel.kernel(
        path_of(lambda a, b: np.sum((a @ b) ** 2), (a[:40, :40],) * 2).circuit(False)
    )
    assert "@gg_PyEval_SaveThread()" not in small.text
    wrong: list[int] = []

    def work(n: int) -> None:
        for _ in range(5):
            value, (da, _) = g(a, a)
            if value != expected[0] or not (da == expected[1][0]).all():
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_factors_of_two_precisions_go_to_the_library_as_one() -> None:
    rng = np.random.default_rng(17)
    a, b = rng.normal(size=(40, 50)).astype(np.float32), rng.normal(size=(50, 30))
    f = lambda a, b: np.sum(np.tanh(a @ b) * 2.0)  # noqa: E731
    agree(f, a, b, rtol=1e-5)
    steps = kernel.kernel(path_of(f, (a, b)).circuit(False)).steps
    assert any(isinstance(s, Product) for s in steps)


def test_what_needs_no_expansion_is_left_as_it_is() -> None:
    circuit: Circuit = path_of(lambda x: np.sum(np.exp(x)), (np.ones(50),)).circuit(False)
    assert expanded(circuit) is circuit
