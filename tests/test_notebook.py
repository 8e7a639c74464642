"""What notebooks show of a record: with nothing installed, as a widget, and in exports."""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter
from traitlets.config import Config

import glassgrad as gg
from glassgrad.show.document import document


def circuit(x, y, z):
    q = x + y
    f = q * z
    return f


@pytest.fixture(scope="module")
def record():
    return gg.backprop(circuit, -2.0, 5.0, -4.0)


def test_three_forms_of_the_same_record(record):
    shown = record._repr_mimebundle_(include=None, exclude=None)
    assert sorted(shown) == ["image/svg+xml", "text/html", "text/plain"]
    assert shown["image/svg+xml"] == record.svg()
    assert shown["text/plain"] == str(record)
    inside = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', shown["text/html"])
    assert base64.b64decode(inside.group(1)).decode() == record.svg()
    assert "dq = z" in shown["text/html"]
    ElementTree.fromstring(shown["text/html"].replace("auto\"", "auto\"").replace('">', '">', 1)
                           .replace(inside.group(1) + '">', inside.group(1) + '"/>'))  # fmt: skip


def test_findings_are_shown_and_texts_stay_texts():
    def f(x):
        return np.sqrt(np.sum(x**2))  # <b>not bold</b> & co

    html = gg.backprop(f, np.zeros(2))._repr_mimebundle_()["text/html"]
    assert "diagnosis: 1 finding<" in html
    assert "<b>" not in html

    calm = gg.backprop(f, np.ones(2))._repr_mimebundle_()["text/html"]
    assert "diagnosis" not in calm


def _notebook(data: dict[str, object]) -> nbformat.NotebookNode:
    output = nbformat.v4.new_output("execute_result", data=data, execution_count=1)
    cell = nbformat.v4.new_code_cell("t", outputs=[output], execution_count=1)
    return nbformat.v4.new_notebook(cells=[cell])


def _exported(data: dict[str, object]) -> str:
    exporter = HTMLExporter(config=Config(), template_name="lab")
    exporter.exclude_input = True
    text, _ = exporter.from_notebook_node(_notebook(data))
    return text


def test_an_export_keeps_the_picture(record):
    text = _exported(record._repr_mimebundle_())
    inside = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', text)
    assert base64.b64decode(inside.group(1)).decode() == record.svg()


def test_a_widget_holds_the_document_and_an_export_of_it_the_picture(record):
    shown = record.widget(theme="dark")
    assert shown.document == document(record)
    assert shown.theme == "dark"
    json.dumps(shown.get_state()["document"], allow_nan=False)
    data, *_ = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "data:image/svg+xml;base64," in _exported(data)
    shown.close()


def test_the_widget_runs_the_same_program_as_the_page(record, tmp_path: Path):
    record.save(tmp_path / "page.html")
    shown = record.widget()
    assert str(shown._esm) in (tmp_path / "page.html").read_text(encoding="utf-8")
    shown.close()


def test_without_anywidget_the_message_says_what_to_do(record, monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(gg.errors.UnsupportedError, match=r"pip install 'glassgrad\[notebook\]'"):
        record.widget()


@pytest.mark.parametrize("around", ["element", "shadow", "nowhere yet"])
def test_the_widget_draws_itself(record, page, around):
    """As anywidget does: the module's `render` with a model and an element, twice on a page."""
    shown = record.widget()
    page.goto("about:blank")
    page.set_default_timeout(20_000)
    sums = page.evaluate(
        """async ([program, document_, around]) => {
            const url = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
            const { default: widget } = await import(url);
            const ends = [];
            for (let n = 0; n < 2; n++) {
              const el = document.createElement("div");
              const place = document.body.appendChild(document.createElement("div"));
              if (around === "shadow") place.attachShadow({ mode: "open" }).append(el);
              if (around === "element") place.append(el);
              const model = { get: (key) => ({ document: document_, theme: "" })[key] };
              ends.push(await widget.render({ model, el }));
              if (around === "nowhere yet") place.append(el);
            }
            globalThis.end = () => ends.forEach((each) => each());
            return ends.length;
        }""",
        [str(shown._esm), shown.document, around],
    )
    assert sums == 2
    page.locator(".gg-canvas text", has_text="-12").first.wait_for()
    assert page.locator(".gg-canvas").count() == 2
    assert page.locator(".gg").first.evaluate("e => getComputedStyle(e).display") == "grid"
    # Keys of one widget are not the other's.
    page.locator(".gg").first.focus()
    page.keyboard.press("n")
    stories = [t.split("\n")[0] for t in page.locator(".gg-story").all_inner_texts()]
    assert stories[0] != stories[1] and stories[1].startswith("The whole story is told")
    # Its sliders compute.
    second = page.locator(".gg").nth(1)
    second.get_by_role("tab", name="Inputs").click()
    slider = second.locator(".gg-panels input[type=range]").first
    slider.focus()
    page.keyboard.press("ArrowRight")
    second.locator(".gg-moved", has_text="inputs moved").wait_for()
    assert page.locator(".gg-moved:visible").count() == 1
    page.evaluate("end()")
    assert page.locator(".gg-canvas").count() == 0
    shown.close()
