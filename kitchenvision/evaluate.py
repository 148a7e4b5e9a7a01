"""Clips with truth beside them: found, missed, invented, repeated, seconds to confirm, per rule.

How it counts stands in docs/rules.md ("How a scan is measured").
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kitchenvision.errors import SourceUnreadable
from kitchenvision.geometry import iou
from kitchenvision.types import Xyxy

_GAP_S = 30.0  # intervals of one person and rule that are closer are one incident
_DUE_S = 3.5  # an incident shorter than this in all need not be found
_BEFORE_S, _AFTER_S = 0.5, 2.0
_LEAST_IOU = 0.2


@dataclass(frozen=True)
class Incident:
    """One person in one state: intervals in media seconds."""

    rule_id: str
    person: int
    intervals: tuple[tuple[float, float], ...]

    @property
    def due(self) -> bool:
        """Whether it lasts long enough that it must be found."""
        return sum(end - start for start, end in self.intervals) >= _DUE_S

    def holds(self, at: float, before_s: float = _BEFORE_S, after_s: float = _AFTER_S) -> bool:
        """Whether a confirmation at that time lies in one of the intervals, with some slack."""
        return any(start - before_s <= at <= end + after_s for start, end in self.intervals)


@dataclass(frozen=True)
class Truth:
    """Truth of one clip: persons' boxes over time, incidents."""

    times: tuple[float, ...]
    persons: tuple[Mapping[int, Xyxy], ...]
    incidents: tuple[Incident, ...]

    def person_at(self, person: int, at: float) -> Xyxy | None:
        """The person's box in the frame nearest to a time."""
        if not self.times:
            return None
        nearest = min(range(len(self.times)), key=lambda i: abs(self.times[i] - at))
        return self.persons[nearest].get(person)


@dataclass
class RuleScore:
    """Counts of one rule over all clips; `seconds` from an incident's start to its confirmation."""

    incidents: int = 0
    found: int = 0
    missed: int = 0
    invented: int = 0
    repeated: int = 0
    seconds: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """As printed."""
        ordered = sorted(self.seconds)
        return {
            "incidents": self.incidents,
            "found": self.found,
            "missed": self.missed,
            "invented": self.invented,
            "repeated": self.repeated,
            "seconds_to_confirm_median": round(ordered[len(ordered) // 2], 2) if ordered else None,
            "seconds_to_confirm_most": round(ordered[-1], 2) if ordered else None,
            "notes": self.notes,
        }


def read_truth(path: Path) -> Truth:
    """Truth from NAME.json.

    Raises:
        SourceUnreadable: not such a file; says what is missing.
    """
    try:
        raw = json.loads(path.read_text("utf-8"))
        frames = raw["frames"]
        times = tuple(float(frame["t"]) for frame in frames)
        persons = tuple({int(p["id"]): _box(p["person"]) for p in frame["people"]} for frame in frames)
        incidents = merged(
            [(i["rule"], int(i["person"]), float(i["from"]), float(i["to"])) for i in raw["incidents"]]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceUnreadable(f"{path}: not a clip's truth: {type(error).__name__} {error}") from error
    return Truth(times, persons, incidents)


def merged(spans: Sequence[tuple[str, int, float, float]]) -> tuple[Incident, ...]:
    """Spans (rule, person, from, to) become incidents: those of one person and rule close in time are one."""
    grouped: dict[tuple[str, int], list[list[tuple[float, float]]]] = {}
    for rule, person, start, end in sorted(spans):
        groups = grouped.setdefault((rule, person), [])
        if groups and start - max(ended for _, ended in groups[-1]) < _GAP_S:
            groups[-1].append((start, end))
        else:
            groups.append([(start, end)])
    return tuple(
        Incident(rule, person, tuple(group)) for (rule, person), groups in grouped.items() for group in groups
    )


def score_clip(name: str, truth: Truth, rows: Sequence[Mapping[str, Any]], scores: Mapping[str, RuleScore]) -> None:
    """Add one clip's result to the scores by rule id; `rows` as in violations.jsonl."""
    found: dict[Incident, float] = {}
    for row in sorted(rows, key=lambda r: (r["confirmed_s"], r["rule_id"])):
        score, at = scores[row["rule_id"]], float(row["confirmed_s"])
        incident = _incident_of(row, truth, at)
        if incident is None:
            score.invented += 1
            score.notes.append(f"{name}: invented {row['rule_id']} at {at:.2f} s (track {row['track_id']})")
        elif incident in found:
            score.repeated += 1
            score.notes.append(f"{name}: repeated {row['rule_id']} at {at:.2f} s (track {row['track_id']})")
        else:
            found[incident] = at
    for incident in truth.incidents:
        score = scores[incident.rule_id]
        if not incident.due and incident not in found:
            continue
        score.incidents += 1
        if incident in found:
            score.found += 1
            score.seconds.append(max(0.0, found[incident] - incident.intervals[0][0]))
        else:
            score.missed += 1
            start = incident.intervals[0][0]
            score.notes.append(f"{name}: missed {incident.rule_id} of person {incident.person} from {start:.2f} s")


def _incident_of(row: Mapping[str, Any], truth: Truth, at: float) -> Incident | None:
    """Whose violation it is: of several who stand close together the one whose box it overlaps most."""
    overlaps = []
    for incident in truth.incidents:
        box = truth.person_at(incident.person, at)
        if incident.rule_id == row["rule_id"] and incident.holds(at) and box is not None:
            overlaps.append((iou(box, _box(row["person_xyxy"])), incident))
    overlap, incident_of_most = max(overlaps, key=lambda pair: pair[0], default=(0.0, None))
    return incident_of_most if overlap >= _LEAST_IOU else None


def _box(values: Sequence[float]) -> Xyxy:
    x0, y0, x1, y1 = (float(v) for v in values)
    return x0, y0, x1, y1
