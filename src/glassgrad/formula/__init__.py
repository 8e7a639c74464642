"""Formulas written by anybody: text that is checked sign by sign and never run as Python.

A formula is a function of its inputs like any other, so all that glassgrad does with functions works
with it. Where the text comes from, and what is shown of it, are not this room's to know.
"""

from glassgrad.formula.budget import Limits
from glassgrad.formula.evaluation import Formula, parse
from glassgrad.formula.syntax import FormulaError
from glassgrad.formula.values import parse_value

__all__ = ["Formula", "FormulaError", "Limits", "parse", "parse_value"]
