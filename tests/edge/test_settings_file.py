"""edge.toml changed by a program: comments stay, nothing is half written, what is wrong changes nothing."""

import os
import stat
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from editable import RULES, TOML, box
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.edge.settings import read_edge_settings
from kitchenvision.edge.settings_file import (
    ChangedMeanwhile,
    Document,
    Edit,
    SettingsFile,
    add_table,
    camera_table,
    drop_tables,
    set_tables,
)
from kitchenvision.errors import SettingsError

STOVE = {
    "name": "stove", "polygon": [[0.1, 0.1], [0.6, 0.1], [0.6, 0.8], [0.1, 0.8]], "rules": ["no_hat"],
    "hours": ["06:00-14:00"],
}  # fmt: skip
DOOR: dict[str, Any] = {
    "name": "门口",
    "polygon": [[0.5, 0.5], [1, 0.5], [1, 1]],
    "rules": ["no_mask"],
    "hours": [],
}


@pytest.fixture
def file(tmp_path: Path) -> SettingsFile:
    """Over the usual text."""
    return box(tmp_path).file


def zones(camera: str, *rows: dict[str, Any]) -> Any:
    """An edit: the zones of a camera."""

    def edit(document: Document) -> None:
        set_tables(camera_table(document, camera), "zones", rows)

    return edit


def test_a_zone_is_added_and_everything_else_stays_as_it_was_written(file: SettingsFile) -> None:
    """Somebody wrote those comments for a reason."""
    settings = file.change(zones("cooking", STOVE, DOOR))
    text = file.path.read_text("utf-8")
    assert [zone.name for zone in settings.cameras[0].zones] == ["stove", "门口"]
    assert settings == read_edge_settings(file.path, RULES)
    assert all(line in text for line in TOML.splitlines())
    assert settings.cameras[1].zones == ()


def test_the_zone_that_goes_takes_only_its_own_comments_along(file: SettingsFile) -> None:
    """And a key that becomes empty is left out."""
    file.change(zones("cooking", STOVE, DOOR))
    file.change(zones("cooking", STOVE | {"hours": []}))
    text = file.path.read_text("utf-8")
    assert "# beside the stove" in text
    assert "门口" not in text
    assert "hours" not in text
    file.change(zones("cooking", STOVE, DOOR))
    file.change(zones("cooking", DOOR))
    assert [zone.name for zone in read_edge_settings(file.path, RULES).cameras[0].zones] == ["门口"]
    file.change(zones("cooking"))
    assert read_edge_settings(file.path, RULES).cameras[0].zones == ()
    assert "# over the stove" in file.path.read_text("utf-8")


def test_cameras_that_are_written_inline_can_be_changed_too(tmp_path: Path) -> None:
    """TOML allows both."""
    text = 'canteen_id = "c"\ndata = "d"\ncameras = [{id = "cooking", url = "rtsp://h/a"}]\n'
    file = box(tmp_path, text).file
    assert file.change(zones("cooking", DOOR)).cameras[0].zones[0].rules == ("no_mask",)
    assert file.change(zones("cooking")).cameras[0].zones == ()


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (zones("cooking", DOOR | {"rules": ["no_shoes"]}), "no_shoes"),
        (zones("cooking", DOOR | {"polygon": [[0, 0], [2, 0], [1, 1]]}), "less than or equal to 1"),
        (zones("nobody", DOOR), "nobody"),
    ],
)
def test_what_would_be_wrong_changes_nothing(file: SettingsFile, edit: Any, words: str) -> None:
    """The error names the file, not the copy beside it."""
    before = file.path.read_bytes()
    with pytest.raises(SettingsError, match=words) as caught:
        file.change(edit)
    assert file.path.read_bytes() == before
    assert ".part" not in str(caught.value)
    assert os.listdir(file.path.parent) == ["edge.toml"]


def test_what_needs_a_restart_is_refused_while_the_service_runs(tmp_path: Path) -> None:
    """Else the file would say one thing and the service do another."""
    one = box(tmp_path)
    one.path.write_text(TOML.replace("canteen-1", "canteen-2"), "utf-8")
    with pytest.raises(SettingsError, match="restart"):
        one.file.change(zones("cooking", STOVE), running=one.board.settings)
    assert one.file.change(zones("cooking", STOVE)).canteen_id == "canteen-2"


def test_a_password_that_is_missing_is_told_before_anything_is_written(tmp_path: Path) -> None:
    """The service would not take the file over."""
    text = TOML.replace(
        'url = "rtsp://127.0.0.1:1/other"', 'url = "rtsp://c/o"\nusername = "u"\npassword_env = "X"'
    )
    one = box(tmp_path, text, environment={"X": "hunter2"})
    one.file.change(zones("cooking", DOOR))
    bare = SettingsFile(one.path, RULES, {})
    with pytest.raises(SettingsError, match="X is not set"):
        bare.change(zones("cooking", STOVE))


def test_who_has_not_seen_the_newest_file_does_not_overwrite_it(file: SettingsFile) -> None:
    """Two windows, or a person with an editor."""
    seen = file.digest()
    file.change(zones("cooking", DOOR), seen)
    with pytest.raises(ChangedMeanwhile):
        file.change(zones("cooking", STOVE), seen)
    assert read_edge_settings(file.path, RULES).cameras[0].zones[0].name == "门口"


def test_mode_and_link_are_kept(tmp_path: Path) -> None:
    """A file that only one user may read stays so; a link stays a link."""
    one = box(tmp_path)
    one.path.chmod(0o640)
    link = tmp_path / "link" / "edge.toml"
    link.parent.mkdir()
    link.symlink_to(one.path)
    SettingsFile(link, RULES, {}).change(zones("cooking", DOOR))
    assert link.is_symlink()
    assert stat.S_IMODE(one.path.stat().st_mode) == 0o640
    assert "门口" in one.path.read_text("utf-8")


def test_a_file_that_cannot_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mounted read-only, or a full disk: the file is as it was."""
    one = box(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(SettingsError, match="cannot be written: No space left"):
        one.file.change(zones("cooking", DOOR))
    assert one.path.read_text("utf-8") == TOML
    assert os.listdir(tmp_path) == ["edge.toml"]


RELATIVE = st.floats(0, 1, allow_nan=False).map(lambda value: round(value, 4))
ZONES = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=60),
            "polygon": st.one_of(
                st.just([]), st.lists(st.lists(RELATIVE, min_size=2, max_size=2), min_size=3, max_size=9)
            ),
            "rules": st.lists(st.sampled_from(RULES), min_size=1, max_size=3, unique=True),
            "hours": st.lists(st.sampled_from(["06:00-14:00", "22:00-05:00", "00:00-24:00"]), max_size=2),
        }
    ),
    max_size=5,
    unique_by=lambda row: row["name"],
)


@given(st.lists(ZONES, min_size=1, max_size=4))
def test_whatever_is_saved_one_after_the_other_is_what_the_settings_say(saves: list[list[dict[str, Any]]]) -> None:
    """Any names, any order, any number; and the other camera's line keeps its comment."""
    with TemporaryDirectory() as folder:
        file = box(Path(folder)).file
        for rows in saves:
            settings = file.change(zones("cooking", *rows))
            found = [zone.model_dump(mode="json") for zone in settings.cameras[0].zones]
            assert found == rows
            assert settings.cameras[1].id == "serving"
        assert 'id = "cooking"   # over the stove' in file.path.read_text("utf-8")


def test_tables_come_and_go_also_where_there_is_an_inline_array(tmp_path: Path) -> None:
    """Mutes of the page, in a file that somebody has written in one line."""
    text = (
        'canteen_id = "c"\ndata = "d"\nmutes = [{weekdays = ["sat"]}]\n[[cameras]]\nid = "a"\nurl = "rtsp://h/a"\n'
    )
    file = box(tmp_path, text).file
    settings = file.change(lambda document: add_table(document, "mutes", {"weekdays": ["sun"], "reason": "x"}))
    assert [mute.weekdays for mute in settings.mutes] == [("sat",), ("sun",)]
    settings = file.change(lambda document: drop_tables(document, "mutes", lambda table: "reason" not in table))
    assert [mute.reason for mute in settings.mutes] == ["x"]
    file.change(lambda document: drop_tables(document, "mutes", lambda _: True))
    assert "mutes" not in file.path.read_text("utf-8")
    file.change(lambda document: drop_tables(document, "mutes", lambda _: True))


def test_many_who_change_at_once_lose_nothing(file: SettingsFile) -> None:
    """Each change is made to the newest file."""

    def muting(number: int) -> Edit:
        return lambda document: add_table(document, "mutes", {"hours": ["22:00-05:00"], "reason": str(number)})

    threads = [threading.Thread(target=file.change, args=(muting(number),)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    mutes = read_edge_settings(file.path, RULES).mutes
    assert sorted(int(mute.reason) for mute in mutes) == list(range(12))


def test_who_reads_meanwhile_finds_a_whole_file(file: SettingsFile) -> None:
    """The old one or the new one: the service may look at any moment."""
    stop, broken = threading.Event(), list[Exception]()

    def read() -> None:
        while not stop.is_set():
            try:
                read_edge_settings(file.path, RULES)
            except SettingsError as error:
                broken.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(40):
        file.change(zones("cooking", DOOR | {"name": f"zone {number}"}))
    stop.set()
    reader.join()
    assert broken == []
