"""A function in a user's file, and its arguments from an .npz file and from the command line.

The file is run, as any import runs it: it is the user's own. What it raises is let through.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from glassgrad.errors import GlassgradError

__all__ = ["LoadError", "arrays", "call", "function"]


class LoadError(GlassgradError):
    """A function or its arguments could not be loaded."""


def function(path: str, name: str) -> Callable[..., Any]:
    """The function of this name in a file.

    Raises
    ------
    LoadError
        There is no such file, or no such function in it.
    """
    file = Path(path)
    if not file.is_file():
        raise LoadError(f"there is no file {path}")
    # Under its own name its dataclasses and pickles work; never under the name of something else.
    known = file.stem in sys.modules or file.stem in sys.stdlib_module_names
    module_name = f"{file.stem}_of_user" if known else file.stem
    spec = importlib.util.spec_from_file_location(module_name, file.resolve())
    if spec is None or spec.loader is None:
        raise LoadError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    sys.path.insert(0, str(file.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(module_name, None)
        raise
    found = getattr(module, name, None)
    if not callable(found):
        names = [n for n, v in vars(module).items() if inspect.isfunction(v)]
        what = "no function" if found is None else "something that is no function by the name of"
        raise LoadError(f"{path} has {what} {name!r}; it has {_and(names)}")
    return found  # type: ignore[no-any-return]


def arrays(file: str) -> dict[str, Any]:
    """What an .npz file holds, by name; numbers in 0-d arrays become floats.

    Raises
    ------
    LoadError
        There is no such file, or it is none of plain arrays.
    """
    if not Path(file).is_file():
        raise LoadError(f"there is no file {file}")
    try:
        data = np.load(file, allow_pickle=False)
        if isinstance(data, np.ndarray):
            raise LoadError(f"{file} holds one array without a name: save it by "
                            "numpy.savez(file, name=array)")  # fmt: skip
        with data:
            return {name: _plain(data[name]) for name in data.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        why = "it holds Python objects" if "allow_pickle" in str(error) else str(error)
        raise LoadError(f"{file} is no .npz file of plain arrays: {why}") from None


def call(
    called: Callable[..., Any], values: Mapping[str, Any], taken: Iterable[str] = ()
) -> tuple[list[Any], dict[str, Any]]:
    """Arguments and keyword arguments for a call of a function with values by name.

    Parameters
    ----------
    called : callable
    values : mapping
        By parameter name.
    taken : iterable of str
        Names that keyword arguments cannot have, because the caller takes them for itself.

    Raises
    ------
    LoadError
        The names are not the function's parameters.

    Examples
    --------
    >>> call(lambda x, y=1.0, *, z: x, {"z": 3.0, "x": 2.0})
    ([2.0], {'z': 3.0})
    """
    try:
        parameters = list(inspect.signature(called).parameters.values())
    except (TypeError, ValueError):
        raise LoadError("the function does not tell the names of its parameters: wrap it in a "
                        "def of your own") from None  # fmt: skip
    takes = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    names = [p.name for p in takes]
    missing = [p.name for p in takes if p.default is p.empty and p.name not in values]
    extra = [] if any(p.kind is p.VAR_KEYWORD for p in parameters) \
        else [n for n in values if n not in names]  # fmt: skip
    if missing or extra:
        raise LoadError(
            f"the function takes {_and(names)}; given: {_and(values)}"
            + (f"; missing: {_and(missing)}" if missing else "")
            + (f"; unknown: {_and(extra)}" if extra else "")
        )
    args = []
    for p in takes:
        if p.name not in values or p.kind is p.KEYWORD_ONLY:
            break  # what follows has to go by keyword
        args.append(values[p.name])
    by_name = {n: v for n, v in values.items() if n not in names[: len(args)]}
    stuck = [p.name for p in takes if p.kind is p.POSITIONAL_ONLY and p.name in by_name]
    stuck += [n for n in by_name if n in set(taken)]
    if stuck:
        left = _and(n for n in names if n not in values)
        mend = f"give {left} as well" if left != "none" else "give it another name or place"
        raise LoadError(f"{_and(stuck)} can only be given by position here: {mend}")
    return args, by_name


def _plain(value: Any) -> Any:
    if value.ndim:
        return value
    return float(value) if value.dtype.kind in "fiu" else value.item()


def _and(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
