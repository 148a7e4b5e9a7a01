"""Stage `heads`: boxes of heads by a shipped model, on pictures where nobody labelled heads.

Those are the pictures of smokers, more than a third of the set. Where silence means nothing, a frame look that
learns from them forgets heads like theirs: large faces, cut off by the border, a hand before them. What the
model is sure of becomes a positive, what it doubts a region that is neither, everything else background.
"""

from __future__ import annotations

import json
from pathlib import Path

from kitchenvision.detect.model_card import Profile
from training.answers import as_picture, heads_of, open_model
from training.build import read_rows, read_set, rows_before_a_kill
from training.labels import Picture
from training.pack import Pack
from training.settings import Settings

FILE = "set/found_heads.jsonl"


def unlabelled(pictures: list[Picture]) -> list[Picture]:
    """Training pictures that may show heads of which nobody labelled one."""
    return [p for p in pictures if p.split == "train" and p.known["head"] == "none"]


def find_heads(out: Path, settings: Settings, model: Path, profile: Profile) -> None:
    """Write OUT/set/found_heads.jsonl: per such picture its heads, in pixels of the original.

    What a killed run had written (found_heads.jsonl.part) is gone on with; the file has its name once it is whole.
    """
    whole = out / FILE
    part = whole.with_name(f"{whole.name}.part")
    done = {row["file"] for row in rows_before_a_kill(part)}
    pictures = [p for p in unlabelled(read_set(out)) if p.file not in done]
    pack = Pack(out / "set/frames")
    places = {fact["file"]: i for i, fact in enumerate(pack.facts)}
    eyes = open_model(model, profile, settings.frame.loop.threads)
    sure = 0
    with part.open("a", encoding="utf-8") as file:
        for n, picture in enumerate(pictures):
            image = pack.picture(places[picture.file])
            scale = picture.width / image.shape[1]
            found = [
                [*(round(v * scale, 1) for v in box), round(confidence, 3)]
                for box, confidence, _ in heads_of(eyes, as_picture(image))
                if confidence > settings.data.heads_ignore
            ]
            sure += sum(row[4] >= settings.data.heads_positive for row in found)
            file.write(json.dumps({"file": picture.file, "heads": found}) + "\n")
            if n % 500 == 0:
                print(f"heads {len(done) + n}/{len(done) + len(pictures)}", flush=True)
    part.replace(whole)
    print(f"{sure:7d}  heads that are taken for such, on {len(pictures)} pictures")


def read_heads(out: Path) -> dict[str, list[list[float]]]:
    """File -> rows of x0, y0, x1, y1, confidence. Empty if the stage did not run."""
    return {row["file"]: row["heads"] for row in read_rows(out / FILE)}
