"""What each gate knows: one declaration a gate, by family."""

from glassgrad.gates import (  # noqa: F401 - importing a family declares its gates
    arithmetic,
    comparison,
    creation,
    einsum,
    elementary,
    indexing,
    linalg,
    norms,
    ordering,
    products,
    reduction,
    shaping,
    spectral,
    writing,
)
from glassgrad.gates.cut import stop_gradient
from glassgrad.gates.declare import FUNCTIONS, OPS
from glassgrad.gates.guards import guard

__all__ = ["FUNCTIONS", "OPS", "guard", "stop_gradient"]
