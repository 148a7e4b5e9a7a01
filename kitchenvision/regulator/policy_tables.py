"""Tables of the four-colour code: policies, only ever added to, and computed colours, which can be dropped."""

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kitchenvision.regulator.tables import Base


class PolicyRow(Base):
    """One version of a district's policy, as canonical JSON. The database refuses to change or delete it."""

    __tablename__ = "policies"
    policy_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    district_id: Mapped[str] = mapped_column(ForeignKey("districts.district_id"))
    name: Mapped[str] = mapped_column(String(50))
    version: Mapped[int]
    valid_from: Mapped[date] = mapped_column(Date)
    body: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id"))
    entered_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("district_id", "name", "version", name="policies_one_per_version"),)


class ColourRow(Base):
    """A cache: the colour of a canteen at the end of a past local day. May be dropped at any time."""

    __tablename__ = "colours"
    canteen_id: Mapped[str] = mapped_column(ForeignKey("canteens.canteen_id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    colour: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(30))
    score: Mapped[float | None]
    camera_hours: Mapped[float]
    coverage: Mapped[float | None]
    policy_sha256: Mapped[str] = mapped_column(String(64))
