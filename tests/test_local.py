"""Local gradients, as pages and stories show them, against what pulling ones back gives."""

import numpy as np
import pytest

from glassgrad.circuit import Circuit, Gate, Wire, infer, type_of
from glassgrad.passes import gradient_circuit
from glassgrad.passes.local import local_gradients
from glassgrad.runtime.interpret import evaluate

from .support.samples import samples

SEEN = [s for s in samples() if s.op.elementwise and s.op.differentiable and s.op.outputs == 1]


@pytest.mark.parametrize("sample", SEEN, ids=lambda s: f"{s.op.name}-{s.number}")
def test_local_gradients_are_what_ones_bring_back(sample):
    """Element by element, where an input has the output's shape; else nothing was summed away."""
    args = [float(a) if type(a) is int else a for a in sample.args]
    wires = tuple(Wire(type_of(a)) for a in args)
    static = dict(sample.case.static)
    gate = Gate(sample.op, wires, (Wire(infer(sample.op, tuple(w.type for w in wires), static)[0]),),
                static)  # fmt: skip
    circuit = Circuit(wires, (gate,), gate.outputs)
    whole, (found,) = local_gradients(circuit, [gate])
    active = [n for n, w in enumerate(wires) if w.type.real and found[n] is not None]
    assert active
    got = evaluate(Circuit(wires, whole.gates, tuple(found[n] for n in active)), args)
    one = np.ones(gate.output.shape, gate.output.dtype)[()]
    one = float(one) if gate.output.type.kind == "python" else one
    back = gradient_circuit(circuit, [wires[n] for n in active], upstream=True)
    for n, local, pulled in zip(active, got, evaluate(back, [*args, one])[1:], strict=True):
        spread = np.broadcast_to(local, np.broadcast_shapes(np.shape(local), gate.output.shape))
        if wires[n].shape == gate.output.shape:
            np.testing.assert_allclose(spread, pulled, rtol=1e-12, atol=1e-300)
        else:
            np.testing.assert_allclose(np.sum(spread), np.sum(pulled), rtol=1e-10)
