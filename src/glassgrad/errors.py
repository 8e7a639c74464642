"""The errors glassgrad raises, with one common root; this file knows no other room.

Every message says what happened, where in the user's code, and what to do about it.
"""

from __future__ import annotations

__all__ = [
    "CircuitError",
    "GlassgradError",
    "GlassgradWarning",
    "GradientMismatchError",
    "NotDifferentiableError",
    "NotScalarError",
    "ShapeError",
    "UnsupportedError",
]


class GlassgradError(Exception):
    """Root of every error glassgrad raises on purpose."""


class CircuitError(GlassgradError):
    """A circuit breaks a rule of circuits: a fault in glassgrad, not in the user's code."""


class UnsupportedError(GlassgradError, NotImplementedError):
    """A function, keyword or kind of value that glassgrad does not cover."""


class NotDifferentiableError(GlassgradError, TypeError):
    """Something differentiable met something that would cut its gradient in silence."""


class NotScalarError(GlassgradError, TypeError):
    """A gradient was asked of an output that is not one real number."""


class ShapeError(GlassgradError, ValueError):
    """Shapes that do not fit together, said with the names of both wires and the line."""


class GradientMismatchError(GlassgradError, AssertionError):
    """A gradient is not the slope that was measured; the message says where and by how much."""


class GlassgradWarning(UserWarning):
    """A notice: the result is right, but the user should know something."""
