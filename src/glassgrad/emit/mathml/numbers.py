"""Numbers in formulas: as the user wrote them, or as what they are (1/3, ln 2, √π).

Rules compute with the numbers in the user's code, so what comes out may have seventeen digits. It is
written short only where the short form is that number to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from glassgrad.emit.mathml import terms
from glassgrad.emit.mathml.terms import Term

__all__ = ["number"]

_LONG = 7  # characters: from here on a fraction is shorter
_LARGEST = 1000  # denominator of a fraction


def number(value: Any, written: Iterable[float] = ()) -> Term:
    """A number as a term.

    Parameters
    ----------
    value : number
    written : iterable of float
        The numbers in the user's code at this gate: these are written as they are.
    """
    value = value.item() if isinstance(value, (np.generic, np.ndarray)) else value
    if isinstance(value, bool):
        return terms.name(str(value))
    if value != value:
        return terms.name("NaN")
    if value < 0 or (value == 0 and math.copysign(1.0, value) < 0):
        inner = number(-value, [abs(w) for w in written])
        return inner if value == 0 else terms.negative(inner)
    if value == math.inf:
        return terms.INFINITY
    written = [w for w in written if w == w and abs(w) != math.inf]
    if value == int(value) and value < 1e15:
        return plain(str(int(value)))
    if value in written:
        return plain(repr(value))
    return _known(value, written) or _ratio(value) or plain(repr(value))


def plain(text: str) -> Term:
    """Digits, with a power of ten where Python writes one."""
    digits, _, exponent = text.partition("e")
    made = Term(f"<mn>{digits}</mn>", terms.ATOM, "number", digits=True)
    if not exponent:
        return made
    size = number(int(exponent))
    scale = terms.power(plain("10"), size)
    return scale if digits == "1" else terms.product(made, scale, "matrix")


def _ratio(value: float) -> Term | None:
    """A number that is a fraction of two short ones, to the last bit."""
    if value != 0.5 and len(repr(value)) < _LONG:
        return None
    near = Fraction(value).limit_denominator(_LARGEST)
    if near.denominator == 1 or near.numerator > _LARGEST:
        return None
    if near.numerator / near.denominator != value:
        return None
    parts = plain(str(near.numerator)), plain(str(near.denominator))
    return Term(f"<mfrac>{parts[0].text}{parts[1].text}</mfrac>", terms.POWER, "ratio", parts, True)


def _known(value: float, written: Iterable[float]) -> Term | None:
    """A number that has a name, or is a simple function of one the user wrote."""
    for w in written:
        if w > 0 and value == abs(math.log(w)):
            return _ln(w) if w > 1 else terms.negative(_ln(w))
        if w > 0 and value == math.log1p(w):
            return terms.applied(terms.name("ln"), terms.added(plain("1"), number(w, [w])))
        if w and value == 1 / w:
            return terms.fraction(plain("1"), number(w, written))
    known = _KNOWN.get(value)
    return known() if known is not None else None


def _ln(w: float) -> Term:
    return terms.applied(terms.name("ln"), number(w, [w]))


def _over(a: Term, b: Term) -> Term:
    return Term(f"<mfrac>{a.text}{b.text}</mfrac>", terms.POWER, "fraction", (a, b))


_PI = Term("<mi>π</mi>")
_TWO, _DEGREES = plain("2"), plain("180")
_ROOT_PI = terms.root(_PI)
_KNOWN = {
    math.log(2): lambda: _ln(2),
    math.log(10): lambda: _ln(10),
    math.pi: lambda: _PI,
    math.pi / 180: lambda: _over(_PI, _DEGREES),
    180 / math.pi: lambda: _over(_DEGREES, _PI),
    2 / math.sqrt(math.pi): lambda: _over(_TWO, _ROOT_PI),
    math.sqrt(math.pi) / 2: lambda: _over(_ROOT_PI, _TWO),
    math.sqrt(2 * math.pi): lambda: terms.root(Term(terms.product(_TWO, _PI).text)),
    math.sqrt(2 / math.pi): lambda: terms.root(_over(_TWO, _PI)),
    math.sqrt(0.5): lambda: _over(plain("1"), terms.root(_TWO)),
}
