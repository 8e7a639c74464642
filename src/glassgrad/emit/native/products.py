"""Products of arrays: as calls of BLAS where they are large, as loop nests where they are small.

Every product is said in the letters of einsum first. Letters in both factors and the result are a
batch, those in both factors only are summed (k), the others are the result's rows (m) and
columns (n).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from string import ascii_letters
from typing import Any

import numpy as np

from glassgrad.circuit import Gate
from glassgrad.emit.native.elements import Block, Element, Kind, kind_of
from glassgrad.emit.native.memory import View, short_rows
from glassgrad.emit.native.plan import Plan
from glassgrad.emit.native.steps import Step, Store

__all__ = ["PRODUCTS", "Product", "spelled"]

_SHORT = 8  # terms of a sum up to which it is written out, in a batch
_SMALL = 4_000  # multiplications up to which a loop nest is faster than a call of BLAS


class Product(Step):
    """C = A B by BLAS, over a batch.

    Attributes
    ----------
    a, b, c : Matrix
        The factors and the result.
    sizes : (int, int, int)
        m, n, k.
    batch : sequence of int
        Sizes of the batch.
    adds : bool
        Whether the product is added to what stands in c.
    in_tiles : bool
        Whether it is part of a group (see ``tiles``), which sees to threads itself.
    """

    def __init__(self, number: int, kind: Kind, a: Matrix, b: Matrix, c: Matrix,
                 sizes: tuple[int, int, int], batch: tuple[int, ...]) -> None:  # fmt: skip
        super().__init__(number)
        self.kind, self.a, self.b, self.c = kind, a, b, c
        self.sizes, self.batch = sizes, batch
        self.adds = self.in_tiles = False


@dataclass
class Matrix:
    """A matrix in memory: element (i, j) stands at i * rows + j * columns, one of which is 1."""

    view: View
    rows: int
    columns: int
    batch: tuple[int, ...]


def spelled(gate: Gate) -> tuple[str, str, str] | None:
    """The letters of both factors and of the result."""
    name = gate.op.name
    if len(gate.inputs) != 2:
        return None
    m, n = len(gate.inputs[0].shape), len(gate.inputs[1].shape)
    free = iter(ascii_letters)

    def some(count: int) -> str:
        return "".join(next(free) for _ in range(count))

    if name == "einsum":
        left, _, out = gate.static["subscripts"].partition("->")
        a, b = left.split(",")
        return a, b, out
    if not m or not n:
        return None
    if name in ("matmul", "vecmat", "matvec", "vecdot"):
        if name == "vecdot" or m == 1 == n:
            of_a, of_b, of_out = ("k",) * 2 + ("",)
        elif name == "matvec" or (name == "matmul" and n == 1):
            of_a, of_b, of_out = "ik", "k", "i"
        elif name == "vecmat" or m == 1:
            of_a, of_b, of_out = "k", "kj", "j"
        else:
            of_a, of_b, of_out = "ik", "kj", "ij"
        batch = ascii_letters[26:]
        count = max(m - len(of_a), n - len(of_b))
        all_ = batch[:count]
        return (all_[count - (m - len(of_a)) :] + of_a, all_[count - (n - len(of_b)) :] + of_b,
                all_ + of_out)  # fmt: skip
    if name == "dot":
        a = some(m)
        b = some(n)
        at = n - 2 if n > 1 else 0
        b = b[:at] + a[-1] + b[at + 1 :]
        return a, b, a[:-1] + b.replace(a[-1], "")
    if name == "inner":
        a = some(m)
        b = some(n - 1) + a[-1]
        return a, b, a[:-1] + b[:-1]
    if name == "outer" and m == n == 1:
        return "a", "b", "ab"
    if name == "vdot" and m == n == 1:
        return "a", "a", ""
    if name == "tensordot":
        of_a, of_b = gate.static["axes"]
        a = some(m)
        letters = list(some(n))
        for i, j in zip(of_a, of_b, strict=True):
            letters[j] = a[i]
        b = "".join(letters)
        both = {a[i] for i in of_a}
        return a, b, "".join(x for x in a + b if x not in both)
    return None


def _product(plan: Plan, gate: Gate) -> bool:
    words = spelled(gate)
    extra = set(gate.static) - {"subscripts", "optimize", "axes"}
    if words is None or extra or any(len(set(w)) < len(w) for w in words):
        return False
    a, b = gate.inputs
    kind = kind_of(gate.output.dtype)
    if kind not in ("f64", "f32"):
        return False
    of_a, of_b, out = words
    sizes: dict[str, int] = {}
    for word, operand in ((of_a, a), (of_b, b)):
        for letter, size in zip(word, operand.shape, strict=True):
            sizes[letter] = max(sizes.get(letter, 1), size)
    summed = [x for x in dict.fromkeys(of_a + of_b) if x not in out]
    inner = [x for x in summed if x in of_a and x in of_b]
    work = math.prod(sizes.values())
    if inner and len(inner) == len(summed):
        many = math.prod([sizes[x] for x in out if x in of_a and x in of_b])
        if many > 1 and math.prod([sizes[x] for x in inner]) <= _SHORT:
            return _by_elements(plan, gate, words, sizes, inner)
        vectors = all(x in inner for x in (*of_a, *of_b))  # nothing that BLAS could use twice
        if work > _SMALL and not vectors:
            return _by_blas(plan, gate, words, sizes, inner)
    return _by_nest(plan, gate, words, sizes, summed)


def _by_elements(plan: Plan, gate: Gate, spelled: tuple[str, str, str], sizes: dict[str, int],
                 inner: Sequence[str]) -> bool:  # fmt: skip
    """A short sum for each element of the result, written out: small matrices in registers."""
    out, domain = spelled[2], gate.output.shape
    kind = kind_of(gate.output.dtype)
    factors = [(plan.view(o), letters) for o, letters in zip(gate.inputs, spelled, strict=False)]
    at_once = [[_over(_at(view, letters, dict(zip(inner, index, strict=True))),
                      "".join([x for x in letters if x not in inner]), out, domain)
                for view, letters in factors]
               for index in np.ndindex(tuple([sizes[x] for x in inner]))]  # fmt: skip
    nest = plan.nest_for(domain, [], [v for pair in at_once for v in pair])
    total: Any = None
    for pair in at_once:
        given = [plan.load(nest, v) for v in pair]
        made = plan.operation(nest, _times, given, kind)
        total = made if total is None else plan.operation(nest, _plus, [total, made], kind)
    nest.gates.append(gate)
    plan.made[gate.output] = total
    return True


def _times(b: Block, x: Any, y: Any) -> Element:
    return b.passing("fmul", x, y)


def _plus(b: Block, x: Any, y: Any) -> Element:
    return b.passing("fadd", x, y)


def _at(view: View, letters: str, index: dict[str, int]) -> View:
    """The part of a factor where some letters are numbers."""
    key: list[Any] = []
    for letter, n in zip(letters, view.shape, strict=True):
        at = index.get(letter)
        key.append(slice(None) if at is None else slice(at, at + 1) if n > 1 else slice(0, 1))
    array = view.array[tuple(key)]
    return View(view.buffer, array.squeeze(tuple([k for k, x in enumerate(letters) if x in index])))


def _by_nest(plan: Plan, gate: Gate, spelled: tuple[str, str, str], sizes: dict[str, int],
             summed: Sequence[str]) -> bool:  # fmt: skip
    word = spelled[2] + "".join(summed)
    domain = tuple([sizes[x] for x in word])
    kind = kind_of(gate.output.dtype)
    whole = [letters == word and operand.shape == domain
             for letters, operand in zip(spelled, gate.inputs, strict=False)]  # fmt: skip
    homes = [plan.home[plan.made[o]] for o, w in zip(gate.inputs, whole, strict=True)
             if w and plan.aligned(o, domain)]  # fmt: skip
    views = [None if w and plan.aligned(o, domain) else _over(plan.view(o), letters, word, domain)
             for o, letters, w in zip(gate.inputs, spelled, whole, strict=False)]  # fmt: skip
    nest = plan.nest_for(domain, homes, [v for v in views if v is not None])
    given = [plan.read(nest, o) if v is None else plan.load(nest, v)
             for o, v in zip(gate.inputs, views, strict=True)]  # fmt: skip
    made = plan.operation(nest, _times, given, kind)
    nest.gates.append(gate)
    if summed:
        axes = tuple(range(len(spelled[2]), len(word)))
        plan.reduce_value(nest, made, gate.output, axes, "add")
    else:
        plan.made[gate.output] = made
    return True


def _over(view: View, letters: str, word: str, domain: tuple[int, ...]) -> View:
    """A factor as an array over all letters."""
    order = sorted(range(len(letters)), key=lambda n: word.index(letters[n]))
    array = view.array.transpose(order)
    # With the ellipsis it is a view even of one element.
    array = array[(*[slice(None) if x in letters else None for x in word], ...)]
    return View(view.buffer, np.broadcast_to(array, domain))


def _by_blas(plan: Plan, gate: Gate, spelled: tuple[str, str, str], sizes: dict[str, int],
             inner: Sequence[str]) -> bool:  # fmt: skip
    of_a, of_b, out = spelled
    batch = [x for x in out if x in of_a and x in of_b]
    rows = [x for x in out if x in of_a and x not in of_b]
    columns = [x for x in out if x in of_b and x not in of_a]
    a, b = gate.inputs
    m, n = (math.prod([sizes[x] for x in group]) for group in (rows, columns))
    if short_rows(m, n) and gate.output not in plan.circuit.outputs:  # C' = B' A'
        a, b, of_a, of_b, rows, columns = b, a, of_b, of_a, columns, rows
    matrices = []
    for operand, letters, first, second in ((a, of_a, rows, inner), (b, of_b, inner, columns)):
        view = plan.view(operand)
        made = _matrix(view, letters, batch, first, second, sizes)
        if made is None or operand.dtype != gate.output.dtype:
            word = "".join([*batch, *first, *second])
            array = view.array.transpose([letters.index(x) for x in word])
            fresh = plan.new_buffer(gate.output.dtype, operand.type.size, tested=True)
            target = fresh.whole(array.shape)
            nest = plan.new_nest(array.shape)
            nest.stores.append(Store(plan.load(nest, View(view.buffer, array)), target))
            fresh.writers.append(nest)
            made = _matrix(target, word, batch, first, second, sizes)
            if made is None:
                return False
        matrices.append(made)
    shape = tuple([sizes[x] for x in (*batch, *rows, *columns)])
    buffer = plan.new_buffer(gate.output.dtype, gate.output.type.size)
    result = buffer.whole(shape)
    m, n, k = (math.prod([sizes[x] for x in group]) for group in (rows, columns, inner))
    lead = tuple([sizes[x] for x in batch])
    strides = tuple([s // buffer.dtype.itemsize for s in result.array.strides[: len(batch)]])
    step = Product(plan.number(), kind_of(gate.output.dtype), matrices[0], matrices[1],
                   Matrix(result, n, 1, strides), (m, n, k), lead)  # fmt: skip
    plan.steps.add(step)
    for matrix in matrices:
        for writer in matrix.view.buffer.writers:
            plan.order(writer, step)
        matrix.view.buffer.readers.append(step)
    buffer.writers.append(step)
    step.gates.append(gate)
    word = "".join([*batch, *rows, *columns])
    plan.views[gate.output] = View(buffer, result.array.transpose([word.index(x) for x in out]))
    return True


def _matrix(view: View, letters: str, batch: Sequence[str], first: Sequence[str],
            second: Sequence[str], sizes: dict[str, int]) -> Matrix | None:  # fmt: skip
    """A factor as a matrix BLAS can read, if it lies so."""
    strides = dict(zip(letters, view.strides, strict=True))
    if any(view.shape[letters.index(x)] != sizes[x] for x in (*first, *second)):
        return None
    one = _merged([(sizes[x], strides[x]) for x in first])
    other = _merged([(sizes[x], strides[x]) for x in second])
    if one is None or other is None:
        return None
    (rows, row_stride), (columns, column_stride) = one, other
    if columns == 1:
        column_stride = 1
        if rows == 1:
            row_stride = 1
    elif rows == 1:
        row_stride = 1 if column_stride != 1 else columns
    if rows > 1 and columns == 1 and row_stride < 1:
        return None
    if (column_stride == 1 and row_stride >= max(columns, 1)) or (
        row_stride == 1 and column_stride >= max(rows, 1)
    ):
        pass
    else:
        return None
    of_batch = tuple([strides[x] if view.shape[letters.index(x)] > 1 else 0 for x in batch])
    return Matrix(view, row_stride, column_stride, of_batch)


def _merged(dims: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Several axes as one (size, stride), if they lie so."""
    dims = [(n, s) for n, s in dims if n > 1]
    if not dims:
        return 1, 1
    for (_, outer), (size, inner) in pairwise(dims):
        if outer != inner * size:
            return None
    return math.prod([n for n, _ in dims]), dims[-1][1]


#: How each product joins a plan; False where it does not.
PRODUCTS: dict[str, Callable[[Plan, Gate], bool]] = dict.fromkeys(
    ("matmul", "dot", "inner", "outer", "vdot", "vecdot", "matvec", "vecmat", "tensordot",
     "einsum"), _product)  # fmt: skip
