"""The month of a district or a canteen: colours, scores, points, findings, as sheets for XLSX and PDF."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from kitchenvision.errors import SettingsError
from kitchenvision.regulator import district_export as export
from kitchenvision.regulator import district_view as view
from kitchenvision.regulator.access import Scope
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.district_export import Cell, Sheet
from kitchenvision.regulator.policy_store import in_force, policies
from kitchenvision.regulator.rendering import Words
from kitchenvision.regulator.scoring import Colour, Score, score
from kitchenvision.regulator.scoring_history import Span, day_end, histories
from kitchenvision.regulator.scoring_store import zone_of


class NoSuchCanteen(SettingsError):
    """There is no such canteen in this scope."""


@dataclass(frozen=True)
class Asked:
    """Which month (``YYYY-MM``), seen from `at` (aware, in the zone of local days); None = the whole scope."""

    month: str
    at: datetime
    canteen_id: str | None = None

    @property
    def name(self) -> str:
        """For a file, without its ending."""
        return f"{self.canteen_id or 'district'}-{self.month}"


def sheets(database: Database, scope: Scope, words: Words, asked: Asked) -> list[Sheet]:
    """The report. Of a month that goes on, what is known now.

    Raises:
        NoSuchCanteen. SettingsError: the month has not begun.
    """
    zone = zone_of(asked.at)
    first, last = export.month_of(asked.month)
    if first > asked.at.date():
        raise SettingsError("report", "month", f"a month up to {asked.at:%Y-%m} is expected, got {asked.month}")
    with database.reading() as session:
        found = view.places(session, scope, asked.canteen_id)
        if asked.canteen_id is not None and not found:
            raise NoSuchCanteen("report", "canteen", f"there is no canteen '{asked.canteen_id}'")
        until = min(day_end(last, zone), asked.at)
        begins = datetime(first.year, first.month, first.day, tzinfo=zone)
        span = (begins, day_end(last, zone) + timedelta(seconds=1))
        told = list(export.violations(session, scope, span, asked.canteen_id))
    scores = scores_at(database, found, until)
    place = found[0].name if asked.canteen_id else words("report.district")
    title = words("report.title", place=place, month=asked.month)
    notes = (title, words("report.until", at=words.instant(until)), words("code.lead"))
    made = [
        Sheet(words("report.colours"), notes, _header(words), _rows(words, found, scores, told)),
        Sheet(words("report.findings"), (), _finding_header(words), export.violation_rows(told, words)),
    ]
    if asked.canteen_id is not None:
        made.insert(1, _points(words, scores[asked.canteen_id]))
    return made


def scores_at(database: Database, found: list[view.Place], until: datetime) -> dict[str, Score]:
    """The score of each canteen at the end of the span, by the policy that was in force then."""
    made: dict[str, Score] = {}
    with database.reading() as session:
        for district_id in sorted({place.district_id for place in found}):
            ids = [place.canteen_id for place in found if place.district_id == district_id]
            policy = in_force(policies(session, district_id), until.date())
            known = histories(session, district_id, ids, policy, Span(until.date(), until.date(), zone_of(until)))
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
