"""Promises of the pages of cases: allowed steps only, a canteen's answer from its phone, the notice as PDF."""

import base64
import re
import zlib
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from regulator.asgi import TestClient
from regulator.conftest import Regulator
from regulator.sample import CANTEEN, boxes_at, drawn, sample, send

from kitchenvision.regulator import case_store, setup
from kitchenvision.regulator.access import EVERYTHING, Role
from kitchenvision.regulator.case_steps import CaseEvent, CaseState, Kind
from kitchenvision.regulator.case_store import CaseFile
from kitchenvision.regulator.case_tables import CaseRow
from kitchenvision.regulator.case_view import shot
from kitchenvision.regulator.messages import CATALOGUE
from kitchenvision.regulator.notice import notice
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Place
from kitchenvision.regulator.photos import MAX_PHOTO_BYTES, media_type
from kitchenvision.regulator.tables import Canteen, ViolationRow

PHOTO = drawn(5, boxes_at(sample().confirmed.captured_at))


class People:
    """An inspector who decides, another one, and the canteen's chef, each with a browser."""

    def __init__(self, regulator: Regulator) -> None:
        for name in ("wang", "li"):
            setup.add_person(regulator.settings, name)
        setup.add_person(regulator.settings, "chef", Role.CANTEEN, Place(canteen_id=CANTEEN))
        self.regulator = regulator
        self.wang, self.li, self.chef = (regulator.logged_in(name) for name in ("wang", "li", "chef"))

    def post(self, browser: TestClient, path: str, photo: bytes | None = None, **form: str) -> Any:
        """A form of that browser's own session."""
        page = browser.get("/account").text
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert found
        files = None if photo is None else {"photo": ("photo.jpg", photo, "image/jpeg")}
        return browser.post(path, data={"csrf_token": found.group(1), **form}, files=files, follow_redirects=False)

    def open_case(self, number: int = 1, rule_id: str = "no_hat") -> str:
        """Report, confirm, order; the address of the case."""
        one = sample(number, rule_id, captured_at=now() - timedelta(hours=number))
        send(self.regulator.client, self.regulator.token, [one])
        decided = self.post(self.wang, f"/review/{one.violation_id}/decision", verdict="confirmed", follows="0")
        assert decided.status_code == 303
        assert one.violation_id in self.wang.get("/cases").text
        answer = self.post(self.wang, "/cases", incident_id=one.violation_id)
        assert answer.status_code == 303
        return str(answer.headers["location"])

    def answer(self, address: str, **more: Any) -> Any:
        """A complete answer of the chef."""
        return self.post(
            self.chef, f"{address}/answer", **{"kind": "answered", "words": "戴好了", "photo": PHOTO, **more}
        )


@pytest.fixture
def people(regulator: Regulator) -> People:
    """All of them at a fresh regulator."""
    return People(regulator)


def shows(browser: TestClient, address: str) -> str:
    """The page in English."""
    return browser.get(address, params={"lang": "en"}).text


def test_a_case_goes_from_the_notice_to_its_acceptance(people: People) -> None:
    address = people.open_case()
    assert "Take a photo" in shows(people.chef, address)
    assert "The canteen is to answer" in shows(people.wang, address)
    assert people.answer(address).status_code == 303
    assert "Sent." in shows(people.chef, address)
    assert "戴好了" in shows(people.wang, address)
    assert people.wang.get(f"{address}/photos/2").content == PHOTO
    assert people.post(people.wang, f"{address}/ruling", kind="accepted").status_code == 303
    assert "The case is closed" in shows(people.chef, address)
    assert "Nothing is to be done" in shows(people.wang, address)


def test_only_the_allowed_next_steps_have_a_button(people: People) -> None:
    address = people.open_case()
    assert buttons(people, address) == []
    people.answer(address)
    assert buttons(people, address) == ["accepted", "returned"]
    people.post(people.wang, f"{address}/ruling", kind="returned", words="还有一个人没戴")
    assert buttons(people, address) == []
    assert "还有一个人没戴" in shows(people.chef, address)
    people.post(people.chef, f"{address}/answer", kind="appealed", words="是访客")
    assert buttons(people, address) == []
    assert "another person decides" in shows(people.wang, address)
    assert re.findall(r'name="kind" value="(\w+)"', shows(people.li, address)) == ["upheld", "overturned"]


def buttons(people: People, address: str) -> list[str]:
    """What wang may do."""
    return re.findall(r'name="kind" value="(\w+)"', shows(people.wang, address))


def test_an_overturned_case_takes_everything_back(people: People) -> None:
    address = people.open_case()
    people.post(people.chef, f"{address}/answer", kind="appealed", words="是访客")
    refused = people.post(people.wang, f"{address}/ruling", kind="overturned", words="不是")
    assert refused.status_code == 409
    assert people.post(people.li, f"{address}/ruling", kind="overturned", words="是访客").status_code == 303
    assert "Nothing counts against you" in shows(people.chef, address)
    told = people.wang.get(f"/api/v1/violations/{sample(1).violation_id}").json()
    assert told["state"] == "rejected"
    assert [one["verdict"] for one in told["decisions"]] == ["confirmed", "withdrawn", "rejected"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"photo": None}, "take a photo first"),
        ({"words": " "}, "write a few words"),
        ({"photo": b"%PDF-1.7 not a photo"}, "Only photos"),
        ({"photo": b"\xff\xd8\xff" + b"x" * MAX_PHOTO_BYTES}, "15 MB"),
    ],
)
def test_what_is_missing_is_said_and_the_words_stay(people: People, more: dict[str, Any], said: str) -> None:
    address = people.open_case()
    shows(people.chef, address)
    answer = people.answer(address, **{"words": "我们改了", **more})
    assert answer.status_code == 409
    assert said in answer.text
    assert more.get("words", "我们改了") in answer.text
    with people.regulator.app.state.parts.database.reading() as session:
        file = case_store.case_file(session, EVERYTHING, int(address.rsplit("/", 1)[1]))
    assert file is not None
    assert len(file.events) == 1


def test_a_form_with_an_empty_file_field_is_a_form_without_a_photo(people: People) -> None:
    address = people.open_case()
    shows(people.chef, address)
    page = people.chef.get("/account").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    form = {"csrf_token": token.group(1), "kind": "appealed", "words": "是访客"}
    answer = people.chef.post(
        f"{address}/answer",
        data=form,
        files={"photo": ("", b"", "application/octet-stream")},
        follow_redirects=False,
    )
    assert answer.status_code == 303


def test_a_photo_is_shown_as_what_it_is_and_nothing_else_is() -> None:
    assert media_type(PHOTO[:16]) == "image/jpeg"
    assert media_type(b"\x89PNG\r\n\x1a\n") == "image/png"
    assert media_type(b"RIFF\0\0\0\0WEBPVP8 ") == "image/webp"
    for other in (b"", b"<svg xmlns=", b"GIF89a", b"RIFF\0\0\0\0WAVEfmt "):
        assert media_type(other) is None


def test_an_event_without_a_photo_has_none(people: People) -> None:
    address = people.open_case()
    for seq in (0, 1, 2, -1):
        assert people.wang.get(f"{address}/photos/{seq}").status_code == 404


def test_a_second_notice_for_the_same_incident_is_refused(people: People) -> None:
    people.open_case()
    assert people.post(people.wang, "/cases", incident_id=sample(1).violation_id).status_code == 404


def test_lists_count_and_filter_by_state(people: People) -> None:
    first, second = people.open_case(1), people.open_case(2, "smoking")
    people.answer(first)
    told = people.wang.get("/cases", params={"state": "answered", "lang": "en"}).text
    assert f'href="{first}"' in told
    assert f'href="{second}"' not in told
    assert people.wang.get("/cases", params={"state": "nonsense"}).status_code == 422
    mine = shows(people.chef, "/cases")
    assert mine.index(f'href="{second}"') < mine.index("Other cases") < mine.index(f'href="{first}"')


def test_the_desk_leads_to_the_case_and_before_it_to_the_order(people: People) -> None:
    one = sample(40, captured_at=now())
    send(people.regulator.client, people.regulator.token, [one])
    people.post(people.wang, f"/review/{one.violation_id}/decision", verdict="confirmed", follows="0")
    desk = f"/review/{one.violation_id}"
    assert '<a href="/cases">Order rectification</a>' in shows(people.wang, desk)
    address = people.post(people.wang, "/cases", incident_id=one.violation_id).headers["location"]
    assert f'<a href="{address}">Case' in shows(people.wang, desk)
    assert "Press Z" not in shows(people.wang, desk)


def test_who_may_only_read_gets_no_button_to_decide(people: People) -> None:
    send(people.regulator.client, people.regulator.token, [sample(40)])
    setup.add_person(people.regulator.settings, "audit", Role.AUDITOR)
    for name, buttons_there in (("audit", False), ("li", True)):
        page = people.regulator.logged_in(name).get("/review", params={"lang": "en"}).text
        assert ('value="confirmed" ><kbd>' in page) == buttons_there
        assert ('id="reject"' in page) == buttons_there
        assert ("Read only" in page) != buttons_there


def test_an_error_page_leads_everybody_to_where_he_works(people: People) -> None:
    page = people.chef.get("/review", headers={"accept": "text/html"})
    assert page.status_code == 403
    assert 'href="/"' in page.text


def test_who_confirmed_reads_the_review_but_sees_no_button_for_a_decision_that_a_case_rests_on(
    people: People,
) -> None:
    people.open_case()
    violation_id = sample(1).violation_id
    path = f"/review/{violation_id}/decision"
    newest = people.wang.get(f"/api/v1/violations/{violation_id}").json()["decision_id"]
    answer = people.post(people.wang, path, verdict="withdrawn", follows=str(newest))
    assert answer.status_code == 409


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_in_both_languages(people: People, language: str) -> None:
    address = people.open_case()
    people.answer(address)
    for browser in (people.wang, people.chef):
        for path in ("/cases", address):
            text = browser.get(path, params={"lang": language}).text
            assert CATALOGUE[language]["nav.cases"] in text
            assert CATALOGUE["en" if language == "zh" else "zh"]["nav.cases"] not in text


def pdf_text(data: bytes, between: str = "") -> str:
    """What the pages say, line after line: strings of the PDF, which the CID font writes in UTF-16."""

    found = []
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", data, re.S):
        try:
            plain = zlib.decompress(
                base64.a85decode(stream.strip(), adobe=False)
                if b"~>" not in stream
                else base64.a85decode(b"<~" + stream.strip(), adobe=True)
            )
        except (ValueError, zlib.error):
            continue
        for piece in re.findall(rb"\(((?:[^()\\]|\\.)*)\) Tj", plain, re.S):
            raw = re.sub(
                rb"\\([0-7]{3}|.)",
                lambda m: bytes([int(m[1], 8)]) if len(m[1]) == 3 else {b"n": b"\n", b"r": b"\r"}.get(m[1], m[1]),
                piece,
                flags=re.S,
            )
            found.append(raw.decode("utf-16-be", "replace"))
    return between.join(found)


def test_the_notice_names_canteen_number_rule_and_deadline_and_has_the_pictures(people: People) -> None:
    address = people.open_case()
    answer = people.chef.get(f"{address}/notice.pdf")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")
    assert answer.content.count(b"/Subtype /Image") == 1
    text = pdf_text(answer.content)
    deadline = (now() + timedelta(days=7)).astimezone(ZoneInfo("Asia/Shanghai"))
    for word in (
        "整改通知书",
        "一号食堂",
        "00001",
        "未戴工作帽",
        f"{deadline.year} 年 {deadline.month} 月 {deadline.day} 日",
    ):
        assert word in text, text


def test_the_same_case_gives_the_same_notice_and_a_broken_picture_is_said(people: People) -> None:
    case_id = int(people.open_case().rsplit("/", 1)[1])
    with people.regulator.app.state.parts.database.reading() as session:
        file = case_store.case_file(session, EVERYTHING, case_id)
        framed = shot(session, EVERYTHING, sample(1).violation_id)
    assert file is not None
    zone = ZoneInfo("Asia/Shanghai")
    row = file.violations[0]
    made = [notice(file, [(row, PHOTO, framed)], "http://regulator.test/cases/1", zone) for _ in range(2)]
    assert made[0] == made[1]
    assert "照片无法读取" in pdf_text(
        notice(file, [(row, b"broken", framed)], "http://regulator.test/cases/1", zone)
    )
    assert "没有随附照片" in pdf_text(notice(file, [], "http://regulator.test/cases/1", zone))


@pytest.mark.parametrize("characters", range(1, 30))
def test_no_line_of_the_notice_begins_with_a_mark_that_belongs_to_the_line_before(
    characters: int,
) -> None:
    file = case_file_named("食" * characters)
    text = pdf_text(notice(file, [], "http://regulator.test/cases/1", ZoneInfo("Asia/Shanghai")), "\n")
    assert not re.findall(r"^[，。；：！？”、）]", text, re.M)


def case_file_named(zone: str) -> CaseFile:
    """A case in a zone of that name."""
    at = now()
    row = CaseRow(case_id=1, number="2026-00001", canteen_id="c", rule_id="no_hat", zone=zone, opened_at=at)
    violation = ViolationRow(violation_id="v", camera_id="k", captured_at=at)
    event = CaseEvent(Kind.OPENED, CaseState.NOTIFIED, 1, at, deadline_at=at)
    return CaseFile(row, Canteen(canteen_id="c", name="一号食堂"), (violation,), (event,), {1: "wang"}, frozenset())


def test_looking_at_the_notice_is_a_look_at_its_pictures(people: People) -> None:
    address = people.open_case()
    people.chef.get(f"{address}/notice.pdf")
    told = people.regulator.logged_in().get("/api/v1/picture-views").json()["items"]
    assert ("snapshot", "chef") in [(row["picture"], row["username"]) for row in told]
