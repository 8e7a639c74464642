"""What ``look`` gives back: the outside of one function at one moment.

It joins the checks into two fast functions when they are first worth it, and puts what changed into
words. It knows nothing of how the checks came about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from numpy.typing import NDArray

from .checks import Check, Rows, fast
from .places import Binding, Place
from .visits import visit
from .walk import BUDGET, Walk

__all__ = ["Outside", "look"]

_ONE_BY_ONE = 10  # so many calls are answered check by check; from then on compiling is worth it


class Outside:
    """Everything a function read besides its arguments, as it was when it was looked at.

    Attributes
    ----------
    bindings : tuple of Binding
        Each place that holds a value the function can read. Plain items (numbers, strings) of
        lists and dicts are left out, and so are items of tuples, which cannot be rebound.
    arrays : tuple of (ndarray, str)
        The arrays that can be reached, each with its path as the user would write it.
    impure : tuple of str
        Why results of this function can never be kept; empty for an ordinary function.

    Examples
    --------
    >>> import numpy as np
    >>> W = np.ones(2)
    >>> def scaled(x):
    ...     return W * x
    >>> outside = look(scaled)
    >>> outside.same(), outside.arrays[0][1], outside.impure
    (True, 'W', ())
    >>> W[0] = 5.0
    >>> outside.same(), outside.difference()
    (False, 'W (array contents)')
    """

    __slots__ = (
        "__weakref__",
        "_arrays",
        "_bound",
        "_calls",
        "_contents",
        "_fast",
        "_places",
        "impure",
    )

    def __init__(self, walk: Walk) -> None:
        self._arrays = tuple(walk.arrays)
        self.impure = tuple(walk.reasons)
        self._places = tuple(walk.places.values())
        self._bound: tuple[Check, ...] = (*walk.bound, *walk.items)
        self._contents: tuple[Check, ...] = tuple(walk.contents)
        self._calls = 0
        self._fast: tuple[Callable[[], bool], Callable[[], bool]] | None = None

    def same(self) -> bool:
        """Whether nothing is rebound and nothing has changed."""
        if self._fast is not None:
            return self._fast[0]()
        return self._slowly((*self._bound, *self._contents))

    def bound(self) -> bool:
        """As :meth:`same`, save for what the arrays hold (their dtype and shape count).

        For who reads the arrays afresh at each call.
        """
        if self._fast is not None:
            return self._fast[1]()
        return self._slowly(self._bound)

    def forget_contents(self) -> None:
        """Let go of the copies of the arrays; :meth:`same` is :meth:`bound` from then on."""
        self._contents = ()
        self._fast = None

    def checker(self) -> Callable[[], bool]:
        """:meth:`same` as a plain function without arguments, the fastest form there is."""
        return self._compiled()[0]

    def rows(self, rows: Rows) -> None:
        """Write :meth:`same` down for native code, as far as it goes; Python tells the rest."""
        rest = [c for c in (*self._bound, *self._contents) if not c.rows(rows)]
        if rest:
            rows.python(fast(rest))

    def difference(self) -> str | None:
        """The first thing that changed, in words; None where nothing did."""
        for check in (*self._bound, *self._contents):
            try:
                if not check.holds():
                    return check.words()
            except Exception as error:  # what cannot be compared any more has changed
                return f"something that was read can be read no more ({error})"
        return None

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """Each place that holds a value, for who wants to put another there."""
        kept = (place for place in self._places if _can_be_rebound(place))
        return tuple(Binding(place) for place in kept)

    @property
    def arrays(self) -> tuple[tuple[NDArray[Any], str], ...]:
        """The arrays that can be reached, each with its path."""
        return tuple((array, path()) for array, path in self._arrays)

    def _slowly(self, checks: Iterable[Check]) -> bool:
        self._calls += 1
        if self._calls > _ONE_BY_ONE:
            self._compiled()
        try:
            return all(check.holds() for check in checks)
        except Exception:
            return False

    def _compiled(self) -> tuple[Callable[[], bool], Callable[[], bool]]:
        if self._fast is None:
            bound = fast(self._bound)
            whole = fast((*self._bound, *self._contents)) if self._contents else bound
            self._fast = whole, bound
        return self._fast

    def __repr__(self) -> str:
        count = len(self._bound) + len(self._contents)
        return f"<Outside: {count} checks, {len(self._places)} places, {len(self._arrays)} arrays>"


def _can_be_rebound(place: Place) -> bool:
    return place.kind not in ("argument", "tuple item")


def look(
    function: Callable[..., Any],
    *objects: Any,
    names: tuple[str, ...] = (),
    budget: int = BUDGET,
) -> Outside:
    """Walk over everything ``function`` can read besides its arguments, and remember it.

    Parameters
    ----------
    function : callable
        A function, method, lambda, partial or callable instance.
    *objects : object
        Arguments that are not numbers, such as an instance of a model: what the code reads of them
        is looked at as well.
    names : tuple of str
        What to call ``objects`` in messages and paths.
    budget : int
        How many objects to visit at most; beyond it the function counts as impure.

    Examples
    --------
    >>> scale = 2.0
    >>> def twice(x):
    ...     return scale * x
    >>> outside = look(twice)
    >>> scale = 3.0
    >>> outside.same()
    False
    >>> print(outside.difference().partition(" in module ")[0])
    global 'scale'
    """
    walk = Walk(visit, budget)
    walk.run(function, objects, names)
    return Outside(walk)
