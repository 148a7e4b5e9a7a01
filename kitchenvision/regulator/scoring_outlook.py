"""What would change a colour: by waiting, by rectifying, by watching more, and how little makes it worse."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import ceil, fsum

from kitchenvision.regulator.policy import Policy
from kitchenvision.regulator.scoring import RANK, Colour, History, Point, Reason, Score, Watched, colour_of, score
from kitchenvision.regulator.scoring_calendar import window

FURTHEST_DAYS = 120


@dataclass(frozen=True)
class Outlook:
    """What the people of a canteen can expect and do.

    Attributes:
        better_on, better: the first local day with a better colour when nothing happens, everything that is
            overdue is rectified, and cameras watch as much as now; None when it is green, grey, or too far off.
        to_rectify: ids of incidents whose deadline runs; in time each loses the share that the policy credits.
        rectified_score, rectified: what it would be at once if all those were rectified now.
        overdue: ids of incidents that hold the colour down until they are rectified.
        routine_left, worse: so many more incidents of class 3 today make it `worse`; None at red or grey.
        hours_missing: hours of due camera time without which there is no data; 0 otherwise.
    """

    better_on: date | None = None
    better: Colour | None = None
    to_rectify: tuple[str, ...] = ()
    rectified_score: float | None = None
    rectified: Colour | None = None
    overdue: tuple[str, ...] = ()
    routine_left: int | None = None
    worse: Colour | None = None
    hours_missing: float = 0.0


def outlook(history: History, policy: Policy, at: datetime) -> Outlook:
    """What would change the colour of that instant."""
    now = score(history, policy, at)
    if now.colour is Colour.GREY:
        return Outlook(hours_missing=_hours_missing(history, policy, now), overdue=_overdue(now, policy))
    running = [
        one
        for one in history.incidents
        if one.counts_at(at) and one.due_at is not None and one.due_at >= at and not one.answered_at(at)
    ]
    to_rectify = tuple(sorted(one.incident_id for one in running if _named(now, one.incident_id) is not None))
    rectified_score, rectified = _if_rectified(now, policy, to_rectify)
    better_on, better = _better(history, policy, now)
    left, worse = _worse(now, policy)
    return Outlook(
        better_on, better, to_rectify, rectified_score, rectified, _overdue(now, policy), left, worse, 0.0
    )


def _named(now: Score, incident_id: str) -> Point | None:
    return next((point for point in now.points if point.incident_id == incident_id), None)


def _overdue(now: Score, policy: Policy) -> tuple[str, ...]:
    limit = policy.rectification.yellow_after_days
    return tuple(sorted(point.incident_id for point in now.points if point.overdue_days >= limit))


def _if_rectified(now: Score, policy: Policy, ids: tuple[str, ...]) -> tuple[float | None, Colour | None]:
    if not ids or now.score is None:
        return None, None
    keep = 1.0 - policy.rectification.credit
    total = fsum(point.points * (keep if point.incident_id in ids else 1.0) for point in now.points)
    value = total / now.camera_hours * policy.thresholds.per_camera_hours
    colour = colour_of(value, policy)
    return value, now.colour if now.reason is Reason.OVERDUE else colour


def _better(history: History, policy: Policy, now: Score) -> tuple[date | None, Colour | None]:
    """The first day on which age alone gives a better colour, at today's camera-hours."""
    if now.colour not in RANK or now.colour is Colour.GREEN:
        return None, None
    # The incidents as they stand now, whatever follows; a day of watching like the mean of those behind it.
    known = tuple(
        one if one.in_time_at(now.at) else replace(one, due_at=None, later_deadlines=())
        for one in history.incidents
        if one.counts_at(now.at)
    )
    even = tuple(
        Watched(day, now.camera_hours / policy.window.open_days, 1.0, 1.0)
        for day in history.calendar.between(
            now.first_day or now.at.date(), now.at.date() + timedelta(days=FURTHEST_DAYS)
        )
    )
    for ahead in range(1, FURTHEST_DAYS + 1):
        later = now.at + timedelta(days=ahead)
        if not history.calendar.is_open(later.date()):
            continue
        then = score(replace(history, incidents=known, watched=even), policy, later)
        if then.score is not None and RANK[colour_of(then.score, policy)] < RANK[now.colour]:
            return later.date(), colour_of(then.score, policy)
    return None, None


def _worse(now: Score, policy: Policy) -> tuple[int | None, Colour | None]:
    if now.score is None or now.colour is Colour.RED:
        return None, None
    steps = policy.thresholds
    following = {
        Colour.GREEN: (steps.blue, Colour.BLUE),
        Colour.BLUE: (steps.yellow, Colour.YELLOW),
        Colour.YELLOW: (steps.red, Colour.RED),
    }
    threshold, worse = following[now.colour]
    one = policy.class_points.get(3, policy.weight_of("")[1])
    if one <= 0:
        return None, None
    gap = threshold * now.camera_hours / steps.per_camera_hours - now.total
    return max(ceil(gap / one), 1), worse


def _hours_missing(history: History, policy: Policy, now: Score) -> float:
    days = window(history.calendar, now.at.date(), policy.window.open_days)
    wanted = [one for one in history.watched if days and days[0] <= one.day <= days[-1]]
    due, kept = fsum(one.due_hours for one in wanted), fsum(one.kept_hours for one in wanted)
    return max(due * policy.coverage.least_share - kept, policy.coverage.least_camera_hours - now.camera_hours, 0.0)
