"""What a box says of itself: told at once when it changes, else seldom, and never in the way of anything."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from delivery.fake_regulator import BASE, TOKEN
from faults.processes import Process, free_port

from kitchenvision import __version__
from kitchenvision.delivery import make_client
from kitchenvision.delivery.answers import RegulatorAway
from kitchenvision.delivery.box import BoxLink
from kitchenvision.edge.box import BoxTeller, box_state
from kitchenvision.edge.state import CameraState
from kitchenvision.errors import DeliveryRefused
from kitchenvision.regulator import setup
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.wire import ClockState, ModelRef
from kitchenvision.wire_box import BoxState, box_model

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
MODEL = box_model(ModelRef(name="canteen-n", version="0.4.0", files={"a.onnx": "ab" * 32}))
OTHER = box_model(ModelRef(name="canteen-n", version="0.4.0", files={"a.onnx": "cd" * 32}))
CAMERAS = (
    CameraState("cooking", "热菜间", "rtsp://camera/1", "live", model=MODEL),
    CameraState("serving", "serving", "rtsp://camera/2", model=None),
)


class Box:
    """A box with a clock of its own and a regulator that answers as told."""

    def __init__(self, status: int = 204) -> None:
        self.status, self.now_s, self.cameras = status, 0.0, CAMERAS
        self.requests: list[httpx.Request] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self.status)

    def state(self) -> BoxState:
        now = NOW + timedelta(seconds=self.now_s)
        clock = ClockState(checked_at=now, synchronised=True, max_error_s=self.now_s / 2000)
        return box_state("canteen-1", self.cameras, NOW, now, clock)

    @contextmanager
    def teller(self) -> Iterator[BoxTeller]:
        with make_client(BASE, TOKEN, transport=httpx.MockTransport(self.answer)) as client:
            yield BoxTeller(BoxLink(client), self.state, lambda: self.now_s)


def test_it_tells_version_models_start_and_clock() -> None:
    """With the canteen's token, to the address of the wire; the same models are told apart by their files."""
    box = Box()
    with box.teller() as teller:
        teller.step()
    (request,) = box.requests
    assert (request.method, request.url.path) == ("PUT", "/api/v1/box")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    told = BoxState.model_validate_json(request.content)
    assert (told.software_version, told.profile, told.started_at) == (__version__, "fast", NOW)
    assert [(one.camera_id, one.live, one.model) for one in told.cameras] == [
        ("cooking", True, MODEL),
        ("serving", False, None),
    ]
    assert told.clock is not None
    assert told.clock.synchronised
    assert MODEL.sha256 != OTHER.sha256


def test_it_is_told_again_when_something_changes_and_else_every_ten_minutes() -> None:
    """The clock's error changes all the time and is no reason."""
    box = Box()
    with box.teller() as teller:
        for _ in range(110):
            box.now_s += teller.step()
        assert len(box.requests) == 1
        box.cameras = (CAMERAS[0], replace(CAMERAS[1], model=OTHER))
        teller.step()
        assert len(box.requests) == 2
        for _ in range(130):
            box.now_s += teller.step()
    assert len(box.requests) == 3
    assert json.loads(box.requests[-1].content)["told_at"] > json.loads(box.requests[0].content)["told_at"]


@pytest.mark.parametrize(("status", "wait_s"), [(404, 3600.0), (503, 60.0), (401, 60.0), (422, 3600.0)])
def test_a_regulator_that_does_not_take_it_is_asked_later_and_told_of_once(
    status: int, wait_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    """One that is older than the edge knows no such address; it may be updated."""
    box = Box(status)
    with box.teller() as teller:
        assert teller.step() == wait_s
        assert teller.step() == wait_s
        assert str(status) in teller.problem
        assert len(caplog.records) == 1
        assert TOKEN not in caplog.text
        box.status = 204
        assert teller.step() < 60
        assert teller.problem == ""


@pytest.mark.parametrize(("status", "error"), [(404, DeliveryRefused), (302, RegulatorAway)])
def test_an_older_regulator_is_no_broken_one(status: int, error: type[Exception]) -> None:
    """It is asked seldom; one that sends on is a wrong address."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status))
    with make_client(BASE, TOKEN, transport=transport) as client, pytest.raises(error):
        BoxLink(client).tell(b"{}")


@pytest.mark.slow
def test_a_real_regulator_shows_it_to_its_administrator(tmp_path: Path) -> None:
    """Over HTTP on loopback, from the teller to the page of devices."""
    port, data = free_port(), tmp_path / "regulator"
    known = RegulatorSettings(data_dir=data, port=port)
    setup.prepare(known)
    token = setup.add_canteen(known, "canteen-1")
    process = Process("faults.regulator_process", str(data), str(port), log=tmp_path / "regulator.log")
    try:
        process.wait_ready()
        with make_client(f"http://127.0.0.1:{port}", token) as client:
            BoxTeller(BoxLink(client), Box().state).step()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as browser:
            once = setup.one_time_link(known, "admin").rsplit("/", 1)[1]
            browser.get(f"/login/once/{once}")
            page = browser.get("/devices", params={"lang": "en"}).text
    finally:
        process.kill()
    assert f"kitchenvision {__version__} · canteen-n 0.4.0" in page
    assert "serving · no picture · is loading its model" in page
