"""Formulas: what is allowed gives the right number, everything else is refused at once."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

import glassgrad as gg
from glassgrad.errors import GlassgradError
from glassgrad.formula import Formula, FormulaError, Limits, parse, parse_value
from glassgrad.formula.functions import FUNCTIONS

V = np.array([0.3, 0.7, 0.5])
W = np.array([[0.2, 0.9], [0.4, 0.6]])

RIGHT = [
    ("x + 2", {"x": 3.0}, 5.0),
    ("-x**2", {"x": 3.0}, -9.0),
    ("2**-x", {"x": 3.0}, 0.125),
    ("x if x > 0 else -x", {"x": -3.0}, 3.0),
    ("1 if x == 2 else 2 if x != 3 else 3", {"x": 3.0}, 3.0),
    ("(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)", {"x": 3.0, "y": -4.0}, 1.5456448841066441),
    ("q = x + y; q * z", {"x": -2.0, "y": 5.0, "z": -4.0}, -12.0),
    ("q = x * x\nr = q + 1\n\nq * r;", {"x": 2.0}, 20.0),
    ("q = x; q = q + 1; q", {"x": 2.0}, 3.0),
    ("sum(\n  v\n)", {"v": V}, 1.5),
    ("  x +\t1 ", {"x": 1.0}, 2.0),
    ("exp(0) + cos(pi) + log(e)", {}, 1.0),
    ("max(x, 2, y) - min(x, y)", {"x": 1.0, "y": 3.0}, 2.0),
    ("sum(max(v, 0.5, 0.6)) - min(v) + maximum(x, 2)", {"v": V, "x": 1.0}, 3.6),
    ("sum(W @ v)", {"W": np.eye(2), "v": np.array([1.0, 2.0])}, 3.0),
    ("sum(W[:, 0]) + W[1, -1] + mean(W.T, axis=0)[0]", {"W": np.arange(4.0).reshape(2, 2)}, 5.5),
    ("sum(max(W, axis=0)) + sum(v[::-2])", {"W": W, "v": V}, 2.1),
    ("sum([x, 2, 3]) * norm([3, 4])", {"x": 1.0}, 30.0),
    ("sum([[x, 0], [0, x]] @ [1, 2])", {"x": 2.0}, 6.0),
    ("sum(softmax(v)) + logsumexp(v)", {"v": np.zeros(4)}, 1 + math.log(4)),
    ("sum(relu(v)) + relu(x)", {"v": np.array([-1.0, 2.0]), "x": -1.0}, 2.0),
    ("sum(where(v > 0, v, 0 * v)) + clip(x, 0, 1)", {"v": np.array([-1.0, 2.0]), "x": 3.0}, 3.0),
    ("where(x > 0, x, -x) + sign(x)", {"x": -2.0}, 1.0),
    ("prod(v, axis=0, keepdims=True)[0]", {"v": np.array([2.0, 3.0])}, 6.0),
    ("softplus(x) + softplus(-x)", {"x": 800.0}, 800.0),
    ("1e3 + .5 + 1_000 + 5.", {}, 2005.5),
    ("1/2 + 3/4", {}, 1.25),
    ("inf if x > inf else nan if x > 9 else 1", {"x": 3.0}, 1.0),
    ("sum(f) + np * math", {"f": V, "np": 2.0, "math": 3.0}, 7.5),
]  # fmt: skip


@pytest.mark.parametrize(("text", "values", "wanted"), RIGHT, ids=lambda x: str(x)[:40])
def test_right(text, values, wanted):
    formula = parse(text)
    assert set(formula.names) == set(values)
    assert formula(**values) == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize(("text", "values", "wanted"), RIGHT, ids=lambda x: str(x)[:40])
def test_right_while_it_is_recorded(text, values, wanted):
    formula = parse(text)
    given = [values[n] for n in formula.names]
    seen = gg.backprop(formula, *given)
    assert seen.value == pytest.approx(wanted, rel=1e-14)
    if given:
        assert gg.check_grad(formula, *given)


@pytest.mark.parametrize(
    "text", ["sum([x, v[0], 3] * v)", "sum([v, 2 * v, v] @ v)", "sum([[x, 1], [v[1], x]] @ [x, 2])"]
)
def test_lists_hand_their_gradient_on(text):
    formula = parse(text)
    check = gg.check_grad(formula, *[{"x": 2.0, "v": V}[n] for n in formula.names])
    assert check, str(check)


def test_inputs_come_in_the_order_of_their_first_appearance():
    assert parse("sin(cos(b)) + a").names == ("b", "a")
    assert parse("q = d*c; (r if s > 0 else q) + a").names == ("d", "c", "r", "s", "a")
    assert parse("a + b * (c + d) ** e * f").names == ("a", "b", "c", "d", "f")


def test_it_is_a_function_to_glassgrad():
    formula = parse("x * y + x")
    assert formula.__name__ == "f" and formula(2.0, y=3.0) == 8.0
    assert gg.grad(formula, ("y", "x"))(2.0, 3.0) == (2.0, 4.0)
    with pytest.raises(TypeError, match="y"):
        formula(2.0)


def test_sigmoid_is_what_the_notes_write():
    assert parse("sigmoid(x)")(3.0) == 1 / (1 + math.exp(-3.0))
    assert np.array_equal(parse("sigmoid(x)")(V), 1 / (1 + np.exp(-V)))
    assert "1 / (1 + math.exp(-x))" in gg.backprop(parse("sigmoid(x)"), 3.0).code


def test_max_of_numbers_is_a_gate_as_in_the_notes():
    seen = gg.backprop(parse("2*(x*y + max(z, w))"), 3.0, -4.0, 2.0, -1.0)
    assert seen.value == -20 and tuple(seen.grads) == (-8, 6, 2, 0)
    assert [g.op.name for g in seen.circuit.gates].count("maximum") == 1
    assert not any(g.op.name == "guard" for g in seen.circuit.gates)


def test_long_chains_are_not_deep():
    assert parse(" + ".join(["x"] * 900))(1.0) == 900.0
    assert gg.grad(parse(" * ".join(["x"] * 300)))(1.0) == 300.0


ARGUMENTS = {"arccosh": 1.5, "acosh": 1.5}
PRODUCTS = {"dot": (W, V[:2]), "matmul": (W, W), "inner": (V, V), "outer": (V, V)}
CALLS = [
    (name, *case)
    for name, f in FUNCTIONS.items()
    for case in (
        [PRODUCTS[name]]
        if name in PRODUCTS
        else [
            (ARGUMENTS.get(name, 0.3), 0.4, 0.6)[: f.least],
            (ARGUMENTS.get(name, 0.0) + V, V * 2, V * 3)[: f.least],
        ]
    )
    if not (name in ("trace", "cumsum", "cumprod") and not np.ndim(case[0]))
]


@pytest.mark.parametrize("call", CALLS, ids=lambda c: f"{c[0]}-{np.ndim(c[1])}")
def test_every_function_of_the_table_has_a_right_gradient(call):
    name, *args = call
    if name == "trace":
        args = [W]
    text = f"sum({name}({', '.join('xyz'[: len(args)])}) * 1.5)"
    check = gg.check_grad(parse(text), *args)
    assert check and check.count == sum(np.size(a) for a in args), str(check)


# What is refused, and the piece the message has to name.
HOSTILE = [
    ("", "empty"), (";", "empty"), (" \n ", "empty"), ("x +", "'x +'"), ("x y", "'x y'"),
    ("__import__('os')", "'__import__' at column 1"), ("eval('1')", '"\'" at column 6'),
    ("exec(x)", "'exec' at column 1"), ("open(x)", "'open'"), ("getattr(x, y)", "'getattr'"),
    ("x.__class__", "'__class__' at column 3"), ("x.real", "'x.real' at column 1"),
    ("x.T.real", "'x.T.real'"), ("().real", "'().real'"), ("''", '"\'" at column 1'),
    ('"a"*9', "'\"' at column 1"), ("b'x'", "at column 2"), ("f'{x}'", "at column 2"),
    ("lambda: 1", "'lambda' at column 1"), ("[i for i in x]", "'for' at column 4"),
    ("(i for i in x)", "'for'"), ("{1: 2}", "'{' at column 1"), ("{1, 2}", "'{'"),
    ("x := 3", "'=' at column 4"), ("(y := 3)", "'y := 3' at column 2"), ("x and y", "'and' at column 3"),
    ("x or y", "'or'"), ("not x", "'not'"), ("x in y", "'in'"), ("x is y", "'is'"),
    ("1 < x < 2", "'1 < x < 2' at column 1"), ("x // 2", "'//' at column 3"), ("x % 2", "'%' at column 3"),
    ("x << 100", "'x << 100'"), ("1 << 10**9", "'1 << 10**9'"), ("x >> 1", "'x >> 1'"),
    ("x | y", "'|'"), ("x & y", "'&'"), ("~x", "'~' at column 1"), ("x ^ 2", "'^' at column 3"),
    ("9**9**9", "'9**9**9' at column 1 is a tower"), ("9**9**9**9", "tower"), ("x**(2*y**2)", "tower"),
    ("2**100000", "'2**100000'"), ("x**-99999", "'x**-99999'"), ("x**--600", "exponent beyond"),
    ("10**1000", "'10**1000'"), ("1e999 * x", "'1e999' at column 1"), ("9" * 400, "too large a number"),
    ("1e301", "'1e301'"), ("1j", "'1j'"), ("2x", "'2x' at column 1"), ("0x10", "'0x10'"), ("1if x else 2", "'1if'"),
    ("True", "'True'"), ("None", "'None'"), ("...", "'...'"), ("x[...]", "'...'"), ("*x", "'*x'"),
    ("sum(*x)", "'*x' at column 5"), ("sum(**x)", "'**x'"), ("sum(x, where=y)", "'where=y' at column 8"),
    ("sum(x, axis=y)", "'axis=y'"), ("sum(x, axis=9999)", "'axis=9999'"), ("sum(x, axis=0, axis=1)", "'axis=1' at column 16"),
    ("sum(x, keepdims=1)", "'keepdims=1'"), ("sum(x, dtype=0)", "'dtype=0'"), ("sin(x, axis=0)", "'axis=0'"),
    ("sum", "'sum' at column 1"), ("sum()", "'sum()'"), ("sum(1, 2, 3)", "'sum(1, 2, 3)'"),
    ("foo(x)", "'foo'"), ("x(1)", "'x'"), ("2(x)", "'2' at column 1"), ("sum(x)(1)", "'sum(x)'"), ("sin.T(x)", "'sin.T'"),
    ("x[y]", "'y' at column 3"), ("x[1.5]", "'1.5'"), ("x[True]", "'True'"), ("x[None]", "'None'"), ("x[[1]]", "'[1]'"),
    ("x[::0]", "'::0'"), ("x[9**9]", "'9**9'"), ("x[99999999999999]", "'99999999999999'"), ("x[lambda: 0]", "'lambda'"),
    ("x[0", "'[' at column 2"), ("x]", "']' at column 2"), ("(x]", "']'"), ("outer(x, y", "'(' at column 6"),
    ("_x", "'_x' at column 1"), ("x__y", "'x__y'"), ("_", "'_'"), ("a.b.c", "'a.b.c'"), ("np.sum(x)", "'np.sum'"),
    ("print(x)", "'print'"), ("globals()", "'globals'"), ("zeros(10**9)", "'zeros'"), ("a" * 100, "letters"),
    ("x; import os", "'import' at column 4"), ("del x", "'del'"), ("yield x", "'yield'"), ("await x", "'await'"),
    ("x = ", "'x ='"), ("1 = x", "'=' at column 3"), ("sum = 3", "'sum'"), ("pi = 3", "'pi'"), ("x.y = 3", "'='"),
    ("a = b = 3", "'=' at column 7"), ("x = x + 1", "'x' is an input"), ("x; y", "'x' at column 1"), ("x += 1", "'='"),
    ("x if y", "'x if y'"), ("(1, 2)", "'(1, 2)'"), ("1, 2", "'1, 2'"), ("x, y = 1", "'=' at column 6"),
    ("[" * 200 + "]" * 200, "'[' at column 41"), ("(" * 500 + "x" + ")" * 500, "'(' at column 41"),
    ("-" * 300 + "x", "'-' at column 9"), ("+-" * 300 + "x", "sign in a row"),
    ("sin(" * 39 + "-x" + ")" * 39 + "**2" * 2, "tower"), ("x" + "+x" * 3000, "4000 are allowed"),
    ("+".join("x" * 1900), "2000 are allowed"), ("1 if x else " * 300 + "1", "nested"), ("x" * 5000, "4000"),
    ("\x00", "at column 1"), ("x\x00y", "at column 2"), ("ⅷ + 1", "'ⅷ' at column 1"), ("x²", "'²' at column 2"),
    ("ａ + 1", "'ａ'"), ("x\u202e+1", "at column 2"), ("x\x0c+1", "at column 2"), ("x\\\n+1", "at line 1, column 2"),
    ("a$b", "'$'"), ("x?", "'?'"), ("x!", "'!'"), ("@x", "'@x'"), ("x # y", "'#' at column 3"), ("`x`", "'`'"),
    ("q = x\nq.real", "'q.real' at line 2, column 1"), ("sum(\nx.y)", "'x.y' at line 2, column 1"),
    ("0x" + "f" * 3000, "0x"), ("[0] * 10**9 if 1 else zeros(3)", "'zeros'"), ("x -> y", "'x -> y'"), ("x @= y", "'='"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile(text, said):
    start = time.perf_counter()
    with pytest.raises(FormulaError) as error:
        parse(text)
    assert time.perf_counter() - start < 0.5
    message = str(error.value)
    assert said in message and 10 < len(message) < 1500


def test_the_message_says_what_is_allowed():
    with pytest.raises(
        GlassgradError, match=r"'x.real' at column 5 reads an attribute.*Allowed: numbers"
    ):
        parse("1 + x.real")
    with pytest.raises(
        FormulaError, match=r"'sigmod' at column 1 .*did you mean sigmoid.*Functions: .*softmax"
    ):
        parse("sigmod(x)")


COLUMN, ROW, CUBE = np.ones((3000, 1)), np.ones(3000), np.ones((900, 2, 2))
LARGE = [
    ("outer(x, y)", ROW, ROW), ("outer(x, outer(x, y))", ROW, ROW), ("x + y", COLUMN, ROW),
    ("x > y", COLUMN, ROW), ("maximum(x, y)", COLUMN, ROW), ("max(1, x, y)", COLUMN, ROW),
    ("where(x > 0, 1, y)", COLUMN, ROW), ("clip(0, x, y)", COLUMN, ROW), ("hypot(x, y)", COLUMN, ROW),
    ("power(x, y)", COLUMN, ROW), ("logaddexp(x, y)", COLUMN, ROW), ("x @ y.T", COLUMN, COLUMN),
    ("matmul(x, transpose(y))", COLUMN, COLUMN), ("inner(x, y)", COLUMN, COLUMN),
    ("dot(x, y)", np.ones((900, 2)), CUBE), ("[x, y, x, y]", np.ones(400_000), np.ones(400_000)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "x", "y"), LARGE, ids=[t for t, *_ in LARGE])
def test_large_results_are_refused_before_they_are_computed(text, x, y):
    with pytest.raises(FormulaError, match=r"would have \d+ elements; 1000000 are allowed"):
        parse(text)(x, y)


def test_work_is_bounded_in_all():
    start = time.perf_counter()
    with pytest.raises(FormulaError, match="all results together"):
        parse("+".join(["sin(x)"] * 200))(np.ones(1_000_000))
    with pytest.raises(FormulaError, match="multiplications"):
        parse("@".join(["W"] * 500))(np.ones((1000, 1000)))
    with pytest.raises(FormulaError, match="all results together"):
        gg.grad(parse("sum(x * x) + sum(x)", Limits(total=10)))(np.ones(8))
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("text", ["x @ x", "dot(x, x)", "matmul(x, x)", "inner(x, x)"])
def test_multiplications_are_counted(text):
    formula, x = parse(text, Limits(products=1000)), np.ones((10, 10))
    assert formula(x).shape == (10, 10)
    with pytest.raises(FormulaError, match="1000 multiplications"):
        formula(np.ones((11, 11)))


def test_an_input_may_be_larger_than_a_result():
    limits = Limits(array=10, total=1000)
    assert parse("mean(x)", limits)(np.ones(500)) == 1.0
    with pytest.raises(FormulaError, match="500 elements; 10 are"):
        parse("mean(x * 2)", limits)(np.ones(500))


def test_powers_of_numbers_cannot_grow_without_bound():
    start = time.perf_counter()
    with pytest.raises(OverflowError):
        parse("((9**500)**500)**500")()
    with pytest.raises(OverflowError):
        parse("q = x**512; r = q**512; r**512")(3)
    big = parse("*".join(["999"] * 1000))()
    assert type(big) is float and big == math.inf
    assert parse("1000 * 1000 * 1000 * 1000")() == 1e12
    assert type(parse("x * x")(10**200)) is float  # whole numbers given from Python as well
    assert time.perf_counter() - start < 0.5


MISFITS = [
    ("1 + W @ v", r"'W @ v' at column 5 has shapes that do not fit: \(2, 2\) and \(3,\)"),
    ("W + v", r"'W \+ v' at column 1 has shapes"), ("dot(v, W)", r"'dot\(v, W\)' at column 1"),
    ("inner(v, W)", "do not fit"), ("x @ v", "for numbers write"), ("x[0]", "single number"),
    ("v[7]", r"'v\[7\]' at column 1"), ("v[0, 0]", "too many indices"), ("sum(v, axis=3)", "axis 3"),
    ("max(v, x, axis=0)", "only a single array"), ("[v, x]", "ragged"), ("[[1, 2], [3]]", "ragged"),
    ("v if v > 0 else 1", r"'v > 0' at column 6 is a condition of shape \(3,\)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), MISFITS, ids=[t for t, _ in MISFITS])
@pytest.mark.parametrize("traced", [False, True], ids=["plain", "traced"])
def test_what_does_not_fit_is_said_with_its_column(text, said, traced):
    formula = parse(text)
    values = {n: {"W": W, "v": V, "x": 2.0}[n] for n in formula.names}
    with pytest.raises(FormulaError, match=said):
        if traced:
            gg.backprop(formula, *values.values())
        else:
            formula(**values)


@pytest.mark.parametrize("traced", [False, True], ids=["plain", "traced"])
def test_what_raises_says_where(traced):
    formula = parse("q = x + 1; 3 / (log(-q) + 1)")
    with pytest.raises(ValueError) as error:
        gg.backprop(formula, 2.0) if traced else formula(2.0)
    assert error.value.__notes__ == ["in 'log(-q)' at column 17"]


@pytest.mark.parametrize("text", ["x**0.5", "1 + power(x, 0.5)"])
@pytest.mark.parametrize("traced", [False, True], ids=["plain", "traced"])
def test_no_complex_number_comes_about(text, traced):
    with pytest.raises(ValueError, match="no real number") as error:
        gg.backprop(parse(text), -2.0) if traced else parse(text)(-2.0)
    assert "0.5" in error.value.__notes__[0]


VALUES = [
    ("3", 3.0), ("-4.5e3", -4500.0), ("+2", 2.0), (" .5 ", 0.5), ("1_000", 1000.0), ("(3)", 3.0),
    ("inf", math.inf), ("-inf", -math.inf),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), VALUES)
def test_values(text, wanted):
    value = parse_value(text)
    assert value == wanted and type(value) is float


def test_array_values():
    assert parse_value("[[1,2],[3,4]]").tolist() == [[1, 2], [3, 4]]
    assert parse_value("(1, -2, 3)").tolist() == [1, -2, 3]
    assert parse_value("[1,]").tolist() == [1] and parse_value("(1,)").tolist() == [1]
    assert parse_value("[[], []]").shape == (2, 0) and parse_value("[]").shape == (0,)
    assert np.isnan(parse_value("nan")) and parse_value("[nan, -inf]")[1] == -math.inf
    assert parse_value("[" + "1," * 40_000 + "]").shape == (40_000,)


HOSTILE_VALUES = [
    ("", "empty"), ("x", "'x' at column 1"), ("[1, [2]]", "'[' at column 5 makes the list ragged"),
    ("[[1],[2,3]]", "ragged"), ("[[1],2]", "ragged"), ("[[],[1]]", "ragged"), ("'a'", "column 1"),
    ("1 + 2", "'+' at column 3"), ("2**9", "'**'"), ("[x]", "'x'"), ("[1]*9", "'*' at column 4"),
    ("exp(1)", "'exp'"), ("{}", "'{'"), ("__import__", "'__import__'"), ("[" * 300, "'[' at column 33"),
    ("9" * 400, "too large"), ("1e400", "too large"), ("None", "'None'"), ("True", "'True'"), ("1j", "'1j'"),
    ("pi.real", "'pi'"), ("[1 2]", "'2'"), ("[,1]", "','"), ("[1,,2]", "','"), ("[1", "'[' at column 1 is never"),
    ("[1)", "')'"), ("1]", "']'"), ("1,2", "','"), ("--1", "'-' at column 2"), ("-", "ends"), ("-[1]", "'['"),
    ("1__0", "'1__0'"), ("[" + "1," * 60_000 + "]", "100000"), ("[i for i in x]", "'i'"), ("lambda: 0", "'lambda'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), HOSTILE_VALUES, ids=range(len(HOSTILE_VALUES)))
def test_hostile_values(text, said):
    start = time.perf_counter()
    with pytest.raises(FormulaError) as error:
        parse_value(text)
    assert time.perf_counter() - start < 0.5
    assert said in str(error.value) and len(str(error.value)) < 500


PIECES = [
    "x", "y", "W", "v", "q = ", "1", "2.5", "0", "+", "-", "*", "/", "**", "@", "<", ">=", "==", "=", "(", ")", "[", "]",
    ",", ":", ";", "\n", " ", ".T", ".real", " if ", " else ", "sum(", "exp(", "max(", "outer(", "axis=0", "lambda ",
    "__", "'", "9**9", "for ", "{", "x[0]", "sigmoid(x)", "[1, 2]",
]  # fmt: skip


@seed(0)
@settings(max_examples=500, deadline=None, database=None)
@given(st.one_of(st.text(max_size=40), st.text(alphabet="xyzW0129.+-*/()[],;= <>_'\"@:abeinmpqsu\n", max_size=40),
                 st.lists(st.sampled_from(PIECES), max_size=14).map("".join)))  # fmt: skip
def test_any_text_is_a_formula_or_is_refused(text):
    for read, kinds in ((parse, Formula), (parse_value, (float, np.ndarray))):
        try:
            assert isinstance(read(text), kinds)
        except FormulaError as error:
            assert str(error)


def _expressions():
    leaf = st.sampled_from(["x", "y", "2", "0.5", "3", "pi"])

    def grow(inner):
        pair = st.tuples(inner, st.sampled_from(["+", "-", "*", "/", " < ", " == "]), inner)
        return st.one_of(
            pair.map(lambda p: f"({p[0]}{p[1]}{p[2]})"), st.tuples(inner, inner).map(" - ".join),
            inner.map(lambda e: f"-{e}"), inner.map(lambda e: f"({e})**2"), inner.map(lambda e: f"sin({e})"),
            st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} if {p[1]} > 0 else {p[2]})"),
            st.tuples(inner, inner).map(lambda p: f"max({p[0]}, {p[1]})"),
        )  # fmt: skip

    return st.recursive(leaf, grow, max_leaves=12)


@seed(1)
@settings(max_examples=300, deadline=None, database=None)
@given(_expressions(), st.floats(-3, 3), st.floats(-3, 3))
def test_it_is_what_python_computes(text, x, y):
    formula = parse(text)
    values = {n: {"x": x, "y": y}[n] for n in formula.names}
    try:
        wanted = eval(text, {"sin": math.sin, "max": max, "pi": math.pi}, {"x": x, "y": y})
    except (ZeroDivisionError, OverflowError) as error:
        with pytest.raises(type(error)):
            formula(**values)
        return
    assert formula(**values) == pytest.approx(wanted, rel=1e-13, abs=1e-300, nan_ok=True)


@pytest.mark.parametrize(
    "text, where",
    [
        ("(x +\n y ^ 2)", (2, 4)),
        ("q = x * y; q.real", (1, 12)),
        ("x * (y", (1, 5)),
        ("x\n* y", (2, 1)),
        ("2 +* 3", (1, 4)),
        ("", None),
    ],
)
def test_an_error_knows_line_and_column(text, where):
    with pytest.raises(FormulaError) as caught:
        parse(text)
    assert caught.value.where == where


def test_an_error_of_shapes_knows_its_column():
    with pytest.raises(FormulaError) as caught:
        parse("1 + x @ y")(np.ones(2), np.ones(3))
    assert caught.value.where == (1, 5)


def test_a_formula_of_many_numbers_says_how_it_becomes_one():
    with pytest.raises(gg.errors.NotScalarError, match=r"sum\(\.\.\.\) or mean\(\.\.\.\)") as told:
        gg.backprop(parse("x * 2"), np.ones(3))
    assert "np." not in str(told.value) and "gg." not in str(told.value)
