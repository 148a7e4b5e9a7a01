"""Observed time, the school calendar, policies and the cache of colours."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from kitchenvision.regulator.migrations.guards import append_only

revision: str = "0100"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """All tables of the four-colour code."""
    _observed()
    _calendar()
    _colours()


def _canteen(primary_key: bool = True) -> sa.Column[str]:
    reference = sa.ForeignKey("canteens.canteen_id")
    return sa.Column("canteen_id", sa.String(200), reference, primary_key=primary_key, nullable=False)


def _district(primary_key: bool = True) -> sa.Column[str]:
    reference = sa.ForeignKey("districts.district_id")
    return sa.Column("district_id", sa.String(100), reference, primary_key=primary_key, nullable=False)


def _observed() -> None:
    op.create_table(
        "observed_reports",
        sa.Column("observation_id", sa.String(64), primary_key=True),
        _canteen(primary_key=False),
        sa.Column("camera_id", sa.String(200), nullable=False),
        sa.Column("zone", sa.String(200), nullable=False),
        sa.Column("rule_id", sa.String(200), nullable=False),
        sa.Column("from_at", sa.DateTime, nullable=False),
        sa.Column("to_at", sa.DateTime, nullable=False),
        sa.Column("observed_s", sa.Float, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False),
    )
    append_only("observed_reports")
    op.create_table(
        "observed_hours",
        _canteen(),
        sa.Column("hour_at", sa.DateTime, primary_key=True),
        sa.Column("camera_id", sa.String(200), primary_key=True),
        sa.Column("rule_id", sa.String(200), primary_key=True),
        sa.Column("zone", sa.String(200), primary_key=True),
        sa.Column("observed_s", sa.Float, nullable=False),
    )
    op.create_table(
        "observed_days",
        _canteen(),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("camera_id", sa.String(200), primary_key=True),
        sa.Column("rule_id", sa.String(200), primary_key=True),
        sa.Column("observed_s", sa.Float, nullable=False),
    )
    op.create_index("observed_days_by_day", "observed_days", ["day"])


def _calendar() -> None:
    op.create_table(
        "school_weeks",
        _district(),
        sa.Column("canteen_id", sa.String(200), primary_key=True),
        sa.Column("weekdays", sa.String(7), nullable=False),
    )
    op.create_table(
        "school_days",
        _district(),
        sa.Column("canteen_id", sa.String(200), primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("is_open", sa.Integer, nullable=False),
        sa.Column("note", sa.String(200), nullable=False),
    )


def _colours() -> None:
    op.create_table(
        "policies",
        sa.Column("policy_id", sa.Integer, primary_key=True, autoincrement=True),
        _district(primary_key=False),
        sa.Column("name", sa.String(50), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.person_id"), nullable=False),
        sa.Column("entered_at", sa.DateTime, nullable=False),
        sa.UniqueConstraint("district_id", "name", "version", name="policies_one_per_version"),
    )
    append_only("policies")
    op.create_table(
        "colours",
        _canteen(),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("colour", sa.String(10), nullable=False),
        sa.Column("reason", sa.String(30), nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("camera_hours", sa.Float, nullable=False),
        sa.Column("coverage", sa.Float),
        sa.Column("policy_sha256", sa.String(64), nullable=False),
    )
