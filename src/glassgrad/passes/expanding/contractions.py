"""Einstein sums as chains of products of two factors, and products of what is no matrix.

The order of a chain is NumPy's own choice (`numpy.einsum_path`: the best of all for few factors,
else greedy). Before, each factor is brought to letters that stand once, are not alone, and have
their whole size: a repeated letter is a diagonal, one that stands nowhere else a sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.gates.einsum import einsum

__all__ = ["CONTRACTIONS"]

_FEW = 5  # factors up to which all orders are tried


def _einsum(*factors: Any, subscripts: str, optimize: Any = False) -> Any:
    left, _, out = subscripts.partition("->")
    words = left.split(",")
    sizes: dict[str, int] = {}
    for word, factor in zip(words, factors, strict=True):
        for letter, n in zip(word, np.shape(factor), strict=True):
            sizes[letter] = max(sizes.get(letter, 1), n)
    if len(factors) == 2 and _plain(words, out, factors, sizes):
        return None
    terms = []
    for n, (word, factor) in enumerate(zip(words, factors, strict=True)):
        others = "".join([*words[:n], *words[n + 1 :], out])
        terms.append(_brought(word, factor, others, sizes))
    for pair in _order(terms, out, sizes) if len(terms) > 2 else ():
        terms = _joined(terms, pair, out)
    if len(terms) == 2:
        terms = [_pair(terms[0], terms[1], out)]
    word, made = terms[0]
    return _laid_out(word, made, out, sizes)


def _plain(
    words: Sequence[str], out: str, factors: Sequence[Any], sizes: Mapping[str, int]
) -> bool:
    """Whether a product of two factors needs no more than to be done."""
    a, b = words
    return (
        all(len(set(w)) == len(w) for w in (a, b, out))
        and all(x in b or x in out for x in a)
        and all(x in a or x in out for x in b)
        and all(np.shape(f) == tuple([sizes[x] for x in w]) for w, f in zip(words, factors, strict=True))
    )  # fmt: skip


def _brought(word: str, factor: Any, others: str, sizes: Mapping[str, int]) -> tuple[str, Any]:
    """A factor with letters that stand once, in other places too, and at their whole size."""
    for letter in dict.fromkeys(word):
        while word.count(letter) > 1:
            i, j = word.index(letter), word.rindex(letter)
            if np.shape(factor)[i] != np.shape(factor)[j]:  # an axis of one goes with any
                at = i if np.shape(factor)[i] == 1 else j
                factor, word = np.squeeze(factor, axis=at), word[:at] + word[at + 1 :]
                continue
            factor = np.diagonal(factor, 0, i, j)
            word = word[:i] + word[i + 1 : j] + word[j + 1 :] + letter
    single = [n for n, x in enumerate(word) if np.shape(factor)[n] == 1 and sizes[x] > 1]
    if single:
        factor = np.squeeze(factor, axis=tuple(single))
        word = "".join([x for n, x in enumerate(word) if n not in single])
    alone = tuple([n for n, x in enumerate(word) if x not in others])
    if alone:
        factor = np.sum(factor, axis=alone)
        word = "".join([x for x in word if x in others])
    return word, factor


Term = tuple[str, Any]


def _order(terms: Sequence[Term], out: str, sizes: Mapping[str, int]) -> list[tuple[int, int]]:
    """Which two factors are put together, step after step, until two are left."""
    stand_ins = [np.broadcast_to(0.0, tuple([sizes[x] for x in word])) for word, _ in terms]
    words = [word for word, _ in terms]
    text = ",".join(words) + "->" + "".join([x for x in out if any(x in w for w in words)])
    how = "optimal" if len(terms) <= _FEW else "greedy"
    count, pairs = len(terms), []
    for step in np.einsum_path(text, *stand_ins, optimize=how)[0][1:]:
        together = sorted(step)
        while len(together) > 1:  # more than two: the product, which stands last, with the next
            *together, i, j = together
            pairs.append((i, j))
            count -= 1
            together = [*together, count - 1] if together else []
    return pairs[: len(terms) - 2]


def _joined(terms: Sequence[Term], pair: tuple[int, int], out: str) -> list[Term]:
    """Two factors put together; the product stands last."""
    rest = [t for n, t in enumerate(terms) if n not in pair]
    kept = "".join([word for word, _ in rest]) + out
    return [*rest, _pair(terms[pair[0]], terms[pair[1]], kept)]


def _pair(a: Term, b: Term, kept: str) -> Term:
    """The product of two factors, summed over the letters that are not kept."""
    (left, x), (right, y) = a, b
    word = "".join([c for c in dict.fromkeys(left + right) if c in kept])
    if not left or not right:
        gone = tuple([n for n, c in enumerate(left + right) if c not in kept])
        return word, np.sum(x * y, axis=gone) if gone else x * y
    return word, einsum(x, y, subscripts=f"{left},{right}->{word}")


def _laid_out(word: str, made: Any, out: str, sizes: Mapping[str, int]) -> Any:
    """The axes in the order that is asked for."""
    order = [word.index(x) for x in out if x in word]
    if order != list(range(len(order))):
        made = np.transpose(made, order)
    missing = tuple([n for n, x in enumerate(out) if x not in word])
    if missing:
        made = np.broadcast_to(np.expand_dims(made, missing), tuple([sizes[x] for x in out]))
    return made


def _einsum1(a: Any, *, subscripts: str, optimize: Any = False) -> Any:
    return _einsum(a, subscripts=subscripts)


# -- products of what is no matrix ---------------------------------------------------------------


def _scaled(a: Any, b: Any) -> Any:
    """Dot and inner with a number."""
    return a * b if not np.ndim(a) or not np.ndim(b) else None


def _outer(a: Any, b: Any) -> Any:
    if np.ndim(a) == np.ndim(b) == 1:
        return None
    return np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1))


def _vdot(a: Any, b: Any) -> Any:
    if np.ndim(a) == np.ndim(b) == 1:
        return None
    return np.sum(a * np.reshape(b, np.shape(a)))


CONTRACTIONS: Mapping[str, Callable[..., Any]] = {
    "einsum": _einsum, "einsum1": _einsum1, "dot": _scaled, "inner": _scaled, "outer": _outer,
    "vdot": _vdot,
}  # fmt: skip
