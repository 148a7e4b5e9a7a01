"""One camera from frame to evidence: the picture, its boxes and its time belong together, and nothing is lost."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta, timezone
from itertools import pairwise

import numpy as np
import pytest
from builders import START, GreyPicture, cigarette, frame, head_at, look
from hypothesis import given, settings
from hypothesis import strategies as st
from scene import Scene, ScriptedEyes, level_at

from kitchenvision.evidence import decode_jpeg
from kitchenvision.pipeline import Confirmed, Pipeline
from kitchenvision.types import HeadLook, Picture, Xyxy, Zone
from kitchenvision.wire import canonical_json

BARE, FINE, HIDDEN = look(bare=0.97), look(), look(head=0.1)


def still(*xs: float) -> Callable[[float], list[float]]:
    """Somebody who does not move."""
    return lambda _: list(xs)


def walking(media_s: float) -> list[float]:
    """Somebody who walks to the right, so that every frame has other boxes."""
    return [100 + 30 * media_s]


def in_turn(*spans: tuple[float, HeadLook]) -> Callable[[float], HeadLook]:
    """Each look until its second."""
    return lambda media_s: next(seen for until_s, seen in spans if media_s < until_s)


def sharpest_at(best_s: float) -> Callable[[float], HeadLook]:
    """Bare all the time, and seen best at one moment."""
    return lambda media_s: replace(BARE, sharpness=8.0 if abs(media_s - best_s) < 0.01 else 4.0)


def test_the_picture_the_boxes_and_the_time_of_a_snapshot_are_of_one_frame() -> None:
    scene = Scene(walking, sharpest_at(1.4)).run(6)
    (confirmed,) = scene.confirmed
    shown = confirmed.evidence.snapshot
    assert shown.media_s == 1.4
    assert shown.captured_at == START + timedelta(seconds=1.4)
    picture = decode_jpeg(confirmed.evidence.blobs[confirmed.evidence.roles["snapshot"]])
    assert picture.shape == (480, 640, 3)
    assert abs(int(np.median(picture)) - level_at(1.4)) <= 1, "the picture is of another frame than its time"
    assert shown.head_xyxy == head_at(100 + 30 * 1.4), "the box is of another frame than the picture"
    head = decode_jpeg(confirmed.evidence.blobs[confirmed.evidence.roles["head_crop"]])
    assert abs(int(np.median(head)) - level_at(1.4)) <= 1


@given(best=st.integers(0, 40), fps=st.sampled_from([2, 4, 5, 10]), from_s=st.floats(0, 3))
@settings(max_examples=15)
def test_the_snapshot_lies_in_the_confirming_window(best: int, fps: int, from_s: float) -> None:
    def seen(media_s: float) -> HeadLook:
        return sharpest_at(best / 5)(media_s) if media_s >= from_s else FINE

    (confirmed,) = Scene(walking, seen).run(9, fps).confirmed
    violation = confirmed.evidence.violation
    shown_s = confirmed.evidence.snapshot.media_s
    assert violation.started_s - 1e-3 <= shown_s <= violation.confirmed_s + 1e-3
    picture = decode_jpeg(confirmed.evidence.blobs[confirmed.evidence.roles["snapshot"]])
    assert abs(int(np.median(picture)) - level_at(violation.best_s)) <= 1


def test_the_frame_that_confirms_may_itself_be_the_best() -> None:
    (confirmed,) = Scene(walking, sharpest_at(2.4)).run(6).confirmed
    assert confirmed.evidence.violation.confirmed_s == confirmed.evidence.snapshot.media_s == 2.4


def test_the_instant_of_the_confirmation_is_that_of_its_frame() -> None:
    (confirmed,) = Scene(still(300), in_turn((99, BARE))).run(6).confirmed
    evidence = confirmed.evidence
    assert evidence.captured_at == START + timedelta(seconds=evidence.violation.confirmed_s)


def test_the_same_frames_give_the_same_bytes() -> None:
    def bytes_of() -> list[bytes]:
        scene = Scene(walking, sharpest_at(1.4)).run(6)
        return [canonical_json(c.evidence.facts) for c in scene.confirmed] + [
            blob for c in scene.confirmed for blob in c.evidence.blobs.values()
        ]

    assert bytes_of() == bytes_of()


def test_every_confirmation_has_one_end_with_its_own_evidence() -> None:
    scene = Scene(still(150, 450), in_turn((8, look(bare=0.97, no_mask=0.97)), (99, FINE))).run(60)
    assert len(scene.confirmed) == 4
    assert {id(e.evidence) for e in scene.ended} == {id(c.evidence) for c in scene.confirmed}
    assert {e.violation.end_reason for e in scene.ended} == {"cleared"}


def test_what_is_open_at_the_end_of_the_source_ends_there() -> None:
    scene = Scene(still(300), in_turn((99, BARE))).run(6)
    assert [(e.violation.ended_s, e.violation.end_reason) for e in scene.ended] == [(5.8, "source ended")]


def test_somebody_who_takes_the_hat_off_again_long_after_is_shown_anew() -> None:
    again = Scene(still(300), in_turn((6, BARE), (37, FINE), (99, BARE))).run(60)
    assert len(again.confirmed) == 2
    assert again.confirmed[1].evidence.snapshot.media_s >= 37


@pytest.mark.parametrize("off_s", [x / 5 for x in range(150, 260, 4)])
def test_a_second_time_at_any_distance_from_the_first_finds_its_picture(off_s: float) -> None:
    scene = Scene(still(300), in_turn((6, BARE), (off_s, FINE), (999, BARE))).run(off_s + 12)
    assert len(scene.ended) == len(scene.confirmed) in (1, 2)


@given(
    st.lists(
        st.tuples(st.sampled_from([1, 3, 8, 33]), st.sampled_from([BARE, FINE, HIDDEN])), min_size=1, max_size=6
    )
)
@settings(max_examples=12)
def test_whatever_is_seen_every_confirmation_finds_its_picture_and_its_end(
    spans: list[tuple[int, HeadLook]],
) -> None:
    until, turns = 0.0, []
    for seconds, seen in spans:
        until += seconds
        turns.append((until, seen))
    scene = Scene(still(300), in_turn(*turns)).run(until)
    assert len(scene.ended) == len(scene.confirmed)


def test_while_something_builds_up_there_are_at_least_three_looks_a_second() -> None:
    scene = Scene(still(300), in_turn((99, BARE))).run(10)
    confirmed_s = max(event.evidence.violation.confirmed_s for event in scene.confirmed)
    times = [at for at, _ in scene.eyes.looked if at <= confirmed_s]
    assert max(b - a for a, b in pairwise(times)) <= 1 / 3


def test_once_it_is_known_a_look_in_two_seconds_is_enough() -> None:
    scene = Scene(still(300), in_turn((99, BARE))).run(10)
    confirmed_s = max(event.evidence.violation.confirmed_s for event in scene.confirmed)
    times = [at for at, _ in scene.eyes.looked if at > confirmed_s]
    assert max(b - a for a, b in pairwise(times)) <= 2
    assert len(times) < 0.5 * (10 - confirmed_s) * 5


def test_when_all_is_well_there_is_at_least_a_look_in_two_seconds_and_not_one_a_frame() -> None:
    scene = Scene(still(300), in_turn((99, FINE))).run(20)
    times = [at for at, _ in scene.eyes.looked]
    assert max(b - a for a, b in pairwise(times)) <= 2
    assert len(times) < 0.5 * 20 * 5


def test_while_only_a_hat_is_missing_cigarettes_are_looked_for_as_seldom_as_when_all_is_well() -> None:
    scene = Scene(still(300.0), in_turn((5, look()), (7, look(bare=0.97)))).run(7)
    of_heads = [at for at, _ in scene.eyes.looked if at >= 5.5]
    of_cigarettes = [at for at in scene.eyes.cigarettes_looked if at >= 5.5]
    assert len(of_heads) > 2 * len(of_cigarettes) > 0


def test_while_smoking_builds_up_cigarettes_are_looked_for_at_least_three_times_a_second() -> None:
    smoker = look(cigarettes=[cigarette(312, 112)])
    scene = Scene(still(300.0), in_turn((5, look()), (7, smoker))).run(7)
    times = [at for at in scene.eyes.cigarettes_looked if 5.6 <= at < 6.6]
    assert len(times) >= 3
    assert [event.evidence.violation.rule_id for event in scene.confirmed] == ["smoking"]


def test_a_glance_notices_the_first_cigarette_and_every_look_after_it_is_close() -> None:
    smoker = look(cigarettes=[cigarette(312, 112)])
    eyes = Scene(still(300.0), in_turn((5, look()), (6.9, smoker))).run(6.9).eyes
    noticed_s = next(at for at in eyes.cigarettes_looked if at >= 5)
    assert [at for at in eyes.cigarettes_looked if at <= noticed_s] == eyes.glances
    assert max(eyes.cigarettes_looked) > noticed_s


def test_two_close_looks_follow_what_a_glance_hardly_sees_and_then_it_waits_again() -> None:
    spoon = look(cigarettes=[cigarette(312, 112, 0.25)])
    scene = Scene(still(300.0), in_turn((5, look()), (99, spoon))).run(12)
    eyes = scene.eyes
    asked = [at for at in eyes.cigarettes_looked if at > 6]
    first = next(at for at in asked if at in eyes.glances)
    cycle = [("glance" if at in eyes.glances else "close") for at in asked if at >= first]
    assert cycle[:6] == ["glance", "close", "close", "glance", "close", "close"]
    assert scene.confirmed == []


def test_a_hint_is_followed_to_a_cigarette_that_only_close_looks_see() -> None:
    scene = Scene(still(300.0), in_turn((99, look())))
    eyes = scene.eyes

    def seen(
        picture: Picture, heads: Sequence[Xyxy], cigarettes: bool = True, glance: bool = False
    ) -> list[HeadLook]:
        answers = ScriptedEyes.look(eyes, picture, heads, cigarettes, glance)
        held = (cigarette(312, 112, 0.25 if glance else 0.6),)
        return [replace(answer, cigarettes=held) if cigarettes else answer for answer in answers]

    eyes.look = seen  # type: ignore[method-assign]
    assert [event.evidence.violation.rule_id for event in scene.run(8).confirmed] == ["smoking"]


def test_cigarettes_are_looked_for_only_where_smoking_is_due() -> None:
    left = Zone("left", ((0.0, 0.0), (0.3, 0.0), (0.3, 1.0), (0.0, 1.0)), ("no_hat", "smoking"))
    right = Zone("right", ((0.3, 0.0), (1.0, 0.0), (1.0, 1.0), (0.3, 1.0)), ("no_hat",))
    assert Scene(still(100), in_turn((99, look())), [left, right]).run(4).eyes.cigarettes_looked
    elsewhere = Scene(still(500), in_turn((99, look())), [left, right]).run(4).eyes
    assert elsewhere.looked
    assert not elsewhere.cigarettes_looked


def test_outside_every_zone_nobody_is_accused() -> None:
    left = Zone("left", ((0.0, 0.0), (0.3, 0.0), (0.3, 1.0), (0.0, 1.0)), ("no_hat",))
    assert Scene(still(500), in_turn((99, BARE)), [left]).run(10).confirmed == []
    assert len(Scene(still(100), in_turn((99, BARE)), [left]).run(10).confirmed) == 1


@pytest.mark.parametrize(("utc_hours", "due"), [(0, False), (8, True), (-5, False)])
def test_hours_are_those_of_the_cameras_own_clock(utc_hours: int, due: bool) -> None:
    """Frames are taken at 8:00 UTC; the rule is due from 16:00 to 17:00 of the local day."""
    zone = Zone("kitchen", (), ("no_hat",), ((16 * 60, 17 * 60),))
    scene = Scene(still(300), in_turn((99, BARE)), [zone])
    old = scene.pipeline
    scene.pipeline = Pipeline(old._stages, old._place, old._settings, timezone(timedelta(hours=utc_hours)))
    assert bool(scene.run(6).confirmed) == due


def test_the_tally_counts_frames_looks_verdicts_and_why_not() -> None:
    scene = Scene(still(300), in_turn((2, HIDDEN), (99, FINE))).run(10)
    tally = scene.pipeline.tally
    assert tally.frames == 50
    assert tally.looks == len(scene.eyes.looked)
    hidden = sum(at < 2 for at, _ in scene.eyes.looked)
    assert tally.whys[("no_hat", "not surely a head")] == hidden > 0
    assert tally.verdicts[("no_hat", "cannot_judge", 8)] == hidden
    assert sum(tally.verdicts.values()) == 2 * tally.looks + len(scene.eyes.cigarettes_looked)


def test_what_one_frame_showed_can_be_drawn() -> None:
    scene = Scene(still(300), in_turn((99, BARE)))
    for i in range(20):
        scene.step(frame(i / 5, i, GreyPicture(level_at(i / 5))))
    seen = scene.pipeline.seen
    assert seen is not None
    assert seen.frame.index == 19
    assert [track.track_id for track in seen.tracks] == [1]
    assert seen.open_rules == {1: ("no_hat",)}


def test_memory_does_not_grow_with_the_length_of_the_film() -> None:
    scene = Scene(still(300), lambda media_s: BARE if round(media_s * 5) % 3 == 0 else FINE)
    for i in range(240):
        scene.step(frame(i / 5, i, GreyPicture(level_at(i / 5))))
    kept = scene.pipeline._album
    assert 0 < len(kept) <= 18, "pictures older than the longest window are let go"
    assert not any(isinstance(event, Confirmed) for event in scene.events)


def test_a_camera_that_sees_nobody_says_nothing() -> None:
    scene = Scene(still(), in_turn((99, BARE))).run(10)
    assert scene.events == []
    assert scene.eyes.looked == []
