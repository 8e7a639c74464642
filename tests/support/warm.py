"""Calling a gradient function until native code answers."""

from __future__ import annotations

from typing import Any

from glassgrad.runtime import background

__all__ = ["WARM", "warm"]

WARM = (
    8  # calls after which a path runs natively where it can, once what is being made is waited for
)


def warm(g: Any, *args: Any, **kwargs: Any) -> Any:
    """The answer to the last of many calls, which is native code's where there is any."""
    for _ in range(WARM):
        answer = g(*args, **kwargs)
        background.wait()
    return answer
