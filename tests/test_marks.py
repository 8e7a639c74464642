"""What the diagnosis found on pictures, table and terminal; and pictures of one step of the story."""

import math
import xml.etree.ElementTree as ET

import numpy as np

import glassgrad as gg
from glassgrad.show.document import document
from glassgrad.show.picture import picture

SVG = "{http://www.w3.org/2000/svg}"


def circuit(x, y, z):
    q = x + y
    f = q * z
    return f


def crooked(a, b):
    step = np.round(3 * a)
    d2 = np.sum((step - b) ** 2)
    dist = np.sqrt(d2)
    return dist


def test_findings_are_marked():
    record = gg.backprop(crooked, np.zeros(3), np.zeros(3))
    found = [f for f in record.diagnose() if f.severity != "note"]
    root = ET.fromstring(record.svg())
    texts = [t.text for t in root.iter(f"{SVG}text")]
    for finding in found:
        assert any(t.endswith(f"{finding.title}, line {finding.line}: {finding.wires[0]}")
                   for t in texts)  # fmt: skip
    # The number stands twice: before the line, and at the wire's beginning.
    badges = [(float(c.get("cx")), float(c.get("cy"))) for c in root.iter(f"{SVG}circle")
              if c.get("r") == "6.5"]  # fmt: skip
    assert len(badges) == 2 * len(found) == 2
    shown = picture(record)
    wire = next(w for w in shown.wires if w.name == found[0].shown[0])
    x, y = wire.route.branches[0].points[0]
    assert any(math.hypot(x - bx, y - by) < 3 for bx, by in badges)
    assert found[0].title in root.find(f"{SVG}desc").text

    plain = record.svg(diagnosis=False)
    assert found[0].title not in plain and 'r="6.5"' not in plain


def test_where_all_is_well_nothing_is_marked():
    record = gg.backprop(circuit, -2.0, 5.0, -4.0)
    assert record.svg() == record.svg(diagnosis=False)


def test_table_and_terminal_say_what_is_wrong():
    record = gg.backprop(crooked, np.zeros(3), np.zeros(3))
    line = "error: a gradient is not finite, line "
    assert line in str(record) and line in record.picture(200)
    calm = gg.backprop(circuit, -2.0, 5.0, -4.0)
    assert "diagnose" not in str(calm) and "diagnose" not in calm.picture(200)


def test_a_step_shows_what_is_known_by_then():
    record = gg.backprop(circuit, -2.0, 5.0, -4.0)

    def told(step):
        root = ET.fromstring(record.svg(step=step))
        rings = [r for r in root.iter(f"{SVG}rect") if r.get("stroke-width") == "3.5"]
        return sorted(t.text for t in root.iter(f"{SVG}text") if _number(t.text)), len(rings)

    assert told(0) == (["-2", "-4", "5"], 0)
    assert told(1) == (["-2", "-4", "3", "5"], 1)
    assert told(2) == (["-12", "-2", "-4", "3", "5"], 1)
    assert told(4) == (["-12", "-2", "-4", "-4", "1", "3", "3", "5"], 1)
    assert told(5)[0] == [t for t in sorted(
        x.text for x in ET.fromstring(record.svg()).iter(f"{SVG}text") if _number(x.text))]  # fmt: skip


def _number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_the_page_marks_the_wires_of_its_findings(page, tmp_path):
    record = gg.backprop(crooked, np.zeros(3), np.zeros(3))
    record.save(tmp_path / "record.html")
    page.set_default_timeout(20_000)
    page.goto((tmp_path / "record.html").as_uri())
    page.locator(".gg-shape").first.wait_for()
    told = document(record)
    about = {n for f in told["diagnosis"] if f["severity"] != "note" for n in f["shown"]}
    numbers = {n for n, w in enumerate(told["wires"]) if w["name"] in about}
    marked = page.eval_on_selector_all(".gg-hit.gg-wrong", "all => all.map(e => e.dataset.k)")
    assert sorted(marked) == sorted(f"w{n}" for n in numbers) and numbers
    page.get_by_role("tab", name="Diagnosis").click()
    assert page.get_by_text("as they were recorded").is_hidden()
    page.get_by_role("tab", name="Inputs").click()
    page.locator(".gg-panels input[type=range]").first.fill("0.5")
    page.locator(".gg-moved", has_text="inputs moved").wait_for()
    page.get_by_role("tab", name="Diagnosis").click()
    page.get_by_text("as they were recorded").wait_for()
    assert page.locator(".gg-wrong").count() == 0
