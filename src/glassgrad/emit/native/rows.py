"""What must hold outside for a native answer, as rows of numbers that native code goes through.

Each row is one comparison of pointers or of memory. A row says that something is just as it was,
or leaves it open: then the exact checks are asked, in Python.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, MappingProxyType
from typing import Any, cast

import numpy as np

from glassgrad.emit.native.writing import (
    DATA,
    DESCR,
    DIMS,
    FLAGS,
    LIST_ITEMS,
    NDIM,
    SIZE,
    STRIDES,
    TYPE,
    WRITEABLE,
)

__all__ = ["Rows"]

# Kinds of rows; 0 ends them. `calling.py` has the same numbers.
_ITEM, _WORD, _CALLED, _BYTES, _PYTHON, _PAIRS, _BITS, _NEW = range(1, 9)
_CELL = 16  # where a closure cell holds its value, and a mappingproxy its dict
_OF_FUNCTIONS = {
    "__code__": "PyFunction_GetCode",
    "__defaults__": "PyFunction_GetDefaults",
    "__kwdefaults__": "PyFunction_GetKwDefaults",
    "__closure__": "PyFunction_GetClosure",
}


class Rows:
    """Rows, and the objects they point to.

    The methods take what was seen of an object. They say whether there is a row for it.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int, int]] = []
        self.kept: list[Any] = []

    def packed(self) -> bytes:
        """The rows as native code reads them."""
        return b"".join([struct.pack("4Q", *row) for row in self.rows]) + bytes(32)

    def _row(self, kind: int, a: int, b: int, c: int, *kept: Any) -> bool:
        self.rows.append((kind, a, b, c))
        self.kept.extend(kept)
        return True

    def item(self, table: Any, key: Any, value: Any) -> bool:
        """A dict, or a class's, holds this very value under a name."""
        found = _dict_of(table)
        if found is None or type(key) is not str:
            return False
        return self._row(_ITEM, found, id(key), id(value), table, key, value)

    def missing(self, table: Any, key: Any) -> bool:
        """A dict holds nothing under a name."""
        found = _dict_of(table)
        if found is None or type(key) is not str:
            return False
        return self._row(_ITEM, found, id(key), 0, table, key)

    def pairs(self, table: Any, keys: Sequence[Any], values: Sequence[Any] | None) -> bool:
        """A dict holds these very keys in this order, and these values where they are given."""
        found = _dict_of(table)
        if found is None:
            return False
        words = [id(keys[n // 2]) if n % 2 == 0 else 0 if values is None else id(values[n // 2])
                 for n in range(2 * len(keys))]  # fmt: skip
        saved = (ctypes.c_size_t * (len(words) + 1))(*words)
        return self._row(_PAIRS, found, ctypes.addressof(saved), len(keys),
                         table, [*keys], [*(values or ())], saved)  # fmt: skip

    def cell(self, cell: Any, value: Any) -> bool:
        """A closure cell holds this very value."""
        return self._row(_WORD, id(cell) + _CELL, 0, id(value), cell, value)

    def fixed(self, owner: Any, attribute: str, value: Any) -> bool:
        """An attribute of the language's own is this very object."""
        if attribute == "__class__":
            return self._row(_WORD, id(owner) + TYPE, 0, id(value), owner, value)
        if type(owner) is FunctionType and attribute in _OF_FUNCTIONS:
            address = _address(_OF_FUNCTIONS[attribute])
            return self._row(_CALLED, id(owner), address, 0 if value is None else id(value),
                             owner, value)  # fmt: skip
        if attribute == "__mro__" and _mro_place() and issubclass(type(owner), type):
            return self._row(_WORD, id(owner) + _mro_place(), 0, id(value), owner, value)
        if attribute == "__dict__" and not issubclass(type(owner), type):
            found = _generic_dict(owner)
            if found is value:
                return self._row(_NEW, id(owner), _address("PyObject_GenericGetDict"), id(value),
                                 owner, value)  # fmt: skip
        return False

    def list_items(self, given: list[Any], items: list[Any]) -> bool:
        """A list holds these very items; `items` is a list that nobody else has."""
        self._row(_WORD, id(given) + SIZE, 0, len(items), given, items)
        return self._memory(given, LIST_ITEMS, _word(id(items) + LIST_ITEMS), 8 * len(items))

    def array_form(
        self, array: Any, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...],
        frozen: bool,
    ) -> bool:  # fmt: skip
        """An array has this dtype, shape and strides, and is read-only where it was."""
        if type(array) is not np.ndarray:
            return False
        self._row(_WORD, id(array) + DESCR, 0, id(dtype), array, dtype)
        self._row(_BITS, id(array) + NDIM, 0xFFFFFFFF, len(shape))
        for offset, sizes in ((DIMS, shape), (STRIDES, strides)):
            saved = (ctypes.c_ssize_t * (len(sizes) + 1))(*sizes)
            self.kept.append(saved)
            self._memory(array, offset, ctypes.addressof(saved), 8 * len(sizes))
        return not frozen or self._row(_BITS, id(array) + FLAGS, WRITEABLE, 0)

    def array_bytes(self, array: Any, saved: Any) -> bool:
        """An array, whose form is checked before, holds what its copy holds, byte for byte."""
        if type(array) is not np.ndarray or not (array.flags.forc and saved.flags.forc):
            return False
        if saved.strides != array.strides:
            return False
        self.kept.extend((array, saved))
        return self._memory(array, DATA, saved.ctypes.data, array.nbytes)

    def python(self, test: Callable[[], bool]) -> None:
        """A Python function says so."""
        self._row(_PYTHON, id(test), 0, 0, test)

    def _memory(self, owner: Any, offset: int, saved: int, size: int) -> bool:
        return size == 0 or self._row(_BYTES, id(owner) + offset, saved, size, owner)


def _word(place: int) -> int:
    return int(ctypes.c_size_t.from_address(place).value)


def _dict_of(table: Mapping[Any, Any]) -> int | None:
    """The address of a dict: the table itself, or what a class shows of its own."""
    if isinstance(table, dict):
        return id(table)
    if type(table) is MappingProxyType:
        inside = _word(id(table) + _CELL)
        if _word(inside + TYPE) == id(dict):
            return inside
    return None


@functools.cache
def _mro_place() -> int:
    """Where a class holds its ``__mro__``; 0 if it cannot be found."""
    probe, meta = type("Probe", (), {}), cast(Any, type)
    places = range(24, meta.__basicsize__, 8)
    words = [n for n in places if _word(id(probe) + n) == id(probe.__mro__)]
    return words[0] if len(words) == 1 else 0


def _generic_dict(owner: Any) -> Any:
    function = ctypes.pythonapi.PyObject_GenericGetDict
    function.restype, function.argtypes = ctypes.py_object, [ctypes.py_object, ctypes.c_void_p]
    try:
        return function(owner, None)
    except AttributeError:
        return None


@functools.cache
def _address(name: str) -> int:
    """Where a function of Python's C API is."""
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
