"""Systems of small matrices written out element by element, and what is made of other systems.

A small matrix is eliminated in as many elementwise gates as there are steps, for all of a batch at
once, with the pivots that LAPACK would choose: in each column the largest. It is done
in double precision, as NumPy does it for single, too. Where a pivot is zero the numbers are not
finite, and native code hands over to NumPy, which raises.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.gates.guards import guard
from glassgrad.gates.linalg import slogdet
from glassgrad.gates.spectral import eigh
from glassgrad.tracing import apply

__all__ = ["MATRICES"]

_MOST = 4  # rows of a matrix that is written out ...
_MOST_OF_MANY, _MANY = 6, 100  # ... and of each of a batch, from so many on

Rows = list[list[Any]]


def _small(*operands: Any) -> bool:
    """Whether the first is a small matrix, or a batch of them, and all are of one precision."""
    same = len({o.dtype for o in operands}) == 1 and operands[0].dtype.kind == "f"
    *batch, n, _ = np.shape(operands[0])
    return same and 1 < n <= (_MOST if math.prod(batch) < _MANY else _MOST_OF_MANY)


def _elements(a: Any) -> Rows:
    n, m = np.shape(a)[-2:]
    return [[_double(a[..., i, j]) for j in range(m)] for i in range(n)]


def _double(x: Any) -> Any:
    return x if x.dtype == np.float64 else x.astype(np.float64)


def _matrix(rows: Rows, dtype: Any) -> Any:
    """Elements, each over a batch, as matrices."""
    cells = [_vector(row, dtype) for row in rows]
    return np.stack(np.broadcast_arrays(*cells), axis=-2)


def _vector(cells: Sequence[Any], dtype: Any) -> Any:
    given = [x if x.dtype == dtype else x.astype(dtype) for x in cells]
    return np.stack(np.broadcast_arrays(*given), axis=-1)


def _eliminated(a: Rows, right: Rows) -> tuple[Rows, Rows, Any]:
    """Upper triangle and right-hand sides after elimination, and the sign of the rows' order."""
    a, right = [list(row) for row in a], [list(row) for row in right]
    n, sign = len(a), None
    for k in range(n):
        for r in range(k + 1, n):
            larger = np.abs(a[r][k]) > np.abs(a[k][k])
            turn = np.where(larger, -1.0, 1.0)
            sign = turn if sign is None else sign * turn
            for rows, first in ((a, k), (right, 0)):
                for j in range(first, len(rows[k])):
                    up, down = rows[r][j], rows[k][j]
                    rows[k][j] = np.where(larger, up, down)
                    rows[r][j] = np.where(larger, down, up)
        inverse = 1 / a[k][k]
        for r in range(k + 1, n):
            factor = a[r][k] * inverse
            for rows, first in ((a, k + 1), (right, 0)):
                for j in range(first, len(rows[k])):
                    rows[r][j] = rows[r][j] - factor * rows[k][j]
    return a, right, sign


def _back(upper: Rows, right: Rows) -> Rows:
    """The solutions of an upper triangle."""
    n, solved = len(upper), [list(row) for row in right]
    for i in reversed(range(n)):
        for c in range(len(solved[i])):
            value = solved[i][c]
            for j in range(i + 1, n):
                value = value - upper[i][j] * solved[j][c]
            solved[i][c] = value / upper[i][i]
    return solved


def _solve(a: Any, b: Any) -> Any:
    if not _small(a, b) or (np.ndim(b) > 1 and np.shape(b)[-1] > 2 * _MOST):
        return None
    right = _elements(b if np.ndim(b) > 1 else np.expand_dims(b, -1))
    upper, right, _ = _eliminated(_elements(a), right)
    solved = _back(upper, right)
    if np.ndim(b) > 1:
        return _matrix(solved, a.dtype)
    return _vector([row[0] for row in solved], a.dtype)


def _inverse(a: Any) -> Any:
    if not _small(a):
        return None
    upper, right, _ = _eliminated(_elements(a), _elements(np.eye(np.shape(a)[-1])))
    return _matrix(_back(upper, right), a.dtype)


def _diagonal(a: Any) -> tuple[list[Any], Any]:
    upper, _, sign = _eliminated(_elements(a), [[] for _ in range(np.shape(a)[-1])])
    return [upper[k][k] for k in range(len(upper))], sign


def _det(a: Any) -> Any:
    """By the logarithms, as NumPy has it: a product on the way could leave what numbers can hold."""
    sign, logarithm = slogdet(_double(a))
    return (sign * np.exp(logarithm)).astype(a.dtype)


def _slogdet(a: Any) -> Any:
    if not _small(a):
        return None
    pivots, sign = _diagonal(a)
    for pivot in pivots:
        sign = sign * np.sign(pivot)
    logarithm = np.log(np.abs(pivots[0]))
    for pivot in pivots[1:]:
        logarithm = logarithm + np.log(np.abs(pivot))
    return sign.astype(a.dtype), logarithm.astype(a.dtype)


def _cofactors(a: Any) -> Any:
    det = np.linalg.det(a)
    return (np.expand_dims(det, (-2, -1)) if np.ndim(det) else det) * np.swapaxes(
        np.linalg.inv(a), -1, -2
    )


def _cholesky(a: Any, *, upper: bool = False) -> Any:
    if not _small(a):
        return None
    n, given = np.shape(a)[-1], _elements(a)
    made: Rows = [[None] * n for _ in range(n)]
    for j in range(n):
        for i in range(j, n):
            value = given[j][i] if upper else given[i][j]
            for k in range(j):
                value = value - made[i][k] * made[j][k]
            made[i][j] = np.sqrt(value) if i == j else value / made[j][j]
    zero = np.zeros(np.shape(made[0][0]))
    cells = [[made[i][j] if i >= j else zero for j in range(n)] for i in range(n)]
    return _matrix([list(row) for row in zip(*cells, strict=True)] if upper else cells, a.dtype)


# -- eigenvalues ---------------------------------------------------------------------------------


def _eigvalsh(a: Any, **static: Any) -> Any:
    """With the vectors, which the gradient needs in any case."""
    return eigh(a, **static)[0]


def _coincide(w: Any) -> Any:
    """None but each with itself: that is tested, and everything else is NumPy's to warn of."""
    n = np.shape(w)[-1]
    size = np.max(np.abs(w), axis=-1, keepdims=True)
    gaps = np.abs(np.expand_dims(w, -2) - np.expand_dims(w, -1))
    equal = gaps <= np.expand_dims(size, -1) * w.dtype.type(n * np.finfo(w.dtype).eps)
    apply(guard, (equal,), {"how": "count", "told": math.prod(np.shape(w))}, "numpy")
    return np.broadcast_to(np.eye(n, dtype=bool), (*np.shape(w), n))


MATRICES: Mapping[str, Callable[..., Any]] = {
    "solve": _solve, "inv": _inverse, "inverse": _inverse, "det": _det, "slogdet": _slogdet,
    "cofactors": _cofactors, "cholesky": _cholesky, "eigvalsh": _eigvalsh, "coincide": _coincide,
}  # fmt: skip
