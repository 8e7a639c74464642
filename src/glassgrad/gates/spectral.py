"""Decompositions by eigenvalues and singular values: eigh, eigvalsh, svd, svdvals.

Formulas: M. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008), section 3.1; J. Townsend, "Differentiating the singular value
decomposition" (2016). Vectors that belong to equal values are not unique: such pairs contribute
nothing, which is right for the space they share as a whole, and one warning tells.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from glassgrad.circuit import WireType
from glassgrad.errors import GlassgradWarning, UnsupportedError
from glassgrad.gates.declare import case, composed, flat, general
from glassgrad.gates.linalg import diagonal_matrix, transposed, triangle

_A = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]])
_G = np.array([[2.0, -1.0, 0.3], [0.7, 1.5, 0.2], [-0.4, 0.9, 3.0]])
_B = np.array([[1.0, 2.0], [0.5, -1.0], [0.3, 0.8]])

_EighResult = type(np.linalg.eigh(np.eye(1)))
_SVDResult = type(np.linalg.svd(np.eye(1)))


def _coincide(w: Any) -> Any:
    """Which pairs of values are equal within rounding; each is with itself."""
    n = w.shape[-1]
    size = np.max(np.abs(w), axis=-1, initial=0.0)[..., None, None]
    equal = np.abs(w[..., None, :] - w[..., :, None]) <= n * np.finfo(w.dtype).eps * size
    if np.any(equal & ~np.eye(n, dtype=bool)):
        warnings.warn(
            "equal eigenvalues or singular values: their vectors are not unique; what passes "
            "between them is taken as zero, so the gradient is right for the space they share, "
            "not for a function of the matrix",
            GlassgradWarning,
            stacklevel=2,
        )
    return equal | np.eye(n, dtype=bool)


coincide = flat("coincide", _coincide, says="finds equal eigenvalues: no gradient", key="coincide",
                bind=lambda args, kwargs: (args, {}), examples=[case(np.array([1.0, 2.5, 4.0]))],
                shape=lambda w: WireType.of("array", (*w.shape, w.shape[-1]), np.dtype(bool)))  # fmt: skip


def _over_gaps(x: Any, gaps: Any, w: Any) -> Any:
    """Divided by the gaps between the values `w`; pairs equal within rounding get nothing."""
    equal = coincide(w)
    return np.where(equal, 0.0, x / np.where(equal, 1.0, gaps))


def _missing(gradient: Any) -> bool:
    """Whether no gradient arrived at an output: backpropagation puts plain zeros there."""
    return type(gradient) is np.ndarray and not gradient.any()


# -- symmetric matrices ----------------------------------------------------------------------------


def _eigh(a: Any, *, UPLO: Any = "L") -> Any:
    return tuple(np.linalg.eigh(a, UPLO))


def _eigh_type(a: WireType, **static: Any) -> tuple[WireType, ...]:
    return WireType.of("array", a.shape[:-1], a.dtype), a


def _uplo(a: Any, UPLO: str = "L") -> tuple[tuple[Any], dict[str, str]]:
    return (a,), {} if UPLO.upper() == "L" else {"UPLO": UPLO.upper()}


@general(_eigh, says="turns the gradient into the eigenvectors' frame, over the gaps", outputs=2,
         key="eigh", shape=_eigh_type, bind=lambda args, kwargs: (args, dict(kwargs)),
         examples=[case(_A), case(np.stack([_A, 3 * _A])), case(_A, UPLO="U")])  # fmt: skip
def eigh(a: Any, y: Any, dy: Any, *, UPLO: str = "L") -> Any:
    (w, v), (dw, dv) = y, dy
    if _missing(dv):
        inner = v * np.expand_dims(dw, -2)
    else:
        gaps = np.expand_dims(w, -2) - np.expand_dims(w, -1)
        turned = _over_gaps(np.matmul(transposed(v), dv), gaps, w)
        inner = np.matmul(v, turned if _missing(dw) else turned + diagonal_matrix(dw))
    return (triangle(np.matmul(inner, transposed(v)), UPLO == "U"),)


@composed(np.linalg.eigh)
def eigh_(a: Any, UPLO: str = "L") -> Any:
    (a,), static = _uplo(a, UPLO)
    return _EighResult(*eigh(a, **static))


@general(np.linalg.eigvalsh, says="turns the gradient back by the eigenvectors",
         shape=lambda a, **static: WireType.of("array", a.shape[:-1], a.dtype),
         bind=lambda args, kwargs: _uplo(*args, **kwargs),
         examples=[case(_A), case(np.stack([_A, 3 * _A]))])  # fmt: skip
def eigvalsh(a: Any, y: Any, dy: Any, *, UPLO: str = "L") -> Any:
    _, v = eigh(a, **_uplo(a, UPLO)[1])
    return (triangle(np.matmul(v * np.expand_dims(dy, -2), transposed(v)), UPLO == "U"),)


# -- any matrix ------------------------------------------------------------------------------------


def _svd(a: Any, *, full_matrices: bool = True) -> Any:
    return tuple(np.linalg.svd(a, full_matrices))


def _svd_type(a: WireType, *, full_matrices: bool = True) -> tuple[WireType, ...]:
    *lead, m, n = a.shape
    k = min(m, n)
    shapes = (m, m if full_matrices else k), (k,), (n if full_matrices else k, n)
    return tuple(WireType.of("array", (*lead, *s), a.dtype) for s in shapes)


@general(_svd, says="turns the gradient into the singular vectors' frames, over the gaps", outputs=3,
         key="svd", shape=_svd_type, bind=lambda args, kwargs: (args, dict(kwargs)),
         examples=[case(_G), case(_B, full_matrices=False), case(_B.T, full_matrices=False),
                   case(np.stack([_G, _A]))])  # fmt: skip
def svd(a: Any, y: Any, dy: Any, *, full_matrices: bool = True) -> Any:
    (u, s, vt), (du, ds, dvt) = y, dy
    m, n = np.shape(a)[-2:]
    k = m if m < n else n
    no_u, no_v = _missing(du), _missing(dvt)
    if not k:
        return (None,)
    if full_matrices and m != n and not (no_u if m > n else no_v):
        raise UnsupportedError(
            "the gradient of np.linalg.svd's full matrices is supported for square matrices: "
            "pass full_matrices=False"
        )
    u, vt = (u if m == k or not full_matrices else u[..., :k]), \
        (vt if n == k or not full_matrices else vt[..., :k, :])  # fmt: skip
    if full_matrices:  # what was cut off above has no gradient
        du, dvt = (du if m == k else du[..., :k]), (dvt if n == k else dvt[..., :k, :])
    if no_u and no_v:
        return (np.matmul(u * np.expand_dims(ds, -2), vt),)
    row, column = np.expand_dims(s, -2), np.expand_dims(s, -1)
    gaps = (row - column) * (row + column)
    v, dv = transposed(vt), transposed(dvt)
    inner = 0.0 if _missing(ds) else diagonal_matrix(ds)
    beside = 0.0
    if not no_u:
        turned = np.matmul(transposed(u), du)
        inner = inner + _over_gaps(turned - transposed(turned), gaps, s) * row
        if m > k:
            beside = np.matmul((du - np.matmul(u, turned)) / row, vt)
    if not no_v:
        turned = np.matmul(vt, dv)
        inner = inner + column * _over_gaps(turned - transposed(turned), gaps, s)
        if n > k:
            beside = beside + np.matmul(u, transposed((dv - np.matmul(v, turned)) / row))
    return (np.matmul(np.matmul(u, inner), vt) + beside,)


@general(lambda a: np.linalg.svd(a, compute_uv=False), key="singular_values",
         says="turns the gradient back by the singular vectors",
         shape=lambda a: WireType.of("array", (*a.shape[:-2], min(a.shape[-2:])), a.dtype),
         bind=lambda args, kwargs: (args, {}), examples=[case(_G), case(_B), case(_B.T)])  # fmt: skip
def singular_values(a: Any, y: Any, dy: Any) -> Any:
    u, _, vt = svd(a, full_matrices=False)
    return (np.matmul(u * np.expand_dims(dy, -2), vt),)


@composed(np.linalg.svd)
def svd_(a: Any, full_matrices: bool = True, compute_uv: bool = True,
         hermitian: bool = False) -> Any:  # fmt: skip
    if hermitian:
        raise UnsupportedError("np.linalg.svd with hermitian=True is not supported: leave it out")
    if not compute_uv:
        return singular_values(a)
    return _SVDResult(*svd(a, **({} if full_matrices else {"full_matrices": False})))


@composed(np.linalg.svdvals)
def svdvals(x: Any, /) -> Any:
    return singular_values(x)
