"""Where the functions of BLAS and LAPACK are: in NumPy's own library, else SciPy's pointers to its.

NumPy and SciPy may each bring a library with threads of its own. Threads that have just worked
wait for more without sleeping, so two libraries in turn fight for the cores; and the same library
gives the same results as NumPy, down to the signs of eigenvectors. So NumPy's is looked for first,
in the modules that NumPy has loaded, and tried on small matrices before it is trusted.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from glassgrad.emit.native.elements import Kind

__all__ = ["Library", "library"]

# How builds of NumPy spell a function's name: those of PyPI, then those of distributions.
_SPELLINGS = ("scipy_{}_64_", "scipy_{}_", "{}_64_", "{}_")
_BLAS = ("dgemm", "dgemv", "sgemm", "sgemv")
_LAPACK = ("dgetrf", "dgetrs", "dpotrf", "dsyevd", "dtrtrs")


@dataclass(frozen=True)
class Library:
    """A library of BLAS and LAPACK.

    Attributes
    ----------
    address
        From a function's name, such as ``dgemm``, to where it is.
    integer
        The kind of integers it reads and writes.
    numpys
        Whether it is the one that NumPy itself calls.
    """

    address: Callable[[str], int]
    integer: Kind
    numpys: bool


@functools.cache
def library() -> Library:
    """The library of this process."""
    try:
        found = _numpys()
    except (AttributeError, OSError, ImportError):
        found = None
    return found or Library(_pointer, "i32", False)


def _numpys() -> Library | None:
    """What NumPy is linked with, if its symbols can be found and do what they should."""
    if sys.byteorder != "little":
        return None
    # A NumPy without BLAS has slow stand-ins in its module for LAPACK; the first has none.
    blas = ctypes.CDLL(np._core._multiarray_umath.__file__)  # type: ignore[attr-defined]
    lapack = ctypes.CDLL(np.linalg._umath_linalg.__file__)

    def addresses(spelling: str) -> dict[str, int]:
        made = {}
        for module, names in ((blas, _BLAS), (lapack, _LAPACK)):
            for name in names:
                if not hasattr(module, spelling.format(name)):
                    return {}
                where = ctypes.cast(module[spelling.format(name)], ctypes.c_void_p).value
                made[name] = where or 0
        return made

    known = next(filter(None, map(addresses, _SPELLINGS)), None)
    if known is None:
        return None
    address = known.__getitem__
    width = _width(address)
    return None if width is None else Library(address, width, True)


def _width(address: Callable[[str], int]) -> Kind | None:
    """The kind of a library's integers, told by what it writes; None where it is not right.

    Integers of 64 bits are given, which on little-endian machines read right as 32 bits, too.
    """
    two = ctypes.byref(ctypes.c_int64(2))
    one, zero = ctypes.byref(ctypes.c_double(1)), ctypes.byref(ctypes.c_double(0))
    matrix = (ctypes.c_double * 4)(0, 2, 1, 3)
    square = (ctypes.c_double * 4)()
    plain = ctypes.c_char_p(b"N")
    kind = ctypes.CFUNCTYPE(None)
    length = ctypes.c_size_t(1)
    kind(address("dgemm"))(plain, plain, two, two, two, one, matrix, two, matrix, two, zero, square,
                           two, length, length)  # fmt: skip
    pivots, info = (ctypes.c_int32 * 4)(-1, -1, -1, -1), ctypes.c_int64(0)
    kind(address("dgetrf"))(two, two, matrix, two, pivots, ctypes.byref(info))
    if list(square) != [2, 6, 3, 11] or list(matrix) != [2, 0, 3, 1]:
        return None
    widths: dict[tuple[int, ...], Kind] = {(2, 2, -1, -1): "i32", (2, 0, 2, 0): "i64"}
    return widths.get(tuple(pivots))


@functools.cache
def _pointer(name: str) -> int:
    """A function's address by the pointers that SciPy gives."""
    for part in ("cython_blas", "cython_lapack"):
        table = importlib.import_module(f"scipy.linalg.{part}").__pyx_capi__
        if name in table:
            break
    read = ctypes.pythonapi.PyCapsule_GetName
    read.restype, read.argtypes = ctypes.c_char_p, [ctypes.py_object]
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(get(table[name], read(table[name])))
