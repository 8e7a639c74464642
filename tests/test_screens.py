"""Screenshots of the pages, light and dark, wide and narrow: none is empty, none is wider than its window.

What a test cannot tell, people look at: `GLASSGRAD_SCREENS=folder` keeps the pictures.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

import glassgrad as gg

from .play_server import playing
from .support.browser import OWN, alone

SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}


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


def spread(*shape):
    return np.sin(1.0 + 2.3 * np.arange(np.prod(shape)).reshape(shape))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    gg.backprop(fraction, 3.0, -4.0).save(folder / "fraction.html")
    gg.backprop(network, spread(3, 4), spread(4), spread(4, 2), spread(2), spread(5, 3),
                spread(5, 2)).save(folder / "network.html")  # fmt: skip
    return folder


def _tab(page, name):
    page.get_by_role("tab", name=name).click()


def _story(page):
    for _ in range(8):
        page.keyboard.press("n")


def _gate(page):
    _tab(page, "Gate")
    page.locator(".gg-shape.gg-circle").nth(2).dispatch_event("click")


def _code(page):
    _tab(page, "Code")
    page.locator(".gg-shape.gg-circle").nth(1).dispatch_event("click")


def _moved(page):
    _tab(page, "Inputs")
    page.locator(".gg-panels input[type=range]").first.fill("2")
    page.locator(".gg-moved", has_text="inputs moved").wait_for()


def _found(page):
    page.keyboard.press("/")
    page.keyboard.type("tanh")


STATES = {
    "whole": ("network", lambda page: None), "story": ("fraction", _story),
    "gate": ("network", _gate), "code": ("network", _code), "inputs": ("fraction", _moved),
    "search": ("network", _found),
    "help": ("fraction", lambda page: page.get_by_role("button", name="Help").click()),
}  # fmt: skip


def _colours(png: bytes) -> int:
    """How many different rows of pixels a PNG has; few are an empty page."""
    data, at = io.BytesIO(png), 8
    parts = []
    while at < len(png):
        data.seek(at)
        length, kind = struct.unpack(">I4s", data.read(8))
        if kind == b"IDAT":
            parts.append(data.read(length))
        at += 12 + length
    raw = zlib.decompress(b"".join(parts))
    height = struct.unpack(">I", png[20:24])[0]
    row = len(raw) // height
    return len({raw[n * row + 1 : (n + 1) * row] for n in range(height)})


def _seen(page, name: str) -> None:
    page.wait_for_timeout(450)  # what moves softly has come to rest
    picture = page.screenshot()
    kept = os.environ.get("GLASSGRAD_SCREENS")
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)
        (Path(kept) / f"{name}.png").write_bytes(picture)
    assert _colours(picture) > 100
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_record_s_page(browser, files, theme, size):
    for name, (file, act) in STATES.items():
        with alone(browser, viewport=SIZES[size], has_touch=size == "phone") as page:
            page.set_default_timeout(20_000)
            page.goto((files / f"{file}.html").as_uri())
            page.locator(".gg-shape").first.wait_for()
            if theme == "dark":
                page.get_by_role("button", name="Dark theme").click()
            act(page)
            _seen(page, f"file-{name}-{theme}-{size}")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_local_page(browser, theme, size):
    with playing() as client, alone(
        browser, (*OWN, f"http://{client.host}/"), viewport=SIZES[size], color_scheme=theme
    ) as page:  # fmt: skip
        page.set_default_timeout(20_000)
        page.goto(client.server.link)
        page.locator(".gg-shape").first.wait_for()
        page.select_option("#gg-example", label="A network of two layers")
        page.locator(".gg-canvas text", has_text="W1").first.wait_for()
        _seen(page, f"play-network-{theme}-{size}")
        page.fill("#gg-formula", "x **")
        page.locator("#gg-wrong", has_text="cannot be read").wait_for()
        _seen(page, f"play-mistake-{theme}-{size}")
