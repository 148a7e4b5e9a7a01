"""Tables of webhooks: where to call, what waits to be sent, and which colours were told."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kitchenvision.regulator.tables import Base


class Webhook(Base):
    """An address of a district's that is called, until `disabled_at`.

    The secret is kept sealed, since calls are signed with it. `failing_since`: of a row of failures that lasts.
    """

    __tablename__ = "webhooks"
    webhook_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    district_id: Mapped[str] = mapped_column(ForeignKey("districts.district_id"), index=True)
    url: Mapped[str] = mapped_column(String(500))
    secret: Mapped[str] = mapped_column(String(400))
    events: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime]
    created_by: Mapped[int] = mapped_column(ForeignKey("people.person_id"))
    disabled_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]


class WebhookDelivery(Base):
    """One event for one webhook. `due_at` is None when it was delivered or given up.

    `event_key` names the event: none is queued twice. `status` and `answer` are of the last try.
    """

    __tablename__ = "webhook_deliveries"
    delivery_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.webhook_id", ondelete="CASCADE"))
    event_key: Mapped[str] = mapped_column(String(500))
    event: Mapped[str] = mapped_column(String(40))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    attempts: Mapped[int]
    due_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    status: Mapped[int | None]
    answer: Mapped[str] = mapped_column(String(300))
    __table_args__ = (
        UniqueConstraint("webhook_id", "event_key", name="webhook_deliveries_once"),
        Index("webhook_deliveries_by_due", "due_at"),
    )


class LookoutProgress(Base):
    """How far was looked: the newest `decision_id` and `event_id` before which nothing more will come, and when."""

    __tablename__ = "lookout_progress"
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    decision_id: Mapped[int]
    event_id: Mapped[int]
    looked_at: Mapped[datetime]


class ToldColour(Base):
    """The colour of a canteen that was told last."""

    __tablename__ = "told_colours"
    canteen_id: Mapped[str] = mapped_column(ForeignKey("canteens.canteen_id"), primary_key=True)
    colour: Mapped[str] = mapped_column(String(20))
