"""Elementary functions (``exp``, ``log``, ``sin``, ...) as LLVM code, for vectors and numbers.

Each is written once, for `float64` and `float32` and for any width, without calls and without
branches, so that loops of them become vector code. Results are within 2 units in the last place
over the whole range; infinities, NaN and the signs of zeros are those of the C library.
"""

from __future__ import annotations

from glassgrad.emit.native.elementary.table import FUNCTIONS, definitions

__all__ = ["FUNCTIONS", "definitions"]
