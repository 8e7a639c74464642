"""What all tests begin with: nothing is being compiled, and small circuits are compiled at once."""

from __future__ import annotations

import pytest

from glassgrad.runtime import background, paths


@pytest.fixture(autouse=True)
def nothing_is_being_made() -> None:
    paths.begin()
    background.wait()
