"""The story in the terminal: what is told when, in words and in the picture, and the keys."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.show.stepping import Stepper, step_through
from glassgrad.show.story import story

ROOT = Path(__file__).parents[1]


def circuit(x, y, z):
    q = x + y
    f = q * z
    return f


def twice(x, w):
    s = x * w
    return s * x


def test_steps_go_forward_then_back():
    told = story(gg.backprop(circuit, -2.0, 5.0, -4.0))
    ops = [(s.kind, told.graph.nodes[s.node].op) for s in told.steps]
    assert ops == [("forward", "add"), ("forward", "multiply"), ("seed", ""),
                   ("backward", "multiply"), ("backward", "add")]  # fmt: skip


def test_what_is_told_grows_step_by_step():
    told = story(gg.backprop(circuit, -2.0, 5.0, -4.0))
    names = [w.name for w in told.graph.wires]

    def seen(count):
        known = told.told(count)
        return ("".join(sorted(names[w] for w in known.values)),
                "".join(sorted(names[w] for w in known.gradients)))  # fmt: skip

    assert [seen(n) for n in range(6)] == [
        ("xyz", ""), ("qxyz", ""), ("fqxyz", ""), ("fqxyz", "f"), ("fqxyz", "fqz"),
        ("fqxyz", "fqxyz"),
    ]  # fmt: skip


def test_a_sum_is_told_when_its_last_part_arrives():
    told = story(gg.backprop(twice, 3.0, 2.0))
    names = [w.name for w in told.graph.wires]
    last = len(told.steps) - 1
    assert "x" not in {names[w] for w in told.told(last).gradients}
    assert "x" in {names[w] for w in told.told(last + 1).gradients}
    assert any("more will be added" in w for w in told.words(last - 1) if w.startswith("to x"))
    assert any("all of it adds up to 12" in w for w in told.words(last) if w.startswith("to x"))


def test_words_have_the_numbers_of_the_record():
    record = gg.backprop(circuit, -2.0, 5.0, -4.0)
    told = story(record)
    assert told.words(1)[1:] == [
        "multiply gets q = 3 and z = -4, computes f = -12.",
        "By itself it knows its local gradients: df/dq = -4, df/dz = 3.",
    ]
    assert told.words(3)[1:4] == [
        "multiply gets its upstream gradient: 1 for f.", "to q: -4 * 1 = -4", "to z: 3 * 1 = 3",
    ]  # fmt: skip
    assert told.words(0)[0].endswith(": q = x + y")


def test_products_add_up_to_the_gradients():
    """For every wire of numbers: what the steps hand back is what the record says."""

    def f(x, y):
        s = 1 / (1 + np.exp(-x * y))
        return np.tanh(s * x) + s**2 / y + np.maximum(x, y)

    told = story(gg.backprop(f, 0.7, -1.3))
    sums: dict[int, float] = {}
    for step in told.steps:
        node = told.graph.nodes[step.node]
        if step.kind != "backward":
            continue
        upstream = told.graph.wires[node.outputs[0]].gradient
        local = told.local.of(step.node)
        for wire, n in zip(node.inputs, node.operands, strict=True):
            sums[wire] = sums.get(wire, 0.0) + local[n] * upstream
    assert len(sums) > 8
    for wire, total in sums.items():
        assert total == pytest.approx(told.graph.wires[wire].gradient, rel=1e-13)


def test_the_screen_shows_only_what_was_told():
    stepper = Stepper(gg.backprop(circuit, -2.0, 5.0, -4.0), 100)
    screens = [stepper.screen()]
    while stepper.count < len(stepper.story.steps):
        stepper.move("\x1b[C")
        screens.append(stepper.screen())
    assert "-12" not in screens[0] and "-12" in screens[2]
    assert "║ + ║" not in screens[2]
    assert re.search(r"║ \* ╠", screens[2]) and re.search(r"║ \+ ╠", screens[5])
    last = "\n".join(line.translate(str.maketrans("╔╗╚╝═║╠╣╦╩", "╭╮╰╯─│├┤┬┴"))
                     for line in screens[5].split("\n\nbackward")[0].splitlines())  # fmt: skip
    assert last == gg.backprop(circuit, -2.0, 5.0, -4.0).picture()


def test_keys():
    stepper = Stepper(gg.backprop(circuit, -2.0, 5.0, -4.0), 100)
    counts = []
    for key in ["\x1b[D", "\x1b[C", " ", "b", "\x1b[B", "\x1b[C", "\x1b[D", "?", "\x1b[A"]:
        assert stepper.move(key)
        counts.append(stepper.count)
    assert counts == [0, 1, 2, 2, 5, 5, 4, 4, 0]
    assert not stepper.move("q")


def test_without_keys_every_step_is_told_once():
    screens = list(step_through(gg.backprop(circuit, -2.0, 5.0, -4.0)))
    assert len(screens) == 5
    assert "backward 5 of 5" in screens[-1]


def test_a_circuit_too_large_to_draw_is_told_in_words():
    def f(x):
        for _ in range(60):
            x = np.sin(x) * 1.01
        return x

    stepper = Stepper(gg.backprop(f, 0.5), 40)
    assert stepper.shown is None
    stepper.move(" ")
    assert stepper.screen().startswith("forward 1 of")


def test_arrays_are_told_from_numbers():
    """A shape is not mistaken for a value."""
    told = story(gg.backprop(lambda x: np.sum(x[:2] * 3.0), np.array([1.0, 2.0, 5.0])))
    words = [line for n in range(len(told.steps)) for line in told.words(n)]
    assert (
        "getitem ([:2]) gets x = an array of 3 (1..5), computes [[:2]] = an array of 2 (1..2)."
        in words
    )
    assert "to x: an array of 3 (0..3)" in words


def test_a_constant_that_is_part_of_a_gate_is_told():
    told = story(gg.backprop(lambda x: x * 3.0 + 8.0, 2.0))
    assert told.words(0)[1] == "multiply (*3) gets x = 2, computes [*3] = 6."
    assert told.words(1)[1] == "add (+8) gets [*3] = 6, computes value = 14."


def test_a_gradient_that_was_given_is_told():
    told = story(gg.backprop(lambda x, y: (x * y, x), 2.0, 3.0, upstream=(4.0, 0.5)))
    assert told.words(1)[1] == "The gradient that was given for value is 4."
    assert told.words(2)[1] == "The gradient that was given for x is 0.5."
    assert told.words(3)[2] == "to x: 3 * 4 = 12; all of it adds up to 12.5"


def test_long_words_are_wrapped():
    def f(*xs):
        return np.max(np.array([*xs]))

    stepper = Stepper(gg.backprop(f, *map(float, range(30))), 60)
    stepper.move(" ")
    screen = stepper.screen()
    assert "x29 = 29" in screen
    assert max(map(len, screen.splitlines())) <= 60


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are Unix's")
def test_the_command_line_walks_with_the_arrow_keys():
    import pty

    main, other = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "glassgrad", "q = x + y; q * z", "x=-2", "y=5", "z=-4", "--step"],
        stdin=other, stdout=other, stderr=other, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "TERM": "xterm", "COLUMNS": "100"},
    ) as process:  # fmt: skip
        os.close(other)
        assert _shown(main, b"\x1b[B", "backward 5 of 5")
        assert _shown(main, b"\x1b[A", "5 steps: forward")
        assert _shown(main, b"q", "\x1b[?1049l")
        assert process.wait(20) == 0
    os.close(main)


def _shown(terminal: int, key: bytes, word: str) -> bool:
    """Whether a word comes when a key is pressed; a key nobody waits for yet is pressed again."""
    seen = ""
    for _ in range(60):
        os.write(terminal, key)
        while select.select([terminal], [], [], 0.5)[0]:
            try:
                seen += os.read(terminal, 65536).decode(errors="replace")
            except OSError:  # the other end is closed
                return word in seen
        if word in seen:
            return True
    return False
