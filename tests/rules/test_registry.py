"""A rule is one file in the folder: found by itself, under its own name, and due when its zone says so."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import detections, head_at, person_at
from hypothesis import given
from hypothesis import strategies as st

import kitchenvision.rules as folder
from kitchenvision.config import minutes_of
from kitchenvision.rules.engine import hour_fits, standing
from kitchenvision.rules.registry import all_rules
from kitchenvision.track import Tracker
from kitchenvision.types import Zone

RULE = """
from kitchenvision.rules.no_hat import NoHat

class Mine(NoHat):
    rule_id = {name!r}

RULE = Mine()
"""


@pytest.fixture
def drawer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A second folder of rules beside the package's own."""
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if name.startswith(folder.__name__):
            del sys.modules[name]


def test_a_file_with_a_rule_is_all_that_a_new_rule_needs(drawer: Path) -> None:
    (drawer / "no_gloves.py").write_text(RULE.format(name="no_gloves"))
    (drawer / "helper_of_rules.py").write_text("RULES = 1")
    assert list(all_rules()) == ["no_gloves", "no_hat", "no_mask", "smoking"]
    assert all_rules()["no_gloves"].defaults == all_rules()["no_hat"].defaults


def test_two_rules_of_one_name_are_refused_naming_the_file(drawer: Path) -> None:
    (drawer / "zz_copy.py").write_text(RULE.format(name="no_hat"))
    with pytest.raises(ValueError, match=r"two rules are called 'no_hat': one of them is in zz_copy\.py"):
        all_rules()


def test_nobody_can_change_the_rules_of_everybody() -> None:
    with pytest.raises(TypeError):
        all_rules()["mine"] = all_rules()["no_hat"]  # type: ignore[index]


MINUTES = st.integers(0, 1439)


@given(MINUTES, MINUTES, MINUTES)
def test_hours_and_the_rest_of_the_day_share_no_minute_and_leave_none(start: int, end: int, minute: int) -> None:
    if start == end:
        return
    due = hour_fits(Zone("z", (), ("no_hat",), ((start, end),)), minute)
    assert due != hour_fits(Zone("z", (), ("no_hat",), ((end, start),)), minute)
    assert hour_fits(Zone("z", (), ("no_hat",), ((start, end), (end, start))), minute)


@given(MINUTES, MINUTES)
def test_hours_begin_with_their_first_minute_and_end_before_their_last(start: int, end: int) -> None:
    zone = Zone("z", (), ("no_hat",), ((start, end),))
    if start != end:
        assert hour_fits(zone, start)
        assert not hour_fits(zone, end)


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 23), st.integers(0, 59), MINUTES)
def test_hours_mean_what_they_say_on_a_clock(h0: int, m0: int, h1: int, m1: int, minute: int) -> None:
    hours = minutes_of(f"{h0:02}:{m0:02}-{h1:02}:{m1:02}")
    clock = f"{minute // 60:02}:{minute % 60:02}"
    from_, to = f"{h0:02}:{m0:02}", f"{h1:02}:{m1:02}"
    due = from_ <= clock < to if from_ < to else clock >= from_ or clock < to
    assert hour_fits(Zone("z", (), (), (hours,)), minute) == due


@pytest.mark.parametrize("minute", [0, 719, 1439])
def test_until_midnight_is_the_whole_evening(minute: int) -> None:
    assert hour_fits(Zone("z", (), (), (minutes_of("12:00-24:00"),)), minute) == (minute >= 720)
    assert hour_fits(Zone("z", (), (), (minutes_of("00:00-24:00"),)), minute)


@pytest.mark.parametrize(
    "text",
    ["", "6:00-14:00", "06:00", "06:00-14", "06:60-14:00", "24:00-08:00", "06:00-24:01", "06:00 - 14:00", "x"],
)
def test_hours_that_no_clock_shows_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="expected hours such as 06:00-14:00, got"):
        minutes_of(text)


@given(st.floats(60, 580), st.floats(10, 200), st.floats(12, 60))
def test_a_person_stands_within_the_own_box_whether_feet_are_seen_or_not(x: float, y: float, px: float) -> None:
    found = detections([person_at(x, y, px)], [head_at(x, y, px)])
    (one,) = Tracker().update(0.0, found, (640, 480)).tracks
    stands_x, stands_y = standing(one)
    x0, y0, x1, y1 = one.person_xyxy
    assert x0 <= stands_x <= x1
    assert y0 <= stands_y <= y1
    assert one.head_xyxy is not None
    assert (stands_y == y1) if one.feet_seen else (stands_y < one.head_xyxy[3])
