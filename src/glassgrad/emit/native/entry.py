"""The function Python calls: arguments checked and unpacked, the kernel run, results boxed.

One METH_FASTCALL function a path. It trusts nothing about its arguments, and answers None for
whatever is not the everyday case; the caller then asks the NumPy tier.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, WireType
from glassgrad.emit.native.elements import NotNative, kind_of
from glassgrad.emit.native.kernel import Kernel, kernel
from glassgrad.emit.native.machine import compiled

__all__ = ["Answer", "entry_text", "native_program"]

_DECLARED = """
declare ptr @gg_PyFloat_FromDouble(double)
declare ptr @gg_PyTuple_New(i64)
declare void @gg_Py_IncRef(ptr)
declare void @gg_Py_DecRef(ptr)
declare ptr @gg_PyArray_Scalar(ptr, ptr, ptr)
declare ptr @gg_PyArray_New(ptr, i32, ptr, i32, ptr, ptr, i32, i32, ptr)
declare ptr @gg_PyArray_FromAny(ptr, ptr, i32, i32, i32, ptr)
declare i64 @gg_PyLong_AsLongLongAndOverflow(ptr, ptr)
declare ptr @gg_PyLong_FromLongLong(i64)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
"""

# Places in a PyObject and in NumPy's PyArrayObject_fields, on 64-bit CPython.
_ITEMS = 24  # of a tuple
_TYPE, _DATA, _NDIM, _DIMS, _DESCR, _FLAGS = 8, 16, 24, 32, 56, 64
_CONTIGUOUS, _ALIGNED = 0x1, 0x100


class _MethodDef(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("function", ctypes.c_void_p),
                ("flags", ctypes.c_int), ("doc", ctypes.c_char_p)]  # fmt: skip


class _Code:
    """What a native function needs alive: its machine code and its description."""

    def __init__(self, engine: Any, address: int, kernel: Kernel) -> None:
        self.engine, self.kernel = engine, kernel
        self.method = _MethodDef(b"gradient", address, 0x80, None)


@dataclass(frozen=True)
class Answer:
    """What a user's call is answered with, made of the outputs (value, gradients...).

    Attributes
    ----------
    order
        Which outputs are the gradients to give.
    several
        Whether they are given as a tuple.
    value
        Whether the value is given with them.
    """

    order: tuple[int, ...]
    several: bool
    value: bool


def native_program(
    circuit: Circuit, gradients: Sequence[WireType], answer: Answer | None = None
) -> Callable[..., Any] | None:
    """Compile a circuit of value and gradients to one native function.

    Parameters
    ----------
    circuit : Circuit
    gradients : sequence of WireType
        The last outputs are gradients of inputs of these types: Python floats for Python floats.
    answer : Answer, optional
        Give this instead of the tuple of all outputs.

    Returns
    -------
    callable or None
        Called with the circuit's inputs it gives the tuple of outputs, or None where the NumPy
        tier has to answer: another path, a number that is not finite, an argument of another
        kind. None in place of the function: the circuit has no native form.
    """
    forward = len(circuit.outputs) - len(gradients)
    wanted = [o.type for o in circuit.outputs[:forward]] + list(gradients)
    if answer is not None:  # just what is asked for, each in memory of its own
        chosen = (0, *answer.order)
        circuit = replace(circuit, outputs=tuple([circuit.outputs[n] for n in chosen]))
        wanted = [wanted[n] for n in chosen]
    try:
        made = kernel(circuit)
        text = made.text + entry_text([w.type for w in circuit.inputs], wanted, answer)
    except NotNative:
        return None
    engine, address = compiled(text, "entry")
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object,
                                                     ctypes.c_void_p]  # fmt: skip
    code = _Code(engine, address, made)
    function: Callable[..., Any] = make(ctypes.addressof(code.method), code, None)
    return function


class _Entry:
    """The text of one entry function."""

    def __init__(self) -> None:
        self.lines: list[str] = []
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

    def demand(self, test: str, otherwise: str = "none") -> None:
        """Go on where the test holds, else answer None."""
        on = self.label()
        self.put(f"br i1 {test}, label %{on}, label %{otherwise}")
        self.start(on)

    def drop(self, place: int) -> None:
        """Drop an object that is kept, if there is one."""
        kept = self.new(f"load ptr, ptr {self.at('%owned', place)}")
        some, on = self.label(), self.label()
        self.put(f"br i1 {self.new(f'icmp eq ptr {kept}, null')}, label %{on}, label %{some}")
        self.start(some)
        self.put(f"call void @gg_Py_DecRef(ptr {kept})")
        self.put(f"br label %{on}")
        self.start(on)

    def own(self, made: str, place: int) -> None:
        """Keep a new object until the end of the call; where none was made, an exception rises."""
        self.put(f"store ptr {made}, ptr {self.at('%owned', place)}")
        self.demand(self.new(f"icmp ne ptr {made}, null"), "error")


def _address(thing: Any) -> str:
    """A Python object that lives for ever, as a pointer."""
    return f"inttoptr (i64 {id(thing)} to ptr)"


def entry_text(
    inputs: Sequence[WireType], outputs: Sequence[WireType], answer: Answer | None = None
) -> str:
    """The function's text.

    New objects stand in the table ``%owned`` (a place for each input and output). Where the call
    fails, all of them are dropped; where it does not, those that are not handed out.
    """
    e = _Entry()
    n_in, n_out = len(inputs), len(outputs)
    e.put(f"%in = alloca [{max(n_in, 1)} x ptr]")
    e.put(f"%out = alloca [{n_out} x ptr]")
    e.put(f"%owned = alloca [{n_in + n_out} x ptr]")
    e.put(f"%numbers = alloca [{n_in + n_out} x i64]")
    e.put(f"%dims = alloca [{max([1, *[t.ndim for t in outputs]])} x i64]")
    e.put(f"call void @llvm.memset.p0.i64(ptr %owned, i8 0, i64 {8 * (n_in + n_out)}, i1 false)")
    e.demand(e.new(f"icmp eq i64 %nargs, {n_in}"))
    given = [e.new(f"load ptr, ptr {e.at('%args', n)}") for n in range(n_in)]
    for argument, type_ in zip(given, inputs, strict=True):
        _check(e, argument, type_)
    for n, (argument, type_) in enumerate(zip(given, inputs, strict=True)):
        _unpack(e, n, argument, type_)
    for n, type_ in enumerate(outputs):
        _prepare(e, n, type_, n_in + n)
    status = e.new("call i32 @kernel(ptr %in, ptr %out)")
    e.demand(e.new(f"icmp ne i32 {status}, 2"), "error")
    e.demand(e.new(f"icmp eq i32 {status}, 1"))
    for n, type_ in enumerate(outputs):
        if type_.kind != "array" and (n or answer is None or answer.value):
            _box(e, n, type_, n_in + n)
    if answer is None or (answer.value and not answer.several):
        result = _tuple(e, range(n_out), n_in, None)
    elif answer.several:
        result = _tuple(e, range(1, n_out), n_in, None)
        if answer.value:
            result = _tuple(e, [0], n_in, result)
    else:
        result = e.new(f"load ptr, ptr {e.at('%owned', n_in + 1)}")
    for n, type_ in enumerate(inputs):
        if type_.kind == "array":
            e.drop(n)
    if answer is not None and not answer.value and outputs[0].kind == "array":
        e.drop(n_in)
    e.put(f"ret ptr {result}")
    none = _address(None)
    e.start("none")
    e.put(f"call void @gg_Py_IncRef(ptr {none})")
    e.put(f"store ptr {none}, ptr %in")
    e.put("br label %end")
    e.start("error")
    e.put("store ptr null, ptr %in")
    e.put("br label %end")
    e.start("end")
    answered = e.new("load ptr, ptr %in")
    for place, type_ in enumerate([*inputs, *outputs]):
        if type_.kind == "array" or place >= n_in:
            e.drop(place)
    e.put(f"ret ptr {answered}")
    return "\n".join([
        _DECLARED, "define ptr @entry(ptr %self, ptr %args, i64 %nargs) {", *e.lines, "}", ""
    ])  # fmt: skip


def _tuple(e: _Entry, chosen: Sequence[int], n_in: int, last: str | None) -> str:
    """A new tuple of outputs; `last`, an object that is already made, goes behind them."""
    size = len(chosen) + (last is not None)
    result = e.new(f"call ptr @gg_PyTuple_New(i64 {size})")
    made = e.new(f"icmp ne ptr {result}, null")
    if last:
        failed, on = e.label(), e.label()
        e.put(f"br i1 {made}, label %{on}, label %{failed}")
        e.start(failed)
        e.put(f"call void @gg_Py_DecRef(ptr {last})")
        for output in chosen:
            e.drop(n_in + output)
        e.put("ret ptr null")
        e.start(on)
        e.put(f"store ptr {last}, ptr {e.at(result, _ITEMS + 8 * (size - 1), 'i8')}")
    else:
        e.demand(made, "error")
    for n, output in enumerate(chosen):
        box = e.new(f"load ptr, ptr {e.at('%owned', n_in + output)}")
        e.put(f"store ptr {box}, ptr {e.at(result, _ITEMS + 8 * n, 'i8')}")
    return result


_SCALARS: dict[Any, type] = {"f": float, "i": int, "b": bool}


def _check(e: _Entry, given: str, type_: WireType) -> None:
    """Answer None unless an argument is what it was when the path was recorded."""
    kind_of(type_.dtype)
    if type_.kind == "array":
        cls: type = np.ndarray
    else:
        cls = type_.dtype.type if type_.kind == "numpy" else _SCALARS[type_.dtype.kind]
    e.demand(e.new(f"icmp eq ptr {e.field(given, _TYPE, 'ptr')}, {_address(cls)}"))
    if type_.kind != "array":
        return
    e.demand(e.new(f"icmp eq ptr {e.field(given, _DESCR, 'ptr')}, {_address(type_.dtype)}"))
    e.demand(e.new(f"icmp eq i32 {e.field(given, _NDIM, 'i32')}, {type_.ndim}"))
    if type_.ndim:
        dims = e.field(given, _DIMS, "ptr")
        for k, size in enumerate(type_.shape):
            e.demand(e.new(f"icmp eq i64 {e.field(dims, 8 * k, 'i64')}, {size}"))


def _unpack(e: _Entry, n: int, given: str, type_: WireType) -> None:
    """A pointer to one argument's numbers, in C order and aligned."""
    target = e.at("%in", n)
    if type_.kind == "array":
        flags = e.new(f"and i32 {e.field(given, _FLAGS, 'i32')}, {_CONTIGUOUS | _ALIGNED}")
        plain = e.new(f"icmp eq i32 {flags}, {_CONTIGUOUS | _ALIGNED}")
        before, copied, on = e.label(), e.label(), e.label()
        e.put(f"br label %{before}")
        e.start(before)
        e.put(f"br i1 {plain}, label %{on}, label %{copied}")
        e.start(copied)  # an array that lies otherwise is laid out anew
        descr = _address(type_.dtype)
        e.put(f"call void @gg_Py_IncRef(ptr {descr})")  # which the next call takes
        again = e.new(
            f"call ptr @gg_PyArray_FromAny(ptr {given}, ptr {descr}, i32 0, i32 0, "
            f"i32 {_CONTIGUOUS | _ALIGNED}, ptr null)"
        )
        e.own(again, n)
        last = e.lines[-1][:-1]  # the label that `own` went on with
        e.put(f"br label %{on}")
        e.start(on)
        array = e.new(f"phi ptr [ {given}, %{before} ], [ {again}, %{last} ]")
        e.put(f"store ptr {e.field(array, _DATA, 'ptr')}, ptr {target}")
        return
    slot = e.at("%numbers", n, "i64")
    e.put(f"store ptr {slot}, ptr {target}")
    if type_.kind == "numpy":  # the number stands behind the object's head
        e.put(f"store ptr {e.at(given, _DATA, 'i8')}, ptr {target}")
    elif type_.dtype.kind == "f":
        e.put(f"store double {e.field(given, _DATA, 'double')}, ptr {slot}")
    elif type_.dtype.kind == "b":
        e.put(f"store i1 {e.new(f'icmp eq ptr {given}, {_address(True)}')}, ptr {slot}")
    else:
        overflow = e.at("%dims", 0, "i64")
        value = e.new(f"call i64 @gg_PyLong_AsLongLongAndOverflow(ptr {given}, ptr {overflow})")
        e.demand(e.new(f"icmp eq i32 {e.new(f'load i32, ptr {overflow}')}, 0"))
        e.put(f"store i64 {value}, ptr {slot}")


def _prepare(e: _Entry, n: int, type_: WireType, place: int) -> None:
    """Where an output is written: a new array's memory, or a number on the stack."""
    target = e.at("%out", n)
    kind_of(type_.dtype)
    if type_.kind != "array":
        e.put(f"store ptr {e.at('%numbers', place, 'i64')}, ptr {target}")
        return
    for k, size in enumerate(type_.shape):
        e.put(f"store i64 {size}, ptr {e.at('%dims', k, 'i64')}")
    box = e.new(
        f"call ptr @gg_PyArray_New(ptr {_address(np.ndarray)}, i32 {type_.ndim}, ptr %dims, "
        f"i32 {type_.dtype.num}, ptr null, ptr null, i32 0, i32 0, ptr null)"
    )
    e.own(box, place)
    e.put(f"store ptr {e.field(box, _DATA, 'ptr')}, ptr {target}")


def _box(e: _Entry, n: int, type_: WireType, place: int) -> None:
    """A number as a new Python object."""
    source = e.at("%numbers", place, "i64")
    if type_.kind == "python" and type_.dtype.kind == "f":
        number = e.new(f"load double, ptr {source}")
        e.own(e.new(f"call ptr @gg_PyFloat_FromDouble(double {number})"), place)
    elif type_.kind == "python" and type_.dtype.kind == "b":
        test = e.new(f"load i1, ptr {source}")
        truth = e.new(f"select i1 {test}, ptr {_address(True)}, ptr {_address(False)}")
        e.put(f"call void @gg_Py_IncRef(ptr {truth})")
        e.own(truth, place)
    elif type_.kind == "python":
        e.own(e.new(f"call ptr @gg_PyLong_FromLongLong(i64 {e.new(f'load i64, ptr {source}')})"),
              place)  # fmt: skip
    else:
        descr = _address(type_.dtype)
        e.own(e.new(f"call ptr @gg_PyArray_Scalar(ptr {source}, ptr {descr}, ptr null)"), place)
