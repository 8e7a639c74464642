"""The shortest way into native code: one builtin that checks what the path relies on, and runs it.

It is the same machine code for every gradient function; what differs stands in a table of
addresses: where to look for an active trace, what the function reads from outside and what was
there, the entries of its paths, and whom to ask where any of that does not fit.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from glassgrad.emit.native.machine import compiled

__all__ = ["Seen", "call_of"]


class Seen(Protocol):
    """What stood somewhere: at an address, or in a dict under a key."""

    @property
    def item(self) -> bool: ...
    @property
    def place(self) -> int: ...
    @property
    def key(self) -> int: ...
    @property
    def value(self) -> int: ...


_AT, _ITEM, _ASK = 0, 1, 2
_FAST_WITH_KEYWORDS = 0x82


class _MethodDef(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("function", ctypes.c_void_p),
                ("flags", ctypes.c_int), ("doc", ctypes.c_char_p)]  # fmt: skip


def call_of(
    idle: Any, seen: Sequence[Seen], same: Callable[[], bool] | None,
    programs: Sequence[Any], otherwise: Callable[..., Any],
) -> Callable[..., Any]:  # fmt: skip
    """A builtin that answers calls natively where it can.

    Parameters
    ----------
    idle : ctypes.c_int64
        Zero where native code may run.
    seen : sequence
        What must still stand where it stood.
    same : callable or None
        Asked besides, where `seen` does not tell all.
    programs : sequence
        What `native_program` gave, in the order in which they are tried.
    otherwise : callable
        Called with the same arguments where none of them answers.
    """
    checks = [(_ITEM if s.item else _AT, s.place, s.key, s.value) for s in seen]
    if same is not None:
        checks.append((_ASK, id(same), 0, id(True)))
    entries = [p.__self__.method.function for p in programs]
    table = struct.pack(
        f"<{4 + 4 * len(checks) + len(entries)}q", ctypes.addressof(idle), id(otherwise),
        len(checks), len(entries), *[x for check in checks for x in check], *entries,
    )  # fmt: skip
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object,
                                                     ctypes.c_void_p]  # fmt: skip
    method, engine = _method()
    kept = (table, method, engine, idle, tuple(seen), same, tuple(programs), otherwise)
    function: Callable[..., Any] = make(ctypes.addressof(method), kept, None)
    return function


@functools.cache
def _method() -> tuple[_MethodDef, Any]:
    engine, address = compiled(_TEXT.replace("NONE", str(id(None))), "call")
    return _MethodDef(b"gradient", address, _FAST_WITH_KEYWORDS, None), engine


# %self is a tuple; its first item is a bytes object: the numbers of the table stand 32 bytes in.
_TEXT = """
declare ptr @gg_PyDict_GetItemWithError(ptr, ptr)
declare ptr @gg_PyObject_CallNoArgs(ptr)
declare ptr @gg_PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare void @gg_PyErr_Clear()
declare void @gg_Py_DecRef(ptr)

define ptr @call(ptr %self, ptr %args, i64 %nargs, ptr %names) {
  %item = getelementptr i8, ptr %self, i64 24
  %bytes = load ptr, ptr %item
  %table = getelementptr i8, ptr %bytes, i64 32
  %positional = icmp eq ptr %names, null
  br i1 %positional, label %quiet, label %otherwise
quiet:
  %idle = load ptr, ptr %table
  %busy = load i64, ptr %idle
  %free = icmp eq i64 %busy, 0
  br i1 %free, label %begin, label %otherwise
begin:
  %t2 = getelementptr i64, ptr %table, i64 2
  %checks = load i64, ptr %t2
  %t3 = getelementptr i64, ptr %table, i64 3
  %programs = load i64, ptr %t3
  %first = getelementptr i64, ptr %table, i64 4
  %c4 = mul i64 %checks, 4
  %entries = getelementptr i64, ptr %first, i64 %c4
  %any = icmp eq i64 %checks, 0
  br i1 %any, label %run, label %check
check:
  %n = phi i64 [ 0, %begin ], [ %n1, %held ]
  %n4 = mul i64 %n, 4
  %c = getelementptr i64, ptr %first, i64 %n4
  %how = load i64, ptr %c
  %p1 = getelementptr i64, ptr %c, i64 1
  %place = load ptr, ptr %p1
  %p2 = getelementptr i64, ptr %c, i64 2
  %key = load ptr, ptr %p2
  %p3 = getelementptr i64, ptr %c, i64 3
  %was = load ptr, ptr %p3
  switch i64 %how, label %ask [ i64 0, label %at
                                i64 1, label %entry ]
at:
  %stands = load ptr, ptr %place
  br label %compare
entry:
  %found = call ptr @gg_PyDict_GetItemWithError(ptr %place, ptr %key)
  br label %compare
ask:
  %told = call ptr @gg_PyObject_CallNoArgs(ptr %place)
  %raised = icmp eq ptr %told, null
  br i1 %raised, label %clear, label %drop
drop:
  call void @gg_Py_DecRef(ptr %told)
  br label %compare
compare:
  %is = phi ptr [ %stands, %at ], [ %found, %entry ], [ %told, %drop ]
  %equal = icmp eq ptr %is, %was
  br i1 %equal, label %held, label %clear
held:
  %n1 = add i64 %n, 1
  %more = icmp slt i64 %n1, %checks
  br i1 %more, label %check, label %run
run:
  br label %next
next:
  %k = phi i64 [ 0, %run ], [ %k1, %declined ]
  %left = icmp slt i64 %k, %programs
  br i1 %left, label %try, label %otherwise
try:
  %e = getelementptr ptr, ptr %entries, i64 %k
  %program = load ptr, ptr %e
  %answer = call ptr %program(ptr null, ptr %args, i64 %nargs)
  %none = icmp eq ptr %answer, inttoptr (i64 NONE to ptr)
  br i1 %none, label %declined, label %done
declined:
  call void @gg_Py_DecRef(ptr %answer)
  %k1 = add i64 %k, 1
  br label %next
done:
  ret ptr %answer
clear:
  call void @gg_PyErr_Clear()
  br label %otherwise
otherwise:
  %t1 = getelementptr i64, ptr %table, i64 1
  %slow = load ptr, ptr %t1
  %result = tail call ptr @gg_PyObject_Vectorcall(ptr %slow, ptr %args, i64 %nargs, ptr %names)
  ret ptr %result
}
"""
