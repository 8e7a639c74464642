"""The benchmark cases are right, and the harness tells a wrong peer from a right one."""

from __future__ import annotations

import doctest
import json
import math
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from shutil import which

import numpy as np
import pytest

import glassgrad as gg
from benchmarks import calls, layouts, machine, page, report, starting
from benchmarks import case as case_module
from benchmarks.case import retarget
from benchmarks.cases import CASES
from benchmarks.compiled import COMPILER
from benchmarks.measure import measure
from benchmarks.peers import PEERS, read
from benchmarks.tracing_cost import STAGES, scalar_chain, stages


@pytest.mark.parametrize("name", CASES)
def test_the_gradient_by_hand_agrees_with_glassgrad(name: str) -> None:
    case = CASES[name]
    args = case.data()
    value, gradients = read(gg.value_and_grad(case.model, argnums=case.argnums)(*args))
    expected, by_hand = read(case.by_hand(*args))
    # The first tolerance is for rounding in float32, the second for a gradient's small elements.
    assert value == pytest.approx(expected, rel=case.tolerance)
    for got, want in zip(gradients, by_hand, strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=case.tolerance * np.abs(want).max())


@pytest.mark.parametrize("name", CASES)
def test_data_is_the_same_each_time(name: str) -> None:
    for first, second in zip(CASES[name].data(), CASES[name].data(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_wrong_peer_is_found_and_a_failing_one_does_not_stop_the_rest() -> None:
    def wrong(x: float, y: float) -> tuple[float, tuple[float, float]]:
        value, (dx, dy) = CASES["notes"].by_hand(x, y)
        return value, (dx, dy * 1.0001)

    def fails(case: object, args: object) -> None:
        raise ValueError("cannot do this")

    peers = {
        "by-hand": PEERS["by-hand"],
        "jax": replace(PEERS["jax"], build=lambda case, args: lambda: wrong(*args)),
        "torch": replace(PEERS["torch"], build=fails),
    }
    result = measure(CASES["notes"], peers, seconds=0.01)
    assert [line.split()[0] for line in result.disagreements()] == ["jax"]
    assert result.failed == {"torch": "ValueError: cannot do this"}
    assert result.timings["by-hand"].median > 0


def test_a_wrong_gradient_by_hand_is_found_by_differences_of_the_function() -> None:
    def wrong(x: float, y: float) -> tuple[float, tuple[float, float]]:
        value, (dx, dy) = CASES["notes"].by_hand(x, y)
        return value, (dx, dy * 1.001)

    peers = {"forward": PEERS["forward"]}
    assert measure(CASES["notes"], peers, seconds=0.01).disagreements() == []
    found = measure(replace(CASES["notes"], by_hand=wrong), peers, seconds=0.01)
    assert [line.split()[0] for line in found.disagreements()] == ["by-hand"]


def test_a_peer_that_cannot_run_a_case_is_told_and_not_tried() -> None:
    def tried(case: object, args: object) -> None:
        raise AssertionError

    peers = {"jax": replace(PEERS["jax"], build=tried), "blas": PEERS["blas"]}
    result = measure(replace(CASES["notes"], cannot={"jax": "no floats"}), peers, seconds=0.01)
    assert result.failed == {"jax": "cannot: no floats"}  # and not a word of the products


def test_a_peer_that_is_not_ready_in_time_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.measure.LIMIT", 0.05)
    slow = replace(PEERS["by-hand"], build=lambda case, args: lambda: time.sleep(10))
    result = measure(CASES["notes"], {"torch-compile": slow}, seconds=0.01)
    assert result.failed == {"torch-compile": "cannot: not ready within 0.05 s"}


@pytest.mark.skipif(which(COMPILER) is None, reason="no C compiler")
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.c])
def test_the_gradient_in_c_agrees_with_the_one_in_numpy(name: str) -> None:
    case = CASES[name]
    args = case.data()
    value, gradients = read(PEERS["c"].build(case, args)())
    expected, by_hand = read(case.by_hand(*args))
    assert value == pytest.approx(expected, rel=case.tolerance)
    for got, want in zip(gradients, by_hand, strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=case.tolerance * np.abs(want).max())


@pytest.mark.parametrize("arrays", [False, True])
def test_the_cost_of_calls_is_taken(arrays: bool) -> None:
    found = calls.measure(calls.ready(3, arrays))
    assert found.keys() == {"forward", "glassgrad"}
    assert min(found.values()) > 0


def test_fresh_processes_answer_with_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).resolve().parent.parent)
    monkeypatch.setattr(starting, "TIMES", 1)
    monkeypatch.setattr(starting, "IMPORTS", ("numpy",))
    assert starting.imports().keys() == {"numpy"}
    assert len(starting.fresh(starting._FIRST, "glassgrad", "notes", "3")) == 3


def test_results_are_written_as_a_page_and_as_json(tmp_path: Path) -> None:
    peers = {name: PEERS[name] for name in ("glassgrad", "forward", "by-hand")}
    result = measure(CASES["notes"], peers, seconds=0.01)
    page.write(tmp_path, [result], machine.about(), {"jax": "not installed"})
    case = json.loads((tmp_path / "results.json").read_text())["cases"][0]
    timing = case["seconds"]
    assert (
        case["ratios"]["to_by_hand"] == timing["glassgrad"]["median"] / timing["by-hand"]["median"]
    )
    assert case["ratios"]["best_library"] is None
    assert timing["glassgrad"]["until"] > timing["glassgrad"]["first"]
    text = (tmp_path / "RESULTS.md").read_text()
    assert CASES["notes"].title in text
    assert "left out: `jax` (not installed)" in text
    rows = [line.count("|") for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 13  # six tables of a heading and one case, and the line of means


def test_retarget_reaches_helpers_and_leaves_the_original_alone() -> None:
    class Counting:
        calls = 0

        @staticmethod
        def array(values: list[float]) -> np.ndarray:
            Counting.calls += 1
            return np.array(values)

        sum = staticmethod(np.sum)

    model = CASES["rk4"].model
    rates = CASES["rk4"].data()[0]
    assert retarget(model, np=Counting)(rates) == model(rates)
    assert Counting.calls == 801  # the start, and four slopes in each of 200 steps


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.234e-6, "1.23 us"), (0.4567, "457 ms"), (0.9996, "1.00 s"), (82e-9, "82.0 ns")],
)
def test_durations_have_three_figures(seconds: float, text: str) -> None:
    assert report.duration(seconds) == text


def test_what_was_not_measured_is_left_blank() -> None:
    assert report.duration(None) == report.duration(math.nan) == ""


@pytest.mark.parametrize("module", [case_module, report])
def test_the_examples_in_docstrings_hold(module: object) -> None:
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0


def test_the_pins_on_openblas_are_taken_off_before_numpy_is_loaded() -> None:
    code = """if True:
        from benchmarks.blas import PINS, unpin
        unpin()
        import os, sys
        print([pin in os.environ for pin in PINS], "numpy" in sys.modules, sys.argv)
    """
    root = Path(__file__).resolve().parent.parent
    run = subprocess.run(
        [sys.executable, "-c", code, "kept"],
        env={**os.environ, "OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_L2_SIZE": "512"},
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "[False, False] False ['-c', 'kept']"


def test_the_cost_of_tracing_is_taken_of_every_stage() -> None:
    gates, seconds = stages(lambda x: scalar_chain(x, 100), 0.5)
    assert gates == 400  # multiply, sine, multiply, add in each round
    assert tuple(seconds) == STAGES
    assert min(seconds.values()) > 0


# -- layouts ---------------------------------------------------------------------------------------


def test_layouts_are_measured_and_put_beside_dots() -> None:
    boxes, nets = layouts.problem("fraction")
    drawing = layouts.ours(boxes, nets)
    assert drawing.ways >= drawing.drawn.length > 0  # what readers share is drawn once
    assert len(layouts.CIRCUITS) == 10


@pytest.mark.skipif(which("dot") is None, reason="no Graphviz")
def test_dot_draws_every_wire() -> None:
    boxes, nets = layouts.problem("product_and_max")
    drawing = layouts.by_dot(boxes, nets)
    assert drawing.drawn.crossings == 0 and drawing.ways > 100


def test_a_curve_of_dots_goes_through_its_ends() -> None:
    line = layouts._straightened("0,0 10,0 20,10 30,10")
    assert line[0] == (0, 0) and line[-1] == (30, 10) and len(line) == 9
