"""Tables that people fill in, CSV or XLSX: their rows as text, whichever program wrote them."""

import csv
import io
import zipfile
from collections.abc import Iterator

from openpyxl import load_workbook

from kitchenvision.errors import SettingsError

_MOST_UNPACKED = 100_000_000  # bytes
_MOST_COLUMNS = 50
_XLSX = b"PK\x03\x04"
_DELIMITERS = ",;\t"

Row = tuple[int, list[str]]


def rows_of(data: bytes, name: str, most_rows: int) -> list[Row]:
    """The rows of a CSV file or of an XLSX file's first sheet, each with its number from 1, cells without blanks.

    Args:
        data: the file; CSV in UTF-8 or GB 18030, with commas, semicolons or tabs.
        name: what messages call it; one that ends in ``.xlsx`` says that it is such a file.
        most_rows: of a workbook no more than a few beyond these are read; the caller refuses too many.

    Raises:
        SettingsError: it is neither, damaged, or too large unpacked.
    """
    if data.startswith(_XLSX) or name.lower().endswith(".xlsx"):
        return _of_workbook(data, name, most_rows)
    return list(_of_text(data, name))


def _of_text(data: bytes, name: str) -> Iterator[Row]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")  # what spreadsheets in China save as CSV
        except UnicodeDecodeError:
            raise SettingsError(name, "the file", "is neither XLSX nor CSV: save it as CSV UTF-8") from None
    first = next(iter(text.splitlines()), "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=first.count), strict=True)
    try:
        for number, row in enumerate(reader, 1):
            yield number, [cell.strip() for cell in row]
    except csv.Error as error:
        where = f"line {reader.line_num}"
        raise SettingsError(name, where, f"is no table: {error}; is a quotation mark not closed?") from error


def _of_workbook(data: bytes, name: str, most_rows: int) -> list[Row]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            unpacked = sum(one.file_size for one in packed.infolist())
        if unpacked <= _MOST_UNPACKED:
            sheet = load_workbook(io.BytesIO(data), read_only=True, data_only=True).worksheets[0]
            rows = sheet.iter_rows(values_only=True, max_row=most_rows + 2, max_col=_MOST_COLUMNS)
            return [(number, [_text(cell) for cell in row]) for number, row in enumerate(rows, 1)]
    except Exception as error:  # a border: a damaged file fails anywhere in zip, XML or openpyxl
        raise SettingsError(name, "the file", "cannot be read as XLSX; save it anew, or as CSV") from error
    raise SettingsError(name, "the file", "is too large unpacked")


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)  # a spreadsheet keeps the id 7 as 7.0
    return "" if cell is None else str(cell).strip()
