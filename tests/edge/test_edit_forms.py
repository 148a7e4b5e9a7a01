"""What programs and strange browsers send to the status page: refused in words, and nothing is written."""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from editable import TOML, Box, box
from hypothesis import given
from hypothesis import strategies as st
from test_editing import ZONE, logged_in, saved

from kitchenvision.config import ZoneSection
from kitchenvision.edge import editing
from kitchenvision.edge.editing import local_path
from kitchenvision.edge.page import create_page
from kitchenvision.edge.words import WORDS
from kitchenvision.edge.zone_draft import Draft, row_of, zones_of

RULES = ("no_hat", "no_mask")


@pytest.mark.parametrize("path", ["/login", "/logout", "/mutes", "/mutes/end", "/cameras/cooking/release"])
def test_a_form_of_too_many_fields_is_refused_and_no_error_of_the_program(
    one: Box, page: httpx.Client, path: str
) -> None:
    """Before anybody has logged in, anybody on the network can send it."""
    fields = "&".join(f"field{i}=x" for i in range(60))
    answer = page.post(path, content=fields)
    assert answer.status_code == 413
    assert answer.json()["detail"] == "more than 50 fields"
    assert one.path.read_text("utf-8") == TOML


@pytest.mark.parametrize("content", [b"", b"password", b"password=%FF%FE", b"\xff\xfe", b"=&==&", b"%"])
def test_a_form_that_says_nothing_is_a_wrong_password(page: httpx.Client, content: bytes) -> None:
    """Told on the page, in its language."""
    answer = page.post("/login", content=content)
    assert answer.status_code == 403
    assert "not the password" in answer.text


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"seen": 1, "zones": []}', b'{"seen": "x", "zones": {}}', b'{"seen": "x", "zones": [1]}',
     b'{"seen": "x", "zones": [], "more": 1}', b"\xff", b'{"seen": "x", "zones": [' + b"[" * 500],
)  # fmt: skip
def test_a_body_that_is_no_drawing_says_what_was_expected(one: Box, page: httpx.Client, body: bytes) -> None:
    """For who writes a program against it."""
    headers = {"X-CSRF-Token": logged_in(page)}
    answer = page.put("/api/cameras/cooking/zones", content=body, headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (422, "expected {seen, zones}")
    assert one.path.read_text("utf-8") == TOML


def test_a_camera_that_is_not_there_is_404_for_people_and_programs(page: httpx.Client) -> None:
    """It may have been taken out of the settings while the page was open."""
    csrf = logged_in(page)
    told = page.get("/cameras/nobody/zones", headers={"accept": "text/html"})
    assert told.status_code == 404
    assert "There is nothing here" in told.text
    answer = page.put("/api/cameras/nobody/zones", json={}, headers={"X-CSRF-Token": csrf})
    assert (answer.status_code, answer.json()["detail"]) == (404, "no such camera")


def test_zones_that_cannot_be_written_are_told_with_the_reason_and_what_to_do(
    one: Box, page: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full, or mounted read-only."""
    csrf = logged_in(page)

    def full(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("os.replace", full)
    answer = saved(page, one.file.digest(), csrf, ZONE)
    assert answer.status_code == 409
    assert "Read-only file system; the service must be allowed to write" in answer.json()["problem"]
    assert one.path.read_text("utf-8") == TOML


def test_zones_that_the_service_does_not_take_over_are_not_called_applied(
    one: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in the file; the page says that they are not in force."""
    monkeypatch.setattr(editing, "_APPLIED_S", 0.2)
    one.tick = lambda: None  # type: ignore[method-assign]
    with one.served() as home, httpx.Client(base_url=home, trust_env=False) as page:
        answer = saved(page, one.file.digest(), logged_in(page), ZONE)
    assert answer.status_code == 200
    assert answer.json()["applied"] is False
    assert "门口" in one.path.read_text("utf-8")


def test_the_log_in_page_leads_on_only_within_this_service_and_says_when_there_is_no_password(
    tmp_path: Path, page: httpx.Client
) -> None:
    """Without one nothing can be changed, and the page says what to put where."""
    assert 'value="/mutes"' in page.get("/login?next=/mutes").text
    assert "evil" not in page.get("/login?next=//evil.example").text
    with box(tmp_path, password="").served() as home, httpx.Client(base_url=home, trust_env=False) as other:
        assert "password_file or password_env" in other.get("/login").text
        assert other.post("/login", data={"password": ""}).status_code == 403


def test_a_browser_that_leaves_in_the_middle_of_a_form_is_no_error_of_the_program(one: Box) -> None:
    """A telephone that walks out of the Wi-Fi: nothing is written, and no traceback buries what matters."""
    messages = [{"type": "http.request", "body": b"password=", "more_body": True}, {"type": "http.disconnect"}]
    sent = list[Any]()

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/login", "headers": [],
             "raw_path": b"", "root_path": "", "scheme": "http", "query_string": b"", "client": ("127.0.0.1", 1),
             "server": ("box.test", 80), "state": {}}  # fmt: skip
    asyncio.run(create_page(one.board)(scope, receive, send))
    assert [message["status"] for message in sent if "status" in message] == [400]
    assert one.path.read_text("utf-8") == TOML


def test_a_cookie_that_somebody_made_up_opens_nothing(page: httpx.Client) -> None:
    """Of any length and content."""
    for value in ("x", "0" * 4000, "null"):
        page.cookies.set("kitchenvision_edge", value)
        assert page.get("/mutes").status_code == 303
        assert page.post("/mutes", data={"csrf": ""}).status_code == 401


@given(st.text(st.characters(codec="utf-8"), max_size=30).map(lambda text: "/" + text) | st.text(max_size=30))
def test_no_path_that_is_led_on_to_names_another_host(path: str) -> None:
    """As a browser would understand it: back-slashes are slashes there, and tabs and line ends are nothing."""
    onward = local_path(path)
    as_read = onward.replace("\\", "/").translate({9: None, 10: None, 13: None})
    assert onward.startswith("/")
    assert not as_read.startswith("//")
    assert urlsplit(onward).netloc == ""


RELATIVE = st.floats(-0.2, 1.2) | st.sampled_from([0, 1, float("nan"), None, "x", True])
DRAWN = st.lists(
    st.dictionaries(
        st.sampled_from(["name", "polygon", "rules", "hours", "colour"]),
        st.one_of(
            st.text(max_size=70),
            st.lists(st.lists(RELATIVE, min_size=1, max_size=3), max_size=6),
            st.lists(
                st.sampled_from([*RULES, "no_shoes", "06:00-14:00", "14:00-14:00", "24:00-25:00"]), max_size=3
            ),
            st.none() | st.integers(),
        ),
    )
    | st.fixed_dictionaries(
        {
            "name": st.sampled_from(["a", "b", " "]),
            "polygon": st.lists(st.lists(st.floats(0, 1), min_size=2, max_size=2), max_size=6),
            "rules": st.lists(st.sampled_from(RULES), max_size=2),
            "hours": st.lists(st.sampled_from(["06:00-14:00", "22:00-05:00"]), max_size=2),
        }
    ),
    max_size=6,
)


@given(DRAWN)
def test_whatever_is_drawn_is_taken_or_each_wrong_zone_is_told(zones: list[dict[str, Any]]) -> None:
    """In words that there are; what is taken stands in the file as settings that can be read."""
    sections, wrong = zones_of(Draft(seen="x", zones=zones), RULES)
    for one in wrong:
        assert one.zone is None or 0 <= one.zone < len(zones)
        assert one.key in WORDS
    if wrong:
        return
    assert len(sections) == len(zones)
    assert len({section.name for section in sections}) == len(sections)
    for section in sections:
        row = json.loads(json.dumps(dict(row_of(section)), allow_nan=False))
        again = ZoneSection.model_validate(row)
        assert (again.name, again.rules, again.hours) == (section.name, section.rules, section.hours)
        for corner, kept in zip(section.polygon, again.polygon, strict=True):
            assert corner == pytest.approx(kept, abs=5.1e-5)
