"""Promises of the wall: never shown as live when it is not, within the scope, newest only, told without reload."""

import asyncio
import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.conftest import Regulator, made
from regulator.sample import CANTEEN, bearer, boxes_at, drawn, sample, send

from kitchenvision.regulator import cockpit, history, setup
from kitchenvision.regulator.access import EVERYTHING
from kitchenvision.regulator.cockpit_wall import (
    LARGEST_BYTES,
    MOST_CAMERAS,
    NEXT_UNWATCHED_S,
    NEXT_WATCHED_S,
    TileState,
    Wall,
    WallFull,
)
from kitchenvision.regulator.decisions import Step, Verdict
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Place

AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
KEY = ("canteen-1", "serving-1")
JPEG = b"\xff\xd8\xff picture"


def after(seconds: float) -> datetime:
    """So long after `AT`."""
    return AT + timedelta(seconds=seconds)


def state(wall: Wall, at: datetime) -> TileState:
    """Of the only tile."""
    (tile,) = wall.tiles({KEY[0]}, at)
    return tile.state


@pytest.mark.parametrize(
    ("age", "told"),
    [(0, "live"), (5, "live"), (5.1, "late"), (15, "late"), (15.1, "stale"), (60, "stale"), (61, "offline")],
)
def test_a_picture_is_live_only_as_long_as_it_is(age: float, told: str) -> None:
    wall = Wall()
    wall.put(KEY, JPEG, AT, AT)
    assert state(wall, after(age)) == told
    assert (wall.picture(KEY, after(age)) is None) == (told == "offline")


@given(st.floats(-3600, 3600), st.floats(0, 600))
def test_no_clock_makes_a_picture_fresher_than_its_arrival(ahead: float, later: float) -> None:
    wall = Wall()
    wall.put(KEY, JPEG, after(ahead), AT)
    (tile,) = wall.tiles({KEY[0]}, after(later))
    assert tile.age_s >= later - 1e-6
    if later > 15:
        assert tile.state not in (TileState.LIVE, TileState.LATE)


def test_a_picture_that_took_long_is_as_old_as_it_is() -> None:
    wall = Wall()
    wall.put(KEY, JPEG, AT, after(30))
    assert state(wall, after(30)) is TileState.STALE


def test_the_newest_picture_stays_when_an_older_one_comes_late() -> None:
    wall = Wall()
    wall.put(KEY, JPEG + b"new", after(2), after(2))
    stamp = wall.tiles({KEY[0]}, after(2))[0].stamp
    wall.put(KEY, JPEG + b"old", AT, after(3))
    assert wall.picture(KEY, after(3)) == (JPEG + b"new", stamp)


def test_a_blind_camera_has_no_picture_from_the_moment_it_is_told() -> None:
    wall = Wall()
    wall.put(KEY, JPEG, AT, AT)
    wall.put_blind(KEY, after(-600), "covered", after(1))
    (tile,) = wall.tiles({KEY[0]}, after(1))
    assert (tile.state, tile.reason, tile.stamp, tile.age_s) == (TileState.BLIND, "covered", 0, 601.0)
    assert wall.picture(KEY, after(1)) is None
    assert state(wall, after(90)) is TileState.OFFLINE  # the edge box itself is silent
    wall.put(KEY, JPEG, after(100), after(100))
    assert state(wall, after(100)) is TileState.LIVE


def test_each_picture_has_another_stamp() -> None:
    wall, stamps = Wall(), set()
    for i in range(5):
        wall.put(KEY, JPEG, after(i), after(i))
        stamps.add(wall.tiles({KEY[0]}, after(i))[0].stamp)
    assert len(stamps) == 5


def test_a_canteen_cannot_fill_the_memory() -> None:
    wall = Wall()
    for i in range(MOST_CAMERAS):
        wall.put((KEY[0], f"camera-{i}"), JPEG, AT, AT)
    with pytest.raises(WallFull):
        wall.put((KEY[0], "one more"), JPEG, AT, AT)
    wall.put(("another", "camera"), JPEG, AT, AT)
    wall.put((KEY[0], "camera-0"), JPEG, after(1), after(1))


def test_the_edge_sends_faster_while_somebody_looks_at_that_canteen() -> None:
    wall = Wall()
    assert wall.next_in_s(KEY[0], AT) == NEXT_UNWATCHED_S
    wall.watch({KEY[0]}, AT)
    assert wall.next_in_s(KEY[0], after(10)) == NEXT_WATCHED_S
    assert wall.next_in_s("another", after(10)) == NEXT_UNWATCHED_S
    assert wall.next_in_s(KEY[0], after(21)) == NEXT_UNWATCHED_S


def push(one: Regulator, body: bytes, camera: str = "serving-1", token: str = "", **query: str) -> httpx.Response:
    """A small picture of this moment."""
    asked = {"captured_at": now().isoformat(), **query}
    headers = bearer(token or one.token)
    return one.client.put(f"/api/v1/live/{camera}", params=asked, content=body, headers=headers)


@pytest.fixture(scope="module")
def walled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulator]:
    """Two towns with a canteen each, and an inspector of the first."""
    with made(tmp_path_factory.mktemp("wall")) as one:
        setup.add_town(one.settings, "west")
        one.other = setup.add_canteen(one.settings, "west-1", "西区食堂", "west")  # type: ignore[attr-defined]
        setup.add_person(one.settings, "wang", "inspector", Place(("default",)))
        setup.add_person(one.settings, "cook", "canteen", Place(canteen_id=CANTEEN))
        yield one


def moment(one: Regulator, username: str = "admin") -> dict[str, object]:
    """One event."""
    text = one.logged_in(username).get("/cockpit/events", params={"once": "true"}).text
    assert text.startswith("event: wall\ndata: ")
    return dict(json.loads(text.removeprefix("event: wall\ndata: ")))


def test_a_pushed_picture_comes_back_and_is_not_kept_by_browsers(walled: Regulator) -> None:
    picture = drawn(1, boxes_at(AT))
    assert push(walled, picture).json() == {"next_in_s": NEXT_UNWATCHED_S}
    answer = walled.logged_in().get(f"/cockpit/pictures/{CANTEEN}/serving-1")
    assert (answer.content, answer.headers["content-type"]) == (picture, "image/jpeg")
    assert answer.headers["cache-control"] == "no-store"


def test_nobody_sees_a_kitchen_outside_of_his_scope(walled: Regulator) -> None:
    push(walled, JPEG)
    push(walled, JPEG, token=walled.other)  # type: ignore[attr-defined]
    canteens = {row[0] for row in moment(walled, "wang")["tiles"]}  # type: ignore[attr-defined]
    assert canteens == {CANTEEN}
    assert {row[0] for row in moment(walled)["tiles"]} == {CANTEEN, "west-1"}  # type: ignore[attr-defined]
    assert walled.logged_in("wang").get("/cockpit/pictures/west-1/serving-1").status_code == 404
    assert walled.logged_in("cook").get("/cockpit").status_code == 403
    assert walled.another_client().get(f"/cockpit/pictures/{CANTEEN}/serving-1").status_code == 401


@pytest.mark.parametrize(
    ("body", "query", "status"),
    [
        (b"GIF89a", {}, 415),
        (b"", {}, 415),
        (b"\xff\xd8\xff" + b"x" * LARGEST_BYTES, {}, 413),
        (JPEG, {"captured_at": "yesterday"}, 422),
        (JPEG, {"captured_at": "2026-11-20T03:00:00"}, 422),
    ],
    ids=["gif", "empty", "large", "no instant", "no zone"],
)
def test_what_is_no_small_picture_is_refused(
    walled: Regulator, body: bytes, query: dict[str, str], status: int
) -> None:
    answer = push(walled, body, **query)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert push(walled, JPEG, token="wrong").status_code == 401


def test_a_blind_camera_is_told_with_its_reason(walled: Regulator) -> None:
    told = {"since": (now() - timedelta(minutes=5)).isoformat(), "reason": "covered"}
    headers = bearer(walled.token)
    assert walled.client.put("/api/v1/live/door/state", json=told, headers=headers).status_code == 200
    (row,) = [row for row in moment(walled)["tiles"] if row[1] == "door"]  # type: ignore[attr-defined]
    assert (row[3], row[6]) == ("blind", "covered")
    assert 299 < row[4] < 330
    bad = walled.client.put("/api/v1/live/door/state", json={"since": "x", "reason": ""}, headers=headers)
    assert bad.status_code == 422


def test_the_page_and_the_first_event_count_the_same(tmp_path: Path) -> None:
    with made(tmp_path) as one:
        lapses = [sample(i, captured_at=now() - timedelta(seconds=i)) for i in range(1, 4)]
        send(one.client, one.token, lapses)
        with one.app.state.parts.database.writing() as session:
            seen = (lapses[0].violation_id, 0)
            history.decide(session, EVERYTHING, seen, Step(Verdict.CONFIRMED), 1, now())
        told = moment(one)
        figures = told["figures"]
        assert isinstance(figures, dict)
        assert (figures["reported"], figures["confirmed"], figures["waiting"]) == (3, 1, 2)
        assert figures["colours"] == {"green": 0, "blue": 0, "yellow": 0, "red": 0, "grey": 1}
        assert sum(told["trend"]) == 1  # type: ignore[call-overload]
        waiting = {row["id"] for row in told["fresh"]}  # type: ignore[attr-defined]
        assert waiting == {lapse.violation_id for lapse in lapses[1:]}
        page = one.logged_in().get("/cockpit").text
        assert '<a href="/review" data-figure="waiting">2</a>' in page


def test_the_page_is_whole_in_both_languages_and_obeys_the_content_policy(walled: Regulator) -> None:
    for language, word in (("zh", "阳光厨房驾驶舱"), ("en", "Kitchens, live")):
        page = walled.logged_in().get("/cockpit", params={"lang": language}).text
        assert word in page
        assert "style=" not in page
        assert "<script>" not in page


def test_events_go_on_until_the_reader_has_gone_and_the_first_is_said_to_be_so() -> None:
    counted: list[bool] = []
    pauses: list[float] = []

    def tell(first: bool) -> str:
        counted.append(first)
        return f'{{"n":{len(counted)}}}'

    async def gone() -> bool:
        return len(counted) == 12

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async def read() -> list[str]:
        return [text async for text in cockpit.events(tell, gone, pause)]

    told = asyncio.run(read())
    assert told[0] == 'event: wall\ndata: {"n":1}\n\n'
    assert len(told) == 12
    assert counted == [True] + [False] * 11
    assert pauses == [cockpit.PAUSE_S] * 11


def batch(*pictures: tuple[str, bytes], **more: object) -> bytes:
    """A batch of this moment."""
    told = [
        {"camera_id": camera, "captured_at": now().isoformat(), "jpeg": base64.b64encode(data).decode()}
        for camera, data in pictures
    ]
    return json.dumps({"pictures": told, **more}).encode()


def test_a_batch_brings_several_cameras_at_once(walled: Regulator) -> None:
    headers = bearer(walled.token)
    body = batch(("b-1", JPEG + b"one"), ("b-2", JPEG + b"two"))
    answer = walled.client.post("/api/v1/live", content=body, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["next_in_s"] in (NEXT_WATCHED_S, NEXT_UNWATCHED_S)
    seen = {row[1] for row in moment(walled)["tiles"] if row[0] == CANTEEN}  # type: ignore[attr-defined]
    assert {"b-1", "b-2"} <= seen
    picture = walled.logged_in().get(f"/cockpit/pictures/{CANTEEN}/b-2")
    assert picture.content == JPEG + b"two"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (batch(), 422),
        (batch(("c-1", JPEG), ("c-2", b"GIF89a")), 422),
        (batch(("c-1", JPEG + b"x" * LARGEST_BYTES)), 422),
        (b'{"pictures": [{"camera_id": "c-1", "captured_at": "2026-11-20T03:00:00Z", "jpeg": "?"}]}', 422),
        (b"{", 422),
        (b"x" * 6_000_001, 413),
    ],
    ids=["none", "gif", "large", "no base64", "broken", "too much"],
)
def test_a_batch_with_a_wrong_picture_brings_none(walled: Regulator, body: bytes, status: int) -> None:
    answer = walled.client.post("/api/v1/live", content=body, headers=bearer(walled.token))
    assert answer.status_code == status
    assert not [row for row in moment(walled)["tiles"] if row[1].startswith("c-")]  # type: ignore[attr-defined]
