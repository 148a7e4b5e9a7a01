"""Stage `folds`: the zoom look on cooks of sites that it never saw, over folds by site, with intervals.

Cooks of real kitchens are few, so the validation split holds too few of them for a number. Here every cook is
judged once, by a zoom look that was trained without the pictures of that site (and of the other sites of its fold):
the recipe's [zoom], `steps` of its loop a fold, from the weights of `--init` or, where the recipe has a [start],
from one look that was trained by it without any cook. These looks are not the shipped one, which is two nets, saw
most cooks and trained longer. Heads are as they are labelled and, second, as small as on a camera.
Intervals are 95 %, by drawing sites with replacement. Writes OUT/folds.json.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kitchenvision.rules.registry import all_rules
from training.build import DataError
from training.calibrate import fitted_temperature
from training.head_crops import UNASKED, HeadCrops, answers, jittered, look_at
from training.judging import opposed
from training.loop import averaged_weights, train
from training.measures import average_precision, precision_at
from training.networks import HEAD_OUTPUTS, Mirrored, ZoomNet, crop_logits, split_logits
from training.pack import Packs
from training.settings import HAT, MASK, Settings
from training.teach import taught_heads
from training.train_zoom import ZoomTask

FOLDS = 3
_DRAWS = 1000
_SCALES = ("portrait", "camera")
_CAMERA_PX = (20.0, 60.0)
_QUESTIONS = {"hat": HAT, "mask": MASK}
_LOGITS = {"hat": 1, "mask": 2}

Array = np.ndarray[Any, np.dtype[Any]]


def fold_of(sites: list[str], folds: int, seed: int) -> dict[str, int]:
    """Site -> fold: sites in drawn order, largest first, each to the fold that is emptiest so far."""
    rng = np.random.default_rng(seed)
    counted = {site: sites.count(site) for site in sorted(set(sites))}
    if len(counted) < folds:
        raise DataError(f"cooks of {len(counted)} sites: at least {folds} are needed for as many folds")
    order = [list(counted)[i] for i in rng.permutation(len(counted))]
    filled, placed = [0] * folds, {}
    for site in sorted(order, key=lambda s: -counted[s]):
        fold = filled.index(min(filled))
        placed[site], filled[fold] = fold, filled[fold] + counted[site]
    return placed


def interval(rows: Array, sites: Array, measure: Callable[[Array], float], seed: int) -> list[float]:
    """2.5 % and 97.5 % points of a measure over drawn sites; `measure` takes indices of rows."""
    rng = np.random.default_rng(seed)
    by_site = [rows[sites == site] for site in np.unique(sites)]
    values = []
    for _ in range(_DRAWS):
        drawn = np.concatenate([by_site[i] for i in rng.integers(0, len(by_site), len(by_site))])
        values.append(measure(drawn))
    return [round(float(v), 4) for v in np.nanpercentile(values, (2.5, 97.5))]


def accused(rule_id: str, chances: Array, model: dict[str, dict[str, float]]) -> Array:
    """(N,) whether a look speaks against the head at the margin and doubt of `model`, else of the rule."""
    given = replace(all_rules()[rule_id].defaults, **model.get(rule_id, {}))  # type: ignore[arg-type]
    probability, doubt = opposed({"no_hat": "hat", "no_mask": "mask"}[rule_id], chances)
    return np.asarray((probability >= 0.5 + given.min_margin) & (doubt <= given.max_doubt))


def _crops(packs: Packs, members: list[int], settings: Settings, scale: str) -> tuple[Array, dict[str, Array]]:
    """Crops (N, S, S, 3) RGB of these heads, and their (N,) answers as indices."""
    zoom = settings.zoom
    rng = np.random.default_rng(zoom.loop.seed)
    crops, asked = [], {"hat": [], "mask": []}  # type: ignore[var-annotated]
    for i in members:
        fact, picture = packs.facts[i], packs.picture(i)
        box = np.asarray(fact["boxes"][0], np.float64)
        native = float((box[2:] - box[:2]).max())
        head_px = native if scale == "portrait" else min(native, float(rng.uniform(*_CAMERA_PX)))
        crops.append(look_at(picture, jittered(box, rng), head_px, rng, zoom.size_px, zoom.crop_heads)[..., ::-1])
        for question, answer in zip(("hat", "mask"), answers(fact, head_px), strict=True):
            asked[question].append(answer)
    return np.stack(crops), {question: np.array(given) for question, given in asked.items()}


def _trained(out: Path, task: ZoomTask, settings: Settings) -> ZoomNet:
    train(task, settings.zoom.loop, out)
    net = ZoomNet(settings)
    net.load_state_dict(averaged_weights(out)["average"])
    return net


def _fold_tasks(out: Path, settings: Settings, init: Path | None, packs: Packs) -> Callable[[set[str]], ZoomTask]:
    """What makes the training of a zoom look without the cooks of the barred sites."""

    def task(given: Settings, barred: set[str]) -> ZoomTask:
        return ZoomTask(given, HeadCrops(packs, given.zoom, ("train", "val"), barred), init)

    if settings.start is None:
        return lambda barred: task(settings, barred)
    everywhere = {fact["group"] for fact in packs.facts if fact["family"] == "cook"}
    first = replace(settings, zoom=settings.start)
    common = _trained(out / "folds/start", task(first, everywhere), first).state_dict()

    def going_on(barred: set[str]) -> ZoomTask:
        made = task(settings, barred)
        made.net.load_state_dict(common)
        return made

    return going_on


def _measured(question: str, chances: Array, truth: Array, sites: Array, settings: Settings) -> dict[str, Any]:
    """AP of each answer, and precision and recall of an accusing look, with intervals."""
    rule_id = {"hat": "no_hat", "mask": "no_mask"}[question]
    wrong = {"hat": ("bare",), "mask": ("none", "incorrect")}[question]
    names = _QUESTIONS[question]
    known = np.flatnonzero((truth != UNASKED) & (truth != names.index("cannot_judge")))
    violating = np.isin(truth, [names.index(name) for name in wrong])
    against = accused(rule_id, chances, settings.model.get("rules", {}))
    probability = opposed(question, chances)[0]
    measures: dict[str, Callable[[Array], float]] = {
        "ap_violating": lambda rows: average_precision(probability[rows], violating[rows]),
        "ap_compliant": lambda rows: average_precision(-probability[rows], ~violating[rows]),
        "precision_at_recall_60": lambda rows: precision_at(0.6, probability[rows], violating[rows]),
        "precision": lambda rows: float(violating[rows][against[rows]].mean()) if against[rows].any() else np.nan,
        "recall": lambda rows: float(against[rows][violating[rows]].mean()),
    }
    row: dict[str, Any] = {"heads": len(known), "violating": int(violating[known].sum())}
    row["sites"] = len(np.unique(sites[known]))
    for name, measure in measures.items():
        row[name] = round(measure(known), 4)
        row[f"{name}_95"] = interval(known, sites[known], measure, settings.zoom.loop.seed)
    return row


def folds(out: Path, settings: Settings, init: Path | None) -> dict[str, Any]:
    """Run the stage; returns what it wrote. Raises DataError with cooks of fewer sites than folds."""
    packs = Packs(taught_heads(out))
    cooks = [i for i, f in enumerate(packs.facts) if f["family"] == "cook" and f["kind"] == "head"]
    sites = np.array([packs.facts[i]["group"] for i in cooks])
    placed = fold_of(list(sites), FOLDS, settings.zoom.loop.seed)
    own_fold = np.array([placed[site] for site in sites])
    seen = {scale: _crops(packs, cooks, settings, scale) for scale in _SCALES}
    logits = {scale: torch.zeros(len(cooks), HEAD_OUTPUTS) for scale in _SCALES}
    tasks = _fold_tasks(out, settings, init, packs)
    for fold in range(FOLDS):
        barred = {site for site, place in placed.items() if place == fold}
        net = Mirrored(_trained(out / f"folds/{fold}", tasks(barred), settings)).eval()
        for scale, (crops, _) in seen.items():
            logits[scale][own_fold == fold] = crop_logits(net, crops[own_fold == fold])[:, :HEAD_OUTPUTS]
    found: dict[str, Any] = {"folds": FOLDS, "steps": settings.zoom.loop.steps, "batch": settings.zoom.loop.batch}
    found["start_steps"] = settings.start.loop.steps if settings.start else 0
    for question in _QUESTIONS:
        warmth = [_other_temperature(question, logits, seen, own_fold != fold) for fold in range(FOLDS)]
        for scale, (_, asked) in seen.items():
            own = split_logits(logits[scale])[_LOGITS[question]]
            chances = (own / torch.tensor(warmth)[own_fold][:, None]).softmax(1).numpy()
            row = _measured(question, chances, asked[question], sites, settings)
            found[f"{question} {scale}"] = row
    (out / "folds.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(json.dumps(found, indent=1))
    return found


def _other_temperature(question: str, logits: dict[str, torch.Tensor], seen: dict[str, Any], rows: Array) -> float:
    """The temperature that fits the cooks of the other folds."""
    own = torch.cat([split_logits(logits[scale])[_LOGITS[question]][rows] for scale in _SCALES])
    truth = torch.from_numpy(np.concatenate([seen[scale][1][question][rows] for scale in _SCALES]))
    return fitted_temperature(own[truth != UNASKED], truth[truth != UNASKED])
