"""How a call's arguments and its answer are nested, as native code takes and gives them.

Only exact dicts, lists and tuples are nests here; every other nest is the slow way's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ["Call", "Fixed", "Item", "Nest", "Shape", "flat", "items_of"]


@dataclass(frozen=True)
class Item:
    """A number or an array: one input, or one output, of the circuit.

    Attributes
    ----------
    number
        Which one.
    ints
        An int is taken too, and counts as a float.
    """

    number: int
    ints: bool = False


@dataclass(frozen=True, eq=False)
class Fixed:
    """One object, the very same each time."""

    value: Any


@dataclass(frozen=True, eq=False)
class Nest:
    """A dict, list or tuple; a dict's keys in their order."""

    kind: type
    parts: tuple[Shape, ...]
    keys: tuple[Any, ...] = ()


Shape: TypeAlias = Item | Fixed | Nest


@dataclass(frozen=True, eq=False)
class Call:
    """The arguments of a call: positional ones, and those with a keyword in their order."""

    positional: tuple[Shape, ...]
    keywords: tuple[tuple[str, Shape], ...] = ()

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """All arguments in order."""
        return (*self.positional, *[shape for _, shape in self.keywords])


def flat(number: int) -> Call:
    """A call with the inputs themselves as arguments."""
    return Call(tuple([Item(n) for n in range(number)]))


def items_of(shape: Shape) -> Iterator[Item]:
    """The items of a shape, in order."""
    if isinstance(shape, Item):
        yield shape
    elif isinstance(shape, Nest):
        for part in shape.parts:
            yield from items_of(part)
