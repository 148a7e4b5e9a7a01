"""Edge boxes: a canteen's token, shown once, when the box came last; canteens and cameras out of a table."""

import csv
import io
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import admin_log, boxes, canteens, table_import
from kitchenvision.regulator.parts import NeedsParts, Parts, now
from kitchenvision.regulator.people import Visitor
from kitchenvision.regulator.people_pages import Admin, AdminForm, Word
from kitchenvision.regulator.problems import Refused
from kitchenvision.regulator.rendering import render, words_of
from kitchenvision.regulator.table_import import Checked, Kind
from kitchenvision.regulator.tables import DEFAULT_DISTRICT, DEFAULT_TOWN, Canteen

router = APIRouter()
MOST_BYTES = 5_000_000


@dataclass(frozen=True)
class Told:
    """What a step led to: why not, and tokens by canteen that are shown this once."""

    problem: str = ""
    tokens: dict[str, str] = field(default_factory=dict)


@router.get("/devices", response_model=None)
def devices_page(request: Request, visitor: Admin, parts: NeedsParts) -> Response:
    """Every canteen of the district with its edge box: when it came last, and whether it may."""
    return _page(request, visitor, parts, Told())


@router.post("/devices", response_model=None)
def add_device(
    request: Request,
    visitor: AdminForm,
    parts: NeedsParts,
    canteen_id: Word = "",
    name: Word = "",
    town_id: Word = "",
) -> Response:
    """Register a canteen; the token of its edge box is shown this once."""
    canteen_id = canteen_id.strip()
    try:
        with parts.database.writing() as session:
            if town_id not in {town.town_id for town in canteens.towns(session, visitor.scope)}:
                raise SettingsError("canteen", "town", "choose a town of this district")
            token = canteens.add_canteen(session, canteen_id, name.strip() or canteen_id, now(), town_id)
            admin_log.note(session, visitor, now(), "canteen_added", canteen_id)
    except SettingsError as error:
        return _page(request, visitor, parts, Told(problem=str(error)))
    return _page(request, visitor, parts, Told(tokens={canteen_id: token}))


@router.post("/devices/towns", response_model=None)
def add_town(
    request: Request, visitor: AdminForm, parts: NeedsParts, town_id: Word = "", name: Word = ""
) -> Response:
    """Add a town to the district."""
    try:
        with parts.database.writing() as session:
            district = visitor.scope.district_id or DEFAULT_DISTRICT
            canteens.add_town(session, town_id.strip(), name.strip() or town_id.strip(), district)
            admin_log.note(session, visitor, now(), "town_added", town_id)
    except SettingsError as error:
        return _page(request, visitor, parts, Told(problem=str(error)))
    return RedirectResponse("/devices", 303)


@router.post("/devices/{canteen_id}/token", response_model=None)
def rotate_token(canteen_id: str, request: Request, visitor: AdminForm, parts: NeedsParts) -> Response:
    """A new token, shown this once; the old one ends within two seconds.

    Raises:
        Refused: 404.
    """
    with parts.database.writing() as session:
        _canteen(session, visitor, canteen_id)
        token = canteens.rotate_token(session, canteen_id)
        admin_log.note(session, visitor, now(), "token_made", canteen_id)
    return _page(request, visitor, parts, Told(tokens={canteen_id: token}))


@router.post("/devices/{canteen_id}/disabled", response_model=None)
def set_disabled(
    canteen_id: str, visitor: AdminForm, parts: NeedsParts, disabled: Annotated[bool, Form()]
) -> Response:
    """Keep a canteen's edge box out, within two seconds, or let it in again with the token that it has.

    Raises:
        Refused: 404.
    """
    with parts.database.writing() as session:
        _canteen(session, visitor, canteen_id).disabled_at = now() if disabled else None
        what = "device_disabled" if disabled else "device_enabled"
        admin_log.note(session, visitor, now(), what, canteen_id)
    return RedirectResponse("/devices", 303)


@router.get("/devices/import", response_model=None)
def import_page(request: Request, visitor: Admin) -> Response:
    """Where a table of canteens or cameras is chosen, with what it must hold."""
    return _import(request, visitor, Kind.CANTEENS, None, "")


@router.post("/devices/import/check", response_model=None)
def check_table(
    request: Request,
    visitor: AdminForm,
    parts: NeedsParts,
    kind: Annotated[Kind, Form()] = Kind.CANTEENS,
    table: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Every row of the table with what is wrong with it; nothing is written."""
    data = b"" if table is None else table.file.read(MOST_BYTES + 1)
    if not data or len(data) > MOST_BYTES:
        return _import(request, visitor, kind, None, "import.none" if not data else "import.large")
    try:
        cells = table_import.read_cells(data)
        with parts.database.reading() as session:
            rows = table_import.check(session, visitor.scope, kind, cells)
    except SettingsError as error:
        return _import(request, visitor, kind, None, str(error))
    return _import(request, visitor, kind, rows, "")


@router.post("/devices/import/keep", response_model=None)
def keep_table(
    request: Request,
    visitor: AdminForm,
    parts: NeedsParts,
    kind: Annotated[Kind, Form()],
    text: Annotated[str, Form(max_length=MOST_BYTES)],
) -> Response:
    """Write every row of a table that was looked at, or none; tokens of new canteens are shown this once."""
    try:
        cells = table_import.read_cells(text.encode())
        with parts.database.writing() as session:
            rows = table_import.check(session, visitor.scope, kind, cells)
            if not rows or any(row.flaws for row in rows):
                return _import(request, visitor, kind, rows, "import.changed")
            tokens = table_import.keep(session, visitor.scope, kind, rows, now())
            admin_log.note(session, visitor, now(), f"imported_{kind}", str(len(rows)))
    except SettingsError as error:
        return _import(request, visitor, kind, None, str(error))
    return _page(request, visitor, parts, Told(tokens=tokens))


def _canteen(session: Session, visitor: Visitor, canteen_id: str) -> Canteen:
    found = canteens.canteen_in(session, visitor.scope, canteen_id)
    if found is None:
        raise Refused(404, "not-there", "there is no such canteen", field="canteen_id")
    return found


def _page(request: Request, visitor: Visitor, parts: Parts, told: Told) -> Response:
    with parts.database.reading() as session:
        listed = canteens.canteens(session, visitor.scope)
        towns = canteens.towns(session, visitor.scope)
        told_by = boxes.boxes(session, visitor.scope)
    return render(
        request,
        "devices.html",
        422 if told.problem else 200,
        visitor=visitor,
        listed=listed,
        towns=towns,
        boxes=told_by,
        names={town.town_id: town.name for town in towns},
        default=DEFAULT_TOWN,
        told=told,
        at=now(),
    )


def _import(request: Request, visitor: Visitor, kind: Kind, rows: list[Checked] | None, problem: str) -> Response:
    written = io.StringIO()
    if rows:
        csv.writer(written, lineterminator="\n").writerows(
            [table_import.COLUMNS[kind], *(row.cells(kind) for row in rows)]
        )
    return render(
        request,
        "import.html",
        422 if problem else 200,
        visitor=visitor,
        kind=kind,
        columns=table_import.COLUMNS,
        named=table_import.names_in(words_of(request).language),
        rows=rows,
        wrong=sum(1 for row in rows or () if row.flaws),
        text=written.getvalue(),
        problem=problem,
    )
