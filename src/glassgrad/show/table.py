"""The table: the user's statements, one a line, with value, gradient and what each gate does.

Fits 100 columns; coloured by rich on a terminal, plain elsewhere and under NO_COLOR.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import numpy as np
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from glassgrad.microscope import Backprop
from glassgrad.show.graph import graph_of
from glassgrad.show.marks import marks

__all__ = ["render", "short", "table", "wrong"]

_WIDTH = 100


def table(record: Backprop) -> str:
    """The table as text, with colours if standard output is a terminal that wants them."""
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    target = io.StringIO()
    console = Console(
        file=target, width=_WIDTH, force_terminal=colour, no_color=not colour, highlight=False,
        color_system="standard" if colour else None, legacy_windows=False,
        force_jupyter=False,  # else rich shows the table in a notebook, and gives no text
    )  # fmt: skip
    console.print(render(record))
    told = [line.rstrip() for line in target.getvalue().rstrip().splitlines()]
    return "\n".join([*told, *wrong(record)])


def wrong(record: Backprop) -> list[str]:
    """The errors and warnings of the diagnosis, a line each, behind an empty one."""
    found = [m.text for m in marks(record.diagnose(), graph_of(record))]
    return ["", *found, "diagnose() says more"] if found else []


def render(record: Backprop) -> Group:
    """The table as a rich renderable: statements first, then what each kind of gate does."""
    wires = record.wires
    arrays = any(w.shape for w in wires)
    local = any(w.local for w in wires)
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    grid.add_column("line", justify="right", no_wrap=True, style="dim")
    grid.add_column("statement", overflow="fold", min_width=24, max_width=44)
    if arrays:
        grid.add_column("shape", no_wrap=True, style="dim")
    of = ": mean, range" if arrays else ""
    grid.add_column("value" + of, no_wrap=True, style="green")
    grid.add_column("gradient" + of, no_wrap=True, style="red")
    grid.add_column("gate", no_wrap=True)
    if local:
        grid.add_column("local gradients", style="cyan", overflow="fold")
    said: dict[str, str] = {}
    for wire in wires:
        name = _NAMES.get(wire.op, wire.op)
        if wire.says:
            said[name] = wire.says
        cells: list[str | Text] = [
            "" if wire.line is None else str(wire.line),
            Text(wire.statement or wire.name),
        ]
        if arrays:
            cells.append("x".join(map(str, wire.shape)))
        cells += [short(wire.value), "" if wire.gradient is None else short(wire.gradient)]
        cells.append(Text(name, style="dim") if wire.op == "input" else Text(name))
        if local:
            cells.append(", ".join(f"d/d{n} {_number(v)}" for n, v in (wire.local or {}).items()))
        grid.add_row(*cells)
    return Group(grid, Text(""), *[_sentence(name, says) for name, says in said.items()])


_NAMES = {"maximum": "max", "minimum": "min"}


def _sentence(name: str, says: str) -> Text:
    return Text.assemble((name, "bold"), f": {says}")


def short(value: Any) -> str:
    """A value in few words: a number, or an array's mean and range."""
    if not np.ndim(value):
        return _number(value)
    array = np.asarray(value)
    if not array.size:
        return "empty"
    if array.dtype.kind not in "fiu":
        return str(array.dtype)
    with np.errstate(all="ignore"):
        low, high, mean = array.min(), array.max(), array.mean()
    if low == high:
        return f"all {low:.3g}"
    return f"{mean:.2g}, {low:.2g}..{high:.2g}"


def _number(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    return f"{value:.6g}"
