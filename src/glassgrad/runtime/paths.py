"""Paths: what one run of the function became, ready to be run again.

A path is one way through the function's Python code. It holds the forward circuit, and for each
tier the program made from it when first needed.
"""

from __future__ import annotations

import functools
import itertools
import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Operand, Wire
from glassgrad.emit.native import Answer, available, draft, forget_results, soon, starts, wanted
from glassgrad.emit.python import EDGE_POINT, OTHER_PATH, Program, program
from glassgrad.errors import GlassgradWarning
from glassgrad.passes import gradient_circuit, gradients, walkable
from glassgrad.runtime.backend import chosen
from glassgrad.runtime.background import Job, idle, submit, tend, wait
from glassgrad.runtime.interpret import evaluate, evaluate_all
from glassgrad.runtime.record import Recorded
from glassgrad.tracing import Traced

__all__ = ["Path", "begin", "gradients_as", "nan_value"]

# What Python's own arithmetic raises where IEEE 754 has an answer.
_PYTHON_ONLY = (ZeroDivisionError, OverflowError)
# Calls on the NumPy tier after which native code is made: beside them, where it takes long, and
# else at once. What is called a few times only never waits for a compiler, and goes gate by gate.
_BESIDE, _WARM = 2, 4
_numbers = itertools.count(1)


class Path:
    """One way through a function, with its programs.

    Parameters
    ----------
    recorded : Recorded
        The run it comes from.
    """

    ready: Callable[[], Any] = bool  # prepares what all native calls need; from who answers them
    made = 0  # another number whenever a path gets a native program: who keeps a list then looks

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self.forward_outputs = len(recorded.circuit.outputs)
        self._circuits: dict[bool, Circuit] = {}
        self._programs: dict[tuple[bool, bool], Program] = {}
        self.gradient_types = [w.type for w in recorded.active]
        self._any_layout = recorded.strides is None
        self._walks = walkable(recorded.circuit)
        self._native: Program | None = None
        self._calls = 0  # on the NumPy tier, as far as they are counted
        self._job: Job | None = None
        self.answer: Answer | None = None  # set by who answers a user's calls straight from here
        self.direct: Program | None = None

    def circuit(self, careful: bool) -> Circuit:
        """The circuit of value and gradients."""
        found = self._circuits.get(careful)
        if found is None:
            recorded = self.recorded
            found = gradient_circuit(recorded.circuit, recorded.active, careful=careful)
            self._circuits[careful] = found
        return found

    @property
    def is_native(self) -> bool:
        """Whether calls run as native code by now."""
        return self._native is not None or self.direct is not None

    @property
    def is_settled(self) -> bool:
        """Whether calls will go on to run as they do now."""
        return self.is_native or (self._job is None and self._calls >= _WARM)

    def first(self, values: Sequence[Any]) -> Sequence[Any]:
        """The answer of the run this path was recorded from, without compiling anything.

        Warnings are off: what the forward pass had to warn of, it did while it was traced.
        """
        kept = self.recorded.kept
        with np.errstate(all="ignore"):
            results = self._by_rules(kept) if kept else None
            if kept:
                kept.clear()
            return self._by_circuit(values) if results is None else results

    def _by_circuit(self, values: Sequence[Any]) -> Sequence[Any]:
        try:
            results = evaluate(self.circuit(careful=False), values)
        except _PYTHON_ONLY:
            return evaluate(self.circuit(careful=True), values)
        if not nan_value(results) and any(
            np.isnan(g).any() for g in results[self.forward_outputs :]
        ):
            results = evaluate(self.circuit(careful=True), values)
        return results

    def _by_rules(self, kept: dict[Operand, Any]) -> list[Any] | None:
        """The answer from the values of a forward pass; None where a circuit has to decide.

        It decides where a gradient is not finite, where a rule raises, and where a value that a
        rule needs was overwritten.
        """
        circuit = self.recorded.circuit
        if not self._walks:
            return None
        try:
            outputs = [_copied(o.value if isinstance(o, Constant) else kept[o])
                       for o in circuit.outputs]  # fmt: skip
            found = gradients(circuit, self.recorded.active, kept)
            if not all([math.isfinite(g) if type(g) is float else np.isfinite(g).all()
                        for g in found]):  # fmt: skip
                return None
            return [*outputs, *found]
        except Exception:
            return None

    def __call__(self, values: Sequence[Any]) -> Any:
        """Run the path; `OTHER_PATH` where a guard fails."""
        if not (self._any_layout or self.recorded.laid_out_like(values)):
            return OTHER_PATH
        if chosen.numpy:
            pass
        elif self._native is not None:
            results = self._native(*values)
            if results is not None:
                return results
        elif self._job is not None:
            self._take()
        elif self._calls < _WARM:
            self._count()
        if self._walks and not (chosen.numpy or self.is_settled):
            return self._walked(values)
        return self._compiled(values)

    def _walked(self, values: Sequence[Any]) -> Any:
        """As `__call__`, gate by gate: for a few calls that is cheaper than compiling anything."""
        try:
            kept = evaluate_all(self.recorded.circuit, values)
        except Exception:
            return OTHER_PATH
        with np.errstate(all="ignore"):  # what there was to warn of, the forward pass just did
            results = self._by_rules(kept)
            return self._compiled(values) if results is None else results

    def _compiled(self, values: Sequence[Any]) -> Any:
        try:
            results = self.program(careful=False)(*values)
            if results is EDGE_POINT:
                results = self.program(careful=True)(*values)
                if nan_value(
                    results
                ):  # NaN is never hidden: where the value is, the gradient may be
                    results = self.program(careful=False, watch=False)(*values)
            return results
        except _PYTHON_ONLY:
            return self._carefully(values)
        except Exception:
            return OTHER_PATH  # the trace raises what the function itself raises, or catches it

    def _carefully(self, values: Sequence[Any]) -> Any:
        try:
            return self.program(careful=True)(*values)
        except Exception:
            return OTHER_PATH

    def _count(self) -> None:
        """One more call of a path that may be worth native code."""
        self._calls += 1
        if self._calls not in (_BESIDE, _WARM) or not wanted():
            return
        begin()
        at_once = _waits() or soon(self.recorded.circuit)
        if self._calls == _WARM and (_waits() or idle()):
            job = Job(self, self._work())
            job.run()
            self._job = job
            self._take()
        elif self._calls == _WARM or not at_once:
            self._calls = _WARM
            self._job = submit(self, self._work())

    def _work(self) -> Iterator[Any]:
        """The native program, part by part. With an `answer`, it is made for that."""
        answer = self.answer if self._any_layout else None
        circuit = self._circuits.get(False)
        return _made(self.recorded.circuit, self.recorded.active, circuit, answer)

    def settle(self) -> None:
        """Have native code as soon as that was begun, and wait for it."""
        wait()
        self._take()

    def _take(self) -> None:
        """The native program, where it is ready; if there is none, calls stay on the NumPy tier.

        Where there is an `answer` the general call stays NumPy's as well (`direct`): what comes
        here then is what the native program has already refused.
        """
        job = self._job
        if job is None:
            return
        if not job.done:
            tend()
            return
        self._job = None
        if job.error is not None:  # the NumPy tier has the answer; a call is not to fail for speed
            warnings.warn(
                f"no native code could be made ({job.error!r}), so this gradient runs as NumPy "
                "code. This is a mistake in glassgrad: please report it.",
                GlassgradWarning,
                stacklevel=3,
            )
        elif not available() or job.result is None:
            return
        else:
            circuit, program, answers = job.result
            self._circuits.setdefault(False, circuit)
            if answers:  # not by what stands in `answer` now: another thread may just have set it
                self.direct = program
            else:
                self._native = program
        Path.made = next(_numbers)

    def forget_results(self) -> None:
        """Let go of the results that native code holds on to."""
        for native in (self.direct, self._native):
            if native is not None:
                forget_results(native)

    def program(self, careful: bool, watch: bool | None = None) -> Program:
        """The compiled program; only the plain one is watched for NaN."""
        watch = not careful if watch is None else watch
        found = self._programs.get((careful, watch))
        if found is None:
            found = program(self.circuit(careful), self.gradient_types, watch=watch)
            self._programs[careful, watch] = found
        return found


@functools.cache
def begin() -> None:
    """Have LLVM started beside what runs, once a process: that takes as long as a small circuit."""

    def started() -> Iterator[Any]:
        if starts():
            yield None
            yield Path.ready()

    submit(Path, started())


def _made(
    forward: Circuit, active: Sequence[Wire], circuit: Circuit | None, answer: Answer | None
) -> Iterator[Any]:
    """The gradient's circuit and its native program: the work of a `Job`. None of it is the path's."""
    if not starts():
        return
    if circuit is None:
        circuit = gradient_circuit(forward, active)
        yield None
    planned = draft(circuit, [w.type for w in active], answer)
    yield None
    if planned is not None:
        yield circuit, planned.program(), answer is not None


def _waits() -> bool:
    """Whether native code is always made at one and the same call, which waits for it."""
    return os.environ.get("GLASSGRAD_COMPILE", "").lower() == "wait"


def _copied(value: Any) -> Any:
    return np.array(value, order="C") if isinstance(value, np.ndarray) else value


def nan_value(results: Sequence[Any]) -> bool:
    """Whether the function's value itself is NaN."""
    return not np.ndim(results[0]) and bool(results[0] != results[0])


def gradients_as(leaf: Any, gradient: Any) -> Any:
    """A gradient as the kind of value its argument is: Python floats in, Python floats out."""
    if isinstance(gradient, Traced) or isinstance(leaf, Traced):
        return gradient
    cls = type(leaf)
    if cls is float or cls is int:
        return float(gradient)
    if cls is np.ndarray:
        return gradient if type(gradient) is np.ndarray else np.array(gradient, leaf.dtype)
    return cls(gradient)
