"""Promises of what programs fetch: nothing twice, every page once, the same rows as Parquet as in the list."""

import io
import sys

import pytest
from pyarrow import parquet
from regulator.conftest import Regulator
from regulator.sample import sample, send

from kitchenvision.regulator import history, setup
from kitchenvision.regulator.access import EVERYTHING, Role
from kitchenvision.regulator.decisions import Step, Verdict
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Place


def decide(regulator: Regulator, violation_id: str, step: Step) -> None:
    """By the owner."""
    with regulator.app.state.parts.database.writing() as session:
        history.decide(session, EVERYTHING, (violation_id, 0), step, 1, now())


@pytest.mark.parametrize("path", ["/api/v1/violations", "/api/v1/violations/{id}", "/api/v1/picture-views"])
def test_what_a_program_has_already_is_answered_without_a_body(regulator: Regulator, path: str) -> None:
    one = sample()
    send(regulator.client, regulator.token, [one])
    browser, path = regulator.logged_in(), path.replace("{id}", one.violation_id)
    first = browser.get(path)
    etag = first.headers["etag"]
    for asked in (etag, f'W/{etag}, "other"', "*"):
        again = browser.get(path, headers={"If-None-Match": asked})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert browser.get(path, headers={"If-None-Match": '"other"'}).json() == first.json()


def test_a_change_is_answered_anew(regulator: Regulator) -> None:
    one = sample()
    send(regulator.client, regulator.token, [one])
    browser = regulator.logged_in()
    etag = browser.get("/api/v1/violations").headers["etag"]
    decide(regulator, one.violation_id, Step(Verdict.CONFIRMED))
    answer = browser.get("/api/v1/violations", headers={"If-None-Match": etag})
    assert answer.status_code == 200
    assert answer.json()["items"][0]["state"] == "confirmed"
    assert answer.headers["etag"] != etag


def test_what_decisions_teach_comes_in_pages_each_once(regulator: Regulator) -> None:
    several = [sample(number) for number in range(1, 8)]
    send(regulator.client, regulator.token, several)
    for one in several[:5]:
        decide(regulator, one.violation_id, Step(Verdict.REJECTED, 1))
    decide(regulator, several[5].violation_id, Step(Verdict.CONFIRMED))
    browser, found, cursor = regulator.logged_in(), [], ""
    while cursor is not None:
        page = browser.get("/api/v1/feedback", params={"limit": 2, "cursor": cursor, "confirmed": 1}).json()
        assert len(page["items"]) == 2
        found += page["items"]
        cursor = page["next_cursor"]
    assert sorted(one["violation_id"] for one in found) == sorted(one.violation_id for one in several[:6])
    by_id = {one["violation_id"]: one for one in found}
    assert by_id[several[0].violation_id]["meaning"] == "covered"
    assert by_id[several[0].violation_id]["label"].startswith("0 ")
    assert by_id[several[5].violation_id]["meaning"] == "bare"
    assert len(browser.get("/api/v1/feedback", params={"confirmed": 0}).json()["items"]) == 5


def test_parquet_holds_what_the_list_holds(regulator: Regulator) -> None:
    several = [sample(number) for number in range(1, 4)]
    send(regulator.client, regulator.token, several)
    decide(regulator, several[0].violation_id, Step(Verdict.REJECTED, 2))
    browser = regulator.logged_in()
    answer = browser.get("/reports/violations.parquet")
    assert answer.headers["content-disposition"].endswith("violations.parquet")
    rows = parquet.read_table(io.BytesIO(answer.content)).to_pylist()
    listed = browser.get("/api/v1/violations").json()["items"]
    assert {(row["violation_id"], row["captured_at"].isoformat(), row["state"]) for row in rows} == {
        (one["violation_id"], one["captured_at"], one["state"]) for one in listed
    }
    told = next(row for row in rows if row["violation_id"] == several[0].violation_id)
    assert (told["reason"], told["canteen"]) == (2, "一号食堂")
    assert told["decided_at"] is not None


def test_an_inspector_takes_his_towns_alone_and_nothing_is_an_empty_file(regulator: Regulator) -> None:
    send(regulator.client, regulator.token, [sample()])
    setup.add_town(regulator.settings, "west")
    setup.add_person(regulator.settings, "wang", Role.INSPECTOR, Place(("west",)))
    wang = regulator.logged_in("wang")
    assert parquet.read_table(io.BytesIO(wang.get("/reports/violations.parquet").content)).num_rows == 0
    assert wang.get("/api/v1/feedback").json() == {"items": [], "next_cursor": None}


def test_without_the_extra_the_answer_says_what_to_install(
    regulator: Regulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kitchenvision.regulator.parquet_export", None)
    answer = regulator.logged_in().get("/reports/violations.parquet")
    assert (answer.status_code, answer.json()["type"]) == (501, "not-installed")
    assert "kitchenvision[parquet]" in answer.json()["detail"]
