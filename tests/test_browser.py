"""The tests' browser: a page that asks for the network, or whose script raises, fails its test."""

from __future__ import annotations

from typing import Any

import pytest

from .support.browser import alone

ASKING = {
    "a picture": "<img src='http://example.com/a.png'>",
    "a request": "<script>fetch('https://example.com/').catch(() => {})</script>",
    "a socket": "<script>new WebSocket('ws://example.com/')</script>",
    "a frame": "<iframe src='http://127.0.0.1:1/'></iframe>",
}


@pytest.mark.parametrize("content", ASKING.values(), ids=ASKING)
def test_a_page_that_asks_for_the_network_fails(browser: Any, content: str) -> None:
    with pytest.raises(AssertionError, match="the page asked for"), alone(browser) as page:
        page.set_content(content)
        page.wait_for_timeout(50)


def test_a_page_whose_script_raises_fails(browser: Any) -> None:
    with pytest.raises(AssertionError, match=r"raised .*mistaken"), alone(browser) as page:
        page.set_content("<script>throw new Error('mistaken')</script>")


def test_a_page_with_its_own_data_is_fine(browser: Any, tmp_path: Any) -> None:
    file = tmp_path / "page.html"
    file.write_text("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='><p>here</p>")
    with alone(browser, color_scheme="dark") as page:
        page.goto(file.as_uri())
        assert page.inner_text("p") == "here"
