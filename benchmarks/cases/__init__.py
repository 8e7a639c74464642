"""Every case, found by its file: a file in this folder is a case, and holds one `CASE` or more.

A new case is one new file, with nothing to add here; `ORDER` only says which come first.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from benchmarks.case import Case

ORDER = ("notes", "rosenbrock", "logistic", "mlp", "attention", "mixture", "nbody", "bundle")


def _find() -> dict[str, Case]:
    files = [module.name for module in iter_modules(__path__)]
    files.sort(key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    modules = [import_module(f"{__name__}.{name}") for name in files]
    found = [case for module in modules for case in vars(module).values() if type(case) is Case]
    cases = {case.name: case for case in found}
    if len(cases) != len(found):
        raise ValueError("two cases have one name")
    return cases


CASES = _find()
