"""A Gaussian process: log marginal likelihood of 200 points, by its three hyperparameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case

POINTS, INPUTS = 200, 3


def likelihood(lengthscale, amplitude, noise, X, y):
    apart = np.sum((X[:, None, :] - X[None, :, :]) ** 2, axis=-1)
    K = amplitude**2 * np.exp(-0.5 * apart / lengthscale**2) + noise**2 * np.eye(len(y))
    L = np.linalg.cholesky(K)
    white = np.linalg.solve(L, y)
    return -0.5 * white @ white - np.sum(np.log(np.diag(L))) - 0.5 * len(y) * np.log(2 * np.pi)


def by_hand(lengthscale, amplitude, noise, X, y):
    squares = np.einsum("ij,ij->i", X, X)
    apart = squares[:, None] + squares - 2 * (X @ X.T)
    np.fill_diagonal(apart, 0.0)
    signal = amplitude**2 * np.exp(apart * (-0.5 / lengthscale**2))
    K = signal + noise**2 * np.eye(len(y))
    L = np.linalg.cholesky(K)
    inverse = np.linalg.inv(K)
    weights = inverse @ y
    logs = np.sum(np.log(np.diag(L)))
    value = -0.5 * y @ weights - logs - 0.5 * len(y) * np.log(2 * np.pi)
    dK = np.outer(weights, weights)
    dK -= inverse
    dK *= 0.5
    dsignal = dK * signal
    dlengthscale = np.vdot(dsignal, apart) / lengthscale**3
    return value, (dlengthscale, 2 * dsignal.sum() / amplitude, 2 * noise * np.trace(dK))


def for_torch(torch: Any) -> Any:
    def model(lengthscale, amplitude, noise, X, y):
        apart = torch.sum((X[:, None, :] - X[None, :, :]) ** 2, dim=-1)
        eye = torch.eye(len(y), dtype=X.dtype)
        K = amplitude**2 * torch.exp(-0.5 * apart / lengthscale**2) + noise**2 * eye
        L = torch.linalg.cholesky(K)
        white = torch.linalg.solve_triangular(L, y[:, None], upper=False)[:, 0]
        logs = torch.sum(torch.log(torch.diagonal(L)))
        return -0.5 * white @ white - logs - 0.5 * len(y) * np.log(2 * np.pi)

    return model


def for_jax(jax: Any) -> Any:
    jnp = jax.numpy

    def model(lengthscale, amplitude, noise, X, y):
        apart = jnp.sum((X[:, None, :] - X[None, :, :]) ** 2, axis=-1)
        K = amplitude**2 * jnp.exp(-0.5 * apart / lengthscale**2) + noise**2 * jnp.eye(len(y))
        L = jnp.linalg.cholesky(K)
        white = jax.scipy.linalg.solve_triangular(L, y, lower=True)
        logs = jnp.sum(jnp.log(jnp.diagonal(L)))
        return -0.5 * white @ white - logs - 0.5 * len(y) * jnp.log(2 * jnp.pi)

    return model


def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(POINTS, INPUTS))
    return 1.2, 0.9, 0.3, X, np.sin(X.sum(axis=1)) + 0.3 * rng.normal(size=POINTS)


CASE = Case(
    name="gp",
    title=f"Gaussian process, {POINTS} points, cholesky and solve",
    model=likelihood,
    data=data,
    argnums=(0, 1, 2),
    by_hand=by_hand,
    jax=for_jax,
    torch=for_torch,
    remark="JAX and PyTorch are given their triangular solvers; the NumPy function has `solve`.",
)
