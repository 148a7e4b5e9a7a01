"""EVIDENCE: what backs a violation: the clean snapshot with its boxes as data, the head crop, the trace, the facts.

The picture and its boxes are always from the same frame. Facts are canonical JSON and hashed; boxes are drawn
only on request (`draw_boxes`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kitchenvision.errors import StorageError
from kitchenvision.geometry import clipped, grown
from kitchenvision.snapshot import Snapshot, to_millisecond, to_tenths
from kitchenvision.types import MainUse, Observation, Pixels, RuleSettings, Violation, Xyxy
from kitchenvision.wire import (
    BlobRef,
    BlobRole,
    ClipReport,
    ClockState,
    ConfirmedReport,
    EndedReport,
    ModelRef,
    SnapshotBoxes,
    canonical_json,
    content_hash,
)

JPEG_QUALITY = 90
_HEAD_CROP_HEADS = 3.0
_ID_LENGTH = 32


@dataclass(frozen=True)
class Place:
    """Where a violation was seen: the names that travel with it, and what looked.

    Attributes:
        canteen_id, camera_id, video: names. source_id: hash of the file, or of the camera's session.
        captured_at_source: where wall-clock time comes from. model: the model that looked.
        software_version: this package's version.
    """

    canteen_id: str
    camera_id: str
    video: str
    source_id: str
    captured_at_source: str
    model: ModelRef
    software_version: str


@dataclass(frozen=True)
class Evidence:
    """Everything about one confirmed violation; `blobs` by SHA-256, `roles` says which is which.

    `clock`: how right the clock of `captured_at` was; None where nobody knows, such as for a recording.
    `main`: whether the pictures are the main stream's, where there is one beside that which is looked at; else why
    not, by the look that confirmed.
    """

    violation_id: str
    violation: Violation
    place: Place
    captured_at: datetime
    snapshot: SnapshotBoxes
    settings: RuleSettings
    roles: Mapping[BlobRole, str]
    blobs: Mapping[str, bytes]
    clock: ClockState | None = None
    main: MainUse = MainUse.NONE

    @property
    def facts(self) -> dict[str, Any]:
        """What is hashed: everything that the accusation rests on, JSON values only."""
        last = self.violation.looks[-1]
        return {
            "violation_id": self.violation_id,
            "rule_id": self.violation.rule_id,
            "canteen_id": self.place.canteen_id,
            "camera_id": self.place.camera_id,
            "video": self.place.video,
            "source_id": self.place.source_id,
            "zone": self.violation.zone,
            "track_id": self.violation.track_id,
            "started_s": to_millisecond(self.violation.started_s),
            "confirmed_s": to_millisecond(self.violation.confirmed_s),
            "captured_at": self.captured_at.isoformat(),
            "captured_at_source": self.place.captured_at_source,
            "person_xyxy": to_tenths(last.person_xyxy),
            "head_xyxy": to_tenths(last.head_xyxy),
            "confidence": round(self.violation.confidence, 4),
            "snapshot": self.snapshot.model_dump(mode="json"),
            "settings": asdict(self.settings),
            "model": self.place.model.model_dump(mode="json"),
            "software_version": self.place.software_version,
            "files": {role: digest for role, digest in sorted(self.roles.items())},
            **({"main_stream": self.main.value} if self.main else {}),
            **({} if self.clock is None else {"clock": self.clock.model_dump(mode="json")}),
        }

    @property
    def sha256(self) -> str:
        """Hash of the canonical JSON of `facts`."""
        return content_hash(canonical_json(self.facts))


def violation_id(source_id: str, violation: Violation) -> str:
    """The same for the same source, rule, track and start; never random, never from a file's time."""
    key = [source_id, violation.rule_id, violation.track_id, to_millisecond(violation.started_s)]
    return content_hash(canonical_json(key))[:_ID_LENGTH]


def encode_jpeg(image: Pixels, quality: int = JPEG_QUALITY) -> bytes:
    """(H, W, 3) uint8 RGB as JPEG; evidence is always of the default quality."""
    ok, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise StorageError(f"a picture of shape {image.shape} could not be encoded as JPEG")
    return data.tobytes()


def decode_jpeg(data: bytes) -> Pixels:
    """The inverse of `encode_jpeg`, but for what JPEG loses."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise StorageError("a stored snapshot is not a JPEG any more")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def build_evidence(
    violation: Violation,
    shown: Snapshot,
    place: Place,
    captured_at: datetime,
    settings: RuleSettings,
    clock: ClockState | None = None,
) -> Evidence:
    """Evidence of a violation that was just confirmed.

    Args:
        violation: its `looks` must hold one at `shown.media_s`.
        shown: the frame that shows it best. place: names and model.
        captured_at: instant of `violation.confirmed_s`. settings: of the rule, as used.
        clock: how right the clock was that told `captured_at`, where that is known.
    """
    look = next(look for look in violation.looks if look.media_s == shown.media_s)
    boxes = shown.boxes(look)
    head_crop = encode_jpeg(_cut(decode_jpeg(shown.jpeg), grown(boxes.head_xyxy, _HEAD_CROP_HEADS)))
    trace = canonical_json(_trace(violation, settings))
    parts: dict[BlobRole, bytes] = {"snapshot": shown.jpeg, "head_crop": head_crop, "trace": trace}
    return Evidence(
        violation_id=violation_id(place.source_id, violation),
        violation=violation,
        place=place,
        captured_at=captured_at,
        snapshot=boxes,
        settings=settings,
        roles={role: content_hash(data) for role, data in parts.items()},
        blobs={content_hash(data): data for data in parts.values()},
        clock=clock,
        main=look.main if look.main is MainUse.USED else violation.looks[-1].main,
    )


def write_evidence(evidence: Evidence, folder: Path) -> None:
    """Write snapshot.jpg, head.jpg, trace.json and evidence.json into `folder`.

    Raises:
        StorageError: disk full or not writable.
    """
    names: dict[BlobRole, str] = {"snapshot": "snapshot.jpg", "head_crop": "head.jpg", "trace": "trace.json"}
    sealed = {"evidence_sha256": evidence.sha256, "facts": evidence.facts}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for role, name in names.items():
            (folder / name).write_bytes(evidence.blobs[evidence.roles[role]])
        (folder / "evidence.json").write_bytes(canonical_json(sealed))
    except OSError as error:
        raise StorageError(f"evidence cannot be written to {folder}: {error.strerror}; free some space") from error


def seal_clip(evidence: Evidence, clip: Path, sha256: str, span: tuple[float, float]) -> None:
    """Write clip.json: what the clip beside it must be, and to which evidence it belongs.

    Raises:
        StorageError: disk full or not writable.
    """
    facts = {
        "evidence_sha256": evidence.sha256,
        "file": clip.name,
        "sha256": sha256,
        "from_s": to_millisecond(span[0]),
        "to_s": to_millisecond(span[1]),
    }
    try:
        clip.with_name("clip.json").write_bytes(canonical_json(facts))
    except OSError as error:
        raise StorageError(f"evidence cannot be written to {clip.parent}: {error.strerror}") from error


def confirmed_report(evidence: Evidence, created_at: datetime) -> ConfirmedReport:
    """Report 1 of a violation. `created_at` is an instant that does not change when it is made again."""
    media_types: dict[BlobRole, str] = {
        "snapshot": "image/jpeg",
        "head_crop": "image/jpeg",
        "trace": "application/json",
    }
    facts = evidence.facts
    return ConfirmedReport(
        violation_id=evidence.violation_id,
        seq=1,
        canteen_id=evidence.place.canteen_id,
        camera_id=evidence.place.camera_id,
        created_at=created_at,
        blobs=tuple(
            BlobRef(role=role, sha256=digest, size=len(evidence.blobs[digest]), media_type=media_types[role])
            for role, digest in evidence.roles.items()
        ),
        rule_id=evidence.violation.rule_id,
        zone=evidence.violation.zone,
        track_id=evidence.violation.track_id,
        video=evidence.place.video,
        started_s=facts["started_s"],
        confirmed_s=facts["confirmed_s"],
        captured_at=evidence.captured_at,
        captured_at_source=evidence.place.captured_at_source,
        person_xyxy=facts["person_xyxy"],
        head_xyxy=facts["head_xyxy"],
        confidence=facts["confidence"],
        snapshot=evidence.snapshot,
        model=evidence.place.model,
        software_version=evidence.place.software_version,
        settings=asdict(evidence.settings),
        evidence_sha256=evidence.sha256,
        clock=evidence.clock,
    )


def clip_report(evidence: Evidence, clip: BlobRef, span: tuple[float, float], created_at: datetime) -> ClipReport:
    """Report 2: the clip is there; `span` is (from, to) in media seconds."""
    return ClipReport(
        violation_id=evidence.violation_id,
        seq=2,
        canteen_id=evidence.place.canteen_id,
        camera_id=evidence.place.camera_id,
        created_at=created_at,
        blobs=(clip,),
        from_s=to_millisecond(span[0]),
        to_s=to_millisecond(span[1]),
    )


def ended_report(evidence: Evidence, ended: Violation, seq: int, created_at: datetime) -> EndedReport:
    """The last report: `ended` is the violation with its end."""
    assert ended.ended_s is not None
    return EndedReport.model_validate(
        {
            "violation_id": evidence.violation_id,
            "seq": seq,
            "canteen_id": evidence.place.canteen_id,
            "camera_id": evidence.place.camera_id,
            "created_at": created_at,
            "ended_s": to_millisecond(ended.ended_s),
            "reason": ended.end_reason,
        }
    )


def draw_boxes(image: Pixels, boxes: SnapshotBoxes) -> Pixels:
    """A copy of the snapshot with its boxes: the accused in colour, everybody else in white."""
    drawn = image.copy()
    for other in boxes.others_xyxy:
        _draw(drawn, other, (255, 255, 255))
    for box in (boxes.person_xyxy, boxes.head_xyxy, boxes.cigarette_xyxy):
        if box is not None:
            _draw(drawn, box, (255, 160, 0))
    return drawn


def _draw(image: Pixels, box: Xyxy, colour: tuple[int, int, int]) -> None:
    x0, y0, x1, y1 = (round(v) for v in box)
    cv2.rectangle(image, (x0 - 1, y0 - 1), (x1 + 1, y1 + 1), (0, 0, 0), 1)
    cv2.rectangle(image, (x0, y0), (x1, y1), colour, 2)


def _cut(image: Pixels, box: Xyxy) -> Pixels:
    height, width = image.shape[:2]
    x0, y0, x1, y1 = (round(v) for v in clipped(box, width, height))
    x0, y0 = min(x0, width - 1), min(y0, height - 1)
    return np.ascontiguousarray(image[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)])


def _trace(violation: Violation, settings: RuleSettings) -> dict[str, Any]:
    return {
        "rule_id": violation.rule_id,
        "started_s": to_millisecond(violation.started_s),
        "confirmed_s": to_millisecond(violation.confirmed_s),
        "settings": asdict(settings),
        "looks": [_look(look) for look in violation.looks],
    }


def _look(look: Observation) -> dict[str, Any]:
    return {
        "media_s": to_millisecond(look.media_s),
        "verdict": look.verdict.value,
        "probability": round(look.probability, 4),
        "why": look.why,
        "head_xyxy": to_tenths(look.head_xyxy),
        **({"main": look.main.value} if look.main else {}),
    }
