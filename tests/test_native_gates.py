"""Every gate natively, in each way native code is made, against the NumPy tier.

Unrolled to numbers, and as a plan of steps; in both precisions; with operands in other layouts;
elementwise gates over rows longer than vectors, and broadcast.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from glassgrad.emit.native import available, kernel, native_program
from glassgrad.emit.native.lowerings import ELEMENTWISE
from glassgrad.gates import OPS
from glassgrad.runtime.paths import Path

from .programs.paths import path_of
from .support.differences import differentiable, leaves
from .support.samples import Sample, column, laid_out, samples, single

pytestmark = pytest.mark.skipif(not available(), reason="no LLVM here")

SMOOTH = samples(lambda op: op.differentiable)
#: Gates whose numbers in single precision are those of another formula, or rounded in between.
TOLERANCE = {np.dtype(np.float64): 2e-11, np.dtype(np.float32): 3e-4}


@pytest.fixture(params=["unrolled", "planned"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "planned":
        monkeypatch.setattr(kernel, "_SMALL", -1)
    return str(request.param)


def weighed(f: Callable[..., Any], x: list[Any], seed: Any) -> Callable[..., Any]:
    """One number of all results, each element with a weight of its own."""
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=np.shape(leaf)) for leaf in leaves(f(*x))]

    def scalar(*values: Any) -> Any:
        total = 0.0
        for result, weight in zip(leaves(f(*values)), weights, strict=True):
            weight = np.asarray(weight, np.asarray(result).dtype) if np.ndim(weight) else weight
            total = total + np.sum(result * weight)
        return total

    return scalar


def compare(sample: Sample, args: tuple[Any, ...], *others: tuple[Any, ...]) -> int:
    """Both answers for these operands, and for others of the same types; how many were native."""
    f, x = sample.of(args)
    if not x:
        return 0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        scalar = weighed(f, x, [sample.number, *sample.op.name.encode()])
        path: Path = path_of(scalar, x)
        program = native_program(path.circuit(False), path.gradient_types)
        if program is None:
            assert sample.op.name not in ELEMENTWISE or sample.case.static
            return 0
        answered = 0
        for given in (args, *others):
            values = [a for a in given if differentiable(a)]
            found = program(*values)
            if found is None:
                continue
            answered += 1
            expected = path.program(False)(*values)
            for a, b in zip(found, expected, strict=True):
                assert type(a) is type(b)
                assert np.shape(a) == np.shape(b)
                assert np.all(np.isfinite(a))
                if isinstance(a, np.ndarray):
                    assert a.flags.c_contiguous and a.flags.writeable and a.flags.owndata
                tolerance = TOLERANCE.get(np.asarray(b).dtype, 0.0)
                if any(np.asarray(v).dtype == np.float32 for v in values):
                    tolerance = TOLERANCE[np.dtype(np.float32)]
                scale = float(np.max(np.abs(b))) if np.size(b) else 0.0
                np.testing.assert_allclose(
                    a, b, rtol=tolerance, atol=tolerance * (1e-2 + scale), err_msg=str(sample)
                )
    return answered


@pytest.mark.parametrize("sample", SMOOTH, ids=str)
def test_every_gate_in_every_way(sample: Sample, way: str) -> None:
    compare(sample, sample.args, *laid_out(sample.args))
    compare(sample, single(sample.args))


ROWS = [op for name, op in OPS.items() if name in ELEMENTWISE and op.differentiable]


def shaped(op: Any, shapes: tuple[tuple[int, ...], ...], dtype: Any) -> tuple[Any, ...]:
    return tuple(
        column(op, k, shapes[k % len(shapes)], dtype) for k in range(len(op.examples[0].args))
    )


def layouts() -> Iterator[tuple[tuple[int, ...], ...]]:
    yield ((61,),)
    yield (3, 41), (41,)
    yield (5, 1, 19), (7, 1)
    yield (), (37,)
    yield (2, 3, 3), (3,)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
def test_elementwise_gates_over_rows(op: Any, dtype: Any) -> None:
    """Vectors, what is left at the end of a row, broadcasting: against NumPy."""
    if any(case.static for case in op.examples) or not all(
        differentiable(a) or np.asarray(a).dtype.kind in "b" for a in op.examples[0].args
    ):
        pytest.skip("not a plain function of real numbers")
    answered = 0
    for shapes in layouts():
        args = shaped(op, shapes, dtype)
        answered += compare(Sample(op, op.examples[0], 0), args)
    assert answered or op.name in {"where"}
