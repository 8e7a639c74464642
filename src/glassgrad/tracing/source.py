"""Where in the user's code something happens: frames, lines, and the names values have there.

Knows Python's frames and nothing of gates. The user's frame is the innermost one outside
glassgrad, NumPy and SciPy.
"""

from __future__ import annotations

import linecache
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np

__all__ = ["below_here", "is_user_file", "name_of", "source_line", "user_frame", "where"]

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_NUMPY = os.path.dirname(os.path.abspath(np.__file__)) + os.sep
_SCIPY = os.path.join(os.path.dirname(_NUMPY.rstrip(os.sep)), "scipy") + os.sep
_OURS = (_PACKAGE, _NUMPY, _SCIPY)
_CACHE: dict[str, bool] = {}
_thread = threading.local()


@contextmanager
def below_here() -> Iterator[None]:
    """While it lasts, only frames called from here count as the traced function's code."""
    before = getattr(_thread, "base", None)
    _thread.base = sys._getframe(2)
    try:
        yield
    finally:
        _thread.base = before


def is_user_file(filename: str) -> bool:
    """Whether a file is neither glassgrad's nor NumPy's nor SciPy's."""
    known = _CACHE.get(filename)
    if known is None:
        known = _CACHE[filename] = not filename.startswith(_OURS)
    return known


def user_frame(depth: int = 1) -> FrameType | None:
    """The innermost frame that is the user's, from `depth` frames up."""
    frame: FrameType | None = sys._getframe(depth)
    base = getattr(_thread, "base", None)
    while frame is not None and not is_user_file(frame.f_code.co_filename):
        if frame is base:
            return None
        frame = frame.f_back
    return frame


def where(frame: FrameType | None = None) -> str:
    """``file.py:12, in loss: y = np.tanh(x)`` for messages."""
    frame = frame or user_frame(2)
    if frame is None:
        return "a place without source"
    code = frame.f_code
    line = linecache.getline(code.co_filename, frame.f_lineno).strip()
    text = f"{os.path.basename(code.co_filename)}:{frame.f_lineno}, in {code.co_name}"
    return f"{text}: {line}" if line else text


def source_line(filename: str, line: int) -> str:
    """The text of a source line, stripped; empty where there is none.

    Control letters, which a terminal would obey, are replaced.
    """
    text = linecache.getline(filename, line).strip()
    return "".join([c if c.isprintable() else " " if c == "\t" else "\ufffd" for c in text])


def name_of(value: Any, frame: FrameType | None) -> str | None:
    """The name a value has in a frame, if any."""
    if frame is None:
        return None
    for name, local in frame.f_locals.items():
        if local is value:
            return name
    return None
