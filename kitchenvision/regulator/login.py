"""Logging in with a password and, where one is asked for, a code; or with a one-time link; and out."""

import logging
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from kitchenvision.regulator import people, second_factor
from kitchenvision.regulator.account import HOMES
from kitchenvision.regulator.auth import COOKIE, FormVisitor, PageVisitor, check_origin, is_loopback
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.problems import Refused, response
from kitchenvision.regulator.rendering import render, words_of
from kitchenvision.wire import Problem

router = APIRouter()
LOG = logging.getLogger(__name__)
START = "/"
STEP_COOKIE = "kitchenvision_login"  # between the password and the code


@router.get("/login", response_model=None)
def login_page(request: Request, next: str = START) -> Response:
    """The form."""
    return _form(request, 200, (next, "", ""))


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
        page = refused(request, 429, (next, username, "login.wait"))
        page.headers["Retry-After"] = str(int(wait_s) + 1)
        return page
    with parts.database.reading() as session:
        person_id = people.password_fits(session, username, password)
    if person_id is None:
        parts.failures.failed(username, address)
        LOG.warning("a log-in failed from %s", address)
        return refused(request, 401, (next, username, "login.wrong"))
    parts.failures.succeeded(username, address)
    with parts.database.reading() as session:
        asks = second_factor.standing(session, person_id).since is not None
    if asks:
        return _ask_code(request, parts, person_id, local(next))
    return logged_in(request, parts, person_id, local(next))


@router.get("/login/code", response_model=None)
def code_page(request: Request, next: str = START) -> Response:
    """Where the code of the phone is asked for, after the password."""
    return render(request, "login_code.html", next=local(next), problem="")


@router.post("/login/code", response_model=None, dependencies=[Depends(check_origin)])
def log_in_with_code(
    request: Request,
    parts: NeedsParts,
    code: Annotated[str, Form(max_length=100)] = "",
    next: Annotated[str, Form(max_length=2000)] = START,
) -> Response:
    """Check the code, of the phone or for its loss; too many failures wait, wherever they come from."""
    token, at = request.cookies.get(STEP_COOKIE, ""), now()
    with parts.database.reading() as session:
        person_id = second_factor.whose_login(session, token, at)
    if person_id is None:
        return refused(request, 401, (next, "", "login.code_late"))
    wait_s = parts.failures.wait_s(f"code:{person_id}", "")
    if wait_s > 0:
        page = refused(request, 429, (next, "", "login.wait"), "login_code.html")
        page.headers["Retry-After"] = str(int(wait_s) + 1)
        return page
    with parts.database.writing() as session:
        fits = second_factor.fits(session, parts.vault, person_id, code, at)
        if fits:
            second_factor.end_login(session, token)
    if not fits:
        parts.failures.failed(f"code:{person_id}", "")
        LOG.warning("a log-in failed at its second step from %s", request.client.host if request.client else "")
        return refused(request, 401, (next, "", "factor.wrong"), "login_code.html")
    parts.failures.succeeded(f"code:{person_id}", "")
    answer = logged_in(request, parts, person_id, local(next))
    answer.delete_cookie(STEP_COOKIE, path="/login")
    return answer


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
    return logged_in(request, parts, person_id, START)


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


def logged_in(request: Request, parts: Parts, person_id: int, to: str) -> Response:
    """Begin a session of that person and go to the page `to`, which must be of this site."""
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


def _ask_code(request: Request, parts: Parts, person_id: int, to: str) -> Response:
    with parts.database.writing() as session:
        token = second_factor.begin_login(session, person_id, now())
    answer: Response = RedirectResponse("/login/code?" + urlencode({"next": to}), 303)
    if _wants_json(request):
        answer = response(Problem(type="code-needed", title=words_of(request)("login.code_needed"), status=401))
    answer.set_cookie(
        STEP_COOKIE,
        token,
        max_age=int(second_factor.LOGIN_STEP_S),
        path="/login",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


def _wants_json(request: Request) -> bool:
    return request.headers.get("accept", "") == "application/json"


def refused(request: Request, status: int, told: tuple[str, str, str], page: str = "login.html") -> Response:
    """The form again, or JSON for a script.

    Args:
        told: the page that was wanted, the name that was entered, key of a message that says why.
    """
    problem = told[2]
    if _wants_json(request):
        title = words_of(request)(problem)
        kind = "log-in-late" if problem == "login.code_late" else "log-in-refused"
        return response(Problem(type=kind, title=title, status=status))
    return _form(request, status, told, page)


def _form(request: Request, status: int, told: tuple[str, str, str], page: str = "login.html") -> Response:
    wanted, username, problem = told
    way = "/login/oidc?" + urlencode({"next": local(wanted)})
    return render(request, page, status, next=local(wanted), username=username, problem=problem, way=way)


def local(path: str) -> str:
    """`path` when it is one of this site, else the start: a link must not lead elsewhere after the log-in."""
    fine = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if fine else START
