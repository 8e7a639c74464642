"""A group of steps as LLVM IR: for each tile the lists of pointers, moved on, and each step's call.

Tiles are shared out in ranges, on all cores where there is work enough; each range has memory of
its own for what is private to a tile, and for what is carried from tile to tile.
"""

from __future__ import annotations

from collections.abc import Sequence

from glassgrad.emit.native import pool
from glassgrad.emit.native.cutting import Group
from glassgrad.emit.native.driver import Place
from glassgrad.emit.native.memory import PRIVATE
from glassgrad.emit.native.threads import RELEASING, released

__all__ = ["written"]

Calls = Sequence[tuple[str, Sequence[Place]]]


def written(group: Group, calls: Sequence[Calls]) -> tuple[str, list[Place], set[str]]:
    """The function ``NAME`` of a group, the places it is called with, and what it declares.

    Parameters
    ----------
    group : Group
    calls : sequence
        For each of its tilings, the name of each step's function and its places.
    """
    places = [place for steps in calls for _, of_step in steps for place in of_step]
    sizes = [p.buffer.dtype.itemsize if p.buffer else 0 for p in places]
    each = [p.moves.each * size for p, size in zip(places, sizes, strict=True)]
    thread = [group.room if p.moves.thread == PRIVATE else p.moves.thread for p in places]
    text = [
        _table("each", each), _table("thread", thread),
        "define internal i32 @NAME.part(ptr %list, i64 %lo, i64 %hi, ptr %mine) {", "start:",
        f"  %now = alloca [{len(places)} x ptr]",
        "  %range = ptrtoint ptr %mine to i64",
        "  br label %tile",
        "tile:",
        "  %t = phi i64 [ %lo, %start ], [ %u, %next ]",
        f"  %i = mul i64 %t, {group.tilings[0].length}",
        f"  %rest = icmp uge i64 %t, {group.tilings[0].times}",
        "  br i1 %rest, label %move1, label %move0" if len(calls) > 1 else "  br label %move0",
    ]  # fmt: skip
    at = 0
    for n, steps in enumerate(calls):
        size = sum(len(of_step) for _, of_step in steps)
        text += [*_moved(n, at, at + size), *_run(n, at, steps)]
        at += size
    text += [
        "next:",
        "  %u = add i64 %t, 1",
        "  %more = icmp ult i64 %u, %hi",
        "  br i1 %more, label %tile, label %end",
        "end:", "  ret i32 1", "failed:", "  ret i32 0", "}",
    ]  # fmt: skip
    total = sum(t.times for t in group.tilings)
    if group.ranges > 1:
        pool.ready()
        call = (f"  %status = call i32 @gg_in_threads(ptr @NAME.part, ptr %list, i64 {total}, "
                f"i64 {group.ranges}, ptr null, i64 1)")  # fmt: skip
    else:
        call = f"  %status = call i32 @NAME.part(ptr %list, i64 0, i64 {total}, ptr null)"
    text += ["define internal i32 @NAME(ptr %list) {", *released([call], group.work),
             "  ret i32 %status", "}", ""]  # fmt: skip
    return "\n".join(text), places, {pool.CALL, *RELEASING}


def _table(name: str, numbers: Sequence[int]) -> str:
    values = ", ".join([f"i64 {n}" for n in numbers])
    return f"@NAME.{name} = private constant [{len(numbers)} x i64] [{values}]"


def _moved(n: int, start: int, end: int) -> list[str]:
    """The pointers of a tiling's steps, for this tile and this range."""
    return [
        f"move{n}:",
        f"  %k{n} = phi i64 [ {start}, %tile ], [ %l{n}, %move{n} ]",
        f"  %ea{n} = getelementptr i64, ptr @NAME.each, i64 %k{n}",
        f"  %eb{n} = load i64, ptr %ea{n}",
        f"  %ec{n} = mul i64 %eb{n}, %i",
        f"  %ta{n} = getelementptr i64, ptr @NAME.thread, i64 %k{n}",
        f"  %tb{n} = load i64, ptr %ta{n}",
        f"  %tc{n} = mul i64 %tb{n}, %range",
        f"  %by{n} = add i64 %ec{n}, %tc{n}",
        f"  %pa{n} = getelementptr ptr, ptr %list, i64 %k{n}",
        f"  %pb{n} = load ptr, ptr %pa{n}",
        f"  %pc{n} = getelementptr i8, ptr %pb{n}, i64 %by{n}",
        f"  %pd{n} = getelementptr ptr, ptr %now, i64 %k{n}",
        f"  store ptr %pc{n}, ptr %pd{n}",
        f"  %l{n} = add i64 %k{n}, 1",
        f"  %m{n} = icmp ult i64 %l{n}, {end}",
        f"  br i1 %m{n}, label %move{n}, label %run{n}.0",
    ]


def _run(n: int, at: int, steps: Calls) -> list[str]:
    """The steps, one after the other."""
    lines = []
    for k, (name, places) in enumerate(steps):
        then = f"run{n}.{k + 1}" if k + 1 < len(steps) else "next"
        lines += [
            f"run{n}.{k}:",
            f"  %a{n}.{k} = getelementptr ptr, ptr %now, i64 {at}",
            f"  %r{n}.{k} = call i32 @{name}(ptr %a{n}.{k})",
            f"  %g{n}.{k} = icmp eq i32 %r{n}.{k}, 1",
            f"  br i1 %g{n}.{k}, label %{then}, label %failed",
        ]
        at += len(places)
    return lines
