"""Small programs as a user would type them, run in globals of their own, for looks at them."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

from glassgrad.runtime.outside import Outside, look

__all__ = ["MODEL", "forget_modules", "look_at", "program", "verdict"]

MODEL = """
class Base:
    rate = 0.5
    def forward(self, x): return self.scale(x)
    def scale(self, x): return self.W[0] * self.rate * x
class Model(Base):
    def __init__(self):
        self.W = [2.0]
        self.history = []
        self.calls = 0
    def forward(self, x): return super().forward(x)
    def fit(self, x):
        self.history.append(x)
        self.lost = time.time()
    @property
    def gain(self): return self._gain
    @staticmethod
    def act(x): return slope * x
    @classmethod
    def make(cls, x): return cls.rate * x
slope = 2
model = Model()
model._gain = 2
"""

PRELUDE = """
import math, functools, random, time, os, sys, copy, operator, collections, types, dataclasses
import datetime
import numpy as np
from math import exp
from dataclasses import dataclass, field
from collections import namedtuple, deque, defaultdict, OrderedDict
"""


def program(text: str, name: str = "notebook") -> dict[str, Any]:
    """The globals after ``text`` ran, as in a notebook: no file, no source lines."""
    sys.modules[name] = types.ModuleType(name)
    table = sys.modules[name].__dict__
    exec(PRELUDE + text, table)
    return table


@pytest.fixture(autouse=True)
def forget_modules() -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in {"notebook", "outside_inner"} & (set(sys.modules) - before):
        del sys.modules[name]


def verdict(outside: Outside) -> bool:
    """Whether all is the same; the slow, the fast and the telling form must agree."""
    one_by_one = outside.same()
    fast = outside.checker()()
    compiled = outside.same()
    told = outside.difference()
    assert one_by_one == fast == compiled == (told is None), told
    return fast


def look_at(table: dict[str, Any]) -> Outside:
    function, objects = table["f"], table.get("objects", ())
    outside = look(function, *objects)
    assert verdict(outside), outside.difference()
    assert not any("cannot be looked into" in reason for reason in outside.impure)
    fresh = look(function, *objects)  # `verdict` has compiled the first one
    return fresh
