"""The short cut from a call to native code: what a call looks like, and what stands ready for it.

Here it is said of each signature how its arguments and its answer are nested, and put together
which native programs may answer while the outside is as it was. The calls themselves no longer
pass here: see `calls.py` among the native files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from glassgrad.emit.native import Answer, Call, Fixed, Item, Nest, Rows, Shape, direct
from glassgrad.runtime.arguments import ACTIVE, STATIC, Arguments
from glassgrad.runtime.outside import Outside
from glassgrad.runtime.paths import Path
from glassgrad.runtime.record import Recorded

__all__ = ["answer_of", "programs_of", "table_of"]

_MOST = 64  # programs that are asked one after the other; the latest ones


class Signature(Protocol):
    """What is known for one signature."""

    @property
    def outside(self) -> Outside: ...

    @property
    def paths(self) -> list[Path]: ...


def answer_of(
    arguments: Arguments, recorded: Recorded, pick: Callable[[Any, Any], Any], value: bool
) -> Answer | None:
    """How calls of this signature look and are answered; None where native code cannot do it.

    Parameters
    ----------
    arguments : Arguments
        A call of this signature.
    recorded : Recorded
        One of its paths.
    pick : callable
        From arguments and keyword arguments to the part that is the gradient.
    value : bool
        Whether the value is given with the gradient.
    """
    layout = arguments.layout
    if recorded.captured or recorded.output.structure is not None:
        return None
    inputs: list[Shape] = []
    gradients: list[Shape] = []
    number, output = 0, len(recorded.circuit.outputs)
    for leaf, role in zip(arguments.leaves, layout.roles, strict=True):
        if role is STATIC:
            inputs.append(Fixed(leaf))
        else:
            # Ints at a differentiated place count as floats.
            inputs.append(Item(number, ints=role is ACTIVE and type(leaf) is float))
            number += 1
        gradients.append(Item(output) if role is ACTIVE else Fixed(None))
        output += role is ACTIVE
    outputs = iter(range(1, len(recorded.circuit.outputs)))
    try:
        args, kwargs = layout.rebuild(inputs)
        call = Call(
            tuple([_nest(a) for a in args]), tuple([(k, _nest(a)) for k, a in kwargs.items()])
        )
        shape = _nest(pick(*layout.rebuild(gradients)))
        if recorded.aux is not None:
            fixed = recorded.aux.fixed
            aux = [Item(next(outputs)) if f is None else Fixed(f[0]) for f in fixed]
            first = _nest(recorded.aux.rebuild_of(aux))
            if value:
                return Answer(call, _pair(_pair(Item(0), first), shape))
            return Answer(call, _pair(shape, first))
    except _OtherNest:
        return None
    return Answer(call, _pair(Item(0), shape) if value else shape)


class _OtherNest(Exception):
    """A nest that is not an exact dict, list or tuple."""


def _pair(a: Shape, b: Shape) -> Nest:
    return Nest(tuple, (a, b))


def _nest(value: Any) -> Shape:
    kind = type(value)
    if kind is Item or kind is Fixed:
        shape: Shape = value
        return shape
    if kind is dict:
        return Nest(dict, tuple([_nest(v) for v in value.values()]), tuple(value))
    if kind is list or kind is tuple:
        return Nest(kind, tuple([_nest(v) for v in value]))
    raise _OtherNest


def programs_of(signatures: Sequence[Signature]) -> list[Callable[..., Any]]:
    """The native programs there are, in the order in which they are asked."""
    return [p.direct for s in signatures for p in s.paths if p.direct is not None][-_MOST:]


def table_of(signatures: Sequence[Signature]) -> tuple[Any, ...] | None:
    """What native code needs to answer calls of these signatures; None where nothing is native."""
    wanted = {id(program) for program in programs_of(signatures)}
    groups = []
    for signature in signatures:
        found = [p.direct for p in signature.paths if id(p.direct) in wanted]
        programs = [program for program in found if program is not None]
        if programs and signature.outside.same():
            rows = Rows()
            signature.outside.rows(rows)
            groups.append((rows, programs))
    return direct(groups) if groups else None
