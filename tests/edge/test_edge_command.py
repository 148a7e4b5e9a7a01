"""`kitchenvision edge` and its check, as a person at a shell meets them; and what its logs look like."""

import json
import logging
import sys
from pathlib import Path

import pytest
from rtsp_server_path import free_port, playing
from typer.testing import CliRunner

from kitchenvision.cli import app
from kitchenvision.edge.logs import JsonLines
from kitchenvision.errors import SettingsError


def config(folder: Path, *urls: str) -> str:
    """The path of an edge.toml with those cameras."""
    text = 'canteen_id = "canteen-1"\ndata = "data"\n[times]\nopen_s = 3\n'
    for i, url in enumerate(urls):
        text += f'[[cameras]]\nid = "camera-{i}"\nurl = "{url}"\n'
        text += 'username = "viewer"\npassword_env = "CAMERA_PASSWORD"\n'
    path = folder / "edge.toml"
    path.write_text(text, "utf-8")
    return str(path)


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """With the cameras' password in the environment."""
    monkeypatch.setenv("CAMERA_PASSWORD", "hunter2")
    return CliRunner()


def test_check_calls_every_camera_once(runner: CliRunner, tmp_path: Path) -> None:
    """One answers, one does not: exit code 3, and each row says what came or what to do."""
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server is not installed: pip install aio-rtsp-toolkit")
    logging.getLogger("rtsp server").setLevel(logging.CRITICAL)
    clips = Path(__file__).resolve().parents[2] / "sample_videos"
    with playing(clips) as host:
        path = config(tmp_path, f"rtsp://{host}/A1.mp4", f"rtsp://127.0.0.1:{free_port()}/live")
        result = runner.invoke(app, ["edge", "check", "--config", path, "--json"])
    good, bad = json.loads(result.stdout)
    assert result.exit_code == 3
    assert (good["ok"], good["width"], good["codec"]) == (True, 960, "h264")
    assert (bad["ok"], bad["cause"]) == (False, "refused")
    assert "hunter2" not in result.output


def test_check_calls_the_main_stream_too(runner: CliRunner, tmp_path: Path) -> None:
    """One that is not there is told beside the camera that answers."""
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server is not installed: pip install aio-rtsp-toolkit")
    logging.getLogger("rtsp server").setLevel(logging.CRITICAL)
    clips = Path(__file__).resolve().parents[2] / "sample_videos"
    with playing(clips) as host:
        path = Path(config(tmp_path, f"rtsp://{host}/A1.mp4", f"rtsp://{host}/A2.mp4"))
        text = path.read_text().replace('/A1.mp4"', f'/A1.mp4"\nmain_url = "rtsp://{host}/A3.mp4"')
        none = f"rtsp://127.0.0.1:{free_port()}/main"
        path.write_text(text.replace('/A2.mp4"', f'/A2.mp4"\nmain_url = "{none}"'))
        result = runner.invoke(app, ["edge", "check", "--config", str(path)])
    assert result.exit_code == 0
    words = " ".join(result.stdout.split())
    assert "main stream 960x540 h264" in words
    assert "main stream: refused: The device answers" in words
    assert "hunter2" not in result.output


def test_check_says_when_no_camera_answers(runner: CliRunner, tmp_path: Path) -> None:
    """Exit code 4, with the advice."""
    path = config(tmp_path, f"rtsp://127.0.0.1:{free_port()}/live")
    result = runner.invoke(app, ["edge", "check", "--config", path])
    assert result.exit_code == 4
    assert "check the port" in " ".join(result.stdout.split())
    assert "hunter2" not in result.output


def test_settings_alone_can_be_checked(runner: CliRunner, tmp_path: Path) -> None:
    """Before the cameras are mounted."""
    path = config(tmp_path, "rtsp://camera.local/live")
    result = runner.invoke(app, ["edge", "check", "--config", path, "--no-dry-run"])
    assert result.exit_code == 0
    assert "1 cameras" in result.stdout.replace("\n", "")


def test_without_settings_the_service_says_what_it_wants(runner: CliRunner) -> None:
    """As an error of settings, not as a traceback."""
    result = runner.invoke(app, ["edge"])
    assert isinstance(result.exception, SettingsError)
    assert "--config" in str(result.exception)


def test_a_log_line_is_one_json_object_without_credentials() -> None:
    """Also in a traceback, and over several lines of message."""
    try:
        raise RuntimeError("rtsp://viewer:hunter2@camera/live broke")
    except RuntimeError:
        record = logging.LogRecord(
            "kitchenvision.edge.reader",
            logging.ERROR,
            "f",
            1,
            "a\nb rtsp://viewer:hunter2@camera",
            (),
            sys.exc_info(),
        )
    record.camera_id = "cooking"
    line = JsonLines().format(record)
    row = json.loads(line)
    assert "\n" not in line
    assert (row["level"], row["part"], row["camera_id"]) == ("error", "edge.reader", "cooking")
    assert "RuntimeError" in row["trace"]
    assert "hunter2" not in line
