"""What has no lowering: NumPy or SciPy, called from within the native program."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from glassgrad.circuit import Constant, Gate, Operand
from glassgrad.emit.native.loops import given
from glassgrad.emit.native.memory import View
from glassgrad.emit.native.plan import Plan
from glassgrad.emit.native.steps import Step

__all__ = ["Call", "called", "written"]


class Call(Step):
    """One gate, run by its own NumPy function on arrays that stand in the program's memory."""

    def __init__(
        self, number: int, gate: Gate, inputs: list[View | None], outputs: list[View]
    ) -> None:
        super().__init__(number)
        self.gate, self.inputs, self.outputs = gate, inputs, outputs
        self.gates.append(gate)
        self.last: tuple[int, list[Any]] = (0, [])

    def __call__(self, in_: int, out: int, arena: int) -> bool:
        """Run it; False where it raised: the NumPy tier then raises the same for the user."""
        gate = self.gate
        operands = []
        for operand, view in zip(gate.inputs, self.inputs, strict=True):
            if view is None:
                assert isinstance(operand, Constant)
                operands.append(operand.value)
            else:
                operands.append(_as_kind(operand, _array(view, in_, out, arena)))
        try:
            with np.errstate(all="ignore" if gate.backward else "raise", under="ignore"):
                results = gate.op.spelled(gate.spelling)(*operands, **gate.static)
        except Exception:
            return False
        if len(self.outputs) == 1 and gate.op.outputs == 1:
            results = (results,)
        for view, result in zip(self.outputs, results, strict=True):
            if np.shape(result) != view.shape:
                return False
            _array(view, in_, out, arena)[...] = result
        return True


def _as_kind(operand: Operand, array: Any) -> Any:
    """As the kind of value the gate had when it was recorded."""
    kind = operand.type.kind
    return array if kind == "array" else array.item() if kind == "python" else array[()]


def _array(view: View, in_: int, out: int, arena: int) -> Any:
    """A view's elements, where they stand in this call."""
    buffer = view.buffer
    if buffer.role == "constant":
        start = buffer.value.__array_interface__["data"][0]
    elif buffer.role == "arena":
        start = arena + buffer.offset
    else:
        table = in_ if buffer.role == "input" else out
        start = ctypes.c_void_p.from_address(table + 8 * buffer.number).value or 0
    raw = (ctypes.c_char * buffer.bytes).from_address(start)
    return np.ndarray(view.shape, buffer.dtype, memoryview(raw), view.offset * view.itemsize,
                      tuple([s * view.itemsize for s in view.strides]))  # fmt: skip


def called(plan: Plan, gate: Gate) -> None:
    """Make a gate a call."""
    inputs: list[View | None] = [
        None if isinstance(i, Constant) else plan.view(i) for i in gate.inputs
    ]
    outputs: list[View] = []
    step = Call(plan.number(), gate, inputs, outputs)
    plan.steps.add(step)
    for view in inputs:
        if view is not None:
            for writer in view.buffer.writers:
                plan.order(writer, step)
            view.buffer.readers.append(step)
    for wire in gate.outputs:
        view = plan.new_buffer(wire.dtype, wire.type.size).whole(wire.shape)
        view.buffer.writers.append(step)
        plan.views[wire] = view
        outputs.append(view)


def written(step: Call) -> str:
    """The function ``NAME``: 0 where it failed, 1 where it went well, 2 for an exception."""
    true = f"inttoptr (i64 {id(True)} to ptr)"
    call = f"ptr inttoptr (i64 {id(step)} to ptr), ptr @longs, ptr %i, ptr %o, ptr %a"
    return "\n".join([
        "define internal i32 @NAME(ptr %list) {", *given(("%i", "%o", "%a")),
        f"  %r = call ptr (ptr, ptr, ...) @gg_PyObject_CallFunction({call})",
        "  %null = icmp eq ptr %r, null", "  br i1 %null, label %raised, label %back", "raised:",
        "  ret i32 2", "back:", "  call void @gg_Py_DecRef(ptr %r)",
        f"  %well = icmp eq ptr %r, {true}", "  %answer = zext i1 %well to i32",
        "  ret i32 %answer", "}", "",
    ])  # fmt: skip
