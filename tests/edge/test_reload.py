"""Settings that change while the service runs: all or none, told without secrets, and nobody else is disturbed."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import confirmed_in, run_until
from rtsp_server_path import free_port, playing
from staged import staged_clips, staged_eyes, staged_settings

from kitchenvision.edge.clock import SteadyClock
from kitchenvision.edge.job import Job
from kitchenvision.edge.mailbox import Mailbox
from kitchenvision.edge.reader import Wiring
from kitchenvision.edge.reload import Reloader, differences
from kitchenvision.edge.settings import CameraSection, EdgeSettings, addresses, read_edge_settings
from kitchenvision.edge.worker import Worker
from kitchenvision.outbox import Outbox
from kitchenvision.wire import ConfirmedReport, EndedReport, parse_report

RULES = ("no_hat", "no_mask", "smoking")
CLIPS = Path(__file__).resolve().parents[2] / "sample_videos"
TEXT = """
canteen_id = "canteen-1"
data = "data"
[[cameras]]
id = "stove"
url = "rtsp://192.0.2.1/live"
username = "viewer"
password_file = "secret"
"""


class Site:
    """A settings file, the reloader over it, and a clock that a test sets."""

    def __init__(self, folder: Path) -> None:
        self.path, self.secret = folder / "edge.toml", folder / "secret"
        self.now_s, self.applied = 0.0, list[EdgeSettings]()
        self.secret.write_text("hunter2")
        self.write(TEXT)
        self.reloader = Reloader(
            self.path, self.read, lambda settings, _: self.applied.append(settings), self.read(), lambda: self.now_s
        )

    def read(self) -> tuple[EdgeSettings, dict[str, str]]:
        settings = read_edge_settings(self.path, RULES)
        return settings, addresses(settings, str(self.path), {})

    def write(self, text: str) -> None:
        self.path.write_text(text, "utf-8")

    def after(self, seconds: float) -> bool:
        """Whether other settings hold after so long, looked at five times a second."""
        changed = False
        for _ in range(round(seconds * 5)):
            self.now_s += 0.2
            changed = self.reloader.check() or changed
        return changed


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_what_did_not_change_is_not_read(site: Site) -> None:
    """For hours."""
    assert not site.after(60)
    assert not site.applied


def test_a_changed_file_is_taken_over_once_with_a_word_on_each_change(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Key, old and new value."""
    caplog.set_level(logging.INFO)
    more = '[[cameras]]\nid = "door"\nurl = "rtsp://192.0.2.2/live?user=a&password=hunter3"\n'
    site.write("calm_fps = 2\n" + TEXT + more)
    assert site.after(6)
    assert len(site.applied) == 1
    assert [camera.id for camera in site.applied[0].cameras] == ["stove", "door"]
    assert "settings: calm_fps: 1.0 -> 2.0" in caplog.messages
    assert 'settings: cameras.door.url: absent -> "rtsp://192.0.2.2/live"' in caplog.messages
    assert "hunter" not in caplog.text


def test_a_file_that_is_still_being_written_is_left_alone(site: Site) -> None:
    """It has to be at rest for two seconds."""
    for turn in range(8):
        site.write(TEXT + "\n" * (turn + 1))
        assert not site.after(1.8)
    site.write(TEXT.replace("192.0.2.1", "192.0.2.9"))
    assert site.after(6)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("nonsense = [", "not TOML"),
        ('colour = "red"\n' + TEXT, "unknown key"),
        (TEXT.replace("rtsp://192.0.2.1/live", "file:///etc/passwd"), "expected an address"),
        (TEXT.replace('"secret"', '"nowhere"'), "cannot be read"),
        (TEXT.replace('"data"', '"elsewhere"'), "needs a restart"),
        (TEXT.replace("canteen-1", "canteen-2"), "needs a restart"),
        ("[page]\nport = 99\n" + TEXT.replace("\n[[", "\n[[", 1), "needs a restart"),
    ],
    ids=["no toml", "unknown key", "bad value", "no password", "data folder", "canteen", "port"],
)
def test_wrong_settings_change_nothing_and_are_told_once(
    site: Site, caplog: pytest.LogCaptureFixture, text: str, word: str
) -> None:
    """Also when only one key of many is wrong; right ones afterwards are taken."""
    if text.startswith("[page]"):
        text = TEXT + "[page]\nport = 99\n"
    site.write(text.replace('canteen_id = "canteen-', 'calm_fps = 3\ncanteen_id = "canteen-', 1))
    assert not site.after(20)
    assert not site.applied
    told = [message for message in caplog.messages if "NOT taken over" in message]
    assert len(told) == 1
    assert word in told[0]
    site.write("calm_fps = 2\n" + TEXT)
    assert site.after(6)
    assert site.applied[0].calm_fps == 2.0


def test_another_password_is_a_change_of_that_camera(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Its file is watched as well; the password is nowhere."""
    caplog.set_level(logging.INFO)
    site.secret.write_text("correct horse")
    assert site.after(6)
    assert "settings: cameras.stove: another password" in caplog.messages
    assert "horse" not in caplog.text


def test_a_signal_reads_at_once(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """And says so when there is nothing new."""
    caplog.set_level(logging.INFO)
    site.write("calm_fps = 2\n" + TEXT)
    site.reloader.ask()
    assert site.reloader.check()
    assert not site.after(10)
    site.reloader.ask()
    assert not site.reloader.check()
    assert "nothing has changed" in caplog.messages[-1]


def test_where_a_secret_could_stand_no_value_is_told(tmp_path: Path) -> None:
    """Somebody may have put the password where its variable's name belongs."""
    camera = CameraSection(id="a", url="rtsp://camera/live", username="viewer", password_env="hunter2")
    before = EdgeSettings(canteen_id="c", data=tmp_path, cameras=(camera,))
    after = before.model_copy(update={"cameras": (camera.model_copy(update={"password_env": "hunter3"}),)})
    assert differences(before, after) == ["cameras.a.password_env: changed"]
    assert not differences(before, before)


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """The sample clips on a real RTSP server."""
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server is not installed: pip install aio-rtsp-toolkit")
    logging.getLogger("rtsp server").setLevel(logging.CRITICAL)
    with playing(CLIPS) as address:
        yield address


@pytest.mark.slow
def test_a_camera_that_did_not_change_goes_on_as_it_is(tmp_path: Path) -> None:
    """Its connection, its media time, its open findings; another begins anew, one that is gone is told as ended."""
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server is not installed: pip install aio-rtsp-toolkit")
    logging.getLogger("rtsp server").setLevel(logging.CRITICAL)
    (tmp_path / "clips").mkdir()
    staged_clips(tmp_path / "clips", seconds=120)
    with playing(tmp_path / "clips") as server, Outbox(tmp_path / "outbox") as outbox:
        urls = {name: f"rtsp://{server}/cam_a.mp4" for name in ("stays", "changes", "goes")}
        settings = staged_settings(tmp_path, urls)
        wiring = Wiring(Mailbox(), SteadyClock(), settings.times.limits())
        worker = Worker(Job(settings, urls, tuple(urls)), staged_eyes(), outbox, wiring)
        try:
            run_until(worker, lambda: {report.camera_id for report in confirmed_in(tmp_path)} == set(urls), 90)
            stays, changes = worker._cameras["stays"], worker._cameras["changes"]
            source, analysed = stays.reader.source, stays.line.facts.analysed
            now = changed(settings)
            new_urls = {camera.id: camera.url for camera in now.cameras}
            worker.reload(Job(now, new_urls, tuple(new_urls)))
            assert worker._cameras["stays"] is stays
            assert stays.reader.source is source
            assert worker._cameras["changes"] is not changes
            run_until(worker, lambda: all(state.analysed for state in worker.states()), 60)
            assert {state.camera_id for state in worker.states()} == {"stays", "changes", "comes"}
            assert stays.line.facts.analysed > analysed
            assert not stays.reader.lifecycle.reconnects
        finally:
            worker.close()
        reports = [parse_report(item.body) for item in outbox.list() if item.kind != "observed"]
    told = {report.violation_id for report in reports if isinstance(report, ConfirmedReport)}
    ended = [report.violation_id for report in reports if isinstance(report, EndedReport)]
    assert sorted(ended) == sorted(told)


def changed(settings: EdgeSettings) -> EdgeSettings:
    """One camera as it was, one changed, one new, one gone; and what no camera's line depends on."""
    sections = {camera.id: camera for camera in settings.cameras}
    cameras = (
        sections["stays"],
        sections["changes"].model_copy(update={"transport": "tcp", "name": "B"}),
        CameraSection(id="comes", url=sections["stays"].url),
    )
    disk = settings.disk.model_copy(update={"keep_days": 1.0})
    return settings.model_copy(update={"cameras": cameras, "disk": disk})


@pytest.mark.slow
def test_the_running_service_takes_over_a_camera_more(host: str, tmp_path: Path) -> None:
    """The whole command: edited, told by SIGHUP; the first camera does not notice, a wrong file changes nothing."""
    path, port = tmp_path / "edge.toml", free_port()
    head = f'canteen_id = "c"\ndata = "data"\nanalysis_fps = 2\nworkers = 1\n[page]\nport = {port}\n'

    def camera(name: str) -> str:
        return f'[[cameras]]\nid = "{name}"\nurl = "rtsp://{host}/A3.mp4"\n'

    path.write_text(head + camera("first"))
    command = [sys.executable, "-c", "from kitchenvision.cli import main; main()", "edge", "--config", str(path)]
    with (tmp_path / "log").open("wb") as log, httpx.Client(trust_env=False) as client:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        try:
            assert process.stdout is not None
            assert b"Status page" in process.stdout.readline()

            def states() -> dict[str, dict[str, Any]]:
                rows = client.get(f"http://127.0.0.1:{port}/api/state").json()["cameras"]
                return {row["camera_id"]: row for row in rows}

            wait_for(lambda: states()["first"]["analysed"] > 0)
            path.write_text(head + camera("first") + camera("second"))
            process.send_signal(signal.SIGHUP)
            wait_for(lambda: states().get("second", {}).get("analysed", 0) > 0)
            path.write_text(head + camera("first") + camera("first"))
            process.send_signal(signal.SIGHUP)
            wait_for(lambda: b"NOT taken over" in (tmp_path / "log").read_bytes())
            assert set(states()) == {"first", "second"}
        finally:
            process.terminate()
            process.communicate(timeout=30)
    rows = [json.loads(line) for line in (tmp_path / "log").read_text("utf-8").splitlines()]
    messages = [row["message"] for row in rows]
    assert any("cameras.second.url: absent" in message for message in messages)
    assert sum(message.startswith("worker") and "watches" in message for message in messages) == 1
    assert process.returncode == 0


def wait_for(done: Any, seconds: float = 90.0) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until
        time.sleep(0.2)
