"""Valid reports with their blobs, drawn here; for every test that needs something to send."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import cv2
import httpx
import numpy as np

from kitchenvision.wire import (
    BlobRef,
    BlobRole,
    Box,
    ClipReport,
    ConfirmedReport,
    EndedReport,
    ModelRef,
    SnapshotBoxes,
    content_hash,
    report_bytes,
)

CANTEEN = "canteen-1"
BEGAN = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
MEDIA_TYPES: dict[BlobRole, str] = {
    "snapshot": "image/jpeg",
    "head_crop": "image/jpeg",
    "trace": "application/json",
    "clip": "video/mp4",
}
AnyReport = ConfirmedReport | ClipReport | EndedReport


@dataclass
class Sample:
    """A violation's reports and the blobs they name, by hash."""

    confirmed: ConfirmedReport
    clip: ClipReport
    ended: EndedReport
    blobs: dict[str, bytes] = field(default_factory=dict)

    @property
    def violation_id(self) -> str:
        """Of all three."""
        return self.confirmed.violation_id

    @property
    def reports(self) -> tuple[AnyReport, ...]:
        """In sequence."""
        return self.confirmed, self.clip, self.ended


def sample(
    number: int = 1,
    rule_id: str = "no_hat",
    canteen_id: str = CANTEEN,
    *,
    camera_id: str = "serving-1",
    picture: bytes | None = None,
    head: bytes | None = None,
    clip: bytes | None = None,
    boxes: SnapshotBoxes | None = None,
    captured_at: datetime | None = None,
) -> Sample:
    """One violation; another `number` is another one, some minutes later."""
    at = captured_at or BEGAN + timedelta(minutes=7 * number)
    violation_id = content_hash(f"{canteen_id} {number}".encode())[:32]
    shown = boxes or boxes_at(at)
    parts: dict[BlobRole, bytes] = {
        "snapshot": picture or drawn(number, shown),
        "head_crop": head or head_drawn(number),
        "trace": trace(number, rule_id),
    }
    film = clip or b"clip of " + violation_id.encode()
    common = {"violation_id": violation_id, "canteen_id": canteen_id, "camera_id": camera_id, "created_at": at}
    confirmed = ConfirmedReport(
        **common,
        seq=1,
        blobs=refs(parts),
        rule_id=rule_id,
        zone="kitchen",
        track_id=number,
        video="kitchen.mp4",
        started_s=12.0,
        confirmed_s=15.2,
        captured_at=at,
        captured_at_source="container",
        person_xyxy=shown.person_xyxy,
        head_xyxy=shown.head_xyxy,
        confidence=0.86 + 0.01 * (number % 12),
        snapshot=shown,
        model=ModelRef(name="first", version="1", files={"frame.onnx": "ab" * 32}),
        software_version="0.1.0",
        settings={"window_s": 3.0, "min_looks": 5, "min_ratio": 0.6},
        evidence_sha256=content_hash(violation_id.encode()),
    )
    return Sample(
        confirmed,
        ClipReport(**common, seq=2, blobs=refs({"clip": film}), from_s=10.2, to_s=20.2),
        EndedReport(**common, seq=3, ended_s=19.0, reason="cleared"),
        {content_hash(data): data for data in (*parts.values(), film)},
    )


def refs(parts: dict[BlobRole, bytes]) -> tuple[BlobRef, ...]:
    """What a report says of these blobs."""
    return tuple(
        BlobRef(role=role, sha256=content_hash(data), size=len(data), media_type=MEDIA_TYPES[role])
        for role, data in parts.items()
    )


def boxes_at(at: datetime, width: int = 640, height: int = 360) -> SnapshotBoxes:
    """Boxes on `drawn`."""
    head: Box = (250.0, 80.0, 310.0, 150.0)
    person: Box = (220.0, 80.0, 340.0, 340.0)
    other: Box = (450.0, 90.0, 560.0, 340.0)
    return SnapshotBoxes(
        media_s=14.0,
        captured_at=at,
        width=width,
        height=height,
        person_xyxy=person,
        head_xyxy=head,
        others_xyxy=(other,),
    )


def drawn(number: int, shown: SnapshotBoxes) -> bytes:
    """A JPEG of a tiled wall with two figures where `shown` says."""
    picture = np.full((shown.height, shown.width, 3), 205, np.uint8)
    picture[:, ::40] = picture[::40] = 180
    for i, box in enumerate((shown.person_xyxy, *shown.others_xyxy)):
        x0, y0, x1, y1 = (int(value) for value in box)
        cv2.rectangle(picture, (x0, y0 + 60), (x1, y1), (230, 232, 235 - 9 * (number % 9)), -1)
        cv2.circle(picture, ((x0 + x1) // 2, y0 + 35), 32, (150, 180, 220), -1)
        if i:
            cv2.rectangle(picture, ((x0 + x1) // 2 - 30, y0), ((x0 + x1) // 2 + 30, y0 + 24), (250, 250, 250), -1)
    return jpeg(picture)


def head_drawn(number: int) -> bytes:
    """A JPEG of a head."""
    picture = np.full((96, 96, 3), 190, np.uint8)
    cv2.circle(picture, (48, 52), 32, (150, 170 + number % 20, 215), -1)
    cv2.ellipse(picture, (48, 36), (32, 20), 0, 180, 360, (40, 35, 30), -1)
    return jpeg(picture)


def jpeg(picture: np.ndarray) -> bytes:
    """Encoded, quality 90."""
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert done
    return data.tobytes()


def trace(number: int, rule_id: str) -> bytes:
    """A trace of twenty looks: compliant, then violating, some that could not be judged."""
    looks = []
    for i in range(20):
        media_s = round(10.4 + 0.25 * i, 2)
        unsure = (i + number) % 7 == 0
        probability = 0.12 if media_s < 12.0 else 0.8 + 0.02 * ((i * 7 + number) % 9)
        verdict = "cannot_judge" if unsure else "violating" if probability > 0.5 else "compliant"
        looks.append(
            {
                "media_s": media_s,
                "verdict": verdict,
                "probability": probability,
                "why": "turned away" if unsure else "",
            }
        )
    told = {
        "rule_id": rule_id,
        "started_s": 12.0,
        "confirmed_s": 15.2,
        "settings": {"window_s": 3.0},
        "looks": looks,
    }
    return json.dumps(told).encode()


def send_blobs(client: httpx.Client, token: str, blobs: dict[str, bytes]) -> None:
    """Put every blob."""
    for sha256, data in blobs.items():
        answer = client.put(f"/api/v1/blobs/{sha256}", content=data, headers=bearer(token))
        assert answer.status_code in (200, 201), answer.text


def send_report(client: httpx.Client, token: str, report: AnyReport) -> httpx.Response:
    """Post one report."""
    return client.post("/api/v1/reports", content=report_bytes(report), headers=bearer(token))


def send(client: httpx.Client, token: str, samples: Sequence[Sample]) -> None:
    """Deliver everything of these violations."""
    for one in samples:
        send_blobs(client, token, one.blobs)
        for report in one.reports:
            answer = send_report(client, token, report)
            assert answer.status_code == 201, answer.text


def bearer(token: str) -> dict[str, str]:
    """The header of an edge box."""
    return {"Authorization": f"Bearer {token}"}
