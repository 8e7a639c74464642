"""The call that is checked: which numbers are moved, what comes out, and glassgrad's gradients.

It knows arguments, results and the transforms; nothing of steps, slopes or tolerances.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optree

from glassgrad.check.rounding import rounding
from glassgrad.check.slopes import Values
from glassgrad.errors import GlassgradWarning, NotDifferentiableError
from glassgrad.runtime.arguments import ACTIVE, Arguments, parameter_names, resolve
from glassgrad.runtime.gradient import Argnums, selector
from glassgrad.runtime.tree import flatten
from glassgrad.tracing import Traced
from glassgrad.transforms import value_and_grad, vjp

__all__ = ["Call", "Checked", "first_order", "second_order", "take_apart"]


@dataclass(frozen=True)
class Call:
    """A call taken apart.

    Attributes
    ----------
    function : callable
        The function under check.
    arguments : Arguments
        All leaves of the call.
    places : tuple of int
        Which of them are differentiated.
    labels : tuple of str
        How the user would write each of these: ``params['W1']``.
    """

    function: Callable[..., Any]
    arguments: Arguments
    places: tuple[int, ...]
    labels: tuple[str, ...]

    @property
    def leaves(self) -> list[Any]:
        """The values that are differentiated; arrays are copied, as functions may write to them."""
        found = [self.arguments.leaves[n] for n in self.places]
        return [v.copy() if type(v) is np.ndarray else v for v in found]

    def __call__(self, *active: Any) -> list[Any]:
        """The leaves of the result for these values; arrays are copied here too."""
        leaves = [v.copy() if type(v) is np.ndarray else v for v in self.arguments.leaves]
        for n, value in zip(self.places, active, strict=True):
            leaves[n] = value.copy() if type(value) is np.ndarray else value
        args, kwargs = self.arguments.layout.rebuild(leaves)
        return flatten(self.function(*args, **kwargs))[0]


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
    """

    call: Call
    values: Callable[[Sequence[Any]], Values | None]
    here: Values
    weights: Values
    resolution: Values
    gradients: list[list[Any]]
    weighted: Callable[..., Any]

    def rounding(self) -> float:
        """The rounding error of the weighted sum of the values, by all that it is made of."""
        with _quiet():
            return rounding(self.weighted, self.call.leaves)


def take_apart(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any],
    argnums: Argnums | None,
) -> Call:  # fmt: skip
    """Find out what is differentiated, and what it is called."""
    names = parameter_names(function)
    if argnums is not None:
        arguments = resolve(args, kwargs, selector(argnums, names, function), names)
    else:
        # Keyword arguments that are ints are settings (axis=0) far more often than variables.
        settings = {k for k, v in kwargs.items() if _is_whole(v)}
        arguments = resolve(args, kwargs, lambda n: n not in settings, names, lenient=True)
    labels = _labels(args, kwargs, names)
    places = [n for n, role in enumerate(arguments.layout.roles) if role is ACTIVE]
    if argnums is None:
        originals = [leaf for v in (*args, *kwargs.values()) for leaf in flatten(v)[0]]
        for n in [n for n in places if _is_whole(originals[n])]:
            if not _takes_float(function, arguments, n, originals[n]):
                places.remove(n)
                arguments.leaves[n] = originals[n]
    if not places:
        raise NotDifferentiableError(
            "there is nothing to check: no argument is a float or an array of floats; pass "
            "floats, or name the arguments in argnums"
        )
    return Call(function, arguments, tuple(places), tuple(labels[n] for n in places))


def _is_whole(value: Any) -> bool:
    """Whether a value is an int or a bool, which may be a number to move or a setting."""
    return isinstance(value, (int, np.integer, np.bool_)) or (
        isinstance(value, np.ndarray) and not value.shape and value.dtype.kind in "iub"
    )


def _takes_float(
    function: Callable[..., Any], arguments: Arguments, n: int, original: Any
) -> bool:
    """Whether an int can be moved: not where it is a size, an index, an axis or a flag."""
    if isinstance(original, (bool, np.bool_)):
        return False
    # The leaves hold it as a float already; nothing takes 2.0 for a size or an axis.
    leaves = [v.copy() if type(v) is np.ndarray else v for v in arguments.leaves]
    args, kwargs = arguments.layout.rebuild(leaves)
    try:
        with np.errstate(all="ignore"):
            function(*args, **kwargs)
    except (TypeError, IndexError, NotDifferentiableError):
        return False
    except Exception:
        return True  # such as a domain error: it was used as a number
    return True


def _labels(args: tuple[Any, ...], kwargs: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """How the user would write each leaf."""
    named = [(names[n] if n < len(names) else f"x{n}", v) for n, v in enumerate(args)]
    labels = []
    for name, value in (*named, *kwargs.items()):
        structure = flatten(value)[1]
        if structure is None:
            labels.append(name)
        else:
            labels += [a.codify(name) for a in optree.treespec_accessors(structure)]
    return labels


# -- what is checked ---------------------------------------------------------------------------


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

    def values(leaves: Sequence[Any]) -> Values | None:
        found = call(*leaves)
        return _vector([found[k] for k in picked])

    here = _vector([result[k] for k in picked])
    weights = _vector(upstream)
    assert here is not None and weights is not None
    resolution = np.concatenate([
        np.full(np.size(result[k]), _resolution(result[k])) for k in picked
    ])  # fmt: skip
    if scalar:
        gradients = _twice(_contracted(call, picked, None), call)
    else:
        with _quiet():
            _, pullback = vjp(_contracted(call, picked, None), *call.leaves)
        pulled = upstream[0] if len(picked) == 1 else tuple(upstream)
        gradients = [list(pullback(pulled))]
    weighted = _contracted(call, picked, None if scalar else upstream)
    return Checked(call, _guarded(values), here, weights, resolution, gradients, weighted)


def second_order(call: Call, rng: np.random.Generator) -> Checked:
    """Glassgrad's gradients as the values, contracted with one direction, and their gradients."""
    result = call(*call.leaves)
    picked = _numbers(result)
    scalar = len(result) == 1 and not np.shape(result[0])
    upstream = None if scalar else [_upstream(result[k], rng, scalar) for k in picked]
    contracted = _contracted(call, picked, upstream)
    every = tuple(range(len(call.places)))
    gradient = value_and_grad(contracted, argnums=every)
    direction = [_upstream(leaf, rng, False) for leaf in call.leaves]

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
    resolution = np.concatenate([
        np.full(np.size(v), max(_resolution(v), *(_resolution(result[k]) for k in picked)))
        for v in call.leaves
    ])  # fmt: skip
    gradients = _twice(slope, call)
    return Checked(call, _guarded(values), here, weights, resolution, gradients, slope)


def _twice(function: Callable[..., Any], call: Call) -> list[list[Any]]:
    """The gradients of the first call, which is traced, and of the second, which is compiled."""
    make = value_and_grad(function, argnums=tuple(range(len(call.places))))
    with _quiet():
        return [list(make(*call.leaves)[1]) for _ in range(2)]


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
    """A weight for every number: 1 for a lone one, else at random, away from 0; 0 for what is not
    finite, of which nothing could be seen."""
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
