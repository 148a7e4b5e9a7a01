"""Filters of the queue that somebody keeps under a name; each person has their own."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from kitchenvision.errors import KitchenvisionError
from kitchenvision.regulator.review_tables import SavedView

MOST_VIEWS = 20
LONGEST_NAME = 60
_LONGEST_QUERY = 1000
_KEYS = frozenset({"rule", "canteen", "camera", "state", "from", "to"})


class ViewRefused(KitchenvisionError):
    """A view cannot be kept.

    Args:
        why: no_name, long_name, too_many.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"the view cannot be kept: {why}")
        self.why = why


@dataclass(frozen=True)
class View:
    """One view; `query` is that of the review page's address."""

    view_id: int
    name: str
    query: str


def saved(session: Session, person_id: int) -> list[View]:
    """Those of a person, by name."""
    query = select(SavedView).where(SavedView.person_id == person_id).order_by(SavedView.name)
    return [View(row.view_id, row.name, row.query) for row in session.scalars(query)]


def save(session: Session, person_id: int, name: str, query: str) -> View:
    """Keep a filter; one of the same name is replaced.

    Args:
        query: of an address; only what the queue filters by is kept of it.

    Raises:
        ViewRefused.
    """
    name = name.strip()
    if not name:
        raise ViewRefused("no_name")
    if len(name) > LONGEST_NAME:
        raise ViewRefused("long_name")
    kept = _kept(query)
    row = session.scalar(select(SavedView).where(SavedView.person_id == person_id, SavedView.name == name))
    if row is None:
        count = session.scalar(select(func.count()).where(SavedView.person_id == person_id)) or 0
        if count >= MOST_VIEWS:
            raise ViewRefused("too_many")
        row = SavedView(person_id=person_id, name=name, query=kept)
        session.add(row)
    row.query = kept
    session.flush()
    return View(row.view_id, row.name, row.query)


def _kept(query: str) -> str:
    """What the queue filters by, as much of it as there is room for, each value whole."""
    pairs = [(key, value) for key, value in parse_qsl(query, keep_blank_values=True) if key in _KEYS]
    while len(kept := urlencode(pairs)) > _LONGEST_QUERY:
        pairs.pop()
    return kept


def forget(session: Session, person_id: int, view_id: int) -> bool:
    """Drop a view; False when this person has none with that id."""
    query = delete(SavedView).where(SavedView.person_id == person_id, SavedView.view_id == view_id)
    return session.execute(query.returning(SavedView.view_id)).first() is not None
