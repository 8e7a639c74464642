"""One gate as a Python expression: operators, NumPy calls, methods, subscripts.

Knows how each op is spelled, with just the parentheses its precedence needs; it does not know
statements, names or comments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.circuit import Constant, Gate
from glassgrad.gates.indexing import SLOT

__all__ = ["ATOM", "Text", "constant", "expression", "needs_helper", "subscript"]

# Binding strengths of Python's operators, strongest first.
ATOM, POWER, UNARY, PRODUCT, SUM, AND, XOR, OR, COMPARE, CHOICE = (
    100,
    90,
    85,
    80,
    70,
    66,
    65,
    64,
    60,
    10,
)

_INFIX = {
    "add": ("+", SUM), "subtract": ("-", SUM), "multiply": ("*", PRODUCT),
    "divide": ("/", PRODUCT), "floor_divide": ("//", PRODUCT), "remainder": ("%", PRODUCT),
    "matmul": ("@", PRODUCT), "power": ("**", POWER), "less": ("<", COMPARE),
    "less_equal": ("<=", COMPARE), "greater": (">", COMPARE), "greater_equal": (">=", COMPARE),
    "equal": ("==", COMPARE), "not_equal": ("!=", COMPARE), "bitwise_and": ("&", AND),
    "bitwise_or": ("|", OR), "bitwise_xor": ("^", XOR),
}  # fmt: skip
_PREFIX = {"negative": "-", "positive": "+", "invert": "~"}


class Text(str):
    """Source text that knows how strongly it binds."""

    strength: int

    def __new__(cls, text: str, strength: int = ATOM) -> Text:
        made = super().__new__(cls, text)
        made.strength = strength
        return made

    def within(self, strength: int) -> str:
        """The text as an operand of an operator of this strength."""
        return f"({self})" if self.strength < strength else str(self)


def expression(gate: Gate, inputs: Sequence[Text], explicit: bool = False) -> Text:
    """A gate as an expression over the texts of its inputs.

    Parameters
    ----------
    gate : Gate
    inputs : sequence of Text
    explicit : bool
        Put every operand that is itself an operation into parentheses, as the notes do in their
        backward pass.
    """
    name = gate.op.name
    if gate.spelling == "math":
        function = gate.op.spellings["math"]
        return Text(f"math.{function.__name__}({', '.join(inputs)})")
    if name in _INFIX and (gate.spelling in ("operator", "inplace") or _no_python_numbers(gate)):
        return _infix(name, inputs, explicit)
    if name in _PREFIX and gate.spelling == "operator":
        return Text(_PREFIX[name] + inputs[0].within(POWER), UNARY)
    if name == "absolute" and gate.spelling == "operator":
        return Text(f"abs({inputs[0]})")
    writer = _WRITERS.get(name)
    if writer is not None:
        return writer(gate, inputs)
    return _call(gate, inputs)


def _no_python_numbers(gate: Gate) -> bool:
    """np.add(x, y) may be written x + y, unless Python's own arithmetic would answer."""
    if gate.op.name == "power":
        return False  # ndarray.__pow__ has shortcuts that np.power has not
    return any(i.type.kind != "python" for i in gate.inputs)


def _infix(name: str, inputs: Sequence[Text], explicit: bool) -> Text:
    symbol, strength = _INFIX[name]
    a, b = inputs
    if name == "power":  # binds to the right, and stronger than a sign on its left
        left, right = a.within(ATOM), b.within(ATOM if explicit else UNARY)
        simple = all(t.isidentifier() or t.replace(".", "").isalnum() for t in (left, right))
        return Text(f"{left}**{right}" if simple else f"{left} ** {right}", POWER)
    if explicit:
        weak = (SUM, PRODUCT)
        left = f"({a})" if a.strength in weak else a.within(strength)
        right = f"({b})" if b.strength in weak else b.within(strength + 1)
    else:
        left, right = a.within(strength + (strength == COMPARE)), b.within(strength + 1)
    return Text(f"{left} {symbol} {right}", strength)


_NO_KEYWORDS = {"swapaxes", "transpose"}  # methods of ndarray that take none


def _call(gate: Gate, inputs: Sequence[str]) -> Text:
    arguments = _arguments(gate, inputs)
    method = gate.spelling == "method" and not (gate.static and gate.op.name in _NO_KEYWORDS)
    if method and gate.inputs[0].type.kind != "python" and inputs:
        receiver = inputs[0].within(ATOM) if isinstance(inputs[0], Text) else inputs[0]
        called = {"absolute": "__abs__"}.get(gate.op.name, gate.op.name)
        return Text(f"{receiver}.{called}({', '.join(arguments[1:])})")
    return Text(f"{function_name(gate)}({', '.join(arguments)})")


def _arguments(gate: Gate, inputs: Sequence[str]) -> list[str]:
    """Inputs by position, but for the last ones that ``named`` gives the keywords of."""
    names = gate.static.get("named", ())
    split = len(inputs) - len(names)
    named = [f"{name}={text}" for name, text in zip(names, inputs[split:], strict=True)]
    static = {k: v for k, v in gate.static.items() if k != "named"}
    return [*map(str, inputs[:split]), *named, *_keywords(static)]


def function_name(gate: Gate) -> str:
    """The dotted name of the function a gate calls, such as ``np.linalg.solve``."""
    key = gate.op.key
    if needs_helper(gate):
        return gate.op.name
    module = getattr(key, "__module__", None) or "numpy"
    name = getattr(key, "__name__", gate.op.name)
    if isinstance(key, np.ufunc):
        if getattr(np, name, None) is key:
            return f"np.{name}"
        return f"scipy.special.{name}"
    if module.startswith("numpy"):
        return "np" + module[len("numpy") :] + "." + name
    return f"{module}.{name}" if not module.startswith("scipy.special") else f"scipy.special.{name}"


def needs_helper(gate: Gate) -> bool:
    """Whether neither NumPy nor SciPy has this op under a name: its own function is called."""
    return isinstance(gate.op.key, str) and gate.op.name not in _WRITERS


def _coincide(gate: Gate, inputs: Sequence[Text]) -> Text:
    w = inputs[0].within(ATOM)
    small = gate.inputs[0].shape[-1] * float(np.finfo(gate.inputs[0].dtype).eps)
    size = f"np.max(np.abs({w}), axis=-1)[..., None, None]"
    return Text(f"np.abs({w}[..., None, :] - {w}[..., :, None]) <= {small} * {size}", COMPARE)


def _keywords(static: Mapping[str, Any]) -> list[str]:
    return [f"{k}={value(v)}" for k, v in static.items()]


def value(v: Any) -> str:
    """A static argument as source text."""
    if isinstance(v, np.dtype):
        return f"np.{v.name}" if v.name != "bool" else "bool"
    if isinstance(v, type) and issubclass(v, np.generic):
        return f"np.{v.__name__}"
    if isinstance(v, type):
        return v.__name__
    if isinstance(v, np.ndarray):
        return f"np.array({v.tolist()!r})"
    if isinstance(v, (float, np.generic)):
        return _number(v.item() if isinstance(v, np.generic) else v)
    if isinstance(v, tuple):
        return f"({', '.join(value(e) for e in v)}{',' if len(v) == 1 else ''})"
    return repr(v)


def constant(operand: Constant) -> Text:
    """A constant as source text."""
    v = operand.value
    if isinstance(v, np.ndarray):
        if (count := _counted(v)) is not None:
            return Text(count)
        dtype = "" if v.dtype in (np.float64, np.int64, np.bool_) else f", dtype=np.{v.dtype.name}"
        return Text(f"np.array({_nested(v.tolist())}{dtype})")
    if isinstance(v, np.generic):
        return Text(f"np.{v.dtype.name if v.dtype != bool else 'bool'}({_number(v.item())})")
    text = _number(v)
    return Text(text, UNARY if text.startswith("-") else ATOM)


def _counted(v: np.ndarray) -> str | None:
    """An integer range as the np.arange it is."""
    if v.dtype != np.int64 or v.ndim != 1 or v.size < 3:
        return None
    start, step = int(v[0]), int(v[1] - v[0])
    stop = start + step * v.size
    if step == 0 or not np.array_equal(v, np.arange(start, stop, step)):
        return None
    if step == 1:
        return f"np.arange({stop})" if start == 0 else f"np.arange({start}, {stop})"
    return f"np.arange({start}, {stop}, {step})"


def _nested(v: Any) -> str:
    if isinstance(v, list):
        return "[" + ", ".join(_nested(e) for e in v) + "]"
    return _number(v)


def _number(v: Any) -> str:
    if isinstance(v, float) and not math.isfinite(v):
        return "np.nan" if v != v else "np.inf" if v > 0 else "-np.inf"
    return repr(v)


def subscript(template: tuple[Any, ...], indices: Sequence[str]) -> str:
    """An index as it stands between brackets."""
    rest = iter(indices)
    parts = [next(rest) if part is SLOT else _part(part) for part in template]
    return ", ".join(parts) if parts else "()"


def _part(part: Any) -> str:
    if isinstance(part, slice):
        ends = ["" if b is None else str(b) for b in (part.start, part.stop)]
        step = "" if part.step is None else f":{part.step}"
        return f"{ends[0]}:{ends[1]}{step}"
    return "..." if part is Ellipsis else repr(part)


# -- ops with a syntax of their own ------------------------------------------------------------


def _getitem(gate: Gate, inputs: Sequence[Text]) -> Text:
    return Text(f"{inputs[0].within(ATOM)}[{subscript(gate.static['template'], inputs[1:])}]")


def _transpose(gate: Gate, inputs: Sequence[Text]) -> Text:
    if not gate.static:
        return Text(f"{inputs[0].within(ATOM)}.T")
    return _call(gate, inputs)


def _reshape(gate: Gate, inputs: Sequence[Text]) -> Text:
    shape = gate.static["shape"]
    if gate.inputs[0].type.kind == "python":
        return Text(f"np.reshape({inputs[0]}, {value(shape)})")
    inside = ", ".join(map(str, shape)) if shape else "()"
    return Text(f"{inputs[0].within(ATOM)}.reshape({inside})")


def _astype(gate: Gate, inputs: Sequence[Text]) -> Text:
    dtype = value(gate.static["dtype"])
    if gate.inputs[0].type.kind == "python":
        return Text(f"{dtype}({inputs[0]})")
    return Text(f"{inputs[0].within(ATOM)}.astype({dtype})")


def _method(name: str) -> Callable[[Gate, Sequence[Text]], Text]:
    return lambda gate, inputs: Text(f"{inputs[0].within(ATOM)}.{name}()")


def _copy(gate: Gate, inputs: Sequence[Text]) -> Text:
    source = gate.inputs[0]
    if isinstance(source, Constant) and inputs[0].startswith("np.array("):
        return inputs[0]
    if gate.static and source.type.ndim > 1:  # np.copy keeps the layout in memory
        return Text(f"np.copy({inputs[0]})")
    return Text(f"{inputs[0].within(ATOM)}.copy()")


def _array(gate: Gate, inputs: Sequence[Text]) -> Text:
    shape = gate.static["shape"]
    parts: list[Any] = [str(t) for t in inputs]
    for n in reversed(shape[1:]):
        parts = ["[" + ", ".join(parts[i : i + n]) + "]" for i in range(0, len(parts), n)]
    inside = parts[0] if not shape else "[" + ", ".join(parts) + "]"
    return Text(f"np.array({inside})")


def _filled(gate: Gate, inputs: Sequence[Text]) -> Text:
    shape = gate.static["shape"]
    size = value(shape[0] if isinstance(shape, tuple) and len(shape) == 1 else shape)
    fill = f", {inputs[0]}" if inputs else ""
    dtype = gate.static.get("dtype")
    plain = dtype is None or (np.dtype(dtype) == np.float64 and not inputs)
    return Text(f"np.{gate.op.name}({size}{fill}{'' if plain else ', dtype=' + value(dtype)})")


def _broadcast_to(gate: Gate, inputs: Sequence[Text]) -> Text:
    source = gate.inputs[0]
    shape = value(gate.static["shape"])
    if isinstance(source, Constant) and not source.shape and source.dtype == np.float64:
        return Text(f"np.full({shape}, {inputs[0]})")
    return Text(f"np.broadcast_to({inputs[0]}, {shape})")


def _sequence(gate: Gate, inputs: Sequence[Text]) -> Text:
    inside = ", ".join(["[" + ", ".join(inputs) + "]", *_keywords(gate.static)])
    return Text(f"{function_name(gate)}({inside})")


def _identity(gate: Gate, inputs: Sequence[Text]) -> Text:
    return inputs[0]


def _strong(gate: Gate, inputs: Sequence[Text]) -> Text:
    local, dy = inputs
    if gate.output.shape:
        return Text(f"np.where({dy} == 0, 0.0, {local.within(PRODUCT)} * {dy.within(UNARY)})")
    return Text(f"{local.within(PRODUCT)} * {dy.within(UNARY)} if {dy} else 0.0", CHOICE)


def _clip(gate: Gate, inputs: Sequence[Text]) -> Text:
    low, high = ("None" if isinstance(o, Constant) and np.ndim(o.value) == 0 and np.isinf(o.value)
                 else t for o, t in zip(gate.inputs[1:], inputs[1:], strict=True))  # fmt: skip
    return Text(f"np.clip({inputs[0]}, {low}, {high})")


def _round(gate: Gate, inputs: Sequence[Text]) -> Text:
    decimals = gate.static.get("decimals", 0)
    return Text(f"np.round({inputs[0]}{f', {decimals}' if decimals else ''})")


def _pad(gate: Gate, inputs: Sequence[Text]) -> Text:
    fill = gate.static.get("constant_values")
    extra = "" if fill is None else f", constant_values={value(fill)}"
    return Text(f"np.pad({inputs[0]}, {value(gate.static['widths'])}{extra})")


def _sigmoid(gate: Gate, inputs: Sequence[Text]) -> Text:
    return Text(f"1 / (1 + np.exp(-{inputs[0].within(POWER)}))", PRODUCT)


def _softplus(gate: Gate, inputs: Sequence[Text]) -> Text:
    return Text(f"np.log(1 + np.exp({inputs[0]}))")


def _einsum(gate: Gate, inputs: Sequence[Text]) -> Text:
    more = f", optimize={value(gate.static['optimize'])}" if "optimize" in gate.static else ""
    return Text(f'np.einsum("{gate.static["subscripts"]}", {", ".join(inputs)}{more})')


def _called(name: str) -> Callable[[Gate, Sequence[Text]], Text]:
    return lambda gate, inputs: Text(f"{name}({', '.join([*inputs, *_keywords(gate.static)])})")


def _polygamma(gate: Gate, inputs: Sequence[Text]) -> Text:
    return Text(f"scipy.special.polygamma({gate.static['n']}, {inputs[0]})")


def _setitem(gate: Gate, inputs: Sequence[Text]) -> Text:
    raise AssertionError("writing is a statement, not an expression")


_WRITERS: dict[str, Callable[[Gate, Sequence[Text]], Text]] = {
    "fsum": lambda gate, inputs: Text(f"math.fsum([{', '.join(inputs)}])"),
    "getitem": _getitem, "transpose": _transpose, "reshape": _reshape, "astype": _astype,
    "to_integer": _astype, "item": _method("item"), "ravel": _method("ravel"), "copy": _copy,
    "array": _array, "zeros": _filled, "ones": _filled, "full": _filled,
    "broadcast_to": _broadcast_to, "concatenate": _sequence, "stack": _sequence,
    "identity": _identity, "stop_gradient": _identity, "strong_multiply": _strong, "clip": _clip,
    "round": _round, "pad": _pad, "einsum": _einsum, "einsum1": _einsum, "cross": _called("np.cross"),
    "vecdot": _called("np.vecdot"), "slogdet": _called("np.linalg.slogdet"), "coincide": _coincide,
    "inverse": _called("np.linalg.inv"), "eigh": _called("np.linalg.eigh"),
    "svd": _called("np.linalg.svd"), "singular_values": _called("np.linalg.svdvals"),
    "polygamma": _polygamma, "setitem": _setitem, "add_at": _setitem,
    "sigmoid": _sigmoid, "softplus": _softplus,
}  # fmt: skip
