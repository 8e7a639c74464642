"""What notebooks show of a record: with nothing installed, as a widget, and in exports."""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
import numpy as np
import pytest
from ipywidgets import embed
from nbconvert import HTMLExporter, MarkdownExporter, TemplateExporter
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


def test_the_text_is_text_in_a_notebook_too(record, monkeypatch):
    before = str(record)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert str(record) == before != ""


Output = tuple[dict[str, Any], dict[str, Any]]


def _exported(
    *outputs: Output, kind: type[TemplateExporter] = HTMLExporter, **metadata: Any
) -> str:
    """A notebook of one cell with these outputs, data and metadata, as another kind of file."""
    shown = [
        nbformat.v4.new_output("display_data", data=data, metadata=about) for data, about in outputs
    ]
    cell = nbformat.v4.new_code_cell("t", outputs=shown, execution_count=1)
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata=metadata)
    exporter = kind(config=Config())
    text, _ = exporter.from_notebook_node(notebook)
    return text


@pytest.mark.parametrize("kind", [HTMLExporter, MarkdownExporter])
def test_an_export_keeps_the_picture(record, kind):
    text = _exported((record._repr_mimebundle_(), {}), kind=kind)
    inside = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', text)
    assert base64.b64decode(inside.group(1)).decode() == record.svg()


def _displayed(record: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[Output]]:
    """A record's widget, and what it displays at the end of a cell."""
    shown: list[Output] = []

    def publish(data, metadata=None):
        shown.append((data, metadata or {}))

    monkeypatch.setattr("IPython.display.publish_display_data", publish)
    widget = record.widget()
    widget._ipython_display_()
    return widget, shown


def test_a_widget_holds_the_document(record):
    shown = record.widget(theme="dark")
    assert shown.document == document(record)
    assert shown.theme == "dark"
    json.dumps(shown.get_state()["document"], allow_nan=False)
    shown.close()


@pytest.mark.parametrize("stored", [True, False], ids=["state stored", "no state"])
def test_an_export_of_a_widget_has_the_picture(record, monkeypatch, stored):
    shown, (picture, view) = _displayed(record, monkeypatch)
    state = embed.dependency_state([shown])
    kept = {"application/vnd.jupyter.widget-state+json": {"state": state}}
    text = _exported(picture, view, **({"widgets": kept} if stored else {}))
    assert text.count('src="data:image/svg+xml;base64,') == 1
    assert text.count(f'class="{shown.picture}"') == 1
    view_in_it = re.search(r'"model_id": ?"(\w+)"', text.split('<div class="jp-Cell')[-1])
    assert bool(view_in_it) == stored
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


RENDER = """async ([program, state, around, count]) => {
    const url = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
    const { default: widget } = await import(url);
    const ends = [];
    for (let n = 0; n < count; n++) {
      const el = document.createElement("div");
      const place = document.body.appendChild(document.createElement("div"));
      if (around === "shadow") place.attachShadow({ mode: "open" }).append(el);
      if (around === "element") place.append(el);
      ends.push(await widget.render({ model: { get: (key) => state[key] }, el }));
      if (around === "nowhere yet") place.append(el);
    }
    globalThis.end = () => ends.forEach((each) => each());
}"""


def _render(page: Any, shown: Any, body: str = "", around: str = "element", count: int = 1) -> None:
    """As anywidget does: the module's `render` with a model and an element."""
    page.goto("about:blank")
    page.set_content(body or "<body></body>")
    page.set_default_timeout(20_000)
    state = {"document": shown.document, "theme": shown.theme, "picture": shown.picture}
    page.evaluate(RENDER, [str(shown._esm), state, around, count])
    page.locator(".gg-canvas text", has_text="-12").first.wait_for()


@pytest.fixture
def widget(record):
    shown = record.widget()
    yield shown
    shown.close()


@pytest.mark.parametrize("around", ["element", "shadow", "nowhere yet"])
def test_the_widget_draws_itself(widget, page, around):
    _render(page, widget, around=around, count=2)
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


NOTEBOOKS = {
    "JupyterLab": ('data-jp-theme-light="true"', 'data-jp-theme-light="false"'),
    "VS Code": ('data-vscode-theme-kind="vscode-light"', 'data-vscode-theme-kind="vscode-dark"'),
    "VS Code, high contrast": (
        'data-vscode-theme-kind="vscode-high-contrast-light"',
        'data-vscode-theme-kind="vscode-high-contrast"',
    ),
    "marimo": ('class="light light-theme"', 'class="dark dark-theme"'),
    "none": ("", ""),
}


@pytest.mark.parametrize("around", NOTEBOOKS)
@pytest.mark.parametrize("preferred", ["light", "dark"])
def test_a_widget_follows_the_theme_around(widget, page, around, preferred):
    marks = dict(zip(["light", "dark"], NOTEBOOKS[around], strict=True))
    page.emulate_media(color_scheme=preferred)
    now = preferred if around == "none" else "dark"
    _render(page, widget, f"<body {marks[now]}></body>")
    assert page.locator(".gg").get_attribute("data-theme") == now
    other = {"light": "dark", "dark": "light"}[now]
    if around == "none":
        page.emulate_media(color_scheme=other)
    else:
        name, value = marks[other].rstrip('"').split('="')
        page.evaluate("([name, value]) => document.body.setAttribute(name, value)", [name, value])
    page.locator(f".gg[data-theme={other}]").wait_for()


def test_a_theme_that_was_asked_for_stays(record, page):
    shown = record.widget(theme="dark")
    _render(page, shown, '<body data-jp-theme-light="true"></body>')
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    assert page.locator(".gg").get_attribute("data-theme") == "dark"
    shown.close()


HEARD = """() => {
    globalThis.heard = { ahead: [], after: [] };
    const spared = (event) => event.target.closest("[data-lm-suppress-shortcuts]");
    document.addEventListener("keydown", (e) => spared(e) || heard.ahead.push(e.key), true);
    for (const type of ["keydown", "keyup"])
      document.addEventListener(type, (e) => heard.after.push(e.key));
}"""


def _heard(page: Any, *keys: str) -> tuple[set[str], set[str]]:
    """What a notebook hears of keys: ahead of the page, as Jupyter listens, and after it."""
    page.evaluate("heard = { ahead: [], after: [] }")
    for key in keys:
        page.keyboard.press(key)
    heard = page.evaluate("heard")
    return set(heard["ahead"]), set(heard["after"])


def test_a_widgets_keys_are_no_notebooks(widget, page):
    _render(page, widget, "<body><button>outside</button></body>")
    page.evaluate(HEARD)
    letters = ["n", "a", "b", "d", "d", "Enter", "Shift+Enter", "ArrowDown", "Escape", "x", "0"]
    page.locator(".gg-story").click()
    assert _heard(page, *letters) == (set(), set())
    assert page.locator(".gg-count").inner_text().startswith("1 /")
    page.locator("[data-k=n3]").click()
    assert _heard(page, *letters) == (set(), set())
    # What saves stays the notebook's; in a field, what edits does not.
    assert _heard(page, "Control+s")[0] >= {"s"}
    page.locator(".gg-find").fill("q")
    assert _heard(page, "d", "d")[0] == set()
    assert "a" not in _heard(page, "Control+a")[0]
    page.get_by_text("outside").focus()
    assert _heard(page, "a") == ({"a"}, {"a"})
    page.evaluate("end()")
    assert _heard(page, "b") == ({"b"}, {"b"})


def test_a_notebooks_styles_end_at_a_widget_and_its_own_there(widget, page):
    style = (
        "button { border-radius: 0 !important } dt { float: left } :root { letter-spacing: 9px }"
    )
    _render(page, widget, f"<style>{style}</style><body><kbd>k</kbd></body>")

    def of(name, what):
        at = page.locator(name).first
        return at.evaluate("(e, what) => getComputedStyle(e)[what]", what)

    assert of(".gg-story", "letterSpacing") == "normal"
    assert of(".gg button", "borderRadius") != "0px"
    assert of(".gg-keys dt", "float") == "none"
    assert page.locator("body > kbd").evaluate("e => getComputedStyle(e).borderStyle") == "none"


def test_the_picture_is_hidden_where_the_widget_runs(widget, page):
    body = (
        f'<body><div class="{widget.picture}">still</div><div class="another">picture</div></body>'
    )
    _render(page, widget, body)
    assert page.get_by_text("still").is_hidden()
    assert page.get_by_text("picture", exact=True).is_visible()
    page.evaluate("end()")
    assert page.get_by_text("still").is_visible()


@pytest.mark.parametrize("part", [".gg-surface", ".gg-story", ".gg-panel:visible"])
def test_the_wheel_scrolls_the_notebook_around(widget, page, part):
    _render(page, widget, "<body style='height: 4000px'></body>")
    box = page.locator(part).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, 120)
    page.wait_for_function("() => scrollY > 60")
