"""A group of steps as LLVM IR: for each tile the lists of pointers, moved on, and each step's call."""

from __future__ import annotations

from collections.abc import Sequence

from glassgrad.emit.native.driver import Place
from glassgrad.emit.native.tiles import Group

__all__ = ["written"]


def written(
    group: Group, calls: Sequence[Sequence[tuple[str, Sequence[Place]]]]
) -> tuple[str, list[Place]]:
    """The function ``NAME`` of a group, and the places it is called with.

    Parameters
    ----------
    group : Group
    calls : sequence
        For each of its tilings, the name of each step's function and its places.
    """
    places = [place for steps in calls for _, of_step in steps for place in of_step]
    moves = [p.moves.each * (p.buffer.dtype.itemsize if p.buffer else 0) for p in places]
    count = len(places)
    lines = [
        f"@NAME.moves = private constant [{count} x i64] [{', '.join([f'i64 {m}' for m in moves])}]",
        "define internal i32 @NAME(ptr %list) {",
        f"  %now = alloca [{count} x ptr]",
    ]
    at = 0
    for n, (tiling, steps) in enumerate(zip(group.tilings, calls, strict=True)):
        size = sum(len(of_step) for _, of_step in steps)
        lines += [
            f"  br label %tile{n}",
            f"tile{n}:",
            f"  %t{n} = phi i64 [ 0, %{'0' if not n else f'end{n - 1}'} ], [ %u{n}, %last{n} ]",
            f"  %s{n} = mul i64 %t{n}, {tiling.length}",
            f"  %i{n} = add i64 %s{n}, {tiling.start}",
            f"  br label %move{n}",
            f"move{n}:",
            f"  %k{n} = phi i64 [ {at}, %tile{n} ], [ %l{n}, %move{n} ]",
            f"  %ma{n} = getelementptr i64, ptr @NAME.moves, i64 %k{n}",
            f"  %mb{n} = load i64, ptr %ma{n}",
            f"  %mc{n} = mul i64 %mb{n}, %i{n}",
            f"  %pa{n} = getelementptr ptr, ptr %list, i64 %k{n}",
            f"  %pb{n} = load ptr, ptr %pa{n}",
            f"  %pc{n} = getelementptr i8, ptr %pb{n}, i64 %mc{n}",
            f"  %pd{n} = getelementptr ptr, ptr %now, i64 %k{n}",
            f"  store ptr %pc{n}, ptr %pd{n}",
            f"  %l{n} = add i64 %k{n}, 1",
            f"  %m{n} = icmp ult i64 %l{n}, {at + size}",
            f"  br i1 %m{n}, label %move{n}, label %run{n}.0",
        ]
        start = at
        for k, (name, of_step) in enumerate(steps):
            last = k == len(steps) - 1
            lines += [
                f"run{n}.{k}:",
                f"  %a{n}.{k} = getelementptr ptr, ptr %now, i64 {start}",
                f"  %r{n}.{k} = call i32 @{name}(ptr %a{n}.{k})",
                f"  %g{n}.{k} = icmp eq i32 %r{n}.{k}, 1",
                f"  br i1 %g{n}.{k}, label %{f'last{n}' if last else f'run{n}.{k + 1}'}, label %failed",
            ]
            start += len(of_step)
        lines += [
            f"last{n}:",
            f"  %u{n} = add i64 %t{n}, 1",
            f"  %w{n} = icmp ult i64 %u{n}, {tiling.times}",
            f"  br i1 %w{n}, label %tile{n}, label %end{n}",
            f"end{n}:",
        ]
        at += size
    lines += ["  ret i32 1", "failed:", "  ret i32 0", "}", ""]
    return "\n".join(lines), places
