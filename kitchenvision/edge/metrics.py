"""The state as Prometheus text (exposition format 0.0.4). Labels are ids and causes: nothing secret is in them."""

from collections.abc import Mapping, Sequence

from kitchenvision.edge.disk import DiskFacts
from kitchenvision.edge.state import CameraState

Labels = Mapping[str, str]


def metrics_text(cameras: Sequence[CameraState], delivery: Mapping[str, float | int | str], disk: DiskFacts) -> str:
    """One text for a scrape."""
    lines: list[str] = []

    def family(name: str, kind: str, text: str, rows: Sequence[tuple[Labels, float]]) -> None:
        lines.append(f"# HELP kitchenvision_{name} {text}")
        lines.append(f"# TYPE kitchenvision_{name} {kind}")
        lines.extend(f"kitchenvision_{name}{_labels(labels)} {value:.10g}" for labels, value in rows)

    def per_camera(name: str, kind: str, text: str, attribute: str) -> None:
        family(name, kind, text, [({"camera": c.camera_id}, float(getattr(c, attribute))) for c in cameras])

    per_camera("camera_up", "gauge", "1 while frames come.", "has_picture_now")
    per_camera("camera_fps", "gauge", "Analysed frames a second.", "fps")
    per_camera("camera_blind_seconds", "gauge", "Seconds without a frame; 0 while live.", "blind_s")
    per_camera("camera_lag_seconds", "gauge", "From arrival to the end of analysis, latest frame.", "lag_s")
    per_camera("camera_analysed_total", "counter", "Frames looked at.", "analysed")
    per_camera("camera_skipped_total", "counter", "Frames left out since the scene was calm.", "skipped")
    per_camera("camera_dropped_total", "counter", "Frames that a newer one replaced.", "dropped")
    per_camera("camera_violations_total", "counter", "Confirmed findings.", "violations")
    per_camera("camera_looks_total", "counter", "Looks of rules.", "looks")
    per_camera("camera_cannot_judge_total", "counter", "Looks that could not be judged.", "cannot_judge")
    per_camera("camera_unsaved", "gauge", "Findings that wait for the disk.", "unsaved")
    per_camera("camera_stuck_readers", "gauge", "Readers that were given up.", "abandoned")
    per_camera("clock_jumps_total", "counter", "Steps of the clock that its worker saw.", "clock_jumps")
    per_camera("camera_observed_seconds_total", "counter", "Seconds in which it could see.", "observed_s")
    per_camera("camera_unseen_seconds_total", "counter", "Seconds with frames, but blind.", "unseen_s")
    per_camera("camera_probation", "gauge", "1 while what it finds stays on the box.", "probation")
    per_camera("camera_muted", "gauge", "1 while nobody is judged, as somebody has set.", "muted")
    for name, text in (("observed", "the camera could see and the rule was due"), ("due", "the rule was due")):
        rows = [
            ({"camera": c.camera_id, "zone": one.zone, "rule": one.rule_id}, getattr(one, f"{name}_s"))
            for c in cameras
            for one in c.rule_times
        ]
        family(f"rule_{name}_seconds_total", "counter", f"Seconds in which {text}.", rows)
    family(
        "camera_trouble",
        "gauge",
        "1 for each thing that is wrong with a picture.",
        [({"camera": c.camera_id, "trouble": trouble}, 1.0) for c in cameras for trouble in c.troubles],
    )
    rows = [
        ({"camera": c.camera_id, "cause": cause}, float(count))
        for c in cameras
        for cause, count in sorted(c.reconnects.items())
    ]
    family("camera_reconnects_total", "counter", "Lost or failed connections by cause.", rows)
    family("outbox_waiting", "gauge", "Reports that wait for the regulator.", [({}, float(delivery["waiting"]))])
    family("outbox_dead", "gauge", "Reports refused for good.", [({}, float(delivery["dead"]))])
    family("outbox_oldest_seconds", "gauge", "Age of the oldest that waits.", [({}, float(delivery["oldest_s"]))])
    family("outbox_delivered_total", "counter", "Reports delivered.", [({}, float(delivery["delivered"]))])
    family("disk_free_bytes", "gauge", "Free on the data folder's disk.", [({}, float(disk.free))])
    family("disk_evidence_bytes", "gauge", "Used by evidence.", [({}, float(disk.used))])
    return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    parts = (f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return "{" + ",".join(parts) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
