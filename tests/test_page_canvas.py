"""The circuit in the page, in a browser: open groups, pointing, keys, the story, search, large circuits.

It reads what is really drawn, measured by the browser, and compares it with the document; what the
panels say beside it is tested elsewhere.
"""

import math
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.show.document import document
from glassgrad.show.page import page as made_page
from glassgrad.show.values import summary

from .support.browser import alone
from .support.drawn import PICTURE, check, still, toggle


def spread(*shape):
    return np.sin(1.0 + 2.3 * np.arange(math.prod(shape)).reshape(shape))


def circuit(x, y, z):
    q = x + y
    f = q * z
    return f


def layer(x, W, b):
    z = x @ W + b
    return np.tanh(z)


def network(W1, b1, W2, b2, x, y):
    h = layer(x, W1, b1)
    out = layer(h, W2, b2)
    loss = np.mean((out - y) ** 2)
    return loss


def recurrence(xs, W, U):
    h = np.zeros(3)
    for x in xs:
        h = np.tanh(h @ W + x @ U)
    loss = np.sum(h**2)
    return loss


def affine(x, W, b):
    return x @ W + b


def block(x, W, b):
    h = affine(x, W, b)
    s = np.tanh(h)
    return s * h + x


def nested(x, W, b):
    a = block(x, W, b)
    c = block(a, W, b)
    for _ in range(3):
        c = np.tanh(affine(c, W, b)) + a
    return np.sum(c * c)


def turn(a, b):
    u = a * b
    v = a - math.sin(u)
    return v, u


def mixed(a, b, c):
    p, q = turn(a, b)
    r, s = turn(q, turn(p, c)[0])
    return p * s, q + b, r * a


def several(x, y, z):
    a, b, c = mixed(x, y, z)
    d, e, f = mixed(b, a * z, x)
    for _ in range(2):
        d, e = turn(e, f * d)
    return a + c * d + e


def inner(a, b):
    p = a * b
    q = p + math.sin(a)
    return math.tanh(q * 0.5) + 0.1 * b


def middle(a, b):
    u = inner(a, b)
    return u * inner(u, a) + 0.2


def many(a, b, turns=250):
    for _ in range(turns):
        c = middle(a, b)
        a = math.exp(-c * c) * a + b * 0.3
    return a * a


RECORDS = {
    "circuit": lambda: gg.backprop(circuit, -2, 5, -4),
    "network": lambda: gg.backprop(network, spread(3, 4), spread(4), spread(4, 2), spread(2), spread(5, 3), spread(5, 2)),
    "recurrence": lambda: gg.backprop(recurrence, spread(6, 2), spread(3, 3), spread(2, 3)),
    "nested": lambda: gg.backprop(nested, spread(4, 3), spread(3, 3), spread(3)),
    "several": lambda: gg.backprop(several, 0.5, -0.3, 0.7),
    "many": lambda: gg.backprop(many, 0.5, -0.3),
}  # fmt: skip


@pytest.fixture(scope="module")
def documents():
    made = {}

    def get(name):
        if name not in made:
            made[name] = document(RECORDS[name]())
        return made[name]

    return get


@pytest.fixture
def shown(browser, documents, tmp_path):
    """Open a record's file."""
    with ExitStack() as pages:

        def shown(name, width=1280, height=800, **options):
            viewport = {"width": width, "height": height}
            page = pages.enter_context(alone(browser, viewport=viewport, **options))
            page.set_default_timeout(20_000)
            file = Path(tmp_path) / "record.html"
            file.write_text(made_page(documents(name), "<svg/>"), encoding="utf-8")
            page.goto(file.as_uri())
            page.locator(".gg-shape").first.wait_for()
            return page

        yield shown


def focus(page):
    return page.evaluate("document.activeElement.closest('[data-k]')?.dataset.k")


def said(page):
    return page.locator(".gg-said").text_content()


def scale(page):
    moved = page.locator(".gg-svg > g").get_attribute("transform")
    return float(moved.split("scale(")[1][:-1])


def texts(page, kind):
    return page.locator(f".gg-wire .gg-r-{kind}").all_text_contents()


@pytest.mark.parametrize("name", ["network", "nested", "recurrence", "several"])
def test_open_groups_are_set_into_their_level(shown, documents, name):
    doc = documents(name)
    page = shown(name)
    parents = [g["parent"] for g in doc["groups"]]
    open_ = set(range(len(parents))) - set(doc["folds"])
    rng = np.random.default_rng(3)
    check(page.evaluate(PICTURE), doc)
    for group in range(len(parents)):  # from the outside in
        if group not in open_:
            toggle(page, group)
    opened = page.evaluate(PICTURE)
    check(opened, doc)
    assert {k for k, _ in opened["shapes"]} == {f"n{n}" for n in range(len(doc["nodes"]))}
    assert len(opened["frames"]) == len(parents)
    for group in rng.permutation(len(parents))[:4]:
        if page.locator(f"[data-toggle=g{group}]").count():
            toggle(page, group)
            check(page.evaluate(PICTURE), doc)
    for group in reversed(range(len(parents))):
        if page.locator(f".gg-title[data-k=g{group}]").count():
            toggle(page, group)
    closed = page.evaluate(PICTURE)
    level = doc["levels"][0]
    key = lambda s: f"g{s['g']}" if "g" in s else f"n{s['n']}"  # noqa: E731
    places = {key(s): s["r"] for s in level["shapes"] if s["f"] != "end"}
    found = {k: r for k, r in closed["shapes"] if k in places}
    assert found.keys() == places.keys()
    for k, place in places.items():
        assert found[k] == pytest.approx(place, abs=0.02), k
    assert sorted(int(k[1:]) for k, _ in closed["wires"]) == sorted(w["n"] for w in level["wires"])


def test_values_and_gradients_stand_at_their_wires(shown, documents):
    page = shown("nested")
    for number, flow in enumerate(documents("nested")["wires"]):
        texts = page.locator(f".gg-wire[data-k=w{number}]")
        for kind, value in (("value", flow["value"]), ("gradient", flow["gradient"])):
            said = value["text"] if isinstance(value, dict) else summary(value)
            assert texts.locator(f".gg-r-{kind}").text_content() == said


def lit(page, mark):
    return sorted(page.eval_on_selector_all(f".gg-svg .{mark}", "all => [...new Set(all.map(e => e.dataset.k))].filter(k => k)"))  # fmt: skip


def test_pointing_lights_and_clicking_selects(shown):
    page = shown("circuit")
    page.locator("[data-k=n3]").hover()
    assert lit(page, "gg-lit") == ["n3"] and lit(page, "gg-near") == ["w0", "w1", "w3"]
    page.locator("[data-k=w3] .gg-r-value").click()
    assert lit(page, "gg-chosen") == ["w3"] and lit(page, "gg-near") == ["n3", "n4"]
    x, y = page.evaluate("""() => { const path = document.querySelector('.gg-hit[data-k=w2]');
      const p = path.getPointAtLength(path.getTotalLength() / 2).matrixTransform(path.getScreenCTM()); return [p.x, p.y + 5]; }""")  # fmt: skip
    page.mouse.move(x, y)  # beside the wire, but near enough
    assert lit(page, "gg-lit") == ["w2"]
    page.mouse.click(x, y)
    assert lit(page, "gg-chosen") == ["w2"]
    box = page.locator(".gg-surface").bounding_box()
    page.mouse.click(box["x"] + 5, box["y"] + box["height"] - 5)
    assert lit(page, "gg-chosen") == []


def test_what_is_selected_in_a_closed_group_lights_its_box(shown):
    page = shown("network")
    page.locator(".gg-story").get_by_text("loss", exact=True).first.click()
    assert lit(page, "gg-chosen") == ["w14"]  # selected from beside the picture
    page.keyboard.press("0")
    still(page)
    page.locator("[data-k=n10]").click()
    assert lit(page, "gg-chosen") == ["n10"]
    toggle(page, 1)
    assert lit(page, "gg-chosen") == ["g1"]
    page.locator("[data-k=g1].gg-box").dblclick()
    assert page.locator(".gg-title[data-k=g1]").count() == 1


def test_the_keyboard_alone_walks_zooms_and_folds(shown, documents):
    page = shown("network")
    assert page.locator(".gg-svg [tabindex='0']").count() == 1
    page.locator(".gg-find").focus()
    for _ in range(4):
        page.keyboard.press("Tab")
    assert focus(page) == "n0"
    walked = []
    for key in ["ArrowRight", "ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp", "ArrowRight", "ArrowRight"]:  # fmt: skip
        page.keyboard.press(key)
        walked.append(focus(page))
    w0 = documents("network")["wires"][0]
    assert walked == ["w0", "n6", "w4", "w0", "w4", "n6", "w6"]
    page.keyboard.press("ArrowLeft")
    assert said(page) == f"gate @, matmul, line {layer.__code__.co_firstlineno + 1}"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    assert said(page) == f"wire W1, array 3 by 4, value {w0['value']['text']}, gradient {w0['gradient']['text']}"  # fmt: skip
    page.keyboard.press("Enter")
    assert lit(page, "gg-chosen") == ["w0"]
    page.keyboard.press("Escape")
    assert lit(page, "gg-chosen") == []
    page.locator(".gg-title[data-k=g0] [role=button]").focus()
    page.keyboard.press(" ")
    still(page)
    assert (
        page.locator(".gg-box[data-k=g0] [role=button]").get_attribute("aria-expanded") == "false"
    )
    assert focus(page) == "g0"
    page.keyboard.press(" ")
    still(page)
    assert focus(page) == "g0" and page.locator(".gg-title[data-k=g0]").count() == 1
    before = scale(page)
    page.keyboard.press("+")
    still(page)
    assert scale(page) == pytest.approx(before * 1.25, rel=1e-3)
    page.keyboard.press("-")
    page.keyboard.press("0")
    still(page)
    seen = page.locator(".gg-surface").bounding_box()
    for key in ("n4", "n15"):  # the first and the last are both in view
        box = page.locator(f".gg-shape[data-k={key}]").bounding_box()
        assert seen["x"] <= box["x"] and box["x"] + box["width"] <= seen["x"] + seen["width"]


def test_the_story_hides_what_it_has_not_told_yet(shown):
    page = shown("circuit")
    assert texts(page, "value") == ["-2", "5", "-4", "3", "-12"]
    assert texts(page, "gradient") == ["-4", "-4", "3", "-4", "1"]
    page.keyboard.press("Home")
    assert texts(page, "value") == ["-2", "5", "-4", "", ""] and not any(texts(page, "gradient"))
    assert lit(page, "gg-now") == []
    page.keyboard.press("n")
    assert texts(page, "value") == ["-2", "5", "-4", "3", ""] and lit(page, "gg-now") == ["n3"]
    assert page.locator(".gg-forth").count() == 2 and page.locator(".gg-ring").count() == 1
    for _ in range(3):
        page.keyboard.press("n")
    assert texts(page, "gradient") == ["", "", "3", "-4", "1"] and lit(page, "gg-now") == ["n4"]
    assert page.locator(".gg-back").count() == 2
    assert page.locator(".gg-local").all_text_contents() == ["×-4", "×3"]
    page.keyboard.press("End")
    assert page.locator(".gg-ring").count() == 0 and "" not in texts(page, "gradient")


def test_what_a_slider_moves_is_written_anew_where_it_stands(shown, documents):
    page = shown("circuit")
    before = page.locator("[data-k=w3].gg-wire").element_handle()
    page.get_by_role("tab", name="Inputs").click()
    page.locator(".gg-panels input[type=range]").first.fill("2")
    page.wait_for_function(
        "() => document.querySelector('.gg-wire[data-k=w0] .gg-r-value').textContent !== '-2'"
    )
    x = float(texts(page, "value")[0])
    again = gg.backprop(circuit, x, 5.0, -4.0)
    assert texts(page, "value") == [summary(w["value"]) for w in document(again)["wires"]]
    assert texts(page, "gradient") == [summary(w["gradient"]) for w in document(again)["wires"]]
    assert before.evaluate("e => e.isConnected")  # nothing is drawn anew


def test_what_is_found_is_opened_and_selected(shown, documents):
    page = shown("recurrence")
    line = recurrence.__code__.co_firstlineno + 3
    page.keyboard.press("/")
    page.keyboard.type("tan")
    options = page.get_by_role("option")
    assert options.count() == 6 and options.first.text_content() == f"tanhgate, line {line}"
    page.keyboard.press("ArrowDown")
    assert options.nth(1).get_attribute("aria-selected") == "true"
    page.keyboard.press("Enter")
    still(page)
    second = [n for n, node in enumerate(documents("recurrence")["nodes"]) if node["symbol"] == "tanh"][1]  # fmt: skip
    assert lit(page, "gg-chosen") == [f"n{second}"]
    box = page.locator(f".gg-shape[data-k=n{second}]").bounding_box()
    seen = page.locator(".gg-surface").bounding_box()
    assert seen["x"] <= box["x"] <= seen["x"] + seen["width"]
    page.keyboard.press("ArrowRight")  # the keyboard goes on from there
    assert page.evaluate("document.activeElement.closest('[data-k]').dataset.k[0]") == "w"
    page.keyboard.press("/")
    for query, count in ((f"line {line}", 25), ("nowhere", 0), ("loss", 2)):
        page.locator(".gg-find").fill(query)
        assert count - 1 <= options.count() <= count + 1, query
    page.keyboard.press("Escape")
    assert page.locator(".gg-find").input_value() == "" and options.count() == 0


def test_a_large_circuit_begins_folded_and_draws_what_is_seen(shown, documents):
    doc = documents("many")
    page = shown("many")
    drawn = page.locator(".gg-shape")
    assert drawn.count() == len(doc["levels"][0]["shapes"])
    toggle(page, 0)
    assert drawn.count() == len(doc["levels"][0]["shapes"]) + 249
    # All turns at once, then the helper in each: more than is drawn at a time.
    page.locator("[data-toggle=g1]").dispatch_event("click", {"shiftKey": True})
    still(page)
    assert page.locator(".gg-title").count() < 100
    assert 1 < drawn.count() < 400
    assert page.locator(".gg-svg [tabindex='0']").count() == 1
    first = page.locator(".gg-box").first.get_attribute("data-k")
    page.locator(".gg-surface").hover()
    for _ in range(8):
        page.mouse.wheel(1500, 0)
    page.wait_for_function(f"() => !document.querySelector('.gg-box[data-k={first}]')")
    assert drawn.count() < 400
    page.keyboard.press("0")
    still(page)
    assert page.locator(".gg-svg .gg-t:visible").count() == 0  # too far away to be read


def test_wheel_and_fingers(shown):
    page = shown("network", 390, 844, has_touch=True, is_mobile=True)
    surface = page.locator(".gg-surface")
    box = surface.bounding_box()
    x, y = box["x"] + 150, box["y"] + 100
    first = scale(page)
    cdp = page.context.new_cdp_session(page)

    def touch(kind, *points):
        at = [{"x": a, "y": b, "id": n} for n, (a, b) in enumerate(points)]
        cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    touch("touchStart", (x, y), (x + 60, y))
    for far in range(60, 130, 10):
        touch("touchMove", (x, y), (x + far, y))
    touch("touchEnd")
    assert scale(page) == pytest.approx(2 * first, rel=0.1)  # the fingers are twice as far apart
    before = page.locator("[data-k=n6]").bounding_box()["x"]
    page.mouse.move(x, y)
    page.mouse.wheel(50, 0)
    page.wait_for_function(
        "x => document.querySelector('[data-k=n6]').getBoundingClientRect().x < x - 40", arg=before
    )
    page = shown("network", 390, 844, has_touch=True, is_mobile=True)
    surface = page.locator(".gg-surface")
    page.locator("[data-k=n6]").tap()
    assert lit(page, "gg-chosen") == ["n6"]
    assert surface.evaluate("e => e.style.touchAction") in ("none", "pan-y")


def test_the_wheel_is_left_to_the_page_where_all_is_seen(shown):
    turned = """options => !document.querySelector('.gg-svg').dispatchEvent(
      new WheelEvent('wheel', { deltaY: 50, bubbles: true, cancelable: true, ...options }))"""
    page = shown("circuit")
    assert not page.evaluate(turned, {})
    assert page.evaluate(turned, {"ctrlKey": True})  # zooms
    assert shown("recurrence").evaluate(turned, {})  # goes along a wide picture
