"""Logging in with a password or a one-time link, and out."""

import logging
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from kitchenvision.regulator import people
from kitchenvision.regulator.account import HOMES
from kitchenvision.regulator.auth import COOKIE, FormVisitor, PageVisitor, check_origin, is_loopback
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.problems import Refused, response
from kitchenvision.regulator.rendering import render, words_of
from kitchenvision.wire import Problem

router = APIRouter()
LOG = logging.getLogger(__name__)
START = "/"


@router.get("/login", response_model=None)
def login_page(request: Request, next: str = START) -> Response:
    """The form."""
    return render(request, "login.html", next=_local(next), username="", problem="")


@router.post("/login", response_model=None, dependencies=[Depends(check_origin)])
def log_in(
    request: Request,
    parts: NeedsParts,
    username: Annotated[str, Form(max_length=100)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=2000)] = START,
) -> Response:
    """Check name and password; too many failures wait."""
    address = request.client.host if request.client else ""
    wait_s = parts.failures.wait_s(username, address)
    if wait_s > 0:
        page = _refused(request, 429, (next, username, "login.wait"))
        page.headers["Retry-After"] = str(int(wait_s) + 1)
        return page
    with parts.database.reading() as session:
        person_id = people.password_fits(session, username, password)
    if person_id is None:
        parts.failures.failed(username, address)
        LOG.warning("a log-in failed from %s", address)
        return _refused(request, 401, (next, username, "login.wrong"))
    parts.failures.succeeded(username, address)
    return _logged_in(request, parts, person_id, _local(next))


@router.get("/login/once/{token}", response_model=None)
def log_in_once(token: str, request: Request, parts: NeedsParts) -> Response:
    """Log in by a link from the shell of this machine.

    Raises:
        Refused: 403 from another machine, or the link is used or too old.
    """
    if not is_loopback(request):
        raise Refused(403, "not-here", "this link works on the regulator's own machine only")
    with parts.database.writing() as session:
        person_id = people.use_once_link(session, token, now())
    if person_id is None:
        raise Refused(403, "used-link", "this link is used or too old", "make another one, or use your password")
    return _logged_in(request, parts, person_id, START)


@router.get("/session", response_model=None)
def session_now(visitor: PageVisitor) -> Response:
    """Whose session it is, with what its forms need, as JSON; 401 when it has ended."""
    return JSONResponse({"username": visitor.username, "csrf_token": visitor.csrf_token})


@router.post("/logout", response_model=None)
def log_out(request: Request, visitor: FormVisitor, parts: NeedsParts) -> Response:
    """End the session."""
    with parts.database.writing() as session:
        people.end_session(session, request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE)
    return answer


def _logged_in(request: Request, parts: Parts, person_id: int, to: str) -> Response:
    lasts_s = parts.settings.session_s
    with parts.database.writing() as session:
        token = people.begin_session(session, person_id, now(), lasts_s)
        visitor = people.visitor_of(session, token, now())
    answer: Response
    if _wants_json(request) and visitor is not None:
        answer = session_now(visitor)
    else:
        # Without a wish, to where the role works.
        home = START if visitor is None else HOMES[visitor.role]
        answer = RedirectResponse(home if to == START else to, 303)
    answer.set_cookie(
        COOKIE,
        token,
        max_age=int(lasts_s),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


def _wants_json(request: Request) -> bool:
    return request.headers.get("accept", "") == "application/json"


def _refused(request: Request, status: int, told: tuple[str, str, str]) -> Response:
    wanted, username, problem = told
    if _wants_json(request):
        title = words_of(request)(problem)
        return response(Problem(type="log-in-refused", title=title, status=status))
    return render(request, "login.html", status, next=_local(wanted), username=username, problem=problem)


def _local(path: str) -> str:
    """`path` when it is one of this site, else the start: a link must not lead elsewhere after the log-in."""
    fine = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if fine else START
