"""Files to take away: the month of a district or a canteen as PDF or XLSX, and everything one may see as CSV."""

from collections.abc import Iterator
from importlib import import_module
from tempfile import TemporaryFile
from typing import Annotated, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from kitchenvision.errors import MissingExtra, SettingsError
from kitchenvision.regulator import district_export as export
from kitchenvision.regulator import monthly, monthly_pdf
from kitchenvision.regulator.auth import Exporter, Reader
from kitchenvision.regulator.district import local_now
from kitchenvision.regulator.monthly import Asked, NoSuchCanteen
from kitchenvision.regulator.parts import NeedsParts, Parts
from kitchenvision.regulator.problems import Refused, bad_fields
from kitchenvision.regulator.rendering import Words, words_of

router = APIRouter()
Month = Annotated[str, Query(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")]
Ending = Literal["pdf", "xlsx"]
PDF = "application/pdf"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/reports/district.{ending}", response_model=None)
def district_report(
    ending: Ending, request: Request, reader: Exporter, parts: NeedsParts, month: Month
) -> Response:
    """The month of every canteen of the scope: colours, scores, confirmed and rejected findings."""
    return _report(parts, reader, words_of(request), Asked(month, local_now(parts)), ending)


@router.get("/reports/canteens/{canteen_id}.{ending}", response_model=None)
def canteen_report(
    canteen_id: str, ending: Ending, request: Request, reader: Exporter, parts: NeedsParts, month: Month
) -> Response:
    """The month of one canteen.

    Raises:
        Refused: 404.
    """
    return _report(parts, reader, words_of(request), Asked(month, local_now(parts), canteen_id), ending)


@router.get("/reports/violations.csv", response_model=None)
def violations_csv(reader: Exporter, parts: NeedsParts) -> Response:
    """Every violation that one may see, oldest first, as it stands now."""

    def lines() -> Iterator[str]:
        with parts.database.reading() as session:
            yield from export.csv_lines(export.violations(session, reader.scope), ZoneInfo(parts.settings.timezone))

    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=_saved_as("violations.csv"))


@router.get("/reports/violations.parquet", response_model=None)
def violations_parquet(reader: Exporter, parts: NeedsParts) -> Response:
    """The same as Parquet; 501 where the extra for it is not installed."""
    try:
        # Only who asks for it needs its library.
        parquet_export = import_module("kitchenvision.regulator.parquet_export")
    except ImportError as error:
        missing = MissingExtra("parquet", "this file")
        raise Refused(501, "not-installed", "this server writes no Parquet", str(missing)) from error
    file = TemporaryFile()  # noqa: SIM115  # closed by what sends it
    with parts.database.reading() as session:
        parquet_export.write(export.violations(session, reader.scope), file)
    file.seek(0)

    def chunks() -> Iterator[bytes]:
        with file:
            while chunk := file.read(1 << 18):
                yield chunk

    kind = "application/vnd.apache.parquet"
    return StreamingResponse(chunks(), media_type=kind, headers=_saved_as("violations.parquet"))


def _report(parts: Parts, reader: Reader, words: Words, asked: Asked, ending: str) -> Response:
    try:
        made = monthly.sheets(parts.database, reader.scope, words, asked)
    except NoSuchCanteen as error:
        raise Refused(404, "not-there", "there is no such canteen", field="canteen_id") from error
    except SettingsError as error:
        raise bad_fields("this month has not begun", [{"field": "month", "problem": str(error)}]) from error
    content, kind = (monthly_pdf.document(made), PDF) if ending == "pdf" else (export.workbook(made), XLSX)
    return Response(content, media_type=kind, headers=_saved_as(f"{asked.name}.{ending}"))


def _saved_as(name: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
