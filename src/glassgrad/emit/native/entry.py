"""The function around a kernel: arguments checked and taken apart, the kernel run, results made.

One function a path. It trusts nothing about its arguments, and declines whatever is not the
everyday case; the caller then asks the NumPy tier. The steps stand in `taking.py` and `giving.py`.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from glassgrad.circuit import Circuit, WireType
from glassgrad.emit.native.elements import NotNative
from glassgrad.emit.native.giving import Results, give, prepare, take_back
from glassgrad.emit.native.kernel import kernel
from glassgrad.emit.native.machine import compiled
from glassgrad.emit.native.recycling import Shelf, shelving
from glassgrad.emit.native.shapes import Call, Item, Nest, Shape, flat, items_of
from glassgrad.emit.native.taking import KEYS, LAY_OUT, take
from glassgrad.emit.native.writing import DECLARED, Text, address, hasty

__all__ = ["DECLINED", "Answer", "Draft", "draft", "forget_results", "native_program",
           "program_text", "soon"]  # fmt: skip

#: What the function ``answer`` gives where the NumPy tier has to answer. No object stands there.
DECLINED = 1
_MOST = 300  # beyond, calls are not what takes the time


class _MethodDef(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("function", ctypes.c_void_p),
                ("flags", ctypes.c_int), ("doc", ctypes.c_char_p)]  # fmt: skip


class Code:
    """What a native function needs alive: its machine code, its description, its constants.

    Attributes
    ----------
    answer
        Address of ``ptr answer(ptr args, i64 nargs, ptr kwnames)``.
    positional
        Number of positional arguments it takes.
    """

    def __init__(self, engine: Any, positional: int, kept: list[Any]) -> None:
        self.engine = engine
        self.kept = kept
        self.positional = positional
        self.answer = engine.get_function_address("answer")
        entry = engine.get_function_address("entry")
        self.method = _MethodDef(b"gradient", entry, 0x80, None)


@dataclass(frozen=True)
class Answer:
    """What a user's call looks like, and what it is answered with.

    Attributes
    ----------
    call
        The arguments; their items are inputs of the circuit.
    shape
        The answer; its items are outputs of the circuit.
    """

    call: Call
    shape: Shape


@dataclass(frozen=True)
class Draft:
    """A program in words: what is left is LLVM's work.

    Attributes
    ----------
    text
        LLVM IR.
    positional
        Number of positional arguments.
    kept
        What has to live as long as the code.
    """

    text: str
    positional: int
    kept: list[Any]

    def program(self) -> Callable[..., Any]:
        """The native function."""
        make = ctypes.pythonapi.PyCFunction_NewEx
        make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object,
                                                         ctypes.c_void_p]  # fmt: skip
        code = Code(compiled(self.text), self.positional, self.kept)
        function: Callable[..., Any] = make(ctypes.addressof(code.method), code, None)
        return function


def soon(forward: Circuit) -> bool:
    """Whether a native gradient of a circuit is made in some 20 ms or less, as far as can be told."""
    wires = [*forward.inputs, *[wire for gate in forward.gates for wire in gate.outputs]]
    sizes = [wire.type.size for wire in wires]
    return len(forward.gates) <= 4 or (sum(sizes) <= 80 and max(sizes) <= 32)


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
        How it is called and answers; else with the inputs, by the tuple of all outputs.

    Returns
    -------
    callable or None
        The function; it gives None where the NumPy tier has to answer: another path, a number
        that is not finite, an argument of another kind. None in place of the function: the
        circuit has no native form.
    """
    made = draft(circuit, gradients, answer)
    return None if made is None else made.program()


def draft(
    circuit: Circuit, gradients: Sequence[WireType], answer: Answer | None = None
) -> Draft | None:
    """The first half of `native_program`, which is Python's: all but LLVM's work."""
    forward = len(circuit.outputs) - len(gradients)
    wanted = [o.type for o in circuit.outputs[:forward]] + list(gradients)
    if answer is None:
        call = flat(len(circuit.inputs))
        shape: Shape = Nest(tuple, tuple([Item(n) for n in range(len(wanted))]))
    else:  # just what is asked for, each in memory of its own; the value is checked in any case
        call, chosen = answer.call, [0]
        shape = _numbered(answer.shape, chosen)
        circuit = replace(circuit, outputs=tuple([circuit.outputs[n] for n in chosen]))
        wanted = [wanted[n] for n in chosen]
    if len(circuit.inputs) + len(wanted) > _MOST:
        return None
    e = Text()
    try:
        inside = kernel(circuit)
        around = _entry(e, [w.type for w in circuit.inputs], wanted, call, shape)
    except NotNative:
        return None
    return Draft(_joined(inside.text, around), len(call.positional), [*e.kept, inside])


def forget_results(program: Callable[..., Any]) -> None:
    """Let go of the results that a native program holds on to."""
    code: Code = program.__self__  # type: ignore[attr-defined]
    for thing in code.kept:
        if isinstance(thing, Shelf):
            thing.objects[...] = None


def program_text(circuit: Circuit, wanted: Sequence[WireType], kernel_text: str) -> str:
    """The whole module of a program that is called with the inputs and answers with all outputs."""
    shape = Nest(tuple, tuple([Item(n) for n in range(len(wanted))]))
    inputs = [w.type for w in circuit.inputs]
    return _joined(kernel_text, _entry(Text(), inputs, wanted, flat(len(inputs)), shape))


def _joined(inside: str, around: str) -> str:
    """A kernel and its entry as one module; each outside function is declared once."""
    known = set(re.findall(r"(?m)^declare .*?(@[\w.]+)\(", inside))
    declared = [line for line in DECLARED if line.split("(")[0].split()[-1] not in known]
    return "\n".join([inside, *declared, around])


def _numbered(shape: Shape, chosen: list[int]) -> Shape:
    """The shape with the place of each output in `chosen`, which is filled; the first is there."""
    if isinstance(shape, Item):
        if shape.number == 0:
            return shape
        chosen.append(shape.number)
        return Item(len(chosen) - 1)
    if isinstance(shape, Nest):
        return replace(shape, parts=tuple([_numbered(part, chosen) for part in shape.parts]))
    return shape


def _entry(
    e: Text, inputs: Sequence[WireType], outputs: Sequence[WireType], call: Call, shape: Shape
) -> str:
    """The text of ``answer``, and of ``entry``, the same for Python.

    What the call holds on to stands in the table ``%owned`` (a place for each input and output)
    and in ``%root`` until it ends: what is handed out leaves them, what is left there is dropped.
    """
    n_in, n_out = len(inputs), len(outputs)
    results = Results(outputs, n_in, Shelf(outputs))
    e.kept.append(results.shelf)
    e.put(f"%in = alloca [{max(n_in, 1)} x ptr]")
    e.put(f"%out = alloca [{n_out} x ptr]")
    e.put(f"%owned = alloca [{n_in + n_out} x ptr]")
    e.put(f"%numbers = alloca [{n_in + n_out} x i64]")
    for name, kind in (("place", "i64"), ("key", "ptr"), ("value", "ptr"), ("root", "ptr"),
                       ("layout", "i32"), ("owning", "i1")):  # fmt: skip
        e.put(f"%{name} = alloca {kind}")
    e.put("store i32 0, ptr %layout")
    e.put("store i1 false, ptr %owning")
    e.put("store ptr null, ptr %root")
    for n in results.arrays():
        e.put(f"store ptr null, ptr {e.at('%owned', n_in + n)}")
    take(e, call, inputs)
    prepare(e, results)
    status = e.new("call i32 @kernel(ptr %in, ptr %out)")
    e.demand(e.new(f"icmp ne i32 {status}, 2"), "error")
    e.demand(e.new(f"icmp eq i32 {status}, 1"), "unfit")
    give(e, shape, results)
    whole = set(items_of(shape)) >= {Item(n) for n in results.arrays()}
    e.put(f"br label %{'end' if whole else 'left'}")
    e.start("error")
    e.put(f"call void @gg_Py_DecRef(ptr {e.new('load ptr, ptr %root')})")
    e.put("store ptr null, ptr %root")
    e.put("br label %left")
    e.start("unfit")
    e.put(f"store ptr inttoptr (i64 {DECLINED} to ptr), ptr %root")
    e.put("br label %left")
    e.start("left")
    take_back(e, results)
    e.put("br label %end")
    e.start("declined")  # before anything was made or held
    e.put(f"ret ptr inttoptr (i64 {DECLINED} to ptr)")
    e.start("end")
    owning, done = e.label(), e.label()
    e.put(f"br i1 {e.new('load i1, ptr %owning')}, label %{owning}, label %{done}")
    e.start(owning)
    for n, type_ in enumerate(inputs):
        if type_.kind == "array":
            held = e.new(f"load ptr, ptr {e.at('%owned', n)}")
            e.put(f"call void @gg_Py_DecRef(ptr {held})")
    e.put(f"br label %{done}")
    e.start(done)
    e.put(f"ret ptr {e.new('load ptr, ptr %root')}")
    text = "\n".join([
        KEYS, LAY_OUT, shelving(results.shelf.sets), *[text for _, text in e.functions.values()],
        "define ptr @answer(ptr %args, i64 %nargs, ptr %kwnames) {", *e.lines, "}", _FOR_PYTHON,
    ])  # fmt: skip
    # In no time it is run, in haste or not; LLVM would take long to improve it.
    return "\n".join([*e.constants, hasty(text)])


_FOR_PYTHON = f"""
define ptr @entry(ptr %self, ptr %args, i64 %nargs) {{
  %answer = call ptr @answer(ptr %args, i64 %nargs, ptr null)
  %declined = icmp eq ptr %answer, inttoptr (i64 {DECLINED} to ptr)
  br i1 %declined, label %none, label %given
given:
  ret ptr %answer
none:
  call void @gg_Py_IncRef(ptr {address(None)})
  ret ptr {address(None)}
}}
"""
