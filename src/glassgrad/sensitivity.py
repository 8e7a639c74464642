"""How the output moves with one input: f(x + h) against the straight line f(x) + h df/dx.

The function itself is called again, as it is; knows one study of it, and nothing of wires inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.circuit import Wire
from glassgrad.errors import NotScalarError, UnsupportedError
from glassgrad.plots import Series, curves
from glassgrad.runtime.arguments import STATIC
from glassgrad.runtime.staging import Study

__all__ = ["Sensitivity", "plot_sensitivity", "sensitivity"]


@dataclass(frozen=True)
class Sensitivity:
    """How the output moves with one input: f(x + h) against the straight line f(x) + h df/dx.

    Attributes
    ----------
    name : str
        The input that was moved, with the index of the element where there is one.
    h : float
        By how much.
    before, after : float
        f(x) and f(x + h).
    line : float
        f(x) + h df/dx.
    """

    name: str
    h: float
    before: float
    after: float
    line: float

    @property
    def error(self) -> float:
        """By how much the straight line missed."""
        return self.after - self.line

    @property
    def goodness(self) -> float:
        """Share of the true change that the straight line told: 1 is perfect."""
        change = self.after - self.before
        if change == 0:
            return 1.0 if self.error == 0 else 0.0
        return 1.0 - abs(self.error / change)

    def __str__(self) -> str:
        return (
            f"moving {self.name} by {self.h:g} takes the output from {self.before:.6g} to "
            f"{self.after:.6g}; the straight line says {self.line:.6g}, off by {self.error:.2g} "
            f"({100 * self.goodness:.4g} % of the change told)"
        )


def sensitivity(study: Study, name: str, h: float, index: Any = None) -> Sensitivity:
    """Move one input, or one element of it, and compare with the straight line."""
    wire = _input(study, name)
    if study.upstream:
        raise UnsupportedError(
            "sensitivity compares the function with its own gradient, and these gradients are "
            "scaled by an upstream gradient: call gg.backprop without upstream"
        )
    before, after = _number(study.recorded.result), _moved(study, wire, h, index)
    label = f"{name}[{index}]" if wire.shape and index is not None else name
    return Sensitivity(label, h, before, after, before + h * _slope(study, wire, index))


def plot_sensitivity(
    study: Study, name: str, index: Any, width: float | None, points: int
) -> Any:  # fmt: skip
    """Draw the function around this point against its tangent."""
    told, wire = sensitivity(study, name, 0.0, index), _input(study, name)
    slope = _slope(study, wire, index)
    value = np.asarray(study.value_of(wire), float)
    here = float(np.mean(value[index] if value.ndim and index is not None else value))
    half = max(abs(here), 1.0) / 2 if width is None else width
    steps = np.linspace(-half, half, points)
    with np.errstate(all="ignore"):
        values = [_or_nan(study, wire, float(h), index) for h in steps]
    called = getattr(study.function, "__name__", "f")
    f = called if called.isidentifier() else "f"
    together = value.ndim and index is None
    return curves(
        f"{f} and its tangent: slope {slope:.4g} at {told.name} = {here:.4g}",
        [Series(f, here + steps, values),
         Series("tangent", here + steps, told.before + slope * steps, dashed=True)],
        x=f"mean of {name}, all elements moved together" if together else told.name, y=f,
        point=(here, told.before),
    )  # fmt: skip


def _input(study: Study, name: str) -> Wire:
    circuit = study.recorded.circuit
    names = [circuit.names.get(w) for w in circuit.inputs]
    if name not in names:
        raise KeyError(f"no input is named {name!r}; there are {names}")
    return circuit.inputs[names.index(name)]


def _slope(study: Study, wire: Wire, index: Any) -> float:
    """By how much the output moves when an input, or one element of it, moves by one."""
    found = study.backward.gradients.get(wire)
    gradient = np.asarray(0.0 if found is None else study.value_of(found))
    return float(np.sum(gradient[index] if gradient.ndim and index is not None else gradient))


def _moved(study: Study, wire: Wire, h: float, index: Any) -> float:
    """The function's value with one input moved by `h`."""
    arguments = study.arguments
    numeric = list(arguments.numeric)
    at = study.recorded.circuit.inputs.index(wire)
    moved = numeric[at]
    if isinstance(moved, np.ndarray) and moved.ndim:
        step = np.zeros_like(moved)
        step[... if index is None else index] = h
        numeric[at] = moved + step
    else:
        numeric[at] = moved + h
    rest = iter(numeric)
    leaves = [next(rest) if role is not STATIC else leaf for leaf, role
              in zip(arguments.leaves, arguments.layout.roles, strict=True)]  # fmt: skip
    args, kwargs = arguments.layout.rebuild(leaves)
    return _number(study.function(*args, **kwargs))


def _or_nan(study: Study, wire: Wire, h: float, index: Any) -> float:
    """The moved function's value; NaN where it has none."""
    try:
        return _moved(study, wire, h, index)
    except (ArithmeticError, ValueError):
        return float("nan")


def _number(value: Any) -> float:
    if np.ndim(value):
        raise NotScalarError("sensitivity needs a function that returns one number")
    return float(value)
