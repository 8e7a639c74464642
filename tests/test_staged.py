"""Staged code: it runs alone, gives the gradient function's numbers, and reads as it should."""

import dataclasses
import math
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import ShapeError, UnsupportedError

GOLDEN = Path(__file__).parent / "golden"
RNG = np.random.default_rng(7)


def run(code, *args, **kwargs):
    namespace = {}
    exec(compile(code, "<staged>", "exec"), namespace)
    (function,) = [v for k, v in namespace.items() if k.endswith("_and_gradient")]
    return function(*args, **kwargs)


def leaves(nest):
    if isinstance(nest, dict):
        return [leaf for v in nest.values() for leaf in leaves(v)]
    if isinstance(nest, (list, tuple)):
        return [leaf for v in nest for leaf in leaves(v)]
    if dataclasses.is_dataclass(nest):
        return [leaf for f in dataclasses.fields(nest) for leaf in leaves(getattr(nest, f.name))]
    return [nest]


def network(W1, b1, W2, b2, X, y):
    hidden = np.maximum(0, X @ W1 + b1)
    scores = hidden @ W2 + b2
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    exps = np.exp(shifted)
    probs = exps / np.sum(exps, axis=1, keepdims=True)
    correct = probs[np.arange(len(y)), y]
    loss = -np.mean(np.log(correct))
    return loss


NETWORK = (RNG.normal(size=(6, 5)), RNG.normal(size=5), RNG.normal(size=(5, 3)), np.zeros(3),
           RNG.normal(size=(8, 6)), RNG.integers(0, 3, 8))  # fmt: skip


def heat(u, k):
    for _ in range(3):
        u = u.copy()
        u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


def newton(a):
    x = 1.0
    while abs(x * x - a) > 1e-10:
        x = 0.5 * (x + a / x)
    return x


def buffer(p, n):
    s = 0.0
    y = np.zeros(3)
    for i in range(3):
        y[i] = p["a"][i] ** 2 + p["b"][0]
        s += y[i] * n
    y *= s
    return np.sum(y * p["a"])


def reused(x):
    y = np.zeros(3)
    y[0] = x[0] * 2
    before = y[0] * x[1]
    y[0] = x[2] ** 2
    y += before
    return np.sum(y * y) + before


def branch(x, y):
    return math.sin(x) * y if x > y else x * math.exp(-y)


def clashing(x, dx, sum, np_):
    dsum = x * dx
    d = dsum + sum * np_
    return d * dsum


def aliases(x):
    y = x * 2
    z = y
    z += x**2
    v = y[:2]
    v *= 3
    return np.sum(z) + np.sum(y.T * y)


def masked(x):
    small = x[x < 0.5]
    return np.sum(small**2) + np.where(x > 0, np.sqrt(np.abs(x)), 0).sum()


Pair = namedtuple("Pair", "w b")


@dataclasses.dataclass
class Layer:
    weights: np.ndarray
    bias: float


def nested(layer, pair, mode):
    out = layer.weights * pair.w + layer.bias
    return np.sum(out**2) * pair.b if mode == "square" else np.sum(out)


CASES = {
    "network": (network, NETWORK),
    "heat": (heat, (RNG.normal(size=7), 0.1)),
    "newton": (newton, (2.0,)),
    "buffer": (buffer, ({"a": np.array([1.0, 2.0, -0.5]), "b": [2.0, 1.0]}, 2)),
    "reused": (reused, (np.array([1.0, 2.0, 3.0]),)),
    "branch": (branch, (2.0, 0.5)),
    "clashing": (clashing, (2.0, 3.0, 0.5, 1.5)),
    "aliases": (aliases, (np.array([1.0, 2.0, 3.0]),)),
    "masked": (masked, (np.array([0.2, -0.3, 0.9, 0.4]),)),
    "nested": (nested, (Layer(np.array([1.0, 2.0]), 0.5), Pair(3.0, 2.0), "square")),
    "float32": (lambda x: np.sum(np.tanh(x) ** 2), (np.float32([0.1, -0.4]),)),
    "edge": (lambda x: math.sqrt(x) * 0.0 + math.sqrt(x), (0.0,)),
}


@pytest.mark.parametrize("name", CASES)
def test_code_runs_alone_with_the_same_numbers(name):
    function, args = CASES[name]
    seen = gg.backprop(function, *args)
    value, gradients = run(seen.code, *args)
    assert value == seen.value
    got, wanted = leaves(gradients), leaves(tuple(seen.grads))
    got = [g for g in got if g is not None]
    wanted = [w for w in wanted if w is not None]
    assert len(got) == len(wanted)
    for g, w in zip(got, wanted, strict=True):
        assert np.allclose(g, w, rtol=1e-13, atol=0, equal_nan=True)
        assert np.shape(g) == np.shape(w)
    assert max(len(line) for line in seen.code.splitlines()) <= 100


@pytest.mark.parametrize("name", CASES)
def test_the_microscope_gives_the_gradient_functions_numbers(name):
    function, args = CASES[name]
    numeric = tuple(
        n for n, a in enumerate(args)
        if not isinstance(a, str) and getattr(a, "dtype", np.dtype(float)).kind == "f"
    )  # fmt: skip
    value, gradients = gg.value_and_grad(function, argnums=numeric)(*args)
    seen = gg.backprop(function, *args, argnums=numeric)
    assert seen.value == value
    for g, w in zip(leaves(tuple(seen.grads)), leaves(gradients), strict=True):
        assert np.allclose(g, w, rtol=1e-13, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", ["network", "heat", "buffer"])
def test_golden(name):
    """What a reader sees, word for word. After a wanted change, write the files anew."""
    function, args = CASES[name]
    differentiated = {"network": (0, 1, 2, 3)}.get(name)
    code = gg.backprop(function, *args, argnums=differentiated).code
    file = GOLDEN / f"{name}.py.txt"
    assert file.read_text(encoding="utf-8") == code


def test_the_network_reads_as_a_person_would_write_it():
    code = gg.backprop(network, *NETWORK, argnums=(0, 1, 2, 3)).code
    statements = [line.split("#")[0].strip() for line in code.splitlines()]
    for wanted in (
        "db2 = np.sum(dscores, axis=0)",
        "dhidden = dscores @ W2.T",
        "dW2 = hidden.T @ dscores",
        "dhidden_in = np.heaviside(hidden_in, 0.5) * dhidden",
        "dW1 = X.T @ dhidden_in",
    ):
        assert wanted in statements
    backward = statements[statements.index("dW1 = X.T @ dhidden_in") - 30 :]
    assert sum(bool(s) and "=" in s for s in backward) <= 24


def test_names_never_clash():
    code = gg.backprop(clashing, 2.0, 3.0, 0.5, 1.5).code
    assert "def clashing_and_gradient(x, dx, sum, np_):" in code
    assert "dx_2" in code and "ddx" in code  # the gradient of x is not the user's dx


def test_a_large_array_from_outside_becomes_a_keyword():
    table = RNG.normal(size=1000)

    def weighted(w):
        return np.sum(w * table)

    seen = gg.backprop(weighted, 2.0)
    assert "def weighted_and_gradient(w, *, table):" in seen.code
    value, (dw,) = run(seen.code, 2.0, table=table)
    assert value == seen.value and dw == seen.grads[0]


def test_guards_stand_in_the_code():
    code = gg.backprop(branch, 2.0, 0.5).code
    assert "assert x > y" in code
    with pytest.raises(AssertionError):
        run(code, 0.0, 0.5)


def test_methods_that_take_no_keywords_are_written_as_functions() -> None:
    """The compiled path must answer itself, not be traced again because its text is wrong."""
    from glassgrad.runtime.arguments import resolve
    from glassgrad.runtime.gradient import recorded_call
    from glassgrad.runtime.paths import Path

    def f(x):
        return np.sum(x.swapaxes(0, 1) * x.transpose((1, 0)) * x.transpose(1, 0))

    x = np.arange(6.0).reshape(2, 3)
    path = Path(recorded_call(f, resolve((x,), {}, lambda n: True, ["x"]), False, ()))
    _, dx = path.program(careful=False)(x)
    np.testing.assert_allclose(dx, 3 * x**2)


# -- odd arguments ----------------------------------------------------------------------------------------


@dataclasses.dataclass
class Unit:
    W: float
    b: float


class Thing:
    k = 2.0


Two = namedtuple("Two", "a b")

ODD = {
    "a flag before a number": (lambda flag, x: x * x if flag else x, (True, 3.0), {}),
    "a flag before keywords": (lambda x, flag, *, y: x * y if flag else x, (2.0, True), {"y": 3.0}),
    "an object": (lambda x, thing: x * thing.k, (3.0, Thing()), {"argnums": 0}),
    "a function": (lambda f, x: f(x), (np.sin, 3.0), {"argnums": 1}),
    "a text": (lambda x, s: x * len(s), (3.0, 'a"""\n\\' + "(, [" * 40), {"argnums": 0}),
    "keys that are code": (
        lambda p: p["\n"] * p["'"] + p['"]'] * p["a, b)"] + p["[{("] * p["# no"] + p["\\"] * p["x" * 70],
        ({"\n": 1.5, "'": 2.0, '"]': 3.0, "a, b)": 4.0, "[{(": 5.0, "# no": 6.0, "\\": 7.0, "x" * 70: 8.0},), {},
    ),
    "keys that end alike": (
        lambda p: p["a b"] * p["a_b"] * p["a_b_2"] + p["a-b"],
        ({"a b": 2.0, "a_b": 3.0, "a_b_2": 4.0, "a-b": 5.0},), {},
    ),
    "keys that Python reads alike": (
        lambda p: p["\ufb01"] * p["fi"] + p["x\u00b2"] * p["x2"] + p["\u00b2"],
        ({"\ufb01": 2.0, "fi": 3.0, "x\u00b2": 4.0, "x2": 5.0, "\u00b2": 6.0},), {},
    ),
    "nests of two kinds": (
        lambda p: p["l"][0].W * p["t"].a * p["t"].b[0].b,
        ({"l": [Unit(2.0, 3.0)], "t": Two(4.0, (Unit(5.0, 6.0),))},), {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_arguments_are_code_that_runs(name):
    f, args, how = ODD[name]
    record = gg.backprop(f, *args, **how)
    keywords = {k: v for k, v in how.items() if k != "argnums"}
    value, gradients = run(record.code, *args, **keywords)
    assert value == record.value
    assert gradients == tuple(record.grads)


def test_a_flag_behind_all_numbers_has_its_value():
    record = gg.backprop(lambda x, mode, flag: x * x if flag else x, 3.0, "a", True)
    assert "(x, mode='a', flag=True)" in record.code
    assert run(record.code, 3.0) == (9.0, (6.0,))


def test_each_upstream_gradient_is_a_parameter_of_its_own():
    """Outputs may have one name, and an argument that of an output's gradient."""

    def f(x, dvalue):
        return x * dvalue, {"a": x + dvalue}

    record = gg.backprop(f, 2.0, 3.0, upstream=(2.0, {"a": 5.0}))
    assert run(record.code, 2.0, 3.0, 2.0, 5.0) == (record.value, tuple(record.grads))
    assert record.grads == (11.0, 9.0)


@pytest.mark.parametrize("upstream", [1.0, np.ones(2), np.ones((3, 1)), [1.0, 2.0, 3.0], "text"])
def test_an_upstream_gradient_is_shaped_like_the_value(upstream):
    with pytest.raises(ShapeError, match="upstream gradient"):
        gg.backprop(lambda x: x * 2, np.ones(3), upstream=upstream)


def test_what_is_not_there_is_named():
    record = gg.backprop(lambda x, y: x * y, 2.0, 3.0)
    with pytest.raises(KeyError, match=r"'z'.*\['x', 'y'\]"):
        record.grads["z"]
    for draw in (record.svg, record.widget, lambda theme: record.save("x.html", theme=theme)):
        with pytest.raises(ValueError, match="no theme 'pink'"):
            draw(theme="pink")
    with pytest.raises(ValueError, match="step"):
        record.svg(step=-1)


def test_sensitivity_is_not_compared_with_a_scaled_gradient():
    record = gg.backprop(lambda x, y: x * y, 2.0, 3.0, upstream=5.0)
    with pytest.raises(UnsupportedError, match="without upstream"):
        record.sensitivity("x")


def test_an_index_array_beside_a_slice_is_code_that_runs():
    x, at = np.arange(24.0).reshape(4, 2, 3), np.array([0, 2, 2])
    record = gg.backprop(lambda x: np.sum(x[at, ..., 1:] ** 2), x)
    assert "np.add.at(dx, np.s_[" in record.code
    _, (dx,) = run(record.code, x)
    np.testing.assert_array_equal(dx, record.grads[0])
