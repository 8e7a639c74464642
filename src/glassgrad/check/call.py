"""The call that is checked: which numbers are moved, what they are called, what comes out.

It knows arguments and how they are nested; nothing of gradients, steps or tolerances.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassgrad.errors import NotDifferentiableError
from glassgrad.runtime.arguments import ACTIVE, Arguments, parameter_names, resolve
from glassgrad.runtime.gradient import Argnums, selector
from glassgrad.runtime.tree import flatten, leaf_paths

__all__ = ["Call", "take_apart"]


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

    def in_double(self) -> Call | None:
        """The same call with float64 for float32; None where there is no float32."""
        leaves = [_in_double(v) for v in self.arguments.leaves]
        if all(a is b for a, b in zip(leaves, self.arguments.leaves, strict=True)):
            return None
        return replace(self, arguments=replace(self.arguments, leaves=leaves))


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


def _in_double(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype == np.float32:
        return value.astype(np.float64)
    return value


def _takes_float(function: Callable[..., Any], arguments: Arguments, n: int, original: Any) -> bool:
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
    return [path for name, value in (*named, *kwargs.items())
            for path in leaf_paths(name, flatten(value)[1])]  # fmt: skip
