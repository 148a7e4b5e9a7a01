"""Pictures of a kept stream: the right one for the instant, whenever it is asked for, and at no cost until then."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import av
import pytest
from builders import START
from hypothesis import given
from hypothesis import strategies as st
from made_media import Recipe, make_video, number_of
from two_streams import Played

from kitchenvision.frames import on_demand
from kitchenvision.frames.on_demand import TOLERANCE, OnDemand
from kitchenvision.frames.packet_ring import PacketRing
from kitchenvision.types import MainPicture, MainUse

FPS, SECONDS = 10, 5
Answer = tuple[int, datetime] | MainUse


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds at 10 a second, a key frame every second, pictures that tell their number."""
    folder = tmp_path_factory.mktemp("main")
    return make_video(folder / "main.mp4", Recipe(SECONDS, FPS, width=96, height=72, gop=FPS, b_frames=0))


@pytest.fixture
def played(clip: Path) -> Iterator[Played]:
    """The clip, all of it in the ring."""
    main = Played(clip, START).all()
    yield main
    main.close()


def said(answer: MainPicture | MainUse) -> Answer:
    """The number in the picture and its time; or why there is none."""
    if isinstance(answer, MainUse):
        return answer
    return number_of(answer.picture.rgb()), answer.captured_at


def after(seconds: float) -> datetime:
    """So long after the first packet."""
    return START + timedelta(seconds=seconds)


def test_it_gives_the_latest_picture_that_had_come_by_then(played: Played) -> None:
    """With its own time; between two pictures the earlier, and never one from the future."""
    for tenth in range(SECONDS * FPS):
        for between in (0.0, 0.05):
            at = after(tenth / 10 + between)
            assert said(played.pictures.picture(at)) == (tenth, after(tenth / 10))


def test_asked_twice_it_is_the_same_picture_and_decoded_once(played: Played) -> None:
    """Two frames of the sub-stream may lie between two of the main stream."""
    first = played.pictures.picture(after(2.31))
    decoded = played.pictures.decoded
    assert played.pictures.picture(after(2.34)) is first
    assert played.pictures.decoded == decoded == 4


def test_what_nobody_asks_for_is_not_decoded(played: Played) -> None:
    """From a key frame to the picture, then only what came since; a new group is begun at its key frame."""
    assert played.pictures.decoded == 0
    for at_s, decoded in ((0.35, 4), (0.75, 8), (3.15, 10), (3.95, 18)):
        played.pictures.picture(after(at_s))
        assert played.pictures.decoded == decoded


def test_a_stream_that_stalls_is_told_and_not_decoded(played: Played) -> None:
    """An old picture is never given for a new one."""
    last = after(SECONDS - 0.1)
    assert isinstance(played.pictures.picture(last + TOLERANCE), MainPicture)
    decoded = played.pictures.decoded
    assert played.pictures.picture(last + TOLERANCE + timedelta(milliseconds=1)) is MainUse.LATE
    assert played.pictures.decoded == decoded


def test_before_the_first_packet_there_is_nothing(clip: Path) -> None:
    """Nor in an empty ring."""
    main = Played(clip, START)
    assert main.pictures.picture(after(1)) is MainUse.ABSENT
    assert main.all().pictures.picture(after(-1)) is MainUse.ABSENT
    main.close()


def test_a_picture_that_is_on_its_way_for_too_long_is_not_used(clip: Path) -> None:
    """By the arrival clock; what came in time is."""
    late, in_time = Played(clip, START, 0.4).all(), Played(clip, START, 0.2).all()
    assert late.pictures.picture(after(2.0)) is MainUse.LATE
    assert said(in_time.pictures.picture(after(2.0))) == (18, after(1.8))
    late.close()
    in_time.close()


def test_a_group_that_is_too_long_is_caught_up_with_step_by_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no other camera waits for it; until then the sub-stream's pictures are used, and that is told."""
    clip = make_video(tmp_path / "long.mp4", Recipe(4, FPS, width=96, height=72, gop=1000, b_frames=0))
    monkeypatch.setattr(on_demand, "_MOST_PIXELS", 12 * 96 * 72)
    main = Played(clip, START).all()
    answers = [said(main.pictures.picture(after(3.0 + i * 0.2))) for i in range(5)]
    assert answers[:2] == [MainUse.CATCHING_UP, MainUse.CATCHING_UP]
    assert answers[2:] == [(34, after(3.4)), (36, after(3.6)), (38, after(3.8))]
    main.close()


def test_with_pictures_out_of_order_it_gives_the_latest_that_the_decoder_has(tmp_path: Path) -> None:
    """B-frames come out some pictures later; the time is that of the picture that is given."""
    clip = make_video(tmp_path / "b.mp4", Recipe(3, 25, width=96, height=72, gop=25, b_frames=2))
    main = Played(clip, START, 0.08).all()
    for i in range(30, 60, 5):
        answer = main.pictures.picture(after(i / 25))
        assert isinstance(answer, MainPicture)
        number = round((answer.captured_at - START).total_seconds() * 25)
        assert i - 6 <= number <= i
        assert number_of(answer.picture.rgb()) == number % 55
    main.close()


def test_a_main_stream_in_another_codec(tmp_path: Path) -> None:
    """H.265, as main streams often are; what it decodes with is made of the stream's own parameters."""
    clip = make_video(tmp_path / "hevc.mp4", Recipe(2, FPS, "libx265", width=96, height=72, gop=FPS, b_frames=0))
    main = Played(clip, START).all()
    for tenth in range(4, 18, 3):
        answer = main.pictures.picture(after(tenth / 10))
        assert isinstance(answer, MainPicture)
        number = round((answer.captured_at - START).total_seconds() * FPS)
        assert tenth - 2 <= number <= tenth, "the decoder may hold a picture back"
        assert abs(number_of(answer.picture.rgb()) - number) <= 1
    main.close()


def test_packets_that_cannot_be_decoded_are_told_and_the_next_group_is_whole_again(clip: Path) -> None:
    """Garbage in place of a key frame."""
    main = Played(clip, START)
    for i, timed in enumerate(main.packets):
        if 10 <= i < 20:
            broken = av.Packet(b"\x00\x00\x00\x01\x65" + bytes(range(200)))
            broken.pts, broken.dts, broken.time_base = timed.packet.pts, timed.packet.dts, timed.packet.time_base
            broken.is_keyframe = timed.packet.is_keyframe
            main.ring.add(replace(timed, packet=broken))
        else:
            main.ring.add(timed)
    assert said(main.pictures.picture(after(0.9))) == (9, after(0.9))
    assert main.pictures.picture(after(1.5)) is MainUse.DAMAGED
    assert said(main.pictures.picture(after(2.0))) == (20, after(2.0))
    main.close()


def test_a_decoder_that_nobody_needs_any_more_is_given_back(played: Played) -> None:
    """Twenty seconds after the last question, and not before; the next question begins anew."""
    played.pictures.picture(after(1.0))
    played.pictures.rest(after(20.9))
    assert played.pictures._decoder is not None
    played.pictures.rest(after(21.1))
    assert played.pictures._decoder is None
    assert said(played.pictures.picture(after(4.0))) == (40, after(4.0))


delays = st.lists(st.floats(0, 0.5), min_size=1, max_size=8)
questions = st.lists(st.floats(0, SECONDS + 1), min_size=1, max_size=12).map(sorted)


@given(late=delays, asked=questions, lags=st.lists(st.floats(0, 3), min_size=12, max_size=12))
def test_how_late_the_question_comes_changes_no_answer(
    clip: Path, late: Sequence[float], asked: Sequence[float], lags: Sequence[float]
) -> None:
    """A worker with much else to do asks when more packets have come: it gets what a quick one got."""
    slow, quick = Played(clip, START, late), Played(clip, START, late)
    given_late, given_at_once = [], []
    moments = [after(seconds) for seconds in asked]
    asked_at = [at + timedelta(seconds=lag) for at, lag in zip(moments, lags, strict=False)]
    asked_at = [max(asked_at[: i + 1]) for i in range(len(asked_at))]  # in order, as one loop asks
    for main, when, into in ((quick, moments, given_at_once), (slow, asked_at, given_late)):
        waiting = list(main.packets)
        for at, now in zip(moments, when, strict=True):
            while waiting and waiting[0].arrived_at is not None and waiting[0].arrived_at <= now:
                main.ring.add(waiting.pop(0))
            into.append(said(main.pictures.picture(at)))
        main.close()
    assert given_late == given_at_once
    for at, answer in zip(moments, given_at_once, strict=True):
        assert isinstance(answer, MainUse) or timedelta(0) <= at - answer[1] <= TOLERANCE


def test_an_unknown_size_is_taken_for_a_usual_one(clip: Path) -> None:
    """Some streams tell their size with the first picture only."""
    with av.open(str(clip)) as opened:
        assert OnDemand(PacketRing(1), opened.streams.video[0])._most == 60 * 1920 * 1080 // (96 * 72)
