"""Pictures are kept as long as they may become evidence, and no longer."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from builders import V, detections, frame, observation
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.album import Album
from kitchenvision.close_up import CloseUp
from kitchenvision.types import Observation, Violation

KEEP_S = 3.0


def taken(album: Album, looks: Sequence[Observation]) -> None:
    """One frame with these looks, all of one time."""
    at_s = looks[0].media_s
    album.keep(frame(at_s, round(at_s * 5)), detections(), CloseUp(), looks)


def finding(looks: Sequence[Observation]) -> Violation:
    """As the debounce picks the best: the first of the highest quality."""
    best = max(looks, key=lambda look: look.quality)
    return Violation("no_hat", 1, "kitchen", looks[0].media_s, looks[-1].media_s, 0.9, best.media_s, tuple(looks))


@given(qualities=st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_the_best_look_of_every_window_has_its_picture(qualities: list[int]) -> None:
    """Of windows that end with the latest look, however long; and what a later look beats is gone."""
    album, looks = Album(KEEP_S), list[Observation]()
    for i, quality in enumerate(qualities):
        looks.append(observation(i / 5, V, quality=quality / 4))
        taken(album, [looks[-1]])
        window = [look for look in looks if look.media_s >= looks[-1].media_s - KEEP_S - 1e-3]
        for begin in range(len(window)):
            violation = finding(window[begin:])
            assert album.best(violation).media_s == violation.best_s
        kept = [page.snapshot.media_s for page in album._pages]
        assert kept == [
            look.media_s
            for number, look in enumerate(window)
            if all(later.quality <= look.quality for later in window[number:])
        ]


def test_each_accused_and_each_rule_has_its_own() -> None:
    """A better look at one does not take the other's picture away."""
    album = Album(KEEP_S)
    first, second = observation(0.0, V, quality=0.5), replace(observation(0.0, V, quality=0.5), track_id=2)
    taken(album, [first, second])
    taken(album, [observation(0.2, V, quality=0.9)])
    assert len(album) == 2
    assert album.best(replace(finding([second]), track_id=2)).media_s == 0.0
    taken(album, [replace(observation(0.4, V, quality=0.9), track_id=2)])
    assert len(album) == 2
    with pytest.raises(KeyError):
        album.best(replace(finding([first]), track_id=3))
