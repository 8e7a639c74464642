"""Which modules are the user's own and which are libraries, whose insides nobody rebinds.

It knows module names and where their files lie. A library is a leaf of the walk: its functions
are told apart by identity and their code is not read. The package of the function that is looked
at is never a library, also when it is installed beside the others.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from types import FunctionType
from typing import Literal

__all__ = ["Libraries", "Origin"]

Origin = Literal["user", "standard", "third", "ours"]

_OURS = __name__.partition(".")[0]
_OUR_FILES = __file__.rpartition(f"{os.sep}runtime{os.sep}")[0] + os.sep
_THIRD = {"numpy", "scipy"}
_STANDARD_PLACES = tuple(
    {
        place + os.sep
        for key in ("stdlib", "platstdlib")
        for path in [sysconfig.get_paths()[key]]
        for place in (path, os.path.realpath(path))
    }
)
# Function types of compiled modules name no module that could be looked up.
_COMPILED = ("_cython", "pybind11", "nanobind")
_INSTALLED = ("site-packages", "dist-packages")


class Libraries:
    """Says of a module, function or class whether it is the user's.

    Parameters
    ----------
    home : set of str
        Top-level packages that are the user's wherever they are installed.

    Examples
    --------
    >>> Libraries(set()).of_module("math"), Libraries(set()).of_module("numpy.linalg")
    ('standard', 'third')
    """

    def __init__(self, home: set[str]) -> None:
        fixed = _THIRD | {_OURS, "builtins"}
        self._home = {name for name in home if name not in fixed and _where(name) != "standard"}
        self._known: dict[str, Origin] = {}

    def of_module(self, name: str) -> Origin:
        """The origin of the module called ``name``."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._decide(name)
        return known

    def of_function(self, function: FunctionType) -> Origin:
        """The origin of a Python function: of the module whose globals it reads."""
        # Not __module__: functools.wraps copies that from the wrapped function.
        name = function.__globals__.get("__name__")
        file = function.__code__.co_filename
        if file.startswith("<glassgrad"):  # code made by us
            return "ours"
        origin = self.of_module(name) if isinstance(name, str) else "user"
        # The examples in our docstrings run with our globals, but stand in no file of ours.
        return "user" if origin == "ours" and not file.startswith(_OUR_FILES) else origin

    def of_class(self, cls: type) -> Origin:
        """The origin of a class."""
        name = getattr(cls, "__module__", None)
        if not isinstance(name, str):
            return "user"
        if name == "builtins" and cls.__flags__ & (1 << 9):
            # A class made by exec without a module name says "builtins"; the real ones are static.
            return "user"
        origin = self.of_module(name)
        if origin == "ours":
            entries = getattr(sys.modules.get(name), "__dict__", {})
            return "ours" if cls.__qualname__.partition(".")[0] in entries else "user"
        return origin

    def _decide(self, name: str) -> Origin:
        top = name.partition(".")[0]
        if top == "__main__" or top in self._home:
            return "user"
        if top == _OURS:
            return "ours"
        return "third" if top in _THIRD or top.startswith(_COMPILED) else _where(name)


def _where(name: str) -> Origin:
    """The origin by the place of the module's file."""
    top = name.partition(".")[0]
    module = sys.modules.get(name) or sys.modules.get(top)
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        return "standard" if top in sys.stdlib_module_names else "user"
    if any(f"{os.sep}{part}{os.sep}" in file for part in _INSTALLED):
        return "third"
    return "standard" if file.startswith(_STANDARD_PLACES) else "user"
