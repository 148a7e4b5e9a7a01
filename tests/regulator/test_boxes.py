"""What edge boxes say of themselves: the latest is kept, shown to administrators of that district, and harmless."""

import json
from datetime import timedelta
from typing import Any

import pytest
from regulator.asgi import TestClient
from regulator.conftest import Regulator
from regulator.sample import CANTEEN, bearer

from kitchenvision.regulator import setup
from kitchenvision.regulator.access import Role
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Place
from kitchenvision.wire import ClockState
from kitchenvision.wire_box import BoxCamera, BoxModel, BoxShadow, BoxState, ShadowRule, box_bytes

MODEL = BoxModel(name="canteen-n", version="0.4.0", sha256="ab" * 32)
NEWER = BoxModel(name="canteen-n", version="0.5.0", sha256="cd" * 32)


def state(**changes: Any) -> BoxState:
    """Two cameras, one of them without a picture."""
    at = now()
    cameras = (
        BoxCamera(camera_id="cooking", live=True, model=MODEL),
        BoxCamera(camera_id="serving", live=False, model=MODEL),
    )
    values = {
        "canteen_id": CANTEEN,
        "started_at": at - timedelta(hours=3),
        "told_at": at,
        "software_version": "0.1.0",
        "profile": "fast",
        "cameras": cameras,
        **changes,
    }
    return BoxState(**values)


def put(regulator: Regulator, body: bytes, token: str | None = None) -> Any:
    """As the edge does."""
    headers = {**bearer(token or regulator.token), "Content-Type": "application/json"}
    return regulator.client.put("/api/v1/box", content=body, headers=headers)


@pytest.fixture
def admin(regulator: Regulator) -> TestClient:
    """Of the district of the canteen."""
    setup.add_person(regulator.settings, "boss", Role.ADMIN)
    return regulator.logged_in("boss")


def test_the_page_shows_what_the_box_runs(regulator: Regulator, admin: TestClient) -> None:
    assert "not told yet" in admin.get("/devices", params={"lang": "en"}).text
    assert put(regulator, box_bytes(state())).status_code == 204
    page = admin.get("/devices", params={"lang": "en"}).text
    assert "not told yet" not in page
    for words in ("kitchenvision 0.1.0 · canteen-n 0.4.0", "started 3 h ago", "2 cameras", "abababababab"):
        assert words in page
    assert "cooking · live" in page
    assert "serving · no picture" in page
    assert "▲" not in page.split("<tbody>")[1].split("</tbody>")[0].replace('class="state', "")
    zh = admin.get("/devices", params={"lang": "zh"}).text
    assert "3 小时前启动" in zh
    assert "serving · 无画面" in zh


def test_the_latest_replaces_what_was_there(regulator: Regulator, admin: TestClient) -> None:
    put(regulator, box_bytes(state()))
    put(regulator, box_bytes(state(software_version="0.2.0")))
    page = admin.get("/devices", params={"lang": "en"}).text
    assert "kitchenvision 0.2.0" in page
    assert "kitchenvision 0.1.0" not in page


def test_mixed_models_and_a_wrong_clock_catch_the_eye(regulator: Regulator, admin: TestClient) -> None:
    cameras = (
        BoxCamera(camera_id="cooking", live=True, model=MODEL),
        BoxCamera(camera_id="serving", live=True, model=NEWER),
        BoxCamera(camera_id="store", live=False),
    )
    clock = ClockState(checked_at=now(), synchronised=False, max_error_s=16)
    put(regulator, box_bytes(state(cameras=cameras, clock=clock)))
    page = admin.get("/devices", params={"lang": "en"}).text
    assert "▲ not all cameras have the same model" in page
    assert "▲ clock not synchronised" in page
    assert "store · no picture · is loading its model" in page


def test_a_model_that_looks_along_is_shown_with_its_differences(regulator: Regulator, admin: TestClient) -> None:
    rule = ShadowRule(
        rule_id="no_hat", both=90, opposite=2, only_old=3, only_new=4, confirmed_both=5, confirmed_new=1
    )
    shadow = BoxShadow(
        model=NEWER, since=now() - timedelta(days=2), looked=1000, left_out=7, errors=0, rules=(rule,)
    )
    put(regulator, box_bytes(state(shadow=shadow)))
    page = admin.get("/devices", params={"lang": "en"}).text
    assert "1000 frames looked at, 7 left out, 0 errors" in page
    assert "No hat: judged by both 90 times, 2 of them opposite; by the old alone 3, by the new alone 4" in page
    assert "violations: both 5, the old alone 0, the new alone 1" in page


def test_what_a_box_says_is_escaped(regulator: Regulator, admin: TestClient) -> None:
    evil = "<script>alert(1)</script>"
    model = BoxModel(name=evil, version=evil, sha256="ab" * 32)
    cameras = (BoxCamera(camera_id=evil, live=True, model=model),)
    put(regulator, box_bytes(state(software_version=evil, profile=evil, cameras=cameras)))
    page = admin.get("/devices").text
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 5


def test_only_the_canteen_s_own_box_may_say_it(regulator: Regulator) -> None:
    assert put(regulator, box_bytes(state(canteen_id="other"))).status_code == 403
    assert put(regulator, box_bytes(state()), "wrong").status_code == 401


@pytest.mark.parametrize(
    "change", [{"software_version": ""}, {"started_at": "yesterday"}, {"cameras": [{}]}, {"kind": "x"}]
)
def test_a_wrong_field_is_refused_by_its_name(
    regulator: Regulator, admin: TestClient, change: dict[str, Any]
) -> None:
    put(regulator, box_bytes(state()))
    answer = put(regulator, json.dumps(json.loads(box_bytes(state())) | change).encode())
    assert answer.status_code == 422
    assert next(iter(change)) in answer.json()["field"]
    assert "kitchenvision 0.1.0" in admin.get("/devices").text, "what was there still is"


def test_what_is_no_state_or_too_large_is_refused(regulator: Regulator) -> None:
    assert put(regulator, b"{").status_code == 422
    assert put(regulator, b" " * 200_001).status_code == 413
    clock = '{"checked_at":"2026-03-12T12:00:00Z","synchronised":true,"max_error_s":NaN}'
    body = box_bytes(state()).decode().replace('"clock":null', f'"clock":{clock}')
    assert put(regulator, body.encode()).status_code == 422


def test_a_later_edge_may_say_more(regulator: Regulator) -> None:
    body = json.loads(box_bytes(state())) | {"temperature": 40}
    assert put(regulator, json.dumps(body).encode()).status_code == 204


def test_another_district_sees_nothing_of_it(regulator: Regulator) -> None:
    put(regulator, box_bytes(state()))
    setup.add_town(regulator.settings, "far-town", district_id="far")
    setup.add_canteen(regulator.settings, "canteen-far", town_id="far-town")
    setup.add_person(regulator.settings, "far-boss", Role.ADMIN, Place(district_id="far"))
    page = regulator.logged_in("far-boss").get("/devices", params={"lang": "en"}).text
    assert "canteen-far" in page
    assert "kitchenvision 0.1.0" not in page
