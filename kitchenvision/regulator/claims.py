"""Who has which incident on the desk: a claim with a lease, so that two people never decide one unawares.

A claim is renewed while the incident is looked at and ends by itself. Whoever is told of it may take it over,
knowing that somebody else is looking. Without a claim of somebody else everybody may decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from kitchenvision.errors import KitchenvisionError
from kitchenvision.regulator.access import Right, Scope
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
    row = session.scalar(
        select(ViolationRow).where(ViolationRow.violation_id == violation_id, scope.covers(ViolationRow.canteen_id))
    )
    if row is None or not scope.may(Right.DECIDE):
        return None
    own_others = ReviewClaim.person_id == person_id, ReviewClaim.incident_id != row.incident_id
    session.execute(delete(ReviewClaim).where(*own_others))
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    until = now + timedelta(seconds=LEASE_S)
    added = insert(ReviewClaim).values(
        incident_id=row.incident_id, canteen_id=row.canteen_id, person_id=person_id, leased_until=until
    )
    # One statement: of two who ask at once the second one sees the claim of the first.
    free = or_(ReviewClaim.person_id == person_id, ReviewClaim.leased_until <= now)
    taken = session.execute(
        added.on_conflict_do_update(
            index_elements=["incident_id"],
            set_={"person_id": person_id, "leased_until": until},
            where=None if take_over else free,
        ).returning(ReviewClaim.incident_id)
    ).first()
    if taken is None:
        return holder(session, row.incident_id, person_id, now)
    return Claim(row.incident_id, "", until, mine=True)


def holder(session: Session, incident_id: str, person_id: int, now: datetime) -> Claim | None:
    """Whose the incident is at that instant, None when it is nobody's."""
    found = session.execute(
        select(ReviewClaim.person_id, ReviewClaim.leased_until, Person.username)
        .join(Person, Person.person_id == ReviewClaim.person_id)
        .where(ReviewClaim.incident_id == incident_id, ReviewClaim.leased_until > now)
    ).first()
    return None if found is None else Claim(incident_id, found[2], found[1], found[0] == person_id)


def check(session: Session, violation_ids: Sequence[str], person_id: int, now: datetime) -> None:
    """Whether that person may decide on these violations at that instant.

    Raises:
        ClaimedByOther: not while somebody else looks at the incident of one.
    """
    held = session.execute(
        select(ReviewClaim.incident_id, ReviewClaim.leased_until, Person.username)
        .join(Person, Person.person_id == ReviewClaim.person_id)
        .join(ViolationRow, ViolationRow.incident_id == ReviewClaim.incident_id)
        .where(ViolationRow.violation_id.in_(violation_ids))
        .where(ReviewClaim.person_id != person_id, ReviewClaim.leased_until > now)
        .limit(1)
    ).first()
    if held is not None:
        raise ClaimedByOther(Claim(held.incident_id, held.username, held.leased_until, mine=False))


def of_others(session: Session, scope: Scope, person_id: int, now: datetime) -> dict[str, str]:
    """What others in this scope look at, at that instant: incident -> user name."""
    query = (
        select(ReviewClaim.incident_id, Person.username)
        .join(Person, Person.person_id == ReviewClaim.person_id)
        .where(scope.covers(ReviewClaim.canteen_id))
        .where(ReviewClaim.person_id != person_id, ReviewClaim.leased_until > now)
    )
    return {incident_id: username for incident_id, username in session.execute(query)}
