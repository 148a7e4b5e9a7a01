"""A disk that is full, fails, or holds what another version wrote: nothing half-written, a clear word."""

import errno
import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from outbox.reports import START, blob, blobs_of, clip, clip_blobs_of, confirmed, ended

from kitchenvision.errors import StorageError
from kitchenvision.outbox import Outbox, Status
from kitchenvision.outbox import disk as disk_module
from kitchenvision.outbox.schema import MIGRATIONS, migrate


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox") as box:
        yield box


def files_of(outbox: Outbox) -> set[str]:
    """Blobs and half-written ones."""
    return {p.name for sub in ("blobs", "incoming") for p in (outbox.folder / sub).rglob("*") if p.is_file()}


class FullAfter:
    """Stands for `os` in the module that writes blobs: the n-th call that touches the disk finds it full."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        return self._counted(found) if name in ("fsync", "replace", "fdopen") else found

    def _counted(self, call: Any) -> Any:
        def counted(*args: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                if call is os.fdopen:
                    os.close(args[0])  # as the file object would have
                raise OSError(errno.ENOSPC, "No space left on device")
            return call(*args)

        return counted


def test_a_disk_that_fills_up_at_any_step_of_a_put_leaves_nothing_behind(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox.put(confirmed("before"), blobs_of("before"))
    before = files_of(outbox)
    refused: list[str] = []
    for calls in range(100):
        full = FullAfter(calls)
        monkeypatch.setattr(disk_module, "os", full)
        try:
            outbox.put(confirmed("new"), blobs_of("new"))
        except StorageError as error:
            refused.append(str(error))
        finally:
            monkeypatch.setattr(disk_module, "os", os)
        if full.left >= 0:
            break
        assert files_of(outbox) == before
        assert outbox.counts().pending == 1
    assert len(refused) >= 8, "two blobs: open, sync, rename and sync the folder, each"
    for words in refused:
        assert re.search(r"is full: .* needed, .* free; nothing was half-written", words)
    assert outbox.counts().pending == 2
    assert files_of(outbox) == before | set(blobs_of("new"))


def test_a_database_that_cannot_grow_refuses_a_put_and_keeps_all_there_was(outbox: Outbox) -> None:
    outbox.put(confirmed("before"), blobs_of("before"))
    before = files_of(outbox)
    with outbox._db.reading() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")
    big = confirmed("big").model_copy(update={"settings": {f"key{n}": "x" * 100 for n in range(500)}})
    with pytest.raises(StorageError, match=r"is full: .* needed, .* free"):
        outbox.put(big, blobs_of("big"))
    assert files_of(outbox) == before
    with outbox._db.reading() as db:
        db.execute("PRAGMA max_page_count = 1000000")
    assert outbox.counts().pending == 1
    assert outbox.put(big, blobs_of("big")), "with space it works"


def test_after_a_full_disk_delivery_still_goes_on(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox.put(confirmed("a"), blobs_of("a"))
    monkeypatch.setattr(disk_module, "os", FullAfter(0))
    with pytest.raises(StorageError):
        outbox.put(confirmed("b"), blobs_of("b"))
    assert outbox.claim(START, "w", 60) is not None


def test_a_disk_error_that_is_not_full_says_what_it_is(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(disk_module.os, "fsync", broken)
    with pytest.raises(StorageError, match=r"cannot be used: .*Input/output error"):
        outbox.put(confirmed(), blobs_of())


def test_a_blob_whose_file_is_gone_before_the_put_is_a_storage_error(outbox: Outbox, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        outbox.put(clip(), dict.fromkeys(clip_blobs_of(), tmp_path / "gone.mp4"))


def test_free_space_that_cannot_be_asked_is_said_to_be_unknown(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_answer(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(disk_module, "os", FullAfter(0))
    monkeypatch.setattr(disk_module.shutil, "disk_usage", no_answer)
    with pytest.raises(StorageError, match="an unknown amount free"):
        outbox.put(confirmed(), blobs_of())


def test_a_file_that_is_no_database_is_refused_and_not_changed(tmp_path: Path) -> None:
    (tmp_path / "outbox.db").write_bytes(b"this is a letter, not a database " * 100)
    with pytest.raises(StorageError, match="not a database"):
        Outbox(tmp_path)
    assert (tmp_path / "outbox.db").read_bytes().startswith(b"this is a letter")


def test_an_outbox_of_a_newer_program_is_refused_and_not_changed(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.put(ended(seq=1), {})
    with sqlite3.connect(tmp_path / "outbox.db") as db:
        db.execute("INSERT INTO migrations VALUES (99, 'tomorrow')")
    db.close()
    with pytest.raises(StorageError, match=r"written by a newer kitchenvision .*99.*nothing was changed"):
        Outbox(tmp_path)
    db = sqlite3.connect(tmp_path / "outbox.db")
    assert db.execute("SELECT COUNT(*) FROM reports").fetchone()[0] == 1
    db.close()


def test_a_migration_that_fails_leaves_no_trace_and_is_done_by_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    db = sqlite3.connect(path, isolation_level=None)
    good, bad = ("CREATE TABLE one (x)",), ("CREATE TABLE two (x)", "CREATE TABLE one (y)")
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        migrate(db, path, (good, bad))
    assert db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0] == 0
    migrate(db, path, (good,))
    migrate(db, path, (good, ("CREATE TABLE two (x)",)))
    assert [row[0] for row in db.execute("SELECT version FROM migrations")] == [1, 2]
    db.close()


def test_commits_are_synced_and_logged_ahead(outbox: Outbox) -> None:
    with outbox._db.reading() as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert db.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert db.execute("PRAGMA busy_timeout").fetchone()[0] >= 10_000
        assert db.execute("SELECT MAX(version) FROM migrations").fetchone()[0] == len(MIGRATIONS)


def test_many_that_open_a_new_outbox_at_once_all_can(tmp_path: Path) -> None:
    failed: list[BaseException] = []

    def open_and_put(name: int) -> None:
        try:
            with Outbox(tmp_path / "o") as outbox:
                outbox.put(confirmed(name), blobs_of(name))
        except BaseException as error:  # noqa: BLE001  shown by the assertion below
            failed.append(error)

    threads = [threading.Thread(target=open_and_put, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with Outbox(tmp_path / "o") as outbox:
        assert outbox.counts().pending == 6


def test_two_claimers_share_the_work_and_never_a_report(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o") as outbox:
        for n in range(30):
            outbox.put(confirmed(n), blobs_of(n))
    taken: dict[str, list[str]] = {"one": [], "two": []}
    both = threading.Barrier(2)

    def claim_all(worker: str) -> None:
        with Outbox(tmp_path / "o") as own:
            for _ in range(15):
                both.wait()
                item = own.claim(datetime.now(UTC), worker, 600)
                assert item is not None
                taken[worker].append(item.idempotency_key)

    threads = [threading.Thread(target=claim_all, args=(worker,)) for worker in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = taken["one"] + taken["two"]
    assert len(everything) == len(set(everything)) == 30


def test_threads_may_share_one_outbox_and_a_prune_between_puts_loses_no_blob(tmp_path: Path) -> None:
    shared = blob("one picture in all reports")
    stop = threading.Event()
    with Outbox(tmp_path / "o") as outbox:

        def prune() -> None:
            while not stop.is_set():
                outbox.prune(datetime.now(UTC) + timedelta(days=1))

        thread = threading.Thread(target=prune)
        thread.start()
        try:
            for n in range(20):
                report = confirmed(n, {"snapshot": shared})
                outbox.put(report, {report.blobs[0].sha256: shared})
                item = outbox.claim(datetime.now(UTC), "w", 60)
                assert item is not None
                assert outbox.blob_path(item.blobs[0].sha256).read_bytes() == shared
                outbox.dead(item, "kept")
                outbox.retry()
        finally:
            stop.set()
            thread.join()
        assert len(outbox.list(Status.PENDING)) == 20
