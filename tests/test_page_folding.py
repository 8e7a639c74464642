"""Groups opened and closed in the page, in random programs: what is drawn is sound in every state."""

from __future__ import annotations

import random

import numpy as np
import pytest

import glassgrad as gg

from .programs.calling import written
from .support.drawn import PICTURE, check, still, toggle


def twice(x):
    k = x * 2

    def inner(y):
        nonlocal k
        k = k + y
        return k * y

    return inner(x) + inner(k)


def chosen(x):
    return np.where(x > 0, x * 2, x)


@pytest.mark.parametrize("f", [twice, chosen])
def test_wires_go_around_what_is_open(f, page, tmp_path):
    gg.backprop(f, 1.7).save(tmp_path / "record.html")
    page.goto((tmp_path / "record.html").as_uri())
    page.locator(".gg-shape").first.wait_for()
    doc = page.evaluate("JSON.parse(document.getElementById('glassgrad-data').textContent)")
    still(page)
    assert not page.locator(".gg-box").count()
    check(page.evaluate(PICTURE), doc)


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4, 12])
def test_any_groups_may_be_open(seed, page, tmp_path):
    file = tmp_path / "program.py"
    file.write_text(written(seed), encoding="utf-8")
    namespace: dict[str, object] = {}
    exec(compile(file.read_text(), str(file), "exec"), namespace)
    record = gg.backprop(namespace["f"], 0.5, -0.3, 0.7)
    record.save(tmp_path / "record.html")
    page.set_default_timeout(20_000)
    page.goto((tmp_path / "record.html").as_uri())
    page.locator(".gg-shape").first.wait_for()
    doc = page.evaluate("JSON.parse(document.getElementById('glassgrad-data').textContent)")
    assert len(doc["groups"]) > 2
    rng = random.Random(seed)
    check(page.evaluate(PICTURE), doc)
    for _ in range(7):
        for _ in range(3):
            seen = page.eval_on_selector_all(
                "[data-toggle]", "all => all.map(e => e.dataset.toggle)"
            )
            toggle(page, int(rng.choice(seen)[1:]))
        still(page)
        check(page.evaluate(PICTURE), doc)
