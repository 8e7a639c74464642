"""The ways a call can run without LLVM, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import glassgrad as gg

__all__ = ["TIERS", "tiers"]

TIERS = ("traced", "gate by gate", "as a NumPy program")


def tiers() -> Iterator[str]:
    """What to loop over a call with: it runs three times, each time another way.

    The function that is called has to be new; each turn calls it as often as the others do.
    """
    yield from TIERS[:2]
    with gg.backend("numpy"):
        yield TIERS[2]
