"""What gives another answer at each call, or leaves a mark outside: no path with it is kept.

It knows library functions by module and name (clocks, global random generators, files, the
terminal, code run from text) and the functions that read attributes by a name no bytecode shows.
What changes but can be compared, such as a random generator the user made, is not in here.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from types import AsyncGeneratorType, CoroutineType, GeneratorType, ModuleType
from typing import Any

import numpy as np

from .values import is_a

__all__ = [
    "draws_on",
    "file_methods",
    "opens_globals",
    "reads_by_name",
    "unsafe",
    "unsafe_modules",
    "unseeded",
]

_NOBODY = object()  # never the owner of a method
_CLOCK = "the clock"
_PRINT = "prints or reads at the terminal"
_FILE = "reads or writes a file"
_LOG = "writes to a log"
_CHANCE = "draws random numbers from the system"
_SETTING = "reads the environment of the process"
_TEXT = "runs code from text"

_FUNCTIONS: dict[str, dict[str, str]] = {
    "builtins": dict.fromkeys(("print", "input", "breakpoint"), _PRINT)
    | dict.fromkeys(("eval", "exec"), _TEXT),
    "io": {"open": _FILE},
    "_io": {"open": _FILE},
    "os": {"getenv": _SETTING},
    "posix": {"urandom": _CHANCE, "getcwd": _SETTING},
    "nt": {"urandom": _CHANCE, "getcwd": _SETTING},
    "uuid": {"uuid1": _CHANCE, "uuid4": _CHANCE},
    "secrets": dict.fromkeys(("choice", "randbelow", "randbits", "token_bytes"), _CHANCE),
    "logging": dict.fromkeys(
        ("debug", "info", "warning", "error", "critical", "exception", "log"), _LOG
    ),
    "importlib": {"import_module": "imports a module by a computed name"},
    "numpy.random": dict.fromkeys(
        ("seed", "get_bit_generator", "set_bit_generator"), "uses NumPy's global random generator"
    ),
    "numpy": dict.fromkeys(
        ("load", "loadtxt", "genfromtxt", "fromfile", "memmap", "save", "savez", "savetxt"), _FILE
    ),
}
_SEEDED = {"Random", "RandomState", "SeedSequence", "default_rng"} | {
    "MT19937",
    "PCG64",
    "PCG64DXSM",
    "Philox",
    "SFC64",
}
_FILE_METHODS = {"read_bytes", "read_text", "savefig", "tofile", "write_bytes", "write_text"}
_TIMELESS = {"asctime", "gmtime", "mktime", "strptime", "struct_time"}
_BY_NAME: dict[str, set[str]] = {
    "builtins": {"getattr", "setattr", "hasattr", "delattr", "vars", "dir"},
    "copy": {"copy", "deepcopy"},
    "dataclasses": {"asdict", "astuple", "replace", "fields"},
    "inspect": {"getmembers", "getattr_static"},
    "operator": {"attrgetter", "methodcaller"},
    "pickle": {"dumps"},
    "_pickle": {"dumps"},
}
_MODULES = {*_FUNCTIONS} | {"random", "time", "sys", "datetime"}


def unsafe(value: Any) -> str | None:
    """Why a value read by the code makes the result unsafe to keep, or None.

    Examples
    --------
    >>> import math, time
    >>> unsafe(time.time)
    'time.time: the clock'
    >>> unsafe(math.exp)
    """
    owner = getattr(value, "__self__", None)
    name = _text(value, "__name__")
    if owner is not None and not isinstance(owner, ModuleType):
        if owner is getattr(sys.modules.get("random"), "_inst", _NOBODY):
            return f"random.{name}: uses Python's global random generator"
        if owner is np.random.mtrand._rand:
            return f"np.random.{name}: uses NumPy's global random generator"
        if isinstance(owner, type) and name in ("now", "utcnow", "today"):
            return f"{owner.__name__}.{name}: {_CLOCK}"
        return None
    module = _text(value, "__module__")
    if module == "time" and callable(value) and name not in _TIMELESS:
        return f"time.{name}: {_CLOCK}"
    reason = _FUNCTIONS.get(module, {}).get(name)
    if reason is not None:
        prefix = "" if module in ("builtins", "_io", "io") else f"{_shown(module)}."
        return f"{prefix}{name}: {reason}"
    if isinstance(value, io.IOBase):
        return f"{getattr(value, 'name', 'a stream')}: {_PRINT if _is_terminal(value) else _FILE}"
    if type(value).__name__ == "_Environ":
        return f"os.environ: {_SETTING}"
    if any(c.__module__ == "logging" and c.__name__ == "Logger" for c in type(value).__mro__):
        return f"a logger: {_LOG}"
    return None


def unseeded(value: Any) -> str | None:
    """Why calling ``value`` without an argument is unsafe, or None: generators seeded by chance.

    Examples
    --------
    >>> import numpy as np
    >>> unseeded(np.random.default_rng)
    'default_rng without a seed: draws random numbers from the system'
    """
    name = _text(value, "__name__")
    module = _text(value, "__module__")
    if name in _SEEDED and module.startswith(("numpy.random", "random")):
        return f"{name} without a seed: {_CHANCE}"
    return None


def file_methods(names: frozenset[str]) -> list[str]:
    """Reasons for the attribute names that hardly mean anything but a file's contents."""
    return [f"{name}: {_FILE}" for name in sorted(_FILE_METHODS & names)]


def draws_on(value: Any) -> bool:
    """Whether a value is an iterator that each reading moves on, and that cannot be compared."""
    if is_a(value, GeneratorType, CoroutineType, AsyncGeneratorType):
        return True
    return issubclass(type(value), Iterator) and type(value).__module__ in ("builtins", "itertools")


def reads_by_name(value: Any) -> bool:
    """Whether a function reads attributes by names that no bytecode shows (``getattr``, ...)."""
    return _text(value, "__name__") in _BY_NAME.get(_text(value, "__module__"), ())


def opens_globals(value: Any) -> bool:
    """Whether a function hands out the whole table of globals."""
    return value is globals


def unsafe_modules(name: str) -> bool:
    """Whether the library module ``name`` has functions that are unsafe."""
    return name in _MODULES


def _text(value: Any, attribute: str) -> str:
    text = getattr(value, attribute, "")
    return text if isinstance(text, str) else ""


def _shown(module: str) -> str:
    return {"numpy": "np", "posix": "os", "nt": "os", "numpy.random": "np.random"}.get(
        module, module
    )


def _is_terminal(value: Any) -> bool:
    return value in (sys.stdin, sys.stdout, sys.stderr)
