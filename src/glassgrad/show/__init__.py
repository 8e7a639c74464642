"""Showing what the microscope sees; nothing below knows of it."""

from __future__ import annotations

from glassgrad.microscope import Backprop, draws_with

__all__ = ["install"]


def install() -> None:
    """Let ``print(record)`` draw the table."""

    def draw(record: Backprop) -> str:
        from glassgrad.show.table import table  # rich is imported when something is shown

        return table(record)

    draws_with(draw)
