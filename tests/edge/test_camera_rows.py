"""Files as offices really have them: damaged, of another program, too large; a word on each, never a traceback."""

import io
import random
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from kitchenvision.edge.brands import BRANDS, RTSP_PORT
from kitchenvision.edge.camera_rows import COLUMNS, CameraRow, read_cameras
from kitchenvision.errors import SettingsError
from kitchenvision.frames.dialing import is_live

HEAD = "id,name,brand,host,port,channel,url,username,password\n"
SECRET = "hunter2"
CELLS = st.one_of(
    st.sampled_from(
        ["", *BRANDS, "192.0.2.1", "[::1]", "554", "0", "rtsp://h/a", f"rtsp://a:{SECRET}@h/a", "main"]
    ),
    st.text(max_size=12),
)


def read(data: bytes | str, name: str = "cameras.csv", taken: tuple[str, ...] = ()) -> list[CameraRow]:
    """The rows of a file with that content."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return read_cameras(path, taken)


def taken_or_told(data: bytes, name: str, taken: tuple[str, ...] = ()) -> tuple[list[CameraRow], str]:
    """The rows, or why there are none."""
    try:
        return read(data, name, taken), ""
    except SettingsError as error:
        return [], error.problem


def problem(data: bytes | str, name: str = "cameras.csv") -> str:
    """Why nothing was taken."""
    with pytest.raises(SettingsError) as caught:
        read(data, name)
    assert SECRET not in str(caught.value)
    return caught.value.problem


def workbook(*rows: list[object]) -> bytes:
    """An XLSX file."""
    book, out = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    book.save(out)
    return out.getvalue()


def without(data: bytes, part: str, keep: float) -> bytes:
    """The workbook with only the first share of one of its parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            after.writestr(name, content[: int(len(content) * keep)] if name == part else content)
    return out.getvalue()


GOOD = workbook(["id", "brand", "host"], *([f"c{i}", "dahua", f"192.0.2.{i}"] for i in range(40)))


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_on_any_computer(ends: str) -> None:
    """An old program for the Mac ends them with one sign that Python's reader takes for none."""
    text = HEAD + "a,,dahua,192.0.2.1,,,,,\nb,,dahua,192.0.2.2,,,,,\n"
    assert [row.id for row in read(text.replace("\n", ends))] == ["a", "b"]


def test_a_name_of_two_lines_in_quotation_marks_is_one_row() -> None:
    """As spreadsheets write it; the row after it is told by the right number."""
    text = HEAD + '"a","热菜间\n左边",dahua,192.0.2.1,,,,,\nb,,nobody,192.0.2.2,,,,,\n'
    assert "row 3, brand" in problem(text)
    assert read(text.replace("nobody", "dahua"))[0].name == "热菜间\n左边"


def test_a_quotation_mark_that_is_not_closed_is_told_as_such() -> None:
    """It swallows all the rest, which is more than a cell can hold."""
    told = problem(HEAD + f'a,"{SECRET},dahua,192.0.2.1,,,,,\n' + "b,,dahua,192.0.2.2,,,,,\n" * 9000)
    assert "quotation mark" in told


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        ("a,,dahua,192.0.2.1,0,,,,", "port", "1 to 65535"),
        ("a,,dahua,192.0.2.1,65536,,,,", "port", "1 to 65535"),
        ("a,,dahua,192.0.2.1,-1,,,,", "port", "1 to 65535"),
        ("a,,dahua,192.0.2.1," + "9" * 5000 + ",,,,", "port", "1 to 65535"),
        ("a,,dahua,192.0.2.1,,257,,,", "channel", "1 to 256"),
        ("a,,dahua,192.0.2.1,,²,,,", "channel", "1 to 256"),
        ("a,,dahua,192.0.2.1:8554,,,,,", "host", "a port stands by itself"),
        ("a,,dahua,[192.0.2.1],,,,,", "host", "IP address is expected"),
        ("a,,dahua,rtsp://192.0.2.1,,,,,", "host", "IP address is expected"),
        ("a,,,192.0.2.1,,,,,", "brand", "hikvision"),
        ("a,,,,,,ftp://192.0.2.1/x,,", "url", "rtsp"),
        (",,,,,,rtsp://,,", "url", "after ://"),
        ("厨房,,dahua,192.0.2.1,,,,,", "id", "pattern"),
        ("a,,dahua,192.0.2.1,,,,," + SECRET, "username", "a password needs its username"),
    ],
)
def test_each_wrong_cell_is_named_with_what_was_expected(cells: str, column: str, words: str) -> None:
    """So that it can be mended in the spreadsheet."""
    told = problem(HEAD + cells + "\n").splitlines()
    assert told[0].startswith("1 rows are wrong, nothing was taken")
    assert told[1].startswith(f"row 2, {column}: ")
    assert words in told[1]


def test_full_width_digits_are_digits() -> None:
    """A Chinese keyboard writes them, and a person sees no difference."""
    (row,) = read(HEAD + "a,,hikvision,192.0.2.1,８５５４,３,,,\n")
    assert row.url == "rtsp://192.0.2.1:8554/Streaming/Channels/302"


def test_an_id_that_is_made_holds_nothing_of_the_query() -> None:
    """Some cameras take their password there, and an id stands in folders, reports and on the wall."""
    (row,) = read(HEAD + f",,,,,,rtsp://192.0.2.1:554/live?user=admin&pwd={SECRET},,\n")
    assert row.id == "192-0-2-1-554-live"
    assert SECRET not in row.shown
    assert SECRET in row.url


def test_two_rows_of_one_device_without_ids_ask_for_them() -> None:
    """The second is told to stand there already; with channels each has its own."""
    twice = HEAD + ",,dahua,192.0.2.1,,,,,\n" * 2
    assert "row 3, id: 192-0-2-1 stands in row 2 already" in problem(twice)
    both = HEAD + ",,dahua,192.0.2.1,,1,,,\n,,dahua,192.0.2.1,,2,,,\n"
    assert [row.id for row in read(both)] == ["192-0-2-1-1", "192-0-2-1-2"]


def test_more_rows_or_bytes_than_any_canteen_has_are_refused() -> None:
    """Somebody chose another file."""
    rows = HEAD + "".join(f"c{i},,dahua,192.0.2.1,,,,,\n" for i in range(1000))
    assert "more than 1000 rows" in problem(rows)
    assert "5 MB" in problem(rows + " " * 5_000_000)


@pytest.mark.parametrize(
    "data", [b"\xff\xfe" + HEAD.encode("utf-16-le"), b"\x81\x20\xff", b"\x89PNG\r\n\x1a\n\xff"]
)
def test_what_is_no_text_in_either_encoding_says_what_to_save_it_as(data: bytes) -> None:
    """UTF-16 of a Windows editor, or a picture."""
    assert "save it as CSV UTF-8" in problem(data)


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml", "[Content_Types].xml"]
)
def test_a_workbook_that_is_cut_off_anywhere_is_told_and_nothing_of_it_taken(part: str, keep: float) -> None:
    """Also one whose first rows can still be read."""
    assert "save it anew, or as CSV" in problem(without(GOOD, part, keep), "cameras.xlsx")


@pytest.mark.parametrize("seed", range(24))
def test_a_workbook_with_wrong_bytes_is_read_or_told_never_worse(seed: int) -> None:
    """A stick that was pulled out too early."""
    rng, data = random.Random(seed), bytearray(GOOD)
    for _ in range(3):
        data[rng.randrange(len(data))] = rng.randrange(256)
    rows, told = taken_or_told(bytes(data), "cameras.xlsx")
    assert len(rows) <= 40
    assert bool(rows) != bool(told)


def test_cells_of_a_workbook_that_are_no_text_are_read_as_people_see_them() -> None:
    """A port with decimals is a mistake; an empty row in between is none."""
    head: list[object] = ["编号", "品牌", "地址", "端口", "通道", "密码", "用户名"]
    rows: list[list[object]] = [[101, "海康", "192.0.2.1", 554.0, 2, 123456.0, "admin"], [None] * 7]
    (row,) = read(workbook(head, *rows), "cameras.XLSX")
    assert (row.id, row.password, row.url) == ("101", "123456", "rtsp://192.0.2.1:554/Streaming/Channels/202")
    rows.append([102, "海康", "192.0.2.1", 554.5, 2, None, None])
    assert "row 4, port" in problem(workbook(head, *rows), "cameras.xlsx")


@given(st.binary(max_size=400))
def test_any_file_is_taken_or_told(data: bytes) -> None:
    """Whatever somebody drops there."""
    for name in ("a.csv", "a.xlsx"):
        rows, told = taken_or_told(data, name)
        assert bool(rows) != bool(told)


@given(st.lists(st.lists(CELLS, min_size=len(COLUMNS), max_size=len(COLUMNS)), min_size=1, max_size=6))
def test_what_is_taken_can_be_dialled_and_what_is_not_is_told_row_by_row(rows: list[list[str]]) -> None:
    """All or none: every row that is taken has an id of its own, an address and no user in it."""
    text = io.StringIO()
    text.write(",".join(COLUMNS) + "\n")
    for row in rows:
        text.write(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n")
    taken, problem = taken_or_told(text.getvalue().encode(errors="replace"), "a.csv", ("cooking",))
    told = [line for line in problem.split("\n") if line.startswith("row ")]
    if problem:
        assert problem.startswith(("no camera in it", f"{len(told)} rows are wrong"))
    assert SECRET not in problem
    assert len({row.id for row in taken} | {"cooking"}) == len(taken) + 1
    for row in taken:
        assert is_live(row.url)
        assert "@" not in row.url
        assert SECRET not in row.id + row.shown
        assert row.username or not row.password


def test_the_port_of_rtsp_is_the_one_that_is_dialled_without_another() -> None:
    """And a brand in capitals is the same brand."""
    (row,) = read(HEAD + "a,,DAHUA,192.0.2.1,,,,,\n")
    assert f":{RTSP_PORT}/" in row.url
