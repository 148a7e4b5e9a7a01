"""Observed time: by zone and rule, in periods, each told once however often the service is killed."""

import json
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from edge.test_line import Camera
from fake_stream import FakeStream
from regulator.conftest import Regulator, made
from regulator.sample import CANTEEN
from sqlalchemy import select
from staged import staged_eyes, staged_settings

from kitchenvision.delivery import Sender, make_client
from kitchenvision.edge.clock import SteadyClock
from kitchenvision.edge.health import CameraHealth
from kitchenvision.edge.job import Job
from kitchenvision.edge.lifecycle import Limits
from kitchenvision.edge.line import CameraLine
from kitchenvision.edge.mailbox import Arrival, Mailbox
from kitchenvision.edge.observed import ObservedLedger, Watched
from kitchenvision.edge.reader import Wiring
from kitchenvision.edge.worker import Worker
from kitchenvision.errors import StorageError
from kitchenvision.outbox import Outbox
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.observed_tables import ObservedHour, ObservedReport
from kitchenvision.reporting import Reporter
from kitchenvision.types import Zone
from kitchenvision.wire import ObservedTime, parse_observed

START = datetime(2026, 11, 20, 2, 50, tzinfo=UTC)  # 10:50 in Shanghai
ZONES = (
    Zone("cooking", (), ("no_hat", "smoking")),
    Zone("serving", (), ("no_mask",), hours=((11 * 60, 13 * 60),)),
)
COOKING, SERVING = ("cooking", "no_hat"), ("serving", "no_mask")


class Killed(BaseException):
    """Ends a run where it stands."""


def watched(minutes: int = 5, zones: tuple[Zone, ...] = ZONES) -> Watched:
    """A camera of the canteen that the regulator of these tests knows."""
    return Watched(CANTEEN, "cooking-1", zones, ZoneInfo("Asia/Shanghai"), minutes)


class Days:
    """A ledger and its time, which goes on over kills; what was truly seen is counted beside it."""

    def __init__(self, folder: Path, put: Callable[[ObservedTime], bool] | None = None, minutes: int = 5) -> None:
        self.reports: list[ObservedTime] = []
        self.put = put or self._keep
        self.path, self.minutes = folder / "observed" / "cooking-1.json", minutes
        self.now, self.seen_s = START, 0.0
        self.restart()

    def _keep(self, report: ObservedTime) -> bool:
        self.reports.append(report)
        return True

    def restart(self) -> None:
        """As after SIGKILL: only the file is left."""
        self.ledger = ObservedLedger(watched(self.minutes), self.path, self.put)

    def run(self, seconds: int, sees: bool = True) -> None:
        """A frame a second."""
        for _ in range(seconds):
            before, self.now = self.now, self.now + timedelta(seconds=1)
            if sees:
                self.ledger.saw(before, self.now)
                self.seen_s += 1
            self.ledger.tick(self.now)

    def told(self, key: tuple[str, str]) -> dict[str, float]:
        """Seconds by the minute in which the period begins."""
        rows = [one for one in self.reports if (one.zone, one.rule_id) == key]
        assert len({one.observation_id for one in rows}) == len(rows), "a period was told twice"
        return {f"{one.from_at:%H:%M}": one.observed_s for one in rows}


def test_each_zone_and_rule_counts_while_it_is_due(tmp_path: Path) -> None:
    """Serving begins at 11:00 local time: before it, no period of it is told, and after it each one is."""
    days = Days(tmp_path)
    days.run(20 * 60 + 15)
    assert days.told(COOKING) == {"02:50": 300, "02:55": 300, "03:00": 300, "03:05": 300}
    assert days.told(("cooking", "smoking")) == days.told(COOKING)
    assert days.told(SERVING) == {"03:00": 300, "03:05": 300}
    assert all(one.to_at - one.from_at == timedelta(minutes=5) for one in days.reports)


def test_a_dead_camera_is_told_as_zero_seconds_and_not_by_silence(tmp_path: Path) -> None:
    """Due, and not one frame."""
    days = Days(tmp_path)
    days.run(100)
    days.run(12 * 60, sees=False)
    assert days.told(COOKING) == {"02:50": 100, "02:55": 0}
    (hat, *_) = days.ledger.totals
    assert (hat.zone, hat.rule_id, hat.observed_s) == (*COOKING, 100.0)
    assert hat.due_s == pytest.approx(100 + 12 * 60, abs=2)


def test_a_span_over_the_end_of_a_period_is_split(tmp_path: Path) -> None:
    """To the fraction of a second."""
    days = Days(tmp_path)
    at = START + timedelta(minutes=5)
    days.ledger.saw(at - timedelta(seconds=0.75), at + timedelta(seconds=0.5))
    days.ledger.tick(at + timedelta(minutes=6))
    assert days.told(COOKING) == {"02:50": 0.75, "02:55": 0.5}


@pytest.mark.parametrize("seed", range(8))
def test_however_often_it_is_killed_each_period_is_told_once_and_never_too_long(tmp_path: Path, seed: int) -> None:
    """Between two frames, and before or after the outbox has the report; a kill costs eleven seconds at most."""
    rng, kills = random.Random(seed), 0
    with Outbox(tmp_path / "outbox") as outbox:

        def put(report: ObservedTime) -> bool:
            fate = rng.random()
            if fate < 0.15:
                raise Killed
            new = outbox.put_observed(report)
            if fate < 0.3:
                raise Killed
            return new

        days = Days(tmp_path, put)
        while days.now < START + timedelta(minutes=31):
            with suppress(Killed):
                days.run(rng.randint(1, 200))
            days.restart()
            kills += 1
        days.put = outbox.put_observed
        days.restart()
        days.ledger.tick(days.now)
        rows = [parse_observed(item.body) for item in outbox.list()]
    hats = [one for one in rows if one.rule_id == "no_hat"]
    assert [one.from_at for one in hats] == [START + timedelta(minutes=5 * i) for i in range(6)]
    total = sum(one.observed_s for one in hats)
    assert 1800 - 11 * kills <= total <= 1800
    assert kills > 10


def test_a_clock_that_is_set_back_counts_nothing_twice(tmp_path: Path) -> None:
    """By minutes: it waits until new time comes. By days: it follows, and the outbox keeps what was told first."""
    with Outbox(tmp_path / "outbox") as outbox:
        days = Days(tmp_path, outbox.put_observed)
        days.run(200)
        days.now -= timedelta(seconds=100)
        days.run(300)
        days.now += timedelta(days=3)
        days.run(100)
        days.now -= timedelta(days=3)
        days.run(700)
        rows = [parse_observed(item.body) for item in outbox.list() if item.kind == "observed"]
    told = {one.from_at: one.observed_s for one in rows if one.rule_id == "no_hat"}
    assert told[START] == 300
    assert told[START + timedelta(minutes=5)] <= 300
    assert told[START + timedelta(minutes=10)] == 300, "it goes on after the clock was mended"


def test_a_full_disk_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is told before it is in the file, nothing is lost, and it is said once."""
    full = [True]
    reports: list[ObservedTime] = []

    def put(report: ObservedTime) -> bool:
        if full[0]:
            raise StorageError("the disk is full")
        reports.append(report)
        return True

    days = Days(tmp_path, put)
    days.run(400)
    assert [record.message for record in caplog.records if "waits for the disk" in record.message]
    assert len(caplog.records) == 1
    caplog.clear()
    days.restart()
    full[0] = False
    days.run(1)
    assert {(one.rule_id, one.observed_s) for one in reports} == {("no_hat", 300.0), ("smoking", 300.0)}


def test_other_lengths_of_periods_do_not_overlap_with_what_was_told(tmp_path: Path) -> None:
    """After five minutes were told, a quarter that began with them is told from their end on."""
    days = Days(tmp_path)
    days.run(400)
    days.minutes = 15
    days.restart()
    days.run(16 * 60)
    spans = sorted((one.from_at, one.to_at) for one in days.reports if one.rule_id == "no_hat")
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert (spans[0][1], spans[-1][1]) == (START + timedelta(minutes=5), START + timedelta(minutes=10))


def test_a_torn_file_begins_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And says so."""
    (tmp_path / "observed").mkdir()
    (tmp_path / "observed" / "cooking-1.json").write_text('{"version": 1, "rows"')
    days = Days(tmp_path)
    assert "begins anew" in caplog.text
    caplog.clear()
    days.run(320)
    assert days.told(COOKING) == {"02:50": 300}


def test_time_in_which_the_camera_is_blind_is_not_observed(tmp_path: Path) -> None:
    """A covered lens counts for five seconds, until that is certain; a gap in the stream not at all."""
    spans: list[float] = []
    one = Camera(tmp_path)
    one.line = CameraLine(
        one.line._make, Reporter(one.sink), one.journal, tmp_path / "evidence", None, CameraHealth()
    )
    one.line.on_seen = lambda begins, ends: spans.append((ends - begins).total_seconds())
    one.present = False
    one.connect()
    one.run(20)
    assert sum(spans) == pytest.approx(5.0, abs=0.3)
    assert max(spans) < 1.0
    one.outbox.close()


def test_a_worker_counts_and_shows_it(tmp_path: Path) -> None:
    """From a frame to the state that page and metrics read."""
    settings = staged_settings(tmp_path, {"cooking": "rtsp://127.0.0.1:9/none"})
    mailbox = Mailbox()
    with Outbox(tmp_path / "outbox") as outbox:
        job = Job(settings, {"cooking": "rtsp://127.0.0.1:9/none"}, ("cooking",))
        worker = Worker(job, staged_eyes(), outbox, Wiring(mailbox, SteadyClock(), Limits()))
        stream = FakeStream()
        for i in range(6):
            mailbox.put(Arrival("cooking", 1, stream, stream.say(i / 5), 1000 + i / 5))  # type: ignore[arg-type]
            while not worker.step():
                pass
        times = {one.rule_id: one.observed_s for one in worker._cameras["cooking"].ledger.totals}
        worker.close()
    assert times == {"no_hat": 1.0, "no_mask": 1.0, "smoking": 1.0}
    kept = json.loads((tmp_path / "observed" / "cooking.json").read_text())
    assert sorted(kept["rows"]) == [["whole picture", rule, pytest.approx(1.0)] for rule in sorted(times)]


def rows_of(regulator: Regulator, table: type) -> list:  # type: ignore[type-arg]
    """All rows of a table."""
    database = Database(regulator.settings.url)
    with database.reading() as session:
        found = list(session.scalars(select(table)))
    database.close()
    return found


def test_what_was_observed_arrives_at_the_regulator_once(tmp_path: Path) -> None:
    """Over kills, and over answers that are lost on the way, through the outbox and the sender as they are."""
    rng, lost = random.Random(3), set[str]()
    with made(tmp_path / "regulator") as regulator, Outbox(tmp_path / "outbox") as outbox:

        def pass_on(request: httpx.Request) -> httpx.Response:
            answer = regulator.client.request(
                request.method, request.url.path, content=request.read(), headers=dict(request.headers)
            )
            key = request.content.decode()
            if key not in lost and rng.random() < 0.5:
                lost.add(key)
                raise httpx.ReadTimeout("the answer was lost")
            return httpx.Response(answer.status_code, content=answer.content)

        days = Days(tmp_path, outbox.put_observed)
        for _ in range(3):
            days.run(400)
            days.ledger.flush()
            days.restart()
        days.run(30, sees=False)
        with make_client("http://127.0.0.1", regulator.token, transport=httpx.MockTransport(pass_on)) as client:
            sender = Sender(outbox, client)
            while outbox.counts().pending:
                outbox.retry()
                sender.step()
        assert outbox.counts().dead == 0
        assert lost
        sent = [parse_observed(item.body) for item in outbox.list()]
        arrived, hours = rows_of(regulator, ObservedReport), rows_of(regulator, ObservedHour)
    assert sorted(row.observation_id for row in arrived) == sorted(one.observation_id for one in sent)
    by_rule = {rule: sum(row.observed_s for row in hours if row.rule_id == rule) for rule in ("no_hat", "no_mask")}
    assert by_rule == {"no_hat": pytest.approx(1200), "no_mask": pytest.approx(600)}
