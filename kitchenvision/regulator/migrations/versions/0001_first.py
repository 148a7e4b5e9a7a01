"""The first tables."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Make every table of version 0.1."""
    _people()
    _evidence()
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("violation_id", sa.String(64), sa.ForeignKey("violations.violation_id"), nullable=False),
        sa.Column("follows", sa.Integer, nullable=False),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("reason", sa.Integer),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.person_id"), nullable=False),
        sa.Column("decided_at", sa.DateTime, nullable=False),
        sa.UniqueConstraint("violation_id", "follows", name="decisions_one_after_another"),
    )


def _people() -> None:
    op.create_table(
        "canteens",
        sa.Column("canteen_id", sa.String(200), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "people",
        sa.Column("person_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("username", sa.String(100), nullable=False, unique=True),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )
    person = sa.ForeignKey("people.person_id", ondelete="CASCADE")
    op.create_table(
        "sessions",
        sa.Column("token_sha256", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.Integer, person, nullable=False),
        sa.Column("csrf_token", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
    )
    person = sa.ForeignKey("people.person_id", ondelete="CASCADE")
    op.create_table(
        "once_links",
        sa.Column("token_sha256", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.Integer, person, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
    )


def _evidence() -> None:
    op.create_table(
        "violations",
        sa.Column("violation_id", sa.String(64), primary_key=True),
        sa.Column("canteen_id", sa.String(200), sa.ForeignKey("canteens.canteen_id"), nullable=False),
        sa.Column("camera_id", sa.String(200), nullable=False),
        sa.Column("rule_id", sa.String(200), nullable=False),
        sa.Column("captured_at", sa.DateTime, nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False),
        sa.Column("started_s", sa.Float, nullable=False),
        sa.Column("confirmed_s", sa.Float, nullable=False),
        sa.Column("ended_s", sa.Float),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("last_seq", sa.Integer, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("decision_id", sa.Integer, nullable=False),
    )
    op.create_index("violations_by_time", "violations", ["captured_at", "violation_id"])
    op.create_index("violations_by_state", "violations", ["state", "captured_at", "violation_id"])
    op.create_index("violations_by_place", "violations", ["canteen_id", "rule_id", "captured_at"])
    of_violation = sa.ForeignKey("violations.violation_id")
    op.create_table(
        "reports",
        sa.Column("violation_id", sa.String(64), of_violation, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False),
    )
    of_violation = sa.ForeignKey("violations.violation_id")
    op.create_table(
        "report_blobs",
        sa.Column("violation_id", sa.String(64), of_violation, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("role", sa.String(20), primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("media_type", sa.String(200), nullable=False),
    )
    op.create_index("ix_report_blobs_sha256", "report_blobs", ["sha256"])
