"""The versioned report that edge and regulator share; nothing else is shared.

A violation is told in a sequence of immutable reports: `confirmed` (with the snapshot, at once), `clip`,
then `ended`. Each has the key ``violation_id/seq``; the same key with the same content is accepted again,
with other content it is refused. Blobs (pictures, clip, trace) travel beside the report, named by their
SHA-256.

On HTTP (all under ``/api/v1``, bearer token of the canteen):
    HEAD /blobs/{sha256}    200 when it is there already, 404 when not
    PUT  /blobs/{sha256}    the bytes; 201 stored, 200 was there, 422 when the hash differs
    POST /reports           one report as canonical JSON; 201 accepted, 200 the same again (both a `Receipt`),
                            409 other content under the same key or a gap in sequence, 422 a bad field or a
                            missing blob. Errors are application/problem+json (RFC 9457) as `Problem`.
    PUT  /live/{camera_id}  a small JPEG for the wall, `captured_at` in the query; 200, `next_in_s` says when the
                            next is due. PUT /live/{camera_id}/state: a `LiveState` instead of a picture
    POST /live              a `LiveBatch`: small pictures of several cameras in one request; 200, `next_in_s`
    POST /observed-times    one `ObservedTime`; 201 accepted, 200 the same again (both a `Receipt`), 409 other
                            content under the same key
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    model_serializer,
    model_validator,
)

WIRE_VERSION = 1

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]  # canonical JSON has no other numbers
Box = tuple[Finite, Finite, Finite, Finite]
BlobRole = Literal["snapshot", "head_crop", "clip", "trace"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class BlobRef(_Frozen):
    """A blob that a report needs: `role`, SHA-256 of its bytes, size in bytes, media type."""

    role: BlobRole
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    media_type: Name


class SnapshotBoxes(_Frozen):
    """Boxes on the snapshot, from the same frame as its pixels; xyxy in its pixels.

    Attributes:
        media_s, captured_at: times of that frame.
        width, height: size of the snapshot.
        person_xyxy, head_xyxy: the accused. cigarette_xyxy: for smoking.
        others_xyxy: the other persons in the picture, who are not accused.
    """

    media_s: Seconds
    captured_at: AwareDatetime
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]
    person_xyxy: Box
    head_xyxy: Box
    cigarette_xyxy: Box | None = None
    others_xyxy: tuple[Box, ...] = ()


class ModelRef(_Frozen):
    """Which model looked: name, version, SHA-256 of each of its files by name."""

    name: Name
    version: Name
    files: dict[str, Sha256]


class ClockState(_Frozen):
    """What a box's system says of the clock from which `captured_at` comes.

    Attributes:
        checked_at: when it was asked, by that clock. synchronised: a time service keeps it right.
        by: which one, empty where it does not show.
        last_sync_at: it was last corrected then or later; None when it was not.
        max_error_s: it is off by at most so much, as the system reckons; 16 where nothing keeps it right.
        steps, last_step_s: how often it was set since the watching began, and by how much last; positive = forward.
    """

    checked_at: AwareDatetime
    synchronised: bool
    by: Annotated[str, Field(max_length=200)] = ""
    last_sync_at: AwareDatetime | None = None
    max_error_s: Seconds
    steps: Annotated[int, Field(ge=0)] = 0
    last_step_s: Finite = 0.0


class _Report(_Frozen):
    wire_version: Literal[1] = 1
    violation_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16,64}$")]
    seq: Annotated[int, Field(ge=1, le=1000)]
    canteen_id: Name
    camera_id: Name
    created_at: AwareDatetime
    blobs: tuple[BlobRef, ...] = ()
    # Filled by later versions of the edge: the evidence chain, its signature, and what was blurred.
    previous_hash: Sha256 | None = None
    sequence: Annotated[int, Field(ge=0)] | None = None
    key_id: Name | None = None
    signature: str | None = None
    blurred: bool | None = None

    @property
    def idempotency_key(self) -> str:
        """``violation_id/seq``."""
        return f"{self.violation_id}/{self.seq}"


class ConfirmedReport(_Report):
    """Seq 1: a violation was confirmed. Seconds are media time; `captured_at` is that of `confirmed_s`.

    `trace` (a blob, JSON) holds every look of the window; `settings` the rule's settings as used;
    `captured_at_source` says where wall-clock time comes from (``option``, ``container``, ``file time``,
    ``file name``, ``camera``); `clock` how right the box's clock was, where the system says it;
    `evidence_sha256` is the hash of the canonical JSON of the evidence facts.
    """

    kind: Literal["confirmed"] = "confirmed"
    rule_id: Name
    zone: Name
    track_id: Annotated[int, Field(ge=1)]
    video: str
    started_s: Seconds
    confirmed_s: Seconds
    captured_at: AwareDatetime
    captured_at_source: Name
    person_xyxy: Box
    head_xyxy: Box
    confidence: Probability
    snapshot: SnapshotBoxes
    model: ModelRef
    software_version: Name
    settings: dict[str, Finite | int | str | bool]
    evidence_sha256: Sha256
    clock: ClockState | None = None

    @model_serializer(mode="wrap")
    def _without_what_came_later(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A report that says nothing of the clock keeps the bytes, and so the hash, that it always had."""
        values: dict[str, Any] = written(self)
        if self.clock is None:
            values.pop("clock", None)
        return values


class ClipReport(_Report):
    """The clip around the confirmation is there; `from_s` and `to_s` are media time of its ends."""

    kind: Literal["clip"] = "clip"
    from_s: Seconds
    to_s: Seconds


class EndedReport(_Report):
    """The violation is over. `reason`: ``cleared``, ``track ended``, ``source ended`` or ``restarted``."""

    kind: Literal["ended"] = "ended"
    ended_s: Seconds
    reason: Literal["cleared", "track ended", "source ended", "restarted"]


class ObservedTime(_Frozen):
    """How long one camera was truly watched for one rule in one zone: frames came and were judged.

    Told for every hour in which the rule was due, also when it was watched for 0 seconds: silence and a dead camera
    must not look the same. Intervals of one camera, zone and rule do not overlap. Never changed; the same
    `observation_id` with the same content is accepted again.

    Attributes:
        observation_id: hash of canteen, camera, zone, rule and `from_at`; lower-case hex.
        from_at, to_at: an interval within one hour of UTC; `to_at` is not part of it.
        observed_s: at most the length of the interval, in seconds.
    """

    wire_version: Literal[1] = 1
    kind: Literal["observed"] = "observed"
    observation_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16,64}$")]
    canteen_id: Name
    camera_id: Name
    zone: Name
    rule_id: Name
    from_at: AwareDatetime
    to_at: AwareDatetime
    observed_s: Seconds
    created_at: AwareDatetime

    @property
    def idempotency_key(self) -> str:
        """``observed/observation_id``."""
        return f"observed/{self.observation_id}"

    @model_validator(mode="after")
    def _within_one_hour(self) -> Self:
        try:
            begins, ends = self.from_at.astimezone(UTC), self.to_at.astimezone(UTC)
            next_hour = begins.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        except OverflowError as error:
            raise ValueError("from_at, to_at: instants between the years 2 and 9998 are expected") from error
        if not begins < ends <= next_hour:
            raise ValueError("to_at: after from_at and within the same hour of UTC is expected")
        if self.observed_s > (ends - begins).total_seconds():
            raise ValueError(
                f"observed_s: at most the length of the interval is expected, got {self.observed_s:g} s"
            )
        return self


class LivePicture(_Frozen):
    """A small picture of one camera: JPEG, base64, and when it was taken."""

    camera_id: Name
    captured_at: AwareDatetime
    jpeg: Base64Bytes


class LiveBatch(_Frozen):
    """Small pictures of a canteen's cameras, each camera once."""

    wire_version: Literal[1] = 1
    kind: Literal["live"] = "live"
    pictures: Annotated[tuple[LivePicture, ...], Field(min_length=1, max_length=64)]


class LiveState(_Frozen):
    """Why a camera has no picture to show: covered, dark, frozen, not reachable; since when."""

    wire_version: Literal[1] = 1
    kind: Literal["blind"] = "blind"
    since: AwareDatetime
    reason: Annotated[str, Field(min_length=1, max_length=100)]


Report = Annotated[ConfirmedReport | ClipReport | EndedReport, Field(discriminator="kind")]
_REPORT: TypeAdapter[ConfirmedReport | ClipReport | EndedReport] = TypeAdapter(Report)


class Receipt(_Frozen):
    """The regulator's word that it has a report for good; `report_sha256` is `content_hash` of the report."""

    idempotency_key: str
    report_sha256: Sha256
    received_at: AwareDatetime
    status: Literal["accepted", "duplicate"]


class Problem(BaseModel):
    """RFC 9457 problem; `field` is the dotted path of the first wrong field, `errors` all of them."""

    model_config = ConfigDict(extra="allow")
    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    field: str | None = None
    errors: list[dict[str, Any]] = []


def parse_report(data: bytes) -> ConfirmedReport | ClipReport | EndedReport:
    """A report from JSON bytes.

    Raises:
        pydantic.ValidationError: naming each wrong field.
    """
    return _REPORT.validate_json(data)


def report_bytes(report: ConfirmedReport | ClipReport | EndedReport) -> bytes:
    """The report as canonical JSON: what is sent, stored and hashed."""
    return canonical_json(report.model_dump(mode="json"))


def parse_observed(data: bytes) -> ObservedTime:
    """An observed time from JSON bytes.

    Raises:
        pydantic.ValidationError: naming each wrong field.
    """
    return ObservedTime.model_validate_json(data)


def observed_bytes(report: ObservedTime) -> bytes:
    """The observed time as canonical JSON: what is sent and hashed."""
    return canonical_json(report.model_dump(mode="json"))


def observation_id(canteen_id: str, camera_id: str, zone: str, rule_id: str, from_at: datetime) -> str:
    """The id of that interval: the same on every try."""
    return content_hash(canonical_json([canteen_id, camera_id, zone, rule_id, from_at.isoformat()]))[:32]


def content_hash(data: bytes) -> str:
    """Lower-case hex SHA-256."""
    return hashlib.sha256(data).hexdigest()


def canonical_json(value: object) -> bytes:
    """One value, one byte string: sorted keys, no spaces, UTF-8, no NaN, instants in ISO 8601.

    Raises:
        ValueError: for NaN or infinity.
    """
    text = json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain
    )
    return text.encode("utf-8")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"cannot be written as JSON: {type(value).__name__}")
