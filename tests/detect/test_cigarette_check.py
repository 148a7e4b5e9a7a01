"""The second opinion on suspected cigarettes: it weighs, it keeps the boxes, and it looks at the right place."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from builders import PixelPicture
from networks import FakeSession, bright_squares, brightness, card, session_with

from kitchenvision.build import Eyes, open_eyes
from kitchenvision.detect.cigarette_check import CigaretteCheck
from kitchenvision.detect.model_card import CigaretteCheckSettings
from kitchenvision.detect.onnx import OnnxDetector, OnnxHeadLooker, asks_for_cigarettes
from kitchenvision.errors import ModelError
from kitchenvision.single_pictures import row_of
from kitchenvision.types import CIGARETTE, Detections

SIDES = 5.0
LEAST = 0.05
SHIPPED = Path(__file__).parents[2] / "models/canteen-n"


def bright_is_one(pixels: np.ndarray) -> np.ndarray:
    """A zoom net whose probability of a cigarette is the brightness of the crop's middle."""
    middle = pixels.shape[1] // 2
    return (pixels[:, middle, middle, :1] / 255).astype(np.float32)


def suspected(*boxes: tuple[float, float, float, float], confidence: float = 0.64) -> Detections:
    count = len(boxes)
    return Detections(
        np.asarray(boxes, np.float32).reshape(-1, 4),
        np.full(count, confidence, np.float32),
        np.full(count, CIGARETTE, np.int64),
    )


def weighed(image: np.ndarray, found: Detections, weight: float = 0.5) -> Detections:
    settings = CigaretteCheckSettings(sides=SIDES, weight=weight)
    return CigaretteCheck(settings, 64, bright_is_one).weighed(image, found, LEAST)


def dark(value: int = 0) -> np.ndarray:
    return np.full((200, 300, 3), value, np.uint8)


def test_the_confidence_is_the_weighted_mean_of_both_in_logarithms() -> None:
    image = dark(64)
    for weight, expected in ((0.0, 0.64), (0.5, (0.64 * 64 / 255) ** 0.5), (1.0, 64 / 255)):
        found = weighed(image, suspected((100, 100, 120, 106)), weight)
        assert found.confidence == pytest.approx([expected], abs=1e-4)


def test_boxes_stay_and_what_falls_below_is_dropped() -> None:
    image = dark()
    image[95:110, 95:130] = 255
    boxes = (100.0, 100.0, 120.0, 106.0), (200.0, 30.0, 220.0, 36.0)
    found = weighed(image, suspected(*boxes))
    assert found.xyxy.tolist() == [list(boxes[0])]
    assert (found.class_id == CIGARETTE).all()
    assert found.confidence.dtype == np.float32


def test_more_suspects_than_one_batch_keep_their_order() -> None:
    image = dark()
    boxes = [(10.0 + 6 * i, 20.0 + 4 * i, 16.0 + 6 * i, 24.0 + 4 * i) for i in range(40)]
    for i, (x0, y0, *_) in enumerate(boxes):
        image[round(y0) : round(y0) + 4, round(x0) : round(x0) + 6] = 100 + 3 * i
    found = weighed(image, suspected(*boxes), weight=1.0)
    assert len(found) == 40
    assert (np.diff(found.confidence) > 0).all()


def test_without_suspects_the_net_is_not_asked() -> None:
    asked: list[np.ndarray] = []

    def ask(pixels: np.ndarray) -> np.ndarray:
        asked.append(pixels)
        return bright_is_one(pixels)

    check = CigaretteCheck(CigaretteCheckSettings(), 64, ask)
    assert len(check.weighed(dark(), Detections.none(), LEAST)) == 0
    assert asked == []


@pytest.mark.parametrize("place", [(0.0, 0.0), (295.0, 0.0), (0.0, 197.0), (297.0, 198.0), (140.0, 90.0)])
def test_a_suspect_at_the_rim_is_looked_at_like_any_other(place: tuple[float, float]) -> None:
    x, y = place
    found = weighed(dark(200), suspected((x, y, x + 3, y + 2)))
    assert found.confidence == pytest.approx([(0.64 * 200 / 255) ** 0.5], abs=1e-3)


def eyes(weight: float | None, in_video: bool = False) -> tuple[Eyes, PixelPicture]:
    """Eyes that take a white bar for a cigarette, and see a person by it."""
    it = card((320,), classes=("cigarette", "person", "head"))
    check = None
    if weight is not None:
        settings = CigaretteCheckSettings(sides=SIDES, weight=weight)
        check = CigaretteCheck(settings, 64, lambda pixels: np.full((len(pixels), 1), 0.25, np.float32))
    detector = OnnxDetector(it, FakeSession(bright_squares))
    pixels = np.full((480, 640, 3), 40, np.uint8)
    pixels[230:236, 330:342] = 255
    looker = OnnxHeadLooker(it, FakeSession(brightness), detector, check=check if in_video else None)
    return Eyes(it, detector, looker, detector, check), PixelPicture(pixels)


def test_a_model_that_promises_a_second_opinion_and_has_none_is_refused() -> None:
    with pytest.raises(ModelError, match="no output 'cigarette'"):
        asks_for_cigarettes(session_with("head", "hat", "mask"))
    ask = asks_for_cigarettes(session_with("head", "cigarette"))
    assert ask(np.zeros((3, 64, 64, 3), np.uint8)).shape == (3, 1)


@pytest.mark.parametrize(("in_video", "expected"), [(False, 0.9), (True, (0.9 * 0.25) ** 0.5)])
@pytest.mark.parametrize("glance", [False, True])
def test_in_video_the_cigarette_look_speaks_for_itself_unless_told_otherwise(
    in_video: bool, expected: float, glance: bool
) -> None:
    all_eyes, picture = eyes(0.5, in_video)
    (look,) = all_eyes.looker.look(picture, [(300.0, 180.0, 340.0, 230.0)], glance=glance)
    assert [c.confidence for c in look.cigarettes] == pytest.approx([expected], abs=1e-3)


def test_on_a_single_picture_a_suspect_is_weighed_once() -> None:
    rows = [row_of("a.png", picture, all_eyes) for all_eyes, picture in (eyes(0.5), eyes(0.5, in_video=True))]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("in_video", [False, True])
def test_the_model_card_says_whether_looks_in_video_are_weighed(tmp_path: Path, in_video: bool) -> None:
    folder = tmp_path / "models/canteen-n"
    shutil.copytree(SHIPPED, folder)
    told = re.sub(r"in_video = \w+\n", "", (folder / "model.toml").read_text("utf-8"))
    at = "[cigarette_check]\n"
    (folder / "model.toml").write_text(told.replace(at, f"{at}in_video = {str(in_video).lower()}\n"), "utf-8")
    opened = open_eyes(tmp_path / "models", "canteen-n", "fast", "cpu", 1)
    assert (opened.looker._check is not None) is in_video


def test_a_single_picture_is_looked_at_with_one_square_a_head() -> None:
    """The mean of several squares holds what is seen around a head below what is seen on the whole picture."""
    all_eyes, picture = eyes(None)
    zoom = all_eyes.card.cigarette_zoom.model_copy(update={"also": ((0.5, -1.0),)})  # a square above the head
    it = all_eyes.card.model_copy(update={"cigarette_zoom": zoom})
    several = replace(all_eyes, looker=OnnxHeadLooker(it, FakeSession(brightness), all_eyes.detector))
    (in_video,) = several.looker.look(picture, [(300.0, 180.0, 340.0, 230.0)])
    assert [c.confidence for c in in_video.cigarettes] == pytest.approx([0.45], abs=1e-3)
    alone = replace(several, cigarettes=None)  # nor on the whole picture
    assert row_of("a.png", picture, several) == row_of("a.png", picture, all_eyes)
    assert row_of("a.png", picture, alone)["cigarettes"] == row_of("a.png", picture, all_eyes)["cigarettes"]


def test_detect_rows_bring_weighed_cigarettes() -> None:
    for weight, expected in ((None, 0.9), (0.5, (0.9 * 0.25) ** 0.5)):
        all_eyes, picture = eyes(weight)
        row = row_of("a.png", picture, all_eyes)
        assert [c["confidence"] for c in row["cigarettes"]] == pytest.approx([expected], abs=1e-3)
