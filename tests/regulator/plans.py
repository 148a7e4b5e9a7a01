"""Many violations written by the database itself, and how it means to answer the queries of the busy pages."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from kitchenvision.regulator import (
    canteens,
    cockpit_view,
    history,
    incident_edits,
    incident_members,
    people,
    queue_store,
    report_store,
    second_reviews,
    store,
)
from kitchenvision.regulator.access import Role, Scope, scope_of
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.listing import Cursor, Filters
from kitchenvision.regulator.queue_store import Looker
from kitchenvision.regulator.second_reviews import SecondPolicy
from kitchenvision.regulator.tables import ViolationRow

CANTEENS, TOWNS = 159, 20
APART_S = 30
BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
LARGE = ("violations", "reports", "report_blobs", "decisions")
_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) ",
    "postgresql": "WITH n(i) AS (SELECT generate_series(1, {count})) ",
}
_ID = {"sqlite": "printf('%032x', i)", "postgresql": "lpad(to_hex(i), 32, '0')"}
_AT = {
    "sqlite": f"strftime('%Y-%m-%d %H:%M:%S', '2025-01-01', '+' || (i * {APART_S}) || ' seconds') || '.000000'",
    "postgresql": f"timestamp '2025-01-01' + i * interval '{APART_S} seconds'",
}
_STATE = "CASE WHEN i % 100 = 0 THEN 'open' WHEN i % 3 = 0 THEN 'confirmed' ELSE 'rejected' END"
_RULE = "CASE i % 3 WHEN 0 THEN 'no_hat' WHEN 1 THEN 'no_mask' ELSE 'smoking' END"
_NO = {"sqlite": "0", "postgresql": "false"}
_BODY = {"sqlite": "CAST('{}' AS BLOB)", "postgresql": "'{}'::bytea"}


def fill(database: Database, count: int) -> None:
    """So many violations of 159 canteens, all but each hundredth decided, with a report, a blob and a decision."""
    kind = database.engine.dialect.name
    with database.writing() as session:
        for town in range(TOWNS):
            canteens.add_town(session, f"town-{town}", f"town-{town}", "default")
        session.flush()
        for i in range(CANTEENS):
            canteens.add_canteen(session, f"canteen-{i}", f"canteen-{i}", BEGAN, f"town-{i % TOWNS}")
        people.add_person(session, "somebody", Role.OWNER, BEGAN)
        session.flush()
        one, at = _ID[kind], _AT[kind]
        reason = "CASE WHEN i % 3 = 0 THEN NULL ELSE 2 END"
        rows = {
            "violations (violation_id, canteen_id, camera_id, rule_id, captured_at, received_at, started_s, "
            "confirmed_s, ended_s, confidence, last_seq, state, decision_id, zone, incident_id, by_hand)": (
                f"{one}, 'canteen-' || (i % {CANTEENS}), 'camera-' || (i % 4), {_RULE}, {at}, {at}, 1.0, 2.0, 9.0, "
                f"0.9, 1, {_STATE}, CASE WHEN i % 100 = 0 THEN 0 ELSE i END, '', {one}, {_NO[kind]}"
            ),
            "reports (violation_id, seq, kind, body, sha256, received_at)": (
                f"{one}, 1, 'confirmed', {_BODY[kind]}, {one}, {at}"
            ),
            "report_blobs (violation_id, seq, role, sha256, size, media_type)": (
                f"{one}, 1, 'snapshot', {one}, 1, 'image/jpeg'"
            ),
            "decisions (decision_id, violation_id, follows, verdict, reason, note, person_id, decided_at)": (
                f"i, {one}, 0, {_STATE}, {reason}, '', 1, {at}"
            ),
        }
        for table, values in rows.items():
            numbers = _NUMBERS[kind].replace("{count}", str(count))
            statement = f"INSERT INTO {table} {numbers} SELECT {values} FROM n"
            if kind == "sqlite" or not table.startswith("decisions"):
                statement += " WHERE true"
            session.connection().exec_driver_sql(
                statement.replace("%", "%%") if kind == "postgresql" else statement
            )
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def hot(count: int) -> dict[str, Callable[[Session], object]]:
    """The queries of pages that somebody waits for, and of what edge boxes send all the time, by name."""
    now = BEGAN + timedelta(seconds=APART_S * count)
    town = scope_of(Role.INSPECTOR, "default", ("town-3",), None)
    everybody = scope_of(Role.OWNER, "default", (), None)
    one = f"{count // 2:032x}"
    waiting = Filters(state="open")
    again = Filters(state="second")
    after = Cursor(now - timedelta(days=1), one)
    local = now.astimezone(ZoneInfo("Asia/Shanghai"))

    def looker(scope: Scope) -> Looker:
        return Looker(scope, 2, now, SecondPolicy())

    def row(session: Session) -> ViolationRow:
        return session.get_one(ViolationRow, one)

    found: dict[str, Callable[[Session], object]] = {
        "one violation": lambda s: store.violation(s, town, one),
        "its reports": lambda s: _reports(s, town, one),
        "its picture": lambda s: store.blob(s, town, one, "snapshot"),
        "its decisions": lambda s: history.decisions(s, town, one),
        "blobs that were dropped": lambda s: report_store.once_removed(s, [one]),
        "incident of a new violation": lambda s: incident_members._touching(s, incident_members.sighting(row(s))),
        "members of incidents": lambda s: incident_members.members_of(s, [one]),
        "record of a camera": lambda s: queue_store.camera_record(s, looker(town), row(s)),
        "earlier ones": lambda s: store.earlier(s, town, row(s), 5),
        "what it may be merged with": lambda s: incident_edits.mergeable(s, town, row(s)),
        "blobs of a page": lambda s: store.roles(s, town, [f"{count // 2 + i:032x}" for i in range(50)]),
        "what is new on the wall": lambda s: cockpit_view.newest(s, everybody),
        "figures of the wall": lambda s: cockpit_view.figures(s, everybody, local, [], [], {}),
        "trend of the wall": lambda s: cockpit_view.trend(s, everybody, local),
    }
    for name, scope in (("town", town), ("district", everybody)):
        found |= {
            f"queue of a {name}": lambda s, scope=scope: queue_store.page(s, looker(scope), waiting, 51, None),
            f"queue of a {name}, on": lambda s, scope=scope: queue_store.page(s, looker(scope), waiting, 51, after),
            f"length of the queue of a {name}": lambda s, scope=scope: queue_store.count(s, looker(scope), waiting),
            f"newest of a {name}": lambda s, scope=scope: store.newest_received(s, scope),
            f"newer of a {name}": lambda s, scope=scope: store.count_newer(
                s, scope, waiting, now - timedelta(hours=1)
            ),
            f"rules of a {name}": lambda s, scope=scope: store.rules(s, scope),
            f"second looks of a {name}": lambda s, scope=scope: queue_store.page(s, looker(scope), again, 51, None),
            f"second looks due in a {name}": lambda s, scope=scope: second_reviews.count_due(
                s, scope, 2, now, SecondPolicy()
            ),
            f"list of a {name}": lambda s, scope=scope: store.page(s, scope, Filters(), 50, after),
        }
    return found


def _reports(session: Session, scope: Scope, violation_id: str) -> object:
    try:
        return store.reports(session, scope, violation_id)
    except ValueError:
        return None  # the bodies are no reports; what was asked is what counts


def plans(database: Database, ask: Callable[[Session], object]) -> list[str]:
    """How the database answers each query of `ask`, as it says itself."""
    with database.reading() as session, _asked(database.engine) as statements:
        ask(session)
    words = "EXPLAIN QUERY PLAN " if database.engine.dialect.name == "sqlite" else "EXPLAIN "
    told = []
    with database.engine.connect() as connection:
        for statement, parameters in statements:
            lines = connection.exec_driver_sql(words + statement, parameters).all()
            told.append("\n".join(str(line[-1]) for line in lines))
    return told


def scans(plan: str) -> list[str]:
    """Large tables that are read as a whole, without an index."""
    found = re.findall(r"Seq Scan on (\w+)", plan)
    found += [name for name, how in re.findall(r"^SCAN (\w+)(.*)$", plan, re.MULTILINE) if "USING" not in how]
    return [name for name in found if name in LARGE]


@contextmanager
def _asked(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.startswith(("SELECT", "WITH")) and " FROM " in statement.replace("\n", " "):
            found.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)
