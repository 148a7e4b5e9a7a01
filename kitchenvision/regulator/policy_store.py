"""A district's policies: added, never changed; which one is in force on a day."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kitchenvision.errors import KitchenvisionError
from kitchenvision.regulator.policy import Policy, parse_policy, standard_policy
from kitchenvision.regulator.policy_tables import PolicyRow
from kitchenvision.regulator.tables import Person


class PolicyRefused(KitchenvisionError):
    """The policy cannot be added: `field` says why.

    Args:
        field: version or valid_from. problem: what is expected.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field, self.problem = field, problem


@dataclass(frozen=True)
class Entered:
    """A policy with who entered it and when; both None for the standard policy, which is always there."""

    policy: Policy
    username: str | None = None
    entered_at: datetime | None = None


def policies(session: Session, district_id: str) -> list[Entered]:
    """Every policy of the district, the standard one first, then by the day from which each is in force."""
    rows = session.execute(
        select(PolicyRow, Person.username)
        .join(Person, Person.person_id == PolicyRow.person_id)
        .where(PolicyRow.district_id == district_id)
        .order_by(PolicyRow.valid_from, PolicyRow.policy_id)
    )
    entered = [
        Entered(parse_policy(row.body.encode(), f"policy {row.policy_id}"), username, row.entered_at)
        for row, username in rows
    ]
    return [Entered(standard_policy()), *entered]


def in_force(known: list[Entered], day: date) -> Policy:
    """The policy of a local day: of those that begin on or before it the latest."""
    return next((one.policy for one in reversed(known[1:]) if one.policy.valid_from <= day), known[0].policy)


def add_policy(session: Session, district_id: str, policy: Policy, person_id: int, now: datetime) -> None:
    """Add a version.

    Args:
        now: aware; its zone says what today is. A policy begins tomorrow at the earliest, so that no day that
            has a colour gets another one.

    Raises:
        PolicyRefused: it begins too early, or the name and version are taken.
    """
    if policy.valid_from <= now.date():
        raise PolicyRefused("valid_from", f"a day after {now.date()} is expected, got {policy.valid_from}")
    session.add(
        PolicyRow(
            district_id=district_id,
            name=policy.name,
            version=policy.version,
            valid_from=policy.valid_from,
            body=policy.text(),
            sha256=policy.digest(),
            person_id=person_id,
            entered_at=now,
        )
    )
    try:
        session.flush()
    except IntegrityError as error:
        problem = f"{policy.name} {policy.version} is there already; a change is a new version"
        raise PolicyRefused("version", problem) from error
