"""Gradients of gradients, nested parameters, and which arguments are differentiated.

Perturbation confusion, captured values of outer calls, pullbacks inside gradients; then what may
be passed and what comes back, and what is refused with which words.
"""

from __future__ import annotations

import dataclasses
import math
from collections import OrderedDict, defaultdict
from typing import Any, NamedTuple

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import (
    NotDifferentiableError,
    NotScalarError,
    ShapeError,
    UnsupportedError,
)  # fmt: skip

from .support.differences import gradient as numerical
from .support.tiers import tiers

X = np.array([0.5, -1.2, 2.1])
W = np.array([[1.0, 2, 3], [4, 5, 6.5]])


# -- any order -------------------------------------------------------------------------------------


@pytest.mark.parametrize("f, derivatives", [
    (lambda x: x**5, lambda x: [5 * x**4, 20 * x**3, 60 * x**2, 120 * x]),
    (lambda x: math.exp(2 * x), lambda x: [2**n * math.exp(2 * x) for n in range(1, 5)]),
    (lambda x: np.sin(x), lambda x: [math.cos(x), -math.sin(x), -math.cos(x), math.sin(x)]),
    (lambda x: 1 / x, lambda x: [-1 / x**2, 2 / x**3, -6 / x**4, 24 / x**5]),
    (lambda x: x * math.log(x), lambda x: [math.log(x) + 1, 1 / x, -1 / x**2, 2 / x**3]),
    (lambda x: x * x if x > 1 else x**3, lambda x: [2 * x, 2.0, 0.0, 0.0]),
])  # fmt: skip
def test_gradients_of_gradients(f: Any, derivatives: Any) -> None:
    for x in (1.3, 1.3, 2.0):
        g = f
        for expected in derivatives(x):
            g = gg.grad(g)
            assert g(x) == pytest.approx(expected, rel=1e-10, abs=1e-12)
            assert type(g(x)) is float


def test_the_sigmoids_derivatives() -> None:
    f = g = lambda x: 1 / (1 + math.exp(-x))
    s = f(0.7)
    for expected in (s * (1 - s), s * (1 - s) * (1 - 2 * s), s * (1 - s) * (1 - 6 * s + 6 * s * s)):
        g = gg.grad(g)
        assert g(0.7) == g(0.7) == pytest.approx(expected, rel=1e-10)


def test_a_hessian_row_by_row() -> None:
    def f(x: Any) -> Any:
        return np.sum(x**3) + x[0] * x[1] * x[2]

    hessian = np.array([gg.grad(lambda x, i=i: gg.grad(f)(x)[i])(X) for i in range(3)])
    a, b, c = X
    np.testing.assert_allclose(hessian, [[6 * a, c, b], [c, 6 * b, a], [b, a, 6 * c]])


def test_loops_branches_and_writes_to_the_second_order() -> None:
    def f(x: Any) -> Any:
        y = np.zeros(3)
        for i in range(3):
            y[i] = x[i] * y[i - 1] + math.exp(x[i]) if x[i] > 0 else x[i] ** 2
        y[:2] *= y[1:]
        return np.sum(y * y)

    def along(x: Any) -> Any:
        return np.sum(gg.grad(f)(x) * np.array([1.0, -2.0, 0.5]))

    g = gg.grad(along)
    for _ in tiers():
        np.testing.assert_allclose(g(X), numerical(along, [X], 0), rtol=1e-6)


# -- perturbation confusion -------------------------------------------------------------------------


def test_perturbations_are_not_confused() -> None:
    """Siskind and Pearlmutter's example and kin: each call has a trace of its own."""
    assert gg.grad(lambda x: x * gg.grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert gg.grad(lambda x: x * gg.grad(lambda y: x * y)(2.0))(3.0) == 6.0
    assert gg.grad(lambda x: gg.grad(lambda y: y * y * x)(x))(3.0) == 12.0
    assert gg.grad(lambda x: gg.grad(lambda x: x * x)(x) * x)(3.0) == 12.0
    assert gg.grad(lambda x: gg.grad(lambda y: gg.grad(lambda z: x * y * z)(x))(x))(3.0) == 1.0
    assert gg.grad(lambda x: gg.grad(lambda y: gg.grad(lambda z: x * x * y * z)(x))(x))(3.0) == 6.0


def test_inner_functions_close_over_outer_values() -> None:
    def outer(x: Any, w: Any) -> Any:
        k = np.sum(w * w) * x

        def inner(y: Any) -> Any:
            z = y * k + w[0]
            return z * z if k > 0 else -z

        return gg.grad(inner)(x) + k

    for args in ((1.5, X), (1.5, X), (-0.4, X)):
        dx, dw = gg.grad(outer, (0, 1))(*args)
        np.testing.assert_allclose(dx, numerical(lambda *a: float(outer(*a)), args, 0), rtol=1e-6)
        np.testing.assert_allclose(dw, numerical(lambda *a: float(outer(*a)), args, 1), rtol=1e-6)


def test_a_gradient_in_a_loop() -> None:
    def descend(start: Any, rate: Any) -> Any:
        x = start
        for _ in range(4):
            x = x - rate * gg.grad(lambda x: np.sum((x * x - 1) ** 2))(x)
        return np.sum(x * start)

    args = (X * 0.3, 0.1)
    dstart, drate = gg.grad(descend, (0, 1))(*args)
    np.testing.assert_allclose(dstart, numerical(lambda *a: float(descend(*a)), args, 0), rtol=1e-6)
    np.testing.assert_allclose(drate, numerical(lambda *a: float(descend(*a)), args, 1), rtol=1e-6)


def test_value_and_aux_of_an_inner_gradient() -> None:
    def inner(y: Any, k: Any) -> Any:
        return y**3 * k, {"double": 2 * y}

    def outer(x: Any) -> Any:
        (value, aux), slope = gg.value_and_grad(inner, has_aux=True)(x, 2.0)
        return value + slope * 10 + aux["double"] * 100

    assert outer(1.5) == pytest.approx(2 * 1.5**3 + 60 * 1.5**2 + 300)
    assert gg.grad(outer)(1.5) == pytest.approx(6 * 1.5**2 + 120 * 1.5 + 200)


def test_what_an_inner_function_cuts_is_refused() -> None:
    """A value that is passive within, but differentiated without."""
    for inner in (
        lambda y, a: y * float(a), lambda y, a: y * {1.0: 2.0}[a], lambda y, a: y * np.asarray([a], dtype=object)[0],
    ):  # fmt: skip
        with pytest.raises((NotDifferentiableError, UnsupportedError)):
            gg.grad(lambda x, inner=inner: gg.grad(inner)(1.0, x))(1.0)
    assert gg.grad(lambda x: gg.grad(lambda y, a: y * a)(1.0, x))(3.0) == 1.0


def test_inner_guards_are_outer_guards() -> None:
    def outer(x: Any) -> Any:
        return gg.grad(lambda y: y * y if y > 1 else 5 * y)(x) * x

    g = gg.value_and_grad(outer)
    for x in (2.0, 0.5, 3.0, 0.2, 2.0):
        assert g(x) == ((2 * x * x, 4 * x) if x > 1 else (5 * x, 5.0))


# -- pullbacks ----------------------------------------------------------------------------------------


def test_a_pullback_may_be_called_twice() -> None:
    _, pullback = gg.vjp(lambda w, x: w @ x, W, X)
    for u in (np.array([1.0, 0.0]), np.array([2.0, -1.0]), np.array([1.0, 0.0])):
        dw, dx = pullback(u)
        np.testing.assert_allclose(dw, np.outer(u, X))
        np.testing.assert_allclose(dx, W.T @ u)


def test_a_pullback_keeps_the_values_of_its_call() -> None:
    x = X.copy()
    _, pullback = gg.vjp(lambda x: x * x, x)
    x[...] = 100.0
    np.testing.assert_allclose(pullback(np.ones(3))[0], 2 * X)


def test_nested_outputs() -> None:
    def f(x: Any) -> Any:
        return {"sum": np.sum(x), "parts": (x * x, [x[0] * x[1]]), "text": "left alone"}

    value, pullback = gg.vjp(f, X)
    assert value["text"] == "left alone"
    upstream = {"sum": 2.0, "parts": (np.array([1.0, 0, 0]), [10.0]), "text": "left alone"}
    (dx,) = pullback(upstream)
    np.testing.assert_allclose(dx, 2 + np.array([2 * X[0] + 10 * X[1], 10 * X[0], 0]))


def test_a_pullback_within_a_gradient() -> None:
    def f(x: Any) -> Any:
        y, pullback = gg.vjp(lambda x: np.exp(x) * x, x)
        (g,) = pullback(y)
        return np.sum(g * g)

    for _ in tiers():
        np.testing.assert_allclose(
            gg.grad(f)(X), numerical(lambda x: float(f(x)), [X], 0), rtol=1e-6
        )


def test_a_gradient_through_the_upstream_gradient() -> None:
    _, pullback = gg.vjp(lambda x: np.sin(x), X)
    np.testing.assert_allclose(
        gg.grad(lambda u: np.sum(pullback(u)[0] ** 2))(np.ones(3)), 2 * np.cos(X) ** 2
    )


@pytest.mark.parametrize("upstream, words", [
    (np.ones(2), r"\(2,\).*\(3,\)"), (1.0, r"\(\).*\(3,\)"), (np.ones((3, 1)), r"\(3, 1\)"),
    ((np.ones(3),), "nested like the value"), ({"a": np.ones(3)}, "nested like the value"),
])  # fmt: skip
def test_an_upstream_gradient_that_does_not_fit(upstream: Any, words: str) -> None:
    _, pullback = gg.vjp(lambda x: x * x, X)
    with pytest.raises(ShapeError, match=words):
        pullback(upstream)


def test_vjp_of_branches_and_writes() -> None:
    def f(x: Any) -> Any:
        y = np.zeros(2)
        y[0] = x[0] if x[0] > 0 else x[1]
        y[1:] = x[2] * y[0]
        return y

    for x in (X, -X):
        value, pullback = gg.vjp(f, x)
        np.testing.assert_array_equal(value, f(x))
        jacobian = np.array([pullback(np.eye(2)[i])[0] for i in range(2)])
        for i in range(2):
            np.testing.assert_allclose(
                jacobian[i], numerical(lambda x, i=i: float(f(x)[i]), [x], 0), atol=1e-8
            )


# -- which arguments -----------------------------------------------------------------------------------


def three(x: Any, y: Any, z: Any = 4.0) -> Any:
    return x * y * y * z


@pytest.mark.parametrize("argnums, expected", [
    (0, 36.0), (1, 48.0), (2, 18.0), (-1, 18.0), (-3, 36.0), ("y", 48.0), ("z", 18.0), ((0,), (36.0,)),
    ((0, 2), (36.0, 18.0)), ((2, 0), (18.0, 36.0)), (("z", 0, -2), (18.0, 36.0, 48.0)), ((), ()),
])  # fmt: skip
def test_argnums(argnums: Any, expected: Any) -> None:
    g = gg.grad(three, argnums)
    for _ in tiers():
        assert g(2.0, 3.0, 4.0) == expected
        assert gg.value_and_grad(three, argnums)(2.0, 3.0, 4.0) == (72.0, expected)


def test_keywords() -> None:
    g = gg.grad(three, ("x", "z"))
    for _ in tiers():
        assert g(x=2.0, y=3.0, z=4.0) == (36.0, 18.0)
        assert g(2.0, z=4.0, y=3.0) == (36.0, 18.0)
        assert g(2.0, 3.0, 4.0) == (36.0, 18.0)
    assert gg.grad(three, 1)(2.0, y=3.0) == 48.0
    assert gg.grad(lambda *, a, b: a * b, "b")(a=3.0, b=4.0) == 3.0
    assert gg.grad(lambda *args: args[0] * args[2], 2)(1.0, 2.0, 3.0) == 1.0
    assert gg.grad(lambda **kw: kw["p"] * kw["q"], "q")(p=5.0, q=2.0) == 5.0


@pytest.mark.parametrize("argnums, error", [
    (5, TypeError), ("w", TypeError), (1.5, TypeError), (True, TypeError), (None, TypeError), ((0, 9), TypeError),
])  # fmt: skip
def test_argnums_that_name_nothing(argnums: Any, error: type) -> None:
    with pytest.raises(error):
        gg.grad(three, argnums)(2.0, 3.0, 4.0)


def test_the_same_argument_twice() -> None:
    assert gg.grad(three, (0, 0))(2.0, 3.0, 4.0) == (36.0, 36.0)


def test_not_a_function() -> None:
    with pytest.raises(TypeError, match="a function is needed"):
        gg.grad(3.0)


# -- what may be passed -----------------------------------------------------------------------------------


class Point(NamedTuple):
    x: Any
    y: Any


@dataclasses.dataclass
class Layer:
    W: Any
    b: Any
    name: str = "layer"
    size: int = 3


@dataclasses.dataclass(frozen=True)
class Frozen:
    layers: Any
    rate: Any = 1.0


def test_every_nest() -> None:
    cases: list[tuple[Any, Any, Any]] = [
        ({"w": X, "b": 2.0}, lambda p: np.sum(p["w"] * p["w"]) * p["b"], {"w": 4 * X, "b": np.sum(X * X)}),
        ([X, (2.0, X)], lambda p: np.sum(p[0] * p[1][1]) * p[1][0], [2 * X, (np.sum(X * X), 2 * X)]),
        (Point(2.0, X), lambda p: p.x * np.sum(p.y), Point(np.sum(X), np.full(3, 2.0))),
        (Layer(W, X), lambda p: np.sum(p.W @ p.b) * p.size, None),
        (Frozen([Layer(W, X), Point(1.0, 2.0)]), lambda p: np.sum(p.layers[0].b) * p.layers[1].y * p.rate, None),
        (OrderedDict(b=1.0, a=X), lambda p: np.sum(p["a"]) * p["b"], OrderedDict(b=np.sum(X), a=np.ones(3))),
        (defaultdict(list, k=[2.0]), lambda p: p["k"][0] ** 2, defaultdict(list, k=[4.0])),
        ({"a": {}, "b": [], "c": 3.0, "none": None}, lambda p: p["c"] ** 2, {"a": {}, "b": [], "c": 6.0, "none": None}),
        ({1: 2.0, 2: 3.0}, lambda p: p[1] * p[2], {1: 3.0, 2: 2.0}),
    ]  # fmt: skip
    for p, f, expected in cases:
        g = gg.grad(f)
        for _ in tiers():
            found = g(p)
            assert type(found) is type(p)
            if expected is not None:
                equal_nests(found, expected)
    layer = gg.grad(cases[3][1])(Layer(W, X))
    np.testing.assert_allclose(layer.W, 3 * np.outer(np.ones(2), X))
    np.testing.assert_allclose(layer.b, 3 * W.sum(axis=0))
    frozen = gg.grad(cases[4][1])(cases[4][0])
    assert frozen.rate == pytest.approx(np.sum(X) * 2)
    assert frozen.layers[1] == Point(0.0, pytest.approx(np.sum(X)))


def equal_nests(found: Any, expected: Any) -> None:
    if isinstance(expected, (dict, list, tuple)):
        assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for k in expected:
            equal_nests(found[k], expected[k])
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            equal_nests(a, b)
    elif expected is None:
        assert found is None
    else:
        np.testing.assert_allclose(found, expected)


def test_static_fields_are_part_of_the_signature() -> None:
    def f(layer: Any) -> Any:
        return np.sum(layer.b) * (2 if layer.name == "double" else 1) * layer.size

    g = gg.grad(f)
    for name, size, expected in (
        ("layer", 3, 3.0),
        ("double", 3, 6.0),
        ("layer", 5, 5.0),
        ("double", 3, 6.0),
    ):
        np.testing.assert_allclose(g(Layer(W, X, name, size)).b, np.full(3, expected))


@pytest.mark.parametrize("x, kind", [
    (3, float), (3.0, float), (np.float64(3), np.float64), (np.float32(3), np.float32), (np.array(3.0), np.ndarray),
    (np.int32(3), np.float64), (np.array(3), np.ndarray), (np.array([3.0]), np.ndarray),
])  # fmt: skip
def test_kinds_of_numbers(x: Any, kind: type) -> None:
    g = gg.grad(lambda x: np.sum(x * x))
    for _ in tiers():
        found = g(x)
        assert type(found) is kind
        assert np.shape(found) == np.shape(x)
        np.testing.assert_array_equal(found, np.full(np.shape(x), 6.0))


def test_ints_and_floats_may_alternate() -> None:
    def f(x: Any, n: Any) -> Any:
        return x**n

    g = gg.value_and_grad(f)
    for x, n in ((2, 3), (2.0, 3), (2, 3.0), (2.0, 3.0), (np.float64(2), 3), (2, 3)):
        value, slope = g(x, n)
        assert value == 8.0 and slope == 12.0


def test_what_is_passed_besides() -> None:
    def f(x: Any, mode: Any, data: Any, flag: Any, extra: Any) -> Any:
        y = np.sum(x * data["k"]) if mode == "sum" else np.prod(x)
        return y * 2 if flag and extra is None else y

    g = gg.grad(f)
    for _ in tiers():
        np.testing.assert_allclose(g(X, "sum", {"k": 3}, True, None), np.full(3, 6.0))
        np.testing.assert_allclose(g(X, "sum", {"k": 4}, False, None), np.full(3, 4.0))
        np.testing.assert_allclose(
            g(X, "sum", {"k": np.array([1, 2, 3])}, False, object()), [1.0, 2, 3]
        )
        np.testing.assert_allclose(g(X, "prod", {}, False, None), np.prod(X) / X)


def test_results_of_every_kind() -> None:
    assert gg.value_and_grad(lambda x: x)(3.0) == (3.0, 1.0)
    assert gg.value_and_grad(lambda x: 5)(3.0) == (5, 0.0)
    assert gg.value_and_grad(lambda x: np.array(2.0) * x)(3.0) == (6.0, 2.0)
    value, slope = gg.value_and_grad(lambda x: np.sum(x, keepdims=True)[0])(X)
    assert value == np.sum(X) and np.all(slope == 1)
    zero_d = gg.value_and_grad(lambda x: np.array(x[0]))(X)[0]
    assert type(zero_d) is np.ndarray and zero_d.shape == ()
    value, (dx, dy) = gg.value_and_grad(lambda x, y: x[0], (0, 1))(X, W)
    assert dy.shape == W.shape and not dy.any() and dx.sum() == 1


def test_aux() -> None:
    def f(x: Any) -> Any:
        return np.sum(x * x), (x + 1, {"n": len(x), "text": "t", "none": None}, [x[0] * 2, True])

    for _ in tiers():
        dx, aux = gg.grad(f, has_aux=True)(X)
        np.testing.assert_allclose(dx, 2 * X)
        np.testing.assert_allclose(aux[0], X + 1)
        assert aux[1] == {"n": 3, "text": "t", "none": None}
        assert aux[2] == [1.0, True] and type(aux[2][0]) is np.float64


# -- what is refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [
    lambda x: x * x, lambda x: (np.sum(x), 1.0), lambda x: {"a": np.sum(x)}, lambda x: [np.sum(x)],
    lambda x: np.sum(x, keepdims=True), lambda x: None, lambda x: "text",
])  # fmt: skip
def test_an_output_that_is_not_one_number(f: Any) -> None:
    with pytest.raises(NotScalarError, match=r"gg\.vjp"):
        gg.grad(f)(X)


def test_has_aux_wants_a_pair() -> None:
    with pytest.raises(NotScalarError, match="pair"):
        gg.grad(lambda x: np.sum(x), has_aux=True)(X)


@pytest.mark.parametrize("x, error, words", [
    (np.array([1, 2]), NotDifferentiableError, r"x is an array of int64.*x\.astype\(float\)"),
    (np.array([True]), NotDifferentiableError, "array of bool"),
    (1j, UnsupportedError, "x is complex.*two arguments"),
    (np.array([1j]), UnsupportedError, "complex"), (np.complex64(1), UnsupportedError, "complex"),
    ("text", NotDifferentiableError, "x is a str"), (None, NotDifferentiableError, "NoneType"),
    (object(), NotDifferentiableError, "object"), (True, NotDifferentiableError, "bool"),
    (np.array(["a"]), NotDifferentiableError, "no gradient"),
    (np.array([1.0], dtype=object), NotDifferentiableError, "object"),
    (np.array([1.0], dtype=">f8"), UnsupportedError, "byte-swapped"),
    (np.array([1.0], dtype=np.float16), UnsupportedError, "float16.*float32"),
    (np.ma.array([1.0]), UnsupportedError, "subclass"), (np.matrix([[1.0]]), UnsupportedError, "subclass"),
])  # fmt: skip
def test_arguments_that_have_no_gradient(x: Any, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        gg.grad(lambda x: np.sum(x) * 1.0)(x)


def test_complex_numbers_within() -> None:
    for f in (
        lambda x: np.abs(x + 1j),
        lambda x: np.sum(np.fft.fft(np.ones(3) * x).real),
        lambda x: abs(complex(x)),
    ):
        with pytest.raises(gg.errors.GlassgradError):
            gg.grad(f)(1.0)


def test_a_shape_mismatch_names_both_wires_and_the_line() -> None:
    def loss(weights: Any, data: Any) -> Any:
        return np.sum(weights.dot(data))

    with pytest.raises(
        ShapeError, match=r"weights \(2, 3\).*data \(2, 3\).*test_nesting\.py:\d+, in loss"
    ):
        gg.grad(loss)(W, W)


def test_stop_gradient() -> None:
    assert gg.grad(lambda x: x * gg.stop_gradient(x))(3.0) == 3.0
    assert gg.grad(lambda x: x * float(gg.stop_gradient(x)))(3.0) == 3.0
    nested = gg.grad(lambda x: sum(v * x for v in gg.stop_gradient([x, {"k": x}["k"]])))
    assert nested(3.0) == nested(3.0) == 6.0
    assert gg.stop_gradient(X) is X
    second = gg.grad(lambda x: gg.grad(lambda y: y * y * gg.stop_gradient(y))(x))
    assert second(3.0) == second(3.0) == 6.0


def test_float_is_refused_with_the_mend() -> None:
    def f(x: Any) -> Any:
        return x * float(x)

    with pytest.raises(
        NotDifferentiableError, match=r"test_nesting\.py.*x \* float\(x\).*stop_gradient"
    ):
        gg.grad(f)(2.0)
