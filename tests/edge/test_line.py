"""One camera's findings over many connections: one media time, the right order, nothing lost to a full disk."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from builders import PLACE, look
from fake_stream import FakeStream
from pipeline.scene import ScriptedEyes

from kitchenvision.edge.health import CameraHealth
from kitchenvision.edge.journal import Journal
from kitchenvision.edge.line import CameraLine, Watch
from kitchenvision.edge.mailbox import Arrival
from kitchenvision.errors import StorageError
from kitchenvision.outbox import Outbox, Status
from kitchenvision.pipeline import Pipeline, Stages
from kitchenvision.reporting import AnyReport, Reporter
from kitchenvision.rules.engine import Engine
from kitchenvision.rules.registry import all_rules
from kitchenvision.track import Tracker
from kitchenvision.types import Zone
from kitchenvision.wire import ClipReport, ConfirmedReport, EndedReport


class Sink:
    """Keeps reports in a real outbox, unless the disk is full."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox, self.full = outbox, False
        self.put_reports: list[AnyReport] = []

    def put(self, report: AnyReport, blobs: Mapping[str, bytes | Path]) -> None:
        """As the outbox."""
        if self.full:
            raise StorageError("the disk is full")
        self.put_reports.append(report)
        self.outbox.put(report, blobs)


class Camera:
    """A line with a bare head at x = 300 whenever `present`; frames at 5 a second."""

    def __init__(self, folder: Path) -> None:
        self.present = True
        self.outbox = Outbox(folder / "outbox")
        self.sink = Sink(self.outbox)
        self.journal = Journal(folder / "open")
        self.eyes = ScriptedEyes(lambda _: [300.0] if self.present else [], lambda _: look(bare=0.978))
        self.line = CameraLine(self.watch, Reporter(self.sink), self.journal, folder / "evidence", None)
        self.session, self.arrived_s = 0, 1000.0
        self.stream = FakeStream()

    def watch(self, _source: object, _began: datetime) -> Watch:
        rules = {"no_hat": all_rules()["no_hat"]}
        settings = {"no_hat": rules["no_hat"].defaults}
        engine = Engine(rules, settings, (Zone("whole picture", (), ("no_hat",)),))
        stages = Stages(self.eyes, self.eyes, Tracker(), engine)
        return Watch(Pipeline(stages, PLACE, settings, UTC), engine.building)

    def connect(self, gap_s: float = 0.0) -> None:
        """A new connection after a pause."""
        self.session, self.stream = self.session + 1, FakeStream()
        self.arrived_s += gap_s

    def run(self, seconds: float, from_s: float = 0.0) -> None:
        """Frames of this connection, from its media time `from_s` on."""
        for i in range(round(seconds * 5)):
            frame = self.stream.say(from_s + i / 5)
            self.line.take(Arrival("cooking", self.session, self.stream, frame, self.arrived_s))  # type: ignore[arg-type]
            self.arrived_s += 0.2

    def drop(self) -> None:
        """The connection ends."""
        self.line.take(Arrival("cooking", self.session, self.stream, None, self.arrived_s))  # type: ignore[arg-type]

    def kinds(self) -> list[str]:
        """Of the reports, in order."""
        return [report.kind for report in self.sink.put_reports]


@pytest.fixture
def camera(tmp_path: Path) -> Camera:
    """Connected, nothing seen yet."""
    one = Camera(tmp_path)
    one.connect()
    return one


def test_a_finding_is_reported_at_once_its_clip_five_seconds_later_its_end_at_last(camera: Camera) -> None:
    """In this order, under one violation, with the evidence in a folder of that camera and day."""
    camera.run(6)
    assert camera.kinds() == ["confirmed"]
    camera.run(10, from_s=6)
    assert camera.kinds() == ["confirmed", "clip"]
    camera.present = False
    camera.run(60, from_s=16)
    assert camera.kinds() == ["confirmed", "clip", "ended"]
    assert [report.seq for report in camera.sink.put_reports] == [1, 2, 3]
    confirmed, clip, _ = camera.sink.put_reports
    assert isinstance(confirmed, ConfirmedReport)
    assert isinstance(clip, ClipReport)
    assert clip.from_s == pytest.approx(max(0.0, confirmed.confirmed_s - 5), abs=0.01)
    assert clip.to_s == pytest.approx(confirmed.confirmed_s + 5, abs=0.01)


def test_who_is_still_there_after_a_drop_out_is_not_accused_again(camera: Camera) -> None:
    """The gap passes in media time too, so that windows and returns are judged as in a recording with a hole."""
    camera.run(12)
    camera.drop()
    camera.connect(gap_s=8.0)
    camera.run(12)
    assert camera.kinds().count("confirmed") == 1
    assert camera.line.facts.violations == 1
    assert camera.line.pipeline is not None
    assert camera.line.pipeline.seen is not None
    assert camera.line.pipeline.seen.frame.media_s == pytest.approx(12 + 8 + 12 - 0.2, abs=0.3)


def test_a_clip_that_is_cut_short_by_a_drop_out_is_cut_before_the_connection_is_closed(camera: Camera) -> None:
    """What was received is kept; its span is told in the line's media time."""
    camera.run(4.2)
    assert camera.kinds() == ["confirmed"]
    camera.drop()
    assert camera.kinds() == ["confirmed", "clip"]
    assert camera.stream.closed.wait(5)


def test_a_clip_of_a_later_connection_is_cut_at_that_connections_own_times(camera: Camera) -> None:
    """Media time of the line is minutes, that of the new connection seconds."""
    camera.present = False
    camera.run(30)
    camera.drop()
    camera.connect(gap_s=10.0)
    camera.present = True
    camera.run(12)
    (cut,) = camera.stream.cuts
    confirmed, clip = camera.sink.put_reports
    assert isinstance(confirmed, ConfirmedReport)
    assert isinstance(clip, ClipReport)
    assert cut[1] == pytest.approx(confirmed.confirmed_s + 5 - 40.0, abs=0.3)
    assert clip.to_s == pytest.approx(confirmed.confirmed_s + 5, abs=0.01)


def test_an_end_before_the_clip_is_due_brings_the_clip_forward(camera: Camera) -> None:
    """Reports of one violation go in sequence."""
    camera.run(4.2)
    camera.line.finish()
    assert camera.kinds() == ["confirmed", "clip", "ended"]
    last = camera.sink.put_reports[-1]
    assert isinstance(last, EndedReport)
    assert last.reason == "restarted"


@pytest.mark.logs_errors
def test_a_full_disk_is_waited_for_and_nothing_is_lost(camera: Camera) -> None:
    """The service keeps looking, says so, and tells what it found when there is room again."""
    camera.sink.full = True
    camera.run(8)
    assert camera.kinds() == []
    assert camera.line.facts.unsaved >= 1
    assert "full" in camera.line.facts.problem
    camera.present = False
    camera.run(60, from_s=8)
    camera.line.flush()
    camera.sink.full = False
    camera.line.flush()
    assert camera.kinds()[0] == "confirmed"
    assert camera.kinds()[-1] == "ended"
    assert (camera.line.facts.unsaved, camera.line.facts.problem) == (0, "")


def test_while_the_camera_cannot_see_nobody_is_judged_and_the_time_is_not_observed(tmp_path: Path) -> None:
    """To this camera's health a grey picture is a covered lens; before that is certain five seconds pass."""
    one = Camera(tmp_path)
    watch = one.line._make
    one.line = CameraLine(watch, Reporter(one.sink), one.journal, tmp_path / "evidence", None, CameraHealth())
    one.present = False
    one.connect()
    one.run(6)
    one.present = True
    one.run(20, from_s=6)
    assert one.line.facts.troubles == ("covered",)
    assert one.line.facts.violations == 0
    assert one.line.facts.observed_s == pytest.approx(5.0, abs=0.3)
    assert one.line.facts.unseen_s == pytest.approx(21.0, abs=0.3)


def test_a_killed_runs_open_violations_are_ended_by_the_next(camera: Camera, tmp_path: Path) -> None:
    """Once, whatever of it had been told, and nothing for what never got into the outbox."""
    camera.run(6)
    (confirmed,) = camera.sink.put_reports
    again = Journal(tmp_path / "open")
    assert again.recover(camera.outbox) == 1
    assert Journal(tmp_path / "open").recover(camera.outbox) == 0
    items = camera.outbox.list(Status.PENDING)
    assert [(item.kind, item.seq) for item in items] == [("confirmed", 1), ("ended", 2)]
    assert items[0].violation_id == items[1].violation_id == confirmed.violation_id


def test_a_kill_between_journal_and_outbox_leaves_nothing_behind(camera: Camera, tmp_path: Path) -> None:
    """A violation that was never put has no end either; one whose end was put has no second one."""
    camera.sink.full = True
    camera.line.facts = replace(camera.line.facts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kitchenvision.edge.line._log.error", lambda *_: None)
        camera.run(6)
    assert list((tmp_path / "open").glob("*.json"))
    assert Journal(tmp_path / "open").recover(camera.outbox) == 0
    assert not list((tmp_path / "open").glob("*.json"))
    assert camera.outbox.list() == ()


def test_a_journal_that_was_cut_off_by_a_power_loss_is_no_obstacle(tmp_path: Path) -> None:
    """An empty or torn file is dropped."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "ab.json").write_text('{"violation_id": "ab')
    with Outbox(tmp_path / "outbox") as outbox:
        assert Journal(tmp_path / "open").recover(outbox) == 0
