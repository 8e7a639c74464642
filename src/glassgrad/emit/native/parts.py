"""Long straight-line code as a chain of functions, so that compiling it takes linear time.

LLVM's register allocation and scheduling take more than linear time in the length of a block. A
value made in one part and read in a later one waits in a frame in memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from glassgrad.emit.native.elements import KINDS, Kind, NotNative

__all__ = ["in_parts"]

_LONGEST = 1_000  # instructions in one part
_MOST_KEPT = 30_000  # values in the frame: it stands on the stack, which threads have little of
_NAME = re.compile(r"%v\d+")
_MADE = re.compile(r"^  (%v\d+) = ", re.MULTILINE)


def in_parts(lines: Sequence[str], kinds: Mapping[str, Kind], verdict: str) -> str:
    """The kernel's instructions as the function ``kernel``, cut into parts where they are many.

    Parameters
    ----------
    lines : sequence of str
        Instructions, what belongs together in one; values are named ``%v1``, ``%v2``, ...
    kinds : dict
        What kind of number each name is.
    verdict : str
        The name, or constant, of what the kernel answers.

    Raises
    ------
    NotNative
        More would have to be kept between the parts than fits on a stack.
    """
    if len(lines) <= _LONGEST:
        return "\n".join(["define internal i32 @kernel(ptr noalias %in, ptr noalias %out) {",
                          *lines, f"  %r = zext i1 {verdict} to i32", "  ret i32 %r", "}", ""])  # fmt: skip
    parts = [lines[at : at + _LONGEST] for at in range(0, len(lines), _LONGEST)]
    home: dict[str, int] = {}
    slots: dict[str, int] = {}
    for n, part in enumerate(parts):
        for line in part:
            for name in _NAME.findall(line):
                if home.setdefault(name, n) != n:
                    slots.setdefault(name, len(slots))
    if verdict.startswith("%"):
        slots.setdefault(verdict, len(slots))
    if len(slots) > _MOST_KEPT:
        raise NotNative("too many numbers are kept for later")

    def kind(name: str) -> str:
        return KINDS[kinds[name]]

    text, calls = [], []
    for n, part in enumerate(parts):
        body: list[str] = []
        read: set[str] = set()
        for line in part:
            names = _NAME.findall(line)
            for name in names:
                if home[name] != n and name not in read:
                    read.add(name)
                    place = f"%f{slots[name]}"
                    body.append(f"  {place} = getelementptr double, ptr %frame, i64 {slots[name]}")
                    body.append(f"  {name} = load {kind(name)}, ptr {place}")
            body.append(line)
            made = _MADE.search(line)
            if made and made[1] in slots:
                name = made[1]
                place = f"%f{slots[name]}"
                body.append(f"  {place} = getelementptr double, ptr %frame, i64 {slots[name]}")
                body.append(f"  store {kind(name)} {name}, ptr {place}")
        text += [f"define internal void @part{n}(ptr noalias %in, ptr noalias %out, "
                 "ptr noalias %frame) noinline {", *body, "  ret void", "}"]  # fmt: skip
        calls.append(f"  call void @part{n}(ptr %in, ptr %out, ptr %frame)")
    answer = [f"  %r = zext i1 {verdict} to i32", "  ret i32 %r"]
    if verdict.startswith("%"):
        answer = [f"  %f = getelementptr double, ptr %frame, i64 {slots[verdict]}",
                  "  %v = load i1, ptr %f", "  %r = zext i1 %v to i32",
                  "  ret i32 %r"]  # fmt: skip
    return "\n".join([
        *text, "define internal i32 @kernel(ptr noalias %in, ptr noalias %out) {",
        f"  %frame = alloca [{max(len(slots), 1)} x double]", *calls, *answer, "}", "",
    ])  # fmt: skip
