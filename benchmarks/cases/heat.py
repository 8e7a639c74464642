"""The heat equation on a plate: 50 explicit steps, each written into the inside of the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case

SIDE, STEPS, DT = 64, 50, 0.2


def misfit(start, diffusivity, target):
    u = start.copy()
    for _ in range(STEPS):
        inside = u[1:-1, 1:-1]
        bend = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * inside
        u[1:-1, 1:-1] += DT * diffusivity * bend
    return np.sum((u - target) ** 2)


def _bend(u):
    bend = u[2:, 1:-1] + u[:-2, 1:-1]
    bend += u[1:-1, 2:]
    bend += u[1:-1, :-2]
    bend -= 4 * u[1:-1, 1:-1]
    return bend


def by_hand(start, diffusivity, target):
    u = start.copy()
    bends = []
    for _ in range(STEPS):
        bends.append(_bend(u))
        u[1:-1, 1:-1] += DT * diffusivity * bends[-1]
    off = u - target
    du = 2 * off
    slope = 0.0
    for bend in reversed(bends):
        inside = du[1:-1, 1:-1]
        slope += np.vdot(bend, inside)
        spread = DT * diffusivity * inside
        inside -= 4 * spread
        du[2:, 1:-1] += spread
        du[:-2, 1:-1] += spread
        du[1:-1, 2:] += spread
        du[1:-1, :-2] += spread
    return np.vdot(off, off), (du, DT * slope)


def for_jax(jax: Any) -> Any:
    def step(_, state):
        u, diffusivity = state
        bend = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]
        return u.at[1:-1, 1:-1].add(DT * diffusivity * bend), diffusivity

    def model(start, diffusivity, target):
        u, _ = jax.lax.fori_loop(0, STEPS, step, (start, diffusivity))
        return jax.numpy.sum((u - target) ** 2)

    return model


def for_torch(torch: Any, whole: Callable[..., Any] = lambda step: step) -> Any:
    @whole
    def step(u, diffusivity):
        # PyTorch lets no view be changed that its backward pass needs: a new field each step.
        bend = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]
        return u + torch.nn.functional.pad(DT * diffusivity * bend, (1, 1, 1, 1))

    def model(start, diffusivity, target):
        u = start
        for _ in range(STEPS):
            u = step(u, diffusivity)
        return torch.sum((u - target) ** 2)

    return model


def data():
    rng = np.random.default_rng(0)
    return rng.uniform(size=(SIDE, SIDE)), 0.8, rng.uniform(size=(SIDE, SIDE))


CASE = Case(
    name="heat",
    title=f"heat equation, {SIDE} x {SIDE}, {STEPS} steps in place",
    model=misfit,
    data=data,
    argnums=(0, 1),
    by_hand=by_hand,
    jax=for_jax,
    torch=for_torch,
    torch_compile=lambda torch: for_torch(torch, torch.compile),
    cannot={"autograd": "in-place writes"},
    remark="JAX cannot write in place: it runs `lax.fori_loop` with `.at[].add`. PyTorch makes a "
    "new field each step; compiled is one step: the whole loop takes over a minute.",
)
