"""Nested arguments and results: flattened to leaves and put together again, through optree.

Dicts, lists, tuples, named tuples and dataclasses are nests; dataclasses are made known to
optree when they are first seen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import optree

__all__ = ["Structure", "flatten", "is_nest", "leaf_names", "leaf_paths", "unflatten"]

_NAMESPACE = "glassgrad"
Structure = Any
_NESTS = (dict, list, tuple)
_known: set[type] = set()


def is_nest(value: Any) -> bool:
    """Whether a value is taken apart rather than taken as one leaf."""
    return isinstance(value, _NESTS) or (
        dataclasses.is_dataclass(value) and not isinstance(value, type)
    )


def _make_known(value: Any) -> None:
    """Tell optree about the dataclasses in a nest."""
    if isinstance(value, dict):
        for v in value.values():
            _make_known(v)
    elif isinstance(value, (list, tuple)):
        for v in value:
            _make_known(v)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        cls = type(value)
        names = [f.name for f in dataclasses.fields(value)]
        if cls not in _known:
            _known.add(cls)
            optree.register_pytree_node(
                cls,  # type: ignore[arg-type]
                lambda v: ([getattr(v, n) for n in names], None, names),
                lambda _, children: _rebuilt(cls, names, children),
                namespace=_NAMESPACE,
            )
        for n in names:
            _make_known(getattr(value, n))


def _rebuilt(cls: Any, names: Sequence[str], children: Any) -> Any:
    """A dataclass with these field values, past any ``__init__`` of its own."""
    made = object.__new__(cls)
    for name, child in zip(names, children, strict=True):
        object.__setattr__(made, name, child)
    return made


def flatten(value: Any) -> tuple[list[Any], Structure]:
    """A nest as its leaves and its structure. None is a leaf, so that it keeps its place."""
    if not is_nest(value):
        return [value], None
    _make_known(value)
    leaves, structure = optree.tree_flatten(value, none_is_leaf=True, namespace=_NAMESPACE)
    return leaves, structure


def orders(value: Any) -> Any:
    """The order of every dict's keys: a function that loops over a dict depends on it."""
    if isinstance(value, dict):
        return tuple((k, orders(v)) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return tuple([orders(v) for v in value if is_nest(v)])
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return tuple([orders(getattr(value, f.name)) for f in dataclasses.fields(value)])
    return None


def unflatten(structure: Structure, leaves: Sequence[Any]) -> Any:
    """The nest of a structure with these leaves."""
    if structure is None:
        return leaves[0]
    return optree.tree_unflatten(structure, leaves)


def leaf_paths(name: str, structure: Structure) -> list[str]:
    """How one writes each leaf of a nest of this name: ``params['W'][0]``."""
    if structure is None:
        return [name]
    return [a.codify(name) for a in optree.treespec_accessors(structure)]


def leaf_names(name: str, value: Any) -> list[str]:
    """A readable name for every leaf: the key or field it stands under, else name and number."""
    if not is_nest(value):
        return [name]
    _make_known(value)
    paths, _, _ = optree.tree_flatten_with_path(value, none_is_leaf=True, namespace=_NAMESPACE)
    fields = dataclasses.is_dataclass(value) or hasattr(value, "_fields")
    names = []
    for path in paths:
        parts = [str(p) for p in path]
        if isinstance(value, dict) or fields:
            names.append("_".join(_field_names(value, path)))
        else:
            names.append("_".join([name, *parts]))
    return names


def _field_names(value: Any, path: Sequence[Any]) -> list[str]:
    parts = []
    for key in path:
        if hasattr(value, "_fields") and isinstance(key, int):
            parts.append(value._fields[key])
            value = value[key]
        elif dataclasses.is_dataclass(value):
            name = dataclasses.fields(value)[key].name if isinstance(key, int) else str(key)
            parts.append(name)
            value = getattr(value, name)
        else:
            parts.append(str(key))
            value = value[key]
    return parts
