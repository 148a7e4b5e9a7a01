"""Files to take away: the month of a district or a canteen as XLSX, and everything one may see as CSV."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from kitchenvision.regulator import district_export as export
from kitchenvision.regulator import district_view as view
from kitchenvision.regulator.auth import Exporter, Reader
from kitchenvision.regulator.district import local_now
from kitchenvision.regulator.district_export import Cell, Sheet
from kitchenvision.regulator.parts import NeedsParts, Parts
from kitchenvision.regulator.policy_store import in_force, policies
from kitchenvision.regulator.problems import Refused, bad_fields
from kitchenvision.regulator.rendering import Words, words_of
from kitchenvision.regulator.scoring import Colour, Score, score
from kitchenvision.regulator.scoring_history import Span, day_end, histories

router = APIRouter()
Month = Annotated[str, Query(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/reports/district.xlsx", response_model=None)
def district_report(request: Request, reader: Exporter, parts: NeedsParts, month: Month) -> Response:
    """The month of every canteen of the scope: colours, scores, confirmed and rejected findings."""
    return _report(parts, reader, words_of(request), month, None)


@router.get("/reports/canteens/{canteen_id}.xlsx", response_model=None)
def canteen_report(
    canteen_id: str, request: Request, reader: Exporter, parts: NeedsParts, month: Month
) -> Response:
    """The month of one canteen.

    Raises:
        Refused: 404.
    """
    return _report(parts, reader, words_of(request), month, canteen_id)


@router.get("/reports/violations.csv", response_model=None)
def violations_csv(reader: Exporter, parts: NeedsParts) -> Response:
    """Every violation that one may see, oldest first, as it stands now."""

    def lines() -> Iterator[str]:
        with parts.database.reading() as session:
            yield from export.csv_lines(export.violations(session, reader.scope), ZoneInfo(parts.settings.timezone))

    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=_saved_as("violations.csv"))


def _report(parts: Parts, reader: Reader, words: Words, month: str, canteen_id: str | None) -> Response:
    at = local_now(parts)
    first, last = export.month_of(month)
    if first > at.date():
        problem = f"a month up to {at:%Y-%m} is expected, got {month}"
        raise bad_fields("this month has not begun", [{"field": "month", "problem": problem}])
    with parts.database.reading() as session:
        found = view.places(session, reader.scope, canteen_id)
        if canteen_id is not None and not found:
            raise Refused(404, "not-there", "there is no such canteen", field="canteen_id")
        # Of a month that goes on, what is known now.
        until = min(day_end(last, _zone(parts)), at)
        scores = _scores(parts, reader, found, (first, until))
        begins = datetime(first.year, first.month, first.day, tzinfo=_zone(parts))
        span = (begins, day_end(last, _zone(parts)) + timedelta(seconds=1))
        told = list(export.violations(session, reader.scope, span, canteen_id))
    title = words("report.title", place=found[0].name if canteen_id else words("report.district"), month=month)
    notes = (title, words("report.until", at=words.instant(until)), words("code.lead"))
    sheets = [
        Sheet(words("report.colours"), notes, _header(words), _rows(words, found, scores, told)),
        Sheet(words("report.findings"), (), _finding_header(words), export.violation_rows(told, words)),
    ]
    if canteen_id is not None:
        sheets.insert(1, _points(words, scores[canteen_id]))
    name = f"{canteen_id or 'district'}-{month}.xlsx"
    return Response(export.workbook(sheets), media_type=XLSX, headers=_saved_as(name))


def _zone(parts: Parts) -> ZoneInfo:
    return ZoneInfo(parts.settings.timezone)


def _scores(parts: Parts, reader: Reader, found: list[view.Place], span: tuple[date, datetime]) -> dict[str, Score]:
    """The score of each canteen at the end of the span, by the policy that was in force then."""
    until = span[1]
    made: dict[str, Score] = {}
    with parts.database.reading() as session:
        for district_id in sorted({place.district_id for place in found}):
            ids = [place.canteen_id for place in found if place.district_id == district_id]
            policy = in_force(policies(session, district_id), until.date())
            known = histories(session, district_id, ids, policy, Span(until.date(), until.date(), _zone(parts)))
            made |= {canteen_id: score(history, policy, until) for canteen_id, history in known.items()}
    return made


def _header(words: Words) -> tuple[str, ...]:
    keys = ("canteen", "town", "colour", "score", "watched", "hours", "confirmed")
    return (
        *(words(f"code.{key}") for key in keys),
        words("report.month_confirmed"),
        words("report.month_rejected"),
        words("report.month_open"),
    )


def _rows(
    words: Words, found: list[view.Place], scores: dict[str, Score], told: list[export.Told]
) -> tuple[tuple[Cell, ...], ...]:
    counts: dict[tuple[str, str], int] = {}
    for finding in told:
        key = (finding.canteen_id, finding.state)
        counts[key] = counts.get(key, 0) + 1
    order = {Colour.RED: 0, Colour.YELLOW: 1, Colour.GREY: 2, Colour.BLUE: 3, Colour.GREEN: 4}
    rows = []
    for place in sorted(found, key=lambda one: (order[scores[one.canteen_id].colour], one.name)):
        one = scores[place.canteen_id]
        rows.append(
            (
                place.name,
                place.town,
                f"{view.SHAPES[one.colour]} {words(f'colour_short.{one.colour}')}",
                None if one.score is None else round(one.score, 2),
                None if one.coverage is None else round(one.coverage, 3),
                round(one.camera_hours, 1),
                len(one.points),
                *(counts.get((place.canteen_id, state), 0) for state in ("confirmed", "rejected", "open")),
            )
        )
    return tuple(rows)


def _finding_header(words: Words) -> tuple[str, ...]:
    return (
        words("code.when"),
        words("code.town"),
        words("code.canteen"),
        words("code.camera"),
        words("code.rule"),
        words("filter.state"),
        words("report.reason"),
        words("report.id"),
    )


def _points(words: Words, one: Score) -> Sheet:
    header = ("incident", "when", "base", "repeat", "age", "credit", "result")
    rows = tuple(
        (
            words.named("rule", point.rule_id),
            words.day(point.happened_at),
            point.base,
            round(point.repeat, 3),
            round(point.age, 3),
            point.credit,
            round(point.points, 3),
        )
        for point in one.points
    )
    total: tuple[Cell, ...] = (words("code.sum"), None, None, None, None, None, round(one.total, 3))
    return Sheet(words("report.points"), (), tuple(words(f"code.{key}") for key in header), (*rows, total))


def _saved_as(name: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
