"""Error and gamma functions as JavaScript, in double precision, as helper functions.

Formulas are those of the NIST Digital Library of Mathematical Functions (DLMF, dlmf.nist.gov), chapters 5,
7 and 25; the polynomials of the error function are native code's (`emit/native/elementary`).
"""

from __future__ import annotations

from collections.abc import Iterable

from glassgrad.emit.native.elementary.error_function import ERF, ERFC, SHIFT

__all__ = ["SPECIAL"]


def _list(values: Iterable[float]) -> str:
    return "[" + ", ".join(map(repr, values)) + "]"


# zeta(k) - 1 for k = 2, 3, ...
_ZETA_LESS_ONE = (
    0.6449340668482264, 0.2020569031595943, 0.08232323371113819, 0.03692775514336993,
    0.01734306198444914, 0.008349277381922827, 0.00407735619794434, 0.0020083928260822143,
    0.0009945751278180853, 0.0004941886041194645, 0.0002460865533080483, 0.00012271334757848915,
    6.124813505870483e-05, 3.058823630702049e-05, 1.528225940865187e-05, 7.637197637899763e-06,
    3.81729326499984e-06, 1.908212716553939e-06, 9.539620338727962e-07, 4.769329867878064e-07,
    2.38450502727733e-07, 1.1921992596531106e-07, 5.960818905125948e-08, 2.980350351465228e-08,
    1.4901554828365043e-08, 7.45071178983543e-09, 3.725334024788457e-09, 1.862659723513049e-09,
)  # fmt: skip
_ONE_LESS_EULER = 0.42278433509846713
# DLMF 5.7.3: log gamma(2 + z) = z * polynomial(z), |z| <= 1/2 here; its slope is digamma(2 + z).
_GAMMALN_AT_TWO = (
    _ONE_LESS_EULER,
    *[(-1) ** k * zeta / k for k, zeta in enumerate(_ZETA_LESS_ONE, 2)],
)
_DIGAMMA_AT_TWO = (
    _ONE_LESS_EULER,
    *[(-1) ** k * zeta for k, zeta in enumerate(_ZETA_LESS_ONE, 2)],
)
# Taylor's series of digamma at its root (DLMF 5.4.20), which is no double: its rest stands beside.
_ROOT, _ROOT_REST = 1.4616321449683622, 9.549995429965697e-17
_DIGAMMA_AT_ROOT = (
    0.9676722454476212, -0.4427631689835921, 0.258499760955651, -0.16394270544240652,
    0.10782405069126237, -0.07219956125645471, 0.04880428816414311, -0.03316112647484736,
    0.022597648232218104, -0.01542476590494896, 0.010538791616612175, -0.007204534386356869,
    0.004926781395729853, -0.003369801655439328,
)  # fmt: skip
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
# DLMF 5.11.1 and 5.11.2, in powers of 1 / x**2.
_STIRLING = [b / (2 * k * (2 * k - 1)) for k, b in enumerate(_BERNOULLI, 1)]
_DIGAMMA_FAR = [b / (2 * k) for k, b in enumerate(_BERNOULLI, 1)]
# DLMF 7.12.1, in powers of 1 / x**2: beyond 27 the next term is below 2**-60.
_ERFCX_FAR = (1.0, -1 / 2, 3 / 4, -15 / 8, 105 / 16, -945 / 32)

_ERROR_FUNCTION = f"""
// The constant term first.
function polynomial(x, coefficients) {{
  return coefficients.reduceRight((sum, c) => sum * x + c, 0);
}}

const ERF = {_list(ERF)};

const ERFC = {_list(ERFC)};

// exp(factor * x**2), the factor 1, -1 or -1/2; the square of x rounded to 24 bits is exact.
function exp_of_square(x, factor) {{
  const near = Math.fround(x);
  if (!Number.isFinite(near)) return Math.exp(factor * x * x);
  return Math.exp(factor * near * near) * Math.exp(factor * (x - near) * (x + near));
}}

function erf(x) {{
  const size = Math.abs(x);
  if (size < 1) return x + x * polynomial(x * x, ERF);
  const far = size > 6 ? 1 : 1 - erfc(size);
  return x < 0 ? -far : Number.isNaN(x) ? x : far;
}}

function erfc(x) {{
  if (x < -0.47) return 2 - erfc(-x);
  if (x < 0.47) return 1 - erf(x);
  return x > 27.3 ? 0 : exp_of_square(x, -1) * erfcx(x);
}}

// exp(x**2) erfc(x): a polynomial in 1 / (x + shift) times that (Shepherd and Laframboise 1981).
function erfcx(x) {{
  if (x < -0.47) return 2 * exp_of_square(x, 1) - erfcx(-x);
  if (x < 0.47) return exp_of_square(x, 1) * (1 - erf(x));
  if (x > 27) return polynomial(1 / x / x, {_list(_ERFCX_FAR)}) / Math.sqrt(Math.PI) / x;
  const inverse = 1 / (x + {SHIFT});
  return polynomial(8 * inverse - 1.25, ERFC) * inverse;
}}

// Halley's method for erf(y) = x, |x| <= 1/2.
function erfinv_near(x) {{
  let y = x * Math.sqrt(Math.PI) / 2 * (1 + Math.PI / 12 * x * x);
  for (let turn = 0; turn < 4; turn++) {{
    const step = (erf(y) - x) * Math.sqrt(Math.PI) / 2 * Math.exp(y * y);
    y -= step / (1 + y * step);
  }}
  return y;
}}

// Newton's method for log erfc(y) = log q, q <= 1/2.
function erfcinv_far(q) {{
  if (!(q > 0)) return q === 0 ? Infinity : NaN;
  let y = Math.sqrt(Math.max(-Math.log(q) - 0.5 * Math.log(Math.PI * Math.max(-Math.log(q), 0.7)), 0.2));
  for (let turn = 0; turn < 7; turn++) {{
    const scaled = erfcx(y);
    const apart = y < 2 ? Math.log(erfc(y) / q) : Math.log(scaled) - y * y - Math.log(q);
    y += apart * Math.sqrt(Math.PI) / 2 * scaled;
  }}
  return y;
}}

function erfinv(x) {{
  if (Math.abs(x) <= 0.5) return erfinv_near(x);
  return x < 0 ? -erfcinv_far(1 + x) : erfcinv_far(1 - x);
}}

function erfcinv(q) {{
  if (q < 0.5) return erfcinv_far(q);
  return q > 1.5 ? -erfcinv_far(2 - q) : erfinv_near(1 - q);
}}

function ndtr(x) {{
  if (x < -1) return exp_of_square(x, -0.5) * erfcx(-x * Math.SQRT1_2) / 2;
  return erfc(-x * Math.SQRT1_2) / 2;
}}

function log_ndtr(x) {{
  if (x < -1) return Math.log(erfcx(-x * Math.SQRT1_2) / 2) - x * x / 2;
  return Math.log1p(-erfc(x * Math.SQRT1_2) / 2);
}}

function ndtri(p) {{
  if (p < 0.25) return -Math.SQRT2 * erfcinv_far(2 * p);
  return p > 0.75 ? Math.SQRT2 * erfcinv_far(2 * (1 - p)) : Math.SQRT2 * erfinv_near(2 * p - 1);
}}
"""

_GAMMA = f"""
// log gamma(2 + z), |z| <= 1/2 (DLMF 5.7.3).
function gammaln_at_two(z) {{
  return z * polynomial(z, {_list(_GAMMALN_AT_TWO)});
}}

// What Stirling's formula leaves out of log gamma(x), x >= 10 (DLMF 5.11.1).
function stirling_rest(x) {{
  return polynomial(1 / (x * x), {_list(_STIRLING)}) / x;
}}

// sin(pi x), exact where x is a multiple of 1/2.
function sin_of_pi(x) {{
  const turn = x - 2 * Math.round(x / 2);
  if (Math.abs(turn) > 0.5) return Math.sin(Math.PI * (Math.sign(turn) - turn));
  return Math.sin(Math.PI * turn);
}}

// From 2.5 on in steps of one down to 2 + z, |z| <= 1/2: z, and the product of the steps.
function steps_down(x) {{
  let product = 1;
  while (x > 2.5) {{
    x -= 1;
    product *= x;
  }}
  return [x - 2, product];
}}

function gammaln(x) {{
  if (Math.abs(x) === Infinity) return x;
  if (x <= 0) {{
    if (x === Math.floor(x)) return Infinity;
    return Math.log(Math.PI / Math.abs(x * sin_of_pi(x))) - gammaln(-x);
  }}
  if (x < 0.5) return gammaln_at_two(x) - Math.log1p(x) - Math.log(x);
  if (x < 1.5) return gammaln_at_two(x - 1) - Math.log1p(x - 1);
  if (x < 10) {{
    const [z, product] = steps_down(x);
    return gammaln_at_two(z) + Math.log(product);
  }}
  return (x - 0.5) * Math.log(x) - x + 0.9189385332046728 + stirling_rest(x);
}}

function gamma(x) {{
  if (x === 0) return 1 / x;
  if (x < 0) {{
    if (x === Math.floor(x)) return NaN;
    return -Math.PI / (x * sin_of_pi(x)) / gamma(-x);
  }}
  if (x > 171.7) return Infinity;
  if (x < 0.5) return Math.exp(gammaln_at_two(x)) / (1 + x) / x;
  if (x < 1.5) return Math.exp(gammaln_at_two(x - 1)) / x;
  if (x < 20) {{
    const [z, product] = steps_down(x);
    return product * Math.exp(gammaln_at_two(z));
  }}
  const half = Math.pow(x, x / 2 - 0.25); // twice, as the whole power may be too large
  return half * (Math.exp(-x) * half) * 2.5066282746310002 * Math.exp(stirling_rest(x));
}}

function rgamma(x) {{
  if (x <= 0 && x === Math.floor(x)) return 0;
  if (x > 171) return x > 200 ? 0 : rgamma(x - 1) / (x - 1);
  return 1 / gamma(x);
}}

function digamma(x) {{
  if (x <= 0) {{
    if (x === 0) return -1 / x;
    if (x === Math.floor(x)) return NaN;
    const turn = x - Math.round(x);
    return digamma(-x) - 1 / x - Math.PI / Math.tan(Math.PI * turn);
  }}
  const apart = x - {_ROOT!r} - {_ROOT_REST!r};
  if (Math.abs(apart) < 0.12) return apart * polynomial(apart, {_list(_DIGAMMA_AT_ROOT)});
  if (x >= 10) {{
    const square = x * x;
    return Math.log(x) - 1 / (2 * x) - polynomial(1 / square, {_list(_DIGAMMA_FAR)}) / square;
  }}
  let steps = 0;
  while (x < 1.5) {{
    steps -= 1 / x;
    x += 1;
  }}
  while (x > 2.5) {{
    x -= 1;
    steps += 1 / x;
  }}
  return polynomial(x - 2, {_list(_DIGAMMA_AT_TWO)}) + steps;
}}

// By Hurwitz's zeta function (DLMF 5.15.1), which is summed as far as Euler and Maclaurin's formula
// holds from there on (DLMF 25.11.5).
function polygamma(n, x) {{
  if (n === 0) return digamma(x);
  if (x <= 0 && x === Math.floor(x)) return Infinity;
  const s = n + 1;
  let sum = 0;
  while (x < 15 + s) {{
    sum += Math.pow(x, -s);
    x += 1;
  }}
  let term = Math.pow(x, -s);
  sum += Math.pow(x, 1 - s) / (s - 1) + term / 2;
  let k = 0;
  for (const bernoulli of {_list(_BERNOULLI)}) {{
    term *= (s + k) / (k + 1) / x;
    sum += (bernoulli * term) / (k + 2);
    term *= (s + k + 1) / (k + 2) / x;
    k += 2;
  }}
  let factorial = 1;
  for (let i = 2; i <= n; i++) factorial *= i;
  return (n % 2 === 0 ? -1 : 1) * factorial * sum;
}}

function beta(a, b) {{
  if (Math.abs(a) + Math.abs(b) < 170) return gamma(a) * rgamma(a + b) * gamma(b);
  return Math.exp(betaln(a, b));
}}

// Where an argument is large, differences of Stirling's formula, not of large logarithms.
function betaln(a, b) {{
  const p = Math.min(a, b);
  const q = Math.max(a, b);
  const share = p / (p + q);
  if (p >= 10) {{
    const rest = stirling_rest(p) + stirling_rest(q) - stirling_rest(p + q);
    return 0.9189385332046728 - Math.log(q) / 2 + rest
      + (p - 0.5) * Math.log(share) + q * Math.log1p(-share);
  }}
  if (p > 0 && q >= 10) {{
    const rest = stirling_rest(q) - stirling_rest(p + q);
    return gammaln(p) + rest + p - p * Math.log(p + q) + (q - 0.5) * Math.log1p(-share);
  }}
  if (Math.abs(a) + Math.abs(b) < 170) return Math.log(Math.abs(beta(a, b)));
  return gammaln(a) + (gammaln(b) - gammaln(a + b));
}}
"""

#: Texts of declarations, those of constants before all that mention them.
SPECIAL = (_ERROR_FUNCTION, _GAMMA)
