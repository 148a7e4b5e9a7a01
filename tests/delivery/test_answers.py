"""Whatever comes back over the line, a report is given up, tried again or delivered, never wrongly."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outbox.reports import START, confirmed

from kitchenvision.delivery.answers import Answer, RegulatorAway, check_usable, judge, retry_after_s, words_of
from kitchenvision.errors import DeliveryRefused, DeliveryRetry
from kitchenvision.outbox import Item, Status
from kitchenvision.wire import Receipt, content_hash, report_bytes

BODY = report_bytes(confirmed())
ITEM = Item(
    idempotency_key=confirmed().idempotency_key,
    violation_id=confirmed().violation_id,
    seq=1,
    kind="confirmed",
    canteen_id="school-7",
    camera_id="cam-1",
    sha256=content_hash(BODY),
    body=BODY,
    blobs=(),
    status=Status.LEASED,
    claims=1,
    failures=0,
    put_at=START,
    next_attempt_at=START,
    leased_until=START,
    delivered_at=None,
    worker="w",
    last_error="",
    receipt=None,
    waits_for=None,
    blocked=False,
)
RECEIPT = Receipt(
    idempotency_key=ITEM.idempotency_key, report_sha256=ITEM.sha256, received_at=START, status="accepted"
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "title", "status", "detail", "field", "errors", "missing_blobs", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
BODIES = st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode())


def answered(status: int, body: bytes = b"", **more: str) -> Answer:
    """An answer with nothing unusual in its headers."""
    return Answer(status, body, "https://regulator.example", more.get("retry_after", ""), more.get("location", ""))


def problem(**values: Any) -> bytes:
    """The bytes of a problem."""
    return json.dumps({"title": "No", "status": 422, **values}).encode()


@given(st.integers(100, 599), BODIES, st.text(max_size=20), st.text(max_size=20))
def test_an_answer_of_any_status_and_body_is_given_up_or_tried_again_and_nothing_worse(
    status: int, body: bytes, retry_after: str, location: str
) -> None:
    answer = answered(status, body, retry_after=retry_after, location=location)
    with pytest.raises((DeliveryRetry, DeliveryRefused)) as judged:
        judge(ITEM, answer, START)
    if isinstance(judged.value, DeliveryRefused):
        assert status in (400, 409, 413, 415, 422), "no other answer may end a report"
    if status == 413:
        assert isinstance(judged.value, DeliveryRefused)
    assert str(status) in str(judged.value) or status < 300


@given(st.sampled_from([200, 201, 202, 299]), st.sampled_from(["accepted", "duplicate"]))
def test_the_receipt_for_this_very_report_delivers_it(status: int, said: str) -> None:
    receipt = RECEIPT.model_copy(update={"status": said})
    assert judge(ITEM, answered(status, receipt.model_dump_json().encode()), START) == receipt


@pytest.mark.parametrize(
    "changes",
    [{"idempotency_key": "another/1"}, {"report_sha256": "0" * 64}, {"idempotency_key": ITEM.violation_id + "/2"}],
)
def test_a_receipt_for_anything_else_delivers_nothing_and_names_both(changes: dict[str, str]) -> None:
    receipt = RECEIPT.model_copy(update=changes)
    with pytest.raises(DeliveryRetry) as told:
        judge(ITEM, answered(200, receipt.model_dump_json().encode()), START)
    assert not isinstance(told.value, RegulatorAway), "the others may still go"
    for word in (*changes.values(), ITEM.idempotency_key, ITEM.sha256):
        assert word in str(told.value)


@given(st.text())
def test_a_retry_after_of_any_text_is_a_time_between_none_and_an_hour(header: str) -> None:
    assert 0.0 <= retry_after_s(header, START) <= 3600.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("9" * 5000, 3600),
        ("²", 0),
        ("Mon, 02 Mar 2026 08:01:00 GMT", 60),
        ("Mon, 02 Mar 2026 09:01:00 +0100", 60),
        ("Mon, 02 Mar 2026 07:59:00 GMT", 0),
        ("Mon, 02 Mar 2026 08:01:00", 0),  # of no zone: nobody knows when that is
        ("Mon, 02 Mar 2026 08:01:00 +99999999999999999999", 0),
        ("Mon, 01 Jan 99999 00:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
    ],
)
def test_a_retry_after_of_a_strange_server_does_no_harm(header: str, seconds: float) -> None:
    assert retry_after_s(header, datetime(2026, 3, 2, 8, 0, tzinfo=UTC)) == seconds


@pytest.mark.parametrize("status", [429, 408, 425, 500, 502, 503, 599])
def test_how_long_a_busy_regulator_wants_to_be_left_alone_travels_with_the_error(status: int) -> None:
    with pytest.raises(RegulatorAway) as away:
        check_usable(answered(status, retry_after="17"), START)
    assert away.value.retry_after_s == 17.0


@pytest.mark.parametrize("status", [200, 201, 204, 400, 409, 413, 415, 418, 422])
def test_what_is_said_of_one_report_does_not_mean_that_the_regulator_is_away(status: int) -> None:
    check_usable(answered(status), START)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (problem(expected_seq=2), DeliveryRetry),
        (problem(type="https://x.example/problems/sequence_gap"), DeliveryRetry),
        (problem(missing_blobs=["0" * 64]), DeliveryRetry),
        (problem(missing_blobs=[]), DeliveryRefused),
        (problem(type="https://x.example/problems/missing_blob"), DeliveryRetry),
        (problem(field="rule_id"), DeliveryRefused),
        (b'{"detail": "a frame of another program"}', DeliveryRetry),
        (b"<html>blocked by policy</html>", DeliveryRetry),
    ],
)
def test_only_a_problem_with_this_very_report_ends_it(body: bytes, error: type[Exception]) -> None:
    for status in (409, 422):
        with pytest.raises(error):
            judge(ITEM, answered(status, body), START)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "HTTP 422"),
        (problem(), "HTTP 422 No"),
        (problem(detail="unknown rule"), "HTTP 422 No: unknown rule"),
        (problem(detail="unknown rule", field="rule_id"), "HTTP 422 No: unknown rule (field rule_id)"),
        (problem(detail="未知规则"), "HTTP 422 No: 未知规则"),
    ],
)
def test_an_answer_is_told_in_words_with_its_field(body: bytes, words: str) -> None:
    assert words_of(answered(422, body)) == words
