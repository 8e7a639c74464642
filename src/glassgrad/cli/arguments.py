"""Words of the command line put in order: options first, then the formula and its values, which are read.

A formula may begin with a minus, and so looks like an option. There are no short options here, so a
single minus begins a formula; two minuses begin an option unless no option could look so.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

from glassgrad.formula import Formula, FormulaError, parse_value

__all__ = ["all_named", "arrange", "fits"]

_OPTION = re.compile(r"--[A-Za-z][A-Za-z-]*(=.*)?\Z", re.DOTALL)
_HELP = "-h"


def arrange(words: Iterable[str], flags: Collection[str], with_value: Collection[str]) -> list[str]:
    """Options, ``--``, and all else in its order.

    Parameters
    ----------
    words : iterable of str
        As they stand on the command line.
    flags, with_value : collection of str
        The options that stand alone, and those that take the next word.

    Examples
    --------
    >>> arrange(["-x*y", "x=1", "--args", "d.npz", "--code"], {"--code"}, {"--args"})
    ['--args', 'd.npz', '--code', '--', '-x*y', 'x=1']
    """
    words = list(words)
    options: list[str] = []
    rest: list[str] = []
    queue = iter(words)
    for word in queue:
        if word == "--":
            rest += queue
        elif word == _HELP and any(re.match(r"h\s*=", w) for w in words):
            rest.append(word)  # the formula -h, since h is given a value
        elif word in flags or word == _HELP:
            options.append(word)
        elif word in with_value:
            value = next(queue, None)
            if value is None:
                return [*options, word]  # last and alone, so that its value is asked for
            options += [word, value]
        elif _OPTION.match(word):
            options.append(word)
        else:
            rest.append(word)
    return [*options, "--", *rest]


def named(text: str) -> tuple[str, Any]:
    """A name and a value, written as ``name=value``.

    Raises
    ------
    FormulaError
        It is not written so, or the value is none.

    Examples
    --------
    >>> named("x=3")
    ('x', 3.0)
    """
    name, sign, value = text.partition("=")
    name = name.strip()
    if not sign and text.startswith("-"):
        raise FormulaError(f"{text!r} is no option and no value: write name=value, such as x=3")
    if not sign or not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) or value.startswith("="):
        raise FormulaError(f"{text[:60]!r} gives no value: write name=value, such as x=3")
    try:
        return name, parse_value(value)
    except FormulaError as error:
        raise FormulaError(f"the value of {name}: {error}") from None


def all_named(texts: Iterable[str]) -> dict[str, Any]:
    """Values by name.

    Raises
    ------
    FormulaError
        One of them is none, or a name is given two values.

    Examples
    --------
    >>> all_named(["x=3", "y=[1, 2]"])
    {'x': 3.0, 'y': array([1., 2.])}
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, value = named(text)
        if name in found:
            raise FormulaError(f"{name} is given two values: {name}=... may stand there once")
        found[name] = value
    return found


def fits(formula: Formula, given: Iterable[str]) -> None:
    """Refuse names of values that are no inputs of the formula."""
    extra = [n for n in given if n not in formula.names]
    if extra:
        raise FormulaError(f"{', '.join(extra)} does not occur in the formula: the inputs are "
                           f"{', '.join(formula.names) or 'none'}")  # fmt: skip
