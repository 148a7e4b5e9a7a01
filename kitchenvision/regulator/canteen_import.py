"""Canteens of a whole district at once, out of a table: CSV with a header line, UTF-8.

Columns: `canteen_id` and `name`; `town_id` and `town_name` where there are towns (a town that there is not yet is
made). Spreadsheet programs that write a byte-order mark are fine.
"""

import csv
import io
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import canteens
from kitchenvision.regulator.tables import DEFAULT_TOWN, Town

_NEEDED = ("canteen_id", "name")
_COLUMNS = (*_NEEDED, "town_id", "town_name")


@dataclass(frozen=True)
class CanteenRow:
    """One line of the table; `line` is its number, the header's being 1."""

    line: int
    canteen_id: str
    name: str
    town_id: str
    town_name: str


def read_rows(text: str) -> list[CanteenRow]:
    """The lines of the table.

    Raises:
        SettingsError: a column is missing or unknown, a cell is empty, or an id stands twice; names the line.
    """
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), strict=True)
    columns = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = columns
    missing = [name for name in _NEEDED if name not in columns]
    unknown = [name for name in columns if name not in _COLUMNS]
    if missing or unknown:
        got = ", ".join(columns) or "nothing"
        raise SettingsError("canteens.csv", "line 1", f"got {got}; columns are {', '.join(_COLUMNS)}")
    rows: list[CanteenRow] = []
    seen: dict[str, int] = {}
    try:
        for cells in reader:
            rows.append(_row(reader.line_num, cells, seen))
    except csv.Error as error:
        raise SettingsError("canteens.csv", f"line {reader.line_num}", str(error)) from error
    return rows


def add_all(session: Session, rows: list[CanteenRow], now: datetime) -> list[tuple[str, str]]:
    """Add them; returns each id with its token, which cannot be read again.

    Raises:
        SettingsError: a canteen exists already, or a name is too long; names the line. Roll back then.
    """
    made = []
    for row in rows:
        try:
            if session.get(Town, row.town_id) is None:
                canteens.add_town(session, row.town_id, row.town_name)
            made.append((row.canteen_id, canteens.add_canteen(session, row.canteen_id, row.name, now, row.town_id)))
        except SettingsError as error:
            raise SettingsError("canteens.csv", f"line {row.line}", str(error)) from error
    return made


def _row(line: int, cells: dict[str | None, str | None], seen: dict[str, int]) -> CanteenRow:
    told = {key: (cells.get(key) or "").strip() for key in _COLUMNS}
    for key in _NEEDED:
        if not told[key]:
            raise SettingsError("canteens.csv", f"line {line}", f"{key} is empty")
    if None in cells:
        raise SettingsError("canteens.csv", f"line {line}", "has more cells than the header")
    if told["canteen_id"] in seen:
        first = seen[told["canteen_id"]]
        raise SettingsError("canteens.csv", f"line {line}", f"'{told['canteen_id']}' stands in line {first} too")
    seen[told["canteen_id"]] = line
    town_id = told["town_id"] or DEFAULT_TOWN
    return CanteenRow(line, told["canteen_id"], told["name"], town_id, told["town_name"] or town_id)
