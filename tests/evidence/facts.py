"""A finished violation, its frame and its place: what evidence is made of."""

from dataclasses import replace

import numpy as np
from builders import PLACE, START, V, observation, person_at

from kitchenvision.evidence import Evidence, build_evidence, encode_jpeg
from kitchenvision.snapshot import Snapshot
from kitchenvision.types import Pixels, RuleSettings, Violation, Xyxy

OTHER: Xyxy = (400.0, 80.0, 500.0, 340.0)
SETTINGS = RuleSettings()


def image() -> Pixels:
    """A ramp, so that a wrong crop shows."""
    x, y = np.meshgrid(np.arange(640), np.arange(480))
    return np.stack([x // 3, y // 2, (x + y) // 5], axis=2).astype(np.uint8)


def snapshot(media_s: float = 2.0) -> Snapshot:
    """The frame at that time, with the accused and somebody else in it."""
    return Snapshot(media_s, START, encode_jpeg(image()), 640, 480, (person_at(310), OTHER))


def violation(best_s: float = 2.0, **changes: object) -> Violation:
    """Confirmed at 3.0 by looks of a person who walks 5 px a second."""
    looks = tuple(observation(i / 5, V, quality=i / 100, x=300 + i) for i in range(16))
    made = Violation("no_hat", 1, "kitchen", 0.0, 3.0, 0.95, best_s, looks)
    return replace(made, **changes)  # type: ignore[arg-type]


def evidence(settings: RuleSettings = SETTINGS) -> Evidence:
    """Complete and valid."""
    return build_evidence(violation(), snapshot(), PLACE, START, settings)
