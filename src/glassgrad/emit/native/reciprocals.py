"""A gradient's quotients by one denominator: one division, and products with its reciprocal.

Both steps round, so ``a * (1 / d)`` is at most two units in the last place from ``a / d``; four
where ``d`` is beyond 2**1022 and ``1 / d`` below the smallest normal number. It is infinite or NaN
where ``1 / d`` overflows, and native code hands over then; otherwise it is zero, infinite or NaN
only where the quotient is, to within the same error.

Backward gates only: 49 * (1 / 49) is not 1, and what a user's own quotient goes into may be a step
(``floor(x / h)``, a comparison), where the last bit decides.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from glassgrad.emit.native.elements import Block, Element
from glassgrad.emit.native.lowerings import ELEMENTWISE
from glassgrad.emit.native.steps import Load, Nest, Operation

__all__ = ["share_reciprocals"]

_DIVIDE = ELEMENTWISE["divide"]
_LONG = 16  # elements of a row that has one denominator


def share_reciprocals(nest: Nest) -> None:
    """Divide once for all of a gradient's quotients by one value, or by one for a whole row."""
    quotients: dict[Any, list[Operation]] = defaultdict(list)
    for made in nest.operations:
        backward = made.gate is not None and made.gate.backward
        if backward and made.write is _DIVIDE and isinstance(made.operands[1], (Load, Operation)):
            quotients[made.operands[1], made.real].append(made)
    inverses: dict[Operation, Operation] = {}
    for (below, real), some in quotients.items():
        if len(some) > 1 or _same_for_a_row(nest, below):
            inverse = inverses[some[0]] = Operation(_inverse, (below,), real, real, 4.0)
            for made in some:
                made.write, made.cost = _product, 1.0
                made.operands = (made.operands[0], inverse)
    if inverses:
        operations = []
        for made in nest.operations:
            if made in inverses:
                operations.append(inverses[made])
            operations.append(made)
        nest.operations = operations


def _same_for_a_row(nest: Nest, value: Any) -> bool:
    return (
        isinstance(value, Load)
        and value.places is None
        and bool(nest.domain)
        and nest.domain[-1] >= _LONG
        and value.view.strides[-1] == 0
    )


def _inverse(b: Block, below: Any) -> Element:
    return b.divide(1.0, below)


def _product(b: Block, above: Any, below: Any) -> Element:
    return b.passing("fmul", above, below)
