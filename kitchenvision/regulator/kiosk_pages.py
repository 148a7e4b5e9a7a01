"""Links to walls: made and revoked by whoever sets a district's policy, opened by a screen."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import admin_log, canteens, kiosk
from kitchenvision.regulator.access import Right
from kitchenvision.regulator.auth import form_with, page_with
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.people import Visitor
from kitchenvision.regulator.problems import Refused
from kitchenvision.regulator.rendering import render

router = APIRouter()
_YEAR_S = 400 * 24 * 3600  # the longest that browsers keep a cookie


@router.get("/walls", response_model=None)
def walls_page(
    request: Request, visitor: Annotated[Visitor, Depends(page_with(Right.POLICY))], parts: NeedsParts
) -> Response:
    """Every link to a wall of the district, and a form to make one."""
    return _page(request, visitor, parts)


@router.post("/walls", response_model=None)
def make_link(
    request: Request,
    visitor: Annotated[Visitor, Depends(form_with(Right.POLICY))],
    parts: NeedsParts,
    name: Annotated[str, Form(max_length=100)] = "",
    town_id: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """A new link, shown this once."""
    try:
        with parts.database.writing() as session:
            token = kiosk.make(session, visitor, name, town_id, now())
            admin_log.note(session, visitor, now(), "wall_made", name.strip())
    except SettingsError as error:
        return _page(request, visitor, parts, problem=str(error))
    return _page(request, visitor, parts, link=str(request.url_for("open_wall", token=token)))


@router.post("/walls/{link_id}/revoke", response_model=None)
def revoke_link(
    link_id: int, visitor: Annotated[Visitor, Depends(form_with(Right.POLICY))], parts: NeedsParts
) -> Response:
    """End a link; a screen that shows the wall goes dark within seconds.

    Raises:
        Refused: 404.
    """
    with parts.database.writing() as session:
        own = next((one for one in kiosk.links(session, visitor) if one.link_id == link_id), None)
        if own is None:
            raise Refused(404, "not-there", "there is no such link", field="link_id")
        own.revoked_at = own.revoked_at or now()
        admin_log.note(session, visitor, now(), "wall_revoked", own.name)
    return RedirectResponse("/walls", 303)


@router.get("/wall/{token}", response_model=None)
def open_wall(token: str, request: Request, parts: NeedsParts) -> Response:
    """Open the wall of a link on this screen.

    Raises:
        Refused: 404, unknown or revoked.
    """
    with parts.database.writing() as session:
        link = kiosk.wall_of(session, token)
        if link is None:
            raise Refused(404, "no-wall", "there is no such wall, or its link was revoked")
        link.opened_at = now()
    answer = RedirectResponse("/cockpit", 303)
    answer.set_cookie(
        kiosk.COOKIE,
        token,
        max_age=_YEAR_S,
        path=kiosk.COOKIE_PATH,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


def _page(request: Request, visitor: Visitor, parts: Parts, problem: str = "", link: str = "") -> Response:
    with parts.database.reading() as session:
        listed = kiosk.links(session, visitor)
        towns = canteens.towns(session, visitor.scope)
    return render(
        request,
        "walls.html",
        422 if problem else 200,
        visitor=visitor,
        listed=listed,
        towns=towns,
        names={town.town_id: town.name for town in towns},
        problem=problem,
        link=link,
    )
