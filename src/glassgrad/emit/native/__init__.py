"""From a circuit to machine code, made at run time with LLVM. See the README beside this file."""

from glassgrad.emit.native.direct import CALLABLE, direct, make_callable, ready, switch_on
from glassgrad.emit.native.entry import Answer, draft, forget_results, native_program, soon
from glassgrad.emit.native.machine import available, starts, wanted
from glassgrad.emit.native.rows import Rows
from glassgrad.emit.native.shapes import Call, Fixed, Item, Nest, Shape

__all__ = ["CALLABLE", "Answer", "Call", "Fixed", "Item", "Nest", "Rows", "Shape", "available",
           "direct", "draft", "forget_results", "make_callable", "native_program", "ready", "soon",
           "starts", "switch_on", "wanted"]  # fmt: skip
