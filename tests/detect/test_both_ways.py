"""Single pictures are looked at both ways round where the model says so; frames of a film never."""

from pathlib import Path

import numpy as np
import pytest
from builders import PixelPicture
from networks import FakeSession, brightness, card, cells

from kitchenvision.build import Eyes, open_eyes
from kitchenvision.detect.onnx import OnnxDetector, OnnxHeadLooker
from kitchenvision.evidence import decode_jpeg
from kitchenvision.single_pictures import row_of
from kitchenvision.types import HEAD

BUNDLED = Path(__file__).resolve().parents[2] / "models"


def one_sided(pixels: np.ndarray) -> list[np.ndarray]:
    """A network that is blind to the right half."""
    left = pixels.copy()
    left[:, :, pixels.shape[2] // 2 :] = 0
    return cells(left)


def picture() -> PixelPicture:
    """A bright spot on each side."""
    pixels = np.zeros((384, 640, 3), np.uint8)
    pixels[32:64, 64:96], pixels[320:352, 512:544] = 200, 200
    return PixelPicture(pixels)


def boxes(rows: list[dict]) -> list[list[float]]:
    return [row["xyxy"] for row in rows if row["confidence"] > 0.3 and row["xyxy"][2] - row["xyxy"][0] == 32]


def eyes(mirrors: bool) -> tuple[Eyes, FakeSession]:
    session, it = FakeSession(one_sided), card((640,))
    detector = OnnxDetector(it, session)
    return Eyes(it, detector, OnnxHeadLooker(it, FakeSession(brightness), None), None, mirrors=mirrors), session


def test_a_single_picture_is_seen_in_the_mirror_too_and_a_film_is_not() -> None:
    both, session = eyes(mirrors=True)
    persons = row_of("a.png", picture(), both)["persons"]
    assert boxes(persons) == [[64, 32, 96, 64], [512, 320, 544, 352]]
    # Each is seen in one of two looks: half as sure as who is seen in both.
    assert persons[0]["confidence"] == pytest.approx(100 / 255, abs=1e-4)
    assert len(session.fed) == 2
    both.detector.detect(picture())
    assert len(session.fed) == 3


def test_a_model_that_does_not_ask_for_it_looks_once() -> None:
    once, session = eyes(mirrors=False)
    assert boxes(row_of("a.png", picture(), once)["persons"]) == [[64, 32, 96, 64]]
    assert len(session.fed) == 1
    assert once.on_single_pictures() is once


def test_the_card_says_in_which_profile() -> None:
    fast, thorough = (open_eyes(BUNDLED, None, profile, "cpu", 1) for profile in ("fast", "thorough"))
    assert {"fast": fast.mirrors, "thorough": thorough.mirrors} == {
        profile: profile in fast.card.single_pictures.mirrored for profile in ("fast", "thorough")
    }


def test_the_bundled_model_sees_in_the_mirror_image_what_it_sees_in_the_picture() -> None:
    it = open_eyes(BUNDLED, None, "fast", "cpu", 1)
    assert it.card.self_test is not None
    whole = decode_jpeg(it.card.path(it.card.self_test.picture).read_bytes())
    pixels = np.ascontiguousarray(whole[:640, :640])  # as large as its input, without a border
    mirrored = np.ascontiguousarray(pixels[:, ::-1])
    detector = it.detector.both_ways()
    seen, other = (detector.detect(PixelPicture(one)).of(HEAD, 0.3) for one in (pixels, mirrored))
    assert len(seen) >= 1
    assert np.allclose(np.sort(seen.confidence), np.sort(other.confidence), atol=1e-3)
    back = np.asarray([640, 0, 640, 0]) + other.xyxy[:, [2, 1, 0, 3]] * np.asarray([-1, 1, -1, 1])
    order, backwards = np.argsort(seen.xyxy[:, 0]), np.argsort(back[:, 0])
    assert np.allclose(seen.xyxy[order], back[backwards], atol=0.1)
