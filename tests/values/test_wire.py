"""The report that edge and regulator share: what comes back as it went, what is refused, and in which words."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from builders import START
from hypothesis import given
from hypothesis import strategies as st
from outbox.reports import clip, confirmed, ended
from pydantic import ValidationError

from kitchenvision.wire import (
    ClockState,
    ConfirmedReport,
    EndedReport,
    LiveBatch,
    LivePicture,
    LiveState,
    ObservedTime,
    canonical_json,
    content_hash,
    observation_id,
    observed_bytes,
    parse_observed,
    parse_report,
    report_bytes,
)

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=ZONES)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=200)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
NOT_FINITE = st.sampled_from([float("nan"), float("inf"), float("-inf")])
CLOCKS = st.none() | st.builds(
    ClockState,
    checked_at=INSTANTS,
    synchronised=st.booleans(),
    by=st.text(st.characters(codec="utf-8"), max_size=200),
    last_sync_at=st.none() | INSTANTS,
    max_error_s=st.floats(0, 1e6),
    steps=st.integers(0, 10**6),
    last_step_s=FINITE,
)


def as_json(report: Any, **changes: Any) -> bytes:
    """A report with other values in it, as a foreign program may send it: NaN too."""
    return json.dumps({**report.model_dump(mode="json"), **changes}).encode()


def observed(**changes: Any) -> ObservedTime:
    """A quarter of an hour that was watched wholly."""
    values: dict[str, Any] = {
        "observation_id": "ab" * 16,
        "canteen_id": "school-7",
        "camera_id": "厨房-1",
        "zone": "kitchen",
        "rule_id": "no_hat",
        "from_at": START,
        "to_at": START + timedelta(minutes=15),
        "observed_s": 900.0,
        "created_at": START + timedelta(hours=1),
    }
    return ObservedTime.model_validate(values | changes)


@given(
    INSTANTS,
    NAMES,
    NAMES,
    st.tuples(FINITE, FINITE, FINITE, FINITE),
    st.dictionaries(NAMES, FINITE | st.integers(-(2**53), 2**53) | st.booleans() | NAMES, max_size=4),
    CLOCKS,
)
def test_whatever_a_report_says_comes_back_from_its_bytes_and_gives_them_again(
    at: datetime, camera: str, zone: str, box: tuple[float, ...], settings: dict[str, Any], clock: ClockState | None
) -> None:
    changes = {"captured_at": at, "camera_id": camera, "zone": zone, "person_xyxy": box, "clock": clock}
    told = ConfirmedReport.model_validate(
        {**confirmed().model_dump(), **changes, "settings": settings}, strict=False
    )
    body = report_bytes(told)
    again = parse_report(body)
    assert again == told
    assert report_bytes(again) == body


@pytest.mark.parametrize("report", [confirmed(), clip(), ended()], ids=lambda report: report.kind)
@pytest.mark.parametrize("kind", ["confirmed", "clip", "ended", "observed", "", None])
def test_a_report_under_another_kind_than_its_own_is_refused(report: Any, kind: str | None) -> None:
    if kind == report.kind:
        assert parse_report(as_json(report, kind=kind)) == report
    else:
        with pytest.raises(ValidationError):
            parse_report(as_json(report, kind=kind))


@given(NOT_FINITE, st.sampled_from(["person_xyxy", "head_xyxy"]), st.integers(0, 3))
def test_a_box_of_numbers_that_json_does_not_have_is_refused_at_the_door(
    number: float, field: str, corner: int
) -> None:
    box = [1.0, 2.0, 3.0, 4.0]
    box[corner] = number
    with pytest.raises(ValidationError) as refused:
        parse_report(as_json(confirmed(), **{field: box}))
    assert refused.value.errors()[0]["loc"] == ("confirmed", field, corner)


@given(NOT_FINITE)
def test_a_setting_a_time_and_a_confidence_that_are_no_numbers_are_refused(number: float) -> None:
    for changes in ({"settings": {"window_s": number}}, {"confirmed_s": number}, {"confidence": number}):
        with pytest.raises(ValidationError):
            parse_report(as_json(confirmed(), **changes))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("wire_version", 2),
        ("violation_id", "short"),
        ("violation_id", "AB" * 16),
        ("violation_id", "../" * 6),
        ("seq", 0),
        ("seq", 1001),
        ("canteen_id", ""),
        ("camera_id", "x" * 201),
        ("created_at", "2026-03-02T08:00:00"),
        ("captured_at", "yesterday"),
        ("confidence", 1.01),
        ("started_s", -0.001),
        ("track_id", 0),
        ("evidence_sha256", "1" * 63),
        ("person_xyxy", [1, 2, 3]),
        ("head_xyxy", None),
        ("blobs", [{"role": "selfie", "sha256": "0" * 64, "size": 1, "media_type": "image/jpeg"}]),
        ("blobs", [{"role": "clip", "sha256": "0" * 64, "size": -1, "media_type": "video/mp4"}]),
        ("invented_by_somebody", 1),
    ],
)
def test_a_wrong_field_is_named_by_its_path(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        parse_report(as_json(confirmed(), **{field: value}))
    assert [error["loc"][:2] for error in refused.value.errors()] == [("confirmed", field)]


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"kind": "confirmed"}', b'"confirmed"']
)
def test_bytes_that_are_no_report_are_refused_and_nothing_worse(data: bytes) -> None:
    for parse in (parse_report, parse_observed):
        with pytest.raises(ValidationError):
            parse(data)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x, max_size=3)))
def test_a_value_of_any_other_type_in_a_field_is_refused_or_read_never_a_crash(value: Any) -> None:
    for field in ("seq", "blobs", "captured_at", "settings", "snapshot", "clock", "blurred"):
        try:
            parsed = parse_report(as_json(confirmed(), **{field: value}))
        except ValidationError:
            continue
        assert parse_report(report_bytes(parsed)) == parsed


def test_the_key_of_a_report_is_its_violation_and_its_place_in_the_sequence() -> None:
    keys = [report.idempotency_key.split("/") for report in (confirmed("a"), clip("a"), ended("a"))]
    assert len({violation for violation, _ in keys}) == 1
    assert [seq for _, seq in keys] == ["1", "2", "3"]
    assert observed().idempotency_key == "observed/" + "ab" * 16


@pytest.mark.parametrize("reason", ["cleared", "track ended", "source ended", "restarted"])
def test_every_reason_of_an_end_that_the_rules_give_can_be_told(reason: str) -> None:
    report = EndedReport.model_validate({**ended().model_dump(), "reason": reason})
    assert parse_report(report_bytes(report)) == report


def test_a_reason_of_an_end_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError, match="'track ended'"):
        parse_report(as_json(ended(), reason="went home"))


class TestObservedTime:
    @given(INSTANTS, st.integers(1, 3600), st.floats(0, 1))
    def test_an_interval_within_an_hour_comes_back_from_its_bytes(
        self, begins: datetime, length_s: int, share: float
    ) -> None:
        utc = begins.astimezone(UTC)
        left_s = 3600 - (utc.minute * 60 + utc.second + utc.microsecond / 1e6)
        ends = begins + timedelta(seconds=min(length_s, left_s))
        told = observed(from_at=begins, to_at=ends, observed_s=share * (ends - begins).total_seconds())
        assert parse_observed(observed_bytes(told)) == told

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda at: {"to_at": at}, "after from_at"),
            (lambda at: {"to_at": at - timedelta(seconds=1)}, "after from_at"),
            (lambda at: {"to_at": at + timedelta(hours=1, microseconds=1)}, "within the same hour"),
            (lambda at: {"from_at": at + timedelta(minutes=59), "to_at": at + timedelta(minutes=61)}, "same hour"),
            (lambda at: {"observed_s": 900.001}, "at most the length of the interval is expected, got 900.001 s"),
            (lambda at: {"observed_s": float("nan")}, "finite"),
            (lambda at: {"observed_s": -1}, "greater than or equal to 0"),
            (lambda at: {"from_at": at.replace(tzinfo=None)}, "timezone"),
        ],
    )
    def test_an_interval_that_cannot_be_is_refused_saying_what_is_expected(
        self, change: Callable[[datetime], dict[str, Any]], words: str
    ) -> None:
        with pytest.raises(ValidationError, match=words):
            observed(**change(START))

    @pytest.mark.parametrize("offset", [0, 30, 5 * 60 + 45, -9 * 60 - 30])
    def test_the_hour_is_one_of_utc_whatever_the_zone_it_is_told_in(self, offset: int) -> None:
        zone = timezone(timedelta(minutes=offset))
        whole = {"from_at": START.astimezone(zone), "to_at": (START + timedelta(hours=1)).astimezone(zone)}
        assert observed(**whole, observed_s=3600.0).observed_s == 3600.0
        with pytest.raises(ValidationError, match="same hour of UTC"):
            observed(**{key: at + timedelta(minutes=1) for key, at in whole.items()})

    @pytest.mark.parametrize(
        ("from_at", "to_at"),
        [
            ("9999-12-31T23:10:00Z", "9999-12-31T23:20:00Z"),
            ("0001-01-01T00:10:00+01:00", "0001-01-01T00:20:00+01:00"),
            ("9999-12-31T23:10:00-01:00", "9999-12-31T23:20:00-01:00"),
        ],
    )
    def test_the_ends_of_the_calendar_are_refused_and_nothing_worse(self, from_at: str, to_at: str) -> None:
        with pytest.raises(ValidationError, match="between the years 2 and 9998"):
            observed(from_at=from_at, to_at=to_at)

    def test_its_id_is_the_same_on_every_try_and_differs_with_every_part(self) -> None:
        parts = ("school-7", "cam-1", "kitchen", "no_hat")
        ids = {observation_id(*parts, START), observation_id(*parts, START + timedelta(hours=1))}
        for i in range(len(parts)):
            ids.add(observation_id(*parts[:i], parts[i] + "x", *parts[i + 1 :], START))
        assert len(ids) == 6
        assert observation_id(*parts, START) in ids
        assert all(observed(observation_id=one).observation_id == one for one in ids)

    def test_parts_that_only_meet_when_they_are_joined_are_not_one_interval(self) -> None:
        assert observation_id("a", "bc", "z", "r", START) != observation_id("ab", "c", "z", "r", START)


class TestLive:
    def test_a_batch_holds_at_least_one_picture_and_at_most_sixty_four(self) -> None:
        one = LivePicture(camera_id="cam", captured_at=START, jpeg=b"/9j/2Q==")
        assert one.jpeg == b"\xff\xd8\xff\xd9"
        assert len(LiveBatch(pictures=(one,) * 64).pictures) == 64
        for count in (0, 65):
            with pytest.raises(ValidationError):
                LiveBatch(pictures=(one,) * count)

    @pytest.mark.parametrize("reason", ["", "x" * 101])
    def test_why_a_camera_is_blind_is_a_short_word(self, reason: str) -> None:
        with pytest.raises(ValidationError, match="reason"):
            LiveState(since=START, reason=reason)


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_the_same_bytes_have_the_same_hash_and_others_another(one: bytes, other: bytes) -> None:
    assert (content_hash(one) == content_hash(other)) == (one == other)


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", object(), {"at": timedelta(1)}])
def test_what_json_has_no_word_for_is_refused_with_its_type(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be written as JSON"):
        canonical_json(value)
