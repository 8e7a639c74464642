"""Large loops on all cores: the outermost loop in ranges, the GIL released, the sums put together.

The threads themselves are the pool's (`pool.py`). How a loop is cut into ranges depends on its
length and its work alone, so sums are the same each time, whoever runs which range.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from glassgrad.emit.native import pool
from glassgrad.emit.native.elements import KINDS, Block, Kind
from glassgrad.emit.native.pool import cores
from glassgrad.emit.native.sums import SLOT, combined
from glassgrad.emit.native.walk import REAL

__all__ = ["RELEASING", "Shared", "cores", "in_threads", "ranges", "released"]

RELEASING = ("declare ptr @gg_PyEval_SaveThread()", "declare void @gg_PyEval_RestoreThread(ptr)")
_LONG = 2_000_000  # multiplications in a library, some 50 us, from which on others may go on
_GRAIN = 200_000  # work of a range, in additions, that is worth another thread: some 6 us
_EACH = 4  # ranges a thread, at most: who is late, or was disturbed, gets fewer


class Shared(NamedTuple):
    """A reduction that each range leaves a partial result of.

    Attributes
    ----------
    how, kind
        As of a `Reduction`.
    tested
        Whether the whole result is to be tested for being finite; the partial ones were.
    """

    how: str
    kind: Kind
    tested: bool


def ranges(length: int, work: float) -> int:
    """In how many ranges a loop of this length and work is run; 1 where threads do not pay."""
    if cores() == 1:
        return 1
    return max(min(_EACH * cores(), length, int(work / _GRAIN)), 1)


def released(body: Sequence[str], work: float) -> list[str]:
    """What a library does, with the GIL released where it takes long."""
    if work < _LONG:
        return list(body)
    return ["  %gil = call ptr @gg_PyEval_SaveThread()", *body,
            "  call void @gg_PyEval_RestoreThread(ptr %gil)"]  # fmt: skip


def in_threads(length: int, count: int, sums: Sequence[Shared]) -> tuple[str, set[str]]:
    """The function ``NAME`` that runs ``NAME.part`` in ranges, and what it declares.

    Parameters
    ----------
    length : int
        How often the outermost loop runs.
    count : int
        Of how many ranges.
    sums : sequence of Shared
        The reductions. Where their whole results go stands at the head of the list of pointers.
    """
    pool.ready()
    declared = {pool.CALL, *RELEASING}
    room = SLOT * max(len(sums), 1)
    block = Block(1)
    lines = block.lines
    lines += [
        "define internal i32 @NAME(ptr %list) {",
        f"  %partial = alloca [{room * count} x i8], align {SLOT}",
        "  %gil = call ptr @gg_PyEval_SaveThread()",
        f"  %status = call i32 @gg_in_threads(ptr @NAME.part, ptr %list, i64 {length}, i64 {count}, "
        f"ptr %partial, i64 {room})",
        "  call void @gg_PyEval_RestoreThread(ptr %gil)",
        "  %well = icmp eq i32 %status, 1",
    ]  # fmt: skip
    fine = block.test(True)
    for k, (how, kind, tested) in enumerate(sums):
        places = [
            block.fresh(f"getelementptr i8, ptr %partial, i64 {room * n + SLOT * k}", "i64").name
            for n in range(count)
        ]
        total, *parts = [block.fresh(f"load {KINDS[kind]}, ptr {p}", kind) for p in places]
        for part in parts:
            total = combined(block, how, total, part, kind)
        place = block.fresh(f"getelementptr ptr, ptr %list, i64 {k}", "i64").name
        target = block.fresh(f"load ptr, ptr {place}", "i64").name
        lines.append(f"  store {KINDS[kind]} {total.name}, ptr {target}")
        if tested and kind in REAL:
            block.real = kind
            zero = total * 0.0  # NaN just where it is not finite
            fine = block.logic("and", fine, block.compare("ord", zero, 0.0))
    lines += [
        f"  %both = and i1 %well, {fine.name}",
        "  %answer = zext i1 %both to i32", "  ret i32 %answer", "}", "",
    ]  # fmt: skip
    return "\n".join(lines), declared
