"""Exports hold whatever people and boxes have written: nothing is computed, nothing breaks the file."""

import csv
import io
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from regulator.conftest import Regulator
from regulator.sample import sample, send

from kitchenvision.regulator import setup
from kitchenvision.regulator.district_export import Sheet, Told, csv_lines, month_of, safe, workbook
from kitchenvision.regulator.monthly_pdf import MOST_ROWS, document

ANY = st.text(st.characters(codec="utf-8"), max_size=60)
FORMULAS = st.builds(
    "".join, st.tuples(st.sampled_from(["", " ", "\t", "\x00", "\x0b", "\r\n "]), st.sampled_from("=+-@"), ANY)
)
ZONE = ZoneInfo("Asia/Shanghai")


def told(**words: str) -> Told:
    """A violation for a list."""
    values = {"violation_id": "ab" * 16, "town": "east", "canteen_id": "c1", "canteen": "一号", "camera_id": "a"}
    values |= {"rule_id": "no_hat"} | words
    at = datetime(2026, 11, 20, 3, tzinfo=UTC)
    return Told(
        **values, captured_at=at, received_at=at, confidence=0.9, state="open", reason=None, decided_at=None
    )


@settings(max_examples=30)
@given(st.lists(ANY | FORMULAS, min_size=1, max_size=5))
def test_a_workbook_opens_again_with_the_words_as_they_were_and_computes_none(cells: list[str]) -> None:
    """Control signs go, which no XLSX may hold; a formula is shown and not worked out."""
    data = workbook([Sheet("月报", ("title", *cells), ("word", *cells), (("word", *cells),))])
    page = load_workbook(io.BytesIO(data)).worksheets[0]
    for row in page.iter_rows():
        for cell in row:
            assert cell.data_type != "f"
            text = str(cell.value or "")
            assert text.lstrip()[:1] not in ("=", "+", "-", "@")
            assert not any(ord(sign) < 32 and sign not in "\t\n\r" for sign in text)


@given(FORMULAS)
def test_what_hides_a_formula_behind_a_control_sign_is_shown_too(text: str) -> None:
    """Once the sign is gone the formula would stand first."""
    assert str(safe(text)).startswith("'")


@given(st.text(st.characters(codec="utf-8", categories=("L", "N")), max_size=40))
def test_plain_words_and_numbers_are_left_as_they_are(text: str) -> None:
    """Names are names."""
    assert safe(text) == text
    assert safe(-1.5) == -1.5
    assert safe(None) is None


@given(st.lists(st.tuples(ANY | FORMULAS, ANY), min_size=1, max_size=6))
def test_a_line_of_csv_is_one_row_whatever_stands_in_it(words: list[tuple[str, str]]) -> None:
    """Line ends, quotation marks and commas in the name of a canteen."""
    text = "".join(csv_lines([told(canteen=name, camera_id=camera) for name, camera in words], ZONE))
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert len(rows) == len(words) + 1
    assert {len(row) for row in rows} == {len(rows[0])}
    for row in rows[1:]:
        assert not any(cell.lstrip()[:1] in ("=", "+", "@") for cell in row)


@settings(max_examples=15)
@given(st.lists(ANY, min_size=1, max_size=3))
def test_a_report_is_printed_whatever_stands_in_it_and_twice_the_same(cells: list[str]) -> None:
    """Signs of markup, of which the library makes its own, are words too."""
    words = [*cells, "<b>&amp;</para>", "&#0;", "]]>"]
    sheets = [Sheet("报表", ("标题", *words), ("a", "b"), tuple((word, 1.5) for word in words))]
    pdf = document(sheets)
    assert pdf.startswith(b"%PDF-")
    assert pdf == document(sheets)


def test_a_printed_table_ends_where_paper_is_wasted_and_says_where_the_rest_is() -> None:
    """An empty one says so; a thousand rows and one more do."""
    short = document([Sheet("空", ("t",), ("a", "b"), ())])
    assert short.startswith(b"%PDF-")
    rows = tuple((str(i), i) for i in range(MOST_ROWS + 1))
    full, more = (document([Sheet("多", ("t",), ("a", "b"), rows[:count])]) for count in (MOST_ROWS, MOST_ROWS + 1))
    assert full != more
    assert abs(len(full) - len(more)) < 5000


@pytest.mark.parametrize(
    ("text", "last"),
    [("2026-02", date(2026, 2, 28)), ("2028-02", date(2028, 2, 29)), ("2026-12", date(2026, 12, 31))],
)
def test_the_last_day_of_a_month(text: str, last: date) -> None:
    """Also of a leap year's."""
    assert month_of(text) == (last.replace(day=1), last)


@pytest.mark.parametrize("month", ["2099-12", "2026-13", "2026-1", "１２", "", "9999-12", "2026-00"])
def test_a_month_that_has_not_begun_or_is_none_is_refused_by_its_field(regulator: Regulator, month: str) -> None:
    """In both forms."""
    client = regulator.logged_in()
    for ending in ("pdf", "xlsx"):
        answer = client.get(f"/reports/district.{ending}", params={"month": month})
        assert answer.status_code == 422
        assert answer.json()["field"] == "month"


def test_a_districts_month_can_be_saved_though_a_canteens_name_has_control_signs(regulator: Regulator) -> None:
    """Pasted from a letter: a vertical tab that nobody sees must not cost everybody's report."""
    token = setup.add_canteen(regulator.settings, "canteen-9", "九号\x0b<食堂> =1+1")
    send(regulator.client, token, [sample(1, canteen_id="canteen-9", camera_id="=cmd|' /C calc'!A0")])
    client = regulator.logged_in()
    for address in ("district", "canteens/canteen-9"):
        for ending, begins in (("pdf", b"%PDF-"), ("xlsx", b"PK")):
            answer = client.get(f"/reports/{address}.{ending}", params={"month": "2026-11"})
            assert answer.status_code == 200
            assert answer.content.startswith(begins)
    text = client.get("/reports/violations.csv").text
    assert "'=cmd|" in text
    assert "九号" in text
