"""Rows of a table, whichever program wrote it."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from kitchenvision.errors import SettingsError
from kitchenvision.spreadsheet import Row, rows_of

CELLS = st.text(st.characters(codec="gb18030", exclude_categories=("C", "Z")), max_size=8)


def workbook(rows: list[list[str]]) -> bytes:
    book, out = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_programs_part_cells_and_write_letters_as_they_like(delimiter: str, encoding: str) -> None:
    text = "编号,名称\n1, 热菜间 \n".replace(",", delimiter)
    assert rows_of(text.encode(encoding), "t", 10) == [(1, ["编号", "名称"]), (2, ["1", "热菜间"])]


def filled(rows: list[Row]) -> list[Row]:
    """Without the empty cells at the ends of rows, of which a workbook has more."""
    return [(number, " ".join(cells).split()) for number, cells in rows]


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=5))
def test_a_workbook_says_what_its_csv_says(cells: list[list[str]]) -> None:
    rows, text = [["id", "name"], *([cell.lstrip("=") for cell in row] for row in cells)], io.StringIO()
    csv.writer(text).writerows(rows)
    assert filled(rows_of(workbook(rows), "t", 10)) == filled(rows_of(text.getvalue().encode(), "t", 10))


def test_no_more_of_a_workbook_is_read_than_tells_that_it_is_too_long() -> None:
    assert len(rows_of(workbook([["a"]] * 100), "t", 10)) == 12


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"PK\x03\x04 no archive", "t: the file: cannot be read as XLSX; save it anew, or as CSV"),
        (b"\xff\xfe\x00\x81", "t: the file: is neither XLSX nor CSV: save it as CSV UTF-8"),
        (b'a,b\n"c,d\n', r"t: line 2: is no table: .*; is a quotation mark not closed\?"),
    ],
)
def test_what_is_no_table_says_what_to_do(data: bytes, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        rows_of(data, "t", 10)


def test_a_file_that_says_it_is_a_workbook_and_is_none_is_told_as_such() -> None:
    with pytest.raises(SettingsError, match="cannot be read as XLSX"):
        rows_of(b"PK nothing", "cameras.XLSX", 10)


def test_nothing_holds_no_rows() -> None:
    assert rows_of(b"", "t", 10) == []
