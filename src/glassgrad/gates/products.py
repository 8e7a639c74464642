"""Products of vectors, matrices and higher arrays: dot, matmul, outer, einsum and kin.

The trick of the notes holds throughout: align the dimensions. A product hands each factor the
gradient times the other factor, transposed so that the shapes fit.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from glassgrad.circuit import WireType
from glassgrad.errors import UnsupportedError
from glassgrad.gates.declare import bilinear, case, composed, general

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


@bilinear(np.inner, says="sends the gradient to each factor along the last axes",
          examples=[case(_A[0], _B[:, 0]), case(_A, _A[:, ::-1] * 2), case(_T, _A[0, :1] * np.ones(4))])  # fmt: skip
def inner(a: Any, b: Any, dy: Any) -> Any:
    m, n = np.ndim(a), np.ndim(b)
    if not m or not n or m == n == 1:
        return dy * b, dy * a
    return _contracted(a, b, dy, ((m - 1,), (n - 1,)))


@bilinear(np.vdot, says="swaps the factors", examples=[case(_A, _A * 2), case(_A[0], _B[:, 0])])
def vdot(a: Any, b: Any, dy: Any) -> Any:
    return dy * np.reshape(b, np.shape(a)), dy * np.reshape(a, np.shape(b))


def _pairs(axes: Any, m: int, n: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes of tensordot as (axes of a, axes of b), all of them counted from the front."""
    if isinstance(axes, (tuple, list)):
        of_a, of_b = ((x,) if isinstance(x, int) else tuple(x) for x in axes)
    else:
        of_a, of_b = tuple(range(m - axes, m)), tuple(range(axes))
    return tuple(x % m for x in of_a), tuple(x % n for x in of_b)


def _tensordot_bind(a: Any, b: Any, axes: Any = 2) -> Any:
    return (a, b), {"axes": _pairs(axes, np.ndim(a), np.ndim(b))}


@bilinear(np.tensordot, says="contracts the gradient with the other factor",
          bind=lambda args, kwargs: _tensordot_bind(*args, **kwargs),
          examples=[case(_T, _T, axes=((0, 2), (0, 2))), case(_A, _B, axes=((1,), (0,))),
                    case(_T, _A, axes=((0,), (0,))), case(_A, _A, axes=((), ()))])  # fmt: skip
def tensordot(a: Any, b: Any, dy: Any, *, axes: Any) -> Any:
    return _contracted(a, b, dy, _pairs(axes, np.ndim(a), np.ndim(b)))


def _contracted(a: Any, b: Any, dy: Any, axes: Any) -> Any:
    """Both gradients of a contraction: contract `dy` with the other factor's free axes."""
    of_a, of_b = axes
    free_a = tuple(n for n in range(np.ndim(a)) if n not in of_a)
    free_b = tuple(n for n in range(np.ndim(b)) if n not in of_b)
    k = len(free_a)
    da = np.tensordot(dy, b, (tuple(range(k, k + len(free_b))), free_b))
    db = np.tensordot(a, dy, (free_a, tuple(range(k))))
    # What is left of b in da are its contracted axes in their order there; the same for a in db.
    order_a = free_a + tuple(of_a[of_b.index(n)] for n in sorted(of_b))
    order_b = tuple(of_b[of_a.index(n)] for n in sorted(of_a)) + free_b
    return _ordered(da, order_a), _ordered(db, order_b)


def _ordered(x: Any, order: tuple[int, ...]) -> Any:
    if order == tuple(range(len(order))):
        return x
    return np.transpose(x, tuple(int(n) for n in np.argsort(order)))


# -- einsum ----------------------------------------------------------------------------------------


def _einsum_bind(*args: Any, optimize: Any = False, **kwargs: Any) -> Any:
    """Every form of einsum as explicit subscripts without ellipsis or repeated letters."""
    if kwargs:
        raise UnsupportedError(f"numpy.einsum with {', '.join(kwargs)}= is not supported")
    if isinstance(args[0], str):
        subscripts, operands = args[0].replace(" ", ""), list(args[1:])
    else:
        subscripts, operands = _from_lists(args)
    left, arrow, right = subscripts.partition("->")
    terms = _without_ellipsis(left.split(","), operands)
    spare = "".join(c for c in _dots(terms, left.split(","), operands))
    if arrow:
        result = right.replace("...", spare)
    else:
        letters = "".join(terms)
        once = sorted(c for c in set(letters) if letters.count(c) == 1 and c not in spare)
        result = spare + "".join(once)
    for n, term in enumerate(terms):
        operands[n], terms[n] = _without_repeats(operands[n], term)
    static: dict[str, Any] = {"subscripts": ",".join(terms) + "->" + result}
    return tuple(operands), static | ({"optimize": optimize} if optimize is not False else {})


def _from_lists(args: Any) -> tuple[str, list[Any]]:
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

    def word(axes: Any) -> str:
        return "".join("..." if x is Ellipsis else letters[x] for x in axes)

    operands, words = list(args[0 : len(args) - len(args) % 2 : 2]), list(args[1::2])
    text = ",".join(word(w) for w in words)
    return (text + "->" + word(args[-1]) if len(args) % 2 else text), operands


def _unused(terms: list[str]) -> list[str]:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    return [c for c in letters if c not in "".join(terms)]


def _dots(terms: list[str], before: list[str], operands: list[Any]) -> str:
    """The letters that stand for the ellipsis."""
    longest = ""
    spare = _unused(before)
    for term, operand in zip(before, operands, strict=True):
        if "..." in term:
            n = np.ndim(operand) - len(term) + 3
            word = "".join(spare[:n][::-1])
            longest = word if len(word) > len(longest) else longest
    return longest


def _without_ellipsis(terms: list[str], operands: list[Any]) -> list[str]:
    spare = _unused(terms)
    found = []
    for term, operand in zip(terms, operands, strict=True):
        n = np.ndim(operand) - len(term) + 3
        found.append(term.replace("...", "".join(spare[:n][::-1])) if "..." in term else term)
    return found


def _without_repeats(x: Any, term: str) -> tuple[Any, str]:
    """'iij' as 'ji' of the diagonal."""
    for c in term:
        if term.count(c) > 1:
            p = term.index(c)
            q = term.index(c, p + 1)
            rest = term[:p] + term[p + 1 : q] + term[q + 1 :]
            return _without_repeats(np.diagonal(x, axis1=p, axis2=q), rest + c)
    return x, term


def _einsum(*operands: Any, subscripts: str, optimize: Any = False) -> Any:
    return np.einsum(subscripts, *operands, optimize=optimize)


@general(_einsum, says="contracts the gradient with all other factors", key=np.einsum, views=True,
         bind=lambda args, kwargs: _einsum_bind(*args, **kwargs),
         examples=[case(_A, _B, subscripts="ij,jk->ik"), case(_A, subscripts="ij->j"),
                   case(_T, _A, subscripts="abc,ad->cd"), case(_A, _A, _A, subscripts="ij,ij,ij->i"),
                   case(_A, subscripts="ij->ji"), case(_A[0], _B[:, 0], subscripts="i,j->ij")])  # fmt: skip
def einsum(*operands_y_dy: Any, subscripts: str, optimize: Any = False) -> Any:
    *operands, _, dy = operands_y_dy
    left, _, right = subscripts.partition("->")
    terms = left.split(",")
    gradients = []
    for n, (operand, term) in enumerate(zip(operands, terms, strict=True)):
        others = [(t, o) for m, (t, o) in enumerate(zip(terms, operands, strict=True)) if m != n]
        known = right + "".join(t for t, _ in others)
        reached = "".join(c for c in term if c in known)  # the others were summed away alone
        words = ",".join([right, *[t for t, _ in others]]) + "->" + reached
        gradient = np.einsum(words, dy, *[o for _, o in others]) if words != f"{right}->{right}" \
            else dy  # fmt: skip
        if reached != term:
            missing = tuple(i for i, c in enumerate(term) if c not in known)
            gradient = np.broadcast_to(np.expand_dims(gradient, missing), np.shape(operand))
        gradients.append(gradient)
    return tuple(gradients)


@composed(np.kron)
def kron(a: Any, b: Any) -> Any:
    n = np.ndim(a) if np.ndim(a) > np.ndim(b) else np.ndim(b)
    left = (1,) * (n - np.ndim(a)) + np.shape(a)
    right = (1,) * (n - np.ndim(b)) + np.shape(b)
    apart = [np.reshape(a, tuple(s for m in left for s in (m, 1))),
             np.reshape(b, tuple(s for m in right for s in (1, m)))]  # fmt: skip
    return np.reshape(apart[0] * apart[1], tuple(p * q for p, q in zip(left, right, strict=True)))


@composed(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1,
          axis: Any = None) -> Any:  # fmt: skip
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if np.shape(a)[-1] != 3 or np.shape(b)[-1] != 3:
        raise UnsupportedError("numpy.cross is supported for vectors of three elements")
    (a0, a1, a2), (b0, b1, b2) = ([v[..., n] for n in range(3)] for v in (a, b))
    parts = [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0]
    return np.moveaxis(np.stack(parts, axis=-1), -1, axisc) if np.ndim(parts[0]) \
        else np.stack(parts)  # fmt: skip
