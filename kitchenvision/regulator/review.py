"""The review page: a queue of incidents, one at a time, one key a decision. `review_acts` takes what is decided."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AwareDatetime
from sqlalchemy.orm import Session

from kitchenvision.regulator import canteens, saved_views, second_reviews, store
from kitchenvision.regulator.access import Right
from kitchenvision.regulator.account import HOMES
from kitchenvision.regulator.auth import PageVisitor, Reviewer
from kitchenvision.regulator.decisions import REASONS
from kitchenvision.regulator.desk import Desk, Queue, desk, queue
from kitchenvision.regulator.listing import Filters, read_cursor
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.people import Visitor
from kitchenvision.regulator.problems import Refused
from kitchenvision.regulator.queue_store import Looker
from kitchenvision.regulator.rendering import render

router = APIRouter()
KNOWN_RULES = ("no_hat", "no_mask", "smoking")
Asked = Annotated[Filters, Query()]


@router.get("/", response_model=None)
def start(visitor: PageVisitor) -> Response:
    """To the page where this role works."""
    return RedirectResponse(HOMES[visitor.role], 303)


@router.get("/review", response_model=None)
def review_page(request: Request, visitor: Reviewer, parts: NeedsParts, asked: Asked) -> Response:
    """The queue with its first incident. Without a choice, what is undecided."""
    filters, looker = _chosen(request, asked), looker_of(visitor, parts)
    with parts.database.reading() as session:
        listed = queue(session, looker, filters)
        first = listed.items[0].item.row.violation_id if listed.items else ""
        shown = desk(session, looker, parts.blobs, first, filters) if first else None
        return _page(request, visitor, parts, session, (filters, listed, shown))


@router.get("/review/new", response_model=None)
def new_bar(request: Request, visitor: Reviewer, parts: NeedsParts, since: AwareDatetime, asked: Asked) -> Response:
    """A bar that says how many violations came after `since`; empty when none did."""
    filters, n = _chosen(request, asked), 0
    if filters.state != "second":
        with parts.database.reading() as session:
            n = store.count_newer(session, visitor.scope, filters, since)
    return render(request, "new.html", n=n, filters=filters)


@router.get("/review/more", response_model=None)
def more_rows(
    request: Request,
    visitor: Reviewer,
    parts: NeedsParts,
    asked: Asked,
    cursor: Annotated[str, Query(max_length=200)],
    first: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    """The next rows of the queue."""
    filters = _chosen(request, asked)
    with parts.database.reading() as session:
        listed = queue(session, looker_of(visitor, parts), filters, read_cursor(cursor), first)
        return render(request, "rows.html", queue=listed, filters=filters, current="", visitor=visitor)


@router.get("/review/{violation_id}", response_model=None)
def review_one(violation_id: str, request: Request, visitor: Reviewer, parts: NeedsParts, asked: Asked) -> Response:
    """The queue with a violation of choice.

    Raises:
        Refused: 404.
    """
    filters = _chosen(request, asked)
    with parts.database.reading() as session:
        shown = _desk(session, visitor, parts, violation_id, filters)
        listed = queue(session, looker_of(visitor, parts), filters)
        return _page(request, visitor, parts, session, (filters, listed, shown))


@router.get("/review/{violation_id}/desk", response_model=None)
def desk_part(violation_id: str, request: Request, visitor: Reviewer, parts: NeedsParts, asked: Asked) -> Response:
    """The part of the page that shows one violation.

    Raises:
        Refused: 404.
    """
    filters = _chosen(request, asked)
    with parts.database.reading() as session:
        shown = _desk(session, visitor, parts, violation_id, filters)
        return render(request, "desk.html", desk=shown, visitor=visitor, filters=filters, reasons=REASONS)


def _few(count: int) -> str:
    if count >= second_reviews.MOST_COUNTED:
        return f"{second_reviews.MOST_COUNTED - 1}+"
    return str(count) if count else ""


def looker_of(visitor: Visitor, parts: Parts) -> Looker:
    """Who looks, at this instant."""
    return Looker(visitor.scope, visitor.person_id, now(), parts.settings.second)


def _chosen(request: Request, asked: Filters) -> Filters:
    # The desk starts with what waits; "all" is asked for with an empty state.
    if "state" not in request.query_params:
        return asked.model_copy(update={"state": "open"})
    return asked


def _desk(session: Session, visitor: Visitor, parts: Parts, violation_id: str, filters: Filters) -> Desk:
    shown = desk(session, looker_of(visitor, parts), parts.blobs, violation_id, filters)
    if shown is None:
        raise Refused(404, "not-there", "there is no such violation", field="violation_id")
    return shown


def _page(
    request: Request,
    visitor: Visitor,
    parts: Parts,
    session: Session,
    values: tuple[Filters, Queue, Desk | None],
) -> Response:
    filters, listed, shown = values
    looker = looker_of(visitor, parts)
    decides = visitor.scope.may(Right.DECIDE)
    second = looker.scope, looker.person_id, looker.now, looker.second
    return render(
        request,
        "review.html",
        visitor=visitor,
        filters=filters,
        queue=listed,
        desk=shown,
        current=shown.row.incident_id if shown else "",
        canteens=canteens.names(session, visitor.scope),
        rules=sorted({*KNOWN_RULES, *store.rules(session, visitor.scope)}),
        reasons=REASONS,
        views=saved_views.saved(session, visitor.person_id),
        second_due=_few(second_reviews.count_due(session, *second)) if decides else "",
        any_at_all=listed.newest_at is not None,
    )
