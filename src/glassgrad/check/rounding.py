"""How much of a function's value is rounding: from what flows through its circuit.

Each wire is off by about a unit in its last place, and the gradient on it says what that does to
the value. So values that cancel, or a float32 in the middle, are seen for what they are. The
gradients used are those under check; a wrong one spoils an estimate here, not the verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgrad.circuit import Constant
from glassgrad.passes import backprop, depends
from glassgrad.runtime.arguments import resolve
from glassgrad.runtime.gradient import recorded_call
from glassgrad.runtime.interpret import evaluate_all
from glassgrad.runtime.record import reached

__all__ = ["rounding", "size"]


def rounding(function: Callable[..., Any], leaves: Sequence[Any]) -> float:
    """The rounding error of a function that returns one number, in one evaluation.

    Examples
    --------
    >>> rounding(lambda x: (x + 1e8) ** 2 - 1e16, (1.0,)) > 1.0
    True
    >>> rounding(lambda x: x**2 + 3.0, (1.0,)) < 1e-15
    True
    """
    arguments = resolve(tuple(leaves), {}, lambda n: True, ())
    with reached(function, arguments.statics) as outside:
        recorded = recorded_call(function, arguments, False, outside.bindings)
    if len(recorded.circuit.outputs) != 1 or recorded.circuit.outputs[0].dtype.kind != "f":
        return 0.0
    with np.errstate(all="ignore"):
        backward = backprop(recorded.circuit, recorded.active, careful=True)
        values = evaluate_all(backward.circuit, recorded.values)
        moved = depends(recorded.circuit, recorded.active).difference(recorded.active)
        parts = []
        for wire, gradient in backward.gradients.items():
            if wire not in moved:
                continue
            arriving = gradient.value if isinstance(gradient, Constant) else values[gradient]
            off = np.asarray(values[wire], np.float64) * arriving * np.finfo(wire.dtype).eps
            parts.append(size(off))
    return size(np.array(parts))


def size(errors: NDArray[np.float64]) -> float:
    """The root of the sum of squares of what is finite, without overflow on the way."""
    largest = float(np.max(np.abs(errors), where=np.isfinite(errors), initial=0.0))
    if largest == 0:
        return 0.0
    parts = errors / largest
    return largest * float(np.sqrt(np.sum(parts * parts, where=np.isfinite(parts))))
