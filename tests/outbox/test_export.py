"""The ZIP that a person carries: whoever follows its README hands everything in, and it is whole or not there."""

import errno
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from delivery.fake_regulator import BASE, TOKEN, FakeRegulator
from hypothesis import given
from hypothesis import strategies as st
from outbox.reports import START, blobs_of, by_hash, clip, clip_blobs_of, confirmed, ended
from outbox.test_outbox_observed import observed

from kitchenvision.delivery import Sender, make_client
from kitchenvision.errors import StorageError
from kitchenvision.outbox import Outbox, Status
from kitchenvision.outbox.export import write_zip
from kitchenvision.wire import Receipt


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """Two violations, put in an order of their own, and an hour that was watched."""
    with Outbox(tmp_path / "outbox", clock=lambda: START) as one:
        one.put(ended("b"), {})
        one.put(confirmed("a"), blobs_of("a"))
        one.put(clip("b"), clip_blobs_of("b"))
        one.put_observed(observed())
        one.put(confirmed("b"), blobs_of("b"))
        one.put(clip("a"), clip_blobs_of("a"))
        yield one


def handed_in(path: Path, regulator: FakeRegulator) -> list[int]:
    """Does what README.txt says, line by line; the statuses of the reports."""
    statuses = []
    with zipfile.ZipFile(path) as archive, make_client(BASE, TOKEN, transport=regulator.transport()) as client:
        for line in archive.read("reports.jsonl").splitlines():
            row = json.loads(line)
            for name in row["blobs"]:
                client.put(f"/{name}", content=archive.read(name)).raise_for_status()
            where = "/observed-times" if row["idempotency_key"].startswith("observed/") else "/reports"
            statuses.append(client.post(where, content=archive.read(row["report"])).status_code)
    return statuses


def test_whoever_follows_the_readme_hands_everything_in(outbox: Outbox, tmp_path: Path) -> None:
    regulator = FakeRegulator()
    assert outbox.export(tmp_path / "stick.zip") == 6
    assert handed_in(tmp_path / "stick.zip", regulator) == [201] * 6
    assert sorted(regulator.reports) == sorted(i.idempotency_key for i in outbox.list() if i.kind != "observed")
    assert list(regulator.observed) == [observed().idempotency_key]
    assert regulator.accepted.index(confirmed("b").idempotency_key) < regulator.accepted.index(
        clip("b").idempotency_key
    )


def test_what_was_handed_in_by_hand_is_known_when_the_line_is_back(outbox: Outbox, tmp_path: Path) -> None:
    regulator, before = FakeRegulator(), outbox.list()
    outbox.export(tmp_path / "stick.zip")
    assert outbox.list() == before, "they stay here too"
    handed_in(tmp_path / "stick.zip", regulator)
    with make_client(BASE, TOKEN, transport=regulator.transport()) as client:
        assert Sender(outbox, client, lambda: START).run_until_empty().delivered == 6
    assert len(regulator.accepted) == 5, "nothing was accepted twice"
    assert {item.receipt.status for item in outbox.list() if item.receipt} == {"duplicate", "accepted"}


def test_a_stick_that_comes_twice_does_no_harm(outbox: Outbox, tmp_path: Path) -> None:
    regulator = FakeRegulator()
    outbox.export(tmp_path / "stick.zip")
    handed_in(tmp_path / "stick.zip", regulator)
    blobs = dict(regulator.blobs)
    assert set(handed_in(tmp_path / "stick.zip", regulator)) <= {200, 201}
    assert regulator.blobs == blobs
    assert len(regulator.accepted) == 5


def test_blobs_that_were_written_before_there_were_zips_can_be_carried(outbox: Outbox, tmp_path: Path) -> None:
    """A box without a battery starts in 1970, and a ZIP knows no time before 1980."""
    for path in (tmp_path / "outbox" / "blobs").glob("*/*"):
        os.utime(path, (86_400, 86_400))
    assert outbox.export(tmp_path / "stick.zip") == 6
    assert handed_in(tmp_path / "stick.zip", FakeRegulator()) == [201] * 6


def test_nothing_to_carry_is_an_empty_list_and_no_error(tmp_path: Path) -> None:
    with Outbox(tmp_path / "outbox") as outbox:
        assert outbox.export(tmp_path / "stick.zip") == 0
    with zipfile.ZipFile(tmp_path / "stick.zip") as archive:
        assert archive.read("reports.jsonl") == b""
        assert sorted(archive.namelist()) == ["README.txt", "reports.jsonl"]


def test_delivered_reports_are_carried_only_when_asked_for_and_while_they_are_whole(
    outbox: Outbox, tmp_path: Path
) -> None:
    item = outbox.claim(START, "w", 60)
    assert item is not None
    receipt = {"idempotency_key": item.idempotency_key, "report_sha256": item.sha256, "received_at": START}
    outbox.delivered(item, Receipt.model_validate(receipt | {"status": "accepted"}))
    assert outbox.export(tmp_path / "waiting.zip") == 5
    assert outbox.export(tmp_path / "all.zip", everything=True) == 6
    outbox.prune(START + timedelta(days=1))
    assert outbox.export(tmp_path / "pruned.zip", everything=True) == 5
    assert handed_in(tmp_path / "all.zip", FakeRegulator()) == [201] * 6


def test_a_dead_and_a_leased_report_are_carried_with_their_state(outbox: Outbox, tmp_path: Path) -> None:
    dead, leased = outbox.claim(START, "w", 60), outbox.claim(START, "w", 60)
    assert dead is not None
    assert leased is not None
    outbox.dead(dead, "unknown rule")
    outbox.export(tmp_path / "stick.zip")
    with zipfile.ZipFile(tmp_path / "stick.zip") as archive:
        rows = [json.loads(line) for line in archive.read("reports.jsonl").splitlines()]
    states = {row["idempotency_key"]: row["status"] for row in rows}
    assert states[dead.idempotency_key] == Status.DEAD
    assert states[leased.idempotency_key] == Status.LEASED


def test_a_picture_that_many_reports_name_is_carried_once(tmp_path: Path) -> None:
    shared = b"one picture"
    with Outbox(tmp_path / "outbox") as outbox:
        for name in "abc":
            outbox.put(confirmed(name, {"snapshot": shared, "head_crop": shared}), by_hash(shared))
        outbox.export(tmp_path / "stick.zip")
    with zipfile.ZipFile(tmp_path / "stick.zip") as archive:
        assert len([name for name in archive.namelist() if name.startswith("blobs/")]) == 1
        rows = [json.loads(line) for line in archive.read("reports.jsonl").splitlines()]
    assert [len(row["blobs"]) for row in rows] == [1, 1, 1]


@pytest.mark.parametrize("at", ["fsync", "replace"])
def test_a_stick_that_is_full_or_pulled_out_leaves_no_half_zip(
    outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, at, full)
    with pytest.raises(StorageError, match=f"{stick}.* is full"):
        outbox.export(stick / "reports.zip")
    assert list(stick.iterdir()) == []


def test_a_report_whose_picture_is_gone_is_named_and_nothing_is_written(outbox: Outbox, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "outbox" / "blobs")
    with pytest.raises(StorageError, match=r"its snapshot is missing, expected .*blobs"):
        outbox.export(tmp_path / "stick.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["outbox"]


@given(st.permutations([("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2), ("b", 3)]))
def test_in_whatever_order_reports_were_put_each_violation_is_told_from_its_beginning(
    tmp_path_factory: pytest.TempPathFactory, order: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("export")
    with Outbox(folder / "outbox") as outbox:
        for name, seq in order:
            report = {1: confirmed(name, {}), 2: ended(name, seq=2), 3: ended(name, seq=3)}[seq]
            outbox.put(report, {})
        write_zip(folder / "stick.zip", outbox.list(), outbox.blob_path)
    assert handed_in(folder / "stick.zip", FakeRegulator()) == [201] * 6
    shutil.rmtree(folder)
