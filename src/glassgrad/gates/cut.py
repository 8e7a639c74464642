"""The gate that cuts: its input flows on, no gradient flows back."""

from __future__ import annotations

from typing import Any

from glassgrad.circuit import Op
from glassgrad.gates.declare import flat

__all__ = ["stop_gradient"]


def _same(x: Any) -> Any:
    return x


cut: Op = flat("stop_gradient", _same, says="cuts the gradient on purpose", examples=[(2.0,)],
               elementwise=False)  # fmt: skip


def stop_gradient(x: Any) -> Any:
    """Give `x` back as it is, but let no gradient flow through it.

    Parameters
    ----------
    x : float or array, or a nest of them in lists, tuples and dicts

    Returns
    -------
    The same values; to every gradient they are constants.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.grad(lambda x: x * gg.stop_gradient(x))(3.0)
    3.0
    """
    if isinstance(x, (list, tuple)) and not hasattr(x, "_fields"):
        return type(x)(stop_gradient(v) for v in x)
    if isinstance(x, dict):
        return {k: stop_gradient(v) for k, v in x.items()}
    return cut(x)
