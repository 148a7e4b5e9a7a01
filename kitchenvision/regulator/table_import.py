"""Tables of canteens, cameras or coordinates, CSV or XLSX: read, checked row by row, written as a whole.

A header line names the columns, in English or Chinese, in any order. A canteen that is there already is a flaw;
a camera's name and a canteen's coordinates are written over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import canteens
from kitchenvision.regulator.access import Scope
from kitchenvision.regulator.tables import DEFAULT_DISTRICT, DEFAULT_TOWN, Camera, Canteen, Town
from kitchenvision.spreadsheet import rows_of

MOST_ROWS = 5000


class Kind(StrEnum):
    """What a table is of."""

    CANTEENS = "canteens"
    CAMERAS = "cameras"
    COORDINATES = "coordinates"


COLUMNS: dict[Kind, tuple[str, ...]] = {
    Kind.CANTEENS: ("canteen_id", "name", "town_id", "town_name", "latitude", "longitude"),
    Kind.CAMERAS: ("canteen_id", "camera_id", "name", "kitchen"),
    Kind.COORDINATES: ("canteen_id", "latitude", "longitude"),
}
NEEDED: dict[Kind, tuple[str, ...]] = {
    Kind.CANTEENS: ("canteen_id", "name"),
    Kind.CAMERAS: ("canteen_id", "camera_id", "name"),
    Kind.COORDINATES: ("canteen_id", "latitude", "longitude"),
}
CHINESE = {
    "食堂编号": "canteen_id",
    "名称": "name",
    "街道编号": "town_id",
    "街道名称": "town_name",
    "纬度": "latitude",
    "经度": "longitude",
    "摄像头编号": "camera_id",
    "厨房": "kitchen",
}
IN_CHINESE = {name: chinese for chinese, name in CHINESE.items()}
_LONGEST = {"canteen_id": 200, "name": 200, "town_id": 100, "town_name": 200, "camera_id": 200, "kitchen": 200}
_DEGREES = {"latitude": 90.0, "longitude": 180.0}


@dataclass(frozen=True)
class Flaw:
    """What is wrong with a row: `kind` is a word of the catalogue (``flaw.KIND``), `what` the column or value."""

    kind: str
    what: str


@dataclass(frozen=True)
class Checked:
    """One row: its number in the table, its values by column, and what is wrong with it."""

    line: int
    values: dict[str, str]
    flaws: tuple[Flaw, ...]

    def cells(self, kind: Kind) -> tuple[str, ...]:
        """In the order of the columns."""
        return tuple(self.values[key] for key in COLUMNS[kind])


def read_cells(data: bytes) -> list[tuple[int, list[str]]]:
    """The rows of a CSV file (UTF-8 or GB 18030) or of an XLSX file's first sheet, each with its number.

    Raises:
        SettingsError: it is neither, or too large.
    """
    filled = [(line, cells) for line, cells in rows_of(data, "the table", MOST_ROWS) if any(cells)]
    if len(filled) > MOST_ROWS + 1:
        raise SettingsError("the table", "rows", f"{len(filled)} are too many, at most {MOST_ROWS} at once")
    return filled


def check(session: Session, scope: Scope, kind: Kind, cells: Sequence[tuple[int, list[str]]]) -> list[Checked]:
    """Every row with its flaws.

    Raises:
        SettingsError: the header lacks a column or has an unknown one, or no row follows it.
    """
    if len(cells) < 2:
        raise SettingsError("the table", "line 1", "a header and at least one row below it are expected")
    header = [CHINESE.get(name, name) for name in cells[0][1]]
    while header and not header[-1]:
        header.pop()
    missing = [name for name in NEEDED[kind] if name not in header]
    unknown = [name for name in header if name not in COLUMNS[kind]]
    if missing or unknown or len(set(header)) != len(header):
        got = ", ".join(header) or "nothing"
        raise SettingsError("the table", "line 1", f"got {got}; columns are {', '.join(COLUMNS[kind])}")
    judge = _Judge(session, scope, kind)
    return [judge.row(line, header, values) for line, values in cells[1:]]


def names_in(language: str) -> dict[str, str]:
    """What columns are called in that language; a table may use either."""
    return IN_CHINESE if language == "zh" else {}


def keep(session: Session, scope: Scope, kind: Kind, rows: Sequence[Checked], now: datetime) -> dict[str, str]:
    """Write rows without flaws; returns the tokens of new canteens, which cannot be read again.

    Raises:
        SettingsError: something was added meanwhile. Roll back then.
    """
    tokens: dict[str, str] = {}
    for row in rows:
        told = row.values
        if kind is Kind.COORDINATES:
            _locate(session, told)
            continue
        if kind is Kind.CAMERAS:
            key = (told["canteen_id"], told["camera_id"])
            kept = session.get(Camera, key) or Camera(canteen_id=key[0], camera_id=key[1])
            kept.name, kept.kitchen = told["name"], told["kitchen"]
            session.add(kept)
            session.flush()
            continue
        town_id = told["town_id"] or DEFAULT_TOWN
        if session.get(Town, town_id) is None:
            canteens.add_town(session, town_id, told["town_name"] or town_id, scope.district_id or DEFAULT_DISTRICT)
        tokens[told["canteen_id"]] = canteens.add_canteen(session, told["canteen_id"], told["name"], now, town_id)
        if told["latitude"]:
            _locate(session, told)
    return tokens


class _Judge:
    """Says what is wrong with a row, given what is there and the rows before it."""

    def __init__(self, session: Session, scope: Scope, kind: Kind) -> None:
        self._kind = kind
        self._own = {one.canteen_id for one in canteens.canteens(session, scope)}
        self._taken = set(session.scalars(select(Canteen.canteen_id)))
        self._towns = {town.town_id for town in canteens.towns(session, scope)}
        self._all_towns = set(session.scalars(select(Town.town_id)))
        self._seen: dict[tuple[str, ...], int] = {}

    def row(self, line: int, header: Sequence[str], cells: Sequence[str]) -> Checked:
        """One row."""
        values = dict.fromkeys(COLUMNS[self._kind], "")
        values.update(zip(header, cells, strict=False))
        flaws = [Flaw("empty", key) for key in NEEDED[self._kind] if not values[key]]
        flaws += [Flaw("long", key) for key, most in _LONGEST.items() if len(values.get(key, "")) > most]
        if any(cells[len(header) :]):
            flaws.append(Flaw("cells", ""))
        key = tuple(values[name] for name in ("canteen_id", "camera_id") if name in values)
        first = self._seen.setdefault(key, line)
        if first != line and all(key):
            flaws.append(Flaw("twice", str(first)))
        flaws += self._new(values) if self._kind is Kind.CANTEENS else self._known(values)
        degrees = [key for key in _DEGREES if values.get(key)]
        flaws += [Flaw("degrees", key) for key in degrees if not _fits(values[key], _DEGREES[key])]
        if len(degrees) == 1 and self._kind is Kind.CANTEENS:
            flaws.append(Flaw("pair", degrees[0]))
        return Checked(line, values, tuple(flaws))

    def _new(self, values: dict[str, str]) -> list[Flaw]:
        flaws = [Flaw("exists", values["canteen_id"])] if values["canteen_id"] in self._taken else []
        town = values["town_id"] or DEFAULT_TOWN
        if town in self._all_towns and town not in self._towns:
            flaws.append(Flaw("town", town))
        return flaws

    def _known(self, values: dict[str, str]) -> list[Flaw]:
        known = not values["canteen_id"] or values["canteen_id"] in self._own
        return [] if known else [Flaw("canteen", values["canteen_id"])]


def _locate(session: Session, told: dict[str, str]) -> None:
    canteen = session.get_one(Canteen, told["canteen_id"])
    canteen.latitude, canteen.longitude = float(told["latitude"]), float(told["longitude"])


def _fits(text: str, most: float) -> bool:
    try:
        return abs(float(text)) <= most  # also false for "nan"
    except ValueError:
        return False
