"""Who administered what, when. Only added: the database refuses to change or delete it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from kitchenvision.regulator.people import Visitor
from kitchenvision.regulator.tables import DEFAULT_DISTRICT, Base, Person

SHOWN = 50


class AdminEntry(Base):
    """One deed. `what` is a word of the catalogue (``admin.WHAT``), `about` whom or what, never a secret."""

    __tablename__ = "admin_log"
    entry_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    district_id: Mapped[str] = mapped_column(ForeignKey("districts.district_id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id"))
    at: Mapped[datetime]
    what: Mapped[str] = mapped_column(String(40))
    about: Mapped[str] = mapped_column(String(200))
    __table_args__ = (Index("admin_log_by_district", "district_id", "entry_id"),)


@dataclass(frozen=True)
class Done:
    """One deed as pages show it."""

    at: datetime
    username: str
    what: str
    about: str


def note(session: Session, who: Visitor, now: datetime, what: str, about: str) -> None:
    """Add a deed, in the transaction that does it."""
    district = who.scope.district_id or DEFAULT_DISTRICT
    session.add(AdminEntry(district_id=district, person_id=who.person_id, at=now, what=what, about=about[:200]))


def newest(session: Session, who: Visitor) -> list[Done]:
    """The newest deeds in the district, at most `SHOWN`."""
    query = (
        select(AdminEntry.at, Person.username, AdminEntry.what, AdminEntry.about)
        .join(Person, Person.person_id == AdminEntry.person_id)
        .where(AdminEntry.district_id == who.scope.district_id)
        .order_by(AdminEntry.entry_id.desc())
    )
    return [Done(*row) for row in session.execute(query.limit(SHOWN))]
