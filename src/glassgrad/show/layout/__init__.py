"""Where everything goes: a layered drawing of boxes and wires, left to right, as plain data.

Knows sizes, ports, wires and frames, and nothing of circuits, gradients or how it is drawn. The
method is Sugiyama's: ranks, the order within each, coordinates, then wires in the channels between.
Sources: Sugiyama, Tagawa, Toda, *IEEE SMC* 11(2), 1981; Brandes and Köpf, *Graph Drawing* 2001;
Schulze, Spönemann, von Hanxleden, *J. Visual Languages and Computing* 25(2), 2014.
"""

from __future__ import annotations

from glassgrad.show.layout.compound import layout
from glassgrad.show.layout.measure import Measures, measure
from glassgrad.show.layout.model import Box, Branch, Frame, Layout, Net, Rect, Route, Spacing

__all__ = ["Box", "Branch", "Frame", "Layout", "Measures", "Net", "Rect", "Route", "Spacing",
           "layout", "measure"]  # fmt: skip
