"""Violations of one rule at one place and time are one incident, however many cameras and track ids saw it.

A pure function of the set of violations: the order in which they arrived does not matter. Two violations of one
canteen, rule and zone touch when no more than `GAP_S` seconds lie between them; what touches, directly or through
others, is one incident. A zone is the name that the edge gives: two cameras of one room share it.

Once an incident has a case, its violations stay together (the notice names them). What touches a case later is
attached to it as more evidence and makes no second case; between two cases, to the nearer one. The same holds for
an incident that a person split or merged by hand.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

GAP_S = 600.0  # the time after which peers' engines report the same finding anew
Place = tuple[str, str, str]  # canteen, rule, zone
Name = int | str  # of a case, or of an incident made by hand


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
        widest_gap_s: the longest silence inside: why it is one incident. Wider than allowed only by hand.
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
        """Canteen, rule and zone of the first; the zone of others differs only by hand."""
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
    sightings: Iterable[Sighting],
    cases: Mapping[str, int] | None = None,
    gap_s: float = GAP_S,
    by_hand: Mapping[str, str] | None = None,
) -> tuple[Incident, ...]:
    """All incidents, by start.

    Args:
        sightings: each violation once. cases: violation id -> case, for those that a case names.
        gap_s: seconds of silence that an incident may have inside.
        by_hand: violation id -> incident, for those that a person put there; a case goes before it.
    """
    names: dict[str, Name] = {**(by_hand or {}), **(cases or {})}
    places: dict[Place, list[Sighting]] = {}
    for one in sightings:
        places.setdefault(one.place, []).append(one)
    found: list[Incident] = []
    own: dict[Name, list[Sighting]] = {}
    attached: dict[Name, list[Sighting]] = {}
    for run in (run for at_place in places.values() for run in _runs(at_place, gap_s)):
        here = {names[one.violation_id] for one in run if one.violation_id in names}
        if not here:
            found.append(Incident(tuple(run), _widest(run)))
        for name in here:
            own.setdefault(name, []).extend(one for one in run if names.get(one.violation_id) == name)
        for name, more in _attached(run, names, here).items():
            attached.setdefault(name, []).extend(more)
    # A name may stand in several runs: a person merges what lies further apart.
    for name, named in own.items():
        members = sorted([*named, *attached.get(name, ())], key=_order)
        later = frozenset(one.violation_id for one in attached.get(name, ()))
        found.append(Incident(tuple(members), _widest(members), name if isinstance(name, int) else None, later))
    return tuple(sorted(found, key=lambda one: (one.started_at, one.incident_id)))


def between_s(one: Sighting, other: Sighting) -> float:
    """Seconds of silence between them, 0 where they overlap."""
    first, second = sorted((one, other), key=_order)
    return max((second.started_at - first.ended_at).total_seconds(), 0.0)


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


def _attached(run: list[Sighting], names: Mapping[str, Name], here: Collection[Name]) -> dict[Name, list[Sighting]]:
    """Those of the run without a name, by the nearest one that has one."""
    found: dict[Name, list[Sighting]] = {}
    named = [one for one in run if one.violation_id in names]
    for one in run if here else ():
        if one.violation_id not in names:
            nearest = min(named, key=lambda other: (between_s(one, other), str(names[other.violation_id])))
            found.setdefault(names[nearest.violation_id], []).append(one)
    return found


def _widest(members: Iterable[Sighting]) -> float:
    widest, until = 0.0, None
    for one in members:
        if until is not None:
            widest = max(widest, (one.started_at - until).total_seconds())
        until = one.ended_at if until is None else max(until, one.ended_at)
    return widest
