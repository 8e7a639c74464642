"""Gates over lines and matrices of an array: one expression, or one call of a helper, for each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.circuit import Gate
from glassgrad.emit.javascript.cells import Cell, NotScript, formless, nested, number, truth
from glassgrad.emit.javascript.functions import words

if TYPE_CHECKING:
    from glassgrad.emit.javascript.script import _Writer

__all__ = ["ALONG", "MATRICES", "REDUCED", "RUNNING", "along", "matrices", "reduced", "running",
           "searched"]  # fmt: skip

_SINGLE = np.dtype(np.float32)

#: From the elements of a line to one: expressions over ``{each}``, set apart by commas or a sign.
REDUCED: dict[str, tuple[str, str]] = {
    "max": ("Math.max({each})", ", "), "min": ("Math.min({each})", ", "),
    "argmax": ("argmax([{each}])", ", "), "argmin": ("argmin([{each}])", ", "),
    "logsumexp": ("logsumexp([{each}])", ", "),
    "all": ("{each}", " && "), "any": ("{each}", " || "), "count_nonzero": ("{each}", " + "),
}  # fmt: skip

#: From the elements of a line to as many: the helper's name.
ALONG = {"sort": "sorted", "argsort": "argsort", "log_softmax": "log_softmax"}

#: From the elements of a line to as many, one after the other.
RUNNING: dict[str, Callable[[Any, Any], Any]] = {
    "cumsum": lambda a, b: a + b, "cumprod": lambda a, b: a * b,
}  # fmt: skip

#: From a matrix, or each of a batch: the helper's name.
MATRICES = {
    "det": "det", "slogdet": "slogdet", "inv": "inverse", "inverse": "inverse",
    "cofactors": "cofactors", "solve": "solve", "cholesky": "cholesky",
}  # fmt: skip


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """The axes a call names, counted from the front."""
    if axis is None:
        return tuple(range(ndim))
    return tuple([n % ndim for n in (axis if isinstance(axis, tuple) else (axis,))]) if ndim else ()


def _brought(cells: Any, axis: Any) -> Any:
    """An array with some axes put together as its last."""
    axes = _axes(axis, cells.ndim)
    rest = [n for n in range(cells.ndim) if n not in axes]
    length = math.prod([cells.shape[n] for n in axes])
    return cells.transpose(*rest, *axes).reshape(*[cells.shape[n] for n in rest], length)


def _lines(cells: Any, axis: Any) -> Any:
    """The lines of an array along some axes, as the rows of a matrix."""
    flat = _brought(cells, axis)
    return flat.reshape(-1, flat.shape[-1])


def reduced(writer: _Writer, gate: Gate) -> Any:
    """One element of each line."""
    name, static = gate.op.name, gate.static
    if set(static) - {"axis", "keepdims"}:
        raise formless(gate)
    row, sign = REDUCED[name]
    writer.called.update(words(row))
    questions = name in ("all", "any", "count_nonzero")
    rows = _lines(writer.read(gate.inputs[0]), static.get("axis"))
    made = np.empty(len(rows), object)
    for n, cells in enumerate(rows):
        each = [truth(c, writer.rounding) if questions else number(c, writer.rounding)
                for c in cells]  # fmt: skip
        if name == "count_nonzero":
            each = [number(c, writer.rounding) for c in each]
        text = row.format(each=sign.join([c.text for c in each]))
        if gate.output.dtype == _SINGLE:
            text = f"Math.fround({text})"
        made[n] = Cell(text, writer.rounding, 0, name in ("all", "any"))
    return made.reshape(gate.output.shape)


def searched(writer: _Writer, gate: Gate) -> Any:
    """The places of numbers in an ascending line."""
    among, values = gate.inputs
    writer.called.add("place_of")
    after = "true" if gate.static.get("side") == "right" else "false"
    if set(gate.static) - {"side"}:
        raise NotScript("searchsorted with a sorter has no JavaScript form")
    ascending, wanted = nested(writer.texts(among)), writer.texts(values)
    made = np.empty(wanted.shape, object)
    for index in np.ndindex(wanted.shape):
        made[index] = Cell(f"place_of({wanted[index]}, {ascending}, {after})", writer.rounding)
    return made


def along(writer: _Writer, gate: Gate) -> None:
    """Lines of the input, one call for each."""
    name, wire = gate.op.name, gate.output
    if set(gate.static) - {"axis", "kind", "stable"}:
        raise formless(gate)
    axis = gate.static.get("axis", None if name == "log_softmax" else -1)
    names = writer.new_names(wire, gate)
    cells = writer.texts(gate.inputs[0])
    flat = cells.reshape(wire.shape)
    for given, targets in zip(_lines(flat, axis), _lines(names, axis), strict=True):
        if len(given):
            writer.call(ALONG[name], nested(given), [wire], targets)
    writer.values[wire] = writer.as_cells(names, wire)


def running(writer: _Writer, gate: Gate) -> None:
    """Sums and products of all elements up to each, one after the other."""
    wire, together = gate.output, RUNNING[gate.op.name]
    axis = gate.static.get("axis")
    flat = _brought(writer.read(gate.inputs[0]), axis).copy()
    names = _brought(writer.new_names(wire, gate), axis if wire.ndim > 1 else None)
    for index in np.ndindex(flat.shape):
        cell = flat[index]
        if index[-1]:
            cell = together(flat[(*index[:-1], index[-1] - 1)], cell)
        if isinstance(cell, Cell):
            writer.say(f"const {names[index]} = {number(cell, writer.rounding).text};")
            writer.declared.add(names[index])
            cell = Cell(names[index], writer.rounding)
        flat[index] = cell
    if axis is not None and wire.ndim > 1:
        flat = np.moveaxis(flat, -1, axis)
    writer.values[wire] = flat.reshape(wire.shape)


def matrices(writer: _Writer, gate: Gate) -> None:
    """Matrices of a batch, one call for each."""
    name = gate.op.name
    first, *others = [writer.texts(i) for i in gate.inputs]
    vector = bool(others) and others[0].ndim == 1
    if gate.static.get("upper"):
        first = np.swapaxes(first, -1, -2)
    if vector:
        others = [others[0][:, None]]
    targets = [writer.new_names(w, gate) for w in gate.outputs]
    wire = gate.outputs[0]
    core = {"det": 0, "slogdet": 0, "solve": 1 if vector else 2}.get(name, 2)
    batch = wire.shape[: wire.ndim - core]
    first = np.broadcast_to(first, batch + first.shape[-2:])
    others = [np.broadcast_to(o, batch + o.shape[-2:]) for o in others]
    for index in np.ndindex(batch):
        given = ", ".join([nested(x[index]) for x in (first, *others)])
        names = _taken_apart([t[index] for t in targets], core, bool(gate.static.get("upper")))
        if names.size:
            writer.call(MATRICES[name], given, gate.outputs, names)
    for wire, cells in zip(gate.outputs, targets, strict=True):
        writer.values[wire] = writer.as_cells(cells, wire)


def _taken_apart(parts: Sequence[Any], core: int, upper: bool) -> Any:
    """The names of what a helper answers, nested as it answers: a vector is a matrix of one column."""
    if len(parts) > 1 or not core:
        return np.array(parts if len(parts) > 1 else parts[0], object)
    if core == 1:
        return parts[0][:, None]
    return parts[0].T if upper else parts[0]
