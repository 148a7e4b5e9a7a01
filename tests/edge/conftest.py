"""Fixtures of the edge's tests: a box whose page may be changed, and a browser before it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from editable import Box, box


@pytest.fixture
def one(tmp_path: Path) -> Box:
    return box(tmp_path)


@pytest.fixture
def page(one: Box) -> Iterator[httpx.Client]:
    """A browser's view, nobody logged in."""
    with one.served() as home, httpx.Client(base_url=home, trust_env=False) as client:
        yield client
