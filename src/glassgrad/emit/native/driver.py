"""The kernel that runs the steps of a plan, one after the other, from a table.

A step's function gets a list of pointers. The lists stand at the head of the arena, filled in
once for all that does not change; each call only fills in where its inputs and outputs lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from glassgrad.emit.native.memory import STILL, Buffer, Moves

__all__ = ["Place", "driver", "head", "start_of"]

# What a place is counted from, by number; the inputs and then the outputs follow.
_NOTHING, _ARENA, _IN, _OUT, _FIRST = 0, 1, 2, 3, 4
_ALIGN = 64
_FEW = 100  # steps


class Place(NamedTuple):
    """An argument of a step: a place in a buffer, or (without one) a table: arena, in, out."""

    buffer: Buffer | None
    element: int = 0
    table: str = ""
    moves: Moves = STILL


def head(calls: Sequence[tuple[str, Sequence[Place]]]) -> int:
    """Bytes that the lists of pointers take at the head of the arena."""
    return -(-8 * sum(len(places) for _, places in calls) // _ALIGN) * _ALIGN


def _memory(size: int) -> Any:
    return np.zeros(size + _ALIGN, np.uint8)


def start_of(home: Any) -> int:
    """Where the arena begins in its memory."""
    return -(-int(home.ctypes.data) // _ALIGN) * _ALIGN


def driver(
    calls: Sequence[tuple[str, Sequence[Place]]], n_in: int, n_out: int, size: int, keep: list[Any]
) -> str:
    """The text of ``kernel``.

    The one arena that belongs to the function is lent to the first call that comes; others that
    run at the same time, in threads or re-entered from within, get memory of their own.

    Parameters
    ----------
    calls
        For each step the name of its function, and its arguments.
    n_in, n_out : int
        How many inputs and outputs there are.
    size : int
        Bytes of the arena, its head included.
    keep : list
        Is given what must live as long as the code.
    """
    home = _memory(size)
    address = start_of(home)
    records: list[tuple[int, int, int]] = []  # slot, base, offset
    starts = []
    for _, places in calls:
        starts.append(len(records))
        for place in places:
            records.append((len(records), *_record(place, n_in)))
    table = np.array(records, np.int64).reshape(-1, 3)
    moving = np.ascontiguousarray(table[table[:, 1] >= _IN])
    slots = home[address - home.ctypes.data :][: 8 * len(records)].view(np.int64)
    for slot, start, offset in records:
        slots[slot] = offset + (address if start == _ARENA else 0)
    keep[:0] = [home, table, moving]
    how = " optnone noinline" if len(calls) <= _FEW else ""  # `hasty`: it is mostly waiting
    lines = [
        f"@steps = internal constant [{len(calls)} x {{ ptr, i64 }}] ["
        + ", ".join(f"{{ ptr, i64 }} {{ ptr @{name}, i64 {8 * at} }}"
                    for (name, _), at in zip(calls, starts, strict=True)) + "]",
        f"@free = internal global ptr inttoptr (i64 {address} to ptr)",
        "declare ptr @aligned_alloc(i64, i64)", "declare void @gg_free(ptr)", _FILL,
        f"define internal i32 @kernel(ptr %in, ptr %out){how} {{",
        f"  %bases = alloca [{_FIRST + n_in + n_out} x ptr]",
        "  store ptr null, ptr %bases",
        f"  %b{_IN} = getelementptr ptr, ptr %bases, i64 {_IN}", f"  store ptr %in, ptr %b{_IN}",
        f"  %b{_OUT} = getelementptr ptr, ptr %bases, i64 {_OUT}", f"  store ptr %out, ptr %b{_OUT}",
    ]  # fmt: skip
    for n in range(n_in + n_out):
        source, at = ("%in", n) if n < n_in else ("%out", n - n_in)
        lines += [
            f"  %x{n} = getelementptr ptr, ptr {source}, i64 {at}",
            f"  %y{n} = load ptr, ptr %x{n}",
            f"  %z{n} = getelementptr ptr, ptr %bases, i64 {_FIRST + n}",
            f"  store ptr %y{n}, ptr %z{n}",
        ]
    every, some = (f"inttoptr (i64 {t.ctypes.data} to ptr)" for t in (table, moving))
    lines += [
        "  %lent = atomicrmw xchg ptr @free, ptr null acq_rel",
        "  %busy = icmp eq ptr %lent, null",
        f"  %ba = getelementptr ptr, ptr %bases, i64 {_ARENA}",
        "  br i1 %busy, label %own, label %lend",
        "own:",
        f"  %new = call ptr @aligned_alloc(i64 {_ALIGN}, i64 {-(-size // _ALIGN) * _ALIGN})",
        "  %none = icmp eq ptr %new, null",
        "  br i1 %none, label %no, label %fill",
        "no:", "  ret i32 0",
        "fill:",
        "  store ptr %new, ptr %ba",
        f"  call void @fill(ptr {every}, i64 {len(table)}, ptr %bases, ptr %new)",
        "  br label %start",
        "lend:",
        "  store ptr %lent, ptr %ba",
        f"  call void @fill(ptr {some}, i64 {len(moving)}, ptr %bases, ptr %lent)",
        "  br label %start",
        "start:",
        "  %arena = phi ptr [ %lent, %lend ], [ %new, %fill ]",
        "  br label %next",
        "next:",
        "  %n = phi i64 [ 0, %start ], [ %m, %well ]",
        "  %step = getelementptr { ptr, i64 }, ptr @steps, i64 %n",
        "  %function = load ptr, ptr %step",
        "  %at = getelementptr i8, ptr %step, i64 8",
        "  %offset = load i64, ptr %at",
        "  %list = getelementptr i8, ptr %arena, i64 %offset",
        "  %status = call i32 %function(ptr %list)",
        "  %m = add i64 %n, 1",
        "  %good = icmp eq i32 %status, 1",
        "  br i1 %good, label %well, label %end",
        "well:",
        f"  %last = icmp eq i64 %m, {len(calls)}",
        "  br i1 %last, label %end, label %next",
        "end:",
        "  br i1 %busy, label %drop, label %back",
        "drop:", "  call void @gg_free(ptr %arena)", "  ret i32 %status",
        "back:", "  store atomic ptr %arena, ptr @free release, align 8", "  ret i32 %status",
        "}", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _record(place: Place, n_in: int) -> tuple[int, int]:
    """What a place is counted from, and how far it is from there in bytes."""
    buffer = place.buffer
    if buffer is None:
        return {"arena": _ARENA, "in": _IN, "out": _OUT}[place.table], 0
    at = place.element * buffer.dtype.itemsize
    if buffer.role == "constant":
        return _NOTHING, buffer.value.ctypes.data + at
    if buffer.role == "arena":
        return _ARENA, buffer.offset + at
    return _FIRST + buffer.number + (n_in if buffer.role == "output" else 0), at


_FILL = """define internal void @fill(ptr %records, i64 %count, ptr %bases, ptr %lists) noinline {
  %any = icmp sgt i64 %count, 0
  br i1 %any, label %next, label %end
next:
  %n = phi i64 [ 0, %0 ], [ %m, %next ]
  %r = getelementptr [3 x i64], ptr %records, i64 %n
  %slot = load i64, ptr %r
  %r1 = getelementptr i64, ptr %r, i64 1
  %base = load i64, ptr %r1
  %r2 = getelementptr i64, ptr %r, i64 2
  %offset = load i64, ptr %r2
  %b = getelementptr ptr, ptr %bases, i64 %base
  %start = load ptr, ptr %b
  %place = getelementptr i8, ptr %start, i64 %offset
  %t = getelementptr ptr, ptr %lists, i64 %slot
  store ptr %place, ptr %t
  %m = add i64 %n, 1
  %more = icmp slt i64 %m, %count
  br i1 %more, label %next, label %end
end:
  ret void
}"""
