"""Promises of incidents as scoring takes them: what belongs together is one, with the deadlines of its case."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.conftest import Regulator, made
from regulator.sample import CANTEEN, sample, send

from kitchenvision.regulator import case_store, history, setup
from kitchenvision.regulator.access import EVERYTHING, Role
from kitchenvision.regulator.case_steps import BY_CANTEEN, CasePolicy, CaseStep, Kind
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.decisions import Step
from kitchenvision.regulator.decisions import Verdict as Decided
from kitchenvision.regulator.people import Place
from kitchenvision.regulator.policy import standard_policy
from kitchenvision.regulator.scoring import Answer, History, Incident, Verdict, Watched, score
from kitchenvision.regulator.scoring_incidents import scored_incidents, together, with_case

AT = datetime(2026, 11, 18, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SINCE = AT - 30 * DAY
INSPECTOR, OTHER, COOK = 1, 2, 3


def day(n: float) -> datetime:
    """So many days after `AT`."""
    return AT + n * DAY


def confirm(database: Database, violation_id: str, at: datetime, verdict: Decided = Decided.CONFIRMED) -> None:
    """The first decision on a violation."""
    step = Step(verdict, 1 if verdict is Decided.REJECTED else None)
    with database.writing() as session:
        history.decide(session, EVERYTHING, (violation_id, 0), step, INSPECTOR, at)


def loaded(database: Database) -> list[Incident]:
    """Of the canteen."""
    with database.reading() as session:
        return scored_incidents(session, [CANTEEN], SINCE)[CANTEEN]


@pytest.fixture
def kitchen(tmp_path: Path) -> Iterator[Regulator]:
    """Sightings 1 and 2 five minutes apart, 3 two hours later; a second person who may rule on appeals."""
    with made(tmp_path) as one:
        setup.add_person(one.settings, "second", Role.INSPECTOR, Place(("default",)))
        setup.add_person(one.settings, "cook", Role.CANTEEN, Place(canteen_id=CANTEEN))
        minutes = {1: 0, 2: 5, 3: 120}
        samples = [sample(n, captured_at=AT + timedelta(minutes=after)) for n, after in minutes.items()]
        send(one.client, one.token, samples)
        yield one


def database_of(one: Regulator) -> Database:
    """The running one."""
    return one.app.state.parts.database


def test_two_sightings_of_one_lapse_are_one_incident_and_undecided_ones_none(kitchen: Regulator) -> None:
    database = database_of(kitchen)
    assert loaded(database) == []
    for n in (1, 2, 3):
        confirm(database, sample(n).violation_id, day(1))
    assert [one.incident_id for one in loaded(database)] == [sample(1).violation_id, sample(3).violation_id]


def test_what_was_rejected_joins_nothing(kitchen: Regulator) -> None:
    database = database_of(kitchen)
    confirm(database, sample(1).violation_id, day(1), Decided.REJECTED)
    confirm(database, sample(2).violation_id, day(1))
    (one,) = loaded(database)
    assert one.incident_id == sample(2).violation_id


def test_an_incident_counts_as_long_as_one_of_its_violations_does() -> None:
    first = [Verdict(day(1), True), Verdict(day(3), False)]
    second = [Verdict(day(2), True), Verdict(day(4), False)]
    one = Incident("a", "no_hat", AT, together([first, second]))
    assert [one.counts_at(day(n)) for n in (0.5, 1, 2, 3.5, 4)] == [False, True, True, True, False]


verdicts = st.builds(Verdict, st.integers(0, 20).map(day), st.booleans())


@given(st.lists(st.lists(verdicts, max_size=4), max_size=4), st.integers(0, 20))
def test_together_is_any_of_them_at_every_instant(members: list[list[Verdict]], at: int) -> None:
    one = Incident("a", "no_hat", AT, together(members))
    each = [Incident("b", "no_hat", AT, tuple(known)) for known in members]
    assert one.counts_at(day(at)) == any(other.counts_at(day(at)) for other in each)


def step(database: Database, case_id: int, kind: Kind, at: datetime, person_id: int = INSPECTOR) -> None:
    """One step with all that any step needs."""
    photo = "0" * 64 if kind is Kind.ANSWERED else None
    with database.writing() as session:
        who = COOK if kind in BY_CANTEEN else person_id
        taken = CaseStep(kind, who, "words", photo)
        case_store.take_step(session, EVERYTHING, case_id, taken, at, CasePolicy())


def opened(kitchen: Regulator) -> int:
    """A case on the first incident, opened a day after it."""
    database = database_of(kitchen)
    for n in (1, 2):
        confirm(database, sample(n).violation_id, day(0.5))
    with database.writing() as session:
        return case_store.open_case(session, EVERYTHING, sample(1).violation_id, INSPECTOR, day(1), CasePolicy())


def test_the_deadline_and_the_answer_of_a_case_reach_the_score(kitchen: Regulator) -> None:
    database, case_id = database_of(kitchen), opened(kitchen)
    (one,) = loaded(database)
    assert (one.due_at, one.answers) == (day(8), ())
    step(database, case_id, Kind.ANSWERED, day(4))
    step(database, case_id, Kind.ACCEPTED, day(9))
    (one,) = loaded(database)
    assert one.in_time_at(day(9))
    assert not one.in_time_at(day(8.5))


def test_a_returned_answer_has_a_new_deadline_and_an_appeal_stops_the_clock(kitchen: Regulator) -> None:
    database, case_id = database_of(kitchen), opened(kitchen)
    step(database, case_id, Kind.ANSWERED, day(4))
    step(database, case_id, Kind.RETURNED, day(7))
    (one,) = loaded(database)
    assert one.deadline_at(day(7)) == day(10)
    assert not one.answered_at(day(7))
    step(database, case_id, Kind.APPEALED, day(8))
    step(database, case_id, Kind.UPHELD, day(20), OTHER)
    (one,) = loaded(database)
    assert one.answered_at(day(15))
    assert not one.answered_at(day(20))
    assert one.deadline_at(day(20)) == day(22)


def test_an_overturned_case_has_no_points_left(kitchen: Regulator) -> None:
    database, case_id = database_of(kitchen), opened(kitchen)
    step(database, case_id, Kind.APPEALED, day(2))
    (before,) = loaded(database)
    assert before.counts_at(day(2))
    step(database, case_id, Kind.OVERTURNED, day(3), OTHER)
    (one,) = loaded(database)
    watched = tuple(Watched((AT + n * DAY).date(), 80.0, 80.0, 80.0) for n in range(-20, 4))
    zone = ZoneInfo("Asia/Shanghai")
    told = [
        score(History((one,), watched), standard_policy(), at.astimezone(zone)).total for at in (day(2), day(3))
    ]
    assert told[0] > 0
    assert told[1] == 0.0


def test_an_acceptance_after_a_dismissed_appeal_is_of_the_answer() -> None:
    events = [
        (Kind.OPENED, day(0), day(7)),
        (Kind.ANSWERED, day(1), None),
        (Kind.APPEALED, day(2), None),
        (Kind.UPHELD, day(3), None),
        (Kind.ACCEPTED, day(4), None),
    ]
    one = with_case(Incident("a", "no_hat", AT), events)
    assert one.answers == (Answer(day(1), accepted_at=day(4)), Answer(day(2), returned_at=day(3)))
    assert one.in_time_at(day(4))
