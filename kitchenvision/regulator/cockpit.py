"""The cockpit: a wall of live pictures, figures of today, and what is new, told by server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse

from kitchenvision.regulator import cockpit_view as view
from kitchenvision.regulator import kiosk
from kitchenvision.regulator.auth import COOKIE
from kitchenvision.regulator.cockpit_rounds import PAUSE_S, until_next
from kitchenvision.regulator.cockpit_view import Figures, New
from kitchenvision.regulator.cockpit_wall import LIVE_S, OFFLINE_S, STALE_S, Tile, tiles
from kitchenvision.regulator.district import local_now
from kitchenvision.regulator.district_view import SHAPES, Place, places
from kitchenvision.regulator.kiosk import Watcher
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.people import Visitor, visitor_of
from kitchenvision.regulator.problems import Refused
from kitchenvision.regulator.rendering import Words, render, words_of
from kitchenvision.regulator.scoring_store import strips

router = APIRouter()
SIZES = (1, 4, 9, 16, 36)


@dataclass(frozen=True)
class Moment:
    """What one round of the events tells. `figures` is None in rounds that do not count anew."""

    at: datetime
    tiles: list[Tile]
    fresh: list[New]
    figures: Figures | None
    trend: list[int]


@router.get("/cockpit", response_model=None)
def cockpit_page(request: Request, visitor: Watcher, parts: NeedsParts) -> Response:
    """The wall, for a big screen."""
    _, moment = _moment(parts, visitor, True)
    assert moment.figures is not None
    return render(
        request,
        "cockpit.html",
        visitor=visitor,
        moment=moment,
        figures=moment.figures,
        sizes=SIZES,
        zone=parts.settings.timezone,
        shapes=SHAPES,
        limits=(LIVE_S, STALE_S, OFFLINE_S),
    )


@router.get("/cockpit/pictures/{canteen_id}/{camera_id}", response_model=None)
def live_picture(canteen_id: str, camera_id: str, visitor: Watcher, parts: NeedsParts) -> Response:
    """The newest small picture of a camera.

    Raises:
        Refused: 404 when there is none that may be shown.
    """
    with parts.database.reading() as session:
        found = places(session, visitor.scope, canteen_id)
    picture = parts.wall.picture((canteen_id, camera_id), now()) if found else None
    if picture is None:
        raise Refused(404, "not-there", "there is no live picture of this camera")
    headers = {"Cache-Control": "no-store", "ETag": f'"{picture[1]}"'}
    return Response(picture[0], media_type="image/jpeg", headers=headers)


@router.get("/cockpit/events", response_model=None)
async def cockpit_events(
    request: Request, visitor: Watcher, parts: NeedsParts, once: Annotated[bool, Query()] = False
) -> Response:
    """Server-sent events `wall`: tiles with ages, new findings, figures. With `once` one event, then the end."""
    words = words_of(request)
    token = request.cookies.get(COOKIE, "")

    def still() -> bool:
        return kiosk.still_open(parts, request) if visitor.person_id == kiosk.NOBODY else _still_in(parts, token)

    async def gone() -> bool:
        return once or await request.is_disconnected() or not await run_in_threadpool(still)

    async def to_the_next(every_s: float) -> None:
        await asyncio.sleep(until_next(every_s, now()))

    def tell(first: bool) -> str:
        key = visitor.scope, words.language
        fresh = partial(_text, parts, visitor, words)
        return fresh(True) if once else parts.rounds.text(key, now(), first, fresh)

    told = events(tell, gone, to_the_next)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(told, media_type="text/event-stream", headers=headers)


Tell = Callable[[bool], str]


async def events(
    tell: Tell, gone: Callable[[], Awaitable[bool]], pause: Callable[[float], Awaitable[None]]
) -> AsyncIterator[str]:
    """One event each `PAUSE_S` until the reader has gone.

    Args:
        tell: (whether it is the first, which counts everything) -> the text of the event; blocking.
        gone: whether the reader has left or may no longer read.
        pause: sleeps.
    """
    first = True
    while True:
        text = await run_in_threadpool(tell, first)
        yield f"event: wall\ndata: {text}\n\n"
        first = False
        if await gone():
            return
        await pause(PAUSE_S)


def _still_in(parts: Parts, token: str) -> bool:
    with parts.database.question() as asked:
        return visitor_of(asked, token, now()) is not None


def _text(parts: Parts, visitor: Visitor, words: Words, count: bool) -> str:
    known, moment = _moment(parts, visitor, count)
    return json.dumps(_told(moment, words, known), ensure_ascii=False, separators=(",", ":"))


def _moment(parts: Parts, visitor: Visitor, count: bool) -> tuple[list[Place], Moment]:
    at, local = now(), local_now(parts)
    with parts.database.reading() as session:
        known = places(session, visitor.scope)
        fresh = view.newest(session, visitor.scope)
        trend = view.trend(session, visitor.scope, local) if count else []
    ids = {place.canteen_id for place in known}
    parts.wall.watch(ids, at)
    shown = tiles(parts.wall.known(ids), at)
    figures = None
    if count:
        colours = strips(parts.database, visitor.scope.district_id or "", sorted(ids), local, 1)
        with parts.database.reading() as session:
            figures = view.figures(session, visitor.scope, local, known, shown, colours)
    return known, Moment(at, shown, fresh, figures, trend)


def _told(moment: Moment, words: Words, known: list[Place]) -> dict[str, Any]:
    names = {place.canteen_id: place.name for place in known}
    told: dict[str, Any] = {
        "at": moment.at.isoformat(),
        "tiles": [
            [
                tile.canteen_id,
                tile.camera_id,
                names[tile.canteen_id],
                tile.state.value,
                round(tile.age_s, 1),
                tile.stamp,
                tile.reason,
            ]
            for tile in moment.tiles
        ],
        "fresh": [
            {
                "id": one.violation_id,
                "canteen": one.canteen,
                "camera": one.camera_id,
                "rule": words.named("rule", one.rule_id),
                "age_s": max((moment.at - one.received_at).total_seconds(), 0.0),
                "captured": words.instant(one.captured_at),
            }
            for one in moment.fresh
        ],
    }
    if moment.figures is not None:
        told["figures"] = moment.figures.values()
        told["trend"] = moment.trend
    return told
