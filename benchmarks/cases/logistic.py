"""Logistic regression with a ridge: one tall matrix product there and one back."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case

ROWS, COLUMNS = 10_000, 100
RIDGE = 1e-3


def logistic(w, X, y):
    margins = y * (X @ w)
    return np.mean(np.logaddexp(0.0, -margins)) + RIDGE * np.sum(w**2)


def by_hand(w, X, y):
    margins = y * (X @ w)
    # exp(-|m|) serves both the loss, stably, and its slope.
    small = np.exp(-np.abs(margins))
    loss = np.mean(np.log1p(small) + np.maximum(-margins, 0.0))
    slope = np.where(margins > 0, small, 1.0) / (1.0 + small)  # sigmoid(-m)
    dw = X.T @ (slope * y) / -len(y) + 2.0 * RIDGE * w
    return loss + RIDGE * w.dot(w), (dw,)


def for_torch(torch: Any) -> Any:
    softplus = torch.nn.functional.softplus

    def model(w, X, y):
        margins = y * (X @ w)
        return torch.mean(softplus(-margins)) + RIDGE * torch.sum(w**2)

    return model


def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, COLUMNS))
    y = np.where(X @ rng.normal(size=COLUMNS) + rng.normal(size=ROWS) > 0, 1.0, -1.0)
    return rng.normal(size=COLUMNS) / 10, X, y


CASE = Case(
    name="logistic",
    title=f"logistic regression, {ROWS:,} x {COLUMNS}",
    model=logistic,
    data=data,
    argnums=(0,),
    by_hand=by_hand,
    torch=for_torch,
)
