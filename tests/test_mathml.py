"""Formulas of gates: well formed, with the slots that are agreed on, and right.

What is shown is read again by `support.mathml`, as people read it, and compared with what the gate
computes and with what backpropagation hands back.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.circuit import FLOAT, Constant, Gate, Wire, WireType, infer, type_of
from glassgrad.emit.mathml import Formulas, formulas, terms
from glassgrad.emit.mathml.numbers import number
from glassgrad.gates import OPS
from glassgrad.gates.declare import Case
from glassgrad.gates.guards import guard

from .support.mathml import ELEMENTS, evaluate, filled, parsed, said, slots
from .support.samples import Sample, broadcasts, emptied, samples, single

ALL = samples()


def gate_of(sample: Sample, args: Any = None, numbers: tuple[int, ...] = ()) -> Gate:
    """A sample as a gate: operands by wire, but those in `numbers` that stand in the code."""
    args = sample.args if args is None else args
    constants = [Constant(a, type_of(a)) for a in args]
    types = tuple(c.type for c in constants)
    static = sample.case.static
    outputs = infer(sample.op, types, static, constants)
    inputs = tuple(c if n in numbers else Wire(c.type) for n, c in enumerate(constants))
    return Gate(sample.op, inputs, tuple(Wire(t) for t in outputs), static)


def texts(found: Formulas) -> list[str]:
    return [t for t in (found.forward, *found.local, *found.backward) if t]


def well_formed(gate: Gate) -> Formulas:
    found = formulas(gate)
    n = len(gate.inputs)
    assert len(found.local) == len(found.backward) == n
    inputs = {str(k) for k, i in enumerate(gate.inputs) if isinstance(i, Wire) or i.shape}
    outputs = {f"y{k or ''}" for k in range(len(gate.outputs))}
    for text in texts(found):
        assert {e.tag for e in parsed(text).iter()} <= ELEMENTS
        assert slots(text) <= inputs | outputs | {"dy"} | {f"d{k}" for k in range(n)}
        assert "\ue000" not in text  # the index is in its place
    assert slots(found.forward) <= inputs | outputs
    return found


def right(sample: Sample, gate: Gate, args: tuple[Any, ...], close: float = 1e-9) -> int:
    """Compare every formula of a gate with the numbers; how many were compared."""
    found = formulas(gate)
    names: dict[str, Any] = {str(n): a for n, a in enumerate(args)}
    result = sample.op.call(*args, **sample.case.static)
    results = result if isinstance(result, tuple) else (result,)
    names |= {f"y{n or ''}": r for n, r in enumerate(results)}
    left, value = evaluate(found.forward, names)
    if len(results) == 1:
        assert left == "y"
        agrees(value, result, close)
    else:
        for a, b in zip(value, results, strict=True):
            agrees(a, b, close)
    active = [n for n, i in enumerate(gate.inputs) if isinstance(i, Wire) and i.dtype.kind == "f"]
    if not sample.op.differentiable or not any(found.backward):
        return 1

    def f(*values: Any) -> Any:
        given = list(args)
        for n, v in zip(active, values, strict=True):
            given[n] = v
        return sample.op(*given, **sample.case.static)

    _, pullback = gg.vjp(f, *[args[n] for n in active])
    rng = np.random.default_rng([sample.number, *sample.op.name.encode()])
    dy = rng.uniform(0.5, 2.0, np.shape(result))
    array = isinstance(result, np.ndarray)
    dy = np.asarray(dy, result.dtype) if array else type(result)(dy)
    one = np.ones_like(result) if array else type(result)(1)
    names["dy"] = dy
    count = 1
    for n, dx, slope in zip(active, pullback(dy), pullback(one), strict=True):
        names[f"d{n}"] = dx
        if (text := found.backward[n]) is not None:
            left, value = evaluate(text, names)
            assert left == f"d{n}"
            agrees(value, dx, close)
            count += 1
        if (text := found.local[n]) is not None and np.shape(slope) == np.shape(result):
            for place in np.ndindex(np.shape(result)):  # one place at a time
                left, value = evaluate(text, {k: _at(v, place) for k, v in names.items()})
                assert left == f"∂y∂{n}"
                agrees(value, _at(slope, place), close)
            count += 1
    return count


def _at(value: Any, place: tuple[int, ...]) -> Any:
    """The element of an array that broadcasts to a place."""
    if not np.ndim(value):
        return value
    inside = place[len(place) - np.ndim(value) :]
    return value[tuple(i if n != 1 else 0 for i, n in zip(inside, np.shape(value), strict=True))]


def agrees(value: Any, expected: Any, close: float) -> None:
    value, expected = np.asarray(value, float), np.asarray(expected, float)
    if value.size == 1 and expected.size != 1:
        value = np.broadcast_to(value, expected.shape)
    np.testing.assert_allclose(np.reshape(value, expected.shape), expected, close, close)


@pytest.mark.parametrize("sample", ALL, ids=str)
def test_formulas_are_well_formed_and_right(sample: Sample) -> None:
    gate = gate_of(sample)
    well_formed(gate)
    right(sample, gate, sample.args)
    two = sample.op.elementwise and len(sample.args) > 1
    for n in range(len(sample.args) if two else 0):
        if not np.ndim(sample.args[n]):
            gate = gate_of(sample, numbers=(n,))
            well_formed(gate)
            right(sample, gate, sample.args)
    narrow = single(sample.args)
    well_formed(gate_of(sample, narrow))
    right(sample, gate_of(sample, narrow), narrow, 1e-3)


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.elementwise], ids=str)
def test_formulas_hold_for_arrays_that_broadcast(op: Any) -> None:
    sample = Sample(op, op.examples[0], 0)
    for args in broadcasts(op):
        well_formed(gate_of(sample, args))
        right(sample, gate_of(sample, args), args)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("sample", ALL, ids=str)
def test_nothing_raises_where_arrays_are_empty(sample: Sample) -> None:
    for args in emptied(sample.args):
        try:
            sample.call(*args)
        except Exception:
            continue
        well_formed(gate_of(sample, args))


@pytest.mark.parametrize(
    ("name", "args"),
    [("maximum", (2.0, 2.0)), ("minimum", (2.0, 2.0)), ("fmax", (2.0, 2.0)), ("absolute", (0.0,)),
     ("fmin", (2.0, 2.0)), ("hypot", (0.0, 0.0)), ("arctan2", (0.0, 0.0)), ("sinc", (0.0,)),
     ("power", (0.0, 2.5)), ("power", (2.0, 0.0)), ("xlogy", (0.0, 2.0)), ("clip", (1.0, 0.0, 1.0)),
     ("clip", (0.0, 0.0, 1.0)), ("clip", (0.5, 1.0, 0.0))],
)  # fmt: skip
def test_edge_points_are_told_as_they_are(name: str, args: Any) -> None:
    sample = Sample(OPS[name], Case(args), 0)
    assert right(sample, gate_of(sample), args) > 1
    for n in range(1, len(args)):
        right(sample, gate_of(sample, numbers=(n,)), args)


@pytest.mark.parametrize("bounds", [(-np.inf, 1.0), (0.0, np.inf)])
def test_bounds_that_bind_on_one_side_only(bounds: Any) -> None:
    for x in (-2.0, 0.5, 2.0):
        sample = Sample(OPS["clip"], Case((x, *bounds)), 0)
        gate = gate_of(sample, numbers=(1, 2))
        right(sample, gate, sample.args)
        assert "∞" not in "".join(texts(formulas(gate)))


def test_all_gates_of_a_record_have_formulas() -> None:
    at, mask = np.array([0, 2, 2]), np.array([True, False, True, True])

    def f(x: Any) -> Any:
        y = np.zeros(4)
        y[at] += x[at, 1]
        y[::2] = x[0, :2]
        w, v = np.linalg.eigh(x[:3] @ x[:3].T + np.eye(3))
        total = np.sum(y * y) + np.sum(w * v[0]) + np.sum(np.sort(x, axis=0)[1:])
        if total > 0:
            total = total + np.sum(x[mask] ** 2) + np.var(x) + np.linalg.norm(x)
        return total + np.max(np.pad(x, 1, mode="reflect"))

    seen = gg.backprop(f, np.linspace(-1.0, 2.0, 12).reshape(4, 3) ** 2)
    assert len(seen.circuit.gates) > 60
    for gate in seen.circuit.gates:
        well_formed(gate)


def test_a_rule_that_wants_values_has_no_formula() -> None:
    op = OPS["spacing"]
    fields = {"form": "elementwise", "rule": lambda x, y: (1.0 if float(x) > 0 else 0.0,)}
    kept = {k: getattr(op, k) for k in fields}
    try:
        for key, value in fields.items():
            object.__setattr__(op, key, value)
        real = WireType.of("array", (7, 1), np.dtype(float))
        found = formulas(Gate(op, (Wire(real),), (Wire(real),)))
    finally:
        for key, value in kept.items():
            object.__setattr__(op, key, value)
    assert (said(found.forward), found.local, found.backward) == (
        "y = spacing(x)",
        (None,),
        (None,),
    )


def test_every_elementwise_gate_tells_its_local_gradients() -> None:
    missing = {
        (op.name, n)
        for op in OPS.values() if op.form == "elementwise"
        for n, text in enumerate(formulas(gate_of(Sample(op, op.examples[0], 0))).local) if not text
    }  # fmt: skip
    assert missing == {("copysign", 1)}  # its rule has none


def test_a_sign_or_an_operand_exchanged_is_noticed(monkeypatch: Any) -> None:
    """The reader of these tests is tested: what is wrong on the page is wrong here."""
    really, noticed, missed = formulas, 0, set()
    for op in OPS.values():
        if op.form != "elementwise":
            continue
        found = really(gate_of(Sample(op, op.examples[0], 0)))
        for n, text in enumerate(found.local):
            for wrong in _wrong(text or ""):
                local = (*found.local[:n], wrong, *found.local[n + 1 :])
                changed = Formulas(found.forward, local, found.backward)
                monkeypatch.setattr(sys.modules[__name__], "formulas", lambda g, c=changed: c)
                try:
                    for number, case in enumerate(op.examples):
                        sample = Sample(op, case, number)
                        right(sample, gate_of(sample), case.args)
                except AssertionError:
                    noticed += 1
                else:
                    missed.add(op.name)
    assert noticed > 60
    assert missed == {"copysign"}  # its signs may be exchanged


def _wrong(text: str) -> list[str]:
    left, sign, rest = text.partition("</mfrac><mo>=</mo>")
    made = [rest.replace("−", "+", 1)] if "<mo>−</mo>" in rest and "<mo>−</mo>{" not in rest else []
    if "{y}" in rest:
        made.append(rest.replace("{y}", "{0}"))
    if "{1}" in rest:
        made.append(rest.replace("{1}", "{2}").replace("{0}", "{1}").replace("{2}", "{0}"))
    return [left + sign + m for m in made if m != rest]


_BUILT = {
    "sum": (terms.added, np.add), "difference": (terms.subtracted, np.subtract),
    "product": (terms.product, np.multiply), "fraction": (terms.fraction, np.divide),
    "elements": (lambda a, b: terms.product(a, b, "elements"), np.multiply),
    "modulo": (lambda a, b: terms.infix(a, "mod", b, terms.MODULO), np.remainder),
    "negative": (lambda a, b: terms.negative(a), lambda a, b: -a),
    "square": (lambda a, b: terms.power(a, number(2)), lambda a, b: a**2),
    "root": (lambda a, b: terms.root(terms.fenced(a, "||")), lambda a, b: np.sqrt(abs(a))),
    "call": (lambda a, b: terms.applied(terms.name("sin"), a), lambda a, b: np.sin(a)),
    "total": (lambda a, b: terms.over("∑", None, a), lambda a, b: a),
    "larger": (lambda a, b: terms.indicator(terms.infix(a, ">", b, terms.COMPARE)),
               lambda a, b: float(a > b)),
    "cases": (lambda a, b: terms.cases(terms.infix(a, ">", b, terms.COMPARE), a, b),
              lambda a, b: a if a > b else b),
}  # fmt: skip


def test_parentheses_stand_where_they_are_needed() -> None:
    """Random terms of all constructions are read as what they were built from."""
    rng = np.random.default_rng(7)
    names = {str(n): v for n, v in enumerate((1.7, -0.6, 2.3))}

    def grown(depth: int) -> tuple[terms.Term, float]:
        if depth == 0:
            n = int(rng.integers(5))
            value = names[str(n)] if n < 3 else (-1.5, 3)[n - 3]
            return (terms.Term(f"{{{n}}}") if n < 3 else number(value)), value
        made, value = _BUILT[str(rng.choice(list(_BUILT)))]
        (a, x), (b, z) = grown(int(rng.integers(depth))), grown(depth - 1)
        a, x, b, z = (a, x, b, z) if rng.random() < 0.5 else (b, z, a, x)
        return made(a, b), value(x, z)

    with np.errstate(all="ignore"):
        for depth in [2] * 300 + [4] * 300:
            term, value = grown(depth)
            left, found = evaluate(f"<mrow>{{y}}<mo>=</mo>{term.text}</mrow>", names)
            assert left == "y"
            np.testing.assert_allclose(
                np.ravel(found)[0], value, 1e-6, 1e-6, err_msg=said(term.text)
            )


# -- what stands there -----------------------------------------------------------------------------

M, V = np.ones((2, 3)), np.ones(3)


def shown(name: str, *args: Any, numbers: tuple[int, ...] = (), **static: Any) -> list[str]:
    found = formulas(gate_of(Sample(OPS[name], Case(args, static), 0), numbers=numbers))
    return [said(t) if t else "" for t in (found.forward, *found.local, *found.backward)]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (shown("add", 1.0, 2.0), ["y = x + z", "∂y/∂x = 1", "∂y/∂z = 1", "dx = dy", "dz = dy"]),
        (shown("multiply", 1.0, 2.0), ["y = x z", "∂y/∂x = z", "∂y/∂z = x", "dx = z dy", "dz = x dy"]),
        (shown("multiply", 1.0, 3.0, numbers=(1,)), ["y = 3 x", "∂y/∂x = 3", "", "dx = 3 dy", ""]),
        (shown("divide", 1.0, 2.0),
         ["y = x/z", "∂y/∂x = 1/z", "∂y/∂z = -y/z", "dx = dy/z", "dz = -y/z dy"]),
        (shown("divide", 1.0, 3.0, numbers=(1,)), ["y = x/3", "∂y/∂x = 1/3", "", "dx = 1/3 dy", ""]),
        (shown("power", 1.0, 3.0, numbers=(1,)), ["y = x^3", "∂y/∂x = 3 x^2", "", "dx = 3 x^2 dy", ""]),
        (shown("power", 3.0, 1.0, numbers=(0,)),
         ["y = 3^z", "", "∂y/∂z = y ln(3)", "", "dz = y ln(3) dy"]),
        (shown("power", 1.0, 2.0)[1:3],
         ["∂y/∂x = { 0 if z = 0 ∧ x = 0; z x^(z-1) otherwise", "∂y/∂z = { 0 if x = 0; y ln(x) otherwise"]),
        (shown("exp", 1.0), ["y = e^x", "∂y/∂x = y", "dx = y dy"]),
        (shown("log", 1.0), ["y = ln(x)", "∂y/∂x = 1/x", "dx = dy/x"]),
        (shown("sigmoid", 1.0), ["y = σ(x)", "∂y/∂x = (1-y) y", "dx = (1-y) y dy"]),
        (shown("sigmoid", V)[1:], ["∂y/∂x = (1-y) y", "dx = (1-y) ⊙ y ⊙ dy"]),
        (shown("tanh", 1.0), ["y = tanh(x)", "∂y/∂x = 1-y^2", "dx = (1-y^2) dy"]),
        (shown("sqrt", 1.0)[:2], ["y = √(x)", "∂y/∂x = 1/(2 y)"]),
        (shown("maximum", 1.0, 2.0)[:3],
         ["y = max(x, z)", "∂y/∂x = [x > z] + 1/2 [x = z]", "∂y/∂z = [x < z] + 1/2 [x = z]"]),
        (shown("maximum", 0.0, 2.0, numbers=(0,))[2], "∂y/∂z = [z > 0] + 1/2 [z = 0]"),
        (shown("add", M, V)[-1], "dz = ∑_(axis 0)dy"),
        (shown("matmul", M, M.T), ["y = x z", "", "", "dx = dy z^T", "dz = x^T dy"]),
        (shown("matmul", M, V)[3:], ["dx = dy z^T", "dz = x^T dy"]),
        (shown("sum", M, axis=0), ["y = ∑_(axis 0)x", "", "dx = broadcast_(2 × 3)(dy)"]),
        (shown("mean", M), ["y = 1/6∑x", "", "dx = broadcast_(2 × 3)(dy/6)"]),
        (shown("max", M), ["y = max(x)", "", "dx = [x = y] ⊙ dy/(∑[x = y])"]),
        (shown("where", np.array(True), 1.0, 2.0),
         ["y = { z if x; w otherwise", "", "", "", "", "dz = { dy if x; 0 otherwise", "dw = { 0 if x; dy otherwise"]),
        (shown("getitem", M, template=(1, slice(0, 2))), ["y = x_(1, 0:2)", "", "dx_(1, 0:2)+=dy"]),
        (shown("setitem", V, 1.0, template=(2,)),
         ["y = x with y_2 = z", "", "", "dx = dy with dx_2 = 0", "dz = dy_2"]),
        (shown("solve", np.eye(3), V)[3:], ["dx = -(x^T)^(-1) dy y^T", "dz = (x^T)^(-1) dy"]),
        (shown("greater", 1.0, 2.0), ["y = [x > z]", "", "", "", ""]),
    ],
)  # fmt: skip
def test_what_stands_there(made: Any, expected: Any) -> None:
    assert made == expected


def test_the_markup_of_a_formula() -> None:
    x, y = Wire(FLOAT), Wire(FLOAT)
    found = formulas(Gate(OPS["tanh"], (x,), (y,)))
    assert found.local == (
        "<mrow><mfrac><mrow><mi>∂</mi>{y}</mrow><mrow><mi>∂</mi>{0}</mrow></mfrac><mo>=</mo>"
        "<mrow><mn>1</mn><mo>−</mo><msup>{y}<mn>2</mn></msup></mrow></mrow>",
    )
    assert filled("{0}") == "<math><mi>$0</mi></math>"


def test_integers_constants_and_guards_have_no_gradient() -> None:
    whole = WireType.of("array", (3,), np.dtype(int))
    real = WireType.of("array", (3,), np.dtype(float))
    data = Constant(np.ones(3), real)
    found = formulas(Gate(OPS["multiply"], (Wire(whole), Wire(real)), (Wire(real),)))
    assert found.local[0] is None and found.backward[0] is None and found.backward[1]
    found = formulas(Gate(OPS["multiply"], (data, Wire(real)), (Wire(real),)))
    assert slots(found.forward) == {"0", "1", "y"}
    assert found.backward[0] is None and said(found.backward[1] or "") == "dz = x ⊙ dy"
    asked = well_formed(Gate(guard, (Wire(FLOAT),), (), {"how": "bool", "told": True}))
    assert said(asked.forward) == "bool(x) = True"


def test_equal_gates_share_their_texts_and_ten_thousand_are_quick() -> None:
    def made(n: int) -> Gate:
        part = WireType.of("array", (2,), np.dtype(float))
        whole = WireType.of("array", (20_000,), np.dtype(float))
        if n % 2:
            return Gate(
                OPS["getitem"], (Wire(whole),), (Wire(part),), {"template": (slice(n, n + 2),)}
            )
        return Gate(OPS["multiply"], (Wire(part), Constant(2.0, FLOAT)), (Wire(part),))

    assert formulas(made(0)) is formulas(made(2))
    assert said(formulas(made(11)).backward[0] or "") == "dx_(11:13)+=dy"
    gates = [made(n) for n in range(10_000)]
    runs: list[str] = []
    original = OPS["getitem"].rule
    object.__setattr__(
        OPS["getitem"], "rule", lambda *a, **k: (runs.append(""), original(*a, **k))[1]
    )  # type: ignore[misc]
    try:
        for gate in gates:
            formulas(gate)
    finally:
        object.__setattr__(OPS["getitem"], "rule", original)
    assert len(runs) <= 1  # the index is put into one text


def test_importing_glassgrad_leaves_formulas_out() -> None:
    code = "import sys, glassgrad; sys.exit('glassgrad.emit.mathml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
