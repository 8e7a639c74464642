"""From a circuit to machine code, made at run time with LLVM. See the README beside this file."""

from glassgrad.emit.native.direct import CALLABLE, direct, make_callable, ready, switch_on
from glassgrad.emit.native.entry import Answer, forget_results, native_program
from glassgrad.emit.native.machine import available
from glassgrad.emit.native.rows import Rows
from glassgrad.emit.native.shapes import Call, Fixed, Item, Nest, Shape

__all__ = ["CALLABLE", "Answer", "Call", "Fixed", "Item", "Nest", "Rows", "Shape", "available",
           "direct", "forget_results", "make_callable", "native_program", "ready", "switch_on"]  # fmt: skip
