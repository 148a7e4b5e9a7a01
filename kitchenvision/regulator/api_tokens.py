"""Personal tokens: a program may do for a person what the token's scopes say, never more than the person may.

A token is shown once; only its hash is kept. It reads; nothing is decided or changed with one.
"""

import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import people
from kitchenvision.regulator.access import Right, Scope
from kitchenvision.regulator.account_tables import ApiToken
from kitchenvision.regulator.canteens import token_hash
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.tables import Person

PREFIX = "kvp_"
LONGEST_DAYS = 366
MOST_TOKENS = 20
_SAME_USE = timedelta(minutes=1)


class TokenScope(StrEnum):
    """What a token may be used for."""

    READ = "read"  # violations, pictures, canteens
    EXPORT = "export"  # everything at once: CSV, Parquet, monthly reports
    FEEDBACK = "feedback"  # what decisions teach
    AUDIT = "audit"  # who saw which picture


NEEDS: dict[TokenScope, Right] = {
    TokenScope.READ: Right.READ,
    TokenScope.EXPORT: Right.REVIEW,
    TokenScope.FEEDBACK: Right.REVIEW,
    TokenScope.AUDIT: Right.AUDIT,
}


@dataclass(frozen=True)
class Bearer:
    """Whose program comes, with what it may do; `scope` is the person's, narrowed to what the token allows."""

    token_id: int
    person_id: int
    scope: Scope
    allowed: frozenset[TokenScope]


def allowed_to(scope: Scope) -> tuple[TokenScope, ...]:
    """What somebody of that scope can give a token."""
    return tuple(one for one in TokenScope if scope.may(NEEDS[one]))


@dataclass(frozen=True)
class Wish:
    """What a new token should be: its name, its scopes, for how many days from 1 to `LONGEST_DAYS`."""

    name: str
    scopes: Collection[str]
    days: int


def make(session: Session, scope: Scope, person_id: int, wish: Wish, now: datetime) -> str:
    """A new token of that person, which cannot be read again.

    Args:
        scope: the person's own.

    Raises:
        SettingsError: no name, a scope that the person has not or none, too long, or `MOST_TOKENS` are there.
    """
    can = allowed_to(scope)
    chosen = [one for one in can if one in wish.scopes]
    if not 1 <= len(wish.name.strip()) <= 60:
        raise SettingsError("token", "name", "needs 1 to 60 characters")
    if not chosen or len(chosen) != len(set(wish.scopes)):
        raise SettingsError("token", "scopes", f"choose at least one of {', '.join(can) or 'nothing'}")
    if not 1 <= wish.days <= LONGEST_DAYS:
        raise SettingsError("token", "days", f"needs 1 to {LONGEST_DAYS} days")
    there = select(func.count()).select_from(ApiToken).where(ApiToken.person_id == person_id)
    if (session.scalar(there.where(_valid(now))) or 0) >= MOST_TOKENS:
        raise SettingsError("token", "name", f"{MOST_TOKENS} tokens are there; revoke one first")
    token = PREFIX + secrets.token_urlsafe(32)
    session.add(
        ApiToken(
            person_id=person_id,
            name=wish.name.strip(),
            token_sha256=token_hash(token),
            scopes=" ".join(chosen),
            created_at=now,
            expires_at=now + timedelta(days=wish.days),
        )
    )
    return token


def held(session: Session, person_id: int) -> list[ApiToken]:
    """That person's tokens, the newest first; also those that ended."""
    query = select(ApiToken).where(ApiToken.person_id == person_id)
    return list(session.scalars(query.order_by(ApiToken.token_id.desc())))


def revoke(session: Session, person_id: int, token_id: int, now: datetime) -> bool:
    """End a token of that person at once; whether there is one."""
    row = session.get(ApiToken, token_id)
    if row is None or row.person_id != person_id:
        return False
    row.revoked_at = row.revoked_at or now
    return True


def bearer_of(session: Session, token: str, now: datetime) -> Bearer | None:
    """Whose valid token this is; None for one that is unknown, expired, revoked, or of somebody disabled."""
    digest = token_hash(token)
    row = session.execute(
        select(ApiToken, Person)
        .join(Person, Person.person_id == ApiToken.person_id)
        .where(ApiToken.token_sha256 == digest, _valid(now), Person.disabled_at.is_(None))
    ).first()
    # The index found it by the hash, of which a timing says nothing; compared again in constant time.
    if row is None or not hmac.compare_digest(row[0].token_sha256, digest):
        return None
    kept, person = row
    own = people.person_scope(session, person)
    allowed = frozenset(TokenScope(word) for word in kept.scopes.split())
    rights = own.rights & {NEEDS[one] for one in allowed}
    return Bearer(kept.token_id, person.person_id, replace(own, rights=rights), allowed)


def note_use(database: Database, bearer: Bearer, now: datetime) -> None:
    """Keep when a token was used last, to the minute."""
    used = ApiToken.last_used_at
    stale = (ApiToken.token_id == bearer.token_id) & (used.is_(None) | (used < now - _SAME_USE))
    with database.reading() as session:
        if session.scalar(select(ApiToken.token_id).where(stale)) is None:
            return
    with database.writing(f"token:{bearer.token_id}") as session:
        session.execute(update(ApiToken).where(stale).values(last_used_at=now))


def _valid(now: datetime) -> ColumnElement[bool]:
    return ApiToken.revoked_at.is_(None) & (ApiToken.expires_at > now)
