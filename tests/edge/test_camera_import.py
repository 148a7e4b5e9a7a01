"""`kitchenvision camera import`: all rows or none, each wrong one told, passwords only where they belong."""

import json
import os
import stat
from pathlib import Path

import pytest
from editable import RULES, TOML
from openpyxl import Workbook
from typer.testing import CliRunner

from kitchenvision.cli import app
from kitchenvision.edge.camera_rows import read_cameras
from kitchenvision.edge.settings import addresses, read_edge_settings
from kitchenvision.errors import SettingsError

HEAD = "id,name,brand,host,port,channel,stream,username,password\n"
GOOD = HEAD + "fry,热菜间,海康威视,192.0.2.10,,3,sub,viewer,p@ss/hunter2\nwash,,dahua,192.0.2.11,8554,,main,,\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "edge.toml"
    path.write_text(TOML, "utf-8")
    return path


def table(config: Path, text: str, encoding: str = "utf-8") -> str:
    """The path of a CSV with that text."""
    path = config.parent / "cameras.csv"
    path.write_bytes(text.encode(encoding))
    return str(path)


def run(config: Path, *arguments: str) -> str:
    """What was printed."""
    result = CliRunner().invoke(
        app, ["camera", "import", *arguments, "--config", str(config)], catch_exceptions=False
    )
    assert result.exit_code == 0
    assert "hunter2" not in result.output
    return result.stdout


def refused(path: str, *taken: str) -> str:
    """Why nothing was taken."""
    with pytest.raises(SettingsError) as caught:
        read_cameras(Path(path), taken)
    assert "hunter2" not in str(caught.value)
    return str(caught.value)


def test_without_write_they_are_only_shown(config: Path) -> None:
    """The preview shows that there is a password, and not which."""
    out = run(config, table(config, GOOD))
    assert "nothing is written yet" in out
    assert "given" in out
    assert config.read_text("utf-8") == TOML
    assert sorted(os.listdir(config.parent)) == ["cameras.csv", "edge.toml"]


def test_all_are_added_on_probation_with_their_passwords_beside(config: Path) -> None:
    """The address that is dialled has the password; the settings have none."""
    row = json.loads(run(config, table(config, GOOD), "--write", "--json"))
    assert (row["written"], row["cameras"][0]["password"], row["cameras"][1]["password"]) == (True, True, False)
    text = config.read_text("utf-8")
    settings = read_edge_settings(config, RULES)
    fry, wash = settings.cameras[2:]
    assert "hunter2" not in text
    assert all(line in text for line in TOML.splitlines())
    assert (fry.name, fry.probation, wash.probation) == ("热菜间", True, True)
    urls = addresses(settings, "here", {})
    assert urls["fry"] == "rtsp://viewer:p%40ss%2Fhunter2@192.0.2.10:554/Streaming/Channels/302"
    assert urls["wash"] == "rtsp://192.0.2.11:8554/cam/realmonitor?channel=1&subtype=0"
    secret = config.parent / "secrets" / "fry"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
    result = CliRunner().invoke(app, ["camera", "release", "fry", "--config", str(config)], catch_exceptions=False)
    assert result.exit_code == 0
    assert [c.id for c in read_edge_settings(config, RULES).cameras if c.probation] == ["wash"]


def test_a_wrong_row_leaves_everything_as_it_was_and_every_wrong_row_is_told(config: Path) -> None:
    """By its number in the file and its column, without values that could be secret."""
    text = HEAD + (
        "a,,hikvision,192.0.2.1,,,,viewer,hunter2\n"
        "b,,nobody,192.0.2.1,,,,,\n"
        "c,,dahua,,,,,,\n"
        "\n"
        "d,,dahua,192.0.2.1,99999,,,,\n"
        "e,,tp-link,192.0.2.1,,2,,,\n"
        "f,,dahua,192.0.2.1,,,third,,\n"
        "g,,dahua,192.0.2.1,,,,,hunter2\n"
        "h h,,dahua,192.0.2.1,,,,,\n"
        "a,,dahua,192.0.2.2,,,,,\n"
        "cooking,,dahua,192.0.2.2,,,,,\n"
    )
    path = table(config, text)
    problem = refused(path, "cooking", "serving")
    told = dict(line.removeprefix("row ").split(", ", 1) for line in problem.splitlines()[1:])
    assert problem.splitlines()[0].endswith("9 rows are wrong, nothing was taken:")
    assert {row: text.partition(":")[0] for row, text in told.items()} == {
        "3": "brand", "4": "host", "6": "port", "7": "channel", "8": "stream", "9": "username", "10": "id",
        "11": "id", "12": "id",
    }  # fmt: skip
    assert "row 2 already" in told["11"]
    assert "settings already" in told["12"]
    result = CliRunner().invoke(app, ["camera", "import", path, "--write", "--config", str(config)])
    assert isinstance(result.exception, SettingsError)
    assert config.read_text("utf-8") == TOML
    assert not (config.parent / "secrets").exists()


def test_a_url_of_ones_own_is_taken_but_not_with_a_password_in_it(config: Path) -> None:
    """Its query is not shown: some cameras put passwords there."""
    path = table(config, "id,url\nown,rtsp://192.0.2.1/live?pwd=hunter2\n")
    assert "rtsp://192.0.2.1/live" in run(config, path)
    path = table(config, "id,url\nown,rtsp://viewer:hunter2@192.0.2.1/live\n")
    assert "row 2, url: no user or password" in refused(path)


@pytest.mark.parametrize(("encoding", "delimiter"), [("utf-8-sig", ","), ("gb18030", ";"), ("utf-8", "\t")])
def test_chinese_columns_and_the_encodings_that_excel_writes(config: Path, encoding: str, delimiter: str) -> None:
    """An id is made where there is none."""
    text = "名称,品牌,IP,通道,密码,用户名\n热菜间,海康,192.0.2.9,2,x,admin\n".replace(",", delimiter)
    (camera,) = read_cameras(Path(table(config, text, encoding)), [])
    assert (camera.id, camera.name, camera.username) == ("192-0-2-9-2", "热菜间", "admin")


def test_a_workbook_is_read_with_its_numbers_as_they_look(config: Path) -> None:
    """Ports and channels are numbers there, and so may be a password."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["id", "brand", "host", "port", "channel", "username", "password"],
                ["fry", "uniview", "192.0.2.3", 554, 7.0, "admin", 12345678], [None] * 7):  # fmt: skip
        sheet.append(row)
    path = config.parent / "cameras.xlsx"
    book.save(path)
    (camera,) = read_cameras(path, [])
    assert (camera.url, camera.password) == ("rtsp://192.0.2.3:554/unicast/c7/s1/live", "12345678")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no camera"),
        (HEAD, "no camera"),
        ("id,colour\na,red\n", "unknown columns: colour"),
        ("id,编号\na,b\n", "twice: id"),
    ],
)
def test_what_is_no_table_of_cameras_is_refused(config: Path, text: str, words: str) -> None:
    """With what is allowed."""
    assert words in refused(table(config, text))


def test_other_files_are_refused(config: Path) -> None:
    """Not with a traceback."""
    broken = config.parent / "broken.xlsx"
    broken.write_bytes(b"PK nothing")
    assert "cannot be read as XLSX" in refused(str(broken))
    assert "cannot be read" in refused(str(config.parent / "none.csv"))


def test_when_the_settings_cannot_be_written_no_password_stays_behind(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that is there already is not overwritten."""
    path = table(config, GOOD)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        result = CliRunner().invoke(app, ["camera", "import", path, "--write", "--config", str(config)])
    assert isinstance(result.exception, SettingsError)
    assert os.listdir(config.parent / "secrets") == []
    (config.parent / "secrets" / "fry").write_text("older")
    result = CliRunner().invoke(app, ["camera", "import", path, "--write", "--config", str(config)])
    assert "is there already" in str(result.exception)
    assert (config.parent / "secrets" / "fry").read_text() == "older"
    assert config.read_text("utf-8") == TOML
