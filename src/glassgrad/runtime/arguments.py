"""The arguments of one call: leaves, their roles, and the signature paths are looked up by.

A leaf is *active* (differentiated), *passive* (a number or array the result may depend on) or
*static* (anything else: text, flags, objects, part of the signature). Python ints and 0-d
integers at a differentiated place count as floats; integer arrays there raise one clear error.
"""

from __future__ import annotations

import inspect
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.emit.python.naming import USED_BY_CODE
from glassgrad.errors import NotDifferentiableError, UnsupportedError
from glassgrad.runtime.tree import Structure, flatten, leaf_names, orders, unflatten
from glassgrad.tracing import Traced

__all__ = ["ACTIVE", "PASSIVE", "STATIC", "Arguments", "Layout", "parameter_names", "resolve"]

STATIC, PASSIVE, ACTIVE = "static", "passive", "active"


@dataclass(frozen=True)
class Layout:
    """How the leaves of a call are put together again: one structure an argument.

    Attributes
    ----------
    positional
        Structure and number of leaves of each positional argument.
    keywords
        The same for keyword arguments, by name.
    roles
        Role of each leaf.
    names
        A readable name for each leaf.
    """

    positional: tuple[tuple[Structure, int], ...]
    keywords: tuple[tuple[str, Structure, int], ...]
    roles: tuple[str, ...]
    names: tuple[str, ...]

    def rebuild(self, leaves: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        """Arguments and keyword arguments from leaves."""
        args, at = [], 0
        for structure, n in self.positional:
            args.append(unflatten(structure, leaves[at : at + n]))
            at += n
        kwargs = {}
        for name, structure, n in self.keywords:
            kwargs[name] = unflatten(structure, leaves[at : at + n])
            at += n
        return args, kwargs


@dataclass(frozen=True)
class Arguments:
    """One call's leaves, as they will be traced or run, with the key of their signature."""

    key: Any
    leaves: list[Any]
    layout: Layout
    statics: list[Any]  # static leaves that are objects: what they hold is read from outside
    numeric: list[Any]  # the leaves that are inputs of the circuit
    given: tuple[Any, ...]  # the positional arguments as they came


def parameter_names(function: Callable[..., Any]) -> list[str]:
    """The names of a function's positional parameters; empty where they cannot be known."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]  # fmt: skip


def resolve(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], chosen: Callable[[int | str], bool],
    names: Sequence[str], lenient: bool = False,
) -> Arguments:  # fmt: skip
    """Take a call apart.

    Parameters
    ----------
    args, kwargs
        As the user's function gets them.
    chosen : callable
        Whether the argument at a position, or of a name, is differentiated.
    names : sequence of str
        Parameter names, for messages and wires.
    lenient : bool
        Let what cannot be differentiated be passive instead of raising.
    """
    key: list[Any] = []
    leaves: list[Any] = []
    roles: list[str] = []
    statics: list[Any] = []
    leaf_labels: list[str] = []

    def take(value: Any, active: bool, label: str) -> tuple[Structure, int]:
        parts, structure = flatten(value)
        labels = leaf_names(label, value) if structure is not None else [label]
        for leaf, leaf_label in zip(parts, labels, strict=True):
            role, entry, prepared = _leaf(leaf, active, leaf_label, lenient, structure is not None)
            roles.append(role)
            key.append(entry)
            leaves.append(prepared)
            if role is STATIC and not isinstance(leaf, (str, bytes, bool, type(None))):
                statics.append(leaf)
        leaf_labels.extend(labels)
        if structure is not None:
            key.append((structure, orders(value)))
        return structure, len(parts)

    positional = []
    for n, value in enumerate(args):
        label = names[n] if n < len(names) else f"x{n}"
        positional.append(take(value, chosen(n), label))
    keywords = []
    for name, value in kwargs.items():
        key.append(name)
        keywords.append((name, *take(value, chosen(name), name)))
    layout = Layout(tuple(positional), tuple(keywords), tuple(roles), tuple(_unique(leaf_labels)))
    numeric = [v for v, role in zip(leaves, roles, strict=True) if role is not STATIC]
    return Arguments(tuple(key), leaves, layout, statics, numeric, args)


def _unique(labels: Sequence[str]) -> list[str]:
    """Labels as identifiers, no two alike; as Python reads them, which takes some letters for others."""
    taken: set[str] = set()
    unique = []
    for label in labels:
        label = unicodedata.normalize("NFKC", label)
        label = "".join(c if f"x{c}".isidentifier() else "_" for c in label)
        label = label if label.isidentifier() else f"x{label}"
        label = f"{label}_" if label in USED_BY_CODE else label
        name, n = label, 1
        while name in taken:
            n += 1
            name = f"{label}_{n}"
        taken.add(name)
        unique.append(name)
    return unique


def _leaf(leaf: Any, active: bool, label: str, lenient: bool, nested: bool) -> tuple[str, Any, Any]:
    """The role of a leaf, its entry in the key, and the value it is traced and run with."""
    value = leaf.value if isinstance(leaf, Traced) else leaf
    cls = type(value)
    if cls is float:
        return (ACTIVE if active else PASSIVE), float, leaf
    if cls is np.ndarray:
        return _array(leaf, value, active, label, lenient)
    if cls is int:
        if active:
            return ACTIVE, float, leaf if isinstance(leaf, Traced) else float(value)
        return PASSIVE, int, leaf
    if isinstance(value, np.generic) and value.dtype.kind in "fiub":
        if value.dtype.kind == "f":
            return (ACTIVE if active else PASSIVE), cls, leaf
        if active and not isinstance(leaf, Traced):
            return ACTIVE, np.float64, np.float64(value)
        return PASSIVE, cls, leaf
    if cls is complex or isinstance(value, np.complexfloating):
        raise UnsupportedError(
            f"argument {label} is complex: only real numbers are supported; pass real and "
            "imaginary parts as two arguments"
        )
    if isinstance(value, np.ndarray):
        raise UnsupportedError(
            f"argument {label} is a {cls.__name__}, a subclass of ndarray: pass np.asarray({label})"
        )
    if active and not lenient and not nested:
        raise NotDifferentiableError(
            f"argument {label} is a {cls.__name__}, which has no gradient: leave it out of "
            "argnums, or pass numbers"
        )
    try:
        hash(value)
    except TypeError:
        return STATIC, (cls, id(value)), leaf
    return STATIC, (cls, value), leaf


def _array(leaf: Any, value: Any, active: bool, label: str, lenient: bool) -> tuple[str, Any, Any]:
    dtype = value.dtype
    kind = dtype.kind
    if kind == "f" and dtype.itemsize >= 4 and dtype.isnative:
        return (ACTIVE if active else PASSIVE), (dtype, value.shape), leaf
    if kind in "iub":
        if not active:
            return PASSIVE, (dtype, value.shape), leaf
        if not value.shape and not isinstance(leaf, Traced):
            return ACTIVE, (np.float64, ()), np.array(value, float)
        if lenient:
            return PASSIVE, (dtype, value.shape), leaf
        raise NotDifferentiableError(
            f"argument {label} is an array of {dtype}, which has no gradient: pass "
            f"{label}.astype(float), or leave it out of argnums"
        )
    if kind == "c":
        raise UnsupportedError(
            f"argument {label} is complex: only real numbers are supported; pass real and "
            "imaginary parts as two arguments"
        )
    if kind == "f" and not dtype.isnative:
        raise UnsupportedError(
            f"argument {label} is byte-swapped: pass {label}.astype({dtype.newbyteorder('=')!r})"
        )
    if kind == "f":
        raise UnsupportedError(f"argument {label} is {dtype}: pass float32 or float64")
    if active and not lenient:
        raise NotDifferentiableError(f"argument {label} is an array of {dtype}: it has no gradient")
    return STATIC, (np.ndarray, id(value)), leaf
