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
