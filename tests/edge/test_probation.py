"""A camera on probation looks, keeps what it finds, and accuses nobody until it is released."""

import json
import logging
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from live import confirmed_in, run_until
from rtsp_server_path import playing
from staged import staged_clips, staged_eyes, staged_settings
from test_disk_guard import NOW, Box

from kitchenvision.edge import probation
from kitchenvision.edge.clock import SteadyClock
from kitchenvision.edge.job import Job
from kitchenvision.edge.mailbox import Mailbox
from kitchenvision.edge.mutes import WEEKDAYS, MuteSection
from kitchenvision.edge.reader import Wiring
from kitchenvision.edge.worker import Worker
from kitchenvision.outbox import Outbox


def kept(data: Path, name: str, at: datetime, rule_id: str = "no_hat") -> Path:
    """A finding on probation."""
    folder = data / "probation" / "cooking" / f"{at:%Y-%m-%d}" / f"{rule_id}-{name}"
    folder.mkdir(parents=True)
    facts = {"captured_at": at.isoformat(), "rule_id": rule_id, "zone": "stove", "confidence": 0.9}
    (folder / "evidence.json").write_text(json.dumps({"facts": facts}))
    (folder / "head.jpg").write_bytes(b"head " + name.encode())
    return folder


def test_the_newest_findings_come_first_and_all_are_counted(tmp_path: Path) -> None:
    """Also over days; what cannot be read is left out."""
    for i in range(5):
        kept(tmp_path, f"000000000{i}", NOW + timedelta(hours=9 * i))
    (kept(tmp_path, "broken0000", NOW) / "evidence.json").write_text("{")
    newest, count = probation.findings(tmp_path, "cooking", 3)
    assert [one.key[-1] for one in newest] == ["4", "3", "2"]
    assert count == 6
    assert newest[0].zone == "stove"
    assert probation.findings(tmp_path, "other", 3) == ([], 0)


@pytest.mark.parametrize(
    ("camera", "key", "name"),
    [
        ("cooking", "2026-03-12/no_hat-0000000000", "evidence.json"),
        ("cooking", "../../evidence", "head.jpg"),
        ("..", "2026-03-12/no_hat-0000000000", "head.jpg"),
        ("cooking", "2026-03-12/no_hat-0000000001", "head.jpg"),
    ],
)
def test_only_pictures_of_findings_are_given_out(tmp_path: Path, camera: str, key: str, name: str) -> None:
    """The page hands what an address says to this function."""
    kept(tmp_path, "0000000000", NOW)
    assert probation.picture(tmp_path, "cooking", "2026-03-12/no_hat-0000000000", "head.jpg") == b"head 0000000000"
    assert probation.picture(tmp_path, camera, key, name) is None


def test_what_was_found_on_probation_goes_by_age_and_first_when_space_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It backs no accusation; what the regulator does not have stays all the same."""
    box = Box(tmp_path, monkeypatch)
    old, young = kept(tmp_path, "0000000001", NOW - timedelta(days=31)), kept(tmp_path, "0000000002", NOW)
    accused = box.finding("waits", 40)
    assert box.guard.tidy(NOW) == 1
    assert (old.exists(), young.exists(), accused.exists()) == (False, True, True)
    assert box.guard.facts().used > 1000
    box.free = 0
    box.guard.tidy(NOW)
    assert (young.exists(), accused.exists()) == (False, True)


@pytest.mark.slow
def test_on_probation_findings_stay_here_and_after_the_release_they_are_reported(tmp_path: Path) -> None:
    """A real stream: the same kitchen, before and after; a mute takes hold on the running line."""
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server is not installed: pip install aio-rtsp-toolkit")
    logging.getLogger("rtsp server").setLevel(logging.CRITICAL)
    (tmp_path / "clips").mkdir()
    staged_clips(tmp_path / "clips", seconds=120)
    with playing(tmp_path / "clips") as server, Outbox(tmp_path / "outbox") as outbox:
        urls = {"new": f"rtsp://{server}/cam_a.mp4"}
        released = staged_settings(tmp_path, urls)
        camera = released.cameras[0].model_copy(update={"probation": True})
        settings = released.model_copy(update={"cameras": (camera,)})
        wiring = Wiring(Mailbox(), SteadyClock(), settings.times.limits())
        worker = Worker(Job(settings, urls, ("new",)), staged_eyes(), outbox, wiring)
        try:
            run_until(worker, lambda: probation.findings(tmp_path, "new", 9)[1] > 0, 60)
            (state,) = worker.states()
            assert state.probation
            assert state.violations > 0
            assert confirmed_in(tmp_path) == []
            assert all(one.observed_s == 0 for one in state.rule_times)
            worker.reload(Job(released, urls, ("new",)))
            run_until(worker, lambda: bool(confirmed_in(tmp_path)), 60)
            line = worker._cameras["new"].line
            muted = released.model_copy(update={"mutes": (MuteSection(weekdays=WEEKDAYS, reason="repair"),)})
            worker.reload(Job(muted, urls, ("new",)))
            assert worker._cameras["new"].line is line
            analysed = line.facts.analysed
            run_until(worker, lambda: line.facts.unseen_s >= 2, 30)
            (state,) = worker.states()
            assert (state.muted, state.mute_reason, state.muted_until) == (True, "repair", None)
            assert line.facts.analysed <= analysed + 1
        finally:
            worker.close()
    told = {report.violation_id for report in confirmed_in(tmp_path)}
    tried = {path.name.partition("-")[2] for path in (tmp_path / "probation").glob("*/*/*")}
    assert not {one[:10] for one in told} & tried
