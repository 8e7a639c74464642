"""The function Python calls: arguments checked and unpacked, the kernel run, results boxed.

One METH_FASTCALL function a path. It trusts nothing about its arguments, and answers None for
whatever is not the everyday case; the caller then asks the NumPy tier.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, WireType
from glassgrad.emit.native.elements import NotNative
from glassgrad.emit.native.kernel import kernel
from glassgrad.emit.native.machine import compiled

__all__ = ["Answer", "native_program"]

_DOUBLE = np.dtype(np.float64)
_DECLARED = """
declare double @gg_PyFloat_AsDouble(ptr)
declare ptr @gg_PyFloat_FromDouble(double)
declare ptr @gg_PyTuple_New(i64)
declare i32 @gg_PyTuple_SetItem(ptr, i64, ptr)
declare void @gg_Py_IncRef(ptr)
declare void @gg_Py_DecRef(ptr)
declare ptr @gg_PyArray_Scalar(ptr, ptr, ptr)
declare ptr @gg_PyArray_New(ptr, i32, ptr, i32, ptr, ptr, i32, i32, ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
"""

# Places in a PyObject and in NumPy's PyArrayObject_fields, on 64-bit CPython.
_TYPE, _DATA, _NDIM, _DIMS, _DESCR, _FLAGS = 8, 16, 24, 32, 56, 64
_CONTIGUOUS, _ALIGNED = 0x1, 0x100


class _MethodDef(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("function", ctypes.c_void_p),
                ("flags", ctypes.c_int), ("doc", ctypes.c_char_p)]  # fmt: skip


class _Code:
    """What a native function needs alive: its machine code and its description."""

    def __init__(self, engine: Any, address: int) -> None:
        self.engine = engine
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
    try:
        text = kernel(circuit) + _entry([w.type for w in circuit.inputs], wanted, answer)
    except NotNative:
        return None
    engine, address = compiled(text, "entry")
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object,
                                                     ctypes.c_void_p]  # fmt: skip
    code = _Code(engine, address)
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

    def label(self) -> str:
        self.count += 1
        return f"b{self.count}"

    def field(self, pointer: str, offset: int, kind: str) -> str:
        return self.new(
            f"load {kind}, ptr {self.new(f'getelementptr i8, ptr {pointer}, i64 {offset}')}"
        )

    def unless_null(self, made: str, others: Sequence[str]) -> None:
        """Go on where an object was made; else drop the others and let the exception rise."""
        failed, on = self.label(), self.label()
        self.put(f"br i1 {self.new(f'icmp eq ptr {made}, null')}, label %{failed}, label %{on}")
        self.lines.append(f"{failed}:")
        for other in others:
            self.put(f"call void @gg_Py_DecRef(ptr {other})")
        self.put("br label %error")
        self.lines.append(f"{on}:")

    def demand(self, test: str) -> None:
        """Go on where the test holds, else answer None."""
        on = self.label()
        self.put(f"br i1 {test}, label %{on}, label %none")
        self.lines.append(f"{on}:")


def _address(thing: Any) -> str:
    """A Python object that lives for ever, as a pointer."""
    return f"inttoptr (i64 {id(thing)} to ptr)"


def _entry(inputs: Sequence[WireType], outputs: Sequence[WireType], answer: Answer | None) -> str:
    e = _Entry()
    sizes_in, sizes_out = sum(t.size for t in inputs), sum(t.size for t in outputs)
    e.put(f"%in = alloca [{max(sizes_in, 1)} x double]")
    e.put(f"%out = alloca [{max(sizes_out, 1)} x double]")
    e.put(f"%dims = alloca [{max([1, *[t.ndim for t in outputs]])} x i64]")
    e.demand(e.new(f"icmp eq i64 %nargs, {len(inputs)}"))
    at = 0
    for n, type_ in enumerate(inputs):
        _unpack(e, n, type_, at)
        at += type_.size
    e.demand(e.new("call i1 @kernel(ptr %in, ptr %out)"))
    places, at = [], 0
    for type_ in outputs:
        places.append((type_, at))
        at += type_.size
    if answer is None:
        result = _tuple(e, places, None)
    elif answer.several:
        chosen = [places[n] for n in answer.order]
        if answer.value:
            result = _tuple(e, places[:1], _tuple(e, chosen, None))
        else:
            result = _tuple(e, chosen, None)
    elif answer.value:
        result = _tuple(e, [places[0], places[answer.order[0]]], None)
    else:
        result = _box(e, *places[answer.order[0]], None)
    e.put(f"ret ptr {result}")
    none = _address(None)
    return "\n".join([
        _DECLARED, "define ptr @entry(ptr %self, ptr %args, i64 %nargs) {", *e.lines,
        "none:", f"  call void @gg_Py_IncRef(ptr {none})", f"  ret ptr {none}",
        "error:", "  ret ptr null", "}", "",
    ])  # fmt: skip


def _tuple(e: _Entry, places: Sequence[tuple[WireType, int]], last: str | None) -> str:
    """A new tuple of outputs; `last`, an object that is already made, goes behind them."""
    size = len(places) + (last is not None)
    result = e.new(f"call ptr @gg_PyTuple_New(i64 {size})")
    e.unless_null(result, [last] if last else [])
    if last:  # it belongs to the tuple from here on, and goes with it
        e.new(f"call i32 @gg_PyTuple_SetItem(ptr {result}, i64 {size - 1}, ptr {last})")
    for n, (type_, at) in enumerate(places):
        box = _box(e, type_, at, result)
        e.new(f"call i32 @gg_PyTuple_SetItem(ptr {result}, i64 {n}, ptr {box})")
    return result


def _unpack(e: _Entry, n: int, type_: WireType, at: int) -> None:
    """One argument into the kernel's inputs."""
    given = e.new(f"load ptr, ptr {e.new(f'getelementptr ptr, ptr %args, i64 {n}')}")
    cls = e.field(given, _TYPE, "ptr")
    classes = {"python": float, "numpy": np.float64, "array": np.ndarray}
    e.demand(e.new(f"icmp eq ptr {cls}, {_address(classes[type_.kind])}"))
    target = e.new(f"getelementptr double, ptr %in, i64 {at}")
    if type_.kind != "array":
        value = e.new(f"call double @gg_PyFloat_AsDouble(ptr {given})")
        e.put(f"store double {value}, ptr {target}")
        return
    e.demand(e.new(f"icmp eq ptr {e.field(given, _DESCR, 'ptr')}, {_address(_DOUBLE)}"))
    e.demand(e.new(f"icmp eq i32 {e.field(given, _NDIM, 'i32')}, {type_.ndim}"))
    if type_.ndim:
        dims = e.field(given, _DIMS, "ptr")
        for k, size in enumerate(type_.shape):
            e.demand(e.new(f"icmp eq i64 {e.field(dims, 8 * k, 'i64')}, {size}"))
    flags = e.field(given, _FLAGS, "i32")
    plain = e.new(f"and i32 {flags}, {_CONTIGUOUS | _ALIGNED}")
    e.demand(e.new(f"icmp eq i32 {plain}, {_CONTIGUOUS | _ALIGNED}"))
    data = e.field(given, _DATA, "ptr")
    e.put(f"call void @llvm.memcpy.p0.p0.i64(ptr {target}, ptr {data}, i64 {8 * type_.size}, "
          "i1 false)")  # fmt: skip


def _box(e: _Entry, type_: WireType, at: int, holder: str | None) -> str:
    """A new Python object for an output; `holder` is dropped where memory is out."""
    if type_.dtype != _DOUBLE:
        raise NotNative(f"an output is {type_}")
    source = e.new(f"getelementptr double, ptr %out, i64 {at}")
    if type_.kind == "python":
        number = e.new(f"load double, ptr {source}")
        box = e.new(f"call ptr @gg_PyFloat_FromDouble(double {number})")
    elif type_.kind == "numpy":
        box = e.new(f"call ptr @gg_PyArray_Scalar(ptr {source}, ptr {_address(_DOUBLE)}, ptr null)")
    else:
        for k, size in enumerate(type_.shape):
            e.put(f"store i64 {size}, ptr {e.new(f'getelementptr i64, ptr %dims, i64 {k}')}")
        box = e.new(
            f"call ptr @gg_PyArray_New(ptr {_address(np.ndarray)}, i32 {type_.ndim}, ptr %dims, "
            f"i32 {_DOUBLE.num}, ptr null, ptr null, i32 0, i32 0, ptr null)"
        )
    e.unless_null(box, [holder] if holder else [])
    if type_.kind == "array":
        data = e.field(box, _DATA, "ptr")
        e.put(f"call void @llvm.memcpy.p0.p0.i64(ptr {data}, ptr {source}, i64 "
              f"{8 * type_.size}, i1 false)")  # fmt: skip
    return box
