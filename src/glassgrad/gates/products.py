"""Products of vectors, matrices and higher arrays: dot, matmul, outer, tensordot and kin.

The trick of the notes holds throughout: align the dimensions. A product hands each factor the
gradient times the other factor, transposed so that the shapes fit.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from glassgrad.circuit import WireType
from glassgrad.gates.declare import bilinear, case, composed

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
          shape=_product_type, operator=operator.matmul,
          bind=lambda args, kwargs: (args, dict(kwargs)),
          examples=[case(_A, _B), case(_A, _B[:, 0]), case(_A[0], _B), case(_A[0], _B[:, 1]),
                    case(_T, _T[0].T), case(_T[:, None], np.swapaxes(_T, 1, 2))])  # fmt: skip
def matmul(a: Any, b: Any, dy: Any) -> Any:
    if np.ndim(a) == 1 and np.ndim(b) == 1:
        return dy * b, dy * a
    if np.ndim(b) == 1:
        return lambda: np.expand_dims(dy, -1) * b, lambda: _against(_last_swapped(a), dy)
    if np.ndim(a) == 1:
        return lambda: _against(b, dy), lambda: np.expand_dims(a, -1) * np.expand_dims(dy, -2)
    return lambda: np.matmul(dy, _last_swapped(b)), lambda: np.matmul(_last_swapped(a), dy)


def _against(matrix: Any, dy: Any) -> Any:
    """A matrix times a vector, or each of a batch times its own."""
    if np.ndim(matrix) > 2:
        return np.matmul(matrix, np.expand_dims(dy, -1))[..., 0]
    return np.matmul(matrix, dy)


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
            return lambda: np.outer(dy, b), lambda: np.dot(np.transpose(a), dy)
        if m == 1:
            return lambda: np.dot(b, dy), lambda: np.outer(a, dy)
        return lambda: np.dot(dy, np.transpose(b)), lambda: np.dot(np.transpose(a), dy)
    # a's last axis meets b's last but one: contract all the others.
    free_a, free_b = m - 1, n - 1
    others_b = tuple(i for i in range(n) if i != (n - 2 if n > 1 else 0))
    rows, columns = tuple(range(free_a)), tuple(range(free_a, free_a + free_b))
    return (lambda: np.tensordot(dy, b, (columns, others_b)),
            lambda: np.moveaxis(np.tensordot(dy, a, (rows, rows)), -1, n - 2 if n > 1 else 0))  # fmt: skip


@bilinear(np.outer, says="sums the gradient against the other vector",
          examples=[case(_A[0], _B[:, 0]), case(_A, _B)])  # fmt: skip
def outer(a: Any, b: Any, dy: Any) -> Any:
    da = np.dot(dy, np.ravel(b))
    db = np.dot(np.ravel(a), dy)
    return np.reshape(da, np.shape(a)), np.reshape(db, np.shape(b))


@bilinear(np.inner, says="sends the gradient to each factor along the last axes",
          examples=[case(_A[0], _B[:, 0]), case(_A, _A[:, ::-1] * 2), case(_T, _T[:, 0]),
                    case(2.0, _A)])  # fmt: skip
def inner(a: Any, b: Any, dy: Any) -> Any:
    m, n = np.ndim(a), np.ndim(b)
    if not m or not n or m == n == 1:
        return dy * b, dy * a
    if m == n == 2:
        return lambda: np.dot(dy, b), lambda: np.dot(np.transpose(dy), a)
    return _contracted(a, b, dy, ((m - 1,), (n - 1,)))


@bilinear(np.vdot, says="swaps the factors", examples=[case(_A, _A * 2), case(_A, _B)])
def vdot(a: Any, b: Any, dy: Any) -> Any:
    return dy * np.reshape(b, np.shape(a)), dy * np.reshape(a, np.shape(b))


def _pairs(axes: Any, m: int, n: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes of tensordot as (axes of a, axes of b), all of them counted from the front."""
    if np.ndim(axes) or isinstance(axes, (tuple, list)):
        of_a, of_b = (tuple(int(i) for i in np.reshape(x, -1)) for x in axes)
    else:
        of_a, of_b = tuple(range(m - axes, m)), tuple(range(axes))
    return tuple(x % m for x in of_a), tuple(x % n for x in of_b)


def _tensordot_bind(a: Any, b: Any, axes: Any = 2) -> Any:
    return (a, b), {"axes": _pairs(axes, np.ndim(a), np.ndim(b))}


def _tensordot_type(a: WireType, b: WireType, *, axes: Any) -> WireType:
    of_a, of_b = axes
    shape = tuple(s for i, s in enumerate(a.shape) if i not in of_a)
    shape += tuple(s for i, s in enumerate(b.shape) if i not in of_b)
    return WireType.of("array", shape, np.result_type(a.dtype, b.dtype))


@bilinear(np.tensordot, says="contracts the gradient with the other factor", shape=_tensordot_type,
          bind=lambda args, kwargs: _tensordot_bind(*args, **kwargs),
          examples=[case(_T, _T, axes=((0, 2), (0, 2))), case(_A, _B, axes=((1,), (0,))),
                    case(_T, _A, axes=((0,), (0,))), case(_A, _A, axes=((), ())),
                    case(_T, np.swapaxes(_T, 0, 2), axes=((2, 1), (0, 1)))])  # fmt: skip
def tensordot(a: Any, b: Any, dy: Any, *, axes: Any) -> Any:
    return _contracted(a, b, dy, axes)


def _contracted(a: Any, b: Any, dy: Any, axes: Any) -> Any:
    """Both gradients of a contraction: contract `dy` with the other factor's free axes."""
    of_a, of_b = axes
    free_a = tuple(n for n in range(np.ndim(a)) if n not in of_a)
    free_b = tuple(n for n in range(np.ndim(b)) if n not in of_b)
    rows, columns = tuple(range(len(free_a))), tuple(range(len(free_a), len(free_a + free_b)))
    # What is left of b in da are its contracted axes in their order there; the same for a in db.
    order_a = free_a + tuple(of_a[of_b.index(n)] for n in sorted(of_b))
    order_b = tuple(of_b[of_a.index(n)] for n in sorted(of_a)) + free_b
    return (lambda: _ordered(np.tensordot(dy, b, (columns, free_b)), order_a),
            lambda: _ordered(np.tensordot(a, dy, (free_a, rows)), order_b))  # fmt: skip


def _ordered(x: Any, order: tuple[int, ...]) -> Any:
    if order == tuple(range(len(order))):
        return x
    return np.transpose(x, tuple(int(n) for n in np.argsort(order)))


@bilinear(np.kron, says="sums the gradient against the other factor, block by block",
          examples=[case(_A, _B), case(_A[0], _B), case(_B, _T), case(_A[0], _B[:, 0])])  # fmt: skip
def kron(a: Any, b: Any, dy: Any) -> Any:
    n = np.ndim(dy)
    p = (1,) * (n - np.ndim(a)) + np.shape(a)
    q = (1,) * (n - np.ndim(b)) + np.shape(b)
    blocks = np.reshape(dy, tuple(s for pair in zip(p, q, strict=True) for s in pair))
    every, even, odd = tuple(range(n)), tuple(range(0, 2 * n, 2)), tuple(range(1, 2 * n, 2))
    da = np.tensordot(blocks, np.reshape(b, q), (odd, every))
    db = np.tensordot(blocks, np.reshape(a, p), (even, every))
    return np.reshape(da, np.shape(a)), np.reshape(db, np.shape(b))


# -- products of vectors along the last axis -------------------------------------------------------


@bilinear(lambda a, b: np.cross(a, b), key="cross", bind=lambda args, kwargs: (args, {}),
          says="turns the gradient to the other side of the plane",
          examples=[case(_A[0], _A[1]), case(_A, _B[:, 0]), case(_A, _A[::-1] + 1)])  # fmt: skip
def cross(a: Any, b: Any, dy: Any) -> Any:
    return cross(b, dy), cross(dy, a)


@composed(np.cross)
def cross_(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1,
           axis: Any = None) -> Any:  # fmt: skip
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = _last(a, axisa), _last(b, axisb)
    m, n = np.shape(a)[-1], np.shape(b)[-1]
    if m not in (2, 3) or n not in (2, 3):
        raise ValueError("Both input arrays must be (arrays of) 3-dimensional vectors, but they "
                         f"are {m} and {n} dimensional instead.")  # fmt: skip
    if m == n == 2:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    if m != n:  # the shorter one's third element is zero
        zero = np.zeros(1)
        a, b = (np.concatenate([v, np.broadcast_to(zero, (*np.shape(v)[:-1], 1))], axis=-1)
                if np.shape(v)[-1] == 2 else v for v in (a, b))  # fmt: skip
    made = cross(a, b)
    return made if axisc in (-1, np.ndim(made) - 1) else np.moveaxis(made, -1, axisc)


def _last(x: Any, axis: int) -> Any:
    return x if axis in (-1, np.ndim(x) - 1) else np.moveaxis(x, axis, -1)


@bilinear(lambda a, b: np.vecdot(a, b), key="vecdot", bind=lambda args, kwargs: (args, {}),
          says="swaps the factors, for each pair of vectors",
          examples=[case(_A, _B[:, 0]), case(_T, _T[:1] * 2), case(_A[0], _A[1])])  # fmt: skip
def vecdot(a: Any, b: Any, dy: Any) -> Any:
    dy = np.expand_dims(dy, -1)
    return dy * b, dy * a


@composed(np.vecdot, np.linalg.vecdot)
def vecdot_(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return vecdot(_last(x1, axis), _last(x2, axis))


if hasattr(np, "matvec"):  # NumPy 2.2

    @bilinear(np.matvec, says="sends the gradient through the matrix, transposed",
              bind=lambda args, kwargs: (args, dict(kwargs)),
              examples=[case(_A, _B[:, 0]), case(_T, _T[:, :1, :]), case(_T, _T[0, 0])])  # fmt: skip
    def matvec(a: Any, x: Any, dy: Any) -> Any:
        return np.expand_dims(dy, -1) * np.expand_dims(x, -2), np.matvec(_last_swapped(a), dy)

    @bilinear(np.vecmat, says="sends the gradient through the matrix, transposed",
              bind=lambda args, kwargs: (args, dict(kwargs)),
              examples=[case(_A[:, 0], _A), case(_T[:, 0, :3], _T), case(_B[:, 0], _T)])  # fmt: skip
    def vecmat(x: Any, a: Any, dy: Any) -> Any:
        return np.matvec(a, dy), np.expand_dims(x, -1) * np.expand_dims(dy, -2)


# -- the same under np.linalg, and chains ----------------------------------------------------------


@composed(np.linalg.matmul)
def linalg_matmul(x1: Any, x2: Any, /) -> Any:
    return np.matmul(x1, x2)


@composed(np.linalg.tensordot)
def linalg_tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    return np.tensordot(x1, x2, axes=axes)


@composed(np.linalg.outer)
def linalg_outer(x1: Any, x2: Any, /) -> Any:
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        raise ValueError("Input arrays must be one-dimensional, but they are "
                         f"x1.ndim={np.ndim(x1)} and x2.ndim={np.ndim(x2)}.")  # fmt: skip
    return np.outer(x1, x2)


@composed(np.linalg.cross)
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    m, n = np.shape(x1)[axis], np.shape(x2)[axis]
    if m != 3 or n != 3:
        raise ValueError("Both input arrays must be (arrays of) 3-dimensional vectors, but they "
                         f"are {m} and {n} dimensional instead.")  # fmt: skip
    return cross_(x1, x2, axis=axis)


@composed(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    """A chain of products in the order in which NumPy takes it, so that every bit agrees."""
    chain = list(arrays)
    if len(chain) < 2:
        raise ValueError("Expecting at least two arrays.")
    if len(chain) == 2:
        return np.dot(*chain)
    row, column = np.ndim(chain[0]) == 1, np.ndim(chain[-1]) == 1
    if row:
        chain[0] = np.reshape(chain[0], (1, -1))
    if column:
        chain[-1] = np.reshape(chain[-1], (-1, 1))
    result = _chained(chain, _order([*[np.shape(x)[0] for x in chain], np.shape(chain[-1])[1]]))
    if row and column:
        return result[0, 0]
    return np.ravel(result) if row or column else result


Split = tuple[Any, Any] | int


def _order(sizes: list[int]) -> Split:
    """Where to put the brackets: Cormen et al., "Introduction to Algorithms", chapter 15.2."""
    n = len(sizes) - 1
    if n == 3:  # of equal costs NumPy takes the right bracket first here, the left one below
        a, b, c, d = sizes
        return ((0, 1), 2) if a * c * (b + d) < b * d * (a + c) else (0, (1, 2))
    best: dict[tuple[int, int], tuple[float, Split]] = {(i, i): (0.0, i) for i in range(n)}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            best[i, j] = (float("inf"), i)
            for k in range(i, j):
                (left, p), (right, q) = best[i, k], best[k + 1, j]
                cost = left + right + sizes[i] * sizes[k + 1] * sizes[j + 1]
                if cost < best[i, j][0]:
                    best[i, j] = (cost, (p, q))
    return best[0, n - 1][1]


def _chained(chain: list[Any], order: Split) -> Any:
    if isinstance(order, int):
        return chain[order]
    return np.dot(_chained(chain, order[0]), _chained(chain, order[1]))


def _convolved(a: WireType, v: WireType, *, mode: Any = "full") -> WireType:
    n, m = a.size, v.size
    low, high = (n, m) if n < m else (m, n)
    size = {"full": n + m - 1, "same": high, "valid": high - low + 1}[mode]
    return WireType.of("array", (size,), np.result_type(a.dtype, v.dtype))


@bilinear(np.convolve, says="slides the gradient over the other signal, turned round",
          shape=_convolved, examples=[case(_A[0], _B[:, 0]), case(_A[0], _B[0], mode="same"),
                                      case(_B[0], _A[1], mode="valid")])  # fmt: skip
def convolve(a: Any, v: Any, dy: Any, *, mode: Any = "full") -> Any:
    n, m = np.size(a), np.size(v)
    if mode != "full":  # the other modes are the middle of the full one
        low = n if n < m else m
        before = (low - 1) // 2 if mode == "same" else low - 1
        dy = np.pad(dy, (before, n + m - 1 - before - np.size(dy)))
    da = np.convolve(dy, np.ravel(v)[::-1], "valid")
    dv = np.convolve(dy, np.ravel(a)[::-1], "valid")
    return np.reshape(da, np.shape(a)), np.reshape(dv, np.shape(v))
