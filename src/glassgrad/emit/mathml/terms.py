"""Terms: pieces of MathML Core that know how strongly they bind, and how they are put together.

A row of elements has no parentheses of its own, so every construction puts its operands into those
that its strength asks for. Signs are drawn to the front and equal factors into powers, as people
write. What a gate is, and which construction stands for it, is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Term"]

# Binding strengths, strongest first. A call is no base of a power without parentheses.
ATOM, CALL, POWER, PRODUCT, ELEMENTS, PREFIX, SUM, MODULO, COMPARE, AND, OR, CASES = (
    100, 95, 90, 80, 78, 76, 70, 65, 60, 50, 45, 10,
)  # fmt: skip

_APPLY = "<mo>\u2061</mo>"
# Names may be long: without a little room `num invden` would be one word.
_TIMES = '<mo lspace="0.12em" rspace="0.12em">\u2062</mo>'
_DOT = "<mo>⋅</mo>"
_SPACE = "\u00a0"


@dataclass(frozen=True, slots=True)
class Term:
    """A piece of a formula.

    Attributes
    ----------
    text
        Its markup.
    strength
        How strongly its outermost construction binds.
    made, parts
        That construction and its terms, for the constructions around it that look.
    digits
        It begins with a number, so a number before it needs a dot between.
    """

    text: str
    strength: int = ATOM
    made: str = ""
    parts: tuple[Term, ...] = ()
    digits: bool = False

    def within(self, strength: int) -> str:
        """The markup as an operand of a construction of this strength."""
        return self.text if self.strength >= strength else fenced(self).text

    @property
    def constant(self) -> bool:
        """Whether it is a number, with or without a sign."""
        return self.made in ("number", "ratio") or (
            self.made == "negative" and self.parts[0].constant
        )

    @property
    def signed(self) -> bool:
        """Whether it begins with a minus."""
        begun = self.made in ("sum", "difference") and self.parts[0].signed
        return begun or self.made == "negative"

    def is_number(self, number: int) -> bool:
        """Whether it is this very number."""
        return self.made == "number" and self.text == f"<mn>{number}</mn>"


INFINITY = Term("<mi>∞</mi>")


def row(*parts: str) -> str:
    """Markup in one row."""
    return f"<mrow>{''.join(parts)}</mrow>"


def name(text: str) -> Term:
    """A word or a function's name, upright."""
    upright = ' mathvariant="normal"' if len(text) == 1 and "A" <= text.upper() <= "Z" else ""
    return Term(f"<mi{upright}>{escaped(text)}</mi>")


def escaped(text: str) -> str:
    """Text as XML takes it, with no brace in it."""
    for sign, entity in ("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("{", "&#x7B;"), ("}", "&#x7D;"):  # fmt: skip
        text = text.replace(sign, entity)
    return text


def fenced(inner: Term, fences: str = "()") -> Term:
    """Something between parentheses, brackets or bars."""
    left, right = fences[0], fences[1]
    return Term(row(f"<mo>{left}</mo>", inner.text, f"<mo>{right}</mo>"), ATOM, fences, (inner,))


def listed(terms: Sequence[Term], mark: str = "<mo>,</mo>") -> Term:
    """Terms one after the other, with commas between."""
    return Term(row(mark.join([t.text for t in terms])) if len(terms) != 1 else terms[0].text)


def applied(head: Term, *arguments: Term) -> Term:
    """A function of its arguments."""
    inside = fenced(listed(arguments))
    return Term(row(head.text, _APPLY, inside.text), CALL)


def subscripted(base: Term, below: Term) -> Term:
    """A term with a subscript."""
    return Term(f"<msub>{base.within(ATOM)}{below.text}</msub>")


def power(base: Term, exponent: Term) -> Term:
    """A term to a power."""
    text = f"<msup>{base.within(ATOM)}{exponent.text}</msup>"
    return Term(text, POWER, "power", (base, exponent), base.digits)


def transposed(matrix: Term) -> Term:
    """A matrix, transposed."""
    if matrix.made == "transposed":
        return matrix.parts[0]
    text = f"<msup>{matrix.within(ATOM)}{name('T').text}</msup>"
    return Term(text, POWER, "transposed", (matrix,))


def root(inner: Term, degree: Term | None = None) -> Term:
    """A square root, or that of another degree."""
    if degree is None:
        return Term(f"<msqrt>{inner.text}</msqrt>")
    return Term(f"<mroot>{inner.text}{degree.text}</mroot>")


def negative(a: Term) -> Term:
    """A term with its sign turned."""
    if a.made == "negative":
        return a.parts[0]
    if a.is_number(0):
        return a
    return Term(row("<mo>−</mo>", a.within(PREFIX)), PREFIX, "negative", (a,))


def added(a: Term, b: Term) -> Term:
    """A sum; what is added with a minus is taken away."""
    if b.made == "negative":
        return subtracted(a, b.parts[0])
    right = fenced(b).text if b.signed else b.within(SUM)
    return Term(row(a.within(SUM), "<mo>+</mo>", right), SUM, "sum", (a, b), a.digits)


def subtracted(a: Term, b: Term) -> Term:
    """A difference."""
    if b.made == "negative":
        return added(a, b.parts[0])
    text = row(a.within(SUM), "<mo>−</mo>", b.within(PREFIX))
    return Term(text, SUM, "difference", (a, b), a.digits)


def product(a: Term, b: Term, kind: str = "product") -> Term:
    """A product: ``product`` of numbers, ``elements`` of arrays, ``matrix`` of matrices."""
    if a.made == "negative":
        return negative(product(a.parts[0], b, kind))
    if b.made == "negative":
        return negative(product(a, b.parts[0], kind))
    if kind == "product" and b.constant and not a.constant:
        a, b = b, a
    factors = [*_factors(a, kind), *_factors(b, kind)]
    if kind != "matrix":
        factors = _squared(factors)
    if len(factors) == 1:
        return factors[0]
    strength = ELEMENTS if kind == "elements" else PRODUCT
    text = factors[0].within(strength)
    for factor in factors[1:]:
        sign = "<mo>⊙</mo>" if kind == "elements" else _TIMES
        if kind != "elements" and factor.digits and factor.strength >= strength:
            sign = _DOT
        text += sign + factor.within(strength)
    return Term(row(text), strength, kind, tuple(factors), factors[0].digits)


def _factors(a: Term, kind: str) -> tuple[Term, ...]:
    return a.parts if a.made == kind else (a,)


def _squared(factors: list[Term]) -> list[Term]:
    """Equal neighbours as a square."""
    made: list[Term] = []
    for factor in factors:
        if made and made[-1].text == factor.text and not factor.constant:
            made[-1] = power(factor, Term("<mn>2</mn>", made="number", digits=True))
        else:
            made.append(factor)
    return made


def fraction(a: Term, b: Term) -> Term:
    """A quotient."""
    if a.made == "negative":
        return negative(fraction(a.parts[0], b))
    if b.made == "negative":
        return negative(fraction(a, b.parts[0]))
    if a.made == "ratio":  # a half over y is one over two y
        p, q = a.parts
        return fraction(p, product(q, b))
    if a.made == "fraction" and b.constant:
        p, q = a.parts
        return fraction(p, product(b, q))
    # A fraction has no strength as a base, and needs no parentheses elsewhere.
    return Term(f"<mfrac>{a.text}{b.text}</mfrac>", POWER, "fraction", (a, b))


def infix(a: Term, sign: str, b: Term, strength: int) -> Term:
    """Two terms with a sign between them that does not chain."""
    text = row(a.within(strength + 1), f"<mo>{escaped(sign)}</mo>", b.within(strength + 1))
    return Term(text, strength, sign, (a, b))


def joined(a: Term, sign: str, b: Term, strength: int) -> Term:
    """Two terms with an associative sign between them."""
    text = row(a.within(strength), f"<mo>{escaped(sign)}</mo>", b.within(strength))
    return Term(text, strength, sign, (a, b))


def negated(a: Term) -> Term:
    """The opposite of a truth."""
    return Term(row("<mo>¬</mo>", a.within(CALL)), PREFIX, "not", (a,))


def both(a: Term, b: Term) -> Term:
    """Two truths at once; a value between two bounds is written as such."""
    if a.made == "≥" and b.made == "≤" and a.parts[0].text == b.parts[0].text:
        x, low, high = a.parts[0], a.parts[1], b.parts[1]
        if low.text == negative(INFINITY).text:
            return b
        if high.text == INFINITY.text:
            return a
        signs = [low.within(SUM), x.within(SUM), high.within(SUM)]
        return Term(row("<mo>≤</mo>".join(signs)), COMPARE, "between")
    return joined(a, "∧", b, AND)


def indicator(a: Term) -> Term:
    """One where something holds, else zero."""
    return fenced(a, "[]")


def over(sign: str, below: Term | None, inner: Term) -> Term:
    """A sum or a product over axes."""
    if sign == "∑" and inner.made == "negative":
        return negative(over(sign, below, inner.parts[0]))
    head = f"<mo>{sign}</mo>"
    if below is not None:
        head = f"<munder>{head}{below.text}</munder>"
    return Term(row(head, inner.within(ELEMENTS)), PREFIX, sign, (inner,))


def cases(condition: Term, yes: Term, no: Term) -> Term:
    """One term where a condition holds, another one elsewhere; cases within are laid flat."""
    pairs: list[tuple[Term, Term]] = []
    value = yes
    for inner, also in _pairs(yes):
        if also.text == condition.text:
            value = inner
            break
        pairs.append((inner, both(condition, also)))
    else:
        value = otherwise(yes)
    pairs.append((value, condition))
    met = {c.text for _, c in pairs}
    pairs += [(inner, c) for inner, c in _pairs(no) if c.text not in met]
    return _table(pairs, otherwise(no))


def lifted(term: Term, change: object) -> Term:
    """Cases with every value changed."""
    assert callable(change)
    return _table([(change(v), c) for v, c in _pairs(term)], change(otherwise(term)))


def _pairs(term: Term) -> list[tuple[Term, Term]]:
    """The values of cases with their conditions; none of anything else."""
    if term.made != "cases":
        return []
    return list(zip(term.parts[:-1:2], term.parts[1::2], strict=True))


def otherwise(term: Term) -> Term:
    """The last value of cases; anything else is its own."""
    return term.parts[-1] if term.made == "cases" else term


def _table(pairs: Sequence[tuple[Term, Term]], last: Term) -> Term:
    lines = [(v.text, row(f"<mtext>if{_SPACE}</mtext>", c.text)) for v, c in pairs]
    lines.append((last.text, "<mtext>otherwise</mtext>"))
    rows = "".join([f"<mtr><mtd>{v}</mtd><mtd>{c}</mtd></mtr>" for v, c in lines])
    text = row("<mo>&#x7B;</mo>", f"<mtable>{rows}</mtable>")
    parts = tuple([t for pair in pairs for t in pair])
    return Term(text, CASES, "cases", (*parts, last))
