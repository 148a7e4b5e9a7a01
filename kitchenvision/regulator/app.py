"""Puts the regulator together: routes, refusals as problems or pages, headers that keep pages safe."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from urllib.parse import urlencode

import httpx
from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kitchenvision.errors import StorageError
from kitchenvision.regulator import (
    account,
    api,
    boxes,
    case_pages,
    cockpit,
    cockpit_ingest,
    devices,
    digest_pages,
    district,
    district_reports,
    ingest,
    kiosk_pages,
    login,
    map_pages,
    observed,
    observed_calendar,
    oidc,
    oidc_pages,
    people_pages,
    public,
    review,
    review_acts,
    second_pages,
    webhook_pages,
)
from kitchenvision.regulator.auth import NotLoggedIn
from kitchenvision.regulator.db import DatabaseBusy, NotStorable
from kitchenvision.regulator.digest_sender import Postman
from kitchenvision.regulator.parts import Memory, Parts
from kitchenvision.regulator.problems import Refused, bad_fields, response
from kitchenvision.regulator.rendering import error_page
from kitchenvision.regulator.sealed import open_vault
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.setup import open_database
from kitchenvision.regulator.storage import open_blobs
from kitchenvision.regulator.turns import PeopleFirst
from kitchenvision.regulator.vault import Vault
from kitchenvision.regulator.views import Views
from kitchenvision.regulator.webhook_sender import Courier
from kitchenvision.wire import Problem

LOG = logging.getLogger(__name__)
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_ENCODED = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
_BUSY_S = 5
_THREADS = 16  # of each of several processes: more would only wait for each other


def create_app(settings: RegulatorSettings, memory: Memory | None = None) -> FastAPI:
    """The application; its tables are made or brought to this version.

    Args:
        memory: what it shares with other processes that serve the same; None = it serves alone.

    Raises:
        StorageError: the data folder cannot be used.
    """
    database = open_database(settings)
    blobs = open_blobs(settings, tidy=memory is None)
    vault = open_vault(Vault(settings.data_dir), database)
    shared = memory or Memory()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if memory is not None:
            current_default_thread_limiter().total_tokens = _THREADS
        courier = Courier(app.state.parts)
        courier.start()
        postman = None if settings.mail is None else Postman(parts, settings.mail)
        if postman is not None:
            postman.start()
        yield
        await run_in_threadpool(courier.stop)
        if postman is not None:
            await run_in_threadpool(postman.stop)
        outside.close()
        database.close()

    app = FastAPI(title="kitchenvision regulator", openapi_url=None, lifespan=lifespan)
    outside = httpx.Client(timeout=oidc.TIMEOUT_S, trust_env=False)
    provider = None if settings.oidc is None else oidc.Provider(settings.oidc, outside)
    parts = Parts(settings, database, blobs, shared.failures, Views(), shared.wall, provider=provider, vault=vault)
    app.state.parts = parts
    # They are tried in this order, so what is asked most stands first.
    for part in (ingest, cockpit_ingest, review_acts, second_pages, review, api):
        app.include_router(part.router)
    for part in (boxes, observed, login, oidc_pages, case_pages):
        app.include_router(part.router)
    for part in (account, people_pages, devices, webhook_pages, digest_pages):
        app.include_router(part.router)
    for part in (district, district_reports, observed_calendar, public, map_pages, kiosk_pages, cockpit):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=str(files("kitchenvision") / "web" / "static")), "static")
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(NotLoggedIn, _not_logged_in)
    app.add_exception_handler(StorageError, _storage)
    app.add_exception_handler(RequestValidationError, _bad_request)
    app.add_exception_handler(NotStorable, _not_storable)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)
    app.add_middleware(PeopleFirst, turns=parts.turns)
    app.add_middleware(_SafeHeaders)
    return app


class _SafeHeaders:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [*message["headers"], *_ENCODED]
                if not any(name.lower() == b"cache-control" for name, _ in message["headers"]):
                    # A page may name people; only what says otherwise is kept by browsers.
                    kept.append((b"cache-control", b"no-store" if _is_page(scope["path"]) else b"no-cache"))
                message["headers"] = kept
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def _is_page(path: str) -> bool:
    return not path.startswith(("/static/", "/api/"))


def _answer(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    wants_page = "text/html" in request.headers.get("accept", "") and _is_page(request.url.path)
    return error_page(request, problem, headers) if wants_page else response(problem, headers)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    headers = {"WWW-Authenticate": "Bearer"} if error.problem.status == 401 else None
    return _answer(request, error.problem, headers)


def _not_logged_in(request: Request, _error: Exception) -> Response:
    part_of_page = "hx-request" in request.headers
    if part_of_page or "text/html" not in request.headers.get("accept", "") or request.method != "GET":
        problem = Problem(type="not-logged-in", title="you are logged out", status=401, detail="log in again")
        return response(problem) if part_of_page else _answer(request, problem)
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse("/login?" + urlencode({"next": wanted}), 303)


def _storage(request: Request, error: Exception) -> Response:
    LOG.error("storage: %s", error)
    if isinstance(error, DatabaseBusy):
        problem = Problem(type="busy", title="the database is busy", status=503, detail="try again")
        return _answer(request, problem, {"Retry-After": str(_BUSY_S)})
    status = 500 if request.method in ("GET", "HEAD") else 507
    detail = "nothing was kept of this request; the disk may be full"
    return _answer(request, Problem(type="storage", title="storage cannot be used", status=status, detail=detail))


def _bad_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"field": ".".join(str(part) for part in item["loc"][1:]), "problem": item["msg"]}
        for item in error.errors()
    ]
    return _answer(request, bad_fields("the request cannot be read", errors).problem)


def _not_storable(request: Request, error: Exception) -> Response:
    problem = f"a value cannot be kept or looked for: {error}"
    return _answer(request, bad_fields("the request cannot be read", [{"field": "", "problem": problem}]).problem)


def _gone(_request: Request, _error: Exception) -> Response:
    # Nobody reads it. A line that broke within a body is no flaw here, and its traceback would bury those that are.
    return Response(status_code=400)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem = Problem(type="about:blank", title=str(error.detail), status=error.status_code)
    return _answer(request, problem, dict(error.headers) if error.headers else None)


def _unexpected(request: Request, error: Exception) -> Response:
    # The server logs the traceback itself after this answer.
    title = "something went wrong here"
    return _answer(request, Problem(type="about:blank", title=title, status=500))
