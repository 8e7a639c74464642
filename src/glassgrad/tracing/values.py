"""Traced values: what the user's function holds instead of numbers and arrays while it is traced.

They answer operators and NumPy's protocols by recording gates. A traced array has a *storage*,
shared with its views, so that in-place writes mean what they mean in NumPy: the storage counts
its versions, and a view whose version is old reads itself again from its parent.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.circuit import Op, Wire, WireType
from glassgrad.errors import NotDifferentiableError, UnsupportedError
from glassgrad.gates import indexing
from glassgrad.gates.creation import build
from glassgrad.gates.declare import OPS
from glassgrad.tracing.source import where
from glassgrad.tracing.trace import ACTIVE, LITERAL, Trace

__all__ = ["Traced", "TracedArray", "TracedScalar", "apply", "wrap"]


def apply(op: Op, operands: Sequence[Any], static: Mapping[str, Any], spelling: str) -> Any:
    """Record an op on the innermost trace among its operands."""
    trace: Trace | None = None
    for x in operands:
        if isinstance(x, Traced) and (trace is None or x.tape.depth > trace.depth):
            trace = x.tape
    if trace is None:
        return op.spelled(spelling)(*operands, **static)
    return trace.apply(op, operands, static, spelling)


def wrap(trace: Trace, wire: Any, value: Any, level: int, outside: bool = False) -> Any:
    """The traced value for a wire: an array, or a scalar that nobody can write to."""
    if wire.type.kind == "array":
        return TracedArray(trace, wire, value, level, Storage(outside))
    return TracedScalar(trace, wire, value, level)


def symbolic(trace: Trace, wire: Any) -> Any:
    """The value of a wire in a rule: it has no memory, so one storage serves all."""
    if wire.type.kind == "array":
        return TracedArray(trace, wire, None, ACTIVE, _STILL)
    return TracedScalar(trace, wire, None, ACTIVE)


class Traced:
    """What traced scalars and arrays share: operators, protocols, and what they tell Python."""

    __slots__ = ("tape", "version_seen")
    __array_priority__ = 1000.0
    tape: Trace
    value: Any
    wire: Wire
    level: int

    @property
    def type(self) -> WireType:
        return self.wire.type

    def seen(self) -> int:
        """The version of the storage now; scalars have one version only."""
        return 0

    def __glassgrad_apply__(self, op: Op, operands: Sequence[Any], static: Any) -> Any:
        return apply(op, operands, static, "numpy")

    # -- telling Python ----------------------------------------------------------------------

    def _asked(self, question: Any, what: str) -> Any:
        value = self._concrete(what)
        try:
            return question(value)
        except (ValueError, OverflowError):  # int(nan): no guard can stand for it
            self.tape.cannot_repeat(f"{what} of {value} raised while it was traced")
            raise

    def _concrete(self, what: str) -> Any:
        if not self.tape.concrete:
            raise NotDifferentiableError(f"a gate's rule may not look at values ({what})")
        return self.value

    def __bool__(self) -> bool:
        return bool(self.tape.tell(self, "bool", bool(self._concrete("bool"))))

    def __int__(self) -> int:
        return int(self.tape.tell(self, "int", self._asked(int, "int")))

    def __index__(self) -> int:
        return int(self.tape.tell(self, "index", operator.index(self._concrete("index"))))

    def __float__(self) -> float:
        self.refuse_if_active("float(x), or storing x in an array made outside the function,",
                              "keep it as it is, NumPy's functions take it; make the array inside "
                              "the function; int(x), a step, has gradient zero; gg.stop_gradient(x) "
                              "cuts on purpose")  # fmt: skip
        return float(self.tape.tell(self, "float", float(self._concrete("float"))))

    def __complex__(self) -> complex:
        raise UnsupportedError(f"complex numbers are not supported, at {where()}")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        self.refuse_if_active(
            "a function outside NumPy's protocols, or an array made outside the traced function,",
            "use the NumPy function on it (np.dot(W, x), W @ x), make the array inside the "
            "function with np.zeros, np.array, ..., or wrap the call in gg.stop_gradient",
        )
        value = np.array(self._concrete("np.asarray"))
        self.tape.tell(self, "array", value.copy())
        return value if dtype is None else value.astype(dtype)

    def refuse_if_active(self, what: str, mend: str) -> None:
        """Raise rather than cut a gradient in silence."""
        if self.level == ACTIVE and self.tape.concrete:
            raise NotDifferentiableError(
                f"{what} would cut the gradient in silence, at {where()}. Instead: {mend}"
            )

    def __repr__(self) -> str:
        return f"traced {self.type}" + (f" {self.value!r}" if self.tape.concrete else "")

    def __str__(self) -> str:
        return str(self.value) if self.tape.concrete else repr(self)

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if self.tape.concrete else repr(self)

    def __copy__(self) -> Any:
        return copy.deepcopy(self)

    def __reduce__(self) -> Any:
        raise UnsupportedError(f"a traced value cannot be pickled, at {where()}")


class TracedScalar(Traced):
    """A Python number or a NumPy scalar: immutable."""

    __slots__ = ("level", "value", "wire")

    def __init__(self, trace: Trace, wire: Wire, value: Any, level: int) -> None:
        self.tape, self.wire, self.value, self.level = trace, wire, value, level

    def snapshot(self) -> TracedScalar:
        """Give this value as it is now."""
        return self

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        if self.tape.concrete:
            return type(self.value)
        kind = self.wire.type
        return kind.dtype.type if kind.kind == "numpy" else float

    def __deepcopy__(self, memo: Any) -> TracedScalar:
        return self

    def __hash__(self) -> int:
        self.refuse_if_active("hash(x)", "use a plain number as the key")
        return hash(self.tape.tell(self, "value", self._concrete("hash")))

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(f"'{type(self.value).__name__}' object is not iterable")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self.wire.type.kind == "numpy" or not self.tape.concrete:
            found = getattr(TracedArray, name, None)  # a NumPy scalar has an array's methods
            if isinstance(found, property):
                return found.__get__(self)
            if found is not None and name in ARRAY_METHODS:
                return found.__get__(self)
        elif name == "real":
            return self
        if self.tape.concrete and not hasattr(self.value, name):
            raise AttributeError(f"'{type(self.value).__name__}' object has no attribute '{name}'")
        raise MissingMethodError(f".{name} of a traced {self.type} is not supported, at {where()}")


class Storage:
    """The memory behind an array and its views: how often it was written to, and whose it is."""

    __slots__ = ("kept", "outside", "version")

    def __init__(self, outside: bool) -> None:
        self.version = 0
        self.outside = outside
        self.kept: list[Wire] = []  # the wires of which the trace keeps a value in this memory


_STILL = Storage(outside=False)  # of arrays nobody can write to


class TracedArray(Traced):
    """An array: its value, its wire at the version it last saw, and the parent it is a view of."""

    __slots__ = ("_level", "_wire", "how", "parent", "storage", "value", "version")

    def __init__(
        self, trace: Trace, wire: Wire, value: Any, level: int, storage: Storage,
        parent: TracedArray | None = None, how: Any = None,
    ) -> None:  # fmt: skip
        self.tape, self._wire, self.value, self._level = trace, wire, value, level
        self.storage, self.version = storage, storage.version
        self.parent, self.how = parent, how

    # -- reading -----------------------------------------------------------------------------

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return np.ndarray

    @property
    def wire(self) -> Wire:  # type: ignore[override]
        if self.version != self.storage.version:
            self._read_again()
        return self._wire

    @property
    def level(self) -> int:  # type: ignore[override]
        if self.version != self.storage.version:
            self._read_again()
        return self._level

    @property
    def type(self) -> WireType:
        return self._wire.type

    def seen(self) -> int:
        return self.storage.version

    def snapshot(self) -> TracedArray:
        """Give this array as it is now, whatever is written to it later."""
        return TracedArray(self.tape, self.wire, self.value.copy("K"), self.level, Storage(False))

    def _read_again(self) -> None:
        """Somebody wrote to the shared storage: take the view from the parent anew."""
        stale = [self]  # a view of a view of ...: from the array itself down, without recursion
        while (parent := stale[-1].parent) is not None and parent.version != self.storage.version:
            stale.append(parent)
        for view in reversed(stale):
            parent = view.parent
            assert parent is not None, "a storage's own array always knows its newest wire"
            op, rest, static, spelling = view.how
            inputs = [parent._wire, *[x.wire if isinstance(x, Traced) else self.tape.constant(x)
                                      for x in rest]]  # fmt: skip
            view._wire = self.tape.emit(op, inputs, static, (view._wire.type,), spelling)[0]
            view._level = parent._level
            view.version = self.storage.version
            self.tape.keep(view._wire, view.value, self.storage)

    def view_by(
        self, wire: Wire, value: Any, op: Op, rest: Any, static: Any, spelling: str
    ) -> TracedArray:
        """An array that shares this one's storage, got by `op`."""
        how = (op, rest, static, spelling)
        return TracedArray(self.tape, wire, value, self.level, self.storage, self, how)

    # -- writing -----------------------------------------------------------------------------

    def write(self, key: Any, value: Any) -> None:
        """``self[key] = value``: on the real memory, then on the wires of every array it backs."""
        trace = self._writer(value)
        template, indices = indexing.split(key)
        if self._is_own_view(value, template, indices):
            return  # the second half of `y[a:b] += v`, which has already written through the view
        inputs = [self.wire, *self._wires((value, *indices))]
        level = max([self.level, *[x.level for x in (value, *indices) if isinstance(x, Traced)]])
        if isinstance(value, Traced) and value.level == ACTIVE and self.type.dtype.kind != "f":
            raise NotDifferentiableError(
                f"writing a differentiable value into an array of {self.type.dtype} at {where()} "
                "would cut its gradient: make the array with dtype=float"
            )
        self._before_write()
        concrete = indexing.joined(template, tuple(_value(i) for i in indices))
        static = {"template": template}
        if any(np.result_type(_value(i)).kind == "b" for i in indices):
            static["shape"] = self.value[concrete].shape
        try:
            self.value[concrete] = _value(value)
        except Exception:
            trace.cannot_repeat("item assignment raised while it was traced")
            raise
        wire = trace.emit(indexing.setitem, inputs, static, (self.type,), "operator")[0]
        self._commit(wire, level)

    def _is_own_view(self, value: Any, template: Any, indices: Any) -> bool:
        if not isinstance(value, TracedArray) or value.parent is not self:
            return False
        op, rest, static, _ = value.how
        return (
            op is indexing.getitem
            and value.version == self.storage.version
            and static["template"] == template
            and all(a is b for a, b in zip(rest, indices, strict=True))
        )

    def update(self, op: Op, other: Any, spelling: str) -> TracedArray:
        """``self += other`` and the like."""
        trace = self._writer(other)
        if isinstance(other, Traced) and other.level == ACTIVE and self.type.dtype.kind != "f":
            raise NotDifferentiableError(
                f"an in-place operation at {where()} would cut a gradient: the array holds "
                f"{self.type.dtype}; make it with dtype=float"
            )
        inputs = [self.wire, *self._wires((other,))]
        level = max(self.level, other.level if isinstance(other, Traced) else LITERAL)
        self._before_write()
        try:
            op.spelled("inplace")(self.value, _value(other))
        except Exception:
            trace.cannot_repeat("an in-place operation raised while it was traced")
            raise
        wire = trace.emit(op, inputs, {}, None, spelling)[0]
        if wire.type.shape != self.type.shape:
            wire = trace.emit(OPS["broadcast_to"], (wire,), {"shape": self.type.shape})[0]
        if wire.type.dtype != self.type.dtype:
            wire = trace.emit(OPS["astype"], (wire,), {"dtype": self.type.dtype}, (self.type,))[0]
        if wire.type is not self.type:  # a 0-d array stays one
            wire = trace.emit(OPS["array"], (wire,), {"shape": ()}, (self.type,))[0]
        if not self.value.flags.c_contiguous:  # it stays as it lies in memory: later sums round so
            static = {"template": (Ellipsis,)}
            wire = trace.emit(indexing.setitem, (inputs[0], wire), static, (self.type,),
                              "operator")[0]  # fmt: skip
        self._commit(wire, level)
        return self

    def _writer(self, value: Any) -> Trace:
        """The trace that records a write here: the array's own, which must be the innermost."""
        if isinstance(value, Traced) and value.tape.depth > self.tape.depth:
            raise NotDifferentiableError(
                f"at {where()} an inner gradient's function writes to an array made outside it: "
                "return the value instead"
            )
        if not self.tape.concrete:
            raise NotDifferentiableError("a gate's rule may not write in place")
        if self.tape.finished:
            raise NotDifferentiableError(f"a traced array is written to after its call, {where()}")
        return self.tape

    def _wires(self, operands: Sequence[Any]) -> list[Any]:
        trace = self.tape
        return [
            (x if x.tape is trace else trace.lift(x)).wire
            if isinstance(x, Traced)
            else trace.constant(x)
            for x in operands
        ]

    def _before_write(self) -> None:
        """An argument of the call is about to be written to: keep what it was, note the effect."""
        storage = self.storage
        self.tape.note("written")
        self.tape.forget(storage)
        if storage.outside and storage.version == 0:
            root = self
            while root.parent is not None:
                root = root.parent
            if root._wire in self.tape.borrowed:
                raise NotDifferentiableError(
                    f"at {where()} an array made outside the innermost gradient's function is "
                    "written to: copy it first, or return the value instead"
                )
            self._refuse_overlap(root)
            self.tape.backups[root._wire] = root.value.copy("K")
            self.tape.cannot_repeat("it writes to one of its arguments")

    def _refuse_overlap(self, root: TracedArray) -> None:
        """Two arguments in one memory are two wires here: a write would reach only one of them."""
        for other in self.tape.given:
            if other is not root and np.may_share_memory(other.value, root.value) \
                    and np.shares_memory(other.value, root.value):  # fmt: skip
                mine, theirs = (self.tape.names.get(a._wire, "?") for a in (root, other))
                raise NotDifferentiableError(
                    f"argument {mine} is written to at {where()}, and shares its memory with "
                    f"argument {theirs}: pass a copy of one of them"
                )

    def _commit(self, wire: Wire, level: int) -> None:
        """Make `wire` this array's value, and write it through to the arrays it is a view of."""
        chain = [(self, wire)]
        node = self
        while node.parent is not None:
            parent = node.parent
            wire = self._written_through(parent, node, wire)
            level = max(level, parent.level)
            chain.append((parent, wire))
            node = parent
        self.storage.version += 1
        for array, newest in chain:
            array._wire, array._level, array.version = newest, level, self.storage.version
            self.tape.keep(newest, array.value, self.storage)

    def _written_through(self, parent: TracedArray, view: TracedArray, wire: Wire) -> Wire:
        """The parent's wire after its view took the value `wire`."""
        op, rest, static, _ = view.how
        trace = self.tape
        old = parent.wire
        if op is indexing.getitem:
            inputs = [old, wire, *self._wires(rest)]
            return trace.emit(indexing.setitem, inputs, static, (parent.type,), "operator")[0]
        if view.type.size == parent.type.size and op.rule is not None and op.form == "linear":
            # A view of all elements only rearranges them, so its transpose puts them back.
            kept, trace.kept = trace.kept, None  # the symbols know nothing of later writes
            back = op.rule(_symbol(trace, old, parent), _symbol(trace, wire, view), **static)
            trace.kept = kept
            if op.name != "flip":
                return back.wire  # type: ignore[no-any-return]
            inputs = [old, back.wire]  # the parent stays as it lies in memory
            static = {"template": (Ellipsis,)}
            return trace.emit(indexing.setitem, inputs, static, (parent.type,), "operator")[0]
        positions = np.arange(parent.type.size).reshape(parent.type.shape)
        at = op.call(positions, *[_value(x) for x in rest], **static)
        flat = trace.emit(OPS["reshape"], (old,), {"shape": (parent.type.size,)})[0]
        inputs = [flat, wire, trace.constant(np.array(at))]
        put = trace.emit(indexing.setitem, inputs, {"template": (indexing.SLOT,)})[0]
        return trace.emit(OPS["reshape"], (put,), {"shape": parent.type.shape}, (parent.type,))[0]

    # -- the sequence protocol ---------------------------------------------------------------

    def __getitem__(self, key: Any) -> Any:
        return indexing.index(self, told_masks(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        self.write(told_masks(key), as_operand(value))

    def __len__(self) -> int:
        if not self.type.shape:
            raise TypeError("len() of unsized object")
        return self.type.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.type.shape:
            raise TypeError("iteration over a 0-d array")
        for i in range(self.type.shape[0]):
            yield self[i]

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).any())

    def __deepcopy__(self, memo: Any) -> Any:
        return apply(OPS["copy"], (self,), {"order": "K"}, "numpy")

    __hash__ = None  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"'numpy.ndarray' object has no attribute '{name}'")
        raise MissingMethodError(f"ndarray.{name} is not supported on a traced array, at {where()}")


def _symbol(trace: Trace, wire: Wire, like: TracedArray) -> Any:
    """A wire of a concrete trace as a value whose numbers nobody asks for."""
    return TracedArray(trace, wire, like.value, like._level, Storage(False))


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Traced) else x


class MissingMethodError(UnsupportedError, AttributeError):
    """A method or attribute NumPy has and glassgrad does not; `hasattr` answers False."""


#: Names of the array methods that NumPy scalars share; filled where they are defined.
ARRAY_METHODS: set[str] = set()


def as_operand(other: Any) -> Any:
    """An operand as an op takes it: nested lists with traced values become arrays."""
    if type(other) in (list, tuple):
        return build(other) if has_traced(other) else np.asarray(other)
    if other is None or type(other) is str:
        return NotImplemented
    return other


def has_traced(values: Any) -> bool:
    """Whether a traced value stands anywhere in nested lists and tuples."""
    if isinstance(values, Traced):
        return True
    return isinstance(values, (list, tuple)) and any(has_traced(v) for v in values)


def told_masks(key: Any) -> Any:
    """A key whose traced parts Python may use: a mask's count of truths becomes a guard."""
    parts = key if type(key) is tuple else (key,)
    for part in parts:
        if isinstance(part, Traced):
            if part.tape.concrete and part.type.dtype.kind == "b":
                part.tape.tell(part, "count", int(np.count_nonzero(part.value)))
        elif isinstance(part, (list, tuple)) and has_traced(part):
            changed = [build(p) if isinstance(p, (list, tuple)) else p for p in parts]
            return tuple(changed) if type(key) is tuple else changed[0]
    return key


def _imatmul(self: TracedArray, other: Any) -> Any:
    """``y @= x``: in place, so that other names of the array see it."""
    self.write(Ellipsis, self @ other)
    return self


TracedArray.__imatmul__ = _imatmul  # type: ignore[attr-defined]


def _operators() -> None:
    """Give traced values Python's operators, from the ops' own declarations."""
    for op in OPS.values():
        symbol = op.spellings.get("operator")
        if symbol is None or not hasattr(symbol, "__name__"):
            continue
        name = {"and_": "and", "or_": "or"}.get(symbol.__name__, symbol.__name__)
        if op.name in ("negative", "positive", "absolute", "invert"):
            setattr(Traced, f"__{name}__", _unary(op))
            continue
        setattr(Traced, f"__{name}__", _binary(op, reflected=False))
        if op.form != "flat" or op.name not in _COMPARISONS:
            setattr(Traced, f"__r{name}__", _binary(op, reflected=True))
        if "inplace" in op.spellings:
            setattr(TracedArray, f"__i{name}__", _inplace(op))


_NOTHING: dict[str, Any] = {}  # no static arguments; shared, and never written to
_COMPARISONS = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}


def _unary(op: Op) -> Any:
    def method(self: Traced) -> Any:
        return apply(op, (self,), {}, "operator")

    return method


def _binary(op: Op, reflected: bool) -> Any:
    def method(self: Traced, other: Any) -> Any:
        other = as_operand(other)
        if other is NotImplemented:
            return NotImplemented
        operands = (other, self) if reflected else (self, other)
        tape = self.tape
        if not tape.concrete:  # a rule: there is one trace only
            return tape.apply(op, operands, _NOTHING, "operator")
        if type(other) is float or getattr(other, "tape", None) is tape:
            return tape.apply(op, operands, _NOTHING, "operator")
        return apply(op, operands, _NOTHING, "operator")

    return method


def _inplace(op: Op) -> Any:
    def method(self: TracedArray, other: Any) -> Any:
        other = as_operand(other)
        if other is NotImplemented:
            return NotImplemented
        return self.update(op, other, "operator")

    return method


_operators()
