"""The local page in a browser: formula, inputs, examples, errors, the file, under its strict policy."""

from __future__ import annotations

import re

import numpy as np
import pytest

import glassgrad as gg

from .play_server import playing
from .support.browser import OWN, alone

pytest.importorskip("uvicorn")


@pytest.fixture(scope="module")
def served():
    with playing() as client:
        yield client


@pytest.fixture
def page(browser, served):
    address = f"http://{served.host}/"
    with alone(browser, (*OWN, address), viewport={"width": 1280, "height": 800},
               accept_downloads=True) as made:  # fmt: skip
        refused = []
        made.on("console", lambda m: refused.append(m.text) if m.type == "error" else None)
        made.set_default_timeout(15_000)
        made.goto(served.server.link)
        made.wait_for_selector(".gg-canvas")
        yield made
    # What the policy forbids is told on the console; refused formulas answer 422.
    assert not [t for t in refused if "422" not in t]


def fields(page):
    return {f.get_attribute("name"): f.input_value()
            for f in page.locator(".gg-play-inputs input").all()}  # fmt: skip


def drawn(page):
    return re.sub(r"\s+", " ", page.locator(".gg-canvas").inner_text())


def test_the_first_example_is_drawn(page):
    assert fields(page) == {"x": "-2", "y": "5", "z": "-4"}
    page.locator(".gg-canvas text", has_text="-12").first.wait_for()
    assert page.url.endswith("/")  # the token is gone from the address


def test_every_example_is_drawn(page):
    names = page.locator("#gg-example option").all_inner_texts()
    assert len(names) >= 8
    for n in range(1, len(names)):
        page.select_option("#gg-example", str(n))
        page.wait_for_function("n => document.querySelector('#gg-formula').value.length > 0", arg=n)
        page.locator(".gg-play-status", has_text=re.compile("^$")).wait_for(state="attached")
        assert page.locator("#gg-wrong").inner_text() == ""
        assert page.locator(".gg-canvas .gg-circle, .gg-canvas .gg-pill").count() > 2


def test_a_formula_and_its_inputs(page):
    page.fill("#gg-formula", "tanh(a * b) + c")
    page.locator(".gg-play-inputs input[name=c]").wait_for()
    assert fields(page) == {"a": "1", "b": "1", "c": "1"}
    page.fill("input[name=a]", "0.5")
    page.fill("input[name=b]", "-1.5")
    record = gg.backprop(lambda a, b, c: np.tanh(a * b) + c, 0.5, -1.5, 1.0)
    shown = f"{record.grads['a']:.4g}"
    page.locator(".gg-canvas text", has_text=shown).first.wait_for()


def test_sliders_work_under_the_policy(page):
    page.get_by_role("tab", name="Inputs").click()
    slider = page.locator(".gg-panels input[type=range]").first
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.locator(".gg-moved", has_text="inputs moved").wait_for()


def test_a_mistake_is_told_where_it_is_and_the_picture_stays(page):
    page.fill("#gg-formula", "x ** y ** z")
    page.locator("#gg-wrong", has_text="tower of powers").wait_for()
    assert page.locator("#gg-formula").get_attribute("aria-invalid") == "true"
    assert page.locator(".gg-canvas").count() == 1
    page.fill("#gg-formula", "x * y")
    page.fill("input[name=y]", "[1, [2]]")
    page.locator("#gg-wrong", has_text="the value of y").wait_for()
    assert page.locator("input[name=y]").get_attribute("aria-invalid") == "true"
    page.fill("input[name=y]", "4")
    page.locator("#gg-wrong", has_text=re.compile("^$")).wait_for(state="attached")
    assert page.locator("[aria-invalid]").count() == 0


def test_texts_stay_texts(page):
    page.fill("#gg-formula", "x * (<img onerror=1>)")
    page.locator("#gg-wrong", has_text="<img onerror=1>").wait_for()
    assert page.locator(".gg-play img").count() == 0


def test_the_file_opens_by_itself(page, browser, tmp_path):
    page.fill("#gg-formula", "x * y + 7")
    page.locator(".gg-canvas text", has_text="+7").first.wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save as file").click()
    assert waiting.value.suggested_filename == "x-y-7.html"
    file = tmp_path / "shared.html"
    waiting.value.save_as(file)
    with alone(browser) as other:
        other.goto(file.as_uri())
        other.locator(".gg-canvas text", has_text="+7").first.wait_for()


def test_what_one_looks_at_stays_while_one_types(page):
    page.get_by_role("tab", name="Code").click()
    page.get_by_role("button", name="Dark theme").click()
    page.fill("input[name=x]", "11")
    page.locator(".gg-canvas text", has_text="-64").first.wait_for()
    assert page.get_by_role("tab", name="Code").get_attribute("aria-selected") == "true"
    assert page.locator(".gg[data-theme=dark]").count() == 1
    assert page.locator(".gg-play[data-theme=dark]").count() == 1


def test_with_the_keyboard_alone(page):
    page.locator("#gg-example").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_function("() => document.querySelector('#gg-formula').value.includes('max')")
    page.keyboard.press("Tab")  # to the button
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "gg-formula"
    page.keyboard.press("Control+A")
    page.keyboard.type("x - 3 * y")
    page.keyboard.press("Control+Enter")
    page.locator(".gg-canvas text", has_text="*3").first.wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "x"
