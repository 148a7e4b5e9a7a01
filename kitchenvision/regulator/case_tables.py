"""Tables of cases. Events are only added; triggers of migration 0003 make an illegal step impossible."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kitchenvision.regulator.tables import Base


class CaseRow(Base):
    """One case. `state` and `deadline_at` are those of its newest event, kept for lists."""

    __tablename__ = "cases"
    case_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    canteen_id: Mapped[str] = mapped_column(ForeignKey("canteens.canteen_id"))
    rule_id: Mapped[str] = mapped_column(String(200))
    zone: Mapped[str] = mapped_column(String(200))
    opened_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(20))
    deadline_at: Mapped[datetime | None]
    __table_args__ = (
        Index("cases_by_state", "state", "deadline_at"),
        Index("cases_by_place", "canteen_id", "opened_at"),
    )


class CaseViolation(Base):
    """A violation that a case rests on; none has two cases."""

    __tablename__ = "case_violations"
    violation_id: Mapped[str] = mapped_column(ForeignKey("violations.violation_id"), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.case_id"), index=True)


class CaseEventRow(Base):
    """One event, see `case_steps.CaseEvent`; `seq` is 1, 2, ... in its case."""

    __tablename__ = "case_events"
    event_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.case_id"))
    seq: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id"))
    at: Mapped[datetime]
    words: Mapped[str] = mapped_column(String(2000))
    photo_sha256: Mapped[str | None] = mapped_column(String(64))
    deadline_at: Mapped[datetime | None]
    __table_args__ = (UniqueConstraint("case_id", "seq", name="case_events_one_after_another"),)
