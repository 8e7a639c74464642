"""Diagnoses of single numbers: what is not finite, what was rounded away, what is exactly zero."""

import numpy as np
import pytest

import glassgrad as gg
from tests.support.diagnosis import line_of, only


def regression(w, b, X, y):
    guess = X @ w + b
    return np.mean((guess - y) ** 2)


# -- NaN and infinity ------------------------------------------------------------------------------


def test_where_does_not_keep_the_square_root_from_running():
    def f(x):
        root = np.sqrt(x)  # root
        y = np.where(x > 0, root, 0.0)  # choose
        return np.sum(y**2)

    with np.errstate(all="ignore"):
        found = only(gg.backprop(f, np.array([4.0, -1.0, 9.0])).diagnose(), "hidden-nan")
    assert found.line == line_of(f, "# root") and found.severity == "note"
    assert f"line {line_of(f, '# choose')}" in found.says
    assert "sqrt(-1)" in found.says and "[1]" in found.says
    assert "np.where" in found.mend
    assert not gg.backprop(f, np.array([4.0, 1.0, 9.0])).diagnose()


def entropy(logits, labels):
    odds = np.exp(logits)  # odds
    p = odds / odds.sum(axis=1, keepdims=True)  # share
    return -np.mean(np.log(p[np.arange(len(labels)), labels]))  # log


def test_the_first_infinity_forward_is_named_with_its_operand():
    logits = np.array([[1.0, 2.0], [3.0, 800.0], [0.0, 1.0]])
    with np.errstate(all="ignore"):
        found = only(
            gg.backprop(entropy, logits, np.array([0, 1, 1])).diagnose(), "not-finite-value"
        )
    assert found.line == line_of(entropy, "# odds") and found.severity == "error"
    assert "exp(800)" in found.says and "[1, 1]" in found.says
    assert f"line {line_of(entropy, '# share')}" in found.says  # where infinity became NaN


def test_a_logarithm_of_zero():
    logits = np.array([[1.0, 2.0], [600.0, -600.0]])
    with np.errstate(all="ignore"):
        diagnosis = gg.backprop(entropy, logits, np.array([0, 1])).diagnose()
    found = diagnosis.of("not-finite-value")[0]
    assert found.line == line_of(entropy, "# log")
    assert "log(0)" in found.says and "log_softmax" in found.mend


@pytest.mark.parametrize("f, x, says, mend", [
    (lambda x: np.sum(np.arccos(x)), 1.0000001, "arccos(1.0000001) is nan", "np.clip"),
    (lambda x: np.sum(x**1.5), -1.0, "(-1) ** 1.5 is nan", "np.abs"),
    (lambda x: np.sum(1 / (x - 0.5)), 0.5, "1 / 0 is inf", "denominator"),
    (lambda x: np.sum((x - 1) / (x - 1)), 1.0, "0 / 0 is nan", "denominator"),
    (lambda x: np.sum(x * 1e308), 3.0, "3 * 1e+308 is inf", "1.8e+308"),
    (lambda x: np.sum(np.exp(x) - np.exp(x + 1)), 800.0, "exp(800) is inf", "z - z.max()"),
])  # fmt: skip
def test_what_is_not_finite_is_spelled_with_its_operands(f, x, says, mend):
    with np.errstate(all="ignore"):
        found = only(gg.backprop(f, np.array([0.25, x])).diagnose(), "not-finite-value")
    assert says in found.says and "[1]" in found.says and mend in found.mend
    assert found.line == f.__code__.co_firstlineno


def test_nan_that_came_in_with_an_argument():
    rng = np.random.default_rng(2)
    w, b, X, y = np.ones(3), 0.5, rng.normal(size=(200, 3)), rng.normal(size=200)
    X[3, 1] = X[7, 2] = np.nan
    found = only(gg.backprop(regression, w, b, X, y, argnums=(0, 1)).diagnose(), "not-finite-value")
    assert "X" in found.wires and "2 of its 600" in found.says and "[3, 1]" in found.says


def test_the_first_gate_backward():
    def length(x):
        square = np.sum(x * x)
        return np.sqrt(square)  # root

    found = only(gg.backprop(length, np.zeros(3)).diagnose(), "not-finite-gradient")
    assert found.line == line_of(length, "# root") and found.severity == "error"
    assert "sqrt" in found.says and "0" in found.says
    assert "np.linalg.norm" in found.mend


def test_zero_times_infinity_backward():
    def f(x, y):
        a = x * y  # product
        return np.sum(np.log(a))

    with np.errstate(all="ignore"):
        t = gg.backprop(f, np.array([1.0, 0.0]), np.array([2.0, 0.0]))
        diagnosis = t.diagnose()
    assert diagnosis.of("not-finite-value")[0].severity == "error"


def test_an_infinity_on_purpose_is_no_fault():
    mask = np.tril(np.ones((4, 4))) > 0

    def attend(Q, K):
        scores = np.where(mask, Q @ K.T, -np.inf)
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.sum((odds / odds.sum(axis=1, keepdims=True)) ** 2)

    rng = np.random.default_rng(0)
    assert not gg.backprop(attend, rng.normal(size=(4, 3)), rng.normal(size=(4, 3))).diagnose()


# -- rounding --------------------------------------------------------------------------------------

wide = np.finfo(np.longdouble).eps < np.finfo(np.float64).eps
needs_wide = pytest.mark.skipif(not wide, reason="no floating-point type wider than float64")


@needs_wide
def test_catastrophic_cancellation():
    def f(x):
        c = np.cos(x)
        near = 1 - c  # cancel
        return near / x**2

    found = only(gg.backprop(f, 1e-8).diagnose(), "rounded-away")
    assert found.line == line_of(f, "# cancel") and found.severity == "error"
    assert "np.sin(x / 2)" in found.mend
    assert found.numbers["digits"] < 1
    assert not gg.backprop(f, 0.5).diagnose()


@needs_wide
def test_a_variance_from_the_mean_of_squares():
    def spread(x):
        mean = np.mean(x)
        return np.mean(x**2) - mean**2  # cancel

    x = 1e8 + np.random.default_rng(0).normal(size=1000)
    found = only(gg.backprop(spread, x).diagnose(), "rounded-away")
    assert found.line == line_of(spread, "# cancel")
    assert "np.var" in found.mend
    assert not gg.backprop(spread, x - 1e8).diagnose()


def test_cancellation_in_single_precision():
    def f(x):
        near = np.exp(x) - 1  # cancel
        return np.sum(near / x)

    found = only(gg.backprop(f, np.full(3, 1e-5, np.float32)).diagnose(), "rounded-away")
    assert found.line == line_of(f, "# cancel") and "np.expm1" in found.mend


@needs_wide
def test_a_term_that_vanished():
    def f(x):
        big = 1e17
        total = big + x  # vanish
        return np.sum((total - big) ** 2)  # late

    found = only(gg.backprop(f, np.array([1.0, 2.0, 3.0])).diagnose(), "rounded-away")
    assert found.line == line_of(f, "# late")
    assert f"line {line_of(f, '# vanish')}" in found.says


def test_residuals_near_the_optimum_are_no_cancellation():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    w = np.array([1.0, -2.0, 0.5])
    y = X @ w + 1e-9 * rng.normal(size=50)
    assert not gg.backprop(regression, w, 0.0, X, y, argnums=0).diagnose()


def test_shifts_that_do_not_matter_are_no_cancellation():
    def normalised(W, b, X):
        z = X @ W + b  # the mean is taken off again: db is zero but for rounding
        z = (z - z.mean(axis=0)) / z.std(axis=0)
        return np.mean(np.tanh(z) ** 2)

    rng = np.random.default_rng(0)
    args = rng.normal(size=(4, 5)), rng.normal(size=5), rng.normal(size=(30, 4))
    assert not gg.backprop(normalised, *args, argnums=(0, 1)).diagnose()


def test_an_exponential_close_to_overflow():
    def f(logits):
        return np.mean(np.log(np.sum(np.exp(logits), axis=1)))  # risk

    logits = np.random.default_rng(0).normal(size=(5, 4))
    logits[2, 3] = 500.0
    found = only(gg.backprop(f, logits).diagnose(), "overflow-risk")
    assert found.line == line_of(f, "# risk")
    assert "500" in found.says and "709" in found.says and "logsumexp" in found.mend
    assert not gg.backprop(f, logits / 100).diagnose()


def test_exponentials_that_all_but_vanish():
    def f(logits):
        return np.mean(np.log(np.sum(np.exp(logits), axis=1)))  # risk

    logits = np.random.default_rng(0).normal(size=(5, 4)) - 500.0
    found = only(gg.backprop(f, logits).diagnose(), "overflow-risk")
    assert found.line == line_of(f, "# risk") and "underflow" in found.says


@needs_wide
def test_one_minus_a_sigmoid():
    def f(z):
        p = 1 / (1 + np.exp(-z))
        return np.sum(np.log(1 - p))  # cancel

    found = only(gg.backprop(f, np.array([30.0, 20.0])).diagnose(), "rounded-away")
    assert found.line == line_of(f, "# cancel") and "sigmoid(-x)" in found.mend
    assert not gg.backprop(f, np.array([3.0, -20.0])).diagnose()


def test_a_softplus_in_single_precision():
    def f(z):
        one = 1 + np.exp(z)  # vanish
        return np.sum(np.log(one))  # log

    found = only(gg.backprop(f, np.array([-20.0, -25.0], np.float32)).diagnose(), "rounded-away")
    assert found.line == line_of(f, "# log") and "np.log1p" in found.mend
    assert f"line {line_of(f, '# vanish')}" in found.says


# -- zero gradients --------------------------------------------------------------------------------


@pytest.mark.parametrize("step, word", [
    (np.floor, "floor"), (np.round, "round"), (np.sign, "sign"),
    (gg.stop_gradient, "stop_gradient"), (lambda v: v > 0, "greater"), (np.argmax, "argmax"),
])  # fmt: skip
def test_a_parameter_cut_by_a_gate(step, word):
    def f(w, X):
        z = X @ w
        cut = step(z)  # cut
        return np.sum(cut * np.mean(X))

    rng = np.random.default_rng(0)
    diagnosis = gg.backprop(f, rng.normal(size=3), rng.normal(size=(6, 3)), argnums=0).diagnose()
    found = only(diagnosis, "zero-gradient")
    assert found.wires[0] == "w" and word in found.says
    if not isinstance(step, type(lambda: 0)) or step is gg.stop_gradient:
        assert found.line == line_of(f, "# cut")


@pytest.mark.parametrize("made, word", [
    (lambda w, m: np.clip(w, 0.0, 1.0) * (m + 1), "clip"),
    (lambda w, m: np.maximum(w, 9.0 + m), "maximum"),
    (lambda w, m: np.where(m > 0, w, 2.0 * m), "where"),
    (lambda w, m: w * m, "multiplies by m"),
    (lambda w, m: w * 1e-200 * 1e-200 * (m + 1), "rounded to zero"),
    (lambda w, m: (w - 5.0) ** 2, "slope zero"),
])  # fmt: skip
def test_a_parameter_cut_by_its_value(made, word):
    def f(w, m):
        return np.sum(made(w, m)) + 1.0

    found = only(
        gg.backprop(f, np.full(3, 5.0), np.zeros(3), argnums=0).diagnose(), "zero-gradient"
    )
    assert found.wires[0] == "w" and word in found.says
    assert found.line == made.__code__.co_firstlineno


def test_a_parameter_that_is_not_connected():
    def f(params, x):
        unused = params["c"] * 3  # nowhere
        return np.sum((x * params["a"]) ** 2) + 0 * len(unused)

    x = np.arange(1.0, 4.0)
    params = {"a": np.ones(3), "b": np.ones(2), "c": np.ones(3)}
    diagnosis = gg.backprop(f, params, x, argnums=0).diagnose()
    assert [f.kind for f in diagnosis] == ["zero-gradient"] * 2
    told = {f.wires[0]: f for f in diagnosis}
    assert "never read" in told["params['b']"].says
    assert told["params['c']"].line == line_of(f, "# nowhere")


def test_a_parameter_that_only_decides():
    def f(w, limit):
        if np.sum(w) > limit:  # decide
            return np.sum(w**2)
        return np.sum(w)

    found = only(gg.backprop(f, np.ones(3), 1.5).diagnose(), "zero-gradient")
    assert found.wires[0] == "limit" and found.line == line_of(f, "# decide")


def test_weights_that_are_all_zero_cut_what_lies_behind():
    def net(W1, W2, X):
        h = np.tanh(X @ W1)
        return np.mean((h @ W2 - 1.0) ** 2)  # product

    rng = np.random.default_rng(0)
    args = rng.normal(size=(3, 4)), np.zeros((4, 1)), rng.normal(size=(9, 3))
    found = only(gg.backprop(net, *args, argnums=(0, 1)).diagnose(), "zero-gradient")
    assert found.wires[0] == "W1" and found.line == line_of(net, "# product")
    assert "W2" in found.says and "zero" in found.says
