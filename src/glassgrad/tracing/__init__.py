"""From a Python function to a circuit: recording values, NumPy's protocols, the user's source."""

from glassgrad.tracing import metadata, methods, protocols  # noqa: F401 - they complete the traced values
from glassgrad.tracing.routing import LOCK, routed
from glassgrad.tracing.trace import (
    ACTIVE,
    LITERAL,
    PASSIVE,
    RUNNING,
    SymbolicTrace,
    Trace,
    current,
    tracing,
)
from glassgrad.tracing.values import Traced, TracedArray, TracedScalar, apply

__all__ = [
    "ACTIVE",
    "LITERAL",
    "LOCK",
    "PASSIVE",
    "RUNNING",
    "SymbolicTrace",
    "Trace",
    "Traced",
    "TracedArray",
    "TracedScalar",
    "apply",
    "current",
    "routed",
    "tracing",
]
