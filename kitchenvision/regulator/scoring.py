"""The four-colour code: a canteen's history becomes a colour that explains itself. Values in, values out, no clock.

Score of an instant = points of the incidents that were confirmed then, per 1,000 observed camera-hours (by policy).
An incident's points = points of its class x repeat x age x credit; docs/four-colour-code.md has a worked example.
Everything that happened after the instant is left out, so that a past day gives the same result for ever.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import fsum

from kitchenvision.regulator.policy import Policy
from kitchenvision.regulator.scoring_calendar import Calendar, window

_DAY = timedelta(days=1)


class Colour(StrEnum):
    """Grey is "no data": not a rank between the others, and never a reward."""

    GREEN = "green"
    BLUE = "blue"
    YELLOW = "yellow"
    RED = "red"
    GREY = "grey"


RANK = {Colour.GREEN: 0, Colour.BLUE: 1, Colour.YELLOW: 2, Colour.RED: 3}


class Reason(StrEnum):
    """What decided the colour."""

    SCORE = "score"
    OVERDUE = "overdue"
    NEVER_WATCHED = "never_watched"
    TOO_LITTLE_WATCHED = "too_little_watched"


@dataclass(frozen=True)
class Verdict:
    """From `at` on the incident counts, or does not: confirmed, withdrawn, overturned on appeal."""

    at: datetime
    counts: bool


@dataclass(frozen=True)
class Answer:
    """A canteen's rectification: when it was sent, and when it was accepted or sent back, as far as it was."""

    sent_at: datetime
    accepted_at: datetime | None = None
    returned_at: datetime | None = None


@dataclass(frozen=True)
class Incident:
    """What scoring knows of one incident. Instants are aware.

    Attributes:
        verdicts: every one, in any order; without one the incident never counts.
        due_at: until when it was to be rectified, None where nothing was ordered.
        answers: every rectification, in any order. An appeal stands like one: sent back when it is dismissed.
        later_deadlines: (from when on, until when) where another deadline was set, in any order.
    """

    incident_id: str
    rule_id: str
    happened_at: datetime
    verdicts: tuple[Verdict, ...] = ()
    due_at: datetime | None = None
    answers: tuple[Answer, ...] = ()
    later_deadlines: tuple[tuple[datetime, datetime], ...] = ()

    def counts_at(self, at: datetime) -> bool:
        """Whether it was confirmed at that instant. Of two verdicts at one instant the acquitting one holds."""
        known = [verdict for verdict in self.verdicts if verdict.at <= at]
        return bool(known) and max(known, key=lambda verdict: (verdict.at, not verdict.counts)).counts

    def in_time_at(self, at: datetime) -> bool:
        """Whether it was known at that instant that a rectification sent before the deadline is accepted."""
        return self.due_at is not None and any(
            one.accepted_at is not None and one.accepted_at <= at and one.sent_at <= self.due_at
            for one in self.answers
        )

    def deadline_at(self, at: datetime) -> datetime | None:
        """The deadline that held at that instant."""
        later = [pair for pair in self.later_deadlines if pair[0] <= at]
        return max(later)[1] if later else self.due_at

    def answered_at(self, at: datetime) -> bool:
        """Whether a rectification was sent by then and not sent back: the canteen did its part."""
        return any(one.sent_at <= at and (one.returned_at is None or one.returned_at > at) for one in self.answers)


@dataclass(frozen=True)
class Watched:
    """One local day of a canteen, in hours.

    Attributes:
        camera_hours: in which a camera was watched for at least one rule, summed over cameras.
        due_hours: that should have been watched, summed over cameras and rules.
        kept_hours: how much of `due_hours` was; what one camera has too much does not help another.
    """

    day: date
    camera_hours: float
    due_hours: float
    kept_hours: float


@dataclass(frozen=True)
class History:
    """All that is known of one canteen, in any order."""

    incidents: tuple[Incident, ...]
    watched: tuple[Watched, ...]
    calendar: Calendar = field(default_factory=Calendar)


@dataclass(frozen=True)
class Point:
    """The points of one incident and the factors that made them: base x repeat x age x credit."""

    incident_id: str
    rule_id: str
    rule_class: int
    happened_at: datetime
    base: float
    repeat: float
    age: float
    credit: float
    points: float
    overdue_days: int


@dataclass(frozen=True)
class Score:
    """A colour and all that it comes from.

    Attributes:
        score: points per `Thresholds.per_camera_hours`; None when grey.
        points: largest first. total: their sum.
        coverage: watched share of the time that was due, 0..1; None where nothing was due.
        first_day: the oldest open day that counts; None when no day of 800 was open.
        open_today: whether the canteen works on the day of `at`.
    """

    at: datetime
    colour: Colour
    reason: Reason
    score: float | None
    points: tuple[Point, ...]
    total: float
    camera_hours: float
    coverage: float | None
    first_day: date | None
    open_today: bool


def score(history: History, policy: Policy, at: datetime) -> Score:
    """The colour of that instant, by what was known then.

    Args:
        at: aware; its zone says what a local day is.

    Raises:
        ValueError: `at` has no zone.
    """
    if at.tzinfo is None:
        raise ValueError("an instant with its zone is expected")
    today = at.date()
    days = window(history.calendar, today, policy.window.open_days)
    known = [one for one in history.incidents if one.counts_at(at)]
    points = _points(known, policy, at, days)
    total = fsum(one.points for one in points)
    hours, coverage = _watch(history.watched, days)
    colour, reason, value = _colour(points, policy, hours, coverage)
    return Score(
        at=at,
        colour=colour,
        reason=reason,
        score=value,
        points=points,
        total=total,
        camera_hours=hours,
        coverage=coverage,
        first_day=days[0] if days else None,
        open_today=history.calendar.is_open(today),
    )


def _watch(watched: Iterable[Watched], days: tuple[date, ...]) -> tuple[float, float | None]:
    # Camera-hours of closed days in between count too: who cooks on a Sunday is watched on it.
    first, last = (days[0], days[-1]) if days else (date.max, date.min)
    wanted = [one for one in watched if first <= one.day <= last]
    due = fsum(one.due_hours for one in wanted)
    kept = fsum(one.kept_hours for one in wanted)
    return fsum(one.camera_hours for one in wanted), min(kept / due, 1.0) if due > 0 else None


def _points(known: Iterable[Incident], policy: Policy, at: datetime, days: tuple[date, ...]) -> tuple[Point, ...]:
    """Points of incidents that count, of those whose local day lies in the window."""
    if not days:
        return ()
    zone = at.tzinfo
    dated = [(one, one.happened_at.astimezone(zone).date()) for one in known if one.happened_at <= at]
    dated = [(one, day) for one, day in dated if day >= days[0]]
    broken: dict[str, set[date]] = {}
    for one, day in dated:
        broken.setdefault(one.rule_id, set()).add(day)
    made = [_point(one, day, policy, at, (days, broken[one.rule_id])) for one, day in dated]
    return tuple(sorted(made, key=lambda point: (-point.points, point.happened_at, point.incident_id)))


def _point(
    one: Incident, day: date, policy: Policy, at: datetime, seen: tuple[tuple[date, ...], set[date]]
) -> Point:
    days, broken = seen
    rule_class, base = policy.weight_of(one.rule_id)
    # Days, not incidents: two cameras that see the same lapse must not make it a repetition.
    earlier = sum(1 for other in broken if other < day)
    repeat = min(policy.repeat.factor**earlier, policy.repeat.most)
    age = 0.5 ** ((len(days) - bisect_right(days, day)) / policy.window.half_life_days)
    credit = 1.0 - policy.rectification.credit if one.in_time_at(at) else 1.0
    deadline = None if one.answered_at(at) else one.deadline_at(at)
    overdue = 0 if deadline is None else max((at - deadline) // _DAY, 0)
    points = base * repeat * age * credit
    return Point(
        one.incident_id, one.rule_id, rule_class, one.happened_at, base, repeat, age, credit, points, overdue
    )


def _colour(
    points: tuple[Point, ...], policy: Policy, hours: float, coverage: float | None
) -> tuple[Colour, Reason, float | None]:
    if coverage is None or hours <= 0:
        return Colour.GREY, Reason.NEVER_WATCHED, None
    if coverage < policy.coverage.least_share or hours < policy.coverage.least_camera_hours:
        return Colour.GREY, Reason.TOO_LITTLE_WATCHED, None
    value = fsum(one.points for one in points) / hours * policy.thresholds.per_camera_hours
    by_score = colour_of(value, policy)
    by_delay = _escalated(max((one.overdue_days for one in points), default=0), policy)
    if RANK[by_delay] > RANK[by_score]:
        return by_delay, Reason.OVERDUE, value
    return by_score, Reason.SCORE, value


def colour_of(value: float, policy: Policy) -> Colour:
    """The colour of a score (points per `per_camera_hours`), without regard to what is overdue."""
    steps = policy.thresholds
    for threshold, colour in ((steps.red, Colour.RED), (steps.yellow, Colour.YELLOW), (steps.blue, Colour.BLUE)):
        if value >= threshold:
            return colour
    return Colour.GREEN


def _escalated(overdue_days: int, policy: Policy) -> Colour:
    if overdue_days >= policy.rectification.red_after_days:
        return Colour.RED
    return Colour.YELLOW if overdue_days >= policy.rectification.yellow_after_days else Colour.GREEN
