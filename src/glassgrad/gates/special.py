"""Special functions of scipy.special: logistic and error functions, gamma functions, entropies.

Declared when SciPy's module is first met, since importing it takes longer than importing
glassgrad. Formulas: NIST Digital Library of Mathematical Functions (dlmf.nist.gov), chapters 5, 7.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.special as sp

from glassgrad.errors import UnsupportedError
from glassgrad.gates.declare import alias, careful, case, elementwise, general
from glassgrad.gates.reduction import kept

_ANY = [(-2.0,), (0.3,), (1.7,)]
_POSITIVE = [(0.2,), (1.4,), (3.5,)]
_INSIDE = [(0.1,), (0.6,)]
_PAIRS = [(1.2, 0.5), (0.3, 2.0)]
_ROOT_PI = math.sqrt(math.pi)

# -- logistic and normal distributions -------------------------------------------------------------


@elementwise(sp.expit, says="passes at most a quarter of the gradient, almost nothing at the ends",
             examples=_ANY)  # fmt: skip
def expit(x: Any, y: Any) -> Any:
    return ((1 - y) * y,)


@elementwise(sp.logit, says="infinite at the ends of its range", singular=True, examples=_INSIDE)
def logit(x: Any, y: Any) -> Any:
    return (1 / (x * (1 - x)),)


@elementwise(sp.log_expit, says="passes the gradient where its input is negative", examples=_ANY)
def log_expit(x: Any, y: Any) -> Any:
    return (expit(-x),)


@elementwise(sp.erf, says="a bell: passes the gradient near zero", examples=_ANY, math=math.erf)
def erf(x: Any, y: Any) -> Any:
    return (2 / _ROOT_PI * np.exp(-x * x),)


@elementwise(sp.erfc, says="a bell upside down: passes the gradient near zero", examples=_ANY,
             math=math.erfc)  # fmt: skip
def erfc(x: Any, y: Any) -> Any:
    return (-2 / _ROOT_PI * np.exp(-x * x),)


@elementwise(sp.erfcx, says="falls like one over its input", examples=_ANY)
def erfcx(x: Any, y: Any) -> Any:
    return (2 * x * y - 2 / _ROOT_PI,)


@elementwise(sp.erfinv, says="infinite at the ends of its range", singular=True,
             examples=[(-0.4,), (0.7,)])  # fmt: skip
def erfinv(x: Any, y: Any) -> Any:
    return (_ROOT_PI / 2 * np.exp(y * y),)


@elementwise(sp.erfcinv, says="infinite at the ends of its range", singular=True,
             examples=[(0.4,), (1.7,)])  # fmt: skip
def erfcinv(x: Any, y: Any) -> Any:
    return (-_ROOT_PI / 2 * np.exp(y * y),)


@elementwise(sp.ndtr, says="a bell: passes the gradient near zero", examples=_ANY)
def ndtr(x: Any, y: Any) -> Any:
    return (np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi),)


@elementwise(sp.log_ndtr, says="passes more the further left its input is", examples=_ANY)
def log_ndtr(x: Any, y: Any) -> Any:
    # exp(-x*x/2) / ndtr(x), without the quotient of two vanishing numbers far on the left.
    return (math.sqrt(2 / math.pi) / erfcx(x * -math.sqrt(0.5)),)


@elementwise(sp.ndtri, says="infinite at the ends of its range", singular=True, examples=_INSIDE)
def ndtri(x: Any, y: Any) -> Any:
    return (math.sqrt(2 * math.pi) * np.exp(0.5 * y * y),)


# -- gamma functions -------------------------------------------------------------------------------


@elementwise(sp.gammaln, says="scales by digamma", singular=True, examples=_POSITIVE,
             math=math.lgamma)  # fmt: skip
def gammaln(x: Any, y: Any) -> Any:
    return (digamma(x),)


@elementwise(sp.gamma, says="scales by its output and digamma", singular=True, examples=_POSITIVE,
             math=math.gamma)  # fmt: skip
def gamma(x: Any, y: Any) -> Any:
    return (y * digamma(x),)


@elementwise(sp.rgamma, says="scales by minus its output and digamma", singular=True,
             examples=_POSITIVE)  # fmt: skip
def rgamma(x: Any, y: Any) -> Any:
    return (-y * digamma(x),)


@elementwise(sp.digamma, says="scales by trigamma", singular=True, examples=_POSITIVE)
def digamma(x: Any, y: Any) -> Any:
    return (polygamma(x, n=1),)


alias(digamma, sp.psi)


@general(lambda x, *, n: sp.polygamma(n, x), says="scales by the next polygamma", singular=True,
         key=sp.polygamma, elementwise=True, bind=lambda args, kwargs: _ordered(*args, **kwargs),
         examples=[case(0.2, n=1), case(1.4, n=0), case(3.5, n=2)])  # fmt: skip
def polygamma(x: Any, y: Any, dy: Any, *, n: int) -> Any:
    return (polygamma(x, n=n + 1) * dy,)


def _ordered(n: Any, x: Any) -> Any:
    if not isinstance(n, (int, np.integer)):
        raise UnsupportedError("scipy.special.polygamma is supported for one whole order n")
    return (x,), {"n": int(n)}


@elementwise(sp.betaln, says="scales by differences of digamma", singular=True, examples=_PAIRS)
def betaln(a: Any, b: Any, y: Any) -> Any:
    both = digamma(a + b)
    return digamma(a) - both, digamma(b) - both


@elementwise(sp.beta, says="scales by its output and differences of digamma", singular=True,
             examples=_PAIRS)  # fmt: skip
def beta(a: Any, b: Any, y: Any) -> Any:
    both = digamma(a + b)
    return y * (digamma(a) - both), y * (digamma(b) - both)


# -- entropies -------------------------------------------------------------------------------------


@elementwise(sp.xlogy, says="scales by the logarithm, and by the ratio", singular=True,
             examples=_PAIRS)  # fmt: skip
def xlogy(x: Any, y: Any, z: Any) -> Any:
    return np.log(y), _ratio(x, y)


@elementwise(sp.xlog1py, says="scales by the logarithm, and by the ratio", singular=True,
             examples=_PAIRS)  # fmt: skip
def xlog1py(x: Any, y: Any, z: Any) -> Any:
    return np.log1p(y), _ratio(x, 1 + y)


def _ratio(x: Any, y: Any) -> Any:
    """The ratio, where 0 / 0 is 0: of x log y with x = 0 nothing is left, whatever y is."""
    neither = (x == 0) & (y == 0)
    return np.where(neither, 0.0, x / np.where(neither, 1.0, y))


@elementwise(sp.entr, says="pulls towards 1 / e", singular=True, examples=_POSITIVE)
def entr(x: Any, y: Any) -> Any:
    return (-np.log(x) - 1,)


@elementwise(sp.rel_entr, says="scales by the logarithm of the ratio, and by the ratio",
             singular=True, examples=_PAIRS)  # fmt: skip
def rel_entr(x: Any, y: Any, z: Any) -> Any:
    return np.log(_ratio(x, y)) + 1, -_ratio(x, y)


@elementwise(sp.kl_div, says="pulls its inputs towards each other", singular=True, examples=_PAIRS)
def kl_div(x: Any, y: Any, z: Any) -> Any:
    return np.log(_ratio(x, y)), 1 - _ratio(x, y)


# -- along axes ------------------------------------------------------------------------------------

_M = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.5]])
_W = np.array([[0.5, 2.0, 0.0], [1.5, -0.25, 1.0]])


def _axis(axis: Any, keepdims: bool = False) -> dict[str, Any]:
    static: dict[str, Any] = {}
    if axis is not None:
        static["axis"] = tuple(axis) if isinstance(axis, list) else axis
    return static | ({"keepdims": True} if keepdims else {})


def _logsumexp_bind(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False,
                    return_sign: bool = False) -> Any:  # fmt: skip
    if return_sign:
        raise UnsupportedError("scipy.special.logsumexp with return_sign=True is not supported")
    weights = () if b is None else (b,)
    return (a, *weights), _axis(axis, keepdims) | ({"named": ("b",)} if weights else {})


def _logsumexp(a: Any, *weights: Any, named: Any = (), **static: Any) -> Any:
    return sp.logsumexp(a, b=weights[0] if weights else None, **static)


@general(_logsumexp, key=sp.logsumexp,
         says="shares the gradient out by the weight of each exponential",
         bind=lambda args, kwargs: _logsumexp_bind(*args, **kwargs),
         examples=[case(_M), case(_M, axis=1), case(_M, axis=0, keepdims=True),
                   case(_M, axis=(0, 1)), case(_M, np.abs(_W), named=("b",)),
                   case(_M, np.abs(_W[:1]) + 1, named=("b",), axis=1)])  # fmt: skip
def logsumexp(*values: Any, axis: Any = None, keepdims: bool = False, named: Any = ()) -> Any:
    a, *weights, y, dy = values
    if not np.size(a):
        return (None,) * (1 + len(weights))
    if not weights:
        shares = softmax(a, **_axis(axis))
        if careful(a, dy):  # where all are -inf there is nothing to share out: zero, not NaN
            shares = np.where(kept(a, y, axis, keepdims) == -np.inf, 0.0, shares)
        return (shares * kept(a, dy, axis, keepdims),)
    (b,) = weights
    whole = a if np.ndim(a) >= np.ndim(b) else b
    total = kept(whole, np.where(y == -np.inf, 0.0, y), axis, keepdims)
    shares = np.exp(a - total) * kept(whole, dy, axis, keepdims)
    nothing = (b == 0) & (a == np.inf)  # a weight of zero leaves even that out
    return np.where(nothing, 0.0, b * shares), shares


@general(sp.softmax, says="hands on what is above the average gradient",
         bind=lambda args, kwargs: _only_axis(*args, **kwargs),
         examples=[case(_M), case(_M, axis=1)])  # fmt: skip
def softmax(x: Any, y: Any, dy: Any, *, axis: Any = None) -> Any:
    return (y * (dy - np.sum(y * dy, axis=axis, keepdims=True)),)


@general(sp.log_softmax, says="hands on the gradient less its share",
         bind=lambda args, kwargs: _only_axis(*args, **kwargs),
         examples=[case(_M), case(_M, axis=1)])  # fmt: skip
def log_softmax(x: Any, y: Any, dy: Any, *, axis: Any = None) -> Any:
    return (dy - np.exp(y) * np.sum(dy, axis=axis, keepdims=True),)


def _only_axis(x: Any, axis: Any = None) -> Any:
    return (x,), _axis(axis)
