"""What one camera found is written and told: confirmed, then the clip, then the end, without a gap, once."""

import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from builders import PLACE, START
from evidence.facts import SETTINGS, snapshot, violation
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.errors import StorageError
from kitchenvision.evidence import Evidence, build_evidence, confirmed_report
from kitchenvision.frames.source import ClipSpan
from kitchenvision.outbox import Outbox, ReportConflict
from kitchenvision.pipeline import Ended
from kitchenvision.reporting import AnyReport, Reporter
from kitchenvision.verification import verify_folder
from kitchenvision.wire import report_bytes


def found(track_id: int = 1, software_version: str = "0.1.0") -> Evidence:
    """Evidence of one person."""
    place = replace(PLACE, software_version=software_version)
    return build_evidence(violation(track_id=track_id), snapshot(), place, START, SETTINGS)


def over(evidence: Evidence, ended_s: float = 9.0) -> Ended:
    """Its end."""
    return Ended(evidence, replace(evidence.violation, ended_s=ended_s, end_reason="cleared"))


def cut(from_s: float, to_s: float, path: Path) -> ClipSpan | None:
    path.write_bytes(f"{from_s} {to_s}".encode())
    return ClipSpan(path, from_s, to_s, "video/mp4")


def nothing(*_: object) -> ClipSpan | None:
    return None


class Told:
    """A sink that remembers, and fails as often as it is told to."""

    def __init__(self, failures: int = 0, error: type[StorageError] = StorageError) -> None:
        self.reports: list[AnyReport] = []
        self.failures, self._error = failures, error

    def put(self, report: AnyReport, blobs: Mapping[str, bytes | Path]) -> object:
        """Keeps it, or fails."""
        if self.failures:
            self.failures -= 1
            raise self._error("the disk is full")
        assert {ref.sha256 for ref in report.blobs} == set(blobs)
        self.reports.append(report)
        return True


def test_the_evidence_is_on_the_disk_before_anybody_is_told(tmp_path: Path) -> None:
    sink = Told(failures=1)
    with pytest.raises(StorageError, match="the disk is full"):
        Reporter(sink).confirmed(found(), tmp_path / "v")
    assert verify_folder(tmp_path / "v") == []
    assert sink.reports == []


def test_what_failed_is_told_again_without_harm(tmp_path: Path) -> None:
    sink, evidence = Told(failures=1), found()
    reporter = Reporter(sink)
    with pytest.raises(StorageError):
        reporter.confirmed(evidence, tmp_path / "v")
    reporter.ended(over(evidence))
    assert sink.reports == [], "an end without a beginning would never be taken"
    reporter.confirmed(evidence, tmp_path / "v")
    reporter.ended(over(evidence))
    assert [(report.kind, report.seq) for report in sink.reports] == [("confirmed", 1), ("ended", 2)]


def test_an_end_whose_report_failed_can_be_told_again(tmp_path: Path) -> None:
    sink, evidence = Told(), found()
    reporter = Reporter(sink)
    reporter.confirmed(evidence, tmp_path / "v")
    sink.failures = 1
    with pytest.raises(StorageError):
        reporter.ended(over(evidence))
    reporter.ended(over(evidence))
    reporter.ended(over(evidence))
    assert [report.kind for report in sink.reports] == ["confirmed", "ended"], "and once it is told it is over"


def test_a_clip_belongs_to_its_evidence_and_its_file_may_have_another_suffix(tmp_path: Path) -> None:
    def matroska(from_s: float, to_s: float, path: Path) -> ClipSpan:
        path = path.with_suffix(".mkv")
        path.write_bytes(b"packets")
        return ClipSpan(path, from_s, to_s, "video/x-matroska")

    sink, evidence = Told(), found()
    reporter = Reporter(sink)
    reporter.confirmed(evidence, tmp_path / "v")
    assert reporter.clip(evidence, tmp_path / "v", matroska) == tmp_path / "v" / "clip.mkv"
    assert verify_folder(tmp_path / "v") == []
    assert sink.reports[1].blobs[0].media_type == "video/x-matroska"
    other = Reporter(Told())
    other.confirmed(found(2), tmp_path / "w")
    (tmp_path / "v" / "clip.json").rename(tmp_path / "w" / "clip.json")
    (tmp_path / "v" / "clip.mkv").rename(tmp_path / "w" / "clip.mkv")
    assert any("belongs to other evidence" in problem for problem in verify_folder(tmp_path / "w"))


def test_without_a_picture_left_there_is_no_clip_and_nothing_is_told_of_it(tmp_path: Path) -> None:
    sink, evidence = Told(), found()
    reporter = Reporter(sink)
    reporter.confirmed(evidence, tmp_path / "v")
    assert reporter.clip(evidence, tmp_path / "v", nothing) is None
    assert [report.kind for report in sink.reports] == ["confirmed"]
    assert sorted(p.name for p in (tmp_path / "v").iterdir()) == [
        "evidence.json",
        "head.jpg",
        "snapshot.jpg",
        "trace.json",
    ]


def test_without_a_sink_everything_is_written_and_nobody_is_told(tmp_path: Path) -> None:
    reporter, evidence = Reporter(None), found()
    reporter.confirmed(evidence, tmp_path / "v")
    assert reporter.clip(evidence, tmp_path / "v", cut) is not None
    reporter.ended(over(evidence))
    assert verify_folder(tmp_path / "v") == []


def test_the_times_of_reports_are_those_of_what_happened_and_not_of_the_telling(tmp_path: Path) -> None:
    sink, evidence = Told(), found()
    reporter = Reporter(sink)
    reporter.confirmed(evidence, tmp_path / "v")
    reporter.clip(evidence, tmp_path / "v", cut)
    reporter.ended(over(evidence, ended_s=10.5))
    waits = [(report.created_at - START).total_seconds() for report in sink.reports]
    assert waits == [0.0, 5.0, 10.5 - evidence.violation.confirmed_s]


def test_what_was_told_first_stands_and_the_scan_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Outbox(tmp_path / "outbox") as outbox:
        first, second = Reporter(outbox), Reporter(outbox)
        first.confirmed(found(), tmp_path / "one")
        with caplog.at_level(logging.WARNING):
            second.confirmed(found(software_version="0.2.0"), tmp_path / "two")
        assert "already in the outbox with other content" in caplog.text
        second.clip(found(), tmp_path / "two", cut)
        second.ended(over(found()))
        assert [item.kind for item in outbox.list()] == ["confirmed", "clip", "ended"]
        assert outbox.list()[0].body == report_bytes(confirmed_report(found(), START))
    assert verify_folder(tmp_path / "one") == []


def test_another_kind_of_failure_is_not_taken_for_a_repetition(tmp_path: Path) -> None:
    sink = Told(failures=1, error=ReportConflict)
    Reporter(sink).confirmed(found(), tmp_path / "v")
    with pytest.raises(StorageError):
        Reporter(Told(failures=1)).confirmed(found(), tmp_path / "v")


STEPS = st.lists(
    st.tuples(st.sampled_from(["confirmed", "clip", "no clip", "ended"]), st.integers(1, 3)), max_size=14
)


@given(STEPS)
def test_in_whatever_course_the_reports_of_one_violation_have_no_gap_and_begin_with_its_confirmation(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    folder, sink = tmp_path_factory.mktemp("course"), Told()
    reporter, known, over_already = Reporter(sink), set(), set()
    for what, who in steps:
        evidence, place = found(who), folder / str(who)
        if what == "confirmed" and who not in known:
            reporter.confirmed(evidence, place)
            known.add(who)
        elif what == "ended":
            reporter.ended(over(evidence))
            over_already |= {who} & known
        elif who in known - over_already and what != "confirmed" and not (place / "clip.mp4").exists():
            reporter.clip(evidence, place, cut if what == "clip" else nothing)
    told: dict[str, list[AnyReport]] = defaultdict(list)
    for report in sink.reports:
        told[report.violation_id].append(report)
    assert len(told) == len(known)
    for reports in told.values():
        assert [report.seq for report in reports] == list(range(1, len(reports) + 1))
        assert reports[0].kind == "confirmed"
        assert "ended" not in [report.kind for report in reports[:-1]]
