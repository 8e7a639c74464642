"""Colours of pictures, light and dark. Text on its ground has a contrast of at least 4.5 to 1."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["THEMES", "Palette"]


@dataclass(frozen=True)
class Palette:
    """The colours of one theme, as ``#rrggbb``.

    Attributes
    ----------
    ground, ink, dim, faint
        Background; text and gates' edges; minor text; frames and wires without a gradient.
    gate, input, frame
        What shapes are filled with.
    wire, value, gradient
        Wires, and what stands above and below them.
    alert
        What is wrong.
    low, zero, high
        Of a strip's cells: negative, zero, positive. Blue and orange, which those who do not tell
        red from green tell apart.
    """

    ground: str
    ink: str
    dim: str
    faint: str
    gate: str
    input: str
    frame: str
    wire: str
    value: str
    gradient: str
    alert: str
    low: str
    zero: str
    high: str

    def heat(self, cell: float | None) -> str:
        """The colour of a cell from -1 to 1; what is not finite is the ink's."""
        if cell is None:
            return self.ink
        end = self.high if cell > 0 else self.low
        return _mixed(self.zero, end, min(1.0, abs(cell)))


def _mixed(a: str, b: str, share: float) -> str:
    parts = [(int(a[i : i + 2], 16), int(b[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in parts)


THEMES = {
    "light": Palette(
        ground="#ffffff", ink="#1f2328", dim="#59636e", faint="#aab2bb", gate="#ffffff",
        input="#eef2f7", frame="#eef2f7", wire="#3d444d", value="#0a7d33", gradient="#c9202c",
        alert="#9a5b00",
        low="#2166ac", zero="#f4f4f4", high="#e08214",
    ),
    "dark": Palette(
        ground="#0d1117", ink="#e6edf3", dim="#9aa4af", faint="#4d5661", gate="#161b22",
        input="#1f2937", frame="#1b2330", wire="#a8b3bf", value="#4ac26b", gradient="#ff7b72",
        alert="#e3b341",
        low="#4393c3", zero="#20262d", high="#f4a742",
    ),
}  # fmt: skip
