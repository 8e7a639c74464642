"""A two-layer softmax network, 784-256-10 with tanh, on batches of 64 and of 1024 pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case

INPUTS, HIDDEN, CLASSES = 784, 256, 10


def loss(W1, b1, W2, b2, X, labels):
    hidden = np.tanh(X @ W1 + b1)
    scores = hidden @ W2 + b2
    right = scores[np.arange(len(labels)), labels]
    return np.mean(np.log(np.sum(np.exp(scores), axis=1)) - right)


def by_hand(W1, b1, W2, b2, X, labels):
    rows = np.arange(len(labels))
    hidden = np.tanh(X @ W1 + b1)
    scores = hidden @ W2 + b2
    odds = np.exp(scores)
    total = odds.sum(axis=1, keepdims=True)
    value = np.mean(np.log(total[:, 0]) - scores[rows, labels])
    dscores = odds / total
    dscores[rows, labels] -= 1
    dscores /= len(labels)
    dW2 = hidden.T @ dscores
    db2 = dscores.sum(axis=0)
    dpre = (1 - hidden * hidden) * (dscores @ W2.T)
    dW1 = X.T @ dpre
    db1 = dpre.sum(axis=0)
    return value, (dW1, db1, dW2, db2)


def for_torch(torch: Any) -> Any:
    cross_entropy = torch.nn.functional.cross_entropy

    def model(W1, b1, W2, b2, X, labels):
        return cross_entropy(torch.tanh(X @ W1 + b1) @ W2 + b2, labels)

    return model


def bare(W1, b1, W2, b2, X, labels):
    """The five products; their operands are as large and as laid out as in the gradient by hand."""
    hidden = np.tanh(X @ W1)
    scores = hidden @ W2

    def call():
        X @ W1
        hidden @ W2
        hidden.T @ scores
        scores @ W2.T
        X.T @ hidden

    return call


def data(batch: int, dtype: Any) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    W1 = rng.normal(size=(INPUTS, HIDDEN)) / np.sqrt(INPUTS)
    W2 = rng.normal(size=(HIDDEN, CLASSES)) / np.sqrt(HIDDEN)
    b1, b2 = rng.normal(size=HIDDEN) / 10, rng.normal(size=CLASSES) / 10
    X = rng.normal(size=(batch, INPUTS))
    floats = [a.astype(dtype) for a in (W1, b1, W2, b2, X)]
    return *floats, rng.integers(CLASSES, size=batch)


def _case(name: str, batch: int, dtype: Any, tolerance: float) -> Case:
    return Case(
        name=name,
        title=f"network {INPUTS}-{HIDDEN}-{CLASSES}, tanh, batch {batch}, {np.dtype(dtype)}",
        model=loss,
        data=lambda: data(batch, dtype),
        argnums=(0, 1, 2, 3),
        by_hand=by_hand,
        torch=for_torch,
        bare=bare,
        tolerance=tolerance,
    )


DOUBLE = _case("mlp", 64, np.float64, 1e-9)
SINGLE = _case("mlp-f32", 64, np.float32, 1e-4)
LARGE_DOUBLE = _case("mlp-1024", 1024, np.float64, 1e-9)
LARGE_SINGLE = _case("mlp-1024-f32", 1024, np.float32, 1e-4)
