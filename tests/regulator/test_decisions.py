"""Promises of decisions: append-only, one after another, undo that keeps both."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.asgi import TestClient
from regulator.conftest import Regulator
from regulator.sample import sample, send
from regulator.test_auth import csrf_of

from kitchenvision.regulator import setup
from kitchenvision.regulator.decisions import (
    LONGEST_NOTE,
    REASONS,
    State,
    Step,
    StepOutOfTurn,
    StepRefused,
    Verdict,
    check,
    state_after,
)

steps = st.builds(
    Step, st.sampled_from(Verdict), st.one_of(st.none(), st.integers(-1, 8)), st.sampled_from(["", " ", "a note"])
)


@given(st.lists(steps, max_size=30))
def test_any_history_that_was_allowed_alternates_between_a_decision_and_its_withdrawal(asked: list[Step]) -> None:
    history: list[Verdict] = []
    for step in asked:
        before = state_after(history)
        try:
            check(before, step)
        except (StepRefused, StepOutOfTurn):
            continue
        history.append(step.verdict)
        after = state_after(history)
        assert (after is State.OPEN) == (step.verdict is Verdict.WITHDRAWN)
        assert (before is State.OPEN) != (after is State.OPEN)
        assert (step.reason in REASONS) == (step.verdict is Verdict.REJECTED)
    assert [verdict is Verdict.WITHDRAWN for verdict in history] == [i % 2 == 1 for i in range(len(history))]


@given(st.sampled_from([State.CONFIRMED, State.REJECTED, State.CANNOT_TELL]))
def test_undo_always_leads_back_to_open(state: State) -> None:
    check(state, Step(Verdict.WITHDRAWN))
    assert state_after([Verdict(state.value), Verdict.WITHDRAWN]) is State.OPEN


@pytest.mark.parametrize(
    ("step", "field"),
    [
        (Step(Verdict.REJECTED), "reason"),
        (Step(Verdict.REJECTED, 0), "reason"),
        (Step(Verdict.REJECTED, 7), "reason"),
        (Step(Verdict.REJECTED, 6), "note"),
        (Step(Verdict.REJECTED, 6, "  "), "note"),
        (Step(Verdict.CONFIRMED, 1), "reason"),
        (Step(Verdict.CONFIRMED, None, "x" * (LONGEST_NOTE + 1)), "note"),
    ],
)
def test_an_incomplete_step_names_its_field(step: Step, field: str) -> None:
    with pytest.raises(StepRefused) as refused:
        check(State.OPEN, step)
    assert refused.value.field == field


@pytest.fixture
def violation_id(regulator: Regulator) -> str:
    """One that waits."""
    one = sample()
    send(regulator.client, regulator.token, [one])
    return one.violation_id


def decide(client: TestClient, violation_id: str, verdict: str, follows: int = 0, **more: str):  # type: ignore[no-untyped-def]
    """Send the form as the page's script does."""
    form = {"csrf_token": csrf_of(client), "verdict": verdict, "follows": str(follows), **more}
    return client.post(f"/review/{violation_id}/decision", data=form, headers={"Accept": "application/json"})


def told(client: TestClient, violation_id: str):  # type: ignore[no-untyped-def]
    """The violation as the API tells it."""
    return client.get(f"/api/v1/violations/{violation_id}").json()


@pytest.mark.parametrize(
    ("verdict", "more"),
    [
        ("confirmed", {}),
        ("cannot_tell", {}),
        ("rejected", {"reason": "3"}),
        ("rejected", {"reason": "6", "note": "狗"}),
    ],
)
def test_a_decision_is_kept_with_who_and_when(
    regulator: Regulator, violation_id: str, verdict: str, more: dict[str, str]
) -> None:
    client = regulator.logged_in()
    answer = decide(client, violation_id, verdict, **more)
    assert answer.status_code == 200
    assert answer.json()["state"] == verdict
    kept = told(client, violation_id)
    assert kept["state"] == verdict
    (decision,) = kept["decisions"]
    assert decision["username"] == "admin"
    assert decision["decided_at"].endswith("+00:00")
    assert str(decision["reason"] or "") == more.get("reason", "")
    assert decision["note"] == more.get("note", "")


def test_undo_adds_a_row_and_deletes_none(regulator: Regulator, violation_id: str) -> None:
    client = regulator.logged_in()
    first = decide(client, violation_id, "confirmed").json()["decision_id"]
    second = decide(client, violation_id, "withdrawn", first).json()["decision_id"]
    third = decide(client, violation_id, "rejected", second, reason="1").json()["decision_id"]
    kept = told(client, violation_id)
    assert kept["state"] == "rejected"
    assert [(row["verdict"], row["follows"]) for row in kept["decisions"]] == [
        ("confirmed", 0),
        ("withdrawn", first),
        ("rejected", second),
    ]
    assert kept["decision_id"] == third


def test_the_second_of_two_inspectors_is_told_who_decided_and_changes_nothing(
    regulator: Regulator, violation_id: str
) -> None:
    setup.add_person(regulator.settings, "wang")
    assert decide(regulator.logged_in("wang"), violation_id, "confirmed").status_code == 200
    client = regulator.logged_in()
    answer = decide(client, violation_id, "rejected", reason="1")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert "wang" in answer.json()["detail"]
    assert told(client, violation_id)["state"] == "confirmed"


def test_nobody_withdraws_a_decision_that_they_have_not_seen(regulator: Regulator, violation_id: str) -> None:
    client = regulator.logged_in()
    first = decide(client, violation_id, "confirmed").json()["decision_id"]
    second = decide(client, violation_id, "withdrawn", first).json()["decision_id"]
    decide(client, violation_id, "cannot_tell", second)
    assert decide(client, violation_id, "withdrawn", first).status_code == 409
    assert told(client, violation_id)["state"] == "cannot_tell"


def test_of_decisions_at_the_same_moment_one_is_kept(regulator: Regulator, violation_id: str) -> None:
    client = regulator.logged_in()
    form = {"csrf_token": csrf_of(client), "follows": "0"}

    def send_one(verdict: str) -> int:
        return client.post(
            f"/review/{violation_id}/decision",
            data={**form, "verdict": verdict},
            headers={"Accept": "application/json"},
        ).status_code

    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(send_one, ["confirmed", "cannot_tell"] * 2))
    assert sorted(codes) == [200, 409, 409, 409]
    assert len(told(client, violation_id)["decisions"]) == 1


def test_wrong_steps_are_problems_that_name_the_field(regulator: Regulator, violation_id: str) -> None:
    client = regulator.logged_in()
    for verdict, more, status, field in (
        ("rejected", {}, 422, "reason"),
        ("rejected", {"reason": "6"}, 422, "note"),
        ("guilty", {}, 422, "verdict"),
        ("withdrawn", {}, 409, None),
        ("rejected", {"reason": "many"}, 422, "reason"),
    ):
        answer = decide(client, violation_id, verdict, **more)
        assert (answer.status_code, answer.json().get("field")) == (status, field)
    assert decide(client, "0" * 32, "confirmed").status_code == 404
    assert told(client, violation_id)["state"] == "open"


def test_nobody_decides_without_a_log_in_or_with_a_canteens_token(regulator: Regulator, violation_id: str) -> None:
    form = {"csrf_token": "", "verdict": "confirmed", "follows": "0"}
    headers = {"Authorization": f"Bearer {regulator.token}"}
    answer = regulator.another_client().post(f"/review/{violation_id}/decision", data=form, headers=headers)
    assert answer.status_code == 401


def test_a_plain_form_without_scripts_decides_and_goes_on(regulator: Regulator, violation_id: str) -> None:
    client = regulator.logged_in()
    form = {"csrf_token": csrf_of(client), "verdict": "confirmed", "follows": "0", "note": ""}
    answer = client.post(
        f"/review/{violation_id}/decision?rule=no_hat",
        data=form,
        headers={"Accept": "text/html"},
        follow_redirects=False,
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/review?rule=no_hat")
    assert told(client, violation_id)["state"] == "confirmed"


def test_a_plain_form_that_comes_too_late_gets_a_page(regulator: Regulator, violation_id: str) -> None:
    client = regulator.logged_in()
    decide(client, violation_id, "confirmed")
    form = {"csrf_token": csrf_of(client), "verdict": "cannot_tell", "follows": "0"}
    answer = client.post(f"/review/{violation_id}/decision", data=form, headers={"Accept": "text/html"})
    assert answer.status_code == 409
    assert "decided" in answer.text
    assert "<h1>" in answer.text
