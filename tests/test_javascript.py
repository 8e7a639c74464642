"""Circuits as JavaScript, run by a browser's engine, against NumPy.

Every gate with its samples, programs and models, guards, special values, hostile names, limits.
"""

from __future__ import annotations

import functools
import itertools
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.special as sp

import glassgrad as gg
from glassgrad.circuit import Circuit
from glassgrad.emit.javascript import NotScript, script
from glassgrad.emit.javascript.cells import Cell, Rounding
from glassgrad.emit.javascript.names import allowed
from glassgrad.emit.javascript.rows import FORMLESS
from glassgrad.emit.javascript.script import KNOWN
from glassgrad.gates import OPS
from glassgrad.passes.expanding import RULES
from glassgrad.runtime.interpret import evaluate
from glassgrad.runtime.paths import Path

from .programs.paths import path_of
from .programs.writer import write
from .support.engine import Runs, alone
from .support.samples import samples, single
from .test_native_gates import weighed
from .test_random_programs import Seeded

#: Samples of gates that have a form, but not for these keywords.
KEYWORDS = ("var with", "std with", "prod with", "norm with", "logsumexp with", "spacing of")


def agree(found: Any, expected: Any, tolerance: float, what: str) -> None:
    """Relative to the largest element, as sums run in another order."""
    for a, b in zip(found, expected, strict=True):
        b = np.asarray(b, float)
        largest = float(np.max(np.abs(b[np.isfinite(b)]), initial=0.0))
        np.testing.assert_allclose(a, b, tolerance, tolerance * (1e-2 + largest), err_msg=what)


def gradients(f: Callable[..., Any], *x: Any) -> Circuit:
    """The circuit of value and gradients."""
    return path_of(f, x).circuit(False)


def once(page: Any, circuit: Circuit, *given: Any) -> Any:
    """One evaluation."""
    runs = Runs(page)
    runs.add(circuit, given)
    return runs.results()[0][0]


# -- every gate ----------------------------------------------------------------------------------


def test_every_gate_has_a_form_or_a_reason() -> None:
    assert set(OPS) - KNOWN - set(RULES) - {"guard"} == set(FORMLESS) - set(RULES)
    assert not set(FORMLESS) & KNOWN
    assert set(FORMLESS) <= set(OPS)


def circuits(which: str) -> Iterator[tuple[str, Circuit, Any, Any]]:
    for sample in samples():
        if which == "forward":
            circuit, expected = alone(sample.op, sample.args, sample.case.static)
            yield str(sample), circuit, sample.args, expected
            continue
        args = sample.args if which == "gradients" else single(sample.args)
        f, x = sample.of(args)
        if x:
            circuit = gradients(weighed(f, x, [sample.number, *sample.op.name.encode()]), *x)
            yield str(sample), circuit, x, evaluate(circuit, x)


@pytest.mark.parametrize("which", ["forward", "gradients", "in single precision"])
@pytest.mark.filterwarnings("ignore")
def test_every_gate_with_its_samples(page: Any, which: str) -> None:
    """The gate alone, with all operands as inputs, indices too; then its value and gradients."""
    runs, kept, refused = Runs(page), [], []
    for name, circuit, given, expected in circuits(which):
        try:
            runs.add(circuit, given)
            kept.append((name, expected))
        except NotScript as reason:
            refused.append((name, str(reason)))
    for (name, expected), (found,) in zip(kept, runs.results(), strict=True):
        agree(found, expected, 2e-5 if which == "in single precision" else 1e-12, name)
    assert len(kept) >= 440
    for name, reason in refused:
        known = reason.startswith(KEYWORDS) or any(f"{n} has no" in reason for n in FORMLESS)
        assert known, (name, reason)


SPECIAL = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -3.0, 1.5, 2.5, 0.3,
           1e308, -1e308, 1e-9, 40.0, -40.0, 700.0]  # fmt: skip
#: Where the sign of zero is NumPy's build's own choice, or SciPy's numbers are not the true ones.
SIGNS = {"maximum", "minimum", "clip", "strong_multiply", "erfinv", "erfcinv", "rgamma"}
LESS = {"power": [0.5], "softplus": [1e308, -40.0], "beta": SPECIAL, "betaln": SPECIAL}


@pytest.mark.filterwarnings("ignore")
def test_special_values(page: Any) -> None:
    """NaN, infinities, zeros with their sign, halves, and numbers at the ends."""
    runs, kept = Runs(page), []
    for op in OPS.values():
        if not op.elementwise or op.name == "where" or LESS.get(op.name) is SPECIAL:
            continue
        case = op.examples[0]
        values = [True, False] if isinstance(case.args[0], bool) else SPECIAL
        grid = list(
            itertools.product(values[: 20 if len(case.args) < 3 else 8], repeat=len(case.args))
        )
        circuit, _ = alone(op, [np.asarray(a) for a in case.args], case.static)
        runs.add(circuit, *grid)
        kept.append((op, case, grid))
    for (op, case, grid), answers in zip(kept, runs.results(), strict=True):
        for given, (found,) in zip(grid, answers, strict=True):
            if set(given) & set(LESS.get(op.name, [])):
                continue
            expected = np.float64(op.call(*map(np.asarray, given), **case.static))
            what = f"{op.name}{given}"
            np.testing.assert_allclose(found, expected, 1e-13, 0.0, err_msg=what)
            if op.name not in SIGNS and expected == 0:
                assert np.signbit(found) == np.signbit(expected), what


def points(name: str) -> Any:
    rng = np.random.default_rng(list(name.encode()))
    wide = {"erf": (-6, 6), "erfc": (-6, 26), "erfcx": (-20, 60), "erfinv": (-1, 1), "erfcinv": (0, 2),
            "ndtr": (-35, 9), "log_ndtr": (-60, 9), "gamma": (-20, 171), "rgamma": (-20, 171)}  # fmt: skip
    low, high = wide.get(name, (0.0, 14.0))
    some = rng.uniform(low, high, 150)
    if name in ("gammaln", "digamma"):
        near = np.concatenate([[1.0], [2.0], [1.4616321449683622]]) + 10 ** rng.uniform(
            -9, -1, (20, 1)
        )
        some = np.concatenate([some, near.ravel(), 10 ** rng.uniform(-200, 200, 60)])
    return some


def true_value(name: str, x: float) -> float:
    import mpmath as mp

    with mp.workdps(40):
        y = mp.mpf(x)
        functions: dict[str, Any] = {
            "erf": lambda: mp.erf(y), "erfc": lambda: mp.erfc(y), "erfinv": lambda: mp.erfinv(y),
            "erfcx": lambda: mp.exp(y * y) * mp.erfc(y), "erfcinv": lambda: mp.erfinv(1 - y),
            "ndtr": lambda: mp.ncdf(y), "log_ndtr": lambda: mp.log(mp.erfc(-y / mp.sqrt(2)) / 2),
            "gammaln": lambda: mp.loggamma(y), "gamma": lambda: mp.gamma(y),
            "rgamma": lambda: mp.rgamma(y), "digamma": lambda: mp.digamma(y),
        }  # fmt: skip
        return float(functions[name]())


ACCURATE = ("erf", "erfc", "erfcx", "erfinv", "erfcinv", "ndtr", "log_ndtr", "gammaln", "gamma",
            "rgamma", "digamma")  # fmt: skip


def test_error_and_gamma_functions_to_fourteen_digits(page: Any) -> None:
    """Against forty digits: SciPy's own have fewer than these far out, and next to zeros."""
    runs = Runs(page)
    for name in ACCURATE:
        runs.add(alone(OPS[name], [np.float64(0.4)])[0], *[[x] for x in points(name)])
    for name, answers in zip(ACCURATE, runs.results(), strict=True):
        expected = [true_value(name, x) for x in points(name)]
        found = [float(a[0]) for a in answers]
        np.testing.assert_allclose(found, expected, 1e-14, 0.0, err_msg=name)


@pytest.mark.parametrize("name", ["beta", "betaln", "polygamma", "kl_div", "rel_entr", "logit"])
def test_other_special_functions_as_scipy_has_them(page: Any, name: str) -> None:
    op = OPS[name]
    rng = np.random.default_rng(7)
    given = rng.uniform(0.01, 0.99 if name == "logit" else 60.0, (200, len(op.examples[0].args)))
    runs = Runs(page)
    circuit, _ = alone(op, [np.float64(x) for x in given[0]], op.examples[0].static)
    runs.add(circuit, *given)
    found = [float(a[0]) for a in runs.results()[0]]
    expected = op.call(*given.T, **op.examples[0].static)
    np.testing.assert_allclose(found, expected, 1e-12, 1e-14, err_msg=name)


# -- functions -----------------------------------------------------------------------------------


def notes(x: Any, y: Any) -> Any:
    sigy = 1.0 / (1 + math.exp(-y))
    num = x + sigy
    sigx = 1.0 / (1 + math.exp(-x))
    xpy = x + y
    return num * (1.0 / (sigx + xpy**2))


def two_layers(W1: Any, b1: Any, W2: Any, x: Any) -> Any:
    hidden = np.tanh(W1 @ x + b1)
    return np.sum((W2 @ hidden) ** 2)


def cross_entropy(W: Any, x: Any, labels: Any) -> Any:
    return -np.mean(sp.log_softmax(x @ W, axis=1)[np.arange(4), labels])


def batch_norm(x: Any, scale: Any, shift: Any) -> Any:
    y = scale * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5) + shift
    return np.sum(np.maximum(y, 0.1 * y) ** 3)


def recurrence(Wxh: Any, Whh: Any, xs: Any) -> Any:
    h = np.zeros(3)
    for t in range(5):
        h = np.tanh(Wxh @ xs[t] + Whh @ h)
    return np.sum(h * h)


def buffer(p: Any) -> Any:
    y = np.empty(4)
    for i in range(4):
        y[i] = p[0] * sp.expit(p[1] * i)
    y[1:3] += p[0]
    return np.sum(y**2) + sp.gammaln(p[0] + 3)


def chosen(x: Any, k: Any) -> Any:
    """Places, masks and sorting that values tell."""
    y = np.zeros(3)
    y[k] = x[:2]
    return np.sum(np.sort(x) * y.sum()) + np.sum(x[x > 0.5] ** 2) + np.sum(np.cumsum(x)[k])


def models() -> Iterator[tuple[Callable[..., Any], list[list[Any]]]]:
    rng = np.random.default_rng(3)
    n = rng.normal
    yield notes, [[3.0, -4.0], [-2.0, 5.0], [0.0, 0.0]]
    shapes = [(4, 3), (4,), (2, 4), (3,)]
    yield two_layers, [[n(size=s) for s in shapes] for _ in range(3)]
    labels = (np.array([0, 2, 1, 1]), np.array([-1, 0, 0, 2]))
    yield cross_entropy, [[n(size=(5, 3)), n(size=(4, 5)), k] for k in labels]
    yield batch_norm, [[n(size=(6, 2)), n(size=2), n(size=2)] for _ in range(3)]
    yield recurrence, [[n(size=(3, 2)), n(size=(3, 3)), n(size=(5, 2))] for _ in range(2)]
    yield buffer, [[n(size=2) ** 2] for _ in range(3)]
    yield chosen, [[np.array([0.9, -0.3, 2.0, 0.1, -5.0]), np.array([2, 0])],
                   [np.array([-0.9, 3.0, 1.0, 0.1, 0.4]), np.array([1, -1])]]  # fmt: skip


def test_models_and_functions_of_the_notes(page: Any) -> None:
    runs, kept = Runs(page), []
    for f, calls in models():
        circuit = path_of(f, calls[0], lenient=True).circuit(False)
        runs.add(circuit, *calls)
        kept.append((f.__name__, circuit, calls))
    for (name, circuit, calls), answers in zip(kept, runs.results(), strict=True):
        for given, found in zip(calls, answers, strict=True):
            agree(found, evaluate(circuit, given), 1e-12, name)


def test_the_microscope_with_every_wire(page: Any) -> None:
    """What a page asks for: the value and the gradient of each wire there is."""
    t = gg.backprop(notes, 3.0, -4.0)
    circuit = t.study.backward.circuit
    wires = [w for g in circuit.gates for w in g.outputs]
    seen = replace(circuit, outputs=tuple(wires))
    assert len(wires) > 20
    agree(once(page, seen, 3.0, -4.0), [t.study.value_of(w) for w in wires], 1e-15, "wires")


def test_random_programs_of_numbers(page: Any) -> None:
    runs, kept = Runs(page), []
    for number in range(250):
        program = write(Seeded(number))
        rng = np.random.default_rng(number)
        x = [rng.normal() if s is None else rng.normal(size=s) for s in program.shapes]
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                path: Path = path_of(program.compiled(), x)
                circuit = path.circuit(False)
                expected = evaluate(circuit, path.recorded.values)
            except Exception:  # what the program itself raises is another test's
                continue
        try:
            runs.add(circuit, path.recorded.values)
        except NotScript as reason:
            raise AssertionError(f"{reason}\n{program.text}") from reason
        kept.append((program.text, expected))
    assert len(kept) >= 200
    for (text, expected), (found,) in zip(kept, runs.results(), strict=True):
        assert found is not None, text
        agree(found, expected, 1e-11, text)


# -- guards --------------------------------------------------------------------------------------


def test_another_branch_gives_null(page: Any) -> None:
    def branches(x: Any, n: Any) -> Any:
        total = x
        for _ in range(int(n)):
            total = total * x
        return total if total > 1 else -total

    runs = Runs(page)
    runs.add(gradients(branches, 2.0, 2.5), [2.0, 2.5], [3.0, 2.9], [0.5, 2.0], [2.0, 3.0],
             [math.nan, 2.0])  # fmt: skip
    kept, further, *left = runs.results()[0]
    agree(kept, [8.0, 12.0, 0.0], 1e-15, "kept")
    agree(further, [27.0, 27.0, 0.0], 1e-15, "further")
    assert left == [None, None, None]


def test_guards_stay_although_no_output_needs_them(page: Any) -> None:
    def f(x: Any, y: Any) -> Any:
        if np.count_nonzero(x > 0) == 2 and y != 3:
            return np.sum(x)
        return y

    runs = Runs(page)
    circuit = gradients(f, np.array([1.0, 2.0, -1.0]), 1.0)
    runs.add(circuit, [[1, 1, -5], 4], [[1, 1, 5], 4], [[1, 1, -5], 3])
    assert [r is None for r in runs.results()[0]] == [False, True, True]


# -- dtypes --------------------------------------------------------------------------------------


def test_integers_divide_and_wrap_as_python_s(page: Any) -> None:
    runs, kept = Runs(page), []
    values = [7, -7, 0, 3, -3, 2**52 - 1]
    for name in ("floor_divide", "remainder", "multiply", "bitwise_and", "bitwise_xor", "maximum"):
        pairs = [(a, b) for a in values for b in values[:5] if abs(a * b) < 2**53]
        runs.add(alone(OPS[name], [np.int64(7), np.int64(3)])[0], *pairs)
        kept.append((name, pairs))
    for (name, pairs), answers in zip(kept, runs.results(), strict=True):
        for (a, b), (found,) in zip(pairs, answers, strict=True):
            with np.errstate(all="ignore"):
                expected = OPS[name].call(np.int64(a), np.int64(b))
            assert found == expected and not np.signbit(found) ^ (expected < 0), (name, a, b)


def test_float32_is_rounded_after_each_operation(page: Any) -> None:
    def f(x: Any) -> Any:
        return np.sum(x * x - np.float32(0.1) * x) / 3

    x = np.array([0.1, 0.2, 0.7], np.float32)
    circuit = gradients(f, x)
    found = once(page, circuit, x)
    for a, b in zip(found, evaluate(circuit, [x]), strict=True):
        np.testing.assert_array_equal(a, np.asarray(b, float))


def test_sums_of_float32_are_rounded_term_by_term(page: Any) -> None:
    x = np.array([1e8, 1.0, -1e8], np.float32)
    circuit, expected = alone(OPS["sum"], [x])
    assert once(page, circuit, x)[0] == expected[0] == 0


def test_truths_come_and_go_as_numbers(page: Any) -> None:
    mask = np.array([True, False, True])
    circuit, _ = alone(OPS["logical_not"], [mask])
    assert once(page, circuit, mask)[0].tolist() == [0.0, 1.0, 0.0]


# -- the text ------------------------------------------------------------------------------------


def test_names_are_the_circuit_s_own() -> None:
    def f(x: Any, y: Any) -> Any:
        q = x + y
        q = q * q
        return q * x

    assert script(gg.backprop(f, 1.0, 2.0).circuit).splitlines()[2:7] == [
        "  const x = inputs[0][0];",
        "  const y = inputs[1][0];",
        "  const q = x + y;",
        "  const q_2 = q * q;",
        "  const f = q_2 * x;",
    ]


def test_brackets_stay_where_they_matter() -> None:
    x, y, z = (Cell(name, Rounding()) for name in "xyz")
    assert (x - (y - z)).text == "x - (y - z)" and (x - y - z).text == "x - y - z"
    assert ((x + y) * (y / z) / -1.5).text == "(x + y) * (y / z) / -1.5"
    with pytest.raises(NotScript, match="made of too many others"):
        functools.reduce(lambda a, b: a + b, [x] * 20_000)


def test_only_what_is_needed_stands_in_it() -> None:
    t = gg.backprop(lambda x, y: math.erf(x) * y + math.exp(y), 1.0, 2.0)
    named = {name: wire for wire, name in t.circuit.names.items()}
    dx = script(replace(t.circuit, outputs=(named["dx"],)))
    assert "erf(" not in dx and "inputs[1]" in dx
    dy = script(replace(t.circuit, outputs=(named["dy"],)))
    assert "function erf(" in dy and "inputs[0]" in dy
    y = script(replace(t.circuit, outputs=(named["y"],)))
    assert "inputs[0]" not in y and "[y]" in y


HOSTILE = ["let", "evaluate", "π", "Math", "inputs", "NaN", "Infinity", "eval", "arguments", "function", "var",
           "new", "power", "undefined", "x_0", "Number", "ſ", "__proto__", "await", "this"]  # fmt: skip


def test_hostile_names(page: Any) -> None:
    """Reserved words, our own names and helpers, and letters of other scripts."""
    given = [2.5, np.array([1.5, 2.0]), 0.3]

    def f(n: Any, x: Any, y: Any) -> Any:
        unknown = np.where(x > 1.8, np.nan, np.where(x > 1.2, np.inf, x))
        return np.sum(x**n * math.erf(y)) + np.sum(np.isnan(unknown) + 3 * np.isinf(unknown))

    circuit = gradients(f, *given)
    expected = evaluate(circuit, given)
    wires = [*circuit.inputs, *[w for g in circuit.gates for w in g.outputs]]
    runs = Runs(page)
    for name in [*HOSTILE, "class", "a b", "</script>", "x\n", "\u202e", "1x", "a" * 500, ""]:
        runs.add(replace(circuit, names=dict.fromkeys(wires, name)), given)
    for (found,), (text, _) in zip(runs.results(), runs.jobs, strict=True):
        agree(found, expected, 1e-14, text)
        assert "</script" not in text and "\u202e" not in text
    assert allowed("π") and not allowed("</script>") and not allowed("a b")
    assert "const π = inputs[0][0];" in script(replace(circuit, names={circuit.inputs[0]: "π"}))


def test_the_page_is_left_as_it_was(page: Any) -> None:
    before = page.evaluate("Object.getOwnPropertyNames(globalThis).length")
    runs = Runs(page)
    runs.add(gradients(notes, 3.0, -4.0), [3.0, -4.0])
    runs.results()
    assert page.evaluate("Object.getOwnPropertyNames(globalThis).length") == before
    assert page.evaluate("typeof evaluate") == "undefined"


# -- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("f", "x", "reason"), [
    (lambda x: np.sum(x), [np.ones(5000)], "an array has 5000 elements"),
    (lambda x: np.sum(np.linalg.eigh(x)[0]), [np.eye(3)], "eigh has no JavaScript form: eigen"),
    (lambda x: np.linalg.norm(x, ord=3), [np.ones(3)], "norm with ord has no JavaScript form"),
])  # fmt: skip
def test_what_has_no_form_is_told(f: Any, x: Any, reason: str) -> None:
    with pytest.raises(NotScript, match=reason):
        script(gradients(f, *x))


def test_too_many_statements_are_told() -> None:
    def long(x: Any) -> Any:
        for _ in range(60):
            x = np.sin(x) * 1.5
        return np.sum(x)

    with pytest.raises(NotScript, match="more than 20000 statements"):
        script(gradients(long, np.ones(200)))


def test_other_dtypes_are_told() -> None:
    circuit, _ = alone(OPS["add"], [np.int32(1), np.int32(2)])
    with pytest.raises(NotScript, match="a wire is i32"):
        script(circuit)
