"""When a recording started, and that the report can say where this comes from."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from made_media import Recipe, make_video

from kitchenvision.frames.open import open_source
from kitchenvision.frames.source import SourceOptions
from kitchenvision.frames.started import time_in_name

SHANGHAI = ZoneInfo("Asia/Shanghai")
MORNING = datetime(2026, 3, 12, 0, 30, tzinfo=UTC)  # 8:30 in Shanghai


@pytest.mark.parametrize(
    "name",
    [
        "20260312_083000.mp4",
        "2026-03-12-08-30-00.mp4",
        "2026-03-12 08.30.00.mkv",
        "2026-03-12T08:30:00.mp4",
        "ch01_20260312083000.dav",
        "NVR_ch1_main_20260312083000_20260312093000.mp4",
        "192.168.1.64_01_20260312083000123.mp4",
        "厨房2026年03月12日08时30分00秒.avi",
    ],
)
def test_dates_in_names_of_recorders(name: str) -> None:
    """Read in the given time zone."""
    assert time_in_name(name, SHANGHAI) == MORNING


@pytest.mark.parametrize(
    "name", ["kitchen.mp4", "20261312_083000.mp4", "20260231_083000.mp4", "12345678901234.mp4", "20260312.mp4"]
)
def test_what_is_no_date_is_not_taken_for_one(name: str) -> None:
    """Month 13, the 31st of February, serial numbers, a day without an hour."""
    assert time_in_name(name, SHANGHAI) is None


def test_the_users_word_comes_first(tmp_path: Path) -> None:
    """Before what the container and the name say."""
    path = make_video(tmp_path / "20260312_083000.mp4", Recipe(seconds=0.4, creation_time="2020-01-01T00:00:00Z"))
    with open_source(path, SourceOptions(started_at=datetime(2026, 5, 1, 8, tzinfo=SHANGHAI))) as source:
        assert source.info.started_at == datetime(2026, 5, 1, tzinfo=UTC)
        assert source.info.started_at.tzinfo == UTC
        assert source.info.started_at_source == "option"


def test_then_the_container(tmp_path: Path) -> None:
    """Its creation time is UTC."""
    path = make_video(tmp_path / "20260312_083000.mp4", Recipe(seconds=0.4, creation_time="2026-03-12T00:31:00Z"))
    with open_source(path, SourceOptions(timezone=SHANGHAI)) as source:
        assert source.info.started_at == MORNING + timedelta(minutes=1)
        assert source.info.started_at_source == "container"


def test_a_container_that_was_never_told_the_time(tmp_path: Path) -> None:
    """1970 is not a time, so the name is asked."""
    path = make_video(tmp_path / "20260312_083000.mp4", Recipe(seconds=0.4, creation_time="1970-01-01T00:00:00Z"))
    with open_source(path, SourceOptions(timezone=SHANGHAI)) as source:
        assert source.info.started_at == MORNING
        assert source.info.started_at_source == "file name"


def test_at_last_the_files_time_less_its_duration(tmp_path: Path) -> None:
    """A recorder writes a file until its end."""
    path = make_video(tmp_path / "kitchen.mp4")
    os.utime(path, (MORNING.timestamp(), MORNING.timestamp()))
    with open_source(path) as source:
        assert source.info.started_at == MORNING - timedelta(seconds=2)
        assert source.info.started_at_source == "file time"


def test_a_started_at_without_a_zone_is_refused() -> None:
    """8:30 where?"""
    with pytest.raises(ValueError, match="expected a time with its zone"):
        SourceOptions(started_at=datetime(2026, 3, 12))


@pytest.mark.parametrize("wrong", [{"analysis_fps": 0}, {"from_s": -1.0}, {"from_s": 3.0, "to_s": 2.0}])
def test_options_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    """Said at once, not in the middle of a scan."""
    with pytest.raises(ValueError, match="expected"):
        SourceOptions(**wrong)
