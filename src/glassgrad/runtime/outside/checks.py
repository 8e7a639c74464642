"""One thing that must still hold, and many such things made into one fast function.

It knows the checks on what is bound to a name: that a place holds the same value, that a name is
still missing, that a function still has its code. Each check has a slow and exact form (``holds``)
and a piece of source that is true only if nothing changed; :func:`fast` joins these pieces into
one function, because a chain of ``g["scale"] is v`` runs at the speed of a few dict look-ups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from .places import Place
from .values import ABSENT, alike, describe

__all__ = ["Check", "Fixed", "Held", "Missing", "Names", "Rows", "fast"]

_LARGEST = 400  # more checks than this are run one by one: compiling them would cost milliseconds

Bind = Callable[[object], str]


class Rows(Protocol):
    """Where checks are written down for native code; each method says whether there is a row."""

    def item(self, table: Any, key: Any, value: Any) -> bool: ...

    def missing(self, table: Any, key: Any) -> bool: ...

    def pairs(self, table: Any, keys: Sequence[Any], values: Sequence[Any] | None) -> bool: ...

    def cell(self, cell: Any, value: Any) -> bool: ...

    def fixed(self, owner: Any, attribute: str, value: Any) -> bool: ...

    def list_items(self, given: list[Any], items: list[Any]) -> bool: ...

    def array_form(
        self, array: Any, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...],
        frozen: bool,
    ) -> bool: ...  # fmt: skip

    def array_bytes(self, array: Any, saved: Any) -> bool: ...

    def python(self, test: Callable[[], bool]) -> None: ...


class Check(Protocol):
    """Something that was so when the function was looked at."""

    def holds(self) -> bool:
        """Whether it is still so: exact, not fast."""

    def words(self) -> str:
        """What changed; asked only when it does not hold."""

    def source(self, bind: Bind) -> str:
        """An expression that is true only if it holds; ``bind`` names an object in it."""

    def rows(self, rows: Rows) -> bool:
        """Write it down by identity, as it is now; False where only Python can tell."""


class Held:
    """A place holds the same value."""

    __slots__ = ("place",)

    def __init__(self, place: Place) -> None:
        self.place = place

    def holds(self) -> bool:
        """Whether the place holds the value it held."""
        return alike(self.place.read(), self.place.value)

    def words(self) -> str:
        """Which place, what it held and what it holds."""
        return changed(self.place.words, self.place.value, self.place.read())

    def source(self, bind: Bind) -> str:
        """Identity, which is nearly always enough."""
        place = self.place
        if place.value is ABSENT:
            return "False"
        holder, value = bind(place.source_holder), bind(place.value)
        key = repr(place.key) if type(place.key) is str else bind(place.key)
        return f"{place.source(holder, key)} is {value}"

    def rows(self, rows: Rows) -> bool:
        """What is there now, if it is the same value."""
        place = self.place
        now = place.read()
        if now is ABSENT or not alike(now, place.value):
            return False
        if place.table is not None:
            return rows.item(place.table, place.key, now)
        return place.kind == "closure variable" and rows.cell(place.holder, now)


class Missing:
    """A name is still not there, so that another table (the builtins) is asked."""

    __slots__ = ("_name", "_table", "_words")

    def __init__(self, table: Mapping[str, Any], name: str, words: str) -> None:
        self._table, self._name, self._words = table, name, words

    def holds(self) -> bool:
        """Whether it is still missing."""
        return self._name not in self._table

    def words(self) -> str:
        """Which name came up."""
        return f"{self._words} was not there, is {describe(self._table.get(self._name))}"

    def source(self, bind: Bind) -> str:
        """The same, as an expression."""
        return f"{self._name!r} not in {bind(self._table)}"

    def rows(self, rows: Rows) -> bool:
        """The same."""
        return rows.missing(self._table, self._name)


class Fixed:
    """An attribute of the language's own (``__code__``, ``__mro__``) is the very same object."""

    __slots__ = ("_attribute", "_owner", "_value", "_words")

    def __init__(self, owner: Any, attribute: str, words: str) -> None:
        self._owner, self._attribute, self._words = owner, attribute, words
        self._value = self._read()

    def _read(self) -> Any:
        if self._attribute == "__dict__":  # past a __getattribute__ of the user's
            return object.__getattribute__(self._owner, "__dict__")
        if self._attribute == "__class__":  # past a __class__ that is only claimed
            return type(self._owner)
        return getattr(self._owner, self._attribute)

    def holds(self) -> bool:
        """Whether it is the same object."""
        return self._read() is self._value

    def words(self) -> str:
        """Whose attribute changed."""
        return self._words

    def source(self, bind: Bind) -> str:
        """The same, as an expression."""
        owner, value = bind(self._owner), bind(self._value)
        if self._attribute == "__class__":
            return f"type({owner}) is {value}"
        own = type(self._owner).__getattribute__
        plain = own is object.__getattribute__ or own is type.__getattribute__  # type: ignore[comparison-overlap]
        return f"{owner}.{self._attribute} is {value}" if plain else "False"

    def rows(self, rows: Rows) -> bool:
        """The same, past what the user's class makes of the attribute."""
        return rows.fixed(self._owner, self._attribute, self._value)


class Names:
    """No entry came up in a table under a name that the code reads and that was not there.

    Parameters
    ----------
    table : mapping
        A ``__dict__``.
    read : set of str or None
        The names read that are not there; None for a table of which everything is read.
    words : str
        What the table belongs to.
    """

    __slots__ = ("_first", "_keys", "_read", "_table", "_words")

    def __init__(self, table: Mapping[str, Any], read: frozenset[str] | None, words: str) -> None:
        self._table, self._read, self._words = table, read, words
        self._keys = self._first = [*table]

    def holds(self) -> bool:
        """Whether no such entry came up."""
        keys = [*self._table]
        if keys == self._keys:
            return True
        if self._came_up(keys):
            return False
        self._keys = keys  # unrelated entries: remember them, so that the fast form is fast again
        return True

    def words(self) -> str:
        """Which entry came up, or went away where everything is read."""
        name = self._came_up([*self._table])[0]
        return f"{self._words}.{name} {'is new' if name in self._table else 'went away'}"

    def source(self, bind: Bind) -> str:
        """The list of keys is the same, which C compares key by key by identity."""
        return f"[*{bind(self._table)}] == {bind(self)}._keys"

    def rows(self, rows: Rows) -> bool:
        """The same keys in the same order."""
        return rows.pairs(self._table, self._keys, None)

    def _came_up(self, keys: list[str]) -> list[str]:
        if self._read is not None:
            return [key for key in keys if key in self._read]
        return [
            key for key in {*keys}.symmetric_difference(self._first) if not key.startswith("__")
        ]


def changed(where: str, before: Any, now: Any) -> str:
    """The sentence for a place that holds something else."""
    if describe(before) == describe(now):
        return f"{where} is another object than before: {describe(now)}"
    return f"{where} was {describe(before)}, is {describe(now)}"


def fast(checks: Sequence[Check]) -> Callable[[], bool]:
    """One function that says whether all ``checks`` hold.

    The function made here reads, for a global and a helper::

        def same():
            try:
                return (
                    (o0['scale'] is o1 or o2.holds()) and
                    (o3.__code__ is o4 or o5.holds())
                )
            except Exception:
                return False

    where ``o0`` is the module's globals, ``o1`` the value of ``scale`` and ``o2`` the check itself:
    the exact form is asked when identity does not settle it.
    """
    if len(checks) > _LARGEST:
        return lambda: all(check.holds() for check in checks)
    objects: dict[str, object] = {"dict_get": dict.get, "ABSENT": ABSENT}
    known: dict[int, str] = {}

    def bind(thing: object) -> str:
        name = known.get(id(thing))
        if name is None:
            name = known[id(thing)] = f"o{len(known)}"
            objects[name] = thing
        return name

    terms = [f"({check.source(bind)} or {bind(check)}.holds())" for check in checks] or ["True"]
    body = " and\n            ".join(terms)
    text = (
        "def same():\n"
        "    try:\n"
        f"        return (\n            {body}\n        )\n"
        "    except Exception:\n"
        "        return False\n"
    )
    exec(compile(text, "<glassgrad: what must hold>", "exec"), objects)
    same: Callable[[], bool] = objects["same"]  # type: ignore[assignment]
    return same
