"""Triggers by which the database itself refuses what must not happen, whoever writes to it."""

from alembic import op

from kitchenvision.errors import StorageError


def append_only(table: str) -> None:
    """Rows of `table` can be added, never changed or deleted."""
    for what in ("UPDATE", "DELETE"):
        refuse(f"{table}_no_{what.lower()}", f"BEFORE {what} ON {table}", "1", f"{table}: rows are only added")


def refuse(name: str, event: str, when: str, message: str) -> None:
    """Refuse an event.

    Args:
        name: of the trigger. event: such as ``BEFORE INSERT ON table``. when: the condition, in SQL.
        message: what the writer is told.

    Raises:
        StorageError: no trigger is known for this kind of database.
    """
    dialect = op.get_bind().dialect.name
    if dialect != "sqlite":
        raise StorageError(f"this version keeps its history in SQLite only, not in {dialect}")
    op.execute(
        f"CREATE TRIGGER {name} {event} FOR EACH ROW WHEN {when} BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )
