"""Formulas: text that is read, checked and then walked with the values of its inputs.

What may stand in a formula is `syntax`'s to say, how much it may compute is `budget`'s; nothing is
ever evaluated as Python. The values may be numbers, arrays, or values that record a circuit.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.errors import ShapeError
from glassgrad.formula.budget import Budget, Limits, Misfit
from glassgrad.formula.functions import CONSTANTS, FUNCTIONS, power
from glassgrad.formula.syntax import FormulaError, Statement, check, cut, index, place, read, spine
from glassgrad.gates.creation import build
from glassgrad.tracing import Traced

__all__ = ["Formula", "parse"]

_LARGEST_WHOLE = 1024  # literals up to here stay whole numbers, so that code says x**2 and 2 * x

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b, ast.Sub: lambda a, b: a - b, ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b, ast.MatMult: lambda a, b: a @ b, ast.Pow: power,
}  # fmt: skip
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: lambda a, b: a < b, ast.LtE: lambda a, b: a <= b, ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b, ast.Eq: lambda a, b: a == b, ast.NotEq: lambda a, b: a != b,
}  # fmt: skip


def parse(text: str, limits: Limits | None = None) -> Formula:
    """Parse a formula.

    Parameters
    ----------
    text : str
        An expression, or statements ``name = expression`` separated by ``;`` or line breaks, of
        which the last gives the value.
    limits : Limits, optional
        How much one evaluation may compute.

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
    return Formula(text, limits)


class Formula:
    """A parsed formula, callable with its inputs.

    Attributes
    ----------
    text : str
    names : tuple of str
        The inputs, in the order in which they first appear.
    limits : Limits
        How much one evaluation may compute.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.value_and_grad(Formula("x * y"), argnums=(0, 1))(3.0, -4.0)
    (-12.0, (-4.0, 3.0))
    """

    __glassgrad_mend__ = "Make it one: sum(...) or mean(...) around the last statement, or x[0]"

    def __init__(self, text: str, limits: Limits | None = None) -> None:
        self.text = text
        self.limits = Limits() if limits is None else limits
        self.statements = read(text)
        self.names = check(self.statements)
        for name in {n.id for s in self.statements for n in ast.walk(s.node)
                     if isinstance(n, ast.Name) and n.id in FUNCTIONS}:  # fmt: skip
            if FUNCTIONS[name].library:  # before a circuit is recorded, which has to know of it
                importlib.import_module(FUNCTIONS[name].library)
        # The last statement's name is the result's, and so the function's.
        self.__name__ = self.__qualname__ = self.statements[-1].target or "f"
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in self.names]
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        bound = self.__signature__.bind(*args, **kwargs).arguments
        values = {n: np.array(v) if isinstance(v, (list, tuple)) else v for n, v in bound.items()}
        budget = Budget(self.limits)
        result: Any = None
        for statement in self.statements:
            result = _Evaluation(statement, values, budget).of(statement.node)
            if statement.target is not None:
                values[statement.target] = result
                if isinstance(result, Traced):  # the name stands in the formula, not in a frame
                    result.tape.names.setdefault(result.wire, statement.target)
        return result

    def __repr__(self) -> str:
        return f"Formula({self.text!r})"


class _Evaluation:
    """One statement with values: every result's size is looked at before it is computed."""

    def __init__(self, statement: Statement, values: dict[str, Any], budget: Budget) -> None:
        self.statement, self.values, self.budget = statement, values, budget

    def of(self, node: ast.expr) -> Any:
        """The value of a node."""
        return self._at(node, getattr(self, f"_{type(node).__name__}"), node)

    def _at(self, node: ast.expr, work: Callable[..., Any], *args: Any) -> Any:
        """Do a node's work; what goes wrong is said with the node and its column."""
        try:
            return work(*args)
        except FormulaError:
            raise
        except (Misfit, ShapeError, IndexError) as error:
            self.statement.refuse(node, str(error))
        except Exception as error:
            if not getattr(error, "__notes__", None):  # the innermost node is the one to name
                piece, at = self.statement.where(node)
                error.add_note(f"in {cut(piece)} at {place(self.statement.whole, at)}")
            raise

    def _Constant(self, node: ast.Constant) -> Any:
        number: Any = node.value
        small = type(number) is int and abs(number) <= _LARGEST_WHOLE
        return number if small else float(number)

    def _Name(self, node: ast.Name) -> Any:
        return self.values[node.id] if node.id in self.values else CONSTANTS[node.id]

    def _UnaryOp(self, node: ast.UnaryOp) -> Any:
        value = self.of(node.operand)
        if isinstance(node.op, ast.UAdd):
            return value
        self.budget.spend(np.shape(value))
        return -value

    def _BinOp(self, node: ast.BinOp) -> Any:
        first, chain = spine(node)
        result = self.of(first)
        for each in chain:
            result = self._at(each, self._binary, each, result)
        return result

    def _binary(self, node: ast.BinOp, a: Any) -> Any:
        b = self.of(node.right)
        if type(a) is int and (isinstance(node.op, ast.Pow) or type(b) is int):
            a = float(a)  # whole numbers grow without bound, floats overflow and say so
        if isinstance(node.op, ast.MatMult):
            self.budget.matmul(np.shape(a), np.shape(b))
        else:
            self.budget.elementwise(np.shape(a), np.shape(b))
        return _BINARY[type(node.op)](a, b)

    def _Compare(self, node: ast.Compare) -> Any:
        a, b = self.of(node.left), self.of(node.comparators[0])
        self.budget.elementwise(np.shape(a), np.shape(b))
        return _COMPARE[type(node.ops[0])](a, b)

    def _IfExp(self, node: ast.IfExp) -> Any:
        told = self.of(node.test)
        if np.size(told) != 1:
            self.statement.refuse(node.test, f"is a condition of shape {np.shape(told)}: an `if` "
                                  "takes one; write where(c, a, b)")  # fmt: skip
        return self.of(node.body if told else node.orelse)

    def _Call(self, node: ast.Call) -> Any:
        assert isinstance(node.func, ast.Name)
        function = FUNCTIONS[node.func.id]
        args = [self.of(a) for a in node.args]
        args = [float(a) if type(a) is int else a for a in args]
        shapes = [np.shape(a) for a in args]
        keywords = {k.arg: _keyword(k.value) for k in node.keywords if k.arg is not None}
        if keywords and (len(args) > 1 or not shapes[0]):
            raise Misfit("has keyword arguments, which only a single array takes")
        if function.kind == "reduction":
            self.budget.spend(shapes[0], bound=False)
        else:
            getattr(self.budget, function.kind)(*shapes)
        return function.call(*args, **keywords)

    def _Subscript(self, node: ast.Subscript) -> Any:
        value = self.of(node.value)
        if not np.shape(value):
            raise Misfit("asks a single number for an element")
        self.budget.spend(())  # a view
        return value[_index(node.slice)]

    def _Attribute(self, node: ast.Attribute) -> Any:
        self.budget.spend(())  # .T, the only one there is: a view
        return np.transpose(self.of(node.value))

    def _List(self, node: ast.List) -> Any:
        parts = [self.of(e) for e in node.elts]
        shapes = [np.shape(p) for p in parts]
        if len(set(shapes)) > 1:
            raise Misfit(f"is ragged: it holds shapes {shapes[0]} and "
                         f"{next(s for s in shapes if s != shapes[0])}")  # fmt: skip
        shape = (len(parts), *(shapes[0] if shapes else ()))
        if len(shape) > 32:
            raise Misfit(f"has {len(shape)} axes; 32 are allowed")
        self.budget.spend(shape)
        parts = [p if np.ndim(p) else 1.0 * p for p in parts]
        if any(isinstance(p, Traced) for p in parts):
            return build(parts)  # np.array records for the user's own code only, which this is not
        return np.array(parts) if parts else np.zeros(0)


def _keyword(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant) and type(node.value) is bool:
        return node.value
    return index(node)


def _index(node: ast.expr) -> Any:
    if isinstance(node, ast.Tuple):
        return tuple(_index(e) for e in node.elts)
    if isinstance(node, ast.Slice):
        return slice(
            *[None if e is None else index(e) for e in (node.lower, node.upper, node.step)]
        )
    return index(node)
