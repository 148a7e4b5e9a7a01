"""What labels say and what their silence means."""

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_set import write_own_footage

from training import build
from training.build import DataError, check_splits, corrected, looked_through
from training.labels import Picture, annotated, head_of_face, picture_of, rendered_heads
from training.own_footage import own_pictures
from training.settings import DataSettings, SettingsError, read_settings

RENDERED_HEAD = {
    "file": "00001.webp",
    "seed": 1,
    "hat": "toque",
    "hat_colour": [0.8, 0.8, 0.8],
    "hat_px": 300,
    "mask": "on",
    "head": [60, 60, 110, 120],
    "face_visible": True,
    "yaw_deg": 10,
    "head_hidden_by_scene": 0.0,
    "effective_head_px": 40.0,
    "render_head_px": 60.0,
    "cigarette": {"where": "none", "box": None},
}


def row(name: str, labelled: list[str], boxes: list[dict[str, object]], **more: object) -> dict[str, object]:
    return {
        "file": name,
        "w": 100,
        "h": 80,
        "source": "s",
        "licence": "l",
        "split": "train",
        "group": "g",
        "labelled": labelled,
        "boxes": boxes,
        **more,
    }


def test_a_face_grows_to_the_whole_head_within_the_picture() -> None:
    assert head_of_face([10, 50, 20, 70], 100, 80) == pytest.approx((8.8, 41.0, 21.2, 70.0))
    assert head_of_face([0, 2, 50, 80], 100, 80)[:2] == (0.0, 0.0)


def test_a_cigarette_picture_says_nothing_of_heads() -> None:
    picture = annotated(row("smoke_a_1.webp", ["cigarette"], []))
    assert picture.known == {"person": "none", "head": "none", "cigarette": "all"}


def test_a_helmet_picture_knows_heads_only_at_its_boxes() -> None:
    picture = annotated(row("helmet_a_1.webp", ["head", "hat"], [], exhaustive=False))
    assert picture.known["head"] == "boxes"
    assert picture.known["cigarette"] == "none"


def test_pictures_that_were_looked_through_are_without_cigarettes_but_where_one_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen.jsonl"
    seen.write_text(
        '{"file": "helmet_a_1.webp", "xyxy": [3, 4, 9, 6], "why": "a cigarette in his mouth"}\n', "utf-8"
    )
    monkeypatch.setattr(build, "CIGARETTES_SEEN", seen)
    pictures = [
        annotated(row("helmet_a_1.webp", ["head", "hat"], [], exhaustive=False)),
        annotated(row("helmet_a_2.webp", ["head", "hat"], [], exhaustive=False)),
        annotated(row("mask_a_1.webp", ["face", "mask"], [])),
        annotated(row("helmet_a_3.webp", ["head", "hat"], [], split="val")),
    ]
    looked = looked_through(pictures, ["helmet"])
    assert [p.known["cigarette"] for p in looked] == ["all", "all", "none", "none"]
    assert [(b.kind, b.xyxy, b.ignore) for b in looked[0].boxes] == [("cigarette", (3, 4, 9, 6), True)]
    assert [p.boxes for p in looked[1:]] == [[], [], []]
    assert looked_through(pictures, []) == pictures


def test_an_unlabelled_hat_stays_unasked_and_an_unclear_one_cannot_be_judged() -> None:
    boxes = [
        {"kind": "face", "xyxy": [1, 30, 20, 60], "hat": answer, "mask": "mask"}
        for answer in (None, "unclear", "other")
    ]
    picture = annotated(row("mask_a_1.webp", ["face", "mask", "hat"], boxes))
    assert [box.hat for box in picture.boxes] == [None, "cannot_judge", "covered"]


def test_pictures_come_back_from_their_rows() -> None:
    picture = annotated(row("mask_a_1.webp", ["face"], [{"kind": "face", "xyxy": [1, 30, 20, 60], "mask": "none"}]))
    assert picture_of(json.loads(json.dumps(picture.row()))) == picture


def test_a_rendered_head_seen_from_behind_has_no_mask_to_judge() -> None:
    seen, _ = rendered_heads(RENDERED_HEAD, False)
    behind, _ = rendered_heads({**RENDERED_HEAD, "face_visible": False, "yaw_deg": 170}, False)
    assert (seen.boxes[0].hat, seen.boxes[0].mask) == ("covered", "worn")
    assert behind.boxes[0].mask == "cannot_judge"


def test_a_correction_changes_the_box_it_expects_and_refuses_another() -> None:
    rows = [row("mask_a_1.webp", ["face"], [{"kind": "face", "xyxy": [1, 2, 3, 4], "mask": "mask"}])]
    fix = {"file": "mask_a_1.webp", "box": 0, "old": {"mask": "mask"}, "new": {"mask": "none"}, "why": "bare mouth"}
    assert corrected(rows, [fix])[0]["boxes"][0]["mask"] == "none"
    with pytest.raises(DataError, match=r"mask_a_1\.webp"):
        corrected(rows, [fix])


def test_a_group_in_two_splits_is_refused() -> None:
    one = annotated(row("mask_a_1.webp", ["face"], []))
    other = Picture(**{**vars(one), "split": "val"})
    with pytest.raises(DataError, match="group"):
        check_splits([one, other])


def test_own_footage_is_read_with_its_mapping(tmp_path: Path) -> None:
    write_own_footage(tmp_path / "own")
    pictures = list(own_pictures(tmp_path / "own"))
    assert [p.file for p in pictures] == ["own/images/own0.png", "own/images/own1.png"]
    assert pictures[0].known == {"person": "none", "head": "boxes", "cigarette": "all"}
    np.testing.assert_allclose(pictures[0].boxes[0].xyxy, (80, 30, 120, 70))


def test_an_unknown_setting_is_named(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('name = "a"\nversion = "1"\n[frame]\nsises_px = [320]\n', "utf-8")
    with pytest.raises(SettingsError, match="sises_px"):
        read_settings(recipe)


def test_a_share_of_all_is_refused(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('name = "a"\nversion = "1"\n[cigarette]\nothers = 1.0\n', "utf-8")
    with pytest.raises(SettingsError, match=r"cigarette\] others = 1.0: expected a share"):
        read_settings(recipe)


def test_the_committed_recipe_can_be_read() -> None:
    recipe = Path(__file__).parents[2] / "training/configs/canteen_n.toml"
    assert read_settings(recipe).data == DataSettings(without_cigarettes=("cook", "helmet"))
