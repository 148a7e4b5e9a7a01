"""`kitchenvision outbox`: what a person sees and can do, and the exit codes a script can rely on."""

import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result
from delivery.fake_regulator import BASE, TOKEN, FakeRegulator, problem
from outbox.reports import START, blobs_of, clip, clip_blobs_of, confirmed, ended, violation_id
from typer.testing import CliRunner

from kitchenvision import delivery
from kitchenvision.commands.outbox import app
from kitchenvision.errors import SettingsError, StorageError
from kitchenvision.outbox import Outbox, Status
from kitchenvision.wire import content_hash, parse_report

KEY = f"{violation_id('a')}/1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An outbox with one dead report, two behind it, and one that waits."""
    with Outbox(tmp_path / "outbox") as outbox:
        outbox.put(confirmed("a"), blobs_of("a"))
        outbox.put(clip("a"), clip_blobs_of("a"))
        outbox.put(ended("a"), {})
        item = outbox.claim(START, "w", 60)
        assert item is not None
        outbox.dead(item, "HTTP 422: unknown rule [x] (field rule_id)")
        outbox.put(confirmed("b"), blobs_of("b"))
    return tmp_path / "outbox"


def run(*arguments: str, folder: Path, env: dict[str, str] | None = None) -> Result:
    command, *rest = arguments
    env = {"COLUMNS": "240", "KITCHENVISION_TOKEN": "", **(env or {})}
    return CliRunner().invoke(app, [command, "--outbox", str(folder), *rest], env=env)


def as_json(*arguments: str, folder: Path) -> Any:
    result = run(*arguments, "--json", folder=folder)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_list_shows_what_is_not_delivered_and_why(folder: Path) -> None:
    result = run("list", folder=folder)
    assert result.exit_code == 0
    assert "unknown rule [x] (field rule_id)" in result.output
    assert f"2 reports: blocked by {KEY}" in result.output
    narrow = run("list", folder=folder, env={"COLUMNS": "80"}).output
    for item in ("a/1", "a/2", "a/3", "b/1"):
        name, seq = item.split("/")
        assert f"{violation_id(name)}/{seq}" in narrow, "retry wants the whole key"
    assert "3 pending (2 behind a dead one), 0 on their way, 1 dead, 0 delivered" in result.output


def test_list_speaks_json_to_programs(folder: Path) -> None:
    said = as_json("list", folder=folder)
    assert said["counts"] == {
        "pending": 3,
        "leased": 0,
        "delivered": 0,
        "dead": 1,
        "blocked": 2,
        "undelivered": 4,
    }
    assert [(row["status"], row["blocked"]) for row in said["reports"]] == [
        ("dead", False),
        ("pending", True),
        ("pending", True),
        ("pending", False),
    ]
    (dead,) = as_json("list", "--status", "dead", folder=folder)["reports"]
    assert (dead["idempotency_key"], dead["claims"], dead["next_attempt_at"]) == (KEY, 1, None)


def test_a_wrong_status_or_folder_is_a_usage_mistake(folder: Path, tmp_path: Path) -> None:
    wrong = run("list", "--status", "lost", folder=folder)
    assert isinstance(wrong.exception, SettingsError)
    assert "expected one of pending, leased, delivered, dead, got 'lost'" in str(wrong.exception)
    assert isinstance(run("list", folder=tmp_path / "none").exception, SettingsError)
    assert not (tmp_path / "none").exists()


def test_retry_makes_reports_due_and_names_those_it_could_not(folder: Path) -> None:
    assert run("retry", KEY, folder=folder).exit_code == 0
    assert as_json("list", folder=folder)["counts"]["dead"] == 0
    partly = run("retry", KEY, "unknown/1", folder=folder)
    assert partly.exit_code == 3
    assert "unknown/1 is unknown" in partly.output
    assert run("retry", "unknown/1", folder=folder).exit_code == 4
    assert len(as_json("retry", "--all", folder=folder)["due"]) == 4


@pytest.mark.parametrize("arguments", [(), ("--all", KEY)])
def test_retry_wants_names_or_all(folder: Path, arguments: tuple[str, ...]) -> None:
    assert isinstance(run("retry", *arguments, folder=folder).exception, SettingsError)


def test_the_export_holds_every_undelivered_report_and_blob(folder: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick.zip"
    result = run("export", str(stick), folder=folder)
    assert result.exit_code == 0, result.output
    assert "4 report(s)" in result.output
    with zipfile.ZipFile(stick) as archive:
        assert archive.testzip() is None
        rows = [json.loads(line) for line in archive.read("reports.jsonl").splitlines()]
        for row in rows:
            body = archive.read(row["report"])
            assert content_hash(body) == row["sha256"]
            report = parse_report(body)
            assert report.idempotency_key == row["idempotency_key"]
            assert {f"blobs/{ref.sha256}" for ref in report.blobs} == set(row["blobs"])
            for name in row["blobs"]:
                assert content_hash(archive.read(name)) == name.removeprefix("blobs/")
        assert len(archive.namelist()) == len(set(archive.namelist())) == 4 + 5 + 2
        assert b"PUT each blob" in archive.read("README.txt")
    assert [row["idempotency_key"].split("/")[1] for row in rows] == ["1", "2", "3", "1"]
    assert as_json("list", folder=folder)["counts"]["undelivered"] == 4, "they stay here too"


def test_an_export_overwrites_nothing_and_leaves_no_half(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "there.zip").write_bytes(b"mine")
    result = run("export", str(tmp_path / "there.zip"), folder=folder)
    assert isinstance(result.exception, StorageError)
    assert (tmp_path / "there.zip").read_bytes() == b"mine"
    with Outbox(folder) as outbox:
        outbox.blob_path(next(iter(blobs_of("b")))).unlink()
    result = run("export", str(tmp_path / "new.zip"), folder=folder)
    assert "is missing, expected" in str(result.exception)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["outbox", "there.zip"]
    missing = run("export", str(tmp_path / "no" / "stick.zip"), folder=folder)
    assert isinstance(missing.exception, StorageError)


class TestDeliver:
    @pytest.fixture
    def regulator(self, monkeypatch: pytest.MonkeyPatch) -> FakeRegulator:
        fake = FakeRegulator()
        real = delivery.make_client

        def make_client(address: str, token: str, *, allow_http: bool = False) -> httpx.Client:
            return real(address, token, allow_http=allow_http, transport=fake.transport())

        monkeypatch.setattr(delivery, "make_client", make_client)
        return fake

    def test_all_delivered_is_0(self, folder: Path, regulator: FakeRegulator) -> None:
        run("retry", "--all", folder=folder)
        result = run("deliver", "--to", BASE, folder=folder, env={"KITCHENVISION_TOKEN": TOKEN})
        assert (result.exit_code, len(regulator.reports)) == (0, 4), result.output
        assert "4 report(s) delivered, 0 left" in result.output
        again = run("deliver", "--to", BASE, folder=folder, env={"KITCHENVISION_TOKEN": TOKEN})
        assert again.exit_code == 0
        assert "0 report(s) delivered, 0 left" in again.output

    def test_something_left_is_3(self, folder: Path, regulator: FakeRegulator, tmp_path: Path) -> None:
        (tmp_path / "token").write_text(TOKEN + "\n", encoding="utf-8")
        result = run("deliver", "--to", BASE, "--token-file", str(tmp_path / "token"), "--json", folder=folder)
        assert result.exit_code == 3, result.output
        said = json.loads(result.stdout)
        assert (said["delivered"], said["counts"]["dead"], said["counts"]["blocked"]) == (1, 1, 2)
        assert len(regulator.reports) == 1

    def test_nothing_delivered_is_4_and_says_why(self, folder: Path, regulator: FakeRegulator) -> None:
        regulator.fault = lambda _: problem(401, "Unauthorized", "the token is not known here")
        result = run("deliver", "--to", BASE, "--for", "1", folder=folder, env={"KITCHENVISION_TOKEN": "wrong"})
        assert result.exit_code == 4
        assert "REFUSES THE TOKEN" in result.output
        with Outbox(folder) as outbox:
            assert len(outbox.list(Status.PENDING)) == 3

    def test_settings_that_cannot_work_are_usage_mistakes(self, folder: Path, tmp_path: Path) -> None:
        for arguments, words in (
            (("--to", BASE), "KITCHENVISION_TOKEN: set it"),
            (("--to", BASE, "--token-file", str(tmp_path / "none")), "cannot be read"),
        ):
            result = run("deliver", *arguments, folder=folder)
            assert isinstance(result.exception, SettingsError)
            assert words in str(result.exception)
        result = run("deliver", "--to", "http://far.example", folder=folder, env={"KITCHENVISION_TOKEN": TOKEN})
        assert "readable for all" in str(result.exception)


def test_prune_says_what_it_freed(folder: Path) -> None:
    assert as_json("prune", "--older-than", "0", folder=folder) == {"freed_bytes": 0}
    assert "0.0 MB freed" in run("prune", folder=folder).output
