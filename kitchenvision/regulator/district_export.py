"""Monthly reports as XLSX, and CSV of everything one may see. Values only; routes are in `district_reports`."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet
from sqlalchemy import select
from sqlalchemy.orm import Session

from kitchenvision.regulator.access import Scope
from kitchenvision.regulator.decisions import Verdict
from kitchenvision.regulator.rendering import Words
from kitchenvision.regulator.tables import Canteen, DecisionRow, Town, ViolationRow

Cell = str | int | float | None
CSV_COLUMNS = (
    "violation_id",
    "town",
    "canteen_id",
    "canteen",
    "camera_id",
    "rule_id",
    "captured_at",
    "received_at",
    "confidence",
    "state",
    "reason",
    "decided_at",
)
_WIDEST = 40


@dataclass(frozen=True)
class Sheet:
    """One sheet: a title, notes above the table, a header, rows."""

    title: str
    notes: tuple[str, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def month_of(text: str) -> tuple[date, date]:
    """First and last day of ``YYYY-MM``.

    Raises:
        ValueError: it is none.
    """
    first = datetime.strptime(text, "%Y-%m").date()
    following = (first + timedelta(days=32)).replace(day=1)
    return first, following - timedelta(days=1)


def safe(value: Cell) -> Cell:
    """A cell that a spreadsheet shows and never computes: text that looks like a formula gets an apostrophe.

    Control signs, which come along when somebody pastes from elsewhere, go: no XLSX may hold them.
    """
    if not isinstance(value, str):
        return value
    text = ILLEGAL_CHARACTERS_RE.sub("", value)
    return "'" + text if text.lstrip()[:1] in ("=", "+", "-", "@") else text


def workbook(sheets: Sequence[Sheet]) -> bytes:
    """The XLSX file."""
    book = Workbook()
    book.remove(book.active)  # type: ignore[arg-type]  # a new workbook always has one
    for sheet in sheets:
        _fill(book.create_sheet(sheet.title[:31]), sheet)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _fill(page: Worksheet, sheet: Sheet) -> None:
    for note in sheet.notes:
        page.append([safe(note)])
    if sheet.notes:
        page.cell(1, 1).font = Font(bold=True, size=14)
        page.append([])
    page.append([safe(word) for word in sheet.header])
    at = page.max_row
    for column in range(1, len(sheet.header) + 1):
        head = page.cell(at, column)
        head.font = Font(bold=True)
        head.alignment = Alignment(horizontal="center")
    for row in sheet.rows:
        page.append([safe(value) for value in row])
    page.freeze_panes = f"B{at + 1}"
    if sheet.rows:
        page.auto_filter.ref = f"A{at}:{get_column_letter(len(sheet.header))}{page.max_row}"
    for column in range(1, len(sheet.header) + 1):
        told = [sheet.header[column - 1], *(row[column - 1] for row in sheet.rows)]
        # A Chinese character is as wide as two Latin ones.
        wide = max(sum(2 if ord(letter) > 0x2E7F else 1 for letter in str(value or "")) for value in told)
        page.column_dimensions[get_column_letter(column)].width = min(wide + 2, _WIDEST)


@dataclass(frozen=True)
class Told:
    """One violation for a list. `reason` of a rejection; `decided_at` of the decision that holds."""

    violation_id: str
    town: str
    canteen_id: str
    canteen: str
    camera_id: str
    rule_id: str
    captured_at: datetime
    received_at: datetime
    confidence: float
    state: str
    reason: int | None
    decided_at: datetime | None


def violations(
    session: Session, scope: Scope, span: tuple[datetime, datetime] | None = None, canteen_id: str | None = None
) -> Iterator[Told]:
    """Violations of the scope, oldest first.

    Args:
        span: captured from the first instant up to, not including, the second.
    """
    query = (
        select(
            ViolationRow.violation_id,
            Town.name,
            ViolationRow.canteen_id,
            Canteen.name,
            ViolationRow.camera_id,
            ViolationRow.rule_id,
            ViolationRow.captured_at,
            ViolationRow.received_at,
            ViolationRow.confidence,
            ViolationRow.state,
            DecisionRow.reason,
            DecisionRow.decided_at,
        )
        .join(Canteen, Canteen.canteen_id == ViolationRow.canteen_id)
        .join(Town, Town.town_id == Canteen.town_id)
        .outerjoin(DecisionRow, DecisionRow.decision_id == ViolationRow.decision_id)
        .where(scope.reads(ViolationRow.canteen_id))
        .order_by(ViolationRow.captured_at, ViolationRow.violation_id)
        .execution_options(yield_per=1000)
    )
    if span is not None:
        query = query.where(ViolationRow.captured_at >= span[0], ViolationRow.captured_at < span[1])
    if canteen_id is not None:
        query = query.where(ViolationRow.canteen_id == canteen_id)
    names = [field.name for field in fields(Told)]
    for row in session.execute(query):
        told = Told(**dict(zip(names, row, strict=True)))
        # The decision that holds while it is open is the one that took an earlier one back.
        yield replace(told, reason=None, decided_at=None) if told.state == "open" else told


def csv_lines(found: Iterable[Told], zone: ZoneInfo) -> Iterator[str]:
    """CSV with a header and a byte order mark, line by line; instants are local with their offset."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\r\n")
    line.write("\ufeff")  # without it spreadsheets read UTF-8 as something else
    writer.writerow(CSV_COLUMNS)
    yield line.getvalue()
    for one in found:
        line.seek(0)
        line.truncate()
        values: list[Cell] = []
        for name in CSV_COLUMNS:
            value = getattr(one, name)
            local = value.astimezone(zone).isoformat(timespec="seconds") if isinstance(value, datetime) else value
            values.append(safe(local))
        writer.writerow(values)
        yield line.getvalue()


def violation_rows(found: Iterable[Told], words: Words) -> tuple[tuple[Cell, ...], ...]:
    """Rows for a sheet, in the language of the reader."""
    return tuple(
        (
            words.day(one.captured_at),
            one.town,
            one.canteen,
            one.camera_id,
            words.named("rule", one.rule_id),
            words.named("state", one.state),
            words.named("reason", str(one.reason)) if one.reason and one.state == Verdict.REJECTED else "",
            one.violation_id,
        )
        for one in found
    )
