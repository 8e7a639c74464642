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
        plain = _plain(value)
        if plain is not value:
            binding.rebind(plain)


def _plain(value: Any) -> Any:
    """A traced value as what it stands for; tuples, which nobody can write to, are made anew."""
    if isinstance(value, Traced):
        return value.value
    if type(value) is tuple:
        parts = tuple([_plain(v) for v in value])
        return value if all(a is b for a, b in zip(parts, value, strict=True)) else parts
    return value
