"""From the names that a function's code reads to the values they stand for.

It resolves globals, builtins, imports and chains of attributes on modules (``np.random.rand``,
``helpers.scale``); attributes of anything else are left to the tables, which match them by name.
"""

from __future__ import annotations

import importlib.util
import sys
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

from .contents import State
from .places import Place
from .reads import Import, Use, reads_of
from .tables import function_table
from .unsafe import file_methods, opens_globals, reads_by_name, unsafe, unseeded
from .values import ABSENT, is_a
from .walk import Walk

__all__ = ["follow_code"]


def follow_code(walk: Walk, function: FunctionType) -> None:
    """Let ``walk`` see all that the code of ``function`` reads."""
    reads = reads_of(function.__code__)
    walk.read_names(reads.attributes, compares=reads.compares)
    if reads.matches or "__dict__" in reads.attributes or "__getattribute__" in reads.attributes:
        walk.read_everything()
    for reason in file_methods(reads.attributes):
        walk.reason(reason)
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    for use in reads.uses:
        if use.scope == "global":
            _global(walk, function.__globals__, use)
        elif use.name in cells:
            try:
                _follow(walk, function.__globals__, use, cells[use.name].cell_contents)
            except ValueError:  # an empty cell
                continue
    for statement in reads.imports:
        _import(walk, function.__globals__, statement)


def _global(walk: Walk, table: dict[str, Any], use: Use) -> None:
    home = _name(table)
    if use.name in table:
        _hold_global(walk, table, use.name, loose=not use.chain and not use.type_test)
        _follow(walk, table, use, table[use.name])
        return
    walk.missing(table, use.name, f"global {use.name!r} in module {home}")
    builtins = table.get("__builtins__", {})
    builtins = builtins.__dict__ if isinstance(builtins, ModuleType) else builtins
    value = builtins.get(use.name, ABSENT)
    if value is not ABSENT:
        _follow(walk, table, use, value)
        if is_a(value, FunctionType):  # somebody put a function of theirs there
            walk.see(value, None)


def _hold_global(walk: Walk, table: dict[str, Any], name: str, loose: bool) -> None:
    home = _name(table)
    root = "" if table is walk.home else home.rpartition(".")[2]
    place = Place("global", table, name, table[name], table, home=home, root=root)
    walk.hold(place, loose)


def _follow(walk: Walk, table: dict[str, Any], use: Use, value: Any) -> None:
    """Go along the attributes of a variable as far as they are attributes of modules."""
    walk.reason(_unsafe(walk, value))
    for position, name in enumerate(use.chain):
        if is_a(value, ModuleType):
            entries = value.__dict__
            if walk.libraries.of_module(value.__name__) == "user":
                if name not in entries:
                    walk.missing(entries, name, f"global {name!r} in module {value.__name__}")
                    walk.see(entries.get("__getattr__"), None)
                    return
                last = position + 1 == len(use.chain)
                _hold_global(walk, entries, name, loose=last and not use.type_test)
            value = entries.get(name, ABSENT)
        elif is_a(value, type) and walk.libraries.of_class(value) != "user":
            value = getattr(value, name, ABSENT)
        else:
            if is_a(value, FunctionType) and walk.libraries.of_function(value) == "user":
                walk.open(id(value), partial(function_table, value))
            return
        walk.reason(_unsafe(walk, value))
    if _is_users(walk, value):
        return
    if use.called_bare:
        walk.reason(unseeded(value))
    if opens_globals(value):
        walk.open_module(table, _name(table), whole=True)
    if reads_by_name(value):
        walk.by_name = True
        for function in walk.functions:
            walk.open(id(function), partial(function_table, function))
        if use.constant is not None:
            walk.read_names((use.constant,))
        else:
            walk.read_everything()


def _unsafe(walk: Walk, value: Any) -> str | None:
    """Only what a library made is asked: asking a user's object would run the user's code."""
    return None if _is_users(walk, value) else unsafe(value)


def _is_users(walk: Walk, value: Any) -> bool:
    return value is ABSENT or walk.libraries.of_class(type(value)) == "user"


def _import(walk: Walk, table: dict[str, Any], statement: Import) -> None:
    name = statement.module
    if statement.level:
        package = table.get("__package__") or _name(table).rpartition(".")[0]
        try:
            name = importlib.util.resolve_name("." * statement.level + name, package)
        except ImportError:
            return
    parts = {name, name.partition(".")[0], *(f"{name}.{part}" for part in statement.names)}
    for part in sorted(parts):
        module = sys.modules.get(part)
        if is_a(module, ModuleType):
            walk.see(module, None)
            if walk.libraries.of_module(part) == "user":
                # What is imported anew under this name is another module.
                words = f"the module {part} was imported anew"
                walk.bound.append(State(partial(_module_id, part), words, str))
        elif part in (name, name.partition(".")[0]) and walk.libraries.of_module(part) == "user":
            walk.missing(sys.modules, part, f"module {part}")


def _module_id(name: str) -> int:
    return id(sys.modules.get(name))


def _name(table: dict[str, Any]) -> str:
    name = table.get("__name__")
    return name if isinstance(name, str) else "(without a name)"
