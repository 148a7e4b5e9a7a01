"""Who wants the weekly digest, and what was sent. A digest is claimed before it goes, so that none goes twice."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from kitchenvision.errors import SettingsError
from kitchenvision.regulator.access import Right
from kitchenvision.regulator.mail_settings import is_mail_address
from kitchenvision.regulator.people import Visitor, person_scope
from kitchenvision.regulator.settings import LANGUAGES, Language
from kitchenvision.regulator.tables import Base, Person

LANE = "digests"  # of writers
RETRY = timedelta(minutes=30)
MOST_TRIES = 20
_KEPT = timedelta(days=400)


class DigestReader(Base):
    """Somebody who asked for it, where it goes and in which language."""

    __tablename__ = "digest_readers"
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id"), primary_key=True)
    email: Mapped[str] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(2))
    asked_at: Mapped[datetime]


class DigestSent(Base):
    """One digest of one person. `sent_at` is None until the server took it; `due_at` None = never tried again.

    Whoever dies between claiming and sending leaves both None: it may have gone, so it does not go again.
    """

    __tablename__ = "digests_sent"
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id"), primary_key=True)
    week: Mapped[str] = mapped_column(String(8), primary_key=True)
    claimed_at: Mapped[datetime]
    attempts: Mapped[int]
    due_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(String(300))


@dataclass(frozen=True)
class Wish:
    """Where a digest goes, and in which language."""

    email: str
    language: Language


@dataclass(frozen=True)
class Claim:
    """A digest that this caller sends."""

    person_id: int
    week: str
    wish: Wish
    at: datetime


def wish_of(session: Session, person_id: int) -> Wish | None:
    """What that person asked for, or None."""
    row = session.get(DigestReader, person_id)
    return None if row is None else Wish(row.email, _language(row.language))


def ask(session: Session, visitor: Visitor, email: str, language: str, now: datetime) -> None:
    """From now on the visitor gets it.

    Raises:
        SettingsError: not an address, no such language, or the role sees no desk.
    """
    if not visitor.scope.may(Right.REVIEW):
        raise SettingsError("digest", "role", "sees no desk")
    if not is_mail_address(email.strip()):
        raise SettingsError("digest", "email", "needs an address such as a@office.example")
    if language not in LANGUAGES:
        raise SettingsError("digest", "language", f"got '{language}', allowed are {', '.join(LANGUAGES)}")
    row = session.get(DigestReader, visitor.person_id) or DigestReader(person_id=visitor.person_id)
    row.email, row.language, row.asked_at = email.strip(), language, now
    session.add(row)


def stop(session: Session, person_id: int) -> None:
    """No more."""
    session.execute(delete(DigestReader).where(DigestReader.person_id == person_id))


def waiting(session: Session, week: str, now: datetime) -> list[int]:
    """Persons who are to get the digest of that week now, by id: asked before, not disabled, still see a desk."""
    query = (
        select(Person)
        .join(DigestReader, DigestReader.person_id == Person.person_id)
        .outerjoin(DigestSent, (DigestSent.person_id == Person.person_id) & (DigestSent.week == week))
        .where(Person.disabled_at.is_(None), DigestReader.asked_at <= now)
        .where(DigestSent.person_id.is_(None) | (DigestSent.due_at <= now))
        .order_by(Person.person_id)
    )
    return [one.person_id for one in session.scalars(query) if person_scope(session, one).may(Right.REVIEW)]


def claim(session: Session, person_id: int, week: str, now: datetime) -> Claim | None:
    """That digest for this caller alone, or None when somebody else has it, or it went. Needs a writer."""
    reader = session.get(DigestReader, person_id)
    row = session.get(DigestSent, (person_id, week))
    if reader is None or (row is not None and (row.due_at is None or row.due_at > now)):
        return None
    if row is None:
        row = DigestSent(person_id=person_id, week=week, attempts=0, problem="")
        session.add(row)
    row.claimed_at, row.attempts, row.due_at = now, row.attempts + 1, None
    return Claim(person_id, week, Wish(reader.email, _language(reader.language)), now)


def report(session: Session, claimed: Claim, problem: str, now: datetime) -> None:
    """Keep what came of it: sent, or why not; then it is tried again later, not for ever."""
    row = session.get_one(DigestSent, (claimed.person_id, claimed.week))
    row.problem = problem[:300]
    if not problem:
        row.sent_at = now
    elif row.attempts < MOST_TRIES:
        row.due_at = now + RETRY
    session.execute(delete(DigestSent).where(DigestSent.claimed_at < now - _KEPT))


def _language(told: str) -> Language:
    return next((one for one in LANGUAGES if one == told), "zh")


def newest_of(session: Session, person_id: int) -> DigestSent | None:
    """The newest digest of that person, or None."""
    own = select(DigestSent).where(DigestSent.person_id == person_id).order_by(DigestSent.week.desc()).limit(1)
    return session.scalar(own)
