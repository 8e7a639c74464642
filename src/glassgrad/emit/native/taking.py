"""Arguments: checked, taken apart, and turned into pointers to numbers.

Nothing is trusted. Whatever is not what it was when the path was recorded is declined, before
anything is changed or made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.circuit import WireType
from glassgrad.emit.native.elements import kind_of
from glassgrad.emit.native.shapes import Call, Fixed, Item, Shape, items_of
from glassgrad.emit.native.writing import (
    DATA,
    DESCR,
    DIMS,
    FLAGS,
    LIST_ITEMS,
    NDIM,
    NUMBER,
    PLAIN,
    SIZE,
    TUPLE_ITEMS,
    TYPE,
    Text,
    address,
)

__all__ = ["KEYS", "take"]

_SCALARS: dict[Any, type] = {"f": float, "i": int, "b": bool}

# Whether two keys are the same: most often one object, else strings that are equal.
KEYS = f"""
define internal i1 @entry.same_key(ptr %a, ptr %b) {{
  %one = icmp eq ptr %a, %b
  br i1 %one, label %yes, label %a_string
a_string:
  %ap = getelementptr i8, ptr %a, i64 {TYPE}
  %at = load ptr, ptr %ap
  %as = icmp eq ptr %at, {address(str)}
  br i1 %as, label %b_string, label %no
b_string:
  %bp = getelementptr i8, ptr %b, i64 {TYPE}
  %bt = load ptr, ptr %bp
  %bs = icmp eq ptr %bt, {address(str)}
  br i1 %bs, label %compare, label %no
compare:
  %order = call i32 @gg_PyUnicode_Compare(ptr %a, ptr %b)
  %equal = icmp eq i32 %order, 0
  ret i1 %equal
yes:
  ret i1 true
no:
  ret i1 false
}}
"""


def take(e: Text, call: Call, inputs: Sequence[WireType]) -> None:
    """Fill the table ``%in`` from ``%args``, ``%nargs`` and ``%kwnames``."""
    keywords = [name for name, _ in call.keywords]
    e.demand(e.new(f"icmp eq i64 %nargs, {len(call.positional)}"))
    if keywords:
        e.demand(e.new("icmp ne ptr %kwnames, null"))
        e.demand(e.new(f"icmp eq i64 {e.field('%kwnames', SIZE, 'i64')}, {len(keywords)}"))
        for n, name in enumerate(keywords):
            _same_key(e, e.field("%kwnames", TUPLE_ITEMS + 8 * n, "ptr"), name)
    else:
        e.demand(e.new("icmp eq ptr %kwnames, null"))
    given: dict[int, str] = {}
    for n, shape in enumerate(call.shapes):
        _open(e, shape, e.new(f"load ptr, ptr {e.at('%args', n)}"), inputs, given)
    ints = {item.number for shape in call.shapes for item in items_of(shape) if item.ints}
    for n, type_ in enumerate(inputs):
        _unpack(e, n, given[n], type_, n in ints)


def _same_key(e: Text, given: str, wanted: Any) -> None:
    e.demand(e.new(f"call i1 @entry.same_key(ptr {given}, ptr {e.object(wanted)})"))


def _open(
    e: Text, shape: Shape, given: str, inputs: Sequence[WireType], found: dict[int, str]
) -> None:
    """Go into a nest; what stands at each item goes to `found`."""
    if isinstance(shape, Item):
        _check(e, given, inputs[shape.number], shape.ints)
        found[shape.number] = given
        return
    if isinstance(shape, Fixed):
        if type(shape.value) is str:
            _same_key(e, given, shape.value)
        else:
            e.demand(e.new(f"icmp eq ptr {given}, {e.object(shape.value)}"))
        return
    e.demand(e.new(f"icmp eq ptr {e.field(given, TYPE, 'ptr')}, {address(shape.kind)}"))
    e.demand(e.new(f"icmp eq i64 {e.field(given, SIZE, 'i64')}, {len(shape.parts)}"))
    if shape.kind is dict:  # its order matters too: the function may loop over it
        e.put("store i64 0, ptr %place")
        for key, part in zip(shape.keys, shape.parts, strict=True):
            more = e.new(f"call i32 @gg_PyDict_Next(ptr {given}, ptr %place, ptr %key, ptr %value)")
            e.demand(e.new(f"icmp ne i32 {more}, 0"))
            _same_key(e, e.new("load ptr, ptr %key"), key)
            value = e.new("load ptr, ptr %value")
            before = e.new("load i64, ptr %place")  # a dict in here needs the place itself
            _open(e, part, value, inputs, found)
            e.put(f"store i64 {before}, ptr %place")
        return
    items = e.field(given, LIST_ITEMS, "ptr") if shape.kind is list else \
        e.at(given, TUPLE_ITEMS, "i8")  # fmt: skip
    for n, part in enumerate(shape.parts):
        _open(e, part, e.new(f"load ptr, ptr {e.at(items, n)}"), inputs, found)


def _check(e: Text, given: str, type_: WireType, ints: bool) -> None:
    """Decline unless an argument is what it was when the path was recorded."""
    kind_of(type_.dtype)
    if type_.kind == "array":
        cls: type = np.ndarray
    else:
        cls = type_.dtype.type if type_.kind == "numpy" else _SCALARS[type_.dtype.kind]
    found = e.field(given, TYPE, "ptr")
    fits = e.new(f"icmp eq ptr {found}, {address(cls)}")
    if ints:
        fits = e.new(f"or i1 {fits}, {e.new(f'icmp eq ptr {found}, {address(int)}')}")
    e.demand(fits)
    if type_.kind != "array":
        return
    e.demand(e.new(f"icmp eq ptr {e.field(given, DESCR, 'ptr')}, {e.object(type_.dtype)}"))
    e.demand(e.new(f"icmp eq i32 {e.field(given, NDIM, 'i32')}, {type_.ndim}"))
    if type_.ndim:
        dims = e.field(given, DIMS, "ptr")
        for k, size in enumerate(type_.shape):
            e.demand(e.new(f"icmp eq i64 {e.field(dims, 8 * k, 'i64')}, {size}"))


def _unpack(e: Text, n: int, given: str, type_: WireType, ints: bool) -> None:
    """A pointer to one argument's numbers, in C order and aligned."""
    target = e.at("%in", n)
    if type_.kind == "array":
        _lay_out(e, n, given, type_, target)
    elif type_.kind == "numpy" or (type_.dtype.kind == "f" and not ints):
        e.put(f"store ptr {e.at(given, NUMBER, 'i8')}, ptr {target}")  # behind the object's head
    elif type_.dtype.kind == "f":
        slot = e.at("%numbers", n, "i64")
        is_int, read, on = e.label(), e.label(), e.label()
        exact = e.new(f"icmp eq ptr {e.field(given, TYPE, 'ptr')}, {address(float)}")
        inside = e.at(given, NUMBER, "i8")
        start = e.label()
        e.put(f"br label %{start}")
        e.start(start)
        e.put(f"br i1 {exact}, label %{on}, label %{is_int}")
        e.start(is_int)
        number = e.new(f"call double @gg_PyLong_AsDouble(ptr {given})")
        e.put(f"store double {number}, ptr {slot}")
        raised = e.new("call ptr @gg_PyErr_Occurred()")
        failed = e.label()
        e.put(f"br i1 {e.new(f'icmp eq ptr {raised}, null')}, label %{read}, label %{failed}")
        e.start(failed)  # too large: the slow way says so
        e.put("call void @gg_PyErr_Clear()")
        e.put("br label %declined")
        e.start(read)
        e.put(f"br label %{on}")
        e.start(on)
        pointer = e.new(f"phi ptr [ {inside}, %{start} ], [ {slot}, %{read} ]")
        e.put(f"store ptr {pointer}, ptr {target}")
    else:
        slot = e.at("%numbers", n, "i64")
        e.put(f"store ptr {slot}, ptr {target}")
        if type_.dtype.kind == "b":
            e.put(f"store i1 {e.new(f'icmp eq ptr {given}, {address(True)}')}, ptr {slot}")
            return
        number = e.new(f"call i64 @gg_PyLong_AsLongLongAndOverflow(ptr {given}, ptr %place)")
        e.demand(e.new(f"icmp eq i32 {e.new('load i32, ptr %place')}, 0"))
        e.put(f"store i64 {number}, ptr {slot}")


def _lay_out(e: Text, n: int, given: str, type_: WireType, target: str) -> None:
    flags = e.new(f"and i32 {e.field(given, FLAGS, 'i32')}, {PLAIN}")
    plain = e.new(f"icmp eq i32 {flags}, {PLAIN}")
    before, copied, on = e.label(), e.label(), e.label()
    e.put(f"br label %{before}")
    e.start(before)
    e.put(f"br i1 {plain}, label %{on}, label %{copied}")
    e.start(copied)  # an array that lies otherwise is laid out anew
    descr = address(type_.dtype)
    e.put(f"call void @gg_Py_IncRef(ptr {descr})")  # which the next call takes
    again = e.new(
        f"call ptr @gg_PyArray_FromAny(ptr {given}, ptr {descr}, i32 0, i32 0, "
        f"i32 {PLAIN}, ptr null)"
    )
    e.put(f"store ptr {again}, ptr {e.at('%owned', n)}")
    e.put("store i1 true, ptr %copies")
    e.made(again)
    last = e.lines[-1][:-1]  # the label that `made` went on with
    e.put(f"br label %{on}")
    e.start(on)
    array = e.new(f"phi ptr [ {given}, %{before} ], [ {again}, %{last} ]")
    e.put(f"store ptr {e.field(array, DATA, 'ptr')}, ptr {target}")
