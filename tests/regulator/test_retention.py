"""Promises of retention: pictures go in time and decisions stay; what is in use or held is never touched."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.conftest import Regulator
from regulator.sample import Sample, bearer, sample, send, send_blobs, send_report
from regulator.test_case_pages import People
from typer.testing import CliRunner

from kitchenvision.cli import app
from kitchenvision.errors import SettingsError, StorageError
from kitchenvision.regulator import history, retention, setup
from kitchenvision.regulator.access import EVERYTHING
from kitchenvision.regulator.blobs import BlobStore
from kitchenvision.regulator.case_steps import CasePolicy
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.decisions import Step, Verdict
from kitchenvision.regulator.retention import Removed
from kitchenvision.regulator.retention_policy import RetentionPolicy, read_retention

DAY = timedelta(days=1)
POLICY = RetentionPolicy(rejected=30 * DAY, cannot_tell=30 * DAY, confirmed=100 * DAY)
DECIDED = sample().confirmed.captured_at + DAY
PICTURES = ("snapshot", "head_crop", "trace", "clip")


def database_of(regulator: Regulator) -> Database:
    """That of the running application."""
    found = regulator.app.state.parts.database
    assert isinstance(found, Database)
    return found


def decided(regulator: Regulator, number: int, step: Step | None, *, head: bytes | None = None) -> Sample:
    """A violation with that decision; each is an incident of its own, since each differs in time and rule."""
    one = sample(number, ("no_hat", "no_mask", "smoking")[number % 3], head=head)
    send(regulator.client, regulator.token, [one])
    if step is not None:
        with database_of(regulator).writing() as session:
            history.decide(session, EVERYTHING, (one.violation_id, 0), step, 1, DECIDED)
    return one


def remove(regulator: Regulator, after: timedelta, policy: RetentionPolicy = POLICY) -> Removed:
    """Run, so long after the decisions."""
    parts = regulator.app.state.parts
    return retention.remove(parts.database, parts.blobs, policy, DECIDED + after)


def status(regulator: Regulator, one: Sample, role: str) -> int:
    """Of the answer for a picture."""
    address = f"/api/v1/violations/{one.violation_id}/{role}"
    return regulator.client.get(address, headers=bearer(regulator.token)).status_code


REJECTED, CONFIRMED = Step(Verdict.REJECTED, 2), Step(Verdict.CONFIRMED)


def test_pictures_go_in_time_and_everything_else_stays(regulator: Regulator) -> None:
    one = decided(regulator, 1, REJECTED)
    assert remove(regulator, 29 * DAY) == Removed()
    told = remove(regulator, 31 * DAY)
    assert told == Removed(1, 4, sum(len(data) for data in one.blobs.values()))
    blobs: BlobStore = regulator.app.state.parts.blobs
    assert list(blobs.names()) == []
    assert [status(regulator, one, role) for role in PICTURES] == [410] * 4
    shown = regulator.logged_in().get(f"/api/v1/violations/{one.violation_id}").json()
    assert shown["state"] == "rejected"
    assert len(shown["reports"]) == 3
    assert len(shown["decisions"]) == 1
    assert shown["reports"][0]["blobs"][0]["sha256"] in one.blobs
    assert remove(regulator, 31 * DAY) == Removed()


def test_a_page_of_a_violation_whose_pictures_are_gone_still_opens(regulator: Regulator) -> None:
    one = decided(regulator, 1, REJECTED)
    remove(regulator, 31 * DAY)
    page = regulator.logged_in().get(f"/review/{one.violation_id}", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert f"/{one.violation_id}/snapshot" not in page.text


def test_each_verdict_has_its_own_time_and_the_undecided_stay(regulator: Regulator) -> None:
    steps = {1: None, 2: REJECTED, 3: Step(Verdict.CANNOT_TELL), 4: CONFIRMED}
    made = {number: decided(regulator, number, step) for number, step in steps.items()}
    remove(regulator, 31 * DAY)
    assert [status(regulator, made[number], "clip") for number in steps] == [200, 410, 410, 200]
    remove(regulator, 101 * DAY)
    assert [status(regulator, made[number], "clip") for number in steps] == [200, 410, 410, 410]
    assert remove(regulator, 9000 * DAY) == Removed()


def test_a_withdrawn_decision_keeps_the_pictures(regulator: Regulator) -> None:
    one = decided(regulator, 1, REJECTED)
    with database_of(regulator).writing() as session:
        (first,) = history.decisions(session, EVERYTHING, one.violation_id)
        step = Step(Verdict.WITHDRAWN)
        history.decide(session, EVERYTHING, (one.violation_id, first.decision_id), step, 1, DECIDED + DAY)
    assert remove(regulator, 900 * DAY) == Removed()


def test_without_a_policy_nothing_goes(regulator: Regulator) -> None:
    decided(regulator, 1, REJECTED)
    assert remove(regulator, 9000 * DAY, RetentionPolicy()) == Removed()


def test_a_hold_keeps_the_whole_incident_until_it_is_released(regulator: Regulator) -> None:
    at = sample(3).confirmed.captured_at
    cameras = [sample(3, camera_id="left"), sample(300, camera_id="right", captured_at=at + timedelta(seconds=20))]
    send(regulator.client, regulator.token, cameras)
    database = database_of(regulator)
    with database.writing() as session:
        for one in cameras:
            history.decide(session, EVERYTHING, (one.violation_id, 0), REJECTED, 1, DECIDED)
        retention.hold(session, cameras[0].violation_id, True, "court file 7", DECIDED)
    assert remove(regulator, 900 * DAY) == Removed()
    with database.writing() as session, pytest.raises(SettingsError, match="already"):
        retention.hold(session, cameras[0].violation_id, True, "again", DECIDED)
    with database.writing() as session:
        retention.hold(session, cameras[0].violation_id, False, "court file 7 is closed", DECIDED)
    assert remove(regulator, 900 * DAY).violations == 2


def test_one_undecided_violation_keeps_its_whole_incident(regulator: Regulator) -> None:
    one, other = (
        sample(3, camera_id="left"),
        sample(300, camera_id="right", captured_at=sample(3).confirmed.captured_at),
    )
    send(regulator.client, regulator.token, [one, other])
    with database_of(regulator).writing() as session:
        history.decide(session, EVERYTHING, (one.violation_id, 0), REJECTED, 1, DECIDED)
    assert remove(regulator, 900 * DAY) == Removed()


def test_an_open_or_appealed_case_keeps_its_pictures_and_a_closed_one_for_its_time(regulator: Regulator) -> None:
    who = People(regulator)
    address = who.open_case()
    database = database_of(regulator)
    much_later = datetime.now(UTC) + 900 * DAY

    def gone(at: datetime) -> int:
        return retention.remove(database, regulator.app.state.parts.blobs, POLICY, at).violations

    assert gone(much_later) == 0
    assert who.answer(address).status_code == 303
    assert gone(much_later) == 0
    assert who.post(who.wang, f"{address}/ruling", kind="accepted").status_code == 303
    ended = datetime.now(UTC)
    assert gone(ended + 99 * DAY) == 0
    assert gone(ended + 101 * DAY) == 1
    assert who.wang.get(f"{address}/photos/2").status_code == 200
    assert who.wang.get(address).status_code == 200
    assert who.wang.get(f"{address}/notice.pdf").status_code == 200


def test_a_blob_that_another_violation_needs_stays(regulator: Regulator) -> None:
    shared = b"\xff\xd8\xff the same head"
    one, other = decided(regulator, 1, REJECTED, head=shared), decided(regulator, 2, None, head=shared)
    assert remove(regulator, 31 * DAY).blobs == 3
    assert status(regulator, one, "head_crop") == 410
    assert status(regulator, other, "head_crop") == 200


def test_a_blob_that_was_dropped_comes_again_with_a_new_report(regulator: Regulator) -> None:
    one = decided(regulator, 1, REJECTED)
    remove(regulator, 31 * DAY)
    again = sample(2, picture=next(data for sha, data in one.blobs.items() if sha == one.confirmed.blobs[0].sha256))
    refused = send_report(regulator.client, regulator.token, again.confirmed)
    assert one.confirmed.blobs[0].sha256 in refused.json()["missing_blobs"]
    send_blobs(regulator.client, regulator.token, again.blobs)
    assert send_report(regulator.client, regulator.token, again.confirmed).status_code == 201
    assert status(regulator, again, "snapshot") == 200
    assert send_report(regulator.client, regulator.token, one.confirmed).status_code == 200  # the same again


def test_a_run_that_breaks_is_ended_by_the_next_one(regulator: Regulator, monkeypatch: pytest.MonkeyPatch) -> None:
    one = decided(regulator, 1, REJECTED)
    blobs = regulator.app.state.parts.blobs
    with monkeypatch.context() as patch:

        def breaks(_sha256: str) -> bool:
            raise StorageError("gone away")

        patch.setattr(type(blobs), "delete", lambda _self, sha256: breaks(sha256))
        with pytest.raises(StorageError):
            remove(regulator, 31 * DAY)
    assert status(regulator, one, "clip") == 410
    assert len(list(blobs.names())) == 4
    assert remove(regulator, 32 * DAY) == Removed(0, 4, sum(len(data) for data in one.blobs.values()))
    assert list(blobs.names()) == []


def test_many_batches_are_one_run(regulator: Regulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for number in range(1, 6):
        decided(regulator, number, REJECTED)
    with database_of(regulator).reading() as session:
        expected = retention.would_remove(session, POLICY, DECIDED + 31 * DAY)
    assert expected.violations == 5
    told = remove(regulator, 31 * DAY)
    assert told.violations == 5
    assert told.blobs <= expected.blobs == 20  # two of them may be drawn alike
    assert list(regulator.app.state.parts.blobs.names()) == []


def command(regulator: Regulator, *words: str) -> str:
    """What a command prints; errors of settings are raised."""
    done = CliRunner().invoke(app, ["regulator", *words, "--data", str(regulator.settings.data_dir)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_the_commands_say_what_would_go_and_what_went(regulator: Regulator) -> None:
    one, other = decided(regulator, 1, REJECTED), decided(regulator, 2, REJECTED)
    assert "everything is kept" in command(regulator, "retain")
    regulator.settings.data_dir.mkdir(exist_ok=True)
    (regulator.settings.data_dir / "retention.toml").write_text("rejected_days = 30\n")
    # Decided by the clock of 2026; the commands read the clock of this machine.
    old = datetime.now(UTC) - DECIDED > 31 * DAY
    command(regulator, "hold", other.violation_id, "--why", "court file 7")
    told = command(regulator, "retain", "--dry-run")
    assert ("4 blob(s) of 1 violation(s)" if old else "0 blob(s) of 0 violation(s)") in told
    assert "would go" in told
    assert status(regulator, one, "clip") == 200
    command(regulator, "retain")
    assert status(regulator, one, "clip") == (410 if old else 200)
    assert status(regulator, other, "clip") == 200
    with pytest.raises(SettingsError, match="no violation"):
        command(regulator, "hold", "nothing", "--why", "court file 7")


@pytest.mark.parametrize("text", ["rejectd_days = 40", "rejected_days = 29", "rejected_days = true", "x", "= 4"])
def test_a_wrong_policy_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "retention.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"retention\.toml"):
        read_retention(tmp_path)


@given(
    st.dictionaries(
        st.sampled_from(["rejected_days", "cannot_tell_days", "confirmed_days"]), st.integers(30, 36_500)
    )
)
def test_a_right_policy_says_what_its_file_says(days: dict[str, int]) -> None:
    policy = RetentionPolicy(**{key.removesuffix("_days"): timedelta(days=value) for key, value in days.items()})
    assert policy.shortest == (timedelta(days=min(days.values())) if days else None)
    for state in ("rejected", "cannot_tell", "confirmed"):
        told = days.get(f"{state}_days")
        assert policy.after(state) == (None if told is None else timedelta(days=told))
    assert policy.after("open") is None


def test_a_hold_needs_words_and_there_is_nothing_to_release(regulator: Regulator) -> None:
    one = decided(regulator, 1, None)
    with setup.opened(regulator.settings) as database, database.writing() as session:
        with pytest.raises(SettingsError, match="characters"):
            retention.hold(session, one.violation_id, True, "  ", DECIDED)
        with pytest.raises(SettingsError, match="not held"):
            retention.hold(session, one.violation_id, False, "why", DECIDED)


def test_the_default_policy_of_cases_fits_the_shortest_time() -> None:
    policy = CasePolicy()
    assert policy.appeal_days <= 30
