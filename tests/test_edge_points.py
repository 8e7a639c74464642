"""Edge points: where calculus leaves a choice, the choice is the documented one.

One row for each line of the table in the docs; every row with Python floats, NumPy scalars, 0-d
and 1-d arrays, single precision too, first and second call.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

import glassgrad as gg

from .support.tiers import tiers

inf, nan = math.inf, math.nan


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


# name, function of a number or array (element by element), point, gradient
ROWS: list[Any] = [
    ("abs(x), 0", np.abs, 0.0, 0.0),
    ("fabs(x), 0", np.fabs, 0.0, 0.0),
    ("maximum(x, 0), 0", lambda x: np.maximum(x, 0), 0.0, 0.5),
    ("maximum(0, x), 0", lambda x: np.maximum(0.0, x), 0.0, 0.5),
    ("minimum(x, 0), 0", lambda x: np.minimum(x, 0), 0.0, 0.5),
    ("fmax(x, 0), 0", lambda x: np.fmax(x, 0), 0.0, 0.5),
    ("maximum(x, x)", lambda x: np.maximum(x, x), 1.5, 1.0),
    ("maximum(x, inf), inf", lambda x: np.maximum(x, inf), inf, 0.5),
    ("sqrt(x), 0", np.sqrt, 0.0, inf),
    ("x**0.5, 0", lambda x: x**0.5, 0.0, inf),
    ("cbrt(x), 0", np.cbrt, 0.0, inf),
    ("where(x > 0, sqrt(x), 0), 0", lambda x: np.where(x > 0, np.sqrt(x), 0), 0.0, 0.0),
    ("where(x > 0, sqrt(x), 0), -1", lambda x: np.where(x > 0, np.sqrt(x), 0), -1.0, 0.0),
    ("where(x > 0, 1 / x, 0), 0", lambda x: np.where(x > 0, np.divide(1, x), 0), 0.0, 0.0),
    ("where(x > 0, log(x), 0), 0", lambda x: np.where(x > 0, np.log(x), 0), 0.0, 0.0),
    ("where(x < 100, exp(x), x), 800", lambda x: np.where(x < 100, np.exp(x), x), 800.0, 1.0),
    ("(x > 0) * sqrt(x), 0", lambda x: (x > 0) * np.sqrt(x), 0.0, 0.0),
    ("maximum(sqrt(x), 2), 0", lambda x: np.maximum(np.sqrt(x), 2), 0.0, 0.0),
    ("clip(sqrt(x), 1, 2), 0", lambda x: np.clip(np.sqrt(x), 1, 2), 0.0, 0.0),
    ("x**0, 0", lambda x: x**0, 0.0, 0.0),
    ("x**0., 0", lambda x: np.power(x, 0.0), 0.0, 0.0),
    ("x**1, 0", lambda x: x**1, 0.0, 1.0),
    ("x**2, 0", lambda x: x**2, 0.0, 0.0),
    ("x**3, -2", lambda x: x**3, -2.0, 12.0),
    ("0**y, 0", lambda y: 0.0**y, 0.0, 0.0),
    ("0**y, 1.5", lambda y: 0.0**y, 1.5, 0.0),
    ("power(0, y), 1.5", lambda y: np.power(0.0, y), 1.5, 0.0),
    ("(-2)**y, 3", lambda y: (-2.0) ** y, 3.0, nan),
    ("log(x), 0", np.log, 0.0, inf),
    ("x * log(x), 0", lambda x: x * np.log(x), 0.0, nan),
    ("xlogy(x, x), 0", lambda x: special.xlogy(x, x), 0.0, -inf),
    ("arctan2(x, 0), 0", lambda x: np.arctan2(x, 0.0 * x), 0.0, 0.0),
    ("hypot(x, 0), 0", lambda x: np.hypot(x, 0), 0.0, 0.0),
    ("clip(x, 0, 1), 0", lambda x: np.clip(x, 0, 1), 0.0, 1.0),
    ("clip(x, 0, 1), 1", lambda x: np.clip(x, 0, 1), 1.0, 1.0),
    ("clip(x, 0, 1), 1.5", lambda x: np.clip(x, 0, 1), 1.5, 0.0),
    ("sinc(x), 0", np.sinc, 0.0, 0.0),
    ("logaddexp(x, x), -inf", lambda x: np.logaddexp(x, x), -inf, 0.0),
    ("logaddexp(x, 0), -inf", lambda x: np.logaddexp(x, 0.0), -inf, 0.0),
    ("sign(x), 0", np.sign, 0.0, 0.0),
    ("floor(x), 1", np.floor, 1.0, 0.0),
    ("ceil(x), 1", np.ceil, 1.0, 0.0),
    ("round(x), 0.5", np.round, 0.5, 0.0),
    ("rint(x), 0.5", np.rint, 0.5, 0.0),
    ("trunc(x), 1", np.trunc, 1.0, 0.0),
    ("heaviside(x, 0.5), 0", lambda x: np.heaviside(x, 0.5), 0.0, 0.0),
    ("x % 0.7, 1.5", lambda x: x % 0.7, 1.5, 1.0),
    ("1.5 % y, 0.7", lambda y: 1.5 % y, 0.7, -2.0),
    ("-1.5 % y, 0.7", lambda y: -1.5 % y, 0.7, 3.0),
    ("arcsin(x), 1", np.arcsin, 1.0, inf),
    ("arccos(x), 1", np.arccos, 1.0, -inf),
    ("1 / (1 + exp(-x)), -800", lambda x: 1 / (1 + np.exp(-x)), -800.0, 0.0),
    ("log(1 + exp(x)), 800", lambda x: np.log(1 + np.exp(x)), 800.0, 1.0),
    ("log1p(exp(x)), 800", lambda x: np.log1p(np.exp(x)), 800.0, 1.0),
    ("log(1 + exp(-x)), -800", lambda x: np.log(1 + np.exp(-x)), -800.0, -1.0),
    ("abs(x), nan", np.abs, nan, nan),
    ("maximum(x, 0), nan", lambda x: np.maximum(x, 0), nan, nan),
    ("sin(x), nan", np.sin, nan, nan),
    ("x * x, nan", lambda x: x * x, nan, nan),
    ("clip(x, 0, 1), nan", lambda x: np.clip(x, 0, 1), nan, nan),
]  # fmt: skip

KINDS: dict[str, Callable[[float], Any]] = {
    "float": float,
    "float64": np.float64,
    "0-d": lambda x: np.asarray(x),
    "1-d": lambda x: np.array([x, x, x]),
    "2-d": lambda x: np.full((2, 2), x),
    "float32": np.float32,
    "1-d float32": lambda x: np.array([x, x], np.float32),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name, function, at, expected", ROWS)
def test_element_by_element(
    name: str, function: Callable[..., Any], at: float, expected: float, kind: str
) -> None:
    x = KINDS[kind](at)
    gradient = gg.grad(lambda x: np.sum(function(x)))
    with np.errstate(all="ignore"):
        value = np.sum(function(x))
    for _ in tiers():
        found = gradient(x)
        assert type(found) is type(x)
        assert np.asarray(found).dtype == np.asarray(x).dtype
        np.testing.assert_allclose(found, np.full(np.shape(x), expected), rtol=1e-6)
    both = gg.value_and_grad(lambda x: np.sum(function(x)))(x)
    assert type(both[0]) is type(value)
    np.testing.assert_array_equal(both[0], value)


@pytest.mark.parametrize("name, function, at, expected", ROWS)
def test_one_edge_point_does_not_spoil_its_neighbours(
    name: str, function: Callable[..., Any], at: float, expected: float
) -> None:
    """An ordinary element beside the edge point has its ordinary gradient."""
    ordinary = 0.55
    gradient = gg.grad(lambda x: np.sum(function(x)))
    alone = gradient(np.array([ordinary]))
    for _ in tiers():
        found = gradient(np.array([ordinary, at, ordinary]))
        np.testing.assert_allclose(found, [alone[0], expected, alone[0]], rtol=1e-12)


# name, function of several arguments, arguments, gradients
SEVERAL: list[Any] = [
    ("maximum tie", np.maximum, (2.0, 2.0), (0.5, 0.5)),
    ("minimum tie", np.minimum, (2.0, 2.0), (0.5, 0.5)),
    ("maximum tie at infinity", np.maximum, (inf, inf), (0.5, 0.5)),
    ("arctan2(0, 0)", np.arctan2, (0.0, 0.0), (0.0, 0.0)),
    ("hypot(0, 0)", np.hypot, (0.0, 0.0), (0.0, 0.0)),
    ("logaddexp(-inf, -inf)", np.logaddexp, (-inf, -inf), (0.0, 0.0)),
    ("x % y", np.remainder, (-5.3, 2.0), (1.0, 3.0)),
    ("fmod(x, y)", np.fmod, (-5.3, 2.0), (1.0, 2.0)),
    ("(-2)**y, both", np.power, (-2.0, 3.0), (12.0, nan)),
    ("0**y, both", np.power, (0.0, 2.0), (0.0, 0.0)),
    ("clip to a bound", np.clip, (2.0, 0.0, 1.0), (0.0, 0.0, 1.0)),
    ("clip at a bound", np.clip, (1.0, 0.0, 1.0), (1.0, 0.0, 0.0)),
    ("multiply by infinity", np.multiply, (0.0, inf), (inf, 0.0)),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name, function, args, expected", SEVERAL)
def test_several_arguments(
    name: str, function: Callable[..., Any], args: tuple[float, ...], expected: Any, kind: str
) -> None:
    gradient = gg.grad(lambda *xs: np.sum(function(*xs)), tuple(range(len(args))))
    given = [KINDS[kind](a) for a in args]
    for _ in tiers():
        for g, e in zip(gradient(*given), expected, strict=True):
            np.testing.assert_allclose(g, np.full(np.shape(g), e), rtol=1e-5)


A = np.array
WHOLE: list[Any] = [
    ("max over equal elements", np.max, A([2.0, 1, 2]), A([0.5, 0, 0.5])),
    ("min over equal elements", np.min, A([1.0, 1, 1, 2]), A([1, 1, 1, 0]) / 3),
    ("max along an axis", lambda x: np.sum(np.max(x, axis=1)), A([[2.0, 2], [1, 3]]),
     A([[0.5, 0.5], [0, 1]])),
    ("max with initial", lambda x: np.max(x, initial=9.0), A([1.0, 3.0]), A([0.0, 0.0])),
    ("sort ties, stable", lambda x: np.sum(np.sort(x) * A([1.0, 2, 3])), A([1.0, 1, 0]),
            A([2.0, 3, 1])),
    ("norm of a zero vector", np.linalg.norm, A([0.0, 0.0]), A([0.0, 0.0])),
    ("std of equal numbers", np.std, A([1.5, 1.5, 1.5]), A([0.0, 0, 0])),
    ("std of one number", np.std, A([1.5]), A([0.0])),
    ("prod with one zero", np.prod, A([0.0, 3, 2]), A([6.0, 0, 0])),
    ("prod with two zeros", np.prod, A([0.0, 0, 2]), A([0.0, 0, 0])),
    ("prod along an axis", lambda x: np.sum(np.prod(x, axis=0)), A([[0.0, 2], [3, 0]]),
     A([[3.0, 0], [0, 2]])),
    ("cumprod with a zero", lambda x: np.sum(np.cumprod(x)), A([0.0, 2, 3]), A([9.0, 0, 0])),
    ("logsumexp of -inf only", special.logsumexp, A([-inf, -inf]), A([0.0, 0.0])),
    ("det of a singular matrix", np.linalg.det, A([[1.0, 2], [2, 4]]), A([[4.0, -2], [-2, 1]])),
    ("eigenvalues, equal", lambda x: np.sum(np.linalg.eigh(x)[0]), np.eye(2), np.eye(2)),
    ("empty sum", np.sum, A([]), A([])),
    ("empty prod", np.prod, A([]), A([])),
    ("empty max", lambda x: np.max(x, initial=2.0), A([]), A([])),
    ("empty sum of squares", lambda x: np.sum(x * x), np.zeros((0, 3)), np.zeros((0, 3))),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name, function, x, expected", WHOLE)
def test_whole_arrays(
    name: str, function: Callable[..., Any], x: np.ndarray, expected: np.ndarray, dtype: Any
) -> None:
    gradient = gg.value_and_grad(function)
    x = x.astype(dtype)
    for _ in tiers():
        value, found = gradient(x)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
        assert found.dtype == dtype and found.shape == x.shape
        assert value == function(x)


PYTHON: list[Any] = [
    ("math.sqrt, 0", math.sqrt, 0.0, inf),
    ("x**0.5, 0", lambda x: x**0.5, 0.0, inf),
    ("math.fabs, 0", math.fabs, 0.0, 0.0),
    ("abs, 0", abs, 0.0, 0.0),
    ("sqrt behind an if, 0", lambda x: math.sqrt(x) if x > 0 else 0.0, 0.0, 0.0),
    ("max(x, 0), 0: Python's choice", lambda x: max(x, 0.0), 0.0, 1.0),
    ("max(0, x), 0: Python's choice", lambda x: max(0.0, x), 0.0, 0.0),
    ("math.pow(x, 0), 0", lambda x: math.pow(x, 0.0), 0.0, 0.0),
    ("math.pow(0, y), 1.5", lambda y: math.pow(0.0, y), 1.5, 0.0),
    ("math.pow(-2, y), 3", lambda y: math.pow(-2.0, y), 3.0, nan),
    ("math.hypot(x, 0), 0", lambda x: math.hypot(x, 0.0), 0.0, 0.0),
    ("math.atan2(x, 0), 0", lambda x: math.atan2(x, 0.0), 0.0, 0.0),
    ("math.asin, 1", math.asin, 1.0, inf),
    ("math.fmod, -5.3", lambda x: math.fmod(x, 2.0), -5.3, 1.0),
    ("sigmoid, -700", lambda x: 1 / (1 + math.exp(-x)), -700.0, math.exp(-700.0)),
    ("math.floor", lambda x: math.floor(x) * 1.0, 1.0, 0.0),
    ("x * floor(x)", lambda x: x * math.floor(x), 2.0, 2.0),
    ("int as x", lambda x: x * x, 3, 6.0),
    ("math.copysign", lambda x: math.copysign(x, -1.0), 2.0, -1.0),
    ("math.log of inf", math.log, inf, 0.0),
]


@pytest.mark.parametrize("name, function, x, expected", PYTHON)
def test_python_numbers(name: str, function: Callable[..., Any], x: float, expected: float) -> None:
    gradient = gg.value_and_grad(function)
    for _ in tiers():
        value, found = gradient(x)
        assert type(found) is float
        assert found == pytest.approx(expected, rel=1e-12, nan_ok=True)
        assert type(value) is float and value == function(x)


@pytest.mark.parametrize("function, x, error", [
    (lambda x: 1 / x, 0.0, ZeroDivisionError), (lambda x: math.log(x), 0.0, ValueError),
    (lambda x: 1 / (1 + math.exp(-x)), -800.0, OverflowError), (lambda x: x**-1, 0.0, ZeroDivisionError),
])  # fmt: skip
def test_what_python_refuses_stays_refused(function: Any, x: float, error: type) -> None:
    gradient = gg.grad(function)
    for _ in range(2):
        with pytest.raises(error):
            gradient(x)
    gradient(1.0)
    for _ in tiers():  # on a known path too
        gradient(1.0)
        with pytest.raises(error):
            gradient(x)


@pytest.mark.parametrize("x, expected", [
    (3, 6.0), (np.int64(3), np.float64(6.0)), (np.asarray(3), np.asarray(6.0)), (np.uint8(3), np.float64(6.0)),
])  # fmt: skip
def test_whole_numbers_count_as_floats(x: Any, expected: Any) -> None:
    gradient = gg.grad(lambda x: x * x)
    for _ in tiers():
        found = gradient(x)
        assert type(found) is type(expected)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("x", [np.array([1, 2]), np.array([True, False])])
def test_arrays_of_whole_numbers_are_refused(x: np.ndarray) -> None:
    with pytest.raises(gg.errors.NotDifferentiableError, match=r"x\.astype\(float\)"):
        gg.grad(lambda x: np.sum(x * 1.0))(x)


def test_a_branch_that_overflows_poisons_no_parameter() -> None:
    """Strong zero through a product: w meets an infinity in the branch that is not taken."""

    def f(x: Any, w: Any) -> Any:
        return np.sum(np.where(x < 100, x * w, np.exp(x) * w))

    x, w = np.array([800.0, 1.0]), 2.0
    for _ in tiers():
        dx, dw = gg.grad(f, (0, 1))(x * np.array([0.1, 1]), w)
        np.testing.assert_allclose(dx, [2.0, 2.0])
        assert dw == pytest.approx(81.0)


def test_second_order_at_edge_points() -> None:
    second = gg.grad(lambda x: gg.grad(lambda x: np.where(x > 0, np.sqrt(x), 0.0) + x * x)(x))
    assert second(0.0) == 2.0
    assert second(0.0) == 2.0
    assert gg.grad(gg.grad(lambda x: x**2))(0.0) == 2.0
    assert gg.grad(gg.grad(gg.grad(lambda x: x**2)))(0.0) == 0.0


def test_eigenvectors_of_equal_eigenvalues() -> None:
    """The projection on the space of two equal eigenvalues does not depend on their vectors."""

    def f(x: Any) -> Any:
        v = np.linalg.eigh(x)[1]
        return np.sum((v[:, :2] @ v[:, :2].T) * np.arange(9.0).reshape(3, 3))

    rotation, _ = np.linalg.qr(np.array([[1.0, 2, 0.5], [0.3, 1, 2], [1, 0.2, 1]]))
    x = rotation @ np.diag([2.0, 2.0, 5.0]) @ rotation.T
    direction = np.array([[0.3, -0.2, 0.5], [-0.2, 0.1, 0.4], [0.5, 0.4, -0.6]])
    with pytest.warns(gg.errors.GlassgradWarning, match="not unique"):
        found = gg.grad(f)(x)
    slope = (f(x + 1e-5 * direction) - f(x - 1e-5 * direction)) / 2e-5
    assert np.sum(found * direction) == pytest.approx(slope, rel=1e-6)


@pytest.mark.xfail(strict=True, reason="what passes between equal eigenvalues is taken as zero")
def test_a_matrix_function_at_equal_eigenvalues() -> None:
    """x @ x by way of eigh does not depend on the choice of vectors either."""

    def f(x: Any) -> Any:
        w, v = np.linalg.eigh(x)
        return np.sum((v * w**2) @ v.T * np.array([[1.0, 2], [2, 3]]))

    with pytest.warns(gg.errors.GlassgradWarning):
        found = gg.grad(f)(np.eye(2) * 2.0)
    np.testing.assert_allclose((found + found.T) / 2, [[4.0, 8], [8, 12]], rtol=1e-12)


@pytest.mark.parametrize(
    "power, slope", [(2, 0.0), (3, 0.0), (1.5, 0.0), (1, 1.0), (0.5, math.inf)]
)
def test_the_microscope_at_zero_whatever_python_raises_there(power: float, slope: float) -> None:
    """Local gradients that nobody asked for (of the exponent) may divide by zero."""
    t = gg.backprop(lambda x, n: x**n, 0.0, power, argnums=0)
    assert t.grads["x"] == slope
    assert gg.backprop(lambda x: x**power, 0.0).grads["x"] == slope
