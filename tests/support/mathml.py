"""Reads the presentation MathML that `emit.mathml` writes, as a reader does: by precedence, not by rows.

Rows are laid flat first, since they do not show: parentheses that are missing on the page are
missing here. Sums keep their axes as ones, so results are compared after reshaping.
"""

from __future__ import annotations

import math
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import scipy.special as sp

from glassgrad.gates import OPS

__all__ = ["ELEMENTS", "evaluate", "filled", "parsed", "said", "slots"]

#: What the emitter uses; all of it is MathML Core.
ELEMENTS = {"mrow", "mi", "mn", "mo", "mtext", "mfrac", "msup", "msub", "munder", "msqrt", "mroot",
            "mtable", "mtr", "mtd", "math"}  # fmt: skip
_APPLY, _TIMES = "\u2061", "\u2062"
_COMPARE = {"<": np.less, "≤": np.less_equal, "=": np.equal, ">": np.greater,
            "≥": np.greater_equal, "≠": np.not_equal}  # fmt: skip
_CLOSING = {"(": ")", "[": "]", "|": "|", "‖": "‖", "⌊": "⌋", "⌈": "⌉"}
_NAMED = {"ln": np.log, "sgn": np.sign, "σ": sp.expit, "Φ": sp.ndtr, "Γ": sp.gamma, "Β": sp.beta,
          "ψ": sp.digamma, "max": lambda *a, **k: np.maximum(*a) if len(a) > 1 else np.max(*a, **k),
          "min": lambda *a, **k: np.minimum(*a) if len(a) > 1 else np.min(*a, **k)}  # fmt: skip
_RESHAPING = {"reshape", "ravel", "expand_dims", "squeeze"}


def slots(text: str) -> set[str]:
    """The slots of a text; a brace that is none is an error."""
    found = re.findall(r"\{(d?\d+|d?y\d*)\}", text)
    rest = re.sub(r"\{(d?\d+|d?y\d*)\}", "", text)
    assert "{" not in rest and "}" not in rest, rest
    return set(found)


def filled(text: str) -> str:
    """A text with a name in each slot, as a whole document."""
    return "<math>" + re.sub(r"\{(\w+)\}", r"<mi>$\1</mi>", text) + "</math>"


def parsed(text: str) -> Any:
    return ElementTree.fromstring(filled(text))


def said(text: str) -> str:
    """A formula on one line, for people who read tests."""
    names = {"$0": "x", "$1": "z", "$2": "w", "$d0": "dx", "$d1": "dz", "$d2": "dw"}

    def line(e: Any) -> str:
        parts = [line(c) for c in e]
        if e.tag == "mfrac":
            return "/".join(p if len(p) < 3 else f"({p})" for p in parts)
        if e.tag in ("msup", "msub"):
            sign = "^" if e.tag == "msup" else "_"
            return parts[0] + sign + (parts[1] if len(parts[1]) == 1 else f"({parts[1]})")
        if e.tag == "munder":
            return f"{parts[0]}_({parts[1]})"
        if e.tag == "msqrt":
            return f"√({parts[0]})"
        if e.tag == "mtable":
            return "; ".join(parts)
        if e.tag == "mtr":
            return " ".join(parts)
        text = e.text or ""
        if e.tag == "mo":
            return {_TIMES: " ", _APPLY: "", "−": "-", ",": ", ", "{": "{ ", "(": "(", ")": ")",
                    "[": "[", "]": "]"}.get(text, f" {text} " if text in "=+<>≥≤∧×⊙⋅" else text)  # fmt: skip
        return names.get(text, text.removeprefix("$")) + "".join(parts)

    return line(parsed(text)).replace("\u00a0", " ")


class _Row:
    """A transposed vector."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _flat(element: Any) -> list[Any]:
    """The tokens of an element, with all rows laid flat."""
    tokens = []
    for child in element:
        tokens += _flat(child) if child.tag == "mrow" else [child]
    return tokens


def _inside(element: Any) -> list[Any]:
    return _flat(element) if element.tag in ("mrow", "math", "mtd") else [element]


def _mark(token: Any) -> str:
    return (token.text or "") if token is not None and token.tag == "mo" else ""


def evaluate(text: str, names: dict[str, Any]) -> tuple[str, Any]:
    """What stands on the left of a formula, and the value of what stands on its right.

    Arrays side by side are a product of matrices.
    """
    tokens = _flat(parsed(text))
    with np.errstate(all="ignore"):
        for n, token in enumerate(tokens):
            if token.tag == "mtext" and (token.text or "").strip() == "with":
                left, base = evaluate_tokens(tokens[:n], names)
                return left, _assigned(tokens[n + 1 :], np.array(base), names)
        if any(_mark(t) == "+=" for t in tokens):
            name = tokens[0][0].text[1:]
            return name, _assigned(tokens, np.zeros(np.shape(names[name])), names)
        return evaluate_tokens(tokens, names)


def evaluate_tokens(tokens: list[Any], names: dict[str, Any]) -> tuple[str, Any]:
    marks = [_mark(t) for t in tokens]
    n = marks.index("=")
    left = "".join(t.text or "" for e in tokens[:n] for t in e.iter()).replace("$", "")
    reader = _Reader(tokens[n + 1 :], names)
    value = reader.either()
    assert reader.next is None, f"left over: {[t.text for t in reader.tokens[reader.at :]]}"
    return left, value


def _assigned(tokens: list[Any], base: Any, names: dict[str, Any]) -> Any:
    part, sign, *rest = tokens
    reader = _Reader(rest, names)
    key = _index(part[1], names)
    if _mark(sign) == "+=":
        np.add.at(base, key, reader.either())
    else:
        base[key] = reader.either()
    assert reader.next is None
    return base


def _index(element: Any, names: dict[str, Any]) -> Any:
    parts: list[list[Any]] = [[]]
    for token in _inside(element):
        if _mark(token) == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return tuple(_index_part(p, names) for p in parts)


def _index_part(tokens: list[Any], names: dict[str, Any]) -> Any:
    text = "".join(t.text or "" for t in tokens).replace("−", "-")
    if text == "…":
        return Ellipsis
    if text == "new":
        return None
    if ":" in text:
        return slice(*[int(b) if b else None for b in text.split(":")])
    return names[text[1:]] if text.startswith("$") else int(text)


class _Reader:
    """A recursive descent over flat tokens, one method for each binding strength."""

    def __init__(self, tokens: list[Any], names: dict[str, Any]) -> None:
        self.tokens, self.names, self.at = tokens, names, 0

    @property
    def next(self) -> Any:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self, *marks: str) -> str:
        mark = _mark(self.next)
        if mark and mark in marks:
            self.at += 1
            return mark
        return ""

    def either(self) -> Any:
        value = self.both()
        while mark := self.take("∨", "⊕"):
            value = (np.logical_or if mark == "∨" else np.logical_xor)(value, self.both())
        return value

    def both(self) -> Any:
        value = self.comparison()
        while self.take("∧"):
            value = np.logical_and(value, self.comparison())
        return value

    def comparison(self) -> Any:
        value = left = self.modulo()
        met: Any = None
        while mark := self.take(*_COMPARE):
            right = self.modulo()
            holds = _COMPARE[mark](left, right)
            met = holds if met is None else np.logical_and(met, holds)
            left = right
        return value if met is None else met

    def modulo(self) -> Any:
        value = self.sum()
        while self.take("mod"):
            value = np.remainder(value, self.sum())
        return value

    def sum(self) -> Any:
        value = -self.elements() if self.take("−") else self.elements()
        while mark := self.take("+", "−"):
            value = value + self.elements() if mark == "+" else value - self.elements()
        return value

    def elements(self) -> Any:
        if self.take("¬"):
            return np.logical_not(self.elements())
        value = self.product()
        while mark := self.take("⊙", "×", "⊗"):
            other = self.product()
            value = {"⊙": np.multiply, "×": np.cross, "⊗": np.kron}[mark](value, other)
        return value

    def product(self) -> Any:
        value = self.atom()
        while True:
            if self.take("⋅"):
                other = self.atom()
                vectors = np.ndim(value) == np.ndim(other) == 1
                value = np.dot(value, other) if vectors else np.multiply(value, other)
            elif self.take(_TIMES):
                value = _juxtaposed(value, self.atom())
            elif self.next is not None and _over(self.next):
                value = value * self.atom()
            else:
                return value

    def atom(self) -> Any:
        token = self.next
        assert token is not None, "something is missing at the end"
        self.at += 1
        if sign := _over(token):
            axes = _axes(token)
            reduce = {"∑": np.sum, "∏": np.prod}[sign]
            return reduce(self.elements(), axis=axes, keepdims=True)
        mark = _mark(token)
        if mark == "{":
            return self.cases()
        if mark in _CLOSING:
            return self.fenced(mark)
        if _mark(self.next) == _APPLY:
            self.at += 1
            assert self.take("(")
            return self.called(token)
        assert not mark, f"a stray {mark}"
        return self.value(token)

    def fenced(self, mark: str) -> Any:
        close = _CLOSING[mark]
        values = []
        while not self.take(close):
            values.append(self.either())
            self.take(",")
        if mark == "(":
            return values[0] if len(values) == 1 else tuple(values)
        (value,) = values
        if mark == "[":
            return np.asarray(value) * 1.0
        if mark == "‖":
            return np.linalg.norm(value)
        return {"|": np.abs, "⌊": np.floor, "⌈": np.ceil}[mark](value)

    def cases(self) -> Any:
        table = self.next
        self.at += 1
        value: Any = None
        for line in reversed(list(table)):
            shown = _Reader(_inside(line[0]), self.names)
            inner = shown.either()
            assert shown.next is None
            condition = _inside(line[1])
            if (condition[0].text or "").strip() == "otherwise":
                value = inner
            else:
                assert (condition[0].text or "").strip() == "if"
                value = np.where(_Reader(condition[1:], self.names).either(), inner, value)
        return value

    def called(self, head: Any) -> Any:
        args: list[Any] = []
        keywords: dict[str, Any] = {}
        while not self.take(")"):
            following = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else None
            if _mark(following) == "=":
                key = self.next.text
                self.at += 2
                keywords[key] = self.static()
            else:
                args.append(self.either())
            self.take(",")
        return _function(head, self)(*args, **keywords)

    def static(self) -> Any:
        if self.next.tag == "mtext":
            self.at += 1
            return self.tokens[self.at - 1].text
        return _whole(self.either())

    def value(self, token: Any) -> Any:
        text = token.text or ""
        if token.tag == "mn":
            return float(text) if "." in text else int(text)
        if token.tag == "mi":
            return self.names[text[1:]] if text.startswith("$") else _CONSTANTS[text]
        parts = [_inside(c) for c in token]
        if token.tag == "mfrac":
            return np.true_divide(*[self.read(p) for p in parts])
        if token.tag == "msqrt":
            return np.sqrt(self.read(_flat(token)))
        if token.tag == "mroot":
            assert self.read(parts[1]) == 3
            return np.cbrt(self.read(parts[0]))
        if token.tag == "msup":
            return self.power(*parts)
        assert token.tag == "msub", token.tag
        if parts[0][0].tag == "mn":
            shape = tuple(int(t.text) for t in parts[1] if t.tag == "mn")
            return np.full(shape, float(parts[0][0].text))
        base = parts[0]
        if _mark(base[0]) == "‖":
            order = "".join(t.text or "" for t in parts[1]).replace("−", "-").replace("∞", "inf")
            return np.linalg.norm(self.read(base[1:-1]),
                                  ord=float(order) if order not in ("fro", "nuc") else order)  # fmt: skip
        return np.asarray(self.read(base))[_index(token[1], self.names)]

    def power(self, base: list[Any], exponent: list[Any]) -> Any:
        value = self.read(base)
        if [t.text for t in exponent] == ["T"]:
            return _Row(value) if np.ndim(value) == 1 else np.swapaxes(value, -1, -2)
        n = self.read(exponent)
        inverse = np.ndim(value) >= 2 and np.ndim(n) == 0 and n == -1
        return np.linalg.inv(value) if inverse else np.power(np.asarray(value, float), n)

    def read(self, tokens: list[Any]) -> Any:
        reader = _Reader(tokens, self.names)
        value = reader.either()
        assert reader.next is None
        return value


_CONSTANTS = {"e": math.e, "π": math.pi, "∞": math.inf, "NaN": math.nan, "True": True, "False": False}  # fmt: skip


def _over(token: Any) -> str:
    sign = _mark(token[0]) if token.tag == "munder" else _mark(token)
    return sign if sign in ("∑", "∏") and sign else ""


def _axes(token: Any) -> Any:
    if token.tag != "munder":
        return None
    axes = tuple(int(n) for n in re.findall(r"-?\d+", token[1].text))
    return axes


def _juxtaposed(a: Any, b: Any) -> Any:
    if isinstance(b, _Row):
        return np.outer(a, b.value)
    return a * b if np.ndim(a) == 0 or np.ndim(b) == 0 else np.matmul(a, b)


def _whole(value: Any) -> Any:
    """Static arguments are whole numbers, and tuples of them."""
    if isinstance(value, tuple):
        return tuple(_whole(v) for v in value)
    plain = isinstance(value, bool) or np.ndim(value) or not np.isfinite(value)
    return value if plain or value != int(value) else int(value)


def _function(head: Any, reader: _Reader) -> Any:
    if head.tag == "munder":
        return lambda a: _NAMED[head[0].text](a, axis=_axes(head), keepdims=True)
    if head.tag == "msup":
        order = reader.read(_inside(head[1]))
        if head[0].text == "Φ":
            assert order == -1
            return sp.ndtri
        return lambda x: sp.polygamma(int(order), x)
    if head.tag == "msub":
        name, below = head[0].text, _inside(head[1])
        if name == "log":
            return {"2": np.log2, "10": np.log10}[below[0].text]
        if name == "einsum":
            return lambda *a: np.einsum(below[0].text.replace("→", "->"), *a)
        shape = tuple(int(t.text) for t in below if t.tag == "mn")
        if name == "broadcast":
            return lambda x: np.broadcast_to(x, shape)
        if name == "array":
            return lambda *xs: np.array(xs).reshape(shape)
        assert name in _RESHAPING, name
        return lambda x: np.reshape(x, shape)
    name = head.text
    if name in _NAMED:
        return _NAMED[name]
    if name in ("concatenate", "stack"):
        return lambda *xs, **k: getattr(np, name)(xs, **k)
    if name in ("float64", "float32", "int64"):
        return lambda x: np.asarray(x).astype(name)
    if name in OPS and name not in ("mean", "sum", "var", "std", "prod", "logsumexp"):
        return OPS[name].call
    for module in (np, np.linalg, sp):
        if hasattr(module, name):
            return getattr(module, name)
    raise AssertionError(f"no function {name}")
