"""Watches one camera, or a recording of it, for a minute and says what could be judged there."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from kitchenvision.build import Eyes, chosen_rules, rule_settings
from kitchenvision.config import Settings
from kitchenvision.edge.gate import luma_of
from kitchenvision.edge.survey import Survey, Surveyor
from kitchenvision.frames.open import open_source
from kitchenvision.frames.source import SourceOptions
from kitchenvision.track import Tracker, TrackSettings
from kitchenvision.types import Frame, HeadLook, Track, Zone

CHECK_FPS = 2.0
"""Frames a second that are looked at: people do not grow within half a second."""


@dataclass(frozen=True)
class Checked:
    """What came of it; `shown` is the frame with the most heads, `zones` those that were due."""

    survey: Survey
    shown: Frame
    zones: tuple[Zone, ...]


def check_camera(
    url: str,
    options: SourceOptions,
    settings: Settings,
    eyes: Eyes,
    seconds: float,
    on_second: Callable[[float], None] = lambda _: None,
) -> Checked:
    """Watch a stream or a file.

    Args:
        url: with credentials. settings: zones and rules of the camera. seconds: of media time.
        on_second: told how far it is, for a bar.

    Raises:
        SourceError: no picture came at all.
    """
    rules = chosen_rules(None)
    zones = settings.zone_values(tuple(rules))
    surveyor = Surveyor(rules, rule_settings(rules, settings, eyes.card), zones)
    thresholds = eyes.card.thresholds
    tracker = Tracker(TrackSettings(person=thresholds.person, head=thresholds.head))
    shown: tuple[int, Frame] | None = None
    with _frames(url, options, seconds) as frames:
        for frame in frames:
            picture = frame.picture
            size = (picture.width, picture.height)
            tracks = tracker.update(frame.media_s, eyes.detector.detect(picture), size).tracks
            seen = _looks(eyes, frame, tracks)
            surveyor.add(frame.media_s, size, luma_of(picture), seen)
            if shown is None or len(seen) >= shown[0]:
                shown = len(seen), frame
            on_second(frame.media_s)
    assert shown is not None  # a source without a picture says so when it is opened
    return Checked(surveyor.result(), shown[1], zones)


def _looks(eyes: Eyes, frame: Frame, tracks: Sequence[Track]) -> list[tuple[Track, HeadLook]]:
    with_head = [track for track in tracks if track.head_xyxy is not None]
    boxes = [track.head_xyxy for track in with_head if track.head_xyxy is not None]
    return list(zip(with_head, eyes.looker.look(frame.picture, boxes, cigarettes=False), strict=True))


@contextmanager
def _frames(url: str, options: SourceOptions, seconds: float) -> Iterator[Iterator[Frame]]:
    with open_source(url, options) as source:

        def until() -> Iterator[Frame]:
            for frame in source.frames():
                yield frame
                if frame.media_s >= seconds:
                    return

        yield until()
