"""Each kind of thing a function reads besides its arguments: a change is noticed and named.

Each case is a program, a statement run after the look, and what should be said of it.
"""

from __future__ import annotations

import pytest

from .outside_programs import MODEL, forget_modules, look_at, program, verdict

__all__ = ["forget_modules"]  # a fixture every test here uses

REBOUND = {
    "global number": ("s = 2.0\ndef f(x): return s * x", "s = 3.0", "global 's'"),
    "global int to equal float": ("s = 2\ndef f(x): return s * x", "s = 2.0", "was 2, is 2.0"),
    "global True to 1": ("s = True\ndef f(x): return s * x", "s = 1", "was True, is 1"),
    "global zero to minus zero": ("s = 0.0\ndef f(x): return s * x", "s = -0.0", "is -0.0"),
    "global deleted": ("s = 2\ndef f(x): return s * x", "del s", "is nothing"),
    "global string": ("s = 'a'\ndef f(x): return x if s == 'a' else 2 * x", "s = 'b'", "'b'"),
    "global slice": ("s = slice(0, 2)\ndef f(x): return x[s]", "s = slice(0, 3)", "slice"),
    "global tuple": ("s = (2, 3)\ndef f(x): return s[0] * x", "s = (2, 4)", "global 's'"),
    "global dtype": ("s = np.dtype('f4')\ndef f(x): return s", "s = np.dtype('f8')", "global 's'"),
    "global np.float64": ("s = np.float64(2)\ndef f(x): return s * x", "s = np.float64(3)", "'s'"),
    "global np kind": ("s = np.float64(2)\ndef f(x): return s", "s = np.float32(2)", "'s'"),
    "global complex": ("s = 1j\ndef f(x): return s * x", "s = 2j", "'s'"),
    "global function": (
        "def g(x): return x\ndef f(x): return g(x)",
        "def g(x): return 2 * x",
        "global 'g'",
    ),
    "global read by helper": (
        "s = 2\ndef h(x): return s * x\ndef g(x): return h(x)\ndef f(x): return g(x)",
        "s = 3",
        "global 's' in module notebook was 2, is 3",
    ),
    "global read in lambda": ("s = 2\nf = lambda x: (lambda: s * x)()", "s = 3", "global 's'"),
    "global read in comprehension": ("s = 2\ndef f(x): return [s * v for v in x]", "s = 3", "'s'"),
    "global read in inner class": (
        "s = 2\ndef f(x):\n  class A:\n    b = s\n  return A.b * x",
        "s = 3",
        "global 's'",
    ),
    "from-import rebound": ("def f(x): return exp(x)", "exp = math.sin", "global 'exp'"),
    "builtin shadowed": ("def f(x): return abs(x)", "abs = math.floor", "global 'abs'"),
    "missing name comes up": (
        "def f(x):\n  try: return late * x\n  except NameError: return x",
        "late = 2",
        "global 'late' in module notebook was not there",
    ),
    "closure cell": (
        "def make():\n  s = 2\n  def set(v):\n    nonlocal s\n    s = v\n"
        "  def f(x): return s * x\n  return f, set\nf, set_s = make()",
        "set_s(3)",
        "closure variable 's' was 2, is 3",
    ),
    "empty cell filled": (
        "def make():\n  def fill():\n    nonlocal s\n    s = 2\n"
        "  def f(x):\n    try: return s * x\n    except NameError: return x\n"
        "  if 0: s = 1\n  return f, fill\nf, fill = make()",
        "fill()",
        "closure variable 's' was nothing, is 2",
    ),
    "closure chain": (
        "def make(s):\n  def g(x): return s[0] * x\n  def f(x): return g(x)\n  return f\n"
        "box = [2]\nf = make(box)",
        "box[0] = 3",
        "s[0] was 2, is 3",
    ),
    "defaults": ("def f(x, s=2): return s * x", "f.__defaults__ = (3,)", "defaults of function"),
    "defaults added": ("def f(x, s): return s * x", "f.__defaults__ = (3,)", "defaults"),
    "keyword defaults": ("def f(x, *, s=2): return s", "f.__kwdefaults__ = {'s': 3}", "defaults"),
    "keyword default item": (
        "def f(x, *, s=2): return s",
        "f.__kwdefaults__['s'] = 3",
        "keyword defaults of 'f'[\"s\"] was 2, is 3",
    ),
    "mutable default": ("def f(x, s=[2]): return s[0] * x", "f.__defaults__[0].append(1)", "s (l"),
    "code": ("def f(x): return x", "f.__code__ = (lambda x: 2 * x).__code__", "the code of"),
    "helper's code": (
        "def g(x): return x\ndef f(x): return g(x)",
        "g.__code__ = (lambda x: 2 * x).__code__",
        "the code of function 'g'",
    ),
    "function attribute": ("def f(x): return f.s * x\nf.s = 2", "f.s = 3", "f.s was 2, is 3"),
    "function attribute new": (
        "def f(x): return getattr(f, 's', 1) * x\ndef g(x): f.s = x",
        "f.s = 3",
        "f.s",
    ),
    "partial keyword": (
        "def g(x, s): return s * x\nf = functools.partial(g, s=2)",
        "f.keywords['s'] = 3",
        '"s"] was 2, is 3',
    ),
    "partial's function": (
        "s = 2\ndef g(x, k): return s * x\nf = functools.partial(g, k=2)",
        "s = 3",
        "global 's'",
    ),
    "partial reset": (
        "def g(x, s): return s * x\nf = functools.partial(g, 2)",
        "f.__setstate__((g, (3,), {}, None))",
        "a partial's",
    ),
    "decorated with wraps": (
        "s = 2\ndef deco(g):\n  @functools.wraps(g)\n  def w(x): return g(x)\n  return w\n"
        "@deco\ndef f(x): return s * x",
        "s = 3",
        "global 's'",
    ),
    "decorator's own global": (
        "k = 2\ndef deco(g):\n  @functools.wraps(g)\n  def w(x): return k * g(x)\n  return w\n"
        "@deco\ndef f(x): return x",
        "k = 3",
        "global 'k'",
    ),
    "context manager from a library": (
        "import contextlib\ns = 2\n@contextlib.contextmanager\ndef g(): yield s\n"
        "def f(x):\n  with g() as v: return v * x",
        "s = 3",
        "global 's'",
    ),
    "np.vectorize": (
        "s = 2\ndef g(x): return s * x\nf = np.vectorize(g)",
        "s = 3",
        "global 's'",
    ),
    "lambda in a dict": (
        "s = 2\nacts = {'lin': lambda x: s * x}\ndef f(x): return acts['lin'](x)",
        "s = 3",
        "global 's'",
    ),
    "dict entry replaced": (
        "acts = {'lin': lambda x: x}\ndef f(x): return acts['lin'](x)",
        "acts['lin'] = lambda x: 2 * x",
        'acts["lin"] is another object',
    ),
    "dict entry added": (
        "p = {'a': 2}\ndef f(x): return sum(p.values()) * x",
        "p['b'] = 3",
        "p (dict) had 1 items, has 2",
    ),
    "dict order": (
        "p = {'a': 2, 'b': 3}\ndef f(x): return list(p.values())[0] * x",
        "v = p.pop('a'); p['a'] = v",
        "in another order",
    ),
    "dict key kind": ("p = {1: 2}\ndef f(x): return x ** list(p)[0]", "p.clear(); p[1.0] = 2", "k"),
    "defaultdict entry removed": (
        "p = defaultdict(lambda: 1, a=2)\ndef f(x): return p['a'] * x",
        "del p['a']",
        "p (defaultdict)",
    ),
    "long list": (
        "p = list(range(100))\ndef f(x): return p[50] * x",
        "p[50] = -1",
        "p[50] was 50, is -1",
    ),
    "long dict": (
        "p = {str(i): i for i in range(100)}\ndef f(x): return p['50'] * x",
        "p['50'] = -1",
        'p["50"] was 50, is -1',
    ),
    "nested list": (
        "p = {'a': [[1], [2]]}\ndef f(x): return p['a'][1][0] * x",
        "p['a'][1][0] = 3",
        'p["a"][1][0] was 2, is 3',
    ),
    "list in a tuple": ("p = ([1],)\ndef f(x): return p[0][0] * x", "p[0][0] = 3", "p[0][0] was 1"),
    "set": ("p = {1, 2}\ndef f(x): return sum(p) * x", "p.add(3)", "p (set) had 2"),
    "deque": ("p = deque([1, 2])\ndef f(x): return p[0] * x", "p.rotate()", "p[0] was 1, is 2"),
    "bytearray": ("p = bytearray(b'ab')\ndef f(x): return p[0] * x", "p[0] = 0", "p (contents)"),
    "array.array": (
        "import array\np = array.array('d', [1])\ndef f(x): return p[0]",
        "p[0] = 2",
        "p (contents)",
    ),
    "mapping proxy": (
        "d = {'a': 1}\np = types.MappingProxyType(d)\ndef f(x): return p['a'] * x",
        "d['a'] = 2",
        'p["a"] was 1',
    ),
    "user's dict class": (
        "class P(dict): pass\np = P(a=1)\ndef f(x): return p['a'] * x",
        "p['a'] = 2",
        'p["a"] was 1, is 2',
    ),
    "UserDict": (
        "p = collections.UserDict(a=1)\ndef f(x): return p['a'] * x",
        "p['a'] = 2",
        'p.data["a"] was 1',
    ),
    "module attribute": (
        "m = types.ModuleType('helpers'); m.s = 2\ndef f(x): return m.s * x",
        "m.s = 3",
        "global 's' in module helpers was 2, is 3",
    ),
    "module attribute comes up": (
        "m = types.ModuleType('helpers')\n"
        "def f(x):\n  try: return m.s * x\n  except AttributeError: return x",
        "m.s = 3",
        "global 's' in module helpers was not there",
    ),
    "module under another name": (
        "m = types.ModuleType('helpers'); m.s = 2\n"
        "def g(h, x): return h.s * x\ndef f(x): return g(m, x)",
        "m.s = 3",
        "global 's' in module helpers",
    ),
    "argument object": (
        "class M: pass\nm = M(); m.s = 2\nobjects = (m,)\ndef f(m, x): return m.s * x",
        "m.s = 3",
        "<M>.s was 2, is 3",
    ),
    "namespace": (
        "p = types.SimpleNamespace(s=2)\ndef f(x): return p.s * x",
        "p.s = 3",
        "p.s was 2, is 3",
    ),
    "dataclass": (
        "@dataclass\nclass P:\n  s: float\np = P(2)\ndef f(x): return p.s * x",
        "p.s = 3",
        "p.s was 2, is 3",
    ),
    "dataclass with slots": (
        "@dataclass(slots=True)\nclass P:\n  s: float\np = P(2)\ndef f(x): return p.s * x",
        "p.s = 3",
        "p.s was 2, is 3",
    ),
    "dataclass compared": (
        "@dataclass\nclass P:\n  s: float\np, q = P(2), P(2)\ndef f(x): return x if p == q else -x",
        "p.s = 3",
        "p.s was 2, is 3",
    ),
    "dataclass as a whole": (
        "@dataclass\nclass P:\n  s: float\np = P(2)\n"
        "def f(x): return dataclasses.astuple(p)[0] * x",
        "p.s = 3",
        "p.s was 2",
    ),
    "namedtuple's list": (
        "P = namedtuple('P', 'a b')\np = P([1], 2)\ndef f(x): return p.a[0] * x",
        "p.a[0] = 3",
        "p[0][0] was 1, is 3",
    ),
    "weak reference": (
        "import weakref\nclass M: pass\nm = M(); m.s = 2\nr = weakref.ref(m)\n"
        "def f(x): return r().s * x",
        "m.s = 3",
        "r.s",
    ),
    "context variable": (
        "import contextvars\nv = contextvars.ContextVar('v', default=2)\ndef f(x): return v.get()",
        "v.set(3)",
        "v (value in this context)",
    ),
    "function and itself": (
        "s = 2\ndef f(n):\n  return s if n == 0 else f(n - 1)",
        "s = 3",
        "global 's'",
    ),
    "two that call each other": (
        "s = 2\ndef g(n): return f(n)\ndef f(n): return s if n == 0 else g(n - 1)",
        "s = 3",
        "global 's'",
    ),
    "globals()": ("s = 2\ndef f(x): return globals()['s'] * x", "s = 3", "global 's'"),
    "import inside": (
        "sys.modules['outside_inner'] = m = types.ModuleType('outside_inner'); m.s = 2\n"
        "def f(x):\n  from outside_inner import s\n  return s * x",
        "m.s = 3",
        "global 's' in module outside_inner",
    ),
    "cached helper's global": (
        "s = 2\n@functools.lru_cache\ndef g(n): return s * n\ndef f(x): return g(2) * x",
        "s = 3",
        "global 's'",
    ),
    "bound builtin method": (
        "p = [1]\nat = p.__getitem__\ndef f(x): return at(0) * x",
        "p[0] = 2",
        "at[0] was 1",
    ),
    "generator state": (
        "rng = np.random.default_rng(0)\ndef f(x): return rng.normal() * x",
        "rng.normal()",
        "rng (state of the random generator)",
    ),
    "legacy generator state": (
        "rng = np.random.RandomState(0)\ndef f(x): return rng.normal() * x",
        "rng.normal()",
        "rng (state of",
    ),
    "Python's generator state": (
        "rng = random.Random(0)\ndef f(x): return rng.random() * x",
        "rng.random()",
        "rng (state of",
    ),
    "bound method of a generator": (
        "draw = np.random.default_rng(0).normal\ndef f(x): return draw() * x",
        "draw()",
        "draw (state of",
    ),
}


OBJECTS = {
    "self attribute": ("f = model.forward", "model.W = [3.0]", "self.W is another object"),
    "self attribute's list": ("f = model.forward", "model.W[0] = 3.0", "self.W[0] was 2.0, is 3.0"),
    "base class method": ("f = model.forward", "Base.forward = lambda s, x: x", "Base.forward was"),
    "method by super": ("f = model.forward", "Base.scale = lambda s, x: x", "Base.scale was"),
    "method added below": ("f = model.forward", "Model.scale = lambda s, x: x", "Model.scale is n"),
    "class attribute": ("f = model.forward", "Base.rate = 1", "Base.rate was 0.5, is 1"),
    "class attribute shadowed": ("f = model.forward", "model.rate = 1", "self.rate is new"),
    "class of the instance": (
        "class Other(Model): pass\nf = model.forward",
        "model.__class__ = Other",
        "self is of another class",
    ),
    "bases": (
        "class B2(Base): pass\nf = model.forward",
        "Model.__bases__ = (B2,)",
        "the bases of class Model changed",
    ),
    "__dict__": (
        "f = model.forward",
        "model.__dict__ = dict(model.__dict__, W=[9])",
        "the __dict__ of self",
    ),
    "property": ("def f(x): return model.gain * x", "model._gain = 3", "model._gain was 2, is 3"),
    "property replaced": (
        "def f(x): return model.gain * x",
        "Model.gain = 3",
        "Model.gain was a property, is 3",
    ),
    "staticmethod": ("def f(x): return model.act(x)", "slope = 3", "global 'slope'"),
    "staticmethod of the class": ("def f(x): return Model.act(x)", "slope = 3", "global 'slope'"),
    "classmethod": ("def f(x): return Model.make(x)", "Base.rate = 3", "Base.rate"),
    "method in a list": (
        "fs = [model.forward]\ndef f(x): return fs[0](x)",
        "model.W[0] = 3",
        ".W[0] was 2.0",
    ),
    "callable instance": (
        "class F:\n  def __init__(self): self.s = 2\n  def __call__(self, x): return self.s * x\n"
        "f = F()",
        "f.s = 3",
        "self.s was 2, is 3",
    ),
    "callable instance inside": (
        "class F:\n  def __init__(self): self.s = 2\n  def __call__(self, x): return self.s * x\n"
        "layers = [F(), F()]\ndef f(x): return layers[1](x)",
        "layers[1].s = 3",
        "layers[1].s was 2, is 3",
    ),
    "operator of a class": (
        "class V:\n  def __init__(self): self.s = 2\n  def __rmul__(self, x): return self.s * x\n"
        "v = V()\ndef f(x): return x * v",
        "v.s = 3",
        "v.s was 2, is 3",
    ),
    "constructor": (
        "k = 2\nclass F:\n  def __init__(self): self.s = k\ndef f(x): return F().s * x",
        "k = 3",
        "global 'k'",
    ),
    "getattr with a constant": (
        "def f(x): return getattr(model, '_gain', 1) * x",
        "model._gain = 3",
        "model._gain was 2",
    ),
    "getattr, name comes up": (
        "def f(x): return getattr(model, 'extra', 1) * x",
        "model.extra = 3",
        "model.extra is new",
    ),
    "getattr with a computed name": (
        "def f(x):\n  n = '_ga' + 'in'\n  return getattr(model, n) * x",
        "model._gain = 3",
        "model._gain was 2",
    ),
    "vars": ("def f(x): return vars(model)['_gain'] * x", "model._gain = 3", "model._gain was 2"),
    "__dict__ read": (
        "def f(x): return model.__dict__['_gain'] * x",
        "model._gain = 3",
        "model._gain was 2",
    ),
    "attrgetter": (
        "get = operator.attrgetter('_gain')\ndef f(x): return get(model) * x",
        "model._gain = 3",
        "model._gain was 2",
    ),
    "deepcopy": (
        "def g(m): return m._gain\ndef f(x): return copy.deepcopy(model).calls * x",
        "model.calls = 3",
        "model.calls was 0",
    ),
    "class pattern": (
        "def f(x):\n  match model:\n    case Model(_gain=g): return g * x",
        "model._gain = 3",
        "model._gain was 2",
    ),
    "__getattr__": (
        "class P:\n  def __init__(self): self.d = {'s': 2}\n"
        "  def __getattr__(self, n): return self.d[n]\np = P()\ndef f(x): return p.s * x",
        "p.d['s'] = 3",
        'p.d["s"] was 2, is 3',
    ),
    "descriptor of the user's": (
        "class D:\n  def __init__(self): self.v = 2\n  def __get__(self, o, t): return self.v\n"
        "class P:\n  s = D()\np = P()\ndef f(x): return p.s * x",
        "P.__dict__['s'].v = 3",
        "P.s.v was 2, is 3",
    ),
    "slots": (
        "class P:\n  __slots__ = ('s', 't')\np = P(); p.s = 2\ndef f(x): return p.s * x",
        "p.s = 3",
        "p.s was 2, is 3",
    ),
    "empty slot filled": (
        "class P:\n  __slots__ = ('s',)\np = P()\ndef f(x): return getattr(p, 's', 1) * x",
        "p.s = 3",
        "p.s was nothing, is 3",
    ),
    "enum-like class attribute": (
        "class C:\n  mode = 'a'\ndef f(x): return x if C.mode == 'a' else -x",
        "C.mode = 'b'",
        "C.mode was 'a'",
    ),
    "metaclass": (
        "class T(type):\n  @property\n  def s(cls): return cls.k\n"
        "class C(metaclass=T): k = 2\ndef f(x): return C.s * x",
        "C.k = 3",
        "C.k was 2",
    ),
}

ARRAYS = {
    "item": ("W = np.ones(3)\ndef f(x): return W * x", "W[1] = 2", "W (array contents)"),
    "minus zero": ("W = np.zeros(3)\ndef f(x): return W * x", "W[1] = -0.0", "W (array contents)"),
    "rebound": ("W = np.ones(3)\ndef f(x): return W * x", "W = np.ones(3)", "global 'W'"),
    "reshaped in place": (
        "W = np.ones(4)\ndef f(x): return W * x",
        "W.resize((2, 2), refcheck=False)",
        "W (the array's dtype, shape",
    ),
    "in a dict": (
        "p = {'W1': np.ones(3)}\ndef f(x): return p['W1'] * x",
        "p['W1'] += 1",
        'p["W1"] (array contents)',
    ),
    "of self": (
        "class M:\n  def __init__(self): self.W = np.ones(3)\n  def f(self, x): return self.W @ x\n"
        "m = M(); f = m.f",
        "m.W[0] = 0",
        "self.W (array contents)",
    ),
    "in a closure": (
        "def make(W):\n  def f(x): return W @ x\n  return f\nV = np.ones(3)\nf = make(V)",
        "V *= 2",
        "W (array contents)",
    ),
    "through a view": (
        "A = np.ones((4, 4))\nW = A[::2, 1]\ndef f(x): return W @ x",
        "A[2, 1] = 5",
        "W (array contents)",
    ),
    "large": (
        "W = np.ones((300, 300))\ndef f(x): return W @ x",
        "W[299, 299] = 5",
        "W (array contents)",
    ),
    "large, Fortran order": (
        "W = np.ones((300, 300), order='F')\ndef f(x): return W @ x",
        "W[299, 0] = 5",
        "W (array contents)",
    ),
    "large, strided": (
        "W = np.ones((600, 300))[::2]\ndef f(x): return W @ x",
        "W[299, 0] = 5",
        "W (array contents)",
    ),
    "resized": (
        "W = np.ones(100_000)\ndef f(x): return W @ x",
        "W.resize(200_000, refcheck=False)",
        "W (the array's dtype, shape",
    ),
    "of objects": (
        "W = np.array([1.5, None])\ndef f(x): return W[0] * x",
        "W[0] = 2.5",
        "W (array contents)",
    ),
    "structured scalar": (
        "W = np.zeros(1, dtype=[('a', 'f8')])[0]\ndef f(x): return W['a'] * x",
        "W['a'] = 1",
        "W (contents)",
    ),
    "made writeable": (
        "W = np.ones(3); W.setflags(write=False)\ndef f(x): return W * x",
        "W.setflags(write=True); W[0] = 2",
        "W (the array's dtype, shape, strides or write flag)",
    ),
    "read-only view of a writeable": (
        "A = np.ones(3)\nW = A.view(); W.setflags(write=False)\ndef f(x): return W * x",
        "A[0] = 2",
        "W (array contents)",
    ),
    "masked array": (
        "W = np.ma.array([1.0, 2.0], mask=[0, 1])\ndef f(x): return W * x",
        "W.mask[0] = True",
        "(array contents)",
    ),
    "np.poly1d": ("p = np.poly1d([1.0, 2.0])\ndef f(x): return p(x)", "p.coeffs[0] = 5", "conten"),
}


@pytest.mark.parametrize("case", [*REBOUND, *OBJECTS, *ARRAYS])
def test_a_change_is_noticed_and_named(case: str) -> None:
    text, change, words = {
        **REBOUND,
        **{name: (MODEL + text, *rest) for name, (text, *rest) in OBJECTS.items()},
        **ARRAYS,
    }[case]
    table = program(text)
    outside = look_at(table)
    exec(change, table)
    assert not verdict(outside)
    assert words in (outside.difference() or "")


UNCHANGED = {
    "nothing": ("s = 2\ndef f(x): return s * x", "pass"),
    "unrelated global": ("s = 2\nother = 1\ndef f(x): return s * x", "other = 2; new = 3"),
    "equal number": ("s = 2.5\ndef f(x): return s * x", "s = float('2.5')"),
    "NaN again": ("s = float('nan')\ndef f(x): return s * x", "s = float('nan')"),
    "equal tuple": ("s = (2.5, 3)\ndef f(x): return s[0] * x", "s = (float('2.5'), 3)"),
    "equal np.float64": ("s = np.float64(2)\ndef f(x): return s * x", "s = np.float64(2)"),
    "NumPy NaN again": ("s = np.float64('nan')\ndef f(x): return s", "s = np.float64('nan')"),
    "equal item": ("p = [2.5]\ndef f(x): return p[0] * x", "p[0] = float('2.5')"),
    "unrelated attribute": (MODEL + "f = model.forward", "model.history.append(1); model.new = 1"),
    "unrelated attribute gone": (MODEL + "f = model.forward", "del model.history"),
    "unrelated attribute and back": (
        MODEL + "f = model.forward",
        "model.one = 1; model.two = 2; del model.one",
    ),
    "unrelated method": (MODEL + "f = model.forward", "Model.fit = None; Model.more = 1"),
    "dataclass with history": (
        "@dataclass\nclass M:\n  s: float\n  history: list = field(default_factory=list)\n"
        "  def f(self, x): return self.s * x if x > 0 else 0.0\nm = M(2.0)\nf = m.f",
        "m.history.append(1); m.extra = 2",
    ),
    "unrelated module global": (
        "m = types.ModuleType('helpers'); m.s = 2; m.other = 1\ndef f(x): return m.s * x",
        "m.other = 2; m.new = 3",
    ),
    "another instance": (MODEL + "f = model.forward\nm2 = Model()", "m2.W = [5]"),
    "array written the same": ("W = np.ones(3)\ndef f(x): return W * x", "W[:] = 1"),
    "NaN in an array": ("W = np.full(3, np.nan)\ndef f(x): return W * x", "W[0] = np.nan"),
    "empty array": ("W = np.ones((0, 3))\ndef f(x): return W.sum() * x", "W *= 2"),
    "argument's methods": ("def f(x): return x.sum() + x.shape[0]", "shape = 1; T = 2"),
    "shadowing by an argument": ("s = 1\ndef f(s): return s", "s = 2"),
    "restored": ("s = 2\ndef f(x): return s * x", "t = s; s = 5; s = t"),
    "function with the same names": ("def f(x): return np.sin(x)", "sin = math.cos"),
    "constructor of an argument's class": (
        "k = 1\nclass M:\n  def __init__(self): self.s = k\n  def f(self, x): return self.s * x\n"
        "m = M()\nf = m.f",
        "k = 2",
    ),
    "getattr with a constant": (
        MODEL + "def f(x): return getattr(model, '_gain', 1) * x",
        "model.history.append(1); model.calls = 7",
    ),
    "np.random used elsewhere": ("def f(x): return np.sin(x)", "np.random.rand()"),
}


@pytest.mark.parametrize("case", UNCHANGED)
def test_what_the_code_does_not_read_is_no_change(case: str) -> None:
    text, change = UNCHANGED[case]
    table = program(text)
    outside = look_at(table)
    exec(change, table)
    assert verdict(outside), outside.difference()
    assert outside.impure == ()
