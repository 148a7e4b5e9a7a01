"""The map and the ranking of towns, on a big screen beside the wall."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import canteens, town_map
from kitchenvision.regulator import district_view as view
from kitchenvision.regulator.district import local_now
from kitchenvision.regulator.kiosk import Watcher
from kitchenvision.regulator.parts import NeedsParts
from kitchenvision.regulator.rendering import render
from kitchenvision.regulator.scoring_store import strips, today

router = APIRouter()


@router.get("/cockpit/map", response_model=None)
def map_page(request: Request, visitor: Watcher, parts: NeedsParts) -> Response:
    """Canteens where they are, with their colours, and the towns side by side."""
    at, district_id = local_now(parts), visitor.scope.district_id or ""
    with parts.database.reading() as session:
        found = view.places(session, visitor.scope)
        ids = [place.canteen_id for place in found]
        told = today(session, district_id, ids, at)
        points = canteens.coordinates(session, visitor.scope)
    past = strips(parts.database, district_id, ids, at, view.STRIP_DAYS)
    rows = view.rows(found, told, past, at)
    try:
        outlines, problem = town_map.read_outlines(parts.settings.data_dir), ""
    except SettingsError as error:
        outlines, problem = [], str(error)
    placed = [(row, points[row.place.canteen_id]) for row in rows if row.place.canteen_id in points]
    return render(
        request,
        "map.html",
        visitor=visitor,
        drawing=town_map.draw(placed, outlines),
        size=(town_map.WIDTH, town_map.HEIGHT),
        towns=town_map.ranking(rows, past, at.date(), view.STRIP_DAYS),
        counts=view.counts(rows),
        missing=len(rows) - len(placed),
        total=len(rows),
        days=view.STRIP_DAYS,
        shapes=view.SHAPES,
        problem=problem,
    )
