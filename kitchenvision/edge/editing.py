"""What may be changed on the status page, after a log-in: routes that write edge.toml and have it read at once."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from kitchenvision.edge.access import Access, Session, TooManyTries
from kitchenvision.edge.rendering import language_of, render
from kitchenvision.edge.settings import CameraSection, EdgeSettings
from kitchenvision.edge.settings_file import ChangedMeanwhile, Edit, SettingsFile, camera_table, set_tables
from kitchenvision.edge.words import Language, Words
from kitchenvision.edge.zone_draft import Draft, Wrong, row_of, zones_of
from kitchenvision.errors import SettingsError

_COOKIE = "kitchenvision_edge"
_MOST_BYTES, _MOST_FIELDS = 100_000, 50
_APPLIED_S, _POLL_S = 5.0, 0.05


class LogInFirst(Exception):
    """A page that changes something was asked for without a session."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(frozen=True)
class Editing:
    """What the routes need.

    Attributes:
        file: edge.toml. access: the lock. settings: those that hold now. apply: has the file read at once.
        rules: ids that zones may name.
    """

    file: SettingsFile
    access: Access
    settings: Callable[[], EdgeSettings]
    apply: Callable[[], None]
    rules: tuple[str, ...]

    def visitor(self, request: Request) -> Session:
        """Who looks at a page.

        Raises:
            LogInFirst: nobody who gave the password.
        """
        session = self.access.session(request.cookies.get(_COOKIE, ""))
        if session is None:
            raise LogInFirst(request.url.path)
        return session

    def changer(self, request: Request, csrf: str) -> None:
        """Let pass who may change something.

        Raises:
            HTTPException: 401 without a session, 403 for a form of another page.
        """
        session = self.access.session(request.cookies.get(_COOKIE, ""))
        if session is None:
            raise HTTPException(401, "log in first")
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
            raise HTTPException(403, "this was sent by another site")
        if csrf != session.csrf:
            raise HTTPException(403, "the page is too old: load it anew")

    def change(self, edit: Edit, seen: str | None = None) -> bool:
        """Write one change and have it taken over; whether that was seen to happen.

        Raises:
            SettingsError: nothing was changed.
        """
        wanted = self.file.change(edit, seen, self.settings())
        self.apply()
        deadline_s = time.monotonic() + _APPLIED_S
        while self.settings() != wanted:
            if time.monotonic() > deadline_s:
                return False
            time.sleep(_POLL_S)
        return True

    def camera(self, camera_id: str) -> CameraSection:
        """Raises `HTTPException` 404 for one that there is not."""
        for camera in self.settings().cameras:
            if camera.id == camera_id:
                return camera
        raise HTTPException(404, "no such camera")

    @property
    def language(self) -> Language:
        """Of the settings."""
        return self.settings().page.language


def routes(editing: Editing) -> APIRouter:
    """Log-in and zones."""
    router = APIRouter()

    @router.get("/login")
    def login_page(request: Request, next: str = "/") -> Response:
        return _login_page(editing, request, next, "", 200)

    @router.post("/login")
    async def login(request: Request) -> Response:
        form = await form_of(request)
        return _login(editing, request, form)

    @router.post("/logout")
    async def logout(request: Request) -> Response:
        editing.changer(request, (await form_of(request)).get("csrf", ""))
        editing.access.leave(request.cookies.get(_COOKIE, ""))
        return RedirectResponse("/", 303)

    @router.get("/cameras/{camera_id}/zones")
    def zones_page(request: Request, camera_id: str) -> Response:
        session, camera = editing.visitor(request), editing.camera(camera_id)
        words = Words(language_of(request, editing.language))
        data = {
            "camera": camera.id,
            "csrf": session.csrf,
            "seen": editing.file.digest(),
            "zones": [row_of(zone) for zone in camera.zones],
            "rules": [{"id": rule, "name": words(rule)} for rule in editing.rules],
            "words": words.some("zone_js_"),
        }
        values = {"camera": camera, "canteen": editing.settings().canteen_id, "data": data, "csrf": session.csrf}
        return render(request, editing.language, "zones.html", values)

    @router.put("/api/cameras/{camera_id}/zones")
    async def save_zones(request: Request, camera_id: str) -> Response:
        editing.changer(request, request.headers.get("x-csrf-token", ""))
        editing.camera(camera_id)
        try:
            draft = Draft.model_validate_json(await _body(request))
        except ValidationError:
            raise HTTPException(422, "expected {seen, zones}") from None
        words = Words(language_of(request, editing.language))
        return await run_in_threadpool(_save_zones, editing, camera_id, draft, words)

    return router


def _save_zones(editing: Editing, camera_id: str, draft: Draft, words: Words) -> Response:
    sections, wrong = zones_of(draft, editing.rules)
    if wrong:
        return JSONResponse({"wrong": [_told(one, words) for one in wrong]}, 422)

    def edit(document: Any) -> None:
        set_tables(camera_table(document, camera_id), "zones", [row_of(section) for section in sections])

    try:
        applied = editing.change(edit, draft.seen)
    except ChangedMeanwhile:
        return JSONResponse({"problem": words("changed_meanwhile")}, 409)
    except SettingsError as error:
        return JSONResponse({"problem": words("not_saved", why=str(error))}, 409)
    return JSONResponse({"applied": applied, "seen": editing.file.digest()})


def _told(wrong: Wrong, words: Words) -> dict[str, object]:
    return {"zone": wrong.zone, "text": words(wrong.key)}


def _login_page(editing: Editing, request: Request, onward: str, problem: str, status: int) -> Response:
    values = {
        "next": local_path(onward),
        "problem": problem,
        "possible": editing.access.possible,
        "canteen": editing.settings().canteen_id,
    }
    response = render(request, editing.language, "login.html", values)
    response.status_code = status
    return response


def _login(editing: Editing, request: Request, form: Mapping[str, str]) -> Response:
    onward = local_path(form.get("next", "/"))
    try:
        session = editing.access.enter(form.get("password", ""))
    except TooManyTries as error:
        words = Words(language_of(request, editing.language))
        told = words("too_many_tries", age=words.age(error.wait_s))
        return _login_page(editing, request, onward, told, 429)
    if session is None:
        words = Words(language_of(request, editing.language))
        return _login_page(editing, request, onward, words("wrong_password"), 403)
    response = RedirectResponse(onward, 303)
    secure = request.url.scheme == "https"
    response.set_cookie(_COOKIE, session.token, httponly=True, samesite="strict", secure=secure)
    return response


def local_path(path: str) -> str:
    """A path of this service, or its first page for anything else."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if inside else "/"


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form that was sent, each once; it needs no library, since no file comes."""
    text = (await _body(request)).decode("utf-8", "replace")
    try:
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise HTTPException(413, f"more than {_MOST_FIELDS} fields") from None
    return {name: values[-1] for name, values in fields.items()}


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise HTTPException(413, "too long")
    return bytes(body)
