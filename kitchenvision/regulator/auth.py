"""Who asks: an edge box with its canteen's token, a person with a session cookie or a program with their token."""

import hmac
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Form, Request
from fastapi.concurrency import run_in_threadpool

from kitchenvision.regulator import api_tokens, people
from kitchenvision.regulator.access import Right, Scope, scope_of_edge
from kitchenvision.regulator.api_tokens import TokenScope
from kitchenvision.regulator.parts import Parts, now, parts_of
from kitchenvision.regulator.people import Visitor
from kitchenvision.regulator.problems import Refused

COOKIE = "kitchenvision_session"


class NotLoggedIn(Exception):
    """A page was asked for without a session; the application answers with the log-in page."""


@dataclass(frozen=True)
class Reader:
    """Who reads the API and what; `person_id` is None for an edge box."""

    scope: Scope
    person_id: int | None = None


def edge_canteen(parts: Parts, authorization: str) -> str:
    """Id of the canteen whose token came.

    Raises:
        Refused: 401.
    """
    token = _token(authorization)
    if token:
        canteen_id = parts.edge_tokens.remembered(token) or parts.edge_tokens.ask(parts.database, token, now())
        if canteen_id is not None:
            return canteen_id
    raise Refused(
        401,
        "bad-token",
        "the canteen's token is missing or wrong",
        "send 'Authorization: Bearer TOKEN' with the token made when the canteen was added",
    )


async def arriving_edge(request: Request) -> str:
    """As `edge_canteen`, without a thread where the token is remembered: pictures come all the time."""
    parts, authorization = parts_of(request), request.headers.get("authorization", "")
    known = parts.edge_tokens.remembered(_token(authorization))
    return known if known is not None else await run_in_threadpool(edge_canteen, parts, authorization)


def _token(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


# What follows calls each other instead of depending on each other: each dependency costs every request.


def current_visitor(request: Request) -> Visitor | None:
    """Who is logged in, or None."""
    token = request.cookies.get(COOKIE, "")
    if not token:
        return None
    with parts_of(request).database.question() as asked:
        return people.visitor_of(asked, token, now())


MaybeVisitor = Annotated[Visitor | None, Depends(current_visitor)]


def page_visitor(request: Request) -> Visitor:
    """Who is logged in.

    Raises:
        NotLoggedIn: nobody; a page answers with the log-in page.
    """
    visitor = current_visitor(request)
    if visitor is None:
        raise NotLoggedIn
    return visitor


def reader_with(wanted: TokenScope, edge: bool = False) -> Callable[[Request], Reader]:
    """A dependency: a person who is logged in, or a program with a personal token of that scope.

    Args:
        edge: an edge box may come too, to read what it sent.
    """

    def check(request: Request) -> Reader:
        parts, authorization = parts_of(request), request.headers.get("authorization", "")
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer" and token.strip().startswith(api_tokens.PREFIX):
            return _bearer(parts, token.strip(), wanted)
        visitor = current_visitor(request)
        if visitor is not None:
            if not visitor.scope.may(api_tokens.NEEDS[wanted]):
                raise not_allowed()
            return Reader(visitor.scope, visitor.person_id)
        if authorization and edge:
            return Reader(scope_of_edge(edge_canteen(parts, authorization)))
        if not request.url.path.startswith("/api/"):
            raise NotLoggedIn
        raise Refused(401, "not-logged-in", "log in first", "or send 'Authorization: Bearer TOKEN'")

    return check


def _bearer(parts: Parts, token: str, wanted: TokenScope) -> Reader:
    at = now()
    with parts.database.reading() as session:
        bearer = api_tokens.bearer_of(session, token, at)
    if bearer is None:
        detail = "make another one on the page of your account"
        raise Refused(401, "bad-token", "this token is unknown, expired or revoked", detail)
    if wanted not in bearer.allowed:
        raise Refused(403, "token-scope", "this token may not be used for this", f"it needs the scope '{wanted}'")
    if not bearer.scope.may(api_tokens.NEEDS[wanted]):
        raise not_allowed()
    api_tokens.note_use(parts.database, bearer, at)
    return Reader(bearer.scope, bearer.person_id)


def check_origin(request: Request) -> None:
    """Refuse a form that a page of another site sent.

    Raises:
        Refused: 403.
    """
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Refused(403, "other-site", "this form was sent by another site")


def check_form(request: Request, csrf_token: Annotated[str, Form()] = "") -> Visitor:
    """Who sent a form, after checking that it is a form of this session.

    Raises:
        NotLoggedIn. Refused: 403.
    """
    visitor = page_visitor(request)
    check_origin(request)
    if not hmac.compare_digest(csrf_token.encode("utf-8"), visitor.csrf_token.encode("utf-8")):
        raise Refused(403, "old-form", "this form is not of this log-in", "reload the page and try again")
    return visitor


def not_allowed() -> Refused:
    """403: the role does not have this right."""
    return Refused(403, "not-allowed", "your role does not allow this", "ask an administrator for another role")


def page_with(right: Right) -> Callable[[Request], Visitor]:
    """A dependency: somebody who is logged in and has that right, else 403."""

    def check(request: Request) -> Visitor:
        visitor = page_visitor(request)
        if not visitor.scope.may(right):
            raise not_allowed()
        return visitor

    return check


def form_with(right: Right) -> Callable[[Request, str], Visitor]:
    """A dependency: who sent a form of their own session and has that right, else 403."""

    def check(request: Request, csrf_token: Annotated[str, Form()] = "") -> Visitor:
        visitor = check_form(request, csrf_token)
        if not visitor.scope.may(right):
            raise not_allowed()
        return visitor

    return check


def is_loopback(request: Request) -> bool:
    """Whether the client is on this machine and no proxy stands between."""
    if any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip")):
        return False
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool(mapped.is_loopback if mapped is not None else address.is_loopback)


EdgeCanteen = Annotated[str, Depends(arriving_edge)]
ApiReader = Annotated[Reader, Depends(reader_with(TokenScope.READ, edge=True))]
Exporter = Annotated[Reader, Depends(reader_with(TokenScope.EXPORT))]
Learner = Annotated[Reader, Depends(reader_with(TokenScope.FEEDBACK))]
Auditor = Annotated[Reader, Depends(reader_with(TokenScope.AUDIT))]
PageVisitor = Annotated[Visitor, Depends(page_visitor)]
FormVisitor = Annotated[Visitor, Depends(check_form)]
Reviewer = Annotated[Visitor, Depends(page_with(Right.REVIEW))]
Decider = Annotated[Visitor, Depends(form_with(Right.DECIDE))]
