"""A wall without a person: a link that opens the cockpit of one district or town on a big screen, and nothing else.

The link is shown once; only its hash is kept. It reads, never logs out, and ends when it is revoked.
"""

import secrets
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import canteens
from kitchenvision.regulator.access import Right, Role, Scope
from kitchenvision.regulator.auth import MaybeVisitor, NotLoggedIn, not_allowed
from kitchenvision.regulator.canteens import token_hash
from kitchenvision.regulator.parts import NeedsParts, Parts
from kitchenvision.regulator.people import Visitor
from kitchenvision.regulator.tables import Base

COOKIE = "kitchenvision_wall"
COOKIE_PATH = "/cockpit"  # nothing else is ever told of it
MOST_LINKS = 50
NOBODY = 0  # the person id of a wall


class WallLink(Base):
    """A link to one wall, until `revoked_at`; `town_id` None = of the whole district."""

    __tablename__ = "wall_links"
    link_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    district_id: Mapped[str] = mapped_column(ForeignKey("districts.district_id"), index=True)
    town_id: Mapped[str | None] = mapped_column(ForeignKey("towns.town_id"))
    name: Mapped[str] = mapped_column(String(60))
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    created_by: Mapped[int] = mapped_column(ForeignKey("people.person_id"))
    opened_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


def make(session: Session, who: Visitor, name: str, town_id: str, now: datetime) -> str:
    """A new link; returns its token, which cannot be read again.

    Args:
        town_id: empty = the whole district.

    Raises:
        SettingsError: no name, no such town in this district, or `MOST_LINKS` are there.
    """
    if not 1 <= len(name.strip()) <= 60:
        raise SettingsError("wall", "name", "needs 1 to 60 characters")
    if town_id and town_id not in {town.town_id for town in canteens.towns(session, who.scope)}:
        raise SettingsError("wall", "town", "choose a town of this district")
    if (
        who.scope.district_id is None
        or len([one for one in links(session, who) if one.revoked_at is None]) >= MOST_LINKS
    ):
        raise SettingsError("wall", "name", f"{MOST_LINKS} links are there; revoke one first")
    token = secrets.token_urlsafe(32)
    session.add(
        WallLink(
            district_id=who.scope.district_id,
            town_id=town_id or None,
            name=name.strip(),
            token_sha256=token_hash(token),
            created_at=now,
            created_by=who.person_id,
        )
    )
    return token


def links(session: Session, who: Visitor) -> list[WallLink]:
    """Those of the visitor's district, the newest first; also those that were revoked."""
    query = select(WallLink).where(WallLink.district_id == who.scope.district_id)
    return list(session.scalars(query.order_by(WallLink.link_id.desc())))


def wall_of(session: Session, token: str) -> WallLink | None:
    """Whose token this is, or None when it is unknown or revoked."""
    if not token:
        return None
    own = (WallLink.token_sha256 == token_hash(token)) & WallLink.revoked_at.is_(None)
    return session.scalar(select(WallLink).where(own))


def watcher(request: Request, parts: NeedsParts, visitor: MaybeVisitor) -> Visitor:
    """Somebody who sees the desk, or a wall by its link.

    Raises:
        NotLoggedIn: neither. Refused: 403, a person who may not.
    """
    if visitor is None:
        with parts.database.reading() as session:
            link = wall_of(session, request.cookies.get(COOKIE, ""))
        if link is None:
            raise NotLoggedIn
        towns = None if link.town_id is None else frozenset({link.town_id})
        scope = Scope(frozenset({Right.READ, Right.REVIEW}), link.district_id, towns)
        return Visitor(NOBODY, link.name, Role.AUDITOR, "", scope)
    if not visitor.scope.may(Right.REVIEW):
        raise not_allowed()
    return visitor


def still_open(parts: Parts, request: Request) -> bool:
    """Whether the wall that asked may still be shown."""
    with parts.database.reading() as session:
        return wall_of(session, request.cookies.get(COOKIE, "")) is not None


Watcher = Annotated[Visitor, Depends(watcher)]
