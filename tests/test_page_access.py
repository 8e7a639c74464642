"""Whether everybody can use the pages: axe-core's rules, in both themes, wide and narrow."""

from __future__ import annotations

import numpy as np
import pytest

import glassgrad as gg

from .play_server import playing
from .support.browser import OWN, alone

axe = pytest.importorskip("axe_playwright_python.sync_playwright")

SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
TABS = ("Gate", "Code", "Diagnosis", "Inputs")


def layer(x, W):
    return np.maximum(x @ W, 0.0)


def network(x, W1, W2, scale):
    h = layer(x, W1)
    h = layer(h, W2)
    loss = np.sqrt(np.sum(h**2) * 0.0) + scale * np.mean(h)
    return loss


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    found = tmp_path_factory.mktemp("page") / "network.html"
    rows = np.cos(np.arange(48.0)).reshape(6, 8)
    gg.backprop(network, rows, rows.T.copy(), np.sin(np.arange(36.0)).reshape(6, 6), 2.0).save(
        found
    )
    return found


def faults(page):
    found = axe.Axe().run(page)
    return [
        (v["id"], v["impact"], node["html"][:160], node["failureSummary"][:300])
        for v in found.response["violations"] for node in v["nodes"]
    ]  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_record_s_page(browser, file, size, theme):
    with alone(browser, viewport=SIZES[size], color_scheme=theme, reduced_motion="reduce") as page:
        page.goto(file.as_uri())
        page.wait_for_selector(".gg-canvas")
        if theme == "dark":
            page.get_by_role("button", name="Dark theme").click()
        page.locator(".gg-canvas [data-k]").nth(3).click(force=True)
        for tab in TABS:
            page.get_by_role("tab", name=tab).click()
            assert faults(page) == [], tab
        page.keyboard.press("n")
        assert faults(page) == [], "in the story"
        page.get_by_role("button", name="Help").click()
        assert faults(page) == [], "help"


@pytest.mark.parametrize("size", SIZES)
def test_the_local_page(browser, size):
    with playing() as client, alone(
        browser, (*OWN, f"http://{client.host}/"), viewport=SIZES[size], reduced_motion="reduce"
    ) as page:  # fmt: skip
        page.goto(client.server.link)
        page.wait_for_selector(".gg-canvas")
        assert faults(page) == []
        page.fill("#gg-formula", "x **")
        page.locator("#gg-wrong", has_text="cannot be read").wait_for()
        assert faults(page) == [], "with a mistake"
