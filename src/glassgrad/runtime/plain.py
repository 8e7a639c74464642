"""The everyday call: positional floats and arrays, no nests. A few dictionary steps to its path.

What is said here is said in general in `gradient.py`; this is the short cut to the same answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from glassgrad.emit.python import OTHER_PATH
from glassgrad.runtime.arguments import ACTIVE, STATIC, Arguments
from glassgrad.runtime.outside import Outside
from glassgrad.runtime.paths import Path
from glassgrad.runtime.record import Recorded

__all__ = ["PlainCall", "is_plain", "plain_key"]


class Signature(Protocol):
    """What is known for one signature."""

    @property
    def outside(self) -> Outside: ...

    @property
    def paths(self) -> list[Path]: ...


def plain_key(args: Sequence[Any]) -> Any:
    """A key for a call with floats, ints and arrays; None for any other."""
    key: list[Any] = []
    for a in args:
        cls = type(a)
        if cls is np.ndarray:
            key.append(a.dtype)
            key.append(a.shape)
        elif cls is float or cls is int:
            key.append(cls)
        else:
            return None
    return tuple(key)


def is_plain(arguments: Arguments, recorded: Recorded) -> bool:
    """Whether a call can take the short cut from now on."""
    layout = arguments.layout
    return (
        not layout.keywords
        and recorded.aux is None
        and recorded.output.structure is None
        and STATIC not in layout.roles
        and all(structure is None for structure, _ in layout.positional)
        and plain_key(arguments.given) is not None
    )


class PlainCall:
    """Runs the paths of one signature on plain arguments.

    Parameters
    ----------
    signature
        The outside and the paths.
    arguments : Arguments
        A call of this signature.
    order : sequence of int
        Positions of the gradients to give, in order.
    several : bool
        Give a tuple of gradients.
    value : bool
        Give the value too.
    """

    __slots__ = ("_floats", "_order", "_same", "_several", "_signature", "_value")

    def __init__(
        self, signature: Signature, arguments: Arguments, order: Sequence[int], several: bool,
        value: bool,
    ) -> None:  # fmt: skip
        self._signature = signature
        self._same = signature.outside.same
        roles = arguments.layout.roles
        active = [n for n, role in enumerate(roles) if role is ACTIVE]
        self._order = [1 + active.index(n % len(roles)) for n in order]
        # Ints, and 0-d arrays of ints, at a differentiated place count as floats.
        self._floats = [
            (n, _to_float(arguments.given[n])) for n in active
            if type(arguments.given[n]) is not type(arguments.leaves[n])
            or _is_integer_array(arguments.given[n])
        ]  # fmt: skip
        self._several, self._value = several, value

    def __call__(self, args: tuple[Any, ...]) -> Any:
        """The answer, or `OTHER_PATH` where no known path fits."""
        if not self._same():
            return OTHER_PATH
        values: Sequence[Any] = args
        if self._floats:
            changed = list(args)
            for n, convert in self._floats:
                changed[n] = convert(changed[n])
            values = changed
        for path in self._signature.paths:
            results = path(values)
            if results is not OTHER_PATH:
                order = self._order
                gradients = tuple([results[n] for n in order]) if self._several \
                    else results[order[0]]  # fmt: skip
                return (results[0], gradients) if self._value else gradients
        return OTHER_PATH


def _is_integer_array(value: Any) -> bool:
    return type(value) is np.ndarray and value.dtype.kind in "iub"


def _to_float(value: Any) -> Any:
    return (lambda v: np.array(v, float)) if type(value) is np.ndarray else float
