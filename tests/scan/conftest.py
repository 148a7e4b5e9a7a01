"""What the tests of scanning share."""

from collections.abc import Callable
from pathlib import Path

import av
import pytest


@pytest.fixture
def count_frames() -> Callable[[Path], int]:
    """How many pictures a video holds."""

    def count(path: Path) -> int:
        with av.open(str(path)) as video:
            return sum(1 for _ in video.decode(video=0))

    return count
