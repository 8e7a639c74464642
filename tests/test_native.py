"""Native code against the NumPy tier: same numbers within rounding, or it hands over; no crash."""

from __future__ import annotations

import gc
import math
import sys
import threading
import warnings
import weakref
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.emit.native import available, machine, native_program
from glassgrad.emit.native.lowerings import ELEMENTWISE
from glassgrad.emit.scalars import SAME, STRUCTURAL
from glassgrad.errors import GlassgradWarning
from glassgrad.gates import OPS
from glassgrad.runtime.arguments import resolve
from glassgrad.runtime.gradient import recorded_call
from glassgrad.runtime.interpret import evaluate
from glassgrad.runtime.paths import Path

from .programs.paths import path_of
from .programs.writer import write
from .support.warm import WARM, warm
from .test_random_programs import Seeded

pytestmark = pytest.mark.skipif(not available(), reason="no LLVM here")


def native(path: Path) -> Any:
    return native_program(path.circuit(False), path.gradient_types)


def agree(found: Any, expected: Any, what: str) -> None:
    for a, b in zip(found, expected, strict=True):
        assert type(a) is type(b), what
        np.testing.assert_allclose(
            a, b, rtol=1e-11, atol=1e-13 * (1 + np.max(np.abs(b))), err_msg=what
        )
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype and a.shape == b.shape, what
            assert a.flags.c_contiguous and a.flags.writeable and a.flags.owndata, what


def test_the_tables_name_gates_that_exist() -> None:
    assert {*ELEMENTWISE, *STRUCTURAL, *SAME} <= {*OPS} | {"identity"}


def test_random_programs_agree() -> None:
    compared = 0
    for number in range(200):
        program = write(Seeded(number))
        f = program.compiled()
        rng = np.random.default_rng(number)
        x = [rng.normal() if s is None else rng.normal(size=s) for s in program.shapes]
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                path = path_of(f, x)
                expected = evaluate(path.circuit(False), path.recorded.values)
            except Exception:  # what the program itself raises is another test's
                continue
            made = native(path)
            found = made and made(*path.recorded.values)
        if found is not None:
            compared += 1
            agree(found[1:], path.program(False)(*path.recorded.values)[1:], program.text)
            np.testing.assert_allclose(found[0], expected[0], rtol=1e-11, atol=1e-12)
    assert compared >= 40


def two(x: Any, y: Any) -> Any:
    return np.sum(np.exp(x) * y) + y * x[0]


JUNK: list[Any] = [
    None, "text", 3, True, 10**400, 2j, object(), [], (1.0,), {}, np.float32(1), np.int64(2),
    np.float64(2), np.zeros(3), np.zeros(4), np.zeros((3, 1)), np.zeros(()), np.zeros(3, "f4"),
    np.zeros(3, ">f8"), np.zeros(3, complex), np.zeros(6)[::2], np.zeros(3)[::-1],
    np.zeros(25, "u1")[1:].view("f8"), np.ma.zeros(3), np.zeros(3, object), np.zeros(0),
    np.full(3, np.nan), np.full(3, np.inf), math.nan, math.inf, -math.inf,
    np.broadcast_to(1.0, (3,)), float, np.ndarray,
]  # fmt: skip


def test_no_argument_crashes_it() -> None:
    path = path_of(two, [np.ones(3), 2.0])
    program = native(path)
    answered = 0
    for a in JUNK:
        for b in [*JUNK, 2.0]:
            found = program(a, b)
            if found is not None:
                answered += 1
                assert type(a) is np.ndarray and a.dtype == float and type(b) is float
                agree(found, path.program(False)(a, b), f"{a!r}, {b!r}")
        assert program(a) is None
    assert program() is None
    assert program(*[np.ones(3)] * 50) is None
    assert answered >= 1
    read_only = np.ones(3)
    read_only.flags.writeable = False
    assert program(read_only, 2.0) is not None


@pytest.mark.parametrize("a", JUNK, ids=lambda a: type(a).__name__)
def test_a_warm_function_treats_any_argument_as_a_cold_one(a: Any) -> None:
    hot = gg.value_and_grad(two, argnums=(0, 1))
    warm(hot, np.ones(3), 2.0)

    def outcome(g: Any) -> Any:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                return g(a, 2.0)
            except Exception as error:
                return type(error)

    found, expected = outcome(hot), outcome(gg.value_and_grad(two, argnums=(0, 1)))
    if isinstance(expected, type):
        assert found is expected
    else:
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-13)
        np.testing.assert_allclose(found[1][0], expected[1][0], rtol=1e-13)


def test_results_are_the_callers_own() -> None:
    program = native(path_of(two, [np.ones(3), 2.0]))
    x = np.ones(3)
    first, second = program(x, 2.0), program(x, 2.0)
    first[1][:] = 7.0
    assert np.all(second[1] != 7.0) and np.all(x == 1.0)
    before = sys.getrefcount(np.dtype(float)), sys.getrefcount(None), sys.getrefcount(x)
    for _ in range(10_000):
        program(x, 2.0)
        program(x, None)
    after = sys.getrefcount(np.dtype(float)), sys.getrefcount(None), sys.getrefcount(x)
    assert all(abs(a - b) < 100 for a, b in zip(after, before, strict=True))


def test_code_goes_with_its_function() -> None:
    program = native(path_of(two, [np.ones(3), 2.0]))
    code = weakref.ref(program.__self__)
    del program
    gc.collect()
    assert code() is None


def test_both_sides_of_a_branch_stay_right() -> None:
    def f(x: Any) -> Any:
        return math.sin(x) if x > 0 else x * x

    g = gg.value_and_grad(f)
    for n in range(40):
        x = (-1.0) ** n * (0.5 + n / 10)
        value, slope = g(x)
        assert value == pytest.approx(f(x), rel=1e-15)
        assert slope == pytest.approx(math.cos(x) if x > 0 else 2 * x, rel=1e-14)


def test_errors_and_edge_points_are_the_numpy_tiers() -> None:
    inverse = gg.grad(lambda x: 1 / x)
    root = gg.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)))
    logarithm = gg.value_and_grad(lambda x: np.log(x))
    for _ in range(WARM):
        assert inverse(2.0) == -0.25
        assert root(np.array([4.0, 1.0])).tolist() == [0.25, 0.5]
        logarithm(np.float64(1.0))
    with pytest.raises(ZeroDivisionError):
        inverse(0.0)
    assert root(np.array([4.0, 0.0])).tolist() == [0.25, 0.0]
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        logarithm(np.float64(0.0))


def test_a_long_loop_is_compiled_in_parts() -> None:
    def f(x: Any, n: int) -> Any:
        y = x
        for _ in range(n):
            y = y + 0.01 * math.sin(y) if y < 2.5 else y - x * 0.5
        return y

    g = gg.value_and_grad(f)
    expected = g(0.7, 1500)
    found = warm(g, 0.7, 1500)
    assert g._direct is not None
    assert found == pytest.approx(expected, rel=1e-12)
    arguments = resolve((0.7, 1500), {}, lambda n: n in (0, "x"), ["x", "n"])
    path = Path(recorded_call(f, arguments, False, ()))
    results = path.program(False)(*path.recorded.values)
    assert results == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("argnums", [0, 1, (0,), (0, 1), (1, 0), (0, 0)], ids=str)
@pytest.mark.parametrize("transform", [gg.grad, gg.value_and_grad])
def test_native_answers_are_nested_as_all_others(transform: Any, argnums: Any) -> None:
    g = transform(two, argnums=argnums)
    expected = g(np.ones(3), 2.0)
    for _ in range(WARM):
        found = g(np.ones(3), 2.0)
    assert g._direct is not None

    def flat(answer: Any) -> list[Any]:
        if isinstance(answer, tuple):
            return ["(", *[part for a in answer for part in flat(a)], ")"]
        return [type(answer), np.asarray(answer)]

    for a, b in zip(flat(found), flat(expected), strict=True):
        if isinstance(a, np.ndarray):
            np.testing.assert_allclose(a, b, rtol=1e-14)
        else:
            assert a == b


def test_what_changes_outside_is_noticed_by_warm_functions() -> None:
    scale = 2.0

    def f(x: Any) -> Any:
        return scale * x * x

    g = gg.grad(f)
    for _ in range(WARM):
        assert g(3.0) == 12.0
    scale = 5.0
    for _ in range(WARM):
        assert g(3.0) == 30.0


def test_many_threads_call_the_same_gradient() -> None:
    g = gg.grad(two)
    y = {n: g(np.full(3, n / 8), 2.0) for n in range(8)}
    wrong = []

    def work(n: int) -> None:
        for _ in range(300):
            if not np.allclose(g(np.full(3, n / 8), 2.0), y[n], rtol=1e-13, atol=0):
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_the_numpy_tier_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSGRAD_BACKEND", "numpy")
    machine.available.cache_clear()
    try:
        assert not available()
        g = gg.grad(two)
        for _ in range(WARM):
            found = g(np.zeros(3), 2.0)
        assert found.tolist() == [4.0, 2.0, 2.0]
    finally:
        monkeypatch.undo()
        machine.available.cache_clear()


def test_without_llvm_there_is_one_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Any:
        raise OSError("no such library")

    monkeypatch.setattr(machine, "_start", missing)
    machine.available.cache_clear()
    try:
        with pytest.warns(GlassgradWarning, match="LLVM cannot be used here") as caught:
            g = gg.grad(two)
            for _ in range(WARM):
                found = g(np.zeros(3), 2.0)
        assert len(caught) == 1
        assert found.tolist() == [4.0, 2.0, 2.0]
    finally:
        monkeypatch.undo()
        machine.available.cache_clear()
