"""What a formula may say: its signs and words, its statements, and the whitelist of its syntax.

A formula is text from anybody. Signs and words are looked at before Python's parser sees them, the
tree it gives is checked node by node, and nothing is ever handed to `eval`, `exec` or `compile`.
This file knows no values: evaluating is `evaluation`'s part.
"""

from __future__ import annotations

import ast
import difflib
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from glassgrad.errors import GlassgradError
from glassgrad.formula.functions import CONSTANTS, FUNCTIONS

__all__ = ["BINARY", "COMPARISONS", "FormulaError", "Statement", "Token", "check", "cut", "index",
           "place", "read", "spine", "spot", "tokens"]  # fmt: skip

LONGEST = 4000  # characters
_DEEPEST = 60  # nodes inside one another; a chain such as a + b + c counts once
_MOST_BRACKETS = 40  # inside one another
_MOST_SIGNS = 8  # + and - in a row
_MOST_NODES = 2000
_LONGEST_NAME = 64
_LARGEST_EXPONENT = 512
_LARGEST_NUMBER = 1e300

BINARY = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.MatMult, ast.Pow)
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_WORDS = ("if", "else", "True", "False")  # Python's keywords that may stand in a formula
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<number>(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>\*\*|//|<=|>=|==|!=|[-+*/@()\[\],:=<>.;])"
)
_WORD_PART = re.compile(r"[A-Za-z0-9_.]+")
_PAIRS = {")": "(", "]": "["}
_HINTS = {
    "^": "write ** for a power", "%": "there is no remainder", "#": "there are no comments",
    "&": "compare one thing at a time", "|": "compare one thing at a time",
    "'": "there are no strings", '"': "there are no strings", "//": "write / to divide",
    "and": "write one `if` inside another", "or": "write one `if` inside another",
}  # fmt: skip
_SYNTAX = (
    "Allowed: numbers, names, + - * / ** @, comparisons, `a if c else b`, x[0], W[:, 1], W.T, "
    "[1, 2], and functions such as sigmoid(x)"
)


class FormulaError(GlassgradError, ValueError):
    """A formula, or a value for it, refused: says which piece, where, and what may stand.

    Attributes
    ----------
    where : tuple of int or None
        Line and column of the piece, from 1.
    """

    def __init__(self, message: str, where: tuple[int, int] | None = None) -> None:
        super().__init__(message)
        self.where = where


def spot(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset in a text, as people count."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def place(text: str, offset: int) -> str:
    """Where an offset lies in a text, in words."""
    line, column = spot(text, offset)
    return f"line {line}, column {column}" if "\n" in text else f"column {column}"


def cut(piece: str) -> str:
    """A piece of text in one short line and in quotes, for a message."""
    piece = " ".join(piece[:200].split()) if piece.split() else piece[:200]
    return repr(piece if len(piece) <= 60 else piece[:57] + "...")


@dataclass(frozen=True)
class Token:
    """A sign, a word, a number or space, and where it begins."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Statement:
    """``target = expression``, or an expression alone.

    Attributes
    ----------
    target : str or None
    node : ast.expr
        What Python's parser made of it.
    whole : str
        The text of the whole formula.
    start : int
        Where the expression begins in it.
    """

    target: str | None
    node: ast.expr
    whole: str
    start: int

    def where(self, node: ast.AST) -> tuple[str, int]:
        """A node as it was written, and where it begins in the whole text."""
        if not isinstance(node, (ast.expr, ast.keyword)) or node.end_col_offset is None:
            return type(node).__name__, self.start
        begin = self._offset(node.lineno, node.col_offset)
        end = self._offset(node.end_lineno or node.lineno, node.end_col_offset)
        return self.whole[begin:end], begin

    def offset(self, node: ast.expr) -> int:
        """Where a node begins in the whole text."""
        return self._offset(node.lineno, node.col_offset)

    def _offset(self, line: int, column: int) -> int:
        at = self.start
        for _ in range(line - 1):
            at = self.whole.index("\n", at) + 1
        return at + column

    def refuse(self, node: ast.AST, why: str, allowed: str = "") -> NoReturn:
        """Raise a FormulaError that names the node, its column, and why."""
        piece, at = self.where(node)
        tail = f". {allowed}" if allowed else ""
        message = f"{cut(piece)} at {place(self.whole, at)} {why}{tail}"
        raise FormulaError(message, spot(self.whole, at)) from None


# -- signs and words -----------------------------------------------------------------------------


def tokens(text: str, longest: int = LONGEST) -> Iterator[Token]:
    """The signs, words and numbers of a text, spaces included; refuses all others."""
    if len(text) > longest:
        raise FormulaError(f"the text has {len(text)} characters; {longest} are allowed")
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            _refuse(text, at, text[at], "is no sign that may stand here")
        token = Token(found.lastgroup or "", found[0], at)
        at = found.end()
        if token.kind == "number" and text[at : at + 1].isalnum() and text[at].isascii():
            _no_number(text, token.at)
        yield token


def read(text: str) -> list[Statement]:
    """The statements of a formula, parsed, not yet checked.

    Raises
    ------
    FormulaError
        A sign, a word or the order of them is not allowed.
    """
    found = []
    for part in _parts(text, _checked(text)):
        target = None
        if len(part) > 1 and part[0].kind == "word" and part[1].text == "=":
            target, part = part[0].text, part[2:]
            if not part:
                raise FormulaError(f"{cut(target + ' =')} gives {target} no value")
        stray = next((t for n, t in enumerate(part) if t.text == "=" and _outside(part[:n])), None)
        if stray is not None:
            _refuse(text, stray.at, "=", "stands where only a comparison == could, or one name = "
                                         "at the beginning of a statement")  # fmt: skip
        start, end = part[0].at, part[-1].at + len(part[-1].text)
        found.append(Statement(target, _tree(text, start, end), text, start))
    if not found:
        raise FormulaError("the formula is empty; write for instance x * y")
    return found


def _checked(text: str) -> Iterator[Token]:
    """Tokens and line breaks, without spaces; words, brackets and rows of signs checked."""
    opened: list[Token] = []
    signs = 0
    for token in tokens(text):
        if token.kind == "word":
            _word(text, token)
        elif token.text in ("(", "["):
            opened.append(token)
            if len(opened) > _MOST_BRACKETS:
                _refuse(text, token.at, token.text,
                        f"is nested deeper than {_MOST_BRACKETS} brackets", "")  # fmt: skip
        elif token.text in _PAIRS:
            if not opened or opened.pop().text != _PAIRS[token.text]:
                _refuse(text, token.at, token.text, "closes no bracket", "")
        elif token.text == "//":
            _refuse(text, token.at, token.text, "is no sign that may stand here")
        signs = signs + 1 if token.text in ("+", "-") else signs * (token.kind == "space")
        if signs > _MOST_SIGNS:
            _refuse(text, token.at, token.text, f"is the {signs}th sign in a row", "")
        if token.kind != "space":
            yield token
        elif not opened and ("\n" in token.text or "\r" in token.text):
            yield Token("sign", ";", token.at)
    if opened:
        _refuse(text, opened[-1].at, opened[-1].text, "is never closed", "")


def _parts(text: str, stream: Iterator[Token]) -> Iterator[list[Token]]:
    part: list[Token] = []
    for token in stream:
        if token.text != ";":
            part.append(token)
        elif part:
            yield part
            part = []
    if part:
        yield part


def _outside(part: list[Token]) -> bool:
    """Whether all brackets are closed after these tokens."""
    return sum((t.text in "([") - (t.text in ")]") for t in part if len(t.text) == 1) == 0


def _word(text: str, token: Token) -> None:
    word = token.text
    if word.startswith("_") or "__" in word:
        _refuse(text, token.at, word, "is no name a formula may use: names begin with a letter and "
                                      "have no double underscore", "")  # fmt: skip
    if len(word) > _LONGEST_NAME:
        _refuse(text, token.at, word, f"is longer than the {_LONGEST_NAME} letters of a name", "")
    if keyword.iskeyword(word) and word not in _WORDS:
        _refuse(text, token.at, word, "is a word that may not stand in a formula")


def _no_number(text: str, at: int) -> NoReturn:
    found = _WORD_PART.match(text, at)
    assert found is not None
    if re.match(r"0[xXbBoO]|[0-9_.]+[jJ]\Z", found[0]):
        _refuse(text, at, found[0], "is no number here: write it as a plain decimal number", "")
    _refuse(text, at, found[0], "is no number; write 2*x for a product", "")


def _refuse(text: str, at: int, piece: str, why: str, allowed: str = _SYNTAX) -> NoReturn:
    hint = f" ({_HINTS[piece]})" if piece in _HINTS else ""
    tail = f". {allowed}" if allowed else ""
    message = f"{cut(piece)} at {place(text, at)} {why}{hint}{tail}"
    raise FormulaError(message, spot(text, at))


def _tree(text: str, start: int, end: int) -> ast.expr:
    part = text[start:end].replace("\r", " ")
    try:
        return ast.parse(part, mode="eval").body
    except SyntaxError as error:
        at = start
        for _ in range((error.lineno or 1) - 1):
            at = text.find("\n", at) + 1
        at = min(at + max((error.offset or 1) - 1, 0), max(end - 1, start))
        raise FormulaError(
            f"{cut(text[start:end])} cannot be read, at {place(text, at)}: {error.msg}. {_SYNTAX}",
            spot(text, at),
        ) from None
    except (ValueError, MemoryError, RecursionError):
        message = f"{cut(part)} at {place(text, start)} is nested too deep"
        raise FormulaError(message, spot(text, start)) from None


# -- the whitelist -------------------------------------------------------------------------------


def check(statements: list[Statement]) -> tuple[str, ...]:
    """Refuse what is not on the whitelist; give the names of the inputs as they first appear.

    Raises
    ------
    FormulaError
        Anything that is not allowed.
    """
    known: set[str] = set()
    inputs: dict[str, None] = {}
    count = 0
    for n, statement in enumerate(statements):
        walk = _Check(statement, count)
        walk.visit(statement.node)
        count = walk.count
        inputs |= dict.fromkeys(name for _, name in sorted(walk.names) if name not in known)
        target = statement.target
        if target is None:
            if n + 1 < len(statements):
                statement.refuse(statement.node, "is computed for nothing: only the last statement "
                                                 "may go without a name")  # fmt: skip
            continue
        if target in FUNCTIONS or target in CONSTANTS or target in inputs:
            kind = "an input" if target in inputs else "a function" if target in FUNCTIONS \
                else "a constant"  # fmt: skip
            raise FormulaError(f"{cut(target)} is {kind} and cannot be given a value: choose "
                               "another name")  # fmt: skip
        known.add(target)
    return tuple(inputs)


def spine(node: ast.BinOp) -> tuple[ast.expr, list[ast.BinOp]]:
    """The first operand of a chain such as ``a + b - c``, and its operations from left to right."""
    chain = [node]
    while isinstance(chain[-1].left, ast.BinOp):
        chain.append(chain[-1].left)
    return chain[-1].left, chain[::-1]


def index(node: ast.AST) -> int | None:
    """A whole number with an optional sign, else None."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = index(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Constant) and type(node.value) is int and abs(node.value) < 2**31:
        return node.value
    return None


class _Check:
    """Walks one statement's tree and raises at the first node that is not on the whitelist."""

    def __init__(self, statement: Statement, count: int) -> None:
        self.statement, self.count = statement, count
        self.names: list[tuple[int, str]] = []

    def visit(self, node: ast.AST, depth: int = 0) -> None:
        self.count += 1
        if depth > _DEEPEST:
            self.statement.refuse(node, f"is nested deeper than {_DEEPEST} levels")
        if self.count > _MOST_NODES:
            self.statement.refuse(node, f"is one piece too many: {_MOST_NODES} are allowed")
        checker: Any = getattr(self, f"_{type(node).__name__}", None)
        if checker is None:
            self.refuse(node, "is not allowed in a formula")
        checker(node, depth + 1)

    def refuse(self, node: ast.AST, why: str, allowed: str = _SYNTAX) -> NoReturn:
        self.statement.refuse(node, why, allowed)

    def _Constant(self, node: ast.Constant, depth: int) -> None:
        value = node.value
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            self.refuse(node, "is no number")
        if abs(value) > _LARGEST_NUMBER:
            self.refuse(node, f"is too large a number: {_LARGEST_NUMBER:g} is the largest", "")

    def _Name(self, node: ast.Name, depth: int) -> None:
        if node.id in FUNCTIONS:
            self.refuse(node, f"is a function: call it, as {node.id}(x)", "")
        if node.id not in CONSTANTS:
            self.names.append((self.statement.offset(node), node.id))

    def _UnaryOp(self, node: ast.UnaryOp, depth: int) -> None:
        if not isinstance(node.op, (ast.USub, ast.UAdd)):
            self.refuse(node, "uses an operator that is not allowed")
        self.visit(node.operand, depth)

    def _BinOp(self, node: ast.BinOp, depth: int) -> None:
        first, chain = spine(node)
        self.visit(first, depth)
        for each in chain:
            self.count += 1
            if not isinstance(each.op, BINARY):
                self.refuse(each, "uses an operator that is not allowed")
            if isinstance(each.op, ast.Pow):
                self._exponent(each)
            self.visit(each.right, depth)

    def _exponent(self, node: ast.BinOp) -> None:
        if any(
            isinstance(n, ast.BinOp) and isinstance(n.op, ast.Pow) for n in ast.walk(node.right)
        ):
            self.refuse(node, "is a tower of powers: no power may stand in an exponent", "")
        exponent = node.right
        while isinstance(exponent, ast.UnaryOp):
            exponent = exponent.operand
        if isinstance(exponent, ast.Constant) and type(exponent.value) in (int, float) \
                and abs(exponent.value) > _LARGEST_EXPONENT:  # type: ignore[arg-type]  # fmt: skip
            self.refuse(node, f"has an exponent beyond {_LARGEST_EXPONENT}", "")

    def _Compare(self, node: ast.Compare, depth: int) -> None:
        if len(node.ops) != 1:
            self.refuse(node, "compares more than two things: write one `if` inside another")
        if not isinstance(node.ops[0], COMPARISONS):
            self.refuse(node, "is a comparison that is not allowed (one of < <= > >= == !=)")
        self.visit(node.left, depth)
        self.visit(node.comparators[0], depth)

    def _IfExp(self, node: ast.IfExp, depth: int) -> None:
        for part in (node.body, node.test, node.orelse):
            self.visit(part, depth)

    def _Call(self, node: ast.Call, depth: int) -> None:
        if not isinstance(node.func, ast.Name):
            self.refuse(node.func, "is no function a formula may call (for a product write *)",
                        _functions())  # fmt: skip
        name = node.func.id
        if name not in FUNCTIONS:
            near = difflib.get_close_matches(name, FUNCTIONS, 1)
            hint = f"did you mean {near[0]}?" if near else "for a product write *"
            self.refuse(node.func, f"is no function a formula may call ({hint})", _functions())
        function = FUNCTIONS[name]
        given: set[str] = set()
        for each in node.keywords:
            if each.arg not in function.keywords or each.arg in given:
                takes = " and ".join(function.keywords) or "none"
                again = " twice" if each.arg in given else ""
                self.refuse(each, f"gives {name} a keyword argument{again}; it takes {takes}", "")
            given.add(each.arg)
            self._keyword(each)
        if not function.least <= len(node.args) <= function.most:
            upto = "" if function.least == function.most else f" to {function.most}"
            self.refuse(node, f"gives {name} {len(node.args)} arguments; it takes "
                              f"{function.least}{upto}", "")  # fmt: skip
        for argument in node.args:
            self.visit(argument, depth)

    def _keyword(self, node: ast.keyword) -> None:
        if node.arg == "keepdims":
            if not isinstance(node.value, ast.Constant) or type(node.value.value) is not bool:
                self.refuse(node, "has to be keepdims=True or keepdims=False", "")
            return
        axis = index(node.value)
        if axis is None or abs(axis) > 64:
            self.refuse(node, "has to be a small whole number, such as axis=0 or axis=-1", "")

    def _Subscript(self, node: ast.Subscript, depth: int) -> None:
        self.visit(node.value, depth)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for part in parts:
            self.count += 1
            ends = [part.lower, part.upper, part.step] if isinstance(part, ast.Slice) else [part]
            for end in ends:
                if end is not None and index(end) is None:
                    self.refuse(end, "is no index: whole numbers and slices of them are", "")
            if isinstance(part, ast.Slice) and part.step is not None and index(part.step) == 0:
                self.refuse(part, "is a slice with step 0", "")

    def _Attribute(self, node: ast.Attribute, depth: int) -> None:
        if node.attr != "T":
            self.refuse(node, "reads an attribute; only .T may be read")
        self.visit(node.value, depth)

    def _List(self, node: ast.List, depth: int) -> None:
        for element in node.elts:
            self.visit(element, depth)

    def _Tuple(self, node: ast.Tuple, depth: int) -> None:
        self.refuse(node, "is a tuple: write a list in brackets, [1, 2]", "")


def _functions() -> str:
    return f"Functions: {', '.join(sorted(FUNCTIONS))}; constants: {', '.join(CONSTANTS)}"
