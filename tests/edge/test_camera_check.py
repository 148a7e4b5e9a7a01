"""`kitchenvision camera check`: real people on a recording, and a real stream; a picture with parts and zones."""

import json
import logging
from pathlib import Path

import av
import pytest
from live import CLIPS
from rtsp_server_path import playing
from staged import staged_clips
from typer.testing import CliRunner

from kitchenvision.cli import app
from kitchenvision.errors import SettingsError, SourceNotFound


def smaller(clip: Path, path: Path, width: int, height: int) -> Path:
    """The same kitchen on a stream of fewer pixels."""
    with av.open(str(clip)) as recorded, av.open(str(path), "w") as out:
        video = recorded.streams.video[0]
        stream = out.add_stream("libx264", rate=video.average_rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for i, picture in enumerate(recorded.decode(video)):
            if i >= 24:
                break
            out.mux(stream.encode(picture.reformat(width, height, "yuv420p")))
        out.mux(stream.encode(None))
    return path


def checked(*arguments: str) -> dict[str, object]:
    result = CliRunner().invoke(app, ["camera", "check", *arguments, "--json"], catch_exceptions=False)
    row: dict[str, object] = json.loads(result.stdout)
    assert "hunter2" not in result.output
    return row


def test_a_recording_of_three_cooks_near_the_camera_needs_no_change(tmp_path: Path) -> None:
    """Three heads in three parts, each large enough for every rule; the picture is written."""
    row = checked(str(CLIPS / "A1.mp4"), "--seconds", "4", "--out", str(tmp_path))
    parts = {part["name"]: part for part in row["parts"]}  # type: ignore[attr-defined]
    assert set(parts) == {"C2", "D2", "E3"}
    assert all(50 <= part["px"] <= 90 for part in parts.values())
    assert row["advice"] == []
    with av.open(str(row["picture"])) as picture:
        assert picture.streams.video[0].width == 960


def test_the_same_kitchen_with_few_pixels_says_what_is_missing(tmp_path: Path) -> None:
    """256 pixels wide: hats may do, masks do not."""
    clip = smaller(CLIPS / "A1.mp4", tmp_path / "small.mp4", 256, 144)
    result = CliRunner().invoke(app, ["camera", "check", str(clip), "--out", str(tmp_path)], catch_exceptions=False)
    assert result.exit_code == 0
    words = " ".join(result.stdout.split())
    assert "no_mask needs heads of 22 pixels" in words
    assert "zoom in 1." in words
    assert (tmp_path / "check-small.jpg").is_file()


def test_a_camera_of_the_settings_is_watched_over_rtsp_with_its_zones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its password is used, and is in nothing that is printed."""
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server is not installed: pip install aio-rtsp-toolkit")
    logging.getLogger("rtsp server").setLevel(logging.CRITICAL)
    monkeypatch.setenv("CAMERA_PASSWORD", "hunter2")
    staged_clips(tmp_path, seconds=10)
    with playing(tmp_path) as host:
        config = tmp_path / "edge.toml"
        config.write_text(
            f'canteen_id = "c"\ndata = "data"\n[[cameras]]\nid = "cooking"\nurl = "rtsp://{host}/cam_a.mp4"\n'
            'username = "viewer"\npassword_env = "CAMERA_PASSWORD"\n[[cameras.zones]]\nname = "灶台"\n'
            'polygon = [[0, 0], [1, 0], [1, 1]]\nrules = ["no_hat"]\n',
            "utf-8",
        )
        row = checked(str(config), "--seconds", "2", "--out", str(tmp_path))
    assert (row["camera_id"], row["width"], row["height"]) == ("cooking", 96, 72)
    assert [zone["zone"] for zone in row["zones"]] == ["灶台"]  # type: ignore[attr-defined]
    assert any("walk through" in line for line in row["advice"])  # type: ignore[attr-defined]


@pytest.mark.parametrize("source", ["rtsp://viewer:hunter2@camera/live", "/nowhere/clip.mp4"])
def test_what_is_no_source_is_refused_without_its_password(source: str, tmp_path: Path) -> None:
    """Before a model is loaded for nothing would be better still; a sentence is enough."""
    result = CliRunner().invoke(app, ["camera", "check", source, "--out", str(tmp_path)])
    assert isinstance(result.exception, SettingsError | SourceNotFound)
    assert "hunter2" not in str(result.exception)
