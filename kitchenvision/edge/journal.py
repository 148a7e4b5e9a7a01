"""What is open when the service is killed: a small file each, so that its end is told after the restart."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from kitchenvision.errors import StorageError
from kitchenvision.evidence import Evidence
from kitchenvision.outbox import Outbox
from kitchenvision.wire import EndedReport

_MOST_REPORTS = 8  # of one violation; there are three today


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True)
    version: Literal[1] = 1
    violation_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16,64}$")]
    canteen_id: str
    camera_id: str
    confirmed_s: float
    captured_at: AwareDatetime


class Journal:
    """The open violations of one camera, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def opened(self, evidence: Evidence) -> None:
        """Before a violation is reported; durable when this returns.

        Raises:
            StorageError: disk full or not writable.
        """
        entry = _Entry(
            violation_id=evidence.violation_id,
            canteen_id=evidence.place.canteen_id,
            camera_id=evidence.place.camera_id,
            confirmed_s=round(evidence.violation.confirmed_s, 3),
            captured_at=evidence.captured_at,
        )
        path = self._path(evidence.violation_id)
        part = path.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with part.open("w", encoding="utf-8") as file:
                file.write(entry.model_dump_json())
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error.strerror}; free some space") from error

    def ended(self, violation_id: str) -> None:
        """Its end is in the outbox."""
        self._path(violation_id).unlink(missing_ok=True)

    def recover(self, outbox: Outbox) -> int:
        """Tell the ends that a killed run could not tell; how many. Twice is harmless.

        Raises:
            StorageError: the outbox cannot be written.
        """
        told = 0
        for path in sorted(self._folder.glob("*.json")):
            try:
                entry = _Entry.model_validate_json(path.read_text("utf-8"))
            except (ValidationError, ValueError):
                path.unlink()  # cut off by a loss of power before it was ever named in a report
                continue
            told += _tell_end(entry, outbox)
            path.unlink()
        return told

    def _path(self, violation_id: str) -> Path:
        return self._folder / f"{violation_id}.json"


def _tell_end(entry: _Entry, outbox: Outbox) -> int:
    """0 where the violation was never put, or its end was."""
    seq = 1
    while seq <= _MOST_REPORTS and (item := outbox.get(f"{entry.violation_id}/{seq}")) is not None:
        if item.kind == "ended":
            return 0
        seq += 1
    if seq == 1:
        return 0
    report = EndedReport(
        violation_id=entry.violation_id,
        seq=seq,
        canteen_id=entry.canteen_id,
        camera_id=entry.camera_id,
        created_at=entry.captured_at,
        ended_s=entry.confirmed_s,
        reason="restarted",
    )
    outbox.put(report, {})
    return 1
