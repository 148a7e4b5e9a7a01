"""Makes room on the disk: what the regulator has goes by age, or when space is short; nothing else goes."""

import json
import logging
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from kitchenvision.edge import probation
from kitchenvision.edge.settings import DiskSection
from kitchenvision.outbox import Outbox, Status

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DiskFacts:
    """Bytes. used: by this service's evidence. free, total: of the disk. low: less is free than should be."""

    used: int = 0
    free: int = 0
    total: int = 0
    low: bool = False


class DiskGuard:
    """The evidence and the outbox below one data folder.

    Args:
        data: the folder. settings: how long and how much; may be replaced. outbox: knows what was delivered.
    """

    def __init__(self, data: Path, settings: DiskSection, outbox: Outbox) -> None:
        self._evidence, self._data, self.settings, self._outbox = data / "evidence", data, settings, outbox
        self._kept = (self._evidence, data / probation.FOLDER)

    def facts(self) -> DiskFacts:
        """As it is now."""
        disk = shutil.disk_usage(self._data)
        files = (path for folder in self._kept for path in folder.rglob("*") if path.is_file())
        used = sum(path.stat().st_size for path in files)
        return DiskFacts(used, disk.free, disk.total, disk.free < self.settings.least_free_mb * 1e6)

    def tidy(self, now: datetime) -> int:
        """Delete what may go; how many findings went.

        Raises:
            StorageError: the outbox fails.
        """
        old = now - timedelta(days=self.settings.keep_days)
        tried = self._tidy_probation(old)
        gone = 0
        for at, folder in self._delivered():
            low = self._low()
            if at >= old and not low:
                break
            shutil.rmtree(folder)
            gone += 1
            self._outbox.prune(min(now, max(at, old)) if not low else now)
        if not gone:
            self._outbox.prune(old)
        else:
            _log.info("%d delivered findings were deleted to make room", gone)
        return gone + tried

    def _tidy_probation(self, old: datetime) -> int:
        """What accuses nobody goes first when space is short."""
        gone = 0
        for at, folder in probation.oldest_first(self._data):
            if at >= old and not self._low():
                break
            shutil.rmtree(folder)
            gone += 1
        if gone:
            _log.info("%d findings of cameras on probation were deleted to make room", gone)
        return gone

    def _low(self) -> bool:
        return shutil.disk_usage(self._data).free < self.settings.least_free_mb * 1e6

    def _delivered(self) -> list[tuple[datetime, Path]]:
        """Evidence folders of which the regulator has everything there will be, oldest first."""
        waiting = {item.violation_id for item in self._outbox.list(Status.PENDING, Status.LEASED, Status.DEAD)}
        found = []
        for facts_file in self._evidence.glob("*/*/*/evidence.json"):
            try:
                facts = json.loads(facts_file.read_text("utf-8"))["facts"]
                violation_id, at = str(facts["violation_id"]), probation.instant_of(facts)
            except (OSError, ValueError, KeyError, TypeError):
                continue  # not known to be delivered, so it stays
            if violation_id not in waiting and self._ended(violation_id):
                found.append((at, facts_file.parent))
        return sorted(found)

    def _ended(self, violation_id: str) -> bool:
        seq, last = 1, None
        while (item := self._outbox.get(f"{violation_id}/{seq}")) is not None:
            last, seq = item, seq + 1
        return last is not None and last.kind == "ended" and last.status is Status.DELIVERED
