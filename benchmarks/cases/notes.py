"""The notes' function of two floats, f = (x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)."""

from __future__ import annotations

import math

from benchmarks.case import Case, Source, retarget


def circuit(x, y):
    sigy = 1.0 / (1 + math.exp(-y))
    num = x + sigy
    sigx = 1.0 / (1 + math.exp(-x))
    xpy = x + y
    xpysqr = xpy**2
    den = sigx + xpysqr
    invden = 1.0 / den
    return num * invden


def by_hand(x, y):
    sigy = 1.0 / (1 + math.exp(-y))
    num = x + sigy
    sigx = 1.0 / (1 + math.exp(-x))
    xpy = x + y
    invden = 1.0 / (sigx + xpy * xpy)
    f = num * invden
    dden = -f * invden
    dxpy = 2 * xpy * dden
    dx = dxpy + (1 - sigx) * sigx * dden + invden
    dy = dxpy + (1 - sigy) * sigy * invden
    return f, (dx, dy)


CASE = Case(
    name="notes",
    title="the notes' f(x, y) on floats",
    model=circuit,
    data=lambda: (3.0, -4.0),
    argnums=(0, 1),
    by_hand=by_hand,
    casadi=lambda ca: retarget(circuit, math=ca),
    c=Source("notes.c"),
)
