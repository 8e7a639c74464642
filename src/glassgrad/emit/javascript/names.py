"""Names in emitted JavaScript: the circuit's own wherever JavaScript takes them, each given once."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["Names", "allowed"]

# Reserved words of ECMAScript in strict mode, and what emitted text itself calls by name.
_RESERVED = {
    "arguments", "await", "break", "case", "catch", "class", "const", "continue", "debugger",
    "default", "delete", "do", "else", "enum", "eval", "export", "extends", "false", "finally",
    "for", "function", "if", "implements", "import", "in", "instanceof", "interface", "let", "new",
    "null", "package", "private", "protected", "public", "return", "static", "super", "switch",
    "this", "throw", "true", "try", "typeof", "var", "void", "while", "with", "yield",
    "BigInt", "BigInt64Array", "Float64Array", "Infinity", "Math", "NaN", "Number", "Object",
    "evaluate", "inputs", "undefined",
}  # fmt: skip
_LONGEST = 60
_OLD = unicodedata.ucd_3_2_0  # letters since Unicode 3.2, which every browser knows


def allowed(name: str) -> bool:
    """Whether a name is an identifier both in Python and, in every browser, in JavaScript."""
    known = all(c.isascii() or _OLD.category(c)[0] == "L" for c in name)
    return name.isidentifier() and known and len(name) <= _LONGEST


class Names:
    """Gives out identifiers.

    Parameters
    ----------
    users : iterable of str
        Names of the circuit, which no name of ours may take.
    helpers : iterable of str
        What is declared besides.
    """

    def __init__(self, users: Iterable[str], helpers: Iterable[str]) -> None:
        self.users = set(users)
        self.taken = _RESERVED | set(helpers)
        self._next: dict[str, int] = {}  # smaller numbers are all taken

    def of(self, wanted: str, shape: tuple[int, ...], of_user: bool) -> Any:
        """An identifier for each element of an array: q, or q_0, q_1, ...; q_2 is its second value."""
        avoided = self.taken if of_user else self.taken | self.users
        n = self._next.get(wanted, 1)
        while True:
            base = wanted if n == 1 else f"{wanted}_{n}"
            made = np.empty(shape, object)
            for index in np.ndindex(shape):
                made[index] = "_".join([base, *map(str, index)])
            found = {base, *made.flat}
            n += 1
            if found.isdisjoint(avoided):
                break
        self._next[wanted] = n
        self.taken |= found
        return made
