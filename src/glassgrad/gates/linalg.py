"""Linear algebra: norms, solve, inverse, determinants, Cholesky, symmetric eigenproblems.

Formulas: M. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008); I. Murray, "Differentiation of the Cholesky decomposition" (2016). NumPy's
``cholesky`` and ``eigh`` read one triangle of their input only, so only that one has a gradient.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from glassgrad.circuit import WireType
from glassgrad.errors import GlassgradWarning, UnsupportedError
from glassgrad.gates.declare import case, composed, flat, general
from glassgrad.gates.reduction import kept

_A = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]])
_G = np.array([[2.0, -1.0, 0.3], [0.7, 1.5, 0.2], [-0.4, 0.9, 3.0]])
_B = np.array([[1.0, 2.0], [0.5, -1.0], [0.3, 0.8]])
_BATCH = np.stack([_G, _A])


def _t(x: Any) -> Any:
    return np.transpose(x) if np.ndim(x) == 2 else np.swapaxes(x, -1, -2)


def _like(*types: WireType, **static: Any) -> WireType:
    return types[0]


def _times(scale: Any, matrix: Any) -> Any:
    """A scalar for each matrix of a batch, times that matrix."""
    return np.expand_dims(scale, (-2, -1)) * matrix if np.ndim(scale) else scale * matrix


# -- norms -----------------------------------------------------------------------------------------


def _norm2(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    return np.linalg.norm(x, axis=axis, keepdims=keepdims)


@general(_norm2, says="points the gradient along the vector; a zero vector gets zero",
         bind=lambda args, kwargs: (args, dict(kwargs)), key="norm2",
         examples=[case(_B[:, 0]), case(_B), case(_B, axis=1), case(_B, axis=0, keepdims=True)])  # fmt: skip
def norm2(x: Any, y: Any, dy: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    safe = np.where(y == 0, 1.0, y)  # x is zero there, so the quotient is
    return (x / kept(x, safe, axis, keepdims) * kept(x, dy, axis, keepdims),)


def _normp(x: Any, *, ord: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return np.linalg.norm(x, ord, axis, keepdims)


@general(_normp, says="points the gradient to the large elements", key="normp",
         bind=lambda args, kwargs: (args, dict(kwargs)),
         examples=[case(_B[:, 0], ord=3), case(_B, ord=1.5, axis=1)])  # fmt: skip
def normp(x: Any, y: Any, dy: Any, *, ord: Any, axis: Any = None, keepdims: bool = False) -> Any:
    safe = kept(x, np.where(y == 0, 1.0, y), axis, keepdims)
    return (np.sign(x) * (np.abs(x) / safe) ** (ord - 1) * kept(x, dy, axis, keepdims),)


@composed(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else axis
    matrix = isinstance(axes, tuple) and len(axes) == 2 or axes is None and np.ndim(x) == 2
    if ord is None or ord == "fro" and matrix or ord == 2 and not matrix:
        both = {"axis": axes, "keepdims": keepdims}
        return norm2(x, **{k: v for k, v in both.items() if v}) if axes != 0 else \
            norm2(x, axis=0, **({"keepdims": True} if keepdims else {}))  # fmt: skip
    if not matrix:
        if axes is None and np.ndim(x) != 1:
            raise ValueError("Improper number of dimensions to norm.")
        return _vector_norm(x, ord, axes, keepdims)
    rows, columns = axes if axes is not None else (0, 1)
    return _matrix_norm(x, ord, rows % np.ndim(x), columns % np.ndim(x), keepdims)


def _vector_norm(x: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    size = np.abs(x)
    if ord == np.inf:
        return np.max(size, axis=axis, keepdims=keepdims)
    if ord == -np.inf:
        return np.min(size, axis=axis, keepdims=keepdims)
    if ord == 1:
        return np.sum(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return np.sum((x != 0).astype(x.dtype), axis=axis, keepdims=keepdims)
    return normp(x, ord=ord, axis=axis, keepdims=keepdims)


def _matrix_norm(x: Any, ord: Any, rows: int, columns: int, keepdims: bool) -> Any:
    if ord not in (1, -1, np.inf, -np.inf):
        raise UnsupportedError(
            f"numpy.linalg.norm of a matrix with ord={ord!r} has no gradient yet: use the "
            "Frobenius norm, or the square root of the largest np.linalg.eigvalsh(A.T @ A)"
        )
    over, across = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = np.sum(np.abs(x), axis=over, keepdims=True)
    pick = np.max if ord > 0 else np.min
    result = pick(sums, axis=across, keepdims=True)
    return result if keepdims else np.squeeze(result, axis=(rows, columns))


# -- systems, inverses, determinants ---------------------------------------------------------------


def _solved(a: WireType, b: WireType) -> WireType:
    dtype = np.result_type(a.dtype, b.dtype)
    tail = b.shape if b.ndim == 1 else b.shape[-2:]
    lead = np.broadcast_shapes(a.shape[:-2], () if b.ndim == 1 else b.shape[:-2])
    return WireType.of("array", lead + tail, dtype)


@general(np.linalg.solve, says="solves the transposed system for the gradient", shape=_solved,
         examples=[case(_G, _B), case(_G, _B[:, 0]), case(_BATCH, _B), case(_BATCH, _B[:, 0])])  # fmt: skip
def solve(a: Any, b: Any, y: Any, dy: Any) -> Any:
    if np.ndim(b) > 1:
        db = np.linalg.solve(_t(a), dy)
        return -np.matmul(db, _t(y)), db
    if np.ndim(a) == 2:
        db = np.linalg.solve(np.transpose(a), dy)
        return -np.outer(db, y), db
    db = np.linalg.solve(_t(a), np.expand_dims(dy, -1))
    return -np.matmul(db, np.expand_dims(y, -2)), db[..., 0]


@general(np.linalg.inv, says="turns the gradient between two inverses", shape=_like,
         examples=[case(_G), case(_BATCH)])  # fmt: skip
def inv(a: Any, y: Any, dy: Any) -> Any:
    return (-np.matmul(np.matmul(_t(y), dy), _t(y)),)


def _scalar_of(a: WireType) -> WireType:
    return WireType.of("array" if a.ndim > 2 else "numpy", a.shape[:-2], a.dtype)


@general(np.linalg.det, says="scales the cofactors", shape=_scalar_of,
         examples=[case(_G), case(_BATCH), case(_B[:2])])  # fmt: skip
def det(a: Any, y: Any, dy: Any) -> Any:
    return (_times(dy, cofactors(a)),)


def _cofactors(a: Any) -> Any:
    """All cofactors at once, singular or not: from the singular values without each one."""
    u, s, vh = np.linalg.svd(a)
    n = s.shape[-1]
    others = np.repeat(s[..., None, :], n, axis=-2)
    others[..., np.arange(n), np.arange(n)] = 1.0
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return (u * (sign[..., None] * np.prod(others, axis=-1))[..., None, :]) @ vh


@general(_cofactors, says="gives the determinants of all minors", shape=_like, key="cofactors",
         bind=lambda args, kwargs: (args, {}), examples=[case(_G), case(_BATCH)])  # fmt: skip
def cofactors(a: Any, y: Any, dy: Any) -> Any:
    """With C = det(A) A^-T: dC = (<C, dA> C - C dA^T C) / det(A); not defined where det is zero."""
    inner = np.sum(dy * y, axis=(-2, -1))
    change = _times(inner, y) - np.matmul(np.matmul(y, _t(dy)), y)
    return (_times(1 / np.linalg.det(a), change),)


def _slogdet(a: Any) -> Any:
    return tuple(np.linalg.slogdet(a))


@general(_slogdet, says="hands on the inverse, transposed", key="slogdet", outputs=2,
         shape=lambda a: (_scalar_of(a), _scalar_of(a)), bind=lambda args, kwargs: (args, {}),
         examples=[case(_G), case(_BATCH)])  # fmt: skip
def slogdet(a: Any, y: Any, dy: Any) -> Any:
    return (_times(dy[1], _t(np.linalg.inv(a))),)


_SlogdetResult = type(np.linalg.slogdet(np.eye(1)))
_EighResult = type(np.linalg.eigh(np.eye(1)))


@composed(np.linalg.slogdet)
def slogdet_(a: Any) -> Any:
    return _SlogdetResult(*slogdet(a))


# -- decompositions of symmetric matrices ----------------------------------------------------------


def _triangle(gradient: Any, upper: bool = False) -> Any:
    """The gradient of a symmetric matrix of which one triangle is read."""
    both = gradient + _t(gradient)
    n = np.shape(gradient)[-1]
    half = np.where(np.eye(n, dtype=bool), 0.5, np.tri(n).T if upper else np.tri(n))
    return both * half


@general(np.linalg.cholesky, says="solves with the factor on both sides", shape=_like,
         examples=[case(_A), case(np.stack([_A, 2 * _A]))])  # fmt: skip
def cholesky(a: Any, y: Any, dy: Any, *, upper: Any = False) -> Any:
    low, dlow = (_t(y), _t(dy)) if upper else (y, dy)
    n = np.shape(a)[-1]
    product = np.matmul(_t(low), dlow) * np.where(np.eye(n, dtype=bool), 0.5, np.tri(n))
    inner = np.linalg.solve(_t(low), _t(np.linalg.solve(_t(low), _t(product))))
    return (_triangle(0.5 * (inner + _t(inner)), bool(upper)),)


def _eigh_type(a: WireType, **static: Any) -> tuple[WireType, ...]:
    return WireType.of("array", a.shape[:-1], a.dtype), a


def _eigh(a: Any, *, UPLO: Any = "L") -> Any:
    return tuple(np.linalg.eigh(a, UPLO))


def _coincide(w: Any) -> Any:
    """Which pairs of eigenvalues are equal within rounding; each is with itself."""
    n = w.shape[-1]
    scale = np.max(np.abs(w), axis=-1, initial=0.0)[..., None, None]
    equal = np.abs(w[..., None, :] - w[..., :, None]) <= n * np.finfo(w.dtype).eps * scale
    if np.any(equal & ~np.eye(n, dtype=bool)):
        warnings.warn(
            "eigh met equal eigenvalues: their eigenvectors are not unique, and the gradient is "
            "right only for what does not depend on the choice of them",
            GlassgradWarning,
            stacklevel=2,
        )
    return equal | np.eye(n, dtype=bool)


coincide = flat("coincide", _coincide, says="finds equal eigenvalues: no gradient", key="coincide",
                bind=lambda args, kwargs: (args, {}), examples=[case(np.array([1.0, 2.5, 4.0]))],
                shape=lambda w: WireType.of("array", (*w.shape, w.shape[-1]), np.dtype(bool)))  # fmt: skip


@general(_eigh, says="turns the gradient into the eigenvectors' frame, over the gaps", outputs=2,
         key="eigh", shape=_eigh_type, examples=[case(_A), case(np.stack([_A, 3 * _A]))],
         bind=lambda args, kwargs: (args, dict(kwargs)))  # fmt: skip
def eigh(a: Any, y: Any, dy: Any, *, UPLO: str = "L") -> Any:
    w, v = y
    dw, dv = dy
    n = np.shape(a)[-1]
    gaps = np.expand_dims(w, -2) - np.expand_dims(w, -1)
    equal = coincide(w)  # pairs within rounding contribute nothing
    turned = np.where(equal, 0.0, np.matmul(_t(v), dv) / np.where(equal, 1.0, gaps))
    inner = turned + np.expand_dims(dw, -2) * np.eye(n)
    return (_triangle(np.matmul(np.matmul(v, inner), _t(v)), UPLO == "U"),)


@composed(np.linalg.eigh)
def eigh_(a: Any, UPLO: str = "L") -> Any:
    return _EighResult(*eigh(a, **_uplo(UPLO)))


def _uplo(UPLO: str = "L") -> dict[str, str]:
    return {} if UPLO.upper() == "L" else {"UPLO": "U"}


@general(np.linalg.eigvalsh, says="turns the gradient back by the eigenvectors",
         shape=lambda a, **static: WireType.of("array", a.shape[:-1], a.dtype),
         bind=lambda args, kwargs: ((args[0],), _uplo(*args[1:], **kwargs)),
         examples=[case(_A), case(np.stack([_A, 3 * _A]))])  # fmt: skip
def eigvalsh(a: Any, y: Any, dy: Any, *, UPLO: str = "L") -> Any:
    v = eigh(a, **_uplo(UPLO))[1]
    return (_triangle(np.matmul(v * np.expand_dims(dy, -2), _t(v)), UPLO == "U"),)


@composed(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    n = int(n)
    if n == 0:
        return a * 0.0 + np.eye(np.shape(a)[-1])
    if n < 0:
        a, n = np.linalg.inv(a), -n
    if n <= 3:
        result = a
        for _ in range(n - 1):
            result = np.matmul(result, a)
        return result
    square: Any = None
    result = None
    while n > 0:  # in NumPy's own order, so that the results agree to the bit
        square = a if square is None else np.matmul(square, square)
        n, bit = divmod(n, 2)
        if bit:
            result = square if result is None else np.matmul(result, square)
    return result


@composed(np.linalg.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    return np.swapaxes(x, -1, -2)


@composed(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    result = arrays[0]
    for a in arrays[1:]:
        result = np.dot(result, a)
    return result


matrix_rank = flat("matrix_rank", np.linalg.matrix_rank, says="counts: no gradient flows",
                   operands=("A",), examples=[case(_A)])  # fmt: skip
