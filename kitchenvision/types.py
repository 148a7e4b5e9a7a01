"""The values that flow: frame, detections, track, look, observation, violation. All frozen.

Boxes are `xyxy` in pixels of the picture as displayed (rotation applied), full size. `_s` is seconds of
media time, `_at` a UTC instant.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Xyxy = tuple[float, float, float, float]

CLASSES = ("person", "head", "cigarette")
PERSON, HEAD, CIGARETTE = range(len(CLASSES))


class Picture(Protocol):
    """One decoded picture that is converted only as far as somebody needs it."""

    @property
    def width(self) -> int:
        """Pixels, as displayed."""

    @property
    def height(self) -> int:
        """Pixels, as displayed."""

    def rgb(self) -> Pixels:
        """(height, width, 3) uint8 RGB, full size; converted once and kept. Do not write into it."""

    def scaled(self, width: int, height: int) -> Pixels:
        """(height, width, 3) uint8 RGB, resized; does not force the full-size conversion."""


@dataclass(frozen=True)
class Frame:
    """One sampled picture with both of its times.

    Attributes:
        picture: the pixels, lazily converted.
        index: 0, 1, 2, ... over the sampled frames of one source.
        media_s: presentation time in the source, seconds, never decreasing; the first picture of a file is 0.
        captured_at: wall-clock instant, UTC.
    """

    picture: Picture
    index: int
    media_s: float
    captured_at: datetime

    @property
    def image(self) -> Pixels:
        """(height, width, 3) uint8 RGB, full size."""
        return self.picture.rgb()


class MainUse(StrEnum):
    """Whether a look was at the main stream's picture of its frame, and why not; told in traces and metrics."""

    NONE = ""  # of this camera one stream is known
    NOT_ASKED = "not asked"  # nothing was building up
    USED = "used"
    ABSENT = "absent"  # nothing of the main stream had arrived by then
    LATE = "late"  # the newest that had arrived was too old
    CATCHING_UP = "catching up"  # its last key frame is too far back to decode all of it at once
    DAMAGED = "damaged"  # what had arrived gave no picture
    NOT_LARGER = "not larger"  # it shows no more than the sub-stream's
    NOT_FOUND = "not found"  # the head is not recognised on it


@dataclass(frozen=True)
class MainPicture:
    """A picture of a camera's main stream, to go with a frame of its sub-stream; `captured_at` is its own time."""

    picture: Picture
    captured_at: datetime


@dataclass(frozen=True)
class Detections:
    """What the frame look found in one frame.

    Attributes:
        xyxy: (N, 4) float32, pixels.
        confidence: (N,) float32 in 0..1.
        class_id: (N,) int64, index into `CLASSES`.
    """

    xyxy: Floats
    confidence: Floats
    class_id: Ints

    def __post_init__(self) -> None:
        n = len(self.xyxy)
        if self.xyxy.shape != (n, 4) or self.confidence.shape != (n,) or self.class_id.shape != (n,):
            raise ValueError(
                "expected xyxy (N, 4), confidence (N,), class_id (N,); "
                f"got {self.xyxy.shape}, {self.confidence.shape}, {self.class_id.shape}"
            )

    def __len__(self) -> int:
        return len(self.xyxy)

    def of(self, class_id: int, least: float = 0.0) -> "Detections":
        """Those of one class with at least this confidence."""
        return self[(self.class_id == class_id) & (self.confidence >= least)]

    def __getitem__(self, keep: npt.NDArray[np.bool_] | Ints) -> "Detections":
        return Detections(self.xyxy[keep], self.confidence[keep], self.class_id[keep])

    @staticmethod
    def none() -> "Detections":
        """No detections."""
        return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))


@dataclass(frozen=True)
class Track:
    """One person in one frame, the same `track_id` over time in one camera.

    Attributes:
        track_id: 1, 2, 3, ... in order of appearance.
        stretch: grows when identity became doubtful (crossing, long occlusion); votes start again then.
        person_xyxy: the person's box; where no person was found, the head's box grown to 3x3 heads.
        head_xyxy: the head's box, or None when no head was found in this frame.
        head_confidence: 0..1; 0 without a head.
        feet_seen: the person's box ends above the picture's bottom edge and reaches well below the head.
    """

    track_id: int
    stretch: int
    person_xyxy: Xyxy
    head_xyxy: Xyxy | None
    head_confidence: float
    feet_seen: bool


@dataclass(frozen=True)
class HatAnswer:
    """Probabilities that add up to 1."""

    covered: float
    bare: float
    cannot_judge: float


@dataclass(frozen=True)
class MaskAnswer:
    """Probabilities that add up to 1. `incorrect`: under the nose or on the chin."""

    worn: float
    incorrect: float
    none: float
    cannot_judge: float


@dataclass(frozen=True)
class Cigarette:
    """One cigarette near a head: box in pixels of the frame and confidence."""

    xyxy: Xyxy
    confidence: float


@dataclass(frozen=True)
class HeadLook:
    """The zoom look's answers on one head.

    Attributes:
        head: probability that this is a head at all.
        hat, mask: the answers.
        cigarettes: cigarettes found in the crop of the head with shoulders and hands.
        cigarette_looked: whether cigarettes were looked for; None where it was not their turn, False where it
            cannot be done.
        head_px: the head's height on the picture that was looked at.
        sharpness: mean absolute Laplacian of the head's crop, grey levels; low is blurred.
        main: whether that picture was the main stream's.
    """

    head: float
    hat: HatAnswer
    mask: MaskAnswer
    cigarettes: tuple[Cigarette, ...]
    cigarette_looked: bool | None
    head_px: float
    sharpness: float
    main: MainUse = MainUse.NONE


class Verdict(StrEnum):
    """What one look says for one rule."""

    VIOLATING = "violating"
    COMPLIANT = "compliant"
    CANNOT_JUDGE = "cannot_judge"


@dataclass(frozen=True)
class Observation:
    """What is known of one track in one frame for one rule.

    Attributes:
        media_s: time of the frame.
        rule_id: such as ``no_hat``.
        track_id, stretch: as in `Track`.
        verdict: violating, compliant, cannot judge.
        probability: of violating, given that it could be judged; 0..1.
        quality: how well the frame shows it, 0..1 (size, sharpness, confidence); picks the snapshot.
        person_xyxy, head_xyxy: boxes in that frame.
        cigarette_xyxy: the cigarette, for smoking.
        why: a short reason where it cannot be judged, such as ``too small``.
        main: whether the main stream's picture was looked at. The boxes are of the sub-stream's all the same.
    """

    media_s: float
    rule_id: str
    track_id: int
    stretch: int
    verdict: Verdict
    probability: float
    quality: float
    person_xyxy: Xyxy
    head_xyxy: Xyxy
    cigarette_xyxy: Xyxy | None = None
    why: str = ""
    main: MainUse = MainUse.NONE

    @property
    def worth(self) -> tuple[int, float]:
        """Which of several looks shows it best to people: the main stream's first, then by quality."""
        return {MainUse.USED: 2, MainUse.NOT_ASKED: 0}.get(self.main, 1), self.quality


@dataclass(frozen=True)
class Zone:
    """A part of the picture and what is due there.

    Attributes:
        name: shown to people.
        polygon: corners in relative coordinates, 0..1 of width and height; empty = the whole picture.
        rules: rule ids that are due.
        hours: (from, to) in minutes of the local day; empty = at all hours; to < from spans midnight.
    """

    name: str
    polygon: tuple[tuple[float, float], ...]
    rules: tuple[str, ...]
    hours: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class RuleSettings:
    """How a rule's looks become a violation. Each default and its reason stand in docs/rules.md.

    Attributes:
        window_s: looks of this many seconds are weighed together.
        longest_window_s: with too few looks the window stretches up to this.
        min_looks: least number of judged looks.
        min_ratio: least share of the judged looks that violate.
        confirm_log_odds: least discounted sum of log-odds.
        spacing_s: looks closer than this share one vote, since one pose seen twice is one error twice.
        clear_ratio: below this share of violating looks in a window the violation ends.
        clear_s: that long without a violating look ends it too, if it could be judged.
        resume_s: a track that returns within this time continues its violation.
        min_head_px: smaller heads cannot be judged.
        min_sharpness: more blurred heads cannot be judged.
        min_head: least probability that it is a head at all.
        max_doubt: an answer with more probability of "cannot judge" is not judged.
        min_margin: an answer whose probability is closer to a half than this is not judged.
        min_object: least confidence of the object that the rule looks for (a cigarette).
    """

    window_s: float = 3.0
    longest_window_s: float = 10.0
    min_looks: int = 5
    min_ratio: float = 0.6
    confirm_log_odds: float = 4.0
    spacing_s: float = 0.4
    clear_ratio: float = 0.3
    clear_s: float = 5.0
    resume_s: float = 30.0
    min_head_px: float = 18.0
    min_sharpness: float = 1.0
    min_head: float = 0.5
    max_doubt: float = 0.5
    min_margin: float = 0.2
    min_object: float = 0.35


@dataclass(frozen=True)
class Violation:
    """A rule's confirmed finding on one track.

    Attributes:
        rule_id, track_id: which rule, who.
        zone: name of the zone in which the rule was due.
        started_s: first violating look of the confirming window.
        confirmed_s: when the evidence sufficed.
        ended_s: when it was cleared or the track ended; None while open.
        confidence: 0..1, mean calibrated probability of the judged looks of the window.
        best_s: media time of the frame that shows it best; always inside the confirming window.
        looks: the observations of the confirming window, in order of time.
        end_reason: ``cleared``, ``track ended``, ``source ended`` or ``restarted``; empty while open.
    """

    rule_id: str
    track_id: int
    zone: str
    started_s: float
    confirmed_s: float
    confidence: float
    best_s: float
    looks: tuple[Observation, ...] = field(repr=False)
    ended_s: float | None = None
    end_reason: str = ""
