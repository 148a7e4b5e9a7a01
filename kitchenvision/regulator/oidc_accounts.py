"""Log-ins by a provider: what is remembered until a browser comes back, and whose account it is.

The provider's own id for somebody (its subject) is bound to an account at the first log-in and counts from then on:
a name that the provider gives to another person later opens nothing.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from kitchenvision.regulator import people
from kitchenvision.regulator.canteens import token_hash
from kitchenvision.regulator.oidc import Begun, Known
from kitchenvision.regulator.oidc_settings import Newcomers
from kitchenvision.regulator.people import Place
from kitchenvision.regulator.tables import Base, Person

LASTS_S = 600.0
LANE = "provider log-ins"  # of writers


class ProviderLogin(Base):
    """A log-in on its way to the provider and back; of state and cookie only hashes are kept."""

    __tablename__ = "provider_logins"
    state_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser_sha256: Mapped[str] = mapped_column(String(64))
    nonce: Mapped[str] = mapped_column(String(100))
    verifier: Mapped[str] = mapped_column(String(100))
    wanted: Mapped[str] = mapped_column(String(2000))
    expires_at: Mapped[datetime]


class ProviderAccount(Base):
    """Which of the provider's people has an account here."""

    __tablename__ = "provider_accounts"
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id"), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str] = mapped_column(String(255))
    bound_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("issuer", "subject", name="provider_accounts_once"),)


@dataclass(frozen=True)
class Waiting:
    """What was remembered of a log-in that came back."""

    nonce: str
    verifier: str
    wanted: str


@dataclass(frozen=True)
class Found:
    """Whose account it is; else `problem` is the key of a message that says why there is none."""

    person_id: int | None
    problem: str = ""


def remember(session: Session, begun: Begun, wanted: str, now: datetime) -> str:
    """Note a log-in that was begun; returns what goes into the browser's cookie.

    Args:
        wanted: the page to go to afterwards.
    """
    session.execute(delete(ProviderLogin).where(ProviderLogin.expires_at <= now))
    token = secrets.token_urlsafe(32)
    session.add(
        ProviderLogin(
            state_sha256=token_hash(begun.state),
            browser_sha256=token_hash(token),
            nonce=begun.nonce,
            verifier=begun.verifier,
            wanted=wanted,
            expires_at=now + timedelta(seconds=LASTS_S),
        )
    )
    return token


def take(session: Session, state: str, browser: str, now: datetime) -> Waiting | None:
    """The log-in with this state that this browser began, used up by this; None when there is none, or too old."""
    own = (ProviderLogin.state_sha256 == token_hash(state)) & (ProviderLogin.browser_sha256 == token_hash(browser))
    kept = (ProviderLogin.nonce, ProviderLogin.verifier, ProviderLogin.wanted, ProviderLogin.expires_at)
    row = session.execute(delete(ProviderLogin).where(own).returning(*kept)).first()
    return None if row is None or row.expires_at <= now else Waiting(row.nonce, row.verifier, row.wanted)


def account_of(session: Session, known: Known, newcomers: Newcomers | None, now: datetime) -> Found:
    """Whose account the provider's person has: that which is bound to them, else that of their name, bound now.

    Args:
        newcomers: what somebody becomes whose name is unknown here; None = they do not come in.

    Raises:
        SettingsError: a newcomer's towns are not there.
    """
    own = (ProviderAccount.issuer == known.issuer) & (ProviderAccount.subject == known.subject)
    person = session.scalar(
        select(Person).join(ProviderAccount, ProviderAccount.person_id == Person.person_id).where(own)
    )
    if person is not None:
        return _let_in(person)
    if not known.name:
        return Found(None, "oidc.no_name")
    person = session.scalar(select(Person).where(Person.username == known.name))
    if person is None:
        if newcomers is None:
            return Found(None, "oidc.unknown")
        person = _newcomer(session, known.name, newcomers, now)
    elif session.get(ProviderAccount, person.person_id) is not None:
        return Found(None, "oidc.other")
    if person.disabled_at is None:
        bound = ProviderAccount(
            person_id=person.person_id, issuer=known.issuer, subject=known.subject, bound_at=now
        )
        session.add(bound)
    return _let_in(person)


def _let_in(person: Person) -> Found:
    return Found(person.person_id) if person.disabled_at is None else Found(None, "oidc.disabled")


def bound_since(session: Session, person_id: int) -> datetime | None:
    """Since when an account is bound to one of the provider's people, or None."""
    return session.scalar(select(ProviderAccount.bound_at).where(ProviderAccount.person_id == person_id))


def unbind(session: Session, person_id: int) -> None:
    """The account belongs to whomever the provider calls by its name next."""
    session.execute(delete(ProviderAccount).where(ProviderAccount.person_id == person_id))


def _newcomer(session: Session, name: str, newcomers: Newcomers, now: datetime) -> Person:
    # Nobody learns the password: only the provider lets them in.
    people.add_person(session, name, newcomers.role, now, Place(newcomers.towns))
    return session.scalars(select(Person).where(Person.username == name)).one()
