"""Promises of ingest: immutable, in sequence, durable before the receipt, clear when refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from regulator.conftest import Regulator
from regulator.sample import CANTEEN, bearer, refs, sample, send, send_blobs, send_report
from sqlalchemy import select

from kitchenvision.regulator import setup
from kitchenvision.regulator.tables import ReportRow
from kitchenvision.wire import Problem, Receipt, content_hash, report_bytes


def post(regulator: Regulator, body: bytes) -> Any:
    """Post raw bytes with the right token."""
    return regulator.client.post("/api/v1/reports", content=body, headers=bearer(regulator.token))


def problem_of(answer: Any) -> Problem:
    """The problem that an answer tells."""
    assert answer.headers["content-type"] == "application/problem+json"
    told = Problem.model_validate_json(answer.content)
    assert told.status == answer.status_code
    return told


def test_a_report_is_accepted_and_its_receipt_names_the_hash_of_its_canonical_bytes(regulator: Regulator) -> None:
    one = sample()
    send_blobs(regulator.client, regulator.token, one.blobs)
    answer = send_report(regulator.client, regulator.token, one.confirmed)
    receipt = Receipt.model_validate_json(answer.content)
    assert answer.status_code == 201
    assert receipt.status == "accepted"
    assert receipt.idempotency_key == f"{one.violation_id}/1"
    assert receipt.report_sha256 == content_hash(report_bytes(one.confirmed))


def test_the_same_report_again_is_a_duplicate_with_the_first_receipts_time(regulator: Regulator) -> None:
    one = sample()
    send_blobs(regulator.client, regulator.token, one.blobs)
    first = Receipt.model_validate_json(send_report(regulator.client, regulator.token, one.confirmed).content)
    answer = send_report(regulator.client, regulator.token, one.confirmed)
    again = Receipt.model_validate_json(answer.content)
    assert answer.status_code == 200
    assert (again.status, again.received_at) == ("duplicate", first.received_at)
    assert again.report_sha256 == first.report_sha256


def test_the_same_content_written_another_way_is_a_duplicate(regulator: Regulator) -> None:
    one = sample()
    send(regulator.client, regulator.token, [one])
    spread = json.dumps(json.loads(report_bytes(one.confirmed)), indent=3, ensure_ascii=True).encode()
    assert post(regulator, spread).status_code == 200


def test_every_earlier_report_is_a_duplicate_after_later_ones_came(regulator: Regulator) -> None:
    one = sample()
    send(regulator.client, regulator.token, [one])
    for report in one.reports:
        assert send_report(regulator.client, regulator.token, report).json()["status"] == "duplicate"


def test_other_content_under_the_same_key_is_refused_and_the_first_stays(regulator: Regulator) -> None:
    one = sample()
    send(regulator.client, regulator.token, [one])
    other = one.confirmed.model_copy(update={"confidence": 0.5})
    told = problem_of(send_report(regulator.client, regulator.token, other))
    assert (told.status, told.type, told.field) == (409, "other-content", "seq")
    kept = regulator.logged_in().get(f"/api/v1/violations/{one.violation_id}").json()
    assert kept["reports"][0] == json.loads(report_bytes(one.confirmed))


def test_a_gap_in_the_sequence_is_refused_and_tells_the_expected_seq(regulator: Regulator) -> None:
    one = sample()
    send_blobs(regulator.client, regulator.token, one.blobs)
    told = problem_of(send_report(regulator.client, regulator.token, one.ended))
    assert (told.status, told.type) == (409, "sequence-gap")
    assert (told.model_extra or {})["expected_seq"] == 1
    send_report(regulator.client, regulator.token, one.confirmed)
    told = problem_of(send_report(regulator.client, regulator.token, one.ended))
    assert (told.model_extra or {})["expected_seq"] == 2


def test_missing_blobs_are_named_and_the_report_is_taken_once_they_are_there(regulator: Regulator) -> None:
    one = sample()
    told = problem_of(send_report(regulator.client, regulator.token, one.confirmed))
    assert (told.status, told.field) == (422, "blobs")
    assert set((told.model_extra or {})["missing_blobs"]) == {ref.sha256 for ref in one.confirmed.blobs}
    send_blobs(regulator.client, regulator.token, one.blobs)
    assert send_report(regulator.client, regulator.token, one.confirmed).status_code == 201


def test_a_blob_whose_size_differs_from_the_report_is_refused_by_its_field(regulator: Regulator) -> None:
    one = sample()
    send_blobs(regulator.client, regulator.token, one.blobs)
    first, *rest = one.confirmed.blobs
    wrong = one.confirmed.model_copy(update={"blobs": (first.model_copy(update={"size": 1}), *rest)})
    told = problem_of(send_report(regulator.client, regulator.token, wrong))
    assert (told.status, told.field) == (422, "blobs.0.size")


def test_a_role_that_is_named_twice_is_refused(regulator: Regulator) -> None:
    one = sample()
    twice = (*one.confirmed.blobs, *refs({"snapshot": b"another"}))
    told = problem_of(post(regulator, report_bytes(one.confirmed.model_copy(update={"blobs": twice}))))
    assert (told.status, told.field) == (422, "blobs")


def test_the_first_report_must_be_the_confirmation_and_no_later_one_may(regulator: Regulator) -> None:
    one = sample()
    send_blobs(regulator.client, regulator.token, one.blobs)
    told = problem_of(send_report(regulator.client, regulator.token, one.ended.model_copy(update={"seq": 1})))
    assert (told.status, told.field) == (422, "kind")
    send_report(regulator.client, regulator.token, one.confirmed)
    again = one.confirmed.model_copy(update={"seq": 2})
    assert problem_of(send_report(regulator.client, regulator.token, again)).field == "kind"


def test_a_report_of_another_canteen_than_the_token_is_forbidden(regulator: Regulator) -> None:
    other = setup.add_canteen(regulator.settings, "canteen-2")
    one = sample()
    send_blobs(regulator.client, regulator.token, one.blobs)
    told = problem_of(send_report(regulator.client, other, one.confirmed))
    assert (told.status, told.field) == (403, "canteen_id")
    assert CANTEEN in told.detail
    assert "canteen-2" in told.detail


def test_a_violation_of_one_canteen_cannot_be_continued_by_another(regulator: Regulator) -> None:
    other = setup.add_canteen(regulator.settings, "canteen-2")
    one = sample()
    send_blobs(regulator.client, regulator.token, one.blobs)
    send_report(regulator.client, regulator.token, one.confirmed)
    stolen = one.ended.model_copy(update={"seq": 2, "canteen_id": "canteen-2"})
    assert problem_of(send_report(regulator.client, other, stolen)).status == 409
    assert send_report(regulator.client, regulator.token, one.clip).status_code == 201


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic YTpi"}])
def test_a_missing_or_wrong_token_is_a_401_problem(regulator: Regulator, header: dict[str, str]) -> None:
    body = report_bytes(sample().confirmed)
    answer = regulator.client.post("/api/v1/reports", content=body, headers=header)
    assert problem_of(answer).status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    blob = f"/api/v1/blobs/{content_hash(b'x')}"
    assert problem_of(regulator.client.put(blob, content=b"x", headers=header)).status == 401
    assert regulator.client.head(blob, headers=header).status_code == 401


def test_a_rotated_token_replaces_the_old_one(regulator: Regulator) -> None:
    new = setup.rotate_token(regulator.settings, CANTEEN)
    name = content_hash(b"x")
    assert regulator.client.head(f"/api/v1/blobs/{name}", headers=bearer(regulator.token)).status_code == 401
    assert regulator.client.head(f"/api/v1/blobs/{name}", headers=bearer(new)).status_code == 404


def _broken(path: str, value: Any) -> bytes:
    told = json.loads(report_bytes(sample().confirmed))
    place = told
    *parents, last = path.split(".")
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    place[last] = value
    return json.dumps(told).encode()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("confidence", 1.5),
        ("violation_id", "no hash"),
        ("wire_version", 2),
        ("kind", "unheard of"),
        ("snapshot.width", 0),
        ("snapshot.captured_at", "2026-11-20T03:00:00"),
        ("blobs.0.sha256", "short"),
        ("head_xyxy", [1, 2, 3]),
        ("started_s", -1),
        ("surprise", True),
        ("seq", 0),
    ],
)
def test_a_wrong_field_is_named_by_its_dotted_path(regulator: Regulator, path: str, value: Any) -> None:
    told = problem_of(post(regulator, _broken(path, value)))
    assert told.status == 422
    assert told.field is not None
    assert told.field.startswith(path)
    assert told.errors[0]["field"] == told.field
    assert told.errors[0]["problem"]


def test_all_wrong_fields_are_listed(regulator: Regulator) -> None:
    told = json.loads(_broken("confidence", 1.5))
    told["rule_id"] = ""
    fields = {error["field"] for error in problem_of(post(regulator, json.dumps(told).encode())).errors}
    assert fields == {"confidence", "rule_id"}


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"null", b'"text"', b"{}", b"\xff\xfe", b"[" * 5000])
def test_what_is_no_report_is_a_422_problem(regulator: Regulator, body: bytes) -> None:
    assert problem_of(post(regulator, body)).status == 422


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_without_a_canonical_form_are_refused(regulator: Regulator, number: str) -> None:
    body = _broken("head_xyxy", [0, 0, 1, "HERE"]).replace(b'"HERE"', number.encode())
    assert problem_of(post(regulator, body)).status == 422


def test_an_instant_outside_the_calendar_of_utc_is_refused(regulator: Regulator) -> None:
    assert problem_of(post(regulator, _broken("captured_at", "0001-01-01T00:00:00+14:00"))).status == 422


def test_reports_and_blobs_above_their_limits_are_refused_with_413(regulator: Regulator) -> None:
    limit = regulator.settings.max_report_bytes
    assert problem_of(post(regulator, b" " * (limit + 1))).status == 413

    def pieces() -> Any:
        for _ in range(limit // 1000 + 2):
            yield b" " * 1000

    answer = regulator.client.post("/api/v1/reports", content=pieces(), headers=bearer(regulator.token))
    assert problem_of(answer).status == 413
    headers = {**bearer(regulator.token), "Content-Length": str(regulator.settings.max_blob_bytes + 1)}
    answer = regulator.client.put(f"/api/v1/blobs/{content_hash(b'x')}", content=b"x", headers=headers)
    assert problem_of(answer).status == 413


def test_a_blob_is_stored_once_and_head_says_whether_it_is_there(regulator: Regulator) -> None:
    data = b"picture" * 1000
    address = f"/api/v1/blobs/{content_hash(data)}"
    headers = bearer(regulator.token)
    assert regulator.client.head(address, headers=headers).status_code == 404
    assert regulator.client.put(address, content=data, headers=headers).status_code == 201
    assert regulator.client.head(address, headers=headers).status_code == 200
    assert regulator.client.put(address, content=data, headers=headers).status_code == 200


def test_a_blob_with_another_hash_is_refused_and_leaves_nothing(regulator: Regulator) -> None:
    address = f"/api/v1/blobs/{content_hash(b'meant')}"
    told = problem_of(regulator.client.put(address, content=b"came", headers=bearer(regulator.token)))
    assert (told.status, told.type) == (422, "hash-differs")
    assert regulator.client.head(address, headers=bearer(regulator.token)).status_code == 404
    assert list(regulator.app.state.parts.blobs.names()) == []


@pytest.mark.parametrize("name", ["short", "A" * 64, "..%2f..%2fetc%2fpasswd", "g" * 64])
def test_a_blob_name_that_is_no_hash_is_refused(regulator: Regulator, name: str) -> None:
    answer = regulator.client.put(f"/api/v1/blobs/{name}", content=b"x", headers=bearer(regulator.token))
    assert answer.status_code in (404, 422)
    assert problem_of(answer).status == answer.status_code


def test_two_deliveries_of_one_report_at_once_are_accepted_once(regulator: Regulator) -> None:
    for number in range(1, 6):
        one = sample(number)
        send_blobs(regulator.client, regulator.token, one.blobs)
        with ThreadPoolExecutor(4) as pool:
            answers = list(
                pool.map(lambda report: send_report(regulator.client, regulator.token, report), [one.confirmed] * 4)
            )
        assert sorted(answer.json()["status"] for answer in answers) == ["accepted"] + ["duplicate"] * 3


def test_a_receipt_survives_a_restart(regulator: Regulator) -> None:
    one = sample()
    send(regulator.client, regulator.token, [one])
    database = setup.open_database(regulator.settings)
    with database.reading() as session:
        rows = session.scalars(select(ReportRow).order_by(ReportRow.seq)).all()
    database.close()
    assert [row.body for row in rows] == [report_bytes(report) for report in one.reports]
    assert [row.sha256 for row in rows] == [content_hash(row.body) for row in rows]
    assert rows[0].received_at <= datetime.now(UTC)


def test_the_end_of_a_violation_becomes_part_of_what_is_listed(regulator: Regulator) -> None:
    one = sample()
    send(regulator.client, regulator.token, [one])
    told = regulator.logged_in().get(f"/api/v1/violations/{one.violation_id}").json()
    assert told["ended_s"] == 19.0
    assert told["last_seq"] == 3
