"""Promises of stored colours: the same as from history, and a cache that nobody misses when it is dropped."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from regulator.conftest import Regulator, made
from regulator.sample import CANTEEN, sample, send
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from kitchenvision.regulator import history, setup
from kitchenvision.regulator.access import EVERYTHING
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.decisions import Step, Verdict
from kitchenvision.regulator.observed_tables import ObservedDay
from kitchenvision.regulator.policy import Policy, standard_policy
from kitchenvision.regulator.policy_store import PolicyRefused, add_policy, in_force, policies
from kitchenvision.regulator.policy_tables import ColourRow
from kitchenvision.regulator.scoring import Colour, Reason
from kitchenvision.regulator.scoring_store import drop_colours, strips, today

ZONE = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 11, 23, 18, 0, tzinfo=ZONE)  # a Monday
LAPSE = datetime(2026, 11, 18, 3, 0, tzinfo=UTC)
OTHER = "canteen-2"


def watch(database: Database, canteen_id: str, days: int, cameras: int = 4) -> None:
    """Weekdays up to the 20th, 8 hours of each camera."""
    with database.writing() as session:
        for i in range(days):
            day = date(2026, 11, 20) - timedelta(days=i)
            if day.weekday() < 5:
                for camera in range(cameras):
                    session.add(
                        ObservedDay(
                            canteen_id=canteen_id,
                            day=day,
                            camera_id=f"camera-{camera}",
                            rule_id="no_hat",
                            observed_s=8 * 3600.0,
                        )
                    )


def decide(database: Database, violation_id: str, verdict: Verdict, at: datetime, follows: int = 0) -> int:
    """Add one step; returns its id."""
    step = Step(verdict, 1 if verdict is Verdict.REJECTED else None)
    with database.writing() as session:
        return history.decide(session, EVERYTHING, (violation_id, follows), step, 1, at)


@pytest.fixture
def district(tmp_path: Path) -> Iterator[Regulator]:
    """Two canteens that were watched; in the first, two lapses: one confirmed, one rejected."""
    with made(tmp_path) as one:
        setup.add_canteen(one.settings, OTHER)
        database = one.app.state.parts.database
        for canteen_id in (CANTEEN, OTHER):
            watch(database, canteen_id, 60)
        lapses = [sample(i, "smoking", captured_at=LAPSE + timedelta(minutes=i)) for i in (1, 2)]
        send(one.client, one.token, lapses)
        decide(database, lapses[0].violation_id, Verdict.CONFIRMED, LAPSE + timedelta(days=1))
        decide(database, lapses[1].violation_id, Verdict.REJECTED, LAPSE + timedelta(days=1))
        yield one


def database_of(one: Regulator) -> Database:
    """The running one."""
    return one.app.state.parts.database


def test_only_the_confirmed_lapse_counts_and_only_where_it_happened(district: Regulator) -> None:
    with database_of(district).reading() as session:
        now = today(session, "default", [CANTEEN, OTHER], AT)
    assert [point.incident_id for point in now[CANTEEN].score.points] == [sample(1).violation_id]
    assert now[CANTEEN].score.camera_hours == 21 * 4 * 8.0
    assert now[OTHER].score.points == ()
    assert now[OTHER].score.colour is Colour.GREEN


def test_a_strip_knows_the_day_on_which_the_lapse_was_confirmed(district: Regulator) -> None:
    strip = strips(database_of(district), "default", [CANTEEN], AT, 10)[CANTEEN]
    by_day = {day.day: day for day in strip}
    assert list(by_day) == [date(2026, 11, 13) + timedelta(days=i) for i in range(10)]
    assert by_day[date(2026, 11, 18)].score == 0.0
    assert (by_day[date(2026, 11, 19)].score or 0) > 5.0
    assert by_day[date(2026, 11, 19)].colour is not Colour.GREEN


def test_the_cache_can_be_dropped_and_comes_back_the_same(district: Regulator) -> None:
    database = database_of(district)
    first = strips(database, "default", [CANTEEN, OTHER], AT, 30)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ColourRow)) == 60
    assert strips(database, "default", [CANTEEN, OTHER], AT, 30) == first
    with database.writing() as session:
        drop_colours(session)
    assert strips(database, "default", [CANTEEN, OTHER], AT, 30) == first


def test_what_is_withdrawn_today_leaves_past_colours_and_is_gone_today(district: Regulator) -> None:
    database = database_of(district)
    before = strips(database, "default", [CANTEEN], AT, 10)
    with database.reading() as session:
        follows = history.decisions(session, EVERYTHING, sample(1).violation_id)[-1].decision_id
    decide(database, sample(1).violation_id, Verdict.WITHDRAWN, AT - timedelta(hours=1), follows)
    with database.writing() as session:
        drop_colours(session)
    assert strips(database, "default", [CANTEEN], AT, 10) == before
    with database.reading() as session:
        assert today(session, "default", [CANTEEN], AT)[CANTEEN].score.points == ()


def test_there_is_no_strip_before_anything_was_known(district: Regulator) -> None:
    strip = strips(database_of(district), "default", [CANTEEN], AT, 365)[CANTEEN]
    assert strip[0].day == date(2026, 9, 22)  # the first weekday that was watched
    assert strip[0].colour is Colour.GREY  # 32 hours are too few


def test_a_canteen_without_anything_has_no_strip_and_is_grey(tmp_path: Path) -> None:
    with made(tmp_path) as one:
        assert strips(database_of(one), "default", [CANTEEN], AT, 30)[CANTEEN] == ()
        with database_of(one).reading() as session:
            told = today(session, "default", [CANTEEN], AT)[CANTEEN].score
        assert (told.colour, told.reason) == (Colour.GREY, Reason.NEVER_WATCHED)


def draft(day: date, version: int = 2, **changes: object) -> Policy:
    """The standard policy with another beginning."""
    return standard_policy().model_copy(update={"valid_from": day, "version": version, **changes})


def test_a_policy_begins_on_its_day_and_leaves_the_days_before(district: Regulator) -> None:
    database = database_of(district)
    before = strips(database, "default", [CANTEEN], AT, 10)[CANTEEN]
    stricter = standard_policy().thresholds.model_copy(update={"blue": 0.1, "yellow": 0.2, "red": 0.3})
    entered_at = datetime(2026, 11, 18, 12, 0, tzinfo=ZONE)
    with database.writing() as session:
        add_policy(session, "default", draft(date(2026, 11, 20), thresholds=stricter), 1, entered_at)
        drop_colours(session)
    after = {day.day: day.colour for day in strips(database, "default", [CANTEEN], AT, 10)[CANTEEN]}
    for day in before:
        if day.day < date(2026, 11, 20):
            assert after[day.day] is day.colour
        else:
            assert after[day.day] is Colour.RED


def test_a_policy_cannot_begin_in_the_past_nor_be_entered_twice(district: Regulator) -> None:
    database = database_of(district)
    with pytest.raises(PolicyRefused, match="valid_from"), database.writing() as session:
        add_policy(session, "default", draft(AT.date()), 1, AT)
    tomorrow = AT.date() + timedelta(days=1)
    with database.writing() as session:
        add_policy(session, "default", draft(tomorrow), 1, AT)
    with pytest.raises(PolicyRefused, match="version"), database.writing() as session:
        add_policy(session, "default", draft(tomorrow + timedelta(days=3)), 1, AT)
    with database.reading() as session:
        known = policies(session, "default")
    assert [one.policy.version for one in known] == [1, 2]
    assert in_force(known, AT.date()).version == 1
    assert in_force(known, tomorrow).version == 2


def test_policies_of_another_district_are_not_ours(district: Regulator) -> None:
    setup.add_town(district.settings, "far", district_id="far")
    database = database_of(district)
    with database.writing() as session:
        add_policy(session, "far", draft(AT.date() + timedelta(days=1)), 1, AT)
    with database.reading() as session:
        assert len(policies(session, "default")) == 1
        assert len(policies(session, "far")) == 2


@pytest.mark.parametrize("change", ["UPDATE policies SET body = '{}'", "DELETE FROM policies"])
def test_the_database_refuses_to_change_a_policy(district: Regulator, change: str) -> None:
    database = database_of(district)
    with database.writing() as session:
        add_policy(session, "default", draft(AT.date() + timedelta(days=1)), 1, AT)
    with pytest.raises(IntegrityError, match="only added"), database.writing() as session:
        session.execute(text(change))


def test_another_policy_can_be_tried_without_keeping_it(district: Regulator) -> None:
    stricter = standard_policy().thresholds.model_copy(update={"blue": 0.1, "yellow": 0.2, "red": 0.3})
    with database_of(district).reading() as session:
        tried = today(session, "default", [CANTEEN], AT, draft(AT.date(), thresholds=stricter))[CANTEEN]
        assert tried.score.colour is Colour.RED
        assert today(session, "default", [CANTEEN], AT)[CANTEEN].score.colour is not Colour.RED
        assert len(policies(session, "default")) == 1
