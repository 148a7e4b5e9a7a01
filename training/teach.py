"""Stage `teach`: a shipped model's sure answers where the labels are silent.

Pictures of smokers have no head boxes, hard hats no masks, some masked faces no hats. Seen large, most of these are
easy; the zoom look then learns them as small and blurred as a camera sees them, with an answer that was given from
the large picture. What the model is not sure of stays unasked. Writes OUT/set/taught.bin, .jsonl (squares around
new heads) and answers.jsonl (answers to heads of OUT/set/heads that lack one).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kitchenvision.build import Eyes
from kitchenvision.geometry import as_xyxy
from kitchenvision.types import HeadLook
from training.answers import as_picture, heads_of, open_model, read_bgr
from training.build import head_facts, read_rows, read_set, square
from training.labels import Picture, Row
from training.pack import Pack, pack_squares
from training.settings import DataSettings, Settings

_FOUND = 0.6  # confidence of a head that is taken for one
_LEAST_PX = 48.0  # a smaller head teaches nothing that its picture does not show anyway
_FAMILIES = ("smoke",)


def sure(answers: dict[str, float], least: float) -> str | None:
    """The answer that has at least that probability."""
    best = max(answers, key=lambda name: answers[name])
    return best if answers[best] >= least else None


def _answers(look: HeadLook, least: float) -> dict[str, str | None]:
    return {
        "hat": sure({name: getattr(look.hat, name) for name in ("covered", "bare", "cannot_judge")}, least),
        "mask": sure(
            {name: getattr(look.mask, name) for name in ("worn", "incorrect", "none", "cannot_judge")}, least
        ),
    }


def new_heads(eyes: Eyes, data: Path, picture: Picture, settings: DataSettings) -> Iterator[tuple[Any, Row]]:
    """Squares around the heads of a picture that has no head labels, with what is sure of each."""
    image = read_bgr(data / picture.file)
    for box, confidence, look in heads_of(eyes, as_picture(image)):
        large = max(box[2] - box[0], box[3] - box[1]) >= _LEAST_PX
        given = _answers(look, settings.taught_least)
        if not large or confidence < _FOUND or given["hat"] == given["mask"] is None:
            continue
        crop = square(image, box, settings.crop_heads, settings.crop_side_px)
        yield crop.picture, head_facts(picture, [crop.moved(box)], kind="head", family="taught", **given)


def missing_answers(eyes: Eyes, pack: Pack, settings: DataSettings) -> Iterator[Row]:
    """{index, hat?, mask?} for training heads of a pack that lack an answer and are large enough to give one."""
    for i, fact in enumerate(pack.facts):
        lacking = [question for question in ("hat", "mask") if fact[question] is None]
        if fact["split"] != "train" or fact["kind"] != "head" or fact["judged"] != "all" or not lacking:
            continue
        box = tuple(fact["boxes"][0])
        if max(box[2] - box[0], box[3] - box[1]) < _LEAST_PX or fact["family"] in ("render", "clean", "still"):
            continue
        (look,) = eyes.looker.look(as_picture(pack.picture(i)), [as_xyxy(box)], cigarettes=False)
        given = {name: answer for name, answer in _answers(look, settings.taught_least).items() if name in lacking}
        if any(given.values()):
            yield {"index": i, **given}


def teach(data: Path, out: Path, settings: Settings, model: Path) -> None:
    """Run the stage with the looks of a model folder. Prints how many answers each question got."""
    eyes = open_model(model, "fast", settings.zoom.loop.threads)
    counted: Counter[str] = Counter()
    rows = list(missing_answers(eyes, Pack(out / "set/heads"), settings.data))
    for row in rows:
        counted.update(f"labelled heads: {q} {row[q]}" for q in ("hat", "mask") if row.get(q))
    (out / "set/answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    pictures = [p for p in read_set(out) if p.split == "train" and p.family in _FAMILIES]
    for facts in pack_squares(out / "set/taught", pictures, lambda p: new_heads(eyes, data, p, settings.data)):
        counted.update(f"new heads: {q} {facts[q]}" for q in ("hat", "mask"))
    for what, n in sorted(counted.items()):
        print(f"{n:7d}  {what}")


def taught_heads(out: Path) -> list[Pack]:
    """The packs of heads that there are: labelled (completed by what was taught), taught, stray, rendered ones."""
    labelled = Pack(out / "set/heads")
    for row in read_rows(out / "set/answers.jsonl"):
        fact = labelled.facts[row["index"]]
        fact |= {q: row[q] for q in ("hat", "mask") if row.get(q) and fact[q] is None}
    more = [out / "set" / name for name in ("taught", "strays", "renders")]
    return [labelled, *(Pack(path) for path in more if path.with_suffix(".jsonl").is_file())]
