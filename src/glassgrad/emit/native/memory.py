"""Where the arrays of a native program lie: buffers, and views of them.

A view is a NumPy array over memory nobody reads or writes: NumPy itself says what slicing,
transposing, reshaping or broadcasting do to shape, strides and offset. The arena is one block of
memory in which buffers that are never needed at the same time share their place.
"""

from __future__ import annotations

import bisect
import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from glassgrad.emit.native.elements import Kind, kind_of

__all__ = ["PRIVATE", "STILL", "Buffer", "Moves", "View", "plan_arena", "short_rows", "view_of"]

Role: TypeAlias = Literal["arena", "input", "output", "constant"]
_SHORT, _LONG = 16, 32  # rows: numbers below which they are short, and from which on long
_ALIGN = 64  # bytes: a cache line, and the longest vector


@dataclass(eq=False)
class Buffer:
    """A block of memory.

    Attributes
    ----------
    role
        Whose it is: the arena's, the caller's (input, output), or a constant's.
    dtype, size
        What lies there, and how many.
    number
        Which input or output.
    value
        A constant's array, in C order and aligned.
    tested
        Whether what lies there is known to be finite.
    writers, readers
        The steps that do.
    offset
        Where in the arena, in bytes; set by `plan_arena`.
    """

    role: Role
    dtype: np.dtype[Any]
    size: int
    number: int = 0
    value: Any = None
    tested: bool = False
    writers: list[Any] = field(default_factory=list)
    readers: list[Any] = field(default_factory=list)
    offset: int = -1

    def __post_init__(self) -> None:
        self.kind: Kind = kind_of(self.dtype)
        self.stand_in = np.empty(self.size, self.dtype)  # never touched, so it costs no memory
        self.base: int = self.stand_in.ctypes.data

    @property
    def bytes(self) -> int:
        return self.size * self.dtype.itemsize

    def whole(self, shape: Sequence[int]) -> View:
        """The buffer as an array in C order."""
        return View(self, self.stand_in.reshape(shape))

    def long_rows(self, shape: Sequence[int]) -> View:
        """The buffer as an array whose longest axis lies in order, where the last one is short.

        Loops run along that axis, and short rows waste most of a vector.
        """
        if len(shape) < 2 or not short_rows(max(shape), shape[-1]):
            return self.whole(shape)
        axis = max(range(len(shape)), key=lambda n: (shape[n], n))
        moved = [*shape[:axis], *shape[axis + 1 :], shape[axis]]
        return View(self, np.moveaxis(self.stand_in.reshape(moved), -1, axis))


class Moves(NamedTuple):
    """How a view moves while its step runs in tiles (see ``tiles``).

    Attributes
    ----------
    each
        Elements it moves on for each index of the axis that is cut in tiles.
    thread
        Bytes between the copies that the threads have for themselves; `PRIVATE` for what lies in a
        block of such bytes with others.
    """

    each: int = 0
    thread: int = 0


STILL = Moves()
PRIVATE = -1


@dataclass(eq=False)
class View:
    """An array within a buffer."""

    buffer: Buffer
    array: np.ndarray[Any, Any]
    moves: Moves = STILL

    @property
    def shape(self) -> tuple[int, ...]:
        found: tuple[int, ...] = self.array.shape
        return found

    @cached_property
    def offset(self) -> int:
        """In elements from the start of the buffer."""
        start = int(self.array.ctypes.data)
        return (start - self.buffer.base) // self.itemsize

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """In elements; 0 along axes of one element."""
        size = self.itemsize
        pairs = zip(self.array.strides, self.array.shape, strict=True)
        return tuple([s // size if n > 1 else 0 for s, n in pairs])

    @property
    def itemsize(self) -> int:
        return int(self.buffer.dtype.itemsize)

    def spread(self, shape: Sequence[int]) -> View:
        """Broadcast to a shape."""
        if self.array.shape == tuple(shape):
            return self
        return View(self.buffer, np.broadcast_to(self.array, shape))

    def is_whole(self) -> bool:
        """Whether it is all of its buffer, in C order."""
        return self.array.flags.c_contiguous and self.array.size == self.buffer.size

    def key(self) -> Any:
        """Equal for views of the same elements in the same order."""
        return self.buffer, self.offset, self.shape, self.strides


def short_rows(length: int, row: int) -> bool:
    """Whether rows of this length had better be columns of that."""
    return 1 < row < _SHORT and length >= _LONG


def view_of(view: View, array: Any) -> View | None:
    """What NumPy made of a view's stand-in as a view, or None where it made a copy."""
    if not isinstance(array, np.ndarray):
        return None
    start = array.__array_interface__["data"][0] - view.buffer.base
    if array.size and not 0 <= start < max(view.buffer.bytes, 1):
        return None
    return View(view.buffer, array)


def plan_arena(buffers: Sequence[tuple[Buffer, int, int]]) -> int:
    """Place buffers in the arena, each with its first and last step; gives the size in bytes.

    In the order of their first steps, each goes to the smallest gap it fits in.
    """
    free: list[tuple[int, int]] = []  # start, size; in order, no two of them touch
    living: list[tuple[int, int, int]] = []  # last, start, size
    total = 0
    for buffer, first, last in sorted(buffers, key=lambda b: b[1]):
        while living and living[0][0] < first:
            _, start, size = heapq.heappop(living)
            _give_back(free, start, size)
        size = -(-max(buffer.bytes, 1) // _ALIGN) * _ALIGN
        fitting = [(s, n) for n, (_, s) in enumerate(free) if s >= size]
        if fitting:
            _, n = min(fitting)
            start, room = free[n]
            free[n : n + 1] = [(start + size, room - size)] if room > size else []
        elif free and free[-1][0] + free[-1][1] == total:  # the last gap grows
            start = free.pop()[0]
            total = start + size
        else:
            start, total = total, total + size
        buffer.offset = start
        heapq.heappush(living, (last, start, size))
    return total


def _give_back(free: list[tuple[int, int]], start: int, size: int) -> None:
    """Join a piece to its neighbours."""
    n = bisect.bisect(free, (start, size))
    if n < len(free) and free[n][0] == start + size:
        size += free.pop(n)[1]
    if n and free[n - 1][0] + free[n - 1][1] == start:
        start, size = free[n - 1][0], free[n - 1][1] + size
        n -= 1
        free.pop(n)
    free.insert(n, (start, size))
