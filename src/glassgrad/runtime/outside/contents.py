"""Checks on what changes in place: lists, dicts, sets, arrays, random generators, buffers.

Each takes a copy of the contents at the look and compares with it: elements by identity first and
then as plain values, arrays byte by byte (so that a NaN is the NaN it was). It knows nothing of how
the container was reached, except for its path in a message.
"""

from __future__ import annotations

import ctypes
import random
from collections import deque
from collections.abc import Callable, Iterable
from operator import is_
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from .checks import Bind, Rows, changed
from .places import Place
from .values import alike, is_a

__all__ = [
    "ArrayContents",
    "ArrayForm",
    "Items",
    "State",
    "is_frozen",
    "path_of",
    "state_of",
    "values_of",
]

_SMALL = 8  # items compared one by one in the fast form
_COPIED = 65536  # bytes below which copying and comparing beats asking for the address

Values = Callable[[Any], Iterable[Any]]


def values_of(container: Any) -> Values:
    """Python's own way to go through a container, past an ``__iter__`` of the user's."""
    if isinstance(container, dict):
        return dict.values
    if isinstance(container, MappingProxyType):
        return MappingProxyType.values
    for kind in (list, deque, set, frozenset):
        if isinstance(container, kind):
            return cast(Values, kind.__iter__)
    return iter


class Items:
    """A list, dict, set or deque has the same elements in the same order."""

    __slots__ = ("_container", "_each", "_keys", "_kind", "_path", "_saved")

    def __init__(self, container: Any, path: Callable[[], str]) -> None:
        self._container, self._path = container, path
        self._each = values_of(container)
        self._kind = type(container).__name__
        self._saved = list(self._each(container))
        self._keys = self._now_keys()

    def _now_keys(self) -> list[Any] | None:
        if is_a(self._container, dict):
            return [*dict.keys(self._container)]
        return [*self._container] if is_a(self._container, MappingProxyType) else None

    def holds(self) -> bool:
        """Whether the elements are the same, and the keys."""
        now = list(self._each(self._container))
        if len(now) != len(self._saved) or not all(map(alike, now, self._saved)):
            return False
        keys = self._now_keys()
        return keys is None or all(map(_same_key, keys, self._keys or ()))

    def words(self) -> str:
        """What changed in it: its length, its keys or the first element that differs."""
        now, path = list(self._each(self._container)), self._path()
        if len(now) != len(self._saved):
            return f"{path} ({self._kind}) had {len(self._saved)} items, has {len(now)}"
        keys = self._now_keys()
        if keys is not None and not all(map(_same_key, keys, self._keys or ())):
            return f"{path} ({self._kind}) has other keys, or in another order"
        index = next(
            i for i, (a, b) in enumerate(zip(now, self._saved, strict=True)) if not alike(a, b)
        )
        if isinstance(self._container, set | frozenset):
            return f"{path} ({self._kind}) has other elements"
        key: Any = index if keys is None else keys[index]
        text = f'"{key}"' if isinstance(key, str) else repr(key)
        return changed(f"{path}[{text}]", self._saved[index], now[index])

    def source(self, bind: Bind) -> str:
        """Few items are compared one by one, many in one sweep."""
        it, count = bind(self._container), len(self._saved)
        if type(self._container) is list and count <= _SMALL:
            parts = [f"{it}[{i}] is {bind(value)}" for i, value in enumerate(self._saved)]
            return " and ".join([f"len({it}) == {count}", *parts])
        keys = self._keys or []
        if type(self._container) is dict and all(type(key) is str for key in keys):
            first = f"[*{it}] == {bind(keys)}"
            if count <= _SMALL:
                pairs = zip(keys, self._saved, strict=True)
                return " and ".join([first, *(f"{it}[{k!r}] is {bind(v)}" for k, v in pairs)])
            return f"{first} and {bind(_all_same)}({it}.values(), {bind(self._saved)})"
        if self._keys is not None or type(self._container) not in (list, deque, set, frozenset):
            return "False"
        values = f"{bind(self._each)}({it})"
        return f"len({it}) == {count} and {bind(_all_same)}({values}, {bind(self._saved)})"

    def rows(self, rows: Rows) -> bool:
        """The elements of a list or dict as they are now, if they are the same."""
        kind, saved = type(self._container), self._saved
        if kind is list:
            now = list(self._container)
            same = len(now) == len(saved) and all(map(alike, now, saved))
            return same and rows.list_items(self._container, now)
        if kind is not dict:
            return False
        pairs = [*self._container.items()]
        keys, values = [k for k, _ in pairs], [v for _, v in pairs]
        same = len(pairs) == len(saved) and all(map(alike, values, saved))
        same = same and all(map(_same_key, keys, self._keys or ()))
        return same and rows.pairs(self._container, keys, values)


def _all_same(now: Iterable[Any], saved: list[Any]) -> bool:
    return all(map(is_, now, saved))


def _same_key(now: Any, before: Any) -> bool:
    return alike(now, before) or (type(now) is type(before) and now == before)


class ArrayForm:
    """An array has the same dtype, shape and strides, and is as writeable as it was."""

    __slots__ = ("_array", "_form", "_frozen", "_path")

    def __init__(self, array: NDArray[Any], path: Callable[[], str], frozen: bool) -> None:
        self._array, self._path, self._frozen = array, path, frozen
        self._form = _form(array)

    def holds(self) -> bool:
        """Whether the form is the same."""
        if self._frozen and self._array.flags.writeable:
            return False
        return _form(self._array) == self._form

    def words(self) -> str:
        """Which array, and that it is its form."""
        return f"{self._path()} (the array's dtype, shape, strides or write flag)"

    def source(self, bind: Bind) -> str:
        """The same, attribute by attribute."""
        if type(self._array) is not np.ndarray:
            return "False"
        it, (dtype, shape, strides) = bind(self._array), self._form
        form = (
            f"{it}.shape == {bind(shape)} and {it}.strides == {bind(strides)}"
            f" and {it}.dtype is {bind(dtype)}"
        )
        return form + (f" and not {it}.flags.writeable" if self._frozen else "")

    def rows(self, rows: Rows) -> bool:
        """The same."""
        dtype, shape, strides = self._form
        return rows.array_form(self._array, dtype, shape, strides, self._frozen)


def _form(array: NDArray[Any]) -> tuple[Any, ...]:
    get = np.ndarray.__getattribute__
    return get(array, "dtype"), get(array, "shape"), get(array, "strides")


class ArrayContents:
    """An array holds the same bytes; for objects, bytes are identities, and a copy keeps them."""

    __slots__ = ("_array", "_path", "_saved", "same")

    def __init__(self, array: NDArray[Any], path: Callable[[], str]) -> None:
        self._array, self._path = array, path
        self._saved = np.ndarray.copy(array, order="K")
        self.same = _compare_bytes(array, self._saved)

    def holds(self) -> bool:
        """Whether the bytes are the same."""
        return self.same()

    def words(self) -> str:
        """Which array."""
        return f"{self._path()} (array contents)"

    def source(self, bind: Bind) -> str:
        """The same comparison, called without a step in between."""
        return f"{bind(self.same)}()"

    def rows(self, rows: Rows) -> bool:
        """The same, where the array is one block of memory."""
        return rows.array_bytes(self._array, self._saved)


def _compare_bytes(array: NDArray[Any], saved: NDArray[Any]) -> Callable[[], bool]:
    size = array.nbytes
    one_block = array.flags.forc and saved.flags.forc
    if size == 0:
        return lambda: array.nbytes == 0
    if size > _COPIED and one_block and _memcmp is not None:
        kept, compare = saved.ctypes.data, _memcmp
        # The address is asked anew each time: an array that was resized in place has another.
        return lambda: (
            array.nbytes == size
            and compare(array.__array_interface__["data"][0], kept, size) == 0
            and saved is not None
        )
    read = np.ndarray.tobytes
    before = read(saved, "A")
    # `saved` is held on to, because it keeps the objects of an object array alive.
    return lambda: read(array, "A") == before and saved is not None


def _find_memcmp() -> Callable[[int, int, int], int] | None:
    try:
        function = ctypes.CDLL(None).memcmp
    except (OSError, AttributeError, TypeError):  # no C library to be had by this road
        return None
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    function.restype = ctypes.c_int
    return cast("Callable[[int, int, int], int]", function)


_memcmp = _find_memcmp()


def is_frozen(array: NDArray[Any]) -> bool:
    """Whether nobody can write into an array: it is read-only, and so is all it is a view of.

    Examples
    --------
    >>> x = np.zeros(3)
    >>> x.setflags(write=False)
    >>> is_frozen(x), is_frozen(np.zeros(3))
    (True, False)
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        if base.flags.writeable:
            return False
        base = base.base
    return base is None or isinstance(base, bytes)


class State:
    """Something read by a function compares equal to what it was (the state of a generator)."""

    __slots__ = ("_path", "_read", "_saved", "_what")

    def __init__(self, read: Callable[[], Any], what: str, path: Callable[[], str]) -> None:
        self._read, self._what, self._path = read, what, path
        self._saved = read()

    def holds(self) -> bool:
        """Whether it compares equal."""
        return _equal(self._read(), self._saved)

    def words(self) -> str:
        """Whose state it is."""
        return f"{self._path()} ({self._what})"

    def source(self, bind: Bind) -> str:
        """There is no faster form."""
        return "False"

    def rows(self, rows: Rows) -> bool:
        """Only Python can tell."""
        return False


def state_of(value: Any) -> tuple[Callable[[], Any], str] | None:
    """How to read the hidden state of a value, and its name; None where there is none.

    Examples
    --------
    >>> state_of(np.random.default_rng(0))[1]
    'state of the random generator'
    >>> state_of(1.0)
    """
    what = "state of the random generator"
    if is_a(value, np.random.Generator):
        bits = value.bit_generator
        return (lambda: bits.state), what
    if is_a(value, np.random.BitGenerator):
        return (lambda: value.state), what
    if is_a(value, np.random.RandomState):
        return (lambda: value.get_state(legacy=False)), what
    if is_a(value, random.Random):
        return value.getstate, what
    if is_a(value, bytearray, memoryview, np.void) or type(value).__name__ == "array":
        return (lambda: value.tobytes() if hasattr(value, "tobytes") else bytes(value)), "contents"
    if type(value).__name__ == "_lru_cache_wrapper":
        # A hit changes nothing; a miss means that the helper ran and remembered a result.
        return (lambda: (value.cache_info().misses, value.cache_info().currsize)), "its cache"
    if type(value).__name__ == "ContextVar":
        nothing = object()
        return (lambda: value.get(nothing)), "value in this context"
    return None


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    return alike(a, b)


PlacePath = Callable[[], str]


def path_of(place: Place | None, otherwise: str) -> PlacePath:
    """A function that puts together the path of a place when somebody asks."""
    return (lambda: place.path) if place is not None else (lambda: otherwise)
