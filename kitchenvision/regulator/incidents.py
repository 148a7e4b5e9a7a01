"""Violations of one rule at one place and time are one incident, however many cameras and track ids saw it.

A pure function of the set of violations: the order in which they arrived does not matter. Two violations of one
canteen, rule and zone touch when no more than `GAP_S` seconds lie between them; what touches, directly or through
others, is one incident. A zone is the name that the edge gives: two cameras of one room share it.

Once an incident has a case, its violations stay together (the notice names them). What touches a case later is
attached to it as more evidence and makes no second case; between two cases, to the nearer one.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

GAP_S = 600.0  # the time after which peers' engines report the same finding anew
Place = tuple[str, str, str]  # canteen, rule, zone


@dataclass(frozen=True)
class Sighting:
    """One violation, from when it started until it ended (or was last known to go on). Instants are aware."""

    violation_id: str
    place: Place
    camera_id: str
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True)
class Incident:
    """Sightings that are one, by start.

    Attributes:
        case_id: of the case that it has, else None.
        attached: ids of those that touched the case after it was opened.
        widest_gap_s: the longest silence inside, never more than the allowed one: why it is one incident.
    """

    sightings: tuple[Sighting, ...]
    widest_gap_s: float
    case_id: int | None = None
    attached: frozenset[str] = frozenset()

    @property
    def incident_id(self) -> str:
        """The id of its first violation."""
        return self.sightings[0].violation_id

    @property
    def place(self) -> Place:
        """Canteen, rule and zone, the same for all."""
        return self.sightings[0].place

    @property
    def started_at(self) -> datetime:
        """When the first one started."""
        return self.sightings[0].started_at

    @property
    def ended_at(self) -> datetime:
        """When the last one ended."""
        return max(one.ended_at for one in self.sightings)

    @property
    def cameras(self) -> tuple[str, ...]:
        """Cameras that saw it, sorted."""
        return tuple(sorted({one.camera_id for one in self.sightings}))


def group(
    sightings: Iterable[Sighting], cases: Mapping[str, int] | None = None, gap_s: float = GAP_S
) -> tuple[Incident, ...]:
    """All incidents, by start.

    Args:
        sightings: each violation once. cases: violation id -> case, for those that a case names.
        gap_s: seconds of silence that an incident may have inside.
    """
    known = cases or {}
    places: dict[Place, list[Sighting]] = {}
    for one in sightings:
        places.setdefault(one.place, []).append(one)
    found = [
        incident
        for at_place in places.values()
        for run in _runs(at_place, gap_s)
        for incident in _incidents(run, known)
    ]
    return tuple(sorted(found, key=lambda one: (one.started_at, one.incident_id)))


def _order(one: Sighting) -> tuple[datetime, str]:
    return one.started_at, one.violation_id


def _runs(sightings: Collection[Sighting], gap_s: float) -> list[list[Sighting]]:
    runs: list[list[Sighting]] = []
    until: datetime | None = None
    for one in sorted(sightings, key=_order):
        if until is None or one.started_at - until > timedelta(seconds=gap_s):
            runs.append([])
            until = one.ended_at
        runs[-1].append(one)
        until = max(until, one.ended_at)
    return runs


def _incidents(run: list[Sighting], cases: Mapping[str, int]) -> list[Incident]:
    named: dict[int, list[Sighting]] = {}
    for one in run:
        if one.violation_id in cases:
            named.setdefault(cases[one.violation_id], []).append(one)
    if not named:
        return [Incident(tuple(run), _widest(run))]
    attached: dict[int, list[Sighting]] = {case_id: [] for case_id in named}
    for one in run:
        if one.violation_id not in cases:
            nearest = min(named, key=lambda case_id: (min(_between(one, own) for own in named[case_id]), case_id))
            attached[nearest].append(one)
    made = []
    for case_id, own in named.items():
        members = sorted([*own, *attached[case_id]], key=_order)
        later = frozenset(one.violation_id for one in attached[case_id])
        made.append(Incident(tuple(members), _widest(members), case_id, later))
    return made


def _between(one: Sighting, other: Sighting) -> float:
    first, second = sorted((one, other), key=_order)
    return max((second.started_at - first.ended_at).total_seconds(), 0.0)


def _widest(members: Iterable[Sighting]) -> float:
    widest, until = 0.0, None
    for one in members:
        if until is not None:
            widest = max(widest, (one.started_at - until).total_seconds())
        until = one.ended_at if until is None else max(until, one.ended_at)
    return widest
