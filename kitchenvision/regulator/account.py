"""One's own account: password, second factor, tokens for programs."""

from dataclasses import dataclass, field
from typing import Annotated

import segno
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import api_tokens, canteens, people, second_factor
from kitchenvision.regulator.access import Role
from kitchenvision.regulator.api_tokens import Wish
from kitchenvision.regulator.auth import COOKIE, FormVisitor, PageVisitor
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.people import Visitor
from kitchenvision.regulator.problems import Refused
from kitchenvision.regulator.rendering import render

router = APIRouter()
# Where each role works; the way there after the log-in.
HOMES: dict[Role, str] = {
    Role.CANTEEN: "/cases",
    Role.INSPECTOR: "/review",
    Role.DISTRICT: "/review",
    Role.ADMIN: "/people",
    Role.AUDITOR: "/review",
    Role.OWNER: "/review",
}
Code = Annotated[str, Form(max_length=100)]


@dataclass(frozen=True)
class Told:
    """What a step on the page led to: keys of messages, and secrets that are shown this once."""

    done: str = ""
    problem: str = ""
    why: str = ""
    token: str = ""
    codes: list[str] = field(default_factory=list)


@router.get("/account", response_model=None)
def account_page(request: Request, visitor: PageVisitor, parts: NeedsParts) -> Response:
    """Who is logged in, as what, and for which canteens; password, second factor and tokens."""
    return _page(request, visitor, parts, Told())


@router.post("/account/password", response_model=None)
def change_password(
    request: Request,
    visitor: FormVisitor,
    parts: NeedsParts,
    old: Annotated[str, Form(max_length=1000)] = "",
    new: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """A new password; other sessions end."""
    wait = _waits(request, visitor, parts)
    if wait is not None:
        return wait
    with parts.database.reading() as session:
        fits = people.password_fits(session, visitor.username, old) == visitor.person_id
    _count(parts, visitor, fits)
    if not fits:
        return _page(request, visitor, parts, Told(problem="account.wrong_password"))
    try:
        with parts.database.writing() as session:
            people.change_password(session, visitor.person_id, new, request.cookies.get(COOKIE, ""))
    except SettingsError:
        return _page(request, visitor, parts, Told(problem="account.short"))
    return _page(request, visitor, parts, Told(done="account.changed"))


@router.post("/account/second-factor/begin", response_model=None)
def begin_factor(visitor: FormVisitor, parts: NeedsParts) -> Response:
    """A new secret for a phone; it counts once a code of it was confirmed."""
    with parts.database.writing() as session:
        second_factor.begin(session, parts.vault, visitor.person_id, visitor.username)
    return RedirectResponse("/account#factor", 303)


@router.post("/account/second-factor", response_model=None)
def confirm_factor(request: Request, visitor: FormVisitor, parts: NeedsParts, code: Code = "") -> Response:
    """Turn it on with a code of the phone; shows the recovery codes once."""
    wait = _waits(request, visitor, parts)
    if wait is not None:
        return wait
    with parts.database.writing() as session:
        codes = second_factor.confirm(session, parts.vault, visitor.person_id, code, now())
    _count(parts, visitor, codes is not None)
    if codes is None:
        return _page(request, visitor, parts, Told(problem="factor.wrong"))
    return _page(request, visitor, parts, Told(codes=codes))


@router.post("/account/second-factor/codes", response_model=None)
def renew_codes(request: Request, visitor: FormVisitor, parts: NeedsParts, code: Code = "") -> Response:
    """New recovery codes, for a code; the old ones end."""
    return _with_code(request, visitor, parts, code, remove=False)


@router.post("/account/second-factor/remove", response_model=None)
def remove_factor(request: Request, visitor: FormVisitor, parts: NeedsParts, code: Code = "") -> Response:
    """Turn it off, for a code."""
    return _with_code(request, visitor, parts, code, remove=True)


@router.post("/account/tokens", response_model=None)
def make_token(
    request: Request,
    visitor: FormVisitor,
    parts: NeedsParts,
    name: Annotated[str, Form(max_length=100)] = "",
    scope: Annotated[list[str] | None, Form()] = None,
    days: Annotated[int, Form()] = 90,
) -> Response:
    """A new token, shown this once."""
    try:
        with parts.database.writing() as session:
            wish = Wish(name, tuple(scope or ()), days)
            token = api_tokens.make(session, visitor.scope, visitor.person_id, wish, now())
    except SettingsError as error:
        return _page(request, visitor, parts, Told(problem="token.refused", why=str(error)))
    return _page(request, visitor, parts, Told(token=token))


@router.post("/account/tokens/{token_id}/revoke", response_model=None)
def revoke_token(token_id: int, visitor: FormVisitor, parts: NeedsParts) -> Response:
    """End one's own token at once.

    Raises:
        Refused: 404.
    """
    with parts.database.writing() as session:
        there = api_tokens.revoke(session, visitor.person_id, token_id, now())
    if not there:
        raise Refused(404, "not-there", "there is no such token", field="token_id")
    return RedirectResponse("/account#tokens", 303)


def _with_code(request: Request, visitor: Visitor, parts: Parts, code: str, remove: bool) -> Response:
    wait = _waits(request, visitor, parts)
    if wait is not None:
        return wait
    told = Told(problem="factor.wrong")
    with parts.database.writing() as session:
        fits = second_factor.fits(session, parts.vault, visitor.person_id, code, now())
        if fits and remove:
            second_factor.remove(session, visitor.person_id)
            told = Told(done="factor.removed")
        elif fits:
            told = Told(codes=second_factor.renew_codes(session, visitor.person_id))
    _count(parts, visitor, fits)
    return _page(request, visitor, parts, told)


def _waits(request: Request, visitor: Visitor, parts: Parts) -> Response | None:
    wait_s = parts.failures.wait_s(f"account:{visitor.person_id}", "")
    if wait_s <= 0:
        return None
    page = _page(request, visitor, parts, Told(problem="account.wait"), 429)
    page.headers["Retry-After"] = str(int(wait_s) + 1)
    return page


def _count(parts: Parts, visitor: Visitor, fits: bool) -> None:
    note = parts.failures.succeeded if fits else parts.failures.failed
    note(f"account:{visitor.person_id}", "")


def _page(request: Request, visitor: Visitor, parts: Parts, told: Told, status: int = 0) -> Response:
    with parts.database.reading() as session:
        places = canteens.canteens(session, visitor.scope)
        tokens = api_tokens.held(session, visitor.person_id)
        factor = second_factor.standing(session, visitor.person_id)
        offer = second_factor.offered(session, parts.vault, visitor.person_id, visitor.username)
    return render(
        request,
        "account.html",
        status or (422 if told.problem else 200),
        visitor=visitor,
        places=places,
        home=HOMES[visitor.role],
        told=told,
        tokens=tokens,
        scopes=api_tokens.allowed_to(visitor.scope),
        longest=api_tokens.LONGEST_DAYS,
        factor=factor,
        offer=offer,
        code=None if offer is None else _drawn(offer.uri),
        at=now(),
    )


def _drawn(text: str) -> Markup:
    # Made of squares alone; what it says is in no attribute.
    return Markup(segno.make(text, error="m", micro=False).svg_inline(scale=5, dark="#000", light="#fff"))
