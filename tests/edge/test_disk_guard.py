"""Making room: what the regulator does not have is never deleted, whatever its age and however full the disk is."""

import json
import random
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from delivery.fake_regulator import BASE, TOKEN, FakeRegulator
from outbox.reports import blob, by_hash, clip, confirmed, ended

from kitchenvision.delivery import Sender, make_client
from kitchenvision.edge.disk import DiskGuard
from kitchenvision.edge.settings import DiskSection
from kitchenvision.outbox import Outbox

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
Usage = namedtuple("Usage", "total used free")


class Box:
    """A data folder with findings of some age, and a disk with as much room as a test says."""

    def __init__(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data, self.free = data, 10**12
        self.outbox = Outbox(data / "outbox", clock=lambda: NOW - timedelta(days=90))
        self.guard = DiskGuard(data, DiskSection(keep_days=30, least_free_mb=500), self.outbox)
        monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10**12, 0, self.free))

    def finding(self, name: str, days: float, over: bool = True) -> Path:
        """Evidence that is so old, and its reports in the outbox; `over` = its end is there too."""
        picture = blob(f"snapshot {name}", 1000)
        report = confirmed(name, {"snapshot": picture, "trace": blob(f"trace {name}", 100)})
        self.outbox.put(report, by_hash(picture, blob(f"trace {name}", 100)))
        if over:
            film = blob(f"clip {name}", 500)
            self.outbox.put(clip(name, film), by_hash(film))
            self.outbox.put(ended(name), {})
        folder = self.data / "evidence" / "cooking" / "2026-03-01" / name
        folder.mkdir(parents=True)
        at = (NOW - timedelta(days=days)).isoformat()
        facts = {"violation_id": report.violation_id, "captured_at": at}
        (folder / "evidence.json").write_text(json.dumps({"facts": facts}))
        (folder / "snapshot.jpg").write_bytes(b"x" * 1000)
        return folder

    def deliver(self) -> None:
        """Everything."""
        with make_client(BASE, TOKEN, transport=FakeRegulator().transport()) as client:
            Sender(self.outbox, client).run_until_empty()


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    """Empty."""
    return Box(tmp_path, monkeypatch)


def test_delivered_evidence_goes_by_age(box: Box) -> None:
    """Older than 30 days, and only that."""
    old, young = box.finding("old", 31), box.finding("young", 29)
    box.deliver()
    assert box.guard.tidy(NOW) == 1
    assert (old.exists(), young.exists()) == (False, True)


def test_what_is_not_delivered_stays(box: Box) -> None:
    """For years, on a full disk: evidence and blobs."""
    folder = box.finding("waits", 900)
    box.free = 0
    assert box.guard.tidy(NOW) == 0
    assert folder.exists()
    (first, *_) = box.outbox.list()
    assert all(box.outbox.blob_path(ref.sha256).exists() for ref in first.blobs)


def test_what_is_not_over_stays(box: Box) -> None:
    """Its confirmation was delivered, its clip and its end are still to come."""
    folder = box.finding("open", 40, over=False)
    box.deliver()
    box.free = 0
    assert box.guard.tidy(NOW) == 0
    assert folder.exists()


def test_a_full_disk_takes_the_oldest_delivered_first_and_stops_when_there_is_room(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However young they are."""
    folders = [box.finding(f"finding {days}", days) for days in (3, 1, 2)]
    box.deliver()
    rest = iter([0, 0, 10**12])
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10**12, 0, next(rest, 10**12)))
    assert box.guard.tidy(NOW) == 2
    assert [folder.exists() for folder in folders] == [False, True, False]


def test_evidence_that_nobody_understands_stays(box: Box) -> None:
    """A person may still need it."""
    folder = box.finding("torn", 400)
    box.deliver()
    (folder / "evidence.json").write_text("{")
    assert box.guard.tidy(NOW) == 0
    assert folder.exists()


def test_whatever_comes_in_whatever_order_nothing_undelivered_goes(box: Box) -> None:
    """Random ages, some delivered, some not, a disk that is full or not."""
    rng = random.Random(5)
    delivered = [box.finding(f"d{i}", rng.uniform(0, 60)) for i in range(6)]
    box.deliver()
    waiting = [box.finding(f"w{i}", rng.uniform(0, 60), rng.random() < 0.5) for i in range(6)]
    box.free = 0
    assert box.guard.tidy(NOW) == 6
    assert not any(folder.exists() for folder in delivered)
    assert all(folder.exists() for folder in waiting)


def test_the_facts_for_the_page(box: Box) -> None:
    """Bytes of evidence, and whether the disk is low."""
    box.finding("one", 1)
    box.free = 10**6
    facts = box.guard.facts()
    assert facts.used >= 1000
    assert facts.low
