"""The worker: a process that answers one question after another and can be killed at any time.

It gives itself limits of memory and processor time where the platform has them. It reads its standard
input and writes its standard output, and nothing else; time on the clock is kept by who asks.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["main"]

_READY: Mapping[str, Any] = {"formula": "sum(softmax([x, y]) * [1, 0])", "inputs": {}, "id": ""}


def main() -> None:
    """Answer until standard input ends."""
    memory, seconds, most = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    asked, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)  # the pipes are for questions and replies alone
    os.dup2(nothing, 1)

    from glassgrad.play.answer import answer
    from glassgrad.play.frames import read, send

    send(told, answer(_READY, most))  # also imports all that the first question would wait for
    _limit("RLIMIT_AS", memory)
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_FSIZE", 0)
    while (question := read(asked)) is not None:
        _spend(seconds)
        reply = answer(json.loads(question), most)
        send(told, reply)
        if reply.spent:
            return


def _limit(name: str, value: int) -> None:
    """Lower a limit of this process, where the platform has it."""
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        which = getattr(resource, name)
        resource.setrlimit(which, (value, resource.getrlimit(which)[1]))


def _spend(seconds: float) -> None:
    """Allow processor time for one question, so that it ends even where nobody is left to kill it."""
    with contextlib.suppress(ImportError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        _limit("RLIMIT_CPU", math.ceil(used.ru_utime + used.ru_stime + seconds) + 1)


if __name__ == "__main__":
    main()
