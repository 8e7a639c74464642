"""The walk from a function over everything it can read, to checks, places and arrays.

It follows code (which names are read), objects (where those names lead) and both in turn until
nothing new comes up, since code found late may read another attribute of an instance found early.
What one kind of object leads to is in ``visits``; this file knows the order of things: the queue,
the names, the budget.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from types import FunctionType, MethodType, ModuleType
from typing import Any

from numpy.typing import NDArray

from .checks import Check, Held, Missing
from .libraries import Libraries
from .places import Place
from .tables import PROTOCOLS, Table
from .unsafe import unsafe
from .values import is_a, is_plain

__all__ = ["BUDGET", "Walk"]

BUDGET = 20_000

# What follows one object: the walk, the object, where it was found, whether it is used loosely.
Visit = Callable[["Walk", Any, Place | None, bool], None]


class Walk:
    """The state of one walk; ``run`` does it all.

    Attributes
    ----------
    bound, items, contents : list of Check
        What is bound where, what containers hold, what arrays hold: in the order of their cost.
    places : dict
        Each place that holds a value, by holder and key.
    arrays : list of (ndarray, function that gives its path)
    reasons : dict
        Why the function is impure; a dict for its order.
    names : set of str
        The attribute names that occur in the code so far.
    functions : list
        The user's functions found so far.
    """

    def __init__(self, visit: Visit, budget: int = BUDGET) -> None:
        self._visit = visit
        self.libraries = Libraries(set())
        self.bound: list[Check] = []
        self.items: list[Check] = []
        self.contents: list[Check] = []
        self.places: dict[tuple[int, Any], Place] = {}
        self.arrays: list[tuple[NDArray[Any], Callable[[], str]]] = []
        self.reasons: dict[str, None] = {}
        self.names: set[str] = set(PROTOCOLS)
        self.tables: dict[int, Table] = {}
        self.functions: list[FunctionType] = []
        self.by_name = False  # some code reads attributes by name, perhaps those of functions
        self.home: dict[str, Any] | None = None  # globals of the function itself
        self._whole: set[int] = set()  # tables of which everything is read
        self._new_names: set[str] = set()
        self._everything = False
        self._compares = False
        self._missing: set[tuple[int, str]] = set()
        self._queue: list[tuple[Any, Place | None, bool]] = []
        self._seen: dict[tuple[int, bool], Any] = {}  # holds the objects, so that ids stay theirs
        self._watched: list[ModuleType] = []
        self._asked: set[int] = set()
        self._left = self._budget = budget

    def run(self, function: Any, objects: tuple[Any, ...], names: tuple[str, ...]) -> None:
        """Walk from ``function`` and ``objects`` to the end."""
        self.libraries = Libraries(_home_packages((function, *objects)))
        first = _plain_function(function)
        self.home = first.__globals__ if first is not None else None
        own = first.__name__ if is_a(function, FunctionType) and first else "self"
        self.see(function, Place("argument", None, own, function))
        for position, thing in enumerate(objects):
            name = names[position] if position < len(names) else f"<{type(thing).__name__}>"
            self.see(thing, Place("argument", None, name, thing))
        self._drain()
        for table in self.tables.values():
            whole = self._everything or id(table) in self._whole
            check = table.names_check(None if whole else self.names)
            # A name that a module lacks is an AttributeError: only chains (in `code`) look for it.
            if check is not None and (whole or table.kind != "global"):
                self.bound.append(check)

    def _drain(self) -> None:
        while True:
            while self._queue:
                if self._left <= 0:
                    self.reasons[f"reads more than {self._budget:,} objects"] = None
                    return
                self._left -= 1
                value, place, loose = self._queue.pop()
                try:
                    self._visit(self, value, place, loose)
                except Exception as error:  # a strange object must not keep anybody from a gradient
                    where = place.path if place is not None else type(value).__name__
                    self.reasons[f"{where}: cannot be looked into ({error!r})"] = None
            if not self._new_names:
                return
            names, self._new_names = self._new_names, set()
            for table in list(self.tables.values()):
                self._read(table, names)
            for module in self._watched:
                self._judge(module, names)

    def see(self, value: Any, place: Place | None, loose: bool = True) -> None:
        """Visit ``value`` later, once; ``place`` is where it was found.

        ``loose`` is False for a class or module of which the code takes attributes and nothing
        else: such a class is not called, such a module not handed on.
        """
        if is_plain(value):
            return
        if not (is_a(value, type) or is_a(value, ModuleType)):
            loose = True  # for anything else it makes no difference
        if (id(value), loose) in self._seen:
            return
        self._seen[id(value), loose] = value
        self._queue.append((value, place, loose))

    def hold(self, place: Place, loose: bool = True) -> None:
        """Keep an eye on a place and visit the value in it."""
        key = place.key if type(place.key) is str else (id(place.key), place.key.__class__)
        known = self.places.setdefault(
            (id(place.table if place.table is not None else place.holder), key), place
        )
        if known is place:
            self.bound.append(Held(place))
        self.see(known.value, known, loose)

    def note(self, place: Place) -> None:
        """As :meth:`hold`, for a place whose holder is already checked as a whole."""
        key = place.key if is_plain(place.key) else id(place.key)
        known = self.places.setdefault((id(place.holder), (place.kind, type(key), key)), place)
        self.see(known.value, known)

    def missing(self, table: dict[str, Any], name: str, words: str) -> None:
        """Keep an eye on a name that is not in ``table``."""
        if (id(table), name) not in self._missing:
            self._missing.add((id(table), name))
            self.bound.append(Missing(table, name, words))

    def open(self, key: int, make: Callable[[], Table | None]) -> Table | None:
        """The table known by ``key``, made and read on first sight."""
        table = self.tables.get(key)
        if table is None:
            table = make()
            if table is not None:
                self.tables[key] = table
                self._read(table, self.names)
        return table

    def open_module(self, entries: dict[str, Any], name: str, whole: bool = False) -> None:
        """The table of a module's globals."""
        root = "" if entries is self.home else name.rpartition(".")[2]
        table = self.open(
            id(entries), lambda: Table("global", entries, entries, home=name, root=root)
        )
        if whole and table is not None:
            self.read_whole(table)

    def read_whole(self, table: Table) -> None:
        """Everything in ``table`` is read."""
        if id(table) not in self._whole:
            self._whole.add(id(table))
            self._read(table, ())

    def watch_library(self, module: ModuleType) -> None:
        """Code hands this library module on: which of its functions it reads is known by name."""
        self._watched.append(module)
        self._judge(module, self.names)

    def first_time(self, thing: Any) -> bool:
        """Whether this is asked for the first time of ``thing``."""
        new = id(thing) not in self._asked
        self._asked.add(id(thing))
        return new

    def read_names(self, names: Iterable[str], *, compares: bool = False) -> None:
        """Code was found that reads ``names`` of whatever objects."""
        new = set(names) - self.names
        if compares and not self._compares:
            self._compares = True
            new |= self.names
        self.names |= new
        self._new_names |= new

    def read_everything(self) -> None:
        """Code was found that reads attributes by names that cannot be known."""
        if not self._everything:
            self._everything = True
            self._new_names |= self.names

    def reason(self, text: str | None) -> None:
        """Note a reason why results cannot be kept."""
        if text:
            self.reasons[text] = None

    def take(self, table: Table, names: Iterable[str]) -> None:
        """Read exactly ``names`` of a table."""
        for place in table.read(names, self._compares):
            self.hold(place)

    def _judge(self, module: ModuleType, names: Iterable[str]) -> None:
        for name in names:
            value = module.__dict__.get(name)
            if is_a(value, ModuleType):
                self.see(value, None)
            elif value is not None:
                self.reason(unsafe(value))

    def _read(self, table: Table, names: Iterable[str]) -> None:
        whole = self._everything or id(table) in self._whole
        self.take(table, [*names] if not whole else [*names, *_all_names(table)])


def _all_names(table: Table) -> list[str]:
    return [name for name in (*table.table, *table.slots) if not name.startswith("__")]


def _home_packages(roots: tuple[Any, ...]) -> set[str]:
    """The top-level packages the roots come from: the user's, wherever they are installed."""
    found = set()
    for root in roots:
        function = _plain_function(root)
        name = function.__globals__.get("__name__") if function else type(root).__module__
        if isinstance(name, str):
            found.add(name.partition(".")[0])
    return found


def _plain_function(root: Any) -> FunctionType | None:
    """The Python function inside a root: of a method, a partial, a wrapper, an instance."""
    for _ in range(100):
        if is_a(root, MethodType):
            root = root.__func__
        elif is_a(root, FunctionType):
            inner = root.__dict__.get("__wrapped__")
            if inner is None:
                return root
            root = inner
        else:
            own = inspect.getattr_static(type(root), "__call__", None)
            inside = getattr(root, "func", None) or getattr(root, "__wrapped__", None)
            root = own if is_a(own, FunctionType) else inside
    return None
