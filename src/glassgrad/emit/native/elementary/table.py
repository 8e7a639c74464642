"""The elementary functions by name, and the text of those that are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from glassgrad.emit.native.elementary import (
    error_function,
    exponential,
    hyperbolic,
    inverse_hyperbolic,
    inverse_trigonometric,
    logarithm,
    power,
    roots,
    statistics,
    trigonometric,
)
from glassgrad.emit.native.elements import Block, Element, Kind

__all__ = ["FUNCTIONS", "RARE", "definitions"]

Function = Callable[..., Element]
Wanted = tuple[str, Kind, int]

#: Name -> what writes the function's instructions into a block and returns its value.
FUNCTIONS: dict[str, Function] = {
    "exp": exponential.exp, "exp2": exponential.exp2, "expm1": exponential.expm1,
    "log": logarithm.log, "log2": logarithm.log2, "log10": logarithm.log10,
    "log1p": logarithm.log1p,
    "sin": trigonometric.sin, "cos": trigonometric.cos, "tan": trigonometric.tan,
    "asin": inverse_trigonometric.asin, "acos": inverse_trigonometric.acos,
    "atan": inverse_trigonometric.atan, "atan2": inverse_trigonometric.atan2,
    "pow": power.power, "cbrt": roots.cbrt, "hypot": roots.hypot,
    "asinh": inverse_hyperbolic.asinh, "acosh": inverse_hyperbolic.acosh,
    "atanh": inverse_hyperbolic.atanh,
    "tanh": hyperbolic.tanh, "sinh": hyperbolic.sinh, "cosh": hyperbolic.cosh,
    "erf": error_function.erf, "erfc": error_function.erfc,
    "expit": statistics.expit, "softplus": statistics.softplus,
}  # fmt: skip

#: Functions for arguments that are rare, called by those above: never inlined.
RARE: dict[str, Function] = {
    "sin.huge": trigonometric.sin_huge, "cos.huge": trigonometric.cos_huge,
    "tan.huge": trigonometric.tan_huge,
}  # fmt: skip

_OPERANDS: dict[str, int] = {"pow": 2, "atan2": 2, "hypot": 2}


def _definition(name: str, kind: Kind, width: int) -> Block:
    """The definition of one function: the lines of the block returned."""
    b = Block(width)
    b.real = kind
    operands = [Element(b, f"%x{i}", kind) for i in range(_OPERANDS.get(name, 1))]
    result = (FUNCTIONS | RARE)[name](b, *operands)
    given = ", ".join(f"{b.type(kind)} {x.name}" for x in operands)
    how = "nounwind"
    if name in RARE:
        how += " noinline cold"
    elif width > 1:
        how += " alwaysinline"
    head = f"define internal {b.type(kind)} @gg.{name}.{kind}.{width}({given}) {how} {{"
    b.lines = [head, "entry:", *b.lines, f"  ret {b.type(kind)} {result.name}", "}", ""]
    return b


def definitions(wanted: Iterable[Wanted]) -> tuple[str, set[str]]:
    """The definitions of elementary functions and of all they call, each once.

    Parameters
    ----------
    wanted : iterable of (name, kind, width)
        As ``Block.function`` collects them.

    Returns
    -------
    text : str
        LLVM IR.
    declarations : set of str
        The outside functions that are called: one line each, to be merged with other such lines.
    """
    texts: dict[Wanted, str] = {}
    declarations: set[str] = set()
    waiting = sorted(set(wanted), reverse=True)
    while waiting:
        function = waiting.pop()
        if function in texts:
            continue
        b = _definition(*function)
        texts[function] = "\n".join(b.lines)
        declarations |= b.functions
        waiting += sorted(b.elementary)
    return "\n".join(texts.values()), declarations
