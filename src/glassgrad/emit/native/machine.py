"""LLVM, started when first needed: from IR text to an address that can be called.

The pointers to Python's and NumPy's C API that native code calls are named here, once.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import os
import struct
import sys
import threading
import time
import warnings
from typing import Any

import numpy as np

from glassgrad.errors import GlassgradWarning

__all__ = ["available", "compiled", "numpy_api", "stages", "starts", "wanted"]

# LLVM's global context is not ours alone to guard. Reentrant, as a signal's handler may compile.
_LOCK = threading.RLock()
# While a process forks no thread is within LLVM, nor once it ends, when LLVM's own memory goes.
atexit.register(_LOCK.acquire)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release
    )

# What native code calls of Python, by name.
_PYTHON = (
    "PyDict_GetItemWithError", "PyDict_New", "PyDict_Next", "PyDict_SetItem", "PyErr_Clear",
    "PyErr_NoMemory", "PyErr_Occurred", "PyEval_RestoreThread", "PyEval_SaveThread",
    "PyFloat_AsDouble", "PyFloat_FromDouble", "PyList_New", "PyLong_AsDouble",
    "PyLong_AsLongLongAndOverflow", "PyLong_FromLongLong", "PyMem_Free", "PyMem_Malloc",
    "PyObject_CallFunction", "PyObject_CallNoArgs", "PyObject_Vectorcall", "PyTuple_New",
    "PyTuple_SetItem", "PyTuple_Size", "PyUnicode_Compare", "Py_DecRef", "Py_IncRef",
)  # fmt: skip
# Places in NumPy's C API table (numpy/__multiarray_api.h), the same in every NumPy from 2.0 on.
_TABLE = {"PyArray_Scalar": 60, "PyArray_FromAny": 69, "PyArray_New": 93,
          "PyArray_NewFromDescr": 94}  # fmt: skip
_LARGE = 20_000  # lines of IR from which on the cheaper optimisation level is the better bargain


def numpy_api() -> Any:
    """NumPy's table of C functions."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    capsule = np._core._multiarray_umath._ARRAY_API  # type: ignore[attr-defined]
    return ctypes.cast(pointer(capsule, None), ctypes.POINTER(ctypes.c_void_p))


def wanted() -> bool:
    """Whether native code is wanted, and this is a Python for which it can be made."""
    import sysconfig

    return (
        os.environ.get("GLASSGRAD_BACKEND", "").lower() != "numpy"
        and sys.implementation.name == "cpython"
        and struct.calcsize("P") == 8
        and not sysconfig.get_config_var("Py_GIL_DISABLED")
    )


def starts() -> bool:
    """Whether native code can be made here; nothing is said where it cannot."""
    try:
        return wanted() and bool(_start())
    except Exception:
        return False


@functools.cache
def available() -> bool:
    """Whether native code can be made here; one notice where LLVM itself is what is missing."""
    if not wanted():
        return False
    try:
        _start()
    except Exception as error:
        warnings.warn(
            f"LLVM cannot be used here ({error}), so gradients run as NumPy code. Install "
            "llvmlite, or set GLASSGRAD_BACKEND=numpy to choose this without a notice.",
            GlassgradWarning,
            stacklevel=2,
        )
        return False
    return True


@functools.cache
def _start() -> Any:
    """LLVM's view of this machine."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    for name in _PYTHON:
        address = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value
        llvm.add_symbol(f"gg_{name}", address)
    free = ctypes.cast(ctypes.pythonapi.free, ctypes.c_void_p).value
    llvm.add_symbol("gg_free", free)
    table = numpy_api()
    for name, place in _TABLE.items():
        llvm.add_symbol(f"gg_{name}", table[place])
    return llvm.Target.from_default_triple()


def compiled(text: str) -> Any:
    """Machine code of a module, which lives as long as what is returned."""
    import llvmlite.binding as llvm

    with _LOCK:
        machine = _machine(text)
        module = llvm.parse_assembly(text)
        _improve(machine, module)
        engine = llvm.create_mcjit_compiler(module, machine)
        engine.finalize_object()
        return engine


def _level(text: str) -> int:
    return 3 if text.count("\n") < _LARGE else 1


def _machine(text: str) -> Any:
    import llvmlite.binding as llvm

    return _start().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(),
        opt=_level(text),
    )  # fmt: skip


def _improve(machine: Any, module: Any) -> None:
    """The few passes that this kind of text gains from: it is vectors already, and in order.

    LLVM's whole pipeline takes three times as long for code that is no faster.
    """
    import llvmlite.binding as llvm

    options = llvm.create_pipeline_tuning_options()
    builder = llvm.create_pass_builder(machine, options)
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    passes.run(module, builder)
    _dispose(passes)
    builder.close()
    options.close()


def _dispose(passes: Any) -> None:
    """Free a pass manager: llvmlite's own `close` has been known to free nothing."""
    from llvmlite.binding import ffi, newpassmanagers

    if type(passes)._dispose is ffi.ObjectRef._dispose:
        newpassmanagers.NewPassManager._dispose(passes)
        passes.detach()
    else:
        passes.close()


def stages(text: str) -> tuple[dict[str, float], str, str]:
    """Compile a module for looking at: seconds by stage, the text after passes, the assembly."""
    import llvmlite.binding as llvm

    with _LOCK:
        times = [time.perf_counter()]
        machine = _machine(text)
        module = llvm.parse_assembly(text)
        times.append(time.perf_counter())
        _improve(machine, module)
        times.append(time.perf_counter())
        optimised, assembly = str(module), machine.emit_assembly(module)
        times.append(time.perf_counter())
    names = ("parse", "passes", "machine code")
    return dict(zip(names, np.diff(times).tolist(), strict=True)), optimised, assembly
