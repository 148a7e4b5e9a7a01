"""Finds out what happened since and queues it for the webhooks that ask for it. Looks; is told by nobody.

Nothing on the way of evidence or decisions waits for this. What was queued once is known by its key, so that
looking again adds nothing.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kitchenvision.regulator import webhook_store as queue
from kitchenvision.regulator.access import Right, Scope
from kitchenvision.regulator.case_steps import WITH_CANTEEN, Kind
from kitchenvision.regulator.case_tables import CaseEventRow, CaseRow
from kitchenvision.regulator.cockpit_wall import TileState
from kitchenvision.regulator.district_view import Place, places
from kitchenvision.regulator.parts import Parts
from kitchenvision.regulator.scoring_store import today
from kitchenvision.regulator.tables import Canteen, DecisionRow, Town, ViolationRow
from kitchenvision.regulator.webhook_store import Event, Happening
from kitchenvision.regulator.webhook_tables import ToldColour, Webhook

_NEWEST = 500  # rows looked at each time; more do not come between two looks
_OLDEST = timedelta(days=1)
_COLOURS_EVERY = timedelta(minutes=10)
_CASE_EVENTS = {
    Kind.OPENED: Event.CASE_OPENED,
    Kind.ACCEPTED: Event.CASE_CLOSED,
    Kind.UPHELD: Event.APPEAL_DECIDED,
    Kind.OVERTURNED: Event.APPEAL_DECIDED,
}


class Lookout:
    """Remembers how far it has looked. A new one looks at the last day again, and adds nothing twice."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._seen: tuple[int, int] = (-1, -1)
        self._hooks: frozenset[int] = frozenset()
        self._coloured_at: datetime | None = None

    def look(self, now: datetime) -> int:
        """Queue what happened; returns how many deliveries that are."""
        with self._parts.database.reading() as session:
            hooks = session.scalars(select(Webhook).where(Webhook.disabled_at.is_(None))).all()
            found = self._found(session, hooks, now) if hooks else []
        self._hooks = frozenset(hook.webhook_id for hook in hooks)
        added = 0
        if found:
            with self._parts.database.writing(queue.LANE) as session:
                added = sum(_queued(session, hook, found, now) for hook in hooks)
        coloured = [hook for hook in hooks if Event.COLOUR_CHANGED in hook.events.split()]
        if coloured and (self._coloured_at is None or now - self._coloured_at >= _COLOURS_EVERY):
            self._coloured_at = now
            added += sum(
                self._colours(district, coloured, now) for district in {one.district_id for one in coloured}
            )
        return added

    def _found(self, session: Session, hooks: Iterable[Webhook], now: datetime) -> list[Happening]:
        newest = (
            session.scalar(select(func.max(DecisionRow.decision_id))) or 0,
            session.scalar(select(func.max(CaseEventRow.event_id))) or 0,
        )
        found = _overdue(session, now)
        for district in sorted({hook.district_id for hook in hooks}):
            found += self._blind(places(session, _whole(district)), now)
        if newest != self._seen or {hook.webhook_id for hook in hooks} - self._hooks:
            found += _confirmed(session, now) + _steps(session, now)
            self._seen = newest
        return found

    def _blind(self, known: list[Place], now: datetime) -> list[Happening]:
        named = {place.canteen_id: place for place in known}
        found = []
        for tile in self._parts.wall.tiles(named, now):
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


def _confirmed(session: Session, now: datetime) -> list[Happening]:
    newest = select(DecisionRow).order_by(DecisionRow.decision_id.desc()).limit(_NEWEST).subquery()
    query = (
        select(ViolationRow, newest.c.decided_at, Canteen.name, Town.district_id)
        .join(newest, newest.c.violation_id == ViolationRow.violation_id)
        .join(Canteen, Canteen.canteen_id == ViolationRow.canteen_id)
        .join(Town, Town.town_id == Canteen.town_id)
        .where(newest.c.verdict == "confirmed", ViolationRow.state == "confirmed")
        .where(newest.c.decided_at >= now - _OLDEST)
        .order_by(newest.c.decision_id)
    )
    found: dict[str, Happening] = {}
    for row, decided_at, name, district_id in session.execute(query):
        key = f"incident.confirmed:{row.incident_id or row.violation_id}"
        data = _of(row.canteen_id, name) | {
            "incident_id": row.incident_id,
            "violation_id": row.violation_id,
            "rule_id": row.rule_id,
            "camera_id": row.camera_id,
            "captured_at": row.captured_at.isoformat(),
        }
        found.setdefault(key, Happening(key, Event.INCIDENT_CONFIRMED, decided_at, district_id, data))
    return list(found.values())


def _steps(session: Session, now: datetime) -> list[Happening]:
    query = (
        select(CaseEventRow, CaseRow, Canteen.name, Town.district_id)
        .join(CaseRow, CaseRow.case_id == CaseEventRow.case_id)
        .join(Canteen, Canteen.canteen_id == CaseRow.canteen_id)
        .join(Town, Town.town_id == Canteen.town_id)
        .where(CaseEventRow.at >= now - _OLDEST)
        .order_by(CaseEventRow.event_id.desc())
        .limit(_NEWEST)
    )
    found = []
    for event, row, name, district_id in session.execute(query):
        told = _CASE_EVENTS.get(Kind(event.kind))
        if told is not None:
            data = _case(row, name)
            if told is Event.APPEAL_DECIDED:
                data["ruling"] = event.kind
            found.append(Happening(f"case:{event.event_id}", told, event.at, district_id, data))
    return found[::-1]


def _overdue(session: Session, now: datetime) -> list[Happening]:
    query = (
        select(CaseRow, Canteen.name, Town.district_id)
        .join(Canteen, Canteen.canteen_id == CaseRow.canteen_id)
        .join(Town, Town.town_id == Canteen.town_id)
        .where(CaseRow.state.in_(sorted(WITH_CANTEEN)), CaseRow.deadline_at < now)
        .where(CaseRow.deadline_at >= now - _OLDEST)
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
