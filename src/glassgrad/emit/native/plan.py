"""From a circuit to steps: which gates are computed in which loop nest, and what lies where.

Elementwise gates wait in the nest of their shape until somebody needs them elsewhere; only then
are they given memory. A value that another nest of the same shape needs is computed there again
where that is cheaper than writing and reading it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Gate, Operand
from glassgrad.emit.native.elements import Kind, NotNative, kind_of
from glassgrad.emit.native.lowerings import COSTS, ELEMENTWISE
from glassgrad.emit.native.memory import Buffer, View, short_rows, view_of
from glassgrad.emit.native.steps import (
    Guarded,
    Load,
    Nest,
    Operation,
    Reduction,
    Step,
    Steps,
    Store,
    Value,
)

__all__ = ["Plan"]

_CHEAP = 3.0  # what may be computed again: about what writing and reading a number costs
_CROWDED = 300  # operations from which on a nest takes no more: registers are few
_LONGEST = 500  # where there is but one element, which LLVM takes more than linear time for
_NEAR = 24  # how many of the latest nests of a shape are looked at
_FEW = 16  # elements with gaps that are worth a copy
_OFTEN = 4  # times each element of an argument is read from which on it is worth a copy in order
_MOST_STEPS = 20_000
_REAL = ("f64", "f32")


class Plan:
    """The steps of a circuit; `rules` (structure, products, calls) fill it gate by gate."""

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self.steps = Steps()
        self.buffers: list[Buffer] = []
        self.made: dict[Operand, Value] = {}
        self.home: dict[Value, Nest] = {}
        self.views: dict[Operand, View] = {}
        self.copies: dict[tuple[Nest, Value], Value] = {}
        self.copied_views: dict[Any, View] = {}
        self.copying: dict[tuple[int, ...], Nest] = {}
        self.domains: dict[tuple[int, ...], list[Nest]] = {}
        self.growing: dict[Buffer, Operand] = {}  # made part after part; who it is by now
        self.triangular: dict[Operand, tuple[View, bool]] = {}  # raw, upper; only that half counts
        self.factors: dict[Any, tuple[View, View, bool]] = {}
        self.uses: Counter[Operand] = Counter(circuit.outputs)
        for gate in circuit.gates:
            self.uses.update(gate.inputs)
        for n, wire in enumerate(circuit.inputs):
            buffer = Buffer("input", wire.dtype, wire.type.size, n)
            self.views[wire] = buffer.whole(wire.shape)

    # -- steps -------------------------------------------------------------------------------

    def number(self) -> int:
        if len(self.steps.all) >= _MOST_STEPS:
            raise NotNative("the circuit has too many steps")
        return len(self.steps.all)

    def new_nest(self, domain: tuple[int, ...]) -> Nest:
        nest = Nest(self.number(), domain)
        self.steps.add(nest)
        self.domains.setdefault(domain, []).append(nest)
        return nest

    def order(self, earlier: Step, later: Step) -> None:
        self.steps.order(earlier, later)

    def fits(self, nest: Nest, homes: Sequence[Nest], views: Sequence[View]) -> bool:
        """Whether what lies at these homes and views can be read in a nest."""
        may = self.steps.may_follow
        return all(h is nest or may(nest, h) for h in homes) and all(
            may(nest, w) for v in views for w in v.buffer.writers
        )

    def nest_for(
        self, domain: tuple[int, ...], homes: Sequence[Nest], views: Sequence[View]
    ) -> Nest:
        """The nest that values with these operands are best computed in."""
        known = self.domains.get(domain, [])[-_NEAR:]
        near = [n for n in dict.fromkeys(homes) if n.domain == domain]
        size = int(np.prod(domain))
        for nest in [*reversed(near), *reversed(known)]:
            if len(nest.operations) > (_CROWDED if size > 1 else _LONGEST):
                continue
            related = nest in near or size <= 4096 or any(nest.reads(v.buffer) for v in views)
            if related and self.fits(nest, homes, views):
                return nest
        return self.new_nest(domain)

    # -- values ------------------------------------------------------------------------------

    def view(self, operand: Operand) -> View:
        """Where an operand lies; given memory now, if it has none yet."""
        found = self.views.get(operand)
        if found is not None:
            return found
        if isinstance(operand, Constant):
            found = self.constant(operand.value)
        else:
            value = self.made[operand]
            fresh = self.new_buffer(operand.dtype, operand.type.size, tested=True)
            ends = operand in self.circuit.outputs
            found = fresh.whole(operand.shape) if ends else fresh.long_rows(operand.shape)
            self.put(value, found)
        self.views[operand] = found
        return found

    def new_buffer(self, dtype: np.dtype[Any], size: int, tested: bool = False) -> Buffer:
        buffer = Buffer("arena", dtype, size, tested=tested)
        self.buffers.append(buffer)
        return buffer

    def constant(self, value: Any) -> View:
        """A constant array as a view; what is the same everywhere takes one element."""
        array = np.asarray(value)
        if array.dtype.kind in "iu" and array.dtype not in (np.int64, np.int32):
            array = array.astype(np.int64)
        kind_of(array.dtype.newbyteorder("="))
        shape = array.shape
        if array.size > 1 and not any(array.strides):
            array = array.reshape(-1)[:1] if array.flags.c_contiguous else array[(0,) * array.ndim]
        array = np.require(array, array.dtype.newbyteorder("="), ["C", "A"])
        finite = array.dtype.kind != "f" or bool(np.isfinite(array).all())
        buffer = Buffer("constant", array.dtype, array.size, value=array, tested=finite)
        if array.size == 1:
            return View(buffer, np.broadcast_to(buffer.stand_in.reshape(()), shape))
        return buffer.whole(shape)

    def put(self, value: Value, view: View, add: bool = False) -> None:
        """Store a value from its home."""
        nest = self.home[value]
        nest.stores.append(Store(value, view, add))
        view.buffer.writers.append(nest)

    def aligned(self, operand: Operand, domain: tuple[int, ...]) -> bool:
        """Whether an operand waits in a nest of this domain, without memory."""
        return operand in self.made and operand.shape == domain

    def read(self, nest: Nest, operand: Operand) -> Any:
        """An operand within a nest: a value, or a plain number."""
        if isinstance(operand, Constant) and not operand.shape:
            value = operand.value
            return value.item() if isinstance(value, (np.ndarray, np.generic)) else value
        value = self.made.get(operand)
        if value is not None and operand.shape == nest.domain:
            if self.home[value] is nest:
                return value
            again = self.again(nest, value, _CHEAP)
            if again is not None:
                return again[0]
        return self.load(nest, self.view(operand))

    def load(self, nest: Nest, view: View, places: View | None = None) -> Any:
        for each in (view, places):
            for writer in each.buffer.writers if each else ():
                self.order(writer, nest)
        if view.buffer.role == "constant" and view.buffer.size == 1:
            return view.buffer.value.reshape(()).item()
        if places is None and view.buffer.role == "input":
            view = self.in_order(nest, view)
            for writer in view.buffer.writers:
                self.order(writer, nest)
        return nest.load(view, places)

    def in_order(self, nest: Nest, view: View) -> View:
        """An argument's view; of a copy in order where a nest often reads it in short rows or with gaps."""
        axes = [n for n, stride in enumerate(view.strides) if stride]
        core = View(view.buffer, view.array[tuple([
            slice(None) if n in axes else 0 for n in range(view.array.ndim)])])  # fmt: skip
        if not axes or math.prod(nest.domain) < _OFTEN * core.array.size:
            return view
        rows = (
            len(axes) > 1 and short_rows(max(core.shape), core.shape[-1]) and core.strides[-1] == 1
        )
        gaps = core.array.size >= _FEW and min(abs(s) for s in core.strides) > 1
        if not rows and not gaps:
            return view
        copy = self.copied_views.get(core.key())
        if copy is None:
            fresh = self.new_buffer(view.buffer.dtype, core.array.size, tested=True)
            copy = self.copied_views[core.key()] = fresh.long_rows(core.shape)
            copying = self.copying.get(core.shape)
            if copying is None:  # not among the nests that others join: it comes first
                copying = self.copying[core.shape] = Nest(self.number(), core.shape)
                self.steps.add(copying)
            copying.stores.append(Store(copying.load(core), copy))
            fresh.writers.append(copying)
        view.buffer.readers.append(nest)  # so that what reads the same joins it
        spread = copy.array[tuple([
            slice(None) if n in axes else None for n in range(view.array.ndim)])]  # fmt: skip
        return View(copy.buffer, np.broadcast_to(spread, view.shape))

    def again(self, nest: Nest, value: Any, budget: float) -> tuple[Any, float] | None:
        """A value of another nest computed again in this one, and the cost; None if too dear."""
        if not isinstance(value, (Operation, Load)):
            return value, 0.0
        known = self.copies.get((nest, value))
        if known is not None:
            return known, 0.0
        if isinstance(value, Load):
            views = [value.view] + ([value.places] if value.places else [])
            if not self.fits(nest, [], views) or any(
                v.buffer.role == "arena" and nest.writes(v.buffer) for v in views
            ):
                return None
            fresh = all(nest not in v.buffer.readers for v in views)
            if fresh and budget < 1.5:
                return None
            made = self.load(nest, value.view, value.places)
            return made, 1.5 if fresh else 0.0
        if self.home.get(value) is nest:
            return value, 0.0
        spent = value.cost
        operands = []
        for operand in value.operands:
            found = self.again(nest, operand, budget - spent)
            if found is None or spent + found[1] > budget:
                return None
            operands.append(found[0])
            spent += found[1]
        copy = self.operation(nest, value.write, operands, value.real, value.result, value.cost)
        copy.gate = value.gate
        self.copies[nest, value] = copy
        return copy, spent

    def operate(
        self, write: Callable[..., Any], operands: Sequence[Operand], result: Operand, *,
        real: Kind, cost: float = 1.0, gate: Gate | None = None,
    ) -> None:  # fmt: skip
        """Make a wire an operation on others, broadcast, in the nest of its shape."""
        domain = result.shape
        homes = [self.home[self.made[o]] for o in operands if self.aligned(o, domain)]
        views = [
            self.view(o) for o in operands
            if not self.aligned(o, domain) and not (isinstance(o, Constant) and not o.shape)
        ]  # fmt: skip
        nest = self.nest_for(domain, homes, views)
        given = [self.read(nest, o) for o in operands]
        made = self.operation(nest, write, given, real, kind_of(result.dtype), cost)
        if gate is not None:
            made.gate = gate
            nest.gates.append(gate)
        self.made[result] = made

    def operation(
        self, nest: Nest, write: Callable[..., Any], operands: Sequence[Any], real: Kind,
        result: Kind | None = None, cost: float = 1.0,
    ) -> Operation:  # fmt: skip
        """An operation on values of a nest, in that nest."""
        made = Operation(write, operands, real, result or real, cost)
        nest.operations.append(made)
        self.home[made] = nest
        return made

    # -- elementwise gates, reductions, guards -----------------------------------------------

    def elementwise(self, gate: Gate) -> bool:
        """Take an elementwise gate, if it has a lowering for these dtypes."""
        name, wire = gate.op.name, gate.output
        write = ELEMENTWISE.get(name)
        if write is None or gate.static:
            return False
        kinds = [kind_of(i.dtype) for i in gate.inputs if isinstance(i.dtype, np.dtype)]
        kind = kind_of(wire.dtype)
        if kind in _REAL:
            real: Kind = kind
        elif kind == "i1":
            if name not in _TRUTHS and name not in ("where",):
                return False
            if any(
                k not in (*_REAL, "i1")
                for k, i in zip(kinds, gate.inputs, strict=True)
                if not isinstance(i, Constant)
            ):
                return False
            strong = [
                k
                for k, i in zip(kinds, gate.inputs, strict=True)
                if i.type.kind != "python" and k != "i1"
            ]
            real = "f32" if strong and all(k == "f32" for k in strong) else "f64"
        else:
            return False
        self.operate(write, gate.inputs, wire, real=real, cost=COSTS.get(name, 1.0), gate=gate)
        return True

    def anywhere(self, operand: Operand) -> tuple[Nest, Any]:
        """A nest of an operand's shape in which its value is at hand, and the value."""
        value = self.made.get(operand)
        if value is not None:
            return self.home[value], value
        view = self.view(operand)
        nest = self.nest_for(operand.shape, [], [view])
        return nest, self.load(nest, view)

    def reduce(
        self,
        operand: Operand,
        result: Operand,
        axes: tuple[int, ...],
        how: str,
        gate: Gate | None = None,
    ) -> None:
        """Sum, product or extreme of an operand over some axes."""
        nest, value = self.anywhere(operand)
        self.reduce_value(nest, value, result, axes, how, gate)

    def reduce_value(
        self,
        nest: Nest,
        value: Any,
        result: Operand,
        axes: tuple[int, ...],
        how: str,
        gate: Gate | None = None,
    ) -> None:
        whole = all(n in axes or size == 1 for n, size in enumerate(nest.domain))
        view = self.new_buffer(result.dtype, result.type.size, tested=whole).whole(result.shape)
        view.buffer.writers.append(nest)
        self.views[result] = view
        kept = view.array.reshape([1 if n in axes else s for n, s in enumerate(nest.domain)])
        spread = View(view.buffer, np.broadcast_to(kept, nest.domain))
        nest.reductions.append(Reduction(value, spread, axes, how, kind_of(result.dtype)))
        if gate is not None:
            nest.gates.append(gate)

    def guard(self, operand: Operand, write: Callable[..., Any]) -> None:
        """Demand that a truth about a number holds."""
        nest, value = self.anywhere(operand)
        nest.guards.append(Guarded(value, write))

    # -- writing into arrays -----------------------------------------------------------------

    def write(
        self, operand: Operand, target: View, add: bool = False, disjoint: bool = False
    ) -> None:
        """Write an operand, broadcast, into part of a buffer.

        With `disjoint` nobody else writes to this part, so the order of writers is free.
        """
        buffer = target.buffer
        earlier = [] if disjoint else [*buffer.writers, *buffer.readers]
        if self.aligned(operand, target.shape):
            value = self.made[operand]
            nest = self.home[value]
            if (
                not nest.reads(buffer)
                and (disjoint or not nest.writes(buffer))
                and all(self.steps.may_follow(nest, step) for step in earlier)
            ):
                for step in earlier:
                    self.order(step, nest)
                self.put(value, target, add)
                return
        source: Any = None
        if not (isinstance(operand, Constant) and not operand.shape):
            source = self.view(operand).spread(target.shape)
        nest = self.new_nest(target.shape)
        value = self.load(nest, source) if source is not None else self.read(nest, operand)
        for step in earlier:
            self.order(step, nest)
        nest.stores.append(Store(value, target, add))
        buffer.writers.append(nest)

    def copied(self, operand: Operand, target: View) -> None:
        self.write(operand, target, disjoint=True)

    def part(self, view: View, array: Any) -> View:
        """NumPy's view of a view's stand-in; it must be one."""
        found = view_of(view, array)
        if found is None:
            raise NotNative("an array cannot be viewed as asked")
        return found

    def finish(self) -> None:
        """Outputs into the memory that is given for them."""
        taken: set[Buffer] = set()
        for n, operand in enumerate(self.circuit.outputs):
            view = self.view(operand)
            buffer = view.buffer
            if buffer.role == "arena" and buffer not in taken and view.is_whole():
                buffer.role, buffer.number = "output", n
                taken.add(buffer)
            else:
                output = Buffer("output", operand.dtype, operand.type.size, n, tested=True)
                self.copied(operand, output.whole(operand.shape))
                buffer = output
            if not buffer.tested and buffer.kind in _REAL:
                nest = self.nest_for(view.shape, [], [view])
                nest.tests.append(self.load(nest, view))

    def ordered(self) -> list[Step]:
        """The steps as they run, without what was computed again wherever it is needed."""
        steps = [s for s in self.steps.sorted() if not isinstance(s, Nest) or s.prune()]
        told = {gate for step in steps for gate in step.gates}
        for nest in steps:
            for made in nest.operations if isinstance(nest, Nest) else ():
                if made.gate is not None and made.gate not in told:
                    nest.gates.append(made.gate)
                    told.add(made.gate)
        return steps


_TRUTHS = {
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "logical_and",
    "logical_or", "logical_xor", "logical_not", "bitwise_and", "bitwise_or", "bitwise_xor",
    "invert", "isnan", "isinf", "isfinite",
}  # fmt: skip
