"""Stage `strays`: heads on which a shipped model answers and nobody put a label, though every face has one.

On pictures of masks each face is labelled. A head without a label is one whose face nobody could judge: seen from
behind, bowed, hidden, blurred by the photographer or on purpose, in the dark. What a shipped model takes for a head
there teaches the zoom look that its mask cannot be judged. It may be no head at all (a chair, a lamp), so that is
not asked, nor is its hat. Where the model is sure of head and mask both, the labellers rather forgot one: left out.

Writes OUT/set/strays.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kitchenvision.build import Eyes
from kitchenvision.detect.model_card import Profile
from kitchenvision.types import Xyxy
from training.answers import as_picture, heads_of, open_model, read_bgr
from training.build import head_facts, read_set, square
from training.head_crops import overlap
from training.labels import Picture, Row
from training.pack import pack_squares
from training.settings import DataSettings, Settings

FAMILIES = ("mask",)
_FOUND = 0.4  # confidence of a head that is taken for one
_FORGOTTEN = 0.75  # from here on, and with a mask or a bare face as sure as _SURE, it is a face without a label
_SURE = 0.9
_TOUCHES = 0.05  # IoU with anything labelled
_LEAST_PX = 14.0  # what is smaller cannot be judged anyway


def is_stray(box: Xyxy, confidence: float, mask_chance: float, picture: Picture) -> bool:
    """Whether a head found on a picture is one that its labels pass over because it cannot be judged.

    Args:
        mask_chance: the largest probability of a definite answer: worn, worn wrongly, none.
    """
    small = max(box[2] - box[0], box[3] - box[1]) < _LEAST_PX
    if small or confidence < _FOUND or (confidence >= _FORGOTTEN and mask_chance >= _SURE):
        return False
    return all(overlap(np.asarray(box), np.asarray(other.xyxy)) <= _TOUCHES for other in picture.boxes)


def stray_squares(eyes: Eyes, data: Path, picture: Picture, settings: DataSettings) -> Iterator[tuple[Any, Row]]:
    """Squares around the strays of one picture, with what they teach."""
    image = read_bgr(data / picture.file)
    for box, confidence, look in heads_of(eyes, as_picture(image)):
        definite = max(look.mask.worn, look.mask.incorrect, look.mask.none)
        if is_stray(box, confidence, definite, picture):
            crop = square(image, box, settings.crop_heads, settings.crop_side_px)
            facts = head_facts(picture, [crop.moved(box)], kind="stray", family="stray", mask="cannot_judge")
            yield crop.picture, facts


def strays(data: Path, out: Path, settings: Settings, model: Path, profile: Profile) -> None:
    """Run the stage with the looks of a model folder. Prints how many squares there are."""
    eyes = open_model(model, profile, settings.zoom.loop.threads)
    pictures = [p for p in read_set(out) if p.split == "train" and p.family in FAMILIES]
    packed = pack_squares(out / "set/strays", pictures, lambda p: stray_squares(eyes, data, p, settings.data))
    print(f"{len(packed):7d}  strays on {len(pictures)} pictures")
