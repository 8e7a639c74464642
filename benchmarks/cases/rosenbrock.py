"""Rosenbrock's valley in 1000 dimensions: slices, powers and one sum."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case, Source

N = 1000


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def by_hand(x):
    head, slope = x[:-1], 1.0 - x[:-1]
    valley = x[1:] - head * head
    dx = np.zeros_like(x)
    dx[1:] = 200.0 * valley
    dx[:-1] -= 400.0 * valley * head + 2.0 * slope
    return 100.0 * valley.dot(valley) + slope.dot(slope), (dx,)


def for_casadi(ca: Any) -> Any:
    return lambda x: ca.sumsqr(10.0 * (x[1:] - x[:-1] ** 2)) + ca.sumsqr(1.0 - x[:-1])


CASE = Case(
    name="rosenbrock",
    title=f"Rosenbrock, N = {N}",
    model=rosenbrock,
    data=lambda: (np.random.default_rng(0).normal(size=N),),
    argnums=(0,),
    by_hand=by_hand,
    casadi=for_casadi,
    c=Source("rosenbrock.c", {"N": N}),
)
