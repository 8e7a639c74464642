"""A two-layer softmax network, 784-256-10 with tanh, on batches of 64 pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case

INPUTS, HIDDEN, CLASSES, BATCH = 784, 256, 10, 64


def loss(W1, b1, W2, b2, X, labels):
    hidden = np.tanh(X @ W1 + b1)
    scores = hidden @ W2 + b2
    right = scores[np.arange(BATCH), labels]
    return np.mean(np.log(np.sum(np.exp(scores), axis=1)) - right)


def by_hand(W1, b1, W2, b2, X, labels):
    rows = np.arange(BATCH)
    hidden = np.tanh(X @ W1 + b1)
    scores = hidden @ W2 + b2
    odds = np.exp(scores)
    total = odds.sum(axis=1, keepdims=True)
    value = np.mean(np.log(total[:, 0]) - scores[rows, labels])
    dscores = odds / total
    dscores[rows, labels] -= 1
    dscores /= BATCH
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


def data(dtype: Any) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    W1 = rng.normal(size=(INPUTS, HIDDEN)) / np.sqrt(INPUTS)
    W2 = rng.normal(size=(HIDDEN, CLASSES)) / np.sqrt(HIDDEN)
    b1, b2 = rng.normal(size=HIDDEN) / 10, rng.normal(size=CLASSES) / 10
    X = rng.normal(size=(BATCH, INPUTS))
    floats = [a.astype(dtype) for a in (W1, b1, W2, b2, X)]
    return *floats, rng.integers(CLASSES, size=BATCH)


def _case(name: str, dtype: Any, tolerance: float) -> Case:
    return Case(
        name=name,
        title=f"network {INPUTS}-{HIDDEN}-{CLASSES}, tanh, batch {BATCH}, {np.dtype(dtype)}",
        model=loss,
        data=lambda: data(dtype),
        argnums=(0, 1, 2, 3),
        by_hand=by_hand,
        torch=for_torch,
        tolerance=tolerance,
    )


DOUBLE = _case("mlp", np.float64, 1e-9)
SINGLE = _case("mlp-f32", np.float32, 1e-4)
