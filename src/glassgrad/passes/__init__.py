"""Circuit to circuit: recognition, backpropagation, simplification, common and dead gates.

`gradient_circuit` is the whole way from a forward circuit to the circuit that is run or shown;
`PASSES` is the order in which a backward circuit is cleaned up.
"""

from __future__ import annotations

from collections.abc import Sequence

from glassgrad.circuit import Circuit, Wire
from glassgrad.passes.backprop import Backward, backprop, depends
from glassgrad.passes.common import without_repetition
from glassgrad.passes.dead import without_dead_gates
from glassgrad.passes.recognise import recognise
from glassgrad.passes.simplify import simplified

__all__ = ["PASSES", "Backward", "backprop", "cleaned", "depends", "gradient_circuit", "recognise"]

PASSES = (simplified, without_repetition, without_dead_gates)


def cleaned(circuit: Circuit) -> Circuit:
    """A circuit after all of `PASSES`, in their order."""
    for each in PASSES:
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
