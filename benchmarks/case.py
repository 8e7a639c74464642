"""What a benchmark case is: a model in plain NumPy, its data, and the same model for each peer.

Knows neither clocks nor peers. `retarget` makes a peer's form of a model out of the NumPy one, by
giving its module another `np`; where a peer's idiom differs, the case brings that form along.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

Function = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """One benchmark.

    Parameters
    ----------
    name, title
        What to type, and what to print.
    model
        The function in plain NumPy (or `math`), scalar output.
    data
        Makes the arguments, the same at each call.
    argnums
        Which arguments are differentiated: a tuple of positions.
    by_hand
        The same arguments to (value, tuple of gradients), derived by hand: the reference.
    jax, torch
        Given that module, gives the model in its own idiom; needed only where the NumPy model
        with `jax.numpy` or `torch` for `np` does not run, or is not what people would write.
    tolerance
        How far peers may differ, relative to the largest element of a gradient.
    remark
        What a reader of the numbers should know.
    """

    name: str
    title: str
    model: Function
    data: Callable[[], tuple[Any, ...]]
    argnums: tuple[int, ...]
    by_hand: Function
    jax: Callable[[Any], Function] | None = None
    torch: Callable[[Any], Function] | None = None
    tolerance: float = 1e-9
    remark: str = ""


def retarget(function: FunctionType, **names: Any) -> FunctionType:
    """Copy a function, and the helpers of its module, with other global names.

    Examples
    --------
    >>> import math
    >>> def area(r): return math.pi * r
    >>> class exact: pi = 3
    >>> retarget(area, math=exact)(2)
    6
    """
    home = function.__globals__
    world = {**home, **names}
    for name, value in home.items():
        if isinstance(value, FunctionType) and value.__globals__ is home and name not in names:
            world[name] = _copy(value, world)
    return _copy(function, world)


def _copy(function: FunctionType, world: dict[str, Any]) -> FunctionType:
    copy = FunctionType(
        function.__code__,
        world,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy
