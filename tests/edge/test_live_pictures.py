"""Small pictures for the wall: fairly among cameras, within the line's limit, and never in the way of anything."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from delivery.fake_regulator import BASE, TOKEN
from faults.processes import Process, free_port
from hypothesis import given, settings
from hypothesis import strategies as st
from live import run_until, settings_for, watching
from rtsp_server_path import playing

from kitchenvision.delivery import make_client
from kitchenvision.delivery.live import LiveLink
from kitchenvision.edge.live import LivePlan, LivePush
from kitchenvision.edge.settings import LiveSection, RegulatorSection
from kitchenvision.edge.state import CameraState
from kitchenvision.edge.words import Words
from kitchenvision.regulator import setup
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.wire import LiveBatch, LiveState

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
JPEG = b"\xff\xd8\xff" + bytes(3000)


def camera(name: str, at: datetime = NOW, size: int = 3000) -> CameraState:
    """One that gives a picture."""
    return CameraState(name, name, "rtsp://camera", "live", thumbnail=b"\xff\xd8\xff" + bytes(size), picture_at=at)


def plan(kbit_s: float = 512.0) -> LivePlan:
    return LivePlan(LiveSection(kbit_s=kbit_s), Words("en"), 0.0)


def test_a_picture_is_sent_once() -> None:
    """The next time only what is newer."""
    one, states = plan(), [camera("a"), camera("b")]
    due = one.due(states, 0.0, NOW)
    assert [state.camera_id for state in due.pictures] == ["a", "b"]
    one.sent(due, 0.0, 9000)
    later = NOW + timedelta(seconds=2)
    again = one.due([camera("a"), camera("b", later)], 2.0, later)
    assert [state.camera_id for state in again.pictures] == ["b"]


def test_a_camera_without_a_picture_is_told_with_its_reason_and_again_each_minute() -> None:
    """So that the wall knows a blind camera from a box that is off."""
    one = plan()
    dead = replace(camera("a"), state="backing off", cause="refused", blind_s=30.0)
    covered = replace(camera("b"), troubles=("covered",))
    moved = replace(camera("c"), troubles=("moved",))  # its picture can be seen
    due = one.due([dead, covered, moved], 0.0, NOW)
    assert [(state.camera_id, told.reason) for state, told in due.blind] == [
        ("a", "no picture"),
        ("b", "lens covered"),
    ]
    assert due.blind[0][1].since == NOW - timedelta(seconds=30)
    assert [state.camera_id for state in due.pictures] == ["c"]
    one.sent(due, 0.0, 9000)
    assert not one.due([dead, covered], 59.0, NOW).blind
    assert len(one.due([dead, covered], 60.0, NOW).blind) == 2


def test_a_camera_that_was_never_called_is_no_news() -> None:
    """At the start nobody is alarmed."""
    due = plan().due([CameraState("a", "a", "rtsp://camera")], 0.0, NOW)
    assert not due.pictures
    assert not due.blind


def test_who_sees_again_and_then_not_is_told_at_once() -> None:
    """The minute is for what has not changed."""
    one, dead = plan(), replace(camera("a"), state="dead", cause="stalled")
    one.sent(one.due([dead], 0.0, NOW), 0.0, 0)
    one.sent(one.due([camera("a")], 2.0, NOW), 2.0, 4000)
    assert len(one.due([dead], 4.0, NOW).blind) == 1


@settings(max_examples=20)
@given(
    kbit_s=st.floats(16, 400),
    sizes=st.lists(st.integers(500, 20_000), min_size=1, max_size=12),
    turns=st.integers(5, 30),
)
def test_the_line_carries_what_it_may_and_every_camera_gets_its_turn(
    kbit_s: float, sizes: list[int], turns: int
) -> None:
    """Over any time no more than the limit and its burst; of cameras alike none falls behind by more than one."""
    one, counts, total = plan(kbit_s), dict.fromkeys(map(str, range(len(sizes))), 0), 0
    size = max(sizes)
    for turn in range(turns):
        at = NOW + timedelta(seconds=2 * turn)
        due = one.due([camera(name, at, size) for name in counts], 2.0 * turn, at)
        sent = sum(len(state.thumbnail) * 4 // 3 + 150 for state in due.pictures)
        one.sent(due, 2.0 * turn, sent)
        total += sent
        for state in due.pictures:
            counts[state.camera_id] += 1
        assert total <= kbit_s * 125 * (10 + 2.0 * turn) + 1
    assert max(counts.values()) - min(counts.values()) <= 1


class Wall:
    """Answers as a test says.

    Attributes:
        batches, states: what came. answer: of every request.
    """

    def __init__(self) -> None:
        self.batches: list[LiveBatch] = []
        self.states: list[tuple[str, LiveState]] = []
        self.answer: Callable[[], httpx.Response] = lambda: httpx.Response(200, json={"next_in_s": 10.0})

    def handle(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        answer = self.answer()
        if answer.status_code == 200:
            if request.url.path.endswith("/state"):
                camera_id = request.url.path.split("/")[-2]
                self.states.append((camera_id, LiveState.model_validate_json(request.read())))
            else:
                self.batches.append(LiveBatch.model_validate_json(request.read()))
        return answer


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def link(wall: Wall) -> Iterator[LiveLink]:
    with make_client(BASE, TOKEN, transport=httpx.MockTransport(wall.handle)) as client:
        yield LiveLink(client)


def pushing(link: LiveLink, *states: CameraState) -> LivePush:
    return LivePush(link, lambda: states, LiveSection(), "zh")


def test_it_comes_again_when_the_regulator_says(wall: Wall, link: LiveLink) -> None:
    """Often while somebody looks, seldom else; never more often than the settings allow."""
    push = pushing(link, camera("a"))
    assert push.step() == 10.0
    assert wall.batches[0].pictures[0].jpeg == camera("a").thumbnail
    wall.answer = lambda: httpx.Response(200, json={"next_in_s": 0.1})
    assert pushing(link, camera("a")).step() == LiveSection().least_s


def test_the_reason_is_in_the_language_of_the_box(wall: Wall, link: LiveLink) -> None:
    """It is read on the wall as it is."""
    pushing(link, replace(camera("door"), troubles=("covered",))).step()
    assert wall.states[0][0] == "door"
    assert wall.states[0][1].reason == "镜头被遮挡"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503, headers={"Retry-After": "45"}),
        httpx.Response(401),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"next_in_s": -1}),
    ],
    ids=["503", "401", "no regulator", "nonsense"],
)
def test_while_the_regulator_cannot_take_them_it_asks_less_and_less(
    wall: Wall, link: LiveLink, answer: httpx.Response
) -> None:
    """As long as the regulator says at least, at most five minutes; and then goes on as before."""
    wall.answer = lambda: httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
    push = pushing(link, camera("a"))
    waits = [push.step() for _ in range(8)]
    assert waits == sorted(waits)
    assert waits[0] >= (45.0 if answer.status_code == 503 else 10.0)
    assert waits[-1] == 300.0
    assert push.problem
    assert TOKEN not in push.problem
    wall.answer = lambda: httpx.Response(200, json={"next_in_s": 10.0})
    assert push.step() == 10.0
    assert not push.problem


def test_a_regulator_that_does_not_want_them_is_left_alone(wall: Wall, link: LiveLink) -> None:
    """Too many cameras, say: ten minutes."""
    problem = {"title": "too many cameras", "status": 409, "detail": "at most 64"}
    wall.answer = lambda: httpx.Response(409, json=problem)
    push = pushing(link, camera("a"))
    assert push.step() == 600.0
    assert "at most 64" in push.problem


def test_no_network_is_no_end(wall: Wall, link: LiveLink) -> None:
    """The thread goes on, whatever happens."""

    def broken() -> httpx.Response:
        raise httpx.ConnectError("no route")

    wall.answer = broken
    push, stop = pushing(link, camera("a")), threading.Event()
    thread = threading.Thread(target=push.run, args=(stop,))
    thread.start()
    until = time.monotonic() + 5
    while not push.problem and time.monotonic() < until:
        time.sleep(0.01)
    assert thread.is_alive()
    assert "cannot be reached" in push.problem
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


@pytest.mark.parametrize("enabled", [True, False])
def test_a_worker_makes_small_pictures_only_for_a_wall(tmp_path: Path, enabled: bool) -> None:
    """From a real stream; 320 wide and some kilobytes; none at all when the policy says so."""
    pytest.importorskip("aio_rtsp_toolkit", reason="the RTSP server is not installed: pip install aio-rtsp-toolkit")
    clips = Path(__file__).resolve().parents[2] / "sample_videos"
    with playing(clips) as host:
        told = settings_for(tmp_path / "data", {"cooking": f"rtsp://{host}/A1.mp4"}, 5.0, 1.0).model_copy(
            update={"regulator": RegulatorSection(url=BASE), "live": LiveSection(enabled=enabled)}
        )
        with watching(told) as worker:
            run_until(worker, lambda: bool(worker.states()[0].picture), 30)
            thumbnail = worker.states()[0].thumbnail
    if not enabled:
        assert thumbnail == b""
        return
    shown = cv2.imdecode(np.frombuffer(thumbnail, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape == (180, 320, 3)
    assert len(thumbnail) < 20_000


@pytest.mark.slow
def test_the_real_regulator_shows_what_was_pushed(tmp_path: Path) -> None:
    """Its wall has the picture and the blind camera's reason, and asks for more while somebody looks."""
    port, data, log = free_port(), tmp_path / "regulator", tmp_path / "errors.log"
    known = RegulatorSettings(data_dir=data, port=port)
    setup.prepare(known)
    token = setup.add_canteen(known, "school-7")
    process = Process("faults.regulator_process", str(data), str(port), log=log)
    try:
        process.wait_ready()
        ok, drawn = cv2.imencode(".jpg", np.full((180, 320, 3), 90, np.uint8))
        assert ok
        sees = replace(camera("stove", datetime.now(UTC)), thumbnail=drawn.tobytes())
        blind = replace(camera("door"), state="backing off", cause="refused", blind_s=12.0)
        with make_client(f"http://127.0.0.1:{port}", token) as client:
            push = LivePush(LiveLink(client), lambda: [sees, blind], LiveSection(), "en")
            unwatched_s = push.step()
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as browser:
                once = setup.one_time_link(known, "admin").rsplit("/", 1)[1]
                browser.get(f"/login/once/{once}")
                told = browser.get("/cockpit/events", params={"once": "true"}).text
                picture = browser.get("/cockpit/pictures/school-7/stove").content
            sees = replace(sees, picture_at=datetime.now(UTC))
            watched_s = push.step()
    finally:
        process.kill()
    tiles = {row[1]: row for row in json.loads(told.partition("data: ")[2])["tiles"]}
    assert picture == drawn.tobytes()
    assert tiles["stove"][3] == "live"
    assert (tiles["door"][3], tiles["door"][6]) == ("blind", "no picture")
    assert watched_s < unwatched_s
