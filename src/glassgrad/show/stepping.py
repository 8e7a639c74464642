"""The story in a terminal: the circuit as far as it is told, the step in words, keys to go on.

Where the circuit is too large to be drawn, the words stand alone; where nobody can press a key, all
steps are written one after the other.
"""

from __future__ import annotations

import itertools
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator

from glassgrad.microscope import Backprop
from glassgrad.show.partial import known
from glassgrad.show.picture import Picture
from glassgrad.show.story import Story, story
from glassgrad.show.terminal import coloured, fitting, text

__all__ = ["Stepper", "interactive", "step_through"]

_KEYS = "→ ← a step on or back · ↓ ↑ to the end, to the beginning · b to the backward pass · q quit"
_MOVES = {
    "\x1b[C": "next", " ": "next", "\r": "next", "l": "next", "n": "next", "\x1bOC": "next",
    "\x1b[D": "back", "\x7f": "back", "h": "back", "p": "back", "\x1bOD": "back",
    "\x1b[B": "last", "j": "last", "\x1bOB": "last", "\x1b[F": "last",
    "\x1b[A": "first", "k": "first", "\x1bOA": "first", "\x1b[H": "first",
    "b": "backward", "q": "quit", "\x1b": "quit", "\x03": "quit", "\x04": "quit",
    "\xe0M": "next", "\xe0K": "back", "\xe0P": "last", "\xe0H": "first",  # Windows' arrows
    "\x00M": "next", "\x00K": "back", "\x00P": "last", "\x00H": "first",
}  # fmt: skip


class Stepper:
    """Where one stands in a record's story, and the screen there.

    Parameters
    ----------
    record : Backprop
    width : int
        Columns there are.
    colour : bool
    """

    def __init__(self, record: Backprop, width: int, colour: bool = False) -> None:
        self.story: Story = story(record)
        self.shown: Picture | None = fitting(self.story.graph, width)
        self.width, self.colour = width, colour
        self.count = 0  # steps told

    def move(self, key: str) -> bool:
        """Do what a key says; whether to go on."""
        steps = self.story.steps
        what = _MOVES.get(key)
        if what == "quit":
            return False
        first_back = next((n for n, s in enumerate(steps) if s.kind != "forward"), len(steps))
        self.count = {
            "next": min(self.count + 1, len(steps)), "back": max(self.count - 1, 0),
            "last": len(steps), "first": 0, "backward": first_back, None: self.count,
        }[what]  # fmt: skip
        return True

    def screen(self) -> str:
        """The circuit as far as it is told, and the step in words."""
        parts = []
        if self.shown is not None:
            seen = known(self.shown, self.story.told(self.count))
            lit = (self.story.steps[self.count - 1].node,) if self.count else ()
            parts.append(text(seen, self.colour, lit))
        head, *words = (
            self.story.words(self.count - 1) if self.count
            else [f"{len(self.story.steps)} steps: forward gate by gate, then backward."]
        )  # fmt: skip
        head = head if len(head) <= self.width else head[: self.width - 1] + "…"
        lines = [textwrap.wrap(w, self.width, subsequent_indent="  ") for w in words]
        parts.append("\n".join([head, *itertools.chain.from_iterable(lines)]))
        return "\n\n".join(parts)


def step_through(record: Backprop, keys: Callable[[], str] | None = None) -> Iterator[str]:
    """The screens of a walk through a record's story, one for each key.

    Parameters
    ----------
    record : Backprop
    keys : callable, optional
        Waits for a key and gives it; without it every step is told once, in order.
    """
    size = shutil.get_terminal_size((100, 24))
    stepper = Stepper(record, size.columns, coloured())
    if keys is None:
        for count in range(1, len(stepper.story.steps) + 1):
            stepper.count = count
            yield stepper.screen() + "\n"
        return
    while True:
        yield f"{stepper.screen()}\n\n{_KEYS}"
        if not stepper.move(keys()):
            return


def interactive() -> bool:
    """Whether somebody can press keys and see what they do."""
    return sys.stdin.isatty() and sys.stdout.isatty()
