"""The published list of what is covered is computed from the gates; ``--write`` makes it anew.

Run: python tests/test_coverage.py --write
"""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "coverage.md"
HEAD = """# What is covered

Computed from the gates (`python tests/test_coverage.py --write`), so it is what the library does. A function that is not in
it raises one clear error when a gradient would have to flow through it, and is computed as it is when none would.
Names are those of {versions}.
"""
VERSIONS = (
    f"Python {sys.version_info[0]}.{sys.version_info[1]}, NumPy {np.__version__.rsplit('.', 1)[0]}"
)


def page():
    import scipy.special

    from glassgrad.gates.declare import FUNCTIONS
    from glassgrad.tracing import lazily, methods, routing

    lazily.special()
    routed = {(module, name) for module, name, _, _ in routing._TABLE}

    def covered(module, names):
        return [n for n in names if _known(module, n, FUNCTIONS, routed)]

    numpy = [n for n in dir(np) if not n.startswith("_") and callable(getattr(np, n))]
    parts = {
        "`numpy`": covered(np, numpy),
        "`numpy.linalg`": covered(np.linalg, dir(np.linalg)),
        "`math`": covered(math, dir(math)),
        "`scipy.special`": covered(scipy.special, dir(scipy.special)),
        "methods of arrays": sorted(methods.METHODS),
    }
    lines = [HEAD.format(versions=VERSIONS)]
    for title, names in parts.items():
        lines += [f"## {title}", "", _wrapped(names), ""]
    flat = sorted(n for n, op in _ops().items() if op.form == "flat" and not op.effect)
    lines += ["## Gates without a gradient", "", "Their gradient is zero, or they ask a question.", "",
              _wrapped(flat), ""]  # fmt: skip
    return "\n".join(lines)


def _ops():
    from glassgrad.gates.declare import OPS

    return OPS


def _known(module, name, functions, routed):
    found = getattr(module, name)
    if (module, name) in routed:
        return True
    try:
        return found in functions
    except TypeError:
        return False


def _wrapped(names):
    lines, current = [], ""
    for name in names:
        word = f"`{name}` "
        if len(current) + len(word) > 118:
            lines.append(current.rstrip())
            current = ""
        current += word
    return "\n".join([*lines, current.rstrip()])


def test_the_page_is_what_the_gates_say():
    if VERSIONS not in PAGE.read_text(encoding="utf-8"):
        pytest.skip("the page was made with other versions, which have other names")
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_everyday_part_is_covered():
    wanted = [
        "add",
        "subtract",
        "multiply",
        "divide",
        "power",
        "exp",
        "log",
        "sin",
        "tanh",
        "abs",
        "sign",
        "maximum",
        "minimum",
        "clip",
        "where",
        "hypot",
        "arctan2",
        "logaddexp",
        "sum",
        "mean",
        "prod",
        "max",
        "min",
        "var",
        "std",
        "cumsum",
        "cumprod",
        "argmax",
        "reshape",
        "ravel",
        "transpose",
        "swapaxes",
        "moveaxis",
        "squeeze",
        "expand_dims",
        "broadcast_to",
        "concatenate",
        "stack",
        "vstack",
        "hstack",
        "split",
        "tile",
        "repeat",
        "pad",
        "flip",
        "roll",
        "diag",
        "triu",
        "tril",
        "trace",
        "dot",
        "matmul",
        "outer",
        "inner",
        "vdot",
        "tensordot",
        "einsum",
        "kron",
        "cross",
        "sort",
        "take",
        "take_along_axis",
        "copyto",
        "put",
        "fill_diagonal",
        "array",
        "zeros",
        "ones",
        "full",
        "empty",
        "zeros_like",
        "heaviside",
        "cbrt",
        "reciprocal",
        "square",
        "sqrt",
    ]
    text = page().split("## `numpy.linalg`")[0]
    assert [n for n in wanted if f"`{n}`" not in text] == []


if __name__ == "__main__" and "--write" in sys.argv:
    PAGE.write_text(page(), encoding="utf-8")
