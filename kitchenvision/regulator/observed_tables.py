"""Tables of observed time and of the school calendar.

Hours and days add up what the reports say and can be made again from them.
"""

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from kitchenvision.regulator.tables import Base

EVERY_CANTEEN = ""  # the canteen id of calendar rows that hold for the whole district


class ObservedReport(Base):
    """One `wire.ObservedTime` as it came, by its values and the hash of its canonical bytes. Never changed."""

    __tablename__ = "observed_reports"
    observation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    canteen_id: Mapped[str] = mapped_column(ForeignKey("canteens.canteen_id"))
    camera_id: Mapped[str] = mapped_column(String(200))
    zone: Mapped[str] = mapped_column(String(200))
    rule_id: Mapped[str] = mapped_column(String(200))
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]
    observed_s: Mapped[float]
    sha256: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime]


class ObservedHour(Base):
    """Seconds (0..3600) of one hour (UTC) in which a zone of a camera was watched for a rule."""

    __tablename__ = "observed_hours"
    canteen_id: Mapped[str] = mapped_column(ForeignKey("canteens.canteen_id"), primary_key=True)
    hour_at: Mapped[datetime] = mapped_column(primary_key=True)
    camera_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    rule_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    zone: Mapped[str] = mapped_column(String(200), primary_key=True)
    observed_s: Mapped[float]


class ObservedDay(Base):
    """Seconds of one local day in which a camera was watched for a rule: of several zones the one watched most."""

    __tablename__ = "observed_days"
    canteen_id: Mapped[str] = mapped_column(ForeignKey("canteens.canteen_id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    camera_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    rule_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    observed_s: Mapped[float]


class SchoolWeek(Base):
    """Weekdays of work, such as ``01234`` for Monday to Friday; one row per district or canteen."""

    __tablename__ = "school_weeks"
    district_id: Mapped[str] = mapped_column(ForeignKey("districts.district_id"), primary_key=True)
    canteen_id: Mapped[str] = mapped_column(String(200), primary_key=True, default=EVERY_CANTEEN)
    weekdays: Mapped[str] = mapped_column(String(7))


class SchoolDay(Base):
    """One day that differs from the week: closed, or open after all. A canteen's own row wins."""

    __tablename__ = "school_days"
    district_id: Mapped[str] = mapped_column(ForeignKey("districts.district_id"), primary_key=True)
    canteen_id: Mapped[str] = mapped_column(String(200), primary_key=True, default=EVERY_CANTEEN)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    is_open: Mapped[int] = mapped_column(Integer)
    note: Mapped[str] = mapped_column(String(200))


Index("observed_days_by_day", ObservedDay.day)
