"""Effects of a traced call on the outside: traced values left there become plain ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from glassgrad.tracing.values import Traced

__all__ = ["settle"]


def settle(bindings: Iterable[Any]) -> None:
    """Replace every traced value that the function stored outside by the value it stands for."""
    for binding in bindings:
        value = binding.value
        if isinstance(value, Traced):
            binding.rebind(value.value)
