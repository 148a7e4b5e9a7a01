"""The folder of a scan: taken up where it was left, refused when it is somebody else's, never half-written."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import START

from kitchenvision.errors import KitchenvisionError, SettingsError, StorageError
from kitchenvision.frames.source import SourceInfo
from kitchenvision.scan_folder import ScanFolder, VideoResult

COMMAND: dict[str, Any] = {"sources": ["a.mp4", "b.mp4"], "rules": ["no_hat"]}


def result(camera_id: str, rows: int = 1) -> VideoResult:
    """One source that was read to its end."""
    info = SourceInfo(f"{camera_id}.mp4", "file", 640, 480, "h264", 25.0, 60.0, START, "option", "0" * 64)
    made = [{"violation_id": f"{camera_id}{i}", "camera_id": camera_id, "zone": "厨房"} for i in range(rows)]
    return VideoResult(info, camera_id, "", 60.0, made)


def ids(folder: ScanFolder) -> list[str]:
    return [row["violation_id"] for row in folder.rows]


def lines(root: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / "violations.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where results go; not there yet."""
    return tmp_path / "out"


def test_an_interrupted_scan_goes_on_with_the_rows_of_what_was_done(root: Path) -> None:
    first = ScanFolder(root, COMMAND)
    first.add(result("a", 2), complete=True)
    first.add(result("b"), complete=False)
    assert [row["violation_id"] for row in lines(root)] == ["a0", "a1", "b0"], "what was found is shown meanwhile"
    again = ScanFolder(root, COMMAND)
    assert again.resumed
    assert (again.is_done("a"), again.is_done("b")) == (True, False)
    assert ids(again) == ["a0", "a1"], "who was not read to the end is read anew"
    again.add(result("b", 3), complete=True)
    assert [row["violation_id"] for row in lines(root)] == ["a0", "a1", "b0", "b1", "b2"]
    assert [summary["camera_id"] for summary in again.summaries] == ["a", "b"]


def test_rows_of_the_source_at_work_stand_behind_those_that_are_done(root: Path) -> None:
    folder = ScanFolder(root, COMMAND)
    folder.add(result("a"), complete=True)
    folder.write_rows(result("b", 2).rows)
    assert [row["violation_id"] for row in lines(root)] == ["a0", "b0", "b1"]
    assert ids(folder) == ["a0"]


def test_a_source_that_is_read_twice_is_kept_once(root: Path) -> None:
    folder = ScanFolder(root, COMMAND)
    folder.add(result("a", 2), complete=False)
    folder.add(result("a", 3), complete=True)
    assert ids(folder) == ["a0", "a1", "a2"]
    assert len(folder.summaries) == 1


@pytest.mark.parametrize(
    ("command", "finished", "words"),
    [
        (COMMAND, True, "holds a finished scan"),
        ({**COMMAND, "rules": ["smoking"]}, False, "interrupted scan of other sources or settings"),
        ({**COMMAND, "sources": ["b.mp4", "a.mp4"]}, False, "interrupted scan of other sources or settings"),
    ],
)
def test_another_scan_s_folder_is_refused_with_a_way_out(
    root: Path, command: dict[str, Any], finished: bool, words: str
) -> None:
    folder = ScanFolder(root, COMMAND)
    folder.add(result("a"), complete=True)
    if finished:
        folder.finish({"exit_code": 0})
    before = {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()}
    with pytest.raises(SettingsError, match=f"--out: .*{words}.*--force"):
        ScanFolder(root, command)
    assert {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()} == before


def test_force_begins_anew_and_leaves_other_things_alone(root: Path) -> None:
    folder = ScanFolder(root, COMMAND)
    folder.add(result("a"), complete=True)
    folder.finish({"exit_code": 0})
    (root / "evidence" / "a-no_hat-1").mkdir()
    (root / "thesis.txt").write_text("years of work")
    (root / "holidays").mkdir()
    anew = ScanFolder(root, {"sources": ["c.mp4"]}, force=True)
    assert (ids(anew), anew.resumed) == ([], False)
    assert sorted(path.name for path in root.iterdir()) == ["evidence", "holidays", "scan.json", "thesis.txt"]
    assert list((root / "evidence").iterdir()) == []
    assert (root / "thesis.txt").read_text() == "years of work"


def test_a_folder_of_somebody_s_own_is_taken_only_with_force(root: Path) -> None:
    root.mkdir()
    (root / "thesis.txt").write_text("years of work")
    with pytest.raises(SettingsError, match="the folder is not empty: choose another, or give --force"):
        ScanFolder(root, COMMAND)
    ScanFolder(root, COMMAND, force=True)
    assert (root / "thesis.txt").read_text() == "years of work"


def test_what_a_killed_start_left_behind_goes_with_force(root: Path) -> None:
    (root / "evidence").mkdir(parents=True)
    (root / ".scan.json.part").write_text("{")
    (root / ".violations.jsonl.part").write_text("{")
    ScanFolder(root, COMMAND, force=True)
    assert sorted(path.name for path in root.iterdir()) == ["evidence", "scan.json"]


def test_an_empty_folder_is_as_good_as_none_and_a_file_is_refused(root: Path) -> None:
    root.mkdir()
    assert not ScanFolder(root, COMMAND).resumed
    (root.parent / "file").write_text("x")
    with pytest.raises(SettingsError, match="is a file: a folder is expected"):
        ScanFolder(root.parent / "file", COMMAND)


def cut(name: str) -> Callable[[Path], object]:
    """A file as it is when the power failed while the disk wrote it."""
    return lambda root: (root / name).write_bytes((root / name).read_bytes()[:-9])


DAMAGES: dict[str, Callable[[Path], object]] = {
    "emptied by a power cut": lambda root: (root / "scan.json").write_bytes(b""),
    "cut": cut("scan.json"),
    "another program's": lambda root: (root / "scan.json").write_text("[1, 2]"),
    "not text": lambda root: (root / "scan.json").write_bytes(b"\xff\xfe\x00"),
    "a source without a name": lambda root: edit(root, sources=[{"video": "a.mp4"}]),
    "no sources": lambda root: edit(root, sources=None),
    "a row cut": cut("violations.jsonl"),
    "a row without a camera": lambda root: (root / "violations.jsonl").write_text('{"rule_id": "no_hat"}\n'),
}


def edit(root: Path, **changes: Any) -> None:
    """Change scan.json."""
    state = json.loads((root / "scan.json").read_text("utf-8"))
    (root / "scan.json").write_text(json.dumps(state | changes))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_refused_in_words_and_force_helps(root: Path, damage: str) -> None:
    ScanFolder(root, COMMAND).add(result("a"), complete=True)
    DAMAGES[damage](root)
    with pytest.raises(SettingsError, match=r"--out: .*cannot be read .*give --force"):
        ScanFolder(root, COMMAND)
    assert ids(ScanFolder(root, COMMAND, force=True)) == []


@pytest.mark.parametrize("step", ["write", "replace"])
def test_a_full_disk_keeps_the_books_as_they_were(root: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    folder = ScanFolder(root, COMMAND)
    folder.add(result("a"), complete=True)
    before = {name: (root / name).read_bytes() for name in ("scan.json", "violations.jsonl")}

    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*((Path, "write_text", full) if step == "write" else (os, "replace", full)))
        with pytest.raises(StorageError, match=r"violations\.jsonl cannot be written: No space.*free some space"):
            folder.add(result("b"), complete=True)
    assert {name: (root / name).read_bytes() for name in before} == before
    assert ScanFolder(root, COMMAND).is_done("a")


def test_a_place_where_no_folder_can_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(KitchenvisionError, match=str(tmp_path / "file")):
        ScanFolder(tmp_path / "file" / "out", COMMAND)


def test_a_finished_scan_says_so_with_its_totals(root: Path) -> None:
    folder = ScanFolder(root, COMMAND)
    folder.add(result("a"), complete=True)
    state = folder.finish({"exit_code": 0, "violations": 1})
    assert state == json.loads((root / "scan.json").read_text("utf-8"))
    assert (state["finished"], state["violations"]) == (True, 1)
    assert [source["camera_id"] for source in state["sources"]] == ["a"]


def test_names_of_any_script_stay_readable_in_the_files(root: Path) -> None:
    ScanFolder(root, COMMAND).add(result("厨房"), complete=True)
    assert "厨房" in (root / "violations.jsonl").read_text("utf-8")
    assert "厨房" in (root / "scan.json").read_text("utf-8")
    assert ScanFolder(root, COMMAND).is_done("厨房")


def test_speed_is_told_once_it_is_known() -> None:
    one = result("a")
    assert one.summary()["times_real_time"] is None
    one.wall_s = 30.0
    assert one.summary()["times_real_time"] == 2.0
