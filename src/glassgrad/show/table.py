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

from glassgrad.microscope import Backprop, WireRecord

__all__ = ["render", "short", "table"]

_WIDTH = 100


def table(record: Backprop) -> str:
    """The table as text, with colours if standard output is a terminal that wants them."""
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    target = io.StringIO()
    console = Console(
        file=target, width=_WIDTH, force_terminal=colour, no_color=not colour, highlight=False,
        color_system="standard" if colour else None, legacy_windows=False,
    )  # fmt: skip
    console.print(render(record))
    return "\n".join(line.rstrip() for line in target.getvalue().rstrip().splitlines())


def render(record: Backprop) -> Group:
    """The table as a rich renderable."""
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", width=_WIDTH)
    grid.add_column("line", justify="right", no_wrap=True, style="dim")
    grid.add_column("statement", ratio=30, overflow="fold")
    grid.add_column("value", ratio=19, style="green", overflow="fold")
    grid.add_column("gradient", ratio=19, style="red", overflow="fold")
    grid.add_column("local gradients, and what the gate does", ratio=32, overflow="fold")
    for wire in record.wires:
        grid.add_row(
            "" if wire.line is None else str(wire.line),
            Text(wire.statement or wire.name),
            short(wire.value),
            "" if wire.gradient is None else short(wire.gradient),
            _gate(wire),
        )
    return Group(grid)


def _gate(wire: WireRecord) -> Text:
    if wire.op == "input":
        return Text("input", style="dim")
    text = Text()
    if wire.local:
        pairs = [f"d/d{name} {_number(v)}" for name, v in wire.local.items()]
        text.append(", ".join(pairs) + "\n", style="cyan")
    name = {"maximum": "max", "minimum": "min"}.get(wire.op, wire.op)
    text.append(f"{name}: {wire.says}" if wire.says else name, style="dim")
    return text


def short(value: Any) -> str:
    """A value in few words: a number, or an array's shape, mean and range."""
    if not np.ndim(value):
        return _number(value)
    array = np.asarray(value)
    shape = "x".join(map(str, array.shape))
    if not array.size:
        return f"{shape} empty"
    if array.dtype.kind not in "fiu":
        return f"{shape} {array.dtype}"
    with np.errstate(all="ignore"):
        low, high, mean = array.min(), array.max(), array.mean()
    if low == high:
        return f"{shape} all {_number(low)}"
    return f"{shape} mean {mean:.3g} in [{low:.3g}, {high:.3g}]"


def _number(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    return f"{value:.6g}"
