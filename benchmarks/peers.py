"""Whom we compare: for each peer, how a case becomes one call without arguments.

Knows how each library is used at its best on a CPU (compiled, double precision, arrays already on
its side); knows no clock. A library that cannot be imported is left out with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.case import Case, retarget

Call = Callable[[], Any]


@dataclass(frozen=True)
class Peer:
    """One way to get a value and a gradient.

    Parameters
    ----------
    title
        What it is, in a few words.
    needs
        The module that must be importable, if any.
    build
        From a case and its arguments to a fresh call: nothing traced, nothing compiled yet.
    gradient
        False for the plain function alone.
    """

    title: str
    needs: str | None
    build: Callable[[Case, tuple[Any, ...]], Call]
    gradient: bool = True


def _forward(case: Case, args: tuple[Any, ...]) -> Call:
    return lambda: case.model(*args)


def _by_hand(case: Case, args: tuple[Any, ...]) -> Call:
    return lambda: case.by_hand(*args)


def _glassgrad(case: Case, args: tuple[Any, ...]) -> Call:
    import glassgrad as gg

    # A copy of the function, so that no earlier build of the same case has warmed it up.
    function = gg.value_and_grad(retarget(case.model), argnums=case.argnums)
    return lambda: function(*args)


def _autograd(case: Case, args: tuple[Any, ...]) -> Call:
    import autograd
    import autograd.numpy as anp

    function = autograd.value_and_grad(retarget(case.model, np=anp, math=anp), case.argnums)
    return lambda: function(*args)


def _jax_function(case: Case) -> Any:
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.clear_caches()
    jnp = jax.numpy
    model = case.jax(jax) if case.jax else retarget(case.model, np=jnp, math=jnp)
    return jax.jit(jax.value_and_grad(model, argnums=case.argnums))


def _jax(case: Case, args: tuple[Any, ...]) -> Call:
    import jax

    function = _jax_function(case)
    there = [jax.device_put(jax.numpy.asarray(a)) for a in args]
    return lambda: jax.block_until_ready(function(*there))


def _jax_io(case: Case, args: tuple[Any, ...]) -> Call:
    import jax

    function = _jax_function(case)
    # As in a call from an optimiser: the parameters come as NumPy, the data stays where it is.
    here = [a if i in case.argnums else jax.device_put(a) for i, a in enumerate(args)]

    def call() -> Any:
        value, gradients = function(*here)
        return float(value), tuple(np.asarray(g) for g in gradients)

    return call


def _torch(case: Case, args: tuple[Any, ...]) -> Call:
    import torch

    model = case.torch(torch) if case.torch else retarget(case.model, np=torch, math=torch)
    there = [torch.as_tensor(a, dtype=None if np.ndim(a) else torch.float64) for a in args]
    leaves = [there[i].requires_grad_() for i in case.argnums]

    def call() -> Any:
        value = model(*there)
        return value.detach(), torch.autograd.grad(value, leaves)

    return call


PEERS: dict[str, Peer] = {
    "glassgrad": Peer("this library, NumPy in and out", "glassgrad", _glassgrad),
    "forward": Peer("plain NumPy function, no gradient", None, _forward, gradient=False),
    "by-hand": Peer("value and gradient by hand in NumPy", None, _by_hand),
    "autograd": Peer("HIPS autograd", "autograd", _autograd),
    "jax": Peer("JAX, jit, x64, arrays on its side", "jax", _jax),
    "jax-io": Peer("JAX, jit, x64, parameters and gradients as NumPy", "jax", _jax_io),
    "torch": Peer("PyTorch, eager, tensors on its side", "torch", _torch),
}

# The libraries that derive the gradient for their user, as glassgrad does.
RIVALS = ("autograd", "jax", "jax-io", "torch")


def available(names: Iterable[str]) -> tuple[dict[str, Peer], dict[str, str]]:
    """The peers that can be used here, and why the others cannot."""
    usable: dict[str, Peer] = {}
    missing: dict[str, str] = {}
    for name in names:
        peer = PEERS[name]
        try:
            if peer.needs:
                import_module(peer.needs)
        except Exception as error:  # a broken install is as good as none
            missing[name] = f"{type(error).__name__}: {error}"
        else:
            usable[name] = peer
    return usable, missing


def read(result: Any) -> tuple[float, list[Any]]:
    """A peer's answer as a float and plain arrays, to compare."""
    value, gradients = result
    return float(value), [np.asarray(g, dtype=np.float64) for g in gradients]
