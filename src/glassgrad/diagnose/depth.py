"""Where gradients vanish or explode along the longest way from the output to the parameters.

The gradient is measured behind each layer: at the result of every product of the running value
with a parameter. Its norm over all elements is what a good initialisation keeps from layer to
layer (X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
networks", AISTATS 2010), whatever the layers' widths; so its ratio between two layers is told.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from glassgrad.circuit import Gate, Wire
from glassgrad.diagnose.evidence import Evidence, norm, number
from glassgrad.diagnose.report import Finding

__all__ = ["depth"]

_FEWEST = 3  # layers
_RATIO = 1e3  # of the gradient's norm at two layers
_QUIET = frozenset(
    {"add", "subtract", "negative", "getitem", "reshape", "transpose", "sum", "mean"}
)


@dataclass(frozen=True)
class _Layer:
    gate: Gate
    running: Wire | None  # the input that comes from the layer before
    weights: Wire
    norm: float  # of the gradient at its result


def depth(e: Evidence) -> Iterator[Finding]:
    """Whether the gradient's norm changes a thousandfold and more along the layers."""
    layers = [each for each in _longest(e) if each.norm > 0]  # from the output to the inputs
    if len(layers) < _FEWEST or not all(math.isfinite(each.norm) for each in layers):
        return
    sizes = [each.norm for each in layers]
    for kind, falls in (("vanishing", True), ("exploding", False)):
        start, end = _steepest(sizes, falls)
        ratio = sizes[end] / sizes[start]
        if end - start + 1 >= _FEWEST and (ratio < 1 / _RATIO if falls else ratio > _RATIO):
            yield _told(e, kind, layers[start : end + 1], ratio)
            return


def _longest(e: Evidence) -> list[_Layer]:
    """The layers on the way with the most of them, from the output to the inputs."""
    before: dict[Wire, tuple[int, Gate | None]] = {}  # for each wire: how many, and the last
    through: dict[Gate, Wire | None] = {}
    for gate in e.gates:
        if not gate.outputs:
            continue
        wires = [i for i in gate.inputs if isinstance(i, Wire) and i in e.touched]
        found = e.layer(gate)
        if found is not None:
            running = gate.inputs[1 - found[0]]
            wires = [running] if isinstance(running, Wire) and running in e.touched else []
        best = max(wires, key=lambda w: before.get(w, (0, None))[0], default=None)
        count, last = before.get(best, (0, None)) if best is not None else (0, None)
        if found is not None:
            through[gate] = best if last is not None else None
            count, last = count + 1, gate
        for wire in gate.outputs:
            if wire in e.touched:
                before[wire] = count, last
    layers: list[_Layer] = []
    gate_ = before.get(e.outputs[0], (0, None))[1] if e.outputs else None
    while gate_ is not None:
        known = e.layer(gate_)
        assert known is not None
        gradient = e.gradient(gate_.outputs[0])
        running_ = through[gate_]
        layers.append(
            _Layer(gate_, running_, known[1], 0.0 if gradient is None else norm(gradient))
        )
        gate_ = before[running_][1] if running_ is not None else None
    return layers


def _steepest(sizes: Sequence[float], falls: bool) -> tuple[int, int]:
    """The two places between which the gradient falls (or rises) most, going back."""
    best, found = 0.0, (0, 0)
    for start in range(len(sizes)):
        for end in range(start + 1, len(sizes)):
            change = math.log(sizes[start] / sizes[end]) * (1 if falls else -1)
            if change > best:
                best, found = change, (start, end)
    return found


def _told(e: Evidence, kind: str, layers: Sequence[_Layer], ratio: float) -> Finding:
    first, last = layers[0], layers[-1]
    steps = len(layers) - 1
    products, betweens = _factors(e, layers)
    between = _between(e, layers)
    verb, by = ("shrinks", f"to {number(ratio)} of it, {number(ratio ** (1 / steps))} a layer") \
        if kind == "vanishing" else ("grows", f"{number(ratio)} times, {number(ratio ** (1 / steps))} "
                                     "times a layer")  # fmt: skip
    says = (
        f"On the way back the norm of the gradient {verb} from {number(first.norm)} at {e.at(first.gate)} "
        f"to {number(last.norm)} at {e.at(last.gate)}: over {len(layers)} layers {by}. The products "
        f"with the weights scale it by {number(products)} a layer"
    )  # fmt: skip
    says += f", what stands between ({between}) by {number(betweens)}." if between else "."
    own, others = (e.gradient(each.weights) for each in (last, first))
    if last.weights is first.weights:
        if kind == "vanishing":
            says += f" What the function does first hardly counts in the gradient of " \
                    f"{e.labels[last.weights]}."  # fmt: skip
    elif own is not None and others is not None and not 0.1 < norm(own) / norm(others) < 10:
        says += f" {e.labels[last.weights]} gets a gradient of norm {number(norm(own))}, " \
                f"{e.labels[first.weights]} one of {number(norm(others))}."  # fmt: skip
    return e.finding(
        kind, "warning", last.gate, says, _mend(e, kind, layers, products, betweens, between),
        [last.weights, first.weights], ratio=ratio, layers=len(layers),
        per_layer=ratio ** (1 / steps), product_factor=products, between_factor=betweens,
        norm_first=first.norm, norm_last=last.norm,
    )  # fmt: skip


def _factors(e: Evidence, layers: Sequence[_Layer]) -> tuple[float, float]:
    """By how much the products, and all else, change the norm a layer: geometric means."""
    products, rest = [], []
    for later, earlier in pairwise(layers):
        assert later.running is not None
        handed = e.handed(later.gate).get(later.running)
        size = 0.0 if handed is None else norm(handed)
        if size > 0:
            products.append(math.log(size / later.norm))
            rest.append(math.log(earlier.norm / size))
    mean = [math.exp(float(np.mean(each))) if each else 1.0 for each in (products, rest)]
    return mean[0], mean[1]


def _between(e: Evidence, layers: Sequence[_Layer]) -> str:
    """The gates between two layers that change a gradient, most frequent first."""
    found: Counter[str] = Counter()
    for later, earlier in pairwise(layers):
        wire = later.running
        for _ in range(8):
            gate = e.drivers.get(wire) if wire is not None else None
            if gate is None or gate is earlier.gate:
                break
            shown = e.rule_gate(gate)
            if shown.op.name not in _QUIET:
                found[shown.op.name] += 1
            wire = next((i for i in shown.inputs if isinstance(i, Wire) and i in e.touched), None)
    return ", ".join(name for name, _ in found.most_common(2))


def _mend(
    e: Evidence, kind: str, layers: Sequence[_Layer], products: float, betweens: float, between: str
) -> str:  # fmt: skip
    sides = [e.layer(each.gate) for each in layers]
    weights = [e.value(each.weights) for each in layers]
    spread = float(np.median([np.std(w) for w in weights]))
    width = int(
        np.median([_width(each.gate, side[0]) for each, side in zip(layers, sides) if side])
    )
    right = (2.0 if "maximum" in between else 1.0) / max(width, 1)
    if kind == "vanishing" and betweens < products:
        if "sigmoid" in between:
            return ("sigmoid hands on at most a quarter of a gradient: use np.tanh or "
                    "np.maximum(z, 0) in the hidden layers, normalise between them, or add a way "
                    "round, h + f(h)")  # fmt: skip
        return (f"{between or 'what stands between'} starves the gradient: make what goes into it "
                "smaller, normalise between the layers, or add a way round, h + f(h)")  # fmt: skip
    if len({each.weights for each in layers}) == 1:
        return ("the same weights are passed again and again: start them near an orthogonal matrix, "
                "add a way round (a gate, h + f(h)), " + (
                    "or cut the gradient to a largest norm" if kind == "exploding"
                    else "or let fewer steps count"))  # fmt: skip
    size = "small" if kind == "vanishing" else "large"
    root = "sqrt(2 / n)" if right * width > 1 else "1 / sqrt(n)"
    return (f"the weights are too {size}: they spread {number(spread)} around their mean; for n = {width} "
            f"inputs {root} = {number(math.sqrt(right))} keeps the gradient's size")  # fmt: skip


def _width(gate: Gate, side: int) -> int:
    """Over how many inputs a product sums."""
    shape = gate.inputs[side].shape
    if not shape:
        return 1
    return shape[-1] if side == 0 or len(shape) == 1 else shape[-2]
