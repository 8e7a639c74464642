"""scipy.special and math's own special functions, as users call them and as they import them."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special as sp
from scipy.special import expit, log_softmax, logsumexp, softmax

import glassgrad as gg

from .support.differences import close, directional, gradient, identical, inner, leaves, like
from .support.tiers import tiers

M = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.5]])
W = np.array([[0.5, 2.0, 0.1], [1.5, 0.25, 1.0]])
P = np.abs(M) + 0.3
I = W / 3  # between 0 and 1  # noqa: E741

CASES: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = []


def add(name: str, f: Callable[..., Any], *args: Any) -> None:
    CASES.append((name, f, args))


for _name, _x in (
    ("expit", M), ("logit", I), ("log_expit", M), ("erf", M), ("erfc", M), ("erfcx", M),
    ("erfinv", I), ("erfcinv", I), ("ndtr", M), ("log_ndtr", M), ("ndtri", I), ("gammaln", P),
    ("gamma", P), ("rgamma", P), ("digamma", P), ("psi", P), ("entr", P), ("softplus", M),
):  # fmt: skip
    if hasattr(sp, _name):  # softplus is young
        add(_name, lambda x, n=_name: getattr(sp, n)(x), _x)
        add(f"{_name} of a number", lambda x, n=_name: getattr(sp, n)(x), float(_x[0, 2]))
for _name in ("xlogy", "xlog1py", "rel_entr", "kl_div", "betaln", "beta"):
    add(_name, lambda x, y, n=_name: getattr(sp, n)(x, y), P, W)
    add(f"{_name}, broadcast", lambda x, y, n=_name: getattr(sp, n)(x, y), P[:, :1], W[0])
    add(f"{_name} of numbers", lambda x, y, n=_name: getattr(sp, n)(x, y), 0.7, 1.3)
add("xlogy, doubled", lambda x: sp.xlogy(x, x), P)
for _order in range(4):
    add(f"polygamma {_order}", lambda x, n=_order: sp.polygamma(n, x), P)
add("gammaln of negatives", lambda x: sp.gammaln(x), -P - 0.1)
add("logsumexp", lambda a: logsumexp(a), M)
add("logsumexp along axis", lambda a: logsumexp(a, axis=1), M)
add("logsumexp kept", lambda a: logsumexp(a, axis=0, keepdims=True), M)
add("logsumexp along axes", lambda a: sp.logsumexp(a, (0, 1)), M)
add("logsumexp, weighted", lambda a, b: logsumexp(a, b=b), M, W)
add("logsumexp, weighted along axis", lambda a, b: logsumexp(a, axis=-1, b=b), M, W[0])
add("logsumexp, fixed weights", lambda a: logsumexp(a, axis=0, b=W, keepdims=True), M)
add("logsumexp of a list", lambda x, y: logsumexp([x, y, 1.0]), 0.5, -2.0)
add("softmax", lambda x: softmax(x), M)
add("softmax along axis", lambda x: softmax(x, axis=-1), M)
add("softmax by keyword", lambda x: sp.softmax(x=x, axis=0), M)
add("log_softmax", lambda x: log_softmax(x), M)
add("log_softmax along axis", lambda x: log_softmax(x, axis=1), M)
for _name in ("erf", "erfc", "gamma", "lgamma"):
    add(f"math.{_name}", lambda x, n=_name: getattr(math, n)(x), 1.3)

each = pytest.mark.parametrize(("name", "f", "args"), CASES, ids=[name for name, _, _ in CASES])


def weighted(f: Callable[..., Any], dy: Any) -> Callable[..., Any]:
    """A scalar that moves with every element of the result."""

    def scalar(*args: Any) -> Any:
        return sum(np.sum(r * w) for r, w in zip(leaves(f(*args)), leaves(dy), strict=True))

    return scalar


def seeded(name: str) -> np.random.Generator:
    return np.random.default_rng([*name.encode()])


@each
def test_value_is_scipys_and_gradient_is_the_slope(name: str, f: Any, args: Any) -> None:
    expected = f(*args)
    value, pullback = gg.vjp(f, *args)
    identical(value, expected, "value")
    dy = like(expected, seeded(name))
    for n, g in enumerate(pullback(dy)):
        assert type(g) is type(args[n])
        close(g, gradient(lambda *a: inner(dy, f(*a)), args, n), 1e-7, 1e-8, f"gradient {n}")


@each
def test_further_calls_agree_with_the_first(name: str, f: Any, args: Any) -> None:
    scalar = weighted(f, like(f(*args), seeded(name)))
    calls = gg.value_and_grad(scalar, argnums=tuple(range(len(args))))
    first = calls(*args)
    for _ in tiers():
        again = calls(*args)
        identical(again[0], scalar(*args))
        close(again[1], first[1], 1e-13, 1e-14)


@each
def test_second_order(name: str, f: Any, args: Any) -> None:
    rng = seeded(name)
    dy = like(f(*args), rng)
    v, w = (tuple(like(a, rng) for a in args) for _ in range(2))

    def along(*a: Any) -> Any:
        return weighted(lambda *b: gg.vjp(f, *b)[1](dy), v)(*a)

    second = gg.grad(along, argnums=tuple(range(len(args))))(*args)
    slope = directional(lambda *a: float(along(*a)), args, w)
    assert inner(second, w) == pytest.approx(slope, rel=2e-6, abs=2e-6)


@each
def test_single_precision(name: str, f: Any, args: Any) -> None:
    small = tuple(np.float32(a) if isinstance(a, float) else a.astype(np.float32) for a in args)
    if name.startswith("math."):
        pytest.skip("math works in double precision")
    value, pullback = gg.vjp(f, *small)
    identical(value, f(*small))
    exact = gg.vjp(f, *args)[1](like(f(*args), seeded(name)))
    for g, a, e in zip(pullback(like(value, seeded(name))), small, exact, strict=True):
        assert np.asarray(g).dtype == np.float32
        assert type(g) is type(a)
        close(g, e, 3e-4, 3e-4)


@each
def test_code_runs_alone(name: str, f: Any, args: Any) -> None:
    scalar = weighted(f, like(f(*args), seeded(name)))
    record = gg.backprop(scalar, *args)
    module: dict[str, Any] = {}
    exec(record.code, module)
    numbers = leaves(module["scalar_and_gradient"](*args))
    close(numbers[0], scalar(*args), 1e-12, 1e-13)
    close(numbers[1:], leaves(list(record.grads)) if len(args) > 1 else record.grads, 1e-11, 1e-12)


# -- digits and edge points ------------------------------------------------------------------------


@pytest.mark.parametrize(("f", "exact", "x"), [
    (sp.log_ndtr, lambda x: mpmath.diff(lambda t: mpmath.log(mpmath.ncdf(t)), x), -30.0),
    (sp.log_ndtr, lambda x: mpmath.npdf(x) / mpmath.ncdf(x), -1000.0),
    (sp.log_expit, lambda x: 1 / (1 + mpmath.exp(x)), 40.0),
    (sp.gammaln, mpmath.digamma, 1e-3), (sp.gammaln, mpmath.digamma, 1e5),
    (sp.digamma, lambda x: mpmath.polygamma(1, x), -2.5),
    (sp.erfc, lambda x: -2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-(mpmath.mpf(x) ** 2)), 20.0),
    (math.lgamma, mpmath.digamma, 7.25), (math.gamma, lambda x: mpmath.diff(mpmath.gamma, x), 4.5),
])  # fmt: skip
def test_gradients_have_all_their_digits(f: Any, exact: Any, x: float) -> None:
    mpmath.mp.dps = 40
    assert gg.grad(lambda t: f(t))(x) == pytest.approx(float(exact(mpmath.mpf(x))), rel=1e-13)


inf, nan = math.inf, math.nan


@pytest.mark.parametrize(("f", "x", "slope"), [
    (lambda x: sp.xlogy(x, 2.0), 0.0, math.log(2)), (lambda x: sp.xlogy(x, x), 0.0, -inf),
    (lambda x: sp.xlogy(0.0, x), 0.0, 0.0), (lambda x: sp.xlogy(0.0, x), 3.0, 0.0),
    (lambda x: sp.xlogy(x, 0.0), 0.0, -inf), (lambda x: sp.xlog1py(0.0, x), -1.0, 0.0),
    (lambda x: np.where(x > 0, sp.xlogy(1.0, x), 0.0), 0.0, 0.0),
    (lambda x: np.where(x > 0, sp.logit(x), 0.0), 0.0, 0.0),
    (sp.logit, 0.0, inf), (sp.logit, 1.0, inf), (sp.erfinv, 1.0, inf), (sp.expit, 800.0, 0.0),
    (sp.expit, -800.0, 0.0), (sp.log_expit, -800.0, 1.0), (sp.log_expit, 800.0, 0.0),
    (sp.entr, 0.0, inf), (sp.erf, inf, 0.0), (sp.log_ndtr, 50.0, 0.0),
    (sp.expit, nan, nan), (sp.gammaln, nan, nan), (sp.erf, nan, nan),
    (lambda x: sp.xlogy(0.0, x), nan, nan), (lambda x: sp.xlogy(x, nan), 0.0, nan),
])  # fmt: skip
def test_edge_points(f: Any, x: float, slope: float) -> None:
    calls = gg.grad(lambda t: f(t) * 1.0)
    with np.errstate(all="ignore"):
        for _ in tiers():
            assert calls(x) == slope or (math.isnan(slope) and math.isnan(calls(x)))


@pytest.mark.parametrize(("a", "slope"), [
    ([-inf, -inf], [0.0, 0.0]), ([-inf, 1.0], [0.0, 1.0]), ([1000.0, 1000.0], [0.5, 0.5]),
    ([nan, 1.0], [nan, nan]), ([5.0], [1.0]),
])  # fmt: skip
def test_logsumexp_at_its_edges(a: Any, slope: Any) -> None:
    calls = gg.grad(lambda x: logsumexp(x))
    with np.errstate(all="ignore"):
        for _ in tiers():
            np.testing.assert_array_equal(calls(np.array(a)), slope)


def test_a_weight_of_zero_leaves_an_infinity_out() -> None:
    slope = gg.grad(lambda a: logsumexp(a, b=np.array([0.0, 2.0])))(np.array([inf, 1.0]))
    np.testing.assert_allclose(slope, [0.0, 1.0], rtol=1e-15)


def test_mixed_second_order_of_xlogy_where_x_is_zero() -> None:
    """d/dx d/dy x log y = 1/y, at x = 0 too."""
    assert gg.grad(lambda x: gg.grad(lambda y: sp.xlogy(x, y))(4.0))(0.0) == 0.25


def test_what_is_not_supported_says_so() -> None:
    with pytest.raises(gg.errors.UnsupportedError, match="return_sign"):
        gg.grad(lambda a: logsumexp(a, return_sign=True)[0])(M)
    with pytest.raises(gg.errors.UnsupportedError, match="polygamma"):
        gg.grad(lambda a: np.sum(sp.polygamma(np.array([1, 2, 3]), a)))(P)
    with pytest.raises(gg.errors.UnsupportedError, match="no gradient"):
        gg.grad(lambda a: np.sum(sp.fresnel(a)[0]))(P)


# -- how people import -----------------------------------------------------------------------------


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_glassgrad_leaves_scipy_alone() -> None:
    assert run("import glassgrad, sys; print('scipy.special' in sys.modules)") == "False"
    assert run("import glassgrad as gg, sys; gg.grad(lambda x: x * x)(2.0);"
               "print('scipy.special' in sys.modules)") == "False"  # fmt: skip


@pytest.mark.parametrize("code", [
    "from scipy.special import logsumexp\ndef f(x): return logsumexp(x)",
    "import scipy.special\ndef f(x): return scipy.special.logsumexp(x)",
    "from scipy import special as s\ndef f(x): return s.logsumexp(x)",
    "def f(x):\n    from scipy.special import logsumexp\n    return logsumexp(x)",
    "def f(x):\n    import scipy.special\n    return scipy.special.logsumexp(x)",
    "def f(x):\n    import scipy\n    return scipy.special.logsumexp(x)",
    "def f(x):\n    from scipy import special\n    return np.log(np.sum(special.softmax(x)[0] / "
    "special.softmax(x)[0] * np.exp(x)))",
    "import scipy\ndef f(x): return scipy.special.logsumexp(x)",
    "from scipy.special import logsumexp as f",
])  # fmt: skip
def test_however_it_is_imported(code: str) -> None:
    """In a fresh process, where scipy.special may not have been met before the call."""
    text = f"import glassgrad as gg, numpy as np\n{code}\ng = gg.grad(f)\n" \
        "x = np.array([0.0, np.log(3.0)])\nprint(*np.round([*g(x), *g(x)], 12))"  # fmt: skip
    assert run(text) == "0.25 0.75 0.25 0.75"


def test_math_alone_needs_no_scipy_of_the_users() -> None:
    text = "import glassgrad as gg, math\nfrom math import lgamma\n" \
        "print(round(gg.grad(lambda x: math.erf(x))(0.0), 9), round(gg.grad(lgamma)(2.0), 9))"  # fmt: skip
    assert run(text) == "1.128379167 0.422784335"


def test_routes_are_undone() -> None:
    before = (sp.logsumexp, sp.softmax, math.erf, np.linalg.norm)
    gg.grad(lambda x: sp.logsumexp(x) + math.erf(1.0))(M)
    assert before == (sp.logsumexp, sp.softmax, math.erf, np.linalg.norm)


def test_plain_arrays_in_a_traced_function_stay_scipys() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        g = gg.grad(lambda x: x * logsumexp(M) * expit(2.0))(1.0)
    assert g == logsumexp(M) * expit(2.0)
