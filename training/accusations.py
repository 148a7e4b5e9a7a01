"""Stage `accusations`: how often the whole line accuses somebody who does what the rule asks.

Scenes are stills that neither trained nor calibrated, made into film: heads as small as a kitchen camera sees
them, panned, shaken, noised and compressed. The scenes run through decoder, looks, tracks and rules as any
recording does. An accusation counts as false when it falls on a head that is labelled compliant, and as stray when
it falls on nothing that is labelled (a poster, a pot, an unlabelled head). Where a rule's answer is not labelled at
all, that rule is not counted. The bound is Poisson's, one-sided, 95 %.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC
from functools import cache, partial
from hashlib import sha256
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from scipy.stats import chi2

from kitchenvision.build import Eyes, build_stages, chosen_rules, rule_settings
from kitchenvision.config import Profile
from kitchenvision.config import Settings as PackageSettings
from kitchenvision.detect.model_card import load_card
from kitchenvision.evidence import Evidence, Place
from kitchenvision.frames.open import open_source
from kitchenvision.frames.source import SourceOptions
from kitchenvision.geometry import as_xyxy, iou
from kitchenvision.pipeline import Confirmed, Pipeline
from kitchenvision.types import Verdict, Xyxy
from training.answers import open_model
from training.build import DataError, read_set, rows_before_a_kill
from training.calibrate import in_second_half
from training.camera_look import light
from training.labels import Picture

WIDTH, HEIGHT, FPS = 1280, 720, 10
_MARGIN = 48  # of the canvas around what the camera shows, for panning
_HEADS_PX = (28.0, 80.0)
_SAME = 0.3
_LINES = (
    2  # what the lines of accusations.jsonl say; 1 had the time of the confirmation, not of the evidence's boxes
)
_COMPLIANT = {"no_hat": ("hat", "covered"), "no_mask": ("mask", "worn")}


@dataclass(frozen=True)
class Scene:
    """A still that becomes a film: its size on the canvas, where it lies, and how the camera moves."""

    picture: Picture
    scale: float
    at: tuple[float, float]
    seed: int

    def shift(self, media_s: float) -> tuple[float, float]:
        """Pan and shake at a time, pixels."""
        slow, fast = 2 * np.pi * media_s / 17, 2 * np.pi * media_s * 1.7
        phase = self.seed % 7
        return (
            float(0.8 * _MARGIN * np.sin(slow + phase) + 0.8 * np.sin(fast + phase)),
            float(0.3 * _MARGIN * np.cos(slow + phase) + 0.6 * np.cos(1.3 * fast)),
        )

    def head(self, xyxy: Xyxy, media_s: float) -> Xyxy:
        """A box of the still as the film shows it at a time."""
        dx, dy = self.shift(media_s)
        left, top = self.at[0] - _MARGIN - dx, self.at[1] - _MARGIN - dy
        x0, y0, x1, y1 = (v * self.scale for v in xyxy)
        return (x0 + left, y0 + top, x1 + left, y1 + top)


@dataclass
class Counts:
    """What one rule did over all scenes. `judged` counts compliant heads of which a verdict was given."""

    scenes: int = 0
    seconds: float = 0.0
    judged: int = 0
    false: int = 0
    stray: int = 0
    accused: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """With rates and their upper bounds."""
        hours = self.seconds / 3600
        bound = float(chi2.ppf(0.95, 2 * self.false + 2) / 2)
        return {
            "scenes": self.scenes,
            "hours": round(hours, 3),
            "compliant_heads_judged": self.judged,
            "false": self.false,
            "stray": self.stray,
            "false_per_1000_heads": round(1000 * self.false / max(1, self.judged), 2),
            "false_per_1000_heads_at_most": round(1000 * bound / max(1, self.judged), 2),
            "false_per_hour": round(self.false / max(hours, 1e-9), 2),
            "false_per_hour_at_most": round(bound / max(hours, 1e-9), 2),
            "accused": self.accused,
        }


def due_rules(picture: Picture) -> dict[str, list[Xyxy]]:
    """rule id -> heads that comply with it; a rule without an entry is not counted on this picture."""
    due: dict[str, list[Xyxy]] = {}
    heads = [box for box in picture.boxes if box.kind == "head" and not box.ignore]
    for rule_id, (question, answer) in _COMPLIANT.items():
        complying = [as_xyxy(box.xyxy) for box in heads if getattr(box, question) == answer]
        if complying:
            due[rule_id] = complying
    if heads and not any(box.kind == "cigarette" for box in picture.boxes) and picture.family != "smoke":
        due["smoking"] = [as_xyxy(box.xyxy) for box in heads]
    return due


def scenes(pictures: list[Picture], count: int, seed: int) -> list[Scene]:
    """`count` different stills of the half that did not calibrate; cooks first, then the rest in drawn order."""
    rng = np.random.default_rng(seed)
    usable = [p for p in pictures if p.split == "val" and in_second_half(p.group) and due_rules(p)]
    order = [usable[i] for i in rng.permutation(len(usable))]
    order.sort(key=lambda p: p.family != "cook")
    if len(order) < count:
        raise DataError(f"{count} scenes were asked for, {len(order)} stills can be used")
    chosen = []
    for number, picture in enumerate(order[:count]):
        heads = [box.xyxy[3] - box.xyxy[1] for box in picture.boxes if box.kind == "head"]
        wanted = float(np.exp(rng.uniform(*np.log(_HEADS_PX))))
        scale = min(wanted / float(np.median(heads)), 1.0)
        room = (WIDTH + 2 * _MARGIN - picture.width * scale, HEIGHT + 2 * _MARGIN - picture.height * scale)
        at = (room[0] * float(rng.uniform(0.3, 0.7)), room[1] * float(rng.uniform(0.3, 0.7)))
        chosen.append(Scene(picture, scale, at, number))
    return chosen


def film(scene: Scene, image: Any, seconds: float, path: Path) -> None:
    """Write the scene as H.264 with the compression of a cheap camera."""
    rng = np.random.default_rng(scene.seed)
    canvas = np.full((HEIGHT + 2 * _MARGIN, WIDTH + 2 * _MARGIN, 3), rng.integers(60, 190, 3), np.uint8)
    size = (max(2, round(image.shape[1] * scene.scale)), max(2, round(image.shape[0] * scene.scale)))
    matrix = np.array([[1, 0, scene.at[0]], [0, 1, scene.at[1]]], np.float32)
    still = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    cv2.warpAffine(still, matrix, canvas.shape[1::-1], dst=canvas, borderMode=cv2.BORDER_TRANSPARENT)
    canvas = cv2.GaussianBlur(light(canvas, rng, 0.5), (0, 0), float(rng.uniform(0.3, 0.8)))
    grain = rng.normal(0, rng.uniform(1, 5), (4, HEIGHT, WIDTH, 1)).astype(np.int16)
    options = {"preset": "ultrafast", "crf": str(int(rng.integers(22, 31)))}
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(round(seconds * FPS)):
            dx, dy = scene.shift(number / FPS)
            moved = np.array([[1, 0, -_MARGIN - dx], [0, 1, -_MARGIN - dy]], np.float32)
            shown = cv2.warpAffine(canvas, moved, (WIDTH, HEIGHT))
            noisy = np.clip(shown.astype(np.int16) + grain[number % len(grain)], 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(noisy, "bgr24")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


Watched = tuple[set[tuple[str, int]], list[tuple[str, float, Xyxy]]]


def watch(scene: Scene, path: Path, eyes: Eyes) -> Watched:
    """Run the line over a film: which (rule, number of the head) were judged, and what the evidence shows."""
    settings, rules = PackageSettings(), chosen_rules(None)
    name = scene.picture.file
    place = Place("scenes", "camera", path.name, name, "file", eyes.model, "training")
    line = Pipeline(build_stages(eyes, rules, settings), place, rule_settings(rules, settings, eyes.card), UTC)
    judged: set[tuple[str, int]] = set()
    accused = []
    due = due_rules(scene.picture)
    with open_source(path, SourceOptions()) as source:
        for frame in source.frames():
            events = line.step(frame)
            for event in events:
                if isinstance(event, Confirmed):
                    accused.append(shown(event.evidence))
            seen = line.seen
            for one in seen.observations if seen is not None else ():
                if one.verdict is Verdict.CANNOT_JUDGE or one.rule_id not in due:
                    continue
                head = whose(scene, one.media_s, one.head_xyxy)
                if head in due[one.rule_id]:
                    judged.add((one.rule_id, due[one.rule_id].index(head)))
    return judged, accused


def shown(evidence: Evidence) -> tuple[str, float, Xyxy]:
    """Rule; when the head was where. The picture is older than the confirmation, and the camera moves meanwhile."""
    return evidence.violation.rule_id, evidence.snapshot.media_s, evidence.snapshot.head_xyxy


def whose(scene: Scene, media_s: float, box: Xyxy) -> Xyxy | None:
    """The labelled head of the still that a box of the film lies on; of two that overlap the better one."""
    heads = [as_xyxy(labelled.xyxy) for labelled in scene.picture.boxes if labelled.kind == "head"]
    overlap, best = max(((iou(scene.head(head, media_s), box), head) for head in heads), default=(0.0, None))
    return best if overlap >= _SAME else None


def count(scene: Scene, seen: Watched, seconds: float, counts: dict[str, Counts]) -> None:
    """Add what was seen of one scene to the counts."""
    due = due_rules(scene.picture)
    judged, accused = seen
    per_rule = Counter(rule_id for rule_id, _ in judged)
    for rule_id in due:
        row = counts[rule_id]
        row.scenes, row.seconds, row.judged = row.scenes + 1, row.seconds + seconds, row.judged + per_rule[rule_id]
    for rule_id, at_s, head in accused:
        if rule_id not in due:
            continue
        owner = whose(scene, at_s, head)
        if owner in due[rule_id]:
            counts[rule_id].false += 1
            counts[rule_id].accused.append(scene.picture.file)
        elif owner is None:
            counts[rule_id].stray += 1


@cache
def _eyes(model: Path, profile: Profile) -> Eyes:
    """Opened once a process."""
    cv2.setNumThreads(1)
    return open_model(model, profile)


def filmed(data: Path, model: Path, profile: Profile, seconds: float, scene: Scene) -> Watched:
    """Make the film of a scene and watch it. Raises DataError when the still cannot be read."""
    image = cv2.imread(str(data / scene.picture.file), cv2.IMREAD_COLOR)
    if image is None:
        raise DataError(f"{data / scene.picture.file} cannot be read")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.mp4"
        film(scene, image, seconds, path)
        return watch(scene, path, _eyes(model, profile))


def watched_by(model: Path, profile: Profile, seconds: float) -> str:
    """A name for what watches: the model, the rules' settings, the profile and the films' length."""
    card = load_card(model.parent, model.name)
    settings = rule_settings(chosen_rules(None), PackageSettings(), card)
    words = (model / "model.toml").read_text("utf-8"), sorted(settings.items()), profile, seconds, _LINES
    return sha256(repr(words).encode()).hexdigest()


class Watching:
    """What was seen of each film, a line each: a run that is killed after an hour goes on from there.

    Args:
        path: of the lines. by: what watched; lines of another watcher are passed over.
    """

    def __init__(self, path: Path, by: str) -> None:
        self._path, self._by = path, by
        self._seen: dict[tuple[str, int], Watched] = {
            (row["file"], row["seed"]): (
                {(rule_id, head) for rule_id, head in row["judged"]},
                [(rule_id, at_s, as_xyxy(box)) for rule_id, at_s, box in row["accused"]],
            )
            for row in rows_before_a_kill(path)
            if row["by"] == by
        }

    def of(self, scene: Scene) -> Watched | None:
        """What was seen of that film, None when it was not watched."""
        return self._seen.get((scene.picture.file, scene.seed))

    def keep(self, scene: Scene, seen: Watched) -> None:
        """Add a line."""
        judged, accused = seen
        row = {"file": scene.picture.file, "seed": scene.seed, "by": self._by, "judged": sorted(judged)}
        boxes = [(rule_id, at_s, [float(v) for v in box]) for rule_id, at_s, box in accused]
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({**row, "accused": boxes}) + "\n")
        self._seen[(scene.picture.file, scene.seed)] = seen


def accusations(data: Path, out: Path, model: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Run the stage; writes OUT/accusations.json. Films watched before, by the same eyes and rules, are not again.

    Args:
        data, out: as for the other stages. model: the model folder.
        options: scenes (how many), seconds (of each), profile; processes (default: one a core).

    Raises:
        DataError: fewer stills than scenes.
    """
    chosen = scenes(read_set(out), options["scenes"], seed=4)
    counts = {rule_id: Counts() for rule_id in (*_COMPLIANT, "smoking")}
    once = partial(filmed, data, model, options["profile"], options["seconds"])
    memory = Watching(out / "accusations.jsonl", watched_by(model, options["profile"], options["seconds"]))
    waiting = [scene for scene in chosen if memory.of(scene) is None]
    with Pool(options.get("processes") or os.cpu_count()) as pool:
        fresh = pool.imap(once, waiting)
        for number, scene in enumerate(chosen, 1):
            seen = memory.of(scene)
            if seen is None:
                seen = next(fresh)
                memory.keep(scene, seen)
            count(scene, seen, options["seconds"], counts)
            told = ", ".join(f"{rule_id} {row.false} of {row.judged}" for rule_id, row in counts.items())
            print(f"{number} of {len(chosen)}: false accusations {told}", flush=True)
    result = {
        "profile": options["profile"],
        "seconds_each": options["seconds"],
        "rules": {rule_id: row.row() for rule_id, row in counts.items()},
    }
    (out / "accusations.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(json.dumps(result, indent=1))
    return result
