"""When a camera is muted: once or every week, by local time; what contradicts itself is refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError
from test_edge_settings import CAMERA, HEAD, RULES, written
from test_line import Camera

from kitchenvision.edge.mutes import Muted, MuteSection, muted_at
from kitchenvision.edge.settings import read_edge_settings
from kitchenvision.errors import SettingsError

SHANGHAI = ZoneInfo("Asia/Shanghai")
SATURDAY = datetime(2026, 11, 28, 10, tzinfo=SHANGHAI)


def once(**more: Any) -> MuteSection:
    """Saturday, 9 to 12, local."""
    return MuteSection(begins=datetime(2026, 11, 28, 9), ends=datetime(2026, 11, 28, 12), **more)


def test_once_by_local_time_and_by_an_offset() -> None:
    """The end itself is free again."""
    assert once().holds("any", SATURDAY, SHANGHAI)
    assert not once().holds("any", SATURDAY + timedelta(hours=2), SHANGHAI)
    assert not once().holds("any", SATURDAY.replace(tzinfo=UTC), SHANGHAI)
    fixed = MuteSection(begins=datetime(2026, 11, 28, 1, tzinfo=UTC), ends=datetime(2026, 11, 28, 4, tzinfo=UTC))
    assert fixed.span(ZoneInfo("Europe/Berlin")) == once().span(SHANGHAI)


def test_only_the_cameras_that_are_named() -> None:
    """None named are all."""
    assert not once(cameras=("a",)).holds("b", SATURDAY, SHANGHAI)
    assert once(cameras=("a",)).holds("a", SATURDAY, SHANGHAI)


@pytest.mark.parametrize(
    ("weekdays", "hours", "at", "holds"),
    [
        (("sat", "sun"), (), "2026-11-28T00:00", True),
        (("sat", "sun"), (), "2026-11-30T00:00", False),
        ((), ("22:00-05:00",), "2026-11-30T23:00", True),
        ((), ("22:00-05:00",), "2026-11-30T04:59", True),
        ((), ("22:00-05:00",), "2026-11-30T05:00", False),
        (("sat",), ("08:00-12:00", "14:00-24:00"), "2026-11-28T23:59", True),
        (("sat",), ("08:00-12:00", "14:00-24:00"), "2026-11-28T13:00", False),
    ],
)
def test_every_week(weekdays: tuple[str, ...], hours: tuple[str, ...], at: str, holds: bool) -> None:
    """Weekdays and hours are those of the canteen's clock."""
    mute = MuteSection(weekdays=weekdays, hours=hours)  # type: ignore[arg-type]
    instant = datetime.fromisoformat(at).replace(tzinfo=SHANGHAI).astimezone(UTC)
    assert mute.holds("any", instant, SHANGHAI) is holds


def test_of_several_the_longest_is_told() -> None:
    """A weekly one has no end that is worth a word."""
    short, long = once(reason="short"), MuteSection(begins=datetime(2026, 11, 28), ends=datetime(2026, 11, 30))
    assert muted_at([short, long], "a", SATURDAY, SHANGHAI) == Muted("", datetime(2026, 11, 29, 16, tzinfo=UTC))
    weekly = MuteSection(weekdays=("sat",), reason="weekend")
    assert muted_at([long, weekly, short], "a", SATURDAY, SHANGHAI) == Muted("weekend", None)
    assert muted_at([short], "a", SATURDAY + timedelta(days=1), SHANGHAI) is None


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"begins": datetime(2026, 1, 1)},
        {"begins": datetime(2026, 1, 2), "ends": datetime(2026, 1, 1)},
        {"begins": datetime(2026, 1, 1), "ends": datetime(2026, 1, 2, tzinfo=UTC)},
        {"begins": datetime(2026, 1, 1), "ends": datetime(2026, 1, 2), "weekdays": ("mon",)},
        {"weekdays": ("monday",)},
        {"hours": ("8-12",)},
    ],
)
def test_what_contradicts_itself_is_refused(values: dict[str, Any]) -> None:
    """A mute that never holds, or always, would be noticed too late."""
    with pytest.raises(ValidationError):
        MuteSection(**values)


def test_settings_name_the_mute_and_the_camera_that_is_not_there(tmp_path: Path) -> None:
    """As for every other key."""
    mute = '[[mutes]]\ncameras = ["cooking"]\nbegins = 2026-11-28T09:00:00\nends = 2026-11-28T12:00:00+08:00\n'
    with pytest.raises(SettingsError, match=r"mutes\.0.*both"):
        read_edge_settings(written(tmp_path, HEAD + CAMERA + mute), RULES)
    mute = mute.replace("+08:00", "").replace('"cooking"', '"coking"')
    with pytest.raises(SettingsError, match=r"mutes\.0\.cameras: no such camera: coking"):
        read_edge_settings(written(tmp_path, HEAD + CAMERA + mute), RULES)
    settings = read_edge_settings(written(tmp_path, HEAD + CAMERA + mute.replace("coking", "cooking")), RULES)
    assert settings.mutes[0].once


def test_while_a_camera_is_muted_nobody_is_accused_and_the_time_is_not_observed(tmp_path: Path) -> None:
    """Who stood there before and after is judged after."""
    camera = Camera(tmp_path)
    camera.connect()
    spans: list[tuple[datetime, datetime]] = []
    camera.line.on_seen = lambda begins, ends: spans.append((begins, ends))
    camera.line.muted = lambda _: True
    camera.run(20)
    assert camera.kinds() == []
    assert spans == []
    assert (camera.line.facts.observed_s, camera.line.facts.analysed) == (0.0, 0)
    assert camera.line.facts.unseen_s == pytest.approx(20.0, abs=0.3)
    camera.line.muted = lambda _: False
    camera.run(20, from_s=20)
    assert camera.kinds()[0] == "confirmed"
    assert spans
