"""Who saw which picture when. Rows are only added; the database refuses everything else."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from kitchenvision.regulator.access import Scope
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.tables import Person, PictureView, ViolationRow

# A browser asks for a clip in many pieces, and again when the page is opened again: one look, one row.
SAME_LOOK = timedelta(minutes=10)
PICTURES = frozenset({"snapshot", "head_crop", "clip"})
_KEPT_ROWS = 500
_REMEMBERED = 20_000
_NEW_LOOK = insert(PictureView)
Look = tuple[int | None, str, str]  # person (None: the canteen's own edge box), violation, which picture


@dataclass(frozen=True)
class View:
    """One row: `username` is None for the canteen's own edge box."""

    violation_id: str
    picture: str
    username: str | None
    seen_at: datetime


class Views:
    """Notes looks before the picture is given, and the same look again only after `SAME_LOOK`."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._noted: dict[Look, datetime] = {}

    def note(self, database: Database, look: Look, now: datetime) -> None:
        """Keep that a picture is about to be seen; durable when it returns.

        Raises:
            StorageError: it cannot be kept, so the picture must not be shown.
        """
        if look[2] not in PICTURES:
            return
        with self._lock:
            before = self._noted.get(look)
        if before is not None and now - before < SAME_LOOK:
            return
        row = {"violation_id": look[1], "role": look[2], "person_id": look[0], "seen_at": now}
        database.add(_NEW_LOOK, row)
        with self._lock:
            if len(self._noted) >= _REMEMBERED:
                self._noted.clear()  # costs rows that could have been spared, nothing else
            self._noted[look] = now


def newest(session: Session, scope: Scope, violation_id: str | None = None) -> list[View]:
    """The newest looks within the scope, at most 500."""
    query = (
        select(PictureView, Person.username)
        .join(ViolationRow, ViolationRow.violation_id == PictureView.violation_id)
        .outerjoin(Person, Person.person_id == PictureView.person_id)
        .where(scope.covers(ViolationRow.canteen_id))
        .order_by(PictureView.view_id.desc())
        .limit(_KEPT_ROWS)
    )
    if violation_id is not None:
        query = query.where(PictureView.violation_id == violation_id)
    return [View(row.violation_id, row.role, username, row.seen_at) for row, username in session.execute(query)]
