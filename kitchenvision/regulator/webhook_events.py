"""Finds out what happened since and queues it for the webhooks that ask for it. Looks; is told by nobody.

Nothing on the way of evidence or decisions waits for this. What was queued once is known by its key, so that
looking again adds nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from kitchenvision.regulator import webhook_store as queue
from kitchenvision.regulator.access import Right, Scope
from kitchenvision.regulator.case_steps import WITH_CANTEEN, Kind
from kitchenvision.regulator.case_tables import CaseEventRow, CaseRow
from kitchenvision.regulator.cockpit_wall import TileState, tiles
from kitchenvision.regulator.district_view import Place, places
from kitchenvision.regulator.parts import Parts
from kitchenvision.regulator.scoring_store import today
from kitchenvision.regulator.tables import Canteen, DecisionRow, Town, ViolationRow
from kitchenvision.regulator.webhook_store import Event, Happening
from kitchenvision.regulator.webhook_tables import LookoutProgress, ToldColour, Webhook

_BATCH = 500  # rows that are read and queued at once
_OLDEST = timedelta(days=1)  # what is told to a webhook that was switched on, and by the first look of all
# A row's id is given before it is committed: for so long, one with a smaller id may still come.
_SETTLED = timedelta(minutes=2)
_KEPT_EVERY = timedelta(hours=1)
_NAME = "webhooks"
_COLOURS_EVERY = timedelta(minutes=10)
_CASE_EVENTS = {
    Kind.OPENED: Event.CASE_OPENED,
    Kind.ACCEPTED: Event.CASE_CLOSED,
    Kind.UPHELD: Event.APPEAL_DECIDED,
    Kind.OVERTURNED: Event.APPEAL_DECIDED,
}


@dataclass(frozen=True)
class Reached:
    """Up to which decision and step of a case all is queued, and until when deadlines were looked at."""

    decision_id: int
    event_id: int
    looked_at: datetime


class Lookout:
    """Looks on from where the last look ended, which the database keeps: nothing is passed over, or told twice."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._seen: tuple[int, ...] = ()
        self._hooks: frozenset[int] | None = None
        self._coloured_at: datetime | None = None

    def look(self, now: datetime) -> int:
        """Queue what happened; returns how many deliveries that are."""
        with self._parts.database.reading() as session:
            hooks = session.scalars(select(Webhook).where(Webhook.disabled_at.is_(None))).all()
            kept = session.get(LookoutProgress, _NAME)
            found = self._momentary(session, hooks, now) if hooks else []
        if not hooks:
            self._nobody_asks(kept)
            return 0
        ids = frozenset(hook.webhook_id for hook in hooks)
        fresh = self._hooks is not None and bool(ids - self._hooks)
        self._hooks = ids
        added = self._queue(hooks, found, now) + self._catch_up(hooks, kept, fresh, now)
        coloured = [hook for hook in hooks if Event.COLOUR_CHANGED in hook.events.split()]
        if coloured and (self._coloured_at is None or now - self._coloured_at >= _COLOURS_EVERY):
            self._coloured_at = now
            added += sum(
                self._colours(district, coloured, now) for district in {one.district_id for one in coloured}
            )
        return added

    def _nobody_asks(self, kept: LookoutProgress | None) -> None:
        self._hooks, self._seen = frozenset(), ()
        if kept is not None:
            # Who is switched on after months gets the last day, not all of them.
            with self._parts.database.writing(queue.LANE) as session:
                session.execute(delete(LookoutProgress).where(LookoutProgress.name == _NAME))

    def _momentary(self, session: Session, hooks: Iterable[Webhook], now: datetime) -> list[Happening]:
        found: list[Happening] = []
        for district in sorted({hook.district_id for hook in hooks}):
            found += self._blind(places(session, _whole(district)), now)
        return found

    def _catch_up(self, hooks: Sequence[Webhook], kept: LookoutProgress | None, fresh: bool, now: datetime) -> int:
        """Queue decisions, steps of cases and deadlines since the last look, however many there are."""
        with self._parts.database.reading() as session:
            begin = _day_ago(session, now)
            if kept is not None:
                last = Reached(kept.decision_id, kept.event_id, kept.looked_at)
                begin = _earlier(begin, last) if fresh else last
            found = _overdue(session, begin.looked_at - _OLDEST, now)
            seen = _newest(session, begin)
            settled = _settled(session, begin, now)
        added = self._queue(hooks, found, now)
        if seen != self._seen or fresh or kept is None:
            added += sum(self._in_batches(hooks, begin, now))
            self._seen = seen
        moved = kept is None or (settled.decision_id, settled.event_id) != (kept.decision_id, kept.event_id)
        if moved or (kept is not None and now - kept.looked_at >= _KEPT_EVERY):
            self._keep(settled)
        return added

    def _in_batches(self, hooks: Sequence[Webhook], begin: Reached, now: datetime) -> Iterator[int]:
        oldest = min(hook.created_at for hook in hooks)
        for rows_of, reached in ((_confirmed, begin.decision_id), (_steps, begin.event_id)):
            after: int | None = reached
            while after is not None:
                with self._parts.database.reading() as session:
                    found, after = rows_of(session, after, oldest)
                yield self._queue(hooks, found, now)

    def _queue(self, hooks: Iterable[Webhook], found: Sequence[Happening], now: datetime) -> int:
        if not found:
            return 0
        with self._parts.database.writing(queue.LANE) as session:
            return sum(_queued(session, hook, found, now) for hook in hooks)

    def _keep(self, reached: Reached) -> None:
        with self._parts.database.writing(queue.LANE) as session:
            row = session.get(LookoutProgress, _NAME) or LookoutProgress(name=_NAME)
            row.decision_id, row.event_id = reached.decision_id, reached.event_id
            row.looked_at = reached.looked_at
            session.add(row)

    def _blind(self, known: list[Place], now: datetime) -> list[Happening]:
        named = {place.canteen_id: place for place in known}
        found = []
        for tile in tiles(self._parts.wall.known(set(named)), now):
            if tile.state is TileState.BLIND:
                place = named[tile.canteen_id]
                since = (now - timedelta(seconds=tile.age_s)).replace(microsecond=0)
                data = _of(place.canteen_id, place.name) | {"camera_id": tile.camera_id, "reason": tile.reason}
                key = f"camera.blind:{tile.canteen_id}:{tile.camera_id}:{since:%Y%m%dT%H%M}"
                found.append(Happening(key, Event.CAMERA_BLIND, since, place.district_id, data))
        return found

    def _colours(self, district: str, hooks: list[Webhook], now: datetime) -> int:
        local = now.astimezone(ZoneInfo(self._parts.settings.timezone))
        with self._parts.database.reading() as session:
            known = places(session, _whole(district))
            told = today(session, district, [place.canteen_id for place in known], local)
        changed = []
        with self._parts.database.writing(queue.LANE) as session:
            for place in known:
                colour = told[place.canteen_id].score.colour.value
                before = session.get(ToldColour, place.canteen_id)
                if before is None:
                    session.add(ToldColour(canteen_id=place.canteen_id, colour=colour))
                elif before.colour != colour:
                    data = _of(place.canteen_id, place.name) | {"before": before.colour, "colour": colour}
                    key = f"colour.changed:{place.canteen_id}:{now.isoformat()}"
                    changed.append(Happening(key, Event.COLOUR_CHANGED, now, district, data))
                    before.colour = colour
            return sum(_queued(session, hook, changed, now) for hook in hooks)


def _queued(session: Session, hook: Webhook, found: Iterable[Happening], now: datetime) -> int:
    asked = hook.events.split()
    own = [
        one
        for one in found
        if one.event in asked and one.district_id == hook.district_id and one.at >= hook.created_at
    ]
    return queue.queue(session, hook, own, now) if own else 0


def _whole(district: str) -> Scope:
    return Scope(frozenset({Right.READ}), district)


def _of(canteen_id: str, name: str) -> dict[str, object]:
    return {"canteen_id": canteen_id, "canteen": name}


def _day_ago(session: Session, now: datetime) -> Reached:
    before = now - _OLDEST
    decision = session.scalar(select(func.max(DecisionRow.decision_id)).where(DecisionRow.decided_at < before))
    event = session.scalar(select(func.max(CaseEventRow.event_id)).where(CaseEventRow.at < before))
    return Reached(decision or 0, event or 0, now)


def _earlier(one: Reached, other: Reached) -> Reached:
    return Reached(
        min(one.decision_id, other.decision_id),
        min(one.event_id, other.event_id),
        min(one.looked_at, other.looked_at),
    )


def _settled(session: Session, begin: Reached, now: datetime) -> Reached:
    """Up to where nothing more can come in between."""
    before = now - _SETTLED
    decisions = select(func.max(DecisionRow.decision_id)).where(DecisionRow.decision_id > begin.decision_id)
    events = select(func.max(CaseEventRow.event_id)).where(CaseEventRow.event_id > begin.event_id)
    return Reached(
        session.scalar(decisions.where(DecisionRow.decided_at < before)) or begin.decision_id,
        session.scalar(events.where(CaseEventRow.at < before)) or begin.event_id,
        now,
    )


def _newest(session: Session, begin: Reached) -> tuple[int, ...]:
    """Changes when anything was added after `begin`, in whatever order it was committed."""
    decisions = select(func.max(DecisionRow.decision_id), func.count()).where(
        DecisionRow.decision_id > begin.decision_id
    )
    events = select(func.max(CaseEventRow.event_id), func.count()).where(CaseEventRow.event_id > begin.event_id)
    counted = [*session.execute(decisions).one(), *session.execute(events).one()]
    return (begin.decision_id, begin.event_id, *(number or 0 for number in counted))


def _confirmed(session: Session, after: int, oldest: datetime) -> tuple[list[Happening], int | None]:
    """Of the next decisions those that confirmed; up to which it was looked, None = to the end."""
    query = (
        select(DecisionRow.decision_id, DecisionRow.decided_at, ViolationRow, Canteen.name, Town.district_id)
        .join(ViolationRow, ViolationRow.violation_id == DecisionRow.violation_id)
        .join(Canteen, Canteen.canteen_id == ViolationRow.canteen_id)
        .join(Town, Town.town_id == Canteen.town_id)
        .where(DecisionRow.decision_id > after, DecisionRow.decided_at >= oldest)
        .where(DecisionRow.verdict == "confirmed", ViolationRow.state == "confirmed")
        .order_by(DecisionRow.decision_id)
        .limit(_BATCH)
    )
    found: dict[str, Happening] = {}
    rows = session.execute(query).all()
    for _decision_id, decided_at, row, name, district_id in rows:
        key = f"incident.confirmed:{row.incident_id or row.violation_id}"
        data = _of(row.canteen_id, name) | {
            "incident_id": row.incident_id,
            "violation_id": row.violation_id,
            "rule_id": row.rule_id,
            "camera_id": row.camera_id,
            "captured_at": row.captured_at.isoformat(),
        }
        found.setdefault(key, Happening(key, Event.INCIDENT_CONFIRMED, decided_at, district_id, data))
    return list(found.values()), rows[-1][0] if len(rows) == _BATCH else None


def _steps(session: Session, after: int, oldest: datetime) -> tuple[list[Happening], int | None]:
    """Of the next steps of cases those that are told; up to which it was looked, None = to the end."""
    query = (
        select(CaseEventRow, CaseRow, Canteen.name, Town.district_id)
        .join(CaseRow, CaseRow.case_id == CaseEventRow.case_id)
        .join(Canteen, Canteen.canteen_id == CaseRow.canteen_id)
        .join(Town, Town.town_id == Canteen.town_id)
        .where(CaseEventRow.event_id > after, CaseEventRow.at >= oldest)
        .where(CaseEventRow.kind.in_(sorted(_CASE_EVENTS)))
        .order_by(CaseEventRow.event_id)
        .limit(_BATCH)
    )
    found = []
    rows = session.execute(query).all()
    for event, row, name, district_id in rows:
        told = _CASE_EVENTS[Kind(event.kind)]
        data = _case(row, name)
        if told is Event.APPEAL_DECIDED:
            data["ruling"] = event.kind
        found.append(Happening(f"case:{event.event_id}", told, event.at, district_id, data))
    return found, rows[-1][0].event_id if len(rows) == _BATCH else None


def _overdue(session: Session, since: datetime, now: datetime) -> list[Happening]:
    query = (
        select(CaseRow, Canteen.name, Town.district_id)
        .join(Canteen, Canteen.canteen_id == CaseRow.canteen_id)
        .join(Town, Town.town_id == Canteen.town_id)
        .where(CaseRow.state.in_(sorted(WITH_CANTEEN)), CaseRow.deadline_at < now)
        .where(CaseRow.deadline_at >= since)
    )
    found = []
    for row, name, district_id in session.execute(query):
        assert row.deadline_at is not None
        key = f"case.overdue:{row.case_id}:{row.deadline_at.isoformat()}"
        found.append(Happening(key, Event.CASE_OVERDUE, row.deadline_at, district_id, _case(row, name)))
    return found


def _case(row: CaseRow, name: str) -> dict[str, object]:
    return _of(row.canteen_id, name) | {
        "case_id": row.case_id,
        "number": row.number,
        "rule_id": row.rule_id,
        "state": row.state,
        "deadline_at": None if row.deadline_at is None else row.deadline_at.isoformat(),
    }
