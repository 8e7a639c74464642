"""What NumPy's protocols cannot intercept: routed to glassgrad while a trace is active.

``math.exp(x)``, ``np.zeros(n)``, ``np.array([x, y])`` and ``plain.dot(x)`` never ask a traced
value. While a trace runs, and only then, these module attributes (and the names that reachable
user code bound to them by ``from math import exp``) lead here. Every stand-in falls straight
through for other threads, and for NumPy's and SciPy's own code. All of it is undone on any exit,
and traces of different threads take turns, so that what one undoes is what it found.
"""

from __future__ import annotations

import builtins
import ctypes
import functools
import gc
import math
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from glassgrad.circuit import Constant, Wire, type_of
from glassgrad.gates.creation import build
from glassgrad.gates.declare import FUNCTIONS, OPS
from glassgrad.tracing.lazily import MATH, library, math_op, special
from glassgrad.tracing.protocols import answer, call
from glassgrad.tracing.trace import ACTIVE, LITERAL, Trace, current
from glassgrad.tracing.values import Traced, apply, has_traced, wrap

__all__ = ["LOCK", "Binding", "routed", "stand_in_for"]

#: Held while a trace runs: traces of different threads take turns.
LOCK = threading.RLock()
_depth = 0


class Binding(Protocol):
    """A place in the user's code that holds a value and can hold another."""

    @property
    def value(self) -> Any: ...

    def rebind(self, value: Any) -> None: ...


@contextmanager
def routed(bindings: Iterable[Binding] = ()) -> Iterator[None]:
    """Route what the protocols cannot intercept, for as long as the block runs."""
    global _depth
    with LOCK:
        _depth += 1
        undo: Undo = []
        try:
            _meet_special()
            if _depth == 1:
                _install(undo)
            for binding in bindings:
                stand_in = _for_a_trace(binding.value)
                if stand_in is not None:
                    undo.append((binding.rebind, binding.value))
                    binding.rebind(stand_in)
            yield
        finally:
            _depth -= 1
            for put_back, original in reversed(undo):
                put_back(original)


def _for_a_trace(value: Any) -> Any:
    """What stands in for something the user's code has bound to a name; None for most."""
    stand_in = _STAND_INS.get(id(value))
    if stand_in is not None:
        return stand_in
    if type(value) is staticmethod:
        stand_in = _STAND_INS.get(id(value.__func__))
        return None if stand_in is None else staticmethod(stand_in)
    if isinstance(value, functools._lru_cache_wrapper):
        # The user's cache may not get traced values, so this trace has one of its own.
        return functools.lru_cache(maxsize=None)(value.__wrapped__)
    return None


def _meet_special() -> None:
    """Route scipy.special's plain functions from when the user's code has imported it on."""
    module = library()
    if module is None or id(module) in _met:
        return
    _met.add(id(module))
    special()
    for function in list(FUNCTIONS):
        name = getattr(function, "__name__", "")
        if not isinstance(function, np.ufunc) and getattr(module, name, None) is function:
            stand_in = _math_function(function, functools.partial(_gate_of, function))
            route(module, name, stand_in)


_met: set[int] = set()


def _gate_of(original: Any, *args: Any, **kwargs: Any) -> Any:
    return answer(FUNCTIONS[original], args, kwargs, "numpy")


Undo = list[tuple[Callable[[Any], None], Any]]


def _install(undo: Undo) -> None:
    for module, (originals, stand_ins) in _MODULES.items():
        entries = module.__dict__
        undo.append((entries.update, originals))
        entries.update(stand_ins)
    for name, original, stand_in in _METHODS:
        undo.append((functools.partial(_set_method, name), original))
        _set_method(name, stand_in)
    if "scipy.special" not in sys.modules:
        _exchange(undo, builtins, "__import__", builtins.__import__, _importing(undo))
        _await_special(undo)


def _exchange(undo: Undo, module: Any, name: str, original: Any, stand_in: Any) -> None:
    undo.append((functools.partial(setattr, module, name), original))
    setattr(module, name, stand_in)


def _importing(undo: Undo) -> Any:
    """The import statement, while scipy.special may first be met within the traced function."""
    original = builtins.__import__

    def stand_in(name: str, *args: Any, **kwargs: Any) -> Any:
        module = original(name, *args, **kwargs)
        if name.startswith("scipy") and _from_user():
            _await_special(undo)
        return module

    return stand_in


def _await_special(undo: Undo) -> None:
    """Route scipy.special's functions if it is there by now; else, wait for ``scipy.special``."""
    before = len(_TABLE)
    _meet_special()
    for entry in _TABLE[before:]:
        _exchange(undo, *entry)
    scipy = sys.modules.get("scipy")
    lazily: Any = getattr(scipy, "__getattr__", None)
    if lazily is None or library() is not None:
        return

    def stand_in(name: str) -> Any:
        found = lazily(name)
        if name == "special":
            _await_special(undo)
        return found

    _exchange(undo, scipy, "__getattr__", lazily, stand_in)


# -- who is calling ------------------------------------------------------------------------------


def _from_user(frame_depth: int = 2) -> bool:
    """A trace is active on this thread, and the caller is not NumPy's or SciPy's own code."""
    if current() is None:
        return False
    name = sys._getframe(frame_depth).f_globals.get("__name__") or ""
    return not (isinstance(name, str) and name.startswith(("numpy.", "scipy.", "glassgrad.")))


def _any_traced(values: Iterable[Any]) -> bool:
    return any(
        isinstance(v, Traced) or (type(v) in (list, tuple) and has_traced(v)) for v in values
    )


# -- math ----------------------------------------------------------------------------------------


def _number(x: Any) -> Any:
    """An argument as math takes it: one number."""
    if isinstance(x, Traced) and x.type.kind == "array":
        return apply(OPS["item"], (x,), {}, "numpy")
    return x


def _math_op(original: Any, op: Any) -> Any:
    @functools.wraps(original)
    def stand_in(*args: Any, **kwargs: Any) -> Any:
        for x in args:
            if isinstance(x, Traced):
                return apply(op, [_number(a) for a in args], {}, "math")
        return original(*args, **kwargs)

    return stand_in


def _math_function(original: Any, composed: Callable[..., Any]) -> Any:
    @functools.wraps(original)
    def stand_in(*args: Any, **kwargs: Any) -> Any:
        if _any_traced((*args, *kwargs.values())):
            return composed(*args, **kwargs)
        return original(*args, **kwargs)

    return stand_in


def _log(x: Any, base: Any = None) -> Any:
    top = apply(OPS["log"], (_number(x),), {}, "math") if isinstance(x, Traced) else math.log(x)
    if base is None:
        return top
    below = apply(OPS["log"], (_number(base),), {}, "math") if isinstance(base, Traced) \
        else math.log(base)  # fmt: skip
    return top / below


def _hypot(*xs: Any) -> Any:
    if len(xs) == 2:
        return apply(OPS["hypot"], [_number(x) for x in xs], {}, "math")
    return np.linalg.norm(build([_number(x) for x in xs]))


def _prod(xs: Any, *, start: Any = 1) -> Any:
    result = start
    for x in xs:
        result = result * x
    return result


def _fsum(xs: Any) -> Any:
    return OPS["fsum"](*[_number(x) for x in xs])


def _isclose(a: Any, b: Any, *, rel_tol: float = 1e-9, abs_tol: float = 0.0) -> Any:
    return math.isclose(*[x.tape.tell(x, "value", x.value) if isinstance(x, Traced) else x
                          for x in (a, b)], rel_tol=rel_tol, abs_tol=abs_tol)  # fmt: skip


def _rounding(name: str) -> Any:
    return lambda x: getattr(_number(x), f"__{name}__")()


_MATH: dict[str, Callable[..., Any]] = {
    "log": _log, "hypot": _hypot, "prod": _prod, "fsum": _fsum, "isclose": _isclose,
    "floor": _rounding("floor"), "ceil": _rounding("ceil"), "trunc": _rounding("trunc"),
    "dist": lambda p, q: _hypot(*[a - b for a, b in zip(p, q, strict=True)]),
}  # fmt: skip


# -- creation ------------------------------------------------------------------------------------


def _literal(array: Any) -> Any:
    """A fresh plain array as a traced one, so that traced values can be written to it."""
    trace = current()
    if trace is None or type(array) is not np.ndarray or array.dtype.kind != "f":
        return array
    frozen = array.copy("K")
    frozen.flags.writeable = False
    wire = trace.emit(OPS["copy"], (Constant(frozen, type_of(frozen)),), {"order": "K"},
                      (type_of(array),))[0]  # fmt: skip
    return _fresh(trace, wire, array)


def _fresh(trace: Trace, wire: Wire, array: Any) -> Any:
    """An array made just now, as a traced one that hangs on nothing."""
    made = wrap(trace, wire, array, LITERAL)
    trace.keep(wire, array, made.storage)
    return made


def _filled(original: Any) -> Any:
    """np.zeros, np.ones, np.empty, ...: a literal, made by a gate of its own."""
    op = OPS["ones" if original is np.ones else "zeros"]

    @functools.wraps(original)
    def stand_in(shape: Any, dtype: Any = float, *args: Any, **kwargs: Any) -> Any:
        trace = current()
        if trace is None or not _from_user():
            return original(shape, dtype, *args, **kwargs)
        array = original(_told(shape), dtype, *args, **kwargs)
        if array.dtype.kind != "f":
            return array
        array[...] = 1 if op.name == "ones" else 0  # np.empty: nothing to hide in it
        return _blank(op, array)

    return stand_in


def _blank(op: Any, array: Any) -> Any:
    """A fresh array of zeros or ones as the output of the gate that makes it."""
    trace = current()
    if trace is None or array.dtype.kind != "f":
        return array
    static = {"shape": array.shape} if array.dtype == np.float64 else \
        {"shape": array.shape, "dtype": array.dtype}  # fmt: skip
    return _fresh(trace, trace.emit(op, (), static, (type_of(array),))[0], array)


def _told(shape: Any) -> Any:
    """A shape as plain numbers."""
    if isinstance(shape, (tuple, list)):
        return tuple(s if type(s) is int else s.__index__() for s in shape)
    return shape.__index__()


def _made(original: Any) -> Any:
    """np.arange, np.linspace, np.eye, ...: made as they are, then traced."""
    name = original.__name__

    @functools.wraps(original)
    def stand_in(*args: Any, **kwargs: Any) -> Any:
        if not _from_user():
            return original(*args, **kwargs)
        if _any_traced((*args, *kwargs.values())):
            found = FUNCTIONS.get(original)
            if found is None:
                return call(original, args, kwargs, "numpy")
            made = answer(found, args, kwargs, "numpy")
            if type(made) is not np.ndarray:
                return made
            return _blank(OPS[_LIKE[name]], made) if name in _LIKE else _literal(made)
        return _literal(original(*args, **kwargs))

    return stand_in


def _array(original: Any) -> Any:
    """np.array, np.asarray and kin: of traced values, a traced array."""
    copies = original is np.array

    @functools.wraps(original)
    def stand_in(*args: Any, **kwargs: Any) -> Any:
        values = args[0] if args else kwargs.get("a", kwargs.get("object"))
        if not _from_user() and not _differentiated(values):
            return original(*args, **kwargs)
        if not _any_traced((values,)):
            made = original(*args, **kwargs)
            return _literal(made) if copies or isinstance(values, (list, tuple)) else made
        dtype = args[1] if len(args) > 1 else kwargs.get("dtype")
        if isinstance(values, Traced):
            if values.type.kind != "array":
                values = OPS["array"](values, shape=())
            elif kwargs.get("copy", copies):
                values = apply(OPS["copy"], (values,), {"order": "K"}, "numpy")
            made = values
        else:
            made = build(values)
        ndmin = kwargs.get("ndmin", 0) - np.ndim(made)
        made = np.reshape(made, (1,) * ndmin + np.shape(made)) if ndmin > 0 else made
        return made if dtype is None else made.astype(dtype, copy=False)

    return stand_in


def _differentiated(value: Any) -> bool:
    """A value no library can make plain anyway: its own Python code may take it as it is."""
    return isinstance(value, Traced) and value.level == ACTIVE and value.tape.concrete


def _listed(original: Any) -> Any:
    """A NumPy function whose arguments may be lists with traced values in them."""

    @functools.wraps(original)
    def stand_in(*args: Any, **kwargs: Any) -> Any:
        for x in args:
            if type(x) in (list, tuple) and _from_user() and has_traced(x):
                built = [
                    build(a) if type(a) in (list, tuple) and has_traced(a) else a for a in args
                ]
                return original(*built, **kwargs)
        return original(*args, **kwargs)

    return stand_in


_LIKE = {"zeros_like": "zeros", "empty_like": "zeros", "ones_like": "ones"}
_FILLED = ("zeros", "ones", "empty")
_MADE = ("full", "arange", "linspace", "eye", "identity", "zeros_like", "ones_like", "empty_like",
         "full_like", "copy", "tri", "logspace", "geomspace")  # fmt: skip
_ARRAY = ("array", "asarray", "asanyarray", "ascontiguousarray", "asfarray")
_LISTED = ("sum", "mean", "prod", "max", "min", "amax", "amin", "var", "std", "dot", "cumsum",
           "cumprod", "argmax", "argmin", "any", "all", "sort", "diff", "outer", "inner", "vdot",
           "cross", "kron", "tensordot", "einsum", "trace")  # fmt: skip
_LISTED_LINALG = ("norm", "solve", "inv", "det", "slogdet", "cholesky", "eigh", "eigvalsh", "svd",
                  "svdvals", "matrix_power", "cross", "outer", "trace", "vector_norm",
                  "matrix_norm")  # fmt: skip


# -- plain.dot(traced) -----------------------------------------------------------------------------


_NP_DOT = np.dot  # before it is routed itself


def _dot(original: Any) -> Any:
    def dot(self: Any, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], Traced):
            return call(_NP_DOT, (self, *args), kwargs, "method")
        return original(self, *args, **kwargs)

    return dot


def _set_method(name: str, function: Any) -> None:
    """Exchange a method of ndarray; its type dictionary can only be reached through gc."""
    dictionary = gc.get_referents(np.ndarray.__dict__)[0]
    dictionary[name] = function
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(np.ndarray))


def _copy(original: Any) -> Any:
    def copy(self: Any, *args: Any, **kwargs: Any) -> Any:
        made = original(self, *args, **kwargs)
        return _literal(made) if _from_user() else made

    return copy


_METHODS = [
    ("dot", np.ndarray.dot, _dot(np.ndarray.dot)), ("copy", np.ndarray.copy, _copy(np.ndarray.copy)),
]  # fmt: skip

# -- the table -------------------------------------------------------------------------------------

_TABLE: list[tuple[Any, str, Any, Any]] = []
_MODULES: dict[Any, tuple[dict[str, Any], dict[str, Any]]] = {}  # the table's originals, stand-ins
_STAND_INS: dict[int, Any] = {}


def route(module: Any, name: str, stand_in: Any) -> None:
    """Add one entry: while a trace is active, `module.name` is `stand_in`."""
    original = getattr(module, name)
    _TABLE.append((module, name, original, stand_in))
    originals, stand_ins = _MODULES.setdefault(module, ({}, {}))
    originals[name], stand_ins[name] = original, stand_in
    _STAND_INS[id(original)] = stand_in


def stand_in_for(function: Any) -> Any:
    """What `function` itself is routed to: ``gg.grad(math.sin)`` holds the original."""
    return _STAND_INS.get(id(function), function)


def _late(name: str, x: Any) -> Any:
    return apply(math_op(name), (_number(x),), {}, "math")


def _fill() -> None:
    for op in list(OPS.values()):
        original = op.spellings.get("math")
        if original is not None and original.__name__ not in _MATH:
            route(math, original.__name__, _math_op(original, op))
    for name in MATH:
        route(math, name, _math_function(getattr(math, name), functools.partial(_late, name)))
    for name, composed in _MATH.items():
        if hasattr(math, name):
            route(math, name, _math_function(getattr(math, name), composed))
    for names, maker in ((_FILLED, _filled), (_MADE, _made), (_ARRAY, _array), (_LISTED, _listed)):
        for name in names:
            if hasattr(np, name):
                route(np, name, maker(getattr(np, name)))
    for name in _LISTED_LINALG:
        route(np.linalg, name, _listed(getattr(np.linalg, name)))


_fill()
_meet_special()  # what is there already costs the first trace nothing
