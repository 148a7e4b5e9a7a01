"""The human report of a scan: `index.html` beside the evidence, opens without a server."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2

from kitchenvision import __version__
from kitchenvision.build import Eyes, rule_settings
from kitchenvision.config import Settings
from kitchenvision.errors import StorageError
from kitchenvision.evidence import decode_jpeg, draw_boxes, encode_jpeg
from kitchenvision.rules.rule import Rule
from kitchenvision.scan_folder import REPORT, ScanFolder
from kitchenvision.wire import SnapshotBoxes

_PLOT_W, _PLOT_H = 300, 64
_NAMES = {
    "no_hat": ("No hat", "未戴工作帽"),
    "no_mask": ("No mask", "未戴口罩"),
    "smoking": ("Smoking", "抽烟"),
}


def write_report(
    folder: ScanFolder,
    eyes: Eyes,
    rules: Mapping[str, Rule],
    settings: Settings,
    problems: Sequence[tuple[str, str]],
) -> Path:
    """Write index.html, and beside each snapshot a copy with its boxes drawn.

    Raises:
        StorageError: it cannot be written, or evidence is no longer there.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["at"] = _to_the_second
    template = environment.from_string(files("kitchenvision").joinpath("report.html.j2").read_text("utf-8"))
    page = template.render(
        cards=_cards(folder),
        sources=folder.summaries,
        judged=[_judged(summary) for summary in folder.summaries],
        problems=problems,
        model=eyes.model,
        version=__version__,
        zones=[asdict(zone) for zone in settings.zone_values(tuple(rules))],
        whole_picture=not settings.zones,
        rules={rule_id: asdict(s) for rule_id, s in rule_settings(rules, settings, eyes.card).items()},
        names=_NAMES,
        analysis_fps=settings.analysis_fps,
    )
    path = folder.root / REPORT
    try:
        path.write_text(page, "utf-8")
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    return path


def _to_the_second(at: str) -> str:
    """An ISO instant as people read it, with its offset."""
    return datetime.fromisoformat(at).replace(microsecond=0).isoformat(sep=" ") if at else ""


def _cards(folder: ScanFolder) -> list[dict[str, Any]]:
    try:
        return [_card(folder.root, row) for row in folder.rows]
    except OSError as error:
        raise StorageError(f"{error.filename or folder.root}: {error.strerror}; the report needs it") from error


def _card(root: Path, row: dict[str, Any]) -> dict[str, Any]:
    """One violation for the page."""
    evidence = (root / row["snapshot"]).parent
    sealed = _json(evidence / "evidence.json")
    boxes = SnapshotBoxes.model_validate(sealed["facts"]["snapshot"])
    drawn = evidence / "boxes.jpg"
    drawn.write_bytes(encode_jpeg(draw_boxes(decode_jpeg((root / row["snapshot"]).read_bytes()), boxes)))
    return {
        **row,
        "folder": evidence.relative_to(root).as_posix(),
        "names": _NAMES.get(row["rule_id"], (row["rule_id"], row["rule_id"])),
        "width": boxes.width,
        "height": boxes.height,
        "plot": _plot(_json(evidence / "trace.json")),
        "sha256": sealed["evidence_sha256"],
        "captured_at": row["captured_at"],
        "zone": sealed["facts"]["zone"],
    }


def _plot(trace: dict[str, Any]) -> dict[str, Any]:
    """Points of the trace in plot coordinates: x by time, y by probability."""
    looks = trace["looks"]
    first, last = looks[0]["media_s"], max(looks[-1]["media_s"], looks[0]["media_s"] + 0.1)

    def across(at: float) -> float:
        return round(float((at - first) / (last - first)) * (_PLOT_W - 8) + 4, 1)

    points = [
        {
            "x": across(look["media_s"]),
            "y": round((1 - look["probability"]) * (_PLOT_H - 8) + 4, 1),
            "verdict": look["verdict"],
            "title": f"{look['media_s']:.2f} s: {look['verdict']} {look['probability']:.2f} {look['why']}".strip(),
        }
        for look in looks
    ]
    start = across(trace["started_s"])
    return {"w": _PLOT_W, "h": _PLOT_H, "points": points, "start": start, "span": round(_PLOT_W - 4 - start, 1)}


def _judged(summary: dict[str, Any]) -> dict[str, Any]:
    """By rule and hour: looks, share that could not be judged, and why not."""
    table: dict[tuple[str, int], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for entry in summary["verdicts"]:
        table[(entry["rule_id"], entry["hour"])][entry["verdict"]] += entry["looks"]
    rows = []
    for (rule_id, hour), counts in sorted(table.items()):
        total = sum(counts.values())
        whys = ", ".join(f"{w['why']} {w['looks']}" for w in summary["cannot_judge"] if w["rule_id"] == rule_id)
        share = counts["cannot_judge"] / total
        rows.append({"rule_id": rule_id, "hour": hour, "looks": total, "share": share, "whys": whys})
    return {"camera_id": summary["camera_id"], "rows": rows}


def _json(path: Path) -> Any:
    return json.loads(path.read_bytes())
