"""Stage `suspects`: squares around labelled cigarettes and around what a cigarette look takes for one.

A detector that was trained on few pictures mistakes chopsticks, pens, fingers and bright edges for them; its
mistakes on pictures whose cigarettes are all labelled teach the zoom look to tell them apart.

Writes OUT/set/suspects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kitchenvision.detect.model_card import load_card
from kitchenvision.detect.onnx import OnnxDetector, open_session
from kitchenvision.errors import ModelError
from kitchenvision.types import CIGARETTE
from training.answers import as_picture, read_bgr
from training.build import read_set, square
from training.head_crops import overlap
from training.labels import Picture
from training.pack import pack_squares
from training.settings import Settings

PACKED_SIDES = 9.0  # side of a packed square, in longer sides of the suspected cigarette
_PACKED_PX = 256
_LEAST_SCORE = 0.02
_MOST = 6  # mistakes of one picture
_LEAST_PX = 5.0  # a shorter box shows nothing
_TOUCHES = 0.02  # IoU with a labelled cigarette from which a suspect is neither it nor a mistake
_NEAR = 0.25  # of its own side is a labelled cigarette grown before that is asked: labels are drawn loosely

Numbers = np.ndarray[Any, np.dtype[np.float64]]


def open_suspicious(model: Path, threads: int) -> OnnxDetector:
    """The cigarette look of a model folder, with whatever it has the faintest suspicion of.

    Raises:
        ModelError: no network of it finds cigarettes.
    """
    card = load_card(model.parent, model.name).for_cigarettes()
    if card is None:
        raise ModelError(f"{model} has no network that finds cigarettes")
    session = open_session(str(card.path(card.frame.file)), "cpu", threads)
    return OnnxDetector(card, session, "thorough", _LEAST_SCORE)


def mistakes(look: OnnxDetector, image: Any, labelled: list[Numbers]) -> Iterator[tuple[Numbers, float]]:
    """(box, score) of the surest suspects of a BGR picture that touch no labelled cigarette."""
    found = look.detect(as_picture(image)).of(CIGARETTE)
    given = 0
    for i in np.argsort(-found.confidence, kind="stable"):
        box = found.xyxy[i].astype(np.float64)
        large = (box[2:] - box[:2]).max() >= _LEAST_PX
        if large and all(overlap(box, other) <= _TOUCHES for other in labelled):
            yield box, float(found.confidence[i])
            given += 1
        if given == _MOST:
            return


def _grown(box: Numbers) -> Numbers:
    more = _NEAR * (box[2:] - box[:2]).max()
    return box + np.asarray([-more, -more, more, more])


def squares(look: OnnxDetector, image: Any, picture: Picture) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Squares of one picture with their facts; `boxes` are in pixels of the square, the suspect first."""
    cigarettes = [(np.asarray(b.xyxy), b.ignore) for b in picture.boxes if b.kind == "cigarette"]
    wanted = [(box, "cigarette", 1.0) for box, ignored in cigarettes if not ignored]
    near = [_grown(box) for box, _ in cigarettes]
    wanted += [(box, "not_cigarette", score) for box, score in mistakes(look, image, near)]
    for box, kind, score in wanted:
        if (box[2:] - box[:2]).max() < _LEAST_PX:
            continue
        crop = square(image, tuple(box), PACKED_SIDES, _PACKED_PX)
        facts = {
            "file": picture.file,
            "family": picture.family,
            "kind": kind,
            "score": round(score, 4),
            "boxes": [[round(float(v), 2) for v in crop.moved(box)]],
            "source": picture.source,
            "group": picture.group,
            "split": picture.split,
        }
        yield crop.picture, facts


def suspects(data: Path, out: Path, settings: Settings, model: Path) -> None:
    """Run the stage with the cigarette look of a model folder. Prints how many squares each split got."""
    look = open_suspicious(model, settings.zoom.loop.threads)
    pictures = [p for p in read_set(out) if p.known["cigarette"] == "all"]
    packed = pack_squares(out / "set/suspects", pictures, lambda p: squares(look, read_bgr(data / p.file), p))
    counted = Counter(f"{facts['split']} {facts['family']} {facts['kind']}" for facts in packed)
    for what, n in sorted(counted.items()):
        print(f"{n:7d}  {what}")
