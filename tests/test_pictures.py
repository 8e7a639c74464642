"""Pictures: what they show is the record's, and they survive where people put them."""

import itertools
import json
import math
import sys
import types
import warnings
import xml.etree.ElementTree as ET
from dataclasses import asdict

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import UnsupportedError
from glassgrad.show.folding import default_folds, folded
from glassgrad.show.graph import graph_of
from glassgrad.show.layout import Rect
from glassgrad.show.metrics import CELLS
from glassgrad.show.picture import picture
from glassgrad.show.svg import svg
from glassgrad.show.terminal import text as in_cells
from glassgrad.show.themes import THEMES
from glassgrad.show.values import number, summary

from .programs.verdict import fresh, points
from .programs.writer import write
from .test_random_programs import Seeded

SVG = "{http://www.w3.org/2000/svg}"


def circuit(x, y, z):
    q = x + y
    f = q * z
    return f


def circuit2(x, y, z, w):
    f = (x * y + np.maximum(z, w)) * 2
    return f


def branching(x, y):
    sigy = 1.0 / (1 + math.exp(-y))
    num = x + sigy
    sigx = 1.0 / (1 + math.exp(-x))
    xpy = x + y
    den = sigx + xpy**2
    f = num / den
    return f


def layer(x, W, b):
    z = x @ W + b
    return np.tanh(z)


def network(params, x, y):
    h = x
    for W, b in params:
        h = layer(h, W, b)
    loss = np.mean((h - y) ** 2)
    return loss


def recurrent(xs, Wh, Wx):
    h = np.zeros(3)
    for t in range(len(xs)):
        h = np.tanh(h @ Wh + xs[t] @ Wx)
    return np.sum(h * h)


def several(A):
    w, v = np.linalg.eigh(A)
    return np.sum(w * v[0])


def writes(x):
    y = np.zeros(3)
    y[0] = x[0] ** 2
    y[1:] = np.where(x[1:] > 0, x[1:], x[0])
    return np.sum(y)


def power(x, n):
    return x + x if n == 0 else power(x * 0.5 + 1.0, n - 1) + x


rng = np.random.default_rng(3)
R = rng.standard_normal
PROGRAMS = {
    "circuit": (circuit, (-2, 5, -4)),
    "circuit2": (circuit2, (3.0, -4.0, 2.0, -1.0)),
    "branching": (branching, (3.0, -4.0)),
    "network": (
        network,
        ([(R((3, 4)), np.zeros(4)), (R((4, 2)), np.ones(2))], R((5, 3)), R((5, 2))),
    ),
    "recurrent": (recurrent, (R((12, 2)), R((3, 3)), R((2, 3)))),
    "several": (several, (np.array([[2.0, 1.0], [1.0, 3.0]]),)),
    "writes": (writes, (np.array([1.0, 2.0, -1.0]),)),
    "recursion": (power, (1.0, 4)),
    "identity": (lambda x: x, (2.0,)),
    "unused": (lambda x, y: x * 2.0, (2.0, 3.0)),
    "nothing": (lambda x: 3.0, (2.0,)),
    "squares": (lambda x: x * x + x**2, (2.0,)),
}


def seen(name):
    function, args = PROGRAMS[name]
    return gg.backprop(function, *args)


def shown(record, **options):
    """The groups of an SVG: (title, texts by colour)."""
    root = ET.fromstring(record.svg(**options))
    light = THEMES["light"]
    groups = []
    for group in root.iter(SVG + "g"):
        title = group.find(SVG + "title")
        if title is not None:
            texts = {"value": [], "gradient": [], "other": []}
            roles = {light.value: "value", light.gradient: "gradient"}
            for text in group.findall(SVG + "text"):
                texts[roles.get(text.get("fill"), "other")].append(text)
            groups.append((title.text, texts))
    return groups


# -- what is shown is right ----------------------------------------------------------------------


@pytest.mark.parametrize("name", PROGRAMS)
def test_values_and_gradients_are_those_of_the_record(name):
    record = seen(name)
    graph = graph_of(record)
    wires = [g for g in shown(record, fold=False) if "; value " in g[0]]
    driven = [w for n in graph.nodes for w in n.outputs]
    assert len(wires) == len(driven)
    for (title, texts), at in zip(wires, driven, strict=True):
        flow = graph.wires[at]
        assert [t.text for t in texts["value"]] == [summary(flow.value)]
        expected = [] if flow.gradient is None else [summary(flow.gradient)]
        assert [t.text for t in texts["gradient"]] == expected
        for text in texts["gradient"]:
            assert float(text.get("y")) > float(texts["value"][0].get("y")), "below is backward"
        if not flow.type.shape:
            value = title.split("; value ")[1].split(";")[0]
            assert value == number(flow.value, 12)


@pytest.mark.parametrize("name", ["circuit", "circuit2", "branching", "network", "recurrent"])
def test_named_wires_are_the_microscopes(name):
    """Names, values and gradients are the same in picture and table."""
    record = seen(name)
    flows = {f.name: f for f in graph_of(record).wires if f.name}
    named = {w.name: w for w in record.wires if w.name in flows}
    assert set(record.grads.keys()) <= set(named) or name == "network"
    assert len(named) >= 4
    for key, wire in named.items():
        np.testing.assert_array_equal(flows[key].value, wire.value)
        np.testing.assert_array_equal(flows[key].gradient, wire.gradient)


def test_the_notes_circuit():
    wires = {t.split(":")[0]: (x["value"][0].text, x["gradient"][0].text)
             for t, x in shown(seen("circuit")) if "value" in t}  # fmt: skip
    assert wires == {"x": ("-2", "-4"), "y": ("5", "-4"), "z": ("-4", "3"), "q": ("3", "-4"),
                     "f": ("-12", "1")}  # fmt: skip


def test_the_notes_second_circuit():
    groups = shown(seen("circuit2"))
    wires = [(x["value"][0].text, x["gradient"][0].text) for t, x in groups if "value" in t]
    assert wires == [("3", "-8"), ("-4", "6"), ("2", "2"), ("-1", "0"),
                     ("-12", "2"), ("2", "2"), ("-10", "2"), ("-20", "1")]  # fmt: skip
    gates = [x["other"][0].text for t, x in groups if "line" in t]
    assert gates == ["*", "max", "+", "*2"]


def test_arguments_keep_their_order_at_the_ports():
    record = gg.backprop(lambda a, b, c: np.where(c > 0, b, a) - b / a, 2.0, 3.0, 1.0)
    drawn = picture(record)
    for shape in drawn.shapes:
        heights = [p.y for p in shape.inputs]
        assert heights == sorted(heights) and [p.wire for p in shape.inputs] == list(
            shape.node.inputs
        )
    over = next(s for s in drawn.shapes if s.node.op == "divide")
    names = {w.number: w.name for w in drawn.wires}
    assert [names[p.wire] for p in over.inputs] == ["b", "a"]
    assert over.inputs[0].y < over.inputs[1].y


def test_a_pattern_is_one_gate_and_guards_are_none():
    graph = graph_of(seen("branching"))
    ops = [n.op for n in graph.nodes if n.kind == "gate"]
    assert ops.count("sigmoid") == 2 and "exp" not in ops
    guarded = graph_of(gg.backprop(lambda x: x * 2.0 if x > 0 else x, 3.0))
    assert [n.op for n in guarded.nodes if n.kind == "gate"] == ["multiply"]


def test_lines_and_statements():
    nodes = graph_of(seen("circuit")).nodes
    first = circuit.__code__.co_firstlineno
    told = [(n.line - first, n.statement) for n in nodes if n.kind == "gate"]
    assert told == [(1, "q = x + y"), (2, "f = q * z")]


# -- how it is laid out --------------------------------------------------------------------------


@pytest.mark.parametrize("metrics", ["page", "cells"])
@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("name", PROGRAMS)
def test_no_text_lies_on_another_or_on_a_shape_or_wire(name, fold, metrics):
    graph = graph_of(seen(name))
    folds = range(len(graph.groups)) if fold else ()
    drawn = picture(graph, folds, CELLS) if metrics == "cells" else picture(graph, folds)
    places = [label.place for label in drawn.labels]
    places += [s.place for w in drawn.wires for s in w.strips]
    for a, b in itertools.combinations(places, 2):
        assert not a.overlaps(b)
    outside = [(label, w) for w in drawn.wires for label in w.labels]
    for label, _ in outside:
        assert not any(label.place.overlaps(s.place) for s in drawn.shapes)
        for wire in drawn.wires:
            for branch in wire.route.branches:
                for (ax, ay), (bx, by) in itertools.pairwise(branch.points):
                    thin = Rect(min(ax, bx), min(ay, by), abs(ax - bx), abs(ay - by))
                    if metrics == "cells":
                        thin = Rect(thin.x, thin.y, thin.width + 0.5, thin.height + 0.5)
                    assert not label.place.overlaps(thin), label.text
    for place in places:
        assert place.x >= 0 and place.x + place.width <= drawn.width
        assert place.y >= 0 and place.y + place.height <= drawn.height


@pytest.mark.parametrize("metrics", ["page", "cells"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_wires_begin_and_end_on_the_shapes_edges(name, metrics):
    drawn = picture(seen(name), (), CELLS) if metrics == "cells" else picture(seen(name), ())
    for wire in drawn.wires:
        source = next(s for s in drawn.shapes if wire.number in s.node.outputs)
        assert on_the_edge(
            wire.route.branches[0].points[0], source, right=True, page=metrics == "page"
        )
        for branch in wire.route.branches:
            if branch.sink is not None:
                sink = drawn.shapes[branch.sink[0]]
                assert on_the_edge(branch.points[-1], sink, right=False, page=metrics == "page")


def on_the_edge(point, shape, right, page):
    x, y = point
    place = shape.place
    edge = place.x + place.width if right else place.x
    inside = edge - x if right else x - edge
    if not place.y <= y < place.y + place.height:
        return False
    if not page or shape.form not in ("circle", "pill"):
        return inside == 0
    # Round ends: on the circle in the corner, or straight between the corners.
    radius = min(34, place.width, place.height) / 2
    middle = min(max(y, place.y + radius), place.y + place.height - radius)
    return math.dist((inside, y), (radius, middle)) == pytest.approx(radius)


def test_inputs_left_outputs_right():
    for name in PROGRAMS:
        drawn = picture(seen(name))
        inputs = {s.place.x for s in drawn.shapes if s.node.kind == "input"}
        others = [s.place.x for s in drawn.shapes if s.node.kind != "input"]
        ends = {s.place.x for s in drawn.shapes if s.node.kind == "output"}
        assert len(inputs) == 1 and max(inputs) < min(others) and min(ends) == max(others)


def test_a_picture_is_plain_data():
    told = json.loads(json.dumps(asdict(picture(seen("network")))))
    assert told["shapes"] and told["wires"][0]["route"]["branches"][0]["points"]


# -- groups --------------------------------------------------------------------------------------


def test_helpers_and_turns_are_groups():
    graph = graph_of(seen("network"))
    assert [(g.kind, g.label, g.parent, g.gates) for g in graph.groups] == [
        ("loop", "for (W, b)", None, 6), ("turn", "for (W, b) #1", 0, 3), ("call", "layer()", 1, 3),
        ("turn", "for (W, b) #2", 0, 3), ("call", "layer()", 3, 3),
    ]  # fmt: skip
    assert graph.groups[0].turns == 2


def test_recursion_and_writes():
    graph = graph_of(seen("recursion"))
    assert [(g.label, g.parent) for g in graph.groups][:3] == [
        ("power()", None), ("power()", 0), ("power()", 1)]  # fmt: skip
    symbols = [n.symbol for n in graph_of(seen("writes")).nodes if n.kind == "gate"]
    assert "[0] =" in symbols and "[1:] =" in symbols and "[0]" in symbols


def test_a_while_loop_a_lambda_and_a_nested_loop():
    def f(x):
        twice = lambda v: (v + v) * v  # noqa: E731
        n = 0
        while n < 2:
            for _ in range(2):
                x = x * 1.5 + 1.0
            x = twice(x)
            n += 1
        return x

    labels = [g.label for g in graph_of(gg.backprop(f, 1.0)).groups]
    assert labels == [
        "while", "while #1", "for _", "for _ #1", "for _ #2", "lambda()",
        "while #2", "for _", "for _ #1", "for _ #2", "lambda()",
    ]  # fmt: skip


def test_a_loop_on_one_line_left_early_and_in_a_comprehension():
    def f(x):
        for _ in range(3):
            x = x * x + x
        for k in range(10):
            if k == 2:
                break
            x = x * 0.5 + k * x
        return sum([v * v + v for v in (x, x)])

    groups = graph_of(gg.backprop(f, 0.5)).groups
    assert [g.label for g in groups if g.kind == "turn"] == [
        "for _ #1", "for _ #2", "for _ #3", "for k #1", "for k #2"]  # fmt: skip


def test_what_a_box_would_tell_nothing_about_is_no_group():
    def inner(x):
        return x * x + x

    assert graph_of(gg.backprop(lambda x: inner(x), 2.0)).groups == ()  # all there is

    def single(x):
        return np.exp(x)

    assert graph_of(gg.backprop(lambda x: single(x) * x, 2.0)).groups == ()  # one gate


def test_code_without_source_has_no_loops():
    space = {}
    exec("def f(x):\n    for i in range(3):\n        x = x * x + x\n    return x * 2.0", space)
    assert graph_of(gg.backprop(space["f"], 0.5)).groups == ()


def test_a_debuggers_tracer_still_sees_every_line():
    lines = []

    def tracer(frame, event, argument):
        if frame.f_code is network.__code__ and event == "line":
            lines.append(frame.f_lineno)
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        graph = graph_of(seen("network"))
    finally:
        sys.settrace(before)
    assert len(graph.groups) == 5 and len(lines) >= 6


def test_folding_keeps_what_goes_in_and_out():
    graph = graph_of(seen("recurrent"))
    every = folded(graph, range(len(graph.groups)))
    assert every.groups == () and every.gates == graph.gates
    loop = next(n for n in every.nodes if n.kind == "group")
    names = [graph.wires[w].name for w in loop.inputs]
    assert sorted(names) == ["Wh", "Wx", "h", "xs"] and len(loop.outputs) == 1
    assert loop.turns == 12 and loop.gates == 60
    # One turn folded: the same wires between the turns, the rest as it was.
    one = next(n for n, g in enumerate(graph.groups) if g.label == "for t #3")
    part = folded(graph, [one])
    assert len(part.groups) == len(graph.groups) - 1
    turn = next(n for n in part.nodes if n.folds == one)
    assert len(turn.inputs) == 4 and len(turn.outputs) == 1 and turn.gates == 5
    assert folded(graph, ()) is graph


def test_many_gates_begin_folded_and_few_open():
    few, many = graph_of(seen("network")), graph_of(seen("recurrent"))
    assert default_folds(few) == frozenset()
    assert len(folded(many, default_folds(many)).nodes) <= 32
    turns = [n for n, g in enumerate(many.groups) if g.kind == "turn"]
    opened = folded(many, default_folds(many, 40))
    assert sum(n.folds in turns for n in opened.nodes) == 12, "turns open together or not at all"


def test_ten_thousand_gates_are_one_node():
    def f(x):
        s = 0.0
        for _ in range(3334):
            s = s + x * 0.5
            x = x * 0.999
        return s

    record = gg.backprop(f, 1.0)
    drawn = picture(record)
    assert drawn.gates > 9_000 and len(drawn.shapes) < 10
    assert number(record.value) in record.svg()


# -- the file ------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_svg_survives_anywhere(name, theme):
    text = seen(name).svg(theme=theme)
    root = ET.fromstring(text)
    assert "style" not in text and "class=" not in text and "script" not in text
    assert "href" not in text and "url(" not in text
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids)) and all(i.startswith("gg") for i in ids)
    assert root.get("aria-labelledby").split() == ids
    ground = root.find(SVG + "rect")
    assert ground.get("fill") == THEMES[theme].ground
    assert (ground.get("width"), ground.get("height")) == (root.get("width"), root.get("height"))
    assert root.find(SVG + "title").text and root.find(SVG + "desc").text


def test_two_pictures_on_a_page_have_their_own_ids():
    pictures = [seen("circuit").svg(), seen("circuit").svg(theme="dark"), seen("circuit2").svg()]
    ids = [ET.fromstring(p).get("aria-labelledby").split()[0] for p in pictures]
    assert len(set(ids)) == 3
    assert seen("circuit").svg() == pictures[0]


def test_names_are_escaped():
    text = gg.backprop(lambda x: x < 3.0 and x * 2.0, 2.0).svg()
    ET.fromstring(text)
    strange = svg(picture(graph_of(seen("circuit"))).__class__(
        "<&>\"'", 10, 10, (), (), (), 0))  # fmt: skip
    assert ET.fromstring(strange).find(SVG + "title").text.startswith("Circuit of <&>\"'")


@pytest.mark.parametrize("theme", THEMES)
def test_text_stands_out_from_its_ground(theme):
    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(a, b):
        high, low = sorted((light(a), light(b)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    p = THEMES[theme]
    for ink in (p.ink, p.dim, p.value, p.gradient):
        for ground in (p.ground, p.frame):
            assert contrast(ink, ground) >= 4.5, (ink, ground)
    for ground in (p.gate, p.input):
        assert contrast(p.ink, ground) >= 4.5


def test_saving(tmp_path, monkeypatch):
    record = seen("circuit")
    record.save(tmp_path / "a.svg", theme="dark")
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == record.svg(theme="dark")
    with pytest.raises(UnsupportedError, match=r"a\.gif.*\.svg"):
        record.save(tmp_path / "a.gif")
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    for name in ("a.png", "a.pdf"):
        with pytest.raises(UnsupportedError, match=r"pip install 'glassgrad\[pictures\]'"):
            record.save(str(tmp_path / name))
        assert not (tmp_path / name).exists()
    fake = types.ModuleType("vl_convert")
    fake.svg_to_png = lambda text, scale: b"png" + text[:4].encode()
    fake.svg_to_pdf = lambda text: b"pdf" + text[:4].encode()
    monkeypatch.setitem(sys.modules, "vl_convert", fake)
    record.save(tmp_path / "a.png")
    record.save(str(tmp_path / "a.PDF"))
    assert (tmp_path / "a.png").read_bytes() == b"png<svg"
    assert (tmp_path / "a.PDF").read_bytes() == b"pdf<svg"


def test_png_and_pdf_for_real(tmp_path):
    pytest.importorskip("vl_convert")
    record = seen("network")
    record.save(tmp_path / "a.png")
    record.save(tmp_path / "a.pdf")
    assert (tmp_path / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert (tmp_path / "a.pdf").read_bytes()[:5] == b"%PDF-"


# -- what is not finite, and other values --------------------------------------------------------


def test_values_that_are_not_finite_are_said():
    with np.errstate(all="ignore"):
        record = gg.backprop(lambda x: np.sum(np.log(x)), np.array([1.0, 0.0, -1.0, 2.0]))
    text = record.svg()
    assert "0..0.693, 2 not finite" in text and ">nan</text>" in text
    assert f'fill="{THEMES["light"].ink}"' in text


def test_large_arrays_are_one_strip():
    record = gg.backprop(lambda x: np.sum(x * x), np.linspace(-1, 1, 100_000))
    wires = picture(record).wires
    assert len(wires[0].strips[0].cells) == 12 and "-1..1" in record.svg()
    assert len(record.svg()) < 20_000


# -- the terminal --------------------------------------------------------------------------------

NOTES = """\
   -2
x ──────╮
   -4   │
        ╰─┬───╮ q 3
   5      │ + ├───────╮
y ────────┴───╯ -4    │
   -4                 │
                      ╰─┬───╮ f -12
   -4                   │ * ├───────────▶
z ──────────────────────┴───╯ 1
   3"""


def test_the_terminal_draws_the_notes_circuit():
    assert seen("circuit").picture() == NOTES


def test_wires_cross_over_and_fork_in_the_terminal():
    lines = seen("branching").picture(width=200).splitlines()
    text = "\n".join(lines)
    assert "─│─" in text and "┴" in text and max(map(len, lines)) <= 200
    assert all(f" {v}" in text for v in ("0.9526", "0.01799", "sigx"))


@pytest.mark.parametrize("name", ["recurrent", "branching"])
def test_what_is_too_large_for_the_terminal_is_a_table(name, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    record = seen(name)
    assert record.picture(width=40) == str(record)


def test_colours_only_where_a_terminal_wants_them(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" not in seen("circuit").picture()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    coloured = seen("circuit").picture()
    assert "\x1b[32m-12\x1b[0m" in coloured
    import re

    assert re.sub(r"\x1b\[\d*m", "", coloured) == NOTES


def test_groups_in_the_terminal():
    text = seen("network").picture(width=400)
    assert "layer()" in text and "for (W, b) #2" in text and "╌" in text


# -- random programs -----------------------------------------------------------------------------


def test_random_programs_are_drawn():
    """Writes, branches, loops, helpers: every picture is sound, folded and open, in both sizes."""
    grouped = 0
    for seed in range(24):
        program = write(Seeded(seed))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            here, _ = points(program, np.random.default_rng(seed))
            graph = graph_of(gg.backprop(program.compiled(), *fresh(here)))
            grouped += bool(graph.groups)
            for folds in ((), range(len(graph.groups))):
                page, cells = picture(graph, folds), picture(graph, folds, CELLS)
                ET.fromstring(svg(page))
                assert in_cells(cells).strip()
                for drawn in (page, cells):
                    places = [label.place for label in drawn.labels]
                    for a, b in itertools.combinations(places, 2):
                        assert not a.overlaps(b), program.text
    assert grouped >= 4
