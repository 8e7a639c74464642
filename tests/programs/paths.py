"""The path of one call, for tests that look below the public face."""

from __future__ import annotations

from typing import Any

from glassgrad.runtime.arguments import resolve
from glassgrad.runtime.gradient import recorded_call
from glassgrad.runtime.paths import Path

__all__ = ["path_of"]


def path_of(f: Any, x: Any, lenient: bool = False) -> Path:
    """The path of ``f(*x)``; with `lenient` arguments may be integers, without a gradient."""
    arguments = resolve(tuple(x), {}, lambda n: True, [f"x{n}" for n in range(len(x))], lenient)
    return Path(recorded_call(f, arguments, False, ()))
