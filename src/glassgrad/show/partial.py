"""A picture as far as its story is told: what is not known yet is not written, nothing moves."""

from __future__ import annotations

from dataclasses import replace

from glassgrad.show.picture import Label, Picture, Strip, WirePicture
from glassgrad.show.story import Told

__all__ = ["known"]


def known(shown: Picture, told: Told) -> Picture:
    """A picture without the values and gradients that were not told yet."""

    def seen(wire: WirePicture) -> WirePicture:
        return replace(
            wire,
            labels=tuple(t for t in wire.labels if _is_told(t, wire.number, told)),
            strips=tuple(s for s in wire.strips if _is_told(s, wire.number, told)),
            value=wire.value if wire.number in told.values else "not known yet",
            gradient=wire.gradient if wire.number in told.gradients else None,
        )

    return replace(shown, wires=tuple(seen(w) for w in shown.wires))


def _is_told(part: Label | Strip, wire: int, told: Told) -> bool:
    if part.role == "value":
        return wire in told.values
    return part.role != "gradient" or wire in told.gradients
