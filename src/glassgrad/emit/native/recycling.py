"""Arrays that were given as results and that nobody has any more, to be given again.

To make an array and to drop it takes longer than to fill a short one, and the memory of a long
one is fresh from the system, which is slower than all else. So a native program holds on to the
arrays it gave last. Before it makes one, it looks whether one of these belongs to nobody else: its
reference count is one, which under the GIL nobody can change meanwhile. Views, buffers and whatever
else looks at an array's memory hold a reference to it. An array that is not as it was made, or that
a weak reference points to, is dropped. What is taken leaves the shelf until the call is over, so
calls in other threads, or from within, take others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.circuit import WireType
from glassgrad.emit.native.writing import (
    BASE,
    DESCR,
    DIMS,
    FLAGS,
    NDIM,
    STRIDES,
    TYPE,
    WEAK,
    Text,
    address,
)

__all__ = ["Shelf", "new_array", "shelving"]

_SETS = 3  # of results: who keeps the last ones, and the ones before, still profits
_MOST = 1 << 28  # bytes that are held on to


class Shelf:
    """The places in which a program's results stand, for each output `sets` of them.

    Attributes
    ----------
    sets
        None where the results are too large to be held on to.
    objects
        An array of objects, which drops what is left in it.
    """

    def __init__(self, outputs: Sequence[WireType]) -> None:
        arrays = [o for o in outputs if o.kind == "array"]
        size = sum(math.prod(o.shape) * o.dtype.itemsize for o in arrays)
        self.sets = min(_SETS, _MOST // max(size, 1)) if arrays else 0
        self.objects: Any = np.empty(len(outputs) * self.sets, object)

    def place(self, n: int) -> str:
        """The address of an output's places."""
        return f"inttoptr (i64 {self.objects.ctypes.data + 8 * self.sets * n} to ptr)"


def new_array(e: Text, type_: WireType, sets: int) -> str:
    """The function that gives an array of this type, one that is on the shelf or a new one."""
    key = f"new {type_.dtype} {type_.shape}"
    if key in e.functions:
        return e.functions[key][0]
    name = f"@entry.new{len(e.functions)}"
    f = Text()
    descr = e.object(type_.dtype)
    f.start("begin")
    if sets:
        _look(f, np.empty(type_.shape, type_.dtype), descr, sets)
    f.put(f"call void @gg_Py_IncRef(ptr {descr})")  # which the next call takes
    dims = f.dims(type_.shape, f"{name}.dims")
    made = f.new(
        f"call ptr @gg_PyArray_NewFromDescr(ptr {address(np.ndarray)}, ptr {descr}, "
        f"i32 {type_.ndim}, ptr {dims}, ptr null, ptr null, i32 0, ptr null)"
    )
    f.put(f"ret ptr {made}")
    e.define(key, name, f"define internal ptr {name}(ptr %places) {{", f)
    return name


def _look(f: Text, like: Any, descr: str, sets: int) -> None:
    """Go through the places; `like` is an array as a new one is."""
    f.put("br label %look")
    f.start("look")
    n = f.new("phi i64 [ 0, %begin ], [ %more, %on ]")
    place = f.new(f"getelementptr ptr, ptr %places, i64 {n}")
    kept = f.new(f"load ptr, ptr {place}")
    f.demand(f.new(f"icmp ne ptr {kept}, null"), "on")
    f.demand(f.new(f"icmp eq i64 {f.new(f'load i64, ptr {kept}')}, 1"), "on")
    f.put(f"store ptr null, ptr {place}")
    wanted = [(TYPE, "ptr", address(np.ndarray)), (DESCR, "ptr", descr), (BASE, "ptr", "null"),
              (WEAK, "ptr", "null"), (FLAGS, "i32", like.flags.num), (NDIM, "i32", like.ndim)]  # fmt: skip
    for offset, kind, value in wanted:
        f.demand(f.new(f"icmp eq {kind} {f.field(kept, offset, kind)}, {value}"), "other")
    for offset, values in ((DIMS, like.shape), (STRIDES, like.strides)):
        table = f.field(kept, offset, "ptr") if values else ""
        for k, value in enumerate(values):
            f.demand(f.new(f"icmp eq i64 {f.field(table, 8 * k, 'i64')}, {value}"), "other")
    f.put(f"ret ptr {kept}")
    f.start("other")  # somebody has changed it, or would see it come back
    f.put(f"call void @gg_Py_DecRef(ptr {kept})")
    f.put("br label %on")
    f.start("on")
    f.put(f"%more = add i64 {n}, 1")
    f.demand(f.new(f"icmp eq i64 %more, {sets}"), "look")


def shelving(sets: int) -> str:
    """The functions that put an array on the shelf: one that is given, and one that is not."""
    if not sets:
        return """
define internal void @entry.keep(ptr %places, ptr %array) {
  ret void
}
define internal void @entry.put_back(ptr %places, ptr %array) {
  call void @gg_Py_DecRef(ptr %array)
  ret void
}
"""
    shifts = [
        line
        for n in range(sets - 1, 0, -1)
        for line in (
            f"  %from{n} = getelementptr ptr, ptr %places, i64 {n - 1}",
            f"  %v{n} = load ptr, ptr %from{n}",
            f"  %to{n} = getelementptr ptr, ptr %places, i64 {n}",
            f"  store ptr %v{n}, ptr %to{n}",
        )
    ]
    return f"""
define internal void @entry.keep(ptr %places, ptr %array) {{
  %count = load i64, ptr %array
  %more = add i64 %count, 1
  store i64 %more, ptr %array
  call void @entry.put_back(ptr %places, ptr %array)
  ret void
}}
define internal void @entry.put_back(ptr %places, ptr %array) {{
begin:
  %none = icmp eq ptr %array, null
  br i1 %none, label %end, label %look
look:
  %n = phi i64 [ 0, %begin ], [ %more, %on ]
  %place = getelementptr ptr, ptr %places, i64 %n
  %kept = load ptr, ptr %place
  %free = icmp eq ptr %kept, null
  br i1 %free, label %put, label %on
on:
  %more = add i64 %n, 1
  %all = icmp eq i64 %more, {sets}
  br i1 %all, label %push, label %look
put:
  store ptr %array, ptr %place
  ret void
push:
  %last.at = getelementptr ptr, ptr %places, i64 {sets - 1}
  %last = load ptr, ptr %last.at
{chr(10).join(shifts)}
  store ptr %array, ptr %places
  call void @gg_Py_DecRef(ptr %last)
  ret void
end:
  ret void
}}
"""
