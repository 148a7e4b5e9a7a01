"""One id per person: while walking, behind a pillar, past each other; and no id for a doubtful box."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest
from builders import SIZE, detections, head_at, person_at
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.geometry import grown, iou
from kitchenvision.track import Tracker, TrackUpdate
from kitchenvision.types import Detections, Track, Xyxy

PX = 40.0  # a head
WALK_PX_S = 2.5 * PX  # heads a second: 0.6 m/s, the walk of somebody who carries a pot


def both(*xs: float) -> Detections:
    """Persons with their heads at these places."""
    return detections([person_at(x) for x in xs], [head_at(x) for x in xs])


def run(frames: Iterable[tuple[float, Detections]], tracker: Tracker | None = None) -> list[TrackUpdate]:
    tracker = tracker or Tracker()
    return [tracker.update(at, found, SIZE) for at, found in frames]


def walk(fps: float, seconds: float, place: Callable[[float], Detections]) -> list[tuple[float, Detections]]:
    return [(i / fps, place(i / fps)) for i in range(round(seconds * fps))]


def ids(update: TrackUpdate) -> list[int]:
    return [track.track_id for track in update.tracks]


@pytest.mark.parametrize("fps", [2, 3, 5, 10])
def test_somebody_who_walks_keeps_the_id(fps: float) -> None:
    updates = run(walk(fps, 4, lambda t: both(80 + WALK_PX_S * t)))
    assert all(ids(update) == [1] for update in updates)
    assert {update.tracks[0].stretch for update in updates} == {0}


@pytest.mark.parametrize("fps", [2, 5])
def test_two_persons_who_walk_side_by_side_keep_their_ids(fps: float) -> None:
    updates = run(walk(fps, 4, lambda t: both(80 + WALK_PX_S * t, 200 + WALK_PX_S * t)))
    assert all(ids(update) == [1, 2] for update in updates)
    assert all(update.tracks[0].head_xyxy < update.tracks[1].head_xyxy for update in updates)


def test_somebody_who_is_hidden_for_a_second_and_a_half_keeps_the_id_in_a_new_stretch() -> None:
    before, after = [(i / 5, both(300)) for i in range(10)], [(3.3 + i / 5, both(310)) for i in range(5)]
    updates = run([*before, (2.4, Detections.none()), *after])
    assert ids(updates[-1]) == [1]
    assert updates[-1].tracks[0].stretch == 1
    assert all(update.ended == () for update in updates)


def test_somebody_who_walks_behind_a_pillar_is_expected_where_the_walk_leads() -> None:
    frames = walk(5, 4, lambda t: both(80 + WALK_PX_S * t) if not 1.5 < t < 2.7 else Detections.none())
    updates = run(frames)
    assert {i for update in updates for i in ids(update)} == {1}


def test_a_moment_out_of_sight_leaves_no_doubt() -> None:
    updates = run([(0.0, both(300)), (0.2, Detections.none()), (0.4, Detections.none()), (0.6, both(300))])
    assert (ids(updates[-1]), updates[-1].tracks[0].stretch) == ([1], 0)


def test_somebody_who_is_away_for_more_than_two_seconds_has_ended_and_comes_back_as_another() -> None:
    updates = run([(0.0, both(300)), (2.0, Detections.none()), (2.2, both(300))])
    assert updates[1].ended == ()
    assert updates[2].ended == (1,)
    assert ids(updates[2]) == [2]


def test_an_end_is_told_once() -> None:
    updates = run([(0.0, both(300)), *((2.2 + i / 5, Detections.none()) for i in range(20))])
    assert [update.ended for update in updates if update.ended] == [(1,)]


def test_two_persons_who_cross_make_both_identities_doubtful() -> None:
    updates = run(walk(5, 4, lambda t: both(150 + 80 * t, 450 - 70 * t)))
    assert all(ids(update) == [1, 2] for update in updates), "nobody third appears"
    assert [track.stretch > 0 for track in updates[-1].tracks] == [True, True]
    assert [track.stretch for track in updates[0].tracks] == [0, 0]


def test_two_persons_who_only_pass_at_a_distance_stay_beyond_doubt() -> None:
    updates = run(walk(5, 4, lambda t: both(150 + 10 * t, 450)))
    assert all(track.stretch == 0 for update in updates for track in update.tracks)


def test_a_doubtful_box_continues_a_track_but_begins_none() -> None:
    doubtful = detections([person_at(300)], [head_at(300)], confidence=0.2)
    assert run([(0.0, doubtful), (0.2, doubtful)])[-1].tracks == ()
    assert ids(run([(0.0, both(300)), (0.2, doubtful)])[-1]) == [1]


def test_a_box_below_half_of_sure_is_nothing() -> None:
    nothing = detections([person_at(300)], [head_at(300)], confidence=0.14)
    assert run([(0.0, both(300)), (0.2, nothing)])[-1].tracks == ()


def test_a_sure_box_takes_the_track_before_a_doubtful_one() -> None:
    found = Detections(
        np.asarray([head_at(300), head_at(310)], np.float32),
        np.asarray([0.2, 0.9], np.float32),
        np.asarray([1, 1], np.int64),
    )
    update = run([(0.0, both(300)), (0.2, found)])[-1]
    assert [(track.track_id, track.head_xyxy) for track in update.tracks] == [(1, head_at(310))]


def test_a_head_without_a_person_is_a_person_of_three_by_three_heads_inside_the_picture() -> None:
    (seen,) = run([(0.0, detections(heads=[head_at(300)]))])[0].tracks
    assert seen.person_xyxy == grown(head_at(300), 3)
    assert not seen.feet_seen
    (edge,) = run([(0.0, detections(heads=[head_at(25, 25)]))])[0].tracks
    assert min(edge.person_xyxy) >= 0
    assert edge.head_xyxy == head_at(25, 25)


def test_a_person_without_a_head_is_followed_and_gets_the_head_when_it_shows() -> None:
    updates = run([(0.0, detections([person_at(300)])), (0.2, both(300)), (0.4, detections([person_at(305)]))])
    assert [ids(update) for update in updates] == [[1]] * 3
    assert [update.tracks[0].head_xyxy for update in updates] == [None, head_at(300), None]
    assert updates[0].tracks[0].head_confidence == 0


def test_a_head_belongs_to_the_person_at_whose_top_it_is() -> None:
    front, back = person_at(300, 100), person_at(330, 160)
    tracks = run([(0.0, detections([front, back], [head_at(330, 160), head_at(300, 100)]))])[0].tracks
    assert {track.person_xyxy: track.head_xyxy for track in tracks} == {
        front: head_at(300, 100),
        back: head_at(330, 160),
    }


def test_a_person_who_is_found_twice_with_one_head_is_one() -> None:
    twice = detections([person_at(300), (255, 85, 345, 300)], [head_at(300)])
    assert [track.head_xyxy for track in run([(0.0, twice)])[0].tracks] == [head_at(300)]


def test_a_head_at_somebodys_feet_is_not_that_persons() -> None:
    tracks = run([(0.0, detections([person_at(300, 100)], [head_at(300, 310)]))])[0].tracks
    assert sorted(track.head_xyxy is None for track in tracks) == [False, True]


def test_feet_are_seen_where_a_whole_person_ends_above_the_bottom_of_the_picture() -> None:
    whole, cut, sitting = (200, 80, 300, 340), (200, 240, 300, 480), (200, 80, 300, 200)
    for box, seen in ((whole, True), (cut, False), (sitting, False)):
        head = (230, box[1], 270, box[1] + 40)
        (track,) = run([(0.0, detections([box], [head]))])[0].tracks
        assert track.feet_seen == seen


def test_two_times_the_same_frames_give_the_same_tracks() -> None:
    frames = walk(5, 6, lambda t: both(150 + 80 * t, 450 - 70 * t))
    assert run(frames) == run(frames)


@st.composite
def courses(draw: st.DrawFn) -> list[tuple[float, Detections]]:
    """Any boxes at any times."""
    at, frames = 0.0, []
    for _ in range(draw(st.integers(1, 25))):
        at += draw(st.sampled_from([0.1, 0.2, 0.2, 0.5, 1.5, 2.5]))
        xs = draw(st.lists(st.integers(30, 610), max_size=4))
        persons = [person_at(x) for x in xs if draw(st.booleans())]
        confidence = draw(st.sampled_from([0.9, 0.9, 0.2]))
        frames.append((at, detections(persons, [head_at(x) for x in xs], confidence=confidence)))
    return frames


def boxes_of(found: Detections) -> set[Xyxy]:
    return {(float(a), float(b), float(c), float(d)) for a, b, c, d in found.xyxy}


@given(courses())
def test_for_any_boxes_ids_are_unique_in_order_and_never_come_back(frames: list[tuple[float, Detections]]) -> None:
    ended: set[int] = set()
    stretches: dict[int, int] = {}
    newest = 0
    for (_, found), update in zip(frames, run(frames), strict=True):
        now = ids(update)
        assert now == sorted(set(now))
        ended |= set(update.ended)
        assert not ended & set(now), "an ended track came back"
        fresh = [i for i in now if i > newest]
        assert fresh == list(range(newest + 1, newest + 1 + len(fresh))), "ids are given in order, without gaps"
        newest += len(fresh)
        for track in update.tracks:
            assert track.stretch >= stretches.get(track.track_id, 0), "a stretch never goes back"
            stretches[track.track_id] = track.stretch
        check_boxes(update.tracks, boxes_of(found))


def check_boxes(tracks: tuple[Track, ...], found: set[Xyxy]) -> None:
    """Every box of a track was found in this very frame, and none serves two tracks of different heads."""
    heads = [track.head_xyxy for track in tracks if track.head_xyxy is not None]
    assert set(heads) <= found
    for track in tracks:
        assert track.person_xyxy in found or (track.head_xyxy and iou(track.person_xyxy, track.head_xyxy) > 0)


@given(courses())
def test_for_any_boxes_every_track_that_is_gone_for_long_has_ended_once(
    frames: list[tuple[float, Detections]],
) -> None:
    last_s = frames[-1][0]
    updates = run([*frames, (last_s + 2.5, Detections.none())])
    seen = {i for update in updates for i in ids(update)}
    ended = [i for update in updates for i in update.ended]
    assert sorted(ended) == sorted(seen)
