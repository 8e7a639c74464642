"""Random programs of numbers made of helpers that call helpers, in loops here and there: for pictures.

Helpers take and give several values, hand on what they were given, and use some values twice, so
that wires enter, leave and pass through groups in every way.
"""

from __future__ import annotations

import random

__all__ = ["written"]

_FORMS = ("{a} * {b}", "{a} + {b}", "{a} - {b}", "math.sin({a})", "math.tanh({a}) * {b}")


def written(seed: int) -> str:
    """A module with a function ``f(x, y, z)`` of three numbers."""
    rng = random.Random(seed)
    lines = ["import math", ""]
    helpers: list[tuple[str, int, int]] = []  # name, how many it takes, how many it gives
    for n in range(rng.randint(2, 4)):
        takes, gives = rng.randint(1, 4), rng.randint(1, 3)
        known = [f"a{i}" for i in range(takes)]
        lines += ["", f"def h{n}({', '.join(known)}):"]
        for step in range(rng.randint(2, 6)):
            if helpers and rng.random() < 0.4:
                lines.append("    " + _called(rng, rng.choice(helpers), f"v{step}", known))
            else:
                form = rng.choice(_FORMS).format(a=rng.choice(known), b=rng.choice(known))
                lines.append(f"    v{step} = {form}")
                known.append(f"v{step}")
        lines.append(f"    return {', '.join(known[-1 - g] for g in range(gives))}")
        helpers.append((f"h{n}", takes, gives))
    known = ["x", "y", "z"]
    lines += ["", "def f(x, y, z):"]
    for step in range(rng.randint(3, 7)):
        indent = "    "
        if rng.random() < 0.25:
            lines.append(f"    for k{step} in range(2):")
            indent += "    "
        lines.append(indent + _called(rng, rng.choice(helpers), f"w{step}", known))
    lines.append("    return " + " + ".join(f"{v} * {v}" for v in known))
    return "\n".join(lines) + "\n"


def _called(rng: random.Random, helper: tuple[str, int, int], name: str, known: list[str]) -> str:
    """A statement that calls a helper; its results are known from then on."""
    called, takes, gives = helper
    given = ", ".join(rng.choice(known) for _ in range(takes))
    made = [f"{name}_{n}" for n in range(gives)]
    known += made
    return f"{', '.join(made)} = {called}({given})"
