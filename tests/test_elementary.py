"""Elementary functions: at most 2 units in the last place from the truth, and C's special values.

Long doubles (64 bits of significand) are the judge where there are such, mpmath for what is hard
and for what they lack. ``make fuzz`` takes more points (``GLASSGRAD_FUZZ`` is how many).
"""

from __future__ import annotations

import ctypes
import functools
import math
import os
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest

from glassgrad.emit.native import available
from glassgrad.emit.native.elementary import FUNCTIONS, definitions
from glassgrad.emit.native.elements import KINDS, Block, Element, Kind

pytestmark = pytest.mark.skipif(not available(), reason="no LLVM here")
FUZZ = int(os.environ.get("GLASSGRAD_FUZZ", "0"))
LIMIT = 2.0  # units in the last place
LONG = np.longdouble
needs_long = pytest.mark.skipif(np.finfo(LONG).nmant < 63, reason="long doubles are no longer")
DTYPES: dict[Kind, Any] = {"f64": np.float64, "f32": np.float32}
OF_TWO = {"pow", "atan2", "hypot"}
EVERY = [(name, kind) for name in FUNCTIONS for kind in DTYPES]
mpmath.mp.prec = 200  # 60 digits

# -- running them ------------------------------------------------------------------------------


def loop(name: str, kind: Kind, width: int) -> str:
    """A function of three arrays (two operands, the result) and their length."""
    b = Block(width)
    type_, given = b.type(kind), f"{b.type(kind)} %x"
    align = f"align {8 if kind == 'f64' else 4}"
    if name in OF_TWO:
        given += f", {type_} %x1"
    return f"""
define void @loop.{name}.{kind}.{width}(ptr %a, ptr %b, ptr %y, i64 %n) {{
entry:
  br label %next
next:
  %i = phi i64 [ 0, %entry ], [ %j, %next ]
  %p = getelementptr {KINDS[kind]}, ptr %a, i64 %i
  %p1 = getelementptr {KINDS[kind]}, ptr %b, i64 %i
  %q = getelementptr {KINDS[kind]}, ptr %y, i64 %i
  %x = load {type_}, ptr %p, {align}
  %x1 = load {type_}, ptr %p1, {align}
  %v = call {type_} @gg.{name}.{kind}.{width}({given})
  store {type_} %v, ptr %q, {align}
  %j = add i64 %i, {width}
  %more = icmp slt i64 %j, %n
  br i1 %more, label %next, label %done
done:
  ret void
}}
"""


def machine() -> Any:
    import llvmlite.binding as llvm

    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2
    )


@functools.cache
def compiled(name: str, width: int) -> Any:
    """The loops of both kinds of one function."""
    import llvmlite.binding as llvm

    wanted = [(name, kind, width) for kind in DTYPES]
    text, declarations = definitions(wanted)
    module = llvm.parse_assembly(
        "\n".join([text, *sorted(declarations), *(loop(*each) for each in wanted)])
    )
    target = machine()  # the engine keeps it
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    builder = llvm.create_pass_builder(target, options)
    builder.getModulePassManager().run(module, builder)
    engine = llvm.create_mcjit_compiler(module, target)
    engine.finalize_object()
    return engine


def run(name: str, kind: Kind, width: int, *operands: Any) -> Any:
    """What a function says of arrays of any length."""
    dtype, n = DTYPES[kind], len(operands[0])
    a, b, y = (np.ones(-(-n // width) * width, dtype) for _ in range(3))
    for array, values in zip((a, b), operands):
        array[:n] = values
    address = compiled(name, width).get_function_address(f"loop.{name}.{kind}.{width}")
    pointer = ctypes.c_void_p
    f = ctypes.CFUNCTYPE(None, pointer, pointer, pointer, ctypes.c_int64)(address)
    f(a.ctypes.data, b.ctypes.data, y.ctypes.data, len(a))
    return y[:n]


# -- the truth ---------------------------------------------------------------------------------


def long_expit(x: Any) -> Any:
    e = np.exp(-abs(x))
    return np.where(x < 0, e, LONG(1)) / (1 + e)


def long_softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-abs(x)))


IN_LONG: dict[str, Callable[..., Any]] = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2,
    "log10": np.log10, "log1p": np.log1p, "pow": np.power, "cbrt": np.cbrt, "hypot": np.hypot,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos,
    "atan": np.arctan, "atan2": np.arctan2, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "expit": long_expit, "softplus": long_softplus,
}  # fmt: skip
IN_MPMATH: dict[str, Callable[..., Any]] = {
    "exp": mpmath.exp, "exp2": lambda x: mpmath.power(2, x), "expm1": mpmath.expm1,
    "log": mpmath.log, "log2": lambda x: mpmath.log(x, 2), "log10": mpmath.log10,
    "log1p": mpmath.log1p, "pow": mpmath.power, "hypot": mpmath.hypot,
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "sin": mpmath.sin, "cos": mpmath.cos, "tan": mpmath.tan, "asin": mpmath.asin,
    "acos": mpmath.acos, "atan": mpmath.atan, "atan2": mpmath.atan2, "sinh": mpmath.sinh,
    "cosh": mpmath.cosh, "tanh": mpmath.tanh, "asinh": mpmath.asinh, "acosh": mpmath.acosh,
    "atanh": mpmath.atanh, "erf": mpmath.erf, "erfc": mpmath.erfc,
    "expit": lambda x: 1 / (1 + mpmath.exp(-x)), "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
}  # fmt: skip


def special_values(dtype: Any) -> Any:
    info = np.finfo(dtype)
    sizes = [0.0, 1.0, 2.0, 0.5, 3.0, 4.0, 10.0, 1e4, math.inf, info.smallest_subnormal,
             info.smallest_normal, info.max, info.eps, np.nextafter(dtype(1), dtype(0)),
             np.nextafter(dtype(1), dtype(2)), 2.0**31, 2.0**53, 2.0**53 + 2]  # fmt: skip
    return np.array([*sizes, *(-x for x in map(dtype, sizes)), math.nan], dtype)


#: Where functions change: formulas meet there, or results overflow or vanish.
SEAMS: dict[str, list[float]] = {
    "exp": [709.78, -745.13, -708.4, 88.72, -103.97, -87.3, 0.3466, 1.0397],
    "exp2": [1024, -1074, -1022, 128, -149, -126, 0.5, 1.5],
    "expm1": [709.78, 88.72, -37.4, -17.3, 0.3466, -0.3466, 1.0397],
    "log": [0.7071, 1.4142], "log2": [0.7071, 1.4142], "log10": [0.7071, 1.4142, 10, 1000],
    "log1p": [-0.2929, 0.4142, -1, 1.8284], "sin": [1e5, 1e9], "cos": [1e5, 1e9],
    "tan": [1e5, 1e9, 0.7854, 2.3562], "asin": [0.5, 1, -0.5, -1], "acos": [0.5, 1, -0.5, -1],
    "atan": [0.5, 2, -0.5], "sinh": [1, 710.47, 89.41, -1], "cosh": [710.47, 89.41],
    "tanh": [0.55, -0.55, 0.17, 19.1, 9.1], "asinh": [2.0**28, 0.2, 1], "acosh": [2.0**28, 1, 1.2],
    "atanh": [1, -1, 0.17], "expit": [-745.1, -708.4, -88.7, -103, -4.158, 37, 17],
    "softplus": [-745.1, -708.4, -88.7, -103, -0.8816, 37, 17], "cbrt": [0.3536, 2.8284],
    "erf": [1, -1, 6, 4], "erfc": [0.47, -0.47, 26.54, 27.23, 9.2, 10.05, 3.4],
}  # fmt: skip


def points(name: str, kind: Kind, n: int, rng: np.random.Generator) -> Any:
    """Numbers of the whole range, and many where they are hard."""
    dtype, u = DTYPES[kind], rng.uniform
    bits = np.uint64 if kind == "f64" else np.uint32
    limit = 760 if kind == "f64" else 110
    found = [
        rng.integers(0, np.iinfo(bits).max, n, bits, endpoint=True).view(dtype),
        np.exp(u(-28, 16, n)) * rng.choice([-1, 1], n),
        u(-1, 1, n),
        u(-40, 40, n),
        u(-limit, limit, n),
        1 + u(-1, 1, n) * np.exp(u(-37, 0, n)),
        rng.integers(-(10**5), 10**5, n) * (np.pi / 2) * (1 + u(-1, 1, n) * np.exp(u(-40, -10, n))),
        special_values(dtype),
    ]
    for seam in SEAMS.get(name, []):
        found.append(seam * (1 + u(-1, 1, n // 4) * np.exp(u(-36, -1, n // 4))))
    with np.errstate(over="ignore"):
        return np.concatenate([np.asarray(each, dtype) for each in found])


def operands(name: str, kind: Kind, n: int, seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    x = points(name, kind, n, rng)
    if name not in OF_TWO:
        return [x]
    y = rng.permutation(x)
    with np.errstate(all="ignore"):
        near = x * np.exp2(rng.uniform(-4, 4, len(x))).astype(x.dtype)
    if name == "pow":  # powers within the range
        with np.errstate(all="ignore"):
            limit = 745 if kind == "f64" else 103
            near = (rng.uniform(-limit, limit, len(x)) / np.log(abs(x))).astype(x.dtype)
        near = np.where(rng.random(len(x)) < 0.2, np.rint(near), near)
    special = special_values(x.dtype.type)
    pairs = np.meshgrid(special, special)
    return [np.concatenate([x, x, pairs[0].ravel()]), np.concatenate([y, near, pairs[1].ravel()])]


def errors(found: Any, truth: Any) -> Any:
    """Distances in units in the last place of the truth; infinite where a special value differs."""
    info = np.finfo(found.dtype)
    with np.errstate(all="ignore"):
        rounded = truth.astype(found.dtype)
        size = np.maximum(abs(truth), LONG(info.smallest_normal))
        exponent = np.frexp(np.where(np.isfinite(size), size, 1))[1] - 1
        distance = abs(found.astype(LONG) - truth) / np.ldexp(LONG(1), exponent - info.nmant)
    special = ~(np.isfinite(rounded) & np.isfinite(found))
    same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
    # Next to the largest number either side of overflow is a rounding.
    edge = abs(truth) > LONG(info.max) * (1 - 4 * LONG(info.eps))
    same |= edge & (abs(found) >= info.max) & (np.sign(found) == np.sign(rounded))
    distance[special] = np.where(same, 0, math.inf)[special]
    distance[(truth == 0) & (np.signbit(found) != np.signbit(rounded))] = math.inf
    return distance


def worst(name: str, kind: Kind, xs: list[Any], truth: Any) -> None:
    """Compare both widths with the truth; they are the same code, so the same bits."""
    found = run(name, kind, 8, *xs)
    distance = errors(found, truth)
    at = int(np.argmax(distance))
    said = f"{name}{tuple(float(x[at]) for x in xs)} = {found[at]!r}, not {truth[at]!r}"
    assert distance[at] <= LIMIT, f"{said}: {float(distance[at])} units"
    one = run(name, kind, 1, *xs)
    np.testing.assert_array_equal(one, found)
    np.testing.assert_array_equal(np.signbit(one)[one == 0], np.signbit(found)[found == 0])


def in_long(name: str, xs: list[Any]) -> Any:
    with np.errstate(all="ignore"):
        return IN_LONG[name](*[x.astype(LONG) for x in xs])


def in_mpmath(name: str, xs: list[Any]) -> Any:
    """The truth as long doubles; where these are doubles, the judge is rounded to a double."""

    def long(value: Any) -> Any:
        head = float(value)
        return LONG(head) + (LONG(float(value - head)) if math.isfinite(head) else 0)

    def of_one(*given: Any) -> Any:
        return long(IN_MPMATH[name](*[mpmath.mpf(float(x)) for x in given]))

    return np.array([of_one(*given) for given in zip(*xs)], LONG)


# -- tests -------------------------------------------------------------------------------------


@needs_long
@pytest.mark.parametrize(("name", "kind"), [e for e in EVERY if e[0] in IN_LONG])
def test_accuracy(name: str, kind: Kind) -> None:
    xs = operands(name, kind, 6_000, 7)
    worst(name, kind, xs, in_long(name, xs))


@pytest.mark.fuzz
@needs_long
@pytest.mark.skipif(not FUZZ, reason="set GLASSGRAD_FUZZ to the number of points")
@pytest.mark.parametrize(("name", "kind"), [e for e in EVERY if e[0] in IN_LONG])
def test_accuracy_at_many_points(name: str, kind: Kind) -> None:
    for start in range(0, FUZZ, 400_000):
        xs = operands(name, kind, 40_000, start)
        worst(name, kind, xs, in_long(name, xs))


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_accuracy_against_mpmath(name: str, kind: Kind) -> None:
    """Finite values only; a sample, as mpmath is slow."""
    n = 600 if name in ("erf", "erfc") else 60
    xs = operands(name, kind, n, 11)
    rng = np.random.default_rng(12)
    with np.errstate(all="ignore"):
        found = run(name, kind, 8, *xs)
    size = np.finfo(DTYPES[kind]).max / 2
    usual = np.isfinite(found) & (abs(found) < size) & (found != 0)
    usual &= np.all([np.isfinite(x) & (x != 0) for x in xs], axis=0)
    if name not in ("erf", "erfc"):
        usual &= rng.random(len(usual)) < 0.5
    xs = [x[usual] for x in xs]
    worst(name, kind, xs, in_mpmath(name, xs))


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_next_to_multiples_of_a_right_angle(name: str) -> None:
    """There nearly all digits cancel."""
    rng = np.random.default_rng(3)
    k = np.unique(rng.integers(1, np.exp(rng.uniform(1, 20.2, 700)).astype(np.int64)))
    x = np.array([float(int(n) * mpmath.pi / 2) for n in k])
    x = np.concatenate([x, np.nextafter(x, 0), -x])
    worst(name, "f64", [x], in_mpmath(name, [x]))


def test_special_values_of_the_error_function() -> None:
    for kind, dtype in DTYPES.items():
        x = np.array([0.0, -0.0, math.inf, -math.inf, math.nan, 30.0, -30.0], dtype)
        found = run("erf", kind, 8, x)
        np.testing.assert_array_equal(found, np.array([0, 0, 1, -1, math.nan, 1, -1], dtype))
        assert list(np.signbit(found[:2])) == [False, True]
        found = run("erfc", kind, 8, x)
        np.testing.assert_array_equal(found, np.array([1, 1, 0, 2, math.nan, 0, 2], dtype))


def test_powers_that_are_exact() -> None:
    rng = np.random.default_rng(5)
    base = rng.integers(-2000, 2001, 4000).astype(float)
    for power in (0, 1, 2, 3, 4):
        y = np.full_like(base, power)
        np.testing.assert_array_equal(run("pow", "f64", 8, base, y), base**power)
    x = rng.standard_normal(4000) * np.exp(rng.uniform(-300, 300, 4000))
    np.testing.assert_array_equal(run("pow", "f64", 8, x, np.full_like(x, 2)), x * x)
    np.testing.assert_array_equal(run("pow", "f64", 8, x, np.ones_like(x)), x)


@pytest.mark.parametrize("kind", list(DTYPES))
def test_powers_of_two_are_exact(kind: Kind) -> None:
    least, most = (-1074, 1023) if kind == "f64" else (-149, 127)
    n = np.arange(least, most + 1)
    power = np.ldexp(DTYPES[kind](1), n)
    np.testing.assert_array_equal(run("exp2", kind, 8, n), power)
    np.testing.assert_array_equal(run("log2", kind, 8, power), n)
    np.testing.assert_array_equal(
        run("cbrt", kind, 8, power[n % 3 == 0]), np.exp2(n[n % 3 == 0] / 3)
    )


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
@pytest.mark.parametrize("kind", list(DTYPES))
def test_a_huge_neighbour_changes_nothing(name: str, kind: Kind) -> None:
    x = np.linspace(-7, 7, 8 * 40).astype(DTYPES[kind])
    alone = run(name, kind, 8, x)
    for lane in (0, 3, 7):
        mixed = x.copy()
        mixed[lane::8] = 1e30
        found = run(name, kind, 8, mixed)
        kept = mixed == x
        np.testing.assert_array_equal(found[kept], alone[kept])
        np.testing.assert_allclose(
            found[~kept], getattr(np, name)(mixed[~kept].astype(float)), 1e-6
        )


def test_definitions() -> None:
    text, declarations = definitions([("sin", "f32", 4), ("sin", "f32", 4), ("exp", "f64", 1)])
    heads = [line for line in text.splitlines() if line.startswith("define")]
    names = [line.split("@")[1].split("(")[0] for line in heads]
    assert sorted(names) == sorted({"gg.exp.f64.1", "gg.sin.f32.4", "gg.sin.huge.f32.4",
                                    "gg.sin.f64.4", "gg.sin.huge.f64.4"})  # fmt: skip
    for name, head in zip(names, heads):
        assert ("alwaysinline" in head) == (".huge" not in name and not name.endswith(".1"))
        assert ("noinline" in head) == (".huge" in name)
    assert "declare double @sin(double) nounwind memory(none)" in declarations
    assert all(line.startswith("declare ") for line in declarations)
    assert definitions([]) == ("", set())
    with pytest.raises(KeyError):
        definitions([("no such function", "f64", 8)])


def test_a_block_says_what_it_calls() -> None:
    b = Block(2)
    x = Element(b, "%x")
    y = b.function("exp", x)
    assert b.elementary == {("exp", "f64", 2)}
    assert b.lines == [f"  {y.name} = call <2 x double> @gg.exp.f64.2(<2 x double> %x)"]


@pytest.mark.parametrize("width", [1, 2, 4, 16])
def test_every_width(width: int) -> None:
    import llvmlite.binding as llvm

    text, declarations = definitions((*each, width) for each in EVERY)
    module = llvm.parse_assembly("\n".join([text, *sorted(declarations)]))
    module.verify()
    assert not any(f" {flag} " in text for flag in ("fast", "nnan", "ninf", "reassoc", "contract"))


def test_functions_are_not_far_from_monotonic() -> None:
    """Where formulas meet there is no step of more than the errors allowed."""
    for name in ("exp", "log1p", "tanh", "expit", "atan", "erf", "asinh", "sinh", "cbrt"):
        for seam in SEAMS[name]:
            x = seam + np.arange(-400, 401) * abs(np.spacing(seam))
            y = run(name, "f64", 8, x)
            for low, high in pairwise(y[np.isfinite(y)]):
                assert high >= low - 2 * LIMIT * np.spacing(abs(low))
