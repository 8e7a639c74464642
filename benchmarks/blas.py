"""Lets OpenBLAS choose its own kernels; must be called before NumPy is imported.

Some environments pin OpenBLAS to an older processor's kernels by two variables. Times taken so
say nothing about NumPy, so the process starts itself again without them. Knows no other file.
"""

from __future__ import annotations

import os
import sys

PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def unpin() -> None:
    """Start this very command again without the pins, if there are any."""
    if not any(pin in os.environ for pin in PINS):
        return
    if "numpy" in sys.modules:
        raise RuntimeError("NumPy is loaded already: call unpin() before any import of it")
    for pin in PINS:  # both or neither: one without the other is a mixture nobody tests
        os.environ.pop(pin, None)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
