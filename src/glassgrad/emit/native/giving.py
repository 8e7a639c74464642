"""Results: where the kernel writes them, and the objects that the caller gets."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from glassgrad.circuit import WireType
from glassgrad.emit.native.elements import NotNative, kind_of
from glassgrad.emit.native.recycling import Shelf, new_array
from glassgrad.emit.native.shapes import Fixed, Item, Shape
from glassgrad.emit.native.writing import DATA, LIST_ITEMS, NUMBER, TUPLE_ITEMS, Text, address

__all__ = ["Results", "give", "prepare", "take_back"]

Keep = Callable[[str], None]  # what is done with a new object

_TP_ALLOC = 47  # Py_tp_alloc of typeslots.h


class Results(NamedTuple):
    """What is to be given.

    Attributes
    ----------
    types
        Of the outputs.
    first
        The place of the first one in the tables ``%owned`` and ``%numbers``.
    shelf
        Where earlier results stand.
    """

    types: Sequence[WireType]
    first: int
    shelf: Shelf

    def arrays(self) -> list[int]:
        """The outputs that are arrays."""
        return [n for n, type_ in enumerate(self.types) if type_.kind == "array"]


def prepare(e: Text, results: Results) -> None:
    """Fill the table ``%out``: memory of arrays to give, and places on the stack for numbers.

    The arrays stand in the table ``%owned``.
    """
    _, first, shelf = results
    for n, type_ in enumerate(results.types):
        target = e.at("%out", n)
        kind_of(type_.dtype)
        if type_.kind != "array":
            e.put(f"store ptr {e.at('%numbers', first + n, 'i64')}, ptr {target}")
            continue
        box = e.new(f"call ptr {new_array(e, type_, shelf.sets)}(ptr {shelf.place(n)})")
        e.put(f"store ptr {box}, ptr {e.at('%owned', first + n)}")
        e.made(box)
        e.put(f"store ptr {e.field(box, DATA, 'ptr')}, ptr {target}")


def take_back(e: Text, results: Results) -> None:
    """Put the arrays back that were not given after all."""
    for n in results.arrays():
        left = e.new(f"load ptr, ptr {e.at('%owned', results.first + n)}")
        e.put(f"call void @entry.put_back(ptr {results.shelf.place(n)}, ptr {left})")


def give(e: Text, shape: Shape, results: Results) -> None:
    """Put the answer together in ``%root``.

    What is made goes at once where it belongs, so that dropping the root drops all of it.
    """

    def stored(made: str) -> None:
        e.put(f"store ptr {made}, ptr %root")
        e.made(made)

    _make(e, shape, results, stored)


def _make(e: Text, shape: Shape, results: Results, keep: Keep) -> None:
    if isinstance(shape, Item):
        keep(_box(e, shape.number, results))
        return
    if isinstance(shape, Fixed):
        thing = e.object(shape.value)
        e.put(f"call void @gg_Py_IncRef(ptr {thing})")
        keep(thing)
        return
    if shape.kind is dict:
        nest = e.new("call ptr @gg_PyDict_New()")
        keep(nest)
        for key, part in zip(shape.keys, shape.parts, strict=True):
            _make(e, part, results, _into_dict(e, nest, e.object(key)))
        return
    kind = "Tuple" if shape.kind is tuple else "List"
    nest = e.new(f"call ptr @gg_Py{kind}_New(i64 {len(shape.parts)})")
    keep(nest)
    if not shape.parts:
        return
    items = e.at(nest, TUPLE_ITEMS, "i8") if shape.kind is tuple else \
        e.field(nest, LIST_ITEMS, "ptr")  # fmt: skip
    for n, part in enumerate(shape.parts):
        _make(e, part, results, _into_items(e, e.at(items, n)))


def _into_items(e: Text, place: str) -> Keep:
    def stored(made: str) -> None:
        e.put(f"store ptr {made}, ptr {place}")
        e.made(made)

    return stored


def _into_dict(e: Text, nest: str, key: str) -> Keep:
    def stored(made: str) -> None:
        e.made(made)
        status = e.new(f"call i32 @gg_PyDict_SetItem(ptr {nest}, ptr {key}, ptr {made})")
        e.put(f"call void @gg_Py_DecRef(ptr {made})")  # the dict has it, or nobody
        e.demand(e.new(f"icmp eq i32 {status}, 0"), "error")

    return stored


def _box(e: Text, n: int, results: Results) -> str:
    """One output as a new Python object."""
    type_, first = results.types[n], results.first
    if type_.kind == "array":  # made before the kernel ran; it leaves the table
        place = e.at("%owned", first + n)
        box = e.new(f"load ptr, ptr {place}")
        e.put(f"store ptr null, ptr {place}")
        e.put(f"call void @entry.keep(ptr {results.shelf.place(n)}, ptr {box})")
        return box
    source = e.at("%numbers", first + n, "i64")
    if type_.kind == "python" and type_.dtype.kind == "f":
        return e.new(
            f"call ptr @gg_PyFloat_FromDouble(double {e.new(f'load double, ptr {source}')})"
        )
    if type_.kind == "python" and type_.dtype.kind == "b":
        test = e.new(f"load i1, ptr {source}")
        truth = e.new(f"select i1 {test}, ptr {address(True)}, ptr {address(False)}")
        e.put(f"call void @gg_Py_IncRef(ptr {truth})")
        return truth
    if type_.kind == "python":
        return e.new(f"call ptr @gg_PyLong_FromLongLong(i64 {e.new(f'load i64, ptr {source}')})")
    if type_.dtype == np.float64:
        return _double(e, source)
    descr = e.object(type_.dtype)
    return e.new(f"call ptr @gg_PyArray_Scalar(ptr {source}, ptr {descr}, ptr null)")


def _double(e: Text, source: str) -> str:
    """A ``numpy.float64``, by far the most frequent of NumPy's scalars: made without detours."""
    slot = ctypes.pythonapi.PyType_GetSlot
    slot.restype, slot.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_int]
    alloc = slot(np.float64, _TP_ALLOC)
    if not alloc:
        raise NotNative("numpy.float64 has no allocator")
    cls = address(np.float64)
    box = e.new(f"call ptr inttoptr (i64 {alloc} to ptr)(ptr {cls}, i64 0)")
    e.made(box)
    number = e.new(f"load double, ptr {source}")
    e.put(f"store double {number}, ptr {e.at(box, NUMBER, 'i8')}")
    return box
