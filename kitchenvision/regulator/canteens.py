"""Canteens and the tokens of their edge boxes. A token is shown once; only its hash is kept."""

import hmac
import secrets
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from kitchenvision.errors import SettingsError
from kitchenvision.regulator.access import Scope, Shape
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.tables import DEFAULT_DISTRICT, DEFAULT_TOWN, Camera, Canteen, District, Town

_SAME_VISIT = timedelta(minutes=5)


def token_hash(token: str) -> str:
    """What is kept of a random token. It has 256 bits, so a plain hash is enough."""
    return sha256(token.encode("utf-8")).hexdigest()


def add_canteen(session: Session, canteen_id: str, name: str, now: datetime, town_id: str = DEFAULT_TOWN) -> str:
    """Register a canteen; returns the token of its edge box, which cannot be read again.

    Raises:
        SettingsError: the id is taken, empty or longer than 200 characters, or there is no such town.
    """
    if not 1 <= len(canteen_id) <= 200 or not 1 <= len(name) <= 200:
        raise SettingsError("canteen", "canteen_id and name", "each needs 1 to 200 characters")
    if session.get(Canteen, canteen_id) is not None:
        raise SettingsError("canteen", "canteen_id", f"'{canteen_id}' exists already; rotate its token instead")
    _known_town(session, town_id)
    token = secrets.token_urlsafe(32)
    session.add(
        Canteen(canteen_id=canteen_id, town_id=town_id, name=name, token_sha256=token_hash(token), created_at=now)
    )
    session.flush()
    return token


def add_town(session: Session, town_id: str, name: str, district_id: str = DEFAULT_DISTRICT) -> None:
    """Add a town; a district that there is not yet is made with it.

    Raises:
        SettingsError: the id is taken, empty or too long.
    """
    if not all(1 <= len(word) <= 100 for word in (town_id, district_id)) or not 1 <= len(name) <= 200:
        raise SettingsError("town", "town_id and name", "need 1 to 100 and 1 to 200 characters")
    if session.get(Town, town_id) is not None:
        raise SettingsError("town", "town_id", f"'{town_id}' exists already")
    if session.get(District, district_id) is None:
        session.add(District(district_id=district_id, name=district_id))
        session.flush()
    session.add(Town(town_id=town_id, district_id=district_id, name=name))
    session.flush()


def move_canteen(session: Session, canteen_id: str, town_id: str) -> None:
    """Put a canteen into another town; from then on the inspectors of that town see all of it.

    Raises:
        SettingsError: no such canteen or town.
    """
    canteen = session.get(Canteen, canteen_id)
    if canteen is None:
        raise SettingsError("canteen", "canteen_id", f"there is no canteen '{canteen_id}'; add it first")
    _known_town(session, town_id)
    canteen.town_id = town_id


def _known_town(session: Session, town_id: str) -> None:
    if session.get(Town, town_id) is None:
        raise SettingsError("canteen", "town", f"there is no town '{town_id}'; add it first")


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
    """Whose token this is, or None; also for one that is kept out."""
    digest = token_hash(token)
    known = select(Canteen).where(Canteen.token_sha256 == digest, Canteen.disabled_at.is_(None))
    canteen = session.scalar(known)
    # The index found it by the hash, of which a timing says nothing; compared again in constant time.
    if canteen is None or not hmac.compare_digest(canteen.token_sha256, digest):
        return None
    return canteen


def note_seen(database: Database, canteen: Canteen, now: datetime) -> None:
    """Keep when a canteen's edge box came last, to some minutes."""
    if canteen.seen_at is None or now - canteen.seen_at >= _SAME_VISIT:
        with database.writing(canteen.canteen_id) as session:
            own = update(Canteen).where(Canteen.canteen_id == canteen.canteen_id)
            session.execute(own.values(seen_at=now))


def canteens(session: Session, scope: Scope) -> list[Canteen]:
    """Those of the scope, by id."""
    query = select(Canteen).where(scope.covers(Canteen.canteen_id))
    return list(session.scalars(query.order_by(Canteen.canteen_id)))


def canteen_in(session: Session, scope: Scope, canteen_id: str) -> Canteen | None:
    """That canteen, or None when there is none in this scope."""
    query = select(Canteen).where(Canteen.canteen_id == canteen_id, scope.covers(Canteen.canteen_id))
    return session.scalar(query)


def camera_names(session: Session, scope: Scope, canteen_id: str) -> dict[str, str]:
    """Names of that canteen's cameras by their ids, of those that have one."""
    query = select(Camera).where(Camera.canteen_id == canteen_id, scope.covers(Camera.canteen_id))
    return {one.camera_id: one.name for one in session.scalars(query)}


def names(session: Session, scope: Scope) -> dict[str, str]:
    """Names of those of the scope by id, ordered by id."""
    return {canteen_id: name for canteen_id, name in session.execute(*scope.asks(_names))}


@cache
def _names(shape: Shape) -> Select[str, str]:
    query = select(Canteen.canteen_id, Canteen.name).where(shape.covers(Canteen.canteen_id))
    return query.order_by(Canteen.canteen_id)


def coordinates(session: Session, scope: Scope) -> dict[str, tuple[float, float]]:
    """(longitude, latitude) in degrees of those canteens that have them."""
    query = select(Canteen.canteen_id, Canteen.longitude, Canteen.latitude).where(scope.covers(Canteen.canteen_id))
    return {one: (x, y) for one, x, y in session.execute(query) if x is not None and y is not None}


def towns(session: Session, scope: Scope) -> list[Town]:
    """Those of the scope, by id."""
    return list(session.scalars(select(Town).where(scope.covers_town(Town.town_id)).order_by(Town.town_id)))
