"""A circuit as JavaScript, for pages that compute it anew when a number in it changes."""

from glassgrad.emit.javascript.cells import NotScript
from glassgrad.emit.javascript.script import script

__all__ = ["NotScript", "script"]
