"""Run as a program: native code with every array against a protected page.

Inputs, outputs and all buffers of the arena end where a page begins that nobody may touch, and
begin behind another such page (within the few bytes that filling up to a page leaves).
"""

from __future__ import annotations

import ctypes
import mmap
from typing import Any

import numpy as np

from glassgrad.emit.native import driver, kernel, tiles
from glassgrad.emit.native.elements import NotNative
from glassgrad.emit.native.machine import compiled
from glassgrad.runtime.interpret import evaluate

from .arrays import program
from .paths import path_of

PAGE = mmap.PAGESIZE
_keep: list[Any] = []
_libc = ctypes.CDLL(None, use_errno=True)


def _protect(address: int) -> None:
    assert _libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(PAGE), 0) == 0


def guarded(size: int) -> int:
    """The address of so many bytes that end at a protected page."""
    pages = -(-max(size, 1) // PAGE)
    block = mmap.mmap(-1, (pages + 2) * PAGE)
    _keep.append(block)
    start = ctypes.addressof(ctypes.c_char.from_buffer(block))
    _protect(start)
    _protect(start + (pages + 1) * PAGE)
    return start + (pages + 1) * PAGE - size


def array(value: Any) -> Any:
    """A copy of an array at a protected page."""
    value = np.asarray(value)
    raw = (ctypes.c_char * max(value.nbytes, 1)).from_address(guarded(value.nbytes))
    made = np.frombuffer(raw, value.dtype, value.size).reshape(value.shape)
    made[...] = value
    return made


def spaced(steps: Any) -> int:
    """In place of the planned arena: each buffer ends at a page of its own."""
    at = 0
    for buffer in kernel._buffers(steps):
        if buffer.role == "arena":
            pages = -(-max(buffer.bytes, 1) // PAGE)
            buffer.offset = at + pages * PAGE - buffer.bytes
            at += (pages + 1) * PAGE
    return at


def home(size: int) -> Any:
    """In place of the arena's memory: pages, of which every one behind a buffer is protected."""
    block = mmap.mmap(-1, size + PAGE)
    _keep.append(block)
    return np.frombuffer(block, np.uint8)


def main() -> None:
    kernel._arena, kernel._SMALL = spaced, -1
    kernel.head = lambda calls: -(-driver.head(calls) // PAGE) * PAGE  # type: ignore[attr-defined]
    driver._memory = home
    tiles.ranges = lambda length, work: 1  # type: ignore[attr-defined]
    ran = 0
    for seed in range(150, 230):
        if seed == 190:  # from here on in tiles, as short as they can be
            tiles._SAVES, tiles._NEAR = 1000, 4000
        f, given = program(seed)
        args = [array(a) for a in given]
        circuit = path_of(f, args).circuit(False)
        try:
            made = kernel.kernel(circuit)
        except NotNative:  # an empty array
            continue
        ends = [b for b in kernel._buffers(made.steps) if b.role == "arena"]
        start = made.home
        for buffer in ends:
            _protect(start + buffer.offset + buffer.bytes)
        text = made.text + (
            "define i32 @run(ptr %in, ptr %out) {\n  %r = call i32 @kernel(ptr %in, ptr %out)\n"
            "  ret i32 %r\n}\n"
        )
        engine = compiled(text)
        address = engine.get_function_address("run")
        outputs = [array(np.zeros(o.shape, o.dtype)) for o in circuit.outputs]
        tables = [
            (ctypes.c_void_p * max(len(t), 1))(*[a.ctypes.data for a in t]) for t in (args, outputs)
        ]
        status = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(address)(*tables)
        if status != 1:
            continue
        ran += 1
        with np.errstate(all="ignore"):
            expected = evaluate(circuit, args)
        for found, right in zip(outputs, expected, strict=True):
            np.testing.assert_allclose(found, right, rtol=3e-3, atol=1e-3)
        del engine
    print(ran)


if __name__ == "__main__":
    main()
