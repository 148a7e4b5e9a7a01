"""Promises of reading: lists, filters, cursors, one violation, pictures with ranges, each canteen its own."""

import json
from datetime import timedelta

import pytest
from regulator.asgi import TestClient
from regulator.conftest import Regulator
from regulator.sample import BEGAN, bearer, sample, send, send_blobs, send_report
from regulator.test_decisions import decide

from kitchenvision.wire import BlobRef, content_hash, report_bytes


@pytest.fixture(scope="module")
def filled(library: Regulator) -> TestClient:
    """A person who reads."""
    return library.logged_in()


def ids(client: TestClient, **query: str) -> list[str]:
    """Ids of one page."""
    return [row["violation_id"] for row in client.get("/api/v1/violations", params=query).json()["items"]]


def test_the_list_is_newest_first_and_says_how_many_there_are(filled: TestClient) -> None:
    told = filled.get("/api/v1/violations").json()
    times = [row["captured_at"] for row in told["items"]]
    assert times == sorted(times, reverse=True)
    assert told["total"] == len(times) == 12
    assert told["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"rule": "smoking"}, 3),
        ({"canteen": "canteen-2"}, 3),
        ({"camera": "camera-0"}, 4),
        ({"rule": "no_mask", "camera": "camera-1"}, 2),
        ({"state": "open"}, 12),
        ({"state": "decided"}, 0),
        ({"rule": "unheard_of"}, 0),
        ({"rule": ""}, 12),
        ({"from": (BEGAN + timedelta(minutes=7 * 5)).isoformat()}, 8),
        ({"to": (BEGAN + timedelta(minutes=7 * 5)).isoformat()}, 4),
    ],
)
def test_filters_narrow_the_list(filled: TestClient, query: dict[str, str], expected: int) -> None:
    told = filled.get("/api/v1/violations", params=query).json()
    assert len(told["items"]) == told["total"] == expected


def test_filters_by_state_follow_decisions(regulator: Regulator) -> None:
    send(regulator.client, regulator.token, [sample(i) for i in range(1, 4)])
    client = regulator.logged_in()
    first, second, third = ids(client)
    decide(client, first, "confirmed")
    decide(client, second, "rejected", reason="2")
    assert ids(client, state="confirmed") == [first]
    assert ids(client, state="rejected") == [second]
    assert set(ids(client, state="decided")) == {first, second}
    assert ids(client, state="open") == [third]


@pytest.mark.parametrize("limit", [1, 5, 12, 50])
def test_pages_together_are_the_whole_list_without_repeats(filled: TestClient, limit: int) -> None:
    seen: list[str] = []
    query = {"limit": str(limit)}
    while True:
        told = filled.get("/api/v1/violations", params=query).json()
        seen += [row["violation_id"] for row in told["items"]]
        if told["next_cursor"] is None:
            break
        query["cursor"] = told["next_cursor"]
    assert seen == ids(filled, limit="100")


def test_what_arrives_meanwhile_does_not_shift_the_next_page(regulator: Regulator) -> None:
    send(regulator.client, regulator.token, [sample(i) for i in range(1, 5)])
    client = regulator.logged_in()
    first = client.get("/api/v1/violations", params={"limit": "2"}).json()
    send(regulator.client, regulator.token, [sample(40)])
    second = ids(client, limit="6", cursor=first["next_cursor"])
    assert not {row["violation_id"] for row in first["items"]} & set(second)
    assert len(second) == 2


@pytest.mark.parametrize("cursor", ["x", "AAAA", "e30", "%00", "MjAyNi0xMS0yMHxh"])
def test_a_cursor_that_was_not_given_out_is_a_problem(filled: TestClient, cursor: str) -> None:
    answer = filled.get("/api/v1/violations", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["field"]) == (422, "cursor")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "501"),
        ("limit", "many"),
        ("state", "guilty"),
        ("from", "yesterday"),
        ("to", "2026-01-01T00:00"),
    ],
)
def test_a_wrong_filter_is_a_problem_that_names_it(filled: TestClient, name: str, value: str) -> None:
    answer = filled.get("/api/v1/violations", params={name: value})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == name


def test_one_violation_comes_with_its_reports_as_they_were_sent(filled: TestClient) -> None:
    one = sample(1, "no_mask", camera_id="camera-1")
    told = filled.get(f"/api/v1/violations/{one.violation_id}").json()
    assert told["reports"] == [json.loads(report_bytes(report)) for report in one.reports]
    assert told["decisions"] == []


@pytest.mark.parametrize("role", ["snapshot", "head_crop", "clip", "trace"])
def test_each_blob_comes_back_byte_for_byte_with_its_type(filled: TestClient, role: str) -> None:
    one = sample(1, "no_mask")
    answer = filled.get(f"/api/v1/violations/{one.violation_id}/{role}")
    ref = next(ref for report in one.reports for ref in report.blobs if ref.role == role)
    assert content_hash(answer.content) == ref.sha256
    assert answer.headers["content-type"] == ref.media_type
    assert answer.headers["content-length"] == str(ref.size)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=3-9", 3, 10),
        ("bytes=5-", 5, None),
        ("bytes=-4", -4, None),
        ("bytes=2-9999", 2, None),
    ],
)
def test_a_range_of_the_clip_is_a_206_with_that_part(
    filled: TestClient, asked: str, start: int, end: int | None
) -> None:
    address = f"/api/v1/violations/{sample(1).violation_id}/clip"
    whole = filled.get(address).content
    answer = filled.get(address, headers={"Range": asked})
    part = whole[start:end]
    first = start % len(whole)
    assert answer.status_code == 206
    assert answer.content == part
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(part) - 1}/{len(whole)}"


@pytest.mark.parametrize("asked", ["bytes=99999-", "bytes=-0"])
def test_a_range_outside_the_clip_is_a_416(filled: TestClient, asked: str) -> None:
    answer = filled.get(f"/api/v1/violations/{sample(1).violation_id}/clip", headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"].startswith("bytes */")


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=-", "items=0-1", "bytes=0-1,4-5", "nonsense"])
def test_a_range_that_is_none_gets_the_whole_clip(filled: TestClient, asked: str) -> None:
    answer = filled.get(f"/api/v1/violations/{sample(1).violation_id}/clip", headers={"Range": asked})
    assert answer.status_code == 200
    assert answer.headers["accept-ranges"] == "bytes"


def test_what_the_browser_has_already_is_not_sent_again(filled: TestClient) -> None:
    address = f"/api/v1/violations/{sample(1).violation_id}/clip"
    etag = filled.get(address).headers["etag"]
    assert filled.get(address, headers={"If-None-Match": etag}).status_code == 304
    old = {"Range": "bytes=0-0", "If-Range": '"another"'}
    assert filled.get(address, headers=old).status_code == 200


def test_an_unknown_violation_or_role_is_a_404_problem(filled: TestClient) -> None:
    for path in ("0" * 32, "0" * 32 + "/clip"):
        answer = filled.get(f"/api/v1/violations/{path}")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert filled.get(f"/api/v1/violations/{sample(1).violation_id}/secret").status_code == 422


def test_a_clip_that_has_not_arrived_is_a_404(regulator: Regulator) -> None:
    one = sample()
    send_blobs(regulator.client, regulator.token, one.blobs)
    send_report(regulator.client, regulator.token, one.confirmed)
    answer = regulator.logged_in().get(f"/api/v1/violations/{one.violation_id}/clip")
    assert answer.status_code == 404
    assert "on its way" in answer.json()["detail"]


def test_reading_needs_a_log_in_or_a_token(library: Regulator) -> None:
    stranger = library.another_client()
    for path in ("", f"/{sample(1).violation_id}", f"/{sample(1).violation_id}/snapshot"):
        assert stranger.get(f"/api/v1/violations{path}").status_code == 401
        assert stranger.get(f"/api/v1/violations{path}", headers=bearer("wrong")).status_code == 401


def test_a_canteens_token_reads_back_what_it_sent_and_nothing_else(library: Regulator) -> None:
    edge, headers = library.another_client(), bearer(library.token)
    told = edge.get("/api/v1/violations", params={"canteen": "canteen-2"}, headers=headers).json()
    assert {row["canteen_id"] for row in told["items"]} == {"canteen-1"}
    theirs = sample(20, canteen_id="canteen-2").violation_id
    assert edge.get(f"/api/v1/violations/{theirs}", headers=headers).status_code == 404
    assert edge.get(f"/api/v1/violations/{theirs}/snapshot", headers=headers).status_code == 404
    assert edge.get(f"/api/v1/violations/{sample(1).violation_id}", headers=headers).status_code == 200


def test_a_blob_that_calls_itself_a_page_is_sent_as_a_file_to_save(regulator: Regulator) -> None:
    one = sample()
    page = b"<script>alert(1)</script>"
    ref = BlobRef(role="snapshot", sha256=content_hash(page), size=len(page), media_type="text/html")
    others = tuple(blob for blob in one.confirmed.blobs if blob.role != "snapshot")
    send_blobs(regulator.client, regulator.token, {**one.blobs, ref.sha256: page})
    report = one.confirmed.model_copy(update={"blobs": (ref, *others)})
    assert send_report(regulator.client, regulator.token, report).status_code == 201
    answer = regulator.logged_in().get(f"/api/v1/violations/{one.violation_id}/snapshot")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"
