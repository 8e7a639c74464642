"""The guard gate: what Python was told about a value, and so what this path relies on.

``if x > 0`` tells Python a truth, ``range(int(n))`` a number. The gate has no output; a run in
which the value would tell Python something else is not a run of this path.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from glassgrad.circuit import Op

__all__ = ["TOLD", "Departure", "guard", "holds"]


class Departure(Exception):
    """A value would tell Python something else than on this path."""


#: How Python asks: by truth, as an integer, as an index, as a float, as a whole array, ...
TOLD: dict[str, Any] = {
    "bool": bool,
    "int": int,
    "index": operator.index,
    "float": float,
    "value": lambda v: v.item() if isinstance(v, np.generic) else v,
    "count": lambda v: int(np.count_nonzero(v)),
    "array": np.asarray,
}


def holds(value: Any, how: str, told: Any) -> bool:
    """Whether a value still tells Python the same."""
    now = TOLD[how](value)
    if how == "array":
        return bool(now.shape == told.shape and now.tobytes() == told.tobytes())
    return bool(now == told) or (now != now and told != told)


def _check(value: Any, *, how: str, told: Any) -> tuple[()]:
    if not holds(value, how, told):
        raise Departure
    return ()


guard = Op("guard", _check, "flat", says="what Python was told here", effect=True, outputs=0,
           shape=lambda *types, **static: ())  # fmt: skip
