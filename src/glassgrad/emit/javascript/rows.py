"""How each elementwise gate is written: a table, one row a gate.

Rows are expressions over numbers or truths; the functions they call are ``Math``'s, or helpers of
`functions.py` and `special.py`. They are not native code's rows because they have more to say:
native code hands over to NumPy where a number is not finite, and here NaN, infinities and signed
zeros flow as they do in NumPy; and they have less to say, as an expression is one line to read.
"""

from __future__ import annotations

import math

__all__ = ["DEFAULTS", "FORMLESS", "NUMBERS", "TRUTHS", "WHOLE"]

_MATH = {
    "exp": "exp", "expm1": "expm1", "log": "log", "log2": "log2", "log10": "log10",
    "log1p": "log1p", "sqrt": "sqrt", "cbrt": "cbrt", "sin": "sin", "cos": "cos", "tan": "tan",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "sinh": "sinh", "cosh": "cosh",
    "tanh": "tanh", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
    "floor": "floor", "ceil": "ceil", "trunc": "trunc", "absolute": "abs", "fabs": "abs",
}  # fmt: skip
_MATH_OF_TWO = {"arctan2": "atan2", "hypot": "hypot", "maximum": "max", "minimum": "min"}
_OURS = (
    "expit", "logit", "log_expit", "erf", "erfc", "erfcx", "erfinv", "erfcinv", "ndtr", "log_ndtr",
    "ndtri", "gammaln", "gamma", "rgamma", "digamma", "entr", "sinc", "spacing",
    "sigmoid", "softplus",
)  # fmt: skip
_OURS_OF_TWO = (
    "power", "remainder", "floor_divide", "fmax", "fmin", "copysign", "heaviside", "logaddexp",
    "logaddexp2", "betaln", "beta", "xlogy", "xlog1py", "rel_entr", "kl_div",
)  # fmt: skip
_COMPARED = {"less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=",
             "equal": "===", "not_equal": "!=="}  # fmt: skip

#: Over numbers; comparisons and questions make truths.
NUMBERS: dict[str, str] = {
    "add": "{0} + {1}", "subtract": "{0} - {1}", "multiply": "{0} * {1}", "divide": "{0} / {1}",
    "negative": "-{0}", "positive": "{0}", "reciprocal": "1 / {0}", "square": "{0} * {0}",
    "fmod": "{0} % {1}", "float_power": "power({0}, {1})", "exp2": "power(2, {0})",
    "clip": "Math.min({2}, Math.max({0}, {1}))", "sign": "Math.sign({0}) + 0",
    "rint": "rounded({0}, 0)", "round": "rounded({0}, {decimals})",
    "polygamma": "polygamma({n}, {0})",
    "strong_multiply": "{1} === 0 ? 0 : {0} * {1}",
    "deg2rad": f"{{0}} * {math.pi / 180!r}", "radians": f"{{0}} * {math.pi / 180!r}",
    "rad2deg": f"{{0}} * {180 / math.pi!r}", "degrees": f"{{0}} * {180 / math.pi!r}",
    "isnan": "Number.isNaN({0})", "isfinite": "Number.isFinite({0})",
    "isinf": "Math.abs({0}) === Infinity", "signbit": "{0} < 0 || Object.is({0}, -0)",
    **{ours: f"Math.{theirs}({{0}})" for ours, theirs in _MATH.items()},
    **{ours: f"Math.{theirs}({{0}}, {{1}})" for ours, theirs in _MATH_OF_TWO.items()},
    **{name: f"{name}({{0}})" for name in _OURS},
    **{name: f"{name}({{0}}, {{1}})" for name in _OURS_OF_TWO},
    **{name: f"{{0}} {sign} {{1}}" for name, sign in _COMPARED.items()},
}  # fmt: skip

#: Over truths. Of arrays of truths NumPy's sum is "or", its product "and".
TRUTHS: dict[str, str] = {
    "logical_and": "{0} && {1}", "logical_or": "{0} || {1}", "logical_xor": "{0} !== {1}",
    "logical_not": "!{0}", "bitwise_and": "{0} && {1}", "bitwise_or": "{0} || {1}",
    "bitwise_xor": "{0} !== {1}", "invert": "!{0}", "add": "{0} || {1}", "multiply": "{0} && {1}",
    "maximum": "{0} || {1}", "minimum": "{0} && {1}", "fmax": "{0} || {1}", "fmin": "{0} && {1}",
    "square": "{0}", "absolute": "{0}",
}  # fmt: skip

#: Over integers, where they are not as over real numbers.
WHOLE: dict[str, str] = {
    "bitwise_and": "Number(BigInt({0}) & BigInt({1}))",
    "bitwise_or": "Number(BigInt({0}) | BigInt({1}))",
    "bitwise_xor": "Number(BigInt({0}) ^ BigInt({1}))",
    "invert": "-1 - {0}",
    "floor_divide": "{1} === 0 ? 0 : floor_divide({0}, {1}) + 0",
    "remainder": "{1} === 0 ? 0 : remainder({0}, {1}) + 0",
    "fmod": "{1} === 0 ? 0 : {0} % {1} + 0",
    "power": "power({0}, {1})",
    **{name: NUMBERS[name] for name in ("add", "subtract", "positive", "square", "absolute",
                                        "maximum", "minimum", "fmax", "fmin", "clip", "sign")},
    **{name: NUMBERS[name] + " + 0" for name in ("multiply", "negative", "floor", "ceil", "trunc",
                                                 "rint", "round")},
}  # fmt: skip

#: Static arguments that rows mention, where a call leaves them out.
DEFAULTS: dict[str, dict[str, int]] = {"round": {"decimals": 0}, "polygamma": {"n": 1}}

#: Gates that have no form here, and why.
FORMLESS: dict[str, str] = {
    "argpartition": "which order it leaves is NumPy's own",
    "cofactors_along": "it needs singular values, which are found by iteration",
    "coincide": "it belongs to eigenvalues, which are found by iteration",
    "eigh": "eigenvalues are found by iteration",
    "eigvalsh": "eigenvalues are found by iteration",
    "matrix_rank": "it needs singular values, which are found by iteration",
    "singular_values": "singular values are found by iteration",
    "svd": "singular values are found by iteration",
}
