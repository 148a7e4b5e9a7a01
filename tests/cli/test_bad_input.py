"""A user's mistakes: a clear message that says what to do, the documented exit code, nothing lost, no traceback."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import Run, make_video

from kitchenvision.detect.model_card import models_folder

Runner = Callable[..., Run]


def test_no_such_file(run: Runner, tmp_path: Path) -> None:
    """A file that is not there ends in 4 and is named."""
    result = run("scan", tmp_path / "gone.mp4", "--out", tmp_path / "out")
    assert result.code == 4
    assert "gone.mp4" in result.said
    assert "Traceback" not in result.said


def test_a_folder_without_videos(run: Runner, tmp_path: Path) -> None:
    """A folder that holds no video ends in 4 and says what was expected."""
    (tmp_path / "empty").mkdir()
    result = run("scan", tmp_path / "empty", "--out", tmp_path / "out")
    assert result.code == 4
    assert "empty" in result.said


@pytest.mark.parametrize("content", [b"", b"this is not a video, it only says so\n" * 50])
def test_a_file_that_only_looks_like_a_video(run: Runner, tmp_path: Path, content: bytes) -> None:
    """An empty file and a text file named .mp4 end in 4; the message names the file."""
    path = tmp_path / "fake.mp4"
    path.write_bytes(content)
    result = run("scan", path, "--out", tmp_path / "out")
    assert result.code == 4
    assert "fake.mp4" in result.said
    assert "Traceback" not in result.said


def test_one_bad_file_among_good_ones(run: Runner, tmp_path: Path) -> None:
    """What can be read is scanned, what cannot is reported, and the exit code is 3."""
    make_video(tmp_path / "good.mp4")
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    result = run("scan", tmp_path, "--out", tmp_path.parent / f"{tmp_path.name}-out", "--json")
    assert result.code == 3
    summary = json.loads(result.out)
    assert [problem["source"] for problem in summary["problems"]] == ["bad"]
    assert "bad.mp4" in (tmp_path.parent / f"{tmp_path.name}-out" / "index.html").read_text("utf-8")


def test_a_video_cut_off_in_the_middle(run: Runner, tmp_path: Path) -> None:
    """The readable part is analysed, the report says where it stopped, and the exit code is 3."""
    mkv = make_video(tmp_path / "long.mkv", seconds=6).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(mkv[: len(mkv) // 2])
    result = run("scan", tmp_path / "cut.mkv", "--out", tmp_path / "out", "--json")
    assert result.code == 3
    summary = json.loads((tmp_path / "out" / "scan.json").read_text("utf-8"))
    assert 0 < summary["sources"][0]["reached_s"] < 5.5
    assert summary["problems"]


def test_a_used_folder_is_not_overwritten(run: Runner, tmp_path: Path) -> None:
    """A finished scan is refused without --force, and taken with it."""
    video = make_video(tmp_path / "a.mp4")
    assert run("scan", video, "--out", tmp_path / "out").code == 0
    refused = run("scan", video, "--out", tmp_path / "out")
    assert refused.code == 2
    assert "--force" in refused.said
    assert run("scan", video, "--out", tmp_path / "out", "--force").code == 0


def test_a_folder_with_other_things_in_it_is_left_alone(run: Runner, tmp_path: Path) -> None:
    """A folder that holds somebody's files is refused; with --force they still stay."""
    video = make_video(tmp_path / "a.mp4")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    assert run("scan", video, "--out", tmp_path / "out").code == 2
    run("scan", video, "--out", tmp_path / "out", "--force")
    assert (tmp_path / "out" / "thesis.txt").read_text() == "years of work"


def test_an_outbox_in_the_folder_of_a_scan_survives_force(run: Runner, tmp_path: Path) -> None:
    """What waits for the regulator is not the scan's to delete."""
    video, out = make_video(tmp_path / "a.mp4"), tmp_path / "out"
    command = ("scan", video, "--out", out, "--outbox", out / "outbox")
    assert run(*command).code == 0
    (out / "outbox" / "blobs" / "kept").write_bytes(b"evidence")
    assert run(*command, "--force").code == 0
    assert (out / "outbox" / "blobs" / "kept").is_file()


def test_an_evaluation_is_not_written_over_a_scan(run: Runner, tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    video = make_video(clips / "a.mp4")
    truth = {"fps": 10, "frames": [], "incidents": []}
    (clips / "a.json").write_text(json.dumps(truth))
    assert run("scan", video, "--out", tmp_path / "scan").code == 0
    before = (tmp_path / "scan" / "scan.json").read_bytes()
    refused = run("evaluate", clips, "--out", tmp_path / "scan")
    assert refused.code == 2
    assert "no evaluation" in refused.said
    assert (tmp_path / "scan" / "scan.json").read_bytes() == before
    for _ in range(2):
        assert run("evaluate", clips, "--out", tmp_path / "evaluated").code == 0


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--rules", "no_gloves"], ["no_gloves", "no_hat"]),
        (["--from", "soon"], ["--from", "soon"]),
        (["--timezone", "Mars/Olympus"], ["Mars/Olympus", "Asia/Shanghai"]),
        (["--started-at", "yesterday"], ["--started-at", "ISO 8601"]),
        (["--profile", "best"], ["--profile", "thorough"]),
    ],
)
def test_a_wrong_option_names_itself_and_what_is_allowed(
    run: Runner, tmp_path: Path, args: list[str], words: list[str]
) -> None:
    """The message holds the option, what came, and what is allowed; the exit code is 2."""
    result = run("scan", make_video(tmp_path / "a.mp4"), "--out", tmp_path / "out", *args)
    assert result.code == 2
    assert all(word in result.said for word in words)


def test_a_wrong_settings_file_names_file_key_value(run: Runner, tmp_path: Path) -> None:
    """File, key, value and the allowed range stand in the message."""
    settings = tmp_path / "mine.toml"
    settings.write_text("[rules.no_hat]\nmin_ratio = 7\n")
    result = run("scan", make_video(tmp_path / "a.mp4"), "--out", tmp_path / "out", "--config", settings)
    assert result.code == 2
    assert all(word in result.said for word in ("mine.toml", "rules.no_hat.min_ratio", "7"))


def test_a_model_whose_hash_differs_is_refused(run: Runner, tmp_path: Path) -> None:
    """Changed weights never look at anybody: the file is named and nothing is scanned."""
    shutil.copytree(models_folder(), tmp_path / "models")
    network = next((tmp_path / "models").glob("*/model.onnx"))
    network.write_bytes(network.read_bytes() + b"x")
    video = make_video(tmp_path / "a.mp4")
    result = run("scan", video, "--out", tmp_path / "out", "--models", tmp_path / "models")
    assert result.code == 2
    assert "model.onnx" in result.said
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_no_models(run: Runner, tmp_path: Path) -> None:
    """The message names the folder and how to give another."""
    result = run("models", "list", "--models", tmp_path / "none")
    assert result.code == 2
    assert "KITCHENVISION_MODELS" in result.said


def test_a_corrupt_picture_gets_a_row_with_its_error(run: Runner, tmp_path: Path) -> None:
    """The other pictures of the folder are still looked at; the exit code is 3."""
    cv2.imwrite(str(tmp_path / "good.png"), np.full((90, 120, 3), 128, np.uint8))
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8 not a picture")
    (tmp_path / "notes.txt").write_text("not a picture either")
    result = run("detect", tmp_path, "--jsonl", tmp_path / "rows.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text("utf-8").splitlines()]
    assert result.code == 3
    assert [row["file"] for row in rows] == ["bad.jpg", "good.png"]
    assert "error" in rows[0]
    assert rows[1]["width"] == 120


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (641, 359)])
def test_odd_pictures_are_looked_at(run: Runner, tmp_path: Path, size: tuple[int, int]) -> None:
    """One pixel and odd sizes give a row, not an error."""
    cv2.imwrite(str(tmp_path / "odd.png"), np.full((size[1], size[0], 3), 128, np.uint8))
    result = run("detect", tmp_path / "odd.png")
    row = json.loads(result.out)
    assert result.code == 0
    assert (row["width"], row["height"]) == size


def test_a_full_disk_says_so_and_keeps_what_was_found(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing fails with a word about space and the folder; no traceback."""

    def full(self: Path, *args: object, **kwargs: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    result = run("scan", make_video(tmp_path / "a.mp4"), "--out", tmp_path / "out")
    assert result.code != 0
    assert "No space left on device" in result.said
    assert "Traceback" not in result.said


def test_no_command_prints_the_help(run: Runner) -> None:
    """Without a command the commands are shown."""
    assert "scan" in run().said
