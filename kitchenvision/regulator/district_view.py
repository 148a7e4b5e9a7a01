"""What the pages about colours show: values for the templates, drawings as coordinates."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kitchenvision.regulator.access import Scope
from kitchenvision.regulator.case_tables import CaseRow, CaseViolation
from kitchenvision.regulator.observed_tables import ObservedDay
from kitchenvision.regulator.policy import Policy
from kitchenvision.regulator.scoring import RANK, Colour, Score
from kitchenvision.regulator.scoring_store import DayColour, Today
from kitchenvision.regulator.tables import Canteen, Town

SHAPES = {Colour.RED: "▲", Colour.YELLOW: "◆", Colour.BLUE: "■", Colour.GREEN: "●", Colour.GREY: "○"}
STRIP_DAYS = 30
YEAR_DAYS = 365
TREND_DAYS = 22
# The order in which a district is read: what is worst first, then what is not known, then what is fine.
_ORDER = {Colour.RED: 0, Colour.YELLOW: 1, Colour.GREY: 2, Colour.BLUE: 3, Colour.GREEN: 4}


@dataclass(frozen=True)
class Run:
    """Days of one colour in a row: `at` days after the first of the strip, `days` long."""

    colour: Colour
    at: int
    days: int


@dataclass(frozen=True)
class Place:
    """A canteen in a list."""

    canteen_id: str
    name: str
    town: str
    district_id: str


@dataclass(frozen=True)
class Row:
    """A canteen of the district table. `change`: score less that of 22 days ago; None where one is missing."""

    place: Place
    score: Score
    runs: tuple[Run, ...]
    lines: tuple[str, ...]
    change: float | None

    @property
    def order(self) -> tuple[int, float, str]:
        """Worst first."""
        return _ORDER[self.score.colour], -(self.score.score or 0.0), self.place.name


@dataclass(frozen=True)
class Month:
    """Days of a month by colour."""

    month: str
    days: dict[Colour, int]


@dataclass(frozen=True)
class CameraWatch:
    """How long a camera was watched for a rule in the window; `share` of what was due, None where nothing was."""

    camera_id: str
    rule_id: str
    hours: float
    share: float | None
    last_day: date


def places(session: Session, scope: Scope, canteen_id: str | None = None) -> list[Place]:
    """Canteens of the scope by name, or the one that is named."""
    query = (
        select(Canteen.canteen_id, Canteen.name, Town.name, Town.district_id)
        .join(Town, Town.town_id == Canteen.town_id)
        .where(scope.covers(Canteen.canteen_id))
        .order_by(Canteen.name, Canteen.canteen_id)
    )
    if canteen_id is not None:
        query = query.where(Canteen.canteen_id == canteen_id)
    return [Place(*row) for row in session.execute(query)]


def rows(
    found: Sequence[Place], now: dict[str, Today], strips: dict[str, tuple[DayColour, ...]], at: datetime
) -> list[Row]:
    """The district table, worst first."""
    first = at.date() - timedelta(days=STRIP_DAYS)
    made = []
    for place in found:
        told, strip = now[place.canteen_id].score, strips.get(place.canteen_id, ())
        made.append(Row(place, told, runs(strip, first), lines(strip, first), change(told, strip, at)))
    return sorted(made, key=lambda row: row.order)


def runs(strip: Iterable[DayColour], first: date) -> tuple[Run, ...]:
    """The strip with days of one colour put together; days that are missing stay free."""
    found: list[Run] = []
    for day in strip:
        at = (day.day - first).days
        last = found[-1] if found else None
        if last is not None and last.colour is day.colour and last.at + last.days == at:
            found[-1] = Run(last.colour, last.at, last.days + 1)
        else:
            found.append(Run(day.colour, at, 1))
    return tuple(found)


def lines(strip: Sequence[DayColour], first: date, height: float = 20.0) -> tuple[str, ...]:
    """Points of the polylines of the scores, x in days, y downwards from `height`; a gap where there is none."""
    top = max((day.score for day in strip if day.score is not None), default=0.0)
    scale = height / max(top, 10.0)
    found: list[str] = []
    for known, days in groupby(strip, key=lambda day: day.score is not None):
        if known:
            told = (f"{(day.day - first).days + 0.5:g},{height - (day.score or 0.0) * scale:.1f}" for day in days)
            found.append(" ".join(told))
    return tuple(found)


def change(told: Score, strip: Iterable[DayColour], at: datetime) -> float | None:
    """Score now less the score 22 days ago."""
    then = next((day for day in strip if day.day == at.date() - timedelta(days=TREND_DAYS)), None)
    if told.score is None or then is None or then.score is None:
        return None
    return told.score - then.score


def since(told: Score, strip: Sequence[DayColour]) -> date | None:
    """The first day of the colour that holds now, as far as the strip reaches; None when it began today."""
    first = None
    for day in reversed(strip):
        if day.colour is not told.colour:
            break
        first = day.day
    return first


def months(strip: Iterable[DayColour]) -> tuple[Month, ...]:
    """Days by colour of each month, newest first: the table behind the strip."""
    found: dict[str, dict[Colour, int]] = {}
    for day in strip:
        counts = found.setdefault(f"{day.day:%Y-%m}", dict.fromkeys(Colour, 0))
        counts[day.colour] += 1
    return tuple(Month(month, found[month]) for month in sorted(found, reverse=True))


def cameras(session: Session, scope: Scope, canteen_id: str, told: Score, policy: Policy) -> list[CameraWatch]:
    """Each camera and rule that was told of in the last 90 days, with its watched share of the window."""
    if told.first_day is None:
        return []
    inside = ObservedDay.day >= told.first_day
    today = told.at.date()
    query = (
        select(
            ObservedDay.camera_id,
            ObservedDay.rule_id,
            func.sum(ObservedDay.observed_s).filter(inside),
            func.max(ObservedDay.day).filter(ObservedDay.observed_s > 0),
            func.max(ObservedDay.day),
        )
        .where(ObservedDay.canteen_id == canteen_id, scope.covers(ObservedDay.canteen_id))
        .where(ObservedDay.day <= today, ObservedDay.day >= today - timedelta(days=90))
        .group_by(ObservedDay.camera_id, ObservedDay.rule_id)
        .order_by(ObservedDay.camera_id, ObservedDay.rule_id)
    )
    due = policy.window.open_days * policy.coverage.hours_per_open_day
    return [
        CameraWatch(
            camera_id,
            rule_id,
            (seconds or 0.0) / 3600.0,
            min((seconds or 0.0) / 3600.0 / due, 1.0) if due else None,
            last or latest,
        )
        for camera_id, rule_id, seconds, last, latest in session.execute(query)
    ]


def cases_of(session: Session, scope: Scope, violation_ids: Collection[str]) -> dict[str, tuple[int, str]]:
    """(case id, case number) of those of these violations on which a case rests."""
    query = (
        select(CaseViolation.violation_id, CaseRow.case_id, CaseRow.number)
        .join(CaseRow, CaseRow.case_id == CaseViolation.case_id)
        .where(CaseViolation.violation_id.in_(violation_ids), scope.reads(CaseRow.canteen_id))
    )
    return {violation_id: (case_id, number) for violation_id, case_id, number in session.execute(query)}


def counts(found: Iterable[Row]) -> dict[Colour, int]:
    """How many canteens have each colour."""
    made = dict.fromkeys(_ORDER, 0)
    for row in found:
        made[row.score.colour] += 1
    return made


def worse(before: Colour, after: Colour) -> bool | None:
    """Whether a change of colour is for the worse; None to or from grey, or without a change."""
    if before is after or before not in RANK or after not in RANK:
        return None
    return RANK[after] > RANK[before]
