"""Whether a camera can see: what is told apart, what is not mistaken for it, and when it ends."""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live import CLIPS

from kitchenvision.edge.causes import Cause
from kitchenvision.edge.gate import HEIGHT, WIDTH, Luma, luma_of
from kitchenvision.edge.health import _ON_S, ADVICE, BLIND, CameraHealth, Trouble
from kitchenvision.edge.words import WORDS
from kitchenvision.frames.open import open_source
from kitchenvision.frames.picture import ArrayPicture

Change = Callable[[np.ndarray], np.ndarray]


@cache
def pictures(name: str) -> tuple[np.ndarray, ...]:
    """Rendered kitchens in which people move, full size."""
    with open_source(CLIPS / f"{name}.mp4") as source:
        return tuple(frame.image for frame in source.frames())


def noisy(image: np.ndarray, seed: int) -> Luma:
    """As a sensor sees it, small."""
    noise = np.random.default_rng(seed).normal(0, 3, image.shape)
    return luma_of(ArrayPicture(np.clip(image + noise, 0, 255).astype(np.uint8)))


class Watched:
    """A camera over a clip that is played in a loop, two frames a second."""

    def __init__(self, clip: str = "A1") -> None:
        self.health, self.now_s = CameraHealth(), 0.0
        self.clip = [cv2.resize(image, (384, 216)) for image in pictures(clip)]

    def run(self, seconds: float, change: Change = lambda image: image, clip: str = "") -> "Watched":
        """So many seconds, each picture changed."""
        shown = [cv2.resize(image, (384, 216)) for image in pictures(clip)] if clip else self.clip
        for _ in range(round(seconds * 2)):
            index = round(self.now_s * 2)
            self.health.update(self.now_s, noisy(change(shown[index % len(shown)]), index))
            self.now_s += 0.5
        return self


def dark(image: np.ndarray) -> np.ndarray:
    return (image * 0.05).astype(np.uint8)


def covered(image: np.ndarray) -> np.ndarray:
    return np.full_like(image, 130)


def blurred(image: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 9), np.uint8)


def turned(image: np.ndarray) -> np.ndarray:
    return np.roll(image, (30, 90), axis=(0, 1))


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        (dark, Trouble.TOO_DARK),
        (covered, Trouble.COVERED),
        (blurred, Trouble.OUT_OF_FOCUS),
        (turned, Trouble.MOVED),
    ],
)
def test_each_trouble_is_found_after_its_time_and_ends_after_it(change: Change, trouble: Trouble) -> None:
    """Not before, alone, and gone a few seconds after the picture is right again."""
    one = Watched().run(60)
    assert one.health.troubles == ()
    one.run(_ON_S[trouble] - 0.5, change)
    assert one.health.troubles == ()
    one.run(2, change)
    assert one.health.troubles == (trouble,)
    assert one.health.sees is (trouble not in BLIND)
    one.run(5)
    assert one.health.troubles == ()
    assert one.health.sees


@pytest.mark.parametrize("clip", ["A1", "A2", "A3"])
def test_a_kitchen_at_work_is_no_trouble(clip: str) -> None:
    """For minutes, with people who move through the picture, and with the light going up and down by a third."""
    one = Watched(clip)
    for gain in (1.0, 0.7, 1.0, 1.3, 1.0):
        one.run(40, lambda image, gain=gain: np.clip(image * gain, 0, 255).astype(np.uint8))  # type: ignore[misc]
        assert one.health.troubles == ()


def test_somebody_before_the_lens_for_a_moment_is_no_trouble() -> None:
    """Three seconds of a back."""
    one = Watched().run(60)
    one.run(3, covered)
    one.run(10)
    assert one.health.troubles == ()


def test_a_picture_that_does_not_change_at_all_is_frozen() -> None:
    """After a minute; a still scene with a sensor's noise never is."""
    still, frozen = Watched(), Watched()
    still.clip = still.clip[:1]
    still.run(120)
    assert still.health.troubles == ()
    luma = noisy(frozen.clip[0], 1)
    for i in range(130):
        frozen.health.update(i / 2, luma)
    assert frozen.health.troubles == (Trouble.FROZEN,)
    assert not frozen.health.sees


def test_a_scene_that_stays_is_the_new_one() -> None:
    """Somebody turned the camera on purpose: after ten minutes it is no news any more."""
    one = Watched().run(60)
    one.run(60, turned)
    assert one.health.troubles == (Trouble.MOVED,)
    one.run(560, turned)
    assert one.health.troubles == ()
    one.run(60, turned)
    assert one.health.troubles == ()


@given(st.lists(st.tuples(st.booleans(), st.floats(0.1, 4.0)), max_size=60))
def test_a_trouble_is_never_found_sooner_than_its_debounce(moves: list[tuple[bool, float]]) -> None:
    """Whatever the frames' times: dark for less than five seconds in a row is not too dark."""
    health, now_s, since_s = CameraHealth(), 0.0, None
    night, day = np.zeros((HEIGHT, WIDTH), np.int16), np.full((HEIGHT, WIDTH), 100, np.int16)
    day[::2, ::3] = 180
    for is_night, passed_s in moves:
        now_s += passed_s
        health.update(now_s, night if is_night else day)
        if is_night:
            since_s = now_s if since_s is None else since_s
        elif Trouble.TOO_DARK not in health.troubles:
            since_s = None
        if Trouble.TOO_DARK in health.troubles:
            assert since_s is not None
            assert now_s - since_s >= 5.0


@pytest.mark.parametrize("trouble", sorted(Trouble))
def test_every_trouble_has_a_name_and_advice_in_both_languages(trouble: Trouble) -> None:
    """And is not the name of a cause."""
    assert set(ADVICE[trouble]) == {"en", "zh"}
    assert trouble.value in WORDS
    assert trouble.value not in {cause.value for cause in Cause}
