"""NumPy's protocols: what happens when a traced value meets a ufunc or a NumPy function.

The NumPy object is looked up among the gates' declarations; what has none is computed as it is
when no gradient flows through it, and refused with one clear error when one does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassgrad.errors import UnsupportedError
from glassgrad.gates.declare import FUNCTIONS, OPS, Answer
from glassgrad.tracing.lazily import declared
from glassgrad.tracing.source import where
from glassgrad.tracing.trace import ACTIVE
from glassgrad.tracing.values import Traced, TracedArray, apply, as_operand, has_traced

__all__ = ["answer", "call"]

_REDUCERS = {
    (np.add, "reduce"): np.sum, (np.multiply, "reduce"): np.prod,
    (np.maximum, "reduce"): np.max, (np.minimum, "reduce"): np.min,
    (np.add, "accumulate"): np.cumsum, (np.multiply, "accumulate"): np.cumprod,
    (np.logical_and, "reduce"): np.all, (np.logical_or, "reduce"): np.any,
}  # fmt: skip


def call(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], spelling: str) -> Any:
    """Run the NumPy object `function` on arguments of which some are traced."""
    if function is np.where and len(args) == 1:
        function = np.nonzero
    found = FUNCTIONS.get(function)
    if found is None:
        if not declared(function):
            return _without_gate(function, args, kwargs)
        found = FUNCTIONS[function]
    return answer(found, args, kwargs, spelling)


def answer(found: Answer, args: tuple[Any, ...], kwargs: Mapping[str, Any], spelling: str) -> Any:
    """Run a declared op or composition, with `out=` written to where it is given."""
    out = kwargs.get("out")
    if "out" in kwargs:
        kwargs = {k: v for k, v in kwargs.items() if k != "out"}
    if found.op is None:
        assert found.compose is not None
        result = found.compose(*args, **kwargs)
    else:
        operands, static = found.bind(args, kwargs)
        operands = tuple([as_operand(x) if type(x) in (list, tuple) else x for x in operands])
        result = apply(found.op, operands, static, spelling)
    if out is None:
        return result
    return _write_out(out[0] if isinstance(out, tuple) else out, result)


def _write_out(out: Any, result: Any) -> Any:
    if isinstance(out, TracedArray):
        out.write(Ellipsis, result)
        return out
    if isinstance(out, np.ndarray) and isinstance(result, Traced):
        result.refuse_if_active(
            "writing to an array made outside the traced function (out=)",
            "make the array inside the function with np.empty, or use the returned value",
        )
        out[...] = np.asarray(result)
        return out
    raise TypeError(f"out= must be an array, at {where()}")


def _ufunc(self: Traced, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """NumPy's ufunc protocol (NEP 13)."""
    if not kwargs and method == "__call__" and not self.tape.concrete:
        found = FUNCTIONS.get(ufunc)  # a rule's everyday call, the short way
        if found is not None and found.op is not None and found.op.elementwise:
            return self.tape.apply(found.op, inputs, {}, "numpy")
    if method != "__call__":
        return _ufunc_method(ufunc, method, inputs, kwargs)
    mask = kwargs.pop("where", True)
    dtype = kwargs.pop("dtype", None)
    if dtype is not None:
        inputs = tuple(
            x.astype(dtype) if hasattr(x, "astype") else np.dtype(dtype).type(x) for x in inputs
        )
    if mask is True:
        return call(ufunc, inputs, kwargs, "numpy")
    out = kwargs.pop("out", None)
    target = (out[0] if isinstance(out, tuple) else out) if out is not None else None
    if target is None:
        raise UnsupportedError(
            f"{ufunc.__name__}(where=...) without out= leaves elements undefined, at {where()}: "
            "give out=, or write np.where(mask, ..., ...)"
        )
    result = np.where(mask, call(ufunc, inputs, kwargs, "numpy"), target)
    return _write_out(target, result)


def _ufunc_method(ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    name = f"{ufunc.__name__}.{method}"
    if method in ("reduce", "accumulate"):
        function = _REDUCERS.get((ufunc, method))
        if function is None:
            return _without_gate(getattr(ufunc, method), inputs, kwargs, name)
        kwargs.setdefault("axis", inputs[1] if len(inputs) > 1 else 0)
        return call(function, inputs[:1], kwargs, "numpy")
    if method == "outer":
        a, b = inputs
        apart = np.reshape(a, np.shape(a) + (1,) * np.ndim(b))
        return call(ufunc, (apart, b), kwargs, "numpy")
    if method == "at" and ufunc in (np.add, np.subtract) and isinstance(inputs[0], TracedArray):
        array, key, value = inputs
        return add_at(array, key, value if ufunc is np.add else -value)
    return _without_gate(getattr(ufunc, method), inputs, kwargs, name)


def add_at(array: TracedArray, key: Any, value: Any) -> None:
    """``np.add.at``: unlike ``array[key] += value``, places named twice count twice."""
    from glassgrad.gates.indexing import split

    template, indices = split(key)
    added = apply(OPS["add_at"], (array, value, *indices), {"template": template}, "numpy")
    array.write(Ellipsis, added)


def _function(self: Traced, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """NumPy's function protocol (NEP 18)."""
    return call(function, args, kwargs, "numpy")


def _without_gate(
    function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str | None = None
) -> Any:
    """A NumPy object no gate answers for: computed as it is, if it cuts no gradient."""
    name = name or getattr(function, "__name__", str(function))
    for x in _leaves((*args, *kwargs.values())):
        if x.level == ACTIVE or not x.tape.concrete:
            raise UnsupportedError(
                f"{name} has no gradient in glassgrad, at {where()}. Instead: write it with "
                "supported NumPy functions, or pass gg.stop_gradient(x) where no gradient is needed"
            )
    return function(*_plain(args), **{k: _plain(v) for k, v in kwargs.items()})


def _leaves(values: Any) -> Any:
    for x in values:
        if isinstance(x, Traced):
            yield x
        elif isinstance(x, (list, tuple)):
            yield from _leaves(x)


def _plain(x: Any) -> Any:
    """Traced values as the plain ones they hold; the path is guarded by what they were."""
    if isinstance(x, TracedArray):
        return np.asarray(x)
    if isinstance(x, Traced):
        return x.tape.tell(x, "value", x.value)
    if isinstance(x, (list, tuple)) and has_traced(x):
        return type(x)(_plain(v) for v in x)
    return x


Traced.__array_ufunc__ = _ufunc  # type: ignore[attr-defined]
Traced.__array_function__ = _function  # type: ignore[attr-defined]
