"""Maintenance and probation on the status page: what is written, what is shown, and to whom."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from editable import TOML, Box, box
from test_editing import csrf_of, logged_in
from test_probation import kept

from kitchenvision.edge.state import CameraState

NOW = datetime.now(UTC)
TRIED = TOML.replace('id = "serving"', 'id = "serving"\nprobation = true   # since Monday').replace(
    'canteen_id = "canteen-1"', 'canteen_id = "canteen-1"\ntimezone = "Asia/Shanghai"'
)


@pytest.fixture
def one(tmp_path: Path) -> Box:
    return box(tmp_path, TRIED)


@pytest.fixture
def page(one: Box) -> Iterator[httpx.Client]:
    with one.served() as home, httpx.Client(base_url=home, trust_env=False) as client:
        yield client


def test_a_mute_begins_now_ends_later_and_can_be_ended(one: Box, page: httpx.Client) -> None:
    """Written into the settings with the canteen's own offset."""
    csrf = logged_in(page)
    form = {"csrf": csrf, "camera": "cooking", "minutes": "60", "reason": " new  lamp "}
    assert page.post("/mutes", data=form).status_code == 303
    (mute,) = one.board.settings.mutes
    assert (mute.cameras, mute.reason) == (("cooking",), "new lamp")
    assert mute.begins is not None
    assert mute.ends is not None
    assert mute.ends - mute.begins == timedelta(hours=1)
    assert abs((mute.begins - datetime.now(UTC)).total_seconds()) < 30
    assert "+08:00" in one.path.read_text("utf-8")
    html = page.get("/mutes?lang=en").text
    assert "new lamp" in html
    assert "◇ now" in html
    assert page.post("/mutes/end", data={"csrf": csrf, "place": "0"}).status_code == 303
    assert one.board.settings.mutes == ()
    assert "mutes" not in one.path.read_text("utf-8")


def test_a_mute_of_all_cameras_and_those_that_are_over_go(one: Box, page: httpx.Client) -> None:
    """A weekly one stays: it stands in the file and is changed there."""
    old = "\n[[mutes]]\nbegins = 2020-01-01T00:00:00\nends = 2020-01-02T00:00:00\n"
    one.path.write_text(TRIED + old + '[[mutes]]\nweekdays = ["sat"]\nreason = "weekend"\n', "utf-8")
    csrf = logged_in(page)
    assert page.post("/mutes", data={"csrf": csrf, "camera": "", "minutes": "30"}).status_code == 303
    assert [mute.cameras for mute in one.board.settings.mutes] == [(), ()]
    assert [mute.once for mute in one.board.settings.mutes] == [False, True]
    assert "weekend" in page.get("/mutes?lang=en").text
    assert page.post("/mutes/end", data={"csrf": csrf, "place": "0"}).status_code == 404


@pytest.mark.parametrize(
    "form", [{"camera": "nobody", "minutes": "60"}, {"camera": "", "minutes": "999999"}, {"camera": ""}]
)
def test_only_what_is_offered_is_taken(one: Box, page: httpx.Client, form: dict[str, str]) -> None:
    """A page cannot mute a camera for a year."""
    csrf = logged_in(page)
    assert page.post("/mutes", data=form | {"csrf": csrf}).status_code == 422
    assert one.path.read_text("utf-8") == TRIED


@pytest.mark.parametrize("path", ["/mutes", "/mutes/end", "/cameras/serving/release"])
def test_nothing_changes_without_a_session_or_by_another_page(one: Box, page: httpx.Client, path: str) -> None:
    """401 and 403."""
    form = {"camera": "", "minutes": "30", "place": "0"}
    assert page.post(path, data=form).status_code == 401
    logged_in(page)
    assert page.post(path, data=form | {"csrf": "guess"}).status_code == 403
    assert one.path.read_text("utf-8") == TRIED


def test_a_camera_is_released_after_its_findings_were_seen(one: Box, page: httpx.Client, tmp_path: Path) -> None:
    """The pictures need a session, too: the public side of the page shows no findings."""
    data = tmp_path / "data"
    kept(data, "0123456789", NOW)
    (data / "probation" / "cooking").rename(data / "probation" / "serving")
    day = f"{NOW:%Y-%m-%d}"
    picture = f"/cameras/serving/probation/{day}/no_hat-0123456789/head.jpg"
    assert page.get(picture).status_code == 303
    csrf = logged_in(page)
    html = page.get("/cameras/serving/probation?lang=en").text
    assert picture in html
    assert "Findings: 1." in html
    assert page.get(picture).content == b"head 0123456789"
    assert page.get(picture.replace("head.jpg", "evidence.json")).status_code == 404
    assert page.post("/cameras/serving/release", data={"csrf": csrf}).status_code == 303
    assert not one.board.settings.cameras[1].probation
    assert "probation" not in one.path.read_text("utf-8")
    assert "is released" in page.get("/cameras/serving/probation").text
    assert csrf_of(page.get("/cameras/serving/probation").text) == csrf


def test_what_cannot_be_written_is_told_on_the_page(one: Box, page: httpx.Client) -> None:
    """Here: somebody has put something into the file that needs a restart."""
    csrf = logged_in(page)
    one.path.write_text(TRIED.replace("canteen-1", "canteen-2"), "utf-8")
    answer = page.post("/cameras/serving/release?lang=en", data={"csrf": csrf})
    assert answer.status_code == 409
    assert "needs a restart" in answer.text
    assert page.post("/mutes", data={"csrf": csrf, "camera": "", "minutes": "30"}).status_code == 409


def test_cards_say_that_a_camera_is_muted_or_on_probation(one: Box, page: httpx.Client) -> None:
    """A muted one is not first among the blind: somebody knows of it."""
    blind = CameraState("serving", "serving", "rtsp://c/o", "backing off", "unreachable", blind_s=90)
    muted = CameraState(
        "cooking", "热菜间", "rtsp://c/l", "backing off", "unreachable", muted=True, mute_reason="lamp",
        muted_until=datetime(2026, 11, 28, 4, tzinfo=UTC), probation=True,
    )  # fmt: skip
    one.states = [muted, blind]
    html = page.get("/?lang=en").text
    assert html.index("camera-serving") < html.index("camera-cooking")
    assert "nobody is judged · until 11-28 12:00 · lamp" in html
    assert "stays on this box" in html
    state = page.get("/api/state").json()["cameras"][0]
    assert (state["muted"], state["probation"]) == (True, True)
    assert 'kitchenvision_camera_muted{camera="cooking"} 1' in page.get("/metrics").text
