"""The map of canteens as a plain drawing, and towns side by side: values in, coordinates and numbers out.

No picture of a map is fetched from anywhere. Outlines of towns may come from `map.geojson` of the data folder.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from kitchenvision.errors import SettingsError
from kitchenvision.regulator.district_view import Row
from kitchenvision.regulator.scoring import Colour
from kitchenvision.regulator.scoring_store import DayColour

FILE = "map.geojson"
WIDTH, HEIGHT, MARGIN = 1200.0, 860.0, 50.0
_MOST_BYTES = 20_000_000
Point = tuple[float, float]  # longitude, latitude in degrees
Line = tuple[Point, ...]


@dataclass(frozen=True)
class Mark:
    """A canteen in the drawing; x to the right, y downwards."""

    canteen_id: str
    name: str
    town: str
    colour: Colour
    x: float
    y: float


@dataclass(frozen=True)
class Drawing:
    """Outlines as points of polylines, marks with the worst drawn last, so that they lie on top."""

    outlines: tuple[str, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class TownLine:
    """A town in the ranking.

    Attributes:
        score: mean of its canteens that have one; None without any. change: against 22 days ago.
        trend: points of the mean score of each day, in days and 20 downwards; a gap where there was none.
    """

    town: str
    canteens: int
    colours: dict[Colour, int]
    score: float | None
    change: float | None
    trend: tuple[str, ...]


def read_outlines(data_dir: Path) -> list[Line]:
    """Lines of the data folder's GeoJSON (WGS 84), none without one.

    Raises:
        SettingsError: it is none.
    """
    path = data_dir / FILE
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SettingsError(str(path), "the file", f"is larger than {_MOST_BYTES} bytes")
        return [line for line in _lines(json.loads(path.read_text("utf-8"))) if len(line) > 1]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        raise SettingsError(str(path), "the file", f"cannot be read as GeoJSON: {error}") from error


def draw(found: Iterable[tuple[Row, Point]], outlines: Sequence[Line]) -> Drawing:
    """Everything within the page, north up, true to scale in its middle."""
    rows = sorted(found, key=lambda one: one[0].order, reverse=True)
    points = [point for _, point in rows] + [point for line in outlines for point in line]
    if not points:
        return Drawing((), ())
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    # A degree of longitude is shorter than one of latitude, the more so the farther north.
    narrow = max(math.cos(math.radians((south + north) / 2)), 0.01)
    wide, high = max((east - west) * narrow, 1e-4), max(north - south, 1e-4)
    scale = min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN) / high)
    left, top = (WIDTH - (east - west) * narrow * scale) / 2, (HEIGHT - (north - south) * scale) / 2

    def place(point: Point) -> Point:
        return round(left + (point[0] - west) * narrow * scale, 1), round(top + (north - point[1]) * scale, 1)

    marks = tuple(
        Mark(row.place.canteen_id, row.place.name, row.place.town, row.score.colour, *place(point))
        for row, point in rows
    )
    drawn = tuple(" ".join(f"{x:g},{y:g}" for x, y in map(place, line)) for line in outlines)
    return Drawing(drawn, marks)


def ranking(
    rows: Sequence[Row], strips: dict[str, tuple[DayColour, ...]], today: date, days: int
) -> list[TownLine]:
    """Towns, the highest mean score first; without a score last.

    Args:
        strips: of each canteen the days before today. days: how many of them.
    """
    towns: dict[str, list[Row]] = {}
    for row in rows:
        towns.setdefault(row.place.town, []).append(row)
    made = []
    for town, own in towns.items():
        scores = [row.score.score for row in own if row.score.score is not None]
        changes = [row.change for row in own if row.change is not None]
        made.append(
            TownLine(
                town,
                len(own),
                dict(Counter(row.score.colour for row in own)),
                _mean(scores),
                _mean(changes),
                _trend([strips.get(row.place.canteen_id, ()) for row in own], today, days),
            )
        )
    return sorted(made, key=lambda one: (one.score is None, -(one.score or 0.0), one.town))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _trend(strips: Iterable[Sequence[DayColour]], today: date, days: int) -> tuple[str, ...]:
    known: dict[date, list[float]] = {}
    for strip in strips:
        for day in strip:
            if day.score is not None:
                known.setdefault(day.day, []).append(day.score)
    first = today - timedelta(days=days)
    means = {day: sum(scores) / len(scores) for day, scores in known.items()}
    scale = 20.0 / max([10.0, *means.values()])
    pieces: list[list[str]] = [[]]
    for number in range(days):
        mean = means.get(first + timedelta(days=number))
        if mean is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{number + 0.5:g},{20 - mean * scale:.1f}")
    return tuple(" ".join(piece) for piece in pieces if piece)


# What within a kind holds lines: lists of points, lists of such lists, or other geometries.
_PARTS = {"FeatureCollection": "features", "GeometryCollection": "geometries"}
_DEPTHS = {"Point": -1, "MultiPoint": -1, "LineString": 0, "MultiLineString": 1, "Polygon": 1, "MultiPolygon": 2}


def _lines(told: Any) -> Iterator[Line]:
    kind = told["type"]
    if kind in _PARTS:
        for one in told[_PARTS[kind]]:
            yield from _lines(one)
    elif kind == "Feature":
        if told["geometry"] is not None:
            yield from _lines(told["geometry"])
    elif kind not in _DEPTHS:
        raise ValueError(f"'{kind}' is no kind of geometry")
    elif _DEPTHS[kind] >= 0:
        nested = [told["coordinates"]]
        for _ in range(_DEPTHS[kind]):
            nested = [part for one in nested for part in one]
        yield from map(_line, nested)


def _line(coordinates: Any) -> Line:
    line = tuple((float(one[0]), float(one[1])) for one in coordinates)
    if not all(abs(x) <= 180 and abs(y) <= 90 for x, y in line):
        raise ValueError("coordinates are degrees of longitude and latitude")
    return line
