"""Objects with named entries, of which only the names that occur in the code count.

An instance has its ``__dict__`` and slots, a class its methods and attributes, a module its
globals. Code that says ``self.W`` reads ``W`` and never ``history``, so a change of ``history``
must not cost a retrace. It knows tables and names, not what the values in them lead to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType, MemberDescriptorType
from typing import Any

from .checks import Names
from .places import Kind, Place
from .values import ABSENT

__all__ = [
    "CONSTRUCTION",
    "PROTOCOLS",
    "Table",
    "class_table",
    "function_table",
    "instance_table",
    "slots_of",
]


def _dunders(words: str, prefix: str = "") -> frozenset[str]:
    return frozenset(f"__{prefix}{word}__" for word in words.split())


_OPERATORS = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift divmod"

# The language and NumPy call these without their name in the bytecode. Printing, copying and
# pickling are left out: they do not make numbers, and would drag every field of a dataclass in.
PROTOCOLS = (
    _dunders(_OPERATORS)
    | _dunders(_OPERATORS, prefix="r")
    | _dunders(_OPERATORS, prefix="i")
    | _dunders("neg pos abs invert round trunc floor ceil bool int float complex index hash")
    | _dunders("eq ne lt le gt ge call getattr getattribute setattr delattr get set delete")
    | _dunders("len iter next reversed getitem setitem delitem missing contains length_hint")
    | _dunders("enter exit instancecheck subclasscheck array array_ufunc array_function")
    | _dunders("array_priority array_interface array_struct array_wrap array_finalize")
)
CONSTRUCTION = frozenset({"__new__", "__init__", "__post_init__"})
_COMPARISONS = _dunders("eq ne lt le gt ge hash")
_BORING = _dunders(
    "module qualname doc dict weakref annotations annotate annotate_func slots firstlineno"
    " static_attributes orig_bases parameters type_params annotations_cache class_getitem"
    " abstractmethods match_args dataclass_fields dataclass_params"
)


class Table:
    """Named entries, handed out as places when their names turn out to be read."""

    __slots__ = (
        "_done",
        "generated",
        "has_dict",
        "holder",
        "home",
        "kind",
        "parent",
        "root",
        "slots",
        "table",
    )

    def __init__(
        self,
        kind: Kind,
        holder: Any,
        table: Mapping[str, Any],
        *,
        home: str = "",
        parent: Place | None = None,
        root: str = "",
        slots: Mapping[str, MemberDescriptorType] | None = None,
        generated: frozenset[str] = frozenset(),
    ) -> None:
        self.kind, self.holder, self.table = kind, holder, table
        self.home, self.parent, self.root = home, parent, root
        self.slots = slots or {}
        self.generated = generated
        self.has_dict = True
        self._done: set[str] = set()

    def read(self, names: Iterable[str], compares: bool = False) -> Iterator[Place]:
        """The places for ``names`` that were not handed out before.

        ``compares`` lets through the comparisons that ``dataclass`` wrote, which read every field.
        """
        table, slots, done = self.table, self.slots, self._done
        for name in names:
            if name in done or name in _BORING or (name not in table and name not in slots):
                continue
            if name in self.generated and not compares:
                continue
            done.add(name)
            if name in table:
                yield Place(
                    kind=self.kind,
                    holder=self.holder,
                    key=name,
                    value=table[name],
                    table=table,
                    parent=self.parent,
                    home=self.home,
                    root=self.root,
                )
            if name in slots:
                slot = Place(
                    "instance attribute",
                    self.holder,
                    slots[name],
                    ABSENT,
                    parent=self.parent,
                    home=self.home,
                    root=name,
                )
                slot.value = slot.read()
                yield slot

    def names_check(self, names: Iterable[str] | None) -> Names | None:
        """The check that no entry comes up under a name that is read and was not there."""
        words = self.parent.path if self.parent is not None else self.home
        if names is None:
            return Names(self.table, None, words)
        missing = frozenset(names) - self.table.keys() - self.slots.keys() - _BORING
        return Names(self.table, missing, words) if missing else None


def instance_table(value: Any, parent: Place | None, home: str) -> Table | None:
    """The table of an instance: its ``__dict__`` and slots, or None where it has neither."""
    try:
        entries = object.__getattribute__(value, "__dict__")
    except AttributeError:
        entries = None
    slots = slots_of(type(value))
    has_dict = isinstance(entries, dict)
    if not has_dict and not slots:
        return None
    table = Table(
        "instance attribute",
        value,
        entries if has_dict else {},
        home=home,
        parent=parent,
        slots=slots,
    )
    table.has_dict = has_dict
    return table


def function_table(function: FunctionType, parent: Place | None = None) -> Table:
    """The table of attributes set on a function (``f.calls = 0``)."""
    return Table(
        "instance attribute",
        function,
        function.__dict__,
        home=function.__name__,
        parent=parent,
    )


def slots_of(cls: type) -> dict[str, MemberDescriptorType]:
    """The slots of a class and its bases by name; the nearest class wins."""
    slots: dict[str, MemberDescriptorType] = {}
    for base in reversed(cls.__mro__):
        for name, entry in base.__dict__.items():
            if type(entry) is MemberDescriptorType and not name.startswith("__"):
                slots[name] = entry
    return slots


def class_table(cls: type) -> Table:
    """The table of a class: what stands in its own body."""
    entries = cls.__dict__
    generated: frozenset[str] = frozenset()
    if "__dataclass_params__" in entries or "__attrs_attrs__" in entries:
        generated = frozenset(
            name for name in _COMPARISONS & entries.keys() if _is_generated(entries[name])
        )
    return Table("class attribute", cls, entries, home=cls.__name__, generated=generated)


def _is_generated(entry: Any) -> bool:
    code = getattr(entry, "__code__", None)
    return code is not None and code.co_filename.startswith("<")
