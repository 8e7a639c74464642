"""Numbers at the ends of what there is, in the page: it stays alive, and what it draws are numbers.

Python's numbers are compared in `test_surfaces.py`; here nothing may hang, and the browser may find
nothing to complain of.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

import glassgrad as gg

WEB = Path(__file__).parents[1] / "web"

RECORDS = {
    "rounding noise": (lambda x, y: x * x * x + y - y, (2.0, 3.0)),
    "large and flat": (lambda x: 1e16 + x, (1.0,)),
    "nan": (lambda x, y: x * y + x, (float("nan"), 2.0)),
    "inf": (lambda x, y: x * y - x, (float("inf"), 2.0)),
    "almost all there is": (lambda x, y: x * y * 0.25, (1.7e308, 2.0)),
    "beyond": (lambda x, y: x * y, (1e308, 2.0)),
    "almost nothing": (lambda x: x * 1e-320, (1.0,)),
    "steep": (lambda x: x * 1e300 / (x - 1), (1.0000001,)),
    "no slope": (lambda x: np.sqrt(x), (0.0,)),
    "an array": (lambda x: np.sum(x), (np.array([np.inf, -np.inf, np.nan, -0.0, 1e-320, 1e308]),)),
    "nothing": (lambda x: np.sum(x), (np.zeros(0),)),
}


def _opened(page, record, tmp_path):
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.set_default_timeout(10_000)
    record.save(tmp_path / "record.html")
    page.goto((tmp_path / "record.html").as_uri())
    page.wait_for_selector(".gg-canvas")
    return said


@pytest.mark.parametrize("name", RECORDS)
def test_every_number_can_be_looked_at_and_moved(name, page, tmp_path):
    f, given = RECORDS[name]
    with np.errstate(all="ignore"):
        said = _opened(page, gg.backprop(f, *given), tmp_path)
    page.get_by_role("tab", name="Inputs").click()
    fields = page.locator(".gg-input input[type=number]")
    for n in range(fields.count()):
        for typed in ("0.5", "-3e307", "1.7e308"):
            fields.nth(n).fill(typed)
            fields.nth(n).press("Enter")
    page.get_by_role("tab", name="Gate").click()
    page.keyboard.press("n")
    assert not said


def test_a_given_gradient_is_told_and_kept_when_inputs_move(page, tmp_path):
    record = gg.backprop(lambda x, y: (x * y, x), 2.0, 3.0, upstream=(4.0, 0.5))
    said = _opened(page, record, tmp_path)
    page.keyboard.press("n")
    page.keyboard.press("n")
    assert "The gradient that was given for it is 4." in page.locator(".gg-story").inner_text()
    page.get_by_role("tab", name="Inputs").click()
    assert page.locator(".gg-beside").is_hidden()  # f's slope is another number
    field = page.locator(".gg-input input[type=number]").nth(1)
    field.fill("7")
    field.press("Enter")
    page.locator(".gg-input", has_text="gradient 28.5").wait_for()
    assert not said


def test_a_truth_in_a_formula_is_a_word(page, tmp_path):
    _opened(page, gg.backprop(lambda x: np.where(x > 0, x * 2, x), 2.0), tmp_path)
    page.locator(".gg-shape[data-k=n3]").dispatch_event("click")
    told = page.locator(".gg-formula").all_text_contents()
    assert any("if\u00a0True" in text or "if True" in text for text in told), told
    assert not any("Tru\u00b7" in text for text in told)


def test_long_names_stay_in_the_panel(page, tmp_path):
    name = "a_very_long_name_" * 8
    space: dict[str, object] = {}
    exec(f"def f({name}):\n    return {name} * 2.0", space)
    _opened(page, gg.backprop(space["f"], 3.0), tmp_path)  # type: ignore[arg-type]
    for tab in ("Gate", "Inputs"):
        page.get_by_role("tab", name=tab).click()
        page.locator(".gg-wire").first.dispatch_event("click")
        for words in page.locator(".gg-panel :is(h2, .gg-plot-numbers dt)").all():
            assert words.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), words.inner_text()
    title, field = (
        page.locator(f".gg-input-head > {e}").first.bounding_box() for e in (".gg-link", "input")
    )
    assert title["x"] + title["width"] <= field["x"]


def test_an_empty_input_has_nothing_to_move(page, tmp_path):
    _opened(page, gg.backprop(lambda x: np.sum(x), np.zeros(0)), tmp_path)
    page.get_by_role("tab", name="Inputs").click()
    assert "x: no elements to move." in page.locator(".gg-inputs").inner_text()


def test_a_phone_s_page_does_not_go_sideways(page, tmp_path):
    page.set_viewport_size({"width": 390, "height": 844})
    _opened(page, gg.backprop(lambda x, y: np.sum(x * y), np.arange(3.0), 2.0), tmp_path)
    for tab in ("Code", "Diagnosis", "Inputs", "Gate"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(100)
        wide = "e => e.scrollWidth - e.clientWidth"
        assert page.evaluate("document.documentElement.scrollWidth") == 390, tab
        assert page.locator(".gg-panel:visible").evaluate(wide) == 0, tab


def test_few_digits_are_those_of_python(tmp_path):
    """Also where a number lies in the middle of two: there Python goes to the even one."""
    built = WEB / "node_modules" / ".bin" / "esbuild"
    if not built.exists():
        pytest.skip("esbuild is not installed: cd web && npm ci")
    subprocess.run([built, WEB / "src" / "values.ts", "--format=esm", f"--outfile={tmp_path}/values.mjs"],
                   check=True, capture_output=True)  # fmt: skip
    rng = np.random.default_rng(4)
    numbers = [
        0.125,
        0.375,
        2.5,
        3.5,
        25.0,
        1.015625,
        -1.015625,
        1.005,
        12345.5,
        1234.5,
        9.5,
        99.5,
        1e23,
        5e-324,
    ]
    numbers += [float(n) / 1024 for n in rng.integers(-(2**24), 2**24, 500)]
    numbers += list(rng.standard_normal(200) * 10.0 ** rng.integers(-20, 20, 200))
    script = f"""import {{ brief }} from "{tmp_path}/values.mjs";
    const numbers = {json.dumps(numbers)};
    console.log(JSON.stringify(numbers.map((x) => [1, 3, 4, 6].map((d) => brief(x, d)))));"""
    (tmp_path / "ask.mjs").write_text(script)
    told = subprocess.run(
        ["node", tmp_path / "ask.mjs"], check=True, capture_output=True, text=True
    ).stdout
    assert json.loads(told) == [[f"{x:.{d}g}" for d in (1, 3, 4, 6)] for x in numbers]
