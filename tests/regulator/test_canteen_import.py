"""Promises of the bulk import: all canteens of a table or none, a wrong line is named, tokens are secret."""

import csv
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kitchenvision.cli import app
from kitchenvision.errors import SettingsError
from kitchenvision.regulator import setup
from kitchenvision.regulator.access import EVERYTHING
from kitchenvision.regulator.canteen_import import read_rows
from kitchenvision.regulator.canteens import canteen_of, canteens, towns
from kitchenvision.regulator.settings import RegulatorSettings

GOOD = "canteen_id,name,town_id,town_name\nc1,第一小学,east,东街\nc2,第二小学,west,西街\nc3,第三小学,east,东街\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1"),
        ("canteen_id\nc1\n", "line 1"),
        ("canteen_id,name,colour\nc1,a,red\n", "colour"),
        ("canteen_id,name\nc1,a\n,b\n", "line 3.*canteen_id is empty"),
        ("canteen_id,name\nc1, \n", "line 2.*name is empty"),
        ("canteen_id,name\nc1,a\nc1,b\n", "line 3.*line 2"),
        ("canteen_id,name\nc1,a,b\n", "line 2.*more cells"),
        ('canteen_id,name\nc1,"a\n', "line"),
    ],
)
def test_a_wrong_table_names_its_line(text: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        read_rows(text)


def test_columns_come_in_any_order_with_a_byte_order_mark_and_spaces() -> None:
    rows = read_rows("\ufeffname , canteen_id\n 一号 ,c1\n")
    assert [(row.canteen_id, row.name, row.town_id) for row in rows] == [("c1", "一号", "default")]


def test_canteens_come_with_their_towns_and_working_tokens(tmp_path: Path) -> None:
    settings = RegulatorSettings(tmp_path)
    tokens = dict(setup.import_canteens(settings, GOOD))
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
        setup.import_canteens(settings, GOOD)
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


def test_a_table_in_another_encoding_is_refused_with_a_word(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_bytes("canteen_id,name\nc1,一号\n".encode("gbk"))
    with pytest.raises(SettingsError, match="UTF-8"):
        run("import-canteens", str(table), "--tokens", str(tmp_path / "t"), "--data", str(tmp_path / "d"))
