"""Products of vectors, matrices and higher arrays: dot, matmul, outer, einsum and kin.

The trick of the notes holds throughout: align the dimensions. A product hands each factor the
gradient times the other factor, transposed so that the shapes fit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.circuit import WireType
from glassgrad.gates.declare import bilinear, case
from glassgrad.gates.declare import composed as composed

_A = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.5]])
_B = np.array([[0.5, 1.0], [-1.0, 2.0], [0.3, -0.7]])
_T = np.arange(24.0).reshape(2, 3, 4) / 7.0


def _last_swapped(x: Any) -> Any:
    return np.transpose(x) if np.ndim(x) == 2 else np.swapaxes(x, -1, -2)


def _product_type(a: WireType, b: WireType) -> WireType:
    """Shape rule of matmul, so that no product is computed to learn a shape."""
    dtype = np.result_type(a.dtype, b.dtype)
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    shape = batch + (a.shape[-2:-1] if a.ndim > 1 else ()) + (b.shape[-1:] if b.ndim > 1 else ())
    return WireType.of("array" if shape else "numpy", shape, dtype)


@bilinear(np.matmul, says="sends the gradient through the other matrix, transposed",
          shape=_product_type, operator=__import__("operator").matmul,
          bind=lambda args, kwargs: (args, dict(kwargs)),
          examples=[case(_A, _B), case(_A, _B[:, 0]), case(_A[0], _B), case(_A[0], _B[:, 1]),
                    case(_T, _T[0].T), case(_T[:, None], np.swapaxes(_T, 1, 2))])  # fmt: skip
def matmul(a: Any, b: Any, dy: Any) -> Any:
    if np.ndim(a) == 1 and np.ndim(b) == 1:
        return dy * b, dy * a
    if np.ndim(b) == 1:
        return np.expand_dims(dy, -1) * b, np.matmul(_last_swapped(a), np.expand_dims(dy, -1))[..., 0] \
            if np.ndim(a) > 2 else np.matmul(np.transpose(a), dy)  # fmt: skip
    if np.ndim(a) == 1:
        db = np.expand_dims(a, -1) * np.expand_dims(dy, -2)
        da = np.matmul(b, np.expand_dims(dy, -1))[..., 0] if np.ndim(b) > 2 else np.matmul(b, dy)
        return da, db
    return np.matmul(dy, _last_swapped(b)), np.matmul(_last_swapped(a), dy)


def _dot_type(a: WireType, b: WireType) -> WireType:
    dtype = np.result_type(a.dtype, b.dtype)
    if not a.ndim or not b.ndim:
        shape = a.shape + b.shape
    else:
        shape = a.shape[:-1] + b.shape[:-2] + (b.shape[-1:] if b.ndim > 1 else ())
    return WireType.of("array" if shape else "numpy", shape, dtype)


@bilinear(np.dot, says="sends the gradient through the other factor, transposed", shape=_dot_type,
          examples=[case(_A, _B), case(_A, _B[:, 0]), case(_A[0], _B), case(_A[0], _B[:, 1]),
                    case(2.0, _A), case(_T, _B[:2, :].T[:, 0] @ np.ones((2, 4))),
                    case(_T, _T.transpose(0, 2, 1))])  # fmt: skip
def dot(a: Any, b: Any, dy: Any) -> Any:
    m, n = np.ndim(a), np.ndim(b)
    if not m or not n or m == n == 1:
        return dy * b, dy * a
    if m <= 2 and n <= 2:
        if n == 1:
            return np.outer(dy, b), np.dot(np.transpose(a), dy)
        if m == 1:
            return np.dot(b, dy), np.outer(a, dy)
        return np.dot(dy, np.transpose(b)), np.dot(np.transpose(a), dy)
    # a's last axis meets b's last but one: contract all the others.
    free_a, free_b = m - 1, n - 1
    others_b = tuple(i for i in range(n) if i != (n - 2 if n > 1 else 0))
    da = np.tensordot(dy, b, (tuple(range(free_a, free_a + free_b)), others_b))
    db = np.tensordot(dy, a, (tuple(range(free_a)), tuple(range(free_a))))
    return da, np.moveaxis(db, -1, n - 2 if n > 1 else 0)


@bilinear(np.outer, says="sums the gradient against the other vector",
          examples=[case(_A[0], _B[:, 0]), case(_A, _B)])  # fmt: skip
def outer(a: Any, b: Any, dy: Any) -> Any:
    da = np.dot(dy, np.ravel(b))
    db = np.dot(np.ravel(a), dy)
    return np.reshape(da, np.shape(a)), np.reshape(db, np.shape(b))
