"""Canteens and the tokens of their edge boxes. A token is shown once; only its hash is kept."""

import hmac
import secrets
from datetime import datetime
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from kitchenvision.errors import SettingsError
from kitchenvision.regulator.tables import Canteen


def token_hash(token: str) -> str:
    """What is kept of a random token. It has 256 bits, so a plain hash is enough."""
    return sha256(token.encode("utf-8")).hexdigest()


def add_canteen(session: Session, canteen_id: str, name: str, now: datetime) -> str:
    """Register a canteen; returns the token of its edge box, which cannot be read again.

    Raises:
        SettingsError: the id is taken, empty or longer than 200 characters.
    """
    if not 1 <= len(canteen_id) <= 200 or not 1 <= len(name) <= 200:
        raise SettingsError("canteen", "canteen_id and name", "each needs 1 to 200 characters")
    if session.get(Canteen, canteen_id) is not None:
        raise SettingsError("canteen", "canteen_id", f"'{canteen_id}' exists already; rotate its token instead")
    token = secrets.token_urlsafe(32)
    session.add(Canteen(canteen_id=canteen_id, name=name, token_sha256=token_hash(token), created_at=now))
    return token


def rotate_token(session: Session, canteen_id: str) -> str:
    """Give a canteen a new token; the old one ends at once.

    Raises:
        SettingsError: no such canteen.
    """
    canteen = session.get(Canteen, canteen_id)
    if canteen is None:
        raise SettingsError("canteen", "canteen_id", f"there is no canteen '{canteen_id}'; add it first")
    token = secrets.token_urlsafe(32)
    canteen.token_sha256 = token_hash(token)
    return token


def canteen_of(session: Session, token: str) -> Canteen | None:
    """Whose token this is, or None."""
    digest = token_hash(token)
    canteen = session.scalar(select(Canteen).where(Canteen.token_sha256 == digest))
    # The index found it by the hash, of which a timing says nothing; compared again in constant time.
    if canteen is None or not hmac.compare_digest(canteen.token_sha256, digest):
        return None
    return canteen


def canteens(session: Session) -> list[Canteen]:
    """All, by id."""
    return list(session.scalars(select(Canteen).order_by(Canteen.canteen_id)))
