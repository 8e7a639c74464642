"""Circuits run as JavaScript in a page: many at once, since each way there and back takes time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Gate, Op, Wire, type_of
from glassgrad.emit.javascript import script

__all__ = ["Runs", "alone"]

_RUN = """(jobs) => jobs.map(([text, calls]) => {
  const evaluate = new Function(text + "return evaluate;")();
  return calls.map((inputs) => evaluate(inputs));
})"""


class Runs:
    """Circuits with inputs, to be evaluated together."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.jobs: list[Any] = []
        self.circuits: list[Circuit] = []

    def add(self, circuit: Circuit, *calls: Sequence[Any]) -> None:
        """One circuit, and the inputs of each of its evaluations."""
        given = [
            [np.asarray(x).astype(object).reshape(-1).tolist() for x in inputs] for inputs in calls
        ]
        given = [[[float(e) for e in x] for x in inputs] for inputs in given]
        self.jobs.append([script(circuit), given])
        self.circuits.append(circuit)

    def results(self) -> list[list[list[Any] | None]]:
        """For each circuit and each of its evaluations the outputs, or None where it left the path."""
        answers = self.page.evaluate(_RUN, self.jobs)
        return [[None if a is None else self._shaped(circuit, a) for a in calls]
                for circuit, calls in zip(self.circuits, answers, strict=True)]  # fmt: skip

    @staticmethod
    def _shaped(circuit: Circuit, answer: list[Any]) -> list[Any]:
        return [np.array(row, float).reshape(o.shape)
                for row, o in zip(answer, circuit.outputs, strict=True)]  # fmt: skip


def alone(op: Op, args: Sequence[Any], static: Any = None) -> tuple[Circuit, list[Any]]:
    """A circuit of one gate with all its operands as inputs, and what NumPy says of it."""
    static = dict(static or {})
    results = op.call(*args, **static)
    results = list(results) if op.outputs > 1 else [results]
    inputs = tuple([Wire(type_of(a)) for a in args])
    outputs = tuple([Wire(type_of(r)) for r in results])
    return Circuit(inputs, (Gate(op, inputs, outputs, static),), outputs), results
