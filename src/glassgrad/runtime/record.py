"""Recording one call: the user's function run on traced values, down to a forward circuit.

Knows arguments, results and effects on the outside; does not know gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Operand, Wire, type_of
from glassgrad.errors import NotScalarError, ShapeError
from glassgrad.runtime.arguments import ACTIVE, STATIC, Layout
from glassgrad.runtime.outside import Outside, look
from glassgrad.runtime.tree import Structure, flatten, unflatten
from glassgrad.tracing import PASSIVE, Trace, Traced, routed, tracing
from glassgrad.tracing.effects import settle
from glassgrad.tracing.names import collecting_names
from glassgrad.tracing.routing import stand_in_for
from glassgrad.tracing.source import below_here
from glassgrad.tracing.trace import ACTIVE as ACTIVE_LEVEL

__all__ = ["Output", "Recorded", "fitted_seeds", "reached", "record", "scalar_output"]


@dataclass(frozen=True)
class Output:
    """How a result is put together: leaves that are outputs of the circuit, the others fixed.

    Attributes
    ----------
    structure
        Structure of the result.
    fixed
        For each leaf None, or (value,) where it does not come out of the circuit.
    """

    structure: Structure
    fixed: tuple[tuple[Any] | None, ...]

    def rebuild(self, values: Sequence[Any]) -> Any:
        rest = iter(values)
        return self.rebuild_of([next(rest) if f is None else f[0] for f in self.fixed])

    def rebuild_of(self, leaves: Sequence[Any]) -> Any:
        """The result with these leaves, fixed ones too."""
        return unflatten(self.structure, leaves)


@dataclass(frozen=True)
class Recorded:
    """A forward circuit and all that is needed to run it again.

    Attributes
    ----------
    circuit
        Inputs are the numeric leaves of the call, then what was captured from outer traces.
    active
        The inputs that are differentiated.
    captured
        Values of outer traces, behind the circuit's own inputs.
    values
        The values the inputs had in this run.
    output, aux
        How the function's result, and with ``has_aux`` what came with it, is put together.
    result
        The result's values in this run.
    retrace
        Why this path must not be used again, or None.
    arrays
        The constants made of plain arrays, with the ids of those arrays.
    strides
        Of the inputs, where it matters: the function wrote to an array after a reshape, which is
        a view or a copy depending on how the array lies in memory.
    kept
        The values of this run's wires, but for those that were overwritten; where asked for.
    """

    circuit: Circuit
    active: tuple[Wire, ...]
    captured: tuple[Any, ...]
    values: tuple[Any, ...]
    output: Output
    aux: Output | None
    result: Any
    retrace: str | None
    arrays: tuple[tuple[int, Constant], ...] = ()
    strides: tuple[Any, ...] | None = None
    kept: dict[Operand, Any] | None = None

    def laid_out_like(self, values: Sequence[Any]) -> bool:
        """Whether the arrays lie in memory as they did; it decides what a write reaches."""
        return self.strides is None or self.strides == _strides(values)


def record(
    function: Callable[..., Any],
    leaves: Sequence[Any],
    layout: Layout,
    *,
    has_aux: bool = False,
    bindings: Sequence[Any] = (),
    names: bool = False,
    keep: bool = False,
) -> Recorded:
    """Run the function once on traced values and give what it did as a circuit."""
    trace = Trace(places=names, keep=keep)
    traced: list[Any] = []
    active: list[Wire] = []
    values: list[Any] = []
    with routed(bindings), tracing(trace), below_here():
        for leaf, role, name in zip(leaves, layout.roles, layout.names, strict=True):
            if role is STATIC:
                traced.append(leaf)
                continue
            value = leaf.value if isinstance(leaf, Traced) else leaf
            if role is ACTIVE and type(value) is int:
                value = float(value)
            value = _fresh(value)
            outer_active = isinstance(leaf, Traced) and leaf.level == ACTIVE_LEVEL
            level = ACTIVE_LEVEL if role is ACTIVE or outer_active else PASSIVE
            made = trace.input(value, level, name)
            if isinstance(leaf, Traced):
                trace.borrowed.add(made.wire)
            values.append(value)
            traced.append(made)
            if role is ACTIVE:
                active.append(made.wire)
        args, kwargs = layout.rebuild(traced)
        wires = list(trace.inputs)
        try:
            with collecting_names(trace, function) if names else nullcontext():
                result = stand_in_for(function)(*args, **kwargs)
        finally:
            trace.finished = True
    aux_value = None
    if has_aux:
        if not isinstance(result, tuple) or len(result) != 2:
            raise NotScalarError(
                "has_aux=True: the function must return a pair (value, aux), not "
                f"{type(result).__name__}"
            )
        result, aux_value = result
    outputs: list[Operand] = []
    output = _output(trace, result, outputs)
    aux = _output(trace, aux_value, outputs) if has_aux else None
    captured = [t for _, t in trace.captured]
    inputs = [*wires, *[w for w, _ in trace.captured]]
    circuit = Circuit(tuple(inputs), tuple(trace.gates), tuple(outputs), dict(trace.names))
    before = [trace.backups.get(w, v) for w, v in zip(wires, values, strict=True)]
    return Recorded(
        circuit, tuple(active), tuple(captured),
        (*before, *[t.value for t in captured]), output, aux, _plain(result), trace.retrace,
        tuple((i, c) for i, (_, c) in trace._constants.items()),
        _strides(values) if len(trace.notes) == 2 else None, trace.kept,
    )  # fmt: skip


def _strides(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple([v.strides if isinstance(v, np.ndarray) else None for v in values])


@contextmanager
def reached(function: Callable[..., Any], statics: Sequence[Any]) -> Iterator[Outside]:
    """What a call reaches outside its arguments; what it leaves there is plain afterwards."""
    outside = look(function, *statics)
    try:
        yield outside
    finally:
        if not outside.same():
            settle(look(function, *statics).bindings)


def _fresh(value: Any) -> Any:
    """An object of our own for each array, so that one passed twice is two wires."""
    return value[...] if type(value) is np.ndarray and value.ndim else value


def _output(trace: Trace, result: Any, outputs: list[Operand]) -> Output:
    leaves, structure = flatten(result)
    fixed: list[tuple[Any] | None] = []
    for leaf in leaves:
        if isinstance(leaf, Traced):
            if leaf.tape is not trace:
                leaf = trace.lift(leaf)
            outputs.append(leaf.wire)
            fixed.append(None)
        elif type(leaf) in (float, int, np.ndarray) or isinstance(leaf, np.generic):
            value = leaf.copy() if isinstance(leaf, np.ndarray) else leaf
            outputs.append(Constant(value, type_of(value)))
            fixed.append(None)
        else:
            fixed.append((leaf,))
    return Output(structure, tuple(fixed))


def _plain(value: Any) -> Any:
    leaves, structure = flatten(value)
    return unflatten(structure, [v.value if isinstance(v, Traced) else v for v in leaves])


# What is not written in Python (a formula) says in its own words how it becomes one number.
_MEND = ("Return a scalar (np.sum, np.mean, ...), or use gg.vjp to pull an upstream gradient "
         "back")  # fmt: skip


def scalar_output(function: Callable[..., Any], recorded: Recorded) -> None:
    """A gradient needs one real number.

    Raises
    ------
    NotScalarError
        The function returned something else.
    """
    output = recorded.output
    outputs = recorded.circuit.outputs[: sum(f is None for f in output.fixed)]
    if output.structure is None and len(outputs) == 1:
        type_ = outputs[0].type
        if not type_.shape and type_.dtype.kind in "fiub":
            return
        what = f"an array of shape {type_.shape}"
    elif output.structure is None:
        what = f"a {type(recorded.result).__name__}"
    else:
        what = f"a {type(recorded.result).__name__} of {len(output.fixed)} values"
    raise NotScalarError(
        f"{getattr(function, '__name__', 'the function')} returned {what}, but a gradient is of "
        f"one number. {getattr(function, '__glassgrad_mend__', _MEND)}"
    )


def fitted_seeds(recorded: Recorded, upstream: Any) -> list[Any]:
    """The leaves of an upstream gradient, each as its output is.

    Raises
    ------
    ShapeError
        It is not shaped like the value.
    """
    leaves, structure = flatten(upstream)
    output = recorded.output
    if structure != output.structure:
        raise ShapeError(
            f"the upstream gradient is a {type(upstream).__name__}; it must be nested like the "
            f"value, a {type(recorded.result).__name__}"
        )
    leaves = [leaf for leaf, f in zip(leaves, output.fixed, strict=True) if f is None]
    seeds: list[Any] = []
    for leaf, operand in zip(leaves, recorded.circuit.outputs, strict=True):
        type_ = operand.type
        if np.shape(leaf) != type_.shape:
            raise ShapeError(
                f"the upstream gradient has shape {np.shape(leaf)}, the value {type_.shape}: "
                "they must be equal"
            )
        if isinstance(leaf, Traced):
            seeds.append(leaf)
        elif type_.kind == "array":
            seeds.append(np.asarray(leaf, type_.dtype))
        else:
            seeds.append(float(leaf) if type_.kind == "python" else type_.dtype.type(leaf))
    return seeds
