"""Watching a gradient function over many calls: how large each parameter's gradient is.

It stands around a gradient function, hands calls through unchanged, and keeps a few numbers a
parameter and call. It knows nothing of how gradients come about.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from glassgrad.plots import Series, curves, drawable, sparkline
from glassgrad.runtime.arguments import parameter_names
from glassgrad.runtime.gradient import GradientFunction
from glassgrad.runtime.tree import flatten, leaf_paths
from glassgrad.tracing import current

__all__ = ["Watch", "watch"]

_BLOCK = 8192  # elements
_WIDTH = 32  # of the line of bars
_KEPT = ("norm", "mean_abs", "zeros", "not_finite", "update")


def watch(
    gradient: Callable[..., Any], *, learning_rate: float | None = None, every: int = 1,
    keep: int = 1000, pick: Callable[[Any], Any] | None = None,
) -> Watch:  # fmt: skip
    """Watch a gradient function during training.

    Parameters
    ----------
    gradient : callable
        What `value_and_grad` or `grad` gives, or any function that returns gradients, by
        themselves or behind a value.
    learning_rate : float, optional
        With it the size of each update relative to its parameter is kept too: the step times
        the gradient's norm over the parameter's. About 1e-3 is usual.
    every : int
        Look at every so many calls only. That a gradient is not finite is noticed at all calls.
    keep : int
        So many records are kept, at least 2. When they are full every second one is dropped, and
        from then on half as many are taken.
    pick : callable, optional
        Gives the gradients from what `gradient` returns, where that is neither of both.

    Returns
    -------
    Watch
        Call it as you would call `gradient`; it gives the same result. ``print`` it, or
        ``plot()`` it.

    Examples
    --------
    >>> import numpy as np
    >>> import glassgrad as gg
    >>> def loss(params, X, y):
    ...     return np.mean((np.tanh(X @ params["W"][0]) @ params["W"][1] - y) ** 2)
    >>> rng = np.random.default_rng(0)
    >>> params = {"W": [rng.normal(size=(3, 4)), rng.normal(size=4)]}
    >>> X, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    >>> gradient = gg.watch(gg.value_and_grad(loss), learning_rate=0.1)
    >>> for step in range(50):
    ...     value, d = gradient(params, X, y)
    ...     params = {"W": [W - 0.1 * dW for W, dW in zip(params["W"], d["W"])]}
    >>> gradient.names
    ("params['W'][0]", "params['W'][1]")
    >>> norms = gradient.norms["params['W'][0]"]
    >>> len(norms), bool(norms[-1] < norms[0])
    (50, True)
    """
    return Watch(gradient, learning_rate, every, keep, pick)


class Watch:
    """A gradient function that is watched; made by `glassgrad.watch`.

    Attributes
    ----------
    calls : int
        How often it was called.
    steps : numpy.ndarray
        The calls that are kept, counted from 0.
    names : tuple of str
        The parameters, as one writes them: ``params['W'][0]``.
    first_not_finite : mapping
        For each parameter whose gradient was ever NaN or infinite, the first call it was.
    """

    def __init__(
        self, gradient: Callable[..., Any], learning_rate: float | None = None, every: int = 1,
        keep: int = 1000, pick: Callable[[Any], Any] | None = None,
    ) -> None:  # fmt: skip
        if not callable(gradient):
            raise TypeError(f"a gradient function is needed, not {type(gradient).__name__}")
        if every < 1 or keep < 2:
            raise ValueError("every has to be at least 1, keep at least 2")
        self._gradient = gradient
        self.learning_rate = learning_rate
        self._every, self._keep, self._pick = every, keep, pick
        self._paths: dict[Any, list[str]] = {}
        self.calls = 0
        self._steps: list[int] = []
        self._rows: dict[str, list[tuple[float, ...]]] = {}
        self.first_not_finite: dict[str, int] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = self._gradient(*args, **kwargs)
        if current() is None:  # inside another gradient there are no numbers to look at
            self._look(result, args, kwargs)
        return result

    # -- looking -----------------------------------------------------------------------------

    def _look(self, result: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        step, self.calls = self.calls, self.calls + 1
        found = self._gradients(result)
        kept = step % self._every == 0
        if kept:
            self._steps.append(step)
        weights = self._parameters(args, kwargs) if kept and self.learning_rate is not None else {}
        for name, leaf in found.items():
            array = np.asarray(leaf)
            if array.dtype.kind != "f":
                continue
            size = _norm(array)
            if not math.isfinite(size):
                self.first_not_finite.setdefault(name, step)
            if kept:
                row = self._row(array, size, weights.get(name))
                rows = self._rows.setdefault(name, [])
                rows += [(math.nan,) * len(_KEPT)] * (
                    len(self._steps) - 1 - len(rows)
                )  # came later
                rows.append(row)
        if len(self._steps) >= self._keep:
            self._steps = self._steps[::2]
            self._rows = {n: (rows + [(math.nan,) * len(_KEPT)] * 2)[: self._keep][::2]
                          for n, rows in self._rows.items()}  # fmt: skip
            self._every *= 2

    def _row(self, array: Any, size: float, weights: Any) -> tuple[float, ...]:
        n = array.size or 1
        bad = 0 if math.isfinite(size) else int(np.count_nonzero(~np.isfinite(array)))
        update = math.nan
        if weights is not None and self.learning_rate is not None:
            whole = _norm(np.asarray(weights, float))
            update = self.learning_rate * size / whole if whole > 0 else math.inf
        total, zeros = _sums(array)
        return size, total / n, zeros / n, float(bad), update

    def _gradients(self, result: Any) -> dict[str, Any]:
        """The gradients in a result, by name."""
        if self._pick is not None:
            return self._named(self._pick(result), ["gradient"], False)
        if isinstance(self._gradient, GradientFunction):
            argnums, value, aux = self._gradient.form
            names = self._gradient.choice[1]
            nest = result[1] if value else result[0] if aux else result
            chosen = argnums if isinstance(argnums, tuple) else (argnums,)
            return self._named(
                nest, [_argument(n, names) for n in chosen], isinstance(argnums, tuple)
            )
        names = parameter_names(self._gradient)[:1] or ["gradient"]
        if isinstance(result, tuple) and len(result) == 2 and not np.ndim(_number(result[0])):
            result = result[1]
        return self._named(result, names, False)

    def _named(self, nest: Any, names: list[str], many: bool) -> dict[str, Any]:
        parts = list(nest) if many else [nest]
        found: dict[str, Any] = {}
        for name, part in zip(names, parts, strict=True):
            leaves, structure = flatten(part)
            paths = self._paths.get((name, structure))
            if paths is None:
                paths = self._paths[name, structure] = leaf_paths(name, structure)
            found.update((p, v) for p, v in zip(paths, leaves, strict=True) if v is not None)
        return found

    def _parameters(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments whose gradients are watched, by the same names."""
        argnums: Any = 0
        names = parameter_names(self._gradient)
        if isinstance(self._gradient, GradientFunction):
            argnums, names = self._gradient.form[0], list(self._gradient.choice[1])
        chosen = argnums if isinstance(argnums, tuple) else (argnums,)
        found: dict[str, Any] = {}
        for n in chosen:
            name = _argument(n, names)
            at = n if isinstance(n, int) else names.index(n) if n in names else len(args)
            value = kwargs[name] if name in kwargs else args[at] if at < len(args) else None
            leaves, structure = flatten(value)
            found.update(zip(leaf_paths(name, structure), leaves, strict=True))
        return found

    # -- what was seen -----------------------------------------------------------------------

    @property
    def steps(self) -> Any:
        return np.array(self._steps, int)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._rows)

    def series(self, what: str) -> dict[str, Any]:
        """One of the kept numbers over `steps`, for each parameter.

        Parameters
        ----------
        what : str
            "norm", "mean_abs", "zeros" (a share), "not_finite" (a count) or "update".
        """
        if what not in _KEPT:
            raise ValueError(f"{what!r}: one of {', '.join(map(repr, _KEPT))} is needed")
        at, n = _KEPT.index(what), len(self._steps)
        return {name: np.array([r[at] for r in rows] + [math.nan] * (n - len(rows)))
                for name, rows in self._rows.items()}  # fmt: skip

    @property
    def norms(self) -> dict[str, Any]:
        """The norm of each parameter's gradient over `steps`."""
        return self.series("norm")

    def plot(self) -> Any:
        """The norms over the steps: a matplotlib figure, or the text where it is missing.

        Returns
        -------
        matplotlib.figure.Figure or None
        """
        if not self._steps or not drawable():
            print(self)
            return None
        return curves(
            "norm of each gradient", [Series(n, self.steps, y) for n, y in self.norms.items()],
            x="call", y="norm", log=True,
        )  # fmt: skip

    def __str__(self) -> str:
        if not self._steps:
            return "not called yet"
        head = ["parameter", "norm over the calls", "first", "last", "largest", "mean |g|", "zeros"]
        rated = self.learning_rate is not None
        head += ["update"] if rated else []
        table = [head]
        for name, rows in self._rows.items():
            sizes = np.array([r[0] for r in rows])
            size, mean, zeros, _, update = rows[-1]
            seen = sizes[np.isfinite(sizes)]
            cells = [f"{v:.3g}" for v in (sizes[0], size, seen.max(initial=0.0), mean)]
            cells += [f"{100 * zeros:.3g} %", *([f"{update:.2g}"] if rated else [])]
            table.append([name, sparkline(sizes, _WIDTH, log=True), *cells])
        wide = [max(len(row[n]) for row in table) for n in range(len(head))]
        lines = [
            "  ".join(c.ljust(w) if n < 2 else c.rjust(w)
                      for n, (c, w) in enumerate(zip(row, wide, strict=True))).rstrip()
            for row in table
        ]  # fmt: skip
        told = f"{self.calls:,} call{'' if self.calls == 1 else 's'}"
        told += "" if len(self._steps) == self.calls else f", {len(self._steps):,} of them kept"
        bad = [f"{name}: not finite from call {step:,} on or now and then"
               for name, step in self.first_not_finite.items()]  # fmt: skip
        return "\n".join([told, *lines, *bad])

    def __repr__(self) -> str:
        return f"<watch of {self._gradient!r}: {self.calls} calls>"


def _argument(n: int | str, names: Any) -> str:
    if isinstance(n, str):
        return n
    return names[n] if -len(names) <= n < len(names) else f"x{n}"


def _number(value: Any) -> Any:
    """A value that may be a number; a nest is none."""
    return value if isinstance(value, float | int | np.generic | np.ndarray) else [value]


def _sums(array: Any) -> tuple[float, int]:
    """The sum of all magnitudes and the number of zeros; block by block, which stays in the cache."""
    flat = array.ravel(order="K")
    total, zeros = 0.0, 0
    for start in range(0, flat.size, _BLOCK):
        part = np.abs(flat[start : start + _BLOCK])
        total += float(part.sum(dtype=float))
        zeros += part.size - int(np.count_nonzero(part > 0)) - int(np.count_nonzero(part != part))
    return total, zeros


def _norm(array: Any) -> float:
    """The Euclidean norm; in one pass of BLAS where that does not overflow."""
    flat = array.ravel(order="K")
    with np.errstate(over="ignore", invalid="ignore"):
        square = float(np.vdot(flat, flat))
    if 1e-30 < square < math.inf:
        return math.sqrt(square)
    wide = flat.astype(float)
    largest = float(np.max(np.abs(wide), initial=0.0))
    if not math.isfinite(largest) or largest == 0.0:
        return largest
    return largest * math.sqrt(float(np.sum((wide / largest) ** 2)))
