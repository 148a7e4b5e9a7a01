"""Tables of the desk: incidents changed by hand, claims, second looks, saved views."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kitchenvision.regulator.tables import Base


class IncidentMove(Base):
    """A violation that a person took from one incident to another. Only added.

    `kind` is split or merge. All moves of one deed have its person and instant.
    """

    __tablename__ = "incident_moves"
    move_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(20))
    violation_id: Mapped[str] = mapped_column(ForeignKey("violations.violation_id"), index=True)
    from_incident: Mapped[str] = mapped_column(String(64), index=True)
    to_incident: Mapped[str] = mapped_column(String(64), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id"))
    at: Mapped[datetime]
    words: Mapped[str] = mapped_column(String(500))


class ReviewClaim(Base):
    """Who has an incident on the desk, until when; free again after that."""

    __tablename__ = "review_claims"
    incident_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    canteen_id: Mapped[str] = mapped_column(ForeignKey("canteens.canteen_id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id"))
    leased_until: Mapped[datetime]


class SecondReview(Base):
    """What another person made of a violation without seeing the decision. Only added, one for each decision."""

    __tablename__ = "second_reviews"
    decision_id: Mapped[int] = mapped_column(ForeignKey("decisions.decision_id"), primary_key=True)
    violation_id: Mapped[str] = mapped_column(ForeignKey("violations.violation_id"), index=True)
    verdict: Mapped[str] = mapped_column(String(20))
    reason: Mapped[int | None]
    note: Mapped[str] = mapped_column(String(500))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id"))
    reviewed_at: Mapped[datetime] = mapped_column(index=True)


class SavedView(Base):
    """A filter of the queue that somebody keeps under a name of their own."""

    __tablename__ = "saved_views"
    view_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.person_id"))
    name: Mapped[str] = mapped_column(String(60))
    query: Mapped[str] = mapped_column(String(1000))
    __table_args__ = (UniqueConstraint("person_id", "name", name="saved_views_one_name"),)
