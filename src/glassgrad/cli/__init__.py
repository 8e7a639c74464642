"""The command line: ``glassgrad``, and ``python -m glassgrad``."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    from glassgrad.cli.app import run

    run()
