"""The page for everybody behind a canteen's QR code: colour and trend, and no pictures of people."""

import io
from datetime import datetime, timedelta

import segno
from fastapi import APIRouter, Request
from fastapi.responses import Response

from kitchenvision.regulator import district_view as view
from kitchenvision.regulator.access import EVERYTHING
from kitchenvision.regulator.district import local_now
from kitchenvision.regulator.parts import NeedsParts
from kitchenvision.regulator.problems import Refused
from kitchenvision.regulator.rendering import render
from kitchenvision.regulator.scoring import Incident
from kitchenvision.regulator.scoring_store import strips, today

router = APIRouter()
RECTIFIED_SHOWN = 5
RECTIFIED_DAYS = 60
_QUIET_S = 300  # a page that many parents open is asked for again after so long


@router.get("/public/{canteen_id}", response_model=None)
def public_page(canteen_id: str, request: Request, parts: NeedsParts) -> Response:
    """Colour, word, since when, trend, share of time observed, last rectifications of one canteen.

    Raises:
        Refused: 404.
    """
    at = local_now(parts)
    place = _place(parts, canteen_id)
    with parts.database.reading() as session:
        told = today(session, place.district_id, [canteen_id], at)[canteen_id]
    year = strips(parts.database, place.district_id, [canteen_id], at, view.YEAR_DAYS)[canteen_id]
    first = year[0].day if year else at.date()
    answer = render(
        request,
        "public.html",
        place=place,
        score=told.score,
        since=view.since(told.score, year),
        runs=view.runs(year, first),
        strip_days=max((at.date() - first).days, 1),
        months=view.months(year),
        first=first,
        rectified=rectified(told.history.incidents, at),
        at=at,
        shapes=view.SHAPES,
    )
    answer.headers["Cache-Control"] = f"public, max-age={_QUIET_S}"
    answer.headers["Vary"] = "Accept-Language, Cookie"
    return answer


@router.get("/public/{canteen_id}/qr.svg", response_model=None)
def qr_code(canteen_id: str, request: Request, parts: NeedsParts) -> Response:
    """The QR code of the public page at the address under which this was asked for.

    Raises:
        Refused: 404.
    """
    _place(parts, canteen_id)
    address = str(request.url_for("public_page", canteen_id=canteen_id))
    drawn = io.BytesIO()
    segno.make(address, error="m", micro=False).save(drawn, kind="svg", scale=8, border=4, light="#fff")
    return Response(drawn.getvalue(), media_type="image/svg+xml")


def rectified(incidents: tuple[Incident, ...], at: datetime) -> list[tuple[str, datetime]]:
    """(rule, when it was sent) of the newest accepted rectifications of confirmed incidents."""
    done = [
        (one.rule_id, answer.sent_at)
        for one in incidents
        if one.counts_at(at)
        for answer in one.answers
        if answer.accepted_at is not None and answer.accepted_at <= at
    ]
    recent = [row for row in done if row[1] >= at - timedelta(days=RECTIFIED_DAYS)]
    return sorted(recent, key=lambda row: row[1], reverse=True)[:RECTIFIED_SHOWN]


def _place(parts: NeedsParts, canteen_id: str) -> view.Place:
    with parts.database.reading() as session:
        # Everybody may see this of every canteen: the address is printed on its door.
        found = view.places(session, EVERYTHING, canteen_id)
    if not found:
        raise Refused(404, "not-there", "there is no such canteen", field="canteen_id")
    return found[0]
