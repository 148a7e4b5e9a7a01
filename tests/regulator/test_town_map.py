"""Promises of the map: true to scale, north up, coloured, nothing from elsewhere; towns ranked by what is known."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from regulator.conftest import Regulator
from regulator.sample import CANTEEN

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import setup, table_import
from kitchenvision.regulator.access import EVERYTHING, Role
from kitchenvision.regulator.district_view import Place, Row
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Place as Work
from kitchenvision.regulator.scoring import Colour, Reason, Score
from kitchenvision.regulator.scoring_store import DayColour
from kitchenvision.regulator.table_import import Kind, read_cells
from kitchenvision.regulator.town_map import FILE, HEIGHT, MARGIN, WIDTH, draw, ranking, read_outlines

TODAY = date(2026, 11, 28)


def row(name: str, town: str = "东街", score: float | None = 1.0, change: float | None = None) -> Row:
    """A canteen of the district table."""
    colour = Colour.GREY if score is None else Colour.RED if score > 9 else Colour.GREEN
    told = Score(
        at=datetime(2026, 11, 28, tzinfo=UTC),
        colour=colour,
        reason=Reason.SCORE,
        score=score,
        total=0.0,
        camera_hours=1.0,
        coverage=1.0,
        points=(),
        first_day=None,
        open_today=True,
    )
    return Row(Place(name, name, town, "default"), told, (), (), change)


def test_north_is_up_east_is_right_and_the_scale_is_the_same_both_ways() -> None:
    # At 60 degrees a degree of longitude is half as long as one of latitude.
    drawing = draw([(row("sw"), (10.0, 59.9)), (row("se"), (10.4, 59.9)), (row("nw"), (10.0, 60.1))], [])
    at = {mark.name: (mark.x, mark.y) for mark in drawing.marks}
    assert at["se"][0] > at["sw"][0]
    assert at["nw"][1] < at["sw"][1]
    assert at["se"][0] - at["sw"][0] == pytest.approx(at["sw"][1] - at["nw"][1], rel=0.01)
    for x, y in at.values():
        assert MARGIN - 1 <= x <= WIDTH - MARGIN + 1
        assert MARGIN - 1 <= y <= HEIGHT - MARGIN + 1


def test_one_canteen_alone_is_drawn_in_the_middle_and_the_worst_on_top() -> None:
    alone = draw([(row("a"), (116.0, 40.0))], []).marks[0]
    assert (alone.x, alone.y) == pytest.approx((WIDTH / 2, HEIGHT / 2), abs=1)
    marks = draw([(row("red", score=50.0), (1, 1)), (row("green"), (1, 1)), (row("none", score=None), (1, 1))], [])
    assert [mark.name for mark in marks.marks] == ["green", "none", "red"]
    assert draw([], []).marks == ()


SQUARE = [[0, 0], [0, 1], [1, 1], [0, 0]]
GEOMETRIES = [
    ({"type": "LineString", "coordinates": SQUARE}, 1),
    ({"type": "Polygon", "coordinates": [SQUARE, SQUARE]}, 2),
    ({"type": "MultiLineString", "coordinates": [SQUARE]}, 1),
    ({"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE, SQUARE]]}, 3),
    ({"type": "Point", "coordinates": [0, 0]}, 0),
    ({"type": "GeometryCollection", "geometries": [{"type": "LineString", "coordinates": SQUARE}]}, 1),
    ({"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [SQUARE]}}, 1),
    ({"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": None}]}, 0),
]


@pytest.mark.parametrize(("told", "lines"), GEOMETRIES)
def test_every_kind_of_geojson_is_read(tmp_path: Path, told: dict[str, Any], lines: int) -> None:
    assert read_outlines(tmp_path) == []
    (tmp_path / FILE).write_text(json.dumps(told), "utf-8")
    found = read_outlines(tmp_path)
    assert len(found) == lines
    assert all(line == ((0, 0), (0, 1), (1, 1), (0, 0)) for line in found)


@pytest.mark.parametrize(
    "content",
    [
        *(
            "",
            "[]",
            "{}",
            '{"type": "Circle"}',
            '{"type": "LineString"}',
            '{"type": "LineString", "coordinates": 5}',
        ),
        '{"type": "LineString", "coordinates": [[400, 0], [0, 0]]}',  # metres, not degrees
        '{"type": "LineString", "coordinates": [[NaN, 0], [0, 0]]}',
        '{"type": "FeatureCollection", "features": [5]}',
    ],
)
def test_what_is_no_geojson_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content, "utf-8")
    with pytest.raises(SettingsError, match=FILE):
        read_outlines(tmp_path)


def test_towns_are_ranked_by_mean_score_and_grey_ones_come_last() -> None:
    rows = [row("a", "east", 2.0, 1.0), row("b", "east", 4.0), row("c", "west", 10.0, -2.0), row("d", "none", None)]
    rows.append(row("e", "west", None))
    told = ranking(rows, {}, TODAY, 3)
    assert [(one.town, one.score, one.change, one.canteens) for one in told] == [
        ("west", 10.0, -2.0, 2),
        ("east", 3.0, 1.0, 2),
        ("none", None, None, 1),
    ]
    assert told[0].colours == {Colour.RED: 1, Colour.GREY: 1}


def test_a_towns_trend_is_the_mean_of_each_day_with_gaps_where_nothing_is_known() -> None:
    def day(ago: int, score: float | None) -> DayColour:
        return DayColour(TODAY - timedelta(days=ago), Colour.GREEN, score, 1.0, 1.0)

    strips = {"a": (day(4, 10.0), day(3, None), day(2, 4.0)), "b": (day(4, 30.0), day(2, None), day(1, 20.0))}
    told = ranking([row("a"), row("b")], strips, TODAY, 4)[0]
    assert told.trend == ("0.5,0.0", "2.5,16.0 3.5,0.0")


def test_the_page_shows_what_is_placed_and_says_what_is_not(regulator: Regulator) -> None:
    browser = regulator.logged_in()
    assert "No canteen has coordinates yet" in browser.get("/cockpit/map", params={"lang": "en"}).text
    setup.add_canteen(regulator.settings, "nowhere", "某<b>食堂")
    table = f"canteen_id,latitude,longitude\n{CANTEEN},39.9,116.4\n".encode()
    with regulator.app.state.parts.database.writing() as session:
        rows = table_import.check(session, EVERYTHING, Kind.COORDINATES, read_cells(table))
        table_import.keep(session, EVERYTHING, Kind.COORDINATES, rows, now())
    page = browser.get("/cockpit/map", params={"lang": "en"}).text
    assert f'href="/canteens/{CANTEEN}" class="grey"' in page
    assert "1 of 2 canteens have no coordinates" in page
    assert "nowhere" not in page
    (regulator.settings.data_dir / FILE).write_text('{"type": "Circle"}', "utf-8")
    assert "cannot be read as GeoJSON" in browser.get("/cockpit/map").text
    (regulator.settings.data_dir / FILE).write_text(json.dumps(GEOMETRIES[0][0]), "utf-8")
    assert "<polyline points=" in browser.get("/cockpit/map").text


def test_an_inspector_sees_his_towns_alone(regulator: Regulator) -> None:
    setup.add_town(regulator.settings, "west", "西街")
    setup.add_canteen(regulator.settings, "west-1", town_id="west")
    setup.add_person(regulator.settings, "wang", Role.INSPECTOR, Work(("west",)))
    with regulator.app.state.parts.database.writing() as session:
        for canteen in (CANTEEN, "west-1"):
            table = f"canteen_id,latitude,longitude\n{canteen},39.9,116.4\n".encode()
            rows = table_import.check(session, EVERYTHING, Kind.COORDINATES, read_cells(table))
            table_import.keep(session, EVERYTHING, Kind.COORDINATES, rows, now())
    page = regulator.logged_in("wang").get("/cockpit/map").text
    assert "west-1" in page
    assert CANTEEN not in page
