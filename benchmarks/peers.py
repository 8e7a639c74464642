"""Whom we compare: for each peer, how a case becomes one call without arguments.

Knows how each library is used at its best on a CPU (compiled, double precision, arrays already on
its side); knows no clock. A library that cannot be imported is left out with the reason.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from shutil import which
from typing import Any

import numpy as np

from benchmarks.case import Case, retarget
from benchmarks.compiled import COMPILER, FLAGS, casadi_call, library

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
        False for what gives no gradient.
    applies
        Whether a case has a form for this peer; where it has none, nothing is said of the peer.
    calls
        How many of the first calls are looked at.
    ready
        Whether the last tier is in use by now; until then it is called on.
    tool
        The program that must be installed, if any.
    compiles_in_build
        Whether its compiler runs before the first call, so that the first call's time counts it.
    """

    title: str
    needs: str | None
    build: Callable[[Case, tuple[Any, ...]], Call]
    gradient: bool = True
    applies: Callable[[Case], bool] = lambda case: True
    calls: int = 2
    ready: Callable[[Call], bool] = lambda call: True
    tool: str | None = None
    compiles_in_build: bool = False


def _forward(case: Case, args: tuple[Any, ...]) -> Call:
    return lambda: case.model(*args)


def _by_hand(case: Case, args: tuple[Any, ...]) -> Call:
    return lambda: case.by_hand(*args)


def _bare(case: Case, args: tuple[Any, ...]) -> Call:
    assert case.bare is not None
    return case.bare(*args)


def _c(case: Case, args: tuple[Any, ...]) -> Call:
    assert case.c is not None
    return library(case.c, args, case.argnums)


def _glassgrad(case: Case, args: tuple[Any, ...]) -> Call:
    import glassgrad as gg

    # A copy of the function, so that no earlier build of the same case has warmed it up.
    function = gg.value_and_grad(retarget(case.model), argnums=case.argnums)

    def call() -> Any:
        return function(*args)

    call.gradient = function  # type: ignore[attr-defined]
    return call


def _native(call: Any) -> bool:
    """Whether native code answers, or none will."""
    from glassgrad.runtime import background

    paths = [path for known in call.gradient._signatures.values() for path in known.paths]
    return all(path.is_settled for path in paths) and background.idle()


def _autograd(case: Case, args: tuple[Any, ...]) -> Call:
    import autograd
    import autograd.numpy as anp
    from autograd.scipy import special

    model = (
        case.autograd(anp)
        if case.autograd
        else retarget(case.model, np=anp, math=anp, special=special)
    )
    function = autograd.value_and_grad(model, case.argnums)
    return lambda: function(*args)


def _jax_function(case: Case) -> Any:
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.clear_caches()
    jnp = jax.numpy
    model = (
        case.jax(jax)
        if case.jax
        else retarget(case.model, np=jnp, math=jnp, special=jax.scipy.special)
    )
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


def _torch_call(case: Case, args: tuple[Any, ...], compiled: bool) -> Call:
    import torch

    model = (
        case.torch(torch)
        if case.torch
        else retarget(case.model, np=torch, math=torch, special=torch.special)
    )
    if compiled:
        warnings.filterwarnings("ignore", message="dynamo_pgo")  # it tells of the next line
        # Its cache on disk would make the first call of a second run look short.
        torch._inductor.config.force_disable_caches = True
        torch._dynamo.reset()
        model = case.torch_compile(torch) if case.torch_compile else torch.compile(model)
    there = [torch.as_tensor(a, dtype=None if np.ndim(a) else torch.float64) for a in args]
    leaves = [there[i].requires_grad_() for i in case.argnums]

    def call() -> Any:
        value = model(*there)
        return value.detach(), torch.autograd.grad(value, leaves)

    return call


def _torch(case: Case, args: tuple[Any, ...]) -> Call:
    return _torch_call(case, args, compiled=False)


def _torch_compile(case: Case, args: tuple[Any, ...]) -> Call:
    import torch._dynamo
    import torch._inductor.config  # noqa: F401

    return _torch_call(case, args, compiled=True)


PEERS: dict[str, Peer] = {
    "glassgrad": Peer(
        "this library, NumPy in and out", "glassgrad", _glassgrad, calls=8, ready=_native
    ),
    "forward": Peer("plain NumPy function, no gradient", None, _forward, gradient=False),
    "by-hand": Peer("value and gradient by hand in NumPy", None, _by_hand),
    "c": Peer(
        f"value and gradient by hand in C ({COMPILER} {' '.join(FLAGS)}), results kept in place",
        None,
        _c,
        applies=lambda case: case.c is not None,
        tool=COMPILER,
        compiles_in_build=True,
    ),
    "blas": Peer(
        "only the matrix products of value and gradient, by NumPy's BLAS",
        None,
        _bare,
        gradient=False,
        applies=lambda case: case.bare is not None,
    ),
    "autograd": Peer("HIPS autograd", "autograd", _autograd),
    "jax": Peer("JAX, jit, x64, arrays on its side", "jax", _jax),
    "jax-io": Peer("JAX, jit, x64, parameters and gradients as NumPy", "jax", _jax_io),
    "torch": Peer("PyTorch, eager, tensors on its side", "torch", _torch),
    "torch-compile": Peer("PyTorch, torch.compile, tensors on its side", "torch", _torch_compile),
    "casadi": Peer(
        "CasADi, compiled, results kept in place (small cases)",
        "casadi",
        casadi_call,
        applies=lambda case: case.casadi is not None,
        compiles_in_build=True,
    ),
}

# The libraries that derive the gradient for their user, as glassgrad does.
RIVALS = ("autograd", "jax", "jax-io", "torch", "torch-compile", "casadi")


def available(names: Iterable[str]) -> tuple[dict[str, Peer], dict[str, str]]:
    """The peers that can be used here, and why the others cannot."""
    usable: dict[str, Peer] = {}
    missing: dict[str, str] = {}
    for name in names:
        peer = PEERS[name]
        try:
            if peer.needs:
                import_module(peer.needs)
            if peer.tool and which(peer.tool) is None:
                raise FileNotFoundError(f"no {peer.tool} here")
        except Exception as error:  # a broken install is as good as none
            missing[name] = f"{type(error).__name__}: {error}"
        else:
            usable[name] = peer
    return usable, missing


def read(result: Any) -> tuple[float, list[Any]]:
    """A peer's answer as a float and plain arrays, to compare."""
    value, gradients = result
    return float(value), [np.asarray(g, dtype=np.float64) for g in gradients]
