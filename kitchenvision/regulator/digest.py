"""What happened in a week of a district or of somebody's towns, beside the week before. Reads, writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kitchenvision.regulator.access import Scope
from kitchenvision.regulator.canteens import towns
from kitchenvision.regulator.case_steps import WITH_CANTEEN, CaseState, Kind
from kitchenvision.regulator.case_tables import CaseEventRow, CaseRow
from kitchenvision.regulator.cockpit_wall import Tile, TileState
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.district_view import Place, places
from kitchenvision.regulator.monthly import scores_at
from kitchenvision.regulator.scoring import Colour
from kitchenvision.regulator.scoring_history import day_end
from kitchenvision.regulator.scoring_store import zone_of
from kitchenvision.regulator.tables import ViolationRow

LISTED = 20  # of each kind; the mail says how many more there are
_OVER = (CaseState.CLOSED, CaseState.OVERTURNED)


@dataclass(frozen=True)
class Week:
    """Seven local days from a Monday on; `key` is its name, such as ``2026-W48``."""

    monday: date

    @property
    def sunday(self) -> date:
        """Its last day."""
        return self.monday + timedelta(days=6)

    @property
    def before(self) -> "Week":
        """The week before."""
        return Week(self.monday - timedelta(days=7))

    @property
    def key(self) -> str:
        """Its name after ISO 8601."""
        year, number, _ = self.monday.isocalendar()
        return f"{year}-W{number:02d}"


@dataclass(frozen=True)
class Figures:
    """Counts of one week: findings by when they were seen, steps of cases by when they were taken."""

    findings: int
    confirmed: int
    rejected: int
    opened: int
    closed: int


@dataclass(frozen=True)
class Change:
    """A canteen whose colour at the end of the week is another than a week before."""

    place: Place
    before: Colour
    after: Colour


@dataclass(frozen=True)
class Overdue:
    """A case whose canteen is late by `days`."""

    case_id: int
    number: str
    canteen: str
    rule_id: str
    days: int


@dataclass(frozen=True)
class Blind:
    """A camera that gives no usable picture now."""

    canteen: str
    camera_id: str
    reason: str


@dataclass(frozen=True)
class Digest:
    """All of it. `open_cases`, `overdue` and `blind` are of the moment it is made, the rest of the week."""

    week: Week
    towns: tuple[str, ...]
    canteens: int
    now: Figures
    last: Figures
    waiting: int
    open_cases: int
    overdue: tuple[Overdue, ...]
    changes: tuple[Change, ...]
    blind: tuple[Blind, ...]

    @property
    def rows(self) -> tuple[tuple[str, int, int], ...]:
        """Name of each figure, its value and that of the week before."""
        names = ("findings", "confirmed", "rejected", "opened", "closed")
        return tuple((name, getattr(self.now, name), getattr(self.last, name)) for name in names)


def last_week(at: datetime) -> Week:
    """The newest week that is over at `at`, which is aware, in the zone of local days."""
    return Week(at.date() - timedelta(days=at.weekday() + 7))


def made(database: Database, scope: Scope, week: Week, tiles: Sequence[Tile], at: datetime) -> Digest:
    """The digest of what that scope covers.

    Args:
        tiles: cameras of the wall; those of other canteens are left out.
        at: aware, in the zone of local days.
    """
    zone = zone_of(at)
    with database.reading() as session:
        found = places(session, scope)
        now, last = (_figures(session, scope, one, at) for one in (week, week.before))
        overdue, open_cases = _cases(session, scope, at)
        waiting = _waiting(session, scope)
        # Also towns in which there is no canteen yet: their inspector does not read of the whole district.
        named = [town.name for town in towns(session, scope)] if scope.towns is not None else []
    after, before = (scores_at(database, found, day_end(one.sunday, zone)) for one in (week, week.before))
    changes = [
        Change(place, before[place.canteen_id].colour, after[place.canteen_id].colour)
        for place in found
        if before[place.canteen_id].colour is not after[place.canteen_id].colour
    ]
    names = {place.canteen_id: place.name for place in found}
    blind = [
        Blind(names[tile.canteen_id], tile.camera_id, tile.reason)
        for tile in tiles
        if tile.canteen_id in names and tile.state is TileState.BLIND
    ]
    figures = (len(found), now, last, waiting, open_cases)
    return Digest(week, tuple(named), *figures, tuple(overdue), tuple(changes), tuple(blind))


def _figures(session: Session, scope: Scope, week: Week, at: datetime) -> Figures:
    zone = zone_of(at)
    begins = datetime(week.monday.year, week.monday.month, week.monday.day, tzinfo=zone)
    next_monday = week.monday + timedelta(days=7)
    ends = datetime(next_monday.year, next_monday.month, next_monday.day, tzinfo=zone)
    seen = (
        select(ViolationRow.state, func.count())
        .where(scope.covers(ViolationRow.canteen_id))
        .where(ViolationRow.captured_at >= begins, ViolationRow.captured_at < ends)
        .group_by(ViolationRow.state)
    )
    states = {state: int(n) for state, n in session.execute(seen)}
    taken = (
        select(CaseEventRow.kind, func.count())
        .join(CaseRow, CaseRow.case_id == CaseEventRow.case_id)
        .where(scope.covers(CaseRow.canteen_id))
        .where(CaseEventRow.at >= begins, CaseEventRow.at < ends)
        .group_by(CaseEventRow.kind)
    )
    steps = {kind: int(n) for kind, n in session.execute(taken)}
    return Figures(
        sum(states.values()),
        states.get("confirmed", 0),
        states.get("rejected", 0),
        steps.get(Kind.OPENED, 0),
        steps.get(Kind.ACCEPTED, 0),
    )


def _cases(session: Session, scope: Scope, at: datetime) -> tuple[list[Overdue], int]:
    own = scope.covers(CaseRow.canteen_id)
    names = {place.canteen_id: place.name for place in places(session, scope)}
    late = (
        select(CaseRow)
        .where(own, CaseRow.state.in_(sorted(WITH_CANTEEN)), CaseRow.deadline_at < at)
        .order_by(CaseRow.deadline_at)
    )
    overdue = [
        Overdue(row.case_id, row.number, names[row.canteen_id], row.rule_id, (at - row.deadline_at).days)
        for row in session.scalars(late)
        if row.deadline_at is not None
    ]
    count = select(func.count()).select_from(CaseRow).where(own, CaseRow.state.not_in(_OVER))
    return overdue, session.scalar(count) or 0


def _waiting(session: Session, scope: Scope) -> int:
    own = scope.covers(ViolationRow.canteen_id) & (ViolationRow.state == "open")
    return session.scalar(select(func.count()).select_from(ViolationRow).where(own)) or 0
