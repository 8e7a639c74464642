"""The documentation's screenshot of the page: the notes' function, on its way back.

Run: python examples/screens.py (writes docs/screens; needs playwright and a Chromium)
"""

import math
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

import glassgrad as gg

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "screens"


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


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "fraction.html"
        gg.backprop(fraction, 3.0, -4.0).save(file)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(file.as_uri())
        page.locator(".gg-shape").first.wait_for()
        page.get_by_role("tab", name="Code").click()
        for _ in range(15):
            page.keyboard.press("n")
            page.wait_for_timeout(50)
        page.wait_for_timeout(500)
        page.screenshot(path=FOLDER / "page.png")
        browser.close()
