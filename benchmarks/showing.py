"""How long the page takes with ten thousand gates: to be written, to open, to unfold, to be moved.

Run: python -m benchmarks.showing (needs playwright and a Chromium; headless, so without a graphics card)
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

import glassgrad as gg

#: Seconds from the start of navigation to the first picture, by the browser's own clock.
_DRAWN = """() => new Promise((done) => {
  const look = () => document.querySelector('.gg-shape')
    ? requestAnimationFrame(() => done(performance.now() / 1000)) : requestAnimationFrame(look);
  look();
})"""
#: Milliseconds between frames while the picture is moved.
_FRAMES = """() => new Promise((done) => {
  const place = document.querySelector('.gg-surface');
  const times = [];
  let last = performance.now(), left = 120;
  const frame = (now) => {
    times.push(now - last);
    last = now;
    place.dispatchEvent(new WheelEvent('wheel', { deltaX: 40, deltaY: 0, bubbles: true, cancelable: true }));
    if (--left) requestAnimationFrame(frame); else done(times.slice(2));
  };
  requestAnimationFrame(frame);
})"""


def unit(x: Any, w: Any) -> Any:
    return np.tanh(x * w + 0.1)


def cell(h: Any, x: Any) -> Any:
    for _ in range(3):
        h = unit(h, x) + unit(x, h)
    return h


def model(x: Any, y: Any) -> Any:
    a = x * y
    for _ in range(400):
        a = cell(a, x) * 0.5 + np.sin(a) * y
    return a * a


def main() -> None:
    record = gg.backprop(model, 1.0, 2.0)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "model.html"
        start = time.perf_counter()
        record.save(file)
        written = time.perf_counter() - start
        print(f"{record!r}: written in {written:.1f} s, {file.stat().st_size / 1e6:.1f} MB")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        opened = []
        for _ in range(5):
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(file.as_uri(), wait_until="commit")
            opened.append(page.evaluate(_DRAWN))
            if len(opened) < 5:
                page.close()
        print(f"first picture after {statistics.median(opened):.2f} s (of {_list(opened)})")
        start = time.perf_counter()
        page.locator("[data-toggle]").first.dispatch_event("click")
        page.evaluate("() => new Promise(requestAnimationFrame)")
        shapes = page.locator(".gg-shape").count()
        print(f"loop unfolded in {time.perf_counter() - start:.2f} s, {shapes} shapes drawn")
        times = page.evaluate(_FRAMES)
        print(f"moved: a frame in {statistics.median(times):.0f} ms, nine of ten within "
              f"{sorted(times)[int(0.9 * len(times))]:.0f}, all within {max(times):.0f}")  # fmt: skip
        browser.close()


def _list(values: list[float]) -> str:
    return ", ".join(f"{v:.2f}" for v in values)


if __name__ == "__main__":
    os.environ.setdefault("GLASSGRAD_BACKEND", "numpy")
    main()
