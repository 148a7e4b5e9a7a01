"""People, their passwords, sessions and one-time links. Only hashes of secrets are kept."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.orm import Session

from kitchenvision.errors import SettingsError
from kitchenvision.regulator.access import Role, Scope, scope_of
from kitchenvision.regulator.account_tables import ApiToken
from kitchenvision.regulator.canteens import token_hash
from kitchenvision.regulator.tables import (
    DEFAULT_DISTRICT,
    DEFAULT_TOWN,
    Canteen,
    LoginSession,
    OnceLink,
    Person,
    PersonTown,
    Town,
)

ONCE_LINK_S = 600.0
SHORTEST_PASSWORD = 10
_HASHER = PasswordHasher()


@dataclass(frozen=True)
class Visitor:
    """Somebody who is logged in. `csrf_token` goes into each form of this session; `scope` into each query."""

    person_id: int
    username: str
    role: Role
    csrf_token: str
    scope: Scope


@dataclass(frozen=True)
class Place:
    """Where somebody works: `towns` of an inspector, the canteen of its staff; nothing for the other roles.

    `district_id` is the one that all of it must be of; None = any, and the first one for the other roles.
    """

    towns: tuple[str, ...] = ()
    canteen_id: str | None = None
    district_id: str | None = None


def anybody(session: Session) -> bool:
    """Whether there is a person at all."""
    return session.scalar(select(Person.person_id).limit(1)) is not None


def add_person(session: Session, username: str, role: str, now: datetime, place: Place | None = None) -> str:
    """Add a person; returns the password made for them, which cannot be read again.

    Args:
        place: where an inspector or a canteen's person works; an inspector without one gets the town that
            there is from the beginning.

    Raises:
        SettingsError: the name is taken or empty, there is no such role, or the place does not fit it.
    """
    if role not in set(Role):
        raise SettingsError("person", "role", f"got '{role}', allowed are {', '.join(Role)}")
    if not 1 <= len(username) <= 100:
        raise SettingsError("person", "username", "needs 1 to 100 characters")
    if session.scalar(select(Person).where(Person.username == username)) is not None:
        raise SettingsError("person", "username", f"'{username}' exists already")
    password = secrets.token_urlsafe(12)
    hashed = _HASHER.hash(password)
    where = _checked_place(session, Role(role), place or Place())
    person = Person(
        username=username,
        password_hash=hashed,
        role=role,
        created_at=now,
        district_id=where.district_id,
        canteen_id=where.canteen_id,
    )
    session.add(person)
    session.flush()
    session.add_all(PersonTown(person_id=person.person_id, town_id=town) for town in where.towns)
    return password


def set_disabled(session: Session, scope: Scope, username: str, at: datetime | None) -> None:
    """Keep a person out from `at` on (their sessions and links end), or with None let them in again.

    Raises:
        SettingsError: no such person in this scope.
    """
    person = _named(session, username)
    if scope.district_id not in (None, person.district_id):
        raise SettingsError("person", "username", f"there is nobody called '{username}'")
    person.disabled_at = at
    end_sessions(session, person.person_id)


def set_place(session: Session, person: Person, role: Role, place: Place) -> None:
    """Give a person another role, or other places; their sessions and links end.

    Raises:
        SettingsError: the place does not fit the role.
    """
    where = _checked_place(session, role, place)
    person.role, person.canteen_id, person.district_id = role, where.canteen_id, where.district_id
    session.execute(delete(PersonTown).where(PersonTown.person_id == person.person_id))
    session.add_all(PersonTown(person_id=person.person_id, town_id=town) for town in where.towns)
    end_sessions(session, person.person_id)


@dataclass(frozen=True)
class Listed:
    """One person as lists show them; `towns` are ids."""

    person_id: int
    username: str
    role: Role
    towns: tuple[str, ...]
    canteen_id: str | None
    disabled_at: datetime | None


def listed(session: Session, scope: Scope) -> list[Listed]:
    """Everybody of the scope's district, by name."""
    query = select(Person).order_by(Person.username)
    if scope.district_id is not None:
        query = query.where(Person.district_id == scope.district_id)
    return [
        Listed(
            one.person_id,
            one.username,
            Role(one.role),
            _towns_of(session, one.person_id),
            one.canteen_id,
            one.disabled_at,
        )
        for one in session.scalars(query)
    ]


def reset_password(session: Session, username: str) -> str:
    """A new password for a person; their sessions, links and tokens end. It cannot be read again.

    Raises:
        SettingsError: no such person.
    """
    person = _named(session, username)
    password = secrets.token_urlsafe(12)
    person.password_hash = _HASHER.hash(password)
    end_sessions(session, person.person_id)
    session.execute(delete(ApiToken).where(ApiToken.person_id == person.person_id))
    return password


def change_password(session: Session, person_id: int, new: str, keep: str) -> None:
    """A person's own new password; their other sessions and links end.

    Args:
        keep: token of the session that goes on.

    Raises:
        SettingsError: too short or too long.
    """
    if not SHORTEST_PASSWORD <= len(new) <= 1000:
        raise SettingsError("person", "password", f"needs at least {SHORTEST_PASSWORD} characters")
    person = session.get_one(Person, person_id)
    person.password_hash = _HASHER.hash(new)
    session.execute(delete(OnceLink).where(OnceLink.person_id == person_id))
    own = LoginSession.person_id == person_id
    session.execute(delete(LoginSession).where(own, LoginSession.token_sha256 != token_hash(keep)))


def password_fits(session: Session, username: str, password: str) -> int | None:
    """The person's id when the password is theirs and they are not disabled, else None; as slow for nobody."""
    person = session.scalar(select(Person).where(Person.username == username))
    try:
        _HASHER.verify(_nobody() if person is None else person.password_hash, password)
    except (VerificationError, InvalidHashError):
        return None
    return None if person is None or person.disabled_at is not None else person.person_id


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


# Asked with every request of a person, so it is put together once.
_VISITOR = (
    select(
        LoginSession.csrf_token,
        Person.person_id,
        Person.username,
        Person.role,
        Person.district_id,
        Person.canteen_id,
        PersonTown.town_id,
    )
    .join(Person, Person.person_id == LoginSession.person_id)
    .outerjoin(PersonTown, PersonTown.person_id == Person.person_id)
    .where(LoginSession.token_sha256 == bindparam("token"), LoginSession.expires_at > bindparam("now"))
    .where(Person.disabled_at.is_(None))
)


def visitor_of(asked: Session | Connection, token: str, now: datetime) -> Visitor | None:
    """Who is logged in with this cookie, or None when it is unknown or expired."""
    rows = asked.execute(_VISITOR, {"token": token_hash(token), "now": now}).all()
    if not rows:
        return None
    one = rows[0]
    role = Role(one.role)
    towns = [row.town_id for row in rows if row.town_id is not None]
    scope = scope_of(role, one.district_id or "", towns, one.canteen_id)
    return Visitor(one.person_id, one.username, role, one.csrf_token, scope)


def person_scope(session: Session, person: Person) -> Scope:
    """What that person may see and do."""
    towns = _towns_of(session, person.person_id)
    return scope_of(Role(person.role), person.district_id or "", towns, person.canteen_id)


def make_once_link(session: Session, username: str, now: datetime) -> str:
    """A token that logs `username` in once within `ONCE_LINK_S` seconds.

    Raises:
        SettingsError: no such person, or disabled.
    """
    person = _named(session, username)
    if person.disabled_at is not None:
        raise SettingsError("person", "username", f"'{username}' is disabled; enable them first")
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


@dataclass(frozen=True)
class _Checked:
    district_id: str
    towns: tuple[str, ...] = ()
    canteen_id: str | None = None


def _checked_place(session: Session, role: Role, place: Place) -> _Checked:
    if place.towns and role is not Role.INSPECTOR:
        raise SettingsError("person", "town", "only inspectors are assigned to towns")
    if (place.canteen_id is not None) != (role is Role.CANTEEN):
        raise SettingsError("person", "canteen", "people of the role canteen need one, others have none")
    if role is Role.INSPECTOR:
        towns = tuple(dict.fromkeys(place.towns or (DEFAULT_TOWN,)))
        rows = session.execute(select(Town.town_id, Town.district_id).where(Town.town_id.in_(towns)))
        districts = {town: district for town, district in rows if place.district_id in (None, district)}
        if set(districts) != set(towns):
            unknown = ", ".join(sorted(set(towns) - set(districts)))
            raise SettingsError("person", "town", f"there is no town {unknown}; add it first")
        if len(set(districts.values())) != 1:
            raise SettingsError("person", "town", "all towns of an inspector are of one district")
        return _Checked(districts[towns[0]], towns)
    if role is Role.CANTEEN:
        district = session.scalar(
            select(Town.district_id)
            .join(Canteen, Canteen.town_id == Town.town_id)
            .where(Canteen.canteen_id == place.canteen_id)
        )
        if district is None or place.district_id not in (None, district):
            raise SettingsError("person", "canteen", f"there is no canteen '{place.canteen_id}'; add it first")
        return _Checked(district, canteen_id=place.canteen_id)
    return _Checked(place.district_id or DEFAULT_DISTRICT)


def _towns_of(session: Session, person_id: int) -> tuple[str, ...]:
    query = select(PersonTown.town_id).where(PersonTown.person_id == person_id).order_by(PersonTown.town_id)
    return tuple(session.scalars(query))


def end_sessions(session: Session, person_id: int) -> None:
    """Log a person out everywhere; links that would log them in end too."""
    session.execute(delete(LoginSession).where(LoginSession.person_id == person_id))
    session.execute(delete(OnceLink).where(OnceLink.person_id == person_id))


def _named(session: Session, username: str) -> Person:
    person = session.scalar(select(Person).where(Person.username == username))
    if person is None:
        raise SettingsError("person", "username", f"there is nobody called '{username}'")
    return person
