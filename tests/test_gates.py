"""The generic suite: every declared gate runs through every check; a new gate needs no new test.

Functions as users call them, with NumPy's own signatures, are in `test_functions.py`.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.circuit import Constant, Op, infer, type_of
from glassgrad.gates import OPS
from glassgrad.gates.declare import elementwise
from glassgrad.runtime.arguments import resolve
from glassgrad.runtime.gradient import recorded_call
from glassgrad.runtime.interpret import evaluate
from glassgrad.runtime.paths import Path

from .support.differences import (
    close,
    differentiable,
    directional,
    gradient,
    identical,
    inner,
    leaves,
    like,
)  # fmt: skip
from .support.samples import Sample, broadcasts, emptied, laid_out, samples, single

ALL = samples()
SMOOTH = samples(lambda op: op.differentiable)
FLAT = samples(lambda op: not op.differentiable)
ELEMENTWISE = [op for op in OPS.values() if op.elementwise]


def rng_of(sample: Sample) -> np.random.Generator:
    return np.random.default_rng([sample.number, *sample.op.name.encode()])


def each(cases: list[Any]) -> Any:
    return pytest.mark.parametrize("sample", cases, ids=str)


def each_op(ops: list[Op]) -> Any:
    return pytest.mark.parametrize("op", ops, ids=[op.name for op in ops])


def pulled(sample: Sample, args: tuple[Any, ...], rtol: float = 1e-7) -> tuple[Any, Any]:
    """Check the value bit for bit, and the gradient against differences; gives both."""
    f, x = sample.of(args)
    if not x:
        pytest.skip("no operand has a gradient")
    expected = f(*x)
    value, pullback = gg.vjp(f, *x)
    identical(value, expected, "value")
    dy = like(expected, rng_of(sample))
    dx = pullback(dy)
    if any(np.asarray(leaf).dtype == np.float32 for leaf in leaves(expected)):
        rtol = 1e-3  # differences of single-precision numbers tell no more
    for n, g in enumerate(dx):
        assert type(g) is type(x[n]), f"gradient {n} is a {type(g)}"
        assert np.asarray(g).dtype == np.asarray(x[n]).dtype
        numeric = gradient(lambda *a: inner(dy, f(*a)), x, n)
        close(g, numeric, rtol, 1e-7, f"gradient {n}")
    return value, dx


@each_op(list(OPS.values()))
def test_every_gate_says_what_it_does_and_has_samples(op: Op) -> None:
    assert op.says
    assert len(op.says) < 90
    assert op.says[0].islower() and not op.says.endswith(".")
    assert op.examples, f"{op.name} has no examples: nothing of it would be tested"
    assert (op.rule is None) == (not op.differentiable)
    if op.differentiable:
        floats = [n for case in op.examples for n, a in enumerate(case.args) if differentiable(a)]
        assert floats, "no example holds a number that could have a gradient"


@each(SMOOTH)
def test_gradient_is_the_slope(sample: Sample) -> None:
    pulled(sample, sample.args)


@each(SMOOTH)
def test_forward_mode_is_the_transpose(sample: Sample) -> None:
    """<dy, J v> = <J' dy, v>, with J v from pulling the pullback back."""
    f, x = sample.of(sample.args)
    rng = rng_of(sample)
    y = f(*x)
    dy, v = like(y, rng), tuple(like(a, rng) for a in x)
    _, pullback = gg.vjp(f, *x)
    _, pushforward = gg.vjp(lambda u: gg.vjp(f, *x)[1](u), dy)
    (Jv,) = pushforward(v)
    single_precision = any(np.asarray(leaf).dtype == np.float32 for leaf in leaves(y))
    near = 1e-5 if single_precision else 1e-9
    assert inner(dy, Jv) == pytest.approx(inner(pullback(dy), v), rel=near, abs=near)
    if single_precision:
        return
    for n, part in enumerate(leaves(Jv)):
        weight = like(part, rng)
        slope = directional(lambda *a, n=n, w=weight: inner(w, leaves(f(*a))[n]), x, v)
        assert inner(weight, part) == pytest.approx(slope, rel=1e-7, abs=1e-7)


@each(SMOOTH)
def test_second_order_is_the_slope_of_the_gradient(sample: Sample) -> None:
    f, x = sample.of(sample.args)
    rng = rng_of(sample)
    dy = like(f(*x), rng)
    v, w = (tuple(like(a, rng) for a in x) for _ in range(2))

    def along(*a: Any) -> Any:
        total = 0.0
        for g, direction in zip(gg.vjp(f, *a)[1](dy), v, strict=True):
            total = total + np.sum(g * direction)
        return total

    second = gg.grad(along, argnums=tuple(range(len(x))))(*x)
    slope = directional(lambda *a: float(along(*a)), x, w)
    assert inner(second, w) == pytest.approx(slope, rel=2e-6, abs=2e-6)


@each(ALL)
def test_shape_rule_tells_the_real_type(sample: Sample) -> None:
    op, static = sample.op, sample.case.static
    for args in (sample.args, single(sample.args)):
        result = op.call(*args, **static)
        results = result if op.outputs != 1 else (result,)
        types = tuple(type_of(a) for a in args)
        operands = [Constant(a, t) for a, t in zip(args, types, strict=True)]
        expected = tuple(type_of(r) for r in results)
        assert infer(op, types, static, operands) == expected


@each_op(ELEMENTWISE)
def test_shape_rule_of_elementwise_gates_follows_promotion(op: Op) -> None:
    """Python numbers, NumPy scalars and arrays of both precisions, in every combination."""
    kinds = [float, np.float64, np.float32, np.asarray, lambda a: np.asarray([a, a], np.float32)]
    example = op.examples[0]
    first = [np.ravel(a)[0].item() for a in example.args]
    for made in itertools.product(kinds, repeat=len(first)):
        args = [m(a) if type(a) is float else a for m, a in zip(made, first, strict=True)]
        types = tuple(type_of(a) for a in args)
        expected = type_of(op.call(*args, **example.static))
        assert infer(op, types, example.static) == (expected,), types


@each_op([op for op in ELEMENTWISE if op.differentiable])
def test_broadcasting(op: Op) -> None:
    sample = Sample(op, op.examples[0], 0)
    for args in broadcasts(op):
        pulled(sample, args)


@each(SMOOTH)
def test_empty_arrays_and_arrays_without_axes(sample: Sample) -> None:
    for args in emptied(sample.args):
        try:
            sample.call(*args)
        except Exception:
            continue
        f, x = sample.of(args)
        _, pullback = gg.vjp(f, *x)
        dx = pullback(like(f(*x), rng_of(sample)))
        assert [np.shape(g) for g in dx] == [np.shape(a) for a in x]
        if all(np.size(a) for a in x):
            pulled(sample, args)


@each(SMOOTH)
def test_single_precision(sample: Sample) -> None:
    f, x = sample.of(single(sample.args))
    f64, x64 = sample.of(sample.args)
    expected = f(*x)
    value, pullback = gg.vjp(f, *x)
    identical(value, expected)
    dy = like(expected, rng_of(sample))
    dx = pullback(dy)
    for g, a in zip(dx, x, strict=True):
        assert type(g) is type(a)
        assert np.asarray(g).dtype == np.float32
    dy64 = like(f64(*x64), rng_of(sample))
    close(dx, gg.vjp(f64, *x64)[1](dy64), 2e-4, 2e-4)


@each(ALL)
def test_views_are_told(sample: Sample) -> None:
    """A gate that is not flagged gives memory of its own."""
    if sample.op.name in ("identity", "stop_gradient"):
        return  # they give back the very object: `passes.liveness` knows them by name
    result = sample.op.call(*sample.args, **sample.case.static)
    shared = any(
        isinstance(r, np.ndarray) and isinstance(a, np.ndarray) and np.shares_memory(r, a)
        for r in leaves(result) for a in sample.args
    )  # fmt: skip
    assert not shared or sample.op.views


@each_op([op for op in OPS.values() if op.views])
def test_views_are_views(op: Op) -> None:
    """Writing to a result that shares memory writes to the array it is a view of."""
    shared = 0
    for case in op.examples:
        result = op.call(*case.args, **case.static)
        if not np.shares_memory(case.args[0], result):
            continue
        shared += 1

        def f(x: Any, case: Any = case, writable: bool = result.flags.writeable) -> Any:
            base = np.multiply(x, 1.0)
            part = op(base, *case.args[1:], **case.static)
            base += 1.0
            if writable:
                part *= part
            return np.sum(base * base) + np.sum(part**3)

        x = case.args[0] / 10
        value, pullback = gg.vjp(f, x)
        identical(value, f(x))
        close(pullback(np.float64(1))[0], gradient(f, [x], 0), 1e-6, 1e-6)
    assert shared, f"{op.name} is flagged as a view, but no example shares memory"


@each(SMOOTH)
def test_emitters_agree(sample: Sample) -> None:
    """Interpreted, compiled, and compiled with care for edge points."""
    f, x = sample.of(sample.args)
    weights = [like(r, rng_of(sample)) for r in leaves(f(*x))]

    def scalar(*values: Any) -> Any:
        total = 0.0
        for result, weight in zip(leaves(f(*values)), weights, strict=True):
            total = total + np.sum(result * weight)
        return total

    arguments = resolve(tuple(x), {}, lambda n: True, [f"x{n}" for n in range(len(x))])
    recorded = recorded_call(scalar, arguments, False, ())
    path = Path(recorded)
    found = []
    for careful in (False, True):
        found.append(evaluate(path.circuit(careful), recorded.values))
        found.append(path.program(careful)(*recorded.values))
    value, dx = gg.value_and_grad(scalar, argnums=tuple(range(len(x))))(*x)
    for results in found:
        identical(results[0], scalar(*x), "value")
        close(results[1:], dx, 1e-13, 1e-14)
    assert value == scalar(*x)


@each(SMOOTH)
def test_layout_in_memory_does_not_matter(sample: Sample) -> None:
    f, x = sample.of(sample.args)
    if not any(np.ndim(a) for a in x):
        pytest.skip("no arrays")
    _, pullback = gg.vjp(f, *x)
    dy = like(f(*x), rng_of(sample))
    expected = pullback(dy)
    for args in laid_out(sample.args):
        f, x = sample.of(args)
        value, pullback = gg.vjp(f, *x)
        identical(value, f(*x))
        dx = pullback(dy)
        close(dx, expected, 1e-12, 1e-13)
        assert all(g.flags.c_contiguous for g in dx if isinstance(g, np.ndarray))


@each(FLAT)
def test_flat_gates_give_no_gradient(sample: Sample) -> None:
    f, x = sample.of(sample.args)
    plain = f(*x)
    for a in x:
        assert differentiable(a)

    def both(*values: Any) -> Any:
        total = 0.0
        for result in leaves(f(*values)):
            total = total + np.sum(result * 1.0)
        for value in values:
            total = total + np.sum(value * 3.0)
        return total

    if x:
        dx = gg.grad(both, argnums=tuple(range(len(x))))(*x)
        close(dx, [np.full(np.shape(a), 3.0) for a in x], 0, 0)
    seen = []

    def watch(*values: Any) -> Any:
        seen.extend(leaves(f(*values)))
        return 0.0

    if x:
        with pytest.warns(gg.errors.GlassgradWarning):  # the list it appends to
            gg.grad(watch, argnums=tuple(range(len(x))))(*x)
        identical([getattr(s, "value", s) for s in seen], leaves(plain))


def _scaled(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(_scaled(r) for r in result)
    if result is None:
        return None
    if callable(result):  # a part that is computed where it is needed
        return lambda: _scaled(result())
    if hasattr(result, "template"):  # a scatter: the part of an input that is touched
        return dataclasses.replace(result, value=1.001 * result.value)
    return 1.001 * result


@each_op([op for op in OPS.values() if op.differentiable])
def test_a_rule_that_is_a_thousandth_off_is_caught(op: Op, monkeypatch: Any) -> None:
    """The suite itself is tested: no rule may be scaled without a failure."""
    rule = op.rule
    assert rule is not None
    object.__setattr__(op, "rule", lambda *a, **s: _scaled(rule(*a, **s)))
    try:
        for number, case in enumerate(op.examples):
            try:
                pulled(Sample(op, case, number), case.args)
            except AssertionError:
                return
    finally:
        object.__setattr__(op, "rule", rule)
    pytest.fail(f"no example of {op.name} notices a wrong gradient")


def test_two_gates_cannot_answer_for_one_function() -> None:
    with pytest.raises(ValueError, match="two gates"):

        @elementwise(np.tanh, says="once more", examples=[(1.0,)])
        def tanh_again(x: Any, y: Any) -> Any:
            return (1 - y * y,)

    OPS.pop("tanh_again", None)
    with pytest.raises(ValueError, match="two gates are named"):

        @elementwise(lambda x: x, says="once more", examples=[(1.0,)])
        def tanh(x: Any, y: Any) -> Any:
            return (1 - y * y,)
