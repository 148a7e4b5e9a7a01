"""The Grafana dashboard asks for what the service tells, and for nothing else."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kitchenvision.edge.disk import DiskFacts
from kitchenvision.edge.metrics import metrics_text
from kitchenvision.edge.state import CameraState, RuleTime

DASHBOARD = Path(__file__).resolve().parents[2] / "deploy" / "grafana.json"
STATE = CameraState(
    "cooking", "热菜间", "rtsp://camera/live", "live", reconnects={"ended": 2}, troubles=("frozen",),
    rule_times=(RuleTime("cooking", "no_hat", 5.0, 9.0),), picture_at=datetime(2026, 3, 12, tzinfo=UTC),
)  # fmt: skip


def panels() -> list[dict[str, Any]]:
    """Of the dashboard."""
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return found


def asked() -> dict[str, set[str]]:
    """Metric -> labels that some panel splits it by."""
    metrics: dict[str, set[str]] = {}
    for panel in panels():
        for target in panel["targets"]:
            labels = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            for name in re.findall(r"kitchenvision_\w+", target["expr"]):
                metrics.setdefault(name, set()).update(labels)
    return metrics


def test_each_metric_and_label_that_it_asks_for_is_told() -> None:
    text = metrics_text([STATE], {"waiting": 1, "dead": 0, "delivered": 2, "oldest_s": 3.0}, DiskFacts(1, 2, 3))
    told = {line.split("{")[0].split(" ")[0]: line for line in text.splitlines() if not line.startswith("#")}
    for name, labels in asked().items():
        assert name in told, f"{name} is asked for, and told by nobody"
        assert labels <= set(re.findall(r'(\w+)="', told[name])), f"{name}: {labels}"


def test_every_panel_has_a_place_of_its_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in panels()}) == len(panels()) >= 10
