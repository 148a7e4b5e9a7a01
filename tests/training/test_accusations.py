"""False accusations, measured: whose heads count, where a film shows them, how an accusation is counted."""

import json
import warnings
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra `train`: torch is not installed")
pytest.importorskip("ultralytics", reason="training needs the extra `train`: ultralytics is not installed")
pytest.importorskip("scipy", reason="training needs the extra `train`: scipy is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing torch and ultralytics warns of their own parts
    from kitchenvision.frames.open import open_source
    from training.accusations import (
        Counts,
        Scene,
        Watching,
        count,
        due_rules,
        film,
        scenes,
        shown,
        watched_by,
        whose,
    )
    from training.build import DataError
    from training.calibrate import in_second_half
    from training.labels import Box, Picture

HEADS = [
    Box("head", (100.0, 100.0, 160.0, 180.0), "covered", "worn"),
    Box("head", (300.0, 100.0, 360.0, 180.0), "bare", "none"),
]


def picture(name: str = "a", split: str = "val", boxes: list[Box] = HEADS, family: str = "mask") -> Picture:
    known = {"person": "none", "head": "all", "cigarette": "none"}
    return Picture(f"images/{name}.png", 640, 360, "drawn", family, split, name, known, boxes)


def scene(scale: float = 0.5, seed: int = 3) -> Scene:
    return Scene(picture(), scale, (400.0, 200.0), seed)


def test_a_rule_counts_on_the_heads_that_comply_with_it_and_smoking_on_all_where_nobody_smokes() -> None:
    due = due_rules(picture())
    assert {rule: len(heads) for rule, heads in due.items()} == {"no_hat": 1, "no_mask": 1, "smoking": 2}
    assert due["no_hat"] == [(100.0, 100.0, 160.0, 180.0)]


def test_where_somebody_smokes_or_might_smoking_does_not_count() -> None:
    smoker = [*HEADS, Box("cigarette", (120.0, 150.0, 140.0, 155.0))]
    assert "smoking" not in due_rules(picture(boxes=smoker))
    assert "smoking" not in due_rules(picture(family="smoke"))


def test_unlabelled_heads_are_nobodys_alibi() -> None:
    assert due_rules(picture(boxes=[Box("head", (1.0, 1.0, 9.0, 9.0), ignore=True)])) == {}


def test_only_stills_of_the_half_that_did_not_calibrate_become_scenes_and_cooks_come_first() -> None:
    all_ = [picture(f"p{i}", "train" if i % 3 else "val", family="cook" if i == 27 else "mask") for i in range(90)]
    usable = [p for p in all_ if p.split == "val" and in_second_half(p.group)]
    chosen = scenes(all_, len(usable), seed=1)
    assert {s.picture.file for s in chosen} == {p.file for p in usable}
    families = [s.picture.family for s in chosen]
    assert families == sorted(families, key=lambda f: f != "cook")
    with pytest.raises(DataError, match="can be used"):
        scenes(all_, len(usable) + 1, seed=1)


def test_a_head_of_the_still_is_where_the_film_shows_it(tmp_path: Path) -> None:
    """The one bright square of a dark still, followed through pan and shake."""
    still = np.full((360, 640, 3), 30, np.uint8)
    cv2.rectangle(still, (100, 100), (159, 179), (255, 255, 255), -1)
    where = scene()
    film(where, still, 3.0, tmp_path / "film.mp4")
    seen = 0
    with open_source(tmp_path / "film.mp4") as source:
        for frame in source.frames():
            bright = np.argwhere(cv2.GaussianBlur(frame.image.min(axis=2), (0, 0), 2) > 190)
            expected = where.head((100.0, 100.0, 160.0, 180.0), frame.media_s)
            top, left = bright.min(axis=0)
            bottom, right = bright.max(axis=0)
            np.testing.assert_allclose((left, top, right, bottom), expected, atol=4)
            seen += 1
    assert seen >= 14


def test_the_same_scene_moves_the_same_way() -> None:
    assert scene().shift(1.3) == scene().shift(1.3)
    assert max(abs(v) for t in range(60) for v in scene().shift(t / 2)) < 48


@pytest.mark.parametrize(
    ("head", "counted"),
    [(HEADS[0].xyxy, (1, 0)), (HEADS[1].xyxy, (0, 0)), ((500.0, 10.0, 560.0, 90.0), (0, 1))],
    ids=["complies", "violates", "nothing is labelled there"],
)
def test_an_accusation_is_false_on_who_complies_and_stray_on_nothing(head: Any, counted: tuple[int, int]) -> None:
    where = scene()
    accused = [("no_hat", 2.0, where.head(head, 2.0))]
    counts = {rule: Counts() for rule in ("no_hat", "no_mask", "smoking")}
    count(where, ({("no_hat", 0)}, accused), 20.0, counts)
    assert (counts["no_hat"].false, counts["no_hat"].stray) == counted
    assert (counts["no_hat"].judged, counts["no_hat"].seconds) == (1, 20.0)


def test_of_two_heads_that_overlap_the_one_that_is_shown_is_accused() -> None:
    """A bare head before a covered one: its accusation is right, though it overlaps the other's box, too."""
    front = (130.0, 110.0, 190.0, 190.0)
    both = Scene(picture(boxes=[HEADS[0], Box("head", front, "bare", "none")]), 0.5, (400.0, 200.0), 3)
    counts = {rule: Counts() for rule in ("no_hat", "no_mask", "smoking")}
    count(both, (set(), [("no_hat", 2.0, both.head((126.0, 108.0, 186.0, 188.0), 2.0))]), 20.0, counts)
    assert (counts["no_hat"].false, counts["no_hat"].stray) == (0, 0)


def test_an_accusation_lies_where_its_evidence_shows_the_head() -> None:
    where = scene()
    early, late = 0.5, 4.5
    box = where.head(HEADS[0].xyxy, early)
    evidence = Mock()
    evidence.violation.rule_id, evidence.violation.confirmed_s = "no_hat", late
    evidence.snapshot.media_s, evidence.snapshot.head_xyxy = early, box
    assert shown(evidence) == ("no_hat", early, box)
    assert whose(where, early, box) == HEADS[0].xyxy
    assert whose(where, late, box) is None, "the camera has moved meanwhile"


def test_the_bound_of_nothing_in_n_is_three_in_n() -> None:
    """Poisson, one-sided 95 %: the rule of three."""
    row = Counts(scenes=10, seconds=3600.0, judged=1000).row()
    assert row["false_per_1000_heads_at_most"] == pytest.approx(3.0, abs=0.01)
    assert row["false_per_hour_at_most"] == pytest.approx(3.0, abs=0.01)
    assert json.dumps(row)


SEEN = ({("no_hat", 0), ("smoking", 1)}, [("no_hat", 2.4, (1.0, 2.0, 3.0, 4.0))])


def test_films_that_were_watched_before_a_kill_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "accusations.jsonl"
    first = Watching(path, "these eyes")
    assert first.of(scene()) is None
    first.keep(scene(), SEEN)
    assert first.of(scene()) == SEEN
    with path.open("a") as lines:
        lines.write('{"file": "images/b.png", "se')  # killed while it wrote
    again = Watching(path, "these eyes")
    assert again.of(scene()) == SEEN
    again.keep(scene(seed=4), (set(), []))
    assert Watching(path, "these eyes").of(scene(seed=4)) == (set(), [])


def test_other_eyes_or_rules_watch_anew(tmp_path: Path) -> None:
    Watching(tmp_path / "a.jsonl", "these eyes").keep(scene(), SEEN)
    assert Watching(tmp_path / "a.jsonl", "other eyes").of(scene()) is None


def test_what_watches_has_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Path(__file__).resolve().parents[2] / "models" / "canteen-n"
    names = {watched_by(model, "fast", 20.0), watched_by(model, "thorough", 20.0), watched_by(model, "fast", 30.0)}
    assert len(names) == 3
    assert watched_by(model, "fast", 20.0) in names
    changed = {rule_id: "other" for rule_id in ("no_hat", "no_mask")}
    monkeypatch.setattr("training.accusations.rule_settings", lambda *_: changed)
    assert watched_by(model, "fast", 20.0) not in names
