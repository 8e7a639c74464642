"""The diagnosis: what is wrong with an evaluation and its gradients, in words with numbers.

Each examiner looks for one kind of fault and gives findings; ``evidence`` is what they look at,
``report`` what they write. This file only says who looks, and in which order.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassgrad.diagnose.depth import depth
from glassgrad.diagnose.evidence import Evidence
from glassgrad.diagnose.nonfinite import not_finite
from glassgrad.diagnose.overflow import overflow
from glassgrad.diagnose.report import KINDS, Diagnosis, Finding
from glassgrad.diagnose.rounding import rounding
from glassgrad.diagnose.scales import scales
from glassgrad.diagnose.units import units
from glassgrad.diagnose.zeros import zeros
from glassgrad.runtime.staging import Study

__all__ = ["KINDS", "Diagnosis", "Finding", "diagnose"]


def diagnose(study: Study) -> Diagnosis:
    """Look at one evaluation for all that is known to go wrong."""
    with np.errstate(all="ignore"):
        return Diagnosis([*_findings(Evidence(study))])


def _findings(e: Evidence) -> Iterator[Finding]:
    yield from not_finite(e)
    if not e.sound:  # all else would be told of numbers that mean nothing
        return
    found: list[Finding] = []
    for look in (units, depth, rounding, overflow, scales):
        found += look(e)
    yield from found
    yield from zeros(e, found)
