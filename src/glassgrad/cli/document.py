"""One evaluation as JSON: value, gradients, wires, code, check and diagnosis.

JSON has neither NaN nor infinities: they stand as the strings "nan", "inf" and "-inf".
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from glassgrad.check import GradCheck
from glassgrad.diagnose import Diagnosis
from glassgrad.microscope import Backprop

__all__ = ["document"]


def document(
    seen: Backprop, proof: GradCheck | None, diagnosis: Diagnosis | None = None
) -> str:  # fmt: skip
    """The JSON text of an evaluation, its check and its diagnosis, each null where there was none.

    Examples
    --------
    >>> import glassgrad as gg
    >>> told = json.loads(document(gg.backprop(lambda x, y: x * y, 3.0, -4.0), None))
    >>> told["value"], told["gradients"], told["wires"][0]["name"]
    (-12.0, {'x': -4.0, 'y': 3.0}, 'x')
    """
    told = {
        "value": _plain(seen.value),
        "gradients": {n: _plain(g) for n, g in zip(seen.grads.keys(), seen.grads, strict=True)},
        "wires": [
            {
                "name": w.name, "line": w.line, "statement": w.statement, "op": w.op,
                "shape": list(w.shape), "value": _plain(w.value), "gradient": _plain(w.gradient),
            }
            for w in seen.wires
        ],
        "code": seen.code,
        "check": None if proof is None else _check(proof),
        "diagnosis": None if diagnosis is None else diagnosis.as_dict(),
    }  # fmt: skip
    return json.dumps(told, indent=2, allow_nan=False)


def _check(proof: GradCheck) -> dict[str, Any]:
    worst = proof.worst
    return {
        "right": bool(proof),
        "compared": proof.count + proof.directions,
        "worst": None if worst is None else {
            "element": worst.name, "gradient": _plain(worst.analytic),
            "numerical": _plain(worst.numerical), "difference": _plain(worst.difference),
        },
        "says": str(proof),
    }  # fmt: skip


def _plain(value: Any) -> Any:
    """Python's own numbers and lists, which JSON can say."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
