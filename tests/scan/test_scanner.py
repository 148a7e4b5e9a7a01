"""One source from its first frame to its last: what is found is kept, whatever happens on the way."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from scan.scripted import GreySource, Kept, a_clip, scanned, scanner

from kitchenvision.errors import SourceBroken, SourceUnreadable, StorageError
from kitchenvision.frames.source import ClipSpan
from kitchenvision.scan import Interrupted
from kitchenvision.verification import verify_folder
from kitchenvision.wire import ClipReport, ConfirmedReport, EndedReport, content_hash


def rows_of(root: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (root / "violations.jsonl").read_text("utf-8").splitlines()]


def test_a_violation_is_a_row_its_evidence_and_three_reports_in_order(tmp_path: Path) -> None:
    sink = Kept()
    one = scanner(tmp_path / "out", sink)
    result = scanned(one, GreySource(cut=a_clip))
    (row,) = rows_of(one.folder.root)
    confirmed, clip, ended = sink.reports
    assert isinstance(confirmed, ConfirmedReport)
    assert isinstance(clip, ClipReport)
    assert isinstance(ended, EndedReport)
    assert row["violation_id"] == confirmed.violation_id == clip.violation_id == ended.violation_id
    assert (row["started_s"], row["confirmed_s"]) == (confirmed.started_s, confirmed.confirmed_s)
    assert row["ended_s"] == ended.ended_s == pytest.approx(result.reached_s, abs=1.0)
    assert ended.reason == "source ended"
    assert (one.folder.root / str(row["clip"])).read_bytes() == b"a clip"
    assert verify_folder((one.folder.root / str(row["snapshot"])).parent) == []


def test_the_clip_spans_five_seconds_on_both_sides_and_never_begins_before_the_film(tmp_path: Path) -> None:
    source, sink = GreySource(cut=a_clip), Kept()
    (row,) = scanned(scanner(tmp_path / "out", sink), source).rows
    (from_s, to_s) = source.asked[0]
    assert from_s == max(0.0, row["confirmed_s"] - 5.0)
    assert to_s == row["confirmed_s"] + 5.0
    clip = sink.reports[1]
    assert isinstance(clip, ClipReport)
    assert (clip.from_s, clip.to_s) == (max(0.0, from_s - 0.5), to_s), "what it truly spans is told"
    assert clip.blobs[0].sha256 == content_hash(b"a clip")


def test_without_a_clip_the_violation_stands_and_its_end_comes_next_in_sequence(tmp_path: Path) -> None:
    sink = Kept()
    (row,) = scanned(scanner(tmp_path / "out", sink), GreySource()).rows
    assert row["clip"] is None
    assert [(report.kind, report.seq) for report in sink.reports] == [("confirmed", 1), ("ended", 2)]


@pytest.mark.parametrize(
    ("stops", "reached_s"),
    [
        (SourceBroken("morning.mp4: ends at 12.5 s", 12.5), 12.5),
        (SourceBroken("morning.mp4: ends at 1 s", 1.0), 9.8),
        (SourceUnreadable("morning.mp4: it went away"), 9.8),
    ],
)
def test_a_source_that_breaks_keeps_what_it_showed_and_says_how_far_it_was_read(
    tmp_path: Path, stops: Exception, reached_s: float
) -> None:
    sink = Kept()
    result = scanned(scanner(tmp_path / "out", sink), GreySource(10.0, stops=stops))
    assert result.problem == str(stops)
    assert result.reached_s == reached_s
    assert sink.kinds == ["confirmed", "ended"]
    assert len(rows_of(tmp_path / "out")) == 1


def test_a_film_that_goes_away_before_its_clip_is_cut_loses_no_violation_that_was_told(tmp_path: Path) -> None:
    def gone(*_: object) -> ClipSpan | None:
        raise SourceUnreadable("morning.mp4: cannot be read any more")

    sink = Kept()
    result = scanned(scanner(tmp_path / "out", sink), GreySource(cut=gone))
    assert "cannot be read any more" in result.problem
    assert sink.kinds == ["confirmed", "ended"]
    (row,) = rows_of(tmp_path / "out")
    assert row["violation_id"] == sink.reports[0].violation_id
    assert row["clip"] is None
    assert verify_folder((tmp_path / "out" / str(row["snapshot"])).parent) == []


def test_a_disk_that_is_full_ends_the_scan_with_its_word(tmp_path: Path) -> None:
    def full(*_: object) -> ClipSpan | None:
        raise StorageError("clip.mp4: the disk is full")

    with pytest.raises(StorageError, match="the disk is full"):
        scanned(scanner(tmp_path / "out"), GreySource(cut=full))


@pytest.mark.parametrize("frames", [0, 1, 60])
def test_who_stops_a_scan_gets_what_was_found_and_tells_no_end_that_was_not_seen(
    tmp_path: Path, frames: int
) -> None:
    sink, asked = Kept(), []

    def stopped() -> bool:
        asked.append(True)
        return len(asked) > frames

    with pytest.raises(Interrupted) as stop:
        scanner(tmp_path / "out", sink).scan(GreySource(), "cam", lambda _: None, stopped)
    result = stop.value.args[0]
    assert result.tally.frames == frames
    assert len(result.rows) == (frames == 60)
    assert sink.kinds == ["confirmed"] * (frames == 60), "the same command goes on and tells the end then"


def test_progress_is_told_after_every_frame_in_media_time(tmp_path: Path) -> None:
    told: list[float] = []
    scanner(tmp_path / "out").scan(GreySource(2.0), "cam", told.append, lambda: False)
    assert told == pytest.approx([i / 5 for i in range(10)])


def test_the_same_film_again_gives_the_same_rows_and_reports(tmp_path: Path) -> None:
    first, second = Kept(), Kept()
    one = scanned(scanner(tmp_path / "one", first), GreySource(cut=a_clip))
    two = scanned(scanner(tmp_path / "two", second), GreySource(cut=a_clip))
    assert one.rows == two.rows
    assert first.reports == second.reports


def test_the_summary_counts_what_was_looked_at_and_what_could_be_judged(tmp_path: Path) -> None:
    result = scanned(scanner(tmp_path / "out"), GreySource(10.0))
    summary = result.summary()
    assert (summary["frames"], summary["violations"], summary["notes"]) == (50, 1, ["a note"])
    assert sum(entry["looks"] for entry in summary["verdicts"]) == summary["looks"]
    assert {entry["verdict"] for entry in summary["verdicts"]} == {"violating"}
    assert {entry["hour"] for entry in summary["verdicts"]} == {8}
    assert summary["times_real_time"] is None, "nobody has said how long it took"


@pytest.mark.parametrize(
    ("stops", "frames"), [(None, 25), (SourceBroken("it ends", 5.0), 25), (RuntimeError("a mistake of ours"), 25)]
)
def test_the_video_with_boxes_is_finished_whatever_ends_the_scan(
    tmp_path: Path, stops: Exception | None, frames: int, count_frames: Callable[[Path], int]
) -> None:
    one = scanner(tmp_path / "out", annotate=True)
    with suppress(RuntimeError):
        scanned(one, GreySource(5.0, stops=stops))
    assert count_frames(one.folder.annotated("cam")) == frames
