"""What a circuit is: wires, constants, gates, ops and the circuit itself.

All of it is immutable data without values and without gradients: the values of one evaluation
live in a separate record (a *run*). This file does not know how a circuit is made, changed,
run or shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import numpy as np

Kind: TypeAlias = Literal["array", "numpy", "python"]
Rule: TypeAlias = Callable[..., Any]
Form: TypeAlias = Literal["elementwise", "linear", "bilinear", "general", "flat"]


class WireType:
    """Shape, dtype and kind of a value; one object for each combination, compared by identity.

    The kind tells an ``ndarray`` ("array") from a NumPy scalar ("numpy") and from a Python number
    ("python"), because NumPy's promotion rules (NEP 50) and its results depend on it.
    """

    __slots__ = ("dtype", "kind", "ndim", "shape")
    kind: Kind
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    ndim: int
    _known: dict[tuple[Kind, tuple[int, ...], np.dtype[Any]], WireType] = {}  # noqa: RUF012

    @classmethod
    def of(cls, kind: Kind, shape: tuple[int, ...], dtype: np.dtype[Any]) -> WireType:
        """The one WireType with this kind, shape and dtype."""
        key = (kind, shape, dtype)
        found = cls._known.get(key)
        if found is None:
            found = object.__new__(cls)
            found.kind, found.shape, found.dtype, found.ndim = kind, shape, dtype, len(shape)
            found = cls._known.setdefault(key, found)
        return found

    @property
    def size(self) -> int:
        """Number of elements."""
        size = 1
        for n in self.shape:
            size *= n
        return size

    @property
    def real(self) -> bool:
        """Whether it holds real floating-point numbers, the ones that have gradients."""
        return self.dtype.kind == "f"

    def __repr__(self) -> str:
        if self.kind == "python":
            return {"f": "float", "i": "int", "b": "bool"}.get(self.dtype.kind, str(self.dtype))
        short = self.dtype.kind + str(8 * self.dtype.itemsize)
        if self.dtype.kind == "b":
            short = "bool"
        if self.kind == "numpy":
            return short
        return f"{short}[{','.join(map(str, self.shape))}]"


FLOAT = WireType.of("python", (), np.dtype(np.float64))
INT = WireType.of("python", (), np.dtype(np.int64))
BOOL = WireType.of("python", (), np.dtype(np.bool_))
COMPLEX = WireType.of("python", (), np.dtype(np.complex128))
_PYTHON = {float: FLOAT, int: INT, bool: BOOL, complex: COMPLEX}


def type_of(value: Any) -> WireType:
    """The WireType of a number or an array.

    Raises
    ------
    TypeError
        The value is neither.

    Examples
    --------
    >>> import numpy as np
    >>> type_of(2.5), type_of(np.float32(1)), type_of(np.zeros((2, 3)))
    (float, f32, f64[2,3])
    """
    cls = type(value)
    if cls is np.ndarray:
        return WireType.of("array", value.shape, value.dtype)
    found = _PYTHON.get(cls)
    if found is not None:
        return found
    if isinstance(value, np.generic):
        return WireType.of("numpy", (), value.dtype)
    raise TypeError(f"a wire cannot hold {value!r}")


# Wires, constants and gates are made by the hundred thousand and never changed: `Final` fields,
# which the type checker holds, instead of `frozen=True`, which would make each four times dearer.


@dataclass(slots=True, eq=False)
class Wire:
    """One value that flows: what kind of value it is; identity is the object itself."""

    type: Final[WireType]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.type.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.type.dtype

    @property
    def ndim(self) -> int:
        return self.type.ndim


@dataclass(slots=True, eq=False)
class Constant:
    """A number or array that is the same in every evaluation. Its value is never written to."""

    value: Final[Any]
    type: Final[WireType]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.type.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.type.dtype


Operand: TypeAlias = Wire | Constant


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """A part of a run that people see as one: a helper's call, a loop, a turn of a loop.

    Attributes
    ----------
    kind
        "call", "loop" or "turn".
    label
        The helper's name; ``for t`` or ``while`` of a loop and of its turns.
    line
        Where it was called, or where the loop begins.
    number
        Which turn it is, counted from 1; else 0.
    parent
        The scope around it; None for the traced function itself.
    """

    kind: Literal["call", "loop", "turn"]
    label: str
    line: int
    number: int = 0
    parent: Scope | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gate was made: file, function and line, and which statement of the run it was.

    `scope` is the innermost helper or turn of a loop it was made in; None outside of all.
    """

    file: str
    function: str
    line: int
    statement: int = 0
    scope: Scope | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """What every gate of one kind knows. Declared once, in ``gates/``; see ``gates/declare.py``.

    Attributes
    ----------
    name
        Unique name, as in the printed circuit.
    call
        The function the forward pass runs: ``call(*inputs, **static)``.
    form
        How the local gradient is written down: ``elementwise`` gives dy/dx for each input,
        ``linear`` and ``bilinear`` the transposes, ``general`` the backward rule itself;
        ``flat`` has none (its derivative is zero or does not exist).
    rule
        The local gradient, as plain NumPy.
    says
        One sentence for people: what this gate does to a gradient.
    examples
        Sample inputs for the generic gate test.
    views
        The result may share memory with the first input.
    singular
        The local gradient may be infinite or NaN at points where the value exists, so that a
        zero that arrives has to be kept zero (edge-point rule 1).
    effect
        Must stay and keep its order (guards).
    spellings
        Other callables that mean the same op: "operator", "math".
    shape
        Shape rule ``(*types, **static) -> type``, where running on stand-ins would not do.
    """

    name: str
    call: Callable[..., Any]
    form: Form
    rule: Rule | None = None
    says: str = ""
    examples: tuple[Any, ...] = ()
    views: bool = False
    singular: bool = False
    effect: bool = False
    outputs: int = 1
    shape: Callable[..., Any] | None = None
    key: Any = None
    elementwise: bool = False
    spellings: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    def __call__(self, *inputs: Any, **static: Any) -> Any:
        """Compute on arrays, record on traced values: the way rules and compositions use an op.

        Traced values announce themselves by a method, so that this room need not know theirs.
        """
        for value in inputs:
            record = getattr(value, "__glassgrad_apply__", None)
            if record is not None:
                return record(self, inputs, static)
        return self.call(*inputs, **static)

    def spelled(self, spelling: str) -> Callable[..., Any]:
        """The callable for the way the user wrote it."""
        return self.spellings.get(spelling, self.call)

    @property
    def differentiable(self) -> bool:
        return self.form != "flat"

    def __repr__(self) -> str:
        return f"<op {self.name}>"


@dataclass(slots=True, eq=False)
class Gate:
    """One application of an op: inputs in, outputs out.

    ``spelling`` is how the user wrote it ("operator", "numpy", "math", "method"), because
    ``math.exp`` and ``numpy.exp`` of one number may differ in the last bit and in what they raise.
    ``backward`` tells the gates that backpropagation made from the user's own, and ``origin`` the
    gate whose rule made it.
    """

    op: Final[Op]
    inputs: Final[tuple[Operand, ...]]
    outputs: Final[tuple[Wire, ...]]
    static: Final[Mapping[str, Any]] = field(default_factory=dict)
    spelling: Final[str] = "numpy"
    place: Final[Place | None] = None
    backward: Final[bool] = False
    origin: Final[Gate | None] = None

    def with_inputs(self, inputs: tuple[Operand, ...]) -> Gate:
        """The same gate reading other wires."""
        if inputs == self.inputs:
            return self
        return Gate(self.op, inputs, self.outputs, self.static, self.spelling, self.place,
                    self.backward, self.origin)  # fmt: skip

    def with_outputs(self, outputs: tuple[Wire, ...]) -> Gate:
        """The same gate driving other wires."""
        return Gate(self.op, self.inputs, outputs, self.static, self.spelling, self.place,
                    self.backward, self.origin)  # fmt: skip

    @property
    def output(self) -> Wire:
        return self.outputs[0]


@dataclass(frozen=True, slots=True, eq=False)
class Circuit:
    """A straight-line program in single-assignment form: each wire is driven exactly once."""

    inputs: tuple[Wire, ...]
    gates: tuple[Gate, ...]
    outputs: tuple[Operand, ...]
    names: Mapping[Wire, str] = field(default_factory=dict)

    def __str__(self) -> str:
        from glassgrad.circuit.text import text

        return text(self)
