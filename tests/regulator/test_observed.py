"""Promises of observed time: taken once, kept by hour and local day, and what is due although nobody watched."""

from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from pydantic import ValidationError
from regulator.conftest import Regulator
from regulator.sample import CANTEEN, bearer
from sqlalchemy import select
from sqlalchemy.exc import DatabaseError

from kitchenvision.regulator import setup
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.observed import calendars, observed_pairs, watched
from kitchenvision.regulator.observed_tables import ObservedDay, ObservedHour, ObservedReport, SchoolDay, SchoolWeek
from kitchenvision.regulator.policy_tables import ColourRow
from kitchenvision.wire import ObservedTime, observation_id, observed_bytes, parse_observed

HOUR = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)  # 11:00 in Shanghai


def observed(
    hour: datetime = HOUR, seconds: float = 3000.0, *, minutes: int = 60, canteen_id: str = CANTEEN, **names: str
) -> ObservedTime:
    """One interval that begins at `hour`."""
    told = {"camera_id": "serving-1", "zone": "kitchen", "rule_id": "no_hat", **names}
    return ObservedTime(
        observation_id=observation_id(canteen_id, told["camera_id"], told["zone"], told["rule_id"], hour),
        canteen_id=canteen_id,
        from_at=hour,
        to_at=hour + timedelta(minutes=minutes),
        observed_s=seconds,
        created_at=hour + timedelta(hours=1),
        **told,
    )


def send_observed(regulator: Regulator, one: ObservedTime, token: str = "") -> httpx.Response:
    """Post it."""
    headers = bearer(token or regulator.token)
    return regulator.client.post("/api/v1/observed-times", content=observed_bytes(one), headers=headers)


def rows(regulator: Regulator, table: type) -> list:  # type: ignore[type-arg]
    """All rows of a table."""
    database = Database(regulator.settings.url)
    with database.reading() as session:
        found = list(session.scalars(select(table)))
    database.close()
    return found


def test_what_is_written_reads_back_the_same() -> None:
    one = observed()
    assert parse_observed(observed_bytes(one)) == one
    assert one.idempotency_key == f"observed/{one.observation_id}"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"to_at": HOUR}, "to_at"),
        ({"to_at": HOUR + timedelta(minutes=61)}, "same hour"),
        ({"from_at": HOUR + timedelta(minutes=50), "to_at": HOUR + timedelta(minutes=70)}, "same hour"),
        ({"observed_s": 3601.0}, "observed_s"),
        ({"observed_s": float("nan")}, "observed_s"),
        ({"from_at": datetime(2026, 11, 20)}, "from_at"),
        ({"camera_id": ""}, "camera_id"),
        ({"from_at": datetime.max.replace(tzinfo=UTC), "to_at": datetime.max.replace(tzinfo=UTC)}, "to_at"),
    ],
)
def test_an_impossible_interval_is_refused_with_its_field(changes: dict[str, object], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        ObservedTime.model_validate({**observed().model_dump(), **changes})


def test_the_same_again_is_the_same_and_other_content_is_refused(regulator: Regulator) -> None:
    first, again = send_observed(regulator, observed()), send_observed(regulator, observed())
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["received_at"] == first.json()["received_at"]
    other = send_observed(regulator, observed(seconds=10.0))
    assert (other.status_code, other.json()["field"]) == (409, "observation_id")
    assert [row.observed_s for row in rows(regulator, ObservedHour)] == [3000.0]


def test_parts_of_an_hour_add_up_and_never_beyond_it(regulator: Regulator) -> None:
    for minute in (0, 20, 40):
        send_observed(regulator, observed(HOUR + timedelta(minutes=minute), 1200.0, minutes=20))
    send_observed(regulator, observed(HOUR + timedelta(minutes=5), 600.0, minutes=10))
    assert [row.observed_s for row in rows(regulator, ObservedHour)] == [3600.0]


def test_two_zones_of_one_camera_are_watched_at_once_not_twice(regulator: Regulator) -> None:
    send_observed(regulator, observed(seconds=3000.0))
    send_observed(regulator, observed(seconds=2000.0, zone="serving"))
    send_observed(regulator, observed(HOUR + timedelta(hours=1), 1000.0, zone="serving"))
    assert [(row.day, row.observed_s) for row in rows(regulator, ObservedDay)] == [(date(2026, 11, 20), 4000.0)]


def test_a_day_is_a_day_where_the_canteen_is(regulator: Regulator) -> None:
    send_observed(regulator, observed(datetime(2026, 11, 20, 15, 0, tzinfo=UTC)))  # 23:00 in Shanghai
    send_observed(regulator, observed(datetime(2026, 11, 20, 16, 0, tzinfo=UTC)))  # midnight
    assert sorted(row.day for row in rows(regulator, ObservedDay)) == [date(2026, 11, 20), date(2026, 11, 21)]


def test_late_news_of_a_day_drops_the_colours_that_did_not_know_it(regulator: Regulator) -> None:
    database = Database(regulator.settings.url)
    with database.writing() as session:
        for day in (19, 20, 21):
            session.add(
                ColourRow(
                    canteen_id=CANTEEN,
                    day=date(2026, 11, day),
                    colour="green",
                    reason="score",
                    camera_hours=1.0,
                    policy_sha256="0" * 64,
                )
            )
    database.close()
    send_observed(regulator, observed())
    assert [row.day for row in rows(regulator, ColourRow)] == [date(2026, 11, 19)]


def test_only_the_canteen_itself_may_tell(regulator: Regulator) -> None:
    other = setup.add_canteen(regulator.settings, "canteen-2")
    answer = send_observed(regulator, observed(), other)
    assert (answer.status_code, answer.json()["field"]) == (403, "canteen_id")
    assert send_observed(regulator, observed(), "wrong").status_code == 401


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 422), (b'{"a":1}', 422), (b"x" * 10_001, 413)], ids=["broken", "empty", "large"]
)
def test_what_is_no_observed_time_is_refused(regulator: Regulator, body: bytes, status: int) -> None:
    headers = bearer(regulator.token)
    answer = regulator.client.post("/api/v1/observed-times", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("hour", [datetime(2001, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)])
def test_a_clock_that_is_years_wrong_is_refused(regulator: Regulator, hour: datetime) -> None:
    assert send_observed(regulator, observed(hour)).status_code == 422


def test_the_database_itself_refuses_to_change_what_was_told(regulator: Regulator) -> None:
    send_observed(regulator, observed())
    database = Database(regulator.settings.url)
    with pytest.raises((DatabaseError, Exception), match="only added"), database.writing() as session:
        session.connection().exec_driver_sql("UPDATE observed_reports SET observed_s = 3600")
    database.close()
    assert rows(regulator, ObservedReport)[0].observed_s == 3000.0


DAYS = [date(2026, 11, 16) + timedelta(days=i) for i in range(5)]


def test_a_camera_that_is_switched_off_stays_due() -> None:
    pairs = {("a", "no_hat"): {day: 8 * 3600.0 for day in DAYS}, ("b", "no_hat"): {DAYS[0]: 8 * 3600.0}}
    told = watched(pairs, DAYS, 8.0)
    assert [(one.camera_hours, one.due_hours, one.kept_hours) for one in told] == [
        (16.0, 16.0, 16.0),
        *[(8.0, 16.0, 8.0)] * 4,
    ]


def test_it_is_forgotten_after_ninety_days_and_not_due_before_it_was_first_seen() -> None:
    seen = date(2026, 8, 1)
    days = [seen - timedelta(days=1), seen, seen + timedelta(days=90), seen + timedelta(days=91)]
    told = watched({("a", "no_hat"): {seen: 3600.0}}, days, 8.0)
    assert [one.due_hours for one in told] == [0.0, 8.0, 8.0, 0.0]


def test_overtime_of_one_camera_does_not_make_good_for_another() -> None:
    pairs = {("a", "no_hat"): {DAYS[0]: 16 * 3600.0}, ("b", "no_hat"): {DAYS[0]: 0.0}}
    one = watched(pairs, DAYS[:1], 8.0)[0]
    assert (one.camera_hours, one.due_hours, one.kept_hours) == (16.0, 16.0, 8.0)


def test_two_rules_on_one_camera_are_one_camera_hour_and_two_hours_due() -> None:
    pairs = {("a", "no_hat"): {DAYS[0]: 8 * 3600.0}, ("a", "no_mask"): {DAYS[0]: 4 * 3600.0}}
    one = watched(pairs, DAYS[:1], 8.0)[0]
    assert (one.camera_hours, one.due_hours, one.kept_hours) == (8.0, 16.0, 12.0)


def test_a_closed_day_is_watched_without_being_due() -> None:
    sunday = date(2026, 11, 15)
    told = watched({("a", "no_hat"): {sunday: 3600.0}}, DAYS, 8.0)
    assert (told[0].day, told[0].camera_hours, told[0].due_hours) == (sunday, 1.0, 0.0)


def test_pairs_reach_back_as_far_as_something_can_be_due(regulator: Regulator) -> None:
    send_observed(regulator, observed())
    send_observed(regulator, observed(HOUR - timedelta(days=60), 1800.0))
    database = Database(regulator.settings.url)
    with database.reading() as session:
        told = observed_pairs(session, [CANTEEN, "nobody"], date(2026, 11, 20), date(2026, 11, 20))
        assert told["nobody"] == {}
        assert list(told[CANTEEN][("serving-1", "no_hat")].values()) == [1800.0, 3000.0]
        past = observed_pairs(session, [CANTEEN], date(2026, 10, 1), date(2026, 10, 1))
        assert list(past[CANTEEN][("serving-1", "no_hat")].values()) == [1800.0]
    database.close()


def test_a_canteens_own_calendar_wins_over_the_districts(regulator: Regulator) -> None:
    database = Database(regulator.settings.url)
    monday = date(2026, 11, 16)
    with database.writing() as session:
        session.add(SchoolWeek(district_id="default", canteen_id="", weekdays="01234"))
        session.add(SchoolWeek(district_id="default", canteen_id="boarding", weekdays="0123456"))
        session.add(SchoolDay(district_id="default", canteen_id="", day=monday, is_open=0, note="校庆"))
        session.add(SchoolDay(district_id="default", canteen_id=CANTEEN, day=monday, is_open=1, note=""))
    with database.reading() as session:
        told = calendars(session, "default", [CANTEEN, "boarding", "other"])
    database.close()
    assert [told[name].is_open(monday) for name in (CANTEEN, "boarding", "other")] == [True, False, False]
    assert told["boarding"].is_open(monday - timedelta(days=1))
