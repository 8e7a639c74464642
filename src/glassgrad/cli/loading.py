"""A function in a user's file, and its arguments from an .npz file."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from glassgrad.errors import GlassgradError

__all__ = ["LoadError", "arguments", "function"]


class LoadError(GlassgradError):
    """A function or its arguments could not be loaded."""


def function(target: str) -> Callable[..., Any]:
    """The function named by ``file.py:name``; the file is run, as any import runs it.

    Raises
    ------
    LoadError
        There is no such file, or no such function in it.
    """
    path, _, name = target.rpartition(":")
    file = Path(path)
    if not file.is_file():
        raise LoadError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise LoadError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    sys.path.insert(0, str(file.resolve().parent))
    spec.loader.exec_module(module)
    found = getattr(module, name, None)
    if not callable(found):
        names = [n for n, v in vars(module).items() if inspect.isfunction(v)]
        raise LoadError(f"{path} has no function {name!r}; it has {', '.join(names) or 'none'}")
    return found  # type: ignore[no-any-return]


def arguments(called: Callable[..., Any], file: str) -> dict[str, Any]:
    """The arguments of a function by name, from an .npz file; 0-d arrays become floats.

    Raises
    ------
    LoadError
        The names in the file are not the function's parameters.
    """
    if not Path(file).is_file():
        raise LoadError(f"there is no file {file}")
    try:
        with np.load(file, allow_pickle=False) as data:
            values = {name: data[name] for name in data.files}
    except (ValueError, OSError, AttributeError) as error:
        raise LoadError(f"{file} is no .npz file of plain arrays ({error})") from None
    parameters = inspect.signature(called).parameters.values()
    takes = [p.name for p in parameters]
    needed = [p.name for p in parameters if p.default is p.empty]
    missing, extra = [n for n in needed if n not in values], [n for n in values if n not in takes]
    if missing or extra:
        raise LoadError(
            f"{file} holds {', '.join(values) or 'nothing'}; the function takes "
            f"{', '.join(takes)}"
            + (f"; missing: {', '.join(missing)}" if missing else "")
            + (f"; unknown: {', '.join(extra)}" if extra else "")
        )
    return {n: _plain(values[n]) for n in takes if n in values}


def _plain(value: Any) -> Any:
    return float(value) if value.ndim == 0 and value.dtype.kind in "fiu" else value
