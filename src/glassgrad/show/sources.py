"""The user's source around the gates: each function that made one, whole, with its line numbers.

Knows files and lines; functions are found by parsing the file, as only their names are recorded.
"""

from __future__ import annotations

import ast
import linecache
import os
from typing import Any

__all__ = ["Sources"]

_LONGEST = 400  # lines of one function; beyond, what stands around its gates


class Sources:
    """Collects the functions that gates come from; each has a number.

    Examples
    --------
    >>> Sources().texts()
    []
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, int], int] = {}
        self._lines: list[set[int]] = []
        self._spans: dict[str, list[tuple[int, int]]] = {}

    def number(self, file: str, function: str, line: int) -> int:
        """The number of the function that a line stands in."""
        first, _ = self._span(file, line)
        key = (file, function, first)
        if key not in self._found:
            self._found[key] = len(self._lines)
            self._lines.append(set())
        found = self._found[key]
        self._lines[found].add(line)
        return found

    def texts(self) -> list[dict[str, Any]]:
        """Name, file, number of the first line, and the lines of each function."""
        return [
            self._text(file, function, lines)
            for (file, function, _), lines in zip(self._found, self._lines, strict=True)
        ]

    def _text(self, file: str, function: str, lines: set[int]) -> dict[str, Any]:
        first, last = self._span(file, min(lines))
        if last - first >= _LONGEST:
            first, last = (
                max(first, min(lines) - 2),
                min(last, max(lines) + 2, min(lines) + _LONGEST),
            )
        text = linecache.getlines(file)[first - 1 : last]
        indent = min((len(t) - len(t.lstrip()) for t in text if t.strip()), default=0)
        return {"name": function, "file": os.path.basename(file), "first": first,
                "lines": [t.rstrip()[indent:] for t in text]}  # fmt: skip

    def _span(self, file: str, line: int) -> tuple[int, int]:
        """First and last line of the innermost function around a line; of the statement, outside."""
        if file not in self._spans:
            self._spans[file] = _spans(file)
        around = [s for s in self._spans[file] if s[0] <= line <= s[1]]
        return max(around, default=(line, line))


def _spans(file: str) -> list[tuple[int, int]]:
    """First and last lines of all functions, and of the statements that stand in none."""
    text = "".join(linecache.getlines(file))
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [(1, text.count("\n") + 1)]
    found = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            start = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            found.append((start, node.end_lineno or node.lineno))
    found += [(n.lineno, n.end_lineno or n.lineno) for n in tree.body
              if not isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))]  # fmt: skip
    return found
