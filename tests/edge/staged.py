"""A kitchen that is staged by grey levels: who sees the picture's number knows whether the cook wears a hat."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from builders import detections, look

from kitchenvision.build import Eyes, open_eyes
from kitchenvision.config import RuleSection
from kitchenvision.edge.settings import CameraSection, EdgeSettings
from kitchenvision.types import Detections, HeadLook, Picture, Xyxy

sys.path.append(str(Path(__file__).resolve().parents[1] / "frames"))

from made_media import LEVELS, Recipe, make_video, number_of, numbered

CYCLE_S = LEVELS / 10
BARE_BELOW = 30
# A finding after a second of bare head, over after a second of hat: one for every cycle of five and a half seconds.
QUICK = RuleSection(
    window_s=1.0, longest_window_s=1.5, min_looks=3, clear_s=1.0, resume_s=0.2, spacing_s=0.1, confirm_log_odds=3.0
)


class StagedEyes:
    """Detector and looker: one head in the middle, bare while the number is below 30."""

    def detect(self, picture: Picture) -> Detections:
        """One person with a head, wherever the picture is how large."""
        width, height = picture.width, picture.height
        head = (width * 0.4, height * 0.2, width * 0.6, height * 0.65)
        return detections([(width * 0.2, height * 0.1, width * 0.8, height * 0.99)], [head])

    def look(
        self, picture: Picture, heads: Sequence[Xyxy], cigarettes: bool = True, glance: bool = False
    ) -> list[HeadLook]:
        """As the number says."""
        bare = 0.978 if number_of(picture.rgb()) < BARE_BELOW else 0.02
        return [look(bare=bare) for _ in heads]


def staged_eyes() -> Eyes:
    """The bundled model's card with staged looks."""
    staged: Any = StagedEyes()
    return replace(open_eyes(None, None, "fast", threads=1), detector=staged, looker=staged, cigarettes=None)


def staged_clips(folder: Path, seconds: float) -> None:
    """``cam_a.mp4``; in another resolution ``cam_b.mp4``; in another codec ``cam_c.mp4``."""
    codecs = {"cam_a": ("libx264", 96, 72), "cam_b": ("libx264", 160, 120), "cam_c": ("libx265", 96, 72)}
    for name, (codec, width, height) in codecs.items():
        recipe = Recipe(seconds, 10, codec, width=width, height=height, gop=10, b_frames=0, movflags="")
        make_video(folder / f"{name}.mp4", recipe)


def staged_settings(data: Path, urls: dict[str, str]) -> EdgeSettings:
    """One rule, five frames a second, nothing left out."""
    return EdgeSettings(
        canteen_id="canteen-1",
        data=data,
        calm_fps=5.0,
        health=False,  # grey pictures are a covered lens to it
        cameras=tuple(CameraSection(id=name, url=url) for name, url in urls.items()),
        rules={"no_hat": QUICK, "no_mask": RuleSection(confirm_log_odds=100.0)},
    )


__all__ = ["numbered", "staged_clips", "staged_eyes", "staged_settings"]
