"""Properties of the score over any history: what a canteen may rely on, whatever happens."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from kitchenvision.regulator.policy import Policy, standard_policy
from kitchenvision.regulator.scoring import (
    RANK,
    Answer,
    Colour,
    History,
    Incident,
    Verdict,
    Watched,
    score,
)
from kitchenvision.regulator.scoring_calendar import EVERY_WEEKDAY, MONDAY_TO_FRIDAY, Calendar

ZONE = ZoneInfo("Asia/Shanghai")
FIRST = datetime(2026, 9, 1, tzinfo=UTC)
AT = datetime(2026, 11, 20, 18, 0, tzinfo=ZONE)
instants = st.integers(0, 100 * 24).map(lambda hours: FIRST + timedelta(hours=hours))
rules = st.sampled_from(["no_hat", "no_mask", "smoking", "rat"])
verdicts = st.builds(Verdict, at=instants, counts=st.booleans())
answers = st.builds(Answer, instants, st.none() | instants, st.none() | instants)
incidents = st.builds(
    Incident,
    incident_id=st.uuids().map(str),
    rule_id=rules,
    happened_at=instants,
    verdicts=st.lists(verdicts, max_size=3).map(tuple),
    due_at=st.none() | instants,
    answers=st.lists(answers, max_size=2).map(tuple),
)
watched_days = st.lists(
    st.builds(
        lambda offset, camera, due, share: Watched(
            date(2026, 9, 1) + timedelta(days=offset), camera, due, due * share
        ),
        st.integers(0, 100),
        st.floats(0, 200),
        st.floats(0, 400),
        st.floats(0, 1),
    ),
    max_size=60,
).map(tuple)
calendars = st.builds(
    Calendar,
    st.sampled_from([EVERY_WEEKDAY, MONDAY_TO_FRIDAY]),
    st.frozensets(st.dates(date(2026, 9, 1), date(2026, 11, 30)), max_size=10),
)
histories = st.builds(History, st.lists(incidents, max_size=12).map(tuple), watched_days, calendars)
policies = st.builds(
    lambda factor, credit, half, days: standard_policy().model_copy(
        update={
            "repeat": standard_policy().repeat.model_copy(update={"factor": factor}),
            "rectification": standard_policy().rectification.model_copy(update={"credit": credit}),
            "window": standard_policy().window.model_copy(update={"half_life_days": half, "open_days": days}),
        }
    ),
    st.floats(1, 4),
    st.floats(0, 1),
    st.floats(1, 50),
    st.integers(1, 60),
)
many = settings(max_examples=150, deadline=None)


def full_watch(history: History) -> History:
    """The same with plenty of watched time, so that there is a colour."""
    days = tuple(Watched(date(2026, 8, 1) + timedelta(days=i), 800.0, 1600.0, 1600.0) for i in range(130))
    return replace(history, watched=days)


@many
@given(histories, incidents, policies)
def test_another_incident_never_makes_it_better(history: History, one: Incident, policy: Policy) -> None:
    history = full_watch(history)
    before = score(history, policy, AT)
    after = score(replace(history, incidents=(*history.incidents, one)), policy, AT)
    assert before.score is not None
    assert after.score is not None
    assert after.score >= before.score
    assert RANK[after.colour] >= RANK[before.colour]


@many
@given(histories, policies, st.randoms(use_true_random=False))
def test_the_order_of_what_is_known_does_not_matter(history: History, policy: Policy, chance: object) -> None:
    def shuffled(values: tuple) -> tuple:  # type: ignore[type-arg]
        kept = list(values)
        chance.shuffle(kept)  # type: ignore[attr-defined]
        return tuple(kept)

    other = replace(
        history,
        incidents=shuffled(
            tuple(
                replace(one, verdicts=shuffled(one.verdicts), answers=shuffled(one.answers))
                for one in history.incidents
            )
        ),
        watched=shuffled(history.watched),
    )
    assert score(other, policy, AT) == score(history, policy, AT)


@many
@given(histories, policies, st.lists(incidents, max_size=4))
def test_what_happens_later_never_changes_a_past_result(
    history: History, policy: Policy, later: list[Incident]
) -> None:
    known = tuple(
        replace(
            one,
            verdicts=tuple(v for v in one.verdicts if v.at <= AT),
            answers=tuple(_known(answer) for answer in one.answers if answer.sent_at <= AT),
        )
        for one in history.incidents
        if one.happened_at <= AT
    )
    future = tuple(
        replace(one, verdicts=tuple(replace(v, at=AT + timedelta(seconds=1)) for v in one.verdicts))
        for one in later
    )
    then = replace(history, incidents=known, watched=tuple(w for w in history.watched if w.day <= AT.date()))
    now = replace(history, incidents=(*history.incidents, *future))
    assert score(now, policy, AT) == score(then, policy, AT)


def _known(answer: Answer) -> Answer:
    def told(at: datetime | None) -> datetime | None:
        return at if at is not None and at <= AT else None

    return Answer(answer.sent_at, told(answer.accepted_at), told(answer.returned_at))


@many
@given(histories, policies)
def test_there_are_points_only_for_what_is_confirmed(history: History, policy: Policy) -> None:
    told = score(history, policy, AT)
    confirmed = {one.incident_id for one in history.incidents if one.counts_at(AT)}
    assert {point.incident_id for point in told.points} <= confirmed
    bare = replace(history, incidents=tuple(replace(one, verdicts=()) for one in history.incidents))
    assert score(bare, policy, AT).total == 0.0
    assert score(full_watch(bare), policy, AT).colour is Colour.GREEN


@many
@given(histories, policies, st.data())
def test_what_is_overturned_leaves_no_trace_in_the_score(
    history: History, policy: Policy, data: st.DataObject
) -> None:
    one = data.draw(incidents)
    overturned = replace(one, verdicts=(*one.verdicts, Verdict(AT, counts=False)))
    with_it = replace(history, incidents=(*history.incidents, overturned))
    assert score(with_it, policy, AT) == score(history, policy, AT)


@many
@given(histories, policies, st.integers(2, 6))
def test_a_canteen_with_more_cameras_is_not_worse(history: History, policy: Policy, times: int) -> None:
    one = score(history, policy, AT)
    more = replace(
        history,
        incidents=tuple(
            replace(known, incident_id=f"{known.incident_id}-{i}")
            for known in history.incidents
            for i in range(times)
        ),
        watched=tuple(
            Watched(w.day, w.camera_hours * times, w.due_hours * times, w.kept_hours * times)
            for w in history.watched
        ),
    )
    other = score(more, policy, AT)
    if one.score is not None:
        assert other.score is not None
        assert abs(other.score - one.score) <= 1e-9 * max(one.score, 1.0)


@many
@given(histories, policies, st.floats(0, 1))
def test_switching_cameras_off_is_never_rewarded(history: History, policy: Policy, share: float) -> None:
    history = full_watch(history)
    before = score(history, policy, AT)
    blind = tuple(
        replace(w, camera_hours=w.camera_hours * share, kept_hours=w.kept_hours * share) for w in history.watched
    )
    after = score(replace(history, watched=blind), policy, AT)
    if share < policy.coverage.least_share:
        assert after.colour is Colour.GREY
    elif after.score is not None:
        assert after.score >= (before.score or 0.0)
