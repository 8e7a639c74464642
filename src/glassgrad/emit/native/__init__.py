"""From a circuit to machine code, made at run time with LLVM. See the README beside this file."""

from glassgrad.emit.native.call import call_of
from glassgrad.emit.native.entry import Answer, native_program
from glassgrad.emit.native.machine import available

__all__ = ["Answer", "available", "call_of", "native_program"]
