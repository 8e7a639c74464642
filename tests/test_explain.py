"""`explain` tells what runs, and `backend` chooses it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.emit.native import available

from .support.warm import warm

needs_llvm = pytest.mark.skipif(not available(), reason="no LLVM here")


def model(w: Any, x: Any) -> Any:
    h = np.tanh(w @ x)
    if h[0] > 0:
        h = 2 * h
    return np.sum(np.sort(h) ** 2) + np.linalg.slogdet(w)[1]


@needs_llvm
def test_steps_guards_fallbacks_and_code_are_told() -> None:
    told = gg.explain(gg.grad(model), np.eye(80), np.ones(80))
    (path,) = told.paths
    text = str(told)
    assert "guard   bool is True" in text
    assert "BLAS    (80 x 80) (80 x 1): matmul" in text
    assert "LAPACK  getrf: slogdet" in text
    assert "loop    over 80: tanh" in text
    assert any("sort" in f for f in path.native.fallbacks)
    assert path.native.arena > 80 * 80 * 8
    assert set(path.native.seconds) == {"plan", "parse", "passes", "machine code"}
    assert "define internal i32 @kernel" in path.native.llvm
    assert "ret" in path.native.assembly
    assert path.tier == "NumPy"


@needs_llvm
def test_the_tier_is_told() -> None:
    g = gg.grad(model)
    for _ in range(4):  # what is being compiled is waited for
        g(np.eye(80), np.ones(80))
    assert gg.explain(g, np.eye(80), np.ones(80)).paths[0].tier == "native"


@needs_llvm
def test_what_cannot_be_native_says_why() -> None:
    g = gg.grad(lambda x: np.sum(x) + np.sum(x[:0]))
    assert "an array is empty" in str(gg.explain(g, np.ones(50)))


@needs_llvm
def test_small_circuits_are_unrolled() -> None:
    told = gg.explain(gg.grad(lambda x: x * x), 3.0)
    assert "unrolled" in str(told)


def test_only_gradient_functions_are_explained() -> None:
    with pytest.raises(TypeError, match=r"gg\.grad or gg\.value_and_grad"):
        gg.explain(np.sum, 1.0)


@needs_llvm
def test_the_numpy_backend_runs_no_native_code() -> None:
    g = gg.value_and_grad(lambda x: np.sum(np.exp(x) * np.sin(x)))
    x = np.linspace(0, 3, 1000)
    with gg.backend("numpy"):
        for _ in range(8):
            by_numpy = g(x)
        assert gg.explain(g, x).paths[0].tier == "NumPy"
    native = warm(g, x)
    assert gg.explain(g, x).paths[0].tier == "native"
    np.testing.assert_allclose(native[1], by_numpy[1], rtol=1e-12)
    assert not np.array_equal(native[1], by_numpy[1])  # last bits tell them apart
    with gg.backend("numpy"):
        np.testing.assert_array_equal(g(x)[1], by_numpy[1])
        seen: list[Any] = []
        thread = threading.Thread(target=lambda: seen.append(g(x)[1]))
        thread.start()
        thread.join()
        np.testing.assert_array_equal(seen[0], by_numpy[1])
        with (
            gg.backend("native"),
            pytest.raises(ValueError, match="'numpy' or 'native'"),
            gg.backend("cuda"),
        ):
            pass
