"""LLVM text for code that handles Python objects: a list of lines, and the places in objects.

What is known here of the memory of CPython's and NumPy's objects is the same on every 64-bit
CPython that is supported; the one place that moved (a tuple's items) is asked for.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = [
    "BASE",
    "DATA",
    "DECLARED",
    "DESCR",
    "DIMS",
    "FLAGS",
    "LIST_ITEMS",
    "NDIM",
    "NUMBER",
    "PLAIN",
    "SIZE",
    "STRIDES",
    "TUPLE_ITEMS",
    "TYPE",
    "WEAK",
    "WRITEABLE",
    "Text",
    "address",
    "hasty",
]

# PyObject; list and tuple; a float's and a NumPy scalar's number; NumPy's PyArrayObject_fields.
TYPE, SIZE, LIST_ITEMS, NUMBER = 8, 16, 24, 16
TUPLE_ITEMS = tuple.__basicsize__
DATA, NDIM, DIMS, STRIDES, BASE, DESCR, FLAGS, WEAK = 16, 24, 32, 40, 48, 56, 64, 72
PLAIN, WRITEABLE = 0x1 | 0x100, 0x400  # C-contiguous and aligned

DECLARED = """
declare double @gg_PyLong_AsDouble(ptr)
declare ptr @gg_PyErr_Occurred()
declare void @gg_PyErr_Clear()
declare ptr @gg_PyFloat_FromDouble(double)
declare ptr @gg_PyTuple_New(i64)
declare ptr @gg_PyList_New(i64)
declare ptr @gg_PyDict_New()
declare i32 @gg_PyDict_SetItem(ptr, ptr, ptr)
declare i32 @gg_PyDict_Next(ptr, ptr, ptr, ptr)
declare i32 @gg_PyUnicode_Compare(ptr, ptr)
declare void @gg_Py_IncRef(ptr)
declare void @gg_Py_DecRef(ptr)
declare ptr @gg_PyArray_Scalar(ptr, ptr, ptr)
declare ptr @gg_PyArray_NewFromDescr(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)
declare ptr @gg_PyArray_FromAny(ptr, ptr, i32, i32, i32, ptr)
declare i64 @gg_PyLong_AsLongLongAndOverflow(ptr, ptr)
declare ptr @gg_PyLong_FromLongLong(i64)
""".strip().splitlines()


def address(thing: Any) -> str:
    """A Python object as a pointer; the caller sees to it that the object lives."""
    return f"inttoptr (i64 {id(thing)} to ptr)"


def hasty(text: str) -> str:
    """Functions whose time does not matter: LLVM makes what is quickest to make of them."""
    return re.sub(r"(?m)^(define .*?\))(?: noinline)? \{$", r"\1 optnone noinline {", text)


class Text:
    """The lines of one function, and the objects whose addresses stand in them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: list[str] = []
        self.kept: list[Any] = []
        self.functions: dict[str, tuple[str, str]] = {}  # name and text of others, by what they do
        self.count = 0

    def put(self, line: str) -> None:
        self.lines.append("  " + line)

    def new(self, instruction: str) -> str:
        self.count += 1
        self.put(f"%t{self.count} = {instruction}")
        return f"%t{self.count}"

    def at(self, pointer: str, place: int, kind: str = "ptr") -> str:
        return self.new(f"getelementptr {kind}, ptr {pointer}, i64 {place}")

    def field(self, pointer: str, offset: int, kind: str) -> str:
        return self.new(f"load {kind}, ptr {self.at(pointer, offset, 'i8')}")

    def label(self) -> str:
        self.count += 1
        return f"b{self.count}"

    def start(self, label: str) -> None:
        self.lines.append(f"{label}:")

    def demand(self, test: str, otherwise: str = "declined") -> None:
        """Go on where the test holds."""
        on = self.label()
        self.put(f"br i1 {test}, label %{on}, label %{otherwise}")
        self.start(on)

    def made(self, pointer: str) -> None:
        """Go on where an object was made; where none was, an exception rises."""
        self.demand(self.new(f"icmp ne ptr {pointer}, null"), "error")

    def object(self, thing: Any) -> str:
        """The address of an object that lives as long as the code."""
        self.kept.append(thing)
        return address(thing)

    def define(self, key: str, name: str, head: str, body: Text) -> None:
        """Another function beside this one."""
        self.functions[key] = name, "\n".join([*body.constants, head, *body.lines, "}"])

    def dims(self, shape: tuple[int, ...], name: str) -> str:
        """A shape as a constant table of this name."""
        if not shape:
            return "null"
        sizes = ", ".join(f"i64 {n}" for n in shape)
        self.constants.append(f"{name} = private constant [{len(shape)} x i64] [{sizes}]")
        return name
