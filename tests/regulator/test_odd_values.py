"""Whatever stands in an address, a form or a report: a word on it, never a failure here, on either database."""

import base64
import re

import pytest
from regulator.conftest import Regulator
from regulator.sample import sample, send, send_blobs, send_report
from regulator.test_auth import csrf_of
from sqlalchemy import select

from kitchenvision.regulator.db import Database, NotStorable
from kitchenvision.regulator.storage_settings import StorageSettings
from kitchenvision.regulator.tables import Canteen, ViolationRow

EARLY, LATE = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"
HUGE = "9" * 26


def cursor(instant: str, violation_id: str = "x") -> str:
    """As a page of a list gives it."""
    return base64.urlsafe_b64encode(f"{instant}|{violation_id}".encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/violations?canteen=%00",
        "/api/v1/violations?camera=a%00b",
        "/api/v1/violations?rule=%00&state=open",
        f"/api/v1/violations?from={EARLY.replace('+', '%2B')}",
        f"/api/v1/violations?to={LATE}",
        f"/api/v1/violations?cursor={cursor(EARLY)}",
        f"/api/v1/violations?cursor={cursor(LATE)}",
        f"/api/v1/violations?cursor={cursor('2026-11-20T00:00:00+00:00', 'a' + chr(0))}",
        "/api/v1/violations/%00",
        "/api/v1/violations/a%00b/snapshot",
        "/api/v1/feedback?cursor=%00",
        "/api/v1/picture-views?violation_id=%00",
        "/review?rule=%00",
        f"/review?from={LATE}",
        "/review/%00",
        "/review/%00/desk",
        f"/review/new?since={EARLY.replace('+', '%2B')}",
        f"/review/more?cursor={cursor(LATE)}",
        f"/cases/{HUGE}",
        f"/cases/-{HUGE}/notice.pdf",
        f"/cases/{HUGE}/photos/{HUGE}",
        "/cases?number=%00",
        f"/people/{HUGE}",
        "/canteens/%00",
        "/cockpit/pictures/%00/serving-1",
    ],
)
def test_what_no_database_can_look_for_is_answered_in_words(regulator: Regulator, address: str) -> None:
    """To somebody who is logged in: not there, or the request cannot be read; and the next one is answered."""
    client = regulator.logged_in()
    answer = client.get(address, follow_redirects=False)
    assert answer.status_code in (200, 404, 422), answer.text
    if answer.status_code == 422:
        assert answer.headers["content-type"] in ("application/problem+json", "text/html; charset=utf-8")
        assert "Traceback" not in answer.text
        assert "SELECT" not in answer.text, "what the database was asked is nobody's business"
    assert client.get("/review").status_code == 200


@pytest.mark.parametrize("address", ["/public/%00", "/public/a%00b/qr.svg", "/wall/%00", "/login/once/%00"])
def test_neither_is_it_a_failure_for_somebody_from_the_street(regulator: Regulator, address: str) -> None:
    """These pages are open to all, so anybody could fill the log with them."""
    answer = regulator.client.get(address, follow_redirects=False)
    assert 300 <= answer.status_code < 500


def test_a_name_that_nobody_can_have_is_a_wrong_name(regulator: Regulator) -> None:
    """At the log-in, in words, without a session."""
    for username in ("\x00", "a\x00b", "x" * 10_000, "\ufffe"):
        answer = regulator.client.post("/login", data={"username": username, "password": "guess"})
        assert 400 <= answer.status_code < 500
        assert not answer.cookies
    assert regulator.client.post(
        "/login", data={"username": "admin", "password": regulator.password}
    ).status_code in (
        200,
        303,
    )


def test_a_note_with_control_signs_is_kept_or_told_and_the_decision_is_one_or_none(regulator: Regulator) -> None:
    """Pasted from elsewhere, or sent by a program."""
    one = sample()
    send(regulator.client, regulator.token, [one])
    client = regulator.logged_in()
    form = {
        "csrf_token": csrf_of(client),
        "verdict": "rejected",
        "reason": "6",
        "follows": "0",
        "note": "a\x00\x0bb",
    }
    answer = client.post(f"/review/{one.violation_id}/decision", data=form, follow_redirects=False)
    assert answer.status_code < 500
    with regulator.app.state.parts.database.reading() as session:
        state = session.scalar(select(ViolationRow.state))
    assert state == ("rejected" if answer.status_code < 400 else "open")
    if answer.status_code >= 400:
        again = client.post(
            f"/review/{one.violation_id}/decision", data=form | {"note": "ab"}, follow_redirects=False
        )
        assert again.status_code < 400


def test_a_report_that_cannot_be_kept_is_refused_and_not_put_off(regulator: Regulator) -> None:
    """A box tries again what failed here, for ever; what is refused, it sets aside. All of it or nothing."""
    one = sample(camera_id="a\x00b")
    send_blobs(regulator.client, regulator.token, one.blobs)
    answers = [send_report(regulator.client, regulator.token, report) for report in one.reports]
    assert {answer.status_code for answer in answers} <= {201, 409, 422}
    with regulator.app.state.parts.database.reading() as session:
        kept = list(session.scalars(select(ViolationRow.violation_id)))
    assert kept == ([one.violation_id] if answers[0].status_code == 201 else [])
    send(regulator.client, regulator.token, [sample(2)])


def test_the_border_of_the_database_names_what_it_cannot_hold(
    regulator: Regulator, storage: StorageSettings
) -> None:
    """One line of it, whichever database it is; other errors of ours stay what they are."""
    database: Database = regulator.app.state.parts.database
    with pytest.raises(NotStorable) as caught, database.reading() as session:
        session.get(Canteen, "a") or session.scalar(select(ViolationRow).where(ViolationRow.decision_id == 10**30))
    assert re.search("too large|out of range", str(caught.value))
    assert "\n" not in str(caught.value)
    with pytest.raises(OverflowError, match="cannot convert"), database.reading():
        int(float("inf"))
    with pytest.raises(KeyError), database.writing():
        raise KeyError("ours")
    with database.reading() as session:
        assert session.scalar(select(Canteen.canteen_id)) == "canteen-1"
