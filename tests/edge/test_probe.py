"""`kitchenvision camera probe`: what a stream is, measured on a real one, and advice that fits it."""

import json
import logging
from pathlib import Path

import pytest
from rtsp_server_path import free_port, playing
from staged import staged_clips
from typer.testing import CliRunner

from kitchenvision.cli import app
from kitchenvision.edge.probe import advice_on
from kitchenvision.errors import SettingsError, SourceError


def test_a_real_stream_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """10 frames a second, a key frame every second, 96x72, and no password in what is printed."""
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server is not installed: pip install aio-rtsp-toolkit")
    logging.getLogger("rtsp server").setLevel(logging.CRITICAL)
    monkeypatch.setenv("CAMERA_PASSWORD", "hunter2")
    staged_clips(tmp_path, seconds=10)
    with playing(tmp_path) as host:
        url = f"rtsp://{host}/cam_a.mp4"
        command = ["camera", "probe", url, "--username", "viewer", "--for", "5", "--json"]
        result = CliRunner().invoke(app, command, catch_exceptions=False)
    row = json.loads(result.stdout)
    assert (row["codec"], row["width"], row["height"], row["address"]) == ("h264", 96, 72, url)
    assert row["fps"] == pytest.approx(10, abs=1.5)
    assert row["key_frame_s"] == pytest.approx(1.0, abs=0.15)
    assert row["advice"] == []
    assert "hunter2" not in result.output


def test_a_camera_that_is_not_there_is_an_error_of_the_source() -> None:
    """The command line turns it into exit code 4 and a sentence."""
    result = CliRunner().invoke(app, ["camera", "probe", f"rtsp://127.0.0.1:{free_port()}/live"])
    assert isinstance(result.exception, SourceError)


@pytest.mark.parametrize("url", ["rtsp://viewer:hunter2@camera/live", "/etc/passwd"])
def test_what_is_no_address_or_carries_a_password_is_refused(url: str) -> None:
    """Shells keep what was typed."""
    result = CliRunner().invoke(app, ["camera", "probe", url])
    assert isinstance(result.exception, SettingsError)
    assert "hunter2" not in str(result.exception)


@pytest.mark.parametrize(
    ("codec", "size", "fps", "between", "words"),
    [
        ("h264", (640, 360), 15.0, [2.0, 2.0], []),
        ("hevc", (1920, 1080), 25.0, [1.0], ["sub-stream"]),
        ("mjpeg", (640, 360), 15.0, [], ["H.264"]),
        ("h264", (640, 360), 2.0, [1.0], ["few"]),
        ("h264", (640, 360), 15.0, [2.0, 10.0], ["10 s apart"]),
        ("mpeg4", (1280, 720), 1.0, [8.0], ["sub-stream", "H.264", "few", "8 s apart"]),
        ("h264", (640, 360), None, [], []),
    ],
)
def test_advice_fits_the_stream(
    codec: str, size: tuple[int, int], fps: float | None, between: list[float], words: list[str]
) -> None:
    """One sentence for each thing, none for a stream that is as it should be."""
    advice = advice_on(codec, size, fps, between)
    assert len(advice) == len(words)
    assert all(word in one.text("en") for word, one in zip(words, advice, strict=True))
    assert all(any("一" <= sign <= "鿿" for sign in one.text("zh")) for one in advice)
