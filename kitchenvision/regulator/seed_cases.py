"""Cases of a made-up district: answers in time and too late, what was sent back, appeals, what is overdue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from kitchenvision.regulator import case_store
from kitchenvision.regulator.access import EVERYTHING, Role
from kitchenvision.regulator.case_steps import BY_CANTEEN, CaseEvent, CasePolicy, CaseState, CaseStep, Kind, follow
from kitchenvision.regulator.case_tables import CaseEventRow, CaseRow, CaseViolation
from kitchenvision.regulator.incidents import Incident
from kitchenvision.regulator.tables import DEFAULT_DISTRICT, DecisionRow, Person

CASE_DAYS = 30
NOBODYS = "!"  # no password has this hash
WORDS = {
    Kind.ANSWERED: "已对当事人进行培训，并检查全体人员着装。",
    Kind.RETURNED: "照片看不清整改情况，请重新拍摄。",
    Kind.APPEALED: "当时正在更换工作帽，请复核前后画面。",
    Kind.UPHELD: "前后画面显示持续未佩戴，维持原决定。",
    Kind.ACCEPTED: "",
}
# What happens after the notice, each with how many days later it does; and how many in a hundred go that way.
Course = tuple[tuple[Kind, float], ...]
COURSES: tuple[tuple[int, Course], ...] = (
    (65, ((Kind.ANSWERED, 1.2), (Kind.ACCEPTED, 0.8))),
    (8, ((Kind.ANSWERED, 8.5), (Kind.ACCEPTED, 1.0))),
    (8, ((Kind.ANSWERED, 1.0), (Kind.RETURNED, 0.6), (Kind.ANSWERED, 1.1), (Kind.ACCEPTED, 0.5))),
    (6, ((Kind.APPEALED, 1.0), (Kind.UPHELD, 2.0), (Kind.ANSWERED, 0.4), (Kind.ACCEPTED, 0.5))),
    (10, ((Kind.ANSWERED, 1.5),)),
    (3, ()),
)


@dataclass(frozen=True)
class Cast:
    """Person ids: who orders, who rules on appeals, and the people of each canteen."""

    inspector: int
    second: int
    cooks: dict[str, int]


def seed_cases(session: Session, cast: Cast, photos: Sequence[str], seed: int, now: datetime) -> int:
    """A case for each confirmed incident of the last `CASE_DAYS` days; returns how many.

    Args:
        cast: people, already in the database. photos: SHA-256 of pictures for answers, already kept.
    """
    policy = CasePolicy()
    made = 0
    for incident in case_store.waiting(session, EVERYTHING, now):
        chance = Random(f"{seed} case {incident.incident_id}")
        opened_at = _decided_at(session, incident) + timedelta(hours=chance.uniform(1, 10))
        if not now - timedelta(days=CASE_DAYS) < opened_at < now:
            continue
        made += 1
        deadline_at = policy.deadline(incident.place[1], opened_at)
        opened = CaseEvent(Kind.OPENED, CaseState.NOTIFIED, cast.inspector, opened_at, deadline_at=deadline_at)
        number = f"{opened_at.year}-{made:05d}"
        _write(session, incident, number, _course([opened], cast, photos, chance, (now, policy, incident.place[0])))
    return made


def cooks(session: Session, canteen_ids: Sequence[str], now: datetime) -> dict[str, int]:
    """A person for each canteen, who cannot log in; by canteen."""
    session.execute(
        insert(Person),
        [
            {
                "username": f"{canteen_id}-cook",
                "password_hash": NOBODYS,
                "role": Role.CANTEEN.value,
                "created_at": now,
                "district_id": DEFAULT_DISTRICT,
                "canteen_id": canteen_id,
                "disabled_at": now,
            }
            for canteen_id in canteen_ids
        ],
    )
    query = select(Person.canteen_id, Person.person_id).where(Person.canteen_id.in_(canteen_ids))
    return {str(canteen_id): person_id for canteen_id, person_id in session.execute(query)}


def _decided_at(session: Session, incident: Incident) -> datetime:
    ids = [one.violation_id for one in incident.sightings]
    newest = session.scalar(select(func.max(DecisionRow.decided_at)).where(DecisionRow.violation_id.in_(ids)))
    return newest or incident.ended_at


def _course(
    events: list[CaseEvent],
    cast: Cast,
    photos: Sequence[str],
    chance: Random,
    where: tuple[datetime, CasePolicy, str],
) -> list[CaseEvent]:
    now, policy, canteen_id = where
    (course,) = chance.choices([one for _, one in COURSES], [share for share, _ in COURSES])
    at = events[0].at
    for kind, days in course:
        at += timedelta(days=days * chance.uniform(0.7, 1.3))
        if at >= now:
            break
        ruled = cast.second if kind is Kind.UPHELD else cast.inspector
        person_id = cast.cooks[canteen_id] if kind in BY_CANTEEN else ruled
        photo = chance.choice(photos) if kind is Kind.ANSWERED else None
        events.append(follow(events, CaseStep(kind, person_id, WORDS[kind], photo), at, {cast.inspector}, policy))
    return events


def _write(session: Session, incident: Incident, number: str, events: Sequence[CaseEvent]) -> None:
    canteen_id, rule_id, zone = incident.place
    row = CaseRow(
        number=number,
        canteen_id=canteen_id,
        rule_id=rule_id,
        zone=zone,
        opened_at=events[0].at,
        state=CaseState.NOTIFIED.value,
        deadline_at=events[0].deadline_at,
    )
    session.add(row)
    session.flush()
    pairs: list[dict[str, Any]] = [
        {"violation_id": one.violation_id, "case_id": row.case_id} for one in incident.sightings
    ]
    session.execute(insert(CaseViolation), pairs)
    for seq, event in enumerate(events, 1):
        session.execute(
            insert(CaseEventRow).values(
                case_id=row.case_id,
                seq=seq,
                kind=event.kind.value,
                state=event.state.value,
                person_id=event.person_id,
                at=event.at,
                words=event.words,
                photo_sha256=event.photo_sha256,
                deadline_at=event.deadline_at,
            )
        )
    newest = events[-1]
    session.execute(
        update(CaseRow)
        .where(CaseRow.case_id == row.case_id)
        .values(state=newest.state.value, deadline_at=newest.deadline_at)
    )
