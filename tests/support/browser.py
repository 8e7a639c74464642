"""A headless Chromium for tests: `browser`, one for the session, and `page`, a fresh one for each test.

A page has no network: whatever it asks for but files and its own data is refused, and the test
fails. It fails, too, where a script of the page raises. What is waited for (`wait_for_function`) has to
be a function, ``() => ...``: a page's policy forbids that a text is evaluated again and again. Without a Chromium these tests are
skipped, but not where the variable CI is set.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

__all__ = ["alone", "browser", "page"]

EXECUTABLES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]  # fmt: skip
OWN = ("file:", "data:", "about:", "blob:")


def _missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{what}, and CI is set")
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium."""
    executable = next(filter(None, map(shutil.which, EXECUTABLES)), None)
    if executable is None:
        _missing(f"no Chromium here ({', '.join(EXECUTABLES)})")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield made
        made.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of its own, without network."""
    with alone(browser) as made:
        yield made


@contextmanager
def alone(browser: Any, own: tuple[str, ...] = OWN, **settings: Any) -> Iterator[Any]:
    """A page without network, with settings of its context (``color_scheme``, ``viewport``, ...).

    `own` says how the addresses begin that it may ask for.

    Raises
    ------
    AssertionError
        It asked for something on the network, or a script of its own raised.
    """
    asked: list[str] = []
    raised: list[str] = []

    def answer(route: Any) -> None:
        if route.request.url.startswith(own):
            route.continue_()
        else:
            asked.append(route.request.url)
            route.abort()

    context = browser.new_context(**settings)
    context.route("**/*", answer)
    context.route_web_socket("**/*", lambda socket: asked.append(socket.url))
    made = context.new_page()
    made.on("pageerror", lambda error: raised.append(str(error)))
    try:
        yield made
    finally:
        context.close()
    assert not asked, f"the page asked for {asked}"
    assert not raised, f"the page's script raised {raised}"
