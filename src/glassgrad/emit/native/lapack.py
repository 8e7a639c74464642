"""Factorisations and linear systems by LAPACK, in double precision, as NumPy has them.

LAPACK reads matrices column by column, so one that lies row by row is its own transpose to it; a
flag says so, and nothing is turned around. A matrix is factorised once: the backward pass solves
with the factors of the forward pass. A failed factorisation (a singular matrix) hands over to the
NumPy tier, which raises what NumPy raises.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassgrad.circuit import Constant, Gate, Wire, type_of
from glassgrad.emit.native.elements import Block, Element, Kind, kind_of
from glassgrad.emit.native.loops import given
from glassgrad.emit.native.memory import Buffer, View
from glassgrad.emit.native.plan import Plan
from glassgrad.emit.native.routines import library
from glassgrad.emit.native.steps import Step
from glassgrad.emit.native.threads import released

__all__ = ["SYSTEMS", "System", "written"]

_DOUBLE = np.dtype(np.float64)  # NumPy solves single precision's systems in it, too


class System(Step):
    """One call of LAPACK.

    Attributes
    ----------
    routine
        Its name without the letter for double precision.
    arguments
        Each a buffer with an element, a number, or a letter; ``info`` is added.
    work
        About how many multiplications it takes.
    """

    def __init__(self, number: int, routine: str, arguments: Sequence[Any], work: int,
                 gate: Gate) -> None:  # fmt: skip
        super().__init__(number)
        self.routine, self.arguments, self.work = routine, arguments, work
        self.gates.append(gate)

    @property
    def buffers(self) -> list[Buffer]:
        return [a[0] for a in self.arguments if isinstance(a, tuple)]


def written(step: System) -> tuple[str, list[tuple[Buffer, int]]]:
    """The function ``NAME`` of a system, and the places it is called with."""
    lapack = library()
    lines: list[str] = []
    passed: list[str] = []
    places: list[tuple[Buffer, int]] = []
    letters = 0
    for n, argument in enumerate(step.arguments):
        if isinstance(argument, tuple):
            passed.append(f"%p{len(places)}")
            places.append(argument)
            continue
        passed.append(f"%a{n}")
        if isinstance(argument, str):
            kind, value = "i8", ord(argument)
            letters += 1
        else:
            kind, value = lapack.integer, argument
        lines += [f"  %a{n} = alloca {kind}", f"  store {kind} {value}, ptr %a{n}"]
    # Each letter's length comes last, as Fortran has it.
    call = ", ".join([*[f"ptr {p}" for p in [*passed, "%info"]], *["i64 1"] * letters])
    text = "\n".join([
        "define internal i32 @NAME(ptr %list) {", *given([f"%p{n}" for n in range(len(places))]),
        *lines, f"  %info = alloca {lapack.integer}", f"  store {lapack.integer} 0, ptr %info",
        f"  %f = inttoptr i64 {lapack.address('d' + step.routine)} to ptr",
        *released([f"  call void %f({call})"], step.work),
        f"  %i = load {lapack.integer}, ptr %info", f"  %well = icmp eq {lapack.integer} %i, 0",
        "  %answer = zext i1 %well to i32", "  ret i32 %answer", "}", "",
    ])  # fmt: skip
    return text, places


def _step(plan: Plan, gate: Gate, routine: str, arguments: Sequence[Any], work: int,
          read: Sequence[Buffer], written_: Sequence[Buffer]) -> None:  # fmt: skip
    """Add a system after all that makes what it reads, and all that reads what it overwrites."""
    step = System(plan.number(), routine, arguments, work, gate)
    plan.steps.add(step)
    for buffer in (*read, *written_):
        for writer in buffer.writers:
            plan.order(writer, step)
    for buffer in written_:
        for reader in buffer.readers:
            plan.order(reader, step)
        buffer.writers.append(step)
    for buffer in read:
        buffer.readers.append(step)


@functools.cache
def _workspace(n: int) -> tuple[int, int]:
    """How many numbers and integers dsyevd wants to work in; what NumPy gives it, too."""
    many, ask, info, whole = (ctypes.c_int64(x) for x in (n, -1, 0, 0))
    size, some = ctypes.c_double(), (ctypes.c_double * 1)()
    call = ctypes.CFUNCTYPE(None)(library().address("dsyevd"))
    by, one = ctypes.byref, ctypes.c_size_t(1)
    call(ctypes.c_char_p(b"V"), ctypes.c_char_p(b"L"), by(many), some, by(many), some, by(size),
         by(ask), by(whole), by(ask), by(info), one, one)  # fmt: skip
    return max(int(size.value), 1), max(whole.value, 1)


def _integer() -> np.dtype[Any]:
    return np.dtype(np.int64 if library().integer == "i64" else np.int32)


def _square(gate: Gate) -> int:
    """The size of the one square matrix, or 0."""
    a = gate.inputs[0]
    kind = a.dtype.kind == "f" and kind_of(a.dtype)
    same = all(w.dtype == a.dtype for w in (*gate.inputs, *gate.outputs))
    return a.shape[0] if kind and same and len(a.shape) == 2 and a.shape[0] == a.shape[1] else 0


def _cholesky(plan: Plan, gate: Gate) -> bool:
    n, wire = _square(gate), gate.output
    if not n:
        return False
    upper = bool(gate.static.get("upper"))
    raw = plan.new_buffer(_DOUBLE, n * n).whole((n, n))
    plan.copied(gate.inputs[0], raw)
    # Row by row a lower triangle is what LAPACK takes for an upper one.
    _step(plan, gate, "potrf", ["L" if upper else "U", n, (raw.buffer, 0), n], n**3 // 6, [],
          [raw.buffer])  # fmt: skip
    plan.triangular[wire] = raw, upper
    kept = np.tri(n, dtype=bool).T if upper else np.tri(n, dtype=bool)
    _selected(plan, raw, kept, gate)
    return True


def _selected(plan: Plan, view: View, kept: Any, gate: Gate) -> None:
    """The gate's output is a view with zeros where a constant mask is false."""
    wire = gate.output
    mask = plan.view(Constant(kept, type_of(kept)))
    nest = plan.nest_for(wire.shape, [], [view])
    values = [plan.load(nest, mask), plan.load(nest, view)]
    plan.made[wire] = plan.operation(
        nest, lambda b, m, x: b.select(m, x, 0.0), values, kind_of(wire.dtype)
    )


def _diagonal(plan: Plan, gate: Gate) -> bool:
    """diag: the diagonal of a matrix, or a matrix of one."""
    source, wire = gate.inputs[0], gate.output
    if len(source.shape) == 2:
        plan.views[wire] = plan.part(
            plan.view(source), gate.op.call(plan.view(source).array, **gate.static)
        )
        return True
    k = int(gate.static.get("k", 0))
    n = wire.shape[0]
    target = plan.new_buffer(wire.dtype, wire.type.size, tested=True)
    whole = target.whole(wire.shape)
    zero = np.zeros((), wire.dtype)
    plan.copied(Constant(zero, type_of(zero)), whole)
    start = k if k >= 0 else -k * n
    plan.write(source, View(target, target.stand_in[start :: n + 1][: source.shape[0]]))
    plan.views[wire] = whole
    return True


def _factors(plan: Plan, gate: Gate, n: int) -> tuple[View, View, bool]:
    """A matrix factorised, its pivots, and whether it is the transpose of the one asked for."""
    view = plan.view(gate.inputs[0])
    found = plan.factors.get(view.key())
    if found is not None:
        return found
    raw = plan.new_buffer(_DOUBLE, n * n).whole((n, n))
    by_columns = view.strides[0] == 1 and view.strides[1] != 1
    target = View(raw.buffer, raw.array.T) if by_columns else raw
    plan.copied(gate.inputs[0], target)
    pivots = plan.new_buffer(_integer(), n).whole((n,))
    _step(plan, gate, "getrf", [n, n, (raw.buffer, 0), n, (pivots.buffer, 0)], n**3 // 3, [],
          [raw.buffer, pivots.buffer])  # fmt: skip
    plan.factors[view.key()] = raw, pivots, not by_columns
    plan.factors[View(view.buffer, view.array.T).key()] = raw, pivots, by_columns
    return raw, pivots, not by_columns


def _given(plan: Plan, wire: Wire, view: View) -> None:
    """The gate's output is a view of doubles, rounded where it is of single precision."""
    if wire.dtype == view.buffer.dtype:
        plan.views[wire] = view
        return
    nest = plan.nest_for(wire.shape, [], [view])
    plan.made[wire] = plan.operation(nest, _number, [plan.load(nest, view)], kind_of(wire.dtype))


def _number(b: Block, x: Any) -> Element:
    return b.number(x)


def _solved(plan: Plan, gate: Gate, right: Any) -> bool:
    """Solve and inv: LAPACK overwrites the right-hand side, which lies column by column."""
    n, wire = _square(gate), gate.output
    if not n or len(right.shape) not in (1, 2) or right.shape[0] != n:
        return False
    many = right.shape[1] if len(right.shape) == 2 else 1
    lying = plan.new_buffer(_DOUBLE, n * many)
    result = View(
        lying, lying.whole((many, n)).array.T if len(right.shape) == 2 else lying.stand_in
    )
    plan.copied(right, result)
    known = plan.triangular.get(gate.inputs[0])
    if known is not None:
        raw, upper = known
        rows = raw.strides[1] == 1  # then LAPACK sees the transpose, and the other triangle
        flags = ["U" if upper != rows else "L", "T" if rows else "N", "N"]
        _step(plan, gate, "trtrs", [*flags, n, many, (raw.buffer, 0), n, (lying, 0), n],
              n * n * many // 2, [raw.buffer], [lying])  # fmt: skip
    else:
        factors, pivots, turned = _factors(plan, gate, n)
        _step(plan, gate, "getrs",
              ["T" if turned else "N", n, many, (factors.buffer, 0), n, (pivots.buffer, 0), (lying, 0), n],
              n * n * many, [factors.buffer, pivots.buffer], [lying])  # fmt: skip
    _given(plan, wire, result)
    return True


def _solve(plan: Plan, gate: Gate) -> bool:
    return _solved(plan, gate, gate.inputs[1])


def _inverse(plan: Plan, gate: Gate) -> bool:
    n = _square(gate)
    eye = np.eye(n)
    return bool(n) and _solved(plan, gate, Constant(eye, type_of(eye)))


def _slogdet(plan: Plan, gate: Gate) -> bool:
    n = _square(gate)
    if not n:
        return False
    kind: Kind = "f64"
    factors, pivots, _ = _factors(plan, gate, n)
    diagonal = View(factors.buffer, factors.buffer.stand_in[:: n + 1])
    order = plan.constant(np.arange(1, n + 1, dtype=_integer()))
    nest = plan.nest_for((n,), [], [diagonal, pivots])
    u, p, i = (plan.load(nest, v) for v in (diagonal, pivots, order))
    logarithm = plan.operation(nest, _log_size, [u], kind, cost=15.0)
    sign = plan.operation(nest, _signed, [u, p, i], kind)
    plan.reduce_value(nest, sign, gate.outputs[0], (0,), "mul", gate)
    plan.reduce_value(nest, logarithm, gate.outputs[1], (0,), "add")
    return True


def _log_size(b: Block, u: Any) -> Element:
    return b.function("log", b.intrinsic("fabs", u))


def _signed(b: Block, u: Any, pivot: Any, row: Any) -> Element:
    """The sign of a factor, turned where rows were swapped."""
    one = b.intrinsic("copysign", 1.0, u)
    if not isinstance(pivot, Element):  # a matrix of one element
        return one
    return b.select(b.integer_compare("ne", pivot, row), b.passing("fneg", one), one)


def _eigh(plan: Plan, gate: Gate) -> bool:
    """Eigenvalues and vectors, by the very call that NumPy makes: signs are the routine's choice."""
    n = _square(gate)
    if not n or not library().numpys:
        return False
    raw, values = plan.new_buffer(_DOUBLE, n * n), plan.new_buffer(_DOUBLE, n)
    vectors = View(raw, raw.whole((n, n)).array.T)
    plan.copied(gate.inputs[0], vectors)
    numbers, integers = _workspace(n)
    work, whole = plan.new_buffer(_DOUBLE, numbers), plan.new_buffer(_integer(), integers)
    arguments = ["V", gate.static.get("UPLO", "L"), n, (raw, 0), n, (values, 0), (work, 0), numbers,
                 (whole, 0), integers]  # fmt: skip
    _step(plan, gate, "syevd", arguments, 4 * n**3, [], [raw, values, work, whole])
    _given(plan, gate.outputs[0], values.whole((n,)))
    _given(plan, gate.outputs[1], vectors)
    return True


#: How each joins a plan; False where it does not.
SYSTEMS: dict[str, Callable[[Plan, Gate], bool]] = {
    "cholesky": _cholesky, "solve": _solve, "inv": _inverse, "inverse": _inverse, "slogdet": _slogdet,
    "diag": _diagonal, "eigh": _eigh,
}  # fmt: skip
