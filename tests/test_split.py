"""Small last axes taken apart: the same numbers as the circuit that was not, and fewer loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from benchmarks.cases import nbody
from glassgrad.circuit import Circuit
from glassgrad.circuit.verify import verify
from glassgrad.emit.native import available, kernel, native_program
from glassgrad.emit.native import split as split_
from glassgrad.emit.native.components import RULES
from glassgrad.emit.native.split import split
from glassgrad.emit.native.splitter import Splitter
from glassgrad.passes.dead import without_dead_gates
from glassgrad.runtime.interpret import evaluate

from .programs.paths import path_of
from .programs.vectors import LAYOUTS, program

native = pytest.mark.skipif(not available(), reason="no LLVM here")


def all_apart(circuit: Circuit) -> Circuit:
    """Everything taken apart that can be, whether or not it pays."""
    for _ in range(2):
        splitter = Splitter(circuit, split_._candidates(circuit))
        circuit = without_dead_gates(splitter.run(RULES))
    return circuit


def close(found: Any, expected: Any, rtol: float = 1e-9) -> None:
    for a, b in zip(found, expected, strict=True):
        assert np.shape(a) == np.shape(b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        tolerance = 3e-4 if np.asarray(b).dtype == np.float32 else rtol
        scale = float(np.max(np.abs(b))) if np.size(b) else 0.0
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * (1e-3 + scale))


@pytest.mark.parametrize("seed", range(150))
def test_random_programs_taken_apart(seed: int) -> None:
    """As circuits: every rule, whether or not it pays."""
    f, args = program(seed)
    circuit = path_of(f, args, lenient=True).circuit(False)
    made = verify(all_apart(verify(circuit)))
    with np.errstate(all="ignore"):
        close(evaluate(made, args), evaluate(circuit, args))
        close(evaluate(verify(split(circuit)), args), evaluate(circuit, args))


@native
@pytest.mark.parametrize("seed", range(300, 330))
def test_random_programs_taken_apart_run_natively(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "split", all_apart)
    f, args = program(seed)
    path = path_of(f, args, lenient=True)
    circuit = path.circuit(False)
    run = native_program(circuit, path.gradient_types)
    if run is None:
        assert any(0 in w.shape for gate in circuit.gates for w in gate.outputs)
        pytest.skip("an empty array is the NumPy tier's")
    layout = list(LAYOUTS.values())[seed % len(LAYOUTS)]
    given = [layout(x) if np.ndim(x) > 1 else x for x in args]
    with np.errstate(all="ignore"):
        close(run(*given), evaluate(circuit, args))


def test_the_random_programs_use_every_rule() -> None:
    used: set[str] = set()

    def watched(name: str) -> Any:
        def rule(s: Splitter, gate: Any) -> bool:
            taken = RULES[name](s, gate)
            if taken:
                used.add(name)
            return taken

        return rule

    rules = {name: watched(name) for name in RULES}
    for seed in range(150):
        f, args = program(seed)
        circuit = path_of(f, args, lenient=True).circuit(False)
        Splitter(circuit, split_._candidates(circuit)).run(rules)
    expected = {
        "sum", "mean", "prod", "max", "min", "reshape", "expand_dims", "transpose", "swapaxes",
        "moveaxis", "broadcast_to", "stack", "concatenate", "zeros", "getitem", "setitem",
        "add_at", "cross", "copy", "einsum",
        "matmul", "vecdot", "norm", "add", "where", "multiply", "power", "greater",
    }  # fmt: skip
    assert expected <= used, expected - used


@native
def test_pairs_of_points_are_one_nest() -> None:
    args = nbody.data(40)  # more would run in tiles, on all cores
    g = gg.value_and_grad(nbody.energy, (0, 1))
    for _ in range(6):
        g(*args)
    steps = gg.explain(g, *args).paths[0].native.steps
    assert sum("40 x 40" in step for step in steps) == 1
    (nest,) = [step for step in steps if "40 x 40" in step]
    assert "0 written" in nest
    assert not any("x 3" in step for step in steps)


@native
def test_vectors_need_no_numpy() -> None:
    """Cross products and lengths have no native form of their own."""
    rng = np.random.default_rng(0)
    a, b, turn = rng.normal(size=(500, 3)), rng.normal(size=(500, 3)), rng.normal(size=(3, 3))

    def f(a: Any, b: Any, turn: Any) -> Any:
        normal = np.cross(a, b @ turn)
        return np.sum(normal / np.linalg.norm(normal, axis=1, keepdims=True) * a**3)

    g = gg.value_and_grad(f, (0, 1, 2))
    for _ in range(6):
        found = g(a, b, turn)
    assert not gg.explain(g, a, b, turn).paths[0].native.fallbacks
    with gg.backend("numpy"):
        expected = g(a, b, turn)
    close([found[0], *found[1]], [expected[0], *expected[1]])


def test_what_is_only_multiplied_by_blas_stays_whole() -> None:
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(400, 60)), rng.normal(size=(60, 4))
    circuit = path_of(lambda x, w: np.sum(np.tanh(x @ w)), (x, w)).circuit(False)
    assert split(circuit) is circuit
