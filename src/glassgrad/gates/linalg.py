"""Linear algebra: systems, inverses, determinants, powers, Cholesky factors.

Formulas: M. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008); I. Murray, "Differentiation of the Cholesky decomposition" (2016). NumPy's
``cholesky`` and ``eigh`` read one triangle of a matrix only, so only that one has a gradient; its
mean with its transpose is the symmetric form.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.circuit import WireType
from glassgrad.gates.declare import careful, case, composed, flat, general

_A = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]])
_G = np.array([[2.0, -1.0, 0.3], [0.7, 1.5, 0.2], [-0.4, 0.9, 3.0]])
_B = np.array([[1.0, 2.0], [0.5, -1.0], [0.3, 0.8]])
_BATCH = np.stack([_G, _A])
_SINGULAR = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [5.0, 7.0, 9.0]])


def transposed(x: Any) -> Any:
    """A matrix, or each of a batch, transposed."""
    return np.transpose(x) if np.ndim(x) == 2 else np.swapaxes(x, -1, -2)


def diagonal_matrix(x: Any) -> Any:
    """A vector, or each of a batch, on the diagonal of a matrix."""
    return np.diag(x) if np.ndim(x) == 1 else np.expand_dims(x, -2) * np.eye(np.shape(x)[-1])


def triangle(gradient: Any, upper: bool) -> Any:
    """The gradient of a symmetric matrix as that of the one triangle that is read."""
    if upper:
        return np.triu(gradient) + transposed(np.tril(gradient, -1))
    return np.tril(gradient) + transposed(np.triu(gradient, 1))


def _like(*types: WireType, **static: Any) -> WireType:
    return types[0]


def _times(scale: Any, matrix: Any) -> Any:
    """A scalar for each matrix of a batch, times that matrix."""
    return np.expand_dims(scale, (-2, -1)) * matrix if np.ndim(scale) else scale * matrix


# -- systems and inverses --------------------------------------------------------------------------


def _solved(a: WireType, b: WireType) -> WireType:
    tail = b.shape[-2:] if b.ndim > 1 else b.shape
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2] if b.ndim > 1 else ())
    return WireType.of("array", lead + tail, np.result_type(a.dtype, b.dtype))


@general(np.linalg.solve, says="solves the transposed system for the gradient", shape=_solved,
         examples=[case(_G, _B), case(_G, _B[:, 0]), case(_BATCH, _B), case(_BATCH, _B[:, 0])])  # fmt: skip
def solve(a: Any, b: Any, y: Any, dy: Any) -> Any:
    if np.ndim(b) > 1:
        db = np.linalg.solve(transposed(a), dy)
        return -np.matmul(db, transposed(y)), db
    if np.ndim(a) == 2:
        db = np.linalg.solve(np.transpose(a), dy)
        return -np.outer(db, y), db
    db = np.linalg.solve(transposed(a), np.expand_dims(dy, -1))
    return -np.matmul(db, np.expand_dims(y, -2)), db[..., 0]


@general(np.linalg.inv, says="turns the gradient between two inverses", shape=_like,
         examples=[case(_G), case(_BATCH)])  # fmt: skip
def inv(a: Any, y: Any, dy: Any) -> Any:
    return (-np.matmul(np.matmul(transposed(y), dy), transposed(y)),)


# -- determinants ----------------------------------------------------------------------------------


def _scalar_of(a: WireType) -> WireType:
    return WireType.of("array" if a.ndim > 2 else "numpy", a.shape[:-2], a.dtype)


@general(np.linalg.det, says="scales the cofactors", shape=_scalar_of,
         examples=[case(_G), case(_BATCH), case(_B[:2]), case(_SINGULAR)])  # fmt: skip
def det(a: Any, y: Any, dy: Any) -> Any:
    return (_times(dy, cofactors(a)),)


def _cofactors(a: Any) -> Any:
    """The matrix of cofactors, det(a) times the inverse transposed; a may be singular."""
    try:
        return np.linalg.det(a)[..., None, None] * np.swapaxes(np.linalg.inv(a), -1, -2)
    except np.linalg.LinAlgError:  # by the products of all singular values but one
        u, s, vt = np.linalg.svd(a)
        others = np.prod(np.where(np.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]), axis=-1)
        sign = np.linalg.det(u) * np.linalg.det(vt)
        return (u * (sign[..., None] * others)[..., None, :]) @ vt


@general(_cofactors, says="weighs each element by the determinant without its row and column",
         shape=_like, key="cofactors", bind=lambda args, kwargs: (args, {}),
         examples=[case(_G), case(_BATCH)])  # fmt: skip
def cofactors(a: Any, y: Any, dy: Any) -> Any:
    return (cofactors_along(a, dy),)


def _cofactors_along(a: Any, da: Any) -> Any:
    """How the cofactors of a change along da; a may be singular."""
    u, s, vt = np.linalg.svd(a)
    n = s.shape[-1]
    one = np.eye(n, dtype=bool)
    pairs = np.where(one[:, None] | one, 1, s[..., None, None, :])
    others = np.where(one, 0, np.prod(pairs, axis=-1))  # products of all but two
    turned = np.swapaxes(u, -1, -2) @ da @ np.swapaxes(vt, -1, -2)
    own = (others @ np.diagonal(turned, axis1=-2, axis2=-1)[..., None])[..., 0]
    sign = (np.linalg.det(u) * np.linalg.det(vt))[..., None, None]
    inner = np.where(one, own[..., None, :], -others * np.swapaxes(turned, -1, -2))
    return sign * (u @ inner @ vt)


@general(_cofactors_along, says="weighs elements by the determinant without two rows and columns",
         shape=lambda a, da: WireType.of("array", np.broadcast_shapes(a.shape, da.shape), a.dtype),
         key="cofactors_along", bind=lambda args, kwargs: (args, {}),
         examples=[case(_G, _A), case(_BATCH, _BATCH[::-1])])  # fmt: skip
def cofactors_along(a: Any, da: Any, y: Any, dy: Any) -> Any:
    """The third slope of det: with X the inverse transposed, that of det <X, da> X - X da' X.

    Singular matrices have it too, but not by this formula, which raises LinAlgError for them.
    """
    x = transposed(np.linalg.inv(a))
    v, w = np.matmul(transposed(da), x), np.matmul(transposed(dy), x)  # da' X, dy' X
    along, up = np.trace(v, axis1=-2, axis2=-1), np.trace(w, axis1=-2, axis2=-1)
    both = np.matmul(v, w) + np.matmul(w, v)
    inner = _times(along, w) + _times(up, v) - both
    rest = along * up - np.trace(np.matmul(w, v), axis1=-2, axis2=-1)
    change = _times(rest, x) - np.matmul(x, inner)
    return _times(np.linalg.det(a), change), cofactors_along(a, dy)


def _slogdet(a: Any) -> Any:
    return tuple(np.linalg.slogdet(a))


@general(_slogdet, says="hands on the inverse, transposed", key="slogdet", outputs=2,
         shape=lambda a: (_scalar_of(a), _scalar_of(a)), bind=lambda args, kwargs: (args, {}),
         examples=[case(_G), case(_BATCH)])  # fmt: skip
def slogdet(a: Any, y: Any, dy: Any) -> Any:
    slope = transposed(inverse(a))
    if not careful(dy[1]):
        return (_times(dy[1], slope),)
    upstream = _times(dy[1], np.ones(np.shape(a), y[1].dtype))
    return (np.where(upstream == 0, 0.0, upstream * slope),)  # singular, but nothing arrives


def _inverse(a: Any) -> Any:
    """The inverse; of a singular matrix its limit, infinite (or NaN where there is none)."""
    try:
        return np.linalg.inv(a)
    except np.linalg.LinAlgError:
        minors = np.swapaxes(_cofactors(a), -1, -2)
        with np.errstate(all="ignore"):
            return minors / np.linalg.det(a)[..., None, None]


@general(_inverse, says="turns the gradient between two inverses", shape=_like, key="inverse",
         bind=lambda args, kwargs: (args, {}), examples=[case(_G), case(_BATCH)])  # fmt: skip
def inverse(a: Any, y: Any, dy: Any) -> Any:
    return (-np.matmul(np.matmul(transposed(y), dy), transposed(y)),)


_SlogdetResult = type(np.linalg.slogdet(np.eye(1)))


@composed(np.linalg.slogdet)
def slogdet_(a: Any) -> Any:
    return _SlogdetResult(*slogdet(a))


# -- Cholesky factors ------------------------------------------------------------------------------


@general(np.linalg.cholesky, says="solves with the factor on both sides", shape=_like,
         bind=lambda args, kwargs: _cholesky_bind(*args, **kwargs),
         examples=[case(_A), case(np.stack([_A, 2 * _A])), case(_A, upper=True)])  # fmt: skip
def cholesky(a: Any, y: Any, dy: Any, *, upper: bool = False) -> Any:
    """Murray (2016), equation (10), summed over the two triangles: dA = L^-T P L^-1."""
    back, dlow = (y, transposed(dy)) if upper else (transposed(y), dy)
    product = np.tril(np.matmul(back, dlow))
    inner = (product + transposed(np.tril(product, -1))) / 2
    return (triangle(np.linalg.solve(back, transposed(np.linalg.solve(back, inner))), upper),)


def _cholesky_bind(a: Any, /, *, upper: Any = False) -> Any:
    return (a,), {"upper": True} if upper else {}


# -- powers, diagonals, transposes -----------------------------------------------------------------


@composed(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    n = n.__index__()
    if n == 0:
        return np.zeros(np.shape(a), a.dtype) + np.eye(np.shape(a)[-1], dtype=a.dtype)
    if n < 0:
        a, n = np.linalg.inv(a), -n
    if n == 3:
        return np.matmul(np.matmul(a, a), a)
    square: Any = None
    result = None
    while n > 0:  # in NumPy's own order, so that the results agree to the bit
        square = a if square is None else np.matmul(square, square)
        n, bit = divmod(n, 2)
        if bit:
            result = square if result is None else np.matmul(result, square)
    return result


@composed(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    return np.swapaxes(x, -1, -2)


@composed(np.linalg.diagonal)
def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    return np.diagonal(x, offset, -2, -1)


@composed(np.linalg.trace)
def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    made = np.trace(x, offset, -2, -1)
    return made if dtype is None else made.astype(dtype)


matrix_rank = flat("matrix_rank", np.linalg.matrix_rank, says="counts: no gradient flows",
                   operands=("A",), examples=[case(_A)])  # fmt: skip
