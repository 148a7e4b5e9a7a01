"""Clips: what actors do when, which frames break a rule, and a clip written and read back."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_cook import tiny_human

from kitchenvision.evaluate import read_truth
from training.synth.acting import Acting, eased, keyed, raised, turned_between, wander
from training.synth.clip_truth import Facts, breaks, incidents, person_row, spans
from training.synth.compose import (
    ClipCamera,
    RawFrame,
    merged_regions,
    pasted,
    pasted_index,
    read_frame,
    region_of,
    save_frame,
    write_clip,
)
from training.synth.kitchen import Table
from training.synth.lens import Lens
from training.synth.mesh import moved, turn
from training.synth.scenes import SCENES, Actor, Event, Scene
from training.synth.truth import PART, PERSON

SMOKER = Actor(1, (2.0, 4.0), 0.0, "rest", "toque", "chin", smokes=True, events=(Event(3.0, "puff", 1.0),))
OFFSET = np.array([-0.02, -0.06, -0.08])
WIDTH, HEIGHT = 160, 90


def test_easing_starts_and_ends_softly() -> None:
    assert [eased(t) for t in (-1, 0, 0.5, 1, 2)] == [0, 0, 0.5, 1, 1]
    assert eased(0.05) < 0.05


def test_keys_hold_and_then_change_at_the_end() -> None:
    keys = ((0.0, (0.0, 0.0)), (4.0, (10.0, 2.0)))
    assert keyed(keys, 3.0).tolist() == [0, 0]
    assert keyed(keys, 4.0) == pytest.approx([10, 2])
    assert keyed(keys, 9.0) == pytest.approx([10, 2])
    assert keyed(keys, 2.0, slow=True) == pytest.approx([5, 1])


@given(st.integers(0, 1000), st.floats(0, 60))
def test_nobody_wanders_off(seed: int, t: float) -> None:
    move = wander(seed)
    assert abs(move(t)) <= 1.5
    assert abs(move(t + 0.1) - move(t)) < 0.6


@given(st.floats(0, 10))
def test_a_hand_is_at_the_face_for_the_event_and_nearly_a_second_around_it(t: float) -> None:
    share = raised(Event(4.0, "puff", 1.5), t)
    assert share == 1 if 4.0 <= t <= 5.5 else share < 1
    assert share == 0 if t <= 3.0 or t >= 6.5 else share > 0


def test_halfway_between_two_rotations() -> None:
    assert np.allclose(turned_between(np.eye(3), turn([0, 0, 1], 80), 0.25), turn([0, 0, 1], 20))
    assert np.allclose(turned_between(np.eye(3), np.eye(3), 0.5), np.eye(3))


def test_a_smoker_has_the_cigarette_at_the_mouth_only_during_a_puff() -> None:
    acting = Acting(SMOKER, tiny_human(), OFFSET)
    assert [acting.at(t).cigarette for t in (0.0, 3.5, 6.0)] == ["hand", "mouth", "hand"]


def test_the_cigarette_comes_to_the_lips() -> None:
    human = tiny_human()
    acted = Acting(SMOKER, human, OFFSET).at(3.5)
    filter_end = moved(human.joints["hand_r"][0] + OFFSET, acted.bones["hand_r"])
    assert np.linalg.norm(filter_end - moved(human.mouth, acted.bones["head"])) < 0.03


@pytest.mark.parametrize("activity", ["chop", "knead", "stir", "wipe", "rest", "stand"])
def test_work_moves_the_hands_and_not_the_place(activity: str) -> None:
    acting = Acting(replace(SMOKER, activity=activity, smokes=False, events=()), tiny_human())
    frames = [acting.at(t / 6) for t in range(30)]
    hands = np.array([frame.bones["hand_r"][:3, 3] for frame in frames])
    places = np.array([frame.root[:2, 3] for frame in frames])
    assert np.ptp(hands, axis=0).max() > 0.005
    assert np.ptp(places, axis=0).max() < 0.15
    assert {frame.cigarette for frame in frames} == {"none"}


def test_a_walker_gets_there() -> None:
    walker = replace(SMOKER, smokes=False, events=(), walk=((0.0, (4.0, 3.0)), (8.0, (1.0, 3.0))))
    acting = Acting(walker, tiny_human())
    assert acting.at(0).root[0, 3] == pytest.approx(4.0, abs=0.06)
    assert acting.at(4).root[0, 3] == pytest.approx(2.5, abs=0.06)
    assert acting.at(9).root[0, 3] == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("scene", SCENES.values(), ids=lambda scene: scene.name)
def test_scripts_keep_to_their_clip(scene: Scene) -> None:
    assert len({actor.seed for actor in scene.actors}) == len(scene.actors)
    assert scene.frames == pytest.approx(scene.seconds * scene.fps)
    for actor in scene.actors:
        assert not actor.smokes or actor.mask in (None, "chin")
        assert all(event.at < scene.seconds for event in actor.events)
        assert all(event.kind != "puff" or actor.smokes for event in actor.events)


def test_the_clean_scene_has_nothing_to_report_and_the_others_have() -> None:
    wrong = {
        name: {(a.hat is None, a.mask != "on", a.smokes) for a in scene.actors} - {(False, False, False)}
        for name, scene in SCENES.items()
    }
    assert not wrong["G1"]
    assert (True, False, False) in wrong["G2"]
    assert (False, True, False) in wrong["G2"]
    assert (False, True, True) in wrong["G3"]


def facts(**changes: Any) -> Facts:
    base = Facts(
        1,
        [60.0, 10.0, 80.0, 30.0],
        [62.0, 14.0, 78.0, 30.0],
        [[70.0, 22.0], [68, 25], [72, 25], [70, 28], [66, 18], [74, 18]],
        (5.0, -10.0, 11.0),
        (20 * 20 + 40 * 40.0, 400.0, 12.0),
        "none",
        "none",
        "none",
    )
    return replace(base, **changes)


def index_of(person: int = 1) -> np.ndarray:
    index = np.zeros((HEIGHT, WIDTH), np.uint8)
    index[10:30, 60:80] = PERSON * person + PART["head"]
    index[30:70, 50:90] = PERSON * person + PART["suit"]
    return index


STRAIGHT = Lens(WIDTH, HEIGHT, 0.0)


def test_a_person_is_the_bounds_of_its_pixels() -> None:
    row = person_row(facts(), index_of(), STRAIGHT)
    assert row is not None
    assert row["person"] == [50, 10, 90, 70]
    assert row["head"] == pytest.approx([60, 10, 80, 30])
    assert row["head_fraction"] == row["visible_fraction"] == 1
    assert row["face_visible"]


def test_a_person_behind_another_shows_less() -> None:
    index = index_of()
    index[10:70, 70:90] = PERSON * 2 + PART["suit"]
    row = person_row(facts(), index, STRAIGHT)
    assert row is not None
    assert row["person"] == [50, 10, 70, 70]
    assert row["head_fraction"] == pytest.approx(0.5)
    assert 0.4 < row["visible_fraction"] < 0.6


def test_a_hidden_person_is_not_there() -> None:
    assert person_row(facts(), np.full((HEIGHT, WIDTH), PERSON * 2 + 9, np.uint8), STRAIGHT) is None


def test_a_cigarette_needs_pixels() -> None:
    index = index_of()
    index[26:28, 66:72] = PERSON + PART["cig"]
    row = person_row(facts(cigarette="mouth"), index, STRAIGHT)
    assert row is not None
    assert row["cigarette"] == {"where": "mouth", "box": [66, 26, 72, 28], "fraction": 1.0}
    hidden = person_row(facts(cigarette="mouth"), index_of(), STRAIGHT)
    assert hidden is not None
    assert not breaks(hidden)["smoking"]
    assert breaks(row) == {"no_hat": True, "no_mask": True, "smoking": True}


def test_a_face_turned_away_breaks_no_mask_rule() -> None:
    row = person_row(facts(angles=(150.0, 0.0, 150.0)), index_of(), STRAIGHT)
    assert row is not None
    assert row["face"] is None
    assert not breaks(row)["no_mask"]
    assert breaks(row)["no_hat"]


def test_short_gaps_are_bridged_and_short_spans_left_out() -> None:
    times = [i / 2 for i in range(12)]
    flags = [True, True, False, True, False, False, False, False, False, False, True, True]
    assert spans(times, flags, 0.5) == [(0.0, 2.0), (5.0, 6.0)]
    assert spans([0.0, 0.1], [True, False], 0.1) == []


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_spans_cover_every_long_run_and_never_overlap(flags: list[bool]) -> None:
    times = [i / 5 for i in range(len(flags))]
    found = spans(times, flags, 0.2)
    assert all(a[1] <= b[0] for a, b in pairwise(found))
    for start in range(len(flags) - 2):
        if all(flags[start : start + 3]):
            assert any(a <= times[start] and times[start] + 0.6 <= b + 1e-6 for a, b in found)


def test_incidents_are_by_person_and_rule() -> None:
    bare = person_row(facts(mask="on"), index_of(), STRAIGHT)
    frames = [{"t": i / 5, "people": [bare] if i < 10 else []} for i in range(15)]
    assert incidents(frames, 5) == [{"rule": "no_hat", "person": 1, "from": 0.0, "to": 2.0}]


boxes = st.tuples(st.integers(0, 100), st.integers(0, 100), st.integers(1, 60), st.integers(1, 60)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(st.lists(boxes, max_size=5))
def test_merged_regions_cover_all_that_was_asked(asked: list[tuple[int, int, int, int]]) -> None:
    merged = merged_regions(asked)
    assert len(merged) <= len(asked)
    for a in asked:
        assert any(m[0] <= a[0] and m[1] <= a[1] and m[2] >= a[2] and m[3] >= a[3] for m in merged)


def test_far_regions_stay_apart_and_near_ones_join() -> None:
    assert len(merged_regions([(0, 0, 100, 100), (500, 300, 600, 400)])) == 2
    assert merged_regions([(0, 0, 100, 100), (90, 0, 190, 100)]) == [(0, 0, 190, 100)]


def test_a_region_has_a_margin_inside_the_picture() -> None:
    assert region_of(np.array([[5, 5], [50, 40.0]]), WIDTH, HEIGHT) == (0, 0, 63, 53)
    assert region_of(np.array([[500, 5], [550, 40.0]]), WIDTH, HEIGHT) is None


def test_a_pasted_region_fades_in_at_its_inner_borders_only() -> None:
    ground = np.zeros((HEIGHT, WIDTH, 3))
    image = pasted(ground, [(0, 20, 60, 80)], [np.full((60, 60, 3), 200.0)])
    assert image[50, 30] == pytest.approx(200)
    assert image[50, 0] == pytest.approx(200)
    assert 0 < image[50, 59, 0] < 60
    assert image[10, 30] == pytest.approx(0)


def test_indices_of_regions_become_one() -> None:
    index = pasted_index((WIDTH, HEIGHT), [(10, 10, 20, 20)], [np.full((10, 10), 33)])
    assert index.shape == (HEIGHT, WIDTH)
    assert (index > 0).sum() == 100


def test_a_camera_looks_the_same_but_for_noise_and_clock() -> None:
    camera = ClipCamera(7, (WIDTH, HEIGHT))
    grey = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    one, again, other = camera.shot(grey, 3, 0.5), camera.shot(grey, 3, 0.5), camera.shot(grey, 4, 0.5)
    assert (one == again).all()
    assert (one != other).any()
    assert abs(float(one[60:].mean()) - float(other[60:].mean())) < 1
    assert camera.lens.k == ClipCamera(7, (WIDTH, HEIGHT)).lens.k


def test_a_frame_reads_back_as_it_was_saved(tmp_path: Path) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (10, 12, 3)).astype(np.uint8)
    frame = RawFrame([(3, 4, 15, 14)], [picture], [np.full((10, 12), 40, np.uint8)], [facts()])
    save_frame(tmp_path / "0000.npz", frame)
    back = read_frame(tmp_path / "0000.npz")
    assert back.regions == frame.regions
    assert back.facts == frame.facts
    assert (back.pictures[0] == picture).all()
    assert not list(tmp_path.glob("partial*"))


def test_a_clip_is_written_with_a_truth_that_evaluate_reads(tmp_path: Path) -> None:
    scene = Scene("T", 5, 2, Table(1, 1, 1, 1), (0, 0, 2), (1, 3, 1), 60, (SMOKER,), fps=5, size=(WIDTH, HEIGHT))
    cv2.imwrite(str(tmp_path / "background.png"), np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    region, own = (40, 0, 100, 80), index_of()[0:80, 40:100]
    for number in range(scene.frames):
        picture = np.full((80, 60, 3), 150, np.uint8)
        save_frame(tmp_path / f"{number:04d}.npz", RawFrame([region], [picture], [own], [facts(mask="on")]))
    path = write_clip(scene, tmp_path, tmp_path / "out")
    truth = read_truth(path.with_suffix(".json"))
    assert [(i.rule_id, i.person) for i in truth.incidents] == [("no_hat", 1)]
    assert len(truth.times) == 10
    raw = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert (raw["clip"], raw["fps"], raw["width"], raw["height"]) == ("T.mp4", 5, WIDTH, HEIGHT)
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 10
