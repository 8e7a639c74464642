"""What each kind of object leads to: functions, classes, modules, instances, containers, arrays.

It knows Python's own kinds of objects; the walk knows the order. Library functions are leaves,
except that a closure of theirs may hold a function of the user's (a decorator from a library).
"""

from __future__ import annotations

import functools
import weakref
from collections import deque
from types import (
    BuiltinFunctionType,
    FunctionType,
    MappingProxyType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

import numpy as np

from .checks import Fixed
from .code import follow_code
from .contents import (
    ArrayContents,
    ArrayForm,
    Items,
    State,
    is_frozen,
    path_of,
    state_of,
    values_of,
)
from .places import Kind, Place
from .reads import reads_of
from .tables import CONSTRUCTION, class_table, function_table, instance_table
from .unsafe import draws_on, reads_by_name, unsafe, unsafe_modules
from .values import ABSENT, is_a, is_plain
from .walk import Walk

__all__ = ["visit"]

_WHOLE_STANDARD = ("collections", "functools")  # their methods read attributes no user code names


def visit(walk: Walk, value: Any, place: Place | None, loose: bool) -> None:
    """Follow one object: put its checks into ``walk`` and let it see what the object leads to."""
    if is_a(value, FunctionType):
        _function(walk, value, place)
    elif is_a(value, MethodType):
        if walk.libraries.of_class(type(value.__self__)) != "user":
            walk.reason(unsafe(value))
        walk.see(value.__func__, place)
        walk.see(value.__self__, place)
    elif is_a(value, BuiltinFunctionType) or is_a(value, MethodWrapperType):
        _judge(walk, value)
        if not is_a(value.__self__, ModuleType, type) and unsafe(value) is None:
            walk.see(value.__self__, place)
    elif is_a(value, ModuleType):
        _module(walk, value, loose)
    elif is_a(value, type):
        _class(walk, value, loose)
    elif is_a(value, staticmethod) or is_a(value, classmethod):
        walk.see(value.__func__, place)
    elif is_a(value, property):
        for part in (value.fget, value.fset, value.fdel):
            walk.see(part, place)
    elif is_a(value, functools.partial):
        _partial(walk, value, place)
    elif is_a(value, weakref.ref):
        walk.see(value(), place)
    else:
        _object(walk, value, place)


def _judge(walk: Walk, value: Any) -> None:
    """Note of a library's function whether it is unsafe or reads attributes by name."""
    walk.reason(unsafe(value))
    if reads_by_name(value):
        walk.read_everything()


def _function(walk: Walk, function: FunctionType, place: Place | None) -> None:
    origin = walk.libraries.of_function(function)
    inner = function.__dict__.get("__wrapped__")
    if origin == "ours":
        walk.see(inner, place)
        return
    if origin != "user":
        _judge(walk, function)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        held = Place("closure variable", cell, name, ABSENT)
        held.value = held.read()
        walk.hold(held, loose=reads_of(function.__code__).hands_on(name))
    walk.see(inner, place)
    if origin != "user":
        return
    name = function.__name__
    walk.bound.append(Fixed(function, "__code__", f"the code of function {name!r} was replaced"))
    words = f"the defaults of function {name!r} were replaced"
    if function.__code__.co_argcount:
        walk.bound.append(Fixed(function, "__defaults__", words))
    if function.__code__.co_kwonlyargcount:
        walk.bound.append(Fixed(function, "__kwdefaults__", words))
    _defaults(walk, function)
    follow_code(walk, function)
    walk.functions.append(function)
    if walk.by_name or function.__dict__.keys() - {"__wrapped__"}:
        walk.open(id(function), lambda: function_table(function, place))


def _defaults(walk: Walk, function: FunctionType) -> None:
    code, values, name = function.__code__, function.__defaults__ or (), function.__name__
    first = code.co_argcount - len(values)
    for index, value in enumerate(values):
        walk.note(
            Place(
                "default",
                function,
                index,
                value,
                home=name,
                root=code.co_varnames[first + index] if first + index >= 0 else f"argument {index}",
                whole=values,
            )
        )
    named = function.__kwdefaults__
    if named:
        walk.items.append(Items(named, lambda: f"keyword defaults of {name!r}"))
        for key, value in named.items():
            walk.note(Place("default", function, key, value, named, home=name, root=key))


def _partial(walk: Walk, value: functools.partial[Any], place: Place | None) -> None:
    words = "a partial's function or arguments"
    walk.bound.append(Fixed(value, "func", words))
    walk.bound.append(Fixed(value, "args", words))
    path = path_of(place, "partial")
    home = getattr(value.func, "__name__", "function")
    func = Place("partial", value, ("func", 0), value.func, home=home, whole=value.args)
    walk.note(func)
    for index, argument in enumerate(value.args):
        where = f"argument {index} of partial {home}"
        walk.note(Place("partial", value, ("args", index), argument, home=where, whole=value.args))
    walk.items.append(Items(value.keywords, path))
    for key, argument in value.keywords.items():
        walk.note(Place("dict item", value.keywords, key, argument, value.keywords, home=home))


def _module(walk: Walk, module: ModuleType, loose: bool) -> None:
    name = module.__name__
    origin = walk.libraries.of_module(name)
    if not loose:
        return
    if origin == "user":
        walk.open_module(module.__dict__, name)
    elif unsafe_modules(name):
        walk.watch_library(module)


def _class(walk: Walk, cls: type, loose: bool) -> None:
    if walk.libraries.of_class(cls) != "user":
        if loose:
            _judge(walk, cls)
        return
    for base in cls.__mro__:
        if walk.libraries.of_class(base) != "user":
            continue
        table = walk.open(id(base), lambda base=base: class_table(base))  # type: ignore[misc]
        if table is not None and loose:  # the code may call the class
            walk.take(table, CONSTRUCTION)
    if walk.first_time(cls):
        walk.bound.append(Fixed(cls, "__mro__", f"the bases of class {cls.__name__} changed"))
        walk.see(type(cls), None, loose=False)


def _object(walk: Walk, value: Any, place: Place | None) -> None:
    cls = type(value)
    origin = walk.libraries.of_class(cls)
    if origin == "ours":
        table = instance_table(value, place, cls.__name__)
        walk.see(table.table.get("__wrapped__") if table is not None else None, place)
        return
    if origin != "user":
        walk.reason(unsafe(value))
        if reads_by_name(cls):
            walk.read_everything()
        if draws_on(value):
            where = place.path if place is not None else "an iterator"
            walk.reason(f"{where}: an iterator made outside, which each reading moves on")
            return
    hidden = _state(walk, value, place)
    if origin != "user":
        if type(getattr(cls, "__call__", None)) is WrapperDescriptorType:  # noqa: B004
            # A compiled function (a ufunc, one of Cython's), or lru_cache around a Python one.
            walk.see(getattr(value, "__wrapped__", None), place)
            return
        if hidden:
            return
    if is_a(value, np.ndarray):
        _array(walk, value, place)
    elif is_a(value, list, deque):
        _container(walk, value, "list item", enumerate(values_of(value)(value)), place)
    elif is_a(value, dict):
        _container(walk, value, "dict item", dict.items(value), place)
    elif is_a(value, MappingProxyType):
        _container(walk, value, "tuple item", value.items(), place)
    elif is_a(value, set, frozenset):
        _container(walk, value, "tuple item", enumerate(values_of(value)(value)), place)
    elif is_a(value, tuple):
        for index, item in enumerate(tuple.__iter__(value)):
            if not is_plain(item):
                walk.note(Place("tuple item", value, index, item, parent=place))
    if cls.__module__ != "builtins" or origin == "user":
        _instance(walk, value, place, origin)


def _state(walk: Walk, value: Any, place: Place | None) -> bool:
    """Keep an eye on what a value hides (the state of a generator); whether it hides any."""
    state = state_of(value)
    if state is not None:
        try:
            walk.items.append(State(*state, path_of(place, type(value).__name__)))
        except NotImplementedError:  # random.SystemRandom has no state
            walk.reason(f"{type(value).__name__}: draws random numbers from the system")
    return state is not None


def _container(walk: Walk, value: Any, kind: Kind, pairs: Any, place: Place | None) -> None:
    name = type(value).__name__
    walk.items.append(Items(value, path_of(place, name)))
    for key, item in pairs:
        if not is_plain(item):
            table = value if kind in ("dict item", "list item") else None
            walk.note(Place(kind, value, key, item, table, parent=place, home=name))
        if kind == "dict item" and not is_plain(key):
            walk.see(key, place)


def _array(walk: Walk, array: np.ndarray[Any, Any], place: Place | None) -> None:
    path, frozen = path_of(place, "an array"), is_frozen(array)
    walk.arrays.append((array, path))
    walk.items.append(ArrayForm(array, path, frozen))
    if not frozen:
        walk.contents.append(ArrayContents(array, path))
    if array.dtype.hasobject:
        for item in array.ravel().tolist():
            walk.see(item, place)


def _instance(walk: Walk, value: Any, place: Place | None, origin: str) -> None:
    cls = type(value)
    if cls is np.ndarray:
        return
    whole = any(
        walk.libraries.of_class(base) == "third" or base.__module__ in _WHOLE_STANDARD
        for base in cls.__mro__
    )
    path = place.path if place is not None else cls.__name__
    if origin == "user":
        walk.bound.append(Fixed(value, "__class__", f"{path} is of another class"))
        walk.see(cls, None, loose=False)
    table = walk.open(id(value), lambda: instance_table(value, place, cls.__name__))
    if table is None:
        return
    if whole:
        walk.read_whole(table)
    if table.has_dict:
        walk.bound.append(Fixed(value, "__dict__", f"the __dict__ of {path} was replaced"))
