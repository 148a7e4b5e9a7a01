"""The truth of a render, on a ball-headed cook painted without Blender: the nearest part gives a pixel's index."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tiny_cook import HEAD_AT, Ball, tiny_human

from training.synth import held
from training.synth.casting import RECIPES, Casting, Streams, cast
from training.synth.clip_truth import facts_of, person_row
from training.synth.crop_truth import CROP_PX, Rendered, crop_row, face_landmarks, head_boxes
from training.synth.gestures import taken
from training.synth.hats import BLACK, ring_hat
from training.synth.lens import Lens
from training.synth.masks import mask
from training.synth.mesh import moved
from training.synth.posing import Pose, root_at, skinned, solved
from training.synth.skull import Skull
from training.synth.truth import PERSON, aimed, part_index, silhouette, window
from training.synth.wardrobe import Cook, HairLook

CASTING = replace(
    cast(1, RECIPES["general"]),
    hat=None,
    hat_colour=None,
    mask=None,
    cigarette=None,
    lookalike=None,
    light="normal",
)
NEAR_LAST = ("head", "hat", "mask", "cig")


def a_cook(**worn: Any) -> tuple[Cook, Casting]:
    """A cook with the hat, mask and cigarette that are named."""
    human = tiny_human()
    skull = Skull(human, Ball())
    cook = Cook(human, skull, Ball(), None, HairLook(BLACK, 0.0, 0.3, "black"), "bald")
    rng = Streams(3)
    if worn.get("hat"):
        human.parts.extend(ring_hat(worn["hat"], skull, rng("hat"), BLACK, 0.004).parts)
        worn["hat_colour"] = BLACK
    if worn.get("mask"):
        cook.mask_kind, cook.mask_colour = "surgical", (0.3, 0.5, 0.8)
        human.parts.extend(mask(worn["mask"], "surgical", skull, Ball(), rng("mask"), (0.3, 0.5, 0.8)))
    if worn.get("cigarette"):
        rod = held.at_mouth(human, held.cigarette(rng("cig"), 0.084), rng("lips"))
        cook.rods.append(rod)
        human.parts.extend(rod.parts)
    return cook, replace(CASTING, **worn)


def rendered(cook: Cook, yaw_deg: float = 0.0, hidden: float = 0.0) -> Rendered:
    """The cook before a level camera 3 m away, turned by `yaw_deg`."""
    root, bones = root_at(0, 0, np.radians(yaw_deg)), solved(cook.human, Pose())
    head = root @ bones["head"]
    v = {part.name: moved(skinned(cook.human, part, bones), root) for part in cook.parts}
    camera = np.array([0, -3.0, HEAD_AT[2]])
    view = window(aimed(camera, HEAD_AT), HEAD_AT, 0.2, 60, CROP_PX, (0.0, 0.0))
    index = np.zeros((CROP_PX, CROP_PX), int)
    for name in NEAR_LAST:
        for part in cook.parts:
            if part.name.startswith(name):
                covered = silhouette(view.project(v[part.name])[0], part.faces, CROP_PX, CROP_PX)
                index[covered] = PERSON + part_index(part.name)
    return Rendered(v, cook, head, bones, root, view, index, np.full((CROP_PX, CROP_PX, 3), 100, np.uint8), hidden)


def row_of(yaw_deg: float = 0.0, **worn: Any) -> dict[str, Any]:
    cook, casting = a_cook(**worn)
    row = crop_row(rendered(cook, yaw_deg), casting)
    assert row is not None
    return row


def test_a_ball_of_20_cm_is_as_large_as_the_window_says() -> None:
    row = row_of()
    assert row["render_head_px"] == pytest.approx(60, abs=1.5)
    assert row["skull"] == pytest.approx([66, 66, 126, 126], abs=1.5)
    assert row["head"] == row["skull"]


def test_a_bare_head_has_no_hat_and_no_hat_pixels() -> None:
    row = row_of()
    assert (row["hat"], row["hat_px"], row["hat_box"], row["hat_colour"]) == ("none", 0, None, None)
    assert row["person_visible"] == pytest.approx(np.pi * 30**2 / 192**2, abs=0.01)
    assert row["head_luma"] == pytest.approx(100 / 255, abs=0.01)


def test_a_toque_grows_the_head_upwards_only() -> None:
    bare, covered = row_of(), row_of(hat="toque")
    assert covered["hat"] == "toque"
    assert covered["hat_px"] > 500
    assert covered["head"][1] < bare["head"][1] - 8
    assert covered["head"][3] == bare["head"][3]
    assert covered["skull"] == bare["skull"]
    assert covered["head"][1] <= covered["hat_box"][1] + 1


@pytest.mark.parametrize(("yaw", "visible"), [(0, True), (60, True), (110, False), (180, False)])
def test_the_face_is_visible_from_the_front_only(yaw: float, visible: bool) -> None:
    row = row_of(yaw)
    assert row["yaw_deg"] == pytest.approx(yaw if yaw < 180 else -180, abs=0.2)
    assert row["face_visible"] is visible


def test_a_mask_is_told_worn_even_from_behind() -> None:
    row = row_of(180.0, mask="on")
    assert row["mask"] == "on"
    assert not row["face_visible"]


def test_a_mask_has_its_pixels_and_leaves_the_face_visible() -> None:
    row = row_of(mask="on")
    assert row["mask_px"] > 300
    assert row["mask_box"][1] > row["head"][1] + 20
    assert row["face_visible"]
    assert row["mask_kind"] == "surgical"


def test_a_cigarette_has_box_share_and_length() -> None:
    smoke = row_of(60.0, cigarette="mouth")["cigarette"]
    assert smoke["where"] == "mouth"
    assert not smoke["held"]
    assert smoke["box"] is not None
    assert 8 < smoke["length_px"] < 30
    assert smoke["visible_fraction"] > 0.5
    assert row_of()["cigarette"]["where"] == "none"


def test_a_hidden_cigarette_has_no_box() -> None:
    cook, casting = a_cook(cigarette="mouth")
    seen = rendered(cook)
    bare = seen.index.copy()
    bare[bare == PERSON + part_index("cig")] = PERSON + part_index("head")
    row = crop_row(replace(seen, index=bare), casting)
    assert row is not None
    assert row["cigarette"]["box"] is None
    assert row["cigarette"]["visible_fraction"] == 0


def test_a_head_of_which_nearly_nothing_shows_is_no_crop() -> None:
    cook, casting = a_cook()
    seen = rendered(cook)
    assert crop_row(replace(seen, index=np.where(np.arange(192) < 68, seen.index, 0)), casting) is None


def test_what_the_room_hides_is_told() -> None:
    cook, casting = a_cook()
    row = crop_row(rendered(cook, hidden=0.31), casting)
    assert row is not None
    assert row["head_hidden_by_scene"] == 0.31


def test_the_first_landmark_is_the_nose() -> None:
    cook, _ = a_cook()
    points = face_landmarks(cook)
    assert points.shape == (6, 3)
    assert points[0].tolist() == cook.human.nose.tolist()


def test_boxes_are_cut_at_the_crop() -> None:
    cook, _ = a_cook()
    seen = rendered(cook)
    near = replace(seen, view=replace(seen.view, shift=(80.0, 0.0)))
    head, skull = head_boxes(near)
    assert head[0] == skull[0] == 0


def test_a_clips_truth_agrees_with_a_crops() -> None:
    cook, casting = a_cook(hat="flat", mask="on")
    seen = rendered(cook, 20)
    row = crop_row(seen, casting)
    facts = facts_of(1, seen, "flat", "on", "none")
    person = person_row(facts, seen.index, Lens(CROP_PX, CROP_PX, 0.0))
    assert row is not None
    assert person is not None
    assert person["head"] == pytest.approx(row["head"], abs=0.2)
    assert person["hat_box"] == row["hat_box"]
    assert person["mask_box"] == row["mask_box"]
    assert person["face_visible"] == row["face_visible"]
    assert person["yaw_deg"] == row["yaw_deg"]
    assert person["head_fraction"] > 0.9
    assert person["cigarette"] == {"where": "none", "box": None, "fraction": 0.0}


@pytest.mark.parametrize("cigarette", ["mouth", "held", "near", "chest"])
def test_a_smoker_takes_a_cigarette(cigarette: str) -> None:
    cook, casting = a_cook()
    gesture = taken(cook, replace(casting, cigarette=cigarette), Streams(2)("held"))
    assert [part.name for part in cook.parts if part.name.startswith("cig")]
    assert len(cook.rods) == 1
    if cigarette == "mouth":
        assert gesture is None
        assert cook.rods[0].bone == "head"
    else:
        assert gesture is not None
        assert gesture.mode == {"held": "mouth"}.get(cigarette, cigarette)
        assert cook.rods[0].bone != "head"


@pytest.mark.parametrize("kind", ["pen", "chopstick", "thermometer", "spoon", "straw", "fingers"])
@pytest.mark.parametrize("worn", ["on", None])
def test_lookalikes_go_to_a_mouth_only_where_one_is_bare(kind: str, worn: str | None) -> None:
    cook, casting = a_cook()
    gesture = taken(cook, replace(casting, lookalike=kind, near=True, mask=worn), Streams(4)("held"))
    assert gesture is not None
    assert not [part.name for part in cook.parts if part.name.startswith("cig")]
    if kind in ("pen", "chopstick", "thermometer", "spoon"):
        assert (gesture.mode == "mouth") == (worn is None)
        assert gesture.offset is not None


def test_free_hands_need_no_gesture() -> None:
    cook, casting = a_cook()
    assert taken(cook, casting, Streams(1)("held")) is None
