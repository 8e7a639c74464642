"""The diagnosis on a picture: a number at the wire that a finding is about, a line that says it.

Notes, which may be meant, are not marked: a picture has room for what is wrong, no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glassgrad.diagnose import Finding
from glassgrad.show.graph import Graph

__all__ = ["Mark", "marks"]

_MOST = 5  # findings with a line of their own


@dataclass(frozen=True)
class Mark:
    """One finding on a picture.

    Attributes
    ----------
    number
        What stands at the wire and before the line; 0 for the line that counts the rest.
    text
        The line.
    wires
        Numbers of the wires concerned; the most important one first.
    """

    number: int
    text: str
    wires: tuple[int, ...]


def marks(findings: Sequence[Finding], graph: Graph) -> tuple[Mark, ...]:
    """The marks of a diagnosis, errors first."""
    told = [f for f in findings if f.severity != "note"]
    numbers = {w.name: n for n, w in enumerate(graph.wires) if w.name}
    found = []
    for number, finding in enumerate(told[:_MOST], 1):
        at = f", line {finding.line}" if finding.line is not None else ""
        wires = tuple(numbers[name] for name in finding.shown if name in numbers)
        names = f": {finding.wires[0]}" if finding.wires else ""
        found.append(Mark(number, f"{finding.severity}: {finding.title}{at}{names}", wires))
    if len(told) > _MOST:
        found.append(Mark(0, f"and {len(told) - _MOST} more in the diagnosis", ()))
    return tuple(found)
