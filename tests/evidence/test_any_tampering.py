"""Whoever changes any bit of written evidence is found out, and what is strange is told, not a crash."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import PLACE, START
from evidence.facts import SETTINGS, evidence, snapshot, violation
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.evidence import build_evidence, seal_clip, write_evidence
from kitchenvision.verification import verify_folder
from kitchenvision.wire import content_hash

FILES = ("evidence.json", "snapshot.jpg", "head.jpg", "trace.json", "clip.json", "clip.mp4")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def written(folder: Path, track_id: int = 1) -> Path:
    """Complete evidence with a clip."""
    made = build_evidence(violation(track_id=track_id), snapshot(), PLACE, START, SETTINGS)
    write_evidence(made, folder)
    (folder / "clip.mp4").write_bytes(b"packets of track %d" % track_id)
    seal_clip(made, folder / "clip.mp4", content_hash((folder / "clip.mp4").read_bytes()), (0.0, 8.0))
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("evidence") / "v")


def problems_after(whole: Path, name: str, data: bytes | None) -> list[str]:
    """What is found once one file has other bytes, or is gone; puts it right again."""
    path = whole / name
    before = path.read_bytes()
    try:
        path.unlink() if data is None else path.write_bytes(data)
        return verify_folder(whole)
    finally:
        path.write_bytes(before)


def test_what_nobody_touched_verifies(whole: Path) -> None:
    assert sorted(path.name for path in whole.iterdir()) == sorted(FILES)
    assert verify_folder(whole) == []


@given(st.sampled_from(FILES), st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_no_single_bit_can_be_changed(whole: Path, name: str, where: float, bit: int) -> None:
    data = bytearray((whole / name).read_bytes())
    data[int(where * len(data))] ^= 1 << bit
    if name == "clip.json" and _same_but_for_times(whole, bytes(data)):
        return
    assert problems_after(whole, name, bytes(data)) != []


def _same_but_for_times(whole: Path, data: bytes) -> bool:
    """The ends of a clip in clip.json are a help for players; what is sealed is its bytes and its owner."""
    try:
        changed = json.loads(data)
    except ValueError:
        return False
    kept = json.loads((whole / "clip.json").read_bytes())
    sealed = ("sha256", "evidence_sha256", "file")
    return all(changed.get(key) == kept[key] for key in sealed)


@given(st.sampled_from(FILES), st.floats(0, 1, exclude_max=True))
def test_a_file_that_was_cut_short_is_named(whole: Path, name: str, share: float) -> None:
    data = (whole / name).read_bytes()
    problems = problems_after(whole, name, data[: int(share * len(data))])
    assert any(name in problem for problem in problems)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_gone_is_missed(whole: Path, name: str) -> None:
    assert problems_after(whole, name, None) != []


@pytest.mark.parametrize(
    "name", ["snapshot.jpg", "head.jpg", "trace.json", "evidence.json", "clip.json", "clip.mp4"]
)
def test_a_file_of_another_violation_does_not_pass_for_this_one_s(tmp_path: Path, name: str) -> None:
    one, other = written(tmp_path / "one"), written(tmp_path / "other", track_id=2)
    (other / "snapshot.jpg").write_bytes((other / "head.jpg").read_bytes())
    (other / "trace.json").write_bytes((other / "trace.json").read_bytes().replace(b"0.95", b"0.96"))
    (other / "head.jpg").write_bytes(b"\xff\xd8\xff\xd9")
    shutil.copy(other / name, one / name)
    assert verify_folder(one) != []


@given(JSON)
def test_whatever_json_stands_in_place_of_the_facts_is_told_and_no_crash(whole: Path, value: Any) -> None:
    for name in ("evidence.json", "clip.json"):
        assert problems_after(whole, name, json.dumps(value).encode()) != []
    wrapped = json.dumps({"facts": value, "evidence_sha256": value}).encode()
    assert problems_after(whole, "evidence.json", wrapped) != []
    files = json.dumps({"facts": {"files": value}, "evidence_sha256": "0"}).encode()
    assert problems_after(whole, "evidence.json", files) != []
    seal = json.dumps({"file": value, "sha256": value, "evidence_sha256": value}).encode()
    assert problems_after(whole, "clip.json", seal) != []


def test_facts_that_nest_without_end_are_told_and_no_crash(whole: Path) -> None:
    for name in ("evidence.json", "clip.json"):
        assert problems_after(whole, name, b"[" * 200_000) != []


def test_a_clip_seal_that_points_outside_the_folder_leads_nowhere(tmp_path: Path) -> None:
    folder = written(tmp_path / "v")
    secret = tmp_path / "secret.mp4"
    secret.write_bytes((folder / "clip.mp4").read_bytes())
    seal = json.loads((folder / "clip.json").read_bytes())
    (folder / "clip.json").write_text(json.dumps(seal | {"file": "../secret.mp4"}))
    assert any("secret.mp4: missing" in problem for problem in verify_folder(folder))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a folder in place of a picture": lambda folder: as_folder(folder / "head.jpg"),
    "a folder in place of the facts": lambda folder: as_folder(folder / "evidence.json"),
    "a folder in place of the seal": lambda folder: as_folder(folder / "clip.json"),
    "a second clip without a seal": lambda folder: (folder / "clip.json").unlink(),
}


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", DAMAGES)
def test_strange_files_are_told(tmp_path: Path, damage: str) -> None:
    folder = written(tmp_path / "v")
    DAMAGES[damage](folder)
    assert verify_folder(folder) != []


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    folder = written(tmp_path / "v")
    (folder / "head.jpg").unlink()
    (folder / "trace.json").write_bytes(b"{}")
    (folder / "clip.mp4").write_bytes(b"other")
    problems = verify_folder(folder)
    assert [word in " ".join(problems) for word in ("head.jpg: missing", "trace.json: not", "clip.mp4: not")] == [
        True
    ] * 3
    assert len(problems) == 3
    assert evidence().sha256 in (folder / "evidence.json").read_text("utf-8"), "the facts are as they were"
