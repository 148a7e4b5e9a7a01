"""Promises of the bulk import: all canteens of a table or none, a wrong line is named, tokens are secret."""

import csv
import io
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import Workbook
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from kitchenvision.cli import app
from kitchenvision.errors import SettingsError
from kitchenvision.regulator import setup, table_import
from kitchenvision.regulator.access import EVERYTHING, Right, Scope
from kitchenvision.regulator.canteens import canteen_of, canteens, towns
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.table_import import Kind, read_cells
from kitchenvision.regulator.tables import Camera, Canteen

GOOD = "canteen_id,name,town_id,town_name\nc1,第一小学,east,东街\nc2,第二小学,west,西街\nc3,第三小学,east,东街\n"


def workbook(rows: list[list[object]]) -> bytes:
    """An XLSX file with these rows."""
    book, written = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    book.save(written)
    return written.getvalue()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A database with the canteen `here`, the town `east`, and `far` with `there` of another district."""
    settings = RegulatorSettings(tmp_path / "own")
    setup.add_town(settings, "east")
    setup.add_town(settings, "far", district_id="elsewhere")
    setup.add_canteen(settings, "here", town_id="east")
    setup.add_canteen(settings, "there", town_id="far")
    with setup.opened(settings) as database, database.writing() as one:
        yield one


OWN = Scope(frozenset({Right.PEOPLE}), "default")


def flaws(session: Session, text: str, kind: Kind = Kind.CANTEENS) -> list[list[tuple[str, str]]]:
    """What is wrong with each row."""
    rows = table_import.check(session, OWN, kind, read_cells(text.encode()))
    return [[(flaw.kind, flaw.what) for flaw in row.flaws] for row in rows]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1"),
        ("canteen_id,name\n", "line 1"),
        ("canteen_id\nc1\n", "line 1"),
        ("canteen_id,name,name\nc1,a,b\n", "line 1"),
        ("canteen_id,name,colour\nc1,a,red\n", "colour"),
        ("canteen_id,name\nc1,a\n,b\n", "line 3.*canteen_id is empty"),
        ("canteen_id,name\nc1, \n", "line 2.*name is empty"),
        ("canteen_id,name\nc1,a\nc1,b\n", "line 3.*line 2"),
        ("canteen_id,name\nc1,a,b\n", "line 2.*more cells"),
        ('canteen_id,name\nc1,"a\n', "line"),
    ],
)
def test_a_wrong_table_names_its_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        setup.import_canteens(RegulatorSettings(tmp_path), text.encode())


def test_each_row_has_its_own_flaws(session: Session) -> None:
    header = "canteen_id,name,town_id,latitude,longitude\n"
    assert flaws(session, header + "a,A,east,39.9,116.4\nb,B,,,\n") == [[], []]
    wrong = "here,A,east,,\nthere,B,far,,\nc,,north,91,1\nd,D,,nan,2\ne,E,,,3\n" + "f" * 201 + ",F,,,\n"
    assert flaws(session, header + wrong) == [
        [("exists", "here")],
        [("exists", "there"), ("town", "far")],
        [("empty", "name"), ("degrees", "latitude")],
        [("degrees", "latitude")],
        [("pair", "longitude")],
        [("long", "canteen_id")],
    ]


def test_cameras_are_of_canteens_that_are_there_and_are_named_anew(session: Session) -> None:
    header = "食堂编号,摄像头编号,名称,厨房\n"
    wrong = "here,c1,灶台,一号厨房\nhere,c1,灶台,\nthere,c1,x,\n,c2,x,\nhere,c3,,\n"
    assert flaws(session, header + wrong, Kind.CAMERAS) == [
        [],
        [("twice", "2")],
        [("canteen", "there")],
        [("empty", "canteen_id")],
        [("empty", "name")],
    ]
    for name in ("灶台", "备餐台"):
        cells = read_cells((header + f"here,c1,{name},一号厨房\n").encode())
        rows = table_import.check(session, OWN, Kind.CAMERAS, cells)
        assert table_import.keep(session, OWN, Kind.CAMERAS, rows, now()) == {}
        kept = session.get_one(Camera, ("here", "c1"))
        assert (kept.name, kept.kitchen) == (name, "一号厨房")


def test_xlsx_and_csv_say_the_same(session: Session) -> None:
    rows: list[list[object]] = [
        ["canteen_id", "name", "latitude", "longitude", None],
        [7.0, " 七小 ", 39.5, 116, None],
    ]
    told = table_import.check(session, OWN, Kind.CANTEENS, read_cells(workbook([*rows, [None] * 5])))
    plain = table_import.check(
        session,
        OWN,
        Kind.CANTEENS,
        read_cells("\ufeffcanteen_id ,name,latitude,longitude\n7,七小,39.5,116\n\n".encode()),
    )
    assert told == plain
    assert told[0].values["canteen_id"] == "7"
    table_import.keep(session, OWN, Kind.CANTEENS, told, now())
    assert session.get_one(Canteen, "7").longitude == 116.0


@pytest.mark.parametrize("data", [b"PK\x03\x04 no archive", b"\xff\xfe\x00\x81", workbook([])[:200]])
def test_a_file_that_is_no_table_is_refused(data: bytes) -> None:
    with pytest.raises(SettingsError):
        read_cells(data)


def test_too_many_rows_are_refused() -> None:
    text = "canteen_id,name\n" + "".join(f"c{n},x\n" for n in range(table_import.MOST_ROWS + 1))
    with pytest.raises(SettingsError, match="too many"):
        read_cells(text.encode())
    with pytest.raises(SettingsError, match="too many"):
        read_cells(workbook([["a"]] * (table_import.MOST_ROWS + 5)))


def test_an_archive_that_unpacks_to_too_much_is_refused() -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b" " * 100_000_001)
    with pytest.raises(SettingsError, match="too large"):
        read_cells(written.getvalue())


def test_canteens_come_with_their_towns_and_working_tokens(tmp_path: Path) -> None:
    settings = RegulatorSettings(tmp_path)
    tokens = setup.import_canteens(settings, GOOD.encode())
    database = setup.open_database(settings)
    with database.reading() as session:
        assert {(one.canteen_id, one.town_id) for one in canteens(session, EVERYTHING)} == {
            ("c1", "east"),
            ("c2", "west"),
            ("c3", "east"),
        }
        assert {town.name for town in towns(session, EVERYTHING)} >= {"东街", "西街"}
        owner = canteen_of(session, tokens["c2"])
        assert owner is not None
        assert owner.canteen_id == "c2"
    database.close()


def test_one_wrong_line_adds_nothing(tmp_path: Path) -> None:
    settings = RegulatorSettings(tmp_path)
    setup.add_canteen(settings, "c3")
    with pytest.raises(SettingsError, match="line 4"):
        setup.import_canteens(settings, GOOD.encode())
    database = setup.open_database(settings)
    with database.reading() as session:
        assert [one.canteen_id for one in canteens(session, EVERYTHING)] == ["c3"]
    database.close()


def run(*words: str) -> tuple[int, str]:
    """Exit code and output of a command; errors of settings are raised."""
    result = CliRunner().invoke(app, ["regulator", *words])
    if isinstance(result.exception, SettingsError):
        raise result.exception
    return result.exit_code, result.output


def test_the_commands_make_a_district(tmp_path: Path) -> None:
    table, tokens, data = tmp_path / "t.csv", tmp_path / "tokens.csv", str(tmp_path / "data")
    table.write_text(GOOD, "utf-8-sig")
    assert run("import-canteens", str(table), "--tokens", str(tokens), "--data", data)[0] == 0
    assert stat.S_IMODE(tokens.stat().st_mode) == 0o600
    assert [row["canteen_id"] for row in csv.DictReader(tokens.read_text("utf-8").splitlines())] == [
        "c1",
        "c2",
        "c3",
    ]
    assert run("add-town", "north", "--name", "北街", "--data", data)[0] == 0
    assert run("move-canteen", "c1", "north", "--data", data)[0] == 0
    assert run("add-canteen", "c4", "--town", "north", "--data", data)[0] == 0
    assert run("add-person", "wang", "--town", "east", "--town", "north", "--data", data)[0] == 0
    assert run("add-person", "chef", "--role", "canteen", "--canteen", "c2", "--data", data)[0] == 0
    assert run("disable-person", "chef", "--data", data)[0] == 0
    listed = run("list-people", "--data", data)[1].splitlines()
    assert listed == ["chef\tcanteen\tc2\tdisabled", "wang\tinspector\teast,north\tactive"]
    assert run("disable-person", "chef", "--enable", "--data", data)[0] == 0
    assert "disabled" not in run("list-people", "--data", data)[1]


def test_tokens_are_never_written_over_a_file_and_none_is_left_after_a_failure(tmp_path: Path) -> None:
    table, tokens, data = tmp_path / "t.csv", tmp_path / "tokens.csv", str(tmp_path / "data")
    table.write_text("canteen_id,name\nc1,\n", "utf-8")
    words = ("import-canteens", str(table), "--tokens", str(tokens), "--data", data)
    with pytest.raises(SettingsError, match="line 2"):
        run(*words)
    assert not tokens.exists()
    tokens.write_text("mine", "utf-8")
    with pytest.raises(SettingsError, match="cannot be made"):
        run(*words)
    assert tokens.read_text("utf-8") == "mine"


def test_a_table_in_the_encoding_of_chinese_spreadsheets_is_read(tmp_path: Path) -> None:
    table, data = tmp_path / "t.csv", tmp_path / "d"
    table.write_bytes("canteen_id,name\nc1,一号\n".encode("gbk"))
    assert run("import-canteens", str(table), "--tokens", str(tmp_path / "t"), "--data", str(data))[0] == 0
    with setup.opened(RegulatorSettings(data)) as database, database.reading() as session:
        assert [one.name for one in canteens(session, EVERYTHING)] == ["一号"]
