"""Formulas: parsed with a whitelist of syntax and a table of functions, never evaluated as Python.

A formula is text from anybody. It is parsed to Python's syntax tree, every node is checked against
what is allowed here, and the tree is then walked with the values of the inputs: nothing is ever
handed to `eval`, `exec` or `compile`. Sizes are looked at before anything is computed.
"""

from __future__ import annotations

import ast
import inspect
import math
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from glassgrad.cli.functions import CONSTANTS, FUNCTIONS
from glassgrad.errors import GlassgradError
from glassgrad.tracing import Traced

__all__ = ["Formula", "FormulaError", "parse", "parse_value"]

_LONGEST = 4000  # characters
_DEEPEST = 60  # nodes inside one another
_MOST_NODES = 2000
_LARGEST_EXPONENT = 512
_LARGEST_NUMBER = 1e300
_LARGEST_ARRAY = 1_000_000  # elements

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b, ast.Sub: lambda a, b: a - b, ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b, ast.MatMult: lambda a, b: a @ b, ast.Pow: lambda a, b: a**b,
}  # fmt: skip
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: lambda a, b: a < b, ast.LtE: lambda a, b: a <= b, ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b, ast.Eq: lambda a, b: a == b, ast.NotEq: lambda a, b: a != b,
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_ASSIGNMENT = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=(?!=)")
_ALLOWED = (
    "numbers, input names, + - * / ** @, comparisons, `a if c else b`, x[0], W[:, 1], W.T, "
    "[1, 2], and the functions " + ", ".join(sorted(FUNCTIONS))
)


class FormulaError(GlassgradError, ValueError):
    """A formula, or a value for it, that is refused: says which piece, where, and what may stand."""


def parse(text: str) -> Formula:
    """Parse a formula.

    Parameters
    ----------
    text : str
        An expression, or statements ``name = expression`` separated by ``;`` or line breaks, of
        which the last gives the value.

    Raises
    ------
    FormulaError
        Anything stands in it that is not allowed.

    Examples
    --------
    >>> f = parse("q = x + y; q * z")
    >>> f.names, f(-2.0, 5.0, -4.0)
    (('x', 'y', 'z'), -12.0)
    """
    return Formula(text)


class Formula:
    """A parsed formula, callable with its inputs.

    Attributes
    ----------
    text : str
    names : tuple of str
        The inputs, in the order in which they first appear.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.statements = _statements(text)
        known: set[str] = set()
        inputs: dict[str, None] = {}
        for target, node in self.statements:
            _Check(text).visit(node)
            for each in ast.walk(node):
                if isinstance(each, ast.Name) and each.id not in known:
                    if each.id not in CONSTANTS and not _is_function(each, node):
                        inputs[each.id] = None
            if target is not None:
                if target in FUNCTIONS or target in CONSTANTS or target in inputs:
                    raise FormulaError(f"{target!r} cannot be given a value: the name is in use")
                known.add(target)
        self.names = tuple(inputs)
        self.__name__ = "f"
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in self.names]
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        bound = self.__signature__.bind(*args, **kwargs).arguments
        values: dict[str, Any] = dict(bound)
        result: Any = None
        for target, node in self.statements:
            result = _evaluate(node, values)
            if target is not None:
                values[target] = result
                if isinstance(result, Traced):  # the name stands in the formula, not in a frame
                    result.tape.names.setdefault(result.wire, target)
        return result

    def __repr__(self) -> str:
        return f"Formula({self.text!r})"


def parse_value(text: str) -> Any:
    """A number or an array written as text: ``3``, ``-4.5e3``, ``[[1,2],[3,4]]``, ``nan``.

    Raises
    ------
    FormulaError
        It is neither, is ragged, or is too large.

    Examples
    --------
    >>> parse_value("[[1, 2], [3, -4]]")
    array([[ 1.,  2.],
           [ 3., -4.]])
    """
    node = _tree(text)
    _Check(text, names=False).visit(node)
    value = _plain_value(node, text)
    if isinstance(value, list):
        try:
            array = np.array(value, float)
        except ValueError:
            raise FormulaError(f"{_cut(text)} is ragged: its rows have different lengths") from None
        _size(array.shape, "the array")
        return array
    return value


def _plain_value(node: ast.AST, text: str) -> Any:
    if isinstance(node, ast.Constant):
        return float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return CONSTANTS[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _plain_value(node.operand, text)
        if isinstance(value, float):
            return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_plain_value(e, text) for e in node.elts]
    raise FormulaError(f"{_cut(text)} is no value: give a number such as 3, or [[1, 2], [3, 4]]")


# -- syntax --------------------------------------------------------------------------------------


def _statements(text: str) -> list[tuple[str | None, ast.expr]]:
    """The parts between semicolons and line breaks, as (name to set or None, expression)."""
    if len(text) > _LONGEST:
        raise FormulaError(f"the formula has {len(text)} characters; {_LONGEST} are allowed")
    parts = [p for p in re.split(r"[;\n]", text) if p.strip()]
    if not parts:
        raise FormulaError("the formula is empty; write for instance x * y")
    found: list[tuple[str | None, ast.expr]] = []
    for part in parts:
        named = _ASSIGNMENT.match(part)
        if named and "__" in named[1]:
            raise FormulaError(f"{named[1]!r} is no name a value can be given to")
        found.append((named[1], _tree(part[named.end() :])) if named else (None, _tree(part)))
    return found


def _tree(text: str) -> ast.expr:
    if len(text) > 20 * _LONGEST:
        raise FormulaError(f"the text has {len(text)} characters, which is too long")
    if not text.isascii():
        odd = next(c for c in text if not c.isascii())
        raise FormulaError(f"{odd!r} at column {text.index(odd) + 1} is no ASCII character")
    depth = most = 0
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        most = max(most, depth)
    if most > _DEEPEST:
        raise FormulaError(f"brackets are nested {most} deep; {_DEEPEST} levels are allowed")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of odd literals; they are refused anyway
            tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        column = error.offset or 0
        raise FormulaError(f"{_cut(text)!r} does not parse, near column {column}: {error.msg}") \
            from None  # fmt: skip
    except (ValueError, MemoryError, RecursionError):
        raise FormulaError(f"{_cut(text)!r} cannot be read as a formula") from None
    return tree.body


class _Check:
    """Walks a tree and raises at the first node that is not on the whitelist."""

    def __init__(self, text: str, names: bool = True) -> None:
        self.text, self.names, self.count = text, names, 0

    def visit(self, node: ast.AST, depth: int = 0) -> None:
        self.count += 1
        if depth > _DEEPEST:
            self.refuse(node, f"is nested deeper than {_DEEPEST} levels")
        if self.count > (_MOST_NODES if self.names else _LARGEST_ARRAY):
            self.refuse(node, f"is the {self.count}th piece; {_MOST_NODES} are allowed")
        checker: Any = getattr(self, f"_{type(node).__name__}", None)
        if checker is None:
            self.refuse(node, "is not allowed in a formula")
        checker(node, depth + 1)

    def refuse(self, node: ast.AST, why: str) -> NoReturn:
        column = getattr(node, "col_offset", 0) + 1
        piece = ast.get_source_segment(self.text, node) if hasattr(node, "lineno") else None
        piece = piece or type(node).__name__
        raise FormulaError(f"{_cut(piece)!r} at column {column} {why}. Allowed: {_ALLOWED}")

    def _Constant(self, node: ast.Constant, depth: int) -> None:
        if type(node.value) not in (int, float):
            self.refuse(node, "is not a number")
        if isinstance(node.value, int) and node.value.bit_length() > 1000:
            self.refuse(node, "is too large a number")
        if abs(node.value) > _LARGEST_NUMBER and not math.isinf(node.value):  # type: ignore[arg-type]
            self.refuse(node, "is too large a number")

    def _Name(self, node: ast.Name, depth: int) -> None:
        if not self.names and node.id not in ("inf", "nan"):
            self.refuse(node, "is no number")
        if not _NAME.match(node.id) or "__" in node.id:
            self.refuse(node, "is no name a formula may use (names begin with a letter)")
        if node.id in FUNCTIONS:
            self.refuse(node, "is a function: call it")

    def _UnaryOp(self, node: ast.UnaryOp, depth: int) -> None:
        if not isinstance(node.op, (ast.USub, ast.UAdd)):
            self.refuse(node, "uses an operator that is not allowed")
        self.visit(node.operand, depth)

    def _BinOp(self, node: ast.BinOp, depth: int) -> None:
        if type(node.op) not in _BINARY:
            self.refuse(node, "uses an operator that is not allowed")
        if isinstance(node.op, ast.Pow):
            self._exponent(node)
        self.visit(node.left, depth)
        self.visit(node.right, depth)

    def _exponent(self, node: ast.BinOp) -> None:
        if any(isinstance(n, ast.BinOp) and isinstance(n.op, ast.Pow) for n in ast.walk(node.right)):
            self.refuse(node, "is a tower of powers")
        right = node.right.operand if isinstance(node.right, ast.UnaryOp) else node.right
        if isinstance(right, ast.Constant) and type(right.value) in (int, float) \
                and abs(right.value) > _LARGEST_EXPONENT:  # type: ignore[arg-type]  # fmt: skip
            self.refuse(node, f"has an exponent beyond {_LARGEST_EXPONENT}")

    def _Compare(self, node: ast.Compare, depth: int) -> None:
        if len(node.ops) != 1 or type(node.ops[0]) not in _COMPARE:
            self.refuse(node, "is a comparison that is not allowed (one of < <= > >= == !=)")
        self.visit(node.left, depth)
        self.visit(node.comparators[0], depth)

    def _IfExp(self, node: ast.IfExp, depth: int) -> None:
        for part in (node.test, node.body, node.orelse):
            self.visit(part, depth)

    def _Call(self, node: ast.Call, depth: int) -> None:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            self.refuse(node.func, "is no function a formula may call")
        name = node.func.id
        function = FUNCTIONS[name]
        if not function.least <= len(node.args) <= function.most:
            self.refuse(node, f"gives {name} {len(node.args)} arguments, it takes "
                              f"{function.least} to {function.most}")  # fmt: skip
        for argument in node.args:
            self.visit(argument, depth)
        for keyword in node.keywords:
            if keyword.arg not in function.keywords:
                self.refuse(keyword.value, f"is a keyword argument {name} does not take here")
            value = keyword.value.operand if isinstance(keyword.value, ast.UnaryOp) else keyword.value
            if not isinstance(value, ast.Constant) or type(value.value) not in (int, bool):
                self.refuse(keyword.value, "has to be a plain number or True or False")

    def _Subscript(self, node: ast.Subscript, depth: int) -> None:
        self.visit(node.value, depth)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for part in parts:
            ends = [part.lower, part.upper, part.step] if isinstance(part, ast.Slice) else [part]
            for end in ends:
                if end is not None and _whole(end) is None:
                    self.refuse(end, "is no index: whole numbers and slices of them are")

    def _Attribute(self, node: ast.Attribute, depth: int) -> None:
        if node.attr != "T":
            self.refuse(node, "reads an attribute; only .T may be read")
        self.visit(node.value, depth)

    def _List(self, node: ast.List, depth: int) -> None:
        for element in node.elts:
            self.visit(element, depth)

    def _Tuple(self, node: ast.Tuple, depth: int) -> None:
        if self.names:
            self.refuse(node, "is a tuple: write a list in brackets")
        for element in node.elts:
            self.visit(element, depth)


def _is_function(name: ast.Name, tree: ast.AST) -> bool:
    return any(isinstance(n, ast.Call) and n.func is name for n in ast.walk(tree))


def _whole(node: ast.AST) -> int | None:
    """A whole number with an optional sign, else None."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _whole(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Constant) and type(node.value) is int and abs(node.value) < 2**31:
        return node.value
    return None


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


# -- evaluation ----------------------------------------------------------------------------------


def _evaluate(node: ast.AST, values: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        number = node.value
        small = type(number) is int and abs(number) <= 1024
        return number if small else float(number)  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return values[node.id] if node.id in values else CONSTANTS[node.id]
    if isinstance(node, ast.UnaryOp):
        value = _evaluate(node.operand, values)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        return _binary(node, _evaluate(node.left, values), _evaluate(node.right, values))
    if isinstance(node, ast.Compare):
        a, b = _evaluate(node.left, values), _evaluate(node.comparators[0], values)
        return _COMPARE[type(node.ops[0])](a, b)
    if isinstance(node, ast.IfExp):
        return _evaluate(node.body if _evaluate(node.test, values) else node.orelse, values)
    if isinstance(node, ast.Call):
        return _call(node, values)
    if isinstance(node, ast.Subscript):
        return _evaluate(node.value, values)[_index(node.slice)]
    if isinstance(node, ast.Attribute):
        return np.transpose(_evaluate(node.value, values))
    if isinstance(node, ast.List):
        parts = [_evaluate(e, values) for e in node.elts]
        _size((sum(int(np.size(p)) for p in parts),), "the list")
        return np.array([p if np.ndim(p) else 1.0 * p for p in parts])
    raise FormulaError(f"{type(node).__name__} is not allowed in a formula")


def _binary(node: ast.BinOp, a: Any, b: Any) -> Any:
    if isinstance(node.op, ast.Pow):
        if type(a) is int:
            a = float(a)  # whole numbers grow without bound, floats overflow and say so
    elif isinstance(node.op, ast.MatMult):
        if np.ndim(a) and np.ndim(b):
            _size(np.shape(a)[:-1] + np.shape(b)[1:], "a @ b")
    else:
        if type(a) is int and type(b) is int:
            a = float(a)
        if np.ndim(a) or np.ndim(b):
            try:
                _size(np.broadcast_shapes(np.shape(a), np.shape(b)), "the result")
            except ValueError:
                pass  # the operation itself names both shapes
    return _BINARY[type(node.op)](a, b)


def _call(node: ast.Call, values: Mapping[str, Any]) -> Any:
    assert isinstance(node.func, ast.Name)
    name = node.func.id
    args = [_evaluate(a, values) for a in node.args]
    args = [float(a) if type(a) is int else a for a in args]
    if name == "outer":
        _size((int(np.size(args[0])), int(np.size(args[1]))), "outer(a, b)")
    elif name in ("dot", "matmul") and np.ndim(args[0]) and np.ndim(args[1]):
        _size(np.shape(args[0])[:-1] + np.shape(args[1])[1:], name)
    keywords = {k.arg: _keyword(k.value) for k in node.keywords if k.arg is not None}
    return FUNCTIONS[name].call(*args, **keywords)


def _keyword(node: ast.AST) -> Any:
    if isinstance(node, ast.UnaryOp):
        return -_keyword(node.operand)
    assert isinstance(node, ast.Constant)
    return node.value


def _index(node: ast.AST) -> Any:
    if isinstance(node, ast.Tuple):
        return tuple(_index(e) for e in node.elts)
    if isinstance(node, ast.Slice):
        return slice(*[None if e is None else _whole(e) for e in (node.lower, node.upper, node.step)])
    return _whole(node)


def _size(shape: tuple[int, ...], what: str) -> None:
    if math.prod(shape) > _LARGEST_ARRAY:
        raise FormulaError(f"{what} would have {math.prod(shape)} elements; {_LARGEST_ARRAY} are "
                           "allowed")  # fmt: skip
