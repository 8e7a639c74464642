"""Inputs on different scales: what a factor on an input does to the gradient of each weight.

A product gate swaps its inputs: the gradient of a weight is its input times what arrives. So an
input a thousand times larger makes its weight's gradient a thousand times larger, and the
curvature along that weight a million times; one step size has to serve the steepest of them.

For a layer X @ W + b with squared error the curvature is A^T A / n with A = [X, 1]; for other
losses that matrix weighted by row. The ratio of its largest to its smallest eigenvalue is what
gradient descent's number of steps is proportional to. It is computed for X as it is, and with
each column brought to mean 0 and spread 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.circuit import Gate, Wire
from glassgrad.diagnose.evidence import PRODUCTS, Evidence, number
from glassgrad.diagnose.report import Finding

__all__ = ["scales"]

_SPREAD = 100.0  # ratio of the columns' sizes from which on it is told
_GAIN = 1e3  # by how much standardising has to help
_MOST_COLUMNS = 500  # beyond, the columns are compared one by one only


def scales(e: Evidence) -> Iterator[Finding]:
    """Data that goes into a layer with columns of very different size."""
    told: set[Any] = set()
    for gate in e.gates:
        found = _data_and_weights(e, gate)
        if found is None:
            continue
        key = (e.origin(gate.inputs[found.side]), found.weights)
        if key not in told:
            told.add(key)
            yield from _judge(e, gate, found)


@dataclass(frozen=True)
class _Inputs:
    columns: Any  # samples x features
    side: int  # of the data in the product
    weights: Wire
    bias: bool


def _data_and_weights(e: Evidence, gate: Gate) -> _Inputs | None:
    """The data of a layer as samples x features, where the running value is data."""
    if gate.op.name not in PRODUCTS or len(gate.inputs) != 2 or not gate.outputs:
        return None
    layer = e.layer(gate)
    if layer is None or gate.op.name not in ("matmul", "dot", "inner", "matvec", "vecmat"):
        return None
    side = 1 - layer[0]
    data = gate.inputs[side]
    if e.parameter(data) is not None or _learned(e, data):
        return None
    value = np.asarray(e.value(data))
    if value.ndim != 2 or value.dtype.kind not in "fiu" or min(value.shape) < 1:
        return None
    columns = value.T if side == 1 and gate.op.name in ("matmul", "dot", "vecmat") else value
    if columns.shape[0] < 2 or not np.isfinite(columns).all():
        return None
    return _Inputs(columns.astype(float), side, layer[1], _has_bias(e, gate))


def _learned(e: Evidence, operand: Any) -> bool:
    """Whether it depends on a parameter: a hidden layer's value is no data."""
    parameters = {w for w in e.active if e.parameter(w) is not None}
    seen: set[Any] = set()
    waiting = [operand]
    while waiting:
        each = waiting.pop()
        if each in parameters:
            return True
        if each not in seen and each in e.drivers:
            waiting += e.drivers[each].inputs
        seen.add(each)
    return False


def _has_bias(e: Evidence, gate: Gate) -> bool:
    return any(
        reader.op.name == "add" and any(
            i is not gate.outputs[0] and e.parameter(i) is not None for i in reader.inputs
        )
        for reader in e.readers.get(gate.outputs[0], [])
    )  # fmt: skip


def _judge(e: Evidence, gate: Gate, found: _Inputs) -> Iterator[Finding]:
    X = found.columns
    mean, spread = X.mean(axis=0), X.std(axis=0)
    size = np.sqrt(np.mean(X**2, axis=0))
    varying = np.flatnonzero(spread > 1e-12 * size)
    if not varying.size:
        return
    sizes = [*size[varying], 1.0] if found.bias else size[varying]
    ratio = float(np.max(sizes) / np.min(sizes))
    shift = float(np.max(np.abs(mean[varying]) / spread[varying]))
    before, after = _curvature(X[:, varying], mean[varying], spread[varying], found.bias)
    if max(ratio, shift) < _SPREAD or before < _GAIN * after:
        return
    what = "row" if found.side == 1 else "column"
    name = e.name(gate.inputs[found.side])
    weights = e.labels[found.weights]
    high = int(varying[np.argmax(spread[varying])])
    low = int(varying[np.argmin(spread[varying])])
    says = (
        f"The {what}s of {name} have very different sizes: {what} {high} spreads {number(spread[high])} "
        f"around {number(mean[high])}, {what} {low} spreads {number(spread[low])} around "
        f"{number(mean[low])}"
        if high != low else
        f"{what} {high} of {name} spreads {number(spread[high])} around {number(mean[high])}"
    )  # fmt: skip
    if found.bias:
        says += "; the bias sees a 1"
    says += ". A weight's gradient is its input times what arrives, so " + _gradients(
        e, found, high, low, size)  # fmt: skip
    says += (
        f" The curvature {_how(X[:, varying])} differs {number(before)}-fold between directions, and one "
        f"step size has to serve the steepest; with {name} standardised it differs "
        f"{number(after)}-fold, and a step can move the flattest direction about "
        f"{number(before / after)} times as far."
    )
    yield e.finding(
        "input-scale", "warning", gate, says,
        f"standardise before: {name} = ({name} - {name}.mean(axis={0 if what == 'column' else 1}"
        f"{'' if what == 'column' else ', keepdims=True'})) / {name}.std(axis="
        f"{0 if what == 'column' else 1}{'' if what == 'column' else ', keepdims=True'}), with mean "
        "and spread of the training data",
        [name, weights], largest=float(spread[high]), smallest=float(spread[low]), ratio=ratio,
        curvature_ratio=before, curvature_ratio_standardised=after,
    )  # fmt: skip


def _gradients(e: Evidence, found: _Inputs, high: int, low: int, size: Any) -> str:
    """What it does to the weights' gradients, as they are here."""
    weights = e.labels[found.weights]
    gradient = e.gradient(found.weights)
    factor = size[high] / size[low] if size[low] else np.inf
    text = f"a factor on an input is a factor on its weight's gradient, squared on its curvature: " \
           f"{number(factor)} and {number(factor**2)} between these two."  # fmt: skip
    features = found.columns.shape[1]
    if gradient is None or features not in gradient.shape or high == low:
        return text
    axis = gradient.shape.index(features)
    rows = np.moveaxis(gradient, axis, 0).reshape(features, -1)
    norms = np.sqrt(np.sum(rows.astype(float) ** 2, axis=1))
    return f"{text} Here the gradient of {weights} has norm {number(norms[high])} for the one and " \
           f"{number(norms[low])} for the other."  # fmt: skip


def _curvature(X: Any, mean: Any, spread: Any, bias: bool) -> tuple[float, float]:
    """The ratio of the largest to the smallest curvature: as it is, and standardised."""
    Z = (X - mean) / spread
    if not _whole(X):
        size = np.sqrt(np.mean(X**2, axis=0))
        sizes = [*size, 1.0] if bias else [*size]
        return float(np.max(sizes) / np.min(sizes)) ** 2, 1.0
    if bias:
        ones = np.ones((len(X), 1))
        X, Z = np.hstack([X, ones]), np.hstack([Z, ones])
    # Singular values, squared: forming A^T A would lose half the digits.
    return _ratio(np.linalg.svd(X, compute_uv=False)), _ratio(np.linalg.svd(Z, compute_uv=False))


def _whole(X: Any) -> bool:
    """Whether the eigenvalues are worth computing: enough samples, not too many columns."""
    return len(X) > X.shape[1] and X.shape[1] <= _MOST_COLUMNS


def _how(X: Any) -> str:
    if _whole(X):
        return "(eigenvalues of A^T A / n with A the data and the bias's ones; exact for squared error)"
    return "(taken along each weight by itself, the mean square of its input)"


def _ratio(singular: Any) -> float:
    """Largest over smallest, squared; directions in which the data does not vary are left out."""
    kept = singular[singular > 1e-12 * singular[0]]
    return float(kept[0] / kept[-1]) ** 2
