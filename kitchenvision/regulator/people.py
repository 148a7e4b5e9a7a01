"""People, their passwords, sessions and one-time links. Only hashes of secrets are kept."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from kitchenvision.errors import SettingsError
from kitchenvision.regulator.canteens import token_hash
from kitchenvision.regulator.tables import LoginSession, OnceLink, Person

ROLES = ("admin", "inspector")
ONCE_LINK_S = 600.0
_HASHER = PasswordHasher()


@dataclass(frozen=True)
class Visitor:
    """Somebody who is logged in. `csrf_token` goes into each form of this session."""

    person_id: int
    username: str
    role: str
    csrf_token: str


def anybody(session: Session) -> bool:
    """Whether there is a person at all."""
    return session.scalar(select(Person.person_id).limit(1)) is not None


def add_person(session: Session, username: str, role: str, now: datetime) -> str:
    """Add a person; returns the password made for them, which cannot be read again.

    Raises:
        SettingsError: the name is taken or empty, or there is no such role.
    """
    if role not in ROLES:
        raise SettingsError("person", "role", f"got '{role}', allowed are {', '.join(ROLES)}")
    if not 1 <= len(username) <= 100:
        raise SettingsError("person", "username", "needs 1 to 100 characters")
    if session.scalar(select(Person).where(Person.username == username)) is not None:
        raise SettingsError("person", "username", f"'{username}' exists already")
    password = secrets.token_urlsafe(12)
    hashed = _HASHER.hash(password)
    session.add(Person(username=username, password_hash=hashed, role=role, created_at=now))
    return password


def reset_password(session: Session, username: str) -> str:
    """A new password for a person; their sessions and links end. It cannot be read again.

    Raises:
        SettingsError: no such person.
    """
    person = _named(session, username)
    password = secrets.token_urlsafe(12)
    person.password_hash = _HASHER.hash(password)
    session.execute(delete(LoginSession).where(LoginSession.person_id == person.person_id))
    session.execute(delete(OnceLink).where(OnceLink.person_id == person.person_id))
    return password


def password_fits(session: Session, username: str, password: str) -> int | None:
    """The person's id when the password is theirs, else None; takes as long for nobody."""
    person = session.scalar(select(Person).where(Person.username == username))
    try:
        _HASHER.verify(_nobody() if person is None else person.password_hash, password)
    except (VerificationError, InvalidHashError):
        return None
    return None if person is None else person.person_id


def begin_session(session: Session, person_id: int, now: datetime, lasts_s: float) -> str:
    """Log a person in; returns what goes into the cookie."""
    session.execute(delete(LoginSession).where(LoginSession.expires_at <= now))
    token = secrets.token_urlsafe(32)
    session.add(
        LoginSession(
            token_sha256=token_hash(token),
            person_id=person_id,
            csrf_token=secrets.token_urlsafe(24),
            expires_at=now + timedelta(seconds=lasts_s),
        )
    )
    return token


def end_session(session: Session, token: str) -> None:
    """Log out."""
    session.execute(delete(LoginSession).where(LoginSession.token_sha256 == token_hash(token)))


def visitor_of(session: Session, token: str, now: datetime) -> Visitor | None:
    """Who is logged in with this cookie, or None when it is unknown or expired."""
    row = session.execute(
        select(LoginSession, Person)
        .join(Person, Person.person_id == LoginSession.person_id)
        .where(LoginSession.token_sha256 == token_hash(token), LoginSession.expires_at > now)
    ).first()
    if row is None:
        return None
    login, person = row
    return Visitor(person.person_id, person.username, person.role, login.csrf_token)


def make_once_link(session: Session, username: str, now: datetime) -> str:
    """A token that logs `username` in once within `ONCE_LINK_S` seconds.

    Raises:
        SettingsError: no such person.
    """
    person = _named(session, username)
    session.execute(delete(OnceLink).where(OnceLink.expires_at <= now))
    token = secrets.token_urlsafe(32)
    expires_at = now + timedelta(seconds=ONCE_LINK_S)
    session.add(OnceLink(token_sha256=token_hash(token), person_id=person.person_id, expires_at=expires_at))
    return token


def use_once_link(session: Session, token: str, now: datetime) -> int | None:
    """Whom the link logs in, or None when it is unknown, used or too old. It is used up by this."""
    used = session.execute(
        delete(OnceLink)
        .where(OnceLink.token_sha256 == token_hash(token))
        .returning(OnceLink.person_id, OnceLink.expires_at)
    ).first()
    return None if used is None or used.expires_at <= now else int(used.person_id)


@cache
def _nobody() -> str:
    # Compared against when there is no such person, so that the time taken does not tell.
    return _HASHER.hash(secrets.token_urlsafe(16))


def _named(session: Session, username: str) -> Person:
    person = session.scalar(select(Person).where(Person.username == username))
    if person is None:
        raise SettingsError("person", "username", f"there is nobody called '{username}'")
    return person
