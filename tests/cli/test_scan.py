"""The main job on real clips: found, not invented, the same again, resumed, readable by people and programs."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from command_line import Run, make_video

from kitchenvision.outbox import Outbox
from kitchenvision.verification import verify_folder

Runner = Callable[..., Run]
SAMPLES = Path(__file__).parents[2] / "sample_videos"


def rows_of(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "violations.jsonl").read_text("utf-8").splitlines()]


def told(folder: Path) -> dict[str, list[str]]:
    """Kinds of the reports in an outbox, by camera."""
    kinds: dict[str, list[str]] = {}
    with Outbox(folder) as outbox:
        for item in outbox.list():
            report = json.loads(item.body)
            kinds.setdefault(report["camera_id"], []).append(report["kind"])
    return {camera: sorted(each) for camera, each in kinds.items()}


@pytest.mark.slow
def test_the_sample_clips_are_judged_right(run: Runner, tmp_path: Path) -> None:
    """All but at most one of the incidents are found, none is invented, none repeated."""
    result = run("evaluate", SAMPLES, "--json", "--out", tmp_path / "scan")
    rules = json.loads(result.out)["rules"].values()
    assert result.code == 0
    assert sum(rule["incidents"] for rule in rules) == 4
    assert sum(rule["missed"] for rule in rules) <= 1
    assert [rule["notes"] for rule in rules if rule["invented"] or rule["repeated"]] == []


@pytest.fixture(scope="module")
def bare_head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of a sample in which one cook has no hat, under a Chinese name."""
    path = tmp_path_factory.mktemp("clips") / "后厨 一号.mp4"
    with av.open(str(SAMPLES / "A1.mp4")) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copied = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is None or float(packet.pts * packet.time_base) > 5.0:
                continue
            packet.stream = copied
            target.mux(packet)
    return path


def test_a_violation_leaves_a_row_and_complete_evidence(run: Runner, tmp_path: Path, bare_head: Path) -> None:
    """The row has every field, its paths exist, every hash fits, and the report opens by itself."""
    out = tmp_path / "out"
    result = run("scan", bare_head, "--out", out, "--rules", "no_hat", "--started-at", "2026-03-12T08:30:00+08:00")
    assert result.code == 0
    (row,) = rows_of(out)
    assert (row["rule_id"], row["camera_id"], row["video"]) == ("no_hat", "后厨 一号", "后厨 一号.mp4")
    assert 0 <= row["started_s"] < row["confirmed_s"] <= row["ended_s"] <= 5.2
    assert str(row["captured_at"]).startswith("2026-03-12T00:30:0")
    assert (out / str(row["snapshot"])).read_bytes()[:2] == b"\xff\xd8"
    with av.open(str(out / str(row["clip"]))) as clip:
        assert clip.streams.video[0].codec_context.name == "h264"
        assert not clip.streams.audio
    assert verify_folder((out / str(row["snapshot"])).parent) == []
    page = (out / "index.html").read_text("utf-8")
    assert "未戴工作帽" in page
    assert "http" not in page
    assert run("verify", out).code == 0


def test_the_same_scan_gives_the_same_bytes(run: Runner, tmp_path: Path, bare_head: Path) -> None:
    """violations.jsonl and all evidence are equal, byte for byte, on a second run."""
    for name in ("one", "two"):
        assert run("scan", bare_head, "--out", tmp_path / name).code == 0
    first = sorted(
        p for p in (tmp_path / "one").rglob("*") if p.is_file() and p.name not in ("scan.json", "index.html")
    )
    assert len(first) > 5
    for path in first:
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes(), path.name


def test_changed_evidence_is_found_out(run: Runner, tmp_path: Path, bare_head: Path) -> None:
    """One flipped bit in a snapshot: verify names the file and ends in 3."""
    run("scan", bare_head, "--out", tmp_path / "out", "--rules", "no_hat")
    picture = next((tmp_path / "out").rglob("snapshot.jpg"))
    data = bytearray(picture.read_bytes())
    data[len(data) // 2] ^= 1
    picture.write_bytes(bytes(data))
    result = run("verify", tmp_path / "out")
    assert result.code == 3
    assert "snapshot.jpg" in result.said


def test_a_changed_or_foreign_clip_is_found_out(run: Runner, tmp_path: Path, bare_head: Path) -> None:
    """The clip has its own seal: changed bytes, another's seal and a clip without one are each named."""
    run("scan", bare_head, "--out", tmp_path / "out", "--rules", "no_hat")
    folder = next((tmp_path / "out" / "evidence").iterdir())
    clip, seal = folder / "clip.mp4", folder / "clip.json"
    whole, sealed = clip.read_bytes(), json.loads(seal.read_bytes())
    clip.write_bytes(whole[:-1])
    assert "not the bytes" in verify_folder(folder)[0]
    clip.write_bytes(whole)
    seal.write_text(json.dumps({**sealed, "evidence_sha256": "0" * 64}))
    assert "belongs to other evidence" in verify_folder(folder)[0]
    seal.unlink()
    assert "belongs to no clip.json" in verify_folder(folder)[0]


def test_a_name_that_is_not_utf8_is_scanned(run: Runner, tmp_path: Path) -> None:
    """A GBK file name on Linux becomes a name with marks in the results; nothing breaks."""
    path = os.fsencode(tmp_path) + b"/\xba\xf3\xb3\xf8.mp4"
    try:
        os.rename(make_video(tmp_path / "a.mp4"), path)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert run("scan", os.fsdecode(path), "--out", tmp_path / "out").code == 0
    (source,) = json.loads((tmp_path / "out" / "scan.json").read_text("utf-8"))["sources"]
    assert source["video"].endswith(".mp4")


def test_hours_of_a_zone_decide_what_is_due(run: Runner, tmp_path: Path, bare_head: Path) -> None:
    """Outside the zone's hours nobody is accused, and an empty result is an empty file."""
    settings = tmp_path / "zones.toml"
    settings.write_text('[[zones]]\nname = "kitchen"\nrules = ["no_hat"]\nhours = ["06:00-14:00"]\n')
    night = run(
        "scan", bare_head, "--out", tmp_path / "night", "--config", settings, "--started-at", "2026-03-12T23:00:00"
    )
    assert night.code == 0
    assert (tmp_path / "night" / "violations.jsonl").read_bytes() == b""
    run("scan", bare_head, "--out", tmp_path / "day", "--config", settings, "--started-at", "2026-03-12T08:00:00")
    assert len(rows_of(tmp_path / "day")) == 1


def test_an_interrupted_scan_keeps_what_it_found_and_goes_on(
    run: Runner, tmp_path: Path, bare_head: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the second file: exit 130, the first one stays; the same command ends like an unbroken one."""
    videos = tmp_path / "videos"
    videos.mkdir()
    shutil.copy2(bare_head, videos / "a.mp4")
    (videos / "b.mp4").write_bytes(bare_head.read_bytes() + b"\x00\x00\x00\x08free")
    from kitchenvision.pipeline import Pipeline  # noqa: PLC0415  patched below

    step = Pipeline.step
    frames = 0

    def interrupting(self: Pipeline, frame: object) -> object:
        nonlocal frames
        frames += 1
        if frames == 46:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, frame)  # type: ignore[arg-type]

    command = (
        "scan",
        videos,
        "--out",
        tmp_path / "out",
        "--rules",
        "no_hat",
        "--started-at",
        "2026-03-12T08:00:00",
        "--outbox",
        tmp_path / "outbox",
    )
    monkeypatch.setattr(Pipeline, "step", interrupting)
    assert run(*command).code == 130
    assert [row["camera_id"] for row in rows_of(tmp_path / "out")] == ["a", "b"]
    assert told(tmp_path / "outbox") == {"a": ["clip", "confirmed", "ended"], "b": ["clip", "confirmed"]}
    monkeypatch.setattr(Pipeline, "step", step)
    assert run(*command).code == 0
    assert told(tmp_path / "outbox") == {camera: ["clip", "confirmed", "ended"] for camera in ("a", "b")}
    whole = (
        "scan",
        videos,
        "--out",
        tmp_path / "whole",
        "--rules",
        "no_hat",
        "--started-at",
        "2026-03-12T08:00:00",
    )
    assert run(*whole).code == 0
    assert (tmp_path / "out" / "violations.jsonl").read_bytes() == (
        tmp_path / "whole" / "violations.jsonl"
    ).read_bytes()


def test_two_videos_of_one_name_are_two_cameras(run: Runner, tmp_path: Path) -> None:
    """Camera ids are unique even where file names are not."""
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        make_video(tmp_path / folder / "ch01.mp4")
    out = tmp_path / "out"
    run("scan", tmp_path / "x" / "ch01.mp4", tmp_path / "y" / "ch01.mp4", "--out", out)
    state = json.loads((out / "scan.json").read_text("utf-8"))
    assert sorted(source["camera_id"] for source in state["sources"]) == ["ch01", "ch01-2"]


def test_segments_of_a_recorder_are_one_camera(run: Runner, tmp_path: Path) -> None:
    """--one-camera: one source, its time from the file names."""
    folder = tmp_path / "kitchen"
    folder.mkdir()
    make_video(folder / "20260312_083000.mp4", seconds=2)
    make_video(folder / "20260312_083002.mp4", seconds=2)
    out = tmp_path / "out"
    assert run("scan", folder, "--one-camera", "--out", out, "--timezone", "Asia/Shanghai").code == 0
    (source,) = json.loads((out / "scan.json").read_text("utf-8"))["sources"]
    assert source["camera_id"] == "kitchen"
    assert source["started_at"].startswith("2026-03-12T00:30:00")
    assert source["started_at_source"] == "file name"


def test_an_annotated_video_is_written(run: Runner, tmp_path: Path, bare_head: Path) -> None:
    """--annotate writes a video as long as what was looked at."""
    out = tmp_path / "out"
    run("scan", bare_head, "--out", out, "--annotate", "--to", "2")
    with av.open(str(next((out / "annotated").glob("*.mp4")))) as video:
        assert 8 <= sum(1 for _ in video.decode(video=0)) <= 12


def test_preview_shows_what_could_be_judged(run: Runner, tmp_path: Path, bare_head: Path) -> None:
    """--preview writes a picture with the zones and counts persons, and scans nothing."""
    result = run("scan", bare_head, "--out", tmp_path / "out", "--preview")
    assert result.code == 0
    assert "3 person(s)" in result.said
    assert next((tmp_path / "out").glob("preview-*.jpg")).stat().st_size > 10_000
    assert not (tmp_path / "out" / "violations.jsonl").exists()


def test_the_installation_is_sound(run: Runner) -> None:
    """doctor and models verify say that all is well here."""
    assert run("models", "verify").code == 0
    doctor = json.loads(run("doctor", "--json").out)
    assert [check for check in doctor["checks"] if check["state"] == "bad"] == []


@pytest.mark.slow
def test_the_demo_delivers_and_a_second_one_adds_nothing(run: Runner, tmp_path: Path, bare_head: Path) -> None:
    """demo --exit: everything arrives and can be read back; once more: nothing new is sent, still all is there."""
    first = run("demo", "--videos", bare_head.parent, "--data", tmp_path / "data", "--exit")
    assert first.code == 0
    assert "3 report(s) delivered" in first.said
    assert "1 of 1 violations have arrived" in first.said
    os.utime(bare_head)
    again = run("demo", "--videos", bare_head.parent, "--data", tmp_path / "data", "--exit")
    assert again.code == 0
    assert "nothing new to deliver" in again.said
    assert "1 of 1 violations have arrived" in again.said
