"""Who has which incident on the desk: a claim with a lease, so that two people never decide one unawares.

A claim is renewed while the incident is looked at and ends by itself. Whoever is told of it may take it over,
knowing that somebody else is looking. Without a claim of somebody else everybody may decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Select, bindparam, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from kitchenvision.errors import KitchenvisionError
from kitchenvision.regulator.access import Right, Scope, Shape
from kitchenvision.regulator.review_tables import ReviewClaim
from kitchenvision.regulator.tables import Person, ViolationRow

LEASE_S = 120.0


@dataclass(frozen=True)
class Claim:
    """Whose the incident is until `leased_until`; `mine`: of the one who asked, who need not be named."""

    incident_id: str
    username: str
    leased_until: datetime
    mine: bool


class ClaimedByOther(KitchenvisionError):
    """Somebody else has the incident on the desk.

    Args:
        claim: theirs.
    """

    def __init__(self, claim: Claim) -> None:
        super().__init__(f"{claim.username} is looking at it")
        self.claim = claim


def claim(
    session: Session, scope: Scope, violation_id: str, person_id: int, now: datetime, take_over: bool = False
) -> Claim | None:
    """Claim the incident of a violation, or renew one's claim; one's other claims end. None: no such violation.

    Args:
        take_over: even if it is somebody else's, which then is told so at the next renewal.
    """
    connection = session.connection()
    row = connection.execute(*scope.asks(_claimed, violation_id=violation_id)).first()
    if row is None or not scope.may(Right.DECIDE):
        return None
    until = now + timedelta(seconds=LEASE_S)
    values = {**row._mapping, "person_id": person_id, "leased_until": until}
    asked = {"incident": row.incident_id, "person": person_id, "at": now}
    connection.execute(_ENDED, asked)
    taken = connection.execute(_taken(connection.dialect.name, take_over), {**values, **asked}).first()
    if taken is None:
        return holder(session, row.incident_id, person_id, now)
    return Claim(row.incident_id, "", until, mine=True)


@cache
def _claimed(shape: Shape) -> Select[str, str]:
    own = ViolationRow.violation_id == bindparam("violation_id"), shape.covers(ViolationRow.canteen_id)
    return select(ViolationRow.incident_id, ViolationRow.canteen_id).where(*own)


_ENDED = delete(ReviewClaim).where(
    ReviewClaim.person_id == bindparam("person"), ReviewClaim.incident_id != bindparam("incident")
)


@cache
def _taken(dialect: str, take_over: bool) -> ReturningInsert[str]:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    # One statement: of two who ask at once the second one sees the claim of the first.
    free = or_(ReviewClaim.person_id == bindparam("person"), ReviewClaim.leased_until <= bindparam("at"))
    new = insert(ReviewClaim)
    return new.on_conflict_do_update(
        index_elements=["incident_id"],
        set_={"person_id": new.excluded.person_id, "leased_until": new.excluded.leased_until},
        where=None if take_over else free,
    ).returning(ReviewClaim.incident_id)


_HOLDER = (
    select(ReviewClaim.person_id, ReviewClaim.leased_until, Person.username)
    .join(Person, Person.person_id == ReviewClaim.person_id)
    .where(ReviewClaim.incident_id == bindparam("incident"), ReviewClaim.leased_until > bindparam("at"))
)


def holder(session: Session, incident_id: str, person_id: int, now: datetime) -> Claim | None:
    """Whose the incident is at that instant, None when it is nobody's."""
    found = session.connection().execute(_HOLDER, {"incident": incident_id, "at": now}).first()
    return None if found is None else Claim(incident_id, found[2], found[1], found[0] == person_id)


_OTHERS = ReviewClaim.person_id != bindparam("person"), ReviewClaim.leased_until > bindparam("at")
_HELD = (
    select(ReviewClaim.incident_id, ReviewClaim.leased_until, Person.username)
    .join(Person, Person.person_id == ReviewClaim.person_id)
    .join(ViolationRow, ViolationRow.incident_id == ReviewClaim.incident_id)
    .where(ViolationRow.violation_id.in_(bindparam("violation_ids", expanding=True)), *_OTHERS)
    .limit(1)
)


def check(session: Session, violation_ids: Sequence[str], person_id: int, now: datetime) -> None:
    """Whether that person may decide on these violations at that instant.

    Raises:
        ClaimedByOther: not while somebody else looks at the incident of one.
    """
    asked = {"violation_ids": list(violation_ids), "person": person_id, "at": now}
    held = session.connection().execute(_HELD, asked).first()
    if held is not None:
        raise ClaimedByOther(Claim(held.incident_id, held.username, held.leased_until, mine=False))


def of_others(session: Session, scope: Scope, person_id: int, now: datetime) -> dict[str, str]:
    """What others in this scope look at, at that instant: incident -> user name."""
    found = session.connection().execute(*scope.asks(_of_others, person=person_id, at=now))
    return {incident_id: username for incident_id, username in found}


@cache
def _of_others(shape: Shape) -> Select[str, str]:
    return (
        select(ReviewClaim.incident_id, Person.username)
        .join(Person, Person.person_id == ReviewClaim.person_id)
        .where(shape.covers(ReviewClaim.canteen_id), *_OTHERS)
    )
