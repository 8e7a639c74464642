"""Effects, impurity, bindings, arrays and the limits of a look at what a function reads.

That each kind of change is noticed is in ``test_outside_changes``.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import math
import sys
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad.runtime.outside import look

from .outside_programs import MODEL, forget_modules, look_at, program, verdict

__all__ = ["forget_modules"]  # a fixture every test here uses

EFFECTS = {
    "attribute of self": (
        "class M:\n  calls = 0\n  def f(self, x):\n    self.calls += 1\n    return x\nf = M().f",
        "self.calls is new",
    ),
    "attribute of self there": (
        "class M:\n  def __init__(self): self.calls = 0\n"
        "  def f(self, x):\n    self.calls += 1\n    return x\nf = M().f",
        "self.calls was 0, is 1",
    ),
    "list append": (
        "seen = []\ndef f(x):\n  seen.append(x)\n  return x",
        "seen (list) had 0 items, has 1",
    ),
    "dict entry": ("seen = {}\ndef f(x):\n  seen['x'] = x\n  return x", "seen (dict) had 0"),
    "set add": ("seen = set()\ndef f(x):\n  seen.add(x)\n  return x", "seen (set) had 0"),
    "global counter": (
        "n = 0\ndef f(x):\n  global n\n  n += 1\n  return x",
        "global 'n' in module notebook was 0, is 1",
    ),
    "global only written": (
        "def f(x):\n  global last\n  last = x\n  return x",
        "global 'last' in module notebook was not there, is 2.0",
    ),
    "closure counter": (
        "def make():\n  n = 0\n  def f(x):\n    nonlocal n\n    n += 1\n    return x\n  return f\n"
        "f = make()",
        "closure variable 'n' was 0, is 1",
    ),
    "array": (
        "W = np.zeros(2)\ndef f(x):\n  W[0] = x\n  return x",
        "W (array contents)",
    ),
    "array by out=": (
        "W = np.zeros(2)\ndef f(x):\n  np.add(W, x, out=W)\n  return x",
        "W (array contents)",
    ),
    "function attribute": ("def f(x):\n  f.last = x\n  return x", "f.last is new"),
    "helper's effect": (
        "seen = []\ndef log(x): seen.append(x)\ndef f(x):\n  log(x)\n  return x",
        "seen (list) had 0 items, has 1",
    ),
    "memo in a default": (
        "def f(x, memo={}):\n  memo[x] = 1\n  return x",
        "memo (dict) had 0 items, has 1",
    ),
    "random generator": (
        "rng = np.random.default_rng(1)\ndef f(x): return x * rng.normal()",
        "rng (state of the random generator)",
    ),
    "cached helper ran": (
        "@functools.lru_cache\ndef g(n): return n\ndef f(x): return g(3) * x",
        "g (its cache)",
    ),
    "cached property": (
        "class M:\n  @functools.cached_property\n  def s(self): return 2\n"
        "  def f(self, x): return self.s * x\nf = M().f",
        "self.s is new",
    ),
    "argument object": (
        "class M: pass\nm = M()\nobjects = (m,)\n"
        "def f(x):\n  g(m, x)\n  return x\ndef g(o, x): o.last = x",
        "last is new",
    ),
    "setattr": (
        "class M: pass\nm = M()\ndef f(x):\n  setattr(m, 'last', x)\n  return x",
        "m.last is new",
    ),
    "slot": (
        "class M:\n  __slots__ = ('n',)\nm = M()\ndef f(x):\n  m.n = x\n  return x",
        "m.n was nothing, is 2.0",
    ),
    "class attribute": (
        "class M: n = 0\ndef f(x):\n  M.n += 1\n  return x",
        "M.n was 0, is 1",
    ),
}


@pytest.mark.parametrize("case", EFFECTS)
def test_an_effect_of_the_call_is_noticed(case: str) -> None:
    text, words = EFFECTS[case]
    table = program(text)
    outside = look_at(table)
    table["f"](2.0)
    assert not verdict(outside)
    assert words in (outside.difference() or "")


@pytest.mark.parametrize("text", ["g", "M().s"])
def test_what_only_the_first_call_does_is_gone_at_the_second(text: str) -> None:
    table = program(
        "@functools.lru_cache\ndef g(n): return n\n"
        "class M:\n  @functools.cached_property\n  def s(self): return 2\n"
        "m = M()\ndef f(x): return g(3) * m.s * x"
    )
    table["f"](2.0)
    outside = look_at(table)
    table["f"](2.0)
    assert verdict(outside)


IMPURE = {
    "print": ("def f(x):\n  print(x)\n  return x", "print:"),
    "input": ("def f(x): return x * float(input())", "input:"),
    "open": ("def f(x):\n  open('log').close()\n  return x", "open:"),
    "print in a helper": ("def g(x): print(x)\ndef f(x):\n  g(x)\n  return x", "print:"),
    "print under another name": ("say = print\ndef f(x):\n  say(x)\n  return x", "print:"),
    "time.time": ("def f(x): return time.time() * x", "time.time: the clock"),
    "from time import": ("from time import perf_counter\ndef f(x): return perf_counter()", "clock"),
    "time inside": ("def f(x):\n  import time\n  return time.time() * x", "time.time"),
    "from time inside": ("def f(x):\n  from time import time\n  return time() * x", "time.time"),
    "time in a list": ("t = [time.time]\ndef f(x): return t[0]() * x", "time.time"),
    "module in a list": ("t = [time]\ndef f(x): return t[0].time() * x", "time.time"),
    "datetime.now": ("def f(x): return datetime.datetime.now().second * x", "datetime.now"),
    "date.today": ("def f(x): return datetime.date.today().day * x", "date.today"),
    "random.random": ("def f(x): return random.random() * x", "random.random:"),
    "from random import": (
        "from random import gauss\ndef f(x): return gauss(0, 1)",
        "random.gauss",
    ),
    "np.random.rand": ("def f(x): return np.random.rand() * x", "np.random.rand:"),
    "np.random.seed": ("def f(x):\n  np.random.seed(0)\n  return x", "np.random.seed"),
    "np.random, aliased": ("r = np.random\ndef f(x): return r.normal() * x", "np.random.normal"),
    "np handed on": ("def g(xp, x): return xp.random.rand()\ndef f(x): return g(np, x)", "rand:"),
    "default_rng()": ("def f(x): return np.random.default_rng().normal()", "without a seed"),
    "default_rng(None)": ("def f(x): return np.random.default_rng(None).normal()", "without"),
    "Random()": ("def f(x): return random.Random().random()", "without a seed"),
    "SystemRandom": ("r = random.SystemRandom()\ndef f(x): return r.random()", "from the system"),
    "os.environ": ("def f(x): return float(os.environ['S']) * x", "os.environ"),
    "os.getenv": ("def f(x): return float(os.getenv('S')) * x", "os.getenv"),
    "generator": ("it = (i for i in range(9))\ndef f(x): return next(it) * x", "it: an iterator"),
    "itertools": ("import itertools\nit = itertools.count()\ndef f(x): return next(it)", "it: an"),
    "list iterator": ("it = iter([1, 2])\ndef f(x): return next(it) * x", "it: an iterator"),
    "stdout": ("def f(x):\n  sys.stdout.write('a')\n  return x", "terminal"),
    "logging": ("import logging\ndef f(x):\n  logging.info('a')\n  return x", "logging.info"),
    "logger": ("import logging\nlog = logging.getLogger('a')\ndef f(x): log.info('a')", "a logger"),
    "np.load": ("def f(x): return np.load('w.npy') @ x", "np.load: reads or writes a file"),
    "eval": ("def f(x): return eval('x * 2')", "eval: runs code from text"),
    "pathlib": (
        "import pathlib\ndef f(x): return float(pathlib.Path('a').read_text()) * x",
        "read_text: reads or writes a file",
    ),
    "constructor with chance": (
        "class M:\n  def __init__(self): self.s = np.random.rand()\ndef f(x): return M().s * x",
        "np.random.rand",
    ),
}


@pytest.mark.parametrize("case", IMPURE)
def test_what_is_never_the_same_twice(case: str) -> None:
    text, words = IMPURE[case]
    reasons = look(program(text)["f"]).impure
    assert any(words in reason for reason in reasons), reasons


PURE = {
    "seeded generator": "def f(x): return np.random.default_rng(0).normal() * x",
    "seeded Random": "def f(x): return random.Random(3).random() * x",
    "random weights of an instance": (
        "class M:\n  def __init__(self): self.W = np.random.randn(3)\n"
        "  def f(self, x): return self.W @ x\nf = M().f"
    ),
    "isinstance with such a class": (
        "class M:\n  def __init__(self): self.W = np.random.randn(3)\n"
        "def f(x):\n  if isinstance(x, M): return x.W\n"
        "  return 1 if isinstance(x, (M, list)) else x"
    ),
    "a method that prints but is not called": (
        "class M:\n  def show(self): print(self)\n  def f(self, x): return x\nf = M().f"
    ),
    "an unrelated attribute called random": (
        "p = types.SimpleNamespace(random=2)\ndef f(x): return np.sin(x) * p.random"
    ),
    "math and NumPy": "def f(x): return math.exp(x) + np.linalg.norm(np.fft.fft(x)) + sum(x)",
    "fixed dates": "def f(x): return datetime.date(2020, 1, 2).day * x",
}


@pytest.mark.parametrize("case", PURE)
def test_no_false_alarm(case: str) -> None:
    assert look(program(PURE[case])["f"]).impure == ()


def test_a_helper_in_another_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "outside_base.py").write_text("rate = 2.0\ntable = {'k': 1.0}\n")
    (tmp_path / "outside_help.py").write_text(
        "import outside_base as base\nfrom outside_base import table\nunread = 0\n"
        "def helper(x):\n    return base.rate * table['k'] * x\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    helpers: Any = importlib.import_module("outside_help")
    base: Any = sys.modules["outside_base"]
    try:
        table = program("import outside_help\ndef f(x): return outside_help.helper(x)")
        outside = look_at(table)
        helpers.unread = 1
        base.more = 1
        assert verdict(outside)
        base.rate = 3.0
        assert outside.difference() == "global 'rate' in module outside_base was 2.0, is 3.0"
        base.rate = 2.0
        assert verdict(outside)
        base.table["k"] = 5.0
        assert outside.difference() == 'outside_help.table["k"] was 1.0, is 5.0'
        base.table["k"] = 1.0
        helpers.helper = abs
        assert "global 'helper' in module outside_help" in (outside.difference() or "")
    finally:
        del sys.modules["outside_help"], sys.modules["outside_base"]


def test_a_module_that_is_imported_inside_and_comes_up_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outside_late.py").write_text("rate = 2.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    table = program("def f(x):\n  import outside_late\n  return outside_late.rate * x")
    outside = look_at(table)
    try:
        table["f"](1.0)
        assert outside.difference() == (
            "module outside_late was not there, is the module outside_late"
        )
        outside = look_at(table)
        table["f"](1.0)
        assert verdict(outside)
        sys.modules["outside_late"].rate = 3.0  # type: ignore[attr-defined]
        assert not verdict(outside)
    finally:
        sys.modules.pop("outside_late", None)


def test_an_installed_library_is_a_leaf_unless_the_function_comes_from_it(tmp_path: Path) -> None:
    package = tmp_path / "site-packages"
    package.mkdir()
    (package / "outside_lib.py").write_text("rate = 2.0\ndef helper(x):\n    return rate * x\n")
    sys.path.insert(0, str(package))
    try:
        library: Any = importlib.import_module("outside_lib")
        table = program("from outside_lib import helper\ndef f(x): return helper(x)")
        from_outside, from_within = look_at(table), look(library.helper)
        library.rate = 3.0
        assert verdict(from_outside)
        assert not verdict(from_within)
    finally:
        sys.path.remove(str(package))
        sys.modules.pop("outside_lib", None)


def recording(x: Any) -> Any:
    return ("recorded", x)


ROUTES = {
    "global": "def f(x): return exp(x)",
    "global of a helper": "def g(x): return exp(x)\ndef f(x): return g(x)",
    "closure variable": ("def make(act):\n  def f(x): return act(x)\n  return f\nf = make(exp)"),
    "default": "def f(x, act=exp, other=2): return act(x)",
    "keyword default": "def f(x, *, act=exp): return act(x)",
    "list item": "acts = [exp]\ndef f(x): return acts[0](x)",
    "dict item": "acts = {'e': exp}\ndef f(x): return acts['e'](x)",
    "instance attribute": (
        "class M:\n  def __init__(self): self.act = exp\n  def f(self, x): return self.act(x)\n"
        "f = M().f"
    ),
    "slot": (
        "class M:\n  __slots__ = ('act',)\n  def f(self, x): return self.act(x)\n"
        "m = M(); m.act = exp; f = m.f"
    ),
    "class attribute": (
        "class M:\n  act = exp\n  def f(self, x): return type(self).act(x)\nm = M(); f = m.f"
    ),
    "partial's function": "f = functools.partial(exp)",
    "partial's argument": ("def g(act, x): return act(x)\nf = functools.partial(g, exp)"),
    "partial's keyword": ("def g(x, act): return act(x)\nf = functools.partial(g, act=exp)"),
    "module's attribute": (
        "m = types.ModuleType('helpers'); m.exp = exp\ndef f(x): return m.exp(x)"
    ),
}


@pytest.mark.parametrize("case", ROUTES)
def test_a_from_import_is_rebound_and_put_back_without_a_trace(case: str) -> None:
    table = program(ROUTES[case])
    outside = look_at(table)
    routes = [binding for binding in outside.bindings if binding.value is math.exp]
    assert len(routes) == 1
    routes[0].rebind(recording)
    assert routes[0].now is recording
    assert table["f"](1.0) == ("recorded", 1.0)
    assert not verdict(outside)
    routes[0].rebind(routes[0].value)
    assert verdict(outside)
    assert table["f"](1.0) == math.exp(1.0)


def test_bindings_say_what_and_where() -> None:
    table = program(
        MODEL + "def f(x, act=exp): return model.forward(act(x)) * slope + Model.act(exp(x))"
    )
    told = {binding.path: binding.kind for binding in look(table["f"]).bindings}
    assert told["act"] == "default"
    assert told["slope"] == told["model"] == "global"
    assert told["model.W"] == "instance attribute"
    assert told["Base.scale"] == told["Base.rate"] == "class attribute"
    assert "model.history" not in told


def test_arrays_have_readable_paths() -> None:
    table = program(
        "class M:\n  def __init__(self): self.W = np.ones(2); self.unread = np.ones(2)\n"
        "  def f(self, x, start=np.zeros(2)):\n"
        "    return self.W * x + X + params['W1'] + layers[0]['b'] + start\n"
        "X = np.ones(2); unread = np.ones(2)\n"
        "params = {'W1': np.ones(2)}; layers = [{'b': np.ones(2)}]\n"
        "m = M(); f = m.f"
    )
    arrays = look(table["f"]).arrays
    assert {path for _, path in arrays} == {
        "self.W",
        "X",
        'params["W1"]',
        'layers[0]["b"]',
        "start",
    }
    assert any(array is table["X"] for array, _ in arrays)


def test_one_array_in_two_places_is_one_array() -> None:
    table = program("A = np.ones(2); B = A\ndef f(x): return A * x + B")
    assert len(look(table["f"]).arrays) == 1


def test_bound_leaves_out_what_arrays_hold_and_nothing_else() -> None:
    table = program("s = 2\nW = np.ones(4)\ndef f(x): return s * W * x")
    outside = look_at(table)
    for _ in range(5):
        table["W"][0] += 1
        assert outside.bound() and not outside.same()
    table["W"].resize((2, 2), refcheck=False)
    assert not outside.bound()
    table["W"].resize((4,), refcheck=False)
    assert outside.bound()
    table["s"] = 3
    assert not outside.bound()


def test_forgetting_what_arrays_hold() -> None:
    table = program("W = np.ones(4)\ndef f(x): return W * x")
    outside = look_at(table)
    outside.forget_contents()
    table["W"][0] = 5
    assert verdict(outside)
    table["W"] = np.ones(4)
    assert not verdict(outside)


def test_frozen_arrays_are_not_read() -> None:
    table = program("W = np.ones(3); W.setflags(write=False)\ndef f(x): return W * x")
    assert len(look(table["f"])._contents) == 0
    table = program("W = np.frombuffer(bytes(24))\ndef f(x): return W * x")
    assert len(look(table["f"])._contents) == 0


def test_the_budget_ends_the_walk() -> None:
    table = program("deep = [[i] for i in range(3000)]\ndef f(x): return deep[0][0] * x")
    assert look(table["f"]).impure == ()
    assert look(table["f"], budget=1000).impure == ("reads more than 1,000 objects",)


def test_a_long_list_of_numbers_is_one_object() -> None:
    table = program("data = [float(i) for i in range(100_000)]\ndef f(x): return data[0] * x")
    outside = look_at(table)
    assert outside.impure == ()
    table["data"][99_999] = 0.0
    assert outside.difference() == "data[99999] was 99999.0, is 0.0"


def test_cycles_end() -> None:
    table = program(
        "a = []; a.append(a)\nd = {}; d['d'] = d; d['a'] = a\n"
        "class N: pass\nn = N(); n.next = n; n.d = d\n"
        "def f(x): return f(x) if a is d else n.next.d['a'] and x"
    )
    outside = look_at(table)
    table["a"].append(1)
    assert not verdict(outside)


def test_many_checks_still_agree() -> None:
    table = program("layers = [[i, [i]] for i in range(500)]\ndef f(x): return layers[3][1][0] * x")
    outside = look_at(table)
    table["layers"][499][1][0] = -1
    assert not verdict(outside)


def test_objects_are_called_by_the_names_given() -> None:
    table = program(MODEL + "def f(m, x): return m.forward(x)")
    outside = look(table["f"], table["model"], names=("m",))
    table["model"].W[0] = 7.0
    assert outside.difference() == "m.W[0] was 2.0, is 7.0"


def test_a_wrapper_of_ours_is_seen_through_and_its_caches_are_not() -> None:
    text = (
        "s = 2\ndef loss(x): return s * x\n"
        "class Gradient:\n"
        "  def __init__(self, g): self.cache = {}; self.__wrapped__ = g\n"
        "  def __call__(self, x): self.cache[x] = 1; return self.__wrapped__(x)\n"
        "Gradient.__module__ = 'glassgrad.runtime.outside'\n"
        "d = Gradient(loss)\ndef f(x): return d(x)"
    )
    table = program(text)
    import glassgrad.runtime.outside as ours

    ours.Gradient = table["Gradient"]  # type: ignore[attr-defined]
    try:
        outside = look_at(table)
        table["f"](1.0)
        assert verdict(outside)
        table["s"] = 3
        assert not verdict(outside)
    finally:
        del ours.Gradient  # type: ignore[attr-defined]


def test_nothing_of_the_users_runs_during_look_or_same() -> None:
    table = program(
        "ran = []\nclass Touchy:\n"
        "  def __getattribute__(self, n): ran.append(n); return object.__getattribute__(self, n)\n"
        "  def __eq__(self, other): ran.append('eq'); return True\n"
        "  def __hash__(self): return 1\n"
        "  def __repr__(self): ran.append('repr'); return ''\n"
        "  @property\n  def s(self): ran.append('s'); return 2\n"
        "class D(dict):\n  def __iter__(self): ran.append('iter'); return iter(())\n"
        "  def keys(self): ran.append('keys'); return ()\n"
        "class L(list):\n  def __iter__(self): ran.append('iter'); return iter(())\n"
        "t = Touchy()\nbox = [t]\nd = D({t: 1, 's': [2]})\nn = L([1, [2]])\n"
        "def f(x): return t.s * x + (box[0] == t) + d['s'][0] + n[0]"
    )
    outside = look(table["f"])
    for _ in range(5):
        outside.same()
    outside.difference()
    assert table["ran"] == []
    dict.__getitem__(table["d"], "s")[0] = 3
    assert outside.difference() == 'd["s"][0] was 2, is 3'
    dict.__getitem__(table["d"], "s")[0] = 2
    table["box"][0] = table["Touchy"]()
    assert not verdict(outside)


def test_a_defaultdict_is_not_made_to_grow() -> None:
    table = program("p = defaultdict(list, a=[1])\ndef f(x): return p['a'][0] * x")
    outside = look_at(table)
    del table["p"]["a"]
    assert not verdict(outside)
    assert dict(table["p"]) == {}


def test_an_object_that_cannot_be_looked_into_is_a_reason_and_no_error() -> None:
    table = program(
        "class Meta(type):\n"
        "  def __getattribute__(cls, n):\n"
        "    if n == '__module__': raise RuntimeError('private')\n"
        "    return type.__getattribute__(cls, n)\n"
        "class Odd(metaclass=Meta): pass\n"
        "odd = Odd()\ndef f(x): return odd.s * x"
    )
    reasons = look(table["f"]).impure
    assert "odd: cannot be looked into (RuntimeError('private'))" in reasons


def test_a_builtin_function_and_a_class_can_be_looked_at() -> None:
    assert look(math.exp).same() and look(np.sin).same() and look(dict).same()


def test_the_same_path_speaks_for_every_python_function_kind() -> None:
    s = [2.0]

    def plain(x: float) -> float:
        return s[0] * x

    async def later(x: float) -> float:
        return s[0] * x

    def yields(x: float) -> Any:
        yield s[0] * x

    kinds: list[Callable[..., Any]] = [
        plain,
        later,
        yields,
        functools.lru_cache(plain),
        functools.partial(functools.partial(plain), 1.0),
        staticmethod(plain),
    ]
    seen = [look(kind) for kind in kinds]
    assert all(verdict(outside) for outside in seen)
    s[0] = 3.0
    assert not any(verdict(outside) for outside in seen)


def test_every_pair_of_number_kinds_is_told_apart() -> None:
    numbers: list[Any] = [
        *(1, 1.0, True, 1 + 0j, np.float64(1), np.float32(1), np.int64(1), np.bool_(True), "1"),
        *(0.0, -0.0, 0, False, complex(0.0, -0.0), 0j, float("nan"), None, b"1", ..., slice(1)),
        *((1,), (1.0,), np.datetime64(1, "s"), np.dtype("f8"), np.dtype(">f8")),
    ]
    table = program("s = None\ndef f(x): return s")
    for (i, a), (j, b) in itertools.product(enumerate(numbers), repeat=2):
        table["s"] = a
        outside = look(table["f"])
        table["s"] = b
        assert outside.same() == (i == j), (a, b)


def test_the_check_is_cheap() -> None:
    table = program(
        "def sigmoid(x): return 1 / (1 + math.exp(-x))\n"
        "def f(x, y): return (x + sigmoid(y)) / (sigmoid(x) + np.square(x + y))"
    )
    outside = look_at(table)
    same = outside.checker()
    assert same()
    seconds = min(timeit.repeat(same, number=2000, repeat=7)) / 2000
    assert seconds < 2e-6  # some 0.2 us in peace; the bound leaves room for a busy machine
