"""Gradient functions: what happens at a call.

A call's signature is looked up; the paths known for it are tried in turn; if what the function
reads has changed, or none fits, the function is traced again and becomes another path. Nothing
here is differentiated or compiled: that is asked of the rooms below.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassgrad.circuit import Circuit, Constant
from glassgrad.emit.native import CALLABLE, make_callable, ready, switch_on
from glassgrad.emit.python import OTHER_PATH
from glassgrad.errors import GlassgradWarning, UnsupportedError
from glassgrad.passes import gradient_circuit
from glassgrad.runtime.arguments import ACTIVE, Arguments, parameter_names, resolve
from glassgrad.runtime.outside import Outside, look
from glassgrad.runtime.paths import Path, gradients_as
from glassgrad.runtime.pause import without_collection
from glassgrad.runtime.plain import PlainCall, is_plain, plain_key
from glassgrad.runtime.record import Recorded, record, scalar_output
from glassgrad.runtime.shortcut import answer_of, programs_of, table_of
from glassgrad.tracing import LOCK, RUNNING, Traced, apply, current
from glassgrad.tracing.effects import settle

__all__ = ["Argnums", "GradientFunction", "inlined", "recorded_call", "selector"]

Argnums = int | str | tuple[int | str, ...]
_AGAIN = 64  # slow calls, this many and twice as many each time, after which all is made anew
_MOST_PATHS = 64  # of one signature; beyond, the oldest is dropped


class GradientFunction(CALLABLE):  # type: ignore[misc]
    """A function that gives the value and the gradients of another; callable and cached.

    Made by `value_and_grad` and `grad`; not meant to be built by hand. Once there is native code,
    Python calls that, and it calls `__call__` for what it does not answer itself.
    """

    __slots__ = ("__dict__", "__weakref__", "_direct")

    def __init__(
        self, function: Callable[..., Any], argnums: Argnums, has_aux: bool, value: bool
    ) -> None:
        if not callable(function):
            raise TypeError(f"a function is needed, not {type(function).__name__}")
        functools.update_wrapper(self, function, updated=())
        self._function = function
        self._argnums = argnums
        self._has_aux = has_aux
        self._value = value
        self._names = parameter_names(function)
        self._chosen = selector(argnums, self._names, function)
        self._signatures: dict[Any, _Signature] = {}
        self._plain: dict[Any, PlainCall] = {}
        self._direct: tuple[Any, ...] | None = None
        self._programs: list[Callable[..., Any]] = []  # those in `_direct`
        self._slow = 0  # calls that native code has left to `__call__`
        self._made = Path.made  # when it was last looked for native code
        self._noticed = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not kwargs and current() is None:
            known = self._plain.get(plain_key(args))
            if known is not None:
                answer = known(args)
                if answer is not OTHER_PATH:
                    self._shorten()
                    return answer
        arguments = resolve(args, kwargs, self._chosen, self._names)
        if current() is not None:
            return self._inline(arguments, args, kwargs)
        answer = self._known(arguments)
        if answer is OTHER_PATH:
            return self._trace(arguments)
        self._shorten()
        return answer

    def _shorten(self) -> None:
        """Let native code answer from the next call on, where some was made.

        What it compares the outside with is made anew now and then: it goes by identity, and what
        is equal to what it was may be another object.
        """
        self._slow += 1
        again = self._slow >= _AGAIN and not self._slow & (self._slow - 1)
        if self._made == Path.made and not again:
            return
        self._made = Path.made
        signatures = [*self._signatures.values()]
        programs = programs_of(signatures)
        if programs and (again or programs != self._programs):
            call = _native_call()
            if call:
                self._direct, self._programs = table_of(signatures), programs
                switch_on(self, call)

    def _forget(self) -> None:
        """What was recorded holds no longer."""
        self._plain.clear()
        self._direct, self._programs, self._slow, self._made = None, [], 0, -1

    def __repr__(self) -> str:
        kind = "value_and_grad" if self._value else "grad"
        name = getattr(self._function, "__qualname__", repr(self._function))
        return f"<glassgrad {kind} of {name}>"

    def __get__(self, instance: Any, owner: Any) -> Any:
        """A gradient function in a class body is a method, like the function it is made of."""
        return self if instance is None else functools.partial(self, instance)

    @property
    def choice(self) -> tuple[Callable[[int | str], bool], Sequence[str]]:
        """Which arguments are differentiated, and the names of all."""
        return self._chosen, self._names

    @property
    def form(self) -> tuple[Argnums, bool, bool]:
        """Which arguments were asked for, whether it gives the value too, and whether an aux."""
        return self._argnums, self._value, self._has_aux

    def known_paths(self, arguments: Arguments) -> list[Path]:
        """The paths known for a call like this."""
        found = self._signatures.get(arguments.key)
        return list(found.paths) if found is not None else []

    def forget_results(self) -> None:
        """Let go of the results of the last calls.

        Native code holds on to the arrays it gave last, of each path up to three of each gradient
        and 256 MB in all, and gives those again that nobody else has any more. This frees them;
        later calls hold on to theirs again.
        """
        for signature in self._signatures.values():
            for path in signature.paths:
                path.forget_results()

    # -- the slow way ------------------------------------------------------------------------

    def _known(self, arguments: Arguments) -> Any:
        """The answer of a path that is known, or `OTHER_PATH`."""
        found = self._signatures.get(arguments.key)
        if found is not None and found.outside.same():
            for path in found.paths:
                results = path(arguments.numeric)
                if results is not OTHER_PATH:
                    return self._answer(path.recorded, results, arguments)
        return OTHER_PATH

    def _trace(self, arguments: Arguments) -> Any:
        free = LOCK.acquire(blocking=False)
        if free:
            LOCK.release()
        with LOCK, without_collection():
            if not free:  # while another thread traced, its routes may have looked like a change
                answer = self._known(arguments)
                if answer is not OTHER_PATH:
                    return answer
            found = self._signatures.get(arguments.key)
            if found is None or not found.outside.same():
                found = _Signature(look(self._function, *arguments.statics), arguments.statics)
                self._signatures[arguments.key] = found
                self._forget()
            try:
                recorded = recorded_call(
                    self._function, arguments, self._has_aux, found.outside.bindings, keep=True
                )
            finally:  # traced values that went outside become plain, after an exception too
                changed = None if found.outside.same() else found.outside.difference()
                if changed is not None:
                    settle(look(self._function, *arguments.statics).bindings)
        scalar_output(self._function, recorded)
        path = Path(recorded)
        with without_collection():
            results = path.first(recorded.values)
        answer = self._answer(recorded, results, arguments)
        reason = changed or recorded.retrace or next(iter(found.outside.impure), None)
        if reason is None:
            found.add(path)
            self._slow = 0
            if is_plain(arguments, recorded):
                chosen = self._argnums if isinstance(self._argnums, tuple) else (self._argnums,)
                order = [n if isinstance(n, int) else self._names.index(n) for n in chosen]
                known = PlainCall(found, arguments, order, isinstance(self._argnums, tuple),
                                  self._value)  # fmt: skip
                self._plain[plain_key(arguments.leaves)] = known
                self._plain[plain_key(arguments.given)] = known
            if _NATIVE_CALLS and type(self) is GradientFunction:
                path.answer = answer_of(arguments, recorded, self._pick, self._value)
        else:
            self._signatures.pop(arguments.key, None)
            self._forget()
            self._notice(reason)
        return answer

    def _notice(self, reason: str) -> None:
        if not self._noticed:
            self._noticed = True
            name = getattr(self._function, "__name__", "the function")
            warnings.warn(
                f"{name} has an effect or reads something that changes ({reason}), so it is traced "
                "at every call. Return what it changes (has_aux=True) or pass what it reads as an "
                "argument, and calls run compiled.",
                GlassgradWarning,
                stacklevel=4,
            )

    # -- answers -----------------------------------------------------------------------------

    def _answer(self, recorded: Recorded, results: Sequence[Any], arguments: Arguments) -> Any:
        n_value = sum(f is None for f in recorded.output.fixed)
        n_forward = len(recorded.circuit.outputs)
        value = recorded.output.rebuild(results[:n_value])
        gradients = self._gradients(results[n_forward:], arguments)
        if recorded.aux is not None:
            aux = recorded.aux.rebuild(results[n_value:n_forward])
            return ((value, aux), gradients) if self._value else (gradients, aux)
        return (value, gradients) if self._value else gradients

    def _gradients(self, gradients: Sequence[Any], arguments: Arguments) -> Any:
        """Gradients in the structure of the arguments that were chosen."""
        layout = arguments.layout
        rest = iter(gradients)
        leaves = [
            gradients_as(leaf, next(rest)) if role is ACTIVE else None
            for leaf, role in zip(arguments.leaves, layout.roles, strict=True)
        ]
        return self._pick(*layout.rebuild(leaves))

    def _pick(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Of each argument's gradients those that are asked for."""
        chosen = self._argnums if isinstance(self._argnums, tuple) else (self._argnums,)
        picked = [_pick(n, args, kwargs, self._names) for n in chosen]
        return tuple(picked) if isinstance(self._argnums, tuple) else picked[0]

    # -- inside another trace ----------------------------------------------------------------

    def _inline(self, arguments: Arguments, args: Any, kwargs: Any) -> Any:
        """A gradient within a function that is itself traced: its gates join the outer circuit."""
        recorded = recorded_call(self._function, arguments, self._has_aux, ())
        scalar_output(self._function, recorded)
        circuit = gradient_circuit(recorded.circuit, recorded.active, careful=True)
        results = inlined(circuit, [*arguments.numeric, *recorded.captured])
        return self._answer(recorded, results, arguments)

    def __reduce__(self) -> Any:
        return GradientFunction, (self._function, self._argnums, self._has_aux, self._value)


_NATIVE_CALLS = make_callable(GradientFunction)


def _native_call() -> int:
    return ready(RUNNING, GradientFunction.__call__) if _NATIVE_CALLS else 0


Path.ready = staticmethod(_native_call)


class _Signature:
    """What is known for one signature: the state of the outside, and the paths recorded so far."""

    def __init__(self, outside: Outside, statics: list[Any]) -> None:
        self.outside = outside
        self.statics = statics  # kept alive, since the key may hold their ids
        self.paths: list[Path] = []

    def add(self, path: Path) -> None:
        self.paths = [*self.paths[-(_MOST_PATHS - 1) :], path]


def recorded_call(
    function: Callable[..., Any], arguments: Arguments, has_aux: bool, bindings: Any,
    names: bool = False, keep: bool = False,
) -> Recorded:  # fmt: skip
    """Trace one call."""
    return record(function, arguments.leaves, arguments.layout, has_aux=has_aux,
                  bindings=bindings, names=names, keep=keep)  # fmt: skip


def inlined(circuit: Circuit, inputs: Sequence[Any]) -> list[Any]:
    """The outputs of a circuit, recorded gate by gate on the traces of its inputs."""
    values: dict[Any, Any] = dict(zip(circuit.inputs, inputs, strict=True))
    for gate in circuit.gates:
        operands = [i.value if isinstance(i, Constant) else values[i] for i in gate.inputs]
        if gate.op.name == "guard":
            if isinstance(operands[0], Traced):
                operands[0].tape.tell(operands[0], gate.static["how"], gate.static["told"])
            continue
        with np.errstate(all="ignore") if gate.backward else _as_is:
            results = apply(gate.op, operands, gate.static, gate.spelling)
        if gate.op.outputs == 1:
            values[gate.outputs[0]] = results
        else:
            values.update(zip(gate.outputs, results, strict=True))
    return [o.value if isinstance(o, Constant) else values[o] for o in circuit.outputs]


class _AsIs:
    """NumPy's error handling as it is."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


_as_is = _AsIs()


def _pick(n: int | str, args: list[Any], kwargs: dict[str, Any], names: Sequence[str]) -> Any:
    if isinstance(n, int):
        n = n + len(names) if n < 0 and n + len(args) < 0 else n
        if -len(args) <= n < len(args):
            return args[n]
        if n < len(names) and names[n] in kwargs:
            return kwargs[names[n]]
        raise TypeError(f"argnums={n}, but the call has {len(args)} positional arguments")
    if n in kwargs:
        return kwargs[n]
    if n in names and names.index(n) < len(args):
        return args[names.index(n)]
    raise TypeError(f"argnums names {n!r}, which the call does not pass")


def selector(
    argnums: Argnums, names: Sequence[str], function: Callable[..., Any]
) -> Callable[[int | str], bool]:
    """Which arguments are differentiated: by position or by name."""
    chosen = argnums if isinstance(argnums, tuple) else (argnums,)
    for n in chosen:
        if not isinstance(n, (int, str)) or isinstance(n, bool):
            raise TypeError(f"argnums holds {n!r}: positions (int) or parameter names are needed")
    wanted: set[int | str] = set()
    for n in chosen:
        if isinstance(n, int) and n < 0:
            if not names:
                raise UnsupportedError("negative argnums need a function with a signature")
            n += len(names)
        wanted.add(n)
        if isinstance(n, int) and n < len(names):
            wanted.add(names[n])
        if isinstance(n, str) and n in names:
            wanted.add(names.index(n))
    return lambda n: n in wanted
