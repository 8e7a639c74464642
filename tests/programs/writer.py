"""Random Python programs, written as text from the operations a user would use.

Knows shapes and Python's syntax, nothing of gradients. A program is a function ``f`` of a few
numbers and arrays that gives one number; values stay of moderate size and inside the domains of
the functions they meet. Choices come from a source, so that a search tool can make and shrink them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

__all__ = ["HELPERS", "Program", "Source", "write"]

Shape = tuple[int, ...]
SCALAR: Any = "scalar"  # a Python float or a NumPy scalar: nobody can write into it


class Source(Protocol):
    """Where choices come from."""

    def below(self, n: int) -> int: ...


@dataclass(frozen=True)
class Program:
    """Source text, and the shape of each argument (None for a Python float)."""

    text: str
    shapes: tuple[Shape | None, ...]

    def compiled(self) -> Any:
        """The function, as if typed into a session: with globals of its own."""
        table: dict[str, Any] = {"__name__": "session"}
        exec(compile(HELPERS + self.text, "<program>", "exec"), table)
        return table["f"]


HELPERS = """
import math
import numpy as np
from math import exp, sqrt, atan2
from numpy import sin, zeros, array

rate = 0.75
weights = np.array([0.5, -1.25, 2.0])
table = {"w": np.array([[1.0, -0.5, 0.25], [0.75, 1.5, -1.0]]), "k": [0.5, 2]}

class Layer:
    gain = 1.5
    def __init__(self): self.bias = np.array([0.1, -0.2, 0.3])
    def __call__(self, v): return np.tanh(v * self.gain + self.bias)
    @property
    def double(self): return 2 * self.gain
    @staticmethod
    def soft(v): return np.log1p(np.exp(-np.abs(v)))

layer = Layer()
def squash(v): return 1 / (1 + np.exp(-v))
def smooth(s): return exp(-s * s) * rate if s > 0.2 else s / sqrt(1 + s * s)
def power(s, n): return 1.0 if n == 0 else s * power(s, n - 1)
def fill(buffer, v): buffer[...] = v
def add_into(buffer, v, factor=0.5): buffer += factor * v
def pairs(v):
    for i in range(len(v) - 1): yield v[i] * v[i + 1]
def early(v):
    for e in v.ravel():
        if e > 0.5: return e * e
    return np.sum(v)
def safely(s):
    try:
        return 1 / s if s != 0 else 1 / 0
    except ZeroDivisionError:
        return s
def newton(s):
    x, n = 1.0, 0
    while abs(x * x - (s * s + 1)) > 1e-9 and n < 50:
        x, n = x - (x * x - (s * s + 1)) / (2 * x), n + 1
    return x
"""

UNARY = [
    "np.sin({0})", "np.cos({0})", "np.tanh({0})", "np.exp(np.tanh({0}))", "np.sqrt({0} * {0} + 0.5)",
    "np.log({0} ** 2 + 1.5)", "np.abs({0})", "-{0}", "{0} ** 2", "np.square({0})", "1 / (1.5 + {0} * {0})",
    "np.arctan({0})", "0.5 * {0}", "{0} - 0.25", "1.0 - {0}", "np.maximum({0}, 0)", "np.minimum({0}, 0.4)",
    "np.clip({0}, -0.8, 0.9)", "squash({0})", "np.log1p({0} * {0})", "np.sign({0}) * {0}",
    "np.reciprocal(2 + {0} ** 2)", "np.expm1(np.sin({0}))", "{0} % 0.7", "(1.3 + np.sin({0})) ** 1.5",
    "np.where({0} > 0.1, {0} * 2, np.sin({0}))", "np.arcsin(0.9 * np.tanh({0}))", "Layer.soft({0})",
    "np.power(1.5 + np.cos({0}), 2)", "2 ** np.tanh({0})", "np.sinh(np.tanh({0}))", "abs({0})", "+{0}",
    "np.cbrt({0} ** 2 + 1)", "np.heaviside({0}, 0.5) * {0}", "np.exp2(np.sin({0}))", "sin({0})",
    "np.logaddexp({0}, 0.5)", "np.hypot({0}, 1.0)", "{0} // 0.3 * {0}", "np.where({0} > 0, np.sqrt(np.abs({0}) + 0.1), {0})",
]  # fmt: skip
SCALAR_UNARY = [
    "math.exp(-{0} * {0})", "math.sin({0})", "math.tanh({0})", "math.sqrt({0} * {0} + 0.3)",
    "math.log({0} ** 2 + 1.2)", "exp(math.cos({0}))", "smooth({0})", "power({0}, 3)", "power({0}, 0)",
    "max({0}, 0.3)", "min({0}, 0.9, rate)", "abs({0})", "({0} if {0} > 0 else 0.5 * {0})", "newton({0})",
    "safely({0})", "atan2({0}, 1.5)", "math.pow(1.1 + {0} ** 2, 1.5)", "{0} * int(3 * {0})",
    "int(round({0} * 1.0)) * {0}", "math.floor(2 * {0}) * {0}", "sum([{0}, {0} * {0}, 1])", "math.hypot({0}, 2.0)",
    "{0} * table['k'][int({0} > 0.5)]", "(2 * {0} if 0.1 < {0} < 0.8 else {0} ** 3)", "math.fabs({0})",
    "(lambda t: t * t + rate)({0})", "{0} * layer.double", "math.log1p({0} * {0})", "1 / (1 + exp(-{0}))",
    "sorted([{0}, 0.4, {0} * {0}])[1]", "sum(e * {0} for e in (1.0, 0.5))", "math.prod([{0}, {0}, 2])",
    "next(iter([{0}])) * 3",
]  # fmt: skip
BINARY = [
    "{0} + {1}", "{0} - {1}", "{0} * {1}", "{0} / (1.2 + {1} * {1})", "np.maximum({0}, {1})",
    "np.minimum({0}, {1})", "np.where({0} > {1}, {0}, np.sin({1}))", "np.arctan2({0}, 1.5 + {1} ** 2)",
    "np.logaddexp({0}, {1})", "np.hypot({0}, {1} + 2.5)", "(1.2 + np.cos({0})) ** np.sin({1})",
    "np.add({0}, {1})", "np.multiply({0}, {1})", "np.where({1} > 0, {0} * {1}, {0})", "np.tanh({0}) * {1}",
    "({0} > {1}) * {0}", "np.fmax({0}, {1})",
]  # fmt: skip
TO_SCALAR = [
    "np.sum({0})", "{0}.sum()", "np.mean({0})", "np.max({0})", "{0}.min()", "np.prod(np.cos({0}))",
    "np.sqrt(np.sum({0} ** 2) + 0.1)",
    "np.linalg.norm({0}.ravel() + 0.1)",
    "np.sum(np.sort({0}.ravel())[:2])",
    "np.var({0})", "np.std({0} + np.arange({0}.size).reshape({0}.shape))",
    "early({0})", "sum(e for e in {0}.ravel())", "max({0}.ravel())", "{0}.ravel()[-1]", "{0}.mean()",
    "np.sum({0}[{0} > 0.1] ** 2)", "np.ptp({0}.ravel()[:2])", "{0}.ravel()[int(np.argmax({0}))]",
    "np.sum({0}.T * {0}.T)", "{0}.item({0}.size - 1)", "np.add.reduce({0}.ravel())", "np.dot({0}.ravel(), {0}.ravel())",
    "np.count_nonzero({0} > 0) * np.sum({0})", "np.sum(np.cumsum({0}))", "float(len({0})) * {0}.sum()",
    "np.sum(np.abs(np.diff({0}.ravel())))", "(1.0 if ({0} > 0.3).any() else 2.0) * {0}.sum()",
]  # fmt: skip
IN_PLACE = ["+=", "-=", "*="]
AXIS = [
    "np.sum({0}, axis={1})",
    "{0}.mean(axis={1})",
    "np.max({0}, axis={1})",
    "np.prod(np.cos({0}), axis={1})",
]
SAME = [
    "{0}[::-1]", "np.flip({0})", "{0}.copy()", "np.roll({0}, 1)", "np.array({0})", "np.cumsum({0}, axis=0)",
    "{0}.reshape({0}.shape)", "np.asarray({0})", "{0}[...]", "np.tile({0}, 1)",
    "{0}.ravel().reshape({0}.shape)", "np.concatenate([{0}[1:], {0}[:1]])", "{0}[np.arange(len({0}))[::-1]]",
    "np.array([e * 2 for e in {0}])", "np.stack(list({0}))", "np.zeros_like({0}) + {0}", "{0}[[0] * len({0})]",
    "np.broadcast_to({0}[:1], {0}.shape) + {0}", "np.copy({0}) * layer.gain",
]  # fmt: skip


class Writer:
    """Writes one program, statement by statement."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.lines: list[str] = []
        self.shapes: dict[str, Any] = {}
        self.frozen: set[str] = set()  # arguments and their views: written to now and then only
        self.depth = 1
        self.count = 0

    def pick(self, options: Sequence[Any]) -> Any:
        return options[self.source.below(len(options))]

    def chance(self, one_in: int) -> bool:
        return self.source.below(one_in) == one_in - 1

    def say(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def fresh(self, letter: str = "v") -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def define(self, text: str, shape: Any, letter: str = "v") -> str:
        name = self.fresh(letter)
        self.say(f"{name} = {text}")
        self.shapes[name] = shape
        return name

    def some(self, keep: Any = lambda shape: True) -> str | None:
        names = [n for n, shape in self.shapes.items() if keep(shape)]
        return (
            self.pick(names[-6:] if len(names) > 6 and not self.chance(3) else names)
            if names
            else None
        )

    def array(self, ndim: int | None = None) -> str | None:
        return self.some(lambda s: s is not SCALAR and len(s) > 0 and ndim in (None, len(s)))

    def scalar(self) -> str:
        found = self.some(lambda s: s is SCALAR)
        return found or self.define(self.pick(TO_SCALAR).format(self.array()), SCALAR, "s")

    def fitting(self, shape: Shape) -> str:
        """A name or a literal that broadcasts to a shape."""

        def fits(s: Any) -> bool:
            return s is SCALAR or (len(s) <= len(shape) and np.broadcast_shapes(s, shape) == shape
                                   if _broadcast(s, shape) else False)  # fmt: skip

        found = self.some(fits)
        return found if found and not self.chance(5) else self.pick(["0.5", "-0.75", "rate", "2"])

    # -- statements --------------------------------------------------------------------------

    def statement(self) -> None:
        kinds = [self.unary, self.unary, self.binary, self.binary, self.reduce, self.scalars,
                 self.index, self.alias, self.write_in_place, self.write_in_place, self.write_items,
                 self.write_items, self.view, self.view, self.buffer, self.out, self.join,
                 self.products, self.build, self.call]  # fmt: skip
        if self.depth < 3:
            kinds += [self.branch, self.branch, self.loop]
        self.pick(kinds)()

    def unary(self) -> None:
        x = self.some()
        assert x is not None
        self.define(self.pick(UNARY).format(x), self.shapes[x])

    def binary(self) -> None:
        a = self.some()
        assert a is not None
        b = self.some(lambda s: _broadcast(s, self.shapes[a]))
        assert b is not None
        self.define(self.pick(BINARY).format(a, b), _result(self.shapes[a], self.shapes[b]))

    def reduce(self) -> None:
        x = self.array()
        if x is None:
            return
        shape = self.shapes[x]
        if len(shape) == 2 and self.chance(2):
            axis = self.source.below(2)
            self.define(self.pick(AXIS).format(x, axis), (shape[1 - axis],))
        elif len(shape) == 2 and self.chance(3):
            self.define(f"np.sum({x}, axis=1, keepdims=True)", (shape[0], 1))
        else:
            self.define(self.pick(TO_SCALAR).format(x), SCALAR, "s")

    def scalars(self) -> None:
        self.define(self.pick(SCALAR_UNARY).format(self.scalar()), SCALAR, "s")

    def index(self) -> None:
        x = self.array()
        if x is None:
            return
        shape = self.shapes[x]
        if len(shape) == 1:
            i = self.source.below(shape[0])
            self.define(f"{x}[{self.pick([i, i - shape[0]])}]", SCALAR, "s")
        elif self.chance(2):
            self.define(
                f"{x}[{self.source.below(shape[0])}, {self.source.below(shape[1])}]", SCALAR, "s"
            )
        else:
            text, result = self.pick([(f"{x}[0]", shape[1:]), (f"{x}[-1]", shape[1:]), (f"{x}[:, 0]", shape[:1]),
                                      (f"{x}[[-1, 0, -1]]", (3, shape[1])), (f"{x}[None, -1, :]", (1, shape[1]))])  # fmt: skip
            self.define(text, result)

    def alias(self) -> None:
        x = self.array()
        if x is not None:
            name = self.define(x, self.shapes[x])
            if x in self.frozen:
                self.frozen.add(name)

    def target(self) -> str | None:
        """An array to write into: rarely an argument."""
        x = self.array()
        if x is None or x not in self.frozen or self.chance(8):
            return x
        return self.define(
            self.pick(["{0}.copy()", "{0} * 1.0", "np.array({0})"]).format(x), self.shapes[x]
        )

    def write_in_place(self) -> None:
        x = self.target()
        if x is not None:
            value = self.fitting(self.shapes[x])
            self.say(
                f"{x} {self.pick(IN_PLACE)} "
                + self.pick(["{0}", "0.5 * {0}", "np.sin({0})"]).format(value)
            )

    def write_items(self) -> None:
        x = self.target()
        if x is None:
            return
        shape = self.shapes[x]
        s = self.scalar()
        n = shape[0]
        rows = shape[1:]
        choices = [f"{x}[{self.source.below(n)}] = {self.fitting(rows) if rows else s}",
                   f"{x}[{self.source.below(n)}] += {self.fitting(rows) if rows else s}",
                   f"{x}[1:] = {x}[:-1]", f"{x}[:-1] += {x}[1:]", f"{x}[{x} > 0.3] = {s}",
                   f"{x}[{x} < 0] *= 0.5", f"{x}[[0, -1]] = {x}[[-1, 0]]", f"{x}[::2] *= {s}",
                   f"np.add.at({x}, np.array([0, 0]), {s})", f"{x}[0], {x}[1] = {x}[1] * 1, {x}[0] * 1",
                   f"fill({x}[1:], {s})", f"add_into({x}[:2], {s})", f"{x}[...] = {x}[::-1] * {s}",
                   f"{x}.fill({s})", f"{x}[[0, 0]] += {s}", f"{x}.flat[1] = {s}"]  # fmt: skip
        if len(shape) == 2:
            choices += [f"{x}[{self.source.below(n)}, {self.source.below(shape[1])}] = {s}",
                        f"{x}[:, 0] *= {s}", f"{x}[..., -1] = {x}[..., 0] + {s}",
                        f"{x}.T[0] -= {s}", f"{x}.reshape(-1)[1] = {s}", f"{x}.ravel()[:2] *= {s}"]  # fmt: skip
        self.say(self.pick(choices) if n > 1 else choices[0])

    def view(self) -> None:
        x = self.target()
        if x is None:
            return
        shape = self.shapes[x]
        options = [("[::-1]", shape), ("[:]", shape), ("[...]", shape), ("[:1]", (1, *shape[1:])),
                   (".reshape(-1)", (int(np.prod(shape)),)), (".ravel()", (int(np.prod(shape)),)),
                   (".T", shape[::-1]), ("[None]", None), (".view()", shape)]  # fmt: skip
        if shape[0] > 1:
            options += [("[1:]", (shape[0] - 1, *shape[1:])), ("[:2]", (2, *shape[1:]))]
        if len(shape) == 2:
            options += [("[0]", shape[1:]), ("[:, 0]", shape[:1]), (".swapaxes(0, 1)", shape[::-1]),
                        ("[:, ::-1]", shape), (".transpose()", shape[::-1]), ("[-1]", shape[1:])]  # fmt: skip
        how, result = self.pick([o for o in options if o[1] is not None])
        v = self.define(f"{x}{how}", result)
        if self.chance(2):
            self.say(f"{v} {self.pick(IN_PLACE)} {self.fitting(result)}")

    def buffer(self) -> None:
        shape = self.pick([(3,), (2, 3), (4,)])
        value = self.fitting(shape)
        made = self.pick(
            ["np.zeros({0})", "np.ones({0})", "zeros({0})", "np.full({0}, 0.5)", "np.empty({0})"]
        )
        b = self.define(made.format(shape), shape, "b")
        if self.chance(2) or "empty" in made:
            self.say(f"{b}[...] = {value}")
        elif len(shape) == 1:
            self.say(f"for i in range({shape[0]}): {b}[i] = {self.scalar()} * (i + 1)")
        else:
            self.say(
                f"for i in range({shape[0]}): {b}[i, 0] = {self.scalar()}; {b}[i, 1:] = i * {self.fitting((2,))}"
            )

    def out(self) -> None:
        x = self.target()
        if x is None:
            return
        shape = self.shapes[x]
        a, b = self.fitting(shape), self.fitting(shape)
        self.say(self.pick([f"np.add({a}, {b}, out={x})", f"np.multiply({x}, {a}, out={x})", f"np.sin({x}, out={x})",
                            f"np.subtract({b}, {x}, out={x})", f"np.maximum({x}, {a}, out={x})"]))  # fmt: skip

    def join(self) -> None:
        x = self.array(1)
        y = self.array(1)
        if x and y:
            m, n = self.shapes[x][0], self.shapes[y][0]
            self.define(self.pick(["np.concatenate([{0}, {1}])", "np.hstack(({0}, {1}))"])
                        .format(x, y), (m + n,))  # fmt: skip
        z = self.array(2)
        if z and self.chance(2):
            r, c = self.shapes[z]
            text, shape = self.pick(
                [
                    ("np.vstack([{0}, {0}])", (2 * r, c)),
                    ("np.concatenate([{0}, 2 * {0}], axis=1)", (r, 2 * c)),
                ]
            )
            self.define(text.format(z), shape)

    def products(self) -> None:
        x = self.array(2)
        if x is None:
            v = self.array(1)
            if v is not None:
                self.define(f"np.outer({v}, weights)", (*self.shapes[v], 3))
            return
        r, c = self.shapes[x]
        v = self.some(lambda s: s is not SCALAR and s == (c,))
        options = [(f"{x} @ {x}.T", (r, r)), (f"{x}.T.dot({x})", (c, c)), (f"np.matmul({x}.T, {x})", (c, c)),
                   (f"np.trace({x} @ {x}.T)", SCALAR), (f"np.outer({x}[0], {x}[:, 0])", (c, r))]  # fmt: skip
        if v:
            options += [
                (f"{x} @ {v}", (r,)),
                (f"np.dot({x}, {v})", (r,)),
                (f"{v} @ {x}.T", (r,)),
            ] * 2
        if c == 3:
            options += [
                (f"{x}.dot(weights)", (r,)),
                (f"table['w'] @ {x}.T", (2, r)),
                (f"layer({x})", (r, c)),
            ]
        text, shape = self.pick(options)
        self.define(text, shape)

    def build(self) -> None:
        s, t = self.scalar(), self.scalar()
        text, shape = self.pick([("np.array([{0}, {1}, 0.5])", (3,)), ("array([[{0}, 1], [2, {1}], [{1}, {0}]])", (3, 2)),
                                 ("np.array([{0} * i for i in range(3)])", (3,)), ("np.full(3, {0})", (3,)),
                                 ("np.stack([np.ones(3) * {0}, weights])", (2, 3)), ("{0} * np.arange(3) + {1}", (3,)),
                                 ("{1} + np.eye(3) * {0}", (3, 3))])  # fmt: skip
        self.define(text.format(s, t), shape)

    def call(self) -> None:
        x = self.array()
        if x is None:
            return
        shape = self.shapes[x]
        if len(shape) == 1 and shape[0] > 1:
            self.define(f"sum(pairs({x}))", SCALAR, "s")
        elif shape and shape[-1] == 3:
            self.define(f"layer({x})", shape)
        else:
            self.define(self.pick(SAME).format(x), shape)

    # -- blocks ------------------------------------------------------------------------------

    def block(self, n: int) -> None:
        """Statements indented; what they define is not known afterwards."""
        before = dict(self.shapes)
        self.depth += 1
        for _ in range(n):
            self.statement()
        self.say("pass")
        self.depth -= 1
        self.shapes = {k: v for k, v in self.shapes.items() if k in before}

    def branch(self) -> None:
        s = self.scalar()
        t = self.define("0.0", SCALAR, "t")
        self.say(
            f"if {self.pick([f'{s} > 0.4', f'{s} < 0', f'0 < {s} < 1', f'not {s} > 0.2', f'abs({s}) > 0.5'])}:"
        )
        self.block(1 + self.source.below(2))
        self.lines.insert(len(self.lines) - 1, "    " * (self.depth + 1) + f"{t} = {s} * 2")
        self.say(self.pick(["else:", f"elif {s} > -0.3:"]))
        self.block(1)
        self.lines.insert(len(self.lines) - 1, "    " * (self.depth + 1) + f"{t} = np.sin({s})")

    def loop(self) -> None:
        s = self.scalar()
        t = self.define(f"1.0 * {s}", SCALAR, "t")
        head = self.pick(["for i in range(3):", f"for i, e in enumerate([0.5, {s}]):", f"while {t} * {t} < 4 and {t} != 0:",
                          f"for i in range(int(abs({s})) % 4 + 1):"])  # fmt: skip
        self.say(head)
        self.depth += 1
        self.say(
            f"{t} = {t} * 1.7 + 0.1" if head.startswith("while") else f"{t} = np.sin({t}) + i * {s}"
        )
        if head.startswith("while"):
            self.say(f"if abs({t}) < 0.05: break")
        self.depth -= 1
        self.block(1 + self.source.below(2))


def _broadcast(a: Any, b: Any) -> bool:
    if a is SCALAR or b is SCALAR:
        return True
    try:
        np.broadcast_shapes(a, b)
    except ValueError:
        return False
    return True


def _result(a: Any, b: Any) -> Any:
    if a is SCALAR:
        return b
    return a if b is SCALAR else np.broadcast_shapes(a, b)


def write(source: Source) -> Program:
    """One random program."""
    writer = Writer(source)
    shapes = writer.pick([(None, None), (None, (3,)), ((3,), (2, 3)), ((2, 3), None), ((3, 1), (3,)),
                          ((3, 3), (3,)), ((4,), None), (None, None, (2, 2))])  # fmt: skip
    names = "xyz"[: len(shapes)]
    for name, shape in zip(names, shapes, strict=True):
        writer.shapes[name] = SCALAR if shape is None else shape
        if shape is not None:
            writer.frozen.add(name)
    for _ in range(3 + source.below(8)):
        writer.statement()
    terms = [f"np.sum(np.sin({n}) * {0.5 + 0.25 * k})" if shape is not SCALAR else f"{n} * {1 - 0.125 * k}"
             for k, (n, shape) in enumerate(list(writer.shapes.items())[-8:])]  # fmt: skip
    writer.say("return " + " + ".join(terms))
    return Program(f"def f({', '.join(names)}):\n" + "\n".join(writer.lines) + "\n", shapes)
