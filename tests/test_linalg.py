"""Products and linear algebra as users call them, with NumPy's own signatures.

Each function is measured against NumPy's value bit for bit, against differences in first and
second order, and against itself at further calls, gate by gate and compiled.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import GlassgradWarning

from .support.differences import close, directional, gradient, identical, inner, leaves, like
from .support.tiers import tiers

S = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]])
G = np.array([[2.0, -1.0, 0.3], [0.7, 1.5, 0.2], [-0.4, 0.9, 3.0]])
B = np.array([[1.0, 2.0], [0.5, -1.0], [0.3, 0.8]])
V, U = np.array([1.0, -2.0, 0.5]), np.array([0.3, 0.7, -1.1])
T = np.linspace(-1.0, 2.0, 24).reshape(2, 3, 4) ** 2 + 0.1
GG, SS = np.stack([G, S, G @ S]), np.stack([S, 2 * S + np.eye(3)])


def sym(a: Any) -> Any:
    """A function of any square matrix as one of a symmetric matrix."""
    return (a + np.swapaxes(a, -1, -2)) / 2


Case = tuple[str, Callable[..., Any], tuple[Any, ...]]
CASES: list[Case] = []


def add(name: str, f: Callable[..., Any], *args: Any) -> None:
    CASES.append((name, f, args))


# -- products
add("inner 1-D", lambda a, b: np.inner(a, b), V, U)
add("inner 2-D", lambda a, b: np.inner(a, b), G, S[:2])
add("inner 3-D", lambda a, b: np.inner(a, b), T, T[0, :2])
add("inner with a number", lambda a, b: np.inner(a, b), 2.5, V)
add("vdot", lambda a, b: np.vdot(a, b), G, S)
add("vdot of unlike shapes", lambda a, b: np.vdot(a, b), B, B.T)
add("tensordot 2", lambda a, b: np.tensordot(a, b), G, S)
add("tensordot 1", lambda a, b: np.tensordot(a, b, 1), T, T[0].T)
add("tensordot 0", lambda a, b: np.tensordot(a, b, axes=0), V, B)
add(
    "tensordot lists",
    lambda a, b: np.tensordot(a, b, axes=([0, 2], [2, 1])),
    T,
    np.transpose(T, (1, 2, 0)).copy(),
)
add("tensordot one axis", lambda a, b: np.tensordot(a, b, axes=(-1, 0)), T, T[0].T)
add("tensordot swapped", lambda a, b: np.tensordot(a, b, axes=([2, 1], [0, 1])), T,
    np.swapaxes(T, 0, 2).copy())  # fmt: skip
add("linalg.tensordot", lambda a, b: np.linalg.tensordot(a, b, axes=1), G, S)
add("kron", lambda a, b: np.kron(a, b), B, G)
add("kron 1-D", lambda a, b: np.kron(a, b), V, B)
add("kron 3-D", lambda a, b: np.kron(a, b), B, T)
add("cross", lambda a, b: np.cross(a, b), V, U)
add("cross of batches", lambda a, b: np.cross(a, b), G, U)
add("cross along axes", lambda a, b: np.cross(a, b, axisa=0, axisb=1, axisc=0), G, S)
add("cross along axis", lambda a, b: np.cross(a, b, axis=0), G, S)
add("linalg.cross", lambda a, b: np.linalg.cross(a, b), V, U)
add("linalg.cross along axis", lambda a, b: np.linalg.cross(a, b, axis=0), G, S)
add("outer", lambda a, b: np.outer(a, b), B, V)
add("linalg.outer", lambda a, b: np.linalg.outer(a, b), V, U)
add("multiply.outer", lambda a, b: np.multiply.outer(a, b), B, V)
add("linalg.matmul", lambda a, b: np.linalg.matmul(a, b), GG, B)
add("matmul of batches that broadcast", lambda a, b: a @ b, GG[:, None], SS)
add("vecdot", lambda a, b: np.vecdot(a, b), G, U)
add("vecdot along axis", lambda a, b: np.vecdot(a, b, axis=0), G, S)
add("linalg.vecdot", lambda a, b: np.linalg.vecdot(a, b), GG, S)
add("multi_dot of 2", lambda a, b: np.linalg.multi_dot([a, b]), G, B)
add("multi_dot of 3", lambda a, b, c: np.linalg.multi_dot([a, b, c]), B.T, G, B)
add("multi_dot of 4", lambda a, b, c, d: np.linalg.multi_dot([a, b, c, d]), V, G, B, B.T)
add("multi_dot of 5", lambda a, b, c, d: np.linalg.multi_dot((a, b, c, d, a[0])), B.T, G, B, B.T)
if hasattr(np, "matvec"):  # NumPy 2.2
    add("matvec", lambda a, b: np.matvec(a, b), GG, V)
    add("vecmat", lambda a, b: np.vecmat(a, b), V, GG)

# -- einsum
for _text, *_arrays in (
    ("ij,jk->ik", G, B), ("ij,jk", G, B), ("ij,ij", G, S), ("ij->ji", B), ("ij->j", B), ("ij->", B),
    ("ji", B), ("i,j->ij", V, U), ("i,i", V, U), ("ii->", G), ("ii", G), ("ii->i", G),
    ("ij,jj->i", G, S), ("iij->j", np.stack([T[0]] * 3)), ("iji->j", np.moveaxis(np.stack([T[0]] * 3), 2, 1)),
    ("iii->i", np.arange(27.0).reshape(3, 3, 3)), ("ii,jj->ij", G, S), ("ii,i->i", G, V),
    ("...ij,...jk->...ik", GG, S), ("...i,...i", G, V), ("i...->...", T), ("...ii->...i", GG),
    ("b...i,ij->b...j", T, T[0].T), ("ij,jk,kl->il", B.T, G, B), ("i,ij,j", V, G, U),
    ("ij,kl->ij", B, G), ("i,j->", V, U), ("ij , jk -> ik", G, B), (",ij", 2.5, B), ("ij,->i", B, 1.5),
    ("abc,abd,ae->cde", T, T[:, :, :2], B[:2]),
):  # fmt: skip
    add(f"einsum {_text}", lambda *xs, t=_text: np.einsum(t, *xs), *_arrays)
add(
    "einsum optimized", lambda a, b, c: np.einsum("ij,jk,kl->il", a, b, c, optimize=True), B.T, G, B
)
add("einsum by a path",
    lambda a, b, c: np.einsum("ij,jk,kl", a, b, c, optimize=["einsum_path", (0, 1), (0, 1)]),
    B.T, G, B)  # fmt: skip
add("einsum by lists", lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [2, 0]), G, B)
add("einsum by lists, implicit", lambda a, b: np.einsum(a, [0, 1], b, [1, 2]), G, B)
add("einsum by lists, ellipsis", lambda a, b: np.einsum(a, [..., 1], b, [..., 1], [...]), G, V)
add("einsum of one row over many", lambda a, b: np.einsum("ij,ij->i", a, b), G[:1], S)

# -- norms
for _kwargs in (
    {}, {"ord": 2}, {"ord": 1}, {"ord": np.inf}, {"ord": -np.inf}, {"ord": 3}, {"ord": 0.5},
    {"ord": -1}, {"ord": -2.5}, {"axis": 0}, {"axis": -1}, {"keepdims": True}, {"ord": 1, "axis": 0},
    {"ord": 3, "axis": 0, "keepdims": True}, {"ord": float("inf"), "keepdims": True},
):  # fmt: skip
    add(f"norm {_kwargs}", lambda x, k=_kwargs: np.linalg.norm(x, **k), V)
for _kwargs in (
    {}, {"ord": "fro"}, {"ord": "nuc"}, {"ord": 1}, {"ord": -1}, {"ord": 2}, {"ord": -2},
    {"ord": np.inf}, {"ord": -np.inf}, {"axis": 0}, {"axis": 1, "ord": 3}, {"axis": (0, 1)},
    {"axis": (1, 0), "ord": 1}, {"axis": (-1, 0), "ord": np.inf}, {"keepdims": True},
    {"ord": "nuc", "keepdims": True}, {"ord": 1, "keepdims": True}, {"axis": 1, "ord": -np.inf},
    {"ord": 2, "axis": (1, 0), "keepdims": True}, {"axis": -1, "ord": 2, "keepdims": True},
    {"axis": 0, "ord": 1}, {"axis": (0,)},
):  # fmt: skip
    add(f"norm of a matrix {_kwargs}", lambda x, k=_kwargs: np.linalg.norm(x, **k), B)
for _kwargs in (
    {}, {"axis": (0, 2)}, {"axis": (2, 1), "ord": 1}, {"axis": (1, 2), "ord": "nuc"},
    {"axis": (0, 2), "ord": 2, "keepdims": True}, {"axis": 1, "ord": 4}, {"axis": (-2, -1), "ord": -2},
):  # fmt: skip
    add(f"norm of a batch {_kwargs}", lambda x, k=_kwargs: np.linalg.norm(x, **k), T + T[::-1] ** 2)
add("norm of a list", lambda x, y: np.linalg.norm([x, y, 1.0]), 3.0, -4.0)
add("vector_norm", lambda x: np.linalg.vector_norm(x), T)
add("vector_norm 3", lambda x: np.linalg.vector_norm(x, axis=(0, 2), ord=3, keepdims=True), T)
add("vector_norm 1", lambda x: np.linalg.vector_norm(x, axis=1, ord=1), T)
add("matrix_norm", lambda x: np.linalg.matrix_norm(x), T)
add("matrix_norm 1", lambda x: np.linalg.matrix_norm(x, ord=1, keepdims=True), T)
add("matrix_norm 2", lambda x: np.linalg.matrix_norm(x, ord=2), T + T[::-1] ** 2)

# -- systems, inverses, determinants
add("solve", np.linalg.solve, G, B)
add("solve of a vector", np.linalg.solve, G, V)
add("solve of batches", np.linalg.solve, GG, np.stack([B, B * 2, -B]))
add("solve of a batch with one side", np.linalg.solve, GG, B)
add("solve of a batch with a vector", np.linalg.solve, GG, V)
add("solve of one system with a batch", np.linalg.solve, G, np.stack([B, 2 * B]))
add("solve of lists", lambda a, b: np.linalg.solve([[a, 1.0], [2.0, b]], [b, a]), 3.0, 4.0)
add("inv", np.linalg.inv, G)
add("inv of a batch", np.linalg.inv, GG)
add("det", np.linalg.det, G)
add("det of a batch", np.linalg.det, GG)
add("det 1x1", np.linalg.det, np.array([[2.5]]))
add("det of a list", lambda a, b: np.linalg.det([[a, b], [b, 2.0]]), 3.0, 4.0)
add("slogdet", lambda a: np.linalg.slogdet(a)[1], G)
add("slogdet, named", lambda a: np.linalg.slogdet(a).logabsdet * np.linalg.slogdet(a).sign, -G)
add("slogdet of a batch", lambda a: np.linalg.slogdet(a)[1], GG)
for _n in (0, 1, 2, 3, 4, 7, -1, -3):
    add(f"matrix_power {_n}", lambda a, n=_n: np.linalg.matrix_power(a, n), G / 2)
add("matrix_power of a batch", lambda a: np.linalg.matrix_power(a, 5), GG / 3)
add("matrix_transpose", lambda a: np.linalg.matrix_transpose(a), T)
add("np.matrix_transpose", lambda a: np.matrix_transpose(a), T)
add("linalg.trace", lambda a: np.linalg.trace(a), GG)
add("linalg.trace offset", lambda a: np.linalg.trace(a, offset=1), T)
add("linalg.diagonal", lambda a: np.linalg.diagonal(a), T)
add("linalg.diagonal offset", lambda a: np.linalg.diagonal(a, offset=-1), GG)

# -- decompositions
add("cholesky", lambda a: np.linalg.cholesky(sym(a)), S)
add("cholesky upper", lambda a: np.linalg.cholesky(sym(a), upper=True), S)
add("cholesky of a batch", lambda a: np.linalg.cholesky(sym(a)), SS)
add("cholesky reads the lower triangle", lambda a: np.linalg.cholesky(a), S + np.triu(G, 1))
add(
    "cholesky reads the upper triangle",
    lambda a: np.linalg.cholesky(a, upper=True),
    S + np.tril(G, -1),
)
add("eigh values", lambda a: np.linalg.eigh(sym(a))[0], S)
add("eigh vectors", lambda a: np.linalg.eigh(sym(a))[1] ** 2, S)
add("eigh, named", lambda a: (lambda e: e.eigenvectors**2 @ e.eigenvalues)(np.linalg.eigh(a)), S)
add("eigh of a batch", lambda a: (lambda w, v: v * w[..., None, :])(*np.linalg.eigh(a)), SS)
add("eigh reads the lower triangle", lambda a: np.linalg.eigh(a)[1] ** 2, S + np.triu(G, 1))
add("eigh reads the upper triangle", lambda a: np.linalg.eigh(a, "U")[1] ** 2, S + np.tril(G, -1))
add("eigh in lower case", lambda a: np.linalg.eigh(a, UPLO="u")[0], S + np.tril(G, -1))
add("eigvalsh", lambda a: np.linalg.eigvalsh(sym(a)), S)
add("eigvalsh upper", lambda a: np.linalg.eigvalsh(a, "U"), S + np.tril(G, -1))
add("eigvalsh of a batch", lambda a: np.linalg.eigvalsh(a, UPLO="L"), SS)
add("svd values", lambda a: np.linalg.svd(a, compute_uv=False), B)
add("svdvals", lambda a: np.linalg.svdvals(a), T + T[::-1] ** 2)
add("svd thin", lambda a: (lambda u, s, vt: (u**2 @ s, vt**2))(*np.linalg.svd(a, False))[0], B)
add("svd thin, right", lambda a: np.linalg.svd(a, full_matrices=False).Vh ** 2, B)
add("svd of a wide matrix", lambda a: np.linalg.svd(a, full_matrices=False).U ** 2, B.T)
add(
    "svd of a batch",
    lambda a: (lambda u, s, vt: u * s[..., None, :] @ vt**2)(*np.linalg.svd(a)),
    GG,
)


def ids(cases: list[Case]) -> list[str]:
    return [name for name, _, _ in cases]


each = pytest.mark.parametrize(("name", "f", "args"), CASES, ids=ids(CASES))


def weighted(f: Callable[..., Any], dy: Any) -> Callable[..., Any]:
    """A scalar that moves with every element of the result."""

    def scalar(*args: Any) -> Any:
        total = 0.0
        for result, weight in zip(leaves(f(*args)), leaves(dy), strict=True):
            total = total + np.sum(result * weight)
        return total

    return scalar


def seeded(name: str) -> np.random.Generator:
    return np.random.default_rng([*name.encode()])


@each
def test_value_is_numpys_and_gradient_is_the_slope(name: str, f: Any, args: Any) -> None:
    expected = f(*args)
    value, pullback = gg.vjp(f, *args)
    identical(value, expected, "value")
    dy = like(expected, seeded(name))
    for n, g in enumerate(pullback(dy)):
        assert type(g) is type(args[n])
        assert np.shape(g) == np.shape(args[n])
        close(g, gradient(lambda *a: inner(dy, f(*a)), args, n), 1e-7, 1e-8, f"gradient {n}")


@each
def test_further_calls_agree_with_the_first(name: str, f: Any, args: Any) -> None:
    scalar = weighted(f, like(f(*args), seeded(name)))
    calls = gg.value_and_grad(scalar, argnums=tuple(range(len(args))))
    first = calls(*args)
    for _ in tiers():
        again = calls(*args)
        identical(again[0], scalar(*args))
        close(again[1], first[1], 1e-13, 1e-14)


@each
def test_second_order(name: str, f: Any, args: Any) -> None:
    rng = seeded(name)
    dy = like(f(*args), rng)
    v, w = (tuple(like(a, rng) for a in args) for _ in range(2))

    def along(*a: Any) -> Any:
        return weighted(lambda *b: gg.vjp(f, *b)[1](dy), v)(*a)

    second = gg.grad(along, argnums=tuple(range(len(args))))(*args)
    slope = directional(lambda *a: float(along(*a)), args, w)
    assert inner(second, w) == pytest.approx(slope, rel=2e-6, abs=2e-6)


@each
def test_single_precision(name: str, f: Any, args: Any) -> None:
    small = tuple(np.float32(a) if isinstance(a, float) else a.astype(np.float32) for a in args)
    expected = f(*small)
    value, pullback = gg.vjp(f, *small)
    identical(value, expected)
    dy = like(expected, seeded(name))
    exact = gg.vjp(f, *args)[1](like(f(*args), seeded(name)))
    for g, a, e in zip(pullback(dy), small, exact, strict=True):
        assert np.asarray(g).dtype == np.float32
        assert type(g) is type(a)
        close(g, e, 3e-4, 3e-4)


@each
def test_code_runs_alone(name: str, f: Any, args: Any) -> None:
    scalar = weighted(f, like(f(*args), seeded(name)))
    record = gg.backprop(scalar, *args)
    module: dict[str, Any] = {}
    exec(record.code, module)
    found = module["scalar_and_gradient"](*args)
    numbers = leaves(found)
    close(numbers[0], scalar(*args), 1e-12, 1e-13)
    close(numbers[1:], leaves(list(record.grads)) if len(args) > 1 else record.grads, 1e-11, 1e-12)


# -- edge points -----------------------------------------------------------------------------------

inf, nan = np.inf, np.nan


def both_calls(f: Callable[..., Any], *args: Any) -> Any:
    """The gradient; at further calls too, without a warning."""
    calls = gg.grad(f)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = calls(*args)
        for _ in tiers():
            np.testing.assert_allclose(calls(*args), first, rtol=1e-14)
    return first


@pytest.mark.parametrize(("f", "x", "slope"), [
    (np.linalg.norm, [0.0, 0.0], [0.0, 0.0]),
    (lambda x: np.linalg.norm(x - x), [1.0, 2.0], [0.0, 0.0]),
    (lambda x: np.linalg.norm(x, axis=1).sum(), [[0.0, 0.0], [3.0, 4.0]], [[0.0, 0.0], [0.6, 0.8]]),
    (lambda x: np.linalg.norm(x, 3), [0.0, 0.0], [0.0, 0.0]),
    (lambda x: np.linalg.norm(x, 3), [0.0, 2.0], [0.0, 1.0]),
    (lambda x: np.linalg.norm(x, 0.5), [0.0, 4.0], [0.0, 1.0]),
    (lambda x: np.linalg.norm(x, -1), [0.0, 4.0], [0.0, 0.0]),
    (lambda x: np.linalg.norm(x, 1), [0.0, -4.0], [0.0, -1.0]),
    (lambda x: np.linalg.norm(x, inf), [3.0, -3.0, 1.0], [0.5, -0.5, 0.0]),
    (lambda x: np.linalg.norm(x, inf), [0.0, 0.0], [0.0, 0.0]),
    (lambda x: np.linalg.norm(x, -inf), [3.0, -3.0, 9.0], [0.5, -0.5, 0.0]),
    (lambda x: np.linalg.norm(x, 0), [3.0, 0.0], [0.0, 0.0]),
    (lambda x: np.linalg.norm(x, 1), [[1.0, 3.0], [-2.0, 0.0]], [[0.5, 0.5], [-0.5, 0.0]]),
    (lambda x: np.linalg.norm(x, 2), [[2.0, 0.0], [0.0, 2.0]], [[0.5, 0.0], [0.0, 0.5]]),
    (lambda x: np.linalg.norm(x, "nuc"), [[2.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]]),
    (lambda x: np.linalg.norm(x, 2), [[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]),
    (np.linalg.norm, [nan, 1.0], [nan, nan]),
    (lambda x: np.linalg.norm(x, 3), [nan, 1.0], [nan, nan]),
    (lambda x: np.linalg.norm(x, 0.5), [nan, 0.0], [nan, nan]),
    (lambda x: np.linalg.norm(x, 1), [nan, 1.0], [nan, 1.0]),
    (lambda x: np.linalg.norm(x, inf), [nan, 1.0], [nan, nan]),
    (lambda x: np.where(np.sum(x) > 0, np.linalg.norm(x), 0.0), [0.0, 0.0], [0.0, 0.0]),
    (np.linalg.norm, [], []), (lambda x: np.linalg.norm(x, 1), [], []),
    (lambda x: np.sum(np.einsum("i,i", x, x)), [], []), (lambda x: np.vdot(x, x), [], []),
])  # fmt: skip
def test_norms_at_their_kinks(f: Any, x: Any, slope: Any) -> None:
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(both_calls(f, np.array(x)), slope, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("a", [
    [[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]],
    np.zeros((2, 2)), np.diag([1.0, 0.0, 0.0]), np.zeros((3, 3)), [[0.0]], np.eye(3) * 1e-90,
    np.stack([S, np.diag([2.0, 0.0, 5.0])]),
])  # fmt: skip
def test_det_of_singular_matrices(a: Any) -> None:
    """The determinant is a polynomial: its first and second slopes exist everywhere."""
    a = np.array(a)

    def f(x: Any) -> Any:
        return np.sum(np.linalg.det(x))

    found = both_calls(f, a)
    for place in np.ndindex(a.shape):
        minor = np.delete(np.delete(a[place[:-2]], place[-2], 0), place[-1], 1)
        cofactor = (-1) ** (place[-1] + place[-2]) * np.linalg.det(minor)
        assert found[place] == pytest.approx(cofactor, rel=1e-12, abs=1e-12)
    v = like(a, seeded("det"))
    hessian = gg.grad(lambda x: np.sum(gg.grad(f)(x) * v))(a)
    close(hessian, gradient(lambda x: float(np.sum(gg.grad(f)(x) * v)), [a], 0), 1e-8, 1e-9)


def test_det_of_no_rows_is_constant() -> None:
    assert gg.grad(np.linalg.det)(np.zeros((0, 0))).shape == (0, 0)


def test_det_to_the_third_order() -> None:
    def f(t: Any) -> Any:
        return np.linalg.det(G + t * S)

    third = gg.grad(gg.grad(gg.grad(f)))(0.3)
    assert third == pytest.approx(6 * np.linalg.det(S), rel=1e-10)
    assert gg.grad(gg.grad(gg.grad(gg.grad(f))))(0.3) == pytest.approx(0.0, abs=1e-8)


def test_slogdet_of_a_singular_matrix() -> None:
    a = np.array([[1.0, 2.0], [2.0, 4.0]])
    slope = gg.grad(lambda x: np.linalg.slogdet(x)[1])(a)
    np.testing.assert_array_equal(slope, [[inf, -inf], [-inf, inf]])
    unused = both_calls(lambda x: np.where(np.linalg.det(x) > 0, np.linalg.slogdet(x)[1], 0.0), a)
    np.testing.assert_array_equal(unused, np.zeros((2, 2)))
    batch = np.stack([np.eye(2), a])
    chosen = gg.grad(lambda x: np.linalg.slogdet(x)[1][0])(batch)
    np.testing.assert_array_equal(chosen, [np.eye(2), np.zeros((2, 2))])


@pytest.mark.parametrize(("f", "a"), [
    (np.linalg.inv, np.ones((2, 2))), (np.linalg.cholesky, -np.eye(2)),
    (lambda a: np.linalg.solve(a, np.ones(2)), np.zeros((2, 2))), (np.linalg.det, np.ones((2, 3))),
    (np.linalg.eigh, np.ones((2, 3))), (np.linalg.inv, np.ones(3)),
])  # fmt: skip
def test_linalg_errors_are_numpys(f: Any, a: Any) -> None:
    with pytest.raises(np.linalg.LinAlgError) as plain:
        f(a)
    calls = gg.grad(lambda x: np.sum(f(x)[0]))
    for _ in tiers():
        with pytest.raises(np.linalg.LinAlgError) as traced:
            calls(a)
        assert str(traced.value) == str(plain.value)


def test_a_linalg_error_on_a_known_path_is_raised_and_can_be_caught() -> None:
    def f(a: Any) -> Any:
        try:
            return np.sum(np.linalg.cholesky(a))
        except np.linalg.LinAlgError:
            return np.trace(a) * 2.0

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GlassgradWarning)
        calls = gg.grad(f)
        for a in (S, S, -S, -S, S):
            expected = 2 * np.eye(3) if a is not S and a[0, 0] < 0 else gg.grad(f)(a)
            close(calls(a), expected)


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(gg.errors.ShapeError, match=r"\(3, 3\).*\(2,\)"):
        gg.grad(lambda a, b: np.sum(np.linalg.solve(a, b)))(G, np.ones(2))
    with pytest.raises(ValueError, match="einsum"):
        gg.grad(lambda a: np.sum(np.einsum("ijk->i", a)))(G)
    with pytest.raises(ValueError, match="3-dimensional"):
        gg.grad(lambda a: np.sum(np.linalg.cross(a, a)))(np.ones(2))


# -- equal eigenvalues and singular values ---------------------------------------------------------


def warned(f: Callable[..., Any], a: Any) -> tuple[Any, int]:
    """The gradient, and how many warnings came with it."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        found = gg.grad(f)(a)
    assert all(w.category is GlassgradWarning for w in seen)
    return found, len(seen)


def test_sums_of_equal_eigenvalues_need_no_warning() -> None:
    for f in (lambda a: np.sum(np.linalg.eigh(a)[0]), lambda a: np.sum(np.linalg.eigvalsh(a))):
        found, count = warned(f, np.eye(3))
        np.testing.assert_allclose(found, np.eye(3), atol=1e-15)
        assert count == 0


def test_what_does_not_depend_on_the_choice_of_eigenvectors_is_right() -> None:
    """The projector on the eigenspace of a double eigenvalue is smooth; its vectors are not."""
    frame = np.linalg.qr(G)[0]
    a = (frame * [1.0, 1.0, 4.0]) @ frame.T

    def f(x: Any) -> Any:
        _, v = np.linalg.eigh(sym(x))
        return np.sum((v[:, :2] @ v[:, :2].T) * (B @ B.T))

    def plain(x: Any) -> float:
        _, v = np.linalg.eigh(sym(x))
        return float(np.sum((v[:, :2] @ v[:, :2].T) * (B @ B.T)))

    found, count = warned(f, a)
    assert count == 1
    close(found, gradient(plain, [a], 0), 1e-7, 1e-7)


def test_vectors_of_equal_values_get_a_finite_gradient_and_one_warning() -> None:
    found, count = warned(lambda a: np.sum(np.linalg.eigh(a)[1] * G), np.eye(3))
    assert np.isfinite(found).all()
    assert count == 1
    found, count = warned(lambda a: np.sum(np.linalg.svd(a)[0] * G), np.eye(3))
    assert np.isfinite(found).all()
    assert count == 1


def test_nan_is_not_hidden() -> None:
    with np.errstate(all="ignore"):
        for f in (np.linalg.inv, np.linalg.det, lambda a: np.einsum("ij,jk->ik", a, a), np.kron):
            g = gg.grad(lambda a, f=f: np.sum(f(a) if f is not np.kron else f(a, a)))
            assert np.isnan(g(np.array([[nan, 1.0], [2.0, 3.0]]))).any()


# -- writing through, and costs --------------------------------------------------------------------


def test_writing_through_a_view_that_einsum_gives() -> None:
    def f(x: Any) -> Any:
        a = np.outer(x, x)
        np.einsum("ii->i", a)[:] = x**3
        np.einsum("ij->ji", a)[0] *= 2.0
        return np.sum(a**2)

    identical(gg.value_and_grad(f)(V)[0], f(V))
    close(gg.grad(f)(V), gradient(lambda x: float(f(x)), [V], 0), 1e-6, 1e-6)


def test_gradients_cost_no_more_than_a_few_values() -> None:
    """The transposes of a large contraction are done by matrix products, as `optimize` does."""
    rng = np.random.default_rng(0)
    a, b, c = (rng.normal(size=(60, 60)) for _ in range(3))
    record = gg.backprop(lambda a, b, c: np.sum(np.einsum("ij,jk,kl->il", a, b, c, optimize=True)),
                         a, b, c)  # fmt: skip
    einsums = [line for line in record.code.splitlines() if " = np.einsum(" in line]
    assert len(einsums) == 3
    assert all("optimize=True" in line for line in einsums)
    assert "tensordot" not in gg.backprop(lambda a, b: np.sum(np.inner(a, b)), a, b).code


def test_the_code_of_a_gaussian_process_reads_as_one_would_write_it() -> None:
    def nll(K: Any, y: Any) -> Any:
        z = np.linalg.solve(K, y)
        return y @ z + np.linalg.slogdet(K)[1] + np.linalg.norm(y)

    code = gg.backprop(nll, S, V).code
    assert "np.linalg.solve(K.T, " in code
    assert "np.linalg.inv(K).T" in code
    assert "y / norm_y" in code
    assert "def " in code and code.count("def ") == 1
