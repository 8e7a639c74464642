"""A call answered without the interpreter: from Python's CALL straight to native code.

An object of a class derived from `CALLABLE` has a place for a C function that Python calls
(PEP 590's vectorcall). It is filled when there is native code; while it is empty, Python calls
``__call__`` as ever. The function that stands there, `CALL` below, is one for all and lives for
ever (its text: `calling.py`). It looks whether a trace is active, whether what the user's function reads is as it was, and
asks the programs of the known paths one by one; where all of them decline it calls ``__call__``.

What it works with is the object's attribute ``_direct``, a tuple: a bytes object with the tables
laid out below, then everything that the tables point to. It is held on to during a call, so that
whatever happens in there, the code that runs is not dropped.

    table     programs, then (0, 0, 0)            rows     checks, then (0, 0, 0, 0)
    program   address of its ``answer``           check    kind, and what the kind needs
              number of positional arguments
              where its rows begin in the table
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any

from glassgrad.emit.native.calling import CALL
from glassgrad.emit.native.entry import DECLINED, Code
from glassgrad.emit.native.machine import available, compiled
from glassgrad.emit.native.rows import Rows
from glassgrad.emit.native.writing import TUPLE_ITEMS, TYPE, address

__all__ = ["CALLABLE", "direct", "make_callable", "ready", "switch_on"]

_VECTORCALL = 16  # where an object holds its C function,
_DIRECT = 24  # and where its `_direct`
_BYTES = bytes.__basicsize__ - 1  # where the bytes of a bytes object begin
_FLAGS = 168  # of a type object
_HAVE_VECTORCALL = 1 << 11


def direct(groups: Sequence[tuple[Rows, Sequence[Callable[..., Any]]]]) -> tuple[Any, ...]:
    """What goes into ``_direct``: for each outside the native programs that hold in it."""
    programs: list[bytes] = []
    rows = bytearray()
    kept: list[Any] = []
    known: dict[bytes, int] = {}
    start = 24 * (sum(len(functions) for _, functions in groups) + 1)
    for group, functions in groups:
        packed = group.packed()
        if packed not in known:  # the same checks are made but once a call
            known[packed] = start + len(rows)
            rows += packed
        kept.append(group.kept)
        for function in functions:
            code: Code = function.__self__  # type: ignore[attr-defined]
            programs.append(struct.pack("3Q", code.answer, code.positional, known[packed]))
            kept.append(function)
    return (b"".join(programs) + bytes(24) + rows, *kept)


# -- the class ------------------------------------------------------------------------------------


class _Slot(ctypes.Structure):
    _fields_ = [("slot", ctypes.c_int), ("value", ctypes.c_void_p)]


class _Member(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("kind", ctypes.c_int), ("offset", ctypes.c_ssize_t),
                ("flags", ctypes.c_int), ("doc", ctypes.c_char_p)]  # fmt: skip


class _Spec(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("size", ctypes.c_int), ("item", ctypes.c_int),
                ("flags", ctypes.c_uint), ("slots", ctypes.POINTER(_Slot))]  # fmt: skip


def _base() -> type:
    """A class whose objects have room for one C function, which Python may call."""
    if sys.implementation.name != "cpython" or ctypes.sizeof(ctypes.c_void_p) != 8:
        return object
    members = (_Member * 2)(_Member(b"__vectorcalloffset__", 19, _VECTORCALL, 1, None), _Member())
    slots = (_Slot * 2)(_Slot(72, ctypes.addressof(members)), _Slot())
    spec = _Spec(b"glassgrad.emit.native.direct.CALLABLE", _VECTORCALL + 8, 0, 1 << 10, slots)
    make = ctypes.pythonapi.PyType_FromSpec
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p]
    cls: type = make(ctypes.addressof(spec))
    _forever.append((members, slots, spec))
    return cls


_forever: list[Any] = []
CALLABLE: Any = _base()


def make_callable(cls: type[Any]) -> bool:
    """Let Python ask the objects of a class for their C function; whether it can be done."""
    if CALLABLE is object or cls.__basicsize__ < _DIRECT + 8:
        return False
    flags = ctypes.c_ulong.from_address(id(cls) + _FLAGS)
    place = ctypes.c_ssize_t.from_address(id(cls) + 56)
    probe = object.__new__(cls)
    probe._direct = marker = object()
    held = ctypes.c_void_p.from_address(id(probe) + _DIRECT).value
    empty = ctypes.c_void_p.from_address(id(probe) + _VECTORCALL).value is None
    if (
        flags.value != cls.__flags__
        or place.value != _VECTORCALL
        or held != id(marker)
        or not empty
    ):
        return False  # objects lie in memory otherwise than is known here
    flags.value |= _HAVE_VECTORCALL
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(cls))
    return True


def switch_on(thing: Any, call: int) -> None:
    """From now on Python calls this object through the C function."""
    ctypes.c_void_p.from_address(id(thing) + _VECTORCALL).value = call


_call: list[int] = []


def ready(active: list[Any], slow: Callable[..., Any]) -> int:
    """The address of the C function.

    Parameters
    ----------
    active : list
        Not empty while any trace runs.
    slow : function
        ``__call__``.
    """
    if not available():
        return 0
    if not _call:
        engine = compiled(_text(active, slow))
        for thing in (engine, active, slow):  # for calls in the last moments of the interpreter too
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
        _call.append(int(engine.get_function_address("call")))
    return _call[0]


def _text(active: list[Any], slow: Callable[..., Any]) -> str:
    return CALL.format(
        active=f"inttoptr (i64 {id(active) + 16} to ptr)", slow=address(slow), true=address(True),
        tuple=address(tuple), bytes=address(bytes), declined=f"inttoptr (i64 {DECLINED} to ptr)",
        direct=_DIRECT, type=TYPE, items=TUPLE_ITEMS, start=_BYTES,
    )  # fmt: skip
