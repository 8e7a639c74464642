"""Reading and writing at places that values tell: ``x[labels]``, ``y[order] = v``, ``x[mask]``.

Where only constants tell the places, NumPy moves the elements itself; here each element is picked out of all
that may be meant, or each one that may be meant is asked whether it is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.circuit import Constant, Gate
from glassgrad.emit.javascript.cells import Cell, NotScript, Rounding, nested, number, truth
from glassgrad.emit.scalars import index_operands
from glassgrad.gates.indexing import SLOT, joined

if TYPE_CHECKING:
    from glassgrad.emit.javascript.script import _Writer

__all__ = ["at_places", "told_by_values"]

_MANY = 2_000_000  # combinations of places that are laid out here
_ASKED = 20_000  # elements that are asked by one gate


def told_by_values(gate: Gate) -> bool:
    """Whether a gate reads or writes where values tell."""
    return any(not isinstance(i, Constant) for i in index_operands(gate))


def at_places(writer: _Writer, gate: Gate) -> Any:
    """The elements of what a gate reads, or of an array it has written to."""
    if gate.op.name != "getitem" and gate.inputs[1].type.size == 1:
        mask = gate.inputs[2]
        if mask.shape == gate.output.shape and mask.dtype.kind == "b":
            return _masked(writer, gate)
    return _Places(writer, gate).result()


def _masked(writer: _Writer, gate: Gate) -> Any:
    """One number written, or added, wherever a mask is true."""
    source, mask = writer.read(gate.inputs[0]), writer.read(gate.inputs[2])
    value = writer.read(gate.inputs[1]).reshape(-1)[0]
    adds = gate.op.name == "add_at"
    made = np.empty(source.shape, object)
    for index in np.ndindex(source.shape):
        test = truth(mask[index], writer.rounding).text
        made[index] = _changed(source[index], value, [test], adds, writer.rounding)
    return made


class _Places:
    """One gate: the array it reads or writes, and the element of each index for each of its cells."""

    def __init__(self, writer: _Writer, gate: Gate) -> None:
        self.writer, self.gate = writer, gate
        self.source = writer.read(gate.inputs[0])
        self.template = gate.static["template"]
        self.indices = [self.index(i) for i in index_operands(gate)]
        self.axes = self.slots()
        self.cells, self.spots = self.laid_out()
        self.dynamic = [
            n for n, i in enumerate(self.indices) if any(isinstance(c, Cell) for c in i.flat)
        ]

    def result(self) -> Any:
        if self.gate.op.name == "getitem":
            made = np.empty(self.cells, object)
            for at, index in enumerate(np.ndindex(self.cells)):
                made[index] = self.picked(at)
            return made
        return self.written()

    # -- what the places are -----------------------------------------------------------------

    def index(self, operand: Any) -> Any:
        """An index array's elements: whole numbers, or expressions; a mask tells places, too."""
        cells = operand.value if isinstance(operand, Constant) else self.writer.read(operand)
        if operand.dtype.kind != "b":
            return np.asarray(cells).astype(object)
        if isinstance(operand, Constant):
            (places,) = np.nonzero(cells) if np.ndim(cells) == 1 else _refused()
            return places.astype(object)
        if self.template == (SLOT,) and operand.shape == self.source.shape:
            self.source, cells = self.source.reshape(-1), cells.reshape(-1)
        if cells.ndim != 1:
            _refused()
        return self.places_of(cells)

    def places_of(self, mask: Any) -> Any:
        """The places of a mask's truths; how many there are, a guard keeps true."""
        gate, writer = self.gate, self.writer
        shape = gate.output.shape if gate.op.name == "getitem" else gate.inputs[1].shape
        shape = gate.static.get("shape", shape)
        if not shape and gate.op.name != "getitem":
            raise NotScript("a number is written where a mask of some axes tells")
        before = self.template.index(SLOT)
        count = shape[before] if Ellipsis not in self.template[:before] else _refused()
        names = writer.names.of("places", (count,), False)
        writer.called.add("places_of_truths")
        given = nested([truth(c, writer.rounding).text for c in mask])
        if count:
            writer.say(f"const {nested(names)} = places_of_truths({given});")
        writer.declared.update(names.flat)
        return np.array([Cell(n, writer.rounding) for n in names] or [], object)

    def slots(self) -> list[int]:
        """Which axis of the array each index array is for."""
        taken = sum(part is not None and part is not Ellipsis for part in self.template)
        axes, axis = [], 0
        for part in self.template:
            if part is SLOT:
                axes.append(axis)
            if part is Ellipsis:
                axis += self.source.ndim - taken
            elif part is not None:
                axis += 1
        return axes

    def laid_out(self) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
        """The shape of what is read or written, and of each of its cells where it comes from.

        Along axes with an index array that is the place within the index arrays. NumPy tells it
        of an array that is as long there as the index arrays have elements.
        """
        spread = np.broadcast_shapes(*[i.shape for i in self.indices])
        self.indices = [np.broadcast_to(i, spread) for i in self.indices]
        count = math.prod(spread)
        shape = [count if n in self.axes else size for n, size in enumerate(self.source.shape)]
        if math.prod(shape) > _MANY:
            raise NotScript("an index has too many elements")
        numbers = np.arange(math.prod(shape)).reshape(shape)
        order = np.arange(count).reshape(spread)
        found = numbers[joined(self.template, (order,) * len(self.indices))]
        coordinates = np.unravel_index(found.reshape(-1), shape)
        return found.shape, list(zip(*[c.tolist() for c in coordinates], strict=True))

    # -- reading and writing -----------------------------------------------------------------

    def place(self, at: int) -> list[Any]:
        """Where a cell comes from: a number along each axis, or an expression."""
        place: list[Any] = list(self.spots[at])
        for index, axis in zip(self.indices, self.axes, strict=True):
            cell = index.reshape(-1)[place[axis]]
            place[axis] = cell if isinstance(cell, Cell) else int(cell)
        return place

    def picked(self, at: int) -> Cell | Any:
        """One element out of all that may be meant."""
        place, rounding = self.place(at), self.writer.rounding
        axes = [n for n, p in enumerate(place) if isinstance(p, Cell)]
        among = self.source[tuple([slice(None) if n in axes else p for n, p in enumerate(place)])]
        if not axes:
            return among
        self.writer.called.add("at")
        truths = self.gate.output.dtype.kind == "b"
        read = truth if truths else number
        texts = [read(c, rounding).text for c in among.reshape(-1)]
        where = place[axes[0]].text
        if len(axes) > 1:
            where = " + ".join(
                [f"{self.from_front(place[a].text, self.source.shape[a])} * {step}"
                 for a, step in zip(axes, _steps(among.shape), strict=True)]
            )  # fmt: skip
        return Cell(f"at({nested(texts)}, {where})", rounding, is_truth=truths)

    def from_front(self, text: str, length: int) -> str:
        self.writer.called.add("from_front")
        return f"from_front({text}, {length})"

    def written(self) -> Any:
        """The array after all cells are written, or added, one after the other."""
        rounding, adds = self.writer.rounding, self.gate.op.name == "add_at"
        made = self.source.copy()
        values = np.broadcast_to(self.writer.read(self.gate.inputs[1]), self.cells).reshape(-1)
        asked = 0
        for at, value in enumerate(values):
            place = self.place(at)
            axes = [n for n, p in enumerate(place) if isinstance(p, Cell)]
            for spot in np.ndindex(*[made.shape[a] for a in axes]):
                asked += 1
                if asked > _ASKED:
                    raise NotScript("too many elements may be written to")
                here: list[Any] = list(place)
                tests = []
                for axis, n in zip(axes, spot, strict=True):
                    tests.append(f"{self.from_front(place[axis].text, made.shape[axis])} === {n}")
                    here[axis] = n
                made[tuple(here)] = _changed(made[tuple(here)], value, tests, adds, rounding)
        return made.reshape(self.gate.output.shape)


def _changed(old: Any, value: Any, tests: list[str], adds: bool, rounding: Rounding) -> Any:
    """An element after a value was written to it, or added, if the tests hold."""
    if not tests:
        return old + value if adds else value
    given, before = number(value, rounding).text, number(0 if adds else old, rounding).text
    chosen = Cell(f"({' && '.join(tests)} ? {given} : {before})", rounding)
    nothing = not isinstance(old, Cell) and old == 0
    return chosen if not adds or nothing else old + chosen


def _steps(shape: tuple[int, ...]) -> list[int]:
    return [math.prod(shape[n + 1 :]) for n in range(len(shape))]


def _refused() -> Any:
    raise NotScript("a mask of several axes depends on values")
