"""Kepler's equation by Newton's method: a `while` that ends when the step is small, one orbit."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.case import Case

SMALL = 1e-12


def distance(anomaly, eccentricity):
    """The distance from the sun, in half axes, at a mean anomaly."""
    E = anomaly
    step = 1.0
    while abs(step) > SMALL:
        step = (E - eccentricity * math.sin(E) - anomaly) / (1 - eccentricity * math.cos(E))
        E = E - step
    return 1 - eccentricity * math.cos(E)


def by_hand(anomaly, eccentricity):
    E = anomaly
    step = 1.0
    while abs(step) > SMALL:
        step = (E - eccentricity * math.sin(E) - anomaly) / (1 - eccentricity * math.cos(E))
        E -= step
    # By the implicit function theorem: the derivative of a root needs no walk back.
    r = 1 - eccentricity * math.cos(E)
    along = eccentricity * math.sin(E) / r
    return r, (along, along * math.sin(E) - math.cos(E))


def for_jax(jax: Any) -> Any:
    jnp, lax = jax.numpy, jax.lax

    def model(anomaly, eccentricity):
        def off(E):
            return E - eccentricity * jnp.sin(E) - anomaly

        def solve(function, start):
            def step(state):
                E, _ = state
                move = function(E) / (1 - eccentricity * jnp.cos(E))
                return E - move, move

            return lax.while_loop(lambda s: jnp.abs(s[1]) > SMALL, step, (start, 1.0))[0]

        E = lax.custom_root(off, anomaly, solve, lambda linear, y: y / linear(1.0))
        return 1 - eccentricity * jnp.cos(E)

    return model


def for_casadi(ca: Any) -> Any:
    E, p = ca.MX.sym("E"), ca.MX.sym("p", 2)
    equation = {"x": E, "p": p, "g": E - p[1] * ca.sin(E) - p[0]}
    solver = ca.rootfinder("kepler", "newton", equation, {"abstol": SMALL})

    def model(anomaly, eccentricity):
        found = solver(x0=anomaly, p=ca.vertcat(anomaly, eccentricity))["x"]
        return 1 - eccentricity * ca.cos(found)

    model.symbol = ca.MX  # a solver is no scalar operation
    return model


CASE = Case(
    name="newton",
    title="Kepler's equation by Newton, a `while` on data, one orbit",
    model=distance,
    data=lambda: (0.8, 0.6),
    argnums=(0, 1),
    by_hand=by_hand,
    jax=for_jax,
    casadi=for_casadi,
    remark="JAX can neither trace the loop as written nor reverse its own `lax.while_loop`: it runs "
    "`lax.custom_root`. CasADi has no `while`: it runs its `rootfinder`.",
)
