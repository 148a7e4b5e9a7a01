"""Pages for life on site: muting cameras for a while, and what cameras on probation have found."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from kitchenvision.edge import probation
from kitchenvision.edge.editing import Editing, form_of
from kitchenvision.edge.mutes import MuteSection
from kitchenvision.edge.rendering import language_of, render
from kitchenvision.edge.settings_file import Document, Edit, add_table, drop_tables, released
from kitchenvision.edge.words import Words
from kitchenvision.errors import SettingsError

MUTE_MINUTES = (30, 60, 120, 240, 480, 1440)
_LONGEST_REASON = 100
_SHOWN = 60


def site_routes(editing: Editing) -> APIRouter:
    """Mutes and probation."""
    router = APIRouter()

    @router.get("/mutes")
    def mutes_page(request: Request) -> Response:
        return _mutes_page(editing, request)

    @router.post("/mutes")
    async def mute(request: Request) -> Response:
        form = await form_of(request)
        editing.changer(request, form.get("csrf", ""))
        edit = _muting(editing, form, datetime.now(UTC))
        return await run_in_threadpool(_changed, editing, request, edit)

    @router.post("/mutes/end")
    async def end_mute(request: Request) -> Response:
        form = await form_of(request)
        editing.changer(request, form.get("csrf", ""))
        wanted = [mute for i, mute in enumerate(editing.settings().mutes) if str(i) == form.get("place")]
        if not wanted or not wanted[0].once:
            raise HTTPException(404, "no such mute")

        def edit(document: Document) -> None:
            drop_tables(document, "mutes", lambda table: MuteSection.model_validate(table.unwrap()) == wanted[0])

        return await run_in_threadpool(_changed, editing, request, edit)

    _probation_routes(router, editing)
    return router


def _probation_routes(router: APIRouter, editing: Editing) -> None:
    @router.get("/cameras/{camera_id}/probation")
    def probation_page(request: Request, camera_id: str) -> Response:
        return _probation_page(editing, request, camera_id)

    @router.get("/cameras/{camera_id}/probation/{day}/{name}/{picture}")
    def probation_picture(request: Request, camera_id: str, day: str, name: str, picture: str) -> Response:
        editing.visitor(request)
        found = probation.picture(editing.settings().data, camera_id, f"{day}/{name}", picture)
        if found is None:
            raise HTTPException(404, "no such picture")
        return Response(found, media_type="image/jpeg")

    @router.post("/cameras/{camera_id}/release")
    async def release(request: Request, camera_id: str) -> Response:
        editing.changer(request, (await form_of(request)).get("csrf", ""))
        editing.camera(camera_id)
        try:
            await run_in_threadpool(editing.change, released(camera_id))
        except SettingsError as error:
            return _probation_page(editing, request, camera_id, error)
        return RedirectResponse("/", 303)


def _muting(editing: Editing, form: dict[str, str], now: datetime) -> Edit:
    """Adds a mute from now on; those that are over go."""
    settings = editing.settings()
    zone = ZoneInfo(settings.timezone)
    camera, minutes = form.get("camera", ""), form.get("minutes", "")
    if minutes not in {str(m) for m in MUTE_MINUTES} or camera not in {"", *(c.id for c in settings.cameras)}:
        raise HTTPException(422, "expected a camera and one of the lengths that are offered")
    begins = now.astimezone(zone).replace(microsecond=0)
    row: dict[str, Any] = {
        "cameras": [camera] if camera else [],
        "begins": begins,
        "ends": begins + timedelta(minutes=int(minutes)),
        "reason": " ".join(form.get("reason", "").split())[:_LONGEST_REASON],
    }

    def is_over(table: Any) -> bool:
        span = MuteSection.model_validate(table.unwrap()).span(zone)
        return span is not None and span[1] <= now

    def edit(document: Document) -> None:
        drop_tables(document, "mutes", is_over)
        add_table(document, "mutes", row)

    return edit


def _changed(editing: Editing, request: Request, edit: Edit) -> Response:
    try:
        editing.change(edit)
    except SettingsError as error:
        return _mutes_page(editing, request, error)
    return RedirectResponse("/mutes", 303)


def _problem(editing: Editing, request: Request, error: SettingsError | None) -> str:
    words = Words(language_of(request, editing.language))
    return words("not_saved", why=str(error)) if error is not None else ""


def _mutes_page(editing: Editing, request: Request, error: SettingsError | None = None) -> Response:
    session, settings, now = editing.visitor(request), editing.settings(), datetime.now(UTC)
    zone = ZoneInfo(settings.timezone)
    names = {camera.id: camera.name or camera.id for camera in settings.cameras}
    rows = []
    for place, mute in enumerate(settings.mutes):
        span = mute.span(zone)
        if span is not None and span[1] <= now:
            continue
        rows.append(
            {
                "place": place,
                "cameras": [names[camera_id] for camera_id in mute.cameras],
                "reason": mute.reason,
                "span": [f"{at.astimezone(zone):%m-%d %H:%M}" for at in span] if span else None,
                "weekdays": mute.weekdays,
                "hours": mute.hours,
                "now": any(mute.holds(camera_id, now, zone) for camera_id in names),
            }
        )
    values = {
        "canteen": settings.canteen_id,
        "csrf": session.csrf,
        "cameras": names,
        "mutes": rows,
        "lengths": MUTE_MINUTES,
        "problem": _problem(editing, request, error),
        "chosen": request.query_params.get("camera", ""),
    }
    response = render(request, editing.language, "mutes.html", values)
    response.status_code = 200 if error is None else 409
    return response


def _probation_page(
    editing: Editing, request: Request, camera_id: str, error: SettingsError | None = None
) -> Response:
    session, settings, camera = editing.visitor(request), editing.settings(), editing.camera(camera_id)
    newest, count = probation.findings(settings.data, camera_id, _SHOWN)
    zone = ZoneInfo(settings.timezone)
    values = {
        "canteen": settings.canteen_id,
        "csrf": session.csrf,
        "camera": camera,
        "findings": [(one, f"{one.at.astimezone(zone):%Y-%m-%d %H:%M:%S}") for one in newest],
        "count": count,
        "problem": _problem(editing, request, error),
    }
    response = render(request, editing.language, "probation.html", values)
    response.status_code = 200 if error is None else 409
    return response
