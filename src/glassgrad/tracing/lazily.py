"""Families of gates that are declared when their library is first met.

`scipy.special` takes longer to import than glassgrad, so its gates wait until the user's code has
imported it, or uses ``math.erf`` and kin.
"""

from __future__ import annotations

import importlib
import math
import sys
from typing import Any

from glassgrad.gates.declare import FUNCTIONS, OPS

__all__ = ["MATH", "declared", "library", "special"]

#: Functions of `math` whose gates are scipy.special's.
MATH = {"erf": "erf", "erfc": "erfc", "gamma": "gamma", "lgamma": "gammaln"}


def library() -> Any:
    """The module scipy.special if the user's code has imported it, and imported it wholly."""
    module = sys.modules.get("scipy.special")
    halfway = getattr(getattr(module, "__spec__", None), "_initializing", False)
    return None if halfway else module


def special() -> None:
    """Declare scipy.special's gates, if they are not."""
    if "expit" not in OPS:
        importlib.import_module("glassgrad.gates.special")


def declared(function: Any) -> bool:
    """Whether a NumPy or SciPy object has a gate, after declaring its family if need be."""
    if function not in FUNCTIONS and library() is not None:
        special()
    return function in FUNCTIONS


def math_op(name: str) -> Any:
    """The op for a function of `math` that has no counterpart in NumPy."""
    special()
    assert hasattr(math, name)
    return OPS[MATH[name]]
