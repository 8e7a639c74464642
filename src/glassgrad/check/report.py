"""What a gradient check found, and how it says so in a few lines of plain text.

It knows the findings and the words; nothing of how they came about.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

from glassgrad.errors import GradientMismatchError

__all__ = ["ElementCheck", "GradCheck"]

_WIDTH = 100


@dataclass(frozen=True)
class ElementCheck:
    """One element, or one direction: glassgrad's gradient against the numerical one.

    Attributes
    ----------
    argument : str
        The argument or the part of it, as one writes it: ``params['W1']``.
    index : tuple of int or None
        The element; None for a single number and for a direction.
    analytic, numerical : float
        glassgrad's gradient and the numerical one.
    difference : float
        How far they are apart.
    scale : float
        What that is in relation to: the larger of the two.
    error : float
        How far the numerical gradient itself may be off.
    right : bool
        Whether they agree within tolerance.
    uncertain : bool
        The numerical gradient is too coarse here to prove much.
    direction : bool
        All elements were moved at once, in a random direction.
    remark : str
        What is special here (a kink, a function defined on one side only); empty if nothing is.
    """

    argument: str
    index: tuple[int, ...] | None
    analytic: float
    numerical: float
    difference: float
    scale: float
    error: float
    right: bool
    uncertain: bool = False
    direction: bool = False
    remark: str = ""

    @property
    def name(self) -> str:
        """The element as one writes it: ``params['W1'][3, 7]``."""
        if self.direction:
            return f"{self.argument} along a random direction"
        if not self.index:
            return self.argument
        return f"{self.argument}[{', '.join(map(str, self.index))}]"

    @property
    def relative(self) -> float:
        """The difference in relation to the scale."""
        if self.difference == 0:
            return 0.0
        return self.difference / self.scale if 0 < self.scale < math.inf else math.inf

    def __str__(self) -> str:
        digits = 11 if self.right else 9
        text = f"{self.name}: {_number(self.analytic)} against {self.numerical:.{digits}g}"
        if math.isfinite(self.difference):
            text += f", differs by {self.difference:.1g} relative to {self.scale:.2g}"
        return text + (f" ({self.remark})" if self.remark else "")


@dataclass(frozen=True)
class GradCheck:
    """What `glassgrad.check_grad` found; true where the gradient is right.

    Attributes
    ----------
    right : bool
        Whether every comparison agreed; ``bool(check)`` also asks the second order.
    worst : ElementCheck or None
        Where the two gradients differ most; None if there was no element.
    wrong : tuple of ElementCheck
        What disagreed, worst first.
    count : int
        How many elements were compared.
    directions : int
        How many random directions were compared.
    elements : int
        How many elements there are.
    uncertain : int
        In how many comparisons the differences are too coarse to prove much.
    evaluations : int
        How often the function was called.
    mode : str
        "elements" or "directions".
    order : int
        1 for the gradient, 2 for the gradient of the gradient.
    suspicion : str
        If wrong, what it looks like and what to do.
    second : GradCheck or None
        The check of the second order, if asked for.
    """

    right: bool
    worst: ElementCheck | None
    wrong: tuple[ElementCheck, ...]
    count: int
    directions: int
    elements: int
    uncertain: int
    evaluations: int
    mode: str
    order: int = 1
    suspicion: str = ""
    second: GradCheck | None = None

    def __bool__(self) -> bool:
        return self.right and (self.second is None or bool(self.second))

    def raise_if_wrong(self) -> GradCheck:
        """Give this check back if the gradient is right.

        Raises
        ------
        GradientMismatchError
            It is wrong; the message is the text of the check.
        """
        if not self:
            raise GradientMismatchError(str(self))
        return self

    def __str__(self) -> str:
        second = [] if self.second is None else self.second._paragraphs()
        lines = [*self._paragraphs(), *second]
        return "\n".join(
            textwrap.fill(line, _WIDTH, subsequent_indent="  ", break_long_words=False,
                          break_on_hyphens=False) for line in lines
        )  # fmt: skip

    def _paragraphs(self) -> list[str]:
        what = "gradient" if self.order == 1 else "second order"
        if self.worst is None:
            return [f"{what}: the arguments are empty, there is nothing to compare"]
        if self.right:
            head = f"{what} right: {self._checked()}; worst is {self.worst}"
            return [head, *self._doubts()]
        head = f"{len(self.wrong)} of {self._checked()}"
        if self.directions:
            n = self.count + self.directions
            head = f"{len(self.wrong)} of {n} comparisons disagree ({self._checked()})"
        return [
            f"{what} wrong: {head}",
            f"worst is {self.worst}",
            f"  the numerical gradient is good to {self.worst.error:.1g} there"
            if math.isfinite(self.worst.error) else "  there is no numerical gradient there",
            *(f"also {element}" for element in self.wrong[1:4]),
            *([f"and {len(self.wrong) - 4} more"] if len(self.wrong) > 4 else []),
            f"suspect: {self.suspicion}",
        ]  # fmt: skip

    def _checked(self) -> str:
        parts = []
        if self.directions:
            parts.append(_many(self.directions, "random direction"))
        if self.count or not self.directions:
            of = f" of {self.elements:,}" if self.directions or self.count != self.elements else ""
            parts.append(f"{self.count:,}{of} {'element' if self.elements == 1 else 'elements'}")
        return f"{' and '.join(parts)} checked by central differences"

    def _doubts(self) -> list[str]:
        if not self.uncertain:
            return []
        n = self.count + self.directions
        which = "all of them" if self.uncertain == n else f"{self.uncertain} of them"
        return [
            f"note: in {which} the differences are too coarse to prove much: rounding within "
            "(float32, values that cancel), or no slope there at all; other arguments, or float64, "
            "show more"
        ]


def _many(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _number(value: float) -> str:
    return repr(float(value))
