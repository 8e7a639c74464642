"""Calls into code that a compiler makes at benchmark time: hand-written C, and CasADi's.

Both get their arguments once and keep their results in place, so that a call measures the
gradient and the way into the library, nothing else. Knows no clock.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np

from benchmarks.case import Case, Source

HERE = Path(__file__).resolve().parent / "c"
COMPILER = "gcc"
# Without fast-math gcc has no vector form of exp and its like: no floor to compare with.
FLAGS = ("-O3", "-march=native", "-ffast-math", "-fopenmp")

Call = Callable[[], Any]


def _run(words: list[str]) -> None:
    found = subprocess.run([COMPILER, *words], capture_output=True, text=True)
    if found.returncode:
        raise RuntimeError(f"{COMPILER}: {found.stderr.strip() or 'failed'}")


def library(source: Source, args: tuple[Any, ...], argnums: tuple[int, ...]) -> Call:
    """Compile a C source and bind it to its arguments."""
    with tempfile.TemporaryDirectory() as folder:
        made, half = str(Path(folder) / "gradient.so"), str(Path(folder) / "gradient.o")
        sizes = [f"-D{name}={size}" for name, size in source.sizes.items()]
        # Linked without fast-math, which would set the whole process to take subnormals for zeros.
        _run([*FLAGS, *sizes, "-fPIC", "-c", "-o", half, str(HERE / source.file)])
        _run(["-shared", "-fopenmp", "-o", made, half, "-lmvec", "-lm"])
        run = ctypes.CDLL(made).run  # stays loaded when its file is gone
    run.restype = ctypes.c_double
    run.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    inputs = [np.ascontiguousarray(a) for a in args]
    outputs = [np.empty(np.shape(args[n]), inputs[n].dtype) for n in argnums]
    into, out_of = _table(inputs), _table(outputs)
    held = (inputs, outputs, into, out_of)
    pointers = (ctypes.addressof(into), ctypes.addressof(out_of))
    gradients = tuple(outputs)

    def call(run: Any = run, pointers: Any = pointers, held: Any = held) -> Any:
        return run(*pointers), gradients

    return call


def _table(arrays: list[np.ndarray]) -> Any:
    return (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))


def casadi_call(case: Case, args: tuple[Any, ...]) -> Call:
    """Build CasADi's function for value and gradient, compiled where there is a compiler."""
    import casadi as ca

    assert case.casadi is not None
    model = case.casadi(ca)
    # A solver inside needs matrix nodes and has no C code; scalar nodes make the better C code.
    symbol = getattr(model, "symbol", ca.SX)
    symbols = [symbol.sym(f"x{i}", max(np.size(a), 1)) for i, a in enumerate(args)]
    value = model(*symbols)
    wanted = [ca.densify(ca.gradient(value, symbols[n])) for n in case.argnums]
    options: dict[str, Any] = {}
    if which(COMPILER) and symbol is ca.SX:
        flags = ["-O3", "-march=native"]
        options = {
            "jit": True,
            "compiler": "shell",
            "jit_cleanup": False,  # the folder goes as a whole
            "jit_options": {"flags": flags, "cleanup": False},
        }
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # where CasADi writes its C code
        try:
            function = ca.Function("gradient", symbols, [value, *wanted], options)
        finally:
            os.chdir(home)
    buffer, run = function.buffer()
    inputs = [np.array(a, dtype=np.float64).reshape(-1) for a in args]
    outputs = [np.zeros(1), *(np.zeros(np.size(args[n])) for n in case.argnums)]
    for n, array in enumerate(inputs):
        buffer.set_arg(n, memoryview(array))
    for n, array in enumerate(outputs):
        buffer.set_res(n, memoryview(array))
    number = outputs[0]
    gradients = tuple(o.reshape(np.shape(args[n])) for o, n in zip(outputs[1:], case.argnums))

    def call(held: Any = (function, buffer, inputs)) -> Any:
        run()
        return number[0], gradients

    return call
