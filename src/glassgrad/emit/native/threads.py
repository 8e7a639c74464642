"""Large loops on all cores: a range of the outermost loop for each thread, the GIL released.

Threads are started for the one loop and joined after it, so there is no pool that a fork could
lose; that costs some 20 us a thread, which only loops of much more work are asked to pay.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Sequence

from glassgrad.emit.native.elements import KINDS, Block, Kind
from glassgrad.emit.native.sums import combined

__all__ = ["WORTH", "cores", "in_threads"]

WORTH = 8_000_000  # work of a loop, in additions, from which on threads pay
_SLOT = 64  # bytes: a cache line each, so that no two threads write to one


@functools.cache
def cores() -> int:
    """How many threads loops may run on; ``GLASSGRAD_THREADS`` says otherwise."""
    asked = os.environ.get("GLASSGRAD_THREADS", "")
    if asked.isdigit():
        return max(int(asked), 1)
    if not hasattr(os, "sched_getaffinity") or not hasattr(ctypes.CDLL(None), "pthread_create"):
        return 1
    return min(len(os.sched_getaffinity(0)), 64)


def in_threads(length: int, sums: Sequence[tuple[str, Kind]]) -> tuple[str, set[str]]:
    """The function ``NAME`` that runs ``NAME.part`` in ranges, and what it declares.

    Parameters
    ----------
    length : int
        How often the outermost loop runs.
    sums : sequence of (how, kind)
        The reductions that each part leaves a partial result of. Where the whole one goes stands
        at the head of the list of pointers.
    """
    count = min(cores(), length)
    declared = {
        "declare i32 @pthread_create(ptr, ptr, ptr, ptr)", "declare i32 @pthread_join(i64, ptr)",
        "declare ptr @gg_PyEval_SaveThread()", "declare void @gg_PyEval_RestoreThread(ptr)",
    }  # fmt: skip
    room = _SLOT * max(len(sums), 1)
    entry = """define internal ptr @NAME.thread(ptr %a) {
  %list = load ptr, ptr %a
  %a1 = getelementptr i64, ptr %a, i64 1
  %lo = load i64, ptr %a1
  %a2 = getelementptr i64, ptr %a, i64 2
  %hi = load i64, ptr %a2
  %a3 = getelementptr i64, ptr %a, i64 3
  %mine = load ptr, ptr %a3
  %status = call i32 @NAME.part(ptr %list, i64 %lo, i64 %hi, ptr %mine)
  %a4 = getelementptr i64, ptr %a, i64 4
  store i32 %status, ptr %a4
  ret ptr null
}
"""
    lines = [
        "define internal i32 @NAME(ptr %list) {",
        f"  %tasks = alloca [{8 * count} x i64], align {_SLOT}",
        f"  %partial = alloca [{room * count} x i8], align {_SLOT}",
        f"  %ids = alloca [{count} x i64]",
        "  %gil = call ptr @gg_PyEval_SaveThread()",
    ]
    for n in range(count):
        lo, hi = length * n // count, length * (n + 1) // count
        lines.append(f"  %t{n} = getelementptr i64, ptr %tasks, i64 {8 * n}")
        lines.append(f"  store ptr %list, ptr %t{n}")
        for k, value in ((1, lo), (2, hi)):
            lines += [f"  %t{n}.{k} = getelementptr i64, ptr %t{n}, i64 {k}",
                      f"  store i64 {value}, ptr %t{n}.{k}"]  # fmt: skip
        lines += [f"  %m{n} = getelementptr i8, ptr %partial, i64 {room * n}",
                  f"  %t{n}.3 = getelementptr i64, ptr %t{n}, i64 3",
                  f"  store ptr %m{n}, ptr %t{n}.3",
                  f"  %t{n}.4 = getelementptr i64, ptr %t{n}, i64 4"]  # fmt: skip
    for n in range(1, count):
        lines += [f"  %i{n} = getelementptr i64, ptr %ids, i64 {n}",
                  f"  %r{n} = call i32 @pthread_create(ptr %i{n}, ptr null, ptr @NAME.thread, ptr %t{n})"]  # fmt: skip
    lines.append("  %own = call ptr @NAME.thread(ptr %t0)")
    for n in range(1, count):  # a thread that could not be started is run here
        lines += [
            f"  %s{n} = icmp eq i32 %r{n}, 0", f"  br i1 %s{n}, label %join{n}, label %run{n}",
            f"run{n}:", f"  %x{n} = call ptr @NAME.thread(ptr %t{n})", f"  br label %next{n}",
            f"join{n}:", f"  %id{n} = load i64, ptr %i{n}",
            f"  %j{n} = call i32 @pthread_join(i64 %id{n}, ptr null)", f"  br label %next{n}",
            f"next{n}:",
        ]  # fmt: skip
    lines.append("  call void @gg_PyEval_RestoreThread(ptr %gil)")
    block = Block(1)
    status = block.fresh("load i32, ptr %t0.4", "i32")
    for n in range(1, count):
        status = block.integer("and", status, block.fresh(f"load i32, ptr %t{n}.4", "i32"))
    for k, (how, kind) in enumerate(sums):
        parts = []
        for n in range(count):
            place = block.fresh(f"getelementptr i8, ptr %m{n}, i64 {_SLOT * k}", "i64").name
            parts.append(block.fresh(f"load {KINDS[kind]}, ptr {place}", kind))
        total = parts[0]
        for part in parts[1:]:
            total = combined(block, how, total, part, kind)
        place = block.fresh(f"getelementptr ptr, ptr %list, i64 {k}", "i64").name
        target = block.fresh(f"load ptr, ptr {place}", "i64").name
        block.lines.append(f"  store {KINDS[kind]} {total.name}, ptr {target}")
    return "\n".join([entry, *lines, *block.lines, f"  ret i32 {status.name}", "}", ""]), declared
