"""Changing things on the status page: who may, what is written, and what other pages cannot do."""

import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from editable import PASSWORD, TOML, Box

from kitchenvision.build import chosen_rules
from kitchenvision.edge.access import Access, TooManyTries
from kitchenvision.edge.editing import local_path
from kitchenvision.edge.service import run_service
from kitchenvision.edge.settings import read_edge_settings
from kitchenvision.errors import SettingsError

ZONE = {"name": "门口", "polygon": [[0.5, 0.5], [1, 0.5], [1, 1]], "rules": ["no_mask"], "hours": []}


def logged_in(page: httpx.Client) -> str:
    """The token that every change must carry."""
    answer = page.post("/login", data={"password": PASSWORD, "next": "/cameras/cooking/zones"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/cameras/cooking/zones")
    return csrf_of(page.get("/cameras/cooking/zones").text)


def csrf_of(html: str) -> str:
    return html.partition('name="csrf" value="')[2].partition('"')[0]


def saved(page: httpx.Client, seen: str, csrf: str, *zones: dict[str, Any], **headers: str) -> httpx.Response:
    body = {"seen": seen, "zones": list(zones)}
    return page.put("/api/cameras/cooking/zones", json=body, headers={"X-CSRF-Token": csrf} | headers)


def test_zones_are_saved_and_in_force_without_a_restart(one: Box, page: httpx.Client) -> None:
    """The answer comes when the service has taken them over."""
    csrf = logged_in(page)
    answer = saved(page, one.file.digest(), csrf, ZONE)
    assert answer.json() == {"applied": True, "seen": one.file.digest()}
    assert one.board.settings.cameras[0].zones[0].name == "门口"
    assert one.reloaded == 1
    again = saved(page, answer.json()["seen"], csrf)
    assert again.json()["applied"]
    assert one.board.settings.cameras[0].zones == ()


def test_wrong_zones_are_told_in_the_readers_language_and_nothing_is_written(one: Box, page: httpx.Client) -> None:
    """Each with its place."""
    csrf = logged_in(page)
    page.cookies.set("lang", "zh")
    answer = saved(page, one.file.digest(), csrf, ZONE | {"rules": []})
    assert (answer.status_code, answer.json()["wrong"]) == (422, [{"zone": 0, "text": "请至少选择一条规则。"}])
    assert one.path.read_text("utf-8") == TOML


def test_what_was_changed_meanwhile_is_not_overwritten(one: Box, page: httpx.Client) -> None:
    """409, in words."""
    csrf = logged_in(page)
    answer = saved(page, "0" * 64, csrf, ZONE)
    assert answer.status_code == 409
    assert "changed elsewhere" in answer.json()["problem"]
    assert one.path.read_text("utf-8") == TOML


def test_without_a_session_nothing_is_changed_and_pages_ask_to_log_in(one: Box, page: httpx.Client) -> None:
    """Looking stays free."""
    assert saved(page, one.file.digest(), "", ZONE).status_code == 401
    answer = page.get("/cameras/cooking/zones")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fcameras%2Fcooking%2Fzones")
    assert page.get("/").status_code == 200


def test_another_site_cannot_change_anything(one: Box, page: httpx.Client) -> None:
    """Not without the page's token, and not with it from elsewhere; the cookie goes to no other site."""
    csrf = logged_in(page)
    assert saved(page, one.file.digest(), "", ZONE).status_code == 403
    assert saved(page, one.file.digest(), csrf, ZONE, Origin="http://evil.example").status_code == 403
    assert one.path.read_text("utf-8") == TOML
    cookie = page.post("/login", data={"password": PASSWORD}).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_a_wrong_password_is_refused_and_after_five_of_them_every_one_for_a_while(page: httpx.Client) -> None:
    """So that nobody guesses on."""
    for _ in range(5):
        assert page.post("/login", data={"password": "guess"}).status_code == 403
    answer = page.post("/login", data={"password": PASSWORD})
    assert answer.status_code == 429
    assert "Try again in" in answer.text
    assert PASSWORD not in answer.text


def test_tries_and_sessions_end_by_the_clock() -> None:
    """Five minutes and twelve hours."""
    now = [0.0]
    access = Access(PASSWORD, lambda: now[0])
    for _ in range(5):
        assert access.enter("guess") is None
    with pytest.raises(TooManyTries):
        access.enter(PASSWORD)
    now[0] = 301.0
    session = access.enter(PASSWORD)
    assert session is not None
    assert access.session(session.token) == session
    assert access.session("other") is None
    now[0] += 12 * 3600
    assert access.session(session.token) is None


def test_sessions_do_not_pile_up() -> None:
    """The oldest of a hundred makes room."""
    access = Access(PASSWORD)
    sessions = [access.enter(PASSWORD) for _ in range(120)]
    alive = [session for session in sessions if session is not None and access.session(session.token)]
    assert len(alive) == 100
    assert alive[-1] is sessions[-1]


def test_without_a_password_nobody_gets_in() -> None:
    """Not with an empty one either."""
    access = Access("")
    assert not access.possible
    assert access.enter("") is None


def test_log_out_ends_the_session(page: httpx.Client) -> None:
    """With the page's token, as every change."""
    csrf = logged_in(page)
    assert page.post("/logout", data={"csrf": "x"}).status_code == 403
    assert page.post("/logout", data={"csrf": csrf}).status_code == 303
    assert page.get("/cameras/cooking/zones").status_code == 303


@pytest.mark.parametrize(
    ("path", "inside"),
    [("/a?b", "/a?b"), ("//evil", "/"), ("https://evil", "/"), ("/\\evil", "/"), ("/\r\nx", "/")],
)
def test_a_log_in_leads_to_a_page_of_this_service_only(path: str, inside: str) -> None:
    """Whatever the address asked for."""
    assert local_path(path) == inside


def test_a_body_without_end_is_cut_off(page: httpx.Client) -> None:
    """Before it fills the memory."""
    assert page.post("/login", content=b"password=" + b"x" * 200_000).status_code == 413


@pytest.mark.parametrize("password", ["short", ""])
def test_a_password_that_anybody_would_guess_is_refused(tmp_path: Path, password: str) -> None:
    """At the start, with the key."""
    (tmp_path / "secret").write_text(password, "utf-8")
    path = tmp_path / "edge.toml"
    path.write_text(TOML.replace("[page]", '[page]\npassword_file = "secret"'), "utf-8")
    page = read_edge_settings(path, tuple(chosen_rules(None))).page
    with pytest.raises(SettingsError, match=r"page\.password_file.*at least 8"):
        page.password({}, str(path))


def test_the_running_service_takes_over_what_the_page_saved(tmp_path: Path) -> None:
    """The real one, with its supervisor and a worker; its cameras are not there."""
    (tmp_path / "secret").write_text(PASSWORD, "utf-8")
    path = tmp_path / "edge.toml"
    path.write_text(TOML.replace("[page]", '[page]\npassword_file = "secret"'), "utf-8")
    settings = read_edge_settings(path, tuple(chosen_rules(None)))
    stop, ready, addresses = threading.Event(), threading.Event(), list[str]()

    def told(address: str) -> None:
        addresses.append(address)
        ready.set()

    thread = threading.Thread(target=run_service, args=(settings, path, stop, told))
    thread.start()
    try:
        assert ready.wait(60)
        with httpx.Client(base_url=addresses[0], trust_env=False, timeout=30) as page:
            csrf = logged_in(page)
            html = page.get("/cameras/cooking/zones").text
            seen = html.split('"seen": "')[1].split('"')[0]
            answer = saved(page, seen, csrf, ZONE)
            assert answer.json()["applied"] is True
            assert "\\u95e8\\u53e3" in page.get("/cameras/cooking/zones").text
    finally:
        stop.set()
        thread.join(60)
    assert read_edge_settings(path, tuple(chosen_rules(None))).cameras[0].zones[0].name == "门口"
