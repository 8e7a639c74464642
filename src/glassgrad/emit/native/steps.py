"""The steps of a native program: what runs after what.

A `Nest` is a set of operations over one domain of indices, written as one loop nest. Steps know
which steps must come before them, so that a gate can join any nest where that makes no circle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from glassgrad.circuit import Gate
from glassgrad.emit.native.elements import Block, Element, Kind
from glassgrad.emit.native.memory import Buffer, View

__all__ = ["Load", "Nest", "Operation", "Reduction", "Step", "Steps", "Store"]


class Step:
    """One step; `before` holds all that must come first, as a bit set of numbers."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.before = 0
        self.followed = False
        self.gates: list[Gate] = []


@dataclass(eq=False)
class Load:
    """A value read from memory at each index.

    Attributes
    ----------
    places
        Integers that stand in memory: how many elements beyond the view's own each one is found.
    """

    view: View
    places: View | None = None


@dataclass(eq=False)
class Operation:
    """A value computed from others at each index."""

    write: Callable[..., Element]
    operands: Sequence[Any]  # Load, Operation, or a plain number
    real: Kind
    result: Kind
    cost: float = 1.0
    gate: Gate | None = None


Value = Load | Operation


@dataclass(eq=False)
class Store:
    """A value written to memory at each index, or added to what is there.

    `places` as for a `Load`; then it is done in order, as places may be named twice.
    """

    value: Any
    view: View
    add: bool = False
    places: View | None = None


@dataclass(eq=False)
class Reduction:
    """Values over some axes put into one: `how` is add, mul, max, min.

    The view has the domain's shape, with stride 0 along the axes that are reduced. In a step that
    runs in tiles, what is `carried` from tile to tile stands there already; `errors` are the places
    for what rounding loses on the way. With `lanes` there are as many places side by side for each
    result, to be put into one in the end.
    """

    value: Any
    view: View
    axes: tuple[int, ...]
    how: str
    kind: Kind
    carried: bool = False
    errors: View | None = None
    lanes: int = 0


@dataclass(eq=False)
class Guarded:
    """A truth that must hold for the path to be the right one."""

    value: Any
    write: Callable[[Block, Element], Element]


class Nest(Step):
    """Operations over one domain."""

    def __init__(self, number: int, domain: tuple[int, ...]) -> None:
        super().__init__(number)
        self.domain = domain
        self.loads: dict[Any, Load] = {}
        self.operations: list[Operation] = []
        self.stores: list[Store] = []
        self.reductions: list[Reduction] = []
        self.guards: list[Guarded] = []
        self.in_tiles = False
        self.tests: list[Load] = []  # read only to see whether they are finite

    def prune(self) -> bool:
        """Leave out what was computed again elsewhere; answers whether anything is left."""
        needed = {s.value for s in self.stores} | {r.value for r in self.reductions}
        needed |= {g.value for g in self.guards} | set(self.tests)
        kept = []
        for operation in reversed(self.operations):
            if operation in needed:
                kept.append(operation)
                needed.update(o for o in operation.operands if isinstance(o, (Load, Operation)))
            elif operation.gate in self.gates:
                self.gates.remove(operation.gate)
        self.operations = kept[::-1]
        self.loads = {key: load for key, load in self.loads.items() if load in needed}
        return bool(needed)

    @property
    def work(self) -> float:
        """About how many additions it takes."""
        moved = len(self.loads) + len(self.stores) + len(self.reductions)
        return (sum([o.cost for o in self.operations]) + moved) * math.prod(self.domain)

    def load(self, view: View, places: View | None = None) -> Load:
        spread = view.spread(self.domain)
        where = None if places is None else places.spread(self.domain)
        key = (spread.key(), where.key() if where else None)
        found = self.loads.get(key)
        if found is None:
            found = self.loads[key] = Load(spread, where)
            for each in (view, places):
                if each is not None:
                    each.buffer.readers.append(self)
        return found

    def writes(self, buffer: Buffer) -> bool:
        return any(s.view.buffer is buffer for s in self.stores) or any(
            r.view.buffer is buffer for r in self.reductions
        )

    def reads(self, buffer: Buffer) -> bool:
        return self in buffer.readers


@dataclass
class Steps:
    """All steps, and their order."""

    all: list[Step] = field(default_factory=list)

    def add(self, step: Step) -> None:
        self.all.append(step)

    def may_follow(self, later: Step, earlier: Step) -> bool:
        """Whether `earlier` can be demanded to come before `later`."""
        return later is not earlier and not earlier.before >> later.number & 1

    def order(self, earlier: Step, later: Step) -> None:
        """Demand an order."""
        assert self.may_follow(later, earlier)
        bit = 1 << earlier.number
        if later.before & bit:
            return
        new = earlier.before | bit
        earlier.followed = True
        if later.followed:
            mark = 1 << later.number
            for step in self.all:
                if step.before & mark:
                    step.before |= new
        later.before |= new

    def sorted(self) -> list[Step]:
        """The steps in an order that keeps all demands: as they were begun, where possible."""
        done = 0
        waiting = list(self.all)
        result: list[Step] = []
        while waiting:
            rest = []
            for step in waiting:
                if step.before & ~done:
                    rest.append(step)
                else:
                    done |= 1 << step.number
                    result.append(step)
            assert len(rest) < len(waiting), "the steps run in a circle"
            waiting = rest
        return result
