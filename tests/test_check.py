"""The gradient check: what it must catch, what it must not cry wolf at, and how it says so."""

import dataclasses
import math
import time
from collections import namedtuple

import numpy as np
import pytest
import scipy.special

import glassgrad as gg
from glassgrad.errors import GlassgradError, GradientMismatchError, NotDifferentiableError
from glassgrad.gates.declare import FUNCTIONS, OPS

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(4, 4)), RNG.normal(size=(4, 4))
V = RNG.normal(size=6)
F32 = RNG.normal(size=(5, 3)).astype(np.float32)
SPD = A @ A.T + 4 * np.eye(4)


def notes(x, y):
    sigy = 1.0 / (1 + math.exp(-y))
    num = x + sigy
    sigx = 1.0 / (1 + math.exp(-x))
    xpy = x + y
    xpysqr = xpy**2
    den = sigx + xpysqr
    invden = 1.0 / den
    f = num * invden
    return f


def softmax_loss(W, b, X, y):
    s = X @ W + b
    s = s - s.max(axis=1, keepdims=True)
    return (np.log(np.exp(s).sum(axis=1)) - s[np.arange(len(y)), y]).mean()


def written(x):
    out = np.zeros(x.shape)
    for i in range(len(x)):
        out[i] = x[i] * x[i - 1]
    out[1:] += np.sin(x[:-1])
    return out.sum()


def spoils_its_argument(x):
    x *= 2.0
    return (x**2).sum()


def branches(x):
    if x > 1.0:
        return x**2
    return 2 * x - 1


def with_cast(x):
    return (x.astype(np.float32) ** 2).sum()


RIGHT = {
    "notes": (notes, 3, -4),
    "zero": (lambda x: 0.0 * x, 2.0),
    "constant": (lambda x: 3.0, 2.0),
    "constant array": (lambda x: np.ones(3), V),
    "count": (lambda x: (x > 0).sum(), V),
    "linear with offset": (lambda x: 1e6 + 3 * x, 1e-8),
    "square at 0": (lambda x: x**2, 0.0),
    "cube at 0": (lambda x: 1.0 + x**3, 0.0),
    "sqrt at 0": (np.sqrt, 0.0),
    "sqrt near 0": (lambda x: np.sqrt(x).sum(), np.array([1e-12, 1e-6, 1e-3, 1.0])),
    "sqrt of a shifted 0": (lambda x: math.sqrt(x + 1e-12), 0.0),
    "cbrt at 0": (np.cbrt, 0.0),
    "log at 0": (np.log, 0.0),
    "log near 0": (lambda x: np.log(x).sum(), np.array([1e-9, 1e-3, 1.0, 1e9])),
    "xlogy at 0": (lambda x: scipy.special.xlogy(x, x), 0.0),
    "arcsin at 1": (np.arcsin, 1.0),
    "where at the edge": (lambda x: np.where(x > 0, np.sqrt(x), 0.0).sum(), np.array([0.0, 4.0])),
    "abs at 0": (lambda x: np.abs(x).sum(), np.array([0.0, -1.0, 2.0])),
    "norm of zeros": (lambda x: np.linalg.norm(x), np.zeros(3)),
    "clip at the bounds": (lambda x: np.clip(x, 0.0, 1.0).sum(), np.array([0.0, 0.5, 1.0])),
    "relu with a kink nearby": (lambda x: np.maximum(x, 0).sum(), np.array([1e-7, -1e-6, 1e-4])),
    "max with ties": (lambda x: x.max(), np.array([2.0, 1.0, 2.0])),
    "sort with ties": (lambda x: np.sort(x) @ np.arange(3.0), np.array([2.0, 1.0, 2.0])),
    "steps at a jump": (lambda x: np.floor(x) + np.sign(x - 2.0), 2.0),
    "remainder at a jump": (lambda x: x % 1.5, 3.0),
    "branch at its edge": (branches, 1.0),
    "large values that cancel": (lambda x: (x + 1e8) ** 2 - 1e16 - 2e8 * x, 1.0),
    "large offset": (lambda x: x + 1e12, 0.5),
    "sum of squares is 1": (lambda x: np.sin(x) ** 2 + np.cos(x) ** 2, 0.7),
    "badly scaled": (lambda x: np.sin(x * np.array([1e8, 1.0, 1e-8])).sum(),
                     np.array([1e-8, 0.5, 1e8])),  # fmt: skip
    "tiny": (lambda x: np.exp(1e8 * x), 3e-8),
    "huge": (lambda x: np.log(x) * np.sqrt(x), 1e8),
    "sine of something large": (np.sin, 1e8),
    "overflow nearby": (np.exp, 700.0),
    "power": (lambda x, p: x**p, 1.7, 2.3),
    "negative base": (lambda x, p: x**p, -2.0, 3),
    "saturated": (lambda x: np.tanh(x).sum(), np.array([-30.0, 0.0, 19.0, 400.0])),
    "float32": (lambda x: (np.tanh(x) * x).sum(), F32),
    "float32, mean of squares": (lambda x: np.mean(x**2), F32),
    "float32, exp and log": (lambda x: np.log(np.exp(x).sum(axis=0)), F32),
    "float32 scalar": (lambda x: np.exp(x) / x, np.float32(0.3)),
    "float32 and float64": (lambda x, y: x.sum() * y, F32, 2.0),
    "float32 within": (with_cast, V),
    "float32 that cancels": (lambda x: np.sum((x + np.float32(1000)) * x - 1000 * x), F32),
    "float32 of tiny numbers": (lambda x: np.cos(x + np.float32(1)).sum(), F32 * np.float32(1e-8)),
    "float32, large": (lambda W, x: np.tanh(W @ x), np.ones((60, 50), np.float32) / 50,
                       np.linspace(-1, 2, 50, dtype=np.float32)),
    "matrices": (lambda a, b: a @ b, A, B),
    "solve": (np.linalg.solve, SPD, B),
    "slogdet": (lambda a: np.linalg.slogdet(a)[1], SPD),
    "softmax": (softmax_loss, A, V[:4], B, np.array([0, 3, 1, 2])),
    "prod with zeros": (lambda x: np.prod(x), np.array([0.0, 2.0, 3.0])),
    "written into": (written, V),
    "spoils its argument": (spoils_its_argument, V),
    "empty": (lambda x: x.sum() + 1.0, np.zeros((0, 3))),
    "an infinity beside": (lambda x: np.log(x).sum(), np.array([0.0, 2.0])),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_does_not_cry_wolf(name):
    function, *args = RIGHT[name]
    with np.errstate(all="ignore"):
        check = gg.check_grad(function, *args)
    assert check, str(check)
    assert "right" in str(check) or name == "empty"
    assert all(len(line) <= 100 for line in str(check).splitlines())


CERTAIN = ["notes", "sqrt near 0", "log near 0", "badly scaled", "tiny", "huge", "float32 scalar", "cube at 0",
           "linear with offset", "sine of something large", "matrices", "relu with a kink nearby"]  # fmt: skip


@pytest.mark.parametrize("name", CERTAIN)
def test_is_not_right_by_doubt(name):
    function, *args = RIGHT[name]
    assert gg.check_grad(function, *args).uncertain == 0


SMOOTH = [name for name in CERTAIN if name != "relu with a kink nearby"] + [
    "softmax", "solve", "slogdet", "written into", "power", "float32 within", "prod with zeros",
]  # fmt: skip


@pytest.mark.parametrize("name", SMOOTH)
def test_second_order(name):
    function, *args = RIGHT[name]
    check = gg.check_grad(function, *args, order=2)
    assert check.second is not None and check.second.order == 2
    assert check, str(check)
    assert "second order right" in str(check)


def test_second_order_at_a_kink():
    assert gg.check_grad(lambda x: np.maximum(x, 0).sum() ** 2, np.array([0.0, 1.0, -1.0]), order=2)


@pytest.fixture
def spoil():
    """Replace a gate's rule; put back afterwards."""
    kept = []

    def spoiled(function, rule):
        op = FUNCTIONS[function].op
        kept.append((op, op.rule))
        object.__setattr__(op, "rule", rule(op.rule))

    yield spoiled
    for op, rule in reversed(kept):
        object.__setattr__(op, "rule", rule)


def times(factor):
    return lambda rule: lambda *args, **static: tuple(d * factor for d in rule(*args, **static))


@pytest.mark.parametrize("factor", [1.0001, 0.9999, -1.0, 2.0, 0.0])
@pytest.mark.parametrize("x", [0.5, 1e-8, 1e4, -3.0])
def test_catches_a_factor(spoil, factor, x):
    spoil(np.sin, times(factor))
    check = gg.check_grad(lambda x: np.sin(x) + 2.0, x)
    assert not check
    assert check.worst.analytic == pytest.approx(factor * math.cos(x), rel=1e-12)
    assert check.worst.numerical == pytest.approx(math.cos(x), rel=1e-5)


@pytest.mark.parametrize("name", ["float32", "float32 scalar"])
def test_catches_a_factor_in_float32(spoil, name):
    spoil(np.tanh, times(1.01))
    spoil(np.exp, times(1.01))
    function, *args = RIGHT[name]
    check = gg.check_grad(function, *args)
    assert not check
    assert "float32" in str(check) or "times" in str(check)


def test_catches_a_small_factor_in_a_network_and_says_so(spoil):
    spoil(np.exp, times(1.0001))

    def loss(p, X):
        return np.exp(X @ p["W"] + p["b"]).sum()

    X = RNG.normal(size=(6, 3))
    check = gg.check_grad(
        loss, {"W": 0.1 * RNG.normal(size=(3, 2)), "b": np.zeros(2)}, X, argnums=0
    )
    assert len(check.wrong) == check.count == 8
    assert "is 1.0001 times what it should be" in check.suspicion
    assert check.worst.name.startswith("p['")
    assert check.worst.relative == pytest.approx(1e-4, rel=1e-2)


def test_catches_a_flipped_sign(spoil):
    spoil(np.cos, times(-1.0))
    check = gg.check_grad(lambda x: np.cos(x).sum(), V)
    assert len(check.wrong) == 6
    assert "sign is flipped" in check.suspicion


def test_catches_a_transposed_gradient(spoil):
    def turned(rule):
        def rule_turned(a, b, upstream, **static):
            da, db = rule(a, b, upstream, **static)
            return lambda: da().T, db

        return rule_turned

    spoil(np.matmul, turned)
    check = gg.check_grad(lambda a, b: a @ b, A, B)
    assert {w.argument for w in check.wrong} == {"a"}
    assert "transpose" in check.suspicion


def test_catches_a_missing_contribution():
    def branched(x):
        return x**2 + gg.stop_gradient(x) * 3.0

    check = gg.check_grad(branched, 2.0)
    assert not check
    assert check.worst.analytic == 4.0
    assert check.worst.numerical == pytest.approx(7.0)


def test_catches_a_cut_gradient():
    check = gg.check_grad(lambda x, y: x * gg.stop_gradient(y), 2.0, 3.0)
    assert [w.name for w in check.wrong] == ["y"]
    assert "no gradient arrives at y" in check.suspicion


def test_catches_nan_and_infinity(spoil):
    spoil(np.sin, times(math.nan))
    spoil(np.cos, times(math.inf))
    nan = gg.check_grad(lambda x: np.sin(x), 0.5)
    assert not nan and math.isnan(nan.worst.analytic)
    assert "NaN" in str(nan)
    infinite = gg.check_grad(lambda x: np.cos(x), 0.5)
    assert not infinite and math.isinf(infinite.worst.analytic)
    assert "infinite" in str(infinite)


def test_catches_a_finite_gradient_where_it_is_infinite(spoil):
    spoil(np.sqrt, lambda rule: lambda x, y: (0.5 / (y + 1.0),))
    check = gg.check_grad(np.sqrt, 0.0)
    assert not check
    assert "without bound" in str(check)


@pytest.mark.parametrize("wrong", [1.1, -0.1])
def test_catches_what_is_outside_of_a_kink(spoil, wrong):
    spoil(np.maximum, lambda rule: lambda x, y, out: (wrong + 0 * x, 0 * y))
    check = gg.check_grad(lambda x: np.maximum(x, 0.0), 0.0)
    assert not check
    assert "kink" in str(check)


@pytest.mark.parametrize("x", [1e-3, -1e-3, 1e-7, -1e-7])
def test_a_kink_nearby_excuses_nothing(spoil, x):
    spoil(np.maximum, lambda rule: lambda x, y, out: (0.5 + 0 * x, 0 * y))
    assert not gg.check_grad(lambda x: np.maximum(x, 0.0), x)


def test_catches_a_wrong_slope_beside_a_jump(spoil):
    spoil(np.remainder, lambda rule: lambda x, y, out: (0.5 + 0 * x, 0 * y))
    assert not gg.check_grad(lambda x: x % 1.5, 3.0)
    assert not gg.check_grad(lambda x: x % 1.5, 2.0)


def test_catches_a_wrong_second_order(spoil):
    # The rule is right as a number, and wrong as something to be differentiated.
    spoil(np.sin, lambda rule: lambda x, y: (np.cos(gg.stop_gradient(x)),))
    check = gg.check_grad(lambda x: np.sin(x).sum(), V, order=2)
    assert check.right and not check
    assert not check.second.right
    assert "gradient right" in str(check) and "second order wrong" in str(check)
    with pytest.raises(GradientMismatchError, match="second order wrong"):
        check.raise_if_wrong()


def test_a_check_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        gg.check_grad(notes, 3, -4).right = False


def test_raise_if_wrong():
    right = gg.check_grad(notes, 3, -4)
    assert right.raise_if_wrong() is right
    with pytest.raises(GradientMismatchError, match="gradient wrong: 1 of 1 element") as caught:
        gg.check_grad(lambda x: gg.stop_gradient(x) ** 2, 3.0).raise_if_wrong()
    assert isinstance(caught.value, AssertionError) and isinstance(caught.value, GlassgradError)


def test_says_it_in_one_sentence():
    text = str(gg.check_grad(notes, 3, -4))
    assert text.startswith(
        "gradient right: 2 elements checked by central differences; worst is y: 1.59223275"
    )
    assert "against 1.5922327515, differs by" in text.replace("\n ", "")


Point = namedtuple("Point", "x y")


@dataclasses.dataclass
class Layer:
    W: np.ndarray
    b: float
    name: str = "layer"


def names_of(function, *args, **kwargs):
    """The names of all elements, from a check of something that is wrong everywhere."""
    return sorted(w.name for w in gg.check_grad(function, *args, **kwargs).wrong)


def cut_sum(*nests):
    return 1.0 + sum(_total(n) for n in nests)


def _total(nest):
    if isinstance(nest, dict):
        return sum(_total(v) for v in nest.values())
    if isinstance(nest, (list, tuple)):
        return sum(_total(v) for v in nest)
    if isinstance(nest, Layer):
        return _total([nest.W, nest.b])
    return 0.0 if isinstance(nest, str) else np.sum(gg.stop_gradient(nest)) * 2.0


def test_names_of_elements():
    assert names_of(lambda p: cut_sum(p), {"W": np.ones((1, 2)), "s": [1.0, 2.0]}) == [
        "p['W'][0, 0]", "p['W'][0, 1]", "p['s'][0]", "p['s'][1]",
    ]  # fmt: skip
    assert names_of(lambda point, layer: cut_sum(point, layer),
                    Point(1.0, np.ones(1)), Layer(np.ones(1), 2.0)) == [
        "layer.W[0]", "layer.b", "point.x", "point.y[0]",
    ]  # fmt: skip
    assert names_of(lambda x, *, k: cut_sum(x, k), 1.0, k=2.0) == ["k", "x"]
    assert names_of(lambda *xs: cut_sum(*xs), 1.0, 2.0) == ["x0", "x1"]


def test_argnums_choose():
    def f(x, y, *, k):
        return cut_sum(x, y, k)

    assert names_of(f, 1.0, 2.0, k=3.0, argnums=1) == ["y"]
    assert names_of(f, 1.0, 2.0, k=3.0, argnums=("x", "k")) == ["k", "x"]
    assert names_of(f, 1.0, 2.0, k=3, argnums="k") == ["k"]


def test_passes_through_what_has_no_gradient():
    def f(x, n, index, how, flag, *, axis=0):
        total = x[index].sum(axis=axis) if how == "sum" else 0.0
        return sum(total**k for k in range(n)) if flag else 0.0

    check = gg.check_grad(f, V, 3, np.array([0, 2]), "sum", True, axis=0)
    assert check and check.count == 6
    assert gg.check_grad(notes, 3, -4).count == 2  # ints that are numbers are moved


def test_nested_outputs_and_mixed_dtypes():
    def f(x):
        return {"a": np.sin(x), "b": (x.sum(), [np.outer(x, x).astype(np.float32), "text"])}

    assert gg.check_grad(f, V)


def test_outputs_that_are_nan_are_left_out():
    with np.errstate(all="ignore"):
        assert gg.check_grad(lambda x: np.log(x), np.array([-1.0, 2.0]))


def test_names_bound_before_work_inside():
    from math import exp

    from numpy import array, sin

    def f(x, y):
        return exp(x) * sin(array([x, y])).sum()

    assert gg.check_grad(f, 0.3, 0.4, order=2)


def test_nothing_to_check_is_an_error():
    with pytest.raises(NotDifferentiableError, match="nothing to check"):
        gg.check_grad(lambda n: n.sum(), np.arange(3))
    with pytest.raises(NotDifferentiableError, match="no gradient"):
        gg.check_grad(lambda x: "text", 1.0)
    with pytest.raises(NotDifferentiableError, match="int64"):
        gg.check_grad(lambda n: n.sum(), np.arange(3), argnums=0)
    with pytest.raises(ValueError, match="order=3"):
        gg.check_grad(notes, 3, -4, order=3)
    with pytest.raises(ValueError, match="mode="):
        gg.check_grad(notes, 3, -4, mode="all")


def large(W, x):
    return np.tanh(W @ x).sum()


def test_large_inputs_take_directions_and_a_sample():
    W, x = RNG.normal(size=(100, 300)), RNG.normal(size=300)
    check = gg.check_grad(large, W, x)
    assert check and check.mode == "directions"
    assert check.directions == 8 and check.count == 64 and check.elements == 30300
    assert check.evaluations < 1000
    assert "8 random directions and 64 of 30,300 elements" in str(check)
    only = gg.check_grad(large, W, x, mode="directions")
    assert only and only.count == 0 and only.directions == 8


def test_directions_find_the_element():
    W = RNG.normal(size=(50, 40))
    mask = np.zeros(W.shape)
    mask[17, 23] = 1.0

    def f(W):
        return np.sum(W**2 + 3.0 * mask * gg.stop_gradient(W))

    check = gg.check_grad(f, W, mode="directions")
    assert not check
    assert check.worst.name == "W[17, 23]"
    assert check.worst.difference == pytest.approx(3.0, rel=1e-6)


def test_elements_mode_takes_all():
    check = gg.check_grad(lambda x: (x**2).sum(), np.ones(600), mode="elements")
    assert check and check.count == 600
    assert gg.check_grad(lambda x: (x**2).sum(), np.ones(600)).count == 64
    assert gg.check_grad(lambda x: (x**2).sum(), np.ones(600), max_elements=600).count == 600


def test_tolerances():
    def nearly(x):
        return x + 1e-4 * gg.stop_gradient(x)

    assert not gg.check_grad(nearly, 1.0)
    assert gg.check_grad(nearly, 1.0, rtol=1e-3)
    assert gg.check_grad(nearly, 1.0, atol=1e-3)


def test_is_seeded():
    first, second = (gg.check_grad(large, RNG_W, RNG_X, seed=3) for _ in range(2))
    assert first == second
    assert first != gg.check_grad(large, RNG_W, RNG_X, seed=4)


RNG_W, RNG_X = np.random.default_rng(5).normal(size=(40, 30)), np.ones(30)


def test_arguments_stay_as_they_are():
    x = V.copy()
    gg.check_grad(spoils_its_argument, x)
    np.testing.assert_array_equal(x, V)


def test_small_functions_take_less_than_a_second():
    start = time.perf_counter()
    gg.check_grad(notes, 3, -4, order=2)
    gg.check_grad(softmax_loss, A, V[:4], B, np.array([0, 3, 1, 2]))
    assert time.perf_counter() - start < 1.0


def test_both_ways_of_computing_are_compared(monkeypatch):
    from glassgrad.runtime.paths import Path

    plain = Path.__call__
    monkeypatch.setattr(
        Path, "__call__", lambda self, values: tuple(1.01 * v for v in plain(self, values))
    )
    assert not gg.check_grad(lambda x: np.sin(x) * np.ones(2)[0], np.array(0.5))


def test_no_gate_is_left_spoiled():
    assert OPS["sin"].rule(0.0, 0.0) == (1.0,)


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf, np.array([math.nan, 1.0, math.inf])])
def test_there_is_nowhere_to_go_from_what_is_not_finite(x):
    check = gg.check_grad(lambda x, y: np.sum(x * y), x, 2.0)
    assert check
    assert "undefined" in str(check)
