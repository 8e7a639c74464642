"""The page's panels in a browser: story, numbers, code, diagnosis, sliders, the keyboard, a phone.

It knows what a reader sees and presses; how the picture is drawn is tested elsewhere.
"""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.show.document import document
from glassgrad.show.page import bundle, html


def circuit(x, y, z):
    q = x + y
    f = q * z
    return f


def fraction(x, y):
    sigy = 1.0 / (1 + math.exp(-y))
    num = x + sigy
    sigx = 1.0 / (1 + math.exp(-x))
    xpy = x + y
    xpysqr = xpy**2
    den = sigx + xpysqr
    invden = 1.0 / den
    f = num * invden
    return f


def layer(x, W, b):
    z = x @ W + b
    return np.tanh(z)


def network(W1, b1, x, y):
    h = layer(x, W1, b1)
    loss = np.mean((h - y) ** 2)
    return loss


def branched(x, w):
    y = x * w if x > 0 else 0.1 * x * w
    z = np.log(y)
    return z


def rooted(x, w):
    s = x * w
    r = np.sqrt(s * 0)
    loss = np.sum(r)
    return loss


@pytest.fixture
def shown(page, tmp_path):
    """Open a record's file in the page."""

    page.set_viewport_size({"width": 1280, "height": 800})
    page.set_default_timeout(20_000)

    def shown(record, theme="light"):
        file = Path(tmp_path) / "record.html"
        file.write_text(html(record, theme), encoding="utf-8")
        page.goto(file.as_uri())
        return page

    return shown


def story(page):
    return re.sub(r"\s+", " ", page.locator(".gg-story").inner_text()).replace("−", "-")


def tab(page, name):
    page.get_by_role("tab", name=name).click()


def test_the_story_is_told_in_sentences_with_the_numbers(shown):
    page = shown(gg.backprop(circuit, -2, 5, -4))
    assert "The whole story is told. f = -12" in story(page)
    page.keyboard.press("n")  # from the beginning
    said = story(page)
    assert f"line {circuit.__code__.co_firstlineno + 1} — add gate: q =" in said
    assert "= 3." in said and "it already knows its local gradients" in said
    assert said.count("= 1") >= 2
    for _ in range(2):
        page.keyboard.press(".")
    assert "The output's gradient with respect to itself is 1" in story(page)
    page.keyboard.press("n")
    said = story(page)
    assert "its output's gradient, 1, arrives from above" in said
    assert "for q: 1 × -4 = -4 and for z: 1 × 3 = 3" in said
    page.keyboard.press("p")
    page.keyboard.press(",")
    assert "multiply gate" in story(page)
    page.keyboard.press("Home")
    assert "only the inputs have values" in story(page)
    page.keyboard.press("End")
    assert page.locator(".gg-count").inner_text() == "5 / 5"


def test_the_controls_walk_and_play(shown):
    page = shown(gg.backprop(circuit, -2, 5, -4))
    count = page.locator(".gg-count")
    page.get_by_role("button", name="To the beginning").click()
    assert count.inner_text() == "0 / 5"
    page.get_by_role("button", name="A step forward").click()
    page.keyboard.press("ArrowRight")
    assert count.inner_text() == "2 / 5"
    page.keyboard.press("ArrowLeft")
    assert count.inner_text() == "1 / 5"
    slider = page.get_by_role("slider", name="Step of the story")
    slider.fill("4")
    assert "forward" not in page.locator(".gg-chip").inner_text()
    assert slider.get_attribute("aria-valuetext") == "step 4 of 5, backward"
    slider.press(" ")
    page.get_by_role("button", name="Pause").wait_for()
    page.locator(".gg-count", has_text="5 / 5").wait_for()
    page.get_by_role("button", name="Play").wait_for()
    tab(page, "Code")
    page.keyboard.press("Home")  # of the tabs
    assert page.get_by_role("tab", name="Gate").get_attribute("aria-selected") == "true"


def test_parts_of_a_gradient_are_added_up_as_they_arrive(shown):
    record = gg.backprop(fraction, 3, -4)
    page = shown(record)
    page.keyboard.press("Home")
    told = []
    for _ in range(17):
        page.keyboard.press("n")
        told += [said for said in story(page).split(". ") if "x has been read 3 times" in said]
    assert len(told) == 3
    assert (
        "a first part of its gradient has arrived, 1.58319, and 2 more are still to come" in told[0]
    )
    assert "1.58319 + ( -0.0357615 ) = 1.54743, and 1 more is still to come" in told[1]
    assert "1.58319 + ( -0.0357615 ) + 0.512144 = 2.05957" in told[2]
    page.get_by_role("tab", name="Gate").click()
    page.locator(".gg-inspector").get_by_role("button", name="x", exact=True).click()
    parts = page.locator(".gg-inspector table td").all_inner_texts()
    assert parts == ["1.58319", "-0.0357615", "0.512144", "2.05957"]


def test_a_gate_that_reads_a_wire_twice_hands_back_twice(shown):
    page = shown(gg.backprop(lambda x: x * x + 2 * x, -3.0))
    page.keyboard.press("Home")
    page.keyboard.press("End")
    assert "x has been read 3 times" in story(page)
    assert "2 + ( -3 ) + ( -3 ) = -4" in story(page)
    page.locator(".gg-inspector").get_by_role("button", name="x", exact=True).click()
    parts = page.locator(".gg-inspector table td").all_inner_texts()
    assert parts == ["2", "-3", "-3", "-4"]


def test_formulas_keep_their_form(shown):
    page = shown(gg.backprop(lambda x, y: math.exp(x - y) / (x + y) ** y, 1.5, -0.5))
    formula = page.locator(".gg-formula")
    seen = []
    while not seen or not page.get_by_role("button", name="A step forward").is_disabled():
        page.keyboard.press("n")
        parts = [
            (
                e.evaluate("e => e.localName"),
                e.evaluate("e => [...e.children].map((c) => c.textContent)"),
            )
            for e in formula.locator("mfrac, msup").all()
        ]
        seen += [part for part in parts if part not in seen]
    assert ("mfrac", ["ex−y", "(x+y)y"]) in seen  # no parentheses around what a fraction holds
    assert ("msup", ["(x+y)", "y"]) in seen
    assert ("msup", ["1", "−0.5"]) in seen
    assert all(len(children) == 2 for _, children in seen)


def test_arrays_are_told_by_rules_and_ranges(shown):
    record = gg.backprop(network, np.ones((3, 2)) / 3, np.zeros(2), np.eye(4, 3), np.ones((4, 2)))
    page = shown(record)
    page.keyboard.press("n")
    assert "an array of shape (4, 2)" in story(page)
    says = "It knows what it does to a gradient: sends the gradient through the other matrix"
    assert says in story(page)
    told = []
    while not page.get_by_role("button", name="A step forward").is_disabled():
        page.keyboard.press("n")
        told.append(story(page))
    (spread,) = [said for said in told if "for b1:" in said]
    assert "element by element: for the result of matmul: gradient × 1" in spread
    assert re.search(r"for b1: gradient × 1, summed = \(2,\) ", spread)
    (matmul,) = [said for said in told if "To W1 it hands" in said]
    assert re.search(r"To W1 it hands .* upstream : \(3, 2\) ", matmul)


def test_nothing_is_shown_before_it_is_told(shown):
    page = shown(gg.backprop(fraction, 3, -4))
    panel = page.locator(".gg-inspector")
    for _ in range(3):
        page.keyboard.press("n")
    text = panel.inner_text()  # of sigx, the gate of the third step
    assert "sigmoid gate" in text and exact(page, "value") == 0.9525741268224334
    assert "gradient\nnot yet" in text and "from above" not in text and "hands back" not in text
    assert page.locator(".gg-function").inner_text() == "fraction"
    for _ in range(11):
        page.keyboard.press("n")
    assert "Gradient from above: 1.58319" in panel.inner_text()
    page.locator(".gg-card").get_by_role("button", name="x").click()
    assert panel.locator("table td").all_inner_texts() == [
        "1.58319",
        "not yet",
        "not yet",
        "not yet",
    ]
    assert not panel.locator("[data-role=gradient]").count()
    page.keyboard.press("n")
    assert panel.locator("table td").all_inner_texts() == [
        "1.58319", "-0.0357615", "not yet", "not yet",
    ]  # fmt: skip


def test_the_gate_panel_has_every_digit_and_follows_links(shown):
    record = gg.backprop(fraction, 3, -4)
    page = shown(record)
    doc = document(record)
    first = fraction.__code__.co_firstlineno
    formulas = {}
    for node in doc["nodes"]:
        if node["kind"] != "gate":
            continue
        tab(page, "Code")
        page.locator(f".gg-sources [data-line='{node['line'] - first}']").click()
        tab(page, "Gate")
        (wire,) = node["outputs"]
        numbers = page.locator(f".gg-inspector [data-wire='{wire}']")
        exact = {
            n.get_attribute("data-role"): float(n.get_attribute("data-exact"))
            for n in numbers.all()
        }
        assert exact == {role: doc["wires"][wire][role] for role in ("value", "gradient")}
        assert {float(n.inner_text()) for n in numbers.all()} == set(exact.values())
        formulas[node["line"] - first] = page.locator(".gg-formula").first.text_content()
        assert node["says"][1:] in page.locator(".gg-says").inner_text()
    assert formulas == {
        1: "sigy=σ\u2061(y)", 2: "num=x+sigy", 3: "sigx=σ\u2061(x)", 4: "xpy=x+y", 5: "xpysqr=xpy2",
        6: "den=sigx+xpysqr", 7: "invden=1den", 8: "f=num·invden",
    }  # fmt: skip
    assert page.locator(".gg-formula").nth(1).text_content() == "=3.01799·0.512144=1.54564"
    # The last is f = num * invden; on to num, and to the gate that makes it.
    page.locator(".gg-card").get_by_role("button", name="num").click()
    assert page.locator(".gg-subject h2").first.inner_text() == "num"
    assert (
        "If num grows by 0.01, f grows by about 0.00512."
        in page.locator(".gg-inspector").inner_text()
    )
    page.get_by_role("button", name=f"add gate, line {first + 2}").first.click()
    text = page.locator(".gg-inspector").inner_text()
    assert "Gradient from above: 0.512144" in text and "0.512144 × 1 = 0.512144" in text


def test_arrays_show_their_elements_and_the_backward_rule(shown):
    record = gg.backprop(network, np.ones((3, 2)) / 3, np.zeros(2), np.eye(4, 3), np.ones((4, 2)))
    page = shown(record)
    page.locator(".gg-inspector").get_by_role("button", name="W1").click()
    value = page.locator("[data-role=value]").first
    assert json.loads(value.get_attribute("data-exact")) == [1 / 3] * 6
    gradient = json.loads(page.locator("[data-role=gradient]").first.get_attribute("data-exact"))
    assert np.array_equal(gradient, np.ravel(record.grads[0]))
    assert page.locator(".gg-cells td").count() == 12
    tab(page, "Code")
    assert page.locator(".gg-file").all_inner_texts() == [
        f"{name} {Path(__file__).name}" for name in ("layer", "network")
    ]


def test_lines_and_gates_light_each_other(shown):
    page = shown(gg.backprop(fraction, 3, -4))
    tab(page, "Code")
    lit = page.locator(".gg-staged .gg-lit code")
    page.locator(".gg-sources").get_by_text("den = sigx + xpysqr").hover()
    assert [text.split("#")[0].strip() for text in lit.all_inner_texts()] == [
        "den = sigx + xpysqr", "", "dsigx = dden", "dxpysqr = dden",
    ]  # fmt: skip
    page.locator(".gg-staged").get_by_text("dnum = invden").hover()
    assert page.locator(".gg-sources .gg-lit code").all_inner_texts() == ["    f = num * invden"]
    page.mouse.move(5, 300)
    assert not lit.count()
    page.locator(".gg-sources [tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator(".gg-sources .gg-lit code").all_inner_texts() == ["    num = x + sigy"]
    page.locator(".gg-tab").first.focus()
    page.keyboard.press("n")
    assert page.locator(".gg-sources .gg-forward code").all_inner_texts() == [
        "    sigy = 1.0 / (1 + math.exp(-y))"
    ]
    for _ in range(9):
        page.keyboard.press("n")
    assert page.locator(".gg-staged .gg-backward code").all_inner_texts() == [
        "    # backprop f = num * invden  (8)", "    dnum = invden", "    dinvden = num",
    ]  # fmt: skip
    assert page.locator(".gg-staged .gg-dname").first.inner_text() == "dnum"


def test_a_finding_leads_to_its_line(shown):
    record = gg.backprop(rooted, np.ones(3), np.ones(3))
    (found, *_) = record.diagnose().as_dict()
    page = shown(record, "dark")
    page.get_by_role("button", name="finding").click()
    card = page.locator(".gg-finding").first
    text = card.inner_text()
    assert found["severity"] in text and found["says"] in text and found["mend"] in text
    card.get_by_role("button", name=found["title"]).click()
    tab(page, "Code")
    assert (
        page.locator(".gg-sources .gg-lit").first.inner_text().split("\n")[-1].strip()
        == found["statement"]
    )
    well = shown(gg.backprop(circuit, -2, 5, -4))
    well.get_by_role("button", name="nothing to report").click()
    assert "Nothing to report" in well.locator(".gg-diagnosis").inner_text()


def test_help_and_theme_by_the_keyboard(shown):
    page = shown(gg.backprop(circuit, -2, 5, -4))
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Help").wait_for()
    assert page.evaluate("document.querySelector('dialog').contains(document.activeElement)")
    page.keyboard.press("n")  # in the dialog nothing else listens
    page.keyboard.press("Escape")
    assert page.locator(".gg-count").inner_text() == "5 / 5"
    ground = "getComputedStyle(document.querySelector('.gg')).backgroundColor"
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    page.get_by_role("button", name="Dark theme").press("Enter")
    assert page.evaluate(ground) == "rgb(13, 17, 23)"


def test_two_widgets_on_a_page_keep_to_themselves(page, tmp_path):
    docs = [document(gg.backprop(circuit, -2, 5, -4)), document(gg.backprop(fraction, 3, -4))]
    program = re.sub(r"export\{(\w+) as default,[^}]*\};?\s*$", r"globalThis.page=\1;", bundle())
    data = json.dumps(docs).replace("<", "\\u003c")
    file = tmp_path / "notebook.html"
    file.write_text(f"""<!doctype html><input id="cell"><div id="w0"></div><div id="w1"></div>
    <script type="module">{program}
    const docs = {data};
    for (const [n, theme] of ["light", "dark"].entries()) {{
      const el = document.createElement("div");
      document.getElementById("w" + n).attachShadow({{ mode: "open" }}).append(el);
      page.render({{ model: {{ get: (key) => (key === "document" ? docs[n] : theme) }}, el }});
    }}</script>""", encoding="utf-8")  # fmt: skip
    page.goto(file.as_uri())
    count = page.locator(".gg-count")
    page.locator("#w1 .gg-count").wait_for()
    page.locator("#cell").press_sequentially("n ?p")
    assert page.locator("#cell").input_value() == "n ?p"
    assert count.all_inner_texts() == ["5 / 5", "17 / 17"]
    page.locator("#w1 .gg-gates").click()
    page.keyboard.press("n")
    assert count.all_inner_texts() == ["5 / 5", "1 / 17"]
    page.locator("#w0").get_by_role("tab", name="Inputs").click()
    page.locator("#w0").get_by_role("spinbutton", name="x, as a number").fill("2")
    page.locator("#w0 .gg-function", has_text="circuit = -28").wait_for()
    ground = "(e) => getComputedStyle(e).backgroundColor"
    assert [page.locator(f"#w{n} .gg").evaluate(ground) for n in (0, 1)] == [
        "rgb(255, 255, 255)", "rgb(13, 17, 23)",
    ]  # fmt: skip


def test_on_a_phone_tabs_are_at_the_bottom_and_large_enough(shown):
    page = shown(gg.backprop(fraction, 3, -4))
    page.set_viewport_size({"width": 390, "height": 844})
    box = page.get_by_role("tab", name="Code").bounding_box()
    assert box["y"] + box["height"] == pytest.approx(844, abs=2)
    small = page.evaluate(
        """[...document.querySelectorAll('.gg-header, .gg-stepper, .gg-panels')]
        .flatMap((part) => [...part.querySelectorAll('button, input')])
        .filter((e) => e.checkVisibility()).map((e) => [e.className, e.getBoundingClientRect().height])
        .filter(([, height]) => height < 40 - 0.5)"""
    )
    assert not [s for s in small if "gg-link" not in s[0]]
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    panel = page.locator(".gg-panel:visible")
    assert panel.count() == 1
    page.get_by_role("tab", name="Gate").click()  # the open one: makes room
    assert panel.count() == 0
    page.get_by_role("tab", name="Inputs").click()
    assert panel.count() == 1


def exact(page, role):
    """The numbers of the gate panel's wire with all their digits."""
    return float(
        page.locator(f".gg-inspector [data-role={role}]").first.get_attribute("data-exact")
    )


def test_a_slider_recomputes_every_wire(shown):
    page = shown(gg.backprop(fraction, 3, -4))
    tab(page, "Inputs")
    page.get_by_role("slider", name="x", exact=True).fill("1.25")
    page.get_by_role("spinbutton", name="y, as a number").fill("-0.3")
    there = gg.backprop(fraction, 1.25, -0.3)
    page.locator(".gg-function", has_text=f"fraction = {there.value:.6g}").wait_for()
    made = [wire for wire in there.wires if wire.op != "input"]
    assert len(made) == 8
    for line, wire in enumerate(made, 1):
        tab(page, "Code")
        page.locator(f".gg-sources [data-line='{line}']").click()
        tab(page, "Gate")
        assert page.locator(".gg-inspector").get_by_text(f"Its output: {wire.name}").count()
        assert exact(page, "value") == pytest.approx(wire.value, rel=1e-12)
        assert exact(page, "gradient") == pytest.approx(wire.gradient, rel=1e-12)
    assert story(page).count(f"{there.grads['x']:.6g}") == 1
    page.get_by_role("button", name="inputs moved").click()
    page.get_by_role("button", name="Reset x").click()
    page.get_by_role("button", name="Reset x", disabled=True).wait_for()
    assert page.get_by_role("spinbutton", name="x, as a number").input_value() == "3"
    page.get_by_role("button", name="Reset all").click()
    page.locator(".gg-function", has_text="fraction = 1.54564").wait_for()
    assert not page.get_by_role("button", name="inputs moved").is_visible()


def test_f_stands_against_the_straight_line(shown):
    page = shown(gg.backprop(fraction, 3, -4))
    tab(page, "Inputs")
    page.get_by_role("spinbutton", name="h, as a number").fill("0.5")
    page.get_by_role("spinbutton", name="h, as a number").press("Enter")
    numbers = {
        n.get_attribute("data-role"): float(n.get_attribute("data-exact"))
        for n in page.locator(".gg-plot-numbers dd").all()
    }
    value, slope = gg.value_and_grad(fraction)(3.0, -4.0)
    assert numbers["there"] == pytest.approx(fraction(3.5, -4.0), rel=1e-12)
    assert numbers["line"] == pytest.approx(value + 0.5 * slope, rel=1e-12)
    assert numbers["difference"] == pytest.approx(
        fraction(3.5, -4.0) - value - 0.5 * slope, rel=1e-9
    )
    plot = page.get_by_role("img", name="f over x, and its tangent at 3 with slope 2.05957")
    assert plot.locator(".gg-curve").get_attribute("d").count("L") == 120
    page.get_by_role("slider", name="y", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("img", name="f over y").wait_for()


def test_another_branch_is_said_and_the_last_picture_stays(shown):
    page = shown(gg.backprop(branched, 1.0, 2.0))
    tab(page, "Inputs")
    field = page.get_by_role("spinbutton", name="x, as a number")
    field.fill("0.5")
    value = f"branched = {math.log(1.0):.6g}"
    page.locator(".gg-function", has_text=value).wait_for()
    field.fill("-2")
    page.get_by_role("status").filter(has_text="takes another branch").wait_for()
    assert page.locator(".gg-function").inner_text() == value
    field.fill("3")
    page.locator(".gg-function", has_text=f"branched = {math.log(6.0):.6g}").wait_for()
    assert not page.locator(".gg-notice").is_visible()


def test_elements_of_arrays_have_sliders(shown):
    given = [np.ones((3, 2)) / 3, np.zeros(2), np.eye(4, 3), np.ones((4, 2))]
    page = shown(gg.backprop(network, *given))
    tab(page, "Inputs")
    page.get_by_role("button", name="W1[2, 1] is 0.333").click()
    page.get_by_role("slider", name="W1[2, 1]").fill("-0.5")
    given[0][2, 1] = -0.5
    there = gg.backprop(network, *given)
    page.locator(".gg-function", has_text=f"{there.value:.6g}").wait_for()
    tab(page, "Gate")
    page.locator(".gg-inspector").get_by_role("button", name="W1").click()
    value, gradient = (
        json.loads(page.locator(f"[data-role={role}]").first.get_attribute("data-exact"))
        for role in ("value", "gradient")
    )
    assert value == given[0].ravel().tolist()
    assert np.allclose(gradient, np.ravel(there.grads[0]), rtol=1e-12, atol=1e-15)


def test_without_a_script_the_reason_is_said(shown):
    record = gg.backprop(lambda x: np.sum(np.linalg.eigvalsh(x)), np.eye(3) + 1.0)
    doc = document(record)
    page = shown(record)
    tab(page, "Inputs")
    text = page.locator(".gg-inputs").inner_text()
    assert doc["script"] is None and doc["no_script"] in text and "gg.backprop" in text
