"""What backs an accusation: one frame with its own boxes, facts with one hash, files that show tampering."""

import errno
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from builders import PLACE, START, head_at, person_at
from facts import OTHER, SETTINGS, evidence, image, snapshot, violation
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.errors import StorageError
from kitchenvision.evidence import (
    build_evidence,
    clip_report,
    confirmed_report,
    decode_jpeg,
    draw_boxes,
    encode_jpeg,
    ended_report,
    violation_id,
    write_evidence,
)
from kitchenvision.types import RuleSettings
from kitchenvision.verification import verify_folder
from kitchenvision.wire import (
    BlobRef,
    ClockState,
    ConfirmedReport,
    canonical_json,
    content_hash,
    parse_report,
    report_bytes,
)


def test_the_id_is_the_same_for_the_same_source_rule_track_and_start() -> None:
    first = violation_id("ab" * 32, violation())
    assert first == violation_id("ab" * 32, violation(confidence=0.6, zone="serving", confirmed_s=9.0))
    assert first == "6422270017def71325cc8a4850576738", "an id that changes between versions accuses twice"


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        ("cd" * 32, {}),
        ("ab" * 32, {"rule_id": "no_mask"}),
        ("ab" * 32, {"track_id": 2}),
        ("ab" * 32, {"started_s": 0.001}),
    ],
)
def test_the_id_differs_when_any_part_of_it_differs(source: str, changes: dict[str, object]) -> None:
    assert violation_id(source, violation(**changes)) != violation_id("ab" * 32, violation())


def test_the_boxes_are_those_of_the_frame_that_is_shown() -> None:
    made = evidence()
    assert made.snapshot.media_s == 2.0
    assert made.snapshot.person_xyxy == person_at(310)
    assert made.snapshot.head_xyxy == head_at(310)
    assert made.facts["person_xyxy"] == person_at(315), "the row's boxes are those of the confirmation"


def test_everybody_else_in_the_picture_is_named_as_not_accused() -> None:
    assert evidence().snapshot.others_xyxy == (OTHER,)


def test_a_frame_that_is_not_among_the_looks_cannot_back_a_violation() -> None:
    with pytest.raises(StopIteration):
        build_evidence(violation(), snapshot(2.1), PLACE, START, SETTINGS)


def test_the_head_crop_is_cut_from_the_snapshot_around_the_head() -> None:
    made = evidence()
    crop = decode_jpeg(made.blobs[made.roles["head_crop"]])
    assert crop.shape == (120, 120, 3)
    expected = image()[40:160, 250:370].astype(int)
    assert np.abs(crop.astype(int) - expected).mean() < 4


def test_a_head_at_the_edge_gives_a_smaller_crop() -> None:
    looks = tuple(replace(look, head_xyxy=(620.0, 0.0, 660.0, 20.0)) for look in violation().looks)
    made = build_evidence(replace(violation(), looks=looks), snapshot(), PLACE, START, SETTINGS)
    assert min(decode_jpeg(made.blobs[made.roles["head_crop"]]).shape[:2]) >= 1


def test_the_snapshot_is_stored_as_it_was_given() -> None:
    made = evidence()
    assert made.blobs[made.roles["snapshot"]] == snapshot().jpeg


def test_every_blob_is_named_by_the_hash_of_its_bytes() -> None:
    made = evidence()
    assert set(made.roles) == {"snapshot", "head_crop", "trace"}
    assert all(content_hash(made.blobs[digest]) == digest for digest in made.roles.values())


def test_the_trace_holds_every_look_with_its_time_and_probability_and_the_settings() -> None:
    made = evidence(replace(SETTINGS, min_looks=7))
    trace = json.loads(made.blobs[made.roles["trace"]])
    assert [look["media_s"] for look in trace["looks"]] == [round(i / 5, 3) for i in range(16)]
    assert {(look["verdict"], look["probability"]) for look in trace["looks"]} == {("violating", 0.95)}
    assert trace["settings"]["min_looks"] == 7


def test_the_same_violation_gives_the_same_bytes() -> None:
    a, b = evidence(), evidence()
    assert canonical_json(a.facts) == canonical_json(b.facts)
    assert a.blobs == b.blobs


@pytest.mark.parametrize("field", ["canteen_id", "camera_id", "video", "source_id", "captured_at_source"])
def test_the_hash_covers_the_place(field: str) -> None:
    other = build_evidence(violation(), snapshot(), replace(PLACE, **{field: "ef" * 32}), START, SETTINGS)
    assert other.sha256 != evidence().sha256


def test_the_hash_covers_boxes_settings_times_and_pictures() -> None:
    changed = [
        build_evidence(violation(best_s=1.8), replace(snapshot(), media_s=1.8), PLACE, START, SETTINGS),
        build_evidence(violation(), snapshot(), PLACE, START + timedelta(seconds=1), SETTINGS),
        build_evidence(violation(), replace(snapshot(), jpeg=encode_jpeg(image() // 2)), PLACE, START, SETTINGS),
        build_evidence(violation(), replace(snapshot(), persons=()), PLACE, START, SETTINGS),
        build_evidence(violation(), snapshot(), PLACE, START, RuleSettings(min_looks=6)),
        build_evidence(violation(confidence=0.9), snapshot(), PLACE, START, SETTINGS),
    ]
    assert len({made.sha256 for made in [evidence(), *changed]}) == 1 + len(changed)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_canonical_json_reads_back_as_the_same_value_and_is_written_the_same_again(value: object) -> None:
    written = canonical_json(value)
    assert json.loads(written) == value
    assert canonical_json(json.loads(written)) == written


@given(st.dictionaries(st.text(), st.integers(), min_size=2, max_size=6))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value: dict[str, int]) -> None:
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


def test_canonical_json_has_no_spaces_keeps_chinese_and_writes_instants() -> None:
    assert canonical_json({"b": 1, "a": "厨房"}) == '{"a":"厨房","b":1}'.encode()
    assert canonical_json(datetime(2026, 1, 2, tzinfo=UTC)) == b'"2026-01-02T00:00:00+00:00"'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1.0, float("-inf")]])
def test_canonical_json_refuses_what_json_does_not_have(value: object) -> None:
    with pytest.raises(ValueError):
        canonical_json(value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A written evidence folder."""
    write_evidence(evidence(), tmp_path / "v1")
    return tmp_path / "v1"


def test_what_was_written_verifies(folder: Path) -> None:
    assert verify_folder(folder) == []
    assert {path.name for path in folder.iterdir()} == {"snapshot.jpg", "head.jpg", "trace.json", "evidence.json"}


def test_writing_again_gives_the_same_bytes(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write_evidence(evidence(), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def edited(change: Callable[[dict], object]) -> Callable[[Path], None]:
    """Change evidence.json."""

    def tamper(folder: Path) -> None:
        sealed = json.loads((folder / "evidence.json").read_bytes())
        change(sealed)
        (folder / "evidence.json").write_text(json.dumps(sealed))

    return tamper


def flipped(name: str) -> Callable[[Path], None]:
    """Change one bit in the middle of a file."""

    def tamper(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / name).write_bytes(data)

    return tamper


def swapped(folder: Path) -> None:
    """Pass one picture off as the other."""
    shutil.copy(folder / "head.jpg", folder / "snapshot.jpg")


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (flipped("snapshot.jpg"), "snapshot.jpg"),
        (flipped("head.jpg"), "head.jpg"),
        (flipped("trace.json"), "trace.json"),
        (swapped, "snapshot.jpg"),
        (lambda folder: (folder / "snapshot.jpg").unlink(), "snapshot.jpg: missing"),
        (lambda folder: (folder / "trace.json").write_bytes(b""), "trace.json"),
        (lambda folder: (folder / "evidence.json").unlink(), "evidence.json"),
        (lambda folder: (folder / "evidence.json").write_bytes(b"{"), "evidence.json"),
        (lambda folder: (folder / "evidence.json").write_bytes(b"[]"), "evidence.json"),
        (lambda folder: (folder / "evidence.json").write_bytes(b"\xff\xfe"), "evidence.json"),
        (edited(lambda sealed: sealed["facts"].update(rule_id="smoking")), "facts"),
        (edited(lambda sealed: sealed["facts"].update(started_s=0.1)), "facts"),
        (edited(lambda sealed: sealed["facts"].update(started_s=float("nan"))), "evidence.json"),
        (edited(lambda sealed: sealed["facts"]["snapshot"].update(person_xyxy=OTHER)), "facts"),
        (edited(lambda sealed: sealed["facts"].pop("zone")), "facts"),
        (edited(lambda sealed: sealed["facts"].update(added=1)), "facts"),
        (edited(lambda sealed: sealed["facts"]["files"].pop("snapshot")), "facts"),
        (edited(lambda sealed: sealed.update(evidence_sha256="0" * 64)), "facts"),
        (edited(lambda sealed: sealed.update(evidence_sha256=5)), "facts"),
        (edited(lambda sealed: sealed.update(facts=None)), "evidence.json"),
        (edited(lambda sealed: sealed.update(facts={"files": 7})), "evidence.json"),
    ],
)
def test_every_kind_of_tampering_is_found_and_named(
    folder: Path, tamper: Callable[[Path], object], named: str
) -> None:
    tamper(folder)
    assert any(named in problem for problem in verify_folder(folder)), verify_folder(folder)


def test_an_empty_folder_and_none_at_all_are_not_evidence(tmp_path: Path) -> None:
    assert verify_folder(tmp_path) != []
    assert verify_folder(tmp_path / "nothing") != []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_full_or_locked_disk_is_a_storage_error_that_names_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(code, "no", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match=str(tmp_path)):
        write_evidence(evidence(), tmp_path / "v1")


def test_half_written_evidence_does_not_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, names = Path.write_bytes, []

    def full_at_the_third(path: Path, data: bytes) -> int:
        names.append(path.name)
        if len(names) == 3:
            raise OSError(errno.ENOSPC, "no space")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full_at_the_third)
    with pytest.raises(StorageError):
        write_evidence(evidence(), tmp_path / "v1")
    assert verify_folder(tmp_path / "v1") != []


def test_the_reports_come_back_from_the_wire_as_they_were() -> None:
    made, ended = evidence(), violation(ended_s=9.0, end_reason="cleared")
    clip = BlobRef(role="clip", sha256="0" * 64, size=5, media_type="video/mp4")
    reports = [
        confirmed_report(made, START),
        clip_report(made, clip, (0.0, 8.0), START),
        ended_report(made, ended, 3, START),
    ]
    for seq, report in enumerate(reports, 1):
        assert parse_report(report_bytes(report)) == report
        assert report_bytes(parse_report(report_bytes(report))) == report_bytes(report)
        assert report.idempotency_key == f"{made.violation_id}/{seq}"


def test_the_first_report_says_what_the_evidence_says() -> None:
    made = evidence()
    report = confirmed_report(made, START)
    assert isinstance(report, ConfirmedReport)
    assert report.evidence_sha256 == made.sha256
    assert {blob.role: blob.sha256 for blob in report.blobs} == dict(made.roles)
    assert all(len(made.blobs[blob.sha256]) == blob.size for blob in report.blobs)
    assert report.snapshot == made.snapshot
    assert (report.previous_hash, report.sequence, report.key_id, report.signature, report.blurred) == (None,) * 5


def test_boxes_are_drawn_on_a_copy() -> None:
    clean = image()
    drawn = draw_boxes(clean, evidence().snapshot)
    assert np.array_equal(clean, image()), "the evidence itself stays clean"
    assert (drawn[100, 330] == (255, 160, 0)).all(), "the head's right edge in colour"
    assert (drawn[200, 400] == (255, 255, 255)).all(), "the other person's left edge in white"


def test_a_picture_survives_jpeg_but_for_what_jpeg_loses() -> None:
    assert np.abs(decode_jpeg(encode_jpeg(image())).astype(int) - image()).mean() < 3


def test_something_that_is_no_jpeg_is_a_storage_error() -> None:
    with pytest.raises(StorageError, match="not a JPEG"):
        decode_jpeg(b"GIF89a")


CLOCK = ClockState(checked_at=START, synchronised=True, by="chrony", last_sync_at=START, max_error_s=0.02)


def test_evidence_that_says_nothing_of_the_clock_has_the_bytes_that_it_always_had() -> None:
    """Hashes of the version before there was a clock in it: what waits in an outbox is the same report again."""
    made = evidence()
    assert made.sha256 == "05c278de73d2a156a13c47316932a501a602a67625735881bcee58c17667fd21"
    report = confirmed_report(made, START)
    digest = "9772108acc77667f3f93d5103d13d2b88f2c328187ece62ecb9a7c47ef45b0d8"
    assert content_hash(report_bytes(report)) == digest
    assert content_hash(report_bytes(parse_report(report_bytes(report)))) == digest


def test_how_right_the_clock_was_is_part_of_the_evidence_and_of_the_report() -> None:
    made = build_evidence(violation(), snapshot(), PLACE, START, SETTINGS, CLOCK)
    assert made.sha256 != evidence().sha256
    assert made.facts["clock"]["last_sync_at"] == "2026-03-02T08:00:00Z"
    report = confirmed_report(made, START)
    again = parse_report(report_bytes(report))
    assert again == report
    assert report_bytes(again) == report_bytes(report)
    assert isinstance(again, ConfirmedReport)
    assert again.clock == CLOCK


@pytest.mark.parametrize(
    "change", [{"max_error_s": -1.0}, {"max_error_s": float("nan")}, {"steps": -1}, {"by": "x" * 201}, {"other": 1}]
)
def test_a_clock_out_of_range_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        ClockState.model_validate(CLOCK.model_dump() | change)
