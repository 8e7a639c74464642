"""Every declared gate with every sample, and the variants of a sample the generic suite tries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import glassgrad.gates.special  # noqa: F401 - declared only when SciPy is met
from glassgrad.circuit import Op
from glassgrad.gates import OPS
from glassgrad.gates.declare import Case

from .differences import differentiable

__all__ = ["SYMMETRIC", "Sample", "broadcasts", "emptied", "laid_out", "samples", "single"]

#: NumPy reads one triangle of these matrices: they are given both triangles of a symmetric one.
SYMMETRIC = {"eigh", "eigvalsh", "cholesky"}


@dataclass(frozen=True)
class Sample:
    """One gate with one sample call."""

    op: Op
    case: Case
    number: int

    @property
    def args(self) -> tuple[Any, ...]:
        return self.case.args

    @property
    def active(self) -> list[int]:
        """The operands that can have a gradient."""
        return [n for n, a in enumerate(self.args) if differentiable(a)]

    def call(self, *args: Any) -> Any:
        """The gate on plain or on traced values."""
        if self.op.name in SYMMETRIC:
            args = ((args[0] + np.swapaxes(args[0], -1, -2)) / 2, *args[1:])
        return self.op(*args, **self.case.static)

    def of(self, args: tuple[Any, ...]) -> tuple[Callable[..., Any], list[Any]]:
        """The gate as a function of its differentiable operands alone, and these operands."""
        active = [n for n, a in enumerate(args) if differentiable(a)]

        def f(*values: Any) -> Any:
            given = list(args)
            for n, value in zip(active, values, strict=True):
                given[n] = value
            return self.call(*given)

        f.__name__ = self.op.name
        return f, [args[n] for n in active]

    def __str__(self) -> str:
        return f"{self.op.name}-{self.number}"


def samples(keep: Callable[[Op], bool] = lambda op: True) -> list[Sample]:
    """All gates with all their samples."""
    return [Sample(op, c, n) for op in OPS.values() if keep(op) for n, c in enumerate(op.examples)]


def column(op: Op, k: int, shape: tuple[int, ...], dtype: Any = float) -> Any:
    """Sample values of operand k, laid out over a shape."""
    values = [np.asarray(c.args[k]).ravel()[0] for c in op.examples]
    kind = np.asarray(values).dtype.kind
    return np.resize(np.array(values, bool if kind == "b" else dtype), shape)


def broadcasts(op: Op) -> Iterator[tuple[Any, ...]]:
    """Operands of shape (3, 4), each in turn smaller."""
    n = len(op.examples[0].args)
    full = tuple(column(op, k, (3, 4)) for k in range(n))
    yield full
    for k in range(n):
        for shape in ((3, 1), (1, 4), (4,), ()):
            yield (*full[:k], column(op, k, shape), *full[k + 1 :])
        yield (*full[:k], column(op, k, (1,))[0].item(), *full[k + 1 :])


def emptied(args: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The same operands without elements along one axis, along all, and without any axis."""
    most = max((np.ndim(a) for a in args if differentiable(a)), default=0)
    for axis in range(most):
        yield tuple(_cut(a, axis) for a in args)
    yield tuple(
        np.zeros((0,) * np.ndim(a)) if differentiable(a) and np.ndim(a) else a for a in args
    )
    yield tuple(np.asarray(np.ravel(a)[0]) if differentiable(a) else a for a in args)


def _cut(a: Any, axis: int) -> Any:
    return np.take(a, [], axis=axis) if differentiable(a) and np.ndim(a) > axis else a


def laid_out(args: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The same numbers in Fortran order, with gaps between them, and backwards in memory."""
    for how in (np.asfortranarray, _with_gaps, _backwards):
        yield tuple(how(a) if isinstance(a, np.ndarray) and a.ndim else a for a in args)


def _with_gaps(a: np.ndarray) -> np.ndarray:
    wide = np.zeros(tuple(2 * n for n in a.shape), a.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in a.shape)]
    view[...] = a
    return view


def _backwards(a: np.ndarray) -> np.ndarray:
    back = (slice(None, None, -1),) * a.ndim
    return np.ascontiguousarray(a[back])[back]


def single(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same operands in single precision."""
    return tuple(
        np.asarray(a, np.float32) if isinstance(a, np.ndarray) and a.dtype.kind == "f"
        else np.float32(a) if differentiable(a) else a
        for a in args
    )  # fmt: skip
