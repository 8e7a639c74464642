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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.circuit import Gate, Operand, Wire
from glassgrad.diagnose.evidence import Evidence, number
from glassgrad.diagnose.report import Finding

__all__ = ["scales"]

_SPREAD = 100.0  # ratio of the columns' sizes from which on it is told
_GAIN = 1e3  # by how much standardising has to help
_MOST_COLUMNS = 500  # beyond, the columns are compared one by one only


def scales(e: Evidence) -> Iterator[Finding]:
    """Data that goes into a layer with columns of very different size."""
    told: set[Any] = set()
    for gate, found in [*_layers(e), *_sums(e)]:
        if found.key not in told:
            told.add(found.key)
            yield from _judge(e, gate, found)


@dataclass(frozen=True)
class _Inputs:
    """The data that meets weights in one place."""

    key: Any
    columns: Any  # samples x features
    names: Sequence[str]  # of the features
    name: str  # of all of them
    wires: tuple[Operand, ...]  # data, then weights
    norms: Any  # of the gradient of each feature's weight; None where it is not known
    bias: bool
    mend: str


def _layers(e: Evidence) -> Iterator[tuple[Gate, _Inputs]]:
    """Products of a matrix of data with a parameter: X @ W, W @ X."""
    for gate in e.gates:
        layer = e.layer(gate)
        if layer is None or gate.op.name not in ("matmul", "dot", "inner", "matvec", "vecmat"):
            continue
        data = gate.inputs[1 - layer[0]]
        if e.parameter(data) is not None or _learned(e, data):
            continue
        value = np.asarray(e.value(data))
        if value.ndim != 2 or value.dtype.kind not in "fiu" or min(value.shape) < 1:
            continue
        lying = layer[0] == 0 and gate.op.name in ("matmul", "dot", "vecmat")
        columns = (value.T if lying else value).astype(float)
        what, name = "row" if lying else "column", e.name(data)
        over = "axis=1, keepdims=True" if lying else "axis=0"
        yield gate, _Inputs(
            (e.origin(data), layer[1]), columns,
            [f"{what} {n}" for n in range(columns.shape[1])], f"the {what}s of {name}",
            (data, layer[1]), _norms(e, gate, layer[0]), _has_bias(e, gate),
            f"{name} = ({name} - {name}.mean({over})) / {name}.std({over})",
        )  # fmt: skip


def _norms(e: Evidence, gate: Gate, side: int) -> Any:
    """The norm of the gradient of each feature's weights."""
    gradient = e.gradient(gate.inputs[side])
    if gradient is None:
        return None
    last = gradient.ndim == 1 or side == 0 or gate.op.name == "inner"
    rows = np.moveaxis(gradient, -1 if last else -2, 0)
    return np.sqrt(np.sum(rows.reshape(len(rows), -1).astype(float) ** 2, axis=1))


def _sums(e: Evidence) -> Iterator[tuple[Gate, _Inputs]]:
    """Features written one by one: a * x + b * z + c, with numbers for weights."""
    found: dict[Gate, list[tuple[Gate, Operand, Wire]]] = {}
    for gate in e.gates:
        if gate.op.name != "multiply" or gate.outputs[0].ndim != 1:
            continue
        for weight, data in (gate.inputs, gate.inputs[::-1]):
            leaf = e.parameter(weight)
            plain = leaf is not None and not weight.shape and len(data.shape) == 1
            if leaf is not None and plain and not _learned(e, data):
                found.setdefault(_sum_of(e, gate)[-1], []).append((gate, data, leaf))
                break
    for total, terms in found.items():
        terms = [t for t in terms if t[1].shape == terms[0][1].shape]
        inputs = [d for _, d, _ in terms]
        names = [e.name(d) for d in inputs]
        used = [e.gradient(g.inputs[0] if g.inputs[1] is d else g.inputs[1]) for g, d, _ in terms]
        norms = None if any(g is None for g in used) else np.abs(np.array(used, float))
        x = names[0]
        yield terms[0][0], _Inputs(
            total, np.stack([np.asarray(e.value(d), float) for d in inputs], axis=1), names,
            ", ".join(names), (*inputs, *[leaf for _, _, leaf in terms]), norms,
            _has_bias(e, *[each for g, _, _ in terms for each in _sum_of(e, g)]),
            f"{x} = ({x} - {x}.mean()) / {x}.std()" + (", and so on" if len(terms) > 1 else ""),
        )  # fmt: skip


def _sum_of(e: Evidence, gate: Gate) -> list[Gate]:
    """A term, and the sums it goes into one after the other."""
    chain = [gate]
    while True:
        readers = e.readers.get(chain[-1].outputs[0], [])
        if len(readers) != 1 or readers[0].op.name != "add":
            return chain
        chain.append(readers[0])


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


def _has_bias(e: Evidence, *gates: Gate) -> bool:
    """Whether a parameter by itself is added to what one of these gates makes."""
    return any(
        reader.op.name == "add" and any(
            i is not gate.outputs[0] and e.parameter(i) is not None for i in reader.inputs
        )
        for gate in gates for reader in e.readers.get(gate.outputs[0], [])
    )  # fmt: skip


def _judge(e: Evidence, gate: Gate, found: _Inputs) -> Iterator[Finding]:
    X = found.columns
    if len(X) < 2 or not np.isfinite(X).all():
        return
    mean, spread = X.mean(axis=0), X.std(axis=0)
    size = np.sqrt(np.mean(X**2, axis=0))
    varying = np.flatnonzero(spread > 1e-12 * size)
    if not varying.size:
        return
    sizes = [*size[varying], 1.0] if found.bias else size[varying]
    ratio = float(np.max(sizes) / np.min(sizes))
    shift = float(np.max(np.abs(mean[varying]) / spread[varying])) if found.bias else 0.0
    before, after = _curvature(X[:, varying], mean[varying], spread[varying], found.bias)
    if max(ratio, shift) < _SPREAD or before < _GAIN * after:
        return
    high, low = (int(varying[n]) for n in (np.argmax(spread[varying]), np.argmin(spread[varying])))

    def told(n: int) -> str:
        return f"{found.names[n]} spreads {number(spread[n])} around {number(mean[n])}"

    if high != low:
        apart = np.max(size[varying]) >= _SPREAD * np.min(size[varying])
        how = "have very different sizes" if apart else "lie far off zero for how much they vary" \
            if shift >= _SPREAD else "are of another size than the bias's 1"  # fmt: skip
        says = f"{_capital(found.name)} {how}: {told(high)}, {told(low)}"
        says += ", and the bias sees a 1. " if found.bias else ". "
    else:
        says = f"Of {found.name} {told(high)}, while the bias sees a 1. " if found.names[0] != found.name \
            else f"{told(high)}, while the bias sees a 1. "  # fmt: skip
    says += "A weight's gradient is its input times what arrives, so a factor on an input is a factor " \
            "on its weight's gradient, squared on its curvature"  # fmt: skip
    if high != low:
        factor = size[high] / size[low]
        says += f": {number(factor)} and {number(factor**2)} between these two"
        if found.norms is not None:
            says += f"; here the norms of the gradients are {number(found.norms[high])} and " \
                    f"{number(found.norms[low])}"  # fmt: skip
    says += (
        f". The curvature {_how(X[:, varying], found.bias)} differs {number(before)}-fold between "
        f"directions, and one step size has to serve the steepest. Standardised it differs "
        f"{number(after)}-fold, and a step can move the flattest direction about "
        f"{number(before / after)} times as far."
    )
    yield e.finding(
        "input-scale", "warning", gate, says,
        f"standardise before: {found.mend}, with mean and spread of the training data",
        found.wires, largest=float(spread[high]), smallest=float(spread[low]), ratio=ratio,
        curvature_ratio=before, curvature_ratio_standardised=after,
    )  # fmt: skip


def _capital(text: str) -> str:
    return f"T{text[1:]}" if text.startswith("the ") else text


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
    return bool(len(X) > X.shape[1] and X.shape[1] <= _MOST_COLUMNS)


def _how(X: Any, bias: bool) -> str:
    if _whole(X):
        data = "the data and a column of ones for the bias" if bias else "the data"
        return f"(eigenvalues of A^T A / n, A being {data}; exact for squared error)"
    return "(taken along each weight by itself, the mean square of its input)"


def _ratio(singular: Any) -> float:
    """Largest over smallest, squared; directions in which the data does not vary are left out."""
    kept = singular[singular > 1e-12 * singular[0]]
    return float(kept[0] / kept[-1]) ** 2
