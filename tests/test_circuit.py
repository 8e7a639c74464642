"""Circuits: their printed form, their rules, and that every pass keeps them and their meaning."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.circuit import FLOAT, Circuit, Constant, Gate, Wire, WireType, text, type_of, verify
from glassgrad.gates import OPS
from glassgrad.passes import PASSES, backprop, recognise
from glassgrad.runtime.arguments import parameter_names, resolve
from glassgrad.runtime.interpret import evaluate
from glassgrad.runtime.record import record

_SPEC = importlib.util.spec_from_file_location("staged", Path(__file__).parent / "test_staged.py")
STAGED = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(STAGED)


def recorded(function, args):
    arguments = resolve(args, {}, lambda n: True, parameter_names(function), lenient=True)
    return record(function, arguments.leaves, arguments.layout)


def test_text_is_one_gate_a_line():
    def f(x, y):
        if x > 0:
            return np.tanh(x) @ y + 1.5
        return x

    def g(x, y):
        return f(x[0], 2.0) if x[0] > 0 else np.sum(x * y)

    made = recorded(g, (np.array([-1.0, 2.0]), np.float32([1.0, 2.0])))
    assert text(made.circuit).splitlines() == [
        "inputs  x: f64[2], y: f32[2]",
        "t2: f64 = getitem(x, template=(0,))",
        "t3: bool = greater(t2, 0)",
        "guard(t3, how='bool', told=False)",
        "t4: f64[2] = multiply(x, y)",
        "t5: f64 = sum(t4)",
        "outputs t5",
    ]
    assert str(made.circuit) == text(made.circuit)


def test_types_are_one_object_each():
    assert type_of(1.5) is FLOAT
    assert type_of(np.zeros((2, 3))) is WireType.of("array", (2, 3), np.dtype(float))
    assert type_of(np.float64(1)) is not FLOAT
    with pytest.raises(TypeError):
        type_of("text")


def test_verify_finds_what_breaks_the_rules():
    x, y, z = Wire(FLOAT), Wire(FLOAT), Wire(FLOAT)
    add = OPS["add"]
    verify(Circuit((x,), (Gate(add, (x, Constant(1.0, FLOAT)), (y,)),), (y,)))
    for broken in (
        Circuit((x,), (Gate(add, (x, z), (y,)),), (y,)),  # z is never driven
        Circuit((x,), (Gate(add, (x, x), (x,)),), (x,)),  # x is driven twice
        Circuit((x,), (), (y,)),  # an output nobody drives
        Circuit((x, x), (), (x,)),
        Circuit((x,), (Gate(OPS["greater"], (x, x), (y,)),), (y,)),  # gives a bool, not a float
    ):
        with pytest.raises(gg.errors.CircuitError):
            verify(broken)


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("name", STAGED.CASES)
def test_every_pass_keeps_the_rules_and_the_numbers(name, careful):
    function, args = STAGED.CASES[name]
    made = recorded(function, args)
    circuit = verify(made.circuit)
    circuit = backprop(circuit, made.active, careful=careful, recognised=recognise(circuit)).circuit
    verify(circuit)
    with np.errstate(all="ignore"):
        before = None if name == "edge" and not careful else evaluate(circuit, made.values)
        for each in PASSES:
            smaller = each(circuit)
            verify(smaller)
            assert len(smaller.gates) <= len(circuit.gates) or each is PASSES[0]
            circuit = smaller
            if before is not None:
                for a, b in zip(evaluate(circuit, made.values), before, strict=True):
                    assert np.allclose(a, b, rtol=1e-14, atol=0, equal_nan=True)
    forward = [g for g in circuit.gates if not g.backward]
    kept = set(made.circuit.gates)
    assert all(g in kept for g in forward)  # the user's own gates are never touched


def test_a_backward_circuit_reuses_forward_values():
    made = recorded(lambda x: np.exp(x) * np.exp(x), (2.0,))
    circuit = backprop(made.circuit, made.active).circuit
    for each in PASSES:
        circuit = each(circuit)
    assert sum(g.op.name == "exp" for g in circuit.gates) == 2  # the user's two, and no third


def test_backward_is_linear_in_the_number_of_gates():
    def chain(x, n):
        for _ in range(n):
            x = x * 1.01 + 0.5
        return x

    sizes = {}
    for n in (100, 1000):
        made = recorded(lambda x, n=n: chain(x, n), (1.0,))
        circuit = backprop(made.circuit, made.active).circuit
        for each in PASSES:
            circuit = each(circuit)
        sizes[n] = len(circuit.gates)
    assert sizes[1000] < 10.2 * sizes[100]


def test_reading_elements_in_a_loop_accumulates_in_place():
    from glassgrad.passes import cleaned
    from glassgrad.passes.liveness import memory

    def total(x):
        s = 0.0
        for i in range(200):
            s = s + x[i] ** 2
        return s

    made = recorded(total, (np.ones(200),))
    circuit = cleaned(backprop(made.circuit, made.active).circuit)
    writers = [g for g in circuit.gates if g.op.name == "add_at"]
    assert len(writers) == 200 and memory(circuit).in_place.issuperset(writers)
