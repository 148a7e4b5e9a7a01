"""One camera's findings when the disk stays full, connections go, models change and scenes are calm."""

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import frame
from fake_stream import FakeStream
from test_line import Camera

from kitchenvision.edge.gate import SceneGate
from kitchenvision.edge.journal import Journal
from kitchenvision.edge.mailbox import Arrival
from kitchenvision.errors import StorageError
from kitchenvision.outbox import Outbox, Status
from kitchenvision.wire import ConfirmedReport, EndedReport, parse_report


@pytest.fixture
def camera(tmp_path: Path) -> Camera:
    """Connected, nothing seen yet."""
    one = Camera(tmp_path)
    one.connect()
    return one


def comes_and_goes(camera: Camera, times: int, from_s: float = 0.0) -> float:
    """Somebody bare-headed for eight seconds, nobody for a minute, so many times; where the media time is then."""
    for _ in range(times):
        camera.present = True
        camera.run(8, from_s)
        camera.present = False
        camera.run(60, from_s + 8)
        from_s += 68
    return from_s


@pytest.mark.logs_errors
def test_when_memory_for_a_full_disk_is_used_up_the_oldest_finding_goes_whole_and_is_named(
    camera: Camera, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Never half of one: a clip or an end without its confirmation would accuse nobody of anything."""
    monkeypatch.setattr("kitchenvision.edge.line._MOST_UNSAVED", 4)
    camera.sink.full = True
    from_s = comes_and_goes(camera, 3)
    for _ in range(3):
        camera.line.flush()
    assert camera.line.facts.unsaved <= 4
    lost = [record.getMessage() for record in caplog.records if "is lost" in record.getMessage()]
    assert lost
    assert all("the disk has been full for too long" in line for line in lost)
    camera.sink.full = False
    camera.run(1, from_s)
    camera.line.flush()
    told = {report.violation_id for report in camera.sink.put_reports}
    assert len(told) == 3 - len(lost)
    assert not any(violation in line for violation in told for line in lost)
    for violation in told:
        kinds = [report.kind for report in camera.sink.put_reports if report.violation_id == violation]
        assert kinds[0] == "confirmed"
        assert kinds[-1] == "ended"
    assert camera.line.facts.unsaved == 0


@pytest.mark.logs_errors
def test_a_full_disk_is_said_once_and_not_with_every_frame(
    camera: Camera, caplog: pytest.LogCaptureFixture
) -> None:
    """The log is on the same disk."""
    camera.sink.full = True
    camera.run(20)
    for _ in range(30):
        camera.line.flush()
    assert sum("findings wait for the disk" in record.message for record in caplog.records) == 1


@pytest.mark.logs_errors
def test_a_connection_that_ends_while_the_disk_is_full_costs_the_clip_and_nothing_else(camera: Camera) -> None:
    """Its packets are gone with it; the finding itself has picture and looks."""
    camera.sink.full = True
    camera.run(8)
    camera.stream.full = True
    camera.drop()
    assert camera.stream.closed.wait(5)
    camera.connect(gap_s=2.0)
    camera.sink.full = False
    camera.line.flush()
    camera.run(2)
    camera.present = False
    camera.run(60, from_s=2)
    kinds = camera.kinds()
    assert (kinds[0], kinds[-1]) == ("confirmed", "ended")
    assert kinds.count("confirmed") == 1
    assert [report.seq for report in camera.sink.put_reports] == list(range(1, len(kinds) + 1))


def test_with_another_model_what_is_open_ends_and_media_time_goes_on(camera: Camera) -> None:
    """Whoever stands there still is accused anew, by the model that looks now, and at a later time."""
    camera.run(8)
    camera.line.renew()
    assert camera.kinds() == ["confirmed", "clip", "ended"]
    assert camera.line.pipeline is None
    camera.run(8, from_s=8)
    first, second = [one for one in camera.sink.put_reports if isinstance(one, ConfirmedReport)]
    assert second.confirmed_s > first.confirmed_s + 5
    assert second.violation_id != first.violation_id
    (ended,) = [one for one in camera.sink.put_reports if isinstance(one, EndedReport)]
    assert ended.violation_id == first.violation_id


def test_what_was_never_looked_at_can_be_renewed_and_finished(tmp_path: Path) -> None:
    """A camera that never answered is taken out of the settings."""
    one = Camera(tmp_path)
    one.line.renew()
    one.line.finish()
    assert one.kinds() == []


def test_frames_that_a_calm_scene_leaves_out_are_counted_and_the_stream_is_told_to_rest(camera: Camera) -> None:
    """And called back with the first frame in which somebody is there."""
    camera.present = False
    camera.line._gate = SceneGate(1.0)
    camera.run(20)
    facts = camera.line.facts
    assert facts.analysed + facts.skipped == 100
    assert facts.skipped > 80
    assert camera.stream.calm
    camera.line.muted = lambda _: True
    camera.run(1, from_s=20)
    assert not camera.stream.calm, "while nobody is judged it is not known whether the scene is calm"


def test_a_camera_whose_media_time_jumps_back_goes_on_without_going_back(camera: Camera) -> None:
    """Some cameras begin their time stamps anew in the middle of a connection."""
    camera.present = False
    camera.run(10)
    seen = []
    for i in range(25):
        said = camera.stream.say(i / 5)
        camera.line.take(Arrival("cooking", camera.session, camera.stream, said, camera.arrived_s))  # type: ignore[arg-type]
        assert camera.line.pipeline is not None
        assert camera.line.pipeline.seen is not None
        seen.append(camera.line.pipeline.seen.frame.media_s)
    assert seen == sorted(seen)
    assert seen[0] >= 9.8


def test_the_gap_between_two_connections_is_as_long_as_it_was_and_never_negative(camera: Camera) -> None:
    """Frames of a new connection may have been stamped by a reader before the old one's last was taken."""
    camera.present = False
    camera.run(4)
    camera.drop()
    camera.connect(gap_s=-3.0)
    camera.run(1, from_s=700.0)
    assert camera.line.pipeline is not None
    assert camera.line.pipeline.seen is not None
    assert camera.line.pipeline.seen.frame.media_s == pytest.approx(3.8 + 0.8, abs=0.01)


def test_a_gap_in_the_stream_is_neither_observed_nor_blind(camera: Camera) -> None:
    """Nobody knows what happened in it."""
    camera.present = False
    camera.run(10)
    camera.run(10, from_s=60)
    assert camera.line.facts.observed_s == pytest.approx(2 * 9.8, abs=0.01)
    assert camera.line.facts.unseen_s == 0.0


@pytest.fixture
def confirmed(camera: Camera) -> str:
    """A violation that is open when the service is killed; its id."""
    camera.run(6)
    return camera.sink.put_reports[0].violation_id


def full(*_: object) -> None:
    """As a disk without room answers."""
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("part", ["fsync", "replace"])
def test_a_journal_that_cannot_be_written_says_which_file_and_what_to_do(
    camera: Camera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """Before anything is reported: a violation whose end nobody could tell is not begun."""
    camera.run(6)
    (event,) = [clip.evidence for clip in camera.line._clips]
    journal = Journal(tmp_path / "other")
    monkeypatch.setattr(os, part, full)
    with pytest.raises(
        StorageError, match=f"{event.violation_id}.json cannot be written: No space.*free some space"
    ):
        journal.opened(event)
    assert not list((tmp_path / "other").glob("*.json"))


TORN: list[Callable[[str], str]] = [
    lambda text: "",
    lambda text: text[: len(text) // 2],
    lambda text: text.replace('"version":1', '"version":2'),
    lambda text: text.replace("+00:00", "").replace("Z", ""),
    lambda text: json.dumps(json.loads(text) | {"violation_id": "../../outbox"}),
    lambda text: "[]",
    lambda text: "\x00" * len(text),
]


@pytest.mark.parametrize("torn", range(len(TORN)))
def test_an_entry_that_is_not_whole_is_dropped_and_the_whole_ones_are_told(
    camera: Camera, confirmed: str, tmp_path: Path, torn: int
) -> None:
    """A loss of power leaves all kinds of files."""
    (entry,) = (tmp_path / "open").glob("*.json")
    (tmp_path / "open" / "00ff.json").write_text(TORN[torn](entry.read_text("utf-8")), "utf-8")
    assert Journal(tmp_path / "open").recover(camera.outbox) == 1
    assert not list((tmp_path / "open").glob("*.json"))
    kinds = [(item.violation_id, item.kind) for item in camera.outbox.list(Status.PENDING)]
    assert kinds == [(confirmed, "confirmed"), (confirmed, "ended")]


def test_an_end_that_was_told_already_is_not_told_again(camera: Camera, confirmed: str, tmp_path: Path) -> None:
    """Killed between the outbox and the journal."""
    entry = next((tmp_path / "open").glob("*.json"))
    kept = entry.read_bytes()
    camera.line.finish()
    entry.write_bytes(kept)
    assert Journal(tmp_path / "open").recover(camera.outbox) == 0
    ends = [item for item in camera.outbox.list() if item.kind == "ended"]
    assert [item.violation_id for item in ends] == [confirmed]


def test_a_kill_in_the_middle_of_telling_ends_tells_the_rest_the_next_time(
    camera: Camera, confirmed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told and not yet struck out, it is told once all the same."""
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", full)
        with pytest.raises(OSError, match="No space"):
            Journal(tmp_path / "open").recover(camera.outbox)
    assert Journal(tmp_path / "open").recover(camera.outbox) == 0
    ends = [parse_report(item.body) for item in camera.outbox.list() if item.kind == "ended"]
    assert [(one.violation_id, one.reason) for one in ends if isinstance(one, EndedReport)] == [
        (confirmed, "restarted")
    ]


def test_a_folder_that_was_never_made_has_nothing_to_tell(tmp_path: Path) -> None:
    """The first start, and striking out what is not there."""
    with Outbox(tmp_path / "outbox") as outbox:
        journal = Journal(tmp_path / "none")
        assert journal.recover(outbox) == 0
        journal.ended("ab" * 16)


def test_a_session_that_ends_before_its_first_frame_is_closed(tmp_path: Path) -> None:
    """Nothing is looked at, and no thread is left with the connection."""
    one, stream = Camera(tmp_path), FakeStream()
    assert not one.line.take(Arrival("cooking", 1, stream, None, 0.0))  # type: ignore[arg-type]
    assert stream.closed.wait(5)
    assert one.line.take(Arrival("cooking", 2, FakeStream(), frame(0.0), 1.0))  # type: ignore[arg-type]


def test_nothing_of_a_finding_is_logged_twice_or_left_open(
    camera: Camera, caplog: pytest.LogCaptureFixture
) -> None:
    """A usual day says nothing at all above the level of news."""
    with caplog.at_level(logging.WARNING):
        comes_and_goes(camera, 2)
    assert caplog.records == []
    assert camera.kinds() == ["confirmed", "clip", "ended"] * 2
