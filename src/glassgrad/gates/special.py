"""Special functions of scipy.special: the logistic family, error functions, gamma functions.

Declared when SciPy's module is first met (`load`), since importing it takes longer than importing
glassgrad. Formulas: NIST Digital Library of Mathematical Functions (dlmf.nist.gov), chapters 5, 7.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.special as sp

from glassgrad.gates.declare import case, elementwise, general

_ANY = [(-2.0,), (0.3,), (1.7,)]
_POSITIVE = [(0.2,), (1.4,), (3.5,)]
_INSIDE = [(0.1,), (0.6,)]


@elementwise(sp.expit, says="passes at most a quarter of the gradient, almost nothing at the ends",
             examples=_ANY)  # fmt: skip
def expit(x: Any, y: Any) -> Any:
    return ((1 - y) * y,)


@elementwise(sp.logit, says="infinite at the ends of its range", singular=True, examples=_INSIDE)
def logit(x: Any, y: Any) -> Any:
    return (1 / (x * (1 - x)),)


@elementwise(sp.log_expit, says="passes the gradient where its input is negative", examples=_ANY)
def log_expit(x: Any, y: Any) -> Any:
    return (sp.expit(-x),)


@elementwise(sp.erf, says="a bell: passes the gradient near zero", examples=_ANY, math=math.erf)
def erf(x: Any, y: Any) -> Any:
    return ((2 / math.sqrt(math.pi)) * np.exp(-x * x),)


@elementwise(sp.erfc, says="a bell upside down: passes the gradient near zero", examples=_ANY,
             math=math.erfc)  # fmt: skip
def erfc(x: Any, y: Any) -> Any:
    return ((-2 / math.sqrt(math.pi)) * np.exp(-x * x),)


@elementwise(sp.erfinv, says="infinite at the ends of its range", singular=True,
             examples=[(-0.4,), (0.7,)])  # fmt: skip
def erfinv(x: Any, y: Any) -> Any:
    return ((math.sqrt(math.pi) / 2) * np.exp(y * y),)


@elementwise(sp.ndtr, says="a bell: passes the gradient near zero", examples=_ANY)
def ndtr(x: Any, y: Any) -> Any:
    return (np.exp(-0.5 * (x * x)) / math.sqrt(2 * math.pi),)


@elementwise(sp.gammaln, says="scales by digamma", singular=True, examples=_POSITIVE,
             math=math.lgamma)  # fmt: skip
def gammaln(x: Any, y: Any) -> Any:
    return (sp.digamma(x),)


@elementwise(sp.gamma, says="scales by its output and digamma", singular=True, examples=_POSITIVE,
             math=math.gamma)  # fmt: skip
def gamma(x: Any, y: Any) -> Any:
    return (y * sp.digamma(x),)


@elementwise(sp.digamma, says="scales by trigamma", singular=True, examples=_POSITIVE)
def digamma(x: Any, y: Any) -> Any:
    return (sp.zeta(2.0, x),)


@elementwise(sp._ufuncs._zeta, says="scales by the next zeta", singular=True, examples=[(2.0, 1.3), (3.0, 0.7)])
def zeta(s: Any, q: Any, y: Any) -> Any:
    return None, -s * sp.zeta(s + 1.0, q)


@elementwise(sp.xlogy, says="scales by the logarithm, and by the ratio", singular=True,
             examples=[(1.2, 0.5), (0.3, 2.0)])  # fmt: skip
def xlogy(x: Any, y: Any, z: Any) -> Any:
    return np.log(y), np.where(x == 0, 0.0, x / y)


@elementwise(sp.xlog1py, says="scales by the logarithm, and by the ratio", singular=True,
             examples=[(1.2, 0.5), (0.3, 2.0)])  # fmt: skip
def xlog1py(x: Any, y: Any, z: Any) -> Any:
    return np.log1p(y), np.where(x == 0, 0.0, x / (1 + y))


@elementwise(sp.entr, says="pulls towards 1/e", singular=True, examples=_POSITIVE)
def entr(x: Any, y: Any) -> Any:
    return (-np.log(x) - 1,)


_M = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.5]])


def _kept(x: Any, y: Any, axis: Any, keepdims: bool) -> Any:
    from glassgrad.gates.reduction import kept

    return kept(x, y, axis, keepdims)


@general(sp.logsumexp, says="shares the gradient out by the weight of each exponential",
         examples=[case(_M), case(_M, axis=1), case(_M, axis=0, keepdims=True)],
         bind=lambda args, kwargs: _logsumexp_bind(*args, **kwargs))  # fmt: skip
def logsumexp(a: Any, y: Any, dy: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    # Where all are -inf there is nothing to share out: zero, not NaN.
    safe = np.where(y == -np.inf, 0.0, y)
    return (np.exp(a - _kept(a, safe, axis, keepdims)) * _kept(a, dy, axis, keepdims),)


def _logsumexp_bind(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False,
                    return_sign: bool = False) -> Any:  # fmt: skip
    from glassgrad.errors import UnsupportedError

    if b is not None or return_sign:
        raise UnsupportedError("scipy.special.logsumexp with b= or return_sign= is not supported: "
                               "add np.log(b) to a")  # fmt: skip
    static = {} if axis is None else {"axis": axis}
    return (a,), static | ({"keepdims": True} if keepdims else {})


@general(sp.softmax, says="hands on what is above the average gradient",
         bind=lambda args, kwargs: _axis_bind(*args, **kwargs),
         examples=[case(_M), case(_M, axis=1)])  # fmt: skip
def softmax(x: Any, y: Any, dy: Any, *, axis: Any = None) -> Any:
    return (y * (dy - np.sum(y * dy, axis=axis, keepdims=True)),)


@general(sp.log_softmax, says="hands on the gradient less its share",
         bind=lambda args, kwargs: _axis_bind(*args, **kwargs),
         examples=[case(_M), case(_M, axis=1)])  # fmt: skip
def log_softmax(x: Any, y: Any, dy: Any, *, axis: Any = None) -> Any:
    return (dy - np.exp(y) * np.sum(dy, axis=axis, keepdims=True),)


def _axis_bind(x: Any, axis: Any = None) -> Any:
    return (x,), {} if axis is None else {"axis": axis}
