"""What builds up is looked at, and shown, on the main stream's picture; and never another's head in his place."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from builders import PLACE, START, PixelPicture, cigarette, detections, frame, look, person_at, track
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.close_up import CloseUp, MainSource, close_up
from kitchenvision.evidence import Evidence, decode_jpeg
from kitchenvision.geometry import Placement
from kitchenvision.pipeline import Confirmed, Pipeline, Stages
from kitchenvision.rules.engine import Engine
from kitchenvision.rules.registry import all_rules
from kitchenvision.track import Tracker
from kitchenvision.types import (
    Detections,
    HeadLook,
    MainPicture,
    MainUse,
    Picture,
    Pixels,
    Xyxy,
    Zone,
)

SIZE, MAIN_SIZE = (320, 180), (960, 540)
PX = 24.0
BARE, HAT = look(bare=0.97), look(bare=0.02)


def scene(width: int, height: int, seed: int = 3) -> Pixels:
    """Soft shapes that are nowhere the same, at any size."""
    coarse = np.random.default_rng(seed).integers(0, 255, (18, 32, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


SUB, MAIN = PixelPicture(scene(*SIZE)), PixelPicture(scene(*MAIN_SIZE))


class Eyes:
    """Heads where they are told to be; looks by the width of the picture, remembered with their boxes."""

    def __init__(self, xs: Sequence[float], on_sub: HeadLook, on_main: HeadLook) -> None:
        self.xs, self.answers = xs, {SIZE[0]: on_sub, MAIN_SIZE[0]: on_main}
        self.looked: list[tuple[int, Xyxy]] = []

    def detect(self, picture: Picture) -> Detections:
        """At y = 80."""
        heads = [(x - PX / 2, 80 - PX / 2, x + PX / 2, 80 + PX / 2) for x in self.xs]
        return detections([person_at(x, 80, PX) for x in self.xs], heads)

    def look(
        self, picture: Picture, heads: Sequence[Xyxy], cigarettes: bool = True, glance: bool = False
    ) -> list[HeadLook]:
        """One answer for every head of a picture of that size."""
        self.looked += [(picture.width, head) for head in heads]
        answer = self.answers[picture.width]
        return [replace(answer, head_px=head[3] - head[1]) for head in heads]


def watched(eyes: Eyes, main: MainSource | None, seconds: float = 8.0) -> tuple[list[Evidence], Pipeline]:
    """What is confirmed under `no_hat` by five frames a second."""
    rules = {"no_hat": all_rules()["no_hat"]}
    settings = {"no_hat": rules["no_hat"].defaults}
    engine = Engine(rules, settings, (Zone("whole picture", (), ("no_hat",)),))
    pipeline = Pipeline(Stages(eyes, eyes, Tracker(), engine), PLACE, settings, UTC)
    pipeline.main = main
    events = [event for i in range(round(seconds * 5)) for event in pipeline.step(frame(i / 5, i, SUB))]
    return [event.evidence for event in events if isinstance(event, Confirmed)], pipeline


def a_little_earlier(at: datetime) -> MainPicture:
    """The main stream's picture of 40 ms before."""
    return MainPicture(MAIN, at - timedelta(milliseconds=40))


def says(why: MainUse) -> MainSource:
    """No picture, for that reason."""
    return lambda _: why


def test_the_evidence_is_the_main_streams_with_its_own_time_and_boxes_in_its_own_pixels() -> None:
    (evidence,), pipeline = watched(Eyes([160.0], BARE, BARE), a_little_earlier)
    shown = evidence.snapshot
    picture = decode_jpeg(evidence.blobs[evidence.roles["snapshot"]])
    assert picture.shape == (540, 960, 3)
    assert (shown.width, shown.height) == MAIN_SIZE
    assert np.abs(picture.astype(int) - MAIN.rgb()).mean() < 6
    assert shown.head_xyxy == pytest.approx((444, 204, 516, 276), abs=3)
    assert shown.person_xyxy == pytest.approx((390, 204, 570, 540), abs=4), "as far as it is in the picture"
    assert decode_jpeg(evidence.blobs[evidence.roles["head_crop"]]).shape[0] == pytest.approx(216, abs=4)
    assert shown.captured_at == START + timedelta(seconds=evidence.violation.best_s, milliseconds=-40)
    assert shown.media_s == pytest.approx(evidence.violation.best_s - 0.04)
    assert evidence.facts["main_stream"] == "used"
    assert evidence.facts["head_xyxy"] == (148.0, 68.0, 172.0, 92.0), "of the stream that is looked at"
    assert pipeline.tally.main[MainUse.USED] > 5


def test_a_sharper_look_acquits() -> None:
    """On the small picture it seems bare, on the large one there is a hat: nobody is accused."""
    assert len(watched(Eyes([160.0], BARE, HAT), says(MainUse.ABSENT))[0]) == 1
    confirmed, pipeline = watched(Eyes([160.0], BARE, HAT), a_little_earlier)
    assert confirmed == []
    assert pipeline.tally.main[MainUse.USED] > 5
    unsure = replace(HAT, hat=replace(HAT.hat, bare=0.3, covered=0.0, cannot_judge=0.7))
    assert watched(Eyes([160.0], BARE, unsure), a_little_earlier)[0] == []


@pytest.mark.parametrize("why", [MainUse.ABSENT, MainUse.LATE, MainUse.CATCHING_UP, MainUse.DAMAGED])
def test_without_its_picture_the_sub_streams_is_used_and_the_evidence_says_why(why: MainUse) -> None:
    """The same finding at the same time as with one stream, whose evidence says nothing of it."""
    (alone,), _ = watched(Eyes([160.0], BARE, HAT), None)
    (evidence,), pipeline = watched(Eyes([160.0], BARE, HAT), says(why))
    assert (evidence.snapshot.width, evidence.snapshot.height) == SIZE
    assert evidence.violation_id == alone.violation_id
    assert evidence.facts["main_stream"] == why.value
    assert set(pipeline.tally.main) == {why}
    assert "main_stream" not in alone.facts
    assert b'"main"' not in alone.blobs[alone.roles["trace"]]
    told = json.loads(evidence.blobs[evidence.roles["trace"]])["looks"]
    assert [one["main"] for one in told] == ["not asked", *[why.value] * (len(told) - 1)]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (PixelPicture(scene(*MAIN_SIZE, seed=4)), MainUse.NOT_FOUND),
        (PixelPicture(np.full((540, 960, 3), 90, np.uint8)), MainUse.NOT_FOUND),
        (PixelPicture(scene(*SIZE)), MainUse.NOT_LARGER),
    ],
    ids=["somewhere else", "grey", "as small"],
)
def test_a_head_that_is_not_recognised_is_shown_as_it_was_found(other: PixelPicture, why: MainUse) -> None:
    (evidence,), _ = watched(Eyes([160.0], BARE, HAT), lambda at: MainPicture(other, at))
    assert (evidence.snapshot.width, evidence.facts["main_stream"]) == (SIZE[0], why.value)


def test_a_look_at_the_main_stream_is_shown_though_another_seemed_better() -> None:
    """It came a second late: looks until then count, and people are shown the larger picture."""

    def main(at: datetime) -> MainPicture | MainUse:
        return MainPicture(MAIN, at) if at >= START + timedelta(seconds=1) else MainUse.LATE

    (evidence,), _ = watched(Eyes([160.0], replace(BARE, sharpness=90), replace(BARE, sharpness=1)), main)
    assert (evidence.main, evidence.snapshot.width) == (MainUse.USED, MAIN_SIZE[0])
    assert evidence.violation.started_s == 0.2
    assert evidence.violation.best_s >= 1.0


def test_while_nothing_builds_up_it_is_not_asked() -> None:
    """Hats on: after the first looks, which tell who is there, the main stream rests."""
    asked: list[datetime] = []

    def main(at: datetime) -> MainPicture | MainUse:
        asked.append(at)
        return MainPicture(MAIN, at)

    assert watched(Eyes([60.0, 160.0], HAT, HAT), main, 20)[0] == []
    assert len(asked) <= 1


def test_of_two_who_are_accused_each_is_shown_where_he_was_found() -> None:
    """One is recognised on the large picture; where the other stands it shows something else."""
    torn = np.array(MAIN.rgb())
    torn[:, 600:] = 90
    main = PixelPicture(torn)
    confirmed, pipeline = watched(Eyes([100.0, 260.0], BARE, BARE), lambda at: MainPicture(main, at))
    by_track = {one.violation.track_id: one for one in confirmed}
    assert {track_id: (one.snapshot.width, one.main) for track_id, one in by_track.items()} == {
        1: (MAIN_SIZE[0], MainUse.USED),
        2: (SIZE[0], MainUse.NOT_FOUND),
    }
    (bystander,) = by_track[1].snapshot.others_xyxy
    assert bystander == pytest.approx((690, 204, 870, 540), abs=1)
    assert min(pipeline.tally.main[MainUse.USED], pipeline.tally.main[MainUse.NOT_FOUND]) >= 12


def test_cigarettes_come_back_to_the_picture_on_which_people_are_told_apart() -> None:
    """Found on the large one, told in pixels of the small one: whose it is, is asked there."""
    here, there = cigarette(150.0, 95.0), Placement(3, 3, 6, -3)
    seen = replace(BARE, cigarettes=(replace(here, xyxy=there.there(here.xyxy)),))
    eyes = Eyes([160.0], HAT, seen)
    close = CloseUp(MainPicture(MAIN, START), {1: there})
    answers = close.look(eyes, frame(0.0, 0, SUB), [track(x=160, y=80, px=PX), track(2, x=60)], True, False)
    assert answers[1].cigarettes[0].xyxy == pytest.approx(here.xyxy)
    assert (answers[1].main, answers[1].head_px) == (MainUse.USED, 72.0)
    assert (answers[2].main, answers[2].hat) == (MainUse.NONE, HAT.hat)
    assert [width for width, _ in eyes.looked] == [SIZE[0], MAIN_SIZE[0]]


@given(x=st.floats(40, 280), wanted=st.lists(st.integers(1, 3), max_size=3, unique=True), late=st.booleans())
def test_every_head_that_was_asked_for_has_a_place_or_a_reason(x: float, wanted: list[int], late: bool) -> None:
    """And no other has either; the answer is the same when it is asked again."""
    tracks = [track(1, x, 80, PX), track(2, (x + 100) % 320, 80, PX), replace(track(3), head_xyxy=None)]
    main: Callable[[datetime], MainPicture | MainUse] = says(MainUse.LATE) if late else a_little_earlier
    one = frame(1.0, 5, SUB)
    close = close_up(one, main, tracks, [t for t in tracks if t.track_id in wanted])
    assert set(close.placed) | set(close.why) == {i for i in wanted if i != 3}
    assert not set(close.placed) & set(close.why)
    assert close_up(one, main, tracks, [t for t in tracks if t.track_id in wanted]) == close
