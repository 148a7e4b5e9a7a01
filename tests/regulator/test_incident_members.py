"""Promises of kept incidents: one after another they come out as all at once, and what is done by hand stays."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from regulator.conftest import Regulator
from regulator.sample import CANTEEN, sample, send
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from kitchenvision.regulator import case_store, history, people, setup
from kitchenvision.regulator.access import EVERYTHING, Role, scope_of
from kitchenvision.regulator.case_steps import CasePolicy
from kitchenvision.regulator.case_tables import CaseViolation
from kitchenvision.regulator.decisions import Step, Verdict
from kitchenvision.regulator.incident_edits import IncidentRefused, merge, mergeable, moves, split
from kitchenvision.regulator.incident_members import by_hand, members_of, settle, settle_all, sighting
from kitchenvision.regulator.incidents import group
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.scoring_incidents import scored_incidents
from kitchenvision.regulator.tables import Base, ViolationRow

BEGAN = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
ENGINE = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
Base.metadata.create_all(ENGINE)


@contextmanager
def fresh() -> Iterator[Session]:
    """A session on an empty database, in memory, whose rows are gone afterwards."""
    with Session(ENGINE, expire_on_commit=False) as session:
        yield session
        session.rollback()


def row(number: int, at_s: float, lasted_s: float | None = 10.0, zone: str = "kitchen") -> ViolationRow:
    """A violation that begins so many seconds after `BEGAN`; None: it has not ended yet."""
    return ViolationRow(
        violation_id=f"v{number:03}",
        canteen_id=CANTEEN,
        camera_id=f"camera-{number % 2}",
        rule_id="no_hat",
        captured_at=BEGAN + timedelta(seconds=at_s),
        received_at=BEGAN,
        started_s=0.0,
        confirmed_s=0.0,
        ended_s=lasted_s,
        confidence=0.9,
        last_seq=1,
        state="open",
        decision_id=0,
        zone=zone,
    )


def arrive(session: Session, one: ViolationRow) -> ViolationRow:
    """As a report brings it."""
    one.incident_id = one.violation_id
    session.add(one)
    session.flush()
    settle(session, sighting(one), one.incident_id)
    session.flush()
    return one


def kept(session: Session) -> dict[str, list[str]]:
    """Incident -> its violations."""
    found: dict[str, list[str]] = {}
    for one in session.scalars(select(ViolationRow).order_by(ViolationRow.violation_id)):
        found.setdefault(one.incident_id, []).append(one.violation_id)
    return found


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[ViolationRow, bool]]:
    """Up to 14 violations in any order; some whose end comes later, some that go on for an hour."""
    seconds = st.integers(0, 50).map(lambda n: n * 100.0)
    lasts = st.integers(0, 500) | st.integers(590, 4000)
    zones = st.sampled_from(["kitchen", "serving"])
    drawn = draw(st.lists(st.tuples(seconds, lasts, zones, st.booleans()), max_size=14))
    return [(row(i, at, float(lasted), zone), late) for i, (at, lasted, zone, late) in enumerate(drawn)]


@settings(max_examples=60, deadline=None)
@given(arrivals())
def test_one_after_another_is_the_same_as_all_at_once(arriving: list[tuple[ViolationRow, bool]]) -> None:
    with fresh() as session:
        later = []
        for one, late in arriving:
            end = one.ended_s
            if late:
                one.ended_s = None
                later.append((one, end))
            arrive(session, one)
        for one, end in later:
            one.ended_s = end
            session.flush()
            settle(session, sighting(one), one.incident_id)
        expected = {
            incident.incident_id: sorted(part.violation_id for part in incident.sightings)
            for incident in group(sighting(one) for one, _ in arriving)
        }
        assert kept(session) == expected
        for one, _ in arriving:
            one.incident_id = ""
        session.flush()
        settle_all(session)
        session.expire_all()
        assert kept(session) == expected


@settings(max_examples=40, deadline=None)
@given(arrivals(), st.data())
def test_what_was_done_by_hand_is_never_undone_by_what_comes_later(
    arriving: list[tuple[ViolationRow, bool]], data: st.DataObject
) -> None:
    with fresh() as session:
        rows = [arrive(session, one) for one, _ in arriving[: len(arriving) // 2]]
        for one in rows:
            deed = data.draw(st.sampled_from(["split", "merge", "leave"]))
            try:
                if deed == "split":
                    split(session, EVERYTHING, one.violation_id, 1, now())
                elif deed == "merge":
                    merge(session, EVERYTHING, (one.violation_id, rows[0].violation_id), 1, now())
            except IncidentRefused:
                pass
        before = {one.violation_id: one.incident_id for one in rows if one.by_hand}
        for one, _ in arriving[len(arriving) // 2 :]:
            arrive(session, one)
        assert {one.violation_id: one.incident_id for one in rows if one.by_hand} == before
        for incident_id, members in kept(session).items():
            assert incident_id in members  # it is named after one of its own


def test_by_hand_holds_for_cases_and_scores_too() -> None:
    rows = [row(1, 0), row(2, 60), row(3, 7200), row(4, 90)]
    for one, incident_id in zip(rows[:3], ("v001", "v002", "v001"), strict=True):
        one.incident_id, one.by_hand = incident_id, True
    found = group((sighting(one) for one in rows), by_hand=by_hand(rows))
    assert [[one.violation_id for one in incident.sightings] for incident in found] == [
        ["v001", "v003"],
        ["v002", "v004"],
    ]
    assert [incident.attached for incident in found] == [frozenset(), frozenset({"v004"})]
    assert found[0].widest_gap_s == 7190.0


def test_a_case_goes_before_what_was_done_by_hand() -> None:
    rows = [row(1, 0), row(2, 60)]
    rows[0].by_hand, rows[0].incident_id = True, "v001"
    found = group((sighting(one) for one in rows), {"v001": 7, "v002": 7}, by_hand=by_hand(rows))
    assert [(one.case_id, len(one.sightings)) for one in found] == [(7, 2)]


def test_one_that_is_split_off_and_merged_again_leaves_its_history() -> None:
    with fresh() as session:
        for number, at in enumerate((0, 60, 120)):
            arrive(session, row(number, at))
        session.add(
            people.Person(person_id=1, username="wang", password_hash="", role="inspector", created_at=now())
        )
        assert split(session, EVERYTHING, "v000", 1, BEGAN, " another cook ") == "v000"
        assert kept(session) == {"v000": ["v000"], "v001": ["v001", "v002"]}
        assert merge(session, EVERYTHING, ("v002", "v000"), 1, BEGAN + timedelta(minutes=1)) == "v000"
        assert kept(session) == {"v000": ["v000", "v001", "v002"]}
        told = [
            (one.kind, one.violation_ids, one.username, one.words) for one in moves(session, EVERYTHING, "v000")
        ]
        assert told == [
            ("split", ("v001", "v002"), "wang", "another cook"),
            ("merge", ("v001", "v002"), "wang", ""),
        ]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, "same"),
        ({"rule_id": "no_mask"}, "elsewhere"),
        ({"canteen_id": "canteen-2"}, "elsewhere"),
        ({"captured_at": BEGAN + timedelta(hours=25)}, "too_far"),
    ],
)
def test_what_cannot_be_one_is_refused(change: dict[str, object], why: str) -> None:
    with fresh() as session:
        arrive(session, row(1, 0))
        other = row(2, 30)
        for name, value in change.items():
            setattr(other, name, value)
        arrive(session, other)
        with pytest.raises(IncidentRefused, match=why):
            merge(session, EVERYTHING, ("v001", "v002"), 1, now())


def test_one_alone_cannot_be_split_and_nobody_without_the_right_splits() -> None:
    with fresh() as session:
        arrive(session, row(1, 0))
        with pytest.raises(IncidentRefused, match="alone"):
            split(session, EVERYTHING, "v001", 1, now())
        for scope in (scope_of(Role.AUDITOR, "default", (), None), scope_of(Role.INSPECTOR, "default", (), None)):
            with pytest.raises(IncidentRefused, match="not_there"):
                split(session, scope, "v001", 1, now())


def test_what_has_a_case_stays_and_later_ones_join_the_nearest() -> None:
    with fresh() as session:
        arrive(session, row(1, 0))
        arrive(session, row(3, 1000))
        session.add(CaseViolation(violation_id="v001", case_id=1))
        arrive(session, row(2, 500))  # touches both: the case's one stays, the other one joins it
        assert kept(session) == {"v001": ["v001", "v002", "v003"]}
        with pytest.raises(IncidentRefused, match="has_case"):
            split(session, EVERYTHING, "v003", 1, now())
        arrive(session, row(9, 40_000))
        with pytest.raises(IncidentRefused, match="has_case"):
            merge(session, EVERYTHING, ("v009", "v001"), 1, now())
        arrive(session, row(8, 39_000))
        near = mergeable(session, EVERYTHING, session.get_one(ViolationRow, "v008"))
        assert [one.violation_id for one in near] == ["v009"]


def test_reports_over_http_make_one_incident_which_a_split_makes_two_in_cases_and_scores(
    regulator: Regulator,
) -> None:
    both = [
        sample(1, captured_at=BEGAN),
        sample(2, captured_at=BEGAN + timedelta(minutes=5), camera_id="serving-2"),
    ]
    send(regulator.client, regulator.token, both)
    ids = [one.violation_id for one in both]
    database = regulator.app.state.parts.database
    at = BEGAN + timedelta(days=1)
    with database.writing() as session:
        assert [one.violation_id for one in members_of(session, {ids[0]})] == ids
        for violation_id in ids:
            history.decide(session, EVERYTHING, (violation_id, 0), Step(Verdict.CONFIRMED), 1, at)
        assert len(case_store.waiting(session, EVERYTHING, at)) == 1
        split(session, EVERYTHING, ids[1], 1, at)
    with database.writing() as session:
        assert [one.incident_id for one in case_store.waiting(session, EVERYTHING, at)] == ids
        assert len(scored_incidents(session, [CANTEEN], BEGAN)[CANTEEN]) == 2
        merge(session, EVERYTHING, (ids[0], ids[1]), 1, at)
        case_store.open_case(session, EVERYTHING, ids[0], 1, at, CasePolicy())
    with database.reading() as session:
        (one,) = scored_incidents(session, [CANTEEN], BEGAN)[CANTEEN]
        assert one.due_at is not None


def test_the_database_itself_keeps_the_history_of_incidents(regulator: Regulator) -> None:
    both = [sample(n, captured_at=BEGAN + timedelta(minutes=n)) for n in (1, 2)]
    send(regulator.client, regulator.token, both)
    database = setup.open_database(regulator.settings)
    with database.writing() as session:
        split(session, EVERYTHING, both[0].violation_id, 1, now())
    for statement in ("DELETE FROM incident_moves", "UPDATE incident_moves SET words = 'x'"):
        with pytest.raises(IntegrityError, match="only added"), database.writing() as session:
            session.execute(text(statement))
    database.close()
