"""The desk: which incident a violation is reviewed with, claims, second looks, saved views."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from kitchenvision.regulator.migrations.guards import append_only, refuse

revision: str = "0200"
down_revision: str | None = "0150"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_GAP = timedelta(seconds=600)  # as incidents.GAP_S when this was written
_AT_ONCE = 5000


def upgrade() -> None:
    """Columns and tables, and an incident for every violation that there is."""
    op.add_column("violations", sa.Column("incident_id", sa.String(64), nullable=False, server_default=""))
    op.add_column("violations", sa.Column("by_hand", sa.Boolean, nullable=False, server_default=sa.false()))
    _fill_incidents()
    op.create_index("ix_violations_incident_id", "violations", ["incident_id"])
    _moves()
    op.create_table(
        "review_claims",
        sa.Column("incident_id", sa.String(64), primary_key=True),
        sa.Column("canteen_id", sa.String(200), sa.ForeignKey("canteens.canteen_id"), nullable=False),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.person_id"), nullable=False),
        sa.Column("leased_until", sa.DateTime, nullable=False),
    )
    _second()
    op.create_table(
        "saved_views",
        sa.Column("view_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.person_id"), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("query", sa.String(1000), nullable=False),
        sa.UniqueConstraint("person_id", "name", name="saved_views_one_name"),
    )


def _moves() -> None:
    op.create_table(
        "incident_moves",
        sa.Column("move_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("violation_id", sa.String(64), sa.ForeignKey("violations.violation_id"), nullable=False),
        sa.Column("from_incident", sa.String(64), nullable=False),
        sa.Column("to_incident", sa.String(64), nullable=False),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.person_id"), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("words", sa.String(500), nullable=False),
    )
    for column in ("violation_id", "from_incident", "to_incident"):
        op.create_index(f"ix_incident_moves_{column}", "incident_moves", [column])
    append_only("incident_moves")


def _second() -> None:
    op.create_table(
        "second_reviews",
        sa.Column("decision_id", sa.Integer, sa.ForeignKey("decisions.decision_id"), primary_key=True),
        sa.Column("violation_id", sa.String(64), sa.ForeignKey("violations.violation_id"), nullable=False),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("reason", sa.Integer),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.person_id"), nullable=False),
        sa.Column("reviewed_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_second_reviews_violation_id", "second_reviews", ["violation_id"])
    op.create_index("ix_second_reviews_reviewed_at", "second_reviews", ["reviewed_at"])
    append_only("second_reviews")
    same = (
        "EXISTS (SELECT 1 FROM decisions d WHERE d.decision_id = NEW.decision_id "
        "AND (d.person_id = NEW.person_id OR d.violation_id <> NEW.violation_id))"
    )
    refuse(
        "second_reviews_another_person",
        "BEFORE INSERT ON second_reviews",
        same,
        "second_reviews: a second look is for another person than the one who decided",
    )


def _fill_incidents() -> None:
    table = sa.table(
        "violations",
        *(sa.column(name) for name in ("violation_id", "canteen_id", "rule_id", "zone", "incident_id")),
        *(sa.column(name, sa.Float) for name in ("started_s", "confirmed_s", "ended_s")),
        sa.column("captured_at", sa.DateTime),
    )
    read = [column for column in table.c if column.name != "incident_id"]
    rows = op.get_bind().execute(sa.select(*read)).all()
    ordered = sorted(rows, key=lambda row: (row.canteen_id, row.rule_id, row.zone, _span(row)[0], row.violation_id))
    change = (
        sa.update(table).where(table.c.violation_id == sa.bindparam("one")).values(incident_id=sa.bindparam("its"))
    )
    made: list[dict[str, str]] = []
    place, until, incident = None, datetime.min, ""
    for row in ordered:
        began, ended = _span(row)
        here = (row.canteen_id, row.rule_id, row.zone)
        if here != place or began - until > _GAP:
            place, until, incident = here, ended, row.violation_id
        until = max(until, ended)
        made.append({"one": row.violation_id, "its": incident})
    for begin in range(0, len(made), _AT_ONCE):
        op.get_bind().execute(change, made[begin : begin + _AT_ONCE])


def _span(row: Any) -> tuple[datetime, datetime]:
    """When a violation began and ended, as `incident_members.sighting` says."""
    began = row.captured_at - timedelta(seconds=max(row.confirmed_s - row.started_s, 0.0))
    lasted = 0.0 if row.ended_s is None else max(row.ended_s - row.confirmed_s, 0.0)
    return began, row.captured_at + timedelta(seconds=lasted)
