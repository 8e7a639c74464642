"""A mixture of 25 Gaussians on 1000 points: log likelihood with a Wishart prior.

Each has a weight, a mean and the factor of its inverse covariance: the logarithms of the diagonal,
and the lower triangle row by row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import multigammaln

from benchmarks.case import Case, Source, retarget

POINTS, GAUSSIANS = 1000, 25
PRIOR_SCALE, PRIOR_DEGREES = 1, 0


def log_likelihood(alphas, means, icf, x):
    n, d = x.shape
    logs = icf[:, :d]
    lower = triangle(icf[:, d:], d)
    centred = x[None, :, :] - means[:, None, :]
    turned = np.exp(logs)[:, None, :] * centred + centred @ np.swapaxes(lower, 1, 2)
    logs_of_each = alphas + np.sum(logs, axis=1) - 0.5 * np.sum(turned**2, axis=2).T
    total = np.sum(logsumexp(logs_of_each)) - n * logsumexp(alphas[None, :])[0]
    return total + constant(n, d) + prior(logs, lower)


def triangle(values, d):
    filled = np.zeros((len(values), d, d))
    rows, columns = np.tril_indices(d, -1)
    filled[:, rows, columns] = values
    return filled


def logsumexp(a):
    top = np.max(a, axis=1)
    return top + np.log(np.sum(np.exp(a - top[:, None]), axis=1))


def prior(logs, lower):
    squares = np.sum(np.exp(2 * logs)) + np.sum(lower**2)
    return 0.5 * PRIOR_SCALE**2 * squares - PRIOR_DEGREES * np.sum(logs)


def constant(n, d):
    """What no gradient sees: of the Gaussians, and of the prior."""
    degrees = d + PRIOR_DEGREES + 1
    each = degrees * d * (np.log(PRIOR_SCALE) - 0.5 * np.log(2)) - multigammaln(0.5 * degrees, d)
    return -0.5 * n * d * np.log(2 * np.pi) - GAUSSIANS * each


def by_hand(alphas, means, icf, x):
    n, d = x.shape
    k = len(alphas)
    logs = icf[:, :d]
    rows, columns = np.tril_indices(d, -1)
    Q = np.zeros((k, d, d))
    Q[:, rows, columns] = icf[:, d:]
    diagonal = np.exp(logs)
    squares = np.vdot(Q, Q) + np.vdot(diagonal, diagonal)
    Q[:, range(d), range(d)] = diagonal
    # Q (x - mean) as Q x - Q mean: one product of matrices for all Gaussians.
    shift = (Q @ means[:, :, None])[:, :, 0]
    turned = x @ Q.reshape(k * d, d).T
    turned -= shift.reshape(-1)
    turned = turned.reshape(n, k, d)
    shares = alphas + logs.sum(axis=1) - 0.5 * np.einsum("nki,nki->nk", turned, turned)
    top = shares.max(axis=1, keepdims=True)
    shares -= top
    np.exp(shares, out=shares)
    sums = shares.sum(axis=1, keepdims=True)
    shares /= sums
    odds = np.exp(alphas - alphas.max())
    lse = alphas.max() + np.log(odds.sum())
    value = np.sum(top) + np.sum(np.log(sums)) - n * lse + constant(n, d)
    value += 0.5 * PRIOR_SCALE**2 * squares - PRIOR_DEGREES * logs.sum()

    counts = shares.sum(axis=0)
    turned *= -shares[:, :, None]
    pull = turned.sum(axis=0)
    dQ = (turned.reshape(n, k * d).T @ x).reshape(k, d, d) - pull[:, :, None] * means[:, None, :]
    dQ += PRIOR_SCALE**2 * Q
    dicf = np.empty_like(icf)
    dicf[:, :d] = diagonal * np.einsum("kii->ki", dQ) + (counts - PRIOR_DEGREES)[:, None]
    dicf[:, d:] = dQ[:, rows, columns]
    dmeans = -(pull[:, None, :] @ Q)[:, 0, :]
    return value, (counts - n * odds / odds.sum(), dmeans, dicf)


def _gathered(np_: Any, asarray: Any) -> Any:
    """For peers that assign to no element: the triangle is gathered, its upper part from a zero."""

    def triangle(values, d):
        index = np.zeros((d, d), np.int64)
        index[np.tril_indices(d, -1)] = np.arange(1, d * (d - 1) // 2 + 1)
        padded = np_.concatenate([asarray(np.zeros((GAUSSIANS, 1))), values], axis=1)
        return padded[:, index]

    return triangle


def for_autograd(anp: Any) -> Any:
    triangles = _gathered(anp, np.asarray)
    return retarget(log_likelihood, np=anp, triangle=triangles, constant=constant)


def for_jax(jax: Any) -> Any:
    jnp = jax.numpy
    triangles = _gathered(jnp, jnp.asarray)
    return retarget(log_likelihood, np=jnp, triangle=triangles, constant=constant)


def for_torch(torch: Any, d: int) -> Any:
    unseen = constant(POINTS, d)  # SciPy's part: nothing that torch.compile could trace

    def model(alphas, means, icf, x):
        n, d = x.shape
        logs = icf[:, :d]
        rows, columns = torch.tril_indices(d, d, -1)
        lower = torch.zeros(len(alphas), d, d, dtype=x.dtype)
        lower[:, rows, columns] = icf[:, d:]
        centred = x[None, :, :] - means[:, None, :]
        turned = torch.exp(logs)[:, None, :] * centred + centred @ lower.transpose(1, 2)
        each = alphas + torch.sum(logs, dim=1) - 0.5 * torch.sum(turned**2, dim=2).T
        total = torch.sum(torch.logsumexp(each, 1)) - n * torch.logsumexp(alphas, 0)
        squares = torch.sum(torch.exp(2 * logs)) + torch.sum(lower**2)
        wishart = 0.5 * PRIOR_SCALE**2 * squares - PRIOR_DEGREES * torch.sum(logs)
        return total + unseen + wishart

    return model


def data(d: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    means = rng.normal(size=(GAUSSIANS, d))
    icf = rng.normal(size=(GAUSSIANS, d * (d + 1) // 2)) / d
    return rng.normal(size=GAUSSIANS), means, icf, rng.normal(size=(POINTS, d))


def _sizes(d: int) -> dict[str, int]:
    priors = {"PRIOR_SCALE": PRIOR_SCALE, "PRIOR_DEGREES": PRIOR_DEGREES}
    return {"D": d, "K": GAUSSIANS, "N": POINTS, **priors}


def _case(name: str, d: int) -> Case:
    return Case(
        name=name,
        title=f"Gaussian mixture, {d} dimensions, {GAUSSIANS} Gaussians, {POINTS} points",
        model=log_likelihood,
        data=lambda: data(d),
        argnums=(0, 1, 2),
        by_hand=by_hand,
        autograd=for_autograd,
        jax=for_jax,
        torch=lambda torch: for_torch(torch, d),
        c=Source("mixture.c", _sizes(d)),
        remark="autograd and JAX cannot assign to elements: they gather the triangles.",
    )


SMALL = _case("mixture", 10)
LARGE = _case("mixture-64", 64)
