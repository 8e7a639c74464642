"""What is compared: the values of a function and its gradients, or its gradients and theirs.

It knows the call and glassgrad's transforms; nothing of steps, slopes or tolerances.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassgrad.check.call import Call
from glassgrad.check.rounding import rounding
from glassgrad.check.slopes import Values
from glassgrad.errors import GlassgradWarning, NotDifferentiableError
from glassgrad.runtime.backend import backend
from glassgrad.tracing import Traced
from glassgrad.transforms import value_and_grad, vjp

__all__ = ["Checked", "first_order", "second_order"]


@dataclass(frozen=True)
class Checked:
    """Something to be checked: values as a function of the leaves, and their gradients.

    Attributes
    ----------
    call : Call
        Where the leaves come from.
    values : callable
        Takes the leaves, gives the values as one vector, None where it raises.
    here : array
        The values at the arguments.
    weights : array
        Upstream gradient of the values.
    resolution : array
        Relative rounding error of each value.
    gradients : list
        Gradients of the weighted sum of the values, one array a leaf; several, where glassgrad
        has several ways (traced and compiled).
    weighted : callable
        The weighted sum of the values as a function of the leaves.
    again : callable
        The same of another call.
    """

    call: Call
    values: Callable[[Sequence[Any]], Values | None]
    here: Values
    weights: Values
    resolution: Values
    gradients: list[list[Any]]
    weighted: Callable[..., Any]
    again: Callable[[Call], Checked]

    def rounding(self) -> float:
        """The rounding error of the weighted sum of the values, by all that it is made of."""
        with _quiet():
            return rounding(self.weighted, self.call.leaves)

    def in_double(self) -> Checked | None:
        """The same with the function in float64; None where it is already.

        The gradients stay those of the function in float32, and are still what is checked.
        """
        call = self.call.in_double()
        return None if call is None else replace(self.again(call), gradients=self.gradients)


def first_order(call: Call, rng: np.random.Generator) -> Checked:
    """The values of the function and glassgrad's gradients of them."""
    result = call(*call.leaves)
    picked = _numbers(result)
    if not picked:
        kinds = ", ".join(sorted({type(v).__name__ for v in result})) or "nothing"
        raise NotDifferentiableError(
            f"the function returned {kinds}, which has no gradient: return real numbers"
        )
    scalar = len(result) == 1 and not np.shape(result[0])
    upstream = [_upstream(result[k], rng, scalar) for k in picked]
    checked = _first(picked, upstream, scalar, call)
    if scalar:
        return replace(checked, gradients=_twice(checked.weighted, call))
    with _quiet():
        _, pullback = vjp(_contracted(call, picked, None), *call.leaves)
    pulled = upstream[0] if len(picked) == 1 else tuple(upstream)
    return replace(checked, gradients=[list(pullback(pulled))])


def _first(picked: Sequence[int], upstream: Sequence[Any], scalar: bool, call: Call) -> Checked:
    def values(leaves: Sequence[Any]) -> Values | None:
        found = call(*leaves)
        return _vector([found[k] for k in picked])

    result = call(*call.leaves)
    here = _vector([result[k] for k in picked])
    weights = _vector(upstream)
    assert here is not None and weights is not None
    resolution = np.concatenate([
        np.full(np.size(result[k]), _resolution(result[k])) for k in picked
    ])  # fmt: skip
    weighted = _contracted(call, picked, None if scalar else upstream)
    again = functools.partial(_first, picked, upstream, scalar)
    return Checked(call, _guarded(values), here, weights, resolution, [], weighted, again)


def second_order(call: Call, rng: np.random.Generator) -> Checked:
    """Glassgrad's gradients as the values, contracted with one direction, and their gradients."""
    result = call(*call.leaves)
    picked = _numbers(result)
    scalar = len(result) == 1 and not np.shape(result[0])
    upstream = None if scalar else [_upstream(result[k], rng, scalar) for k in picked]
    direction = [_upstream(leaf, rng, False) for leaf in call.leaves]
    checked = _second(picked, upstream, direction, call)
    return replace(checked, gradients=_twice(checked.weighted, call))


def _second(
    picked: Sequence[int], upstream: Sequence[Any] | None, direction: Sequence[Any], call: Call
) -> Checked:
    contracted = _contracted(call, picked, upstream)
    gradient = value_and_grad(contracted, argnums=tuple(range(len(call.places))))

    def slope(*leaves: Any) -> Any:
        """The slope of the function along the direction."""
        return _inner(direction, gradient(*leaves)[1])

    slope.__wrapped__ = contracted.__wrapped__  # type: ignore[attr-defined]
    slope.__signature__ = contracted.__signature__  # type: ignore[attr-defined]

    def values(leaves: Sequence[Any]) -> Values | None:
        with _quiet():
            return _vector(gradient(*(v.copy() if np.ndim(v) else v for v in leaves))[1])

    here = values(call.leaves)
    weights = _vector(direction)
    assert here is not None and weights is not None
    weights[~np.isfinite(here)] = 0.0
    result = call(*call.leaves)
    coarsest = max(_resolution(result[k]) for k in picked)
    resolution = np.concatenate([
        np.full(np.size(v), max(_resolution(v), coarsest)) for v in call.leaves
    ])  # fmt: skip
    again = functools.partial(_second, picked, upstream, direction)
    return Checked(call, _guarded(values), here, weights, resolution, [], slope, again)


def _twice(function: Callable[..., Any], call: Call) -> list[list[Any]]:
    """The gradients of the first call, which is traced, and of a compiled one."""
    make = value_and_grad(function, argnums=tuple(range(len(call.places))))
    with _quiet():
        traced = list(make(*call.leaves)[1])
        with backend("numpy"):
            return [traced, list(make(*call.leaves)[1])]


def _contracted(call: Call, picked: Sequence[int], upstream: Sequence[Any] | None) -> Any:
    """The function of the differentiated leaves alone: its real results, or their weighted sum."""

    def function(*active: Any) -> Any:
        result = call(*active)
        found = [result[k] for k in picked]
        if upstream is not None:
            return _inner(upstream, found)
        return found[0] if len(found) == 1 else tuple(found)

    # Never called: it shows what the function reads from outside to who looks for that.
    others = [v for n, v in enumerate(call.arguments.leaves) if n not in call.places]
    function.__wrapped__ = functools.partial(call.function, *others)  # type: ignore[attr-defined]
    function.__name__ = getattr(call.function, "__name__", "function")
    function.__signature__ = inspect.Signature([  # type: ignore[attr-defined]
        inspect.Parameter(call.arguments.layout.names[n], inspect.Parameter.POSITIONAL_ONLY)
        for n in call.places
    ])  # fmt: skip
    return function


def _inner(weights: Sequence[Any], values: Sequence[Any]) -> Any:
    total: Any = 0.0
    for weight, value in zip(weights, values, strict=True):
        total = total + (np.sum(weight * value) if np.shape(value) else weight * value)
    return total


def _numbers(result: Sequence[Any]) -> list[int]:
    """Which leaves of a result are real numbers; a lone count is one too, with gradient zero."""

    def kind(value: Any) -> str:
        value = value.value if isinstance(value, Traced) else value
        if isinstance(value, (float, int, np.ndarray, np.generic)):
            return str(np.asarray(value).dtype.kind)
        return ""

    if len(result) == 1 and not np.shape(result[0]) and kind(result[0]) in tuple("fiub"):
        return [0]
    return [k for k, value in enumerate(result) if kind(value) == "f"]


def _upstream(value: Any, rng: np.random.Generator, scalar: bool) -> Any:
    """A weight for every number: 1 for a lone one, else at random, away from 0.

    What is not finite gets 0: no change of it could be seen.
    """
    if scalar:
        return 1.0
    shape = np.shape(value)
    made = rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
    made = np.where(np.isfinite(value), made, 0.0)
    if isinstance(value, np.ndarray):
        return made.astype(value.dtype)
    return float(made) if isinstance(value, (float, int)) else type(value)(made)


def _resolution(value: Any) -> float:
    dtype = np.asarray(value).dtype
    return float(max(np.finfo(dtype).eps if dtype.kind == "f" else 0.0, np.finfo(float).eps))


def _vector(values: Sequence[Any]) -> Values | None:
    """Numbers and arrays, one after the other, in double precision."""
    if any(isinstance(v, complex) for v in values):
        return None
    if len(values) == 1 and not np.shape(values[0]):
        return np.array([float(values[0])])
    return np.concatenate([np.asarray(v, np.float64).ravel() for v in values])


def _guarded(values: Callable[[Sequence[Any]], Values | None]) -> Any:
    def guarded(leaves: Sequence[Any]) -> Values | None:
        try:
            with np.errstate(all="ignore"):
                return values(leaves)
        except Exception:  # it ran at the arguments: whatever it raises, it is not defined there
            return None

    return guarded


class _quiet(warnings.catch_warnings):
    """Without notices on how fast a function will run: here it runs to be checked."""

    def __enter__(self) -> Any:
        entered = super().__enter__()
        warnings.simplefilter("ignore", GlassgradWarning)
        return entered
