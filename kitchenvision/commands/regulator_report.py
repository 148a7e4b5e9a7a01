"""`kitchenvision regulator report`: the month of a district or a canteen as a file."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kitchenvision.commands.regulator import DataOption, regulator_settings
from kitchenvision.commands.regulator_storage import app
from kitchenvision.errors import SettingsError

__all__ = ["app"]  # with this command in it


class Language(StrEnum):
    """Of the report."""

    ZH = "zh"
    EN = "en"


@app.command("report")
def report(
    out: Annotated[Path, typer.Argument(help="File to write; its ending, .pdf or .xlsx, says what it becomes.")],
    month: Annotated[str, typer.Option("--month", help="YYYY-MM.")],
    canteen: Annotated[str | None, typer.Option("--canteen", help="Of this canteen alone.")] = None,
    district: Annotated[str, typer.Option("--district", help="Of this district.")] = "default",
    language: Annotated[Language, typer.Option("--language", help="Of the report.")] = Language.ZH,
    data: DataOption = Path("regulator-data"),
) -> None:
    """Write the monthly report of a district or a canteen: colours, scores, points, findings."""
    settings = regulator_settings(data)
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    from kitchenvision.regulator import district_export, monthly, monthly_pdf, setup
    from kitchenvision.regulator.access import Right, Scope
    from kitchenvision.regulator.rendering import Words

    makers = {".pdf": monthly_pdf.document, ".xlsx": district_export.workbook}
    make = makers.get(out.suffix.lower())
    if make is None:
        raise SettingsError("report", "out", f"got '{out.name}', needs the ending .pdf or .xlsx")
    scope = Scope(frozenset({Right.READ, Right.REVIEW}), district)
    asked = monthly.Asked(month, datetime.now(UTC).astimezone(ZoneInfo(settings.timezone)), canteen)
    try:
        district_export.month_of(month)
    except ValueError as error:
        raise SettingsError("report", "month", f"got '{month}', needs YYYY-MM") from error
    with setup.opened(settings) as database:
        sheets = monthly.sheets(database, scope, Words(language.value, settings.timezone), asked)
    try:
        out.write_bytes(make(sheets))
    except OSError as error:
        raise SettingsError("report", "out", f"{out} cannot be written: {error.strerror}") from error
