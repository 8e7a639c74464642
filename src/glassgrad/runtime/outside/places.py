"""The places that hold the values a function reads, and how to put another value there.

It knows how each kind of place is read, written and named. A place remembers the place its holder
was reached from, so that its path reads as the user would write it (``params["W1"]``); paths are
put together only when somebody asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import is_
from types import FunctionType
from typing import Any, Literal

from .values import ABSENT

__all__ = ["Binding", "Kind", "Place"]

Kind = Literal[
    "argument",
    "class attribute",
    "closure variable",
    "default",
    "dict item",
    "global",
    "instance attribute",
    "list item",
    "partial",
    "tuple item",
]


@dataclass(slots=True, eq=False)
class Place:
    """One place that holds a value: its holder, the key within it and the value at the look.

    ``table`` is what is subscripted to read it (a dict, list or class ``__dict__``), or None where
    it is read otherwise. ``home`` names the module, function or class it belongs to, and ``root``
    the prefix its path needs (a global of another module). ``whole`` is the tuple that a default or
    an argument of a partial stands in: it is put back as the very same object.
    """

    kind: Kind
    holder: Any
    key: Any
    value: Any
    table: Any = None
    parent: Place | None = None
    home: str = ""
    root: str = ""
    whole: tuple[Any, ...] = ()

    def read(self) -> Any:
        """The value held now, or ``ABSENT``."""
        try:
            if self.table is not None:
                if isinstance(self.table, dict):
                    return dict.get(self.table, self.key, ABSENT)
                return self.table[self.key]
            match self.kind:
                case "closure variable":
                    return self.holder.cell_contents
                case "default":
                    return self.holder.__defaults__[self.key]
                case "instance attribute":  # a slot: the key is its descriptor
                    return self.key.__get__(self.holder, type(self.holder))
                case "partial":
                    place, index = self.key
                    return self.holder.func if place == "func" else self.holder.args[index]
        except (LookupError, ValueError, AttributeError, TypeError):
            return ABSENT
        return self.value

    def write(self, value: Any) -> None:
        """Put ``value`` there."""
        match self.kind:
            case "global" | "dict item":
                self.table[self.key] = value
            case "list item":
                self.holder[self.key] = value
            case "closure variable":
                self.holder.cell_contents = value
            case "class attribute":
                type.__setattr__(self.holder, self.key, value)
            case "instance attribute" if self.table is not None:
                self.table[self.key] = value
            case "instance attribute":
                self.key.__set__(self.holder, value)
            case "default" if self.table is not None:
                self.table[self.key] = value
            case "default":
                self._write_default(value)
            case "partial":
                self._write_partial(value)
            case _:
                raise TypeError(f"{self.words} cannot be rebound: it stands in no place of its own")

    def _write_default(self, value: Any) -> None:
        function: FunctionType = self.holder
        function.__defaults__ = self._replaced(function.__defaults__ or (), self.key, value)

    def _write_partial(self, value: Any) -> None:
        place, index = self.key
        func, args, keywords = self.holder.func, self.holder.args, self.holder.keywords
        if place == "func":
            func = value
        else:
            args = self._replaced(args, index, value)
        self.holder.__setstate__((func, args, keywords, self.holder.__dict__))

    def _replaced(self, now: tuple[Any, ...], index: int, value: Any) -> tuple[Any, ...]:
        new = (*now[:index], value, *now[index + 1 :])
        undone = len(new) == len(self.whole) and all(map(is_, new, self.whole))
        return self.whole if undone else new

    @property
    def path(self) -> str:
        """How the user would write it: ``scale``, ``self.W``, ``params["W1"]``."""
        match self.kind:
            case "global" | "argument" | "closure variable":
                return f"{self.root}.{self.key}" if self.root else str(self.key)
            case "class attribute":
                return f"{self.home}.{self.key}"
            case "default":
                return self.root
            case "partial":
                return self.home
        before = self.parent.path if self.parent is not None else self.home
        if self.kind == "instance attribute":
            return f"{before}.{self.root or self.key}"
        key = f'"{self.key}"' if isinstance(self.key, str) else repr(self.key)
        return f"{before}[{key}]"

    @property
    def words(self) -> str:
        """The place in words, for a message."""
        match self.kind:
            case "global":
                return f"global {self.key!r} in module {self.home}"
            case "closure variable":
                return f"closure variable {self.key!r}"
            case "default":
                return f"default of {self.root!r} in {self.home}"
        return self.path

    def source(self, holder: str, key: str) -> str:
        """An expression for the value held now, given the names of the holder and the key."""
        if self.table is not None:
            if isinstance(self.table, dict) and type(self.table) is not dict:
                return f"dict_get({holder}, {key}, ABSENT)"  # a defaultdict would make one up
            return f"{holder}[{key}]"
        if self.kind == "closure variable":
            return f"{holder}.cell_contents"
        return f"{key}.__get__({holder})"

    @property
    def source_holder(self) -> Any:
        """The object that ``holder`` stands for in :meth:`source`."""
        return self.table if self.table is not None else self.holder


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """A place that holds a value the function reads, for who wants to put another there.

    Attributes
    ----------
    kind : str
        "global", "closure variable", "default", "class attribute", "instance attribute",
        "list item", "dict item" or "partial".
    path : str
        The place as the user would write it.
    value : object
        What it held when it was looked at.

    Examples
    --------
    >>> from math import exp
    >>> from glassgrad.runtime.outside import look
    >>> def curve(x, of=exp):
    ...     return of(x)
    >>> binding = look(curve).bindings[0]
    >>> binding.kind, binding.path, binding.value is exp
    ('default', 'of', True)
    >>> binding.rebind(abs)
    >>> curve(-2)
    2
    >>> binding.rebind(binding.value)
    """

    place: Place

    @property
    def kind(self) -> Kind:
        """What holds the value."""
        return self.place.kind

    @property
    def path(self) -> str:
        """The place as the user would write it."""
        return self.place.path

    @property
    def value(self) -> Any:
        """What the place held at the look."""
        return self.place.value

    @property
    def now(self) -> Any:
        """What the place holds now."""
        return self.place.read()

    def rebind(self, value: Any) -> None:
        """Put ``value`` there; ``rebind(binding.value)`` undoes it without a trace."""
        self.place.write(value)
