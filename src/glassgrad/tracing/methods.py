"""The methods and attributes of ndarray, for traced arrays and NumPy scalars.

Each is the NumPy function of that name, with the method's own signature; nothing here knows a
gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.errors import UnsupportedError
from glassgrad.gates.declare import OPS
from glassgrad.tracing.protocols import call
from glassgrad.tracing.source import where
from glassgrad.tracing.values import ARRAY_METHODS, Traced, TracedArray, TracedScalar, apply

#: Methods whose signature is the function's without its first argument.
_PLAIN = [
    "argmax", "argmin", "argsort", "argpartition", "all", "any", "choose", "compress", "cumprod",
    "cumsum", "diagonal", "dot", "max", "mean", "min", "nonzero", "partition", "prod", "ptp",
    "repeat", "searchsorted", "squeeze", "std", "sum", "swapaxes", "take", "trace", "var", "ravel",
]  # fmt: skip
_IN_PLACE = {"partition", "sort"}


def _plain_method(name: str) -> Any:
    function = getattr(np, name)

    def method(self: Traced, *args: Any, **kwargs: Any) -> Any:
        return call(function, (self, *args), kwargs, "method")

    method.__name__ = name
    return method


def _reshape(self: Traced, *shape: Any, order: str = "C", copy: Any = None) -> Any:
    given = shape[0] if len(shape) == 1 else shape
    return call(np.reshape, (self, given), {"order": order}, "method")


def _transpose(self: Traced, *axes: Any) -> Any:
    order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
    kwargs = {} if order is None else {"axes": tuple(order)}
    return call(np.transpose, (self,), kwargs, "method")


def _astype(self: Traced, dtype: Any, *args: Any, copy: bool = True, **kwargs: Any) -> Any:
    dtype = np.dtype(dtype)
    if dtype == self.type.dtype and self.type.kind != "python":
        return self.copy() if copy else self  # type: ignore[attr-defined]
    if dtype.kind == "f":
        return apply(OPS["astype"], (self,), {"dtype": dtype}, "numpy")
    if dtype.kind in "biu":
        return apply(OPS["to_integer"], (self,), {"dtype": dtype}, "numpy")
    raise UnsupportedError(f"astype({dtype}) is not supported, at {where()}: only real numbers are")


def _copy(self: Traced, order: str = "C") -> Any:
    return apply(OPS["copy"], (self,), {}, "numpy") if self.type.kind == "array" else self


def _flatten(self: Traced, order: str = "C") -> Any:
    return _copy(_reshape(self, -1))


def _item(self: Traced, *args: Any) -> Any:
    x: Any = self
    if args:
        key = args[0] if len(args) == 1 else args
        x = np.ravel(x)[key] if isinstance(key, int) else x[key]
    return apply(OPS["item"], (x,), {}, "numpy")


def _tolist(self: Traced) -> Any:
    if not self.type.shape:
        return _item(self)
    return [_tolist(row) for row in self]  # type: ignore[attr-defined]


def _fill(self: TracedArray, value: Any) -> None:
    self.write(Ellipsis, value)


def _put(self: TracedArray, indices: Any, values: Any, mode: str = "raise") -> None:
    call(np.put, (self, indices, values, mode), {}, "method")


def _clip(self: Traced, min: Any = None, max: Any = None, **kwargs: Any) -> Any:
    return call(np.clip, (self, min, max), kwargs, "method")


def _round(self: Traced, decimals: int = 0) -> Any:
    return call(np.round, (self, decimals), {}, "method")


def _sort(self: TracedArray, axis: int = -1, **kwargs: Any) -> None:
    self.write(Ellipsis, np.sort(self, axis=axis, **kwargs))


def _view(self: Traced, *args: Any) -> Any:
    if args:
        raise UnsupportedError(f".view(dtype) is not supported, at {where()}: use astype")
    return self[...]  # type: ignore[index]


def _conjugate(self: Traced) -> Any:
    return self


METHODS = {name: _plain_method(name) for name in _PLAIN} | {
    "reshape": _reshape, "transpose": _transpose, "astype": _astype, "copy": _copy,
    "flatten": _flatten, "item": _item, "tolist": _tolist, "fill": _fill, "put": _put,
    "clip": _clip, "round": _round, "sort": _sort, "view": _view, "conj": _conjugate,
    "conjugate": _conjugate,
}  # fmt: skip


def _strides(self: Traced) -> Any:
    return np.empty(self.type.shape, self.type.dtype).strides


def _base(self: TracedArray) -> Any:
    return self.parent


ATTRIBUTES: dict[str, Any] = {
    "shape": lambda self: self.type.shape,
    "ndim": lambda self: self.type.ndim,
    "size": lambda self: self.type.size,
    "dtype": lambda self: self.type.dtype,
    "itemsize": lambda self: self.type.dtype.itemsize,
    "nbytes": lambda self: self.type.dtype.itemsize * self.type.size,
    "strides": _strides,
    "flags": lambda self: self.value.flags,
    "T": lambda self: self if self.type.ndim < 2 else call(np.transpose, (self,), {}, "method"),
    "mT": lambda self: np.swapaxes(self, -1, -2),
    "real": lambda self: self,
    "flat": lambda self: Flat(self),
}


def _read_only(name: str) -> Any:
    def refuse(self: Traced, value: Any) -> None:
        if name == "flat":
            self.write(Ellipsis, np.reshape(value, self.type.shape))  # type: ignore[attr-defined]
            return
        raise UnsupportedError(
            f"setting .{name} of a traced array is not supported, at {where()}: use reshape, "
            "astype or item assignment"
        )

    return refuse


class Flat:
    """``x.flat``: the elements in C order, to read, write and iterate."""

    def __init__(self, array: TracedArray) -> None:
        self._array = array

    def __getitem__(self, key: Any) -> Any:
        return np.ravel(self._array)[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        positions = np.arange(self._array.type.size)[key]
        where_ = np.unravel_index(positions, self._array.type.shape)
        self._array.write(tuple(where_), value)

    def __iter__(self) -> Any:
        return iter(np.ravel(self._array))

    def __len__(self) -> int:
        return self._array.type.size


for _name, _method in METHODS.items():
    setattr(TracedArray, _name, _method)
for _name, _attribute in ATTRIBUTES.items():
    setattr(TracedArray, _name, property(_attribute, _read_only(_name)))
ARRAY_METHODS.update(METHODS)


def _scalar_round(self: TracedScalar, ndigits: int | None = None) -> Any:
    if ndigits is None:
        return round(float(self.value)) if self.level == 0 else int(np.rint(self))
    return call(np.round, (self, ndigits), {}, "numpy")


def _divmod(self: Any, other: Any) -> Any:
    return self // other, self % other


def _rdivmod(self: Any, other: Any) -> Any:
    return other // self, other % self


def _to_int(name: str) -> Any:
    import math

    function = getattr(math, name)

    def method(self: Traced) -> int:
        return int(self.tape.tell(OPS[name](self), "int", self._asked(function, name)))

    return method


TracedScalar.__round__ = _scalar_round  # type: ignore[attr-defined]
Traced.__divmod__ = _divmod  # type: ignore[operator]
Traced.__rdivmod__ = _rdivmod  # type: ignore[attr-defined]
for _name in ("floor", "ceil", "trunc"):
    setattr(Traced, f"__{_name}__", _to_int(_name))
