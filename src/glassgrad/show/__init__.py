"""Showing what the microscope sees; nothing below knows of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from glassgrad.microscope import Backprop, Look, Theme, draws_with

__all__ = ["install"]


def install() -> None:
    """Let records print and draw themselves."""
    draws_with(_Artist())


class _Artist:
    """Draws records; what it needs is imported when something is shown."""

    def table(self, record: Backprop) -> str:
        from glassgrad.show.table import table

        return table(record)

    def picture(self, record: Backprop, width: int) -> str:
        from glassgrad.show.terminal import drawn

        return drawn(record, width)

    def svg(self, record: Backprop, look: Look) -> str:
        from glassgrad.show.graph import graph_of
        from glassgrad.show.marks import marks
        from glassgrad.show.partial import known
        from glassgrad.show.picture import picture
        from glassgrad.show.story import story
        from glassgrad.show.svg import svg

        graph = graph_of(record)
        folds = None if look.fold is None else range(len(graph.groups)) if look.fold else ()
        drawn = picture(graph, folds)
        if look.step is not None:
            told = story(record)
            lit = [s.node for s in told.steps[: look.step][-1:]]
            return svg(known(drawn, told.told(look.step)), look.theme, (), lit)
        found = marks(record.diagnose(), graph) if look.diagnosis else ()
        return svg(drawn, look.theme, found)

    def save(self, record: Backprop, path: Path, look: Look) -> None:
        from glassgrad.show.page import html
        from glassgrad.show.save import write

        write(path, lambda: self.svg(record, look), lambda: html(record, look.theme))

    def mimebundle(self, record: Backprop) -> dict[str, str]:
        from glassgrad.show.notebook import mimebundle

        return mimebundle(record)

    def widget(self, record: Backprop, theme: Theme | None) -> Any:
        from glassgrad.show.widget import widget

        return widget(record, theme)
