"""Arguments: checked, taken apart, and turned into pointers to numbers.

Nothing is trusted. Whatever is not what it was when the path was recorded is declined, before
anything is changed or made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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

__all__ = ["KEYS", "LAY_OUT", "take"]

_SCALARS: dict[Any, type] = {"f": float, "i": int, "b": bool}

# A copy of an array in C order and aligned, if it does not lie so itself; whether all went well.
LAY_OUT = f"""
define internal i1 @entry.lay_out(ptr %given, ptr %descr, ptr %place, ptr %owned) {{
  %fp = getelementptr i8, ptr %given, i64 {FLAGS}
  %flags = load i32, ptr %fp
  %both = and i32 %flags, {PLAIN}
  %plain = icmp eq i32 %both, {PLAIN}
  br i1 %plain, label %well, label %copy
copy:
  call void @gg_Py_IncRef(ptr %descr)  ; which the next call takes
  %made = call ptr @gg_PyArray_FromAny(ptr %given, ptr %descr, i32 0, i32 0, i32 {PLAIN}, ptr null)
  %failed = icmp eq ptr %made, null
  br i1 %failed, label %error, label %new
new:
  %before = load ptr, ptr %owned
  store ptr %made, ptr %owned
  call void @gg_Py_DecRef(ptr %before)
  %dp = getelementptr i8, ptr %made, i64 {DATA}
  %data = load ptr, ptr %dp
  store ptr %data, ptr %place
  br label %well
well:
  ret i1 true
error:
  ret i1 false
}}
"""

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


class Given(NamedTuple):
    """An argument's object, and whether it was found in a dict or list.

    From there another thread may take it away while the GIL is released; the caller holds on to
    all others.
    """

    object: str
    loose: bool


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
    given: dict[int, Given] = {}
    for n, shape in enumerate(call.shapes):
        _open(e, shape, e.new(f"load ptr, ptr {e.at('%args', n)}"), inputs, given)
    ints = {item.number for shape in call.shapes for item in items_of(shape) if item.ints}
    for n, type_ in enumerate(inputs):
        if type_.kind != "array":
            _unpack(e, n, given[n], type_, n in ints)
    _lay_out(e, given, inputs)


def _same_key(e: Text, given: str, wanted: Any) -> None:
    e.demand(e.new(f"call i1 @entry.same_key(ptr {given}, ptr {e.object(wanted)})"))


def _open(
    e: Text, shape: Shape, given: str, inputs: Sequence[WireType], found: dict[int, Given],
    loose: bool = False,
) -> None:  # fmt: skip
    """Go into a nest; what stands at each item goes to `found`."""
    if isinstance(shape, Item):
        _check(e, shape.number, given, inputs[shape.number], shape.ints)
        found[shape.number] = Given(given, loose)
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
            _open(e, part, value, inputs, found, True)
            e.put(f"store i64 {before}, ptr %place")
        return
    loose = loose or shape.kind is list
    items = e.field(given, LIST_ITEMS, "ptr") if shape.kind is list else \
        e.at(given, TUPLE_ITEMS, "i8")  # fmt: skip
    for n, part in enumerate(shape.parts):
        _open(e, part, e.new(f"load ptr, ptr {e.at(items, n)}"), inputs, found, loose)


def _check(e: Text, n: int, given: str, type_: WireType, ints: bool) -> None:
    """Decline unless an argument is what it was when the path was recorded."""
    kind_of(type_.dtype)
    if type_.kind == "array":
        fits = e.new(f"call i32 {_like(e, type_)}(ptr {given}, ptr {e.at('%in', n)})")
        e.demand(e.new(f"icmp ne i32 {fits}, 0"))
        before = e.new("load i32, ptr %layout")
        e.put(f"store i32 {e.new(f'or i32 {before}, {fits}')}, ptr %layout")
        return
    cls = type_.dtype.type if type_.kind == "numpy" else _SCALARS[type_.dtype.kind]
    found = e.field(given, TYPE, "ptr")
    fit = e.new(f"icmp eq ptr {found}, {address(cls)}")
    if ints:
        fit = e.new(f"or i1 {fit}, {e.new(f'icmp eq ptr {found}, {address(int)}')}")
    e.demand(fit)


def _like(e: Text, type_: WireType) -> str:
    """The function that compares an object with an array type, one for all arrays of this type.

    It answers 0 for another object; 1 where the array's numbers lie in C order and aligned; 2
    where they lie otherwise. Where they are goes to `place`.
    """
    key = f"like {type_.dtype} {type_.shape}"
    if key in e.functions:
        return e.functions[key][0]
    name = f"@entry.like{len(e.functions)}"
    f = Text()
    f.demand(f.new(f"icmp eq ptr {f.field('%given', TYPE, 'ptr')}, {address(np.ndarray)}"))
    f.demand(f.new(f"icmp eq ptr {f.field('%given', DESCR, 'ptr')}, {e.object(type_.dtype)}"))
    f.demand(f.new(f"icmp eq i32 {f.field('%given', NDIM, 'i32')}, {type_.ndim}"))
    if type_.ndim:
        dims = f.field("%given", DIMS, "ptr")
        for k, size in enumerate(type_.shape):
            f.demand(f.new(f"icmp eq i64 {f.field(dims, 8 * k, 'i64')}, {size}"))
    f.put(f"store ptr {f.field('%given', DATA, 'ptr')}, ptr %place")
    flags = f.new(f"and i32 {f.field('%given', FLAGS, 'i32')}, {PLAIN}")
    answer = f.new(f"select i1 {f.new(f'icmp eq i32 {flags}, {PLAIN}')}, i32 1, i32 2")
    f.put(f"ret i32 {answer}")
    f.start("declined")
    f.put("ret i32 0")
    e.define(key, name, f"define internal i32 {name}(ptr %given, ptr %place) {{", f)
    return name


def _unpack(e: Text, n: int, given: Given, type_: WireType, ints: bool) -> None:
    """A pointer to the number of one argument that is no array."""
    target, thing = e.at("%in", n), given.object
    inside, slot = e.at(thing, NUMBER, "i8"), e.at("%numbers", n, "i64")  # behind the object's head
    if type_.kind == "numpy" or (type_.dtype.kind == "f" and not ints):
        if given.loose:
            bits = f"i{8 * type_.dtype.itemsize}"
            e.put(f"store {bits} {e.new(f'load {bits}, ptr {inside}')}, ptr {slot}")
        e.put(f"store ptr {slot if given.loose else inside}, ptr {target}")
    elif type_.dtype.kind == "f":
        is_float, is_int, read, on = (e.label() for _ in range(4))
        e.put(f"store ptr {slot}, ptr {target}")
        exact = e.new(f"icmp eq ptr {e.field(thing, TYPE, 'ptr')}, {address(float)}")
        e.put(f"br i1 {exact}, label %{is_float}, label %{is_int}")
        e.start(is_float)
        e.put(f"store double {e.new(f'load double, ptr {inside}')}, ptr {slot}")
        e.put(f"br label %{on}")
        e.start(is_int)
        number = e.new(f"call double @gg_PyLong_AsDouble(ptr {thing})")
        e.put(f"store double {number}, ptr {slot}")
        raised = e.new("call ptr @gg_PyErr_Occurred()")
        e.put(f"br i1 {e.new(f'icmp eq ptr {raised}, null')}, label %{on}, label %{read}")
        e.start(read)  # too large: the slow way says so
        e.put("call void @gg_PyErr_Clear()")
        e.put("br label %declined")
        e.start(on)
    else:
        e.put(f"store ptr {slot}, ptr {target}")
        if type_.dtype.kind == "b":
            e.put(f"store i1 {e.new(f'icmp eq ptr {thing}, {address(True)}')}, ptr {slot}")
            return
        number = e.new(f"call i64 @gg_PyLong_AsLongLongAndOverflow(ptr {thing}, ptr %place)")
        e.demand(e.new(f"icmp eq i32 {e.new('load i32, ptr %place')}, 0"))
        e.put(f"store i64 {number}, ptr {slot}")


def _lay_out(e: Text, given: Mapping[int, Given], inputs: Sequence[WireType]) -> None:
    """Hold on to arrays that are loose, and lay those out anew that lie otherwise than they should.

    The references stand in the table ``%owned``; if there are any, ``%owning`` is true.
    """
    arrays = [n for n, type_ in enumerate(inputs) if type_.kind == "array"]
    if not arrays:
        return
    crooked, on = e.label(), e.label()
    loose = [n for n in arrays if given[n].loose]
    if loose:
        _own(e, arrays)
        for n in loose:
            e.put(f"call void @gg_Py_IncRef(ptr {given[n].object})")
            e.put(f"store ptr {given[n].object}, ptr {e.at('%owned', n)}")
    layout = e.new("load i32, ptr %layout")
    e.put(f"br i1 {e.new(f'icmp ugt i32 {layout}, 1')}, label %{crooked}, label %{on}")
    e.start(crooked)
    if not loose:
        _own(e, arrays)
    for n in arrays:
        places = f"ptr {e.at('%in', n)}, ptr {e.at('%owned', n)}"
        descr = e.object(inputs[n].dtype)
        made = e.new(f"call i1 @entry.lay_out(ptr {given[n].object}, ptr {descr}, {places})")
        e.demand(made, "error")
    e.put(f"br label %{on}")
    e.start(on)


def _own(e: Text, arrays: Sequence[int]) -> None:
    for n in arrays:
        e.put(f"store ptr null, ptr {e.at('%owned', n)}")
    e.put("store i1 true, ptr %owning")
