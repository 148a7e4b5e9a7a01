"""Triggers by which the database itself refuses what must not happen, whoever writes to it."""

import re

from alembic import op

from kitchenvision.errors import StorageError

ALWAYS = "1 = 1"
# SQLite compares values with IS NOT, PostgreSQL only with NULL and truth.
_DISTINCT = re.compile(r"\bIS NOT (?!NULL\b)")


def append_only(table: str) -> None:
    """Rows of `table` can be added, never changed or deleted."""
    for what in ("UPDATE", "DELETE"):
        refuse(f"{table}_no_{what.lower()}", f"BEFORE {what} ON {table}", ALWAYS, f"{table}: rows are only added")
    if op.get_bind().dialect.name == "postgresql":
        _refuse_truncate(table)


def refuse(name: str, event: str, when: str, message: str) -> None:
    """Refuse an event.

    Args:
        name: of the trigger. event: such as ``BEFORE INSERT ON table``. when: the condition, in SQL.
        message: what the writer is told.

    Raises:
        StorageError: no trigger is known for this kind of database.
    """
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        op.execute(
            f"CREATE TRIGGER {name} {event} FOR EACH ROW WHEN {when} BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
    elif dialect == "postgresql":
        condition = _DISTINCT.sub("IS DISTINCT FROM ", when)
        row = "OLD" if " DELETE " in event else "NEW"
        _function(name, f"IF {condition} THEN {_raised(message)} END IF; RETURN {row};")
        op.execute(f"CREATE TRIGGER {name} {event} FOR EACH ROW EXECUTE FUNCTION {name}()")
    else:
        raise StorageError(f"this version keeps its history in SQLite or PostgreSQL, not in {dialect}")


def _refuse_truncate(table: str) -> None:
    name = f"{table}_no_truncate"
    _function(name, _raised(f"{table}: rows are only added"))
    op.execute(f"CREATE TRIGGER {name} BEFORE TRUNCATE ON {table} EXECUTE FUNCTION {name}()")


def _function(name: str, body: str) -> None:
    op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$")


def _raised(message: str) -> str:
    # The class of a broken constraint, as SQLite says it, so that callers see one kind of error.
    return f"RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation';"
