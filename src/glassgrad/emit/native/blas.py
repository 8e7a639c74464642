"""Products as calls of BLAS.

BLAS reads matrices column by column. A matrix that lies row by row is its own transpose to BLAS,
so C = A B is asked for as C' = B' A', and nothing is copied.
"""

from __future__ import annotations

import math
import re

from glassgrad.emit.native.elements import KINDS
from glassgrad.emit.native.loops import given
from glassgrad.emit.native.memory import View
from glassgrad.emit.native.products import Matrix, Product
from glassgrad.emit.native.routines import library
from glassgrad.emit.native.threads import released

__all__ = ["written"]

_TRANSPOSED, _PLAIN = ord("T"), ord("N")


def written(step: Product) -> tuple[str, list[View]]:
    """The function ``NAME`` that calls BLAS, and the views whose buffers it is given."""
    m, n, k = step.sizes
    letter = "d" if step.kind == "f64" else "s"
    type_ = KINDS[step.kind]
    blas = library()
    lines: list[str] = []
    names: dict[str, str] = {}

    def number(value: int) -> str:
        name = f"%n{value}"
        if name not in names:
            names[name] = name
            lines.extend([f"  {name} = alloca {blas.integer}",
                          f"  store {blas.integer} {value}, ptr {name}"])  # fmt: skip
        return name

    def letter_of(value: int) -> str:
        name = f"%t{value}"
        if name not in names:
            names[name] = name
            lines.extend([f"  {name} = alloca i8", f"  store i8 {value}, ptr {name}"])
        return name

    for name, value in (("%one", "1.0"), ("%before", "1.0" if step.adds else "0.0")):
        lines += [f"  {name} = alloca {type_}", f"  store {type_} {value}, ptr {name}"]
    pointers = []
    for name, matrix in (("%a", step.a), ("%b", step.b), ("%c", step.c)):
        lines.append(f"  {name}0 = getelementptr {type_}, ptr {name}, i64 {matrix.view.offset}")
        pointers.append(f"{name}0")
    if m == 1 or n == 1:
        matrix, vector, steps, length, width = (
            (step.a, 1, step.b.rows if k > 1 else 1, m, k) if n == 1
            else (Matrix(step.b.view, step.b.columns, step.b.rows, ()), 0, step.a.columns if k > 1 else 1, n, k)
        )  # fmt: skip
        routine = f"{letter}gemv"
        by_rows = matrix.columns == 1
        ld = max(matrix.rows if by_rows else matrix.columns, width if by_rows else length)
        arguments = [
            letter_of(_TRANSPOSED if by_rows else _PLAIN), number(width if by_rows else length),
            number(length if by_rows else width), "%one", "%A" if vector else "%B", number(ld),
            "%B" if vector else "%A", number(max(steps, 1)), "%before", "%C",
            number(step.c.rows if m > 1 else 1),
        ]  # fmt: skip
    else:
        routine = f"{letter}gemm"

        def side(matrix: Matrix, columns: int, rows: int) -> tuple[str, str]:
            if matrix.columns == 1 and matrix.rows >= columns:
                return letter_of(_PLAIN), number(matrix.rows)
            return letter_of(_TRANSPOSED), number(max(matrix.columns, rows))

        of_b, ld_b = side(step.b, n, k)
        of_a, ld_a = side(step.a, k, m)
        arguments = [of_b, of_a, number(n), number(m), number(k), "%one", "%B", ld_b, "%A", ld_a,
                     "%before", "%C", number(step.c.rows)]  # fmt: skip
    lines.append(f"  %f = inttoptr i64 {blas.address(routine)} to ptr")
    # Each letter's length comes last, as Fortran has it.
    passed = ", ".join([*[f"ptr {a}" for a in arguments],
                        *["i64 1" for a in arguments if a.startswith("%t")]])  # fmt: skip
    body = [f"  call void %f({passed})"]
    matrices = (step.a, step.b, step.c)
    for name, start, matrix in zip("ABC", pointers, matrices, strict=True):
        place = start
        moves = []
        for axis, stride in enumerate(matrix.batch):
            if stride:
                moves += [f"  %{name}x{axis} = mul i64 %i{axis}, {stride}",
                          f"  %{name}y{axis} = getelementptr {type_}, ptr {place}, i64 %{name}x{axis}"]  # fmt: skip
                place = f"%{name}y{axis}"
        body = [*moves, *body]
        body[-1] = re.sub(rf"%{name}\b", place, body[-1])
    for axis in reversed(range(len(step.batch))):
        lines.append(f"  %at{axis} = alloca i64")
        body = [
            f"  store i64 0, ptr %at{axis}", f"  br label %L{axis}", f"L{axis}:",
            f"  %i{axis} = load i64, ptr %at{axis}", *body, f"  %j{axis} = add i64 %i{axis}, 1",
            f"  store i64 %j{axis}, ptr %at{axis}", f"  %e{axis} = icmp eq i64 %j{axis}, {step.batch[axis]}",
            f"  br i1 %e{axis}, label %X{axis}, label %L{axis}", f"X{axis}:",
        ]  # fmt: skip
    body = released(body, 0 if step.in_tiles else m * n * k * math.prod(step.batch))
    text = "\n".join([
        "define internal i32 @NAME(ptr %list) {", *given(("%a", "%b", "%c")), *lines, *body, "  ret i32 1", "}", "",
    ])  # fmt: skip
    return text, [m.view for m in matrices]
