"""Small, valid values for tests; every argument that a test does not name is unremarkable."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from kitchenvision.evidence import Place
from kitchenvision.types import (
    CIGARETTE,
    HEAD,
    PERSON,
    Cigarette,
    Detections,
    Frame,
    HatAnswer,
    HeadLook,
    MaskAnswer,
    Observation,
    Picture,
    Pixels,
    Track,
    Verdict,
    Xyxy,
)
from kitchenvision.wire import ModelRef

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SIZE = (640, 480)
PLACE = Place(
    canteen_id="school-7",
    camera_id="厨房-1",
    video="早上.mp4",
    source_id="ab" * 32,
    captured_at_source="container",
    model=ModelRef(name="canteen-n", version="1", files={"model.onnx": "0" * 64}),
    software_version="0.1.0",
)
V, C, N = Verdict.VIOLATING, Verdict.COMPLIANT, Verdict.CANNOT_JUDGE


def head_at(x: float, y: float = 100.0, px: float = 40.0) -> Xyxy:
    """A square head box with its middle at (x, y)."""
    return x - px / 2, y - px / 2, x + px / 2, y + px / 2


def person_at(x: float, y: float = 100.0, px: float = 40.0) -> Xyxy:
    """The person below such a head: two and a half heads wide, six and a half tall."""
    return x - 1.25 * px, y - px / 2, x + 1.25 * px, y + 6 * px


def track(track_id: int = 1, x: float = 300.0, y: float = 100.0, px: float = 40.0, stretch: int = 0) -> Track:
    """Somebody whose head's middle is at (x, y); the feet are not seen."""
    return Track(track_id, stretch, person_at(x, y, px), head_at(x, y, px), 0.9, False)


def hat(bare: float = 0.02, cannot: float = 0.02) -> HatAnswer:
    """The rest is covered."""
    return HatAnswer(1 - bare - cannot, bare, cannot)


def mask(none: float = 0.02, incorrect: float = 0.0, cannot: float = 0.02) -> MaskAnswer:
    """The rest is worn."""
    return MaskAnswer(1 - none - incorrect - cannot, incorrect, none, cannot)


def look(
    bare: float = 0.02,
    no_mask: float = 0.02,
    cigarettes: Sequence[Cigarette] = (),
    head_px: float = 40.0,
    sharpness: float = 8.0,
    head: float = 0.98,
) -> HeadLook:
    """A big, sharp head with hat and mask unless told otherwise."""
    return HeadLook(head, hat(bare), mask(no_mask), tuple(cigarettes), True, head_px, sharpness)


def cigarette(x: float, y: float, confidence: float = 0.9, px: float = 8.0) -> Cigarette:
    """A small thing with its middle at (x, y)."""
    return Cigarette((x - px / 2, y - px / 4, x + px / 2, y + px / 4), confidence)


def observation(
    media_s: float,
    verdict: Verdict = V,
    probability: float | None = None,
    stretch: int = 0,
    quality: float = 0.5,
    x: float = 300.0,
) -> Observation:
    """One look of track 1 under no_hat; its probability follows from the verdict."""
    usual = {V: 0.95, C: 0.05, N: 0.5}[verdict]
    return Observation(
        media_s=media_s,
        rule_id="no_hat",
        track_id=1,
        stretch=stretch,
        verdict=verdict,
        probability=usual if probability is None else probability,
        quality=quality,
        person_xyxy=person_at(x),
        head_xyxy=head_at(x),
    )


def detections(
    persons: Sequence[Xyxy] = (),
    heads: Sequence[Xyxy] = (),
    cigarettes: Sequence[Xyxy] = (),
    confidence: float = 0.9,
) -> Detections:
    """Boxes by class, all with one confidence."""
    boxes = [*persons, *heads, *cigarettes]
    classes = [PERSON] * len(persons) + [HEAD] * len(heads) + [CIGARETTE] * len(cigarettes)
    return Detections(
        np.asarray(boxes, np.float32).reshape(-1, 4),
        np.full(len(boxes), confidence, np.float32),
        np.asarray(classes, np.int64),
    )


class GreyPicture:
    """A `types.Picture` of one grey level."""

    def __init__(self, level: int = 128, width: int = SIZE[0], height: int = SIZE[1]) -> None:
        self.level, self._width, self._height = level, width, height

    @property
    def width(self) -> int:
        """Pixels."""
        return self._width

    @property
    def height(self) -> int:
        """Pixels."""
        return self._height

    def rgb(self) -> Pixels:
        """One level everywhere."""
        return self.scaled(self._width, self._height)

    def scaled(self, width: int, height: int) -> Pixels:
        """One level everywhere."""
        return np.full((height, width, 3), self.level, np.uint8)


class PixelPicture(GreyPicture):
    """A `types.Picture` of given pixels; scales to the nearest pixel."""

    def __init__(self, pixels: Pixels) -> None:
        super().__init__(0, pixels.shape[1], pixels.shape[0])
        self._pixels = pixels

    def scaled(self, width: int, height: int) -> Pixels:
        """The nearest source pixel of each."""
        rows = np.arange(height) * self._height // height
        columns = np.arange(width) * self._width // width
        return np.ascontiguousarray(self._pixels[rows][:, columns])


def frame(media_s: float, index: int = 0, picture: Picture | None = None) -> Frame:
    """A frame that was taken `media_s` after START."""
    return Frame(picture or GreyPicture(), index, media_s, START + timedelta(seconds=media_s))
