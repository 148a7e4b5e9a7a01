"""Cases: what they rest on, their events, and triggers that refuse every step that is not legal."""

import json
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from kitchenvision.regulator.migrations.guards import ALWAYS, append_only, refuse

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_OPEN_TO_APPEAL = ("notified", "answered", "returned", "closed")
# (state before, kind, state after), as in case_steps.STEPS when this was written.
STEPS = (
    ("", "opened", "notified"),
    ("notified", "answered", "answered"),
    ("returned", "answered", "answered"),
    ("answered", "returned", "returned"),
    ("answered", "accepted", "closed"),
    *((state, "appealed", "appealed") for state in _OPEN_TO_APPEAL),
    *(("appealed", "upheld", state) for state in _OPEN_TO_APPEAL),
    ("appealed", "overturned", "overturned"),
)
_BEFORE = "(SELECT e.{what} FROM case_events e WHERE e.case_id = NEW.case_id AND e.seq = NEW.seq - {back})"


def upgrade() -> None:
    """Tables, the zone of violations that there are, and the guards."""
    op.execute("ALTER TABLE violations ADD COLUMN zone VARCHAR(200) NOT NULL DEFAULT ''")
    _fill_zones()
    op.create_table(
        "cases",
        sa.Column("case_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("number", sa.String(20), nullable=False, unique=True),
        sa.Column("canteen_id", sa.String(200), sa.ForeignKey("canteens.canteen_id"), nullable=False),
        sa.Column("rule_id", sa.String(200), nullable=False),
        sa.Column("zone", sa.String(200), nullable=False),
        sa.Column("opened_at", sa.DateTime, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("deadline_at", sa.DateTime),
    )
    op.create_index("cases_by_state", "cases", ["state", "deadline_at"])
    op.create_index("cases_by_place", "cases", ["canteen_id", "opened_at"])
    op.create_table(
        "case_violations",
        sa.Column("violation_id", sa.String(64), sa.ForeignKey("violations.violation_id"), primary_key=True),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.case_id"), nullable=False),
    )
    op.create_index("ix_case_violations_case_id", "case_violations", ["case_id"])
    op.create_table(
        "case_events",
        sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.case_id"), nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.person_id"), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("words", sa.String(2000), nullable=False),
        sa.Column("photo_sha256", sa.String(64)),
        sa.Column("deadline_at", sa.DateTime),
        sa.UniqueConstraint("case_id", "seq", name="case_events_one_after_another"),
    )
    append_only("case_events")
    append_only("case_violations")
    _guard_events()
    _guard_people()
    _guard_cases()


def _fill_zones() -> None:
    connection = op.get_bind()
    reports = connection.execute(sa.text("SELECT violation_id, body FROM reports WHERE seq = 1")).all()
    for violation_id, body in reports:
        connection.execute(
            sa.text("UPDATE violations SET zone = :zone WHERE violation_id = :id"),
            {"zone": json.loads(body).get("zone", ""), "id": violation_id},
        )


def _guard_events() -> None:
    state_before = "COALESCE(" + _BEFORE.format(what="state", back=1) + ", '')"
    legal = " OR ".join(
        f"({state_before} = '{before}' AND NEW.kind = '{kind}' AND NEW.state = '{after}')"
        for before, kind, after in STEPS
    )
    last = "(SELECT COALESCE(MAX(e.seq), 0) FROM case_events e WHERE e.case_id = NEW.case_id)"
    back_to = _BEFORE.format(what="state", back=2)
    at_before = _BEFORE.format(what="at", back=1)
    again = "EXISTS (SELECT 1 FROM case_events e WHERE e.case_id = NEW.case_id AND e.kind = 'appealed')"
    acts = "NEW.state IN ('notified', 'returned')"
    for name, when, message in (
        ("case_events_in_sequence", f"NEW.seq <> {last} + 1", "the sequence has a gap"),
        ("case_events_legal", f"NOT ({legal})", "the step is not legal"),
        ("case_events_upheld", f"NEW.kind = 'upheld' AND NEW.state IS NOT {back_to}", "back to where it was"),
        ("case_events_in_time", f"NEW.seq > 1 AND NEW.at < {at_before}", "earlier than the step before"),
        ("case_events_one_appeal", f"NEW.kind = 'appealed' AND {again}", "an appeal was made before"),
        (
            "case_events_words",
            "NEW.kind NOT IN ('opened', 'accepted') AND TRIM(NEW.words) = ''",
            "the step needs words",
        ),
        ("case_events_photo", "NEW.kind = 'answered' AND NEW.photo_sha256 IS NULL", "an answer needs a photo"),
        ("case_events_deadline", f"({acts}) <> (NEW.deadline_at IS NOT NULL)", "a deadline where the canteen acts"),
    ):
        refuse(name, "BEFORE INSERT ON case_events", when, f"case_events: {message}")


def _guard_people() -> None:
    by_canteen = (
        "EXISTS (SELECT 1 FROM people p JOIN cases c ON c.case_id = NEW.case_id WHERE p.person_id = NEW.person_id "
        "AND p.role = 'canteen' AND p.canteen_id = c.canteen_id)"
    )
    by_others = (
        "EXISTS (SELECT 1 FROM people p WHERE p.person_id = NEW.person_id "
        "AND p.role IN ('inspector', 'district', 'owner'))"
    )
    opened = (
        "EXISTS (SELECT 1 FROM case_events e WHERE e.case_id = NEW.case_id AND e.kind = 'opened' "
        "AND e.person_id = NEW.person_id)"
    )
    confirmed = (
        "EXISTS (SELECT 1 FROM case_violations v JOIN decisions d ON d.violation_id = v.violation_id "
        "WHERE v.case_id = NEW.case_id AND d.verdict = 'confirmed' AND d.person_id = NEW.person_id)"
    )
    own = "NEW.kind IN ('answered', 'appealed')"
    for name, when, message in (
        ("case_events_by_canteen", f"{own} AND NOT {by_canteen}", "only people of the canteen can do this"),
        ("case_events_by_others", f"NOT ({own}) AND NOT {by_others}", "the role cannot do this"),
        (
            "case_events_another_person",
            f"NEW.kind IN ('upheld', 'overturned') AND ({opened} OR {confirmed})",
            "an appeal is for another person than the one who decided",
        ),
    ):
        refuse(name, "BEFORE INSERT ON case_events", when, f"case_events: {message}")


def _guard_cases() -> None:
    newest = "SELECT e.{what} FROM case_events e WHERE e.case_id = NEW.case_id ORDER BY e.seq DESC LIMIT 1"
    moved = " OR ".join(
        f"NEW.{column} IS NOT OLD.{column}"
        for column in ("case_id", "number", "canteen_id", "rule_id", "zone", "opened_at")
    )
    state, deadline = newest.format(what="state"), newest.format(what="deadline_at")
    differs = f"NEW.state IS NOT ({state}) OR NEW.deadline_at IS NOT ({deadline})"
    refuse("cases_kept", "BEFORE DELETE ON cases", ALWAYS, "cases: none is deleted")
    refuse("cases_as_events_say", "BEFORE UPDATE ON cases", f"{moved} OR {differs}", "cases: as the events say")
    refuse("cases_begin", "BEFORE INSERT ON cases", "NEW.state <> 'notified'", "cases: begin with a notice")
    fits = (
        "EXISTS (SELECT 1 FROM cases c JOIN violations v ON v.canteen_id = c.canteen_id AND v.rule_id = c.rule_id "
        "WHERE c.case_id = NEW.case_id AND v.violation_id = NEW.violation_id AND v.state = 'confirmed')"
    )
    refuse(
        "case_violations_fit", "BEFORE INSERT ON case_violations", f"NOT {fits}", "case_violations: not confirmed"
    )
    rests = (
        "EXISTS (SELECT 1 FROM case_violations v JOIN cases c ON c.case_id = v.case_id "
        "WHERE v.violation_id = NEW.violation_id AND c.state <> 'overturned')"
    )
    refuse("decisions_case_rests", "BEFORE INSERT ON decisions", rests, "decisions: a case rests on this one")
