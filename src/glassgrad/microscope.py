"""The microscope: one evaluation of a function, gate by gate.

`backprop` gives a record of it: the value and the gradient on every wire, local gradients, the
circuit, and the whole backward pass as staged code. How the record is drawn is not known here;
`show` hands in the drawing.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args

import numpy as np

from glassgrad.circuit import Circuit, Gate, Wire
from glassgrad.passes import cleaned, gradient_circuit
from glassgrad.runtime.arguments import ACTIVE, parameter_names, resolve
from glassgrad.runtime.gradient import Argnums, selector
from glassgrad.runtime.interpret import evaluate
from glassgrad.runtime.paths import gradients_as
from glassgrad.runtime.staging import Study, study
from glassgrad.runtime.tree import flatten
from glassgrad.sensitivity import Sensitivity, plot_sensitivity, sensitivity

if TYPE_CHECKING:
    from glassgrad.diagnose import Diagnosis

__all__ = ["Artist", "Backprop", "Gradients", "Look", "Sensitivity", "Theme", "WireRecord", "backprop",
           "draws_with"]  # fmt: skip

_LOCAL_LIMIT = 400  # statements; beyond, local gradients are left to be asked for one by one

Theme: TypeAlias = Literal["light", "dark"]


@dataclass(frozen=True)
class Look:
    """How a picture is wanted: see `Backprop.svg`."""

    theme: Theme = "light"
    fold: bool | None = None
    diagnosis: bool = True
    step: int | None = None

    def __post_init__(self) -> None:
        if self.theme not in get_args(Theme):
            raise ValueError(f"there is no theme {self.theme!r}: choose 'light' or 'dark'")
        if self.step is not None and operator.index(self.step) < 0:
            raise ValueError(f"no step comes before step 0, so {self.step} is none")


class Artist(Protocol):
    """What can draw a record; `show` has the one there is."""

    def table(self, record: Backprop) -> str:
        """What ``print(record)`` shows."""

    def picture(self, record: Backprop, width: int) -> str:
        """The circuit in characters."""

    def svg(self, record: Backprop, look: Look) -> str:
        """The circuit as SVG."""

    def save(self, record: Backprop, path: Path, look: Look) -> None:
        """The circuit in a file, as its ending says."""

    def mimebundle(self, record: Backprop) -> dict[str, str]:
        """What a notebook shows, by MIME type."""

    def widget(self, record: Backprop, theme: Theme | None) -> Any:
        """The page as a notebook widget."""


_artist: Artist | None = None


def draws_with(artist: Artist) -> None:
    """Hand in what draws records."""
    global _artist
    _artist = artist


def _drawing() -> Artist:
    assert _artist is not None, "glassgrad.show hands in its artist when glassgrad is imported"
    return _artist


class Gradients(tuple[Any, ...]):
    """The gradients of the arguments: a tuple in their order, and by name.

    Examples
    --------
    >>> g = Gradients((1.0, 2.0), ("x", "y"))
    >>> g, g["y"]
    ((1.0, 2.0), 2.0)
    """

    _names: tuple[str, ...]

    def __new__(cls, values: Sequence[Any], names: Sequence[str]) -> Gradients:
        made = super().__new__(cls, values)
        made._names = tuple(names)
        return made

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str) and key not in self._names:
            raise KeyError(f"no gradient is named {key!r}; there are {list(self._names)}")
        return super().__getitem__(self._names.index(key) if isinstance(key, str) else key)

    def keys(self) -> tuple[str, ...]:
        """The names of the arguments."""
        return self._names


@dataclass(frozen=True)
class WireRecord:
    """One wire of one evaluation.

    Attributes
    ----------
    name : str
        The user's name, or a short readable one.
    line : int or None
        The line of the user's source.
    value
        The value that flowed forward.
    gradient
        Of the output with respect to this wire; None where no gradient flows.
    shape : tuple of int
    dtype : numpy.dtype
    statement : str
        The statement that made it; empty for an input.
    number : int
        The statement's number; 0 for an input.
    op : str
        The gate that drives it, "input" for an input.
    says : str
        What that gate does to a gradient.
    local : mapping
        Local gradients: of this wire with respect to each named input of its statement, by name;
        only where all of them are single numbers.
    """

    name: str
    line: int | None
    value: Any
    gradient: Any
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    statement: str = ""
    number: int = 0
    op: str = "input"
    says: str = ""
    local: Mapping[str, float] | None = None


class Backprop:
    """One evaluation under the microscope; made by `glassgrad.backprop`.

    Attributes
    ----------
    value
        What the function returned.
    grads : Gradients
        The gradient of each argument that has one, in order and by name.
    wires : tuple of WireRecord
        Inputs first, then every statement's wire in the order of the forward pass.
    circuit : Circuit
        The circuit of value and gradients.
    code : str
        The staged code: a Python module that runs alone.
    study : Study
        What all of this is read from; for programs that draw.
    """

    def __init__(self, studied: Study) -> None:
        self.study = studied

    @property
    def value(self) -> Any:
        return self.study.recorded.result

    @cached_property
    def circuit(self) -> Circuit:
        return cleaned(self.study.backward.circuit)

    @property
    def code(self) -> str:
        return self.study.staged.code

    @cached_property
    def grads(self) -> Gradients:
        arguments = self.study.arguments
        recorded = self.study.recorded
        outputs = self.study.backward.circuit.outputs[len(recorded.circuit.outputs) :]
        rest = iter(outputs)
        leaves = [
            gradients_as(leaf, self.study.value_of(next(rest))) if role is ACTIVE else None
            for leaf, role in zip(arguments.leaves, arguments.layout.roles, strict=True)
        ]
        args, kwargs = arguments.layout.rebuild(leaves)
        labels = parameter_names(self.study.function)
        named = [(labels[n] if n < len(labels) else f"x{n}", v) for n, v in enumerate(args)]
        named += list(kwargs.items())
        kept = [(n, v) for n, v in named if any(leaf is not None for leaf in flatten(v)[0])]
        return Gradients([v for _, v in kept], [n for n, _ in kept])

    @cached_property
    def wires(self) -> tuple[WireRecord, ...]:
        return tuple(self._wires())

    def wire(self, name: str) -> WireRecord:
        """The wire of this name.

        Raises
        ------
        KeyError
            There is none; the message lists the names there are.
        """
        for each in self.wires:
            if each.name == name:
                return each
        raise KeyError(f"no wire is named {name!r}; there are {[w.name for w in self.wires]}")

    def sensitivity(self, name: str, h: float = 1e-3, index: Any = None) -> Sensitivity:
        """How f moves with one input: f(x + h) against f(x) + h df/dx.

        Parameters
        ----------
        name : str
            Name of an input, as in `wires`.
        h : float
            How far to move it.
        index : optional
            Which element of an array; without it all elements move by `h`.

        Examples
        --------
        >>> import glassgrad as gg
        >>> t = gg.backprop(lambda x, y: x * y, 4.0, -3.0)
        >>> print(t.sensitivity("y", 0.1))
        moving y by 0.1 takes the output from -12 to -11.6; the straight line says -11.6, off by 0 (100 % of the change told)
        """
        return sensitivity(self.study, name, h, index)

    def plot_sensitivity(
        self, name: str, index: Any = None, width: float | None = None, points: int = 101
    ) -> Any:
        """Draw f around this point, against the straight line that its gradient says.

        Parameters
        ----------
        name : str
            Name of an input, as in `wires`.
        index : optional
            Which element of an array; without it all elements move together.
        width : float, optional
            How far to go to both sides; without it half of the input's size, and at least 0.5.
        points : int
            How often the function is called.

        Returns
        -------
        matplotlib.figure.Figure or None
            None where matplotlib (the extra ``plots``) is missing; a text chart is printed then.

        Raises
        ------
        NotScalarError
            The function does not return one number.
        """
        return plot_sensitivity(self.study, name, index, width, points)

    def plot_gradients(self, most: int = 30) -> Any:
        """Draw a histogram of the gradient's magnitudes for each layer, inputs first.

        Parameters
        ----------
        most : int
            How many wires to show: arrays that have a gradient, evenly chosen if there are more.

        Returns
        -------
        matplotlib.figure.Figure or None
            None where matplotlib (the extra ``plots``) is missing; a text chart is printed then.
        """
        from glassgrad.plots import histograms

        found = [w for w in self.wires if w.gradient is not None and np.size(w.gradient) > 1]
        found = found or [w for w in self.wires if w.gradient is not None]
        if len(found) > most:
            found = [found[n] for n in np.unique(np.linspace(0, len(found) - 1, most).astype(int))]
        rows = [
            (w.name if w.line is None else f"{w.name}, line {w.line}", w.gradient) for w in found
        ]
        return histograms("gradients by layer", rows, x="|gradient|")

    def diagnose(self) -> Diagnosis:
        """What is wrong here, in words with numbers, lines and mends; see `glassgrad.diagnose`.

        Returns
        -------
        Diagnosis
            A sequence of findings, the gravest first; ``print`` it. Empty, and so false, where
            there is nothing to report.

        Examples
        --------
        >>> import numpy as np
        >>> import glassgrad as gg
        >>> def f(x):
        ...     return np.sqrt(np.sum(x**2))
        >>> for finding in gg.backprop(f, np.zeros(2)).diagnose():
        ...     print(finding.kind, finding.wires[0])
        not-finite-gradient x
        """
        return self._diagnosis

    @cached_property
    def _diagnosis(self) -> Diagnosis:
        """Kept, as a notebook shows it in three forms at once."""
        from glassgrad.diagnose import diagnose  # only where it is asked for

        return diagnose(self.study)

    # -- the wires ---------------------------------------------------------------------------

    def _wires(self) -> Iterator[WireRecord]:
        studied = self.study
        staged = studied.staged
        forward = studied.recorded.circuit
        drivers = {w: g for g in forward.gates for w in g.outputs}
        for wire in forward.inputs:
            yield self._record(wire, staged.names[wire], None, "", 0, None)
        lines = [n for n in staged.lines if not n.backward and n.gate is not None]
        for line in lines:
            assert line.wire is not None
            local = self._local(line.number) if len(lines) <= _LOCAL_LIMIT else None
            yield self._record(
                line.wire, staged.names[line.wire], drivers.get(line.wire),
                " ".join(part.strip() for part in line.text), line.number, local,
            )  # fmt: skip

    def _record(
        self, wire: Wire, name: str, gate: Gate | None, statement: str, number: int,
        local: Mapping[str, float] | None,
    ) -> WireRecord:  # fmt: skip
        studied = self.study
        shown = studied.recognised.get(wire, gate)
        return WireRecord(
            name, gate.place.line if gate is not None and gate.place else None,
            studied.value_of(wire), studied.gradient_of(wire),
            wire.shape, wire.dtype, statement, number,
            "input" if shown is None else shown.op.name, "" if shown is None else shown.op.says,
            local,
        )  # fmt: skip

    def _local(self, number: int) -> Mapping[str, float] | None:
        """d(statement) / d(each named input), where all are single numbers."""
        studied = self.study
        numbers, names = studied.staged.numbers, studied.staged.names
        gates = [g for g in studied.recorded.circuit.gates
                 if g.outputs and numbers.get(g.outputs[0]) == number]  # fmt: skip
        if not gates:
            return None
        made = {w for g in gates for w in g.outputs}
        boundary: list[Wire] = []
        for gate in gates:
            for operand in gate.inputs:
                if isinstance(operand, Wire) and operand not in made and operand not in boundary:
                    boundary.append(operand)
        out = gates[-1].outputs[0]
        real = [w for w in boundary if w.dtype.kind == "f"]
        if out.shape or out.dtype.kind != "f" or not real or any(w.shape for w in boundary):
            return None
        part = Circuit(tuple(boundary), tuple(gates), (out,))
        results = evaluate(gradient_circuit(part, real, careful=True),
                           [studied.value_of(w) for w in boundary])  # fmt: skip
        return {names.get(w, "?"): float(g) for w, g in zip(real, results[1:], strict=True)}

    # -- showing -----------------------------------------------------------------------------

    def svg(
        self,
        *,
        theme: Theme = "light",
        fold: bool | None = None,
        diagnosis: bool = True,
        step: int | None = None,
    ) -> str:
        """The circuit as a picture: values above the wires, gradients below, gates in circles.

        Parameters
        ----------
        theme : {"light", "dark"}
        fold : bool, optional
            Whether each helper of yours, and each turn of a loop, is one node; without it they are
            open as long as there are few gates.
        diagnosis : bool
            Whether errors and warnings of `diagnose` are marked: a number at the wire, and a line
            for each below.
        step : int, optional
            Draw what is known after so many steps of the story: forward gate by gate, then the
            output's gradient, then backward gate by gate. The step's gate has a ring.

        Returns
        -------
        str
            A whole SVG document: no style sheet, no script, its own background.

        Examples
        --------
        >>> import glassgrad as gg
        >>> picture = gg.backprop(lambda x, y: x * y, 3.0, -4.0).svg()
        >>> picture[:4], ">-12</text>" in picture
        ('<svg', True)
        """
        return _drawing().svg(self, Look(theme, fold, diagnosis, step))

    def picture(self, width: int = 100) -> str:
        """The circuit in box-drawing characters, if it is small enough; else the table.

        Parameters
        ----------
        width : int
            Columns there are.

        Examples
        --------
        >>> import glassgrad as gg
        >>> f = lambda x, y: x * y
        >>> print(gg.backprop(f, 3.0, -4.0).picture())
           3
        x ────────┬───╮ value -12
           -4     │ * ├───────────────▶
                ╭─┴───╯ 1
           -4   │
        y ──────╯
           3
        """
        return _drawing().picture(self, width)

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        theme: Theme = "light",
        fold: bool | None = None,
        diagnosis: bool = True,
        step: int | None = None,
    ) -> None:
        """Write the picture, or a page to walk through it, to a file.

        Parameters
        ----------
        path : str or path
            Its ending says how: ``.svg`` is the picture, ``.html`` a page that needs no network and
            no server; ``.png`` and ``.pdf`` need the extra ``pictures``.
        theme, fold, diagnosis, step
            As of `svg`; a page only asks for the theme, it has all the rest inside.

        Raises
        ------
        UnsupportedError
            The ending is not known, or what it needs is not installed.
        """
        _drawing().save(self, Path(path), Look(theme, fold, diagnosis, step))

    def widget(self, theme: Theme | None = None) -> Any:
        """The page of `save` as a notebook widget, for Jupyter, VS Code and marimo.

        Parameters
        ----------
        theme : {"light", "dark"}, optional
            Without it the notebook's own.

        Raises
        ------
        UnsupportedError
            The extra ``notebook`` (anywidget) is not installed; the record itself needs nothing to
            show its picture.
        """
        return _drawing().widget(self, None if theme is None else Look(theme).theme)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return _drawing().mimebundle(self)

    def __str__(self) -> str:
        return _drawing().table(self)

    def __repr__(self) -> str:
        name = getattr(self.study.function, "__name__", "function")
        return f"<backprop of {name}: {len(self.study.recorded.circuit.gates)} gates>"


def backprop(
    function: Callable[..., Any],
    *args: Any,
    argnums: Argnums | None = None,
    upstream: Any = None,
    **kwargs: Any,
) -> Backprop:
    """Put one evaluation of a function under the microscope.

    Parameters
    ----------
    function : callable
        An ordinary function of numbers and NumPy arrays.
    *args, **kwargs
        Its arguments.
    argnums : optional
        Which arguments to differentiate; without it all that can be.
    upstream : optional
        The gradient of the function's value, shaped like it; without it the function has to
        return one number, and its gradient is 1.

    Returns
    -------
    Backprop
        Value, gradients, every wire, the circuit and the staged code; ``print`` it.

    Raises
    ------
    NotScalarError
        The value is not one number and no upstream gradient is given.
    ShapeError
        The upstream gradient is not shaped like the value.

    Examples
    --------
    >>> import glassgrad as gg
    >>> def f(x, y, z):
    ...     q = x + y
    ...     f = q * z
    ...     return f
    >>> t = gg.backprop(f, -2, 5, -4)
    >>> t.value, t.grads
    (-12.0, (-4.0, -4.0, 3.0))
    >>> t.wire("q").value, t.wire("q").gradient
    (3.0, -4.0)
    >>> print(t.code)  # doctest: +ELLIPSIS
    \"\"\"Value and gradient of f, gate by gate.\"\"\"
    ...
        # backprop f = q * z  (2)
        dq = z
        dz = q
    ...
    """
    names = parameter_names(function)
    if argnums is None:
        arguments = resolve(args, kwargs, lambda n: True, names, lenient=True)
    else:
        arguments = resolve(args, kwargs, selector(argnums, names, function), names)
    return Backprop(study(function, arguments, upstream))
