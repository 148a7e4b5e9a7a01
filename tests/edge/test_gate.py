"""Which frames of a calm scene are left out, and which never."""

import numpy as np
from builders import GreyPicture
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.edge.gate import HEIGHT, WIDTH, Luma, SceneGate, luma_of

STILL = np.full((HEIGHT, WIDTH), 90, np.int16)


def noisy(seed: int) -> Luma:
    """The still scene as a cheap sensor at night sees it."""
    noise = np.random.default_rng(seed).normal(0, 6, (HEIGHT, WIDTH))
    return np.asarray(np.clip(STILL + noise, 0, 255), np.int16)


def entered(step: int) -> Luma:
    """Somebody small in the still scene, who goes on by a head a step."""
    luma = STILL.copy()
    luma[20:29, 8 + step * 8 % 112 : 16 + step * 8 % 112] += 15
    return luma


def looked_at(seconds: float, people: bool = False, building: bool = False, noise: bool = False) -> int:
    """How many of 5 frames a second are wanted of a still scene at 1 frame a second when calm."""
    gate = SceneGate(calm_fps=1.0)
    frames = range(round(seconds * 5))
    return sum(gate.wants(i / 5, noisy(i) if noise else STILL, people, building) for i in frames)


def test_an_empty_still_scene_is_looked_at_once_a_second_and_then_every_four() -> None:
    """Noise that looks like a movement once costs five seconds more of it."""
    assert looked_at(5) == looked_at(5, noise=True) == 5
    assert looked_at(25) == 5 + 5
    assert looked_at(25, noise=True) <= 5 + 5 + 5


def test_a_still_person_keeps_being_judged() -> None:
    """Twice a second for one who is settled, every frame while something builds up: motion gates no verdict."""
    assert looked_at(10, people=True) >= 17
    assert looked_at(10, people=True, building=True) == 50


def test_somebody_who_comes_in_is_looked_at_with_the_very_frame() -> None:
    """A head of an eighth of the picture's height, against a wall not much darker."""
    gate = SceneGate(calm_fps=1.0)
    assert gate.wants(0.0, STILL, people=False, building=False)
    assert not gate.wants(0.2, STILL, people=False, building=False)
    assert gate.wants(0.4, entered(0), people=False, building=False)


def test_what_goes_on_moving_is_looked_at_every_second_frame_and_all_of_it_while_something_builds_up() -> None:
    """Tracks hold a walk at two and a half frames a second; a violation wants each."""
    for building, wanted in ((False, 25), (True, 50)):
        gate = SceneGate(calm_fps=1.0)
        assert sum(gate.wants(i / 5, entered(i), people=True, building=building) for i in range(50)) == wanted


def test_what_moves_between_two_looks_is_not_forgotten_until_the_next() -> None:
    """Who came in a moment after a look is compared with what that look saw."""
    gate = SceneGate(calm_fps=1.0)
    assert gate.wants(0.0, STILL, people=False, building=False)
    assert not gate.wants(0.2, entered(0), people=False, building=False)
    assert gate.wants(0.4, entered(0), people=False, building=False)


@given(st.lists(st.floats(0.01, 3.0), min_size=1, max_size=60), st.floats(0.2, 5.0))
def test_no_pause_is_longer_than_the_calm_rate_allows(steps: list[float], calm_fps: float) -> None:
    """Whatever the times of the frames: the first frame after the pause is due is taken."""
    gate, now_s, last_s = SceneGate(calm_fps), 0.0, 0.0
    assert gate.wants(0.0, STILL, people=False, building=False)
    for step in steps:
        now_s += step
        if gate.wants(now_s, STILL, people=False, building=False):
            last_s = now_s
        else:
            assert now_s - last_s < max(1 / calm_fps, 4.0 if gate.asleep(now_s) else 0.0)


def test_brightness_of_a_picture_of_any_size() -> None:
    """In levels of 0..255."""
    luma = luma_of(GreyPicture(120))
    assert luma.shape == (HEIGHT, WIDTH)
    assert abs(int(luma.mean()) - 120) <= 1


def asleep_at(gate: SceneGate, seconds: range, people: bool = False, building: bool = False) -> list[int]:
    """The seconds at which key frames would be enough."""
    out = []
    for second in seconds:
        gate.wants(float(second), STILL, people, building)
        if gate.asleep(float(second)):
            out.append(second)
    return out


def test_key_frames_are_enough_after_five_seconds_without_anything() -> None:
    """And never while somebody is there, or something may be building up."""
    assert asleep_at(SceneGate(1.0), range(10)) == [5, 6, 7, 8, 9]
    assert not asleep_at(SceneGate(1.0), range(30), people=True)
    assert not asleep_at(SceneGate(1.0), range(30), building=True)
    assert not asleep_at(SceneGate(2.0), range(30))  # the settings want more pictures than key frames give


def test_motion_ends_the_sleep_with_the_very_frame() -> None:
    """As small as a head."""
    gate = SceneGate(1.0)
    assert asleep_at(gate, range(10))
    gate.wants(10.0, entered(0), people=False, building=False)
    assert not gate.asleep(10.0)
