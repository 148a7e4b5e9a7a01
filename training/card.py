"""Stage `card`: write CARD.md from what was measured, so that no number in it is typed by hand."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from training.build import CORRECTIONS, read_rows
from training.evaluate import FINAL_SHEETS
from training.settings import Settings

TEMPLATE = Path(__file__).with_name("card_template.md")
_QUESTIONS = ("bare head", "covered head", "kitchen or clinical cap", "no mask", "mask", "cigarette")
# What we set out to reach, AP by set and profile.
TARGETS = {
    ("portrait", "thorough"): (0.97, 0.94, 0.92, 0.96, 0.96, 0.75),
    ("camera", "fast"): (0.90, 0.84, 0.82, 0.88, 0.86, 0.40),
    ("camera", "thorough"): (0.95, 0.92, 0.90, 0.95, 0.93, 0.50),
}


_NOT_MEASURED = "Not measured for this version."


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def results_table(evaluation: dict[str, Any]) -> str:
    """AP by set and profile, one row each; the number of true things in brackets."""
    lines = ["| pictures | profile | " + " | ".join(_QUESTIONS) + " |", "|---" * (len(_QUESTIONS) + 2) + "|"]
    for name, profiles in evaluation.items():
        for profile, result in profiles.items():
            asked = result.get("questions", {})
            cells = [f"{asked[q]['ap']:.3f} ({asked[q]['positives']})" if q in asked else "" for q in _QUESTIONS]
            lines.append(f"| {name}, {result['pictures']} | {profile} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def final_table(evaluation: dict[str, Any]) -> str:
    """AP on the half of the validation groups on which nothing was fitted, against the same targets."""
    portrait = {profile: row.get("final", {}) for profile, row in evaluation.get("portrait", {}).items()}
    half = {"portrait": portrait, "camera": evaluation.get(FINAL_SHEETS, {})}
    if not any(profile for profiles in half.values() for profile in profiles.values()):
        return _NOT_MEASURED
    return f"{results_table(half)}\n\n{targets_table(half)}"


def targets_table(evaluation: dict[str, Any]) -> str:
    """What was reached of each target, and by how much it is missed."""
    lines = ["| pictures | profile | " + " | ".join(_QUESTIONS) + " |", "|---" * (len(_QUESTIONS) + 2) + "|"]
    for (name, profile), goals in TARGETS.items():
        asked = evaluation.get(name, {}).get(profile, {}).get("questions", {})
        reached = [asked[q]["ap"] if q in asked else None for q in _QUESTIONS]
        cells = ["" if ap is None else _against(ap, goal) for ap, goal in zip(reached, goals, strict=True)]
        lines.append(f"| {name} | {profile} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _against(ap: float, goal: float) -> str:
    lacking = round(goal - ap, 3)
    return f"{ap:.3f} of {goal:.2f}: " + (f"lacks {lacking:.3f}" if lacking > 0 else "reached")


def ceilings_table(found: dict[str, Any]) -> str:
    """What answers would score if one part made no error, or a word that it was not measured."""
    if not found:
        return _NOT_MEASURED
    questions = [q for q in _QUESTIONS if q != "cigarette"]
    lines = ["| pictures | answers | " + " | ".join(questions) + " |", "|---" * (len(questions) + 2) + "|"]
    for name, parts in found.items():
        for part, asked in parts.items():
            cells = [f"{asked[q]['ap']:.3f}" if q in asked else "" for q in questions]
            lines.append(f"| {name} | {part} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def group_table(evaluation: dict[str, Any], key: str, profile: str) -> str:
    """AP by source or by head size."""
    lines = [
        f"| pictures | {key.removeprefix('by_').replace('_', ' ')} | " + " | ".join(_QUESTIONS) + " |",
        "|---" * (len(_QUESTIONS) + 2) + "|",
    ]
    for name, profiles in evaluation.items():
        for group, asked in profiles.get(profile, {}).get(key, {}).items():
            cells = [f"{asked[q]['ap']:.3f} ({asked[q]['positives']})" if q in asked else "" for q in _QUESTIONS]
            lines.append(f"| {name} | {group} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def recall_table(evaluation: dict[str, Any]) -> str:
    """Share of heads that the frame look finds, by height."""
    lines = ["| pictures | profile | head height, px | found | of |", "|---|---|---|---|---|"]
    for name, profiles in evaluation.items():
        for profile, result in profiles.items():
            for band, row in result["frame_recall"].items():
                lines.append(f"| {name} | {profile} | {band} | {row['recall']:.3f} | {row['heads']} |")
    return "\n".join(lines)


def calibration_table(calibration: dict[str, Any]) -> str:
    """Coverage and error by threshold on the half of the validation heads that the temperatures never saw."""
    if not calibration:
        return _NOT_MEASURED
    lines = [
        "| question | threshold | answered | wrong among the answers | answered though nobody can tell |",
        "|---|---|---|---|---|",
    ]
    for name, row in calibration.get("second_half", {}).items():
        for step in row.get("coverage", []):
            lines.append(
                f"| {name} | {step['threshold']} | {step['answered']:.3f} | {step['wrong']:.3f} "
                f"| {step['answered_though_unjudgeable']:.3f} |"
            )
    errors = ", ".join(
        f"{name} {row['ece']:.3f} of {row['heads']} heads"
        for name, row in calibration.get("second_half", {}).items()
    )
    return (
        "\n".join(lines)
        + f"\n\nExpected calibration error there: {errors}. Temperatures: "
        + ", ".join(f"{name} {value}" for name, value in calibration.get("temperature", {}).items())
        + "."
    )


def judged_table(calibration: dict[str, Any]) -> str:
    """Where most heads are judged with at most 3 % wrong; who is taken for what at the thresholds of the rules."""
    if not calibration:
        return _NOT_MEASURED
    lines = ["| question | threshold | judged | wrong among the judged |", "|---|---|---|---|"]
    for name, row in calibration.get("second_half", {}).items():
        if row.get("best"):
            best = row["best"]
            lines.append(f"| {name} | {best['threshold']} | {best['judged']:.3f} | {best['wrong']:.3f} |")
    lines += ["", "| question | head height, px | truth | complies | violates | not judged |", "|---" * 6 + "|"]
    for name, row in calibration.get("second_half", {}).items():
        for band, table in row.get("confusion", {}).items():
            for truth, counts in zip(("complies", "violates"), table, strict=True):
                lines.append(f"| {name} | {band} | {truth} | " + " | ".join(map(str, counts)) + " |")
    return "\n".join(lines)


def accusations_table(found: dict[str, Any]) -> str:
    """False accusations over films of held-out stills, or a word that they were not measured."""
    if not found:
        return _NOT_MEASURED
    lines = [
        f"Profile `{found['profile']}`, {found['seconds_each']:g} s a scene.",
        "",
        "| rule | scenes | hours | judged heads | false | a 1,000 heads (at most) | an hour (at most) | stray |",
        "|---" * 8 + "|",
    ]
    for name, row in found["rules"].items():
        lines.append(
            f"| {name} | {row['scenes']} | {row['hours']} | {row['compliant_heads_judged']} | {row['false']} "
            f"| {row['false_per_1000_heads']} ({row['false_per_1000_heads_at_most']}) "
            f"| {row['false_per_hour']} ({row['false_per_hour_at_most']}) | {row['stray']} |"
        )
    return "\n".join(lines)


def folds_table(found: dict[str, Any]) -> str:
    """Cooks of sites that the looks of `folds` never saw, or a word that they were not measured."""
    if not found:
        return _NOT_MEASURED
    first = f", after {found['start_steps']} without any cook" if found.get("start_steps") else ""
    measures = {
        "ap_violating": "AP violating",
        "ap_compliant": "AP compliant",
        "precision_at_recall_60": "precision at recall 0.6",
        "precision": "precision of an accusing look",
        "recall": "its recall",
    }
    lines = [
        f"{found['folds']} folds, {found['steps']} steps of {found['batch']} crops each{first}; 95 % intervals.",
        "",
        "| question | heads | heads, violating, sites | " + " | ".join(measures.values()) + " |",
        "|---" * (3 + len(measures)) + "|",
    ]
    for name, row in found.items():
        if not isinstance(row, dict):
            continue
        question, scale = name.split()
        cells = [f"{row[key]:.3f} ({row[f'{key}_95'][0]:.3f}-{row[f'{key}_95'][1]:.3f})" for key in measures]
        counted = f"{row['heads']}, {row['violating']}, {row['sites']}"
        lines.append(f"| {question} | {scale} | {counted} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def data_table(rows: list[dict[str, Any]]) -> str:
    """Pictures of the training split by family, source and stated licence."""
    found = Counter((r["family"], r["source"], r["licence"]) for r in rows)
    lines = ["| family | source | licence as stated there | pictures for training |", "|---|---|---|---|"]
    lines += [
        f"| {family} | {source} | {licence} | {n} |" for (family, source, licence), n in sorted(found.items())
    ]
    return "\n".join(lines)


def write_card(out: Path, settings: Settings) -> Path:
    """Fill the template with OUT's results; writes OUT/export/CARD.md. Needs the stages before it."""
    measured = _read(out / "evaluation.json")
    evaluation = {name: result for name, result in measured.items() if name != FINAL_SHEETS}
    trained = tomllib.loads((out / "export/model.toml").read_text("utf-8"))["trained"]
    facts: dict[str, Any] = {"name": settings.name, "version": settings.version}
    for look in ("frame", "cigarette", "zoom"):
        facts |= {f"{look}_{what}": trained[f"{look}_{what}"] for what in ("steps", "minutes")}
        facts[f"{look}_batch"] = getattr(settings, look).loop.batch
    facts |= {
        "results": results_table(evaluation),
        "targets": targets_table(evaluation),
        "final": final_table(measured),
        "ceilings": ceilings_table(_read(out / "ceilings.json")),
        "recall": recall_table(evaluation),
        "sources": group_table(evaluation, "by_source", "thorough"),
        "sizes": group_table(evaluation, "by_head_px", "thorough"),
        "calibration": calibration_table(_read(out / "calibration.json")),
        "judged": judged_table(_read(out / "calibration.json")),
        "accusations": accusations_table(_read(out / "accusations.json")),
        "folds": folds_table(_read(out / "folds.json")),
        "corrections": len(read_rows(CORRECTIONS)),
        "data": data_table([r for r in read_rows(out / "set/licences.jsonl") if r["split"] == "train"]),
    }
    text = TEMPLATE.read_text("utf-8")
    for key, value in facts.items():
        text = text.replace("{{" + key + "}}", str(value))
    path = out / "export/CARD.md"
    path.write_text(text, "utf-8")
    return path
