"""Pages of the four-colour code: the district, one canteen, its policies, and the district under another one."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import canteens
from kitchenvision.regulator import district_view as view
from kitchenvision.regulator.access import Right
from kitchenvision.regulator.auth import form_with, not_allowed, page_with
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.people import Visitor
from kitchenvision.regulator.policy import Policy, parse_policy
from kitchenvision.regulator.policy_store import PolicyRefused, add_policy, in_force, policies
from kitchenvision.regulator.problems import Refused
from kitchenvision.regulator.rendering import render, words_of
from kitchenvision.regulator.scoring import Colour
from kitchenvision.regulator.scoring_outlook import outlook
from kitchenvision.regulator.scoring_store import strips, today

router = APIRouter()
ColourReader = Annotated[Visitor, Depends(page_with(Right.READ))]
PolicyMaker = Annotated[Visitor, Depends(form_with(Right.POLICY))]
PolicyForm = Annotated[str, Form(max_length=100_000)]


def local_now(parts: Parts) -> datetime:
    """This instant in the zone of local days."""
    return now().astimezone(ZoneInfo(parts.settings.timezone))


@router.get("/district", response_model=None)
def district_page(request: Request, visitor: ColourReader, parts: NeedsParts) -> Response:
    """Every canteen of the scope with its colour, worst first."""
    at = local_now(parts)
    with parts.database.reading() as session:
        found = view.places(session, visitor.scope)
        ids = [place.canteen_id for place in found]
        told = today(session, _district_of(visitor), ids, at)
    past = strips(parts.database, _district_of(visitor), ids, at, view.STRIP_DAYS)
    rows = view.rows(found, told, past, at)
    return render(
        request,
        "district.html",
        visitor=visitor,
        rows=rows,
        counts=view.counts(rows),
        shapes=view.SHAPES,
        days=view.STRIP_DAYS,
        month=f"{at:%Y-%m}",
    )


@router.get("/canteens/{canteen_id}", response_model=None)
def canteen_page(canteen_id: str, request: Request, visitor: ColourReader, parts: NeedsParts) -> Response:
    """One canteen: colour, every point with its incident, what would change it, the last 12 months.

    Raises:
        Refused: 404.
    """
    at = local_now(parts)
    with parts.database.reading() as session:
        found = view.places(session, visitor.scope, canteen_id)
        if not found:
            raise Refused(404, "not-there", "there is no such canteen", field="canteen_id")
        place = found[0]
        told = today(session, place.district_id, [canteen_id], at)[canteen_id]
        cases = view.cases_of(session, visitor.scope, [point.incident_id for point in told.score.points])
        watched = view.cameras(session, visitor.scope, canteen_id, told.score, told.policy)
        camera_names = canteens.camera_names(session, visitor.scope, canteen_id)
    year = strips(parts.database, place.district_id, [canteen_id], at, view.YEAR_DAYS)[canteen_id]
    first = year[0].day if year else at.date()
    return render(
        request,
        "canteen.html",
        visitor=visitor,
        place=place,
        today=told,
        outlook=outlook(told.history, told.policy, at),
        since=view.since(told.score, year),
        runs=view.runs(year, first),
        lines=view.lines(year, first, 40.0),
        strip_days=max((at.date() - first).days, 1),
        first=first,
        months=view.months(year),
        cameras=watched,
        camera_names=camera_names,
        cases=cases,
        month=f"{at:%Y-%m}",
        shapes=view.SHAPES,
    )


@dataclass(frozen=True)
class Compared:
    """A canteen under the policy in force and under the one that is tried."""

    place: view.Place
    before: Colour
    after: Colour
    score_before: float | None
    score_after: float | None
    worse: bool | None


@router.get("/policies", response_model=None)
def policies_page(request: Request, visitor: ColourReader, parts: NeedsParts) -> Response:
    """Every policy of the district, and a form to try or enter another one."""
    return _policies(request, visitor, parts, "", None, "")


@router.post("/policies/try", response_model=None)
def try_policy(request: Request, visitor: PolicyMaker, parts: NeedsParts, text: PolicyForm) -> Response:
    """The district under that policy; nothing is kept."""
    try:
        policy = parse_policy(text.encode(), words_of(request)("what.text"))
    except SettingsError as error:
        return _policies(request, visitor, parts, text, None, str(error))
    return _policies(request, visitor, parts, text, policy, "")


@router.post("/policies", response_model=None)
def enter_policy(request: Request, visitor: PolicyMaker, parts: NeedsParts, text: PolicyForm) -> Response:
    """Add a version; it begins tomorrow at the earliest."""
    try:
        policy = parse_policy(text.encode(), words_of(request)("what.text"))
        with parts.database.writing() as session:
            add_policy(session, _district_of(visitor), policy, visitor.person_id, local_now(parts))
    except (SettingsError, PolicyRefused) as error:
        return _policies(request, visitor, parts, text, None, str(error))
    return RedirectResponse("/policies", 303)


def _district_of(visitor: Visitor) -> str:
    if visitor.scope.district_id is None:
        raise not_allowed()
    return visitor.scope.district_id


def _policies(
    request: Request, visitor: Visitor, parts: Parts, text: str, tried: Policy | None, problem: str
) -> Response:
    at = local_now(parts)
    with parts.database.reading() as session:
        known = policies(session, _district_of(visitor))
    compared = [] if tried is None else _compared(visitor, parts, tried, at)
    current = in_force(known, at.date())
    return render(
        request,
        "policies.html",
        422 if problem else 200,
        visitor=visitor,
        known=known,
        current=current,
        text=text or _draft(current, at.date() + timedelta(days=1)),
        tried=tried,
        compared=compared,
        changed=sum(1 for row in compared if row.before is not row.after),
        problem=problem,
        shapes=view.SHAPES,
    )


def _draft(current: Policy, valid_from: date) -> str:
    following = current.model_copy(update={"version": current.version + 1, "valid_from": valid_from})
    return following.model_dump_json(by_alias=True, exclude_none=True, indent=2)


def _compared(visitor: Visitor, parts: Parts, tried: Policy, at: datetime) -> list[Compared]:
    with parts.database.reading() as session:
        found = view.places(session, visitor.scope)
        ids = [place.canteen_id for place in found]
        before = today(session, _district_of(visitor), ids, at)
        after = today(session, _district_of(visitor), ids, at, tried)
    made = []
    for place in found:
        one, other = before[place.canteen_id].score, after[place.canteen_id].score
        worse = view.worse(one.colour, other.colour)
        made.append(Compared(place, one.colour, other.colour, one.score, other.score, worse))
    return sorted(made, key=lambda row: (row.before is row.after, row.worse is not True, row.place.name))
