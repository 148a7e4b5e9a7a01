"""The ring keeps enough packets for a clip, from a key frame on, and not more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import pytest
from made_media import Recipe, make_video

from kitchenvision.errors import StorageError
from kitchenvision.frames.open import open_source
from kitchenvision.frames.packet_ring import PacketRing
from kitchenvision.frames.remux import TimedPacket


def packet(shown_s: float, key: bool) -> TimedPacket:
    made = av.Packet(b"x")
    made.is_keyframe = key
    return TimedPacket(made, shown_s, 0.5)


def ring_of(seconds: int, keep_s: float, key_every: int = 4) -> PacketRing:
    """Two packets a second, a key frame every `key_every` packets."""
    ring = PacketRing(keep_s)
    for i in range(seconds * 2):
        ring.add(packet(i / 2, i % key_every == 0))
    return ring


def shown(ring: PacketRing, from_s: float, to_s: float) -> list[float]:
    return [timed.shown_s for timed in ring.between(from_s, to_s)]


def test_it_keeps_at_least_what_it_promises_from_a_key_frame_on() -> None:
    """The oldest packet is a key frame, at least 12 s back and at most a group more."""
    kept = ring_of(100, 12).between(0, 1000)
    assert kept[0].packet.is_keyframe
    assert 12 <= 99.5 - kept[0].shown_s <= 14


def test_one_endless_group_is_kept_whole() -> None:
    """Without its key frame nothing could be shown."""
    assert len(shown(ring_of(100, 12, key_every=10_000), 0, 1000)) == 200


def test_before_the_first_key_frame_nothing_is_kept() -> None:
    """One joins a stream in the middle of a group."""
    ring = PacketRing(12)
    for i in range(1, 6):
        ring.add(packet(i / 2, i == 3))
    assert shown(ring, 0, 10) == [1.5, 2.0, 2.5]


def test_a_span_begins_with_the_key_frame_before_it() -> None:
    """And ends with the last packet shown in it."""
    assert shown(ring_of(20, 100), 5.2, 7.1) == [4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0]


def test_pictures_between_are_not_forgotten() -> None:
    """Of I P B B shown as I B B P a span that takes P takes both Bs."""
    ring = PacketRing(12)
    for shown_s, key in ((0.0, True), (1.5, False), (0.5, False), (1.0, False), (3.0, False), (2.0, False)):
        ring.add(packet(shown_s, key))
    assert sorted(shown(ring, 0, 1.6)) == [0.0, 0.5, 1.0, 1.5]


def test_clips_of_what_is_there(tmp_path: Path) -> None:
    """Real packets give a real clip; a span that has not come yet gives none."""
    path = make_video(tmp_path / "a.mp4", Recipe(seconds=4, b_frames=0))
    ring = PacketRing(12)
    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        for real in source.demux(stream):
            if real.size:
                ring.add(TimedPacket(real, float(real.pts * stream.time_base), 0.04))
        span = ring.clip(1.5, 2.5, stream, tmp_path / "clip.mp4")
        assert ring.clip(100, 110, stream, tmp_path / "none.mp4") is None
        assert PacketRing(12).clip(0, 1, stream, tmp_path / "none.mp4") is None
        with pytest.raises(StorageError):
            ring.clip(0, 1, stream, tmp_path / "no" / "clip.mp4")
    assert span is not None
    assert span.from_s == pytest.approx(1.0)
    assert span.to_s >= 2.5
    with open_source(span.path) as clip:
        assert len(list(clip.frames())) >= 7


def test_the_group_that_had_come_by_an_instant() -> None:
    """From its key frame to the last packet that had arrived, whatever came since; none without times."""
    ring, began = PacketRing(100), datetime(2026, 3, 2, tzinfo=UTC)
    for i in range(12):
        at = began + timedelta(seconds=i)
        ring.add(replace(packet(i / 2, i % 4 == 0), arrived_at=at, captured_at=at))
    for seconds, expected in (
        (-1, []),
        (0, [0.0]),
        (3.5, [0.0, 0.5, 1.0, 1.5]),
        (5, [2.0, 2.5]),
        (99, [4, 4.5, 5, 5.5]),
    ):
        group = ring.arrived_by(began + timedelta(seconds=seconds))
        assert [timed.shown_s for timed in group] == expected
    assert ring_of(5, 100).arrived_by(began) == []
