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
    false,
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


DEFAULT_DISTRICT = DEFAULT_TOWN = "default"


class District(Base):
    """The top of the tree, and the wall between tenants: nobody sees from one district into another."""

    __tablename__ = "districts"
    district_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))


class Town(Base):
    """A town, to which inspectors are assigned."""

    __tablename__ = "towns"
    town_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    district_id: Mapped[str] = mapped_column(ForeignKey("districts.district_id"))
    name: Mapped[str] = mapped_column(String(200))


class Canteen(Base):
    """A canteen and the hash of the token with which its edge box comes, until `disabled_at`.

    Without a town (which no command makes) it is seen by nobody. `seen_at`: when the box came last, to some
    minutes. Latitude and longitude are in degrees, for the map.
    """

    __tablename__ = "canteens"
    canteen_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    town_id: Mapped[str | None] = mapped_column(ForeignKey("towns.town_id"), default=DEFAULT_TOWN, index=True)
    name: Mapped[str] = mapped_column(String(200))
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]


class Camera(Base):
    """The name of a camera and of the kitchen where it hangs; a camera that has none is shown by its id."""

    __tablename__ = "cameras"
    canteen_id: Mapped[str] = mapped_column(ForeignKey("canteens.canteen_id"), primary_key=True)
    camera_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    kitchen: Mapped[str] = mapped_column(String(200))


class ViolationRow(Base):
    """What the reports and decisions of one violation add up to; can be made again from them.

    `state` is a `decisions.State`; `decision_id` the newest decision, 0 before the first. `incident_id` is the
    incident that it is reviewed with, `by_hand` whether a person put it there (see `incident_members`).
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
    zone: Mapped[str] = mapped_column(String(200), default="", server_default="")
    incident_id: Mapped[str] = mapped_column(String(64), default="", server_default="", index=True)
    by_hand: Mapped[bool] = mapped_column(default=False, server_default=false())
    __table_args__ = (
        Index("violations_by_time", "captured_at", "violation_id"),
        Index("violations_by_state", "state", "captured_at", "violation_id"),
        Index("violations_by_place", "canteen_id", "rule_id", "captured_at"),
        Index("violations_by_receipt", "received_at"),
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
    """A blob that a report names. `removed_at`: since when it is no longer kept, see `retention`."""

    __tablename__ = "report_blobs"
    violation_id: Mapped[str] = mapped_column(ForeignKey("violations.violation_id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(String(20), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size: Mapped[int]
    media_type: Mapped[str] = mapped_column(String(200))
    removed_at: Mapped[datetime | None]


class LegalHold(Base):
    """That the pictures of a violation's incident must be kept (`holds`), or no longer need to. Only added to."""

    __tablename__ = "legal_holds"
    hold_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    violation_id: Mapped[str] = mapped_column(ForeignKey("violations.violation_id"), index=True)
    holds: Mapped[bool]
    words: Mapped[str] = mapped_column(String(500))
    at: Mapped[datetime]


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
    """Somebody who may log in until `disabled_at`. `role` is an `access.Role`; `canteen_id` of a canteen's people.

    Nobody is deleted: decisions and views name people for good.
    """

    __tablename__ = "people"
    person_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    username: Mapped[str] = mapped_column(String(100), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime]
    district_id: Mapped[str | None] = mapped_column(ForeignKey("districts.district_id"), default=DEFAULT_DISTRICT)
    canteen_id: Mapped[str | None] = mapped_column(ForeignKey("canteens.canteen_id"))
    disabled_at: Mapped[datetime | None]


class PersonTown(Base):
    """A town to which an inspector is assigned."""

    __tablename__ = "person_towns"
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id"), primary_key=True)
    town_id: Mapped[str] = mapped_column(ForeignKey("towns.town_id"), primary_key=True)


class PictureView(Base):
    """Somebody saw a picture or a clip. Only added: the database refuses to change or delete it.

    `person_id` is None where the canteen's own edge box read it back.
    """

    __tablename__ = "picture_views"
    view_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    violation_id: Mapped[str] = mapped_column(ForeignKey("violations.violation_id"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.person_id"))
    seen_at: Mapped[datetime]


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
