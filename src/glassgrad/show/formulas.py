"""Formulas of a document's gates: each text is kept once, gates have its number."""

from __future__ import annotations

import dataclasses
from typing import Any

from glassgrad.circuit import Gate
from glassgrad.emit.mathml import Formulas, formulas

__all__ = ["Formulary"]


class Formulary:
    """Collects formulas.

    Attributes
    ----------
    texts
        Those collected, each as a dict of MathML templates: see `glassgrad.emit.mathml`.
    """

    def __init__(self) -> None:
        self.texts: list[dict[str, Any]] = []
        self._numbers: dict[Formulas, int] = {}

    def of(self, gate: Gate) -> int:
        """The number of a gate's formulas."""
        made = formulas(gate)
        if made not in self._numbers:
            self._numbers[made] = len(self.texts)
            self.texts.append(dataclasses.asdict(made))
        return self._numbers[made]
