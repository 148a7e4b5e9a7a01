"""Webhooks, what waits to be sent to them, which colours were told."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0240"
down_revision: str | None = "0230"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Three tables."""
    op.create_table(
        "webhooks",
        sa.Column("webhook_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("district_id", sa.String(100), sa.ForeignKey("districts.district_id"), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("secret", sa.String(100), nullable=False),
        sa.Column("events", sa.String(300), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("created_by", sa.Integer, sa.ForeignKey("people.person_id"), nullable=False),
        sa.Column("disabled_at", sa.DateTime),
        sa.Column("failing_since", sa.DateTime),
    )
    op.create_index("ix_webhooks_district_id", "webhooks", ["district_id"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("delivery_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column(
            "webhook_id", sa.Integer, sa.ForeignKey("webhooks.webhook_id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("event_key", sa.String(500), nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.DateTime),
        sa.Column("delivered_at", sa.DateTime),
        sa.Column("status", sa.Integer),
        sa.Column("answer", sa.String(300), nullable=False),
        sa.UniqueConstraint("webhook_id", "event_key", name="webhook_deliveries_once"),
    )
    op.create_index("webhook_deliveries_by_due", "webhook_deliveries", ["due_at"])
    op.create_table(
        "told_colours",
        sa.Column("canteen_id", sa.String(200), sa.ForeignKey("canteens.canteen_id"), primary_key=True),
        sa.Column("colour", sa.String(20), nullable=False),
    )
