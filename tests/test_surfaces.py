"""Everything shown is the record's: each surface's values and gradients against the same wires."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.show.document import document
from glassgrad.show.story import story
from glassgrad.show.values import summary

SVG = "{http://www.w3.org/2000/svg}"


def layer(x, W, b):
    z = x @ W + b
    return np.tanh(z)


def network(W1, b1, W2, b2, x, y):
    h = layer(x, W1, b1)
    out = layer(h, W2, b2)
    loss = np.mean((out - y) ** 2)
    return loss


def fraction(x, y):
    sigy = 1 / (1 + np.exp(-y))
    num = x + sigy
    xpy = x + y
    den = np.tanh(x) + xpy**2
    f = num / den
    return f


def edge(x, w):
    r = np.sqrt(x)
    m = np.maximum(r * w, 0.0)
    f = m + np.sum(w * r)
    return f


def loop(x, n):
    total = 0.0
    for k in range(4):
        step = x**k / (k + n)
        total = total + step
    return total


def _rows(*shape):
    return np.cos(1.0 + np.arange(np.prod(shape))).reshape(shape)


RECORDS = {
    "fraction": lambda: gg.backprop(fraction, 3.0, -4.0),
    "network": lambda: gg.backprop(network, _rows(3, 4), _rows(4), _rows(4, 2), _rows(2),
                                   _rows(5, 3), _rows(5, 2)),
    "edge": lambda: gg.backprop(edge, 0.0, -2.0),
    "loop": lambda: gg.backprop(loop, 0.7, 1.5),
}  # fmt: skip


@pytest.fixture(scope="module", params=RECORDS)
def record(request):
    return RECORDS[request.param]()


def _same(told, value):
    """Whether what a document says of a value is the value, to the last bit."""
    if isinstance(told, dict):
        array = np.array([float(v) for v in told["data"]]).reshape(told["shape"])
        return array.shape == np.shape(value) and np.array_equal(array, value, equal_nan=True)
    return np.array_equal(float(told), float(value), equal_nan=True)


def test_the_document_has_every_wire_exactly(record):
    told = {w["name"]: w for w in document(record)["wires"] if w["name"]}
    seen = 0
    for wire in record.wires:
        if wire.name not in told:
            continue
        seen += 1
        assert _same(told[wire.name]["value"], wire.value)
        if wire.gradient is None:
            assert told[wire.name]["gradient"] is None
        else:
            assert _same(told[wire.name]["gradient"], wire.gradient)
    assert seen >= len(record.study.recorded.circuit.inputs) + 1


def test_the_document_is_json_and_refers_to_what_there_is(record):
    told = json.loads(json.dumps(document(record), allow_nan=False))
    wires, nodes = len(told["wires"]), len(told["nodes"])
    for node in told["nodes"]:
        assert all(0 <= w < wires for w in node["inputs"] + node["outputs"])
        if node["kind"] == "gate":
            assert len(node["operands"]) == len(node["inputs"])
            assert all(0 <= n < len(node["local"]) for n in node["operands"])
            source = told["sources"][node["source"]]
            line = source["lines"][node["line"] - source["first"]]
            assert line.strip()
    assert len(told["code"]["lines"]) == len(told["code"]["marks"])
    assert "\n".join(told["code"]["lines"]) + "\n" == record.code
    assert len(told["levels"]) == len(told["groups"]) + 1
    drawn = [s["n"] for level in told["levels"] for s in level["shapes"] if "n" in s]
    assert sorted(drawn) == list(range(nodes))  # each node stands in one level


def test_every_gate_has_its_lines_of_code(record):
    told = document(record)
    statements = set(told["code"]["marks"])
    for node in told["nodes"]:
        if node["kind"] == "gate":
            assert node["statement"] in statements


def test_pictures_say_what_the_document_says(record):
    told = [w for w in document(record)["wires"]]
    values, gradients = set(), set()
    root = ET.fromstring(record.svg(fold=False))
    colours = {"#0a7d33": values, "#c9202c": gradients}
    for text in root.iter(f"{SVG}text"):
        if text.get("fill") in colours:
            colours[text.get("fill")].add(text.text)

    def said(value):
        return summary(np.array([float(v) for v in value["data"]]).reshape(value["shape"])
                       if isinstance(value, dict) else float(value))  # fmt: skip

    assert values - {"above a wire: value"} == {said(w["value"]) for w in told}
    assert gradients - {"below: gradient"} == {
        said(w["gradient"]) for w in told if w["gradient"] is not None
    }


def test_the_terminal_says_what_the_picture_says(record):
    drawn = record.picture(1000)
    root = ET.fromstring(record.svg(fold=False))
    for text in root.iter(f"{SVG}text"):
        if text.get("fill") in ("#0a7d33", "#c9202c") and re.search(r"\d", text.text):
            assert text.text in drawn


def test_the_story_multiplies_what_the_document_says(record):
    told = document(record)
    found = story(record)
    for step in found.steps:
        if step.kind == "backward":
            local = found.local.of(step.node)
            for value, said in zip(local, told["nodes"][step.node]["local"], strict=True):
                assert (value is None) == (said is None)
                assert value is None or isinstance(said, dict) or _same(said, value)


def test_a_long_double_is_the_nearest_double():
    record = gg.backprop(
        lambda x, y: x * np.sum(y), np.longdouble("0.1"), np.ones(2, np.longdouble)
    )
    told = json.loads(json.dumps(document(record), allow_nan=False))
    assert told["wires"][0]["value"] == 0.1
    assert told["wires"][1]["value"]["data"] == [1.0, 1.0]


def test_letters_that_xml_forbids_are_replaced(tmp_path, monkeypatch):
    (tmp_path / "forbidden_letters.py").write_text(
        "def f(x):\n    s = '\x01\x1b[31m\uffff'; y = x * x\n    return y\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    from forbidden_letters import f  # type: ignore[import-not-found, unused-ignore]

    drawn = gg.backprop(f, 3.0).svg()
    ET.fromstring(drawn)
    assert "s = '\ufffd\ufffd[31m\ufffd'; y = x * x" in drawn


def test_gradients_that_were_given_are_in_the_document():
    record = gg.backprop(lambda x, y: (x * y, x), np.arange(3.0), 2.0,
                         upstream=(np.array([1.0, 0.0, 5.0]), np.full(3, 0.5)))  # fmt: skip
    told = json.loads(json.dumps(document(record), allow_nan=False))
    seeds = [n["seed"]["data"] for n in told["nodes"] if n["kind"] == "output"]
    assert seeds == [[1.0, 0.0, 5.0], [0.5, 0.5, 0.5]]
    assert told["script"]["inputs"] == [0, 1]
    assert not any("seed" in n for n in document(gg.backprop(lambda x: x * 2, 1.0))["nodes"])


# -- the page -------------------------------------------------------------------------------------


def _opened(page, record, tmp_path):
    record.save(tmp_path / "record.html")
    page.set_viewport_size({"width": 1400, "height": 900})
    page.set_default_timeout(20_000)
    page.goto((tmp_path / "record.html").as_uri())
    page.wait_for_selector(".gg-canvas")


def _exactly(page, wire, role):
    """What the panel says of the wire that is selected, with all its digits; None for no gradient."""
    found = page.locator(f'.gg-panels .gg-exact[data-wire="{wire}"][data-role="{role}"]').first
    text = found.get_attribute("data-exact")
    if not text:
        return None
    values = json.loads(text) if text.startswith("[") else text
    told = {"True": 1.0, "False": 0.0}
    return np.array([told.get(v, v) for v in values] if isinstance(values, list)
                    else told.get(values, values), float)  # fmt: skip


def _select(page, wire):
    page.locator(f'.gg-wire[data-k="w{wire}"]').first.evaluate(
        "e => e.dispatchEvent(new MouseEvent('click', { bubbles: true, detail: 1 }))"
    )


def test_the_page_shows_the_record_exactly(record, page, tmp_path):
    _opened(page, record, tmp_path)
    told = document(record)
    names = {w["name"]: n for n, w in enumerate(told["wires"]) if w["name"]}
    page.get_by_role("tab", name="Gate").click()
    seen = 0
    for wire in record.wires:
        number = names.get(wire.name)
        if number is None or not page.locator(f'.gg-wire[data-k="w{number}"]').count():
            continue
        seen += 1
        _select(page, number)
        assert np.array_equal(_exactly(page, number, "value"), np.ravel(wire.value)
                              if np.ndim(wire.value) else wire.value, equal_nan=True)  # fmt: skip
        gradient = _exactly(page, number, "gradient")
        assert (gradient is None) == (wire.gradient is None)
        if gradient is not None:
            assert np.array_equal(gradient, np.ravel(wire.gradient)
                                  if np.ndim(wire.gradient) else wire.gradient, equal_nan=True)  # fmt: skip
    assert seen >= 5


def test_the_picture_in_the_page_is_the_picture(record, page, tmp_path):
    """The same texts in green and red as the SVG has, once everything is open."""
    _opened(page, record, tmp_path)
    for _ in range(20):
        closed = page.locator(".gg-box")
        if not closed.count():
            break
        closed.first.evaluate("e => e.dispatchEvent(new MouseEvent('dblclick', { bubbles: true }))")
        page.wait_for_timeout(50)
    assert not page.locator(".gg-box").count()
    root = ET.fromstring(record.svg(fold=False, diagnosis=False))
    for colour, role in (("#0a7d33", "value"), ("#c9202c", "gradient")):
        there = sorted(t.text for t in root.iter(f"{SVG}text") if t.get("fill") == colour)
        there = [t for t in there if t not in ("above a wire: value", "below: gradient")]
        shown = page.locator(f".gg-canvas .gg-wire text.gg-r-{role}").all_text_contents()
        assert sorted(shown) == there


MOVED = {"fraction": (0, 1.25, lambda v: gg.backprop(fraction, v, -4.0)),
         "loop": (1, 2.75, lambda v: gg.backprop(loop, 0.7, v))}  # fmt: skip


@pytest.mark.parametrize("name", ["fraction", "loop"])
def test_a_moved_input_computes_what_python_computes(name, page, tmp_path):
    """To 1e-12, value and gradient of every wire."""
    at, value, again = MOVED[name]
    _opened(page, RECORDS[name](), tmp_path)
    page.get_by_role("tab", name="Inputs").click()
    field = page.locator(".gg-panels input[type=number], .gg-panels input[inputmode=decimal]").nth(
        at
    )
    field.fill(str(value))
    field.press("Enter")
    page.locator(".gg-moved", has_text="inputs moved").wait_for()
    page.get_by_role("tab", name="Gate").click()
    record = again(value)
    told = document(record)
    seen = 0
    for number, wire in enumerate(told["wires"]):
        if not page.locator(f'.gg-wire[data-k="w{number}"]').count():
            continue
        seen += 1
        _select(page, number)
        assert _exactly(page, number, "value") == pytest.approx(wire["value"], rel=1e-12)
        gradient = _exactly(page, number, "gradient")
        if wire["gradient"] is not None:
            assert gradient == pytest.approx(wire["gradient"], rel=1e-12)
    assert seen >= 5


@pytest.mark.parametrize("name", ["fraction", "edge"])
def test_the_page_tells_the_story_in_python_s_order(name, page, tmp_path):
    """The same steps, and after each of them the same values and gradients are known."""
    record = RECORDS[name]()
    _opened(page, record, tmp_path)
    found = story(record)
    for count in range(1, len(found.steps) + 1):
        page.keyboard.press("n")  # the first time from the end to the first step
        if count < len(found.steps):
            node = f"n{found.steps[count - 1].node}"
            page.locator(f'.gg-shape.gg-now[data-k="{node}"]').wait_for()
        told = found.told(count)
        for number in range(len(found.graph.wires)):
            wire = page.locator(f'.gg-wire[data-k="w{number}"]')
            if wire.count():
                known = "gg-untold" not in (wire.first.get_attribute("class") or "")
                assert known == (number in told.values), (count, number)
