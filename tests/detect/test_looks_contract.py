"""What each of the two looks promises, whichever network stands behind it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from builders import GreyPicture, PixelPicture
from networks import FakeSession, bright_squares, brightness, card

from kitchenvision.detect.detector import Detector, HeadLooker
from kitchenvision.detect.model_card import (
    MODELS_VARIABLE,
    CigaretteZoom,
    ModelCard,
    Profile,
    load_card,
    model_names,
)
from kitchenvision.detect.onnx import OnnxDetector, OnnxHeadLooker, open_session
from kitchenvision.errors import ModelError
from kitchenvision.evidence import decode_jpeg
from kitchenvision.types import CLASSES, HEAD, PERSON, Detections, Picture, Xyxy

BUNDLED = Path(__file__).resolve().parents[2] / "models"
SIZES = [(1, 1), (1, 40), (40, 1), (3, 7), (33, 65), (641, 479), (1921, 1081)]


@dataclass(frozen=True)
class Eyes:
    """Both looks and a picture with persons in it."""

    detector: Detector
    looker: HeadLooker
    picture: Picture


def bright_person() -> PixelPicture:
    """What the fake network takes for a person."""
    pixels = np.full((480, 640, 3), 40, np.uint8)
    pixels[120:420, 200:300] = 255
    return PixelPicture(pixels)


def fake_eyes() -> Eyes:
    it = card((320, 640))
    detector = OnnxDetector(it, FakeSession(bright_squares))
    return Eyes(detector, OnnxHeadLooker(it, FakeSession(brightness), detector), bright_person())


def bundled_eyes(name: str) -> Callable[[], Eyes]:
    def load() -> Eyes:
        it = load_card(BUNDLED, name)
        detector = OnnxDetector(it, open_session(str(it.path(it.frame.file)), "cpu", 1), "fast")
        looker = OnnxHeadLooker(it, open_session(str(it.path(it.zoom.file)), "cpu", 1), detector)
        assert it.self_test is not None, "a bundled model brings a picture that it can be tried on"
        return Eyes(detector, looker, PixelPicture(decode_jpeg(it.path(it.self_test.picture).read_bytes())))

    return load


MAKERS = {"fake": fake_eyes, **{name: bundled_eyes(name) for name in model_names(BUNDLED)}}


@pytest.fixture(scope="module", params=list(MAKERS))
def eyes(request: pytest.FixtureRequest) -> Eyes:
    """Each implementation in turn."""
    return MAKERS[request.param]()


def same(a: Detections, b: Detections) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(vars(a).values(), vars(b).values(), strict=True))


def heads_of(eyes: Eyes) -> list[Xyxy]:
    return [tuple(float(v) for v in box) for box in eyes.detector.detect(eyes.picture).of(HEAD, 0.3).xyxy]  # type: ignore[misc]


class TestEveryDetector:
    def test_it_finds_heads_and_persons_on_a_picture_of_some(self, eyes: Eyes) -> None:
        found = eyes.detector.detect(eyes.picture)
        assert len(found.of(HEAD, 0.3)) >= 1
        assert len(found.of(PERSON, 0.3)) >= 1

    def test_every_box_lies_inside_the_picture_and_has_an_area(self, eyes: Eyes) -> None:
        found = eyes.detector.detect(eyes.picture)
        limits = [eyes.picture.width, eyes.picture.height] * 2
        assert (found.xyxy >= 0).all()
        assert (found.xyxy <= limits).all()
        assert (found.xyxy[:, 2:] > found.xyxy[:, :2]).all()

    def test_classes_and_confidences_are_in_their_ranges(self, eyes: Eyes) -> None:
        found = eyes.detector.detect(eyes.picture)
        assert set(found.class_id.tolist()) <= set(range(len(CLASSES)))
        assert ((found.confidence > 0) & (found.confidence <= 1)).all()
        assert (found.xyxy.dtype, found.confidence.dtype, found.class_id.dtype) == (
            np.float32,
            np.float32,
            np.int64,
        )

    @pytest.mark.parametrize("level", [0, 114, 190])
    def test_a_blank_picture_holds_nobody(self, eyes: Eyes, level: int) -> None:
        found = eyes.detector.detect(GreyPicture(level, 1280, 720))
        assert len(found.of(PERSON, 0.3)) == len(found.of(HEAD, 0.3)) == 0

    def test_the_same_picture_gives_the_same_answer(self, eyes: Eyes) -> None:
        assert same(eyes.detector.detect(eyes.picture), eyes.detector.detect(eyes.picture))

    @pytest.mark.parametrize(("width", "height"), SIZES)
    def test_any_size_of_picture_can_be_looked_at(self, eyes: Eyes, width: int, height: int) -> None:
        found = eyes.detector.detect(GreyPicture(90, width, height))
        assert (found.xyxy <= [width, height, width, height]).all()


class TestEveryHeadLooker:
    def test_there_is_one_answer_for_each_head_in_order(self, eyes: Eyes) -> None:
        heads = heads_of(eyes)
        # An odd head out of order and size, so that a mix-up would show in `head_px`.
        asked: list[Xyxy] = [(1.0, 2.0, 9.0, 33.0), *heads, (5.0, 5.0, 25.0, 22.0)]
        looks = eyes.looker.look(eyes.picture, asked)
        assert [look.head_px for look in looks] == [box[3] - box[1] for box in asked]

    def test_more_heads_than_one_batch_get_the_answers_that_they_get_alone(self, eyes: Eyes) -> None:
        heads = (heads_of(eyes) * 20)[:18]
        many = eyes.looker.look(eyes.picture, heads, cigarettes=False)
        for head, look in zip(heads[:2] + heads[-1:], many[:2] + many[-1:], strict=True):
            (alone,) = eyes.looker.look(eyes.picture, [head], cigarettes=False)
            assert alone.hat.bare == pytest.approx(look.hat.bare, abs=1e-3)
            assert alone.mask.worn == pytest.approx(look.mask.worn, abs=1e-3)

    def test_the_answers_are_probabilities_that_add_up_to_one(self, eyes: Eyes) -> None:
        for look in eyes.looker.look(eyes.picture, heads_of(eyes)):
            for answer in (look.hat, look.mask):
                parts = list(vars(answer).values())
                assert all(0 <= part <= 1 for part in parts)
                assert sum(parts) == pytest.approx(1, abs=1e-3)
            assert 0 <= look.head <= 1
            assert look.sharpness >= 0
            assert all(0 < c.confidence <= 1 for c in look.cigarettes)

    def test_the_same_heads_give_the_same_answers(self, eyes: Eyes) -> None:
        heads = heads_of(eyes)
        assert eyes.looker.look(eyes.picture, heads) == eyes.looker.look(eyes.picture, heads)

    def test_it_says_whether_cigarettes_were_looked_for(self, eyes: Eyes) -> None:
        heads = heads_of(eyes)[:1]
        assert eyes.looker.look(eyes.picture, heads)[0].cigarette_looked
        (without,) = eyes.looker.look(eyes.picture, heads, cigarettes=False)
        assert (without.cigarette_looked, without.cigarettes) == (None, ())

    def test_no_heads_no_answers(self, eyes: Eyes) -> None:
        assert eyes.looker.look(eyes.picture, []) == []

    @pytest.mark.parametrize(
        "box", [(0, 0, 1, 1), (-30, -30, 10, 10), (0, 0, 0, 0), (50, 50, 40, 40), (9e3, 9e3, 9.1e3, 9.1e3)]
    )
    def test_any_box_can_be_looked_at(self, eyes: Eyes, box: Xyxy) -> None:
        assert len(eyes.looker.look(GreyPicture(90, 64, 48), [box])) == 1

    def test_a_one_pixel_picture_can_be_looked_at(self, eyes: Eyes) -> None:
        assert len(eyes.looker.look(GreyPicture(90, 1, 1), [(0.0, 0.0, 1.0, 1.0)])) == 1


def test_the_same_boxes_come_from_pictures_of_any_size() -> None:
    """The boxes are those of the source, not of the network's input."""
    eyes = fake_eyes()
    found = eyes.detector.detect(eyes.picture)
    assert np.allclose(found.of(PERSON).xyxy, [[200, 120, 300, 420]], atol=3)
    assert np.allclose(found.of(HEAD).xyxy, [[200, 120, 300, 220]], atol=3)


def test_two_input_sizes_find_one_thing_once() -> None:
    session = FakeSession(bright_squares)
    found = OnnxDetector(card((320, 640)), session).detect(bright_person())
    assert [fed.shape for fed in session.fed] == [(1, 256, 320, 3), (1, 480, 640, 3)]
    assert (len(found.of(PERSON)), len(found.of(HEAD))) == (1, 1)


def test_a_picture_is_not_blown_up_beyond_its_own_size() -> None:
    session = FakeSession(bright_squares)
    OnnxDetector(card((320, 640, 1280)), session).detect(GreyPicture(0, 704, 400))
    assert [fed.shape[2] for fed in session.fed] == [320, 640, 704]


def test_a_small_picture_is_looked_at_once_where_every_size_would_be_the_same() -> None:
    session = FakeSession(bright_squares)
    OnnxDetector(card((640, 1280)), session).detect(GreyPicture(0, 64, 48))
    assert len(session.fed) == 1


def test_a_network_that_wants_floats_in_planes_gets_them() -> None:
    session = FakeSession(lambda pixels: [np.zeros((1, 7, 0), np.float32)])
    OnnxDetector(card((320,), layout="nchw_float_rgb"), session).detect(GreyPicture(255, 640, 480))
    (fed,) = session.fed
    assert (fed.shape, fed.dtype, float(fed.max())) == ((1, 3, 256, 320), np.float32, 1.0)


def test_a_network_of_one_fixed_size_gets_it_and_its_boxes_come_back() -> None:
    session = FakeSession(bright_squares)
    found = OnnxDetector(card((640,), fixed_size_px=(256, 640)), session).detect(bright_person())
    assert session.fed[0].shape == (1, 256, 640, 3)
    assert np.allclose(found.of(PERSON).xyxy, [[200, 120, 300, 420]], atol=3)


def test_a_network_with_own_names_for_its_classes_is_understood_by_its_roles() -> None:
    it = card((320,), classes=("worker", "kopf", "forklift"), roles={"worker": "person", "kopf": "head"})
    found = OnnxDetector(it, FakeSession(bright_squares)).detect(bright_person())
    assert sorted(found.class_id.tolist()) == [PERSON, HEAD]


def test_a_network_that_answers_another_shape_is_refused() -> None:
    session = FakeSession(lambda pixels: [np.zeros((1, 5, 10), np.float32)])
    with pytest.raises(ValueError, match="expected predictions"):
        OnnxDetector(card(), session).detect(GreyPicture())


def test_a_profile_that_the_model_has_not_is_refused_with_those_that_it_has() -> None:
    it = card(profiles={"fast": (320,)})
    with pytest.raises(ModelError, match="'fake' has no profile 'thorough': fast"):
        OnnxDetector(it, FakeSession(bright_squares), "thorough")


def test_without_a_network_for_cigarettes_nobody_is_cleared_of_smoking() -> None:
    looker = OnnxHeadLooker(card(), FakeSession(brightness), None)
    (look,) = looker.look(bright_person(), [(200.0, 120.0, 300.0, 220.0)])
    assert not look.cigarette_looked


def test_a_bright_head_and_a_dark_one_are_told_apart_at_their_own_places() -> None:
    looker = OnnxHeadLooker(card(), FakeSession(brightness), None)
    light, dark = looker.look(bright_person(), [(220.0, 160.0, 280.0, 220.0), (400.0, 160.0, 460.0, 220.0)])
    assert light.hat.covered > 0.9
    assert dark.hat.covered < 0.5


def test_a_profile_s_further_squares_are_asked_and_the_mean_counts() -> None:
    """On the border of a bright field each square sees another share of it."""
    heads = [(230.0, 160.0, 290.0, 220.0), (400.0, 160.0, 460.0, 220.0)]

    def asked(sides: float | tuple[float, ...], profile: Profile) -> tuple[list[float], int]:
        first, *more = np.atleast_1d(sides).tolist()
        further = {"crop_heads": first, "also_crop_heads": {"thorough": tuple(more)}}
        it = card((320,)).model_copy(update={"zoom": card((320,)).zoom.model_copy(update=further)})
        session = FakeSession(brightness)
        looks = OnnxHeadLooker(it, session, None, profile).look(bright_person(), heads)
        return [look.hat.covered for look in looks], sum(len(fed) for fed in session.fed)

    alone = [asked(side, "thorough")[0] for side in (1.5, 1.2, 2.4)]
    assert len({round(light, 3) for light, _ in alone}) == 3, "the squares differ, or nothing is shown here"
    together, crops = asked((1.5, 1.2, 2.4), "thorough")
    assert together == pytest.approx(np.mean(alone, axis=0).tolist(), abs=1e-5)
    assert crops == 6
    assert asked((1.5, 1.2, 2.4), "fast") == (pytest.approx(alone[0]), 2)


def test_a_cigarette_is_found_around_its_head_in_pixels_of_the_source() -> None:
    it = card((320,), classes=("cigarette", "person", "head"))
    detector = OnnxDetector(it, FakeSession(bright_squares))
    pixels = np.full((480, 640, 3), 40, np.uint8)
    pixels[230:236, 330:342] = 255
    (look,) = OnnxHeadLooker(it, FakeSession(brightness), detector).look(
        PixelPicture(pixels), [(300.0, 180.0, 340.0, 230.0)]
    )
    assert len(look.cigarettes) == 1
    assert np.allclose(look.cigarettes[0].xyxy, (330, 230, 342, 236), atol=2)


def test_a_glance_for_cigarettes_takes_the_smaller_size() -> None:
    zoom = CigaretteZoom(size_px=96, glance_px=64)
    it = card((320,), classes=("cigarette", "person", "head")).model_copy(update={"cigarette_zoom": zoom})
    session = FakeSession(bright_squares)
    looker = OnnxHeadLooker(it, FakeSession(brightness), OnnxDetector(it, session))
    for glance in (True, False):
        looker.look(bright_person(), [(220.0, 160.0, 280.0, 220.0)], glance=glance)
    assert [fed.shape[1] for fed in session.fed] == [64, 96]


def test_a_close_look_takes_all_squares_and_a_glance_the_first() -> None:
    zoom = CigaretteZoom(size_px=96, crop_heads=3.4, shift_down_heads=0.4, also=((3.3, 0.5), (3.5, 0.3)))
    it = card((320,), classes=("cigarette", "person", "head")).model_copy(update={"cigarette_zoom": zoom})
    session = FakeSession(bright_squares)
    looker = OnnxHeadLooker(it, FakeSession(brightness), OnnxDetector(it, session))
    heads = [(220.0, 160.0, 280.0, 220.0), (400.0, 160.0, 460.0, 220.0)]
    for glance in (True, False):
        looker.look(bright_person(), heads, glance=glance)
    looker.with_one_square().look(bright_person(), heads)
    assert [len(fed) for fed in session.fed] == [2, 6, 2]
    assert {fed.shape[1] for fed in session.fed} == {96}


def test_what_only_some_squares_hold_is_less_sure_and_each_head_keeps_its_own() -> None:
    # The second square is so small and so low that what lies above the head is outside of it.
    zoom = CigaretteZoom(size_px=96, crop_heads=3.4, shift_down_heads=0.0, also=((1.0, 1.0),))
    it = card((320,), classes=("cigarette", "person", "head"))
    several = it.model_copy(update={"cigarette_zoom": zoom})
    pixels = np.full((480, 640, 3), 40, np.uint8)
    pixels[150:158, 312:328] = 255
    heads = [(300.0, 180.0, 340.0, 220.0), (60.0, 380.0, 100.0, 420.0)]

    def seen(card_: ModelCard) -> list[list[float]]:
        detector = OnnxDetector(card_, FakeSession(bright_squares))
        looks = OnnxHeadLooker(card_, FakeSession(brightness), detector).look(PixelPicture(pixels), heads)
        return [[c.confidence for c in look.cigarettes] for look in looks]

    one = it.model_copy(update={"cigarette_zoom": zoom.model_copy(update={"also": ()})})
    ((alone,), nothing) = seen(one)
    ((mean,), still_nothing) = seen(several)
    assert mean == pytest.approx(alone / 2, rel=1e-3)
    assert nothing == still_nothing == []


def test_what_is_no_network_is_a_model_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a network")
    with pytest.raises(ModelError, match=r"model\.onnx cannot be loaded"):
        open_session(str(tmp_path / "model.onnx"))
    with pytest.raises(ModelError, match=r"none\.onnx cannot be loaded"):
        open_session(str(tmp_path / "none.onnx"))


def test_an_unknown_provider_is_refused_with_those_that_are_installed() -> None:
    with pytest.raises(ModelError, match="provider 'tpu' is not there: choose auto or one of cpu"):
        open_session("model.onnx", "tpu")


@pytest.mark.skipif(not model_names(BUNDLED), reason="no model is bundled yet")
class TestTheBundledModel:
    def test_its_hashes_fit_and_the_default_is_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(MODELS_VARIABLE, raising=False)
        assert load_card(BUNDLED).name in model_names(BUNDLED)

    def test_it_finds_the_heads_of_its_own_test_picture(self) -> None:
        it = load_card(BUNDLED)
        assert it.self_test is not None
        eyes = bundled_eyes(it.name)()
        assert len(eyes.detector.detect(eyes.picture).of(HEAD, it.thresholds.head)) >= it.self_test.min_heads

    def test_its_self_test_picture_is_found_at_half_size_too(self) -> None:
        eyes = bundled_eyes(load_card(BUNDLED).name)()
        half = PixelPicture(eyes.picture.scaled(eyes.picture.width // 2, eyes.picture.height // 2))
        whole, small = (replace(eyes, picture=p) for p in (eyes.picture, half))
        assert len(heads_of(small)) >= 0.5 * len(heads_of(whole))
