"""The people of a district, for whoever administers them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import canteens, people
from kitchenvision.regulator.access import Right
from kitchenvision.regulator.auth import form_with, page_with
from kitchenvision.regulator.parts import NeedsParts, now
from kitchenvision.regulator.people import Visitor
from kitchenvision.regulator.problems import Refused, bad_fields
from kitchenvision.regulator.rendering import render

router = APIRouter()


@router.get("/people", response_model=None)
def people_page(
    request: Request, visitor: Annotated[Visitor, Depends(page_with(Right.PEOPLE))], parts: NeedsParts
) -> Response:
    """Everybody of the district: name, role, place, disabled or not."""
    with parts.database.reading() as session:
        listed = people.listed(session, visitor.scope)
        names = {town.town_id: town.name for town in canteens.towns(session, visitor.scope)}
        names |= {one.canteen_id: one.name for one in canteens.canteens(session, visitor.scope)}
    return render(request, "people.html", visitor=visitor, listed=listed, names=names)


@router.post("/people/disabled", response_model=None)
def set_disabled(
    visitor: Annotated[Visitor, Depends(form_with(Right.PEOPLE))],
    parts: NeedsParts,
    username: Annotated[str, Form(max_length=100)],
    disabled: Annotated[bool, Form()],
) -> Response:
    """Keep somebody out, at once, or let them in again.

    Raises:
        Refused: 422 for oneself, 404 for nobody of this district.
    """
    if username == visitor.username:
        problem = {"field": "username", "problem": "you cannot disable yourself"}
        raise bad_fields("not yourself", [problem])
    try:
        with parts.database.writing() as session:
            people.set_disabled(session, visitor.scope, username, now() if disabled else None)
    except SettingsError as error:
        raise Refused(404, "not-there", "there is nobody of that name", field="username") from error
    return RedirectResponse("/people", 303)
