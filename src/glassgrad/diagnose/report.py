"""What a diagnosis says: findings with their numbers, lines and mends, as text and as JSON.

It knows the words around a finding; nothing of how one is made.
"""

from __future__ import annotations

import json
import math
import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, overload

__all__ = ["KINDS", "Diagnosis", "Finding", "Severity"]

Severity = Literal["error", "warning", "note"]

#: Every kind of finding, with its title.
KINDS: Mapping[str, str] = {
    "not-finite-value": "the value is not finite",
    "not-finite-gradient": "a gradient is not finite",
    "hidden-nan": "a branch that was not taken is not finite",
    "rounded-away": "digits were rounded away",
    "overflow-risk": "an exponential is close to the edge",
    "vanishing": "gradients vanish",
    "exploding": "gradients explode",
    "dead-units": "units are dead",
    "saturated-units": "units are saturated",
    "input-scale": "inputs are on different scales",
    "zero-gradient": "a gradient is exactly zero",
}
_RANK = {"error": 0, "warning": 1, "note": 2}
_WIDTH = 100


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    severity : str
        "error": value or gradient is wrong or not finite; "warning": right, but training suffers;
        "note": worth knowing, may be meant.
    says : str
        What was found, in words and numbers.
    mend : str
        What to do about it.
    line : int or None
        The line of the user's source.
    statement : str
        What stands there.
    file : str
        The file it stands in; empty where there is none.
    wires : tuple of str
        The wires concerned, the most important one first, as one would write them.
    shown : tuple of str
        The same wires as they are named in `Backprop.wires`; what stands inside a longer statement
        is the statement's wire.
    numbers : mapping
        The numbers of `says`, by name.
    """

    kind: str
    severity: Severity
    says: str
    mend: str
    line: int | None = None
    statement: str = ""
    file: str = ""
    wires: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The kind in words."""
        return KINDS[self.kind]

    def as_dict(self) -> dict[str, Any]:
        """All of it as what JSON knows; numbers that are not finite are strings."""
        return {
            "kind": self.kind, "severity": self.severity, "title": self.title, "says": self.says,
            "mend": self.mend, "file": self.file, "line": self.line, "statement": self.statement,
            "wires": list(self.wires), "shown": list(self.shown), "numbers": {k: _plain(v) for k, v in self.numbers.items()},
        }  # fmt: skip

    def __str__(self) -> str:
        at = "" if self.line is None else f", line {self.line}"
        head = [f"{self.severity}: {self.title}{at}"]
        if self.statement:
            head.append("    " + textwrap.shorten(self.statement, _WIDTH - 4, placeholder=" ..."))
        return "\n".join([*head, _filled(self.says), _filled(f"mend: {self.mend}")])


class Diagnosis(Sequence[Finding]):
    """What `Backprop.diagnose` found: a sequence of findings, the gravest first; empty if all is well.

    Examples
    --------
    >>> import numpy as np
    >>> import glassgrad as gg
    >>> print(gg.backprop(lambda x: np.sum(x**2), np.ones(3)).diagnose())
    nothing to report
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._findings = tuple(
            sorted(findings, key=lambda f: (_RANK[f.severity], [*KINDS].index(f.kind)))
        )

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, index: int | slice) -> Finding | tuple[Finding, ...]:
        return self._findings[index]

    def __len__(self) -> int:
        return len(self._findings)

    def of(self, kind: str) -> tuple[Finding, ...]:
        """The findings of one kind."""
        return tuple(f for f in self._findings if f.kind == kind)

    def as_dict(self) -> list[dict[str, Any]]:
        """Every finding as what JSON knows."""
        return [f.as_dict() for f in self._findings]

    def json(self) -> str:
        """The findings as JSON text: a list of objects."""
        return json.dumps(self.as_dict(), indent=2, allow_nan=False)

    def __str__(self) -> str:
        if not self._findings:
            return "nothing to report"
        n = len(self._findings)
        files = {f.file for f in self._findings if f.file}
        at = f" in {os.path.basename(next(iter(files)))}" if len(files) == 1 else ""
        return "\n\n".join([f"{n} finding{'' if n == 1 else 's'}{at}", *map(str, self._findings)])

    def __repr__(self) -> str:
        return f"<diagnosis: {', '.join(f.kind for f in self._findings) or 'nothing to report'}>"


def _filled(text: str) -> str:
    """Lines of at most `_WIDTH` characters; a percent sign stays with its number."""
    filled = textwrap.fill(text.replace(" %", "\0%"), _WIDTH, initial_indent="  ", subsequent_indent="  ",
                           break_long_words=False, break_on_hyphens=False)  # fmt: skip
    return filled.replace("\0", " ")


def _plain(value: float) -> float | int | str:
    if isinstance(value, bool | int):
        return int(value)
    value = float(value)
    return value if math.isfinite(value) else str(value)
