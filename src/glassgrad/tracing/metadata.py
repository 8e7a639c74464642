"""NumPy's questions about shape and type: answered from the wire's type, nothing is recorded."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.gates.declare import composed
from glassgrad.tracing.values import Traced

__all__ = ["type_or_self"]


def type_or_self(x: Any) -> Any:
    """A traced value as NumPy's promotion sees it: a dtype, or a weak Python number."""
    if not isinstance(x, Traced):
        return x
    if x.type.kind == "python":
        return {"f": 1.0, "i": 1, "b": True}[x.type.dtype.kind]
    return x.type.dtype


@composed(np.shape)
def shape(a: Any) -> Any:
    return a.type.shape


@composed(np.ndim)
def ndim(a: Any) -> Any:
    return a.type.ndim


@composed(np.size)
def size(a: Any, axis: Any = None) -> Any:
    return a.type.size if axis is None else a.type.shape[axis]


@composed(np.result_type)
def result_type(*args: Any) -> Any:
    return np.result_type(*[type_or_self(x) for x in args])


@composed(np.can_cast)
def can_cast(from_: Any, to: Any, casting: Any = "safe") -> Any:
    return np.can_cast(from_.type.dtype, to, casting)


@composed(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    return False


@composed(np.isrealobj)
def isrealobj(x: Any) -> bool:
    return True


@composed(np.common_type)
def common_type(*arrays: Any) -> Any:
    return np.common_type(*[np.empty((), type_or_self(a)) for a in arrays])


@composed(np.shares_memory)
def shares_memory(a: Any, b: Any, max_work: Any = None) -> bool:
    return _memory(a) is not None and _memory(a) is _memory(b)


composed(np.may_share_memory)(shares_memory)


def _memory(x: Any) -> Any:
    return getattr(x, "storage", None)
