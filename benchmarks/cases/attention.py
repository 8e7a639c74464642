"""Softmax attention of one head: 128 places of 64 numbers, single precision."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.case import Case

PLACES, WIDTH = 128, 64


def attention(q, k, v, weights):
    scores = q @ k.T / math.sqrt(WIDTH)
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares = odds / odds.sum(axis=1, keepdims=True)
    return np.sum(weights * (shares @ v))


def by_hand(q, k, v, weights):
    scale = np.float32(1 / math.sqrt(WIDTH))
    scores = (q * scale) @ k.T
    scores -= scores.max(axis=1, keepdims=True)
    shares = np.exp(scores, out=scores)
    shares /= shares.sum(axis=1, keepdims=True)
    mixed = shares @ v
    dv = shares.T @ weights
    dshares = weights @ v.T
    # The row sums of shares * dshares are those of mixed * weights: fewer columns.
    dshares -= np.einsum("ij,ij->i", mixed, weights)[:, None]
    dshares *= shares
    dshares *= scale
    return np.vdot(weights, mixed), (dshares @ k, dshares.T @ q, dv)


def for_torch(torch):
    def model(q, k, v, weights):
        mixed = torch.nn.functional.scaled_dot_product_attention(q[None], k[None], v[None])[0]
        return torch.sum(weights * mixed)

    return model


def for_jax(jax):
    jnp = jax.numpy

    def model(q, k, v, weights):
        return jnp.sum(weights * (jax.nn.softmax(q @ k.T / math.sqrt(WIDTH), axis=1) @ v))

    return model


def for_autograd(anp):
    def model(q, k, v, weights):
        scores = anp.dot(q, k.T) / math.sqrt(WIDTH)
        # `a.max()` is no gradient for autograd, `np.max(a)` is.
        odds = anp.exp(scores - anp.max(scores, axis=1, keepdims=True))
        shares = odds / anp.sum(odds, axis=1, keepdims=True)
        return anp.sum(weights * anp.dot(shares, v))

    return model


def bare(q, k, v, weights):
    """The six products; their operands are as large and as laid out as in the gradient by hand."""
    shares = q @ k.T

    def call():
        q @ k.T
        shares @ v
        shares.T @ weights
        weights @ v.T
        shares @ k
        shares.T @ q

    return call


def data():
    rng = np.random.default_rng(0)
    return tuple(rng.normal(size=(PLACES, WIDTH)).astype(np.float32) for _ in range(4))


CASE = Case(
    name="attention",
    title=f"softmax attention, {PLACES} x {WIDTH}, float32",
    model=attention,
    data=data,
    argnums=(0, 1, 2),
    by_hand=by_hand,
    jax=for_jax,
    torch=for_torch,
    bare=bare,
    tolerance=1e-4,
    remark="PyTorch and JAX use their own softmax; PyTorch its fused attention.",
)
