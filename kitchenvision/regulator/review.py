"""The review page: a queue, one violation at a time, one key a decision."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import AwareDatetime
from sqlalchemy.orm import Session

from kitchenvision.regulator import canteens, history, store
from kitchenvision.regulator.account import HOMES
from kitchenvision.regulator.auth import Decider, PageVisitor, Reviewer
from kitchenvision.regulator.decisions import REASONS, Step, StepOutOfTurn, StepRefused, Verdict
from kitchenvision.regulator.desk import Desk, Queue, desk, queue
from kitchenvision.regulator.history import DecidedMeanwhile, NoSuchViolation
from kitchenvision.regulator.listing import Filters, read_cursor
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.people import Visitor
from kitchenvision.regulator.problems import Refused, bad_fields
from kitchenvision.regulator.rendering import render, words_of

router = APIRouter()
KNOWN_RULES = ("no_hat", "no_mask", "smoking")
Asked = Annotated[Filters, Query()]


@router.get("/", response_model=None)
def start(visitor: PageVisitor) -> Response:
    """To the page where this role works."""
    return RedirectResponse(HOMES[visitor.role], 303)


@router.get("/review", response_model=None)
def review_page(request: Request, visitor: Reviewer, parts: NeedsParts, asked: Asked) -> Response:
    """The queue with its first violation. Without a choice, what is undecided."""
    filters = _chosen(request, asked)
    with parts.database.reading() as session:
        listed = queue(session, visitor.scope, filters)
        shown = (
            desk(session, visitor.scope, parts.blobs, listed.items[0].row.violation_id) if listed.items else None
        )
        return _page(request, visitor, session, (filters, listed, shown))


@router.get("/review/new", response_model=None)
def new_bar(request: Request, visitor: Reviewer, parts: NeedsParts, since: AwareDatetime, asked: Asked) -> Response:
    """A bar that says how many violations came after `since`; empty when none did."""
    filters = _chosen(request, asked)
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
        listed = queue(session, visitor.scope, filters, read_cursor(cursor), first)
        return render(request, "rows.html", queue=listed, filters=filters, current="")


@router.get("/review/{violation_id}", response_model=None)
def review_one(violation_id: str, request: Request, visitor: Reviewer, parts: NeedsParts, asked: Asked) -> Response:
    """The queue with a violation of choice.

    Raises:
        Refused: 404.
    """
    filters = _chosen(request, asked)
    with parts.database.reading() as session:
        shown = _desk(session, visitor, parts, violation_id)
        return _page(request, visitor, session, (filters, queue(session, visitor.scope, filters), shown))


@router.get("/review/{violation_id}/desk", response_model=None)
def desk_part(violation_id: str, request: Request, visitor: Reviewer, parts: NeedsParts, asked: Asked) -> Response:
    """The part of the page that shows one violation.

    Raises:
        Refused: 404.
    """
    with parts.database.reading() as session:
        shown = _desk(session, visitor, parts, violation_id)
        return render(
            request, "desk.html", desk=shown, visitor=visitor, filters=_chosen(request, asked), reasons=REASONS
        )


def asked_step(
    verdict: Annotated[str, Form(max_length=20)],
    reason: Annotated[int | None, Form()] = None,
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Step:
    """The step that a form asks for.

    Raises:
        Refused: 422, not a verdict.
    """
    try:
        return Step(Verdict(verdict), reason if verdict == "rejected" else None, note)
    except ValueError as error:
        problem = f"got '{verdict}', allowed are {', '.join(Verdict)}"
        raise bad_fields("not a verdict", [{"field": "verdict", "problem": problem}]) from error


@router.post("/review/{violation_id}/decision", response_model=None)
def decide(
    violation_id: str,
    request: Request,
    visitor: Decider,
    parts: NeedsParts,
    step: Annotated[Step, Depends(asked_step)],
    follows: Annotated[int, Form(ge=0)],
) -> Response:
    """Add a decision, or withdraw the newest; a script gets JSON, a plain form the next page.

    Raises:
        Refused: 404, 409 when somebody decided meanwhile, 422 when the step is not complete.
    """
    try:
        with parts.database.writing() as session:
            made = history.decide(session, visitor.scope, (violation_id, follows), step, visitor.person_id, now())
    except NoSuchViolation as error:
        raise Refused(404, "not-there", "there is no such violation", field="violation_id") from error
    except StepRefused as error:
        raise bad_fields("not complete", [{"field": error.field, "problem": error.problem}]) from error
    except StepOutOfTurn as error:
        raise Refused(409, "out-of-turn", str(error)) from error
    except DecidedMeanwhile as error:
        raise _meanwhile(request, error) from error
    if "application/json" not in request.headers.get("accept", ""):
        query = request.url.query
        to = f"/review/{violation_id}" if made.verdict is Verdict.WITHDRAWN else "/review"
        return RedirectResponse(f"{to}?{query}" if query else to, 303)
    state = "open" if made.verdict is Verdict.WITHDRAWN else made.verdict.value
    return JSONResponse({"violation_id": violation_id, "state": state, "decision_id": made.decision_id})


def _meanwhile(request: Request, error: DecidedMeanwhile) -> Refused:
    words = words_of(request)
    newest = error.newest
    if newest is None:
        told = words("conflict.somebody")
    else:
        verdict, at = words.named("verdict", newest.verdict), words.instant(newest.decided_at)
        told = words("conflict.who", who=newest.username, verdict=verdict, at=at)
    return Refused(409, "decided-meanwhile", words("conflict.title"), told, field="follows")


def _chosen(request: Request, asked: Filters) -> Filters:
    # The desk starts with what waits; "all" is asked for with an empty state.
    if "state" not in request.query_params:
        return asked.model_copy(update={"state": "open"})
    return asked


def _desk(session: Session, visitor: Visitor, parts: Parts, violation_id: str) -> Desk:
    shown = desk(session, visitor.scope, parts.blobs, violation_id)
    if shown is None:
        raise Refused(404, "not-there", "there is no such violation", field="violation_id")
    return shown


def _page(
    request: Request, visitor: Visitor, session: Session, parts: tuple[Filters, Queue, Desk | None]
) -> Response:
    filters, listed, shown = parts
    return render(
        request,
        "review.html",
        visitor=visitor,
        filters=filters,
        queue=listed,
        desk=shown,
        current=shown.row.violation_id if shown else "",
        canteens=canteens.canteens(session, visitor.scope),
        rules=sorted({*KNOWN_RULES, *store.rules(session, visitor.scope)}),
        reasons=REASONS,
        any_at_all=listed.total > 0 or store.count(session, visitor.scope, Filters()) > 0,
    )
