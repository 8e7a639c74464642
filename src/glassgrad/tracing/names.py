"""Names and lines of the user's source, collected while the function runs.

A line tracer looks at the locals of the user's frames after every statement and gives each wire
the first name it was bound to. It is switched on only where code or a picture is asked for, and
hands every event on to a debugger's or coverage's tracer that was there before.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from glassgrad.tracing.scopes import Scopes
from glassgrad.tracing.source import is_user_file
from glassgrad.tracing.trace import Trace
from glassgrad.tracing.values import Traced, TracedArray

__all__ = ["collecting_names"]

_STANDARD_LIBRARY = os.path.dirname(os.path.abspath(os.__file__))


@contextmanager
def collecting_names(trace: Trace, function: Callable[..., Any]) -> Iterator[None]:
    """Give the wires of `trace` the names of the user's variables, for as long as it runs."""
    collector = _Collector(trace)
    before = sys.gettrace()
    collector.before = before
    sys.settrace(collector.call)
    try:
        yield
    finally:
        sys.settrace(before)


def _is_plumbing(frame: FrameType) -> bool:
    """Whether a frame is Python's own, called by us: no statement of the user's."""
    code, caller = frame.f_code, frame.f_back
    if caller is None or is_user_file(caller.f_code.co_filename):
        return False
    made = code.co_filename == "<string>" and code.co_name == "__init__"  # a dataclass
    return made or os.path.dirname(code.co_filename) == _STANDARD_LIBRARY


class _Collector:
    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.before: Any = None
        self.scopes = trace.scopes = Scopes()
        self.count = 0  # statements so far

    def call(self, frame: FrameType, event: str, argument: Any) -> Any:
        """A new frame: follow it if it is the user's."""
        theirs = self.before(frame, event, argument) if self.before is not None else None
        if not is_user_file(frame.f_code.co_filename) or _is_plumbing(frame):
            return theirs
        trace, scopes = self.trace, self.scopes
        follow = scopes.entered(frame)
        callers = trace.statement

        def line(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal theirs
            if theirs is not None:
                theirs = theirs(frame, event, argument)
            if event in ("line", "return"):
                self.look(frame)
                self.count += 1
                trace.statement = callers if event == "return" else self.count
                if event == "return":
                    scopes.left(frame)
                elif follow:
                    scopes.line(frame)
            return line

        return line

    def look(self, frame: FrameType) -> None:
        """Name what the statement that just ran has bound."""
        names = self.trace.names
        for name, value in frame.f_locals.items():
            if isinstance(value, Traced) and value.tape is self.trace:
                wire = value._wire if isinstance(value, TracedArray) else value.wire
                if wire not in names and not name.startswith("."):
                    names[wire] = name
