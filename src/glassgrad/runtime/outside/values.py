"""When two values are the same value, and how a value is named in a message.

Plain values (numbers, strings, dtypes, tuples of such) are the same by type and value, so that a
global set again to an equal number is no change. It knows no places and no containers that can
change; those are compared piece by piece elsewhere.
"""

from __future__ import annotations

from math import copysign
from types import BuiltinFunctionType, EllipsisType, FunctionType, ModuleType, NoneType
from typing import Any, Final, TypeGuard, TypeVar

import numpy as np

__all__ = ["ABSENT", "alike", "describe", "is_a", "is_plain"]

T = TypeVar("T")


class _Absent:
    """The value of a place that holds nothing."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT: Final = _Absent()

_COMPARED = frozenset({int, str, bytes, bool, NoneType, EllipsisType})
_PLAIN = _COMPARED | {float, complex, slice, range, type(NotImplemented), _Absent}


def is_a(value: object, *kinds: type[T]) -> TypeGuard[T]:
    """``isinstance`` that asks the type alone and so runs no code of the user's.

    Examples
    --------
    >>> is_a(1, int, str), is_a(1, str)
    (True, False)
    """
    return issubclass(type(value), kinds)


def is_plain(value: object) -> bool:
    """Whether a value is compared by type and value, and holds nothing that can change.

    Examples
    --------
    >>> is_plain(1.5), is_plain((1, "a")), is_plain([1])
    (True, True, False)
    """
    kind = type(value)
    if kind in _PLAIN:
        return True
    if kind is tuple:
        return all(map(is_plain, value))  # type: ignore[call-overload]
    if issubclass(kind, np.generic):  # not isinstance: that may ask the user's __class__
        return not is_a(value, np.void)  # a void can be written into
    return is_a(value, np.dtype)


def alike(a: Any, b: Any) -> bool:
    """Whether two values are the same: by identity, or plain and of one type and value.

    Examples
    --------
    >>> alike(float("nan"), float("nan")), alike(0.0, -0.0), alike(1, 1.0), alike([], [])
    (True, False, False, False)
    """
    if a is b:
        return True
    kind = type(a)
    if kind is not type(b):
        return False
    if kind is float:
        return (a == b and copysign(1.0, a) == copysign(1.0, b)) or (a != a and b != b)
    if kind in _COMPARED:
        return bool(a == b)
    if kind is complex:
        return alike(a.real, b.real) and alike(a.imag, b.imag)
    if kind is slice or kind is range:
        return alike(a.start, b.start) and alike(a.stop, b.stop) and alike(a.step, b.step)
    if kind is tuple:
        return len(a) == len(b) and all(map(alike, a, b))
    if not is_plain(a):
        return False
    if is_a(a, np.dtype):
        return bool(a == b and a.metadata == b.metadata)
    if a.dtype.kind == "f" and a != a and b != b:
        return True
    return bool(a.dtype == b.dtype and a.tobytes() == b.tobytes())


def describe(value: Any) -> str:
    """A value in a few words, for a message.

    Examples
    --------
    >>> describe(2.0), describe([1, 2]), describe(np.zeros((2, 3)))
    ('2.0', 'a list', 'an array of shape (2, 3) float64')
    """
    if is_plain(value):
        text = repr(value)
        return text if len(text) <= 60 else text[:57] + "..."
    if is_a(value, np.ndarray):
        return f"an array of shape {np.ndarray.__getattribute__(value, 'shape')} {value.dtype}"
    if is_a(value, FunctionType) or is_a(value, BuiltinFunctionType) or is_a(value, np.ufunc):
        return f"the function {value.__name__}"
    if is_a(value, type):
        return f"the class {value.__name__}"
    if is_a(value, ModuleType):
        return f"the module {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
