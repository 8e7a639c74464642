"""What a traced function read besides its arguments, and whether any of it has changed.

A compiled path holds as long as everything its function can read is what it was: globals, closure
cells, defaults, attributes of ``self``, the contents of the lists, dicts and arrays reached from
there, and the helpers it calls with all that *they* read. :func:`look` walks all of it once,
without source text and without line tracing; the :class:`Outside` it returns says cheaply whether
anything changed, in words what changed, and where each value is held. The rooms inside:

- ``reads``      what a code object can read, from its bytecode
- ``libraries``  which modules are the user's and which are libraries, which are leaves
- ``unsafe``     what gives another answer each time (clocks, random numbers, files)
- ``values``     when two values are the same value
- ``places``     the places that hold values, and how to rebind them
- ``checks``     one thing that must hold, and many of them made into one fast function
- ``contents``   the same for what changes in place: lists, dicts, arrays, random generators
- ``tables``     objects with named entries, of which only the names in the code count
- ``walk``       from a function to its checks, places and arrays
- ``record``     what ``look`` gives back

It knows nothing of circuits or traces: plain Python and NumPy objects come in, and nothing else.
"""

from __future__ import annotations

from .places import Binding
from .record import Outside, look

__all__ = ["Binding", "Outside", "look"]
