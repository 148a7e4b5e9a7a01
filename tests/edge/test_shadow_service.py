"""Another model for a running service: tried by its side, then put in its place, without a camera noticing."""

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from fake_stream import FakeStream
from live import CLIPS
from regulator.asgi import TestClient
from rtsp_server_path import free_port, playing
from staged import staged_eyes, staged_settings
from test_edge_page import DELIVERY
from typer.testing import CliRunner

from kitchenvision.build import model_place, open_named
from kitchenvision.cli import app
from kitchenvision.detect.model_card import models_folder
from kitchenvision.edge.clock import SteadyClock
from kitchenvision.edge.disk import DiskFacts
from kitchenvision.edge.job import Job
from kitchenvision.edge.lifecycle import Limits
from kitchenvision.edge.mailbox import Arrival, Mailbox
from kitchenvision.edge.page import Board, create_page
from kitchenvision.edge.reader import Wiring
from kitchenvision.edge.reload import differences, refuse_fixed
from kitchenvision.edge.settings import read_edge_settings
from kitchenvision.edge.shadow_report import REPORT, ShadowReport
from kitchenvision.edge.worker import Worker
from kitchenvision.errors import ModelError, SettingsError
from kitchenvision.outbox import Outbox
from kitchenvision.rules.registry import all_rules
from kitchenvision.wire import ConfirmedReport, EndedReport, parse_report
from kitchenvision.wire_box import BoxModel, BoxShadow, ShadowRule

RULE = ShadowRule(rule_id="no_hat", both=90, opposite=9, only_old=3, only_new=4, confirmed_both=5, confirmed_new=1)
SHADOW = BoxShadow(
    model=BoxModel(name="newer", version="0.5", sha256="cd" * 32),
    since=datetime.now(UTC) - timedelta(hours=2),
    looked=1000,
    left_out=7,
    errors=1,
    rules=(RULE,),
)
OLD = BoxModel(name="canteen-n", version="0.4", sha256="ab" * 32)
TOML = """# the canteen's box
canteen_id = "canteen-1"
data = "data"
analysis_fps = 5

[page]
port = 0

[[cameras]]
id = "cooking"   # over the stove
url = "rtsp://127.0.0.1:1/live"
"""


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """A model in a folder of its own that looks at wider crops: another model, and it differs."""
    bundled = models_folder(None) / "canteen-n"
    folder = tmp_path / "models" / "wider"
    shutil.copytree(bundled, folder)
    text = (folder / "model.toml").read_text("utf-8")
    crop = re.search(r"^crop_heads = ([0-9.]+)", text, re.M)
    assert crop
    text = text.replace(crop.group(0), f"crop_heads = {float(crop.group(1)) * 1.5:g}")
    text = re.sub(r"^name = .*$", 'name = "wider"', text, flags=re.M)
    (folder / "model.toml").write_text(
        re.sub(r"^version = .*$", 'version = "99"', text, count=1, flags=re.M), "utf-8"
    )
    return folder


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    """An edge.toml."""
    path = tmp_path / "edge.toml"
    path.write_text(TOML, "utf-8")
    (tmp_path / "data").mkdir()
    return path


def run(*words: str) -> str:
    """What the command says; it must not fail."""
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def read(path: Path) -> Any:
    return read_edge_settings(path, tuple(all_rules()))


def test_the_three_commands_change_the_settings_and_nothing_else(toml: Path, newer: Path) -> None:
    """Comments stay; what differed so far is said before anything is decided."""
    assert "no model looks along" in run("models", "shadow", "--config", str(toml))
    run("models", "shadow", str(newer), "--config", str(toml))
    assert read(toml).shadow == str(newer)
    assert "# over the stove" in toml.read_text("utf-8")
    assert "has not looked along yet" in run("models", "shadow", "--config", str(toml))
    report = ShadowReport(old=OLD, shadow=SHADOW)
    (toml.parent / "data" / REPORT).write_text(report.model_dump_json(), "utf-8")
    told = run("models", "promote", "--config", str(toml))
    assert "newer 0.5 beside canteen-n 0.4" in told
    assert "1000 frames, 7 left out, 1 errors" in told
    assert "judged by both 90 times, 9 opposite (10.0%)" in told
    assert (read(toml).model, read(toml).shadow) == (str(newer), None)
    run("models", "shadow", "canteen-n", "--config", str(toml))
    assert read(toml).shadow == "canteen-n"
    run("models", "drop", "--config", str(toml))
    assert (read(toml).model, read(toml).shadow) == (str(newer), None)


def test_what_cannot_look_is_refused_before_it_is_written(toml: Path, newer: Path) -> None:
    """A model that is not there, or whose files are others; and nothing to promote or drop."""
    before = toml.read_text("utf-8")
    with (newer / "zoom.onnx").open("ab") as file:
        file.write(b"x")
    for model in (str(newer), "nobody"):
        with pytest.raises(ModelError):
            run("models", "shadow", model, "--config", str(toml))
    for command in ("promote", "drop"):
        with pytest.raises(SettingsError, match="no model looks along"):
            run("models", command, "--config", str(toml))
    assert toml.read_text("utf-8") == before


def test_a_model_is_named_by_its_name_or_by_the_path_of_its_folder(toml: Path, newer: Path) -> None:
    """A path in the file is relative to the file."""
    toml.write_text('shadow = "models/wider"\n' + TOML, "utf-8")
    assert model_place(None, read(toml).shadow) == (newer.parent, "wider")
    assert model_place(newer.parent, "wider") == (newer.parent, "wider")
    assert model_place(newer.parent, None) == (newer.parent, None)


def test_another_model_needs_no_restart_and_another_folder_of_models_does(toml: Path) -> None:
    before = read(toml)
    after = before.model_copy(update={"model": "wider", "shadow": "other"})
    assert [line.partition(":")[0] for line in differences(before, after)] == ["model", "shadow"]
    refuse_fixed(before, after, "edge.toml")
    with pytest.raises(SettingsError, match="restart"):
        refuse_fixed(before, before.model_copy(update={"models": Path("/elsewhere")}), "edge.toml")


def client(shadow: BoxShadow | None) -> TestClient:
    settings = staged_settings(Path("/nowhere"), {"cooking": "rtsp://camera/live"})
    return TestClient(create_page(Board(settings, list, lambda: DELIVERY, DiskFacts, shadow=lambda: shadow)))


def test_the_page_and_the_metrics_show_what_differs() -> None:
    """In both languages; nothing where no model looks along."""
    one = client(SHADOW)
    en, zh = one.get("/?lang=en").text, one.get("/?lang=zh").text
    assert (
        "newer 0.5 has looked along for 2 h and accuses nobody · 1000 frames, 7 left out · ▲ failed 1 times" in en
    )
    assert "judged by both 90 times, 9 opposite; by the old alone 3, the new alone 4." in en
    assert "Would have reported: both 5, the old alone 0, the new alone 1." in en
    assert "newer 0.5 已试运行 2 小时，不上报" in zh
    lines = one.get("/metrics").text.splitlines()
    assert 'kitchenvision_shadow_looks_total{rule="no_hat",result="same"} 81' in lines
    assert 'kitchenvision_shadow_looks_total{rule="no_hat",result="opposite"} 9' in lines
    assert 'kitchenvision_shadow_violations_total{rule="no_hat",result="new alone"} 1' in lines
    assert 'kitchenvision_shadow_frames_total{result="left out"} 7' in lines
    assert one.get("/api/state").json()["shadow"]["rules"][0]["opposite"] == 9
    assert "shadow" not in client(None).get("/metrics").text
    assert "looked along" not in client(None).get("/?lang=en").text


class Running:
    """A worker over staged eyes, in this process."""

    def __init__(self, folder: Path, outbox: Outbox) -> None:
        urls = {"cooking": "rtsp://127.0.0.1:9/none"}
        self.mailbox, self.stream = Mailbox(), FakeStream()
        self.job = Job(staged_settings(folder, urls), urls, ("cooking",))
        self.worker = Worker(self.job, staged_eyes(), outbox, Wiring(self.mailbox, SteadyClock(), Limits()))

    def see(self, begins_s: float, frames: int) -> None:
        for i in range(frames):
            at_s = begins_s + i / 5
            arrival = Arrival("cooking", 1, self.stream, self.stream.say(at_s), 1000 + at_s)  # type: ignore[arg-type]
            self.mailbox.put(arrival)
            while not self.worker.step():
                pass

    def take(self, model: str) -> None:
        settings = self.job.settings.model_copy(update={"model": model})
        self.worker.reload(Job(settings, self.job.addresses, self.job.camera_ids))


def test_another_model_takes_over_in_the_same_media_time(tmp_path: Path, newer: Path) -> None:
    """What was open ends and is told; the reader is the same; the state says who looks now."""
    with Outbox(tmp_path / "outbox") as outbox:
        running = Running(tmp_path, outbox)
        running.see(0.0, 20)
        camera = running.worker._cameras["cooking"]
        reader, pipeline = camera.reader, camera.line.pipeline
        running.take(str(newer))
        reports = [parse_report(item.body) for item in outbox.list() if item.kind != "observed"]
        (confirmed,) = [report for report in reports if isinstance(report, ConfirmedReport)]
        (ended,) = [report for report in reports if isinstance(report, EndedReport)]
        assert (ended.violation_id, ended.reason) == (confirmed.violation_id, "restarted")
        running.see(4.0, 5)
        assert camera is running.worker._cameras["cooking"]
        assert camera.reader is reader
        assert camera.line.pipeline is not pipeline
        assert camera.line.pipeline is not None
        assert camera.line.pipeline.seen is not None
        assert camera.line.pipeline.seen.frame.media_s == pytest.approx(4.8, abs=0.01)
        (state,) = running.worker.states()
        assert state.model is not None
        assert (state.model.name, state.model.version) == ("wider", "99")
        running.worker.close()


@pytest.mark.logs_errors
def test_a_model_that_cannot_be_opened_leaves_the_old_one_in_its_place(tmp_path: Path) -> None:
    """And what it has open."""
    with Outbox(tmp_path / "outbox") as outbox:
        running = Running(tmp_path, outbox)
        running.see(0.0, 20)
        pipeline = running.worker._cameras["cooking"].line.pipeline
        running.take("nobody")
        assert running.worker._cameras["cooking"].line.pipeline is pipeline
        (state,) = running.worker.states()
        assert state.model is not None
        assert state.model.name == staged_eyes().card.name
        running.worker.close()


def test_the_wider_model_is_another_one(newer: Path) -> None:
    """Else the test below would show nothing."""
    assert open_named(newer.parent, "wider").card.zoom.crop_heads != staged_eyes().card.zoom.crop_heads


def wait_for(done: Any, seconds: float = 240.0) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until
        time.sleep(0.2)


@pytest.mark.slow
def test_a_running_service_tries_a_model_survives_its_death_and_takes_it_over(tmp_path: Path, newer: Path) -> None:
    """The whole command, a real stream, real models; a frame a second: a worker without pause gives none."""
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server is not installed: pip install aio-rtsp-toolkit")
    logging.getLogger("rtsp server").setLevel(logging.CRITICAL)
    path, port = tmp_path / "edge.toml", free_port()
    with playing(CLIPS) as host, (tmp_path / "log").open("wb") as log, httpx.Client(trust_env=False) as browser:
        path.write_text(
            f'canteen_id = "c"\ndata = "data"\nworkers = 1\nanalysis_fps = 1\n[page]\nport = {port}\n'
            f'[[cameras]]\nid = "first"\nurl = "rtsp://{host}/A3.mp4"\n'
        )
        command = [
            sys.executable,
            "-c",
            "from kitchenvision.cli import main; main()",
            "edge",
            "--config",
            str(path),
        ]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
        try:
            assert process.stdout is not None
            assert b"Status page" in process.stdout.readline()

            def told() -> dict[str, Any]:
                answer: dict[str, Any] = browser.get(f"http://127.0.0.1:{port}/api/state").json()
                return answer

            def looked() -> int:
                return told()["shadow"]["looked"] if told()["shadow"] else 0

            wait_for(lambda: told()["cameras"][0]["analysed"] > 0)
            assert told()["shadow"] is None
            run("models", "shadow", str(newer), "--config", str(path))
            wait_for(lambda: looked() > 1)
            before = looked()
            (shadow,) = [one for one in psutil.Process(process.pid).children() if one.nice() == 19]
            shadow.send_signal(signal.SIGKILL)
            wait_for(lambda: looked() > before)
            assert told()["shadow"]["errors"] == 1
            run("models", "promote", "--config", str(path))
            wait_for(lambda: (told()["cameras"][0]["model"] or {}).get("name") == "wider")
            analysed = told()["cameras"][0]["analysed"]
            wait_for(lambda: told()["cameras"][0]["analysed"] > analysed)
            state = told()
            assert state["shadow"] is None
            assert set(state["cameras"][0]["reconnects"]) <= {"ended"}, "the clip ends and begins again"
            assert not [one for one in psutil.Process(process.pid).children() if one.nice() == 19]
        finally:
            process.terminate()
            process.communicate(timeout=30)
    rows = [json.loads(line)["message"] for line in (tmp_path / "log").read_text("utf-8").splitlines()]
    assert sum(row.startswith("worker") and "watches" in row for row in rows) == 1
    assert any("the model wider 99 looks from now on" in row for row in rows)
    assert process.returncode == 0
