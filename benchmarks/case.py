"""What a benchmark case is: a model in plain NumPy, its data, and the same model for each peer.

Knows neither clocks nor libraries. `retarget` makes a peer's form of a model out of the NumPy one, by
giving its module another `np`; where a peer's idiom differs, the case brings that form along.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

Function = Callable[..., Any]


@dataclass(frozen=True)
class Source:
    """A hand-derived gradient in C: ``double run(const void *const *in, void *const *out)``.

    Parameters
    ----------
    file
        Its name in `benchmarks/c`; `in` holds the arguments, `out` takes one gradient each.
    sizes
        What the compiler is told by `-D`, so that it knows the lengths of loops as we do.
    """

    file: str
    sizes: Mapping[str, int] = field(default_factory=dict)


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
    jax, torch, autograd
        Given that module (of autograd, its `numpy`), gives the model in its own idiom; needed only
        where the NumPy model with that module for `np` does not run, or is not what people would
        write.
    torch_compile
        Given `torch`, gives a model in which the case itself has compiled what can be compiled in
        reasonable time: one step of a loop. Elsewhere the whole model is compiled.
    casadi
        The same for CasADi, which builds its graph of scalars: only the small cases have it.
    c
        The gradient in C: the floor.
    bare
        From the arguments to a call of only the matrix products in value and gradient.
    cannot
        Why a peer cannot run this case at all, by the peer's name: told, not tried.
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
    autograd: Callable[[Any], Function] | None = None
    torch_compile: Callable[[Any], Function] | None = None
    casadi: Callable[[Any], Function] | None = None
    c: Source | None = None
    bare: Callable[..., Callable[[], Any]] | None = None
    cannot: Mapping[str, str] = field(default_factory=dict)
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
