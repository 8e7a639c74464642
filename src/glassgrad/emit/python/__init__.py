"""Circuit to Python: programs to run, staged code to read."""

from glassgrad.emit.python.program import EDGE_POINT, OTHER_PATH, Program, program

__all__ = ["EDGE_POINT", "OTHER_PATH", "Program", "program"]
