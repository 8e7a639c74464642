"""Norms of vectors and matrices.

Each norm is one gate, so that its value is NumPy's to the bit. Where a norm has a kink the gradient
is the subgradient of least length: zero at a zero vector, equal shares where several are largest.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassgrad.circuit import WireType
from glassgrad.gates.declare import careful, case, composed, general
from glassgrad.gates.reduction import kept

_V = np.array([1.0, -2.0, 0.5])
_B = np.array([[1.0, 2.0], [0.5, -1.0], [0.3, 0.8]])
_T = np.linspace(-1.0, 2.0, 24).reshape(2, 3, 4) ** 2 + 0.1


def _norm_type(x: WireType, *, axis: Any = None, keepdims: bool = False, **_: Any) -> WireType:
    axes = _axes(axis, x.ndim)
    sizes = [
        1 if n in axes else size for n, size in enumerate(x.shape) if keepdims or n not in axes
    ]
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    return WireType.of("array" if sizes else "numpy", tuple(sizes), dtype)


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    return tuple(int(n) % ndim for n in (axis if isinstance(axis, tuple) else (axis,)))


def _bind(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    static: dict[str, Any] = {} if ord is None else {"ord": ord}
    if axis is not None:
        static["axis"] = tuple(axis) if isinstance(axis, list) else axis
    return (x,), static | ({"keepdims": True} if keepdims else {})


@general(np.linalg.norm, says="points the gradient along its input; a zero vector gets zero",
         bind=lambda args, kwargs: _bind(*args, **kwargs), shape=_norm_type,
         examples=[case(_V), case(_B), case(_B, axis=1), case(_T, axis=(0, 2), keepdims=True),
                   case(_V, ord=3), case(_B, ord=1.5, axis=0), case(_V, ord=-2), case(_V, ord=1),
                   case(_V, ord=math.inf), case(_B, ord=-math.inf, axis=1), case(_B, ord="fro"),
                   case(_B, ord=1), case(_B, ord=-1, keepdims=True), case(_T, ord=math.inf, axis=(2, 1)),
                   case(_B, ord=2), case(_T + _T[::-1] ** 2, ord=-2, axis=(1, 2)),
                   case(_B, ord="nuc", keepdims=True)])  # fmt: skip
def norm(x: Any, y: Any, dy: Any, *, ord: Any = None, axis: Any = None,
         keepdims: bool = False) -> Any:  # fmt: skip
    axes = _axes(axis, np.ndim(x))
    if ord == 0 or not np.size(x):
        return (None,)
    largest, upstream = kept(x, y, axis, keepdims), kept(x, dy, axis, keepdims)
    if ord is None or ord == "fro" or (ord == 2 and len(axes) == 1):
        return (_over(upstream, largest) * x,)
    if len(axes) == 1:
        return (_of_vectors(x, largest, upstream, ord, axes),)
    if ord in ("nuc", 2, -2):
        return (_by_singular_values(x, upstream, ord, axes),)
    over, across = axes if abs(ord) == 1 else axes[::-1]
    sums = np.sum(np.abs(x), axis=over, keepdims=True)
    return (np.sign(x) * _shared(sums == largest, upstream, across),)


def _over(dy: Any, y: Any) -> Any:
    """The upstream gradient over the norm; nothing where the norm is zero."""
    if not careful(y, dy):  # what comes out as NaN is computed again with care
        return dy / y
    return np.where(y == 0, 0.0, dy / np.where(y == 0, 1.0, y))


def _shared(hit: Any, dy: Any, axis: Any) -> Any:
    """Equal shares for all that attain the norm; of a NaN none does, and 0 / 0 is NaN."""
    return hit * (dy / np.sum(hit, axis=axis, keepdims=True))


def _of_vectors(x: Any, y: Any, dy: Any, ord: Any, axes: tuple[int, ...]) -> Any:
    if ord == 1:
        return np.sign(x) * dy
    if abs(ord) == math.inf:
        return np.sign(x) * _shared(np.abs(x) == y, dy, axes)
    if not careful(y, dy):
        return np.sign(x) * (np.abs(x) / y) ** (ord - 1) * dy
    # At a zero element |x|**ord with ord < 1 is infinitely steep on both sides: zero is chosen.
    none = (y == 0) | ((x == 0) & (y == y))
    ratio = np.where(none, 1.0, np.abs(x) / np.where(y == 0, 1.0, y))
    return np.where(none & (dy == dy), 0.0, np.sign(x) * ratio ** (ord - 1) * dy)


def _by_singular_values(x: Any, dy: Any, ord: Any, axes: tuple[int, ...]) -> Any:
    """The norms of a matrix that are made of its singular values: their sum, or one of them."""
    plain = axes == (np.ndim(x) - 2, np.ndim(x) - 1)
    matrix = x if plain else np.moveaxis(x, axes, (-2, -1))
    upstream = dy
    if np.ndim(dy):
        upstream = (dy if plain else np.moveaxis(dy, axes, (-2, -1)))[..., 0]
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    top = np.max(s, axis=-1, keepdims=True)
    rounding = float(max(np.shape(matrix)[-2:]) * np.finfo(s.dtype).eps) * top
    if ord == "nuc":
        shares = np.where(s <= rounding, 0.0, upstream)
    else:
        hit = s >= top - rounding if ord == 2 else \
            s <= np.min(s, axis=-1, keepdims=True) + rounding  # fmt: skip
        shares = np.where(s <= rounding, 0.0, _shared(hit, upstream, -1))
    made = np.matmul(u * np.expand_dims(shares, -2), vt)
    return made if plain else np.moveaxis(made, (-2, -1), axes)


@composed(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    ndim, shape = np.ndim(x), np.shape(x)
    axes = _axes(axis, ndim)
    if axis is None:
        flat, along = np.ravel(x), 0
    elif isinstance(axis, tuple):  # as NumPy does, so that the sums agree to the bit
        rest = tuple(n for n in range(ndim) if n not in axes)
        order = (*axes, *rest)
        moved = x if order == tuple(range(ndim)) else np.transpose(x, order)
        flat, along = np.reshape(moved, (-1, *(shape[n] for n in rest))), 0
    else:
        flat, along = x, axis
    made = np.linalg.norm(flat, axis=along, ord=ord)
    if keepdims:
        return np.reshape(made, tuple(1 if n in axes else size for n, size in enumerate(shape)))
    return made


@composed(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return np.linalg.norm(x, axis=(-2, -1), keepdims=keepdims, ord=ord)
