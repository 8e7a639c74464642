"""How a gate is declared: once, in the notes' terms, and everything else follows from it.

A declaration names the NumPy object it answers for, says what the gate does to a gradient, gives
sample inputs for the generic test, and holds the local gradient as plain NumPy. Bookkeeping
(summing after broadcasting, accumulation, dtype) is backpropagation's, never a rule's.

=============  ==============================================  ===============================
form           the rule takes                                  and returns
=============  ==============================================  ===============================
elementwise    inputs..., output                               dy/dx for each input
linear         input, upstream gradient                        the transpose applied to it
bilinear       a, b, ..., upstream gradient                    the transposes applied to it
general        inputs..., output(s), upstream gradient(s)      the gradient of each input
flat           nothing: the derivative is zero or undefined    --
=============  ==============================================  ===============================

Rules are traced like any user code when a backward circuit is built: they may look at shapes
and at static arguments, never at values. ``None`` in place of a gradient means: no path; a
function without arguments is asked for the gradient only where its input needs one.
This file knows nothing of tracing or of backpropagation.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.circuit import Op, WireType
from glassgrad.errors import UnsupportedError

__all__ = [
    "FUNCTIONS",
    "OPS",
    "Answer",
    "Case",
    "Scatter",
    "alias",
    "bilinear",
    "careful",
    "case",
    "composed",
    "elementwise",
    "flat",
    "flowing",
    "general",
    "linear",
    "literal",
]


@dataclass(frozen=True)
class Case:
    """One sample call of a gate for the generic test: inputs and static arguments."""

    args: tuple[Any, ...]
    static: Mapping[str, Any] = field(default_factory=dict)


def case(*args: Any, **static: Any) -> Case:
    """A sample call with static arguments, such as ``case(x, axis=1)``."""
    return Case(args, static)


@dataclass(frozen=True)
class Scatter:
    """A gradient that touches only part of its input: `value`, to be added at `index`.

    Indexing returns it, so that a loop over the elements of an array accumulates in place.
    """

    template: tuple[Any, ...]
    indices: tuple[Any, ...]
    value: Any


@dataclass(frozen=True)
class Answer:
    """What answers for a NumPy object: an op with its argument binding, or a composition."""

    op: Op | None
    bind: Callable[[tuple[Any, ...], Mapping[str, Any]], tuple[tuple[Any, ...], dict[str, Any]]]
    compose: Callable[..., Any] | None = None


OPS: dict[str, Op] = {}
FUNCTIONS: dict[Any, Answer] = {}

Rule = Callable[..., Any]


def _register(op: Op, answer: Answer | None) -> Op:
    if op.name in OPS:
        raise ValueError(f"two gates are named {op.name}")
    OPS[op.name] = op
    if answer is not None:
        _answer(op.key, answer)
    return op


def _answer(key: Any, answer: Answer) -> None:
    if key in FUNCTIONS:
        raise ValueError(f"two gates answer for {key}")
    FUNCTIONS[key] = answer


def alias(op: Op, *others: Any) -> Op:
    """Let `op` also answer for other objects with the same signature (``np.amax`` for max)."""
    for other in others:
        if other not in FUNCTIONS:  # NumPy's own aliases are often one object
            FUNCTIONS[other] = FUNCTIONS[op.key]
    return op


def composed(*keys: Any) -> Callable[[Rule], Rule]:
    """Answer for a NumPy function by composing other NumPy functions, under its own signature."""

    def declare(function: Rule) -> Rule:
        for key in keys:
            _answer(key, Answer(None, lambda args, kwargs: (args, dict(kwargs)), function))
        return function

    return declare


def elementwise(
    numpy: Callable[..., Any],
    *,
    says: str,
    examples: Sequence[Any],
    singular: bool = False,
    **spellings: Callable[..., Any],
) -> Callable[[Rule], Op]:
    """Declare a gate whose output element depends on the input elements at the same place.

    Parameters
    ----------
    numpy : callable
        The ufunc (or ufunc-like function) this gate answers for.
    says : str
        What the gate does to a gradient, in one sentence.
    examples : sequence of tuple
        Sample inputs, one number each.
    singular : bool
        The local gradient can be infinite or NaN where the value exists.
    **spellings : callable
        ``math=math.exp``, ``operator=operator.mul``: other callables that mean the same.
    """

    def declare(rule: Rule) -> Op:
        op = Op(
            rule.__name__, numpy, "elementwise", rule, says, _cases(examples),
            singular=singular, key=numpy, elementwise=True, spellings=spellings,
        )  # fmt: skip
        return _register(op, Answer(op, _positional(numpy)))

    return declare


def linear(
    numpy: Callable[..., Any], *, says: str, examples: Sequence[Any], views: bool = False,
    shape: Callable[..., Any] | None = None, key: Any = None, bind: Any = None,
) -> Callable[[Rule], Op]:  # fmt: skip
    """Declare a gate that is linear in its one input (or in all inputs of a sequence together)."""

    def declare(rule: Rule) -> Op:
        op = Op(rule.__name__, numpy, "linear", rule, says, _cases(examples), views=views,
                key=key or numpy, shape=shape)  # fmt: skip
        return _register(op, Answer(op, bind or _binding(rule, key or numpy, 1)))

    return declare


def bilinear(
    numpy: Callable[..., Any], *, says: str, examples: Sequence[Any],
    shape: Callable[..., Any] | None = None, key: Any = None, bind: Any = None,
    **spellings: Callable[..., Any],
) -> Callable[[Rule], Op]:  # fmt: skip
    """Declare a gate that is linear in each of its inputs: give the transposes."""

    def declare(rule: Rule) -> Op:
        op = Op(rule.__name__, numpy, "bilinear", rule, says, _cases(examples), key=key or numpy,
                shape=shape, spellings=spellings)  # fmt: skip
        return _register(op, Answer(op, bind or _binding(rule, key or numpy, 1)))

    return declare


def general(
    numpy: Callable[..., Any], *, says: str, examples: Sequence[Any], outputs: int = 1,
    singular: bool = False, elementwise: bool = False, effect: bool = False, views: bool = False,
    shape: Callable[..., Any] | None = None, key: Any = None, bind: Any = None,
    **spellings: Callable[..., Any],
) -> Callable[[Rule], Op]:  # fmt: skip
    """Declare a gate by its backward rule: inputs, output(s), upstream gradient(s) -> gradients."""

    def declare(rule: Rule) -> Op:
        op = Op(rule.__name__, numpy, "general", rule, says, _cases(examples), outputs=outputs,
                singular=singular, elementwise=elementwise, effect=effect, views=views,
                key=key or numpy,
                shape=shape, spellings=spellings)  # fmt: skip
        return _register(op, Answer(op, bind or _binding(rule, key or numpy, 2)))

    return declare


def flat(
    name: str, numpy: Callable[..., Any], *, says: str, examples: Sequence[Any],
    operands: Sequence[str] = (), elementwise: bool = False, views: bool = False,
    effect: bool = False, shape: Callable[..., Any] | None = None, key: Any = None,
    bind: Any = None, **spellings: Callable[..., Any],
) -> Op:  # fmt: skip
    """Declare a gate without a gradient: it is flat (floor), discrete (argmax) or a comparison."""
    op = Op(name, numpy, "flat", None, says, _cases(examples), elementwise=elementwise, views=views,
            effect=effect, key=key or numpy, shape=shape, spellings=spellings)  # fmt: skip
    if bind is None:
        bind = _positional(numpy) if not operands else _named(operands, key or numpy)
    return _register(op, Answer(op, bind))


def _cases(examples: Sequence[Any]) -> tuple[Case, ...]:
    return tuple(e if isinstance(e, Case) else Case(tuple(e)) for e in examples)


# Binding: from a call as NumPy takes it to (inputs, static arguments).


def _positional(numpy: Callable[..., Any]) -> Any:
    name = getattr(numpy, "__name__", str(numpy))

    def bind(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        if kwargs:
            raise UnsupportedError(f"{name} with {', '.join(kwargs)}= is not supported")
        return args, {}

    return bind


def _binding(rule: Rule, numpy: Any, extra: int) -> Any:
    """The binding a rule's own signature spells out.

    Positional parameters but the last `extra` ones (output, upstream) are the inputs, by NumPy's
    own parameter names; ``*arrays`` means a sequence of inputs; keyword-only ones are static.
    """
    parameters = list(inspect.signature(rule).parameters.values())
    variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if variadic:
        return _sequence(_signature(numpy)[0][0], numpy)
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    return _named(positional[: len(positional) - extra], numpy,
                  [p.name for p in parameters if p.kind is p.KEYWORD_ONLY])  # fmt: skip


def _signature(numpy: Any) -> tuple[list[str], dict[str, Any]]:
    parameters = inspect.signature(numpy).parameters.values()
    order = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return order, {p.name: p.default for p in parameters}


def _named(operands: Sequence[str], numpy: Any, known: Sequence[str] = ()) -> Any:
    order, defaults = _signature(numpy)
    missing = [n for n in (*operands, *known) if n not in defaults]
    if missing:
        raise ValueError(f"{numpy.__name__} has no parameter {missing}; it has {list(defaults)}")
    inputs, allowed = tuple(operands), set(known)

    def bind(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        given = _given(numpy, order, args, kwargs)
        values = tuple([given.pop(n) for n in inputs])
        return values, _static(numpy, given, defaults, allowed)

    return bind


def _sequence(name: str, numpy: Any) -> Any:
    order, defaults = _signature(numpy)

    def bind(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        given = _given(numpy, order, args, kwargs)
        values = tuple(given.pop(name))
        return values, _static(numpy, given, defaults, set(defaults))

    return bind


def _given(
    numpy: Any, order: list[str], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    if len(args) > len(order):
        raise TypeError(f"{numpy.__name__}() takes {len(order)} positional arguments")
    given = dict(zip(order, args, strict=False))
    given.update(kwargs)
    return given


def _static(
    numpy: Any, given: dict[str, Any], defaults: dict[str, Any], allowed: set[str]
) -> dict[str, Any]:
    static = {}
    for name, value in given.items():
        if name not in defaults:
            raise TypeError(f"{numpy.__name__}() got an unexpected keyword argument '{name}'")
        default = defaults[name]
        if value is default or (type(value) is type(default) and _same(value, default)):
            continue
        if name not in allowed:
            raise UnsupportedError(
                f"numpy.{numpy.__name__} with {name}={value!r} is not supported on a traced value"
            )
        static[name] = tuple(value) if isinstance(value, list) else value
    return static


def _same(value: Any, default: Any) -> bool:
    return not isinstance(value, np.ndarray) and bool(value == default)


def careful(*values: Any) -> bool:
    """Whether a rule is to spell out what only matters at edge points (see `passes.backprop`)."""
    return any(getattr(getattr(v, "tape", None), "careful", False) for v in values)


class _Flowing(threading.local):
    """The numbers on wires among the inputs of the gate whose rule runs on numbers just now."""

    values: Sequence[Any] = ()


flowing = _Flowing()


def literal(value: Any) -> bool:
    """Whether an input of a gate is a number in the user's code: the one value a rule may look at.

    It is asked of inputs as they came, not of what was computed from them.
    """
    if not isinstance(value, (int, float)) or hasattr(value, "wire"):
        return False
    return all([value is not v for v in flowing.values])


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of an array, a number or a traced value."""
    return np.shape(x)


def same_type(*types: WireType) -> WireType:
    """A shape rule: the output is like the first input, as an array."""
    return WireType.of("array", types[0].shape, types[0].dtype)
