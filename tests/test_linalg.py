"""Products and linear algebra as users call them, with NumPy's own signatures.

Each function is measured against NumPy's value bit for bit, against differences in first and
second order, and against itself at the second call, which runs the compiled path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad as gg

from .support.differences import close, directional, gradient, identical, inner, leaves, like

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
add("tensordot lists", lambda a, b: np.tensordot(a, b, axes=([0, 2], [2, 1])), T,
    np.transpose(T, (1, 2, 0)).copy())
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
for _name in ("matvec", "vecmat"):
    if hasattr(np, _name):
        _order = (GG, V) if _name == "matvec" else (V, GG)
        add(_name, lambda a, b, f=getattr(np, _name): f(a, b), *_order)

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
add("einsum optimized", lambda a, b, c: np.einsum("ij,jk,kl->il", a, b, c, optimize=True), B.T, G, B)
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
add("cholesky reads the upper triangle", lambda a: np.linalg.cholesky(a, upper=True), S + np.tril(G, -1))
add("eigh values", lambda a: np.linalg.eigh(sym(a))[0], S)
add("eigh vectors", lambda a: np.linalg.eigh(sym(a))[1] ** 2, S)
add("eigh, named", lambda a: (lambda e: e.eigenvectors ** 2 @ e.eigenvalues)(np.linalg.eigh(a)), S)
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
add("svd of a batch", lambda a: (lambda u, s, vt: u * s[..., None, :] @ vt**2)(*np.linalg.svd(a)), GG)


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
def test_the_second_call_runs_the_compiled_path(name: str, f: Any, args: Any) -> None:
    scalar = weighted(f, like(f(*args), seeded(name)))
    calls = gg.value_and_grad(scalar, argnums=tuple(range(len(args))))
    first, second = calls(*args), calls(*args)
    identical(second[0], scalar(*args))
    close(second[1], first[1], 1e-13, 1e-14)


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
