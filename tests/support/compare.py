"""A function of numbers and arrays against itself under plain NumPy: value, effect and gradient."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

import glassgrad as gg

from .differences import gradient as numerical

__all__ = ["same"]


def same(f: Callable[..., Any], *args: Any) -> None:
    n = tuple(range(len(args)))
    transform = gg.value_and_grad(f, n)
    slopes = [numerical(lambda *a: float(f(*copy.deepcopy(a))), args, k) for k in n]
    for _ in range(2):
        given, plain = copy.deepcopy(args), copy.deepcopy(args)
        value, gradients = transform(*given)
        expected = f(*plain)
        assert type(value) is type(expected)
        assert value == expected
        for mine, theirs in zip(given, plain, strict=True):
            np.testing.assert_array_equal(mine, theirs)
        for g, slope in zip(gradients, slopes, strict=True):
            np.testing.assert_allclose(g, slope, rtol=1e-6, atol=1e-6)
