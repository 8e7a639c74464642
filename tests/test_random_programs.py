"""Random programs: values bit for bit, gradients against differences, none may be wrong.

Each program is text (a failure prints it), run at two points, twice each, and at the first again:
the second call is the compiled one, the other point may take another path. ``make fuzz`` runs more
of them (``GLASSGRAD_FUZZ`` is how many).
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import glassgrad as gg
from glassgrad.gates import OPS

from .programs.verdict import Verdict, examine
from .programs.writer import Program, write

CHUNKS = 8
EACH = 345  # examples a chunk; Hypothesis repeats some, and at least 8 * 250 are to differ
FUZZ = int(os.environ.get("GLASSGRAD_FUZZ", "0"))


class Drawn:
    """Choices made by Hypothesis, which can shrink them."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def below(self, n: int) -> int:
        return int(self.data.draw(st.integers(0, n - 1)))


class Seeded:
    """Choices made by a plain random generator: quicker, for the long hunt."""

    def __init__(self, number: int) -> None:
        self.rng = np.random.default_rng(number)

    def below(self, n: int) -> int:
        return int(self.rng.integers(n))


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_programs(chunk: int) -> None:
    verdict = Verdict()

    @seed(20_000 + chunk)
    @settings(max_examples=EACH, deadline=None, database=None, phases=[Phase.generate, Phase.shrink],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.data(), st.integers(0, 2**32 - 1))
    def programs(data: Any, number: int) -> None:
        examine(write(Drawn(data)), number, verdict, second=number % 4 == 0)

    # Compiling each takes most of the time: every fourth chunk runs its fifth calls natively.
    with gg.backend("numpy" if chunk % 4 else "native"):
        programs()
    assert len(verdict.texts) >= 250
    assert verdict.skipped <= 0.05 * verdict.checked
    assert verdict.invalid <= 0.02 * verdict.checked
    assert verdict.second >= 10


@pytest.mark.fuzz
@pytest.mark.skipif(not FUZZ, reason="set GLASSGRAD_FUZZ to the number of programs")
@pytest.mark.parametrize("part", range(8))
def test_many_random_programs(part: int) -> None:
    verdict = Verdict()
    for number in range(part * 10_000_000, part * 10_000_000 + FUZZ // 8):
        examine(write(Seeded(number)), number, verdict, second=number % 4 == 0)
    assert verdict.skipped + verdict.invalid <= 0.05 * verdict.checked + 3


# -- the hunt itself is tested -----------------------------------------------------------------


def hunt(programs: int) -> None:
    verdict = Verdict()
    for number in range(programs):
        examine(write(Seeded(number)), number, verdict)


@pytest.mark.parametrize("name", ["sin", "getitem", "setitem", "multiply", "where", "maximum"])
def test_a_wrong_rule_is_found(name: str) -> None:
    op = OPS[name]
    rule = op.rule
    assert rule is not None

    def wrong(*args: Any, **static: Any) -> Any:
        found = rule(*args, **static)
        if not isinstance(found, tuple):
            return type(found)(found.template, found.indices, 1.0001 * found.value)
        return tuple(None if g is None else (lambda g=g: 1.0001 * g()) if callable(g) else 1.0001 * g
                     for g in found)  # fmt: skip

    object.__setattr__(op, "rule", wrong)
    try:
        with pytest.raises(AssertionError, match="def f"):
            hunt(60)
    finally:
        object.__setattr__(op, "rule", rule)


def test_a_forgotten_guard_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from glassgrad.tracing.trace import Trace

    monkeypatch.setattr(Trace, "tell", lambda self, traced, how, told: told)
    with pytest.raises(AssertionError, match="def f"):
        hunt(60)


def test_a_difference_next_to_a_kink_is_not_believed() -> None:
    from .programs.verdict import slope

    assert slope(lambda x: abs(x), [0.0], [1.0]) is None
    assert slope(lambda x: abs(x), [1e-4], [1.0]) is None
    assert slope(lambda x: float(x > 0), [1e-5], [1.0]) is None
    found = slope(lambda x: np.sin(x), [0.7], [1.0])
    assert found is not None
    assert abs(found[0] - np.cos(0.7)) <= found[1] < 1e-8


def test_the_programs_use_what_they_should() -> None:
    """Branches, loops, aliases, views, writes, helpers: the text of many programs has them all."""
    texts = "".join(write(Seeded(number)).text for number in range(400))
    for part in ("if ", "elif ", "else:", "while ", "for i in range", "+= ", ".T", ".reshape(-1)",
                 "out=", "np.zeros", "math.", "smooth(", "layer(", "fill(", "np.add.at", " @ ",
                 "np.concatenate", "np.where", "[::-1]", "np.array([", "safely(", "newton("):  # fmt: skip
        assert part in texts, part


def test_a_program_is_shown_as_text() -> None:
    program = Program("def f(x):\n    return x * x\n", (None,))
    assert program.compiled()(3.0) == 9.0
    assert gg.grad(program.compiled())(3.0) == 6.0
