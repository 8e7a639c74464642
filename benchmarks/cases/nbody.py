"""Softened gravitational energy of N bodies: all pairs at once, by broadcasting."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case

SOFTENING = 0.1


def energy(positions, masses):
    apart = positions[:, None, :] - positions[None, :, :]
    distance = np.sqrt(np.sum(apart**2, axis=-1) + SOFTENING**2)
    pairs = masses[:, None] * masses[None, :] / distance
    # Each pair stands there twice, and each body once with itself.
    return -0.5 * (np.sum(pairs) - np.sum(masses**2) / SOFTENING)


def by_hand(positions, masses):
    # |p - q|^2 = |p|^2 + |q|^2 - 2 p.q: products of matrices in place of arrays of N x N x 3.
    squares = np.einsum("ij,ij->i", positions, positions)
    near = positions @ positions.T
    near *= -2.0
    near += squares[:, None]
    near += squares + SOFTENING**2
    np.sqrt(near, out=near)
    np.divide(1.0, near, out=near)
    potential = near @ masses
    value = -0.5 * (masses @ potential - masses @ masses / SOFTENING)
    dmasses = masses / SOFTENING - potential
    cubes = near * near
    cubes *= near
    pulled = cubes @ (masses[:, None] * positions)
    dpositions = masses[:, None] * ((cubes @ masses)[:, None] * positions - pulled)
    return value, (dpositions, dmasses)


def data(bodies: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(bodies, 3)), rng.uniform(0.5, 1.5, size=bodies)


def _case(name: str, bodies: int) -> Case:
    return Case(
        name=name,
        title=f"N-body energy, {bodies} bodies",
        model=energy,
        data=lambda: data(bodies),
        argnums=(0, 1),
        by_hand=by_hand,
    )


SMALL = _case("nbody", 100)
LARGE = _case("nbody-1000", 1000)
