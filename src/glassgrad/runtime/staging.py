"""One call looked at closely: recorded with the user's names, differentiated, written as code.

The microscope and a pullback's ``.code`` stand on this; compiled calls never come here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Gate, Operand, Wire
from glassgrad.emit.python.naming import Names, weak_names
from glassgrad.emit.python.staged import Frame, Staged, staged_code
from glassgrad.passes import Backward, backprop, cleaned, recognise
from glassgrad.runtime.arguments import ACTIVE, STATIC, Arguments, Layout
from glassgrad.runtime.interpret import evaluate, evaluate_all
from glassgrad.runtime.paths import nan_value
from glassgrad.runtime.record import Output, Recorded, fitted_seeds, reached, record, scalar_output
from glassgrad.runtime.tree import Structure, unflatten

__all__ = ["Study", "staged", "study"]


@dataclass(frozen=True)
class Study:
    """A named circuit with its backward pass and the values of one evaluation.

    Attributes
    ----------
    recorded
        The forward pass as it was recorded.
    backward
        The circuit of value and gradients before it was cleaned up: a gradient for every wire.
    careful
        Whether this evaluation needed the careful backward pass (an edge point).
    values
        The value of every wire of `backward`.
    recognised
        The gates that stand for a whole pattern.
    """

    function: Callable[..., Any]
    arguments: Arguments
    recorded: Recorded
    backward: Backward
    careful: bool
    upstream: bool
    values: Mapping[Operand, Any]
    recognised: Mapping[Wire, Gate]
    array_names: Mapping[Constant, str]

    @cached_property
    def staged(self) -> Staged:
        """The staged code and its parts."""
        circuit = cleaned(self.backward.circuit)
        weak = dict(weak_names(self.recorded.circuit, self.recorded.circuit.names,
                               self.recognised))  # fmt: skip
        for wire, gradient in self.backward.gradients.items():
            if wire in weak and isinstance(gradient, Wire) and gradient not in weak:
                weak[gradient] = "d" + weak[wire]
        frame = _frame(self.function, self.arguments.layout, self.recorded, circuit, self.upstream,
                       self.arguments)  # fmt: skip
        return staged_code(circuit, frame, weak, self.array_names, self.backward.stages)

    def value_of(self, operand: Operand) -> Any:
        """The value of a wire or constant in this evaluation."""
        return operand.value if isinstance(operand, Constant) else self.values[operand]

    def gradient_of(self, operand: Operand) -> Any:
        """The gradient of the output with respect to a forward wire; None where none flows."""
        gradient = self.gradient_operand(operand)
        return None if gradient is None else self.value_of(gradient)

    def gradient_operand(self, operand: Operand) -> Operand | None:
        """Where in `backward` the gradient of a forward wire is; None where none flows."""
        if isinstance(operand, Constant):
            return None
        gradient = self.backward.gradients.get(operand)
        if gradient is None and operand in self.recorded.active:
            at = self.recorded.active.index(operand) + len(self.recorded.circuit.outputs)
            return self.backward.circuit.outputs[at]  # nothing arrived: zeros
        return gradient


def study(function: Callable[..., Any], arguments: Arguments, upstream: Any = None) -> Study:
    """Record a call with names, differentiate it and evaluate every wire.

    Parameters
    ----------
    function : callable
    arguments : Arguments
    upstream : optional
        The upstream gradient, nested like the result; without it the one output is a scalar.
    """
    with reached(function, arguments.statics) as outside:
        recorded = record(function, arguments.leaves, arguments.layout, bindings=outside.bindings,
                          names=True)  # fmt: skip
    recorded = dataclasses.replace(recorded, circuit=_output_named(function, recorded.circuit))
    if upstream is None:
        scalar_output(function, recorded)
    recognised = recognise(recorded.circuit)
    seeds = fitted_seeds(recorded, upstream) if upstream is not None else []
    given = [*recorded.values, *seeds]
    for careful in (False, True):
        backward = backprop(recorded.circuit, recorded.active, upstream=upstream is not None,
                            careful=careful, recognised=recognised, named=True)  # fmt: skip
        if careful or _sound(backward, recorded, given):
            break
    values = evaluate_all(backward.circuit, given)
    names = {id(array): name for array, name in outside.arrays}
    return Study(function, arguments, recorded, backward, careful, upstream is not None, values,
                 recognised, {c: _identifier(names[i]) for i, c in recorded.arrays if i in names})  # fmt: skip


def _sound(backward: Backward, recorded: Recorded, given: Sequence[Any]) -> bool:
    """Whether the plain backward pass has the answer at this point."""
    try:
        results = evaluate(cleaned(backward.circuit), given)
    except ArithmeticError:
        return False
    if nan_value(results):
        return True
    return not any(np.isnan(g).any() for g in results[len(recorded.circuit.outputs) :])


def staged(function: Callable[..., Any], arguments: Arguments, upstream: bool = False) -> str:
    """The staged code of a call; with `upstream` the outputs' gradients are arguments too."""
    if not upstream:
        return study(function, arguments).staged.code
    with reached(function, arguments.statics) as outside:
        recorded = record(function, arguments.leaves, arguments.layout, bindings=outside.bindings)
    ones = [np.ones(o.shape, o.dtype) if o.type.kind == "array" else o.dtype.type(1)
            for o in recorded.circuit.outputs]  # fmt: skip
    return study(function, arguments, recorded.output.rebuild(ones)).staged.code


def _output_named(function: Callable[..., Any], circuit: Circuit) -> Circuit:
    """An output the user did not name is named after the function."""
    name = getattr(function, "__name__", "value")
    name = name if name.isidentifier() and name != "_" else "value"
    names = dict(circuit.names)
    for operand in circuit.outputs:
        if isinstance(operand, Wire) and operand not in names:
            names[operand] = name
    return dataclasses.replace(circuit, names=names)


def _identifier(text: str) -> str:
    """'self.W' as W, 'params["W1"]' as W1: the last word of a path."""
    word = "".join(c if c.isalnum() or c == "_" else " " for c in text).split()
    return next((w for w in reversed(word) if w.isidentifier()), "constant")


# -- what stands around the statements -------------------------------------------------------------


def _frame(
    function: Callable[..., Any], layout: Layout, recorded: Recorded, circuit: Circuit,
    upstream: bool, arguments: Arguments,
) -> Frame:  # fmt: skip
    from glassgrad.runtime.arguments import parameter_names

    labels = parameter_names(function)
    names = list(layout.names)
    parameters: list[str] = []
    fixed: list[str] = []  # for each parameter its default; empty where it has none
    unpack: list[str] = []
    shapes: list[tuple[str, Structure, list[str]]] = []  # for the result
    at = 0
    taken = Names(set(names))
    groups = [(labels[n] if n < len(labels) else f"x{n}", structure, size)
              for n, (structure, size) in enumerate(layout.positional)]  # fmt: skip
    groups += list(layout.keywords)
    for label, structure, size in groups:
        leaves = names[at : at + size]
        roles = layout.roles[at : at + size]
        if structure is None:
            parameters.append(leaves[0])
            fixed.append(_default(arguments.leaves[at]) if roles[0] is STATIC else "")
        else:
            label = taken.unique(label)
            parameters.append(label)
            fixed.append("")
            unpack += [f"{leaf} = {path}" for leaf, path, role
                       in zip(leaves, _paths(label, structure, size), roles, strict=True)
                       if role is not STATIC]  # fmt: skip
        if any(role is ACTIVE for role in roles):
            shapes.append((label, structure, [n if r is ACTIVE else "None"
                                              for n, r in zip(leaves, roles, strict=True)]))  # fmt: skip
        at += size
    seeds = circuit.inputs[len(recorded.circuit.inputs) :] if upstream else ()
    # A parameter after one with a default has to have one, too.
    last = len(parameters)
    while not seeds and last and fixed[last - 1]:
        last -= 1
        parameters[last] += f"={fixed[last]}"
    n_forward = len(recorded.circuit.outputs)

    def result(outputs: Sequence[str]) -> str:
        value = _literal(recorded.output, outputs[:n_forward])
        rest = iter(outputs[n_forward:])
        parts = []
        for label, structure, leaves in shapes:
            filled = [next(rest) if leaf != "None" else "None" for leaf in leaves]
            parts.append(_written(structure, filled, label))
        return f"{value}, ({', '.join(parts)}{',' if len(parts) == 1 else ''})"

    name = getattr(function, "__name__", "f")
    name = name if name.isidentifier() else "f"
    note = f"Value and gradient of {name}, gate by gate."
    return Frame(f"{name}_and_gradient", parameters, unpack, result, note, seeds)


def _default(value: Any) -> str:
    """What is neither number nor array as source text; empty where it cannot be written down."""
    return repr(value) if type(value) in (str, bytes, bool, int, type(None)) else ""


class _Part:
    """Stands for a part of a nested argument: writes down how it is reached."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _paths(label: str, structure: Structure, size: int) -> list[str]:
    """How each leaf of a nested argument is reached, as source text."""
    nest = unflatten(structure, list(range(size)))
    found: dict[int, str] = {}

    def walk(value: Any, path: str) -> None:
        if type(value) is int:
            found[value] = path
        elif isinstance(value, dict):
            for key, part in value.items():
                walk(part, f"{path}[{key!r}]")
        elif hasattr(value, "_fields"):
            for key in value._fields:
                walk(getattr(value, key), f"{path}.{key}")
        elif isinstance(value, (list, tuple)):
            for n, part in enumerate(value):
                walk(part, f"{path}[{n}]")
        elif dataclasses.is_dataclass(value):
            for each in dataclasses.fields(value):
                walk(getattr(value, each.name), f"{path}.{each.name}")

    walk(nest, label)
    return [found[n] for n in range(size)]


def _written(structure: Structure, leaves: Sequence[str], label: str) -> str:
    """A nest with these texts as leaves, as source text."""
    if structure is None:
        return leaves[0]
    return _text(unflatten(structure, [_Part(leaf) for leaf in leaves]), label)


def _text(value: Any, path: str) -> str:
    """A nest of parts, written down; `path` is how one with its structure is reached."""
    if isinstance(value, _Part):
        return value.text
    if isinstance(value, dict):
        inside = [f"{k!r}: {_text(v, f'{path}[{k!r}]')}" for k, v in value.items()]
        return "{" + ", ".join(inside) + "}"
    if isinstance(value, (list, tuple)):
        parts = [_text(v, f"{path}[{n}]") for n, v in enumerate(value)]
        if hasattr(value, "_fields"):
            return f"type({path})({', '.join(parts)})"
        if isinstance(value, list):
            return "[" + ", ".join(parts) + "]"
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    names = [f.name for f in dataclasses.fields(value)]
    fields = [f"{n}={_text(getattr(value, n), f'{path}.{n}')}" for n in names]
    return f"type({path})({', '.join(fields)})"


def _literal(output: Output, texts: Sequence[str]) -> str:
    rest = iter(texts)
    leaves = [next(rest) if f is None else repr(f[0]) for f in output.fixed]
    return _written(output.structure, leaves, "value")
