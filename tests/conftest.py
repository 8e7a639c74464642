"""What all tests begin with: nothing is being compiled, and small circuits are compiled at once.

Pages for tests that need a browser are `support/browser.py`'s.
"""

from __future__ import annotations

import pytest

from glassgrad.runtime import background, paths

from .support.browser import browser, page

__all__ = ["browser", "page"]


@pytest.fixture(autouse=True)
def nothing_is_being_made() -> None:
    paths.begin()
    background.wait()
