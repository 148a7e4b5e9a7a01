"""The regulator's tables. Instants are kept in UTC; reports and decisions are only ever added to."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, kept as naive UTC, since SQLite keeps no zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware instant to naive UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant with its zone is expected")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Naive UTC to aware instant."""
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map = {datetime: UtcDateTime, bytes: LargeBinary, float: Float, int: Integer}  # noqa: RUF012


class Canteen(Base):
    """A canteen and the hash of the token with which its edge box comes."""

    __tablename__ = "canteens"
    canteen_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]


class ViolationRow(Base):
    """What the reports and decisions of one violation add up to; can be made again from them.

    `state` is a `decisions.State`; `decision_id` the newest decision, 0 before the first.
    """

    __tablename__ = "violations"
    violation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    canteen_id: Mapped[str] = mapped_column(ForeignKey("canteens.canteen_id"))
    camera_id: Mapped[str] = mapped_column(String(200))
    rule_id: Mapped[str] = mapped_column(String(200))
    captured_at: Mapped[datetime]
    received_at: Mapped[datetime]
    started_s: Mapped[float]
    confirmed_s: Mapped[float]
    ended_s: Mapped[float | None]
    confidence: Mapped[float]
    last_seq: Mapped[int]
    state: Mapped[str] = mapped_column(String(20))
    decision_id: Mapped[int]
    __table_args__ = (
        Index("violations_by_time", "captured_at", "violation_id"),
        Index("violations_by_state", "state", "captured_at", "violation_id"),
        Index("violations_by_place", "canteen_id", "rule_id", "captured_at"),
    )


class ReportRow(Base):
    """One report as it came: canonical bytes and their hash. Never changed."""

    __tablename__ = "reports"
    violation_id: Mapped[str] = mapped_column(ForeignKey("violations.violation_id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    body: Mapped[bytes]
    sha256: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime]


class ReportBlob(Base):
    """A blob that a report names."""

    __tablename__ = "report_blobs"
    violation_id: Mapped[str] = mapped_column(ForeignKey("violations.violation_id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(String(20), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size: Mapped[int]
    media_type: Mapped[str] = mapped_column(String(200))


class DecisionRow(Base):
    """What somebody decided, or that it was withdrawn. Never changed.

    `follows` is the decision before it (0: none). It is unique per violation, so two people who saw the same
    state cannot both decide, whatever the database.
    """

    __tablename__ = "decisions"
    decision_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    violation_id: Mapped[str] = mapped_column(ForeignKey("violations.violation_id"))
    follows: Mapped[int]
    verdict: Mapped[str] = mapped_column(String(20))
    reason: Mapped[int | None]
    note: Mapped[str] = mapped_column(String(500))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id"))
    decided_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("violation_id", "follows", name="decisions_one_after_another"),)


class Person(Base):
    """Somebody who may log in. `role` is admin or inspector."""

    __tablename__ = "people"
    person_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    username: Mapped[str] = mapped_column(String(100), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime]


class LoginSession(Base):
    """A person who is logged in; only the hash of the cookie is kept."""

    __tablename__ = "sessions"
    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id", ondelete="CASCADE"))
    csrf_token: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime]


class OnceLink(Base):
    """A link that logs in once."""

    __tablename__ = "once_links"
    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
