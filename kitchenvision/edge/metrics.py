"""The state as Prometheus text (exposition format 0.0.4). Labels are ids and causes: nothing secret is in them."""

from collections.abc import Mapping, Sequence

from kitchenvision.edge.disk import DiskFacts
from kitchenvision.edge.state import CameraState
from kitchenvision.wire import ClockState
from kitchenvision.wire_box import BoxShadow

Labels = Mapping[str, str]


# Attribute of a camera's state, name, kind, words.
_PER_CAMERA = (
    ("has_picture_now", "camera_up", "gauge", "1 while frames come."),
    ("fps", "camera_fps", "gauge", "Analysed frames a second."),
    ("blind_s", "camera_blind_seconds", "gauge", "Seconds without a frame; 0 while live."),
    ("lag_s", "camera_lag_seconds", "gauge", "From arrival to the end of analysis, latest frame."),
    ("analysed", "camera_analysed_total", "counter", "Frames looked at."),
    ("skipped", "camera_skipped_total", "counter", "Frames left out since the scene was calm."),
    ("dropped", "camera_dropped_total", "counter", "Frames that a newer one replaced."),
    ("violations", "camera_violations_total", "counter", "Confirmed findings."),
    ("looks", "camera_looks_total", "counter", "Looks of rules."),
    ("cannot_judge", "camera_cannot_judge_total", "counter", "Looks that could not be judged."),
    ("unsaved", "camera_unsaved", "gauge", "Findings that wait for the disk."),
    ("abandoned", "camera_stuck_readers", "gauge", "Readers that were given up."),
    ("clock_jumps", "clock_jumps_total", "counter", "Steps of the clock that its worker saw."),
    ("observed_s", "camera_observed_seconds_total", "counter", "Seconds in which it could see."),
    ("unseen_s", "camera_unseen_seconds_total", "counter", "Seconds with frames, but blind."),
    ("probation", "camera_probation", "gauge", "1 while what it finds stays on the box."),
    ("muted", "camera_muted", "gauge", "1 while nobody is judged, as somebody has set."),
)


class _Text:
    """Families, one after another."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def family(self, name: str, kind: str, text: str, rows: Sequence[tuple[Labels, float]]) -> None:
        self.lines.append(f"# HELP kitchenvision_{name} {text}")
        self.lines.append(f"# TYPE kitchenvision_{name} {kind}")
        self.lines.extend(f"kitchenvision_{name}{_labels(labels)} {value:.10g}" for labels, value in rows)

    def one(self, name: str, kind: str, text: str, value: float) -> None:
        self.family(name, kind, text, [({}, float(value))])


def metrics_text(
    cameras: Sequence[CameraState],
    delivery: Mapping[str, float | int | str],
    disk: DiskFacts,
    clock: ClockState | None = None,
    shadow: BoxShadow | None = None,
) -> str:
    """One text for a scrape; without `clock` and `shadow` it says nothing of them."""
    out = _Text()
    _cameras(out, cameras)
    out.one("outbox_waiting", "gauge", "Reports that wait for the regulator.", float(delivery["waiting"]))
    out.one("outbox_dead", "gauge", "Reports refused for good.", float(delivery["dead"]))
    out.one("outbox_oldest_seconds", "gauge", "Age of the oldest that waits.", float(delivery["oldest_s"]))
    out.one("outbox_delivered_total", "counter", "Reports delivered.", float(delivery["delivered"]))
    out.one("disk_free_bytes", "gauge", "Free on the data folder's disk.", disk.free)
    out.one("disk_evidence_bytes", "gauge", "Used by evidence.", disk.used)
    if clock is not None:
        _clock(out, clock)
    if shadow is not None:
        _shadow(out, shadow)
    return "\n".join(out.lines) + "\n"


def _cameras(out: _Text, cameras: Sequence[CameraState]) -> None:
    for attribute, name, kind, text in _PER_CAMERA:
        out.family(name, kind, text, [({"camera": c.camera_id}, float(getattr(c, attribute))) for c in cameras])
    for name, text in (("observed", "the camera could see and the rule was due"), ("due", "the rule was due")):
        rows = [
            ({"camera": c.camera_id, "zone": one.zone, "rule": one.rule_id}, getattr(one, f"{name}_s"))
            for c in cameras
            for one in c.rule_times
        ]
        out.family(f"rule_{name}_seconds_total", "counter", f"Seconds in which {text}.", rows)
    rows = [({"camera": c.camera_id, "trouble": trouble}, 1.0) for c in cameras for trouble in c.troubles]
    out.family("camera_trouble", "gauge", "1 for each thing that is wrong with a picture.", rows)
    rows = [
        ({"camera": c.camera_id, "result": result}, float(looks))
        for c in cameras
        for result, looks in sorted(c.main_looks.items())
    ]
    out.family(
        "camera_main_looks_total", "counter", "Looks that wanted the main stream, and what came of it.", rows
    )
    rows = [
        ({"camera": c.camera_id, "cause": cause}, float(count))
        for c in cameras
        for cause, count in sorted(c.reconnects.items())
    ]
    out.family("camera_reconnects_total", "counter", "Lost or failed connections by cause.", rows)


def _clock(out: _Text, clock: ClockState) -> None:
    out.one("clock_synchronised", "gauge", "1 while a time service keeps the clock right.", clock.synchronised)
    out.one("clock_error_seconds", "gauge", "It is off by at most so much.", clock.max_error_s)
    out.one("clock_steps_total", "counter", "Steps of it that the service saw.", clock.steps)
    if clock.last_sync_at is not None:
        text = "Unix time at or after which it was last corrected."
        out.one("clock_last_sync_timestamp_seconds", "gauge", text, clock.last_sync_at.timestamp())


def _shadow(out: _Text, shadow: BoxShadow) -> None:
    frames = [({"result": "looked"}, float(shadow.looked)), ({"result": "left out"}, float(shadow.left_out))]
    out.family("shadow_frames_total", "counter", "Frames for a model that looks along.", frames)
    out.one("shadow_errors_total", "counter", "Frames on which it failed, and its crashes.", shadow.errors)
    looks = [
        ({"rule": one.rule_id, "result": result}, float(count))
        for one in shadow.rules
        for result, count in (
            ("same", one.both - one.opposite),
            ("opposite", one.opposite),
            ("old alone", one.only_old),
            ("new alone", one.only_new),
        )
    ]
    out.family("shadow_looks_total", "counter", "Looks of both models at one head, by who could judge.", looks)
    found = [
        ({"rule": one.rule_id, "result": result}, float(count))
        for one in shadow.rules
        for result, count in (
            ("both", one.confirmed_both),
            ("old alone", one.confirmed_old),
            ("new alone", one.confirmed_new),
        )
    ]
    out.family("shadow_violations_total", "counter", "What each model would have reported.", found)


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    parts = (f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return "{" + ",".join(parts) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
