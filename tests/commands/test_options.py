"""Texts of the command line become values, or one sentence that names the option, what came and what is allowed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kitchenvision.commands.options import (
    LONGEST_ID_BYTES,
    camera_id_of,
    instant_of,
    names_of,
    profile_of,
    seconds_of,
    span_of,
    zone_of,
)
from kitchenvision.errors import SettingsError

SHANGHAI = ZoneInfo("Asia/Shanghai")
TYPED = st.text() | st.from_regex(r"[-+0-9:.eE _naif]{0,12}", fullmatch=True)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59_999))
def test_a_moment_is_the_same_however_it_is_written(hours: int, minutes: int, millis: int) -> None:
    seconds = millis / 1000
    expected = hours * 3600 + minutes * 60 + seconds
    assert seconds_of(f"{hours}:{minutes:02}:{seconds:06.3f}", "--from") == pytest.approx(expected)
    if not hours:
        assert seconds_of(f"{minutes}:{seconds:06.3f}", "--from") == pytest.approx(expected)
    assert seconds_of(f"{expected:.3f}", "--from") == pytest.approx(expected)


@given(TYPED)
def test_whatever_is_typed_as_a_moment_is_one_or_is_refused_by_its_option(text: str) -> None:
    try:
        seconds, said = seconds_of(text, "--from"), ""
    except SettingsError as error:
        seconds, said = 0.0, str(error)
    assert seconds is not None
    assert 0 <= seconds < float("inf")
    assert not said or (said.startswith("--from: expected ") and said.endswith(repr(text)))


@pytest.mark.parametrize("text", ["9" * 4000 + ":00:00", "9" * 5000, "1e400", "-0.1", "nan", "1:2:3:4", "1:", ""])
def test_a_moment_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^--to: expected"):
        seconds_of(text, "--to")


@pytest.mark.parametrize(
    ("from_", "to", "span"),
    [
        (None, None, (0.0, None)),
        ("1:30", None, (90.0, None)),
        (None, "0.5", (0.0, 0.5)),
        ("5", "0:00:05.1", (5.0, 5.1)),
    ],
)
def test_a_span_may_be_open_on_either_side(from_: str | None, to: str | None, span: tuple[float, float]) -> None:
    assert span_of(from_, to) == span


@pytest.mark.parametrize(("from_", "to"), [("5", "3"), ("1:00", "60"), (None, "0")])
def test_a_span_that_ends_before_it_begins_is_refused_naming_both(from_: str | None, to: str) -> None:
    with pytest.raises(SettingsError, match=rf"--to: expected a moment after --from, which is .* s, got '{to}'"):
        span_of(from_, to)


@given(st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30)))
def test_a_time_without_a_zone_is_local_and_one_with_a_zone_is_not(at: datetime) -> None:
    local = instant_of(at.isoformat(), SHANGHAI)
    assert local is not None
    assert local.replace(tzinfo=None) == at
    assert local.utcoffset() == SHANGHAI.utcoffset(at)
    assert instant_of(at.replace(tzinfo=UTC).isoformat(), SHANGHAI) == at.replace(tzinfo=UTC)


@given(TYPED)
def test_whatever_is_typed_as_a_time_is_one_of_this_age_or_is_refused(text: str) -> None:
    try:
        at, said = instant_of(text, SHANGHAI), ""
    except SettingsError as error:
        at, said = datetime(2026, 3, 2, tzinfo=UTC), str(error)
    assert at is not None
    assert 1969 <= at.astimezone(UTC).year <= 2200
    assert not said or said.startswith("--started-at: expected ")


@pytest.mark.parametrize("text", ["0001-01-01T00:00", "9999-12-31T23:59:59-05:00", "1969-12-31", "2200-01-01"])
def test_a_time_at_the_ends_of_the_calendar_is_refused_with_the_years_that_are_allowed(text: str) -> None:
    with pytest.raises(SettingsError, match="--started-at: expected a year of 1970 to 2199, got"):
        instant_of(text, SHANGHAI)


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "", "..", "../etc/passwd", "Asia", "a\0b", "/etc/localtime", "亚洲"]
)
def test_a_zone_that_there_is_not_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(SettingsError, match=r"--timezone: no such time zone .*Asia/Shanghai"):
        zone_of(name)


@given(st.lists(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), max_size=5), st.sampled_from([",", " , ", ",,"]))
def test_a_list_of_names_may_have_spaces_and_empty_places(names: list[str], between: str) -> None:
    text = between.join(names)
    assert names_of(text) == (names if text else None)
    assert names_of(f" {text},") == names
    assert names_of(None) is None


@pytest.mark.parametrize("text", ["best", "FAST", "", " fast"])
def test_a_profile_that_there_is_not_is_refused_with_those_that_there_are(text: str) -> None:
    with pytest.raises(SettingsError, match="--profile: expected fast or thorough, got"):
        profile_of(text)
    assert [profile_of(None), profile_of("fast"), profile_of(None, "fast")] == ["thorough", "fast", "fast"]


@given(st.text(st.characters(codec="utf-8", exclude_characters="/"), max_size=LONGEST_ID_BYTES // 4))
def test_a_camera_may_have_any_name_that_a_file_may_have(name: str) -> None:
    assume("\0" not in name)
    assert camera_id_of(name) == name


@pytest.mark.parametrize("name", ["a/b", "/", "../../elsewhere", "x" * (LONGEST_ID_BYTES + 1), "厨" * 61])
def test_a_camera_name_that_leads_elsewhere_or_is_too_long_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="--camera-id: expected a name without / of at most 180 bytes, got"):
        camera_id_of(name)
