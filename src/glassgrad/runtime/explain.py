"""`explain`: how a gradient function runs a call, for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from glassgrad.circuit import Circuit, Gate
from glassgrad.emit.native.describe import NativeCode, described
from glassgrad.runtime.arguments import resolve
from glassgrad.runtime.gradient import GradientFunction
from glassgrad.runtime.paths import Path

__all__ = ["Explanation", "PathExplanation", "explain"]


@dataclass(frozen=True)
class PathExplanation:
    """One way through the function.

    Attributes
    ----------
    gates
        Number of gates, of the function and of its gradient.
    guards
        What Python was told on this path, where.
    tier
        What calls of it run on now: "native", or "NumPy" (the first calls, and where native code
        cannot be made).
    native : NativeCode
        The native program: steps, what fell back, arena, compile times, LLVM IR and assembly.
    """

    gates: tuple[int, int]
    guards: tuple[str, ...]
    tier: str
    native: NativeCode

    def __str__(self) -> str:
        forward, backward = self.gates
        lines = [f"{forward} gates forward, {backward} backward; runs as {self.tier} code now"]
        lines += [f"  guard   {g}" for g in self.guards]
        native = self.native
        if native.reason:
            return "\n".join([*lines, f"  no native code: {native.reason}"])
        if not native.steps:
            lines.append("  native  everything in registers, unrolled to single numbers")
        shown = native.steps if len(native.steps) <= 60 else native.steps[:60]
        lines += [f"  {n:3d} {step}" for n, step in enumerate(shown, 1)]
        if len(shown) < len(native.steps):
            lines.append(f"  ... and {len(native.steps) - len(shown)} steps more")
        times = ", ".join(f"{name} {1e3 * s:.0f} ms" for name, s in native.seconds.items())
        lines.append(f"  arena {native.arena:,} bytes; compile time: {times}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Explanation:
    """How the calls of one signature run; ``print`` it.

    Attributes
    ----------
    function
        Name of the function.
    paths
        The ways through it that are known.
    """

    function: str
    paths: tuple[PathExplanation, ...]

    def __str__(self) -> str:
        if not self.paths:
            return f"{self.function}: traced at every call"
        lines = [f"{self.function}: {len(self.paths)} path{'s' * (len(self.paths) > 1)} known"]
        for n, path in enumerate(self.paths, 1):
            lines.append(f"path {n}: {path}")
        return "\n".join(lines)

    __repr__ = __str__


def explain(gradient: Any, *args: Any, **kwargs: Any) -> Explanation:
    """Tell how a gradient function runs a call: paths, guards, loops, fallbacks, compile times.

    The call is made once, so that its path is known. What is being compiled beside is waited for.
    Native code is made anew to be measured and shown, whether calls already run on it or not.

    Parameters
    ----------
    gradient
        What `grad` or `value_and_grad` gave.
    *args, **kwargs
        The arguments of the call.

    Returns
    -------
    Explanation
        Print it. ``.paths[0].native`` holds the details: ``.llvm`` (as written), ``.optimised``,
        ``.assembly``, ``.steps``, ``.fallbacks``, ``.seconds``.

    Raises
    ------
    TypeError
        What was given is not a gradient function of glassgrad.

    Examples
    --------
    >>> import numpy as np
    >>> import glassgrad as gg
    >>> g = gg.grad(lambda x: np.sum(np.exp(x) * x))
    >>> print(gg.explain(g, np.ones(1000)))  # doctest: +ELLIPSIS
    <lambda>: 1 path known
    path 1: 3 gates forward, ... backward; runs as NumPy code now
        1 loop    over 1000: exp, multiply, sum, ...
      arena ... bytes; compile time: plan ... ms, parse ... ms, passes ... ms, machine code ... ms
    """
    if not isinstance(gradient, GradientFunction):
        raise TypeError(
            f"explain needs what gg.grad or gg.value_and_grad gave, not {type(gradient).__name__}"
        )
    gradient(*args, **kwargs)
    paths = gradient.known_paths(resolve(args, kwargs, *gradient.choice))
    for path in paths:
        path.settle()
    return Explanation(getattr(gradient, "__qualname__", "function"),
                       tuple([_path(path) for path in paths]))  # fmt: skip


def _path(path: Path) -> PathExplanation:
    circuit = path.circuit(careful=False)
    return PathExplanation(
        _counts(circuit), tuple([_guard(g) for g in circuit.gates if g.op.name == "guard"]),
        "native" if path.is_native else "NumPy", described(circuit, path.gradient_types),
    )  # fmt: skip


def _counts(circuit: Circuit) -> tuple[int, int]:
    real = [g for g in circuit.gates if g.op.name != "guard"]
    backward = sum(g.backward for g in real)
    return len(real) - backward, backward


def _guard(gate: Gate) -> str:
    told = repr(gate.static["told"])
    where = f" at {gate.place}" if gate.place else ""
    return f"{gate.static['how']} is {told if len(told) < 60 else told[:57] + '...'}{where}"
