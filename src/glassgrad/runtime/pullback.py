"""Pullbacks: the backward pass of one evaluation, ready for any upstream gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import NotDifferentiableError
from glassgrad.passes import gradient_circuit
from glassgrad.runtime.arguments import ACTIVE, Arguments, parameter_names, resolve
from glassgrad.runtime.gradient import inlined, recorded_call
from glassgrad.runtime.interpret import evaluate
from glassgrad.runtime.paths import gradients_as
from glassgrad.runtime.record import Recorded, fitted_seeds, reached
from glassgrad.tracing import Traced, current

__all__ = ["Pullback", "make_pullback"]


class Pullback:
    """Takes the upstream gradient of one evaluation back to its arguments.

    Attributes
    ----------
    code : str
        The staged code of the forward and the backward pass, with the upstream gradient as input.
    """

    def __init__(
        self, function: Callable[..., Any], arguments: Arguments, recorded: Recorded, inside: bool
    ) -> None:
        self._function = function
        self._arguments = arguments
        self._recorded = recorded
        self._inside = inside
        self._circuits = {
            careful: gradient_circuit(
                recorded.circuit, recorded.active, upstream=True, careful=careful
            )
            for careful in ((True,) if inside else (False,))
        }

    def __call__(self, upstream: Any) -> tuple[Any, ...]:
        """The gradient of each argument for this upstream gradient, shaped like the value."""
        recorded, arguments = self._recorded, self._arguments
        seeds = fitted_seeds(recorded, upstream)
        n = len(recorded.circuit.outputs)
        inside = self._inside or any(isinstance(s, Traced) for s in seeds)
        if inside:
            given = [*arguments.numeric, *recorded.captured, *seeds]
            gradients: Sequence[Any] = inlined(self._circuit(True), given)[n:]
        else:
            gradients = self._run(seeds)[n:]
        rest = iter(gradients)
        leaves = [
            gradients_as(leaf, next(rest)) if role is ACTIVE else None
            for leaf, role in zip(arguments.leaves, arguments.layout.roles, strict=True)
        ]
        return tuple(arguments.layout.rebuild(leaves)[0])

    def _circuit(self, careful: bool) -> Any:
        if careful not in self._circuits:
            recorded = self._recorded
            self._circuits[careful] = gradient_circuit(
                recorded.circuit, recorded.active, upstream=True, careful=careful
            )
        return self._circuits[careful]

    def _run(self, seeds: Sequence[Any]) -> Sequence[Any]:
        values = [*self._recorded.values, *seeds]
        n = len(self._recorded.circuit.outputs)
        try:
            results = evaluate(self._circuit(False), values)
            if not any(np.isnan(g).any() for g in results[n:]):
                return results
        except ArithmeticError:
            pass  # Python's own arithmetic raises where the careful circuit has an answer
        return evaluate(self._circuit(True), values)

    @property
    def code(self) -> str:
        from glassgrad.runtime.staging import staged

        return staged(self._function, self._arguments, upstream=True)


def make_pullback(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, Pullback]:
    """Trace a call with every argument differentiated; see `glassgrad.vjp`."""
    names = parameter_names(function)
    arguments = resolve(args, {}, lambda n: True, names)
    inside = current() is not None
    if inside:
        recorded = recorded_call(function, arguments, False, ())
    else:
        with reached(function, arguments.statics) as outside:
            recorded = recorded_call(function, arguments, False, outside.bindings)
    for operand in recorded.circuit.outputs:
        if operand.type.dtype.kind != "f":
            raise NotDifferentiableError(
                f"the function returned {operand.type}, which has no gradient: return real numbers"
            )
    kept = Recorded(
        recorded.circuit, recorded.active, recorded.captured,
        tuple(v.copy() if isinstance(v, np.ndarray) else v for v in recorded.values),
        recorded.output, recorded.aux, recorded.result, recorded.retrace,
    )  # fmt: skip
    pullback = Pullback(function, arguments, kept, inside)
    if inside:
        given = [*arguments.numeric, *recorded.captured]
        return recorded.output.rebuild(inlined(recorded.circuit, given)), pullback
    return recorded.result, pullback
