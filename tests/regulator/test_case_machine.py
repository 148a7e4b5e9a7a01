"""Promises of a case's life: only legal steps, in the pure machine and in the database, whoever writes to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from regulator.conftest import Regulator, made
from regulator.sample import CANTEEN, sample, send
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from kitchenvision.regulator import case_store, history, setup
from kitchenvision.regulator.access import EVERYTHING, RIGHTS, Role, Scope
from kitchenvision.regulator.case_steps import (
    APPEALABLE,
    STEPS,
    WITH_CANTEEN,
    Card,
    CaseEvent,
    CasePolicy,
    CaseState,
    CaseStep,
    CaseStepRefused,
    Kind,
    appeal_until,
    card,
    follow,
    overdue_days,
)
from kitchenvision.regulator.decisions import Step, StepOutOfTurn, Verdict
from kitchenvision.regulator.people import Place

POLICY = CasePolicy()
NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)
CHEF, WANG, LI = 3, 2, 4
PHOTO = "ab" * 32


def opened(rule_id: str = "no_hat") -> list[CaseEvent]:
    """The history of a new case that WANG opened."""
    return [CaseEvent(Kind.OPENED, CaseState.NOTIFIED, WANG, NOW, deadline_at=POLICY.deadline(rule_id, NOW))]


def after(events: list[CaseEvent], *steps: tuple[Kind, float]) -> list[CaseEvent]:
    """The history after these steps, each so many days after the notice."""
    events = list(events)
    for kind, days in steps:
        events.append(follow(events, step_of(kind), NOW + days * DAY, {WANG}, POLICY))
    return events


def step_of(kind: Kind) -> CaseStep:
    """A complete step by somebody who may."""
    who = CHEF if kind in (Kind.ANSWERED, Kind.APPEALED) else LI
    return CaseStep(kind, who, "words", PHOTO if kind is Kind.ANSWERED else None)


def test_a_case_is_answered_returned_answered_again_and_closed() -> None:
    events = after(opened(), (Kind.ANSWERED, 1), (Kind.RETURNED, 2), (Kind.ANSWERED, 3), (Kind.ACCEPTED, 4))
    assert [event.state for event in events] == ["notified", "answered", "returned", "answered", "closed"]
    assert events[2].deadline_at == NOW + (2 + POLICY.returned_days) * DAY


@pytest.mark.parametrize(("rule_id", "days"), [("smoking", 3), ("no_hat", 7), ("no_mask", 7), ("rats", 7)])
def test_the_deadline_is_by_the_class_of_the_rule(rule_id: str, days: float) -> None:
    assert opened(rule_id)[0].deadline_at == NOW + days * DAY


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in (Kind.ANSWERED, Kind.APPEALED)])
def test_from_the_notice_the_canteen_alone_can_act(kind: Kind) -> None:
    with pytest.raises(CaseStepRefused, match="out_of_turn"):
        after(opened(), (kind, 1))


def test_every_step_that_is_not_in_the_table_is_refused() -> None:
    ways = {
        CaseState.NOTIFIED: [],
        CaseState.ANSWERED: [(Kind.ANSWERED, 1)],
        CaseState.RETURNED: [(Kind.ANSWERED, 1), (Kind.RETURNED, 2)],
        CaseState.CLOSED: [(Kind.ANSWERED, 1), (Kind.ACCEPTED, 2)],
        CaseState.APPEALED: [(Kind.APPEALED, 1)],
        CaseState.OVERTURNED: [(Kind.APPEALED, 1), (Kind.OVERTURNED, 2)],
    }
    for state, way in ways.items():
        events = after(opened(), *way)
        assert events[-1].state is state
        for kind in Kind:
            if any(before is state and what is kind for before, what, _ in STEPS):
                assert (state, kind, after(events, (kind, 3))[-1].state) in STEPS
            else:
                with pytest.raises(CaseStepRefused, match="out_of_turn"):
                    after(events, (kind, 3))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"words": "  "}, "no_words"),
        ({"words": "x" * 2001}, "too_long"),
        ({"photo_sha256": None}, "no_photo"),
    ],
)
def test_an_answer_needs_a_photo_and_words(change: dict[str, Any], why: str) -> None:
    with pytest.raises(CaseStepRefused, match=why):
        follow(opened(), replace(step_of(Kind.ANSWERED), **change), NOW + DAY, (), POLICY)


@pytest.mark.parametrize("kind", [Kind.UPHELD, Kind.OVERTURNED])
def test_who_decided_cannot_decide_the_appeal(kind: Kind) -> None:
    with pytest.raises(CaseStepRefused, match="same_person"):
        follow(after(opened(), (Kind.APPEALED, 1)), CaseStep(kind, WANG, "no"), NOW + 2 * DAY, {WANG}, POLICY)


def test_an_appeal_is_once_and_within_its_term() -> None:
    assert appeal_until(opened(), POLICY) == NOW + 10 * DAY
    assert after(opened(), (Kind.APPEALED, 10))[-1].state is CaseState.APPEALED
    with pytest.raises(CaseStepRefused, match="too_late"):
        after(opened(), (Kind.APPEALED, 10.001))
    with pytest.raises(CaseStepRefused, match="appealed_before"):
        after(opened(), (Kind.APPEALED, 1), (Kind.UPHELD, 2), (Kind.APPEALED, 3))


def test_an_upheld_appeal_leads_back_with_the_time_that_was_left() -> None:
    events = after(opened(), (Kind.APPEALED, 2), (Kind.UPHELD, 9))
    assert events[-1].state is CaseState.NOTIFIED
    assert events[-1].deadline_at == NOW + (9 + 5) * DAY
    assert after(opened(), (Kind.ANSWERED, 1), (Kind.APPEALED, 2), (Kind.UPHELD, 3))[-1].state is CaseState.ANSWERED


def test_a_step_is_never_before_the_one_before() -> None:
    with pytest.raises(CaseStepRefused, match="too_early"):
        after(opened(), (Kind.ANSWERED, 2), (Kind.ACCEPTED, 1))


@pytest.mark.parametrize(
    ("days", "expected"),
    [(7, Card.NONE), (11.99, Card.NONE), (12, Card.YELLOW), (16.9, Card.YELLOW), (17, Card.RED)],
)
def test_being_late_brings_yellow_after_five_days_and_then_red(days: float, expected: Card) -> None:
    assert card(opened(), NOW + days * DAY, POLICY) is expected


def test_the_clock_stands_still_while_others_are_to_act_and_a_card_that_was_earned_stays() -> None:
    answered = after(opened(), (Kind.ANSWERED, 13))
    for days in (13, 40):
        assert card(answered, NOW + days * DAY, POLICY) is Card.YELLOW
    in_time = after(opened(), (Kind.ANSWERED, 6))
    assert card(in_time, NOW + 90 * DAY, POLICY) is Card.NONE
    assert card(after(answered, (Kind.ACCEPTED, 14)), NOW + 90 * DAY, POLICY) is Card.YELLOW


def test_overturned_takes_the_card_back() -> None:
    late = replace(POLICY, appeal_days=90)
    events = [*opened()]
    events.append(follow(events, step_of(Kind.APPEALED), NOW + 20 * DAY, (), late))
    assert card(events, NOW + 21 * DAY, POLICY) is Card.RED
    events.append(follow(events, step_of(Kind.OVERTURNED), NOW + 21 * DAY, (), late))
    assert card(events, NOW + 30 * DAY, POLICY) is Card.NONE
    assert overdue_days(events, NOW + 30 * DAY) == 0.0


def test_the_migration_holds_the_same_steps_as_the_machine() -> None:
    kept = import_module("kitchenvision.regulator.migrations.versions.0003_cases").STEPS
    assert set(kept) == {(before or "", what, state) for before, what, state in STEPS}


class CaseLife(RuleBasedStateMachine):
    """Any steps by anybody at any time: what gets through is legal, and what it leads to is consistent."""

    @initialize(rule_id=st.sampled_from(["smoking", "no_hat"]))
    def begin(self, rule_id: str) -> None:
        """A notice."""
        self.events, self.now = opened(rule_id), NOW

    @rule(
        kind=st.sampled_from(Kind),
        who=st.sampled_from([WANG, LI, CHEF]),
        words=st.sampled_from(["", "words"]),
        photo=st.sampled_from([None, PHOTO]),
        hours=st.integers(0, 100),
    )
    def somebody_tries(self, kind: Kind, who: int, words: str, photo: str | None, hours: int) -> None:
        """A step that may be refused."""
        self.now += timedelta(hours=hours)
        before = self.events[-1].state
        try:
            event = follow(self.events, CaseStep(kind, who, words, photo), self.now, {WANG}, POLICY)
        except CaseStepRefused:
            return
        assert (before, kind, event.state) in STEPS
        self.events = [*self.events, event]

    @precondition(lambda self: self.events[-1].state is CaseState.APPEALED)
    @rule()
    def another_person_can_always_decide_an_appeal(self) -> None:
        """No dead end."""
        for kind in (Kind.UPHELD, Kind.OVERTURNED):
            follow(self.events, CaseStep(kind, LI, "words"), self.now, {WANG}, POLICY)

    @invariant()
    def consistent(self) -> None:
        """What holds in every state."""
        newest = self.events[-1]
        assert (newest.deadline_at is not None) == (newest.state in WITH_CANTEEN)
        assert [event.at for event in self.events] == sorted(event.at for event in self.events)
        assert sum(event.kind is Kind.APPEALED for event in self.events) <= 1
        assert all(event.state is not CaseState.OVERTURNED for event in self.events[:-1])
        for event in self.events:
            assert event.kind not in (Kind.UPHELD, Kind.OVERTURNED) or event.person_id != WANG
        assert overdue_days(self.events, self.now + DAY) >= overdue_days(self.events, self.now) >= 0
        order = list(Card)
        assert order.index(card(self.events, self.now + DAY, POLICY)) >= order.index(
            card(self.events, self.now, POLICY)
        )


TestCaseLife = CaseLife.TestCase
TestCaseLife.settings = profile(max_examples=60, stateful_step_count=25, deadline=None)


@pytest.fixture
def with_case(regulator: Regulator) -> Regulator:
    """A regulator with one case that wang opened, a chef, and li who had no part in it."""
    return opened_case(regulator)


def opened_case(regulator: Regulator) -> Regulator:
    """See `with_case`; the case has the id 1 and two violations."""
    send(regulator.client, regulator.token, [sample(1), sample(2)])
    for name in ("wang", "li"):
        setup.add_person(regulator.settings, name)
    setup.add_person(regulator.settings, "chef", Role.CANTEEN, Place(canteen_id=CANTEEN))
    wang = person(regulator, "wang")
    with regulator.app.state.parts.database.writing() as session:
        for number in (1, 2):
            seen = (sample(number).violation_id, 0)
            history.decide(session, EVERYTHING, seen, Step(Verdict.CONFIRMED), wang, NOW)
        (incident,) = case_store.waiting(session, EVERYTHING, NOW)
        assert case_store.open_case(session, EVERYTHING, incident.incident_id, wang, NOW, POLICY) == 1
    return regulator


def person(regulator: Regulator, name: str) -> int:
    """Their id."""
    return next(one.person_id for one in setup.listed_people(regulator.settings) if one.username == name)


def take(regulator: Regulator, kind: Kind, days: float, name: str = "", scope: Scope = EVERYTHING) -> CaseEvent:
    """One step through the store."""
    who = person(regulator, name or ("chef" if kind in (Kind.ANSWERED, Kind.APPEALED) else "li"))
    step = replace(step_of(kind), person_id=who)
    with regulator.app.state.parts.database.writing() as session:
        return case_store.take_step(session, scope, 1, step, NOW + days * DAY, POLICY)


def test_a_case_rests_on_every_violation_of_its_incident_and_no_second_one_can_be_opened(
    with_case: Regulator,
) -> None:
    with with_case.app.state.parts.database.writing() as session:
        file = case_store.case_file(session, EVERYTHING, 1)
        assert file is not None
        assert {row.violation_id for row in file.violations} == {sample(i).violation_id for i in (1, 2)}
        assert file.row.number == "2026-00001"
        assert case_store.waiting(session, EVERYTHING, NOW) == ()
        with pytest.raises(case_store.NoSuchCase):
            case_store.open_case(session, EVERYTHING, sample(1).violation_id, 1, NOW, POLICY)


def test_numbers_count_up_within_a_year(with_case: Regulator) -> None:
    later = sample(500, "smoking")
    send(with_case.client, with_case.token, [later])
    wang = person(with_case, "wang")
    with with_case.app.state.parts.database.writing() as session:
        history.decide(session, EVERYTHING, (later.violation_id, 0), Step(Verdict.CONFIRMED), wang, NOW)
        second = case_store.open_case(session, EVERYTHING, later.violation_id, wang, NOW, POLICY)
        file = case_store.case_file(session, EVERYTHING, second)
        assert file is not None
        assert file.row.number == "2026-00002"
        assert file.row.deadline_at == NOW + 3 * DAY


def test_a_decision_that_a_case_rests_on_cannot_be_withdrawn(with_case: Regulator) -> None:
    wang, seen = person(with_case, "wang"), (sample(1).violation_id, 1)
    with (
        pytest.raises(StepOutOfTurn, match="2026-00001"),
        with_case.app.state.parts.database.writing() as session,
    ):
        history.decide(session, EVERYTHING, seen, Step(Verdict.WITHDRAWN), wang, NOW)


def test_an_overturned_case_rejects_its_violations_and_says_why(with_case: Regulator) -> None:
    take(with_case, Kind.APPEALED, 1)
    take(with_case, Kind.OVERTURNED, 2)
    with with_case.app.state.parts.database.reading() as session:
        for number in (1, 2):
            told = history.decisions(session, EVERYTHING, sample(number).violation_id)
            assert [one.verdict for one in told] == ["confirmed", "withdrawn", "rejected"]
            assert told[-1].note == "2026-00001: words"
            assert told[-1].username == "li"
        assert case_store.waiting(session, EVERYTHING, NOW) == ()


def test_a_role_without_the_right_takes_no_step(with_case: Regulator) -> None:
    for role, kind in (
        (Role.CANTEEN, Kind.ACCEPTED),
        (Role.AUDITOR, Kind.ANSWERED),
        (Role.INSPECTOR, Kind.ANSWERED),
    ):
        with pytest.raises(case_store.NoSuchCase):
            take(with_case, kind, 1, scope=Scope(RIGHTS[role]))
    with pytest.raises(case_store.NoSuchCase):
        take(with_case, Kind.ANSWERED, 1, scope=Scope(RIGHTS[Role.CANTEEN], canteen_id="another"))


EVENT = (
    "INSERT INTO case_events (case_id, seq, kind, state, person_id, at, words, photo_sha256, deadline_at) "
    "VALUES (1, {seq}, '{kind}', '{state}', {person}, '{at}', '{words}', {photo}, {deadline})"
)
FITTING = {
    "seq": 2,
    "kind": "answered",
    "state": "answered",
    "person": "chef",
    "at": "2026-11-21 00:00:00",
    "words": "done",
    "photo": f"'{PHOTO}'",
    "deadline": "NULL",
}
APPEAL = {"kind": "appealed", "state": "appealed"}
RULING = {"seq": 3, "at": "2026-11-22 00:00:00", "person": "li"}


def insert(regulator: Regulator, **change: Any) -> None:
    """One event by plain SQL."""
    fields = {**FITTING, **change}
    fields["person"] = person(regulator, str(fields["person"]))
    with regulator.app.state.parts.database.writing() as session:
        session.execute(text(EVENT.format(**fields)))


def test_a_legal_step_by_plain_sql_is_taken(with_case: Regulator) -> None:
    insert(with_case)
    with pytest.raises(IntegrityError, match="sequence"):
        insert(with_case)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"seq": 3}, "sequence|not legal"),
        ({"seq": 1}, "sequence|not legal"),
        ({"kind": "accepted", "state": "closed", "person": "li"}, "not legal"),
        ({"kind": "answered", "state": "closed"}, "not legal"),
        ({"kind": "overturned", "state": "overturned", "person": "li"}, "not legal"),
        ({"kind": "forgotten", "state": "closed", "person": "li"}, "not legal"),
        ({"at": "2026-11-19 00:00:00"}, "earlier"),
        ({"words": "  "}, "words"),
        ({"photo": "NULL"}, "photo"),
        ({"deadline": "'2026-12-01 00:00:00'"}, "deadline"),
        ({"person": "wang"}, "only people of the canteen"),
        ({"person": "admin"}, "only people of the canteen"),
    ],
)
def test_an_illegal_step_by_plain_sql_is_refused(with_case: Regulator, change: dict[str, Any], why: str) -> None:
    with pytest.raises(IntegrityError, match=why):
        insert(with_case, **change)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": "overturned", "state": "overturned", "person": "wang"}, "another person"),
        ({"kind": "upheld", "state": "closed"}, "where it was"),
        ({"kind": "overturned", "state": "overturned", "person": "chef"}, "role"),
    ],
)
def test_an_illegal_ruling_by_plain_sql_is_refused(with_case: Regulator, change: dict[str, Any], why: str) -> None:
    insert(with_case, **APPEAL)
    with pytest.raises(IntegrityError, match=why):
        insert(with_case, **{**RULING, **change})


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE case_events SET words = 'nicer'",
        "DELETE FROM case_events",
        "DELETE FROM case_violations",
        "UPDATE case_violations SET case_id = 2",
        "DELETE FROM cases",
        "UPDATE cases SET state = 'closed'",
        "UPDATE cases SET deadline_at = '2030-01-01 00:00:00'",
        "UPDATE cases SET number = '2026-00009'",
        "INSERT INTO cases VALUES (9, 'x', 'canteen-1', 'no_hat', 'z', '2026-11-20', 'closed', NULL)",
        "INSERT INTO decisions (violation_id, follows, verdict, note, person_id, decided_at) "
        "SELECT violation_id, decision_id, 'withdrawn', '', 1, '2026-11-21' FROM violations LIMIT 1",
    ],
)
def test_the_past_cannot_be_changed_by_plain_sql(with_case: Regulator, change: str) -> None:
    with pytest.raises(IntegrityError), with_case.app.state.parts.database.writing() as session:
        session.execute(text(change))


def test_only_a_confirmed_violation_of_the_canteen_and_rule_gets_into_a_case(with_case: Regulator) -> None:
    others = [sample(600), sample(601, "smoking")]
    send(with_case.client, with_case.token, others)
    for one in others:
        with (
            pytest.raises(IntegrityError, match="not confirmed"),
            with_case.app.state.parts.database.writing() as session,
        ):
            session.execute(text(f"INSERT INTO case_violations VALUES ('{one.violation_id}', 1)"))


def test_every_path_of_the_machine_is_taken_by_the_database_too(tmp_path: Path) -> None:
    ways: list[list[Kind]] = [
        [Kind.ANSWERED, Kind.RETURNED, Kind.ANSWERED, Kind.ACCEPTED, Kind.APPEALED, Kind.UPHELD],
        [Kind.APPEALED, Kind.UPHELD, Kind.ANSWERED, Kind.ACCEPTED],
        [Kind.ANSWERED, Kind.RETURNED, Kind.APPEALED, Kind.UPHELD, Kind.ANSWERED, Kind.ACCEPTED],
        [Kind.ANSWERED, Kind.APPEALED, Kind.UPHELD, Kind.ACCEPTED],
        [Kind.ANSWERED, Kind.APPEALED, Kind.OVERTURNED],
    ]
    seen = set()
    for number, way in enumerate(ways):
        with made(tmp_path / str(number)) as one:
            opened_case(one)
            state: CaseState | None = CaseState.NOTIFIED
            for day, kind in enumerate(way, 1):
                event = take(one, kind, day)
                seen.add((state, kind, event.state))
                state = event.state
    assert seen == {step for step in STEPS if step[0] is not None}
    assert len(APPEALABLE) == 4
