"""Hunters and prey: 200 Runge-Kutta steps as a Python loop, differentiated in four rates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case

STEPS, DT = 200, 0.05
START = (1.0, 0.5)


def field(u, a, b, c, d):
    x, y = u[0], u[1]
    return np.array([a * x - b * x * y, d * x * y - c * y])


def simulate(rates):
    a, b, c, d = rates[0], rates[1], rates[2], rates[3]
    u = np.array(START)
    for _ in range(STEPS):
        k1 = field(u, a, b, c, d)
        k2 = field(u + DT / 2 * k1, a, b, c, d)
        k3 = field(u + DT / 2 * k2, a, b, c, d)
        k4 = field(u + DT * k3, a, b, c, d)
        u = u + DT / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return np.sum(u**2)


def by_hand(rates):
    """The adjoint on floats: the states are kept, each step is walked back from its four slopes."""
    a, b, c, d = rates.tolist()
    h = DT / 2
    x, y = START
    kept = []
    for _ in range(STEPS):
        x1, y1 = x, y
        p1, q1 = (a - b * y1) * x1, (d * x1 - c) * y1
        x2, y2 = x + h * p1, y + h * q1
        p2, q2 = (a - b * y2) * x2, (d * x2 - c) * y2
        x3, y3 = x + h * p2, y + h * q2
        p3, q3 = (a - b * y3) * x3, (d * x3 - c) * y3
        x4, y4 = x + DT * p3, y + DT * q3
        p4, q4 = (a - b * y4) * x4, (d * x4 - c) * y4
        kept.append((x1, y1, x2, y2, x3, y3, x4, y4))
        x += DT / 6 * (p1 + 2 * p2 + 2 * p3 + p4)
        y += DT / 6 * (q1 + 2 * q2 + 2 * q3 + q4)
    value = x * x + y * y
    dx, dy = 2 * x, 2 * y
    da = db = dc = dd = 0.0
    for x1, y1, x2, y2, x3, y3, x4, y4 in reversed(kept):
        # Each stage: the gradient on its slope (p, q), then through the field to its state.
        p, q = DT / 6 * dx, DT / 6 * dy
        xy = x4 * y4
        da, db, dc, dd = da + x4 * p, db - xy * p, dc - y4 * q, dd + xy * q
        s4, t4 = (a - b * y4) * p + d * y4 * q, (d * x4 - c) * q - b * x4 * p
        p, q = DT / 3 * dx + DT * s4, DT / 3 * dy + DT * t4
        xy = x3 * y3
        da, db, dc, dd = da + x3 * p, db - xy * p, dc - y3 * q, dd + xy * q
        s3, t3 = (a - b * y3) * p + d * y3 * q, (d * x3 - c) * q - b * x3 * p
        p, q = DT / 3 * dx + h * s3, DT / 3 * dy + h * t3
        xy = x2 * y2
        da, db, dc, dd = da + x2 * p, db - xy * p, dc - y2 * q, dd + xy * q
        s2, t2 = (a - b * y2) * p + d * y2 * q, (d * x2 - c) * q - b * x2 * p
        p, q = DT / 6 * dx + h * s2, DT / 6 * dy + h * t2
        xy = x1 * y1
        da, db, dc, dd = da + x1 * p, db - xy * p, dc - y1 * q, dd + xy * q
        s1, t1 = (a - b * y1) * p + d * y1 * q, (d * x1 - c) * q - b * x1 * p
        dx, dy = dx + s1 + s2 + s3 + s4, dy + t1 + t2 + t3 + t4
    return value, (np.array([da, db, dc, dd]),)


def _step(stack: Any) -> Any:
    """One step of the method, for a peer that stacks scalars by `stack`."""

    def slope(u, rates):
        x, y = u[0], u[1]
        a, b, c, d = rates[0], rates[1], rates[2], rates[3]
        return stack([a * x - b * x * y, d * x * y - c * y])

    def step(u, rates):
        k1 = slope(u, rates)
        k2 = slope(u + DT / 2 * k1, rates)
        k3 = slope(u + DT / 2 * k2, rates)
        k4 = slope(u + DT * k3, rates)
        return u + DT / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    return step


def for_jax(jax: Any) -> Any:
    jnp = jax.numpy
    step = _step(jnp.array)

    # As JAX would have it: the unrolled loop takes it many seconds to compile.
    def model(rates):
        walk = jax.lax.fori_loop(0, STEPS, lambda _, u: step(u, rates), jnp.array(START))
        return jnp.sum(walk**2)

    return model


def for_casadi(ca: Any) -> Any:
    step = _step(lambda numbers: ca.vertcat(*numbers))

    def model(rates):
        u = ca.DM(START)
        for _ in range(STEPS):
            u = step(u, rates)
        return ca.sumsqr(u)

    return model


def for_torch(torch: Any, whole: Callable[..., Any] = lambda step: step) -> Any:
    step = whole(_step(torch.stack))

    def model(rates):
        u = torch.tensor(START, dtype=torch.float64)
        for _ in range(STEPS):
            u = step(u, rates)
        return torch.sum(u**2)

    return model


CASE = Case(
    name="rk4",
    title=f"ODE, {STEPS} Runge-Kutta steps in a Python loop",
    model=simulate,
    data=lambda: (np.array([1.1, 0.4, 0.4, 0.1]),),
    argnums=(0,),
    by_hand=by_hand,
    torch=for_torch,
    jax=for_jax,
    casadi=for_casadi,
    torch_compile=lambda torch: for_torch(torch, torch.compile),
    remark="JAX runs `lax.fori_loop`; all others run the loop as written. torch.compile has one "
    "step: the whole loop takes it over a minute.",
)
