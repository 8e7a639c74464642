"""How much the page's server does for anybody: the numbers, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from glassgrad.formula import Limits

__all__ = ["FORMULA", "Bounds"]

# A page shows a circuit; what is larger than this belongs into a program.
FORMULA = Limits(array=100_000, total=2_000_000, products=100_000_000)


@dataclass(frozen=True)
class Bounds:
    """What one request, and all of them together, may take.

    Attributes
    ----------
    head, body : int
        Bytes of a request's headers, and of its body.
    patience : float
        Seconds in which a whole request has to arrive, and an idle connection may stay.
    answering : float
        Seconds from a whole request to the last byte of its answer.
    connections : int
        How many may be open; beyond, the one that has been waiting longest is closed.
    seconds : float
        Of one evaluation; beyond, its process is killed.
    memory : int
        Bytes of address space of that process.
    answer : int
        Bytes of one answer.
    waiting : int
        Requests that may wait for an evaluation; beyond, they are sent away.
    kept : int
        Circuits that can still be fetched as scripts.
    """

    head: int = 16_384
    body: int = 65_536
    patience: float = 10.0
    answering: float = 60.0
    connections: int = 64
    seconds: float = 5.0
    memory: int = 1 << 30
    answer: int = 8_000_000
    waiting: int = 4
    kept: int = 32
