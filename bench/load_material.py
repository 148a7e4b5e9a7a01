"""What edge boxes send in a load test, cut from templates: blobs, reports, small pictures."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from random import Random

from regulator.sample import refs, sample, trace

from kitchenvision.wire import BlobRole, content_hash, report_bytes

RULES = ("no_hat", "no_mask", "smoking")
EPOCH = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
_ROLES: tuple[BlobRole, ...] = ("snapshot", "head_crop", "trace", "clip")
_ENDS = (b"", b"", b'"}', b"")


@dataclass(frozen=True)
class Violation:
    """What one sends: blobs by hash, canonical reports."""

    violation_id: str
    blobs: dict[str, bytes]
    reports: tuple[bytes, ...]


class Material:
    """Violations of one canteen, each with a picture, a head, a trace and a clip of its own.

    Blobs of noise cannot be compressed, like a JPEG. What differs stands at their ends: little is hashed anew.

    Args:
        picture_bytes, clip_bytes: sizes of these blobs.
    """

    def __init__(self, canteen_id: str, picture_bytes: int, clip_bytes: int) -> None:
        self._canteen_id = canteen_id
        self._bodies = _bodies(picture_bytes, clip_bytes)
        self._hashes = tuple(sha256(body) for body in self._bodies)
        ends = [_mark(canteen_id, -1) + end for end in _ENDS]
        blobs = dict(zip(_ROLES, (body + end for body, end in zip(self._bodies, ends, strict=True)), strict=True))
        made = sample(1, RULES[0], canteen_id, camera_id="camera-0", captured_at=EPOCH)
        clip = {"clip": blobs.pop("clip")}
        reports = (
            made.confirmed.model_copy(update={"blobs": refs(blobs)}),
            made.clip.model_copy(update={"blobs": refs(clip)}),
            made.ended,
        )
        self._names = tuple(content_hash(data).encode() for data in (blobs | clip).values())
        self._reports = tuple(report_bytes(one) for one in reports)
        self._violation_id = made.violation_id.encode()

    def violation(self, number: int, at: datetime) -> Violation:
        """One that was captured at that instant."""
        blobs: dict[str, bytes] = {}
        told = {b"no_hat": RULES[number % 3].encode(), b"camera-0": b"camera-%d" % (number % 4)}
        for body, begun, end, name in zip(self._bodies, self._hashes, _ENDS, self._names, strict=True):
            rest = _mark(self._canteen_id, number) + end
            digest = begun.copy()
            digest.update(rest)
            blobs[digest.hexdigest()] = body + rest
            told[name] = digest.hexdigest().encode()
        violation_id = sha256(f"{self._canteen_id} {number}".encode()).hexdigest()[:32]
        told |= {self._violation_id: violation_id.encode(), _written(EPOCH): _written(at)}
        reports = self._reports
        for old, new in told.items():
            reports = tuple(report.replace(old, new) for report in reports)
        return Violation(violation_id, blobs, reports)


@cache
def _bodies(picture_bytes: int, clip_bytes: int) -> tuple[bytes, ...]:
    noise = Random(1).randbytes(max(picture_bytes, clip_bytes))
    jpeg = b"\xff\xd8\xff" + noise
    return jpeg[: picture_bytes - 37], jpeg[:3000], trace(1, "no_hat")[:-1] + b',"mark":"', noise[: clip_bytes - 37]


def _mark(canteen_id: str, number: int) -> bytes:
    return f"{canteen_id} {number}".ljust(37).encode()


def _written(at: datetime) -> bytes:
    return at.strftime("%Y-%m-%dT%H:%M:%S").encode()


def live_batch(canteen_id: str, cameras: int = 4) -> bytes:
    """Small pictures of this instant."""
    jpeg, at = _small_picture(canteen_id), datetime.now(UTC).isoformat()
    pictures = [f'{{"camera_id":"camera-{i}","captured_at":"{at}","jpeg":"{jpeg}"}}' for i in range(cameras)]
    return f'{{"pictures":[{",".join(pictures)}]}}'.encode()


@cache
def _small_picture(canteen_id: str) -> str:
    return base64.b64encode(b"\xff\xd8\xff" + Random(canteen_id).randbytes(8000)).decode()
