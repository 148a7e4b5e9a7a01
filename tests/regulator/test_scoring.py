"""Promises of the four-colour code on worked examples: docs/four-colour-code.md's numbers are held here."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from kitchenvision.regulator import scoring, scoring_calendar, scoring_outlook
from kitchenvision.regulator.policy import standard_policy
from kitchenvision.regulator.scoring import Answer, Colour, History, Incident, Reason, Verdict, Watched, score
from kitchenvision.regulator.scoring_calendar import Calendar, window
from kitchenvision.regulator.scoring_outlook import outlook

ZONE = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 11, 20, 18, 0, tzinfo=ZONE)  # a Friday
POLICY = standard_policy()


def on(month: int, day: int, hour: int = 11) -> datetime:
    """A local instant of the year."""
    return datetime(2026, month, day, hour, tzinfo=ZONE)


def lapse(name: str, at: datetime, rule_id: str = "no_hat", **more: object) -> Incident:
    """An incident confirmed two hours after it happened."""
    return Incident(name, rule_id, at, (Verdict(at + timedelta(hours=2), counts=True),), **more)  # type: ignore[arg-type]


def watch(cameras: int = 4, share: float = 1.0, to: date = date(2026, 11, 20)) -> tuple[Watched, ...]:
    """Weekdays from September, each camera for 8 hours and two rules."""
    days = [date(2026, 9, 1) + timedelta(days=i) for i in range((to - date(2026, 9, 1)).days + 1)]
    return tuple(
        Watched(day, cameras * 8.0 * share, cameras * 16.0, cameras * 16.0 * share)
        for day in days
        if day.weekday() < 5
    )


def canteen(*incidents: Incident, share: float = 1.0) -> History:
    """Four cameras."""
    return History(incidents, watch(share=share))


def test_the_worked_example_of_the_docs() -> None:
    history = canteen(
        lapse("hat-1", on(11, 10), due_at=on(11, 12), answers=(Answer(on(11, 11), on(11, 11, 15)),)),
        lapse("hat-2", on(11, 18)),
        lapse("smoke", on(11, 20), "smoking"),
        Incident("rejected", "no_hat", on(11, 19), (Verdict(on(11, 19, 12), counts=False),)),
    )
    told = score(history, POLICY, AT)
    by_id = {point.incident_id: point for point in told.points}
    assert told.camera_hours == 704.0
    assert by_id["hat-1"].points == pytest.approx(3 * 0.5 * 0.5 ** (8 / 11))
    assert by_id["hat-2"].points == pytest.approx(3 * 1.25 * 0.5 ** (2 / 11))
    assert by_id["smoke"].points == 6.0
    assert round(told.total, 2) == 10.21
    assert told.score == pytest.approx(14.5, abs=0.01)
    assert told.colour is Colour.YELLOW
    assert [point.incident_id for point in told.points] == ["smoke", "hat-2", "hat-1"]
    assert "rejected" not in by_id


def test_too_little_watched_is_grey_and_says_how_much_is_missing() -> None:
    told = score(canteen(share=0.5), POLICY, AT)
    assert (told.colour, told.reason, told.score) == (Colour.GREY, Reason.TOO_LITTLE_WATCHED, None)
    assert outlook(canteen(share=0.5), POLICY, AT).hours_missing == pytest.approx(704 * 2 * 0.1)


def test_never_watched_is_grey_even_with_incidents() -> None:
    told = score(History((lapse("a", on(11, 18)),), ()), POLICY, AT)
    assert (told.colour, told.reason) == (Colour.GREY, Reason.NEVER_WATCHED)
    assert told.points[0].incident_id == "a"


def test_a_holiday_neither_makes_grey_nor_takes_points_away() -> None:
    holiday = frozenset(date(2026, 11, 21) + timedelta(days=i) for i in range(60))
    history = replace(canteen(lapse("a", on(11, 20))), calendar=Calendar(closed=holiday))
    before, after = score(history, POLICY, AT), score(history, POLICY, AT + timedelta(days=50))
    assert (after.colour, after.score, after.open_today) == (before.colour, before.score, False)


def test_a_canteen_that_never_opens_has_no_data() -> None:
    history = replace(canteen(lapse("a", on(11, 20))), calendar=Calendar(weekdays=frozenset()))
    told = score(history, POLICY, AT)
    assert (told.colour, told.first_day, told.points) == (Colour.GREY, None, ())


def test_a_worked_sunday_and_a_closed_monday() -> None:
    calendar = Calendar(closed=frozenset({date(2026, 11, 16)}), opened=frozenset({date(2026, 11, 15)}))
    days = window(calendar, date(2026, 11, 17), 3)
    assert days == (date(2026, 11, 13), date(2026, 11, 15), date(2026, 11, 17))


def test_an_incident_of_a_closed_day_counts() -> None:
    assert score(canteen(lapse("sunday", on(11, 15))), POLICY, AT).total > 0


@pytest.mark.parametrize(
    ("days", "colour"), [(4, Colour.BLUE), (5, Colour.YELLOW), (9, Colour.YELLOW), (10, Colour.RED)]
)
def test_what_stays_unfixed_draws_yellow_and_then_red(days: int, colour: Colour) -> None:
    late = lapse("late", AT - timedelta(days=12), due_at=AT - timedelta(days=days))
    more = lapse("more", on(11, 20))
    told = score(canteen(late, more), POLICY, AT)
    assert told.colour is colour
    assert told.reason is (Reason.OVERDUE if days >= 5 else Reason.SCORE)
    assert outlook(canteen(late, more), POLICY, AT).overdue == (("late",) if days >= 5 else ())


def test_an_answer_that_waits_for_the_inspector_is_not_held_against_the_canteen() -> None:
    sent = Answer(on(11, 12))
    late = lapse("a", on(11, 5), due_at=on(11, 7), answers=(sent,))
    assert score(canteen(late), POLICY, AT).points[0].overdue_days == 0
    returned = replace(late, answers=(replace(sent, returned_at=on(11, 13)),))
    assert score(canteen(returned), POLICY, AT).points[0].overdue_days == 13


def test_credit_is_for_what_was_sent_in_time_and_accepted() -> None:
    due = on(11, 12)
    cases = {
        0.5: Answer(on(11, 11), on(11, 15)),  # accepted after the deadline, sent before it
        1.0: Answer(on(11, 13), on(11, 14)),  # too late
    }
    for credit, answer in cases.items():
        told = score(canteen(lapse("a", on(11, 10), due_at=due, answers=(answer,))), POLICY, AT)
        assert told.points[0].credit == credit
    waiting = lapse("a", on(11, 10), due_at=due, answers=(Answer(on(11, 11)),))
    assert score(canteen(waiting), POLICY, AT).points[0].credit == 1.0


def test_repetition_has_a_limit_and_two_cameras_on_one_day_are_none() -> None:
    twice = canteen(lapse("a", on(11, 20, 8)), lapse("b", on(11, 20, 9)))
    assert [point.repeat for point in score(twice, POLICY, AT).points] == [1.0, 1.0]
    daily = [lapse(f"{i}", on(11, 2) + timedelta(days=i)) for i in range(19)]
    told = score(canteen(*daily), POLICY, AT)
    assert max(point.repeat for point in told.points) == POLICY.repeat.most


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        score(canteen(), POLICY, datetime(2026, 11, 20))


def test_waiting_leads_to_the_better_colour_on_the_day_that_was_named() -> None:
    history = canteen(lapse("a", on(11, 20)), lapse("b", on(11, 19), "smoking"))
    told = outlook(history, POLICY, AT)
    assert score(history, POLICY, AT).colour is Colour.YELLOW
    assert told.better is Colour.BLUE
    assert told.better_on is not None
    longer = replace(history, watched=watch(to=date(2027, 3, 1)))
    day = datetime.combine(told.better_on, AT.timetz())
    assert score(longer, POLICY, day).colour is Colour.BLUE
    assert score(longer, POLICY, day - timedelta(days=1)).colour is Colour.YELLOW


def test_so_many_more_incidents_as_named_make_it_worse_and_one_less_does_not() -> None:
    history = canteen(lapse("a", on(11, 18), "smoking"))
    told = outlook(history, POLICY, AT)
    assert told.routine_left is not None
    # All on one day, so that none is a repetition.
    more = [lapse(f"x{i}", on(11, 20, 9)) for i in range(told.routine_left)]
    assert score(canteen(*history.incidents, *more), POLICY, AT).colour is told.worse
    assert score(canteen(*history.incidents, *more[1:]), POLICY, AT).colour is score(history, POLICY, AT).colour


def test_rectifying_what_runs_gives_the_score_that_was_named() -> None:
    running = lapse("a", on(11, 20, 8), "smoking", due_at=AT + timedelta(days=2))
    told = outlook(canteen(running), POLICY, AT)
    assert told.to_rectify == ("a",)
    done = replace(running, answers=(Answer(AT, AT),))
    after = score(canteen(done), POLICY, AT)
    assert (told.rectified_score, told.rectified) == (pytest.approx(after.score), after.colour)


def test_green_and_red_have_nothing_beyond_them() -> None:
    assert outlook(canteen(), POLICY, AT).better_on is None
    red = canteen(*(lapse(f"{i}", on(11, 20), "smoking") for i in range(5)))
    told = outlook(red, POLICY, AT)
    assert score(red, POLICY, AT).colour is Colour.RED
    assert (told.routine_left, told.worse) == (None, None)
    assert told.better is Colour.YELLOW


def test_the_score_reads_no_clock_and_no_file() -> None:
    for module in (scoring, scoring_outlook, scoring_calendar):
        source = Path(str(module.__file__)).read_text("utf-8")
        for word in (".now(", ".today(", "import time", " open(", "random", "sqlalchemy"):
            assert word not in source, f"{module.__name__}: {word}"
