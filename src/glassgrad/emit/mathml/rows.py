"""How each op is written in mathematics: one row an op. What has no row is a call by its name.

Rows get a gate and the terms of its inputs. They know the op's meaning and the shapes of its
inputs; where the terms come from, and how an index is written, they do not know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassgrad.circuit import Gate
from glassgrad.emit.mathml import terms
from glassgrad.emit.mathml.numbers import number
from glassgrad.emit.mathml.terms import Term

__all__ = ["CONDITIONS", "called", "row_of"]

Terms = Sequence[Term]
Row = Callable[[Gate, Terms], Term]

#: Ops that take truths as they are; everywhere else a truth counts as one or zero.
CONDITIONS = {"logical_and", "logical_or", "logical_xor", "logical_not", "bitwise_and",
              "bitwise_or", "bitwise_xor", "invert", "where"}  # fmt: skip

_MANY = 8  # inputs: from here on the middle ones are left out


def row_of(gate: Gate, inputs: Terms) -> Term:
    """A gate as a term over the terms of its inputs."""
    row = _ROWS.get(gate.op.name)
    made = row(gate, inputs) if row is not None else None
    return made if made is not None else called(gate, inputs)


# -- calls -------------------------------------------------------------------------------------


def called(gate: Gate, inputs: Terms) -> Term:
    """The op as a function of its inputs, and of its static arguments by name."""
    names = gate.static.get("named", ())
    split = len(inputs) - len(names)
    arguments = _shortened(inputs[:split])
    arguments += [_keyword(n, t) for n, t in zip(names, inputs[split:], strict=True)]
    for key, value in gate.static.items():
        if key != "named":
            arguments.append(_keyword(key, _static(value)))
    return terms.applied(terms.name(_CALLED.get(gate.op.name, gate.op.name)), *arguments)


def _shortened(inputs: Terms) -> list[Term]:
    if len(inputs) <= _MANY:
        return list(inputs)
    return [*inputs[:3], Term("<mo>…</mo>"), inputs[-1]]


def _keyword(key: str, value: Term) -> Term:
    return Term(terms.row(f"<mi>{key}</mi>", "<mo>=</mo>", value.text))


def _static(value: Any) -> Term:
    if isinstance(value, (bool, int, float, np.number)):
        return number(value, [float(value)])
    if isinstance(value, (tuple, list)):
        return terms.fenced(terms.listed([_static(v) for v in value]))
    if isinstance(value, np.dtype):
        return terms.name(value.name)
    text = f"array{value.shape}" if isinstance(value, np.ndarray) else str(value)
    return Term(f"<mtext>{terms.escaped(text)}</mtext>")


def shape_text(shape: Sequence[int]) -> Term:
    """A shape as sizes with crosses between."""
    return terms.listed([Term(f"<mn>{n}</mn>") for n in shape], "<mo>×</mo>")


_CALLED = {"singular_values": "svdvals", "rint": "round"}


def _named(text: str) -> Row:
    return lambda gate, inputs: terms.applied(terms.name(text), *inputs)


def _letter(text: str, upright: bool = False) -> Row:
    head = Term(f'<mi mathvariant="normal">{text}</mi>') if upright else Term(f"<mi>{text}</mi>")
    return lambda gate, inputs: terms.applied(head, *inputs)


def _headed(head: Term) -> Row:
    return lambda gate, inputs: terms.applied(head, *inputs)


# -- arithmetic --------------------------------------------------------------------------------

_ZERO, _ONE, _TWO, _TEN = number(0), number(1), number(2), number(10)
_TRUE, _FALSE, _NAN = number(True), number(False), number(np.nan)
_E = Term("<mi>e</mi>")


def _add(gate: Gate, inputs: Terms) -> Term:
    a, b = inputs
    if gate.backward and (a.is_number(0) or b.is_number(0)):
        return b if a.is_number(0) else a
    return terms.added(a, b)


def _subtract(gate: Gate, inputs: Terms) -> Term:
    a, b = inputs
    if gate.backward and b.is_number(0):
        return a
    return terms.subtracted(a, b)


def _multiply(gate: Gate, inputs: Terms) -> Term:
    a, b = inputs
    if gate.backward:
        for one, other in ((a, b), (b, a)):
            if one.is_number(0) or one.text == _NAN.text or other.is_number(1):
                return one
    kind = _kind(gate)
    outer = _outer(gate, a, b) if kind == "elements" else None
    return outer or terms.product(a, b, kind)


def _kind(gate: Gate) -> str:
    """The product of a gate's inputs: side by side, arrays would be multiplied as matrices."""
    return "elements" if all([i.shape for i in gate.inputs]) else "product"


def _outer(gate: Gate, a: Term, b: Term) -> Term | None:
    """A column times a row, which is written as the product of a vector and a transposed one."""
    if a.made != "column" or not (b.made == "row" or gate.inputs[1].type.ndim == 1):
        return None
    row = b.parts[0] if b.made == "row" else b
    return terms.product(a.parts[0], terms.transposed(row), "matrix")


def _divide(gate: Gate, inputs: Terms) -> Term:
    a, b = inputs
    if gate.backward and (a.is_number(0) or b.is_number(1)):
        return a
    return terms.fraction(a, b)


def _power(gate: Gate, inputs: Terms) -> Term:
    x, n = inputs
    if gate.backward and n.is_number(1):
        return x
    if n.text in ("<mn>0.5</mn>", number(0.5).text):
        return terms.root(x)
    return terms.power(x, n)


def _modulo(gate: Gate, inputs: Terms) -> Term:
    return terms.infix(inputs[0], "mod", inputs[1], terms.MODULO)


def _floor_divide(gate: Gate, inputs: Terms) -> Term:
    return terms.fenced(terms.fraction(*inputs), "⌊⌋")


def _ln(x: Term) -> Term:
    return terms.applied(terms.name("ln"), x)


def _log_of(base: Term) -> Row:
    return _headed(terms.subscripted(terms.name("log"), base))


def _exp(x: Term, base: Term = _E) -> Term:
    return terms.power(base, x)


def _same(gate: Gate, inputs: Terms) -> Term:
    return inputs[0]


def _logit(gate: Gate, inputs: Terms) -> Term:
    (x,) = inputs
    return _ln(terms.fraction(x, terms.subtracted(_ONE, x)))


def _x_ln(gate: Gate, x: Term, y: Term) -> Term:
    return terms.product(x, _ln(y), _kind(gate))


def _x_ln_ratio(gate: Gate, inputs: Terms) -> Term:
    """With both an array and a number the logarithm is an array, too."""
    x, y = inputs
    kind = "elements" if gate.inputs[0].shape else "product"
    return terms.product(x, _ln(terms.fraction(x, y)), kind)


def _kl_div(gate: Gate, inputs: Terms) -> Term:
    return terms.added(terms.subtracted(_x_ln_ratio(gate, inputs), inputs[0]), inputs[1])


def _polygamma(gate: Gate, inputs: Terms) -> Term:
    order = terms.fenced(number(gate.static["n"]))
    return terms.applied(Term(f"<msup><mi>ψ</mi>{order.text}</msup>"), inputs[0])


# -- choices -----------------------------------------------------------------------------------


def _compare(sign: str) -> Row:
    return lambda gate, inputs: terms.infix(inputs[0], sign, inputs[1], terms.COMPARE)


def _where(gate: Gate, inputs: Terms) -> Term | None:
    condition, yes, no = inputs
    if gate.backward and condition.text in (_TRUE.text, _FALSE.text):
        return yes if condition.text == _TRUE.text else no
    if no.made == "step" and no.parts == (*condition.parts, yes) and condition.made == "=":
        return no  # the step has this value there; the condition is for infinities
    return terms.cases(condition, yes, no)


def _clip(gate: Gate, inputs: Terms) -> Term | None:
    x, low, high = inputs
    if low.text == terms.negative(terms.INFINITY).text:
        return terms.applied(terms.name("min"), x, high)
    return terms.applied(terms.name("max"), x, low) if high.text == terms.INFINITY.text else None


def _heaviside(gate: Gate, inputs: Terms) -> Term | None:
    """Of a difference: one where it is positive, a share where both are equal."""
    x, share = inputs
    if not gate.backward:
        return None
    a, b = x.parts if x.made == "difference" else (x, _ZERO)
    first, second, sign = a, b, ">"
    if a.constant or (b.text.startswith("{") and b.text < a.text):
        first, second, sign = b, a, "<"
    larger = terms.indicator(terms.infix(first, sign, second, terms.COMPARE))
    equal = terms.indicator(terms.infix(first, "=", second, terms.COMPARE))
    made = terms.added(larger, terms.product(share, equal))
    return Term(made.text, made.strength, "step", (a, b, share))


def _both(gate: Gate, inputs: Terms) -> Term:
    if gate.backward:
        for one, other in (inputs, inputs[::-1]):
            if one.text == _FALSE.text or other.text == _TRUE.text:
                return one
    return terms.both(*inputs)


def _either(gate: Gate, inputs: Terms) -> Term:
    if gate.backward:
        for one, other in (inputs, inputs[::-1]):
            if one.text == _TRUE.text or other.text == _FALSE.text:
                return one
    return terms.joined(inputs[0], "∨", inputs[1], terms.OR)


def _not(gate: Gate, inputs: Terms) -> Term:
    return terms.negated(inputs[0])


# -- reductions --------------------------------------------------------------------------------


def _axes(gate: Gate) -> Term | None:
    axis = gate.static.get("axis")
    if axis is None:
        return None
    axes = axis if isinstance(axis, tuple) else (axis,)
    text = ("axis " if len(axes) == 1 else "axes ") + ", ".join(map(str, axes))
    return Term(f"<mtext>{text}</mtext>")


def _plain(gate: Gate) -> bool:
    """Whether nothing but axes (and the shape that is kept) tells a reduction what to do."""
    return set(gate.static) <= {"axis", "keepdims"}


def _over(sign: str) -> Row:
    def row(gate: Gate, inputs: Terms) -> Term | None:
        return terms.over(sign, _axes(gate), inputs[0]) if _plain(gate) else None

    return row  # type: ignore[return-value]


def _mean(gate: Gate, inputs: Terms) -> Term | None:
    if not _plain(gate) or not gate.output.type.size:
        return None
    count = gate.inputs[0].type.size // gate.output.type.size
    total = terms.over("∑", _axes(gate), inputs[0])
    if count == 1:
        return total
    share = terms.fraction(_ONE, number(count))
    return Term(terms.row(share.text, total.text), terms.PREFIX)


def _extreme(gate: Gate, inputs: Terms) -> Term | None:
    if not _plain(gate):
        return None
    head, below = terms.name(gate.op.name), _axes(gate)
    if below is not None:
        head = Term(f"<munder>{head.text}{below.text}</munder>")
    return terms.applied(head, inputs[0])


def _norm(gate: Gate, inputs: Terms) -> Term | None:
    if not set(gate.static) <= {"ord"}:
        return None
    length = terms.fenced(inputs[0], "‖‖")
    order = gate.static.get("ord")
    return length if order is None else terms.subscripted(length, _static(order))


# -- shapes ------------------------------------------------------------------------------------


def _shaped(gate: Gate, inputs: Terms) -> Term:
    """A word for what changes the shape only, with the new one below it."""
    if gate.backward and gate.inputs[0].shape == gate.output.shape:
        return inputs[0]
    word = {"broadcast_to": "broadcast"}.get(gate.op.name, gate.op.name)
    made = terms.applied(terms.subscripted(terms.name(word), shape_text(gate.output.shape)), inputs[0])  # fmt: skip
    source, out = gate.inputs[0].shape, gate.output.shape
    if gate.op.name == "expand_dims" and len(source) == 1:
        kind = "column" if out == (*source, 1) else "row" if out == (1, *source) else ""
        return Term(made.text, made.strength, kind, tuple(inputs))
    return made


def _astype(gate: Gate, inputs: Terms) -> Term:
    return terms.applied(terms.name(np.dtype(gate.static["dtype"]).name), inputs[0])


def _filled(gate: Gate, inputs: Terms) -> Term:
    """An array of zeros, of ones, or of one number: that number with a shape."""
    one = Term("<mn>0</mn>" if gate.op.name == "zeros" else "<mn>1</mn>")
    shape = gate.output.shape
    made = terms.subscripted(one, shape_text(shape)) if shape else one
    if not inputs or inputs[0].is_number(1):
        return Term(made.text, digits=True)
    return terms.product(inputs[0], Term(made.text, digits=True), "matrix")


def _array(gate: Gate, inputs: Terms) -> Term:
    made = terms.fenced(terms.listed(_shortened(inputs)))
    if gate.output.type.ndim < 2:
        return made if gate.output.shape else inputs[0]
    head = terms.subscripted(terms.name("array"), shape_text(gate.output.shape))
    return terms.applied(head, *_shortened(inputs))


def _transpose(gate: Gate, inputs: Terms) -> Term | None:
    if gate.static or gate.inputs[0].type.ndim < 2:
        return None if gate.static else inputs[0]
    return terms.transposed(inputs[0])


def _swapaxes(gate: Gate, inputs: Terms) -> Term | None:
    ndim = gate.inputs[0].type.ndim
    if {gate.static["axis1"] % ndim, gate.static["axis2"] % ndim} != {ndim - 2, ndim - 1}:
        return None
    return terms.transposed(inputs[0])


# -- products of matrices ----------------------------------------------------------------------


def _matmul(gate: Gate, inputs: Terms) -> Term | None:
    a, b = inputs
    m, n = (i.type.ndim for i in gate.inputs)
    batch = {"dot": m > 2 or n > 2, "matvec": n > 1, "vecmat": m > 1}
    if batch.get(gate.op.name):  # no juxtaposition tells which axes meet
        return None
    if not m or not n:
        return terms.product(a, b)
    if m == n == 1:
        return terms.infix(a, "⋅", b, terms.ELEMENTS)
    return terms.product(a, b, "matrix")


def _between_vectors(gate: Gate, inputs: Terms) -> Term | None:
    """Products that are calls but for two vectors: inner, outer."""
    if any(i.type.ndim != 1 for i in gate.inputs):
        return None
    if gate.op.name == "outer":
        return terms.product(inputs[0], terms.transposed(inputs[1]), "matrix")
    return terms.infix(inputs[0], "⋅", inputs[1], terms.ELEMENTS)


def _einsum(gate: Gate, inputs: Terms) -> Term:
    letters = gate.static["subscripts"].replace("->", "→")
    head = terms.subscripted(terms.name("einsum"), Term(f"<mtext>{letters}</mtext>"))
    return terms.applied(head, *inputs)


def _inverse(matrix: Term) -> Term:
    return terms.power(matrix, number(-1))


_ROWS: dict[str, Callable[[Gate, Terms], Term | None]] = {
    # arithmetic
    "add": _add, "subtract": _subtract, "multiply": _multiply, "strong_multiply": _multiply,
    "divide": _divide, "power": _power, "float_power": _power,
    "negative": lambda g, i: terms.negative(i[0]), "positive": _same,
    "reciprocal": lambda g, i: terms.fraction(_ONE, i[0]),
    "square": lambda g, i: terms.power(i[0], _TWO), "remainder": _modulo,
    "floor_divide": _floor_divide,
    # elementary functions
    "exp": lambda g, i: _exp(i[0]), "exp2": lambda g, i: _exp(i[0], _TWO),
    "expm1": lambda g, i: terms.subtracted(_exp(i[0]), _ONE), "log": _named("ln"),
    "log2": _log_of(_TWO), "log10": _log_of(_TEN),
    "log1p": lambda g, i: _ln(terms.added(_ONE, i[0])), "sqrt": lambda g, i: terms.root(i[0]),
    "cbrt": lambda g, i: terms.root(i[0], number(3)),
    "hypot": lambda g, i: terms.root(terms.added(*[terms.power(x, _TWO) for x in i])),
    "absolute": lambda g, i: terms.fenced(i[0], "||"),
    "fabs": lambda g, i: terms.fenced(i[0], "||"), "sign": _named("sgn"),
    "floor": lambda g, i: terms.fenced(i[0], "⌊⌋"), "ceil": lambda g, i: terms.fenced(i[0], "⌈⌉"),
    "logaddexp": lambda g, i: _ln(terms.added(*[_exp(x) for x in i])),
    "logaddexp2": lambda g, i: _log_of(_TWO)(g, [terms.added(*[_exp(x, _TWO) for x in i])]),
    "deg2rad": lambda g, i: terms.product(number(np.pi / 180), i[0]),
    "radians": lambda g, i: terms.product(number(np.pi / 180), i[0]),
    "rad2deg": lambda g, i: terms.product(number(180 / np.pi), i[0]),
    "degrees": lambda g, i: terms.product(number(180 / np.pi), i[0]),
    "sigmoid": _letter("σ"), "expit": _letter("σ"),
    "softplus": lambda g, i: _ln(terms.added(_ONE, _exp(i[0]))),
    # special functions
    "logit": _logit, "log_expit": lambda g, i: _ln(_letter("σ")(g, i)),
    "ndtr": _letter("Φ", True), "log_ndtr": lambda g, i: _ln(_letter("Φ", True)(g, i)),
    "ndtri": _headed(_inverse(Term('<mi mathvariant="normal">Φ</mi>'))),
    "gamma": _letter("Γ", True), "digamma": _letter("ψ"), "beta": _letter("Β", True),
    "polygamma": _polygamma, "xlogy": lambda g, i: _x_ln(g, *i),
    "xlog1py": lambda g, i: _x_ln(g, i[0], terms.added(_ONE, i[1])),
    "entr": lambda g, i: terms.negative(_x_ln(g, i[0], i[0])),
    "rel_entr": _x_ln_ratio, "kl_div": _kl_div,
    # choices
    "less": _compare("<"), "less_equal": _compare("≤"), "greater": _compare(">"),
    "greater_equal": _compare("≥"), "equal": _compare("="), "not_equal": _compare("≠"),
    "where": _where, "clip": _clip, "heaviside": _heaviside, "maximum": _named("max"), "minimum": _named("min"),
    "bitwise_and": _both, "logical_and": _both,
    "bitwise_or": _either, "logical_or": _either,
    "bitwise_xor": lambda g, i: terms.infix(i[0], "⊕", i[1], terms.OR),
    "logical_xor": lambda g, i: terms.infix(i[0], "⊕", i[1], terms.OR),
    "invert": _not, "logical_not": _not,
    # reductions
    "sum": _over("∑"), "prod": _over("∏"), "mean": _mean, "max": _extreme, "min": _extreme,
    "norm": _norm,
    # shapes
    "reshape": _shaped, "ravel": _shaped, "expand_dims": _shaped, "squeeze": _shaped,
    "broadcast_to": _shaped, "astype": _astype, "to_integer": _astype, "copy": _same,
    "identity": _same, "item": _same, "zeros": _filled, "ones": _filled, "full": _filled,
    "array": _array, "transpose": _transpose, "swapaxes": _swapaxes,
    # products
    "matmul": _matmul, "dot": _matmul, "matvec": _matmul, "vecmat": _matmul,
    "inner": _between_vectors, "outer": _between_vectors, "vdot": _between_vectors,
    "vecdot": _between_vectors, "cross": lambda g, i: terms.infix(i[0], "×", i[1], terms.ELEMENTS),
    "kron": lambda g, i: terms.infix(i[0], "⊗", i[1], terms.ELEMENTS),
    "einsum": _einsum, "einsum1": _einsum,
    "inv": lambda g, i: _inverse(i[0]), "inverse": lambda g, i: _inverse(i[0]),
    "solve": lambda g, i: terms.product(_inverse(i[0]), i[1], "matrix"),
}  # fmt: skip
