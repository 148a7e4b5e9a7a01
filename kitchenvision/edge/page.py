"""The status page and its API: every camera's picture with its age, and what is wrong in plain words."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, cast
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from kitchenvision.edge.causes import ADVICE, Cause
from kitchenvision.edge.disk import DiskFacts
from kitchenvision.edge.editing import Editing, LogInFirst, routes
from kitchenvision.edge.health import ADVICE as TROUBLE_ADVICE
from kitchenvision.edge.health import Trouble
from kitchenvision.edge.metrics import metrics_text
from kitchenvision.edge.ports import bound
from kitchenvision.edge.rendering import HEADERS, language_of, render
from kitchenvision.edge.settings import EdgeSettings
from kitchenvision.edge.site_pages import site_routes
from kitchenvision.edge.state import CameraState
from kitchenvision.edge.words import Words
from kitchenvision.wire import ClockState
from kitchenvision.wire_box import BoxShadow

# Older than this a picture is shown in grey with its age: nobody may take it for live.
OLD_S = 15.0
REFUSALS = (401, 403, 404)  # that have words of their own


@dataclass
class Board:
    """What the page shows, asked anew at every request; each must be safe to call from any thread.

    Attributes:
        settings: may be replaced while the page is served. editing: what may be changed on it; None: nothing.
        untold: who of the canteen's own people cannot be told, and why.
        clock: what is known of this box's clock. shadow: what came of a model that looks along.
    """

    settings: EdgeSettings
    states: Callable[[], Sequence[CameraState]]
    delivery: Callable[[], Mapping[str, float | int | str]]
    disk: Callable[[], DiskFacts]
    editing: Editing | None = None
    untold: Callable[[], Sequence[str]] = tuple
    clock: Callable[[], ClockState | None] = lambda: None
    shadow: Callable[[], BoxShadow | None] = lambda: None


def create_page(board: Board) -> FastAPI:
    """The application."""
    app = FastAPI(title="kitchenvision edge", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=str(files("kitchenvision") / "web" / "static")), "static")

    @app.middleware("http")
    async def with_headers(request: Request, call_next: Callable[[Request], Any]) -> Response:
        response = cast(Response, await call_next(request))
        response.headers.update(HEADERS)
        return response

    if board.editing is not None:
        app.include_router(routes(board.editing))
        app.include_router(site_routes(board.editing))

    @app.exception_handler(LogInFirst)
    def log_in_first(request: Request, error: Exception) -> Response:
        return RedirectResponse(f"/login?{urlencode({'next': request.url.path})}", 303)

    @app.exception_handler(HTTPException)
    def told_why_not(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _refusal(board, request, error)

    @app.exception_handler(ClientDisconnect)
    def gone(request: Request, error: Exception) -> Response:
        return Response(status_code=400)  # nobody reads it: a browser that left is no flaw here

    @app.get("/")
    def page(request: Request) -> HTMLResponse:
        return _render(board, request, "status.html")

    @app.get("/cards")
    def cards(request: Request) -> HTMLResponse:
        return _render(board, request, "cards.html")

    @app.get("/cameras/{camera_id}.jpg")
    def picture(camera_id: str) -> Response:
        found = next((state for state in board.states() if state.camera_id == camera_id), None)
        if found is None or not found.picture:
            return PlainTextResponse("no picture", 404)
        return Response(found.picture, media_type="image/jpeg")

    app.include_router(_for_machines(board))
    return app


def _for_machines(board: Board) -> APIRouter:
    router = APIRouter()

    @router.get("/api/state")
    def state() -> JSONResponse:
        return JSONResponse(_as_json(board))

    @router.get("/metrics")
    def metrics() -> PlainTextResponse:
        text = metrics_text(board.states(), board.delivery(), board.disk(), board.clock(), board.shadow())
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    @router.get("/healthz")
    def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @router.get("/readyz")
    def readyz() -> PlainTextResponse:
        live = sum(state.has_picture_now for state in board.states())
        return PlainTextResponse(f"{live} cameras live\n", 200 if live else 503)

    return router


@contextmanager
def serve_page(board: Board, on_ready: Callable[[str], None] | None = None) -> Iterator[str]:
    """Serves in a thread while the block runs; gives the address.

    Raises:
        PortInUse: something listens there already.
    """
    host, port = board.settings.page.host, board.settings.page.port
    with bound(host, port) as listening:
        config = uvicorn.Config(
            create_page(board), log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), name="status page")
        thread.start()
        address = f"http://{host}:{listening.getsockname()[1]}"
        try:
            if on_ready:
                on_ready(address)
            yield address
        finally:
            server.should_exit = True
            thread.join()


def _render(board: Board, request: Request, name: str) -> HTMLResponse:
    default = board.settings.page.language
    words, now = Words(language_of(request, default)), datetime.now(UTC)
    states = sorted(board.states(), key=_is_fine)
    zone = ZoneInfo(board.settings.timezone)
    values = {
        "cameras": [_shown(state, words, now, zone) for state in states],
        "live": sum(state.has_picture_now for state in states),
        "delivery": board.delivery(),
        "disk": board.disk(),
        "has_regulator": board.settings.regulator is not None,
        "canteen": board.settings.canteen_id,
        "editing": board.editing is not None,
        "untold": board.untold(),
        "clock": _clock(board.clock(), words, now),
        "shadow": board.shadow(),
        "now": now,
    }
    return render(request, default, name, values)


def _refusal(board: Board, request: Request, error: HTTPException) -> Response:
    """A page with the next step for people, JSON for scripts."""
    if "text/html" not in request.headers.get("accept", "") or request.url.path.startswith("/api/"):
        return JSONResponse({"detail": error.detail}, error.status_code)
    default = board.settings.page.language
    words = Words(language_of(request, default))
    kind = f"refused_{error.status_code}" if error.status_code in REFUSALS else "refused"
    told = {"title": words(kind), "advice": words(f"{kind}_advice"), "status": error.status_code}
    response = render(request, default, "error.html", {**told, "canteen": board.settings.canteen_id})
    response.status_code = error.status_code
    return response


def _clock(clock: ClockState | None, words: Words, now: datetime) -> dict[str, Any] | None:
    """Words on this box's clock, and whether somebody should see to it; None where nothing is known."""
    if clock is None:
        return None
    text = words("clock_off")
    if clock.synchronised:
        text = words("clock_good")
    if clock.synchronised and clock.last_sync_at is not None:
        text = words("clock_synced", age=words.age((now - clock.last_sync_at).total_seconds()))
    return {"good": clock.synchronised, "text": text, "by": clock.by, "advice": words("clock_advice")}


def _is_fine(state: CameraState) -> bool:
    return state.muted or (state.has_picture_now and not state.troubles)


def _shown(state: CameraState, words: Words, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    age_s = (now - state.picture_at).total_seconds() if state.picture_at else None
    cause = Cause(state.cause) if state.cause else None
    return {
        "state": state,
        "fine": _is_fine(state),
        "muted_until": f"{state.muted_until.astimezone(zone):%m-%d %H:%M}" if state.muted_until else "",
        "age_s": age_s,
        "old": age_s is None or age_s > OLD_S or not state.has_picture_now,
        "age": words.age(age_s) if age_s is not None else "",
        "blind": words.age(state.blind_s),
        "next": words.age(state.next_try_s),
        "advice": ADVICE[cause][words.language] if cause else "",
        "troubles": [(words(name), TROUBLE_ADVICE[Trouble(name)][words.language]) for name in state.troubles],
        "clock_advice": ADVICE[Cause.CLOCK_JUMP][words.language],
        "last": words.age((now - state.last_at).total_seconds()) if state.last_at else "",
        "stamp": round(state.picture_at.timestamp()) if state.picture_at else 0,
    }


def _as_json(board: Board) -> dict[str, Any]:
    cameras = []
    for state in board.states():
        row = asdict(state)
        del row["picture"], row["thumbnail"]
        for key in ("picture_at", "last_at", "muted_until"):
            row[key] = row[key].isoformat() if row[key] else None
        row["model"] = state.model.model_dump() if state.model else None
        row["advice"] = ADVICE[Cause(state.cause)] if state.cause else None
        cameras.append(row)
    return {
        "canteen_id": board.settings.canteen_id,
        "at": datetime.now(UTC).isoformat(),
        "cameras": cameras,
        "outbox": dict(board.delivery()),
        "disk": asdict(board.disk()),
        "untold": list(board.untold()),
        "clock": clock.model_dump(mode="json") if (clock := board.clock()) is not None else None,
        "shadow": shadow.model_dump(mode="json") if (shadow := board.shadow()) is not None else None,
    }
