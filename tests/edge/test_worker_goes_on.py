"""A worker over streams that a test plays: other settings, broken frames and stuck readers disturb nobody else."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest
from fake_stream import FakeStream
from staged import staged_eyes, staged_settings

from kitchenvision.build import Eyes
from kitchenvision.edge import worker as worker_module
from kitchenvision.edge.clock import SteadyClock
from kitchenvision.edge.job import _ELSEWHERE, Job
from kitchenvision.edge.lifecycle import Limits
from kitchenvision.edge.mailbox import Mailbox
from kitchenvision.edge.mutes import MuteSection
from kitchenvision.edge.notify_settings import NotifySection
from kitchenvision.edge.reader import Wiring
from kitchenvision.edge.settings import CameraSection, EdgeSettings
from kitchenvision.edge.state import CameraState
from kitchenvision.edge.worker import Worker
from kitchenvision.errors import ModelError
from kitchenvision.outbox import Outbox

URLS = {"a": "rtsp://camera/a", "b": "rtsp://camera/b"}


class Site:
    """A worker, and the streams that it opened by address."""

    def __init__(self, folder: Path, eyes: Eyes) -> None:
        self.opened: list[tuple[str, FakeStream]] = []
        self.settings = staged_settings(folder, URLS)
        self.outbox = Outbox(folder / "outbox")
        wiring = Wiring(Mailbox(), SteadyClock(), Limits(), self._open, rng=random.Random(7))  # type: ignore[arg-type]
        self.worker = Worker(self.job(), eyes, self.outbox, wiring)

    def _open(self, url: str, *_: object) -> FakeStream:
        self.opened.append((url, FakeStream()))
        return self.opened[-1][1]

    def job(self, ids: tuple[str, ...] = ("a", "b"), **changed: Any) -> Job:
        """What it is to watch."""
        self.settings = self.settings.model_copy(update=changed)
        return Job(self.settings, {camera.id: camera.url for camera in self.settings.cameras}, ids)

    def until(self, done: Callable[[], bool]) -> None:
        """Steps it until something is so."""
        deadline = time.monotonic() + 10
        while not done():
            assert time.monotonic() < deadline, self.worker.states()
            self.worker.step()

    def live(self) -> None:
        """Every camera has a picture."""
        self.until(lambda: len(self.opened) >= 2)
        for _, stream in self.opened:
            stream.say(0.0)
        self.until(lambda: all(state.analysed for state in self.worker.states()))

    def state(self, camera_id: str) -> CameraState:
        return next(state for state in self.worker.states() if state.camera_id == camera_id)

    def stream(self, camera_id: str) -> FakeStream:
        """The newest of that camera."""
        return [stream for url, stream in self.opened if url == f"rtsp://camera/{camera_id}"][-1]


@pytest.fixture(scope="module")
def eyes() -> Eyes:
    return staged_eyes()


@pytest.fixture
def site(tmp_path: Path, eyes: Eyes) -> Iterator[Site]:
    """Closed in the end."""
    one = Site(tmp_path, eyes)
    yield one
    one.worker.close()
    one.outbox.close()


def with_camera(site: Site, camera_id: str, **changed: Any) -> tuple[CameraSection, ...]:
    """The cameras, one of them changed."""
    return tuple(one.model_copy(update=changed) if one.id == camera_id else one for one in site.settings.cameras)


def test_only_the_camera_that_changed_is_called_anew(site: Site) -> None:
    """The other keeps its connection and its counts."""
    site.live()
    before = site.state("a")
    site.worker.reload(site.job(cameras=with_camera(site, "b", name="洗碗间", key_frames_only=True)))
    site.until(lambda: len(site.opened) == 3)
    assert [url for url, _ in site.opened].count("rtsp://camera/a") == 1
    assert site.state("a").analysed == before.analysed
    assert site.state("b").name == "洗碗间"
    assert site.state("b").analysed == 0


def test_a_camera_that_goes_is_hung_up_and_what_it_still_sends_reaches_nobody(site: Site) -> None:
    """Its stream may have a frame on the way."""
    site.live()
    gone = site.stream("b")
    site.worker.reload(site.job(("a",)))
    gone.say(0.2)
    site.stream("a").say(0.2)
    site.until(lambda: site.state("a").analysed == 2)
    assert [state.camera_id for state in site.worker.states()] == ["a"]
    assert gone.closed.wait(5)
    site.worker.reload(site.job(("a", "b")))
    site.until(lambda: len(site.opened) == 3)


def elsewhere() -> dict[str, Any]:
    """Another value for each setting that no camera's line is made of."""
    return {
        "page": {"port": 1},
        "disk": {"keep_days": 1},
        "live": {"width": 64},
        "upload": {"kbit_s": 9},
        "regulator": {"url": "https://r"},
        "mutes": (MuteSection(weekdays=("sun",)),),
        "notify": (NotifySection(name="chef", way="webhook", address_env="CHEF"),),
        "model": "other",
        "shadow": "other",
    }


def test_settings_of_something_else_disturb_no_camera() -> None:
    """Each one that is said to be of something else is; each other one begins the camera anew."""
    settings = EdgeSettings(canteen_id="c", data=Path("d"), cameras=(CameraSection(id="a", url=URLS["a"]),))

    def line(changed: dict[str, Any]) -> object:
        return Job(EdgeSettings.model_validate(settings.model_dump() | changed), URLS, ("a",)).line_of("a")

    assert set(elsewhere()) == set(_ELSEWHERE)
    for key, value in elsewhere().items():
        assert line({key: value}) == line({}), key
    anew = {"canteen_id": "x", "timezone": "Asia/Shanghai", "analysis_fps": 4.0, "calm_fps": 2.0, "health": False,
            "observed_minutes": 5, "rules": {"no_hat": {"window_s": 4.0}}}  # fmt: skip
    for key, value in anew.items():
        assert line({key: value}) != line({}), key
    two = settings.model_copy(update={"cameras": (*settings.cameras, CameraSection(id="b", url=URLS["b"]))})
    assert Job(two, URLS, ("a", "b")).line_of("a") == line({}), "another camera beside it"
    assert Job(settings, {"a": "rtsp://u:other@camera/a"}, ("a",)).line_of("a") != line({}), "another password"


def test_a_mute_holds_and_ends_without_a_new_connection(site: Site) -> None:
    """From the next frame on nobody is judged, and its state says so with the reason."""
    site.live()
    looked = site.state("a").analysed
    week = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    site.worker.reload(site.job(mutes=(MuteSection(cameras=("a",), weekdays=week, reason="new lamp"),)))
    for i in range(1, 4):
        site.stream("a").say(i / 5)
        site.stream("b").say(i / 5)
    site.until(lambda: site.state("b").analysed + site.state("b").dropped == 4)
    site.until(lambda: site.worker.step() is False)
    assert (site.state("a").muted, site.state("a").mute_reason) == (True, "new lamp")
    assert site.state("a").analysed == looked
    assert not site.state("b").muted
    site.worker.reload(site.job(mutes=()))
    site.stream("a").say(1.0)
    site.until(lambda: site.state("a").analysed == looked + 1)
    assert len(site.opened) == 2


@pytest.mark.logs_errors
def test_a_frame_that_breaks_the_analysis_costs_that_frame_and_no_other_camera(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with its camera."""
    site.live()
    site.worker._cameras["a"].line.clock = lambda: 1 / 0  # type: ignore[assignment,return-value]
    site.stream("a").say(0.2)
    site.stream("b").say(0.2)
    site.until(lambda: site.state("b").analysed == 2)
    site.until(lambda: "camera a: a frame was not analysed" in caplog.text)
    assert "ZeroDivisionError" in caplog.text
    assert site.state("a").has_picture_now


@pytest.mark.logs_errors
def test_a_model_that_cannot_be_opened_leaves_the_old_one_looking(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was changed between check and load; the cameras go on, and the page shows which model looks."""

    def missing(*_: object, **__: object) -> Eyes:
        raise ModelError("models/next has no model.toml")

    monkeypatch.setattr(worker_module, "open_named", missing)
    site.live()
    model, looked = site.state("a").model, site.state("a").analysed
    site.worker.reload(site.job(model="next"))
    assert "the model next cannot be opened; the old one goes on" in caplog.text
    site.stream("a").say(0.2)
    site.until(lambda: site.state("a").analysed == looked + 1)
    assert site.state("a").model == model
    assert len(site.opened) == 2


def test_another_model_looks_from_the_next_frame_on_over_the_same_connection(
    site: Site, eyes: Eyes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And every camera says which."""
    other = replace(eyes, card=eyes.card.model_copy(update={"name": "next"}))
    monkeypatch.setattr(worker_module, "open_named", lambda *_, **__: other)
    site.live()
    site.worker.reload(site.job(model="next"))
    site.stream("a").say(0.2)
    site.until(lambda: site.state("a").analysed >= 2)
    names = {state.model.name for state in site.worker.states() if state.model}
    assert names == {"next"}
    assert len(site.opened) == 2


def test_too_many_stuck_readers_are_noticed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four may hang; with the fifth only a new process helps."""
    hanging = {"a": 2, "b": 2}
    for camera_id, count in hanging.items():
        reader = site.worker._cameras[camera_id].reader
        monkeypatch.setattr(type(reader), "abandoned", property(lambda self: hanging[self.camera_id]))
        assert reader.abandoned == count
    assert not site.worker.stuck()
    hanging["b"] = 3
    assert site.worker.stuck()


def test_a_worker_whose_supervisor_is_gone_ends_by_itself(
    tmp_path: Path, eyes: Eyes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody would read what it finds, and the next service needs its cameras."""
    monkeypatch.setattr(worker_module, "open_named", lambda *_, **__: eyes)
    monkeypatch.setattr(worker_module, "set_up_logs", lambda: None)
    monkeypatch.setattr(worker_module.signal, "signal", lambda *_: None)
    settings = staged_settings(tmp_path, {"a": "rtsp://127.0.0.1:1/live"})
    ours, theirs = Pipe()
    ours.close()
    worker_module.work(Job(settings, {"a": "rtsp://127.0.0.1:1/live"}, ("a",)), theirs)
    assert "the supervisor is gone" in caplog.text


def test_a_worker_takes_a_new_job_tells_its_cameras_and_stops_at_any_other_word(
    tmp_path: Path, eyes: Eyes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is told over the link, in order."""
    monkeypatch.setattr(worker_module, "open_named", lambda *_, **__: eyes)
    monkeypatch.setattr(worker_module, "set_up_logs", lambda: None)
    monkeypatch.setattr(worker_module.signal, "signal", lambda *_: None)
    urls = {name: "rtsp://127.0.0.1:1/live" for name in ("a", "b")}
    settings = staged_settings(tmp_path, urls)
    ours, theirs = Pipe()
    ours.send(Job(settings, urls, ("b",)))
    ours.send("stop")
    worker_module.work(Job(settings, urls, ("a",)), theirs)
    told = []
    while ours.poll():
        told += [state.camera_id for state in ours.recv()]
    assert set(told) <= {"a", "b"}
    theirs.close()
