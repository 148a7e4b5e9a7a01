"""Stage `plots`: the card's pictures, drawn from what was measured. Written beside the card as PNG."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from training.evaluate import FINAL_SHEETS, load_score, scored_sets
from training.judging import LEAST_PX, MOST_WRONG
from training.measures import precision_recall

_COLOURS = ("#2457c5", "#c2410c", "#0f766e", "#7c3aed", "#a16207", "#475569")
_DPI = 90


def coverage_error(calibration: dict[str, Any], path: Path) -> None:
    """Share of heads judged against share of wrong answers, a line a question, the threshold at some points."""
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for colour, (name, row) in zip(_COLOURS, calibration["second_half"].items(), strict=False):
        points = row.get("curve", [])
        if not points:
            continue
        judged, wrong = ([100 * p[key] for p in points] for key in ("judged", "wrong"))
        axes.plot(judged, wrong, "o-", color=colour, markersize=3, label=name)
        for point in points[::3]:
            at = (100 * point["judged"], 100 * point["wrong"])
            axes.annotate(f"{point['threshold']:.2f}", at, (4, 4), textcoords="offset points", fontsize=7)
    axes.axhline(100 * MOST_WRONG, color="#94a3b8", linewidth=1, linestyle="--")
    axes.set(xlabel=f"heads of {LEAST_PX:.0f} px and more that are judged, %", ylabel="wrong among the judged, %")
    _finish(axes, figure, path)


def draw_precision_recall(curves: dict[str, list[tuple[Any, Any]]], title: str, path: Path) -> None:
    """One line a question: recall, precision."""
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for colour, (name, (recall, precision)) in zip(_COLOURS, curves.items(), strict=False):
        axes.plot(recall, precision, color=colour, label=name)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.01), title=title)
    _finish(axes, figure, path)


def _finish(axes: Axes, figure: Any, path: Path) -> None:
    axes.grid(color="#e2e8f0", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=_DPI)
    plt.close(figure)


def plots(data: Path, out: Path, options: dict[str, Any]) -> list[Path]:
    """Draw into OUT/export: coverage.png, and pr_SET.png of each set that was evaluated with `thorough`.

    Without stage `calibrate`, which a look trained on alone does not need, there is no coverage.png.

    Args:
        data, out: as for the other stages.
        options: score and sheets, as for `evaluate`.
    """
    folder = out / "export"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    if (out / "calibration.json").is_file():
        written.append(folder / "coverage.png")
        coverage_error(json.loads((out / "calibration.json").read_text("utf-8")), written[0])
    score = load_score(options.get("score"))
    for test in scored_sets(data, out, options.get("sheets"), options.get("every", 1)) if score else []:
        path = out / f"answers/{test.name}_thorough.jsonl"
        if score is None or test.name in ("rendered", FINAL_SHEETS) or not path.is_file():
            continue
        answers = {row["file"]: row for row in map(json.loads, path.read_text("utf-8").splitlines())}
        truth = [row for row in test.truth if row["file"] in answers]
        curves = {name: score.head_question(truth, answers, *asked) for name, asked in score.QUESTIONS.items()}
        curves["cigarette"] = score.cigarette_question(truth, answers)
        shown = {
            name: precision_recall(np.asarray(found[0]), np.asarray(found[1]), found[2])
            for name, found in curves.items()
            if found[0]
        }
        draw_precision_recall(shown, f"{test.name}, {len(truth)} pictures", folder / f"pr_{test.name}.png")
        written.append(folder / f"pr_{test.name}.png")
    return written
