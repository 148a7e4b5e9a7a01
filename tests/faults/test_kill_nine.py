"""`kill -9` of the edge box at any moment, and of the regulator at some, loses and duplicates nothing.

What must arrive is told by the box itself: each report whose `put` had returned. The box is a real process
(`edge_process.py`) that puts and delivers at the same time, the regulator is the real one on loopback.
"""

import hashlib
import json
import random
import re
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from faults.edge_process import report_at
from faults.processes import Process, free_port

from kitchenvision.outbox import Outbox
from kitchenvision.regulator import setup
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.wire import report_bytes

SEED = 20260302
KILLS = 56
EVERY_REGULATOR = 9  # each so many kills of the box the regulator is killed too
EVERY_EARLY = 6  # each so many times the box is killed while it starts, else while it works
# A life is some puts and a part of the next, not seconds: on a slow machine as much happens in it.
MOST_PUTS = 6
LONGEST_PAUSE_S = 0.15
LONGEST_PUT_S = 2.0  # while the regulator is away the box stops putting at some length
LOADING = 2  # boxes that import what they need while another lives, since that takes longest
CANTEEN = "school-7"


@dataclass
class Story:
    """What happened: kills of box and regulator, leases that a killed box held, seconds."""

    kills: int = 0
    regulator_kills: int = 0
    in_flight: int = 0
    seconds: float = 0.0


class Site:
    """One box and one regulator on one disk."""

    def __init__(self, folder: Path) -> None:
        self.outbox, self.truth, self.data = folder / "outbox", folder / "truth", folder / "regulator"
        self.log = folder / "errors.log"
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        settings = RegulatorSettings(data_dir=self.data, port=self.port)
        setup.prepare(settings)
        self.token = setup.add_canteen(settings, CANTEEN)
        self.regulator = self._start_regulator()
        self.regulator.wait_ready()
        self.loading = deque(self._start_box() for _ in range(LOADING))

    def _start_regulator(self) -> Process:
        return Process("faults.regulator_process", str(self.data), str(self.port), log=self.log)

    def _start_box(self) -> Process:
        return Process(
            "faults.edge_process",
            str(self.outbox),
            self.address,
            str(self.truth),
            log=self.log,
            env={"KITCHENVISION_TOKEN": self.token},
        )

    def live_and_die(self, word: str = "live") -> Process:
        """Set a box that is loaded to work, and load another meanwhile."""
        box = self.loading.popleft()
        self.loading.append(self._start_box())
        box.wait_ready()
        box.say(word)
        return box

    def restart_regulator(self) -> None:
        """Kill it, and start another that the box will find when it is up."""
        self.regulator.kill()
        self.regulator = self._start_regulator()

    def close(self) -> None:
        """Leave no process behind."""
        for process in (*self.loading, self.regulator):
            process.kill()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def kill_often(site: Site, rng: random.Random) -> Story:
    """Kill at seeded random moments; each next box starts from what is on the disk."""
    story, started = Story(), time.monotonic()
    for number in range(1, KILLS + 1):
        box = site.live_and_die()
        puts = rng.randint(0, MOST_PUTS)
        if number % EVERY_EARLY:
            story.in_flight += found_in_flight(box)
            for _ in range(puts):
                box.line(LONGEST_PUT_S)
        if number % EVERY_REGULATOR == 0:
            site.restart_regulator()
            story.regulator_kills += 1
        time.sleep(rng.uniform(0.0, LONGEST_PAUSE_S))
        box.kill()
        story.kills += 1
    last = site.live_and_die("finish")
    story.in_flight += found_in_flight(last)
    assert last.line(90) == "left 0", site.log.read_text()[-4000:]
    last.wait_end(30)
    story.seconds = time.monotonic() - started
    return story


def found_in_flight(box: Process) -> int:
    """How many reports the box before this one had on their way when it was killed."""
    line = box.line()
    found = re.fullmatch(r"found (\d+) on their way", line or "")
    assert found, f"the box ended by itself: {line!r}"
    return int(found.group(1))


def read_back(site: Site) -> dict[str, bytes]:
    """Every report that the regulator holds, by key, as canonical JSON; checks that each blob can be read."""
    found: dict[str, bytes] = {}
    headers = {"Authorization": f"Bearer {site.token}"}
    with httpx.Client(base_url=f"{site.address}/api/v1", headers=headers, trust_env=False, timeout=30) as client:
        cursor: str | None = ""
        while cursor is not None:
            page = client.get("/violations", params={"cursor": cursor, "limit": 100} if cursor else {"limit": 100})
            assert page.status_code == 200, page.text
            cursor = page.json()["next_cursor"]
            for row in page.json()["items"]:
                told = client.get(f"/violations/{row['violation_id']}").json()
                assert [report["seq"] for report in told["reports"]] == [1, 2, 3], "in sequence, each once"
                for report in told["reports"]:
                    key = f"{row['violation_id']}/{report['seq']}"
                    assert key not in found
                    found[key] = json.dumps(
                        report, sort_keys=True, ensure_ascii=False, separators=(",", ":")
                    ).encode()
                    for ref in report["blobs"]:
                        data = client.get(f"/violations/{row['violation_id']}/{ref['role']}").content
                        assert hashlib.sha256(data).hexdigest() == ref["sha256"], f"{ref['role']} of {key}"
    return found


@pytest.mark.slow
def test_kill_nine_at_any_moment_loses_and_duplicates_nothing(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    story = kill_often(site, random.Random(SEED))
    must_arrive = site.truth.read_text().split()
    found = read_back(site)
    with Outbox(site.outbox, create=False) as outbox:
        counts = outbox.counts()
    said = (
        f"{story.kills} kills of the box ({story.in_flight} with a report on its way) and "
        f"{story.regulator_kills} of the regulator at seeded random moments (seed {SEED}); "
        f"{len(found)} reports of {len(found) // 3} violations arrived, {story.seconds:.0f} s"
    )
    with capsys.disabled():
        print(f"\nkill -9: {said}")
    assert story.kills >= 50, said
    assert story.in_flight >= 10, f"the moments were not interesting: {said}"
    assert len(must_arrive) == len(set(must_arrive)) >= 60, said
    assert set(found) == set(must_arrive), said
    expected = {}
    for index in range(len(must_arrive)):
        report, _ = report_at(index)
        expected[report.idempotency_key] = report_bytes(report)
    assert found == expected, said
    assert (counts.undelivered, counts.delivered) == (0, len(must_arrive)), said
