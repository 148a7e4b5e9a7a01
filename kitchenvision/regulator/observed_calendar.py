"""The school calendar's page: which days of the week are worked, and which days differ from it."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from kitchenvision.regulator.access import Right, Scope
from kitchenvision.regulator.auth import form_with, page_with
from kitchenvision.regulator.district_view import Place, places
from kitchenvision.regulator.observed_tables import EVERY_CANTEEN, SchoolDay, SchoolWeek
from kitchenvision.regulator.parts import NeedsParts
from kitchenvision.regulator.people import Visitor
from kitchenvision.regulator.problems import Refused, bad_fields
from kitchenvision.regulator.rendering import render
from kitchenvision.regulator.scoring_store import drop_colours

router = APIRouter()
CalendarReader = Annotated[Visitor, Depends(page_with(Right.READ))]
CalendarMaker = Annotated[Visitor, Depends(form_with(Right.POLICY))]
LONGEST_DAYS = 200
STANDARD_WEEK = "01234"


@dataclass(frozen=True)
class Period:
    """Days in a row that differ from the week in the same way. `canteen_id` empty: the whole district."""

    canteen_id: str
    canteen: str
    first: date
    last: date
    is_open: bool
    note: str


@router.get("/calendar", response_model=None)
def calendar_page(request: Request, visitor: CalendarReader, parts: NeedsParts) -> Response:
    """Weekdays and periods of the district, and of the canteens that one may see."""
    district_id = visitor.scope.district_id or ""
    with parts.database.reading() as session:
        known = places(session, visitor.scope)
        listed = periods(session, district_id, known)
        week = session.get(SchoolWeek, (district_id, EVERY_CANTEEN))
    return render(
        request,
        "calendar.html",
        visitor=visitor,
        periods=listed,
        places=known,
        week=week.weekdays if week else STANDARD_WEEK,
    )


@dataclass(frozen=True)
class _Change:
    first: date
    last: date
    what: str
    note: str


def asked_change(
    first: Annotated[date, Form()],
    last: Annotated[date, Form()],
    what: Annotated[str, Form(pattern="^(closed|open|normal)$")],
    note: Annotated[str, Form(max_length=200)] = "",
) -> _Change:
    """The period that a form asks for.

    Raises:
        Refused: 422, it ends before it begins or is too long.
    """
    days = (last - first).days + 1
    if not 1 <= days <= LONGEST_DAYS:
        problem = f"a period of 1 to {LONGEST_DAYS} days is expected, got {days}"
        raise bad_fields("the period cannot be", [{"field": "last", "problem": problem}])
    return _Change(first, last, what, note.strip())


@router.post("/calendar", response_model=None)
def change_calendar(
    visitor: CalendarMaker,
    parts: NeedsParts,
    change: Annotated[_Change, Depends(asked_change)],
    canteen_id: Annotated[str, Form(max_length=200)] = EVERY_CANTEEN,
) -> Response:
    """Close days, open them, or let the week hold again. Past colours are computed anew by the corrected calendar.

    Raises:
        Refused: 404, no such canteen in this scope.
    """
    with parts.database.writing() as session:
        _check_canteen(session, visitor.scope, canteen_id)
        mark_days(session, (visitor.scope.district_id or "", canteen_id), change)
        drop_colours(session)
    return RedirectResponse("/calendar", 303)


@router.post("/calendar/week", response_model=None)
def change_week(
    visitor: CalendarMaker,
    parts: NeedsParts,
    weekdays: Annotated[list[int] | None, Form()] = None,
    canteen_id: Annotated[str, Form(max_length=200)] = EVERY_CANTEEN,
) -> Response:
    """Set the days of the week (0 = Monday) that are worked.

    Raises:
        Refused: 404, no such canteen in this scope; 422, no day, or one that is none.
    """
    chosen = sorted(set(weekdays or ()))
    if not chosen or not set(chosen) <= set(range(7)):
        raise bad_fields("no such week", [{"field": "weekdays", "problem": "at least one of 0 to 6 is expected"}])
    with parts.database.writing() as session:
        _check_canteen(session, visitor.scope, canteen_id)
        key = (visitor.scope.district_id or "", canteen_id)
        row = session.get(SchoolWeek, key) or SchoolWeek(district_id=key[0], canteen_id=key[1])
        row.weekdays = "".join(str(day) for day in chosen)
        session.add(row)
        drop_colours(session)
    return RedirectResponse("/calendar", 303)


def _check_canteen(session: Session, scope: Scope, canteen_id: str) -> None:
    if canteen_id != EVERY_CANTEEN and not places(session, scope, canteen_id):
        raise Refused(404, "not-there", "there is no such canteen", field="canteen_id")


def mark_days(session: Session, whose: tuple[str, str], change: _Change) -> None:
    """Write the days of a period.

    Args:
        whose: district and canteen, the latter empty for the whole district.
    """
    district_id, canteen_id = whose
    session.execute(
        delete(SchoolDay).where(
            SchoolDay.district_id == district_id,
            SchoolDay.canteen_id == canteen_id,
            SchoolDay.day >= change.first,
            SchoolDay.day <= change.last,
        )
    )
    if change.what == "normal":
        return
    for offset in range((change.last - change.first).days + 1):
        session.add(
            SchoolDay(
                district_id=district_id,
                canteen_id=canteen_id,
                day=change.first + timedelta(days=offset),
                is_open=int(change.what == "open"),
                note=change.note,
            )
        )


def periods(session: Session, district_id: str, known: list[Place]) -> list[Period]:
    """The periods of the district and of these canteens, the newest first."""
    names = {EVERY_CANTEEN: "", **{place.canteen_id: place.name for place in known}}
    query = (
        select(SchoolDay).where(SchoolDay.district_id == district_id).order_by(SchoolDay.canteen_id, SchoolDay.day)
    )
    found: list[Period] = []
    for row in session.scalars(query):
        if row.canteen_id not in names:
            continue
        one = Period(row.canteen_id, names[row.canteen_id], row.day, row.day, bool(row.is_open), row.note)
        before = found[-1] if found else None
        joins = before is not None and (before.canteen_id, before.is_open, before.note) == (
            one.canteen_id,
            one.is_open,
            one.note,
        )
        if before is not None and joins and row.day - before.last == timedelta(days=1):
            found[-1] = Period(one.canteen_id, one.canteen, before.first, row.day, one.is_open, one.note)
        else:
            found.append(one)
    return sorted(found, key=lambda one: (one.first, one.canteen_id), reverse=True)
