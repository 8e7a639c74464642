"""Gate to MathML: what a gate computes and what it does to a gradient, as browsers draw formulas."""

from glassgrad.emit.mathml.formulas import Formulas, formulas

__all__ = ["Formulas", "formulas"]
