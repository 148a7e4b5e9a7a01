"""Promises of the files to take away: the numbers of the pages, nothing that a spreadsheet would compute."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet
from regulator.asgi import TestClient
from regulator.conftest import Regulator, made
from regulator.sample import CANTEEN, sample, send
from regulator.test_case_pages import pdf_text
from typer.testing import CliRunner

from kitchenvision.cli import app
from kitchenvision.errors import SettingsError
from kitchenvision.regulator import history, monthly_pdf, setup
from kitchenvision.regulator.access import EVERYTHING
from kitchenvision.regulator.decisions import Step, Verdict
from kitchenvision.regulator.district_export import CSV_COLUMNS, Cell, Sheet, month_of, safe, workbook
from kitchenvision.regulator.observed_tables import ObservedDay, SchoolWeek
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Place

ZONE = ZoneInfo("Asia/Shanghai")
FORMULA = "=HYPERLINK(1)"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulator]:
    """A canteen with one confirmed, one rejected and one open finding of an hour ago; another with a nasty name."""
    with made(tmp_path_factory.mktemp("reports")) as one:
        setup.add_town(one.settings, "west")
        setup.add_canteen(one.settings, "west-1", FORMULA, "west")
        setup.add_person(one.settings, "wang", "inspector", Place(("default",)))
        setup.add_person(one.settings, "cook", "canteen", Place(canteen_id=CANTEEN))
        database = one.app.state.parts.database
        with database.writing() as session:
            session.add(SchoolWeek(district_id="default", canteen_id="", weekdays="0123456"))
            for i in range(30):
                day = now().astimezone(ZONE).date() - timedelta(days=i)
                told = {"camera_id": "a", "rule_id": "no_hat", "observed_s": 8 * 3600.0}
                session.add(ObservedDay(canteen_id=CANTEEN, day=day, **told))
        samples = [sample(i, captured_at=now() - timedelta(minutes=i)) for i in (1, 2, 3)]
        send(one.client, one.token, samples)
        for step, lapse in zip((Step(Verdict.CONFIRMED), Step(Verdict.REJECTED, 1)), samples[:2], strict=True):
            with database.writing() as session:
                history.decide(session, EVERYTHING, (lapse.violation_id, 0), step, 1, now())
        yield one


@pytest.fixture(scope="module")
def browser(full: Regulator) -> TestClient:
    """The owner's."""
    return full.logged_in()


def this_month() -> str:
    """As the form sends it."""
    return f"{now().astimezone(ZONE):%Y-%m}"


def rows(page: Worksheet) -> list[list[object]]:
    """Values of a sheet, without empty lines."""
    return [list(row) for row in page.iter_rows(values_only=True) if any(value is not None for value in row)]


def test_the_districts_month_says_what_the_pages_say(browser: TestClient) -> None:
    answer = browser.get("/reports/district.xlsx", params={"month": this_month()})
    assert answer.status_code == 200
    assert f"district-{this_month()}.xlsx" in answer.headers["content-disposition"]
    book = load_workbook(io.BytesIO(answer.content))
    colours = {row[0]: row for row in rows(book["Colours"])}
    own = colours["一号食堂"]
    page = browser.get(f"/canteens/{CANTEEN}").text
    shown = re.search(r"<b>([\d.]+)</b><span>points per", page)
    assert shown is not None
    assert abs(float(shown[1]) - own[3]) <= 0.051
    assert own[6] == 1
    assert own[7:10] == [1, 1, 1]
    assert str(colours["'" + FORMULA][2]).startswith("○")
    findings = rows(book["Findings"])
    assert len(findings) == 4
    assert {row[5] for row in findings[1:]} == {"confirmed", "rejected", "open"}
    assert [row[6] for row in findings if row[5] == "rejected"] == ["Hat or mask was on"]


def test_a_canteens_month_has_its_points_and_their_sum(browser: TestClient) -> None:
    answer = browser.get(f"/reports/canteens/{CANTEEN}.xlsx", params={"month": this_month(), "lang": "zh"})
    points = rows(load_workbook(io.BytesIO(answer.content))["分数来源"])
    assert [row[0] for row in points] == ["违规", "未戴工作帽", "合计"]
    assert points[1][6] == points[2][6] == 3.0


def test_the_csv_has_every_finding_once_and_says_which_decision_holds(browser: TestClient) -> None:
    answer = browser.get("/reports/violations.csv")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    told = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert tuple(told[0]) == CSV_COLUMNS
    assert [row["state"] for row in told] == ["open", "rejected", "confirmed"]
    assert [row["reason"] for row in told] == ["", "1", ""]
    assert told[0]["decided_at"] == ""
    assert told[0]["captured_at"].endswith("+08:00")


def test_an_inspector_takes_away_his_towns_only_and_a_canteen_nothing(full: Regulator) -> None:
    wang = full.logged_in("wang")
    book = load_workbook(io.BytesIO(wang.get("/reports/district.xlsx", params={"month": this_month()}).content))
    assert "HYPERLINK" not in str(rows(book["Colours"]))
    assert wang.get("/reports/canteens/west-1.xlsx", params={"month": this_month()}).status_code == 404
    assert full.logged_in("cook").get("/reports/violations.csv").status_code == 403


def test_the_month_as_pdf_says_what_the_sheets_say(full: Regulator, browser: TestClient) -> None:
    answer = browser.get("/reports/district.pdf", params={"month": this_month(), "lang": "zh"})
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].endswith(f"district-{this_month()}.pdf")
    told = pdf_text(answer.content)
    for word in ("一号食堂", "已驳回", "待复核", "HYPERLINK"):
        assert word in told, told[:500]
    mine = pdf_text(browser.get(f"/reports/canteens/{CANTEEN}.pdf", params={"month": this_month()}).content)
    assert "HYPERLINK" not in mine
    wang = full.logged_in("wang")
    assert "HYPERLINK" not in pdf_text(wang.get("/reports/district.pdf", params={"month": this_month()}).content)
    assert wang.get("/reports/canteens/west-1.pdf", params={"month": this_month()}).status_code == 404


def test_a_pdf_is_the_same_each_time_and_says_how_much_it_leaves_out() -> None:
    rows: tuple[tuple[Cell, ...], ...] = tuple((f"a{n} <b>", n / 2, None) for n in range(monthly_pdf.MOST_ROWS + 7))
    sheet = Sheet("第一", ("标题",), ("x", "y", "z"), rows)
    one = monthly_pdf.document([sheet, Sheet("second", (), ("x",), ())])
    assert one == monthly_pdf.document([sheet, Sheet("second", (), ("x",), ())])
    told = pdf_text(one)
    assert f"{monthly_pdf.MOST_ROWS} / {monthly_pdf.MOST_ROWS + 7}" in told
    assert "a999 <b>" in told
    assert "a1000" not in told


def test_the_command_writes_the_same_report(full: Regulator, tmp_path: Path) -> None:
    words = ["regulator", "report", "--month", this_month(), "--data", str(full.settings.data_dir)]
    for name, more in (("m.pdf", []), ("m.xlsx", ["--language", "en"]), ("one.xlsx", ["--canteen", CANTEEN])):
        assert CliRunner().invoke(app, [*words, *more, str(tmp_path / name)]).exit_code == 0
    assert "一号食堂" in pdf_text((tmp_path / "m.pdf").read_bytes())
    assert "Colours" in load_workbook(tmp_path / "m.xlsx").sheetnames
    assert len(load_workbook(tmp_path / "one.xlsx").sheetnames) == 3
    wrong = (
        [*words, str(tmp_path / "m.txt")],
        [*words, "--canteen", "nobody", str(tmp_path / "x.pdf")],
        [*words, "--district", "far", "--canteen", CANTEEN, str(tmp_path / "x.pdf")],
        [*words, str(tmp_path / "no" / "x.pdf")],
        [
            "regulator",
            "report",
            "--month",
            "11-2026",
            "--data",
            str(full.settings.data_dir),
            str(tmp_path / "x.pdf"),
        ],
    )
    for line in wrong:
        assert isinstance(CliRunner().invoke(app, line).exception, SettingsError), line
    assert not (tmp_path / "x.pdf").exists()


@pytest.mark.parametrize("month", ["2026-13", "november", "2099-01", ""])
def test_a_month_that_is_none_or_has_not_begun_is_refused(browser: TestClient, month: str) -> None:
    assert browser.get("/reports/district.xlsx", params={"month": month}).status_code == 422


def test_a_month_before_anything_is_an_honest_empty_one(browser: TestClient) -> None:
    book = load_workbook(io.BytesIO(browser.get("/reports/district.xlsx", params={"month": "2024-02"}).content))
    assert all(str(row[2]).startswith("○") for row in rows(book["Colours"])[4:])
    assert len(rows(book["Findings"])) == 1


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [("2026-11", date(2026, 11, 1), date(2026, 11, 30)), ("2028-02", date(2028, 2, 1), date(2028, 2, 29))],
)
def test_a_month_has_its_days(text: str, first: date, last: date) -> None:
    assert month_of(text) == (first, last)


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1"])
def test_text_that_looks_like_a_formula_stays_text(value: str) -> None:
    assert str(safe(value)).startswith("'")
    page = load_workbook(io.BytesIO(workbook([Sheet("a", (value,), (value,), ((value,),))]))).active
    assert page is not None
    assert all(cell.data_type == "s" for row in page.iter_rows() for cell in row if cell.value is not None)


@pytest.mark.parametrize("value", [-1.5, 0, None, "plain", "第一食堂"])
def test_what_is_no_formula_stays_as_it_is(value: str | float | None) -> None:
    assert safe(value) == value
