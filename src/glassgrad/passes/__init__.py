"""Circuit to circuit: recognition, backpropagation, simplification, common and dead gates.

`gradient_circuit` is the whole way from a forward circuit to the circuit that is run or shown;
`PASSES` is the order in which a backward circuit is cleaned up, `FOR_NATIVE` what follows before
native code is made: rewritings that pay there and that nobody wants to read.
"""

from __future__ import annotations

from collections.abc import Sequence

from glassgrad.circuit import Circuit, Wire
from glassgrad.passes.backprop import Backward, backprop
from glassgrad.passes.common import without_repetition
from glassgrad.passes.dead import without_dead_gates
from glassgrad.passes.numeric import gradients, walkable
from glassgrad.passes.recognise import recognise
from glassgrad.passes.simplify import simplified
from glassgrad.passes.sums import sums_first
from glassgrad.passes.walk import depends

__all__ = ["FOR_NATIVE", "PASSES", "Backward", "backprop", "cleaned", "depends", "for_native",
           "gradient_circuit", "gradients", "recognise", "walkable"]  # fmt: skip

PASSES = (simplified, without_repetition, without_dead_gates)
FOR_NATIVE = (sums_first, without_repetition, without_dead_gates)


def cleaned(circuit: Circuit) -> Circuit:
    """A circuit after all of `PASSES`, in their order."""
    for each in PASSES:
        circuit = each(circuit)
    return circuit


def for_native(circuit: Circuit) -> Circuit:
    """A circuit of value and gradients after all of `FOR_NATIVE`, in their order."""
    for each in FOR_NATIVE:
        circuit = each(circuit)
    return circuit


def gradient_circuit(
    circuit: Circuit,
    wrt: Sequence[Wire],
    *,
    upstream: bool = False,
    careful: bool = False,
    named: bool = False,
) -> Circuit:
    """The circuit of value and gradients of a forward circuit, cleaned up. See `backprop`."""
    backward = backprop(
        circuit, wrt, upstream=upstream, careful=careful, recognised=recognise(circuit), named=named
    )
    return cleaned(backward.circuit)
