"""The program that runs a path: a circuit as one plain Python function over NumPy.

One statement a gate, short names, guards first thing where they were asked. Its twin for readers
is `staged.py`; its successor for speed is native code. The program answers a flat tuple, or one
of the marks `OTHER_PATH` (a guard failed) and `EDGE_POINT` (a NaN came out, so the careful
program has to decide).
"""

from __future__ import annotations

import linecache
import math
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant, Gate, Operand, Wire, WireType
from glassgrad.emit.python.expressions import Text, constant, expression, needs_helper
from glassgrad.emit.python.statements import guard_condition, write
from glassgrad.gates.guards import holds
from glassgrad.passes.liveness import Memory, memory

__all__ = ["EDGE_POINT", "OTHER_PATH", "Program", "program"]

OTHER_PATH: Any = type("OtherPath", (), {"__repr__": lambda self: "OTHER_PATH"})()
EDGE_POINT: Any = type("EdgePoint", (), {"__repr__": lambda self: "EDGE_POINT"})()

Program = Callable[..., Any]
_numbers = count(1)

# What may warn or raise at an edge point although the forward pass did not.
_HAZARDS = {"divide", "power", "log", "log2", "log10", "log1p", "exp", "exp2", "expm1", "sqrt",
            "arctanh", "strong_multiply", "multiply", "square", "float_power", "remainder", "sinh",
            "cosh", "reciprocal", "logaddexp"}  # fmt: skip


def program(circuit: Circuit, gradients: Sequence[WireType], *, watch: bool) -> Program:
    """Compile a circuit of value and gradients to a Python function.

    Parameters
    ----------
    circuit : Circuit
    gradients : sequence of WireType
        The last outputs are gradients of inputs of these types: Python floats for Python floats.
    watch : bool
        Answer `EDGE_POINT` if a gradient holds a NaN.
    """
    text, constants = _Writer(circuit, gradients, watch).text()
    file = f"<glassgrad path {next(_numbers)}>"
    namespace: dict[str, Any] = {"np": np, "math": math, "OTHER_PATH": OTHER_PATH,
                                 "EDGE_POINT": EDGE_POINT, "holds": holds, **constants}  # fmt: skip
    if "scipy." in text:
        import scipy.special

        namespace["scipy"] = scipy
    exec(compile(text, file, "exec"), namespace)
    made: Program = namespace["path"]
    made.__source__ = text  # type: ignore[attr-defined]
    linecache.cache.pop(file, None)
    return made


# They warn, or know singular matrices, which their written form does not.
_THROUGH_OP = {"coincide", "inverse"}


class _Writer:
    def __init__(self, circuit: Circuit, gradients: Sequence[WireType], watch: bool) -> None:
        self.circuit, self.watch = circuit, watch
        self.forward_outputs = len(circuit.outputs) - len(gradients)
        self.wanted: list[WireType | None] = [None] * self.forward_outputs + list(gradients)
        self.names: dict[Operand, Text] = {}
        self.constants: dict[str, Any] = {}
        self.memory: Memory = memory(circuit)

    def text(self) -> tuple[str, dict[str, Any]]:
        inputs = []
        for n, wire in enumerate(self.circuit.inputs):
            self.names[wire] = Text(f"x{n}")
            inputs.append(f"x{n}")
        gates = self.circuit.gates
        split = next((n for n, g in enumerate(gates) if g.backward), len(gates))
        lines = [f"def path({', '.join(inputs)}):"]
        body = [line for gate in gates[:split] for line in self.statement(gate)]
        back = [line for gate in gates[split:] for line in self.statement(gate)]
        if any(_hazardous(g) for g in gates[split:]):
            body.append("with np.errstate(all='ignore'):")
            body += ["    " + line for line in back]
        else:
            body += back
        if self.watch:
            for operand in self.circuit.outputs[self.forward_outputs :]:
                body += self.watched(operand)
        results = [self.result(n, o) for n, o in enumerate(self.circuit.outputs)]
        body.append(f"return ({', '.join(results)}{',' if len(results) == 1 else ''})")
        lines += ["    " + line for line in body]
        return "\n".join(lines) + "\n", self.constants

    def read(self, operand: Operand) -> Text:
        """How an operand is written."""
        found = self.names.get(operand)
        if found is None:
            assert isinstance(operand, Constant), "a wire is read before it is driven"
            if isinstance(operand.value, np.ndarray) or operand.type.kind == "numpy":
                found = Text(f"k{len(self.constants)}")
                self.constants[found] = operand.value
            else:
                found = constant(operand)
            self.names[operand] = found
        return found

    def statement(self, gate: Gate) -> list[str]:
        inputs = [self.read(i) for i in gate.inputs]
        if gate.op.name == "guard":
            return self.guard(gate, inputs[0])
        targets = [self.fresh(w) for w in gate.outputs]
        if gate.op.name in ("setitem", "add_at"):
            return write(gate, targets[0], inputs, gate in self.memory.in_place, exact=True)
        if gate in self.memory.in_place:
            symbol = {"add": "+=", "subtract": "-="}[gate.op.name]
            return [f"{inputs[0]} {symbol} {inputs[1]}", f"{targets[0]} = {inputs[0]}"]
        return [f"{', '.join(targets)} = {self.expression(gate, inputs)}"]

    def expression(self, gate: Gate, inputs: Sequence[Text]) -> str:
        """A gate whose static arguments cannot be written down is called through its op."""
        if gate.op.name in _THROUGH_OP or any(isinstance(v, np.ndarray) or (callable(v) and not isinstance(v, type))
               for v in gate.static.values()):  # fmt: skip
            name = f"k{len(self.constants)}"
            self.constants[name] = lambda *xs, _op=gate.op, _static=gate.static: _op.call(
                *xs, **_static
            )
            return f"{name}({', '.join(inputs)})"
        if needs_helper(gate):
            self.constants[gate.op.name] = gate.op.call
        return str(expression(gate, inputs))

    def fresh(self, wire: Wire) -> Text:
        name = Text(f"v{len(self.names)}")
        self.names[wire] = name
        return name

    def guard(self, gate: Gate, tested: Text) -> list[str]:
        how, told = gate.static["how"], gate.static["told"]
        if how == "array":  # compared byte for byte with what it was
            name = f"k{len(self.constants)}"
            self.constants[name] = told
            return [f"if not holds({tested}, 'array', {name}): return OTHER_PATH"]
        return [f"if {guard_condition(gate, tested)}: return OTHER_PATH"]

    def watched(self, operand: Operand) -> list[str]:
        if isinstance(operand, Constant):
            return []
        name = self.read(operand)
        if not operand.shape:
            return [f"if {name} != {name}: return EDGE_POINT"]
        # The sum of squares is NaN where an element is; unlike a sum, inf - inf cannot make one.
        return [f"if np.isnan(np.vdot({name}, {name})): return EDGE_POINT"]

    def result(self, n: int, operand: Operand) -> str:
        """An output as memory of its own: nothing returned shares memory with an input."""
        name = self.read(operand)
        wanted = self.wanted[n]
        if wanted is not None and wanted.kind != operand.type.kind:
            return self.as_kind(name, wanted)
        if operand.type.kind != "array":
            return str(name)
        again = operand in self.circuit.outputs[:n] or self.shared_with_earlier(n, operand)
        if operand in self.memory.owned and not again:
            return f"np.ascontiguousarray({name})" if operand.type.ndim > 1 else str(name)
        return f"np.array({name}, order='C')"

    def as_kind(self, name: Text, wanted: WireType) -> str:
        """A gradient as the kind of value its argument is."""
        if wanted.kind == "python":
            return f"float({name})"
        dtype = f"np.{wanted.dtype.name}"
        return f"{dtype}({name})" if wanted.kind == "numpy" else f"np.array({name}, {dtype})"

    def shared_with_earlier(self, n: int, operand: Operand) -> bool:
        group = self.memory.group.get(operand)
        return any(self.memory.group.get(o) == group for o in self.circuit.outputs[:n])


def _hazardous(gate: Gate) -> bool:
    """Python's own arithmetic never warns; NumPy's does."""
    return gate.op.name in _HAZARDS and (
        gate.output.type.kind != "python" or gate.spelling == "numpy"
    )
