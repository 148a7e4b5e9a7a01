"""Clips: the source's own packets, from a key frame, the same bytes every time."""

import itertools
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_media import LEVELS, Recipe, make_video, number_of

from kitchenvision.frames.open import open_source
from kitchenvision.frames.remux import sending_times
from kitchenvision.frames.source import SourceOptions


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi", "a.264"])
def test_the_same_clip_is_the_same_bytes(tmp_path: Path, name: str) -> None:
    """Whoever cuts it again can compare hashes."""
    path = make_video(tmp_path / name, Recipe(seconds=4, format="h264" if name.endswith("264") else None))
    written = []
    for run in ("one", "two"):
        with open_source(path) as source:
            span = source.clip(1.5, 2.5, tmp_path / f"{run}.mp4")
        assert span is not None
        written.append(span.path.read_bytes())
    assert written[0] == written[1]


def test_it_says_nothing_about_when_and_by_what_it_was_made(tmp_path: Path) -> None:
    """No creation time, no library version."""
    path = make_video(tmp_path / "a.mp4", Recipe(creation_time="2026-03-12T00:31:00Z"))
    with open_source(path) as source:
        span = source.clip(0, 1, tmp_path / "clip.mp4")
    assert span is not None
    with av.open(str(span.path)) as clip:
        assert "creation_time" not in clip.metadata
        assert "encoder" not in clip.metadata


def test_the_packets_are_those_of_the_source(tmp_path: Path) -> None:
    """Nothing is encoded again."""
    path = make_video(tmp_path / "a.mp4")
    with open_source(path) as source:
        span = source.clip(1.0, 2.0, tmp_path / "clip.mp4")
    assert span is not None
    with av.open(str(path)) as whole, av.open(str(span.path)) as clip:
        theirs = [bytes(p) for p in whole.demux(video=0) if p.size]
        ours = [bytes(p) for p in clip.demux(video=0) if p.size]
    assert ours == theirs[-len(ours) :]
    assert len(ours) == 25


def test_it_begins_with_the_nearest_key_frame_before(tmp_path: Path) -> None:
    """Not with an earlier one."""
    with open_source(make_video(tmp_path / "a.mp4", Recipe(seconds=10, gop=25))) as source:
        span = source.clip(7.5, 8.5, tmp_path / "clip.mp4")
    assert span is not None
    assert span.from_s == pytest.approx(7.0)
    assert 8.5 <= span.to_s < 8.7


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.flv"])
def test_far_into_a_file(tmp_path: Path, name: str) -> None:
    """By way of a seek, in containers with and without an index."""
    with open_source(make_video(tmp_path / name, Recipe(seconds=20, gop=50))) as source:
        span = source.clip(15.0, 16.0, tmp_path / "clip.mp4")
    assert span is not None
    assert span.from_s == pytest.approx(14.0, abs=0.01)
    with open_source(span.path, SourceOptions(analysis_fps=25)) as clip:
        first = next(iter(clip.frames()))
    assert number_of(first.image) == pytest.approx(14 * 25 % LEVELS, abs=1)


def test_the_sound_stays_behind(tmp_path: Path) -> None:
    """The sound of a kitchen is nobody's business."""
    with open_source(make_video(tmp_path / "a.mp4", Recipe(sound=True))) as source:
        span = source.clip(0, 1, tmp_path / "clip.mp4")
    assert span is not None
    with av.open(str(span.path)) as clip:
        assert [stream.type for stream in clip.streams] == ["video"]


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_the_clip_of_a_turned_source_is_turned(tmp_path: Path, rotation: int) -> None:
    """It shows what the source shows."""
    with open_source(make_video(tmp_path / "a.mp4", Recipe(rotation=rotation))) as source:
        span = source.clip(0, 1, tmp_path / "clip.mp4")
        shown = next(iter(source.frames())).image
    assert span is not None
    with open_source(span.path) as clip:
        assert (next(iter(clip.frames())).image == shown).all()


def test_a_codec_that_mp4_cannot_carry_goes_into_matroska(tmp_path: Path) -> None:
    """The path in the answer says so."""
    recipe = Recipe(codec="ffv1", pix_fmt="yuv420p")
    with open_source(make_video(tmp_path / "a.mkv", recipe)) as source:
        first = source.clip(0, 1, tmp_path / "clip.mp4")
        assert first is not None
        data = first.path.read_bytes()
        assert source.clip(0, 1, tmp_path / "clip.mp4") == first
    assert first.path == tmp_path / "clip.mkv"
    assert first.media_type == "video/x-matroska"
    assert data == first.path.read_bytes()
    assert not (tmp_path / "clip.mp4").exists()


def test_h265_carries_the_tag_that_browsers_ask_for(tmp_path: Path) -> None:
    """hvc1: Safari does not play hev1."""
    with open_source(make_video(tmp_path / "a.mkv", Recipe(codec="libx265"))) as source:
        span = source.clip(0, 1, tmp_path / "clip.mp4")
    assert span is not None
    assert b"hvc1" in span.path.read_bytes()


def test_a_span_behind_the_end_gives_nothing(tmp_path: Path) -> None:
    """And writes nothing."""
    with open_source(make_video(tmp_path / "a.mp4")) as source:
        assert source.clip(50, 60, tmp_path / "clip.mp4") is None
    assert not list(tmp_path.glob("clip*"))


def test_cutting_while_frames_are_read(tmp_path: Path) -> None:
    """A clip reaches 5 s beyond the frame that is being looked at."""
    with open_source(make_video(tmp_path / "a.mp4", Recipe(seconds=4))) as source:
        times = []
        for frame in source.frames():
            times.append(frame.media_s)
            if frame.index == 5:
                span = source.clip(0, 4, tmp_path / "clip.mp4")
    assert span is not None
    assert span.to_s == pytest.approx(4.0)
    assert times == sorted(set(times))
    assert times[-1] > 3.7


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=40, unique=True))
def test_sending_times_grow_and_are_never_after_the_showing(shown: list[int]) -> None:
    """What a muxer asks for, for any order of showing."""
    sent = sending_times(shown)
    assert all(later > earlier for earlier, later in itertools.pairwise(sent))
    assert all(send <= show for send, show in zip(sent, shown, strict=True))
