"""The values that flow are frozen and check their shapes at the door."""

import dataclasses

import numpy as np
import pytest
from builders import detections, frame, head_at, look, observation, person_at, track

from kitchenvision.errors import MissingExtra, SettingsError, without_credentials
from kitchenvision.types import CLASSES, HEAD, PERSON, Detections, RuleSettings, Zone


@pytest.mark.parametrize(
    "value",
    [
        frame(0.0),
        detections([person_at(100)]),
        track(),
        look(),
        observation(0.0),
        Zone("a", (), ()),
        RuleSettings(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_flows_cannot_be_changed(value: object) -> None:
    name = dataclasses.fields(value)[0].name  # type: ignore[arg-type]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, None)


@pytest.mark.parametrize(
    "shapes", [((2, 4), (1,), (2,)), ((2, 4), (2,), (3,)), ((2, 5), (2,), (2,)), ((4,), (1,), (1,))]
)
def test_detections_of_unequal_shapes_are_refused_saying_expected_and_got(
    shapes: tuple[tuple[int, ...], ...],
) -> None:
    boxes, confidence, classes = shapes
    with pytest.raises(ValueError, match=r"expected xyxy \(N, 4\).*got"):
        Detections(np.zeros(boxes, np.float32), np.zeros(confidence, np.float32), np.zeros(classes, np.int64))


def test_detections_of_one_class_are_those_with_enough_confidence() -> None:
    found = detections([person_at(100), person_at(400)], [head_at(100)])
    assert len(found.of(PERSON)) == 2
    assert len(found.of(HEAD)) == 1
    assert len(found.of(HEAD, 0.95)) == 0
    assert (CLASSES[PERSON], CLASSES[HEAD]) == ("person", "head")


def test_no_detections_are_empty_and_can_be_asked_like_others() -> None:
    assert len(Detections.none().of(PERSON)) == 0


def test_the_image_of_a_frame_is_its_picture_at_full_size() -> None:
    assert frame(0.0).image.shape == (480, 640, 3)


def test_a_settings_error_says_file_key_and_problem() -> None:
    error = SettingsError("kitchen.toml", "rules.no_hat.window_s", "got -1, a number above 0 is allowed")
    assert str(error) == "kitchen.toml: rules.no_hat.window_s: got -1, a number above 0 is allowed"
    assert str(SettingsError("kitchen.toml", "", "no such file")) == "kitchen.toml: no such file"


def test_a_missing_extra_says_what_to_type() -> None:
    assert "pip install 'kitchenvision[regulator]'" in str(MissingExtra("regulator", "the review page"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://admin:s3cret@10.0.0.7/1 timed out", "rtsp://***@10.0.0.7/1 timed out"),
        ("from http://a:b@h/x to https://c@h/y", "from http://***@h/x to https://***@h/y"),
        ("rtsp://10.0.0.7/@me", "rtsp://10.0.0.7/@me"),
        ("rtsp://admin:p@ss@10.0.0.7/1", "rtsp://***@10.0.0.7/1"),
        ("rtsp://admin:p/ss@10.0.0.7/1 timed out", "rtsp://***@10.0.0.7/1 timed out"),
        ("rtsp://admin:p@s/s@10.0.0.7:554/1", "rtsp://***@10.0.0.7:554/1"),
    ],
)
def test_no_message_carries_credentials(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
