"""Calls that native code answers: the same as the slow way's, whatever is passed and whenever."""

from __future__ import annotations

import copy
import functools
import gc
import math
import pickle
import random
import warnings
import weakref
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.emit.native import available
from glassgrad.runtime.gradient import GradientFunction

from .support.warm import WARM, warm

pytestmark = pytest.mark.skipif(not available(), reason="no LLVM here")


def is_native(g: Any, *args: Any, **kwargs: Any) -> bool:
    """Whether native code answers this call."""
    before = g._slow
    g(*args, **kwargs)
    return g._direct is not None and g._slow == before


def outcome(g: Any, args: Any, kwargs: Any) -> Any:
    """What a call gives, or the exception it raises."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return g(*args, **kwargs)
        except Exception as error:
            return error


def same(a: Any, b: Any) -> bool:
    """Whether two answers are alike, in kind and, up to rounding, in their numbers."""
    if isinstance(b, Exception):
        return type(a) is type(b) and str(a) == str(b)
    if type(a) is not type(b):
        return False
    if isinstance(b, dict):
        return [*a] == [*b] and all(same(a[k], b[k]) for k in b)
    if isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.allclose(
            a, b, rtol=1e-9, atol=1e-9, equal_nan=True)  # fmt: skip
    if isinstance(b, float | np.floating):
        return bool(np.isclose(a, b, rtol=1e-9, atol=1e-9, equal_nan=True))
    return a is b or bool(a == b)


# -- the forms of calls ---------------------------------------------------------------------------


def sigmoid(x: Any) -> Any:
    return 1 / (1 + math.exp(-x))


def two(x: Any, y: Any) -> Any:
    return (x + sigmoid(y)) / (sigmoid(x) + (x + y) ** 2)


def scaled(x: Any, y: Any = 2.0, *, power: Any = 2) -> Any:
    return x * y**power


def dense(params: Any, x: Any) -> Any:
    return np.sum(np.tanh(params["W"] @ x + params["b"]) ** 2)


def deep(tree: Any, z: Any) -> Any:
    return tree["a"][0] * tree["a"][1]["b"] * z + np.sum(tree["c"][0]) + tree["d"]


def named(x: Any, how: Any) -> Any:
    return x * x if how == "square" else x


def with_aux(x: Any) -> Any:
    return np.sum(x * x), {"double": 2 * x, "note": "text", "pair": [x[0], None]}


PARAMS = {"W": np.arange(6.0).reshape(2, 3) / 5, "b": np.ones(2)}
TREE = {"a": [2.0, {"b": 3.0, "0": 1.0}], "d": 5.0, "c": (np.ones(2), 1.0)}

FORMS: list[tuple[Any, dict[str, Any], tuple[Any, ...], dict[str, Any]]] = [
    (two, {}, (3.0, -4.0), {}),
    (two, {"argnums": (0, 1)}, (3.0, -4.0), {}),
    (two, {"argnums": (1, 0, 1)}, (3.0, -4.0), {}),
    (two, {"argnums": -1}, (3.0, -4.0), {}),
    (two, {"argnums": "y"}, (3.0,), {"y": -4.0}),
    (two, {"argnums": ("x", "y")}, (), {"y": -4.0, "x": 3.0}),
    (two, {}, (3, -4.0), {}),
    (two, {}, (np.float64(3), np.float64(-4)), {}),
    (scaled, {}, (3.0,), {}),
    (scaled, {}, (3.0,), {"power": 3.0}),
    (scaled, {"argnums": ("x", "power")}, (3.0, 2.0), {"power": 3.0}),
    (dense, {}, (PARAMS, np.ones(3)), {}),
    (dense, {"argnums": (0, 1)}, (PARAMS, np.ones(3)), {}),
    (dense, {}, (), {"params": PARAMS, "x": np.ones(3)}),
    (deep, {}, (TREE, 2.0), {}),
    (deep, {"argnums": (1, 0)}, (TREE, 2.0), {}),
    (named, {}, (3.0, "square"), {}),
    (named, {}, (3.0,), {"how": None}),
    (with_aux, {"has_aux": True}, (np.ones(3),), {}),
]


@pytest.mark.parametrize("transform", [gg.grad, gg.value_and_grad])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form[0].__name__)
def test_each_form_of_call_is_answered_natively_and_alike(form: Any, transform: Any) -> None:
    f, options, args, kwargs = form
    g = transform(f, **options)
    expected = g(*args, **kwargs)
    found = warm(g, *args, **kwargs)
    assert is_native(g, *args, **kwargs)
    assert same(found, expected), (found, expected)


def test_several_forms_and_shapes_stay_native_side_by_side() -> None:
    g = gg.value_and_grad(lambda x, y=2.0: np.sum(x * y), argnums=0)
    calls: list[Any] = [((np.ones(3), 2.0), {}), ((np.ones(4), 2.0), {}), ((np.ones((2, 2)),), {}),
                        ((1.5, 2.0), {}), ((2,), {}), ((), {"y": 3.0, "x": 2.0})]  # fmt: skip
    for args, kwargs in calls:
        warm(g, *args, **kwargs)
    for args, kwargs in calls:
        assert is_native(g, *args, **kwargs), (args, kwargs)


def test_keys_that_are_equal_but_other_objects_are_the_same_keys() -> None:
    g = gg.grad(dense)
    warm(g, PARAMS, np.ones(3))
    other = {"".join(["", k]): v for k, v in PARAMS.items()}
    assert is_native(g, other, np.ones(3))
    turned = {k: PARAMS[k] for k in reversed(PARAMS)}
    assert not is_native(g, turned, np.ones(3))
    assert [*g(turned, np.ones(3))] == ["b", "W"]
    warm(g, turned, np.ones(3))
    assert is_native(g, turned, np.ones(3)) and is_native(g, PARAMS, np.ones(3))


def test_arrays_that_lie_otherwise_are_taken() -> None:
    g = gg.value_and_grad(lambda x: np.sum(x * x * x))
    x = np.arange(6.0).reshape(2, 3)
    expected = warm(g, x)
    read_only = x.copy()
    read_only.flags.writeable = False
    crooked = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(float).reshape(2, 3)
    assert not crooked.flags.aligned
    wide = np.repeat(x, 2, axis=1)[:, ::2]
    for form in (read_only, np.asfortranarray(x), wide, crooked, x[::-1][::-1]):
        assert is_native(g, form)
        assert same(g(form), expected)


# -- any argument at all --------------------------------------------------------------------------


class Evil:
    """Hurts whoever asks it anything."""

    def __float__(self) -> float:
        raise RuntimeError("no float")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("no array")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    def __hash__(self) -> int:
        return id(self)


class MyFloat(float): ...


class MyDict(dict): ...  # type: ignore[type-arg]


class MyArray(np.ndarray): ...


def junk(rng: random.Random) -> Any:
    """Some value; most of them are no good."""
    x = np.array([rng.gauss(0, 1) for _ in range(rng.choice([0, 1, 2, 3, 3, 3, 4]))])
    return rng.choice([
        lambda: rng.gauss(0, 1), lambda: rng.gauss(0, 1), lambda: rng.randrange(-3, 4),
        lambda: x, lambda: x, lambda: x,
        lambda: None, lambda: True, lambda: 10 ** rng.choice([3, 18, 19, 400]),
        lambda: rng.choice([math.nan, math.inf, -math.inf, 0.0, -0.0, 1e308, 5e-324]),
        lambda: "square", lambda: b"x", lambda: 1j, object, Evil, lambda: MyFloat(1.5),
        lambda: rng.choice([np.float64, np.float32, np.int64, np.int8, np.bool_])(1),
        lambda: np.float64(rng.gauss(0, 1)),
        lambda: x.astype(rng.choice(["f4", "i8", "i4", "u1", "?", "f2", ">f8", "c16", "O", "U3"])),
        lambda: np.zeros(3, "M8[s]"), lambda: np.zeros(3, [("a", float)]),
        lambda: np.array(rng.gauss(0, 1)), lambda: np.zeros((3, 1)), lambda: np.zeros((1, 3)),
        lambda: np.zeros(6)[::2], lambda: np.zeros(3)[::-1], lambda: np.broadcast_to(1.0, (3,)),
        lambda: np.zeros(25, "u1")[1:].view("f8"), lambda: np.ma.zeros(3),
        lambda: x.view(MyArray), lambda: np.zeros(3, "f8").view(np.recarray),
        lambda: {}, lambda: {"W": x}, lambda: dict(PARAMS), lambda: MyDict(PARAMS),
        lambda: OrderedDict(PARAMS), lambda: {**PARAMS, "more": 1.0}, lambda: {Evil(): 1.0, "b": 2.0},
        lambda: {"b": PARAMS["b"], "W": PARAMS["W"]}, lambda: {"W": x, "b": 1.0},
        lambda: [], lambda: [x], lambda: (1.0, 2.0), lambda: [1.0, 2], lambda: [[1.0], 2.0],
        lambda: (x, {"a": [1.0]}), lambda: {1, 2}, lambda: memoryview(b"abc"),
        lambda: gg.grad(two), lambda: len, lambda: float, lambda: np.random.default_rng(1),
        lambda: iter([1.0]), lambda: slice(3), lambda: range(3),
    ])()  # fmt: skip


def total(a: Any, b: Any = 2.0, *, c: Any = None) -> Any:
    """Takes whatever can be taken."""

    def number(x: Any) -> Any:
        if isinstance(x, dict):
            return sum([number(v) for v in x.values()], 0.0)
        if isinstance(x, list | tuple):
            return sum([number(v) for v in x], 0.0)
        if x is None or isinstance(x, str | bytes):
            return 1.0
        return np.sum(x * x)

    return number(a) * (1.0 + number(b)) + number(c)


GOOD: list[Any] = [
    ((2.0, 3.0), {}), ((np.ones(3), 3.0), {}), ((np.ones(3), np.ones(3)), {}), ((1.5,), {}),
    ((1.0,), {"c": 2.0}), ((), {"a": 1.5, "b": np.ones(3)}), ((dict(PARAMS), 1.0), {}),
    ((np.float64(1.0), np.float64(2.0)), {}), (([1.0, 2.0], (1.0, 2.0)), {}), ((1.0, None), {}),
    ((np.ones(3), "square"), {"c": np.ones(3)}),
]  # fmt: skip


def numbers(seed: int, count: int) -> None:
    """Random calls of warm functions, each compared with a function that is not warm."""
    rng = random.Random(seed)
    options: list[dict[str, Any]] = [{}, {"argnums": (0,)}, {"argnums": "a"}]
    for _ in range(count // 60):
        option = rng.choice(options)
        transform = rng.choice([gg.grad, gg.value_and_grad])
        g = transform(total, **option)
        for args, kwargs in rng.sample(GOOD, 3):
            warm(g, *args, **kwargs)
        for _ in range(60):
            args, kwargs = rng.choice(GOOD)
            args, kwargs = list(args), dict(kwargs)
            for _ in range(rng.choice([0, 1, 1, 2])):
                what = rng.randrange(6)
                if what <= 2 and args:
                    args[rng.randrange(len(args))] = junk(rng)
                elif what == 3:
                    kwargs[rng.choice(["a", "b", "c", "unknown"])] = junk(rng)
                elif what == 4:
                    args.append(junk(rng))
                elif args:
                    args.pop()
            state = copy.copy(args), dict(kwargs)
            found = outcome(g, args, kwargs)
            expected = outcome(transform(total, **option), *state)
            if isinstance(expected, Exception) and "object at 0x" in str(expected):
                assert type(found) is type(expected)
                continue
            assert same(found, expected), (args, kwargs, found, expected)
            if rng.random() < 0.02:
                gc.collect(0)


def test_random_calls_are_answered_as_by_the_slow_way() -> None:
    numbers(1, 720)


def test_a_call_from_within_a_call_is_answered() -> None:
    calls = []

    class Key:
        """A key that calls back when it is compared."""

        def __hash__(self) -> int:
            return hash("W")

        def __eq__(self, other: object) -> bool:
            if len(calls) < 20:
                calls.append(g(PARAMS, np.ones(3)))
                gc.collect(0)
            return False

    g = gg.grad(dense)
    expected = warm(g, PARAMS, np.ones(3))
    for odd in ({Key(): 1.0, **PARAMS}, {**PARAMS, Key(): 1.0}, {Key(): 1.0, "b": PARAMS["b"]}):
        outcome(g, (odd, np.ones(3)), {})
        assert same(g(PARAMS, np.ones(3)), expected)
    plain = [found for found in calls if type(found["W"]) is np.ndarray]  # not within a trace
    assert plain and all(same(found, expected) for found in plain)


# -- the outside ----------------------------------------------------------------------------------

SCALE = 2.0
TABLE = {"a": 2.0, "b": [1.0, 2.0]}
WEIGHTS = np.arange(4.0)


class Model:
    slope = 2.0

    def __init__(self) -> None:
        self.shift = 1.0

    def loss(self, x: Any) -> Any:
        return self.slope * x * x + self.shift


def by_global(x: Any) -> Any:
    return SCALE * x * x


def by_table(x: Any) -> Any:
    return TABLE["a"] * x * TABLE["b"][0]


def by_array(x: Any) -> Any:
    return np.sum(WEIGHTS) * x * x


def by_helper(x: Any, power: Any = 2) -> Any:
    return sigmoid(x) * x**power


def by_builtin(x: Any) -> Any:
    return x * max(2.0, 1.0)


MODEL = Model()


def by_model(x: Any) -> Any:
    return MODEL.loss(x)


def set_global(name: str, value: Any) -> Any:
    return lambda: globals().__setitem__(name, value)


CHANGES: list[tuple[Any, Any]] = [
    (by_global, lambda: set_global("SCALE", 3.0)),
    (by_table, lambda: lambda: TABLE.__setitem__("a", 3.0)),
    (by_table, lambda: lambda: TABLE["b"].__setitem__(0, 3.0)),  # type: ignore[index]
    (by_table, lambda: lambda: TABLE.update(c=3.0)),
    (by_array, lambda: lambda: WEIGHTS.__setitem__(0, 7.0)),
    (by_array, lambda: set_global("WEIGHTS", WEIGHTS + 1)),
    (by_array, lambda: lambda: WEIGHTS.sort() or WEIGHTS.__imul__(-1)),
    (by_helper, lambda: set_global("sigmoid", math.sin)),
    (by_helper, lambda: lambda: setattr(sigmoid, "__code__", (lambda x: x * 3.0).__code__)),
    (by_helper, lambda: lambda: setattr(by_helper, "__defaults__", (3,))),
    (by_builtin, lambda: set_global("max", min)),
    (by_model, lambda: lambda: setattr(MODEL, "shift", 5.0)),
    (by_model, lambda: lambda: setattr(MODEL, "slope", 5.0)),
    (by_model, lambda: lambda: setattr(Model, "slope", 5.0)),
    (by_model, lambda: lambda: setattr(Model, "loss", lambda self, x: x)),
    (
        by_model,
        lambda: lambda: setattr(MODEL, "__class__", type("Other", (Model,), {"slope": 9.0})),
    ),
    (by_model, lambda: set_global("MODEL", Model())),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_what_changes_outside_is_noticed_natively(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    f, change = CHANGES[number]
    here = globals()
    for name in ("SCALE", "sigmoid"):
        monkeypatch.setitem(here, name, here[name])
    monkeypatch.setitem(here, "TABLE", copy.deepcopy(TABLE))
    monkeypatch.setitem(here, "WEIGHTS", np.arange(4.0))
    monkeypatch.setitem(here, "Model", type("Model", (), {
        "slope": 2.0, "__init__": lambda self: setattr(self, "shift", 1.0),
        "loss": Model.loss}))  # fmt: skip
    monkeypatch.setitem(here, "MODEL", here["Model"]())
    monkeypatch.setattr(by_helper, "__defaults__", (2,))
    monkeypatch.setattr(sigmoid, "__code__", sigmoid.__code__)
    monkeypatch.setitem(here, "max", max)
    g = gg.value_and_grad(f)
    warm(g, 1.5)
    assert is_native(g, 1.5)
    change()()
    found = g(1.5)
    assert same(found, gg.value_and_grad(f)(1.5))
    assert same(warm(g, 1.5), found)
    assert is_native(g, 1.5)


def test_an_equal_value_elsewhere_soon_is_native_again(monkeypatch: pytest.MonkeyPatch) -> None:
    g = gg.value_and_grad(by_global)
    warm(g, 1.5)
    monkeypatch.setitem(globals(), "SCALE", float("2.0"))
    for _ in range(200):
        g(1.5)
    assert is_native(g, 1.5)


def test_a_closure_cell_is_watched() -> None:
    scale = 2.0

    def f(x: Any) -> Any:
        return scale * x * x  # noqa: F821 - it is deleted below

    g = gg.grad(f)
    assert warm(g, 3.0) == 12.0 and is_native(g, 3.0)
    scale = 5.0
    assert g(3.0) == 30.0
    del scale
    with pytest.raises(NameError):
        g(3.0)


def test_while_a_trace_runs_calls_join_it() -> None:
    inner = gg.grad(two)
    warm(inner, 3.0, -4.0)
    outer = gg.value_and_grad(lambda x: inner(x, 2.0) * x + inner(3.0, -4.0))
    expected = gg.value_and_grad(lambda x: gg.grad(two)(x, 2.0) * x + gg.grad(two)(3.0, -4.0))(1.5)
    assert same(outer(1.5), expected)
    assert same(warm(outer, 1.5), expected)
    assert is_native(inner, 3.0, -4.0)


# -- the object stays what it is ------------------------------------------------------------------


def test_a_native_gradient_is_a_gradient_function_in_every_respect() -> None:
    cold, g = gg.grad(two), gg.grad(two)
    expected = warm(g, 3.0, -4.0)
    assert is_native(g, 3.0, -4.0)
    assert type(g) is type(cold) is GradientFunction and isinstance(g, GradientFunction)
    assert repr(g) == repr(cold) and callable(g)
    assert g.__name__ == "two" and g.__wrapped__ is two and g.__doc__ == two.__doc__
    assert weakref.ref(g)() is g and hash(g) == object.__hash__(g)
    for other in (copy.copy(g), copy.deepcopy(g), pickle.loads(pickle.dumps(g))):
        assert type(other) is GradientFunction and other is not g
        assert other(3.0, -4.0) == pytest.approx(expected)
        assert warm(other, 3.0, -4.0) == pytest.approx(expected)
    g.note = "mine"
    assert vars(g)["note"] == "mine"
    ways = [
        g.__call__,
        functools.partial(g, 3.0),
        lambda *a: g(*(3.0, -4.0)),
        functools.wraps(g)(g),
    ]
    assert ways[0](3.0, -4.0) == pytest.approx(expected)
    assert ways[1](-4.0) == ways[2]() == g(**{"x": 3.0, "y": -4.0}) == expected
    assert list(map(g, [3.0, 3.0], [-4.0, -4.0])) == [expected] * 2
    with pytest.raises(TypeError):
        g()
    with pytest.raises(TypeError):
        g(1.0, 2.0, z=3)


def test_it_is_a_method_in_a_class() -> None:
    class Line:
        def __init__(self, a: float) -> None:
            self.a = a

        def value(self, x: Any) -> Any:
            return self.a * x * x

        slope = gg.grad(value, argnums=1)

    one, other = Line(1.0), Line(2.0)
    for _ in range(WARM):
        assert one.slope(3.0) == 6.0 and other.slope(3.0) == 12.0
    one.a = 5.0
    assert one.slope(3.0) == 30.0 and other.slope(3.0) == 12.0


def test_subclasses_may_call_otherwise() -> None:
    class Doubled(GradientFunction):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return 2 * super().__call__(*args, **kwargs)

    class Plain(GradientFunction): ...

    expected = gg.grad(two)(3.0, -4.0)
    doubled, plain = Doubled(two, 0, False, False), Plain(two, 0, False, False)
    for _ in range(WARM):
        assert doubled(3.0, -4.0) == pytest.approx(2 * expected)
        assert plain(3.0, -4.0) == pytest.approx(expected)
