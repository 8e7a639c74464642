"""Recording: from calls on traced values to the gates of a circuit.

A *concrete* trace runs the user's function on real values and writes down what happened; a
*symbolic* trace runs the rules of gates on types alone. This file knows how a gate is recorded,
what Python was told (guards) and which trace is active; it does not know operators, methods or
NumPy's protocols, which live on the traced values (`values.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Gate, Op, Operand, Place, Wire, WireType, infer
from glassgrad.circuit.model import FLOAT, type_of
from glassgrad.errors import GlassgradError, ShapeError, UnsupportedError
from glassgrad.gates.guards import guard
from glassgrad.tracing.scopes import Scopes
from glassgrad.tracing.source import name_of, user_frame, where

__all__ = [
    "ACTIVE",
    "LITERAL",
    "PASSIVE",
    "RUNNING",
    "SymbolicTrace",
    "Trace",
    "current",
    "tracing",
]

# How much a value depends on: nothing but literals, the call's data, or what is differentiated.
LITERAL, PASSIVE, ACTIVE = 0, 1, 2

_thread = threading.local()
#: Not empty while any thread traces: native code asks this before it answers a call.
RUNNING: list[None] = []


def current() -> Trace | None:
    """The innermost concrete trace active on this thread."""
    stack = getattr(_thread, "stack", None)
    return stack[-1] if stack else None


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """Make a trace the active one of this thread."""
    stack = _thread.__dict__.setdefault("stack", [])
    trace.depth = len(stack) + 1
    stack.append(trace)
    RUNNING.append(None)
    try:
        yield trace
    finally:
        RUNNING.pop()
        stack.pop()


class Trace:
    """One run of a Python function, written down as gates.

    Parameters
    ----------
    places : bool
        Also write down the user's line of every gate (for code and pictures; costs time).
    keep : bool
        Keep the values of all wires, as long as they are not overwritten.
    """

    concrete = True

    def __init__(self, places: bool = False, keep: bool = False) -> None:
        self.depth = 0
        self.kept: dict[Operand, Any] | None = {} if keep else None
        self.places = places
        self.statement = 0  # advanced by the line tracer
        self.scopes: Scopes | None = None  # kept by the line tracer
        self.inputs: list[Wire] = []
        self.gates: list[Gate] = []
        self.names: dict[Wire, str] = {}
        self.captured: list[tuple[Wire, Any]] = []  # values of outer traces, by the wire here
        self.notes: set[str] = set()  # what the path did that the layout in memory can decide
        self.given: list[Any] = []  # the arrays among the arguments
        self.borrowed: set[Wire] = set()  # inputs whose memory belongs to an outer trace
        self.backups: dict[Wire, Any] = {}  # arguments as they were before the function wrote there
        self.retrace: str | None = None  # why this path cannot be used again
        self._constants: dict[int, tuple[Any, Constant]] = {}
        self._lifted: dict[int, tuple[Any, Any]] = {}
        self._guarded: set[tuple[Wire, str]] = set()

    # -- values in ---------------------------------------------------------------------------

    def input(self, value: Any, level: int, name: str | None = None) -> Any:
        """A new input of the circuit, as the traced value the user's function gets."""
        wire = Wire(type_of(value))
        self.inputs.append(wire)
        if name:
            self.names[wire] = name
        made = _values.wrap(self, wire, value, level, outside=True)
        if wire.type.kind == "array":
            self.given.append(made)
            self.keep(wire, value, made.storage)
        elif self.kept is not None:
            self.kept[wire] = value
        return made

    def constant(self, value: Any) -> Operand:
        """A plain number or array as an operand.

        Arrays are copied, since the function may write to them later; one copy serves as long as
        the contents stay the same.
        """
        cls = type(value)
        if cls is float or cls is int or cls is bool:
            return Constant(value, type_of(value))
        if isinstance(value, np.generic):
            return Constant(value, type_of(value))
        if cls is not np.ndarray:
            value = _as_array(value)
            return Constant(value, type_of(value))
        known = self._constants.get(id(value))
        if known is not None and known[0] is value and _identical(known[1].value, value):
            return known[1]
        copy = value.copy("K")
        copy.flags.writeable = False
        made = Constant(copy, type_of(copy))
        self._constants[id(value)] = (value, made)
        return made

    def lift(self, traced: Any) -> Any:
        """A value of an outer trace, as a captured input of this one."""
        if traced.tape.depth >= self.depth or traced.tape.finished:
            raise GlassgradError(
                f"a traced value outlived the call it belongs to and is used at {where()}: keep "
                "results by returning them, not by storing them outside the function"
            )
        known = self._lifted.get(id(traced))
        if known is not None and known[0] is traced and known[1].version_seen == traced.seen():
            return known[1]
        lifted = self.input(traced.value, ACTIVE if traced.level == ACTIVE else PASSIVE)
        lifted.version_seen = traced.seen()
        self.captured.append((lifted.wire, traced.snapshot()))
        self.borrowed.add(lifted.wire)
        self._lifted[id(traced)] = (traced, lifted)
        return lifted

    finished = False

    def cannot_repeat(self, reason: str) -> None:
        """Note why the paths being recorded, this one and those around it, serve only once."""
        for trace in {id(t): t for t in (self, *getattr(_thread, "stack", ()))}.values():
            trace.retrace = trace.retrace or reason

    def note(self, what: str) -> None:
        """Note for the paths being recorded what depends on the layout of arrays in memory."""
        for trace in (self, *getattr(_thread, "stack", ())):
            trace.notes.add(what)

    # -- gates -------------------------------------------------------------------------------

    def apply(
        self, op: Op, operands: Sequence[Any], static: Mapping[str, Any], spelling: str = "numpy"
    ) -> Any:
        """Run an op on values and record it; gives the traced result (a tuple for several)."""
        values: list[Any] = []
        wires: list[Operand] = []
        level = LITERAL
        for x in operands:
            cls = type(x)
            if cls is _values.TracedScalar or cls is _values.TracedArray:
                if x.tape is not self:
                    x = self.lift(x)
                values.append(x.value)
                wires.append(x.wire)
                if x.level > level:
                    level = x.level
            elif cls is float:
                values.append(x)
                wires.append(Constant(x, FLOAT))
            else:
                operand = self.constant(x)
                values.append(operand.value if cls is np.ndarray else x)  # type: ignore[union-attr]
                wires.append(operand)
        try:
            result = op.spelled(spelling)(*values, **static)
        except Exception as error:
            self.cannot_repeat(f"{op.name} raised {type(error).__name__} while it was traced")
            raise _explained(op, operands, values, error) from error
        if not op.differentiable and level == ACTIVE:
            level = PASSIVE
        if op.outputs == 1:
            first = operands[0] if op.views else None
            if isinstance(first, _values.TracedArray) and type(result) is np.ndarray:
                if first.value.ndim > 1 and op.name in ("reshape", "ravel"):
                    self.note("a copy or a view")
                if first.tape is not self:
                    first = self.lift(first)
                if result is first.value:
                    return first
                if np.may_share_memory(result, first.value):
                    wire = self.emit(op, wires, static, (_typed(result, op),), spelling)[0]
                    made = first.view_by(wire, result, op, tuple(operands[1:]), static, spelling)
                    self.keep(wire, result, first.storage)
                    return made
            wire = self.emit(op, wires, static, (_typed(result, op),), spelling)[0]
            return self._made(wire, result, level, values)
        outputs = self.emit(op, wires, static, tuple(_typed(r, op) for r in result), spelling)
        return tuple(self._made(w, r, level, values) for w, r in zip(outputs, result, strict=True))

    def _made(self, wire: Wire, result: Any, level: int, values: Sequence[Any]) -> Any:
        """What an op gave, as a traced value of its own."""
        made = _values.wrap(self, wire, result, level)
        if self.kept is not None:
            if type(result) is not np.ndarray:
                self.kept[wire] = result
            elif not _shared(result, values):
                self.keep(wire, result, made.storage)
        return made

    def keep(self, wire: Wire, value: Any, storage: Any) -> None:
        """Keep the value of an array's wire until its storage is written to."""
        if self.kept is not None:
            self.kept[wire] = value
            storage.kept.append(wire)

    def forget(self, storage: Any) -> None:
        """An array's memory is about to be written to: what was kept of it holds no longer."""
        if self.kept is not None:
            for wire in storage.kept:
                self.kept.pop(wire, None)
            storage.kept.clear()

    def emit(
        self,
        op: Op,
        inputs: Sequence[Operand],
        static: Mapping[str, Any],
        types: tuple[WireType, ...] | None = None,
        spelling: str = "numpy",
    ) -> tuple[Wire, ...]:
        """Append a gate; gives its output wires."""
        if types is None:
            types = infer(op, tuple(i.type for i in inputs), static, inputs)
        outputs = (Wire(types[0]),) if len(types) == 1 else tuple([Wire(t) for t in types])
        place = self._place() if self.places else None
        self.gates.append(Gate(op, tuple(inputs), outputs, static, spelling, place))
        return outputs

    def _place(self) -> Place | None:
        frame = user_frame(3)
        if frame is None:
            return None
        code = frame.f_code
        scope = self.scopes.of(frame) if self.scopes is not None else None
        return Place(code.co_filename, code.co_name, frame.f_lineno, self.statement, scope)

    # -- what Python is told -----------------------------------------------------------------

    def tell(self, traced: Any, how: str, told: Any) -> Any:
        """Hand a value to Python; unless it is a literal, the path is guarded by it from now on."""
        if traced.tape is not self:
            traced.tape.tell(traced, how, told)
        elif traced.level != LITERAL:
            wire = traced.wire
            if (wire, how) not in self._guarded:
                self._guarded.add((wire, how))
                self.emit(guard, (wire,), {"how": how, "told": told}, ())
        return told

    def circuit(self, outputs: Sequence[Operand]) -> Circuit:
        """What was recorded, as a circuit."""
        return Circuit(tuple(self.inputs), tuple(self.gates), tuple(outputs), dict(self.names))


class SymbolicTrace(Trace):
    """Records rules on types alone, without values, behind the gates of an existing circuit."""

    concrete = False
    template: Gate | None = None  # the gate whose rule is running: its place, its spelling
    careful = False  # spell out what only matters at edge points

    def __init__(self, circuit: Circuit | None = None) -> None:
        super().__init__()
        self._symbols: dict[Wire, Any] = {}  # rules only read, so one value a wire will do
        self.depth = 1_000_000
        if circuit is not None:
            self.inputs = list(circuit.inputs)
            self.gates = list(circuit.gates)
            self.names = dict(circuit.names)

    def lift(self, traced: Any) -> Any:
        raise GlassgradError("a rule met a value of another trace")

    def symbol(self, operand: Operand) -> Any:
        """A wire as a traced value; a constant as the number or array it is."""
        if not isinstance(operand, Constant):
            found = self._symbols.get(operand)
            if found is None:
                found = self._symbols[operand] = _values.symbolic(self, operand)
            return found
        if operand.type.kind == "array":
            self._constants.setdefault(id(operand.value), (operand.value, operand))
        return operand.value

    def apply(
        self, op: Op, operands: Sequence[Any], static: Mapping[str, Any], spelling: str = "numpy"
    ) -> Any:
        wires = [x.wire if isinstance(x, _values.Traced) else self.constant(x) for x in operands]
        outputs = self.emit(op, wires, static, None, spelling)
        traced = [_values.symbolic(self, w) for w in outputs]
        return traced[0] if op.outputs == 1 else tuple(traced)

    def constant(self, value: Any) -> Operand:
        if type(value) is np.ndarray:  # a constant that went through a rule is the same constant
            known = self._constants.get(id(value))
            if known is None:
                known = self._constants[id(value)] = (value, Constant(value, type_of(value)))
            return known[1]
        return Constant(value, type_of(value))

    def emit(
        self,
        op: Op,
        inputs: Sequence[Operand],
        static: Mapping[str, Any],
        types: tuple[WireType, ...] | None = None,
        spelling: str = "numpy",
    ) -> tuple[Wire, ...]:
        template = self.template
        place = None
        if template is not None:
            place = template.place
            if op is template.op:  # `.dot` stays `.dot`, as the user wrote
                spelling = template.spelling
        if self.careful and spelling == "operator" and op.name in ("divide", "power", "remainder"):
            spelling = "numpy"  # of Python floats: infinity where Python would raise
        if types is None:
            types = infer(op, tuple([i.type for i in inputs]), static, inputs)
        outputs = tuple([Wire(t) for t in types])
        self.gates.append(Gate(op, tuple(inputs), outputs, static, spelling, place, True, template))
        return outputs


def _typed(result: Any, op: Op) -> WireType:
    cls = type(result)
    if cls is float:
        return FLOAT
    try:
        found = type_of(result)
    except TypeError:
        raise UnsupportedError(
            f"{op.name} gave a {cls.__name__} at {where(user_frame(3))}: only real numbers and "
            "plain arrays can be traced"
        ) from None
    if found.dtype.kind in "cO":
        kind = "complex" if found.dtype.kind == "c" else "object"
        raise UnsupportedError(
            f"{op.name} gave {kind} numbers at {where(user_frame(3))}: only real numbers are "
            "supported; work on real and imaginary parts apart"
        )
    return found


def _shared(result: Any, values: Sequence[Any]) -> bool:
    """Whether an op may have handed on the memory of one of its inputs."""
    for value in values:
        if value is result:
            return True
    return result.base is not None and any(
        [type(v) is np.ndarray and np.may_share_memory(result, v) for v in values]
    )


def _as_array(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        raise UnsupportedError(
            f"{type(value).__name__}, a subclass of ndarray, meets a traced value at {where()}: "
            "convert it with np.asarray first"
        )
    made = np.asarray(value)
    if made.dtype == object:
        raise UnsupportedError(
            f"a {type(value).__name__} meets a traced value at {where()}: numbers, arrays and "
            "nested lists of numbers can take part"
        )
    return made


def _identical(a: Any, b: Any) -> bool:
    return bool(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes())


def _explained(
    op: Op, operands: Sequence[Any], values: Sequence[Any], error: Exception
) -> Exception:
    """A shape mismatch in words, with both wires and the line; any other error as it is."""
    arrays = [(o, np.shape(v)) for o, v in zip(operands, values, strict=True)]
    if not isinstance(error, ValueError) or isinstance(
        error, (GlassgradError, np.linalg.LinAlgError)
    ):
        return error
    if sum(1 for _, shape in arrays if shape) < 2 and "shape" not in str(error):
        return error
    frame = user_frame(3)
    parts = " and ".join(
        f"{name_of(operand, frame) or 'an unnamed value'} {shape}" for operand, shape in arrays
    )
    return ShapeError(f"{op.name}: the shapes of {parts} do not fit, at {where(frame)} ({error})")


# Last, since the traced values need `Trace`: what a trace hands out and takes in.
from glassgrad.tracing import values as _values  # noqa: E402
