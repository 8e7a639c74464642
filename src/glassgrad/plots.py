"""Simple charts of numbers: with matplotlib where it is installed, else as text.

It knows numbers and labels, and nothing of gradients. matplotlib (the extra ``plots``) is
imported when a chart is asked for, and its figure is given back; without it the chart is printed.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Series", "curves", "drawable", "histograms", "sparkline"]

_BARS = "▁▂▃▄▅▆▇█"
_COLOURS = ("#2f7d32", "#c62828", "#1565c0", "#6a1b9a", "#ef6c00", "#00838f", "#5d4037", "#455a64")


@dataclass(frozen=True)
class Series:
    """One line of a chart: numbers y over numbers x, and how it is drawn.

    Attributes
    ----------
    label : str
    x, y : sequence of float
        Where y is not finite the line has a gap.
    dashed : bool
    """

    label: str
    x: Any
    y: Any
    dashed: bool = False


def drawable() -> bool:
    """Whether there is matplotlib to draw with."""
    return _pyplot() is not None


def _pyplot() -> Any:
    """The pyplot of matplotlib, or None where it is not installed."""
    try:
        import matplotlib.pyplot as pyplot
    except ImportError:
        return None
    return pyplot


# -- lines -----------------------------------------------------------------------------------------


def curves(
    title: str, series: Sequence[Series], *, x: str = "", y: str = "",
    point: tuple[float, float] | None = None, log: bool = False,
) -> Any:  # fmt: skip
    """Lines over a common axis, and one point that is marked.

    Returns
    -------
    matplotlib.figure.Figure or None
        None where matplotlib is missing; the chart has been printed then.
    """
    pyplot = _pyplot()
    if pyplot is None:
        print(curves_as_text(title, series, x=x, point=point, log=log))
        return None
    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    for n, each in enumerate(series):
        axes.plot(each.x, each.y, "--" if each.dashed else "-", label=each.label, linewidth=1.6,
                  color=_COLOURS[n % len(_COLOURS)])  # fmt: skip
    if point is not None:
        axes.plot(*point, "o", color="black", markersize=5, zorder=5)
    if log and any(np.any(np.asarray(each.y) > 0) for each in series):
        axes.set_yscale("log")
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    return figure


def curves_as_text(
    title: str, series: Sequence[Series], *, x: str = "", point: tuple[float, float] | None = None,
    log: bool = False, width: int = 64, height: int = 16,
) -> str:  # fmt: skip
    """The same chart in characters: the first line in full marks, dashed ones in small ones.

    Examples
    --------
    >>> print(curves_as_text("x", [Series("x", [0, 1, 2], [0, 1, 2])], width=5, height=3))
    x
        2 |    •
          |  •
        0 |•
           0   2
    • x
    """
    marks = "•+x×*"
    xs = np.concatenate([np.asarray(s.x, float) for s in series])
    ys = np.concatenate([np.asarray(s.y, float) for s in series])
    if log:
        ys = _logs(ys)
    seen = ys[np.isfinite(ys)]
    if not seen.size:
        return f"{title}\nnothing to draw: no value is finite"
    low, high = float(seen.min()), float(seen.max())
    span = high - low or 1.0
    left, right = float(xs.min()), float(xs.max())
    grid = [[" "] * width for _ in range(height)]

    def put(at: float, value: float, mark: str) -> None:
        if np.isfinite(value):
            row = round((high - value) / span * (height - 1))
            column = round((at - left) / (right - left or 1.0) * (width - 1))
            grid[min(max(row, 0), height - 1)][min(max(column, 0), width - 1)] = mark

    used: list[str] = []
    for each in reversed(series):  # the first one on top
        mark = "·" if each.dashed else marks[series.index(each) % len(marks)]
        used.insert(0, f"{mark} {each.label}")
        for a, b in zip(each.x, _logs(each.y) if log else each.y, strict=True):
            put(float(a), float(b), mark)
    if point is not None:
        put(point[0], float(_logs(point[1])) if log else point[1], "◆")
        used.append("◆ here")
    ends = [f"{10**v if log else v:.4g}" for v in (high, low)]
    margin = max(5, *map(len, ends))
    lines = [title]
    for n, row in enumerate(grid):
        label = ends[0] if n == 0 else ends[1] if n == height - 1 else ""
        lines.append(f"{label:>{margin}} |{''.join(row)}".rstrip())
    first, last = f"{left:.4g}", f"{right:.4g}"
    gap = max(1, width - len(first) - len(last) - len(x))
    before = gap // 2
    lines.append(f"{'':{margin}}  {first}{' ' * before}{x}{' ' * (gap - before)}{last}".rstrip())
    return "\n".join([*lines, "   ".join(used)])


def _logs(values: Any) -> Any:
    array = np.asarray(values, float)
    with np.errstate(all="ignore"):
        return np.where(array > 0, np.log10(np.maximum(array, 1e-320)), np.nan)


# -- histograms ------------------------------------------------------------------------------------


def histograms(title: str, rows: Sequence[tuple[str, Any]], *, x: str = "") -> Any:
    """One histogram of magnitudes a row, over a common logarithmic axis.

    Parameters
    ----------
    title : str
    rows : sequence of (label, numbers)
        Zeros and what is not finite are counted beside the histogram.
    x : str
        What the axis is called.

    Returns
    -------
    matplotlib.figure.Figure or None
        None where matplotlib is missing; the chart has been printed then.
    """
    pyplot = _pyplot()
    if pyplot is None:
        print(histograms_as_text(title, rows, x=x))
        return None
    edges, counts, remarks = _counted(rows, 60)
    figure, axes = pyplot.subplots(figsize=(7, 1.4 + 0.42 * len(rows)), layout="constrained")
    for n, each in enumerate(counts):
        base = len(rows) - 1 - n
        tall = base + 0.85 * each / max(int(each.max(initial=0)), 1)
        axes.fill_between(edges[:-1], base, tall, step="post", color="#c62828", alpha=0.75)
        axes.axhline(base, color="black", linewidth=0.4, alpha=0.4)
        axes.annotate(remarks[n], (1, base + 0.35), xycoords=("axes fraction", "data"), ha="right",
                      fontsize=8, alpha=0.8)  # fmt: skip
    axes.set(title=title, xlabel=f"log10 of {x}" if x else "log10")
    axes.set_yticks(range(len(rows)), [label for label, _ in rows][::-1])
    axes.set_ylim(-0.1, len(rows))
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    return figure


def histograms_as_text(title: str, rows: Sequence[tuple[str, Any]], *, x: str = "") -> str:
    """The same in characters.

    Examples
    --------
    >>> print(histograms_as_text("two", [("a", [1, 10, 10]), ("b", [0.0, 100.0])]))
    two
        from 1 to 100
    a  ▄                       █
    b                                                 █  50 % zeros
    """
    width = 48
    edges, counts, remarks = _counted(rows, width)
    longest = max((len(label) for label, _ in rows), default=0)
    of = f"{x} " if x else ""
    lines = [title, f"{'':{longest}}   {of}from {10 ** edges[0]:.3g} to {10 ** edges[-1]:.3g}"]
    for (label, _), each, remark in zip(rows, counts, remarks, strict=True):
        own = max(int(each.max(initial=0)), 1)
        line = "".join(_BARS[max(0, -(-8 * int(n) // own) - 1)] if n else " " for n in each)
        lines.append(f"{label:{longest}}  {line}  {remark}".rstrip())
    return "\n".join(lines)


def _counted(rows: Sequence[tuple[str, Any]], bins: int) -> tuple[Any, list[Any], list[str]]:
    """The edges of the bins in powers of ten, the counts of each row, what was left out."""
    logs, remarks = [], []
    for _, values in rows:
        array = np.abs(np.asarray(values, float).ravel())
        kept = array[np.isfinite(array) & (array > 0)]
        logs.append(np.log10(kept))
        parts = []
        if (array == 0).any():
            parts.append(f"{100 * float((array == 0).mean()):.3g} % zeros")
        if not np.isfinite(array).all():
            parts.append(f"{int((~np.isfinite(array)).sum())} not finite")
        remarks.append(", ".join(parts))
    everything = np.concatenate([*logs, np.zeros(0)])
    low, high = (everything.min(), everything.max()) if everything.size else (-1.0, 0.0)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, bins + 1)
    return edges, [np.histogram(each, edges)[0] for each in logs], remarks


# -- one line --------------------------------------------------------------------------------------


def sparkline(values: Any, width: int | None = None, log: bool = False) -> str:
    """Numbers as one line of bars; what is not finite is a cross.

    Examples
    --------
    >>> sparkline([0, 1, 2, 3, 4, 5, 6, 7])
    '▁▂▃▄▅▆▇█'
    >>> sparkline([1, 10, float("nan"), 100], log=True)
    '▁▅✗█'
    """
    array = np.asarray(values, float)
    bad = ~np.isfinite(array)
    if log:
        array = _logs(array)
    width = width or min(len(array), shutil.get_terminal_size().columns)
    groups = np.array_split(np.arange(len(array)), width) if len(array) > width else \
        [np.array([n]) for n in range(len(array))]  # fmt: skip
    seen = array[np.isfinite(array)]
    low, span = (float(seen.min()), float(np.ptp(seen))) if seen.size else (0.0, 0.0)
    signs = []
    for group in groups:
        part = array[group]
        part = part[np.isfinite(part)]
        if bad[group].any():
            signs.append("✗")
        elif not part.size:
            signs.append(" ")  # nothing but zeros, which have no logarithm
        else:
            at = 0.0 if span == 0 else (float(part.mean()) - low) / span
            signs.append(_BARS[min(7, int(8 * at))])
    return "".join(signs)
