"""A gradient's quotients by one denominator: products with its reciprocal, near the quotients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.circuit import Circuit, Gate, Wire, type_of
from glassgrad.emit.native import available, kernel, native_program
from glassgrad.gates import OPS

pytestmark = pytest.mark.skipif(not available(), reason="no LLVM here")


def quotients(a: Any, b: Any, d: Any, backward: bool = True) -> Any:
    """``a / d`` and ``b / d`` by native code; None where it hands over."""
    inputs = tuple([Wire(type_of(x)) for x in (a, b, d)])
    out = tuple([Wire(type_of(x / d)) for x in (a, b)])
    gates = tuple([
        Gate(OPS["divide"], (x, inputs[2]), (y,), backward=backward) for x, y in zip(inputs, out)
    ])  # fmt: skip
    circuit = Circuit(inputs, gates, out)
    divisions = kernel.kernel(circuit).text.count("= fdiv <")
    assert divisions <= 2 if backward else divisions > 2  # one more for the last, shorter vector
    run = native_program(circuit, [out[1].type])
    assert run is not None
    return run(a, b, d)


def spread(dtype: Any, low: float, high: float, seed: int, n: int = 4000) -> Any:
    """Numbers of either sign, even over the exponents of two from `low` to `high`."""
    rng = np.random.default_rng(seed)
    found = np.exp2(rng.uniform(low, high, n).astype(np.longdouble))
    return (found * rng.choice([-1.0, 1.0], n)).astype(dtype)


def units(found: Any, expected: Any) -> Any:
    """How many units in the last place (of the right quotient) apart."""
    wide = np.longdouble
    return np.abs(found.astype(wide) - expected) / np.spacing(
        np.abs(expected).astype(found.dtype)
    ).astype(wide)


EXPONENTS = {np.float64: (-1074, -1022, 1022, 1024), np.float32: (-149, -126, 126, 128)}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("below", ["ordinary", "huge", "small"])
@pytest.mark.parametrize("above", ["ordinary", "subnormal"])
def test_near_the_quotients_at_all_exponents(dtype: Any, below: str, above: str) -> None:
    least, small, large, most = EXPONENTS[dtype]
    d = {
        "ordinary": spread(dtype, -40, 40, 1),
        "huge": spread(dtype, large, most - 0.01, 2),
        "small": spread(dtype, small - 1.99, small + 3, 3),  # below the smallest normal number, too
    }[below]
    sizes = {"ordinary": (-20, 20), "subnormal": (least, small)}[above]
    a, b = spread(dtype, *sizes, 4), spread(dtype, *sizes, 5)
    if below == "small" and above == "ordinary":
        a, b = (x * dtype(2.0**-30) for x in (a, b))
    if below == "huge" and dtype == np.float32:
        a, b = (x * dtype(2.0**20) for x in (a, b))
    a[:3], b[3:6] = 0.0, -0.0
    found = quotients(a, b, d)
    assert found is not None
    for x, q in zip((a, b), found, strict=True):
        exact = x.astype(np.longdouble) / d.astype(np.longdouble)
        assert np.max(units(q, exact)) <= (4.0 if below == "huge" else 2.0)
        np.testing.assert_array_equal(np.signbit(q), np.signbit(x) ^ np.signbit(d))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("wrong", ["tiny", 0.0, np.inf, -np.inf, np.nan])
def test_hands_over_where_the_reciprocal_is_no_number(dtype: Any, wrong: Any) -> None:
    a, b, d = (spread(dtype, -3, 3, n, 50) for n in range(3))
    assert quotients(a, b, d) is not None
    d[17] = np.finfo(dtype).smallest_subnormal if wrong == "tiny" else wrong
    a[17] = b[17] = 0.0 if wrong == "tiny" else 1.0
    with np.errstate(all="ignore"):
        assert quotients(a, b, d) is None


def test_one_denominator_for_a_row() -> None:
    a, b = (spread(np.float64, -3, 3, n, 900).reshape(20, 45) for n in range(2))
    d = spread(np.float64, -3, 3, 2, 20).reshape(20, 1)
    found = quotients(a, b, d)
    for x, q in zip((a, b), found, strict=True):
        assert np.max(units(q, x.astype(np.longdouble) / d)) <= 2.0


def test_a_users_own_quotients_are_exact() -> None:
    """What they go into may be a step: 49 * (1 / 49) is not 1, and its floor is 0."""
    d = np.tile(np.arange(1.0, 101.0), (3, 1))
    a, b = d * np.array([[1.0], [3.0], [7.0]]), d * 5.0
    found = quotients(a, b, d, backward=False)
    np.testing.assert_array_equal(found[0], a / d)
    np.testing.assert_array_equal(found[1], b / d)

    def cells(x: Any, h: Any) -> Any:
        return np.sum(np.floor(x / h) * x + (x / h) ** 2 + 2.0 * x / h)

    g = gg.grad(cells)
    for _ in range(6):
        found = g(a, d[:1])
    with gg.backend("numpy"):
        np.testing.assert_allclose(found, g(a, d[:1]), rtol=1e-13)
