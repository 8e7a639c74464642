"""What a circuit is: wires, gates, ops, its text form, its check. Imports nothing of ours."""

from glassgrad.circuit.infer import infer
from glassgrad.circuit.model import (
    BOOL,
    FLOAT,
    INT,
    Circuit,
    Constant,
    Gate,
    Op,
    Operand,
    Place,
    Scope,
    Wire,
    WireType,
    type_of,
)
from glassgrad.circuit.text import text
from glassgrad.circuit.verify import verify

__all__ = [
    "BOOL",
    "FLOAT",
    "INT",
    "Circuit",
    "Constant",
    "Gate",
    "Op",
    "Operand",
    "Place",
    "Scope",
    "Wire",
    "WireType",
    "infer",
    "text",
    "type_of",
    "verify",
]
