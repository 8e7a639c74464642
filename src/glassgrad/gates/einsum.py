"""Einstein sums: `np.einsum` in all its forms, and the transposes of each factor.

The gradient of one factor is an Einstein sum of the upstream gradient and the other factors, with
the letters exchanged. What a call may leave out (ellipsis, implicit output, lists of axes) is
spelled out first, so that the rule works with plain letters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import UnsupportedError
from glassgrad.gates.declare import bilinear, case, composed, linear

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LARGE = 20_000  # products in one sum: from here on optimize=True pays

_A = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.5]])
_B = np.array([[0.5, 1.0], [-1.0, 2.0], [0.3, -0.7]])
_G = np.array([[2.0, -1.0, 0.3], [0.7, 1.5, 0.2], [-0.4, 0.9, 3.0]])
_T = np.arange(24.0).reshape(2, 3, 4) / 7.0


def _einsum(*operands: Any, subscripts: str, optimize: Any = False) -> Any:
    return np.einsum(subscripts, *operands, optimize=optimize)


@bilinear(_einsum, key="einsum", says="contracts the gradient with all other factors",
          bind=lambda args, kwargs: (args, dict(kwargs)),
          examples=[case(_A, _B, subscripts="ij,jk->ik"), case(_T, _A, subscripts="abc,ad->cd"),
                    case(_A, _A, _A, subscripts="ij,ij,ij->i"), case(_G, _G[0], subscripts="ii,j->i"),
                    case(_A[0], _B[:, 0], subscripts="i,j->ij"), case(_A[:1], _A, subscripts="ij,ij->i"),
                    case(_A, _B, subscripts="ij,jk->ik", optimize=True)])  # fmt: skip
def einsum(*factors_and_dy: Any, subscripts: str, optimize: Any = False) -> Any:
    *factors, dy = factors_and_dy
    return _transposes(factors, dy, subscripts, bool(optimize))


def _einsum1(a: Any, *, subscripts: str, optimize: Any = False) -> Any:
    sizes: dict[str, int] = {}
    for letter, n in zip(subscripts.partition("->")[0], np.shape(a), strict=True):
        if sizes.setdefault(letter, n) != n:  # NumPy lets an empty axis pass
            raise ValueError(f"einsum {subscripts!r}: axes {letter!r} are {sizes[letter]} and {n}")
    return np.einsum(subscripts, a, optimize=optimize)


@linear(_einsum1, key="einsum1", says="puts the gradient back where its letters came from", views=True,
        bind=lambda args, kwargs: (args, dict(kwargs)),
        examples=[case(_A, subscripts="ij->j"), case(_A, subscripts="ij->ji"),
                  case(_G, subscripts="ii->i"), case(_G, subscripts="ii->"),
                  case(_T, subscripts="ijk->kj"), case(_A, subscripts="ij->ij")])  # fmt: skip
def einsum1(a: Any, dy: Any, *, subscripts: str, optimize: Any = False) -> Any:
    return _transposes([a], dy, subscripts, False)[0]()


def _transposes(
    factors: Sequence[Any], dy: Any, subscripts: str, optimize: bool
) -> tuple[Callable[[], Any], ...]:
    """The gradient of each factor, to be computed where it is needed."""
    left, _, out = subscripts.partition("->")
    terms = left.split(",")
    sizes: dict[str, int] = {}
    for term, factor in zip(terms, factors, strict=True):
        for letter, n in zip(term, np.shape(factor), strict=True):
            sizes[letter] = n if n != 1 else sizes.get(letter, 1)
    if len(factors) > 2 or math.prod(sizes.values()) > _LARGE:
        optimize = len(factors) > 1
    static = {"optimize": True} if optimize else {}
    return tuple(
        [lambda n=n: _transpose(n, factors, dy, terms, out, static) for n in range(len(factors))]
    )


def _transpose(
    n: int, factors: Sequence[Any], dy: Any, terms: Sequence[str], out: str, static: dict[str, Any]
) -> Any:
    term, shape = terms[n], np.shape(factors[n])
    words, operands = [out], [dy]
    for k, (word, factor) in enumerate(zip(terms, factors, strict=True)):
        if k != n:
            words.append(word)
            operands.append(factor)
    # A letter that stands twice means a diagonal: the gradient is zero beside it.
    spare = (c for c in _LETTERS if c not in "".join(terms) + out)
    target = ""
    for letter, size in zip(term, shape, strict=True):
        if letter in target:
            twin = next(spare)
            words.append(letter + twin)
            operands.append(np.eye(shape[term.index(letter)], size, dtype=dy.dtype))
            letter = twin
        target += letter
    # A letter that stands nowhere else was summed away: its gradient is the same all along, which
    # an axis of length one says, since backpropagation spreads and sums to the factor's shape.
    known = "".join(words)
    reached = "".join(c for c in target if c in known)
    made = dy if words == [reached] else _made(",".join(words) + "->" + reached, operands, static)
    if reached != target:
        made = np.expand_dims(made, tuple(i for i, c in enumerate(target) if c not in known))
    return made


def _made(subscripts: str, operands: Sequence[Any], static: dict[str, Any]) -> Any:
    if len(operands) == 1:
        return einsum1(*operands, subscripts=subscripts)
    return einsum(*operands, subscripts=subscripts, **static)


# -- a call as people write it ---------------------------------------------------------------------


@composed(np.einsum)
def einsum_(*args: Any, optimize: Any = False, out: Any = None, **kwargs: Any) -> Any:
    usual = {"dtype": None, "order": "K", "casting": "safe"}
    unusual = [k for k, v in kwargs.items() if k not in usual or v != usual[k]]
    if unusual:
        raise UnsupportedError(f"numpy.einsum with {', '.join(unusual)}= is not supported")
    if isinstance(args[0], str):
        text, factors = args[0].replace(" ", ""), args[1:]
    else:
        text, factors = _from_lists(args)
    factors = tuple(np.asarray(f) if type(f) in (list, tuple) else f for f in factors)
    static: dict[str, Any] = {"subscripts": _spelled_out(text, [np.ndim(f) for f in factors])}
    if optimize is not False:
        static["optimize"] = tuple(optimize) if isinstance(optimize, list) else optimize
    return (einsum1 if len(factors) == 1 else einsum)(*factors, **static)


def _from_lists(args: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
    """``einsum(a, [0, 1], b, [1, 2], [0, 2])`` as letters."""

    def word(axes: Any) -> str:
        return "".join("..." if x is Ellipsis else _LETTERS[int(x)] for x in axes)

    pairs = len(args) // 2
    text = ",".join(word(axes) for axes in args[1 : 2 * pairs : 2])
    return text + ("->" + word(args[-1]) if len(args) % 2 else ""), tuple(args[: 2 * pairs : 2])


def _spelled_out(text: str, ndims: Sequence[int]) -> str:
    """Subscripts with an output and without an ellipsis."""
    left, arrow, out = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise ValueError("einsum: as many terms as operands are needed")
    spare = [c for c in reversed(_LETTERS) if c not in text]
    hidden = [n - len(t.replace("...", "")) for t, n in zip(terms, ndims, strict=True)]
    if any(h < 0 or (h and "..." not in t) for h, t in zip(hidden, terms, strict=True)):
        raise ValueError(f"einsum: {text!r} does not fit operands of {list(ndims)} dimensions")
    most = max((h for h, t in zip(hidden, terms, strict=True) if "..." in t), default=0)
    dots = "".join(spare[:most])
    terms = [t.replace("...", dots[most - h :]) for t, h in zip(terms, hidden, strict=True)]
    if arrow:
        return ",".join(terms) + "->" + out.replace("...", dots)
    return ",".join(terms) + "->" + dots + "".join(_once("".join(terms), dots))


def _once(letters: str, dots: str) -> Iterator[str]:
    """The letters of an implicit output, in alphabetical order."""
    return (c for c in sorted(set(letters)) if letters.count(c) == 1 and c not in dots)
