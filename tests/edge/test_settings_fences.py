"""edge.toml at its fences: least and most, secrets in every place, hours around midnight, and no word too much."""

import string
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from test_edge_settings import CAMERA, HEAD, RULES, written

from kitchenvision.edge.mutes import MuteSection, muted_at, within
from kitchenvision.edge.reload import differences
from kitchenvision.edge.sending import clips_due
from kitchenvision.edge.settings import CameraSection, EdgeSettings, addresses, read_edge_settings
from kitchenvision.errors import SettingsError

DAY_MIN = 1440


def settings(tmp_path: Path, more: str = "", camera: str = CAMERA, head: str = HEAD) -> EdgeSettings:
    """Of a file with something more in it."""
    return read_edge_settings(written(tmp_path, head + camera + more), RULES)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[live]\nwidth = 63", "live.width"),
        ("[live]\nkbit_s = 7.9", "live.kbit_s"),
        ("[live]\nleast_s = 0.4", "live.least_s"),
        ("[live]\nenabled = 2", "live.enabled"),
        ("[upload]\nkbit_s = -1", "upload.kbit_s"),
        ("[upload]\nkbit_s = true", "upload.kbit_s"),
        ("[upload]\nclip_hours = ['22-05']", "upload.clip_hours"),
        ("[upload]\nclip_hours = '22:00-05:00'", "upload.clip_hours"),
        ("[disk]\nkeep_days = nan", "disk.keep_days"),
        ("[disk]\nkeep_days = 3651", "disk.keep_days"),
        ("[times]\nopen_s = 0", "times.open_s"),
        ("[times]\nstall_s = -1", "times.stall_s"),
        ("[page]\nport = -1", "page.port"),
        ("[page]\nport = true", "page.port"),
        ("[page]\nlanguage = 'fr'", "page.language"),
        ("[page]\npassword_env = 'A'\npassword_file = 'b'", "page"),
        ("[regulator]\nurl = 1", "regulator.url"),
        ("[regulator]", "regulator.url"),
    ],
)
def test_a_value_outside_is_named_by_its_key(tmp_path: Path, text: str, key: str) -> None:
    """And not repeated."""
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, text)
    assert caught.value.key == key


@pytest.mark.parametrize(
    "line",
    ["observed_minutes = 10", "workers = 65", "analysis_fps = 0", "analysis_fps = 31", "calm_fps = true",
     'provider = "gpu"', 'canteen_id = ""'],
)  # fmt: skip
def test_a_value_outside_at_the_top_is_named_too(tmp_path: Path, line: str) -> None:
    """By the word before the equals sign."""
    head = line + "\n" + HEAD if not line.startswith("canteen_id") else HEAD.replace('"canteen-1"', '""')
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, head=head)
    assert caught.value.key == line.partition(" ")[0]


@pytest.mark.parametrize(
    "url", ["rtsp://", "rtsp:///live", "camera.local/live", "RTSP//camera", "udp://camera", ""]
)
def test_what_is_no_address_of_a_stream_is_refused(tmp_path: Path, url: str) -> None:
    """When the settings are read, not as a camera that never answers."""
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, camera=CAMERA.replace("rtsp://camera.local/live", url))
    assert caught.value.key == "cameras.0.url"
    assert "expected" in caught.value.problem


def test_an_empty_main_stream_is_none_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    """It is left empty by programs that write the file."""
    assert settings(tmp_path, camera=CAMERA + 'main_url = ""\n').cameras[0].main_url == ""
    with pytest.raises(SettingsError, match="main_url"):
        settings(tmp_path, camera=CAMERA + 'main_url = "rtsp://u:hunter2@camera.local/main"\n')


@pytest.mark.parametrize(("wanted", "key"), [("password_env = 'P'", "page.password_env"), ("", "")])
def test_the_pages_password_from_the_environment(tmp_path: Path, wanted: str, key: str) -> None:
    """Without one there is none, and that is no error; spaces around it are nobody's password."""
    page = settings(tmp_path, f"[page]\n{wanted}\n").page
    if not key:
        assert page.password({}, "here") == ""
        return
    assert page.password({"P": "  correct horse \n"}, "here") == "correct horse"
    for environment in ({}, {"P": ""}, {"P": "   "}, {"P": "short"}):
        with pytest.raises(SettingsError) as caught:
            page.password(environment, "here")
        assert caught.value.key == key
        assert "short" not in str(caught.value).removeprefix("here")


def test_a_secret_file_that_is_no_text_is_told_with_its_key(tmp_path: Path) -> None:
    """Somebody pointed at a picture, or at a folder."""
    (tmp_path / "picture").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder").mkdir()
    for name in ("picture", "folder", "none"):
        camera = CAMERA + f'username = "viewer"\npassword_file = "{name}"\n'
        with pytest.raises(SettingsError) as caught:
            addresses(settings(tmp_path, camera=camera), "edge.toml", {})
        assert caught.value.key == "cameras.cooking.password_file"
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "becomes"),
    [("models", "../m", "../m"), ("model", "./next", "next"), ("model", "/opt/next", "/opt/next")],
)
def test_paths_of_models_are_relative_to_the_file_and_names_stay_names(
    tmp_path: Path, key: str, value: str, becomes: str
) -> None:
    """A slash makes the difference."""
    found = settings(tmp_path, head=f'{key} = "{value}"\n' + HEAD)
    assert Path(str(getattr(found, key))) == tmp_path / becomes
    assert settings(tmp_path, head='model = "next"\n' + HEAD).model == "next"


def test_a_file_that_is_a_folder_or_not_there_or_not_text_says_so(tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for name, words in (("folder", "cannot be read"), ("none", "cannot be read"), ("bytes", "not TOML")):
        with pytest.raises(SettingsError, match=words):
            read_edge_settings(tmp_path / name, RULES)


WORDS = st.text(string.ascii_letters + string.digits, min_size=8, max_size=12).map(lambda word: "s3cret" + word)


@given(WORDS, WORDS)
def test_no_change_of_a_secret_is_ever_spelled_out(before: str, after: str) -> None:
    """Names of variables and files included, and queries of addresses: the line goes into a log."""

    def of(word: str) -> EdgeSettings:
        camera: dict[str, Any] = {"id": "a", "url": f"rtsp://c/l?pwd={word}", "main_url": f"rtsp://c/m?pwd={word}"}
        camera |= {"username": word, "password_env": word}
        reader = {"name": "chef", "way": "webhook", "address_env": word, "secret_env": word}
        page, regulator = {"password_env": word}, {"url": "https://r", "token_file": word}
        return EdgeSettings.model_validate(
            {"canteen_id": "c", "data": "d", "cameras": [camera], "notify": [reader], "page": page,
             "regulator": regulator}
        )  # fmt: skip

    lines = differences(of(before), of(after))
    assert not any("s3cret" in line for line in lines)
    changed = {line.partition(":")[0].rpartition(".")[2] for line in lines if line.endswith(": changed")}
    if before != after:
        assert changed == {"username", "password_env", "token_file", "address_env", "secret_env"}


@given(st.integers(0, DAY_MIN - 1), st.integers(0, DAY_MIN - 1), st.integers(0, DAY_MIN))
def test_hours_and_the_hours_between_them_share_no_minute_and_leave_none_out(
    minute: int, start: int, end: int
) -> None:
    """Also over midnight; hours that end when they begin are the whole day."""
    if start == end % DAY_MIN:
        assert within(minute, start, start)
        return
    if end == DAY_MIN:
        assert within(minute, start, end) == (minute >= start)
        return
    assert within(minute, start, end) != within(minute, end, start)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)), st.sampled_from(["Asia/Shanghai", "Europe/Berlin"])
)
def test_clips_go_in_the_canteens_hours_whatever_the_boxs_own_zone(at: datetime, zone: str) -> None:
    """At all hours without any; by what a clock on the kitchen's wall shows."""
    values = {"canteen_id": "c", "data": "d", "timezone": zone, "cameras": [{"id": "a", "url": "rtsp://c/l"}]}
    instant = at.replace(tzinfo=UTC)
    assert clips_due(EdgeSettings.model_validate(values), instant)
    night = EdgeSettings.model_validate(values | {"upload": {"clip_hours": ["22:00-05:00", "12:00-12:30"]}})
    shown = f"{instant.astimezone(ZoneInfo(zone)):%H:%M}"
    assert clips_due(night, instant) == (shown >= "22:00" or shown < "05:00" or "12:00" <= shown < "12:30")


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 3000)), min_size=1, max_size=6), st.integers(-60, 7000)
)
def test_of_several_mutes_the_told_end_is_one_and_none_of_them_holds_longer(
    spans: list[tuple[int, int]], minute: int
) -> None:
    """Who looks at the page knows until when nobody is judged."""
    start, zone = datetime(2026, 3, 28, tzinfo=UTC), ZoneInfo("Europe/Berlin")
    mutes = [
        MuteSection(begins=start + timedelta(minutes=a), ends=start + timedelta(minutes=a + b)) for a, b in spans
    ]
    at = start + timedelta(minutes=minute)
    found = muted_at(mutes, "any", at, zone)
    ends = [mute.ends for mute in mutes if mute.begins and mute.ends and mute.begins <= at < mute.ends]
    assert (found.until if found else None) == max(ends, default=None)


def test_a_mute_over_the_night_of_the_clock_change_is_as_long_as_the_clock_shows() -> None:
    """Local times: in spring an hour shorter, in autumn an hour longer."""
    berlin = ZoneInfo("Europe/Berlin")
    for day, hours in ((29, 11), (30, 12)):
        mute = MuteSection(begins=datetime(2026, 3, day - 1, 20), ends=datetime(2026, 3, day, 8))
        begins, ends = mute.span(berlin) or (None, None)
        assert begins is not None
        assert ends is not None
        assert ends - begins == timedelta(hours=hours)


@pytest.mark.parametrize("camera_id", ["", "-a", "_a", "a b", "a/b", "a.b", "..", "ä", "厨房", "a" * 61, "a\n"])
def test_an_id_that_could_name_another_folder_is_refused(camera_id: str) -> None:
    """It is part of paths."""
    with pytest.raises(ValidationError):
        CameraSection(id=camera_id, url="rtsp://c/l")
