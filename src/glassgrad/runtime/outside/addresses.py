"""Checks as machine code can do them: an address, and the object whose address stands there.

Only the everyday ones have this form: an entry of a dict, the content of a closure cell, the code
and the defaults of a function. What is told here is enough, not needed: where an address differs,
the exact check decides.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from types import CellType, FunctionType
from typing import NamedTuple

from .checks import Check, Fixed, Held
from .values import ABSENT

__all__ = ["Address", "addresses"]

_CELL = 2 * ctypes.sizeof(ctypes.c_void_p)  # a cell's content stands behind its object's head


class Address(NamedTuple):
    """Where to look and what has to be there.

    Attributes
    ----------
    item : bool
        Look up `key` in the dict at `place`; else read the pointer that stands at `place`.
    place, key, value : int
        Addresses.
    keep : tuple
        The objects that live there.
    """

    item: bool
    place: int
    key: int
    value: int
    keep: tuple[object, ...]


def addresses(checks: Sequence[Check]) -> list[Address] | None:
    """All checks in this form; None where one has none."""
    found = [_address(check) for check in checks]
    return None if None in found else [a for a in found if a is not None]


def _address(check: Check) -> Address | None:
    if isinstance(check, Held):
        place = check.place
        if place.value is ABSENT:
            return None
        if type(place.table) is dict and type(place.key) is str:
            keep = (place.table, place.key, place.value)
            return Address(True, id(place.table), id(place.key), id(place.value), keep)
        if place.kind == "closure variable" and type(place.holder) is CellType:
            return Address(
                False, id(place.holder) + _CELL, 0, id(place.value), (place.holder, place.value)
            )
        return None
    if isinstance(check, Fixed):
        owner, attribute, value = check.fixed
        offset = _field(attribute) if type(owner) is FunctionType else None
        if offset is None:
            return None
        # An absent default is a null pointer there, and None in Python.
        return Address(
            False, id(owner) + offset, 0, 0 if value is None else id(value), (owner, value)
        )
    return None


@functools.cache
def _field(attribute: str) -> int | None:
    """Where a function object keeps one of its attributes, found by looking at one."""
    if attribute not in ("__code__", "__defaults__"):
        return None

    def probe(x: object = object()) -> object:
        return x

    wanted = id(getattr(probe, attribute))
    size = ctypes.sizeof(ctypes.c_void_p)
    for offset in range(2 * size, FunctionType.__basicsize__, size):
        if ctypes.c_void_p.from_address(id(probe) + offset).value == wanted:
            return offset
    return None
