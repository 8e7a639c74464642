"""`backend`: which code gradients run as, for the length of a block."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from glassgrad.tracing import RUNNING

__all__ = ["backend", "chosen"]


class _Chosen:
    """What is chosen in this process: how many blocks ask for NumPy now."""

    numpy = 0


chosen = _Chosen()
_LOCK = threading.Lock()


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Run gradients as NumPy code within a ``with`` block.

    It holds for all threads of the process while the block lasts. The environment variable
    ``GLASSGRAD_BACKEND=numpy`` does the same for a whole run.

    Parameters
    ----------
    name : {"numpy", "native"}
        ``"numpy"``: no native code is begun or run. ``"native"``: as always.

    Raises
    ------
    ValueError
        Another name.

    Examples
    --------
    >>> import numpy as np
    >>> import glassgrad as gg
    >>> g = gg.grad(lambda x: np.sum(x**2))
    >>> with gg.backend("numpy"):
    ...     g(np.arange(3.0))
    array([0., 2., 4.])
    """
    if name not in ("numpy", "native"):
        raise ValueError(f"backend {name!r} is not known: choose 'numpy' or 'native'")
    if name == "native":
        yield
        return
    RUNNING.append(None)  # which keeps native code from answering calls by itself
    with _LOCK:
        chosen.numpy += 1
    try:
        yield
    finally:
        with _LOCK:
            chosen.numpy -= 1
        RUNNING.pop()
