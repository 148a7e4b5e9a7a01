"""Reports and blobs for the tests of outbox and delivery: small, valid, and the same on every run."""

import hashlib
from datetime import UTC, datetime

from kitchenvision.wire import BlobRef, BlobRole, ClipReport, ConfirmedReport, EndedReport, ModelRef, SnapshotBoxes

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
MEDIA_TYPES = {
    "snapshot": "image/jpeg",
    "head_crop": "image/jpeg",
    "clip": "video/mp4",
    "trace": "application/json",
}

AnyReport = ConfirmedReport | ClipReport | EndedReport


def violation_id(name: object) -> str:
    """A violation's id for a name."""
    return hashlib.sha256(f"violation {name}".encode()).hexdigest()[:32]


def blob(text: str, size: int = 0) -> bytes:
    """Bytes that differ for each text; at least `size` long."""
    data = text.encode()
    return data * max(1, -(-size // len(data)))


def ref(role: BlobRole, data: bytes) -> BlobRef:
    """What a report says of a blob."""
    return BlobRef(role=role, sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type=MEDIA_TYPES[role])


def confirmed(
    name: object = "a", blobs: dict[BlobRole, bytes] | None = None, seq: int = 1, confidence: float = 0.9
) -> ConfirmedReport:
    """The first report of a violation, with a snapshot and a trace unless told otherwise."""
    given = {"snapshot": blob(f"snapshot {name}"), "trace": blob(f"trace {name}")} if blobs is None else blobs
    return ConfirmedReport(
        violation_id=violation_id(name),
        seq=seq,
        canteen_id="school-7",
        camera_id="cam-1",
        created_at=START,
        blobs=tuple(ref(role, data) for role, data in given.items()),
        rule_id="no_hat",
        zone="kitchen",
        track_id=1,
        video="morning.mp4",
        started_s=1.0,
        confirmed_s=4.0,
        captured_at=START,
        captured_at_source="option",
        person_xyxy=(10.0, 20.0, 110.0, 220.0),
        head_xyxy=(40.0, 20.0, 80.0, 60.0),
        confidence=confidence,
        snapshot=SnapshotBoxes(
            media_s=3.5,
            captured_at=START,
            width=1920,
            height=1080,
            person_xyxy=(10.0, 20.0, 110.0, 220.0),
            head_xyxy=(40.0, 20.0, 80.0, 60.0),
        ),
        model=ModelRef(name="canteen-n", version="1", files={"look.onnx": "0" * 64}),
        software_version="0.1.0",
        settings={"window_s": 3.0},
        evidence_sha256="1" * 64,
    )


def clip(name: object = "a", data: bytes | None = None, seq: int = 2) -> ClipReport:
    """The second report, with its clip."""
    return ClipReport(
        violation_id=violation_id(name),
        seq=seq,
        canteen_id="school-7",
        camera_id="cam-1",
        created_at=START,
        blobs=(ref("clip", data if data is not None else blob(f"clip {name}", 5000)),),
        from_s=0.0,
        to_s=9.0,
    )


def ended(name: object = "a", seq: int = 3, ended_s: float = 30.0) -> EndedReport:
    """The last report, without blobs."""
    return EndedReport(
        violation_id=violation_id(name),
        seq=seq,
        canteen_id="school-7",
        camera_id="cam-1",
        created_at=START,
        ended_s=ended_s,
        reason="track ended",
    )


def blobs_of(name: object = "a") -> dict[str, bytes]:
    """The blobs of `confirmed(name)`."""
    return by_hash(blob(f"snapshot {name}"), blob(f"trace {name}"))


def clip_blobs_of(name: object = "a") -> dict[str, bytes]:
    """The blob of `clip(name)`."""
    return by_hash(blob(f"clip {name}", 5000))


def by_hash(*datas: bytes) -> dict[str, bytes]:
    """Blobs named by their hash."""
    return {hashlib.sha256(data).hexdigest(): data for data in datas}
